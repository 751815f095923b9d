/*
 * encodings.c
 *		What every choice of encoding costs on the chunks of a data source:
 *		bytes and nanoseconds per row, column by column.
 *
 * encodings [--rows N] FILE...
 *
 * Reads published segments of one data source, encodes what is in them again
 * with each codec, dictionaries with and without front coding, and reads
 * that back.  N ends the measurement after so many rows.
 */
#include "common/port.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "segment/segment_int.h"

#define CODECS	3

typedef struct Cost
{
	double		bytes;
	double		write_ns;
	double		read_ns;
} Cost;

typedef struct Column
{
	char		name[64];
	SiType		type;
	double		entries;
	double		raw;			/* bytes of the dictionaries' entries */
	double		index;
	double		bitmaps;
	Cost		plain[CODECS];	/* dictionaries as they are */
	Cost		front[CODECS];	/* front-coded */
	Cost		blocks[CODECS];
	uint32		encodings[SI_ENC_COUNT];
} Column;

static Column columns[1000];
static int	ncolumns = 0;
static double rows = 0;
static SiEncoder *encoder;

static void
die(const char *what)
{
	fprintf(stderr, "encodings: %s\n", what);
	exit(1);
}

static bool
read_fd(void *arg, uint64 offset, void *buf, size_t len)
{
	return pread(*(int *) arg, buf, len, (off_t) offset) == (ssize_t) len;
}

static bool
no_sink(void *arg, const void *data, size_t len)
{
	SiBuf	   *b = arg;

	si_buf_put(b, data, len);
	return true;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static Column *
find_column(const SiColumnInfo *info)
{
	for (int i = 0; i < ncolumns; i++)
		if (strcmp(columns[i].name, info->desc.name) == 0)
			return &columns[i];
	if (ncolumns == (int) lengthof(columns))
		die("too many columns");
	snprintf(columns[ncolumns].name, sizeof(columns[ncolumns].name), "%s", info->desc.name);
	columns[ncolumns].type = info->desc.type;
	return &columns[ncolumns++];
}

/* Writes a dictionary and loads it again. */
static void
measure_dict(Cost *cost, const SiDict *dict, SiCodec codec, bool front)
{
	SiBuf		bytes = {0};
	SiSink		sink = {no_sink, &bytes};
	SiSegmentError err;
	SiOut		out = {.sink = &sink,.err = &err};
	SiDict		d = *dict;
	SiSegment	seg = {.version = SI_FORMAT_VERSION};
	SiSegColumn col = {{{"x"}}};
	double		start = now();

	d.sorted = front;
	encoder->codec = codec;
	if (!si_dict_write(&out, encoder, &d, NULL, false, &col.raw_bytes) || !si_out_flush(&out))
		die(err.text);
	cost->write_ns += now() - start;
	cost->bytes += bytes.len;
	col.info.distinct = d.count;
	col.info.dict_sorted = front;
	col.dict_len = bytes.len;
	si_buf_reserve(&bytes, SI_SLACK);
	seg.src.size = bytes.len;
	seg.resident = (const uint8 *) bytes.data;
	start = now();
	if (!si_dict_load(&seg, &col, &err))
		die(err.text);
	cost->read_ns += now() - start;
	if (memcmp(col.dict.bytes, dict->bytes, col.raw_bytes) != 0)
		die("a dictionary is not what was written");
	si_dict_unload(&col);
	if (seg.decoder)
		pfree(seg.decoder);
	si_buf_free(&bytes);
}

static SiEncoding
measure_block(Cost *cost, Column *c, SiCodec codec, const void *values, const uint64 *nulls, uint32 n)
{
	static uint64 back[SI_BLOCK_ROWS];
	static uint64 back_nulls[SI_NULL_WORDS];
	static SiDecoder decoder;
	SiBuf		out = {0};
	SiColumnStats st;
	SiEncoding	enc;
	const char *why = NULL;
	bool		ok;
	double		start = now();

	encoder->codec = codec;
	if (c->type == SI_TYPE_STRING)
		enc = si_encode_codes(&out, encoder, values, n, &st);
	else if (si_is_float(c->type))
		enc = si_encode_floats(&out, encoder, values, c->type == SI_TYPE_DOUBLE, nulls, n, &st);
	else
		enc = si_encode_ints(&out, encoder, values, nulls, n, c->type == SI_TYPE_LONG, &st);
	cost->write_ns += now() - start;
	cost->bytes += out.len;
	si_buf_reserve(&out, SI_SLACK);
	start = now();
	if (c->type == SI_TYPE_STRING)
		ok = si_decode_codes(&decoder, (uint8 *) out.data, out.len, n, PG_UINT32_MAX - 1, (uint32 *) back, &why);
	else
		ok = si_decode_values(&decoder, (uint8 *) out.data, out.len, n, c->type, back, back_nulls, &why);
	cost->read_ns += now() - start;
	if (!ok)
		die(why);
	si_buf_free(&out);
	return enc;
}

static void
measure_column(SiSegment *seg, int number)
{
	static uint64 values[SI_BLOCK_ROWS];
	static uint64 nulls[SI_NULL_WORDS];
	const SiColumnInfo *info = si_segment_column(seg, number);
	Column	   *c = find_column(info);
	SiSegmentError err;

	c->index += seg->columns[number].index_len;
	c->bitmaps += seg->columns[number].bitmap_len;
	if (info->desc.type != c->type)
		die("a column changes its type");
	if (c->type == SI_TYPE_STRING)
	{
		const SiDict *dict = si_segment_dict(seg, number, &err);

		if (dict == NULL)
			die(err.text);
		c->entries += dict->count;
		c->raw += seg->columns[number].raw_bytes;
		for (int codec = 0; codec < CODECS && dict->count > 0; codec++)
		{
			measure_dict(&c->plain[codec], dict, (SiCodec) codec, false);
			measure_dict(&c->front[codec], dict, (SiCodec) codec, true);
		}
	}
	for (int b = 0; b < si_segment_blocks(seg); b++)
	{
		if (!si_segment_read_block(seg, number, b, values, nulls, &err))
			die(err.text);
		for (int codec = 0; codec < CODECS; codec++)
		{
			SiEncoding	enc = measure_block(&c->blocks[codec], c, (SiCodec) codec, values, nulls, si_segment_block_rows(seg, b));

			if (codec == 0)
				c->encodings[enc]++;
		}
	}
}

static void
print_costs(const char *what, const Cost *costs)
{
	printf("  %-12s", what);
	for (int codec = 0; codec < CODECS; codec++)
		printf("  %9.3f %7.2f %7.2f", costs[codec].bytes / rows, costs[codec].write_ns / rows, costs[codec].read_ns / rows);
	printf("\n");
}

static void
print_column(const Column *c)
{
	printf("%s", c->name);
	if (c->entries > 0)
		printf(": %.4f strings and %.3f bytes of them per row", c->entries / rows, c->raw / rows);
	for (int e = 0; e < SI_ENC_COUNT; e++)
		if (c->encodings[e] > 0)
			printf(", %u blocks %s", c->encodings[e], si_encoding_name(e));
	printf("\n");
	if (c->entries > 0)
	{
		print_costs("plain", c->plain);
		print_costs("front-coded", c->front);
	}
	print_costs("blocks", c->blocks);
}

static void
print_total(void)
{
	static const char *const codecs[] = {"none", "lz4", "zstd"};
	double		index = 0;
	double		bitmaps = 0;

	for (int i = 0; i < ncolumns; i++)
	{
		index += columns[i].index / rows;
		bitmaps += columns[i].bitmaps / rows;
	}
	printf("{\"rows\":%.0f,\"index_bytes_per_row\":%.3f,\"bitmap_bytes_per_row\":%.3f", rows, index, bitmaps);
	for (int codec = 0; codec < CODECS; codec++)
	{
		Cost		plain = {0};
		Cost		front = {0};
		Cost		blocks = {0};

		for (int i = 0; i < ncolumns; i++)
		{
			plain.bytes += columns[i].plain[codec].bytes;
			plain.read_ns += columns[i].plain[codec].read_ns;
			front.bytes += columns[i].front[codec].bytes;
			front.read_ns += columns[i].front[codec].read_ns;
			blocks.bytes += columns[i].blocks[codec].bytes;
			blocks.read_ns += columns[i].blocks[codec].read_ns;
		}
		printf(",\"%s\":{\"plain_bytes_per_row\":%.3f,\"front_bytes_per_row\":%.3f,\"block_bytes_per_row\":%.3f,"
			   "\"plain_read_ns_per_row\":%.1f,\"front_read_ns_per_row\":%.1f,\"block_read_ns_per_row\":%.1f,\"bytes_per_row\":%.3f}",
			   codecs[codec], plain.bytes / rows, front.bytes / rows, blocks.bytes / rows, plain.read_ns / rows, front.read_ns / rows,
			   blocks.read_ns / rows, (front.bytes + blocks.bytes) / rows + index);
	}
	printf("}\n");
}

int
main(int argc, char **argv)
{
	double		most = 1e18;

	encoder = palloc(sizeof(SiEncoder));
	for (int i = 1; i < argc; i++)
	{
		int			fd;
		struct stat st;
		SiByteSource src = {read_fd, &fd};
		SiSegmentError err;
		SiSegment  *seg;

		if (strcmp(argv[i], "--rows") == 0 && i + 1 < argc)
		{
			most = atof(argv[++i]);
			continue;
		}
		fd = open(argv[i], O_RDONLY);
		if (fd < 0 || fstat(fd, &st) != 0)
			die(argv[i]);
		src.size = (uint64) st.st_size;
		seg = si_segment_open(&src, NULL, &err);
		if (seg == NULL)
			die(err.text);
		rows += si_segment_rows(seg);
		for (int c = 0; c < si_segment_columns(seg); c++)
			measure_column(seg, c);
		si_segment_close(seg);
		close(fd);
		if (rows >= most)
			break;
	}
	if (rows == 0)
		die("usage: encodings [--rows N] FILE...");
	printf("%.0f rows; bytes, nanoseconds to write and to read, per row, with each codec\n", rows);
	printf("  %-12s  %-26s %-26s %-26s\n", "", "none", "lz4", "zstd");
	for (int i = 0; i < ncolumns; i++)
		print_column(&columns[i]);
	print_total();
	return 0;
}
