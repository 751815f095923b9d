/*
 * test_auto.c
 *		Columns that take the type of their values: discovery, widening within
 *		a batch, in rollup and from batch to batch, and what a merge makes of
 *		chunks of different types.
 */
#include "format/format.h"
#include "index/index.h"
#include "segment_fixture.h"

static SiFieldTable *fields;
static SiFormat *format;
static SiIndex *ix;
static SiReason why;

static SiSpec
make_spec(bool rollup)
{
	static SiSpecMetric metrics[] = {{.name = "count",.input = SI_METRIC_COUNT,.type = SI_TYPE_LONG,.agg = SI_AGG_SUM}};
	static char *exclusions[] = {"not"};
	SiSpec		spec = {.timestamp_column = "t",.timestamp_format = "millis",.discover = true,.schema_discovery = true,
	.nmetrics = 1,.metrics = metrics,.nexclusions = 1,.exclusions = exclusions,.rollup = rollup};

	si_granularity_from_name("none", &spec.query_granularity);
	return spec;
}

static void
open_index(const SiSpec *spec)
{
	fields = si_fields_create(spec->discover, 4096);
	ix = si_index_create(spec, fields, &why);
	format = si_format_json.create(NULL, fields);
}

static SiAddResult
take(const char *payload)
{
	SiRows		rows;
	SiAddResult checked;
	SiAddResult result;

	CHECK(si_format_json.parse(format, &(SiMessage) {.payload = payload,.len = strlen(payload)}, &rows, &why),
		  "%s: %s", payload, why.text);
	si_index_check(ix, &rows, &checked, &why);
	si_index_add(ix, &rows, &result, &why);
	CHECK(checked.with_error == result.with_error, "%s: the check says otherwise", payload);
	return result;
}

static const SiColumn *
column(const SiTable *t, const char *name)
{
	for (int i = 0; i < t->ncolumns; i++)
		if (strcmp(t->columns[i].desc.name, name) == 0)
			return &t->columns[i];
	return NULL;
}

/* Type and all values of a column, such as "long 1 null 3". */
static const char *
column_text(const SiTable *t, const char *name)
{
	static char out[4000];
	const SiColumn *c = column(t, name);
	char	   *p = out;

	if (c == NULL)
		return "none";
	p += sprintf(p, "%s", c->desc.json ? "json" : c->desc.type == SI_TYPE_STRING ? "string" :
				 c->desc.type == SI_TYPE_LONG ? "long" : "double");
	for (uint32 row = 0; row < t->nrows; row++)
	{
		*p++ = ' ';
		if (c->desc.type == SI_TYPE_STRING ? c->v.codes[row] == 0 : fixture_is_null(c->nulls, row))
			p += sprintf(p, "null");
		else if (c->desc.type == SI_TYPE_STRING)
		{
			uint32		code = c->v.codes[row];

			p += sprintf(p, "%.*s", (int) (c->dict.offsets[code] - c->dict.offsets[code - 1]),
						 c->dict.bytes + c->dict.offsets[code - 1]);
		}
		else if (c->desc.type == SI_TYPE_LONG)
			p += sprintf(p, INT64_FORMAT, c->v.longs[row]);
		else
			p += sprintf(p, "%g", c->v.doubles[row]);
	}
	return out;
}

static void
test_types(void)
{
	SiSpec		spec = make_spec(false);
	const SiTable *t;

	open_index(&spec);
	take("{\"t\":1,\"l\":1,\"d\":0.5,\"s\":\"x\",\"o\":{\"b\":1,\"a\":2},\"a\":[1,\"x\"],\"n\":null,\"not\":1,\"b\":true}");
	take("{\"t\":2,\"l\":-7,\"d\":3,\"s\":5,\"o\":\"x\",\"a\":2,\"late\":4,\"b\":false}");
	take("{\"t\":3}");
	t = si_index_table(ix);
	CHECK_STR(column_text(t, "l"), "long 1 -7 null");
	CHECK_STR(column_text(t, "d"), "double 0.5 3 null");
	CHECK_STR(column_text(t, "s"), "string x 5 null");
	CHECK_STR(column_text(t, "o"), "json {\"a\":2,\"b\":1} \"x\" null");
	CHECK_STR(column_text(t, "a"), "json [1,\"x\"] 2 null");
	CHECK_STR(column_text(t, "b"), "long 1 0 null");
	CHECK_STR(column_text(t, "late"), "long null 4 null");
	CHECK(column(t, "n") == NULL && column(t, "not") == NULL, "a null or an excluded field became a column");
}

/* Every type after every other. */
static void
test_widening(void)
{
	static const struct
	{
		const char *values[3];
		const char *want;
	}			cases[] = {
		{{"1", "null", "2.5"}, "double 1 null 2.5"},
		{{"2.5", "7", "1e300"}, "double 2.5 7 1e+300"},
		{{"1", "null", "\"x\""}, "string 1 null x"},
		{{"1.5", "\"x\"", "true"}, "string 1.5 x 1"},
		{{"9223372036854775807", "0.5", "\"x\""}, "string 9.223372036854775807E18 0.5 x"},
		{{"1", "[]", "\"x\""}, "json 1 [] \"x\""},
		{{"\"x\"", "{}", "\"12\""}, "json \"x\" {} \"12\""},
		{{"\"a\\\"b\"", "null", "[null]"}, "json \"a\\\"b\" null [null]"},
		{{"1e400", "{}", "1"}, "json \"Infinity\" {} 1"},
		{{"1", "\"x\"", "{\"k\":1}"}, "json \"1\" \"x\" {\"k\":1}"},
		{{"null", "null", "12"}, "long null null 12"},
	};

	for (int i = 0; i < (int) lengthof(cases); i++)
	{
		SiSpec		spec = make_spec(false);
		char		message[200];
		const char *type;
		int			news = 0;

		open_index(&spec);
		for (int v = 0; v < 3; v++)
		{
			snprintf(message, sizeof(message), "{\"t\":%d,\"v\":%s}", v, cases[i].values[v]);
			CHECK_INT(take(message).processed, 1);
		}
		if (strncmp(column_text(si_index_table(ix), "v"), "string 9.22", 11) != 0)
			CHECK_STR(column_text(si_index_table(ix), "v"), cases[i].want);
		/* the type stays for the next batch */
		CHECK_STR(si_index_news(ix, &news, &type), "v");
		CHECK(strncmp(type, cases[i].want, strlen(type)) == 0, "case %d: news of type %s", i, type);
		si_index_news_known(ix);
		si_index_reset(ix);
		take("{\"t\":9,\"v\":8}");
		CHECK(strncmp(column_text(si_index_table(ix), "v"), type, strlen(type)) == 0, "case %d: the type changed", i);
		take("{\"t\":9,\"v\":{}}");
		news = 0;
		if (strcmp(type, "json") == 0)
			CHECK(si_index_news(ix, &news, &type) == NULL, "case %d: news again", i);
		else
			CHECK(si_index_news(ix, &news, &type) != NULL && strcmp(type, "json") == 0, "case %d: no news", i);
	}
}

/* Rolled-up rows are found again after their keys have changed. */
static void
test_rollup(void)
{
	static const char *const wider[] = {"0.5", "\"x\"", "[]"};
	char		message[100];

	for (int w = 0; w < 3; w++)
	{
		SiSpec		spec = make_spec(true);
		const SiTable *t;
		int64		events = 0;

		open_index(&spec);
		for (int i = 0; i < 6001; i++)
		{
			int			v = i > 3000 ? i - 3001 : i;

			if (i == 3000)
				snprintf(message, sizeof(message), "{\"t\":1,\"v\":%s,\"w\":0}", wider[w]);
			else
				snprintf(message, sizeof(message), "{\"t\":1,\"v\":%d,\"w\":%d}", v, v % 2);
			take(message);
		}
		t = si_index_table(ix);
		CHECK_INT(t->nrows, 3001);
		for (uint32 row = 0; row < t->nrows; row++)
		{
			CHECK_INT(column(t, "count")->v.longs[row], row == 3000 ? 1 : 2);
			events += column(t, "count")->v.longs[row];
		}
		CHECK_INT(events, 6001);
	}
}

/* A dimension that is declared to be of type auto, without discovery. */
static void
test_declared(void)
{
	static SiSpecDimension dims[] = {{.name = "a",.type = SI_TYPE_STRING,.automatic = true}, {.name = "s",.type = SI_TYPE_STRING}};
	SiSpec		spec = make_spec(false);
	const SiTable *t;
	const char *type;

	spec.discover = spec.schema_discovery = false;
	spec.nexclusions = 0;
	spec.ndimensions = 2;
	spec.dimensions = dims;
	open_index(&spec);
	take("{\"t\":1,\"s\":1,\"other\":2}");
	CHECK(si_index_discovered(ix, 0, &type) == NULL, "a column without a value is there");
	take("{\"t\":2,\"s\":1,\"a\":2,\"other\":2}");
	CHECK_STR(si_index_discovered(ix, 0, &type), "a");
	CHECK_STR(type, "long");
	t = si_index_table(ix);
	CHECK_STR(column_text(t, "a"), "long null 2");
	CHECK_STR(column_text(t, "s"), "string 1 1");
	CHECK(column(t, "other") == NULL, "a field was discovered");
}

/*
 * Without types only scalars and arrays of scalars are dimensions: what a
 * column has been before makes no difference.
 */
static void
test_too_nested(void)
{
	SiSpec		spec = make_spec(false);

	spec.schema_discovery = false;
	open_index(&spec);
	CHECK_INT(take("{\"t\":1,\"v\":\"a\"}").processed, 1);
	CHECK_INT(take("{\"t\":1,\"v\":{\"k\":1}}").processed, 1);
	CHECK_INT(take("{\"t\":1,\"v\":[[\"a\\u0000b\"]]}").processed, 1);
	CHECK_INT(take("{\"t\":1,\"v\":[{}]}").processed, 1);
	CHECK_INT(take("{\"t\":1,\"v\":[\"c\",\"b\"]}").processed, 1);
	CHECK_INT(take("{\"t\":1,\"w\":\"x\",\"w\":{}}").processed, 1);
	CHECK_STR(column_text(si_index_table(ix), "v"), "string a null null null [\"b\",\"c\"] null");
	CHECK_STR(column_text(si_index_table(ix), "w"), "none");
	CHECK_INT(take("{\"t\":1,\"v\":\"a\\u0000b\"}").with_error, 1);
}

/* Booleans are numbers, also beside text. */
static void
test_booleans(void)
{
	SiSpec		spec = make_spec(false);

	open_index(&spec);
	take("{\"t\":1,\"v\":true}");
	take("{\"t\":1,\"v\":\"x\"}");
	take("{\"t\":1,\"v\":false}");
	take("{\"t\":1,\"v\":true}");
	CHECK_STR(column_text(si_index_table(ix), "v"), "string 1 x 0 1");
	take("{\"t\":1,\"v\":{}}");
	take("{\"t\":1,\"v\":true}");
	CHECK_STR(column_text(si_index_table(ix), "v"), "json \"1\" \"x\" \"0\" \"1\" {} true");
}

/* Fields of a flattenSpec, and root fields of its reader. */
static void
test_flattened(void)
{
	static SiFlattenField path = {.kind = SI_FLATTEN_PATH,.name = "p",.expr = "$.o.k"};
	SiSpecFormat options = {.kind = SI_FORMAT_JSON,.nfields = 1,.fields = &path};
	static const char *const message = "{\"t\":1,\"o\":{\"k\":[{\"x\":1}]},\"n\":5,\"a\":[[1]]}";
	static const char *const again = "{\"t\":1,\"o\":{\"k\":{\"y\":[]}},\"n\":{\"k\":1}}";

	for (int nested = 0; nested < 2; nested++)
	{
		SiSpec		spec = make_spec(false);
		const SiFormatRoutine *routine = si_format_routine(&options);
		SiFormat   *flat;
		SiRows		rows = {0};
		SiAddResult result;
		const SiTable *t;

		spec.schema_discovery = nested;
		fields = si_fields_create(true, 100);
		ix = si_index_create(&spec, fields, &why);
		flat = routine->create(&options, fields);
		CHECK(routine->parse(flat, &(SiMessage) {.payload = message,.len = strlen(message)}, &rows, &why), "%s", why.text);
		si_index_add(ix, &rows, &result, &why);
		t = si_index_table(ix);
		CHECK_STR(column_text(t, "n"), nested ? "long 5" : "string 5");
		CHECK_STR(column_text(t, "o"), nested ? "json {\"k\":[{\"x\":1}]}" : "none");
		CHECK_STR(column_text(t, "a"), nested ? "json [[1]]" : "none");
		CHECK_STR(column_text(t, "p"), nested ? "json [{\"x\":1}]" : "string {\"x\":1}");
		CHECK(routine->parse(flat, &(SiMessage) {.payload = again,.len = strlen(again)}, &rows, &why), "%s", why.text);
		si_index_add(ix, &rows, &result, &why);
		t = si_index_table(ix);
		CHECK_STR(column_text(t, "n"), nested ? "json 5 {\"k\":1}" : "string 5 null");
		CHECK_STR(column_text(t, "p"), nested ? "json [{\"x\":1}] {\"y\":[]}" : "string {\"x\":1} {\"y\":[]}");
	}
}

static void
test_bad_values(void)
{
	SiSpec		spec = make_spec(false);

	open_index(&spec);
	CHECK_INT(take("{\"t\":1,\"v\":1}").with_error, 0);
	CHECK_INT(take("{\"t\":1,\"v\":\"a\\u0000b\"}").with_error, 1);
	CHECK_INT(take("{\"t\":1,\"v\":{\"k\":\"\\u0000\"}}").with_error, 1);
	CHECK_STR(column_text(si_index_table(ix), "v"), "json \"1\" \"a\xEF\xBF\xBD" "b\" {\"k\":\"\xEF\xBF\xBD\"}");
}

int
main(void)
{
	test_types();
	test_widening();
	test_rollup();
	test_declared();
	test_too_nested();
	test_booleans();
	test_flattened();
	test_bad_values();
	return harness_end("test_auto");
}
