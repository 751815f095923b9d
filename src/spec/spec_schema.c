/*
 * spec_schema.c
 *		dataSchema: time, dimensions, metrics and granularities that fit
 *		together.
 *
 * The walk of check.c has seen every member before: types are right here.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/heap.h"
#include "format/timestamp.h"
#include "spec/shape.h"

/* Bytes that a string metric keeps of a value unless its spec says otherwise. */
#define DEFAULT_STRING_BYTES	1024

/* A metric column's type and way of combining follow from its name. */
static void
set_metric_kind(SiSpecMetric *m, const char *word)
{
	m->input = SI_METRIC_FIELD;
	if (strcmp(word, "count") == 0)
	{
		m->input = SI_METRIC_COUNT;
		m->type = SI_TYPE_LONG;
		m->agg = SI_AGG_SUM;
		return;
	}
	m->type = strncmp(word, "long", 4) == 0 ? SI_TYPE_LONG :
		strncmp(word, "float", 5) == 0 ? SI_TYPE_FLOAT :
		strncmp(word, "string", 6) == 0 ? SI_TYPE_STRING : SI_TYPE_DOUBLE;
	m->agg = strstr(word, "Sum") ? SI_AGG_SUM : strstr(word, "Min") ? SI_AGG_MIN :
		strstr(word, "First") ? SI_AGG_FIRST : strstr(word, "Last") ? SI_AGG_LAST :
		strstr(word, "Any") ? SI_AGG_ANY : SI_AGG_MAX;
}

/* A required, non-empty string member. */
static char *
required_string(const SiJson *object, const char *name, const char *path, const char *hint)
{
	const SiJson *value = si_json_get(object, name);
	const char *text;

	if (si_json_is_empty(value) || !si_value_string(value, &text))
		si_spec_missing(psprintf("%s.%s", path, name), hint);
	return pstrdup(text);
}

static const char *
word_of(const SiJson *object, const char *member, const char *table_path, const char *deflt)
{
	const SiJson *value = si_json_get(object, member);
	const char *text;
	const SiWord *word;

	if (si_json_is_null(value) || !si_value_string(value, &text))
		return deflt;
	word = si_spec_word(table_path, text);
	return word ? word->word : deflt;
}

static void
duplicate_column(const char *path, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_COLUMN),
			 errmsg("column \"%s\" is specified more than once in %s", name, path),
			 errhint("Every dimension and every metric is a column of its own; give them different names.")));
}

/* Refuses the name that every data source has already, and those that no table can have. */
static void
check_column_name(const char *path, const char *name)
{
	bool		too_long = strlen(name) >= NAMEDATALEN;

	if (too_long || SystemAttributeByName(name) != NULL)
		ereport(ERROR,
				(errcode(too_long ? ERRCODE_NAME_TOO_LONG : ERRCODE_INVALID_NAME),
				 errmsg("column \"%s\" in %s is not possible: %s", name, path,
						too_long ? "the name is longer than 63 bytes" : "the name is that of a system column of PostgreSQL"),
				 errhint("Give it another name; a transform of that name can take the value of the field.")));
	if (strcmp(name, SI_TIME_COLUMN) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("column \"%s\" in %s is the time column", name, path),
				 errhint("timestampSpec says what goes into it; give the column another name.")));
}

/* The type that an auto dimension is given. */
static void
cast_dimension(SiSpecDimension *d, const SiJson *cast, const char *path)
{
	static const struct
	{
		const char *name;
		SiType		type;
	}			types[] = {{"STRING", SI_TYPE_STRING}, {"LONG", SI_TYPE_LONG}, {"FLOAT", SI_TYPE_FLOAT}, {"DOUBLE", SI_TYPE_DOUBLE}};
	const char *text;

	if (!d->automatic || si_json_is_empty(cast) || !si_value_string(cast, &text))
		return;
	d->automatic = false;
	for (int i = 0; i < lengthof(types); i++)
	{
		if (pg_strcasecmp(text, types[i].name) == 0)
		{
			d->type = types[i].type;
			return;
		}
	}
	if (pg_strncasecmp(text, "ARRAY<", 6) != 0 && pg_strcasecmp(text, "COMPLEX<json>") != 0)
		si_spec_error(psprintf("%s.castToType", path), cast,
					  "Expected STRING, LONG, FLOAT, DOUBLE, an ARRAY<...> of these or COMPLEX<json>.", NULL);
	d->json = true;
}

static void
build_dimension(SiSpecDimension *d, const SiJson *node, const char *path)
{
	static const char *const base = "spec.dataSchema.dimensionsSpec.dimensions[]";
	const char *word;
	const char *text;
	int64		length;

	d->type = SI_TYPE_STRING;
	d->multi_value = SI_MULTI_SORTED_ARRAY;
	d->bitmap = true;
	if (node->kind != SI_JSON_OBJECT)
	{
		if (!si_value_string(node, &text) || text[0] == '\0')
			si_spec_error(path, node, "A dimension needs a name.", NULL);
		d->name = pstrdup(text);
		return;
	}
	d->name = required_string(node, "name", path, "A dimension needs a name.");
	word = word_of(node, "type", psprintf("%s.type", base), "string");
	d->type = strcmp(word, "long") == 0 ? SI_TYPE_LONG : strcmp(word, "float") == 0 ? SI_TYPE_FLOAT :
		strcmp(word, "double") == 0 ? SI_TYPE_DOUBLE : SI_TYPE_STRING;
	d->json = strcmp(word, "json") == 0;
	d->automatic = strcmp(word, "auto") == 0;
	cast_dimension(d, si_json_get(node, "castToType"), path);
	d->bitmap = d->type == SI_TYPE_STRING;
	word = word_of(node, "multiValueHandling", psprintf("%s.multiValueHandling", base), "SORTED_ARRAY");
	d->multi_value = strcmp(word, "ARRAY") == 0 ? SI_MULTI_ARRAY :
		strcmp(word, "SORTED_SET") == 0 ? SI_MULTI_SORTED_SET : SI_MULTI_SORTED_ARRAY;
	if (d->type == SI_TYPE_STRING && !d->json && !si_json_is_null(si_json_get(node, "maxStringLength")) &&
		si_value_int(si_json_get(node, "maxStringLength"), 1, PG_INT32_MAX, &length))
		d->max_length = (uint32) length;
	word = word_of(node, "multiValueType", psprintf("%s.multiValueType", base), "text");
	d->array = strcmp(word, "array") == 0;
	if (d->array && (d->type != SI_TYPE_STRING || d->json))
		si_spec_error(psprintf("%s.multiValueType", path), si_json_get(node, "multiValueType"),
					  "Only string dimensions have several values.", "Leave multiValueType out.");
	if (!si_json_is_null(si_json_get(node, "createBitmapIndex")))
		si_value_bool(si_json_get(node, "createBitmapIndex"), &d->bitmap);
}

/* The next dimension, after those before it. */
static void
add_dimension(SiSpec *spec, const SiJson *node, const char *list_path, const char *path, SiSpecFindings *findings)
{
	SiSpecDimension d = {0};

	build_dimension(&d, node, path);
	/* Druid's way to say where the time comes in the order of rows */
	if (strcmp(d.name, SI_TIME_COLUMN) == 0 && d.type == SI_TYPE_LONG)
	{
		si_finding_no_effect(findings, path, "Every table has the column, and rows are always sorted by time first.");
		return;
	}
	check_column_name(list_path, d.name);
	for (int j = 0; j < spec->ndimensions; j++)
	{
		if (strcmp(spec->dimensions[j].name, d.name) == 0)
			duplicate_column(list_path, d.name);
	}
	spec->dimensions[spec->ndimensions++] = d;
}

static void
add_exclusion(SiSpec *spec, const SiJson *node, const char *section_path)
{
	const char *text;

	if (!si_value_string(node, &text))
		si_spec_error(psprintf("%s.dimensionExclusions", section_path), node, "Expected a string.", NULL);
	for (int j = 0; j < spec->ndimensions; j++)
	{
		if (strcmp(spec->dimensions[j].name, text) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("dimension \"%s\" is also in %s.dimensionExclusions", text, section_path),
					 errhint("Remove it from one of the two lists.")));
	}
	spec->exclusions[spec->nexclusions++] = pstrdup(text);
}

static void
try_dimension(SiSpec *spec, const SiJson *node, const char *list_path, const char *path, SiSpecFindings *findings)
{
	SI_CHECKED(findings, path, add_dimension(spec, node, list_path, path, findings));
}

static void
try_exclusion(SiSpec *spec, const SiJson *node, const char *section_path, SiSpecFindings *findings)
{
	SI_CHECKED(findings, psprintf("%s.dimensionExclusions", section_path),
			   add_exclusion(spec, node, section_path));
}

static void
build_dimensions(SiSpec *spec, const SiJson *section, const char *section_path, SiSpecFindings *findings)
{
	const SiJson *list = si_json_get(section, "dimensions");
	const SiJson *exclusions = si_json_get(section, "dimensionExclusions");
	int			n = si_json_is_null(list) ? 0 : list->n;
	char	   *path = psprintf("%s.dimensions", section_path);

	spec->dimensions = palloc0(sizeof(SiSpecDimension) * Max(n, 1));
	for (int i = 0; i < n; i++)
		try_dimension(spec, list->items[i], path, psprintf("%s[%d]", path, i), findings);
	if (n == 0 || spec->schema_discovery)
		spec->discover = true;

	n = si_json_is_null(exclusions) ? 0 : exclusions->n;
	spec->exclusions = palloc0(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
		try_exclusion(spec, exclusions->items[i], section_path, findings);
}

/* timeColumn and maxStringBytes, for those that have them. */
static void
build_metric_options(SiSpecMetric *m, const SiJson *node)
{
	const SiJson *time = si_json_get(node, "timeColumn");
	const SiJson *bytes = si_json_get(node, "maxStringBytes");
	const char *text;
	int64		n;

	if (SI_AGG_BY_TIME(m->agg) && !si_json_is_empty(time) && si_value_string(time, &text) &&
		strcmp(text, SI_TIME_COLUMN) != 0)
		m->time_column = pstrdup(text);
	m->max_string_bytes = DEFAULT_STRING_BYTES;
	if (!si_json_is_null(bytes) && si_value_int(bytes, 0, PG_INT32_MAX, &n))
		m->max_string_bytes = (uint32) n;
}

static void
add_metric(SiSpec *spec, const SiJson *node, const char *list_path, const char *path)
{
	SiSpecMetric m = {0};
	const char *word;

	node = si_spec_unwrap_metric(&m, node, &path);
	word = word_of(node, "type", "spec.dataSchema.metricsSpec[].type", NULL);
	if (word == NULL)
		si_spec_missing(psprintf("%s.type", path), "Write for example {\"type\": \"longSum\", \"name\": \"added\", \"fieldName\": \"added\"}.");
	set_metric_kind(&m, word);
	if (m.name == NULL)
		m.name = required_string(node, "name", path, "A metric needs a name.");
	si_spec_metric_input(&m, node, path);
	if (m.input == SI_METRIC_FIELD && m.field_name == NULL)
		m.field_name = required_string(node, "fieldName", path, "Name the field that is aggregated.");
	build_metric_options(&m, node);
	check_column_name(list_path, m.name);
	for (int j = 0; j < spec->nmetrics; j++)
	{
		if (strcmp(spec->metrics[j].name, m.name) == 0)
			duplicate_column(list_path, m.name);
	}
	for (int j = 0; j < spec->ndimensions; j++)
	{
		if (strcmp(spec->dimensions[j].name, m.name) == 0)
			duplicate_column("the dimensions and metrics", m.name);
	}
	spec->metrics[spec->nmetrics++] = m;
}

static void
try_metric(SiSpec *spec, const SiJson *node, const char *list_path, const char *path, SiSpecFindings *findings)
{
	SI_CHECKED(findings, path, add_metric(spec, node, list_path, path));
}

static void
build_metrics(SiSpec *spec, const SiJson *list, const char *path, SiSpecFindings *findings)
{
	int			n = si_json_is_null(list) ? 0 : list->n;

	spec->metrics = palloc0(sizeof(SiSpecMetric) * Max(n, 1));
	for (int i = 0; i < n; i++)
		try_metric(spec, list->items[i], path, psprintf("%s[%d]", path, i), findings);
	if (spec->ndimensions + spec->nmetrics + 1 > MaxHeapAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("the spec has %d columns", spec->ndimensions + spec->nmetrics + 1),
				 errdetail("A table can have at most %d columns.", MaxHeapAttributeNumber)));
}

/* A granularity by its name, or by a period that has one. */
static void
granularity_from_text(const SiJson *value, const char *path, SiGranularity *g)
{
	const char *nearest;
	SiReason	why;
	SiGranularity named;

	if (si_granularity_from_name(value->text, g))
		return;
	if (si_granularity_from_period(value->text, NULL, 0, false, g, &why))
	{
		if (si_granularity_from_name(g->name, &named))
			return;
		si_spec_error(path, value, "This is not the name of a granularity.",
					  psprintf("Write {\"type\": \"period\", \"period\": \"%s\"}.", value->text));
	}
	nearest = si_spec_nearest_word("spec.dataSchema.granularitySpec.segmentGranularity", value->text);
	si_spec_error(path, value,
				  "Expected NONE, ALL, SECOND, MINUTE, FIVE_MINUTE, TEN_MINUTE, FIFTEEN_MINUTE, THIRTY_MINUTE, HOUR, SIX_HOUR, EIGHT_HOUR, DAY, WEEK, MONTH, QUARTER or YEAR.",
				  nearest ? psprintf("Perhaps you meant \"%s\".", nearest) :
				  "Other lengths are written {\"type\": \"period\", \"period\": \"PT2H\"}.");
}

static void
build_granularity(const SiJson *value, const char *path, SiGranularity *g)
{
	const SiJson *period,
			   *zone,
			   *node;
	const char *type;
	int64		origin = 0;
	int64		duration;
	bool		has_origin;
	SiReason	why = {""};

	if (value->kind != SI_JSON_OBJECT)
	{
		granularity_from_text(value, path, g);
		return;
	}

	period = si_json_get(value, "period");
	zone = si_json_get(value, "timeZone");
	type = word_of(value, "type", "spec.dataSchema.granularitySpec.segmentGranularity.type",
				   si_json_is_null(period) ? NULL : "period");
	if (type == NULL)
		si_spec_missing(psprintf("%s.type", path), "Supported: period, duration, none, all.");
	if (si_granularity_from_name(type, g))
		return;
	has_origin = !si_json_is_null(si_json_get(value, "origin")) &&
		si_value_instant(si_json_get(value, "origin"), &origin, &why);

	if (strcmp(type, "duration") == 0)
	{
		node = si_json_get(value, "duration");
		if (si_json_is_null(node))
			si_spec_missing(psprintf("%s.duration", path), "Give the length in milliseconds.");
		if (!si_value_int(node, 1, PG_INT64_MAX, &duration) ||
			!si_granularity_from_duration(duration, origin, has_origin, g))
			si_spec_error(psprintf("%s.duration", path), node, "Expected a positive number of milliseconds.", NULL);
		return;
	}
	if (si_json_is_empty(period))
		si_spec_missing(psprintf("%s.period", path), "Give an ISO 8601 period, for example PT2H.");
	if (period->kind != SI_JSON_STRING ||
		!si_granularity_from_period(period->text, si_json_is_null(zone) ? NULL : zone->text,
									origin, has_origin, g, &why))
		si_spec_error(path, value, psprintf("%s.", why.text), NULL);
}

/* Length of the bucket of an arbitrary, ordinary time. */
static int64
typical_length(const SiGranularity *g)
{
	SiGranularity copy = *g;
	int64		start = si_granularity_bucket_start(&copy, INT64CONST(1442018818771));
	int64		end = si_granularity_bucket_end(&copy, start);

	return g->kind == SI_GRAN_ALL ? PG_INT64_MAX : end - start;
}

static void
build_granularities(SiSpec *spec, const SiSpecShape *shape, SiSpecFindings *findings)
{
	const SiJson *section = si_spec_at(shape->root, "spec.dataSchema.granularitySpec");
	const SiJson *segment = si_json_get(section, "segmentGranularity");
	const SiJson *query = si_json_get(section, "queryGranularity");
	const SiJson *intervals = si_json_get(section, "intervals");
	char	   *segment_path = psprintf("%sdataSchema.granularitySpec.segmentGranularity", shape->prefix);
	char	   *query_path = psprintf("%sdataSchema.granularitySpec.queryGranularity", shape->prefix);

	for (int i = 0; !si_json_is_null(intervals) && i < intervals->n; i++)
	{
		int64		start,
					end;

		si_spec_interval(intervals->items[i], psprintf("%sdataSchema.granularitySpec.intervals[%d]", shape->prefix, i), &start, &end);
	}
	si_granularity_from_name("DAY", &spec->segment_granularity);
	si_granularity_from_name("NONE", &spec->query_granularity);
	if (!si_json_is_null(segment))
		build_granularity(segment, segment_path, &spec->segment_granularity);
	if (!si_json_is_null(query))
		build_granularity(query, query_path, &spec->query_granularity);

	if (spec->segment_granularity.kind == SI_GRAN_NONE)
		si_spec_error(segment_path, segment, "There would be a segment for every millisecond.",
					  "Take HOUR or DAY.");
	/* as in Druid times stay inside of their segment (index.c) */
	if (typical_length(&spec->query_granularity) > typical_length(&spec->segment_granularity))
		si_finding_no_effect(findings, query_path,
							 "It is longer than segmentGranularity: times are truncated to that.");
	if (spec->query_granularity.kind == SI_GRAN_ALL && spec->segment_granularity.kind == SI_GRAN_ALL)
		si_spec_error(query_path, query, "All rows would have the same time, and none that exists.",
					  "Take YEAR, or a segmentGranularity other than ALL.");
}

static void
check_timestamp(SiSpec *spec, const SiSpecShape *shape)
{
	const SiJson *missing = si_spec_at(shape->root, "spec.dataSchema.timestampSpec.missingValue");
	const SiJson *format = si_spec_at(shape->root, "spec.dataSchema.timestampSpec.format");
	SiTimestampParser *parser;
	SiReason	why = {""};

	if (!si_json_is_empty(missing))
		spec->has_missing_value = si_value_instant(missing, &spec->missing_value, &why);
	parser = si_timestamp_parser_create(spec->timestamp_format, spec->has_missing_value,
										spec->missing_value, &why);
	if (parser == NULL)
		si_spec_error(psprintf("%s.format", shape->timestamp_path), format,
					  psprintf("Expected auto, iso, posix, millis, micro, nano, ruby or a Joda pattern: %s.", why.text), NULL);
	si_timestamp_parser_free(parser);
}

/* Says once what surprises most newcomers. */
void
si_spec_note_rollup(const SiSpec *spec, const SiSpecShape *shape)
{
	const SiJson *rollup = si_spec_at(shape->root, "spec.dataSchema.granularitySpec.rollup");
	char	   *path = psprintf("%sdataSchema.granularitySpec.rollup", shape->prefix);
	const char *count = NULL;

	if (!si_json_is_null(rollup))
		return;
	for (int i = 0; i < spec->nmetrics && count == NULL; i++)
	{
		if (spec->metrics[i].input == SI_METRIC_COUNT)
			count = spec->metrics[i].name;
	}
	if (count)
		ereport(NOTICE,
				(errmsg("%s is not given: rows of equal time and dimensions are merged", path),
				 errdetail("count(*) counts rows after merging; sum(\"%s\") counts events.", count),
				 errhint("Set \"rollup\" to false to keep every event as a row of its own, or to true to keep this silent.")));
	else
		ereport(NOTICE,
				(errmsg("%s is not given: rows of equal time and dimensions are merged", path),
				 errdetail("count(*) counts rows after merging; without a metric of type count the number of events is lost."),
				 errhint("Add {\"type\": \"count\", \"name\": \"count\"} to metricsSpec and use sum(\"count\"), or set \"rollup\" to false.")));
}

void
si_spec_schema(SiSpec *spec, const SiSpecShape *shape, SiSpecFindings *findings)
{
	const SiJson *schema = si_spec_at(shape->root, "spec.dataSchema");
	char	   *metrics_path = psprintf("%sdataSchema.metricsSpec", shape->prefix);

	SI_CHECKED(findings, shape->timestamp_path, check_timestamp(spec, shape));
	SI_CHECKED(findings, shape->dimensions_path,
			   build_dimensions(spec, si_json_get(schema, "dimensionsSpec"), shape->dimensions_path, findings));
	SI_CHECKED(findings, psprintf("%sdataSchema.transformSpec", shape->prefix),
			   si_spec_transforms(spec, shape, findings));
	SI_CHECKED(findings, metrics_path,
			   build_metrics(spec, si_json_get(schema, "metricsSpec"), metrics_path, findings));
	SI_CHECKED(findings, psprintf("%sdataSchema.granularitySpec", shape->prefix),
			   build_granularities(spec, shape, findings));
}
