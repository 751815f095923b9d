/*
 * supervisor_state.h
 *		The state machine of a supervisor: which state it shows, from what
 *		happened.  Pure: no clock, no locks, no SQL.
 *
 * Only supervisor_state.c assigns a state.
 */
#ifndef SI_WORKER_SUPERVISOR_STATE_H
#define SI_WORKER_SUPERVISOR_STATE_H

#include "common/port.h"

/* The detailed states; si_state_basic() gives the state they belong to. */
typedef enum SiStateKind
{
	SI_STATE_PENDING = 0,
	SI_STATE_RUNNING,
	SI_STATE_IDLE,
	SI_STATE_SUSPENDED,
	SI_STATE_STOPPING,
	SI_STATE_COMPLETED,
	SI_STATE_UNHEALTHY_SUPERVISOR,
	SI_STATE_UNHEALTHY_TASKS,
	SI_STATE_UNABLE_TO_CONNECT_TO_STREAM,
	SI_STATE_LOST_CONTACT_WITH_STREAM,
	/* only before the first clean run */
	SI_STATE_CONNECTING_TO_STREAM,
	SI_STATE_DISCOVERING_INITIAL_TASKS,
	SI_STATE_CREATING_TASKS
} SiStateKind;

/* Consecutive failures that make unhealthy, and successes that heal, unless somebody says otherwise. */
#define SI_STATE_THRESHOLD	3
#define SI_STATE_MAX_ERRORS 10

typedef struct SiStateThresholds
{
	int			unhealthy_runs;
	int			healthy_runs;
	int			unhealthy_tasks;
	int			healthy_tasks;
} SiStateThresholds;

typedef struct SiStateError
{
	int64		at;				/* ms since the Unix epoch */
	bool		stream;			/* the broker's fault */
	char		class_name[64]; /* what kind of error */
	char		message[512];
} SiStateError;

typedef struct SiStateMachine
{
	SiStateKind state;
	SiStateKind steady;			/* RUNNING or SUSPENDED: where a clean run leads */
	bool		first_run_done; /* a run has ended without an error */
	bool		run_failed;		/* an error in the current run */
	bool		run_stream_only;	/* and all of them were the stream's */
	bool		streak_stream_only; /* the same of all runs of the failing streak */
	bool		halted;			/* a task group reads no more until somebody acts */
	int			failed_runs;	/* consecutive */
	int			clean_runs;
	int			failed_tasks;	/* consecutive */
	int			good_tasks;
	bool		supervisor_ill; /* hit its threshold and has not healed */
	bool		tasks_ill;
	SiStateThresholds thresholds;
	int			max_errors;		/* that are kept: as many as the larger threshold of runs */
	int			nerrors;		/* the newest, oldest first */
	SiStateError errors[SI_STATE_MAX_ERRORS];
} SiStateMachine;

typedef enum SiStateEvent
{
	SI_EVENT_PHASE,				/* arg: a SiStateKind that the supervisor is about to be in */
	SI_EVENT_ERROR,				/* an error in the current run (si_state_error) */
	SI_EVENT_RUN_FINISHED,
	SI_EVENT_TASK_SUCCEEDED,
	SI_EVENT_TASK_FAILED,
	SI_EVENT_HALTED,			/* arg: 1 a group is halted, 0 none */
	SI_EVENT_STEADY				/* arg: SI_STATE_RUNNING or SI_STATE_SUSPENDED */
} SiStateEvent;

/* A new supervisor, with thresholds of SI_STATE_THRESHOLD. */
extern void si_state_init(SiStateMachine *m, bool suspended);
/* Other thresholds, from the next event on; of the errors the newest are kept, SI_STATE_MAX_ERRORS at most. */
extern void si_state_set_thresholds(SiStateMachine *m, const SiStateThresholds *t);
/* The one function that changes the state. */
extern void si_state_event(SiStateMachine *m, SiStateEvent event, int arg);
/* Records an error of the current run; the message is cut to fit. */
extern void si_state_error(SiStateMachine *m, int64 at, bool stream, const char *class_name,
						   const char *message);

extern SiStateKind si_state_basic(SiStateKind detailed);
extern bool si_state_healthy(SiStateKind detailed);
/* "RUNNING", "UNABLE_TO_CONNECT_TO_STREAM", ... */
extern const char *si_state_name(SiStateKind detailed);

#endif							/* SI_WORKER_SUPERVISOR_STATE_H */
