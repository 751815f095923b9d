/*
 * aggregate_state.c
 *		States of aggregates as PostgreSQL keeps them (aggregate_state.h).
 *
 * As of PostgreSQL 15 to 18:
 *
 * sum(bigint), avg(bigint)		bytea of int8_avg_serialize(): the count as int64,
 *								then the sum as digits in base 10000: their number,
 *								weight, sign and display scale as int32, and each
 *								digit as int16, all in network order
 * avg(integer), avg(smallint)	bigint[2]: count and sum
 * avg, variance, stddev of floating point
 *								double precision[3]: N, Sx, Sxx
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "query/aggregate_state.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#define DIGIT_BASE 10000
/* base 10000 digits of 2^127, and some */
#define MAX_DIGITS 12
/* signs as in numeric.c */
#define SIGN_POSITIVE 0x0000
#define SIGN_NEGATIVE 0x4000

bool
si_aggregate_has_own_state(const SiAggregate *agg)
{
	switch (agg->function)
	{
		case F_SUM_INT8:
		case F_AVG_INT8:
		case F_AVG_INT4:
		case F_AVG_INT2:
			return true;
		default:
			return agg->kind == SI_AGGREGATE_MOMENTS;
	}
}

/* The bytes of int8_avg_serialize(). */
static Datum
serialized_sum(const SiSumState *state)
{
	StringInfoData buf;
	int16		digits[MAX_DIGITS];
	int			ndigits = 0;
	unsigned __int128 left = state->sum < 0 ? -(unsigned __int128) state->sum : (unsigned __int128) state->sum;

	for (; left != 0; left /= DIGIT_BASE)
		digits[ndigits++] = (int16) (left % DIGIT_BASE);

	pq_begintypsend(&buf);
	pq_sendint64(&buf, state->count);
	pq_sendint32(&buf, ndigits);
	pq_sendint32(&buf, ndigits > 0 ? ndigits - 1 : 0);
	pq_sendint32(&buf, state->sum < 0 ? SIGN_NEGATIVE : SIGN_POSITIVE);
	pq_sendint32(&buf, 0);
	for (int i = ndigits - 1; i >= 0; i--)
		pq_sendint16(&buf, digits[i]);
	return PointerGetDatum(pq_endtypsend(&buf));
}

static Datum
count_and_sum(const SiSumState *state)
{
	Datum		values[2] = {Int64GetDatum(state->count), Int64GetDatum((int64) state->sum)};

	return PointerGetDatum(construct_array(values, 2, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
moments(const SiMoments *m)
{
	Datum		values[3] = {Float8GetDatum((double) m->count), Float8GetDatum(m->sx), Float8GetDatum(m->sxx)};

	return PointerGetDatum(construct_array(values, 3, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

Datum
si_aggregate_state_datum(const SiAggregate *agg, const void *state, bool *isnull)
{
	*isnull = false;
	switch (agg->function)
	{
		case F_SUM_INT8:
		case F_AVG_INT8:
			return serialized_sum(state);
		case F_AVG_INT4:
		case F_AVG_INT2:
			return count_and_sum(state);
		default:
			return moments(state);
	}
}
