/*
 * lineage.h
 *		Which offsets became which chunks, and what was counted on the way: for
 *		the audit.
 *
 * A delta carries its ranges and counts.  What is more than a delta has a row
 * in stream_ingest.publish: of kind "publish" the deltas that became segments;
 * "rest" offsets that gave no row, before partitions are dealt out anew;
 * "dropped" deltas that a reset removed; "move" offsets that were moved
 * without reading, from start_offsets (-1: not read before) to end_offsets.
 * Written in the transactions of what they tell about.
 */
#ifndef SI_CATALOG_LINEAGE_H
#define SI_CATALOG_LINEAGE_H

#include "catalog/counters.h"

/* Counts of a chunk, in this order in delta.counts and publish.counts. */
typedef enum SiLineageCount
{
	SI_LINEAGE_PROCESSED = 0,
	SI_LINEAGE_WITH_ERROR,
	SI_LINEAGE_UNPARSEABLE,
	SI_LINEAGE_THROWN_AWAY,
	SI_LINEAGE_STORED,			/* rows that commits stored, before chunks were merged */
	SI_NUM_LINEAGE
} SiLineageCount;

/* What was counted between two states of the counters. */
extern void si_lineage_counts(const SiCounters *from, const SiCounters *to, int64 *counts);

/* What a row of stream_ingest.publish is about. */
typedef struct SiLineage
{
	const char *kind;
	int64		data_source_id;
	const char *supervisor_id;
	const char *task_id;		/* or NULL */
	int			group_id;
	int64		first_seq;
	int64		last_seq;
	int			npartitions;
	const int32 *partitions;
	const int64 *starts;
	const int64 *ends;
	const int64 *counts;		/* SI_NUM_LINEAGE of them */
	int64		rows;			/* of the segments */
	int			segments;
} SiLineage;

/* Inserts it; returns the publish id. */
extern int64 si_lineage_add(const SiLineage *l);

/*
 * The ranges of the next chunks of a supervisor begin at its offsets: what
 * was read since the last ones, without a row, is a rest.  Of one group, or of
 * all (-1); nothing may read them: a task that reads knows where its next
 * chunk begins.
 */
extern void si_lineage_rest(const char *supervisor_id, int group_id);

/* A partition of this supervisor's groups; false when none has it. */
extern bool si_lineage_is_read(const char *supervisor_id, int32 partition);

#endif							/* SI_CATALOG_LINEAGE_H */
