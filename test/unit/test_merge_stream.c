/*
 * test_merge_stream.c
 *		Merging through temporary files against merging in memory: the same
 *		outputs, byte by byte, for random chunks and any bound of memory.
 */
#include "segment_fixture.h"

#include "segment/segment_int.h"

/* ------------------------------------------------------- temporary files */

static int	open_files = 0;
static uint64 temp_bytes = 0;
static int64 fail_after = -1;	/* calls until one fails, -1: never */

static bool
may_go_on(void)
{
	return fail_after < 0 || fail_after-- > 0;
}

static void *
temp_create(void *arg)
{
	if (!may_go_on())
		return NULL;
	open_files++;
	return palloc0(sizeof(FixtureBytes));
}

static bool
temp_append(void *file, const void *data, size_t len)
{
	temp_bytes += len;
	return may_go_on() && fixture_write(file, data, len);
}

static bool
temp_read(void *file, uint64 offset, void *buf, size_t len)
{
	return may_go_on() && fixture_read(file, offset, buf, len);
}

static void
temp_close(void *file)
{
	FixtureBytes *b = file;

	if (b->data)
		pfree(b->data);
	pfree(b);
	open_files--;
}

static const SiTempFiles temp = {temp_create, temp_append, temp_read, temp_close, NULL};

/* ------------------------------------------------------------ random chunks */

typedef struct Plan
{
	const char *name;
	SiRole		role;
	SiAgg		agg;
	int			types;			/* bit per type that an input may have */
	bool		json;
	bool		multi;
} Plan;

#define BIT(type) (1 << (type))
#define STRINGS BIT(SI_TYPE_STRING)
#define LONGS BIT(SI_TYPE_LONG)
#define FLOATS BIT(SI_TYPE_FLOAT)
#define DOUBLES BIT(SI_TYPE_DOUBLE)

static const Plan plans[] = {
	{"aa", SI_ROLE_DIMENSION, SI_AGG_NONE, STRINGS, false, false},
	{"mv", SI_ROLE_DIMENSION, SI_AGG_NONE, STRINGS, false, true},
	{"dl", SI_ROLE_DIMENSION, SI_AGG_NONE, LONGS, false, false},
	{"dd", SI_ROLE_DIMENSION, SI_AGG_NONE, DOUBLES, false, false},
	{"df", SI_ROLE_DIMENSION, SI_AGG_NONE, FLOATS, false, false},
	{"js", SI_ROLE_DIMENSION, SI_AGG_NONE, STRINGS, true, false},
	{"auto", SI_ROLE_DIMENSION, SI_AGG_NONE, LONGS | DOUBLES | STRINGS, false, false},
	{"ln", SI_ROLE_DIMENSION, SI_AGG_NONE, LONGS | DOUBLES, false, false},
	{"count", SI_ROLE_METRIC, SI_AGG_SUM, LONGS, false, false},
	{"sum", SI_ROLE_METRIC, SI_AGG_SUM, DOUBLES, false, false},
	{"fsum", SI_ROLE_METRIC, SI_AGG_SUM, FLOATS, false, false},
	{"min", SI_ROLE_METRIC, SI_AGG_MIN, LONGS | DOUBLES, false, false},
	{"max", SI_ROLE_METRIC, SI_AGG_MAX, FLOATS | DOUBLES, false, false},
	{"first", SI_ROLE_METRIC, SI_AGG_FIRST, LONGS, false, false},
	{"last", SI_ROLE_METRIC, SI_AGG_LAST, STRINGS, false, false},
	{"any", SI_ROLE_METRIC, SI_AGG_ANY, DOUBLES, false, false},
	{"text", SI_ROLE_METRIC, SI_AGG_NONE, STRINGS, false, false},
	{"lastd", SI_ROLE_METRIC, SI_AGG_LAST, DOUBLES | LONGS, false, false},
};

#define NPLANS ((int) lengthof(plans))

static int64
random_long(uint32 variety)
{
	uint64		kind = fixture_below(40);

	return kind == 0 ? PG_INT64_MIN : kind == 1 ? PG_INT64_MAX : (int64) fixture_below(variety) - 3;
}

static double
random_double(uint32 variety)
{
	static const double odd[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0, 1e300};

	return fixture_below(30) == 0 ? odd[fixture_below(6)] : (double) fixture_below(variety) / 7 - 2;
}

/* A value of a dictionary; distinct numbers give distinct texts. */
static int
random_text(char *out, const Plan *plan, uint32 number)
{
	if (plan->json)
		return sprintf(out, number % 3 == 0 ? "{\"a\":%u}" : number % 3 == 1 ? "%u" : "\"%u\"", number);
	if (number == 0)
		return 0;
	if (number % 11 == 0)
		return sprintf(out, "%u and a longer text that takes more than a few bytes", number);
	return sprintf(out, number % 3 == 0 ? "%u" : number % 3 == 1 ? "v%u" : "%u.5", number);
}

static SiColumn
string_column(const Plan *plan, uint32 n, uint32 variety)
{
	SiColumn	c = {{plan->name, SI_TYPE_STRING, plan->role, plan->agg, plan->multi, plan->json}};
	uint32	   *codes = palloc0(sizeof(uint32) * (n + 1));
	uint64	   *offsets = palloc0(sizeof(uint64) * (n + 2));
	char	   *bytes = palloc(80 * (size_t) (n + 1));
	uint32	   *code_of = palloc0(sizeof(uint32) * variety);

	for (uint32 i = 0; i < n; i++)
	{
		uint32		number = (uint32) fixture_below(variety);

		if (fixture_below(7) == 0)
			continue;
		if (code_of[number] == 0)
		{
			uint32		k = c.dict.count++;

			offsets[k + 1] = offsets[k] + random_text(bytes + offsets[k], plan, number);
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

static uint64 *
random_nulls(uint32 n)
{
	uint64	   *nulls = palloc0(sizeof(uint64) * (n / 64 + 1));
	uint64		often = fixture_below(3) == 0 ? 1 : 2 + fixture_below(20);

	for (uint32 i = 0; i < n; i++)
		if (fixture_below(often) == 0)
			si_bit_set(nulls, i);
	return nulls;
}

static SiColumn
number_column(const Plan *plan, SiType type, uint32 n, uint32 variety)
{
	SiColumn	c = {{plan->name, type, plan->role, plan->agg}};
	uint64	   *values = palloc0(sizeof(uint64) * (n + 1));

	if (fixture_below(3) > 0)
		c.nulls = random_nulls(n);
	for (uint32 i = 0; i < n; i++)
	{
		if (c.nulls && si_bit_get(c.nulls, i))
			continue;
		if (type == SI_TYPE_LONG)
			((int64 *) values)[i] = random_long(variety);
		else if (type == SI_TYPE_DOUBLE)
			((double *) values)[i] = random_double(variety);
		else
			((float *) values)[i] = (float) random_double(variety);
	}
	c.v.longs = (int64 *) values;
	return c;
}

static SiColumn
times_column(const char *name, uint32 n)
{
	SiColumn	c = {{name, SI_TYPE_LONG, SI_ROLE_TIMES, SI_AGG_NONE}};
	int64	   *values = palloc0(sizeof(int64) * (n + 1));

	c.nulls = random_nulls(n);
	for (uint32 i = 0; i < n; i++)
		values[i] = si_bit_get(c.nulls, i) ? 0 : (int64) fixture_below(10);
	c.v.longs = values;
	return c;
}

typedef struct Case
{
	const Plan *plan[8];
	int			nplans;
	uint32		variety;
	uint32		time_variety;
	bool		changing;		/* types and columns from input to input */
	const char *dimensions[4];
	SiMergeSpec spec;
	SiGranularity split;
} Case;

static SiSegment *
open_chunk(const SiTable *t, bool sorted)
{
	SiWriteOptions opt = fixture_options();
	FixtureBytes *b = palloc(sizeof(FixtureBytes));
	SiByteSource src;
	SiSegmentError err = {0};
	SiSegment  *seg;

	opt.sorted_rows = sorted;
	opt.sort_dict = sorted || fixture_below(2) == 0;
	*b = fixture_chunk(t, &opt);
	src = fixture_source(b);
	seg = si_segment_open(&src, NULL, &err);
	CHECK(seg != NULL, "open: %s", err.text);
	return seg;
}

static bool
keep_sorted(void *arg, const SiTable *t, int64 start, int64 end)
{
	*(SiSegment **) arg = open_chunk(t, true);
	return true;
}

/* One input; half of them were merged before and are in order. */
static SiSegment *
random_input(const Case *k, uint32 n)
{
	SiColumn	columns[20];
	SiTable		t = {n, 0, columns};
	SiSegment  *seg;
	int64	   *times = palloc0(sizeof(int64) * (n + 1));

	for (uint32 i = 0; i < n; i++)
		times[i] = (int64) fixture_below(k->time_variety) * 100;
	columns[t.ncolumns++] = (SiColumn) {{SI_TIME_COLUMN, SI_TYPE_TIME, SI_ROLE_TIME}, {.longs = times}};
	for (int i = 0; i < k->nplans; i++)
	{
		const Plan *p = k->plan[i];
		SiType		type = SI_TYPE_TIME;

		if (k->changing && fixture_below(5) == 0)
			continue;
		while (!(p->types & BIT(type)) || (k->changing && fixture_below(2) == 0))
			type = type == SI_TYPE_DOUBLE ? SI_TYPE_STRING : type + 1;
		columns[t.ncolumns++] = type == SI_TYPE_STRING ? string_column(p, n, k->variety) :
			number_column(p, type, n, k->variety);
		if (SI_AGG_BY_TIME(p->agg) && fixture_below(3) > 0)
			columns[t.ncolumns++] = times_column(p->name, n);
	}
	seg = open_chunk(&t, false);
	if (n > 0 && fixture_below(2) == 0)
	{
		SiMergeSpec spec = k->spec;
		SiSegment  *sorted = NULL;
		SiSegmentError err = {0};

		spec.split = NULL;
		spec.memory = spec.max_rows = 0;
		spec.rollup = spec.rollup && fixture_below(2) == 0;
		CHECK(si_merge(&seg, 1, &spec, keep_sorted, &sorted, &err), "%s", err.text);
		si_segment_close(seg);
		return sorted;
	}
	return seg;
}

static Case
random_case(void)
{
	Case		k = {.variety = 1 + (uint32) fixture_below(fixture_below(3) == 0 ? 3000 : 12)};

	k.nplans = (int) fixture_below(8);
	for (int i = 0; i < k.nplans; i++)
	{
		bool		twice;

		do
		{
			twice = false;
			k.plan[i] = &plans[fixture_below(NPLANS)];
			for (int j = 0; j < i; j++)
				twice = twice || k.plan[j] == k.plan[i];
		} while (twice);
	}
	k.time_variety = 1 + (uint32) fixture_below(fixture_below(2) == 0 ? 3 : 500);
	k.changing = fixture_below(3) == 0;
	k.dimensions[0] = "dl";
	k.dimensions[1] = "mv";
	k.dimensions[2] = "auto";
	k.spec.ndimensions = (int) fixture_below(4);
	k.spec.rollup = fixture_below(2) == 0;
	return k;
}

/* ---------------------------------------------------------------- outputs */

typedef struct Outputs
{
	SiCodec		codec;
	bool		verify;
	int			n;
	int			fed;			/* outputs that were not in memory */
	uint32		rows[20000];
	int64		start[20000];
	FixtureBytes bytes;			/* of all of them */
} Outputs;

static bool
keep(void *arg, const SiTable *t, int64 start, int64 end)
{
	Outputs    *o = arg;
	SiWriteOptions opt = fixture_options();
	SiSink		sink = {fixture_write, &o->bytes};
	SiWriteResult result;
	SiSegmentError err = {0};
	size_t		from = o->bytes.len;

	opt.bitmaps = opt.sort_dict = opt.sorted_rows = true;
	opt.dimension_codec = opt.metric_codec = o->codec;
	opt.interval_start = start;
	opt.interval_end = end;
	if (o->n < (int) lengthof(o->rows))
	{
		o->rows[o->n] = t->nrows;
		o->start[o->n] = start;
	}
	o->n++;
	o->fed += t->feed != NULL;
	if (!si_segment_write(t, &opt, &sink, &result, &err))
	{
		CHECK(fail_after >= -1 && err.text[0] != '\0', "write: %s", err.text);
		return false;
	}
	if (o->verify)
	{
		SiByteSource src;
		SiSegment  *seg;

		si_byte_source_memory(&src, o->bytes.data + from, o->bytes.len - from);
		seg = si_segment_open(&src, NULL, &err);
		CHECK(seg && si_segment_verify(seg, &err), "verify: %s", err.text);
		if (seg)
			si_segment_close(seg);
	}
	return true;
}

static Outputs *in_memory;
static Outputs *streamed;
static int	cases_fed = 0;

static void
reset_outputs(Outputs *o, SiCodec codec, bool verify)
{
	o->codec = codec;
	o->verify = verify;
	o->n = o->fed = 0;
	o->bytes.len = 0;
}

static void
compare(SiSegment **inputs, int ninputs, SiMergeSpec spec, uint64 memory, const char *what, uint64 seed)
{
	SiSegmentError err = {0};
	SiCodec		codec = (SiCodec) (seed % 3);

	reset_outputs(in_memory, codec, false);
	reset_outputs(streamed, codec, true);
	spec.memory = 0;
	CHECK(si_merge(inputs, ninputs, &spec, keep, in_memory, &err), "in memory: %s", err.text);
	spec.memory = memory;
	spec.temp = &temp;
	err.text[0] = '\0';
	CHECK(si_merge(inputs, ninputs, &spec, keep, streamed, &err), "%s, seed %llu: %s", what, (unsigned long long) seed, err.text);
	CHECK(in_memory->n == streamed->n, "%s, seed %llu: %d outputs in memory, %d streamed", what,
		  (unsigned long long) seed, in_memory->n, streamed->n);
	CHECK(memcmp(in_memory->rows, streamed->rows, sizeof(uint32) * Min(in_memory->n, 20000)) == 0,
		  "%s, seed %llu: rows of the outputs", what, (unsigned long long) seed);
	CHECK(memcmp(in_memory->start, streamed->start, sizeof(int64) * Min(in_memory->n, 20000)) == 0,
		  "%s, seed %llu: intervals of the outputs", what, (unsigned long long) seed);
	CHECK(in_memory->bytes.len == streamed->bytes.len &&
		  (in_memory->bytes.len == 0 || memcmp(in_memory->bytes.data, streamed->bytes.data, in_memory->bytes.len) == 0),
		  "%s, seed %llu: outputs differ", what, (unsigned long long) seed);
	CHECK_INT(open_files, 0);
	cases_fed += streamed->fed > 0;
}

static void
test_random(int rounds, uint32 most_rows)
{
	for (int round = 0; round < rounds; round++)
	{
		uint64		seed = fixture_seed;
		Case		k = random_case();
		int			ninputs = 1 + (int) fixture_below(fixture_below(4) == 0 ? 14 : 4);
		SiSegment  *inputs[16];

		if (fixture_below(2) == 0)
		{
			CHECK(si_granularity_from_duration(100 + (int64) fixture_below(20000), 0, false, &k.split), "granularity");
			k.spec.split = &k.split;
		}
		if (fixture_below(3) == 0)
			k.spec.max_rows = 1 + fixture_below(most_rows / 2 + 1);
		k.spec.dimensions = k.dimensions;
		for (int i = 0; i < ninputs; i++)
			inputs[i] = random_input(&k, (uint32) fixture_below(most_rows / ninputs + 1));
		/* next to nothing, or a part of what it takes */
		compare(inputs, ninputs, k.spec, fixture_below(2) == 0 ? 1 :
				1 + si_merge_memory(inputs, ninputs) * fixture_below(100) / 100, "random", seed);
		for (int i = 0; i < ninputs; i++)
			si_segment_close(inputs[i]);
	}
}

/* ------------------------------------------------------------------ errors */

/* Whatever call for a temporary file fails: an error that says so, and nothing is left open. */
static void
test_failing_files(void)
{
	Case		k = random_case();
	SiSegment  *inputs[4];
	SiMergeSpec spec = {.rollup = true,.memory = 1,.temp = &temp};
	int			failed = 0;
	bool		ok = false;

	k.spec = spec;
	k.nplans = 3;
	k.plan[0] = &plans[0];
	k.plan[1] = &plans[8];
	k.plan[2] = &plans[14];
	for (int i = 0; i < 4; i++)
		inputs[i] = random_input(&k, 1500);
	for (int64 calls = 0; !ok; calls += 1 + calls / 10)
	{
		SiSegmentError err = {0};

		reset_outputs(streamed, SI_CODEC_LZ4, false);
		fail_after = calls;
		ok = si_merge(inputs, 4, &spec, keep, streamed, &err);
		fail_after = -1;
		CHECK(ok || err.text[0] != '\0', "an error without text");
		CHECK_INT(open_files, 0);
		failed += !ok;
	}
	CHECK(failed > 20, "only %d calls could fail", failed);
}

/* A chunk that says its rows are in order, and lies. */
static void
test_liar(void)
{
	uint32		n = 9000;
	int64	   *times = palloc(sizeof(int64) * n);
	SiColumn	c = {{SI_TIME_COLUMN, SI_TYPE_TIME, SI_ROLE_TIME}, {.longs = times}};
	SiTable		t = {n, 1, &c};
	SiMergeSpec spec = {.memory = 1,.temp = &temp};
	SiSegment  *inputs[2];
	SiSegmentError err = {0};

	for (uint32 i = 0; i < n; i++)
		times[i] = i;
	inputs[0] = open_chunk(&t, true);
	times[5000] = 7;
	inputs[1] = open_chunk(&t, true);
	reset_outputs(streamed, SI_CODEC_LZ4, true);
	CHECK(!si_merge(inputs, 2, &spec, keep, streamed, &err), "rows out of order are found");
	CHECK_STR(err.text, "rows of a chunk that says so are not in order");
	CHECK_INT(err.input, 1);
	CHECK_INT(open_files, 0);
}

/* Without any input of its own memory a merge stays within what it was given, roughly. */
static void
test_spills(void)
{
	Case		k = random_case();
	SiSegment  *inputs[6];
	SiMergeSpec spec = {.memory = 2 * 1024 * 1024,.temp = &temp};

	k.spec = spec;
	k.nplans = 4;
	k.variety = 50000;
	k.changing = false;
	for (int i = 0; i < 4; i++)
		k.plan[i] = &plans[i];
	for (int i = 0; i < 6; i++)
		inputs[i] = random_input(&k, 30000);
	temp_bytes = 0;
	compare(inputs, 6, spec, spec.memory, "larger", 1);
	CHECK(streamed->fed == 1, "the output was not in memory");
	CHECK(temp_bytes > 1024 * 1024, "only %llu bytes went to temporary files", (unsigned long long) temp_bytes);
}

int
main(int argc, char **argv)
{
	int			rounds = argc > 1 ? atoi(argv[1]) : 1500;

	in_memory = palloc0(sizeof(Outputs));
	streamed = palloc0(sizeof(Outputs));
	if (argc > 2)
		fixture_seed = strtoull(argv[2], NULL, 10);
	test_random(rounds, 60);
	test_random(rounds / 5, 800);
	test_random(rounds / 100, 15000);
	CHECK(cases_fed > rounds / 2, "only %d cases went through temporary files", cases_fed);
	test_failing_files();
	test_liar();
	test_spills();
	return harness_end("test_merge_stream");
}
