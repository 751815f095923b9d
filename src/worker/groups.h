/*
 * groups.h
 *		Which partitions a task group reads, and from where: pure functions
 *		over the stored groups and what the broker said.
 */
#ifndef SI_WORKER_GROUPS_H
#define SI_WORKER_GROUPS_H

#include "catalog/counters.h"
#include "common/stream.h"

typedef struct SiGroupState
{
	int			group_id;
	int			npartitions;
	int32	   *partitions;		/* ascending, see common/stream.h */
	int64	   *offsets;		/* next offset of each */
	int64	   *starts;			/* of a bounded stream, otherwise NULL: where each began ... */
	int64	   *stops;			/* ... and where it ends */
	int64		next_seq;
	SiCounters	counters;
} SiGroupState;

/* What the broker said, or is to be read of it; -1 is unknown. */
typedef struct SiStreamEnds
{
	int			npartitions;
	const int32 *partitions;	/* ascending, see common/stream.h */
	const uint32 *hashes;		/* NULL for one topic: the number of the partition decides */
	const int64 *starts;		/* of a bounded stream, otherwise NULL: where each begins ... */
	const int64 *stops;			/* ... and ends */
	const int64 *low;
	const int64 *high;
} SiStreamEnds;

typedef enum SiRegroup
{
	SI_REGROUP_NO,				/* the stored groups are as they should be */
	SI_REGROUP_YES,				/* *result has the new groups */
	SI_REGROUP_WAIT,			/* a new partition's ends are not known yet */
	SI_REGROUP_FEWER			/* the broker tells of fewer partitions than are stored */
} SiRegroup;

/*
 * Compares the stored groups with those that there should be: the group of a
 * partition is its number (several topics: its hash) modulo task_count, and
 * groups without a partition are not.
 * Known partitions keep their offsets.  When none is known, all start at the
 * latest offset, or the earliest if use_earliest; when some are, new ones
 * start at the earliest.  All new groups begin at the highest next_seq of the
 * stored ones, so that no chunk number is used twice; counters of groups that
 * vanish are added to the first one.  While the broker tells of fewer
 * partitions than are stored nothing changes: an offset is forgotten by a
 * reset only.  Result in CurrentMemoryContext.
 */
extern SiRegroup si_regroup(const SiGroupState *stored, int nstored, const SiStreamEnds *ends,
							int task_count, bool use_earliest, SiGroupState **result, int *nresult);

/* Where a partition is in the arrays of ends; -1 when it is not told. */
extern int	si_stream_ends_find(const SiStreamEnds *ends, int32 partition);

/* Whether a bounded group has read all it is to read. */
extern bool si_group_complete(const SiGroupState *group);

#endif							/* SI_WORKER_GROUPS_H */
