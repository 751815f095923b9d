/*
 * value.h
 *		Values that columns are compared with, as keys and byte strings.
 */
#ifndef SI_QUERY_VALUE_H
#define SI_QUERY_VALUE_H

#include "postgres.h"

#include "query/shippable.h"
#include "query/vector.h"

typedef struct SiBytes
{
	const char *ptr;
	uint32		len;
} SiBytes;

/* An inclusive range of keys; empty when lo > hi. */
typedef struct SiKeyRange
{
	int64		lo,
				hi;
} SiKeyRange;

/* Keys of a column of the given type that compare with the value as the strategy says. */
extern SiKeyRange si_value_range(SiType column, int strategy, Oid value_type, Datum value);

/*
 * The elements of an array (or the one value), nulls left out: ascending keys,
 * or ascending strings (memcmp, the shorter first), without duplicates.
 * Results are in CurrentMemoryContext.
 */
extern int	si_value_keys(SiType column, const SiPush *push, Datum value, int64 **keys);
extern int	si_value_strings(const SiPush *push, Datum value, SiBytes **strings);

/* Order of byte strings. */
extern int	si_bytes_compare(const void *a, const void *b);

#endif							/* SI_QUERY_VALUE_H */
