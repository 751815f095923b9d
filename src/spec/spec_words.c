/*
 * spec_words.c
 *		The words that fields of type word take, and the look-ups in both
 *		tables, by name and by nearness.
 *
 * Does not look at a spec.
 */
#include "postgres.h"

#include <ctype.h>

#include "spec/consumer_properties.h"
#include "spec/fields.h"
#include "utils/varlena.h"

#define SCHEMA	"spec.dataSchema"
#define FORMAT	"spec.ioConfig.inputFormat.type"
#define PARSE	SCHEMA ".parser.parseSpec.format"
#define METRIC	SCHEMA ".metricsSpec[].type"
#define FILTER	SCHEMA ".transformSpec.filter"
#define TRANSFORM SCHEMA ".transformSpec.transforms[].type"
#define DIM		SCHEMA ".dimensionsSpec.dimensions[]"
#define INDEX	"spec.tuningConfig.indexSpec"

#define ONLY_JSON	"Supported are json, csv, tsv, regex, lines and kafka."
#define BATCH_ONLY	"A format of files, not of messages."
#define SIMPLE_METRICS "Supported are count, {long,float,double}{Sum,Min,Max} and {long,float,double,string}{First,Last,Any}."
#define AT_QUERY	"An aggregator of queries, not of ingestion."
#define DISTINCT	"There are no sketches: make the field a dimension, and count(DISTINCT ...) answers exactly."
#define QUANTILES	"There are no sketches: make the field a dimension, and percentile_cont(...) answers exactly."
#define COMPRESSION(field) \
	{INDEX "." field, "lz4", SI_USED, NULL}, {INDEX "." field, "lzf", SI_USED, NULL}, \
	{INDEX "." field, "zstd", SI_USED, NULL}, {INDEX "." field, "uncompressed", SI_USED, NULL}, \
	{INDEX "." field, "none", SI_USED, NULL}

const SiWord si_spec_words[] = {
	{"type", "kafka", SI_USED, "Apache Kafka."},
	{"type", "kinesis", SI_LATER, "Supported is kafka."},
	{"type", "rabbit", SI_LATER, "Supported is kafka."},
	{"type", "autocompact", SI_LATER, "Supported is kafka."},
	{"type", "scheduled_batch", SI_LATER, "Supported is kafka."},
	{"spec.ioConfig.type", "kafka", SI_USED, NULL},
	{"spec.tuningConfig.type", "kafka", SI_USED, NULL},
	{"spec.ioConfig.autoScalerConfig.autoScalerStrategy", "lagBased", SI_USED, "by samples of the lag"},
	{"spec.ioConfig.autoScalerConfig.autoScalerStrategy", "costBased", SI_NO_EFFECT, "Weighs the cost of idle task slots, of which there are none here: lagBased is used, with its defaults."},
	{"spec.ioConfig.autoScalerConfig.lagAggregate", "SUM", SI_USED, NULL},
	{"spec.ioConfig.autoScalerConfig.lagAggregate", "MAX", SI_USED, NULL},
	{"spec.ioConfig.autoScalerConfig.lagAggregate", "AVERAGE", SI_USED, NULL},

	{DIM ".type", "string", SI_USED, NULL},
	{DIM ".type", "long", SI_USED, NULL},
	{DIM ".type", "float", SI_USED, NULL},
	{DIM ".type", "double", SI_USED, NULL},
	{DIM ".type", "auto", SI_USED, "the type of its values: long, double, string or json"},
	{DIM ".type", "json", SI_USED, "any value, as jsonb"},
	{DIM ".type", "spatial", SI_LATER, "Supported are string, long, float, double, auto and json."},
	{DIM ".multiValueType", "text", SI_USED, "text; a cell of several values shows as [\"a\",\"b\"]"},
	{DIM ".multiValueType", "array", SI_USED, "text[]; a cell of one value is an array of one"},
	{DIM ".multiValueHandling", "SORTED_ARRAY", SI_USED, "sorted, with doubles"},
	{DIM ".multiValueHandling", "SORTED_SET", SI_USED, "sorted, without doubles"},
	{DIM ".multiValueHandling", "ARRAY", SI_USED, "as it came"},

	{METRIC, "count", SI_USED, "number of rows"},
	{METRIC, "longSum", SI_USED, NULL},
	{METRIC, "longMin", SI_USED, NULL},
	{METRIC, "longMax", SI_USED, NULL},
	{METRIC, "floatSum", SI_USED, NULL},
	{METRIC, "floatMin", SI_USED, NULL},
	{METRIC, "floatMax", SI_USED, NULL},
	{METRIC, "doubleSum", SI_USED, NULL},
	{METRIC, "doubleMin", SI_USED, NULL},
	{METRIC, "doubleMax", SI_USED, NULL},
	{METRIC, "longFirst", SI_USED, "value of the smallest time"},
	{METRIC, "longLast", SI_USED, "value of the largest time"},
	{METRIC, "floatFirst", SI_USED, "value of the smallest time"},
	{METRIC, "floatLast", SI_USED, "value of the largest time"},
	{METRIC, "doubleFirst", SI_USED, "value of the smallest time"},
	{METRIC, "doubleLast", SI_USED, "value of the largest time"},
	{METRIC, "stringFirst", SI_USED, "value of the smallest time"},
	{METRIC, "stringLast", SI_USED, "value of the largest time"},
	{METRIC, "hyperUnique", SI_LATER, DISTINCT},
	{METRIC, "cardinality", SI_LATER, DISTINCT},
	{METRIC, "filtered", SI_USED, "another aggregator, of the rows that a filter lets through"},
	{METRIC, "expression", SI_LATER, SIMPLE_METRICS},
	{METRIC, "javascript", SI_LATER, SIMPLE_METRICS},
	{METRIC, "longAny", SI_USED, "a value that is not null"},
	{METRIC, "floatAny", SI_USED, "a value that is not null"},
	{METRIC, "doubleAny", SI_USED, "a value that is not null"},
	{METRIC, "stringAny", SI_USED, "a value that is not null"},
	{METRIC, "doubleMean", SI_LATER, AT_QUERY},
	{METRIC, "grouping", SI_LATER, AT_QUERY},
	{METRIC, "singleValue", SI_LATER, AT_QUERY},
	{METRIC, "HLLSketchBuild", SI_LATER, DISTINCT},
	{METRIC, "HLLSketchMerge", SI_LATER, DISTINCT},
	{METRIC, "thetaSketch", SI_LATER, DISTINCT},
	{METRIC, "quantilesDoublesSketch", SI_LATER, QUANTILES},
	{METRIC, "arrayOfDoublesSketch", SI_LATER, DISTINCT},
	{METRIC, "KllDoublesSketch", SI_LATER, QUANTILES},
	{METRIC, "KllFloatsSketch", SI_LATER, QUANTILES},
	{METRIC, "momentSketch", SI_LATER, QUANTILES},
	{METRIC, "tDigestSketch", SI_LATER, QUANTILES},
	{METRIC, "bloom", SI_LATER, SIMPLE_METRICS},
	{METRIC, "approxHistogram", SI_LATER, QUANTILES},
	{METRIC, "approxHistogramFold", SI_LATER, QUANTILES},
	{METRIC, "fixedBucketsHistogram", SI_LATER, QUANTILES},
	{METRIC, "variance", SI_LATER, "Make the field a dimension, and var_pop(...) or var_samp(...) answers."},
	{METRIC, "timeMin", SI_LATER, SIMPLE_METRICS},
	{METRIC, "timeMax", SI_LATER, SIMPLE_METRICS},
	{METRIC, "compressedBigDecimal", SI_LATER, SIMPLE_METRICS},
	{METRIC, "spectatorHistogram", SI_LATER, SIMPLE_METRICS},
	{METRIC, "spectatorDistribution", SI_LATER, SIMPLE_METRICS},
	{METRIC, "spectatorTimer", SI_LATER, SIMPLE_METRICS},

	{TRANSFORM, "expression", SI_USED, "Druid's expression language"},
	{TRANSFORM, "sql", SI_USED, "PostgreSQL's: fields are columns of type text, __time is a timestamptz; needs quotes where SQL does"},
	{FILTER ".type", "and", SI_USED, NULL},
	{FILTER ".type", "or", SI_USED, NULL},
	{FILTER ".type", "not", SI_USED, NULL},
	{FILTER ".type", "selector", SI_USED, NULL},
	{FILTER ".type", "in", SI_USED, NULL},
	{FILTER ".type", "bound", SI_USED, NULL},
	{FILTER ".type", "like", SI_USED, NULL},
	{FILTER ".type", "regex", SI_USED, NULL},
	{FILTER ".type", "interval", SI_USED, NULL},
	{FILTER ".type", "null", SI_USED, NULL},
	{FILTER ".type", "equals", SI_USED, NULL},
	{FILTER ".type", "inType", SI_USED, NULL},
	{FILTER ".type", "range", SI_USED, NULL},
	{FILTER ".type", "expression", SI_USED, NULL},
	{FILTER ".type", "true", SI_USED, NULL},
	{FILTER ".type", "false", SI_USED, NULL},
	{FILTER ".type", "isTrue", SI_USED, NULL},
	{FILTER ".type", "isFalse", SI_USED, NULL},
	{FILTER ".type", "search", SI_USED, NULL},
	{FILTER ".type", "columnComparison", SI_USED, NULL},
	{FILTER ".type", "extraction", SI_USED, "older form of a selector with an extractionFn"},
	{FILTER ".type", "arrayContainsElement", SI_USED, NULL},
	{FILTER ".type", "javascript", SI_LATER, "There is no JavaScript here: take a filter of type expression."},
	{FILTER ".type", "spatial", SI_LATER, "Take filters of type range on the coordinates."},
	{FILTER ".type", "bloom", SI_LATER, "Druid's serialised bloom filters are not read: take a filter of type in with the values."},
	{FILTER ".ordering", "lexicographic", SI_USED, "by bytes"},
	{FILTER ".ordering", "alphanumeric", SI_USED, "runs of digits as numbers"},
	{FILTER ".ordering", "numeric", SI_USED, "as numbers; what is none comes before all numbers"},
	{FILTER ".ordering", "strlen", SI_USED, "by length"},
	{FILTER ".ordering", "version", SI_USED, "as versions of software"},

	{SCHEMA ".granularitySpec.type", "uniform", SI_USED, NULL},
	{SCHEMA ".granularitySpec.type", "arbitrary", SI_NO_EFFECT, "Segments of a stream are always of equal length."},
	{SCHEMA ".granularitySpec.segmentGranularity.type", "period", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity.type", "duration", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity.type", "none", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity.type", "all", SI_USED, NULL},
	/* names of granularities are words of the field itself */
	{SCHEMA ".granularitySpec.segmentGranularity", "NONE", SI_USED, "no truncation; for queryGranularity only"},
	{SCHEMA ".granularitySpec.segmentGranularity", "ALL", SI_USED, "one bucket for all time"},
	{SCHEMA ".granularitySpec.segmentGranularity", "SECOND", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "MINUTE", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "FIVE_MINUTE", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "TEN_MINUTE", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "FIFTEEN_MINUTE", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "THIRTY_MINUTE", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "HOUR", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "SIX_HOUR", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "EIGHT_HOUR", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "DAY", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "WEEK", SI_USED, "begins on Monday"},
	{SCHEMA ".granularitySpec.segmentGranularity", "MONTH", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "QUARTER", SI_USED, NULL},
	{SCHEMA ".granularitySpec.segmentGranularity", "YEAR", SI_USED, NULL},

	{SCHEMA ".parser.type", "string", SI_USED, NULL},
	{SCHEMA ".parser.type", "map", SI_LATER, ONLY_JSON},
	{SCHEMA ".parser.type", "avro_stream", SI_LATER, ONLY_JSON},
	{SCHEMA ".parser.type", "protobuf", SI_LATER, ONLY_JSON},
	{SCHEMA ".parser.type", "thrift", SI_LATER, ONLY_JSON},
	{SCHEMA ".parser.type", "influx", SI_LATER, ONLY_JSON},
	{PARSE, "json", SI_USED, NULL},
	{PARSE, "jsonLowercase", SI_LATER, "Names of fields are taken as they are. Use json."},
	{PARSE, "csv", SI_USED, NULL},
	{PARSE, "tsv", SI_USED, NULL},
	{PARSE, "regex", SI_USED, NULL},
	{PARSE, "javascript", SI_LATER, ONLY_JSON},
	{PARSE, "avro", SI_LATER, ONLY_JSON},
	{PARSE, "timeAndDims", SI_LATER, "It names no format: it is for rows that something else has parsed."},
	{PARSE, "protobuf", SI_LATER, ONLY_JSON},

	{"spec.ioConfig.inputFormat.flattenSpec.fields[].type", "root", SI_USED, "a field of the root"},
	{"spec.ioConfig.inputFormat.flattenSpec.fields[].type", "path", SI_USED, "a JSONPath"},
	{"spec.ioConfig.inputFormat.flattenSpec.fields[].type", "jq", SI_USED, "an expression of jq"},
	{"spec.ioConfig.inputFormat.flattenSpec.fields[].type", "tree", SI_USED, "names one below the other"},

	{"spec.ioConfig.inputFormat.headerFormat.type", "string", SI_USED, NULL},
	{FORMAT, "json", SI_USED, NULL},
	{FORMAT, "csv", SI_USED, NULL},
	{FORMAT, "tsv", SI_USED, NULL},
	{FORMAT, "regex", SI_USED, NULL},
	{FORMAT, "lines", SI_USED, NULL},
	{FORMAT, "avro_stream", SI_LATER, ONLY_JSON},
	{FORMAT, "protobuf", SI_LATER, ONLY_JSON},
	{FORMAT, "thrift", SI_LATER, ONLY_JSON},
	{FORMAT, "kafka", SI_USED, NULL},
	{FORMAT, "kinesis", SI_LATER, ONLY_JSON},
	{FORMAT, "avro_ocf", SI_LATER, BATCH_ONLY},
	{FORMAT, "orc", SI_LATER, BATCH_ONLY},
	{FORMAT, "parquet", SI_LATER, BATCH_ONLY},
	{FORMAT, "druid_segment", SI_LATER, BATCH_ONLY},
	{FORMAT, "delta", SI_LATER, BATCH_ONLY},

	COMPRESSION("dimensionCompression"),
	COMPRESSION("metricCompression"),
	COMPRESSION("jsonCompression"),
	COMPRESSION("complexMetricCompression"),
	{INDEX ".stringDictionaryEncoding.type", "utf8", SI_NO_EFFECT, NULL},
	{INDEX ".stringDictionaryEncoding.type", "frontCoded", SI_NO_EFFECT, NULL},
	{"spec.tuningConfig.segmentWriteOutMediumFactory.type", "tmpFile", SI_NO_EFFECT, NULL},
	{"spec.tuningConfig.segmentWriteOutMediumFactory.type", "offHeapMemory", SI_NO_EFFECT, NULL},
	{"spec.tuningConfig.segmentWriteOutMediumFactory.type", "onHeapMemory", SI_NO_EFFECT, NULL},
	{INDEX ".longEncoding", "longs", SI_NO_EFFECT, NULL},
	{INDEX ".longEncoding", "auto", SI_NO_EFFECT, NULL},
};

const int	si_spec_nwords = lengthof(si_spec_words);

/* What other systems call a word of ours. */
static const struct
{
	const char *path;
	const char *other;
	const char *word;
}			synonyms[] = {
	{DIM ".type", "int", "long"},
	{DIM ".type", "integer", "long"},
	{DIM ".type", "bigint", "long"},
	{DIM ".type", "number", "double"},
	{DIM ".type", "numeric", "double"},
	{DIM ".type", "real", "float"},
	{DIM ".type", "boolean", "string"},
	{DIM ".type", "text", "string"},
	{DIM ".type", "varchar", "string"},
	{DIM ".type", "object", "json"},
	{DIM ".type", "jsonb", "json"},
	{METRIC, "sum", "longSum"},
	{METRIC, "min", "longMin"},
	{METRIC, "max", "longMax"},
	{METRIC, "first", "longFirst"},
	{METRIC, "last", "longLast"},
	{METRIC, "any", "stringAny"},
};

const char *
si_spec_members(const SiField *field)
{
	return field->same_as ? field->same_as : field->path;
}

const char *
si_spec_member_name(const char *parent, const char *path)
{
	size_t		len = strlen(parent);

	if (len > 0)
	{
		if (strncmp(path, parent, len) != 0 || path[len] != '.')
			return NULL;
		path += len + 1;
	}
	return strpbrk(path, ".[") == NULL ? path : NULL;
}

const SiField *
si_spec_field(const char *parent, const char *name)
{
	for (int i = 0; i < si_spec_nfields; i++)
	{
		const char *member = si_spec_member_name(parent, si_spec_fields[i].path);

		if (member && strcmp(member, name) == 0)
			return &si_spec_fields[i];
	}
	return NULL;
}

const char *
si_spec_place_of(const char *name)
{
	for (int i = 0; i < si_spec_nfields; i++)
	{
		const char *path = si_spec_fields[i].path;
		const char *last = strrchr(path, '.');

		if (last && strcmp(last + 1, name) == 0 && strncmp(path, "spec.", 5) == 0 &&
			strchr(path, '[') == NULL && strcmp(name, "type") != 0)
			return path;
	}
	return NULL;
}

const SiField *
si_spec_element(const char *list)
{
	size_t		len = strlen(list);

	for (int i = 0; i < si_spec_nfields; i++)
	{
		const char *path = si_spec_fields[i].path;

		if (strncmp(path, list, len) == 0 && strcmp(path + len, "[]") == 0)
			return &si_spec_fields[i];
	}
	return NULL;
}

const SiWord *
si_spec_word(const char *path, const char *word)
{
	for (int i = 0; i < si_spec_nwords; i++)
	{
		if (strcmp(si_spec_words[i].path, path) == 0 &&
			pg_strcasecmp(si_spec_words[i].word, word) == 0)
			return &si_spec_words[i];
	}
	return NULL;
}

const char *
si_field_type_name(SiFieldType type)
{
	switch (type)
	{
		case SI_FIELD_OBJECT:
		case SI_FIELD_MAP:
			return "object";
		case SI_FIELD_LIST:
			return "list";
		case SI_FIELD_DIMENSION:
			return "string or object";
		case SI_FIELD_GRANULARITY:
			return "granularity";
		case SI_FIELD_STRING:
		case SI_FIELD_WORD:
			return "string";
		case SI_FIELD_BOOL:
			return "boolean";
		case SI_FIELD_INT:
		case SI_FIELD_LONG:
			return "integer";
		case SI_FIELD_REAL:
			return "number";
		case SI_FIELD_PERIOD:
		case SI_FIELD_DURATION:
			return "period";
		case SI_FIELD_INSTANT:
			return "time";
		case SI_FIELD_ANY:
			return "any";
	}
	return "any";
}

const char *
si_field_use_name(SiFieldUse use)
{
	switch (use)
	{
		case SI_USED:
			return "used";
		case SI_NO_EFFECT:
			return "accepted without effect";
		case SI_LATER:
			return "not supported yet";
	}
	return "used";
}

/* Keeps the best candidate so far. */
typedef struct Nearest
{
	const char *wanted;
	const char *best;
	int			distance;
} Nearest;

/*
 * Compares without regard to case.  How far a name may be depends on the
 * shorter of the two: in three letters only one may differ, in one letter none.
 */
static void
consider(Nearest *n, const char *candidate)
{
	char		a[128];
	char		b[128];
	int			alen = (int) strlcpy(a, n->wanted, sizeof(a));
	int			blen = (int) strlcpy(b, candidate, sizeof(b));
	int			shorter = Min(alen, blen);
	int			limit = shorter <= 1 ? 0 : (shorter <= 3 ? 1 : (shorter <= 8 ? 2 : 3));
	int			distance;

	if (alen >= sizeof(a) || blen >= sizeof(b))
		return;
	limit = Min(limit, n->distance - 1);
	if (limit < 0 || abs(alen - blen) > limit)
		return;
	for (char *p = a; *p; p++)
		*p = (char) pg_ascii_tolower((unsigned char) *p);
	for (char *p = b; *p; p++)
		*p = (char) pg_ascii_tolower((unsigned char) *p);
	distance = varstr_levenshtein_less_equal(a, alen, b, blen, 1, 1, 1, limit, true);
	if (distance <= limit)
	{
		n->best = candidate;
		n->distance = distance;
	}
}

const char *
si_spec_nearest_field(const char *parent, const char *name)
{
	Nearest		n = {name, NULL, 100};

	for (int i = 0; i < si_spec_nfields; i++)
	{
		const char *member = si_spec_member_name(parent, si_spec_fields[i].path);

		if (member)
			consider(&n, member);
	}
	return n.best;
}

const char *
si_spec_nearest_property(const char *name)
{
	Nearest		n = {name, NULL, 100};

	for (int i = 0; i < si_nconsumer_properties; i++)
		consider(&n, si_consumer_properties[i].name);
	return n.best;
}

const char *
si_spec_nearest_word(const char *path, const char *word)
{
	Nearest		n = {word, NULL, 100};

	for (int i = 0; i < lengthof(synonyms); i++)
	{
		if (strcmp(synonyms[i].path, path) == 0 && pg_strcasecmp(synonyms[i].other, word) == 0)
			return synonyms[i].word;
	}
	for (int i = 0; i < si_spec_nwords; i++)
	{
		if (strcmp(si_spec_words[i].path, path) == 0)
			consider(&n, si_spec_words[i].word);
	}
	return n.best;
}
