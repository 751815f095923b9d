\echo Use "CREATE EXTENSION si_test" to load this file. \quit

CREATE FUNCTION si_test_data_source(relid regclass) RETURNS bigint
LANGUAGE sql AS $$
	INSERT INTO stream_ingest.data_source (install, relid, name)
	SELECT uuid, $1, (SELECT relname FROM pg_catalog.pg_class WHERE oid = $1) FROM stream_ingest.install
	RETURNING data_source_id
$$;
COMMENT ON FUNCTION si_test_data_source(regclass) IS 'makes a data source of a foreign table, without a supervisor';

CREATE FUNCTION si_test_load(relid regclass, query text, published boolean DEFAULT false,
	inline boolean DEFAULT false, bitmaps boolean DEFAULT true, level integer DEFAULT 0) RETURNS bigint
AS 'MODULE_PATHNAME', 'si_test_load' LANGUAGE C STRICT;
COMMENT ON FUNCTION si_test_load(regclass, text, boolean, boolean, boolean, integer)
IS 'runs a query and stores its rows as one chunk of the data source: a column for each column of the query';

CREATE FUNCTION si_test_damage(relid regclass, file text, at bigint, remove boolean DEFAULT false) RETURNS void
AS 'MODULE_PATHNAME', 'si_test_damage' LANGUAGE C STRICT;
COMMENT ON FUNCTION si_test_damage(regclass, text, bigint, boolean)
IS 'flips the byte of a chunk file at an offset (negative: from its end), or removes the file';
