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
#include "query/scan.h"

/* What ForeignScan.fdw_private holds. */
typedef enum SiPlanPrivate
{
	SI_PLAN_COLUMNS = 0,		/* integer list: attribute numbers that rows need */
	SI_PLAN_LENGTH
} SiPlanPrivate;

/* ForeignScanState.fdw_state: a row-wise scan. */
typedef struct SiFdwState
{
	SiScan	   *scan;
	int			ncolumns;		/* of the slot that are filled: the first of scan->atts */
	const SiBatch *batch;
	int			word;			/* of the batch's selection */
	uint64		live;			/* its rows that were not returned yet */
} SiFdwState;

/* explain.c */
extern void si_fdw_explain(ForeignScanState *node, ExplainState *es);

/* analyze.c */
extern bool si_fdw_analyze(Relation rel, AcquireSampleRowsFunc *func, BlockNumber *totalpages);

#endif							/* SI_QUERY_FDW_H */
