/*
 * kafka_farewell.c
 *		Ends a client of librdkafka without waiting for what hangs.
 */
#include "common/port.h"

#include "source/kafka_consumer.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

/* A client being destroyed; freed by whoever of the two threads is last. */
typedef struct Farewell
{
	rd_kafka_t *rk;
	pthread_mutex_t lock;
	pthread_cond_t done_cond;
	bool		done;
	bool		abandoned;
} Farewell;

static void
free_farewell(Farewell *f)
{
	pthread_cond_destroy(&f->done_cond);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static void *
destroy_main(void *arg)
{
	Farewell   *f = arg;
	bool		abandoned;

	rd_kafka_destroy_flags(f->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	pthread_mutex_lock(&f->lock);
	f->done = true;
	abandoned = f->abandoned;
	pthread_cond_signal(&f->done_cond);
	pthread_mutex_unlock(&f->lock);
	if (abandoned)
		free_farewell(f);
	return NULL;
}

bool
si_kafka_client_destroy(rd_kafka_t *rk, int timeout_ms)
{
	Farewell   *f = calloc(1, sizeof(Farewell));
	struct timespec until;
	pthread_t	thread;
	sigset_t	all,
				old;
	bool		done;
	int			rc;

	if (f == NULL)
		return false;
	f->rk = rk;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->done_cond, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, NULL, destroy_main, f);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
	{
		free_farewell(f);
		return false;
	}
	pthread_detach(thread);

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (timeout_ms % 1000) * 1000000L;
	if (until.tv_nsec >= 1000000000L)
	{
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&f->lock);
	while (!f->done && pthread_cond_timedwait(&f->done_cond, &f->lock, &until) == 0)
		;
	done = f->done;
	f->abandoned = !done;
	pthread_mutex_unlock(&f->lock);
	if (done)
		free_farewell(f);
	return done;
}
