/*
 * parallel.c
 *		Scans that several processes share (parallel.h).
 */
#include "postgres.h"

#include "query/agg_scan.h"
#include "query/fdw.h"
#include "query/parallel.h"

static SiScan *
scan_of(ForeignScanState *node)
{
	return ((SiFdwState *) node->fdw_state)->scan;
}

Size
si_parallel_estimate(ForeignScanState *node, ParallelContext *pcxt)
{
	return sizeof(SiScanShared);
}

void
si_parallel_initialize(ForeignScanState *node, ParallelContext *pcxt, void *coordinate)
{
	SiScanShared *shared = coordinate;

	memset(shared, 0, sizeof(*shared));
	pg_atomic_init_u32(&shared->next_chunk, 0);
	SpinLockInit(&shared->mutex);
	scan_of(node)->shared = shared;
}

void
si_parallel_reinitialize(ForeignScanState *node, ParallelContext *pcxt, void *coordinate)
{
	pg_atomic_write_u32(&((SiScanShared *) coordinate)->next_chunk, 0);
}

void
si_parallel_worker(ForeignScanState *node, shm_toc *toc, void *coordinate)
{
	scan_of(node)->shared = coordinate;
}

static void
add_counts(int64 *to, const int64 *from, Size bytes)
{
	for (Size i = 0; i < bytes / sizeof(int64); i++)
		to[i] += from[i];
}

static void
add_to_shared(SiScanShared *shared, const SiFdwState *state)
{
	const SiScan *scan = state->scan;

	SpinLockAcquire(&shared->mutex);
	add_counts((int64 *) &shared->counts, (const int64 *) &scan->counts, sizeof(SiScanCounts));
	if (scan->filters != NULL)
		add_counts((int64 *) &shared->filter_counts, (const int64 *) &scan->filters->counts, sizeof(SiFilterCounts));
	if (state->agg != NULL)
		add_counts((int64 *) &shared->agg_counts, (const int64 *) &state->agg->env.counts, sizeof(SiAggCounts));
	SpinLockRelease(&shared->mutex);
}

/* The list is the same in every process: what is said about it counts once. */
static void
add_from_shared(SiScanShared *shared, SiFdwState *state)
{
	SiScan	   *scan = state->scan;
	int64		chunks = scan->counts.chunks;
	int64		skipped = scan->counts.chunks_skipped_by_time;

	SpinLockAcquire(&shared->mutex);
	add_counts((int64 *) &scan->counts, (const int64 *) &shared->counts, sizeof(SiScanCounts));
	if (scan->filters != NULL)
		add_counts((int64 *) &scan->filters->counts, (const int64 *) &shared->filter_counts, sizeof(SiFilterCounts));
	if (state->agg != NULL)
		add_counts((int64 *) &state->agg->env.counts, (const int64 *) &shared->agg_counts, sizeof(SiAggCounts));
	memset(&shared->counts, 0, sizeof(SiScanCounts));
	memset(&shared->filter_counts, 0, sizeof(SiFilterCounts));
	memset(&shared->agg_counts, 0, sizeof(SiAggCounts));
	SpinLockRelease(&shared->mutex);
	if (chunks > 0)
	{
		scan->counts.chunks = chunks;
		scan->counts.chunks_skipped_by_time = skipped;
	}
}

/* Brings the counts of the workers to the leader, where EXPLAIN shows them. */
void
si_parallel_shutdown(ForeignScanState *node)
{
	SiFdwState *state = node->fdw_state;
	SiScanShared *shared;

	if (state == NULL || state->scan->shared == NULL)
		return;
	shared = state->scan->shared;
	state->scan->shared = NULL;
	if (IsParallelWorker())
		add_to_shared(shared, state);
	else
		add_from_shared(shared, state);
}
