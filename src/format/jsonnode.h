/*
 * jsonnode.h
 *		Values inside of JSON text that has been validated, read where they lie.
 *
 * No tree is built: a node is a piece of the text, and a step into it walks
 * over what stands before.  Texts that do not exist in the message are made in
 * a scratch.  Nothing here throws.
 */
#ifndef SI_FORMAT_JSONNODE_H
#define SI_FORMAT_JSONNODE_H

#include "common/types.h"
#include "format/scratch.h"

typedef struct SiJsonNode
{
	SiValue		v;				/* a string's raw inside; ptr of a made number is NULL */
	bool		escaped;		/* the raw string has escapes */
	bool		made;			/* a string that is no part of a JSON text: as it is */
} SiJsonNode;

/* The value at p (blanks before it are skipped); where it ends, or NULL. */
extern const char *si_node_read(const char *p, const char *end, SiJsonNode *node);

/* Walks over the values of an array or object. */
typedef struct SiNodeWalk
{
	const char *p;
	const char *end;
	bool		object;
} SiNodeWalk;

/* False when the node is neither array nor object. */
extern bool si_node_walk(SiNodeWalk *walk, const SiJsonNode *node);
/* The next value, and of an object its key; false at the end.  key may be NULL. */
extern bool si_node_next(SiNodeWalk *walk, SiJsonNode *key, SiJsonNode *value);

/* The last member of that name; false when there is none, or no object. */
extern bool si_node_member(const SiJsonNode *object, const char *name, size_t len, SiJsonNode *value);
/* Element i, from the end when negative; false when there is none, or no array. */
extern bool si_node_element(const SiJsonNode *array, int64 i, SiJsonNode *value);
/* Values of an array or object; -1 for others. */
extern int64 si_node_count(const SiJsonNode *node);
extern bool si_node_is_key(const SiJsonNode *key, const char *name, size_t len);

/* Whether a value is a scalar, a null, or an array of such. */
extern bool si_value_is_flat(const SiValue *v);

/* A string's characters; NULL when memory is exhausted. */
extern const char *si_node_text(const SiJsonNode *string, SiScratch *scratch, size_t *len);
/* The node as a value for a row; false when memory is exhausted. */
extern bool si_node_value(const SiJsonNode *node, SiScratch *scratch, SiValue *v);

extern void si_node_long(SiJsonNode *node, int64 value);
extern void si_node_double(SiJsonNode *node, double value);
extern void si_node_bool(SiJsonNode *node, bool value);
extern void si_node_null(SiJsonNode *node);
extern void si_node_string(SiJsonNode *node, const char *text, size_t len);
/* A number as double; false for other kinds. */
extern bool si_node_number(const SiJsonNode *node, double *value);

/* A JSON text that grows. */
typedef struct SiNodeText
{
	SiScratch  *scratch;
	char	   *data;
	size_t		len;
	size_t		cap;
	bool		failed;			/* memory is exhausted */
} SiNodeText;

extern void si_text_begin(SiNodeText *t, SiScratch *scratch);
extern void si_text_append(SiNodeText *t, const char *bytes, size_t len);
extern void si_text_append_node(SiNodeText *t, const SiJsonNode *node);
/* The text as an array or object; false when memory is exhausted. */
extern bool si_text_node(const SiNodeText *t, SiJsonNode *node);

#endif							/* SI_FORMAT_JSONNODE_H */
