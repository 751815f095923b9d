/*
 * operations.c
 *		What requests and limits of time do to supervisors and their tasks.
 */
#include "postgres.h"

#include "catalog/chunks.h"
#include "catalog/operations.h"
#include "catalog/pg_type.h"
#include "catalog/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/*
 * $1 install, $2 id, $3 data source, $4 spec, $5 suspended, $6 search_path, $7 submitted_as.
 * Conditions are checked in the statement that inserts: a first submit of the
 * id may have just been committed.
 */
static SiStatement submit_again = {
	"WITH new AS (INSERT INTO stream_ingest.supervisor"
	" (supervisor_id, install, data_source_id, spec, spec_version, suspended, search_path, submitted_as)"
	" SELECT $2, $1, d.data_source_id, $4::pg_catalog.json,"
	" (SELECT COALESCE(pg_catalog.max(h.version), 0) + 1 FROM stream_ingest.spec_history h WHERE h.supervisor_id = $2),"
	" $5, COALESCE($6, ''), $7 FROM stream_ingest.data_source d"
	" WHERE d.install = $1 AND d.data_source_id = $3"
	" ON CONFLICT DO NOTHING RETURNING supervisor_id, spec_version, install, data_source_id, updated, spec, suspended)"
	" INSERT INTO stream_ingest.spec_history (supervisor_id, version, install, data_source_id, at, spec)"
	" SELECT supervisor_id, spec_version, install, data_source_id, updated,"
	" pg_catalog.jsonb_set(spec::pg_catalog.jsonb, '{suspended}', pg_catalog.to_jsonb(suspended))::pg_catalog.json FROM new",
	7, {UUIDOID, TEXTOID, INT8OID, TEXTOID, BOOLOID, TEXTOID, OIDOID}
};

static SiStatement forget_request = {
	"DELETE FROM stream_ingest.request WHERE install = $1 AND request_id = $2", 2, {UUIDOID, INT8OID}
};

static SiStatement replace_publishing = {
	"WITH failed AS (UPDATE stream_ingest.task SET status = 'FAILED', phase = 'COMPLETED',"
	" ended = pg_catalog.clock_timestamp(), error = $2"
	" WHERE task_id = $1 AND status = 'RUNNING' AND phase = 'PUBLISHING' RETURNING *)"
	" INSERT INTO stream_ingest.task (task_id, supervisor_id, install, data_source_id, group_id, status, phase,"
	" partitions, start_offsets, end_offsets, start_seq, end_seq, start_counters, end_counters, start_records, end_records, min_message_ms,"
	" max_message_ms, publishing, attempt)"
	" SELECT $3, supervisor_id, install, data_source_id, group_id, 'RUNNING', 'PUBLISHING', partitions, start_offsets,"
	" end_offsets, start_seq, end_seq, start_counters, end_counters, start_records, end_records, min_message_ms, max_message_ms,"
	" pg_catalog.clock_timestamp(), attempt + 1 FROM failed",
	3, {TEXTOID, TEXTOID, TEXTOID}
};

static SiStatement is_requested = {
	"SELECT FROM stream_ingest.request WHERE request_id = $1", 1, {INT8OID}
};

static SiStatement trim_tasks = {
	"DELETE FROM stream_ingest.task WHERE supervisor_id = $1 AND status <> 'RUNNING' AND created <"
	" (SELECT t.created FROM stream_ingest.task t WHERE t.supervisor_id = $1 AND t.status <> 'RUNNING'"
	" ORDER BY t.created DESC OFFSET $2 - 1 LIMIT 1)",
	2, {TEXTOID, INT8OID}
};

static SiStatement clear_waiting = {
	"DELETE FROM stream_ingest.waiting_task", 0, {0}
};

static SiStatement add_waiting = {
	"INSERT INTO stream_ingest.waiting_task (position, supervisor_id, group_id, since, install)"
	" SELECT $1, $2, $3, $4, uuid FROM stream_ingest.install",
	4, {INT4OID, TEXTOID, INT4OID, TIMESTAMPTZOID}
};

static SiStatement new_install = {
	"UPDATE stream_ingest.install SET uuid = pg_catalog.gen_random_uuid(), database = d.oid"
	" FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database() AND database <> d.oid",
	0, {0}
};

/* Every table with rows of an install, as the statement that makes it the new one's. */
static SiStatement copied_tables = {
	"SELECT CASE WHEN c.relname IN ('supervisor', 'data_source', 'spec_history', 'stream', 'discovered_column')"
	" THEN pg_catalog.format('UPDATE stream_ingest.%I SET install = (SELECT uuid FROM stream_ingest.install)', c.relname)"
	" ELSE pg_catalog.format('DELETE FROM stream_ingest.%I', c.relname) END"
	" FROM pg_catalog.pg_class c WHERE c.relnamespace = 'stream_ingest'::pg_catalog.regnamespace AND c.relkind = 'r'"
	" AND (c.relname = 'tier' OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid"
	" AND a.attname = 'install' AND a.attnum > 0))",
	0, {0}
};

static SiStatement suspend_copies = {
	"UPDATE stream_ingest.supervisor SET suspended = true, task_count = NULL", 0, {0}
};

void
si_catalog_clear_waiting(void)
{
	si_spi_run(&clear_waiting, NULL, NULL, SPI_OK_DELETE);
}

void
si_catalog_add_waiting(int position, const char *supervisor_id, int group_id, TimestampTz since)
{
	Datum		args[4];

	args[0] = Int32GetDatum(position);
	args[1] = CStringGetTextDatum(supervisor_id);
	args[2] = Int32GetDatum(group_id);
	args[3] = TimestampTzGetDatum(since);
	si_spi_run(&add_waiting, args, NULL, SPI_OK_INSERT);
}

bool
si_catalog_adopt_copy(void)
{
	char	  **statements;
	int			n;

	if (si_spi_run(&new_install, NULL, NULL, SPI_OK_UPDATE) == 0)
		return false;
	n = (int) si_spi_run(&copied_tables, NULL, NULL, SPI_OK_SELECT);
	statements = palloc(sizeof(char *) * n);
	for (int i = 0; i < n; i++)
		statements[i] = si_spi_text(i, 1, CurrentMemoryContext);
	for (int i = 0; i < n; i++)
		if (SPI_execute(statements[i], false, 0) < 0)
			elog(ERROR, "\"%s\" failed", statements[i]);
	si_spi_run(&suspend_copies, NULL, NULL, SPI_OK_UPDATE);
	return true;
}

bool
si_catalog_submit_again(const SiRequestRow *r, bool suspended)
{
	Datum		args[7];
	char		nulls[8] = "       ";
	pg_uuid_t	install;
	bool		created;

	si_catalog_install(install.data);
	args[0] = UUIDPGetDatum(&install);
	args[1] = CStringGetTextDatum(r->supervisor_id);
	args[2] = Int64GetDatum(r->data_source_id);
	args[3] = CStringGetTextDatum(r->spec);
	args[4] = BoolGetDatum(suspended);
	args[5] = r->search_path ? CStringGetTextDatum(r->search_path) : (Datum) 0;
	nulls[5] = r->search_path ? ' ' : 'n';
	args[6] = ObjectIdGetDatum(r->submitted_as);
	created = si_spi_run(&submit_again, args, nulls, SPI_OK_INSERT) == 1;
	if (created)
	{
		args[1] = Int64GetDatum(r->request_id);
		si_spi_run(&forget_request, args, NULL, SPI_OK_DELETE);
	}
	else
		si_catalog_forget_orphan_request(r->request_id);
	return created;
}

void
si_catalog_publishing_replace(const char *task_id, const char *error, const char *next_task_id)
{
	Datum		args[3];

	args[0] = CStringGetTextDatum(task_id);
	args[1] = CStringGetTextDatum(error);
	args[2] = CStringGetTextDatum(next_task_id);
	si_spi_run(&replace_publishing, args, NULL, SPI_OK_INSERT);
}

bool
si_catalog_is_requested(int64 request_id)
{
	Datum		arg = Int64GetDatum(request_id);

	return si_spi_run(&is_requested, &arg, NULL, SPI_OK_SELECT) > 0;
}

void
si_catalog_trim_tasks(const char *supervisor_id, int keep)
{
	Datum		args[2];

	args[0] = CStringGetTextDatum(supervisor_id);
	args[1] = Int64GetDatum(keep);
	si_spi_run(&trim_tasks, args, NULL, SPI_OK_DELETE);
}
