/*
 * worker_queue.c
 *		The queue of reading tasks that wait for a process slot: see
 *		worker_queue.h.
 *
 * In the overlord's memory: one that begins has an empty queue, and the tasks
 * come again.  A task that has not asked for some seconds (suspended,
 * terminated, in back-off) is no longer in it.  Publishing tasks do not queue:
 * publishing.c makes room for them.
 */
#include "postgres.h"

#include "catalog/operations.h"
#include "common/clock.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/supervisor.h"
#include "worker/worker_queue.h"

/* A task that waits asks every second. */
#define FORGET_MS	5000

typedef struct Waiting
{
	char		supervisor_id[SI_ID_LEN];
	int			group_id;
	TimestampTz since;
	TimestampTz asked;			/* the last time */
} Waiting;

static List *queue = NIL;
static bool changed = false;

static void
forget_stale(TimestampTz now)
{
	ListCell   *lc;

	foreach(lc, queue)
	{
		Waiting    *w = lfirst(lc);

		if (!TimestampDifferenceExceeds(w->asked, now, FORGET_MS))
			continue;
		queue = foreach_delete_current(queue, lc);
		pfree(w);
		changed = true;
	}
}

/* Its place, from 1; 0 when it does not wait. */
static int
place_of(const char *supervisor_id, int group_id)
{
	ListCell   *lc;

	foreach(lc, queue)
	{
		Waiting    *w = lfirst(lc);

		if (w->group_id == group_id && strcmp(w->supervisor_id, supervisor_id) == 0)
			return foreach_current_index(lc) + 1;
	}
	return 0;
}

bool
si_queue_may_start(const char *supervisor_id, int group_id, TimestampTz now, int *position)
{
	forget_stale(now);
	*position = place_of(supervisor_id, group_id);
	if (*position > 0)
		((Waiting *) list_nth(queue, *position - 1))->asked = now;
	return queue == NIL || *position == 1;
}

void
si_queue_wait(const char *supervisor_id, int group_id, TimestampTz now, int *position)
{
	*position = place_of(supervisor_id, group_id);
	if (*position == 0)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
		Waiting    *w = palloc0(sizeof(Waiting));

		strlcpy(w->supervisor_id, supervisor_id, SI_ID_LEN);
		w->group_id = group_id;
		w->since = now;
		queue = lappend(queue, w);
		MemoryContextSwitchTo(old);
		*position = list_length(queue);
		changed = true;
	}
	((Waiting *) list_nth(queue, *position - 1))->asked = now;
}

bool
si_queue_waits(void)
{
	return queue != NIL;
}

void
si_queue_leave(const char *supervisor_id, int group_id)
{
	int			position = place_of(supervisor_id, group_id);
	Waiting    *w;

	if (position == 0)
		return;
	w = list_nth(queue, position - 1);
	queue = list_delete_nth_cell(queue, position - 1);
	pfree(w);
	changed = true;
}

static void
write_queue(void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ListCell   *lc;

	si_catalog_begin(context);
	si_catalog_clear_waiting();
	foreach(lc, queue)
	{
		Waiting    *w = lfirst(lc);

		si_catalog_add_waiting(foreach_current_index(lc) + 1, w->supervisor_id, w->group_id, w->since);
	}
	si_catalog_commit();
}

void
si_queue_publish(void)
{
	static bool first = true;

	forget_stale(si_now());
	/* what a former overlord wrote goes first */
	if ((changed || first) && si_guard(write_queue, NULL, "writing of waiting tasks", NULL, NULL, 0))
		changed = first = false;
}
