/*
 * supervisor_scale.c
 *		How many tasks a supervisor has: the autoscaler, the idle supervisor,
 *		and the range of offsets that ends.
 *
 * The number of tasks that the autoscaler decides on is committed before the
 * groups follow it; they follow in the plan, like after another taskCount.
 * Samples are in memory only: an overlord that begins has none.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/supervisor.h"

int
si_supervisor_task_count(const SiSupervisor *s)
{
	if (!s->spec->scaler.enabled)
		return s->spec->task_count;
	return s->row.task_count > 0 ? s->row.task_count : s->spec->scaler.task_count_start;
}

/* ------------------------------------------------------------------ autoscaler */

/* The lag by which the number of tasks is decided; false while it is not known. */
static bool
current_lag(SiSupervisor *s, const SiGroupRow *groups, int ngroups, int64 *lag)
{
	int64	   *lags = palloc(Max(s->ends.npartitions, 1) * sizeof(int64));
	int			n = 0;

	for (int g = 0; g < ngroups; g++)
	{
		const SiGroupState *st = &groups[g].state;

		for (int i = 0; i < st->npartitions; i++)
		{
			int			at = si_stream_ends_find(&s->ends, st->partitions[i]);

			if (at >= 0 && s->ends.high[at] >= 0 && n < s->ends.npartitions)
				lags[n++] = (st->stops ? Min(s->ends.high[at], st->stops[i]) : s->ends.high[at]) - st->offsets[i];
		}
	}
	*lag = si_lag_aggregate(s->spec->scaler.lag_aggregate, lags, n);
	pfree(lags);
	return n > 0;
}

void
si_supervisor_scale(SiSupervisor *s, const SiGroupRow *groups, int ngroups, TimestampTz now)
{
	const SiScalerConfig *c = &s->spec->scaler;
	int64		now_ms = si_unix_ms(now);
	int			count = si_supervisor_task_count(s);
	int			wanted;
	int64		lag;

	if (!c->enabled)
		return;
	if (s->scaler_version != s->row.spec_version)
	{
		MemoryContext old = MemoryContextSwitchTo(s->context);

		si_scaler_start(&s->scaler, c, now_ms);
		MemoryContextSwitchTo(old);
		s->scaler_version = s->row.spec_version;
	}
	/* only what the broker has just said is a sample */
	if (s->run_pending && si_scaler_sample_due(&s->scaler, c, now_ms) && current_lag(s, groups, ngroups, &lag))
		si_scaler_sample(&s->scaler, lag, now_ms);
	wanted = si_scaler_decide(&s->scaler, c, count, s->ends.npartitions, now_ms);
	if (wanted == count)
		return;
	si_catalog_set_task_count(s->row.id, wanted);
	s->row.task_count = wanted;
	ereport(LOG, (errmsg("supervisor \"%s\" goes from %d to %d tasks", s->row.id, count, wanted)));
}

/* ------------------------------------------------------------------------- idle */

/* A hash of what moves while there is something to read; *lags: something is not read yet, or not known. */
static uint64
activity(SiSupervisor *s, const SiGroupRow *groups, int ngroups, bool *lags)
{
	uint64		h = hash_bytes_extended((const unsigned char *) s->ends.high, s->ends.npartitions * sizeof(int64), 1);
	int			n = 0;

	h = hash_bytes_extended((const unsigned char *) s->ends.partitions, s->ends.npartitions * sizeof(int32), h);
	for (int g = 0; g < ngroups; g++)
	{
		const SiGroupState *st = &groups[g].state;

		h = hash_bytes_extended((const unsigned char *) st->offsets, st->npartitions * sizeof(int64), h);
		for (int i = 0; i < st->npartitions; i++)
		{
			int			at = si_stream_ends_find(&s->ends, st->partitions[i]);

			n++;
			*lags |= at < 0 || s->ends.high[at] < 0 || st->offsets[i] < s->ends.high[at];
		}
	}
	*lags |= n == 0 || n < s->ends.npartitions;
	return h;
}

bool
si_supervisor_idle(SiSupervisor *s, const SiGroupRow *groups, int ngroups, TimestampTz now)
{
	bool		lags = false;
	uint64		h;

	/* a halted partition is to be seen */
	if (!s->spec->idle_enabled || s->ngaps > 0)
		return false;
	if (!s->ends_known)
		return s->machine.state == SI_STATE_IDLE && s->moved_at != 0;
	h = activity(s, groups, ngroups, &lags);
	if (lags || h != s->activity || s->moved_at == 0)
	{
		s->activity = h;
		s->moved_at = now;
	}
	return (now - s->moved_at) / 1000 >= s->spec->inactive_after;
}

/* ----------------------------------------------------------------------- bounds */

const SiBound *
si_supervisor_bound(SiSupervisor *s, int32 partition)
{
	const char *topic;

	si_supervisor_load_streams(s);
	topic = si_stream_topic(s->streams, s->nstreams, partition);

	for (int i = 0; i < s->spec->nbounds; i++)
	{
		const SiBound *b = &s->spec->bounds[i];
		const char *of = b->topic ? b->topic : s->spec->topic;

		if (b->number == si_partition_number(partition) && topic && of && strcmp(topic, of) == 0)
			return b;
	}
	return NULL;
}

void
si_supervisor_bound_ends(SiSupervisor *s)
{
	SiStreamEnds *e = &s->ends;
	int64	   *starts = MemoryContextAlloc(s->ends_context, Max(e->npartitions, 1) * sizeof(int64));
	int64	   *stops = MemoryContextAlloc(s->ends_context, Max(e->npartitions, 1) * sizeof(int64));
	int			n = 0;

	for (int i = 0; i < e->npartitions; i++)
	{
		const SiBound *b = si_supervisor_bound(s, e->partitions[i]);

		if (b == NULL)
			continue;
		((int32 *) e->partitions)[n] = e->partitions[i];
		if (e->hashes)
			((uint32 *) e->hashes)[n] = e->hashes[i];
		((int64 *) e->low)[n] = e->low[i];
		((int64 *) e->high)[n] = e->high[i];
		if (s->ends_times)
			s->ends_times[n] = s->ends_times[i];
		starts[n] = b->start;
		stops[n++] = b->end;
	}
	e->npartitions = n;
	e->starts = starts;
	e->stops = stops;
}

/* What is wrong with the bounds, or NULL. */
static char *
bounds_problem(SiSupervisor *s, const SiGroupRow *groups, int ngroups)
{
	for (int i = 0; i < s->spec->nbounds; i++)
	{
		const SiBound *b = &s->spec->bounds[i];

		if (b->start > b->end)
			return psprintf("boundedStreamConfig of partition [%s] begins at " INT64_FORMAT ", after its end " INT64_FORMAT,
							si_partition_print(b->topic, b->number), b->start, b->end);
	}
	for (int g = 0; g < ngroups; g++)
	{
		const SiGroupState *st = &groups[g].state;

		for (int i = 0; i < st->npartitions; i++)
		{
			const SiBound *b = s->spec->nbounds > 0 ? si_supervisor_bound(s, st->partitions[i]) : NULL;

			if ((b != NULL) != (st->stops != NULL) || (b && (b->start != st->starts[i] || b->end != st->stops[i])))
				return psprintf("boundedStreamConfig of partition [%s] is not the one that its stored offset " INT64_FORMAT " belongs to; reset_supervisor() forgets the offset",
								si_supervisor_partition(s, st->partitions[i]), st->offsets[i]);
		}
	}
	return NULL;
}

bool
si_supervisor_wrong_bounds(SiSupervisor *s, const SiGroupRow *groups, int ngroups, TimestampTz now)
{
	char	   *problem;
	bool		bounded = s->spec->nbounds > 0;

	for (int g = 0; g < ngroups; g++)
		bounded |= groups[g].state.stops != NULL;
	if (!bounded)
		return false;
	problem = bounds_problem(s, groups, ngroups);
	if (problem == NULL)
	{
		if (s->ends_known && s->ends.npartitions < s->spec->nbounds)
			si_supervisor_note(s, "the topic has only %d of the %d partitions of boundedStreamConfig",
							   s->ends.npartitions, s->spec->nbounds);
		return false;
	}
	si_supervisor_note(s, "%s", problem);
	if (s->run_pending)
		si_state_error(&s->machine, si_unix_ms(now), false, "IllegalStateException", problem);
	return true;
}
