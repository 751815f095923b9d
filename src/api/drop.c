/*
 * drop.c
 *		A data source ends when its foreign table is dropped, by DROP TABLE,
 *		DROP SCHEMA, DROP OWNED or any other way.
 *
 * In the dropping transaction the supervisor and the data source vanish and
 * a row of dropped_data_source takes their place; nothing that a task's
 * commit touches is locked.  After the commit the overlord removes the rest
 * (chunks, offsets, tasks, messages) and leaves tombstones for the files, as
 * often as it takes: until no task of the data source is left and nothing
 * remains.
 *
 * When the extension itself is dropped its tables may be gone already; then
 * there is nothing to do, the whole directory of the installation goes.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "api/api.h"
#include "api/query.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/shmem.h"

static object_access_hook_type prev_object_access_hook = NULL;

/* Whether the tables that the hook writes are still there. */
static bool
catalog_present(void)
{
	static const char *const needed[] = {
		"install", "data_source", "supervisor", "request", "spec_history", "supervisor_status",
		"dropped_data_source"
	};
	Oid			schema = get_namespace_oid("stream_ingest", true);

	if (!OidIsValid(schema))
		return false;
	for (int i = 0; i < lengthof(needed); i++)
		if (!OidIsValid(get_relname_relid(needed[i], schema)))
			return false;
	return true;
}

static void
drop_data_source(Oid relid)
{
	SiQuery		q;
	int64		data_source_id;

	si_query_begin(&q, false);
	if (si_query(&q, "DELETE FROM stream_ingest.data_source WHERE relid = $1 RETURNING data_source_id",
				 "o", relid) > 0)
	{
		data_source_id = si_get_int64(0, 0);
		si_query(&q,
				 "WITH gone AS (DELETE FROM stream_ingest.supervisor WHERE data_source_id = $1"
				 "  RETURNING supervisor_id, suspended, spec_version),"
				 " noop AS (INSERT INTO stream_ingest.spec_history (supervisor_id, version, install, spec)"
				 "  SELECT g.supervisor_id, 1 + (SELECT max(h.version) FROM stream_ingest.spec_history h"
				 "   WHERE h.supervisor_id = g.supervisor_id), i.uuid,"
				 "   json_build_object('type', 'NoopSupervisorSpec', 'id', g.supervisor_id,"
				 "    'suspended', g.suspended, 'source', 'noop')"
				 "  FROM gone g, stream_ingest.install i),"
				 " requests AS (DELETE FROM stream_ingest.request r USING gone g"
				 "  WHERE r.supervisor_id = g.supervisor_id)"
				 " INSERT INTO stream_ingest.dropped_data_source (data_source_id, install, supervisor_id)"
				 " SELECT $1, i.uuid, (SELECT g.supervisor_id FROM gone g) FROM stream_ingest.install i",
				 "i", data_source_id);
		si_wake_overlord_at_commit();
	}
	si_query_end(&q);
}

static void
object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (prev_object_access_hook)
		prev_object_access_hook(access, class_id, object_id, sub_id, arg);
	if (access == OAT_DROP && class_id == RelationRelationId && sub_id == 0 &&
		get_rel_relkind(object_id) == RELKIND_FOREIGN_TABLE && catalog_present())
		drop_data_source(object_id);
}

void
si_api_install_hooks(void)
{
	prev_object_access_hook = object_access_hook;
	object_access_hook = object_access;
}

/* ------------------------------------------------- afterwards, in the overlord */

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
	static const char *const rest[] = {"tier", "discovered_column", "task"};

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

static void
clean_all(void)
{
	SiQuery		q;
	int64	   *dropped;
	int			n;

	si_query_begin(&q, false);
	n = si_query(&q,
				 "SELECT data_source_id FROM stream_ingest.dropped_data_source"
				 " WHERE install = (SELECT uuid FROM stream_ingest.install)", "");
	dropped = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
		dropped[i] = si_get_int64(i, 0);
	for (int i = 0; i < n; i++)
	{
		/* asked before the rows are removed: a task that ends meanwhile may have committed */
		bool		left = tasks_left(dropped[i]);

		remove_rows(&q, dropped[i]);
		remove_messages(&q, dropped[i]);
		if (!left)
			si_query(&q, "DELETE FROM stream_ingest.dropped_data_source WHERE data_source_id = $1",
					 "i", dropped[i]);
	}
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
