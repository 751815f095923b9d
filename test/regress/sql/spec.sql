-- Supervisor specs: what is accepted, what it becomes, and how the rest is refused.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

-- A good spec with one value changed, at a path such as {spec,ioConfig,taskCount}.
CREATE FUNCTION pg_temp.spec(path text[] DEFAULT '{}', value jsonb DEFAULT NULL) RETURNS json LANGUAGE sql AS $$
	WITH base(spec) AS (SELECT jsonb '{
		"type": "kafka",
		"spec": {
			"dataSchema": {
				"dataSource": "wikipedia",
				"timestampSpec": {"column": "time", "format": "iso"},
				"dimensionsSpec": {"dimensions": ["channel", "page"]},
				"metricsSpec": [{"type": "count", "name": "count"}, {"type": "longSum", "name": "added", "fieldName": "added"}],
				"granularitySpec": {"segmentGranularity": "DAY", "queryGranularity": "NONE", "rollup": false}
			},
			"ioConfig": {
				"topic": "wiki", "inputFormat": {"type": "json"},
				"consumerProperties": {"bootstrap.servers": "localhost:9092"}
			},
			"tuningConfig": {"type": "kafka"}
		}
	}')
	SELECT CASE WHEN path = '{}' THEN spec
		WHEN value IS NULL THEN spec #- path
		ELSE jsonb_set(spec, path, value) END::json FROM base
$$;

-- What check_spec() says to it.
CREATE FUNCTION pg_temp.try_json(spec json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text; message text; detail text; hint text;
BEGIN
	PERFORM stream_ingest.check_spec(spec);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN state || ': ' || message || CASE WHEN detail <> '' THEN E'\n   detail: ' || detail ELSE '' END
		|| CASE WHEN hint <> '' THEN E'\n   hint: ' || hint ELSE '' END;
END
$$;
CREATE FUNCTION pg_temp.try(path text[], value jsonb DEFAULT NULL) RETURNS text LANGUAGE sql AS
	$$ SELECT pg_temp.try_json(pg_temp.spec(path, value)) $$;
CREATE FUNCTION pg_temp.echo(path text[], value jsonb, echoed text[] DEFAULT NULL) RETURNS text LANGUAGE sql AS
	$$ SELECT stream_ingest.check_spec(pg_temp.spec(path, value))::jsonb #>> coalesce(echoed, path) $$;

-- the echo: nested, defaults filled in
SELECT jsonb_pretty(stream_ingest.check_spec(pg_temp.spec())::jsonb);

-- not a spec
SELECT pg_temp.try_json('[]'::json);
SELECT pg_temp.try_json('"x"'::json);
SELECT pg_temp.try_json('{}'::json);
SELECT pg_temp.try_json('{"type": "kafka"}'::json);
SELECT pg_temp.try_json('{"type": "kafka", "spec": 1}'::json);
SELECT stream_ingest.check_spec('{"type": "kafka",}');

-- type
SELECT pg_temp.try('{type}');
SELECT pg_temp.try('{type}', '"kinesis"');
SELECT pg_temp.try('{type}', '"index_parallel"');
SELECT pg_temp.try('{type}', '"kafak"');
SELECT pg_temp.try('{spec,tuningConfig,type}', '"index_parallel"');
SELECT pg_temp.try('{spec,tuningConfig}');

-- missing
SELECT pg_temp.try('{spec,dataSchema}');
SELECT pg_temp.try('{spec,ioConfig}');
SELECT pg_temp.try('{spec,dataSchema,dataSource}');
SELECT pg_temp.try('{spec,dataSchema,dataSource}', 'null');
SELECT pg_temp.try('{spec,ioConfig,topic}');
SELECT pg_temp.try('{spec,ioConfig,topic}', '""');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"group.id": "x"}');
SELECT pg_temp.try('{spec,ioConfig,inputFormat}');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1,fieldName}');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1,name}');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1,type}');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec}');
SELECT pg_temp.try('{spec,dataSchema,timestampSpec}');

-- names
SELECT pg_temp.try('{spec,dataSchema,dataSource}', '"a/b"');
SELECT pg_temp.try('{spec,dataSchema,dataSource}', '".hidden"');
SELECT pg_temp.try('{spec,dataSchema,dataSource}', '"two\nlines"');
SELECT pg_temp.try('{spec,dataSchema,dataSource}', to_jsonb(repeat('x', 64)));
SELECT pg_temp.try('{spec,dataSchema,dataSource}', to_jsonb(repeat('x', 63)));
SELECT pg_temp.try('{spec,dataSchema,dataSource}', '"Metrics-Kafka of badé"');
SELECT pg_temp.try('{spec,ioConfig,topic}', '"no topic"');
SELECT pg_temp.echo('{spec,ioConfig,topic}', '5');
SELECT pg_temp.echo('{id}', '"another"');
SELECT pg_temp.try('{id}', '"a/b"');

-- misspelt fields, in any section, and with the nearest name
SELECT pg_temp.try('{taskCount}', '1');
SELECT pg_temp.try('{suspend}', 'true');
SELECT pg_temp.try('{spec,ioConfig,taskCont}', '1');
SELECT pg_temp.try('{spec,ioConfig,useEarliestoffset}', 'true');
SELECT pg_temp.try('{spec,ioConfig,consumerProperty}', '{}');
SELECT pg_temp.try('{spec,dataSchema,dimensionSpec}', '{"dimensions": ["a"]}');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,rolup}', 'true');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1,fieldname}', '"x"');
SELECT pg_temp.try('{spec,tuningConfig,maxRowInMemory}', '7');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,dimensions,0}', '{"name": "channel", "typ": "long"}');

-- other unknown fields: one warning; an error when strict
SELECT pg_temp.try('{spec,ioConfig,ownersMailbox}', '"x@example.org"');
SELECT pg_temp.try_json('{"type": "kafka", "colour": "red", "spec": {"dataSchema": {"dataSource": "d", "granularitySpec": {"rollup": true}, "wibble": 1},
	"ioConfig": {"topic": "t", "consumerProperties": {"bootstrap.servers": "h:1"}, "inputFormat": {"type": "json"}}}, "context": {"strict": false}}'::json);
SELECT pg_temp.try_json('{"type": "kafka", "colour": "red", "spec": {"dataSchema": {"dataSource": "d", "granularitySpec": {"rollup": true}, "wibble": 1},
	"ioConfig": {"topic": "t", "consumerProperties": {"bootstrap.servers": "h:1"}, "inputFormat": {"type": "json"}}}, "context": {"strict": true}}'::json);
SELECT pg_temp.try('{spec,ioConfig,ownersMailbox}', 'null');
-- one letter is near to none
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1,z}', '1');
-- a parameter of an aggregator that is not supported
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1}', '{"type": "hyperUnique", "name": "h", "fieldName": "page", "isInputHyperUnique": true}');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1,isInputHyperUnique}', 'true');
-- kept in the echo
SELECT pg_temp.echo('{spec,ioConfig,ownersMailbox}', '{"a": 1}');

-- numbers: texts are read, fractions cut
SELECT pg_temp.echo('{spec,ioConfig,taskCount}', '"2"');
SELECT pg_temp.echo('{spec,ioConfig,taskCount}', '1.5');
SELECT pg_temp.echo('{spec,ioConfig,taskCount}', 'null');
SELECT pg_temp.try('{spec,ioConfig,taskCount}', '0');
SELECT pg_temp.try('{spec,ioConfig,taskCount}', '-1');
SELECT pg_temp.try('{spec,ioConfig,taskCount}', '"abc"');
SELECT pg_temp.try('{spec,ioConfig,taskCount}', '"1.5"');
SELECT pg_temp.try('{spec,ioConfig,taskCount}', '3000000000');
SELECT pg_temp.try('{spec,ioConfig,taskCount}', '[1]');
SELECT pg_temp.try('{spec,ioConfig,taskCount}', 'true');
SELECT pg_temp.try('{spec,tuningConfig,maxRowsInMemory}', '"abc"');
SELECT pg_temp.try('{spec,tuningConfig,maxRowsInMemory}', '0');
SELECT pg_temp.try('{spec,tuningConfig,maxRowsPerSegment}', '0');
SELECT pg_temp.try('{spec,tuningConfig,maxTotalRows}', '-5');
SELECT pg_temp.try('{spec,tuningConfig,maxBytesInMemory}', '-1');
SELECT pg_temp.try('{spec,tuningConfig,maxBytesInMemory}', '-2');

-- booleans
SELECT pg_temp.echo('{spec,ioConfig,useEarliestOffset}', '"true"');
SELECT pg_temp.try('{spec,ioConfig,useEarliestOffset}', '"yes"');

-- periods: numbers are milliseconds; months have no fixed length
SELECT pg_temp.echo('{spec,ioConfig,taskDuration}', '"PT1H30M"');
SELECT pg_temp.echo('{spec,ioConfig,taskDuration}', '60000');
SELECT pg_temp.echo('{spec,ioConfig,taskDuration}', '"PT0S"');
SELECT pg_temp.echo('{spec,ioConfig,startDelay}', '"PT-5S"');
SELECT pg_temp.try('{spec,ioConfig,taskDuration}', '"P1M"');
SELECT pg_temp.try('{spec,ioConfig,taskDuration}', '"abc"');
SELECT pg_temp.try('{spec,ioConfig,period}', '"PTX"');
SELECT pg_temp.try('{spec,tuningConfig,httpTimeout}', '"x"');
SELECT pg_temp.echo('{spec,tuningConfig,intermediatePersistPeriod}', '600000');

-- late and early
SELECT pg_temp.echo('{spec,ioConfig,lateMessageRejectionPeriod}', '"PT1H"');
SELECT pg_temp.echo('{spec,ioConfig,lateMessageRejectionStartDateTime}', '"2015-09-12"');
SELECT pg_temp.try('{spec,ioConfig,lateMessageRejectionStartDateTime}', '"yesterday"');
SELECT pg_temp.try('{spec,ioConfig}', '{"topic": "t", "inputFormat": {"type": "json"}, "consumerProperties": {"bootstrap.servers": "h:1"},
	"lateMessageRejectionPeriod": "PT1H", "lateMessageRejectionStartDateTime": "2015-09-12"}');
SELECT pg_temp.try('{spec,ioConfig}', '{"topic": "t", "inputFormat": {"type": "json"}, "consumerProperties": {"bootstrap.servers": "h:1"},
	"lateMessageRejectionPeriod": "PT1H", "earlyMessageRejectionPeriod": "PT1H"}');

-- timestamps
SELECT pg_temp.try('{spec,dataSchema,timestampSpec,format}', '"nope!"');
SELECT pg_temp.try('{spec,dataSchema,timestampSpec,format}', '"yyyy-MM-dd HH:mm:ss"');
SELECT pg_temp.echo('{spec,dataSchema,timestampSpec,missingValue}', '"2010-01-01"');
SELECT pg_temp.try('{spec,dataSchema,timestampSpec,missingValue}', '"soon"');

-- columns
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,dimensions}', '["a", "a"]');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,dimensions}', '["added"]');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,dimensions}', '["__time"]');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,dimensions}', '["a", null]');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,dimensions}', '"a"');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,dimensions}', '[{"type": "long"}]');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,dimensions}', '[{"type": "lnog", "name": "a"}]');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,dimensions}', '[{"type": "bigint", "name": "a"}]');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,dimensions}', '[{"type": "json", "name": "a"}]');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,dimensions}', '[{"type": "auto", "name": "a"}]');
SELECT pg_temp.echo('{spec,dataSchema,dimensionsSpec,dimensions}', '["a", {"type": "long", "name": "b"},
	{"type": "string", "name": "c", "multiValueHandling": "array", "createBitmapIndex": "false"}]');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec}', '{"dimensions": ["a"], "dimensionExclusions": ["a"]}');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec}', '[{"type": "count", "name": "c"}, {"type": "longMax", "name": "c", "fieldName": "x"}]');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1,type}', '"longSums"');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1,type}', '"sum"');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1,type}', '"hyperUnique"');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1,type}', '"longLast"');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1}', '{"type": "stringlast", "name": "s", "fieldName": "f", "maxStringBytes": 10, "timeColumn": "at", "aggregateMultipleValues": true}');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1}', '{"type": "stringLast", "name": "s", "fieldName": "f", "maxStringBytes": -1}');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1}', '{"type": "floatAny", "name": "s"}');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec,1,expression}', '"added + 1"');
SELECT pg_temp.try('{spec,dataSchema,metricsSpec}', (SELECT jsonb_agg(jsonb_build_object('type', 'count', 'name', 'c' || i)) FROM generate_series(1, 1600) i));

-- granularities
SELECT pg_temp.echo('{spec,dataSchema,granularitySpec,segmentGranularity}', '"fifteen_minute"');
SELECT pg_temp.echo('{spec,dataSchema,granularitySpec,segmentGranularity}', '"PT1H"');
SELECT pg_temp.echo('{spec,dataSchema,granularitySpec,segmentGranularity}', '{"type": "period", "period": "P2D", "timeZone": "Europe/Berlin"}');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,segmentGranularity}', '"PT7M"');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,segmentGranularity}', '"hourly"');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,segmentGranularity}', '"fortnight"');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,segmentGranularity}', '"NONE"');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,segmentGranularity}', '{"type": "period", "period": "P2D", "timeZone": "Mars/Olympus"}');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,segmentGranularity}', '{"type": "period"}');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,segmentGranularity}', '{"type": "duration", "duration": 0}');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,segmentGranularity}', '{"type": "duration", "duration": 3600000, "origin": "2015-01-01"}');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,queryGranularity}', '"ALL"');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,queryGranularity}', '{"type": "none"}');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,rollup}');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec}');
SELECT pg_temp.echo('{spec,dataSchema,granularitySpec,type}', '"arbitrary"');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,intervals}', '["2015-09-12/2015-09-13"]');
SELECT pg_temp.try('{spec,dataSchema,granularitySpec,intervals}', '[]');

-- what comes later is refused when it would change the result, and accepted when it says nothing
SELECT pg_temp.try('{spec,ioConfig,autoScalerConfig}', '{"enableTaskAutoScaler": true, "taskCountMax": 4}');
SELECT pg_temp.try('{spec,ioConfig,autoScalerConfig}', '{"enableTaskAutoScaler": true, "taskCountMax": 4, "taskCountMin": 5}');
SELECT pg_temp.try('{spec,ioConfig,autoScalerConfig}', '{"enableTaskAutoScaler": true, "taskCountMax": 4, "taskCountMin": 2, "taskCountStart": 1}');
SELECT pg_temp.try('{spec,ioConfig,autoScalerConfig}', '{"enableTaskAutoScaler": false, "stopTaskCountRatio": 1.5}');
SELECT pg_temp.try('{spec,ioConfig,autoScalerConfig}', '{"enableTaskAutoScaler": true, "taskCountMax": 4, "taskCountMin": 2, "autoScalerStrategy": "costBased", "lagWeight": 0.4}');
SELECT pg_temp.try('{spec,ioConfig,autoScalerConfig}', '{"autoScalerStrategy": "lagbassed"}');
SELECT pg_temp.try('{spec,ioConfig,idleConfig}', '{"enabled": true, "inactiveAfterMillis": 0}');
SELECT pg_temp.try('{spec,ioConfig,boundedStreamConfig}', '{"startSequenceNumbers": {"0": 1}, "endSequenceNumbers": {"0": 10}}');
SELECT pg_temp.try('{spec,ioConfig,boundedStreamConfig}', '{"startSequenceNumbers": {"wiki:0": 1}, "endSequenceNumbers": {"wiki:0": 10}}');
SELECT pg_temp.try('{spec,ioConfig,boundedStreamConfig}', '{"startSequenceNumbers": {"other:0": 1}, "endSequenceNumbers": {"other:0": 10}}');
SELECT pg_temp.try('{spec,ioConfig,boundedStreamConfig}', '{"startSequenceNumbers": {"0": 1}}');
SELECT pg_temp.try('{spec,ioConfig,boundedStreamConfig}', '{"startSequenceNumbers": {"0": 1}, "endSequenceNumbers": {"0": 10, "1": 10}}');
SELECT pg_temp.try('{spec,ioConfig,boundedStreamConfig}', '{"startSequenceNumbers": {"0": -1}, "endSequenceNumbers": {"0": 10}}');
SELECT pg_temp.try('{spec,ioConfig,topicPattern}', '"wi.*"');
SELECT pg_temp.try('{spec,ioConfig}', '{"topicPattern": "wi.*", "consumerProperties": {"bootstrap.servers": "b:1"}, "inputFormat": {"type": "json"}}');
SELECT pg_temp.try('{spec,ioConfig}', '{"topicPattern": "wi(", "consumerProperties": {"bootstrap.servers": "b:1"}, "inputFormat": {"type": "json"}}');
SELECT pg_temp.try('{spec,ioConfig,inputFormat}', '{"type": "orc"}');
SELECT pg_temp.try('{spec,ioConfig,inputFormat}', '{"type": "nope"}');
SELECT pg_temp.try('{spec,ioConfig,inputFormat}', '{"type": "josn"}');
SELECT pg_temp.try('{spec,ioConfig,inputFormat,flattenSpec}', '{"useFieldDiscovery": true, "fields": []}');
SELECT pg_temp.try('{spec,ioConfig,inputFormat,flattenSpec}', '{"fields": [{"type": "path", "name": "a", "expr": "$.a"}]}');
SELECT pg_temp.try('{spec,dataSchema,transformSpec}', '{"filter": null, "transforms": []}');
SELECT pg_temp.try('{spec,dataSchema,transformSpec}', '{"filter": {"type": "selector", "dimension": "channel", "value": "x"}}');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,spatialDimensions}', '[{"dimName": "c", "dims": ["x", "y"]}]');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,spatialDimensions}', '[]');
SELECT pg_temp.try('{spec,dataSchema,dimensionsSpec,useSchemaDiscovery}', 'true');
SELECT pg_temp.try('{spec,ioConfig,autoScalerConfig}', '{"enableTaskAutoScaler": true, "taskCountMax": 4, "taskCountMin": 1}');
SELECT pg_temp.try('{spec,ioConfig,autoScalerConfig}', '{"enableTaskAutoScaler": false, "taskCountMax": 4, "taskCountMin": 1}');

-- fields without effect: one notice
SELECT pg_temp.try('{spec,tuningConfig}', '{"type": "kafka", "chatThreads": 4, "httpTimeout": "PT10S", "workerThreads": 2, "basePersistDirectory": "/x",
	"indexSpec": {"bitmap": {"type": "concise"}, "dimensionCompression": "zstd"}}');
SELECT pg_temp.try('{spec,tuningConfig,indexSpec}', '{"dimensionCompression": "nope"}');
SELECT pg_temp.try('{spec,ioConfig,replicas}', '2');
SELECT pg_temp.try('{spec,ioConfig,replicas}', '1');
SELECT pg_temp.try('{spec,ioConfig,useEarliestSequenceNumber}', 'true');
SELECT pg_temp.try('{spec,ioConfig,stopTaskCount}', '0');
SELECT pg_temp.echo('{spec,tuningConfig}', '{"reportParseExceptions": true, "maxSavedParseExceptions": 10}');

-- properties of the client
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "enable.auto.commit": "true", "group.id": "x", "auto.offset.reset": "latest"}');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "sasl.password": ["x"]}');
SELECT pg_temp.echo('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "sasl.username": "me", "sasl.password": "secret1", "ssl.key.password": {"type": "default", "password": "secret2"},
	"sasl.jaas.config": "secret3", "ssl.key.pem": "secret4"}');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "sasl.password": "******"}');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "sasl.password": {"type": "vault", "password": "secret1"}}');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "sasl.password": {"type": "environment", "variable": "SI_NO_SUCH_VARIABLE"}}');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "druid.dynamic.config.provider": {"type": "environment", "variables": {}}}');
-- files and code of the server are for superusers
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "ssl.ca.location": "/etc/ssl/certs/ca-certificates.crt"}');
CREATE ROLE regress_si_submitter;
GRANT EXECUTE ON FUNCTION stream_ingest.check_spec(json) TO regress_si_submitter;
GRANT USAGE ON SCHEMA stream_ingest TO regress_si_submitter;
SELECT pg_my_temp_schema()::regnamespace AS temp \gset
GRANT USAGE ON SCHEMA :temp TO regress_si_submitter;
SET ROLE regress_si_submitter;
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "ssl.ca.location": "/etc/ssl/certs/ca-certificates.crt"}');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "plugin.library.paths": "/tmp/evil.so"}');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "sasl.kerberos.kinit.cmd": "touch /tmp/x"}');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "ssl.engine.location": "/tmp/evil.so"}');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "sasl.password": {"type": "environment", "variable": "HOME"}}');
SELECT pg_temp.try('{spec,ioConfig,consumerProperties}', '{"bootstrap.servers": "h:1", "ssl.ca.pem": "-----BEGIN CERTIFICATE-----"}');
RESET ROLE;
REVOKE USAGE ON SCHEMA :temp FROM regress_si_submitter;
REVOKE ALL ON SCHEMA stream_ingest FROM regress_si_submitter;
REVOKE ALL ON FUNCTION stream_ingest.check_spec(json) FROM regress_si_submitter;
DROP ROLE regress_si_submitter;

-- the flat shape of old releases, with its parser; both shapes at once; of equal keys the last
SELECT stream_ingest.check_spec('{"type": "kafka", "dataSchema": {"dataSource": "metrics-kafka",
		"parser": {"type": "string", "parseSpec": {"format": "json", "timestampSpec": {"column": "ts", "format": "millis"},
			"dimensionsSpec": {"dimensions": [], "dimensionExclusions": ["timestamp", "value"]}}},
		"granularitySpec": {"type": "uniform", "segmentGranularity": "HOUR", "queryGranularity": "NONE", "rollup": true}},
	"tuningConfig": {"type": "kafka", "maxRowsPerSegment": 5000000},
	"ioConfig": {"topic": "metrics", "consumerProperties": {"bootstrap.servers": "localhost:9092"}, "taskCount": 1, "taskCount": 3}}')::jsonb
	#> '{spec}' #- '{tuningConfig}';
SELECT pg_temp.try_json('{"type": "kafka", "dataSchema": {"dataSource": "d", "parser": {"type": "string", "parseSpec": {"format": "json",
		"timestampSpec": {"colunm": "ts"}}}}, "ioConfig": {"topic": "t", "consumerProperties": {"bootstrap.servers": "h:1"}}}'::json);
SELECT pg_temp.try_json('{"type": "kafka", "dataSchema": {"dataSource": "d", "parser": {"type": "string", "parseSpec": {"format": "csv", "columns": ["a"]}}},
	"ioConfig": {"topic": "t", "consumerProperties": {"bootstrap.servers": "h:1"}}}'::json);
SELECT pg_temp.try_json('{"type": "kafka", "ioConfig": {"topic": "t"}, "dataSchema": {"dataSource": "d"}}'::json);
SELECT pg_temp.try('{ioConfig}', '{"topic": "another"}');
SELECT pg_temp.try('{ioConfig}', pg_temp.spec()::jsonb #> '{spec,ioConfig}');
SELECT pg_temp.echo('{suspended}', '"true"');

-- the table of fields
SELECT count(*) > 200, count(*) = count(DISTINCT path), bool_and(help <> '') FILTER (WHERE type <> 'word') FROM stream_ingest.spec_fields();
SELECT path, type, "default", meaning FROM stream_ingest.spec_fields() WHERE path LIKE 'spec.dataSchema.granularitySpec%' AND type <> 'word';
SELECT DISTINCT meaning FROM stream_ingest.spec_fields() ORDER BY 1;

-- docs/reference.md is what the table says
\getenv builddir PG_ABS_BUILDDIR
\getenv srcdir PG_ABS_SRCDIR
\set written :builddir '/reference.md'
\set query :srcdir '/../../docs/reference.sql'
\o :written
\set ECHO none
\i :query
\set ECHO all
\o
\! diff "$PG_ABS_SRCDIR/../../docs/reference.md" "$PG_ABS_BUILDDIR/reference.md"
-- validate_supervisor(): all problems at once
SELECT path, problem, hint, sqlstate FROM validate_supervisor(pg_temp.spec());
SELECT path, problem, hint, sqlstate FROM validate_supervisor('{
	"type": "kafka",
	"spec": {
		"dataSchema": {
			"timestampSpec": {"column": "time", "format": "isoo q"},
			"dimensionsSpec": {"dimensions": ["channel", "channel", {"type": "strng", "name": "page"}, {"type": "long"}]},
			"metricsSpec": [{"type": "longSum", "name": "added"}, {"type": "count", "name": "channel"}, {"type": "longSmu", "name": "x"}],
			"granularitySpec": {"segmentGranularity": "DAZE"}
		},
		"ioConfig": {
			"topick": "wiki", "taskCount": 0, "taskDuration": "1h",
			"lateMessageRejectionPeriod": "PT1H", "lateMessageRejectionStartDateTime": "2020-01-01",
			"consumerProperties": {"bootstrap.server": "localhost:9092"}
		},
		"tuningConfig": {"type": "kafka", "maxTotalRows": 0, "maxRowsInMemory": "many"}
	}
}');
SELECT path, problem, hint, sqlstate FROM validate_supervisor('{"type": "kafka", "spec": {');
SELECT path, problem, hint, sqlstate FROM validate_supervisor('{}');
SELECT path, problem, hint, sqlstate FROM validate_supervisor('[]');
-- one problem for each element
SELECT path, problem FROM validate_supervisor(pg_temp.spec('{spec,dataSchema,metricsSpec}', '[null]'));
SELECT path, problem FROM validate_supervisor(pg_temp.spec('{spec,dataSchema,metricsSpec}', '[null, 5, {"type": "longSum", "name": "a"}, null]'));
SELECT path, problem FROM validate_supervisor(pg_temp.spec('{spec,dataSchema,dimensionsSpec}', '{"dimensions": [null, {"type": "strin", "name": ""}]}'));
SELECT path, problem, regexp_replace(hint, '[0-9.]+$', '...') AS hint, sqlstate FROM validate_supervisor(pg_temp.spec('{spec,ioConfig,consumerProperties,fetch.min.bytess}', '"1"'));
