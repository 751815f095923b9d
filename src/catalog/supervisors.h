/*
 * supervisors.h
 *		What the overlord reads and writes: supervisors, requests, task
 *		groups, tasks, status.  SPI with kept plans.
 *
 * Everything is called between si_catalog_begin() and si_catalog_commit(), in
 * the overlord only.  Results are allocated in the context that was given to
 * si_catalog_begin() and belong to the caller.  Rows of another install are
 * never seen.  Errors are thrown.
 */
#ifndef SI_CATALOG_SUPERVISORS_H
#define SI_CATALOG_SUPERVISORS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "common/row_ranges.h"
#include "segment/segment.h"
#include "worker/groups.h"

typedef struct SiSupervisorRow
{
	char	   *id;
	int64		data_source_id;
	int64		spec_version;
	bool		suspended;
	int			task_count;		/* what the autoscaler has decided; 0: nothing */
	TimestampTz created;
} SiSupervisorRow;

typedef enum SiVerb
{
	SI_VERB_SUBMIT = 0,
	SI_VERB_SUSPEND,
	SI_VERB_RESUME,
	SI_VERB_TERMINATE,
	SI_VERB_RESET,
	SI_VERB_HANDOFF,
	SI_VERB_SHUTDOWN_TASK,
	SI_VERB_REQUEUE
} SiVerb;

/* Offsets of a reset that are not numbers; the first two are the broker's own. */
#define SI_RESET_LATEST		(-1)
#define SI_RESET_EARLIEST	(-2)
#define SI_RESET_TIME		(-3)
#define SI_RESET_SPEC		(-4)	/* as useEarliestOffset says */

typedef struct SiRequestRow
{
	int64		request_id;
	char	   *supervisor_id;
	SiVerb		verb;
	char	   *spec;			/* submit */
	char	   *search_path;	/* submit */
	Oid			submitted_as;	/* submit: owner of the table then */
	int64		data_source_id; /* what the supervisor filled that was meant */
	char	   *task_id;		/* shutdown_task */
	int			ntask_groups;	/* handoff */
	int32	   *task_groups;
	char	   *topics_json;	/* reset: topics of partitions as a JSON array */
	int			npartitions;	/* reset; 0: all, by the only one of offsets */
	int32	   *partitions;
	int			noffsets;
	int64	   *offsets;
	int64		time_ms;
	int64		rejected_to;	/* requeue: the last rejected message that is asked for */
} SiRequestRow;

typedef struct SiGroupRow
{
	SiGroupState state;
	char	   *topic;
	char	   *halted;			/* NULL, or why */
	TimestampTz halted_at;
} SiGroupRow;

/* A task that runs: it reads or is being published. */
typedef struct SiTaskRow
{
	char	   *task_id;
	int			group_id;
	bool		publishing;
	TimestampTz created;
	TimestampTz publishing_since;	/* 0: it reads */
	int			attempt;		/* to publish the same */
	int64		start_seq;
	int64		start_stored_rows;	/* SI_COUNT_STORED_ROWS at its start */
	bool		stop;			/* set by the plan: taskDuration is over */
} SiTaskRow;

/* Limits of a task's message times; has_* false: none. */
typedef struct SiTaskBounds
{
	bool		has_min,
				has_max;
	int64		min_ms,
				max_ms;
} SiTaskBounds;

typedef struct SiBacklogRow
{
	int64		data_source_id;
	int			group_id;
	char	   *supervisor_id;
	int64		deltas;			/* of level 0 */
} SiBacklogRow;

typedef struct SiStatusRow
{
	const char *supervisor_id;
	const char *state;
	const char *detailed_state;
	bool		healthy;
	const char *note;			/* NULL: none */
	const char *recent_errors;	/* JSON array */
	int			npartitions;	/* 0: not known */
	const int32 *partitions;
	const int64 *low;
	const int64 *high;
	TimestampTz offsets_updated;
} SiStatusRow;

/* One transaction. */
extern void si_catalog_begin(MemoryContext results);
extern void si_catalog_commit(void);
/* After an ERROR was caught: rolls it back. */
extern void si_catalog_abort(void);

/* Must be called once, before everything below. */
extern void si_catalog_read_install(void);

extern int	si_catalog_supervisors(SiSupervisorRow **rows);
extern char *si_catalog_spec(const char *supervisor_id);
extern int	si_catalog_requests(SiRequestRow **rows);
/* The groups that fill this data source; others of an earlier supervisor of this id are not. */
extern int	si_catalog_groups(const char *supervisor_id, int64 data_source_id, SiGroupRow **rows);
extern int	si_catalog_tasks(int64 data_source_id, SiTaskRow **rows);

/* The verbs; each also forgets the request. */
extern void si_catalog_apply_submit(const SiRequestRow *r, bool suspended);
extern void si_catalog_apply_suspended(const SiRequestRow *r, bool suspended);
extern void si_catalog_apply_terminate(const SiRequestRow *r);
extern void si_catalog_apply_reset(const SiRequestRow *r);
extern void si_catalog_forget_request(int64 request_id);
/* The same, unless its supervisor exists: one may be newer than the caller's list. */
extern void si_catalog_forget_orphan_request(int64 request_id);
/*
 * The same, unless it is for the supervisor that exists.  False when it is kept,
 * which includes that it is gone already.
 */
extern bool si_catalog_forget_foreign_request(int64 request_id);

/* Halted groups may read again; forgive: their parse exceptions count from 0. */
extern void si_catalog_unhalt(const char *supervisor_id, bool forgive);

/* The topics that a data source has been filled from, by number. */
extern int	si_catalog_streams(int64 data_source_id, SiStream **rows);
/* Gives a new topic the next number. */
extern int	si_catalog_add_stream(int64 data_source_id, const char *topic);

/* The autoscaler's number of tasks, until another spec is submitted. */
extern void si_catalog_set_task_count(const char *supervisor_id, int task_count);
/* Replaces all groups of a supervisor; stream is what the spec calls it: topic or topicPattern. */
extern void si_catalog_set_groups(const SiSupervisorRow *s, const char *stream,
								  const SiGroupState *groups, int ngroups);
/* For the audit: offsets of a group were moved, from -1 where the partition is new. */
extern void si_catalog_note_move(const char *supervisor_id, int64 data_source_id, int group_id, int64 next_seq,
								 int npartitions, const int32 *partitions, const int64 *from, const int64 *to);
/* Moves a group's offsets without reading; false when they have changed meanwhile. */
extern bool si_catalog_set_offsets(const char *supervisor_id, int64 data_source_id, const SiGroupState *was, const int64 *offsets);

/*
 * A new reading task that starts where its group is, while nothing reads the
 * group.  Its chunk numbers begin above all that the data source has had.
 */
extern void si_catalog_task_create(const char *task_id, const char *supervisor_id, int group_id,
								   const SiTaskBounds *bounds);
/*
 * Ends the reading of a task at what is committed: it is published next, or
 * has succeeded when it has no rows.  next_task_id may be NULL: nobody goes on.
 */
extern void si_catalog_task_hand_off(const char *task_id, const char *next_task_id,
									 const SiTaskBounds *bounds);
/* The task has failed; its replacement starts where it did, with its bounds. */
extern void si_catalog_task_replace(const char *task_id, const char *error, const char *next_task_id);
/* Rows of deltas of a group from start_seq on, after merging, and their times. */
extern int	si_catalog_task_rows(int64 data_source_id, int group_id, int64 start_seq, SiRowRange **ranges);

/* Data sources with tasks to publish, as (data source, a supervisor id). */
extern int	si_catalog_to_publish(SiBacklogRow **rows);
/* Per group the number of level-0 deltas, counted up to limit. */
extern int	si_catalog_backlog(int64 limit, SiBacklogRow **rows);

extern void si_catalog_put_status(const SiStatusRow *row);

#endif							/* SI_CATALOG_SUPERVISORS_H */
