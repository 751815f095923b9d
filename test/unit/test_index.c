/*
 * test_index.c
 *		The index against a naive row-by-row model: storage, nulls, discovery,
 *		rejection by time, rollup, and reuse from batch to batch.
 */
#include "common/port.h"

#include "index/dict.h"
#include "index/index.h"
#include "index/reasons.h"
#include "harness.h"

static SiValue
text_value(const char *s)
{
	SiValue		v = {.ptr = s,.len = strlen(s),.kind = SI_VALUE_STRING};

	return v;
}

static SiValue
long_value(int64 i)
{
	SiValue		v = {.ptr = "0",.len = 1,.kind = SI_VALUE_LONG};

	v.u.i = i;
	return v;
}

static SiSpec
make_spec(bool rollup, bool discover)
{
	static SiSpecDimension dims[2] = {{.name = "d",.type = SI_TYPE_STRING}, {.name = "n",.type = SI_TYPE_LONG}};
	static SiSpecMetric metrics[3] = {
		{.name = "count",.input = SI_METRIC_COUNT,.type = SI_TYPE_LONG,.agg = SI_AGG_SUM},
		{.name = "total",.input = SI_METRIC_FIELD,.field_name = "m",.type = SI_TYPE_LONG,.agg = SI_AGG_SUM},
		{.name = "least",.input = SI_METRIC_FIELD,.field_name = "m",.type = SI_TYPE_DOUBLE,.agg = SI_AGG_MIN}
	};
	SiSpec		spec = {0};

	spec.timestamp_column = "t";
	spec.timestamp_format = "millis";
	spec.ndimensions = discover ? 0 : 2;
	spec.dimensions = dims;
	spec.discover = discover;
	spec.nmetrics = 3;
	spec.metrics = metrics;
	spec.rollup = rollup;
	si_granularity_from_name("none", &spec.query_granularity);
	if (rollup)
		si_granularity_from_name("second", &spec.query_granularity);
	return spec;
}

static const SiColumn *
column(const SiTable *t, const char *name)
{
	for (int i = 0; i < t->ncolumns; i++)
		if (strcmp(t->columns[i].desc.name, name) == 0)
			return &t->columns[i];
	return NULL;
}

static bool
text_is(const SiColumn *c, uint32 row, const char *want)
{
	uint32		code = c->v.codes[row];
	uint64		at;

	if (want == NULL || code == 0)
		return want == NULL && code == 0;
	at = c->dict.offsets[code - 1];
	return c->dict.offsets[code] - at == strlen(want) && memcmp(c->dict.bytes + at, want, strlen(want)) == 0;
}

static bool
null_at(const SiColumn *c, uint32 row)
{
	return c->nulls != NULL && ((c->nulls[row / 64] >> (row % 64)) & 1);
}

/* slots after creation: t, d, n, m in the order the index asked for them */
static SiAddResult
add(SiIndex *ix, SiFieldTable *f, SiValue t, SiValue d, SiValue n, SiValue m)
{
	SiValue		values[64];
	SiRows		rows = {.nrows = 1,.stride = si_fields_count(f),.values = values};
	SiAddResult result;
	SiReason	why;

	memset(values, 0, sizeof(values));
	values[si_fields_add(f, "t", 1)] = t;
	values[si_fields_add(f, "d", 1)] = d;
	values[si_fields_add(f, "n", 1)] = n;
	values[si_fields_add(f, "m", 1)] = m;
	rows.stride = si_fields_count(f);
	si_index_add(ix, &rows, &result, &why);
	return result;
}

static void
test_plain(void)
{
	SiSpec		spec = make_spec(false, false);
	SiFieldTable *f = si_fields_create(false, 100);
	SiReason	why;
	SiIndex    *ix = si_index_create(&spec, f, &why);
	SiValue		null = {.kind = SI_VALUE_NULL};
	const SiTable *t;

	for (int batch = 0; batch < 3; batch++)
	{
		for (int i = 0; i < 5000; i++)
		{
			char		word[32];

			snprintf(word, sizeof(word), "w%d", (i + batch) % 1700);
			add(ix, f, long_value(i), i % 7 ? text_value(word) : null,
				i % 3 ? long_value(i * 2) : null, i % 5 ? long_value(-i) : null);
		}
		t = si_index_table(ix);
		CHECK_INT(t->nrows, 5000);
		for (int i = 0; i < 5000; i++)
		{
			char		word[32];
			bool		ok;

			snprintf(word, sizeof(word), "w%d", (i + batch) % 1700);
			ok = t->columns[0].v.longs[i] == i &&
				text_is(column(t, "d"), i, i % 7 ? word : NULL) &&
				null_at(column(t, "n"), i) == (i % 3 == 0) &&
				column(t, "n")->v.longs[i] == (i % 3 ? i * 2 : 0) &&
				null_at(column(t, "total"), i) == (i % 5 == 0) &&
				column(t, "count")->v.longs[i] == 1;
			if (!ok || i == 4999)
				CHECK(ok, "batch %d row %d", batch, i);
			if (!ok)
				break;
		}
		si_index_reset(ix);
		CHECK_INT(si_index_rows(ix), 0);
	}
}

static void
test_all_null_columns_are_left_out(void)
{
	SiSpec		spec = make_spec(false, false);
	SiFieldTable *f = si_fields_create(false, 100);
	SiReason	why;
	SiIndex    *ix = si_index_create(&spec, f, &why);
	SiValue		null = {.kind = SI_VALUE_NULL};

	add(ix, f, long_value(1), null, long_value(1), null);
	CHECK(column(si_index_table(ix), "d") == NULL, "a column without a value is stored");
	CHECK(column(si_index_table(ix), "n") != NULL, "a column with a value is not stored");
	CHECK(column(si_index_table(ix), "least") == NULL, "a metric without a value is stored");
}

static void
test_rollup(void)
{
	SiSpec		spec = make_spec(true, false);
	SiFieldTable *f = si_fields_create(false, 100);
	SiReason	why;
	SiIndex    *ix = si_index_create(&spec, f, &why);
	SiValue		null = {.kind = SI_VALUE_NULL};
	enum
	{
		SECONDS = 5, WORDS = 40, NUMBERS = 3
	};
	static int64 count[SECONDS][WORDS][NUMBERS],
				total[SECONDS][WORDS][NUMBERS];
	static double least[SECONDS][WORDS][NUMBERS];
	static bool seen[SECONDS][WORDS][NUMBERS];
	const SiTable *t;
	uint32		groups = 0;
	unsigned	rnd = 12345;

	for (int i = 0; i < 60000; i++)
	{
		int			s,
					w,
					n,
					m;
		char		word[32];

		rnd = rnd * 1103515245 + 12345;
		s = (rnd >> 16) % SECONDS;
		w = (rnd >> 20) % WORDS;
		n = (rnd >> 10) % NUMBERS;
		m = (int) ((rnd >> 8) % 1000) - 500;
		snprintf(word, sizeof(word), "w%d", w);
		/* word 0 and number 0 stand for null; every 11th metric is null */
		add(ix, f, long_value(s * 1000 + i % 1000), w ? text_value(word) : null,
			n ? long_value(n) : null, i % 11 ? long_value(m) : null);
		count[s][w][n]++;
		if (i % 11)
		{
			total[s][w][n] += m;
			if (!seen[s][w][n] || m < least[s][w][n])
				least[s][w][n] = m;
			seen[s][w][n] = true;
		}
	}
	for (int s = 0; s < SECONDS; s++)
		for (int w = 0; w < WORDS; w++)
			for (int n = 0; n < NUMBERS; n++)
				groups += count[s][w][n] > 0;
	t = si_index_table(ix);
	CHECK_INT(t->nrows, groups);
	for (uint32 r = 0; r < t->nrows; r++)
	{
		int			s = t->columns[0].v.longs[r] / 1000;
		uint32		code = column(t, "d")->v.codes[r];
		int			w = code ? atoi(column(t, "d")->dict.bytes + column(t, "d")->dict.offsets[code - 1] + 1) : 0;
		int			n = null_at(column(t, "n"), r) ? 0 : column(t, "n")->v.longs[r];
		bool		ok = t->columns[0].v.longs[r] % 1000 == 0 &&
			column(t, "count")->v.longs[r] == count[s][w][n] &&
			null_at(column(t, "total"), r) == !seen[s][w][n] &&
			(!seen[s][w][n] || (column(t, "total")->v.longs[r] == total[s][w][n] &&
								column(t, "least")->v.doubles[r] == least[s][w][n]));

		if (!ok || r == t->nrows - 1)
			CHECK(ok, "group %u", r);
		if (!ok)
			break;
	}
}

static void
test_discovery(void)
{
	SiSpec		spec = make_spec(false, true);
	SiFieldTable *f = si_fields_create(true, 5000);
	SiReason	why;
	SiIndex    *ix = si_index_create(&spec, f, &why);
	SiValue    *values = palloc0(sizeof(SiValue) * 6000);
	SiRows		rows = {.nrows = 1,.values = values};
	SiAddResult result;
	const SiTable *t;
	const char *type;
	int			news = 0;

	values[si_fields_add(f, "t", 1)] = long_value(1);
	values[si_fields_add(f, "m", 1)] = long_value(7);
	rows.stride = si_fields_count(f);
	si_index_add(ix, &rows, &result, &why);
	CHECK(si_index_discovered(ix, 0, &type) == NULL, "the time or a metric's input was discovered");

	values[si_fields_add(f, "late", 4)] = text_value("x");
	rows.stride = si_fields_count(f);
	si_index_add(ix, &rows, &result, &why);
	CHECK_STR(si_index_discovered(ix, 0, &type), "late");
	CHECK_STR(type, "string");
	CHECK_STR(si_index_news(ix, &news, &type), "late");
	CHECK(si_index_news(ix, &news, &type) == NULL, "one column is news twice");
	news = 0;
	si_index_news_known(ix);
	CHECK(si_index_news(ix, &news, &type) == NULL, "a known column is news");
	t = si_index_table(ix);
	CHECK(text_is(column(t, "late"), 0, NULL), "the row before a discovery is not null");
	CHECK(text_is(column(t, "late"), 1, "x"), "the discovered value is lost");

	for (int i = 0; i < 3000; i++)
	{
		char		name[32];
		int			len = snprintf(name, sizeof(name), "c%d", i);

		values[si_fields_add(f, name, len)] = text_value("v");
	}
	rows.stride = si_fields_count(f);
	si_index_add(ix, &rows, &result, &why);
	CHECK_INT(result.processed, 1);
	CHECK(si_index_table(ix)->ncolumns <= 1600, "more columns than a table may have");
	CHECK(si_index_refused_columns(ix) > 1000, "refused columns are not counted");
}

static void
test_times(void)
{
	SiSpec		spec = make_spec(false, false);
	SiFieldTable *f = si_fields_create(false, 100);
	SiReason	why;
	SiIndex    *ix = si_index_create(&spec, f, &why);
	SiValue		null = {.kind = SI_VALUE_NULL};

	/* task-06 of Druid's cases: the bounds are inclusive */
	si_index_set_bounds(ix, 100, 200);
	CHECK_INT(add(ix, f, long_value(99), null, null, null).before_min, 1);
	CHECK_INT(add(ix, f, long_value(100), null, null, null).processed, 1);
	CHECK_INT(add(ix, f, long_value(200), null, null, null).processed, 1);
	CHECK_INT(add(ix, f, long_value(201), null, null, null).after_max, 1);
	CHECK(add(ix, f, null, null, null, null).unparseable, "a row without a time is not unparseable");
	CHECK_INT(si_index_rows(ix), 2);
	CHECK_INT(add(ix, f, long_value(150), null, text_value("many"), null).with_error, 1);
	CHECK(column(si_index_table(ix), "n") == NULL, "a bad value is not null");
}

/* A time that is truncated stays in the segment that the row belongs to. */
static void
test_segment_bounds(void)
{
	static const struct
	{
		const char *query;
		const char *zone;		/* of query as a period; NULL: a name */
		const char *segment;
		int64		time;
		int64		stored;
	}			cases[] = {
		/* Friday, 1 May 2020: the week began in April */
		{"week", NULL, "month", INT64CONST(1588327200000), INT64CONST(1588291200000)},
		{"week", NULL, "month", INT64CONST(1588672800000), INT64CONST(1588550400000)},
		{"week", NULL, "day", INT64CONST(1588327200000), INT64CONST(1588291200000)},
		{"all", NULL, "day", INT64CONST(1588327200000), INT64CONST(1588291200000)},
		{"month", NULL, "week", INT64CONST(1588327200000), INT64CONST(1588291200000)},
		{"month", NULL, "week", INT64CONST(1588672800000), INT64CONST(1588550400000)},
		{"ten_minute", NULL, "fifteen_minute", INT64CONST(1588292220000), INT64CONST(1588292100000)},
		/* the day of Berlin began at 22 h UTC of the day before */
		{"P1D", "Europe/Berlin", "day", INT64CONST(1588327200000), INT64CONST(1588291200000)},
		{"P1D", "Europe/Berlin", "day", INT64CONST(1588374000000), INT64CONST(1588370400000)},
		{"hour", NULL, "day", INT64CONST(1588327201000), INT64CONST(1588327200000)},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		SiSpec		spec = make_spec(true, false);
		SiFieldTable *f = si_fields_create(false, 100);
		SiReason	why;
		SiValue		null = {.kind = SI_VALUE_NULL};
		SiIndex    *ix;

		if (cases[i].zone)
			si_granularity_from_period(cases[i].query, cases[i].zone, 0, false, &spec.query_granularity, &why);
		else
			si_granularity_from_name(cases[i].query, &spec.query_granularity);
		si_granularity_from_name(cases[i].segment, &spec.segment_granularity);
		ix = si_index_create(&spec, f, &why);
		CHECK_INT(add(ix, f, long_value(cases[i].time), null, null, null).processed, 1);
		CHECK_INT(column(si_index_table(ix), "__time")->v.longs[0], cases[i].stored);
	}
}

/* Dimensions first, then metrics; a field that feeds two metrics is wrong twice. */
static void
test_reasons(void)
{
	SiSpec		spec = make_spec(false, false);
	SiFieldTable *f = si_fields_create(false, 100);
	SiReason	why;
	SiIndex    *ix = si_index_create(&spec, f, &why);
	const SiReason *list;
	SiValue		null = {.kind = SI_VALUE_NULL};

	CHECK_INT(add(ix, f, long_value(1), null, text_value("many"), text_value("abc")).with_error, 1);
	CHECK_INT(si_index_reasons(ix, &list), 3);
	CHECK_STR(list[0].text, "Could not convert value [many] to long for dimension [n].");
	CHECK_STR(list[1].text, "Unable to parse value[abc] for field[m]");
	CHECK_STR(list[2].text, "Unable to parse value[abc] for field[m]");
	CHECK_INT(add(ix, f, long_value(1), null, null, null).processed, 1);
	CHECK_INT(si_index_reasons(ix, &list), 0);

	/* as many rows with errors as there may be in one message */
	{
		SiValue		values[64 * 8] = {0};
		SiRows		rows = {.nrows = 64,.stride = si_fields_count(f),.values = values};
		SiAddResult result;

		for (int r = 0; r < 64; r++)
		{
			values[r * rows.stride + si_fields_add(f, "t", 1)] = long_value(1);
			values[r * rows.stride + si_fields_add(f, "n", 1)] = text_value("many");
		}
		si_index_add(ix, &rows, &result, &why);
		CHECK_INT(result.with_error, 64);
		CHECK_INT(si_index_reasons(ix, &list), SI_MAX_REASONS);
		CHECK_STR(why.text, list[0].text);
	}
}

static void
test_dictionary(void)
{
	SiDictBuilder d;
	char		word[64];
	bool		ok = true;

	si_dict_init(&d);
	for (int round = 0; round < 3; round++)
	{
		for (int i = 0; i < 100000; i++)
		{
			int			len = snprintf(word, sizeof(word), "%*d", i % 40 + 1, i);

			ok &= si_dict_lookup(&d, word, len) == (uint32) i + 1;
		}
		for (int i = 99999; i >= 0; i--)
		{
			int			len = snprintf(word, sizeof(word), "%*d", i % 40 + 1, i);

			ok &= si_dict_lookup(&d, word, len) == (uint32) i + 1;
		}
		CHECK(ok, "round %d: a text got another code", round);
		si_dict_reset(&d);
		CHECK_INT(si_dict_lookup(&d, "", 0), 1);
		CHECK_INT(si_dict_lookup(&d, "", 0), 1);
		CHECK_INT(si_dict_lookup(&d, "a", 1), 2);
		si_dict_reset(&d);
	}
	si_dict_free(&d);
}

int
main(void)
{
	test_dictionary();
	test_plain();
	test_all_null_columns_are_left_out();
	test_rollup();
	test_discovery();
	test_times();
	test_segment_bounds();
	test_reasons();
	return harness_end("test_index");
}
