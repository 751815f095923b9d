--
-- Rows of the differential test: the table stored has them in the types that
-- chunks have, heap in those of the foreign tables.
--
-- Sums are the same in any order: n, hits and added are integers, price and
-- amount multiples of 1/8 (with NaN and infinities).  score and ratio are
-- wild: they are compared, sorted and grouped, and summed only when filtered.
-- Rows of era 0 came before the column "newer" was there, and when "wide" was
-- a number.
--
SET TimeZone = 'Europe/Berlin';
SELECT setseed(:seed) IS NOT NULL;

CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

CREATE FUNCTION pick(VARIADIC a text[]) RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT a[1 + floor(random() * array_length(a, 1))::int] $$;

CREATE TABLE stored AS
SELECT i::bigint AS id,
	(i > :rows / 4)::int AS era,
	CASE WHEN i = 1 THEN 'infinity' WHEN i = 2 THEN '-infinity' WHEN i = 3 THEN '1969-12-31 23:59:59.999+00' WHEN i = 4 THEN '0044-03-15 12:00 BC'
		WHEN random() < 0.05 THEN pick('2024-03-30 00:00', '2024-03-29 23:59:59.999', '2024-03-31 13:00+02', '2024-03-31 13:00:00.001+02', '2024-04-01 05:06:07.891', '2024-04-01 05:06:07.892',
			'1969-12-31 23:59:59.999+00', '1970-01-01 00:00+00')::timestamptz
		WHEN random() < 0.2 THEN date_trunc('hour', '2024-03-29'::timestamptz + random() * interval '4 days')
		ELSE date_trunc('milliseconds', '2024-03-29'::timestamptz + random() * interval '4 days') END AS __time,
	CASE WHEN random() < 0.1 THEN NULL ELSE 'page ' || floor(random() * random() * 2500) END AS page,
	pick(NULL, '', 'a', 'A', 'b', 'é', 'Zürich', 'zürich', 'Ελλάδα', 'Москва', '日本', '中文', 'שלום', 'नमस्ते', '%', '_', '\', '🙂', ' ', 'a b', '10', '-3', '007', '9999999999') AS tag,
	pick(NULL, 'Äpfel', 'apfel', 'Apfel', 'co-op', 'coop', 'CoOp', 'resume', 'résumé', 'ñandú', 'nandu', 'z', 'ß', 'ss', '') AS name,
	pick('AA-1', 'AA-2', 'ab-1', 'B', 'b', '_', NULL, 'é-1') AS code,
	pick('Ann', 'ANN', 'ann', 'Bob', 'bob', 'Zoë', 'ZOË', NULL, '') AS nick,
	pick(NULL, '', 'red', 'blue', '["red","blue"]', '["blue","green","red"]', '["red",null]', '["a,b","\"q\""]', '["é","日本"]', '[]') AS mv,
	pick(NULL, 'x', '["x","y"]', '["y","z","x"]', '["z",null]', '["",""]') AS tags,
	CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.1 THEN pick('1', '"text"', 'null', '[1,2]', '{}', 'true')
		ELSE format('{"k":%s,"v":%s,"o":{"in":%s}}', pick('"a"', '"b"', '"é"', 'null', '7', '"10"'), floor(random() * 9), pick('1', '2', 'null', '[]')) END AS doc,
	CASE WHEN random() < 0.1 THEN NULL ELSE floor(random() * 41)::bigint - 20 END AS n,
	CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.02 THEN pick('9223372036854775807', '-9223372036854775808', '4611686018427387904')::bigint
		ELSE (random() * 200000 - 100000)::bigint END AS added,
	floor(random() * random() * 1000)::bigint AS hits,
	CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.001 THEN pick('NaN', 'Infinity', '-Infinity', '-0')::double precision
		ELSE floor(random() * 1600 - 800) / 8 END AS price,
	CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.1 THEN pick('NaN', 'Infinity', '-Infinity', '0', '-0', '1e308', '-1e308', '5e-324')::double precision
		ELSE random() * 10 - 5 END AS score,
	CASE WHEN random() < 0.1 THEN NULL ELSE (floor(random() * 800 - 400) / 8)::real END AS amount,
	CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.1 THEN pick('NaN', 'Infinity', '-Infinity', '0', '-0', '1e38', '1e-45')::real
		ELSE (random() * 10 - 5)::real END AS ratio,
	CASE WHEN random() < 0.4 THEN NULL WHEN random() < 0.02 THEN pick('infinity', '-infinity', '4713-01-01 00:00:00+00 BC', '294276-12-31 23:59:59.999+00')::timestamptz
		WHEN random() < 0.1 THEN pick('1969-12-31 23:59:59.999+00', '1970-01-01 00:00+00', '1970-01-01 00:00:00.001+00')::timestamptz
		ELSE date_trunc('milliseconds', '1969-12-31 23:00+00'::timestamptz + random() * interval '2 hours') END AS late,
	NULL::text AS newer,
	NULL::text AS wide,
	floor(random() * 100)::bigint AS i,
	pick('t', 'f', NULL) AS flag,
	(floor(random() * 1000) / 100)::numeric(10, 2)::text AS dec,
	pick('2024-02-29', '2024-03-31', NULL, '1999-12-31', 'infinity') AS day
FROM generate_series(1, :rows) i;
UPDATE stored SET newer = pick('new', 'newer', '', NULL), wide = pick('12', 'wide', '1.5', '') WHERE era = 1;
UPDATE stored SET wide = floor(random() * 20)::bigint WHERE era = 0 AND id % 3 > 0;
CREATE INDEX ON stored (id);
CREATE INDEX ON stored (__time);

-- What the foreign tables shall show.
CREATE TABLE heap (
	id bigint, __time timestamptz, page text, tag text, name text COLLATE "und-x-icu", code text COLLATE "C", nick text COLLATE nocase,
	mv text, tags text[], doc jsonb, n bigint, added bigint, hits bigint, price double precision, score double precision,
	amount real, ratio real, late timestamptz, newer text, wide text, absent text, i integer, flag boolean, dec numeric(10, 2), day date);
INSERT INTO heap
SELECT id, __time, page, tag, name, code, nick, mv, mv_to_array(tags), doc::jsonb, n, added, hits, price, score,
	amount, ratio, late, newer, wide, NULL, i::integer, flag::boolean, dec::numeric(10, 2), day::date
FROM stored ORDER BY id;

-- A small table to join with.  Workers for it alone would cost more than all the rest, whatever the planner is told.
CREATE TABLE dims (tag text, n bigint, label text, since timestamptz) WITH (parallel_workers = 0);
INSERT INTO dims VALUES ('a', 1, 'first', '2024-03-30'), ('A', 2, 'second', '2024-03-31 01:30'), ('日本', -3, 'third', '2024-03-31 12:00'), ('é', NULL, 'fourth', '2024-04-01'),
	(NULL, 5, 'fifth', NULL), ('nowhere', 6, 'sixth', 'infinity'), ('a', 7, 'again', '-infinity'), ('', 0, NULL, '2024-03-29'), ('page 7', 20, 'a page', '2024-03-30 07:00');
ANALYZE heap;
ANALYZE dims;
