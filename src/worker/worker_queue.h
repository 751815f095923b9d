/*
 * worker_queue.h
 *		Reading tasks that find no process slot, in the order in which they
 *		came.
 */
#ifndef SI_WORKER_WORKER_QUEUE_H
#define SI_WORKER_WORKER_QUEUE_H

#include "datatype/timestamp.h"

/*
 * Whether a task may try to start: nobody waits before it.  Otherwise, and
 * after si_queue_wait(), its place in the queue, from 1, is in *position.
 */
extern bool si_queue_may_start(const char *supervisor_id, int group_id, TimestampTz now, int *position);
/* It found no slot: it waits, or goes on waiting. */
extern void si_queue_wait(const char *supervisor_id, int group_id, TimestampTz now, int *position);
/* It has started. */
extern void si_queue_leave(const char *supervisor_id, int group_id);
/* Whether any task of the database waits. */
extern bool si_queue_waits(void);
/* Writes the queue into its table when it has changed; one transaction. */
extern void si_queue_publish(void);

#endif							/* SI_WORKER_WORKER_QUEUE_H */
