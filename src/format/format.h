/*
 * format.h
 *		From a message to rows of values: one routine table per input format.
 *
 * A format never throws on data and calls no PostgreSQL function from a C++
 * frame.  It does not know what a value is for: conversion to a column's
 * type is convert.h, the time column is timestamp.h.
 */
#ifndef SI_FORMAT_FORMAT_H
#define SI_FORMAT_FORMAT_H

#include "common/message.h"
#include "format/options.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The fields that somebody asks for, and those met on the way.  Slot numbers
 * are dense and stay the same for the life of the table.  Lookup is by exact
 * bytes of the unescaped name.
 */
typedef struct SiFieldTable SiFieldTable;

/*
 * discover: unknown root fields get a new slot, as long as the table has fewer
 * than max_fields slots, when they come with a value that is neither an object
 * nor an array with arrays or objects in it.  A table is malloc memory: it is
 * released with the memory context that is current here, or before that by
 * si_fields_free().  The same goes for a format.
 */
extern SiFieldTable *si_fields_create(bool discover, int max_fields);
/* From now on objects and arrays of anything are discovered, too. */
extern void si_fields_discover_nested(SiFieldTable *t);
/*
 * A discovered field that a spec names (a field of a flattenSpec, the result
 * of a transform) has objects and arrays of anything as values; of any other
 * one they are none, unless all of them are discovered.
 */
extern void si_fields_keep_nested(SiFieldTable *t, int slot);
extern bool si_fields_keeps_nested(const SiFieldTable *t, int slot);
/* Adds a wanted field (or finds it); returns its slot. */
extern int	si_fields_add(SiFieldTable *t, const char *name, int len);
/* Marks a name as never to be discovered (dimensionExclusions). */
extern void si_fields_exclude(SiFieldTable *t, const char *name, int len);
extern int	si_fields_count(const SiFieldTable *t);
extern const char *si_fields_name(const SiFieldTable *t, int slot, int *len);
/* Distinct names that did not get a slot because of max_fields (counts to 10,000). */
extern int64 si_fields_overflow(const SiFieldTable *t);
extern void si_fields_free(SiFieldTable *t);

/* The rows of one message.  Pointers are valid until the next parse. */
typedef struct SiRows
{
	int			nrows;
	int			stride;			/* values per row, = si_fields_count() after the parse */
	const SiValue *values;		/* row r, slot s: values[r * stride + s] */

	/*
	 * Each row stands for itself (a line of text): one that cannot be read
	 * does not take the others with it.  nbad of them could not be parsed and
	 * are not among the rows; why tells about the last one.
	 */
	bool		separate;
	int			nbad;

	/* Times of the rows in ms; NULL as they come from a format. */
	const int64 *times;
} SiRows;

typedef struct SiFormat SiFormat;

typedef struct SiFormatRoutine
{
	const char *name;			/* "json" */
	/*
	 * Makes a parser bound to a field table, for options that were checked.
	 * Both must outlive it.
	 */
	SiFormat   *(*create) (const SiSpecFormat *options, SiFieldTable *fields);
	/*
	 * Parses one message.  True: rows is filled.  False: the whole message is
	 * unparseable and why says so; nothing is to be kept of it.  May grow the
	 * field table.  A tombstone (no payload) never gets here.
	 */
	bool		(*parse) (SiFormat *f, const SiMessage *m, SiRows *rows, SiReason *why);
	void		(*destroy) (SiFormat *f);
} SiFormatRoutine;

/* JSON without any options: the fastest way. */
extern const SiFormatRoutine si_format_json;

/* The routine that serves these options. */
extern const SiFormatRoutine *si_format_routine(const SiSpecFormat *options);

#ifdef __cplusplus
}
#endif

#endif							/* SI_FORMAT_FORMAT_H */
