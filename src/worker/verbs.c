/*
 * verbs.c
 *		Applies the verbs that SQL sessions asked for, in their order, each in
 *		one transaction that also forgets the request.
 *
 * Verbs that need the readers to end first (terminate, reset, requeue) are
 * handed to the supervisor and applied by its plan; later requests for the same
 * supervisor wait behind them, but for those that may go before.
 */
#include "postgres.h"

#include "catalog/operations.h"
#include "common/clock.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
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

typedef struct Request
{
	SiSupervisor *supervisor;	/* NULL: not there any more */
	SiRequestRow *row;
	int			restart;		/* group whose reading process is to begin anew, or -1 */
} Request;

static void
apply(void *arg)
{
	Request    *request = arg;
	SiSupervisor *s = request->supervisor;
	SiRequestRow *r = request->row;

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
		case SI_VERB_HANDOFF:
			si_supervisor_hand_off(s, r->task_groups, r->ntask_groups, si_now());
			si_catalog_forget_request(r->request_id);
			break;
		case SI_VERB_SHUTDOWN_TASK:
			request->restart = si_supervisor_fail_task(s, r->task_id, "the task was shut down by shutdown_task()");
			si_catalog_forget_request(r->request_id);
			break;
		case SI_VERB_TERMINATE:
		case SI_VERB_RESET:
		case SI_VERB_REQUEUE:
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

/*
 * For a supervisor that is not there.  A submit was called while another
 * session had terminated it and not committed: it comes back.
 */
static void
apply_orphan(void *arg)
{
	SiRequestRow *r = arg;

	si_catalog_begin(CurrentMemoryContext);
	if (r->verb != SI_VERB_SUBMIT)
		si_catalog_forget_orphan_request(r->request_id);
	else if (!si_catalog_submit_again(r, si_spec_parse(r->spec, true)->suspended))
		ereport(LOG,
				(errmsg("a submit of supervisor \"%s\" was not applied: its table is gone, or another supervisor fills it",
						r->supervisor_id)));
	si_catalog_commit();
}

/*
 * For a supervisor of another data source than the one it was called for: that
 * one's table was dropped while the session had not committed.  Its successor of
 * the same id, perhaps another owner's, is not meant.
 */
static void
forget_foreign(void *arg)
{
	SiRequestRow *r = arg;

	si_catalog_begin(CurrentMemoryContext);
	if (si_catalog_forget_foreign_request(r->request_id))
		ereport(LOG,
				(errmsg("a request for supervisor \"%s\" was not applied: the table of the one that it was called for is gone",
						r->supervisor_id)));
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

/* Whether the verb can be applied only when nothing reads. */
static bool
waits_for_readers(SiVerb verb)
{
	return verb == SI_VERB_TERMINATE || verb == SI_VERB_RESET || verb == SI_VERB_REQUEUE;
}

/*
 * A reset waits for its broker, perhaps for ever; what may come before it
 * does: the spec with another broker, above all.  Messages that are parsed
 * again may take their time, too: those that are left are parsed after it, by
 * the spec that is then in force.
 */
static bool
goes_before(SiSupervisor *s, SiVerb verb)
{
	if (si_supervisor_reset_waits(s))
		return verb != SI_VERB_RESET && verb != SI_VERB_REQUEUE;
	return s->pending->verb == SI_VERB_REQUEUE && verb != SI_VERB_RESET && verb != SI_VERB_REQUEUE && verb != SI_VERB_HANDOFF;
}

static void
apply_one(SiSupervisor *s, SiRequestRow *r)
{
	Request		request = {s, r, -1};
	int			sqlstate;
	char		message[512];
	char		what[SI_ID_LEN + 48];

	/* hand-offs need the spec, which the next step reads */
	if (r->verb == SI_VERB_HANDOFF && s->spec == NULL)
		return;
	snprintf(what, sizeof(what), "applying a request for supervisor \"%s\"", s->row.id);
	if (si_guard(apply, &request, what, &sqlstate, message, sizeof(message)))
	{
		if (r->verb == SI_VERB_SUBMIT || r->verb == SI_VERB_RESUME)
			s->forgive = true;
		if (request.restart >= 0)
			si_supervisor_restart_reader(s, request.restart);
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
			(void) si_guard(apply_orphan, &r.rows[i], "applying a request for a supervisor that is gone", NULL, NULL, 0);
		else if (s->row.data_source_id != r.rows[i].data_source_id)
			(void) si_guard(forget_foreign, &r.rows[i], "forgetting a request for a supervisor that is gone", NULL, NULL, 0);
		else if (s->pending && !goes_before(s, r.rows[i].verb))
			continue;
		else if (waits_for_readers(r.rows[i].verb))
			si_supervisor_set_pending(s, &r.rows[i]);
		else
			apply_one(s, &r.rows[i]);
	}
}
