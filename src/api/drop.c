/*
 * drop.c
 *		A data source ends when its foreign table is dropped, by DROP TABLE,
 *		DROP SCHEMA, DROP OWNED or any other way.
 *
 * In the dropping transaction a row of dropped_data_source takes the place of
 * the data source, without which a supervisor is nobody's.  No other row is
 * locked: neither a task's commit nor the overlord waits for a transaction
 * that has dropped a table and stays open.  After the commit the overlord
 * removes the rest (supervisor, chunks, offsets, tasks, messages) and leaves
 * tombstones for the files, as often as it takes: until no task of the data
 * source is left and nothing remains.
 *
 * When the extension itself is dropped its tables may be gone already; then
 * there is nothing to do, the whole directory of the installation goes.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "api/api.h"
#include "api/lookup.h"
#include "api/query.h"
#include "api/table.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/shmem.h"

static object_access_hook_type prev_object_access_hook = NULL;

/*
 * Whether the tables that the hook writes are still there, and are ours: in
 * a database without the extension anybody may own tables of these names, and
 * what their triggers do must not be done as a superuser.
 */
static bool
catalog_present(void)
{
	static const char *const needed[] = {
		"install", "data_source", "supervisor", "dropped_data_source", "discovered_column"
	};
	Oid			extension = get_extension_oid("stream_ingest", true);
	Oid			schema = get_namespace_oid("stream_ingest", true);

	if (!OidIsValid(extension) || !OidIsValid(schema))
		return false;
	for (int i = 0; i < lengthof(needed); i++)
	{
		Oid			relid = get_relname_relid(needed[i], schema);

		if (!OidIsValid(relid) || getExtensionOfObject(RelationRelationId, relid) != extension)
			return false;
	}
	return true;
}

static void
drop_data_source(Oid relid)
{
	SiQuery		q;

	si_query_begin_any_version(&q, false);
	q.latest = true;
	if (si_query(&q,
				 "SELECT d.data_source_id, s.supervisor_id FROM stream_ingest.data_source d"
				 " LEFT JOIN stream_ingest.supervisor s USING (data_source_id) WHERE d.relid = $1",
				 "o", relid) > 0)
	{
		int64		data_source_id = si_get_int64(0, 0);
		char	   *supervisor_id = si_get_text(0, 1);

		si_query(&q, "DELETE FROM stream_ingest.data_source WHERE data_source_id = $1", "i", data_source_id);
		si_query(&q,
				 "INSERT INTO stream_ingest.dropped_data_source (data_source_id, install, supervisor_id)"
				 " SELECT $1, uuid, $2 FROM stream_ingest.install", "it", data_source_id, supervisor_id);
		si_wake_overlord_at_commit();
	}
	si_query_end(&q);
}

/*
 * A column that the user drops is noted as done with, so that the table is
 * not widened by it again.  PostgreSQL forgets its options.
 */
static void
drop_column(Oid relid, int attnum)
{
	char	   *dimension = si_table_dimension(relid, attnum);
	SiQuery		q;

	if (dimension == NULL)
		return;
	si_query_begin_any_version(&q, false);
	q.latest = true;
	si_query(&q,
			 "INSERT INTO stream_ingest.discovered_column (data_source_id, name, install, type, attached)"
			 " SELECT d.data_source_id, $2, i.uuid, 'string', true FROM stream_ingest.data_source d, stream_ingest.install i"
			 " WHERE d.relid = $1 ON CONFLICT (data_source_id, name) DO UPDATE SET attached = true, problem = NULL",
			 "ot", relid, dimension);
	si_query_end(&q);
}

static void
object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (prev_object_access_hook)
		prev_object_access_hook(access, class_id, object_id, sub_id, arg);
	if (access != OAT_DROP || class_id != RelationRelationId || sub_id < 0 ||
		get_rel_relkind(object_id) != RELKIND_FOREIGN_TABLE || !catalog_present())
		return;
	if (sub_id == 0)
		drop_data_source(object_id);
	else
		drop_column(object_id, sub_id);
}

void
si_api_install_hooks(void)
{
	prev_object_access_hook = object_access_hook;
	object_access_hook = object_access;
}

/* ------------------------------------------------------------------ afterwards */

bool
si_end_orphan_supervisor(SiQuery *q, const char *id, bool wait)
{
	int64		data_source_id;
	bool		suspended;

	if (si_query(q,
				 psprintf("DELETE FROM stream_ingest.supervisor WHERE supervisor_id ="
						  " (SELECT s.supervisor_id FROM stream_ingest.supervisor s WHERE s.supervisor_id = $1"
						  "  AND NOT EXISTS (SELECT 1 FROM stream_ingest.data_source d"
						  "   WHERE d.data_source_id = s.data_source_id) FOR UPDATE %s)"
						  " RETURNING data_source_id, suspended", wait ? "" : "SKIP LOCKED"),
				 "t", id) == 0)
		return false;
	data_source_id = si_get_int64(0, 0);
	suspended = si_get_bool(0, 1);
	si_query(q,
			 "INSERT INTO stream_ingest.spec_history (supervisor_id, version, install, data_source_id, spec)"
			 " SELECT $1, 1 + coalesce(max(h.version), 0), i.uuid, $2,"
			 "  json_build_object('type', 'NoopSupervisorSpec', 'id', $1, 'dataSources',"
			 "   (SELECT json_build_array(coalesce(l.spec #>> '{spec,dataSchema,dataSource}',"
			 "     l.spec #>> '{dataSchema,dataSource}')) FROM stream_ingest.spec_history l"
			 "    WHERE l.supervisor_id = $1 ORDER BY l.version DESC LIMIT 1), 'suspended', $3, 'source', 'noop')"
			 " FROM stream_ingest.install i LEFT JOIN stream_ingest.spec_history h ON h.supervisor_id = $1"
			 " GROUP BY i.uuid", "tib", id, data_source_id, (int) suspended);
	si_query(q, "DELETE FROM stream_ingest.request WHERE supervisor_id = $1", "t", id);
	return true;
}

static bool
tasks_left(int64 data_source_id)
{
	bool		left = false;

	LWLockAcquire(si_shmem->lock, LW_SHARED);
	for (int i = 0; i < si_shmem->nworkers; i++)
	{
		SiWorkerSlot *slot = &si_shmem->workers[i];

		if (slot->in_use && slot->dboid == MyDatabaseId && slot->data_source_id == data_source_id)
			left = true;
	}
	LWLockRelease(si_shmem->lock);
	return left;
}

/*
 * Removes what there is now of a dropped data source.  Offsets go first: a
 * task that still runs then fails its next commit.
 */
static void
remove_rows(SiQuery *q, int64 data_source_id)
{
	static const char *const chunks[] = {"delta", "segment"};
	static const char *const rest[] = {
		"publish", "tier", "discovered_column", "multi_value_column", "task", "stream", "offset_gap", "reread"
	};

	si_query(q, "DELETE FROM stream_ingest.task_group WHERE data_source_id = $1", "i", data_source_id);
	for (int i = 0; i < lengthof(chunks); i++)
		si_query(q,
				 psprintf("WITH gone AS (DELETE FROM stream_ingest.%s WHERE data_source_id = $1"
						  " RETURNING install, file, bytes)"
						  " INSERT INTO stream_ingest.tombstone (install, file, removed_by, bytes)"
						  " SELECT install, file, pg_current_xact_id(), bytes FROM gone WHERE file IS NOT NULL"
						  " ON CONFLICT DO NOTHING", chunks[i]),
				 "i", data_source_id);
	for (int i = 0; i < lengthof(rest); i++)
		si_query(q, psprintf("DELETE FROM stream_ingest.%s WHERE data_source_id = $1", rest[i]),
				 "i", data_source_id);
}

/* What is kept by the supervisor's id goes unless a new supervisor has it. */
static void
remove_messages(SiQuery *q, int64 data_source_id)
{
	static const char *const tables[] = {"rejected_message", "rejected_dropped", "supervisor_status"};

	for (int i = 0; i < lengthof(tables); i++)
		si_query(q,
				 psprintf("DELETE FROM stream_ingest.%s m USING stream_ingest.dropped_data_source d"
						  " WHERE d.data_source_id = $1 AND m.supervisor_id = d.supervisor_id"
						  " AND NOT EXISTS (SELECT 1 FROM stream_ingest.supervisor s"
						  "  WHERE s.supervisor_id = d.supervisor_id)", tables[i]),
				 "i", data_source_id);
}

typedef struct Dropped
{
	int64		data_source_id;
	char	   *supervisor_id;	/* or NULL */
} Dropped;

/*
 * A submit that waited for a termination may have brought the supervisor back
 * while the table was being dropped: the drop did not see it.
 */
static void
end_supervisor(SiQuery *q, const Dropped *d)
{
	char	   *id = d->supervisor_id;

	if (si_query(q,
				 "UPDATE stream_ingest.dropped_data_source d SET supervisor_id = s.supervisor_id"
				 " FROM stream_ingest.supervisor s WHERE d.data_source_id = $1 AND s.data_source_id = $1"
				 " AND d.supervisor_id IS DISTINCT FROM s.supervisor_id RETURNING s.supervisor_id",
				 "i", d->data_source_id) > 0)
		id = si_get_text(0, 0);
	if (id)
		(void) si_end_orphan_supervisor(q, id, false);
}

static void
clean(SiQuery *q, const Dropped *d)
{
	/* asked before the rows are removed: a task that ends meanwhile may have committed */
	bool		left = tasks_left(d->data_source_id);

	end_supervisor(q, d);
	remove_rows(q, d->data_source_id);
	remove_messages(q, d->data_source_id);
	if (!left)
		si_query(q,
				 "DELETE FROM stream_ingest.dropped_data_source WHERE data_source_id = $1"
				 " AND NOT EXISTS (SELECT 1 FROM stream_ingest.supervisor WHERE data_source_id = $1)",
				 "i", d->data_source_id);
}

static void
clean_all(void)
{
	SiQuery		q;
	Dropped    *dropped;
	int			n;

	si_query_begin(&q, false);
	n = si_query(&q,
				 "SELECT data_source_id, supervisor_id FROM stream_ingest.dropped_data_source"
				 " WHERE install = (SELECT uuid FROM stream_ingest.install)", "");
	dropped = palloc(sizeof(Dropped) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		dropped[i].data_source_id = si_get_int64(i, 0);
		dropped[i].supervisor_id = si_get_text(i, 1);
	}
	for (int i = 0; i < n; i++)
		clean(&q, &dropped[i]);
	si_query_end(&q);
	/* rows must not come back in a crash after their files are gone */
	if (n > 0)
		ForceSyncCommit();
}

void
si_clean_dropped_data_sources(void)
{
	MemoryContext context = CurrentMemoryContext;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	clean_all();
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}
