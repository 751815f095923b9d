/*
 * counters.h
 *		The row counters of a task group, as they are stored in
 *		task_group.counters (PostgreSQL array: element i + 1).
 */
#ifndef SI_CATALOG_COUNTERS_H
#define SI_CATALOG_COUNTERS_H

#include "common/types.h"

typedef enum SiCounter
{
	SI_COUNT_PROCESSED = 0,
	SI_COUNT_PROCESSED_BYTES,
	SI_COUNT_PROCESSED_WITH_ERROR,
	SI_COUNT_UNPARSEABLE,
	SI_COUNT_THROWN_AWAY,		/* all reasons */
	SI_COUNT_THROWN_NULL,
	SI_COUNT_THROWN_BEFORE_MIN,
	SI_COUNT_THROWN_AFTER_MAX,
	SI_COUNT_THROWN_FILTERED,
	/* parse exceptions that count against maxParseExceptions; 0 after resume, reset, resubmit */
	SI_COUNT_PARSE_EXCEPTIONS,
	SI_COUNT_REJECTED_DROPPED,	/* rejected messages beyond the bounds of the table */
	SI_COUNT_COLUMNS_REFUSED,	/* discovered fields beyond the limits of a table */
	SI_COUNT_STORED_ROWS,		/* rows after merging in memory */
	SI_NUM_COUNTERS
} SiCounter;

typedef struct SiCounters
{
	int64		n[SI_NUM_COUNTERS];
} SiCounters;

#endif							/* SI_CATALOG_COUNTERS_H */
