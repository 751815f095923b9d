/*
 * int_table.h
 *		Numbers for 64-bit keys, in order of appearance: an open addressing table
 *		that only grows.  Groups, pairs of groups and distinct values are
 *		counted with it.
 *
 * Everything is inline: look-ups are the inner loop of an aggregation.  Memory
 * is the context that was current at si_int_table_init().
 */
#ifndef SI_QUERY_INT_TABLE_H
#define SI_QUERY_INT_TABLE_H

#include "postgres.h"

#include "common/port.h"

#define INT_TABLE_MIN_SLOTS 256

typedef struct SiIntSlot
{
	uint64		key;
	uint32		number;			/* 0: empty, else 1 + the key's number */
} SiIntSlot;

typedef struct SiIntTable
{
	uint32		count;
	uint32		keys_cap;
	uint64		mask;
	SiIntSlot  *slots;
	uint64	   *keys;			/* by number */
} SiIntTable;

static inline void
si_int_table_init(SiIntTable *t)
{
	t->count = 0;
	t->mask = INT_TABLE_MIN_SLOTS - 1;
	t->slots = si_alloc0(INT_TABLE_MIN_SLOTS * sizeof(SiIntSlot));
	t->keys_cap = INT_TABLE_MIN_SLOTS;
	t->keys = si_alloc(INT_TABLE_MIN_SLOTS * sizeof(uint64));
}

static inline Size
si_int_table_memory(const SiIntTable *t)
{
	return (Size) (t->mask + 1) * sizeof(SiIntSlot) + (Size) t->keys_cap * sizeof(uint64);
}

/* Fibonacci hashing: the high bits of the product depend on all bits of the key. */
static inline uint64
si_int_hash(uint64 key)
{
	key ^= key >> 32;
	key *= UINT64CONST(0x9E3779B97F4A7C15);
	return key ^ (key >> 29);
}

extern void si_int_table_grow(SiIntTable *t);

/* The number of a key (from 0), given to it now when it is new. */
static inline uint32
si_int_table_number(SiIntTable *t, uint64 key)
{
	uint64		i = si_int_hash(key) & t->mask;

	while (t->slots[i].number != 0)
	{
		if (t->slots[i].key == key)
			return t->slots[i].number - 1;
		i = (i + 1) & t->mask;
	}
	/* at most half full */
	if ((uint64) t->count * 2 > t->mask || t->count == t->keys_cap)
	{
		si_int_table_grow(t);
		for (i = si_int_hash(key) & t->mask; t->slots[i].number != 0;)
			i = (i + 1) & t->mask;
	}
	t->keys[t->count] = key;
	t->slots[i].key = key;
	t->slots[i].number = ++t->count;
	return t->count - 1;
}

#endif							/* SI_QUERY_INT_TABLE_H */
