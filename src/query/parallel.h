/*
 * parallel.h
 *		Scans that several processes share.
 *
 * Each process reads the list of chunks itself, under the one snapshot that
 * all of them have, and sorts it: the lists are equal, and what is shared is
 * the number of the next chunk alone.  A chunk is one process's.
 */
#ifndef SI_QUERY_PARALLEL_H
#define SI_QUERY_PARALLEL_H

#include "postgres.h"

#include "access/parallel.h"
#include "nodes/execnodes.h"
#include "port/atomics.h"
#include "query/scan.h"
#include "storage/spin.h"

/* What EXPLAIN shows, beside counts of scan and filters. */
typedef struct SiAggCounts
{
	int64		rows_by_stats;
	int64		rows_by_executor;
	int64		evaluations;
} SiAggCounts;

typedef struct SiScanShared
{
	pg_atomic_uint32 next_chunk;
	slock_t		mutex;			/* of what follows: counts of workers that are done */
	SiScanCounts counts;
	SiFilterCounts filter_counts;
	SiAggCounts agg_counts;
} SiScanShared;

/* Parts of the foreign-data wrapper's routine. */
extern Size si_parallel_estimate(ForeignScanState *node, ParallelContext *pcxt);
extern void si_parallel_initialize(ForeignScanState *node, ParallelContext *pcxt, void *coordinate);
extern void si_parallel_reinitialize(ForeignScanState *node, ParallelContext *pcxt, void *coordinate);
extern void si_parallel_worker(ForeignScanState *node, shm_toc *toc, void *coordinate);
extern void si_parallel_shutdown(ForeignScanState *node);

#endif							/* SI_QUERY_PARALLEL_H */
