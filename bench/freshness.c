/*
 * freshness.c
 *		Measures the time from the moment an event is handed to the producer
 *		until a SELECT shows it.
 *
 * One thread produces events with ascending ids at a steady rate into one
 * partition; the main thread asks for the largest id over one connection and
 * books the delay of every id that the answer made visible.  The delay
 * includes the poll's own time, so the figure is an upper bound.
 *
 * usage: freshness BROKERS TOPIC CONNINFO TABLE RATE SECONDS; prints one JSON line.
 */
#include "events.h"
#include "producer.h"

#include <libpq-fe.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP_S 3
#define PATIENCE_US (60 * INT64_C(1000000))
#define POLL_PAUSE_US 2000
#define LINGER_MS 2				/* without it, the broker would be busy with a request per event */

typedef struct Load
{
	Producer   *producer;
	int64_t		rows;
	double		rate;
	int64_t    *sent_us;		/* by id; written before "sent" passes it */
	atomic_llong sent;			/* ids below this are with the producer */
} Load;

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "freshness: %s: %s\n", what, why);
	exit(1);
}

static void *
produce(void *arg)
{
	Load	   *load = arg;
	EventSpec	spec = {.shape = SHAPE_EDITS, .seed = 7, .with_id = 1, .event_rate = 1};
	char		event[EVENT_MAX];
	int64_t		start = monotonic_us();

	for (int64_t i = 0; i < load->rows; i++)
	{
		size_t		len;

		sleep_until_us(start + (int64_t) ((double) i * 1e6 / load->rate));
		len = events_write(&spec, (uint64_t) i, wallclock_us() / 1000, event);
		load->sent_us[i] = monotonic_us();
		producer_send(load->producer, 0, event, len);
		atomic_store(&load->sent, i + 1);
	}
	producer_close(load->producer);
	return NULL;
}

/* The largest id that a query sees now; seen when there is nothing newer. */
static int64_t
visible_id(PGconn *conn, int64_t seen)
{
	char		text[32];
	const char *values[1] = {text};
	PGresult   *res;
	int64_t		id;

	snprintf(text, sizeof(text), "%lld", (long long) seen);
	res = PQexecPrepared(conn, "newest", 1, values, NULL, NULL, 0);

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		fail("query", PQresultErrorMessage(res));
	id = PQgetisnull(res, 0, 0) ? seen : atoll(PQgetvalue(res, 0, 0));
	PQclear(res);
	return id;
}

static PGconn *
open_connection(const char *conninfo, const char *table)
{
	PGconn	   *conn = PQconnectdb(conninfo);
	char		sql[512];
	char	   *quoted;
	PGresult   *res;

	if (PQstatus(conn) != CONNECTION_OK)
		fail("connection", PQerrorMessage(conn));
	quoted = PQescapeIdentifier(conn, table, strlen(table));
	snprintf(sql, sizeof(sql), "SELECT max(id) FROM %s WHERE id > $1::bigint AND __time >= now() - interval '1 minute'", quoted);
	res = PQprepare(conn, "newest", sql, 0, NULL);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		fail("prepare", PQresultErrorMessage(res));
	PQclear(res);
	PQfreemem(quoted);
	return conn;
}

static int
by_value(const void *a, const void *b)
{
	int64_t		x = *(const int64_t *) a;
	int64_t		y = *(const int64_t *) b;

	return x < y ? -1 : x > y;
}

static double
percentile_ms(const int64_t *sorted, int64_t n, double p)
{
	return sorted[(int64_t) ((double) (n - 1) * p)] / 1000.0;
}

int
main(int argc, char **argv)
{
	Load		load = {0};
	pthread_t	thread;
	PGconn	   *conn;
	int64_t    *delays;
	int64_t		n = 0;
	int64_t		seen = -1;
	int64_t		polls = 0;
	int64_t		first_measured;
	int64_t		last_progress;
	int64_t		start;

	if (argc != 7)
	{
		fputs("usage: freshness BROKERS TOPIC CONNINFO TABLE RATE SECONDS\n", stderr);
		return 2;
	}
	events_init();
	load.rate = atof(argv[5]);
	first_measured = (int64_t) (load.rate * WARM_UP_S);
	load.rows = first_measured + (int64_t) (load.rate * atof(argv[6]));
	if (!(load.rate > 0) || load.rows <= first_measured)
		fail("arguments", "RATE and SECONDS must be above 0");
	load.sent_us = calloc((size_t) load.rows, sizeof(int64_t));
	delays = calloc((size_t) load.rows, sizeof(int64_t));
	load.producer = producer_open(argv[1], argv[2], LINGER_MS);
	conn = open_connection(argv[3], argv[4]);

	start = last_progress = monotonic_us();
	if (pthread_create(&thread, NULL, produce, &load) != 0)
		fail("thread", "could not be started");
	while (seen < load.rows - 1)
	{
		int64_t		id = visible_id(conn, seen);
		int64_t		now = monotonic_us();

		polls++;
		if (id >= atomic_load(&load.sent) + 1)
			fail(argv[4], "holds ids that were not produced by this run");
		if (id > seen)
		{
			for (int64_t i = seen + 1; i <= id; i++)
				if (i >= first_measured)
					delays[n++] = now - load.sent_us[i];
			seen = id;
			last_progress = now;
		}
		else if (now - last_progress > PATIENCE_US)
			fail(argv[4], "shows nothing new for a minute");
		sleep_until_us(monotonic_us() + POLL_PAUSE_US);
	}
	pthread_join(thread, NULL);

	qsort(delays, (size_t) n, sizeof(int64_t), by_value);
	printf("{\"events\":%lld,\"rate\":%g,\"p50_ms\":%.1f,\"p90_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f,\"polls_per_s\":%.0f}\n",
		   (long long) n, load.rate, percentile_ms(delays, n, 0.5), percentile_ms(delays, n, 0.9),
		   percentile_ms(delays, n, 0.99), percentile_ms(delays, n, 1), polls / ((monotonic_us() - start) / 1e6));
	PQfinish(conn);
	return 0;
}
