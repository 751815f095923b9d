/*
 * launcher.c
 *		One per server: keeps an overlord running in every database that has
 *		the extension.
 *
 * It is connected to no database and never looks into one: an overlord that
 * it starts does, and leaves at once when the extension is not there.  It
 * never exits with code 0, which would unregister it.
 *
 * Locks: database slots under SiShmem->lock; the handles of processes that
 * were registered and may not have started yet are its own.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "common/clock.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/procarray.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "worker/worker.h"

/* Overlords that are starting at the same time: probing needs few slots. */
#define MAX_STARTING			2
#define RETRY_MS				1000
#define MAX_BACKOFF_MS			60000

static BackgroundWorkerHandle *handles[SI_MAX_DATABASES];
static bool slots_exhausted = false;

void
si_launcher_register(void)
{
	BackgroundWorker worker = {0};

	if (IsBinaryUpgrade)
		return;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "stream_ingest");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "si_launcher_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "stream_ingest launcher");
	snprintf(worker.bgw_type, BGW_MAXLEN, "stream_ingest launcher");
	RegisterBackgroundWorker(&worker);
}

static void
launcher_exit(int code, Datum arg)
{
	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	if (si_shmem->launcher_pid == MyProcPid)
	{
		si_shmem->launcher_pid = 0;
		si_shmem->launcher_latch = NULL;
	}
	LWLockRelease(si_shmem->lock);
}

static int
compare_oids(const void *a, const void *b)
{
	Oid			x = *(const Oid *) a;
	Oid			y = *(const Oid *) b;

	return x < y ? -1 : x > y;
}

static bool
may_have_extension(Form_pg_database db)
{
	return db->datallowconn && db->datconnlimit != DATCONNLIMIT_INVALID_DB && db->encoding == PG_UTF8;
}

/*
 * Asks for a look at every database with a greater oid than *after, in this
 * order, as long as slots last: those without the extension give theirs back.
 * True when all have been asked for.
 */
static bool
probe_databases(Oid *after)
{
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tup;
	int			n = 0;
	int			size = 64;
	Oid		   *oids;
	bool		all = true;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	oids = palloc(size * sizeof(Oid));
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tup = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database db = (Form_pg_database) GETSTRUCT(tup);

		if (!may_have_extension(db) || db->oid <= *after)
			continue;
		if (n == size)
			oids = repalloc(oids, (size *= 2) * sizeof(Oid));
		oids[n++] = db->oid;
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	qsort(oids, n, sizeof(Oid), compare_oids);
	for (int i = 0; i < n && all; i++)
	{
		all = si_database_probe(oids[i]);
		if (all)
			*after = oids[i];
	}
	CommitTransactionCommand();
	return all;
}

/* A database that was dropped, or that takes no connections any more. */
static bool
connectable(Oid dboid)
{
	HeapTuple	tup;
	bool		result = false;

	StartTransactionCommand();
	tup = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(dboid));
	if (HeapTupleIsValid(tup))
	{
		result = may_have_extension((Form_pg_database) GETSTRUCT(tup));
		ReleaseSysCache(tup);
	}
	CommitTransactionCommand();
	return result;
}

/*
 * A former launcher may have registered overlords that never started: their
 * generation is over, so that they leave when they do.
 */
static void
forget_unstarted(void)
{
	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < SI_MAX_DATABASES; i++)
	{
		SiDatabaseSlot *db = &si_shmem->databases[i];

		if (db->state == SI_DB_STARTING && db->overlord_pid == 0)
		{
			db->generation++;
			db->state = SI_DB_PROBE;
		}
	}
	LWLockRelease(si_shmem->lock);
}

static void
back_off(SiDatabaseSlot *db)
{
	int64		ms = db->failures == 0 ? 0 : Min((int64) 1000 << Min(db->failures - 1, 10), MAX_BACKOFF_MS);

	db->failures++;
	db->state = SI_DB_BACKOFF;
	db->retry_at = TimestampTzPlusMilliseconds(si_now(), ms);
}

/* Lifts pauses whose owner is gone, and meets overlords that died early. */
static void
look_after_databases(void)
{
	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < SI_MAX_DATABASES; i++)
	{
		SiDatabaseSlot *db = &si_shmem->databases[i];
		pid_t		pid;

		if (db->state == SI_DB_PAUSED && BackendPidGetProc(db->paused_by) == NULL)
		{
			db->generation++;
			db->paused_by = 0;
			db->state = SI_DB_PROBE;
		}
		if (handles[i] == NULL)
			continue;
		if (db->overlord_pid != 0)
		{
			pfree(handles[i]);
			handles[i] = NULL;
		}
		else if (GetBackgroundWorkerPid(handles[i], &pid) == BGWH_STOPPED)
		{
			pfree(handles[i]);
			handles[i] = NULL;
			if (db->state == SI_DB_STARTING)
				back_off(db);
		}
	}
	LWLockRelease(si_shmem->lock);
}

/* Registers the overlord of a database slot; false when no process is free. */
static bool
start_overlord(int index, Oid dboid, uint64 generation)
{
	BackgroundWorker worker = {0};
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	bool		ok;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = SI_SLOT_ARG(index, generation);
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "stream_ingest");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "si_overlord_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "stream_ingest overlord of database %u", dboid);
	snprintf(worker.bgw_type, BGW_MAXLEN, "stream_ingest overlord");
	ok = RegisterDynamicBackgroundWorker(&worker, &handles[index]);
	MemoryContextSwitchTo(old);
	return ok;
}

/*
 * Starts what is due, a few at a time.  Returns whether something waits that
 * no latch will tell of.
 */
static bool
start_due(void)
{
	TimestampTz now = si_now();
	int			starting = 0;
	bool		waiting = false;

	for (int i = 0; i < SI_MAX_DATABASES; i++)
		if (handles[i] != NULL)
			starting++;

	for (int i = 0; i < SI_MAX_DATABASES; i++)
	{
		SiDatabaseSlot *db = &si_shmem->databases[i];
		bool		due = false;
		Oid			dboid = InvalidOid;
		uint64		generation = 0;

		LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
		if (handles[i] == NULL && db->overlord_pid == 0 &&
			(db->state == SI_DB_PROBE || db->state == SI_DB_BACKOFF))
		{
			waiting = true;
			if (starting < MAX_STARTING && (db->state == SI_DB_PROBE || si_wait_us(db->retry_at, now, MAX_BACKOFF_MS * INT64CONST(1000)) == 0))
			{
				due = true;
				db->state = SI_DB_STARTING;
				dboid = db->dboid;
				generation = ++db->generation;
			}
		}
		else if (db->state == SI_DB_PAUSED)
			waiting = true;
		LWLockRelease(si_shmem->lock);
		if (!due)
			continue;
		if (!connectable(dboid))
		{
			LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
			if (db->state == SI_DB_STARTING && db->generation == generation)
				db->state = SI_DB_ABSENT;
			LWLockRelease(si_shmem->lock);
			continue;
		}
		if (start_overlord(i, dboid, generation))
		{
			starting++;
			slots_exhausted = false;
			continue;
		}

		LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
		if (db->state == SI_DB_STARTING && db->generation == generation)
		{
			db->state = SI_DB_BACKOFF;
			db->retry_at = TimestampTzPlusMilliseconds(now, RETRY_MS);
			strlcpy(db->message, "no free background worker for the overlord: increase max_worker_processes",
					sizeof(db->message));
		}
		LWLockRelease(si_shmem->lock);
		if (!slots_exhausted)
			ereport(LOG,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("no free background worker for the stream_ingest overlord of database %u", dboid),
					 errhint("Increase max_worker_processes; until then it is tried again every second.")));
		slots_exhausted = true;
		break;
	}
	return waiting;
}

void
si_launcher_main(Datum arg)
{
	Oid			probed = InvalidOid;
	bool		probed_all = false;

	si_session_signals();
	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	si_shmem->launcher_pid = MyProcPid;
	si_shmem->launcher_latch = MyLatch;
	LWLockRelease(si_shmem->lock);
	on_shmem_exit(launcher_exit, (Datum) 0);
	si_session_fix();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	forget_unstarted();

	for (;;)
	{
		bool		waiting;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (!probed_all)
			probed_all = probe_databases(&probed);
		look_after_databases();
		waiting = start_due() || !probed_all;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_TIMEOUT,
						 waiting ? RETRY_MS : 10 * RETRY_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
