--
-- Grouping and aggregation inside the scan: what is taken, what EXPLAIN shows
-- of it, and answers that equal those of the executor over the same rows.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
CREATE EXTENSION IF NOT EXISTS si_test;
RESET client_min_messages;
CREATE SCHEMA fdw_agg;
SET search_path = fdw_agg, public;
SET TimeZone = 'UTC';
CREATE TABLE heap AS
SELECT timestamptz '2015-09-12' + i * interval '7 seconds' AS __time, 'page ' || (i * 7919 % 3000) AS page,
	CASE WHEN i % 10 <> 0 THEN (array['a', 'b', 'é', 'Zürich', ''])[i % 5 + 1] END AS tag,
	CASE WHEN i % 11 <> 0 THEN (i * 31 % 1000 - 300)::bigint END AS added,
	CASE WHEN i % 13 <> 0 THEN ((i * 17 % 1001) / 8.0)::double precision END AS score,
	CASE i WHEN 5 THEN 'NaN' WHEN 6 THEN 'Infinity' ELSE ((i % 77) / 4.0)::real END AS ratio
FROM generate_series(1, 40000) i;
CREATE FOREIGN TABLE events (__time timestamptz, page text, tag text, added bigint, score double precision, ratio real, absent text, none bigint)
SERVER stream_ingest;
SELECT si_test_data_source('events') > 0 AS made;
SELECT si_test_load('events', format('SELECT * FROM heap WHERE __time::date = %L ORDER BY 1, 2', d), true)
FROM generate_series(date '2015-09-12', date '2015-09-14', '1 day') d;
SELECT si_test_load('events', 'SELECT * FROM heap WHERE __time >= ''2015-09-15'' AND added > 0');
SELECT si_test_load('events', 'SELECT * FROM heap WHERE __time >= ''2015-09-15'' AND added IS NULL', false, true);
SELECT si_test_load('events', 'SELECT __time, page, tag, added::text, score, ratio FROM heap WHERE __time >= ''2015-09-15'' AND added <= 0');
ALTER TABLE heap ADD absent text, ADD none bigint;

-- The same query over both tables: equal answers, and who aggregates.
CREATE FUNCTION compare(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	who text := 'executor';
	ours text;
	theirs text;
	state text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || replace(query, '$', 'events') LOOP
		IF line LIKE '%Relation: events%' THEN who := 'scan'; END IF;
	END LOOP;
	BEGIN
		EXECUTE format('SELECT string_agg(r::text, E''\n'' ORDER BY r::text COLLATE "C") FROM (%s) r', replace(query, '$', 'events')) INTO ours;
	EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, ours = MESSAGE_TEXT; ours := state || ' ' || ours;
	END;
	BEGIN
		EXECUTE format('SELECT string_agg(r::text, E''\n'' ORDER BY r::text COLLATE "C") FROM (%s) r', replace(query, '$', 'heap')) INTO theirs;
	EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, theirs = MESSAGE_TEXT; theirs := state || ' ' || theirs;
	END;
	IF ours IS DISTINCT FROM theirs THEN
		RETURN format(E'DIFFERENT\n%s\nexpected\n%s', left(ours, 300), left(theirs, 300));
	END IF;
	RETURN who;
END $$;

-- without keys: numbers about chunks and blocks, or rows
SELECT compare('SELECT count(*) FROM $');
SELECT compare('SELECT count(*), count(tag), count(absent), sum(added), avg(added), min(added), max(added), sum(score), min(score), max(score), min(__time), max(__time), sum(none), max(none) FROM $');
SELECT compare('SELECT sum(ratio), avg(ratio), min(ratio), max(ratio), avg(score) FROM $');
SELECT compare('SELECT count(*), sum(score) FROM $ WHERE __time >= ''2015-09-13'' AND __time < ''2015-09-14''');
SELECT compare('SELECT count(*), sum(added), max(score) FROM $ WHERE false');
SELECT compare('SELECT count(*), sum(added), max(score) FROM $ WHERE page = ''nowhere''');
SELECT compare('SELECT count(DISTINCT page), count(DISTINCT lower(tag)), count(DISTINCT added), count(DISTINCT score), count(DISTINCT absent) FROM $');
SELECT compare('SELECT bool_and(added > 0), bool_or(added > 0), every(tag = ''a''), bool_and(absent = ''x'') FROM $');
-- one key
SELECT compare('SELECT tag, count(*), sum(added), avg(score), min(ratio) FROM $ GROUP BY tag');
SELECT compare('SELECT page, count(*), sum(added) FROM $ WHERE tag = ''a'' GROUP BY page');
SELECT compare('SELECT added, count(*) FROM $ GROUP BY added');
SELECT compare('SELECT ratio, count(*) FROM $ GROUP BY ratio');
SELECT compare('SELECT absent, count(*), count(DISTINCT tag) FROM $ GROUP BY absent');
SELECT compare('SELECT __time, bool_or(page = ''page 7'') FROM $ GROUP BY 1');
SELECT compare('SELECT __time, count(*) FROM $ GROUP BY 1');
-- keys that are computed: per entry, per stretch of time, per value, per row
SELECT compare('SELECT lower(tag), count(*), sum(length(page)) FROM $ GROUP BY 1');
SELECT compare('SELECT length(page) % 2 = 0, count(*) FROM $ GROUP BY 1');
SELECT compare('SELECT date_trunc(''hour'', __time), count(*), sum(added), max(score) FROM $ GROUP BY 1');
SELECT compare('SELECT extract(hour FROM __time), extract(dow FROM __time), count(*) FROM $ GROUP BY 1, 2');
SELECT compare('SELECT __time::date, to_char(__time, ''HH24''), count(*) FROM $ GROUP BY 1, 2');
SELECT compare('SELECT date_bin(''15 minutes'', __time, ''2001-01-01''), count(*) FROM $ GROUP BY 1');
SELECT compare('SELECT date_trunc(''day'', __time, ''Asia/Kathmandu''), count(*) FROM $ GROUP BY 1');
SET TimeZone = 'America/St_Johns';
SELECT compare('SELECT date_trunc(''day'', __time - interval ''8 years''), date_trunc(''day'', __time), date_trunc(''week'', __time), count(*) FROM $ GROUP BY 1, 2, 3');
SELECT compare('SELECT extract(minute FROM __time), extract(second FROM __time), count(*) FROM $ GROUP BY 1, 2');
SET TimeZone = 'UTC';
SELECT compare('SELECT added % 10, tag, ratio, count(*) FROM $ GROUP BY 1, 2, 3');
SELECT compare('SELECT page, added, count(*) FROM $ GROUP BY 1, 2');
SELECT compare('SELECT extract(year FROM __time), extract(year FROM __time) % 2, date_trunc(''month'', __time), sum(score), count(tag), min(added) FROM $ GROUP BY 1, 2, 3');
SELECT compare('SELECT DISTINCT tag, date_trunc(''day'', __time) FROM $ WHERE added > 3');
SELECT compare('SELECT added > score, page || tag, count(*) FROM $ GROUP BY 1, 2');
-- arguments that are computed, and filters of aggregates
SELECT compare('SELECT tag, sum(added * 2 - 1), sum(score * added), sum(score / 3 + ratio), sum(CASE WHEN added > 0 THEN 1 ELSE 0 END) FROM $ GROUP BY tag');
SELECT compare('SELECT tag, count(*) FILTER (WHERE added > 100), sum(added) FILTER (WHERE page LIKE ''%7''), count(DISTINCT page) FILTER (WHERE score > added), sum(added) FROM $ GROUP BY tag');
SELECT compare('SELECT sum(1 / (added - 5)) FILTER (WHERE added > 5) FROM $');
SELECT compare('SELECT sum(1000 / added) FROM $ WHERE added > 5 AND page <> ''page 0''');
SELECT compare('SELECT tag, stddev(score), variance(score), var_pop(score), stddev_pop(score), stddev_samp(score) FROM $ GROUP BY tag') IS NOT NULL;
-- least and greatest texts, under several collations
SELECT compare('SELECT min(tag), max(tag), min(page), max(page), max(absent), min(lower(page)), max(page || tag) FROM $');
SELECT compare('SELECT added % 7, min(tag COLLATE "C"), max(tag COLLATE "und-x-icu"), max(tag) FILTER (WHERE score > 100), min(DISTINCT page) FROM $ GROUP BY 1');
-- patterns that bytes decide, and others
SELECT compare('SELECT count(*), count(DISTINCT page) FROM $ WHERE page LIKE ''%e 12%''');
SELECT compare('SELECT count(*) FROM $ WHERE page LIKE ''page 12%'' AND tag LIKE ''%ri%'' AND added > 600');
SELECT compare('SELECT count(*) FROM $ WHERE page LIKE ''%77'' OR tag LIKE ''''');
SELECT compare('SELECT count(*) FROM $ WHERE page LIKE ''%_77'' AND tag NOT LIKE ''%a%''');
SELECT compare('SELECT count(*) FROM $ WHERE page LIKE ''page 77'' AND tag LIKE ''%''');
-- errors are PostgreSQL's
SELECT compare('SELECT sum(added * 9223372036854775807) FROM $');
SELECT compare('SELECT sum(1 / added) FROM $');
SELECT compare('SELECT sum(score * 1e308 * 1e10) FROM $');
SELECT compare('SELECT tag::int, count(*) FROM $ WHERE tag = ''a'' GROUP BY 1');
-- expressions over results, HAVING, conditions left to the executor, parameters
SELECT compare('SELECT sum(added) / count(*) + 1, tag || ''x'', upper(tag) FROM $ GROUP BY tag HAVING count(*) > 10 AND sum(added) IS NOT NULL');
SELECT compare('SELECT tag, count(*) FROM $ WHERE (added > 5 OR score < 3) AND length(page) > 6 GROUP BY 1');
SELECT compare('SELECT v, (SELECT count(*) FROM $ t WHERE t.tag = v), (SELECT max(c) FROM (SELECT count(*) c FROM $ t WHERE t.tag = v GROUP BY page ORDER BY 1) x) FROM (VALUES (''a''), (''b''), (NULL), (''é'')) w(v)');
SELECT compare('SELECT a.tag, a.c, b.c FROM (SELECT tag, count(*) c FROM $ GROUP BY 1) a JOIN (SELECT tag, sum(added) c FROM $ WHERE added > 0 GROUP BY 1) b ON a.tag = b.tag');
SELECT compare('SELECT count(*) FROM $ WHERE added > (SELECT avg(added) FROM $)');
-- results that look like a condition; rows that no group may come from
SELECT compare('SELECT tag, tag = ''a'', (tag = ''a'')::text, count(*) FROM $ WHERE tag = ''a'' GROUP BY tag');
SELECT compare('SELECT tag, page, length(tag) + length(page) > 8 AS x, count(*) FROM $ WHERE length(tag) + length(page) > 8 GROUP BY 1, 2');
SELECT compare('SELECT date_trunc(''hour'', __time), count(*) FROM $ WHERE added = 77 GROUP BY 1');
SELECT compare('SELECT date_bin(''7 hours'', __time, ''2000-01-01''), count(*) FROM $ WHERE extract(hour FROM __time) = 3 GROUP BY 1');
SELECT compare('SELECT extract(year FROM __time), count(*) FROM $ WHERE added = 77 GROUP BY 1');
SELECT compare('SELECT date_part(''year'', __time), count(*) FROM $ WHERE added < 77 GROUP BY 1');
CREATE TABLE heap_old AS SELECT timestamptz '4713-01-01 BC' + i * interval '1 hour' AS __time, i::bigint AS n FROM generate_series(0, 3000) i
	UNION ALL SELECT timestamptz '2015-09-12' + i * interval '1 hour', i FROM generate_series(0, 99) i;
CREATE FOREIGN TABLE events_old (__time timestamptz, n bigint) SERVER stream_ingest;
SELECT si_test_data_source('events_old') > 0 AS made;
SELECT si_test_load('events_old', 'SELECT * FROM heap_old');
SET enable_hashagg = off;
SET enable_sort = off;
SELECT compare('SELECT date_trunc(''millennium'', __time), count(*) FROM $_old WHERE n < 50 AND __time > ''2000-01-01'' AND n % 2 = 1 GROUP BY 1');
SELECT compare('SELECT date_trunc(''millennium'', __time), count(*) FROM $_old WHERE n < 50 GROUP BY 1');
RESET enable_hashagg;
RESET enable_sort;
-- names of zones that are abbreviations first
SELECT compare('SELECT date_trunc(''day'', __time, ''CET''), date_trunc(''day'', __time, ''wet''), count(*) FROM $ GROUP BY 1, 2');
SELECT compare('SELECT date_trunc(''day'', __time, ''Europe/Berlin''), date_trunc(''day'', __time, ''UTC''), count(*) FROM $ GROUP BY 1, 2');
-- not taken: the answers are the executor's
SELECT compare('SELECT generate_series(1, added % 3), count(*) FROM $ GROUP BY 1');
SELECT compare('SELECT tag, string_agg(DISTINCT page, '','' ORDER BY page) FROM $ WHERE added = 7 GROUP BY tag');
SELECT compare('SELECT tag, added > 0, count(*) FROM $ GROUP BY ROLLUP (1, 2)');
SELECT compare('SELECT tag COLLATE "C", sum(DISTINCT added) FROM $ GROUP BY 1');
SELECT compare('SELECT count(*) FROM $ a JOIN $ b USING (__time) WHERE a.tag = ''a'' AND b.added = 7');
SET stream_ingest.enable_aggregation = off;
SELECT compare('SELECT count(*) FROM $');
RESET stream_ingest.enable_aggregation;

-- a cancel is heard between the rows, and the entries, of one block
CREATE FUNCTION cancelled(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
BEGIN
	EXECUTE query;
	RETURN 'not cancelled';
EXCEPTION WHEN query_canceled THEN
	RETURN CASE WHEN clock_timestamp() - begun < interval '8 s' THEN 'at once' ELSE 'late' END;
END $$;
SET statement_timeout = '100ms';
SELECT cancelled('SELECT length(lpad(page || tag, 2000000, ''x'')), count(*) FROM events GROUP BY 1');
SELECT cancelled('SELECT length(lpad(page, 2000000, ''x'')), count(*) FROM events GROUP BY 1');
SELECT cancelled('SELECT count(*) FROM events WHERE length(lpad(page, 2000000, ''x'')) = 3');
RESET statement_timeout;

-- what EXPLAIN says
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || query LOOP
		-- PostgreSQL 18 counts rows with a fraction
		RETURN NEXT regexp_replace(line, 'rows=(\d+)\.00', 'rows=\1');
	END LOOP;
END $$;
SELECT plan('SELECT count(*), sum(added) FROM events WHERE __time >= ''2015-09-13''');
SELECT plan('SELECT tag, date_trunc(''day'', __time), count(*), sum(added) FILTER (WHERE page LIKE ''%7'') FROM events WHERE score > 3 AND added + 1 > 7 GROUP BY 1, 2 HAVING count(*) > 3');

-- a cursor, a prepared statement under a generic plan, a view of another owner
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT tag, count(*) FROM events GROUP BY tag;
FETCH 2 FROM c;
MOVE BACKWARD ALL FROM c;
FETCH 1 FROM c;
COMMIT;
SET plan_cache_mode = force_generic_plan;
PREPARE q(text, timestamptz) AS SELECT count(*), sum(added) FROM events WHERE tag = $1 AND __time < $2;
EXECUTE q('a', '2015-09-14');
EXECUTE q('b', '2015-09-13');
EXECUTE q(NULL, '2015-09-13');
RESET plan_cache_mode;
SET client_min_messages = warning;
DROP SCHEMA fdw_agg CASCADE;
