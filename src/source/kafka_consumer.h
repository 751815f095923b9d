/*
 * kafka_consumer.h
 *		The consumer below kafka.h, without PostgreSQL: what the reader, the
 *		unit tests and the benchmarks' bare loop share.
 *
 * Plain C and malloc.  One thread owns a consumer and makes all calls; the
 * library's callbacks run inside them.  Functions fail with a reason, never
 * by throwing.
 */
#ifndef SI_SOURCE_KAFKA_CONSUMER_H
#define SI_SOURCE_KAFKA_CONSUMER_H

#include "common/stream.h"
#include "source/source.h"
#include "spec/spec.h"

typedef struct SiKafkaConsumer SiKafkaConsumer;

/* A line of the library's log; level as syslog's. */
typedef struct SiKafkaLogLine
{
	int			level;
	char		text[240];
} SiKafkaLogLine;

/*
 * See si_kafka_reader_create(): topics, properties as in the spec, what to
 * read from where.  NULL with a reason.
 */
extern SiKafkaConsumer *si_kafka_consumer_create(int nstreams, const SiStream *streams,
												 int nproperties, const SiKeyValue *properties,
												 int npartitions, const int32 *partitions, const int64 *offsets,
												 int64 queue_bytes, SiReason *why);

/* These are documented in kafka.h under the reader's names. */
extern int	si_kafka_consumer_fd(const SiKafkaConsumer *c);
extern void si_kafka_consumer_clear_fd(SiKafkaConsumer *c);
extern int	si_kafka_consumer_poll(SiKafkaConsumer *c, SiMessage *msgs, int max);
extern void si_kafka_consumer_release(SiKafkaConsumer *c);
extern bool si_kafka_consumer_at_end(const SiKafkaConsumer *c);
extern int64 si_kafka_consumer_position(const SiKafkaConsumer *c, int32 partition);
extern bool si_kafka_consumer_watermarks(SiKafkaConsumer *c, int32 partition, int64 *low, int64 *high);
extern void si_kafka_consumer_error(SiKafkaConsumer *c, SiStreamError *err);
extern bool si_kafka_consumer_gone(SiKafkaConsumer *c, int32 *partition);

/* Takes the oldest log line; false when there is none. */
extern bool si_kafka_consumer_log(SiKafkaConsumer *c, SiKafkaLogLine *line);

/*
 * Ends the client, within a second or so: what still hangs then (in the
 * resolver, for instance) is left to end by itself.
 */
extern void si_kafka_consumer_destroy(SiKafkaConsumer *c);

/*
 * Destroys any client of librdkafka in a thread of its own and waits for at
 * most timeout_ms; false when it had not ended by then.
 */
struct rd_kafka_s;
extern bool si_kafka_client_destroy(struct rd_kafka_s *rk, int timeout_ms);

#endif							/* SI_SOURCE_KAFKA_CONSUMER_H */
