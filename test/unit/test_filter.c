/*
 * test_filter.c
 *		Druid's filters on single rows: kinds, several values, nulls,
 *		orderings.
 */
#include "common/port.h"

#include "expr/filter.h"
#include "format/format.h"
#include "harness.h"

typedef struct TestRow
{
	SiExprRow	base;
	SiRows		rows;
} TestRow;

static bool
get_value(SiExprRow *base, int slot, const SiValue **v, SiReason *why)
{
	*v = &((TestRow *) base)->rows.values[slot];
	return true;
}

static int
slot_of(void *arg, const char *name, int len)
{
	return si_fields_add(arg, name, len);
}

/* 1, 0, -1 for a message of one row; -2 when it failed. */
static int
test(SiFilter *f, const char *message)
{
	SiFieldTable *fields = si_fields_create(false, 100);
	SiFormat   *format;
	SiMessage	m = {.payload = message, .len = strlen(message)};
	TestRow		row = {{get_value}};
	SiReason	why;
	int			truth;

	si_filter_bind(f, slot_of, fields);
	format = si_format_json.create(NULL, fields);
	if (!si_format_json.parse(format, &m, &row.rows, &why))
		return -3;
	return si_filter_test(f, si_expr_memory_create(), &row.base, &truth, &why) ? truth : -2;
}

static SiFilterText
text_of(const char *s)
{
	SiFilterText t = {(char *) s, (uint32) strlen(s)};

	return t;
}

static SiFilter *
make(SiFilterKind kind)
{
	SiFilter   *f = palloc0(sizeof(SiFilter));

	f->kind = kind;
	f->dimension = text_of("d");
	return f;
}

static SiFilter *
ready(SiFilter *f)
{
	SiReason	why;

	CHECK(si_filter_prepare(f, &why), "%s", why.text);
	return f;
}

/* values: separated by blanks; "NULL" is null */
static SiFilter *
in(const char *values)
{
	SiFilter   *f = make(SI_FILTER_IN);
	char	   *copy = strdup(values);

	f->values = palloc(sizeof(SiFilterText) * 20);
	for (char *v = strtok(copy, " "); v != NULL; v = strtok(NULL, " "))
	{
		if (strcmp(v, "NULL") == 0)
			f->has_null = true;
		else
			f->values[f->nvalues++] = text_of(v);
	}
	return ready(f);
}

static SiFilter *
bound(SiOrdering ordering, const char *lower, bool lower_strict, const char *upper, bool upper_strict)
{
	SiFilter   *f = make(SI_FILTER_BOUND);

	f->ordering = ordering;
	f->has_lower = lower != NULL;
	f->has_upper = upper != NULL;
	if (lower)
		f->lower = text_of(lower);
	if (upper)
		f->upper = text_of(upper);
	f->lower_strict = lower_strict;
	f->upper_strict = upper_strict;
	return ready(f);
}

static SiFilter *
join(SiFilterKind kind, SiFilter *a, SiFilter *b)
{
	SiFilter   *f = make(kind);

	f->fields = palloc(sizeof(SiFilter *) * 2);
	f->fields[f->nfields++] = a;
	if (b != NULL)
		f->fields[f->nfields++] = b;
	return ready(f);
}

static SiFilter *
expression(const char *source)
{
	SiFilter   *f = make(SI_FILTER_EXPRESSION);
	SiExprError err;

	f->expr = si_expr_compile(source, &err);
	CHECK(f->expr != NULL, "%s: %s", source, err.text.text);
	return ready(f);
}

static SiFilter *
pattern(SiFilterKind kind, const char *p, int escape)
{
	SiFilter   *f = make(kind);

	f->pattern = text_of(p);
	f->escape = escape;
	return ready(f);
}

static void
test_values(void)
{
	SiFilter   *f;

	CHECK_INT(test(in("a"), "{\"d\":\"a\"}"), 1);
	CHECK_INT(test(in("a"), "{\"d\":\"b\"}"), 0);
	CHECK_INT(test(in("a"), "{\"d\":\"\"}"), 0);
	CHECK_INT(test(in("a"), "{\"d\":null}"), -1);
	CHECK_INT(test(in("a"), "{}"), -1);
	CHECK_INT(test(in("NULL"), "{}"), 1);
	CHECK_INT(test(in("NULL"), "{\"d\":\"\"}"), 0);
	CHECK_INT(test(in("NULL"), "{\"d\":\"a\"}"), 0);
	CHECK_INT(test(in("c a NULL b"), "{\"d\":\"b\"}"), 1);
	CHECK_INT(test(in("c a NULL b"), "{}"), 1);
	CHECK_INT(test(in("c a b"), "{\"d\":\"aa\"}"), 0);
	CHECK_INT(test(in(""), "{\"d\":\"a\"}"), 0);
	CHECK_INT(test(in(""), "{}"), 0);
	/* numbers and booleans by their text */
	CHECK_INT(test(in("5"), "{\"d\":5}"), 1);
	CHECK_INT(test(in("5"), "{\"d\":5.0}"), 0);
	CHECK_INT(test(in("5.0"), "{\"d\":5.0}"), 1);
	CHECK_INT(test(in("true"), "{\"d\":true}"), 1);
	CHECK_INT(test(in("1"), "{\"d\":true}"), 0);
	/* several values: one is enough */
	CHECK_INT(test(in("b"), "{\"d\":[\"a\",\"b\"]}"), 1);
	CHECK_INT(test(in("c"), "{\"d\":[\"a\",\"b\"]}"), 0);
	CHECK_INT(test(in("c"), "{\"d\":[\"a\",null]}"), -1);
	CHECK_INT(test(in("NULL"), "{\"d\":[\"a\",null]}"), 1);
	CHECK_INT(test(in("NULL"), "{\"d\":[]}"), 1);
	CHECK_INT(test(make(SI_FILTER_NULL), "{\"d\":[]}"), 1);
	CHECK_INT(test(make(SI_FILTER_NULL), "{\"d\":null}"), 1);
	CHECK_INT(test(make(SI_FILTER_NULL), "{\"d\":\"\"}"), 0);
	f = make(SI_FILTER_EQUALS);
	f->lower_number = 5;
	CHECK_INT(test(f, "{\"d\":5}"), 1);
	CHECK_INT(test(f, "{\"d\":5.0}"), 1);
	CHECK_INT(test(f, "{\"d\":\"5\"}"), 1);
	CHECK_INT(test(f, "{\"d\":\"five\"}"), 0);
	CHECK_INT(test(f, "{}"), -1);
}

static void
test_bounds(void)
{
	SiFilter   *f;

	CHECK_INT(test(bound(SI_ORDER_LEXICOGRAPHIC, "b", false, "d", false), "{\"d\":\"b\"}"), 1);
	CHECK_INT(test(bound(SI_ORDER_LEXICOGRAPHIC, "b", true, "d", false), "{\"d\":\"b\"}"), 0);
	CHECK_INT(test(bound(SI_ORDER_LEXICOGRAPHIC, "b", false, "d", true), "{\"d\":\"d\"}"), 0);
	CHECK_INT(test(bound(SI_ORDER_LEXICOGRAPHIC, "b", false, NULL, false), "{\"d\":\"zz\"}"), 1);
	CHECK_INT(test(bound(SI_ORDER_LEXICOGRAPHIC, NULL, false, "b", false), "{\"d\":\"\"}"), 1);
	CHECK_INT(test(bound(SI_ORDER_LEXICOGRAPHIC, NULL, false, "b", false), "{}"), -1);
	CHECK_INT(test(bound(SI_ORDER_LEXICOGRAPHIC, "10", false, "9", false), "{\"d\":\"5\"}"), 1);
	CHECK_INT(test(bound(SI_ORDER_NUMERIC, "9", false, "10", false), "{\"d\":\"9.5\"}"), 1);
	CHECK_INT(test(bound(SI_ORDER_NUMERIC, "9", false, "10", false), "{\"d\":10}"), 1);
	CHECK_INT(test(bound(SI_ORDER_NUMERIC, "9", false, "10", true), "{\"d\":10.0}"), 0);
	CHECK_INT(test(bound(SI_ORDER_NUMERIC, "9", false, "10", false), "{\"d\":\"abc\"}"), 0);
	CHECK_INT(test(bound(SI_ORDER_NUMERIC, NULL, false, "10", false), "{\"d\":\"abc\"}"), 1);
	CHECK_INT(test(bound(SI_ORDER_STRLEN, "aaa", false, NULL, false), "{\"d\":\"zz\"}"), 0);
	f = make(SI_FILTER_RANGE);
	f->numeric = f->has_lower = f->has_upper = f->upper_strict = true;
	f->lower_number = 1;
	f->upper_number = 2;
	CHECK_INT(test(f, "{\"d\":1}"), 1);
	CHECK_INT(test(f, "{\"d\":\"1.99\"}"), 1);
	CHECK_INT(test(f, "{\"d\":2}"), 0);
	CHECK_INT(test(f, "{\"d\":\"x\"}"), 0);
	f = make(SI_FILTER_INTERVAL);
	f->nintervals = 1;
	f->starts = palloc(sizeof(int64));
	f->ends = palloc(sizeof(int64));
	f->starts[0] = 1000;
	f->ends[0] = 2000;
	CHECK_INT(test(f, "{\"d\":1000}"), 1);
	CHECK_INT(test(f, "{\"d\":\"1999\"}"), 1);
	CHECK_INT(test(f, "{\"d\":2000}"), 0);
	CHECK_INT(test(f, "{\"d\":\"soon\"}"), 0);
}

static void
test_patterns(void)
{
	CHECK_INT(test(pattern(SI_FILTER_LIKE, "a%c", 0), "{\"d\":\"abbc\"}"), 1);
	CHECK_INT(test(pattern(SI_FILTER_LIKE, "a_c", 0), "{\"d\":\"abbc\"}"), 0);
	CHECK_INT(test(pattern(SI_FILTER_LIKE, "a!%", '!'), "{\"d\":\"a%\"}"), 1);
	CHECK_INT(test(pattern(SI_FILTER_LIKE, "a!%", '!'), "{\"d\":\"ab\"}"), 0);
	CHECK_INT(test(pattern(SI_FILTER_LIKE, "1%", 0), "{\"d\":123}"), 1);
	CHECK_INT(test(pattern(SI_FILTER_LIKE, "%", 0), "{}"), -1);
	CHECK_INT(test(pattern(SI_FILTER_REGEX, "b+", 0), "{\"d\":\"abbc\"}"), 1);
	CHECK_INT(test(pattern(SI_FILTER_REGEX, "^b", 0), "{\"d\":\"abbc\"}"), 0);
	CHECK_INT(test(pattern(SI_FILTER_REGEX, "^b", 0), "{\"d\":[\"x\",\"b\"]}"), 1);
	CHECK_INT(test(pattern(SI_FILTER_REGEX, "(a+)+b", 0), "{\"d\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac\"}"), -2);
}

static void
test_logic(void)
{
	SiFilter   *yes = make(SI_FILTER_TRUE);
	SiFilter   *no = make(SI_FILTER_FALSE);
	SiFilter   *unknown = in("a");

	CHECK_INT(test(join(SI_FILTER_AND, yes, yes), "{}"), 1);
	CHECK_INT(test(join(SI_FILTER_AND, yes, unknown), "{}"), -1);
	CHECK_INT(test(join(SI_FILTER_AND, unknown, no), "{}"), 0);
	CHECK_INT(test(join(SI_FILTER_OR, no, unknown), "{}"), -1);
	CHECK_INT(test(join(SI_FILTER_OR, unknown, yes), "{}"), 1);
	CHECK_INT(test(join(SI_FILTER_NOT, unknown, NULL), "{}"), -1);
	CHECK_INT(test(join(SI_FILTER_NOT, in("a"), NULL), "{\"d\":\"b\"}"), 1);
	CHECK_INT(test(join(SI_FILTER_NOT, in("NULL"), NULL), "{\"d\":\"b\"}"), 1);
	CHECK_INT(test(join(SI_FILTER_IS_TRUE, unknown, NULL), "{}"), 0);
	CHECK_INT(test(join(SI_FILTER_IS_FALSE, no, NULL), "{}"), 1);
	CHECK_INT(test(expression("x > 1 && y == 'a'"), "{\"x\":2,\"y\":\"a\"}"), 1);
	CHECK_INT(test(expression("x > 1"), "{}"), -1);
	CHECK_INT(test(expression("x / 0"), "{\"x\":1}"), -2);
	/* what decides comes first, so the other is not asked */
	CHECK_INT(test(join(SI_FILTER_AND, no, expression("x / 0")), "{\"x\":1}"), 0);
}

static void
test_orderings(void)
{
	static const struct
	{
		SiOrdering	ordering;
		const char *a;
		const char *b;
		int			order;
	}			cases[] =
	{
		{SI_ORDER_LEXICOGRAPHIC, "a", "b", -1}, {SI_ORDER_LEXICOGRAPHIC, "a", "aa", -1},
		{SI_ORDER_LEXICOGRAPHIC, "10", "9", -1}, {SI_ORDER_LEXICOGRAPHIC, "", "", 0},
		{SI_ORDER_ALPHANUMERIC, "a9", "a10", -1}, {SI_ORDER_ALPHANUMERIC, "9", "10", -1},
		{SI_ORDER_ALPHANUMERIC, "a1b2", "a1b10", -1}, {SI_ORDER_ALPHANUMERIC, "1", "a", -1},
		{SI_ORDER_ALPHANUMERIC, "a007", "a7", -1}, {SI_ORDER_ALPHANUMERIC, "abc", "ab", 1},
		{SI_ORDER_NUMERIC, "9", "10", -1}, {SI_ORDER_NUMERIC, "1e2", "99", 1},
		{SI_ORDER_NUMERIC, "x", "1", -1}, {SI_ORDER_NUMERIC, "x", "y", -1},
		{SI_ORDER_NUMERIC, "9223372036854775807", "9223372036854775806", 1}, {SI_ORDER_NUMERIC, "1.0", "1", 0},
		{SI_ORDER_STRLEN, "zz", "aaa", -1}, {SI_ORDER_STRLEN, "b", "a", 1}, {SI_ORDER_STRLEN, "é", "ab", -1},
		{SI_ORDER_VERSION, "1.2.9", "1.2.10", -1}, {SI_ORDER_VERSION, "1.0", "1", 0},
		{SI_ORDER_VERSION, "1.0-alpha", "1.0-beta", -1}, {SI_ORDER_VERSION, "1.0-rc1", "1.0", -1},
		{SI_ORDER_VERSION, "1.0-sp", "1.0", 1}, {SI_ORDER_VERSION, "2.0", "10.0", -1},
		{SI_ORDER_VERSION, "1.0.1", "1.0", 1}
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		const char *a = cases[i].a;
		const char *b = cases[i].b;
		int			there = si_ordering_compare(cases[i].ordering, a, strlen(a), b, strlen(b));
		int			back = si_ordering_compare(cases[i].ordering, b, strlen(b), a, strlen(a));

		CHECK((there > 0) - (there < 0) == cases[i].order, "ordering %d: %s and %s: %d", cases[i].ordering, a, b, there);
		CHECK((back > 0) - (back < 0) == -cases[i].order, "ordering %d: %s and %s: %d", cases[i].ordering, b, a, back);
	}
}

/* data/array_contains.tsv: type, element, the field, whether it passes, and whether its opposite does. */
static void
test_elements(void)
{
	FILE	   *in_file = fopen("data/array_contains.tsv", "r");
	static char line[1024];
	int			n = 0;

	CHECK(in_file != NULL, "data/array_contains.tsv cannot be read (run in test/unit)");
	while (in_file != NULL && fgets(line, sizeof(line), in_file) != NULL)
	{
		char	   *rest = line;
		char	   *type = strsep(&rest, "\t");
		char	   *element = strsep(&rest, "\t");
		char	   *message = strsep(&rest, "\t");
		SiFilter   *f;
		int			truth;
		const char *answer;

		if (*type == '#' || rest == NULL)
			continue;
		f = make(strcmp(type, "STRING") == 0 || strcmp(element, "null") == 0 ? SI_FILTER_IN : SI_FILTER_EQUALS);
		f->element = true;
		f->has_null = strcmp(element, "null") == 0;
		f->lower_number = atof(element);
		f->values = palloc(sizeof(SiFilterText));
		if (!f->has_null)
			f->values[f->nvalues++] = text_of(element);
		truth = test(ready(f), message);
		answer = truth == 1 ? "yes no" : truth == 0 ? "no yes" : "no no";
		rest[strcspn(rest, "\n")] = '\0';
		CHECK(strcmp(answer, rest) == 0, "%s %s in %s: %s, not %s", type, element, message, answer, rest);
		n++;
	}
	if (in_file != NULL)
		fclose(in_file);
	CHECK(n > 200, "only %d lines were read", n);
}

int
main(void)
{
	test_elements();
	test_values();
	test_bounds();
	test_patterns();
	test_logic();
	test_orderings();
	return harness_end("test_filter");
}
