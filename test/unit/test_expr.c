/*
 * test_expr.c
 *		Druid's expression language: data/expressions.tsv row by row, and what
 *		a table cannot say.
 *
 * A line of the table is an expression, a message (JSON, may be empty), and
 * what comes out: a value as JSON (doubles as Java prints them), "!" and a
 * part of the reason for a row that fails, or "?", the position and a part
 * of the message for an expression that is refused.
 */
#include "common/port.h"

#include "expr/expr.h"
#include "format/format.h"
#include "format/number.h"
#include "harness.h"

typedef struct TestRow
{
	SiExprRow	base;
	const SiValue *values;
	int			nvalues;
} TestRow;

static bool
get_value(SiExprRow *base, int slot, const SiValue **v, SiReason *why)
{
	TestRow    *row = (TestRow *) base;
	static const SiValue missing = {0};

	*v = slot < row->nvalues ? &row->values[slot] : &missing;
	return true;
}

/* A value as the table shows it. */
static const char *
show(const SiValue *v)
{
	static char text[4096];
	char		number[SI_DOUBLE_TEXT];

	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_LONG:
			snprintf(text, sizeof(text), INT64_FORMAT, v->u.i);
			break;
		case SI_VALUE_DOUBLE:
			snprintf(text, sizeof(text), "%.*s", si_double_print(v->u.d, number), number);
			break;
		case SI_VALUE_STRING:
			snprintf(text, sizeof(text), "\"%.*s\"", (int) v->len, v->ptr);
			break;
		case SI_VALUE_ARRAY:
		case SI_VALUE_OBJECT:
			snprintf(text, sizeof(text), "%.*s", (int) v->len, v->ptr);
			break;
		case SI_VALUE_NULL:
			return "null";
		default:
			return "?";
	}
	return text;
}

/* What an expression gives for a message, in the form of the table. */
static const char *
evaluate(const char *expression, const char *message)
{
	static char failed[SI_REASON_LEN + 64];
	SiExprError err;
	SiExpr	   *e = si_expr_compile(expression, &err);
	SiFieldTable *fields = si_fields_create(false, 100);
	SiFormat   *format;
	SiExprMemory *memory = si_expr_memory_create();
	SiRows		rows = {0};
	TestRow		row = {{get_value}, NULL, 0};
	SiReason	why;
	SiValue		v;

	if (e == NULL)
	{
		snprintf(failed, sizeof(failed), "?%d %s %s", err.position, err.text.text, err.hint.text);
		return failed;
	}
	for (int i = 0; i < si_expr_nfields(e); i++)
	{
		int			len;
		const char *name = si_expr_field(e, i, &len);

		si_expr_bind(e, i, si_fields_add(fields, name, len));
	}
	format = si_format_json.create(NULL, fields);
	if (!si_format_json.parse(format, &(SiMessage) {.payload = message,.len = strlen(message)}, &rows, &why))
	{
		snprintf(failed, sizeof(failed), "bad message: %s", why.text);
		return failed;
	}
	row.values = rows.values;
	row.nvalues = rows.stride;
	if (!si_expr_eval(e, memory, &row.base, &v, &why))
	{
		snprintf(failed, sizeof(failed), "!%s", why.text);
		return failed;
	}
	return show(&v);
}

static void
test_table(void)
{
	FILE	   *f = fopen("data/expressions.tsv", "r");
	char		line[4096];
	int			n = 0;

	if (f == NULL)
		f = fopen(SI_TEST_DATA "/expressions.tsv", "r");
	CHECK(f != NULL, "the table cannot be opened");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
	{
		char	   *expression = line;
		char	   *message;
		char	   *want;
		const char *got;

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		message = strchr(line, '\t');
		want = message ? strchr(message + 1, '\t') : NULL;
		CHECK(want != NULL, "a line without two tabs: %s", line);
		if (want == NULL)
			continue;
		*message++ = *want++ = '\0';
		got = evaluate(expression, *message ? message : "{}");
		n++;
		if (want[0] == '!' || want[0] == '?')
		{
			char	   *part = want[0] == '?' ? strchr(want, ' ') : want;
			bool		ok = got[0] == want[0];

			if (ok && want[0] == '?')
				ok = atoi(got + 1) == atoi(want + 1);
			CHECK(ok && strstr(got, part + 1) != NULL, "%s with %s: %s, not %s", expression, message, got, want);
		}
		else
			CHECK(strcmp(got, want) == 0, "%s with %s: %s, not %s", expression, message, got, want);
	}
	CHECK(n > 300, "the table has %d lines", n);
}

/* What would take for ever, or all memory, ends with a reason. */
static void
test_bounds(void)
{
	char		text[70000];
	const char *got;
	size_t		n = 0;

	got = evaluate("fold((x, acc) -> concat(acc, acc), [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30], 'a')", "{}");
	CHECK(strncmp(got, "!the text would be longer", 25) == 0, "a text that doubles: %s", got);
	got = evaluate("repeat('a', 9223372036854775807)", "{}");
	CHECK(strncmp(got, "!the text would be longer", 25) == 0, "a long text: %s", got);
	got = evaluate("regexp_like(s, '(a+)+b')", "{\"s\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac\"}");
	CHECK(strcmp(got, "!a regular expression could not be matched: it takes too long") == 0, "a slow pattern: %s", got);

	for (int i = 0; i < 300; i++)
		text[n++] = '(';
	text[n++] = '1';
	text[n] = '\0';
	got = evaluate(text, "{}");
	CHECK(strstr(got, "nested too deeply") != NULL, "parentheses: %s", got);
	memset(text, '!', 1000);
	strcpy(text + 1000, "1");
	CHECK(strstr(evaluate(text, "{}"), "nested too deeply") != NULL, "signs");
	n = 0;
	for (int i = 0; i < 3000; i++)
		n += sprintf(text + n, "1+");
	strcpy(text + n, "1");
	CHECK(strstr(evaluate(text, "{}"), "nested too deeply") != NULL, "operators");
	memset(text, ' ', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK(strstr(evaluate(text, "{}"), "longer than") != NULL, "a long expression");
}

/* Every function is either callable or says why not; names are unique. */
static void
test_functions(void)
{
	int			min,
				max,
				n;
	const char *why;
	const char *name;

	for (n = 0; (name = si_expr_function(n, &min, &max, &why)) != NULL; n++)
	{
		SiExprError err;
		char		text[128];
		const char *other;
		int			i;

		for (i = 0; i < n; i++)
		{
			int			a,
						b;
			const char *c;

			other = si_expr_function(i, &a, &b, &c);
			CHECK(strcmp(other, name) != 0, "%s is there twice", name);
		}
		if (why == NULL)
			continue;
		snprintf(text, sizeof(text), "1 + %s('a')", name);
		CHECK(si_expr_compile(text, &err) == NULL && err.position == 5 && strstr(err.text.text, why) != NULL,
			  "%s is not refused with its reason: %s", name, err.text.text);
	}
	CHECK(n > 130, "%d functions", n);
}

int
main(void)
{
	test_table();
	test_bounds();
	test_functions();
	return harness_end("test_expr");
}
