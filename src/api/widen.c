/*
 * widen.c
 *		Foreign tables follow what their chunks hold.
 *
 * New columns wait in discovered_column: dimensions that a task met in the
 * stream, and columns of a changed spec, which are put there from here; so do
 * columns that get another type (retype.c).  All that a table lacks is added by one ALTER in a transaction of its own
 * (hundreds of columns by several, since the lock is held meanwhile).  What
 * cannot be added says why in discovered_column.problem, and is looked at
 * again now and then, since the user may have made room.
 *
 * Chunks hold their columns whether the table shows them or not, so nothing
 * waits for this and nothing is lost by it.
 *
 * Locks: AccessExclusiveLock on one foreign table for the time of the ALTER.
 * Who wants to read that table queues behind our request for LOCK_WAIT at
 * most, and only once per back-off.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "api/query.h"
#include "api/retype.h"
#include "api/table.h"
#include "api/widen.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "common/clock.h"
#include "common/fault.h"
#include "format/reason.h"
#include "miscadmin.h"
#include "spec/spec.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define LOCK_WAIT		"50ms"
#define MAX_BACKOFF		60		/* s */
#define MAX_PER_ALTER	100		/* columns; the rest comes in the next round */
#define PROBLEM_RETRY	30		/* s between two looks at columns that had a problem */

/* What this process remembers of a data source between two calls. */
typedef struct WidenState
{
	int64		data_source_id; /* hash key */
	int64		spec_version;	/* in force when last looked at */
	int64		checked_version;	/* whose columns are in discovered_column */
	int			failures;		/* in a row */
	TimestampTz retry_at;		/* not before this, after a failure */
	TimestampTz problems_at;	/* when to look at problems again */
	char		error[256];		/* why the last ALTER failed, unless it was the lock */
} WidenState;

/* A column that the table is to have. */
typedef struct Wanted
{
	char	   *name;
	char	   *type;			/* Druid's name: string, long, float, double, json */
	bool		attached;		/* or not to be attached any more */
	bool		add;
	const char *problem;
} Wanted;

static HTAB *states = NULL;

static WidenState *
state_of(int64 data_source_id)
{
	WidenState *state;
	bool		found;

	if (states == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(int64), .entrysize = sizeof(WidenState), .hcxt = TopMemoryContext};

		states = hash_create("stream_ingest widened tables", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	state = hash_search(states, &data_source_id, HASH_ENTER, &found);
	if (!found)
	{
		memset(state, 0, sizeof(*state));
		state->data_source_id = data_source_id;
	}
	return state;
}

/*
 * Data sources that need a look now: a new spec version, columns that wait,
 * or columns with a problem whose time has come.
 */
static int64 *
find_work(SiQuery *q, int *count)
{
	TimestampTz now = si_now();
	int64	   *work;
	int			n;

	n = si_query(q,
				 "SELECT d.data_source_id, coalesce(s.spec_version, 0),"
				 " count(c.name) FILTER (WHERE c.problem IS NULL), count(c.name)"
				 " FROM stream_ingest.data_source d"
				 " LEFT JOIN stream_ingest.supervisor s USING (data_source_id)"
				 " LEFT JOIN stream_ingest.discovered_column c"
				 "  ON c.data_source_id = d.data_source_id AND NOT c.attached"
				 " WHERE d.install = (SELECT uuid FROM stream_ingest.install)"
				 " GROUP BY 1, 2", "");
	work = palloc(sizeof(int64) * Max(n, 1));
	*count = 0;
	for (int i = 0; i < n; i++)
	{
		WidenState *state = state_of(si_get_int64(i, 0));
		bool		due;

		state->spec_version = si_get_int64(i, 1);
		due = state->spec_version != state->checked_version || si_get_int64(i, 2) > 0 ||
			(si_get_int64(i, 3) > 0 && now >= state->problems_at);
		if (due && now >= state->retry_at)
			work[(*count)++] = state->data_source_id;
	}
	return work;
}

static bool
find_table(SiQuery *q, int64 data_source_id, Oid *relid)
{
	if (si_query(q, "SELECT relid FROM stream_ingest.data_source WHERE data_source_id = $1",
				 "i", data_source_id) == 0)
		return false;
	*relid = si_get_oid(0, 0);
	return true;
}

/*
 * Columns of the spec in force that the table has not are put on the list.
 * In a transaction of its own, so that no task that discovers the same name
 * waits while we wait for the table.
 */
static void
queue_spec_columns(int64 data_source_id)
{
	WidenState *state = state_of(data_source_id);
	SiQuery		q;
	Oid			relid;
	int64		version = 0;

	si_query_begin(&q, false);
	if (find_table(&q, data_source_id, &relid) &&
		si_query(&q,
				 "SELECT spec, spec_version FROM stream_ingest.supervisor WHERE data_source_id = $1",
				 "i", data_source_id) > 0)
	{
		SiTableColumn *columns;
		HTAB	   *names = si_table_names(relid);
		int			n;

		version = si_get_int64(0, 1);
		columns = si_table_columns(si_spec_parse(si_get_text(0, 0), true), &n);
		for (int i = 0; i < n; i++)
		{
			SiColumnState has = si_table_column_state(names, columns[i].name);

			if (has != SI_COLUMN_PRESENT && has != SI_COLUMN_DROPPED)
				si_query(&q,
						 "INSERT INTO stream_ingest.discovered_column (data_source_id, name, install, type)"
						 " SELECT $1, $2, uuid, $3 FROM stream_ingest.install ON CONFLICT DO NOTHING",
						 "itt", data_source_id, columns[i].name, si_table_druid_type(&columns[i]));
		}
		si_retype_queue(&q, data_source_id, relid, names, columns, n);
	}
	si_query_end(&q);
	state->checked_version = version;
}

static Wanted *
load_wanted(SiQuery *q, int64 data_source_id, int *n)
{
	Wanted	   *wanted;

	*n = si_query(q,
				  "SELECT name, type FROM stream_ingest.discovered_column"
				  " WHERE data_source_id = $1 AND NOT attached AND NOT retype ORDER BY first_seen, name",
				  "i", data_source_id);
	wanted = palloc0(sizeof(Wanted) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		wanted[i].name = si_get_text(i, 0);
		wanted[i].type = si_get_text(i, 1);
	}
	return wanted;
}

/* Decides what becomes of each column; returns how many are to be added. */
static int
decide(Oid relid, Wanted *wanted, int n)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	int			room;
	bool		partition;
	int			adding = 0;
	HTAB	   *names = si_table_names(relid);

	if (!HeapTupleIsValid(tuple))
		return 0;
	room = MaxHeapAttributeNumber - ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
	partition = ((Form_pg_class) GETSTRUCT(tuple))->relispartition;
	ReleaseSysCache(tuple);

	for (int i = 0; i < n; i++)
	{
		Wanted	   *w = &wanted[i];
		SiColumnState state = si_table_column_state(names, w->name);

		w->add = w->attached = false;
		w->problem = si_table_bad_column_name(w->name);
		if (w->problem)
			continue;
		if (state == SI_COLUMN_PRESENT || state == SI_COLUMN_DROPPED)
			w->attached = true;
		else if (state == SI_COLUMN_NAME_TAKEN)
			w->problem = "another column of the table has this name";
		else if (partition)
			w->problem = "the table is a partition: add the column to the partitioned table";
		else if (adding >= room)
			w->problem = "the table has the most columns a table can have (1600, dropped ones included)";
		else if (adding < MAX_PER_ALTER)
		{
			w->add = true;
			adding++;
		}
	}
	return adding;
}

static void
alter_table(SiQuery *q, Oid relid, Wanted *wanted, int n)
{
	StringInfoData sql;
	bool		first = true;

	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER FOREIGN TABLE %s",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
												get_rel_name(relid)));
	for (int i = 0; i < n; i++)
	{
		if (!wanted[i].add)
			continue;
		appendStringInfo(&sql, "%s ADD COLUMN %s %s OPTIONS (" SI_COLUMN_OPTION " %s)", first ? "" : ",",
						 quote_identifier(wanted[i].name), si_table_sql_type(wanted[i].type),
						 quote_literal_cstr(wanted[i].name));
		wanted[i].attached = true;
		first = false;
	}
	si_query_as_owner(q, relid, sql.data);
}

static void
begin_alter(SiQuery *q)
{
	si_query_begin(q, false);
	(void) set_config_option("lock_timeout", LOCK_WAIT, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

static void
widen_table(int64 data_source_id)
{
	WidenState *state = state_of(data_source_id);
	SiQuery		q;
	Oid			relid;
	bool		problems = false;

	begin_alter(&q);
	if (find_table(&q, data_source_id, &relid))
	{
		int			n;
		Wanted	   *wanted = load_wanted(&q, data_source_id, &n);

		if (decide(relid, wanted, n) > 0)
		{
			LockRelationOid(relid, AccessExclusiveLock);
			if (decide(relid, wanted, n) > 0)
				alter_table(&q, relid, wanted, n);
		}
		SI_FAULT("widen_altered");
		for (int i = 0; i < n; i++)
		{
			/* a task may have met a value of a wider type meanwhile: the column is to get that one, too */
			si_query(&q,
					 "UPDATE stream_ingest.discovered_column SET attached = $3 AND type = $5,"
					 " retype = retype OR ($3 AND type <> $5), problem = $4"
					 " WHERE data_source_id = $1 AND name = $2"
					 " AND (attached, problem) IS DISTINCT FROM ($3, $4)",
					 "itbtt", data_source_id, wanted[i].name, (int) wanted[i].attached, wanted[i].problem, wanted[i].type);
			problems |= wanted[i].problem != NULL;
		}
	}
	si_query_end(&q);

	state->problems_at = problems ?
		TimestampTzPlusMilliseconds(si_now(), PROBLEM_RETRY * 1000) : 0;
}

/* Of one call of si_widen_tables(). */
static MemoryContext call_context;
/* What list_retypes() found, and the column that retype_column() is to change. */
static char **retypes;
static int	nretypes;
static const char *retyping = NULL;

static void
list_retypes(int64 data_source_id)
{
	MemoryContext old = MemoryContextSwitchTo(call_context);
	SiQuery		q;

	si_query_begin(&q, true);
	retypes = si_retype_list(&q, data_source_id, &nretypes);
	si_query_end(&q);
	MemoryContextSwitchTo(old);
}

static void
retype_column(int64 data_source_id)
{
	SiQuery		q;
	Oid			relid;

	begin_alter(&q);
	if (find_table(&q, data_source_id, &relid))
		si_retype_column(&q, data_source_id, relid, retyping);
	si_query_end(&q);
}

/* Shows the error that widen_table() or retype_column() met. */
static void
show_error(int64 data_source_id)
{
	SiQuery		q;

	si_query_begin(&q, false);
	si_query(&q,
			 "UPDATE stream_ingest.discovered_column SET problem = $2"
			 " WHERE data_source_id = $1 AND NOT attached AND problem IS DISTINCT FROM $2"
			 " AND CASE WHEN $3 IS NULL THEN NOT retype ELSE retype AND name = $3 END",
			 "itt", data_source_id, state_of(data_source_id)->error, retyping);
	si_query_end(&q);
}

/* Waits longer each time; an error that is not about the lock is shown. */
static void
note_failure(int64 data_source_id, const ErrorData *error)
{
	WidenState *state = state_of(data_source_id);
	int			seconds = 1 << Min(state->failures, 6);

	state->failures++;
	state->retry_at = TimestampTzPlusMilliseconds(si_now(), Min(seconds, MAX_BACKOFF) * 1000);
	state->error[0] = '\0';
	if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
	{
		si_format_copy(state->error, error->message, sizeof(state->error));
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("could not widen the table of data source " INT64_FORMAT ": %s",
						data_source_id, error->message)));
	}
}

/* Runs a step in a transaction of its own.  An error is noted: false. */
static bool
run(void (*step) (int64), int64 data_source_id)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool ok = true;

	StartTransactionCommand();
	PG_TRY();
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		step(data_source_id);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(context);
		note_failure(data_source_id, error);
		FreeErrorData(error);
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return ok;
}

/*
 * Every column in a transaction of its own: what keeps one of them, such as
 * a view, is no reason for the others to wait.  False when one failed.
 */
static bool
retype_table(int64 data_source_id)
{
	WidenState *state = state_of(data_source_id);
	bool		ok = true;

	if (!run(list_retypes, data_source_id))
		return false;
	for (int i = 0; i < nretypes; i++)
	{
		retyping = retypes[i];
		if (!run(retype_column, data_source_id))
		{
			ok = false;
			if (state->error[0] != '\0' && run(show_error, data_source_id))
				state->problems_at = TimestampTzPlusMilliseconds(si_now(), PROBLEM_RETRY * 1000);
		}
	}
	retyping = NULL;
	return ok;
}

void
si_widen_tables(void)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "stream_ingest widen", ALLOCSET_DEFAULT_SIZES);
	int64	   *work = NULL;
	int			n = 0;
	SiQuery		q;

	call_context = context;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(context);
	si_query_begin(&q, true);
	work = find_work(&q, &n);
	si_query_end(&q);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);

	for (int i = 0; i < n; i++)
	{
		WidenState *state = state_of(work[i]);

		if (state->spec_version != state->checked_version && !run(queue_spec_columns, work[i]))
			continue;
		if (run(widen_table, work[i]))
		{
			if (retype_table(work[i]))
				state->failures = 0;
		}
		else if (state->error[0] != '\0')
			(void) run(show_error, work[i]);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
