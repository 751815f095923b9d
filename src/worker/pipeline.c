/*
 * pipeline.c
 *		From a message to the rows of an index: see pipeline.h.
 *
 * Duties: format, transforms, then index, with one table of fields between them.  Counts
 * nothing and keeps nothing of a message.
 */
#include "postgres.h"

#include "format/format.h"
#include "transform/batch.h"
#include "worker/pipeline.h"

/* A table has at most 1600 columns; the index refuses those beyond. */
#define MAX_FIELDS			4096

struct SiPipeline
{
	const SiFormatRoutine *routine;
	SiFormat   *format;
	SiFieldTable *fields;
	SiIndex    *index;
	SiTransform *transform;		/* NULL: the spec has none */
	SiSql	   *sql;			/* NULL: none of them is in PostgreSQL's language */
	SiSqlBatch *batch;			/* of sql */
};

SiPipeline *
si_pipeline_create(const SiSpec *spec, bool all_fields)
{
	SiPipeline *p = palloc0(sizeof(SiPipeline));
	SiReason	why;

	p->routine = si_format_routine(&spec->format);
	p->fields = si_fields_create(spec->discover || all_fields, MAX_FIELDS);
	p->index = si_index_create(spec, p->fields, &why);
	if (p->index == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid timestamp format of supervisor \"%s\": %s", spec->id, why.text)));
	p->transform = si_transform_create(spec, p->fields);
	if (p->transform != NULL && si_transform_nsql(p->transform) > 0)
	{
		p->sql = si_sql_create(spec, p->transform);
		p->batch = si_sql_batch_create(p->sql, p->transform);
	}
	p->format = p->routine->create(&spec->format, p->fields);
	return p;
}

bool
si_pipeline_run_as(SiPipeline *p, const char *supervisor_id, int64 spec_version)
{
	return p->sql == NULL || si_sql_run_as(p->sql, supervisor_id, spec_version);
}

void
si_pipeline_run_as_user(SiPipeline *p, Oid user)
{
	if (p->sql != NULL)
		si_sql_run_as_user(p->sql, user);
}

int
si_pipeline_prepare(SiPipeline *p, const SiMessage *messages, int n)
{
	bool		room = true;
	int			i;

	if (likely(p->sql == NULL))
		return n;
	si_sql_batch_reset(p->batch);
	for (i = 0; i < n && room; i++)
	{
		SiRows		rows;
		SiReason	why;
		bool		parsed;

		if (messages[i].payload == NULL)
			continue;
		parsed = si_pipeline_parse(p, &messages[i], &rows, &why);
		room = si_sql_batch_hold(p->batch, &messages[i], parsed, &rows, &why);
	}
	si_sql_batch_evaluate(p->batch);
	return i;
}

/* Parses a message, unless that was done ahead, and transforms its rows. */
static bool
parse_and_transform(SiPipeline *p, const SiMessage *m, SiRows *rows, int *filtered, SiReason *why)
{
	SiRows		raw;
	bool		parsed = false;

	if (p->sql == NULL)
		parsed = si_pipeline_parse(p, m, &raw, why);
	else if (!si_sql_batch_take(p->batch, m, &parsed, &raw, why))
	{
		(void) si_pipeline_prepare(p, m, 1);
		(void) si_sql_batch_take(p->batch, m, &parsed, &raw, why);
	}
	return parsed && si_transform_rows(p->transform, &raw, rows, filtered, why);
}

SiIndex *
si_pipeline_index(SiPipeline *p)
{
	return p->index;
}

const SiFieldTable *
si_pipeline_fields(const SiPipeline *p)
{
	return p->fields;
}

bool
si_pipeline_parse(SiPipeline *p, const SiMessage *m, SiRows *rows, SiReason *why)
{
	bool		parsed = p->routine->parse(p->format, m, rows, why);

	rows->times = NULL;
	return parsed;
}

bool
si_pipeline_transform(SiPipeline *p, const SiRows *in, SiRows *out, int *filtered, SiReason *why)
{
	if (p->sql != NULL)
		si_sql_batch_rows(p->batch, in);
	if (p->transform != NULL)
		return si_transform_rows(p->transform, in, out, filtered, why);
	*out = *in;
	*filtered = 0;
	return true;
}

/*
 * Whether this message's exceptions would exceed maxParseExceptions.  Asked
 * before anything of it is stored, since rolled-up rows cannot be taken back.
 */
static bool
exceeds_limit(SiPipeline *p, bool parsed, const SiRows *rows, int64 left, SiReason *why)
{
	SiAddResult result;

	if (!parsed)
		return left < 1;
	if (likely(left >= (int64) rows->nrows + rows->nbad))
		return false;
	si_index_check(p->index, rows, &result, why);
	return (result.unparseable ? 1 : result.with_error + result.unparseable_rows) > left;
}

bool
si_pipeline_add(SiPipeline *p, const SiMessage *m, int64 exceptions_left,
				SiAddResult *result, SiReason *why)
{
	SiRows		rows;
	bool		parsed;
	int			filtered = 0;

	memset(result, 0, sizeof(*result));
	if (likely(p->transform == NULL))
		parsed = si_pipeline_parse(p, m, &rows, why);
	else
		parsed = parse_and_transform(p, m, &rows, &filtered, why);
	if (unlikely(exceeds_limit(p, parsed, &rows, exceptions_left, why)))
		return false;
	if (likely(parsed))
	{
		si_index_add(p->index, &rows, result, why);
		result->filtered = result->unparseable ? 0 : filtered;
	}
	else
		result->unparseable = true;
	return true;
}
