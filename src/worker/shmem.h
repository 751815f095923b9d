/*
 * shmem.h
 *		Shared memory of the workers: one slot per database with its overlord,
 *		one slot per task process.
 *
 * Nothing here is the truth about data: all of it may vanish with the server,
 * and the catalog says how to go on.  A slot is named by index and
 * generation, never by pid; who waits compares the generation after each
 * wait.
 *
 * Locks: SiShmem->lock (an LWLock) guards allocation and every field that is
 * not atomic.  A task writes its own slot's fields marked "task" under the
 * slot's spinlock; readers copy them out under it.
 */
#ifndef SI_WORKER_SHMEM_H
#define SI_WORKER_SHMEM_H

#include "postgres.h"

#include "catalog/counters.h"
#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

#define SI_MAX_DATABASES	128
#define SI_ID_LEN			64	/* a supervisor id: at most 63 bytes */

typedef enum SiDatabaseState
{
	SI_DB_FREE = 0,				/* slot unused */
	SI_DB_PROBE,				/* the launcher is to start an overlord to see */
	SI_DB_STARTING,
	SI_DB_ACTIVE,				/* its overlord runs */
	SI_DB_ABSENT,				/* the extension is not installed there */
	SI_DB_PAUSED,				/* a utility command wants the database for itself */
	SI_DB_BACKOFF				/* overlord died; started again at retry_at */
} SiDatabaseState;

typedef struct SiDatabaseSlot
{
	Oid			dboid;
	SiDatabaseState state;
	uint64		generation;
	pid_t		overlord_pid;
	Latch	   *overlord_latch; /* NULL unless ACTIVE */
	pid_t		paused_by;		/* backend that paused it */
	TimestampTz retry_at;
	int			failures;
	bool		probe_again;	/* somebody asked while it was being looked at or paused */
	bool		was_absent;		/* before it was paused */
	char		message[256];	/* why the overlord is not running, for status */
} SiDatabaseSlot;

typedef enum SiWorkerKind
{
	SI_WORKER_READING = 1,
	SI_WORKER_PUBLISHING,
	SI_WORKER_STANDBY			/* waits to be READING */
} SiWorkerKind;

/* Why a task process ended, written by itself before it exits. */
typedef enum SiWorkerExit
{
	SI_EXIT_NONE = 0,			/* still running, or died without a word */
	SI_EXIT_STOPPED,			/* as asked, everything read is committed */
	SI_EXIT_IDLE,				/* publishing: no more work */
	SI_EXIT_LOST_RACE,			/* somebody else moved the offsets: rows dropped */
	SI_EXIT_HALTED,				/* maxParseExceptions exceeded; task_group.halted says so */
	SI_EXIT_ERROR				/* message has the ERROR */
} SiWorkerExit;

/* Exponentially weighted rates per second, updated every 5 s by the task. */
typedef struct SiMeter
{
	double		m1,
				m5,
				m15;
} SiMeter;

typedef struct SiWorkerSlot
{
	/* under SiShmem->lock */
	bool		in_use;
	uint64		generation;
	SiWorkerKind kind;			/* changes from STANDBY to READING, by the overlord */
	Oid			dboid;
	int64		data_source_id;
	int			group_id;		/* reading */
	int64		spec_version;	/* reading: of the spec it was started for */
	bool		requeue;		/* reading: started to parse rejected messages again */
	char		supervisor_id[SI_ID_LEN];
	pid_t		pid;			/* 0 until it runs */
	Latch	   *latch;			/* task: its MyLatch while it runs */

	/* overlord to task */
	pg_atomic_uint32 stop;		/* 1: commit what there is and exit */
	pg_atomic_uint32 hold;		/* 1: read no more until merges catch up */

	/* task to everyone, under mutex */
	slock_t		mutex;
	int64		run_id;			/* 0 until it has one */
	SiWorkerExit exit;
	TimestampTz started;
	TimestampTz last_commit;
	bool		reading;		/* has a consumer that delivers or is at the end */
	bool		at_end;			/* has seen the end of all its partitions */
	bool		stream_failing; /* the last word of the stream was an error */
	TimestampTz stream_failing_since;
	char		message[256];	/* stream error or exit reason */
	int64		rows_in_memory;
	int64		bytes_in_memory;
	SiMeter		meters[SI_NUM_COUNTERS];
} SiWorkerSlot;

typedef struct SiShmem
{
	LWLock	   *lock;
	pid_t		launcher_pid;
	Latch	   *launcher_latch;
	TimestampTz started;		/* of this shared memory */
	pg_atomic_uint64 last_commit_us;	/* for max_commits_per_second */
	pg_atomic_uint64 fence_until_us;	/* until then somebody waits to hear of the ends of a stream, even if they stay */
	SiDatabaseSlot databases[SI_MAX_DATABASES];
	int			nworkers;		/* length of workers[], = stream_ingest.max_tasks */
	SiWorkerSlot workers[FLEXIBLE_ARRAY_MEMBER];
} SiShmem;

extern SiShmem *si_shmem;
/* The slot of this process, when it is a task. */
extern SiWorkerSlot *si_my_slot;

/* From _PG_init: hooks that reserve and set up the shared memory. */
extern void si_shmem_install_hooks(void);

/* Wakes the overlord of the current database, if it runs.  Safe at any time. */
extern void si_wake_overlord(void);
/*
 * Wakes it when the current transaction commits (forgotten on rollback, also
 * to a savepoint).  Used by verbs.
 */
extern void si_wake_overlord_at_commit(void);
/* At commit: the launcher looks at the current database (CREATE EXTENSION). */
extern void si_probe_database_at_commit(void);
/* At commit: the files of an install of the current database are removed. */
extern void si_drop_install_at_commit(const uint8 *install);

/*
 * A task process: attaches to the slot given by bgw_main_arg (index and
 * generation), fixes the session (design: read committed, read_only off, no
 * timeouts, search_path pg_catalog, UTC), connects to the database, and
 * registers the clean-up of the slot at exit.  Exits when the slot is stale.
 */
extern void si_worker_attach(Datum arg, const char *what);
/* The kind of this process as of now. */
extern SiWorkerKind si_worker_kind(void);
/* Writes exit reason and message for the overlord to read. */
extern void si_worker_report_exit(SiWorkerExit why, const char *message);

/* Background worker entry points. */
extern PGDLLEXPORT void si_launcher_main(Datum arg);
extern PGDLLEXPORT void si_overlord_main(Datum arg);
extern PGDLLEXPORT void si_reading_task_main(Datum arg);
extern PGDLLEXPORT void si_publishing_task_main(Datum arg);

#endif							/* SI_WORKER_SHMEM_H */
