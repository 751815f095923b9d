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

int
main(void)
{
	FILE	   *f = fopen("data/flatten.tsv", "r");
	static char line[MAX_SHOWN];
	SiScratch	scratch = {0};
	int			n = 0;

	CHECK(f != NULL, "data/flatten.tsv cannot be read (run in test/unit)");
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
			got = evaluate(strcmp(kind, "path") == 0, expr, &scratch);
			if (strncmp(rest, "refused ", 8) == 0)
				CHECK(strncmp(got, "refused ", 8) == 0 && strstr(got, rest + 8) != NULL, "%s %s: %s, not %s", kind, expr, got, rest);
			else
				CHECK(strcmp(got, rest) == 0, "%s %s: %s, not %s", kind, expr, got, rest);
			si_scratch_reset(&scratch);
		}
		n++;
	}
	if (f != NULL)
		fclose(f);
	CHECK(n > 200, "only %d lines were read", n);
	si_scratch_free(&scratch);
	return harness_end("test_flatten");
}
