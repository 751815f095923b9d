/*
 * spec_sql.c
 *		SQL functions of the spec module: check_spec() and spec_fields().
 *
 * Neither changes anything.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "spec/fields.h"
#include "spec/spec.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(si_sql_check_spec);
PG_FUNCTION_INFO_V1(si_sql_spec_fields);

/* stream_ingest.check_spec(json) returns json: the echo of a valid spec. */
Datum
si_sql_check_spec(PG_FUNCTION_ARGS)
{
	char	   *json = text_to_cstring(PG_GETARG_TEXT_PP(0));
	SiSpec	   *spec = si_spec_parse(json, false);

	PG_RETURN_TEXT_P(cstring_to_text(si_spec_print(json, spec->suspended, false)));
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
