/*
 * scan.c
 *		The loop over chunks and blocks (scan.h).
 *
 * One chunk is open at a time.  Its file cannot disappear: the transaction
 * that dropped a chunk leaves the file in place as long as some snapshot,
 * this scan's for one, still sees the chunk's row.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "query/parallel.h"
#include "query/scan.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

SiScan *
si_scan_begin(Relation rel, Snapshot snapshot, int natts, SiAttribute *atts, int nneeded,
			  SiFilters *filters)
{
	SiScan	   *scan = palloc0(sizeof(SiScan));

	scan->rel = rel;
	scan->snapshot = snapshot;
	scan->cxt = AllocSetContextCreate(CurrentMemoryContext, "stream_ingest scan",
									  ALLOCSET_DEFAULT_SIZES);
	scan->list_cxt = AllocSetContextCreate(scan->cxt, "stream_ingest chunk list",
										   ALLOCSET_DEFAULT_SIZES);
	scan->natts = natts;
	scan->atts = atts;
	scan->nneeded = nneeded;
	scan->filters = filters;
	scan->list_range.lo = 1;
	scan->list_range.hi = 0;
	return scan;
}

bool
si_scan_data_source(Relation rel, Snapshot snapshot, SiDataSource *ds)
{
	if (!si_catalog_data_source(RelationGetRelid(rel), snapshot, ds))
	{
		Snapshot	latest = RegisterSnapshot(GetLatestSnapshot());
		bool		newer = si_catalog_data_source(RelationGetRelid(rel), latest, ds);

		UnregisterSnapshot(latest);
		if (newer)
			return false;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("foreign table \"%s\" is not a data source", RelationGetRelationName(rel)),
				 errhint("Data sources are created by submit_supervisor(), not by CREATE FOREIGN TABLE.")));
	}
	if (ds->foreign_install)
		return false;
	if (ds->damaged != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("data source \"%s\" is damaged", RelationGetRelationName(rel)),
				 errdetail("%s", ds->damaged),
				 errhint("Restore the missing files from a backup, or call reset_offsets() with the first lost offsets to read them again.")));
	return true;
}

/* Looks the data source up, once. */
static void
open_data_source(SiScan *scan)
{
	MemoryContext old = MemoryContextSwitchTo(scan->cxt);

	if (si_scan_data_source(scan->rel, scan->snapshot, &scan->ds))
		scan->reader = si_chunk_reader(RelationGetRelationName(scan->rel), &scan->ds,
									   scan->natts, scan->atts);
	MemoryContextSwitchTo(old);
	scan->opened = true;
}

/* An order of chunks that all processes agree on. */
static int
compare_chunks(const void *a, const void *b)
{
	const SiChunk *x = a;
	const SiChunk *y = b;

	if (x->published != y->published)
		return x->published ? -1 : 1;
	/* segments have no group and level */
	if (!x->published && x->group_id != y->group_id)
		return x->group_id < y->group_id ? -1 : 1;
	if (!x->published && x->level != y->level)
		return x->level < y->level ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Reads the list of chunks, unless the one at hand covers the times wanted. */
static void
read_list(SiScan *scan)
{
	MemoryContext old;
	int			skipped;

	if (scan->time.lo >= scan->list_range.lo && scan->time.hi <= scan->list_range.hi)
		return;
	MemoryContextReset(scan->list_cxt);
	old = MemoryContextSwitchTo(scan->list_cxt);
	scan->chunks = si_catalog_chunks(&scan->ds, scan->snapshot, scan->time.lo, scan->time.hi,
									 &scan->nchunks, &skipped);
	if (scan->shared != NULL)
		qsort(scan->chunks, scan->nchunks, sizeof(SiChunk), compare_chunks);
	scan->list_range = scan->time;
	MemoryContextSwitchTo(old);
	scan->counts.chunks += scan->nchunks + skipped;
	scan->counts.chunks_skipped_by_time += skipped;
}

/* Prepares an execution: values of the filters, then the chunks they leave. */
static void
start(SiScan *scan)
{
	scan->started = true;
	scan->at_end = false;
	scan->next_chunk = 0;
	if (!scan->opened)
		open_data_source(scan);
	scan->time.lo = PG_INT64_MIN;
	scan->time.hi = PG_INT64_MAX;
	if (scan->reader == NULL ||
		(scan->filters != NULL && !si_filters_evaluate(scan->filters, &scan->time)))
	{
		scan->at_end = true;
		return;
	}
	read_list(scan);
}

/* The number of the next chunk for this process. */
static int
take_chunk(SiScan *scan)
{
	if (scan->shared != NULL)
	{
		uint32		number = pg_atomic_fetch_add_u32(&scan->shared->next_chunk, 1);

		return (int) Min(number, (uint32) scan->nchunks);
	}
	return scan->next_chunk < scan->nchunks ? scan->next_chunk++ : scan->nchunks;
}

/* Opens the next chunk that may have rows; false at the end. */
static bool
next_chunk(SiScan *scan)
{
	for (;;)
	{
		int			number = take_chunk(scan);
		SiChunk    *chunk;

		if (number >= scan->nchunks)
			return false;
		chunk = &scan->chunks[number];
		CHECK_FOR_INTERRUPTS();
		if (chunk->rows == 0 || chunk->max_ms < scan->time.lo || chunk->min_ms > scan->time.hi)
			continue;
		if (scan->whole_chunk != NULL &&
			(scan->filters == NULL || si_filters_pass_times(scan->filters, chunk->min_ms, chunk->max_ms)) &&
			scan->whole_chunk(scan->whole_chunk_arg, chunk, NULL))
		{
			scan->counts.chunks_by_metadata++;
			continue;
		}
		si_chunk_open(scan->reader, chunk);
		if (scan->filters != NULL && !si_filters_open_chunk(scan->filters, scan->reader))
			scan->counts.chunks_skipped++;
		else if (scan->whole_chunk != NULL &&
				 (scan->filters == NULL || si_filters_pass_chunk(scan->filters)) &&
				 scan->whole_chunk(scan->whole_chunk_arg, chunk, scan->reader))
			scan->counts.chunks_by_metadata++;
		else
			return true;
		si_chunk_close(scan->reader);
	}
}

/*
 * next_block moves to the next block of the open chunk and fills the batch's
 * selection; false when no row of the block passes.
 */
static bool
next_block(SiScan *scan)
{
	SiChunkReader *r = scan->reader;
	SiBatch    *batch = &scan->batch;
	int			block = r->block + 1;

	if (scan->filters != NULL && !si_filters_check_block(scan->filters, r, block))
	{
		scan->counts.blocks_skipped++;
		r->block = block;
		return false;
	}
	si_chunk_set_block(r, block);
	scan->counts.blocks_read++;
	batch->nrows = r->block_rows;
	if (scan->filters != NULL)
		batch->nselected = si_filters_apply(scan->filters, r, batch->selection);
	else
	{
		si_bitmap_fill(batch->selection, batch->nrows);
		batch->nselected = batch->nrows;
	}
	return batch->nselected > 0;
}

const SiBatch *
si_scan_next(SiScan *scan)
{
	SiChunkReader *r;

	if (!scan->started)
		start(scan);
	r = scan->reader;
	while (!scan->at_end)
	{
		if (r->chunk == NULL && !next_chunk(scan))
		{
			scan->at_end = true;
			break;
		}
		while (r->block + 1 < r->nblocks)
		{
			CHECK_FOR_INTERRUPTS();
			if (!next_block(scan))
				continue;
			for (int i = 0; i < scan->nneeded; i++)
				si_chunk_load(r, i);
			return &scan->batch;
		}
		si_chunk_close(r);
	}
	return NULL;
}

void
si_scan_restart(SiScan *scan)
{
	if (scan->reader != NULL)
		si_chunk_close(scan->reader);
	scan->started = false;
}

void
si_scan_end(SiScan *scan)
{
	if (scan->reader != NULL)
		si_chunk_close(scan->reader);
	MemoryContextDelete(scan->cxt);
}
