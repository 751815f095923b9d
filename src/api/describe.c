/*
 * describe.c
 *		get_supervisor(), get_supervisors(), get_supervisor_history(): specs
 *		and lists, with Druid's names and shapes.
 *
 * Secrets are hidden from everybody here: the answers go into logs and
 * terminals.
 */
#include "postgres.h"

#include "api/put.h"
#include "api/lookup.h"
#include "api/query.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "spec/spec.h"
#include "utils/builtins.h"
#include "utils/json.h"

PG_FUNCTION_INFO_V1(si_get_supervisor);
PG_FUNCTION_INFO_V1(si_get_supervisors);
PG_FUNCTION_INFO_V1(si_get_supervisor_history);

Datum
si_get_supervisor(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	SiSupervisor *s;

	si_query_begin(&q, true);
	s = si_supervisor_get(&q, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	si_query_end(&q);
	si_check_may_see(s, GetUserId());
	PG_RETURN_TEXT_P(cstring_to_text(si_spec_print(s->spec, s->suspended, false)));
}

/* One element of get_supervisors(true). */
static void
append_full(StringInfo json, SiQuery *q, const SiSupervisor *s)
{
	const char *state = s->suspended ? "SUSPENDED" : "PENDING";
	const char *detailed = state;
	bool		healthy = true;

	if (si_query(q,
				 "SELECT state, detailed_state, healthy FROM stream_ingest.supervisor_status"
				 " WHERE supervisor_id = $1", "t", s->id) > 0)
	{
		state = si_get_text(0, 0);
		detailed = si_get_text(0, 1);
		healthy = si_get_bool(0, 2);
	}
	si_put_element(json);
	appendStringInfoChar(json, '{');
	si_put_text(json, "id", s->id);
	si_put_text(json, "dataSource", s->data_source);
	si_put_text(json, "state", state);
	si_put_text(json, "detailedState", detailed);
	si_put_bool(json, "healthy", healthy);
	si_put_key(json, "spec");
	appendStringInfoString(json, si_spec_print(s->spec, s->suspended, false));
	si_put_bool(json, "suspended", s->suspended);
	appendStringInfoChar(json, '}');
}

Datum
si_get_supervisors(PG_FUNCTION_ARGS)
{
	bool		full = PG_GETARG_BOOL(0);
	SiQuery		q;
	SiSupervisor *list;
	StringInfoData json;
	int			n;

	si_query_begin(&q, true);
	list = si_supervisor_list(&q, &n);
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < n; i++)
	{
		if (!si_may_see(list[i].relid, q.user))
			continue;
		if (full)
			append_full(&json, &q, &list[i]);
		else
		{
			si_put_element(&json);
			escape_json(&json, list[i].id);
		}
	}
	appendStringInfoChar(&json, ']');
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

/*
 * Who may see the history of a supervisor that is gone: the owner of the
 * table it filled, if that is still there.
 */
static bool
may_see_history(SiQuery *q, const char *id)
{
	SiSupervisor *s = si_supervisor_find(q, id);

	if (s)
		return si_may_see(s->relid, q->user);
	if (si_query(q,
				 "SELECT d.relid FROM stream_ingest.spec_history h"
				 " JOIN stream_ingest.data_source d ON d.name = coalesce("
				 "  h.spec #>> '{spec,dataSchema,dataSource}', h.spec #>> '{dataSchema,dataSource}')"
				 " WHERE h.supervisor_id = $1 ORDER BY h.version DESC LIMIT 1", "t", id) > 0)
		return si_may_see(si_get_oid(0, 0), q->user);
	return si_may_see(InvalidOid, q->user);
}

Datum
si_get_supervisor_history(PG_FUNCTION_ARGS)
{
	char	   *id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	SiQuery		q;
	StringInfoData json;
	bool		allowed;
	int			n;

	si_query_begin(&q, true);
	allowed = may_see_history(&q, id);
	n = si_query(&q,
				 "SELECT spec, at, spec ->> 'type' IN ('NoopSupervisorSpec', 'noop'),"
				 " coalesce(spec ->> 'suspended', '') = 'true'"
				 " FROM stream_ingest.spec_history"
				 " WHERE supervisor_id = $1 AND install = (SELECT uuid FROM stream_ingest.install)"
				 " ORDER BY version DESC", "t", id);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no history for [%s]", id)));
	if (!allowed)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for the history of supervisor [%s]", id)));
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < n; i++)
	{
		char	   *spec = si_get_text(i, 0);

		si_put_element(&json);
		appendStringInfoChar(&json, '{');
		si_put_key(&json, "spec");
		appendStringInfoString(&json, si_get_bool(i, 2) ? spec :
							   si_spec_print(spec, si_get_bool(i, 3), false));
		si_put_time(&json, "version", si_get_time(i, 1));
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}
