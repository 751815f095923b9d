/*
 * stream.h
 *		The topics of a data source, and their partitions as one number.
 *
 * A data source numbers the topics it has ever been filled from (table
 * stream_ingest.stream).  Everywhere a partition is one int32: the number of
 * its topic above SI_STREAM_BITS, its number in the topic below.  The first
 * topic is number 0, so that its partitions are what Kafka calls them.
 */
#ifndef SI_COMMON_STREAM_H
#define SI_COMMON_STREAM_H

#include "common/types.h"

#define SI_STREAM_BITS			16
#define SI_MAX_PARTITIONS		(1 << SI_STREAM_BITS)	/* of one topic */
#define SI_MAX_STREAMS			(1 << (31 - SI_STREAM_BITS))

typedef struct SiStream
{
	int			id;
	const char *topic;
} SiStream;

static inline int32
si_partition(int stream, int32 number)
{
	return (int32) (stream << SI_STREAM_BITS | number);
}

static inline int
si_partition_stream(int32 partition)
{
	return partition >> SI_STREAM_BITS;
}

static inline int32
si_partition_number(int32 partition)
{
	return partition & (SI_MAX_PARTITIONS - 1);
}

/* The topic of a partition, or NULL. */
extern const char *si_stream_topic(const SiStream *streams, int nstreams, int32 partition);

/* "topic:3", or "3" when topic is NULL; palloc'ed. */
extern char *si_partition_print(const char *topic, int32 partition);

/*
 * What decides about the task group of a partition when there are several
 * topics, as in Druid: |31 * hash of the topic + partition| of Java's int.
 */
extern uint32 si_stream_hash(const char *topic, int32 number);

/*
 * A pattern of topics, in the syntax of Java.  Plain memory, no PostgreSQL
 * call: usable in the monitor's threads.  NULL with a reason when it is none.
 */
typedef struct SiTopicPattern SiTopicPattern;
extern SiTopicPattern *si_topic_pattern_create(const char *pattern, SiReason *why);
/* Whether the whole name matches. */
extern bool si_topic_pattern_matches(SiTopicPattern *p, const char *topic);
extern void si_topic_pattern_free(SiTopicPattern *p);

#endif							/* SI_COMMON_STREAM_H */
