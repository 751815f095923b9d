/*
 * test_by_time.c
 *		First, last and any: from the index through three levels of merges,
 *		against a model that looks at every event; how chunks keep the times,
 *		and what a reader makes of times that stand where they must not.
 */
#include "index/index.h"
#include "segment/segment_int.h"
#include "segment_fixture.h"

#define EVENTS		6000
#define PER_COMMIT	97
#define KEYS		23

typedef struct Event
{
	int64		time;
	int			key;
	bool		has_l,
				null_l;
	int64		l;
	const char *s;				/* NULL: JSON null */
	bool		has_at;
	int64		at;				/* timeColumn of some metrics */
} Event;

static Event events[EVENTS];

static SiSpecMetric metrics[] = {
	{"ll", SI_METRIC_FIELD, "l", SI_TYPE_LONG, SI_AGG_LAST, NULL, 1024},
	{"lf", SI_METRIC_FIELD, "l", SI_TYPE_LONG, SI_AGG_FIRST, NULL, 1024},
	{"sl", SI_METRIC_FIELD, "s", SI_TYPE_STRING, SI_AGG_LAST, NULL, 1024},
	{"sf", SI_METRIC_FIELD, "s", SI_TYPE_STRING, SI_AGG_FIRST, NULL, 1024},
	{"da", SI_METRIC_FIELD, "l", SI_TYPE_DOUBLE, SI_AGG_LAST, "at", 1024},
	{"fa", SI_METRIC_FIELD, "l", SI_TYPE_FLOAT, SI_AGG_FIRST, "at", 1024},
	{"any", SI_METRIC_FIELD, "l", SI_TYPE_LONG, SI_AGG_ANY, NULL, 1024},
	{"sany", SI_METRIC_FIELD, "s", SI_TYPE_STRING, SI_AGG_ANY, NULL, 1024},
};

#define NMETRICS ((int) lengthof(metrics))

static SiSpec
make_spec(const char *query_granularity, bool rollup)
{
	static SiSpecDimension dims[] = {{.name = "k",.type = SI_TYPE_LONG}};
	SiSpec		spec = {0};

	spec.timestamp_column = "t";
	spec.timestamp_format = "millis";
	spec.ndimensions = 1;
	spec.dimensions = dims;
	spec.nmetrics = NMETRICS;
	spec.metrics = metrics;
	spec.rollup = rollup;
	si_granularity_from_name(query_granularity, &spec.query_granularity);
	return spec;
}

static void
make_events(void)
{
	static const char *const words[] = {"a", "b", "", "a longer one", "c", "d", "e"};

	for (int i = 0; i < EVENTS; i++)
	{
		Event	   *e = &events[i];

		e->time = (int64) fixture_below(5000);
		e->key = (int) fixture_below(KEYS);
		e->has_l = fixture_below(8) != 0;
		e->null_l = fixture_below(6) == 0;
		e->l = (int64) fixture_below(1000) - 500;
		e->s = fixture_below(5) == 0 ? NULL : words[fixture_below(lengthof(words))];
		e->has_at = fixture_below(7) != 0;
		e->at = (int64) fixture_below(40) - 20;
	}
}

static SiValue
long_value(int64 i)
{
	SiValue		v = {.ptr = "0",.len = 1,.kind = SI_VALUE_LONG};

	v.u.i = i;
	return v;
}

static void
add_event(SiIndex *ix, SiFieldTable *f, const Event *e)
{
	SiValue		values[16] = {{0}};
	SiRows		rows = {.nrows = 1,.values = values};
	SiAddResult result;
	SiReason	why;

	values[si_fields_add(f, "t", 1)] = long_value(e->time);
	values[si_fields_add(f, "k", 1)] = long_value(e->key);
	if (e->has_l)
	{
		values[si_fields_add(f, "l", 1)] = long_value(e->l);
		if (e->null_l)
			values[si_fields_add(f, "l", 1)].kind = SI_VALUE_NULL;
	}
	values[si_fields_add(f, "s", 1)].kind = SI_VALUE_NULL;
	if (e->s)
	{
		SiValue		v = {.ptr = e->s,.len = strlen(e->s),.kind = SI_VALUE_STRING};

		values[si_fields_add(f, "s", 1)] = v;
	}
	if (e->has_at)
		values[si_fields_add(f, "at", 2)] = long_value(e->at);
	rows.stride = si_fields_count(f);
	si_index_add(ix, &rows, &result, &why);
}

/* ------------------------------------------------------------------ chunks */

static SiSegment *
chunk_of(const SiTable *t)
{
	SiWriteOptions opt = fixture_options();
	FixtureBytes *b = palloc(sizeof(FixtureBytes));
	SiByteSource src;
	SiSegmentError err = {0};
	SiSegment  *seg;

	*b = fixture_chunk(t, &opt);
	src = fixture_source(b);
	seg = si_segment_open(&src, fixture_install, &err);
	CHECK(seg != NULL, "open: %s", err.text);
	CHECK(si_segment_verify(seg, &err), "verify: %s", err.text);
	return seg;
}

static bool
keep_output(void *arg, const SiTable *t, int64 start, int64 end)
{
	*(SiSegment **) arg = chunk_of(t);
	return true;
}

static SiSegment *
merge(SiSegment **inputs, int n, bool rollup)
{
	static const char *const dims[] = {"k"};
	SiMergeSpec spec = {1, dims, rollup, NULL, 0};
	SiSegment  *out = NULL;
	SiSegmentError err = {0};

	CHECK(si_merge(inputs, n, &spec, keep_output, &out, &err), "merge: %s", err.text);
	return out;
}

/* Merges groups of fan chunks; returns how many there are then. */
static int
merge_level(SiSegment **chunks, int n, int fan, bool rollup)
{
	int			out = 0;

	for (int i = 0; i < n; i += fan)
		chunks[out++] = merge(&chunks[i], Min(fan, n - i), rollup);
	return out;
}

/* ------------------------------------------------------------------- model */

/* The event whose value a metric keeps of those with the key and time; NULL: none. */
static const Event *
model(const SiSpecMetric *m, int key, int64 bucket, int64 width)
{
	const Event *best = NULL;
	int64		best_time = 0;

	for (int i = 0; i < EVENTS; i++)
	{
		const Event *e = &events[i];
		bool		string = m->type == SI_TYPE_STRING;
		int64		t = m->time_column ? e->at : e->time;

		if (e->key != key || e->time / width * width != bucket)
			continue;
		if (m->time_column && !e->has_at)
			continue;
		if (string ? e->s == NULL : !e->has_l)
			continue;
		if (m->agg == SI_AGG_ANY && !string && e->null_l)
			continue;
		if (best == NULL || (m->agg == SI_AGG_LAST && t >= best_time) || (m->agg == SI_AGG_FIRST && t < best_time))
		{
			best = e;
			best_time = t;
		}
	}
	return best;
}

typedef struct Read
{
	bool		null;
	double		d;
	char		s[64];
} Read;

static Read
read_cell(SiSegment *seg, const char *name, uint32 row)
{
	static int64 values[SI_BLOCK_ROWS];
	static uint64 nulls[SI_NULL_WORDS];
	Read		r = {.null = true};
	SiSegmentError err = {0};
	int			col = si_segment_find_column(seg, name);
	SiType		type;

	if (col < 0)
		return r;
	type = si_segment_column(seg, col)->desc.type;
	CHECK(si_segment_column(seg, col)->desc.role != SI_ROLE_TIMES, "the times were found by name");
	si_segment_read_block(seg, col, row / SI_BLOCK_ROWS, values, nulls, &err);
	row %= SI_BLOCK_ROWS;
	if (type == SI_TYPE_STRING)
	{
		uint32		code = ((uint32 *) values)[row];
		const SiDict *dict = si_segment_dict(seg, col, &err);

		r.null = code == 0;
		if (code > 0)
			snprintf(r.s, sizeof(r.s), "%.*s", (int) (dict->offsets[code] - dict->offsets[code - 1]),
					 dict->bytes + dict->offsets[code - 1]);
		return r;
	}
	r.null = si_bit_get(nulls, row);
	r.d = type == SI_TYPE_FLOAT ? ((float *) values)[row] : type == SI_TYPE_DOUBLE ? ((double *) values)[row] :
		(double) values[row];
	return r;
}

static void
compare(SiSegment *seg, int64 width, const char *what)
{
	uint32		n = si_segment_rows(seg);
	int			wrong = 0;

	for (uint32 row = 0; row < n; row++)
	{
		int64		bucket = (int64) read_cell(seg, SI_TIME_COLUMN, row).d;
		int			key = (int) read_cell(seg, "k", row).d;

		for (int m = 0; m < NMETRICS; m++)
		{
			Read		got = read_cell(seg, metrics[m].name, row);
			const Event *want = model(&metrics[m], key, bucket, width);
			bool		string = metrics[m].type == SI_TYPE_STRING;
			bool		want_null = want == NULL || (!string && want->null_l);

			if (got.null != want_null ||
				(!want_null && (string ? strcmp(got.s, want->s) != 0 : got.d != (double) want->l)))
			{
				if (wrong++ < 5)
					CHECK(false, "%s: %s of key %d at " INT64_FORMAT " is wrong", what, metrics[m].name, key, bucket);
			}
		}
	}
	CHECK(wrong == 0, "%s: %d values are wrong", what, wrong);
}

static bool
has_times(SiSegment *seg, const char *name)
{
	int			col = si_segment_find_column(seg, name);

	return col >= 0 && col + 1 < si_segment_columns(seg) &&
		si_segment_column(seg, col + 1)->desc.role == SI_ROLE_TIMES;
}

/* ------------------------------------------------------------------- tests */

static void
test_levels(const char *granularity, int64 width, bool rollup_early)
{
	SiSpec		spec = make_spec(granularity, rollup_early);
	SiFieldTable *f = si_fields_create(false, 100);
	SiReason	why;
	SiIndex    *ix = si_index_create(&spec, f, &why);
	static SiSegment *chunks[EVENTS / PER_COMMIT + 2];
	int			n = 0;
	char		what[64];

	make_events();
	for (int i = 0; i < EVENTS; i++)
	{
		add_event(ix, f, &events[i]);
		if ((i + 1) % PER_COMMIT == 0 || i == EVENTS - 1)
		{
			chunks[n++] = chunk_of(si_index_table(ix));
			si_index_reset(ix);
		}
	}
	n = merge_level(chunks, n, 7, rollup_early);
	n = merge_level(chunks, n, 4, rollup_early);
	n = merge_level(chunks, n, n, true);
	CHECK_INT(n, 1);
	snprintf(what, sizeof(what), "%s, rollup %s", granularity, rollup_early ? "from the start" : "at the end");
	compare(chunks[0], width, what);
	/* times that are those of the rows are not stored */
	CHECK_INT(has_times(chunks[0], "da"), true);
	CHECK_INT(has_times(chunks[0], "any"), false);
	/* all in one batch, so that a row gives way many times */
	spec = make_spec(granularity, true);
	f = si_fields_create(false, 100);
	ix = si_index_create(&spec, f, &why);
	for (int i = 0; i < EVENTS; i++)
		add_event(ix, f, &events[i]);
	compare(chunk_of(si_index_table(ix)), width, "one batch");
}

static void
test_times_are_left_out(void)
{
	SiSpec		spec = make_spec("none", false);
	SiFieldTable *f = si_fields_create(false, 100);
	SiReason	why;
	SiIndex    *ix = si_index_create(&spec, f, &why);
	Event		e = {.time = 7,.key = 1,.has_l = true,.l = 3,.s = "x",.has_at = true,.at = 9};
	SiSegment  *seg;

	add_event(ix, f, &e);
	seg = chunk_of(si_index_table(ix));
	CHECK_INT(has_times(seg, "ll"), false);
	CHECK_INT(has_times(seg, "sl"), false);
	CHECK_INT(has_times(seg, "da"), true);
	si_index_reset(ix);
	e.has_l = false;
	add_event(ix, f, &e);
	CHECK(si_segment_find_column(chunk_of(si_index_table(ix)), "ll") < 0, "a metric without a value is stored");
	si_index_reset(ix);
	e.has_l = e.null_l = true;
	add_event(ix, f, &e);
	seg = chunk_of(si_index_table(ix));
	CHECK(si_segment_find_column(seg, "ll") >= 0, "a null that counts is not stored");
}

static void
test_values(void)
{
	SiSpec		spec = make_spec("none", false);
	SiFieldTable *f = si_fields_create(false, 100);
	SiReason	why = {""};
	SiIndex    *ix;
	SiValue		values[16] = {{0}};
	SiRows		rows = {.nrows = 1,.values = values};
	SiAddResult result;
	SiSegment  *seg;
	static const char *const texts[] = {"abcdef", "ab\xC3\xA9", "a\xE6\xBC\xA2", "", "abc", "ab\xF0\x9F\x98\x80"};
	static const char *const wants[] = {"abc", "ab", "a", "", "abc", "ab"};
	SiValue		bad = {.ptr = "x",.len = 1,.kind = SI_VALUE_STRING};

	metrics[2].max_string_bytes = 3;
	ix = si_index_create(&spec, f, &why);
	rows.stride = si_fields_count(f);
	values[si_fields_add(f, "t", 1)] = long_value(1);
	for (int i = 0; i < (int) lengthof(texts); i++)
	{
		SiValue		v = {.ptr = texts[i],.len = strlen(texts[i]),.kind = SI_VALUE_STRING};

		values[si_fields_add(f, "s", 1)] = v;
		si_index_add(ix, &rows, &result, &why);
		CHECK_INT(result.processed, 1);
	}
	values[si_fields_add(f, "s", 1)] = (SiValue) {.ptr = "[ 1 , \"a\" ]",.len = 11,.kind = SI_VALUE_ARRAY};
	si_index_add(ix, &rows, &result, &why);
	CHECK_INT(result.processed, 1);
	seg = chunk_of(si_index_table(ix));
	for (int i = 0; i < (int) lengthof(texts); i++)
		CHECK_STR(read_cell(seg, "sl", i).s, wants[i]);
	CHECK_STR(read_cell(seg, "sf", 0).s, "abcdef");
	CHECK_STR(read_cell(seg, "sf", lengthof(texts)).s, "[1,\"a\"]");
	metrics[2].max_string_bytes = 1024;

	/* a wrong value or time is an error, and no value */
	si_index_reset(ix);
	values[si_fields_add(f, "l", 1)] = bad;
	si_index_check(ix, &rows, &result, &why);
	CHECK_INT(result.with_error, 1);
	si_index_add(ix, &rows, &result, &why);
	CHECK_INT(result.with_error, 1);
	CHECK(strstr(why.text, "Unable to parse value[x]") != NULL, "the reason is \"%s\"", why.text);
	values[si_fields_add(f, "l", 1)] = long_value(5);
	values[si_fields_add(f, "at", 2)] = bad;
	si_index_check(ix, &rows, &result, &why);
	CHECK_INT(result.with_error, 1);
	si_index_add(ix, &rows, &result, &why);
	CHECK_INT(result.with_error, 1);
	seg = chunk_of(si_index_table(ix));
	CHECK_INT(read_cell(seg, "ll", 0).null, true);
	CHECK_INT(read_cell(seg, "ll", 1).null, false);
	CHECK(si_segment_find_column(seg, "da") < 0, "a value without a time is stored");
}

/* Many values that give way to others must not stay in the dictionary. */
static void
test_dictionary_shrinks(void)
{
	SiSpec		spec = make_spec("day", true);
	SiFieldTable *f = si_fields_create(false, 100);
	SiReason	why;
	SiIndex    *ix = si_index_create(&spec, f, &why);
	SiSegment  *seg;
	char		word[32];

	for (int i = 0; i < 5000; i++)
	{
		Event		e = {.time = i,.key = i % 2,.has_l = true,.l = i,.s = word};

		snprintf(word, sizeof(word), "w%d", i);
		add_event(ix, f, &e);
	}
	seg = chunk_of(si_index_table(ix));
	CHECK_INT(si_segment_rows(seg), 2);
	CHECK_INT(si_segment_column(seg, si_segment_find_column(seg, "sl"))->distinct, 2);
	CHECK_STR(read_cell(seg, "sl", 1).s, "w4999");
	CHECK_STR(read_cell(seg, "sf", 1).s, "w1");
	CHECK_STR(read_cell(seg, "sany", 0).s, "w0");
}

/* ----------------------------------------------------------------- hostile */

/* A changed footer with the checksums that belong to it. */
static void
seal(FixtureBytes *b)
{
	uint8	   *t = (uint8 *) b->data + b->len - SI_TRAILER_SIZE;
	uint64		footer = si_load64(t);
	uint32		len = si_load32(t + 8);
	uint32		crc = si_crc(b->data + footer, len);

	memcpy(t + 12, &crc, 4);
	crc = si_crc(t, 24);
	memcpy(t + 24, &crc, 4);
}

static void
test_hostile(void)
{
	int64		times[3] = {1, 2, 3};
	int64		longs[3] = {10, 20, 30};
	SiColumn	columns[3] = {{{SI_TIME_COLUMN, SI_TYPE_TIME, SI_ROLE_TIME, SI_AGG_NONE}},
	{{"m", SI_TYPE_LONG, SI_ROLE_METRIC, SI_AGG_LAST}},
	{{"m", SI_TYPE_LONG, SI_ROLE_TIMES, SI_AGG_NONE}}};
	SiTable		t = {3, 3, columns};
	SiWriteOptions opt = fixture_options();
	FixtureBytes b;
	SiByteSource src;
	SiSegmentError err = {0};
	uint64		footer;
	int			opened = 0;

	columns[0].v.longs = times;
	columns[1].v.longs = longs;
	columns[2].v.longs = longs;
	b = fixture_chunk(&t, &opt);
	src = fixture_source(&b);
	CHECK(si_segment_open(&src, fixture_install, &err) != NULL, "open: %s", err.text);
	footer = si_load64(b.data + b.len - SI_TRAILER_SIZE);
	/* every byte of the directory takes every value: an error or a chunk that can be merged */
	for (uint64 at = footer; at < b.len - SI_TRAILER_SIZE; at++)
	{
		char		old = b.data[at];

		for (int v = 0; v < 256; v++)
		{
			SiSegment  *seg;

			b.data[at] = (char) v;
			seal(&b);
			err.text[0] = '\0';
			seg = si_segment_open(&src, fixture_install, &err);
			if (seg == NULL)
				CHECK(err.text[0] != '\0', "an error without a text");
			else
			{
				SiSegment  *two[2] = {seg, seg};
				SiSegment  *out = NULL;
				SiMergeSpec spec = {.rollup = true};

				opened++;
				for (int c = 1; c < si_segment_columns(seg); c++)
					if (si_segment_column(seg, c)->desc.role == SI_ROLE_TIMES)
						CHECK(SI_AGG_BY_TIME(si_segment_column(seg, c - 1)->desc.agg) &&
							  strcmp(si_segment_column(seg, c)->desc.name, si_segment_column(seg, c - 1)->desc.name) == 0,
							  "times without their metric at byte " UINT64_FORMAT, at);
				if (v % 16 == 0 && si_segment_verify(seg, &err))
					(void) si_merge(two, 2, &spec, keep_output, &out, &err);
			}
		}
		b.data[at] = old;
	}
	CHECK(opened > 256, "no change was harmless");

	/* the writer refuses what the reader would */
	columns[1].desc.agg = SI_AGG_SUM;
	{
		FixtureBytes none = {0};
		SiSink		sink = {fixture_write, &none};
		SiWriteResult result;

		CHECK(!si_segment_write(&t, &opt, &sink, &result, &err), "times of a sum were written");
		CHECK(strstr(err.text, "do not follow") != NULL, "the reason is \"%s\"", err.text);
	}
}

/* A metric that becomes last by a change of the spec: older rows have the times of the rows. */
static void
test_changed_metric(void)
{
	int64		times[2] = {1000, 1000};
	int64		old_values[1] = {1};
	int64		new_values[1] = {2};
	int64		new_times[1] = {999};
	SiColumn	old[2] = {{{SI_TIME_COLUMN, SI_TYPE_TIME, SI_ROLE_TIME, SI_AGG_NONE}},
	{{"m", SI_TYPE_LONG, SI_ROLE_METRIC, SI_AGG_SUM}}};
	SiColumn	new[3] = {{{SI_TIME_COLUMN, SI_TYPE_TIME, SI_ROLE_TIME, SI_AGG_NONE}},
	{{"m", SI_TYPE_LONG, SI_ROLE_METRIC, SI_AGG_LAST}},
	{{"m", SI_TYPE_LONG, SI_ROLE_TIMES, SI_AGG_NONE}}};
	SiTable		a = {1, 2, old};
	SiTable		b = {1, 3, new};
	SiSegment  *inputs[2];
	SiSegment  *out;

	old[0].v.longs = times;
	old[1].v.longs = old_values;
	new[0].v.longs = times;
	new[1].v.longs = new_values;
	new[2].v.longs = new_times;
	inputs[0] = chunk_of(&a);
	inputs[1] = chunk_of(&b);
	out = merge(inputs, 2, true);
	CHECK_INT(si_segment_rows(out), 1);
	CHECK_INT(read_cell(out, "m", 0).d, 1);
	/* and back again: no times are left */
	inputs[0] = chunk_of(&b);
	inputs[1] = chunk_of(&a);
	out = merge(inputs, 2, true);
	CHECK_INT(read_cell(out, "m", 0).d, 3);
	CHECK_INT(si_segment_columns(out), 2);
}

int
main(void)
{
	test_levels("second", 1000, true);
	test_levels("second", 1000, false);
	test_levels("none", 1, true);
	test_times_are_left_out();
	test_values();
	test_dictionary_shrinks();
	test_changed_metric();
	test_hostile();
	return harness_end("test_by_time");
}
