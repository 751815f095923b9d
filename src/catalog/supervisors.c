/*
 * supervisors.c
 *		SQL of the overlord.  Every statement is prepared once per process and
 *		kept; the extension cannot be dropped or updated while the overlord
 *		runs, so the plans stay valid.
 *
 * The offsets and counters of task_group are moved by the commits of reading
 * tasks.  The overlord changes those rows only while no task reads them, or
 * compares first (si_catalog_set_offsets).
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/chunks.h"
#include "catalog/lineage.h"
#include "catalog/gaps.h"
#include "catalog/pg_type.h"
#include "catalog/supervisors.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#define MAX_ARGS 12

typedef enum PlanId
{
	PLAN_SUPERVISORS = 0,
	PLAN_SPEC,
	PLAN_REQUESTS,
	PLAN_REQUEST_DONE,
	PLAN_REQUESTS_BEFORE,
	PLAN_REQUEST_ORPHAN,
	PLAN_REQUEST_FOREIGN,
	PLAN_SUBMIT,
	PLAN_SUSPENDED,
	PLAN_HISTORY,
	PLAN_TERMINATE,
	PLAN_STATUS_GONE,
	PLAN_RESET,
	PLAN_UNHALT,
	PLAN_GROUPS,
	PLAN_TASK_COUNT,
	PLAN_STREAMS,
	PLAN_STREAM_NEW,
	PLAN_GROUPS_GONE,
	PLAN_GROUP_NEW,
	PLAN_GROUP_OFFSETS,
	PLAN_TASKS,
	PLAN_GROUP_SEQ,
	PLAN_TASK_NEW,
	PLAN_TASK_HAND_OFF,
	PLAN_TASK_REPLACE,
	PLAN_TASK_ROWS,
	PLAN_TO_PUBLISH,
	PLAN_BACKLOG,
	PLAN_STATUS,
	NUM_PLANS
} PlanId;

typedef struct PlanDef
{
	const char *sql;
	int			nargs;
	Oid			args[MAX_ARGS];
} PlanDef;

/* Where new rows of task begin, from the row "g" of their group. */
#define TASK_COLUMNS \
	"task_id, supervisor_id, install, data_source_id, group_id, status, phase, partitions," \
	" start_offsets, start_seq, start_counters, start_records, min_message_ms, max_message_ms"

static const PlanDef defs[NUM_PLANS] = {
	[PLAN_SUPERVISORS] = {
		"SELECT supervisor_id, data_source_id, spec_version, suspended, created, coalesce(task_count, 0)"
		" FROM stream_ingest.supervisor s WHERE install = $1"
		" AND EXISTS (SELECT 1 FROM stream_ingest.data_source d WHERE d.data_source_id = s.data_source_id)"
		" ORDER BY supervisor_id",
		1, {UUIDOID}
	},
	[PLAN_SPEC] = {
		"SELECT spec::text FROM stream_ingest.supervisor WHERE install = $1 AND supervisor_id = $2",
		2, {UUIDOID, TEXTOID}
	},
	[PLAN_REQUESTS] = {
		"SELECT request_id, supervisor_id, verb, spec::text, search_path, data_source_id, task_id, task_groups,"
		" partitions, offsets, time_ms, rejected_to, to_json(topics)::text, submitted_as::bigint"
		" FROM stream_ingest.request WHERE install = $1 ORDER BY request_id",
		1, {UUIDOID}
	},
	[PLAN_REQUEST_DONE] = {
		"DELETE FROM stream_ingest.request WHERE install = $1 AND request_id = $2",
		2, {UUIDOID, INT8OID}
	},
	[PLAN_REQUESTS_BEFORE] = {
		"DELETE FROM stream_ingest.request WHERE install = $1 AND supervisor_id = $2 AND request_id < $3",
		3, {UUIDOID, TEXTOID, INT8OID}
	},
	[PLAN_REQUEST_ORPHAN] = {
		"DELETE FROM stream_ingest.request r WHERE r.install = $1 AND r.request_id = $2"
		" AND NOT EXISTS (SELECT 1 FROM stream_ingest.supervisor s WHERE s.supervisor_id = r.supervisor_id)",
		2, {UUIDOID, INT8OID}
	},
	[PLAN_REQUEST_FOREIGN] = {
		"DELETE FROM stream_ingest.request r WHERE r.install = $1 AND r.request_id = $2"
		" AND EXISTS (SELECT 1 FROM stream_ingest.supervisor s WHERE s.supervisor_id = r.supervisor_id"
		" AND s.data_source_id <> r.data_source_id)",
		2, {UUIDOID, INT8OID}
	},
	[PLAN_SUBMIT] = {
		"UPDATE stream_ingest.supervisor SET spec = $3::json, suspended = $4, updated = clock_timestamp(), task_count = NULL,"
		" search_path = coalesce($5, search_path), submitted_as = $6, spec_version ="
		" (SELECT coalesce(max(h.version), 0) + 1 FROM stream_ingest.spec_history h WHERE h.supervisor_id = $2)"
		" WHERE install = $1 AND supervisor_id = $2 AND data_source_id = $7",
		7, {UUIDOID, TEXTOID, TEXTOID, BOOLOID, TEXTOID, OIDOID, INT8OID}
	},
	[PLAN_SUSPENDED] = {
		"UPDATE stream_ingest.supervisor SET suspended = $3, updated = clock_timestamp(), spec_version ="
		" (SELECT coalesce(max(h.version), 0) + 1 FROM stream_ingest.spec_history h WHERE h.supervisor_id = $2)"
		" WHERE install = $1 AND supervisor_id = $2 AND data_source_id = $4",
		4, {UUIDOID, TEXTOID, BOOLOID, INT8OID}
	},
	[PLAN_HISTORY] = {
		"INSERT INTO stream_ingest.spec_history (supervisor_id, version, install, data_source_id, at, spec)"
		" SELECT supervisor_id, spec_version, install, data_source_id, updated,"
		" jsonb_set(spec::jsonb, '{suspended}', to_jsonb(suspended))::json"
		" FROM stream_ingest.supervisor WHERE install = $1 AND supervisor_id = $2",
		2, {UUIDOID, TEXTOID}
	},
	[PLAN_TERMINATE] = {
		"WITH gone AS (DELETE FROM stream_ingest.supervisor s USING stream_ingest.data_source d"
		" WHERE s.install = $1 AND s.supervisor_id = $2 AND s.data_source_id = $3 AND d.data_source_id = s.data_source_id"
		" RETURNING s.supervisor_id, s.suspended, d.data_source_id, d.name)"
		" INSERT INTO stream_ingest.spec_history (supervisor_id, version, install, data_source_id, at, spec)"
		" SELECT g.supervisor_id, (SELECT coalesce(max(h.version), 0) + 1 FROM stream_ingest.spec_history h"
		" WHERE h.supervisor_id = $2), $1, g.data_source_id, clock_timestamp(),"
		" json_build_object('type', 'NoopSupervisorSpec', 'id', g.supervisor_id, 'dataSources', json_build_array(g.name),"
		" 'suspended', g.suspended, 'source', 'noop')"
		" FROM gone g",
		3, {UUIDOID, TEXTOID, INT8OID}
	},
	[PLAN_STATUS_GONE] = {
		"DELETE FROM stream_ingest.supervisor_status WHERE install = $1 AND supervisor_id = $2",
		2, {UUIDOID, TEXTOID}
	},
	[PLAN_RESET] = {
		"UPDATE stream_ingest.task_group SET partitions = '{}', offsets = '{}', records = NULL, starts = NULL, stops = NULL, halted = NULL, halted_at = NULL,"
		" counters[$3] = 0 WHERE install = $1 AND supervisor_id = $2",
		3, {UUIDOID, TEXTOID, INT4OID}
	},
	[PLAN_UNHALT] = {
		"UPDATE stream_ingest.task_group SET halted = NULL, halted_at = NULL,"
		" counters[$3] = CASE WHEN $4 THEN 0 ELSE counters[$3] END"
		" WHERE install = $1 AND supervisor_id = $2 AND (halted IS NOT NULL OR ($4 AND counters[$3] <> 0))",
		4, {UUIDOID, TEXTOID, INT4OID, BOOLOID}
	},
	[PLAN_GROUPS] = {
		"SELECT group_id, topic, partitions, offsets, next_seq, counters, halted, halted_at, starts, stops"
		" FROM stream_ingest.task_group WHERE install = $1 AND supervisor_id = $2 AND data_source_id = $3"
		" ORDER BY group_id",
		3, {UUIDOID, TEXTOID, INT8OID}
	},
	[PLAN_TASK_COUNT] = {
		"UPDATE stream_ingest.supervisor SET task_count = $3 WHERE install = $1 AND supervisor_id = $2",
		3, {UUIDOID, TEXTOID, INT4OID}
	},
	[PLAN_STREAMS] = {
		"SELECT stream_id, topic FROM stream_ingest.stream WHERE install = $1 AND data_source_id = $2 ORDER BY stream_id",
		2, {UUIDOID, INT8OID}
	},
	[PLAN_STREAM_NEW] = {
		"INSERT INTO stream_ingest.stream (data_source_id, stream_id, install, topic)"
		" SELECT $2, coalesce(max(stream_id) + 1, 0), $1, $3 FROM stream_ingest.stream WHERE data_source_id = $2"
		" RETURNING stream_id",
		3, {UUIDOID, INT8OID, TEXTOID}
	},
	[PLAN_GROUPS_GONE] = {
		"DELETE FROM stream_ingest.task_group WHERE install = $1 AND supervisor_id = $2",
		2, {UUIDOID, TEXTOID}
	},
	[PLAN_GROUP_NEW] = {
		"INSERT INTO stream_ingest.task_group"
		" (supervisor_id, group_id, install, data_source_id, topic, partitions, offsets, next_seq, counters, starts, stops)"
		" VALUES ($2, $3, $1, $4, $5, $6, $7, $8, $9, $10, $11)",
		11, {UUIDOID, TEXTOID, INT4OID, INT8OID, TEXTOID, INT4ARRAYOID, INT8ARRAYOID, INT8OID, INT8ARRAYOID,
		INT8ARRAYOID, INT8ARRAYOID}
	},
	[PLAN_GROUP_OFFSETS] = {
		"UPDATE stream_ingest.task_group SET offsets = $4"
		" WHERE install = $1 AND supervisor_id = $2 AND group_id = $3 AND offsets = $5",
		5, {UUIDOID, TEXTOID, INT4OID, INT8ARRAYOID, INT8ARRAYOID}
	},
	[PLAN_TASKS] = {
		"SELECT task_id, group_id, phase = 'PUBLISHING', created, start_seq, start_counters[$3], publishing, attempt::int"
		" FROM stream_ingest.task WHERE install = $1 AND data_source_id = $2 AND status = 'RUNNING'"
		" ORDER BY created",
		3, {UUIDOID, INT8OID, INT4OID}
	},
	/* the data source may have chunks of another supervisor, of the same group number */
	[PLAN_GROUP_SEQ] = {
		"UPDATE stream_ingest.task_group g SET next_seq = greatest(g.next_seq,"
		" (SELECT max(t.floor) FROM stream_ingest.tier t WHERE t.data_source_id = g.data_source_id AND t.group_id = g.group_id),"
		" (SELECT max(d.seq) + 1 FROM stream_ingest.delta d WHERE d.data_source_id = g.data_source_id AND d.group_id = g.group_id))"
		" WHERE g.install = $1 AND g.supervisor_id = $2 AND g.group_id = $3",
		3, {UUIDOID, TEXTOID, INT4OID}
	},
	[PLAN_TASK_NEW] = {
		"INSERT INTO stream_ingest.task (" TASK_COLUMNS ")"
		" SELECT $4, g.supervisor_id, g.install, g.data_source_id, g.group_id, 'RUNNING', 'READING', g.partitions,"
		" g.offsets, g.next_seq, g.counters, g.records, $5, $6"
		" FROM stream_ingest.task_group g WHERE g.install = $1 AND g.supervisor_id = $2 AND g.group_id = $3",
		6, {UUIDOID, TEXTOID, INT4OID, TEXTOID, INT8OID, INT8OID}
	},
	/* one statement: the end of one task and the start of the next come from one version of the group's row */
	[PLAN_TASK_HAND_OFF] = {
		"WITH g AS MATERIALIZED (SELECT g.*, t.task_id, g.next_seq > t.start_seq AS has_rows"
		" FROM stream_ingest.task t JOIN stream_ingest.task_group g USING (supervisor_id, group_id)"
		" WHERE t.install = $1 AND g.install = $1 AND t.task_id = $2 AND t.status = 'RUNNING' AND t.phase = 'READING'),"
		" ended AS (UPDATE stream_ingest.task t SET"
		" status = CASE WHEN g.has_rows THEN 'RUNNING' ELSE 'SUCCESS' END,"
		" phase = CASE WHEN g.has_rows THEN 'PUBLISHING' ELSE 'COMPLETED' END,"
		" ended = CASE WHEN g.has_rows THEN NULL ELSE clock_timestamp() END, publishing = clock_timestamp(),"
		" end_offsets = g.offsets, end_seq = g.next_seq - 1, end_counters = g.counters, end_records = g.records"
		" FROM g WHERE t.task_id = g.task_id)"
		" INSERT INTO stream_ingest.task (" TASK_COLUMNS ")"
		" SELECT $3, supervisor_id, install, data_source_id, group_id, 'RUNNING', 'READING', partitions,"
		" offsets, next_seq, counters, records, $4, $5 FROM g WHERE $3 IS NOT NULL",
		5, {UUIDOID, TEXTOID, TEXTOID, INT8OID, INT8OID}
	},
	/* what the failed one has read is its result, and the begin of the next one's: no end_seq, it has published nothing */
	[PLAN_TASK_REPLACE] = {
		"WITH failed AS (UPDATE stream_ingest.task t SET status = 'FAILED', phase = 'COMPLETED',"
		" ended = clock_timestamp(), error = $3, end_offsets = g.offsets, end_counters = g.counters, end_records = g.records"
		" FROM stream_ingest.task_group g WHERE g.supervisor_id = t.supervisor_id AND g.group_id = t.group_id AND g.install = $1"
		" AND t.install = $1 AND t.task_id = $2 AND t.status = 'RUNNING' AND t.phase = 'READING' RETURNING t.*)"
		" INSERT INTO stream_ingest.task (" TASK_COLUMNS ")"
		" SELECT $4, supervisor_id, install, data_source_id, group_id, 'RUNNING', 'READING', partitions,"
		" start_offsets, start_seq, start_counters, start_records, min_message_ms, max_message_ms FROM failed",
		4, {UUIDOID, TEXTOID, TEXTOID, TEXTOID}
	},
	[PLAN_TASK_ROWS] = {
		"SELECT d.rows, d.min_ms, d.max_ms FROM generate_series(0, 15) AS l (level)"
		" LEFT JOIN stream_ingest.tier t ON t.data_source_id = $1 AND t.level = l.level AND t.group_id = $2"
		" CROSS JOIN LATERAL (SELECT d.rows, d.min_ms, d.max_ms FROM stream_ingest.delta d WHERE d.install = $4"
		" AND d.data_source_id = $1 AND d.level = l.level AND d.group_id = $2"
		" AND d.seq >= greatest(t.floor, $3)) d",
		4, {INT8OID, INT4OID, INT8OID, UUIDOID}
	},
	[PLAN_TO_PUBLISH] = {
		"SELECT data_source_id, 0, min(supervisor_id), 0::bigint FROM stream_ingest.task"
		" WHERE install = $1 AND status = 'RUNNING' AND phase = 'PUBLISHING' GROUP BY data_source_id",
		1, {UUIDOID}
	},
	[PLAN_BACKLOG] = {
		"SELECT g.data_source_id, g.group_id, g.supervisor_id,"
		" (SELECT count(*) FROM (SELECT 1 FROM stream_ingest.delta d WHERE d.data_source_id = g.data_source_id"
		" AND d.level = 0 AND d.group_id = g.group_id AND d.seq >= coalesce((SELECT t.floor FROM stream_ingest.tier t"
		" WHERE t.data_source_id = g.data_source_id AND t.level = 0 AND t.group_id = g.group_id), 0) LIMIT $2) AS d)"
		" FROM stream_ingest.task_group g WHERE g.install = $1",
		2, {UUIDOID, INT8OID}
	},
	[PLAN_STATUS] = {
		"INSERT INTO stream_ingest.supervisor_status (supervisor_id, install, state, detailed_state, healthy, note,"
		" recent_errors, partitions, earliest_offsets, latest_offsets, offsets_updated)"
		" VALUES ($2, $1, $3, $4, $5, $6, $7::json, $8, $9, $10, $11)"
		" ON CONFLICT (supervisor_id) DO UPDATE SET install = $1, state = $3, detailed_state = $4, healthy = $5,"
		" note = $6, recent_errors = $7::json, partitions = $8, earliest_offsets = $9, latest_offsets = $10,"
		" offsets_updated = $11, updated = clock_timestamp()",
		11, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, TEXTOID, TEXTOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID}
	},
};

static const char *const verbs[] = {
	"submit", "suspend", "resume", "terminate", "reset", "handoff", "shutdown_task", "requeue"
};

static SPIPlanPtr plans[NUM_PLANS];
static pg_uuid_t install;
static MemoryContext result_context = NULL;

/* ------------------------------------------------------------- transactions */

void
si_catalog_begin(MemoryContext results)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "supervising");
	result_context = results;
}

void
si_catalog_commit(void)
{
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
	pgstat_report_activity(STATE_IDLE, NULL);
}

void
si_catalog_abort(void)
{
	AbortCurrentTransaction();
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* Runs a kept plan; the bits of nulls say which arguments are null. */
static uint64
run(PlanId id, uint32 nulls, const Datum *values)
{
	const PlanDef *def = &defs[id];
	char		null_chars[MAX_ARGS];
	int			rc;

	if (plans[id] == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(def->sql, def->nargs, (Oid *) def->args);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", def->sql, SPI_result_code_string(SPI_result));
		plans[id] = plan;
	}
	for (int i = 0; i < def->nargs; i++)
		null_chars[i] = (nulls & (1u << i)) ? 'n' : ' ';
	rc = SPI_execute_plan(plans[id], (Datum *) values, null_chars, false, 0);
	if (rc < 0)
		elog(ERROR, "\"%s\" failed: %s", def->sql, SPI_result_code_string(rc));
	return SPI_processed;
}

/* ------------------------------------------------------------ reading values */

static Datum
field(uint64 row, int col, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, col, isnull);
}

static char *
text_field(uint64 row, int col)
{
	bool		isnull;
	Datum		d = field(row, col, &isnull);
	char	   *value;
	char	   *copy;

	if (isnull)
		return NULL;
	value = TextDatumGetCString(d);
	copy = MemoryContextStrdup(result_context, value);
	pfree(value);
	return copy;
}

static int64
int64_field(uint64 row, int col)
{
	bool		isnull;
	Datum		d = field(row, col, &isnull);

	return isnull ? 0 : DatumGetInt64(d);
}

static int32
int32_field(uint64 row, int col)
{
	bool		isnull;

	return DatumGetInt32(field(row, col, &isnull));
}

static bool
bool_field(uint64 row, int col)
{
	bool		isnull;

	return DatumGetBool(field(row, col, &isnull));
}

/* Elements of an array of int8 or int4 as a new array in the result context. */
static int
array_field(uint64 row, int col, Oid type, void **values)
{
	bool		isnull;
	Datum		d = field(row, col, &isnull);
	Datum	   *elems;
	bool	   *nulls;
	int			n;

	*values = NULL;
	if (isnull)
		return 0;
	deconstruct_array(DatumGetArrayTypeP(d), type, type == INT8OID ? 8 : 4, true,
					  type == INT8OID ? TYPALIGN_DOUBLE : TYPALIGN_INT, &elems, &nulls, &n);
	*values = MemoryContextAlloc(result_context, Max(n, 1) * (type == INT8OID ? 8 : 4));
	for (int i = 0; i < n; i++)
		if (type == INT8OID)
			((int64 *) *values)[i] = nulls[i] ? 0 : DatumGetInt64(elems[i]);
		else
			((int32 *) *values)[i] = nulls[i] ? 0 : DatumGetInt32(elems[i]);
	return n;
}

static Datum
int8_array(const int64 *values, int n)
{
	Datum	   *elems = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elems[i] = Int64GetDatum(values[i]);
	return PointerGetDatum(construct_array(elems, n, INT8OID, 8, true, TYPALIGN_DOUBLE));
}

static Datum
int4_array(const int32 *values, int n)
{
	Datum	   *elems = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elems[i] = Int32GetDatum(values[i]);
	return PointerGetDatum(construct_array(elems, n, INT4OID, 4, true, TYPALIGN_INT));
}

#define TEXT_ARG(s)		((s) ? CStringGetTextDatum(s) : (Datum) 0)
#define NULL_IF(cond, i) ((cond) ? 1u << (i) : 0)
#define INSTALL_ARG		UUIDPGetDatum(&install)

/* -------------------------------------------------------------------- reading */

void
si_catalog_read_install(void)
{
	si_catalog_install(install.data);
}

int
si_catalog_supervisors(SiSupervisorRow **rows)
{
	Datum		args[] = {INSTALL_ARG};
	int			n = run(PLAN_SUPERVISORS, 0, args);

	*rows = MemoryContextAllocZero(result_context, Max(n, 1) * sizeof(SiSupervisorRow));
	for (int i = 0; i < n; i++)
	{
		(*rows)[i].id = text_field(i, 1);
		(*rows)[i].data_source_id = int64_field(i, 2);
		(*rows)[i].spec_version = int64_field(i, 3);
		(*rows)[i].suspended = bool_field(i, 4);
		(*rows)[i].created = int64_field(i, 5);
		(*rows)[i].task_count = int32_field(i, 6);
	}
	return n;
}

char *
si_catalog_spec(const char *supervisor_id)
{
	Datum		args[] = {INSTALL_ARG, TEXT_ARG(supervisor_id)};

	return run(PLAN_SPEC, 0, args) == 0 ? NULL : text_field(0, 1);
}

int
si_catalog_requests(SiRequestRow **rows)
{
	Datum		args[] = {INSTALL_ARG};
	int			n = run(PLAN_REQUESTS, 0, args);

	*rows = MemoryContextAllocZero(result_context, Max(n, 1) * sizeof(SiRequestRow));
	for (int i = 0; i < n; i++)
	{
		char	   *verb = text_field(i, 3);

		(*rows)[i].request_id = int64_field(i, 1);
		(*rows)[i].supervisor_id = text_field(i, 2);
		(*rows)[i].spec = text_field(i, 4);
		(*rows)[i].search_path = text_field(i, 5);
		(*rows)[i].data_source_id = int64_field(i, 6);
		(*rows)[i].task_id = text_field(i, 7);
		(*rows)[i].ntask_groups = array_field(i, 8, INT4OID, (void **) &(*rows)[i].task_groups);
		(*rows)[i].npartitions = array_field(i, 9, INT4OID, (void **) &(*rows)[i].partitions);
		(*rows)[i].noffsets = array_field(i, 10, INT8OID, (void **) &(*rows)[i].offsets);
		(*rows)[i].time_ms = int64_field(i, 11);
		(*rows)[i].rejected_to = int64_field(i, 12);
		(*rows)[i].topics_json = text_field(i, 13);
		(*rows)[i].submitted_as = (Oid) int64_field(i, 14);
		for (int v = 0; v < lengthof(verbs); v++)
			if (strcmp(verb, verbs[v]) == 0)
				(*rows)[i].verb = (SiVerb) v;
	}
	return n;
}

int
si_catalog_groups(const char *supervisor_id, int64 data_source_id, SiGroupRow **rows)
{
	Datum		args[] = {INSTALL_ARG, TEXT_ARG(supervisor_id), Int64GetDatum(data_source_id)};
	int			n = run(PLAN_GROUPS, 0, args);

	*rows = MemoryContextAllocZero(result_context, Max(n, 1) * sizeof(SiGroupRow));
	for (int i = 0; i < n; i++)
	{
		SiGroupRow *g = &(*rows)[i];
		int64	   *counters;
		int			ncounters;

		g->state.group_id = int32_field(i, 1);
		g->topic = text_field(i, 2);
		g->state.npartitions = array_field(i, 3, INT4OID, (void **) &g->state.partitions);
		if (array_field(i, 4, INT8OID, (void **) &g->state.offsets) != g->state.npartitions)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("task group %d of supervisor \"%s\" has not one offset per partition",
							g->state.group_id, supervisor_id)));
		g->state.next_seq = int64_field(i, 5);
		ncounters = array_field(i, 6, INT8OID, (void **) &counters);
		memcpy(g->state.counters.n, counters, Min(ncounters, SI_NUM_COUNTERS) * sizeof(int64));
		g->halted = text_field(i, 7);
		g->halted_at = int64_field(i, 8);
		if (array_field(i, 9, INT8OID, (void **) &g->state.starts) != g->state.npartitions ||
			array_field(i, 10, INT8OID, (void **) &g->state.stops) != g->state.npartitions)
			g->state.starts = g->state.stops = NULL;
	}
	return n;
}

int
si_catalog_tasks(int64 data_source_id, SiTaskRow **rows)
{
	Datum		args[] = {INSTALL_ARG, Int64GetDatum(data_source_id), Int32GetDatum(SI_COUNT_STORED_ROWS + 1)};
	int			n = run(PLAN_TASKS, 0, args);

	*rows = MemoryContextAllocZero(result_context, Max(n, 1) * sizeof(SiTaskRow));
	for (int i = 0; i < n; i++)
	{
		(*rows)[i].task_id = text_field(i, 1);
		(*rows)[i].group_id = int32_field(i, 2);
		(*rows)[i].publishing = bool_field(i, 3);
		(*rows)[i].created = int64_field(i, 4);
		(*rows)[i].start_seq = int64_field(i, 5);
		(*rows)[i].start_stored_rows = int64_field(i, 6);
		(*rows)[i].publishing_since = int64_field(i, 7);
		(*rows)[i].attempt = int32_field(i, 8);
	}
	return n;
}

static int
backlog_rows(int n, SiBacklogRow **rows)
{
	*rows = MemoryContextAllocZero(result_context, Max(n, 1) * sizeof(SiBacklogRow));
	for (int i = 0; i < n; i++)
	{
		(*rows)[i].data_source_id = int64_field(i, 1);
		(*rows)[i].group_id = int32_field(i, 2);
		(*rows)[i].supervisor_id = text_field(i, 3);
		(*rows)[i].deltas = int64_field(i, 4);
	}
	return n;
}

int
si_catalog_to_publish(SiBacklogRow **rows)
{
	Datum		args[] = {INSTALL_ARG};

	return backlog_rows(run(PLAN_TO_PUBLISH, 0, args), rows);
}

int
si_catalog_backlog(int64 limit, SiBacklogRow **rows)
{
	Datum		args[] = {INSTALL_ARG, Int64GetDatum(limit)};

	return backlog_rows(run(PLAN_BACKLOG, 0, args), rows);
}

int
si_catalog_task_rows(int64 data_source_id, int group_id, int64 start_seq, SiRowRange **ranges)
{
	Datum		args[] = {Int64GetDatum(data_source_id), Int32GetDatum(group_id), Int64GetDatum(start_seq), INSTALL_ARG};
	int			n = run(PLAN_TASK_ROWS, 0, args);

	*ranges = palloc(sizeof(SiRowRange) * Max(n, 1));
	for (int i = 0; i < n; i++)
		(*ranges)[i] = (SiRowRange) {int64_field(i, 1), int64_field(i, 2), int64_field(i, 3)};
	return n;
}

/* ---------------------------------------------------------------------- verbs */

void
si_catalog_forget_request(int64 request_id)
{
	Datum		args[] = {INSTALL_ARG, Int64GetDatum(request_id)};

	run(PLAN_REQUEST_DONE, 0, args);
}

void
si_catalog_forget_orphan_request(int64 request_id)
{
	Datum		args[] = {INSTALL_ARG, Int64GetDatum(request_id)};

	run(PLAN_REQUEST_ORPHAN, 0, args);
}

bool
si_catalog_forget_foreign_request(int64 request_id)
{
	Datum		args[] = {INSTALL_ARG, Int64GetDatum(request_id)};

	return run(PLAN_REQUEST_FOREIGN, 0, args) > 0;
}

static void
add_history(const char *supervisor_id)
{
	Datum		args[] = {INSTALL_ARG, TEXT_ARG(supervisor_id)};

	run(PLAN_HISTORY, 0, args);
}

void
si_catalog_apply_submit(const SiRequestRow *r, bool suspended)
{
	Datum		args[] = {
		INSTALL_ARG, TEXT_ARG(r->supervisor_id), TEXT_ARG(r->spec), BoolGetDatum(suspended), TEXT_ARG(r->search_path),
		ObjectIdGetDatum(r->submitted_as), Int64GetDatum(r->data_source_id)
	};

	if (run(PLAN_SUBMIT, NULL_IF(r->search_path == NULL, 4), args) > 0)
	{
		add_history(r->supervisor_id);
		si_catalog_unhalt(r->supervisor_id, true);
	}
	si_catalog_forget_request(r->request_id);
}

void
si_catalog_apply_suspended(const SiRequestRow *r, bool suspended)
{
	Datum		args[] = {
		INSTALL_ARG, TEXT_ARG(r->supervisor_id), BoolGetDatum(suspended), Int64GetDatum(r->data_source_id)
	};

	if (run(PLAN_SUSPENDED, 0, args) > 0)
	{
		add_history(r->supervisor_id);
		if (!suspended)
			si_catalog_unhalt(r->supervisor_id, true);
	}
	si_catalog_forget_request(r->request_id);
}

void
si_catalog_apply_terminate(const SiRequestRow *r)
{
	Datum		args[] = {INSTALL_ARG, TEXT_ARG(r->supervisor_id), Int64GetDatum(r->data_source_id)};
	Datum		before[] = {INSTALL_ARG, TEXT_ARG(r->supervisor_id), Int64GetDatum(r->request_id)};

	run(PLAN_TERMINATE, 0, args);
	run(PLAN_REQUESTS_BEFORE, 0, before);
	run(PLAN_STATUS_GONE, 0, args);
	si_catalog_forget_request(r->request_id);
}

void
si_catalog_apply_reset(const SiRequestRow *r)
{
	Datum		args[] = {INSTALL_ARG, TEXT_ARG(r->supervisor_id), Int32GetDatum(SI_COUNT_PARSE_EXCEPTIONS + 1)};

	si_lineage_rest(r->supervisor_id, -1);
	run(PLAN_RESET, 0, args);
	si_gaps_forget(r->supervisor_id);
	si_catalog_forget_request(r->request_id);
}

void
si_catalog_unhalt(const char *supervisor_id, bool forgive)
{
	Datum		args[] = {INSTALL_ARG, TEXT_ARG(supervisor_id), Int32GetDatum(SI_COUNT_PARSE_EXCEPTIONS + 1), BoolGetDatum(forgive)};

	run(PLAN_UNHALT, 0, args);
}

/* ------------------------------------------------------------ groups and tasks */

int
si_catalog_streams(int64 data_source_id, SiStream **rows)
{
	Datum		args[] = {INSTALL_ARG, Int64GetDatum(data_source_id)};
	int			n = run(PLAN_STREAMS, 0, args);

	*rows = MemoryContextAllocZero(result_context, Max(n, 1) * sizeof(SiStream));
	for (int i = 0; i < n; i++)
	{
		(*rows)[i].id = int32_field(i, 1);
		(*rows)[i].topic = text_field(i, 2);
	}
	return n;
}

int
si_catalog_add_stream(int64 data_source_id, const char *topic)
{
	Datum		args[] = {INSTALL_ARG, Int64GetDatum(data_source_id), TEXT_ARG(topic)};

	run(PLAN_STREAM_NEW, 0, args);
	return int32_field(0, 1);
}

/* Partitions that this supervisor has not read until now. */
static void
note_begins(const SiSupervisorRow *s, const SiGroupState *groups, int ngroups)
{
	for (int g = 0; g < ngroups; g++)
	{
		int			n = 0;
		int32	   *partitions = palloc(Max(groups[g].npartitions, 1) * sizeof(int32));
		int64	   *from = palloc(Max(groups[g].npartitions, 1) * sizeof(int64));
		int64	   *to = palloc(Max(groups[g].npartitions, 1) * sizeof(int64));

		for (int i = 0; i < groups[g].npartitions; i++)
		{
			if (si_lineage_is_read(s->id, groups[g].partitions[i]))
				continue;
			partitions[n] = groups[g].partitions[i];
			from[n] = -1;
			to[n++] = groups[g].offsets[i];
		}
		si_catalog_note_move(s->id, s->data_source_id, groups[g].group_id, groups[g].next_seq, n, partitions, from, to);
	}
}

void
si_catalog_note_move(const char *supervisor_id, int64 data_source_id, int group_id, int64 next_seq,
					 int npartitions, const int32 *partitions, const int64 *from, const int64 *to)
{
	static const int64 none[SI_NUM_LINEAGE] = {0};
	SiLineage	l = {.kind = "move"};

	if (npartitions == 0)
		return;
	l.data_source_id = data_source_id;
	l.supervisor_id = supervisor_id;
	l.group_id = group_id;
	l.first_seq = l.last_seq = next_seq;
	l.npartitions = npartitions;
	l.partitions = partitions;
	l.starts = from;
	l.ends = to;
	l.counts = none;
	(void) si_lineage_add(&l);
}

void
si_catalog_set_groups(const SiSupervisorRow *s, const char *stream, const SiGroupState *groups, int ngroups)
{
	Datum		old[] = {INSTALL_ARG, TEXT_ARG(s->id)};

	si_lineage_rest(s->id, -1);
	note_begins(s, groups, ngroups);
	run(PLAN_GROUPS_GONE, 0, old);
	for (int i = 0; i < ngroups; i++)
	{
		const SiGroupState *g = &groups[i];
		Datum		args[] = {
			INSTALL_ARG, TEXT_ARG(s->id), Int32GetDatum(g->group_id), Int64GetDatum(s->data_source_id),
			TEXT_ARG(stream), int4_array(g->partitions, g->npartitions), int8_array(g->offsets, g->npartitions),
			Int64GetDatum(g->next_seq), int8_array(g->counters.n, SI_NUM_COUNTERS),
			int8_array(g->starts, g->stops ? g->npartitions : 0), int8_array(g->stops, g->stops ? g->npartitions : 0)
		};

		run(PLAN_GROUP_NEW, NULL_IF(!g->stops, 9) | NULL_IF(!g->stops, 10), args);
	}
}

void
si_catalog_set_task_count(const char *supervisor_id, int task_count)
{
	Datum		args[] = {INSTALL_ARG, TEXT_ARG(supervisor_id), Int32GetDatum(task_count)};

	run(PLAN_TASK_COUNT, 0, args);
}

bool
si_catalog_set_offsets(const char *supervisor_id, int64 data_source_id, const SiGroupState *was, const int64 *offsets)
{
	Datum		args[] = {
		INSTALL_ARG, TEXT_ARG(supervisor_id), Int32GetDatum(was->group_id),
		int8_array(offsets, was->npartitions), int8_array(was->offsets, was->npartitions)
	};

	/* tasks of other groups read on */
	si_lineage_rest(supervisor_id, was->group_id);
	if (run(PLAN_GROUP_OFFSETS, 0, args) != 1)
		return false;
	si_catalog_note_move(supervisor_id, data_source_id, was->group_id, was->next_seq, was->npartitions, was->partitions,
						 was->offsets, offsets);
	return true;
}

void
si_catalog_task_create(const char *task_id, const char *supervisor_id, int group_id, const SiTaskBounds *bounds)
{
	Datum		args[] = {
		INSTALL_ARG, TEXT_ARG(supervisor_id), Int32GetDatum(group_id), TEXT_ARG(task_id),
		Int64GetDatum(bounds->min_ms), Int64GetDatum(bounds->max_ms)
	};

	run(PLAN_GROUP_SEQ, 0, args);
	run(PLAN_TASK_NEW, NULL_IF(!bounds->has_min, 4) | NULL_IF(!bounds->has_max, 5), args);
}

void
si_catalog_task_hand_off(const char *task_id, const char *next_task_id, const SiTaskBounds *bounds)
{
	Datum		args[] = {
		INSTALL_ARG, TEXT_ARG(task_id), TEXT_ARG(next_task_id),
		Int64GetDatum(bounds ? bounds->min_ms : 0), Int64GetDatum(bounds ? bounds->max_ms : 0)
	};

	run(PLAN_TASK_HAND_OFF,
		NULL_IF(next_task_id == NULL, 2) | NULL_IF(!bounds || !bounds->has_min, 3) |
		NULL_IF(!bounds || !bounds->has_max, 4), args);
}

void
si_catalog_task_replace(const char *task_id, const char *error, const char *next_task_id)
{
	Datum		args[] = {INSTALL_ARG, TEXT_ARG(task_id), TEXT_ARG(error), TEXT_ARG(next_task_id)};

	run(PLAN_TASK_REPLACE, 0, args);
}

/* --------------------------------------------------------------------- status */

void
si_catalog_put_status(const SiStatusRow *row)
{
	int			n = row->npartitions;
	uint32		no_offsets = n == 0 ? (1u << 7) | (1u << 8) | (1u << 9) | (1u << 10) : 0;
	Datum		args[] = {
		INSTALL_ARG, TEXT_ARG(row->supervisor_id), TEXT_ARG(row->state), TEXT_ARG(row->detailed_state),
		BoolGetDatum(row->healthy), TEXT_ARG(row->note), TEXT_ARG(row->recent_errors),
		int4_array(row->partitions, n), int8_array(row->low, n), int8_array(row->high, n),
		TimestampTzGetDatum(row->offsets_updated)
	};

	run(PLAN_STATUS, NULL_IF(row->note == NULL, 5) | no_offsets, args);
}
