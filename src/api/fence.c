/*
 * fence.c
 *		wait_for_offset(), wait_until_current(): a producer waits until what it
 *		has produced can be read.
 *
 * Each look takes a snapshot of its own, so the next statement of the caller
 * sees what was waited for; under REPEATABLE READ it would not, which is
 * refused.  Before they return, commits up to now are flushed: with
 * synchronous_commit = off a crash would otherwise take back what was seen.
 *
 * Offsets count only when they are of the table that the supervisor fills: an
 * earlier supervisor of this id, whose table was dropped, may have left some.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "api/lookup.h"
#include "api/query.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "spec/spec.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "worker/shmem.h"

#define POLL_MIN_MS		5
#define POLL_MAX_MS		100
#define FENCE_US		UINT64CONST(3000000)	/* the overlord asks once a second, and writes once a second */

PG_FUNCTION_INFO_V1(si_wait_for_offset);
PG_FUNCTION_INFO_V1(si_wait_until_current);

/* What is waited for; look() says whether it is there. */
typedef struct Fence
{
	const char *id;
	TimestampTz began;
	/* wait_for_offset */
	const char *topic;			/* NULL: the only one */
	int64		partition;
	int64		offset;
	/* wait_until_current: the ends of the stream after it began */
	bool		has_ends;
	char	   *partitions;		/* as text of arrays */
	char	   *ends;
} Fence;

/* Everything that is visible now survives a crash. */
static void
flush_commits(void)
{
	XLogRecPtr	end;

	if (RecoveryInProgress())
		return;
	/* at the start of a page the insert position is behind a header that nobody has written yet */
	end = GetXLogInsertRecPtr();
	if (end % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		end -= SizeOfXLogShortPHD;
	else if (XLogSegmentOffset(end, wal_segment_size) == SizeOfXLogLongPHD)
		end -= SizeOfXLogLongPHD;
	XLogFlush(end);
}

static bool
offset_is_committed(SiQuery *q, const Fence *f)
{
	return si_query(q,
					"SELECT FROM stream_ingest.supervisor s JOIN stream_ingest.task_group g USING (supervisor_id, data_source_id)"
					" CROSS JOIN LATERAL ROWS FROM (unnest(g.partitions), unnest(g.offsets)) AS p (partition, next)"
					" JOIN stream_ingest.stream t ON t.data_source_id = g.data_source_id AND t.stream_id = p.partition >> 16"
					" WHERE s.supervisor_id = $1 AND g.install = (SELECT uuid FROM stream_ingest.install)"
					" AND (p.partition & 65535) = $2 AND p.next > $3 AND ($4 IS NULL OR t.topic = $4)",
					"tiit", f->id, f->partition, f->offset, f->topic) > 0;
}

/* A bounded stream of which all was read: its broker is not asked any more. */
static bool
is_complete(SiQuery *q, const Fence *f)
{
	return si_query(q,
					"SELECT FROM stream_ingest.task_group g"
					" CROSS JOIN LATERAL ROWS FROM (unnest(g.offsets), unnest(g.stops)) AS p (next, stop)"
					" WHERE g.supervisor_id = $1 AND g.install = (SELECT uuid FROM stream_ingest.install)"
					" HAVING bool_and(coalesce(p.next >= p.stop, false))", "t", f->id) > 0;
}

/* Takes the ends that the broker told after the wait began, once; then looks whether all are reached. */
static bool
is_current(SiQuery *q, Fence *f)
{
	if (is_complete(q, f))
		return true;
	if (!f->has_ends)
	{
		if (si_query(q,
					 "SELECT partitions::text, latest_offsets::text, offsets_updated FROM stream_ingest.supervisor_status"
					 " WHERE supervisor_id = $1 AND install = (SELECT uuid FROM stream_ingest.install)"
					 " AND partitions IS NOT NULL AND -1 <> ALL (latest_offsets)", "t", f->id) == 0 ||
			si_get_time(0, 2) < f->began)
			return false;
		f->partitions = si_get_text(0, 0);
		f->ends = si_get_text(0, 1);
		f->has_ends = true;
	}
	return si_query(q,
					"SELECT FROM ROWS FROM (unnest($2::integer[]), unnest($3::bigint[])) AS e (partition, latest)"
					" WHERE NOT EXISTS (SELECT FROM stream_ingest.supervisor s"
					"  JOIN stream_ingest.task_group g USING (supervisor_id, data_source_id)"
					"  CROSS JOIN LATERAL ROWS FROM (unnest(g.partitions), unnest(g.offsets), unnest(g.stops)) AS p (partition, next, stop)"
					"  WHERE s.supervisor_id = $1 AND g.install = (SELECT uuid FROM stream_ingest.install)"
					"  AND p.partition = e.partition AND p.next >= LEAST(e.latest, p.stop)) LIMIT 1",
					"ttt", f->id, f->partitions, f->ends) == 0;
}

/* Which partition is meant must be clear, and one that is read. */
static void
check_topic(const Fence *f, const SiSupervisor *s)
{
	const SiSpec *spec = si_spec_parse(s->spec, true);

	if (f->topic == NULL && spec->topic == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("supervisor [%s] reads several topics", s->id),
				 errhint("Say which: wait_for_offset(..., topic => '...').")));
	if (f->topic && spec->topic && strcmp(f->topic, spec->topic) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("supervisor [%s] does not read topic [%s]", s->id, f->topic),
				 errdetail("It reads topic [%s].", spec->topic)));
}

/* One look; refuses what can never come. */
static bool
look(Fence *f, bool current)
{
	SiQuery		q;
	SiSupervisor *s;
	bool		reached;

	si_query_begin(&q, false);
	s = si_supervisor_get(&q, f->id);
	si_check_may_see(s, q.user);
	if (current && s->suspended)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("[%s] is suspended", f->id),
				 errdetail("Nothing more is read until it is resumed."),
				 errhint("Call resume_supervisor() first.")));
	if (!current)
		check_topic(f, s);
	reached = current ? is_current(&q, f) : offset_is_committed(&q, f);
	si_query_end(&q);
	return reached;
}

/* False after the timeout. */
static bool
wait_for(Fence *f, bool current, const char *function, Interval *timeout)
{
	TimestampTz deadline;
	long		ms = POLL_MIN_MS;

	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot be used in a transaction whose snapshot does not change", function),
				 errdetail("The transaction would not see what it has waited for."),
				 errhint("Call it before the transaction, or use READ COMMITTED.")));
	f->began = GetCurrentTimestamp();
	deadline = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(f->began),
													   IntervalPGetDatum(timeout)));
	while (!look(f, current))
	{
		if (current)
			pg_atomic_write_u64(&si_shmem->fence_until_us, (uint64) GetCurrentTimestamp() + FENCE_US);
		/* of a supervisor that is idle it would hear at the next ask only */
		if (current && ms == POLL_MIN_MS)
			si_wake_overlord();
		if (GetCurrentTimestamp() >= deadline)
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		ms = Min(ms * 2, POLL_MAX_MS);
	}
	flush_commits();
	return true;
}

Datum
si_wait_for_offset(PG_FUNCTION_ARGS)
{
	Fence		f = {0};

	for (int i = 0; i < 4; i++)
		if (PG_ARGISNULL(i))
			PG_RETURN_NULL();
	f.id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	f.partition = PG_GETARG_INT32(1);
	f.offset = PG_GETARG_INT64(2);
	f.topic = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4));
	PG_RETURN_BOOL(wait_for(&f, false, "wait_for_offset()", PG_GETARG_INTERVAL_P(3)));
}

Datum
si_wait_until_current(PG_FUNCTION_ARGS)
{
	Fence		f = {0};

	f.id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	PG_RETURN_BOOL(wait_for(&f, true, "wait_until_current()", PG_GETARG_INTERVAL_P(1)));
}
