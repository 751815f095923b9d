--
-- Druid's metrics, as far as they have a meaning here.
--

-- The lag of a partition is left out while the broker's last word on it is older than what was read, as in Druid.
CREATE VIEW stream_ingest.metrics WITH (security_barrier) AS
WITH lag AS (
	SELECT p.supervisor_id, p.topic, p.partition, p.lag, p.latest < p."offset" AS stale
	FROM stream_ingest.partitions p
	WHERE p.lag IS NOT NULL
), events AS (
	SELECT g.supervisor_id, g.group_id, g.counters
	FROM stream_ingest.task_group g
	JOIN stream_ingest.visible_data_source d USING (data_source_id)
), tasks AS (
	SELECT t.supervisor_id, t.task_id, t.group_id, t.status, t.phase, t.created, t.ended, t.publishing
	FROM stream_ingest.task t
	JOIN stream_ingest.visible_data_source d USING (data_source_id)
), chunks AS (
	SELECT s.supervisor_id, c.published, c.rows, c.bytes
	FROM stream_ingest.supervisor s
	JOIN stream_ingest.visible_data_source d USING (data_source_id)
	JOIN (
		SELECT g.data_source_id, true AS published, g.rows, g.bytes FROM stream_ingest.segment g
		UNION ALL
		SELECT x.data_source_id, false, x.rows, x.bytes FROM stream_ingest.delta x
	) c USING (data_source_id)
)
SELECT l.supervisor_id, m.name, m.value::double precision AS value, '{}'::jsonb AS dims
FROM (
	SELECT k.supervisor_id, pg_catalog.sum(k.lag) AS total, pg_catalog.max(k.lag) AS most, pg_catalog.avg(k.lag) AS average
	FROM lag k GROUP BY 1
) l
CROSS JOIN LATERAL (VALUES ('ingest/kafka/lag', l.total), ('ingest/kafka/maxLag', l.most), ('ingest/kafka/avgLag', l.average)) m (name, value)
UNION ALL
SELECT k.supervisor_id, 'ingest/kafka/partitionLag', k.lag,
	pg_catalog.jsonb_build_object('stream', k.topic, 'partition', k.partition)
FROM lag k
WHERE NOT k.stale
UNION ALL
SELECT e.supervisor_id, m.name, m.value, pg_catalog.jsonb_build_object('groupId', e.group_id) || m.dims
FROM events e
CROSS JOIN LATERAL (VALUES
	('ingest/events/processed', e.counters[1], '{}'::jsonb),
	('ingest/input/bytes', e.counters[2], '{}'),
	('ingest/events/processedWithError', e.counters[3], '{}'),
	('ingest/events/unparseable', e.counters[4], '{}'),
	('ingest/events/thrownAway', e.counters[6], '{"reason":"null"}'),
	('ingest/events/thrownAway', e.counters[7], '{"reason":"beforeMinimumMessageTime"}'),
	('ingest/events/thrownAway', e.counters[8], '{"reason":"afterMaximumMessageTime"}'),
	('ingest/events/thrownAway', e.counters[9], '{"reason":"filtered"}'),
	('ingest/rows/output', e.counters[13], '{}')
) m (name, value, dims)
UNION ALL
SELECT c.supervisor_id, m.name, m.value, '{}'
FROM (
	SELECT x.supervisor_id,
		pg_catalog.count(*) FILTER (WHERE x.published) AS segments,
		COALESCE(pg_catalog.sum(x.rows) FILTER (WHERE x.published), 0) AS rows,
		COALESCE(pg_catalog.sum(x.bytes) FILTER (WHERE x.published), 0) AS bytes,
		pg_catalog.count(*) FILTER (WHERE NOT x.published) AS sinks
	FROM chunks x GROUP BY 1
) c
CROSS JOIN LATERAL (VALUES ('ingest/segments/count', c.segments), ('ingest/rows/published', c.rows),
	('segment/added/bytes', c.bytes), ('ingest/sink/count', c.sinks)) m (name, value)
UNION ALL
SELECT t.supervisor_id, m.name, m.value, '{}'
FROM (
	SELECT k.supervisor_id,
		pg_catalog.count(*) FILTER (WHERE k.status = 'SUCCESS') AS success,
		pg_catalog.count(*) FILTER (WHERE k.status = 'FAILED') AS failed,
		pg_catalog.count(*) FILTER (WHERE k.status = 'RUNNING') AS running,
		pg_catalog.count(*) FILTER (WHERE k.status = 'SUCCESS' AND k.publishing IS NOT NULL) AS handoffs,
		pg_catalog.count(*) FILTER (WHERE k.status = 'FAILED' AND k.publishing IS NOT NULL) AS handoffs_failed
	FROM tasks k GROUP BY 1
) t
CROSS JOIN LATERAL (VALUES ('task/success/count', t.success), ('task/failed/count', t.failed), ('task/running/count', t.running),
	('ingest/handoff/count', t.handoffs), ('ingest/handoff/failed', t.handoffs_failed)) m (name, value)
UNION ALL
SELECT t.supervisor_id, m.name, m.value, pg_catalog.jsonb_build_object('taskId', t.task_id, 'taskStatus', t.status)
FROM (
	SELECT DISTINCT ON (k.supervisor_id) k.* FROM tasks k WHERE k.ended IS NOT NULL ORDER BY k.supervisor_id, k.ended DESC
) t
CROSS JOIN LATERAL (VALUES
	('task/run/time', EXTRACT(epoch FROM t.ended - t.created) * 1000),
	('ingest/handoff/time', EXTRACT(epoch FROM t.ended - t.publishing) * 1000)) m (name, value)
WHERE m.value IS NOT NULL
UNION ALL
SELECT s.supervisor_id, m.name, m.value, m.dims
FROM stream_ingest.supervisor s
JOIN stream_ingest.visible_data_source d USING (data_source_id)
LEFT JOIN stream_ingest.supervisor_status st USING (supervisor_id)
CROSS JOIN LATERAL (VALUES
	('supervisor/count', 1, pg_catalog.jsonb_build_object('type', COALESCE(s.spec ->> 'type', 'kafka'),
		'state', COALESCE(st.state, 'PENDING'), 'detailedState', COALESCE(st.detailed_state, 'PENDING'))),
	('ingest/notices/queueSize', (SELECT pg_catalog.count(*) FROM stream_ingest.request r WHERE r.supervisor_id = s.supervisor_id), '{}')
) m (name, value, dims);
COMMENT ON VIEW stream_ingest.metrics IS 'metrics with the names of Druid: counters are totals since the supervisor exists, times are those of the task that ended last, in milliseconds';
COMMENT ON COLUMN stream_ingest.metrics.dims IS 'what the value is about: groupId, stream and partition, reason, taskId, state';

GRANT SELECT ON stream_ingest.metrics TO PUBLIC;
