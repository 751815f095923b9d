--
-- The foreign-data wrapper that reads data sources, and inspection of chunks.
--

CREATE FUNCTION stream_ingest.fdw_handler() RETURNS pg_catalog.fdw_handler
AS 'MODULE_PATHNAME', 'si_fdw_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION stream_ingest.fdw_handler() IS 'handler of the foreign-data wrapper stream_ingest';
REVOKE ALL ON FUNCTION stream_ingest.fdw_handler() FROM PUBLIC;

CREATE FUNCTION stream_ingest.fdw_validator(options pg_catalog.text[], catalog pg_catalog.oid) RETURNS pg_catalog.void
AS 'MODULE_PATHNAME', 'si_fdw_validator' LANGUAGE C STRICT;
COMMENT ON FUNCTION stream_ingest.fdw_validator(pg_catalog.text[], pg_catalog.oid) IS 'checks options of the foreign-data wrapper stream_ingest';
REVOKE ALL ON FUNCTION stream_ingest.fdw_validator(pg_catalog.text[], pg_catalog.oid) FROM PUBLIC;

CREATE FOREIGN DATA WRAPPER stream_ingest
HANDLER stream_ingest.fdw_handler VALIDATOR stream_ingest.fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER stream_ingest IS 'data sources of stream_ingest as foreign tables';

CREATE SERVER stream_ingest FOREIGN DATA WRAPPER stream_ingest;
COMMENT ON SERVER stream_ingest IS 'data sources of this database';

-- These check themselves that the caller owns the data source or is a member
-- of pg_monitor, so everybody may call them.

CREATE FUNCTION stream_ingest.verify_chunks(data_source pg_catalog.regclass,
	OUT kind pg_catalog.text, OUT level pg_catalog.int4, OUT group_id pg_catalog.int4, OUT seq pg_catalog.int8,
	OUT file pg_catalog.text, OUT rows pg_catalog.int8, OUT bytes pg_catalog.int8,
	OUT ok pg_catalog.bool, OUT error pg_catalog.text)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'si_verify_chunks' LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION stream_ingest.verify_chunks(pg_catalog.regclass)
IS 'reads every chunk of a data source in full and says which are damaged';

CREATE FUNCTION stream_ingest.verify_segment(data_source pg_catalog.regclass, segment_id pg_catalog.int8,
	OUT kind pg_catalog.text, OUT level pg_catalog.int4, OUT group_id pg_catalog.int4, OUT seq pg_catalog.int8,
	OUT file pg_catalog.text, OUT rows pg_catalog.int8, OUT bytes pg_catalog.int8,
	OUT ok pg_catalog.bool, OUT error pg_catalog.text)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'si_verify_segment' LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION stream_ingest.verify_segment(pg_catalog.regclass, pg_catalog.int8)
IS 'reads one published segment in full and says whether it is damaged';

CREATE FUNCTION stream_ingest.chunk_columns(data_source pg_catalog.regclass,
	OUT kind pg_catalog.text, OUT level pg_catalog.int4, OUT group_id pg_catalog.int4, OUT seq pg_catalog.int8,
	OUT "column" pg_catalog.text, OUT type pg_catalog.text, OUT role pg_catalog.text,
	OUT encoding pg_catalog.text, OUT bytes pg_catalog.int8, OUT "distinct" pg_catalog.int8,
	OUT nulls pg_catalog.int8, OUT min pg_catalog.text, OUT max pg_catalog.text,
	OUT sorted pg_catalog.bool, OUT bitmaps pg_catalog.bool,
	OUT block_bytes pg_catalog.int8, OUT index_bytes pg_catalog.int8,
	OUT dictionary_bytes pg_catalog.int8, OUT bitmap_bytes pg_catalog.int8)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'si_chunk_columns' LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION stream_ingest.chunk_columns(pg_catalog.regclass)
IS 'columns of every chunk of a data source: how they are stored and what they hold';

CREATE FUNCTION stream_ingest.chunk_blocks(data_source pg_catalog.regclass,
	OUT kind pg_catalog.text, OUT level pg_catalog.int4, OUT group_id pg_catalog.int4, OUT seq pg_catalog.int8,
	OUT "column" pg_catalog.text, OUT block pg_catalog.int4, OUT first_row pg_catalog.int8, OUT rows pg_catalog.int8,
	OUT encoding pg_catalog.text, OUT bytes pg_catalog.int8, OUT nulls pg_catalog.int8,
	OUT min pg_catalog.text, OUT max pg_catalog.text, OUT sum pg_catalog.text)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'si_chunk_blocks' LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION stream_ingest.chunk_blocks(pg_catalog.regclass)
IS 'blocks of every column and chunk of a data source: how they are stored, and the numbers by which scans skip them';

CREATE FUNCTION stream_ingest.chunk_blocks(data_source pg_catalog.regclass, column_name pg_catalog.text,
	OUT kind pg_catalog.text, OUT level pg_catalog.int4, OUT group_id pg_catalog.int4, OUT seq pg_catalog.int8,
	OUT "column" pg_catalog.text, OUT block pg_catalog.int4, OUT first_row pg_catalog.int8, OUT rows pg_catalog.int8,
	OUT encoding pg_catalog.text, OUT bytes pg_catalog.int8, OUT nulls pg_catalog.int8,
	OUT min pg_catalog.text, OUT max pg_catalog.text, OUT sum pg_catalog.text)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'si_chunk_blocks' LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION stream_ingest.chunk_blocks(pg_catalog.regclass, pg_catalog.text)
IS 'the same of one column, by its name in chunks';

CREATE FUNCTION stream_ingest.chunk_dictionary(data_source pg_catalog.regclass, column_name pg_catalog.text,
	OUT kind pg_catalog.text, OUT level pg_catalog.int4, OUT group_id pg_catalog.int4, OUT seq pg_catalog.int8,
	OUT code pg_catalog.int8, OUT value pg_catalog.text, OUT bytes pg_catalog.int8, OUT rows pg_catalog.int8)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'si_chunk_dictionary' LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION stream_ingest.chunk_dictionary(pg_catalog.regclass, pg_catalog.text)
IS 'entries of the dictionaries of a string column, and how many rows have them; code 0 is null. Needs the right to read the table, too';

-- Rows without the foreign table.  They check the right to read it.

CREATE FUNCTION stream_ingest.scan(data_source pg_catalog.regclass, start pg_catalog.timestamptz DEFAULT NULL,
	"end" pg_catalog.timestamptz DEFAULT NULL, max_rows pg_catalog.int8 DEFAULT NULL)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'si_scan_rows' LANGUAGE C STABLE;
COMMENT ON FUNCTION stream_ingest.scan(pg_catalog.regclass, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.int8)
IS 'rows of a data source from start until before end, with the columns of the list behind it: AS t (__time timestamptz, page text)';

CREATE FUNCTION stream_ingest.scan_json(data_source pg_catalog.regclass, columns pg_catalog.text[] DEFAULT NULL,
	start pg_catalog.timestamptz DEFAULT NULL, "end" pg_catalog.timestamptz DEFAULT NULL, max_rows pg_catalog.int8 DEFAULT NULL)
RETURNS SETOF pg_catalog.jsonb
AS 'MODULE_PATHNAME', 'si_scan_json' LANGUAGE C STABLE;
COMMENT ON FUNCTION stream_ingest.scan_json(pg_catalog.regclass, pg_catalog.text[], pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.int8)
IS 'the same as JSON: all that chunks hold, or some columns; nulls are left out';
