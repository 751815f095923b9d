-- Formats of messages in a spec: what is accepted, echoed and refused.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

-- What check_spec() says to a spec with this inputFormat.
CREATE FUNCTION pg_temp.spec(format text) RETURNS json LANGUAGE sql AS $$
	SELECT ('{"type": "kafka", "spec": {"dataSchema": {"dataSource": "wikipedia", "timestampSpec": {"column": "time", "format": "iso"},
		"dimensionsSpec": {"dimensions": ["channel", "page"]}, "granularitySpec": {"rollup": false}},
		"ioConfig": {"topic": "wiki", "consumerProperties": {"bootstrap.servers": "localhost:9092"}, "inputFormat": ' || format || '}}}')::json
$$;
CREATE FUNCTION pg_temp.parse_spec(parse_spec text) RETURNS json LANGUAGE sql AS $$
	SELECT ('{"type": "kafka", "dataSchema": {"dataSource": "wikipedia", "parser": {"type": "string", "parseSpec": ' || parse_spec || '},
		"granularitySpec": {"rollup": false}},
		"ioConfig": {"topic": "wiki", "consumerProperties": {"bootstrap.servers": "localhost:9092"}}}')::json
$$;
CREATE FUNCTION pg_temp.try_json(spec json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text; message text; detail text; hint text;
BEGIN
	RETURN stream_ingest.check_spec(spec)::jsonb #>> '{spec,ioConfig,inputFormat}';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN state || ': ' || message || CASE WHEN detail <> '' THEN E'\n   detail: ' || detail ELSE '' END
		|| CASE WHEN hint <> '' THEN E'\n   hint: ' || hint ELSE '' END;
END
$$;
CREATE FUNCTION pg_temp.try(format text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.try_json(pg_temp.spec(format)) $$;
CREATE FUNCTION pg_temp.try_old(parse_spec text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.try_json(pg_temp.parse_spec(parse_spec)) $$;

-- json
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"useFieldDiscovery": false, "fields": ["a", {"type": "root", "name": "b"},
	{"type": "path", "name": "c", "expr": "$.a.b[0]"}, {"type": "jq", "name": "d", "expr": ".a | .b"}, {"type": "tree", "name": "e", "nodes": ["x", "y"]}]}}');
SELECT pg_temp.try('{"type": "json", "assumeNewlineDelimited": true, "keepNullColumns": true, "featureSpec": {"ALLOW_COMMENTS": true, "ALLOW_SINGLE_QUOTES": false}}');
SELECT pg_temp.try('{"type": "json", "assumeNewlineDelimited": true, "useJsonNodeReader": true}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "path", "name": "met-array", "expr": "$.met.a"}, {"type": "jq", "name": "met-array", "expr": ".met.a"}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "path", "name": "a", "expr": "$.a["}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "path", "name": "a", "expr": "$.a[?(@.b =~ /x/)]"}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "path", "name": "a", "expr": "$.a.median()"}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "path", "name": "a", "expr": "$.a.length().b"}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "jq", "name": "a", "expr": ".a | ltrimstr(\"x\")"}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "jq", "name": "a", "expr": ".a + 1"}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "jq", "name": "a", "expr": "{b: .a}"}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "tree", "name": "a"}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "path", "expr": "$.a"}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "path", "name": "a"}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [{"type": "pth", "name": "a", "expr": "$.a"}]}}');
SELECT pg_temp.try('{"type": "json", "flattenSpec": {"fields": [5]}}');
SELECT pg_temp.try('{"type": "json", "featureSpec": {"STRICT_DUPLICATE_DETECTION": true}}');
SELECT pg_temp.try('{"type": "json", "featureSpec": {"ALLOW_COMMENTS": "perhaps"}}');

-- csv and tsv
SELECT pg_temp.try('{"type": "csv", "columns": ["time", "channel"], "listDelimiter": "|", "skipHeaderRows": 1, "tryParseNumbers": true}');
SELECT pg_temp.try('{"type": "csv", "findColumnsFromHeader": true}');
SELECT pg_temp.try('{"type": "csv", "hasHeaderRow": true}');
SELECT pg_temp.try('{"type": "CSV", "columns": ["a"], "findColumnsFromHeader": true, "hasHeaderRow": true}');
SELECT pg_temp.try('{"type": "tsv", "columns": ["time", "channel"], "delimiter": ";"}');
SELECT pg_temp.try('{"type": "csv"}');
SELECT pg_temp.try('{"type": "csv", "columns": [], "findColumnsFromHeader": false}');
SELECT pg_temp.try('{"type": "csv", "findColumnsFromHeader": true, "hasHeaderRow": true}');
SELECT pg_temp.try('{"type": "csv", "columns": ["a,b"]}');
SELECT pg_temp.try('{"type": "tsv", "columns": ["a,b"]}');
SELECT pg_temp.try('{"type": "tsv", "columns": ["a", "b;c"], "delimiter": ";"}');
SELECT pg_temp.try('{"type": "csv", "columns": ["a", "a"]}');
SELECT pg_temp.try('{"type": "csv", "columns": ["a", ""]}');
SELECT pg_temp.try('{"type": "csv", "columns": "a"}');
SELECT pg_temp.try('{"type": "csv", "columns": ["a"], "listDelimiter": ","}');
SELECT pg_temp.try('{"type": "csv", "columns": ["a"], "skipHeaderRows": -1}');
SELECT pg_temp.try('{"type": "csv", "columns": ["a"], "skipHeaderRow": 1}');
SELECT pg_temp.try('{"type": "csv", "columns": ["a"], "delimiter": ";"}');
SELECT pg_temp.try('{"type": "json", "columns": ["a"]}');

-- regex and lines
SELECT pg_temp.try('{"type": "regex", "pattern": "(.*) (.*)", "columns": ["a", "b"]}');
SELECT pg_temp.try('{"type": "regex", "pattern": "(.*)"}');
SELECT pg_temp.try('{"type": "regex"}');
SELECT pg_temp.try('{"type": "regex", "pattern": "(a"}');
SELECT pg_temp.try('{"type": "lines"}');

-- kafka
SELECT pg_temp.try('{"type": "kafka", "valueFormat": {"type": "json"}}');
SELECT pg_temp.try('{"type": "kafka", "valueFormat": {"type": "csv", "columns": ["a"]}, "keyFormat": {"type": "tsv", "columns": ["x"]},
	"headerFormat": {"type": "string", "encoding": "US-ASCII"}, "headerColumnPrefix": "h.", "keyColumnName": "k", "timestampColumnName": "t",
	"topicColumnName": "topic", "partitionColumnName": "p", "offsetColumnName": "o"}');
SELECT pg_temp.try('{"type": "kafka", "valueFormat": {"type": "json"}, "headerFormat": {"type": "string"}}');
SELECT pg_temp.try('{"type": "kafka"}');
SELECT pg_temp.try('{"type": "kafka", "valueFormat": {"type": "csv"}}');
SELECT pg_temp.try('{"type": "kafka", "valueFormat": {"type": "kafka", "valueFormat": {"type": "json"}}}');
SELECT pg_temp.try('{"type": "kafka", "valueFormat": {"type": "json", "flattenSpec": {"fields": [{"type": "path", "name": "a", "expr": "$["}]}}}');
SELECT pg_temp.try('{"type": "kafka", "valueFormat": {"type": "json"}, "keyFormat": {"type": "regex", "pattern": "["}}');
SELECT pg_temp.try('{"type": "kafka", "valueFormat": {"type": "json"}, "headerFormat": {"type": "bytes"}}');
SELECT pg_temp.try('{"type": "kafka", "valueFormat": {"type": "json"}, "headerFormat": {"encoding": "UTF-8"}}');
SELECT pg_temp.try('{"type": "kafka", "valueFormat": {"type": "json"}, "headerFormat": {"type": "string", "encoding": "no such"}}');
SELECT pg_temp.try('{"type": "kafka", "valueFormat": {"type": "json"}, "keyColumName": "k"}');

-- the parseSpec of older specs
SELECT pg_temp.try_old('{"format": "csv", "columns": ["timestamp", "a"], "listDelimiter": "|", "timestampSpec": {"column": "timestamp"}}');
SELECT pg_temp.try_old('{"format": "tsv", "hasHeaderRow": true, "skipHeaderRows": 2, "delimiter": ";"}');
SELECT pg_temp.try_old('{"format": "regex", "pattern": "(.*)", "columns": ["timestamp"]}');
SELECT pg_temp.try_old('{"format": "csv"}');
SELECT pg_temp.try_old('{"format": "regex", "pattern": "a)"}');
SELECT pg_temp.try_old('{"format": "jsonLowercase"}');
SELECT pg_temp.try_old('{"format": "timeAndDims"}');
SELECT pg_temp.try_old('{"format": "javascript"}');
