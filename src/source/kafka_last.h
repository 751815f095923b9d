/*
 * kafka_last.h
 *		The last message that was read of a partition, and whether a log still
 *		has it: how a consumer tells the log that it has read from another one.
 *
 * Plain C, no locks.
 */
#ifndef SI_SOURCE_KAFKA_LAST_H
#define SI_SOURCE_KAFKA_LAST_H

#include "common/port.h"

#include <librdkafka/rdkafka.h>

typedef struct SiKafkaLast
{
	int64		offset;			/* -1: none was read */
	int64		timestamp;
	uint64		hash;			/* of key and payload */
} SiKafkaLast;

extern void si_kafka_last_set(SiKafkaLast *last, const rd_kafka_message_t *m);
/* Whether this is the message. */
extern bool si_kafka_last_is(const SiKafkaLast *last, const rd_kafka_message_t *m);

/*
 * Asks for the leaders of the partitions that are read, which the library
 * believes from then on; returns how many brokers the cluster has, 0 when
 * nobody answers within a second, for which it waits.
 */
extern int	si_kafka_ask_leaders(rd_kafka_t *rk);

#endif							/* SI_SOURCE_KAFKA_LAST_H */
