--
-- The view of offset gaps.
--

CREATE VIEW stream_ingest.offset_gaps WITH (security_barrier) AS
SELECT g.supervisor_id,
	d.data_source,
	g.topic,
	g.partition % 65536 AS partition,
	g.reason,
	g.ended IS NULL AS halted,
	g."offset",
	g.earliest,
	g.latest,
	g.new_offset,
	g.skipped,
	g.at,
	g.ended
FROM stream_ingest.offset_gap g
JOIN stream_ingest.visible_data_source d USING (data_source_id);
COMMENT ON VIEW stream_ingest.offset_gaps IS 'offsets that were not read, since the broker had them no longer or reading began at the end, and partitions that are halted at one until they are reset';
COMMENT ON COLUMN stream_ingest.offset_gaps."offset" IS 'the stored next offset; null when there was none yet';
COMMENT ON COLUMN stream_ingest.offset_gaps.earliest IS 'the first offset that the broker had then';
COMMENT ON COLUMN stream_ingest.offset_gaps.latest IS 'the end of the partition then';
COMMENT ON COLUMN stream_ingest.offset_gaps.new_offset IS 'where reading went on by itself; null: halted, or somebody has reset it';
COMMENT ON COLUMN stream_ingest.offset_gaps.skipped IS 'offsets that were not read: messages, and records of the broker''s own';

GRANT SELECT ON stream_ingest.offset_gaps TO PUBLIC;
