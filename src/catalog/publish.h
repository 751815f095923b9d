/*
 * publish.h
 *		The transactions of merging and publishing: deltas out, fewer and
 *		larger chunks in.
 *
 * Only the one publishing worker of a data source calls these.  Each removal
 * names the chunks exactly and checks their number, so that after a reset, or
 * beside a second worker that should not exist, it gives up instead of
 * doubling rows.
 */
#ifndef SI_CATALOG_PUBLISH_H
#define SI_CATALOG_PUBLISH_H

#include "postgres.h"

#include "catalog/lineage.h"
#include "segment/segment.h"

/* One delta as the worker found it. */
typedef struct SiDelta
{
	int16		level;
	int64		seq;
	int64		first_seq;
	int64		rows;
	int64		bytes;
	int64		spec_version;	/* 0: the spec in force */
	char	   *file;			/* or NULL */
	char	   *data;			/* inline */
	Size		data_len;
	int			npartitions;
	int32	   *partitions;
	int64	   *start_offsets;
	int64	   *end_offsets;
	int64		counts[SI_NUM_LINEAGE];
} SiDelta;

/* What a worker is to do: publish a task's deltas, or merge some of a level. */
typedef struct SiMergeWork
{
	bool		publish;
	char	   *task_id;		/* publish */
	char	   *supervisor_id;
	int			group_id;
	int16		level;			/* of the result, when merging */
	int			ndeltas;		/* in ascending order of seq */
	SiDelta    *deltas;
	int			nalike;			/* of them, from the first, may become one chunk */
} SiMergeWork;

/* One new chunk file. */
typedef struct SiNewChunk
{
	char		file[48];
	int64		interval_start;
	int64		interval_end;
	int64		rows;
	int64		bytes;
	int64		min_ms;
	int64		max_ms;
} SiNewChunk;

/*
 * The next work of a data source: the oldest task to be published, else the
 * lowest level of a group with at least fan_in chunks, or two chunks of which
 * one is older than persist_ms.  False when there is none.  Result in
 * CurrentMemoryContext.
 */
extern bool si_publish_next_work(int64 data_source_id, const uint8 *install, int fan_in, int64 persist_ms,
								 SiMergeWork *work);

/*
 * Replaces the first n deltas of the work by chunks.  When all deltas of a
 * task are published (n = work->ndeltas) the task is a SUCCESS.  Flushed to
 * disk before it returns.  False when a delta is no longer there, after a
 * reset: nothing was changed, and the new chunks are nobody's.
 */
extern bool si_publish_commit(int64 data_source_id, const uint8 *install, const SiMergeWork *work, int n,
							  const SiNewChunk *chunks, int nchunks);

/*
 * The spec of a version by which a supervisor's chunks are merged, also after
 * its termination; the newest when there is no such version.
 */
extern char *si_publish_spec(const char *supervisor_id, int64 version);

#endif							/* SI_CATALOG_PUBLISH_H */
