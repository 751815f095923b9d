-- Specs: checking one without submitting it, and the table of its fields.

CREATE FUNCTION stream_ingest.check_spec(spec json) RETURNS json
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'si_sql_check_spec';
COMMENT ON FUNCTION stream_ingest.check_spec(json) IS
	'checks a supervisor spec as submit_supervisor() does and returns it with every default filled in';
REVOKE ALL ON FUNCTION stream_ingest.check_spec(json) FROM PUBLIC;

CREATE FUNCTION stream_ingest.spec_fields(OUT path text, OUT type text, OUT "default" text, OUT meaning text, OUT help text)
	RETURNS SETOF record
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'si_sql_spec_fields';
COMMENT ON FUNCTION stream_ingest.spec_fields() IS
	'every field that a supervisor spec may have: its type, default, whether it is used, and what it is for';
REVOKE ALL ON FUNCTION stream_ingest.spec_fields() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stream_ingest.spec_fields() TO PUBLIC;

CREATE FUNCTION stream_ingest.consumer_properties(OUT name text, OUT use text, OUT meaning text, OUT allowed text, OUT secret text)
	RETURNS SETOF record
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'si_sql_consumer_properties';
COMMENT ON FUNCTION stream_ingest.consumer_properties() IS
	'every property that consumerProperties may have: what becomes of it, who may set it, and whether its value is never shown';
REVOKE ALL ON FUNCTION stream_ingest.consumer_properties() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stream_ingest.consumer_properties() TO PUBLIC;
