--
-- Offsets that were not read: what the broker no longer had, or never asked
-- for.  src/catalog/gaps.c writes them.
--

CREATE TABLE stream_ingest.offset_gap (
	gap_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	install uuid NOT NULL,
	supervisor_id text COLLATE "C" NOT NULL,
	data_source_id bigint NOT NULL,
	topic text NOT NULL,
	partition integer NOT NULL,
	reason text NOT NULL CHECK (reason IN ('out of range', 'no longer available', 'beyond the end', 'fewer partitions', 'started at the end', 'unknown partition')),
	"offset" bigint,
	earliest bigint,
	latest bigint,
	new_offset bigint,
	skipped bigint,
	at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	ended timestamptz
);
CREATE INDEX offset_gap_supervisor ON stream_ingest.offset_gap (supervisor_id, gap_id);
CREATE INDEX offset_gap_open ON stream_ingest.offset_gap (supervisor_id) WHERE ended IS NULL;
COMMENT ON TABLE stream_ingest.offset_gap IS 'offsets of the stream that were not read, and partitions that wait at one; the newest 1000 of a supervisor';
COMMENT ON COLUMN stream_ingest.offset_gap.partition IS 'see stream_ingest.stream';
COMMENT ON COLUMN stream_ingest.offset_gap."offset" IS 'the next offset that was stored; null when there was none';
COMMENT ON COLUMN stream_ingest.offset_gap.ended IS 'null: the partition is halted there';

REVOKE ALL ON stream_ingest.offset_gap FROM PUBLIC;
