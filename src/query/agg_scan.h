/*
 * agg_scan.h
 *		Grouping and aggregation inside the scan: execution.
 *
 * All rows are read when the first group is asked for.  Keys become numbers
 * (group_key.h), several keys one number by pairs, and that number is the
 * group, an index into the states of the aggregates (aggregate.h).  Where
 * all rows of a block or chunk belong to one group and pass the conditions,
 * the numbers about them are added instead of the rows.
 */
#ifndef SI_QUERY_AGG_SCAN_H
#define SI_QUERY_AGG_SCAN_H

#include "postgres.h"

#include "query/agg_plan.h"
#include "query/aggregate.h"
#include "query/filter.h"
#include "query/pair_table.h"

/* A condition for some rows only: FILTER of an aggregate. */
typedef struct SiAggFilter
{
	SiFilters  *filters;		/* NULL: the executor decides, row by row */
	ExprState  *state;
	int		   *columns;
	int			ncolumns;
	bool		never;			/* of this execution, or of this chunk */
	uint64		opened;			/* chunk for which filters are prepared */
	uint64		selection[SI_BLOCK_WORDS];
} SiAggFilter;

typedef struct SiAggScan
{
	SiAggLayout layout;
	SiBatchEnv	env;
	SiScan	   *scan;

	SiGroupKey **keys;
	SiPairTable *pairs;			/* nkeys - 1: (group of the keys before, number of this key) */
	SiAggregate *aggs;
	SiStates	states;
	int			nargs;
	SiAggArg   *args;
	int			nfilters;
	SiAggFilter *filters;
	ExprState **local;			/* conditions left to the executor */
	int		  **local_columns;
	int		   *local_ncolumns;

	MemoryContext group_cxt;	/* values of keys, states */
	uint32		ngroups;
	uint32		group_cap;
	uint64		batches;
	bool		done;			/* all rows are read */
	uint32		next;			/* group to hand out */

	SiRows	   *rows;			/* of the batch at hand */
	SiRows	   *filtered;		/* those that a FILTER leaves */
	uint32	   *groups;
	uint32	   *filtered_groups;
} SiAggScan;

extern SiAggScan *si_agg_begin(ForeignScanState *node, Relation rel);
/* Fills the slot with the next group; false at the end. */
extern bool si_agg_next(SiAggScan *agg, TupleTableSlot *slot);
/* Starts again; changed: with other parameters. */
extern void si_agg_restart(SiAggScan *agg, bool changed);

#endif							/* SI_QUERY_AGG_SCAN_H */
