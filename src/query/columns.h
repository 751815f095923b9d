/*
 * columns.h
 *		Columns of the foreign table: which column of a chunk each one shows,
 *		as which type, and how a value of another type becomes that type.
 *
 * A column shows the chunk column named by its option "dimension", else by
 * its own name.  Its SQL type decides the type of its vectors:
 *
 *		timestamptz		times; beyond PostgreSQL's range -infinity, infinity
 *		text			strings
 *		jsonb, json		strings that hold JSON
 *		text[]			strings; a cell of several values is its values, every
 *						other is one value
 *		bigint, real, double precision
 *						numbers
 *		anything else	strings, whose text goes through the type's input
 *						function when a row is built (an ERROR when it is not
 *						valid for the type, as in a cast)
 *
 * A chunk may hold the column as another type (the spec was changed).  Then
 * Druid's casts apply: a number to floating point gives the nearest value, a
 * floating point number to bigint loses its fraction, text to bigint is the
 * decimal number that it spells when that is an integer, text to floating
 * point any number that it spells, a number to text what Java prints ("1.0",
 * "1.0E10"), time to bigint and back milliseconds.  What has no value in the
 * column's type (NaN or 1e300 as bigint, 1e300 as real, "x") reads as null.
 * JSON in another type is the text of a string, or else its own text; other
 * strings in jsonb are JSON strings.
 */
#ifndef SI_QUERY_COLUMNS_H
#define SI_QUERY_COLUMNS_H

#include "postgres.h"

#include "fmgr.h"
#include "query/vector.h"
#include "utils/rel.h"

/* One column of the foreign table that a scan reads. */
typedef struct SiAttribute
{
	AttrNumber	attno;
	Oid			typid;
	int32		typmod;
	const char *name;			/* of the chunk's column */
	SiType		type;			/* of its vectors */
	bool		via_input;		/* not one of our types */
	bool		json;			/* jsonb or json */
	bool		array;			/* text[] */
	FmgrInfo	input;
	Oid			ioparam;
} SiAttribute;

/* The type of vectors of a column of an SQL type; 0 when it goes through text. */
extern SiType si_type_of(Oid typid);

/* Fills att for a column of the table; false when the column is dropped. */
extern bool si_attribute_init(Relation rel, AttrNumber attno, SiAttribute *att);

/*
 * Fills att for a column by its name, as another type: one of the table, or
 * one that only chunks may have.
 */
extern void si_attribute_init_as(Relation rel, const char *name, Oid typid, int32 typmod, SiAttribute *att);

/* A time of a chunk as timestamptz. */
extern int64 si_ms_to_timestamptz(int64 ms);

/* Space in which strings are made of other types, for one block at a time. */
typedef struct SiTextColumn
{
	SiDict		dict;
	uint64	   *offsets;		/* SI_BLOCK_ROWS + 1 */
	char	   *bytes;
	Size		used;
	Size		cap;
	bool		for_input;		/* an input function reads them: numbers as PostgreSQL prints them */
} SiTextColumn;

/*
 * Converts the first nrows values of from into to (strings to strings: they
 * are JSON and become what they say), whose buffers have room
 * for a block.  text is used when to is a string vector.  Works in
 * CurrentMemoryContext, which keeps text's buffers.
 */
extern void si_convert_vector(const SiVector *from, uint32 nrows, SiVector *to, SiTextColumn *text);

#endif							/* SI_QUERY_COLUMNS_H */
