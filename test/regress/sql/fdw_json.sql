--
-- Columns of type json: jsonb in the table, canonical text in chunks; chunks
-- that hold the column as another type, and the other way round.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
CREATE EXTENSION IF NOT EXISTS si_test;
RESET client_min_messages;
CREATE SCHEMA fdw_json;
SET search_path = fdw_json, public;
SET TimeZone = 'UTC';

CREATE FOREIGN TABLE docs (__time timestamptz, n bigint, doc jsonb) SERVER stream_ingest;
SELECT si_test_data_source('docs') > 0 AS made;
SELECT si_test_load('docs', $$ SELECT '2015-09-12 00:00+00'::timestamptz + i * interval '1 s' AS __time, i::int8 AS n,
	CASE WHEN i % 4 = 0 THEN NULL ELSE format('{"k":%s,"t":["a",%s]}', i % 3, i) END::json AS doc FROM generate_series(1, 6) i $$);
SELECT si_test_load('docs', $$ SELECT '2015-09-12 01:00+00'::timestamptz AS __time, 10::int8 AS n, '"a string"'::json AS doc $$);
SELECT n, doc, doc->>'k' AS k, jsonb_typeof(doc) FROM docs ORDER BY n;
SELECT n FROM docs WHERE doc = '{"t": ["a", 5], "k": 2}' ORDER BY n;
SELECT n FROM docs WHERE doc @> '{"k": 1}' ORDER BY n;
SELECT n FROM docs WHERE doc IS NULL ORDER BY n;
SELECT doc->'k' AS k, count(*) FROM docs GROUP BY 1 ORDER BY 1;
EXPLAIN (COSTS OFF) SELECT n FROM docs WHERE doc @> '{"k": 1}' AND n > 1;

-- chunks with the column as another type: strings become JSON strings
SELECT si_test_load('docs', $$ SELECT '2015-09-12 02:00+00'::timestamptz AS __time, 20::int8 AS n, E'not "JSON"\n'::text AS doc
	UNION ALL SELECT '2015-09-12 02:00+00', 21, '{"k":1}' $$);
SELECT si_test_load('docs', $$ SELECT '2015-09-12 03:00+00'::timestamptz AS __time, 30::int8 AS n, -7::int8 AS doc $$);
SELECT si_test_load('docs', $$ SELECT '2015-09-12 04:00+00'::timestamptz AS __time, 40::int8 AS n, 1.5::float8 AS doc
	UNION ALL SELECT '2015-09-12 04:00+00', 41, 'NaN' UNION ALL SELECT '2015-09-12 04:00+00', 42, '-Infinity' UNION ALL SELECT '2015-09-12 04:00+00', 43, NULL $$);
SELECT n, doc, jsonb_typeof(doc) FROM docs WHERE n >= 20 ORDER BY n;

-- a column of text or of a number over chunks of JSON: strings without quotes
CREATE FOREIGN TABLE texts (__time timestamptz, n bigint, v text) SERVER stream_ingest;
SELECT si_test_data_source('texts') > 0 AS made;
SELECT si_test_load('texts', $$ SELECT '2015-09-12 00:00+00'::timestamptz AS __time, i::int8 AS n,
	(ARRAY['"a"', '"say \"b\" \u00e9"', '{"c":1}', '12', '"13"', NULL])[i]::json AS v FROM generate_series(1, 6) i $$);
SELECT si_test_load('texts', $$ SELECT '2015-09-12 00:00+00'::timestamptz AS __time, 10::int8 AS n, 'a'::text AS v $$);
SELECT n, v FROM texts ORDER BY n;
SELECT n FROM texts WHERE v = 'a' ORDER BY n;
SELECT n FROM texts WHERE v LIKE 'say%' ORDER BY n;
SELECT n FROM texts WHERE v IS NULL ORDER BY n;
SELECT n FROM texts WHERE v IN ('12', '{"c":1}') ORDER BY n;
ALTER FOREIGN TABLE texts ALTER COLUMN v TYPE bigint;
SELECT n, v FROM texts ORDER BY n;
SELECT sum(v) FROM texts WHERE v > 11;
SELECT * FROM stream_ingest.verify_chunks('texts') WHERE NOT ok;
SELECT "column", type FROM stream_ingest.chunk_columns('texts') WHERE "column" = 'v' ORDER BY 2;
DROP FOREIGN TABLE docs, texts;
