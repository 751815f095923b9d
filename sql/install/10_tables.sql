--
-- Tables.  src/catalog/README.md says who writes which, and in which
-- transaction.  Times named *_ms are milliseconds since the Unix epoch.
-- Names of supervisors and columns are text, never "name": compared by bytes.
--

CREATE TABLE stream_ingest.install (
	singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	uuid pg_catalog.uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
	database oid NOT NULL,
	created timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE stream_ingest.install IS 'identity of this installation; chunk files carry its uuid';
COMMENT ON COLUMN stream_ingest.install.database IS 'the database it belongs to: a copy of the database is another one';
INSERT INTO stream_ingest.install (database)
	SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database();

CREATE TABLE stream_ingest.data_source (
	data_source_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	install uuid NOT NULL,
	relid oid NOT NULL UNIQUE,
	name text NOT NULL,
	damaged text,
	created timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE stream_ingest.data_source IS 'what supervisors fill and queries read: one foreign table each';
COMMENT ON COLUMN stream_ingest.data_source.relid IS 'the foreign table; its owner owns the data source';
COMMENT ON COLUMN stream_ingest.data_source.damaged IS 'null, or which chunk files are missing, with their offset ranges';

CREATE TABLE stream_ingest.supervisor (
	supervisor_id text COLLATE "C" PRIMARY KEY,
	install uuid NOT NULL,
	data_source_id bigint NOT NULL UNIQUE,
	spec json NOT NULL,
	spec_version bigint NOT NULL,
	suspended boolean NOT NULL,
	task_count integer,
	search_path text NOT NULL,
	submitted_as oid NOT NULL,
	created timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE stream_ingest.supervisor IS 'standing orders: the spec in force of every supervisor';
COMMENT ON COLUMN stream_ingest.supervisor.submitted_as IS 'owner of the table when the spec was submitted: its transforms in PostgreSQL''s language do not run while somebody else is';
COMMENT ON COLUMN stream_ingest.supervisor.task_count IS 'what the autoscaler has decided since the spec came into force; null: nothing yet';

CREATE TABLE stream_ingest.stream (
	data_source_id bigint NOT NULL,
	stream_id integer NOT NULL,
	install uuid NOT NULL,
	topic text COLLATE "C" NOT NULL,
	first_seen timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (data_source_id, stream_id),
	UNIQUE (data_source_id, topic)
);
COMMENT ON TABLE stream_ingest.stream IS 'topics that a data source has ever been filled from; a partition is everywhere one number: stream_id * 65536 + the number of the partition in its topic';

CREATE TABLE stream_ingest.spec_history (
	supervisor_id text COLLATE "C" NOT NULL,
	version bigint NOT NULL,
	install uuid NOT NULL,
	data_source_id bigint NOT NULL,
	at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	spec json NOT NULL,
	PRIMARY KEY (supervisor_id, version)
);
COMMENT ON TABLE stream_ingest.spec_history IS 'every spec that was in force; a termination is a NoopSupervisorSpec';
COMMENT ON COLUMN stream_ingest.spec_history.data_source_id IS 'what it filled: who may see that may see the spec';

CREATE TABLE stream_ingest.request (
	request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	install uuid NOT NULL,
	supervisor_id text COLLATE "C" NOT NULL,
	verb text NOT NULL CHECK (verb IN ('submit', 'suspend', 'resume', 'terminate', 'reset', 'handoff', 'shutdown_task', 'requeue')),
	spec json,
	search_path text,
	submitted_as oid,
	data_source_id bigint NOT NULL,
	task_id text COLLATE "C",
	task_groups integer[],
	topics text[],
	partitions integer[],
	offsets bigint[],
	time_ms bigint,
	rejected_to bigint,
	requested_by oid NOT NULL,
	at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE stream_ingest.request IS 'verbs called in SQL that the overlord has not applied yet';
COMMENT ON COLUMN stream_ingest.request.data_source_id IS 'what the supervisor filled that the verb was called for: one of the same id that fills another is not meant';
COMMENT ON COLUMN stream_ingest.request.submitted_as IS 'submit: owner of the table then';
COMMENT ON COLUMN stream_ingest.request.partitions IS 'reset: numbers of partitions in their topics; null: all';
COMMENT ON COLUMN stream_ingest.request.topics IS 'reset: the topic of each of partitions; null: the only one';
COMMENT ON COLUMN stream_ingest.request.offsets IS 'reset: the next offset of each of partitions, or of all; -1 latest, -2 earliest, -3 the first at time_ms, -4 as the spec says';

CREATE TABLE stream_ingest.task_group (
	supervisor_id text COLLATE "C" NOT NULL,
	group_id integer NOT NULL,
	install uuid NOT NULL,
	data_source_id bigint NOT NULL,
	topic text NOT NULL,
	partitions integer[] NOT NULL,
	offsets bigint[] NOT NULL,
	records bigint[],
	starts bigint[],
	stops bigint[],
	next_seq bigint NOT NULL,
	counters bigint[] NOT NULL,
	chunk_offsets bigint[],
	chunk_counters bigint[],
	halted text,
	halted_at timestamptz,
	PRIMARY KEY (supervisor_id, group_id)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
	autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_threshold = 100000);
COMMENT ON TABLE stream_ingest.task_group IS 'partitions of a reading task: the next offset of each, the next chunk number and the row counters; the only place where offsets live';
COMMENT ON COLUMN stream_ingest.task_group.topic IS 'the topic, or the topicPattern, that the spec named when the partitions were dealt out';
COMMENT ON COLUMN stream_ingest.task_group.partitions IS 'see stream_ingest.stream';
COMMENT ON COLUMN stream_ingest.task_group.records IS 'messages read of each partition since the partitions were dealt out; null: none';
COMMENT ON COLUMN stream_ingest.task_group.starts IS 'of a boundedStreamConfig: where each partition began';
COMMENT ON COLUMN stream_ingest.task_group.stops IS 'of a boundedStreamConfig: where reading of each partition ends';
COMMENT ON COLUMN stream_ingest.task_group.counters IS 'in the order of SiCounter (src/catalog/counters.h)';
COMMENT ON COLUMN stream_ingest.task_group.chunk_offsets IS 'where the ranges of the next chunk begin; null: at offsets';
COMMENT ON COLUMN stream_ingest.task_group.chunk_counters IS 'counters at the last chunk; null: counters';
COMMENT ON COLUMN stream_ingest.task_group.halted IS 'why reading of this group has ended until resume, reset or a changed spec';

CREATE TABLE stream_ingest.task (
	task_id text COLLATE "C" PRIMARY KEY,
	supervisor_id text COLLATE "C" NOT NULL,
	install uuid NOT NULL,
	data_source_id bigint NOT NULL,
	group_id integer NOT NULL,
	status text NOT NULL CHECK (status IN ('RUNNING', 'SUCCESS', 'FAILED')),
	phase text NOT NULL CHECK (phase IN ('READING', 'PUBLISHING', 'COMPLETED')),
	created timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	ended timestamptz,
	partitions integer[] NOT NULL,
	start_offsets bigint[] NOT NULL,
	end_offsets bigint[],
	start_seq bigint NOT NULL,
	end_seq bigint,
	start_counters bigint[] NOT NULL,
	end_counters bigint[],
	start_records bigint[],
	end_records bigint[],
	min_message_ms bigint,
	max_message_ms bigint,
	publishing timestamptz,
	attempt smallint NOT NULL DEFAULT 0,
	error text
);
COMMENT ON TABLE stream_ingest.task IS 'units of work: a range of offsets of one task group, read and then published';
COMMENT ON COLUMN stream_ingest.task.start_records IS 'records of its task group when it began; null: none';
COMMENT ON COLUMN stream_ingest.task.publishing IS 'since when it is to be published';
COMMENT ON COLUMN stream_ingest.task.attempt IS 'how many tasks before it were to publish the same and exceeded completionTimeout; each doubles it';
CREATE INDEX task_running ON stream_ingest.task (data_source_id, group_id) WHERE status = 'RUNNING';
CREATE INDEX task_supervisor ON stream_ingest.task (supervisor_id, created);

CREATE TABLE stream_ingest.delta (
	data_source_id bigint NOT NULL,
	level smallint NOT NULL,
	group_id integer NOT NULL,
	seq bigint NOT NULL,
	install uuid NOT NULL,
	first_seq bigint NOT NULL,
	rows bigint NOT NULL,
	bytes bigint NOT NULL,
	min_ms bigint NOT NULL,
	max_ms bigint NOT NULL,
	partitions integer[] NOT NULL,
	start_offsets bigint[] NOT NULL,
	end_offsets bigint[] NOT NULL,
	created timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	file text COLLATE "C",
	data bytea,
	spec_version bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (data_source_id, level, group_id, seq),
	CHECK ((file IS NULL) <> (data IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
	autovacuum_vacuum_insert_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
	toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 2000,
	toast.autovacuum_vacuum_cost_delay = 0);
ALTER TABLE stream_ingest.delta ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE stream_ingest.delta ADD COLUMN counts bigint[] NOT NULL DEFAULT '{0,0,0,0,0}';
COMMENT ON COLUMN stream_ingest.delta.counts IS 'what its offsets were counted as: rows processed, processed with an error, messages unparseable, thrown away; rows stored before merging';
COMMENT ON TABLE stream_ingest.delta IS 'chunks that are not published yet: level 0 is one commit, higher levels are merged from lower ones';
COMMENT ON COLUMN stream_ingest.delta.spec_version IS 'spec by which it was read, and by which it is merged and published; 0: the one in force';
COMMENT ON COLUMN stream_ingest.delta.data IS 'a small chunk itself, instead of a file';

CREATE TABLE stream_ingest.reread (
	supervisor_id text COLLATE "C" NOT NULL,
	partition integer NOT NULL,
	install uuid NOT NULL,
	data_source_id bigint NOT NULL,
	until bigint NOT NULL,
	PRIMARY KEY (supervisor_id, partition)
);
COMMENT ON TABLE stream_ingest.reread IS 'partitions of which a reset has dropped rows: before this offset nothing may be skipped until it has been read again';

CREATE TABLE stream_ingest.tier (
	data_source_id bigint NOT NULL,
	level smallint NOT NULL,
	group_id integer NOT NULL,
	floor bigint NOT NULL,
	PRIMARY KEY (data_source_id, level, group_id)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
COMMENT ON TABLE stream_ingest.tier IS 'per level and group the lowest seq that can be live: where readers of delta begin';

CREATE TABLE stream_ingest.segment (
	data_source_id bigint NOT NULL,
	segment_id bigint NOT NULL,
	install uuid NOT NULL,
	interval_start_ms bigint NOT NULL,
	interval_end_ms bigint NOT NULL,
	version timestamptz NOT NULL,
	partition_num integer NOT NULL,
	rows bigint NOT NULL,
	bytes bigint NOT NULL,
	min_ms bigint NOT NULL,
	max_ms bigint NOT NULL,
	group_id integer NOT NULL,
	first_seq bigint NOT NULL,
	last_seq bigint NOT NULL,
	partitions integer[] NOT NULL,
	start_offsets bigint[] NOT NULL,
	end_offsets bigint[] NOT NULL,
	created timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	file text COLLATE "C" NOT NULL,
	PRIMARY KEY (data_source_id, segment_id)
);
COMMENT ON TABLE stream_ingest.segment IS 'published chunks: each holds rows of one interval of segmentGranularity';

ALTER TABLE stream_ingest.segment ADD COLUMN publish_id bigint;
COMMENT ON COLUMN stream_ingest.segment.publish_id IS 'the row of stream_ingest.publish that it came with';

CREATE TABLE stream_ingest.publish (
	publish_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	install uuid NOT NULL,
	kind text NOT NULL CHECK (kind IN ('publish', 'rest', 'dropped', 'move')),
	data_source_id bigint NOT NULL,
	supervisor_id text COLLATE "C" NOT NULL,
	task_id text COLLATE "C",
	group_id integer NOT NULL,
	first_seq bigint NOT NULL,
	last_seq bigint NOT NULL,
	partitions integer[] NOT NULL,
	start_offsets bigint[] NOT NULL,
	end_offsets bigint[] NOT NULL,
	counts bigint[] NOT NULL,
	rows bigint NOT NULL,
	segments integer NOT NULL,
	at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX publish_data_source ON stream_ingest.publish (data_source_id, publish_id);
COMMENT ON TABLE stream_ingest.publish IS 'lineage beyond that of deltas: what was published, dropped by a reset, read without a row before partitions were dealt out anew, or moved without reading';
COMMENT ON COLUMN stream_ingest.publish.start_offsets IS 'of a move: the offsets before, -1 where the partition was not read';
COMMENT ON COLUMN stream_ingest.publish.rows IS 'of all its segments, after merging';

CREATE SEQUENCE stream_ingest.segment_id_seq;
COMMENT ON SEQUENCE stream_ingest.segment_id_seq IS 'numbers of segments';
CREATE SEQUENCE stream_ingest.run_id_seq;
COMMENT ON SEQUENCE stream_ingest.run_id_seq IS 'numbers of worker runs, the first part of the names of the files they write';

CREATE TABLE stream_ingest.tombstone (
	install uuid NOT NULL,
	file text COLLATE "C" NOT NULL,
	removed_by xid8 NOT NULL,
	bytes bigint NOT NULL,
	removed timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (install, file)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE stream_ingest.tombstone IS 'chunk files that no new snapshot sees, waiting for the old snapshots that might';

CREATE TABLE stream_ingest.rejected_message (
	rejected_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	supervisor_id text COLLATE "C" NOT NULL,
	install uuid NOT NULL,
	topic text NOT NULL,
	partition integer NOT NULL,
	"offset" bigint NOT NULL,
	at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	error_type text NOT NULL CHECK (error_type IN ('unparseable', 'processedWithError', 'thrownAway')),
	reason text NOT NULL,
	more_reasons text[],
	payload_bytes bigint NOT NULL,
	payload bytea
);
CREATE INDEX rejected_message_supervisor ON stream_ingest.rejected_message (supervisor_id, rejected_id);
COMMENT ON TABLE stream_ingest.rejected_message IS 'messages with something wrong, kept in the transaction of their neighbours; bounded per supervisor';
COMMENT ON COLUMN stream_ingest.rejected_message.more_reasons IS 'what else is wrong in it, at most 31 reasons; null: nothing';
COMMENT ON COLUMN stream_ingest.rejected_message.payload IS 'the first bytes of the message, up to stream_ingest.rejected_payload_limit';

CREATE TABLE stream_ingest.rejected_dropped (
	supervisor_id text COLLATE "C" NOT NULL,
	install uuid NOT NULL,
	topic text NOT NULL,
	partition integer NOT NULL,
	messages bigint NOT NULL,
	first_offset bigint NOT NULL,
	last_offset bigint NOT NULL,
	PRIMARY KEY (supervisor_id, topic, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE stream_ingest.rejected_dropped IS 'rejected messages that exceeded the bounds of rejected_message: how many, from which offset to which';

CREATE TABLE stream_ingest.discovered_column (
	data_source_id bigint NOT NULL,
	name text COLLATE "C" NOT NULL,
	install uuid NOT NULL,
	type text NOT NULL,
	first_seen timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	attached boolean NOT NULL DEFAULT false,
	retype boolean NOT NULL DEFAULT false,
	problem text,
	PRIMARY KEY (data_source_id, name)
);
COMMENT ON TABLE stream_ingest.discovered_column IS 'dimensions met in the stream, and columns of changed specs; the overlord widens the foreign table by them';
COMMENT ON COLUMN stream_ingest.discovered_column.retype IS 'the column is there and is to get this type';

CREATE UNLOGGED TABLE stream_ingest.supervisor_status (
	supervisor_id text COLLATE "C" PRIMARY KEY,
	install uuid NOT NULL,
	state text NOT NULL,
	detailed_state text NOT NULL,
	healthy boolean NOT NULL,
	note text,
	recent_errors json NOT NULL,
	partitions integer[],
	earliest_offsets bigint[],
	latest_offsets bigint[],
	offsets_updated timestamptz,
	updated timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
) WITH (fillfactor = 20);
COMMENT ON TABLE stream_ingest.supervisor_status IS 'what the overlord last knew: states, errors and the ends of the stream; made anew after a crash';

CREATE UNLOGGED TABLE stream_ingest.waiting_task (
	position integer PRIMARY KEY,
	supervisor_id text COLLATE "C" NOT NULL,
	group_id integer NOT NULL,
	since timestamptz NOT NULL,
	install uuid NOT NULL
);
COMMENT ON TABLE stream_ingest.waiting_task IS 'reading tasks that wait for a process slot, in order; written by the overlord';

REVOKE ALL ON ALL TABLES IN SCHEMA stream_ingest FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA stream_ingest FROM PUBLIC;
