/*
 * test_segment.c
 *		Round trips of chunks: every type, encoding and null pattern, at the
 *		borders of blocks, from memory and through reads, with and without
 *		sorted dictionaries and bitmaps.
 */
#include "segment_fixture.h"

#include "segment/segment_int.h"

static void
round_trip(const SiTable *t, bool sort_dict, bool bitmaps)
{
	SiWriteOptions opt = fixture_options();
	SiSegmentError err = {0};
	FixtureBytes b;
	SiByteSource src;
	SiSegment  *seg;
	int			pass;

	opt.sort_dict = sort_dict;
	opt.bitmaps = bitmaps;
	b = fixture_chunk(t, &opt);
	for (pass = 0; pass < 2; pass++)
	{
		if (pass == 0)
			si_byte_source_memory(&src, b.data, b.len);
		else
			src = fixture_source(&b);
		seg = si_segment_open(&src, fixture_install, &err);
		CHECK(seg != NULL, "open: %s at " UINT64_FORMAT, err.text, err.offset);
		if (seg == NULL)
			return;
		fixture_check(seg, t);
		CHECK(si_segment_verify(seg, &err), "verify: %s at " UINT64_FORMAT, err.text, err.offset);
		si_segment_close(seg);
	}
}

static void
test_sizes(void)
{
	static const uint32 sizes[] = {0, 1, 2, 7, 8, 20, 63, 64, 65, 1000, 4095, 4096, 4097, 8191, 8192, 8193, 30000};
	int			i;

	for (i = 0; i < lengthof(sizes); i++)
	{
		SiTable		t = fixture_table(sizes[i]);

		round_trip(&t, false, false);
		round_trip(&t, true, false);
		round_trip(&t, true, true);
		round_trip(&t, false, true);
	}
}

/* Every encoding that can be is chosen by some pattern. */
static void
test_encodings(void)
{
	SiTable		t = fixture_table(4096);
	SiWriteOptions opt = fixture_options();
	SiSegmentError err = {0};
	FixtureBytes b = fixture_chunk(&t, &opt);
	SiByteSource src = fixture_source(&b);
	SiSegment  *seg = si_segment_open(&src, NULL, &err);
	static const char *const names[] = {"null", "constant", "packed", "delta", "runs", "table", "plain", "decimal"};
	int			i,
				c;

	for (i = 0; i < lengthof(names); i++)
	{
		bool		found = false;

		for (c = 0; c < t.ncolumns; c++)
			found = found || strcmp(si_segment_column(seg, c)->encoding, names[i]) == 0;
		CHECK(found, "no column is encoded as %s", names[i]);
	}
	si_segment_close(seg);
}

/* Every bit width, in longs and in codes. */
static void
test_widths(void)
{
	int			width;

	for (width = 0; width <= 64; width++)
	{
		uint32		n = 100 + width;
		SiColumn	columns[3];
		SiTable		t = {n, width >= 1 && width <= 20 ? 3 : 2, columns};
		int64	   *v = palloc(sizeof(int64) * n);
		uint32		i;

		for (i = 0; i < n; i++)
			v[i] = width == 0 ? 0 : (int64) (fixture_random() >> (64 - width));
		columns[0] = fixture_number(SI_TIME_COLUMN, SI_TYPE_TIME, FIX_STEPS, 0, n);
		columns[1] = fixture_number("v", SI_TYPE_LONG, FIX_CONSTANT, width % 3, n);
		columns[1].v.longs = v;
		columns[2] = fixture_string("s", width <= 20 ? 1u << width : 1, 1, false, true, n);
		round_trip(&t, width % 2 == 0, true);
	}
}

static void
test_stats(void)
{
	uint32		n = 10000;
	SiColumn	columns[5];
	SiTable		t = {n, 5, columns};
	SiWriteOptions opt = fixture_options();
	SiSegmentError err = {0};
	int64	   *longs = palloc(sizeof(int64) * n);
	double	   *doubles = palloc(sizeof(double) * n);
	FixtureBytes b;
	SiByteSource src;
	SiSegment  *seg;
	const SiColumnStats *st;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		longs[i] = i;
		doubles[i] = i / 2.0;
	}
	doubles[5000] = NAN;
	columns[0] = fixture_number(SI_TIME_COLUMN, SI_TYPE_TIME, FIX_CONSTANT, 0, n);
	columns[0].v.longs = longs;
	columns[1] = fixture_number("l", SI_TYPE_LONG, FIX_CONSTANT, 2, n);
	columns[1].v.longs = longs;
	columns[2] = fixture_number("d", SI_TYPE_DOUBLE, FIX_CONSTANT, 0, n);
	columns[2].v.doubles = doubles;
	columns[3] = fixture_string("s", 100, 10, false, true, n);
	columns[4] = fixture_number("big", SI_TYPE_LONG, FIX_EXTREME, 0, n);
	opt.sort_dict = true;
	opt.sorted_rows = true;
	opt.interval_start = 0;
	opt.interval_end = n;
	b = fixture_chunk(&t, &opt);
	src = fixture_source(&b);
	seg = si_segment_open(&src, NULL, &err);
	st = si_segment_block_stats(seg, 0, 1, &err);
	CHECK_INT(st->min.i, 4096);
	CHECK_INT(st->max.i, 8191);
	CHECK_INT(st->has_sum, false);
	st = &si_segment_column(seg, 0)->stats;
	CHECK_INT(st->min.i, 0);
	CHECK_INT(st->max.i, 9999);
	CHECK(si_segment_column(seg, 1)->stats.null_count > 500, "nulls are not counted");
	CHECK_INT(si_segment_column(seg, 1)->stats.has_sum, true);
	st = si_segment_block_stats(seg, 2, 1, &err);
	CHECK(st->min.d == 2048 && isnan(st->max.d), "min %g max %g", st->min.d, st->max.d);
	st = si_segment_block_stats(seg, 2, 0, &err);
	CHECK(st->sum.d == 4096.0 * 4095 / 4, "sum %g", st->sum.d);
	st = si_segment_block_stats(seg, 3, 2, &err);
	CHECK_INT(st->has_minmax, true);
	CHECK(st->min.i >= 1 && st->max.i <= 100, "codes");
	CHECK_INT(si_segment_column(seg, 4)->stats.has_sum, false);
	CHECK_INT(si_segment_column(seg, 4)->stats.min.i, PG_INT64_MIN);
	CHECK(si_segment_sorted_rows(seg), "sorted_rows is lost");
	CHECK(si_segment_verify(seg, &err), "verify: %s", err.text);
	si_segment_close(seg);
}

/* Bitmaps against codes, code by code. */
static void
test_bitmaps(void)
{
	uint32		n = 20000;
	SiColumn	columns[3];
	SiTable		t = {n, 3, columns};
	SiWriteOptions opt = fixture_options();
	SiSegmentError err = {0};
	uint64	   *selection = palloc(sizeof(uint64) * (n / 64 + 1));
	uint32	   *codes = palloc(sizeof(uint32) * (n + SI_BLOCK_ROWS));
	FixtureBytes b;
	SiByteSource src;
	SiSegment  *seg;
	int			col,
				block;
	uint32		code;

	columns[0] = fixture_number(SI_TIME_COLUMN, SI_TYPE_TIME, FIX_ASCENDING, 0, n);
	columns[1] = fixture_string("few", 50, 10, true, true, n);
	columns[2] = fixture_string("many", 9000, 10, false, true, n);
	opt.sort_dict = opt.bitmaps = true;
	b = fixture_chunk(&t, &opt);
	src = fixture_source(&b);
	seg = si_segment_open(&src, NULL, &err);
	for (col = 1; col < 3; col++)
	{
		uint32		wrong = 0;

		for (block = 0; block < si_segment_blocks(seg); block++)
			si_segment_read_block(seg, col, block, codes + block * SI_BLOCK_ROWS, NULL, &err);
		for (code = 0; code <= si_segment_column(seg, col)->distinct; code += col == 1 ? 1 : 97)
		{
			uint32		i;

			memset(selection, 0, sizeof(uint64) * (n / 64 + 1));
			CHECK(si_segment_bitmap_or(seg, col, code, selection, &err), "bitmap: %s", err.text);
			for (i = 0; i < n; i++)
				wrong += fixture_is_null(selection, i) != (codes[i] == code);
		}
		CHECK_INT(wrong, 0);
		CHECK(!si_segment_bitmap_or(seg, col, code + 100000, selection, &err), "code beyond the dictionary");
	}
	CHECK(!si_segment_bitmap_or(seg, 0, 0, selection, &err), "bitmap of the time column");
	si_segment_close(seg);
}

/* A quiet stream's delta: small on disk, one write. */
static void
test_tiny_delta(void)
{
	SiColumn	columns[20];
	SiTable		t = {20, 20, columns};
	SiWriteOptions opt = fixture_options();
	FixtureBytes b;
	size_t		raw = 0;
	int			i;

	columns[0] = fixture_number(SI_TIME_COLUMN, SI_TYPE_TIME, FIX_ASCENDING, 0, 20);
	for (i = 1; i < 20; i++)
	{
		char	   *name = palloc(20);

		sprintf(name, "dimension%d", i);
		columns[i] = fixture_string(name, 20, 10, false, false, 20);
		raw += columns[i].dict.offsets[20] + 20;
	}
	b = fixture_chunk(&t, &opt);
	CHECK_INT(b.writes, 1);
	CHECK(b.len < raw + 20 * 100, "20 rows take %zu bytes, %zu of them values", b.len, raw);
}

static bool
broken_sink(void *arg, const void *data, size_t len)
{
	return false;
}

static void
test_refusals(void)
{
	SiTable		t = fixture_table(100);
	SiWriteOptions opt = fixture_options();
	SiSink		sink = {broken_sink, NULL};
	FixtureBytes b = {0};
	SiWriteResult result;
	SiSegmentError err = {0};
	uint32		code = 1000;
	int64		time = 0;
	uint64		null = 1;
	SiColumn	columns[2];
	SiByteSource src;
	uint8		other[SI_UUID_LEN] = {1};

	CHECK(!si_segment_write(&t, &opt, &sink, &result, &err), "a broken sink is noticed");
	sink.write = fixture_write;
	sink.arg = &b;
	columns[0] = fixture_number(SI_TIME_COLUMN, SI_TYPE_TIME, FIX_CONSTANT, 0, 1);
	columns[0].v.longs = &time;
	columns[1] = fixture_string("s", 3, 3, false, false, 1);
	columns[1].v.codes = &code;
	t.nrows = 1;
	t.ncolumns = 2;
	t.columns = columns;
	CHECK(!si_segment_write(&t, &opt, &sink, &result, &err), "a code beyond the dictionary is noticed");
	CHECK(strstr(err.text, "beyond its dictionary") != NULL, "%s", err.text);
	opt.sort_dict = true;
	CHECK(!si_segment_write(&t, &opt, &sink, &result, &err), "also when codes are renumbered");
	t.ncolumns = 1;
	columns[0].nulls = &null;
	CHECK(!si_segment_write(&t, &opt, &sink, &result, &err), "a null time is noticed");
	columns[0].nulls = NULL;
	columns[0].desc.name = "other";
	CHECK(!si_segment_write(&t, &opt, &sink, &result, &err), "a chunk begins with __time");
	columns[0].desc.name = SI_TIME_COLUMN;
	b.len = 0;
	CHECK(si_segment_write(&t, &opt, &sink, &result, &err), "%s", err.text);
	src = fixture_source(&b);
	CHECK(si_segment_open(&src, other, &err) == NULL, "another install's file");
	CHECK(strstr(err.text, "another install") != NULL, "%s", err.text);
	b.data[8] = 3;
	CHECK(si_segment_open(&src, NULL, &err) == NULL, "a newer version");
	CHECK_STR(err.text, "format version 3 is not supported, only 1 to 2 are");
	b.data[8] = 0;
	CHECK(si_segment_open(&src, NULL, &err) == NULL, "no version");
	CHECK_STR(err.text, "format version 0 is not supported, only 1 to 2 are");
}

/* Sorted strings that begin alike are stored without what they share, over groups and pieces. */
static void
test_front_coding(void)
{
	enum
	{
		COUNT = 9000, LONG = 100000
	};
	char	   *bytes = palloc(COUNT * 64 + 4 * LONG);
	uint64	   *offsets = palloc0(sizeof(uint64) * (COUNT + 1));
	uint32	   *codes = palloc(sizeof(uint32) * COUNT);
	int64	   *times = palloc0(sizeof(int64) * COUNT);
	SiColumn	columns[2] = {
		{{SI_TIME_COLUMN, SI_TYPE_TIME, SI_ROLE_TIME, SI_AGG_NONE}, {.longs = times}},
		{{"url", SI_TYPE_STRING, SI_ROLE_DIMENSION, SI_AGG_NONE}, {.codes = codes}}
	};
	SiTable		t = {COUNT, 2, columns};
	int			n = 0;

	for (uint32 i = 0; i < COUNT; i++)
	{
		codes[i] = i + 1;
		/* a few are longer than a piece; one of them is all the next one begins with */
		if (i >= 5000 && i < 5004)
		{
			memset(bytes + offsets[i], 'h', LONG);
			memcpy(bytes + offsets[i], "httpr", 5);
			offsets[i + 1] = offsets[i] + LONG - 10 + (i - 5000) * 3;
		}
		else
			offsets[i + 1] = offsets[i] + sprintf(bytes + offsets[i], "%s/a/path/that/is/long/%06u", i < 5000 ? "http:/" : "https:/", i);
	}
	columns[1].dict = (SiDict) {COUNT, true, bytes, offsets};
	for (SiCodec codec = SI_CODEC_NONE; codec <= SI_CODEC_ZSTD; codec++, n++)
	{
		SiWriteOptions opt = fixture_options();
		FixtureBytes b;
		SiByteSource src;
		SiSegment  *seg;
		SiSegmentError err = {0};

		opt.dimension_codec = codec;
		opt.sort_dict = opt.sorted_rows = true;
		b = fixture_chunk(&t, &opt);
		src = fixture_source(&b);
		seg = si_segment_open(&src, NULL, &err);
		CHECK(seg && si_segment_verify(seg, &err), "%s", err.text);
		fixture_check(seg, &t);
		CHECK(seg->columns[1].dict_len < offsets[COUNT] / 4, "%llu bytes of %llu", (unsigned long long) seg->columns[1].dict_len,
			  (unsigned long long) offsets[COUNT]);
		si_segment_close(seg);
		pfree(b.data);
	}
	CHECK_INT(n, 3);
}

/* Each codec reads back what it wrote, of dimensions and of the rest by itself, and is smaller than none. */
static void
test_codecs(void)
{
	static const SiCodec codecs[] = {SI_CODEC_NONE, SI_CODEC_LZ4, SI_CODEC_ZSTD};
	SiTable		t = fixture_table(30000);
	size_t		len[3][3];
	int			d;
	int			m;

	for (d = 0; d < 3; d++)
	{
		for (m = 0; m < 3; m++)
		{
			SiWriteOptions opt = fixture_options();
			SiSegmentError err = {0};
			SiByteSource src;
			SiSegment  *seg;
			FixtureBytes b;

			opt.dimension_codec = codecs[d];
			opt.metric_codec = codecs[m];
			opt.sort_dict = opt.bitmaps = true;
			b = fixture_chunk(&t, &opt);
			len[d][m] = b.len;
			si_byte_source_memory(&src, b.data, b.len);
			seg = si_segment_open(&src, fixture_install, &err);
			CHECK(seg != NULL, "open: %s", err.text);
			if (seg == NULL)
				return;
			fixture_check(seg, &t);
			CHECK(si_segment_verify(seg, &err), "verify: %s", err.text);
			si_segment_close(seg);
		}
	}
	for (m = 1; m < 3; m++)
	{
		CHECK(len[m][0] < len[0][0], "dimensions: %zu bytes compressed, %zu not", len[m][0], len[0][0]);
		CHECK(len[0][m] < len[0][0], "metrics: %zu bytes compressed, %zu not", len[0][m], len[0][0]);
	}
	CHECK(len[2][2] < len[1][1], "zstd: %zu bytes, lz4: %zu", len[2][2], len[1][1]);
	fixture_codec = SI_CODEC_ZSTD;
	test_sizes();
	fixture_codec = SI_CODEC_NONE;
	test_sizes();
	fixture_codec = SI_CODEC_LZ4;
}

/* A dimension that is not to have bitmaps has none, others have. */
static void
test_plain(void)
{
	static const char *const plain[] = {"b"};
	SiColumn	columns[3];
	SiTable		t = {100, 3, columns};
	SiWriteOptions opt = fixture_options();
	SiSegmentError err = {0};
	SiByteSource src;
	SiSegment  *seg;
	FixtureBytes b;

	columns[0] = fixture_number(SI_TIME_COLUMN, SI_TYPE_TIME, FIX_ASCENDING, 0, 100);
	columns[1] = fixture_string("a", 5, 5, true, false, 100);
	columns[2] = fixture_string("b", 5, 5, true, false, 100);
	opt.bitmaps = opt.sort_dict = true;
	opt.nplain = 1;
	opt.plain = plain;
	b = fixture_chunk(&t, &opt);
	si_byte_source_memory(&src, b.data, b.len);
	seg = si_segment_open(&src, fixture_install, &err);
	CHECK(seg != NULL && si_segment_column(seg, 1)->has_bitmaps, "a has bitmaps");
	CHECK(seg != NULL && !si_segment_column(seg, 2)->has_bitmaps, "b has none");
}

int
main(void)
{
	test_codecs();
	test_plain();
	test_sizes();
	test_encodings();
	test_widths();
	test_stats();
	test_bitmaps();
	test_tiny_delta();
	test_refusals();
	test_front_coding();
	return harness_end("test_segment");
}
