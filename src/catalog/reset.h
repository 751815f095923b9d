/*
 * reset.h
 *		What the transaction of a reset does to unpublished chunks, tasks and
 *		rejected messages.
 *
 * Like supervisors.h: called between si_catalog_begin() and
 * si_catalog_commit(), in the overlord only, while nothing reads.
 */
#ifndef SI_CATALOG_RESET_H
#define SI_CATALOG_RESET_H

#include "catalog/lineage.h"
#include "catalog/supervisors.h"

/*
 * An unpublished chunk, without its data; of a damaged data source also the
 * segments that one publish has made.
 */
typedef struct SiDeltaRow
{
	int64		publish_id;		/* 0: a delta */
	int			level;
	int			group_id;
	int64		seq;
	int64		rows;
	int			npartitions;
	int32	   *partitions;
	int64	   *starts;
	int64	   *ends;
	int64		first_seq;
	int64		counts[SI_NUM_LINEAGE];
} SiDeltaRow;

/*
 * Held to the end of the transaction by who removes deltas: publishing and
 * reset.  What was read of them before may have changed.
 */
extern void si_catalog_lock_deltas(int64 data_source_id);

/*
 * All that a reset may drop: the deltas of a data source, and when it is
 * damaged, what its supervisor has published.  The result is in the context of
 * si_catalog_begin().
 */
extern int	si_catalog_deltas(const char *supervisor_id, int64 data_source_id, SiDeltaRow **rows);
/* Whether there may be anything of that kind. */
extern bool si_catalog_any_delta(int64 data_source_id);

/* Removes one, which leaves its lineage; its files get tombstones. */
extern void si_catalog_drop_delta(const char *supervisor_id, int64 data_source_id, const SiDeltaRow *d);

/*
 * Tasks of a group that wait to be published: those without a delta left have
 * failed, of the others the error says what happened.  Their ends are not
 * beyond the offsets.
 */
extern void si_catalog_cut_tasks(int64 data_source_id, int group_id, const char *error,
								 int npartitions, const int32 *partitions, const int64 *offsets);

/*
 * Partitions of which a reset has dropped rows that have not been read again
 * yet, and the end of those rows; result in the context of si_catalog_begin().
 */
extern int	si_catalog_rereads(const char *supervisor_id, int64 data_source_id, int32 **partitions, int64 **until);
/* Replaces them; until is 0 where there are none. */
extern void si_catalog_set_rereads(const char *supervisor_id, int64 data_source_id,
								   int n, const int32 *partitions, const int64 *until);

/* Rejected messages from an offset on are going to be read again. */
extern void si_catalog_forget_rejected(const char *supervisor_id, const char *topic, int32 number, int64 offset);

#endif							/* SI_CATALOG_RESET_H */
