/*
 * kafka_last.c
 *		The last message of a partition: see kafka_last.h.
 */
#include "common/port.h"

#include "source/kafka_last.h"

#define ANSWER_MS	1000

static uint64
hash_bytes_of(uint64 hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * UINT64CONST(1099511628211);
	return (hash ^ len) * UINT64CONST(1099511628211);
}

static uint64
hash_of(const rd_kafka_message_t *m)
{
	return hash_bytes_of(hash_bytes_of(UINT64CONST(14695981039346656037), m->key, m->key_len), m->payload, m->len);
}

void
si_kafka_last_set(SiKafkaLast *last, const rd_kafka_message_t *m)
{
	rd_kafka_timestamp_type_t type;

	last->offset = m->offset;
	last->timestamp = rd_kafka_message_timestamp(m, &type);
	last->hash = hash_of(m);
}

bool
si_kafka_last_is(const SiKafkaLast *last, const rd_kafka_message_t *m)
{
	rd_kafka_timestamp_type_t type;

	return m->offset == last->offset && rd_kafka_message_timestamp(m, &type) == last->timestamp &&
		hash_of(m) == last->hash;
}

int
si_kafka_ask_leaders(rd_kafka_t *rk)
{
	const struct rd_kafka_metadata *metadata;
	int			n;

	if (rd_kafka_metadata(rk, 0, NULL, &metadata, ANSWER_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	n = metadata->broker_cnt;
	rd_kafka_metadata_destroy(metadata);
	return n;
}
