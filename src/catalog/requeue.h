/*
 * requeue.h
 *		Rejected messages that are to be parsed again.
 *
 * Each function runs in a transaction of its own, in a task; what was stored
 * leaves rejected_message in the commit that stores it (SiCommit.requeued).
 */
#ifndef SI_CATALOG_REQUEUE_H
#define SI_CATALOG_REQUEUE_H

#include "postgres.h"

typedef struct SiRequeued
{
	int64		rejected_id;
	char	   *topic;
	int32		number;			/* of the partition in its topic */
	int64		offset;
	char	   *payload;
	Size		len;
} SiRequeued;

/* The oldest request of a supervisor to parse messages again, up to a rejected_id. */
extern bool si_requeue_requested(const char *supervisor_id, int64 *request_id, int64 *to);

/*
 * The next unparseable messages, whole ones only, after one rejected_id and up
 * to another, by it.  Result in CurrentMemoryContext.
 */
extern int	si_requeue_next(const char *supervisor_id, int64 after, int64 to, int max, SiRequeued **messages);

/* Nothing is left to do: forgets the request. */
extern void si_requeue_done(int64 request_id);

#endif							/* SI_CATALOG_REQUEUE_H */
