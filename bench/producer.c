/*
 * producer.c
 *		A librdkafka producer for the benchmarks.
 */
#include "producer.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct Producer
{
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	int			partitions;
	int64_t		failed;
};

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "producer: %s: %s\n", what, why);
	exit(1);
}

static void
delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	Producer   *p = opaque;

	(void) rk;
	if (message->err && p->failed++ == 0)
		fprintf(stderr, "producer: delivery: %s\n", rd_kafka_err2str(message->err));
}

Producer *
producer_open(const char *brokers, const char *topic, double linger_ms)
{
	char		errstr[512];
	char		linger[32];
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t err;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	Producer   *p = calloc(1, sizeof(Producer));
	const char *settings[][2] = {
		{"bootstrap.servers", brokers},
		{"compression.codec", "lz4"},
		{"linger.ms", linger},
		{"queue.buffering.max.messages", "200000"},
		{"queue.buffering.max.kbytes", "262144"},
		{"batch.num.messages", "10000"},
	};

	snprintf(linger, sizeof(linger), "%g", linger_ms);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], errstr, sizeof(errstr)) != RD_KAFKA_CONF_OK)
			fail(settings[i][0], errstr);
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	rd_kafka_conf_set_opaque(conf, p);
	p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
	if (p->rk == NULL)
		fail("client", errstr);
	p->topic = rd_kafka_topic_new(p->rk, topic, NULL);
	err = rd_kafka_metadata(p->rk, 0, p->topic, &md, 10000);
	if (err)
		fail(brokers, rd_kafka_err2str(err));
	if (md->topic_cnt != 1 || md->topics[0].err || md->topics[0].partition_cnt == 0)
		fail(topic, "no such topic");
	p->partitions = md->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(md);
	return p;
}

int
producer_partitions(const Producer *p)
{
	return p->partitions;
}

void
producer_send(Producer *p, int partition, const char *value, size_t len)
{
	while (rd_kafka_produce(p->topic, partition, RD_KAFKA_MSG_F_COPY, (void *) value, len, NULL, 0, NULL) != 0)
	{
		if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
		rd_kafka_poll(p->rk, 10);
	}
	rd_kafka_poll(p->rk, 0);
}

void
producer_close(Producer *p)
{
	rd_kafka_resp_err_t err = rd_kafka_flush(p->rk, 60000);

	if (err)
		fail("flush", rd_kafka_err2str(err));
	if (p->failed)
		fail("delivery", "some messages were not delivered");
	rd_kafka_topic_destroy(p->topic);
	rd_kafka_destroy(p->rk);
	free(p);
}

static int64_t
clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
monotonic_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

int64_t
wallclock_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

void
sleep_until_us(int64_t until)
{
	struct timespec ts = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) != 0)
		;
}
