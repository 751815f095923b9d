/*
 * fuzz_expr.c
 *		libFuzzer harness of Druid's expression language and of filters.
 *
 * The input is an expression, a zero byte, and a message.  An expression that
 * compiles is evaluated on the message and asked as a condition; its text is
 * tried as the value and pattern of filters, too.  Checked besides what the
 * sanitizers see: positions of errors lie within the expression, reasons and
 * texts are valid UTF-8, and a value is the same when it is computed again.
 */
#include "arena.h"

#include "expr/filter.h"
#include "format/format.h"
#include "mb/pg_wchar.h"

typedef struct FuzzRow
{
	SiExprRow	base;
	SiRows		rows;
} FuzzRow;

static void
require(bool ok, const char *what)
{
	if (!ok)
	{
		fprintf(stderr, "not as it must be: %s\n", what);
		abort();
	}
}

/* A value may hold NUL characters, which PostgreSQL's check ends at. */
static void
require_text(const char *text, size_t len, const char *what)
{
	for (const char *end = text + len; text < end; text++)
	{
		size_t		part = strnlen(text, end - text);

		require(pg_encoding_verifymbstr(PG_UTF8, text, (int) part) == (int) part, what);
		text += part;
	}
}

static bool
get_value(SiExprRow *base, int slot, const SiValue **v, SiReason *why)
{
	*v = &((FuzzRow *) base)->rows.values[slot];
	return true;
}

static int
slot_of(void *arg, const char *name, int len)
{
	return si_fields_add(arg, name, len);
}

static void
try_filters(const char *pattern, SiExprMemory *m, FuzzRow *row)
{
	static const SiFilterKind kinds[] = {SI_FILTER_IN, SI_FILTER_BOUND, SI_FILTER_LIKE, SI_FILTER_REGEX};

	for (int i = 0; i < lengthof(kinds); i++)
		for (int slot = 0; slot < row->rows.stride; slot++)
		{
			SiFilter	f = {.kind = kinds[i],.slot = slot,.has_lower = true};
			SiFilterText text = {(char *) pattern, (uint32) strlen(pattern)};
			SiReason	why = {""};
			int			truth = 0;

			f.ordering = (SiOrdering) (text.len % 5);
			f.lower = f.pattern = text;
			f.values = &text;
			f.nvalues = 1;
			f.escape = text.len > 0 ? (unsigned char) pattern[0] & 0x7F : 0;
			if (si_filter_prepare(&f, &why) && si_filter_test(&f, m, &row->base, &truth, &why))
				require(truth >= -1 && truth <= 1, "truth of a filter");
			require_text(why.text, strlen(why.text), "reason of a filter");
		}
}

static bool
same_value(const SiValue *a, const SiValue *b)
{
	if (a->kind != b->kind || a->len != b->len)
		return false;
	if (a->kind == SI_VALUE_STRING || a->kind >= SI_VALUE_ARRAY)
		return memcmp(a->ptr, b->ptr, a->len) == 0;
	return memcmp(&a->u, &b->u, sizeof(a->u)) == 0;
}

static void
run(const char *text, SiExpr *e, const char *message, size_t len)
{
	SiFieldTable *fields = si_fields_create(true, 30);
	SiExprMemory *m = si_expr_memory_create();
	SiFormat   *format;
	SiMessage	msg = {.payload = message,.len = len};
	FuzzRow		row = {{get_value}};
	SiReason	why;
	SiReason	why2;
	SiValue		v,
				again;
	int			truth = 0;

	for (int i = 0; i < si_expr_nfields(e); i++)
	{
		int			name_len;
		const char *name = si_expr_field(e, i, &name_len);

		si_expr_bind(e, i, slot_of(fields, name, name_len));
	}
	format = si_format_json.create(NULL, fields);
	if (si_format_json.parse(format, &msg, &row.rows, &why))
	{
		bool		ok = si_expr_eval(e, m, &row.base, &v, &why);

		if (!ok)
			require_text(why.text, strlen(why.text), "reason of an evaluation");
		else if (v.kind == SI_VALUE_STRING || v.kind >= SI_VALUE_ARRAY)
			require_text(v.ptr, v.len, "text of a value");
		if (strcasestr(text, "now") == NULL)
		{
			bool		ok2 = si_expr_eval(e, m, &row.base, &again, &why2);

			/* a search that takes too long once may not do so twice */
			require(ok == ok2 || strstr(text, "regexp") || strstr(text, "string_to_array"), "the same outcome again");
			if (ok && ok2)
				require(same_value(&v, &again), "the same value again");
		}
		if (si_expr_test(e, m, &row.base, &truth, &why))
			require(truth >= -1 && truth <= 1, "truth of an expression");
		si_expr_memory_reset(m);
		try_filters(text, m, &row);
	}
	si_format_json.destroy(format);
	si_fields_free(fields);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	SiExprError err;
	SiExpr	   *e;
	char	   *text;
	size_t		len = end != NULL ? (size_t) (end - data) : size;

	/* a spec is valid UTF-8 */
	if (len > 2000 || pg_encoding_verifymbstr(PG_UTF8, (const char *) data, (int) len) != (int) len)
		return;
	text = palloc(len + 1);
	memcpy(text, data, len);
	text[len] = '\0';
	e = si_expr_compile(text, &err);
	if (e == NULL)
	{
		require(err.position >= 0 && err.position <= (int) len + 1, "position of an error");
		require(err.text.text[0] != '\0', "an error without a text");
		require_text(err.text.text, strlen(err.text.text), "text of an error");
		require_text(err.hint.text, strlen(err.hint.text), "hint of an error");
	}
	else if (end != NULL)
		run(text, e, (const char *) end + 1, size - len - 1);
}
