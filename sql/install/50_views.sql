--
-- Views.  Everybody may select from them; each shows the rows of the data
-- sources whose table the reader owns, and all rows to members of pg_monitor.
-- A view reads our tables as its owner, while its functions run as the
-- reader: pg_has_role() checks the reader.
--

CREATE FUNCTION stream_ingest.worker_slots(
	OUT kind text, OUT pid integer, OUT supervisor_id text, OUT data_source_id bigint, OUT group_id integer,
	OUT state text, OUT started timestamptz, OUT last_commit timestamptz, OUT rows_in_memory bigint,
	OUT rates_1m double precision[], OUT rates_5m double precision[], OUT rates_15m double precision[],
	OUT message text) RETURNS SETOF record
	LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'si_worker_slots';
COMMENT ON FUNCTION stream_ingest.worker_slots() IS 'processes of this database that the caller may see; rates per second in the order of the row counters';
GRANT EXECUTE ON FUNCTION stream_ingest.worker_slots() TO PUBLIC;

CREATE FUNCTION stream_ingest.print_spec(spec json, suspended boolean) RETURNS text
	LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_print_spec';
COMMENT ON FUNCTION stream_ingest.print_spec(json, boolean) IS 'a stored spec as get_supervisor() shows it: every default filled in, secrets hidden';
GRANT EXECUTE ON FUNCTION stream_ingest.print_spec(json, boolean) TO PUBLIC;

CREATE FUNCTION stream_ingest.iso_time(t timestamptz) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	RETURN CASE t WHEN '-infinity' THEN '-146136543-09-08T08:23:32.096Z' WHEN 'infinity' THEN '146140482-04-24T15:36:27.903Z'
		ELSE pg_catalog.to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END;
COMMENT ON FUNCTION stream_ingest.iso_time(timestamptz) IS 'a time as Druid writes it: 2020-01-01T00:00:00.000Z; its first and its last for infinity';
GRANT EXECUTE ON FUNCTION stream_ingest.iso_time(timestamptz) TO PUBLIC;

CREATE FUNCTION stream_ingest.interval_time(ms bigint) RETURNS timestamptz
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	RETURN CASE WHEN ms < -210866803200000 THEN '-infinity' WHEN ms > 9224318015999999 THEN 'infinity'
		ELSE pg_catalog.to_timestamp(ms / 1000.0) END;
COMMENT ON FUNCTION stream_ingest.interval_time(bigint) IS 'an end of an interval, which with segmentGranularity ALL is no time of PostgreSQL: infinity';
GRANT EXECUTE ON FUNCTION stream_ingest.interval_time(bigint) TO PUBLIC;

CREATE VIEW stream_ingest.visible_data_source WITH (security_barrier) AS
SELECT d.data_source_id,
	d.relid::pg_catalog.regclass AS data_source,
	c.relowner,
	d.name,
	d.damaged
FROM stream_ingest.data_source d
JOIN pg_catalog.pg_class c ON c.oid = d.relid
WHERE d.install = (SELECT i.uuid FROM stream_ingest.install i)
	AND (pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
COMMENT ON VIEW stream_ingest.visible_data_source IS 'data sources that the reader may see; the other views stand on it';

CREATE VIEW stream_ingest.streams WITH (security_barrier) AS
SELECT d.data_source,
	t.stream_id,
	t.topic,
	t.first_seen
FROM stream_ingest.stream t
JOIN stream_ingest.visible_data_source d USING (data_source_id);
COMMENT ON VIEW stream_ingest.streams IS 'topics that data sources are or were filled from';
COMMENT ON COLUMN stream_ingest.streams.stream_id IS 'in lists of partitions, 65536 times this is added to the number that a partition has in its topic; the first topic is 0';

CREATE VIEW stream_ingest.partitions WITH (security_barrier) AS
SELECT g.supervisor_id,
	d.data_source,
	g.group_id,
	t.topic,
	p.partition & 65535 AS partition,
	p.next AS "offset",
	e.earliest,
	e.latest,
	CASE WHEN e.latest IS NOT NULL THEN GREATEST(LEAST(e.latest, p.stop) - p.next, 0) END AS lag,
	st.offsets_updated AS updated,
	p.partition AS partition_id
FROM stream_ingest.task_group g
JOIN stream_ingest.visible_data_source d USING (data_source_id)
CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(g.partitions), pg_catalog.unnest(g.offsets), pg_catalog.unnest(g.stops)) AS p (partition, next, stop)
JOIN stream_ingest.stream t ON t.data_source_id = g.data_source_id AND t.stream_id = p.partition >> 16
LEFT JOIN stream_ingest.supervisor_status st USING (supervisor_id)
LEFT JOIN LATERAL (
	SELECT NULLIF(u.earliest, -1) AS earliest, NULLIF(u.latest, -1) AS latest
	FROM ROWS FROM (pg_catalog.unnest(st.partitions), pg_catalog.unnest(st.earliest_offsets),
		pg_catalog.unnest(st.latest_offsets)) AS u (partition, earliest, latest)
	WHERE u.partition = p.partition
) e ON true;
COMMENT ON VIEW stream_ingest.partitions IS 'partitions that are read: the next offset, the ends of the stream as the broker last said, and the lag in messages';
COMMENT ON COLUMN stream_ingest.partitions.partition IS 'number of the partition in its topic';
COMMENT ON COLUMN stream_ingest.partitions.partition_id IS 'the partition in lists of partitions of the other views: 65536 times the number of the topic in streams, plus partition';
COMMENT ON COLUMN stream_ingest.partitions."offset" IS 'the next offset to read: everything before it is committed';
COMMENT ON COLUMN stream_ingest.partitions.lag IS 'messages not read yet, by the last word of the broker, up to the end of a boundedStreamConfig; null: not known';
COMMENT ON COLUMN stream_ingest.partitions.updated IS 'when earliest and latest were asked';

CREATE VIEW stream_ingest.segments WITH (security_barrier) AS
WITH segment AS (
	SELECT g.*, stream_ingest.interval_time(g.interval_start_ms) AS "start", stream_ingest.interval_time(g.interval_end_ms) AS "end"
	FROM stream_ingest.segment g
)
SELECT d.name || '_' || stream_ingest.iso_time(s."start") || '_' || stream_ingest.iso_time(s."end") || '_' || stream_ingest.iso_time(s.version)
		|| CASE WHEN s.partition_num > 0 THEN '_' || s.partition_num ELSE '' END AS segment_id,
	d.name AS datasource,
	d.data_source,
	'segment'::text AS kind,
	s.segment_id AS number,
	NULL::smallint AS level,
	s.group_id,
	s."start",
	s."end",
	stream_ingest.interval_time(s.min_ms) AS min_time,
	stream_ingest.interval_time(s.max_ms) AS max_time,
	s.rows AS num_rows,
	s.bytes AS size,
	s.version,
	s.partition_num,
	1 AS num_replicas,
	true AS is_active,
	true AS is_published,
	true AS is_available,
	false AS is_realtime,
	false AS is_overshadowed,
	s.first_seq,
	s.last_seq,
	s.partitions,
	s.start_offsets,
	s.end_offsets,
	s.created,
	s.file
FROM segment s
JOIN stream_ingest.visible_data_source d USING (data_source_id)
UNION ALL
SELECT d.name || '_delta_' || x.group_id || '_' || x.level || '_' || x.seq,
	d.name,
	d.data_source,
	'delta',
	x.seq,
	x.level,
	x.group_id,
	NULL,
	NULL,
	stream_ingest.interval_time(x.min_ms),
	stream_ingest.interval_time(x.max_ms),
	x.rows,
	x.bytes,
	NULL,
	NULL,
	1,
	true,
	false,
	true,
	true,
	false,
	x.first_seq,
	x.seq,
	x.partitions,
	x.start_offsets,
	x.end_offsets,
	x.created,
	x.file
FROM stream_ingest.delta x
JOIN stream_ingest.visible_data_source d USING (data_source_id);
COMMENT ON VIEW stream_ingest.segments IS 'chunks that queries read: published segments, each of one interval, and deltas that are not published yet';
COMMENT ON COLUMN stream_ingest.segments.datasource IS 'the dataSource of the spec';
COMMENT ON COLUMN stream_ingest.segments.data_source IS 'its table';
COMMENT ON COLUMN stream_ingest.segments."start" IS 'of the interval of a segment, -infinity with segmentGranularity ALL; a delta has rows of any time: see min_time and max_time';
COMMENT ON COLUMN stream_ingest.segments.is_realtime IS 'a delta: not published yet';
COMMENT ON COLUMN stream_ingest.segments.file IS 'null: the chunk lives in its catalog row';
COMMENT ON COLUMN stream_ingest.segments.level IS 'of a delta: 0 is one commit, higher levels are merged from lower ones';

CREATE VIEW stream_ingest.supervisors WITH (security_barrier) AS
SELECT s.supervisor_id,
	d.name AS datasource,
	d.data_source,
	pg_catalog.pg_get_userbyid(d.relowner) AS owner,
	COALESCE(s.spec ->> 'type', 'kafka') AS type,
	COALESCE(s.spec #>> '{spec,ioConfig,topic}', s.spec #>> '{ioConfig,topic}',
		s.spec #>> '{spec,ioConfig,topicPattern}', s.spec #>> '{ioConfig,topicPattern}') AS source,
	COALESCE(st.state, 'PENDING') AS state,
	COALESCE(st.detailed_state, 'PENDING') AS detailed_state,
	COALESCE(st.healthy, true) AS healthy,
	s.suspended,
	r.requests,
	t.tasks,
	t.publishing,
	c.rows,
	c.bytes,
	p.lag,
	COALESCE(d.damaged, h.halted, st.note, CASE WHEN NOT st.healthy THEN st.recent_errors #>> '{0,message}' END, h.nothing) AS note,
	s.spec_version,
	s.created,
	s.updated,
	stream_ingest.print_spec(s.spec, s.suspended) AS spec
FROM stream_ingest.supervisor s
JOIN stream_ingest.visible_data_source d USING (data_source_id)
LEFT JOIN stream_ingest.supervisor_status st USING (supervisor_id)
CROSS JOIN LATERAL (
	SELECT pg_catalog.array_agg(q.verb ORDER BY q.request_id) AS requests
	FROM stream_ingest.request q WHERE q.supervisor_id = s.supervisor_id AND q.data_source_id = s.data_source_id
) r
CROSS JOIN LATERAL (
	SELECT pg_catalog.count(*) FILTER (WHERE k.phase = 'READING') AS tasks,
		pg_catalog.count(*) FILTER (WHERE k.phase = 'PUBLISHING') AS publishing
	FROM stream_ingest.task k WHERE k.supervisor_id = s.supervisor_id AND k.status = 'RUNNING'
) t
CROSS JOIN LATERAL (
	SELECT COALESCE(pg_catalog.sum(x.rows), 0)::bigint AS rows, COALESCE(pg_catalog.sum(x.bytes), 0)::bigint AS bytes
	FROM (
		SELECT g.rows, g.bytes FROM stream_ingest.segment g WHERE g.data_source_id = s.data_source_id
		UNION ALL
		SELECT g.rows, g.bytes FROM stream_ingest.delta g WHERE g.data_source_id = s.data_source_id
	) x
) c
CROSS JOIN LATERAL (
	SELECT pg_catalog.sum(v.lag)::bigint AS lag
	FROM stream_ingest.partitions v WHERE v.supervisor_id = s.supervisor_id
) p
CROSS JOIN LATERAL (
	SELECT pg_catalog.string_agg(g.halted, '; ' ORDER BY g.group_id) AS halted,
		CASE WHEN pg_catalog.sum(g.counters[1] + g.counters[3]) > 0 THEN NULL
			WHEN pg_catalog.sum(g.counters[4]) > 0 THEN pg_catalog.format(
				'no row is stored: %s messages are unparseable, see stream_ingest.rejected_messages (%s)', pg_catalog.sum(g.counters[4]),
				(SELECT m.reason FROM stream_ingest.rejected_message m WHERE m.supervisor_id = s.supervisor_id ORDER BY m.at DESC LIMIT 1))
			WHEN pg_catalog.sum(g.counters[5]) > 0 THEN pg_catalog.format(
				'no row is stored: %s are thrown away, see stream_ingest.row_stats (before the minimum time %s, after the maximum %s, refused by the filter %s, tombstones %s)',
				pg_catalog.sum(g.counters[5]), pg_catalog.sum(g.counters[7]), pg_catalog.sum(g.counters[8]), pg_catalog.sum(g.counters[9]),
				pg_catalog.sum(g.counters[6]))
		END AS nothing
	FROM stream_ingest.task_group g WHERE g.supervisor_id = s.supervisor_id
) h
WHERE s.install = (SELECT i.uuid FROM stream_ingest.install i);
COMMENT ON VIEW stream_ingest.supervisors IS 'supervisors with their state, what they have stored and how far they are behind';
COMMENT ON COLUMN stream_ingest.supervisors.datasource IS 'the dataSource of the spec';
COMMENT ON COLUMN stream_ingest.supervisors.data_source IS 'its table';
COMMENT ON COLUMN stream_ingest.supervisors.source IS 'the topic, or the topicPattern';
COMMENT ON COLUMN stream_ingest.supervisors.spec IS 'as get_supervisor() shows it';
COMMENT ON COLUMN stream_ingest.supervisors.requests IS 'verbs that were called and wait to be applied; null: none';
COMMENT ON COLUMN stream_ingest.supervisors.tasks IS 'reading tasks that run';
COMMENT ON COLUMN stream_ingest.supervisors.lag IS 'messages not read yet, by the last word of the broker; null: not known';
COMMENT ON COLUMN stream_ingest.supervisors.note IS 'what an administrator should look at; of an unhealthy supervisor its newest error at least';

CREATE VIEW stream_ingest.tasks WITH (security_barrier) AS
SELECT t.task_id,
	'index_kafka_' || d.name AS group_id,
	'index_kafka'::text AS type,
	d.name AS datasource,
	d.data_source,
	t.supervisor_id,
	t.group_id AS task_group,
	t.created AS created_time,
	t.created AS queue_insertion_time,
	t.ended AS ended_time,
	t.status,
	CASE WHEN t.status <> 'RUNNING' THEN 'NONE' WHEN w.pid IS NULL THEN 'PENDING' ELSE 'RUNNING' END AS runner_status,
	t.phase,
	CASE WHEN t.ended IS NULL THEN -1 ELSE pg_catalog.floor(EXTRACT(epoch FROM t.ended - t.created) * 1000)::bigint END AS duration,
	'localhost pid ' || w.pid AS location,
	CASE WHEN w.pid IS NOT NULL THEN 'localhost' END AS host,
	w.pid,
	-1 AS plaintext_port,
	-1 AS tls_port,
	t.partitions,
	t.start_offsets,
	CASE WHEN t.phase = 'READING' AND t.status = 'RUNNING' THEN g.offsets ELSE t.end_offsets END AS current_offsets,
	CASE WHEN t.phase = 'READING' AND t.status = 'RUNNING' THEN g.counters[13] ELSE t.end_counters[13] END
		- t.start_counters[13] AS rows,
	t.error AS error_msg
FROM stream_ingest.task t
JOIN stream_ingest.visible_data_source d USING (data_source_id)
LEFT JOIN stream_ingest.task_group g USING (supervisor_id, group_id)
LEFT JOIN stream_ingest.worker_slots() w
	ON w.kind = CASE t.phase WHEN 'READING' THEN 'reading' ELSE 'publishing' END
	AND t.status = 'RUNNING' AND w.data_source_id = t.data_source_id
	AND (w.kind = 'publishing' OR w.group_id = t.group_id);
COMMENT ON VIEW stream_ingest.tasks IS 'tasks: ranges of offsets that were read, are being read, or are being published';
COMMENT ON COLUMN stream_ingest.tasks.group_id IS 'as Druid names it; task_group is the group of partitions that the task reads';
COMMENT ON COLUMN stream_ingest.tasks.datasource IS 'the dataSource of the spec';
COMMENT ON COLUMN stream_ingest.tasks.data_source IS 'its table';
COMMENT ON COLUMN stream_ingest.tasks.runner_status IS 'PENDING: it runs without a process, because there is nothing to do or no slot is free';
COMMENT ON COLUMN stream_ingest.tasks.duration IS 'milliseconds; -1 while it runs';
COMMENT ON COLUMN stream_ingest.tasks.rows IS 'rows stored by the task, after merging in memory';

CREATE VIEW stream_ingest.row_stats WITH (security_barrier) AS
SELECT g.supervisor_id,
	d.data_source,
	g.group_id,
	g.counters[1] AS processed,
	g.counters[2] AS processed_bytes,
	g.counters[3] AS processed_with_error,
	g.counters[4] AS unparseable,
	g.counters[5] AS thrown_away,
	g.counters[6] AS thrown_away_null,
	g.counters[7] AS thrown_away_before_minimum,
	g.counters[8] AS thrown_away_after_maximum,
	g.counters[9] AS thrown_away_filtered,
	g.counters[11] AS rejected_dropped,
	g.counters[12] AS columns_refused,
	g.counters[13] AS stored_rows,
	COALESCE(w.rates_1m[1], 0) AS processed_1m,
	COALESCE(w.rates_5m[1], 0) AS processed_5m,
	COALESCE(w.rates_15m[1], 0) AS processed_15m,
	COALESCE(w.rates_1m[2], 0) AS processed_bytes_1m,
	COALESCE(w.rates_5m[2], 0) AS processed_bytes_5m,
	COALESCE(w.rates_15m[2], 0) AS processed_bytes_15m
FROM stream_ingest.task_group g
JOIN stream_ingest.visible_data_source d USING (data_source_id)
LEFT JOIN stream_ingest.worker_slots() w
	ON w.kind = 'reading' AND w.data_source_id = g.data_source_id AND w.group_id = g.group_id;
COMMENT ON VIEW stream_ingest.row_stats IS 'row counters of every task group, as committed, and rates per second over 1, 5 and 15 minutes';
COMMENT ON COLUMN stream_ingest.row_stats.processed IS 'rows stored without an error; rows stored with one are in processed_with_error only';

CREATE VIEW stream_ingest.rejected_messages WITH (security_barrier) AS
SELECT m.supervisor_id,
	d.data_source,
	m.at,
	m.topic,
	m.partition,
	m."offset",
	m.error_type,
	m.reason,
	m.payload_bytes,
	m.payload,
	pg_catalog.array_prepend(m.reason, m.more_reasons) AS details
FROM stream_ingest.rejected_message m
JOIN stream_ingest.supervisor s USING (supervisor_id)
JOIN stream_ingest.visible_data_source d USING (data_source_id);
COMMENT ON VIEW stream_ingest.rejected_messages IS 'messages that could not be stored in full, with the reason';
COMMENT ON COLUMN stream_ingest.rejected_messages.reason IS 'what is wrong, or the first thing that is';
COMMENT ON COLUMN stream_ingest.rejected_messages.details IS 'everything that is wrong: dimensions first, then metrics';
COMMENT ON COLUMN stream_ingest.rejected_messages.payload IS 'the first bytes of the message; convert_from(payload, ''UTF8'') shows text';

CREATE VIEW stream_ingest.rejected_messages_dropped WITH (security_barrier) AS
SELECT m.supervisor_id,
	d.data_source,
	m.topic,
	m.partition,
	m.messages,
	m.first_offset,
	m.last_offset
FROM stream_ingest.rejected_dropped m
JOIN stream_ingest.supervisor s USING (supervisor_id)
JOIN stream_ingest.visible_data_source d USING (data_source_id);
COMMENT ON VIEW stream_ingest.rejected_messages_dropped IS 'rejected messages that are not in rejected_messages because its bounds were reached: how many, and between which offsets';

CREATE VIEW stream_ingest.columns WITH (security_barrier) AS
SELECT d.data_source,
	c.name,
	c.type,
	c.first_seen,
	c.attached,
	c.problem
FROM stream_ingest.discovered_column c
JOIN stream_ingest.visible_data_source d USING (data_source_id);
COMMENT ON VIEW stream_ingest.columns IS 'columns that were discovered in the stream or came with a changed spec, and whether the table shows them yet';
COMMENT ON COLUMN stream_ingest.columns.problem IS 'why the table cannot show the column; chunks hold it all the same';

CREATE VIEW stream_ingest.waiting_tasks WITH (security_barrier) AS
SELECT q.position,
	q.supervisor_id,
	d.data_source,
	q.group_id,
	q.since
FROM stream_ingest.waiting_task q
JOIN stream_ingest.supervisor s USING (supervisor_id)
JOIN stream_ingest.visible_data_source d USING (data_source_id);
COMMENT ON VIEW stream_ingest.waiting_tasks IS 'reading tasks that find no process slot (stream_ingest.worker_capacity, max_worker_processes), in the order in which they get one';

CREATE VIEW stream_ingest.workers WITH (security_barrier) AS
SELECT w.kind,
	w.pid,
	w.supervisor_id,
	w.group_id,
	w.state,
	w.started,
	w.last_commit,
	w.rows_in_memory,
	w.message
FROM stream_ingest.worker_slots() w;
COMMENT ON VIEW stream_ingest.workers IS 'processes of stream_ingest in this database';

CREATE VIEW stream_ingest.pending_deletes WITH (security_barrier) AS
SELECT t.file,
	t.bytes,
	t.removed,
	t.removed_by,
	h.holder,
	h.pid,
	h.slot
FROM stream_ingest.tombstone t
LEFT JOIN LATERAL (
	SELECT x.holder, x.pid, x.slot
	FROM (
		SELECT 'session' AS holder, a.pid, NULL::name AS slot, pg_catalog.age(a.backend_xmin) AS age
		FROM pg_catalog.pg_stat_activity a
		WHERE a.backend_xmin IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()
			AND (a.datname = pg_catalog.current_database() OR a.datname IS NULL)
		UNION ALL
		SELECT 'replication slot', s.active_pid, s.slot_name, pg_catalog.age(s.xmin)
		FROM pg_catalog.pg_replication_slots s WHERE s.xmin IS NOT NULL
		UNION ALL
		SELECT 'prepared transaction ' || p.gid, NULL, NULL, pg_catalog.age(p.transaction)
		FROM pg_catalog.pg_prepared_xacts p WHERE p.database = pg_catalog.current_database()
	) x
	WHERE x.age >= pg_catalog.age(t.removed_by::xid)
	ORDER BY x.age DESC
	LIMIT 1
) h ON true
WHERE t.install = (SELECT i.uuid FROM stream_ingest.install i)
	AND pg_catalog.pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW stream_ingest.pending_deletes IS 'chunk files that are not needed any more, and who keeps them: the oldest snapshot that might still read them; for members of pg_monitor';
COMMENT ON COLUMN stream_ingest.pending_deletes.holder IS 'null: the file goes with the next round of the overlord';

CREATE VIEW stream_ingest.audit WITH (security_barrier) AS
WITH chunk AS (
	SELECT DISTINCT c.data_source_id, c.group_id, c.first_seq, c.last_seq, p.partition, p.range_start, p.range_end
	FROM (
		SELECT s.data_source_id, s.group_id, s.first_seq, s.last_seq, s.partitions, s.start_offsets, s.end_offsets
		FROM stream_ingest.segment s
		UNION ALL
		SELECT x.data_source_id, x.group_id, x.first_seq, x.seq, x.partitions, x.start_offsets, x.end_offsets
		FROM stream_ingest.delta x
	) c
	CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(c.partitions), pg_catalog.unnest(c.start_offsets),
		pg_catalog.unnest(c.end_offsets)) AS p (partition, range_start, range_end)
), ordered AS (
	SELECT k.*,
		-- not that of the row before: after a reset a chunk without an offset of the partition may lie within another one
		pg_catalog.max(k.range_end) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS previous_end,
		pg_catalog.lag(k.group_id) OVER w AS previous_group,
		pg_catalog.lag(k.last_seq) OVER w AS previous_seq
	FROM chunk k
	WINDOW w AS (PARTITION BY k.data_source_id, k.partition ORDER BY k.range_start, k.range_end, k.first_seq)
), summary AS (
	SELECT o.data_source_id, o.partition,
		pg_catalog.count(*) AS ranges,
		pg_catalog.min(o.range_start) AS first_offset,
		pg_catalog.max(o.range_end) AS covered_to,
		COALESCE(pg_catalog.sum(GREATEST(o.range_start - o.previous_end, 0)), 0)::bigint AS skipped,
		COALESCE(pg_catalog.sum(GREATEST(LEAST(COALESCE(o.previous_end, o.range_start), o.range_end) - o.range_start, 0)), 0)::bigint AS repeated,
		pg_catalog.count(*) FILTER (WHERE o.range_start > o.previous_end
			AND o.group_id = o.previous_group AND o.first_seq > o.previous_seq + 1) AS missing_chunks
	FROM ordered o
	GROUP BY 1, 2
)
SELECT v.supervisor_id,
	v.data_source,
	v.topic,
	v.partition,
	v."offset" AS committed,
	m.ranges,
	m.first_offset,
	m.covered_to,
	m.skipped,
	m.repeated,
	m.missing_chunks,
	COALESCE(m.repeated = 0 AND m.missing_chunks = 0 AND m.covered_to <= v."offset", true) AS exactly_once
FROM stream_ingest.partitions v
JOIN stream_ingest.supervisor s USING (supervisor_id)
LEFT JOIN summary m ON m.data_source_id = s.data_source_id AND m.partition = v.partition_id;
COMMENT ON VIEW stream_ingest.audit IS 'per partition: whether the ranges of offsets of all chunks follow each other up to the committed offset';
COMMENT ON COLUMN stream_ingest.audit.skipped IS 'offsets between two chunks: messages that left no row, and records of the broker''s own';
COMMENT ON COLUMN stream_ingest.audit.repeated IS 'offsets that two chunks cover: read again after reset_supervisor(), otherwise an error';
COMMENT ON COLUMN stream_ingest.audit.missing_chunks IS 'places where numbered chunks are missing between two offsets';

GRANT SELECT ON
	stream_ingest.supervisors,
	stream_ingest.tasks,
	stream_ingest.streams,
	stream_ingest.partitions,
	stream_ingest.segments,
	stream_ingest.row_stats,
	stream_ingest.rejected_messages,
	stream_ingest.rejected_messages_dropped,
	stream_ingest.columns,
	stream_ingest.waiting_tasks,
	stream_ingest.workers,
	stream_ingest.pending_deletes,
	stream_ingest.audit
TO PUBLIC;
