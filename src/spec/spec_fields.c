/*
 * spec_fields.c
 *		The one table of spec fields: see fields.h.
 *
 * Duties: the rows, in the order in which they are echoed, and nothing that
 * looks at a spec.  A field that a spec may carry and that is missing here is
 * unknown to the whole extension.  Words of fields are in spec_words.c.
 */
#include "postgres.h"

#include "spec/fields.h"
#include "spec/spec.h"

#define ANY_NUMBER	0, 0
#define NONE		-1, 0
#define AT(member)	offsetof(SiSpec, member), sizeof(((SiSpec *) 0)->member)

/* help of fields that mean nothing in a server that has no such part */
#define NO_HTTP		"Tasks are processes of this server; nothing calls them over HTTP."
#define NO_SEGMENT_FILES "Segments are written in this extension's own format, which chooses encodings by itself."
#define KINESIS		"Belongs to Amazon Kinesis; this supervisor reads Apache Kafka."
#define AUTOSCALER	"The number of tasks is fixed by taskCount."

/* A row without number range, member of SiSpec or shared members. */
#define ROW(path, type, use, deflt, help) \
	{path, SI_FIELD_##type, use, deflt, NONE, ANY_NUMBER, NULL, help}
#define MEMBER(path, type, deflt, member, help) \
	{path, SI_FIELD_##type, SI_USED, deflt, AT(member), ANY_NUMBER, NULL, help}
#define NUMBER(path, type, deflt, member, min, max, help) \
	{path, SI_FIELD_##type, SI_USED, deflt, AT(member), min, max, NULL, help}
#define SAME(path, as, help) \
	{path, SI_FIELD_OBJECT, SI_USED, NULL, NONE, ANY_NUMBER, as, help}

#define SCHEMA	"spec.dataSchema"
#define IO		"spec.ioConfig"
#define TUNING	"spec.tuningConfig"
#define FORMAT	IO ".inputFormat"
#define PARSE	SCHEMA ".parser.parseSpec"

const SiField si_spec_fields[] = {
	ROW("type", WORD, SI_USED, "\"kafka\"", "Kind of the stream."),
	ROW("id", STRING, SI_USED, NULL, "Name of the supervisor, one per database. Default: dataSource."),
	ROW("spec", OBJECT, SI_USED, NULL, "The three parts of the spec. They may also stand one level higher, as in old releases; spec wins."),

	/* dataSchema */
	ROW(SCHEMA, OBJECT, SI_USED, NULL, "What a row looks like."),
	MEMBER(SCHEMA ".dataSource", STRING, NULL, data_source, "Name of the data source and of its foreign table, at most 63 bytes. Required."),
	ROW(SCHEMA ".timestampSpec", OBJECT, SI_USED, NULL, "Where a row's time comes from."),
	MEMBER(SCHEMA ".timestampSpec.column", STRING, "\"timestamp\"", timestamp_column, "Field that holds the time."),
	MEMBER(SCHEMA ".timestampSpec.format", STRING, "\"auto\"", timestamp_format, "auto, iso, posix, millis, micro, nano, ruby, or a Joda pattern."),
	ROW(SCHEMA ".timestampSpec.missingValue", INSTANT, SI_USED, "null", "Time of rows whose time field is missing or null."),
	ROW(SCHEMA ".dimensionsSpec", OBJECT, SI_USED, NULL, "Which fields become dimensions."),
	ROW(SCHEMA ".dimensionsSpec.dimensions", LIST, SI_USED, "[]", "Dimensions, in sort order. Empty: every field that is not excluded."),
	ROW(SCHEMA ".dimensionsSpec.dimensions[]", DIMENSION, SI_USED, NULL, "A name (a string dimension) or an object."),
	ROW(SCHEMA ".dimensionsSpec.dimensions[].type", WORD, SI_USED, "\"string\"", "Type of the column."),
	ROW(SCHEMA ".dimensionsSpec.dimensions[].name", STRING, SI_USED, NULL, "Field and column. Required."),
	ROW(SCHEMA ".dimensionsSpec.dimensions[].multiValueHandling", WORD, SI_USED, "\"SORTED_ARRAY\"", "How an array in a string dimension is kept."),
	ROW(SCHEMA ".dimensionsSpec.dimensions[].createBitmapIndex", BOOL, SI_USED, "true", "Whether published segments have a bitmap per value."),
	{SCHEMA ".dimensionsSpec.dimensions[].maxStringLength", SI_FIELD_INT, SI_USED, NULL, NONE, 1, PG_INT32_MAX, NULL, "Characters that are kept of a longer value; arrays are kept whole. Default: all."},
	ROW(SCHEMA ".dimensionsSpec.dimensionExclusions", LIST, SI_USED, "[]", "Fields that are never discovered."),
	ROW(SCHEMA ".dimensionsSpec.dimensionExclusions[]", STRING, SI_USED, NULL, "Name of a field."),
	MEMBER(SCHEMA ".dimensionsSpec.includeAllDimensions", BOOL, "false", discover, "Discover dimensions besides those listed."),
	ROW(SCHEMA ".dimensionsSpec.useSchemaDiscovery", BOOL, SI_LATER, "false", "Discovered dimensions get the type of their values. Without it they are strings."),
	ROW(SCHEMA ".dimensionsSpec.forceSegmentSortByTime", BOOL, SI_NO_EFFECT, NULL, "Rows are always sorted by time first."),
	ROW(SCHEMA ".dimensionsSpec.spatialDimensions", LIST, SI_LATER, NULL, "Coordinates with a spatial index. List them as double dimensions instead."),
	ROW(SCHEMA ".metricsSpec", LIST, SI_USED, "[]", "Aggregators; each is a column."),
	ROW(SCHEMA ".metricsSpec[]", OBJECT, SI_USED, NULL, "One aggregator."),
	ROW(SCHEMA ".metricsSpec[].type", WORD, SI_USED, NULL, "Kind of the aggregator. Required."),
	ROW(SCHEMA ".metricsSpec[].name", STRING, SI_USED, NULL, "Column. Required."),
	ROW(SCHEMA ".metricsSpec[].fieldName", STRING, SI_USED, NULL, "Field that is aggregated. Required but for count."),
	ROW(SCHEMA ".metricsSpec[].timeColumn", STRING, SI_USED, NULL, "Field with the times, in milliseconds, that First and Last go by. Default: __time, the row's time before it is truncated."),
	{SCHEMA ".metricsSpec[].maxStringBytes", SI_FIELD_INT, SI_USED, NULL, NONE, 0, PG_INT32_MAX, NULL, "Bytes of UTF-8 that a string metric keeps of a value; whole characters. Default: 1024."},
	ROW(SCHEMA ".metricsSpec[].aggregateMultipleValues", BOOL, SI_NO_EFFECT, NULL, "An array is one value, kept as JSON text."),
	ROW(SCHEMA ".metricsSpec[].expression", STRING, SI_LATER, NULL, "Expression that is aggregated. Use fieldName."),
	ROW(SCHEMA ".metricsSpec[].fields", LIST, SI_LATER, NULL, "Several fields as input. Use fieldName."),
	ROW(SCHEMA ".metricsSpec[].filter", OBJECT, SI_LATER, NULL, "Filter of an aggregator."),
	ROW(SCHEMA ".granularitySpec", OBJECT, SI_USED, NULL, "Segments and rollup."),
	ROW(SCHEMA ".granularitySpec.type", WORD, SI_USED, "\"uniform\"", "Segments of equal length."),
	ROW(SCHEMA ".granularitySpec.segmentGranularity", GRANULARITY, SI_USED, "\"DAY\"", "Time that one segment covers."),
	ROW(SCHEMA ".granularitySpec.segmentGranularity.type", WORD, SI_USED, NULL, "Kind of the granularity."),
	ROW(SCHEMA ".granularitySpec.segmentGranularity.period", STRING, SI_USED, NULL, "ISO 8601 period of a period granularity."),
	ROW(SCHEMA ".granularitySpec.segmentGranularity.timeZone", STRING, SI_USED, "\"UTC\"", "Time zone of a period granularity."),
	ROW(SCHEMA ".granularitySpec.segmentGranularity.origin", INSTANT, SI_USED, "null", "Time at which a bucket begins."),
	ROW(SCHEMA ".granularitySpec.segmentGranularity.duration", LONG, SI_USED, NULL, "Milliseconds of a duration granularity."),
	{SCHEMA ".granularitySpec.queryGranularity", SI_FIELD_GRANULARITY, SI_USED, "{\"type\": \"none\"}", NONE, ANY_NUMBER, SCHEMA ".granularitySpec.segmentGranularity", "What times are truncated to; at most segmentGranularity. Same members as segmentGranularity."},
	MEMBER(SCHEMA ".granularitySpec.rollup", BOOL, "true", rollup, "Merge rows of equal time and dimensions."),
	ROW(SCHEMA ".granularitySpec.intervals", LIST, SI_NO_EFFECT, NULL, "A stream is not limited to intervals."),
	ROW(SCHEMA ".granularitySpec.timezone", STRING, SI_LATER, NULL, "Removed from Druid long ago: use a granularity of type period with a timeZone."),
	ROW(SCHEMA ".transformSpec", OBJECT, SI_LATER, NULL, "Transforms and filters of rows."),
	ROW(SCHEMA ".projections", LIST, SI_NO_EFFECT, NULL, "Materialised aggregates make queries faster and change no answer."),
	ROW(SCHEMA ".projectionsSpec", ANY, SI_NO_EFFECT, NULL, "Materialised aggregates make queries faster and change no answer."),
	ROW(SCHEMA ".parser", OBJECT, SI_USED, NULL, "Older form of timestampSpec, dimensionsSpec and inputFormat."),
	ROW(SCHEMA ".parser.type", WORD, SI_USED, NULL, "Kind of the parser."),
	ROW(SCHEMA ".parser.encoding", STRING, SI_NO_EFFECT, NULL, "JSON is UTF-8."),
	ROW(PARSE, OBJECT, SI_USED, NULL, "What the parser reads."),
	ROW(PARSE ".format", WORD, SI_USED, NULL, "As ioConfig.inputFormat.type."),
	SAME(PARSE ".timestampSpec", SCHEMA ".timestampSpec", "As dataSchema.timestampSpec."),
	SAME(PARSE ".dimensionsSpec", SCHEMA ".dimensionsSpec", "As dataSchema.dimensionsSpec."),
	SAME(PARSE ".flattenSpec", FORMAT ".flattenSpec", "As ioConfig.inputFormat.flattenSpec."),
	ROW(PARSE ".featureSpec", ANY, SI_LATER, NULL, "Lenient reading of JSON."),
	ROW(PARSE ".keepNullColumns", BOOL, SI_NO_EFFECT, NULL, "A column that only holds nulls takes no space."),
	ROW(PARSE ".columns", LIST, SI_NO_EFFECT, NULL, "JSON names its own fields."),
	ROW(PARSE ".listDelimiter", STRING, SI_NO_EFFECT, NULL, "JSON has lists of its own."),
	ROW(PARSE ".delimiter", STRING, SI_NO_EFFECT, NULL, "JSON has no delimiter."),

	/* ioConfig */
	ROW(IO, OBJECT, SI_USED, NULL, "Where messages come from and how tasks run."),
	ROW(IO ".type", WORD, SI_USED, NULL, "Kind of the stream, as the type of the supervisor."),
	MEMBER(IO ".topic", STRING, NULL, topic, "Kafka topic. This or topicPattern is required."),
	MEMBER(IO ".topicPattern", STRING, NULL, topic_pattern, "Regular expression (Java's syntax) that the whole name of a topic matches; topics that come later are read, too."),
	ROW(FORMAT, OBJECT, SI_USED, NULL, "Format of messages. Required unless dataSchema.parser says it."),
	ROW(FORMAT ".type", WORD, SI_USED, "\"json\"", "Name of the format."),
	ROW(FORMAT ".flattenSpec", OBJECT, SI_USED, NULL, "Fields taken from inside of nested objects."),
	ROW(FORMAT ".flattenSpec.useFieldDiscovery", BOOL, SI_LATER, "true", "Whether root fields are seen without being listed."),
	ROW(FORMAT ".flattenSpec.fields", LIST, SI_LATER, "[]", "Paths into nested objects."),
	ROW(FORMAT ".featureSpec", ANY, SI_LATER, NULL, "Lenient reading of JSON."),
	ROW(FORMAT ".keepNullColumns", BOOL, SI_NO_EFFECT, NULL, "A column that only holds nulls takes no space."),
	ROW(FORMAT ".assumeNewlineDelimited", BOOL, SI_LATER, "false", "Bad lines of a message are dropped one by one. Without it a message is taken or rejected as a whole."),
	ROW(FORMAT ".useJsonNodeReader", BOOL, SI_LATER, "false", "Rows before a broken one are kept. Without it a message is taken or rejected as a whole."),
	ROW(IO ".consumerProperties", MAP, SI_USED, NULL, "Properties of the Kafka client. bootstrap.servers is required. Values may be password providers."),
	NUMBER(IO ".pollTimeout", LONG, "100", poll_timeout, 0, PG_INT64_MAX, "Milliseconds that a task waits for messages at a time."),
	{IO ".replicas", SI_FIELD_INT, SI_NO_EFFECT, "1", AT(replicas), ANY_NUMBER, NULL, "Every partition is read once; replicas of the data are the business of PostgreSQL's replication."},
	{IO ".serverPriorityToReplicas", SI_FIELD_MAP, SI_NO_EFFECT, NULL, NONE, ANY_NUMBER, NULL, "Every partition is read once, on this server."},
	NUMBER(IO ".taskCount", INT, "1", task_count, 1, PG_INT32_MAX, "Number of reading tasks; partitions are dealt out among them."),
	MEMBER(IO ".taskDuration", DURATION, "\"PT1H\"", task_duration, "Time after which rows read are published as segments."),
	MEMBER(IO ".startDelay", DURATION, "\"PT5S\"", start_delay, "Time from submission to the first task."),
	MEMBER(IO ".period", DURATION, "\"PT30S\"", period, "Time between two looks at partitions and tasks."),
	MEMBER(IO ".useEarliestOffset", BOOL, "false", use_earliest_offset, "Begin at the oldest message when no offset is stored; otherwise at the newest."),
	ROW(IO ".useEarliestSequenceNumber", BOOL, SI_NO_EFFECT, NULL, "Has no effect for Kafka, in Druid either: useEarliestOffset decides."),
	MEMBER(IO ".completionTimeout", DURATION, "\"PT30M\"", completion_timeout, "Time that publishing may take."),
	ROW(IO ".lateMessageRejectionPeriod", DURATION, SI_USED, "null", "Rows older than the task's start by more than that are thrown away."),
	ROW(IO ".lateMessageRejectionStartDateTime", INSTANT, SI_USED, "null", "Rows older than that are thrown away."),
	ROW(IO ".earlyMessageRejectionPeriod", DURATION, SI_USED, "null", "Rows younger than the task's end by more than that are thrown away."),
	{IO ".stopTaskCount", SI_FIELD_INT, SI_NO_EFFECT, NULL, NONE, 1, PG_INT32_MAX, NULL, "Tasks go on reading while they publish."},
	ROW(IO ".autoScalerConfig", OBJECT, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.enableTaskAutoScaler", BOOL, SI_LATER, "false", "A number of tasks that follows the load. Set taskCount."),
	ROW(IO ".autoScalerConfig.autoScalerStrategy", STRING, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.taskCountMax", INT, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.taskCountMin", INT, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.taskCountStart", INT, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.minTriggerScaleActionFrequencyMillis", LONG, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.minScaleUpDelay", PERIOD, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.minScaleDownDelay", PERIOD, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.stopTaskCountRatio", REAL, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.lagCollectionIntervalMillis", LONG, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.lagCollectionRangeMillis", LONG, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.scaleActionStartDelayMillis", LONG, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.scaleActionPeriodMillis", LONG, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.scaleOutThreshold", LONG, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.scaleInThreshold", LONG, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.triggerScaleOutFractionThreshold", REAL, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.triggerScaleInFractionThreshold", REAL, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.scaleOutStep", INT, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.scaleInStep", INT, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.lagAggregate", STRING, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.lagWeight", REAL, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.idleWeight", REAL, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.useTaskCountBoundariesOnScaleUp", BOOL, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.useTaskCountBoundariesOnScaleDown", BOOL, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.scaleDownDuringTaskRolloverOnly", BOOL, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.criticalLagThreshold", LONG, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".autoScalerConfig.highLagCostFactor", REAL, SI_NO_EFFECT, NULL, AUTOSCALER),
	ROW(IO ".lagAggregator", MAP, SI_NO_EFFECT, NULL, "Lag is shown per partition, as sum and as maximum."),
	ROW(IO ".configOverrides", MAP, SI_LATER, NULL, "Changes of the consumer's configuration. Use consumerProperties."),
	ROW(IO ".idleConfig", OBJECT, SI_NO_EFFECT, NULL, "Tasks of a quiet topic stay; they cost one sleeping process."),
	ROW(IO ".idleConfig.enabled", BOOL, SI_NO_EFFECT, "false", "Whether a supervisor may become idle."),
	ROW(IO ".idleConfig.inactiveAfterMillis", LONG, SI_NO_EFFECT, "600000", "Time without messages after which it does."),
	ROW(IO ".emitTimeLagMetrics", BOOL, SI_NO_EFFECT, NULL, "There is no metrics emitter; lag is in the views."),
	ROW(IO ".boundedStreamConfig", MAP, SI_LATER, NULL, "A range of offsets that ends."),
	ROW(IO ".stream", STRING, SI_NO_EFFECT, NULL, "Druid echoes the topic under this name; topic decides."),
	ROW(IO ".endpoint", STRING, SI_NO_EFFECT, NULL, KINESIS),
	ROW(IO ".fetchDelayMillis", INT, SI_NO_EFFECT, NULL, KINESIS),
	ROW(IO ".awsAssumedRoleArn", STRING, SI_NO_EFFECT, NULL, KINESIS),
	ROW(IO ".awsExternalId", STRING, SI_NO_EFFECT, NULL, KINESIS),
	ROW(IO ".recordsPerFetch", INT, SI_NO_EFFECT, NULL, KINESIS),
	ROW(IO ".deaggregate", BOOL, SI_NO_EFFECT, NULL, KINESIS),

	/* tuningConfig */
	ROW(TUNING, OBJECT, SI_USED, NULL, "Memory, hand-off and bad rows."),
	ROW(TUNING ".type", WORD, SI_USED, "\"kafka\"", "Kind of the stream, as the type of the supervisor."),
	{TUNING ".maxRowsInMemory", SI_FIELD_INT, SI_USED, "1000000", AT(max_rows_in_memory), ANY_NUMBER, NULL, "Rows, after rollup, at which a task commits at the latest."},
	NUMBER(TUNING ".maxBytesInMemory", LONG, "0", max_bytes_in_memory, -1, PG_INT64_MAX, "Bytes at which a task commits at the latest. 0: stream_ingest.task_memory, -1: no limit."),
	ROW(TUNING ".skipBytesInMemoryOverheadCheck", BOOL, SI_NO_EFFECT, NULL, "Memory is counted as it is allocated."),
	{TUNING ".maxRowsPerSegment", SI_FIELD_INT, SI_USED, "5000000", AT(max_rows_per_segment), -1, PG_INT32_MAX, NULL, "Rows of one segment at which the rows so far are published. -1: the default."},
	ROW(TUNING ".maxTotalRows", LONG, SI_USED, "null", "Rows of all segments at which the rows so far are published. Null or -1: no limit."),
	MEMBER(TUNING ".intermediatePersistPeriod", PERIOD, "\"PT10M\"", intermediate_persist_period, "Time after which the small chunks of commits are merged."),
	ROW(TUNING ".intermediateHandoffPeriod", PERIOD, SI_USED, "\"P2147483647D\"", "Time after which the rows so far are published."),
	NUMBER(TUNING ".maxPendingPersists", INT, "0", max_pending_persists, 0, PG_INT32_MAX, "Merges that may wait besides the one that runs before reading waits."),
	ROW(TUNING ".numPersistThreads", INT, SI_NO_EFFECT, NULL, "Merges run in processes of their own; max_worker_processes bounds them."),
	ROW(TUNING ".indexSpec", OBJECT, SI_NO_EFFECT, NULL, NO_SEGMENT_FILES),
	ROW(TUNING ".indexSpec.bitmap", ANY, SI_NO_EFFECT, NULL, "Bitmaps are always roaring."),
	ROW(TUNING ".indexSpec.dimensionCompression", WORD, SI_NO_EFFECT, NULL, NO_SEGMENT_FILES),
	ROW(TUNING ".indexSpec.metricCompression", WORD, SI_NO_EFFECT, NULL, NO_SEGMENT_FILES),
	ROW(TUNING ".indexSpec.longEncoding", WORD, SI_NO_EFFECT, NULL, NO_SEGMENT_FILES),
	ROW(TUNING ".indexSpec.stringDictionaryEncoding", ANY, SI_NO_EFFECT, NULL, NO_SEGMENT_FILES),
	ROW(TUNING ".indexSpec.jsonCompression", WORD, SI_NO_EFFECT, NULL, NO_SEGMENT_FILES),
	ROW(TUNING ".indexSpec.complexMetricCompression", WORD, SI_NO_EFFECT, NULL, NO_SEGMENT_FILES),
	ROW(TUNING ".indexSpec.segmentLoader", ANY, SI_NO_EFFECT, NULL, NO_SEGMENT_FILES),
	ROW(TUNING ".indexSpec.autoColumnFormatSpec", ANY, SI_NO_EFFECT, NULL, NO_SEGMENT_FILES),
	{TUNING ".indexSpecForIntermediatePersists", SI_FIELD_OBJECT, SI_NO_EFFECT, NULL, NONE, ANY_NUMBER, TUNING ".indexSpec", NO_SEGMENT_FILES},
	ROW(TUNING ".reportParseExceptions", BOOL, SI_USED, "false", "Older form of maxParseExceptions 0."),
	MEMBER(TUNING ".logParseExceptions", BOOL, "false", log_parse_exceptions, "Whether every bad row is also written to the server's log."),
	{TUNING ".maxParseExceptions", SI_FIELD_INT, SI_USED, "2147483647", AT(max_parse_exceptions), ANY_NUMBER, NULL, "Number of bad rows that a task group survives."},
	NUMBER(TUNING ".maxSavedParseExceptions", INT, "0", max_saved_parse_exceptions, 0, PG_INT32_MAX, "Bad rows that Druid keeps in memory. Here the view rejected_messages keeps them, within the limits of the settings."),
	ROW(TUNING ".handoffConditionTimeout", LONG, SI_NO_EFFECT, NULL, "Segments are queried from where they were written: there is no hand-off to wait for."),
	MEMBER(TUNING ".resetOffsetAutomatically", BOOL, "false", reset_offset_automatically, "Whether a partition whose stored offset is gone is begun anew."),
	MEMBER(TUNING ".offsetFetchPeriod", DURATION, "\"PT30S\"", offset_fetch_period, "Time between two questions for the newest offsets; at least PT5S."),
	ROW(TUNING ".workerThreads", INT, SI_NO_EFFECT, NULL, "Supervisors are steps of one process."),
	ROW(TUNING ".chatThreads", INT, SI_NO_EFFECT, NULL, NO_HTTP),
	ROW(TUNING ".chatAsync", BOOL, SI_NO_EFFECT, NULL, NO_HTTP),
	ROW(TUNING ".chatRetries", LONG, SI_NO_EFFECT, NULL, NO_HTTP),
	ROW(TUNING ".httpTimeout", PERIOD, SI_NO_EFFECT, NULL, NO_HTTP),
	ROW(TUNING ".shutdownTimeout", PERIOD, SI_NO_EFFECT, NULL, "A task ends at its next commit."),
	ROW(TUNING ".segmentWriteOutMediumFactory", ANY, SI_NO_EFFECT, NULL, "Segments are written to files straight away."),
	ROW(TUNING ".maxColumnsToMerge", INT, SI_NO_EFFECT, NULL, "A merge works column by column."),
	ROW(TUNING ".releaseLocksOnHandoff", BOOL, SI_NO_EFFECT, NULL, "There are no interval locks."),
	ROW(TUNING ".streamingPartitionsSpec", MAP, SI_NO_EFFECT, NULL, "Segments know the values of every column."),
	ROW(TUNING ".appendableIndexSpec", MAP, SI_NO_EFFECT, NULL, "There is one kind of index in memory."),
	ROW(TUNING ".basePersistDirectory", STRING, SI_NO_EFFECT, NULL, "Files live in the data directory of the server."),
	ROW(TUNING ".buildV9Directly", BOOL, SI_NO_EFFECT, NULL, "Obsolete in Druid too."),
	ROW(TUNING ".dimensionCompressionForIntermediatePersists", STRING, SI_NO_EFFECT, NULL, NO_SEGMENT_FILES),
	ROW(TUNING ".skipSequenceNumberAvailabilityCheck", BOOL, SI_NO_EFFECT, NULL, KINESIS),
	ROW(TUNING ".recordBufferSize", INT, SI_NO_EFFECT, NULL, KINESIS),
	ROW(TUNING ".recordBufferSizeBytes", LONG, SI_NO_EFFECT, NULL, KINESIS),
	ROW(TUNING ".recordBufferOfferTimeout", INT, SI_NO_EFFECT, NULL, KINESIS),
	ROW(TUNING ".recordBufferFullWait", INT, SI_NO_EFFECT, NULL, KINESIS),
	ROW(TUNING ".fetchThreads", INT, SI_NO_EFFECT, NULL, KINESIS),
	ROW(TUNING ".maxRecordsPerPoll", INT, SI_NO_EFFECT, NULL, KINESIS),
	ROW(TUNING ".maxBytesPerPoll", INT, SI_NO_EFFECT, NULL, KINESIS),
	ROW(TUNING ".repartitionTransitionDuration", PERIOD, SI_NO_EFFECT, NULL, KINESIS),
	ROW(TUNING ".useListShards", BOOL, SI_NO_EFFECT, NULL, KINESIS),

	/* the rest of the top level */
	SAME("dataSchema", SCHEMA, "As spec.dataSchema, for specs without spec."),
	SAME("ioConfig", IO, "As spec.ioConfig, for specs without spec."),
	SAME("tuningConfig", TUNING, "As spec.tuningConfig, for specs without spec."),
	ROW("context", OBJECT, SI_USED, "null", "Settings of the supervisor's tasks."),
	ROW("context.strict", BOOL, SI_USED, NULL, "Whether an unknown field is an error."),
	ROW("context.useConcurrentLocks", BOOL, SI_NO_EFFECT, NULL, "There are no interval locks."),
	ROW("context.taskLockType", STRING, SI_NO_EFFECT, NULL, "There are no interval locks."),
	ROW("context.forceTimeChunkLock", BOOL, SI_NO_EFFECT, NULL, "There are no interval locks."),
	ROW("context.useLineageBasedSegmentAllocation", BOOL, SI_NO_EFFECT, NULL, "Segments are not allocated by another service."),
	ROW("context.priority", INT, SI_NO_EFFECT, NULL, "There are no interval locks."),
	ROW("context.storeEmptyColumns", BOOL, SI_NO_EFFECT, NULL, "A listed column exists also while it is empty."),
	ROW("context.checkpoints", ANY, SI_NO_EFFECT, NULL, "Offsets come from the catalog."),
	ROW("context.tags", ANY, SI_NO_EFFECT, NULL, "Kept and echoed; nothing reads it."),
	ROW("context.lookupLoadingMode", STRING, SI_NO_EFFECT, NULL, "There are no lookups to load."),
	MEMBER("suspended", BOOL, "false", suspended, "Whether the supervisor is created suspended."),
};

const int	si_spec_nfields = lengthof(si_spec_fields);
