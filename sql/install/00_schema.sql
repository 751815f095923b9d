\echo Use "CREATE EXTENSION stream_ingest" to load this file. \quit

-- Tables and views live in schema stream_ingest; the functions that users
-- call live in the schema the extension is installed in.
CREATE SCHEMA stream_ingest;
COMMENT ON SCHEMA stream_ingest IS 'tables and views of the extension stream_ingest';
GRANT USAGE ON SCHEMA stream_ingest TO PUBLIC;
