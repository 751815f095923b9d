/*
 * test_supervisor_state.c
 *		The state machine of supervisors against what Druid's own tests
 *		expect of theirs, and our halted groups.
 */
#include "harness.h"

#include "worker/supervisor_state.h"

static SiStateMachine m;

static void
start(void)
{
	static const SiStateThresholds thresholds = {3, 3, 3, 3};

	si_state_init(&m, false);
	si_state_set_thresholds(&m, &thresholds);
	m.max_errors = SI_STATE_MAX_ERRORS;
}

static void
phase(SiStateKind kind)
{
	si_state_event(&m, SI_EVENT_PHASE, kind);
}

static void
finish_run(void)
{
	si_state_event(&m, SI_EVENT_RUN_FINISHED, 0);
}

static void
failed_run(bool stream)
{
	si_state_error(&m, 0, stream, "IllegalStateException", "DOH!");
	finish_run();
}

static void
task(bool ok)
{
	si_state_event(&m, ok ? SI_EVENT_TASK_SUCCEEDED : SI_EVENT_TASK_FAILED, 0);
}

#define IS(kind) CHECK_STR(si_state_name(m.state), si_state_name(kind))
#define BASIC(kind) CHECK_STR(si_state_name(si_state_basic(m.state)), si_state_name(kind))

/* state-01 of Druid's cases */
static void
first_run(void)
{
	start();
	IS(SI_STATE_PENDING);
	phase(SI_STATE_CONNECTING_TO_STREAM);
	IS(SI_STATE_CONNECTING_TO_STREAM);
	BASIC(SI_STATE_RUNNING);
	phase(SI_STATE_DISCOVERING_INITIAL_TASKS);
	IS(SI_STATE_DISCOVERING_INITIAL_TASKS);
	phase(SI_STATE_CREATING_TASKS);
	IS(SI_STATE_CREATING_TASKS);
	finish_run();
	IS(SI_STATE_RUNNING);
	phase(SI_STATE_PENDING);
	IS(SI_STATE_RUNNING);
	phase(SI_STATE_CONNECTING_TO_STREAM);
	IS(SI_STATE_RUNNING);
}

/* state-02 of Druid's cases: IDLE stays until another state is set */
static void
idle(void)
{
	start();
	finish_run();
	phase(SI_STATE_IDLE);
	IS(SI_STATE_IDLE);
	finish_run();
	IS(SI_STATE_IDLE);
	phase(SI_STATE_RUNNING);
	IS(SI_STATE_RUNNING);
}

/* state-03 of Druid's cases */
static void
stopping(void)
{
	start();
	phase(SI_STATE_STOPPING);
	IS(SI_STATE_STOPPING);
	phase(SI_STATE_CREATING_TASKS);
	IS(SI_STATE_STOPPING);
	finish_run();
	IS(SI_STATE_STOPPING);
	for (int i = 0; i < 3; i++)
		failed_run(true);
	IS(SI_STATE_STOPPING);
}

/* state-04 of Druid's cases */
static void
stream_failures(void)
{
	start();
	finish_run();
	for (int i = 0; i < 2; i++)
	{
		failed_run(true);
		IS(SI_STATE_RUNNING);
	}
	failed_run(true);
	IS(SI_STATE_LOST_CONTACT_WITH_STREAM);
	BASIC(SI_STATE_UNHEALTHY_SUPERVISOR);
	CHECK_INT(m.nerrors, 3);
	CHECK(m.errors[2].stream, "an error of the stream");
	CHECK_STR(m.errors[2].class_name, "IllegalStateException");

	/* heals after three clean runs */
	finish_run();
	IS(SI_STATE_LOST_CONTACT_WITH_STREAM);
	finish_run();
	IS(SI_STATE_LOST_CONTACT_WITH_STREAM);
	finish_run();
	IS(SI_STATE_RUNNING);

	/* state-05 of Druid's cases: no run was ever clean */
	start();
	phase(SI_STATE_CONNECTING_TO_STREAM);
	failed_run(true);
	IS(SI_STATE_CONNECTING_TO_STREAM);
	failed_run(true);
	IS(SI_STATE_CONNECTING_TO_STREAM);
	failed_run(true);
	IS(SI_STATE_UNABLE_TO_CONNECT_TO_STREAM);
	BASIC(SI_STATE_UNHEALTHY_SUPERVISOR);
	CHECK(!si_state_healthy(m.state), "unable to connect is unhealthy");
	for (int i = 0; i < 3; i++)
		finish_run();
	IS(SI_STATE_RUNNING);
}

/* state-06, state-07 of Druid's cases */
static void
other_failures(void)
{
	start();
	phase(SI_STATE_DISCOVERING_INITIAL_TASKS);
	for (int i = 0; i < 3; i++)
		failed_run(false);
	IS(SI_STATE_UNHEALTHY_SUPERVISOR);
	CHECK(!m.errors[0].stream, "not an error of the stream");

	/* one of three is not the stream's */
	start();
	finish_run();
	failed_run(true);
	failed_run(false);
	failed_run(true);
	IS(SI_STATE_UNHEALTHY_SUPERVISOR);

	/* two failures and a success, twice */
	start();
	finish_run();
	for (int i = 0; i < 2; i++)
	{
		failed_run(false);
		IS(SI_STATE_RUNNING);
		failed_run(false);
		IS(SI_STATE_RUNNING);
		finish_run();
		IS(SI_STATE_RUNNING);
	}
	CHECK_INT(m.nerrors, 4);
}

/* state-08, state-12 of Druid's cases */
static void
task_failures(void)
{
	start();
	finish_run();
	for (int i = 0; i < 3; i++)
	{
		IS(SI_STATE_RUNNING);
		task(false);
		finish_run();
	}
	IS(SI_STATE_UNHEALTHY_TASKS);
	CHECK_INT(m.nerrors, 0);
	for (int i = 0; i < 2; i++)
	{
		task(true);
		finish_run();
		IS(SI_STATE_UNHEALTHY_TASKS);
	}
	task(true);
	finish_run();
	IS(SI_STATE_RUNNING);

	/* the supervisor's own illness is shown first */
	start();
	finish_run();
	for (int i = 0; i < 3; i++)
	{
		task(false);
		failed_run(false);
	}
	IS(SI_STATE_UNHEALTHY_SUPERVISOR);
}

/* Tasks of which every other one fails; recovery before the first clean run: more of Druid's tests */
static void
transient_failures(void)
{
	start();
	finish_run();
	for (int i = 0; i < 6; i++)
	{
		IS(SI_STATE_RUNNING);
		task(false);
		task(true);
		finish_run();
	}
	IS(SI_STATE_RUNNING);
	CHECK_INT(m.nerrors, 0);

	start();
	for (int i = 0; i < 3; i++)
	{
		IS(SI_STATE_PENDING);
		failed_run(false);
	}
	for (int i = 0; i < 3; i++)
	{
		IS(SI_STATE_UNHEALTHY_SUPERVISOR);
		finish_run();
	}
	IS(SI_STATE_RUNNING);
	CHECK_INT(m.nerrors, 3);
}

/* state-13 of Druid's cases: errors in their order, each with its class, and whether it is the stream's */
static void
errors(void)
{
	static const struct
	{
		const char *class_name;
		bool		stream;
	}			events[] = {
		{"java.lang.UnsupportedOperationException", true},
		{"java.lang.NullPointerException", false},
		{"java.lang.Exception", true},
		{"java.lang.IllegalArgumentException", false},
	};

	start();
	for (int i = 0; i < lengthof(events); i++)
	{
		si_state_error(&m, i, events[i].stream, events[i].class_name, "oof");
		finish_run();
	}
	IS(SI_STATE_UNHEALTHY_SUPERVISOR);
	CHECK_INT(m.nerrors, lengthof(events));
	for (int i = 0; i < lengthof(events); i++)
	{
		CHECK_STR(m.errors[i].class_name, events[i].class_name);
		CHECK(m.errors[i].stream == events[i].stream, "error %d is%s the stream's", i, events[i].stream ? "" : " not");
		CHECK_STR(m.errors[i].message, "oof");
	}
}

static void
suspended(void)
{
	si_state_init(&m, true);
	IS(SI_STATE_PENDING);
	finish_run();
	IS(SI_STATE_SUSPENDED);
	si_state_event(&m, SI_EVENT_STEADY, SI_STATE_RUNNING);
	IS(SI_STATE_RUNNING);
	si_state_event(&m, SI_EVENT_STEADY, SI_STATE_SUSPENDED);
	IS(SI_STATE_SUSPENDED);
	for (int i = 0; i < 5; i++)
		failed_run(false);
	CHECK_INT(m.nerrors, 3);
}

static void
halted(void)
{
	start();
	finish_run();
	si_state_event(&m, SI_EVENT_HALTED, 1);
	IS(SI_STATE_UNHEALTHY_TASKS);
	finish_run();
	IS(SI_STATE_UNHEALTHY_TASKS);
	si_state_event(&m, SI_EVENT_HALTED, 0);
	IS(SI_STATE_RUNNING);
}

/* Each threshold counts for itself. */
static void
thresholds(void)
{
	static const SiStateThresholds other = {2, 1, 4, 2};
	static const SiStateThresholds less = {1, 1, 4, 2};

	si_state_init(&m, false);
	si_state_set_thresholds(&m, &other);
	finish_run();
	failed_run(false);
	IS(SI_STATE_RUNNING);
	failed_run(false);
	IS(SI_STATE_UNHEALTHY_SUPERVISOR);
	finish_run();
	IS(SI_STATE_RUNNING);
	for (int i = 0; i < 4; i++)
	{
		IS(SI_STATE_RUNNING);
		task(false);
		finish_run();
	}
	IS(SI_STATE_UNHEALTHY_TASKS);
	task(true);
	finish_run();
	IS(SI_STATE_UNHEALTHY_TASKS);
	task(true);
	finish_run();
	IS(SI_STATE_RUNNING);

	/* as many errors are kept as the larger one says, the newest */
	CHECK_INT(m.nerrors, 2);
	si_state_error(&m, 77, true, "StreamException", "the last");
	si_state_set_thresholds(&m, &less);
	CHECK_INT(m.nerrors, 1);
	CHECK_INT(m.errors[0].at, 77);
}

/* A message that is cut ends with a whole character. */
static void
long_message(void)
{
	char		message[2001] = "x";
	const char *kept;

	for (int i = 1; i < 2000; i += 2)
		memcpy(message + i, i < 1999 ? "\xC3\xA9" : "\0\0", 2);
	start();
	si_state_error(&m, 0, false, "IllegalStateException", message);
	kept = m.errors[m.nerrors - 1].message;
	CHECK_INT(strlen(kept) % 2, 1);
	CHECK(strlen(kept) >= sizeof(m.errors[0].message) - 2, "%d", (int) strlen(kept));
	CHECK(strncmp(kept, message, strlen(kept)) == 0, "%s", kept);
}

int
main(void)
{
	thresholds();
	long_message();
	first_run();
	idle();
	stopping();
	stream_failures();
	other_failures();
	task_failures();
	transient_failures();
	errors();
	suspended();
	halted();
	return harness_end("test_supervisor_state");
}
