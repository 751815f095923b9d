/*
 * stats.c
 *		get_supervisor_stats() and get_supervisor_parse_errors(): row counters
 *		and recent bad messages, in Druid's shape.
 *
 * Totals are the counters of the task group as they were committed; they go
 * on when a task is replaced.  Rates come from the slot of the running task
 * and are zero without one.
 */
#include "postgres.h"

#include "api/put.h"
#include "api/lookup.h"
#include "api/meters.h"
#include "api/parse_errors.h"
#include "api/query.h"
#include "catalog/counters.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "worker/shmem.h"

PG_FUNCTION_INFO_V1(si_get_supervisor_stats);
PG_FUNCTION_INFO_V1(si_get_supervisor_parse_errors);

Datum
si_get_supervisor_stats(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	SiSupervisor *s;
	StringInfoData json;
	int			n;

	si_query_begin(&q, true);
	s = si_supervisor_get(&q, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	si_check_may_see(s, q.user);
	n = si_query(&q,
				 "SELECT g.group_id, g.counters, t.task_id FROM stream_ingest.task_group g"
				 " JOIN LATERAL (SELECT task_id FROM stream_ingest.task t"
				 "  WHERE t.supervisor_id = g.supervisor_id AND t.group_id = g.group_id"
				 "  ORDER BY t.phase = 'READING' DESC, t.created DESC LIMIT 1) t ON true"
				 " WHERE g.supervisor_id = $1 AND g.install = (SELECT uuid FROM stream_ingest.install)"
				 " ORDER BY 1", "t", s->id);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < n; i++)
	{
		SiMeter		meters[SI_NUM_COUNTERS] = {0};
		int64		counters[SI_NUM_COUNTERS] = {0};
		int			group_id = (int) si_get_int64(i, 0);
		int			stored;
		pid_t		pid;
		int64	   *values = si_get_int64s(i, 1, &stored);

		memcpy(counters, values, sizeof(int64) * Min(stored, SI_NUM_COUNTERS));
		(void) si_reading_meters(s->id, group_id, meters, &pid);
		si_put_key(&json, psprintf("%d", group_id));
		appendStringInfoChar(&json, '{');
		si_put_key(&json, si_get_text(i, 2));
		appendStringInfoChar(&json, '{');
		si_put_rates(&json, meters);
		si_put_key(&json, "totals");
		appendStringInfoChar(&json, '{');
		si_put_row_counts(&json, "buildSegments", counters);
		appendStringInfoString(&json, "}}}");
	}
	appendStringInfoChar(&json, '}');
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

/*
 * The payload as text; as \x hex where it is not text in our encoding.  A
 * payload that was cut off may end inside a character.
 */
static char *
payload_text(const char *bytes, int len, bool cut_off)
{
	int			max_cut = cut_off ? Min(len, 3) : 0;
	char	   *hex;

	for (int cut = 0; cut <= max_cut; cut++)
		if (pg_verify_mbstr(GetDatabaseEncoding(), bytes, len - cut, true))
			return pnstrdup(bytes, len - cut);
	hex = palloc(2 + len * 2 + 1);
	memcpy(hex, "\\x", 2);
	hex[2 + hex_encode(bytes, len, hex + 2)] = '\0';
	return hex;
}

void
si_put_parse_errors(StringInfo json, int n)
{
	appendStringInfoChar(json, '[');
	for (int i = 0; i < n; i++)
	{
		int			len;
		char	   *bytes = si_get_bytes(i, 0, &len);
		pg_time_t	ms = (si_get_time(i, 3) - SetEpochTimestamp()) / 1000;

		si_put_element(json);
		appendStringInfoChar(json, '{');
		si_put_text(json, "input", bytes ? payload_text(bytes, len, si_get_int64(i, 7) > len) : NULL);
		si_put_text(json, "errorType", si_get_text(i, 1));
		si_put_key(json, "details");
		appendStringInfoString(json, si_get_text(i, 2));
		si_put_int(json, "timeOfExceptionMillis", ms);
		si_put_text(json, "topic", si_get_text(i, 4));
		si_put_int(json, "partition", si_get_int64(i, 5));
		si_put_int(json, "offset", si_get_int64(i, 6));
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

Datum
si_get_supervisor_parse_errors(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	SiSupervisor *s;
	StringInfoData json;
	int			n;

	si_query_begin(&q, true);
	s = si_supervisor_get(&q, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	si_check_may_see(s, q.user);
	n = si_query(&q,
				 "SELECT " SI_PARSE_ERROR_COLUMNS " FROM stream_ingest.rejected_message"
				 " WHERE supervisor_id = $1 AND error_type <> 'thrownAway'"
				 " AND install = (SELECT uuid FROM stream_ingest.install)"
				 " ORDER BY rejected_id DESC LIMIT $2",
				 "ti", s->id, (int64) Max(PG_GETARG_INT32(1), 0));
	initStringInfo(&json);
	si_put_parse_errors(&json, n);
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}
