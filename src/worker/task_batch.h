/*
 * task_batch.h
 *		What a reading task has read and not committed yet: rows, offsets,
 *		counters, rejected messages; and the commit that makes them durable.
 */
#ifndef SI_WORKER_TASK_BATCH_H
#define SI_WORKER_TASK_BATCH_H

#include "postgres.h"

#include "catalog/counters.h"
#include "datatype/timestamp.h"
#include "source/kafka.h"

typedef struct SiBatch SiBatch;

typedef enum SiBatchResult
{
	SI_BATCH_COMMITTED,
	SI_BATCH_LOST_RACE,			/* rows dropped, nothing changed */
	SI_BATCH_HALTED				/* committed up to the message that exceeds maxParseExceptions */
} SiBatchResult;

/*
 * Loads spec and task group and opens the stream (unless reader is NULL) where the group's offsets
 * say.  NULL when the group is gone, halted, or of
 * another topic than the spec in force.  Lives in CurrentMemoryContext.
 */
extern SiBatch *si_batch_create(const char *supervisor_id, int group_id, SiKafkaReader **reader);

/*
 * Adds messages; commits on its own when memory is full in between.  After a
 * halt or a lost race the rest is ignored: the next si_batch_commit() says so.
 */
extern void si_batch_add(SiBatch *b, const SiMessage *messages, int n);

/* Whether a bounded group has nothing more to read. */
extern bool si_batch_complete(const SiBatch *b);

/*
 * Parses the rejected messages of the supervisor again, up to a rejected_id,
 * and commits those that are stored now; the others stay.  Bounds of message
 * times are not applied.  Stops between two messages when the process is asked
 * to, and commits what is stored by then.
 */
typedef enum SiRequeueEnd
{
	SI_REQUEUE_DONE,
	SI_REQUEUE_STOPPED,			/* some may be left */
	SI_REQUEUE_LOST_RACE		/* somebody else has moved the group */
} SiRequeueEnd;

extern SiRequeueEnd si_batch_requeue(SiBatch *b, int64 to);

/* Moves the offsets over what the stream has but never delivers (markers). */
extern void si_batch_take_positions(SiBatch *b, SiKafkaReader *reader);

/*
 * Makes durable that the broker does not have the next offset of a partition:
 * it is halted.  After a commit, with nothing pending.
 */
extern void si_batch_report_gap(SiBatch *b, int32 partition);

extern bool si_batch_full(const SiBatch *b);
/* When the oldest uncommitted message was added; 0: there is nothing. */
extern TimestampTz si_batch_first_pending(const SiBatch *b);
extern SiBatchResult si_batch_commit(SiBatch *b);
extern const char *si_batch_halt_reason(const SiBatch *b);

/* Reads the message time bounds of the running task again. */
extern void si_batch_refresh_bounds(SiBatch *b);

extern const SiCounters *si_batch_counters(const SiBatch *b);
extern int64 si_batch_rows(const SiBatch *b);
extern int64 si_batch_bytes(const SiBatch *b);

#endif							/* SI_WORKER_TASK_BATCH_H */
