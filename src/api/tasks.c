/*
 * tasks.c
 *		get_tasks(), get_task_status(), get_task_report(): tasks in Druid's
 *		shapes.
 *
 * A task is a row of stream_ingest.task: what a task group read between two
 * hand-offs, and its publishing.  Its location is the process that works on
 * it, if there is one.
 */
#include "postgres.h"

#include "api/lookup.h"
#include "api/meters.h"
#include "api/parse_errors.h"
#include "api/put.h"
#include "api/query.h"
#include "common/stream.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "spec/shape.h"
#include "spec/spec.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Messages that a report shows. */
#define REPORT_MESSAGES		100

#define TASK_TYPE			"index_kafka"

PG_FUNCTION_INFO_V1(si_get_tasks);
PG_FUNCTION_INFO_V1(si_get_task_status);
PG_FUNCTION_INFO_V1(si_get_task_report);

typedef struct Task
{
	char	   *id;
	char	   *supervisor_id;
	int64		data_source_id;
	char	   *data_source;
	Oid			relid;
	int			group_id;
	char	   *status;
	char	   *phase;
	TimestampTz created;
	TimestampTz ended;			/* 0: not yet */
	char	   *error;
} Task;

#define TASK_QUERY \
	"SELECT t.task_id, t.supervisor_id, t.data_source_id, d.name, d.relid, t.group_id, t.status, t.phase," \
	" t.created, t.ended, t.error" \
	" FROM stream_ingest.task t JOIN stream_ingest.data_source d USING (data_source_id)" \
	" WHERE t.install = (SELECT uuid FROM stream_ingest.install)"

/* Row i of TASK_QUERY. */
static void
take_task(Task *t, int i)
{
	t->id = si_get_text(i, 0);
	t->supervisor_id = si_get_text(i, 1);
	t->data_source_id = si_get_int64(i, 2);
	t->data_source = si_get_text(i, 3);
	t->relid = si_get_oid(i, 4);
	t->group_id = (int) si_get_int64(i, 5);
	t->status = si_get_text(i, 6);
	t->phase = si_get_text(i, 7);
	t->created = si_get_time(i, 8);
	t->ended = si_get_time(i, 9);
	t->error = si_get_text(i, 10);
}

/* The task, when the caller may see it.  Leaves the query open. */
static Task *
get_task(SiQuery *q, const char *id)
{
	Task	   *t = palloc0(sizeof(Task));

	si_query_begin(q, true);
	if (si_query(q, TASK_QUERY " AND t.task_id = $1", "t", id) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("cannot find any task with id: [%s]", id),
				 errhint("The view stream_ingest.tasks lists the tasks of this database.")));
	take_task(t, 0);
	if (!si_may_see(t->relid, q->user))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for task [%s]", id),
				 errhint("The owner of its foreign table, members of pg_monitor and superusers may see it.")));
	return t;
}

/* The process that works on a running task; 0: none. */
static pid_t
process_of(const Task *t)
{
	bool		reading = strcmp(t->phase, "READING") == 0;
	pid_t		pid = 0;

	if (strcmp(t->status, "RUNNING") != 0)
		return 0;
	LWLockAcquire(si_shmem->lock, LW_SHARED);
	for (int i = 0; i < si_shmem->nworkers; i++)
	{
		const SiWorkerSlot *slot = &si_shmem->workers[i];

		if (slot->in_use && slot->dboid == MyDatabaseId && slot->data_source_id == t->data_source_id &&
			(reading ? slot->kind == SI_WORKER_READING && slot->group_id == t->group_id
			 : slot->kind == SI_WORKER_PUBLISHING))
			pid = slot->pid;
	}
	LWLockRelease(si_shmem->lock);
	return pid;
}

/* Druid's states of a task: of those that run, some wait for a process. */
static const char *
runner_status(const Task *t, pid_t pid)
{
	if (strcmp(t->status, "RUNNING") != 0)
		return "NONE";
	return pid != 0 ? "RUNNING" : "PENDING";
}

static void
append_status(StringInfo json, const Task *t, pid_t pid)
{
	si_put_element(json);
	appendStringInfoChar(json, '{');
	si_put_text(json, "id", t->id);
	si_put_text(json, "groupId", psprintf("index_kafka_%s", t->data_source));
	si_put_text(json, "type", TASK_TYPE);
	si_put_time(json, "createdTime", t->created);
	si_put_time(json, "queueInsertionTime", t->created);
	si_put_text(json, "statusCode", t->status);
	si_put_text(json, "status", t->status);
	si_put_text(json, "runnerStatusCode", runner_status(t, pid));
	si_put_int(json, "duration", t->ended == 0 ? -1 : (t->ended - t->created) / 1000);
	si_put_key(json, "location");
	appendStringInfoChar(json, '{');
	si_put_text(json, "host", pid != 0 ? "localhost" : NULL);
	si_put_int(json, "port", -1);
	si_put_int(json, "tlsPort", -1);
	if (pid != 0)
		si_put_int(json, "pid", pid);
	appendStringInfoChar(json, '}');
	si_put_text(json, "dataSource", t->data_source);
	si_put_text(json, "errorMsg", t->error);
	appendStringInfoChar(json, '}');
}

/* The runner's status that get_tasks(state) asks for; NULL: any. */
static const char *
wanted_runner_status(const char *state)
{
	static const struct
	{
		const char *state;
		const char *runner;
	}			states[] = {
		{"running", "RUNNING"},
		{"pending", "PENDING"},
		{"complete", "NONE"},
		{"waiting", "WAITING"}, /* for locks of Druid: no task does */
	};

	if (state == NULL)
		return NULL;
	for (int i = 0; i < lengthof(states); i++)
		if (pg_strcasecmp(state, states[i].state) == 0)
			return states[i].runner;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown state of tasks: \"%s\"", state),
			 errhint("Valid states are \"running\", \"complete\", \"pending\" and \"waiting\".")));
}

/* Times of creation that are wanted, in ms: an interval of Druid's, with "_" where it would have "/". */
static void
wanted_times(const char *interval, int64 *start, int64 *end)
{
	SiJson		node = {.kind = SI_JSON_STRING,.text = pstrdup(interval)};

	for (char *c = node.text; *c; c++)
		if (*c == '_')
			*c = '/';
	si_spec_interval(&node, "created_time_interval", start, end);
}

/* Not strict: null means no filter. */
Datum
si_get_tasks(PG_FUNCTION_ARGS)
{
	const char *wanted = wanted_runner_status(PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)));
	char	   *data_source = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			max = PG_ARGISNULL(2) ? PG_INT32_MAX : PG_GETARG_INT32(2);
	int64		start = PG_INT64_MIN;
	int64		end = PG_INT64_MAX;
	bool		ours = PG_ARGISNULL(4) || strcmp(text_to_cstring(PG_GETARG_TEXT_PP(4)), TASK_TYPE) == 0;
	SiQuery		q;
	StringInfoData json;
	int			n;

	if (!PG_ARGISNULL(3))
		wanted_times(text_to_cstring(PG_GETARG_TEXT_PP(3)), &start, &end);
	si_query_begin(&q, true);
	n = si_query(&q, TASK_QUERY " AND ($1 IS NULL OR d.name = $1) ORDER BY t.created DESC, t.task_id", "t", data_source);
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < n && max > 0 && ours; i++)
	{
		Task		t;
		pid_t		pid;
		int64		created;

		take_task(&t, i);
		created = (t.created - SetEpochTimestamp()) / 1000;
		if (created < start || created >= end)
			continue;
		pid = process_of(&t);
		if (!si_may_see(t.relid, q.user) || (wanted && strcmp(wanted, runner_status(&t, pid)) != 0))
			continue;
		append_status(&json, &t, pid);
		max--;
	}
	appendStringInfoChar(&json, ']');
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

Datum
si_get_task_status(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	Task	   *t = get_task(&q, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	StringInfoData json;

	si_query_end(&q);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	si_put_text(&json, "task", t->id);
	si_put_key(&json, "status");
	append_status(&json, t, process_of(t));
	appendStringInfoChar(&json, '}');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

/* ---------------------------------------------------------------------- reports */

/* What the task has counted, up to now or to its hand-off. */
static void
load_counters(SiQuery *q, const Task *t, int64 *counters)
{
	int			nstart,
				nend;
	int64	   *start,
			   *end;

	memset(counters, 0, sizeof(int64) * SI_NUM_COUNTERS);
	if (si_query(q,
				 "SELECT t.start_counters, coalesce(t.end_counters, g.counters)"
				 " FROM stream_ingest.task t LEFT JOIN stream_ingest.task_group g"
				 " ON g.supervisor_id = t.supervisor_id AND g.group_id = t.group_id AND g.install = t.install"
				 " WHERE t.task_id = $1", "t", t->id) == 0)
		return;
	start = si_get_int64s(0, 0, &nstart);
	end = si_get_int64s(0, 1, &nend);
	for (int i = 0; i < Min(Min(nstart, nend), SI_NUM_COUNTERS); i++)
		counters[i] = Max(end[i] - start[i], 0);
}

/* Rejected messages of the task's offsets that are still kept. */
static void
append_unparseable(StringInfo json, SiQuery *q, const Task *t)
{
	int			n = si_query(q,
							 "SELECT " SI_PARSE_ERROR_COLUMNS " FROM stream_ingest.rejected_message m"
							 " WHERE m.supervisor_id = $1 AND m.error_type <> 'thrownAway' AND EXISTS (SELECT 1"
							 "  FROM stream_ingest.task t JOIN stream_ingest.stream s USING (data_source_id),"
							 "  ROWS FROM (unnest(t.partitions), unnest(t.start_offsets), unnest(t.end_offsets)) p (partition, first, next)"
							 "  WHERE t.task_id = $2 AND p.partition = s.stream_id * 65536 + m.partition AND s.topic = m.topic"
							 "  AND m.\"offset\" >= p.first"
							 "  AND m.\"offset\" < coalesce(p.next, 9223372036854775807))"
							 " ORDER BY m.rejected_id DESC LIMIT $3",
							 "tti", t->supervisor_id, t->id, (int64) REPORT_MESSAGES);

	si_put_key(json, "unparseableEvents");
	appendStringInfoChar(json, '{');
	if (n > 0)
	{
		si_put_key(json, "buildSegments");
		si_put_parse_errors(json, n);
	}
	appendStringInfoChar(json, '}');
}

static void
append_row_stats(StringInfo json, const Task *t, const int64 *counters, bool reading)
{
	SiMeter		meters[SI_NUM_COUNTERS] = {0};
	pid_t		pid;

	si_put_key(json, "rowStats");
	appendStringInfoChar(json, '{');
	if (reading)
	{
		(void) si_reading_meters(t->supervisor_id, t->group_id, meters, &pid);
		si_put_rates(json, meters);
		si_put_key(json, "totals");
		appendStringInfoChar(json, '{');
	}
	si_put_row_counts(json, "buildSegments", counters);
	appendStringInfoString(json, reading ? "}}" : "}");
}

/* Whether the partitions of a supervisor are of one topic; also when it is gone. */
static bool
has_one_topic(SiQuery *q, const char *supervisor_id)
{
	return si_query(q,
					"SELECT spec FROM stream_ingest.spec_history WHERE supervisor_id = $1"
					" AND spec ->> 'type' NOT IN ('NoopSupervisorSpec', 'noop') ORDER BY version DESC LIMIT 1",
					"t", supervisor_id) == 0 ||
		si_spec_parse(si_get_text(0, 0), true)->topic != NULL;
}

/* Messages that a task that has ended had read of each partition; keys as Druid writes them, with the topic where there are several. */
static void
append_records(StringInfo json, SiQuery *q, const Task *t)
{
	bool		one_topic = has_one_topic(q, t->supervisor_id);
	int			n = si_query(q,
							 "SELECT s.topic, p.partition, coalesce(p.last, 0) - coalesce(p.first, 0) FROM stream_ingest.task t"
							 " CROSS JOIN LATERAL ROWS FROM (unnest(t.partitions), unnest(t.start_records), unnest(t.end_records))"
							 "  p (partition, first, last)"
							 " LEFT JOIN stream_ingest.stream s ON s.data_source_id = t.data_source_id AND s.stream_id = p.partition >> 16"
							 " WHERE t.task_id = $1 ORDER BY 2",
							 "t", t->id);

	si_put_key(json, "recordsProcessed");
	appendStringInfoChar(json, '{');
	for (int i = 0; i < n; i++)
		si_put_int(json, si_partition_print(one_topic ? NULL : si_get_text(i, 0), (int32) si_get_int64(i, 1)), si_get_int64(i, 2));
	appendStringInfoChar(json, '}');
}

/* Segments that were published of the task's chunks. */
static int64
segments_published(SiQuery *q, const Task *t)
{
	if (si_query(q,
				 "SELECT count(*) FROM stream_ingest.segment s JOIN stream_ingest.task t USING (data_source_id, group_id)"
				 " WHERE t.task_id = $1 AND s.last_seq BETWEEN t.start_seq AND t.end_seq", "t", t->id) == 0)
		return 0;
	return si_get_int64(0, 0);
}

Datum
si_get_task_report(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	Task	   *t = get_task(&q, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	bool		done = strcmp(t->phase, "COMPLETED") == 0;
	bool		reading = strcmp(t->phase, "READING") == 0;
	int64		counters[SI_NUM_COUNTERS];
	StringInfoData json;

	load_counters(&q, t, counters);
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"ingestionStatsAndErrors\":{");
	si_put_text(&json, "taskId", t->id);
	si_put_text(&json, "type", "ingestionStatsAndErrors");
	si_put_key(&json, "payload");
	appendStringInfoChar(&json, '{');
	si_put_text(&json, "ingestionState", done ? "COMPLETED" : "BUILD_SEGMENTS");
	append_unparseable(&json, &q, t);
	append_row_stats(&json, t, counters, reading);
	if (done)
	{
		si_put_text(&json, "errorMsg", t->error);
		si_put_bool(&json, "segmentAvailabilityConfirmed", strcmp(t->status, "SUCCESS") == 0);
		si_put_int(&json, "segmentAvailabilityWaitTimeMs", 0);
		append_records(&json, &q, t);
		si_put_int(&json, "segmentsPublished", segments_published(&q, t));
	}
	appendStringInfoString(&json, "}}}");
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}
