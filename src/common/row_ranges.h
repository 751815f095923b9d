/*
 * row_ranges.h
 *		How many rows fall into one interval, when all that is known is how
 *		many lie between which times.
 */
#ifndef SI_COMMON_ROW_RANGES_H
#define SI_COMMON_ROW_RANGES_H

#include "common/granularity.h"

/* Rows of a chunk: times from min_ms to max_ms, both inclusive. */
typedef struct SiRowRange
{
	int64		rows;
	int64		min_ms;
	int64		max_ms;
} SiRowRange;

/*
 * The rows of the interval that has most of them.  A range that spans several
 * intervals counts in equal parts, which is exact for chunks of one interval
 * and near for a stream in order of time.
 */
extern int64 si_largest_interval(SiGranularity *g, const SiRowRange *ranges, int n);

#endif							/* SI_COMMON_ROW_RANGES_H */
