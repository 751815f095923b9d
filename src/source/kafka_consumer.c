/*
 * kafka_consumer.c
 *		A consumer with partitions and offsets assigned by hand: batches out of
 *		one queue, positions, end of stream, errors, and no sleep while there
 *		is something to read.
 *
 * Positions are ours: a message is handed out only when its offset is not
 * below the partition's position, so that nothing the library repeats (after
 * a seek, a leader change) can come twice.  A position also passes what is
 * never delivered (transaction markers, compacted offsets) when the library
 * reports the end of the partition.
 *
 * An offset that a broker of several refuses is doubted first: one that was
 * the leader, or is about to catch up, does not know better, and librdkafka
 * before 2.1 asks it all the same.  The message before the offset decides:
 * found again, it is the log that was read.  Another one in its place, or
 * none for a while, and the partition is gone.
 *
 * librdkafka before 2.2 lets the thread that fetches sleep for up to a second
 * once the queue is full, however fast it is emptied since.  It wakes for any
 * request, so we make one, free of charge and local, each time an eighth of
 * the queue was taken.
 *
 * Plain C, malloc; owned by one thread.  The log ring alone has a mutex, as
 * the library may log from its own threads before log.queue takes effect.
 */
#include "common/port.h"

#include "source/kafka.h"
#include "source/kafka_consumer.h"
#include "source/kafka_errors.h"
#include "source/kafka_last.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINES			32
#define DESTROY_WAIT_MS		1000

/* An offset that was refused is asked for again, for so long. */
#define DOUBT_MS			10000
#define ASK_AGAIN_MS		500

/* What the library needs per queued message beside its bytes, about. */
#define MESSAGE_OVERHEAD	320
/* Prefetch below this does not keep a fast reader busy. */
#define MIN_QUEUE_BYTES		(1024 * 1024)

/* fetch.message.max.bytes: the library's default, taken for "not set", and the most we choose. */
#define DEFAULT_PARTITION_FETCH	(1024 * 1024)
#define MAX_PARTITION_FETCH		(8 * 1024 * 1024)

/* fetch.queue.backoff.ms came with this release. */
#define VERSION_QUEUE_BACKOFF	0x02020000

typedef struct Partition
{
	int32		id;				/* see common/stream.h */
	int32		number;			/* in its topic */
	char	   *topic;
	const rd_kafka_topic_t *rkt;	/* the library's handle of the topic, once met */
	int64		position;		/* next offset to hand out */
	bool		at_end;
	bool		gone;			/* the broker does not have the position: delivers nothing more */
	bool		told;			/* si_kafka_consumer_gone() has said so */
	SiKafkaLast last;			/* what was handed out last */
	const rd_kafka_message_t *newest;	/* of the batch at hand */
	int64		doubted_since;	/* ms; 0: the position is not in doubt */
} Partition;

struct SiKafkaConsumer
{
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	int			eventfd;

	int			npartitions;
	Partition  *partitions;
	int			nat_end;
	int			ngone;
	int			ndoubted;
	int64		ask_again_at;	/* ms */
	int			last_partition; /* index of the previous message's partition */

	/* messages handed out and not given back */
	rd_kafka_message_t **held;
	int			nheld;
	int			held_size;

	SiStreamError error;		/* SI_STREAM_OK: none since it was asked for */
	bool		alive;			/* this poll brought a message or an end */
	bool		failed;			/* fatal: deliver no more */
	bool		looked_for_end; /* since the last sign of life */
	char		transport[200]; /* the last reason of a broken connection */

	/* waking the fetching thread */
	bool		needs_wake;
	int64		wake_bytes;		/* after this much was taken */
	int64		wake_messages;
	int64		taken_bytes;
	int64		taken_messages;
	char	   *username;
	char	   *password;

	pthread_mutex_t log_lock;
	SiKafkaLogLine log[LOG_LINES];
	int			log_first;
	int			log_count;
};

/* ---- callbacks: set fields, nothing else ---- */

/* Remembers an error; a worse one is not covered up by a milder one. */
static void
remember_error(SiKafkaConsumer *c, rd_kafka_resp_err_t err, int32 partition, const char *reason)
{
	SiStreamError e;

	si_kafka_set_error(&e, err, partition, reason);
	if (e.class == SI_STREAM_FATAL)
		c->failed = true;
	if (e.class != SI_STREAM_OK && e.class >= c->error.class)
		c->error = e;
}

static void
on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	SiKafkaConsumer *c = opaque;
	char		text[256];

	/* its connection to the coordinator of a group that we do not join */
	if (strncmp(reason, "GroupCoordinator", strlen("GroupCoordinator")) == 0)
		return;
	if (err == RD_KAFKA_RESP_ERR__FATAL)
	{
		rd_kafka_fatal_error(rk, text, sizeof(text));
		remember_error(c, RD_KAFKA_RESP_ERR__FATAL, -1, text);
		return;
	}
	if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && c->transport[0] != '\0')
	{
		/* the count of brokers alone helps nobody: say what broke the last one */
		remember_error(c, RD_KAFKA_RESP_ERR__TRANSPORT, -1, c->transport);
		return;
	}
	if (err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__RESOLVE ||
		err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR__SSL ||
		err == RD_KAFKA_RESP_ERR__AUTHENTICATION)
		strlcpy(c->transport, reason, sizeof(c->transport));
	remember_error(c, err, -1, reason);
}

static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	SiKafkaConsumer *c = rk != NULL ? rd_kafka_opaque(rk) : NULL;
	SiKafkaLogLine *line;

	if (c == NULL)
		return;
	pthread_mutex_lock(&c->log_lock);
	if (c->log_count == LOG_LINES)
	{
		c->log_first = (c->log_first + 1) % LOG_LINES;
		c->log_count--;
	}
	line = &c->log[(c->log_first + c->log_count++) % LOG_LINES];
	line->level = level;
	snprintf(line->text, sizeof(line->text), "%s: %s", facility, text);
	pthread_mutex_unlock(&c->log_lock);
}

/* ---- creation ---- */

static bool
set_int(rd_kafka_conf_t *conf, const char *name, int64 value, SiReason *why)
{
	char		text[32];

	snprintf(text, sizeof(text), INT64_FORMAT, value);
	return rd_kafka_conf_set(conf, name, text, why->text, sizeof(why->text)) == RD_KAFKA_CONF_OK;
}

static int64
get_int(rd_kafka_conf_t *conf, const char *name)
{
	char		text[32];
	size_t		size = sizeof(text);

	return rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK ? strtoll(text, NULL, 10) : 0;
}

static char *
get_string(rd_kafka_conf_t *conf, const char *name)
{
	size_t		size = 0;
	char	   *text;

	if (rd_kafka_conf_get(conf, name, NULL, &size) != RD_KAFKA_CONF_OK || size <= 1)
		return NULL;
	text = malloc(size);
	if (text == NULL || rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK)
	{
		free(text);
		return NULL;
	}
	return text;
}

/*
 * Shares queue_bytes out: payloads three fifths, the library's own structures
 * the rest.  One fetch, which comes compressed, may overshoot the limits: it
 * is an eighth.  That is still four times the library's default per partition,
 * with which a single partition is read at half the speed.
 */
static bool
set_limits(SiKafkaConsumer *c, rd_kafka_conf_t *conf, int64 queue_bytes, SiReason *why)
{
	int64		bytes = Max(queue_bytes, MIN_QUEUE_BYTES) / 5 * 3;
	int64		messages = (Max(queue_bytes, MIN_QUEUE_BYTES) - bytes) / MESSAGE_OVERHEAD;
	int64		per_partition = get_int(conf, "fetch.message.max.bytes");
	int64		largest = get_int(conf, "message.max.bytes");
	int64		fetch;

	bytes = Min(bytes, (int64) 2097151 * 1024);
	messages = Min(messages, 10000000);
	fetch = Max(bytes / 8, DEFAULT_PARTITION_FETCH);
	if (per_partition == DEFAULT_PARTITION_FETCH)
		per_partition = Min(fetch, MAX_PARTITION_FETCH);
	if (!set_int(conf, "queued.max.messages.kbytes", bytes / 1024, why) ||
		!set_int(conf, "queued.min.messages", messages, why) ||
		!set_int(conf, "fetch.message.max.bytes", per_partition, why) ||
		!set_int(conf, "fetch.max.bytes", Max(Max(fetch, per_partition), largest), why))
		return false;

	c->needs_wake = rd_kafka_version() < VERSION_QUEUE_BACKOFF;
	c->wake_bytes = bytes / 8;
	c->wake_messages = messages / 8;
	return true;
}

/* librdkafka's consumer queue needs a group's name; it is never joined and nothing is committed. */
static bool
set_group(rd_kafka_conf_t *conf, SiReason *why)
{
	char	   *group = get_string(conf, "group.id");

	if (group != NULL)
	{
		free(group);
		return true;
	}
	return rd_kafka_conf_set(conf, "group.id", "stream_ingest", why->text, sizeof(why->text)) == RD_KAFKA_CONF_OK;
}

static bool
create_client(SiKafkaConsumer *c, int nproperties, const SiKeyValue *properties, int64 queue_bytes, SiReason *why)
{
	rd_kafka_conf_t *conf = si_kafka_conf(nproperties, properties, why);
	sigset_t	all,
				old;

	if (conf == NULL)
		return false;
	if (!set_limits(c, conf, queue_bytes, why) || !set_group(conf, why))
	{
		rd_kafka_conf_destroy(conf);
		return false;
	}
	if (c->needs_wake)
	{
		c->username = get_string(conf, "sasl.username");
		c->password = get_string(conf, "sasl.password");
	}
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, on_log);

	/* signals are for the main thread, whatever threads the library or its libraries make */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why->text, sizeof(why->text));
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (c->rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		return false;
	}
	return true;
}

static bool
assign(SiKafkaConsumer *c, SiReason *why)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(c->npartitions);
	rd_kafka_resp_err_t err;

	for (int i = 0; i < c->npartitions; i++)
	{
		Partition  *p = &c->partitions[i];

		if (!p->gone)
			rd_kafka_topic_partition_list_add(list, p->topic, p->number)->offset =
				p->doubted_since != 0 ? p->last.offset : p->position;
	}
	err = rd_kafka_assign(c->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		snprintf(why->text, sizeof(why->text), "%s", rd_kafka_err2str(err));
	return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* One queue for messages, errors and logs, which makes the descriptor readable. */
static bool
connect_queue(SiKafkaConsumer *c, SiReason *why)
{
	static const uint64 one = 1;

	c->eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->eventfd < 0)
	{
		snprintf(why->text, sizeof(why->text), "eventfd: %s", strerror(errno));
		return false;
	}
	rd_kafka_poll_set_consumer(c->rk);
	rd_kafka_set_log_queue(c->rk, NULL);
	c->queue = rd_kafka_queue_get_consumer(c->rk);
	rd_kafka_queue_io_event_enable(c->queue, c->eventfd, &one, sizeof(one));
	return true;
}

static bool
set_partition(Partition *p, int nstreams, const SiStream *streams, int32 id, int64 offset, SiReason *why)
{
	const char *topic = si_stream_topic(streams, nstreams, id);

	p->id = id;
	p->number = si_partition_number(id);
	p->position = offset;
	p->last.offset = -1;
	if (topic == NULL)
	{
		snprintf(why->text, sizeof(why->text), "partition %d has no topic", id);
		return false;
	}
	p->topic = strdup(topic);
	return p->topic != NULL;
}

SiKafkaConsumer *
si_kafka_consumer_create(int nstreams, const SiStream *streams, int nproperties, const SiKeyValue *properties,
						 int npartitions, const int32 *partitions, const int64 *offsets,
						 int64 queue_bytes, SiReason *why)
{
	SiKafkaConsumer *c = calloc(1, sizeof(SiKafkaConsumer));

	snprintf(why->text, sizeof(why->text), "out of memory");
	if (c == NULL)
		return NULL;
	c->eventfd = -1;
	c->error.partition = -1;
	pthread_mutex_init(&c->log_lock, NULL);
	c->partitions = calloc(Max(npartitions, 1), sizeof(Partition));
	if (c->partitions == NULL)
		goto failed;
	c->npartitions = npartitions;
	for (int i = 0; i < npartitions; i++)
		if (!set_partition(&c->partitions[i], nstreams, streams, partitions[i], offsets[i], why))
			goto failed;
	if (!create_client(c, nproperties, properties, queue_bytes, why) || !connect_queue(c, why) || !assign(c, why))
		goto failed;
	return c;

failed:
	si_kafka_consumer_destroy(c);
	return NULL;
}

/* ---- reading ---- */

int
si_kafka_consumer_fd(const SiKafkaConsumer *c)
{
	return c->eventfd;
}

void
si_kafka_consumer_clear_fd(SiKafkaConsumer *c)
{
	uint64		count;

	while (read(c->eventfd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

/* Whose element of the queue this is; the handle of a topic stays while one of its partitions is assigned. */
static Partition *
find_partition(SiKafkaConsumer *c, const rd_kafka_message_t *m)
{
	const char *topic;

	if (m->rkt == NULL)
		return NULL;
	if (c->last_partition < c->npartitions)
	{
		Partition  *p = &c->partitions[c->last_partition];

		if (p->number == m->partition && p->rkt == m->rkt)
			return p;
	}
	for (int i = 0; i < c->npartitions; i++)
	{
		if (c->partitions[i].number == m->partition && c->partitions[i].rkt == m->rkt)
		{
			c->last_partition = i;
			return &c->partitions[i];
		}
	}
	topic = rd_kafka_topic_name(m->rkt);
	for (int i = 0; i < c->npartitions; i++)
	{
		Partition  *p = &c->partitions[i];

		if (p->number == m->partition && strcmp(p->topic, topic) == 0)
		{
			p->rkt = m->rkt;
			c->last_partition = i;
			return p;
		}
	}
	return NULL;
}

static void
set_at_end(SiKafkaConsumer *c, Partition *p, bool at_end)
{
	if (p->at_end != at_end)
	{
		p->at_end = at_end;
		c->nat_end += at_end ? 1 : -1;
	}
}

static int64
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64CONST(1000) + t.tv_nsec / 1000000;
}

static void
set_doubted(SiKafkaConsumer *c, Partition *p, int64 since)
{
	c->ndoubted += (since != 0) - (p->doubted_since != 0);
	p->doubted_since = since;
}

/* The broker does not have its position. */
static void
give_up(SiKafkaConsumer *c, Partition *p)
{
	set_doubted(c, p, 0);
	set_at_end(c, p, false);
	p->gone = true;
	c->ngone++;
	remember_error(c, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, p->id, NULL);
}

/* Its position was refused: true when that is to be seen, and not believed yet. */
static bool
doubt(SiKafkaConsumer *c, Partition *p)
{
	int64		now = now_ms();

	if (p->doubted_since == 0)
	{
		/* one broker knows its own log; and nothing that was read, nothing to compare with */
		if (p->last.offset < 0 || si_kafka_ask_leaders(c->rk) == 1)
			return false;
		set_at_end(c, p, false);
		set_doubted(c, p, now);
		c->ask_again_at = now + ASK_AGAIN_MS;
	}
	else if (now - p->doubted_since > DOUBT_MS)
		return false;
	remember_error(c, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, p->id, "a broker does not have the next offset, others are asked");
	return true;
}

/* A message of a partition in doubt: is it the one that was read last? */
static void
settle_doubt(SiKafkaConsumer *c, Partition *p, const rd_kafka_message_t *m)
{
	if (m->offset < p->last.offset)
		return;
	c->alive = true;
	if (si_kafka_last_is(&p->last, m))
		set_doubted(c, p, 0);
	else
		give_up(c, p);
}

/* Reads partitions in doubt again, from their last message on; the others go on where they are. */
static void
ask_again(SiKafkaConsumer *c)
{
	int64		now;
	SiReason	why;

	if (c->ndoubted == 0 || (now = now_ms()) < c->ask_again_at)
		return;
	for (int i = 0; i < c->npartitions; i++)
	{
		Partition  *p = &c->partitions[i];

		if (p->doubted_since != 0 && now - p->doubted_since > DOUBT_MS)
			give_up(c, p);
	}
	if (c->ndoubted == 0)
		return;
	(void) si_kafka_ask_leaders(c->rk);
	(void) assign(c, &why);
	c->ask_again_at = now_ms() + ASK_AGAIN_MS;
}

/* An element of the queue that is not a message. */
static void
take_event(SiKafkaConsumer *c, const rd_kafka_message_t *m, Partition *p)
{
	if (p != NULL && p->gone)
		return;
	if (p != NULL && si_kafka_error_class(m->err) == SI_STREAM_OFFSET_OUT_OF_RANGE)
	{
		if (doubt(c, p))
			return;
		give_up(c, p);
	}
	if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
		remember_error(c, m->err, p != NULL ? p->id : -1, m->payload != NULL ? rd_kafka_message_errstr(m) : NULL);
	else if (p != NULL && m->offset >= p->position && p->doubted_since == 0)
	{
		p->position = m->offset;
		set_at_end(c, p, true);
		c->alive = true;
	}
}

bool
si_kafka_consumer_gone(SiKafkaConsumer *c, int32 *partition)
{
	for (int i = 0; i < c->npartitions; i++)
	{
		Partition  *p = &c->partitions[i];

		if (p->gone && !p->told)
		{
			p->told = true;
			*partition = p->id;
			return true;
		}
	}
	return false;
}

/*
 * Settles the error after a poll.  What came before it and was transient is
 * over when the poll brought something; what came with it stands, as nobody
 * can tell which of the two came first.
 */
static void
settle_error(SiKafkaConsumer *c, const SiStreamError *before)
{
	if (c->alive)
		c->looked_for_end = false;
	if (before->class > c->error.class && !(c->alive && before->class == SI_STREAM_TRANSIENT))
		c->error = *before;
}

/*
 * After trouble, partitions that were at their end would stay silent when the
 * broker is back: the library reports an end once.  Seeking to where we are
 * makes it look again, and its report is the sign that all is well.
 */
static void
look_for_end_again(SiKafkaConsumer *c)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_error_t *error;

	if (c->error.class != SI_STREAM_TRANSIENT || c->looked_for_end || c->nat_end == 0)
		return;
	c->looked_for_end = true;
	list = rd_kafka_topic_partition_list_new(c->nat_end);
	for (int i = 0; i < c->npartitions; i++)
	{
		Partition  *p = &c->partitions[i];

		if (!p->at_end)
			continue;
		rd_kafka_topic_partition_list_add(list, p->topic, p->number)->offset = p->position;
		set_at_end(c, p, false);
	}
	error = rd_kafka_seek_partitions(c->rk, list, 0);
	if (error != NULL)
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
}

/*
 * Gets the fetching thread out of its sleep.  Of the calls that send every
 * broker's thread a request, this is the only one that neither blocks nor
 * asks the broker anything; it sets the credentials to what they are.
 */
static void
wake_fetcher(SiKafkaConsumer *c)
{
	rd_kafka_error_t *error;

	if (c->taken_bytes < c->wake_bytes && c->taken_messages < c->wake_messages)
		return;
	c->taken_bytes = 0;
	c->taken_messages = 0;
	if (!c->needs_wake)
		return;
	error = rd_kafka_sasl_set_credentials(c->rk, c->username ? c->username : "", c->password ? c->password : "");
	if (error != NULL)
		rd_kafka_error_destroy(error);
}

static bool
hold_space(SiKafkaConsumer *c, int max)
{
	rd_kafka_message_t **held;

	if (max <= c->held_size)
		return true;
	held = realloc(c->held, sizeof(rd_kafka_message_t *) * max);
	if (held == NULL)
		return false;
	c->held = held;
	c->held_size = max;
	return true;
}

/* See SiMessage.  The library takes headers apart when it is first asked for them. */
static bool
message_header(const SiMessage *message, size_t i, SiHeader *header)
{
	rd_kafka_headers_t *headers;
	const void *value;

	if (rd_kafka_message_headers(message->native, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
		rd_kafka_header_get_all(headers, i, &header->name, &value, &header->len) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	header->value = value;
	return true;
}

/*
 * Sorts what was taken from the queue into held[]: messages to hand out stay,
 * everything else is seen to and destroyed.  Returns the number of messages.
 */
static int
sort_batch(SiKafkaConsumer *c, SiMessage *msgs, int taken)
{
	int			n = 0;

	for (int i = 0; i < taken; i++)
	{
		rd_kafka_message_t *m = c->held[i];
		Partition  *p = find_partition(c, m);
		rd_kafka_timestamp_type_t type;

		if (p != NULL && p->doubted_since != 0 && m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			settle_doubt(c, p, m);
		if (c->failed || p == NULL || p->gone || m->err != RD_KAFKA_RESP_ERR_NO_ERROR || m->offset < p->position)
		{
			if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR && !c->failed)
				take_event(c, m, p);
			rd_kafka_message_destroy(m);
			continue;
		}
		p->position = m->offset + 1;
		p->newest = m;
		set_at_end(c, p, false);
		c->alive = true;
		c->taken_bytes += m->len + m->key_len;
		msgs[n].partition = p->id;
		msgs[n].offset = m->offset;
		msgs[n].payload = m->payload;
		msgs[n].len = m->len;
		msgs[n].timestamp = rd_kafka_message_timestamp(m, &type);
		msgs[n].key = m->key;
		msgs[n].key_len = m->key_len;
		msgs[n].topic = p->topic;
		msgs[n].header = message_header;
		msgs[n].native = m;
		c->held[n++] = m;
	}
	for (int i = 0; i < c->npartitions && n > 0; i++)
	{
		Partition  *p = &c->partitions[i];

		if (p->newest != NULL)
			si_kafka_last_set(&p->last, p->newest);
		p->newest = NULL;
	}
	return n;
}

int
si_kafka_consumer_poll(SiKafkaConsumer *c, SiMessage *msgs, int max)
{
	SiStreamError before = c->error;
	int			taken;

	Assert(c->nheld == 0);
	if (c->failed || max <= 0)
		return 0;
	if (!hold_space(c, max))
	{
		remember_error(c, RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, -1, "out of memory");
		return 0;
	}

	c->error.class = SI_STREAM_OK;
	c->alive = false;
	/* a batch of which nothing is left does not mean that the queue is empty */
	do
	{
		taken = (int) rd_kafka_consume_batch_queue(c->queue, 0, c->held, max);
		c->nheld = sort_batch(c, msgs, taken);
	} while (c->nheld == 0 && taken == max);

	c->taken_messages += c->nheld;
	settle_error(c, &before);
	wake_fetcher(c);
	look_for_end_again(c);
	ask_again(c);
	return c->nheld;
}

void
si_kafka_consumer_release(SiKafkaConsumer *c)
{
	for (int i = 0; i < c->nheld; i++)
		rd_kafka_message_destroy(c->held[i]);
	c->nheld = 0;
}

bool
si_kafka_consumer_at_end(const SiKafkaConsumer *c)
{
	return c->nat_end + c->ngone == c->npartitions;
}

static const Partition *
partition_of(const SiKafkaConsumer *c, int32 id)
{
	for (int i = 0; i < c->npartitions; i++)
	{
		if (c->partitions[i].id == id)
			return &c->partitions[i];
	}
	return NULL;
}

int64
si_kafka_consumer_position(const SiKafkaConsumer *c, int32 partition)
{
	const Partition *p = partition_of(c, partition);

	return p ? p->position : -1;
}

bool
si_kafka_consumer_watermarks(SiKafkaConsumer *c, int32 partition, int64 *low, int64 *high)
{
	const Partition *p = partition_of(c, partition);

	if (p == NULL ||
		rd_kafka_get_watermark_offsets(c->rk, p->topic, p->number, low, high) != RD_KAFKA_RESP_ERR_NO_ERROR || *high < 0)
		return false;
	if (*low < 0)
		*low = -1;
	return true;
}

void
si_kafka_consumer_error(SiKafkaConsumer *c, SiStreamError *err)
{
	*err = c->error;
	c->error.class = SI_STREAM_OK;
	c->error.partition = -1;
	c->error.text[0] = '\0';
}

bool
si_kafka_consumer_log(SiKafkaConsumer *c, SiKafkaLogLine *line)
{
	bool		found;

	pthread_mutex_lock(&c->log_lock);
	found = c->log_count > 0;
	if (found)
	{
		*line = c->log[c->log_first];
		c->log_first = (c->log_first + 1) % LOG_LINES;
		c->log_count--;
	}
	pthread_mutex_unlock(&c->log_lock);
	return found;
}

/* ---- end ---- */

void
si_kafka_consumer_destroy(SiKafkaConsumer *c)
{
	si_kafka_consumer_release(c);
	if (c->queue != NULL)
	{
		rd_kafka_queue_io_event_enable(c->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(c->queue);
	}
	/* a client that is still ending may log: then its struct stays */
	if (c->rk != NULL && !si_kafka_client_destroy(c->rk, DESTROY_WAIT_MS))
		return;
	if (c->eventfd >= 0)
		close(c->eventfd);
	free(c->held);
	for (int i = 0; c->partitions != NULL && i < c->npartitions; i++)
		free(c->partitions[i].topic);
	free(c->partitions);
	free(c->username);
	if (c->password != NULL)
		explicit_bzero(c->password, strlen(c->password));
	free(c->password);
	pthread_mutex_destroy(&c->log_lock);
	free(c);
}
