/*
 * fuzz_flatten.c
 *		libFuzzer harness of json with options: one byte of settings, a
 *		JSONPath, an expression of jq (a line each), and a message.
 */
#include "arena.h"

#include "fuzz_format.h"
#include "format/jq.h"
#include "format/jsonpath.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	static char *nodes[] = {"a", "b"};
	SiFlattenField fields[] = {
		{.kind = SI_FLATTEN_TREE,.name = "t",.nodes = nodes,.nnodes = 2},
		{.kind = SI_FLATTEN_ROOT,.name = "r",.expr = "b"},
		{.kind = SI_FLATTEN_PATH,.name = "v"},
		{.kind = SI_FLATTEN_JQ,.name = "q"}
	};
	SiSpecFormat options = {.fields = fields,.nfields = lengthof(fields)};
	const char *rest = (const char *) data;
	SiMessage	m = {0};
	SiReason	why = {""};
	int			settings;

	if (size == 0)
		return;
	settings = (unsigned char) *rest++;
	size--;
	options.no_discovery = settings & 1;
	options.newline_delimited = (settings & 6) == 2;
	options.node_reader = (settings & 6) == 4;
	options.features = (settings & 8) ? 0x1FFF : (settings & 16) ? 0x00AA : 0;
	fields[2].expr = take_text(&rest, &size);
	fields[3].expr = take_text(&rest, &size);
	if (si_jsonpath_compile(fields[2].expr, &why) == NULL)
		require(why.text[0] != '\0', "a refused path has a reason");
	if (si_jq_compile(fields[3].expr, &why) == NULL)
		require(why.text[0] != '\0', "a refused expression has a reason");
	m.payload = rest;
	m.len = size;
	fuzz_message(&options, &m, true);
	fuzz_message(&options, &m, false);
	free(fields[2].expr);
	free(fields[3].expr);
}
