/*
 * supervisor_plan.c
 *		The plan of a supervisor's step: from what the catalog and the broker
 *		say to what should be, written in one transaction.
 *
 * Everything is made durable before a process acts on it: a reading process
 * is started after the commit that inserted its task.  What cannot be done
 * while processes read (another spec, other groups, suspend, terminate,
 * reset) asks them to stop and is planned again when the last is gone.
 */
#include "postgres.h"

#include "catalog/lineage.h"
#include "catalog/operations.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/guc.h"
#include "common/hashfn.h"
#include "port.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/supervisor.h"

#define HALT_RETRY_MS		60000	/* doubling ... */
#define HALT_RETRY_MAX_MS	(60 * 60000)
#define TRIM_MS				10000	/* between two looks for tasks that are too many */
#define MAX_DOUBLINGS		10		/* of completionTimeout */

/* ------------------------------------------------------------------------ tasks */

/*
 * A new task id, of Druid's form: the 15 hex digits tell data and place, the
 * 8 letters are random.
 */
static char *
new_task_id(SiSupervisor *s, const SiGroupState *g)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) s->row.id, strlen(s->row.id), s->row.spec_version);
	char		letters[9] = {0};
	uint8		random[8];

	hash = hash_combine64(hash, hash_bytes_extended((const unsigned char *) g->partitions,
													g->npartitions * sizeof(int32), g->next_seq));
	hash = hash_combine64(hash, hash_bytes_extended((const unsigned char *) g->offsets,
													g->npartitions * sizeof(int64), g->group_id));
	if (!pg_strong_random(random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random bits")));
	for (int i = 0; i < 8; i++)
		letters[i] = 'a' + (random[i] & 0xF);
	return psprintf("index_kafka_%s_%015llx_%s", s->row.id,
					(unsigned long long) (hash & UINT64CONST(0xFFFFFFFFFFFFFFF)), letters);
}

/* Message times that a task created now accepts. */
static SiTaskBounds
task_bounds(const SiSpec *spec, TimestampTz now)
{
	SiTaskBounds b = {0};

	if (spec->has_late_period)
	{
		b.has_min = true;
		b.min_ms = si_unix_ms(now) - spec->late_period;
	}
	else if (spec->has_late_start)
	{
		b.has_min = true;
		b.min_ms = spec->late_start;
	}
	if (spec->has_early_period)
	{
		b.has_max = true;
		b.max_ms = si_unix_ms(now) + spec->task_duration + spec->early_period;
	}
	return b;
}

static SiTaskRow *
reading_task(SiTaskRow *tasks, int ntasks, int group_id)
{
	for (int i = 0; i < ntasks; i++)
		if (tasks[i].group_id == group_id && !tasks[i].publishing)
			return &tasks[i];
	return NULL;
}

/* Ends all reading tasks at what is committed; nothing reads any more. */
static void
hand_off_all(SiTaskRow *tasks, int ntasks)
{
	for (int i = 0; i < ntasks; i++)
		if (!tasks[i].publishing)
			si_catalog_task_hand_off(tasks[i].task_id, NULL, NULL);
}

static bool
older_than(TimestampTz created, TimestampTz now, int64 ms)
{
	return ms < PG_INT64_MAX && (now - created) / 1000 >= ms;
}

/*
 * Whether the rows of a task are as many as one hand-off should have: all of
 * them (maxTotalRows), or those of one interval (maxRowsPerSegment).  The
 * counter of stored rows is an upper bound; deltas are counted, after rollup,
 * only when it says that the limit may be reached.
 */
static bool
enough_rows(SiSupervisor *s, const SiGroupRow *g, const SiTaskRow *t, SiReader *r)
{
	int64		limit = Min(s->spec->max_rows_per_segment, s->spec->max_total_rows);
	int64		stored = g->state.counters.n[SI_COUNT_STORED_ROWS];
	int64		rows = 0;
	int64		largest;
	SiRowRange *ranges;
	int			n;

	if (limit <= 0 || stored - t->start_stored_rows < limit || stored < r->rows_check_at)
		return false;
	n = si_catalog_task_rows(s->row.data_source_id, g->state.group_id, t->start_seq, &ranges);
	for (int i = 0; i < n; i++)
		rows += ranges[i].rows;
	largest = si_largest_interval(&s->spec->segment_granularity, ranges, n);
	pfree(ranges);
	if (rows >= s->spec->max_total_rows || largest >= s->spec->max_rows_per_segment)
	{
		r->rows_check_at = 0;
		return true;
	}
	r->rows_check_at = stored + Max(Min(s->spec->max_total_rows - rows, s->spec->max_rows_per_segment - largest), limit / 16);
	return false;
}

/* The next id for the work of a task that has failed. */
static char *
next_task_id(SiSupervisor *s, const SiTaskRow *t)
{
	SiGroupState g = {.group_id = t->group_id, .next_seq = t->start_seq};

	return new_task_id(s, &g);
}

/*
 * Publishing that takes longer than completionTimeout: its task has failed,
 * its deltas stay where they are and pass to another one, which may take
 * twice as long.  The process is not disturbed: what it finishes is finished.
 */
static void
fail_overdue(SiSupervisor *s, const SiTaskRow *t, TimestampTz now)
{
	int64		limit = s->spec->completion_timeout;
	char		message[256];

	if (limit < PG_INT64_MAX >> MAX_DOUBLINGS)
		limit <<= Min(t->attempt, MAX_DOUBLINGS);
	if (!older_than(t->publishing_since, now, limit))
		return;
	snprintf(message, sizeof(message), "task [%s] has not published within completionTimeout (" INT64_FORMAT " s)",
			 t->task_id, limit / 1000);
	si_catalog_publishing_replace(t->task_id, message, next_task_id(s, t));
	si_state_error(&s->machine, si_unix_ms(now), false, "CompletionTimeout", message);
	si_state_event(&s->machine, SI_EVENT_TASK_FAILED, 0);
	ereport(LOG, (errmsg("supervisor \"%s\": %s", s->row.id, message)));
}

/* ----------------------------------------------------------------------- groups */

/*
 * A halted group: its task has failed, the replacement waits.  The next try
 * meets the same message; only resume, reset or another spec help.
 */
static void
plan_halted(SiSupervisor *s, const SiGroupRow *g, SiTaskRow *task, TimestampTz now)
{
	int64		wait = Min((int64) HALT_RETRY_MS << Min(s->halt_retries, 6), HALT_RETRY_MAX_MS);

	si_supervisor_note(s, "group %d halted: %s", g->state.group_id, g->halted);
	if (task && task->created < g->halted_at)
	{
		si_catalog_task_replace(task->task_id, g->halted, new_task_id(s, &g->state));
		si_state_error(&s->machine, si_unix_ms(now), false, "ParseException", g->halted);
		ereport(LOG,
				(errmsg("task %s of supervisor \"%s\" has failed", task->task_id, s->row.id),
				 errdetail_internal("%s", g->halted)));
	}
	if (older_than(g->halted_at, now, wait))
	{
		si_catalog_unhalt(s->row.id, false);
		s->halt_retries++;
		s->dirty = true;
	}
}

static void
plan_group(SiSupervisor *s, const SiGroupRow *g, SiTaskRow *tasks, int ntasks, TimestampTz now)
{
	SiReader   *r = si_supervisor_reader(s, g->state.group_id);
	SiTaskRow  *task = reading_task(tasks, ntasks, g->state.group_id);
	SiTaskBounds bounds;

	r->wanted = false;
	if (g->halted)
	{
		if (r->ref.index < 0)
			plan_halted(s, g, task, now);
		return;
	}
	if (si_group_complete(&g->state))
	{
		if (r->ref.index < 0 && task)
			si_catalog_task_hand_off(task->task_id, NULL, NULL);
		return;
	}
	if (si_plan_gaps(s, g, r, task, now))
		return;
	bounds = task_bounds(s->spec, now);
	if (task == NULL)
	{
		si_state_event(&s->machine, SI_EVENT_PHASE, SI_STATE_CREATING_TASKS);
		si_catalog_task_create(new_task_id(s, &g->state), s->row.id, g->state.group_id, &bounds);
	}
	else if (task->stop ||
			 older_than(task->created, now, s->spec->intermediate_handoff_period) ||
			 enough_rows(s, g, task, r))
		si_catalog_task_hand_off(task->task_id, new_task_id(s, &g->state), &bounds);
	r->wanted = true;
	if (r->holding)
		si_supervisor_note(s, "reading of group %d waits for merges", g->state.group_id);
}

/* Drops from memory the readers of groups that are no more. */
static void
forget_readers(SiSupervisor *s, const SiGroupState *groups, int ngroups)
{
	ListCell   *lc;

	foreach(lc, s->readers)
	{
		SiReader   *r = lfirst(lc);

		bool		found = false;

		for (int i = 0; i < ngroups; i++)
			found |= groups[i].group_id == r->group_id;
		if (!found)
			s->readers = foreach_delete_current(s->readers, lc);
	}
}

/* True when the groups have been written anew, or must be but cannot yet. */
static bool
plan_regroup(SiSupervisor *s, SiGroupRow *groups, int ngroups, SiTaskRow *tasks, int ntasks, TimestampTz now)
{
	SiGroupState *stored = palloc(Max(ngroups, 1) * sizeof(SiGroupState));
	SiGroupState *wanted = stored;
	int			nwanted = ngroups;
	int			nstored = 0;
	SiStreamEnds ends;
	bool		same_stream = true;
	SiRegroup	what;

	for (int i = 0; i < ngroups; i++)
	{
		stored[i] = groups[i].state;
		same_stream &= strcmp(groups[i].topic, si_spec_stream(s->spec)) == 0;
	}
	if (!same_stream)
		si_supervisor_keep_streams(s, stored, ngroups);
	for (int i = 0; i < ngroups; i++)
		nstored += stored[i].npartitions;
	ends = si_supervisor_ends_with(s, stored, ngroups);
	what = si_regroup(stored, ngroups, &ends, si_supervisor_task_count(s), s->spec->use_earliest_offset,
					  &wanted, &nwanted);
	if (what == SI_REGROUP_FEWER)
	{
		if (!si_plan_fewer_partitions(s, stored, ngroups, nstored, now))
			return true;
		for (int i = 0; i < ngroups; i++)
			stored[i].npartitions = 0;
		what = si_regroup(stored, ngroups, &ends, si_supervisor_task_count(s), s->spec->use_earliest_offset,
						  &wanted, &nwanted);
	}
	s->fewer_answers = 0;
	switch (what)
	{
		case SI_REGROUP_FEWER:
		case SI_REGROUP_NO:
			if (same_stream)
				return false;
			break;
		case SI_REGROUP_WAIT:
			si_supervisor_note(s, "waiting for the broker to tell the offsets of all partitions");
			s->ask_next = Min(s->ask_next, TimestampTzPlusMilliseconds(si_now(), 1000));
			return ngroups == 0;
		case SI_REGROUP_YES:
			break;
	}
	if (!si_supervisor_quiet(s))
	{
		si_supervisor_stop_readers(s);
		return true;
	}
	/* a chunk never spans two ways of grouping: its ranges would not be those that were read */
	hand_off_all(tasks, ntasks);
	si_catalog_set_groups(&s->row, si_spec_stream(s->spec), wanted, nwanted);
	if (nstored == 0 && !s->spec->use_earliest_offset)
		si_record_start_at_end(s, wanted, nwanted);
	forget_readers(s, wanted, nwanted);
	ereport(LOG,
			(errmsg("supervisor \"%s\" reads %d partitions of %s \"%s\" in %d task groups",
					s->row.id, ends.npartitions, s->spec->topic ? "topic" : "topics", si_spec_stream(s->spec), nwanted)));
	return true;
}

/* ------------------------------------------------------------------------- plan */

/*
 * Rejected messages are to be parsed again: the process of the first group
 * that can is started for that, with a task of its own, and forgets the
 * request.  False when that is done, or cannot be.
 */
static bool
plan_requeue(SiSupervisor *s)
{
	SiGroupRow *groups;
	int			ngroups = si_catalog_groups(s->row.id, s->row.data_source_id, &groups);
	ListCell   *lc;

	foreach(lc, s->readers)
		((SiReader *) lfirst(lc))->wanted = false;
	if (!si_catalog_is_requested(s->pending->request_id))
		return false;
	for (int i = 0; i < ngroups; i++)
	{
		SiTaskBounds bounds = {0};

		if (groups[i].halted || strcmp(groups[i].topic, si_spec_stream(s->spec)) != 0)
			continue;
		/* no chunk that comes later covers the offset of one of them: a reset that drops it must not read them again */
		si_lineage_rest(s->row.id, -1);
		si_catalog_task_create(new_task_id(s, &groups[i].state), s->row.id, groups[i].state.group_id, &bounds);
		si_supervisor_reader(s, groups[i].state.group_id)->wanted = true;
		s->requeueing = true;
		return true;
	}
	si_state_error(&s->machine, si_unix_ms(si_now()), false, "Requeue",
				   "rejected messages were not parsed again: no task group can read");
	si_catalog_forget_request(s->pending->request_id);
	return false;
}

/* A bounded stream that was read is to be read again. */
static void
begin_again(SiSupervisor *s)
{
	if (s->machine.state != SI_STATE_COMPLETED)
		return;
	si_state_init(&s->machine, s->row.suspended);
	s->dirty = true;
}

/* What waits until nothing reads; true when there is nothing else to plan. */
static bool
plan_quiet(SiSupervisor *s, SiTaskRow *tasks, int ntasks, TimestampTz now)
{
	bool		pending = s->pending && (s->pending->verb != SI_VERB_RESET || si_supervisor_reset_ready(s));
	ListCell   *lc;

	foreach(lc, s->readers)
	{
		SiReader   *r = lfirst(lc);

		if (r->ref.index >= 0 && r->report.spec_version != 0 && r->report.spec_version != s->row.spec_version)
			s->restart = true;
	}
	if (!s->row.suspended && !pending && !s->restart)
		return false;
	if (!si_supervisor_quiet(s))
	{
		/* another spec, a terminate, a shutdown of its task: it stops between two messages and goes on anew, or not */
		if (s->requeueing && !s->restart)
			return true;
		s->quiet_at = 0;
		if (pending && s->pending->verb == SI_VERB_RESET)
			SI_FAULT("reset_answered");
		si_supervisor_stop_readers(s);
		return true;
	}
	/* what is handed off may be published at once, and a reset would no longer drop it */
	if (pending && s->pending->verb == SI_VERB_RESET && !si_supervisor_reset_settled(s, now))
		return true;
	hand_off_all(tasks, ntasks);
	if (s->restart)
	{
		s->restart = false;
		foreach(lc, s->readers)
			si_backoff_clear(&((SiReader *) lfirst(lc))->backoff);
	}
	if (s->forgive)
	{
		si_catalog_unhalt(s->row.id, true);
		s->forgive = false;
	}
	if (pending)
	{
		if (s->pending->verb == SI_VERB_REQUEUE && plan_requeue(s))
			return true;
		if (s->pending->verb == SI_VERB_REQUEUE)
			s->requeueing = false;
		else if (s->pending->verb == SI_VERB_TERMINATE)
		{
			si_catalog_apply_terminate(s->pending);
			s->gone = true;
		}
		else
		{
			si_supervisor_reset(s);
			begin_again(s);
			/* reading begins at the ends of now, also after a long suspension */
			si_supervisor_forget_ends(s);
		}
		pfree(s->pending);
		s->pending = NULL;
	}
	s->dirty = !s->row.suspended;
	return true;
}

void
si_supervisor_hand_off(SiSupervisor *s, const int32 *group_ids, int n, TimestampTz now)
{
	SiTaskRow  *tasks;
	int			ntasks = si_catalog_tasks(s->row.data_source_id, &tasks);
	SiGroupRow *groups;
	int			ngroups = si_catalog_groups(s->row.id, s->row.data_source_id, &groups);
	SiTaskBounds bounds = task_bounds(s->spec, now);

	for (int i = 0; i < ngroups; i++)
	{
		SiTaskRow  *task = reading_task(tasks, ntasks, groups[i].state.group_id);

		for (int k = 0; k < n && task; k++)
			if (group_ids[k] == groups[i].state.group_id)
			{
				si_catalog_task_hand_off(task->task_id, new_task_id(s, &groups[i].state), &bounds);
				task = NULL;
			}
	}
}

int
si_supervisor_fail_task(SiSupervisor *s, const char *task_id, const char *error)
{
	SiTaskRow  *tasks;
	int			ntasks = si_catalog_tasks(s->row.data_source_id, &tasks);

	for (int i = 0; i < ntasks; i++)
	{
		if (strcmp(tasks[i].task_id, task_id) != 0)
			continue;
		if (tasks[i].publishing)
		{
			si_catalog_publishing_replace(task_id, error, next_task_id(s, &tasks[i]));
			return -1;
		}
		si_catalog_task_replace(task_id, error, next_task_id(s, &tasks[i]));
		return tasks[i].group_id;
	}
	return -1;
}

/* Marks the reading tasks whose taskDuration is over: the oldest, as many as may be published at once. */
static void
choose_stops(SiSupervisor *s, SiTaskRow *tasks, int ntasks, TimestampTz now)
{
	int			left = si_max_allowed_stops(si_supervisor_task_count(s), s->spec->stop_task_count,
											s->spec->stop_task_ratio) - s->npublishing;

	for (int i = 0; i < ntasks; i++)
		if (!tasks[i].publishing && left > 0 && older_than(tasks[i].created, now, s->spec->task_duration))
		{
			tasks[i].stop = true;
			left--;
		}
}

/* Stops all readers; true when none is left, and what they have read is handed off. */
static bool
stop_all(SiSupervisor *s, SiTaskRow *tasks, int ntasks)
{
	si_supervisor_stop_readers(s);
	if (!si_supervisor_quiet(s))
		return false;
	hand_off_all(tasks, ntasks);
	return true;
}

/* An idle stream: no process, no task.  False when it is not. */
static bool
plan_idle(SiSupervisor *s, SiGroupRow *groups, int ngroups, SiTaskRow *tasks, int ntasks, TimestampTz now)
{
	if (!si_supervisor_idle(s, groups, ngroups, now))
	{
		if (s->machine.state == SI_STATE_IDLE)
			si_state_event(&s->machine, SI_EVENT_PHASE, SI_STATE_RUNNING);
		return false;
	}
	if (stop_all(s, tasks, ntasks))
		si_state_event(&s->machine, SI_EVENT_PHASE, SI_STATE_IDLE);
	return true;
}

/* A bounded stream of which all is read and published is completed. */
static void
plan_completed(SiSupervisor *s, const SiGroupRow *groups, int ngroups, int ntasks)
{
	bool		complete = ngroups > 0;
	bool		before = s->machine.state == SI_STATE_COMPLETED;

	if (s->spec->nbounds == 0)
		return;
	for (int i = 0; i < ngroups; i++)
		complete &= groups[i].state.npartitions > 0 && si_group_complete(&groups[i].state);
	if (!complete)
		begin_again(s);
	if (!complete || ntasks > 0 || !si_supervisor_quiet(s))
		return;
	si_state_event(&s->machine, SI_EVENT_PHASE, SI_STATE_COMPLETED);
	if (!before && s->machine.state == SI_STATE_COMPLETED)
		ereport(LOG, (errmsg("supervisor \"%s\" has read all of its boundedStreamConfig", s->row.id)));
}

void
si_supervisor_plan(SiSupervisor *s, TimestampTz now)
{
	SiTaskRow  *tasks;
	int			ntasks = si_catalog_tasks(s->row.data_source_id, &tasks);
	SiGroupRow *groups;
	int			ngroups;
	bool		halted = false;

	s->npublishing = 0;
	for (int i = 0; i < ntasks; i++)
		if (tasks[i].publishing)
		{
			s->npublishing++;
			fail_overdue(s, &tasks[i], now);
		}
	if (TimestampDifferenceExceeds(s->trimmed_at, now, TRIM_MS))
	{
		si_catalog_trim_tasks(s->row.id, si_task_history);
		s->trimmed_at = now;
	}
	si_supervisor_take_ends(s);
	if (plan_quiet(s, tasks, ntasks, now))
	{
		if (s->row.suspended && !s->gone)
			si_note_unknown_partitions(s);
		return;
	}

	ngroups = si_catalog_groups(s->row.id, s->row.data_source_id, &groups);
	if (si_supervisor_wrong_bounds(s, groups, ngroups, now))
	{
		(void) stop_all(s, tasks, ntasks);
		return;
	}
	choose_stops(s, tasks, ntasks, now);
	si_load_gaps(s);
	if (s->ends_known)
	{
		si_supervisor_scale(s, groups, ngroups, now);
		si_state_event(&s->machine, SI_EVENT_PHASE, SI_STATE_DISCOVERING_INITIAL_TASKS);
		if (s->ends.npartitions == 0)
			si_supervisor_note(s, s->spec->topic ? "topic \"%s\" has no partitions" : "no topic matches \"%s\"",
							   si_spec_stream(s->spec));
		else if (plan_regroup(s, groups, ngroups, tasks, ntasks, now))
		{
			s->dirty = si_supervisor_quiet(s) && s->note[0] == '\0';
			return;
		}
	}
	else
	{
		/* groups of the same topic go on without waiting for the broker's answer */
		for (int i = 0; i < ngroups; i++)
			if (strcmp(groups[i].topic, si_spec_stream(s->spec)) != 0 || groups[i].state.npartitions == 0)
				return;
	}
	if (plan_idle(s, groups, ngroups, tasks, ntasks, now))
		return;
	for (int i = 0; i < ngroups; i++)
	{
		plan_group(s, &groups[i], tasks, ntasks, now);
		halted |= groups[i].halted != NULL;
	}
	si_state_event(&s->machine, SI_EVENT_HALTED, halted);
	plan_completed(s, groups, ngroups, ntasks);
}
