/*
 * publish.c
 *		The transactions of merging and publishing.
 *
 * Chunk numbers (seq) of a group ascend in the order of commit, and a merged
 * chunk takes the number of the last one it holds.  So the chunks of a group,
 * over all levels, are in one order, work is always a prefix of it, and the
 * floor of every level is simply "after the last one removed".
 *
 * Locks: none beyond those of the rows; no row that a reading task's commit
 * touches is updated here.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "catalog/publish.h"
#include "catalog/reset.h"
#include "catalog/spi.h"
#include "common/fault.h"
#include "common/guc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

/* Levels above which nothing is merged until it is published. */
#define MAX_LEVEL	4

/* Chunks larger than this wait for their publishing, too. */
#define MAX_MERGED_BYTES	(32 * 1024 * 1024)

#define DELTA_COLUMNS \
	"d.level, d.seq, d.first_seq, d.rows, d.bytes, d.file, d.data, d.partitions, d.start_offsets, d.end_offsets," \
	" d.spec_version, d.counts"
#define DELTA_FROM \
	" FROM stream_ingest.tier t JOIN stream_ingest.delta d ON d.data_source_id = t.data_source_id" \
	" AND d.level = t.level AND d.group_id = t.group_id AND d.seq >= t.floor" \
	" WHERE t.data_source_id = $1 AND d.install = $2 AND t.group_id = $3 "

/*
 * A task publishes all chunks of its group up to its last one, so tasks of a
 * group go in the order of their chunks.  That is not the order in which they
 * were made: what a failed one had passes to a new one.
 */
static SiStatement next_task = {
	"SELECT t.task_id, t.supervisor_id, t.group_id, t.end_seq FROM stream_ingest.task t"
	" WHERE t.data_source_id = $1 AND t.install = $2 AND t.status = 'RUNNING' AND t.phase = 'PUBLISHING'"
	" AND NOT EXISTS (SELECT FROM stream_ingest.task u WHERE u.data_source_id = $1 AND u.install = $2"
	" AND u.status = 'RUNNING' AND u.phase = 'PUBLISHING' AND u.group_id = t.group_id AND u.end_seq < t.end_seq)"
	" ORDER BY t.created, t.end_seq LIMIT 1",
	2, {INT8OID, UUIDOID}
};

static SiStatement task_deltas = {
	"SELECT " DELTA_COLUMNS DELTA_FROM "AND d.seq <= $4 ORDER BY d.seq",
	4, {INT8OID, UUIDOID, INT4OID, INT8OID}
};

/*
 * A group and level with enough chunks: $3 fan-in, $4 age in ms of two that
 * are merged all the same, $6 bytes of chunks that are large enough already.
 * Only chunks of the task that reads are merged, by the specs of its
 * supervisor: one that filled the data source before may have left a group of
 * this number, and versions of its own.
 */
static SiStatement full_level = {
	"SELECT t.group_id, t.level, k.supervisor_id"
	" FROM stream_ingest.tier t JOIN stream_ingest.task k ON k.data_source_id = t.data_source_id"
	" AND k.group_id = t.group_id AND k.status = 'RUNNING' AND k.phase = 'READING'"
	" JOIN stream_ingest.delta d ON d.data_source_id = t.data_source_id"
	" AND d.level = t.level AND d.group_id = t.group_id AND d.seq >= t.floor AND d.seq >= k.start_seq"
	" WHERE t.data_source_id = $1 AND d.install = $2 AND t.level < $5"
	" GROUP BY t.data_source_id, t.group_id, t.level, k.supervisor_id"
	" HAVING pg_catalog.avg(d.bytes) < $6 AND (pg_catalog.count(*) >= $3 OR (t.level = 0 AND pg_catalog.count(*) > 1 AND"
	" pg_catalog.min(d.created) < pg_catalog.clock_timestamp() - $4 * '1 ms'::pg_catalog.interval))"
	" ORDER BY t.level, t.group_id LIMIT 1",
	6, {INT8OID, UUIDOID, INT8OID, FLOAT8OID, INT4OID, INT8OID}
};

/*
 * All or nothing of a prefix: a task may have been handed off since the work
 * was looked for, and merging what comes after its chunks would raise the
 * floor over them.
 */
static SiStatement level_deltas = {
	"SELECT " DELTA_COLUMNS DELTA_FROM "AND t.level = $4 AND NOT EXISTS (SELECT FROM stream_ingest.task p"
	" WHERE p.data_source_id = $1 AND p.group_id = $3 AND p.status = 'RUNNING' AND p.phase = 'PUBLISHING')"
	" ORDER BY d.seq LIMIT $5",
	5, {INT8OID, UUIDOID, INT4OID, INT4OID, INT8OID}
};

static SiStatement remove_deltas = {
	"WITH gone AS (DELETE FROM stream_ingest.delta d USING ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) AS x(level, seq)"
	" WHERE d.data_source_id = $1 AND d.group_id = $2 AND d.level = x.level AND d.seq = x.seq AND d.install = $5"
	" RETURNING d.file, d.bytes), buried AS (INSERT INTO stream_ingest.tombstone (install, file, removed_by, bytes)"
	" SELECT $5, file, pg_catalog.pg_current_xact_id(), bytes FROM gone WHERE file IS NOT NULL)"
	" SELECT pg_catalog.count(*) FROM gone",
	5, {INT8OID, INT4OID, INT4ARRAYOID, INT8ARRAYOID, UUIDOID}
};

static SiStatement raise_floors = {
	"UPDATE stream_ingest.tier SET floor = $4 WHERE data_source_id = $1 AND group_id = $2 AND level <= $3"
	" AND floor < $4",
	4, {INT8OID, INT4OID, INT4OID, INT8OID}
};

static SiStatement make_tier = {
	"INSERT INTO stream_ingest.tier (data_source_id, group_id, level, floor) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT DO NOTHING",
	4, {INT8OID, INT4OID, INT4OID, INT8OID}
};

static SiStatement insert_merged = {
	"INSERT INTO stream_ingest.delta (data_source_id, level, group_id, seq, install, first_seq, rows, bytes,"
	" min_ms, max_ms, partitions, start_offsets, end_offsets, file, spec_version, counts)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
	16, {INT8OID, INT4OID, INT4OID, INT8OID, UUIDOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID,
	INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTOID, INT8OID, INT8ARRAYOID}
};

static SiStatement insert_segment = {
	"INSERT INTO stream_ingest.segment (data_source_id, segment_id, install, interval_start_ms, interval_end_ms,"
	" version, partition_num, rows, bytes, min_ms, max_ms, group_id, first_seq, last_seq, partitions,"
	" start_offsets, end_offsets, file, publish_id)"
	" SELECT $1, pg_catalog.nextval('stream_ingest.segment_id_seq'::pg_catalog.regclass), $2, $3, $4,"
	" COALESCE(pg_catalog.min(version), pg_catalog.now()), COALESCE(pg_catalog.max(partition_num) + 1, 0),"
	" $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 FROM stream_ingest.segment"
	" WHERE data_source_id = $1 AND interval_start_ms = $3 AND interval_end_ms = $4",
	16, {INT8OID, UUIDOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT4OID, INT8OID, INT8OID,
	INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTOID, INT8OID}
};

static SiStatement finish_task = {
	"UPDATE stream_ingest.task SET status = 'SUCCESS', phase = 'COMPLETED', ended = pg_catalog.clock_timestamp()"
	" WHERE task_id = $1 AND phase = 'PUBLISHING'",
	1, {TEXTOID}
};

static SiStatement merge_spec = {
	"SELECT spec FROM (SELECT 1 AS age, spec::pg_catalog.text FROM stream_ingest.supervisor WHERE supervisor_id = $1"
	" UNION ALL SELECT 0, spec::pg_catalog.text FROM stream_ingest.spec_history WHERE supervisor_id = $1"
	" AND version = $2 AND spec ->> 'type' <> 'NoopSupervisorSpec'"
	" UNION ALL (SELECT 2, spec::pg_catalog.text FROM stream_ingest.spec_history WHERE supervisor_id = $1"
	" AND spec ->> 'type' <> 'NoopSupervisorSpec' ORDER BY version DESC LIMIT 1)) s ORDER BY age LIMIT 1",
	2, {TEXTOID, INT8OID}
};

/*
 * Whether two chunks may become one: read by one spec, and both with ranges of
 * offsets or both without.  A chunk of messages that were parsed again has
 * none: in one with ranges its rows would go when a reset drops those, and
 * nobody would read them again.
 */
static bool
are_alike(const SiDelta *a, const SiDelta *b)
{
	return a->spec_version == b->spec_version && (a->npartitions == 0) == (b->npartitions == 0);
}

/* Copies the current SPI result, rows of DELTA_COLUMNS. */
static void
copy_deltas(SiMergeWork *work, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	work->ndeltas = SPI_processed;
	work->deltas = palloc0(sizeof(SiDelta) * Max(work->ndeltas, 1));
	for (int i = 0; i < work->ndeltas; i++)
	{
		SiDelta    *d = &work->deltas[i];
		bool		isnull;
		Datum		v;
		int			n;

		v = si_spi_value(i, 1, &isnull);
		d->level = DatumGetInt16(v);
		d->seq = si_spi_int8(i, 2);
		d->first_seq = si_spi_int8(i, 3);
		d->rows = si_spi_int8(i, 4);
		d->bytes = si_spi_int8(i, 5);
		d->file = si_spi_text(i, 6, context);
		v = si_spi_value(i, 7, &isnull);
		if (!isnull)
		{
			bytea	   *data = DatumGetByteaPCopy(v);

			d->data = VARDATA_ANY(data);
			d->data_len = VARSIZE_ANY_EXHDR(data);
		}
		d->partitions = si_array_int4(si_spi_value(i, 8, &isnull), &d->npartitions);
		d->start_offsets = si_array_int8(si_spi_value(i, 9, &isnull), &n);
		d->end_offsets = si_array_int8(si_spi_value(i, 10, &isnull), &n);
		d->spec_version = si_spi_int8(i, 11);
		memcpy(d->counts, si_array_int8(si_spi_value(i, 12, &isnull), &n), sizeof(d->counts));
	}
	for (work->nalike = 0; work->nalike < work->ndeltas; work->nalike++)
		if (!are_alike(&work->deltas[0], &work->deltas[work->nalike]))
			break;
	MemoryContextSwitchTo(old);
}

static bool
find_task(int64 data_source_id, const uint8 *install, SiMergeWork *work, MemoryContext context)
{
	Datum		args[4];

	args[0] = Int64GetDatum(data_source_id);
	args[1] = UUIDPGetDatum((pg_uuid_t *) install);
	if (si_spi_run(&next_task, args, NULL, SPI_OK_SELECT) == 0)
		return false;
	work->publish = true;
	work->task_id = si_spi_text(0, 1, context);
	work->supervisor_id = si_spi_text(0, 2, context);
	work->group_id = si_spi_int4(0, 3);
	args[2] = Int32GetDatum(work->group_id);
	args[3] = Int64GetDatum(si_spi_int8(0, 4));
	si_spi_run(&task_deltas, args, NULL, SPI_OK_SELECT);
	copy_deltas(work, context);
	return true;
}

static bool
find_level(int64 data_source_id, const uint8 *install, int fan_in, int64 persist_ms,
		   SiMergeWork *work, MemoryContext context)
{
	Datum		args[6];
	bool		isnull;

	args[0] = Int64GetDatum(data_source_id);
	args[1] = UUIDPGetDatum((pg_uuid_t *) install);
	args[2] = Int64GetDatum(fan_in);
	/* what is encoded takes many times its bytes in a merge, and those in memory are the cheaper ones */
	args[5] = Int64GetDatum(Min(MAX_MERGED_BYTES, si_merge_memory_limit * INT64CONST(1024) / 32));
	args[3] = Float8GetDatum((double) persist_ms);
	args[4] = Int32GetDatum(MAX_LEVEL);
	if (si_spi_run(&full_level, args, NULL, SPI_OK_SELECT) == 0)
		return false;
	work->group_id = si_spi_int4(0, 1);
	work->level = DatumGetInt16(si_spi_value(0, 2, &isnull)) + 1;
	work->supervisor_id = si_spi_text(0, 3, context);
	args[2] = Int32GetDatum(work->group_id);
	args[3] = Int32GetDatum(work->level - 1);
	args[4] = Int64GetDatum(fan_in * 4);
	si_spi_run(&level_deltas, args, NULL, SPI_OK_SELECT);
	copy_deltas(work, context);
	return work->ndeltas > 1;
}

bool
si_publish_next_work(int64 data_source_id, const uint8 *install, int fan_in, int64 persist_ms, SiMergeWork *work)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		found;

	memset(work, 0, sizeof(*work));
	si_spi_begin();
	found = find_task(data_source_id, install, work, caller) ||
		find_level(data_source_id, install, fan_in, persist_ms, work, caller);
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	return found;
}

/*
 * Adds an offset range to that of the same partition.  An empty one adds
 * nothing: where it lies may be beyond a chunk that a reset has dropped, and
 * the union would cover that one's offsets, which are read again.
 */
static void
join_range(int64 *start, int64 *end, int64 other_start, int64 other_end)
{
	if (other_start >= other_end)
		return;
	if (*start >= *end)
	{
		*start = other_start;
		*end = other_end;
		return;
	}
	*start = Min(*start, other_start);
	*end = Max(*end, other_end);
}

/* Union of the offset ranges of deltas: from the lowest start to the highest end. */
static void
join_ranges(const SiMergeWork *work, int n, int *npartitions, int32 **partitions, int64 **starts, int64 **ends)
{
	int			total = 0,
				k = 0;

	for (int i = 0; i < n; i++)
		total += work->deltas[i].npartitions;
	*partitions = palloc(sizeof(int32) * Max(total, 1));
	*starts = palloc(sizeof(int64) * Max(total, 1));
	*ends = palloc(sizeof(int64) * Max(total, 1));
	for (int i = 0; i < n; i++)
	{
		const SiDelta *d = &work->deltas[i];

		for (int p = 0; p < d->npartitions; p++)
		{
			int			at = 0;

			while (at < k && (*partitions)[at] != d->partitions[p])
				at++;
			if (at == k)
			{
				(*partitions)[k] = d->partitions[p];
				(*starts)[k] = d->start_offsets[p];
				(*ends)[k++] = d->end_offsets[p];
			}
			else
				join_range(&(*starts)[at], &(*ends)[at], d->start_offsets[p], d->end_offsets[p]);
		}
	}
	*npartitions = k;
}

/* False when one of them is gone. */
static bool
remove_inputs(int64 data_source_id, const uint8 *install, const SiMergeWork *work, int n)
{
	Datum		args[5];
	int32	   *levels = palloc(sizeof(int32) * n);
	int64	   *seqs = palloc(sizeof(int64) * n);

	for (int i = 0; i < n; i++)
	{
		levels[i] = work->deltas[i].level;
		seqs[i] = work->deltas[i].seq;
	}
	args[0] = Int64GetDatum(data_source_id);
	args[1] = Int32GetDatum(work->group_id);
	args[2] = si_int4_array(levels, n);
	args[3] = si_int8_array(seqs, n);
	args[4] = UUIDPGetDatum((pg_uuid_t *) install);
	si_spi_run(&remove_deltas, args, NULL, SPI_OK_SELECT);
	if (si_spi_int8(0, 1) != n)
	{
		ereport(LOG,
				(errmsg("found only " INT64_FORMAT " of %d chunks to be replaced", si_spi_int8(0, 1), n),
				 errdetail("A reset has dropped the others.")));
		return false;
	}

	args[2] = Int32GetDatum(work->publish ? MAX_LEVEL : work->level - 1);
	args[3] = Int64GetDatum(seqs[n - 1] + 1);
	si_spi_run(&raise_floors, args, NULL, SPI_OK_UPDATE);
	return true;
}

/* What was counted for the first n deltas together. */
static void
add_counts(const SiMergeWork *work, int n, int64 *counts)
{
	memset(counts, 0, sizeof(int64) * SI_NUM_LINEAGE);
	for (int i = 0; i < n; i++)
		for (int c = 0; c < SI_NUM_LINEAGE; c++)
			counts[c] += work->deltas[i].counts[c];
}

static void
add_merged(int64 data_source_id, const uint8 *install, const SiMergeWork *work, int n, const SiNewChunk *c)
{
	Datum		args[16];
	int			np;
	int32	   *partitions;
	int64	   *starts,
			   *ends;
	int64		counts[SI_NUM_LINEAGE];

	add_counts(work, n, counts);
	join_ranges(work, n, &np, &partitions, &starts, &ends);
	args[0] = Int64GetDatum(data_source_id);
	args[1] = Int32GetDatum(work->group_id);
	args[2] = Int32GetDatum(work->level);
	args[3] = Int64GetDatum(work->deltas[n - 1].seq);
	si_spi_run(&make_tier, args, NULL, SPI_OK_INSERT);

	args[1] = Int32GetDatum(work->level);
	args[2] = Int32GetDatum(work->group_id);
	args[4] = UUIDPGetDatum((pg_uuid_t *) install);
	args[5] = Int64GetDatum(work->deltas[0].first_seq);
	args[6] = Int64GetDatum(c->rows);
	args[7] = Int64GetDatum(c->bytes);
	args[8] = Int64GetDatum(c->min_ms);
	args[9] = Int64GetDatum(c->max_ms);
	args[10] = si_int4_array(partitions, np);
	args[11] = si_int8_array(starts, np);
	args[12] = si_int8_array(ends, np);
	args[13] = CStringGetTextDatum(c->file);
	args[14] = Int64GetDatum(work->deltas[0].spec_version);
	args[15] = si_int8_array(counts, SI_NUM_LINEAGE);
	si_spi_run(&insert_merged, args, NULL, SPI_OK_INSERT);
}

static void
add_segments(int64 data_source_id, const uint8 *install, const SiMergeWork *work, int n,
			 const SiNewChunk *chunks, int nchunks)
{
	Datum		args[16];
	SiLineage	lineage = {.kind = "publish"};
	int64		counts[SI_NUM_LINEAGE];
	int			np;
	int32	   *partitions;
	int64	   *starts,
			   *ends;

	if (n == 0)
		return;
	add_counts(work, n, counts);
	join_ranges(work, n, &np, &partitions, &starts, &ends);
	lineage.data_source_id = data_source_id;
	lineage.supervisor_id = work->supervisor_id;
	lineage.task_id = work->task_id;
	lineage.group_id = work->group_id;
	lineage.first_seq = work->deltas[0].first_seq;
	lineage.last_seq = work->deltas[n - 1].seq;
	lineage.npartitions = np;
	lineage.partitions = partitions;
	lineage.starts = starts;
	lineage.ends = ends;
	lineage.counts = counts;
	lineage.segments = nchunks;
	for (int i = 0; i < nchunks; i++)
		lineage.rows += chunks[i].rows;
	args[15] = Int64GetDatum(si_lineage_add(&lineage));
	args[0] = Int64GetDatum(data_source_id);
	args[1] = UUIDPGetDatum((pg_uuid_t *) install);
	args[8] = Int32GetDatum(work->group_id);
	args[9] = Int64GetDatum(work->deltas[0].first_seq);
	args[10] = Int64GetDatum(work->deltas[n - 1].seq);
	args[11] = si_int4_array(partitions, np);
	args[12] = si_int8_array(starts, np);
	args[13] = si_int8_array(ends, np);
	for (int i = 0; i < nchunks; i++)
	{
		const SiNewChunk *c = &chunks[i];

		args[2] = Int64GetDatum(c->interval_start);
		args[3] = Int64GetDatum(c->interval_end);
		args[4] = Int64GetDatum(c->rows);
		args[5] = Int64GetDatum(c->bytes);
		args[6] = Int64GetDatum(c->min_ms);
		args[7] = Int64GetDatum(c->max_ms);
		args[14] = CStringGetTextDatum(c->file);
		si_spi_run(&insert_segment, args, NULL, SPI_OK_INSERT);
	}
}

bool
si_publish_commit(int64 data_source_id, const uint8 *install, const SiMergeWork *work, int n,
				  const SiNewChunk *chunks, int nchunks)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		arg;

	if (work->publish ? n > 0 && nchunks == 0 : nchunks != 1)
		elog(ERROR, "%d chunks of data source " INT64_FORMAT " were merged into %d", n, data_source_id, nchunks);
	si_spi_begin();
	si_catalog_lock_deltas(data_source_id);
	if (n > 0 && !remove_inputs(data_source_id, install, work, n))
	{
		si_spi_abort();
		MemoryContextSwitchTo(caller);
		return false;
	}
	SI_FAULT("publish_deltas_removed");
	if (work->publish)
	{
		add_segments(data_source_id, install, work, n, chunks, nchunks);
		if (n == work->ndeltas)
		{
			arg = CStringGetTextDatum(work->task_id);
			si_spi_run(&finish_task, &arg, NULL, SPI_OK_UPDATE);
		}
	}
	else
		add_merged(data_source_id, install, work, n, chunks);
	SI_FAULT("publish_before_end");
	/* an asynchronous commit lost in a crash would bring back rows whose files are gone */
	ForceSyncCommit();
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	SI_FAULT("publish_after_end");
	return true;
}

char *
si_publish_spec(const char *supervisor_id, int64 version)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		args[2];
	char	   *spec = NULL;

	si_spi_begin();
	args[0] = CStringGetTextDatum(supervisor_id);
	args[1] = Int64GetDatum(version);
	if (si_spi_run(&merge_spec, args, NULL, SPI_OK_SELECT) == 1)
		spec = si_spi_text(0, 1, caller);
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	return spec;
}
