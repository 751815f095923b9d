/*
 * statistics.c
 *		What the planner knows of a data source without ANALYZE (statistics.h).
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/chunks.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "common/pgcompat.h"
#include "files/files.h"
#include "optimizer/optimizer.h"
#include "query/columns.h"
#include "query/statistics.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* Chunks whose footers are read. */
#define SAMPLE_CHUNKS	4
/* Growth after which they are read again. */
#define GROWTH			1.2
/* Stretches of the histogram of times. */
#define TIME_BUCKETS	100

typedef struct ColumnNumbers
{
	double		distinct;		/* of all rows; 0: not known */
	float4		null_fraction;
	int32		width;
} ColumnNumbers;

typedef struct Entry
{
	Oid			relid;			/* key */
	double		rows;			/* when it was made; 0: never */
	int			natts;
	ColumnNumbers *columns;		/* by attribute number - 1 */
	AttrNumber	time_attno;
	int			ntimes;			/* bounds of equal numbers of rows; 0: none */
	TimestampTz times[TIME_BUCKETS + 1];
} Entry;

static HTAB *entries = NULL;
static get_relation_stats_hook_type next_hook = NULL;

/* ----------------------------------------------------------------- making */

/* What the chunks of the sample say about a column. */
typedef struct Sample
{
	double		rows;
	double		nulls;
	double		distinct;		/* of the chunk with most */
	double		distinct_rows;	/* values of that chunk */
	int64		min,
				max;
	bool		has_range;
} Sample;

static void
add_column(Sample *s, const SiColumnInfo *info, uint32 rows)
{
	double		values = rows - info->stats.null_count;

	s->rows += rows;
	s->nulls += info->stats.null_count;
	if (info->desc.type == SI_TYPE_STRING)
	{
		if (info->distinct > s->distinct)
		{
			s->distinct = info->distinct;
			s->distinct_rows = values;
		}
	}
	else if ((info->desc.type == SI_TYPE_LONG || info->desc.type == SI_TYPE_TIME) && info->stats.has_minmax)
	{
		s->min = s->has_range ? Min(s->min, info->stats.min.i) : info->stats.min.i;
		s->max = s->has_range ? Max(s->max, info->stats.max.i) : info->stats.max.i;
		s->has_range = true;
	}
}

/* Reads the footer of a chunk into the samples; what cannot be read is left out. */
static void
add_chunk(Sample *samples, const SiAttribute *atts, int natts, const SiDataSource *ds, const SiChunk *chunk)
{
	SiByteSource src;
	SiSegmentError err = {0};
	SiFileReader *file = NULL;
	SiSegment  *seg;
	uint64		size;

	if (chunk->file == NULL)
		si_byte_source_memory(&src, chunk->data, chunk->data_len);
	else if (si_file_exists(ds->install, chunk->file, &size))
		file = si_file_open(ds->install, chunk->file, &src);
	else
		return;
	seg = si_segment_open(&src, ds->install, &err);
	for (int i = 0; seg != NULL && i < natts; i++)
	{
		int			col;

		if (atts[i].attno == 0)
			continue;
		col = si_segment_find_column(seg, atts[i].name);
		if (col >= 0)
			add_column(&samples[i], si_segment_column(seg, col), si_segment_rows(seg));
		else
		{
			samples[i].rows += si_segment_rows(seg);
			samples[i].nulls += si_segment_rows(seg);
		}
	}
	if (seg != NULL)
		si_segment_close(seg);
	if (file != NULL)
		si_file_close(file);
}

/*
 * Distinct values of all rows from those of one chunk: few among many values
 * have been seen nearly all, many keep coming.  The exponent is the share of
 * values that were new in the chunk.
 */
static double
extrapolate(double distinct, double values, double all)
{
	if (distinct <= 0 || values <= 0)
		return 0;
	return clamp_row_est(Min(all, distinct * pow(Max(all / values, 1), distinct / values)));
}

static int
earlier_chunk(const void *a, const void *b)
{
	int64		x = ((const SiChunk *) a)->min_ms;
	int64		y = ((const SiChunk *) b)->min_ms;

	return x < y ? -1 : x > y;
}

/*
 * Bounds of equal numbers of rows, as if the rows of a chunk were spread evenly
 * over its time and chunks did not overlap.
 */
static void
fill_times(Entry *entry, SiChunk *chunks, int nchunks)
{
	double		all = 0;
	double		before = 0;
	int			n = 0;
	int64		last = PG_INT64_MIN;

	qsort(chunks, nchunks, sizeof(SiChunk), earlier_chunk);
	for (int i = 0; i < nchunks; i++)
		all += chunks[i].rows;
	for (int i = 0; i < nchunks; i++)
	{
		while (n <= TIME_BUCKETS && all * n / TIME_BUCKETS <= before + chunks[i].rows)
		{
			double		part = (all * n / TIME_BUCKETS - before) / Max(chunks[i].rows, 1);
			int64		ms = chunks[i].min_ms + (int64) (part * ((double) chunks[i].max_ms - (double) chunks[i].min_ms));

			last = Max(last, ms);
			entry->times[n++] = si_ms_to_timestamptz(last);
		}
		before += chunks[i].rows;
	}
	entry->ntimes = n >= 2 && entry->times[0] < entry->times[n - 1] ? n : 0;
}

static int
larger_chunk(const void *a, const void *b)
{
	int64		x = ((const SiChunk *) a)->rows;
	int64		y = ((const SiChunk *) b)->rows;

	return x > y ? -1 : x < y;
}

static void
fill_columns(Entry *entry, Relation rel, const SiDataSource *ds, SiChunk *chunks, int nchunks, double rows)
{
	int			natts = RelationGetNumberOfAttributes(rel);
	SiAttribute *atts = palloc0(natts * sizeof(SiAttribute));
	Sample	   *samples = palloc0(natts * sizeof(Sample));

	for (int i = 0; i < natts; i++)
	{
		if (!si_attribute_init(rel, i + 1, &atts[i]))
			atts[i].attno = 0;
	}
	qsort(chunks, nchunks, sizeof(SiChunk), larger_chunk);
	for (int i = 0; i < Min(nchunks, SAMPLE_CHUNKS); i++)
		add_chunk(samples, atts, natts, ds, &chunks[i]);

	if (entry->columns != NULL)
		pfree(entry->columns);
	entry->columns = MemoryContextAllocZero(CacheMemoryContext, Max(natts, 1) * sizeof(ColumnNumbers));
	entry->natts = natts;
	for (int i = 0; i < natts; i++)
	{
		ColumnNumbers *c = &entry->columns[i];
		const Sample *s = &samples[i];
		double		values;

		if (atts[i].attno == 0 || s->rows <= 0)
			continue;
		c->null_fraction = (float4) (s->nulls / s->rows);
		c->width = get_typavgwidth(atts[i].typid, atts[i].typmod);
		values = rows * (1.0 - c->null_fraction);
		c->distinct = extrapolate(s->distinct, s->distinct_rows, values);
		if (s->has_range)
			c->distinct = clamp_row_est(Min(values, (double) s->max - (double) s->min + 1.0));
	}
}

void
si_statistics_refresh(Oid relid, double rows)
{
	Entry	   *entry;
	bool		found;
	MemoryContext cxt;
	MemoryContext old;
	SiDataSource ds;
	Snapshot	snapshot;

	if (entries == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(Entry),.hcxt = CacheMemoryContext};

		entries = hash_create("stream_ingest statistics", 32, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(entries, &relid, HASH_ENTER, &found);
	if (!found)
	{
		entry->rows = 0;
		entry->columns = NULL;
		entry->natts = 0;
		entry->ntimes = 0;
	}
	if (rows <= 0 || (entry->rows > 0 && rows < entry->rows * GROWTH && rows > entry->rows / GROWTH))
		return;

	cxt = AllocSetContextCreate(CurrentMemoryContext, "stream_ingest statistics", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(cxt);
	snapshot = RegisterSnapshot(IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot());
	if (si_catalog_data_source(relid, snapshot, &ds) && !ds.foreign_install && ds.damaged == NULL)
	{
		Relation	rel = table_open(relid, NoLock);
		int			nchunks;
		int			skipped;
		SiChunk    *chunks = si_catalog_chunks(&ds, snapshot, PG_INT64_MIN, PG_INT64_MAX, &nchunks, &skipped);

		fill_columns(entry, rel, &ds, chunks, nchunks, rows);
		entry->time_attno = get_attnum(relid, SI_TIME_COLUMN);
		fill_times(entry, chunks, nchunks);
		entry->rows = rows;
		table_close(rel, NoLock);
	}
	UnregisterSnapshot(snapshot);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

double
si_statistics_time_range(Oid relid)
{
	Entry	   *entry = entries == NULL ? NULL : hash_search(entries, &relid, HASH_FIND, NULL);

	if (entry == NULL || entry->ntimes == 0)
		return 0;
	return ((double) entry->times[entry->ntimes - 1] - (double) entry->times[0]) / 1000;
}

/* ------------------------------------------------------------------- hook */

/* The histogram of times in the first slot of a row of pg_statistic. */
static void
add_histogram(const Entry *entry, Datum *values, bool *nulls)
{
	Datum	   *bounds = palloc(entry->ntimes * sizeof(Datum));

	for (int i = 0; i < entry->ntimes; i++)
		bounds[i] = TimestampTzGetDatum(entry->times[i]);
	values[Anum_pg_statistic_stakind1 - 1] = Int16GetDatum(STATISTIC_KIND_HISTOGRAM);
	values[Anum_pg_statistic_staop1 - 1] = ObjectIdGetDatum(lookup_type_cache(TIMESTAMPTZOID, TYPECACHE_LT_OPR)->lt_opr);
	values[Anum_pg_statistic_stavalues1 - 1] =
		PointerGetDatum(construct_array(bounds, entry->ntimes, TIMESTAMPTZOID, sizeof(TimestampTz),
										FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	nulls[Anum_pg_statistic_stavalues1 - 1] = false;
}

/* A row of pg_statistic that says what is known. */
static HeapTuple
make_tuple(const Entry *entry, AttrNumber attnum)
{
	const ColumnNumbers *c = &entry->columns[attnum - 1];
	double		rows = entry->rows;
	Relation	statistics = table_open(StatisticRelationId, AccessShareLock);
	Datum		values[Natts_pg_statistic] = {0};
	bool		nulls[Natts_pg_statistic] = {0};
	float4		distinct = (float4) c->distinct;
	HeapTuple	tuple;

	/* what grows with the rows is given as their fraction, as ANALYZE does */
	if (c->distinct > rows * 0.1)
		distinct = (float4) -(c->distinct / rows);
	values[Anum_pg_statistic_starelid - 1] = ObjectIdGetDatum(entry->relid);
	values[Anum_pg_statistic_staattnum - 1] = Int16GetDatum(attnum);
	values[Anum_pg_statistic_stanullfrac - 1] = Float4GetDatum(c->null_fraction);
	values[Anum_pg_statistic_stawidth - 1] = Int32GetDatum(c->width);
	values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum(distinct);
	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		nulls[Anum_pg_statistic_stanumbers1 - 1 + i] = true;
		nulls[Anum_pg_statistic_stavalues1 - 1 + i] = true;
	}
	if (attnum == entry->time_attno && entry->ntimes > 0)
		add_histogram(entry, values, nulls);
	tuple = heap_form_tuple(RelationGetDescr(statistics), values, nulls);
	table_close(statistics, AccessShareLock);
	return tuple;
}

static bool
statistics_hook(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum, VariableStatData *vardata)
{
	Entry	   *entry;

	if (next_hook != NULL && next_hook(root, rte, attnum, vardata))
		return true;
	if (entries == NULL || rte->rtekind != RTE_RELATION || rte->relkind != RELKIND_FOREIGN_TABLE || attnum <= 0)
		return false;
	entry = hash_search(entries, &rte->relid, HASH_FIND, NULL);
	if (entry == NULL || entry->rows <= 0 || attnum > entry->natts || entry->columns[attnum - 1].width == 0)
		return false;
	if (SearchSysCacheExists3(STATRELATTINH, ObjectIdGetDatum(rte->relid), Int16GetDatum(attnum), BoolGetDatum(rte->inh)))
		return false;
	vardata->statsTuple = make_tuple(entry, attnum);
	vardata->freefunc = heap_freetuple;
	return true;
}

void
si_statistics_init(void)
{
	next_hook = get_relation_stats_hook;
	get_relation_stats_hook = statistics_hook;
}
