/*
 * status.c
 *		get_supervisor_status(): the state of a supervisor in Druid's shape.
 *
 * States, errors and the ends of the stream are what the overlord last wrote
 * into supervisor_status; offsets come from task_group, where they are true
 * in the caller's snapshot.
 */
#include "postgres.h"

#include "api/put.h"
#include "api/lookup.h"
#include "api/query.h"
#include "catalog/commit.h"
#include "common/stream.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "spec/spec.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "worker/shmem.h"

PG_FUNCTION_INFO_V1(si_get_supervisor_status);

/* The next offset to read, and the end of the stream where it is known. */
typedef struct Partition
{
	int64		partition;
	int			group_id;		/* -1: of none yet */
	int64		offset;
	bool		has_latest;
	int64		lag;			/* up to there, or to the end of a bounded stream */
} Partition;

typedef struct Status
{
	SiSupervisor *supervisor;
	SiSpec	   *spec;
	TimestampTz now;
	char	   *state;
	char	   *detailed_state;
	bool		healthy;
	char	   *note;
	char	   *recent_errors;
	TimestampTz offsets_updated;
	int			nstreams;
	SiStream   *streams;		/* topics of the data source */
	int			nlatest;		/* partitions of the stream, as the broker said */
	int64	   *latest_partitions;
	int64	   *latest_offsets;
	int64	   *earliest_offsets;
	Partition  *partitions;		/* those that are assigned to a task group; then those that will be */
	int			npartitions;
	int			nunread;		/* how many those are: without a stored offset, to be read from their beginning */
} Status;

static void
load_supervisor_status(Status *st, SiQuery *q)
{
	int			n,
				nearliest;

	st->state = st->detailed_state = pstrdup("PENDING");
	st->healthy = true;
	if (si_query(q,
				 "SELECT state, detailed_state, healthy, note, recent_errors, offsets_updated,"
				 " partitions, latest_offsets, earliest_offsets FROM stream_ingest.supervisor_status"
				 " WHERE supervisor_id = $1 AND install = (SELECT uuid FROM stream_ingest.install)",
				 "t", st->supervisor->id) == 0)
		return;
	st->state = si_get_text(0, 0);
	st->detailed_state = si_get_text(0, 1);
	st->healthy = si_get_bool(0, 2);
	st->note = si_get_text(0, 3);
	st->recent_errors = si_get_text(0, 4);
	st->offsets_updated = si_get_time(0, 5);
	st->latest_partitions = si_get_int64s(0, 6, &st->nlatest);
	st->latest_offsets = si_get_int64s(0, 7, &n);
	n = Min(st->nlatest, n);
	st->earliest_offsets = si_get_int64s(0, 8, &nearliest);
	n = Min(n, nearliest);
	/* the broker has not told the end of some partitions yet */
	st->nlatest = 0;
	for (int i = 0; i < n; i++)
		if (st->latest_offsets[i] >= 0)
		{
			st->latest_partitions[st->nlatest] = st->latest_partitions[i];
			st->earliest_offsets[st->nlatest] = st->earliest_offsets[i];
			st->latest_offsets[st->nlatest++] = st->latest_offsets[i];
		}
}

static void
load_streams(Status *st, SiQuery *q)
{
	st->nstreams = si_query(q,
							"SELECT stream_id, topic FROM stream_ingest.stream WHERE data_source_id = $1 ORDER BY 1",
							"i", st->supervisor->data_source_id);
	st->streams = palloc(sizeof(SiStream) * Max(st->nstreams, 1));
	for (int i = 0; i < st->nstreams; i++)
	{
		st->streams[i].id = (int) si_get_int64(i, 0);
		st->streams[i].topic = si_get_text(i, 1);
	}
}

/* Values by partition; keys as Druid writes them, with the topic where there are several. */
static void
put_by_partition(StringInfo json, const Status *st, const char *key, const int64 *partitions,
				 const int64 *values, int n)
{
	si_put_key(json, key);
	appendStringInfoChar(json, '{');
	for (int i = 0; i < n; i++)
	{
		int32		p = (int32) partitions[i];

		si_put_int(json, si_partition_print(st->spec->topic ? NULL : si_stream_topic(st->streams, st->nstreams, p), p),
				   values[i]);
	}
	appendStringInfoChar(json, '}');
}

/* Partitions that the broker has and no task group: not read yet, or not any more since a reset. */
static void
add_unread(Status *st)
{
	if (!st->spec->use_earliest_offset || st->spec->nbounds > 0)
		return;
	for (int k = 0; k < st->nlatest; k++)
	{
		Partition  *p = &st->partitions[st->npartitions + st->nunread];
		bool		assigned = false;

		for (int i = 0; i < st->npartitions; i++)
			assigned |= st->partitions[i].partition == st->latest_partitions[k];
		if (assigned || st->earliest_offsets[k] < 0)
			continue;
		p->partition = st->latest_partitions[k];
		p->group_id = -1;
		p->has_latest = true;
		p->lag = Max(st->latest_offsets[k] - st->earliest_offsets[k], 0);
		st->nunread++;
	}
}

static void
load_partitions(Status *st, SiQuery *q)
{
	st->npartitions =
		si_query(q,
				 "SELECT p.partition, g.group_id, p.next, coalesce(p.stop, 9223372036854775807) FROM stream_ingest.task_group g,"
				 " unnest(g.partitions, g.offsets, g.stops) p (partition, next, stop)"
				 " WHERE g.supervisor_id = $1 AND g.install = (SELECT uuid FROM stream_ingest.install)"
				 " ORDER BY 1", "t", st->supervisor->id);
	st->partitions = palloc0(sizeof(Partition) * Max(st->npartitions + st->nlatest, 1));
	for (int i = 0; i < st->npartitions; i++)
	{
		Partition  *p = &st->partitions[i];

		p->partition = si_get_int64(i, 0);
		p->group_id = (int) si_get_int64(i, 1);
		p->offset = si_get_int64(i, 2);
		for (int k = 0; k < st->nlatest; k++)
			if (st->latest_partitions[k] == p->partition)
			{
				p->has_latest = true;
				p->lag = Max(Min(st->latest_offsets[k], si_get_int64(i, 3)) - p->offset, 0);
			}
	}
	add_unread(st);
}

/* Why nothing happens although the supervisor would; NULL when it does. */
static char *
database_message(void)
{
	char	   *message = NULL;

	LWLockAcquire(si_shmem->lock, LW_SHARED);
	for (int i = 0; i < SI_MAX_DATABASES; i++)
	{
		SiDatabaseSlot *db = &si_shmem->databases[i];

		if (db->state != SI_DB_FREE && db->dboid == MyDatabaseId &&
			db->state != SI_DB_ACTIVE && db->message[0] != '\0')
			message = pstrdup(db->message);
	}
	LWLockRelease(si_shmem->lock);
	return message;
}

/* The partitions of one group, or of all (group_id < 0). */
static void
append_offsets(StringInfo json, const Status *st, const char *key, int group_id, bool lag)
{
	int			all = st->npartitions + (lag ? st->nunread : 0);
	int64	   *keys = palloc(sizeof(int64) * Max(all, 1));
	int64	   *values = palloc(sizeof(int64) * Max(all, 1));
	int			n = 0;

	for (int i = 0; i < all; i++)
	{
		const Partition *p = &st->partitions[i];

		if ((group_id >= 0 && p->group_id != group_id) || (lag && !p->has_latest))
			continue;
		keys[n] = p->partition;
		values[n++] = lag ? p->lag : p->offset;
	}
	put_by_partition(json, st, key, keys, values, n);
}

/* One object for each running task of a phase: READING or PUBLISHING. */
static void
append_tasks(StringInfo json, const Status *st, SiQuery *q, const char *key, const char *phase)
{
	bool		reading = strcmp(phase, "READING") == 0;
	int			n;

	n = si_query(q,
				 "SELECT task_id, group_id, created, partitions, start_offsets, end_offsets, publishing, attempt"
				 " FROM stream_ingest.task"
				 " WHERE supervisor_id = $1 AND status = 'RUNNING' AND phase = $2"
				 " AND install = (SELECT uuid FROM stream_ingest.install)"
				 " ORDER BY group_id, created", "tt", st->supervisor->id, phase);
	si_put_key(json, key);
	appendStringInfoChar(json, '[');
	for (int i = 0; i < n; i++)
	{
		TimestampTz created = si_get_time(i, 2);
		int64		remaining = reading ? st->spec->task_duration - (st->now - created) / 1000 :
			(st->spec->completion_timeout << Min(si_get_int64(i, 7), 10)) - (st->now - si_get_time(i, 6)) / 1000;
		int			np,
					ns,
					ne;
		int64	   *partitions = si_get_int64s(i, 3, &np);
		int64	   *starts = si_get_int64s(i, 4, &ns);
		int64	   *ends = si_get_int64s(i, 5, &ne);

		si_put_element(json);
		appendStringInfoChar(json, '{');
		si_put_text(json, "id", si_get_text(i, 0));
		put_by_partition(json, st, "startingOffsets", partitions, starts, Min(np, ns));
		si_put_time(json, "startTime", created);
		si_put_int(json, "remainingSeconds", Max(remaining, 0) / 1000);
		si_put_text(json, "type", reading ? "ACTIVE" : "PUBLISHING");
		if (reading)
		{
			append_offsets(json, st, "currentOffsets", (int) si_get_int64(i, 1), false);
			append_offsets(json, st, "lag", (int) si_get_int64(i, 1), true);
		}
		else if (ends)
			put_by_partition(json, st, "currentOffsets", partitions, ends, Min(np, ne));
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

/* What somebody should know who queries the table; nothing when there is nothing. */
static void
append_warnings(StringInfo json, const Status *st, SiQuery *q)
{
	int			n = si_query(q,
							 "SELECT name FROM stream_ingest.multi_value_column WHERE data_source_id = $1 ORDER BY name",
							 "i", st->supervisor->data_source_id);

	if (n == 0)
		return;
	si_put_key(json, "warnings");
	appendStringInfoChar(json, '[');
	for (int i = 0; i < n; i++)
	{
		si_put_element(json);
		escape_json(json, psprintf("column \"%s\" has cells with several values, shown as [\"a\",\"b\"]: \"=\" and GROUP BY take such a cell as one value. "
								   SI_MULTI_HINT, si_get_text(i, 0)));
	}
	appendStringInfoChar(json, ']');
}

static void
append_payload(StringInfo json, const Status *st, SiQuery *q)
{
	int64		lag = 0;
	char	   *message = database_message();

	appendStringInfoChar(json, '{');
	si_put_text(json, "id", st->supervisor->id);
	si_put_text(json, "dataSource", st->supervisor->data_source);
	si_put_text(json, "stream", si_spec_stream(st->spec));
	si_put_int(json, "partitions", st->npartitions);
	si_put_int(json, "replicas", st->spec->replicas);
	si_put_int(json, "durationSeconds", st->spec->task_duration / 1000);
	append_tasks(json, st, q, "activeTasks", "READING");
	append_tasks(json, st, q, "publishingTasks", "PUBLISHING");
	if (st->nlatest > 0)
		put_by_partition(json, st, "latestOffsets", st->latest_partitions, st->latest_offsets, st->nlatest);
	append_offsets(json, st, "minimumLag", -1, true);
	for (int i = 0; i < st->npartitions + st->nunread; i++)
		if (st->partitions[i].has_latest)
			lag += st->partitions[i].lag;
	si_put_int(json, "aggregateLag", lag);
	if (st->offsets_updated != 0)
		si_put_time(json, "offsetsLastUpdated", st->offsets_updated);
	si_put_bool(json, "suspended", st->supervisor->suspended);
	si_put_bool(json, "healthy", st->healthy);
	si_put_text(json, "state", st->state);
	si_put_text(json, "detailedState", st->detailed_state);
	si_put_key(json, "recentErrors");
	appendStringInfoString(json, st->recent_errors ? st->recent_errors : "[]");
	if (message || st->note)
		si_put_text(json, "note", message ? message : st->note);
	append_warnings(json, st, q);
	appendStringInfoChar(json, '}');
}

Datum
si_get_supervisor_status(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	Status		st = {0};
	StringInfoData json;

	si_query_begin(&q, true);
	st.supervisor = si_supervisor_get(&q, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	si_check_may_see(st.supervisor, q.user);
	st.spec = si_spec_parse(st.supervisor->spec, true);
	st.now = GetCurrentTimestamp();
	load_supervisor_status(&st, &q);
	load_streams(&st, &q);
	load_partitions(&st, &q);

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	si_put_text(&json, "id", st.supervisor->id);
	si_put_time(&json, "generationTime", st.now);
	si_put_key(&json, "payload");
	append_payload(&json, &st, &q);
	appendStringInfoChar(&json, '}');
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}
