/*
 * verbs.c
 *		suspend_supervisor(), resume_supervisor(), terminate_supervisor(), and
 *		the same for all supervisors of the caller.
 *
 * A verb inserts one request row and wakes the overlord at commit.  It locks
 * and changes nothing that a worker touches; the overlord applies requests
 * in their order, each once.
 */
#include "postgres.h"

#include "api/api.h"
#include "api/lookup.h"
#include "api/put.h"
#include "api/query.h"
#include "api/verbs.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "spec/spec.h"
#include "utils/builtins.h"
#include "worker/shmem.h"

PG_FUNCTION_INFO_V1(si_suspend_supervisor);
PG_FUNCTION_INFO_V1(si_resume_supervisor);
PG_FUNCTION_INFO_V1(si_terminate_supervisor);
PG_FUNCTION_INFO_V1(si_suspend_all_supervisors);
PG_FUNCTION_INFO_V1(si_resume_all_supervisors);
PG_FUNCTION_INFO_V1(si_terminate_all_supervisors);

SiSupervisor *
si_begin_verb(SiQuery *q, const char *function, const char *id)
{
	SiSupervisor *s;

	PreventCommandIfReadOnly(function);
	PreventCommandDuringRecovery(function);
	si_query_begin(q, false);
	s = si_supervisor_get(q, id);
	si_check_owner(s, q->user);
	return s;
}

static void
request(SiQuery *q, const SiSupervisor *s, const char *verb)
{
	si_query(q,
			 "INSERT INTO stream_ingest.request (install, supervisor_id, data_source_id, verb, requested_by)"
			 " SELECT uuid, $1, $2, $3, $4 FROM stream_ingest.install",
			 "tito", s->id, s->data_source_id, verb, q->user);
}

void
si_end_verb(SiQuery *q)
{
	si_query_end(q);
	si_wake_overlord_at_commit();
}

Datum
si_answer_id(const char *id)
{
	StringInfoData answer;

	initStringInfo(&answer);
	si_put_id(&answer, id);
	return PointerGetDatum(cstring_to_text_with_len(answer.data, answer.len));
}

Datum
si_suspend_supervisor(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	SiSupervisor *s = si_begin_verb(&q, "suspend_supervisor()", text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (s->suspended)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("[%s] is already suspended", s->id),
				 errhint("resume_supervisor() lets it read again.")));
	request(&q, s, "suspend");
	si_end_verb(&q);
	PG_RETURN_TEXT_P(cstring_to_text(si_spec_print(s->spec, true, false)));
}

/* Also lets task groups that have given up try again. */
Datum
si_resume_supervisor(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	SiSupervisor *s = si_begin_verb(&q, "resume_supervisor()", text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (!s->suspended && !s->halted)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("[%s] is already running", s->id)));
	request(&q, s, "resume");
	si_end_verb(&q);
	PG_RETURN_TEXT_P(cstring_to_text(si_spec_print(s->spec, false, false)));
}

Datum
si_terminate_supervisor(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	SiSupervisor *s = si_begin_verb(&q, "terminate_supervisor()", text_to_cstring(PG_GETARG_TEXT_PP(0)));

	request(&q, s, "terminate");
	si_end_verb(&q);
	return si_answer_id(s->id);
}

/* ---------------------------------------------------------------- all of them */

/* Requests a verb for each supervisor of the caller that it fits. */
static Datum
request_for_all(const char *function, const char *verb, bool (*fits) (const SiSupervisor *s))
{
	SiQuery		q;
	SiSupervisor *list;
	int			n;

	PreventCommandIfReadOnly(function);
	PreventCommandDuringRecovery(function);
	si_query_begin(&q, false);
	list = si_supervisor_list(&q, &n);
	for (int i = 0; i < n; i++)
		if (si_owns(&list[i], q.user) && fits(&list[i]))
			request(&q, &list[i], verb);
	si_end_verb(&q);
	return PointerGetDatum(cstring_to_text("{\"status\":\"success\"}"));
}

static bool
is_not_suspended(const SiSupervisor *s)
{
	return !s->suspended;
}

static bool
does_not_run(const SiSupervisor *s)
{
	return s->suspended || s->halted;
}

static bool
is_any(const SiSupervisor *s)
{
	return true;
}

Datum
si_suspend_all_supervisors(PG_FUNCTION_ARGS)
{
	return request_for_all("suspend_all_supervisors()", "suspend", is_not_suspended);
}

Datum
si_resume_all_supervisors(PG_FUNCTION_ARGS)
{
	return request_for_all("resume_all_supervisors()", "resume", does_not_run);
}

Datum
si_terminate_all_supervisors(PG_FUNCTION_ARGS)
{
	return request_for_all("terminate_all_supervisors()", "terminate", is_any);
}
