--
-- Druid's SQL functions, with its meaning: times in UTC unless a zone is
-- named, whatever TimeZone says; periods of ISO 8601; patterns of Joda-Time.
-- What depends on a named time zone is immutable, as AT TIME ZONE is.
--

CREATE FUNCTION @extschema@.time_floor(t timestamptz, period text) RETURNS timestamptz
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_time_floor';
COMMENT ON FUNCTION @extschema@.time_floor(timestamptz, text) IS 'the begin of the period (PT1H, P1D, P3M, ...) in which a time lies, in UTC';

CREATE FUNCTION @extschema@.time_floor(t timestamptz, period text, origin timestamptz, timezone text DEFAULT 'UTC') RETURNS timestamptz
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_time_floor';
COMMENT ON FUNCTION @extschema@.time_floor(timestamptz, text, timestamptz, text) IS 'the same, with periods that are counted from an origin (null: the epoch), and those of days and more in a time zone';

CREATE FUNCTION @extschema@.time_ceil(t timestamptz, period text) RETURNS timestamptz
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_time_ceil';
COMMENT ON FUNCTION @extschema@.time_ceil(timestamptz, text) IS 'the end of the period in which a time lies, in UTC; a time at the begin of a period is its own';

CREATE FUNCTION @extschema@.time_ceil(t timestamptz, period text, origin timestamptz, timezone text DEFAULT 'UTC') RETURNS timestamptz
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_time_ceil';
COMMENT ON FUNCTION @extschema@.time_ceil(timestamptz, text, timestamptz, text) IS 'the same, with an origin (null: the epoch) and a time zone';

CREATE FUNCTION @extschema@.time_shift(t timestamptz, period text, step integer, timezone text DEFAULT 'UTC') RETURNS timestamptz
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_sql_time_shift';
COMMENT ON FUNCTION @extschema@.time_shift(timestamptz, text, integer, text) IS 'a time moved by so many periods; days and more move the calendar of the time zone';

CREATE FUNCTION @extschema@.time_extract(t timestamptz, unit text DEFAULT 'EPOCH', timezone text DEFAULT 'UTC') RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_sql_time_extract';
COMMENT ON FUNCTION @extschema@.time_extract(timestamptz, text, text) IS 'a part of a time: EPOCH, SECOND, MINUTE, HOUR, DAY, DOW (Monday is 1), DOY, WEEK, MONTH, QUARTER, YEAR, ...; null of infinity';

CREATE FUNCTION @extschema@.time_format(t timestamptz, pattern text DEFAULT NULL, timezone text DEFAULT 'UTC') RETURNS text
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_time_format';
COMMENT ON FUNCTION @extschema@.time_format(timestamptz, text, text) IS 'a time as text, by a pattern of Joda-Time (null: ISO 8601)';

CREATE FUNCTION @extschema@.time_parse(input text, pattern text DEFAULT NULL, timezone text DEFAULT 'UTC') RETURNS timestamptz
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_time_parse';
COMMENT ON FUNCTION @extschema@.time_parse(text, text, text) IS 'the time that a text says, by a pattern of Joda-Time (null: ISO 8601); null when it cannot be read. The zone is of texts that say none';

CREATE FUNCTION @extschema@.time_in_interval(t timestamptz, "interval" text) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_time_in_interval';
COMMENT ON FUNCTION @extschema@.time_in_interval(timestamptz, text) IS 'whether a time lies in an interval of ISO 8601 (start/end, start/period, period/end) in UTC; its end is outside';

CREATE FUNCTION @extschema@.millis_to_timestamp(ms bigint) RETURNS timestamptz
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_millis_to_timestamp';
COMMENT ON FUNCTION @extschema@.millis_to_timestamp(bigint) IS 'milliseconds since 1970 as a time; infinity beyond the range of timestamptz';

CREATE FUNCTION @extschema@.timestamp_to_millis(t timestamptz) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_timestamp_to_millis';
COMMENT ON FUNCTION @extschema@.timestamp_to_millis(timestamptz) IS 'a time as milliseconds since 1970; infinity is the last time of Druid';

--
-- Aggregates.  What they are made of is in schema stream_ingest.
--

CREATE FUNCTION stream_ingest.earliest_add(state internal, value anyelement, at timestamptz) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_earliest_add';
COMMENT ON FUNCTION stream_ingest.earliest_add(internal, anyelement, timestamptz) IS 'of the aggregate earliest';
CREATE FUNCTION stream_ingest.latest_add(state internal, value anyelement, at timestamptz) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_latest_add';
COMMENT ON FUNCTION stream_ingest.latest_add(internal, anyelement, timestamptz) IS 'of the aggregate latest';
CREATE FUNCTION stream_ingest.earliest_combine(a internal, b internal) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_earliest_combine';
COMMENT ON FUNCTION stream_ingest.earliest_combine(internal, internal) IS 'of the aggregate earliest';
CREATE FUNCTION stream_ingest.latest_combine(a internal, b internal) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_latest_combine';
COMMENT ON FUNCTION stream_ingest.latest_combine(internal, internal) IS 'of the aggregate latest';
CREATE FUNCTION stream_ingest.by_time_serialize(state internal) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_by_time_serialize';
COMMENT ON FUNCTION stream_ingest.by_time_serialize(internal) IS 'of the aggregates earliest and latest';
CREATE FUNCTION stream_ingest.by_time_deserialize(bytes bytea, state internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_by_time_deserialize';
COMMENT ON FUNCTION stream_ingest.by_time_deserialize(bytea, internal) IS 'of the aggregates earliest and latest';
CREATE FUNCTION stream_ingest.by_time_value(state internal, value anyelement, at timestamptz) RETURNS anyelement
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_by_time_value';
COMMENT ON FUNCTION stream_ingest.by_time_value(internal, anyelement, timestamptz) IS 'of the aggregates earliest and latest';

CREATE AGGREGATE @extschema@.earliest(value anyelement, at timestamptz) (
	SFUNC = stream_ingest.earliest_add, STYPE = internal, FINALFUNC = stream_ingest.by_time_value, FINALFUNC_EXTRA,
	COMBINEFUNC = stream_ingest.earliest_combine, SERIALFUNC = stream_ingest.by_time_serialize,
	DESERIALFUNC = stream_ingest.by_time_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE @extschema@.earliest(anyelement, timestamptz) IS 'the value of the row with the least time';
CREATE AGGREGATE @extschema@.earliest_by(value anyelement, at timestamptz) (
	SFUNC = stream_ingest.earliest_add, STYPE = internal, FINALFUNC = stream_ingest.by_time_value, FINALFUNC_EXTRA,
	COMBINEFUNC = stream_ingest.earliest_combine, SERIALFUNC = stream_ingest.by_time_serialize,
	DESERIALFUNC = stream_ingest.by_time_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE @extschema@.earliest_by(anyelement, timestamptz) IS 'the value of the row with the least time';
CREATE AGGREGATE @extschema@.latest(value anyelement, at timestamptz) (
	SFUNC = stream_ingest.latest_add, STYPE = internal, FINALFUNC = stream_ingest.by_time_value, FINALFUNC_EXTRA,
	COMBINEFUNC = stream_ingest.latest_combine, SERIALFUNC = stream_ingest.by_time_serialize,
	DESERIALFUNC = stream_ingest.by_time_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE @extschema@.latest(anyelement, timestamptz) IS 'the value of the row with the greatest time';
CREATE AGGREGATE @extschema@.latest_by(value anyelement, at timestamptz) (
	SFUNC = stream_ingest.latest_add, STYPE = internal, FINALFUNC = stream_ingest.by_time_value, FINALFUNC_EXTRA,
	COMBINEFUNC = stream_ingest.latest_combine, SERIALFUNC = stream_ingest.by_time_serialize,
	DESERIALFUNC = stream_ingest.by_time_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE @extschema@.latest_by(anyelement, timestamptz) IS 'the value of the row with the greatest time';

CREATE FUNCTION stream_ingest.distinct_add(state internal, value anyelement) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_distinct_add';
COMMENT ON FUNCTION stream_ingest.distinct_add(internal, anyelement) IS 'of the aggregate approx_count_distinct';
CREATE FUNCTION stream_ingest.distinct_combine(a internal, b internal) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_distinct_combine';
COMMENT ON FUNCTION stream_ingest.distinct_combine(internal, internal) IS 'of the aggregate approx_count_distinct';
CREATE FUNCTION stream_ingest.distinct_serialize(state internal) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_distinct_serialize';
COMMENT ON FUNCTION stream_ingest.distinct_serialize(internal) IS 'of the aggregate approx_count_distinct';
CREATE FUNCTION stream_ingest.distinct_deserialize(bytes bytea, state internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_distinct_deserialize';
COMMENT ON FUNCTION stream_ingest.distinct_deserialize(bytea, internal) IS 'of the aggregate approx_count_distinct';
CREATE FUNCTION stream_ingest.distinct_estimate(state internal) RETURNS bigint
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'si_distinct_estimate';
COMMENT ON FUNCTION stream_ingest.distinct_estimate(internal) IS 'of the aggregate approx_count_distinct';

CREATE AGGREGATE @extschema@.approx_count_distinct(value anyelement) (
	SFUNC = stream_ingest.distinct_add, STYPE = internal, SSPACE = 1024, FINALFUNC = stream_ingest.distinct_estimate,
	COMBINEFUNC = stream_ingest.distinct_combine, SERIALFUNC = stream_ingest.distinct_serialize,
	DESERIALFUNC = stream_ingest.distinct_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE @extschema@.approx_count_distinct(anyelement)
	IS 'the number of different values that are not null: exact up to 1,024, then with a standard error of 0.8 %';
