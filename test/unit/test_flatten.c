/*
 * test_flatten.c
 *		JSONPath and jq expressions of a flattenSpec, one after the other:
 *		data/flatten.tsv.
 */
#include "common/port.h"

#include "format/jq.h"
#include "format/jsonpath.h"
#include "format/jsontext.h"
#include "format/number.h"
#include "format_case.h"
#include "harness.h"

#define MAX_SHOWN 65536

static char document[MAX_SHOWN];

/* The value as the table shows it, or "refused" and the reason. */
static const char *
evaluate(bool path, const char *expr, SiScratch *scratch)
{
	static char shown[MAX_SHOWN];
	SiReason	why = {""};
	SiJsonNode	root;
	SiValue		v;
	bool		ok;

	if (si_node_read(document, document + strlen(document), &root) == NULL)
		return "the document is no JSON";
	if (path)
	{
		SiJsonPath *p = si_jsonpath_compile(expr, &why);

		ok = p != NULL && si_jsonpath_value(p, &root, false, scratch, &v);
		why.text[0] = p != NULL ? '\0' : why.text[0];
	}
	else
	{
		SiJq	   *q = si_jq_compile(expr, &why);

		if (q != NULL)
			si_jq_message(q, strlen(document));
		ok = q != NULL && si_jq_value(q, &root, false, scratch, &v);
		why.text[0] = q != NULL ? '\0' : why.text[0];
	}
	if (!ok)
		snprintf(shown, sizeof(shown), "refused %s", why.text);
	else if (v.kind == SI_VALUE_MISSING)
		return "null";
	else
		*case_value(&v, shown) = '\0';
	return shown;
}

/* What would go on for ever, or need more than there is, gives nothing, and soon. */
static void
test_limits(SiScratch *scratch)
{
	static const char *const runaways[] = {
		"def f: f; f", "def f: ., f; [f]", "def f: [f]; f", "def f(x): f(x | x); f(. + 1)", "[recurse(.)] | length",
		"0 | until(false; . + 1)", "[0 | while(true; . + 1)]", "[range(1e12)]", "[range(0; 1; 1e-300)]",
		"reduce range(1e9) as $i (0; . + $i)", "[limit(3; range(1e9))]",
		"reduce range(100) as $i (\"x\"; . + .)", "reduce range(100) as $i ([1]; . + .)", "reduce range(100) as $i ([1]; [., .])",
		"reduce range(100) as $i ({}; {a: ., b: .})", "\"x\" * 1e9", "[.] | combinations(1e9)",
		"[range(9)] | [combinations(9)] | length", ".a[999999999] = 1", "try def f: f; f catch 1", "(def f: f; f)?",
		"def f: try f catch f; f", "[range(1000)] | reduce .[] as $x (.; . + .)", "def f(g): g, f(g, g); [f(1)]",
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\" | test(\"^(a+)+$\")",
		"(\"ab\" * 100000) | gsub(\"(?<x>.)\"; .x * 1000)", "[(\"ab\" * 1000000) | match(\".\"; \"g\")] | length",
		"[range(2000)] as $a | [$a[] | . as $x | $a | map(select(. != $x)) | length] | add",
		"def f: (., .) | f; f", "[paths(true, true, true, true)] | length | until(false; .)"
	};

	strlcpy(document, "{\"a\":{\"b\":[1,2,3]}}", sizeof(document));
	for (int i = 0; i < lengthof(runaways); i++)
	{
		const char *got = evaluate(false, runaways[i], scratch);

		CHECK(strcmp(got, "null") == 0, "%s: %s", runaways[i], got);
		CHECK(scratch->allocated < 1024, "%s keeps memory", runaways[i]);
		si_scratch_reset(scratch);
	}
	/* so does an expression that is long instead of deep */
	{
		static const char *const pieces[][3] = {
			{".a", "[0]", " = 1"}, {".a", ".b", ""}, {"1", " + 1", ""}, {"1", ", 1", ""}, {"if 1 then 2", " elif 1 then 3", " else 4 end"},
			{".", " | .", ""}, {". as [$a", ", $b", "] | $b"}, {"{a: 1", ", b: 2", "}"}, {"\"", "\\(1)", "\""}
		};
		static char expr[200 * 1024];

		for (int i = 0; i < lengthof(pieces); i++)
		{
			size_t		len = strlcpy(expr, pieces[i][0], sizeof(expr));

			for (int n = 0; n < 20000 && len < sizeof(expr) - 100; n++)
				len += strlcpy(expr + len, pieces[i][1], sizeof(expr) - len);
			strlcpy(expr + len, pieces[i][2], sizeof(expr) - len);
			(void) evaluate(false, expr, scratch);
			si_scratch_reset(scratch);
		}
	}
	/* the rows of one message share what they may use; the next message has its own */
	{
		SiReason	why;
		SiJq	   *q = si_jq_compile("reduce range(100000) as $i (0; . + 1)", &why);
		SiJsonNode	root;
		SiValue		v;
		int			n = 0;

		CHECK(q != NULL, "%s", why.text);
		si_node_read(document, document + strlen(document), &root);
		si_jq_message(q, 0);
		for (int i = 0; i < 20; i++)
			n += si_jq_value(q, &root, false, scratch, &v) && v.kind == SI_VALUE_LONG;
		CHECK(n > 2 && n < 10, "%d of 20 rows had a value", n);
		si_jq_message(q, 0);
		CHECK(si_jq_value(q, &root, false, scratch, &v) && v.u.i == 100000, "another message has its own share");
	}
	/* what an evaluation has made outlives the next one */
	{
		SiReason	why;
		SiJq	   *q = si_jq_compile("[.a.b[] * 2]", &why);
		SiJsonNode	root;
		SiValue		first,
					second;

		si_node_read(document, document + strlen(document), &root);
		CHECK(si_jq_value(q, &root, false, scratch, &first) && si_jq_value(q, &root, false, scratch, &second) &&
			  first.ptr != second.ptr && first.len == 7 && memcmp(first.ptr, "[2,4,6]", 7) == 0, "results are kept");
	}
}

/* Reads one table; the number of its lines. */
static int
check_table(const char *name, SiScratch *scratch)
{
	FILE	   *f = fopen(name, "r");
	static char line[MAX_SHOWN];
	int			n = 0;

	CHECK(f != NULL, "%s cannot be read (run in test/unit)", name);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
	{
		char	   *rest = line;
		char	   *kind = strsep(&rest, "\t");
		char	   *expr;
		const char *got;

		if (*kind == '#' || rest == NULL)
			continue;
		rest[strcspn(rest, "\n")] = '\0';
		if (strcmp(kind, "document") == 0)
		{
			strlcpy(document, rest, sizeof(document));
			continue;
		}
		expr = strsep(&rest, "\t");
		/* twice: what is remembered must not change the next */
		for (int i = 0; i < 2; i++)
		{
			got = evaluate(strcmp(kind, "path") == 0, expr, scratch);
			if (strncmp(rest, "refused ", 8) == 0)
				CHECK(strncmp(got, "refused ", 8) == 0 && strstr(got, rest + 8) != NULL, "%s %s: %s, not %s", kind, expr, got, rest);
			else
				CHECK(strcmp(got, rest) == 0, "%s %s: %s, not %s", kind, expr, got, rest);
			si_scratch_reset(scratch);
		}
		n++;
	}
	if (f != NULL)
		fclose(f);
	return n;
}

int
main(void)
{
	SiScratch	scratch = {0};
	int			n = check_table("data/flatten.tsv", &scratch) + check_table("data/jq.tsv", &scratch) +
		check_table("data/jsonpath.tsv", &scratch);

	CHECK(n > 3000, "only %d lines were read", n);
	test_limits(&scratch);
	si_scratch_free(&scratch);
	return harness_end("test_flatten");
}
