--
-- The foreign-data wrapper: options, columns, refused changes, damage,
-- inspection.
--
-- rows are what is tested here
SET stream_ingest.enable_aggregation = off;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
CREATE EXTENSION IF NOT EXISTS si_test;
RESET client_min_messages;
CREATE SCHEMA fdw;
SET search_path = fdw, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';

-- options
CREATE FOREIGN TABLE bad (__time timestamptz) SERVER stream_ingest OPTIONS (file 'x');
CREATE FOREIGN TABLE bad (__time timestamptz, a text OPTIONS (name 'b')) SERVER stream_ingest;
CREATE FOREIGN TABLE bad (__time timestamptz, a text OPTIONS (dimension '')) SERVER stream_ingest;
ALTER SERVER stream_ingest OPTIONS (ADD host 'here');

-- a foreign table of ours that nobody made a data source
CREATE FOREIGN TABLE stray (__time timestamptz, a text) SERVER stream_ingest;
EXPLAIN (COSTS OFF) SELECT * FROM stray;
SELECT * FROM stray;
SELECT * FROM stream_ingest.verify_chunks('stray');
SELECT * FROM stream_ingest.verify_chunks(0);
SELECT * FROM stream_ingest.chunk_columns('pg_class');
ANALYZE stray;
DROP FOREIGN TABLE stray;

-- an empty data source
CREATE FOREIGN TABLE events (
	__time timestamptz, channel text, "user" text OPTIONS (dimension 'userName'), added bigint, score double precision, ratio real)
	SERVER stream_ingest;
SELECT si_test_data_source('events') > 0 AS made;
SELECT * FROM events;
SELECT count(*), sum(added) FROM events;
ANALYZE events;
SELECT count(*) FROM stream_ingest.verify_chunks('events');

-- columns map by option, then by name; a chunk without the column reads null
SELECT si_test_load('events', $$ SELECT '2015-09-12 02:00+00'::timestamptz AS __time, '#fr'::text AS channel, 'Ada'::text AS "userName", 'wrong'::text AS "user", 7::bigint AS added, 1.5::float8 AS score, 0.25::real AS ratio, 'x'::text AS unknown $$);
SELECT si_test_load('events', $$ SELECT '2015-09-12 00:00:00.001+00'::timestamptz AS __time, '#en'::text AS channel, 5::bigint AS added UNION ALL SELECT '2015-09-12 01:00+00', NULL, NULL $$, false, true);
SELECT * FROM events ORDER BY __time;
SELECT "user" FROM events WHERE "user" = 'Ada';
SELECT count(*) FROM events;
SELECT e FROM events e WHERE added = 7;
SELECT tableoid::regclass, channel FROM events WHERE channel = '#fr';
SELECT count(e) FROM events e WHERE e IS NOT NULL;
SELECT __time FROM events WHERE __time = '2015-09-12 00:00:00.001+00';

-- dropped and added columns
ALTER FOREIGN TABLE events DROP COLUMN ratio;
ALTER FOREIGN TABLE events ADD COLUMN unknown text, ADD COLUMN page text;
SELECT * FROM events WHERE unknown = 'x';
SELECT count(*) FROM events WHERE page IS NULL;
ALTER FOREIGN TABLE events RENAME COLUMN unknown TO known;
SELECT count(known) FROM events;
ALTER FOREIGN TABLE events ALTER COLUMN known OPTIONS (ADD dimension 'unknown');
SELECT count(known) FROM events;

-- a chunk and the table disagree about a type
CREATE FOREIGN TABLE types (__time timestamptz, l bigint, d double precision, r real, t text, at timestamptz, n numeric, i integer, b boolean)
	SERVER stream_ingest;
SELECT si_test_data_source('types') > 0 AS made;
SELECT si_test_load('types', $$ SELECT '2015-09-12'::timestamptz AS __time, '12'::text AS l, '1.5'::text AS d, '-2e3'::text AS r, 12::bigint AS t, 86400000::bigint AS at, '12.50'::text AS n, 7::bigint AS i, 't'::text AS b $$, true);
SELECT si_test_load('types', $$ SELECT '2015-09-13'::timestamptz AS __time, 1.5::float8 AS l, 3::bigint AS d, 1e300::float8 AS r, 0.1::real AS t, '1970-01-02'::text AS at, 0.5::float8 AS n $$);
SELECT si_test_load('types', $$ SELECT '2015-09-14'::timestamptz AS __time, 4::float8 AS l, 'NaN'::text AS d, 'x'::text AS r, 1e100::float8 AS t, 1.5::float8 AS at, 9223372036854775807::bigint AS n $$);
SELECT si_test_load('types', $$ SELECT '2015-09-15'::timestamptz AS __time, '9223372036854775808'::text AS l, ''::text AS d, 'Infinity'::text AS r, 'plain'::text AS t, 9223372036854775807::bigint AS at $$);
SELECT si_test_load('types', $$ SELECT '2015-09-15 06:00'::timestamptz AS __time, x.l, x.d, x.r, x.t FROM (VALUES ('12.0'::text, '1.5d'::text, '-Infinity'::text, 0.1::real), ('1e3', '0x10', 'NaN', 1e10), ('1.5', ' 1', '', 'NaN')) x(l, d, r, t) $$);
SELECT si_test_load('types', $$ SELECT '2015-09-15 07:00'::timestamptz AS __time, x.l, x.t FROM (VALUES (-1.9::float8, 4::float8), ('NaN', 'Infinity'), (9223372036854775808, 12345678.9), (-9223372036854775808, 0.0001)) x(l, t) $$);
SELECT * FROM types ORDER BY __time, l, t COLLATE "C";
SELECT __time FROM types WHERE l = 4 OR t = '12' ORDER BY 1;
SELECT __time FROM types WHERE l = 4;
SELECT __time FROM types WHERE l IN (4, 12) AND t <> 'x' ORDER BY 1;
SELECT __time FROM types WHERE t = '12';
SELECT __time, t FROM types WHERE t IN ('12', '0.1', 'plain', 'x') ORDER BY 1;
SELECT __time FROM types WHERE t LIKE '1%' ORDER BY 1;
SELECT __time FROM types WHERE at = 'infinity' OR at = '1970-01-02' ORDER BY 1;
SELECT __time FROM types WHERE at = 'infinity';
SELECT __time FROM types WHERE n > 1 ORDER BY 1;
SELECT si_test_load('types', $$ SELECT '2015-09-16'::timestamptz AS __time, 'many'::text AS i $$);
SELECT count(i) FROM types WHERE __time < '2015-09-16';
SELECT i FROM types;

-- rows come from the stream only
INSERT INTO events VALUES (now());
UPDATE events SET channel = 'x';
DELETE FROM events;
TRUNCATE events;
COPY events FROM stdin;
\.
EXPLAIN (COSTS OFF) DELETE FROM events;

-- who may look into chunks
CREATE ROLE regress_fdw_user;
CREATE ROLE regress_fdw_owner;
CREATE ROLE regress_fdw_monitor IN ROLE pg_monitor;
GRANT USAGE ON SCHEMA fdw TO regress_fdw_user, regress_fdw_owner, regress_fdw_monitor;
GRANT SELECT ON events TO regress_fdw_user;
ALTER FOREIGN TABLE events OWNER TO regress_fdw_owner;
SET ROLE regress_fdw_user;
SELECT count(*) FROM events;
SELECT * FROM stream_ingest.verify_chunks('events');
SELECT * FROM stream_ingest.chunk_columns('events');
SET ROLE regress_fdw_monitor;
SELECT count(*) FROM stream_ingest.verify_chunks('events');
SELECT count(*) FROM events;
SET ROLE regress_fdw_owner;
SELECT kind, level, file IS NULL AS inline, rows, ok, error FROM stream_ingest.verify_chunks('events') ORDER BY seq;
SELECT "column", type, role, "distinct", nulls, min, max, sorted, bitmaps FROM stream_ingest.chunk_columns('types') LIMIT 0;
RESET ROLE;
SELECT kind, "column", type, role, "distinct", nulls, min, max, sorted, bitmaps FROM stream_ingest.chunk_columns('types')
	WHERE kind = 'segment';
SELECT kind, rows, ok FROM stream_ingest.verify_segment('types', (SELECT max(segment_id) FROM stream_ingest.segment s JOIN stream_ingest.data_source d USING (data_source_id) WHERE relid = 'types'::regclass));
SELECT * FROM stream_ingest.verify_segment('types', -1);

-- damage
CREATE FOREIGN TABLE torn (__time timestamptz, a text, b bigint) SERVER stream_ingest;
SELECT si_test_data_source('torn') > 0 AS made;
SELECT si_test_load('torn', $$ SELECT '2015-09-12'::timestamptz + i * interval '1 s' AS __time, 'value ' || i % 7 AS a, i::bigint AS b FROM generate_series(1, 10000) i $$, true);
CREATE FUNCTION scan_error(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text; detail text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN data_corrupted THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN sqlstate || ' ' || (message ~ 'torn')::text || ' ' || (message || detail ~ 'chunk')::text;
END $$;
SELECT file AS torn_file FROM stream_ingest.verify_chunks('torn') \gset
SELECT si_test_damage('torn', :'torn_file', 100);
SELECT scan_error('SELECT count(__time), count(a), count(b) FROM torn');
SELECT ok, error IS NOT NULL AS has_error FROM stream_ingest.verify_chunks('torn');
SELECT si_test_damage('torn', :'torn_file', 100);
SELECT scan_error('SELECT count(__time), count(a), count(b) FROM torn');
SELECT si_test_damage('torn', :'torn_file', -1);
SELECT scan_error('SELECT count(*) FROM torn');
SELECT si_test_damage('torn', :'torn_file', 0, true);
SELECT scan_error('SELECT count(*) FROM torn') ~ '^XX001' AS missing_is_an_error;
SELECT ok, error FROM stream_ingest.verify_chunks('torn');
SELECT count(*) FROM events;
UPDATE stream_ingest.data_source SET damaged = 'Missing: offsets 5 to 7 of partition 0.' WHERE relid = 'torn'::regclass;
SELECT count(*) FROM torn;
SELECT ok, error FROM stream_ingest.verify_chunks('torn');

-- rows of another install (a copied database) are not ours
UPDATE stream_ingest.data_source SET install = gen_random_uuid(), damaged = NULL WHERE relid = 'torn'::regclass;
SELECT count(*) FROM torn;
ANALYZE torn;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA fdw CASCADE;
DROP ROLE regress_fdw_user, regress_fdw_owner, regress_fdw_monitor;
