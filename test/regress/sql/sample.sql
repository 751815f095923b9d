-- sample_supervisor() with messages as an argument: rows as a task would make them, nothing stored
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_ingest;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

CREATE FUNCTION pg_temp.spec(rollup boolean) RETURNS json LANGUAGE sql AS $$
	SELECT format('{"type":"kafka","spec":{
		"dataSchema":{"dataSource":"sampled","timestampSpec":{"column":"t","format":"iso"},
			"dimensionsSpec":{"dimensions":["a",{"type":"long","name":"n"},{"type":"float","name":"f"}]},
			"metricsSpec":[{"type":"count","name":"count"},{"type":"doubleSum","name":"x","fieldName":"x"}],
			"granularitySpec":{"queryGranularity":"HOUR","rollup":%s}},
		"ioConfig":{"topic":"none","inputFormat":{"type":"json"},"consumerProperties":{"bootstrap.servers":"127.0.0.1:1"}}}}',
		to_json(rollup))::json
$$;
CREATE FUNCTION pg_temp.show(answer json) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('read %s, indexed %s', answer->>'numRowsRead', answer->>'numRowsIndexed')
	UNION ALL SELECT answer->>'logicalDimensions'
	UNION ALL SELECT d::text FROM json_array_elements(answer->'data') d
$$;

SELECT pg_temp.show(sample_supervisor(pg_temp.spec(false), ARRAY[
	'{"t":"2020-01-01T00:10Z","a":["y","x"],"n":"7","x":"1.5","other":[1]}',
	'{"t":"2020-01-01T00:20Z","a":"y","n":"seven","f":1.25}',
	'{"t":"never","a":"z"}',
	'{"t":"2020-01-01", broken',
	NULL,
	'{"t":"2020-01-01T02:00Z","a":"1"} {"t":"2020-01-01T03:00Z","a":"2"}',
	'']));
SELECT pg_temp.show(sample_supervisor(pg_temp.spec(true), ARRAY[
	'{"t":"2020-01-01T00:10Z","a":"x","x":1}', '{"t":"2020-01-01T00:20Z","a":"x","x":2}', '{"t":"2020-01-01T01:00Z","a":"x","x":4}']));
SELECT pg_temp.show(sample_supervisor(pg_temp.spec(true), ARRAY['{"t":"2020-01-01"}', '{"t":"2020-01-02"}'], 1));
SELECT pg_temp.show(sample_supervisor(pg_temp.spec(true), '{}'));
SELECT sample_supervisor(pg_temp.spec(true), '{}', 0);
SELECT sample_supervisor('{"type":"kafka"}', '{}');
SELECT sample_supervisor(NULL) IS NULL;
SELECT to_regclass('sampled');
CREATE ROLE regress_sampler;
SET ROLE regress_sampler;
SELECT sample_supervisor('{}');
RESET ROLE;
DROP ROLE regress_sampler;
