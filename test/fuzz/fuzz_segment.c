/*
 * fuzz_segment.c
 *		libFuzzer harness of the segment module: any bytes are opened, read,
 *		verified and merged, with checksums switched off.
 *
 * `fuzz_segment --seeds DIR` writes chunks of several kinds to begin with.
 */
#include "arena.h"

#include "segment/segment_int.h"
#include "segment_fixture.h"

/* More rows, or larger seeds, take time and find nothing. */
#define MOST_ROWS	100000
#define MOST_SEED	20000

static void
write_seed(const char *dir, int number, uint32 nrows, int first_column, int ncolumns, bool sorted)
{
	SiTable		all = fixture_table(nrows);
	SiTable		t = {nrows, 1, palloc(sizeof(SiColumn) * (ncolumns + 1))};
	SiWriteOptions opt = fixture_options();
	FixtureBytes b;
	char		path[1024];
	FILE	   *f;
	int			i;

	t.columns[0] = all.columns[0];
	for (i = first_column; i < first_column + ncolumns && i < all.ncolumns; i++)
		t.columns[t.ncolumns++] = all.columns[i];
	opt.sort_dict = opt.bitmaps = sorted;
	opt.dimension_codec = opt.metric_codec = number % 3 == 0 ? SI_CODEC_ZSTD : SI_CODEC_LZ4;
	b = fixture_chunk(&t, &opt);
	if (b.len > MOST_SEED)
		return;
	snprintf(path, sizeof(path), "%s/seed%d", dir, number);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(b.data, 1, b.len, f) != b.len || fclose(f) != 0)
	{
		fprintf(stderr, "could not write %s\n", path);
		exit(1);
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint32 sizes[] = {0, 1, 30, 5000};
	int			number = 0;
	int			size,
				first;

	if (*argc != 3 || strcmp((*argv)[1], "--seeds") != 0)
		return 0;
	for (size = 0; size < lengthof(sizes); size++)
		for (first = 1; first < 36; first += 3)
			write_seed((*argv)[2], number++, sizes[size], first, 3, first % 2 == 0);
	exit(0);
}

static bool
ignore_output(void *arg, const SiTable *t, int64 start, int64 end)
{
	return true;
}

/* ------------------------------------------------------ merges with files */

static void *
temp_create(void *arg)
{
	return palloc0(sizeof(FixtureBytes));
}

static bool
temp_append(void *file, const void *data, size_t len)
{
	return fixture_write(file, data, len);
}

static bool
temp_read(void *file, uint64 offset, void *buf, size_t len)
{
	return fixture_read(file, offset, buf, len);
}

static void
temp_close(void *file)
{
}

static const SiTempFiles temp = {temp_create, temp_append, temp_read, temp_close, NULL};

static bool
forget(void *arg, const void *data, size_t len)
{
	return true;
}

/* Outputs of such merges are made while they are written. */
static bool
write_output(void *arg, const SiTable *t, int64 start, int64 end)
{
	SiWriteOptions opt = fixture_options();
	SiSink		sink = {forget, NULL};
	SiWriteResult result;
	SiSegmentError err;

	opt.bitmaps = opt.sort_dict = opt.sorted_rows = true;
	return si_segment_write(t, &opt, &sink, &result, &err);
}

static void
read_all(SiSegment *seg)
{
	SiSegmentError err;
	uint64		values[SI_BLOCK_ROWS];
	uint64		nulls[SI_BLOCK_ROWS / 64];
	uint64	   *selection = palloc0(si_segment_rows(seg) / 8 + 8);
	int			c,
				b;

	for (c = 0; c < si_segment_columns(seg); c++)
	{
		const SiColumnInfo *info = si_segment_column(seg, c);

		if (info->desc.type == SI_TYPE_STRING)
			(void) si_segment_dict(seg, c, &err);
		for (b = 0; b < si_segment_blocks(seg); b++)
		{
			(void) si_segment_block_stats(seg, c, b, &err);
			(void) si_segment_read_block(seg, c, b, values, nulls, &err);
		}
		if (info->has_bitmaps)
			for (b = 0; b < 3; b++)
				(void) si_segment_bitmap_or(seg, c, b, selection, &err);
	}
	pfree(selection);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	FixtureBytes b = {(char *) data, size, size, 0};
	SiSegment  *inputs[2];
	SiMergeSpec spec = {0, NULL, true, NULL, 0};
	SiSegmentError err;
	SiByteSource src;

	si_byte_source_memory(&src, data, size);
	inputs[0] = si_segment_open(&src, NULL, &err);
	if (inputs[0] == NULL)
		return;
	if (si_segment_rows(inputs[0]) <= MOST_ROWS)
	{
		read_all(inputs[0]);
		(void) si_segment_verify(inputs[0], &err);
		src = fixture_source(&b);
		inputs[1] = si_segment_open(&src, NULL, &err);
		if (inputs[1])
		{
			(void) si_merge(inputs, 2, &spec, ignore_output, NULL, &err);
			spec.memory = 1;
			spec.temp = &temp;
			(void) si_merge(inputs, 2, &spec, write_output, NULL, &err);
			/* as if its rows were in order */
			for (int i = 0; i < 2; i++)
				inputs[i]->sorted_rows = true;
			(void) si_merge(inputs, 2, &spec, write_output, NULL, &err);
			si_segment_close(inputs[1]);
		}
	}
	si_segment_close(inputs[0]);
}
