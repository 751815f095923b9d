/*
 * task_batch.c
 *		What a reading task has read and not committed yet.
 *
 * Messages are parsed and put into the index as they come.  A commit writes
 * the index as one chunk - a durable file before the transaction, or bytes in
 * the chunk's row when it is small - and hands everything to the commit
 * transaction.  Nothing here survives the process, and nothing needs to: the
 * stream has it all.
 *
 * Memory: "batch" holds rejected messages and the chunk being written and is
 * reset after every commit; all else lives as long as the task.
 */
#include "postgres.h"

#include "catalog/gaps.h"
#include "catalog/requeue.h"
#include "catalog/spi.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/guc.h"
#include "files/files.h"
#include "index/index.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/pipeline.h"
#include "worker/shmem.h"
#include "worker/task_batch.h"

/* Rejected messages that one commit keeps; more are counted only. */
#define MAX_REJECTED_PER_COMMIT	1000

/* Rejected messages that are parsed again in one commit; as many may be kept once more. */
#define REQUEUE_MESSAGES	200

/* While the table is full: ms between two looks whether old ones have gone. */
#define REJECTED_LOOK_MS	60000

/* Messages between two checks of the memory in use. */
#define MEMORY_CHECK_MESSAGES	256

struct SiBatch
{
	SiSpec	   *spec;
	SiGroup		group;			/* as committed */
	int64		run_id;
	SiPipeline *pipeline;
	SiIndex    *index;			/* of the pipeline */
	int64		max_rows;
	int64		max_bytes;

	/* what the next commit will say */
	int64	   *offsets;
	int64	   *records;		/* messages read of each partition */
	SiCounters	counters;
	TimestampTz first_pending;
	bool		full;
	bool		lost_race;
	char	   *halted;
	int			messages_since_check;
	List	   *multi;			/* names of multi-value columns that are in the catalog, or need not be */

	int			nrequeued;		/* messages that were parsed again */
	int64	   *requeued;		/* their rejected_ids; NULL: this task reads */
	int			nrejected;
	SiRejected *rejected;		/* room for MAX_REJECTED_PER_COMMIT */
	SiDropped  *dropped;		/* one per partition */
	bool		any_dropped;
	int64		rejected_rows;	/* in the table, as far as we know */
	int64		rejected_bytes;
	TimestampTz rejected_loaded;	/* when they were counted in the table */

	MemoryContext context;
	MemoryContext batch;		/* reset after each commit */
};

static int64
memory_limit(const SiSpec *spec)
{
	if (spec->max_bytes_in_memory < 0)
		return PG_INT64_MAX;
	if (spec->max_bytes_in_memory == 0)
		return si_task_memory * INT64CONST(1024);
	return spec->max_bytes_in_memory;
}

static void
count_rejected(SiBatch *b)
{
	si_rejected_load(b->group.supervisor_id, &b->rejected_rows, &b->rejected_bytes);
	b->rejected_loaded = si_now();
}

/* Whether a partition is halted, since the broker did not have its next offset. */
static bool
is_halted(const SiGap *gaps, int ngaps, int32 partition)
{
	for (int i = 0; i < ngaps; i++)
		if (gaps[i].partition == partition)
			return true;
	return false;
}

/* Opens the stream at the group's offsets, but for halted partitions: whatever their log holds by now is not ours to read on. */
static SiKafkaReader *
open_reader(SiBatch *b)
{
	const SiGroup *g = &b->group;
	int32	   *partitions = palloc(sizeof(int32) * Max(g->npartitions, 1));
	int64	   *offsets = palloc(sizeof(int64) * Max(g->npartitions, 1));
	SiGap	   *gaps;
	int			ngaps;
	int			n = 0;

	si_spi_begin();
	ngaps = si_gaps_open(g->supervisor_id, b->context, &gaps);
	si_spi_commit();
	MemoryContextSwitchTo(b->context);
	for (int i = 0; i < g->npartitions; i++)
	{
		if (is_halted(gaps, ngaps, g->partitions[i]))
			continue;
		partitions[n] = g->partitions[i];
		offsets[n++] = g->offsets[i];
	}
	return si_kafka_reader_create(b->spec, g->nstreams, g->streams, n, partitions, offsets,
								  si_kafka_queue_memory * INT64CONST(1024));
}

SiBatch *
si_batch_create(const char *supervisor_id, int group_id, SiKafkaReader **reader)
{
	SiBatch    *b = palloc0(sizeof(SiBatch));
	char	   *json;

	b->context = CurrentMemoryContext;
	if (!si_group_load(supervisor_id, group_id, &b->group) || b->group.halted != NULL)
		return NULL;
	json = si_supervisor_spec(supervisor_id, &b->group.spec_version);
	if (json == NULL)
		return NULL;
	b->spec = si_spec_parse(json, true);
	/* a changed spec that is not planned yet: these offsets are of the former topic */
	if (strcmp(si_spec_stream(b->spec), b->group.topic) != 0)
		return NULL;
	b->run_id = si_next_run_id();
	SpinLockAcquire(&si_my_slot->mutex);
	si_my_slot->run_id = b->run_id;
	SpinLockRelease(&si_my_slot->mutex);

	b->pipeline = si_pipeline_create(b->spec, false);
	/* changed meanwhile: it may be somebody else's by now */
	if (!si_pipeline_run_as(b->pipeline, supervisor_id, b->group.spec_version))
		return NULL;
	b->index = si_pipeline_index(b->pipeline);
	for (int i = 0; i < b->spec->ndimensions; i++)
		if (b->spec->dimensions[i].array)
			b->multi = lappend(b->multi, b->spec->dimensions[i].name);
	b->max_rows = b->spec->max_rows_in_memory;
	b->max_bytes = memory_limit(b->spec);

	b->offsets = palloc(sizeof(int64) * Max(b->group.npartitions, 1));
	memcpy(b->offsets, b->group.offsets, sizeof(int64) * b->group.npartitions);
	b->records = palloc(sizeof(int64) * Max(b->group.npartitions, 1));
	memcpy(b->records, b->group.records, sizeof(int64) * b->group.npartitions);
	b->counters = b->group.counters;
	b->rejected = palloc(sizeof(SiRejected) * MAX_REJECTED_PER_COMMIT);
	b->dropped = palloc0(sizeof(SiDropped) * Max(b->group.npartitions, 1));
	count_rejected(b);
	si_batch_refresh_bounds(b);
	b->batch = AllocSetContextCreate(b->context, "reading task batch", ALLOCSET_DEFAULT_SIZES);

	if (reader)
		*reader = open_reader(b);
	return b;
}

void
si_batch_refresh_bounds(SiBatch *b)
{
	int64		min_ms,
				max_ms;

	if (!b->spec->has_late_period && !b->spec->has_late_start && !b->spec->has_early_period)
		return;
	si_group_message_bounds(&b->group, &min_ms, &max_ms);
	si_index_set_bounds(b->index, min_ms, max_ms);
}

/* Position of a partition in the group's arrays; -1 when it is not ours. */
static int
partition_index(const SiBatch *b, int32 partition)
{
	for (int i = 0; i < b->group.npartitions; i++)
		if (b->group.partitions[i] == partition)
			return i;
	return -1;
}

/* As Druid writes it: the number, or topic:number where there are several topics. */
static char *
partition_name(const SiBatch *b, int32 partition)
{
	return si_partition_print(b->spec->topic ? NULL : si_stream_topic(b->group.streams, b->group.nstreams, partition),
							  partition);
}

/* A reason that PostgreSQL's text can hold. */
static char *
clean_reason(const char *reason)
{
	int			len = strlen(reason);

	return pnstrdup(reason, pg_encoding_verifymbstr(PG_UTF8, reason, len));
}

/* Also what else was wrong in the message. */
static void
keep_more_reasons(SiRejected *r, int n, const SiReason *reasons)
{
	const char **more;

	if (n < 2)
		return;
	more = palloc(sizeof(char *) * (n - 1));
	for (int i = 1; i < n; i++)
		more[i - 1] = clean_reason(reasons[i].text);
	r->more_reasons = more;
	r->nmore_reasons = n - 1;
}

static void
keep_rejected(SiBatch *b, int part, const SiMessage *m, const char *error_type, int n, const SiReason *reasons)
{
	const char *reason = reasons[0].text;
	int64		kept = Min(m->len, si_rejected_payload_limit);

	if (b->spec->log_parse_exceptions)
		ereport(LOG,
				(errmsg("supervisor \"%s\": message at partition %s, offset " INT64_FORMAT " is %s: %s",
						b->group.supervisor_id, partition_name(b, m->partition), m->offset, error_type, reason)));
	if (b->nrejected == MAX_REJECTED_PER_COMMIT ||
		b->rejected_rows >= si_rejected_max_rows ||
		b->rejected_bytes + kept > si_rejected_max_bytes * INT64CONST(1024))
	{
		SiDropped  *d = &b->dropped[part];

		if (d->messages++ == 0)
			d->first_offset = m->offset;
		d->last_offset = m->offset;
		b->any_dropped = true;
		b->counters.n[SI_COUNT_REJECTED_DROPPED]++;
	}
	else
	{
		MemoryContext old = MemoryContextSwitchTo(b->batch);
		SiRejected *r = &b->rejected[b->nrejected++];
		char	   *copy = palloc(Max(kept, 1));

		memcpy(copy, m->payload, kept);
		r->partition = m->partition;
		r->offset = m->offset;
		r->error_type = error_type;
		r->reason = clean_reason(reason);
		r->more_reasons = NULL;
		r->nmore_reasons = 0;
		keep_more_reasons(r, n, reasons);
		r->payload = copy;
		r->payload_bytes = m->len;
		r->payload_kept = kept;
		b->rejected_rows++;
		b->rejected_bytes += kept;
		MemoryContextSwitchTo(old);
	}
}

/* The message that was added last, with all that was wrong in its rows. */
static void
keep_rejected_rows(SiBatch *b, int part, const SiMessage *m, const char *error_type)
{
	const SiReason *reasons;
	int			n = si_index_reasons(b->index, &reasons);

	Assert(n > 0);
	keep_rejected(b, part, m, error_type, n, reasons);
}

/* Reading ends before this message: everything up to it is to be committed. */
static void
halt_at(SiBatch *b, const SiMessage *m, const char *reason)
{
	MemoryContext old = MemoryContextSwitchTo(b->context);

	b->halted = psprintf("Max parse exceptions[" INT64_FORMAT "] exceeded at partition %s, offset " INT64_FORMAT ": %s",
						 b->spec->max_parse_exceptions, partition_name(b, m->partition), m->offset, clean_reason(reason));
	MemoryContextSwitchTo(old);
}

static void
count_result(SiBatch *b, const SiAddResult *r)
{
	int64	   *n = b->counters.n;

	n[SI_COUNT_PROCESSED] += r->processed;
	n[SI_COUNT_PROCESSED_WITH_ERROR] += r->with_error;
	n[SI_COUNT_UNPARSEABLE] += r->unparseable_rows;
	n[SI_COUNT_PARSE_EXCEPTIONS] += r->with_error + r->unparseable_rows;
	n[SI_COUNT_THROWN_AWAY] += r->before_min + r->after_max + r->filtered;
	n[SI_COUNT_THROWN_FILTERED] += r->filtered;
	n[SI_COUNT_THROWN_BEFORE_MIN] += r->before_min;
	n[SI_COUNT_THROWN_AFTER_MAX] += r->after_max;
}

/* One message; false when reading halts before it. */
static bool
add_message(SiBatch *b, int part, const SiMessage *m)
{
	SiReason	why;
	SiAddResult result;
	int64		left = b->spec->max_parse_exceptions - b->counters.n[SI_COUNT_PARSE_EXCEPTIONS];

	if (m->payload == NULL)
	{
		b->counters.n[SI_COUNT_PROCESSED_BYTES] += m->len;
		b->counters.n[SI_COUNT_THROWN_AWAY]++;
		b->counters.n[SI_COUNT_THROWN_NULL]++;
		return true;
	}
	if (unlikely(!si_pipeline_add(b->pipeline, m, left, &result, &why)))
	{
		halt_at(b, m, why.text);
		return false;
	}
	b->counters.n[SI_COUNT_PROCESSED_BYTES] += m->len;
	if (unlikely(result.unparseable))
	{
		b->counters.n[SI_COUNT_UNPARSEABLE]++;
		b->counters.n[SI_COUNT_PARSE_EXCEPTIONS]++;
		keep_rejected(b, part, m, "unparseable", 1, &why);
		return true;
	}
	count_result(b, &result);
	/* what has a row in the table is not unparseable as a whole: it must not be read a second time */
	if (unlikely(result.with_error > 0 || result.unparseable_rows > 0))
		keep_rejected_rows(b, part, m,
						   result.with_error + result.processed + result.before_min + result.after_max + result.filtered > 0 ?
						   "processedWithError" : "unparseable");
	return true;
}

void
si_batch_add(SiBatch *b, const SiMessage *messages, int n)
{
	int			part = -1;
	int			prepared = 0;

	if (b->first_pending == 0)
		b->first_pending = si_now();
	for (int i = 0; i < n && b->halted == NULL && !b->lost_race; i++)
	{
		const SiMessage *m = &messages[i];

		if (i == prepared)
			prepared += si_pipeline_prepare(b->pipeline, m, n - i);
		if (part < 0 || b->group.partitions[part] != m->partition)
			part = partition_index(b, m->partition);
		/* a consumer may deliver again after a reconnect; never twice to the index */
		if (part < 0 || m->offset < b->offsets[part])
			continue;
		if (unlikely(b->group.stops != NULL) && m->offset >= b->group.stops[part])
		{
			b->offsets[part] = Max(b->offsets[part], b->group.stops[part]);
			continue;
		}
		if (!add_message(b, part, m))
		{
			b->full = true;
			return;
		}
		b->offsets[part] = m->offset + 1;
		b->records[part]++;
		if (++b->messages_since_check >= MEMORY_CHECK_MESSAGES ||
			si_index_rows(b->index) >= b->max_rows)
		{
			b->messages_since_check = 0;
			if (si_index_rows(b->index) >= b->max_rows || si_batch_bytes(b) >= b->max_bytes)
			{
				(void) si_batch_commit(b);
				if (b->first_pending == 0)
					b->first_pending = si_now();
			}
		}
	}
}

bool
si_batch_complete(const SiBatch *b)
{
	if (b->group.stops == NULL || b->halted || b->lost_race)
		return false;
	for (int i = 0; i < b->group.npartitions; i++)
		if (b->offsets[i] < b->group.stops[i])
			return false;
	return true;
}

/* One rejected message; true when it is stored now. */
static bool
add_requeued(SiBatch *b, const SiRequeued *r)
{
	SiMessage	m = {.offset = r->offset, .payload = r->payload, .len = r->len, .timestamp = -1, .topic = r->topic};
	SiAddResult result;
	SiReason	why;
	int			stream = 0;

	for (int i = 0; i < b->group.nstreams; i++)
		if (strcmp(b->group.streams[i].topic, r->topic) == 0)
			stream = b->group.streams[i].id;
	m.partition = si_partition(stream, r->number);
	if (!si_pipeline_add(b->pipeline, &m, PG_INT64_MAX, &result, &why) || result.unparseable ||
		result.processed + result.with_error + result.filtered == 0)
		return false;
	count_result(b, &result);
	if (result.with_error > 0 || result.unparseable_rows > 0)
		keep_rejected_rows(b, Max(partition_index(b, m.partition), 0), &m, "processedWithError");
	return true;
}

/* Whether somebody asks this process to end. */
static bool
is_asked_to_stop(void)
{
	return pg_atomic_read_u32(&si_my_slot->stop) != 0;
}

SiRequeueEnd
si_batch_requeue(SiBatch *b, int64 to)
{
	MemoryContext messages = AllocSetContextCreate(b->context, "messages to be parsed again", ALLOCSET_DEFAULT_SIZES);
	int64		after = 0;
	int			n;

	b->requeued = palloc(sizeof(int64) * REQUEUE_MESSAGES);
	si_index_set_bounds(b->index, PG_INT64_MIN, PG_INT64_MAX);
	do
	{
		SiRequeued *list;
		MemoryContext old = MemoryContextSwitchTo(messages);

		CHECK_FOR_INTERRUPTS();
		n = si_requeue_next(b->group.supervisor_id, after, to, REQUEUE_MESSAGES, &list);
		MemoryContextSwitchTo(old);
		/* what an expression takes its time for is not waited for */
		for (int i = 0; i < n && !is_asked_to_stop(); i++)
		{
			CHECK_FOR_INTERRUPTS();
			after = list[i].rejected_id;
			if (add_requeued(b, &list[i]))
				b->requeued[b->nrequeued++] = after;
		}
		if (b->nrequeued > 0)
		{
			b->first_pending = si_now();
			if (si_batch_commit(b) != SI_BATCH_COMMITTED)
				return SI_REQUEUE_LOST_RACE;
			SI_FAULT("requeue_committed");
		}
		MemoryContextReset(messages);
		if (is_asked_to_stop())
			return SI_REQUEUE_STOPPED;
	} while (n == REQUEUE_MESSAGES);
	return SI_REQUEUE_DONE;
}

void
si_batch_take_positions(SiBatch *b, SiKafkaReader *reader)
{
	for (int i = 0; i < b->group.npartitions; i++)
	{
		int64		position = si_kafka_reader_position(reader, b->group.partitions[i]);

		if (b->group.stops)
			position = Min(position, b->group.stops[i]);
		if (position > b->offsets[i] && b->halted == NULL && !b->lost_race)
		{
			b->offsets[i] = position;
			if (b->first_pending == 0)
				b->first_pending = si_now();
		}
	}
}

void
si_batch_report_gap(SiBatch *b, int32 partition)
{
	int			i = partition_index(b, partition);

	if (i >= 0)
		si_gap_report(&b->group, partition, b->group.offsets[i]);
}

/* ------------------------------------------------------------------ commit */

typedef struct ChunkBuffer
{
	char	   *data;
	Size		used;
	Size		cap;
} ChunkBuffer;

static bool
buffer_write(void *arg, const void *data, size_t len)
{
	ChunkBuffer *buf = arg;

	if (buf->used + len > buf->cap)
	{
		buf->cap = Max(buf->cap * 2, buf->used + len);
		buf->data = repalloc_huge(buf->data, buf->cap);
	}
	memcpy(buf->data + buf->used, data, len);
	buf->used += len;
	return true;
}

static bool
knows_multi(const SiBatch *b, const char *name)
{
	ListCell   *lc;

	foreach(lc, b->multi)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* Columns whose first cell of several values is among these rows. */
static void
list_multi(SiBatch *b, SiCommit *c, const SiTable *table)
{
	const char **names = NULL;

	for (int i = 0; i < table->ncolumns; i++)
	{
		const SiColumnDesc *desc = &table->columns[i].desc;

		if (likely(!desc->multi_value) || knows_multi(b, desc->name))
			continue;
		if (names == NULL)
			names = palloc(sizeof(char *) * table->ncolumns);
		names[c->nmulti++] = desc->name;
	}
	if (c->nmulti > 1)
		qsort(names, c->nmulti, sizeof(char *), pg_qsort_strcmp);
	c->multi = names;
}

/* Encodes the rows and, unless they are few, makes a durable file of them. */
static void
write_chunk(SiBatch *b, SiCommit *c)
{
	const SiTable *table = si_index_table(b->index);
	SiWriteOptions opt = {
		.dimension_codec = b->spec->delta_codecs.dimensions,
		.metric_codec = b->spec->delta_codecs.metrics,
		.interval_start = PG_INT64_MIN,
		.interval_end = PG_INT64_MAX
	};
	ChunkBuffer buf;
	SiSink		sink = {buffer_write, &buf};
	SiWriteResult result;
	SiSegmentError err;

	memcpy(opt.install, b->group.install, SI_UUID_LEN);
	buf.used = 0;
	buf.cap = 64 * 1024;
	buf.data = palloc_extended(buf.cap, MCXT_ALLOC_HUGE);
	if (!si_segment_write(table, &opt, &sink, &result, &err))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("could not write a chunk of data source \"%s\": %s", b->spec->data_source, err.text),
				 errhint("Lower maxRowsInMemory or maxBytesInMemory in the supervisor's tuningConfig.")));
	c->rows = table->nrows;
	c->bytes = buf.used;
	c->min_ms = result.min_time;
	c->max_ms = result.max_time;
	if (buf.used <= (Size) si_inline_delta_limit)
	{
		c->data = buf.data;
		c->data_len = buf.used;
	}
	else
	{
		char	   *name = palloc(SI_FILE_NAME_LEN);
		SiFileWriter *w = si_file_create(b->group.install, b->run_id, name);
		SiSink		file;

		si_file_sink(w, &file);
		file.write(file.arg, buf.data, buf.used);
		SI_FAULT("chunk_written");
		si_file_finish(w);
		c->file = name;
	}
	SI_FAULT("chunk_durable");
	list_multi(b, c, table);
}

static int
compare_discovered(const void *a, const void *b)
{
	return strcmp(((const SiDiscovered *) a)->name, ((const SiDiscovered *) b)->name);
}

/* In the order of their names: two tasks that meet the same ones must not wait for each other. */
static void
list_discovered(SiBatch *b, SiCommit *c)
{
	SiDiscovered *columns = NULL;
	SiDiscovered d;
	int			room = 0;
	int			i = 0;

	while ((d.name = si_index_news(b->index, &i, &d.type)) != NULL)
	{
		if (c->ndiscovered == room)
		{
			room = Max(room * 2, 16);
			columns = columns ? repalloc(columns, sizeof(d) * room) : palloc(sizeof(d) * room);
		}
		columns[c->ndiscovered++] = d;
	}
	if (c->ndiscovered > 1)
		qsort(columns, c->ndiscovered, sizeof(d), compare_discovered);
	c->discovered = columns;
}

/* They are committed. */
static void
remember_multi(SiBatch *b, const SiCommit *c)
{
	MemoryContext old = MemoryContextSwitchTo(b->context);

	for (int i = 0; i < c->nmulti; i++)
		b->multi = lappend(b->multi, pstrdup(c->multi[i]));
	MemoryContextSwitchTo(old);
}

/* The next batch begins. */
static void
start_over(SiBatch *b)
{
	si_index_reset(b->index);
	b->first_pending = 0;
	b->full = false;
	b->messages_since_check = 0;
	b->nrejected = 0;
	b->nrequeued = 0;
	if (b->any_dropped)
		memset(b->dropped, 0, sizeof(SiDropped) * b->group.npartitions);
	b->any_dropped = false;
	MemoryContextReset(b->batch);
}

SiBatchResult
si_batch_commit(SiBatch *b)
{
	SiCommit	c = {0};
	MemoryContext old;
	bool		done;

	if (b->lost_race)
		return SI_BATCH_LOST_RACE;
	if (b->first_pending == 0 && b->halted == NULL)
		return SI_BATCH_COMMITTED;

	old = MemoryContextSwitchTo(b->batch);
	b->counters.n[SI_COUNT_STORED_ROWS] += si_index_rows(b->index);
	b->counters.n[SI_COUNT_COLUMNS_REFUSED] =
		Max(b->counters.n[SI_COUNT_COLUMNS_REFUSED], si_index_refused_columns(b->index));
	if (si_index_rows(b->index) > 0)
		write_chunk(b, &c);
	list_discovered(b, &c);
	c.requeue = b->requeued != NULL;
	c.nrequeued = b->nrequeued;
	c.requeued = b->requeued;
	c.offsets = b->offsets;
	c.records = b->records;
	c.counters = &b->counters;
	c.halted = b->halted;
	c.nrejected = b->nrejected;
	c.rejected = b->rejected;
	c.dropped = b->dropped;
	done = si_group_commit(&b->group, &c);
	if (done)
	{
		si_index_news_known(b->index);
		remember_multi(b, &c);
	}
	else
	{
		if (c.file)
			si_file_unlink(b->group.install, c.file);
		b->lost_race = true;
	}
	MemoryContextSwitchTo(old);
	if (done && b->any_dropped &&
		TimestampDifferenceExceeds(b->rejected_loaded, si_now(), REJECTED_LOOK_MS))
		count_rejected(b);
	start_over(b);
	if (!done)
		return SI_BATCH_LOST_RACE;
	return b->halted ? SI_BATCH_HALTED : SI_BATCH_COMMITTED;
}

bool
si_batch_full(const SiBatch *b)
{
	return b->full || b->lost_race;
}

TimestampTz
si_batch_first_pending(const SiBatch *b)
{
	return b->first_pending;
}

const char *
si_batch_halt_reason(const SiBatch *b)
{
	return b->halted;
}

const SiCounters *
si_batch_counters(const SiBatch *b)
{
	return &b->counters;
}

int64
si_batch_rows(const SiBatch *b)
{
	return si_index_rows(b->index);
}

int64
si_batch_bytes(const SiBatch *b)
{
	return si_index_bytes(b->index) + MemoryContextMemAllocated(b->batch, false);
}
