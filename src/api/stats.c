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

/* Druid's names, in the order of its answers. */
static const struct
{
	const char *name;
	SiCounter	counter;
}			rates[] = {
	{"processed", SI_COUNT_PROCESSED},
	{"processedBytes", SI_COUNT_PROCESSED_BYTES},
	{"unparseable", SI_COUNT_UNPARSEABLE},
	{"thrownAway", SI_COUNT_THROWN_AWAY},
	{"processedWithError", SI_COUNT_PROCESSED_WITH_ERROR},
},

			reasons[] = {
	{"null", SI_COUNT_THROWN_NULL},
	{"beforeMinimumMessageTime", SI_COUNT_THROWN_BEFORE_MIN},
	{"afterMaximumMessageTime", SI_COUNT_THROWN_AFTER_MAX},
	{"filtered", SI_COUNT_THROWN_FILTERED},
};

/* Copies the meters of the task that reads for a group; false without one. */
static bool
reading_meters(const char *supervisor_id, int group_id, SiMeter *meters)
{
	bool		found = false;

	LWLockAcquire(si_shmem->lock, LW_SHARED);
	for (int i = 0; i < si_shmem->nworkers && !found; i++)
	{
		SiWorkerSlot *slot = &si_shmem->workers[i];

		if (!slot->in_use || slot->kind != SI_WORKER_READING || slot->dboid != MyDatabaseId ||
			slot->group_id != group_id || strcmp(slot->supervisor_id, supervisor_id) != 0)
			continue;
		SpinLockAcquire(&slot->mutex);
		memcpy(meters, slot->meters, sizeof(slot->meters));
		SpinLockRelease(&slot->mutex);
		found = true;
	}
	LWLockRelease(si_shmem->lock);
	return found;
}

static void
append_rates(StringInfo json, const char *key, const SiMeter *meters, size_t minutes)
{
	si_put_key(json, key);
	appendStringInfoChar(json, '{');
	for (int i = 0; i < lengthof(rates); i++)
		si_put_double(json, rates[i].name,
					   *(const double *) ((const char *) &meters[rates[i].counter] + minutes));
	appendStringInfoChar(json, '}');
}

static void
append_totals(StringInfo json, const int64 *counters)
{
	si_put_key(json, "totals");
	appendStringInfoString(json, "{\"buildSegments\":{");
	for (int i = 0; i < lengthof(rates); i++)
		si_put_int(json, rates[i].name, counters[rates[i].counter]);
	si_put_key(json, "thrownAwayByReason");
	appendStringInfoChar(json, '{');
	for (int i = 0; i < lengthof(reasons); i++)
		si_put_int(json, reasons[i].name, counters[reasons[i].counter]);
	appendStringInfoString(json, "}}}");
}

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
		int64	   *values = si_get_int64s(i, 1, &stored);

		memcpy(counters, values, sizeof(int64) * Min(stored, SI_NUM_COUNTERS));
		(void) reading_meters(s->id, group_id, meters);
		si_put_key(&json, psprintf("%d", group_id));
		appendStringInfoChar(&json, '{');
		si_put_key(&json, si_get_text(i, 2));
		appendStringInfoString(&json, "{\"movingAverages\":{\"buildSegments\":{");
		append_rates(&json, "1m", meters, offsetof(SiMeter, m1));
		append_rates(&json, "5m", meters, offsetof(SiMeter, m5));
		append_rates(&json, "15m", meters, offsetof(SiMeter, m15));
		appendStringInfoString(&json, "}}");
		append_totals(&json, counters);
		appendStringInfoString(&json, "}}");
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
				 "SELECT payload, error_type, reason, at, topic, partition, \"offset\", payload_bytes"
				 " FROM stream_ingest.rejected_message"
				 " WHERE supervisor_id = $1 AND error_type <> 'thrownAway'"
				 " AND install = (SELECT uuid FROM stream_ingest.install)"
				 " ORDER BY rejected_id DESC LIMIT $2",
				 "ti", s->id, (int64) Max(PG_GETARG_INT32(1), 0));
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < n; i++)
	{
		int			len;
		char	   *bytes = si_get_bytes(i, 0, &len);
		pg_time_t	ms = (si_get_time(i, 3) - SetEpochTimestamp()) / 1000;

		si_put_element(&json);
		appendStringInfoChar(&json, '{');
		si_put_text(&json, "input", bytes ? payload_text(bytes, len, si_get_int64(i, 7) > len) : NULL);
		si_put_text(&json, "errorType", si_get_text(i, 1));
		si_put_key(&json, "details");
		appendStringInfoChar(&json, '[');
		escape_json(&json, si_get_text(i, 2));
		appendStringInfoChar(&json, ']');
		si_put_int(&json, "timeOfExceptionMillis", ms);
		si_put_text(&json, "topic", si_get_text(i, 4));
		si_put_int(&json, "partition", si_get_int64(i, 5));
		si_put_int(&json, "offset", si_get_int64(i, 6));
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}
