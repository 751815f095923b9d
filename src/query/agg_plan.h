/*
 * agg_plan.h
 *		Planning of grouping and aggregation inside the scan.
 */
#ifndef SI_QUERY_AGG_PLAN_H
#define SI_QUERY_AGG_PLAN_H

#include "postgres.h"

#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

/* Numbers of the parts of an aggregating scan's fdw_scan_tlist, in their order. */
typedef struct SiAggLayout
{
	int			nkeys;
	int			naggs;
	int			npushed;		/* conditions that chunks and vectors decide */
	int			nlocal;			/* conditions that the executor decides row by row */
} SiAggLayout;

/* GetForeignUpperPaths */
extern void si_agg_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel,
						 RelOptInfo *output_rel, void *extra);

/* The plan of a path that si_agg_paths made. */
extern ForeignScan *si_agg_plan(ForeignPath *path, List *tlist);

extern SiAggLayout si_agg_layout(const ForeignScan *plan);
/* Expressions of a part: from (inclusive) to (exclusive) of the scan's target list. */
extern List *si_agg_part(const ForeignScan *plan, int from, int to);

/* The foreign table of an aggregating scan in the range table. */
extern Index si_agg_relid(const ForeignScan *plan);

#endif							/* SI_QUERY_AGG_PLAN_H */
