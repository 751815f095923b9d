/*
 * test_kafka_consumer.c
 *		The consumer and the monitor against librdkafka's mock cluster, which
 *		speaks the protocol over TCP and breaks on request.
 */
#include "harness.h"

#include "source/kafka_consumer.h"
#include "source/kafka_monitor.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <time.h>

#define QUEUE_BYTES		(4 * 1024 * 1024)
#define MAX_BATCH		64

static rd_kafka_t *producer;	/* owns the cluster */
static rd_kafka_mock_cluster_t *cluster;
static SiKeyValue properties[1];

static int64
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64CONST(1000) + ts.tv_nsec / 1000000;
}

static void
start_cluster(int brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char		errstr[256];
	char		n[16];

	snprintf(n, sizeof(n), "%d", brokers);
	rd_kafka_conf_set(conf, "test.mock.num.brokers", n, errstr, sizeof(errstr));
	rd_kafka_conf_set(conf, "log_level", "0", errstr, sizeof(errstr));
	producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
	cluster = rd_kafka_handle_mock_cluster(producer);
	properties[0].key = "bootstrap.servers";
	properties[0].value = strdup(rd_kafka_mock_cluster_bootstraps(cluster));
}

static void
stop_cluster(void)
{
	rd_kafka_destroy(producer);
	free(properties[0].value);
}

/* Produces count messages "first", "first + 1", ... */
static void
produce(const char *topic, int partition, int first, int count)
{
	for (int i = 0; i < count; i++)
	{
		char		text[32];

		snprintf(text, sizeof(text), "%d", first + i);
		rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
						  RD_KAFKA_V_VALUE(text, strlen(text)), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
	}
	CHECK_INT(rd_kafka_flush(producer, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static SiKafkaConsumer *
consume(const char *topic, int n, const int64 *offsets)
{
	static const int32 ids[] = {0, 1, 2, 3};
	SiReason	why;
	SiStream	stream = {0, topic};
	SiKafkaConsumer *c = si_kafka_consumer_create(1, &stream, 1, properties, n, ids, offsets, QUEUE_BYTES, &why);

	if (c == NULL)
		printf("%s\n", why.text);
	return c;
}

/* What a run of polls saw. */
typedef struct Seen
{
	int			messages;
	int			out_of_order;
	int64		next[4];
	SiStreamError error;		/* the last that was not OK */
} Seen;

/* Polls, as a task does, until messages were seen and the end (if wanted) or an error (if wanted), or for ten seconds. */
static bool
run(SiKafkaConsumer *c, Seen *seen, int messages, bool want_end, SiStreamErrorClass want_error)
{
	int64		until = now_ms() + 10000;
	SiMessage	msgs[MAX_BATCH];

	seen->messages = 0;
	seen->error.class = SI_STREAM_OK;
	while (now_ms() < until)
	{
		struct pollfd p = {si_kafka_consumer_fd(c), POLLIN, 0};
		SiStreamError e;
		int			n = si_kafka_consumer_poll(c, msgs, MAX_BATCH);

		for (int i = 0; i < n; i++)
		{
			char		text[32];

			if (msgs[i].offset < seen->next[msgs[i].partition])
				seen->out_of_order++;
			seen->next[msgs[i].partition] = msgs[i].offset + 1;
			snprintf(text, sizeof(text), INT64_FORMAT, msgs[i].offset);
			if (msgs[i].len != strlen(text) || memcmp(msgs[i].payload, text, msgs[i].len) != 0)
				seen->out_of_order++;
		}
		seen->messages += n;
		si_kafka_consumer_release(c);
		si_kafka_consumer_error(c, &e);
		if (e.class != SI_STREAM_OK)
			seen->error = e;
		if (seen->messages >= messages && (!want_end || si_kafka_consumer_at_end(c)) &&
			(want_error == SI_STREAM_OK || seen->error.class == want_error))
			return true;
		if (n == 0)
		{
			poll(&p, 1, 1000);
			si_kafka_consumer_clear_fd(c);
		}
	}
	printf("after 10 s: %d messages, at end %d, error %d %s\n", seen->messages, si_kafka_consumer_at_end(c),
		   seen->error.class, seen->error.text);
	return false;
}

static void
test_reading(void)
{
	const int64 offsets[] = {0, 10, 1000};
	Seen		seen = {0};
	SiKafkaConsumer *c;
	int64		low,
				high;
	int64		t;

	rd_kafka_mock_topic_create(cluster, "read", 3, 1);
	produce("read", 0, 0, 100);
	produce("read", 1, 0, 50);
	produce("read", 2, 0, 1000);
	c = consume("read", 3, offsets);
	CHECK(run(c, &seen, 140, true, SI_STREAM_OK), "the topic is read to its end");
	CHECK_INT(seen.messages, 140);
	CHECK_INT(seen.out_of_order, 0);
	CHECK_INT(seen.error.class, SI_STREAM_OK);
	CHECK_INT(si_kafka_consumer_position(c, 0), 100);
	CHECK_INT(si_kafka_consumer_position(c, 1), 50);
	CHECK_INT(si_kafka_consumer_position(c, 2), 1000);
	CHECK_INT(si_kafka_consumer_position(c, 3), -1);
	CHECK(si_kafka_consumer_watermarks(c, 1, &low, &high), "watermarks are known");
	CHECK_INT(high, 50);

	/* one more message arrives at once and ends the end */
	produce("read", 1, 50, 1);
	t = now_ms();
	CHECK(run(c, &seen, 1, false, SI_STREAM_OK), "a single message is delivered");
	CHECK(now_ms() - t < 1000, "it took " INT64_FORMAT " ms", now_ms() - t);
	CHECK(run(c, &seen, 0, true, SI_STREAM_OK), "and the end is seen again");
	si_kafka_consumer_destroy(c);
}

static void
test_out_of_range(void)
{
	const int64 offsets[] = {0, 500};
	Seen		seen = {0};
	SiKafkaConsumer *c;

	rd_kafka_mock_topic_create(cluster, "range", 2, 1);
	produce("range", 0, 0, 10);
	c = consume("range", 2, offsets);
	CHECK(run(c, &seen, 0, false, SI_STREAM_OFFSET_OUT_OF_RANGE), "an offset beyond the log is reported");
	CHECK_INT(seen.error.partition, 1);
	CHECK_INT(si_kafka_consumer_position(c, 1), 500);
	si_kafka_consumer_destroy(c);
}

/* What one of several brokers does not have another one may: the log is known by the message before. */
static void
test_doubted(void)
{
	const int64 offsets[] = {0};
	Seen		seen = {0};
	SiKafkaConsumer *c;
	int32		partition;

	rd_kafka_mock_topic_create(cluster, "doubted", 1, 1);
	produce("doubted", 0, 0, 10);
	c = consume("doubted", 1, offsets);
	CHECK(run(c, &seen, 10, true, SI_STREAM_OK), "read before the refusal");
	rd_kafka_mock_push_request_errors(cluster, 1 /* Fetch */ , 2, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,
									  RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
	CHECK(run(c, &seen, 0, false, SI_STREAM_TRANSIENT), "the refusal is trouble that may pass");
	CHECK(!si_kafka_consumer_gone(c, &partition), "and not believed yet");
	produce("doubted", 0, 10, 10);
	seen.messages = 0;
	CHECK(run(c, &seen, 10, true, SI_STREAM_OK), "reading goes on when the message before the offset is there");
	CHECK_INT(seen.out_of_order, 0);
	CHECK_INT(si_kafka_consumer_position(c, 0), 20);
	si_kafka_consumer_destroy(c);
}

static void
test_broker_down(void)
{
	const int64 offsets[] = {0};
	Seen		seen = {0};
	SiKafkaConsumer *c;

	rd_kafka_mock_topic_create(cluster, "down", 1, 1);
	produce("down", 0, 0, 10);
	c = consume("down", 1, offsets);
	CHECK(run(c, &seen, 10, true, SI_STREAM_OK), "read before the trouble");
	for (int b = 1; b <= 2; b++)
		rd_kafka_mock_broker_set_down(cluster, b);
	CHECK(run(c, &seen, 0, false, SI_STREAM_TRANSIENT), "the trouble is reported");
	CHECK(!si_kafka_consumer_at_end(c), "a stream that fails is not at its end");
	for (int b = 1; b <= 2; b++)
		rd_kafka_mock_broker_set_up(cluster, b);
	CHECK(run(c, &seen, 0, true, SI_STREAM_OK), "an idle topic's end is seen again after it");
	produce("down", 0, 10, 10);
	CHECK(run(c, &seen, 10, true, SI_STREAM_OK), "and reading goes on");
	CHECK_INT(seen.messages, 10);
	CHECK_INT(seen.out_of_order, 0);
	si_kafka_consumer_destroy(c);
}

static void
test_fetch_errors(void)
{
	const int64 offsets[] = {0};
	Seen		seen = {0};
	SiKafkaConsumer *c;

	rd_kafka_mock_topic_create(cluster, "errors", 1, 1);
	produce("errors", 0, 0, 2000);
	rd_kafka_mock_push_request_errors(cluster, 1 /* Fetch */ , 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
									  RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_UNKNOWN);
	c = consume("errors", 1, offsets);
	CHECK(run(c, &seen, 2000, true, SI_STREAM_OK), "errors of single requests are overcome");
	CHECK_INT(seen.messages, 2000);
	CHECK_INT(seen.out_of_order, 0);
	si_kafka_consumer_destroy(c);
}

static void
test_refused(void)
{
	SiKeyValue	bad[] = {{"bootstrap.servers", "127.0.0.1:1"}, {"no.such.property", "1"}};
	SiReason	why;
	SiStream	stream = {0, "t"};
	int32		partition = 0;
	int64		offset = 0;

	CHECK(si_kafka_consumer_create(1, &stream, 2, bad, 1, &partition, &offset, QUEUE_BYTES, &why) == NULL, "a wrong property is refused");
	CHECK(strstr(why.text, "no.such.property") != NULL, "no name in: %s", why.text);
}

/* Two topics, whose partitions have the same numbers, through one consumer. */
static void
test_topics(void)
{
	static const SiStream streams[] = {{0, "left"}, {3, "right"}};
	static const int32 ids[] = {0, (3 << SI_STREAM_BITS) + 0, (3 << SI_STREAM_BITS) + 1};
	static const int64 offsets[] = {0, 2, 0};
	SiKafkaConsumer *c;
	SiReason	why;
	SiMessage	msgs[MAX_BATCH];
	int64		until = now_ms() + 10000;
	int			seen[3] = {0};

	rd_kafka_mock_topic_create(cluster, "left", 1, 1);
	rd_kafka_mock_topic_create(cluster, "right", 2, 1);
	produce("left", 0, 0, 10);
	produce("right", 0, 100, 10);
	produce("right", 1, 200, 10);
	c = si_kafka_consumer_create(2, streams, 1, properties, 3, ids, offsets, QUEUE_BYTES, &why);
	CHECK(c != NULL, "%s", why.text);
	while (now_ms() < until && !si_kafka_consumer_at_end(c))
	{
		struct pollfd p = {si_kafka_consumer_fd(c), POLLIN, 0};
		int			n = si_kafka_consumer_poll(c, msgs, MAX_BATCH);

		for (int i = 0; i < n; i++)
			for (int k = 0; k < 3; k++)
				if (msgs[i].partition == ids[k])
				{
					char		text[8] = {0};

					memcpy(text, msgs[i].payload, Min(msgs[i].len, 7));
					CHECK_INT(atoi(text), k * 100 + offsets[k] + seen[k]);
					seen[k]++;
				}
		si_kafka_consumer_release(c);
		if (n == 0)
		{
			poll(&p, 1, 100);
			si_kafka_consumer_clear_fd(c);
		}
	}
	CHECK_INT(seen[0], 10);
	CHECK_INT(seen[1], 8);
	CHECK_INT(seen[2], 10);
	CHECK_INT(si_kafka_consumer_position(c, ids[1]), 10);
	CHECK_INT(si_kafka_consumer_position(c, 1), -1);
	si_kafka_consumer_destroy(c);
}

/* Waits for one answer, for eight seconds. */
static bool
next_answer(int fd, SiTopicAnswer *a)
{
	int64		until = now_ms() + 8000;

	while (now_ms() < until)
	{
		struct pollfd p = {fd, POLLIN, 0};

		if (si_kafka_monitor_next(a))
			return true;
		poll(&p, 1, 500);
	}
	return false;
}

static void
test_monitor(void)
{
	SiKeyValue	nowhere = {"bootstrap.servers", "127.0.0.1:1"};
	SiSpec		spec = {.id = "a",.topic = "asked",.nproperties = 1,.properties = properties};
	SiSpec		other = {.id = "b",.topic = "asked",.nproperties = 1,.properties = properties};
	SiSpec		hanging = {.id = "c",.topic = "asked",.nproperties = 1,.properties = &nowhere};
	SiSpec		pattern = {.id = "d",.nproperties = 1,.properties = properties};
	SiTopicAnswer answer;
	int			fd = si_kafka_monitor_init();
	uint64		slow,
				ticket;
	int64		t;

	rd_kafka_mock_topic_create(cluster, "asked", 2, 1);
	produce("asked", 1, 0, 7);

	/* who cannot be reached does not delay the others */
	slow = si_kafka_monitor_ask(&hanging);
	ticket = si_kafka_monitor_ask(&spec);
	CHECK(si_kafka_monitor_ask(&hanging) == slow, "the same open question is not asked twice");
	CHECK(si_kafka_monitor_ask(&other) != ticket, "questions of two supervisors are two");
	CHECK(next_answer(fd, &answer), "an answer comes");
	CHECK_INT(answer.ticket, ticket);
	CHECK_INT(answer.error, SI_STREAM_OK);
	CHECK_INT(answer.npartitions, 2);
	if (answer.npartitions == 2)
	{
		CHECK_INT(answer.high[0], 0);
		CHECK_INT(answer.high[1], 7);
		CHECK_INT(answer.low[1], 0);
	}
	CHECK(next_answer(fd, &answer), "the other's answer comes");
	CHECK_INT(answer.npartitions, 2);
	CHECK(next_answer(fd, &answer), "a broker that is not there is an answer too");
	CHECK_INT(answer.ticket, slow);
	CHECK_INT(answer.error, SI_STREAM_TRANSIENT);
	CHECK(strstr(answer.text, "127.0.0.1:1") != NULL, "no address in: %s", answer.text);

	/* the topics that a pattern names, in order */
	rd_kafka_mock_topic_create(cluster, "metrics-us", 1, 1);
	rd_kafka_mock_topic_create(cluster, "metrics-eu", 2, 1);
	rd_kafka_mock_topic_create(cluster, "other-metrics-eu", 2, 1);
	produce("metrics-us", 0, 0, 3);
	pattern.topic_pattern = "metrics-.*";
	si_kafka_monitor_ask(&pattern);
	CHECK(next_answer(fd, &answer), "an answer about a pattern comes");
	CHECK_INT(answer.ntopics, 2);
	CHECK_INT(answer.npartitions, 3);
	if (answer.npartitions == 3 && answer.ntopics == 2)
	{
		CHECK_STR(answer.topics[0].topic, "metrics-eu");
		CHECK_INT(answer.topics[0].npartitions, 2);
		CHECK_STR(answer.topics[1].topic, "metrics-us");
		CHECK_INT(answer.high[2], 3);
	}
	pattern.topic_pattern = "nothing";
	si_kafka_monitor_ask(&pattern);
	CHECK(next_answer(fd, &answer), "an answer about no topic comes");
	CHECK_INT(answer.error, SI_STREAM_OK);
	CHECK_INT(answer.npartitions, 0);

	rd_kafka_mock_topic_set_error(cluster, "asked", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	si_kafka_monitor_ask(&spec);
	CHECK(next_answer(fd, &answer), "an unknown topic is an answer");
	CHECK_INT(answer.error, SI_STREAM_TRANSIENT);
	CHECK(strstr(answer.text, "Unknown topic") != NULL, "no reason in: %s", answer.text);

	si_kafka_monitor_ask(&hanging);
	t = now_ms();
	si_kafka_monitor_shutdown();
	CHECK(now_ms() - t < 2000, "shutdown took " INT64_FORMAT " ms", now_ms() - t);
}

int
main(void)
{
	start_cluster(2);
	test_reading();
	test_out_of_range();
	test_doubted();
	test_broker_down();
	test_fetch_errors();
	test_refused();
	test_topics();
	test_monitor();
	stop_cluster();
	return harness_end("test_kafka_consumer");
}
