/*
 * requeue.c
 *		requeue_rejected(): kept messages are parsed again after a spec was
 *		mended.
 */
#include "postgres.h"

#include "api/put.h"
#include "api/verbs.h"
#include "fmgr.h"
#include "spec/spec.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(si_requeue_rejected);

Datum
si_requeue_rejected(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	SiSupervisor *s = si_begin_verb(&q, "requeue_rejected()", text_to_cstring(PG_GETARG_TEXT_PP(0)));
	StringInfoData answer;
	int64		messages;
	int64		cut;
	int64		last;

	if (si_spec_parse(s->spec, true)->format.kind == SI_FORMAT_KAFKA)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("messages of input format \"kafka\" cannot be parsed again"),
				 errdetail("Their keys, headers and timestamps are not kept."),
				 errhint("reset_offsets() reads them again.")));
	si_query(&q,
			 "SELECT count(*) FILTER (WHERE length(payload) = payload_bytes),"
			 " count(*) FILTER (WHERE length(payload) IS DISTINCT FROM payload_bytes), max(rejected_id)"
			 " FROM stream_ingest.rejected_message WHERE supervisor_id = $1 AND error_type = 'unparseable'"
			 " AND install = (SELECT uuid FROM stream_ingest.install)", "t", s->id);
	messages = si_get_int64(0, 0);
	cut = si_get_int64(0, 1);
	last = si_get_int64(0, 2);
	if (messages > 0)
		si_query(&q,
				 "INSERT INTO stream_ingest.request (install, supervisor_id, data_source_id, verb, rejected_to, requested_by)"
				 " SELECT uuid, $1, $2, 'requeue', $3, $4 FROM stream_ingest.install",
				 "tiio", s->id, s->data_source_id, last, q.user);
	si_end_verb(&q);
	if (cut > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " unparseable messages of supervisor [%s] are skipped", cut, s->id),
				 errdetail("Only their first bytes are kept (stream_ingest.rejected_payload_limit).")));
	initStringInfo(&answer);
	appendStringInfoChar(&answer, '{');
	si_put_text(&answer, "id", s->id);
	si_put_int(&answer, "messages", messages);
	si_put_int(&answer, "skipped", cut);
	appendStringInfoChar(&answer, '}');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(answer.data, answer.len));
}
