/*
 * supervisor.h
 *		A supervisor inside the overlord: what it knows, and its step.
 *
 * Nothing here must survive the process: after a restart everything is read
 * from the catalog again, and running task processes are found in shared
 * memory.
 */
#ifndef SI_WORKER_SUPERVISOR_H
#define SI_WORKER_SUPERVISOR_H

#include "catalog/gaps.h"
#include "catalog/supervisors.h"
#include "nodes/pg_list.h"
#include "source/kafka_monitor.h"
#include "spec/spec.h"
#include "worker/autoscaler.h"
#include "worker/supervisor_state.h"
#include "worker/worker_pool.h"

/* The reading process of one task group, or the wish for one. */
typedef struct SiReader
{
	int			group_id;
	SiWorkerRef ref;
	SiWorkerReport report;		/* of the last look, while it runs */
	SiBackoff	backoff;
	bool		wanted;			/* the last plan says that it should run */
	bool		holding;
	int64		rows_check_at;	/* stored rows of the group at which the task's are counted again */
} SiReader;


typedef struct SiSupervisor
{
	MemoryContext context;		/* of this struct, while the supervisor is known */
	MemoryContext spec_context; /* of spec, replaced with it */
	MemoryContext step_context; /* reset before every step */
	SiSupervisorRow row;
	bool		gone;			/* its row is gone: end the processes, then forget it */
	SiSpec	   *spec;			/* NULL: to be read in the next step */

	SiStateMachine machine;
	char		note[512];		/* what keeps it from working, for status; empty: nothing */
	bool		run_pending;	/* an answer came: the next plan finishes a run */
	SiBackoff	step_backoff;

	/* what the broker said; asked through the monitor */
	uint64		ticket;			/* of the open question, or 0 */
	TimestampTz asked_at;
	TimestampTz ask_next;
	SiBackoff	ask_backoff;
	bool		answered;		/* answer is newer than ends */
	SiTopicAnswer answer;
	TimestampTz answer_at;
	MemoryContext answer_context;
	bool		ends_known;
	SiStreamEnds ends;			/* the answer, its topics numbered */
	TimestampTz ends_at;
	int64	   *ends_times;		/* of a reset to a time: the first offset; -1 not known, -2 none; or NULL */
	MemoryContext ends_context;
	bool		streams_known;
	int			nstreams;
	SiStream   *streams;		/* the topics of the data source, as committed */
	MemoryContext streams_context;

	/* supervisor_scale.c */
	SiScaler	scaler;
	int64		scaler_version; /* of the spec it was started for */
	uint64		activity;		/* hash of the ends and offsets of the last look */
	TimestampTz moved_at;		/* 0, or when something last moved or lagged */

	bool		dirty;			/* plan at the next step */
	TimestampTz planned_at;
	bool		restart;		/* readers of an older spec are to be replaced */
	bool		forgive;		/* parse exceptions count from 0 when the readers are gone */
	SiRequestRow *pending;		/* terminate or reset that waits for the readers to end */
	TimestampTz pending_at;
	TimestampTz quiet_at;		/* 0, or since when nothing reads while a reset is pending */
	bool		reset_waits;	/* it is a reset that waits for the broker */
	bool		requeueing;		/* the one process parses rejected messages again */
	int			halt_retries;
	int			fewer_answers;	/* of the broker, one after another: fewer partitions than are stored */
	SiGap	   *gaps;			/* open ones, loaded by each plan; in step_context */
	int			ngaps;
	List	   *readers;		/* of SiReader */
	List	   *standbys;		/* private to standby.c */
	SiBackoff	standby_backoff;
	int			npublishing;	/* publishing tasks at the last plan */
	TimestampTz trimmed_at;		/* when old tasks were removed */

	uint64		published_hash; /* of the status row written last */
	TimestampTz published_at;
} SiSupervisor;

extern SiSupervisor *si_supervisor_create(const SiSupervisorRow *row);
extern void si_supervisor_destroy(SiSupervisor *s);
/* The row has another version: the spec is read anew, readers follow. */
extern void si_supervisor_row_changed(SiSupervisor *s, const SiSupervisorRow *row);
/* Takes over a reading process that outlived the former overlord. */
extern void si_supervisor_adopt(SiSupervisor *s, int group_id, SiWorkerRef ref);
/* A reading process begins anew as soon as it has committed what it has. */
extern void si_supervisor_restart_reader(SiSupervisor *s, int group_id);
/* A verb that can be applied only when nothing reads. */
extern void si_supervisor_set_pending(SiSupervisor *s, const SiRequestRow *r);

/* Takes an answer of the monitor if it is this supervisor's. */
extern bool si_supervisor_answer(SiSupervisor *s, const SiTopicAnswer *answer);

/*
 * One step: looks at the processes, asks the broker, plans (one transaction)
 * and starts what is wanted.  Catches its own errors; never throws.
 */
extern void si_supervisor_step(SiSupervisor *s);
/* Whether it reads, has read a moment ago, or is about to. */
extern bool si_supervisor_active(const SiSupervisor *s);
/*
 * Deltas of level 0 that may wait to be merged before reading waits: several
 * seconds of commits at the smallest spacing, since merging is looked at once
 * a second and the process that merges may have to be started first.
 */
#define SI_BACKLOG_MERGES	16
extern int64 si_supervisor_backlog_limit(const SiSupervisor *s);
/* Lets the readers of a group wait while too many deltas are unmerged. */
extern void si_supervisor_backlog(SiSupervisor *s, int group_id, int64 deltas);

/*
 * Stops one reading process, to be started again after some time: somebody
 * else needs its place.  False when none reads.
 */
extern bool si_supervisor_yield(SiSupervisor *s, TimestampTz now, int64 ms);

/* Records an error of the stream; the same one is kept once a minute. */
extern void si_supervisor_stream_failed(SiSupervisor *s, TimestampTz now, const char *message);
/* Records an error that is not the stream's and ends the run. */
extern void si_supervisor_failed(SiSupervisor *s, int sqlstate, const char *message);
/* Milliseconds since the Unix epoch. */
extern int64 si_unix_ms(TimestampTz t);
/* Adds to the note, once. */
extern void si_supervisor_note(SiSupervisor *s, const char *fmt,...) pg_attribute_printf(2, 3);

/*
 * What the broker said is no longer to be used, nor what it is going to
 * answer: it is asked again before offsets are taken from it.
 */
extern void si_supervisor_forget_ends(SiSupervisor *s);

/* supervisor_streams.c: topics and their numbers; inside the step's transaction. */

/* The number of a topic, a new one if need be. */
extern int	si_supervisor_stream_id(SiSupervisor *s, const char *topic);
/* Reads the numbers of topics, once. */
extern void si_supervisor_load_streams(SiSupervisor *s);
/* Makes ends of an answer that came; topics that are new get their numbers. */
extern void si_supervisor_take_ends(SiSupervisor *s);
/* What was numbered in a transaction that has failed is not. */
extern void si_supervisor_forget_streams(SiSupervisor *s);
/* The stored partitions that the spec in force reads; true when all are. */
extern bool si_supervisor_keep_streams(SiSupervisor *s, SiGroupState *stored, int nstored);
/*
 * The ends, and stored partitions that the broker does not tell of: those of
 * several topics, and those that it has never told of.  After si_load_gaps().
 */
extern SiStreamEnds si_supervisor_ends_with(SiSupervisor *s, const SiGroupState *stored, int nstored);
/* As Druid writes it: the number, or topic:number where there are several topics. */
extern char *si_supervisor_partition(SiSupervisor *s, int32 partition);

/* supervisor_reset.c: a pending reset; inside the step's transaction. */

/* Copies what is the reset's into the current context. */
extern void si_supervisor_keep_reset(SiRequestRow *kept, const SiRequestRow *r);
/* Whether all is known that the pending reset needs; otherwise the broker is asked. */
extern bool si_supervisor_reset_ready(SiSupervisor *s);
/*
 * The same once nothing reads any more: what the broker told before does not
 * cover what was read since, and would pass for another log.  After some
 * seconds without an answer reading goes on, and the reset waits again.
 */
extern bool si_supervisor_reset_settled(SiSupervisor *s, TimestampTz now);
/* Whether it waits, as of the last plan. */
extern bool si_supervisor_reset_waits(SiSupervisor *s);
/* Applies it and forgets the request; nothing reads. */
extern void si_supervisor_reset(SiSupervisor *s);

/* supervisor_scale.c: how many tasks, or none; inside the step's transaction. */

/* The number of tasks that there should be. */
extern int	si_supervisor_task_count(const SiSupervisor *s);
/* Takes a sample of the lag and decides, when it is time for it. */
extern void si_supervisor_scale(SiSupervisor *s, const SiGroupRow *groups, int ngroups, TimestampTz now);
/* Whether the stream has been quiet for so long that nothing needs to read. */
extern bool si_supervisor_idle(SiSupervisor *s, const SiGroupRow *groups, int ngroups, TimestampTz now);
/* What boundedStreamConfig says of a partition, or NULL. */
extern const SiBound *si_supervisor_bound(SiSupervisor *s, int32 partition);
/* Narrows the ends to boundedStreamConfig. */
extern void si_supervisor_bound_ends(SiSupervisor *s);
/* Whether offsets of other bounds are stored, or the bounds are none: then it says so, and nothing may read. */
extern bool si_supervisor_wrong_bounds(SiSupervisor *s, const SiGroupRow *groups, int ngroups, TimestampTz now);

/* supervisor_plan.c: decides and writes; inside the step's transaction. */
extern void si_supervisor_plan(SiSupervisor *s, TimestampTz now);
/* Hands off the reading tasks of these groups and begins new ones; inside a transaction. */
extern void si_supervisor_hand_off(SiSupervisor *s, const int32 *group_ids, int n, TimestampTz now);
/*
 * A running task has failed by request; another one takes over what it has.
 * Inside a transaction.  Returns the group whose reading process is to begin
 * anew, or -1.
 */
extern int	si_supervisor_fail_task(SiSupervisor *s, const char *task_id, const char *error);
extern SiReader *si_supervisor_reader(SiSupervisor *s, int group_id);
extern bool si_supervisor_quiet(const SiSupervisor *s);
extern void si_supervisor_stop_readers(SiSupervisor *s);

/* standby.c: processes that wait to be the reader of a group. */

/* For how long a standby stays away that has made room. */
#define SI_STANDBY_YIELD_MS 60000

/* Takes over one that outlived the former overlord. */
extern void si_standbys_adopt(SiSupervisor *s, int group_id, SiWorkerRef ref);
/* Notices those that have ended. */
extern void si_standbys_look(SiSupervisor *s, TimestampTz now);
/* Asks all of them to end. */
extern void si_standbys_stop(SiSupervisor *s);
/* Asks one of them to end, since somebody needs its place; false when there is none. */
extern bool si_standbys_yield(SiSupervisor *s);
/* Makes one the reader of the group; false when there is none. */
extern bool si_standby_promote(SiSupervisor *s, SiReader *r);
/* After readers were started: starts and ends standbys, as replicas and the setting say. */
extern void si_standbys_arrange(SiSupervisor *s, TimestampTz now);

/* supervisor_gaps.c; inside the step's transaction. */

/* The open gaps of this plan. */
extern void si_load_gaps(SiSupervisor *s);
/* Whether the offset of a partition was set before the broker had told of it, and it still has not. */
extern bool si_gap_unknown_partition(const SiSupervisor *s, int32 partition);
/* Notes those that do not exist: of a supervisor that is suspended, whose gaps nobody else sees to. */
extern void si_note_unknown_partitions(SiSupervisor *s);
/* Sees to the gaps of a group; true when no task may read it now. */
extern bool si_plan_gaps(SiSupervisor *s, const SiGroupRow *g, SiReader *r, SiTaskRow *task, TimestampTz now);

/*
 * The broker tells of fewer partitions than the nstored whose offsets are
 * stored: nothing is read.  True when the stored offsets are to be forgotten,
 * which is recorded.
 */
extern bool si_plan_fewer_partitions(SiSupervisor *s, const SiGroupState *groups, int ngroups, int nstored,
									 TimestampTz now);
/* Groups that had no offsets begin at the end of the stream: how much they do not read. */
extern void si_record_start_at_end(SiSupervisor *s, const SiGroupState *groups, int ngroups);

/* supervisor_status.c: writes the status rows that changed; one transaction. */
extern void si_publish_status(List *supervisors);

/* verbs.c: applies request rows, each in its own transaction. */
extern void si_apply_requests(List *supervisors);

/* publishing.c: one publishing process per data source that needs one. */
extern void si_publishers_adopt(int64 data_source_id, const char *supervisor_id, SiWorkerRef ref);
extern void si_publishers_step(List *supervisors);

/*
 * Runs fn(arg); an ERROR is logged, the transaction rolled back, and false
 * returned with the SQLSTATE and the message.
 */
extern bool si_guard(void (*fn) (void *arg), void *arg, const char *what,
					 int *sqlstate, char *message, Size message_size);

#endif							/* SI_WORKER_SUPERVISOR_H */
