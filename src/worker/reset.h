/*
 * reset.h
 *		Which unpublished chunks a reset of offsets drops, and where reading
 *		goes on: pure functions.
 *
 * What is dropped is read again, so nothing is stored twice and nothing is
 * lost.  A chunk is dropped as a whole: it may hold rows from before the
 * wanted offset, and rows of other partitions, which are read again too.
 */
#ifndef SI_WORKER_RESET_H
#define SI_WORKER_RESET_H

#include "common/port.h"

/* A partition: where reading is to go on, and what the broker still has. */
typedef struct SiResetPartition
{
	int32		partition;
	int64		offset;			/* wanted; lowered where a chunk is dropped */
	int64		low;			/* earliest offset of the broker; PG_INT64_MAX: not known */
} SiResetPartition;

/* An unpublished chunk: rows of partitions[i] between starts[i] and ends[i]. */
typedef struct SiResetChunk
{
	int			npartitions;
	const int32 *partitions;
	const int64 *starts;
	const int64 *ends;
	bool		dropped;		/* result */
	bool		doubled;		/* result: stays, and some of it is read again */
} SiResetChunk;

/*
 * Decides about every chunk and lowers offsets.  A chunk that holds an offset
 * that is to be read is dropped if the broker still has all that it was made
 * of; otherwise it stays.  Returns the number of those dropped.
 */
extern int	si_reset_plan(SiResetPartition *partitions, int npartitions, SiResetChunk *chunks, int nchunks);

#endif							/* SI_WORKER_RESET_H */
