/*
 * guc.c
 *		Definition of all settings.
 */
#include "postgres.h"

#include <limits.h>

#include "common/guc.h"
#include "utils/guc.h"

int			si_min_commit_spacing = 20;
int			si_commit_period = 250;
int			si_max_commits_per_second = 200;
int			si_task_memory = 256 * 1024;
int			si_kafka_queue_memory = 64 * 1024;
int			si_merge_memory_limit = 512 * 1024;
int			si_inline_delta_limit = 32 * 1024;
int			si_merge_fan_in = 16;
int			si_max_tasks = 32;
int			si_worker_capacity = 0;
bool		si_standby_tasks = false;
int			si_task_history = 1000;
int			si_unhealthiness_threshold = 3;
int			si_healthiness_threshold = 3;
int			si_task_unhealthiness_threshold = 3;
int			si_task_healthiness_threshold = 3;
int			si_worker_idle_timeout = 10000;
int			si_rejected_max_rows = 10000;
int			si_rejected_max_bytes = 64 * 1024;
int			si_rejected_max_age = 7 * 24 * 60;
int			si_rejected_payload_limit = 8192;
bool		si_enable_pushdown = true;
bool		si_enable_aggregation = true;
char	   *si_tls_directory = NULL;
char	   *si_fault_point = NULL;

static void
define_commits(void)
{
	DefineCustomIntVariable("stream_ingest.min_commit_spacing",
							"Least time between two commits of a reading task.",
							"A task whose stream is drained commits at once, but not sooner than this or twice the last commit's duration after the last commit.",
							&si_min_commit_spacing, 20, 0, 60000, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.commit_period",
							"Longest time that a row waits in a reading task before it is committed.",
							NULL,
							&si_commit_period, 250, 1, 3600000, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.max_commits_per_second",
							"Commits per second of all reading tasks of the server together.",
							"More tasks commit less often, so that transaction ids are not used up. Zero means no limit.",
							&si_max_commits_per_second, 200, 0, 1000000, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.inline_delta_limit",
							"Chunks up to this size are kept in their catalog row instead of a file.",
							NULL,
							&si_inline_delta_limit, 32 * 1024, 0, 1024 * 1024, PGC_SIGHUP, GUC_UNIT_BYTE,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.merge_fan_in",
							"Number of chunks of one level that are merged into one of the next.",
							NULL,
							&si_merge_fan_in, 16, 2, 1000, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
}

static void
define_memory(void)
{
	DefineCustomIntVariable("stream_ingest.task_memory",
							"Memory for the rows of a reading task whose spec does not set maxBytesInMemory.",
							NULL,
							&si_task_memory, 256 * 1024, 1024, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.kafka_queue_memory",
							"Messages that a reading task lets librdkafka fetch ahead.",
							NULL,
							&si_kafka_queue_memory, 64 * 1024, 1024, 2 * 1024 * 1024 - 1, PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.merge_memory",
							"Memory for one merge or publish; what needs more goes through temporary files.",
							NULL,
							&si_merge_memory_limit, 512 * 1024, 16 * 1024, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);
}

static void
define_processes(void)
{
	DefineCustomIntVariable("stream_ingest.max_tasks",
							"Task processes of the server at the same time, reading and publishing.",
							NULL,
							&si_max_tasks, 32, 1, 1024, PGC_POSTMASTER, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.worker_capacity",
							"Task processes of the server that may run at the same time.",
							"Tasks beyond it wait in a queue. Zero means stream_ingest.max_tasks, which it cannot exceed.",
							&si_worker_capacity, 0, 0, 1024, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomBoolVariable("stream_ingest.standby_tasks",
							 "Keeps a process waiting for each replica that a supervisor asks for beyond the first.",
							 "It takes over when a reading task ends, without being started first, and holds its place.",
							 &si_standby_tasks, false, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.worker_idle_timeout",
							"Time that a publishing worker waits for more work before it exits.",
							NULL,
							&si_worker_idle_timeout, 10000, 100, 3600000, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.task_history",
							"Ended tasks that are kept per supervisor.",
							"Older ones are removed from stream_ingest.tasks when another one ends.",
							&si_task_history, 1000, 1, INT_MAX, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
}

static void
define_health(void)
{
	DefineCustomIntVariable("stream_ingest.unhealthiness_threshold",
							"Failed runs in a row after which a supervisor is unhealthy.",
							"The larger of this and healthiness_threshold is the number of errors that its status keeps, up to 10.",
							&si_unhealthiness_threshold, 3, 1, 1000, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.healthiness_threshold",
							"Clean runs in a row after which an unhealthy supervisor is healthy again.",
							NULL,
							&si_healthiness_threshold, 3, 1, 1000, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.task_unhealthiness_threshold",
							"Failed tasks in a row after which a supervisor is UNHEALTHY_TASKS.",
							NULL,
							&si_task_unhealthiness_threshold, 3, 1, 1000, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.task_healthiness_threshold",
							"Good tasks in a row after which it is healthy again.",
							NULL,
							&si_task_healthiness_threshold, 3, 1, 1000, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
}

static void
define_rejected(void)
{
	DefineCustomIntVariable("stream_ingest.rejected_max_rows",
							"Rejected messages kept per supervisor.",
							NULL,
							&si_rejected_max_rows, 10000, 0, INT_MAX, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.rejected_max_bytes",
							"Payload bytes of rejected messages kept per supervisor.",
							NULL,
							&si_rejected_max_bytes, 64 * 1024, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.rejected_max_age",
							"Age at which a rejected message is removed.",
							NULL,
							&si_rejected_max_age, 7 * 24 * 60, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN,
							NULL, NULL, NULL);
	DefineCustomIntVariable("stream_ingest.rejected_payload_limit",
							"Bytes kept of one rejected message.",
							NULL,
							&si_rejected_payload_limit, 8192, 0, 1024 * 1024, PGC_SIGHUP, GUC_UNIT_BYTE,
							NULL, NULL, NULL);
}

static void
define_others(void)
{
	DefineCustomBoolVariable("stream_ingest.enable_pushdown",
							 "Lets scans of data sources skip chunks and blocks and filter on dictionaries and bitmaps.",
							 "Off, every row goes to the executor: for comparing answers.",
							 &si_enable_pushdown, true, PGC_USERSET, GUC_EXPLAIN,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("stream_ingest.enable_aggregation",
							 "Lets scans of data sources group and aggregate.",
							 "Off, the executor does: for comparing answers.",
							 &si_enable_aggregation, true, PGC_USERSET, GUC_EXPLAIN,
							 NULL, NULL, NULL);
	DefineCustomStringVariable("stream_ingest.tls_directory",
							   "Directory of the files that every owner of a supervisor may name in consumerProperties.",
							   "Certificates, keys and passwords of Kafka clients. Files elsewhere are for superusers.",
							   &si_tls_directory, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("stream_ingest.fault_point",
							   "Makes a worker fail at a named place.",
							   "For tests only: a list of <name>:crash, <name>:error, <name>:hang, <name>:enospc or <name>:eio.",
							   &si_fault_point, "", PGC_SIGHUP, GUC_NOT_IN_SAMPLE | GUC_SUPERUSER_ONLY | GUC_NO_SHOW_ALL,
							   NULL, NULL, NULL);
}

void
si_guc_define(void)
{
	define_commits();
	define_memory();
	define_processes();
	define_health();
	define_rejected();
	define_others();
	MarkGUCPrefixReserved("stream_ingest");
}
