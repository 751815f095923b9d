/*
 * vector.c
 *		Selection bitmaps and comparison kernels.
 *
 * A kernel works on whole words of 64 rows and skips words without a wanted
 * row.  Every test is branch-free within a word, so that the compiler can
 * use vector instructions.  The last word may look at stale values behind
 * the last row: buffers have room for a whole block, and bits beyond nrows
 * are never set in the selection.
 */
#include "postgres.h"

#include "query/vector.h"

/* ANDs into each live word of the selection the bits of an expression over row i. */
#define SELECT_WORDS(expression) \
	do { \
		int			words_ = si_bitmap_words(nrows); \
		for (int w_ = 0; w_ < words_; w_++) \
		{ \
			uint64		bits_ = 0; \
			if (selection[w_] == 0) \
				continue; \
			for (int b_ = 0; b_ < 64; b_++) \
			{ \
				uint32		i = w_ * 64 + b_; \
				bits_ |= (uint64) (expression) << b_; \
			} \
			selection[w_] &= bits_; \
		} \
	} while (0)

/* Keys of a range are one unsigned comparison away from its start. */
#define IN_RANGE(key) (((uint64) (key) - (uint64) lo <= width) != negate)

/*
 * si_bitmap_fill selects all of nrows rows.
 */
void
si_bitmap_fill(uint64 *selection, uint32 nrows)
{
	memset(selection, 0xff, nrows / 64 * sizeof(uint64));
	if (nrows % 64)
		selection[nrows / 64] = (UINT64CONST(1) << (nrows % 64)) - 1;
}

uint32
si_bitmap_count(const uint64 *selection, uint32 nrows)
{
	return (uint32) pg_popcount((const char *) selection,
								si_bitmap_words(nrows) * sizeof(uint64));
}

bool
si_bitmap_any(const uint64 *selection, uint32 nrows)
{
	int			words = si_bitmap_words(nrows);

	for (int w = 0; w < words; w++)
	{
		if (selection[w] != 0)
			return true;
	}
	return false;
}

/* Clears the rows that are null. */
static void
clear_nulls(const SiVector *vec, uint32 nrows, uint64 *selection)
{
	int			words = si_bitmap_words(nrows);

	for (int w = 0; w < words; w++)
		selection[w] &= ~vec->nulls[w];
}

void
si_select_null(const SiVector *vec, uint32 nrows, bool want_null, uint64 *selection)
{
	if (vec->type == SI_TYPE_STRING)
	{
		const uint32 *codes = vec->v.codes;

		SELECT_WORDS((codes[i] == 0) == want_null);
	}
	else if (want_null)
	{
		int			words = si_bitmap_words(nrows);

		for (int w = 0; w < words; w++)
			selection[w] &= vec->nulls[w];
	}
	else
		clear_nulls(vec, nrows, selection);
}

void
si_select_range(const SiVector *vec, uint32 nrows, int64 lo, int64 hi, bool negate,
				uint64 *selection)
{
	uint64		width = (uint64) hi - (uint64) lo;

	if (lo > hi)
	{
		/* an empty range */
		if (!negate)
			memset(selection, 0, si_bitmap_words(nrows) * sizeof(uint64));
		else
			clear_nulls(vec, nrows, selection);
		return;
	}

	clear_nulls(vec, nrows, selection);
	switch (vec->type)
	{
		case SI_TYPE_TIME:
		case SI_TYPE_LONG:
			{
				const int64 *longs = vec->v.longs;

				SELECT_WORDS(IN_RANGE(longs[i]));
				break;
			}
		case SI_TYPE_FLOAT:
			{
				const float *floats = vec->v.floats;

				SELECT_WORDS(IN_RANGE(si_double_key(floats[i])));
				break;
			}
		case SI_TYPE_DOUBLE:
			{
				const double *doubles = vec->v.doubles;

				SELECT_WORDS(IN_RANGE(si_double_key(doubles[i])));
				break;
			}
		case SI_TYPE_STRING:
			Assert(false);
			break;
	}
}

/* Binary search in ascending keys. */
static bool
key_is_in(int64 key, const int64 *keys, int nkeys)
{
	int			lo = 0,
				hi = nkeys;

	while (lo < hi)
	{
		int			mid = (lo + hi) / 2;

		if (keys[mid] < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < nkeys && keys[lo] == key;
}

void
si_select_keys(const SiVector *vec, uint32 nrows, const int64 *keys, int nkeys, uint64 *selection)
{
	clear_nulls(vec, nrows, selection);
	for (uint32 i = 0; i < nrows; i++)
	{
		int64		key;

		if (!si_bit(selection, i))
			continue;
		if (vec->type == SI_TYPE_FLOAT)
			key = si_double_key(vec->v.floats[i]);
		else if (vec->type == SI_TYPE_DOUBLE)
			key = si_double_key(vec->v.doubles[i]);
		else
			key = vec->v.longs[i];
		if (vec->type == SI_TYPE_TIME)
			key = Max(SI_MIN_MS - 1, Min(SI_MAX_MS + 1, key));
		if (!key_is_in(key, keys, nkeys))
			selection[i / 64] &= ~(UINT64CONST(1) << (i % 64));
	}
}

void
si_select_code(const SiVector *vec, uint32 nrows, uint32 code, uint64 *selection)
{
	const uint32 *codes = vec->v.codes;

	SELECT_WORDS(codes[i] == code);
}

void
si_select_match(const SiVector *vec, uint32 nrows, const uint8 *match, uint8 want,
				uint64 *selection)
{
	const uint32 *codes = vec->v.codes;
	uint32		full = nrows / 64 * 64;

	/* codes index an array here, so values behind the last row are not looked at */
	for (uint32 start = 0; start < nrows; start += 64)
	{
		uint32		n = start < full ? 64 : nrows - full;
		uint64		bits = 0;

		if (selection[start / 64] == 0)
			continue;
		for (uint32 b = 0; b < n; b++)
			bits |= (uint64) (match[codes[start + b]] == want) << b;
		selection[start / 64] &= bits;
	}
}
