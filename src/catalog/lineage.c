/*
 * lineage.c
 *		Which offsets became which chunks: see lineage.h.
 */
#include "postgres.h"

#include "catalog/lineage.h"
#include "catalog/pg_type.h"
#include "catalog/spi.h"
#include "utils/builtins.h"

static SiStatement add = {
	"INSERT INTO stream_ingest.publish (install, kind, data_source_id, supervisor_id, task_id, group_id, first_seq,"
	" last_seq, partitions, start_offsets, end_offsets, counts, rows, segments)"
	" SELECT i.uuid, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 FROM stream_ingest.install i RETURNING publish_id",
	13, {TEXTOID, INT8OID, TEXTOID, TEXTOID, INT4OID, INT8OID, INT8OID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
	INT8ARRAYOID, INT8OID, INT4OID}
};

/* counters 1, 3, 4, 5 and 13 are those of SiLineageCount */
static SiStatement add_rest = {
	"INSERT INTO stream_ingest.publish (install, kind, data_source_id, supervisor_id, group_id, first_seq, last_seq,"
	" partitions, start_offsets, end_offsets, counts, rows, segments)"
	" SELECT g.install, 'rest', g.data_source_id, g.supervisor_id, g.group_id, g.next_seq, g.next_seq, g.partitions,"
	" COALESCE(g.chunk_offsets, g.offsets), g.offsets, ARRAY[g.counters[1] - g.chunk_counters[1], g.counters[3] - g.chunk_counters[3],"
	" g.counters[4] - g.chunk_counters[4], g.counters[5] - g.chunk_counters[5], g.counters[13] - g.chunk_counters[13]], 0, 0"
	" FROM stream_ingest.task_group g WHERE g.supervisor_id = $1 AND g.chunk_offsets IS NOT NULL"
	" AND (g.chunk_offsets <> g.offsets OR g.chunk_counters <> g.counters) AND $2 IN (-1, g.group_id)",
	2, {TEXTOID, INT4OID}
};

static SiStatement begin_anew = {
	"UPDATE stream_ingest.task_group SET chunk_offsets = NULL, chunk_counters = NULL"
	" WHERE supervisor_id = $1 AND chunk_offsets IS NOT NULL AND $2 IN (-1, group_id)",
	2, {TEXTOID, INT4OID}
};

static SiStatement is_read = {
	"SELECT FROM stream_ingest.task_group WHERE supervisor_id = $1 AND $2 = ANY (partitions)", 2, {TEXTOID, INT4OID}
};

void
si_lineage_counts(const SiCounters *from, const SiCounters *to, int64 *counts)
{
	static const SiCounter of[SI_NUM_LINEAGE] = {
		[SI_LINEAGE_PROCESSED] = SI_COUNT_PROCESSED,
		[SI_LINEAGE_WITH_ERROR] = SI_COUNT_PROCESSED_WITH_ERROR,
		[SI_LINEAGE_UNPARSEABLE] = SI_COUNT_UNPARSEABLE,
		[SI_LINEAGE_THROWN_AWAY] = SI_COUNT_THROWN_AWAY,
		[SI_LINEAGE_STORED] = SI_COUNT_STORED_ROWS
	};

	for (int i = 0; i < SI_NUM_LINEAGE; i++)
		counts[i] = to->n[of[i]] - from->n[of[i]];
}

int64
si_lineage_add(const SiLineage *l)
{
	Datum		args[13];
	char		nulls[14] = "             ";

	args[0] = CStringGetTextDatum(l->kind);
	args[1] = Int64GetDatum(l->data_source_id);
	args[2] = CStringGetTextDatum(l->supervisor_id);
	args[3] = l->task_id ? CStringGetTextDatum(l->task_id) : (Datum) 0;
	nulls[3] = l->task_id ? ' ' : 'n';
	args[4] = Int32GetDatum(l->group_id);
	args[5] = Int64GetDatum(l->first_seq);
	args[6] = Int64GetDatum(l->last_seq);
	args[7] = si_int4_array(l->partitions, l->npartitions);
	args[8] = si_int8_array(l->starts, l->npartitions);
	args[9] = si_int8_array(l->ends, l->npartitions);
	args[10] = si_int8_array(l->counts, SI_NUM_LINEAGE);
	args[11] = Int64GetDatum(l->rows);
	args[12] = Int32GetDatum(l->segments);
	si_spi_run(&add, args, nulls, SPI_OK_INSERT_RETURNING);
	return si_spi_int8(0, 1);
}

void
si_lineage_rest(const char *supervisor_id, int group_id)
{
	Datum		args[2];

	args[0] = CStringGetTextDatum(supervisor_id);
	args[1] = Int32GetDatum(group_id);
	si_spi_run(&add_rest, args, NULL, SPI_OK_INSERT);
	si_spi_run(&begin_anew, args, NULL, SPI_OK_UPDATE);
}

bool
si_lineage_is_read(const char *supervisor_id, int32 partition)
{
	Datum		args[2];

	args[0] = CStringGetTextDatum(supervisor_id);
	args[1] = Int32GetDatum(partition);
	return si_spi_run(&is_read, args, NULL, SPI_OK_SELECT) > 0;
}
