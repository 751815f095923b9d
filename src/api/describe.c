/*
 * describe.c
 *		get_supervisor(), get_supervisors(), get_supervisor_health(),
 *		get_supervisor_history(): specs and lists, with Druid's names and
 *		shapes.
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
PG_FUNCTION_INFO_V1(si_get_supervisor_health);
PG_FUNCTION_INFO_V1(si_get_supervisor_history);
PG_FUNCTION_INFO_V1(si_get_supervisors_history);
PG_FUNCTION_INFO_V1(si_print_spec);

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

/* For the views: a spec as it is stored, printed like those above. */
Datum
si_print_spec(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(si_spec_print(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_BOOL(1), false)));
}

/* What the overlord last wrote of a supervisor; the steady state until it has. */
typedef struct State
{
	const char *state;
	const char *detailed;
	bool		healthy;
} State;

static State
load_state(SiQuery *q, const SiSupervisor *s)
{
	State		state = {"PENDING", "PENDING", true};

	if (s->suspended)
		state.state = state.detailed = "SUSPENDED";
	if (si_query(q,
				 "SELECT state, detailed_state, healthy FROM stream_ingest.supervisor_status"
				 " WHERE supervisor_id = $1 AND install = (SELECT uuid FROM stream_ingest.install)", "t", s->id) > 0)
	{
		state.state = si_get_text(0, 0);
		state.detailed = si_get_text(0, 1);
		state.healthy = si_get_bool(0, 2);
	}
	return state;
}

Datum
si_get_supervisor_health(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	SiSupervisor *s;
	StringInfoData json;

	si_query_begin(&q, true);
	s = si_supervisor_get(&q, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	si_check_may_see(s, q.user);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	si_put_bool(&json, "healthy", load_state(&q, s).healthy);
	appendStringInfoChar(&json, '}');
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

/* What an element of get_supervisors() has. */
typedef enum Detail
{
	DETAIL_ID,
	DETAIL_STATE,
	DETAIL_FULL,				/* and the spec */
	DETAIL_SYSTEM				/* and the spec as text, type and source */
} Detail;

static void
append_supervisor(StringInfo json, SiQuery *q, const SiSupervisor *s, Detail detail)
{
	State		state;

	si_put_element(json);
	if (detail == DETAIL_ID)
	{
		escape_json(json, s->id);
		return;
	}
	state = load_state(q, s);
	appendStringInfoChar(json, '{');
	si_put_text(json, "id", s->id);
	si_put_text(json, "dataSource", s->data_source);
	si_put_text(json, "state", state.state);
	si_put_text(json, "detailedState", state.detailed);
	si_put_bool(json, "healthy", state.healthy);
	if (detail == DETAIL_FULL)
	{
		si_put_key(json, "spec");
		appendStringInfoString(json, si_spec_print(s->spec, s->suspended, false));
	}
	else if (detail == DETAIL_SYSTEM)
	{
		si_put_text(json, "specString", si_spec_print(s->spec, s->suspended, false));
		si_put_text(json, "type", "kafka");
		si_put_text(json, "source", si_spec_stream(si_spec_parse(s->spec, true)));
	}
	si_put_bool(json, "suspended", s->suspended);
	appendStringInfoChar(json, '}');
}

Datum
si_get_supervisors(PG_FUNCTION_ARGS)
{
	Detail		detail = PG_GETARG_BOOL(0) ? DETAIL_FULL : PG_GETARG_BOOL(1) ? DETAIL_STATE :
		PG_GETARG_BOOL(2) ? DETAIL_SYSTEM : DETAIL_ID;
	SiQuery		q;
	SiSupervisor *list;
	StringInfoData json;
	int			n;

	si_query_begin(&q, true);
	list = si_supervisor_list(&q, &n);
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < n; i++)
		if (si_may_see(list[i].relid, q.user))
			append_supervisor(&json, &q, &list[i], detail);
	appendStringInfoChar(&json, ']');
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

/*
 * The newest count specs of a supervisor that the caller may see, as an
 * array.  Who may see a data source may see what it was filled by; one that
 * is gone has no owner any more.  Returns how many there are; *total is how
 * many there would be for a superuser.
 */
static int
append_history(StringInfo json, SiQuery *q, const char *id, int64 count, int *total)
{
	int			shown = 0;

	*total = si_query(q,
					  "SELECT h.spec, h.at, h.spec ->> 'type' IN ('NoopSupervisorSpec', 'noop'),"
					  " coalesce(h.spec ->> 'suspended', '') = 'true', d.relid"
					  " FROM stream_ingest.spec_history h LEFT JOIN stream_ingest.data_source d USING (data_source_id)"
					  " WHERE h.supervisor_id = $1 AND h.install = (SELECT uuid FROM stream_ingest.install)"
					  " ORDER BY h.version DESC", "t", id);
	appendStringInfoChar(json, '[');
	for (int i = 0; i < *total && shown < count; i++)
	{
		char	   *spec;

		if (!si_may_see(si_get_oid(i, 4), q->user))
			continue;
		spec = si_get_text(i, 0);
		si_put_element(json);
		appendStringInfoChar(json, '{');
		si_put_key(json, "spec");
		appendStringInfoString(json, si_get_bool(i, 2) ? spec :
							   si_spec_print(spec, si_get_bool(i, 3), false));
		si_put_time(json, "version", si_get_time(i, 1));
		appendStringInfoChar(json, '}');
		shown++;
	}
	appendStringInfoChar(json, ']');
	return shown;
}

Datum
si_get_supervisor_history(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	StringInfoData json;
	char	   *id;
	int64		count = PG_INT32_MAX;
	int			total;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
		count = PG_GETARG_INT32(1);
	if (count <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("count must be greater than zero")));
	si_query_begin(&q, true);
	initStringInfo(&json);
	if (append_history(&json, &q, id, count, &total) == 0)
	{
		if (total == 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("no history for [%s]", id)));
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for the history of supervisor [%s]", id)));
	}
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

/* The histories of all supervisors that the caller may see, also of those that are gone. */
Datum
si_get_supervisors_history(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	StringInfoData json;
	char	  **ids;
	int			n;

	si_query_begin(&q, true);
	n = si_query(&q,
				 "SELECT DISTINCT supervisor_id FROM stream_ingest.spec_history"
				 " WHERE install = (SELECT uuid FROM stream_ingest.install) ORDER BY 1", "");
	ids = palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
		ids[i] = si_get_text(i, 0);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < n; i++)
	{
		StringInfoData one;
		int			total;

		initStringInfo(&one);
		if (append_history(&one, &q, ids[i], PG_INT32_MAX, &total) == 0)
			continue;
		si_put_key(&json, ids[i]);
		appendStringInfoString(&json, one.data);
	}
	appendStringInfoChar(&json, '}');
	si_query_end(&q);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}
