/*
 * reading_task.c
 *		The process that reads the partitions of one task group: stream to
 *		rows to deltas, one commit after another.
 *
 * The loop: take what the stream has, add it to the index, commit when the
 * rhythm says so, wait on the latch and the reader's descriptor when there is
 * nothing.  No transaction is open while it waits or reads.  What a batch
 * becomes is in task_batch.c.
 *
 * What is true if the process dies between any two steps: README.md.
 */
#include "postgres.h"

#include "catalog/commit.h"
#include "catalog/requeue.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/guc.h"
#include "common/pgcompat.h"
#include "format/reason.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/shmem.h"
#include "worker/task_batch.h"

/* Messages taken from the stream between two looks at the clock. */
#define POLL_MESSAGES	1000

/* Seconds between two updates of the rates. */
#define METER_TICK_S	5.0

typedef struct ReadingTask
{
	SiBatch    *batch;
	SiKafkaReader *reader;
	WaitEventSet *waits;
	SiMessage	messages[POLL_MESSAGES];
	TimestampTz last_commit;
	int64		commit_us;		/* how long the last commit took */
	TimestampTz bounds_read;
	TimestampTz meter_time;
	SiCounters	meter_counters;
	bool		gaps;			/* partitions whose next offset the broker does not have are to be reported */
} ReadingTask;

static void
make_wait_set(ReadingTask *t)
{
	t->waits = CreateWaitEventSet(SI_WAIT_SET_OF_PROCESS, 3);
	AddWaitEventToSet(t->waits, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(t->waits, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(t->waits, WL_SOCKET_READABLE, si_kafka_reader_fd(t->reader), NULL, NULL);
}

static void
handle_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/* Rates as Druid's: every 5 s, weighted with half-lives of 1, 5 and 15 minutes. */
static void
update_meters(ReadingTask *t, TimestampTz now)
{
	static const double alpha[3] = {0.07995558537067671, 0.016528546178382508, 0.005540151995103271};
	const SiCounters *c = si_batch_counters(t->batch);
	double		elapsed = (now - t->meter_time) / 1000000.0;
	SiMeter		meters[SI_NUM_COUNTERS];

	if (elapsed < METER_TICK_S)
		return;
	/* only we write them: no lock is needed to read them */
	memcpy(meters, si_my_slot->meters, sizeof(meters));
	for (int i = 0; i < SI_NUM_COUNTERS; i++)
	{
		SiMeter    *m = &meters[i];
		double		rate = (c->n[i] - t->meter_counters.n[i]) / elapsed;

		/* an idle wait may span several ticks */
		for (double tick = METER_TICK_S; tick <= elapsed + 0.1 && tick < 1000; tick += METER_TICK_S)
		{
			m->m1 += alpha[0] * (rate - m->m1);
			m->m5 += alpha[1] * (rate - m->m5);
			m->m15 += alpha[2] * (rate - m->m15);
		}
	}
	SpinLockAcquire(&si_my_slot->mutex);
	memcpy(si_my_slot->meters, meters, sizeof(meters));
	SpinLockRelease(&si_my_slot->mutex);
	t->meter_counters = *c;
	t->meter_time = now;
}

/*
 * Takes what the stream has now.  Returns the number of messages, 0 when it
 * is drained.
 */
static int
read_some(ReadingTask *t)
{
	int			n = si_kafka_reader_poll(t->reader, t->messages, POLL_MESSAGES);

	if (n > 0)
	{
		si_batch_add(t->batch, t->messages, n);
		si_kafka_reader_release(t->reader);
	}
	return n;
}

/* What the stream complains about goes to the slot; what ends us is thrown or reported. */
static bool
stream_can_go_on(ReadingTask *t, bool got_messages)
{
	SiStreamError e;

	si_kafka_reader_error(t->reader, &e);
	switch (e.class)
	{
		case SI_STREAM_OK:
			if ((got_messages || si_kafka_reader_at_end(t->reader)) && si_my_slot->stream_failing)
			{
				SpinLockAcquire(&si_my_slot->mutex);
				si_my_slot->stream_failing = false;
				si_my_slot->message[0] = '\0';
				SpinLockRelease(&si_my_slot->mutex);
			}
			return true;
		case SI_STREAM_TRANSIENT:
			SpinLockAcquire(&si_my_slot->mutex);
			if (!si_my_slot->stream_failing)
				si_my_slot->stream_failing_since = si_now();
			si_my_slot->stream_failing = true;
			si_format_copy(si_my_slot->message, e.text, sizeof(si_my_slot->message));
			SpinLockRelease(&si_my_slot->mutex);
			return true;
		case SI_STREAM_OFFSET_OUT_OF_RANGE:
			t->gaps = true;
			return true;
		case SI_STREAM_FATAL:
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("Kafka consumer failed: %s", e.text)));
	}
	return true;
}

/*
 * The rhythm: as soon as the stream is drained, but not sooner after the last
 * commit than a minimum spacing; at the latest after commit_period; at once
 * when the memory is full.  Returns microseconds until the next look, 0 when
 * the commit is due.
 */
static int64
commit_due_in(ReadingTask *t, bool drained, TimestampTz now)
{
	TimestampTz first = si_batch_first_pending(t->batch);
	int64		spacing = Max(si_min_commit_spacing * INT64CONST(1000), 2 * t->commit_us);
	int64		period = si_commit_period * INT64CONST(1000);
	int64		due;

	if (si_batch_full(t->batch))
		return 0;
	if (first == 0)
		return PG_INT64_MAX;
	due = si_wait_us(first + period, now, period);
	if (drained)
		due = Min(due, si_wait_us(t->last_commit + spacing, now, spacing));
	return due;
}

/*
 * Takes one of the server's commits of this second.  False when they are
 * used up for now: *wait_us says for how long.
 */
static bool
take_commit_ticket(int64 *wait_us)
{
	uint64		now = (uint64) si_now();
	uint64		next = pg_atomic_read_u64(&si_shmem->last_commit_us);
	int64		interval;

	if (si_max_commits_per_second == 0)
		return true;
	interval = 1000000 / Max(si_max_commits_per_second, 1);
	for (;;)
	{
		/* commits that were not used are not saved up, but for a tenth of a second */
		uint64		base = Max(next, now - 100000);

		*wait_us = si_wait_us((TimestampTz) base, (TimestampTz) now, interval);
		if (*wait_us > 0)
			return false;
		/* of before the clock was set back */
		base = Min(base, now);
		if (pg_atomic_compare_exchange_u64(&si_shmem->last_commit_us, &next, base + interval))
			return true;
	}
}

/* False when the task is to end. */
static bool
commit_now(ReadingTask *t)
{
	TimestampTz start = si_now();

	switch (si_batch_commit(t->batch))
	{
		case SI_BATCH_COMMITTED:
			break;
		case SI_BATCH_LOST_RACE:
			si_worker_report_exit(SI_EXIT_LOST_RACE, "the committed offsets are no longer those this task started from");
			ereport(LOG,
					(errmsg("reading task of supervisor \"%s\", group %d, dropped its rows: the offsets were moved by somebody else",
							si_my_slot->supervisor_id, si_my_slot->group_id)));
			return false;
		case SI_BATCH_HALTED:
			si_worker_report_exit(SI_EXIT_HALTED, si_batch_halt_reason(t->batch));
			return false;
	}
	t->last_commit = si_now();
	t->commit_us = t->last_commit - start;
	SpinLockAcquire(&si_my_slot->mutex);
	si_my_slot->last_commit = t->last_commit;
	SpinLockRelease(&si_my_slot->mutex);
	if (t->last_commit - t->bounds_read > 1000000)
	{
		si_batch_refresh_bounds(t->batch);
		t->bounds_read = t->last_commit;
	}
	return true;
}

/*
 * Partitions that the stream has given up are halted, durably, at the offset
 * that is committed; the others are read on.  False when the task is to end.
 */
static bool
report_gaps(ReadingTask *t)
{
	int32		partition;

	if (!commit_now(t))
		return false;
	while (si_kafka_reader_gone(t->reader, &partition))
		si_batch_report_gap(t->batch, partition);
	t->gaps = false;
	si_wake_overlord();
	return true;
}

static void
wait_for_work(ReadingTask *t, int64 us)
{
	WaitEvent	events[3];
	long		timeout = us > 1000000 ? 1000 : (long) ((us + 999) / 1000);
	int			n;

	n = WaitEventSetWait(t->waits, timeout, events, lengthof(events), PG_WAIT_EXTENSION);
	for (int i = 0; i < n; i++)
	{
		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		if (events[i].events & WL_SOCKET_READABLE)
			si_kafka_reader_clear_fd(t->reader);
	}
}

static void
show_progress(ReadingTask *t, bool drained)
{
	bool		at_end = drained && si_kafka_reader_at_end(t->reader);
	int64		rows = si_batch_rows(t->batch);
	int64		bytes = si_batch_bytes(t->batch);

	SpinLockAcquire(&si_my_slot->mutex);
	si_my_slot->reading = true;
	si_my_slot->at_end = at_end;
	si_my_slot->rows_in_memory = rows;
	si_my_slot->bytes_in_memory = bytes;
	SpinLockRelease(&si_my_slot->mutex);
}

static void
reading_loop(ReadingTask *t)
{
	for (;;)
	{
		bool		hold;
		bool		drained = true;
		int64		due;
		TimestampTz now;

		handle_interrupts();
		/* a bounded group that is read ends as if it was asked to */
		if (pg_atomic_read_u32(&si_my_slot->stop) != 0 || si_batch_complete(t->batch))
		{
			if (commit_now(t))
				si_worker_report_exit(SI_EXIT_STOPPED, NULL);
			return;
		}
		hold = pg_atomic_read_u32(&si_my_slot->hold) != 0;
		if (!hold)
			drained = read_some(t) == 0;
		if (!stream_can_go_on(t, !drained) || (t->gaps && !report_gaps(t)))
			return;
		if (drained && !hold)
			si_batch_take_positions(t->batch, t->reader);

		now = si_now();
		due = commit_due_in(t, drained, now);
		if (due == 0 && (si_batch_full(t->batch) || take_commit_ticket(&due)))
		{
			if (!commit_now(t))
				return;
			due = PG_INT64_MAX;
			now = t->last_commit;
		}
		update_meters(t, now);
		if (drained)
		{
			show_progress(t, !hold);
			wait_for_work(t, hold ? Min(due, 50000) : due);
		}
	}
}

/*
 * Parses rejected messages again instead of reading; the process ends with it.
 * Only the overlord says that it is to: it has seen to it that nothing reads,
 * and that the rows become chunks of a task of their own.
 */
static void
requeue(void)
{
	SiBatch    *b;
	SiRequeueEnd end;
	int64		request_id;
	int64		to;

	if (!si_requeue_requested(si_my_slot->supervisor_id, &request_id, &to))
	{
		si_worker_report_exit(SI_EXIT_STOPPED, NULL);
		return;
	}
	b = si_batch_create(si_my_slot->supervisor_id, si_my_slot->group_id, NULL);
	end = b == NULL ? SI_REQUEUE_LOST_RACE : si_batch_requeue(b, to);
	if (end == SI_REQUEUE_LOST_RACE)
	{
		si_worker_report_exit(SI_EXIT_LOST_RACE, "the task group was changed while messages were parsed again");
		return;
	}
	/* stopped: the request stays, and who is started for it next goes on with those that are left */
	if (end == SI_REQUEUE_DONE)
	{
		si_requeue_done(request_id);
		SI_FAULT("requeue_done");
	}
	si_worker_report_exit(SI_EXIT_STOPPED, NULL);
}

/* The first look at the tables of the catalog costs most: it is done before it matters. */
static void
warm_up(void)
{
	int64		version;

	(void) si_supervisor_spec(si_my_slot->supervisor_id, &version);
}

/*
 * A standby: waits until the overlord makes it the reader of its group.
 * False when it is to end instead.
 */
static bool
wait_to_take_over(void)
{
	warm_up();
	while (si_worker_kind() == SI_WORKER_STANDBY)
	{
		handle_interrupts();
		if (pg_atomic_read_u32(&si_my_slot->stop) != 0)
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10000, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	return true;
}

void
si_reading_task_main(Datum arg)
{
	ReadingTask *t;
	MemoryContext context;

	si_worker_attach(arg, "reading task");
	context = AllocSetContextCreate(TopMemoryContext, "reading task", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	if (!wait_to_take_over())
	{
		si_worker_report_exit(SI_EXIT_STOPPED, NULL);
		proc_exit(0);
	}
	SI_FAULT("reading_task_started");
	if (si_my_slot->requeue)
	{
		requeue();
		proc_exit(0);
	}
	t = palloc0(sizeof(ReadingTask));
	t->batch = si_batch_create(si_my_slot->supervisor_id, si_my_slot->group_id, &t->reader);
	if (t->batch == NULL)
	{
		/* the group or its supervisor went away, or it is halted, before we began */
		si_worker_report_exit(SI_EXIT_LOST_RACE, "the task group is gone, halted, or of another topic");
		proc_exit(0);
	}
	t->meter_counters = *si_batch_counters(t->batch);
	t->meter_time = t->bounds_read = si_now();
	make_wait_set(t);
	reading_loop(t);
	proc_exit(0);
}
