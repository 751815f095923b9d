/*
 * segment_fixture.h
 *		Tables of made-up values, a sink into memory and the comparison of a
 *		chunk with the table it was written from; for the tests and the fuzzer
 *		of the segment module.
 *
 * Everything is deterministic.  Memory is never freed: the programs are short.
 */
#ifndef SI_TEST_SEGMENT_FIXTURE_H
#define SI_TEST_SEGMENT_FIXTURE_H

#include "harness.h"
#include "segment/segment.h"

#include <math.h>

static uint64 fixture_seed = 1;

static inline uint64
fixture_random(void)
{
	fixture_seed ^= fixture_seed << 13;
	fixture_seed ^= fixture_seed >> 7;
	fixture_seed ^= fixture_seed << 17;
	return fixture_seed * UINT64CONST(0x2545F4914F6CDD1D);
}

static inline uint64
fixture_below(uint64 n)
{
	return n == 0 ? 0 : (fixture_random() >> 11) % n;
}

/* ---------------------------------------------------------- memory sink */

typedef struct FixtureBytes
{
	char	   *data;
	size_t		len;
	size_t		cap;
	size_t		writes;
} FixtureBytes;

static inline bool
fixture_write(void *arg, const void *data, size_t len)
{
	FixtureBytes *b = arg;

	if (b->data == NULL || b->cap - b->len < len)
	{
		b->cap = (b->len + len) * 2;
		b->data = b->data ? repalloc(b->data, b->cap) : palloc(b->cap);
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->writes++;
	return true;
}

/* Reads through a function, so that the reader does not see memory. */
static inline bool
fixture_read(void *arg, uint64 offset, void *buf, size_t len)
{
	FixtureBytes *b = arg;

	if (offset > b->len || len > b->len - offset)
		return false;
	memcpy(buf, b->data + offset, len);
	return true;
}

static inline SiByteSource
fixture_source(FixtureBytes *b)
{
	SiByteSource src = {fixture_read, b, b->len};

	return src;
}

static const uint8 fixture_install[SI_UUID_LEN] = "fixture install";

/* How the chunks of a test are compressed. */
static SiCodec fixture_codec = SI_CODEC_LZ4;

static inline SiWriteOptions
fixture_options(void)
{
	SiWriteOptions opt = {0};

	memcpy(opt.install, fixture_install, SI_UUID_LEN);
	opt.dimension_codec = opt.metric_codec = fixture_codec;
	opt.interval_start = PG_INT64_MIN;
	opt.interval_end = PG_INT64_MAX;
	return opt;
}

static inline FixtureBytes
fixture_chunk(const SiTable *t, const SiWriteOptions *opt)
{
	FixtureBytes b = {0};
	SiSink		sink = {fixture_write, &b};
	SiWriteResult result;
	SiSegmentError err = {0};
	bool		ok = si_segment_write(t, opt, &sink, &result, &err);

	CHECK(ok, "write: %s", err.text);
	CHECK_INT(result.bytes, b.len);
	return b;
}

/* -------------------------------------------------------------- columns */

/* How values of a column are made. */
typedef enum FixturePattern
{
	FIX_CONSTANT,
	FIX_SMALL,					/* few different values */
	FIX_RUNS,
	FIX_ASCENDING,
	FIX_STEPS,					/* multiples of 60000 */
	FIX_WIDE,					/* any bits */
	FIX_EXTREME,				/* ends of the range, NaN, infinities, -0 */
	FIX_DECIMAL,
	FIX_RARE,					/* few different values, far apart */
	FIX_PATTERNS
} FixturePattern;

static inline int64
fixture_long(FixturePattern pattern, uint32 i)
{
	static const int64 extremes[] = {PG_INT64_MIN, PG_INT64_MAX, 0, -1, 1, PG_INT64_MIN + 1};

	switch (pattern)
	{
		case FIX_CONSTANT:
			return -7;
		case FIX_SMALL:
			return (int64) fixture_below(10) - 5;
		case FIX_RUNS:
			return (int64) (i / 100) * 1000003;
		case FIX_ASCENDING:
			return INT64CONST(1442016000000) + (int64) i * 17 + (int64) fixture_below(5);
		case FIX_STEPS:
			return INT64CONST(1442016000000) + (int64) fixture_below(1000) * 60000;
		case FIX_WIDE:
			return (int64) fixture_random();
		case FIX_EXTREME:
			return extremes[fixture_below(6)];
		case FIX_RARE:
			return (int64) (UINT64CONST(0x123456789ABCDEF) * fixture_below(40));
		default:
			return (int64) fixture_below(100000) * 25;
	}
}

static inline double
fixture_double(FixturePattern pattern, uint32 i)
{
	static const double extremes[] = {-0.0, 0.0, 1e308, -1e308, 5e-324, 1.0 / 3};

	switch (pattern)
	{
		case FIX_CONSTANT:
			return 0.1;
		case FIX_SMALL:
			return (double) fixture_below(10);
		case FIX_RUNS:
			return (double) (i / 100) / 4;
		case FIX_ASCENDING:
			return i * 1.5;
		case FIX_WIDE:
			return (double) fixture_random() * ldexp(1.0, (int) fixture_below(100) - 50);
		case FIX_EXTREME:
			switch (fixture_below(10))
			{
				case 0:
					return NAN;
				case 1:
					return INFINITY;
				case 2:
					return -INFINITY;
				default:
					return extremes[fixture_below(6)];
			}
		case FIX_RARE:
			return 1.0 / (double) (3 + fixture_below(30));
		default:
			return (double) fixture_below(100000) / 100;
	}
}

/* A null bitmap: none, every one, some, nearly all, all. */
static inline uint64 *
fixture_nulls(int kind, uint32 n)
{
	uint64	   *nulls;
	uint32		i;

	if (kind == 0)
		return NULL;
	nulls = palloc0(sizeof(uint64) * (n / 64 + 65));
	for (i = 0; i < n; i++)
	{
		bool		null = kind == 1 ? i % 2 == 0 : kind == 2 ? fixture_below(10) == 0 :
			kind == 3 ? fixture_below(1000) != 0 : true;

		if (null)
			nulls[i / 64] |= UINT64CONST(1) << (i % 64);
	}
	return nulls;
}

static inline bool
fixture_is_null(const uint64 *nulls, uint32 i)
{
	return nulls && (nulls[i / 64] >> (i % 64) & 1);
}

/* A number column; values at null positions are garbage on purpose. */
static inline SiColumn
fixture_number(const char *name, SiType type, FixturePattern pattern, int null_kind, uint32 n)
{
	SiColumn	c = {{name, type, SI_ROLE_METRIC, SI_AGG_SUM, false}};
	uint32		i;

	if (type == SI_TYPE_TIME)
	{
		c.desc.role = SI_ROLE_TIME;
		c.desc.agg = SI_AGG_NONE;
	}
	if (type == SI_TYPE_FLOAT)
	{
		float	   *v = palloc(sizeof(float) * (n + 1));

		for (i = 0; i < n; i++)
			v[i] = (float) fixture_double(pattern, i);
		c.v.floats = v;
	}
	else if (type == SI_TYPE_DOUBLE)
	{
		double	   *v = palloc(sizeof(double) * (n + 1));

		for (i = 0; i < n; i++)
			v[i] = fixture_double(pattern, i);
		c.v.doubles = v;
	}
	else
	{
		int64	   *v = palloc(sizeof(int64) * (n + 1));

		for (i = 0; i < n; i++)
			v[i] = fixture_long(pattern, i);
		c.v.longs = v;
	}
	c.nulls = fixture_nulls(null_kind, n);
	return c;
}

/* A dictionary of distinct strings in no order: "", short, long and shared beginnings. */
static inline SiDict
fixture_dict(uint32 count, uint32 longest)
{
	SiDict		d = {count};
	uint64	   *offsets = palloc(sizeof(uint64) * (count + 1));
	size_t		cap = (size_t) count * (longest + 40) + 1;
	char	   *bytes = palloc(cap);
	uint32		i;

	offsets[0] = 0;
	for (i = 0; i < count; i++)
	{
		char	   *p = bytes + offsets[i];
		int			len = 0;
		uint32		pad = (uint32) fixture_below(longest);

		if (i != 2)
			len = sprintf(p, "%s%u", i % 3 == 0 ? "a common beginning " : "", i * 2654435761u);
		while (i > 3 && pad-- > 0)
			p[len++] = (char) ('a' + fixture_below(4));
		offsets[i + 1] = offsets[i] + len;
	}
	d.bytes = bytes;
	d.offsets = offsets;
	return d;
}

/* A string column over count entries; some rows null when nulls. */
static inline SiColumn
fixture_string(const char *name, uint32 count, uint32 longest, bool runs, bool nulls, uint32 n)
{
	SiColumn	c = {{name, SI_TYPE_STRING, SI_ROLE_DIMENSION, SI_AGG_NONE, false}};
	uint32	   *codes = palloc(sizeof(uint32) * (n + 1));
	uint32		i;

	for (i = 0; i < n; i++)
	{
		if (runs && i % 50 != 0)
			codes[i] = codes[i - 1];
		else if (count == 0 || (nulls && fixture_below(5) == 0))
			codes[i] = 0;
		else
			codes[i] = 1 + (uint32) fixture_below(count);
	}
	c.v.codes = codes;
	c.dict = fixture_dict(count, longest);
	return c;
}

/* A table with a column of every type and kind. */
static inline SiTable
fixture_table(uint32 n)
{
	static const SiType types[] = {SI_TYPE_LONG, SI_TYPE_FLOAT, SI_TYPE_DOUBLE};
	SiTable		t = {n};
	int			pattern,
				type,
				i;

	t.columns = palloc(sizeof(SiColumn) * 64);
	t.columns[t.ncolumns++] = fixture_number(SI_TIME_COLUMN, SI_TYPE_TIME, FIX_ASCENDING, 0, n);
	for (pattern = 0; pattern < FIX_PATTERNS; pattern++)
		for (type = 0; type < 3; type++)
		{
			char	   *name = palloc(40);

			sprintf(name, "n%d_%d", pattern, type);
			t.columns[t.ncolumns++] = fixture_number(name, types[type], pattern, (pattern + type) % 5, n);
		}
	for (i = 0; i < 8; i++)
	{
		static const uint32 counts[] = {0, 1, 2, 20, 300, 5000, 20, 4097};
		char	   *name = palloc(40);

		sprintf(name, "s%d", i);
		t.columns[t.ncolumns++] = fixture_string(name, counts[i], i == 4 ? 2000 : 20, i == 6, i % 2 == 0, n);
	}
	t.columns[t.ncolumns - 1].desc.multi_value = true;
	return t;
}

/* ------------------------------------------------------------ comparison */

static inline bool
fixture_same_number(const SiColumn *c, uint32 row, const void *out, uint32 i)
{
	if (fixture_is_null(c->nulls, row))
		return c->desc.type == SI_TYPE_FLOAT ? ((const uint32 *) out)[i] == 0 : ((const uint64 *) out)[i] == 0;
	if (c->desc.type == SI_TYPE_FLOAT)
		return memcmp(&c->v.floats[row], (const float *) out + i, 4) == 0;
	return memcmp(&c->v.longs[row], (const int64 *) out + i, 8) == 0;
}

static inline bool
fixture_same_string(const SiColumn *c, uint32 row, uint32 code, const SiDict *d)
{
	uint32		want = c->v.codes[row];
	uint64		len;

	if (want == 0 || code == 0)
		return want == code;
	len = c->dict.offsets[want] - c->dict.offsets[want - 1];
	return code <= d->count && len == d->offsets[code] - d->offsets[code - 1] &&
		memcmp(c->dict.bytes + c->dict.offsets[want - 1], d->bytes + d->offsets[code - 1], len) == 0;
}

/* Rows of a column that differ from the table's. */
static inline uint32
fixture_differences(SiSegment *seg, int col, const SiColumn *c, SiSegmentError *err)
{
	uint64		out[SI_BLOCK_ROWS];
	uint64		nulls[SI_BLOCK_ROWS / 64];
	const SiDict *d = NULL;
	uint32		row = 0;
	uint32		wrong = 0;
	int			b;

	if (c->desc.type == SI_TYPE_STRING && (d = si_segment_dict(seg, col, err)) == NULL)
		return PG_UINT32_MAX;
	for (b = 0; b < si_segment_blocks(seg); b++)
	{
		uint32		n = si_segment_block_rows(seg, b);
		uint32		i;

		if (!si_segment_read_block(seg, col, b, out, nulls, err))
			return PG_UINT32_MAX;
		for (i = 0; i < n; i++, row++)
			if (d)
				wrong += !fixture_same_string(c, row, ((uint32 *) out)[i], d) ||
					fixture_is_null(nulls, i) != (c->v.codes[row] == 0);
			else
				wrong += !fixture_same_number(c, row, out, i) ||
					fixture_is_null(nulls, i) != fixture_is_null(c->nulls, row);
	}
	return wrong;
}

/* Checks that a chunk holds exactly the table. */
static inline void
fixture_check(SiSegment *seg, const SiTable *t)
{
	SiSegmentError err = {0};
	int			i;

	CHECK_INT(si_segment_rows(seg), t->nrows);
	CHECK_INT(si_segment_columns(seg), t->ncolumns);
	for (i = 0; i < t->ncolumns; i++)
	{
		const SiColumn *c = &t->columns[i];
		const SiColumnInfo *info = si_segment_column(seg, i);
		uint32		wrong = fixture_differences(seg, i, c, &err);

		CHECK(wrong == 0, "column %s (%s): %u wrong rows of %u (%s)", c->desc.name, info->encoding,
			  wrong, t->nrows, err.text);
		CHECK_STR(info->desc.name, c->desc.name);
		CHECK_INT(info->desc.type, c->desc.type);
		CHECK_INT(info->desc.role, c->desc.role);
		CHECK_INT(info->desc.agg, c->desc.agg);
		CHECK_INT(info->desc.multi_value, c->desc.multi_value);
		CHECK_INT(si_segment_find_column(seg, c->desc.name), i);
	}
}

#endif							/* SI_TEST_SEGMENT_FIXTURE_H */
