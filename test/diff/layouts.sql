--
-- Layouts of the differential test: foreign tables with the rows of stored,
-- each in chunks of other kinds.
--
CREATE FUNCTION make(name text, partition text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE FOREIGN TABLE %I %s SERVER stream_ingest', name, CASE WHEN partition IS NOT NULL THEN 'PARTITION OF l_parted FOR VALUES ' || partition ELSE
		(SELECT '(' || string_agg(format('%I %s %s', attname, format_type(atttypid, atttypmod),
				CASE WHEN c.oid IS NOT NULL AND c.collname <> 'default' THEN 'COLLATE ' || c.oid::regcollation END), ', ' ORDER BY attnum) || ')'
			FROM pg_attribute LEFT JOIN pg_collation c ON c.oid = attcollation WHERE attrelid = 'heap'::regclass AND attnum > 0) END);
	PERFORM si_test_data_source(name::regclass);
END $$;

-- The query of a chunk: rows of era 0 alone lack a column, and have another type in one.
CREATE FUNCTION chunk(condition text, old boolean DEFAULT false, sort text DEFAULT 'id') RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT __time, id, page, tag, name, code, nick, mv, tags, doc::json AS doc, n, added, hits, price, score, amount, ratio, late, %s, i, flag, dec, day FROM stored WHERE %s ORDER BY %s',
		CASE WHEN old THEN 'wide::bigint AS wide' ELSE 'newer, wide' END, condition, sort)
$$;

-- Rows of one era, in chunks of a number of them.
CREATE FUNCTION load_deltas(name text, era int, per_chunk int, inline boolean, level int, condition text DEFAULT 'true') RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(si_test_load(name::regclass, chunk(format('era = %s AND id BETWEEN %s AND %s AND (%s)', era, first, first + per_chunk - 1, condition), era = 0),
		false, inline, true, level))
	FROM generate_series((SELECT min(id) FROM stored s WHERE s.era = load_deltas.era), (SELECT max(id) FROM stored s WHERE s.era = load_deltas.era), per_chunk) first
$$;

-- Rows of half days, sorted by time and dimensions as published ones are; those of other years together.
CREATE FUNCTION load_segments(name text, bitmaps boolean, condition text DEFAULT 'true') RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(si_test_load(name::regclass, chunk(format('%s AND (%s)', half_day, condition), false, '__time, page, tag'), true, false, bitmaps))
	FROM (SELECT DISTINCT CASE WHEN __time BETWEEN '2024-01-01' AND '2024-12-31' THEN format('__time >= %L AND __time < %L', first, first + interval '12 hours')
			ELSE '__time NOT BETWEEN ''2024-01-01'' AND ''2024-12-31''' END
		FROM stored, date_bin('12 hours', __time, '2024-01-01') first) h(half_day)
$$;

SELECT make('l_inline'), make('l_files'), make('l_segments'), make('l_plain'), make('l_mixed');

SELECT load_deltas('l_inline', era, 900, true, 0) FROM (VALUES (0), (1)) e(era);
SELECT load_deltas('l_files', era, 2500, false, 1) FROM (VALUES (0), (1)) e(era);
SELECT load_segments('l_segments', true);
SELECT si_test_load('l_plain', chunk('true', false, '__time, page, tag'), true, false, false);

-- Some rows are published with bitmaps, some without, some wait.
SELECT load_segments('l_mixed', true, 'id % 7 < 3');
SELECT load_segments('l_mixed', false, 'id % 7 = 3');
SELECT load_deltas('l_mixed', era, 5000, false, 1, 'id % 7 IN (4, 5)') FROM (VALUES (0), (1)) e(era);
SELECT load_deltas('l_mixed', era, 3000, true, 0, 'id % 7 = 6') FROM (VALUES (0), (1)) e(era);
SELECT si_test_load('l_mixed', chunk('false'));

-- Partitions: a data source of old rows, one of new ones.
CREATE TABLE l_parted (LIKE heap) PARTITION BY RANGE (__time);
SELECT make('p_old', 'FROM (MINVALUE) TO (''2024-03-31'')'), make('p_new', 'FROM (''2024-03-31'') TO (MAXVALUE)');
SELECT load_segments('p_old', true, '__time < ''2024-03-31''');
SELECT load_deltas('p_new', era, 4000, false, 1, '__time >= ''2024-03-31''') FROM (VALUES (0), (1)) e(era);
