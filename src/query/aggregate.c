/*
 * aggregate.c
 *		Aggregate functions over vectors: states and their updates.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "query/aggregate.h"
#include "utils/float.h"
#include "utils/fmgroids.h"

/* ------------------------------------------------------- classification */

static SiAggregateKind
kind_of_function(Oid function, Oid argtype)
{
	switch (function)
	{
		case F_COUNT_:
			return SI_AGGREGATE_COUNT_ROWS;
		case F_COUNT_ANY:
			return SI_AGGREGATE_COUNT;
		case F_SUM_INT8:
		case F_SUM_INT4:
		case F_SUM_INT2:
		case F_AVG_INT8:
		case F_AVG_INT4:
		case F_AVG_INT2:
			return SI_AGGREGATE_SUM_LONG;
		case F_SUM_FLOAT4:
			return SI_AGGREGATE_SUM_FLOAT;
		case F_SUM_FLOAT8:
			return SI_AGGREGATE_SUM_DOUBLE;
		case F_MIN_INT8:
		case F_MIN_INT4:
		case F_MIN_INT2:
		case F_MIN_FLOAT4:
		case F_MIN_FLOAT8:
		case F_MIN_DATE:
		case F_MIN_TIMESTAMP:
		case F_MIN_TIMESTAMPTZ:
			return SI_AGGREGATE_MIN;
		case F_MAX_INT8:
		case F_MAX_INT4:
		case F_MAX_INT2:
		case F_MAX_FLOAT4:
		case F_MAX_FLOAT8:
		case F_MAX_DATE:
		case F_MAX_TIMESTAMP:
		case F_MAX_TIMESTAMPTZ:
			return SI_AGGREGATE_MAX;
		case F_BOOL_AND:
		case F_EVERY:
			return SI_AGGREGATE_AND;
		case F_BOOL_OR:
			return SI_AGGREGATE_OR;
		case F_AVG_FLOAT4:
		case F_AVG_FLOAT8:
		case F_VARIANCE_FLOAT4:
		case F_VARIANCE_FLOAT8:
		case F_VAR_SAMP_FLOAT4:
		case F_VAR_SAMP_FLOAT8:
		case F_VAR_POP_FLOAT4:
		case F_VAR_POP_FLOAT8:
		case F_STDDEV_FLOAT4:
		case F_STDDEV_FLOAT8:
		case F_STDDEV_SAMP_FLOAT4:
		case F_STDDEV_SAMP_FLOAT8:
		case F_STDDEV_POP_FLOAT4:
		case F_STDDEV_POP_FLOAT8:
			return SI_AGGREGATE_MOMENTS;
		default:
			return SI_AGGREGATE_NONE;
	}
}

SiAggregateKind
si_aggregate_kind(Aggref *agg, Index relid)
{
	SiAggregateKind	kind;
	Expr	   *arg = NULL;

	if (agg->aggorder != NIL || agg->aggdirectargs != NIL || agg->aggvariadic ||
		agg->aggkind != AGGKIND_NORMAL || agg->agglevelsup != 0 ||
		agg->aggsplit != AGGSPLIT_SIMPLE)
		return SI_AGGREGATE_NONE;
	if (agg->args != NIL)
		arg = ((TargetEntry *) linitial(agg->args))->expr;
	kind = kind_of_function(agg->aggfnoid, arg == NULL ? InvalidOid : exprType((Node *) arg));
	if (kind == SI_AGGREGATE_NONE || (arg != NULL && !si_batch_value_possible(arg, relid)))
		return SI_AGGREGATE_NONE;
	if (agg->aggfilter != NULL && !si_batch_value_possible(agg->aggfilter, relid))
		return SI_AGGREGATE_NONE;
	if (agg->aggdistinct != NIL)
	{
		/* least, greatest and the like do not care about repetitions */
		if (kind == SI_AGGREGATE_COUNT)
			return si_group_key_possible(arg, relid) ? SI_AGGREGATE_COUNT_DISTINCT : SI_AGGREGATE_NONE;
		if (kind != SI_AGGREGATE_MIN && kind != SI_AGGREGATE_MAX && kind != SI_AGGREGATE_AND && kind != SI_AGGREGATE_OR)
			return SI_AGGREGATE_NONE;
	}
	return kind;
}

/* ------------------------------------------------------------------ states */

void
si_aggregate_init(SiAggregate *agg, Aggref *aggref)
{
	memset(agg, 0, sizeof(*agg));
	agg->function = aggref->aggfnoid;
	agg->arg = -1;
	agg->filter = -1;
	if (aggref->args != NIL)
		agg->argtype = exprType((Node *) ((TargetEntry *) linitial(aggref->args))->expr);
	agg->kind = kind_of_function(agg->function, agg->argtype);
	if (aggref->aggdistinct != NIL && agg->kind == SI_AGGREGATE_COUNT)
		agg->kind = SI_AGGREGATE_COUNT_DISTINCT;
}

void
si_aggregate_reset(SiAggregate *agg)
{
	/* the memory was that of the groups, which is reset as a whole */
	agg->counts = NULL;
	agg->sums = NULL;
	agg->doubles = NULL;
	agg->floats = NULL;
	agg->keys = NULL;
	agg->moments = NULL;
	if (agg->kind == SI_AGGREGATE_COUNT_DISTINCT)
		si_int_table_init(&agg->pairs);
}

/* An array of states, made longer with zeros. */
static void *
grow_array(void *array, Size element, uint32 old_groups, uint32 new_groups)
{
	if (array == NULL)
		array = si_alloc(new_groups * element);
	else
		array = si_realloc(array, new_groups * element);
	memset((char *) array + old_groups * element, 0, (new_groups - old_groups) * element);
	return array;
}

void
si_aggregate_grow(SiAggregate *agg, uint32 old_groups, uint32 new_groups)
{
	agg->counts = grow_array(agg->counts, sizeof(int64), old_groups, new_groups);
	switch (agg->kind)
	{
		case SI_AGGREGATE_SUM_LONG:
			agg->sums = grow_array(agg->sums, sizeof(int128), old_groups, new_groups);
			break;
		case SI_AGGREGATE_SUM_FLOAT:
			agg->floats = grow_array(agg->floats, sizeof(float), old_groups, new_groups);
			break;
		case SI_AGGREGATE_SUM_DOUBLE:
			agg->doubles = grow_array(agg->doubles, sizeof(double), old_groups, new_groups);
			break;
		case SI_AGGREGATE_MIN:
		case SI_AGGREGATE_MAX:
		case SI_AGGREGATE_AND:
		case SI_AGGREGATE_OR:
			agg->keys = grow_array(agg->keys, sizeof(int64), old_groups, new_groups);
			break;
		case SI_AGGREGATE_MOMENTS:
			agg->moments = grow_array(agg->moments, sizeof(SiMoments), old_groups, new_groups);
			break;
		default:
			break;
	}
}

Size
si_aggregate_memory(const SiAggregate *agg, uint32 groups)
{
	Size		each = sizeof(int64);

	switch (agg->kind)
	{
		case SI_AGGREGATE_SUM_LONG:
			each += sizeof(int128);
			break;
		case SI_AGGREGATE_MOMENTS:
			each += sizeof(SiMoments);
			break;
		case SI_AGGREGATE_COUNT_DISTINCT:
			return each * groups + si_int_table_memory(&agg->pairs);
		default:
			each += sizeof(int64);
			break;
	}
	return each * groups;
}

/* ---------------------------------------------------------------- updates */

/* Runs a statement for every row whose value is not null. */
#define FOR_VALUES(statement) \
	do { \
		for (uint32 i_ = 0; i_ < rows->n; i_++) \
		{ \
			uint32		row = rows->row[i_]; \
			uint32		g = groups[i_]; \
			if (nulls != NULL && si_bit(nulls, row)) \
				continue; \
			counts[g]++; \
			statement; \
		} \
	} while (0)

static void
sum_rows(SiAggregate *agg, const SiBatchValue *value, const SiRows *rows, const uint32 *groups)
{
	const uint64 *nulls = value->nulls;
	int64	   *counts = agg->counts;

	switch (agg->kind)
	{
		case SI_AGGREGATE_SUM_LONG:
			FOR_VALUES(agg->sums[g] += value->v.longs[row]);
			break;
		case SI_AGGREGATE_SUM_FLOAT:
			FOR_VALUES(agg->floats[g] = counts[g] == 1 ? value->v.floats[row] :
					   float4_pl(agg->floats[g], value->v.floats[row]));
			break;
		default:
			FOR_VALUES(agg->doubles[g] = counts[g] == 1 ? value->v.doubles[row] :
					   float8_pl(agg->doubles[g], value->v.doubles[row]));
			break;
	}
}

static inline int64
ordered_key(const SiBatchValue *value, SiForm form, uint32 row)
{
	switch (form)
	{
		case SI_FORM_FLOAT:
			return si_double_key(value->v.floats[row]);
		case SI_FORM_DOUBLE:
			return si_double_key(value->v.doubles[row]);
		default:
			return value->v.longs[row];
	}
}

static void
extreme_rows(SiAggregate *agg, const SiBatchValue *value, const SiRows *rows, const uint32 *groups)
{
	const uint64 *nulls = value->nulls;
	int64	   *counts = agg->counts;
	int64	   *keys = agg->keys;
	bool		least = agg->kind == SI_AGGREGATE_MIN || agg->kind == SI_AGGREGATE_AND;

	if (least)
		FOR_VALUES(int64 k = ordered_key(value, agg->form, row);
				   if (counts[g] == 1 || k < keys[g])
				   keys[g] = k);
	else
		FOR_VALUES(int64 k = ordered_key(value, agg->form, row);
				   if (counts[g] == 1 || k > keys[g])
				   keys[g] = k);
}

/* One value more, as float8_accum() does it. */
static void
add_moment(SiMoments *m, double value)
{
	double		n = m->n + 1.0;
	double		sx = m->sx + value;
	double		sxx = m->sxx;

	if (m->n > 0.0)
	{
		double		tmp = value * n - sx;

		sxx += tmp * tmp / (n * m->n);
		if (isinf(sx) || isinf(sxx))
		{
			if (!isinf(m->sx) && !isinf(value))
				float_overflow_error();
			sxx = get_float8_nan();
		}
	}
	else if (isnan(value) || isinf(value))
		sxx = get_float8_nan();
	m->n = n;
	m->sx = sx;
	m->sxx = sxx;
}

static void
moment_rows(SiAggregate *agg, const SiBatchValue *value, const SiRows *rows, const uint32 *groups)
{
	const uint64 *nulls = value->nulls;
	int64	   *counts = agg->counts;

	if (agg->form == SI_FORM_FLOAT)
		FOR_VALUES(add_moment(&agg->moments[g], value->v.floats[row]));
	else
		FOR_VALUES(add_moment(&agg->moments[g], value->v.doubles[row]));
}

static void
distinct_rows(SiAggregate *agg, const SiGroupKey *key, const SiRows *rows, const uint32 *groups)
{
	uint64		last = PG_UINT64_MAX;

	for (uint32 i = 0; i < rows->n; i++)
	{
		uint32		number = key->constant ? key->number : key->numbers[i];
		uint64		pair = (uint64) groups[i] << 32 | number;
		uint32		before = agg->pairs.count;

		if (number == key->null_number || pair == last)
			continue;
		last = pair;
		si_int_table_number(&agg->pairs, pair);
		agg->counts[groups[i]] += agg->pairs.count - before;
	}
}

void
si_aggregate_rows(SiAggregate *agg, const SiAggArg *arg, const SiRows *rows, const uint32 *groups)
{
	switch (agg->kind)
	{
		case SI_AGGREGATE_COUNT_ROWS:
			for (uint32 i = 0; i < rows->n; i++)
				agg->counts[groups[i]]++;
			break;
		case SI_AGGREGATE_COUNT:
			{
				const uint64 *nulls = arg->value->nulls;
				int64	   *counts = agg->counts;

				FOR_VALUES((void) 0);
				break;
			}
		case SI_AGGREGATE_COUNT_DISTINCT:
			distinct_rows(agg, arg->key, rows, groups);
			break;
		case SI_AGGREGATE_SUM_LONG:
		case SI_AGGREGATE_SUM_FLOAT:
		case SI_AGGREGATE_SUM_DOUBLE:
			sum_rows(agg, arg->value, rows, groups);
			break;
		case SI_AGGREGATE_MIN:
		case SI_AGGREGATE_MAX:
		case SI_AGGREGATE_AND:
		case SI_AGGREGATE_OR:
			extreme_rows(agg, arg->value, rows, groups);
			break;
		case SI_AGGREGATE_MOMENTS:
			moment_rows(agg, arg->value, rows, groups);
			break;
		case SI_AGGREGATE_NONE:
			break;
	}
}

/* ------------------------------------------------- numbers instead of rows */

bool
si_aggregate_takes_stats(const SiAggregate *agg, const SiAggArg *arg)
{
	if (agg->filter >= 0)
		return false;
	switch (agg->kind)
	{
		case SI_AGGREGATE_COUNT_ROWS:
			return true;
		case SI_AGGREGATE_COUNT:
		case SI_AGGREGATE_SUM_LONG:
		case SI_AGGREGATE_SUM_DOUBLE:
		case SI_AGGREGATE_MIN:
		case SI_AGGREGATE_MAX:
			return arg->value->kind == SI_BATCH_COLUMN;
		default:
			return false;
	}
}

static void
add_sum(SiAggregate *agg, const SiColumnStats *stats, uint32 group)
{
	if (agg->kind == SI_AGGREGATE_SUM_LONG)
		agg->sums[group] += stats->sum.i;
	else
	{
		double		before = agg->doubles[group];

		agg->doubles[group] = before + stats->sum.d;
		if (isinf(agg->doubles[group]) && !isinf(before) &&
			!isinf(stats->min.d) && !isinf(stats->max.d))
			float_overflow_error();
	}
}

void
si_aggregate_stats(SiAggregate *agg, const SiColumnStats *stats, uint32 nrows, uint32 group)
{
	int64		key;
	uint32		values;

	if (agg->kind == SI_AGGREGATE_COUNT_ROWS)
	{
		agg->counts[group] += nrows;
		return;
	}
	if (stats == NULL || stats->null_count == nrows)
		return;
	values = nrows - stats->null_count;
	if (agg->kind == SI_AGGREGATE_SUM_LONG || agg->kind == SI_AGGREGATE_SUM_DOUBLE)
		add_sum(agg, stats, group);
	else if (agg->kind == SI_AGGREGATE_MIN || agg->kind == SI_AGGREGATE_MAX)
	{
		bool		least = agg->kind == SI_AGGREGATE_MIN;

		if (agg->form == SI_FORM_FLOAT || agg->form == SI_FORM_DOUBLE)
			key = si_double_key(least ? stats->min.d : stats->max.d);
		else
			key = least ? stats->min.i : stats->max.i;
		if (agg->counts[group] == 0 || (least ? key < agg->keys[group] : key > agg->keys[group]))
			agg->keys[group] = key;
	}
	agg->counts[group] += values;
}
