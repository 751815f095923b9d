/*
 * text_table.h
 *		Numbers for byte strings, in order of appearance, many at a time.
 *
 * A table of millions of strings is larger than any cache, so that a look-up
 * waits for memory three times.  Strings are therefore looked up in groups:
 * the places of all of them are requested first and read afterwards.
 * A string of up to 8 bytes stands in its slot; zeros fill it up, which no
 * text contains.
 */
#ifndef SI_QUERY_TEXT_TABLE_H
#define SI_QUERY_TEXT_TABLE_H

#include "postgres.h"

#include "common/port.h"

/* Strings looked up at a time. */
#define SI_TEXT_BATCH 64

typedef struct SiTextSlot
{
	uint64		word;			/* the bytes, or the address of the record */
	uint32		hash;
	uint32		number;			/* 0: empty; else 1 + number, doubled, plus 1 when short */
} SiTextSlot;

typedef struct SiTextTable
{
	uint32		count;
	uint32		cap;			/* of records */
	uint64		mask;
	SiTextSlot *slots;
	char	  **records;		/* by number: length (uint32), bytes */
	char	   *arena;			/* block that records are cut from */
	Size		arena_left;
	Size		memory;			/* of all of it */
} SiTextTable;

/* Begins an empty table; it lives in CurrentMemoryContext. */
extern void si_text_table_init(SiTextTable *t);

/* Numbers of n strings (at most SI_TEXT_BATCH). */
extern void si_text_table_numbers(SiTextTable *t, int n, const char *const *texts, const uint32 *lens,
								  uint32 *numbers);

static inline const char *
si_text_table_text(const SiTextTable *t, uint32 number, uint32 *len)
{
	memcpy(len, t->records[number], sizeof(*len));
	return t->records[number] + sizeof(*len);
}

#endif							/* SI_QUERY_TEXT_TABLE_H */
