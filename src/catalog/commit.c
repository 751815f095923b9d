/*
 * commit.c
 *		The commit transaction of a reading task.
 *
 * One UPDATE of the group's row compares what the task started from with
 * what is stored and moves it; everything else of the commit follows in the
 * same transaction.  The row is found where the last commit left it: under an
 * old snapshot its index entries and versions pile up by the thousand, and a
 * walk over them would make every commit slower than the one before.
 *
 * Locks: the group's row from the UPDATE to the end of the transaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/commit.h"
#include "catalog/lineage.h"
#include "catalog/pg_type.h"
#include "catalog/spi.h"
#include "common/fault.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

static SiStatement load_group = {
	"SELECT g.ctid, g.install, g.data_source_id, g.topic, g.partitions, g.offsets, g.next_seq, g.counters, g.halted,"
	" g.stops, COALESCE(g.chunk_offsets, g.offsets), COALESCE(g.chunk_counters, g.counters), g.records"
	" FROM stream_ingest.task_group g JOIN stream_ingest.install i ON g.install = i.uuid"
	" WHERE g.supervisor_id = $1 AND g.group_id = $2",
	2, {TEXTOID, INT4OID}
};

static SiStatement load_streams = {
	"SELECT stream_id, topic FROM stream_ingest.stream WHERE data_source_id = $1 ORDER BY stream_id",
	1, {INT8OID}
};

static SiStatement make_tier = {
	"INSERT INTO stream_ingest.tier (data_source_id, level, group_id, floor) VALUES ($1, 0, $2, $3)"
	" ON CONFLICT DO NOTHING",
	3, {INT8OID, INT4OID, INT8OID}
};

#define MOVE_SET \
	"UPDATE stream_ingest.task_group SET offsets = $1, next_seq = $2, counters = $3, halted = $4," \
	" chunk_offsets = $12, chunk_counters = $13, records = $14," \
	" halted_at = CASE WHEN $4 IS NULL THEN NULL ELSE pg_catalog.clock_timestamp() END WHERE "
#define MOVE_WHERE \
	"supervisor_id = $5 AND group_id = $6 AND offsets = $7 AND next_seq = $8 AND partitions = $9" \
	" AND install = $10 AND topic = $11 AND data_source_id = $15 AND halted IS NULL RETURNING ctid"
#define MOVE_TYPES \
	INT8ARRAYOID, INT8OID, INT8ARRAYOID, TEXTOID, TEXTOID, INT4OID, INT8ARRAYOID, INT8OID, INT4ARRAYOID, UUIDOID, \
	TEXTOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8OID

static SiStatement move_at_tid = {
	MOVE_SET "ctid = $16 AND " MOVE_WHERE,
	16, {MOVE_TYPES, TIDOID}
};

static SiStatement move_by_key = {
	MOVE_SET MOVE_WHERE,
	15, {MOVE_TYPES}
};

static SiStatement insert_delta = {
	"INSERT INTO stream_ingest.delta (data_source_id, level, group_id, seq, install, first_seq, rows, bytes,"
	" min_ms, max_ms, partitions, start_offsets, end_offsets, file, data, spec_version, counts)"
	" VALUES ($1, 0, $2, $3, $4, $3, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
	15, {INT8OID, INT4OID, INT8OID, UUIDOID, INT8OID, INT8OID, INT8OID, INT8OID, INT4ARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID, TEXTOID, BYTEAOID, INT8OID, INT8ARRAYOID}
};

static SiStatement insert_rejected = {
	"INSERT INTO stream_ingest.rejected_message (supervisor_id, install, topic, partition, \"offset\","
	" error_type, reason, payload_bytes, payload, more_reasons) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	10, {TEXTOID, UUIDOID, TEXTOID, INT4OID, INT8OID, TEXTOID, TEXTOID, INT8OID, BYTEAOID, TEXTARRAYOID}
};

static SiStatement remove_rejected = {
	"DELETE FROM stream_ingest.rejected_message WHERE rejected_id = ANY ($1)", 1, {INT8ARRAYOID}
};

static SiStatement count_dropped = {
	"INSERT INTO stream_ingest.rejected_dropped AS d (supervisor_id, install, topic, partition, messages,"
	" first_offset, last_offset) VALUES ($1, $2, $3, $4, $5, $6, $7)"
	" ON CONFLICT (supervisor_id, topic, partition) DO UPDATE SET messages = d.messages + EXCLUDED.messages,"
	" first_offset = LEAST(d.first_offset, EXCLUDED.first_offset),"
	" last_offset = GREATEST(d.last_offset, EXCLUDED.last_offset)",
	7, {TEXTOID, UUIDOID, TEXTOID, INT4OID, INT8OID, INT8OID, INT8OID}
};

/*
 * Nothing is locked when there is nothing to say: who has dropped the column
 * and stays open must not stop a task that begins anew and meets it again.
 */
static SiStatement insert_discovered = {
	"INSERT INTO stream_ingest.discovered_column AS c (data_source_id, name, install, type)"
	" SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM stream_ingest.discovered_column k"
	" WHERE k.data_source_id = $1 AND k.name = $2 AND pg_catalog.array_position('{long,double,string,json}', k.type)"
	" >= pg_catalog.array_position('{long,double,string,json}', $4)) ON CONFLICT (data_source_id, name) DO UPDATE"
	" SET type = EXCLUDED.type, retype = c.retype OR c.attached, attached = false, problem = NULL"
	/* a wider type is for the column that is there; types never become narrower */
	" WHERE pg_catalog.array_position('{long,double,string,json}', c.type)"
	" < pg_catalog.array_position('{long,double,string,json}', EXCLUDED.type)",
	4, {INT8OID, TEXTOID, UUIDOID, TEXTOID}
};

static SiStatement insert_multi = {
	"INSERT INTO stream_ingest.multi_value_column (data_source_id, name, install)"
	" VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
	3, {INT8OID, TEXTOID, UUIDOID}
};

static SiStatement sum_rejected = {
	"SELECT pg_catalog.count(*), COALESCE(pg_catalog.sum(pg_catalog.length(payload)), 0)::pg_catalog.int8"
	" FROM stream_ingest.rejected_message WHERE supervisor_id = $1",
	1, {TEXTOID}
};

static SiStatement task_bounds = {
	"SELECT COALESCE(min_message_ms, -9223372036854775808), COALESCE(max_message_ms, 9223372036854775807)"
	" FROM stream_ingest.task WHERE data_source_id = $1 AND group_id = $2 AND status = 'RUNNING'"
	" AND phase = 'READING' AND supervisor_id = $3",
	3, {INT8OID, INT4OID, TEXTOID}
};

static SiStatement next_run = {
	"SELECT pg_catalog.nextval('stream_ingest.run_id_seq'::pg_catalog.regclass)", 0, {0}
};

static SiStatement read_spec = {
	"SELECT spec::pg_catalog.text, spec_version FROM stream_ingest.supervisor s JOIN stream_ingest.install i"
	" ON s.install = i.uuid WHERE supervisor_id = $1",
	1, {TEXTOID}
};

static SiStatement read_identity = {
	"SELECT d.relid::pg_catalog.oid, s.search_path, s.submitted_as FROM stream_ingest.supervisor s"
	" JOIN stream_ingest.install i ON s.install = i.uuid"
	" JOIN stream_ingest.data_source d ON d.data_source_id = s.data_source_id"
	" WHERE s.supervisor_id = $1 AND s.spec_version = $2",
	2, {TEXTOID, INT8OID}
};

/* In the transaction of si_group_load(); allocates in context. */
static void
load_group_streams(SiGroup *g, MemoryContext context)
{
	Datum		arg = Int64GetDatum(g->data_source_id);

	g->nstreams = (int) si_spi_run(&load_streams, &arg, NULL, SPI_OK_SELECT);
	g->streams = MemoryContextAlloc(context, sizeof(SiStream) * Max(g->nstreams, 1));
	for (int i = 0; i < g->nstreams; i++)
	{
		g->streams[i].id = si_spi_int4(i, 1);
		g->streams[i].topic = si_spi_text(i, 2, context);
	}
}

bool
si_group_load(const char *supervisor_id, int group_id, SiGroup *g)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		args[3];
	bool		isnull;
	int64	   *counters;
	Datum		stops;
	Datum		records;
	int			n;
	bool		found;

	memset(g, 0, sizeof(*g));
	g->supervisor_id = pstrdup(supervisor_id);
	g->group_id = group_id;
	si_spi_begin();
	args[0] = CStringGetTextDatum(supervisor_id);
	args[1] = Int32GetDatum(group_id);
	found = si_spi_run(&load_group, args, NULL, SPI_OK_SELECT) == 1;
	if (found)
	{
		MemoryContext old;

		ItemPointerCopy((ItemPointer) DatumGetPointer(si_spi_value(0, 1, &isnull)), &g->tid);
		memcpy(g->install, DatumGetUUIDP(si_spi_value(0, 2, &isnull))->data, SI_UUID_LEN);
		g->data_source_id = si_spi_int8(0, 3);
		g->topic = si_spi_text(0, 4, caller);
		g->next_seq = si_spi_int8(0, 7);
		g->halted = si_spi_text(0, 9, caller);
		old = MemoryContextSwitchTo(caller);
		g->partitions = si_array_int4(si_spi_value(0, 5, &isnull), &g->npartitions);
		g->offsets = si_array_int8(si_spi_value(0, 6, &isnull), &n);
		g->chunk_offsets = si_array_int8(si_spi_value(0, 11, &isnull), &n);
		stops = si_spi_value(0, 10, &isnull);
		if (!isnull)
			g->stops = si_array_int8(stops, &n);
		counters = si_array_int8(si_spi_value(0, 8, &isnull), &n);
		memcpy(g->counters.n, counters, sizeof(int64) * Min(n, SI_NUM_COUNTERS));
		counters = si_array_int8(si_spi_value(0, 12, &isnull), &n);
		memcpy(g->chunk_counters.n, counters, sizeof(int64) * Min(n, SI_NUM_COUNTERS));
		g->records = palloc0(sizeof(int64) * Max(g->npartitions, 1));
		records = si_spi_value(0, 13, &isnull);
		if (!isnull)
		{
			int64	   *counts = si_array_int8(records, &n);

			memcpy(g->records, counts, sizeof(int64) * Min(n, g->npartitions));
		}
		MemoryContextSwitchTo(old);

		args[0] = Int64GetDatum(g->data_source_id);
		args[1] = Int32GetDatum(group_id);
		args[2] = Int64GetDatum(g->next_seq);
		si_spi_run(&make_tier, args, NULL, SPI_OK_INSERT);
		load_group_streams(g, caller);
	}
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	return found;
}

/* Compares and moves; the row's new place is remembered in *tid. */
static bool
move_offsets(const SiGroup *g, const SiCommit *c, int64 next_seq, ItemPointer tid)
{
	Datum		args[16];
	char		nulls[17] = "                ";
	bool		isnull;
	bool		moved;

	args[0] = si_int8_array(c->offsets, g->npartitions);
	args[1] = Int64GetDatum(next_seq);
	args[2] = si_int8_array(c->counters->n, SI_NUM_COUNTERS);
	args[3] = c->halted ? CStringGetTextDatum(c->halted) : (Datum) 0;
	nulls[3] = c->halted ? ' ' : 'n';
	args[4] = CStringGetTextDatum(g->supervisor_id);
	args[5] = Int32GetDatum(g->group_id);
	args[6] = si_int8_array(g->offsets, g->npartitions);
	args[7] = Int64GetDatum(g->next_seq);
	args[8] = si_int4_array(g->partitions, g->npartitions);
	args[9] = UUIDPGetDatum((pg_uuid_t *) g->install);
	args[10] = CStringGetTextDatum(g->topic);
	args[11] = si_int8_array(c->rows > 0 && !c->requeue ? c->offsets : g->chunk_offsets, g->npartitions);
	args[12] = si_int8_array(c->rows > 0 ? c->counters->n : g->chunk_counters.n, SI_NUM_COUNTERS);
	args[13] = si_int8_array(c->records, g->npartitions);
	args[14] = Int64GetDatum(g->data_source_id);
	args[15] = PointerGetDatum(&g->tid);

	moved = si_spi_run(&move_at_tid, args, nulls, SPI_OK_UPDATE_RETURNING) == 1 ||
		si_spi_run(&move_by_key, args, nulls, SPI_OK_UPDATE_RETURNING) == 1;
	if (moved)
		ItemPointerCopy((ItemPointer) DatumGetPointer(si_spi_value(0, 1, &isnull)), tid);
	return moved;
}

static void
add_delta(const SiGroup *g, const SiCommit *c)
{
	Datum		args[15];
	char		nulls[16] = "               ";
	int64		counts[SI_NUM_LINEAGE];
	int			npartitions = c->requeue ? 0 : g->npartitions;

	args[0] = Int64GetDatum(g->data_source_id);
	args[1] = Int32GetDatum(g->group_id);
	args[2] = Int64GetDatum(g->next_seq);
	args[3] = UUIDPGetDatum((pg_uuid_t *) g->install);
	args[4] = Int64GetDatum(c->rows);
	args[5] = Int64GetDatum(c->bytes);
	args[6] = Int64GetDatum(c->min_ms);
	args[7] = Int64GetDatum(c->max_ms);
	args[8] = si_int4_array(g->partitions, npartitions);
	/* ranges of chunks join: offsets that gave no row belong to the next chunk */
	args[9] = si_int8_array(g->chunk_offsets, npartitions);
	args[10] = si_int8_array(c->offsets, npartitions);
	if (c->file)
	{
		args[11] = CStringGetTextDatum(c->file);
		nulls[12] = 'n';
	}
	else
	{
		args[12] = PointerGetDatum(cstring_to_text_with_len(c->data, c->data_len));
		nulls[11] = 'n';
	}
	args[13] = Int64GetDatum(g->spec_version);
	si_lineage_counts(&g->chunk_counters, c->counters, counts);
	args[14] = si_int8_array(counts, SI_NUM_LINEAGE);
	si_spi_run(&insert_delta, args, nulls, SPI_OK_INSERT);
}

static Datum
topic_of(const SiGroup *g, int32 partition)
{
	const char *topic = si_stream_topic(g->streams, g->nstreams, partition);

	return CStringGetTextDatum(topic ? topic : g->topic);
}

static Datum
text_array(const char **texts, int n)
{
	Datum	   *elems = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elems[i] = CStringGetTextDatum(texts[i]);
	return PointerGetDatum(construct_array(elems, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
add_rejected(const SiGroup *g, const SiCommit *c)
{
	Datum		args[10];

	args[0] = CStringGetTextDatum(g->supervisor_id);
	args[1] = UUIDPGetDatum((pg_uuid_t *) g->install);
	for (int i = 0; i < c->nrejected; i++)
	{
		const SiRejected *r = &c->rejected[i];

		args[2] = topic_of(g, r->partition);
		args[3] = Int32GetDatum(si_partition_number(r->partition));
		args[4] = Int64GetDatum(r->offset);
		args[5] = CStringGetTextDatum(r->error_type);
		args[6] = CStringGetTextDatum(r->reason);
		args[7] = Int64GetDatum(r->payload_bytes);
		args[8] = PointerGetDatum(cstring_to_text_with_len(r->payload, r->payload_kept));
		args[9] = text_array(r->more_reasons, r->nmore_reasons);
		si_spi_run(&insert_rejected, args, r->nmore_reasons > 0 ? NULL : "         n", SPI_OK_INSERT);
	}
	for (int i = 0; i < g->npartitions; i++)
	{
		const SiDropped *d = &c->dropped[i];

		if (d->messages == 0)
			continue;
		args[2] = topic_of(g, g->partitions[i]);
		args[3] = Int32GetDatum(si_partition_number(g->partitions[i]));
		args[4] = Int64GetDatum(d->messages);
		args[5] = Int64GetDatum(d->first_offset);
		args[6] = Int64GetDatum(d->last_offset);
		si_spi_run(&count_dropped, args, NULL, SPI_OK_INSERT);
	}
}

/* False when one of them is gone: somebody else has stored it. */
static bool
remove_requeued(const SiCommit *c)
{
	Datum		arg = si_int8_array(c->requeued, c->nrequeued);

	si_spi_run(&remove_rejected, &arg, NULL, SPI_OK_DELETE);
	return SPI_processed == c->nrequeued;
}

static void
add_discovered(const SiGroup *g, const SiCommit *c)
{
	Datum		args[4];

	args[0] = Int64GetDatum(g->data_source_id);
	args[2] = UUIDPGetDatum((pg_uuid_t *) g->install);
	for (int i = 0; i < c->ndiscovered; i++)
	{
		args[1] = CStringGetTextDatum(c->discovered[i].name);
		args[3] = CStringGetTextDatum(c->discovered[i].type);
		si_spi_run(&insert_discovered, args, NULL, SPI_OK_INSERT);
	}
}

/* The first cell of several values of a column is told once. */
static void
add_multi(const SiGroup *g, const SiCommit *c)
{
	Datum		args[3];

	args[0] = Int64GetDatum(g->data_source_id);
	args[2] = UUIDPGetDatum((pg_uuid_t *) g->install);
	for (int i = 0; i < c->nmulti; i++)
	{
		args[1] = CStringGetTextDatum(c->multi[i]);
		if (si_spi_run(&insert_multi, args, NULL, SPI_OK_INSERT) == 1)
			ereport(WARNING,
					(errcode(ERRCODE_WARNING),
					 errmsg("column \"%s\" of supervisor \"%s\" has cells with several values", c->multi[i], g->supervisor_id),
					 errdetail("They show as [\"a\",\"b\"]: unlike in Druid, \"=\" and GROUP BY take such a cell as one value."),
					 errhint(SI_MULTI_HINT)));
	}
}

bool
si_group_commit(SiGroup *g, const SiCommit *c)
{
	MemoryContext caller = CurrentMemoryContext;
	int64		next_seq = g->next_seq + (c->rows > 0 ? 1 : 0);
	ItemPointerData tid;

	si_spi_begin();
	if (!move_offsets(g, c, next_seq, &tid))
	{
		si_spi_abort();
		MemoryContextSwitchTo(caller);
		return false;
	}
	SI_FAULT("commit_offsets_moved");
	if (unlikely(si_fault_is("broken_commit_order")))
	{
		/* what must never happen, for the test that has to notice it */
		si_spi_commit();
		SI_FAULT("commit_offsets_moved");
		si_spi_begin();
	}
	if (c->rows > 0)
		add_delta(g, c);
	if (c->nrequeued > 0 && !remove_requeued(c))
	{
		si_spi_abort();
		MemoryContextSwitchTo(caller);
		return false;
	}
	if (c->nrejected > 0 || c->dropped != NULL)
		add_rejected(g, c);
	if (c->ndiscovered > 0)
		add_discovered(g, c);
	if (c->nmulti > 0)
		add_multi(g, c);
	SI_FAULT("commit_before_end");
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	SI_FAULT("commit_after_end");

	memcpy(g->offsets, c->offsets, sizeof(int64) * g->npartitions);
	memcpy(g->records, c->records, sizeof(int64) * g->npartitions);
	if (c->rows > 0)
	{
		if (!c->requeue)
			memcpy(g->chunk_offsets, c->offsets, sizeof(int64) * g->npartitions);
		g->chunk_counters = *c->counters;
	}
	g->counters = *c->counters;
	g->next_seq = next_seq;
	g->tid = tid;
	return true;
}

void
si_rejected_load(const char *supervisor_id, int64 *rows, int64 *bytes)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		arg;

	si_spi_begin();
	arg = CStringGetTextDatum(supervisor_id);
	si_spi_run(&sum_rejected, &arg, NULL, SPI_OK_SELECT);
	*rows = si_spi_int8(0, 1);
	*bytes = si_spi_int8(0, 2);
	si_spi_commit();
	MemoryContextSwitchTo(caller);
}

void
si_group_message_bounds(const SiGroup *g, int64 *min_ms, int64 *max_ms)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		args[3];

	*min_ms = PG_INT64_MIN;
	*max_ms = PG_INT64_MAX;
	si_spi_begin();
	args[0] = Int64GetDatum(g->data_source_id);
	args[1] = Int32GetDatum(g->group_id);
	args[2] = CStringGetTextDatum(g->supervisor_id);
	if (si_spi_run(&task_bounds, args, NULL, SPI_OK_SELECT) > 0)
	{
		*min_ms = si_spi_int8(0, 1);
		*max_ms = si_spi_int8(0, 2);
	}
	si_spi_commit();
	MemoryContextSwitchTo(caller);
}

int64
si_next_run_id(void)
{
	MemoryContext caller = CurrentMemoryContext;
	int64		id;

	si_spi_begin();
	si_spi_run(&next_run, NULL, NULL, SPI_OK_SELECT);
	id = si_spi_int8(0, 1);
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	return id;
}

char *
si_supervisor_spec(const char *supervisor_id, int64 *version)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		arg;
	char	   *spec = NULL;

	si_spi_begin();
	arg = CStringGetTextDatum(supervisor_id);
	if (si_spi_run(&read_spec, &arg, NULL, SPI_OK_SELECT) == 1)
	{
		spec = si_spi_text(0, 1, caller);
		*version = si_spi_int8(0, 2);
	}
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	return spec;
}

bool
si_supervisor_identity(const char *supervisor_id, int64 spec_version, Oid *relid, Oid *submitted_as, char **search_path)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		args[2];
	bool		isnull;
	bool		found;

	si_spi_begin();
	args[0] = CStringGetTextDatum(supervisor_id);
	args[1] = Int64GetDatum(spec_version);
	found = si_spi_run(&read_identity, args, NULL, SPI_OK_SELECT) == 1;
	if (found)
	{
		*relid = DatumGetObjectId(si_spi_value(0, 1, &isnull));
		*search_path = si_spi_text(0, 2, caller);
		if (*search_path == NULL)
			*search_path = MemoryContextStrdup(caller, "pg_catalog");
		*submitted_as = DatumGetObjectId(si_spi_value(0, 3, &isnull));
	}
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	return found;
}
