/*
 * test_segment_hostile.c
 *		Damaged files: every byte flipped, every truncation, bytes appended,
 *		random damage.  Whatever happens must be an error with a text, or the
 *		same content; under the sanitizers it must also be free of accidents.
 */
#include "format/utf8.h"
#include "segment/segment_int.h"
#include "segment_fixture.h"

/* Reads all of a damaged chunk; true when nothing was noticed. */
static bool
survives(SiByteSource *src, const SiTable *t, bool *same)
{
	SiSegmentError err = {0};
	SiSegment  *seg = si_segment_open(src, fixture_install, &err);
	bool		ok = true;
	int			i;

	*same = true;
	if (seg == NULL)
	{
		CHECK(err.text[0] != '\0', "an error without a text");
		CHECK(err.offset <= src->size + 32, "offset " UINT64_FORMAT " of a file of " UINT64_FORMAT,
			  err.offset, src->size);
		return false;
	}
	for (i = 0; i < si_segment_columns(seg); i++)
	{
		uint32		wrong = i < t->ncolumns && si_segment_rows(seg) == t->nrows &&
			si_segment_column(seg, i)->desc.type == t->columns[i].desc.type ?
			fixture_differences(seg, i, &t->columns[i], &err) : PG_UINT32_MAX;

		if (wrong == PG_UINT32_MAX)
		{
			ok = false;
			CHECK(err.text[0] != '\0', "an error without a text");
		}
		else if (wrong > 0)
			*same = false;
	}
	if (!si_segment_verify(seg, &err))
		ok = false;
	si_segment_close(seg);
	return ok;
}

static void
check_damaged(const char *data, size_t len, const SiTable *t, size_t at)
{
	FixtureBytes b = {0};
	SiByteSource src;
	bool		same;
	int			pass;

	/* a copy of exactly this length, so that the sanitizer sees overruns */
	b.data = palloc(len + 1);
	memcpy(b.data, data, len);
	b.len = len;
	b.data = repalloc(b.data, len > 0 ? len : 1);
	for (pass = 0; pass < 2; pass++)
	{
		if (pass == 0)
			si_byte_source_memory(&src, b.data, len);
		else
			src = fixture_source(&b);
		if (survives(&src, t, &same))
			CHECK(same, "damage at %zu goes unnoticed", at);
		else
			CHECK(true, "noticed");
	}
	pfree(b.data);
}

static void
test_flips(const SiTable *t, bool sorted, size_t step)
{
	static const uint8 masks[] = {0x01, 0x80, 0xFF};
	SiWriteOptions opt = fixture_options();
	FixtureBytes b;
	size_t		at;
	int			m;

	opt.sort_dict = opt.bitmaps = sorted;
	b = fixture_chunk(t, &opt);
	for (at = 0; at < b.len; at += step)
		for (m = 0; m < lengthof(masks); m++)
		{
			b.data[at] ^= masks[m];
			check_damaged(b.data, b.len, t, at);
			b.data[at] ^= masks[m];
		}
}

static void
test_truncations(const SiTable *t)
{
	SiWriteOptions opt = fixture_options();
	FixtureBytes b = fixture_chunk(t, &opt);
	size_t		len;

	for (len = 0; len < b.len; len++)
	{
		SiByteSource src;
		SiSegmentError err = {0};

		si_byte_source_memory(&src, b.data, len);
		CHECK(si_segment_open(&src, fixture_install, &err) == NULL, "%zu of %zu bytes are opened", len, b.len);
		CHECK(err.text[0] != '\0', "an error without a text");
	}
	fixture_write(&b, "x", 1);
	check_damaged(b.data, b.len, t, b.len - 1);
}

/* Runs of random bytes over random places. */
static void
test_noise(const SiTable *t, int rounds)
{
	SiWriteOptions opt = fixture_options();
	FixtureBytes b;
	int			round;

	opt.sort_dict = opt.bitmaps = true;
	b = fixture_chunk(t, &opt);
	for (round = 0; round < rounds; round++)
	{
		size_t		len = 1 + fixture_below(40);
		size_t		at = fixture_below(b.len - len);
		char		saved[40];
		size_t		i;

		memcpy(saved, b.data + at, len);
		for (i = 0; i < len; i++)
			b.data[at + i] = (char) fixture_random();
		check_damaged(b.data, b.len, t, at);
		memcpy(b.data + at, saved, len);
	}
}

/* What an error says of a name is valid UTF-8, wherever the name is cut and whatever it holds. */
static void
test_error_texts(void)
{
	SiSegmentError err;
	char		name[200] = "a";

	for (int i = 1; i < 190; i += 2)
		memcpy(name + i, "\xC3\xA9", 2);
	(void) si_fail(&err, 0, "column \"%.64s\" is odd", name);
	CHECK(si_utf8_valid(err.text, strlen(err.text)), "%s", err.text);
	name[63] = '\0';
	CHECK(strncmp(err.text + 8, name, 63) == 0, "%s", err.text);
	CHECK_STR(err.text + 8 + 63, "\" is odd");
	(void) si_fail(&err, 0, "column \"%.64s\" is odd", "\xFF" "b\xE2\x82" "c");
	CHECK_STR(err.text, "column \"bc\" is odd");
}

int
main(void)
{
	SiColumn	columns[6];
	SiTable		small = {40, 6, columns};
	SiTable		blocks = {5000, 6, palloc(sizeof(columns))};
	SiTable		empty = fixture_table(0);

	columns[0] = fixture_number(SI_TIME_COLUMN, SI_TYPE_TIME, FIX_ASCENDING, 0, 40);
	columns[1] = fixture_number("l", SI_TYPE_LONG, FIX_WIDE, 2, 40);
	columns[2] = fixture_number("d", SI_TYPE_DOUBLE, FIX_WIDE, 1, 40);
	columns[3] = fixture_number("f", SI_TYPE_FLOAT, FIX_DECIMAL, 0, 40);
	columns[4] = fixture_string("s", 12, 30, false, true, 40);
	columns[5] = fixture_string("t", 1, 30, false, false, 40);
	test_flips(&small, false, 1);
	test_flips(&small, true, 1);
	test_truncations(&small);

	blocks.columns[0] = fixture_number(SI_TIME_COLUMN, SI_TYPE_TIME, FIX_STEPS, 0, 5000);
	blocks.columns[1] = fixture_number("l", SI_TYPE_LONG, FIX_RUNS, 2, 5000);
	blocks.columns[2] = fixture_number("d", SI_TYPE_DOUBLE, FIX_RARE, 1, 5000);
	blocks.columns[3] = fixture_number("f", SI_TYPE_FLOAT, FIX_SMALL, 0, 5000);
	blocks.columns[4] = fixture_string("s", 100, 30, true, true, 5000);
	blocks.columns[5] = fixture_string("t", 3, 30, false, false, 5000);
	test_flips(&blocks, true, 97);
	test_noise(&blocks, 100);
	fixture_codec = SI_CODEC_ZSTD;
	test_flips(&blocks, true, 193);
	test_noise(&blocks, 50);
	fixture_codec = SI_CODEC_LZ4;
	empty.ncolumns = 10;
	test_flips(&empty, true, 1);
	test_error_texts();
	return harness_end("test_segment_hostile");
}
