/*
 * kafka_monitor.c
 *		Threads that ask brokers on the overlord's behalf, and the queues
 *		between them and its main thread.
 *
 * A client is one list of consumer properties: one thread, one librdkafka
 * handle, made at the first question and closed when none came for some
 * minutes.  A broker that hangs delays the questions of its own client only.
 *
 * Locks: monitor.lock guards everything reachable from the monitor, except
 * that a client's rk, key and properties, and the question it works on, are
 * its thread's alone.  The lock is never held across a call of librdkafka.
 *
 * Threads call librdkafka and libc only and run with all signals blocked.
 * They are detached: at shutdown those inside the library end when its
 * timeout says so, or with the process.
 */
#include "common/port.h"

#include "common/stream.h"
#include "source/kafka.h"
#include "source/kafka_consumer.h"
#include "source/kafka_errors.h"
#include "source/kafka_monitor.h"

#ifndef FRONTEND
#include "storage/ipc.h"
#endif

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_TIMEOUT_MS	5000
#define IDLE_CLOSE_S		180
#define SHUTDOWN_WAIT_MS	500
#define CLIENT_DESTROY_MS	300

typedef struct Question
{
	struct Question *next;
	uint64		ticket;
	char	   *id;				/* supervisor */
	char	   *topic;			/* or the pattern of topics */
	bool		is_pattern;
	int64		time_ms;		/* -1: none */
} Question;

/* The topics of an answer; malloc'ed. */
typedef struct Topics
{
	int			n;
	int			cap;
	SiTopicSize *topics;
	int			npartitions;	/* of all */
} Topics;

typedef struct Answer
{
	struct Answer *next;
	uint64		ticket;
	SiStreamError error;
	Topics		topics;
	int64	   *low;			/* malloc'ed; NULL unless SI_STREAM_OK */
	int64	   *high;
	int64	   *times;			/* NULL unless asked */
} Answer;

typedef struct Client
{
	struct Client *next;
	int			nproperties;
	SiKeyValue *properties;
	Question   *first;			/* the one being worked on is still here */
	Question   *last;
	pthread_cond_t wake;
	rd_kafka_t *rk;
	SiStreamError last_error;	/* set by the library's callback */
} Client;

static struct
{
	pthread_mutex_t lock;
	pthread_cond_t thread_gone;
	int			nthreads;
	bool		initialized;
	bool		stopping;
	uint64		last_ticket;
	Client	   *clients;
	Answer	   *first;
	Answer	   *last;
	int			pipe[2];
}			monitor = {.lock = PTHREAD_MUTEX_INITIALIZER, .thread_gone = PTHREAD_COND_INITIALIZER};

/* ---- memory; malloc, as threads share it ---- */

static void
free_question(Question *q)
{
	free(q->id);
	free(q->topic);
	free(q);
}

static void
free_answer(Answer *a)
{
	for (int i = 0; i < a->topics.n; i++)
		free(a->topics.topics[i].topic);
	free(a->topics.topics);
	free(a->low);
	free(a->high);
	free(a->times);
	free(a);
}

static void
free_client(Client *c)
{
	for (int i = 0; i < c->nproperties; i++)
	{
		free(c->properties[i].key);
		if (c->properties[i].value != NULL)
			explicit_bzero(c->properties[i].value, strlen(c->properties[i].value));
		free(c->properties[i].value);
	}
	free(c->properties);
	while (c->first != NULL)
	{
		Question   *q = c->first;

		c->first = q->next;
		free_question(q);
	}
	pthread_cond_destroy(&c->wake);
	free(c);
}

static void
time_in_ms(struct timespec *ts, int64 ms)
{
	clock_gettime(CLOCK_REALTIME, ts);
	ts->tv_sec += ms / 1000;
	ts->tv_nsec += (ms % 1000) * 1000000L;
	if (ts->tv_nsec >= 1000000000L)
	{
		ts->tv_sec++;
		ts->tv_nsec -= 1000000000L;
	}
}

/* ---- one question, on the client's thread ---- */

static void
on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	Client	   *c = opaque;

	/* the number of brokers that are down says less than what broke the last one */
	if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && c->last_error.class != SI_STREAM_OK)
		return;
	si_kafka_set_error(&c->last_error, err, -1, reason);
}

static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	/* what matters comes as an error too */
}

static bool
open_client(Client *c, SiStreamError *error)
{
	rd_kafka_conf_t *conf;
	SiReason	why;

	if (c->rk != NULL)
		return true;
	conf = si_kafka_conf(c->nproperties, c->properties, &why);
	if (conf != NULL)
	{
		rd_kafka_conf_set_opaque(conf, c);
		rd_kafka_conf_set_error_cb(conf, on_error);
		rd_kafka_conf_set_log_cb(conf, on_log);
		c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why.text, sizeof(why.text));
		if (c->rk == NULL)
			rd_kafka_conf_destroy(conf);
		else
			rd_kafka_set_log_queue(c->rk, NULL);
	}
	if (c->rk == NULL)
	{
		error->class = SI_STREAM_FATAL;
		error->partition = -1;
		strlcpy(error->text, why.text, sizeof(error->text));
	}
	return c->rk != NULL;
}

/* The error of a request, or rather what the connection said meanwhile. */
static void
explain(Client *c, rd_kafka_resp_err_t err, const char *what, SiStreamError *error)
{
	while (rd_kafka_poll(c->rk, 0) > 0)
		;
	if ((err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__TIMED_OUT) &&
		c->last_error.class != SI_STREAM_OK)
		*error = c->last_error;
	else
		si_kafka_set_error(error, err, -1, what);
	/* whatever it is called, asking again later is all that can be done */
	error->class = SI_STREAM_TRANSIENT;
}

static bool
out_of_memory(SiStreamError *error)
{
	si_kafka_set_error(error, RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, -1, "out of memory");
	return false;
}

static bool
add_topic(Topics *t, const char *topic, int npartitions, SiStreamError *error)
{
	if (t->n == t->cap)
	{
		int			cap = Max(t->cap * 2, 8);
		SiTopicSize *topics = realloc(t->topics, sizeof(SiTopicSize) * cap);

		if (topics == NULL)
			return out_of_memory(error);
		t->topics = topics;
		t->cap = cap;
	}
	t->topics[t->n].topic = strdup(topic);
	if (t->topics[t->n].topic == NULL)
		return out_of_memory(error);
	t->topics[t->n++].npartitions = npartitions;
	t->npartitions += npartitions;
	return true;
}

static int
compare_topics(const void *a, const void *b)
{
	return strcmp(((const SiTopicSize *) a)->topic, ((const SiTopicSize *) b)->topic);
}

/* The one topic of a question. */
static bool
find_topic(Client *c, const char *topic, Topics *found, SiStreamError *error)
{
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(c->rk, topic, NULL);
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t err;
	bool		ok = false;
	char		what[200];

	if (rkt == NULL)
	{
		explain(c, rd_kafka_last_error(), topic, error);
		return false;
	}
	err = rd_kafka_metadata(c->rk, 0, rkt, &md, REQUEST_TIMEOUT_MS);
	snprintf(what, sizeof(what), "topic \"%.150s\"", topic);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		explain(c, err, what, error);
	else
	{
		if (md->topic_cnt != 1)
			explain(c, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, what, error);
		else if (md->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
			explain(c, md->topics[0].err, what, error);
		else if (md->topics[0].partition_cnt == 0)
			explain(c, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, what, error);
		else
			ok = add_topic(found, topic, md->topics[0].partition_cnt, error);
		rd_kafka_metadata_destroy(md);
	}
	rd_kafka_topic_destroy(rkt);
	return ok;
}

/*
 * The topics that a pattern names, by name.  One that is just being made has
 * no partitions yet and is left for the next question; none at all is an
 * answer, too.
 */
static bool
match_topics(Client *c, const char *pattern, Topics *found, SiStreamError *error)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t err;
	SiReason	why;
	SiTopicPattern *p = si_topic_pattern_create(pattern, &why);
	bool		ok = true;

	if (p == NULL)
	{
		si_kafka_set_error(error, RD_KAFKA_RESP_ERR__INVALID_ARG, -1, why.text);
		error->class = SI_STREAM_FATAL;
		return false;
	}
	err = rd_kafka_metadata(c->rk, 1, NULL, &md, REQUEST_TIMEOUT_MS);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		explain(c, err, "topics", error);
		si_topic_pattern_free(p);
		return false;
	}
	for (int i = 0; i < md->topic_cnt && ok; i++)
	{
		const rd_kafka_metadata_topic_t *t = &md->topics[i];

		if (t->err == RD_KAFKA_RESP_ERR_NO_ERROR && t->partition_cnt > 0 && si_topic_pattern_matches(p, t->topic))
			ok = add_topic(found, t->topic, t->partition_cnt, error);
	}
	rd_kafka_metadata_destroy(md);
	si_topic_pattern_free(p);
	if (ok && found->n > 1)
		qsort(found->topics, found->n, sizeof(SiTopicSize), compare_topics);
	return ok;
}

/*
 * One watermark (RD_KAFKA_OFFSET_BEGINNING or _END) of every partition, or the
 * first offset at a time, in one request per broker.  -1 for those that did
 * not answer, -2 where nothing is so young; false when none answered.
 */
static bool
ask_offsets(Client *c, const Topics *topics, int64 which, int64 *out, SiStreamError *error)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(Max(topics->npartitions, 1));
	rd_kafka_resp_err_t err;
	rd_kafka_resp_err_t first_err = RD_KAFKA_RESP_ERR_NO_ERROR;
	int			answered = 0;

	/* the answer comes in the order of the question */
	for (int t = 0; t < topics->n; t++)
		for (int i = 0; i < topics->topics[t].npartitions; i++)
		{
			out[list->cnt] = -1;
			rd_kafka_topic_partition_list_add(list, topics->topics[t].topic, i)->offset = which;
		}
	err = list->cnt == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_offsets_for_times(c->rk, list, REQUEST_TIMEOUT_MS);
	for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
	{
		const rd_kafka_topic_partition_t *p = &list->elems[i];

		if (p->err == RD_KAFKA_RESP_ERR_NO_ERROR && (p->offset >= 0 || which >= 0))
		{
			out[i] = p->offset >= 0 ? p->offset : -2;
			answered++;
		}
		else if (first_err == RD_KAFKA_RESP_ERR_NO_ERROR)
			first_err = p->err != RD_KAFKA_RESP_ERR_NO_ERROR ? p->err : RD_KAFKA_RESP_ERR__NO_OFFSET;
	}
	rd_kafka_topic_partition_list_destroy(list);
	if (answered == 0 && topics->npartitions > 0)
	{
		explain(c, err != RD_KAFKA_RESP_ERR_NO_ERROR ? err : first_err, "offsets", error);
		return false;
	}
	return true;
}

static void
work_out(Client *c, const Question *q, Answer *a)
{
	size_t		size;

	c->last_error.class = SI_STREAM_OK;
	if (!open_client(c, &a->error) ||
		!(q->is_pattern ? match_topics : find_topic) (c, q->topic, &a->topics, &a->error))
		return;
	size = sizeof(int64) * Max(a->topics.npartitions, 1);
	a->low = malloc(size);
	a->high = malloc(size);
	if (a->low == NULL || a->high == NULL)
		out_of_memory(&a->error);
	else if (ask_offsets(c, &a->topics, RD_KAFKA_OFFSET_END, a->high, &a->error) &&
			 ask_offsets(c, &a->topics, RD_KAFKA_OFFSET_BEGINNING, a->low, &a->error) && q->time_ms >= 0)
	{
		a->times = malloc(size);
		if (a->times == NULL)
			out_of_memory(&a->error);
		else
			(void) ask_offsets(c, &a->topics, q->time_ms, a->times, &a->error);
	}
	while (rd_kafka_poll(c->rk, 0) > 0)
		;
}

/* ---- a client's thread ---- */

/* Under the lock: makes the answer available and wakes the main thread. */
static void
post_answer(Answer *a)
{
	if (monitor.last != NULL)
		monitor.last->next = a;
	else
		monitor.first = a;
	monitor.last = a;
	/* a full pipe is readable already */
	while (write(monitor.pipe[1], "1", 1) < 0 && errno == EINTR)
		;
}

/* Under the lock: waits for a question; NULL when the client is to be closed. */
static Question *
wait_for_question(Client *c)
{
	struct timespec until;

	time_in_ms(&until, IDLE_CLOSE_S * 1000);
	while (c->first == NULL && !monitor.stopping)
	{
		if (pthread_cond_timedwait(&c->wake, &monitor.lock, &until) == ETIMEDOUT)
			break;
	}
	return monitor.stopping ? NULL : c->first;
}

static void *
client_main(void *arg)
{
	Client	   *c = arg;
	Question   *q;
	bool		ended = true;

	pthread_mutex_lock(&monitor.lock);
	while ((q = wait_for_question(c)) != NULL)
	{
		Answer	   *a;

		pthread_mutex_unlock(&monitor.lock);
		a = calloc(1, sizeof(Answer));
		if (a != NULL)
		{
			a->ticket = q->ticket;
			work_out(c, q, a);
		}
		pthread_mutex_lock(&monitor.lock);
		c->first = q->next;
		if (c->first == NULL)
			c->last = NULL;
		free_question(q);
		if (a != NULL)
			post_answer(a);
	}
	for (Client **p = &monitor.clients; *p != NULL; p = &(*p)->next)
	{
		if (*p == c)
		{
			*p = c->next;
			break;
		}
	}
	pthread_mutex_unlock(&monitor.lock);

	if (c->rk != NULL)
		ended = si_kafka_client_destroy(c->rk, CLIENT_DESTROY_MS);
	if (ended)
		free_client(c);
	pthread_mutex_lock(&monitor.lock);
	monitor.nthreads--;
	pthread_cond_signal(&monitor.thread_gone);
	pthread_mutex_unlock(&monitor.lock);
	return NULL;
}

/* ---- the main thread ---- */

static bool
same_properties(const Client *c, int n, const SiKeyValue *properties)
{
	if (c->nproperties != n)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (strcmp(c->properties[i].key, properties[i].key) != 0 ||
			strcmp(c->properties[i].value, properties[i].value) != 0)
			return false;
	}
	return true;
}

/* Under the lock: the client of these properties, made when there is none; NULL when that fails. */
static Client *
get_client(int n, const SiKeyValue *properties)
{
	Client	   *c;
	pthread_t	thread;
	sigset_t	all,
				old;
	bool		ok;

	for (c = monitor.clients; c != NULL; c = c->next)
	{
		if (same_properties(c, n, properties))
			return c;
	}
	c = calloc(1, sizeof(Client));
	if (c == NULL)
		return NULL;
	pthread_cond_init(&c->wake, NULL);
	c->properties = calloc(Max(n, 1), sizeof(SiKeyValue));
	ok = c->properties != NULL;
	for (int i = 0; ok && i < n; i++)
	{
		c->nproperties = i + 1;
		c->properties[i].key = strdup(properties[i].key);
		c->properties[i].value = strdup(properties[i].value);
		ok = c->properties[i].key != NULL && c->properties[i].value != NULL;
	}
	if (ok)
	{
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		ok = pthread_create(&thread, NULL, client_main, c) == 0;
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	if (!ok)
	{
		free_client(c);
		return NULL;
	}
	pthread_detach(thread);
	monitor.nthreads++;
	c->next = monitor.clients;
	monitor.clients = c;
	return c;
}

/* Under the lock: queues a question, or finds the same one still open.  0 when memory is exhausted. */
static uint64
queue_question(Client *c, const char *id, const char *topic, bool is_pattern, int64 time_ms)
{
	Question   *q;

	for (q = c->first; q != NULL; q = q->next)
	{
		if (strcmp(q->topic, topic) == 0 && strcmp(q->id, id) == 0 && q->is_pattern == is_pattern &&
			q->time_ms == time_ms)
			return q->ticket;
	}
	q = calloc(1, sizeof(Question));
	if (q == NULL)
		return 0;
	q->id = strdup(id);
	q->topic = strdup(topic);
	q->is_pattern = is_pattern;
	q->time_ms = time_ms;
	if (q->id == NULL || q->topic == NULL)
	{
		free_question(q);
		return 0;
	}
	q->ticket = ++monitor.last_ticket;
	if (c->last != NULL)
		c->last->next = q;
	else
		c->first = q;
	c->last = q;
	pthread_cond_signal(&c->wake);
	return q->ticket;
}

/* Under the lock: the answer to a question that could not even be asked. */
static uint64
answer_at_once(const char *text)
{
	Answer	   *a = calloc(1, sizeof(Answer));
	uint64		ticket = ++monitor.last_ticket;

	if (a != NULL)
	{
		a->ticket = ticket;
		a->error.class = SI_STREAM_TRANSIENT;
		a->error.partition = -1;
		snprintf(a->error.text, sizeof(a->error.text), "%s", text);
		post_answer(a);
	}
	return ticket;
}

uint64
si_kafka_monitor_ask(const SiSpec *spec)
{
	return si_kafka_monitor_ask_at(spec, -1);
}

uint64
si_kafka_monitor_ask_at(const SiSpec *spec, int64 time_ms)
{
	Client	   *c;
	uint64		ticket = 0;

	pthread_mutex_lock(&monitor.lock);
	c = get_client(spec->nproperties, spec->properties);
	if (c != NULL)
		ticket = queue_question(c, spec->id != NULL ? spec->id : "",
								spec->topic ? spec->topic : spec->topic_pattern, spec->topic == NULL, time_ms);
	if (ticket == 0)
		ticket = answer_at_once("out of memory or threads");
	pthread_mutex_unlock(&monitor.lock);
	return ticket;
}

bool
si_kafka_monitor_next(SiTopicAnswer *answer)
{
	char		buf[64];
	Answer	   *a;

	/* emptied before the queue is looked at, so that no later answer goes unnoticed */
	while (read(monitor.pipe[0], buf, sizeof(buf)) == sizeof(buf))
		;
	pthread_mutex_lock(&monitor.lock);
	a = monitor.first;
	if (a != NULL)
	{
		monitor.first = a->next;
		if (monitor.first == NULL)
			monitor.last = NULL;
	}
	pthread_mutex_unlock(&monitor.lock);
	if (a == NULL)
		return false;

	memset(answer, 0, sizeof(*answer));
	answer->ticket = a->ticket;
	answer->error = a->error.class;
	strlcpy(answer->text, a->error.text, sizeof(answer->text));
	if (a->error.class == SI_STREAM_OK)
	{
		size_t		size = sizeof(int64) * a->topics.npartitions;

		answer->ntopics = a->topics.n;
		answer->topics = palloc(sizeof(SiTopicSize) * Max(a->topics.n, 1));
		for (int i = 0; i < a->topics.n; i++)
		{
			answer->topics[i].topic = pstrdup(a->topics.topics[i].topic);
			answer->topics[i].npartitions = a->topics.topics[i].npartitions;
		}
		answer->npartitions = a->topics.npartitions;
		answer->low = memcpy(palloc(size), a->low, size);
		answer->high = memcpy(palloc(size), a->high, size);
		if (a->times)
			answer->times = memcpy(palloc(size), a->times, size);
	}
	free_answer(a);
	return true;
}

#ifndef FRONTEND
static void
shutdown_at_exit(int code, Datum arg)
{
	si_kafka_monitor_shutdown();
}
#endif

/*
 * Also registers the shutdown for the process's exit.  -1 when no pipe can be
 * made (errno).
 */
int
si_kafka_monitor_init(void)
{
	if (monitor.initialized)
		return monitor.pipe[0];
	if (pipe2(monitor.pipe, O_NONBLOCK | O_CLOEXEC) != 0)
		return -1;
	monitor.initialized = true;
#ifndef FRONTEND
	before_shmem_exit(shutdown_at_exit, (Datum) 0);
#endif
	return monitor.pipe[0];
}

void
si_kafka_monitor_shutdown(void)
{
	struct timespec until;

	time_in_ms(&until, SHUTDOWN_WAIT_MS);
	pthread_mutex_lock(&monitor.lock);
	monitor.stopping = true;
	for (Client *c = monitor.clients; c != NULL; c = c->next)
		pthread_cond_signal(&c->wake);
	while (monitor.nthreads > 0 && pthread_cond_timedwait(&monitor.thread_gone, &monitor.lock, &until) == 0)
		;
	pthread_mutex_unlock(&monitor.lock);
}
