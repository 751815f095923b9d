/*
 * shmem.c
 *		Shared memory of the workers: set-up, database slots, task slots, and
 *		how a task process takes its slot and leaves it.
 *
 * Does not start processes (launcher.c, task_pool.c) and knows no catalog.
 *
 * Locks: SiShmem->lock guards all fields but the atomics and those marked
 * "task", which are under the slot's spinlock.  A pid in a slot is valid
 * while the lock is held: every process clears its own entry under the lock
 * before it exits, and a process that cannot (kill -9) restarts the server.
 */
#include "postgres.h"

#include <signal.h>

#include "common/clock.h"
#include "common/guc.h"
#include "format/reason.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"
#include "worker/worker.h"

SiShmem    *si_shmem = NULL;
SiWorkerSlot *si_my_slot = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;
static emit_log_hook_type prev_emit_log_hook = NULL;

/* Task process: the last ERROR or FATAL it logged. */
static char last_error[sizeof(((SiWorkerSlot *) NULL)->message)];

static Size
shmem_size(void)
{
	return add_size(offsetof(SiShmem, workers), mul_size(si_max_tasks, sizeof(SiWorkerSlot)));
}

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(shmem_size());
	RequestNamedLWLockTranche("stream_ingest", 1);
}

static void
shmem_startup(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	si_shmem = ShmemInitStruct("stream_ingest", shmem_size(), &found);
	if (!found)
	{
		memset(si_shmem, 0, shmem_size());
		si_shmem->lock = &(GetNamedLWLockTranche("stream_ingest"))->lock;
		si_shmem->started = si_now();
		pg_atomic_init_u64(&si_shmem->last_commit_us, 0);
		pg_atomic_init_u64(&si_shmem->fence_until_us, 0);
		si_shmem->nworkers = si_max_tasks;
		for (int i = 0; i < si_shmem->nworkers; i++)
		{
			SiWorkerSlot *slot = &si_shmem->workers[i];

			pg_atomic_init_u32(&slot->stop, 0);
			pg_atomic_init_u32(&slot->hold, 0);
			SpinLockInit(&slot->mutex);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

void
si_shmem_install_hooks(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

/* ---------------------------------------------------------------- databases */

SiDatabaseSlot *
si_database_slot(Oid dboid)
{
	for (int i = 0; i < SI_MAX_DATABASES; i++)
	{
		SiDatabaseSlot *slot = &si_shmem->databases[i];

		if (slot->state != SI_DB_FREE && slot->dboid == dboid)
			return slot;
	}
	return NULL;
}

/*
 * A database without the extension needs no memory: its slot is taken when
 * no free one is left.
 */
SiDatabaseSlot *
si_database_slot_make(Oid dboid)
{
	SiDatabaseSlot *slot = si_database_slot(dboid);
	SiDatabaseSlot *unused = NULL;

	if (slot)
		return slot;
	for (int i = 0; i < SI_MAX_DATABASES; i++)
	{
		slot = &si_shmem->databases[i];
		if (slot->state == SI_DB_FREE)
		{
			unused = slot;
			break;
		}
		if (slot->state == SI_DB_ABSENT && slot->overlord_pid == 0)
			unused = slot;
	}
	if (unused)
	{
		uint64		generation = unused->generation;

		memset(unused, 0, sizeof(*unused));
		unused->generation = generation + 1;
		unused->dboid = dboid;
		unused->state = SI_DB_ABSENT;
	}
	return unused;
}

void
si_wake_launcher(void)
{
	LWLockAcquire(si_shmem->lock, LW_SHARED);
	if (si_shmem->launcher_latch)
		SetLatch(si_shmem->launcher_latch);
	LWLockRelease(si_shmem->lock);
}

void
si_wake_overlord(void)
{
	SiDatabaseSlot *slot;

	LWLockAcquire(si_shmem->lock, LW_SHARED);
	slot = si_database_slot(MyDatabaseId);
	if (slot && slot->overlord_latch)
		SetLatch(slot->overlord_latch);
	LWLockRelease(si_shmem->lock);
}

bool
si_database_probe(Oid dboid)
{
	SiDatabaseSlot *slot;

	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	slot = si_database_slot_make(dboid);
	if (slot && (slot->state == SI_DB_ABSENT || slot->state == SI_DB_BACKOFF))
	{
		slot->state = SI_DB_PROBE;
		slot->failures = 0;
	}
	else if (slot && (slot->state == SI_DB_STARTING || slot->state == SI_DB_PAUSED))
		slot->probe_again = true;
	if (si_shmem->launcher_latch)
		SetLatch(si_shmem->launcher_latch);
	LWLockRelease(si_shmem->lock);
	return slot != NULL;
}

/*
 * Signals all processes of a database and forgets those that have been
 * registered but not started.  Returns how many are still there.  Caller
 * holds the lock exclusively.
 */
static int
end_processes(SiDatabaseSlot *db, bool signal_them)
{
	int			alive = 0;

	if (db->overlord_pid != 0)
	{
		alive++;
		if (signal_them)
			kill(db->overlord_pid, SIGTERM);
	}
	for (int i = 0; i < si_shmem->nworkers; i++)
	{
		SiWorkerSlot *slot = &si_shmem->workers[i];

		if (!slot->in_use || slot->dboid != db->dboid)
			continue;
		if (slot->pid == 0)
		{
			slot->in_use = false;
			slot->generation++;
		}
		else
		{
			alive++;
			if (signal_them)
				kill(slot->pid, SIGTERM);
		}
	}
	return alive;
}

void
si_database_pause(Oid dboid)
{
	bool		signal_them = true;

	for (;;)
	{
		SiDatabaseSlot *db;
		int			alive = 0;
		pid_t		other = 0;

		LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
		db = si_database_slot_make(dboid);
		if (db)
		{
			if (db->state == SI_DB_PAUSED && db->paused_by != MyProcPid &&
				BackendPidGetProc(db->paused_by) != NULL)
				other = db->paused_by;
			else
			{
				if (db->state != SI_DB_PAUSED || db->paused_by != MyProcPid)
				{
					if (db->state != SI_DB_PAUSED)
						db->was_absent = (db->state == SI_DB_ABSENT);
					db->state = SI_DB_PAUSED;
					db->paused_by = MyProcPid;
					db->generation++;
				}
				alive = end_processes(db, signal_them);
			}
		}
		LWLockRelease(si_shmem->lock);

		if (other != 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("another session has stopped stream_ingest in this database for a command of its own"),
					 errdetail("It is the session with process id %d.", (int) other)));
		if (alive == 0)
			return;
		signal_them = false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
si_databases_resume(Oid dropped)
{
	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < SI_MAX_DATABASES; i++)
	{
		SiDatabaseSlot *db = &si_shmem->databases[i];

		if (db->state != SI_DB_PAUSED || db->paused_by != MyProcPid)
			continue;
		db->generation++;
		db->paused_by = 0;
		db->failures = 0;
		if (db->dboid == dropped)
			db->state = SI_DB_FREE;
		else
			db->state = db->was_absent && !db->probe_again ? SI_DB_ABSENT : SI_DB_PROBE;
		db->probe_again = false;
	}
	if (si_shmem->launcher_latch)
		SetLatch(si_shmem->launcher_latch);
	LWLockRelease(si_shmem->lock);
}

/* -------------------------------------------------------------- task slots */

SiWorkerSlot *
si_worker_slot_take(SiWorkerKind kind, Oid dboid, int64 data_source_id,
					const char *supervisor_id, int group_id, int *index, uint64 *generation)
{
	SiWorkerSlot *taken = NULL;
	SiDatabaseSlot *db;
	int			running = 0;

	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	db = si_database_slot(dboid);
	for (int i = 0; i < si_shmem->nworkers; i++)
		running += si_shmem->workers[i].in_use;
	if (si_worker_capacity > 0 && running >= si_worker_capacity)
		db = NULL;
	for (int i = 0; db && db->state == SI_DB_ACTIVE && i < si_shmem->nworkers; i++)
	{
		SiWorkerSlot *slot = &si_shmem->workers[i];

		if (slot->in_use)
			continue;
		slot->in_use = true;
		slot->generation++;
		slot->kind = kind;
		slot->dboid = dboid;
		slot->data_source_id = data_source_id;
		slot->group_id = group_id;
		slot->requeue = false;
		strlcpy(slot->supervisor_id, supervisor_id, SI_ID_LEN);
		slot->pid = 0;
		slot->latch = NULL;
		pg_atomic_write_u32(&slot->stop, 0);
		pg_atomic_write_u32(&slot->hold, 0);
		slot->run_id = 0;
		slot->exit = SI_EXIT_NONE;
		slot->started = 0;
		slot->last_commit = 0;
		slot->reading = slot->at_end = slot->stream_failing = false;
		slot->stream_failing_since = 0;
		slot->message[0] = '\0';
		slot->rows_in_memory = slot->bytes_in_memory = 0;
		memset(slot->meters, 0, sizeof(slot->meters));
		*index = i;
		*generation = slot->generation;
		taken = slot;
		break;
	}
	LWLockRelease(si_shmem->lock);
	return taken;
}

void
si_worker_slot_free(int index, uint64 generation)
{
	SiWorkerSlot *slot = &si_shmem->workers[index];

	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	if (slot->in_use && slot->generation == generation && slot->pid == 0)
	{
		slot->in_use = false;
		slot->generation++;
	}
	LWLockRelease(si_shmem->lock);
}

/* ------------------------------------------------------------ task processes */

/* Keeps the message of what ends this process, for the overlord's status. */
static void
remember_error(ErrorData *edata)
{
	if (edata->elevel >= ERROR && edata->message)
		si_format_copy(last_error, edata->message, sizeof(last_error));
	if (prev_emit_log_hook)
		prev_emit_log_hook(edata);
}

/*
 * At exit of a task, after it has left the list of processes of its
 * database.  The slot stays for the overlord to read; without an overlord
 * nobody would give it back.
 */
static void
leave_slot(int code, Datum arg)
{
	SiWorkerSlot *slot = si_my_slot;
	SiDatabaseSlot *db;

	if (slot == NULL)
		return;
	si_my_slot = NULL;
	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	if (slot->exit == SI_EXIT_NONE && last_error[0] != '\0')
	{
		SpinLockAcquire(&slot->mutex);
		slot->exit = SI_EXIT_ERROR;
		strlcpy(slot->message, last_error, sizeof(slot->message));
		SpinLockRelease(&slot->mutex);
	}
	slot->pid = 0;
	slot->latch = NULL;
	db = si_database_slot(slot->dboid);
	if (db && db->overlord_latch)
		SetLatch(db->overlord_latch);
	else
	{
		slot->in_use = false;
		slot->generation++;
	}
	LWLockRelease(si_shmem->lock);
}

void
si_worker_attach(Datum arg, const char *what)
{
	int			index = SI_SLOT_ARG_INDEX(arg);
	uint64		generation = SI_SLOT_ARG_GENERATION(arg);
	SiWorkerSlot *slot;
	SiDatabaseSlot *db;
	bool		mine = false;
	Oid			dboid = InvalidOid;

	si_session_signals();
	if (si_shmem == NULL || index >= si_shmem->nworkers)
		proc_exit(0);

	slot = &si_shmem->workers[index];
	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	db = slot->in_use ? si_database_slot(slot->dboid) : NULL;
	if (slot->in_use && slot->generation == generation && slot->pid == 0 && slot->started == 0 &&
		db && db->state != SI_DB_PAUSED)
	{
		mine = true;
		dboid = slot->dboid;
		slot->pid = MyProcPid;
		slot->latch = MyLatch;
		slot->started = si_now();
	}
	LWLockRelease(si_shmem->lock);
	if (!mine)
		proc_exit(0);

	si_my_slot = slot;
	on_shmem_exit(leave_slot, (Datum) 0);
	prev_emit_log_hook = emit_log_hook;
	emit_log_hook = remember_error;

	si_session_fix();
	BackgroundWorkerInitializeConnectionByOid(dboid, InvalidOid, 0);
	ereport(DEBUG1,
			(errmsg_internal("%s of supervisor \"%s\" started", what, slot->supervisor_id)));
}

SiWorkerKind
si_worker_kind(void)
{
	SiWorkerKind kind;

	LWLockAcquire(si_shmem->lock, LW_SHARED);
	kind = si_my_slot->kind;
	LWLockRelease(si_shmem->lock);
	return kind;
}

void
si_worker_report_exit(SiWorkerExit why, const char *message)
{
	if (si_my_slot == NULL)
		return;
	SpinLockAcquire(&si_my_slot->mutex);
	si_my_slot->exit = why;
	si_format_copy(si_my_slot->message, message ? message : "", sizeof(si_my_slot->message));
	SpinLockRelease(&si_my_slot->mutex);
}
