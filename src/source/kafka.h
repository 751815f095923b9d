/*
 * kafka.h
 *		A task's Kafka consumer: partitions assigned by hand, offsets from the
 *		catalog, no consumer group.
 *
 * All functions are called on the process's main thread.  Callbacks of
 * librdkafka run inside them and only set fields; nothing is thrown from one.
 */
#ifndef SI_SOURCE_KAFKA_H
#define SI_SOURCE_KAFKA_H

#include "common/stream.h"
#include "source/source.h"
#include "spec/spec.h"

typedef struct SiKafkaReader SiKafkaReader;

/*
 * Creates a consumer and assigns partitions[i] (of the topics in streams) at
 * offsets[i] (the next offset to read).  queue_bytes bounds librdkafka's prefetch of the whole client.
 * ERROR for properties that librdkafka refuses.  Registers its own clean-up
 * at process exit and on reset of CurrentMemoryContext.
 */
extern SiKafkaReader *si_kafka_reader_create(const SiSpec *spec, int nstreams, const SiStream *streams,
											 int npartitions, const int32 *partitions,
											 const int64 *offsets, int64 queue_bytes);

/*
 * A file descriptor that becomes readable when something (a message, an end,
 * an error) arrives in an empty queue.  The order that misses nothing: wait,
 * clear_fd, poll until it returns 0, wait again.
 */
extern int	si_kafka_reader_fd(SiKafkaReader *r);
extern void si_kafka_reader_clear_fd(SiKafkaReader *r);

/*
 * Takes up to max messages that are there now; never blocks longer than a
 * few milliseconds.  Returns their number; 0 means the queue is drained.
 * Within a partition, offsets always rise.  Must be called now and then even when nothing is wanted, as
 * errors and log lines come with it.
 */
extern int	si_kafka_reader_poll(SiKafkaReader *r, SiMessage *msgs, int max);
/* Gives back the messages of the last poll; needed before the next one. */
extern void si_kafka_reader_release(SiKafkaReader *r);
/*
 * True when all assigned partitions were read to the end (those whose next
 * offset is out of range do not count), as far as known after the last poll; false while the stream fails.  With this, or a message
 * from a poll, whatever SI_STREAM_TRANSIENT said before is over.
 */
extern bool si_kafka_reader_at_end(SiKafkaReader *r);

/*
 * The consumer's position of a partition, or -1: the next offset to deliver
 * after the messages of the last poll.  At the end of a partition it has
 * passed transaction markers and compacted offsets too.
 */
extern int64 si_kafka_reader_position(SiKafkaReader *r, int32 partition);
/*
 * Watermarks as of the last fetch, without asking the broker; false when not
 * known yet.  low is -1 with libraries that do not keep it (2.0).
 */
extern bool si_kafka_reader_watermarks(SiKafkaReader *r, int32 partition, int64 *low, int64 *high);

/*
 * The worst, then the last, error since the previous call, if any (class
 * SI_STREAM_OK: none).  After SI_STREAM_OFFSET_OUT_OF_RANGE some partitions,
 * after SI_STREAM_FATAL the whole reader, deliver nothing more: make a new one.
 */
extern void si_kafka_reader_error(SiKafkaReader *r, SiStreamError *err);
/* The next partition whose offset was out of range, each once; false when there is no other. */
extern bool si_kafka_reader_gone(SiKafkaReader *r, int32 *partition);

/* Ends it now (within a second); its handle stays palloc'ed until its context is reset. */
extern void si_kafka_reader_destroy(SiKafkaReader *r);

/* The release of librdkafka that is running, for status. */
extern const char *si_kafka_version(void);

/* ERROR when librdkafka refuses the spec's consumerProperties.  Connects to nothing. */
extern void si_kafka_check_properties(const SiSpec *spec);

/*
 * Builds an rd_kafka_conf_t from consumerProperties with our forced settings.
 * Returns NULL with a reason for a property librdkafka refuses.  No
 * PostgreSQL call inside: usable from the monitor's thread.
 */
struct rd_kafka_conf_s;
extern struct rd_kafka_conf_s *si_kafka_conf(int nproperties, const SiKeyValue *properties, SiReason *why);

#endif							/* SI_SOURCE_KAFKA_H */
