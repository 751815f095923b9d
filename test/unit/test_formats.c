/*
 * test_formats.c
 *		The input formats besides plain JSON, by tables of cases: those of
 *		Druid's own tests and ours (data/format_cases.tsv).
 */
#include "common/port.h"

#include "format_case.h"
#include "harness.h"

#define MAX_SHOWN 65536

/* Expected text that begins with "error " is the beginning of a reason. */
static void
check_result(const char *id, bool ok, const char *shown, const char *why, const char *expected)
{
	if (strncmp(expected, "error ", 6) == 0)
		CHECK(!ok && strncmp(why, expected + 6, strlen(expected + 6)) == 0, "%s: %s instead of %s", id, ok ? shown : why, expected);
	else
		CHECK(ok && strcmp(shown, expected) == 0, "%s: %s instead of %s", id, ok ? shown : why, expected);
}

static void
run_case(const char *id, char *options, char *input, size_t len, const char *expected)
{
	static char shown[MAX_SHOWN];
	FormatCase	c;
	SiFieldTable *fields;
	SiFormat   *format;
	SiReason	why = {""};
	SiRows		rows;
	const SiFormatRoutine *routine;

	case_options(&c, options);
	fields = case_fields(&c);
	routine = si_format_routine(&c.options);
	format = routine->create(&c.options, fields);
	/* twice: what is remembered of a message must not change the next */
	for (int i = 0; i < 2; i++)
	{
		char	   *copy = malloc(Max(len, 1));
		bool		ok;

		memcpy(copy, input, len);
		ok = routine->parse(format, &(SiMessage) {.payload = copy,.len = len}, &rows, &why);
		shown[0] = '\0';
		if (ok)
			case_show(fields, &rows, shown);
		check_result(id, ok, shown, why.text, expected);
		free(copy);
	}
	routine->destroy(format);
	si_fields_free(fields);
}

static void
test_cases(void)
{
	FILE	   *f = fopen("data/format_cases.tsv", "r");
	static char line[16384];
	int			n = 0;

	CHECK(f != NULL, "data/format_cases.tsv cannot be read (run in test/unit)");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
	{
		char	   *rest = line;
		char	   *id,
				   *options,
				   *input,
				   *expected;
		size_t		len;

		rest[strcspn(rest, "\n")] = '\0';
		if (*line == '#' || *line == '\0')
			continue;
		id = strsep(&rest, "\t");
		options = strsep(&rest, "\t");
		input = strsep(&rest, "\t");
		expected = strsep(&rest, "\t");
		CHECK(expected != NULL, "%s: four columns are expected", id);
		if (expected == NULL)
			continue;
		case_unescape(options);
		len = case_unescape(input);
		case_unescape(expected);
		run_case(id, options, input, len, expected);
		n++;
	}
	if (f != NULL)
		fclose(f);
	CHECK(n > 40, "only %d cases were read", n);
}

int
main(void)
{
	test_cases();
	return harness_end("test_formats");
}
