/*
 * bare.cpp
 *		The bare loop: consumes a topic from its beginning and visits every
 *		field of every message with simdjson, keeping nothing.
 *
 * The yardstick for the extension: nothing that reads JSON from Kafka with
 * these two libraries can do less.  Rows per CPU second counts the whole
 * process, librdkafka's threads included.
 *
 * usage: bare BROKERS TOPIC ROWS; prints one JSON line.
 *
 * librdkafka before 2.2 lets its broker thread sleep for up to a second when
 * its queue was full.  Any request to that thread wakes it, so the loop asks
 * for the watermarks of its partitions when the queue runs dry.
 */
#include <librdkafka/rdkafka.h>
#include <simdjson.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

namespace
{
const int	batch_size = 1000;
const int	wake_ms = 20;

struct Meter
{
	uint64_t	rows = 0;
	uint64_t	bytes = 0;
	uint64_t	fields = 0;
	uint64_t	broken = 0;
	uint64_t	sink = 0;		/* keeps the compiler from dropping the visit */
};

[[noreturn]] void
fail(const char *what, const char *why)
{
	fprintf(stderr, "bare: %s: %s\n", what, why);
	exit(1);
}

double
wall_seconds()
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

double
cpu_seconds()
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_utime.tv_sec + ru.ru_stime.tv_sec + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1e-6;
}

/* Reads one value to its end, nested ones too. */
bool
visit(simdjson::ondemand::value value, Meter &m)
{
	simdjson::ondemand::json_type type;

	if (value.type().get(type))
		return false;
	switch (type)
	{
		case simdjson::ondemand::json_type::string:
			{
				std::string_view text;

				if (value.get_string().get(text))
					return false;
				m.sink += text.size();
				return true;
			}
		case simdjson::ondemand::json_type::number:
			{
				simdjson::ondemand::number number;

				if (value.get_number().get(number))
					return false;
				m.sink += number.is_double() ? (uint64_t) number.get_double() : number.get_uint64();
				return true;
			}
		case simdjson::ondemand::json_type::boolean:
			{
				bool		truth;

				if (value.get_bool().get(truth))
					return false;
				m.sink += truth;
				return true;
			}
		case simdjson::ondemand::json_type::null:
			{
				bool		nothing;

				return !value.is_null().get(nothing) && nothing;
			}
		default:
			{
				std::string_view raw;

				if (simdjson::to_json_string(value).get(raw))
					return false;
				m.sink += raw.size();
				return true;
			}
	}
}

bool
visit_message(simdjson::ondemand::parser &parser, const char *json, size_t len, size_t room, Meter &m)
{
	simdjson::ondemand::document doc;
	simdjson::ondemand::object object;

	if (parser.iterate(json, len, room).get(doc) || doc.get_object().get(object))
		return false;
	for (auto field : object)
	{
		simdjson::ondemand::raw_json_string key;
		simdjson::ondemand::value value;

		if (field.key().get(key) || field.value().get(value) || !visit(value, m))
			return false;
		m.sink += (unsigned char) key.raw()[0];
		m.fields++;
	}
	return true;
}

rd_kafka_t *
open_consumer(const char *brokers)
{
	char		errstr[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	const char *settings[][2] = {
		{"bootstrap.servers", brokers},
		{"group.id", "bare"},
		{"enable.auto.commit", "false"},
		{"enable.auto.offset.store", "false"},
		{"auto.offset.reset", "earliest"},
		{"queued.min.messages", "200000"},
		{"queued.max.messages.kbytes", "65536"},
		{"fetch.message.max.bytes", "4194304"},
	};

	for (auto &s : settings)
		if (rd_kafka_conf_set(conf, s[0], s[1], errstr, sizeof(errstr)) != RD_KAFKA_CONF_OK)
			fail(s[0], errstr);
	/* Unknown before 2.2. */
	rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "5", errstr, sizeof(errstr));

	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, errstr, sizeof(errstr));

	if (rk == nullptr)
		fail("client", errstr);
	return rk;
}

int
assign_from_start(rd_kafka_t *rk, const char *topic)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, nullptr);
	rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, rkt, &md, 10000);

	if (err)
		fail(topic, rd_kafka_err2str(err));

	int			partitions = md->topics[0].partition_cnt;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);

	for (int i = 0; i < partitions; i++)
		rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
	err = rd_kafka_assign(rk, list);
	if (err)
		fail("assign", rd_kafka_err2str(err));
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_metadata_destroy(md);
	rd_kafka_topic_destroy(rkt);
	return partitions;
}
}

int
main(int argc, char **argv)
{
	if (argc != 4)
	{
		fputs("usage: bare BROKERS TOPIC ROWS\n", stderr);
		return 2;
	}

	const char *topic = argv[2];
	uint64_t	wanted = strtoull(argv[3], nullptr, 10);
	rd_kafka_t *rk = open_consumer(argv[1]);
	int			partitions = assign_from_start(rk, topic);
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
	simdjson::ondemand::parser parser;
	std::vector<rd_kafka_message_t *> batch(batch_size);
	std::vector<char> padded(1 << 20);
	Meter		m;
	double		start = 0;
	double		cpu_start = 0;
	double		woken = 0;
	double		last_message = wall_seconds();

	while (m.rows < wanted)
	{
		ssize_t		n = rd_kafka_consume_batch_queue(queue, m.rows ? 0 : 100, batch.data(), batch_size);

		if (n > 0)
			last_message = wall_seconds();
		/* The clock starts with the first messages: connecting is not what is measured. */
		if (n > 0 && start == 0)
		{
			start = last_message;
			cpu_start = cpu_seconds();
		}
		for (ssize_t i = 0; i < n; i++)
		{
			rd_kafka_message_t *msg = batch[i];

			if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			{
				if (msg->len + simdjson::SIMDJSON_PADDING > padded.size())
					padded.resize(2 * (msg->len + simdjson::SIMDJSON_PADDING));
				memcpy(padded.data(), msg->payload, msg->len);
				if (!visit_message(parser, padded.data(), msg->len, padded.size(), m))
					m.broken++;
				m.bytes += msg->len;
				m.rows++;
			}
			rd_kafka_message_destroy(msg);
		}
		if (n < batch_size && wall_seconds() - woken > wake_ms / 1000.0)
		{
			woken = wall_seconds();
			for (int p = 0; p < partitions; p++)
			{
				int64_t		low;
				int64_t		high;

				rd_kafka_query_watermark_offsets(rk, topic, p, &low, &high, 100);
			}
			if (woken - last_message > 30)
				fail(topic, "no message for 30 seconds");
		}
		else if (n == 0)
		{
			struct timespec ms = {0, 1000000};

			nanosleep(&ms, nullptr);
		}
	}

	double		wall = wall_seconds() - start;
	double		cpu = cpu_seconds() - cpu_start;
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	if (m.broken)
		fprintf(stderr, "bare: %" PRIu64 " messages were not JSON objects\n", m.broken);
	printf("{\"rows\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"fields\":%" PRIu64 ",\"wall_s\":%.3f,\"cpu_s\":%.3f,"
		   "\"rows_per_cpu_s\":%.0f,\"rows_per_wall_s\":%.0f,\"peak_rss_mb\":%.0f}\n",
		   m.rows, m.bytes, m.fields, wall, cpu, m.rows / cpu, m.rows / wall, ru.ru_maxrss / 1024.0);
	fflush(stdout);
	/* No orderly end: it would wait for the prefetched messages. */
	_exit(m.sink == 0);
}
