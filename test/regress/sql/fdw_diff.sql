--
-- Every answer of a data source equals that of a heap table with the same
-- rows: random conditions of all kinds, over deltas, inline deltas, published
-- segments with and without bitmaps, and all of them at once.
--
-- SI_DIFF_ROUNDS and SI_DIFF_SEED in the environment make it longer or other.
--
\set rounds 60
\set seed 0.4711
\getenv rounds SI_DIFF_ROUNDS
\getenv seed SI_DIFF_SEED
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
CREATE EXTENSION IF NOT EXISTS si_test;
RESET client_min_messages;
CREATE SCHEMA fdw_diff;
SET search_path = fdw_diff, public;
SET TimeZone = 'Europe/Berlin';
SELECT setseed(:seed) IS NOT NULL AS seeded;

CREATE FUNCTION pick(VARIADIC a text[]) RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT a[1 + floor(random() * array_length(a, 1))::int] $$;

CREATE TABLE heap (
	__time timestamptz, page text, tag text, added bigint, score double precision, ratio real, absent text, late timestamptz);
INSERT INTO heap
SELECT CASE i WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN '1969-12-31 23:59:59.999+00'
		ELSE date_trunc('milliseconds', '2015-09-12'::timestamptz + random() * interval '3 days') END,
	CASE WHEN random() < 0.1 THEN NULL ELSE 'page ' || floor(random() * 3000) END,
	pick(NULL, '', 'a', 'A', 'b', 'é', 'Zürich', 'zürich', '日本', '%', '_', '\', '🙂', ' ', 'a b', '10', '-3', '007'),
	CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.1 THEN pick('9223372036854775807', '-9223372036854775808', '0', '1', '-1')::bigint
		ELSE (random() * 200 - 100)::bigint END,
	CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.1 THEN pick('NaN', 'Infinity', '-Infinity', '0', '-0', '1e308', '5e-324')::double precision
		ELSE random() * 10 - 5 END,
	CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.1 THEN pick('NaN', 'Infinity', '-Infinity', '0', '-0', '1e38')::real
		ELSE (random() * 10 - 5)::real END,
	NULL,
	CASE WHEN random() < 0.5 THEN NULL WHEN random() < 0.1 THEN pick('infinity', '-infinity')::timestamptz
		ELSE date_trunc('milliseconds', '1969-12-31 23:00+00'::timestamptz + random() * interval '2 hours') END
FROM generate_series(1, 15000) i;

CREATE FUNCTION make(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE FOREIGN TABLE %I (__time timestamptz, page text, tag text, added bigint, score double precision,
		ratio real, absent text, late timestamptz) SERVER stream_ingest', name);
	PERFORM si_test_data_source(name::regclass);
END $$;
SELECT make('delta'), make('small'), make('segment'), make('plain'), make('mixed'), make('nothing');
SELECT si_test_load('delta', 'SELECT __time, page, tag, added, score, ratio, late FROM heap');
SELECT sum(si_test_load('small', format('SELECT __time, page, tag, added, score, ratio, late FROM heap OFFSET %s LIMIT 3000', i * 3000), false, true))
FROM generate_series(0, 4) i;
SELECT si_test_load('segment', 'SELECT __time, page, tag, added, score, ratio, late FROM heap ORDER BY 1, 2', true);
SELECT si_test_load('plain', 'SELECT __time, page, tag, added, score, ratio, late FROM heap ORDER BY 1, 2', true, false, false);
SELECT sum(si_test_load('mixed', format('SELECT __time, page, tag, added, score, ratio, late FROM heap WHERE __time::date = %L ORDER BY tag', d), true)) > 0 AS loaded
FROM generate_series(date '2015-09-12', date '2015-09-13', '1 day') d;
SELECT si_test_load('mixed', 'SELECT __time, page, tag, added, score, ratio, late FROM heap WHERE __time::date NOT BETWEEN ''2015-09-12'' AND ''2015-09-13'' AND added > 0', false, false, false, 1) > 0 AS loaded;
SELECT si_test_load('mixed', 'SELECT __time, page, tag, added, score, ratio, late FROM heap WHERE __time::date NOT BETWEEN ''2015-09-12'' AND ''2015-09-13'' AND added IS NULL', false, true) > 0 AS loaded;
SELECT si_test_load('mixed', 'SELECT __time, page, tag, added, score, ratio, late FROM heap WHERE __time::date NOT BETWEEN ''2015-09-12'' AND ''2015-09-13'' AND added <= 0', false, false) > 0 AS loaded;
SELECT si_test_load('mixed', 'SELECT __time, page, tag FROM heap WHERE false') = 0 AS loaded;

-- One random condition.  Texts are compared in three collations.
CREATE FUNCTION number_value(kind text) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE kind
		WHEN 'long' THEN pick('0', '1', '-1', '7', '-50', '99', '9223372036854775807', '-9223372036854775808', '3::smallint', 'NULL::bigint', '(SELECT 5)', '3.5', '1e3')
		WHEN 'float' THEN pick('0', '-0.0', '1.5', '''NaN''', '''Infinity''', '''-Infinity''', '2.25::real', '(-3)::double precision', 'NULL::real', '1e308', '(SELECT 0.5::real)', '(SELECT 0.5::double precision)')
		ELSE pick('''2015-09-13''', '''2015-09-12 13:00:00.0005+02''', '''2015-09-14 05:06:07.891''', 'date ''2015-09-13''', 'timestamp ''2015-09-13 14:00''',
			'''infinity''', '''-infinity''', 'date ''infinity''', '''1970-01-01 00:00+00''', '''1969-12-31 23:59:59.9995+00''', 'NULL::timestamptz',
			'now() - interval ''20 years''', '''4713-01-01 BC''', '(SELECT min(__time) + interval ''1 day'' FROM heap)') END $$;
CREATE FUNCTION text_value() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT pick('''a''', '''''', '''é''', '''Zürich''', '''日本''', '''page 7''', '''page 1234''', '''nowhere''', 'NULL', '''%''', '''🙂''', '(SELECT ''b''::text)', 'lower(''A'')') $$;
CREATE FUNCTION condition(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	n text := pick('added', 'score', 'ratio', '__time', 'late');
	kind text := CASE n WHEN 'added' THEN 'long' WHEN 'score' THEN 'float' WHEN 'ratio' THEN 'float' ELSE 'time' END;
	c text := pick('page', 'tag', 'tag', 'absent');
	op text := pick('<', '<=', '=', '<>', '>=', '>');
BEGIN
	IF depth > 0 AND random() < 0.35 THEN
		RETURN '(' || condition(depth - 1) || pick(' AND ', ' OR ', ' AND ') || condition(depth - 1) || ')';
	ELSIF depth > 0 AND random() < 0.1 THEN
		RETURN '(NOT ' || condition(depth - 1) || ')';
	END IF;
	CASE floor(random() * 17)::int
		WHEN 0, 1, 2 THEN RETURN format('%s %s %s', n, op, number_value(kind));
		WHEN 3 THEN RETURN format('%s %s %s', number_value(kind), op, n);
		WHEN 4 THEN RETURN format('%s %sIN (%s, %s, %s)', n, pick('', '', 'NOT '), number_value(kind), number_value(kind), number_value(kind));
		WHEN 5 THEN RETURN format('%s BETWEEN %s AND %s', n, number_value(kind), number_value(kind));
		WHEN 6 THEN RETURN format('%s IS %s', pick(n, c), pick('NULL', 'NOT NULL'));
		WHEN 7, 8 THEN RETURN format('%s = %s', c, text_value());
		WHEN 9 THEN RETURN format('%s %sIN (%s, %s, %s, %s)', c, pick('', '', 'NOT '), text_value(), text_value(), text_value(), text_value());
		WHEN 10 THEN RETURN format('%s %s %s', c, op, text_value());
		WHEN 11 THEN RETURN format('%s %s %s COLLATE %s', c, op, text_value(), pick('"C"', '"und-x-icu"', '"C.UTF-8"'));
		WHEN 12 THEN RETURN format('%s %s %s', c, pick('LIKE', 'NOT LIKE', 'ILIKE', '~', '~*', '!~'), pick('''%a%''', '''page 1%''', '''^page [0-9]{2}$''', '''z%''', '''%''', '''^$'''));
		WHEN 13 THEN RETURN format('%s(%s) %s %s', pick('length', 'octet_length', 'ascii'), c, op, pick('0', '1', '6', '97'));
		WHEN 14 THEN RETURN format('%s(%s) %s %s', pick('lower', 'upper', 'initcap', 'reverse', 'quote_nullable'), c, pick('=', '<>', '>'), text_value());
		WHEN 15 THEN RETURN pick('tag = page', 'added > score', 'coalesce(tag, page, '''') > ''a''', 'added % 2 = 0', 'score + ratio > 1', 'extract(hour FROM __time) = 5',
			'CASE WHEN tag ~ ''^-?[0-9]+$'' THEN tag::int > 5 ELSE tag = ''a'' END', 'tag IS DISTINCT FROM ''a''', 'tag IS NOT DISTINCT FROM NULL', 'tag || ''x'' = ''ax''',
			'page = ANY (SELECT ''page '' || i FROM generate_series(1, 20) i)', 'exists (SELECT 1 FROM generate_series(1, 3) i WHERE i = added)',
			'tag = ANY (ARRAY[]::text[])', 'tag = ANY (NULL::text[])', 'tag <> ALL (ARRAY[''a'', NULL])', 'added = ANY (ARRAY[1, NULL, 7])', 'tag IN (''a'', NULL) IS NULL');
		ELSE RETURN format('(%s = %s) IS %s', c, text_value(), pick('TRUE', 'NOT TRUE', 'UNKNOWN', 'FALSE'));
	END CASE;
END $$;

-- Counts and compares the rows that satisfy a condition.
CREATE FUNCTION answer(relation text, condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT count(*) || '' '' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM %I t WHERE %s', relation, condition) INTO result;
	RETURN result;
EXCEPTION WHEN data_exception OR syntax_error_or_access_rule_violation THEN
	RETURN sqlstate;
END $$;
CREATE FUNCTION compare(rounds int) RETURNS TABLE (compared bigint, nonempty bigint, differing bigint) LANGUAGE plpgsql AS $$
DECLARE
	c text;
	expected text;
	got text;
	r text;
BEGIN
	compared := 0; nonempty := 0; differing := 0;
	FOR i IN 1 .. rounds LOOP
		c := condition(2);
		IF random() < 0.5 THEN
			c := c || ' AND ' || condition(1);
		END IF;
		expected := answer('heap', c);
		nonempty := nonempty + (expected !~ '^0 ')::int;
		FOREACH r IN ARRAY ARRAY['delta', 'small', 'segment', 'plain', 'mixed'] LOOP
			got := answer(r, c);
			compared := compared + 1;
			IF got IS DISTINCT FROM expected THEN
				differing := differing + 1;
				RAISE WARNING '%: % instead of % for %', r, got, expected, c;
			END IF;
		END LOOP;
	END LOOP;
	RETURN NEXT;
END $$;
SELECT compared = :rounds * 5 AS all_compared, nonempty > :rounds / 3 AS most_have_rows, differing FROM compare(:rounds);
SET stream_ingest.enable_pushdown = off;
SELECT compared, differing FROM compare(10);
RESET stream_ingest.enable_pushdown;
SET plan_cache_mode = force_generic_plan;
SELECT count(*) FROM nothing WHERE tag = 'a';

-- Aggregates, grouping, order and joins see the same rows too.
CREATE FUNCTION same(query text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	expected text;
	got text;
	r text;
BEGIN
	EXECUTE format('SELECT string_agg(t::text, E''\n'') FROM (%s) t', replace(query, 'TABLE', 'heap')) INTO expected;
	FOREACH r IN ARRAY ARRAY['delta', 'small', 'segment', 'plain', 'mixed'] LOOP
		EXECUTE format('SELECT string_agg(t::text, E''\n'') FROM (%s) t', replace(query, 'TABLE', r)) INTO got;
		IF got IS DISTINCT FROM expected THEN
			RAISE WARNING '% differs: %', r, query;
			RETURN false;
		END IF;
	END LOOP;
	RETURN true;
END $$;
SELECT same('SELECT tag, count(*), sum(added), min(page), max(late), avg(added) FROM TABLE GROUP BY tag ORDER BY tag COLLATE "C"');
SELECT same('SELECT date_trunc(''hour'', __time) h, count(*), max(ratio) FROM TABLE WHERE tag <> '''' GROUP BY 1 ORDER BY 1');
SELECT same('SELECT a.tag, count(*) FROM TABLE a JOIN TABLE b ON a.page = b.page AND b.added > 90 GROUP BY 1 ORDER BY 1');
SELECT same('SELECT v, (SELECT count(*) FROM TABLE t WHERE t.tag = v AND t.added < length(v) * 10) FROM (VALUES (''a''), (''''), (NULL), (''日本''), (''nowhere'')) x(v)');
SELECT same('SELECT n, (SELECT count(*) FROM TABLE t WHERE t.__time < timestamptz ''2015-09-12'' + n * interval ''1 day'' AND lower(tag) = ANY (ARRAY[''a'', ''b''])) FROM generate_series(-1, 4) n');
SELECT same('SELECT x, l.* FROM generate_series(1, 3) x, LATERAL (SELECT count(*), min(added) FROM TABLE t WHERE length(t.tag) = x) l');
SELECT same('SELECT DISTINCT tag, score IS NULL FROM TABLE WHERE score = ''NaN'' OR score IS NULL ORDER BY 1, 2');
SELECT same('SELECT count(*) FROM TABLE t WHERE t IS NOT NULL');
SELECT same('SELECT count(t), count(DISTINCT t) FROM TABLE t');

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA fdw_diff CASCADE;
