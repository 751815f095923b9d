/*
 * gaps.h
 *		Places where a partition cannot be read on, or was not read: rows of
 *		offset_gap.
 *
 * A gap without an end halts its partition: no task reads it.  It holds only
 * while the stored offset is the one it names.  All functions but
 * si_gap_report() run in a transaction of the caller's, connected to SPI.
 */
#ifndef SI_CATALOG_GAPS_H
#define SI_CATALOG_GAPS_H

#include "postgres.h"

#include "catalog/commit.h"
#include "datatype/timestamp.h"

typedef enum SiGapReason
{
	SI_GAP_OUT_OF_RANGE = 0,	/* the broker refused the offset; not known yet why */
	SI_GAP_TOO_OLD,				/* below the first offset of the log */
	SI_GAP_BEYOND_END,			/* above the last: the topic was made anew, or its log was cut */
	SI_GAP_FEWER_PARTITIONS,	/* the topic was made anew */
	SI_GAP_STARTED_AT_END,		/* useEarliestOffset is false */
	SI_GAP_UNKNOWN_PARTITION	/* its offset was set before the broker has told of it */
} SiGapReason;

typedef struct SiGap
{
	int64		gap_id;
	int32		partition;
	SiGapReason reason;
	int64		offset;
	int64		earliest;		/* -1 until explained */
	int64		latest;
	TimestampTz at;
} SiGap;

/*
 * A reading task's report that the broker refused the next offset of a
 * partition, which must be committed.  Nothing when it was reported before.
 * Runs in a transaction of its own.
 */
extern void si_gap_report(const SiGroup *g, int32 partition, int64 offset);

/* Open gaps of a supervisor, whose offset is still the stored one; allocated in context. */
extern int	si_gaps_open(const char *supervisor_id, MemoryContext context, SiGap **gaps);

/* What the broker has said since. */
extern void si_gap_explain(int64 gap_id, SiGapReason reason, int64 earliest, int64 latest);
/* Reading goes on at new_offset. */
extern void si_gap_end(const char *supervisor_id, int64 gap_id, int64 new_offset, int64 skipped);
/* Somebody has reset the offsets of a supervisor: nothing is halted any more. */
extern void si_gaps_forget(const char *supervisor_id);
/* The same for one partition. */
extern void si_gap_forget(const char *supervisor_id, int32 partition);

/* A partition that the broker has not told of waits at this offset; its other gaps have an end. */
extern void si_gap_await(const char *supervisor_id, int64 data_source_id, const char *topic, int32 partition,
						 int64 offset);
/* The broker has told of it: there was no gap. */
extern void si_gap_delete(int64 gap_id);

/* A gap that halts nothing.  offset and new_offset may be -1 for none. */
extern void si_gap_record(const char *supervisor_id, int64 data_source_id, const char *topic, int32 partition,
						  SiGapReason reason, int64 offset, int64 earliest, int64 latest, int64 new_offset,
						  int64 skipped);

#endif							/* SI_CATALOG_GAPS_H */
