/*
 * fdw.h
 *		Parts of the foreign-data wrapper that live in files of their own.
 */
#ifndef SI_QUERY_FDW_H
#define SI_QUERY_FDW_H

#include "postgres.h"

#include "commands/explain.h"
#include "commands/vacuum.h"
#include "common/pgcompat.h"
#include "foreign/fdwapi.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "query/scan.h"

/* What ForeignScan.fdw_private holds. */
typedef enum SiPlanPrivate
{
	SI_PLAN_COLUMNS = 0,		/* integer list: attribute numbers that rows need */
	SI_PLAN_AGG_LAYOUT,			/* of an aggregating scan: numbers of its parts (agg_plan.h) */
	SI_PLAN_LENGTH
} SiPlanPrivate;

/* Planner's view of a scan, in units of cpu_tuple_cost. */
#define SI_CHUNK_OPEN_COST		20.0	/* open, read and check the directory */
#define SI_COLUMN_VALUE_COST	0.02	/* decode one value */

/* Reading a page costs less than a heap's: what is in it is decoded for all rows at once. */
#define SI_PAGE_SHARE			0.5

/* RelOptInfo.fdw_private */
typedef struct SiRelPlan
{
	List	   *pushed;			/* RestrictInfos that the scan decides */
	double		chunks;
	double		tuples;
	int			workers;		/* that would share the scan; 0: none */
	double		time_share;		/* of chunks that the conditions on __time leave */
} SiRelPlan;

/* How many processes' work is done at a time when the leader helps a little. */
static inline double
si_parallel_share(int workers)
{
	return workers + Max(0.0, 1.0 - 0.3 * workers);
}

/* ForeignScanState.fdw_state: a scan that hands out rows, or groups. */
typedef struct SiFdwState
{
	SiScan	   *scan;
	struct SiAggScan *agg;		/* NULL: rows */

	/* rows */
	int			ncolumns;		/* of the slot that are filled: the first of scan->atts */
	const SiBatch *batch;
	int			word;			/* of the batch's selection */
	uint64		live;			/* its rows that were not returned yet */
} SiFdwState;

/* fdw.c */
extern Cost si_read_cost(PlannerInfo *root, RelOptInfo *rel, int columns);

/* explain.c */
extern void si_fdw_explain(ForeignScanState *node, ExplainState *es);

/* analyze.c */
extern bool si_fdw_analyze(Relation rel, AcquireSampleRowsFunc *func, BlockNumber *totalpages);

#endif							/* SI_QUERY_FDW_H */
