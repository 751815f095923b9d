/*
 * gaps.c
 *		The table offset_gap.
 *
 * Gaps are kept for people: reading depends only on the open ones, of which
 * there is at most one per partition and offset.
 */
#include "postgres.h"

#include "catalog/gaps.h"
#include "catalog/pg_type.h"
#include "catalog/spi.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#define MAX_GAPS	"1000"		/* kept per supervisor, beside the open ones */

/* In the order of SiGapReason, and as the table's constraint has them. */
static const char *const reasons[] = {
	"out of range", "no longer available", "beyond the end", "fewer partitions", "started at the end", "unknown partition"
};

static SiStatement report = {
	"INSERT INTO stream_ingest.offset_gap (install, supervisor_id, data_source_id, topic, partition, reason, \"offset\")"
	" SELECT $1, $2, $3, $4, $5, 'out of range', $6 WHERE NOT EXISTS (SELECT 1 FROM stream_ingest.offset_gap g"
	" WHERE g.supervisor_id = $2 AND g.ended IS NULL AND g.install = $1 AND g.partition = $5 AND g.\"offset\" = $6)",
	6, {UUIDOID, TEXTOID, INT8OID, TEXTOID, INT4OID, INT8OID}
};

static SiStatement list_open = {
	"SELECT g.gap_id, g.partition, g.reason, g.\"offset\", COALESCE(g.earliest, -1), COALESCE(g.latest, -1), g.at"
	" FROM stream_ingest.offset_gap g"
	" JOIN stream_ingest.install i ON i.uuid = g.install"
	" JOIN stream_ingest.task_group t ON t.supervisor_id = g.supervisor_id AND t.install = g.install"
	" AND t.data_source_id = g.data_source_id"
	" AND t.offsets[pg_catalog.array_position(t.partitions, g.partition)] = g.\"offset\""
	" WHERE g.supervisor_id = $1 AND g.ended IS NULL ORDER BY g.partition",
	1, {TEXTOID}
};

static SiStatement explain = {
	"UPDATE stream_ingest.offset_gap SET reason = $2, earliest = $3, latest = $4 WHERE gap_id = $1",
	4, {INT8OID, TEXTOID, INT8OID, INT8OID}
};

static SiStatement end_gap = {
	"UPDATE stream_ingest.offset_gap SET new_offset = $2, skipped = $3, ended = pg_catalog.clock_timestamp() WHERE gap_id = $1",
	3, {INT8OID, INT8OID, INT8OID}
};

static SiStatement forget = {
	"UPDATE stream_ingest.offset_gap SET ended = pg_catalog.clock_timestamp() WHERE supervisor_id = $1 AND ended IS NULL",
	1, {TEXTOID}
};

static SiStatement forget_one = {
	"UPDATE stream_ingest.offset_gap SET ended = pg_catalog.clock_timestamp()"
	" WHERE supervisor_id = $1 AND partition = $2 AND ended IS NULL",
	2, {TEXTOID, INT4OID}
};

static SiStatement record = {
	"INSERT INTO stream_ingest.offset_gap (install, supervisor_id, data_source_id, topic, partition, reason,"
	" \"offset\", earliest, latest, new_offset, skipped, ended)"
	" SELECT i.uuid, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, pg_catalog.clock_timestamp() FROM stream_ingest.install i",
	10, {TEXTOID, INT8OID, TEXTOID, INT4OID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID}
};

static SiStatement await = {
	"INSERT INTO stream_ingest.offset_gap (install, supervisor_id, data_source_id, topic, partition, reason, \"offset\")"
	" SELECT i.uuid, $1, $2, $3, $4, 'unknown partition', $5 FROM stream_ingest.install i",
	5, {TEXTOID, INT8OID, TEXTOID, INT4OID, INT8OID}
};

static SiStatement delete_gap = {
	"DELETE FROM stream_ingest.offset_gap WHERE gap_id = $1", 1, {INT8OID}
};

static SiStatement bound = {
	"DELETE FROM stream_ingest.offset_gap WHERE supervisor_id = $1 AND ended IS NOT NULL AND gap_id <="
	" (SELECT g.gap_id FROM stream_ingest.offset_gap g WHERE g.supervisor_id = $1 AND g.ended IS NOT NULL"
	" ORDER BY g.gap_id DESC OFFSET " MAX_GAPS " LIMIT 1)",
	1, {TEXTOID}
};

void
si_gap_report(const SiGroup *g, int32 partition, int64 offset)
{
	MemoryContext caller = CurrentMemoryContext;
	const char *topic = si_stream_topic(g->streams, g->nstreams, partition);
	Datum		args[6];

	si_spi_begin();
	args[0] = UUIDPGetDatum((pg_uuid_t *) g->install);
	args[1] = CStringGetTextDatum(g->supervisor_id);
	args[2] = Int64GetDatum(g->data_source_id);
	args[3] = CStringGetTextDatum(topic ? topic : g->topic);
	args[4] = Int32GetDatum(partition);
	args[5] = Int64GetDatum(offset);
	si_spi_run(&report, args, NULL, SPI_OK_INSERT);
	si_spi_commit();
	MemoryContextSwitchTo(caller);
}

static SiGapReason
parse_reason(const char *text)
{
	for (int i = 0; i < lengthof(reasons); i++)
		if (strcmp(reasons[i], text) == 0)
			return (SiGapReason) i;
	return SI_GAP_OUT_OF_RANGE;
}

int
si_gaps_open(const char *supervisor_id, MemoryContext context, SiGap **gaps)
{
	Datum		arg = CStringGetTextDatum(supervisor_id);
	int			n = (int) si_spi_run(&list_open, &arg, NULL, SPI_OK_SELECT);

	*gaps = MemoryContextAllocZero(context, sizeof(SiGap) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		SiGap	   *g = &(*gaps)[i];

		g->gap_id = si_spi_int8(i, 1);
		g->partition = si_spi_int4(i, 2);
		g->reason = parse_reason(si_spi_text(i, 3, CurrentMemoryContext));
		g->offset = si_spi_int8(i, 4);
		g->earliest = si_spi_int8(i, 5);
		g->latest = si_spi_int8(i, 6);
		g->at = si_spi_int8(i, 7);
	}
	return n;
}

void
si_gap_explain(int64 gap_id, SiGapReason reason, int64 earliest, int64 latest)
{
	Datum		args[] = {
		Int64GetDatum(gap_id), CStringGetTextDatum(reasons[reason]), Int64GetDatum(earliest), Int64GetDatum(latest)
	};

	si_spi_run(&explain, args, NULL, SPI_OK_UPDATE);
}

static void
keep_few(const char *supervisor_id)
{
	Datum		arg = CStringGetTextDatum(supervisor_id);

	si_spi_run(&bound, &arg, NULL, SPI_OK_DELETE);
}

void
si_gap_end(const char *supervisor_id, int64 gap_id, int64 new_offset, int64 skipped)
{
	Datum		args[] = {Int64GetDatum(gap_id), Int64GetDatum(new_offset), Int64GetDatum(skipped)};

	si_spi_run(&end_gap, args, NULL, SPI_OK_UPDATE);
	keep_few(supervisor_id);
}

void
si_gaps_forget(const char *supervisor_id)
{
	Datum		arg = CStringGetTextDatum(supervisor_id);

	si_spi_run(&forget, &arg, NULL, SPI_OK_UPDATE);
}

void
si_gap_forget(const char *supervisor_id, int32 partition)
{
	Datum		args[] = {CStringGetTextDatum(supervisor_id), Int32GetDatum(partition)};

	si_spi_run(&forget_one, args, NULL, SPI_OK_UPDATE);
}

void
si_gap_await(const char *supervisor_id, int64 data_source_id, const char *topic, int32 partition, int64 offset)
{
	Datum		args[] = {
		CStringGetTextDatum(supervisor_id), Int64GetDatum(data_source_id), CStringGetTextDatum(topic),
		Int32GetDatum(partition), Int64GetDatum(offset)
	};

	si_spi_run(&await, args, NULL, SPI_OK_INSERT);
}

void
si_gap_delete(int64 gap_id)
{
	Datum		arg = Int64GetDatum(gap_id);

	si_spi_run(&delete_gap, &arg, NULL, SPI_OK_DELETE);
}

void
si_gap_record(const char *supervisor_id, int64 data_source_id, const char *topic, int32 partition,
			  SiGapReason reason, int64 offset, int64 earliest, int64 latest, int64 new_offset, int64 skipped)
{
	char		nulls[] = "          ";
	Datum		args[] = {
		CStringGetTextDatum(supervisor_id), Int64GetDatum(data_source_id), CStringGetTextDatum(topic),
		Int32GetDatum(partition), CStringGetTextDatum(reasons[reason]), Int64GetDatum(offset),
		Int64GetDatum(earliest), Int64GetDatum(latest), Int64GetDatum(new_offset), Int64GetDatum(skipped)
	};

	if (offset < 0)
		nulls[5] = 'n';
	if (earliest < 0)
		nulls[6] = 'n';
	if (latest < 0)
		nulls[7] = 'n';
	if (new_offset < 0)
		nulls[8] = 'n';
	si_spi_run(&record, args, nulls, SPI_OK_INSERT);
	keep_few(supervisor_id);
}
