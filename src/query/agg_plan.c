/*
 * agg_plan.c
 *		Planning of grouping and aggregation inside the scan.
 *
 * A path for the whole of GROUP BY and the aggregates is offered when each
 * key, argument, filter and condition is one that the scan computes
 * (group_key.h, aggregate.h, batch_value.h).  Expressions over the results,
 * HAVING among them, stay with the executor.
 *
 * The parts travel in fdw_scan_tlist: keys and aggregates are the columns
 * that the scan hands out, conditions stand behind them as columns that are
 * always null.  It is the one list in which the planner's last step leaves
 * columns of the table as they are and still adjusts everything else.
 * Parameters are repeated in fdw_exprs, where the planner looks for them when
 * it decides what a changed parameter must restart.
 */
#include "postgres.h"

#include <math.h>

#include "common/guc.h"
#include "common/pgcompat.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "query/agg_plan.h"
#include "query/aggregate.h"
#include "query/fdw.h"
#include "query/statistics.h"
#include "query/time_bucket.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

/* Planner's view, in units of cpu_tuple_cost. */
#define KEY_VALUE_COST		0.04	/* number one value of a key */
#define ARGUMENT_COST		0.03	/* decode and add one value */
#define GROUP_LOOKUP_COST	0.5		/* find a group once per chunk */
#define GROUP_COST			0.5		/* hand out one group */
/* Memory of a group beside its key and its states, bytes. */
#define GROUP_OVERHEAD		32

/* ForeignPath.fdw_private */
enum
{
	PATH_SCAN_TLIST = 0,		/* list of expressions, keys first */
	PATH_LAYOUT,				/* four integers */
	PATH_HAVING					/* conditions on the results */
};

/* -------------------------------------------------------------- keys, aggregates */

typedef struct CollectContext
{
	Index		relid;
	List	   *keys;
	List	   *aggs;
	bool		failed;
} CollectContext;

/*
 * collect gathers the aggregates of an expression over the results.  A column
 * outside of a key or an aggregate is nothing that a group has.
 */
static bool
collect(Node *node, CollectContext *c)
{
	if (node == NULL)
		return false;
	if (list_member(c->keys, node))
		return false;
	if (IsA(node, Aggref))
	{
		if (si_aggregate_kind((Aggref *) node, c->relid) == SI_AGGREGATE_NONE)
			c->failed = true;
		else
			c->aggs = list_append_unique(c->aggs, node);
		return c->failed;
	}
	if (IsA(node, Var) || IsA(node, PlaceHolderVar) || IsA(node, GroupingFunc))
	{
		c->failed = true;
		return true;
	}
	return expression_tree_walker(node, collect, c);
}

/* The keys of GROUP BY, or of DISTINCT; false when one cannot be numbered. */
static bool
collect_keys(PlannerInfo *root, PathTarget *target, bool distinct, CollectContext *c)
{
	ListCell   *lc;
	int			i = 0;

	foreach(lc, target->exprs)
	{
		Expr	   *expr = lfirst(lc);
		Index		ref = get_pathtarget_sortgroupref(target, i);

		i++;
		if (!distinct && (ref == 0 || get_sortgroupref_clause_noerr(ref, root->parse->groupClause) == NULL))
			continue;
		if (!si_group_key_possible(expr, c->relid))
			return false;
		c->keys = list_append_unique(c->keys, expr);
	}
	return true;
}

static bool
collect_parameters(Node *node, List **params)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
	{
		*params = list_append_unique(*params, node);
		return false;
	}
	return expression_tree_walker(node, collect_parameters, params);
}

/* -------------------------------------------------------------- conditions */

/*
 * split_conditions sorts the table's conditions into those that the scan
 * decides and those that the executor decides row by row.  False when there
 * is one of neither kind, or when a security barrier wants an order of its
 * own.
 */
static bool
split_conditions(RelOptInfo *rel, List **pushed, List **local)
{
	SiRelPlan  *plan = rel->fdw_private;
	bool		barrier = false;
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		/* a condition without columns is decided above the scan */
		if (rinfo->pseudoconstant)
			return false;
		barrier |= rinfo->security_level > 0;
		if (list_member_ptr(plan->pushed, rinfo))
			*pushed = lappend(*pushed, rinfo->clause);
		else if (si_batch_value_possible(rinfo->clause, rel->relid))
			*local = lappend(*local, rinfo->clause);
		else
			return false;
	}
	return *local == NIL || !barrier;
}

/* ------------------------------------------------------------------- paths */

/* Columns that an expression makes the scan decode. */
static int
columns_of(List *exprs, Index relid)
{
	return bms_num_members(si_expr_columns(NULL, (Node *) exprs, relid));
}

/* Whether the groups are expected to fit into the memory of a hash table. */
static bool
groups_fit(double groups, List *keys, int naggs)
{
	double		width = GROUP_OVERHEAD + naggs * 16;
	ListCell   *lc;

	foreach(lc, keys)
		width += 8 + get_typavgwidth(exprType(lfirst(lc)), -1);
	return groups * width <= (double) get_hash_memory_limit();
}

/*
 * only_time_conditions says whether the conditions are about __time alone,
 * so that chunks pass as a whole.
 */
static bool
only_time_conditions(PlannerInfo *root, CollectContext *c, List *pushed)
{
	RangeTblEntry *rte = planner_rt_fetch(c->relid, root);
	AttrNumber	time = get_attnum(rte->relid, SI_TIME_COLUMN);
	Bitmapset  *attnos = si_expr_columns(NULL, (Node *) pushed, c->relid);

	return bms_is_empty(attnos) || (bms_membership(attnos) == BMS_SINGLETON && bms_is_member(time, attnos));
}

/* Whether numbers about chunks answer most of the query. */
static bool
by_numbers(PlannerInfo *root, CollectContext *c, List *pushed, List *local)
{
	ListCell   *lc;

	if (c->keys != NIL || local != NIL || !only_time_conditions(root, c, pushed))
		return false;
	foreach(lc, c->aggs)
	{
		Aggref	   *agg = lfirst_node(Aggref, lc);

		SiAggregateKind kind = si_aggregate_kind(agg, c->relid);

		if (agg->aggfilter != NULL || agg->aggdistinct != NIL ||
			kind == SI_AGGREGATE_MIN_TEXT || kind == SI_AGGREGATE_MAX_TEXT ||
			(agg->args != NIL && !IsA(linitial_node(TargetEntry, agg->args)->expr, Var)))
			return false;
	}
	return true;
}

/*
 * estimate_groups differs from the planner's own estimate for keys that are a
 * time in buckets: for these the planner would count the times.
 */
static double
estimate_groups(PlannerInfo *root, RelOptInfo *input_rel, List *keys)
{
	SiRelPlan  *plan = input_rel->fdw_private;
	double		rows = Max(input_rel->rows, 1);
	double		range = si_statistics_time_range(planner_rt_fetch(input_rel->relid, root)->relid);
	double		groups = 1;
	List	   *others = NIL;
	ListCell   *lc;

	foreach(lc, keys)
	{
		Expr	   *key = lfirst(lc);
		Oid			type = InvalidOid;
		AttrNumber	attno = si_single_column(key, input_rel->relid, &type);
		SiTimeBucket bucket = {0};

		if (attno != 0 && type == TIMESTAMPTZOID)
			si_time_bucket_init(&bucket, key, attno);
		if (bucket.width == 0 || range == 0)
			others = lappend(others, key);
		else
		{
			double		buckets = range * plan->time_share / bucket.width + 1;

			groups *= bucket.values > 0 ? Min(buckets, bucket.values) : buckets;
		}
	}
	if (others != NIL)
		groups *= estimate_num_groups(root, others, rows, NULL, NULL);
	return clamp_row_est(Min(groups, rows));
}

typedef struct AggCost
{
	double		groups;
	Cost		read;			/* of all rows, before the first group */
	Cost		hand_out;		/* of all groups */
} AggCost;

static AggCost
cost_of(PlannerInfo *root, RelOptInfo *input_rel, PathTarget *target, CollectContext *c,
		List *pushed, List *local)
{
	SiRelPlan  *plan = input_rel->fdw_private;
	double		rows = Max(input_rel->rows, 1);
	QualCost	local_cost;
	AggCost		cost;

	cost.groups = estimate_groups(root, input_rel, c->keys);
	cost_qual_eval(&local_cost, local, root);
	cost.read = si_read_cost(root, input_rel, 0) + local_cost.startup;
	if (!by_numbers(root, c, pushed, local))
		cost.read = si_read_cost(root, input_rel, list_length(pushed) + list_length(c->keys) +
								 columns_of(c->aggs, c->relid) + columns_of(local, c->relid)) +
			input_rel->tuples * plan->time_share * list_length(pushed) * SI_COLUMN_VALUE_COST * cpu_tuple_cost +
			rows * list_length(c->keys) * KEY_VALUE_COST * cpu_tuple_cost +
			Min(rows, cost.groups * plan->chunks * plan->time_share) * GROUP_LOOKUP_COST * cpu_tuple_cost +
			rows * columns_of(c->aggs, c->relid) * ARGUMENT_COST * cpu_tuple_cost +
			rows * local_cost.per_tuple;
	cost.read += target->cost.startup;
	cost.hand_out = cost.groups * (GROUP_COST * cpu_tuple_cost + target->cost.per_tuple);
	return cost;
}

/*
 * A condition as the scan's list of columns has it.  An equal expression over
 * the results (SELECT tag, tag = 'a' ... WHERE tag = 'a' GROUP BY tag) would be
 * taken for that column, which is always null.  No query relabels a boolean
 * as a boolean.
 */
static List *
hide_conditions(List *conditions)
{
	List	   *hidden = NIL;
	ListCell   *lc;

	foreach(lc, conditions)
		hidden = lappend(hidden, makeRelabelType(lfirst(lc), BOOLOID, -1, InvalidOid, COERCE_IMPLICIT_CAST));
	return hidden;
}

/* What a path carries to its plan. */
static List *
path_private(CollectContext *c, List *pushed, List *local, List *having)
{
	List	   *exprs = list_concat(list_copy(c->keys), c->aggs);

	exprs = list_concat(exprs, hide_conditions(list_concat(list_copy(pushed), local)));
	return list_make3(exprs,
					  list_make4_int(list_length(c->keys), list_length(c->aggs),
									 list_length(pushed), list_length(local)),
					  having);
}

static void
add_full_path(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *output_rel, PathTarget *target,
			  CollectContext *c, List *pushed, List *local, List *having)
{
	AggCost		cost = cost_of(root, input_rel, target, c, pushed, local);
	double		groups = cost.groups;
	QualCost	having_cost;

	if (!groups_fit(groups, c->keys, list_length(c->aggs)))
		return;
	cost_qual_eval(&having_cost, having, root);
	cost.hand_out += having_cost.startup + groups * having_cost.per_tuple;
	if (having != NIL)
		groups = clamp_row_est(groups * clauselist_selectivity(root, having, 0, JOIN_INNER, NULL));
	add_path(output_rel, (Path *)
			 si_create_upper_path(root, output_rel, target, groups, cost.read,
								  cost.read + cost.hand_out, path_private(c, pushed, local, having)));
}

/* The share of one process of a parallel query, which hands out states. */
static void
add_partial_agg_path(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *output_rel,
					 CollectContext *c, List *pushed, List *local)
{
	SiRelPlan  *plan = input_rel->fdw_private;
	AggCost		cost = cost_of(root, input_rel, output_rel->reltarget, c, pushed, local);
	Path	   *path;

	if (plan->workers == 0 || !groups_fit(cost.groups, c->keys, list_length(c->aggs)))
		return;
	cost.read /= si_parallel_share(plan->workers);
	path = (Path *) si_create_upper_path(root, output_rel, output_rel->reltarget, cost.groups, cost.read,
										 cost.read + cost.hand_out,
										 path_private(c, pushed, local, NIL));
	path->parallel_aware = true;
	path->parallel_safe = true;
	path->parallel_workers = plan->workers;
	add_partial_path(output_rel, path);
}

/* Whether what the stage asks for is groups of rows of one data source. */
static bool
is_our_stage(PlannerInfo *root, UpperRelationKind stage, void *extra)
{
	Query	   *parse = root->parse;

	switch (stage)
	{
		case UPPERREL_GROUP_AGG:
		case UPPERREL_PARTIAL_GROUP_AGG:
			return parse->groupingSets == NIL &&
				((GroupPathExtraData *) extra)->patype == PARTITIONWISE_AGGREGATE_NONE;
		case UPPERREL_DISTINCT:
			return !parse->hasDistinctOn && !parse->hasTargetSRFs && !parse->hasWindowFuncs &&
				!parse->hasAggs && parse->groupClause == NIL;
		default:
			return false;
	}
}

void
si_agg_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel,
			 RelOptInfo *output_rel, void *extra)
{
	CollectContext c = {0};
	List	   *pushed = NIL;
	List	   *local = NIL;
	List	   *having = NIL;
	PathTarget *target = stage == UPPERREL_DISTINCT ? root->upper_targets[stage] : output_rel->reltarget;
	ListCell   *lc;

	if (!si_enable_aggregation || !si_enable_pushdown ||
		input_rel->reloptkind != RELOPT_BASEREL || input_rel->fdw_private == NULL ||
		!is_our_stage(root, stage, extra))
		return;

	c.relid = input_rel->relid;
	if (!collect_keys(root, target, stage == UPPERREL_DISTINCT, &c))
		return;
	foreach(lc, target->exprs)
		collect(lfirst(lc), &c);
	if (stage == UPPERREL_GROUP_AGG)
	{
		having = (List *) ((GroupPathExtraData *) extra)->havingQual;
		collect((Node *) having, &c);
	}
	if (c.failed || !split_conditions(input_rel, &pushed, &local))
		return;
	if (stage != UPPERREL_PARTIAL_GROUP_AGG)
		add_full_path(root, input_rel, output_rel, target, &c, pushed, local, having);
	else
		add_partial_agg_path(root, input_rel, output_rel, &c, pushed, local);
}

ForeignScan *
si_agg_plan(ForeignPath *path, List *tlist)
{
	List	   *scan_tlist = NIL;
	List	   *params = NIL;
	List	   *exprs = list_nth(path->fdw_private, PATH_SCAN_TLIST);
	ListCell   *lc;

	foreach(lc, exprs)
		scan_tlist = lappend(scan_tlist, makeTargetEntry(copyObject(lfirst(lc)), list_length(scan_tlist) + 1,
														 NULL, false));
	collect_parameters((Node *) exprs, &params);
	return make_foreignscan(tlist, list_nth(path->fdw_private, PATH_HAVING), 0, params,
							list_make2(NIL, list_nth(path->fdw_private, PATH_LAYOUT)),
							scan_tlist, NIL, NULL);
}

/* ----------------------------------------------------------- taking it apart */

SiAggLayout
si_agg_layout(const ForeignScan *plan)
{
	List	   *numbers = list_nth(plan->fdw_private, SI_PLAN_AGG_LAYOUT);
	SiAggLayout layout;

	layout.nkeys = linitial_int(numbers);
	layout.naggs = lsecond_int(numbers);
	layout.npushed = lthird_int(numbers);
	layout.nlocal = lfourth_int(numbers);
	return layout;
}

List *
si_agg_part(const ForeignScan *plan, int from, int to)
{
	SiAggLayout layout = si_agg_layout(plan);
	List	   *exprs = NIL;

	for (int i = from; i < to; i++)
	{
		Expr	   *expr = list_nth_node(TargetEntry, plan->fdw_scan_tlist, i)->expr;

		/* hide_conditions() */
		if (i >= layout.nkeys + layout.naggs)
			expr = castNode(RelabelType, expr)->arg;
		exprs = lappend(exprs, expr);
	}
	return exprs;
}

Index
si_agg_relid(const ForeignScan *plan)
{
	/* the only relation of the query level */
	return bms_next_member(plan->fs_relids, -1);
}
