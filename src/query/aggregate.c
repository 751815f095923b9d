/*
 * aggregate.c
 *		Aggregate functions over vectors: states and their updates.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "query/aggregate.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

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
		case F_MIN_TEXT:
			return SI_AGGREGATE_MIN_TEXT;
		case F_MAX_TEXT:
			return SI_AGGREGATE_MAX_TEXT;
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
		(agg->aggsplit != AGGSPLIT_SIMPLE && agg->aggsplit != AGGSPLIT_INITIAL_SERIAL))
		return SI_AGGREGATE_NONE;
	if (agg->args != NIL)
		arg = ((TargetEntry *) linitial(agg->args))->expr;
	kind = kind_of_function(agg->aggfnoid, arg == NULL ? InvalidOid : exprType((Node *) arg));
	if (kind == SI_AGGREGATE_NONE || (arg != NULL && !si_batch_value_possible(arg, relid)))
		return SI_AGGREGATE_NONE;
	if (agg->aggfilter != NULL && !si_batch_value_possible(agg->aggfilter, relid))
		return SI_AGGREGATE_NONE;
	if ((kind == SI_AGGREGATE_MIN_TEXT || kind == SI_AGGREGATE_MAX_TEXT) &&
		(!si_group_key_possible(arg, relid) || !OidIsValid(agg->inputcollid) ||
		 !get_collation_isdeterministic(agg->inputcollid)))
		return SI_AGGREGATE_NONE;
	if (agg->aggdistinct != NIL)
	{
		/* least, greatest and the like do not care about repetitions */
		if (kind == SI_AGGREGATE_COUNT)
			return si_group_key_possible(arg, relid) ? SI_AGGREGATE_COUNT_DISTINCT : SI_AGGREGATE_NONE;
		if (kind != SI_AGGREGATE_MIN && kind != SI_AGGREGATE_MAX &&
			kind != SI_AGGREGATE_MIN_TEXT && kind != SI_AGGREGATE_MAX_TEXT && kind != SI_AGGREGATE_AND && kind != SI_AGGREGATE_OR)
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
	agg->collation = aggref->inputcollid;
	agg->arg = -1;
	agg->filter = -1;
	agg->partial = aggref->aggsplit == AGGSPLIT_INITIAL_SERIAL;
	if (aggref->args != NIL)
		agg->argtype = exprType((Node *) ((TargetEntry *) linitial(aggref->args))->expr);
	agg->kind = kind_of_function(agg->function, agg->argtype);
	if (aggref->aggdistinct != NIL && agg->kind == SI_AGGREGATE_COUNT)
		agg->kind = SI_AGGREGATE_COUNT_DISTINCT;
}

Size
si_aggregate_state_size(const SiAggregate *agg)
{
	switch (agg->kind)
	{
		case SI_AGGREGATE_SUM_LONG:
			return sizeof(SiSumState);
		case SI_AGGREGATE_SUM_FLOAT:
		case SI_AGGREGATE_SUM_DOUBLE:
			return sizeof(SiFloatState);
		case SI_AGGREGATE_MIN:
		case SI_AGGREGATE_MAX:
		case SI_AGGREGATE_MIN_TEXT:
		case SI_AGGREGATE_MAX_TEXT:
		case SI_AGGREGATE_AND:
		case SI_AGGREGATE_OR:
			return sizeof(SiKeyState);
		case SI_AGGREGATE_MOMENTS:
			return sizeof(SiMoments);
		default:
			return sizeof(int64);
	}
}

void
si_aggregate_reset(SiAggregate *agg)
{
	if (agg->kind != SI_AGGREGATE_COUNT_DISTINCT)
		return;
	if (agg->one_group)
	{
		agg->seen_words = 64;
		agg->seen = si_alloc0(agg->seen_words * sizeof(uint64));
	}
	else
		si_int_table_init(&agg->pairs);
}

/* ---------------------------------------------------------------- updates */

/* Rows ahead whose state is requested from memory. */
#define LOOK_AHEAD	16

#define STATE(type, group) ((type *) (bytes + (group) * stride))

/*
 * Runs a statement for every row, s being the state of its group.  A state
 * that all rows share is kept in registers.
 */
#define FOR_ROWS(type, statement) \
	do { \
		const Size	stride = states->stride; \
		char	   *bytes = states->bytes + agg->offset; \
		if (rows->one_group) \
		{ \
			type		state_ = *STATE(type, groups[0]); \
			type	   *s = &state_; \
			for (uint32 i = 0; i < rows->n; i++) \
			{ \
				uint32		row = rows->row[i]; \
				(void) row; \
				statement; \
			} \
			*STATE(type, groups[0]) = state_; \
			break; \
		} \
		for (uint32 i = 0; i < rows->n; i++) \
		{ \
			uint32		row = rows->row[i]; \
			type	   *s = STATE(type, groups[i]); \
			(void) row; \
			if (i + LOOK_AHEAD < rows->n) \
				__builtin_prefetch(STATE(type, groups[i + LOOK_AHEAD])); \
			statement; \
		} \
	} while (0)

/* The same for every row whose value is not null. */
#define FOR_VALUES(type, statement) \
	do { \
		const uint64 *nulls = value->nulls; \
		if (nulls == NULL) \
			FOR_ROWS(type, statement); \
		else \
			FOR_ROWS(type, if (!si_bit(nulls, row)) { statement; }); \
	} while (0)

static void
sum_rows(SiAggregate *agg, const SiStates *states, const SiBatchValue *value, const SiRows *rows,
		 const uint32 *groups)
{
	switch (agg->kind)
	{
		case SI_AGGREGATE_SUM_LONG:
			FOR_VALUES(SiSumState, s->count++; s->sum += value->v.longs[row]);
			break;
		case SI_AGGREGATE_SUM_FLOAT:
			FOR_VALUES(SiFloatState, s->sum = s->count++ == 0 ? value->v.floats[row] :
					   float4_pl((float) s->sum, value->v.floats[row]));
			break;
		default:
			FOR_VALUES(SiFloatState, s->sum = s->count++ == 0 ? value->v.doubles[row] :
					   float8_pl(s->sum, value->v.doubles[row]));
			break;
	}
}

/* Updates the least or greatest key; the sense is known to the compiler. */
#define EXTREME(key_expression, comparison) \
	FOR_VALUES(SiKeyState, int64 k = (key_expression); \
			   if (s->count++ == 0 || k comparison s->key) s->key = k)

static void
extreme_rows(SiAggregate *agg, const SiStates *states, const SiBatchValue *value, const SiRows *rows,
			 const uint32 *groups)
{
	bool		least = agg->kind == SI_AGGREGATE_MIN || agg->kind == SI_AGGREGATE_AND;

	switch (agg->form)
	{
		case SI_FORM_FLOAT:
			if (least)
				EXTREME(si_double_key(value->v.floats[row]), <);
			else
				EXTREME(si_double_key(value->v.floats[row]), >);
			break;
		case SI_FORM_DOUBLE:
			if (least)
				EXTREME(si_double_key(value->v.doubles[row]), <);
			else
				EXTREME(si_double_key(value->v.doubles[row]), >);
			break;
		default:
			if (least)
				EXTREME(value->v.longs[row], <);
			else
				EXTREME(value->v.longs[row], >);
			break;
	}
}

/* One value more, as float8_accum() does it. */
static void
add_moment(SiMoments *m, double value)
{
	double		before = (double) m->count;
	double		n = before + 1.0;
	double		sx = m->sx + value;
	double		sxx = m->sxx;

	if (m->count > 0)
	{
		double		tmp = value * n - sx;

		sxx += tmp * tmp / (n * before);
		if (isinf(sx) || isinf(sxx))
		{
			if (!isinf(m->sx) && !isinf(value))
				float_overflow_error();
			sxx = get_float8_nan();
		}
	}
	else if (isnan(value) || isinf(value))
		sxx = get_float8_nan();
	m->count++;
	m->sx = sx;
	m->sxx = sxx;
}

static void
moment_rows(SiAggregate *agg, const SiStates *states, const SiBatchValue *value, const SiRows *rows,
			const uint32 *groups)
{
	if (agg->form == SI_FORM_FLOAT)
		FOR_VALUES(SiMoments, add_moment(s, value->v.floats[row]));
	else
		FOR_VALUES(SiMoments, add_moment(s, value->v.doubles[row]));
}

/* Makes room for a mark for each value of a key. */
static void
need_marks(SiAggregate *agg, const SiGroupKey *key)
{
	uint32		words = (key->count + 63) / 64;

	if (words <= agg->seen_words)
		return;
	words = Max(words, agg->seen_words * 2);
	agg->seen = si_realloc(agg->seen, words * sizeof(uint64));
	memset(agg->seen + agg->seen_words, 0, (words - agg->seen_words) * sizeof(uint64));
	agg->seen_words = words;
}

/* Marks a number; 1 when it is new. */
static inline int
mark(SiAggregate *agg, uint32 number)
{
	uint64		bit = UINT64CONST(1) << (number % 64);
	bool		new = (agg->seen[number / 64] & bit) == 0;

	agg->seen[number / 64] |= bit;
	return new;
}

void
si_aggregate_dict(SiAggregate *agg, const SiStates *states, SiGroupKey *key, const SiDict *dict)
{
	int64	   *count = si_aggregate_state(agg, states, 0);
	uint32		numbers[SI_TEXT_BATCH];

	for (uint32 from = 0; from < dict->count; from += SI_TEXT_BATCH)
	{
		int			n = Min(SI_TEXT_BATCH, dict->count - from);

		CHECK_FOR_INTERRUPTS();
		si_group_key_entries(key, dict, from, n, numbers);
		need_marks(agg, key);
		for (int i = 0; i < n; i++)
			*count += mark(agg, numbers[i]);
	}
}

/* Distinct values when there is but one group: a mark for each number. */
static void
distinct_of_all(SiAggregate *agg, const SiStates *states, const SiGroupKey *key, const SiRows *rows)
{
	int64		count = 0;

	need_marks(agg, key);
	for (uint32 i = 0; i < rows->n; i++)
	{
		uint32		number = key->constant ? key->number : key->numbers[i];

		if (number != key->null_number)
			count += mark(agg, number);
	}
	*(int64 *) si_aggregate_state(agg, states, 0) += count;
}

static void
distinct_rows(SiAggregate *agg, const SiStates *states, const SiGroupKey *key, const SiRows *rows,
			  const uint32 *groups)
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
		*(int64 *) si_aggregate_state(agg, states, groups[i]) += agg->pairs.count - before;
	}
}

/* Least or greatest text: compared under the collation when the number is another one. */
static void
text_rows(SiAggregate *agg, const SiStates *states, const SiGroupKey *key, const SiRows *rows,
		  const uint32 *groups)
{
	int			sign = agg->kind == SI_AGGREGATE_MIN_TEXT ? -1 : 1;

	for (uint32 i = 0; i < rows->n; i++)
	{
		uint32		number = key->constant ? key->number : key->numbers[i];
		SiKeyState *s = si_aggregate_state(agg, states, groups[i]);

		if (number == key->null_number)
			continue;
		if (s->count++ == 0 ||
			(s->key != number && sign * si_group_key_compare(key, number, (uint32) s->key, agg->collation) > 0))
			s->key = number;
	}
}

void
si_aggregate_rows(SiAggregate *agg, const SiStates *states, const SiAggArg *arg, const SiRows *rows,
				  const uint32 *groups)
{
	const SiBatchValue *value = arg == NULL ? NULL : arg->value;

	switch (agg->kind)
	{
		case SI_AGGREGATE_COUNT_ROWS:
			FOR_ROWS(int64, (*s)++);
			break;
		case SI_AGGREGATE_COUNT:
			FOR_VALUES(int64, (*s)++);
			break;
		case SI_AGGREGATE_COUNT_DISTINCT:
			if (agg->one_group)
				distinct_of_all(agg, states, arg->key, rows);
			else
				distinct_rows(agg, states, arg->key, rows, groups);
			break;
		case SI_AGGREGATE_MIN_TEXT:
		case SI_AGGREGATE_MAX_TEXT:
			text_rows(agg, states, arg->key, rows, groups);
			break;
		case SI_AGGREGATE_SUM_LONG:
		case SI_AGGREGATE_SUM_FLOAT:
		case SI_AGGREGATE_SUM_DOUBLE:
			sum_rows(agg, states, value, rows, groups);
			break;
		case SI_AGGREGATE_MIN:
		case SI_AGGREGATE_MAX:
		case SI_AGGREGATE_AND:
		case SI_AGGREGATE_OR:
			extreme_rows(agg, states, value, rows, groups);
			break;
		case SI_AGGREGATE_MOMENTS:
			moment_rows(agg, states, value, rows, groups);
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
		case SI_AGGREGATE_COUNT_DISTINCT:
			return agg->one_group && arg->key->kind == SI_KEY_COLUMN;
		default:
			return false;
	}
}

static void
add_double(SiFloatState *state, const SiColumnStats *stats)
{
	double		before = state->sum;

	state->sum = state->count == 0 ? stats->sum.d : before + stats->sum.d;
	if (isinf(state->sum) && !isinf(before) && !isinf(stats->min.d) && !isinf(stats->max.d))
		float_overflow_error();
}

static void
add_extreme(const SiAggregate *agg, SiKeyState *state, const SiColumnStats *stats)
{
	bool		least = agg->kind == SI_AGGREGATE_MIN;
	int64		key;

	if (agg->form == SI_FORM_FLOAT || agg->form == SI_FORM_DOUBLE)
		key = si_double_key(least ? stats->min.d : stats->max.d);
	else
		key = least ? stats->min.i : stats->max.i;
	if (state->count == 0 || (least ? key < state->key : key > state->key))
		state->key = key;
}

void
si_aggregate_stats(SiAggregate *agg, const SiStates *states, const SiColumnStats *stats, uint32 nrows,
				   uint32 group)
{
	void	   *state = si_aggregate_state(agg, states, group);
	int64	   *count = state;	/* every state begins with it */

	if (agg->kind == SI_AGGREGATE_COUNT_ROWS)
	{
		*count += nrows;
		return;
	}
	if (stats == NULL || stats->null_count == nrows)
		return;
	if (agg->kind == SI_AGGREGATE_SUM_LONG)
		((SiSumState *) state)->sum += stats->sum.i;
	else if (agg->kind == SI_AGGREGATE_SUM_DOUBLE)
		add_double(state, stats);
	else if (agg->kind == SI_AGGREGATE_MIN || agg->kind == SI_AGGREGATE_MAX)
		add_extreme(agg, state, stats);
	*count += nrows - stats->null_count;
}
