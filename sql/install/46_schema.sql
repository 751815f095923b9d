--
-- Specs that change: submitting one only when it says something new.
--

CREATE FUNCTION @extschema@.submit_supervisor(spec json, skip_restart_if_unmodified boolean) RETURNS json
	LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'si_submit_supervisor';
COMMENT ON FUNCTION @extschema@.submit_supervisor(json, boolean) IS 'the same; with true, a spec that equals the one in force, defaults filled in, leaves the tasks alone; answers {"id":..., "modified":..., "restarted":...}';
REVOKE ALL ON FUNCTION @extschema@.submit_supervisor(json, boolean) FROM PUBLIC;
