/*
 * standby.c
 *		Processes that wait to be the reader of a task group
 *		(stream_ingest.standby_tasks).
 *
 * A standby is connected and has its catalog caches warm, but has no Kafka
 * client and reads nothing.  When the reader of its group ends, the overlord
 * makes it the reader: it loads the offsets that are committed by then, as
 * any reader does that begins.  So it is a matter of time and of places, not
 * of what is stored.  A reader that waits for a place goes before a standby.
 *
 * The overlord alone starts and promotes; the kind of a slot is the word
 * between the two, under SiShmem->lock.
 */
#include "postgres.h"

#include "common/clock.h"
#include "common/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/supervisor.h"
#include "worker/worker_queue.h"

typedef struct Standby
{
	int			group_id;
	SiWorkerRef ref;
	bool		stopping;
	SiWorkerState state;		/* as of the last look */
} Standby;

static void
remember(SiSupervisor *s, int group_id, SiWorkerRef ref)
{
	MemoryContext old = MemoryContextSwitchTo(s->context);
	Standby    *b = palloc0(sizeof(Standby));

	b->group_id = group_id;
	b->ref = ref;
	b->state = SI_PROCESS_STARTING;
	s->standbys = lappend(s->standbys, b);
	MemoryContextSwitchTo(old);
}

void
si_standbys_adopt(SiSupervisor *s, int group_id, SiWorkerRef ref)
{
	remember(s, group_id, ref);
}

void
si_standbys_look(SiSupervisor *s, TimestampTz now)
{
	ListCell   *lc;

	foreach(lc, s->standbys)
	{
		Standby    *b = lfirst(lc);
		SiWorkerReport report;

		b->state = si_pool_look(&b->ref, &report);
		if (b->state != SI_PROCESS_ENDED)
			continue;
		if (!b->stopping)
			si_backoff_failed(&s->standby_backoff, now);
		s->standbys = foreach_delete_current(s->standbys, lc);
		pfree(b);
		s->dirty = true;
	}
}

static void
stop(Standby *b)
{
	b->stopping = true;
	si_pool_stop(&b->ref);
}

void
si_standbys_stop(SiSupervisor *s)
{
	ListCell   *lc;

	foreach(lc, s->standbys)
		stop(lfirst(lc));
}

bool
si_standbys_yield(SiSupervisor *s)
{
	ListCell   *lc;

	foreach(lc, s->standbys)
	{
		Standby    *b = lfirst(lc);

		if (b->stopping)
			continue;
		stop(b);
		/* whoever needed the place is to have it */
		s->standby_backoff.retry_at = TimestampTzPlusMilliseconds(si_now(), SI_STANDBY_YIELD_MS);
		return true;
	}
	return false;
}

bool
si_standby_promote(SiSupervisor *s, SiReader *r)
{
	ListCell   *lc;

	foreach(lc, s->standbys)
	{
		Standby    *b = lfirst(lc);

		if (b->group_id != r->group_id || b->stopping || b->state != SI_PROCESS_RUNNING ||
			!si_pool_promote(&b->ref, s->row.spec_version))
			continue;
		r->ref = b->ref;
		s->standbys = foreach_delete_current(s->standbys, lc);
		pfree(b);
		ereport(LOG,
				(errmsg("a standby is now the reading task of supervisor \"%s\", group %d", s->row.id, r->group_id)));
		return true;
	}
	return false;
}

/* How many a group has that are not about to end. */
static int
standbys_of(const SiSupervisor *s, int group_id)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, s->standbys)
	{
		const Standby *b = lfirst(lc);

		n += b->group_id == group_id && !b->stopping;
	}
	return n;
}

/* How many a group should have. */
static int
wanted_of(const SiSupervisor *s, int group_id)
{
	ListCell   *lc;

	if (!si_standby_tasks || s->pending != NULL)
		return 0;
	foreach(lc, s->readers)
	{
		const SiReader *r = lfirst(lc);

		if (r->group_id == group_id && r->wanted)
			return Max(s->spec->replicas - 1, 0);
	}
	return 0;
}

void
si_standbys_arrange(SiSupervisor *s, TimestampTz now)
{
	ListCell   *lc;

	foreach(lc, s->standbys)
	{
		Standby    *b = lfirst(lc);

		if (!b->stopping && standbys_of(s, b->group_id) > wanted_of(s, b->group_id))
			stop(b);
	}
	if (si_queue_waits())
		(void) si_standbys_yield(s);
	if (s->standby_backoff.retry_at > now)
		return;
	foreach(lc, s->readers)
	{
		SiReader   *r = lfirst(lc);
		char		why[128];

		/* first its reader */
		while (r->ref.index >= 0 && standbys_of(s, r->group_id) < wanted_of(s, r->group_id))
		{
			SiWorkerRef ref = SI_NO_WORKER;

			if (!si_pool_start(SI_WORKER_STANDBY, s->row.data_source_id, s->row.id, r->group_id,
							   s->row.spec_version, false, &ref, why, sizeof(why)))
			{
				si_supervisor_note(s, "a standby of group %d does not run: %s", r->group_id, why);
				return;
			}
			remember(s, r->group_id, ref);
		}
	}
}
