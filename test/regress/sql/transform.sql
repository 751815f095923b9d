-- transformSpec: what is accepted, how the rest is refused, and what it makes of messages.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
\pset format unaligned
\pset tuples_only on

CREATE FUNCTION pg_temp.spec(transform_spec jsonb, metrics jsonb DEFAULT '[]', dimensions jsonb DEFAULT '["f", "g", "x"]') RETURNS json LANGUAGE sql AS $$
	SELECT jsonb_build_object('type', 'kafka', 'spec', jsonb_build_object(
		'dataSchema', jsonb_build_object(
			'dataSource', 'regress_transform', 'timestampSpec', jsonb '{"column": "time", "format": "auto"}',
			'dimensionsSpec', jsonb_build_object('dimensions', dimensions), 'metricsSpec', metrics,
			'granularitySpec', jsonb '{"rollup": false}', 'transformSpec', transform_spec),
		'ioConfig', jsonb '{"topic": "t", "inputFormat": {"type": "json"}, "consumerProperties": {"bootstrap.servers": "localhost:9092"}}'))::json
$$;
CREATE FUNCTION pg_temp.try(spec json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text; message text; detail text; hint text;
BEGIN
	PERFORM stream_ingest.check_spec(spec);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n  ', state || ': ' || message, nullif('DETAIL: ' || detail, 'DETAIL: '), nullif('HINT: ' || hint, 'HINT: '));
END
$$;
CREATE FUNCTION pg_temp.transform(t jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.try(pg_temp.spec(jsonb_build_object('transforms', jsonb_build_array(t))))
$$;
CREATE FUNCTION pg_temp.expression(e text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.transform(jsonb_build_object('type', 'expression', 'name', 'f', 'expression', e))
$$;
CREATE FUNCTION pg_temp.filter(f jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.try(pg_temp.spec(jsonb_build_object('filter', f)))
$$;
CREATE FUNCTION pg_temp.metric(m jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.try(pg_temp.spec('{}', jsonb_build_array(m)))
$$;

-- transforms
SELECT pg_temp.expression('concat(x, y)');
SELECT pg_temp.expression('concat(x, ');
SELECT pg_temp.expression('a + conct(x)');
SELECT pg_temp.expression('lookup(a, ''countries'')');
SELECT pg_temp.expression('timestamp_floor(__time, ''hourly'')');
SELECT pg_temp.expression('substring(a)');
SELECT pg_temp.expression('a = 1');
SELECT pg_temp.expression('regexp_like(a, ''('')');
SELECT pg_temp.transform('{"type": "expression", "name": "f"}');
SELECT pg_temp.transform('{"type": "expression", "expression": "1"}');
SELECT pg_temp.transform('{"type": "expression", "name": "", "expression": "1"}');
SELECT pg_temp.transform('{"name": "f", "expression": "1"}');
SELECT pg_temp.transform('{"type": "expresion", "name": "f", "expression": "1"}');
SELECT pg_temp.transform('{"type": "expression", "name": "f", "expresion": "1"}');
SELECT pg_temp.try(pg_temp.spec('{"transforms": [{"type": "expression", "name": "f", "expression": "1"}, {"type": "expression", "name": "f", "expression": "2"}]}'));
SELECT pg_temp.try(pg_temp.spec('{"transforms": {}, "filter": null}'));
SELECT pg_temp.try(pg_temp.spec('{"transforms": "x"}'));

-- filters
SELECT pg_temp.filter('{"type": "selector", "dimension": "x", "value": "a"}');
SELECT pg_temp.filter('{"type": "selector", "dimension": "x", "value": null}');
SELECT pg_temp.filter('{"type": "selector", "dimension": "x", "value": {"a": 1}}');
SELECT pg_temp.filter('{"type": "selector", "value": "a"}');
SELECT pg_temp.filter('{"dimension": "x", "value": "a"}');
SELECT pg_temp.filter('{"type": "selektor", "dimension": "x", "value": "a"}');
SELECT pg_temp.filter('{"type": "in", "dimension": "x", "values": ["a", null, 1]}');
SELECT pg_temp.filter('{"type": "in", "dimension": "x"}');
SELECT pg_temp.filter('{"type": "in", "dimension": "x", "values": [["a"]]}');
SELECT pg_temp.filter('{"type": "bound", "dimension": "x", "lower": "1", "upper": 10, "ordering": "numeric", "upperStrict": true}');
SELECT pg_temp.filter('{"type": "bound", "dimension": "x"}');
SELECT pg_temp.filter('{"type": "bound", "dimension": "x", "lower": "1", "ordering": "numerical"}');
SELECT pg_temp.filter('{"type": "like", "dimension": "x", "pattern": "a!%%", "escape": "!"}');
SELECT pg_temp.filter('{"type": "like", "dimension": "x", "pattern": "a", "escape": "!!"}');
SELECT pg_temp.filter('{"type": "regex", "dimension": "x", "pattern": "a+"}');
SELECT pg_temp.filter('{"type": "regex", "dimension": "x", "pattern": "a("}');
SELECT pg_temp.filter('{"type": "interval", "dimension": "__time", "intervals": ["2015-09-12/P1D", "2020-01-01/2021-01-01"]}');
SELECT pg_temp.filter('{"type": "interval", "dimension": "__time", "intervals": ["2015-09-12"]}');
SELECT pg_temp.filter('{"type": "interval", "dimension": "__time", "intervals": ["2015-09-12/yesterday"]}');
SELECT pg_temp.filter('{"type": "null", "column": "x"}');
SELECT pg_temp.filter('{"type": "equals", "column": "x", "matchValueType": "LONG", "matchValue": 5}');
SELECT pg_temp.filter('{"type": "equals", "column": "x", "matchValueType": "LONG", "matchValue": "five"}');
SELECT pg_temp.filter('{"type": "equals", "column": "x", "matchValueType": "ARRAY<LONG>", "matchValue": [5]}');
SELECT pg_temp.filter('{"type": "equals", "column": "x", "matchValueType": "STRING"}');
SELECT pg_temp.filter('{"type": "range", "column": "x", "matchValueType": "DOUBLE", "lower": 1, "upper": 2.5, "upperOpen": true}');
SELECT pg_temp.filter('{"type": "range", "column": "x", "matchValueType": "DOUBLE"}');
SELECT pg_temp.filter('{"type": "inType", "column": "x", "matchValueType": "LONG", "sortedValues": [1, 2]}');
SELECT pg_temp.filter('{"type": "expression", "expression": "x > 1 && y != ''a''"}');
SELECT pg_temp.filter('{"type": "expression", "expression": "x >> 1"}');
SELECT pg_temp.filter('{"type": "and", "fields": [{"type": "true"}, {"type": "or", "fields": []}, {"type": "not", "field": {"type": "false"}}]}');
SELECT pg_temp.filter('{"type": "and", "fields": [{"type": "true"}, {"type": "or", "fields": [{"type": "bound", "dimension": "x", "lowr": 1}]}]}');
SELECT pg_temp.filter('{"type": "not"}');
SELECT pg_temp.filter('{"type": "not", "fields": [{"type": "true"}]}');
SELECT pg_temp.filter('{"type": "not", "field": {"type": "javascript", "dimension": "x", "function": "f"}}');
SELECT pg_temp.filter('{"type": "spatial", "dimension": "x"}');
SELECT pg_temp.filter('{"type": "bloom", "dimension": "x", "bloomKFilter": "BAAA"}');
SELECT pg_temp.filter('{"type": "search", "dimension": "x"}');
SELECT pg_temp.filter('{"type": "search", "dimension": "x", "query": {"type": "contain", "value": "a"}}');
SELECT pg_temp.filter('{"type": "search", "dimension": "x", "query": {"type": "regex", "pattern": "a("}}');
SELECT pg_temp.filter('{"type": "columnComparison", "dimensions": ["x"]}');
SELECT pg_temp.filter('{"type": "columnComparison", "dimensions": ["x", {"type": "lookup", "dimension": "y"}]}');
SELECT pg_temp.filter('{"type": "arrayContainsElement", "column": "x", "elementMatchValueType": "COMPLEX<json>", "elementMatchValue": 1}');
SELECT pg_temp.filter('{"type": "selector", "dimension": "x", "value": "a", "extractionFn": {"type": "uper"}}');
SELECT pg_temp.filter('{"type": "selector", "dimension": "x", "value": "a", "extractionFn": {"type": "javascript", "function": "f"}}');
SELECT pg_temp.filter('{"type": "selector", "dimension": "x", "value": "a", "extractionFn": {"type": "lookup", "lookup": {"type": "namespace"}}}');
SELECT pg_temp.filter('{"type": "selector", "dimension": "x", "value": "a", "extractionFn": {"type": "substring", "index": -1}}');
SELECT pg_temp.filter('{"type": "selector", "dimension": "x", "value": "a", "extractionFn": {"type": "regex", "expr": "("}}');

-- aggregators with a filter or an expression
SELECT pg_temp.metric('{"type": "filtered", "filter": {"type": "selector", "dimension": "x", "value": "a"}, "aggregator": {"type": "count", "name": "n"}}');
SELECT pg_temp.metric('{"type": "filtered", "name": "n", "filter": {"type": "true"}, "aggregator": {"type": "filtered", "filter": {"type": "false"}, "aggregator": {"type": "longSum", "name": "m", "fieldName": "v"}}}');
SELECT pg_temp.metric('{"type": "filtered", "aggregator": {"type": "count", "name": "n"}}');
SELECT pg_temp.metric('{"type": "filtered", "filter": {"type": "true"}}');
SELECT pg_temp.metric('{"type": "filtered", "filter": {"type": "true"}, "aggregator": {"type": "longSum", "name": "n"}}');
SELECT pg_temp.metric('{"type": "filtered", "filter": {"type": "true"}, "aggregator": {"type": "longsum", "fieldName": "n"}}');
SELECT pg_temp.metric('{"type": "longSum", "name": "n", "expression": "a * 2"}');
SELECT pg_temp.metric('{"type": "longSum", "name": "n", "expression": "a *"}');
SELECT pg_temp.metric('{"type": "longSum", "name": "n", "fieldName": "a", "expression": "a * 2"}');

-- a spec is echoed as it was given
SELECT jsonb_pretty((stream_ingest.check_spec(pg_temp.spec('{"filter": {"type": "not", "field": {"type": "selector", "dimension": "x", "value": "a"}},
	"transforms": [{"type": "expression", "name": "f", "expression": "upper(x)"}]}'))::jsonb) #> '{spec,dataSchema,transformSpec}');
SELECT (stream_ingest.check_spec(pg_temp.spec('{}'))::jsonb) #> '{spec,dataSchema,transformSpec}';

-- what becomes of messages
CREATE FUNCTION pg_temp.rows(spec json, VARIADIC data text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT coalesce((r->'parsed')::text, 'no row') || coalesce(' ' || (r->>'error'), '')
	FROM json_array_elements(sample_supervisor(spec, data)->'data') r
$$;
SELECT pg_temp.rows(pg_temp.spec('{"transforms": [{"type": "expression", "name": "f", "expression": "concat(x,y)"},
	{"type": "expression", "name": "g", "expression": "a + b"}, {"type": "expression", "name": "x", "expression": "concat(f,g)"}]}'),
	'{"time": 0, "x": "foo", "y": "bar", "a": 2.0, "b": 3, "bool": true}');
SELECT pg_temp.rows(pg_temp.spec('{"transforms": [{"type": "expression", "name": "f", "expression": "concat(x,y)"}, {"type": "expression", "name": "g", "expression": "a + b"}],
	"filter": {"type": "and", "fields": [{"type": "selector", "dimension": "x", "value": "foo"}, {"type": "selector", "dimension": "f", "value": "foobar"}, {"type": "selector", "dimension": "g", "value": "5.0"}]}}'),
	'{"time": 0, "x": "foo", "y": "bar", "a": 2.0, "b": 3}', '{"time": 0, "x": "foo", "y": "baz", "a": 2.0, "b": 4}');
SELECT pg_temp.rows(pg_temp.spec('{"transforms": [{"type": "expression", "name": "__time", "expression": "(a + b) * 3600000"}]}'), '{"time": 0, "a": 2.0, "b": 3}');
SELECT pg_temp.rows(pg_temp.spec('{"transforms": [{"type": "expression", "name": "f", "expression": "bool"}, {"type": "expression", "name": "g", "expression": "if(bool,1,0)"}]}',
	'[]', '[{"type": "long", "name": "f"}, {"type": "long", "name": "g"}]'), '{"time": 0, "bool": true}', '{"time": 0, "bool": false}');
SELECT pg_temp.rows(pg_temp.spec('{"transforms": [{"type": "expression", "name": "g", "expression": "a / b"}]}'), '{"time": 0, "a": 1, "b": 0}', '{"time": 0, "a": 4, "b": 2}');
-- filters as expressions: which of four messages are kept
CREATE FUNCTION pg_temp.kept(filter text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(r->'input'->>'n', ' ' ORDER BY r->'input'->>'n') FILTER (WHERE r->>'parsed' IS NOT NULL)
	FROM json_array_elements(sample_supervisor(pg_temp.spec(format('{"filter": %s}', filter)::jsonb), ARRAY[
		'{"time": 0, "n": 1, "x": "Foo Bar", "y": "foo bar", "t": ["a", "b"], "v": 5}', '{"time": 0, "n": 2, "x": "it''s", "y": "it''s", "t": "b", "v": 12}',
		'{"time": 0, "n": 3, "x": "foobar", "y": null, "t": ["c"], "v": "5"}', '{"time": 0, "n": 4}'])->'data') r
$$;
SELECT f, pg_temp.kept(f) FROM unnest(ARRAY[
	'{"type": "search", "dimension": "x", "query": {"type": "contains", "value": "foo"}}',
	'{"type": "search", "dimension": "x", "query": {"type": "contains", "value": "foo", "caseSensitive": true}}',
	'{"type": "search", "dimension": "x", "query": {"type": "insensitive_contains", "value": "BAR"}}',
	'{"type": "search", "dimension": "x", "query": {"type": "fragment", "values": ["foo", " "]}}',
	'{"type": "search", "dimension": "x", "query": {"type": "regex", "pattern": "^[a-z]+$"}}',
	'{"type": "search", "dimension": "x", "query": {"type": "all"}}',
	'{"type": "search", "dimension": "t", "query": {"type": "contains", "value": "b"}}',
	'{"type": "search", "dimension": "x", "query": {"type": "contains", "value": "''"}}',
	'{"type": "search", "dimension": "x", "query": {"type": "contains", "value": "FOO", "caseSensitive": true}, "extractionFn": {"type": "upper"}}',
	'{"type": "columnComparison", "dimensions": ["x", "y"]}',
	'{"type": "columnComparison", "dimensions": [{"type": "extraction", "dimension": "x", "extractionFn": {"type": "lower"}}, {"type": "default", "dimension": "y"}]}',
	'{"type": "arrayContainsElement", "column": "t", "elementMatchValueType": "STRING", "elementMatchValue": "b"}',
	'{"type": "arrayContainsElement", "column": "v", "elementMatchValueType": "LONG", "elementMatchValue": 5}',
	'{"type": "selector", "dimension": "x", "value": "FOOBAR", "extractionFn": {"type": "upper"}}',
	'{"type": "extraction", "dimension": "x", "value": "foo", "extractionFn": {"type": "substring", "index": 0, "length": 3}}',
	'{"type": "in", "dimension": "t", "values": ["B", "C"], "extractionFn": {"type": "upper"}}',
	'{"type": "bound", "dimension": "x", "lower": "6", "ordering": "numeric", "extractionFn": {"type": "strlen"}}',
	'{"type": "selector", "dimension": "x", "value": "Bar", "extractionFn": {"type": "regex", "expr": "(\\w+)$"}}',
	'{"type": "selector", "dimension": "x", "value": "none", "extractionFn": {"type": "regex", "expr": " (.*)", "replaceMissingValue": true, "replaceMissingValueWith": "none"}}',
	'{"type": "selector", "dimension": "x", "value": "foobar", "extractionFn": {"type": "partial", "expr": "^f"}}',
	'{"type": "selector", "dimension": "x", "value": "foobar", "extractionFn": {"type": "searchQuery", "query": {"type": "contains", "value": "OOB"}}}',
	'{"type": "selector", "dimension": "t", "value": "[b]", "extractionFn": {"type": "stringFormat", "format": "[%s]"}}',
	'{"type": "selector", "dimension": "__time", "value": "1970", "extractionFn": {"type": "timeFormat", "format": "yyyy", "timeZone": "UTC"}}',
	'{"type": "selector", "dimension": "t", "value": "see", "extractionFn": {"type": "lookup", "lookup": {"type": "map", "map": {"c": "see", "it''s": "\""}}}}',
	'{"type": "selector", "dimension": "t", "value": "b", "extractionFn": {"type": "lookup", "retainMissingValue": true, "lookup": {"type": "map", "map": {"c": "see"}}}}',
	'{"type": "like", "dimension": "x", "pattern": "OO%", "extractionFn": {"type": "cascade", "extractionFns": [{"type": "upper"}, {"type": "substring", "index": 1}]}}',
	'{"type": "not", "field": {"type": "selector", "dimension": "x", "value": "FOOBAR", "extractionFn": {"type": "upper"}}}'
]) f;
-- schemaless: results are no dimensions, unless a message has a field of that name
SELECT pg_temp.rows(pg_temp.spec('{"transforms": [{"type": "expression", "name": "f", "expression": "upper(x)"}, {"type": "expression", "name": "x", "expression": "lower(x)"}]}', '[]', '[]'),
	'{"time": 0, "x": "Foo"}');
SELECT pg_temp.rows(pg_temp.spec('{}', '[{"type": "filtered", "filter": {"type": "like", "dimension": "x", "pattern": "a%"}, "aggregator": {"type": "longSum", "name": "s", "fieldName": "v"}},
	{"type": "filtered", "filter": {"type": "selector", "dimension": "x", "value": null}, "aggregator": {"type": "count", "name": "n"}},
	{"type": "doubleMax", "name": "m", "expression": "v * 1.5"}]', '["x"]'),
	'{"time": 0, "x": "ab", "v": 1}', '{"time": 1, "x": "b", "v": 2}', '{"time": 2, "v": 3}');

-- PostgreSQL's language
CREATE FUNCTION pg_temp.sql(e text, VARIADIC data text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT pg_temp.rows(pg_temp.spec(jsonb_build_object('transforms', jsonb_build_array(jsonb_build_object('type', 'sql', 'name', 'f', 'expression', e))),
		'[]', '["f"]'), VARIADIC data)
$$;
CREATE FUNCTION pg_temp.sql_error(e text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text; message text; detail text; hint text; context text;
BEGIN
	PERFORM pg_temp.sql(e, '{"time": 0, "x": 1}');
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
	RETURN concat_ws(E'\n  ', state || ': ' || message, nullif('DETAIL: ' || detail, 'DETAIL: '), nullif('HINT: ' || hint, 'HINT: '), split_part(context, E'\n', 1));
END
$$;
SELECT pg_temp.sql('upper(x) || ''!''', '{"time": 0, "x": "abc"}', '{"time": 0}', '{"time": 0, "x": null}');
SELECT pg_temp.sql('100 / x::int', '{"time": 0, "x": 1}', '{"time": 0, "x": 0}', '{"time": 0, "x": "z"}', '{"time": 0, "x": 4}', '{"time": 0, "x": 8} {"time": 0, "x": 0}');
SELECT pg_temp.sql('x::numeric', '{"time": 0, "x": 12.50}', '{"time": 0, "x": "NaN"}', '{"time": 0, "x": 5}');
SELECT pg_temp.sql('date_trunc(''hour'', __time AT TIME ZONE ''UTC'')', '{"time": "2015-09-12T00:46:58.771Z"}', '{"time": "1905-09-12T00:46:58.771Z"}');
SELECT pg_temp.sql('string_to_array(x, '','')', '{"time": 0, "x": "b,a"}');
SELECT pg_temp.sql('x::jsonb -> ''k''', '{"time": 0, "x": {"k": [1, 2]}}', '{"time": 0, "x": {"k": "v\n"}}', '{"time": 0, "x": {"k": {"l": 1}}}');
SELECT pg_temp.sql('"isNew"::bool', '{"time": 0, "isNew": true}');
SELECT pg_temp.sql('isNew', '{"time": 0, "isNew": true}');
SELECT pg_temp.sql('''infinity''::timestamptz', '{"time": 0}');
SELECT pg_temp.sql_error(e) FROM unnest(ARRAY['x', '(SELECT 1)', 'EXISTS (SELECT 1)', 'count(x)', 'rank() OVER ()', 'generate_series(1, 2)', 'x FROM pg_class',
	'x; DROP TABLE a', 'x, x', 'x AS y', '', '*', 'a.b', 'nosuch(x)', 'x +', 'x WHERE true', 'row(1, 2)', '$1', 'current_user || x']) e;
-- nothing that an expression sets stays, and it cannot write
CREATE TABLE regress_written (t text);
CREATE FUNCTION regress_write(t text) RETURNS text LANGUAGE sql VOLATILE AS 'INSERT INTO regress_written VALUES (t) RETURNING t';
SELECT pg_temp.sql('set_config(''search_path'', ''nowhere'', false)', '{"time": 0}', '{"time": 0}');
SELECT pg_temp.sql('set_config(''transaction_read_only'', ''off'', false)', '{"time": 0}');
SELECT pg_temp.sql('set_config(''role'', ''postgres'', false)', '{"time": 0}');
SELECT pg_temp.sql('regress_write(x)', '{"time": 0, "x": "a"}');
SHOW search_path;
SELECT * FROM regress_written;
SELECT problem, sqlstate, path FROM validate_supervisor(pg_temp.spec('{"transforms": [{"type": "sql", "name": "f", "expression": "nosuch(x)"}]}'));
SELECT submit_supervisor(pg_temp.spec('{"transforms": [{"type": "sql", "name": "f", "expression": "(SELECT 1)"}]}'));
DROP FUNCTION regress_write(text);
DROP TABLE regress_written;
