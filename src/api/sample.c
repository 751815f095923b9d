/*
 * sample.c
 *		sample_supervisor(): what a spec would make of some messages.
 *
 * The messages are given, or the newest or oldest of the topic, read by a
 * short-lived worker.  They go through the pipeline of a reading task, row
 * by row so that each can be shown; nothing is stored anywhere.  The answer
 * has the shape of Druid's sampler.
 */
#include "postgres.h"

#include <ctype.h>
#include <math.h>

#include "api/api.h"
#include "api/lookup.h"
#include "api/put.h"
#include "fmgr.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "spec/spec.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "worker/pipeline.h"
#include "worker/sampling.h"

#define MAX_ROWS	5000

PG_FUNCTION_INFO_V1(si_sample_supervisor);

/* One element of the answer's data. */
typedef struct SampledRow
{
	char	   *input;			/* JSON, or NULL */
	int64		row;			/* of the index; -1: none */
	char	   *error;			/* NULL: none */
} SampledRow;

typedef struct Sampler
{
	const SiSpec *spec;
	SiPipeline *pipeline;
	SiIndex    *index;
	bool		json;			/* a message of one object is its own input */
	int			num_rows;
	int			nread;
	int			nsampled;
	int			cap;
	SampledRow *sampled;
} Sampler;

/* ------------------------------------------------------------------- input */

static void
put_string(StringInfo json, const char *text, Size len)
{
	/* a value from a message may hold a NUL, which no text can */
	char	   *copy = pnstrdup(text, strnlen(text, len));

	escape_json(json, copy);
	pfree(copy);
}

static void
put_number(StringInfo json, double d)
{
	/* JSON has no other numbers */
	appendStringInfo(json, isfinite(d) ? "%s" : "\"%s\"", float8out_internal(d));
}

static void
put_value(StringInfo json, const SiValue *v)
{
	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_BOOL:
			appendStringInfoString(json, v->u.i ? "true" : "false");
			break;
		case SI_VALUE_LONG:
			appendStringInfo(json, INT64_FORMAT, v->u.i);
			break;
		case SI_VALUE_DOUBLE:
			put_number(json, v->u.d);
			break;
		case SI_VALUE_STRING:
			put_string(json, v->ptr, v->len);
			break;
		case SI_VALUE_ARRAY:
		case SI_VALUE_OBJECT:
			appendBinaryStringInfo(json, v->ptr, v->len);
			break;
		default:
			appendStringInfoString(json, "null");
			break;
	}
}

/* The fields of one row before anything was made of them. */
static char *
input_of_row(const Sampler *s, const SiRows *rows, int r)
{
	const SiFieldTable *fields = si_pipeline_fields(s->pipeline);
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < rows->stride; i++)
	{
		const SiValue *v = &rows->values[(Size) r * rows->stride + i];
		int			len;
		const char *name;

		if (v->kind == SI_VALUE_MISSING)
			continue;
		name = si_fields_name(fields, i, &len);
		si_put_element(&json);
		put_string(&json, name, len);
		appendStringInfoChar(&json, ':');
		put_value(&json, v);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* A JSON message of one object is its own input. */
static char *
input_of_message(const SiMessage *m)
{
	const char *p = m->payload;
	Size		len = m->len;

	while (len > 0 && isspace((unsigned char) *p))
		p++, len--;
	while (len > 0 && isspace((unsigned char) p[len - 1]))
		len--;
	return len > 0 && *p == '{' ? pnstrdup(p, len) : NULL;
}

/* ---------------------------------------------------------------- sampling */

static SampledRow *
new_row(Sampler *s, char *input)
{
	SampledRow *row;

	if (s->nsampled == s->cap)
	{
		s->cap *= 2;
		s->sampled = repalloc(s->sampled, sizeof(SampledRow) * s->cap);
	}
	row = &s->sampled[s->nsampled++];
	row->input = input;
	row->row = -1;
	row->error = NULL;
	return row;
}

/* A reason that a text can hold. */
static char *
clean(const char *reason)
{
	return pnstrdup(reason, pg_encoding_verifymbstr(PG_UTF8, reason, strlen(reason)));
}

/* One row of a message that can be stored. */
static void
add_row(Sampler *s, const SiRows *rows, int r, char *input)
{
	SiRows		raw = {
		.nrows = 1,
		.stride = rows->stride,
		.values = rows->values + (Size) r * rows->stride
	};
	SiRows		one;
	SiAddResult result = {0};
	SiReason	why;
	uint32		before = si_index_rows(s->index);
	SampledRow *row;
	int			filtered;

	/* a line that cannot be read does not take the others with it */
	if (!si_pipeline_transform(s->pipeline, &raw, &one, &filtered, &why))
		result.unparseable = true;
	else if (filtered > 0)
		return;					/* what the filter refuses is thrown away */
	else
		si_index_add(s->index, &one, &result, &why);
	if (result.unparseable)
	{
		new_row(s, input)->error = clean(why.text);
		return;
	}
	/* a row that was merged into an earlier one is shown with that */
	if (si_index_rows(s->index) == before && result.with_error == 0)
		return;
	row = new_row(s, input);
	if (si_index_rows(s->index) > before)
		row->row = before;
	if (result.with_error > 0)
		row->error = clean(why.text);
}

static void
sample_message(void *arg, const SiMessage *m)
{
	Sampler    *s = arg;
	SiRows		rows;
	SiRows		ready;
	SiReason	why;
	SiReason	bad;			/* why rows that stand for themselves are none */
	SiAddResult result = {0};
	bool		parsed;
	int			filtered;

	CHECK_FOR_INTERRUPTS();
	s->nread++;
	/* a tombstone is thrown away */
	if (m->payload == NULL)
		return;
	parsed = si_pipeline_parse(s->pipeline, m, &rows, &why);
	bad = why;
	if (parsed && si_pipeline_transform(s->pipeline, &rows, &ready, &filtered, &why))
		si_index_check(s->index, &ready, &result, &why);
	else
		result.unparseable = true;
	if (!parsed || result.unparseable)
	{
		char	   *input = !parsed ? NULL : s->json && rows.nrows == 1 ? input_of_message(m) :
			input_of_row(s, &rows, 0);

		new_row(s, input)->error = clean(why.text);
		return;
	}
	for (int r = 0; r < rows.nrows; r++)
		add_row(s, &rows, r,
				s->json && rows.nrows == 1 ? input_of_message(m) : input_of_row(s, &rows, r));
	for (int i = 0; i < rows.nbad; i++)
		new_row(s, NULL)->error = clean(bad.text);
}

static void
sample_array(Sampler *s, ArrayType *data)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(data, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n && s->nread < s->num_rows; i++)
	{
		SiMessage	m = {.offset = i, .timestamp = -1};

		if (!nulls[i])
		{
			text	   *t = DatumGetTextPP(elements[i]);

			m.payload = VARDATA_ANY(t);
			m.len = VARSIZE_ANY_EXHDR(t);
		}
		sample_message(s, &m);
	}
}

/* ------------------------------------------------------------------ answer */

static bool
is_null(const SiColumn *c, uint32 row)
{
	if (c->desc.type == SI_TYPE_STRING)
		return c->v.codes[row] == 0;
	return c->nulls && ((c->nulls[row / 64] >> (row % 64)) & 1);
}

static void
put_cell(StringInfo json, const SiColumn *c, uint32 row)
{
	if (is_null(c, row))
	{
		appendStringInfoString(json, "null");
		return;
	}
	switch (c->desc.type)
	{
		case SI_TYPE_STRING:
			{
				uint32		e = c->v.codes[row] - 1;
				const char *text = c->dict.bytes + c->dict.offsets[e];
				Size		len = c->dict.offsets[e + 1] - c->dict.offsets[e];

				/* several values are JSON already */
				if (c->desc.json || (c->desc.multi_value && len > 1 && text[0] == '[' && text[len - 1] == ']'))
					appendBinaryStringInfo(json, text, len);
				else
					put_string(json, text, len);
				break;
			}
		case SI_TYPE_FLOAT:
			appendStringInfo(json, isfinite(c->v.floats[row]) ? "%s" : "\"%s\"",
							 DatumGetCString(DirectFunctionCall1(float4out, Float4GetDatum(c->v.floats[row]))));
			break;
		case SI_TYPE_DOUBLE:
			put_number(json, c->v.doubles[row]);
			break;
		default:
			appendStringInfo(json, INT64_FORMAT, c->v.longs[row]);
			break;
	}
}

/* Columns that no row has a value for are not in the table. */
static void
put_absent(StringInfo json, const SiTable *t, const char *name)
{
	for (int i = 0; i < t->ncolumns; i++)
	{
		if (strcmp(t->columns[i].desc.name, name) == 0)
			return;
	}
	si_put_text(json, name, NULL);
}

static void
put_parsed(StringInfo json, const Sampler *s, const SiTable *t, uint32 row)
{
	si_put_key(json, "parsed");
	appendStringInfoChar(json, '{');
	for (int i = 0; i < t->ncolumns; i++)
	{
		if (t->columns[i].desc.role == SI_ROLE_TIMES)
			continue;
		si_put_key(json, t->columns[i].desc.name);
		put_cell(json, &t->columns[i], row);
	}
	for (int i = 0; i < s->spec->ndimensions; i++)
		put_absent(json, t, s->spec->dimensions[i].name);
	for (int i = 0; i < s->spec->nmetrics; i++)
		put_absent(json, t, s->spec->metrics[i].name);
	appendStringInfoChar(json, '}');
}

static void
put_dimensions(StringInfo json, const Sampler *s)
{
	const char *name;
	const char *type;

	si_put_key(json, "logicalDimensions");
	appendStringInfoChar(json, '[');
	for (int i = 0; i < s->spec->ndimensions; i++)
	{
		const SiSpecDimension *d = &s->spec->dimensions[i];

		if (d->automatic)
			continue;
		si_put_element(json);
		appendStringInfoChar(json, '{');
		si_put_text(json, "name", d->name);
		si_put_text(json, "type", d->type == SI_TYPE_LONG ? "long" : d->type == SI_TYPE_FLOAT ? "float" :
					d->type == SI_TYPE_DOUBLE ? "double" : d->json ? "json" : "string");
		appendStringInfoChar(json, '}');
	}
	for (int i = 0; (name = si_index_discovered(s->index, i, &type)) != NULL; i++)
	{
		si_put_element(json);
		appendStringInfoChar(json, '{');
		si_put_text(json, "name", name);
		si_put_text(json, "type", type);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

static void
put_rows(StringInfo json, const Sampler *s)
{
	const SiTable *t = si_index_table(s->index);

	si_put_key(json, "data");
	appendStringInfoChar(json, '[');
	for (int i = 0; i < s->nsampled; i++)
	{
		const SampledRow *row = &s->sampled[i];

		si_put_element(json);
		appendStringInfoChar(json, '{');
		if (row->input)
		{
			si_put_key(json, "input");
			appendStringInfoString(json, row->input);
		}
		if (row->row >= 0)
			put_parsed(json, s, t, row->row);
		if (row->error)
		{
			si_put_bool(json, "unparseable", true);
			si_put_text(json, "error", row->error);
		}
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

/* sample_supervisor(spec json, data text[], num_rows int) returns json */
Datum
si_sample_supervisor(PG_FUNCTION_ARGS)
{
	Sampler		s = {0};
	StringInfoData json;
	ErrorContextCallback hidden;
	char	   *spec;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	s.num_rows = PG_ARGISNULL(2) ? 200 : PG_GETARG_INT32(2);
	if (s.num_rows < 1 || s.num_rows > MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for num_rows: %d", s.num_rows),
				 errdetail("Expected a number from 1 to %d.", MAX_ROWS)));
	spec = text_to_cstring(PG_GETARG_TEXT_PP(0));
	si_spec_hide_statement(&hidden, spec);
	s.spec = si_spec_parse(spec, false);
	s.pipeline = si_pipeline_create(s.spec, true);
	si_pipeline_run_as_user(s.pipeline, si_acting_user(s.spec->id));
	s.index = si_pipeline_index(s.pipeline);
	s.json = s.spec->format.kind == SI_FORMAT_JSON;
	s.cap = 64;
	s.sampled = palloc(sizeof(SampledRow) * s.cap);
	if (PG_ARGISNULL(1))
		si_sample_topic(s.spec, s.num_rows, sample_message, &s);
	else
		sample_array(&s, PG_GETARG_ARRAYTYPE_P(1));

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	si_put_int(&json, "numRowsRead", s.nread);
	si_put_int(&json, "numRowsIndexed", si_index_rows(s.index));
	put_dimensions(&json, &s);
	put_rows(&json, &s);
	appendStringInfoChar(&json, '}');
	error_context_stack = hidden.previous;
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}
