--
-- The verbs and answers of supervisors, without a broker: nobody listens on
-- the address in the specs.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS stream_ingest CASCADE;
CREATE EXTENSION stream_ingest;
RESET client_min_messages;
CREATE SCHEMA api;
SET search_path = api, public;
SET TimeZone = 'UTC';

-- the SQLSTATE, message and hint of a statement that fails
CREATE FUNCTION error(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; detail text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ': ' || message || CASE WHEN detail <> '' THEN ' (' || detail || ')' ELSE '' END || CASE WHEN hint <> '' THEN ' -- ' || hint ELSE '' END;
END $$;
CREATE FUNCTION submit_error(spec text) RETURNS text LANGUAGE sql AS
$$ SELECT api.error(format('SELECT submit_supervisor(%L)', spec)) $$;
-- a spec with these dimensions and metrics
CREATE FUNCTION spec(data_source text, dimensions text DEFAULT '["page"]', more text DEFAULT '') RETURNS json LANGUAGE sql AS $$
SELECT format('{"type":"kafka","spec":{"dataSchema":{"dataSource":%s,"timestampSpec":{"column":"time","format":"iso"},
	"dimensionsSpec":{"dimensions":%s},"metricsSpec":[{"type":"count","name":"count"},{"type":"longSum","name":"added","fieldName":"added"},
	{"type":"floatMax","name":"max","fieldName":"max"},{"type":"doubleSum","name":"delta","fieldName":"delta"}],
	"granularitySpec":{"rollup":false}},"ioConfig":{"topic":"nobody","inputFormat":{"type":"json"},
	"useEarliestOffset":true,"consumerProperties":{"bootstrap.servers":"127.0.0.1:1","sasl.password":"secret word"}},"tuningConfig":{"type":"kafka"}}%s}',
	to_json(data_source), dimensions, more)::json $$;
-- until the overlord has applied all requests
CREATE PROCEDURE settle() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..600 LOOP
		COMMIT;
		EXIT WHEN NOT EXISTS (SELECT FROM stream_ingest.request) AND NOT EXISTS (SELECT FROM stream_ingest.dropped_data_source);
		PERFORM pg_sleep(0.05);
	END LOOP;
END $$;

--
-- first submit
--
SELECT submit_supervisor(spec('wiki', '["page", {"type":"long","name":"Size"}, {"type":"float","name":"ratio"}, {"type":"double","name":"exact, ''it''"}]'));
\d wiki
SELECT supervisor_id, data_source, owner = current_user AS mine, type, source, suspended, tasks, rows, bytes, lag, spec_version
FROM stream_ingest.supervisors;
SELECT get_supervisors();
SELECT s ->> 'id' AS id, s ->> 'suspended' AS suspended,
	s #>> '{spec,dataSchema,dataSource}' AS data_source,
	s #>> '{spec,ioConfig,taskDuration}' AS task_duration,
	s #>> '{spec,ioConfig,consumerProperties,sasl.password}' AS password
FROM get_supervisor('wiki') s;
SELECT string_agg(k, ',' ORDER BY n) FROM json_object_keys(get_supervisors(true) -> 0) WITH ORDINALITY x (k, n);
SELECT string_agg(k, ',' ORDER BY n) FROM json_object_keys(get_supervisors(state => true) -> 0) WITH ORDINALITY x (k, n);
SELECT string_agg(k, ',' ORDER BY n) FROM json_object_keys(get_supervisors(system => true) -> 0) WITH ORDINALITY x (k, n);
SELECT s ->> 'type' AS type, s ->> 'source' AS source, s ->> 'specString' ~ 'secret' AS secret
FROM json_array_elements(get_supervisors(system => true)) s;
SELECT get_supervisor_health('wiki');
SELECT get_supervisor_status('wiki') ->> 'id' AS id, string_agg(k, ',' ORDER BY n) AS keys
FROM json_object_keys(get_supervisor_status('wiki') -> 'payload') WITH ORDINALITY x (k, n)
WHERE k NOT IN ('note', 'latestOffsets', 'offsetsLastUpdated');
SELECT p ->> 'dataSource' AS data_source, p ->> 'stream' AS stream, p ->> 'partitions' AS partitions, p ->> 'replicas' AS replicas,
	p ->> 'durationSeconds' AS seconds, p -> 'activeTasks' AS active, p -> 'publishingTasks' AS publishing, p -> 'minimumLag' AS lag,
	p ->> 'aggregateLag' AS aggregate, p ->> 'suspended' AS suspended
FROM (SELECT get_supervisor_status('wiki') -> 'payload' AS p) x;
SELECT get_supervisor_status('wiki') ->> 'generationTime' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$' AS iso;
SELECT get_supervisor_stats('wiki'), get_supervisor_parse_errors('wiki');
SELECT json_array_length(get_supervisor_history('wiki')) AS versions;

--
-- suspend, resume, reset, terminate; each also where it does not fit
--
SELECT suspend_supervisor('wiki') ->> 'suspended' AS suspended;
SELECT error($$SELECT suspend_supervisor('wiki')$$);
SELECT get_supervisor('wiki') ->> 'suspended' AS suspended;
BEGIN;
SELECT resume_supervisor('wiki') ->> 'suspended' AS suspended;
SELECT error($$SELECT resume_supervisor('wiki')$$);
ROLLBACK;
SELECT resume_supervisor('wiki') ->> 'suspended' AS suspended;
SELECT error($$SELECT resume_supervisor('wiki')$$);
SELECT reset_supervisor('wiki');
CALL settle();
-- every spec that was in force, newest first, as it was
SELECT h #>> '{spec,suspended}' AS suspended, h #>> '{spec,spec,ioConfig,consumerProperties,sasl.password}' AS password
FROM json_array_elements(get_supervisor_history('wiki')) h;
SELECT suspended, requests, spec_version FROM stream_ingest.supervisors;
SELECT json_array_length(get_supervisor_history('wiki', 2)) AS two, get_supervisor_history('wiki', 1) -> 0 #>> '{spec,suspended}' AS newest;
SELECT error($$SELECT get_supervisor_history('wiki', 0)$$);
SELECT k, json_array_length(v) FROM json_each(get_supervisors_history()) AS h (k, v);

SELECT error(format('SELECT %s(%L)', f, 'nope'))
FROM unnest('{get_supervisor,get_supervisor_health,get_supervisor_status,get_supervisor_stats,get_supervisor_parse_errors,get_supervisor_history,suspend_supervisor,resume_supervisor,reset_supervisor,terminate_supervisor}'::text[]) f;
SELECT error($$SELECT handoff_task_groups('nope', '{0}')$$), error($$SELECT reset_offsets('nope', '{}')$$);
SELECT get_supervisor(NULL) IS NULL AS strict;

BEGIN;
SELECT terminate_supervisor('wiki');
SELECT get_supervisors();
SELECT error($$SELECT get_supervisor('wiki')$$);
SELECT error($$SELECT terminate_supervisor('wiki')$$);
SELECT submit_error(spec('wiki')::text);
ROLLBACK;
SELECT get_supervisors();

SELECT terminate_supervisor('wiki');
SELECT submit_supervisor(spec('wiki', '["page", "added later"]'));
SELECT h #>> '{spec,type}' AS type FROM json_array_elements(get_supervisor_history('wiki')) h;
SELECT h -> 'spec' AS tombstone FROM json_array_elements(get_supervisor_history('wiki')) h WHERE h #>> '{spec,type}' = 'NoopSupervisorSpec';
CALL settle();
-- the table is the same, with the column that is new; those that are not wanted any more stay
DO $$
BEGIN
	FOR i IN 1..600 LOOP
		EXIT WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'api.wiki'::regclass AND attname = 'added later');
		COMMIT;
		PERFORM pg_sleep(0.05);
	END LOOP;
END $$;
\d wiki
SELECT data_source, name, type, attached, problem FROM stream_ingest.columns ORDER BY 1, 2;

--
-- resubmit
--
SET search_path = public, api;
SELECT submit_supervisor(spec('wiki', '["page", "third"]'));
CALL settle();
SELECT supervisor_id, data_source FROM stream_ingest.supervisors;
SELECT to_regclass('public.wiki');
SELECT submit_error(spec('other', '["page"]', ',"id":"wiki"')::text);
-- an id of its own, and the table that another one fills
SELECT submit_supervisor(spec('own', '["page"]', ',"id":"Nice id, ''really''","suspended":true'));
SELECT get_supervisor('Nice id, ''really''') ->> 'suspended' AS suspended;
SELECT submit_error(spec('own', '["page"]', ',"id":"another"')::text);
SET search_path = api, public;

-- the flat shape
SELECT submit_supervisor('{"type":"kafka","dataSchema":{"dataSource":"flat","parser":{"type":"string","parseSpec":{"format":"json",
	"timestampSpec":{"column":"t","format":"auto"},"dimensionsSpec":{"dimensions":["a"]}}},
	"metricsSpec":[],"granularitySpec":{"type":"uniform","segmentGranularity":"DAY","queryGranularity":"NONE","rollup":false}},
	"tuningConfig":{"type":"kafka"},"ioConfig":{"topic":"nobody","useEarliestOffset":true,"consumerProperties":{"bootstrap.servers":"127.0.0.1:1"}}}');
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'flat' ORDER BY ordinal_position;

--
-- all at once
--
BEGIN;
SELECT suspend_all_supervisors();
SELECT s ->> 'id' AS id, s ->> 'suspended' AS suspended FROM json_array_elements(get_supervisors(state => true)) s;
SELECT suspend_all_supervisors();
SELECT count(*), count(DISTINCT supervisor_id) FROM stream_ingest.request;
SELECT resume_all_supervisors();
SELECT s ->> 'id' AS id, s ->> 'suspended' AS suspended FROM json_array_elements(get_supervisors(state => true)) s;
SELECT terminate_all_supervisors();
SELECT get_supervisors();
SELECT suspend_all_supervisors();
ROLLBACK;
SELECT get_supervisors();
SELECT get_tasks() IS NULL AS nothing, get_tasks('complete', 'no such', 5), get_tasks('pending');
SELECT error($$SELECT get_tasks('sleeping')$$);
SELECT error(format('SELECT %s(%L)', f, 'nope')) FROM unnest('{get_task_status,get_task_report}'::text[]) f;
BEGIN READ ONLY;
SELECT error(format('SELECT %s_all_supervisors()', v)) FROM unnest('{suspend,resume,terminate}'::text[]) v;
COMMIT;

--
-- where to reset to
--
SELECT error(format('SELECT reset_offsets(%L, %L)', 'wiki', o)) FROM unnest(ARRAY[
	'{}', '[]', '{"type":"kinesis"}', '{"type":"kafka"}', '{"type":"kafka","partitions":[]}', '{"type":"kafka","partitions":{}}',
	'{"type":"kafka","partitions":{"type":"start","stream":"nobody","partitionOffsetMap":{"0":1}}}',
	'{"type":"kafka","partitions":{"type":"end","partitionOffsetMap":{"0":1}}}',
	'{"type":"kafka","partitions":{"type":"end","stream":"other","partitionOffsetMap":{"0":1}}}',
	'{"type":"kafka","partitions":{"type":"end","stream":"nobody"}}',
	'{"type":"kafka","partitions":{"type":"end","stream":"nobody","partitionOffsetMap":{}}}',
	'{"type":"kafka","partitions":{"type":"end","stream":"nobody","partitionOffsetMap":{"x":1}}}',
	'{"type":"kafka","partitions":{"type":"end","stream":"nobody","partitionOffsetMap":{"-1":1}}}',
	'{"type":"kafka","partitions":{"type":"end","stream":"nobody","partitionOffsetMap":{"0":-1}}}',
	'{"type":"kafka","partitions":{"type":"end","stream":"nobody","partitionOffsetMap":{"0":"soon"}}}',
	'{"type":"kafka","partitions":{"type":"end","stream":"nobody","partitionOffsetMap":{"0":null}}}']) o;
BEGIN;
SELECT reset_offsets('wiki', '{"type":"kafka","partitions":{"type":"end","stream":"nobody","partitionOffsetMap":{"0":100,"3":"earliest","1":"latest"}}}');
SELECT reset_offsets('wiki', '{"type":"kafka","partitions":{"type":"end","topic":"nobody","partitionSequenceNumberMap":{"0":"7"}}}');
SELECT reset_supervisor('wiki', 'latest');
SELECT reset_supervisor('wiki', 'earliest', '{0,2}');
SELECT reset_supervisor('wiki', '2026-01-01 00:00:00+00');
SELECT reset_supervisor('wiki', timestamptz '2026-01-01 00:00:00+00', '{1}');
SELECT verb, topics, partitions, offsets, time_ms FROM stream_ingest.request ORDER BY request_id;
ROLLBACK;
SELECT error(format('SELECT reset_supervisor(%L, %L)', 'wiki', t)) FROM unnest('{soon,infinity,""}'::text[]) t;
SELECT error(format('SELECT reset_supervisor(%L, %L, %L)', 'wiki', 'latest', p)) FROM unnest(ARRAY['{}', '{-1}', '{0,NULL}', '{65536}']) p;
SELECT reset_supervisor('wiki', NULL::text) IS NULL AS strict;
SELECT error(format('SELECT handoff_task_groups(%L, %L)', 'wiki', g)) FROM unnest(ARRAY['{}', '{NULL}', '{0}']) g;
SELECT error($$SELECT shutdown_task('nope')$$);
-- offsets of partitions that nobody has read are kept until somebody does
SELECT reset_offsets('flat', '{"type":"kafka","partitions":{"type":"end","stream":"nobody","partitionOffsetMap":{"0":100,"1":200}}}');
CALL settle();
SELECT supervisor_id, topic, partition, "offset" FROM stream_ingest.partitions;

--
-- messages to be parsed again, and the audit of nothing
--
SELECT requeue_rejected('wiki'), error($$SELECT requeue_rejected('nope')$$), error($$SELECT audit_supervisor('nope')$$);
BEGIN;
INSERT INTO stream_ingest.rejected_message (supervisor_id, install, topic, partition, "offset", error_type, reason, payload_bytes, payload)
SELECT 'wiki', uuid, 'nobody', 0, o, t, 'bad', 3, p FROM stream_ingest.install,
	(VALUES (1, 'unparseable', 'abc'::bytea), (2, 'unparseable', 'ab'), (3, 'processedWithError', 'abc')) m (o, t, p);
SELECT requeue_rejected('wiki');
SELECT verb, rejected_to IS NOT NULL AS bounded FROM stream_ingest.request;
ROLLBACK;
SELECT audit_supervisor('wiki');
SELECT error('TRUNCATE wiki');

--
-- fences: nobody reads here, so they time out
--
SELECT wait_for_offset('wiki', 0, 5, '10 ms'), wait_until_current('wiki', '10 ms');
SELECT wait_for_offset('flat', 1, 199, '0'), wait_for_offset('flat', 1, 200, '0'), wait_for_offset('flat', 1, 199, '0', 'nobody'), error($$SELECT wait_for_offset('flat', 1, 199, '0', 'other')$$);
SELECT error($$SELECT wait_for_offset('nope', 0, 5)$$), error($$SELECT wait_until_current('nope')$$), error($$SELECT wait_until_current(E'Nice id, \'really\'')$$);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT error($$SELECT wait_for_offset('wiki', 0, 5)$$), error($$SELECT wait_until_current('wiki')$$);
COMMIT;
-- wherever the timeout finds it
\set SHOW_CONTEXT never
SET statement_timeout = '50 ms';
SELECT wait_for_offset('wiki', 0, 5);
RESET statement_timeout;
\set SHOW_CONTEXT errors

--
-- names
--
SELECT submit_supervisor(spec(name)) FROM unnest(ARRAY['metrics-kafka', 'UPPER', 'with space', 'select', 'ünï', 'a"b''c\d']) name;
SELECT table_name FROM information_schema.tables WHERE table_schema = 'api' AND table_type = 'FOREIGN' ORDER BY table_name COLLATE "C";
SELECT count(*) FROM "metrics-kafka";
SELECT submit_error(spec(repeat('x', 64))::text);
SELECT submit_error(spec(repeat('ü', 32))::text);
SELECT submit_supervisor(spec(repeat('y', 63)));
SELECT submit_error(spec('id', '["page"]', ',"id":"' || repeat('z', 64) || '"')::text);
SELECT submit_error(spec('bad', format('[%s]', to_json(d)))::text)
FROM unnest(ARRAY['ctid', 'xmin', 'tableoid', '__time', repeat('d', 64), 'count']) d;
SELECT submit_supervisor(spec('good', format('[%s,"%s"]', '"oid", "Page", "page", "PAGE", "a.b", "select"', repeat('d', 63))));
SELECT submit_error(spec('wide', (SELECT json_agg('d' || i) FROM generate_series(1, 1596) i)::text)::text);
SELECT submit_supervisor(spec('wide', (SELECT json_agg('d' || i) FROM generate_series(1, 1595) i)::text));
SELECT count(*) FROM information_schema.columns WHERE table_name = 'wide';

CREATE TABLE taken (a int);
CREATE VIEW taken_view AS SELECT 1;
SELECT submit_error(spec('taken')::text);
SELECT submit_error(spec('taken_view')::text);
SET search_path = '';
SELECT api.error(format('SELECT public.submit_supervisor(%L)', api.spec('nowhere')));
SET search_path = pg_temp, api, public;
SELECT submit_supervisor(spec('not_temporary'));
SET search_path = api, public;
SELECT 'not_temporary'::regclass;

--
-- specs that are refused
--
SELECT submit_error(s) FROM unnest(ARRAY['', 'hello', '[]', '{}', '{"type":"kafka"}', '{"type":"file","spec":{}}']) s;
SELECT submit_error(replace(spec('x')::text, '"topic"', '"topik"'));
SELECT submit_error(replace(spec('x')::text, '"topic":"nobody"', '"topic":"nobody","taskCount":0'));

--
-- transactions
--
BEGIN;
SELECT reset_supervisor('wiki');
PREPARE TRANSACTION 'no';
BEGIN;
SAVEPOINT a;
SELECT suspend_supervisor('wiki') IS NULL AS nothing;
ROLLBACK TO a;
COMMIT;
SELECT get_supervisor('wiki') ->> 'suspended' AS suspended;
BEGIN READ ONLY;
SELECT error($$SELECT reset_supervisor('wiki')$$);
SELECT error(format('SELECT submit_supervisor(%L)', spec('wiki')));
SELECT get_supervisor('wiki') IS NULL AS nothing;
COMMIT;
BEGIN;
SELECT submit_supervisor(spec('rolled back'));
SELECT get_supervisors()::jsonb ? 'rolled back' AS there;
ROLLBACK;
SELECT get_supervisors()::jsonb ? 'rolled back' AS there, to_regclass('"rolled back"');

--
-- the end of a table is the end of its supervisor
--
SELECT data_source_id AS gone FROM stream_ingest.data_source WHERE name = 'wiki' \gset
BEGIN;
DROP FOREIGN TABLE wiki;
SELECT get_supervisors()::jsonb ? 'wiki' AS there;
ROLLBACK;
SELECT get_supervisors()::jsonb ? 'wiki' AS there;
INSERT INTO stream_ingest.segment
SELECT :gone, nextval('stream_ingest.segment_id_seq'), uuid, 0, 1000, now(), 0, 5, 17, 0, 9, 0, 1, 1, '{0}', '{0}', '{5}', now(), '99-x.chunk'
FROM stream_ingest.install;
BEGIN;
DROP FOREIGN TABLE wiki;
-- and may be made again at once
SELECT submit_supervisor(spec('wiki'));
COMMIT;
CALL settle();
SELECT count(*) FROM stream_ingest.segment WHERE data_source_id = :gone;
SELECT json_array_length(get_supervisor_history('wiki')) > 3 AS history_stays;
SELECT h -> 'spec' AS tombstone FROM json_array_elements(get_supervisor_history('wiki')) h WHERE h #>> '{spec,type}' = 'NoopSupervisorSpec' LIMIT 1;
CREATE SCHEMA doomed;
SET search_path = doomed, api, public;
SELECT submit_supervisor(spec('doomed one')), submit_supervisor(spec('doomed two'));
SET search_path = api, public;
SET client_min_messages = warning;
DROP SCHEMA doomed CASCADE;
RESET client_min_messages;
SELECT get_supervisors()::jsonb ?| '{doomed one,doomed two}' AS there;
-- renaming and moving are not
ALTER FOREIGN TABLE flat RENAME TO "round";
ALTER FOREIGN TABLE "round" SET SCHEMA public;
SELECT supervisor_id, data_source FROM stream_ingest.supervisors WHERE supervisor_id = 'flat';

-- every view can be read, and has columns that are documented
SELECT c.relname, string_agg(a.attname, ',' ORDER BY a.attnum) AS columns, obj_description(c.oid) IS NOT NULL AS comment
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'stream_ingest'::regnamespace AND c.relkind = 'v' AND has_table_privilege('pg_monitor', c.oid, 'SELECT')
GROUP BY c.oid, c.relname ORDER BY c.relname;
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'stream_ingest'::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid) IS NULL;
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'stream_ingest'
WHERE obj_description(p.oid) IS NULL;

SET client_min_messages = warning;
DROP EXTENSION stream_ingest CASCADE;
RESET client_min_messages;
SELECT count(*) FROM pg_class WHERE relkind = 'f';
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA api CASCADE;
