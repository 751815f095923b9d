/*
 * tree.h
 *		A JSON value in memory: what a spec is while it is checked and printed.
 *
 * Nodes are palloc'ed in CurrentMemoryContext and never freed one by one.
 */
#ifndef SI_SPEC_TREE_H
#define SI_SPEC_TREE_H

#include "postgres.h"

#include "lib/stringinfo.h"

typedef enum SiJsonKind
{
	SI_JSON_NULL,
	SI_JSON_BOOL,
	SI_JSON_NUMBER,
	SI_JSON_STRING,
	SI_JSON_ARRAY,
	SI_JSON_OBJECT
} SiJsonKind;

typedef struct SiJson
{
	SiJsonKind	kind;
	bool		boolean;
	char	   *text;			/* STRING: its characters; NUMBER: its digits */
	int			n;				/* ARRAY, OBJECT: number of items */
	int			cap;
	char	  **keys;			/* OBJECT only */
	struct SiJson **items;
} SiJson;

/* Parses text; ERROR when it is not JSON.  Of equal keys the last wins. */
extern SiJson *si_json_parse(const char *text);

extern SiJson *si_json_null(void);
extern SiJson *si_json_bool(bool value);
extern SiJson *si_json_string(const char *value);
extern SiJson *si_json_int(int64 value);
extern SiJson *si_json_container(SiJsonKind kind);

/* Member of an object, or NULL (also when object is NULL or no object). */
extern SiJson *si_json_get(const SiJson *object, const char *key);
/* Sets or adds a member; the value is not copied. */
extern void si_json_set(SiJson *object, const char *key, SiJson *value);
extern void si_json_append(SiJson *array, SiJson *value);

/* A copy that shares the members. */
extern SiJson *si_json_shallow_copy(const SiJson *value);

/* Null, "", [], {}, or a container of nothing else; also NULL. */
extern bool si_json_is_empty(const SiJson *value);
/* Null or absent. */
extern bool si_json_is_null(const SiJson *value);
extern bool si_json_equal(const SiJson *a, const SiJson *b);

/* Appends compact JSON text. */
extern void si_json_print(StringInfo buf, const SiJson *value);

#endif							/* SI_SPEC_TREE_H */
