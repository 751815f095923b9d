/*
 * analyze.c
 *		ANALYZE of a data source: a uniform sample of its rows.
 *
 * The number of rows is known from the chunk list, so the sample is drawn by
 * row number beforehand, and only blocks that hold a drawn row are decoded.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "query/fdw.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Progress of drawing rows by selection sampling: row numbers ascend. */
typedef struct Draw
{
	double		left;			/* rows not looked at yet */
	int			wanted;			/* rows still to be drawn */
} Draw;

/* Whether the next row belongs to the sample. */
static bool
draw_row(Draw *draw)
{
	bool		taken = draw->left * pg_prng_double(&pg_global_prng_state) < draw->wanted;

	draw->left--;
	if (taken)
		draw->wanted--;
	return taken;
}

/* Adds the drawn rows of the open chunk. */
static int
sample_chunk(SiChunkReader *r, TupleDesc desc, Draw *draw, HeapTuple *rows)
{
	Datum	   *values = palloc0(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));
	int			n = 0;

	memset(nulls, true, desc->natts * sizeof(bool));
	for (int block = 0; block < r->nblocks && draw->wanted > 0; block++)
	{
		uint32		block_rows = si_segment_block_rows(r->seg, block);

		CHECK_FOR_INTERRUPTS();
		for (uint32 row = 0; row < block_rows; row++)
		{
			if (!draw_row(draw))
				continue;
			if (r->block != block)
				si_chunk_set_block(r, block);
			for (int i = 0; i < r->ncolumns; i++)
			{
				int			a = r->columns[i].att->attno - 1;

				si_chunk_load(r, i);
				values[a] = si_chunk_datum(r, i, row, &nulls[a]);
			}
			rows[n++] = heap_form_tuple(desc, values, nulls);
		}
	}
	pfree(values);
	pfree(nulls);
	return n;
}

static int
acquire_sample(Relation rel, int elevel, HeapTuple *rows, int targrows, double *totalrows,
			   double *totaldeadrows)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SiDataSource ds;
	SiAttribute *atts = palloc0((desc->natts + 1) * sizeof(SiAttribute));
	int			natts = 0;
	SiChunk    *chunks = NULL;
	SiChunkReader *r;
	int			nchunks = 0,
				skipped,
				n = 0;
	Draw		draw = {0};

	*totaldeadrows = 0;
	for (int attno = 1; attno <= desc->natts; attno++)
	{
		if (si_attribute_init(rel, attno, &atts[natts]))
			natts++;
	}
	if (si_scan_data_source(rel, snapshot, &ds))
		chunks = si_catalog_chunks(&ds, snapshot, PG_INT64_MIN, PG_INT64_MAX, &nchunks, &skipped);
	for (int c = 0; c < nchunks; c++)
		draw.left += chunks[c].rows;
	*totalrows = draw.left;
	draw.wanted = Min(targrows, draw.left);

	r = si_chunk_reader(RelationGetRelationName(rel), &ds, natts, atts);
	for (int c = 0; c < nchunks && draw.wanted > 0; c++)
	{
		si_chunk_open(r, &chunks[c]);
		n += sample_chunk(r, desc, &draw, rows + n);
		si_chunk_close(r);
	}
	UnregisterSnapshot(snapshot);
	ereport(elevel,
			(errmsg("\"%s\": %d chunks with %.0f rows; %d rows in sample",
					RelationGetRelationName(rel), nchunks, *totalrows, n)));
	return n;
}

/*
 * si_fdw_analyze declines (with PostgreSQL's warning) when there is nothing
 * to read, so that one damaged data source does not end an ANALYZE of the
 * whole database.
 */
bool
si_fdw_analyze(Relation rel, AcquireSampleRowsFunc *func, BlockNumber *totalpages)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SiDataSource ds;
	bool		found = si_catalog_data_source(RelationGetRelid(rel), snapshot, &ds);
	double		rows,
				bytes,
				chunks;

	UnregisterSnapshot(snapshot);
	if (!found || ds.damaged != NULL)
		return false;
	si_catalog_estimate(RelationGetRelid(rel), &rows, &bytes, &chunks);
	*totalpages = (BlockNumber) Max(1, Min(ceil(bytes / BLCKSZ), (double) MaxBlockNumber));
	*func = acquire_sample;
	return true;
}
