/*
 * rowset.h
 *		Rows that a format makes value by value, and the columns that it puts
 *		them in.
 *
 * Memory is malloc's and kept from message to message.  Nothing here throws.
 */
#ifndef SI_FORMAT_ROWSET_H
#define SI_FORMAT_ROWSET_H

#include "format/scratch.h"
#include "format/fields.h"

/* A name that values come under, and its slot in the field table. */
typedef struct SiBound
{
	const char *name;			/* not owned */
	int			len;
	int			slot;			/* or SI_FIELD_IGNORED, SI_FIELD_UNDECIDED */
} SiBound;

typedef struct SiRowSet
{
	SiFieldTable *fields;
	SiScratch	scratch;		/* bytes of the message's values */
	SiValue    *values;
	size_t		cap;			/* of values */
	int			stride;
	int			nrows;
	int			nbad;
	int			first_new;		/* fields before this message */
	uint64		generation;		/* of the field table, when columns were bound */
} SiRowSet;

extern void si_rowset_init(SiRowSet *rs, SiFieldTable *fields);
extern void si_rowset_free(SiRowSet *rs);

/* Begins a message.  True: bound columns are to be bound anew. */
extern bool si_rowset_begin(SiRowSet *rs);
extern void si_rowset_bind(const SiRowSet *rs, SiBound *column, const char *name, int len);
/* A new last row without values; false and a reason when there is no memory for it. */
extern bool si_rowset_add(SiRowSet *rs, SiReason *why);
/*
 * Gives the last row a value.  A column that nobody asked for becomes a field
 * when the table discovers and the value is not null.  False and a reason
 * without memory.
 */
extern bool si_rowset_put(SiRowSet *rs, SiBound *column, const SiValue *v, SiReason *why);
/* Begins with the rows of another format; bytes of their values stay where they are. */
extern bool si_rowset_take(SiRowSet *rs, const SiRows *rows, SiReason *why);
/*
 * As si_rowset_put() for any row, but only where there is no value yet; null
 * is one unless over_null.
 */
extern bool si_rowset_fill(SiRowSet *rs, int row, SiBound *column, const SiValue *v, bool over_null, SiReason *why);
/* The rows stand for themselves. */
extern void si_rowset_finish(const SiRowSet *rs, SiRows *rows);
/* Takes back the fields that a broken message discovered; always false. */
extern bool si_rowset_undo(SiRowSet *rs);

/* Fills in a string. */
extern void si_value_set_string(SiValue *v, const char *text, size_t len);
/* "out of memory", and false. */
extern bool si_format_no_memory(SiReason *why);

/* Bytes of the line at *p, which is moved behind its end; without the line feed, and a carriage return before it. */
extern size_t si_next_line(const char **p, const char *end);

#endif							/* SI_FORMAT_ROWSET_H */
