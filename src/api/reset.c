/*
 * reset.c
 *		reset_supervisor(): reading begins anew.
 */
#include "postgres.h"

#include "api/verbs.h"
#include "fmgr.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(si_reset_supervisor);

Datum
si_reset_supervisor(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	SiSupervisor *s = si_begin_verb(&q, "reset_supervisor()", text_to_cstring(PG_GETARG_TEXT_PP(0)));

	si_query(&q,
			 "INSERT INTO stream_ingest.request (install, supervisor_id, verb, requested_by)"
			 " SELECT uuid, $1, 'reset', $2 FROM stream_ingest.install",
			 "to", s->id, q.user);
	si_end_verb(&q);
	return si_answer_id(s->id);
}
