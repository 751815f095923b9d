/*
 * retype.c
 *		Columns of foreign tables follow a changed type in a spec.
 *
 * Chunks keep the type they were written with, and the scan casts: so the
 * type of a column is only what readers see, and may be changed at any time,
 * late, or never (while a view depends on it) without losing anything.
 */
#include "postgres.h"

#include "api/retype.h"
#include "catalog/pg_inherits.h"
#include "common/fault.h"
#include "spec/spec.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Earlier specs that are asked who gave a column its type. */
#define MAX_HISTORY "200"

/* A column whose type differs from the spec's. */
typedef struct Differing
{
	const SiTableColumn *column;
	Oid			type;			/* of the table */
	bool		given;			/* by an earlier spec */
} Differing;

static const SiTableColumn *
find_column(const SiTableColumn *columns, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(columns[i].name, name) == 0)
			return &columns[i];
	return NULL;
}

/*
 * Marks those whose type comes from a spec of the data source's supervisors,
 * the newest first; stops when all are marked.
 */
static void
ask_history(SiQuery *q, int64 data_source_id, Differing *d, int n)
{
	int			open = n;
	int			versions;
	char	  **specs;

	versions = si_query(q,
						"SELECT h.spec FROM stream_ingest.spec_history h WHERE h.supervisor_id IN"
						" (SELECT s.supervisor_id FROM stream_ingest.supervisor s WHERE s.data_source_id = $1"
						" UNION SELECT t.supervisor_id FROM stream_ingest.task t WHERE t.data_source_id = $1)"
						" AND h.spec ->> 'type' <> 'NoopSupervisorSpec'"
						" ORDER BY h.at DESC, h.version DESC LIMIT " MAX_HISTORY,
						"i", data_source_id);
	specs = palloc(sizeof(char *) * Max(versions, 1));
	for (int v = 0; v < versions; v++)
		specs[v] = si_get_text(v, 0);
	for (int v = 0; v < versions && open > 0; v++)
	{
		int			ncolumns;
		SiTableColumn *columns = si_table_columns(si_spec_parse(specs[v], true), &ncolumns);

		for (int i = 0; i < n; i++)
		{
			const SiTableColumn *c = find_column(columns, ncolumns, d[i].column->name);

			if (!d[i].given && c && si_table_type(c) == d[i].type)
			{
				d[i].given = true;
				open--;
			}
		}
	}
}

void
si_retype_queue(SiQuery *q, int64 data_source_id, Oid relid, HTAB *names, const SiTableColumn *columns, int n)
{
	Differing  *d = palloc0(sizeof(Differing) * Max(n, 1));
	int			ndiffering = 0;
	char	  **listed;
	int			nlisted;

	for (int i = 0; i < n; i++)
	{
		AttrNumber	attnum = si_table_column_shown(names, columns[i].name);
		Oid			type = attnum == InvalidAttrNumber ? InvalidOid : get_atttype(relid, attnum);

		if (!OidIsValid(type) || type == si_table_type(&columns[i]))
			continue;
		d[ndiffering].column = &columns[i];
		d[ndiffering++].type = type;
	}
	if (ndiffering > 0)
		ask_history(q, data_source_id, d, ndiffering);

	listed = si_retype_list(q, data_source_id, &nlisted);
	for (int i = 0; i < nlisted; i++)
	{
		/* one that the spec does not list follows its values, not the spec */
		bool		still = find_column(columns, n, listed[i]) == NULL;

		for (int k = 0; k < ndiffering; k++)
			still |= strcmp(listed[i], d[k].column->name) == 0;
		if (!still)
			si_query(q,
					 "UPDATE stream_ingest.discovered_column SET attached = true, retype = false, problem = NULL"
					 " WHERE data_source_id = $1 AND name = $2", "it", data_source_id, listed[i]);
	}
	for (int i = 0; i < ndiffering; i++)
		if (d[i].given)
			si_query(q,
					 "INSERT INTO stream_ingest.discovered_column AS c (data_source_id, name, install, type, retype)"
					 " SELECT $1, $2, uuid, $3, true FROM stream_ingest.install"
					 " ON CONFLICT (data_source_id, name) DO UPDATE SET type = EXCLUDED.type, retype = true,"
					 " attached = false, problem = NULL"
					 " WHERE (c.type, c.retype, c.attached) IS DISTINCT FROM (EXCLUDED.type, true, false)",
					 "itt", data_source_id, d[i].column->name, si_table_druid_type(d[i].column));
}

char **
si_retype_list(SiQuery *q, int64 data_source_id, int *n)
{
	char	  **names;

	*n = si_query(q,
				  "SELECT name FROM stream_ingest.discovered_column"
				  " WHERE data_source_id = $1 AND NOT attached AND retype ORDER BY name", "i", data_source_id);
	names = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		names[i] = si_get_text(i, 0);
	return names;
}

void
si_retype_column(SiQuery *q, int64 data_source_id, Oid relid, const char *name)
{
	HTAB	   *names;
	AttrNumber	attnum;
	char	   *wanted;

	LockRelationOid(relid, AccessExclusiveLock);
	names = si_table_names(relid);
	attnum = si_table_column_shown(names, name);
	if (si_query(q,
				 "SELECT type FROM stream_ingest.discovered_column"
				 " WHERE data_source_id = $1 AND name = $2 AND retype AND NOT attached",
				 "it", data_source_id, name) == 0)
		return;
	wanted = si_get_text(0, 0);
	/* the user may have dropped it meanwhile */
	if (attnum != InvalidAttrNumber)
	{
		/* their rows would be rewritten, for as long as that and their owners' constraints take */
		if (find_inheritance_children(relid, NoLock) != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the type cannot follow the spec while other tables inherit from the table")));
		si_query_as_owner(q, relid,
						  psprintf("ALTER FOREIGN TABLE %s ALTER COLUMN %s TYPE %s",
								   quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
															  get_rel_name(relid)),
								   quote_identifier(get_attname(relid, attnum, false)), si_table_sql_type(wanted)));
	}
	SI_FAULT("widen_altered");
	/* unless a task has met a value of a wider type meanwhile */
	si_query(q,
			 "UPDATE stream_ingest.discovered_column SET attached = true, retype = false, problem = NULL"
			 " WHERE data_source_id = $1 AND name = $2 AND type = $3", "itt", data_source_id, name, wanted);
}
