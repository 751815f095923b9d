/*
 * worker_pool.h
 *		Task processes as the overlord sees them: start, look, stop.
 */
#ifndef SI_WORKER_WORKER_POOL_H
#define SI_WORKER_WORKER_POOL_H

#include "postmaster/bgworker.h"
#include "worker/shmem.h"

/* A process that the overlord started, or found running; none: index < 0. */
typedef struct SiWorkerRef
{
	int			index;
	uint64		generation;
	BackgroundWorkerHandle *handle; /* NULL: found running */
} SiWorkerRef;

#define SI_NO_WORKER ((SiWorkerRef) {-1, 0, NULL})

typedef enum SiWorkerState
{
	SI_PROCESS_NONE = 0,		/* there is none */
	SI_PROCESS_STARTING,
	SI_PROCESS_RUNNING,
	SI_PROCESS_ENDED			/* just now; the reference is empty after that */
} SiWorkerState;

/* A copy of what the process says about itself. */
typedef struct SiWorkerReport
{
	SiWorkerExit exit;
	int64		spec_version;
	TimestampTz started;
	TimestampTz last_commit;
	bool		reading;
	bool		stream_failing;
	char		message[256];
} SiWorkerReport;

/* Waiting times after failures: the first restart is at once, then 1 s doubling to 60 s. */
typedef struct SiBackoff
{
	int			failures;
	TimestampTz retry_at;
} SiBackoff;

extern void si_backoff_failed(SiBackoff *b, TimestampTz now);
extern void si_backoff_clear(SiBackoff *b);

/*
 * Starts a task process; requeue: one that parses rejected messages again
 * instead of reading.  False, with the reason in why, when the server has
 * no slot or no background worker left; that is logged once until it works.
 */
extern bool si_pool_start(SiWorkerKind kind, int64 data_source_id, const char *supervisor_id,
						  int group_id, int64 spec_version, bool requeue, SiWorkerRef *ref, char *why, Size why_size);
extern SiWorkerState si_pool_look(SiWorkerRef *ref, SiWorkerReport *report);
/*
 * Makes a standby the reader of its group, for a version of the spec.  False
 * when it is not running any more.
 */
extern bool si_pool_promote(const SiWorkerRef *ref, int64 spec_version);
/* Asks the process to commit what it has and to exit. */
extern void si_pool_stop(const SiWorkerRef *ref);
/* Lets a reading task wait (or go on). */
extern void si_pool_hold(const SiWorkerRef *ref, bool hold);

typedef void (*SiPoolFound) (void *arg, SiWorkerKind kind, int64 data_source_id,
							 const char *supervisor_id, int group_id, SiWorkerRef ref);
/*
 * At the overlord's start: reports the processes that outlived a former
 * overlord, and gives back the slots of those that did not.
 */
extern void si_pool_adopt(SiPoolFound found, void *arg);

#endif							/* SI_WORKER_WORKER_POOL_H */
