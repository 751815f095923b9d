--
-- Looking into data sources: rows without the foreign table, blocks,
-- dictionaries, and who may.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
CREATE EXTENSION IF NOT EXISTS si_test;
RESET client_min_messages;
CREATE SCHEMA inspect;
SET search_path = inspect, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';

CREATE FOREIGN TABLE events (__time timestamptz, page text, who text OPTIONS (dimension 'user'), added bigint, score double precision, ratio real, tags text[], doc jsonb, day date)
	SERVER stream_ingest;
SELECT si_test_data_source('events') > 0 AS made;
SELECT si_test_load('events', $$ SELECT '2024-03-29 12:00+00'::timestamptz + i * interval '10 s' AS __time, 'page ' || i % 3 AS page, CASE WHEN i % 2 = 0 THEN 'ann' END AS "user", (i % 5)::bigint AS added,
	i / 8.0::float8 AS score, (i % 7)::real AS ratio, '["x","y"]'::text AS tags, format('{"n":%s}', i % 2)::json AS doc, '2024-02-29'::text AS day FROM generate_series(1, 9000) i $$, true);
SELECT si_test_load('events', $$ SELECT x.t AS __time, x.p AS page, x.a AS added, x.s AS score, x.h AS hidden FROM (VALUES
	('2024-04-02 00:00+00'::timestamptz, 'a'::text, 1::bigint, 'NaN'::float8, 'not in the table'::text), ('2024-04-02 01:00+00', NULL, NULL, '-Infinity', 'nor this'), ('infinity', '', 3, NULL, NULL), ('-infinity', 'early', 4, 0, NULL)) x(t, p, a, s, h) $$, false, true);

-- rows: the columns that are listed, by name, as the types that are asked for
SELECT count(*), sum(added), count(who), min(page), max(score) FROM stream_ingest.scan('events') AS t (page text, who text, added bigint, score double precision);
SELECT count(*), sum(added), count(who), min(page), max(score) FROM events;
SELECT count(*) AS same FROM (SELECT * FROM stream_ingest.scan('events') AS t (__time timestamptz, page text, who text, added bigint, score double precision, ratio real, tags text[], doc jsonb, day date)
	INTERSECT SELECT * FROM events) s;
SELECT * FROM stream_ingest.scan('events', '2024-04-02') AS t (__time timestamptz, page text, added integer, hidden text, nowhere numeric) ORDER BY 1;
SELECT * FROM stream_ingest.scan('events', '2024-03-29 12:00:20+00', '2024-03-29 12:00:50+00') AS t (__time timestamptz, added text, score numeric(6,2), page varchar(6));
SELECT count(*) FROM stream_ingest.scan('events', "end" => '2024-03-29 12:00:20+00') AS t (page text);
SELECT count(*) FROM stream_ingest.scan('events', start => 'infinity') AS t (page text);
SELECT count(*), count(t.page) FROM stream_ingest.scan('events', max_rows => 5) AS t (page text);
SELECT count(*) FROM stream_ingest.scan('events', max_rows => 0) AS t (page text);
SELECT count(*) FROM stream_ingest.scan('events', '2024-05-01', '2024-04-01') AS t (page text);

-- rows as JSON
SELECT j FROM stream_ingest.scan_json('events', start => '2024-04-02') j;
SELECT j FROM stream_ingest.scan_json('events', max_rows => 2) j WHERE j->>'__time' LIKE '2024-03%';
SELECT j FROM stream_ingest.scan_json('events', ARRAY['doc', 'page', 'nowhere'], '2024-03-29', '2024-03-29 12:00:30+00') j;
SELECT count(*), sum((j->>'added')::bigint), sum((j->>'ratio')::real), count(j->'user'), count(DISTINCT j->'doc'), count(j->'who') FROM stream_ingest.scan_json('events') j;
SELECT j FROM stream_ingest.scan_json('events', '{}', max_rows => 1) j;

-- blocks and dictionaries
SELECT kind, "column", block, first_row, rows, nulls, min, max, sum, encoding IS NOT NULL AS encoded, bytes > 0 AS stored FROM stream_ingest.chunk_blocks('events') WHERE "column" IN ('__time', 'page', 'user', 'added', 'score', 'hidden') ORDER BY kind DESC, "column" COLLATE "C", block;
SELECT count(*), count(DISTINCT block) FROM stream_ingest.chunk_blocks('events', 'page');
SELECT count(*) FROM stream_ingest.chunk_blocks('events', 'nowhere');
SELECT "column", sum(b.bytes) = max(c.block_bytes) AS same_bytes, sum(b.nulls) = max(c.nulls) AS same_nulls FROM stream_ingest.chunk_blocks('events') b
	JOIN stream_ingest.chunk_columns('events') c USING (kind, seq, "column") WHERE kind = 'segment' GROUP BY "column" ORDER BY "column" COLLATE "C";
SELECT "column", block_bytes + index_bytes + coalesce(dictionary_bytes, 0) + coalesce(bitmap_bytes, 0) = bytes AS adds_up, dictionary_bytes IS NOT NULL AS dictionary, bitmap_bytes IS NOT NULL AS bitmaps
FROM stream_ingest.chunk_columns('events') WHERE kind = 'segment' ORDER BY "column" COLLATE "C";
SELECT kind, code, value, bytes, rows FROM stream_ingest.chunk_dictionary('events', 'page') ORDER BY kind DESC, code;
SELECT kind, code, value, bytes, rows FROM stream_ingest.chunk_dictionary('events', 'user');
SELECT count(*) FROM stream_ingest.chunk_dictionary('events', 'added');

-- chunks with infinite times have a place in the view
SELECT kind, num_rows, min_time, max_time FROM stream_ingest.segments WHERE data_source = 'events'::regclass ORDER BY kind;

-- what cannot be
CREATE FUNCTION error(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' -- ', SQLSTATE || ': ' || regexp_replace(message, 'file "[^"]*"', 'file'), nullif(hint, ''));
END $$;
SELECT error($$ SELECT stream_ingest.scan('events') $$);
SELECT error($$ SELECT * FROM stream_ingest.scan('events') $$);
SELECT error($$ SELECT * FROM stream_ingest.scan('pg_class') AS t (relname text) $$);
SELECT error($$ SELECT * FROM stream_ingest.scan(NULL) AS t (page text) $$);
SELECT error($$ SELECT * FROM stream_ingest.scan_json(NULL) $$);
SELECT error($$ SELECT * FROM stream_ingest.scan('events', max_rows => -1) AS t (page text) $$);
SELECT error($$ SELECT * FROM stream_ingest.scan('events') AS t (page integer) $$);
SELECT error($$ SELECT * FROM stream_ingest.chunk_dictionary('pg_class', 'page') $$);

-- who may
CREATE ROLE regress_inspect_reader;
CREATE ROLE regress_inspect_column;
CREATE ROLE regress_inspect_monitor IN ROLE pg_monitor;
GRANT USAGE ON SCHEMA inspect TO regress_inspect_reader, regress_inspect_column, regress_inspect_monitor;
GRANT EXECUTE ON FUNCTION error(text) TO PUBLIC;
GRANT SELECT ON events TO regress_inspect_reader;
GRANT SELECT (page, who) ON events TO regress_inspect_column;
SET ROLE regress_inspect_reader;
SELECT count(*) FROM stream_ingest.scan('events') AS t (page text, hidden text);
SELECT count(*) FROM stream_ingest.scan_json('events');
SELECT error($$ SELECT * FROM stream_ingest.chunk_blocks('events') $$);
SELECT error($$ SELECT * FROM stream_ingest.chunk_dictionary('events', 'page') $$);
SET ROLE regress_inspect_column;
SELECT count(*), count(who) FROM stream_ingest.scan('events', '2024-04-01') AS t (page text, who text);
SELECT error($$ SELECT * FROM stream_ingest.scan('events') AS t (page text, added bigint) $$);
SELECT error($$ SELECT * FROM stream_ingest.scan('events') AS t (page text, hidden text) $$);
SELECT error($$ SELECT * FROM stream_ingest.scan_json('events', ARRAY['page']) $$);
SET ROLE regress_inspect_monitor;
SELECT count(*) FROM stream_ingest.chunk_blocks('events', 'page');
SELECT error($$ SELECT * FROM stream_ingest.chunk_dictionary('events', 'page') $$);
SELECT error($$ SELECT * FROM stream_ingest.scan('events') AS t (page text) $$);
RESET ROLE;

-- damage
SELECT si_test_damage('events', (SELECT file FROM stream_ingest.segments WHERE data_source = 'events'::regclass AND kind = 'segment'), 0, true);
SELECT error($$ SELECT count(*) FROM stream_ingest.scan('events') AS t (page text) $$) ~ '^(58P01|XX001): ' AS scan, error($$ SELECT count(*) FROM stream_ingest.scan_json('events') $$) ~ '^(58P01|XX001): ' AS json,
	error($$ SELECT count(*) FROM stream_ingest.chunk_blocks('events') $$) AS blocks;
SELECT count(*) FROM stream_ingest.scan('events', '2024-04-02') AS t (page text);

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA inspect CASCADE;
DROP ROLE regress_inspect_reader, regress_inspect_column, regress_inspect_monitor;
