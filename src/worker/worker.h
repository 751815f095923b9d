/*
 * worker.h
 *		What the files of this directory share with each other: database
 *		slots, task slots, the pausing of databases.
 *
 * Other modules use shmem.h.
 */
#ifndef SI_WORKER_WORKER_H
#define SI_WORKER_WORKER_H

#include "worker/shmem.h"

/* A slot as it is handed to a new process: index and generation in one word. */
#define SI_SLOT_ARG(index, generation) \
	Int64GetDatum((int64) (((uint64) (generation) << 16) | (uint64) (index)))
#define SI_SLOT_ARG_INDEX(arg)		((int) ((uint64) DatumGetInt64(arg) & 0xFFFF))
#define SI_SLOT_ARG_GENERATION(arg) ((uint64) DatumGetInt64(arg) >> 16)

/* ---------------------------------------------------------------- session.c */

/*
 * Fixes the settings of a worker's session, whatever the database, the role
 * or postgresql.conf say.  Called before it connects.
 */
extern void si_session_fix(void);
/* Signal handlers of all our processes; unblocks signals. */
extern void si_session_signals(void);
/* Registers the transaction callbacks behind the *_at_commit() functions. */
extern void si_session_install_hooks(void);
/*
 * The database stays paused by this backend until its transaction ends; then
 * the launcher looks at it again (or forgets it, when it was dropped).
 */
extern void si_resume_database_at_end(Oid dboid, bool dropped);
/* At commit: the launcher looks at a database that was just created. */
extern void si_probe_other_database_at_commit(Oid dboid);

/* ------------------------------------------------------------------ shmem.c */

/* The slot of a database, or NULL.  Caller holds the lock. */
extern SiDatabaseSlot *si_database_slot(Oid dboid);
/* The same; takes a free one when there is none.  NULL when all are taken. */
extern SiDatabaseSlot *si_database_slot_make(Oid dboid);
/* Asks the launcher to look at a database; false when all slots are taken.  Never throws. */
extern bool si_database_probe(Oid dboid);
extern void si_wake_launcher(void);

/*
 * Ends the overlord and all tasks of a database and waits until they are
 * gone; none starts until si_databases_resume().  ERROR when another backend
 * has paused it.  The caller registers what lifts the mark first
 * (si_resume_database_at_end).
 */
extern void si_database_pause(Oid dboid);
/*
 * Lifts the marks of this backend on all databases it has paused; the one
 * that it has dropped, if any, is forgotten.  Never throws.
 */
extern void si_databases_resume(Oid dropped);

/*
 * A free task slot, filled in; NULL when stream_ingest.max_tasks are in use.
 * The caller starts the process with SI_SLOT_ARG(*index, *generation).
 */
extern SiWorkerSlot *si_worker_slot_take(SiWorkerKind kind, Oid dboid, int64 data_source_id,
										 const char *supervisor_id, int group_id,
										 int *index, uint64 *generation);
/* Gives a slot back whose process is gone or never started. */
extern void si_worker_slot_free(int index, uint64 generation);

/* ----------------------------------------------------------------- launcher.c */

extern void si_launcher_register(void);

/* ------------------------------------------------------------------ utility.c */

extern void si_utility_install_hooks(void);

#endif							/* SI_WORKER_WORKER_H */
