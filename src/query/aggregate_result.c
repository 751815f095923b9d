/*
 * aggregate_result.c
 *		Results of aggregates, as PostgreSQL's final functions give them.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "query/aggregate.h"
#include "query/aggregate_state.h"
#include "query/scalar.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

Numeric
si_numeric_of_sum(int128 sum)
{
	char		digits[48];
	char	   *p = digits + sizeof(digits) - 1;
	unsigned __int128 left = sum < 0 ? -(unsigned __int128) sum : (unsigned __int128) sum;

	if (sum >= PG_INT64_MIN && sum <= PG_INT64_MAX)
		return int64_to_numeric((int64) sum);
	*p = '\0';
	for (; left != 0; left /= 10)
		*--p = '0' + (int) (left % 10);
	if (sum < 0)
		*--p = '-';
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(p),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static Datum
result_of_sum(const SiAggregate *agg, const SiSumState *state)
{
	switch (agg->function)
	{
		case F_SUM_INT4:
		case F_SUM_INT2:
			return Int64GetDatum((int64) state->sum);
		case F_SUM_INT8:
			return NumericGetDatum(si_numeric_of_sum(state->sum));
		default:
			return DirectFunctionCall2(numeric_div, NumericGetDatum(si_numeric_of_sum(state->sum)),
									   NumericGetDatum(int64_to_numeric(state->count)));
	}
}

/* An ordered key as the value it stands for. */
static Datum
result_of_key(const SiAggregate *agg, int64 key)
{
	if (agg->form == SI_FORM_FLOAT)
		return Float4GetDatum((float) si_double_of_key(key));
	if (agg->form == SI_FORM_DOUBLE)
		return Float8GetDatum(si_double_of_key(key));
	if (agg->form == SI_FORM_TIME)
		return TimestampTzGetDatum(si_ms_to_timestamptz(key));
	return si_datum_of_int(agg->argtype, key);
}

static Datum
result_of_moments(const SiAggregate *agg, const SiMoments *m, bool *isnull)
{
	double		n = (double) m->count;

	switch (agg->function)
	{
		case F_AVG_FLOAT4:
		case F_AVG_FLOAT8:
			return Float8GetDatum(m->sx / n);
		case F_VAR_POP_FLOAT4:
		case F_VAR_POP_FLOAT8:
			return Float8GetDatum(m->sxx / n);
		case F_STDDEV_POP_FLOAT4:
		case F_STDDEV_POP_FLOAT8:
			return Float8GetDatum(sqrt(m->sxx / n));
		default:
			break;
	}
	/* of a sample: one value has none */
	*isnull = n <= 1.0;
	if (*isnull)
		return (Datum) 0;
	switch (agg->function)
	{
		case F_VARIANCE_FLOAT4:
		case F_VARIANCE_FLOAT8:
		case F_VAR_SAMP_FLOAT4:
		case F_VAR_SAMP_FLOAT8:
			return Float8GetDatum(m->sxx / (n - 1.0));
		default:
			return Float8GetDatum(sqrt(m->sxx / (n - 1.0)));
	}
}

Datum
si_aggregate_result(const SiAggregate *agg, const SiStates *states, uint32 group, bool *isnull)
{
	const void *state = si_aggregate_state(agg, states, group);
	int64		count = *(const int64 *) state;

	*isnull = false;
	if (agg->partial && si_aggregate_has_own_state(agg))
		return si_aggregate_state_datum(agg, state, isnull);
	if (agg->kind == SI_AGGREGATE_COUNT_ROWS || agg->kind == SI_AGGREGATE_COUNT ||
		agg->kind == SI_AGGREGATE_COUNT_DISTINCT)
		return Int64GetDatum(count);
	*isnull = count == 0;
	if (*isnull)
		return (Datum) 0;
	switch (agg->kind)
	{
		case SI_AGGREGATE_SUM_LONG:
			return result_of_sum(agg, state);
		case SI_AGGREGATE_SUM_FLOAT:
			return Float4GetDatum((float) ((const SiFloatState *) state)->sum);
		case SI_AGGREGATE_SUM_DOUBLE:
			return Float8GetDatum(((const SiFloatState *) state)->sum);
		case SI_AGGREGATE_MIN_TEXT:
		case SI_AGGREGATE_MAX_TEXT:
			return si_group_key_datum(agg->texts, (uint32) ((const SiKeyState *) state)->key, isnull);
		case SI_AGGREGATE_MOMENTS:
			return result_of_moments(agg, state, isnull);
		default:
			return result_of_key(agg, ((const SiKeyState *) state)->key);
	}
}
