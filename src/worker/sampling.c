/*
 * sampling.c
 *		The short-lived worker that reads a few messages of a topic, or only
 *		counts them, and the backend's side of it: see sampling.h.
 *
 * The two share a dynamic shared memory segment with the request and a queue.
 * The worker connects to no database, so it is in nobody's way, and takes no
 * task slot.  A frame in the queue is a message, their number, or the reason
 * why there are none.  It ends when it has sent enough, after its time is up, or when the
 * backend is gone.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "source/kafka.h"
#include "source/kafka_monitor.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "worker/message_frame.h"
#include "worker/sampling.h"
#include "worker/worker.h"

#define QUEUE_BYTES		(64 * 1024)
#define POLL_MESSAGES	256
/* Memory of the client for what it fetches ahead. */
#define PREFETCH_BYTES	(INT64CONST(4) * 1024 * 1024)

PGDLLEXPORT void si_sampling_task_main(Datum arg);

/* At the start of the segment; then the texts, then the queue. */
typedef struct SampleRequest
{
	int			num_messages;	/* 0: only their number is asked for */
	int			timeout_ms;
	bool		earliest;
	bool		is_pattern;		/* the topic is a pattern of topics */
	int			nproperties;
	Size		queue_offset;
	Size		texts;			/* bytes of texts */
	char		text[FLEXIBLE_ARRAY_MEMBER];	/* topic, then keys and values, each NUL-terminated */
} SampleRequest;

/* What a frame begins with; a message (see message_frame.h) or a reason may follow. */
typedef struct SampleFrame
{
	int64		failed;			/* it is a reason */
	int64		count;			/* when only the number was asked for */
} SampleFrame;

/* ------------------------------------------------------------------ backend */

typedef struct SampleWorker
{
	dsm_segment *segment;
	BackgroundWorkerHandle *handle;
	shm_mq_handle *queue;
} SampleWorker;

static Size
texts_size(const SiSpec *spec)
{
	Size		n = strlen(si_spec_stream(spec)) + 1;

	for (int i = 0; i < spec->nproperties; i++)
		n += strlen(spec->properties[i].key) + strlen(spec->properties[i].value) + 2;
	return n;
}

static char *
put_text(char *at, const char *text)
{
	Size		len = strlen(text) + 1;

	memcpy(at, text, len);
	return at + len;
}

static void
write_request(SampleWorker *w, const SiSpec *spec, int num_messages, int timeout_ms)
{
	Size		texts = texts_size(spec);
	Size		queue_offset = MAXALIGN(offsetof(SampleRequest, text) + texts);
	SampleRequest *r;
	shm_mq	   *mq;
	char	   *at;

	w->segment = dsm_create(queue_offset + QUEUE_BYTES, 0);
	r = dsm_segment_address(w->segment);
	r->num_messages = num_messages;
	r->timeout_ms = timeout_ms;
	r->earliest = spec->use_earliest_offset;
	r->nproperties = spec->nproperties;
	r->queue_offset = queue_offset;
	r->texts = texts;
	r->is_pattern = spec->topic == NULL;
	at = put_text(r->text, si_spec_stream(spec));
	for (int i = 0; i < spec->nproperties; i++)
		at = put_text(put_text(at, spec->properties[i].key), spec->properties[i].value);
	mq = shm_mq_create((char *) r + queue_offset, QUEUE_BYTES);
	shm_mq_set_receiver(mq, MyProc);
	w->queue = shm_mq_attach(mq, w->segment, NULL);
}

/* False when there is no place for it. */
static bool
start_worker(SampleWorker *w)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(w->segment));
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "stream_ingest");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "si_sampling_task_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "stream_ingest sampling task of PID %d", MyProcPid);
	snprintf(worker.bgw_type, BGW_MAXLEN, "stream_ingest sampling task");
	if (!RegisterDynamicBackgroundWorker(&worker, &w->handle))
		return false;
	shm_mq_set_handle(w->queue, w->handle);
	return true;
}

static void
stop_worker(int code, Datum arg)
{
	SampleWorker *w = (SampleWorker *) DatumGetPointer(arg);

	if (w->handle)
		TerminateBackgroundWorker(w->handle);
}

/* One frame; false when there are no more. */
static bool
receive(SampleWorker *w, const SiSpec *spec, SiMessage *m)
{
	Size		len;
	void	   *data;
	SampleFrame frame;

	/* no more frames: the worker is done, or died, which its log entry explains */
	if (shm_mq_receive(w->queue, &len, &data, false) != SHM_MQ_SUCCESS)
		return false;
	if (len < sizeof(frame))
		elog(ERROR, "unexpected frame of %zu bytes from a sampling task", len);
	memcpy(&frame, data, sizeof(frame));
	if (frame.failed)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("could not read topic \"%s\": %.*s", si_spec_stream(spec),
						(int) (len - sizeof(frame)), (char *) data + sizeof(frame)),
				 errhint("Check ioConfig.topic and ioConfig.consumerProperties, or give the messages as an argument.")));
	if (!si_message_unpack((char *) data + sizeof(frame), len - sizeof(frame), m))
		elog(ERROR, "unexpected message of %zu bytes from a sampling task", len);
	return true;
}

void
si_sample_topic(const SiSpec *spec, int num_messages, SiSampleCallback callback, void *arg)
{
	SampleWorker w = {0};

	write_request(&w, spec, num_messages, SI_SAMPLING_TIMEOUT_MS);
	PG_ENSURE_ERROR_CLEANUP(stop_worker, PointerGetDatum(&w));
	{
		SiMessage	m;

		if (!start_worker(&w))
			ereport(ERROR,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("no free background worker to read the topic"),
					 errhint("Try again, increase max_worker_processes, or give the messages as an argument.")));
		for (int n = 0; n < num_messages && receive(&w, spec, &m); n++)
			callback(arg, &m);
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_worker, PointerGetDatum(&w));
	TerminateBackgroundWorker(w.handle);
	dsm_detach(w.segment);
}

/* The answer of a worker that was asked for a number; false when there is none. */
static bool
receive_count(SampleWorker *w, int64 *count)
{
	Size		len;
	void	   *data;
	SampleFrame frame;

	if (shm_mq_receive(w->queue, &len, &data, false) != SHM_MQ_SUCCESS || len < sizeof(frame))
		return false;
	memcpy(&frame, data, sizeof(frame));
	*count = frame.count;
	return !frame.failed;
}

bool
si_count_topic(const SiSpec *spec, int timeout_ms, int64 *messages)
{
	SampleWorker w = {0};

	*messages = -1;
	write_request(&w, spec, 0, timeout_ms);
	PG_ENSURE_ERROR_CLEANUP(stop_worker, PointerGetDatum(&w));
	{
		if (!start_worker(&w) || !receive_count(&w, messages))
			*messages = -1;
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_worker, PointerGetDatum(&w));
	stop_worker(0, PointerGetDatum(&w));
	dsm_detach(w.segment);
	return *messages >= 0;
}

/* ------------------------------------------------------------------- worker */

typedef struct Sampling
{
	SampleRequest *request;
	shm_mq_handle *queue;
	SiSpec		spec;			/* only what a reader needs */
	TimestampTz deadline;
	int			left;
	StringInfoData message;		/* the one that is sent */
	bool		drained;		/* the last poll returned nothing */
} Sampling;

/* False when the backend is gone. */
static bool
send_frame(Sampling *s, const SampleFrame *frame, const void *payload, Size len)
{
	shm_mq_iovec parts[2] = {
		{(const char *) frame, sizeof(*frame)},
		{payload, len}
	};

	return shm_mq_sendv(s->queue, parts, 2, false, true) == SHM_MQ_SUCCESS;
}

static void
send_failure(Sampling *s, const char *reason)
{
	SampleFrame frame = {.failed = true};

	(void) send_frame(s, &frame, reason, strlen(reason));
}

static void
read_request(Sampling *s, dsm_segment *segment)
{
	SampleRequest *r = dsm_segment_address(segment);
	char	   *at = r->text;
	shm_mq	   *mq = (shm_mq *) ((char *) r + r->queue_offset);

	s->request = r;
	s->left = r->num_messages;
	s->deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), r->timeout_ms);
	s->spec.id = "sample";
	s->spec.use_earliest_offset = r->earliest;
	if (r->is_pattern)
		s->spec.topic_pattern = at;
	else
		s->spec.topic = at;
	at += strlen(at) + 1;
	s->spec.nproperties = r->nproperties;
	s->spec.properties = palloc(sizeof(SiKeyValue) * Max(r->nproperties, 1));
	for (int i = 0; i < r->nproperties; i++)
	{
		s->spec.properties[i].key = at;
		at += strlen(at) + 1;
		s->spec.properties[i].value = at;
		at += strlen(at) + 1;
	}
	initStringInfo(&s->message);
	shm_mq_set_sender(mq, MyProc);
	s->queue = shm_mq_attach(mq, segment, NULL);
}

/* Waits for the descriptor or the latch; false when the time is up. */
static bool
wait_for(Sampling *s, int fd)
{
	long		ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), s->deadline);

	CHECK_FOR_INTERRUPTS();
	if (ms <= 0)
		return false;
	(void) WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 fd, Min(ms, 200), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return true;
}

/* Asks for the ends of the topic; false when that failed, which was reported. */
static bool
ask_ends(Sampling *s, SiTopicAnswer *answer)
{
	int			fd = si_kafka_monitor_init();

	if (fd < 0)
	{
		send_failure(s, "no file descriptor is free");
		return false;
	}
	(void) si_kafka_monitor_ask(&s->spec);
	while (!si_kafka_monitor_next(answer))
	{
		if (!wait_for(s, fd))
		{
			send_failure(s, "the broker did not answer in time");
			return false;
		}
	}
	if (answer->error != SI_STREAM_OK)
		send_failure(s, answer->text);
	return answer->error == SI_STREAM_OK;
}

static void
send_count(Sampling *s, const SiTopicAnswer *answer)
{
	SampleFrame frame = {.failed = false};

	for (int i = 0; i < answer->npartitions; i++)
		if (answer->low[i] >= 0 && answer->high[i] > answer->low[i])
			frame.count += answer->high[i] - answer->low[i];
	(void) send_frame(s, &frame, NULL, 0);
}

/* The partitions that have messages, from where they are wanted. */
static SiKafkaReader *
open_reader(Sampling *s, const SiTopicAnswer *answer)
{
	SiStream   *streams = palloc(sizeof(SiStream) * Max(answer->ntopics, 1));
	int32	   *partitions = palloc(sizeof(int32) * Max(answer->npartitions, 1));
	int64	   *offsets = palloc(sizeof(int64) * Max(answer->npartitions, 1));
	int			at = 0;
	int			n = 0;

	for (int t = 0; t < answer->ntopics; t++)
	{
		streams[t] = (SiStream) {t, answer->topics[t].topic};
		for (int i = 0; i < answer->topics[t].npartitions; i++, at++)
		{
			if (answer->low[at] < 0 || answer->high[at] <= answer->low[at])
				continue;
			partitions[n] = si_partition(t, i);
			offsets[n] = s->spec.use_earliest_offset ? answer->low[at] :
				Max(answer->low[at], answer->high[at] - s->request->num_messages);
			n++;
		}
	}
	return n == 0 ? NULL :
		si_kafka_reader_create(&s->spec, answer->ntopics, streams, n, partitions, offsets, PREFETCH_BYTES);
}

/* False when there is nothing more to do. */
static bool
pass_on(Sampling *s, SiKafkaReader *reader)
{
	static SiMessage messages[POLL_MESSAGES];
	SiStreamError e;
	int			n = si_kafka_reader_poll(reader, messages, POLL_MESSAGES);
	bool		go_on = true;

	s->drained = n == 0;
	for (int i = 0; i < n && go_on; i++)
	{
		const SiMessage *m = &messages[i];
		SampleFrame frame = {.failed = false};

		resetStringInfo(&s->message);
		si_message_pack(&s->message, m);
		go_on = send_frame(s, &frame, s->message.data, s->message.len) && --s->left > 0;
	}
	if (n > 0)
		si_kafka_reader_release(reader);
	si_kafka_reader_error(reader, &e);
	if (e.class == SI_STREAM_FATAL)
	{
		send_failure(s, e.text);
		return false;
	}
	return go_on && (n > 0 || !si_kafka_reader_at_end(reader));
}

void
si_sampling_task_main(Datum arg)
{
	Sampling	s = {0};
	dsm_segment *segment;
	SiTopicAnswer answer;
	SiKafkaReader *reader;

	si_session_signals();
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "stream_ingest sampling task");
	segment = dsm_attach(DatumGetUInt32(arg));
	if (segment == NULL)
		proc_exit(0);			/* the backend did not wait */
	read_request(&s, segment);
	if (!ask_ends(&s, &answer))
		proc_exit(0);
	if (s.left == 0)
		send_count(&s, &answer);
	else if ((reader = open_reader(&s, &answer)) != NULL)
	{
		while (pass_on(&s, reader))
		{
			if (!s.drained)
				continue;
			if (!wait_for(&s, si_kafka_reader_fd(reader)))
				break;
			si_kafka_reader_clear_fd(reader);
		}
		si_kafka_reader_destroy(reader);
	}
	proc_exit(0);
}
