/*
 * fdw.c
 *		The foreign-data wrapper: options, planning, and the row-wise scan.
 *
 * Planning decides which conditions are pushed (shippable.c) and which
 * columns rows need, and estimates from the newest metadata; it never looks
 * at single chunks, so that a plan may be kept for any snapshot.  Execution
 * takes batches from a scan (scan.c) and fills the slot row by row.
 *
 * Data sources are read-only: rows come from the stream only.
 */
#include "postgres.h"

#include <math.h>

#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "common/guc.h"
#include "commands/defrem.h"
#include "common/pgcompat.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "query/agg_scan.h"
#include "query/fdw.h"
#include "query/parallel.h"
#include "query/statistics.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(si_fdw_handler);
PG_FUNCTION_INFO_V1(si_fdw_validator);

/* Planner's view of one row, in units of cpu_tuple_cost: filling it. */
#define ROW_COST			0.5

/* --------------------------------------------------------------- options */

/*
 * si_fdw_validator accepts the option "dimension" of columns and nothing
 * else.
 */
Datum
si_fdw_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = (DefElem *) lfirst(lc);

		if (catalog != AttributeRelationId || strcmp(def->defname, "dimension") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->defname),
					 errhint("The only option is \"dimension\", of columns of foreign tables: the name of the column in the stream's data source.")));
		if (defGetString(def)[0] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					 errmsg("option \"dimension\" must not be empty")));
	}
	PG_RETURN_VOID();
}

/* -------------------------------------------------------------- planning */

/* The share of chunks that the pushed conditions on __time leave. */
static double
time_share(PlannerInfo *root, RelOptInfo *baserel, Oid relid, List *pushed)
{
	AttrNumber	time = get_attnum(relid, SI_TIME_COLUMN);
	List	   *clauses = NIL;
	ListCell   *lc;

	foreach(lc, pushed)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		SiPush		push;

		si_shippable(rinfo->clause, baserel->relid, &push);
		if (push.attno == time)
			clauses = lappend(clauses, rinfo);
	}
	return clauses == NIL ? 1.0 : clauselist_selectivity(root, clauses, baserel->relid, JOIN_INNER, NULL);
}

/* What reading costs before the first row is looked at: chunks and the pages of some columns. */
Cost
si_read_cost(PlannerInfo *root, RelOptInfo *rel, int columns)
{
	SiRelPlan  *plan = rel->fdw_private;
	double		all = Max(rel->max_attr, 1);

	return plan->time_share * (plan->chunks * SI_CHUNK_OPEN_COST * cpu_tuple_cost +
							   rel->pages * seq_page_cost * SI_PAGE_SHARE * Min(columns / all, 1.0));
}

static void
si_get_rel_size(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	SiRelPlan  *plan = palloc0(sizeof(SiRelPlan));
	double		bytes;
	ListCell   *lc;

	baserel->fdw_private = plan;
	si_catalog_estimate(foreigntableid, &plan->tuples, &bytes, &plan->chunks);
	baserel->tuples = plan->tuples;
	si_statistics_refresh(foreigntableid, plan->tuples);
	baserel->pages = (BlockNumber) Min(ceil(bytes / BLCKSZ), (double) MaxBlockNumber);
	set_baserel_size_estimates(root, baserel);

	if (!si_enable_pushdown)
		return;
	foreach(lc, baserel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		SiPush		push;

		if (!rinfo->pseudoconstant &&
			restriction_is_securely_promotable(rinfo, baserel) &&
			si_shippable(rinfo->clause, baserel->relid, &push) != SI_PUSH_NONE)
			plan->pushed = lappend(plan->pushed, rinfo);
	}
	plan->time_share = time_share(root, baserel, foreigntableid, plan->pushed);
}

/* Processes that are worth sharing a scan. */
static int
parallel_workers(RelOptInfo *baserel, double chunks)
{
	int			workers = compute_parallel_worker(baserel, baserel->pages, -1, max_parallel_workers_per_gather);

	return Min(workers, (int) chunks - 1);
}

/*
 * si_get_paths makes the path of one process that takes all chunks one after
 * the other, and that of several that share them.  Pushed conditions cost
 * little, so a scan costs what it decodes.
 */
static void
si_get_paths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	SiRelPlan  *plan = baserel->fdw_private;
	double		columns = list_length(baserel->reltarget->exprs);
	double		passed = baserel->tuples;
	QualCost	local;
	List	   *local_clauses = list_difference_ptr(baserel->baserestrictinfo, plan->pushed);
	Cost		run;

	passed *= clauselist_selectivity(root, plan->pushed, baserel->relid, JOIN_INNER, NULL);
	cost_qual_eval(&local, local_clauses, root);
	run = si_read_cost(root, baserel, columns + list_length(plan->pushed)) +
		baserel->tuples * plan->time_share * list_length(plan->pushed) * SI_COLUMN_VALUE_COST * cpu_tuple_cost +
		passed * (ROW_COST + columns * SI_COLUMN_VALUE_COST) * cpu_tuple_cost +
		passed * local.per_tuple +
		baserel->rows * baserel->reltarget->cost.per_tuple;
	local.startup += baserel->reltarget->cost.startup;

	add_path(baserel, (Path *)
			 si_create_scan_path(root, baserel, local.startup, local.startup + run));

	plan->workers = baserel->consider_parallel ? parallel_workers(baserel, plan->chunks) : 0;
	if (plan->workers > 0 && baserel->lateral_relids == NULL)
	{
		double		share = si_parallel_share(plan->workers);
		Path	   *path = (Path *) si_create_scan_path(root, baserel, local.startup,
														local.startup + run / share);

		path->parallel_aware = true;
		path->parallel_workers = plan->workers;
		path->rows = clamp_row_est(path->rows / share);
		add_partial_path(baserel, path);
	}
}

/* Attribute numbers of the columns that rows must carry. */
static List *
needed_columns(RelOptInfo *baserel, List *local_quals, Oid relid)
{
	Bitmapset  *used = NULL;
	List	   *columns = NIL;
	bool		whole_row;
	Relation	rel;

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &used);
	pull_varattnos((Node *) local_quals, baserel->relid, &used);
	whole_row = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);

	rel = table_open(relid, NoLock);
	for (int attno = 1; attno <= RelationGetNumberOfAttributes(rel); attno++)
	{
		if (TupleDescAttr(RelationGetDescr(rel), attno - 1)->attisdropped)
			continue;
		if (whole_row || bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, used))
			columns = lappend_int(columns, attno);
	}
	table_close(rel, NoLock);
	return columns;
}

static ForeignScan *
si_get_plan(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid, ForeignPath *best_path,
			List *tlist, List *scan_clauses, Plan *outer_plan)
{
	SiRelPlan  *plan = baserel->fdw_private;
	List	   *pushed = NIL;
	List	   *local = NIL;
	ListCell   *lc;

	if (IS_UPPER_REL(baserel))
		return si_agg_plan(best_path, tlist);

	/* scan_clauses come in the order of evaluation, which both lists keep */
	foreach(lc, scan_clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (rinfo->pseudoconstant)
			continue;
		if (list_member_ptr(plan->pushed, rinfo))
			pushed = lappend(pushed, rinfo->clause);
		else
			local = lappend(local, rinfo->clause);
	}
	return make_foreignscan(tlist, local, baserel->relid, NIL,
							list_make1(needed_columns(baserel, local, foreigntableid)),
							NIL, pushed, outer_plan);
}

/* ------------------------------------------------------------- execution */

/*
 * collect_columns lists what the scan reads: first the columns of the slot,
 * then those that only conditions look at.  column_of maps attribute numbers
 * to the list.
 */
static int
collect_columns(Relation rel, List *needed, List *conditions, Index relid, SiAttribute *atts,
				int *column_of, int *nneeded)
{
	ListCell   *lc;
	int			n = 0;

	for (int i = 0; i <= RelationGetNumberOfAttributes(rel); i++)
		column_of[i] = -1;
	foreach(lc, needed)
	{
		if (si_attribute_init(rel, lfirst_int(lc), &atts[n]))
			column_of[lfirst_int(lc)] = n++;
	}
	*nneeded = n;
	foreach(lc, conditions)
	{
		SiPush		push;

		if (si_shippable(lfirst(lc), relid, &push) != SI_PUSH_NONE &&
			column_of[push.attno] < 0 && si_attribute_init(rel, push.attno, &atts[n]))
			column_of[push.attno] = n++;
	}
	return n;
}

static void
si_begin_scan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Relation	rel = node->ss.ss_currentRelation;
	int			natts;
	SiAttribute *atts;
	int		   *column_of;
	SiFilters  *filters = NULL;
	SiFdwState *state;
	int			n;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;

	state = palloc0(sizeof(SiFdwState));
	node->fdw_state = state;
	if (plan->scan.scanrelid == 0)
	{
		state->agg = si_agg_begin(node, si_range_table_relation(node->ss.ps.state, si_agg_relid(plan)));
		state->scan = state->agg->scan;
		return;
	}
	natts = RelationGetNumberOfAttributes(rel);
	atts = palloc0((natts + 1) * sizeof(SiAttribute));
	column_of = palloc((natts + 1) * sizeof(int));
	n = collect_columns(rel, list_nth(plan->fdw_private, SI_PLAN_COLUMNS), plan->fdw_recheck_quals,
						plan->scan.scanrelid, atts, column_of, &state->ncolumns);
	if (plan->fdw_recheck_quals != NIL)
		filters = si_filters_init(plan->fdw_recheck_quals, plan->scan.scanrelid, &node->ss.ps, rel,
								  column_of, atts);
	state->scan = si_scan_begin(rel, node->ss.ps.state->es_snapshot, n, atts, state->ncolumns,
								filters);
}

/* The next selected row of the current or a following batch. */
static bool
next_row(SiFdwState *state, uint32 *row)
{
	for (;;)
	{
		if (state->batch != NULL)
		{
			int			words = si_bitmap_words(state->batch->nrows);

			while (state->live == 0 && ++state->word < words)
				state->live = state->batch->selection[state->word];
			if (state->live != 0)
			{
				*row = state->word * 64 + pg_rightmost_one_pos64(state->live);
				state->live &= state->live - 1;
				return true;
			}
		}
		state->batch = si_scan_next(state->scan);
		if (state->batch == NULL)
			return false;
		state->word = -1;
		state->live = 0;
	}
}

static TupleTableSlot *
si_iterate_scan(ForeignScanState *node)
{
	SiFdwState *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	uint32		row;

	ExecClearTuple(slot);
	if (state->agg != NULL)
		return si_agg_next(state->agg, slot) ? ExecStoreVirtualTuple(slot) : slot;
	if (!next_row(state, &row))
		return slot;

	/* columns that nobody needs are null */
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < state->ncolumns; i++)
	{
		int			a = state->scan->atts[i].attno - 1;

		slot->tts_values[a] = si_chunk_datum(state->scan->reader, i, row, &slot->tts_isnull[a]);
	}
	return ExecStoreVirtualTuple(slot);
}

static void
si_rescan(ForeignScanState *node)
{
	SiFdwState *state = node->fdw_state;

	if (state == NULL)
		return;
	if (state->agg != NULL)
	{
		si_agg_restart(state->agg, node->ss.ps.chgParam != NULL);
		return;
	}
	state->batch = NULL;
	si_scan_restart(state->scan);
}

static void
si_end_scan(ForeignScanState *node)
{
	SiFdwState *state = node->fdw_state;

	if (state != NULL)
		si_scan_end(state->scan);
}

/* --------------------------------------------------------------- changes */

static int
si_is_updatable(Relation rel)
{
	return 0;
}

/* Refuses INSERT, UPDATE and DELETE at planning, with a reason. */
static List *
si_plan_modify(PlannerInfo *root, ModifyTable *plan, Index relid, int subplan_index)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("data source \"%s\" cannot be changed by SQL",
					get_rel_name(planner_rt_fetch(relid, root)->relid)),
			 errhint("Its rows come from the stream that its supervisor reads.")));
	return NIL;
}

static void
si_truncate(List *rels, DropBehavior behavior, bool restart_seqs)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("data source \"%s\" cannot be truncated",
					RelationGetRelationName((Relation) linitial(rels))),
			 errhint("Drop the foreign table to remove the data source with its rows.")));
}

/*
 * A scan keeps nothing that another process would have to know, but for
 * sources that are written in this transaction, which parallel queries never
 * see: their snapshot is one.
 */
static bool
si_is_parallel_safe(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte)
{
	return true;
}

Datum
si_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = si_get_rel_size;
	routine->GetForeignPaths = si_get_paths;
	routine->GetForeignPlan = si_get_plan;
	routine->GetForeignUpperPaths = si_agg_paths;
	routine->BeginForeignScan = si_begin_scan;
	routine->IterateForeignScan = si_iterate_scan;
	routine->ReScanForeignScan = si_rescan;
	routine->EndForeignScan = si_end_scan;
	routine->IsForeignRelUpdatable = si_is_updatable;
	routine->PlanForeignModify = si_plan_modify;
	routine->ExecForeignTruncate = si_truncate;
	routine->IsForeignScanParallelSafe = si_is_parallel_safe;
	routine->EstimateDSMForeignScan = si_parallel_estimate;
	routine->InitializeDSMForeignScan = si_parallel_initialize;
	routine->ReInitializeDSMForeignScan = si_parallel_reinitialize;
	routine->InitializeWorkerForeignScan = si_parallel_worker;
	routine->ShutdownForeignScan = si_parallel_shutdown;
	routine->ExplainForeignScan = si_fdw_explain;
	routine->AnalyzeForeignTable = si_fdw_analyze;
	PG_RETURN_POINTER(routine);
}
