/*
 * agg_scan.c
 *		Grouping and aggregation inside the scan (agg_scan.h).
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "query/agg_scan.h"
#include "utils/memutils.h"

#define FIRST_GROUPS 64

static bool whole_chunk(void *arg, const SiChunk *chunk, SiChunkReader *reader);

/* ----------------------------------------------------------------- set-up */

/* The argument of an aggregate among those there are, or a new one. */
static int
find_arg(SiAggScan *agg, Expr *expr, bool as_key)
{
	SiAggArg   *arg;

	for (int i = 0; i < agg->nargs; i++)
	{
		Expr	   *other = agg->args[i].key != NULL ? agg->args[i].key->expr : agg->args[i].value->expr;

		if ((agg->args[i].key != NULL) == as_key && equal(other, expr))
			return i;
	}
	arg = &agg->args[agg->nargs];
	if (as_key)
		arg->key = si_group_key_init(&agg->env, expr);
	else
		arg->value = si_batch_value_init(&agg->env, expr);
	return agg->nargs++;
}

static int
add_filter(SiAggScan *agg, Expr *expr, Relation rel, const SiAttribute *atts)
{
	SiAggFilter *f = &agg->filters[agg->nfilters];
	List	   *conditions = make_ands_implicit(expr);
	bool		pushed = true;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		SiPush		push;

		pushed &= si_shippable(lfirst(lc), agg->env.relid, &push) != SI_PUSH_NONE &&
			agg->env.column_of[push.attno] >= 0;
	}
	if (pushed)
		f->filters = si_filters_init(conditions, agg->env.relid, agg->env.parent, rel,
									 agg->env.column_of, atts);
	else
	{
		f->state = ExecInitExpr(expr, agg->env.parent);
		f->columns = si_row_columns(&agg->env, expr, &f->ncolumns);
	}
	return agg->nfilters++;
}

static void
init_aggregates(SiAggScan *agg, List *aggrefs, Relation rel, const SiAttribute *atts)
{
	int			n = list_length(aggrefs);
	ListCell   *lc;
	int			i = 0;

	agg->aggs = palloc0(Max(n, 1) * sizeof(SiAggregate));
	agg->args = palloc0(Max(n, 1) * sizeof(SiAggArg));
	agg->filters = palloc0(Max(n, 1) * sizeof(SiAggFilter));
	foreach(lc, aggrefs)
	{
		Aggref	   *aggref = lfirst_node(Aggref, lc);
		SiAggregate *a = &agg->aggs[i++];

		si_aggregate_init(a, aggref);
		if (aggref->args != NIL)
			a->arg = find_arg(agg, linitial_node(TargetEntry, aggref->args)->expr,
							  si_aggregate_wants_key(a));
		if (a->arg >= 0)
			a->texts = agg->args[a->arg].key;
		if (a->arg >= 0 && agg->args[a->arg].value != NULL)
			a->form = agg->args[a->arg].value->form;
		if (aggref->aggfilter != NULL)
			a->filter = add_filter(agg, aggref->aggfilter, rel, atts);
		a->one_group = agg->layout.nkeys == 0;
		a->offset = agg->states.stride;
		agg->states.stride += si_aggregate_state_size(a);
	}
}

static void
init_local(SiAggScan *agg, List *conditions)
{
	int			n = list_length(conditions);
	ListCell   *lc;
	int			i = 0;

	agg->local = palloc0(Max(n, 1) * sizeof(ExprState *));
	agg->local_columns = palloc0(Max(n, 1) * sizeof(int *));
	agg->local_ncolumns = palloc0(Max(n, 1) * sizeof(int));
	foreach(lc, conditions)
	{
		agg->local[i] = ExecInitExpr(lfirst(lc), agg->env.parent);
		agg->local_columns[i] = si_row_columns(&agg->env, lfirst(lc), &agg->local_ncolumns[i]);
		i++;
	}
}

/* Whether chunks can be added by what their footers say about them. */
static bool
takes_whole_chunks(SiAggScan *agg)
{
	if (agg->layout.nkeys > 0 || agg->layout.nlocal > 0)
		return false;
	for (int i = 0; i < agg->layout.naggs; i++)
	{
		SiAggregate *a = &agg->aggs[i];

		if (!si_aggregate_takes_stats(a, a->arg < 0 ? NULL : &agg->args[a->arg]))
			return false;
	}
	return true;
}

/* The columns of all expressions; column_of maps attribute numbers to them. */
static SiAttribute *
collect_attributes(ForeignScan *plan, Relation rel, Index relid, int *column_of, int *natts)
{
	List	   *exprs = si_agg_part(plan, 0, list_length(plan->fdw_scan_tlist));
	Bitmapset  *attnos = si_expr_columns(NULL, (Node *) exprs, relid);
	SiAttribute *atts = palloc0(Max(bms_num_members(attnos), 1) * sizeof(SiAttribute));
	int			attno = -1;

	*natts = 0;
	for (int i = 0; i <= RelationGetNumberOfAttributes(rel); i++)
		column_of[i] = -1;
	while ((attno = bms_next_member(attnos, attno)) >= 0)
	{
		if (si_attribute_init(rel, attno, &atts[*natts]))
			column_of[attno] = (*natts)++;
	}
	return atts;
}

SiAggScan *
si_agg_begin(ForeignScanState *node, Relation rel)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	SiAggScan  *agg = palloc0(sizeof(SiAggScan));
	SiAggLayout layout = si_agg_layout(plan);
	int		   *column_of = palloc((RelationGetNumberOfAttributes(rel) + 1) * sizeof(int));
	int			at = layout.nkeys + layout.naggs;
	int			natts;
	SiAttribute *atts;
	SiFilters  *filters = NULL;
	ListCell   *lc;
	int			i = 0;

	agg->layout = layout;
	agg->env.parent = &node->ss.ps;
	agg->env.relid = si_agg_relid(plan);
	agg->env.column_of = column_of;
	agg->env.cxt = CurrentMemoryContext;
	agg->env.econtext = CreateExprContext(node->ss.ps.state);
	agg->env.slot = ExecInitExtraTupleSlot(node->ss.ps.state, RelationGetDescr(rel), &TTSOpsVirtual);
	ExecStoreAllNullTuple(agg->env.slot);
	atts = collect_attributes(plan, rel, agg->env.relid, column_of, &natts);

	if (layout.npushed > 0)
		filters = si_filters_init(si_agg_part(plan, at, at + layout.npushed), agg->env.relid,
								  &node->ss.ps, rel, column_of, atts);
	agg->scan = si_scan_begin(rel, node->ss.ps.state->es_snapshot, natts, atts, 0, filters);
	agg->env.scan = agg->scan;
	agg->group_cxt = AllocSetContextCreate(CurrentMemoryContext, "stream_ingest groups",
										   ALLOCSET_DEFAULT_SIZES);

	agg->keys = palloc0(Max(layout.nkeys, 1) * sizeof(SiGroupKey *));
	agg->pairs = palloc0(Max(layout.nkeys, 1) * sizeof(SiPairTable));
	foreach(lc, si_agg_part(plan, 0, layout.nkeys))
		agg->keys[i++] = si_group_key_init(&agg->env, lfirst(lc));
	init_aggregates(agg, si_agg_part(plan, layout.nkeys, at), rel, atts);
	at += layout.npushed;
	init_local(agg, si_agg_part(plan, at, at + layout.nlocal));
	if (takes_whole_chunks(agg))
	{
		agg->scan->whole_chunk = whole_chunk;
		agg->scan->whole_chunk_arg = agg;
	}

	agg->rows = palloc(sizeof(SiRows));
	agg->filtered = palloc(sizeof(SiRows));
	agg->groups = palloc(SI_BLOCK_ROWS * sizeof(uint32));
	agg->filtered_groups = palloc(SI_BLOCK_ROWS * sizeof(uint32));
	return agg;
}

/* ------------------------------------------------------------------ groups */

static void
need_groups(SiAggScan *agg, uint32 n)
{
	uint32		cap = Max(agg->group_cap, FIRST_GROUPS);

	if (n > agg->ngroups)
		agg->ngroups = n;
	if (n <= agg->group_cap)
		return;
	while (cap < n)
		cap *= 2;
	if (agg->states.stride > 0)
	{
		Size		old = agg->group_cap * agg->states.stride;
		Size		size = cap * agg->states.stride;

		agg->states.bytes = agg->states.bytes == NULL ? si_alloc(size) : si_realloc(agg->states.bytes, size);
		memset(agg->states.bytes + old, 0, size - old);
	}
	agg->group_cap = cap;
}

/* How many groups there are by what keys and pairs were seen. */
static uint32
count_groups(const SiAggScan *agg)
{
	switch (agg->layout.nkeys)
	{
		case 0:
			return 1;
		case 1:
			return agg->keys[0]->count;
		default:
			return agg->pairs[agg->layout.nkeys - 2].table.count;
	}
}

/* When all keys are constant in the block: the group of its rows. */
static uint32
constant_group(SiAggScan *agg)
{
	uint32		group = 0;

	for (int k = 0; k < agg->layout.nkeys; k++)
	{
		uint32		number = agg->keys[k]->number;

		group = k == 0 ? number :
			si_pair_table_number(&agg->pairs[k - 1], group, number);
	}
	return group;
}

/* Joins the numbers of one more key to the groups of those before it. */
static void
join_key(SiPairTable *pairs, const SiGroupKey *key, uint32 n, uint32 *groups)
{
	if (key->constant)
	{
		for (uint32 i = 0; i < n; i++)
			groups[i] = si_pair_table_number(pairs, groups[i], key->number);
	}
	else
	{
		for (uint32 i = 0; i < n; i++)
			groups[i] = si_pair_table_number(pairs, groups[i], key->numbers[i]);
	}
}

/* The group of every selected row. */
static void
find_groups(SiAggScan *agg, const SiRows *rows)
{
	for (int k = 0; k < agg->layout.nkeys; k++)
	{
		SiGroupKey *key = agg->keys[k];

		si_group_key_rows(&agg->env, key, rows);
		if (k > 0)
			join_key(&agg->pairs[k - 1], key, rows->n, agg->groups);
		else if (key->constant)
		{
			for (uint32 i = 0; i < rows->n; i++)
				agg->groups[i] = key->number;
		}
		else
			memcpy(agg->groups, key->numbers, rows->n * sizeof(uint32));
	}
	if (agg->layout.nkeys == 0)
		memset(agg->groups, 0, rows->n * sizeof(uint32));
}

/* ----------------------------------------------------------- numbers instead */

/*
 * The numbers about the argument of an aggregate in the open chunk, or in one
 * block of it (block < 0: all).  False when there are none to go by.
 */
static bool
stats_of_arg(SiAggScan *agg, const SiAggregate *a, int block, const SiColumnStats **stats)
{
	SiChunkReader *r = agg->scan->reader;
	SiAggArg   *arg;
	SiChunkColumn *c;
	int			column;

	*stats = NULL;
	if (a->arg < 0)
		return true;
	arg = &agg->args[a->arg];
	column = arg->key != NULL ? arg->key->column : arg->value->column;
	c = &r->columns[column];
	if (c->col < 0)
		return true;
	if (arg->key != NULL)
		return block < 0 && c->native && c->info->desc.type == SI_TYPE_STRING && c->info->dict_sorted;
	if (!c->native)
		return false;
	*stats = block < 0 ? &c->info->stats : si_chunk_block_stats(r, column, block);
	if ((*stats)->null_count == (block < 0 ? r->rows : r->block_rows) || a->kind == SI_AGGREGATE_COUNT)
		return true;
	return a->kind == SI_AGGREGATE_SUM_LONG || a->kind == SI_AGGREGATE_SUM_DOUBLE ? (*stats)->has_sum :
		(*stats)->has_minmax;
}

/* Adds a chunk to one aggregate by its numbers, or its dictionary. */
static void
add_chunk(SiAggScan *agg, SiAggregate *a, const SiChunk *chunk, SiChunkReader *reader)
{
	const SiColumnStats *stats = NULL;

	if (a->kind == SI_AGGREGATE_COUNT_DISTINCT)
	{
		SiGroupKey *key = agg->args[a->arg].key;

		if (reader->columns[key->column].col >= 0)
			si_aggregate_dict(a, &agg->states, key, si_chunk_dict(reader, key->column));
		return;
	}
	if (reader != NULL)
		stats_of_arg(agg, a, -1, &stats);
	si_aggregate_stats(a, &agg->states, stats, (uint32) chunk->rows, 0);
}

/* Adds a chunk without looking at its rows (SiScan.whole_chunk). */
static bool
whole_chunk(void *arg, const SiChunk *chunk, SiChunkReader *reader)
{
	SiAggScan  *agg = arg;
	MemoryContext old;
	const SiColumnStats *stats;

	for (int i = 0; i < agg->layout.naggs; i++)
	{
		if (agg->aggs[i].kind == SI_AGGREGATE_COUNT_ROWS)
			continue;
		if (reader == NULL || !stats_of_arg(agg, &agg->aggs[i], -1, &stats))
			return false;
	}
	old = MemoryContextSwitchTo(agg->group_cxt);
	need_groups(agg, 1);
	for (int i = 0; i < agg->layout.naggs; i++)
		add_chunk(agg, &agg->aggs[i], chunk, reader);
	MemoryContextSwitchTo(old);
	agg->env.counts.rows_by_stats += chunk->rows;
	return true;
}

/* ----------------------------------------------------------------- batches */

/* Applies the conditions that are left to the executor; the number of rows left. */
static uint32
apply_local(SiAggScan *agg, SiBatch *batch)
{
	uint32		selected = batch->nselected;

	for (int i = 0; i < agg->layout.nlocal && selected > 0; i++)
		selected = si_row_filter(&agg->env, agg->local[i], agg->local_columns[i],
								 agg->local_ncolumns[i], batch->nrows, batch->selection);
	return selected;
}

/* The rows of the batch that a FILTER lets pass, and their groups. */
static void
apply_agg_filter(SiAggScan *agg, SiAggFilter *f, const SiBatch *batch)
{
	SiChunkReader *r = agg->scan->reader;
	uint32		n = 0;
	uint32		selected = 0;

	memcpy(f->selection, batch->selection, si_bitmap_words(batch->nrows) * sizeof(uint64));
	if (f->filters == NULL)
		selected = si_row_filter(&agg->env, f->state, f->columns, f->ncolumns, batch->nrows, f->selection);
	else if (!f->never)
	{
		if (f->opened != r->opened)
		{
			f->opened = r->opened;
			f->filters->none = !si_filters_open_chunk(f->filters, r);
		}
		if (!f->filters->none)
			selected = si_filters_select(f->filters, r, batch->nselected, f->selection);
	}

	agg->filtered->nrows = batch->nrows;
	agg->filtered->one_group = agg->rows->one_group;
	agg->filtered->n = 0;
	if (selected == 0)
		return;
	for (uint32 i = 0; i < agg->rows->n; i++)
	{
		agg->filtered->row[n] = agg->rows->row[i];
		agg->filtered_groups[n] = agg->groups[i];
		n += si_bit(f->selection, agg->rows->row[i]);
	}
	agg->filtered->n = n;
}

static void
add_rows(SiAggScan *agg, SiAggregate *a, const SiBatch *batch)
{
	SiAggArg   *arg = a->arg < 0 ? NULL : &agg->args[a->arg];
	const SiRows *rows = agg->rows;
	const uint32 *groups = agg->groups;

	if (a->filter >= 0)
	{
		apply_agg_filter(agg, &agg->filters[a->filter], batch);
		rows = agg->filtered;
		groups = agg->filtered_groups;
		if (rows->n == 0)
			return;
	}
	/* what a FILTER removes must not be computed, so its rows are computed apart */
	if (arg != NULL && (arg->computed != agg->batches || a->filter >= 0))
	{
		arg->computed = a->filter >= 0 ? 0 : agg->batches;
		if (arg->key != NULL)
		{
			arg->key->constant = false;
			si_group_key_rows(&agg->env, arg->key, rows);
		}
		else
			si_batch_value_compute(&agg->env, arg->value, rows);
	}
	si_aggregate_rows(a, &agg->states, arg, rows, groups);
}

/* Adds all rows of the block by numbers about them; false when that cannot be done. */
static bool
add_by_stats(SiAggScan *agg, SiAggregate *a, const SiBatch *batch, uint32 group)
{
	const SiColumnStats *stats;

	if (batch->nselected < batch->nrows ||
		!si_aggregate_takes_stats(a, a->arg < 0 ? NULL : &agg->args[a->arg]) ||
		!stats_of_arg(agg, a, agg->scan->reader->block, &stats))
		return false;
	si_aggregate_stats(a, &agg->states, stats, batch->nrows, group);
	return true;
}

/* The numbers of the selected rows, and their groups. */
static void
prepare_rows(SiAggScan *agg, const SiBatch *batch, bool one_group)
{
	agg->rows->one_group = one_group;
	si_rows_from_selection(agg->rows, batch->selection, batch->nrows);
	find_groups(agg, agg->rows);
	need_groups(agg, count_groups(agg));
}

static void
add_batch(SiAggScan *agg, SiBatch *batch)
{
	bool		constant = true;
	bool		prepared = false;
	uint32		group = 0;

	batch->nselected = apply_local(agg, batch);
	if (batch->nselected == 0)
		return;
	agg->batches++;
	for (int k = 0; k < agg->layout.nkeys; k++)
		constant &= si_group_key_block(&agg->env, agg->keys[k]);
	if (constant)
	{
		group = constant_group(agg);
		need_groups(agg, count_groups(agg));
	}
	else if (agg->layout.naggs == 0)
		prepare_rows(agg, batch, false);
	for (int i = 0; i < agg->layout.naggs; i++)
	{
		if (constant && add_by_stats(agg, &agg->aggs[i], batch, group))
			continue;
		if (!prepared)
			prepare_rows(agg, batch, constant);
		prepared = true;
		add_rows(agg, &agg->aggs[i], batch);
	}
	if (!prepared && constant)
		agg->env.counts.rows_by_stats += batch->nrows;
}

/* Begins an execution: no group, values of filters computed. */
static void
reset_groups(SiAggScan *agg)
{
	MemoryContext old;

	MemoryContextReset(agg->group_cxt);
	old = MemoryContextSwitchTo(agg->group_cxt);
	agg->ngroups = 0;
	agg->group_cap = 0;
	agg->states.bytes = NULL;
	for (int k = 0; k < agg->layout.nkeys; k++)
	{
		si_group_key_reset(agg->keys[k]);
		if (k > 0)
			si_pair_table_init(&agg->pairs[k - 1]);
	}
	for (int i = 0; i < agg->layout.naggs; i++)
		si_aggregate_reset(&agg->aggs[i]);
	for (int i = 0; i < agg->nargs; i++)
	{
		agg->args[i].computed = 0;
		if (agg->args[i].key != NULL)
			si_group_key_reset(agg->args[i].key);
	}
	/* without keys there is one group, of no rows too */
	if (agg->layout.nkeys == 0)
		need_groups(agg, 1);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < agg->nfilters; i++)
	{
		SiKeyRange	time;

		agg->filters[i].opened = 0;
		if (agg->filters[i].filters != NULL)
			agg->filters[i].never = !si_filters_evaluate(agg->filters[i].filters, &time);
	}
}

static void
read_all(SiAggScan *agg)
{
	MemoryContext old;

	reset_groups(agg);
	old = MemoryContextSwitchTo(agg->group_cxt);
	for (;;)
	{
		SiBatch    *batch = (SiBatch *) si_scan_next(agg->scan);

		if (batch == NULL)
			break;
		add_batch(agg, batch);
	}
	MemoryContextSwitchTo(old);
	agg->done = true;
	agg->next = 0;
}

/* ----------------------------------------------------------------- results */

bool
si_agg_next(SiAggScan *agg, TupleTableSlot *slot)
{
	uint32		group;

	if (!agg->done)
		read_all(agg);
	if (agg->next >= agg->ngroups)
		return false;

	group = agg->next++;
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < agg->layout.naggs; i++)
	{
		int			a = agg->layout.nkeys + i;

		slot->tts_values[a] = si_aggregate_result(&agg->aggs[i], &agg->states, group, &slot->tts_isnull[a]);
	}
	for (int k = agg->layout.nkeys - 1; k >= 0; k--)
	{
		uint32		number = group;

		if (k > 0)
			si_pair_table_pair(&agg->pairs[k - 1], group, &group, &number);
		slot->tts_values[k] = si_group_key_datum(agg->keys[k], number, &slot->tts_isnull[k]);
	}
	return true;
}

void
si_agg_restart(SiAggScan *agg, bool changed)
{
	agg->next = 0;
	if (!changed && agg->done)
		return;
	agg->done = false;
	si_scan_restart(agg->scan);
}
