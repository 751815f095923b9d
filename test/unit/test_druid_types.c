/*
 * test_druid_types.c
 *		What a running Druid made of odd messages with long, double and json
 *		dimensions and the metrics longMax, longMin, doubleSum and stringLast:
 *		all messages through the format and the index, counters and stored
 *		rows against data/druid_rows_types.tsv.  Cases of Druid's own tests
 *		about types, exclusions and rollup, and json dimensions with values.
 */
#include "common/port.h"

#include "format/format.h"
#include "format/number.h"
#include "index/index.h"
#include "harness.h"

#define MAX_ROWS	200
#define LONG_TEXT	40000

static SiFieldTable *fields;
static SiFormat *format;
static SiIndex *ix;
static SiAddResult total;
static int	unparseable;
static SiReason why;

static void
open_index(const SiSpec *spec)
{
	fields = si_fields_create(spec->discover, 4096);
	ix = si_index_create(spec, fields, &why);
	CHECK(ix != NULL, "%s", why.text);
	format = si_format_json.create(NULL, fields);
	memset(&total, 0, sizeof(total));
	unparseable = 0;
}

static void
close_index(void)
{
	si_format_json.destroy(format);
	si_fields_free(fields);
}

/* Adds a message; what became of it in the words of druid_messages.tsv. */
static const char *
take(const char *payload, size_t len)
{
	static char verdict[32];
	SiRows		rows;
	SiAddResult r = {0};

	why.text[0] = '\0';
	if (!si_format_json.parse(format, &(SiMessage) {.payload = payload,.len = len}, &rows, &why))
		r.unparseable = true;
	else
		si_index_add(ix, &rows, &r, &why);
	if (r.unparseable)
	{
		unparseable++;
		return "unparseable";
	}
	total.processed += r.processed;
	total.with_error += r.with_error;
	snprintf(verdict, sizeof(verdict), "%s%d", r.with_error ? "error" : "ok", r.processed + r.with_error);
	return verdict;
}

static size_t
unescape(char *text)
{
	char	   *in,
			   *out;

	for (in = out = text; *in != '\0'; in++)
	{
		if (*in == '\\' && in[1] == 'x')
		{
			char		hex[3] = {in[2], in[3], 0};

			*out++ = (char) strtol(hex, NULL, 16);
			in += 3;
		}
		else
			*out++ = (*in == '\\') ? *++in : *in;
	}
	*out = '\0';
	return out - text;
}

/* ------------------------------------------------------------------- cells */

static const SiColumn *
column(const SiTable *t, const char *name)
{
	for (int i = 0; i < t->ncolumns; i++)
		if (strcmp(t->columns[i].desc.name, name) == 0)
			return &t->columns[i];
	return NULL;
}

/* A value as text; NULL is null. */
static char *
cell(const SiTable *t, const char *name, uint32 row)
{
	const SiColumn *c = column(t, name);
	char		buf[SI_DOUBLE_TEXT + 1];

	if (c == NULL)
		return NULL;
	if (c->desc.type == SI_TYPE_STRING)
	{
		uint32		code = c->v.codes[row];
		uint64		at;
		char	   *text;

		if (code == 0)
			return NULL;
		at = c->dict.offsets[code - 1];
		text = palloc0(c->dict.offsets[code] - at + 1);
		memcpy(text, c->dict.bytes + at, c->dict.offsets[code] - at);
		return text;
	}
	if (c->nulls != NULL && (c->nulls[row / 64] >> (row % 64)) & 1)
		return NULL;
	if (c->desc.type == SI_TYPE_DOUBLE || c->desc.type == SI_TYPE_FLOAT)
		buf[si_double_print(c->desc.type == SI_TYPE_FLOAT ? c->v.floats[row] : c->v.doubles[row], buf)] = '\0';
	else
		snprintf(buf, sizeof(buf), INT64_FORMAT, c->v.longs[row]);
	return pstrdup(buf);
}

static void
cell_is(const SiTable *t, const char *name, uint32 row, const char *want)
{
	char	   *got = cell(t, name, row);

	CHECK((got == NULL) == (want == NULL) && (got == NULL || strcmp(got, want) == 0),
		  "%s of row %u is %s, expected %s", name, row, got ? got : "null", want ? want : "null");
}

/* -------------------------------------------------------- observed by hand */

/* A field of the file of rows: NULL is null, x*N is spelt out. */
static char *
wanted(char *text, const char *druid)
{
	if (strcmp(text, "=") == 0)
		return druid ? pstrdup(druid) : NULL;
	if (strcmp(text, "\\N") == 0)
		return NULL;
	if (strncmp(text, "x*", 2) == 0)
	{
		int			n = atoi(text + 2);
		char	   *xs = palloc0(n + 1);

		memset(xs, 'x', n);
		return xs;
	}
	unescape(text);
	return pstrdup(text);
}

static void
compare_rows(const SiTable *t)
{
	static const char *const names[] = {"added", "deleted", "amax", "amin", "dsum"};
	FILE	   *f = fopen("data/druid_rows_types.tsv", "r");
	static char line[65536];
	static bool used[MAX_ROWS];
	int			n = 0;

	CHECK(f != NULL, "data/druid_rows_types.tsv cannot be read (run in test/unit)");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
	{
		char	   *rest = line;
		char	   *page,
				   *time,
				   *comment;
		uint32		row;

		if (*line == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		page = wanted(strsep(&rest, "\t"), NULL);
		time = strsep(&rest, "\t");
		for (row = 0; row < t->nrows; row++)
		{
			char	   *got = cell(t, "page", row);

			if (!used[row] && got != NULL && strcmp(got, page) == 0 && strcmp(cell(t, SI_TIME_COLUMN, row), time) == 0)
				break;
		}
		CHECK(row < t->nrows, "row \"%s\" at %s is not stored", page, time);
		if (row == t->nrows)
			continue;
		used[row] = true;
		n++;
		comment = wanted(strsep(&rest, "\t"), NULL);
		cell_is(t, "comment", row, wanted(strsep(&rest, "\t"), comment));
		for (int i = 0; i < (int) lengthof(names); i++)
			cell_is(t, names[i], row, wanted(strsep(&rest, "\t"), NULL));
		comment = wanted(strsep(&rest, "\t"), NULL);
		cell_is(t, "clast", row, wanted(strsep(&rest, "\t"), comment));
		cell_is(t, "count", row, "1");
	}
	if (f != NULL)
		fclose(f);
	CHECK_INT(n, 85);
	CHECK_INT(t->nrows, 85);
	CHECK(column(t, "nested") == NULL, "a column without a value is stored");
}

static void
test_observed(void)
{
	static SiSpecDimension dims[] = {
		{.name = "channel",.type = SI_TYPE_STRING}, {.name = "page",.type = SI_TYPE_STRING},
		{.name = "user",.type = SI_TYPE_STRING}, {.name = "comment",.type = SI_TYPE_STRING,.multi_value = SI_MULTI_ARRAY},
		{.name = "added",.type = SI_TYPE_LONG}, {.name = "deleted",.type = SI_TYPE_DOUBLE},
		{.name = "nested",.type = SI_TYPE_STRING,.json = true}
	};
	static SiSpecMetric metrics[] = {
		{.name = "count",.input = SI_METRIC_COUNT,.type = SI_TYPE_LONG,.agg = SI_AGG_SUM},
		{.name = "dsum",.input = SI_METRIC_FIELD,.field_name = "delta",.type = SI_TYPE_DOUBLE,.agg = SI_AGG_SUM},
		{.name = "amax",.input = SI_METRIC_FIELD,.field_name = "added",.type = SI_TYPE_LONG,.agg = SI_AGG_MAX},
		{.name = "amin",.input = SI_METRIC_FIELD,.field_name = "added",.type = SI_TYPE_LONG,.agg = SI_AGG_MIN},
		{.name = "clast",.input = SI_METRIC_FIELD,.field_name = "comment",.type = SI_TYPE_STRING,.agg = SI_AGG_LAST,.max_string_bytes = 1024}
	};
	SiSpec		spec = {.timestamp_column = "time",.timestamp_format = "iso",.ndimensions = lengthof(dims),.dimensions = dims,
	.nmetrics = lengthof(metrics),.metrics = metrics};
	FILE	   *f = fopen("data/druid_messages.tsv", "r");
	static char line[65536];
	static char text[LONG_TEXT + 200];
	int			n = 0;

	si_granularity_from_name("none", &spec.query_granularity);
	open_index(&spec);
	CHECK(f != NULL, "data/druid_messages.tsv cannot be read (run in test/unit)");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
	{
		char	   *rest = line;
		char	   *name = strsep(&rest, "\t");
		char	   *payload = strsep(&rest, "\t");
		const char *verdict;
		const char *got;

		if (*name == '#' || rest == NULL)
			continue;
		n++;
		strsep(&rest, "\t");
		rest[strcspn(rest, "\n")] = '\0';
		/* its NUL character became U+FFFD, which is counted here */
		verdict = strcmp(name, "NUL escape in dimension") == 0 ? "error1" : rest;
		got = take(payload, unescape(payload));
		CHECK(strcmp(got, verdict) == 0, "%s: %s, expected %s (%s)", name, got, verdict, why.text);
	}
	if (f != NULL)
		fclose(f);
	CHECK_INT(n, 121);
	/* the one that is too long for the file */
	n = snprintf(text, sizeof(text), "{\"time\": \"2015-09-12T05:00:00.000Z\", \"channel\": \"#c\", \"page\": \"dim long string\","
				 " \"user\": \"u\", \"added\": 1, \"deleted\": 2, \"delta\": -1, \"comment\": \"");
	memset(text + n, 'x', LONG_TEXT);
	strcpy(text + n + LONG_TEXT, "\"}");
	CHECK_STR(take(text, strlen(text)), "ok1");
	/* Druid: 71 and 14 of these messages, and 39 unparseable */
	CHECK_INT(total.processed, 70);
	CHECK_INT(total.with_error, 15);
	CHECK_INT(unparseable, 39);
	compare_rows(si_index_table(ix));
	close_index();
}

/* ------------------------------------------------------------ Druid's cases */

static void
test_numeric_dimensions(void)
{
	static SiSpecDimension dims[] = {
		{.name = "string",.type = SI_TYPE_STRING}, {.name = "float",.type = SI_TYPE_FLOAT},
		{.name = "long",.type = SI_TYPE_LONG}, {.name = "double",.type = SI_TYPE_DOUBLE}
	};
	static const struct
	{
		const char *message;
		const char *null;		/* the column that has no value */
		const char *why;
	}			cases[] = {
		{"{\"t\":1,\"string\":\"A\",\"float\":\"19.0\",\"long\":\"asdj\",\"double\":21.0}", "long",
		"Could not convert value [asdj] to long for dimension [long]."},
		{"{\"t\":1,\"string\":\"A\",\"float\":\"aaa\",\"long\":20,\"double\":21.0}", "float",
		"Could not convert value [aaa] to float for dimension [float]."},
		{"{\"t\":1,\"string\":\"A\",\"float\":19.0,\"long\":20,\"double\":\"\"}", "double",
		"Could not convert value [] to double for dimension [double]."},
		{"{\"t\":1,\"string\":\"A\",\"float\":\"19.0\",\"long\":[10, 5],\"double\":21.0}", "long",
		"Could not ingest value [[10, 5]] as long for dimension [long]. A long column cannot have multiple values in the same row."},
	};
	SiSpec		spec = {.timestamp_column = "t",.timestamp_format = "millis",.ndimensions = lengthof(dims),.dimensions = dims};

	si_granularity_from_name("none", &spec.query_granularity);
	for (int i = 0; i < (int) lengthof(cases); i++)
	{
		const SiTable *t;

		open_index(&spec);
		CHECK_STR(take(cases[i].message, strlen(cases[i].message)), "error1");
		CHECK_STR(why.text, cases[i].why);
		t = si_index_table(ix);
		CHECK_INT(t->nrows, 1);
		for (int d = 0; d < (int) lengthof(dims); d++)
			CHECK((cell(t, dims[d].name, 0) == NULL) == (strcmp(dims[d].name, cases[i].null) == 0),
				  "case %d: %s", i, dims[d].name);
		close_index();
	}
}

static void
test_multi_values(void)
{
	static SiSpecDimension dims[] = {
		{.name = "set",.type = SI_TYPE_STRING,.multi_value = SI_MULTI_SORTED_SET},
		{.name = "sorted",.type = SI_TYPE_STRING,.multi_value = SI_MULTI_SORTED_ARRAY},
		{.name = "array",.type = SI_TYPE_STRING,.multi_value = SI_MULTI_ARRAY}
	};
	static const char *const message =
	"{\"t\":1,\"set\":[\"c\",\"b\",\"a\",\"b\"],\"sorted\":[\"c\",\"b\",\"a\",\"b\"],\"array\":[\"c\",\"b\",\"a\",\"b\"]}";
	SiSpec		spec = {.timestamp_column = "t",.timestamp_format = "millis",.ndimensions = lengthof(dims),.dimensions = dims};
	const SiTable *t;

	si_granularity_from_name("none", &spec.query_granularity);
	open_index(&spec);
	CHECK_STR(take(message, strlen(message)), "ok1");
	t = si_index_table(ix);
	cell_is(t, "set", 0, "[\"a\",\"b\",\"c\"]");
	cell_is(t, "sorted", 0, "[\"a\",\"b\",\"b\",\"c\"]");
	cell_is(t, "array", 0, "[\"c\",\"b\",\"a\",\"b\"]");
	CHECK(column(t, "set")->desc.multi_value, "the column is not marked");
	close_index();
}

/* Names of the dimensions that a row gives, joined by blanks. */
static void
check_dimensions(SiSpec *spec, const char *message, const char *want)
{
	char		got[200] = "";
	const SiTable *t;

	si_granularity_from_name("none", &spec->query_granularity);
	open_index(spec);
	CHECK_STR(take(message, strlen(message)), "ok1");
	t = si_index_table(ix);
	for (int i = 1; i < t->ncolumns; i++)
	{
		strcat(got, i > 1 ? " " : "");
		strcat(got, t->columns[i].desc.name);
	}
	CHECK_STR(got, want);
	close_index();
}

static void
test_dimensions_spec(void)
{
	static char *exclusions[] = {"time", "met"};
	static SiSpecDimension dim = {.name = "dim",.type = SI_TYPE_STRING};
	static SiSpecDimension dim3 = {.name = "dim3",.type = SI_TYPE_STRING};
	SiSpec		spec = {.timestamp_column = "time",.timestamp_format = "auto",.discover = true,.nexclusions = 2,.exclusions = exclusions};

	check_dimensions(&spec, "{\"time\":\"2020-01-01\",\"dim\":\"val1\",\"dim2\":\"val2\",\"met\":10}", "dim dim2");
	spec.ndimensions = 1;
	spec.dimensions = &dim3;
	check_dimensions(&spec, "{\"time\":\"2020-01-01\",\"dim\":\"val1\",\"dim2\":\"val2\",\"dim3\":\"val3\",\"met\":10}",
					 "dim3 dim dim2");
	spec.dimensions = &dim;
	spec.discover = false;
	spec.nexclusions = 0;
	check_dimensions(&spec, "{\"time\":\"2020-01-01\",\"dim\":\"val1\",\"dim2\":\"val2\",\"met\":10}", "dim");
}

static void
test_rollup(void)
{
	static SiSpecDimension dims[] = {{.name = "srcIP",.type = SI_TYPE_STRING}, {.name = "dstIP",.type = SI_TYPE_STRING}};
	static SiSpecMetric metrics[] = {
		{.name = "count",.input = SI_METRIC_COUNT,.type = SI_TYPE_LONG,.agg = SI_AGG_SUM},
		{.name = "packets",.input = SI_METRIC_FIELD,.field_name = "packets",.type = SI_TYPE_LONG,.agg = SI_AGG_SUM},
		{.name = "bytes",.input = SI_METRIC_FIELD,.field_name = "bytes",.type = SI_TYPE_LONG,.agg = SI_AGG_SUM}
	};
	static const struct
	{
		const char *time,
				   *src,
				   *dst;
		int			packets,
					bytes;
	}			in[] = {
		{"2018-01-01T01:01:35Z", "1.1.1.1", "2.2.2.2", 20, 9024}, {"2018-01-01T01:01:51Z", "1.1.1.1", "2.2.2.2", 255, 21133},
		{"2018-01-01T01:01:59Z", "1.1.1.1", "2.2.2.2", 11, 5780}, {"2018-01-01T01:02:14Z", "1.1.1.1", "2.2.2.2", 38, 6289},
		{"2018-01-01T01:02:29Z", "1.1.1.1", "2.2.2.2", 377, 359971}, {"2018-01-01T01:03:29Z", "1.1.1.1", "2.2.2.2", 49, 10204},
		{"2018-01-02T21:33:14Z", "7.7.7.7", "8.8.8.8", 38, 6289}, {"2018-01-02T21:33:45Z", "7.7.7.7", "8.8.8.8", 123, 93999},
		{"2018-01-02T21:35:45Z", "7.7.7.7", "8.8.8.8", 12, 2818}
	};
	static const char *const out[][6] = {
		{"1514768460000", "1.1.1.1", "2.2.2.2", "3", "286", "35937"}, {"1514768520000", "1.1.1.1", "2.2.2.2", "2", "415", "366260"},
		{"1514768580000", "1.1.1.1", "2.2.2.2", "1", "49", "10204"}, {"1514928780000", "7.7.7.7", "8.8.8.8", "2", "161", "100288"},
		{"1514928900000", "7.7.7.7", "8.8.8.8", "1", "12", "2818"}
	};
	static const char *const names[] = {SI_TIME_COLUMN, "srcIP", "dstIP", "count", "packets", "bytes"};
	SiSpec		spec = {.timestamp_column = "timestamp",.timestamp_format = "iso",.ndimensions = 2,.dimensions = dims,
	.nmetrics = 3,.metrics = metrics,.rollup = true};
	const SiTable *t;
	char		message[300];

	si_granularity_from_name("minute", &spec.query_granularity);
	open_index(&spec);
	for (int i = 0; i < (int) lengthof(in); i++)
	{
		snprintf(message, sizeof(message), "{\"timestamp\":\"%s\",\"srcIP\":\"%s\",\"dstIP\":\"%s\",\"packets\":%d,\"bytes\":%d}",
				 in[i].time, in[i].src, in[i].dst, in[i].packets, in[i].bytes);
		CHECK_STR(take(message, strlen(message)), "ok1");
	}
	t = si_index_table(ix);
	CHECK_INT(t->nrows, lengthof(out));
	for (uint32 r = 0; r < Min(t->nrows, lengthof(out)); r++)
		for (int c = 0; c < 6; c++)
			cell_is(t, names[c], r, out[r][c]);
	close_index();

	/* the same row three times */
	open_index(&spec);
	for (int i = 0; i < 3; i++)
	{
		static const char *const same = "{\"timestamp\":\"2018-01-01\",\"srcIP\":\"A\",\"dstIP\":\"B\"}";

		take(same, strlen(same));
	}
	CHECK_INT(si_index_rows(ix), 1);
	CHECK_INT(total.processed, 3);
	close_index();
}

/* -------------------------------------------------------------------- json */

static void
test_json_dimension(void)
{
	static SiSpecDimension dims[] = {{.name = "nested",.type = SI_TYPE_STRING,.json = true},
	{.name = "short",.type = SI_TYPE_STRING,.max_length = 3}};
	static SiSpecMetric metrics[] = {{.name = "count",.input = SI_METRIC_COUNT,.type = SI_TYPE_LONG,.agg = SI_AGG_SUM}};
	SiSpec		spec = {.timestamp_column = "t",.timestamp_format = "millis",.ndimensions = 2,.dimensions = dims,
	.nmetrics = 1,.metrics = metrics,.rollup = true};
	static const char *const messages[] = {
		"{\"t\":1,\"nested\":{\"b\":1,\"a\":[1, 2]},\"short\":\"abcd\"}",
		"{\"t\":1,\"nested\":{\"a\":[1,2],\"b\":1},\"short\":\"abce\"}",
		"{\"t\":1,\"nested\":\"text\",\"short\":\"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\"}",
		"{\"t\":1,\"nested\":12,\"short\":[\"abcde\",\"b\"]}",
		"{\"t\":1,\"nested\":null,\"short\":\"abc\"}",
		"{\"t\":1,\"nested\":[],\"short\":true}",
	};
	const SiTable *t;

	si_granularity_from_name("none", &spec.query_granularity);
	open_index(&spec);
	for (int i = 0; i < (int) lengthof(messages); i++)
		CHECK_STR(take(messages[i], strlen(messages[i])), "ok1");
	t = si_index_table(ix);
	/* equal documents are equal, whatever the order of their members */
	CHECK_INT(t->nrows, 5);
	cell_is(t, "count", 0, "2");
	cell_is(t, "nested", 0, "{\"a\":[1,2],\"b\":1}");
	cell_is(t, "short", 0, "abc");
	cell_is(t, "nested", 1, "\"text\"");
	cell_is(t, "short", 1, "\xC3\xA9\xC3\xA9\xC3\xA9");
	cell_is(t, "nested", 2, "12");
	cell_is(t, "short", 2, "[\"abcde\",\"b\"]");
	cell_is(t, "nested", 3, NULL);
	cell_is(t, "nested", 4, "[]");
	cell_is(t, "short", 4, "tru");
	CHECK(column(t, "nested")->desc.json && !column(t, "short")->desc.json, "the column is not marked as JSON");
	CHECK_STR(take("{\"t\":1,\"nested\":{\"a\":\"\\u0000\"}}", 31), "error1");
	close_index();
}

int
main(void)
{
	test_observed();
	test_numeric_dimensions();
	test_multi_values();
	test_dimensions_spec();
	test_rollup();
	test_json_dimension();
	return harness_end("test_druid_types");
}
