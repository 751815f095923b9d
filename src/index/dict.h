/*
 * dict.h
 *		The dictionary of one string column while rows are gathered: text to
 *		code, codes in order of first appearance.
 *
 * Hot path: one lookup per string field of every message.  A lookup first
 * compares with the value before it (columns repeat), then probes an open
 * addressing table whose entries hold 32 bits of hash beside the code, so
 * that the text itself is touched only when it will almost surely be equal.
 */
#ifndef SI_INDEX_DICT_H
#define SI_INDEX_DICT_H

#include "common/types.h"

typedef struct SiDictEntry
{
	uint32		tag;			/* upper half of the hash */
	uint32		code;			/* 1 + number of the entry; 0: free */
} SiDictEntry;

typedef struct SiDictBuilder
{
	uint32		count;
	uint32		mask;			/* table size - 1 */
	SiDictEntry *table;
	char	   *bytes;
	uint64		used;
	uint64		cap;
	uint64	   *offsets;		/* count + 1 valid */
	uint32		offsets_cap;
	/* the previous value */
	uint32		last_code;
	uint32		last_len;
	const char *last;			/* points into bytes */
} SiDictBuilder;

extern void si_dict_init(SiDictBuilder *d);
/* Forgets all entries, keeps the memory unless it is far larger than needed. */
extern void si_dict_reset(SiDictBuilder *d);
extern void si_dict_free(SiDictBuilder *d);
/* Memory in bytes that the entries take (not what is allocated). */
extern uint64 si_dict_memory(const SiDictBuilder *d);

/*
 * Forgets the entries that no row has, when they are many: rows were merged
 * since.  Codes change.
 */
extern void si_dict_drop_unused(SiDictBuilder *d, uint32 *codes, uint32 nrows);

extern uint32 si_dict_lookup_slow(SiDictBuilder *d, const char *text, uint32 len);

/* Code (from 1) of a text, which is added when it is new. */
static inline uint32
si_dict_lookup(SiDictBuilder *d, const char *text, uint32 len)
{
	if (len == d->last_len && d->last_code != 0 && memcmp(text, d->last, len) == 0)
		return d->last_code;
	return si_dict_lookup_slow(d, text, len);
}

/* 64-bit hash of bytes; after the multiply-and-fold family (wyhash, by Wang Yi). */
static inline uint64
si_mix64(uint64 a, uint64 b)
{
	unsigned __int128 m = (unsigned __int128) a * b;

	return (uint64) m ^ (uint64) (m >> 64);
}

static inline uint64
si_load64(const char *p)
{
	uint64		v;

	memcpy(&v, p, 8);
	return v;
}

static inline uint32
si_load32(const char *p)
{
	uint32		v;

	memcpy(&v, p, 4);
	return v;
}

static inline uint64
si_hash_bytes(const char *p, uint32 len)
{
	const uint64 k0 = UINT64CONST(0xa0761d6478bd642f);
	const uint64 k1 = UINT64CONST(0xe7037ed1a0b428db);
	uint64		seed = k0 ^ len;
	uint64		a,
				b;

	if (SI_LIKELY(len <= 16))
	{
		if (len >= 8)
		{
			a = si_load64(p);
			b = si_load64(p + len - 8);
		}
		else if (len >= 4)
		{
			a = si_load32(p);
			b = si_load32(p + len - 4);
		}
		else if (len > 0)
		{
			a = ((uint64) (uint8) p[0] << 16) | ((uint64) (uint8) p[len >> 1] << 8) | (uint8) p[len - 1];
			b = 0;
		}
		else
			a = b = 0;
	}
	else
	{
		uint32		left = len;

		while (left > 16)
		{
			seed = si_mix64(si_load64(p) ^ k1, si_load64(p + 8) ^ seed);
			p += 16;
			left -= 16;
		}
		a = si_load64(p + left - 16);
		b = si_load64(p + left - 8);
	}
	return si_mix64(k1 ^ len, si_mix64(a ^ k1, b ^ seed));
}

#endif							/* SI_INDEX_DICT_H */
