/*
 * spec_sql.c
 *		SQL functions of the spec module: check_spec(), spec_fields() and
 *		consumer_properties().
 *
 * None changes anything.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "spec/consumer_properties.h"
#include "spec/fields.h"
#include "spec/spec.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(si_sql_check_spec);
PG_FUNCTION_INFO_V1(si_sql_spec_fields);
PG_FUNCTION_INFO_V1(si_sql_consumer_properties);

/* stream_ingest.check_spec(json) returns json: the echo of a valid spec. */
Datum
si_sql_check_spec(PG_FUNCTION_ARGS)
{
	char	   *json = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ErrorContextCallback hidden;
	char	   *echo;

	si_spec_hide_statement(&hidden, json);
	echo = si_spec_print(json, si_spec_parse(json, false)->suspended, false);
	error_context_stack = hidden.previous;
	PG_RETURN_TEXT_P(cstring_to_text(echo));
}

/* One row of spec_fields(). */
static void
put_row(ReturnSetInfo *rsinfo, const char *path, const char *type, const char *deflt,
		const char *use, const char *help)
{
	const char *texts[] = {path, type, deflt, use, help};
	Datum		values[lengthof(texts)];
	bool		nulls[lengthof(texts)];

	for (int i = 0; i < lengthof(texts); i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * stream_ingest.spec_fields(): the table of fields, and after a field of
 * words a row for each word.
 */
Datum
si_sql_spec_fields(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < si_spec_nfields; i++)
	{
		const SiField *field = &si_spec_fields[i];

		put_row(rsinfo, field->path, si_field_type_name(field->type), field->deflt,
				si_field_use_name(field->use), field->help);
		for (int j = 0; j < si_spec_nwords; j++)
		{
			const SiWord *word = &si_spec_words[j];

			if (strcmp(word->path, field->path) == 0)
				put_row(rsinfo, psprintf("%s = %s", word->path, word->word), "word", NULL,
						si_field_use_name(word->use), word->help);
		}
	}
	return (Datum) 0;
}

/* stream_ingest.consumer_properties(): the table of them. */
Datum
si_sql_consumer_properties(PG_FUNCTION_ARGS)
{
	static const char *const rules[] = {"passed on", "passed on", "mapped", "no effect", "no effect", "refused"};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < si_nconsumer_properties; i++)
	{
		const SiConsumerProperty *p = &si_consumer_properties[i];
		const char *who = p->flags & SI_PROPERTY_SUPERUSER ? "superuser" : p->flags & SI_PROPERTY_FILE ? "file" : "anybody";
		const char *text = p->rule == SI_PROPERTY_RENAMED ? psprintf("as %s", p->text) : p->text;

		put_row(rsinfo, p->name, rules[p->rule], text, who, p->flags & SI_PROPERTY_SECRET ? "secret" : NULL);
	}
	return (Datum) 0;
}
