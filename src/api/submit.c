/*
 * submit.c
 *		submit_supervisor(): a spec becomes a supervisor.
 *
 * The first submit of an id creates the data source (its foreign table) and
 * the supervisor in the caller's transaction.  Every later one is a request
 * that the overlord applies: the rows of a supervisor that runs are never
 * touched from here, so that an open transaction cannot stop ingestion.
 *
 * Locks: first submits of one id, and then those for one table, wait for each
 * other on advisory locks of a class that users cannot take.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/api.h"
#include "api/capacity.h"
#include "api/put.h"
#include "api/lookup.h"
#include "api/query.h"
#include "api/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "common/stream.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
#include "source/kafka.h"
#include "spec/spec.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "transform/sql.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "worker/sampling.h"
#include "worker/shmem.h"

/* Fourth field of our lock tags; advisory locks of users have 1 or 2. */
#define SUBMIT_LOCK_CLASS	0x5149
/* How long a submit waits for a termination before it, in ms. */
#define TERMINATE_WAIT		10000
#define TERMINATE_POLL		20
/* How long a submit waits for the number of messages that it will not read, in ms. */
#define COUNT_WAIT			2000

PG_FUNCTION_INFO_V1(si_submit_supervisor);

/* What this submit is about. */
typedef struct Submit
{
	const char *json;			/* secrets included */
	SiSpec	   *spec;
	SiTableColumn *columns;
	int			ncolumns;
	Oid			namespace;		/* current schema of the caller */
	char	   *search_path;	/* of the caller, resolved */
	bool		skip_unmodified;	/* a spec that changes nothing is no request */
	bool		modified;		/* it changes something */
	bool		skipped;		/* so there is nothing to do */
	Oid			owner;			/* of the table, for whom sql transforms run */
} Submit;

/* The caller's schemas, quoted, as a value for search_path. */
static char *
resolved_search_path(Oid *first)
{
	StringInfoData path;
	ListCell   *cell;

	initStringInfo(&path);
	*first = InvalidOid;
	foreach(cell, fetch_search_path(false))
	{
		char	   *name = get_namespace_name(lfirst_oid(cell));

		if (name == NULL || isAnyTempNamespace(lfirst_oid(cell)))
			continue;
		if (!OidIsValid(*first))
			*first = lfirst_oid(cell);
		appendStringInfo(&path, "%s%s", path.len > 0 ? ", " : "", quote_identifier(name));
	}
	return path.data;
}

/* A name in a schema, or an id (InvalidOid); until the end of the transaction. */
static void
lock_name(Oid namespace, const char *name)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, namespace,
						 hash_bytes((const unsigned char *) name, strlen(name)), SUBMIT_LOCK_CLASS);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	/* what the one before has created is looked up next */
	AcceptInvalidationMessages();
}

/*
 * While a terminated supervisor still has its row, nothing new can take its
 * place.  Waits for the overlord to apply the request, unless that cannot
 * happen during this transaction.
 */
static void
wait_for_termination(const char *id)
{
	for (int waited = 0;; waited += TERMINATE_POLL)
	{
		SiQuery		q;
		SiSupervisor *s;
		bool		own = false;
		int			n;

		si_query_begin(&q, false);
		s = si_supervisor_find(&q, id);
		n = si_query(&q, "SELECT xmin FROM stream_ingest.request WHERE supervisor_id = $1", "t", id);
		for (int i = 0; i < n; i++)
			own |= TransactionIdIsCurrentTransactionId((TransactionId) si_get_oid(i, 0));
		si_query_end(&q);
		if (s == NULL || !s->terminating)
			return;
		if (own || IsolationUsesXactSnapshot() || waited >= TERMINATE_WAIT)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("supervisor [%s] is being terminated", id),
					 own ? errhint("Commit its termination before you submit it again.") :
					 errhint("Submit it again in a moment.")));
		si_wake_overlord();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 TERMINATE_POLL, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Offsets are those of topics: another topic, or a pattern that leaves one
 * out, is refused while the supervisor has offsets of it.
 */
static void
check_same_topics(SiQuery *q, const SiSpec *spec, const SiSupervisor *s)
{
	SiTopicPattern *pattern = NULL;
	SiReason	why;
	int			n;

	if (spec->topic == NULL)
		pattern = si_topic_pattern_create(spec->topic_pattern, &why);
	n = si_query(q,
				 "SELECT DISTINCT t.topic FROM stream_ingest.task_group g CROSS JOIN unnest(g.partitions) p"
				 " JOIN stream_ingest.stream t ON t.data_source_id = g.data_source_id AND t.stream_id = p >> 16"
				 " WHERE g.supervisor_id = $1 AND g.data_source_id = $2 AND NOT EXISTS"
				 "  (SELECT FROM stream_ingest.request r WHERE r.supervisor_id = $1 AND r.verb = 'reset')",
				 "ti", s->id, s->data_source_id);
	for (int i = 0; i < n; i++)
	{
		char	   *topic = si_get_text(i, 0);

		if (spec->topic ? strcmp(spec->topic, topic) == 0 : pattern && si_topic_pattern_matches(pattern, topic))
			continue;
		si_topic_pattern_free(pattern);
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("update of the input source stream from [%s] to [%s] is not supported for a running supervisor",
						si_spec_stream(si_spec_parse(s->spec, true)), si_spec_stream(spec)),
				 errdetail("The supervisor has offsets of topic [%s], which the new spec does not read.", topic),
				 errhint("Call suspend_supervisor() and then reset_supervisor(), which forgets the offsets; or submit the spec with an \"id\" and a dataSource of its own.")));
	}
	si_topic_pattern_free(pattern);
}

/* An echo that comes back to its owner has its secrets again. */
static const char *
with_secrets(const char *json, const char *id)
{
	SiQuery		q;
	SiSupervisor *s;
	const char *stored = NULL;

	si_query_begin(&q, false);
	s = si_supervisor_find(&q, id);
	if (s)
	{
		si_check_owner(s, q.user);
		stored = s->spec;
	}
	si_query_end(&q);
	return stored ? si_spec_keep_secrets(json, stored) : json;
}

/* Whether both say the same, defaults filled in. */
static bool
is_modified(const Submit *sub, const SiSupervisor *s)
{
	return strcmp(si_spec_print(sub->json, sub->spec->suspended, true),
				  si_spec_print(s->spec, s->suspended, true)) != 0;
}

/* A changed spec of a supervisor that exists. */
static void
resubmit(SiQuery *q, Submit *sub, const SiSupervisor *s)
{
	si_check_owner(s, q->user);
	if (strcmp(s->data_source, sub->spec->data_source) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("supervisor [%s] fills dataSource \"%s\", not \"%s\"",
						s->id, s->data_source, sub->spec->data_source),
				 errhint("Terminate it first, or give the new spec an \"id\" of its own.")));
	check_same_topics(q, sub->spec, s);
	sub->owner = si_table_owner(s->relid, q->user, s->data_source);
	sub->modified = is_modified(sub, s);
	/* a new owner makes it his by submitting it, though it says the same */
	sub->skipped = sub->skip_unmodified && !sub->modified && sub->owner == s->submitted_as;
	if (sub->skipped)
		return;
	si_query(q,
			 "INSERT INTO stream_ingest.request"
			 " (install, supervisor_id, verb, spec, search_path, data_source_id, requested_by, submitted_as)"
			 " SELECT uuid, $1, 'submit', $2::json, $3, $4, $5, $6 FROM stream_ingest.install",
			 "tttioo", sub->spec->id, sub->json, sub->search_path, s->data_source_id, q->user, sub->owner);
}

/* The data source that a table is, or 0, and who fills it: NULL for nobody. */
static int64
look_up_table(SiQuery *q, Oid relid, char **filled_by)
{
	*filled_by = NULL;
	if (si_query(q,
				 "SELECT d.data_source_id, s.supervisor_id FROM stream_ingest.data_source d"
				 " LEFT JOIN stream_ingest.supervisor s USING (data_source_id)"
				 " WHERE d.relid = $1 AND d.install = (SELECT uuid FROM stream_ingest.install)",
				 "o", relid) == 0)
		return 0;
	*filled_by = si_get_text(0, 1);
	return si_get_int64(0, 0);
}

/*
 * The data source of a supervisor that was terminated, when the table is
 * one; 0 when there is no table.  ERROR when the table is anything else.
 */
static int64
find_data_source(SiQuery *q, Submit *sub, Oid relid)
{
	const char *name = sub->spec->data_source;
	int64		data_source_id;
	char	   *filled_by;

	if (!OidIsValid(relid))
		return 0;
	data_source_id = look_up_table(q, relid, &filled_by);
	if (data_source_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists and is not a data source", name),
				 errhint("Rename it, choose another dataSource, or submit with another schema first in search_path.")));
	sub->owner = si_table_owner(relid, q->user, name);
	/* its supervisor gets another id: the one before ends first */
	if (filled_by)
	{
		wait_for_termination(filled_by);
		data_source_id = look_up_table(q, relid, &filled_by);
	}
	/* from here on it cannot be dropped under us, which would leave a supervisor without a table */
	LockRelationOid(relid, AccessShareLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("data source \"%s\" has just been dropped", name),
				 errhint("Submit the supervisor again.")));
	if (filled_by)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("dataSource \"%s\" is filled by supervisor [%s] already", name, filled_by),
				 errdetail("A data source has one supervisor, also with useConcurrentLocks."),
				 errhint("To read more topics into it, submit [%s] with a \"topicPattern\". For another broker or another schema give this spec a \"dataSource\" of its own, and query both through a view with UNION ALL. To replace [%s], terminate it first.",
						 filled_by, filled_by)));
	return data_source_id;
}

/* The table of that name in the caller's schema; as the caller. */
static Oid
check_creation(const Submit *sub)
{
	Oid			relid;

	if (!OidIsValid(sub->namespace))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("no schema has been selected to create dataSource \"%s\" in", sub->spec->data_source),
				 errhint("Set search_path to the schema that its table shall be in.")));
	relid = get_relname_relid(sub->spec->data_source, sub->namespace);
	if (!OidIsValid(relid))
		(void) RangeVarGetAndCheckCreationNamespace(makeRangeVar(get_namespace_name(sub->namespace),
																  pstrdup(sub->spec->data_source), -1),
													NoLock, &relid);
	return relid;
}

/* Whether reading will begin at the end of the topic: without stored offsets, bounds and useEarliestOffset. */
static bool
starts_at_end(SiQuery *q, const SiSpec *spec, int64 data_source_id)
{
	return !spec->use_earliest_offset && spec->nbounds == 0 &&
		si_query(q,
				 "SELECT 1 FROM stream_ingest.task_group g JOIN stream_ingest.install i ON i.uuid = g.install"
				 " WHERE g.supervisor_id = $1 AND g.data_source_id = $2 AND g.offsets <> '{}' LIMIT 1",
				 "ti", spec->id, data_source_id) == 0;
}

/*
 * What is in the topic now will not be read.  How much that is a worker asks
 * the broker, not for long: a submit must not depend on one that is down.
 */
static void
note_start_at_end(const SiSpec *spec)
{
	int64		messages;

	if (spec->suspended || !si_count_topic(spec, COUNT_WAIT, &messages))
		ereport(NOTICE,
				(errmsg("supervisor \"%s\" starts at the end of its topic, as useEarliestOffset is false", spec->id),
				 errdetail("Messages that are there by then are not read; the view stream_ingest.offset_gaps will show how many.")));
	else if (messages > 0)
		ereport(NOTICE,
				(errmsg("supervisor \"%s\" starts at the end of its topic, as useEarliestOffset is false: up to " INT64_FORMAT " messages that are there already are not read",
						spec->id, messages),
				 errhint("reset_supervisor('%s', 'earliest') reads them; so does a first submit with \"useEarliestOffset\": true.", spec->id)));
}

static void
create_supervisor(Submit *sub, Oid relid)
{
	SiQuery		q;
	int64		data_source_id;
	bool		at_end;

	si_query_begin(&q, false);
	q.latest = true;			/* what another session has committed while this one waited */
	(void) si_end_orphan_supervisor(&q, sub->spec->id, true);
	data_source_id = find_data_source(&q, sub, relid);
	if (data_source_id == 0)
	{
		relid = si_table_create(sub->namespace, sub->spec->data_source, q.user,
								sub->columns, sub->ncolumns);
		sub->owner = q.user;
		si_query(&q,
				 "INSERT INTO stream_ingest.data_source (install, relid, name)"
				 " SELECT uuid, $1, $2 FROM stream_ingest.install RETURNING data_source_id",
				 "ot", relid, sub->spec->data_source);
		data_source_id = si_get_int64(0, 0);
	}
	si_query(&q,
			 "WITH version AS (INSERT INTO stream_ingest.spec_history (supervisor_id, version, install, data_source_id, spec)"
			 " SELECT $1, 1 + coalesce((SELECT max(h.version) FROM stream_ingest.spec_history h"
			 "  WHERE h.supervisor_id = $1), 0), i.uuid, $3, $2::json FROM stream_ingest.install i"
			 " RETURNING version, install)"
			 " INSERT INTO stream_ingest.supervisor"
			 "  (supervisor_id, install, data_source_id, spec, spec_version, suspended, search_path, submitted_as)"
			 " SELECT $1, install, $3, $2::json, version, $4, $5, $6 FROM version",
			 "ttibto", sub->spec->id, sub->json, data_source_id, (int) sub->spec->suspended, sub->search_path, sub->owner);
	at_end = starts_at_end(&q, sub->spec, data_source_id);
	si_query_end(&q);
	if (at_end)
		note_start_at_end(sub->spec);
}

static bool
submit_change(Submit *sub)
{
	SiQuery		q;
	SiSupervisor *s;

	si_query_begin(&q, false);
	s = si_supervisor_find(&q, sub->spec->id);
	if (s)
		resubmit(&q, sub, s);
	si_query_end(&q);
	return s != NULL;
}

Datum
si_submit_supervisor(PG_FUNCTION_ARGS)
{
	Submit		sub = {0};
	StringInfoData answer;
	ErrorContextCallback hidden;

	PreventCommandIfReadOnly("submit_supervisor()");
	PreventCommandDuringRecovery("submit_supervisor()");

	sub.json = text_to_cstring(PG_GETARG_TEXT_PP(0));
	si_spec_hide_statement(&hidden, sub.json);
	sub.skip_unmodified = PG_NARGS() > 1 && PG_GETARG_BOOL(1);
	sub.modified = true;
	if (si_spec_hidden_in(sub.json) != NULL)
		sub.json = with_secrets(sub.json, si_spec_hidden_in(sub.json));
	sub.spec = si_spec_parse(sub.json, false);
	si_kafka_check_properties(sub.spec);
	si_sql_check(sub.spec, si_acting_user(sub.spec->id));
	if (strlen(sub.spec->id) >= SI_ID_LEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("id \"%s\" is longer than %d bytes", sub.spec->id, SI_ID_LEN - 1),
				 errhint("Choose a shorter \"id\".")));
	sub.columns = si_table_columns(sub.spec, &sub.ncolumns);
	si_table_check(sub.spec->data_source, sub.columns, sub.ncolumns);
	sub.search_path = resolved_search_path(&sub.namespace);

	wait_for_termination(sub.spec->id);
	if (!submit_change(&sub))
	{
		lock_name(InvalidOid, sub.spec->id);
		if (OidIsValid(sub.namespace))
			lock_name(sub.namespace, sub.spec->data_source);
		if (!submit_change(&sub))
			create_supervisor(&sub, check_creation(&sub));
	}
	si_note_capacity(sub.spec);
	si_wake_overlord_at_commit();

	initStringInfo(&answer);
	if (PG_NARGS() == 1)
		si_put_id(&answer, sub.spec->id);
	else
	{
		appendStringInfoChar(&answer, '{');
		si_put_text(&answer, "id", sub.spec->id);
		si_put_bool(&answer, "modified", sub.modified);
		si_put_bool(&answer, "restarted", !sub.skipped);
		appendStringInfoChar(&answer, '}');
	}
	error_context_stack = hidden.previous;
	PG_RETURN_TEXT_P(cstring_to_text_with_len(answer.data, answer.len));
}
