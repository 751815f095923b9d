/*
 * chunks.h
 *		The chunk list of a data source, as a query's own snapshot sees it.
 *
 * Uses the heap API, not SPI: the reader needs no privilege on our tables,
 * and the snapshot is the caller's (never a catalog snapshot).
 */
#ifndef SI_CATALOG_CHUNKS_H
#define SI_CATALOG_CHUNKS_H

#include "postgres.h"

#include "segment/segment.h"
#include "utils/snapshot.h"

typedef struct SiDataSource
{
	int64		data_source_id;
	Oid			relid;
	uint8		install[SI_UUID_LEN];
	bool		foreign_install;	/* row of another install (a copied database): has no chunks */
	char	   *damaged;		/* NULL, or what is missing */
} SiDataSource;

typedef struct SiChunk
{
	bool		published;		/* a segment; otherwise a delta */
	int			level;			/* deltas */
	int			group_id;		/* deltas */
	int64		seq;			/* deltas: seq; segments: segment_id */
	int64		rows;
	int64		bytes;
	int64		min_ms;			/* times of its rows, both inclusive */
	int64		max_ms;
	char	   *file;			/* NULL: inline */
	char	   *data;			/* inline chunk */
	Size		data_len;
} SiChunk;

/* Oids of one of our tables or of its primary key index, cached per backend. */
typedef enum SiCatalogTable
{
	SI_TABLE_INSTALL = 0,
	SI_TABLE_DATA_SOURCE,
	SI_TABLE_DELTA,
	SI_TABLE_TIER,
	SI_TABLE_SEGMENT,
	SI_NUM_TABLES
} SiCatalogTable;
extern Oid	si_catalog_table(SiCatalogTable which);
extern Oid	si_catalog_pkey(SiCatalogTable which);

/* The uuid of this installation, as the snapshot sees it. */
extern void si_catalog_install(uint8 *uuid);

/* False when the relation is not a data source of ours in that snapshot. */
extern bool si_catalog_data_source(Oid relid, Snapshot snapshot, SiDataSource *ds);

/*
 * All chunks of the data source whose times overlap [min_ms, max_ms], in no
 * particular order; *skipped counts those that do not.  Inline chunks are
 * copied.  Result in CurrentMemoryContext.
 */
extern SiChunk *si_catalog_chunks(const SiDataSource *ds, Snapshot snapshot,
								  int64 min_ms, int64 max_ms, int *nchunks, int *skipped);

/* Estimates for the planner, from the newest snapshot that may be taken; cheap. */
extern void si_catalog_estimate(Oid relid, double *rows, double *bytes, double *chunks);

#endif							/* SI_CATALOG_CHUNKS_H */
