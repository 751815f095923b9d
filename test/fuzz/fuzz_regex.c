/*
 * fuzz_regex.c
 *		libFuzzer harness of the regex format: the first line is the pattern,
 *		the rest is a message.
 */
#include "arena.h"

#include "fuzz_format.h"
#include "format/text_formats.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	static char *columns[] = {"a", "x", "v"};
	SiSpecFormat options = {.kind = SI_FORMAT_REGEX,.list_delimiter = ","};
	const char *rest = (const char *) data;
	char	   *pattern = take_text(&rest, &size);
	SiMessage	m = {.payload = rest,.len = size};
	SiReason	why = {""};

	options.pattern = pattern;
	if (si_regex_check(pattern, &why))
	{
		fuzz_message(&options, &m, true);
		options.columns = columns;
		options.ncolumns = lengthof(columns);
		fuzz_message(&options, &m, false);
	}
	else
		require_text(why.text, strlen(why.text), "reason of a pattern");
	free(pattern);
}
