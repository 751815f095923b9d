/*
 * fuzz_kafka_format.c
 *		libFuzzer harness of the kafka format: one byte of settings, a line
 *		with the key, a line with a header's name, one with its value, and
 *		the payload.
 */
#include "arena.h"

#include "fuzz_format.h"

static SiHeader headers[3];

static bool
header_at(const SiMessage *m, size_t i, SiHeader *header)
{
	if (i >= lengthof(headers))
		return false;
	*header = headers[i];
	return true;
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	static char *columns[] = {"a", "v"};
	SiSpecFormat value = {0};
	SiSpecFormat key = {0};
	SiSpecFormat options = {.kind = SI_FORMAT_KAFKA,.value = &value,.headers = true,.header_prefix = "h."};
	const char *rest = (const char *) data;
	SiMessage	m = {.topic = "t",.timestamp = 1,.offset = 2,.header = header_at};
	char	   *lines[3];
	int			settings;

	if (size == 0)
		return;
	settings = (unsigned char) *rest++;
	size--;
	value.kind = (settings & 1) ? SI_FORMAT_CSV : SI_FORMAT_JSON;
	key.kind = (settings & 2) ? SI_FORMAT_TSV : SI_FORMAT_JSON;
	value.columns = key.columns = columns;
	value.ncolumns = key.ncolumns = lengthof(columns);
	options.key = (settings & 4) ? &key : NULL;
	options.header_encoding = (settings & 8) ? "UTF-16LE" : (settings & 16) ? "US-ASCII" : NULL;
	options.key_column = (settings & 32) ? "v" : NULL;
	for (int i = 0; i < lengthof(lines); i++)
		lines[i] = take_line(&rest, &size);
	m.key = lines[0];
	m.key_len = strlen(lines[0]);
	headers[0] = (SiHeader) {lines[1], lines[2], strlen(lines[2])};
	headers[1] = (SiHeader) {"none", NULL, 0};
	headers[2] = headers[0];
	m.payload = rest;
	m.len = size;
	fuzz_message(&options, &m, true);
	fuzz_message(&options, &m, false);
	for (int i = 0; i < lengthof(lines); i++)
		free(lines[i]);
}
