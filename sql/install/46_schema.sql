--
-- Specs that change: submitting one only when it says something new.
--

CREATE FUNCTION @extschema@.submit_supervisor(spec json, skip_restart_if_unmodified boolean) RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_submit_supervisor';
COMMENT ON FUNCTION @extschema@.submit_supervisor(json, boolean) IS 'the same; with true, a spec that equals the one in force, defaults filled in, leaves the tasks alone; answers {"id":..., "modified":..., "restarted":...}';
REVOKE ALL ON FUNCTION @extschema@.submit_supervisor(json, boolean) FROM PUBLIC;

--
-- Cells with several values: the text ["a","b"].  Everything else is one value.
--

CREATE FUNCTION @extschema@.mv_to_array(cell text) RETURNS text[]
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_mv_to_array';
COMMENT ON FUNCTION @extschema@.mv_to_array(text) IS 'the values of a cell that may have several; unnest() of it makes a row of each';

CREATE FUNCTION @extschema@.mv_length(cell text) RETURNS integer
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_mv_length';
COMMENT ON FUNCTION @extschema@.mv_length(text) IS 'the number of values of a cell that may have several';

CREATE FUNCTION @extschema@.mv_contains(cell text, value text) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_mv_contains';
COMMENT ON FUNCTION @extschema@.mv_contains(text, text) IS 'whether a cell that may have several values has this one';

CREATE FUNCTION @extschema@.mv_contains(cell text, "values" text[]) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_mv_contains_all';
COMMENT ON FUNCTION @extschema@.mv_contains(text, text[]) IS 'whether a cell that may have several values has all of these';

CREATE FUNCTION @extschema@.mv_overlap(cell text, "values" text[]) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_mv_overlap';
COMMENT ON FUNCTION @extschema@.mv_overlap(text, text[]) IS 'whether a cell that may have several values has one of these';

CREATE TABLE stream_ingest.multi_value_column (
	data_source_id bigint NOT NULL,
	name text COLLATE "C" NOT NULL,
	install uuid NOT NULL,
	first_seen timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (data_source_id, name)
);
COMMENT ON TABLE stream_ingest.multi_value_column IS 'text columns that have cells with several values, for the warning that says how to query them';
REVOKE ALL ON stream_ingest.multi_value_column FROM PUBLIC;
