/*
 * lookup.c
 *		Supervisors as the caller's snapshot sees them, and who may do what.
 *
 * A verb is only a request until the overlord applies it; to its caller it
 * has happened.  So every answer is computed from the supervisor's row and
 * the requests that wait, in their order.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "api/lookup.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "common/pgcompat.h"
#include "miscadmin.h"
#include "spec/spec.h"
#include "utils/acl.h"
#include "utils/syscache.h"

void
si_no_such_supervisor(const char *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("cannot find any supervisor with id: [%s]", id),
			 errhint("get_supervisors() lists the supervisors of this database.")));
}

/* What one request will have done to the supervisor. */
static void
apply_pending(SiSupervisor *s, const char *verb, char *spec, Oid submitted_as)
{
	if (strcmp(verb, "suspend") == 0)
		s->suspended = true;
	else if (strcmp(verb, "resume") == 0)
	{
		s->suspended = false;
		s->halted = false;
	}
	else if (strcmp(verb, "terminate") == 0)
		s->terminating = true;
	else if (strcmp(verb, "reset") == 0)
		s->halted = false;
	else if (strcmp(verb, "submit") == 0)
	{
		s->spec = spec;
		s->submitted_as = submitted_as;
		s->suspended = si_spec_parse(spec, true)->suspended;
		s->halted = false;
		s->terminating = false;
	}
}

typedef struct Request
{
	char	   *id;
	char	   *verb;
	char	   *spec;
	Oid			submitted_as;
	int64		data_source_id;
} Request;

/*
 * All supervisors, or the one with this id, by id.
 *
 * Requests are read before supervisors: one that is applied between the two
 * queries is then applied once more, which changes nothing; the other way
 * round it would be missed.
 */
static SiSupervisor *
load(SiQuery *q, const char *id, int *count)
{
	SiSupervisor *list;
	Request    *requests;
	int			nrequests;
	int			n;

	nrequests = si_query(q,
						 "SELECT supervisor_id, verb, spec, coalesce(submitted_as, 0::oid), data_source_id FROM stream_ingest.request"
						 " WHERE install = (SELECT uuid FROM stream_ingest.install)"
						 " AND ($1 IS NULL OR supervisor_id = $1)"
						 " ORDER BY request_id", "t", id);
	requests = palloc(sizeof(Request) * Max(nrequests, 1));
	for (int r = 0; r < nrequests; r++)
	{
		requests[r].id = si_get_text(r, 0);
		requests[r].verb = si_get_text(r, 1);
		requests[r].spec = si_get_text(r, 2);
		requests[r].submitted_as = si_get_oid(r, 3);
		requests[r].data_source_id = si_get_int64(r, 4);
	}

	n = si_query(q,
				 "SELECT s.supervisor_id, s.data_source_id, d.relid, d.name, s.spec, s.suspended,"
				 " EXISTS (SELECT 1 FROM stream_ingest.task_group g"
				 "  WHERE g.supervisor_id = s.supervisor_id AND g.halted IS NOT NULL), s.submitted_as"
				 " FROM stream_ingest.supervisor s JOIN stream_ingest.data_source d USING (data_source_id)"
				 " WHERE s.install = (SELECT uuid FROM stream_ingest.install)"
				 " AND ($1 IS NULL OR s.supervisor_id = $1)"
				 " ORDER BY 1", "t", id);
	list = palloc0(sizeof(SiSupervisor) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		list[i].id = si_get_text(i, 0);
		list[i].data_source_id = si_get_int64(i, 1);
		list[i].relid = si_get_oid(i, 2);
		list[i].data_source = si_get_text(i, 3);
		list[i].spec = si_get_text(i, 4);
		list[i].suspended = si_get_bool(i, 5);
		list[i].halted = si_get_bool(i, 6);
		list[i].submitted_as = si_get_oid(i, 7);
		for (int r = 0; r < nrequests; r++)
			if (strcmp(list[i].id, requests[r].id) == 0 && list[i].data_source_id == requests[r].data_source_id)
				apply_pending(&list[i], requests[r].verb, requests[r].spec, requests[r].submitted_as);
	}
	*count = n;
	return list;
}

SiSupervisor *
si_supervisor_find(SiQuery *q, const char *id)
{
	int			n;
	SiSupervisor *s = load(q, id, &n);

	return n > 0 ? s : NULL;
}

SiSupervisor *
si_supervisor_get(SiQuery *q, const char *id)
{
	SiSupervisor *s = si_supervisor_find(q, id);

	if (s == NULL || s->terminating)
		si_no_such_supervisor(id);
	return s;
}

SiSupervisor *
si_supervisor_list(SiQuery *q, int *n)
{
	int			all;
	SiSupervisor *list = load(q, NULL, &all);

	*n = 0;
	for (int i = 0; i < all; i++)
		if (!list[i].terminating)
			list[(*n)++] = list[i];
	return list;
}

/* Like pg_class_ownercheck(), but not confused by a table that is just gone. */
static bool
owns(Oid relid, Oid user)
{
	return superuser_arg(user) ||
		(SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)) && pg_class_ownercheck(relid, user));
}

Oid
si_table_owner(Oid relid, Oid user, const char *data_source)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	if (!has_privs_of_role(user, owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of data source \"%s\"", data_source),
				 errhint("Choose another dataSource, or submit with another schema first in search_path.")));
	return owner;
}

bool
si_owns(const SiSupervisor *s, Oid user)
{
	return owns(s->relid, user);
}

bool
si_may_see(Oid relid, Oid user)
{
	return owns(relid, user) || has_privs_of_role(user, ROLE_PG_MONITOR);
}

Oid
si_acting_user(const char *id)
{
	SiQuery		q;
	SiSupervisor *s;
	Oid			user = GetUserId();
	HeapTuple	tuple;

	si_query_begin(&q, true);
	s = si_supervisor_find(&q, id);
	si_query_end(&q);
	if (s && si_owns(s, user) && HeapTupleIsValid(tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(s->relid))))
	{
		user = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return user;
}

void
si_check_may_see(const SiSupervisor *s, Oid user)
{
	if (!si_may_see(s->relid, user))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for supervisor [%s]", s->id),
				 errhint("The owner of its foreign table, members of pg_monitor and superusers may see it.")));
}

void
si_check_owner(const SiSupervisor *s, Oid user)
{
	if (!owns(s->relid, user))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of supervisor [%s]", s->id),
				 errhint("The owner of a supervisor is the owner of its foreign table.")));
}
