/*
 * json_format.c
 *		The input format "json" as a routine table: json.cpp behind C functions,
 *		released with the memory context it was created in.
 */
#include "common/port.h"

#include "format/json.h"
#include "format/owned.h"

struct SiFormat
{
	SiJsonParser *parser;
	SiOwned    *owned;
};

static void
release_parser(void *arg)
{
	si_json_parser_free(arg);
}

static SiFormat *
json_create(const SiSpecFormat *options, SiFieldTable *fields)
{
	SiFormat   *f = palloc0(sizeof(SiFormat));

	f->parser = si_json_parser_create(fields);
	if (f->parser == NULL)
		si_owned_no_memory();
	f->owned = si_owned_register(f->parser, release_parser);
	return f;
}

static bool
json_parse(SiFormat *f, const SiMessage *m, SiRows *rows, SiReason *why)
{
	return si_json_parser_parse(f->parser, m->payload, m->len, rows, why);
}

static void
json_destroy(SiFormat *f)
{
	si_owned_forget(f->owned);
	si_json_parser_free(f->parser);
	pfree(f);
}

const SiFormatRoutine si_format_json = {
	.name = "json",
	.create = json_create,
	.parse = json_parse,
	.destroy = json_destroy,
};
