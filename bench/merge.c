/*
 * merge.c
 *		How fast chunks are merged and published, in memory and through
 *		temporary files, and how much memory that takes.
 *
 * merge --dir DIR [--rows N] [--inputs N] [--memory MB] [--rollup] [--hours N]
 *
 * Inputs are made up: events of a wiki with fifteen string dimensions, two
 * of them wide, three metrics; the chunks overlap in time by half, every
 * fourth is unsorted as a commit leaves it, the others are in order.  With
 * --rollup only the narrow ones, and times of hours.  Each side runs in a process of its own; both must put out the same bytes.
 */
#include "common/port.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/hashfn.h"
#include "segment/segment_int.h"

static const char *dir;
static uint32 rows = 2000000;
static int	ninputs = 16;
static int	memory_mb = 128;
static bool rollup = false;
static int	hours = 24;
static bool bitmaps = true;

typedef struct Column
{
	const char *name;
	uint32		values;			/* different ones; 0: one per row */
	const char *text;
} Column;

static const Column strings[] = {
	{"channel", 53, "#channel-%u.wikipedia"}, {"page", 200000, "A page with the number %u"},
	{"user", 50000, "User %u"}, {"comment", 0, "/* section */ changed the text in %u words"},
	{"namespace", 20, "Namespace %u"}, {"city", 5000, "City %u"}, {"country", 180, "Country %u"},
	{"countryCode", 180, "C%u"}, {"region", 900, "Region %u"}, {"regionCode", 900, "R%u"},
	{"isNew", 2, "%u"}, {"isRobot", 2, "%u"}, {"isMinor", 2, "%u"}, {"isAnonymous", 2, "%u"},
	{"flags", 12, "flag%u"},
};

static const char *const metrics[] = {"added", "deleted", "count"};

#define NSTRINGS ((int) lengthof(strings))
#define NCOLUMNS (1 + NSTRINGS + (int) lengthof(metrics))

static void
die(const char *what)
{
	fprintf(stderr, "merge: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64 seed = 88172645463325252;

static uint64
next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64CONST(0x2545F4914F6CDD1D) >> 11;
}

/* Small numbers are common, large ones rare. */
static uint32
skewed(uint32 n)
{
	double		u = (double) next_random() / (double) (UINT64CONST(1) << 53);

	return (uint32) (u * u * u * n);
}

/* ------------------------------------------------------------------ files */

static bool
write_fd(void *arg, const void *data, size_t len)
{
	return write(*(int *) arg, data, len) == (ssize_t) len;
}

static bool
read_fd(void *arg, uint64 offset, void *buf, size_t len)
{
	return pread(*(int *) arg, buf, len, (off_t) offset) == (ssize_t) len;
}

static void *
create_temp(void *arg)
{
	char		path[1024];
	int		   *fd = palloc(sizeof(int));

	snprintf(path, sizeof(path), "%s/temp", dir);
	if ((*fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600)) < 0)
		die(path);
	unlink(path);
	return fd;
}

static uint64 temp_bytes = 0;

static bool
append_temp(void *file, const void *data, size_t len)
{
	temp_bytes += len;
	return lseek(*(int *) file, 0, SEEK_END) >= 0 && write_fd(file, data, len);
}

static void
close_temp(void *file)
{
	close(*(int *) file);
	pfree(file);
}

static const SiTempFiles temp_files = {create_temp, append_temp, read_fd, close_temp, NULL};

/* ----------------------------------------------------------------- inputs */

static SiColumn
make_strings(const Column *column, uint32 n, uint32 first)
{
	SiColumn	c = {{column->name, SI_TYPE_STRING, SI_ROLE_DIMENSION, SI_AGG_NONE}};
	uint32		different = column->values ? column->values : n;
	uint32	   *codes = palloc(sizeof(uint32) * n);
	uint64	   *offsets = palloc0(sizeof(uint64) * ((size_t) n + 2));
	uint32	   *code_of = palloc0(sizeof(uint32) * different);
	char	   *bytes = palloc(64 * ((size_t) Min(n, different) + 1));

	for (uint32 i = 0; i < n; i++)
	{
		uint32		number = column->values ? skewed(different) : i;

		if (code_of[number] == 0)
		{
			uint32		k = c.dict.count++;

			offsets[k + 1] = offsets[k] + sprintf(bytes + offsets[k], column->text,
												  column->values ? number : (uint32) (next_random() % 1000000) * 1000 + (first + i) % 1000);
			code_of[number] = k + 1;
		}
		codes[i] = code_of[number];
	}
	pfree(code_of);
	c.v.codes = codes;
	c.dict.bytes = bytes;
	c.dict.offsets = offsets;
	return c;
}

static SiTable
make_input(uint32 n, int number)
{
	SiTable		t = {n, 0, palloc0(sizeof(SiColumn) * NCOLUMNS)};
	int64		span = (int64) hours * 3600000 / (ninputs + 1);
	int64	   *times = palloc(sizeof(int64) * n);

	for (uint32 i = 0; i < n; i++)
	{
		times[i] = INT64CONST(1442016000000) + number * span + (int64) (next_random() % (uint64) (2 * span));
		if (rollup)
			times[i] -= times[i] % 3600000;
	}
	t.columns[t.ncolumns++] = (SiColumn) {{SI_TIME_COLUMN, SI_TYPE_TIME, SI_ROLE_TIME}, {.longs = times}};
	for (int c = 0; c < NSTRINGS; c++)
		if (!rollup || (strings[c].values > 0 && strings[c].values < 60))
			t.columns[t.ncolumns++] = make_strings(&strings[c], n, number * n);
	for (int c = 0; c < (int) lengthof(metrics); c++)
	{
		int64	   *v = palloc(sizeof(int64) * n);

		for (uint32 i = 0; i < n; i++)
			v[i] = c == 2 ? 1 : (int64) skewed(10000);
		t.columns[t.ncolumns++] = (SiColumn) {{metrics[c], SI_TYPE_LONG, SI_ROLE_METRIC, SI_AGG_SUM}, {.longs = v}};
	}
	return t;
}

static void
write_chunk(const SiTable *t, const char *name, bool publish, bool sorted, int64 start, int64 end, int append)
{
	SiWriteOptions opt = {.dimension_codec = SI_CODEC_LZ4,.metric_codec = SI_CODEC_LZ4};
	char		path[1024];
	int			fd;
	SiSink		sink = {write_fd, &fd};
	SiWriteResult result;
	SiSegmentError err;

	opt.bitmaps = publish && bitmaps;
	opt.sort_dict = opt.sorted_rows = sorted;
	opt.interval_start = start;
	opt.interval_end = end;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | append, 0600);
	if (fd < 0)
		die(path);
	if (!si_segment_write(t, &opt, &sink, &result, &err))
		die(err.text);
	close(fd);
}

static bool
keep_input(void *arg, const SiTable *t, int64 start, int64 end)
{
	write_chunk(t, arg, false, true, start, end, O_TRUNC);
	return true;
}

static const char *const dimensions[] = {"channel", "page", "user"};

/* Writes one input; a process of its own, whose memory does not count. */
static void
generate(int number)
{
	SiTable		t = make_input(rows / ninputs, number);
	SiMergeSpec spec = {3, dimensions, rollup};
	char		name[32];

	snprintf(name, sizeof(name), "input%d", number);
	write_chunk(&t, name, false, false, PG_INT64_MIN, PG_INT64_MAX, O_TRUNC);
	if (number % 4 != 3)
	{
		char		path[1024];
		int			fd;
		struct stat st;
		SiByteSource src = {read_fd, &fd};
		SiSegmentError err;
		SiSegment  *seg;

		snprintf(path, sizeof(path), "%s/%s", dir, name);
		fd = open(path, O_RDONLY);
		if (fd < 0 || fstat(fd, &st) != 0 || unlink(path) != 0)
			die(path);
		src.size = (uint64) st.st_size;
		seg = si_segment_open(&src, NULL, &err);
		if (seg == NULL || !si_merge(&seg, 1, &spec, keep_input, name, &err))
			die(err.text);
	}
}

/* ------------------------------------------------------------------ merges */

typedef struct Result
{
	uint64		rows;
	uint64		outputs;
	uint64		bytes;
	uint64		temp_bytes;
	uint64		input_bytes;
	uint64		input_rows;
	uint32		crc;
	double		cpu_s;
	uint64		peak_kb;
	uint64		start_kb;
} Result;

static bool
publish_output(void *arg, const SiTable *t, int64 start, int64 end)
{
	Result	   *r = arg;

	write_chunk(t, "output", true, true, start, end, O_APPEND);
	r->rows += t->nrows;
	r->outputs++;
	return true;
}

static uint64
peak_kb(void)
{
	FILE	   *f = fopen("/proc/self/status", "r");
	char		line[256];
	uint64		kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtoull(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static double
cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
merge(uint64 memory, Result *r)
{
	SiSegment **inputs = palloc(sizeof(SiSegment *) * ninputs);
	SiGranularity split;
	SiMergeSpec spec = {3, dimensions, rollup, &split, 0, memory, &temp_files};
	SiSegmentError err = {0};
	char		path[1024];
	double		start;
	int			fd;

	if (!si_granularity_from_duration(86400000, 0, false, &split))
		die("granularity");
	snprintf(path, sizeof(path), "%s/output", dir);
	unlink(path);
	for (int i = 0; i < ninputs; i++)
	{
		int		   *in = palloc(sizeof(int));
		struct stat st;
		SiByteSource src = {read_fd, in};
		char		name[1024];

		snprintf(name, sizeof(name), "%s/input%d", dir, i);
		if ((*in = open(name, O_RDONLY)) < 0 || fstat(*in, &st) != 0)
			die(name);
		src.size = (uint64) st.st_size;
		r->input_bytes += src.size;
		inputs[i] = si_segment_open(&src, NULL, &err);
		if (inputs[i] == NULL)
			die(err.text);
		r->input_rows += si_segment_rows(inputs[i]);
	}
	r->start_kb = peak_kb();
	start = cpu_seconds();
	if (!si_merge(inputs, ninputs, &spec, publish_output, r, &err))
		die(err.text);
	r->cpu_s = cpu_seconds() - start;
	r->peak_kb = peak_kb();
	r->temp_bytes = temp_bytes;

	fd = open(path, O_RDONLY);
	for (;;)
	{
		static char buf[1 << 16];
		ssize_t		n = read(fd, buf, sizeof(buf));

		if (n <= 0)
			break;
		r->bytes += (uint64) n;
		r->crc = hash_bytes_extended((unsigned char *) buf, (int) n, r->crc);
	}
}

/* Runs a step in a process of its own, which starts small. */
static Result
in_process(bool generates, int number, uint64 memory)
{
	Result		r = {0};
	int			fds[2];
	int			status;
	pid_t		pid;

	if (pipe(fds) != 0)
		die("pipe");
	pid = fork();
	if (pid == 0)
	{
		if (generates)
		{
			seed += (uint64) number * 7919;
			generate(number);
		}
		else
			merge(memory, &r);
		if (write(fds[1], &r, sizeof(r)) != sizeof(r))
			exit(1);
		exit(0);
	}
	if (pid < 0 || read(fds[0], &r, sizeof(r)) != sizeof(r) || waitpid(pid, &status, 0) != pid || status != 0)
		die("a step failed");
	close(fds[0]);
	close(fds[1]);
	return r;
}

static void
print_side(const char *name, const Result *r)
{
	printf("%-12s %12llu %10.2f %12.0f %12.0f %14.1f %14.1f\n", name, (unsigned long long) r->rows, r->cpu_s,
		   r->cpu_s * 1e9 / r->input_rows, (double) (r->peak_kb - r->start_kb) / 1024,
		   (double) r->bytes / r->rows, (double) r->temp_bytes / r->input_rows);
}

int
main(int argc, char **argv)
{
	Result		all,
				part;

	for (int i = 1; i < argc; i++)
	{
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--rollup") == 0)
			rollup = true;
		else if (strcmp(argv[i], "--no-bitmaps") == 0)
			bitmaps = false;
		else if (strcmp(argv[i], "--dir") == 0)
			dir = argv[++i];
		else if (strcmp(argv[i], "--rows") == 0)
			rows = (uint32) atol(value), i++;
		else if (strcmp(argv[i], "--inputs") == 0)
			ninputs = atoi(value), i++;
		else if (strcmp(argv[i], "--memory") == 0)
			memory_mb = atoi(value), i++;
		else if (strcmp(argv[i], "--hours") == 0)
			hours = atoi(value), i++;
		else
		{
			fprintf(stderr, "merge: unknown argument %s\n", argv[i]);
			return 2;
		}
	}
	if (dir == NULL || ninputs < 1 || rows < (uint32) ninputs || memory_mb < 1)
	{
		fprintf(stderr, "usage: merge --dir DIR [--rows N] [--inputs N] [--memory MB] [--rollup] [--hours N] [--no-bitmaps]\n");
		return 2;
	}
	for (int i = 0; i < ninputs; i++)
		(void) in_process(true, i, 0);
	all = in_process(false, 0, 0);
	part = in_process(false, 0, (uint64) memory_mb << 20);
	printf("%-12s %12s %10s %12s %12s %14s %14s\n", "", "rows out", "CPU s", "ns/row in", "peak MB", "bytes/row", "temp bytes/row");
	print_side("in memory", &all);
	print_side("streaming", &part);
	if (all.bytes != part.bytes || all.crc != part.crc)
	{
		fprintf(stderr, "merge: the outputs differ\n");
		return 1;
	}
	printf("{\"rows\":%llu,\"inputs\":%d,\"rollup\":%s,\"memory_mb\":%d,\"outputs\":%llu,\"bytes_per_row\":%.1f,"
		   "\"in_memory_ns_per_row\":%.0f,\"streaming_ns_per_row\":%.0f,\"in_memory_peak_mb\":%.0f,\"streaming_peak_mb\":%.0f,"
		   "\"temp_bytes_per_row\":%.1f,\"ratio\":%.2f}\n",
		   (unsigned long long) all.input_rows, ninputs, rollup ? "true" : "false", memory_mb, (unsigned long long) all.outputs,
		   (double) all.bytes / all.rows, all.cpu_s * 1e9 / all.input_rows, part.cpu_s * 1e9 / part.input_rows,
		   (all.peak_kb - all.start_kb) / 1024.0, (part.peak_kb - part.start_kb) / 1024.0,
		   (double) part.temp_bytes / part.input_rows, part.cpu_s / all.cpu_s);
	return 0;
}
