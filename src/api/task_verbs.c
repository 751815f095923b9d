/*
 * task_verbs.c
 *		handoff_task_groups(), shutdown_task(): verbs about the tasks of a
 *		supervisor.
 */
#include "postgres.h"

#include "api/put.h"
#include "api/verbs.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(si_handoff_task_groups);
PG_FUNCTION_INFO_V1(si_shutdown_task);

/* The array as text for a query, {1,2}; ERROR when it is not a list of numbers. */
static char *
list_of_groups(ArrayType *array)
{
	StringInfoData text;
	Datum	   *elems;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, INT4OID, 4, true, TYPALIGN_INT, &elems, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("list of task groups to handoff can't be empty")));
	initStringInfo(&text);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("list of task groups to handoff must not contain nulls")));
		appendStringInfo(&text, "%c%d", i == 0 ? '{' : ',', DatumGetInt32(elems[i]));
	}
	appendStringInfoChar(&text, '}');
	return text.data;
}

Datum
si_handoff_task_groups(PG_FUNCTION_ARGS)
{
	char	   *groups = list_of_groups(PG_GETARG_ARRAYTYPE_P(1));
	SiQuery		q;
	SiSupervisor *s = si_begin_verb(&q, "handoff_task_groups()", text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (si_query(&q,
				 "SELECT x.g FROM unnest($2::integer[]) x (g) WHERE NOT EXISTS (SELECT FROM stream_ingest.task_group t"
				 " WHERE t.supervisor_id = $1 AND t.group_id = x.g) LIMIT 1", "tt", s->id, groups) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("supervisor [%s] has no task group " INT64_FORMAT, s->id, si_get_int64(0, 0)),
				 errhint("The view stream_ingest.partitions shows the task groups.")));
	si_query(&q,
			 "INSERT INTO stream_ingest.request (install, supervisor_id, data_source_id, verb, task_groups, requested_by)"
			 " SELECT uuid, $1, $2, 'handoff', $3::integer[], $4 FROM stream_ingest.install",
			 "tito", s->id, s->data_source_id, groups, q.user);
	si_end_verb(&q);
	return si_answer_id(s->id);
}

/* A task that has ended already is left alone. */
Datum
si_shutdown_task(PG_FUNCTION_ARGS)
{
	char	   *task_id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	SiQuery		q;
	SiSupervisor *s;
	StringInfoData answer;
	bool		found;
	bool		running;
	char	   *id;

	si_query_begin(&q, false);
	found = si_query(&q,
					 "SELECT supervisor_id, status = 'RUNNING' FROM stream_ingest.task"
					 " WHERE task_id = $1 AND install = (SELECT uuid FROM stream_ingest.install)", "t", task_id) > 0;
	id = found ? si_get_text(0, 0) : NULL;
	running = found && si_get_bool(0, 1);
	si_query_end(&q);
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("cannot find any task with id: [%s]", task_id),
				 errhint("The view stream_ingest.tasks lists the tasks of this database.")));
	s = si_begin_verb(&q, "shutdown_task()", id);
	if (running)
		si_query(&q,
				 "INSERT INTO stream_ingest.request (install, supervisor_id, data_source_id, verb, task_id, requested_by)"
				 " SELECT uuid, $1, $2, 'shutdown_task', $3, $4 FROM stream_ingest.install",
				 "tito", s->id, s->data_source_id, task_id, q.user);
	si_end_verb(&q);
	initStringInfo(&answer);
	appendStringInfoChar(&answer, '{');
	si_put_text(&answer, "task", task_id);
	appendStringInfoChar(&answer, '}');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(answer.data, answer.len));
}
