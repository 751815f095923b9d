/*
 * scan.h
 *		Scan of a data source: the chunks that a snapshot sees, one block of
 *		column vectors with a selection bitmap after the other.
 *
 * This is what a row-wise scan, an aggregate over vectors or ANALYZE reads
 * from; it makes no tuples.  The list of chunks is read when the first block
 * is asked for, under the given snapshot, and holds for the whole execution.
 */
#ifndef SI_QUERY_SCAN_H
#define SI_QUERY_SCAN_H

#include "postgres.h"

#include "query/chunk.h"
#include "query/filter.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

typedef struct SiScanCounts
{
	int64		chunks;			/* that the snapshot sees */
	int64		chunks_skipped_by_time;
	int64		chunks_skipped;	/* opened, and skipped by min, max or dictionary */
	int64		chunks_by_metadata; /* answered by numbers about them */
	int64		blocks_read;
	int64		blocks_skipped;	/* by min, max or bitmaps, in opened chunks */
} SiScanCounts;

/* Rows of one block that passed the filters; the needed columns are loaded. */
typedef struct SiBatch
{
	uint32		nrows;
	uint32		nselected;		/* at least 1 */
	uint64		selection[SI_BLOCK_WORDS];
} SiBatch;

typedef struct SiScan
{
	Relation	rel;
	Snapshot	snapshot;
	MemoryContext cxt;
	SiDataSource ds;
	int			natts;
	SiAttribute *atts;
	int			nneeded;		/* the first of atts: columns of every batch */
	SiFilters  *filters;		/* NULL: none */
	SiChunkReader *reader;

	struct SiScanShared *shared;	/* with other processes (parallel.h), or NULL */

	bool		opened;			/* data source looked up */
	bool		started;		/* values computed, list of chunks there */
	bool		at_end;
	MemoryContext list_cxt;
	SiChunk    *chunks;
	int			nchunks;
	int			next_chunk;
	SiKeyRange	list_range;		/* times that the list covers; empty: no list */
	SiKeyRange	time;			/* that this execution wants */

	/*
	 * Offered each chunk all of whose rows pass, before it is opened (reader
	 * NULL) and again when it is open; true: it is done with.  May be NULL.
	 */
	bool		(*whole_chunk) (void *arg, const SiChunk *chunk, SiChunkReader *reader);
	void	   *whole_chunk_arg;

	SiBatch		batch;
	SiScanCounts counts;
} SiScan;

/*
 * Begins a scan of rel (open, locked).  atts (kept) are the columns it reads,
 * the first nneeded of them for the batches, the others for filters only.
 * Allocates in CurrentMemoryContext and a context below it.
 */
extern SiScan *si_scan_begin(Relation rel, Snapshot snapshot, int natts, SiAttribute *atts,
							 int nneeded, SiFilters *filters);
/* The next batch, NULL at the end. */
extern const SiBatch *si_scan_next(SiScan *scan);
/* Starts again, with values computed anew. */
extern void si_scan_restart(SiScan *scan);
extern void si_scan_end(SiScan *scan);

/*
 * The data source of a relation as a snapshot sees it.  False: it was made
 * after the snapshot, or belongs to another install, so it has no rows.
 * ERROR when the relation is no data source, or is damaged.
 */
extern bool si_scan_data_source(Relation rel, Snapshot snapshot, SiDataSource *ds);

#endif							/* SI_QUERY_SCAN_H */
