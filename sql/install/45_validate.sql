--
-- Looking at a spec before it is submitted.
--

CREATE FUNCTION @extschema@.validate_supervisor(spec json,
	OUT path text, OUT problem text, OUT hint text, OUT sqlstate text) RETURNS SETOF record
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_validate_supervisor';
COMMENT ON FUNCTION @extschema@.validate_supervisor(json) IS 'every problem of a spec at once: the path of the field, what is wrong, and what to do about it; no row when it may be submitted';
REVOKE EXECUTE ON FUNCTION @extschema@.validate_supervisor(json) FROM PUBLIC;
