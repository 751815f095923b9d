/*
 * kadmin.c
 *		Requests to a Kafka broker that tests need and kcat does not make:
 *		topics, deleted records, transactions.  Used through scripts/kafka.
 *
 * One command per call; exit status 0 when the broker agreed, else 1 with its
 * reason on stderr.
 */
#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 20000

static char errstr[512];

static const char *usage_text =
"commands:\n"
"  ready                                   succeeds when the broker answers\n"
"  create TOPIC PARTITIONS [KEY=VALUE...]  makes a topic with these settings; replicas=1,2,3: on these nodes, which lead in turn\n"
"  delete TOPIC\n"
"  grow TOPIC PARTITIONS                   adds partitions up to this number\n"
"  truncate TOPIC PARTITION OFFSET         deletes the records before OFFSET\n"
"  offsets TOPIC PARTITION                 prints the low and the high watermark\n"
"  transaction TOPIC PARTITION commit|abort|open  produces the lines of stdin in one transaction; open leaves it open\n";

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "kadmin: %s: %s\n", what, why);
	exit(1);
}

static void
set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	if (rd_kafka_conf_set(conf, name, value, errstr, sizeof(errstr)) != RD_KAFKA_CONF_OK)
		fail(name, errstr);
}

static rd_kafka_t *
client(const char *brokers, rd_kafka_conf_t *conf)
{
	rd_kafka_t *rk;

	set(conf, "bootstrap.servers", brokers);
	set(conf, "log_level", "2");
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
	if (rk == NULL)
		fail("client", errstr);
	return rk;
}

/* Waits for the answer to an admin request and exits with what the broker said. */
static void
answer(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *what)
{
	rd_kafka_event_t *ev = rd_kafka_queue_poll(queue, TIMEOUT_MS);
	const rd_kafka_topic_result_t **topics = NULL;
	size_t		n = 0;

	if (ev == NULL)
		fail(what, "no answer");
	if (rd_kafka_event_error(ev))
		fail(what, rd_kafka_event_error_string(ev));

	switch (rd_kafka_event_type(ev))
	{
		case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
			topics = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(ev), &n);
			break;
		case RD_KAFKA_EVENT_DELETETOPICS_RESULT:
			topics = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(ev), &n);
			break;
		case RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT:
			topics = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(ev), &n);
			break;
		case RD_KAFKA_EVENT_DELETERECORDS_RESULT:
			{
				const rd_kafka_topic_partition_list_t *list =
					rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(ev));

				for (int i = 0; i < list->cnt; i++)
					if (list->elems[i].err)
						fail(what, rd_kafka_err2str(list->elems[i].err));
				break;
			}
		default:
			fail(what, "unexpected answer");
	}
	for (size_t i = 0; i < n; i++)
		if (rd_kafka_topic_result_error(topics[i]))
			fail(what, rd_kafka_topic_result_error_string(topics[i])
				 ? rd_kafka_topic_result_error_string(topics[i])
				 : rd_kafka_err2str(rd_kafka_topic_result_error(topics[i])));
	rd_kafka_event_destroy(ev);
}

static void
ready(rd_kafka_t *rk)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, NULL, &md, 2000);

	if (err)
		fail("ready", rd_kafka_err2str(err));
	if (md->broker_cnt == 0)
		fail("ready", "no broker yet");
}

/* A topic that was just made has no leaders for a moment; a producer that comes too early may give up. */
static void
await_leaders(rd_kafka_t *rk, const char *name, int partitions)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);

	for (int tries = 0; tries < 100; tries++)
	{
		const struct rd_kafka_metadata *md;
		int			led = 0;

		if (rd_kafka_metadata(rk, 0, topic, &md, 2000) == RD_KAFKA_RESP_ERR_NO_ERROR)
		{
			for (int i = 0; md->topic_cnt == 1 && i < md->topics[0].partition_cnt; i++)
				led += md->topics[0].partitions[i].leader >= 0;
			rd_kafka_metadata_destroy(md);
		}
		if (led == partitions)
			return;
		usleep(100000);
	}
	fail(name, "its partitions have no leaders");
}

/* The nodes of a list such as 1,2,3; every partition begins with the next of them. */
static void
assign_replicas(rd_kafka_NewTopic_t *topic, int partitions, char *list)
{
	int32_t		nodes[16];
	int32_t		turned[16];
	int			n = 0;

	for (char *p = strtok(list, ","); p != NULL && n < 16; p = strtok(NULL, ","))
		nodes[n++] = atoi(p);
	for (int partition = 0; partition < partitions; partition++)
	{
		for (int i = 0; i < n; i++)
			turned[i] = nodes[(partition + i) % n];
		if (rd_kafka_NewTopic_set_replica_assignment(topic, partition, turned, n, errstr, sizeof(errstr)))
			fail("create", errstr);
	}
}

static void
create(rd_kafka_t *rk, rd_kafka_queue_t *queue, int argc, char **argv)
{
	bool		replicated = argc > 2 && strncmp(argv[2], "replicas=", 9) == 0;
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(argv[0], atoi(argv[1]), replicated ? -1 : 1, errstr, sizeof(errstr));

	if (topic == NULL)
		fail("create", errstr);
	if (replicated)
		assign_replicas(topic, atoi(argv[1]), argv[2] + 9);
	for (int i = replicated ? 3 : 2; i < argc; i++)
	{
		char	   *eq = strchr(argv[i], '=');

		if (eq == NULL)
			fail("create", "a setting must be KEY=VALUE");
		*eq = '\0';
		rd_kafka_NewTopic_set_config(topic, argv[i], eq + 1);
	}
	rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
	answer(rk, queue, "create");
	await_leaders(rk, argv[0], atoi(argv[1]));
}

static void
truncate_partition(rd_kafka_t *rk, rd_kafka_queue_t *queue, char **argv)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_DeleteRecords_t *request;

	rd_kafka_topic_partition_list_add(list, argv[0], atoi(argv[1]))->offset = atoll(argv[2]);
	request = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(rk, &request, 1, NULL, queue);
	answer(rk, queue, "truncate");
}

static void
check(rd_kafka_error_t *error, const char *what)
{
	if (error != NULL)
		fail(what, rd_kafka_error_string(error));
}

static void
transaction(const char *brokers, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char		id[64];
	char	   *line = NULL;
	size_t		room = 0;
	ssize_t		len;

	snprintf(id, sizeof(id), "kadmin-%d", (int) getpid());
	set(conf, "transactional.id", id);
	rk = client(brokers, conf);
	check(rd_kafka_init_transactions(rk, TIMEOUT_MS), "transaction");
	check(rd_kafka_begin_transaction(rk), "transaction");
	while ((len = getline(&line, &room, stdin)) > 0)
	{
		rd_kafka_resp_err_t err;

		if (line[len - 1] == '\n')
			len--;
		err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(argv[0]), RD_KAFKA_V_PARTITION(atoi(argv[1])),
								RD_KAFKA_V_VALUE(line, len), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
		if (err)
			fail("transaction", rd_kafka_err2str(err));
	}
	if (rd_kafka_flush(rk, TIMEOUT_MS))
		fail("transaction", "not all records were delivered");
	if (strcmp(argv[2], "commit") == 0)
		check(rd_kafka_commit_transaction(rk, TIMEOUT_MS), "commit");
	else if (strcmp(argv[2], "abort") == 0)
		check(rd_kafka_abort_transaction(rk, TIMEOUT_MS), "abort");
	else if (strcmp(argv[2], "open") != 0)
		fail("transaction", "expected commit, abort or open");
	/* No destroy: it would abort a transaction that is to stay open. */
	exit(0);
}

int
main(int argc, char **argv)
{
	const char *command = argc > 2 ? argv[2] : "";
	char	  **args = argv + 3;
	int			nargs = argc - 3;
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;

	if (strcmp(command, "transaction") == 0 && nargs == 3)
		transaction(argv[1], args);

	if (argc < 3)
	{
		fputs(usage_text, stderr);
		return 2;
	}
	rk = client(argv[1], rd_kafka_conf_new());
	queue = rd_kafka_queue_new(rk);

	if (strcmp(command, "ready") == 0 && nargs == 0)
		ready(rk);
	else if (strcmp(command, "create") == 0 && nargs >= 2)
		create(rk, queue, nargs, args);
	else if (strcmp(command, "delete") == 0 && nargs == 1)
	{
		rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(args[0]);

		rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
		answer(rk, queue, "delete");
	}
	else if (strcmp(command, "grow") == 0 && nargs == 2)
	{
		rd_kafka_NewPartitions_t *parts = rd_kafka_NewPartitions_new(args[0], atoi(args[1]), errstr, sizeof(errstr));

		if (parts == NULL)
			fail("grow", errstr);
		rd_kafka_CreatePartitions(rk, &parts, 1, NULL, queue);
		answer(rk, queue, "grow");
	}
	else if (strcmp(command, "truncate") == 0 && nargs == 3)
		truncate_partition(rk, queue, args);
	else if (strcmp(command, "offsets") == 0 && nargs == 2)
	{
		int64_t		low;
		int64_t		high;
		rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(rk, args[0], atoi(args[1]), &low, &high, TIMEOUT_MS);

		if (err)
			fail("offsets", rd_kafka_err2str(err));
		printf("%lld %lld\n", (long long) low, (long long) high);
	}
	else
	{
		fputs(usage_text, stderr);
		return 2;
	}
	return 0;
}
