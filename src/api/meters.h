/*
 * meters.h
 *		Row counters and rates as JSON, in Druid's names.
 */
#ifndef SI_API_METERS_H
#define SI_API_METERS_H

#include "catalog/counters.h"
#include "lib/stringinfo.h"
#include "worker/shmem.h"

/* Copies the meters of the task that reads for a group, and its pid; false without one. */
extern bool si_reading_meters(const char *supervisor_id, int group_id, SiMeter *meters, pid_t *pid);

/* "movingAverages":{"buildSegments":{"1m":...}} */
extern void si_put_rates(StringInfo json, const SiMeter *meters);
/* key:{"processed":...,"thrownAwayByReason":{...}} */
extern void si_put_row_counts(StringInfo json, const char *key, const int64 *counters);

#endif							/* SI_API_METERS_H */
