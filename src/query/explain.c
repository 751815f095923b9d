/*
 * explain.c
 *		What EXPLAIN shows of a scan: the conditions that the scan decides (how,
 *		with VERBOSE), and with ANALYZE what was skipped and why.
 */
#include "postgres.h"

#include "common/pgcompat.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "query/agg_scan.h"
#include "query/fdw.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

/* Titles of conditions by form, for VERBOSE. */
static const struct
{
	const char *title;
	SiPushKind	kinds[3];
}			titles[] =
{
	{"Vector Filter", {SI_PUSH_RANGE, SI_PUSH_KEYS, SI_PUSH_NULLTEST}},
	{"Dictionary Lookup", {SI_PUSH_STRINGS}},
	{"Dictionary Filter", {SI_PUSH_DICT}},
};

static void
show_conditions(const char *title, List *conditions, ForeignScanState *node, ExplainState *es)
{
	List	   *context;
	bool		prefix = list_length(es->rtable) > 1 || es->verbose;

	if (conditions == NIL)
		return;
	/* without ancestors, parameters of an outer plan are shown by number */
	context = set_deparse_context_plan(es->deparse_cxt, node->ss.ps.plan, NIL);
	ExplainPropertyText(title,
						deparse_expression((Node *) make_ands_explicit(conditions), context,
										   prefix, false),
						es);
}

/* Conditions under one title per form. */
static void
show_conditions_by_form(ForeignScan *plan, ForeignScanState *node, ExplainState *es)
{
	for (int t = 0; t < lengthof(titles); t++)
	{
		List	   *of_form = NIL;
		ListCell   *lc;

		foreach(lc, plan->fdw_recheck_quals)
		{
			SiPush		push;
			SiPushKind	kind = si_shippable(lfirst(lc), plan->scan.scanrelid, &push);

			for (int k = 0; k < lengthof(titles[t].kinds); k++)
			{
				if (kind != SI_PUSH_NONE && kind == titles[t].kinds[k])
					of_form = lappend(of_form, lfirst(lc));
			}
		}
		show_conditions(titles[t].title, of_form, node, es);
	}
}

/* Parts of an aggregating scan, as they stand in its target list: over columns of the table. */
static void
show_part(const char *title, ForeignScanState *node, int from, int to, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List	   *context;
	List	   *texts = NIL;
	ListCell   *lc;

	if (from == to)
		return;
	context = set_deparse_context_plan(es->deparse_cxt, node->ss.ps.plan, NIL);
	foreach(lc, si_agg_part(plan, from, to))
		texts = lappend(texts, deparse_expression(lfirst(lc), context, false, false));
	ExplainPropertyList(title, texts, es);
}

static void
show_aggregation(ForeignScanState *node, const SiAggScan *agg, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	SiAggLayout l = si_agg_layout(plan);
	int			at = l.nkeys + l.naggs;

	ExplainPropertyText("Relation", get_rel_name(rt_fetch(si_agg_relid(plan), es->rtable)->relid), es);
	show_part("Group Key", node, 0, l.nkeys, es);
	if (es->verbose)
		show_part("Vector Aggregate", node, l.nkeys, at, es);
	show_part("Pushed Filter", node, at, at + l.npushed, es);
	show_part("Row Filter", node, at + l.npushed, at + l.npushed + l.nlocal, es);
	if (!es->analyze || agg == NULL)
		return;
	ExplainPropertyInteger("Rows from Metadata", NULL, agg->env.counts.rows_by_stats, es);
	ExplainPropertyInteger("Rows by Executor", NULL, agg->env.counts.rows_by_executor, es);
	ExplainPropertyInteger("Entries by Executor", NULL, agg->env.counts.evaluations, es);
}

static void
show_columns(ForeignScan *plan, ForeignScanState *node, ExplainState *es)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, (List *) list_nth(plan->fdw_private, SI_PLAN_COLUMNS))
		names = lappend(names, get_attname(RelationGetRelid(node->ss.ss_currentRelation),
										   lfirst_int(lc), false));
	ExplainPropertyList("Columns", names, es);
}

static void
show_counts(const SiScan *scan, ExplainState *es)
{
	const SiScanCounts *c = &scan->counts;

	ExplainPropertyInteger("Chunks", NULL, c->chunks, es);
	ExplainPropertyInteger("Chunks Skipped by Time", NULL, c->chunks_skipped_by_time, es);
	ExplainPropertyInteger("Chunks Skipped by Min/Max or Dictionary", NULL, c->chunks_skipped, es);
	if (scan->whole_chunk != NULL)
		ExplainPropertyInteger("Chunks Answered from Metadata", NULL, c->chunks_by_metadata, es);
	ExplainPropertyInteger("Blocks Read", NULL, c->blocks_read, es);
	ExplainPropertyInteger("Blocks Skipped", NULL, c->blocks_skipped, es);
	if (scan->filters == NULL)
		return;
	ExplainPropertyInteger("Rows Removed by Pushed Filter", NULL,
						   scan->filters->counts.rows_removed, es);
	ExplainPropertyInteger("Rows Removed by Dictionary", NULL,
						   scan->filters->counts.rows_removed_by_dictionary, es);
	ExplainPropertyInteger("Dictionary Entries Evaluated", NULL,
						   scan->filters->counts.evaluations, es);
	ExplainPropertyInteger("Bitmaps Used", NULL, scan->filters->counts.bitmaps, es);
}

void
si_fdw_explain(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	SiFdwState *state = node->fdw_state;

	if (plan->scan.scanrelid == 0)
		show_aggregation(node, state == NULL ? NULL : state->agg, es);
	else if (es->verbose)
	{
		show_columns(plan, node, es);
		show_conditions_by_form(plan, node, es);
	}
	else
		show_conditions("Pushed Filter", plan->fdw_recheck_quals, node, es);
	if (es->analyze && state != NULL)
		show_counts(state->scan, es);
}
