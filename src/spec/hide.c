/*
 * hide.c
 *		A statement that carries secrets is shown to nobody else.
 *
 * A spec comes as text of a statement, which PostgreSQL shows in
 * pg_stat_activity and, after an error, in the server's log, there with the
 * place in the text and with parameters too.  What it writes
 * before our function is called (log_statement) or after it has returned
 * (log_min_duration_statement) is out of reach.
 */
#include "postgres.h"

#include "spec/consumer_properties.h"
#include "spec/spec.h"
#include "utils/backend_status.h"

static void
hide_statement(void *arg)
{
	errhidestmt(true);
	/* where a JSON text or a parameter is quoted */
	errhidecontext(true);
}

static bool
has_secrets(const char *json)
{
	for (int i = 0; i < si_nconsumer_properties; i++)
		if ((si_consumer_properties[i].flags & SI_PROPERTY_SECRET) && strstr(json, si_consumer_properties[i].name))
			return true;
	return strstr(json, "password") != NULL || strstr(json, "secret") != NULL;
}

void
si_spec_hide_statement(ErrorContextCallback *callback, const char *json)
{
	callback->previous = error_context_stack;
	if (!has_secrets(json))
		return;
	pgstat_report_activity(STATE_RUNNING, "<a supervisor spec with secrets>");
	callback->callback = hide_statement;
	callback->arg = NULL;
	error_context_stack = callback;
}
