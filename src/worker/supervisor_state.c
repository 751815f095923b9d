/*
 * supervisor_state.c
 *		The transition function of a supervisor's state, with Druid's rules;
 *		the diagram is in README.md.
 *
 * Rules, strongest first: STOPPING and COMPLETED are final; three failed runs
 * in a row show as UNHEALTHY_SUPERVISOR (or, if only the stream failed, as
 * one of its two detailed forms); a halted group or three failed tasks in a
 * row show as UNHEALTHY_TASKS; what has been unhealthy stays so until three
 * successes in a row; the states of the first run are not shown after it.
 * Each "three" is a threshold of its own.
 */
#include "common/port.h"

#include "format/reason.h"
#include "worker/supervisor_state.h"

static const struct
{
	const char *name;
	SiStateKind basic;
	bool		healthy;
	bool		first_run_only;
}			states[] = {
	[SI_STATE_PENDING] = {"PENDING", SI_STATE_PENDING, true, false},
	[SI_STATE_RUNNING] = {"RUNNING", SI_STATE_RUNNING, true, false},
	[SI_STATE_IDLE] = {"IDLE", SI_STATE_IDLE, true, false},
	[SI_STATE_SUSPENDED] = {"SUSPENDED", SI_STATE_SUSPENDED, true, false},
	[SI_STATE_STOPPING] = {"STOPPING", SI_STATE_STOPPING, true, false},
	[SI_STATE_COMPLETED] = {"COMPLETED", SI_STATE_COMPLETED, true, false},
	[SI_STATE_UNHEALTHY_SUPERVISOR] = {"UNHEALTHY_SUPERVISOR", SI_STATE_UNHEALTHY_SUPERVISOR, false, false},
	[SI_STATE_UNHEALTHY_TASKS] = {"UNHEALTHY_TASKS", SI_STATE_UNHEALTHY_TASKS, false, false},
	[SI_STATE_UNABLE_TO_CONNECT_TO_STREAM] = {"UNABLE_TO_CONNECT_TO_STREAM", SI_STATE_UNHEALTHY_SUPERVISOR, false, true},
	[SI_STATE_LOST_CONTACT_WITH_STREAM] = {"LOST_CONTACT_WITH_STREAM", SI_STATE_UNHEALTHY_SUPERVISOR, false, false},
	[SI_STATE_CONNECTING_TO_STREAM] = {"CONNECTING_TO_STREAM", SI_STATE_RUNNING, true, true},
	[SI_STATE_DISCOVERING_INITIAL_TASKS] = {"DISCOVERING_INITIAL_TASKS", SI_STATE_RUNNING, true, true},
	[SI_STATE_CREATING_TASKS] = {"CREATING_TASKS", SI_STATE_RUNNING, true, true},
};

SiStateKind
si_state_basic(SiStateKind detailed)
{
	return states[detailed].basic;
}

bool
si_state_healthy(SiStateKind detailed)
{
	return states[detailed].healthy;
}

const char *
si_state_name(SiStateKind detailed)
{
	return states[detailed].name;
}

void
si_state_init(SiStateMachine *m, bool suspended)
{
	static const SiStateThresholds defaults = {
		SI_STATE_THRESHOLD, SI_STATE_THRESHOLD, SI_STATE_THRESHOLD, SI_STATE_THRESHOLD
	};

	memset(m, 0, sizeof(*m));
	m->state = SI_STATE_PENDING;
	m->steady = suspended ? SI_STATE_SUSPENDED : SI_STATE_RUNNING;
	m->streak_stream_only = m->run_stream_only = true;
	si_state_set_thresholds(m, &defaults);
}

void
si_state_set_thresholds(SiStateMachine *m, const SiStateThresholds *t)
{
	int			more;

	m->thresholds = *t;
	m->max_errors = Min(Max(t->unhealthy_runs, t->healthy_runs), SI_STATE_MAX_ERRORS);
	more = m->nerrors - m->max_errors;
	if (more > 0)
	{
		memmove(&m->errors[0], &m->errors[more], m->max_errors * sizeof(SiStateError));
		m->nerrors = m->max_errors;
	}
}

/* Counts the end of a run. */
static void
count_run(SiStateMachine *m)
{
	if (m->run_failed)
	{
		m->streak_stream_only = m->run_stream_only && (m->failed_runs == 0 || m->streak_stream_only);
		m->failed_runs++;
		m->clean_runs = 0;
	}
	else
	{
		m->first_run_done = true;
		m->clean_runs++;
		m->failed_runs = 0;
	}
	m->run_failed = false;
	m->run_stream_only = true;
}

static void
count_task(SiStateMachine *m, bool success)
{
	if (success)
	{
		m->good_tasks++;
		m->failed_tasks = 0;
	}
	else
	{
		m->failed_tasks++;
		m->good_tasks = 0;
	}
}

/* The state to show when the supervisor would be in the proposed one. */
static SiStateKind
next_state(SiStateMachine *m, SiStateKind proposed)
{
	if (m->state == SI_STATE_STOPPING || m->state == SI_STATE_COMPLETED)
		return m->state;
	if (proposed == SI_STATE_STOPPING)
		return proposed;

	if (m->failed_runs >= m->thresholds.unhealthy_runs)
		m->supervisor_ill = true;
	else if (m->clean_runs >= m->thresholds.healthy_runs)
		m->supervisor_ill = false;
	if (m->failed_tasks >= m->thresholds.unhealthy_tasks)
		m->tasks_ill = true;
	else if (m->good_tasks >= m->thresholds.healthy_tasks)
		m->tasks_ill = false;

	if (m->failed_runs >= m->thresholds.unhealthy_runs)
	{
		if (!m->streak_stream_only)
			return SI_STATE_UNHEALTHY_SUPERVISOR;
		return m->first_run_done ? SI_STATE_LOST_CONTACT_WITH_STREAM : SI_STATE_UNABLE_TO_CONNECT_TO_STREAM;
	}
	if (m->halted || m->failed_tasks >= m->thresholds.unhealthy_tasks)
		return SI_STATE_UNHEALTHY_TASKS;
	if (m->supervisor_ill)
		return si_state_healthy(m->state) ? SI_STATE_UNHEALTHY_SUPERVISOR : m->state;
	if (m->tasks_ill)
		return SI_STATE_UNHEALTHY_TASKS;

	/* before the first clean run its phases are shown, after it the steady state is */
	if (m->first_run_done && (states[proposed].first_run_only || proposed == SI_STATE_PENDING))
		return m->state == SI_STATE_IDLE ? SI_STATE_IDLE : m->steady;
	if (!m->first_run_done && proposed == SI_STATE_RUNNING)
		return si_state_healthy(m->state) ? m->state : SI_STATE_PENDING;
	return proposed;
}

void
si_state_event(SiStateMachine *m, SiStateEvent event, int arg)
{
	SiStateKind proposed = m->state == SI_STATE_IDLE ? SI_STATE_IDLE : m->steady;

	switch (event)
	{
		case SI_EVENT_PHASE:
			proposed = (SiStateKind) arg;
			break;
		case SI_EVENT_ERROR:
			m->run_failed = true;
			return;
		case SI_EVENT_RUN_FINISHED:
			count_run(m);
			break;
		case SI_EVENT_TASK_SUCCEEDED:
		case SI_EVENT_TASK_FAILED:
			/* shown when the run ends */
			count_task(m, event == SI_EVENT_TASK_SUCCEEDED);
			return;
		case SI_EVENT_HALTED:
			m->halted = (arg != 0);
			if (!m->halted && m->state != SI_STATE_UNHEALTHY_TASKS)
				return;
			break;
		case SI_EVENT_STEADY:
			m->steady = (SiStateKind) arg;
			proposed = m->steady;
			break;
	}
	m->state = next_state(m, proposed);
}

void
si_state_error(SiStateMachine *m, int64 at, bool stream, const char *class_name, const char *message)
{
	SiStateError *e;

	if (m->nerrors == m->max_errors)
	{
		memmove(&m->errors[0], &m->errors[1], (m->max_errors - 1) * sizeof(SiStateError));
		m->nerrors--;
	}
	e = &m->errors[m->nerrors++];
	e->at = at;
	e->stream = stream;
	strlcpy(e->class_name, class_name, sizeof(e->class_name));
	si_format_copy(e->message, message, sizeof(e->message));
	if (!stream)
		m->run_stream_only = false;
	si_state_event(m, SI_EVENT_ERROR, 0);
}
