/*
 * kafka.c
 *		A task's Kafka reader: the consumer (kafka_consumer.c) in PostgreSQL's
 *		world of memory contexts, errors and log.
 *
 * Nothing is thrown and nothing logged while a call of librdkafka is on the
 * stack; its log lines are collected and passed on after each poll.
 *
 * A reader lives in the memory context it was created in and ends with it.
 * At process exit all that are left are ended first, as the library's threads
 * must not run while the process takes its libraries down.
 */
#include "postgres.h"

#include "source/kafka.h"
#include "source/kafka_consumer.h"
#include "spec/consumer_properties.h"
#include "spec/fields.h"

#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include <librdkafka/rdkafka.h>
#include <syslog.h>

struct SiKafkaReader
{
	SiKafkaConsumer *consumer;	/* NULL once destroyed */
	SiKafkaReader *next;		/* of all live readers of this process */
	MemoryContextCallback on_reset;
};

static SiKafkaReader *live_readers = NULL;

/* Ends the client and forgets the reader; safe to call again. */
static void
close_reader(SiKafkaReader *r)
{
	if (r->consumer == NULL)
		return;
	for (SiKafkaReader **p = &live_readers; *p != NULL; p = &(*p)->next)
	{
		if (*p == r)
		{
			*p = r->next;
			break;
		}
	}
	si_kafka_consumer_destroy(r->consumer);
	r->consumer = NULL;
	ReleaseExternalFD();
}

static void
close_at_reset(void *arg)
{
	close_reader(arg);
}

static void
close_at_exit(int code, Datum arg)
{
	while (live_readers != NULL)
		close_reader(live_readers);
}

/* What the library logged since the last call: serious things for the administrator, the rest for who debugs. */
static void
forward_log(SiKafkaReader *r)
{
	SiKafkaLogLine line;

	while (si_kafka_consumer_log(r->consumer, &line))
		ereport(line.level <= LOG_CRIT ? LOG : DEBUG1,
				(errmsg_internal("librdkafka: %s", line.text)));
}

/* The name that may have been meant by one that nobody knows; NULL when there is none. */
static const char *
nearest_name(const SiSpec *spec)
{
	for (int i = 0; i < spec->nproperties; i++)
		if (si_consumer_property(spec->properties[i].key) == NULL)
			return si_spec_nearest_property(spec->properties[i].key);
	return NULL;
}

void
si_kafka_check_properties(const SiSpec *spec)
{
	SiReason	why;
	rd_kafka_conf_t *conf = si_kafka_conf(spec->nproperties, spec->properties, &why);
	const char *nearest;

	if (conf != NULL)
	{
		rd_kafka_conf_destroy(conf);
		return;
	}
	nearest = nearest_name(spec);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid ioConfig.consumerProperties: %s", why.text),
			 nearest ? errhint("Perhaps you meant \"%s\".", nearest)
			 : errhint("The properties are those of Kafka's Java consumer or of librdkafka %s; stream_ingest.consumer_properties() lists them.",
					   rd_kafka_version_str())));
}

SiKafkaReader *
si_kafka_reader_create(const SiSpec *spec, int nstreams, const SiStream *streams, int npartitions,
					   const int32 *partitions, const int64 *offsets, int64 queue_bytes)
{
	static bool exit_registered = false;
	SiKafkaReader *r = palloc0(sizeof(SiKafkaReader));
	SiReason	why;

	if (!exit_registered)
	{
		before_shmem_exit(close_at_exit, (Datum) 0);
		exit_registered = true;
	}
	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not create a Kafka consumer: too many open files"),
				 errhint("Increase max_files_per_process.")));

	r->consumer = si_kafka_consumer_create(nstreams, streams, spec->nproperties, spec->properties,
										   npartitions, partitions, offsets, queue_bytes, &why);
	if (r->consumer == NULL)
	{
		ReleaseExternalFD();
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
				 errmsg("could not create a Kafka consumer for topic \"%s\": %s", si_spec_stream(spec), why.text),
				 errhint("Check ioConfig.consumerProperties of the supervisor spec.")));
	}
	r->next = live_readers;
	live_readers = r;
	r->on_reset.func = close_at_reset;
	r->on_reset.arg = r;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &r->on_reset);
	return r;
}

int
si_kafka_reader_fd(SiKafkaReader *r)
{
	return si_kafka_consumer_fd(r->consumer);
}

void
si_kafka_reader_clear_fd(SiKafkaReader *r)
{
	si_kafka_consumer_clear_fd(r->consumer);
}

int
si_kafka_reader_poll(SiKafkaReader *r, SiMessage *msgs, int max)
{
	int			n = si_kafka_consumer_poll(r->consumer, msgs, max);

	forward_log(r);
	return n;
}

bool
si_kafka_reader_at_end(SiKafkaReader *r)
{
	return si_kafka_consumer_at_end(r->consumer);
}

void
si_kafka_reader_release(SiKafkaReader *r)
{
	si_kafka_consumer_release(r->consumer);
}

int64
si_kafka_reader_position(SiKafkaReader *r, int32 partition)
{
	return si_kafka_consumer_position(r->consumer, partition);
}

bool
si_kafka_reader_watermarks(SiKafkaReader *r, int32 partition, int64 *low, int64 *high)
{
	return si_kafka_consumer_watermarks(r->consumer, partition, low, high);
}

void
si_kafka_reader_error(SiKafkaReader *r, SiStreamError *err)
{
	si_kafka_consumer_error(r->consumer, err);
}

bool
si_kafka_reader_gone(SiKafkaReader *r, int32 *partition)
{
	return si_kafka_consumer_gone(r->consumer, partition);
}

/* Ends the reader; its memory goes with its context, whose reset does nothing more. */
void
si_kafka_reader_destroy(SiKafkaReader *r)
{
	close_reader(r);
}

const char *
si_kafka_version(void)
{
	return rd_kafka_version_str();
}
