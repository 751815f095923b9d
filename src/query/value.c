/*
 * value.c
 *		Turning SQL values into keys, ranges of keys and byte strings.
 *
 * The hard part is time: chunks count milliseconds and show times beyond
 * timestamptz's range as infinite, values are microseconds or infinite.  The
 * map from one to the other is monotonic, so every comparison is still one
 * range of milliseconds; it is found from the first millisecond that is not
 * less than, and the first that is greater than the value.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "query/value.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* A date, timestamp or timestamptz as the instant that comparisons use. */
static int64
instant(Oid type, Datum value)
{
	int			overflow = 0;
	int64		result;

	switch (type)
	{
		case DATEOID:
			result = date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
			break;
		case TIMESTAMPOID:
			result = timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow);
			break;
		default:
			return DatumGetTimestampTz(value);
	}
	/* beyond every finite timestamptz, but not infinite */
	if (overflow < 0)
		return DT_NOBEGIN + 1;
	if (overflow > 0)
		return DT_NOEND - 1;
	return result;
}

static int64
floor_to_ms(int64 us)
{
	return us / 1000 - (us % 1000 < 0 ? 1 : 0);
}

/* First millisecond whose timestamptz is at least us. */
static int64
first_not_less(int64 us)
{
	int64		ms;

	if (us == DT_NOBEGIN)
		return PG_INT64_MIN;
	if (us == DT_NOEND)
		return SI_MAX_MS + 1;
	ms = floor_to_ms(us) + (us % 1000 != 0 ? 1 : 0) + SI_EPOCH_MS;
	return Max(SI_MIN_MS, Min(SI_MAX_MS + 1, ms));
}

/* Last millisecond whose timestamptz is at most us. */
static int64
last_not_greater(int64 us)
{
	int64		ms;

	if (us == DT_NOBEGIN)
		return SI_MIN_MS - 1;
	if (us == DT_NOEND)
		return PG_INT64_MAX;
	ms = floor_to_ms(us) + SI_EPOCH_MS;
	return Max(SI_MIN_MS - 1, Min(SI_MAX_MS, ms));
}

/* The key of a number. */
static int64
number_key(Oid type, Datum value)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return DatumGetInt64(value);
		case FLOAT4OID:
			return si_double_key(DatumGetFloat4(value));
		default:
			Assert(type == FLOAT8OID);
			return si_double_key(DatumGetFloat8(value));
	}
}

SiKeyRange
si_value_range(SiType column, int strategy, Oid value_type, Datum value)
{
	const SiKeyRange empty = {1, 0};
	SiKeyRange	range = {PG_INT64_MIN, PG_INT64_MAX};
	int64		first,			/* keys equal to the value: first .. last, maybe none */
				last;

	if (column == SI_TYPE_TIME)
	{
		int64		us = instant(value_type, value);

		first = first_not_less(us);
		last = last_not_greater(us);
	}
	else
		first = last = number_key(value_type, value);

	switch (strategy)
	{
		case BTLessStrategyNumber:
			if (first == PG_INT64_MIN)
				return empty;
			range.hi = first - 1;
			break;
		case BTLessEqualStrategyNumber:
			range.hi = last;
			break;
		case BTEqualStrategyNumber:
			range.lo = first;
			range.hi = last;
			break;
		case BTGreaterEqualStrategyNumber:
			range.lo = first;
			break;
		case BTGreaterStrategyNumber:
			if (last == PG_INT64_MAX)
				return empty;
			range.lo = last + 1;
			break;
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
	}
	return range;
}

/* ------------------------------------------------------------------ lists */

/* The elements of an array without its nulls, or the value itself. */
static int
elements(const SiPush *push, Datum value, Datum **values)
{
	ArrayType  *array;
	int16		typlen;
	bool		typbyval;
	char		typalign;
	bool	   *nulls;
	int			n,
				kept = 0;

	if (!push->value_is_array)
	{
		*values = palloc(sizeof(Datum));
		**values = value;
		return 1;
	}
	array = DatumGetArrayTypeP(value);
	get_typlenbyvalalign(push->value_type, &typlen, &typbyval, &typalign);
	deconstruct_array(array, push->value_type, typlen, typbyval, typalign, values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			(*values)[kept++] = (*values)[i];
	}
	return kept;
}

static int
compare_keys(const void *a, const void *b)
{
	int64		x = *(const int64 *) a,
				y = *(const int64 *) b;

	return (x > y) - (x < y);
}

int
si_value_keys(SiType column, const SiPush *push, Datum value, int64 **keys)
{
	Datum	   *values;
	int			n = elements(push, value, &values);
	int			kept = 0,
				unique = 0;

	*keys = palloc(Max(n, 1) * sizeof(int64));
	for (int i = 0; i < n; i++)
	{
		if (column == SI_TYPE_TIME)
		{
			SiKeyRange	equal = si_value_range(column, BTEqualStrategyNumber,
											   push->value_type, values[i]);

			/* no millisecond, one, or all that read as infinite */
			if (equal.lo > equal.hi)
				continue;
			(*keys)[kept++] = Max(SI_MIN_MS - 1, Min(SI_MAX_MS + 1, equal.lo));
		}
		else
			(*keys)[kept++] = number_key(push->value_type, values[i]);
	}
	qsort(*keys, kept, sizeof(int64), compare_keys);
	for (int i = 0; i < kept; i++)
	{
		if (i == 0 || (*keys)[i] != (*keys)[unique - 1])
			(*keys)[unique++] = (*keys)[i];
	}
	return unique;
}

int
si_bytes_compare(const void *a, const void *b)
{
	const SiBytes *x = a,
			   *y = b;
	int			cmp = memcmp(x->ptr, y->ptr, Min(x->len, y->len));

	if (cmp != 0)
		return cmp;
	return (x->len > y->len) - (x->len < y->len);
}

int
si_value_strings(const SiPush *push, Datum value, SiBytes **strings)
{
	Datum	   *values;
	int			n = elements(push, value, &values);
	int			unique = 0;

	*strings = palloc(Max(n, 1) * sizeof(SiBytes));
	for (int i = 0; i < n; i++)
	{
		text	   *t = DatumGetTextPP(values[i]);

		(*strings)[i].ptr = VARDATA_ANY(t);
		(*strings)[i].len = VARSIZE_ANY_EXHDR(t);
	}
	qsort(*strings, n, sizeof(SiBytes), si_bytes_compare);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || si_bytes_compare(&(*strings)[i], &(*strings)[unique - 1]) != 0)
			(*strings)[unique++] = (*strings)[i];
	}
	return unique;
}
