/*
 * verbs.c
 *		Applies the verbs that SQL sessions asked for, in their order, each in
 *		one transaction that also forgets the request.
 *
 * Verbs that need the readers to end first (terminate, reset) are handed to
 * the supervisor and applied by its plan; later requests for the same
 * supervisor wait behind them.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "worker/supervisor.h"

typedef struct Requests
{
	MemoryContext context;
	SiRequestRow *rows;
	int			n;
} Requests;

static void
read_requests(void *arg)
{
	Requests   *r = arg;

	si_catalog_begin(r->context);
	r->n = si_catalog_requests(&r->rows);
	si_catalog_commit();
}

static void
apply(void *arg)
{
	SiRequestRow *r = arg;

	si_catalog_begin(CurrentMemoryContext);
	switch (r->verb)
	{
		case SI_VERB_SUBMIT:
			si_catalog_apply_submit(r, si_spec_parse(r->spec, true)->suspended);
			break;
		case SI_VERB_SUSPEND:
		case SI_VERB_RESUME:
			si_catalog_apply_suspended(r, r->verb == SI_VERB_SUSPEND);
			break;
		case SI_VERB_TERMINATE:
		case SI_VERB_RESET:
			break;
	}
	si_catalog_commit();
}

static void
forget(void *arg)
{
	SiRequestRow *r = arg;

	si_catalog_begin(CurrentMemoryContext);
	si_catalog_forget_request(r->request_id);
	si_catalog_commit();
}

static void
forget_orphan(void *arg)
{
	SiRequestRow *r = arg;

	si_catalog_begin(CurrentMemoryContext);
	si_catalog_forget_orphan_request(r->request_id);
	si_catalog_commit();
}

static SiSupervisor *
find(List *supervisors, const char *id)
{
	ListCell   *lc;

	foreach(lc, supervisors)
	{
		SiSupervisor *s = lfirst(lc);

		if (!s->gone && strcmp(s->row.id, id) == 0)
			return s;
	}
	return NULL;
}

static void
apply_one(SiSupervisor *s, SiRequestRow *r)
{
	int			sqlstate;
	char		message[512];
	char		what[SI_ID_LEN + 48];

	snprintf(what, sizeof(what), "applying a request for supervisor \"%s\"", s->row.id);
	if (si_guard(apply, r, what, &sqlstate, message, sizeof(message)))
	{
		if (r->verb != SI_VERB_SUSPEND)
			s->forgive = true;
		return;
	}
	/* a session that drops the table has not committed: the request waits */
	if (sqlstate == ERRCODE_LOCK_NOT_AVAILABLE)
		return;
	si_supervisor_failed(s, sqlstate, message);
	(void) si_guard(forget, r, what, NULL, NULL, 0);
}

void
si_apply_requests(List *supervisors)
{
	Requests	r = {.context = CurrentMemoryContext};

	if (!si_guard(read_requests, &r, "reading of requests", NULL, NULL, 0))
		return;
	for (int i = 0; i < r.n; i++)
	{
		SiSupervisor *s = find(supervisors, r.rows[i].supervisor_id);

		if (s == NULL)
			(void) si_guard(forget_orphan, &r.rows[i], "forgetting of a request for an unknown supervisor", NULL, NULL, 0);
		else if (s->pending)
			continue;
		else if (r.rows[i].verb == SI_VERB_TERMINATE || r.rows[i].verb == SI_VERB_RESET)
			si_supervisor_set_pending(s, &r.rows[i]);
		else
			apply_one(s, &r.rows[i]);
	}
}
