/*
 * reset.c
 *		What the transaction of a reset does to unpublished chunks, tasks and
 *		rejected messages.
 *
 * Locks: a lock of our own on the data source, which publishing takes too.
 * Rows of data_source are not locked: who drops a table and stays open must
 * not stop publishing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "catalog/reset.h"
#include "catalog/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Fourth field of our lock tags; advisory locks of users have 1 or 2. */
#define DELTAS_LOCK_CLASS	0x514A

static SiStatement read_deltas = {
	"SELECT level::pg_catalog.int4, group_id, seq, rows, partitions, start_offsets, end_offsets, first_seq, counts, 0::pg_catalog.int8"
	" FROM stream_ingest.delta WHERE data_source_id = $1"
	" UNION ALL SELECT 0, b.group_id, b.last_seq, b.rows, b.partitions, b.start_offsets, b.end_offsets, b.first_seq, b.counts,"
	" b.publish_id FROM stream_ingest.publish b JOIN stream_ingest.data_source d USING (data_source_id)"
	" WHERE b.data_source_id = $1 AND b.supervisor_id = $2 AND b.kind = 'publish' AND d.damaged IS NOT NULL"
	" ORDER BY 3, 2",
	2, {INT8OID, TEXTOID}
};

static SiStatement any_delta = {
	"SELECT 1 FROM stream_ingest.delta WHERE data_source_id = $1"
	" UNION ALL SELECT 1 FROM stream_ingest.data_source WHERE data_source_id = $1 AND damaged IS NOT NULL LIMIT 1",
	1, {INT8OID}
};

/* Its row becomes the lineage of what was dropped. */
static SiStatement drop_published = {
	"WITH gone AS (DELETE FROM stream_ingest.segment WHERE data_source_id = $1 AND publish_id = $2"
	" RETURNING install, file, bytes), buried AS (INSERT INTO stream_ingest.tombstone (install, file, removed_by, bytes)"
	" SELECT install, file, pg_catalog.pg_current_xact_id(), bytes FROM gone)"
	" UPDATE stream_ingest.publish SET kind = 'dropped', segments = 0 WHERE publish_id = $2 AND kind = 'publish'",
	2, {INT8OID, INT8OID}
};

static SiStatement drop_delta = {
	"WITH gone AS (DELETE FROM stream_ingest.delta WHERE data_source_id = $1 AND level = $2 AND group_id = $3 AND seq = $4"
	" RETURNING install, file, bytes), buried AS (INSERT INTO stream_ingest.tombstone (install, file, removed_by, bytes)"
	" SELECT install, file, pg_catalog.pg_current_xact_id(), bytes FROM gone WHERE file IS NOT NULL)"
	" SELECT pg_catalog.count(*) FROM gone",
	4, {INT8OID, INT4OID, INT4OID, INT8OID}
};

/* $3 error, $4 partitions, $5 offsets */
static SiStatement cut_tasks = {
	"WITH t AS (SELECT t.task_id, EXISTS (SELECT FROM stream_ingest.delta d WHERE d.data_source_id = $1"
	"  AND d.group_id = $2 AND d.seq BETWEEN t.start_seq AND t.end_seq) AS has_rows,"
	" ARRAY(SELECT GREATEST(x.first, LEAST(x.next, COALESCE(n.next, x.next)))"
	"  FROM ROWS FROM (pg_catalog.unnest(t.partitions), pg_catalog.unnest(t.start_offsets),"
	"   pg_catalog.unnest(t.end_offsets)) WITH ORDINALITY AS x (partition, first, next, i)"
	"  LEFT JOIN ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5)) AS n (partition, next) USING (partition)"
	"  ORDER BY x.i) AS ends"
	" FROM stream_ingest.task t WHERE t.data_source_id = $1 AND t.group_id = $2 AND t.status = 'RUNNING'"
	" AND t.phase = 'PUBLISHING')"
	" UPDATE stream_ingest.task u SET error = $3, end_offsets = t.ends,"
	" status = CASE WHEN t.has_rows THEN 'RUNNING' ELSE 'FAILED' END,"
	" phase = CASE WHEN t.has_rows THEN 'PUBLISHING' ELSE 'COMPLETED' END,"
	" ended = CASE WHEN t.has_rows THEN NULL ELSE pg_catalog.clock_timestamp() END"
	" FROM t WHERE u.task_id = t.task_id AND (u.end_offsets <> t.ends OR NOT t.has_rows)",
	5, {INT8OID, INT4OID, TEXTOID, INT4ARRAYOID, INT8ARRAYOID}
};

static SiStatement forget_rejected = {
	"DELETE FROM stream_ingest.rejected_message WHERE supervisor_id = $1 AND topic = $2 AND partition = $3"
	" AND \"offset\" >= $4",
	4, {TEXTOID, TEXTOID, INT4OID, INT8OID}
};

static SiStatement read_rereads = {
	"SELECT r.partition, r.until FROM stream_ingest.reread r"
	" JOIN stream_ingest.task_group g ON g.supervisor_id = r.supervisor_id AND g.data_source_id = r.data_source_id"
	" CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(g.partitions), pg_catalog.unnest(g.offsets)) AS p (partition, next)"
	" WHERE r.supervisor_id = $1 AND r.data_source_id = $2 AND p.partition = r.partition AND p.next < r.until",
	2, {TEXTOID, INT8OID}
};

static SiStatement forget_rereads = {
	"DELETE FROM stream_ingest.reread WHERE supervisor_id = $1", 1, {TEXTOID}
};

static SiStatement add_rereads = {
	"INSERT INTO stream_ingest.reread (supervisor_id, partition, install, data_source_id, until)"
	" SELECT $1, p.partition, i.uuid, $2, p.until FROM stream_ingest.install i"
	" CROSS JOIN ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) AS p (partition, until) WHERE p.until > 0",
	4, {TEXTOID, INT8OID, INT4ARRAYOID, INT8ARRAYOID}
};

void
si_catalog_lock_deltas(int64 data_source_id)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) ((uint64) data_source_id >> 32), (uint32) data_source_id,
						 DELTAS_LOCK_CLASS);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

int
si_catalog_deltas(const char *supervisor_id, int64 data_source_id, SiDeltaRow **rows)
{
	Datum		args[2];
	int			n;
	bool		isnull;
	int			k;

	args[0] = Int64GetDatum(data_source_id);
	args[1] = CStringGetTextDatum(supervisor_id);
	n = (int) si_spi_run(&read_deltas, args, NULL, SPI_OK_SELECT);

	*rows = palloc0(sizeof(SiDeltaRow) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		SiDeltaRow *d = &(*rows)[i];

		d->level = si_spi_int4(i, 1);
		d->group_id = si_spi_int4(i, 2);
		d->seq = si_spi_int8(i, 3);
		d->rows = si_spi_int8(i, 4);
		d->partitions = si_array_int4(si_spi_value(i, 5, &isnull), &d->npartitions);
		d->starts = si_array_int8(si_spi_value(i, 6, &isnull), &k);
		d->ends = si_array_int8(si_spi_value(i, 7, &isnull), &k);
		d->first_seq = si_spi_int8(i, 8);
		memcpy(d->counts, si_array_int8(si_spi_value(i, 9, &isnull), &k), sizeof(d->counts));
		d->publish_id = si_spi_int8(i, 10);
	}
	return n;
}

bool
si_catalog_any_delta(int64 data_source_id)
{
	Datum		arg = Int64GetDatum(data_source_id);

	return si_spi_run(&any_delta, &arg, NULL, SPI_OK_SELECT) > 0;
}

static void
drop_segments(int64 data_source_id, const SiDeltaRow *d)
{
	Datum		args[2];

	args[0] = Int64GetDatum(data_source_id);
	args[1] = Int64GetDatum(d->publish_id);
	if (si_spi_run(&drop_published, args, NULL, SPI_OK_UPDATE) != 1)
		elog(ERROR, "publish " INT64_FORMAT " of data source " INT64_FORMAT " is gone", d->publish_id, data_source_id);
	ForceSyncCommit();
}

void
si_catalog_drop_delta(const char *supervisor_id, int64 data_source_id, const SiDeltaRow *d)
{
	Datum		args[4];
	SiLineage	l = {.kind = "dropped"};

	if (d->publish_id != 0)
	{
		drop_segments(data_source_id, d);
		return;
	}
	args[0] = Int64GetDatum(data_source_id);
	args[1] = Int32GetDatum(d->level);
	args[2] = Int32GetDatum(d->group_id);
	args[3] = Int64GetDatum(d->seq);
	si_spi_run(&drop_delta, args, NULL, SPI_OK_SELECT);
	/* under the lock nobody else removes any */
	if (si_spi_int8(0, 1) != 1)
		elog(ERROR, "delta " INT64_FORMAT " of data source " INT64_FORMAT " is gone", d->seq, data_source_id);
	l.data_source_id = data_source_id;
	l.supervisor_id = supervisor_id;
	l.group_id = d->group_id;
	l.first_seq = d->first_seq;
	l.last_seq = d->seq;
	l.npartitions = d->npartitions;
	l.partitions = d->partitions;
	l.starts = d->starts;
	l.ends = d->ends;
	l.counts = d->counts;
	l.rows = d->rows;
	(void) si_lineage_add(&l);
	/* an asynchronous commit lost in a crash would bring back rows whose files are gone */
	ForceSyncCommit();
}

void
si_catalog_cut_tasks(int64 data_source_id, int group_id, const char *error,
					 int npartitions, const int32 *partitions, const int64 *offsets)
{
	Datum		args[5];

	args[0] = Int64GetDatum(data_source_id);
	args[1] = Int32GetDatum(group_id);
	args[2] = CStringGetTextDatum(error);
	args[3] = si_int4_array(partitions, npartitions);
	args[4] = si_int8_array(offsets, npartitions);
	si_spi_run(&cut_tasks, args, NULL, SPI_OK_UPDATE);
}

void
si_catalog_forget_rejected(const char *supervisor_id, const char *topic, int32 number, int64 offset)
{
	Datum		args[4];

	args[0] = CStringGetTextDatum(supervisor_id);
	args[1] = CStringGetTextDatum(topic);
	args[2] = Int32GetDatum(number);
	args[3] = Int64GetDatum(offset);
	si_spi_run(&forget_rejected, args, NULL, SPI_OK_DELETE);
}

int
si_catalog_rereads(const char *supervisor_id, int64 data_source_id, int32 **partitions, int64 **until)
{
	Datum		args[2];
	int			n;

	args[0] = CStringGetTextDatum(supervisor_id);
	args[1] = Int64GetDatum(data_source_id);
	n = (int) si_spi_run(&read_rereads, args, NULL, SPI_OK_SELECT);
	*partitions = palloc(sizeof(int32) * Max(n, 1));
	*until = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		(*partitions)[i] = si_spi_int4(i, 1);
		(*until)[i] = si_spi_int8(i, 2);
	}
	return n;
}

void
si_catalog_set_rereads(const char *supervisor_id, int64 data_source_id,
					   int n, const int32 *partitions, const int64 *until)
{
	Datum		args[4];

	args[0] = CStringGetTextDatum(supervisor_id);
	args[1] = Int64GetDatum(data_source_id);
	args[2] = si_int4_array(partitions, n);
	args[3] = si_int8_array(until, n);
	si_spi_run(&forget_rereads, args, NULL, SPI_OK_DELETE);
	si_spi_run(&add_rereads, args, NULL, SPI_OK_INSERT);
}
