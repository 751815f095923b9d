/*
 * publishing_task.c
 *		The process that turns the deltas of one data source into larger
 *		chunks while reading goes on: merges in tiers, and publishes what a
 *		task has read as segments of one interval each.
 *
 * Every piece of work is three steps: a short transaction that lists the
 * chunks, the merge outside of any transaction (the chunks are immutable and
 * only this process removes any), and a short transaction that replaces them.
 * If it dies in between, files without a row remain and are swept.
 *
 * Memory: a merge that needs more than stream_ingest.merge_memory goes through
 * temporary files, which end with the process.  Only open chunks are counted
 * here: a task with thousands of them is published in several runs, oldest
 * first.
 */
#include "postgres.h"

#include "catalog/chunks.h"
#include "catalog/publish.h"
#include "catalog/spi.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/guc.h"
#include "files/files.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "spec/spec.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/shmem.h"
#include "catalog/commit.h"

/* How often an idle worker looks for work. */
#define LOOK_EVERY_MS	500

/* Memory of an open chunk before anything of it is merged, roughly. */
#define OPEN_CHUNK_BYTES	(32 * 1024)

typedef struct Publisher
{
	int64		data_source_id;
	int64		run_id;
	uint8		install[SI_UUID_LEN];
	int64		persist_ms;		/* intermediatePersistPeriod */
	MemoryContext context;		/* one piece of work */
} Publisher;

/* The chunks that a merge puts out. */
typedef struct Output
{
	Publisher  *p;
	bool		publish;
	int			n;
	int			cap;
	SiNewChunk *chunks;
	const SiSpecCodecs *codecs;
	int			nplain;			/* dimensions without bitmaps */
	const char **plain;
} Output;

static void
handle_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

static bool
write_output(void *arg, const SiTable *t, int64 interval_start, int64 interval_end)
{
	Output	   *out = arg;
	SiNewChunk *c;
	SiFileWriter *w;
	SiSink		sink;
	SiWriteResult result;
	SiSegmentError err;
	SiWriteOptions opt = {
		.dimension_codec = out->codecs->dimensions,
		.metric_codec = out->codecs->metrics,
		.bitmaps = out->publish,
		.nplain = out->nplain,
		.plain = out->plain,
		.sort_dict = true,
		.sorted_rows = true,
		.interval_start = interval_start,
		.interval_end = interval_end
	};

	CHECK_FOR_INTERRUPTS();
	if (out->n == out->cap)
		out->chunks = repalloc(out->chunks, sizeof(SiNewChunk) * (out->cap *= 2));
	c = &out->chunks[out->n++];
	memcpy(opt.install, out->p->install, SI_UUID_LEN);
	w = si_file_create(out->p->install, out->p->run_id, c->file);
	si_file_sink(w, &sink);
	if (!si_segment_write(t, &opt, &sink, &result, &err))
		ereport(ERROR,
				(errcode(t->feed && err.input >= 0 ? ERRCODE_DATA_CORRUPTED : ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("could not write a segment: %s", err.text),
				 t->feed && err.input >= 0 ? 0 : errhint("Lower maxRowsPerSegment in the supervisor's tuningConfig.")));
	c->interval_start = interval_start;
	c->interval_end = interval_end;
	c->rows = t->nrows;
	c->bytes = result.bytes;
	c->min_ms = result.min_time;
	c->max_ms = result.max_time;
	si_file_finish(w);
	SI_FAULT("segment_durable");
	return true;
}

static SiSegment *
open_delta(Publisher *p, const SiDelta *d)
{
	SiByteSource src;
	SiSegmentError err;
	SiSegment  *seg;

	if (d->file)
		si_file_open(p->install, d->file, &src);
	else
		si_byte_source_memory(&src, d->data, d->data_len);
	seg = si_segment_open(&src, p->install, &err);
	if (seg == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("chunk %s is damaged at byte " UINT64_FORMAT ": %s",
						d->file ? d->file : "in table stream_ingest.delta", err.offset, err.text)));
	if (si_segment_rows(seg) != d->rows)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("chunk %s has %u rows, its catalog row says " INT64_FORMAT,
						d->file ? d->file : "in table stream_ingest.delta", si_segment_rows(seg), d->rows)));
	return seg;
}

/*
 * Opens deltas that were read by one spec, as many as may be open at once.
 * Returns how many; at least two, when there are.
 */
static int
open_inputs(Publisher *p, const SiMergeWork *work, SiSegment **inputs)
{
	uint64		bytes = 0;
	int			n = 0;

	while (n < work->nalike)
	{
		bytes += OPEN_CHUNK_BYTES + work->deltas[n].data_len;
		if (n > 1 && bytes > si_merge_memory_limit * UINT64CONST(1024) / 4)
			break;
		inputs[n] = open_delta(p, &work->deltas[n]);
		n++;
	}
	return n;
}

/* Without rollup a merge puts out as many rows as went in, with it never more, and never none. */
static void
check_rows(const SiMergeWork *work, int n, const Output *out, bool rollup)
{
	int64		in_rows = 0;
	int64		out_rows = 0;

	for (int i = 0; i < n; i++)
		in_rows += work->deltas[i].rows;
	for (int i = 0; i < out->n; i++)
		out_rows += out->chunks[i].rows;
	if (rollup ? out_rows <= in_rows && (out_rows > 0 || in_rows == 0) : out_rows == in_rows)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("merging " INT64_FORMAT " rows of supervisor \"%s\" has made " INT64_FORMAT " of them",
					in_rows, work->supervisor_id, out_rows)));
}

/* Merges and commits; false when there is nothing to merge. */
static bool
do_work(Publisher *p, const SiMergeWork *work, const SiSpec *spec)
{
	SiSegment **inputs = palloc(sizeof(SiSegment *) * Max(work->ndeltas, 1));
	const char **dimensions = palloc(sizeof(char *) * Max(spec->ndimensions, 1));
	SiGranularity split = spec->segment_granularity;
	SiMergeSpec merge = {
		.ndimensions = spec->ndimensions,
		.dimensions = dimensions,
		.rollup = spec->rollup,
		.memory = si_merge_memory_limit * UINT64CONST(1024),
		.temp = si_file_temp()
	};
	Output		out = {.p = p, .publish = work->publish, .cap = 16};
	SiSegmentError err;
	int			n;

	out.codecs = work->publish ? &spec->codecs : &spec->delta_codecs;
	out.plain = palloc(sizeof(char *) * Max(spec->ndimensions, 1));
	for (int i = 0; i < spec->ndimensions; i++)
	{
		dimensions[i] = spec->dimensions[i].name;
		if (!spec->dimensions[i].bitmap)
			out.plain[out.nplain++] = spec->dimensions[i].name;
	}
	if (work->publish)
	{
		merge.split = &split;
		merge.max_rows = spec->max_rows_per_segment;
	}
	n = open_inputs(p, work, inputs);
	/* the last chunk of a spec goes up alone, so that those of the next can be merged */
	if (!work->publish && n < Min(work->nalike, 2))
		return false;
	out.chunks = palloc(sizeof(SiNewChunk) * out.cap);
	if (n > 0 && !si_merge(inputs, n, &merge, write_output, &out, &err))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("could not merge chunks of supervisor \"%s\": %s (byte " UINT64_FORMAT ")",
						work->supervisor_id, err.text, err.offset)));
	check_rows(work, n, &out, spec->rollup);
	SI_FAULT("merge_done");
	if (!si_publish_commit(p->data_source_id, p->install, work, n, out.chunks, out.n))
		for (int i = 0; i < out.n; i++)
			si_file_unlink(p->install, out.chunks[i].file);
	return true;
}

/* One piece of work; false when there is none. */
static bool
work_once(Publisher *p)
{
	SiMergeWork work;
	bool		did = false;

	MemoryContextSwitchTo(p->context);
	if (si_publish_next_work(p->data_source_id, p->install, si_merge_fan_in, p->persist_ms, &work))
	{
		char	   *json = si_publish_spec(work.supervisor_id, work.ndeltas > 0 ? work.deltas[0].spec_version : 0);
		SiSpec	   *spec;

		if (json == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("supervisor \"%s\" has neither a spec nor a history", work.supervisor_id)));
		spec = si_spec_parse(json, true);
		p->persist_ms = spec->intermediate_persist_period;
		did = do_work(p, &work, spec);
	}
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(p->context);
	return did;
}

static void
load(Publisher *p)
{
	char	   *json;

	si_spi_begin();
	si_catalog_install(p->install);
	si_spi_commit();
	MemoryContextSwitchTo(p->context);
	json = si_publish_spec(si_my_slot->supervisor_id, 0);
	p->persist_ms = json ? si_spec_parse(json, true)->intermediate_persist_period : PG_INT32_MAX;
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(p->context);
	p->data_source_id = si_my_slot->data_source_id;
	p->run_id = si_next_run_id();
	SpinLockAcquire(&si_my_slot->mutex);
	si_my_slot->run_id = p->run_id;
	SpinLockRelease(&si_my_slot->mutex);
}

void
si_publishing_task_main(Datum arg)
{
	Publisher	p = {0};
	TimestampTz idle_since;

	si_worker_attach(arg, "publishing task");
	p.context = AllocSetContextCreate(TopMemoryContext, "publishing task", ALLOCSET_DEFAULT_SIZES);
	load(&p);
	idle_since = si_now();
	for (;;)
	{
		handle_interrupts();
		if (pg_atomic_read_u32(&si_my_slot->stop) != 0)
		{
			si_worker_report_exit(SI_EXIT_STOPPED, NULL);
			break;
		}
		if (work_once(&p))
		{
			idle_since = si_now();
			SpinLockAcquire(&si_my_slot->mutex);
			si_my_slot->last_commit = idle_since;
			SpinLockRelease(&si_my_slot->mutex);
			continue;
		}
		if (TimestampDifferenceExceeds(idle_since, si_now(), si_worker_idle_timeout))
		{
			si_worker_report_exit(SI_EXIT_IDLE, NULL);
			break;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_EVERY_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	si_wake_overlord();
	proc_exit(0);
}
