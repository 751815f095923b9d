--
-- Functions that users call, in the schema the extension is installed in.
-- All are in C: they look nothing up through search_path, except that
-- submit_supervisor() creates the table in the caller's current schema.
--

CREATE TABLE stream_ingest.dropped_data_source (
	data_source_id bigint PRIMARY KEY,
	install uuid NOT NULL,
	supervisor_id text COLLATE "C",
	at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE stream_ingest.dropped_data_source IS 'data sources whose foreign table was dropped: the overlord removes the rest of them';
REVOKE ALL ON stream_ingest.dropped_data_source FROM PUBLIC;

CREATE FUNCTION @extschema@.submit_supervisor(spec json) RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_submit_supervisor';
COMMENT ON FUNCTION @extschema@.submit_supervisor(json) IS 'starts a supervisor, or gives one that exists a new spec; answers {"id":...}';

CREATE FUNCTION @extschema@.suspend_supervisor(id text) RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_suspend_supervisor';
COMMENT ON FUNCTION @extschema@.suspend_supervisor(text) IS 'publishes what has been read and reads no more until resume_supervisor(); answers the spec';

CREATE FUNCTION @extschema@.resume_supervisor(id text) RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_resume_supervisor';
COMMENT ON FUNCTION @extschema@.resume_supervisor(text) IS 'reads again after suspend_supervisor(), or where maxParseExceptions has halted it; answers the spec';

CREATE FUNCTION @extschema@.terminate_supervisor(id text) RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_terminate_supervisor';
COMMENT ON FUNCTION @extschema@.terminate_supervisor(text) IS 'publishes what has been read and removes the supervisor; its table and history stay; answers {"id":...}';

CREATE FUNCTION @extschema@.reset_supervisor(id text) RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_reset_supervisor';
COMMENT ON FUNCTION @extschema@.reset_supervisor(text) IS 'forgets the offsets: reading starts again at the earliest or latest one as the spec says; what is not published yet is dropped and read again; answers {"id":...}';

CREATE FUNCTION @extschema@.get_supervisor(id text) RETURNS json
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_get_supervisor';
COMMENT ON FUNCTION @extschema@.get_supervisor(text) IS 'the spec with every default filled in and secrets hidden';

CREATE FUNCTION @extschema@.get_supervisors("full" boolean DEFAULT false, state boolean DEFAULT false, system boolean DEFAULT false) RETURNS json
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_get_supervisors';
COMMENT ON FUNCTION @extschema@.get_supervisors(boolean, boolean, boolean) IS 'the ids of the supervisors that the caller may see; in full: with their states and specs; state: with their states; system: with specs as text, types and topics';

CREATE FUNCTION @extschema@.get_supervisor_status(id text) RETURNS json
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_get_supervisor_status';
COMMENT ON FUNCTION @extschema@.get_supervisor_status(text) IS 'state, tasks, offsets, lag and recent errors of a supervisor';

CREATE FUNCTION @extschema@.get_supervisor_stats(id text) RETURNS json
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_get_supervisor_stats';
COMMENT ON FUNCTION @extschema@.get_supervisor_stats(text) IS 'row counters and rates by task group and task';

CREATE FUNCTION @extschema@.get_supervisor_parse_errors(id text, count integer DEFAULT 100) RETURNS json
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_get_supervisor_parse_errors';
COMMENT ON FUNCTION @extschema@.get_supervisor_parse_errors(text, integer) IS 'the newest messages that could not be stored in full';

CREATE FUNCTION @extschema@.get_supervisor_history(id text, count integer DEFAULT NULL) RETURNS json
	LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_get_supervisor_history';
COMMENT ON FUNCTION @extschema@.get_supervisor_history(text, integer) IS 'the specs that were in force, newest first, all or so many; also of terminated supervisors';

REVOKE EXECUTE ON FUNCTION
	@extschema@.submit_supervisor(json),
	@extschema@.suspend_supervisor(text),
	@extschema@.resume_supervisor(text),
	@extschema@.terminate_supervisor(text),
	@extschema@.reset_supervisor(text),
	@extschema@.get_supervisor(text),
	@extschema@.get_supervisors(boolean, boolean, boolean),
	@extschema@.get_supervisor_status(text),
	@extschema@.get_supervisor_stats(text),
	@extschema@.get_supervisor_parse_errors(text, integer),
	@extschema@.get_supervisor_history(text, integer)
FROM PUBLIC;
