/*
 * pair_table.h
 *		Numbers for pairs of numbers: the groups of several keys.
 *
 * Pairs of small numbers, which is most of them where groups are few, are
 * found in a matrix without a search; the others by hashing.
 */
#ifndef SI_QUERY_PAIR_TABLE_H
#define SI_QUERY_PAIR_TABLE_H

#include "postgres.h"

#include "query/int_table.h"

typedef struct SiPairTable
{
	SiIntTable	table;			/* first << 32 | second, all pairs */
	uint32	   *matrix;			/* 1 + number; rows of firsts */
	uint32		rows;			/* firsts below are in the matrix */
	uint32		columns;		/* seconds below; a power of two */
	int			shift;
} SiPairTable;

/* Begins an empty table in CurrentMemoryContext, which must not change until the next time. */
extern void si_pair_table_init(SiPairTable *t);

/* The number of a pair that is not in the matrix. */
extern uint32 si_pair_table_slow(SiPairTable *t, uint32 first, uint32 second);

static inline uint32
si_pair_table_number(SiPairTable *t, uint32 first, uint32 second)
{
	if (SI_LIKELY(first < t->rows && second < t->columns))
	{
		uint32		number = t->matrix[((Size) first << t->shift) + second];

		if (SI_LIKELY(number != 0))
			return number - 1;
	}
	return si_pair_table_slow(t, first, second);
}

static inline void
si_pair_table_pair(const SiPairTable *t, uint32 number, uint32 *first, uint32 *second)
{
	uint64		pair = t->table.keys[number];

	*first = (uint32) (pair >> 32);
	*second = (uint32) pair;
}

#endif							/* SI_QUERY_PAIR_TABLE_H */
