--
-- Cells with several values: functions, and columns of type text[].
--
-- rows are what is tested here
SET stream_ingest.enable_aggregation = off;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
CREATE EXTENSION IF NOT EXISTS si_test;
RESET client_min_messages;
CREATE SCHEMA multi;
SET search_path = multi, public;
SET TimeZone = 'UTC';

-- what is a list, and what only looks like one
SELECT cell, mv_to_array(cell), cardinality(mv_to_array(cell)) AS n, mv_length(cell)
FROM (VALUES (1, '["a","b"]'), (2, '["a",null]'), (3, '["a\"b\\","\u00e9\n"]'), (4, '["","x","x"]'), (5, 'plain'), (6, ''), (7, NULL),
	(8, '["a"]'), (9, '["a", "b"]'), (10, '[1,2]'), (11, '["a","b"'), (12, '["a","b"]]'), (13, '["a",]'), (14, '[,"a"]'), (15, '[]'), (16, '['),
	(17, '["a""b"]'), (18, '["a\"]'), (19, '["a","b\"]'), (20, '[null,null]'), (21, '["a","\q"]'), (22, '["a,b","c]"]')) x(i, cell) ORDER BY i;
SELECT mv_contains('["a","b"]', 'a') AS a, mv_contains('["a","b"]', 'ab') AS ab, mv_contains('a', 'a') AS plain, mv_contains('["a","b"]', '["a","b"]') AS whole,
	mv_contains(NULL, 'a') AS of_null, mv_contains('a', NULL::text) AS null;
SELECT mv_contains('["a","b"]', ARRAY['b', 'a']) AS both, mv_contains('["a","b"]', ARRAY['a', 'c']) AS one, mv_contains('["a","b"]', ARRAY[]::text[]) AS empty,
	mv_contains('["a",null]', ARRAY[NULL]::text[]) AS null, mv_contains('a', ARRAY['a', 'a']) AS twice;
SELECT mv_overlap('["a","b"]', ARRAY['c', 'b']) AS one, mv_overlap('["a","b"]', ARRAY['c']) AS none, mv_overlap('["a","b"]', ARRAY[]::text[]) AS empty,
	mv_overlap('["a","b"]', ARRAY[NULL]::text[]) AS null, mv_overlap('a', ARRAY['a']) AS plain, mv_overlap(NULL, ARRAY['a']) AS of_null;
SELECT proname, provolatile, proparallel, proisstrict FROM pg_proc WHERE proname LIKE 'mv\_%' ORDER BY 1, 2, pronargs;

-- the same cells as text and as text[]
CREATE FOREIGN TABLE cells (__time timestamptz, tags text, list text[] OPTIONS (dimension 'tags'), n text[]) SERVER stream_ingest;
SELECT si_test_data_source('cells') > 0 AS made;
SELECT si_test_load('cells', $$ SELECT '2020-01-01'::timestamptz + i * interval '1 s' AS __time, t AS tags, i::bigint AS n
	FROM (VALUES (1, '["a","b"]'::text), (2, 'a'), (3, NULL), (4, '["a","b"]'), (5, '["c",null]')) x(i, t) $$, true);
SELECT si_test_load('cells', $$ SELECT '2020-01-02'::timestamptz AS __time, 1.5::float8 AS tags $$);
SELECT * FROM cells ORDER BY __time;
SELECT count(*) FROM cells WHERE list = ARRAY['a', 'b'];
SELECT count(*) FROM cells WHERE 'a' = ANY (list);
SELECT count(*) FROM cells WHERE list && ARRAY['c', '1.5'];
SELECT count(*) FROM cells WHERE list IS NULL;
SELECT count(*) FROM cells WHERE tags = '["a","b"]';
SELECT count(*) FROM cells WHERE mv_contains(tags, 'a');
EXPLAIN (COSTS OFF) SELECT count(*) FROM cells WHERE mv_contains(tags, 'a');
SELECT tag, count(*) FROM cells, unnest(mv_to_array(tags)) tag GROUP BY 1 ORDER BY 1;
ANALYZE cells;

-- declared in a spec
SELECT submit_supervisor('{"type": "kafka", "suspended": true, "spec": {"dataSchema": {"dataSource": "declared", "timestampSpec": {"column": "t"},
	"dimensionsSpec": {"dimensions": [{"type": "string", "name": "a", "multiValueType": "array"}, {"name": "b", "multiValueType": "TEXT"}, "c"]},
	"granularitySpec": {"rollup": false}},
	"ioConfig": {"topic": "nobody", "useEarliestOffset": true, "inputFormat": {"type": "json"}, "consumerProperties": {"bootstrap.servers": "127.0.0.1:1"}},
	"tuningConfig": {"type": "kafka"}}}');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'declared'::regclass AND attnum > 0 ORDER BY attnum;
SELECT get_supervisor('declared')->'spec'->'dataSchema'->'dimensionsSpec'->'dimensions';
SELECT path, problem FROM validate_supervisor('{"type": "kafka", "spec": {"dataSchema": {"dataSource": "x", "timestampSpec": {"column": "t"},
	"dimensionsSpec": {"dimensions": [{"type": "long", "name": "a", "multiValueType": "array"}, {"name": "b", "multiValueType": "list"}]}, "granularitySpec": {"rollup": false}},
	"ioConfig": {"topic": "nobody", "useEarliestOffset": true, "inputFormat": {"type": "json"}, "consumerProperties": {"bootstrap.servers": "127.0.0.1:1"}}, "tuningConfig": {"type": "kafka"}}}');

SET client_min_messages = warning;
DROP SCHEMA multi CASCADE;
