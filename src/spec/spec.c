/*
 * spec.c
 *		From the JSON text of a supervisor spec to an SiSpec: see spec.h.
 *
 * Duties: the order of the checks, defaults and simple members by the table,
 * names, and what fields of ioConfig and tuningConfig mean for each other.
 * The walk over members is check.c, dataSchema is spec_schema.c,
 * consumerProperties is properties.c.  Reads no catalog.
 */
#include "postgres.h"

#include "common/granularity.h"
#include "common/stream.h"
#include "mb/pg_wchar.h"
#include "spec/shape.h"

/* Druid's way to say never. */
#define NEVER_PERIOD	(INT64CONST(2147483647) * 86400000)

#define MIN_OFFSET_FETCH_PERIOD	5000
#define MIN_RUN_PERIOD			1000

#define MAX_TOPIC_LEN	249
#define MAX_ID_LEN		255

/* Stores one value of the table into its member of the spec. */
static void
store_member(SiSpec *spec, const SiField *field, const SiJson *value)
{
	char	   *member = (char *) spec + field->offset;
	const char *text;
	int64		n = 0;
	SiReason	why;

	switch (field->type)
	{
		case SI_FIELD_STRING:
			if (si_value_string(value, &text))
				*(char **) member = pstrdup(text);
			return;
		case SI_FIELD_BOOL:
			si_value_bool(value, (bool *) member);
			return;
		case SI_FIELD_REAL:
			si_value_real(value, (double *) member);
			return;
		case SI_FIELD_PERIOD:
		case SI_FIELD_DURATION:
			si_value_period(value, &n, &why);
			break;
		default:
			si_value_int(value, PG_INT64_MIN, PG_INT64_MAX, &n);
			break;
	}
	if (field->size == sizeof(int64))
		*(int64 *) member = n;
	else
		*(int *) member = (int) n;
}

static void
store_members(SiSpec *spec, const SiJson *root)
{
	for (int i = 0; i < si_spec_nfields; i++)
	{
		const SiField *field = &si_spec_fields[i];
		const SiJson *value;

		if (field->offset < 0)
			continue;
		value = si_spec_at(root, field->path);
		if (!si_json_is_null(value) && !(value->kind == SI_JSON_STRING && value->text[0] == '\0'))
			store_member(spec, field, value);
		else if (field->deflt)
			store_member(spec, field, si_json_parse(field->deflt));
	}
}

/* Refuses names that no path, URL or table of Druid's tools could carry. */
static void
check_name(const char *name, const char *path, int max_len)
{
	const char *what = NULL;

	if (name[0] == '.')
		what = "It must not begin with a dot.";
	else if (strchr(name, '/'))
		what = "It must not contain a slash.";
	else if (strlen(name) > max_len)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 err_generic_string(PG_DIAG_COLUMN_NAME, path),
				 errmsg("invalid value for %s: \"%s\"", path, name),
				 errdetail("It is %d bytes long; at most %d are possible.", (int) strlen(name), max_len)));
	for (const unsigned char *p = (const unsigned char *) name; *p && what == NULL; p++)
	{
		if (*p >= '\t' && *p <= '\r')
			what = "It must not contain white space other than spaces.";
		else if (*p < ' ' || *p == 0x7f)
			what = "It must not contain control characters.";
	}
	if (what)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 err_generic_string(PG_DIAG_COLUMN_NAME, path),
				 errmsg("invalid value for %s: \"%s\"", path, name),
				 errdetail("%s", what)));
}

static void
check_topic(const SiSpec *spec, const SiJson *io, const char *prefix)
{
	char	   *path = psprintf("%sioConfig.topic", prefix);
	size_t		len;

	if (spec->topic == NULL && spec->topic_pattern == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is missing", path),
				 errdetail("Either topic or topicPattern must be specified"),
				 errhint("Name the Kafka topic to read, or give a topicPattern.")));
	if (spec->topic && spec->topic_pattern)
		si_spec_error(psprintf("%sioConfig.topicPattern", prefix), si_json_get(io, "topicPattern"),
					  psprintf("Only one of topic [%s] or topicPattern [%s] must be specified",
							   spec->topic, spec->topic_pattern), "Remove one of the two.");
	if (spec->topic_pattern)
	{
		SiReason	why;
		SiTopicPattern *p = si_topic_pattern_create(spec->topic_pattern, &why);

		if (p == NULL)
			si_spec_error(psprintf("%sioConfig.topicPattern", prefix), si_json_get(io, "topicPattern"),
						  psprintf("Expected a regular expression: %s.", why.text), NULL);
		si_topic_pattern_free(p);
		return;
	}
	len = strlen(spec->topic);
	if (len > MAX_TOPIC_LEN || strcmp(spec->topic, ".") == 0 || strcmp(spec->topic, "..") == 0 ||
		strspn(spec->topic, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != len)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for %s: \"%s\"", path, spec->topic),
				 errdetail("The name of a Kafka topic has letters, digits, \".\", \"_\" and \"-\", and at most %d of them.", MAX_TOPIC_LEN)));
}

/* Periods and times that decide which rows are thrown away. */
static void
build_rejection(SiSpec *spec, const SiJson *io, const char *prefix)
{
	const SiJson *late = si_json_get(io, "lateMessageRejectionPeriod");
	const SiJson *start = si_json_get(io, "lateMessageRejectionStartDateTime");
	const SiJson *early = si_json_get(io, "earlyMessageRejectionPeriod");
	SiReason	why;

	if (!si_json_is_null(late) && !si_json_is_null(start))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%sioConfig has both lateMessageRejectionPeriod and lateMessageRejectionStartDateTime", prefix),
				 errhint("Remove one of the two.")));
	if (!si_json_is_null(late))
		spec->has_late_period = si_value_period(late, &spec->late_period, &why);
	if (!si_json_is_null(start))
		spec->has_late_start = si_value_instant(start, &spec->late_start, &why);
	if (!si_json_is_null(early))
		spec->has_early_period = si_value_period(early, &spec->early_period, &why);
}

static void
build_io(SiSpec *spec, const SiSpecShape *shape, bool trusted, SiSpecFindings *findings)
{
	const SiJson *io = si_spec_at(shape->root, "spec.ioConfig");
	int64		n,
				sum = 0;
	const SiJson *priorities = si_json_get(io, "serverPriorityToReplicas");
	char	   *properties_path = psprintf("%sioConfig.consumerProperties", shape->prefix);

	SI_CHECKED(findings, psprintf("%sioConfig.topic", shape->prefix), check_topic(spec, io, shape->prefix));
	SI_CHECKED(findings, psprintf("%sioConfig.lateMessageRejectionPeriod", shape->prefix),
			   build_rejection(spec, io, shape->prefix));
	si_spec_scaling(spec, io, shape->prefix, findings);
	SI_CHECKED(findings, properties_path,
			   si_spec_properties(spec, si_json_get(io, "consumerProperties"), properties_path, trusted, findings));

	for (int i = 0; !si_json_is_empty(priorities) && i < priorities->n; i++)
	{
		if (si_value_int(priorities->items[i], 0, PG_INT32_MAX, &n))
			sum += n;
	}
	if (!si_json_is_empty(priorities) && sum != spec->replicas)
		si_spec_error(psprintf("%sioConfig.serverPriorityToReplicas", shape->prefix), priorities,
					  psprintf("The numbers must add up to replicas, %d.", spec->replicas), NULL);

	spec->task_duration = Max(spec->task_duration, 0);
	spec->start_delay = Max(spec->start_delay, 0);
	spec->completion_timeout = Max(spec->completion_timeout, 0);
	spec->period = Max(spec->period, MIN_RUN_PERIOD);
}

static void
build_tuning(SiSpec *spec, const SiSpecShape *shape)
{
	const SiJson *tuning = si_spec_at(shape->root, "spec.tuningConfig");
	const SiJson *total = si_json_get(tuning, "maxTotalRows");
	const SiJson *handoff = si_json_get(tuning, "intermediateHandoffPeriod");
	const SiJson *report = si_json_get(tuning, "reportParseExceptions");
	bool		strict_rows = false;
	SiReason	why;

	spec->max_total_rows = -1;
	if (!si_json_is_null(total))
		si_value_int(total, PG_INT64_MIN, PG_INT64_MAX, &spec->max_total_rows);
	if (spec->max_total_rows == 0 || spec->max_total_rows < -1)
		si_spec_error(psprintf("%stuningConfig.maxTotalRows", shape->prefix), total,
					  "Expected a positive integer, or -1 for no limit.", NULL);
	if (spec->max_total_rows == -1)
		spec->max_total_rows = PG_INT64_MAX;

	if (spec->max_rows_per_segment == 0)
		si_spec_error(psprintf("%stuningConfig.maxRowsPerSegment", shape->prefix),
					  si_json_get(tuning, "maxRowsPerSegment"),
					  "Expected a positive integer, or -1 for the default.", NULL);
	if (spec->max_rows_per_segment == -1)
		spec->max_rows_per_segment = 5000000;

	spec->intermediate_handoff_period = PG_INT64_MAX;
	if (!si_json_is_null(handoff))
		si_value_period(handoff, &spec->intermediate_handoff_period, &why);
	if (spec->intermediate_handoff_period >= NEVER_PERIOD)
		spec->intermediate_handoff_period = PG_INT64_MAX;

	if (!si_json_is_null(report))
		si_value_bool(report, &strict_rows);
	if (strict_rows)
	{
		spec->max_parse_exceptions = 0;
		spec->max_saved_parse_exceptions = Min(spec->max_saved_parse_exceptions, 1);
	}
	/* Druid takes these; none of them can mean less than the smallest step. */
	spec->max_parse_exceptions = Max(spec->max_parse_exceptions, 0);
	spec->max_rows_in_memory = Max(spec->max_rows_in_memory, 1);
	spec->offset_fetch_period = Max(spec->offset_fetch_period, MIN_OFFSET_FETCH_PERIOD);
	spec->intermediate_persist_period = Max(spec->intermediate_persist_period, 0);
}

/* Walks the spec as it was given; sections that spec overrules are left out. */
static void
check_given(const SiJson *given, SiSpecFindings *findings)
{
	static const char *const old_sections[] = {"dataSchema", "ioConfig", "tuningConfig"};
	SiJson	   *root = si_json_shallow_copy(given);
	SiJson	   *inner = si_json_get(given, "spec");

	if (inner && inner->kind == SI_JSON_OBJECT)
	{
		for (int i = 0; i < lengthof(old_sections); i++)
		{
			if (si_json_get(root, old_sections[i]))
				si_json_set(root, old_sections[i], si_json_null());
		}
	}
	si_check_members(findings, root, "", "");
}

static void
check_sections(const SiSpecShape *shape)
{
	static const char *const required[] = {"dataSchema", "ioConfig"};

	for (int i = 0; i < lengthof(required); i++)
	{
		char	   *path = psprintf("spec.%s", required[i]);

		if (si_spec_at(shape->root, path)->n == 0)
			si_spec_missing(psprintf("%s%s", shape->prefix, required[i]),
							"A spec has the parts dataSchema, ioConfig and tuningConfig.");
	}
}

static bool
is_strict(const SiJson *root)
{
	const SiJson *strict = si_spec_at(root, "context.strict");
	bool		value = false;

	if (!si_json_is_null(strict))
		si_value_bool(strict, &value);
	return value;
}

/* What was given, on its way to an SiSpec. */
typedef struct Parse
{
	const SiJson *given;
	bool		quiet;
	SiSpecShape shape;
	SiSpecFindings findings;
	SiSpec	   *spec;
} Parse;

static void
check_type(Parse *p)
{
	if (si_json_is_empty(si_json_get(p->given, "type")))
		si_spec_missing("type", "Write \"type\": \"kafka\".");
}

static void
build_names(Parse *p)
{
	SiSpec	   *spec = p->spec;
	char	   *path = psprintf("%sdataSchema.dataSource", p->shape.prefix);
	const SiJson *id = si_json_get(p->shape.root, "id");
	const char *text;

	if (!si_json_is_empty(id) && si_value_string(id, &text))
	{
		check_name(text, "id", MAX_ID_LEN);
		spec->id = pstrdup(text);
	}
	if (spec->data_source == NULL)
		si_spec_missing(path, "Name the data source.");
	check_name(spec->data_source, path, NAMEDATALEN - 1);
	if (spec->id == NULL)
		spec->id = spec->data_source;
}

/* All checks in their order; each goes on where the former left off. */
static void
parse(Parse *p)
{
	SiSpecFindings *f = &p->findings;
	const char *prefix;

	si_spec_shape(p->given, &p->shape, f);
	prefix = p->shape.prefix;
	SI_CHECKED(f, "type", check_type(p));
	SI_CHECKED(f, "", check_given(p->given, f));
	SI_CHECKED(f, "spec", check_sections(&p->shape));
	store_members(p->spec, p->shape.root);
	SI_CHECKED(f, "id", build_names(p));
	si_spec_schema(p->spec, &p->shape, f);
	SI_CHECKED(f, psprintf("%sioConfig", prefix), build_io(p->spec, &p->shape, p->quiet, f));
	SI_CHECKED(f, p->shape.format_path, si_spec_format(p->spec, &p->shape, f));
	SI_CHECKED(f, psprintf("%stuningConfig", prefix), build_tuning(p->spec, &p->shape));
	si_spec_index(p->spec, &p->shape, p->quiet);
}

SiSpec *
si_spec_parse(const char *json, bool quiet)
{
	Parse		p = {.quiet = quiet};

	p.given = si_json_parse(json);
	p.spec = palloc0(sizeof(SiSpec));
	si_findings_init(&p.findings);
	parse(&p);
	si_findings_report(&p.findings, is_strict(p.shape.root), quiet);
	if (!quiet)
	{
		if (si_json_is_empty(si_spec_at(p.shape.root, "spec.ioConfig.inputFormat")))
			ereport(NOTICE,
					(errmsg("%s is not given: messages are read as JSON", p.shape.format_path)));
		si_spec_note_rollup(p.spec, &p.shape);
	}
	return p.spec;
}

SiSpec *
si_spec_validate(const char *json, List **problems)
{
	Parse		p = {.quiet = false};

	p.spec = palloc0(sizeof(SiSpec));
	si_findings_init(&p.findings);
	p.findings.collect = true;
	SI_CHECKED(&p.findings, "", p.given = si_json_parse(json));
	if (p.given)
		SI_CHECKED(&p.findings, "", parse(&p));
	if (p.shape.root)
		SI_CHECKED(&p.findings, "", si_findings_report(&p.findings, is_strict(p.shape.root), true));
	*problems = p.findings.problems;
	return *problems ? NULL : p.spec;
}
