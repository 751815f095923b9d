/*
 * publishing.c
 *		Keeps one publishing process per data source running while there is
 *		something to publish or to merge, and lets readers wait when merging
 *		does not keep up.
 *
 * The process ends by itself when it is idle.  Data sources are looked at by
 * their tasks, not by their supervisors: what a terminated supervisor has
 * read is published too.
 */
#include "postgres.h"

#include "common/clock.h"
#include "common/guc.h"
#include "files/sweep.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/supervisor.h"

#define LOOK_MS			1000
#define LOOK_IDLE_MS	10000
#define LONG_RUN_MS		10000	/* a run of this length is not a failed start */
#define YIELD_MS		10000	/* without a process for so long, a reader makes room */

typedef struct Publisher
{
	int64		data_source_id;
	char		supervisor_id[SI_ID_LEN];
	SiWorkerRef ref;
	TimestampTz started;
	TimestampTz waiting_since;	/* 0, or since when the server has no process for it */
	SiBackoff	backoff;
	bool		needed;
} Publisher;

typedef struct Backlog
{
	MemoryContext context;
	bool		count_deltas;
	SiBacklogRow *publish;
	int			npublish;
	SiBacklogRow *merge;
	int			nmerge;
	int64		limit;
} Backlog;

static List *publishers = NIL;
static TimestampTz looked_at = 0;
static TimestampTz counted_at = 0;

static Publisher *
publisher_of(int64 data_source_id, const char *supervisor_id)
{
	MemoryContext old;
	ListCell   *lc;
	Publisher  *p;

	foreach(lc, publishers)
	{
		p = lfirst(lc);
		if (p->data_source_id == data_source_id)
			return p;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	p = palloc0(sizeof(Publisher));
	p->data_source_id = data_source_id;
	strlcpy(p->supervisor_id, supervisor_id, SI_ID_LEN);
	p->ref = SI_NO_WORKER;
	publishers = lappend(publishers, p);
	MemoryContextSwitchTo(old);
	return p;
}

void
si_publishers_adopt(int64 data_source_id, const char *supervisor_id, SiWorkerRef ref)
{
	Publisher  *p = publisher_of(data_source_id, supervisor_id);

	p->ref = ref;
	p->started = si_now();
}

static void
read_backlog(void *arg)
{
	Backlog    *b = arg;

	si_catalog_begin(b->context);
	b->npublish = si_catalog_to_publish(&b->publish);
	if (b->count_deltas)
		b->nmerge = si_catalog_backlog(b->limit, &b->merge);
	si_catalog_commit();
}

static SiSupervisor *
find(List *supervisors, const char *id)
{
	ListCell   *lc;

	foreach(lc, supervisors)
		if (strcmp(((SiSupervisor *) lfirst(lc))->row.id, id) == 0)
			return lfirst(lc);
	return NULL;
}

/* Who needs a publisher, and who must wait for one. */
static void
look_for_work(List *supervisors, TimestampTz now)
{
	Backlog		b = {.context = CurrentMemoryContext};
	bool		active = false;
	ListCell   *lc;

	foreach(lc, supervisors)
	{
		SiSupervisor *s = lfirst(lc);

		active |= si_supervisor_active(s);
		if (s->spec)
			b.limit = Max(b.limit, si_supervisor_backlog_limit(s) + 1);
	}
	b.count_deltas = active || TimestampDifferenceExceeds(counted_at, now, LOOK_IDLE_MS);
	if (!si_guard(read_backlog, &b, "looking for work of publishing tasks", NULL, NULL, 0))
		return;
	foreach(lc, publishers)
		((Publisher *) lfirst(lc))->needed = false;
	for (int i = 0; i < b.npublish; i++)
		publisher_of(b.publish[i].data_source_id, b.publish[i].supervisor_id)->needed = true;
	if (b.count_deltas)
		counted_at = now;
	for (int i = 0; i < b.nmerge; i++)
	{
		SiBacklogRow *row = &b.merge[i];
		SiSupervisor *s = find(supervisors, row->supervisor_id);

		if (row->deltas >= si_merge_fan_in)
			publisher_of(row->data_source_id, row->supervisor_id)->needed = true;
		if (s)
			si_supervisor_backlog(s, row->group_id, row->deltas);
	}
}

/*
 * The server has no process left.  When readers hold them all, nothing would
 * ever be published, and reading would stop at its backlog: after a while one
 * reader makes room and comes back later.
 */
static void
no_process(Publisher *p, List *supervisors, const char *why, TimestampTz now)
{
	SiSupervisor *s = find(supervisors, p->supervisor_id);
	ListCell   *lc;

	p->backoff.retry_at = TimestampTzPlusMilliseconds(now, LOOK_MS);
	if (s)
		si_supervisor_note(s, "%s", why);
	if (p->waiting_since == 0)
		p->waiting_since = now;
	if (!TimestampDifferenceExceeds(p->waiting_since, now, YIELD_MS))
		return;
	p->waiting_since = now;
	p->backoff.retry_at = 0;
	if (s && si_supervisor_yield(s, now, YIELD_MS))
		return;
	foreach(lc, supervisors)
		if (si_supervisor_yield(lfirst(lc), now, YIELD_MS))
			return;
}

static void
look_after(Publisher *p, List *supervisors, TimestampTz now)
{
	SiWorkerReport report;
	char		why[300];

	switch (si_pool_look(&p->ref, &report))
	{
		case SI_PROCESS_STARTING:
		case SI_PROCESS_RUNNING:
			return;
		case SI_PROCESS_ENDED:
			if (report.exit == SI_EXIT_IDLE || report.exit == SI_EXIT_STOPPED)
				si_backoff_clear(&p->backoff);
			else
			{
				SiSupervisor *s = find(supervisors, p->supervisor_id);

				si_sweep_orphans_soon();
				if (TimestampDifferenceExceeds(p->started, now, LONG_RUN_MS))
					si_backoff_clear(&p->backoff);
				si_backoff_failed(&p->backoff, now);
				snprintf(why, sizeof(why), "publishing has failed: %s",
						 report.message[0] ? report.message : "the process has ended without a word");
				if (s)
				{
					si_state_event(&s->machine, SI_EVENT_TASK_FAILED, 0);
					si_state_error(&s->machine, si_unix_ms(now), false, "TaskFailure", why);
				}
			}
			break;
		case SI_PROCESS_NONE:
			break;
	}
	if (!p->needed || p->backoff.retry_at > now)
		return;
	p->started = now;
	if (!si_pool_start(SI_WORKER_PUBLISHING, p->data_source_id, p->supervisor_id, -1, 0, false, &p->ref, why, sizeof(why)))
		no_process(p, supervisors, why, now);
	else
		p->waiting_since = 0;
}

void
si_publishers_step(List *supervisors)
{
	TimestampTz now = si_now();
	ListCell   *lc;

	if (TimestampDifferenceExceeds(looked_at, now, LOOK_MS))
	{
		look_for_work(supervisors, now);
		looked_at = now;
	}
	foreach(lc, publishers)
		look_after(lfirst(lc), supervisors, now);
}
