--
-- Scans and aggregations that several processes share: answers equal those of
-- a heap table, whose states PostgreSQL itself makes.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
CREATE EXTENSION IF NOT EXISTS si_test;
RESET client_min_messages;
CREATE SCHEMA fdw_parallel;
SET search_path = fdw_parallel, public;
SET TimeZone = 'UTC';
CREATE TABLE heap AS
SELECT timestamptz '2015-09-12' + i * interval '7 seconds' AS __time, 'page ' || (i * 7919 % 3000) AS page,
	CASE WHEN i % 10 <> 0 THEN (array['a', 'b', 'é', 'Zürich', ''])[i % 5 + 1] END AS tag,
	CASE WHEN i % 11 = 0 THEN NULL WHEN i % 5 = 0 THEN 9223372036854775807 - i WHEN i % 5 = 1 THEN -9223372036854775807 + i ELSE (i * 31 % 1000 - 300)::bigint END AS added,
	CASE WHEN i % 13 <> 0 THEN ((i * 17 % 1001) / 8.0)::double precision END AS score,
	((i % 77) / 4.0)::real AS ratio
FROM generate_series(1, 40000) i;
CREATE FOREIGN TABLE events (__time timestamptz, page text, tag text, added bigint, score double precision, ratio real) SERVER stream_ingest;
SELECT si_test_data_source('events') > 0 AS made;
SELECT sum(si_test_load('events', format('SELECT * FROM heap WHERE __time::date = %L ORDER BY 1, 2', d), true))
FROM generate_series(date '2015-09-12', date '2015-09-14', '1 day') d;
SELECT sum(si_test_load('events', format('SELECT * FROM heap WHERE __time >= ''2015-09-15'' AND __time < ''2015-09-16'' AND added %% 4 = %s', i), false, i = 1))
FROM generate_series(0, 3) i;
SELECT si_test_load('events', 'SELECT * FROM heap WHERE __time >= ''2015-09-15'' AND added < 0 AND added % 4 <> 0');
SELECT si_test_load('events', 'SELECT * FROM heap WHERE __time >= ''2015-09-15'' AND added IS NULL');
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
-- reading costs most, and rows more than groups
SET seq_page_cost = 1000;
SET cpu_tuple_cost = 1;

CREATE FUNCTION compare(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	ours text;
	theirs text;
BEGIN
	EXECUTE format('SELECT string_agg(r::text, E''\n'' ORDER BY r::text COLLATE "C") FROM (%s) r', replace(query, '$', 'events')) INTO ours;
	EXECUTE format('SELECT string_agg(r::text, E''\n'' ORDER BY r::text COLLATE "C") FROM (%s) r', replace(query, '$', 'heap')) INTO theirs;
	IF ours IS DISTINCT FROM theirs THEN
		RETURN format(E'DIFFERENT\n%s\nexpected\n%s', left(ours, 300), left(theirs, 300));
	END IF;
	RETURN 'same';
END $$;

SELECT compare('SELECT tag, count(*), count(added), sum(added), avg(added), min(added), max(added) FROM $ GROUP BY tag');
SELECT compare('SELECT tag, sum(score), avg(score), min(score), max(score), sum(ratio), min(ratio), max(__time) FROM $ GROUP BY tag');
SELECT compare('SELECT tag, round(stddev(score)::numeric, 6), round(variance(score)::numeric, 6), round(var_pop(ratio)::numeric, 6) FROM $ GROUP BY tag');
SELECT compare('SELECT length(page), sum(length(page)), avg(length(page)), avg(length(page)::smallint), sum(length(tag)::smallint), bool_and(added > 0), bool_or(score > 3) FROM $ GROUP BY 1');
SELECT compare('SELECT date_trunc(''hour'', __time), count(*) FILTER (WHERE added > 0), sum(added) FILTER (WHERE page LIKE ''%7'') FROM $ GROUP BY 1');
SELECT compare('SELECT sum(added), avg(added), count(*) FROM $ WHERE length(page) > 7');
SELECT compare('SELECT sum(added), avg(score), min(ratio) FROM $ WHERE page = ''nowhere'' OR length(page) > 100');
SELECT compare('SELECT page, sum(added) FROM $ GROUP BY page HAVING count(*) > 13 AND max(score) > 100');
SELECT compare('SELECT * FROM $ WHERE added > 9223372036854770000');
SELECT compare('SELECT a.tag, count(*) FROM $ a JOIN $ b USING (page) WHERE a.added = 7 AND b.score = 3 GROUP BY 1');
SELECT compare('SELECT v, (SELECT sum(added) FROM $ t WHERE t.tag = v) FROM (VALUES (''a''), (''b''), (NULL)) w(v)');
SELECT compare('SELECT count(DISTINCT page) FROM $');

-- what workers did is in the plan of the leader, where chunks count once
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || query LOOP
		CONTINUE WHEN line !~ 'Chunks:|Blocks Read|Parallel|Relation';
		RETURN NEXT trim(regexp_replace(line, 'actual rows=\S+', 'actual rows=N'));
	END LOOP;
END $$;
SELECT plan('SELECT tag, sum(score) FROM events GROUP BY tag');
SET client_min_messages = warning;
DROP SCHEMA fdw_parallel CASCADE;
