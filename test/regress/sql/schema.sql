--
-- A spec that changes: columns of the table follow, secrets of an echo stay,
-- a spec that says nothing new restarts nothing.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
RESET client_min_messages;
CREATE SCHEMA schemas;
SET search_path = schemas, public;

-- what the tests say: dimensions, metrics, and the rest as it is
CREATE FUNCTION spec(source text, dimensions json, metrics json DEFAULT '[]', properties jsonb DEFAULT '{}') RETURNS json
LANGUAGE sql AS $$
	SELECT json_build_object('type', 'kafka', 'suspended', true, 'spec', json_build_object(
		'dataSchema', json_build_object('dataSource', source, 'timestampSpec', json_build_object('column', 't', 'format', 'iso'),
			'dimensionsSpec', json_build_object('dimensions', dimensions), 'metricsSpec', metrics,
			'granularitySpec', json_build_object('rollup', false)),
		'ioConfig', json_build_object('topic', 'nobody', 'useEarliestOffset', true, 'inputFormat', json_build_object('type', 'json'),
			'consumerProperties', '{"bootstrap.servers": "127.0.0.1:1"}'::jsonb || properties),
		'tuningConfig', json_build_object('type', 'kafka')))
$$;
-- until the overlord has applied all requests and the table follows
CREATE PROCEDURE settle(source text) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..2400 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM stream_ingest.request) AND
			NOT EXISTS (SELECT FROM stream_ingest.columns WHERE data_source = source::regclass AND NOT attached AND problem IS NULL) AND
			EXISTS (SELECT FROM pg_attribute, stream_ingest.supervisor WHERE supervisor_id = source
				AND attrelid = source::regclass AND attname = 'v' || spec_version AND NOT attisdropped);
		COMMIT;
		PERFORM pg_sleep(0.05);
	END LOOP;
END $$;
CREATE VIEW shown AS
	SELECT attrelid::regclass AS source, attname, format_type(atttypid, atttypmod), attfdwoptions
	FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (SELECT relid FROM stream_ingest.data_source)
	AND attname !~ '^v[0-9]' AND attname <> '__time' ORDER BY attrelid::regclass::text, attnum;

-- every pair of types; a column named after the version says that the table has followed
SELECT submit_supervisor(spec('r', '["a", {"type": "long", "name": "b"}, {"type": "double", "name": "c"}, {"type": "float", "name": "d"}, "e", "v1"]'));
ALTER FOREIGN TABLE r RENAME b TO renamed;
ALTER FOREIGN TABLE r ALTER COLUMN e TYPE integer;
SELECT submit_supervisor(spec('r', '[{"type": "long", "name": "a"}, "b", {"type": "float", "name": "c"}, {"type": "double", "name": "d"}, {"type": "double", "name": "e"}, "v2"]',
	'[{"type": "longSum", "name": "m", "fieldName": "m"}]'));
CALL settle('r');
SELECT * FROM shown;
SELECT name, type, attached, problem FROM stream_ingest.columns WHERE data_source = 'r'::regclass ORDER BY name COLLATE "C";

-- a view keeps the type of its column, not that of others; without it the column follows
CREATE VIEW user_of_a AS SELECT a FROM r;
SELECT submit_supervisor(spec('r', '[{"type": "double", "name": "a"}, {"type": "long", "name": "b"}, "v3"]', '[{"type": "doubleSum", "name": "m", "fieldName": "m"}]'));
CALL settle('r');
SELECT * FROM shown;
SELECT name, type, attached, problem FROM stream_ingest.columns WHERE data_source = 'r'::regclass AND name NOT LIKE 'v%' ORDER BY name COLLATE "C";
SELECT count(a) FROM user_of_a;
-- back to what it was: nothing is left to be done
SELECT submit_supervisor(spec('r', '[{"type": "long", "name": "a"}, {"type": "long", "name": "b"}, "v4"]'));
CALL settle('r');
SELECT name, type, attached, problem FROM stream_ingest.columns WHERE data_source = 'r'::regclass AND name = 'a';
SELECT attname, format_type FROM shown WHERE attname IN ('a', 'm');
-- a column that the values of the stream retype is not the spec's business
ALTER FOREIGN TABLE r ADD COLUMN found bigint;
CREATE VIEW user_of_found AS SELECT found FROM r;
INSERT INTO stream_ingest.discovered_column (data_source_id, name, install, type, retype)
	SELECT data_source_id, 'found', install, 'double', true FROM stream_ingest.data_source WHERE relid = 'r'::regclass;
SELECT submit_supervisor(spec('r', '[{"type": "long", "name": "a"}, "v5"]'));
CALL settle('r');
SELECT name, type, attached, problem FROM stream_ingest.columns WHERE data_source = 'r'::regclass AND name = 'found';
DROP VIEW user_of_a, user_of_found;
SELECT submit_supervisor(spec('r', '["a", {"type": "long", "name": "b"}, "v6"]'));
CALL settle('r');
SELECT attname, format_type FROM shown WHERE attname = 'a';

-- a column that the user has dropped stays away
ALTER FOREIGN TABLE r DROP COLUMN a;
SELECT submit_supervisor(spec('r', '[{"type": "long", "name": "a"}, "v7"]'));
CALL settle('r');
SELECT attname, format_type FROM shown WHERE source = 'r'::regclass;

-- an echo keeps the secrets that it hides
SELECT submit_supervisor(spec('s', '["v1"]', '[]', '{"sasl.username": "me", "sasl.password": "tellnobody", "ssl.key.password": {"type": "default", "password": "norme"}}'));
SELECT get_supervisor('s')->'spec'->'ioConfig'->'consumerProperties';
SELECT submit_supervisor(spec('s', '["v2"]', '[]', (get_supervisor('s')->'spec'->'ioConfig'->'consumerProperties')::jsonb || '{"sasl.username": "you"}'));
CALL settle('s');
SELECT spec->'spec'->'ioConfig'->'consumerProperties' AS stored FROM stream_ingest.supervisor WHERE supervisor_id = 's';
SELECT get_supervisor('s')->'spec'->'ioConfig'->'consumerProperties';
\set VERBOSITY terse
SELECT submit_supervisor(spec('s', '["v3"]', '[]', '{"ssl.keystore.password": "******"}'));
-- and they go to no other brokers
SELECT submit_supervisor(spec('s', '["v3"]', '[]', (get_supervisor('s')->'spec'->'ioConfig'->'consumerProperties')::jsonb || '{"bootstrap.servers": "elsewhere:9092"}'));
SELECT submit_supervisor(spec('s', '["v3"]', '[]', '{"sasl.password": {"type": "default", "password": "******"}}'));
SELECT submit_supervisor(spec('unknown', '["v1"]', '[]', '{"sasl.password": "******"}'));
CREATE ROLE schemas_somebody;
GRANT USAGE, CREATE ON SCHEMA schemas TO schemas_somebody;
GRANT USAGE ON FOREIGN SERVER stream_ingest TO schemas_somebody;
GRANT EXECUTE ON FUNCTION submit_supervisor(json), submit_supervisor(json, boolean) TO schemas_somebody;
SET ROLE schemas_somebody;
SELECT submit_supervisor(spec('s', '["v3"]', '[]', '{"sasl.password": "******"}'));
RESET ROLE;
\set VERBOSITY default

-- what says nothing new restarts nothing
SELECT submit_supervisor(get_supervisor('s'), true);
SELECT count(*) FROM stream_ingest.request;
SELECT count(*) FROM stream_ingest.spec_history WHERE supervisor_id = 's';
SELECT submit_supervisor(get_supervisor('s'), false);
SELECT submit_supervisor(spec('s', '["v4"]'), true);
CALL settle('s');
SELECT submit_supervisor(spec('s', '["v4"]'), true);
SELECT count(*) FROM stream_ingest.spec_history WHERE supervisor_id = 's';
SELECT submit_supervisor(spec('brand_new', '["a"]'), true);

SET client_min_messages = warning;
DROP SCHEMA schemas CASCADE;
DROP OWNED BY schemas_somebody;
DROP ROLE schemas_somebody;
