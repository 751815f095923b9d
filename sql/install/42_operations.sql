--
-- More verbs and answers, after Druid's supervisor and task APIs.  Like those
-- of 40_api.sql they are in the schema of the extension and in C.
--

CREATE FUNCTION @extschema@.get_supervisor_health(id text) RETURNS json
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_get_supervisor_health';
COMMENT ON FUNCTION @extschema@.get_supervisor_health(text) IS 'whether a supervisor is healthy: {"healthy":true}';

CREATE FUNCTION @extschema@.get_supervisors_history() RETURNS json
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_get_supervisors_history';
COMMENT ON FUNCTION @extschema@.get_supervisors_history() IS 'the histories of all supervisors that the caller may see, by id';

CREATE FUNCTION @extschema@.suspend_all_supervisors() RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_suspend_all_supervisors';
COMMENT ON FUNCTION @extschema@.suspend_all_supervisors() IS 'suspend_supervisor() for every supervisor of the caller that is not suspended; of a superuser: for all';

CREATE FUNCTION @extschema@.resume_all_supervisors() RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_resume_all_supervisors';
COMMENT ON FUNCTION @extschema@.resume_all_supervisors() IS 'resume_supervisor() for every supervisor of the caller that does not run; of a superuser: for all';

CREATE FUNCTION @extschema@.terminate_all_supervisors() RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_terminate_all_supervisors';
COMMENT ON FUNCTION @extschema@.terminate_all_supervisors() IS 'terminate_supervisor() for every supervisor of the caller; of a superuser: for all';

CREATE FUNCTION @extschema@.get_tasks(state text DEFAULT NULL, datasource text DEFAULT NULL, max integer DEFAULT NULL,
	created_time_interval text DEFAULT NULL, type text DEFAULT NULL) RETURNS json
	LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_get_tasks';
COMMENT ON FUNCTION @extschema@.get_tasks(text, text, integer, text, text) IS 'tasks that the caller may see, newest first: all, those in a state (running, complete), of a data source, at most so many, created in an interval (start_end), of a type (index_kafka)';

CREATE FUNCTION @extschema@.get_task_status(task_id text) RETURNS json
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_get_task_status';
COMMENT ON FUNCTION @extschema@.get_task_status(text) IS 'status, duration, process and error of a task';

CREATE FUNCTION @extschema@.get_task_report(task_id text) RETURNS json
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_get_task_report';
COMMENT ON FUNCTION @extschema@.get_task_report(text) IS 'what a task has counted, and the messages it could not store in full';

CREATE FUNCTION @extschema@.reset_supervisor(id text, "to" text, partitions integer[] DEFAULT NULL) RETURNS json
	LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'si_reset_supervisor_to';
COMMENT ON FUNCTION @extschema@.reset_supervisor(text, text, integer[]) IS 'reading goes on at ''earliest'', ''latest'', or the first message that is not older than a time; of all partitions or of these';

CREATE FUNCTION @extschema@.reset_supervisor(id text, "to" timestamptz, partitions integer[] DEFAULT NULL) RETURNS json
	LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'si_reset_supervisor_to_time';
COMMENT ON FUNCTION @extschema@.reset_supervisor(text, timestamptz, integer[]) IS 'reading goes on at the first message that is not older than this; of all partitions or of these';

CREATE FUNCTION @extschema@.reset_offsets(id text, offsets json) RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_reset_offsets';
COMMENT ON FUNCTION @extschema@.reset_offsets(text, json) IS 'reading goes on at these offsets, in the shape of Druid: {"type":"kafka","partitions":{"type":"end","stream":"t","partitionOffsetMap":{"0":100}}}';

CREATE FUNCTION @extschema@.handoff_task_groups(id text, task_group_ids integer[]) RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_handoff_task_groups';
COMMENT ON FUNCTION @extschema@.handoff_task_groups(text, integer[]) IS 'publishes now what these task groups have read, while reading goes on; answers {"id":...}';

CREATE FUNCTION @extschema@.shutdown_task(task_id text) RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_shutdown_task';
COMMENT ON FUNCTION @extschema@.shutdown_task(text) IS 'ends a task as failed; another one takes over what it has read, and goes on; answers {"task":...}';

CREATE FUNCTION @extschema@.wait_for_offset(supervisor text, partition integer, "offset" bigint,
	timeout interval DEFAULT '1 minute', topic text DEFAULT NULL) RETURNS boolean
	LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'si_wait_for_offset';
COMMENT ON FUNCTION @extschema@.wait_for_offset(text, integer, bigint, interval, text) IS 'waits until the message at this offset is stored, durable, and seen by the next statement; false after the timeout';

CREATE FUNCTION @extschema@.wait_until_current(supervisor text, timeout interval DEFAULT '1 minute') RETURNS boolean
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_wait_until_current';
COMMENT ON FUNCTION @extschema@.wait_until_current(text, interval) IS 'waits until everything is stored that was in the stream when it was called; false after the timeout';

CREATE FUNCTION @extschema@.audit_supervisor(id text) RETURNS json
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_audit_supervisor';
COMMENT ON FUNCTION @extschema@.audit_supervisor(text) IS 'whether every message is stored exactly once: ranges of offsets, counts, and the rows in all chunks are held against each other; the first discrepancy is named';

CREATE FUNCTION @extschema@.requeue_rejected(supervisor text) RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_requeue_rejected';
COMMENT ON FUNCTION @extschema@.requeue_rejected(text) IS 'parses the kept unparseable messages again, by the spec in force; those that can be stored leave rejected_messages in the same transaction';

REVOKE EXECUTE ON FUNCTION
	@extschema@.requeue_rejected(text),
	@extschema@.audit_supervisor(text),
	@extschema@.wait_for_offset(text, integer, bigint, interval, text),
	@extschema@.wait_until_current(text, interval),
	@extschema@.reset_supervisor(text, text, integer[]),
	@extschema@.reset_supervisor(text, timestamptz, integer[]),
	@extschema@.reset_offsets(text, json),
	@extschema@.handoff_task_groups(text, integer[]),
	@extschema@.shutdown_task(text),
	@extschema@.get_supervisor_health(text),
	@extschema@.get_supervisors_history(),
	@extschema@.suspend_all_supervisors(),
	@extschema@.resume_all_supervisors(),
	@extschema@.terminate_all_supervisors(),
	@extschema@.get_tasks(text, text, integer, text, text),
	@extschema@.get_task_status(text),
	@extschema@.get_task_report(text)
FROM PUBLIC;
