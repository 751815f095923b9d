/*
 * kafka_monitor.h
 *		Asks brokers for partitions and watermarks outside of the overlord's
 *		main loop: one thread and one client per broker list.
 *
 * The threads call librdkafka and libc only, with all signals blocked;
 * answers are collected on the main thread after the pipe became readable.
 */
#ifndef SI_SOURCE_KAFKA_MONITOR_H
#define SI_SOURCE_KAFKA_MONITOR_H

#include "source/source.h"
#include "spec/spec.h"

typedef struct SiTopicSize
{
	char	   *topic;
	int			npartitions;
} SiTopicSize;

typedef struct SiTopicAnswer
{
	uint64		ticket;			/* what si_kafka_monitor_ask() returned */
	SiStreamErrorClass error;	/* SI_STREAM_OK: the arrays are valid; else TRANSIENT, or FATAL for properties that
								 * the library refuses */
	char		text[256];
	int			ntopics;		/* one, or those that match topicPattern, by name */
	SiTopicSize *topics;
	int			npartitions;	/* of all topics together: partitions 0, 1, ... of the first, then of the next */
	int64	   *low;			/* -1 where a partition did not answer */
	int64	   *high;
	int64	   *times;			/* NULL unless asked: first offset at that time; -1 not answered, -2 there is none */
} SiTopicAnswer;

/*
 * Creates the monitor of this process, to end at its exit; returns the read
 * end of its pipe, or -1 with errno.
 */
extern int	si_kafka_monitor_init(void);
/*
 * Queues a question (copied).  Never blocks.  While the same question of the
 * same supervisor is open, its ticket is returned again and answered once.
 */
extern uint64 si_kafka_monitor_ask(const SiSpec *spec);
/* Asks also for the first offset that is not older than a time; -1: none. */
extern uint64 si_kafka_monitor_ask_at(const SiSpec *spec, int64 time_ms);
/* Next answer, or false: call it until then.  What it points to is palloc'ed in CurrentMemoryContext. */
extern bool si_kafka_monitor_next(SiTopicAnswer *answer);
/* Ends all threads; those that wait for a hanging broker are not waited for. */
extern void si_kafka_monitor_shutdown(void);

#endif							/* SI_SOURCE_KAFKA_MONITOR_H */
