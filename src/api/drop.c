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
		"install", "data_source", "supervisor", "request", "spec_history", "dropped_data_source"
	};
	Oid			schema = get_namespace_oid("stream_ingest", true);

	if (!OidIsValid(schema))
		return false;
	for (int i = 0; i < lengthof(needed); i++)
		if (!OidIsValid(get_relname_relid(needed[i], schema)))
			return false;
	return true;
}

/*
 * The supervisor's row goes first, and alone: when the overlord is changing
 * it we wait here, and the next statement sees what it has written.
 */
static char *
drop_supervisor(SiQuery *q, int64 data_source_id)
{
	char	   *id;

	if (si_query(q,
				 "DELETE FROM stream_ingest.supervisor WHERE data_source_id = $1 RETURNING supervisor_id",
				 "i", data_source_id) == 0)
		return NULL;
	id = si_get_text(0, 0);
	si_query(q,
			 "INSERT INTO stream_ingest.spec_history (supervisor_id, version, install, spec)"
			 " SELECT $1, 1 + coalesce((SELECT max(h.version) FROM stream_ingest.spec_history h"
			 "  WHERE h.supervisor_id = $1), 0), i.uuid,"
			 "  json_build_object('type', 'NoopSupervisorSpec', 'id', $1, 'dataSources',"
			 "   (SELECT json_agg(d.name) FROM stream_ingest.data_source d WHERE d.data_source_id = $2))"
			 " FROM stream_ingest.install i", "ti", id, data_source_id);
	si_query(q, "DELETE FROM stream_ingest.request WHERE supervisor_id = $1", "t", id);
	return id;
}

static void
drop_data_source(Oid relid)
{
	SiQuery		q;

	si_query_begin(&q, false);
	if (si_query(&q, "SELECT data_source_id FROM stream_ingest.data_source WHERE relid = $1", "o", relid) > 0)
	{
		int64		data_source_id = si_get_int64(0, 0);
		char	   *id = drop_supervisor(&q, data_source_id);

		si_query(&q, "DELETE FROM stream_ingest.data_source WHERE data_source_id = $1", "i", data_source_id);
		si_query(&q,
				 "INSERT INTO stream_ingest.dropped_data_source (data_source_id, install, supervisor_id)"
				 " SELECT $1, uuid, $2 FROM stream_ingest.install", "it", data_source_id, id);
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
