/*
 * guc.h
 *		All settings of the extension, in one place.
 */
#ifndef SI_COMMON_GUC_H
#define SI_COMMON_GUC_H

/* rhythm of commits, milliseconds */
extern int	si_min_commit_spacing;
extern int	si_commit_period;
extern int	si_max_commits_per_second;	/* server-wide; 0: no limit */

/* memory, kB */
extern int	si_task_memory;
extern int	si_kafka_queue_memory;
extern int	si_merge_memory_limit;

/* chunks */
extern int	si_inline_delta_limit;	/* bytes; at most this stays in the catalog row */
extern int	si_merge_fan_in;

/* processes */
extern int	si_max_tasks;			/* reading and publishing tasks per server */
extern int	si_worker_capacity;		/* of them at the same time; 0: si_max_tasks */
extern bool si_standby_tasks;	/* replicas - 1 processes wait per task group */
extern int	si_task_history;	/* ended tasks that are kept per supervisor */
extern int	si_unhealthiness_threshold; /* failed runs in a row that make a supervisor unhealthy */
extern int	si_healthiness_threshold;	/* clean runs in a row that heal it */
extern int	si_task_unhealthiness_threshold;	/* the same of tasks */
extern int	si_task_healthiness_threshold;
extern int	si_worker_idle_timeout; /* ms that a publishing worker waits for more work */

/* rejected messages, per supervisor */
extern int	si_rejected_max_rows;
extern int	si_rejected_max_bytes;	/* kB */
extern int	si_rejected_max_age;	/* minutes */
extern int	si_rejected_payload_limit;	/* bytes kept of one message */

/* queries */
extern bool si_enable_pushdown;
extern bool si_enable_aggregation;

/* tests */
extern char *si_tls_directory;
extern char *si_fault_point;

/* Defines every setting; called once from _PG_init. */
extern void si_guc_define(void);

#endif							/* SI_COMMON_GUC_H */
