/*
 * test_segment_format.c
 *		The worked examples of FORMAT.md, byte for byte: the writer must make
 *		them and the reader must understand them, in every release.
 */
#include "segment_fixture.h"

#include "segment/segment_int.h"

static const uint8 example[] = {
	0x89, 0x53, 0x49, 0x43, 0x48, 0x4b, 0x0d, 0x0a, 0x02, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00,
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
	0x03, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf5, 0x6e, 0xd4, 0xe3,
	0x02, 0x00, 0xd0, 0x0f, 0xe8, 0x07, 0x01, 0x06, 0x51, 0x6b, 0xd5, 0x38, 0x0a, 0x02, 0x00, 0x02,
	0x01, 0x01, 0x02, 0x36, 0x85, 0x19, 0x64, 0x0c, 0x62, 0x61, 0x62, 0x5e, 0xd4, 0xe9, 0x1a, 0x02,
	0x00, 0x00, 0x01, 0x02, 0x09, 0x15, 0xa5, 0x10, 0x76, 0x02, 0x02, 0x02, 0x01, 0x01, 0x04, 0x88,
	0x00, 0xd8, 0xe9, 0x87, 0x08, 0x06, 0x5f, 0x5f, 0x74, 0x69, 0x6d, 0x65, 0x00, 0x01, 0x01, 0x00,
	0x08, 0x02, 0x00, 0xd0, 0x0f, 0xe8, 0x07, 0x0c, 0x04, 0x70, 0x61, 0x67, 0x65, 0x00, 0x02, 0x02,
	0x00, 0x00, 0x02, 0x01, 0x0a, 0x02, 0x03, 0x13, 0x05, 0x61, 0x64, 0x64, 0x65, 0x64, 0x00, 0x03,
	0x03, 0x01, 0x18, 0x02, 0x01, 0x01, 0x08, 0x0c, 0x0c, 0x75, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x34, 0x00, 0x00, 0x00, 0x82, 0x4a, 0xf8, 0x1e, 0xc9, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x2c, 0xe9, 0xb2, 0xa0, 0x53, 0x49, 0x4e, 0x44,
};

/* A sorted dictionary of "commonprefix1", "commonprefix2" and "commonprefix34". */
static const uint8 front_coded[] = {
	0x0a, 0x02, 0x00, 0x1a, 0x01, 0x01, 0x04, 0x05, 0xb0, 0x98, 0x5d,
	0x0b, 0x02, 0x00, 0x00, 0x01, 0x04, 0xc0, 0x0c, 0x72, 0xce, 0x34, 0x61,
	0x10, 0x40, 0x63, 0x6f, 0x6d, 0x6d, 0x6f, 0x6e, 0x70, 0x72, 0x65, 0x66, 0x69, 0x78, 0x31, 0x32, 0x33, 0x34,
	0xe9, 0x21, 0x22, 0x88,
};

static void
test_front_coding(void)
{
	static const int64 times[] = {1, 2, 3};
	static const uint32 codes[] = {1, 2, 3};
	static const uint64 offsets[] = {0, 13, 26, 40};
	SiColumn	columns[2] = {
		{{SI_TIME_COLUMN, SI_TYPE_TIME, SI_ROLE_TIME, SI_AGG_NONE}, {.longs = times}},
		{{"page", SI_TYPE_STRING, SI_ROLE_DIMENSION, SI_AGG_NONE}, {.codes = codes}, NULL,
		{3, true, "commonprefix1commonprefix2commonprefix34", offsets}},
	};
	SiTable		t = {3, 2, columns};
	SiWriteOptions opt = fixture_options();
	SiSegmentError err = {0};
	FixtureBytes b;
	SiByteSource src;
	SiSegment  *seg;

	opt.sort_dict = true;
	b = fixture_chunk(&t, &opt);
	src = fixture_source(&b);
	seg = si_segment_open(&src, NULL, &err);
	CHECK(seg != NULL, "open: %s", err.text);
	CHECK_INT(seg->columns[1].dict_len, sizeof(front_coded));
	for (size_t i = 0; i < sizeof(front_coded); i++)
		CHECK((uint8) b.data[seg->columns[1].dict_offset + i] == front_coded[i], "byte %zu of the dictionary is %02x", i,
			  (uint8) b.data[seg->columns[1].dict_offset + i]);
	fixture_check(seg, &t);
	si_segment_close(seg);
}

/* Version 1 had no front coding: all else is the same. */
static void
test_version_1(const SiTable *t)
{
	uint8		old[sizeof(example)];
	uint32		crc;
	SiByteSource src;
	SiSegmentError err = {0};
	SiSegment  *seg;

	memcpy(old, example, sizeof(old));
	old[8] = 1;
	crc = si_crc(old, 60);
	CHECK_INT(crc, 0x0a8b05fa);
	memcpy(old + 60, &crc, sizeof(crc));
	si_byte_source_memory(&src, old, sizeof(old));
	seg = si_segment_open(&src, NULL, &err);
	CHECK(seg != NULL, "open: %s", err.text);
	fixture_check(seg, t);
	si_segment_close(seg);
}

int
main(void)
{
	static const int64 times[] = {1000, 2000, 2000};
	static const uint32 codes[] = {1, 2, 0};
	static const uint64 offsets[] = {0, 1, 3};
	static const int64 added[] = {7, 0, -1};
	static const uint64 nulls[] = {2};
	SiColumn	columns[3] = {
		{{SI_TIME_COLUMN, SI_TYPE_TIME, SI_ROLE_TIME, SI_AGG_NONE, false}},
		{{"page", SI_TYPE_STRING, SI_ROLE_DIMENSION, SI_AGG_NONE, false}},
		{{"added", SI_TYPE_LONG, SI_ROLE_METRIC, SI_AGG_SUM, false}},
	};
	SiTable		t = {3, 3, columns};
	SiWriteOptions opt = fixture_options();
	SiSegmentError err = {0};
	FixtureBytes b;
	SiByteSource src;
	SiSegment  *seg;
	size_t		i;
	int64		start,
				end;

	columns[0].v.longs = times;
	columns[1].v.codes = codes;
	columns[1].dict.count = 2;
	columns[1].dict.bytes = "bab";
	columns[1].dict.offsets = offsets;
	columns[2].v.longs = added;
	columns[2].nulls = nulls;
	for (i = 0; i < SI_UUID_LEN; i++)
		opt.install[i] = (uint8) i;

	b = fixture_chunk(&t, &opt);
	CHECK_INT(b.len, sizeof(example));
	for (i = 0; i < Min(b.len, sizeof(example)); i++)
		CHECK((uint8) b.data[i] == example[i], "byte %zu is %02x", i, (uint8) b.data[i]);

	si_byte_source_memory(&src, example, sizeof(example));
	seg = si_segment_open(&src, opt.install, &err);
	CHECK(seg != NULL, "open: %s", err.text);
	if (seg)
	{
		fixture_check(seg, &t);
		CHECK(si_segment_verify(seg, &err), "verify: %s", err.text);
		CHECK_INT(si_segment_column(seg, 2)->stats.sum.i, 6);
		si_segment_interval(seg, &start, &end);
		CHECK(start == PG_INT64_MIN && end == PG_INT64_MAX, "interval");
		CHECK_INT(si_segment_column(seg, 1)->bytes, 29);
		si_segment_close(seg);
	}
	test_version_1(&t);
	test_front_coding();
	return harness_end("test_segment_format");
}
