--
-- Druid's SQL functions: times in UTC, and aggregates that SQL has not.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
RESET client_min_messages;
CREATE SCHEMA druid_functions;
SET search_path = druid_functions, public;
-- the answers do not depend on it
SET TimeZone = 'America/New_York';
SET DateStyle = 'ISO, YMD';
CREATE FUNCTION utc(timestamptz) RETURNS text LANGUAGE sql AS $$ SELECT ($1 AT TIME ZONE 'UTC')::text $$;
CREATE FUNCTION error(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; detail text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' -- ', SQLSTATE || ': ' || message, nullif(detail, ''), nullif(hint, ''));
END $$;

-- floor and ceil
SELECT period, utc(time_floor('2000-03-15 13:45:27.891+00', period)) AS floor, utc(time_ceil('2000-03-15 13:45:27.891+00', period)) AS ceil,
	utc(time_floor('1969-12-31 23:59:59.999+00', period)) AS before_1970
FROM unnest(ARRAY['PT1S', 'PT1M', 'PT15M', 'PT1H', 'PT6H', 'P1D', 'P1W', 'P1M', 'P3M', 'P1Y', 'P10Y', 'P3D', 'P2W', 'PT7H', 'P1M1D', 'pt1h']) period;
SELECT utc(time_ceil('2000-01-01 00:00+00', 'P1D')) AS own, utc(time_ceil('2000-01-01 00:00:00.000001+00', 'P1D')) AS next,
	utc(time_floor('1999-12-31 23:59:59.999999+00', 'P1D')) AS day_before, time_floor('-infinity', 'P1D') AS first, time_ceil('infinity', 'P1D') AS last;
SELECT utc(time_floor('2000-01-03 05:06+00', 'P1D', NULL, 'America/Los_Angeles')) AS los_angeles, utc(time_ceil('2000-01-03 05:06+00', 'P1D', NULL, 'America/Los_Angeles')) AS its_end,
	utc(time_floor('2000-01-03 05:06+00', 'P1D', NULL, '+05:30')) AS off, utc(time_floor('2000-01-03 05:06+00', 'P2D', '1999-12-31 12:00+00')) AS origin,
	utc(time_floor('2000-01-03 05:06+00', 'PT1H', '1999-12-31 12:20+00', 'UTC')) AS minutes, utc(time_floor('2000-01-03 05:06+00', 'P1D', NULL, '')) AS utc;
-- an hour and a day that are longer and shorter
SELECT utc(time_floor(t, 'P1D', NULL, 'America/Los_Angeles')) AS day, count(*) AS hours FROM generate_series('2016-03-12 08:00+00'::timestamptz, '2016-03-15 06:59+00', '1 hour') t GROUP BY 1 ORDER BY 1;
SELECT utc(time_floor(t, 'P1D', NULL, 'America/Los_Angeles')) AS day, count(*) AS hours FROM generate_series('2016-11-05 07:00+00'::timestamptz, '2016-11-08 07:59+00', '1 hour') t GROUP BY 1 ORDER BY 1;
SELECT time_floor(NULL, 'P1D') IS NULL AS t, time_floor(now(), NULL) IS NULL AS period, time_floor(NULL, 'P1D', NULL, 'UTC') IS NULL AS all_nulls, time_ceil(now(), NULL, NULL, NULL) IS NULL AS ceil;
-- the period may change from row to row
SELECT utc(time_floor('2000-03-15 13:45+00', p, o, z)) FROM (VALUES ('P1D', NULL::timestamptz, 'UTC'), ('P1M', NULL, 'UTC'), ('P1M', NULL, 'Asia/Tokyo'), ('P1M', '2000-01-10 00:00+00', 'Asia/Tokyo'), ('P1M', '2000-01-20 00:00+00', 'Asia/Tokyo'), ('P1D', NULL, NULL)) v(p, o, z);
SELECT error($$ SELECT time_floor(now(), 'P1X') $$);
SELECT error($$ SELECT time_floor(now(), '1 day') $$);
SELECT error($$ SELECT time_floor(now(), 'P0D') $$);
SELECT error($$ SELECT time_ceil(now(), 'P1D', 'infinity') $$);
SELECT error($$ SELECT time_floor(now(), 'P1D', NULL, 'Mars/Olympus') $$);

-- shift
SELECT utc(time_shift('2000-01-31 10:00:00.000007+00', 'P1M', 1)) AS month, utc(time_shift('2000-01-31 10:00+00', 'P1M', -2)) AS back, utc(time_shift('2000-02-29 10:00+00', 'P1Y', 1)) AS leap,
	utc(time_shift('2000-01-01 00:00+00', 'PT90M', 3)) AS minutes, utc(time_shift('2000-01-01 00:00+00', 'P1DT1H', -1)) AS both, utc(time_shift('2000-01-01 00:00+00', 'P1D', 0)) AS nowhere;
SELECT utc(time_shift('2016-03-12 20:00+00', 'P1D', 1, 'America/Los_Angeles')) AS local_day, utc(time_shift('2016-03-12 20:00+00', 'PT24H', 1, 'America/Los_Angeles')) AS hours, utc(time_shift('2016-03-12 20:00+00', 'P1D', 1)) AS utc;
SELECT time_shift('infinity', 'P1D', -1) AS last, time_shift(now(), 'P1D', NULL) IS NULL AS step, time_shift(NULL, 'P1D', 1) IS NULL AS t;
SELECT error($$ SELECT time_shift('294276-12-31 00:00+00', 'P1D', 2) $$);
SELECT error($$ SELECT time_shift(now(), 'P1000000Y', 2000000000) $$);
SELECT error($$ SELECT time_shift(now(), 'day', 1) $$);

-- extract
SELECT unit, time_extract('2001-02-03 04:05:06.789+00', unit) AS utc, time_extract('2001-02-03 04:05:06.789+00', unit, 'America/Los_Angeles') AS los_angeles
FROM unnest(ARRAY['EPOCH', 'MILLISECOND', 'MICROSECOND', 'SECOND', 'MINUTE', 'HOUR', 'DAY', 'DOW', 'ISODOW', 'DOY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR', 'ISOYEAR', 'DECADE', 'CENTURY', 'MILLENNIUM', 'hour']) unit;
SELECT time_extract('2000-01-02 00:00+00', 'DOW') AS sunday, time_extract('2000-01-03 00:00+00', 'DOW') AS monday, time_extract('2000-01-01 00:00+00', 'WEEK') AS last_week, time_extract('1970-01-02 00:00+00') AS epoch,
	time_extract('infinity', 'YEAR') AS infinite, time_extract(NULL, 'YEAR') AS nothing;
SELECT error($$ SELECT time_extract(now(), 'FORTNIGHT') $$);

-- format and parse
SELECT time_format('2000-01-01 02:03:04.005+00') AS iso, time_format('2000-01-01 02:03:04.005+00', 'yyyy-MM-dd HH:mm:ss') AS pattern, time_format('2000-01-01 02:03:04.005+00', 'yyyy-MM-dd HH:mm', 'America/Los_Angeles') AS zone,
	time_format('2000-01-01 02:03:04.005+00', NULL, 'America/Los_Angeles') AS iso_zone, time_format('2000-01-01 02:03:04.005+00', 'EEE d. MMM yy, hh a') AS words, time_format(NULL) IS NULL AS nothing;
SELECT time_format('-infinity') AS first, time_format('infinity') AS last;
SELECT error($$ SELECT time_format(now(), 'b') $$);
SELECT input, pattern, zone, utc(time_parse(input, pattern, zone)) FROM (VALUES ('2000-01-01T02:03:04.005Z', NULL, 'UTC'), ('2000-01-01 02:03:04', NULL, 'UTC'), ('2000-01-01', NULL, 'UTC'), ('2000', NULL, 'UTC'), ('2000-W05', NULL, 'UTC'),
	('2000-01-01T02:03:04', NULL, 'America/Los_Angeles'), ('2000-01-01T02:03:04+03:00', NULL, 'America/Los_Angeles'), ('31/12/1999 23', 'dd/MM/yyyy HH', 'UTC'), ('31/12/1999 23', 'dd/MM/yyyy HH', 'Asia/Tokyo'),
	('31/12/1999 23', 'yyyy-MM-dd', 'UTC'), ('z2000', NULL, 'UTC'), ('', NULL, 'UTC'), ('946684800000', NULL, 'UTC'), (NULL, NULL, 'UTC')) v(input, pattern, zone);
SELECT error($$ SELECT time_parse('2000', 'yyyy-b') $$);

-- in interval: the begin is inside, the end is not
SELECT t, time_in_interval(t, '2000-01-01T00:00:00Z/2000-01-02T00:00:00Z') AS ends, time_in_interval(t, '2000-01-01/P1D') AS start_period, time_in_interval(t, 'P1M/2000-01-02') AS period_end, time_in_interval(t, '2000/2001') AS years,
	time_in_interval(t, '2000-01-01/2000-01-01') AS empty
FROM unnest(ARRAY['1999-12-02 00:00+00', '1999-12-31 23:59:59.999999+00', '2000-01-01 00:00+00', '2000-01-01 23:59:59.999+00', '2000-01-02 00:00+00', 'infinity', NULL]::timestamptz[]) t;
SELECT error($$ SELECT time_in_interval(now(), '2000-01-01') $$);
SELECT error($$ SELECT time_in_interval(now(), '2001/2000') $$);
SELECT error($$ SELECT time_in_interval(now(), '2001/P1X') $$);
SELECT error($$ SELECT time_in_interval(now(), 'then/P1D') $$);

-- milliseconds
SELECT ms, utc(millis_to_timestamp(ms)), timestamp_to_millis(millis_to_timestamp(ms)) AS back FROM unnest(ARRAY[0, -1, 946684800123, 9223372036854775807, -9223372036854775808, NULL]) ms;
SELECT timestamp_to_millis('1969-12-31 23:59:59.9985+00') AS falls, timestamp_to_millis('2000-01-01 00:00+00') AS y2k;

-- constants are folded, and an index can stand on them
CREATE TABLE events (t timestamptz, k integer, v text, n bigint);
CREATE INDEX ON events (time_floor(t, 'P1D', NULL, 'Asia/Tokyo'));
EXPLAIN (COSTS OFF) SELECT * FROM events WHERE t >= time_floor('2000-01-01 05:00+00', 'PT1H') AND time_parse('1999-12-31') < t;
SET enable_seqscan = off; SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM events WHERE time_floor(t, 'P1D', NULL, 'Asia/Tokyo') = '2000-01-01 15:00+00';
RESET enable_seqscan; RESET enable_bitmapscan;

-- earliest and latest
INSERT INTO events SELECT '2000-01-01 00:00+00'::timestamptz + (i * 7919 % 20011) * interval '1 s', i % 5, 'v' || i % 17, i FROM generate_series(1, 20010) i;
INSERT INTO events VALUES ('infinity', 5, NULL, NULL), ('2000-01-01', 5, 'first', 1), (NULL, 5, 'no time', 2), (NULL, 6, 'no time', 3), ('-infinity', 7, repeat('long', 2000), -1), ('2000-01-01', 7, 'short', NULL);
ANALYZE events;
SELECT k, left(earliest(v, t), 10) AS earliest, left(latest(v, t), 10) AS latest, earliest_by(n, t), latest_by(n, t), length(earliest_by(v, t)) AS long, latest(ARRAY[n, k], t) AS array FROM events GROUP BY k ORDER BY k;
SELECT earliest(n, t), latest(v, t) FROM events WHERE false;
SELECT k, earliest(n, t) FILTER (WHERE n % 2 = 0) AS even, latest(v, t) FILTER (WHERE false) AS none FROM events GROUP BY k HAVING latest(n, t) > 0 ORDER BY k;
SELECT n, earliest(n, t) OVER (ORDER BY n) FROM events WHERE n < 4 AND t IS NOT NULL AND k < 5 ORDER BY n;

-- approx_count_distinct: exact while there are few
SELECT count(DISTINCT i % 1024) = approx_count_distinct(i % 1024) AS few, approx_count_distinct(i % 3 = 0) AS booleans, approx_count_distinct(NULLIF(i % 2, 0)) AS nulls, approx_count_distinct(NULL::text) AS none FROM generate_series(1, 10000) i;
SELECT n, abs(a - n) / n::float8 < 0.025 AS near FROM (SELECT n, approx_count_distinct(i) AS a FROM (VALUES (1025), (5000), (20000), (40000), (100000), (300000)) v(n), generate_series(1, n) i GROUP BY n) s ORDER BY n;
SELECT approx_count_distinct(x) AS floats, approx_count_distinct(x::text) AS texts FROM (VALUES ('0'::float8), ('-0'), ('NaN'), ('NaN'), ('1')) v(x);
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT approx_count_distinct(x) AS texts, approx_count_distinct(x COLLATE nocase) AS without_case FROM (VALUES ('a'), ('A'), ('b'), ('')) v(x);
SELECT approx_count_distinct(v) FROM events WHERE false;
SELECT error($$ SELECT approx_count_distinct('(1,2)'::point) $$);

-- all of them in parallel
CREATE TABLE serial AS SELECT k, earliest(v, t) AS e, latest(n, t) AS l, approx_count_distinct(v) AS few, approx_count_distinct(n) AS many FROM events WHERE t IS NOT NULL GROUP BY k;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
ALTER TABLE events SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT earliest(v, t), latest(n, t), approx_count_distinct(v), approx_count_distinct(n), min(time_floor(t, 'P1D')) FROM events;
CREATE TABLE parallel AS SELECT k, earliest(v, t) AS e, latest(n, t) AS l, approx_count_distinct(v) AS few, approx_count_distinct(n) AS many FROM events WHERE t IS NOT NULL GROUP BY k;
TABLE serial EXCEPT TABLE parallel;
SELECT count(*) FROM parallel;
SELECT length(earliest(v, t)) AS long, latest(v, t) IS NULL AS null, abs(approx_count_distinct(n) - 20010) < 600 AS near, approx_count_distinct(v) AS few FROM events;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA druid_functions CASCADE;
