--
-- Looking at a spec before it is submitted.
--

CREATE FUNCTION @extschema@.validate_supervisor(spec json,
	OUT path text, OUT problem text, OUT hint text, OUT sqlstate text) RETURNS SETOF record
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_validate_supervisor';
COMMENT ON FUNCTION @extschema@.validate_supervisor(json) IS 'every problem of a spec at once: the path of the field, what is wrong, and what to do about it; no row when it may be submitted';
REVOKE EXECUTE ON FUNCTION @extschema@.validate_supervisor(json) FROM PUBLIC;

CREATE FUNCTION @extschema@.sample_supervisor(spec json, data text[] DEFAULT NULL, num_rows integer DEFAULT 200) RETURNS json
	LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'si_sample_supervisor';
COMMENT ON FUNCTION @extschema@.sample_supervisor(json, text[], integer) IS 'what a spec makes of the given messages, or of a few messages of its topic; stores nothing';
REVOKE EXECUTE ON FUNCTION @extschema@.sample_supervisor(json, text[], integer) FROM PUBLIC;
