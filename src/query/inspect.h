/*
 * inspect.h
 *		What the functions that look into chunks share: the list of chunks, and
 *		opening one without an ERROR.
 */
#ifndef SI_QUERY_INSPECT_H
#define SI_QUERY_INSPECT_H

#include "postgres.h"

#include "query/scan.h"

/* Columns with which every row of these functions begins: kind, level, group_id, seq. */
#define SI_CHUNK_KEY_COLUMNS 4

/* The chunks that a function looks at. */
typedef struct SiInspection
{
	Relation	rel;
	SiDataSource ds;
	SiChunk    *chunks;
	int			nchunks;
} SiInspection;

/* An opened chunk, or why it cannot be opened. */
typedef struct SiOpenChunk
{
	SiFileReader *file;
	SiSegment  *seg;
	SiSegmentError err;
} SiOpenChunk;

/*
 * Locks the table and lists its chunks under the active snapshot.  ERROR
 * unless the caller owns the data source or is a member of pg_monitor.
 */
extern void si_inspection_begin(SiInspection *in, Oid relid);
extern void si_inspection_end(SiInspection *in);

/* False, with open->err filled, when the chunk is missing or its directory is damaged. */
extern bool si_inspection_open(SiInspection *in, const SiChunk *chunk, SiOpenChunk *open);
extern void si_inspection_close(SiOpenChunk *open);

/* Fills the first columns of a row. */
extern void si_inspection_key(const SiChunk *chunk, Datum *values, bool *nulls);

/* The least (first) or greatest value of a column as text, NULL when it is not known. */
extern char *si_inspection_extreme(SiSegment *seg, int col, const SiColumnStats *stats, bool first);

#endif							/* SI_QUERY_INSPECT_H */
