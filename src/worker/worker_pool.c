/*
 * worker_pool.c
 *		Starting, watching and stopping task processes.
 *
 * Decides nothing: supervisor.c and publishing.c say what should run.  Slots
 * are read under SiShmem->lock, what a task writes under the slot's spinlock;
 * both are copied out before anything else is done.
 */
#include "postgres.h"

#include "common/clock.h"
#include "common/guc.h"
#include "format/reason.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/worker.h"
#include "worker/worker_pool.h"

#define MAX_BACKOFF_MS 60000

/* The server had no place for a process the last time; said once in the log. */
static bool exhausted = false;

void
si_backoff_failed(SiBackoff *b, TimestampTz now)
{
	int64		ms = b->failures == 0 ? 0 : Min((int64) 1000 << Min(b->failures - 1, 10), MAX_BACKOFF_MS);

	b->failures++;
	b->retry_at = TimestampTzPlusMilliseconds(now, ms);
}

void
si_backoff_clear(SiBackoff *b)
{
	b->failures = 0;
	b->retry_at = 0;
}

static void
say_exhausted(const char *what, const char *setting, char *why, Size why_size)
{
	snprintf(why, why_size, "no free %s: increase %s", what, setting);
	if (!exhausted)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("stream_ingest has no free %s", what),
				 errhint("Increase %s; until then it is tried again every second.", setting)));
	exhausted = true;
}

bool
si_pool_start(SiWorkerKind kind, int64 data_source_id, const char *supervisor_id, int group_id,
			  int64 spec_version, bool requeue, SiWorkerRef *ref, char *why, Size why_size)
{
	const char *what = kind == SI_WORKER_PUBLISHING ? "publishing" : "reading";
	BackgroundWorker worker = {0};
	MemoryContext old;
	int			index;
	uint64		generation;
	SiWorkerSlot *slot = si_worker_slot_take(kind, MyDatabaseId, data_source_id, supervisor_id,
											 group_id, &index, &generation);

	if (slot == NULL)
	{
		say_exhausted("task slot", si_worker_capacity > 0 && si_worker_capacity < si_max_tasks ?
					  "stream_ingest.worker_capacity" : "stream_ingest.max_tasks", why, why_size);
		return false;
	}
	slot->spec_version = spec_version;
	slot->requeue = requeue;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = SI_SLOT_ARG(index, generation);
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "stream_ingest");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "si_%s_task_main", what);
	if (kind == SI_WORKER_PUBLISHING)
		snprintf(worker.bgw_name, BGW_MAXLEN, "stream_ingest publishing task %s", supervisor_id);
	else
		snprintf(worker.bgw_name, BGW_MAXLEN, "stream_ingest %s task %s/%d",
				 kind == SI_WORKER_READING ? what : "standby of reading", supervisor_id, group_id);
	snprintf(worker.bgw_type, BGW_MAXLEN, "stream_ingest %s task", what);

	old = MemoryContextSwitchTo(TopMemoryContext);
	ref->handle = NULL;
	if (!RegisterDynamicBackgroundWorker(&worker, &ref->handle))
	{
		MemoryContextSwitchTo(old);
		si_worker_slot_free(index, generation);
		say_exhausted("background worker", "max_worker_processes", why, why_size);
		return false;
	}
	MemoryContextSwitchTo(old);
	ref->index = index;
	ref->generation = generation;
	exhausted = false;
	return true;
}

static void
forget(SiWorkerRef *ref)
{
	if (ref->handle)
		pfree(ref->handle);
	*ref = SI_NO_WORKER;
}

SiWorkerState
si_pool_look(SiWorkerRef *ref, SiWorkerReport *report)
{
	SiWorkerSlot *slot;
	SiWorkerState state = SI_PROCESS_ENDED;
	bool		never_started = false;
	pid_t		pid;

	memset(report, 0, sizeof(*report));
	if (ref->index < 0)
		return SI_PROCESS_NONE;
	slot = &si_shmem->workers[ref->index];
	/* asked first: a process that has stopped has left its slot before */
	if (ref->handle && GetBackgroundWorkerPid(ref->handle, &pid) == BGWH_STOPPED)
		never_started = true;

	LWLockAcquire(si_shmem->lock, LW_SHARED);
	if (slot->in_use && slot->generation == ref->generation)
	{
		SpinLockAcquire(&slot->mutex);
		report->exit = slot->exit;
		report->spec_version = slot->spec_version;
		report->started = slot->started;
		report->last_commit = slot->last_commit;
		report->reading = slot->reading;
		report->stream_failing = slot->stream_failing;
		si_format_copy(report->message, slot->message, sizeof(report->message));
		SpinLockRelease(&slot->mutex);
		if (slot->pid != 0)
			state = SI_PROCESS_RUNNING;
		else if (slot->started == 0 && !never_started)
			state = SI_PROCESS_STARTING;
	}
	LWLockRelease(si_shmem->lock);

	if (state == SI_PROCESS_ENDED)
	{
		si_worker_slot_free(ref->index, ref->generation);
		forget(ref);
	}
	return state;
}

bool
si_pool_promote(const SiWorkerRef *ref, int64 spec_version)
{
	SiWorkerSlot *slot = &si_shmem->workers[ref->index];
	bool		promoted = false;

	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	if (slot->in_use && slot->generation == ref->generation && slot->kind == SI_WORKER_STANDBY && slot->latch)
	{
		slot->kind = SI_WORKER_READING;
		SpinLockAcquire(&slot->mutex);
		slot->spec_version = spec_version;
		slot->started = si_now();
		SpinLockRelease(&slot->mutex);
		SetLatch(slot->latch);
		promoted = true;
	}
	LWLockRelease(si_shmem->lock);
	return promoted;
}

void
si_pool_stop(const SiWorkerRef *ref)
{
	SiWorkerSlot *slot;

	if (ref->index < 0)
		return;
	slot = &si_shmem->workers[ref->index];
	LWLockAcquire(si_shmem->lock, LW_SHARED);
	if (slot->in_use && slot->generation == ref->generation)
	{
		pg_atomic_write_u32(&slot->stop, 1);
		if (slot->latch)
			SetLatch(slot->latch);
	}
	LWLockRelease(si_shmem->lock);
}

void
si_pool_hold(const SiWorkerRef *ref, bool hold)
{
	SiWorkerSlot *slot;

	if (ref->index < 0)
		return;
	slot = &si_shmem->workers[ref->index];
	LWLockAcquire(si_shmem->lock, LW_SHARED);
	if (slot->in_use && slot->generation == ref->generation)
	{
		pg_atomic_write_u32(&slot->hold, hold ? 1 : 0);
		if (!hold && slot->latch)
			SetLatch(slot->latch);
	}
	LWLockRelease(si_shmem->lock);
}

void
si_pool_adopt(SiPoolFound found, void *arg)
{
	for (int i = 0; i < si_shmem->nworkers; i++)
	{
		SiWorkerSlot *slot = &si_shmem->workers[i];
		SiWorkerRef ref = SI_NO_WORKER;
		SiWorkerKind kind = 0;
		int64		data_source_id = 0;
		int			group_id = 0;
		char		supervisor_id[SI_ID_LEN];

		LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
		if (slot->in_use && slot->dboid == MyDatabaseId)
		{
			if (slot->pid == 0)
			{
				slot->in_use = false;
				slot->generation++;
			}
			else
			{
				ref.index = i;
				ref.generation = slot->generation;
				kind = slot->kind;
				data_source_id = slot->data_source_id;
				group_id = slot->group_id;
				strlcpy(supervisor_id, slot->supervisor_id, SI_ID_LEN);
			}
		}
		LWLockRelease(si_shmem->lock);
		if (ref.index >= 0)
			found(arg, kind, data_source_id, supervisor_id, group_id, ref);
	}
}
