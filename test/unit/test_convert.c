/*
 * test_convert.c
 *		Conversion rules: single values, and the rows that a running Druid
 *		stored of odd messages (data/druid_messages.tsv, druid_rows.tsv).
 */
#include <math.h>

#include "common/port.h"

#include "format/convert.h"
#include "format/format.h"
#include "format/number.h"
#include "format/timestamp.h"
#include "harness.h"

static SiTextBuf buf;
static SiReason why;

/* The value of a JSON text, by way of the parser. */
static SiFieldTable *fields;
static SiFormat *format;

static const SiValue *
json_value(const char *json)
{
	char		message[1024];
	SiRows		rows;

	snprintf(message, sizeof(message), "{\"v\":%s}", json);
	if (!si_format_json.parse(format, &(SiMessage) {.payload = message,.len = strlen(message)}, &rows, &why))
	{
		CHECK(false, "%s: %s", json, why.text);
		exit(1);
	}
	return &rows.values[0];
}

static const char *
as_string(const SiValue *v, SiMultiValue mv)
{
	static char result[1024];
	const char *text;
	uint32		len;
	bool		multi;
	SiConvert	c;

	why.text[0] = '\0';
	c = si_convert_string(v, mv, &buf, &text, &len, &multi, "d", &why);
	if (c == SI_CONVERT_NULL)
		return NULL;
	snprintf(result, sizeof(result), "%s%s%.*s", c == SI_CONVERT_ERROR ? "error:" : "",
			 multi ? "multi:" : "", (int) len, text);
	return result;
}

#define CHECK_STRING(json, mv, want) \
	CHECK_STR(as_string(json_value(json), (mv)), (want))

static void
test_strings(void)
{
	SiValue		made = {NULL, 0, SI_VALUE_LONG, {.i = -42}};

	CHECK_STRING("\"abc\"", SI_MULTI_SORTED_ARRAY, "abc");
	CHECK_STRING("\"\"", SI_MULTI_SORTED_ARRAY, "");
	CHECK_STRING("null", SI_MULTI_SORTED_ARRAY, NULL);
	CHECK_STRING("true", SI_MULTI_SORTED_ARRAY, "true");
	CHECK_STRING("false", SI_MULTI_SORTED_ARRAY, "false");
	CHECK_STRING("42", SI_MULTI_SORTED_ARRAY, "42");
	CHECK_STRING("-0", SI_MULTI_SORTED_ARRAY, "0");
	CHECK_STRING("1e3", SI_MULTI_SORTED_ARRAY, "1000.0");
	CHECK_STRING("1E400", SI_MULTI_SORTED_ARRAY, "Infinity");
	CHECK_STRING("123456789012345678901234567890", SI_MULTI_SORTED_ARRAY, "1.2345678901234568E29");
	CHECK_STR(as_string(&made, SI_MULTI_ARRAY), "-42");
	made.kind = SI_VALUE_DOUBLE;
	made.u.d = 1e10;
	CHECK_STR(as_string(&made, SI_MULTI_ARRAY), "1.0E10");

	CHECK_STRING("[]", SI_MULTI_SORTED_ARRAY, NULL);
	CHECK_STRING("[ ]", SI_MULTI_ARRAY, NULL);
	CHECK_STRING("[null]", SI_MULTI_ARRAY, NULL);
	CHECK_STRING("[\"one\"]", SI_MULTI_SORTED_ARRAY, "one");
	CHECK_STRING("[1e3]", SI_MULTI_SORTED_ARRAY, "1000.0");
	CHECK_STRING("[\"b\", \"a\", \"b\"]", SI_MULTI_SORTED_ARRAY, "multi:[\"a\",\"b\",\"b\"]");
	CHECK_STRING("[\"b\", \"a\", \"b\"]", SI_MULTI_SORTED_SET, "multi:[\"a\",\"b\"]");
	CHECK_STRING("[\"b\", \"a\", \"b\"]", SI_MULTI_ARRAY, "multi:[\"b\",\"a\",\"b\"]");
	CHECK_STRING("[\"a\", \"a\"]", SI_MULTI_SORTED_SET, "a");
	CHECK_STRING("[null, null]", SI_MULTI_SORTED_SET, NULL);
	CHECK_STRING("[\"x\",null,\"\"]", SI_MULTI_SORTED_ARRAY, "multi:[null,\"\",\"x\"]");
	CHECK_STRING("[ \"ab\" , \"a\" , \"abc\" ]", SI_MULTI_SORTED_ARRAY, "multi:[\"a\",\"ab\",\"abc\"]");
	CHECK_STRING("[\"q\\\"\\u0001\\n\", 2]", SI_MULTI_ARRAY, "multi:[\"q\\\"\\u0001\\n\",\"2\"]");
	CHECK_STRING("[[1, 2], {\"k\": \"a b\"}]", SI_MULTI_ARRAY, "multi:[\"[1,2]\",\"{\\\"k\\\":\\\"a b\\\"}\"]");
	CHECK_STRING("{ \"b\" : [1, { } ] }", SI_MULTI_ARRAY, "{\"b\":[1,{}]}");

	CHECK_STRING("\"a\\u0000b\"", SI_MULTI_ARRAY, "error:a\xEF\xBF\xBD" "b");
	CHECK_STR(why.text, "Could not store value [a\xEF\xBF\xBD" "b] in dimension [d]: its NUL character became U+FFFD.");
	CHECK_STRING("[\"\\u0000\\u0000\"]", SI_MULTI_ARRAY, "error:\xEF\xBF\xBD\xEF\xBF\xBD");
	CHECK_STRING("[\"\\u0000\",1]", SI_MULTI_ARRAY, "error:multi:[\"\xEF\xBF\xBD\",\"1\"]");
}

static void
test_doubles(void)
{
	static const struct
	{
		double		d;
		const char *text;
	}			cases[] = {
		{0.0, "0.0"}, {-0.0, "-0.0"}, {1.0, "1.0"}, {1.5, "1.5"}, {-12.25, "-12.25"}, {100.0, "100.0"},
		{1000.0, "1000.0"}, {9999999.0, "9999999.0"}, {10000000.0, "1.0E7"}, {12345678.9, "1.23456789E7"},
		{1e10, "1.0E10"}, {1.25e-5, "1.25E-5"}, {0.001, "0.001"}, {0.0012, "0.0012"}, {0.00099, "9.9E-4"},
		{0.1, "0.1"}, {0.05, "0.05"}, {1.7976931348623157e308, "1.7976931348623157E308"},
		{123456.789, "123456.789"}, {1e21, "1.0E21"}, {9007199254740993.0, "9.007199254740992E15"},
		/* PostgreSQL's digits; Java has 1.0E23 and 4.9E-324 */
		{1e23, "9.999999999999999E22"}, {4.9e-324, "5.0E-324"},
	};
	char		text[SI_DOUBLE_TEXT];
	int			i;

	for (i = 0; i < lengthof(cases); i++)
	{
		int			len = si_double_print(cases[i].d, text);

		CHECK_STR(text, cases[i].text);
		CHECK_INT(len, strlen(text));
	}
	/* a float's own digits, not those of the double that it becomes */
	CHECK_INT(si_float_print(0.1f, text), 3);
	CHECK_STR(text, "0.1");
	si_float_print(16777216.0f, text);
	CHECK_STR(text, "1.6777216E7");
	si_float_print(-INFINITY, text);
	CHECK_STR(text, "-Infinity");
}

/* Longs and doubles as text, or the reason. */
static const char *
as_long(const char *json, bool metric)
{
	static char text[512];
	int64		l;
	SiConvert	c = metric ? si_convert_metric_long(json_value(json), &l, "f", &why)
	: si_convert_long(json_value(json), &l, "d", &why);

	if (c != SI_CONVERT_OK)
		return c == SI_CONVERT_NULL ? NULL : why.text;
	snprintf(text, sizeof(text), "%lld", (long long) l);
	return text;
}

static const char *
as_double(const char *json, bool metric)
{
	static char text[512];
	double		d;
	SiConvert	c = metric ? si_convert_metric_double(json_value(json), &d, "f", &why)
	: si_convert_double(json_value(json), &d, "d", &why);

	if (c != SI_CONVERT_OK)
		return c == SI_CONVERT_NULL ? NULL : why.text;
	si_double_print(d, text);
	return text;
}

static void
test_numeric_dimensions(void)
{
	float		f;

	CHECK_STR(as_long("5", false), "5");
	CHECK_STR(as_long("null", false), NULL);
	CHECK_STR(as_long("12.7", false), "12");
	CHECK_STR(as_long("-12.7", false), "-12");
	CHECK_STR(as_long("1e300", false), "9223372036854775807");
	CHECK_STR(as_long("true", false), "1");
	CHECK_STR(as_long("\"12\"", false), "12");
	CHECK_STR(as_long("\"+12\"", false), "12");
	CHECK_STR(as_long("\"3.0\"", false), "3");
	CHECK_STR(as_long("\"1e3\"", false), "1000");
	CHECK_STR(as_long("\"1200e-2\"", false), "12");
	CHECK_STR(as_long("\"0.00\"", false), "0");
	CHECK_STR(as_long("\"0e999999999999\"", false), "0");
	CHECK_STR(as_long("\"-9223372036854775808\"", false), "-9223372036854775808");
	CHECK_STR(as_long("\"92233720368547758070e-1\"", false), "9223372036854775807");
	CHECK_STR(as_long("\"3.5\"", false), "Could not convert value [3.5] to long for dimension [d].");
	CHECK_STR(as_long("\"asdj\"", false), "Could not convert value [asdj] to long for dimension [d].");
	CHECK_STR(as_long("\"\"", false), "Could not convert value [] to long for dimension [d].");
	CHECK_STR(as_long("\" 12 \"", false), "Could not convert value [ 12 ] to long for dimension [d].");
	CHECK_STR(as_long("\"1,234\"", false), "Could not convert value [1,234] to long for dimension [d].");
	CHECK_STR(as_long("\"1e400\"", false), "Could not convert value [1e400] to long for dimension [d].");
	CHECK_STR(as_long("\"1e-99999999999\"", false), "Could not convert value [1e-99999999999] to long for dimension [d].");
	CHECK_STR(as_long("\"9223372036854775808\"", false), "Could not convert value [9223372036854775808] to long for dimension [d].");
	CHECK_STR(as_long("[10, 5]", false), "Could not ingest value [[10, 5]] as long for dimension [d]. A long column cannot have multiple values in the same row.");
	CHECK_STR(as_long("{\"a\":1}", false), "Could not convert value [{\"a\":1}] to long for dimension [d].");

	CHECK_STR(as_double("21.0", false), "21.0");
	CHECK_STR(as_double("21", false), "21.0");
	CHECK_STR(as_double("false", false), "Could not convert value [false] to double for dimension [d].");
	CHECK_STR(as_double("\"19.0\"", false), "19.0");
	CHECK_STR(as_double("\".5\"", false), "0.5");
	CHECK_STR(as_double("\"1.5f\"", false), "1.5");
	CHECK_STR(as_double("\"NaN\"", false), "NaN");
	CHECK_STR(as_double("\"-Infinity\"", false), "-Infinity");
	CHECK_STR(as_double("\"\"", false), "Could not convert value [] to double for dimension [d].");
	CHECK_STR(as_double("\"1.5x\"", false), "Could not convert value [1.5x] to double for dimension [d].");
	CHECK_STR(as_double("\"1.5fd\"", false), "Could not convert value [1.5fd] to double for dimension [d].");
	CHECK_STR(as_double("\"0x10\"", false), "Could not convert value [0x10] to double for dimension [d].");

	CHECK_INT(si_convert_float(json_value("\"aaa\""), &f, "float", &why), SI_CONVERT_ERROR);
	CHECK_STR(why.text, "Could not convert value [aaa] to float for dimension [float].");
	CHECK_INT(si_convert_float(json_value("\"19.0\""), &f, "float", &why), SI_CONVERT_OK);
	CHECK(f == 19.0f, "%g", f);
}

static void
test_metrics(void)
{
	CHECK_STR(as_long("null", true), NULL);
	CHECK_STR(as_long("\"0\"", true), "0");
	CHECK_STR(as_long("\"+0\"", true), "0");
	CHECK_STR(as_long("\"1,234\"", true), "1234");
	CHECK_STR(as_long("\"-1,234\"", true), "-1234");
	CHECK_STR(as_long("\"+1\"", true), "1");
	CHECK_STR(as_long("\"-1\"", true), "-1");
	CHECK_STR(as_long("\"9223372036854775807\"", true), "9223372036854775807");
	CHECK_STR(as_long("\"-9223372036854775808\"", true), "-9223372036854775808");
	CHECK_STR(as_long("\"9223372036854775808\"", true), "9223372036854775807");
	CHECK_STR(as_long("\" 12 \"", true), "12");
	CHECK_STR(as_long("\"12.7\"", true), "12");
	CHECK_STR(as_long("\"1e3\"", true), "1000");
	CHECK_STR(as_long("\"NaN\"", true), "0");
	CHECK_STR(as_double("\"2.1\"", true), "2.1");
	CHECK_STR(as_double("\"Infinity\"", true), "Infinity");
	CHECK_STR(as_double("\"1,000.5\"", true), "1000.5");
	CHECK_STR(as_long("\"\"", true), "Unable to parse value[] for field[f]");
	CHECK_STR(as_long("\"0x10\"", true), "Unable to parse value[0x10] for field[f]");
	CHECK_STR(as_double("\"abc\"", true), "Unable to parse value[abc] for field[f]");
	CHECK_STR(as_long("[1]", true), "Unknown type[array] for field[f]");
	CHECK_STR(as_double("[\"1\"]", true), "Unknown type[array] for field[f]");
	CHECK_STR(as_long("true", true), "Unknown type[boolean] for field[f]");
	CHECK_STR(as_long("{}", true), "Unknown type[object] for field[f]");
}

/*
 * The rows of a running Druid
 */

/* Where we print JSON and Druid Java, and where PostgreSQL cannot hold a NUL. */
static const struct
{
	const char *page;
	const char *comment;
}			differences[] = {
	{"NUL escape in dimension", "a\xEF\xBF\xBD" "b"},
	{"dim nested object", "{\"b\":1,\"a\":[1,2,{\"c\":null}]}"},
	{"dim array of objects", "[\"{\\\"k\\\":1}\",\"{\\\"k\\\":2}\"]"},
	{"dim nested array", "[\"[\\\"a\\\",\\\"b\\\"]\",\"[\\\"c\\\"]\"]"},
};

enum
{
	PAGE, TIME, COMMENT, ADDED, DELETED, DELTA,	/* string dimensions, long metrics */
	COMMENT_KEPT, ADDED_LONG, DELETED_DOUBLE, ADDED_MAX, DELTA_DOUBLE,
	NCELLS
};

typedef struct StoredRow
{
	char	   *cells[NCELLS];	/* NULL is null */
} StoredRow;

static StoredRow stored[200];
static int	nstored;

static char *
unescape(char *s, size_t *len)
{
	char	   *in;
	char	   *out = s;

	if (strcmp(s, "\\N") == 0)
		return NULL;
	for (in = s; *in != '\0'; in++)
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
	if (len != NULL)
		*len = out - s;
	return s;
}

static void
read_stored(void)
{
	static char lines[200][1024];
	FILE	   *f = fopen("data/druid_rows.tsv", "r");

	CHECK(f != NULL, "data/druid_rows.tsv cannot be read (run in test/unit)");
	while (f != NULL && nstored < 200 && fgets(lines[nstored], sizeof(lines[0]), f) != NULL)
	{
		char	   *rest = lines[nstored];
		int			i;

		if (*rest == '#')
			continue;
		rest[strcspn(rest, "\n")] = '\0';
		for (i = 0; i < NCELLS; i++)
			stored[nstored].cells[i] = unescape(strsep(&rest, "\t"), NULL);
		nstored++;
	}
	if (f != NULL)
		fclose(f);
}

static const SiValue *
field(const SiRows *rows, int row, const char *name)
{
	static const SiValue missing = {0};
	int			slot;

	for (slot = 0; slot < rows->stride; slot++)
	{
		int			len;
		const char *n = si_fields_name(fields, slot, &len);

		if (len == (int) strlen(name) && memcmp(n, name, len) == 0)
			return &rows->values[row * rows->stride + slot];
	}
	return &missing;
}

static void
check_cell(const char *message, const char *what, SiConvert c, const char *got, const char *want, bool *error)
{
	if (c == SI_CONVERT_ERROR)
		*error = true;
	if (c == SI_CONVERT_OK || strcmp(what, "comment") == 0)
		CHECK((got == NULL) == (want == NULL) && (got == NULL || strcmp(got, want) == 0),
			  "%s: %s is %s, Druid has %s", message, what, got ? got : "null", want ? want : "null");
	else
		CHECK(want == NULL, "%s: %s is null (%s), Druid has %s", message, what, why.text, want ? want : "null");
}

static void
check_text(const char *message, const SiValue *v, SiMultiValue mv, const char *page, const char *want, bool *error)
{
	const char *got = as_string(v, mv);
	bool		failed = got != NULL && strncmp(got, "error:", 6) == 0;
	int			i;

	if (failed)
		got += 6;
	if (got != NULL && strncmp(got, "multi:", 6) == 0)
		got += 6;
	for (i = 0; i < lengthof(differences); i++)
		if (strcmp(differences[i].page, page) == 0)
			want = differences[i].comment;
	check_cell(message, "comment", failed ? SI_CONVERT_ERROR : SI_CONVERT_OK, got, want, error);
}

static void
check_row(const char *message, const SiRows *rows, int row, int64 ms, bool *error, bool *error_types)
{
	static const char *const metrics[] = {"added", "deleted", "delta"};
	char	   *const *cells = NULL;
	char		text[64];
	const char *page = as_string(field(rows, row, "page"), SI_MULTI_SORTED_ARRAY);
	const SiValue *added = field(rows, row, "added");
	int64		l;
	double		d;
	SiConvert	c;
	int			i;

	for (i = 0; i < nstored && page != NULL; i++)
		if (strcmp(stored[i].cells[PAGE], page) == 0)
			cells = stored[i].cells;
	CHECK(cells != NULL, "%s: no stored row with page %s", message, page ? page : "null");
	if (cells == NULL)
		return;
	CHECK_INT(ms, strtoll(cells[TIME], NULL, 10));
	for (i = 0; i < 3; i++)
	{
		c = si_convert_metric_long(field(rows, row, metrics[i]), &l, metrics[i], &why);
		snprintf(text, sizeof(text), "%lld", (long long) l);
		check_cell(message, metrics[i], c, c == SI_CONVERT_OK ? text : NULL, cells[ADDED + i], error);
	}
	check_text(message, field(rows, row, "comment"), SI_MULTI_SORTED_ARRAY, cells[PAGE], cells[COMMENT], error);
	check_text(message, field(rows, row, "comment"), SI_MULTI_ARRAY, cells[PAGE], cells[COMMENT_KEPT], error_types);

	c = si_convert_long(added, &l, "added", &why);
	snprintf(text, sizeof(text), "%lld", (long long) l);
	check_cell(message, "long added", c, text, cells[ADDED_LONG], error_types);
	c = si_convert_metric_long(added, &l, "added", &why);
	snprintf(text, sizeof(text), "%lld", (long long) l);
	check_cell(message, "longMax", c, text, cells[ADDED_MAX], error_types);
	c = si_convert_double(field(rows, row, "deleted"), &d, "deleted", &why);
	if (c == SI_CONVERT_OK)
		si_double_print(d, text);
	check_cell(message, "double deleted", c, text, cells[DELETED_DOUBLE], error_types);
	c = si_convert_metric_double(field(rows, row, "delta"), &d, "delta", &why);
	if (c == SI_CONVERT_OK)
		si_double_print(d, text);
	check_cell(message, "doubleSum", c, text, cells[DELTA_DOUBLE], error_types);
}

static void
check_message(SiTimestampParser *times, char *line)
{
	char	   *rest = line;
	const char *name = strsep(&rest, "\t");
	size_t		len;
	char	   *payload = unescape(strsep(&rest, "\t"), &len);
	const char *verdict = strsep(&rest, "\t");
	const char *verdict_types = strsep(&rest, "\n");
	bool		error = false;
	bool		error_types = false;
	int64		ms[8];
	SiRows		rows;
	bool		ok = si_format_json.parse(format, &(SiMessage) {.payload = payload,.len = len}, &rows, &why);
	int			r;

	for (r = 0; ok && r < rows.nrows && r < lengthof(ms); r++)
		ok = si_timestamp_parse(times, field(&rows, r, "time"), &ms[r], &why);
	CHECK(ok == (strcmp(verdict, "unparseable") != 0), "%s: %s", name, ok ? "taken" : why.text);
	if (!ok || strcmp(verdict, "unparseable") == 0)
		return;
	for (r = 0; r < rows.nrows; r++)
		check_row(name, &rows, r, ms[r], &error, &error_types);
	if (strcmp(name, "NUL escape in dimension") == 0)
	{
		CHECK(error && error_types, "%s: not counted", name);
		return;
	}
	CHECK(error == (strncmp(verdict, "error", 5) == 0), "%s: %s", name, verdict);
	CHECK(error_types == (strncmp(verdict_types, "error", 5) == 0), "%s: %s with types", name, verdict_types);
}

static void
test_druid_rows(void)
{
	FILE	   *f = fopen("data/druid_messages.tsv", "r");
	SiTimestampParser *times = si_timestamp_parser_create("iso", false, 0, &why);
	char		line[4096];
	int			n = 0;

	read_stored();
	CHECK(f != NULL, "data/druid_messages.tsv cannot be read (run in test/unit)");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
	{
		if (*line == '#')
			continue;
		check_message(times, line);
		n++;
	}
	if (f != NULL)
		fclose(f);
	CHECK_INT(n, 121);
	si_timestamp_parser_free(times);
}

/* A message shows whole characters of a long value only. */
static void
test_reasons(void)
{
	char		json[700] = "\"";
	int			i;

	for (i = 0; i < 200; i++)
		strcat(json, i == 0 ? "x" : "\xe6\xbc\xa2");
	strcat(json, "\"");
	CHECK_INT(strlen(as_long(json, true)), strlen("Unable to parse value[] for field[f]") + 199);
}

/* One cell of data/numbers.tsv. */
static void
check_number(const char *json, int column, SiConvert c, double d, int64 l, bool is_long, const char *want)
{
	static const char *const kinds[] = {"long metric", "double metric", "long", "float", "double"};

	if (strcmp(want, "null") == 0 || strcmp(want, "error") == 0)
		CHECK(c == (want[0] == 'n' ? SI_CONVERT_NULL : SI_CONVERT_ERROR), "%s as %s is %s, not %s", json,
			  kinds[column], c == SI_CONVERT_OK ? "taken" : c == SI_CONVERT_NULL ? "null" : why.text, want);
	else if (is_long)
		CHECK(c == SI_CONVERT_OK && l == strtoll(want, NULL, 10), "%s as %s is %lld, not %s", json, kinds[column], (long long) l, want);
	else
	{
		double		w = column == 3 ? strtof(want, NULL) : strtod(want, NULL);

		CHECK(c == SI_CONVERT_OK && (isnan(w) ? isnan(d) : d == w), "%s as %s is %.17g, not %s", json, kinds[column], d, want);
	}
}

static void
test_druid_numbers(void)
{
	FILE	   *f = fopen("data/numbers.tsv", "r");
	char		line[1024];
	int			n = 0;

	CHECK(f != NULL, "data/numbers.tsv cannot be read (run in test/unit)");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
	{
		char	   *rest = line;
		char	   *json = strsep(&rest, "\t");
		const SiValue *v;
		int64		l = 0;
		double		d = 0;
		float		narrow = 0;
		SiConvert	c;

		if (*json == '#' || rest == NULL)
			continue;
		rest[strcspn(rest, "\n")] = '\0';
		v = json_value(json);
		c = si_convert_metric_long(v, &l, "f", &why);
		check_number(json, 0, c, 0, l, true, strsep(&rest, "\t"));
		c = si_convert_metric_double(v, &d, "f", &why);
		check_number(json, 1, c, d, 0, false, strsep(&rest, "\t"));
		c = si_convert_long(v, &l, "d", &why);
		check_number(json, 2, c, 0, l, true, strsep(&rest, "\t"));
		c = si_convert_float(v, &narrow, "d", &why);
		check_number(json, 3, c, narrow, 0, false, strsep(&rest, "\t"));
		c = si_convert_double(v, &d, "d", &why);
		check_number(json, 4, c, d, 0, false, strsep(&rest, "\t"));
		n++;
	}
	if (f != NULL)
		fclose(f);
	CHECK(n > 300, "only %d lines were read", n);
}

int
main(void)
{
	fields = si_fields_create(true, 1000);
	si_fields_add(fields, "v", 1);
	format = si_format_json.create(NULL, fields);
	test_strings();
	test_doubles();
	test_numeric_dimensions();
	test_metrics();
	test_druid_rows();
	test_druid_numbers();
	test_reasons();
	si_format_json.destroy(format);
	si_fields_free(fields);
	if (buf.data != NULL)
		pfree(buf.data);
	return harness_end("test_convert");
}
