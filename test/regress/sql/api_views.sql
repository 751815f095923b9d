--
-- Views and answers over rows as tasks write them.  All in one transaction,
-- so that the overlord does not see it.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS stream_ingest CASCADE;
CREATE EXTENSION stream_ingest;
RESET client_min_messages;
SET TimeZone = 'UTC';
BEGIN;
SELECT submit_supervisor('{"type":"kafka","spec":{"dataSchema":{"dataSource":"viewed","timestampSpec":{"column":"t","format":"iso"},
	"dimensionsSpec":{"dimensions":["a"]},"granularitySpec":{"rollup":false}},"ioConfig":{"topic":"events","inputFormat":{"type":"json"},"taskCount":2,
	"useEarliestOffset":true,"consumerProperties":{"bootstrap.servers":"127.0.0.1:1"}},"tuningConfig":{"type":"kafka"}}}');
SELECT data_source_id AS ds, install FROM stream_ingest.data_source \gset
INSERT INTO stream_ingest.supervisor_status
	(supervisor_id, install, state, detailed_state, healthy, note, recent_errors, partitions, earliest_offsets, latest_offsets, offsets_updated)
VALUES ('viewed', :'install', 'UNHEALTHY_SUPERVISOR', 'LOST_CONTACT_WITH_STREAM', false, 'a note',
	'[{"timestamp":"2026-01-01T00:00:00.000Z","exceptionClass":"x","message":"broker down","streamException":true}]',
	'{0,1,2}', '{0,5,0}', '{110,40,-1}', '2026-01-01 00:00:00.5+00');
INSERT INTO stream_ingest.stream (data_source_id, stream_id, install, topic) VALUES (:ds, 0, :'install', 'events');
INSERT INTO stream_ingest.task_group (supervisor_id, group_id, install, data_source_id, topic, partitions, offsets, next_seq, counters, halted)
VALUES ('viewed', 0, :'install', :ds, 'events', '{0,2}', '{100,7}', 11, '{90,9000,3,2,5,1,2,2,0,5,4,0,80}', NULL),
	('viewed', 1, :'install', :ds, 'events', '{1}', '{50}', 5, '{10,1000,0,0,0,0,0,0,0,0,0,0,10}', 'Max parse exceptions[0] exceeded at offset 50');
INSERT INTO stream_ingest.task (task_id, supervisor_id, install, data_source_id, group_id, status, phase, created, ended, partitions,
	start_offsets, end_offsets, start_seq, end_seq, start_counters, end_counters, error, publishing)
VALUES ('read_0', 'viewed', :'install', :ds, 0, 'RUNNING', 'READING', now() - interval '100 s', NULL, '{0,2}', '{60,7}', NULL, 7, NULL, '{50,0,0,0,0,0,0,0,0,0,0,0,40}', NULL, NULL, NULL),
	('publish_0', 'viewed', :'install', :ds, 0, 'RUNNING', 'PUBLISHING', now() - interval '200 s', NULL, '{0,2}', '{0,7}', '{60,7}', 1, 6, '{0,0,0,0,0,0,0,0,0,0,0,0,0}', '{50,0,0,0,0,0,0,0,0,0,0,0,40}', NULL, now() - interval '60 s'),
	('failed_1', 'viewed', :'install', :ds, 1, 'FAILED', 'COMPLETED', now(), now(), '{1}', '{0}', '{50}', 1, 4, '{0,0,0,0,0,0,0,0,0,0,0,0,0}', '{10,0,0,0,0,0,0,0,0,0,0,0,10}', 'halted', NULL);
-- partition 0: a publish of two intervals, then deltas; partition 1: one chunk twice; partition 2: nothing
INSERT INTO stream_ingest.segment
SELECT :ds, n, :'install', n * 3600000, (n + 1) * 3600000, '2026-01-01', 0, 20, 1000, n * 3600000, n * 3600000 + 5, 0, 1, 6, '{0,2}', '{0,7}', '{60,7}', now(), 'f' || n
FROM generate_series(1, 2) n;
-- segmentGranularity ALL
SAVEPOINT eternity;
UPDATE stream_ingest.segment SET interval_start_ms = -9223372036854775808, interval_end_ms = 9223372036854775807 WHERE segment_id = 1;
SELECT segment_id, "start", "end" FROM stream_ingest.segments WHERE number = 1 AND is_published;
ROLLBACK TO eternity;
INSERT INTO stream_ingest.delta (data_source_id, level, group_id, seq, install, first_seq, rows, bytes, min_ms, max_ms, partitions, start_offsets, end_offsets, file, data)
VALUES (:ds, 1, 0, 9, :'install', 7, 30, 300, 0, 1000, '{0,2}', '{60,7}', '{90,7}', 'f3', NULL),
	(:ds, 0, 0, 10, :'install', 10, 10, 100, 0, 1000, '{0,2}', '{92,7}', '{100,7}', NULL, '\x00'),
	(:ds, 0, 1, 3, :'install', 1, 5, 100, 0, 1000, '{1}', '{5}', '{40}', NULL, '\x00'),
	(:ds, 0, 1, 4, :'install', 4, 5, 100, 0, 1000, '{1}', '{39}', '{50}', NULL, '\x00');
INSERT INTO stream_ingest.rejected_message (supervisor_id, install, topic, partition, "offset", at, error_type, reason, payload_bytes, payload)
VALUES ('viewed', :'install', 'events', 0, 3, '2026-01-01', 'unparseable', 'not JSON', 5, 'hello'),
	('viewed', :'install', 'events', 0, 4, '2026-01-01', 'thrownAway', 'null', 0, NULL),
	('viewed', :'install', 'events', 0, 5, '2026-01-01', 'processedWithError', 'bad "number"', 3, '\xff0041'),
	('viewed', :'install', 'events', 0, 6, '2026-01-01', 'unparseable', 'cut', 90, convert_to('zü', 'UTF8')),
	('viewed', :'install', 'events', 0, 7, '2026-01-01', 'unparseable', 'cut inside a character', 90, '\x7ac3');
INSERT INTO stream_ingest.rejected_dropped VALUES ('viewed', :'install', 'events', 0, 4, 8, 20);
INSERT INTO stream_ingest.tombstone VALUES (:'install', 'gone', pg_current_xact_id(), 77);

SELECT supervisor_id, datasource, source, type, state, detailed_state, healthy, suspended, requests, tasks, publishing, rows, bytes, lag, note FROM stream_ingest.supervisors;
SELECT spec::jsonb = get_supervisor('viewed')::jsonb AS echo FROM stream_ingest.supervisors;
-- without another note: the newest error of an unhealthy one, nothing of a healthy one
SAVEPOINT s;
UPDATE stream_ingest.task_group SET halted = NULL;
UPDATE stream_ingest.supervisor_status SET note = NULL;
SELECT note FROM stream_ingest.supervisors;
UPDATE stream_ingest.supervisor_status SET healthy = true;
SELECT note FROM stream_ingest.supervisors;
ROLLBACK TO SAVEPOINT s;
SELECT group_id, topic, partition, "offset", earliest, latest, lag, updated FROM stream_ingest.partitions ORDER BY partition;
SELECT task_id, group_id, task_group, type, status, runner_status, phase, duration, location, pid, partitions, start_offsets, current_offsets, rows, error_msg
FROM stream_ingest.tasks ORDER BY created_time, task_id;
SELECT segment_id, kind, number, level, group_id, "start", "end", min_time, max_time, num_rows, size, is_published, is_realtime, first_seq, last_seq, file
FROM stream_ingest.segments ORDER BY kind, group_id, number;
SELECT * FROM stream_ingest.row_stats ORDER BY group_id;
-- sup-33 of Druid's cases: partition 1 was read beyond what the broker has last told, so its lag is not among them
SELECT name, value, dims FROM stream_ingest.metrics WHERE name NOT LIKE 'task/run/time' ORDER BY name, dims;
SELECT topic, partition, "offset", error_type, reason, payload_bytes, payload FROM stream_ingest.rejected_messages ORDER BY "offset";
SELECT * FROM stream_ingest.rejected_messages_dropped;
SELECT * FROM stream_ingest.audit ORDER BY partition;
SELECT file, bytes, removed_by = pg_current_xact_id() AS own FROM stream_ingest.pending_deletes;
SELECT kind FROM stream_ingest.workers WHERE kind = 'launcher';

SELECT jsonb_pretty(p::jsonb - 'activeTasks' - 'publishingTasks' - 'recentErrors') FROM (SELECT get_supervisor_status('viewed') -> 'payload' AS p) x;
SELECT t ->> 'id' AS id, t -> 'startingOffsets' AS starting, t -> 'currentOffsets' AS current, t -> 'lag' AS lag, t ->> 'type' AS type,
	(t ->> 'remainingSeconds')::int BETWEEN 3400 AND 5200 AS remaining, (t ->> 'startTime') LIKE '20%Z' AS started
FROM (SELECT get_supervisor_status('viewed') -> 'payload' AS p) x,
	json_array_elements((p ->> 'activeTasks')::json) t;
SELECT t ->> 'id' AS id, t -> 'startingOffsets' AS starting, t -> 'currentOffsets' AS current, t ->> 'type' AS type,
	(t ->> 'remainingSeconds')::int BETWEEN 1700 AND 1740 AS remaining
FROM json_array_elements(get_supervisor_status('viewed') -> 'payload' -> 'publishingTasks') t;
SELECT get_supervisor_status('viewed') #> '{payload,recentErrors}';
SELECT jsonb_pretty(get_supervisor_stats('viewed')::jsonb);
SELECT jsonb_pretty(get_supervisor_parse_errors('viewed')::jsonb);
SELECT json_array_length(get_supervisor_parse_errors('viewed', 2)) AS two, get_supervisor_parse_errors('viewed', -1) AS none;
SELECT t ->> 'id' AS id, t ->> 'status' AS status, t ->> 'runnerStatusCode' AS runner, t ->> 'duration' AS duration, t ->> 'errorMsg' AS error
FROM json_array_elements(get_tasks()) t ORDER BY 1;
SELECT json_array_length(get_tasks('running')) AS running, json_array_length(get_tasks('Pending')) AS pending, get_tasks('waiting') AS waiting,
	json_array_length(get_tasks(max => 1)) AS one, get_tasks('complete') -> 0 ->> 'id' AS complete;
SELECT get_tasks(type => 'index_parallel') AS other, json_array_length(get_tasks(type => 'index_kafka')) AS kafka,
	get_tasks(created_time_interval => '2015-09-12_2015-09-13') AS before,
	json_array_length(get_tasks(created_time_interval => to_char(now() AT TIME ZONE 'UTC' - interval '1 day', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '_P2D')) AS around,
	json_array_length(get_tasks('complete', NULL, NULL, '2020-01-01T00:00:00Z/3000-01-01', 'index_kafka')) AS complete;
SELECT json_array_length(get_tasks(created_time_interval => to_char(t.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '_PT0.001S')) > 0 AS from_its_start,
	get_tasks(created_time_interval => 'PT1H/' || to_char(t.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))::text LIKE '%' || t.task_id || '%' AS before_its_end
FROM stream_ingest.task t ORDER BY t.created LIMIT 1;
SAVEPOINT s;
SELECT get_tasks('lost');
ROLLBACK TO s;
SELECT get_tasks(created_time_interval => 'yesterday');
ROLLBACK TO s;
SELECT jsonb_pretty(get_task_status('failed_1')::jsonb #- '{status,createdTime}' #- '{status,queueInsertionTime}');
SELECT jsonb_pretty(get_task_report('read_0')::jsonb #- '{ingestionStatsAndErrors,payload,rowStats,movingAverages}');
SELECT jsonb_pretty(get_task_report('publish_0')::jsonb);
SELECT jsonb_pretty(get_task_report('failed_1')::jsonb #- '{ingestionStatsAndErrors,payload,rowStats}');
SELECT e ->> 'state' AS state, e ->> 'healthy' AS healthy FROM json_array_elements(get_supervisors(true)) e;
-- one task group has given up: resume lets it try again
SELECT resume_supervisor('viewed') ->> 'suspended' AS suspended;
ROLLBACK;
SET client_min_messages = warning;
DROP EXTENSION stream_ingest CASCADE;
