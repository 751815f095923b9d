/*
 * fuzz_delimited.c
 *		libFuzzer harness of csv, tsv and lines: the first byte chooses the
 *		settings, the rest is a message.
 */
#include "arena.h"

#include "fuzz_format.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	static char *columns[] = {"a", "x", "v"};
	SiSpecFormat options = {0};
	SiMessage	m = {0};
	int			settings;

	if (size == 0)
		return;
	settings = *data++;
	size--;
	options.kind = (settings & 3) == 0 ? SI_FORMAT_LINES : (settings & 1) ? SI_FORMAT_CSV : SI_FORMAT_TSV;
	options.header = settings & 4;
	options.columns = columns;
	options.ncolumns = (settings & 8) ? lengthof(columns) : 0;
	options.try_numbers = settings & 16;
	options.skip_rows = (settings >> 5) & 1;
	options.list_delimiter = (settings & 64) ? "||" : "|";
	options.delimiter = (settings & 128) ? ";;" : NULL;
	m.payload = (const char *) data;
	m.len = size;
	fuzz_message(&options, &m, true);
	fuzz_message(&options, &m, false);
}
