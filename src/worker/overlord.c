/*
 * overlord.c
 *		One process per database that has the extension: its main loop is a
 *		list of steps, none of which blocks.
 *
 * It connects to no broker (kafka_monitor.h does, in threads of its own) and
 * reads no stream.  It may die at any instruction: tasks go on, the launcher
 * starts another one, which reads the catalog and finds the running tasks in
 * shared memory.
 */
#include "postgres.h"

#include "api/api.h"
#include "api/widen.h"
#include "catalog/version.h"
#include "common/clock.h"
#include "common/pgcompat.h"
#include "catalog/operations.h"
#include "files/files.h"
#include "files/sweep.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/supervisor.h"
#include "worker/worker.h"
#include "worker/worker_queue.h"

#define TICK_MS		1000
#define SWEEP_MS	5000
#define LOCK_WAIT	"200ms"		/* what an open DROP TABLE holds must not hold us */
#define LONG_LIFE_MS 60000		/* an overlord of this age did not fail at its start */
#define MAX_BACKOFF_MS 60000
#define CLOCK_STEP_US	INT64CONST(1000000)	/* the clock was set back by more than that */

static SiDatabaseSlot *my_database = NULL;
static TimestampTz my_start;
static List *supervisors = NIL;
static bool files_checked = false;
static bool any_damaged = false;
/* What nobody's step is to blame for: chunk files that cannot be looked at or removed. */
static char files_trouble[256];
static MemoryContext loop_context;
/* Tasks of supervisors that are gone, found at the start: SiWorkerRef. */
static List *strays = NIL;

/* ------------------------------------------------------------------ the slot */

/* At exit, after this process has left the list of those in its database. */
static void
leave_database(int code, Datum arg)
{
	SiDatabaseSlot *db = my_database;
	TimestampTz now = si_now();

	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	if (db->overlord_pid == MyProcPid)
	{
		db->overlord_pid = 0;
		db->overlord_latch = NULL;
		if (db->state == SI_DB_STARTING || db->state == SI_DB_ACTIVE)
		{
			int64		ms;

			if (TimestampDifferenceExceeds(my_start, now, LONG_LIFE_MS))
				db->failures = 0;
			ms = db->failures == 0 ? 0 : Min((int64) 1000 << Min(db->failures - 1, 10), MAX_BACKOFF_MS);
			db->failures++;
			db->state = SI_DB_BACKOFF;
			db->retry_at = TimestampTzPlusMilliseconds(now, ms);
		}
		if (si_shmem->launcher_latch)
			SetLatch(si_shmem->launcher_latch);
	}
	LWLockRelease(si_shmem->lock);
}

static void
attach_database(Datum arg)
{
	SiDatabaseSlot *db = &si_shmem->databases[SI_SLOT_ARG_INDEX(arg)];
	Oid			dboid = InvalidOid;

	si_session_signals();
	my_start = si_now();
	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	if (db->state == SI_DB_STARTING && db->overlord_pid == 0 &&
		(db->generation & UINT64CONST(0xFFFFFFFFFFFF)) == SI_SLOT_ARG_GENERATION(arg))
	{
		dboid = db->dboid;
		db->overlord_pid = MyProcPid;
	}
	LWLockRelease(si_shmem->lock);
	if (!OidIsValid(dboid))
		proc_exit(0);
	my_database = db;
	on_shmem_exit(leave_database, (Datum) 0);
	si_session_fix();
	SetConfigOption("lock_timeout", LOCK_WAIT, PGC_SUSET, PGC_S_OVERRIDE);
	BackgroundWorkerInitializeConnectionByOid(dboid, InvalidOid, 0);
}

/* Nothing to do in this database, until somebody asks to look again. */
static void
leave_absent(const char *message)
{
	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	if (my_database->state == SI_DB_STARTING)
	{
		my_database->state = my_database->probe_again ? SI_DB_PROBE : SI_DB_ABSENT;
		my_database->probe_again = false;
		my_database->failures = 0;
		strlcpy(my_database->message, message, sizeof(my_database->message));
	}
	LWLockRelease(si_shmem->lock);
	proc_exit(0);
}

static void
become_active(void)
{
	bool		ok = false;

	LWLockAcquire(si_shmem->lock, LW_EXCLUSIVE);
	if (my_database->state == SI_DB_STARTING)
	{
		my_database->state = SI_DB_ACTIVE;
		my_database->overlord_latch = MyLatch;
		my_database->probe_again = false;
		my_database->message[0] = '\0';
		ok = true;
	}
	LWLockRelease(si_shmem->lock);
	if (!ok)
		proc_exit(0);
}

/* Looks for the extension; returns when there is work in this database. */
static void
find_extension(void)
{
	char	   *version;

	si_catalog_begin(TopMemoryContext);
	version = si_catalog_extension_version();
	if (version)
		version = MemoryContextStrdup(TopMemoryContext, version);
	if (version && strcmp(version, SI_VERSION) == 0)
	{
		if (si_catalog_adopt_copy())
		{
			si_catalog_commit();
			ereport(LOG,
					(errmsg("database %u is a copy of another one: its stream_ingest supervisors are suspended and begin anew", MyDatabaseId),
					 errdetail("Chunks and offsets stayed with the other database."),
					 errhint("resume_supervisor() lets a supervisor read for this database, too.")));
			si_catalog_begin(TopMemoryContext);
		}
		si_catalog_read_install();
	}
	si_catalog_commit();
	if (version == NULL)
		leave_absent("");
	if (strcmp(version, SI_VERSION) != 0)
	{
		ereport(LOG,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension stream_ingest of database %u has version %s, but the loaded library has version %s",
						MyDatabaseId, version, SI_VERSION),
				 errhint(SI_VERSION_HINT)));
		leave_absent("the versions of library and extension differ: restart the server, or run ALTER EXTENSION stream_ingest UPDATE");
	}
	pfree(version);
}

/* --------------------------------------------------------------------- steps */

static void
check_files(void *arg)
{
	si_file_check_root();
	any_damaged = si_check_files(files_checked) > 0;
}

static void
sweep(void *arg)
{
	char	   *trouble = si_sweep_step();

	strlcpy(files_trouble, trouble ? trouble : "", sizeof(files_trouble));
}

static void
clean_dropped(void *arg)
{
	si_clean_dropped_data_sources();
}

static void
widen(void *arg)
{
	si_widen_tables();
}

/* What the tables of data sources need, once a second. */
static void
tables_step(void)
{
	static TimestampTz done_at = 0;
	TimestampTz now = si_now();

	if (!TimestampDifferenceExceeds(done_at, now, TICK_MS))
		return;
	done_at = now;
	(void) si_guard(clean_dropped, NULL, "cleaning up after dropped data sources", NULL, NULL, 0);
	(void) si_guard(widen, NULL, "widening of tables", NULL, NULL, 0);
}

/*
 * Before any task starts, and until it has worked: are all files there?  What
 * is damaged is looked at again: a file may be restored, or its rows be read
 * again.
 */
static void
files_step(void)
{
	char		message[sizeof(files_trouble)];
	static TimestampTz swept_at = 0;
	TimestampTz now = si_now();

	if (!TimestampDifferenceExceeds(swept_at, now, SWEEP_MS))
		return;
	swept_at = now;
	if (!files_checked || any_damaged)
	{
		if (si_guard(check_files, NULL, "check of chunk files", NULL, message, sizeof(message)))
			files_checked = true;
		else if (!files_checked)
			snprintf(files_trouble, sizeof(files_trouble), "nothing is read before all chunk files were looked at: %s", message);
	}
	if (files_checked && !si_guard(sweep, NULL, "sweep of chunk files", NULL, message, sizeof(message)))
		strlcpy(files_trouble, message, sizeof(files_trouble));
}

/* Every supervisor of the database says so, as long as it lasts. */
static void
note_files(void)
{
	static bool noted = false;
	ListCell   *lc;

	foreach(lc, supervisors)
	{
		SiSupervisor *s = lfirst(lc);

		if (files_trouble[0] != '\0')
			si_supervisor_note(s, "%s", files_trouble);
		else if (noted)
			s->dirty = true;	/* the note is made anew */
	}
	noted = files_trouble[0] != '\0';
}

static void
read_supervisors(void *arg)
{
	struct
	{
		SiSupervisorRow *rows;
		int			n;
	}		   *result = arg;

	si_catalog_begin(CurrentMemoryContext);
	result->n = si_catalog_supervisors(&result->rows);
	si_catalog_commit();
}

static SiSupervisor *
find_supervisor(const char *id)
{
	ListCell   *lc;

	foreach(lc, supervisors)
		if (strcmp(((SiSupervisor *) lfirst(lc))->row.id, id) == 0)
			return lfirst(lc);
	return NULL;
}

/* The list in memory follows the table. */
static void
sync_supervisors(void)
{
	struct
	{
		SiSupervisorRow *rows;
		int			n;
	}			found;
	ListCell   *lc;

	if (!si_guard(read_supervisors, &found, "reading of supervisors", NULL, NULL, 0))
		return;
	foreach(lc, supervisors)
	{
		SiSupervisor *s = lfirst(lc);
		SiSupervisorRow *row = NULL;

		for (int i = 0; i < found.n; i++)
			if (strcmp(found.rows[i].id, s->row.id) == 0 &&
				found.rows[i].data_source_id == s->row.data_source_id)
				row = &found.rows[i];
		/* one that was terminated does not come back: its successor is another */
		if (row == NULL)
			s->gone = true;
		else if (!s->gone && (row->spec_version != s->row.spec_version || row->suspended != s->row.suspended))
			si_supervisor_row_changed(s, row);
		else
			s->row.task_count = row->task_count;
		if (s->gone && si_supervisor_quiet(s) && s->standbys == NIL)
		{
			supervisors = foreach_delete_current(supervisors, lc);
			si_supervisor_destroy(s);
		}
	}
	for (int i = 0; i < found.n; i++)
		if (find_supervisor(found.rows[i].id) == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

			supervisors = lappend(supervisors, si_supervisor_create(&found.rows[i]));
			MemoryContextSwitchTo(old);
		}
}

static void
take_answers(void)
{
	SiTopicAnswer answer;

	while (si_kafka_monitor_next(&answer))
	{
		ListCell   *lc;

		foreach(lc, supervisors)
			if (si_supervisor_answer(lfirst(lc), &answer))
				break;
	}
}

static void
step_supervisors(void)
{
	ListCell   *lc;

	foreach(lc, supervisors)
	{
		CHECK_FOR_INTERRUPTS();
		si_supervisor_step(lfirst(lc));
	}
}

static void
adopt_one(void *arg, SiWorkerKind kind, int64 data_source_id, const char *supervisor_id,
		  int group_id, SiWorkerRef ref)
{
	SiSupervisor *s = find_supervisor(supervisor_id);

	if (kind == SI_WORKER_PUBLISHING)
		si_publishers_adopt(data_source_id, supervisor_id, ref);
	else if (s && kind == SI_WORKER_STANDBY)
		si_standbys_adopt(s, group_id, ref);
	else if (s)
		si_supervisor_adopt(s, group_id, ref);
	else
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		si_pool_stop(&ref);
		strays = lappend(strays, memcpy(palloc(sizeof(ref)), &ref, sizeof(ref)));
		MemoryContextSwitchTo(old);
	}
}

/* A slot is given back when its process has ended. */
static void
look_at_strays(void)
{
	ListCell   *lc;

	foreach(lc, strays)
	{
		SiWorkerRef *ref = lfirst(lc);
		SiWorkerReport report;

		if (si_pool_look(ref, &report) != SI_PROCESS_ENDED)
			continue;
		strays = foreach_delete_current(strays, lc);
		pfree(ref);
	}
}

/*
 * What is remembered here is full of times to wait for, and of times that
 * must be later than others.  After the clock was set back none of them means
 * anything: the next overlord begins without, and takes the tasks over.
 */
static void
check_clock(void)
{
	static TimestampTz last = 0;
	TimestampTz now = si_now();

	if (last - now > CLOCK_STEP_US && last != 0)
	{
		ereport(LOG,
				(errmsg("the clock was set back by " INT64_FORMAT " ms: the overlord begins anew", (last - now) / 1000)));
		proc_exit(1);
	}
	last = now;
}

static bool
anything_dirty(void)
{
	TimestampTz now = si_now();
	ListCell   *lc;

	foreach(lc, supervisors)
	{
		SiSupervisor *s = lfirst(lc);

		if (files_checked && s->dirty && s->spec != NULL && s->step_backoff.retry_at <= now &&
			(si_supervisor_quiet(s) || s->pending == NULL))
			return true;
	}
	return false;
}

static void
one_round(void)
{
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	check_clock();
	look_at_strays();
	files_step();
	si_apply_requests(supervisors);
	sync_supervisors();
	tables_step();
	take_answers();
	if (files_checked)
	{
		step_supervisors();
		si_publishers_step(supervisors);
	}
	note_files();
	si_queue_publish();
	si_publish_status(supervisors);
	pgstat_report_stat(false);
}

void
si_overlord_main(Datum arg)
{
	WaitEventSet *events;
	WaitEvent	event;
	int			answers;

	attach_database(arg);
	find_extension();
	become_active();
	loop_context = AllocSetContextCreate(TopMemoryContext, "stream_ingest overlord", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(loop_context);

	answers = si_kafka_monitor_init();
	if (answers < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create the pipe for answers of Kafka brokers: %m")));
	events = CreateWaitEventSet(SI_WAIT_SET_OF_PROCESS, 3);
	AddWaitEventToSet(events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(events, WL_SOCKET_READABLE, answers, NULL, NULL);

	sync_supervisors();
	si_pool_adopt(adopt_one, NULL);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(loop_context);
		MemoryContextReset(loop_context);
		one_round();
		(void) WaitEventSetWait(events, anything_dirty() ? 0 : TICK_MS, &event, 1, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
