/*
 * supervisor.c
 *		The life of a supervisor between plans: its processes, its questions
 *		to the broker, its errors.
 *
 * supervisor_plan.c decides what should be; this file sees to what is.  An
 * ERROR in a step is this supervisor's alone.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/clock.h"
#include "common/guc.h"
#include "datatype/timestamp.h"
#include "files/sweep.h"
#include "format/reason.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/supervisor.h"
#include "worker/worker_queue.h"

#define ASK_ACTIVE_MS	1000
#define ASK_IDLE_MIN_MS 5000
#define ANSWER_LIMIT_MS 60000
#define PLAN_MS			1000
#define HEALTHY_MS		5000	/* a reader that has read for so long is well */

int64
si_unix_ms(TimestampTz t)
{
	return t / 1000 + ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)) * SECS_PER_DAY * 1000;
}

bool
si_guard(void (*fn) (void *arg), void *arg, const char *what, int *sqlstate, char *message, Size message_size)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool ok = true;

	PG_TRY();
	{
		fn(arg);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		HOLD_INTERRUPTS();
		errcontext("%s", what);
		edata = CopyErrorData();
		EmitErrorReport();
		FlushErrorState();
		si_catalog_abort();
		LWLockReleaseAll();
		RESUME_INTERRUPTS();
		MemoryContextSwitchTo(context);
		if (sqlstate)
			*sqlstate = edata->sqlerrcode;
		if (message)
			si_format_copy(message, edata->message ? edata->message : "", message_size);
		FreeErrorData(edata);
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return ok;
}

/* ------------------------------------------------------------- coming and going */

SiSupervisor *
si_supervisor_create(const SiSupervisorRow *row)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "stream_ingest supervisor", ALLOCSET_SMALL_SIZES);
	SiSupervisor *s = MemoryContextAllocZero(context, sizeof(SiSupervisor));
	TimestampTz now = si_now();

	s->context = context;
	s->spec_context = AllocSetContextCreate(context, "spec", ALLOCSET_SMALL_SIZES);
	s->step_context = AllocSetContextCreate(context, "step", ALLOCSET_SMALL_SIZES);
	s->answer_context = AllocSetContextCreate(context, "answer", ALLOCSET_SMALL_SIZES);
	s->ends_context = AllocSetContextCreate(context, "ends", ALLOCSET_SMALL_SIZES);
	s->streams_context = AllocSetContextCreate(context, "streams", ALLOCSET_SMALL_SIZES);
	s->row = *row;
	s->row.id = MemoryContextStrdup(context, row->id);
	si_state_init(&s->machine, row->suspended);
	s->dirty = true;
	s->ask_next = now;
	return s;
}

void
si_supervisor_destroy(SiSupervisor *s)
{
	MemoryContextDelete(s->context);
}

void
si_supervisor_forget_ends(SiSupervisor *s)
{
	MemoryContextReset(s->ends_context);
	memset(&s->ends, 0, sizeof(s->ends));
	s->ends_times = NULL;
	s->ends_known = s->answered = false;
	s->ends_at = s->answer_at = 0;
	s->ticket = 0;
	s->ask_next = 0;
}

void
si_supervisor_row_changed(SiSupervisor *s, const SiSupervisorRow *row)
{
	char	   *id = s->row.id;
	bool		suspended = s->row.suspended;

	s->row = *row;
	s->row.id = id;
	s->spec = NULL;
	s->dirty = true;
	/* of another topic or broker, or of the day before the suspension */
	if (!row->suspended)
		si_supervisor_forget_ends(s);
	s->halt_retries = 0;
	s->moved_at = 0;
	si_backoff_clear(&s->step_backoff);
	/* a bounded stream that was read begins anew with another spec */
	if (s->machine.state == SI_STATE_COMPLETED)
		si_state_init(&s->machine, row->suspended);
	else if (suspended != row->suspended)
		si_state_event(&s->machine, SI_EVENT_STEADY,
					   row->suspended ? SI_STATE_SUSPENDED : SI_STATE_RUNNING);
}

SiReader *
si_supervisor_reader(SiSupervisor *s, int group_id)
{
	ListCell   *lc;
	SiReader   *r;
	MemoryContext old;

	foreach(lc, s->readers)
	{
		r = lfirst(lc);
		if (r->group_id == group_id)
			return r;
	}
	old = MemoryContextSwitchTo(s->context);
	r = palloc0(sizeof(SiReader));
	r->group_id = group_id;
	r->ref = SI_NO_WORKER;
	s->readers = lappend(s->readers, r);
	MemoryContextSwitchTo(old);
	return r;
}

void
si_supervisor_adopt(SiSupervisor *s, int group_id, SiWorkerRef ref)
{
	si_supervisor_reader(s, group_id)->ref = ref;
}

void
si_supervisor_set_pending(SiSupervisor *s, const SiRequestRow *r)
{
	MemoryContext old = MemoryContextSwitchTo(s->context);

	/* a terminate does not wait for a reset that waits for the broker */
	if (s->pending)
		pfree(s->pending);
	s->pending = palloc0(sizeof(SiRequestRow));
	s->pending_at = si_now();
	s->quiet_at = si_supervisor_quiet(s) ? s->pending_at : 0;
	s->reset_waits = false;
	s->requeueing = false;
	s->pending->request_id = r->request_id;
	s->pending->supervisor_id = s->row.id;
	s->pending->verb = r->verb;
	s->pending->data_source_id = r->data_source_id;
	if (r->verb == SI_VERB_RESET)
	{
		si_supervisor_keep_reset(s->pending, r);
		s->ask_next = 0;
	}
	MemoryContextSwitchTo(old);
	s->dirty = true;
	if (r->verb == SI_VERB_TERMINATE)
		si_state_event(&s->machine, SI_EVENT_PHASE, SI_STATE_STOPPING);
}

/* -------------------------------------------------------------------- processes */

bool
si_supervisor_quiet(const SiSupervisor *s)
{
	ListCell   *lc;

	foreach(lc, s->readers)
		if (((SiReader *) lfirst(lc))->ref.index >= 0)
			return false;
	return true;
}

void
si_supervisor_stop_readers(SiSupervisor *s)
{
	ListCell   *lc;

	foreach(lc, s->readers)
	{
		SiReader   *r = lfirst(lc);

		r->wanted = false;
		si_pool_stop(&r->ref);
	}
	si_standbys_stop(s);
}

void
si_supervisor_restart_reader(SiSupervisor *s, int group_id)
{
	si_pool_stop(&si_supervisor_reader(s, group_id)->ref);
	s->dirty = true;
}

bool
si_supervisor_active(const SiSupervisor *s)
{
	return !si_supervisor_quiet(s);
}

/* A reader has ended: what it means for the next one. */
static void
reader_ended(SiSupervisor *s, SiReader *r, TimestampTz now)
{
	s->dirty = true;
	switch (r->report.exit)
	{
		case SI_EXIT_STOPPED:
		case SI_EXIT_IDLE:
			break;
		case SI_EXIT_HALTED:
			si_state_event(&s->machine, SI_EVENT_TASK_FAILED, 0);
			break;
		case SI_EXIT_LOST_RACE:
			si_backoff_failed(&r->backoff, now);
			break;
		case SI_EXIT_NONE:
		case SI_EXIT_ERROR:
			si_sweep_orphans_soon();
			si_backoff_failed(&r->backoff, now);
			si_state_event(&s->machine, SI_EVENT_TASK_FAILED, 0);
			si_state_error(&s->machine, si_unix_ms(now), false, "TaskFailure",
						   r->report.message[0] ? r->report.message : "the process of a reading task has ended without a word");
			break;
	}
}

static void
look_at_readers(SiSupervisor *s, TimestampTz now)
{
	ListCell   *lc;

	foreach(lc, s->readers)
	{
		SiReader   *r = lfirst(lc);

		switch (si_pool_look(&r->ref, &r->report))
		{
			case SI_PROCESS_ENDED:
				r->holding = false;
				reader_ended(s, r, now);
				break;
			case SI_PROCESS_RUNNING:
				if (r->report.reading && !r->report.stream_failing &&
					TimestampDifferenceExceeds(r->report.started, now, HEALTHY_MS))
					si_backoff_clear(&r->backoff);
				break;
			default:
				break;
		}
	}
}

/* How many of its reading tasks have a process. */
static int
running_readers(const SiSupervisor *s)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, s->readers)
		n += ((SiReader *) lfirst(lc))->ref.index >= 0;
	return n;
}

static void
start_readers(SiSupervisor *s, TimestampTz now)
{
	int			capacity = s->spec->worker_capacity;
	ListCell   *lc;

	foreach(lc, s->readers)
	{
		SiReader   *r = lfirst(lc);
		char		why[128] = "others wait before it";
		int			position;

		if (!r->wanted || r->ref.index >= 0 || r->backoff.retry_at > now)
			continue;
		if (capacity > 0 && running_readers(s) >= capacity)
		{
			si_supervisor_note(s, "the task of group %d waits: context.workerCapacity is %d", r->group_id, capacity);
			continue;
		}
		/* a process that parses again is told so when it is started */
		if (!s->requeueing && si_standby_promote(s, r))
		{
			si_queue_leave(s->row.id, r->group_id);
			continue;
		}
		if (si_queue_may_start(s->row.id, r->group_id, now, &position) &&
			si_pool_start(SI_WORKER_READING, s->row.data_source_id, s->row.id, r->group_id,
						  s->row.spec_version, s->requeueing, &r->ref, why, sizeof(why)))
		{
			si_queue_leave(s->row.id, r->group_id);
			continue;
		}
		si_queue_wait(s->row.id, r->group_id, now, &position);
		si_supervisor_note(s, "the task of group %d waits at place %d of the queue: %s", r->group_id, position, why);
	}
}

int64
si_supervisor_backlog_limit(const SiSupervisor *s)
{
	return (int64) si_merge_fan_in * (SI_BACKLOG_MERGES + s->spec->max_pending_persists);
}

void
si_supervisor_backlog(SiSupervisor *s, int group_id, int64 deltas)
{
	int64		limit;
	ListCell   *lc;

	if (s->spec == NULL)
		return;
	limit = si_supervisor_backlog_limit(s);
	foreach(lc, s->readers)
	{
		SiReader   *r = lfirst(lc);

		if (r->group_id != group_id || r->ref.index < 0)
			continue;
		if (r->holding ? deltas < limit / 2 : deltas > limit)
		{
			r->holding = !r->holding;
			si_pool_hold(&r->ref, r->holding);
		}
	}
}

bool
si_supervisor_yield(SiSupervisor *s, TimestampTz now, int64 ms)
{
	ListCell   *lc;

	if (si_standbys_yield(s))
		return true;
	foreach(lc, s->readers)
	{
		SiReader   *r = lfirst(lc);

		if (r->ref.index < 0)
			continue;
		si_pool_stop(&r->ref);
		r->backoff.retry_at = TimestampTzPlusMilliseconds(now, ms);
		return true;
	}
	return false;
}

/* ------------------------------------------------------------------------ broker */

/* Errors of the stream come every second while it lasts: each is kept once a while. */
void
si_supervisor_stream_failed(SiSupervisor *s, TimestampTz now, const char *message)
{
	SiStateMachine *m = &s->machine;

	for (int i = 0; i < m->nerrors; i++)
	{
		SiStateError *e = &m->errors[i];

		if (e->stream && strncmp(e->message, message, sizeof(e->message) - 1) == 0 &&
			si_unix_ms(now) - e->at < ANSWER_LIMIT_MS)
		{
			si_state_event(m, SI_EVENT_ERROR, 0);
			return;
		}
	}
	si_state_error(m, si_unix_ms(now), true, "StreamException", message);
}

static void
ask_broker(SiSupervisor *s, TimestampTz now)
{
	TimestampTz begin;

	if (s->ticket != 0 && TimestampDifferenceExceeds(s->asked_at, now, ANSWER_LIMIT_MS))
	{
		s->ticket = 0;
		if (!s->row.suspended)
		{
			si_supervisor_stream_failed(s, now, "the broker has not answered for a minute");
			si_state_event(&s->machine, SI_EVENT_RUN_FINISHED, 0);
		}
	}
	begin = TimestampTzPlusMilliseconds(s->row.created, s->spec->start_delay);
	if (s->ticket != 0 || now < s->ask_next || now < begin)
		return;
	if (!s->row.suspended)
		si_state_event(&s->machine, SI_EVENT_PHASE, SI_STATE_CONNECTING_TO_STREAM);
	s->ticket = si_kafka_monitor_ask_at(s->spec, s->pending && s->pending->time_ms > 0 ? s->pending->time_ms : -1);
	s->asked_at = now;
}

/* Somebody waits to hear of the ends: an idle supervisor asks as often as one that reads. */
static void
hurry_for_fence(SiSupervisor *s, TimestampTz now)
{
	if ((uint64) now < pg_atomic_read_u64(&si_shmem->fence_until_us) && s->ask_backoff.failures == 0)
		s->ask_next = Min(s->ask_next, TimestampTzPlusMilliseconds(s->asked_at, ASK_ACTIVE_MS));
}

/* When to ask again after an answer. */
static void
schedule_ask(SiSupervisor *s, TimestampTz now, bool ok)
{
	int64		ms;

	if (!ok)
	{
		/* the first retry too waits a second */
		s->ask_backoff.failures = Max(s->ask_backoff.failures, 1);
		si_backoff_failed(&s->ask_backoff, now);
		s->ask_next = Min(s->ask_backoff.retry_at,
						  TimestampTzPlusMilliseconds(now, Max(s->spec->period, ASK_ACTIVE_MS)));
		return;
	}
	si_backoff_clear(&s->ask_backoff);
	if (si_supervisor_active(s))
		ms = ASK_ACTIVE_MS;
	else if (s->machine.state == SI_STATE_IDLE)
		ms = Min(s->spec->period, ASK_IDLE_MIN_MS); /* it wakes when the stream grows */
	else
		ms = Max(s->spec->period, ASK_IDLE_MIN_MS);
	s->ask_next = TimestampTzPlusMilliseconds(now, ms);
}

static void
keep_answer(SiSupervisor *s, const SiTopicAnswer *answer)
{
	SiTopicAnswer *a = &s->answer;
	MemoryContext old;

	MemoryContextReset(s->answer_context);
	old = MemoryContextSwitchTo(s->answer_context);
	*a = *answer;
	a->topics = palloc(Max(a->ntopics, 1) * sizeof(SiTopicSize));
	for (int i = 0; i < a->ntopics; i++)
	{
		a->topics[i].topic = pstrdup(answer->topics[i].topic);
		a->topics[i].npartitions = answer->topics[i].npartitions;
	}
	if (answer->times)
		a->times = memcpy(palloc(Max(a->npartitions, 1) * sizeof(int64)), answer->times, a->npartitions * sizeof(int64));
	a->low = palloc(Max(a->npartitions, 1) * sizeof(int64));
	a->high = palloc(Max(a->npartitions, 1) * sizeof(int64));
	memcpy(a->low, answer->low, a->npartitions * sizeof(int64));
	memcpy(a->high, answer->high, a->npartitions * sizeof(int64));
	MemoryContextSwitchTo(old);
	s->answered = true;
	s->answer_at = s->asked_at;
}

bool
si_supervisor_answer(SiSupervisor *s, const SiTopicAnswer *answer)
{
	TimestampTz now = si_now();
	bool		ok = answer->error == SI_STREAM_OK;
	ListCell   *lc;

	if (s->ticket == 0 || answer->ticket != s->ticket)
		return false;
	s->ticket = 0;
	if (s->spec == NULL)
		return true;
	schedule_ask(s, now, ok);
	if (!ok && s->row.suspended)
		return true;
	if (!ok)
	{
		si_supervisor_stream_failed(s, now, answer->text);
		si_state_event(&s->machine, SI_EVENT_RUN_FINISHED, 0);
		return true;
	}
	keep_answer(s, answer);
	s->run_pending = true;
	foreach(lc, s->readers)
	{
		SiReader   *r = lfirst(lc);

		if (r->ref.index >= 0 && r->report.stream_failing)
			si_supervisor_stream_failed(s, now, r->report.message);
	}
	return true;
}

/* -------------------------------------------------------------------------- step */

void
si_supervisor_failed(SiSupervisor *s, int sqlstate, const char *message)
{
	si_state_error(&s->machine, si_unix_ms(si_now()), false, unpack_sql_state(sqlstate), message);
	si_state_event(&s->machine, SI_EVENT_RUN_FINISHED, 0);
}

void
si_supervisor_note(SiSupervisor *s, const char *fmt,...)
{
	char		text[256];
	Size		len = strlen(s->note);
	va_list		ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	si_format_trim(text);
	if (strstr(s->note, text) == NULL)
		snprintf(s->note + len, sizeof(s->note) - len, "%s%s", len > 0 ? "; " : "", text);
	si_format_trim(s->note);
}

static void
load_spec(SiSupervisor *s)
{
	MemoryContext old;
	char	   *json;

	si_catalog_begin(s->step_context);
	json = si_catalog_spec(s->row.id);
	if (json)
	{
		MemoryContextReset(s->spec_context);
		old = MemoryContextSwitchTo(s->spec_context);
		s->spec = si_spec_parse(json, true);
		MemoryContextSwitchTo(old);
	}
	si_catalog_commit();
}

/* A reader that reads well is a task that succeeds, once per finished run. */
static void
finish_run(SiSupervisor *s, TimestampTz now)
{
	bool		any = false;
	bool		well = true;
	ListCell   *lc;

	foreach(lc, s->readers)
	{
		SiReader   *r = lfirst(lc);

		if (!r->wanted)
			continue;
		any = true;
		well &= r->ref.index >= 0 && r->report.reading && !r->report.stream_failing &&
			TimestampDifferenceExceeds(r->report.started, now, HEALTHY_MS);
	}
	if (any && well)
	{
		s->halt_retries = 0;
		si_state_event(&s->machine, SI_EVENT_TASK_SUCCEEDED, 0);
	}
	si_state_event(&s->machine, SI_EVENT_RUN_FINISHED, 0);
	s->run_pending = false;
}

static void
step(void *arg)
{
	SiSupervisor *s = arg;
	TimestampTz now = si_now();
	SiStateThresholds thresholds = {
		si_unhealthiness_threshold, si_healthiness_threshold, si_task_unhealthiness_threshold, si_task_healthiness_threshold
	};
	bool		due;

	si_state_set_thresholds(&s->machine, &thresholds);
	look_at_readers(s, now);
	si_standbys_look(s, now);
	if (s->gone)
	{
		si_supervisor_stop_readers(s);
		return;
	}
	if (s->spec == NULL)
	{
		load_spec(s);
		if (s->spec == NULL)
			return;
	}
	hurry_for_fence(s, now);
	/* the lag is told while it is suspended, too; a bounded stream that is read has none */
	if (s->pending ? s->pending->verb == SI_VERB_RESET : s->machine.state != SI_STATE_COMPLETED)
		ask_broker(s, now);

	due = s->dirty || s->run_pending ||
		((!s->row.suspended || s->npublishing > 0 || s->pending) && TimestampDifferenceExceeds(s->planned_at, now, PLAN_MS));
	if (!due)
		return;
	s->dirty = false;
	s->planned_at = now;
	s->note[0] = '\0';
	si_catalog_begin(s->step_context);
	si_supervisor_plan(s, now);
	si_catalog_commit();
	start_readers(s, now);
	if (si_supervisor_reset_waits(s) && s->ask_next == 0)
		ask_broker(s, now);
	si_standbys_arrange(s, now);
	if (si_supervisor_active(s) && s->ask_backoff.failures == 0)
		s->ask_next = Min(s->ask_next, TimestampTzPlusMilliseconds(now, ASK_ACTIVE_MS));
	si_backoff_clear(&s->step_backoff);
	if (s->run_pending || s->row.suspended)
		finish_run(s, now);
}

void
si_supervisor_step(SiSupervisor *s)
{
	TimestampTz now = si_now();
	MemoryContext old;
	int			sqlstate;
	char		message[512];
	char		what[SI_ID_LEN + 32];

	if (s->step_backoff.retry_at > now)
		return;
	MemoryContextReset(s->step_context);
	old = MemoryContextSwitchTo(s->step_context);
	snprintf(what, sizeof(what), "step of supervisor \"%s\"", s->row.id);
	if (!si_guard(step, s, what, &sqlstate, message, sizeof(message)))
	{
		s->dirty = true;
		s->run_pending = false;
		si_supervisor_forget_streams(s);
		s->step_backoff.failures = Max(s->step_backoff.failures, 1);
		si_backoff_failed(&s->step_backoff, now);
		si_supervisor_failed(s, sqlstate, message);
	}
	MemoryContextSwitchTo(old);
}
