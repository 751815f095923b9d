/*
 * vector.h
 *		Column vectors of one block, selection bitmaps over its rows, and the
 *		comparison kernels that turn one into the other.
 *
 * A selection has bit i set when row i is (still) wanted.  Kernels only clear
 * bits: they AND their answer into the selection they are given.  Nothing
 * here allocates, throws or knows what a tuple is, so that aggregation can
 * use the same vectors.
 *
 * Numbers are compared through ordered 64-bit keys: longs and times are their
 * own key; floating point numbers map to a key whose order is PostgreSQL's
 * (-0 equals 0, NaN equals NaN and is greater than everything).  So every
 * comparison with a constant is one range of keys.
 */
#ifndef SI_QUERY_VECTOR_H
#define SI_QUERY_VECTOR_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/pg_bitutils.h"
#include "segment/segment.h"
#include "utils/float.h"

#define SI_BLOCK_WORDS (SI_BLOCK_ROWS / 64)

/* milliseconds from 1970-01-01 to 2000-01-01 */
#define SI_EPOCH_MS		INT64CONST(946684800000)
/* first and last millisecond that timestamptz can hold; others read as infinite */
#define SI_MIN_MS		(MIN_TIMESTAMP / 1000 + SI_EPOCH_MS)
#define SI_MAX_MS		((END_TIMESTAMP - 1) / 1000 + SI_EPOCH_MS)

/* The values of one column in one block, in the type of the table's column. */
typedef struct SiVector
{
	SiType		type;
	union
	{
		void	   *data;
		uint32	   *codes;		/* strings: 0 null, else 1 + entry of dict */
		int64	   *longs;		/* SI_TYPE_TIME (ms) and SI_TYPE_LONG */
		float	   *floats;
		double	   *doubles;
	}			v;
	uint64	   *nulls;			/* bit i: row i is null; not used for strings */
	const SiDict *dict;			/* strings */
	bool		json;			/* strings are JSON, on the way into another type */
} SiVector;

/* The words that hold nrows bits. */
static inline int
si_bitmap_words(uint32 nrows)
{
	return (nrows + 63) / 64;
}

static inline bool
si_bit(const uint64 *bitmap, uint32 i)
{
	return (bitmap[i / 64] >> (i % 64)) & 1;
}

/* The ordered key of a floating point number. */
static inline int64
si_double_key(double d)
{
	union
	{
		double		d;
		int64		i;
	}			u;

	if (d != d)
		return PG_INT64_MAX;
	u.d = d + 0.0;				/* -0 becomes 0 */
	return u.i ^ (int64) ((uint64) (u.i >> 63) >> 1);
}

/* The number that an ordered key stands for. */
static inline double
si_double_of_key(int64 key)
{
	union
	{
		double		d;
		int64		i;
	}			u;

	if (key == PG_INT64_MAX)
		return get_float8_nan();
	u.i = key ^ (int64) ((uint64) (key >> 63) >> 1);
	return u.d;
}

extern void si_bitmap_fill(uint64 *selection, uint32 nrows);
extern uint32 si_bitmap_count(const uint64 *selection, uint32 nrows);
extern bool si_bitmap_any(const uint64 *selection, uint32 nrows);

/* Keeps rows that are null (or are not). */
extern void si_select_null(const SiVector *vec, uint32 nrows, bool want_null, uint64 *selection);

/* Keeps rows that are not null and whose key is (negate: is not) in [lo, hi]. */
extern void si_select_range(const SiVector *vec, uint32 nrows, int64 lo, int64 hi, bool negate,
							uint64 *selection);

/*
 * Keeps rows that are not null and whose key is one of keys (ascending).
 * Times beyond timestamptz's range have the keys SI_MIN_MS - 1, SI_MAX_MS + 1.
 */
extern void si_select_keys(const SiVector *vec, uint32 nrows, const int64 *keys, int nkeys,
						   uint64 *selection);

/* Keeps rows of a string column whose code is the given one. */
extern void si_select_code(const SiVector *vec, uint32 nrows, uint32 code, uint64 *selection);

/* Keeps rows of a string column for whose code match[code] is want. */
extern void si_select_match(const SiVector *vec, uint32 nrows, const uint8 *match, uint8 want,
							uint64 *selection);

#endif							/* SI_QUERY_VECTOR_H */
