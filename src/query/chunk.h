/*
 * chunk.h
 *		One opened chunk, seen through the columns of a foreign table.
 *
 * Decodes a block of a column when it is asked for, converts it when the
 * chunk holds another type, and makes Datums of its values.  Knows nothing
 * about filters.  Errors of the file are thrown with its name and the place.
 *
 * Memory: the reader's vectors live as long as the reader; what belongs to
 * the chunk (dictionaries, texts of dictionary entries) lives in chunk_cxt
 * until the chunk is closed, what belongs to a block in block_cxt until the
 * next block.
 */
#ifndef SI_QUERY_CHUNK_H
#define SI_QUERY_CHUNK_H

#include "postgres.h"

#include "catalog/chunks.h"
#include "common/port.h"
#include "files/files.h"
#include "query/columns.h"

typedef struct SiChunkColumn
{
	SiAttribute *att;
	int			col;			/* in the chunk; -1: the chunk lacks it */
	const SiColumnInfo *info;	/* NULL when col is -1 */
	bool		native;			/* the chunk's type is the column's type */
	int			block;			/* that vec holds; -1 none */
	SiVector	vec;
	SiVector	stored;			/* before conversion */
	SiTextColumn text;
	const SiDict *dict;			/* of the chunk; NULL until asked for */
	Datum	   *entries;		/* a Datum per dictionary entry, 0 until made; NULL: not kept */
	bool		entries_decided;
} SiChunkColumn;

typedef struct SiChunkReader
{
	const char *relname;		/* for messages */
	const SiDataSource *ds;
	int			ncolumns;
	SiChunkColumn *columns;
	MemoryContext cxt;			/* of the reader */
	MemoryContext chunk_cxt;
	MemoryContext block_cxt;

	uint64		opened;			/* how often a chunk was opened: tells chunks apart */

	/* the opened chunk */
	const SiChunk *chunk;		/* NULL: none */
	SiFileReader *file;
	SiSegment  *seg;
	uint32		rows;
	int			nblocks;
	int			block;			/* current */
	uint32		block_rows;
} SiChunkReader;

/* A reader of the given columns; atts and ds outlive it. */
extern SiChunkReader *si_chunk_reader(const char *relname, const SiDataSource *ds,
									  int natts, SiAttribute *atts);
extern void si_chunk_open(SiChunkReader *r, const SiChunk *chunk);
extern void si_chunk_close(SiChunkReader *r);

/* Moves to a block; its vectors are loaded one by one. */
extern void si_chunk_set_block(SiChunkReader *r, int block);
/* The vector of a column in the current block. */
extern const SiVector *si_chunk_load(SiChunkReader *r, int column);
/* The dictionary of a native string column. */
extern const SiDict *si_chunk_dict(SiChunkReader *r, int column);
/* Numbers about the current block, NULL unless the column is native. */
extern const SiColumnStats *si_chunk_block_stats(SiChunkReader *r, int column, int block);
/* The value of a row of the current block; valid until the next block. */
extern Datum si_chunk_datum(SiChunkReader *r, int column, uint32 row, bool *isnull);
/* The text of code (not 0) of a loaded string vector. */
extern Datum si_chunk_text(SiChunkReader *r, int column, uint32 code);

/* How messages call a chunk: its file, or where its row is. */
extern const char *si_chunk_name(const SiChunk *chunk);
/* Throws what the segment module found. */
extern void si_chunk_corrupt(const char *relname, const SiChunk *chunk,
							 const SiSegmentError *err) SI_NORETURN;

#endif							/* SI_QUERY_CHUNK_H */
