/*
 * spec_transform.c
 *		transformSpec: transforms and filters, and the metrics that have a
 *		filter or an expression.
 *
 * Expressions of Druid are compiled here; those of type sql are only kept,
 * since PostgreSQL has to look at them in a transaction (src/transform).  The
 * walk of check.c has seen every member before: types are right here.
 */
#include "postgres.h"

#include "common/granularity.h"
#include "format/timestamp.h"
#include "spec/shape.h"
#include "spec/spec_extraction.h"

#define MAX_FILTER_DEPTH	100

/* A filter is built like an expression is compiled: both live with the spec. */
static SiFilter *build_filter(const SiJson *node, const char *path, int depth);

/* ERROR that names the place of an expression and the place in it. */
static SiExpr *
compile(const char *text, const SiJson *value, const char *path)
{
	SiExprError err;
	SiExpr	   *e = si_expr_compile(text, &err);

	if (e == NULL && err.position > 0)
		si_spec_error(path, value, psprintf("At character %d: %s.", err.position, err.text.text),
					  err.hint.text[0] ? err.hint.text : NULL);
	if (e == NULL)
		si_spec_error(path, value, psprintf("%s.", err.text.text), NULL);
	return e;
}

static const SiJson *
member(const SiJson *node, const char *name, const char *path, const char *hint)
{
	const SiJson *value = si_json_get(node, name);

	if (si_json_is_null(value))
		si_spec_missing(psprintf("%s.%s", path, name), hint);
	return value;
}

static char *
string_member(const SiJson *node, const char *name, const char *path, const char *hint)
{
	const SiJson *value = member(node, name, path, hint);
	const char *text;

	if (!si_value_string(value, &text))
		si_spec_error(psprintf("%s.%s", path, name), value, "Expected a string.", NULL);
	return pstrdup(text);
}

static bool
bool_member(const SiJson *node, const char *name)
{
	const SiJson *value = si_json_get(node, name);
	bool		flag = false;

	if (!si_json_is_null(value))
		si_value_bool(value, &flag);
	return flag;
}

static SiFilterText
filter_text(const char *text)
{
	SiFilterText t = {pstrdup(text), (uint32) strlen(text)};

	return t;
}

/* -------------------------------------------------------------- leaf filters */

static void
set_dimension(SiFilter *f, const SiJson *node, const char *name, const char *path)
{
	f->dimension = filter_text(string_member(node, name, path, "Name the field that the filter looks at."));
}

/* Texts of a list, nulls apart. */
static void
set_values(SiFilter *f, const SiJson *list, const char *path)
{
	if (list->kind != SI_JSON_ARRAY)
		si_spec_error(path, list, "Expected a list.", NULL);
	f->values = palloc(sizeof(SiFilterText) * Max(list->n, 1));
	for (int i = 0; i < list->n; i++)
	{
		const char *text;

		if (si_json_is_null(list->items[i]))
			f->has_null = true;
		else if (si_value_string(list->items[i], &text))
			f->values[f->nvalues++] = filter_text(text);
		else
			si_spec_error(psprintf("%s[%d]", path, i), list->items[i], "Expected a string or a number.", NULL);
	}
}

static void
set_selector(SiFilter *f, const SiJson *value, const char *path)
{
	const char *text;

	f->values = palloc(sizeof(SiFilterText));
	if (si_json_is_null(value))
		f->has_null = true;
	else if (si_value_string(value, &text))
		f->values[f->nvalues++] = filter_text(text);
	else
		si_spec_error(path, value, "Expected a string, a number or null.", NULL);
}

/* A bound that is there; its text. */
static bool
get_bound(const SiJson *node, const char *name, const char *path, SiFilterText *bound)
{
	const SiJson *value = si_json_get(node, name);
	const char *text;

	if (si_json_is_null(value))
		return false;
	if (!si_value_string(value, &text))
		si_spec_error(psprintf("%s.%s", path, name), value, "Expected a string or a number.", NULL);
	*bound = filter_text(text);
	return true;
}

static void
set_bound(SiFilter *f, const SiJson *node, const char *path)
{
	static const char *const orderings[] = {
		[SI_ORDER_LEXICOGRAPHIC] = "lexicographic", [SI_ORDER_ALPHANUMERIC] = "alphanumeric",
		[SI_ORDER_NUMERIC] = "numeric", [SI_ORDER_STRLEN] = "strlen", [SI_ORDER_VERSION] = "version"
	};
	const SiJson *ordering = si_json_get(node, "ordering");
	const char *text;

	f->has_lower = get_bound(node, "lower", path, &f->lower);
	f->has_upper = get_bound(node, "upper", path, &f->upper);
	if (!f->has_lower && !f->has_upper)
		si_spec_missing(psprintf("%s.lower", path), "A bound has a lower or an upper end, or both.");
	f->lower_strict = bool_member(node, "lowerStrict");
	f->upper_strict = bool_member(node, "upperStrict");
	if (bool_member(node, "alphaNumeric"))
		f->ordering = SI_ORDER_ALPHANUMERIC;
	if (si_json_is_null(ordering) || !si_value_string(ordering, &text))
		return;
	for (int i = 0; i < lengthof(orderings); i++)
		if (pg_strcasecmp(text, orderings[i]) == 0)
			f->ordering = i;
}

/* Whether the type of a typed filter, in that member, is one of numbers. */
static bool
is_number_type(const SiJson *node, const char *name, const char *path)
{
	char	   *type = string_member(node, name, path, "Write STRING, LONG or DOUBLE.");

	if (pg_strcasecmp(type, "STRING") == 0)
		return false;
	if (pg_strcasecmp(type, "LONG") != 0 && pg_strcasecmp(type, "DOUBLE") != 0 && pg_strcasecmp(type, "FLOAT") != 0)
		si_spec_error(psprintf("%s.%s", path, name), si_json_get(node, name),
					  "Supported: STRING, LONG, FLOAT, DOUBLE.", NULL);
	return true;
}

static bool
is_numeric_type(const SiJson *node, const char *path)
{
	return is_number_type(node, "matchValueType", path);
}

static double
number_of(const SiJson *value, const char *path)
{
	double		d;

	if (!si_value_real(value, &d))
		si_spec_error(path, value, "Expected a number.", NULL);
	return d;
}

static void
set_equals(SiFilter *f, const SiJson *node, const char *path)
{
	const SiJson *value = member(node, "matchValue", path, "For rows without a value take {\"type\": \"null\"}.");
	char	   *value_path = psprintf("%s.matchValue", path);

	if (is_numeric_type(node, path))
	{
		f->kind = SI_FILTER_EQUALS;
		f->lower_number = number_of(value, value_path);
	}
	else
		set_selector(f, value, value_path);
}

/* A field with several values equals what one of them equals. */
static void
set_element(SiFilter *f, const SiJson *node, const char *path)
{
	const SiJson *value = si_json_get(node, "elementMatchValue");
	char	   *value_path = psprintf("%s.elementMatchValue", path);

	f->element = true;
	if (is_number_type(node, "elementMatchValueType", path) && !si_json_is_null(value))
	{
		f->kind = SI_FILTER_EQUALS;
		f->lower_number = number_of(value, value_path);
	}
	else
		set_selector(f, value, value_path);
}

/* The numbers of inType become a list of equals. */
static void
set_in_type(SiFilter *f, const SiJson *node, const char *path)
{
	const SiJson *list = member(node, "sortedValues", path, "List the values.");
	char	   *list_path = psprintf("%s.sortedValues", path);

	if (!is_numeric_type(node, path))
	{
		set_values(f, list, list_path);
		return;
	}
	if (list->kind != SI_JSON_ARRAY)
		si_spec_error(list_path, list, "Expected a list.", NULL);
	f->kind = SI_FILTER_OR;
	f->fields = palloc(sizeof(SiFilter *) * Max(list->n, 1));
	for (int i = 0; i < list->n; i++)
	{
		SiFilter   *one = palloc0(sizeof(SiFilter));

		one->kind = si_json_is_null(list->items[i]) ? SI_FILTER_NULL : SI_FILTER_EQUALS;
		one->dimension = f->dimension;
		if (one->kind == SI_FILTER_EQUALS)
			one->lower_number = number_of(list->items[i], psprintf("%s[%d]", list_path, i));
		f->fields[f->nfields++] = one;
	}
}

static void
set_range(SiFilter *f, const SiJson *node, const char *path)
{
	f->numeric = is_numeric_type(node, path);
	f->has_lower = get_bound(node, "lower", path, &f->lower);
	f->has_upper = get_bound(node, "upper", path, &f->upper);
	if (!f->has_lower && !f->has_upper)
		si_spec_missing(psprintf("%s.lower", path), "A range has a lower or an upper end, or both.");
	if (f->numeric && f->has_lower)
		f->lower_number = number_of(si_json_get(node, "lower"), psprintf("%s.lower", path));
	if (f->numeric && f->has_upper)
		f->upper_number = number_of(si_json_get(node, "upper"), psprintf("%s.upper", path));
	f->lower_strict = bool_member(node, "lowerOpen");
	f->upper_strict = bool_member(node, "upperOpen");
}

/* start/end, start/period or period/end. */
static bool
parse_interval_ends(const char *text, int64 *start, int64 *end, SiReason *why)
{
	const char *slash = strchr(text, '/');
	char	   *first;
	int64		length;

	if (slash == NULL)
		return false;
	first = pnstrdup(text, slash - text);
	if (first[0] == 'P')
	{
		if (!si_timestamp_parse_iso(slash + 1, end, why) || !si_period_to_ms(first, &length, why))
			return false;
		*start = *end - length;
	}
	else
	{
		if (!si_timestamp_parse_iso(first, start, why))
			return false;
		if (slash[1] != 'P')
			return si_timestamp_parse_iso(slash + 1, end, why);
		if (!si_period_to_ms(slash + 1, &length, why))
			return false;
		*end = *start + length;
	}
	return true;
}

void
si_spec_interval(const SiJson *node, const char *path, int64 *start, int64 *end)
{
	const char *text;
	SiReason	why = {""};

	if (!si_value_string(node, &text) || !parse_interval_ends(text, start, end, &why) || *end < *start)
		si_spec_error(path, node,
					  why.text[0] ? psprintf("Expected an interval: %s.", why.text) : "Expected an interval.",
					  "Write for example 2015-09-12T00:00:00Z/2015-09-13T00:00:00Z.");
}

static void
set_intervals(SiFilter *f, const SiJson *node, const char *path)
{
	const SiJson *list = member(node, "intervals", path, "Write for example [\"2015-09-12/2015-09-13\"].");

	path = psprintf("%s.intervals", path);
	if (list->kind != SI_JSON_ARRAY)
		si_spec_error(path, list, "Expected a list.", NULL);
	f->starts = palloc(sizeof(int64) * Max(list->n, 1));
	f->ends = palloc(sizeof(int64) * Max(list->n, 1));
	for (int i = 0; i < list->n; i++)
	{
		si_spec_interval(list->items[i], psprintf("%s[%d]", path, i), &f->starts[i], &f->ends[i]);
		f->nintervals++;
	}
}

static void
set_pattern(SiFilter *f, const SiJson *node, const char *path)
{
	const SiJson *escape = si_json_get(node, "escape");
	const char *text;

	f->pattern = filter_text(string_member(node, "pattern", path, "Give the pattern."));
	if (si_json_is_empty(escape) || f->kind != SI_FILTER_LIKE)
		return;
	if (!si_value_string(escape, &text) || strlen(text) != 1)
		si_spec_error(psprintf("%s.escape", path), escape, "Expected one ASCII character.", NULL);
	f->escape = text[0];
}

/* ------------------------------------------------------------------- filters */

static void
set_fields(SiFilter *f, const SiJson *node, const char *path, int depth)
{
	const SiJson *list;

	if (f->kind != SI_FILTER_AND && f->kind != SI_FILTER_OR)
	{
		f->fields = palloc(sizeof(SiFilter *));
		f->fields[f->nfields++] = build_filter(member(node, "field", path, "Give the filter that it is about."),
											   psprintf("%s.field", path), depth + 1);
		return;
	}
	list = member(node, "fields", path, "List the filters that it joins.");
	if (list->kind != SI_JSON_ARRAY)
		si_spec_error(psprintf("%s.fields", path), list, "Expected a list.", NULL);
	f->fields = palloc(sizeof(SiFilter *) * Max(list->n, 1));
	for (int i = 0; i < list->n; i++)
		f->fields[f->nfields++] = build_filter(list->items[i], psprintf("%s.fields[%d]", path, i), depth + 1);
}

typedef struct FilterType
{
	const char *word;
	SiFilterKind kind;
	const char *field;			/* member that names the field, or NULL */
} FilterType;

static const FilterType filter_types[] = {
	{"true", SI_FILTER_TRUE}, {"false", SI_FILTER_FALSE},
	{"and", SI_FILTER_AND}, {"or", SI_FILTER_OR}, {"not", SI_FILTER_NOT},
	{"isTrue", SI_FILTER_IS_TRUE}, {"isFalse", SI_FILTER_IS_FALSE},
	{"null", SI_FILTER_NULL, "column"},
	{"selector", SI_FILTER_IN, "dimension"}, {"in", SI_FILTER_IN, "dimension"},
	{"equals", SI_FILTER_IN, "column"}, {"inType", SI_FILTER_IN, "column"},
	{"bound", SI_FILTER_BOUND, "dimension"}, {"range", SI_FILTER_RANGE, "column"},
	{"interval", SI_FILTER_INTERVAL, "dimension"},
	{"like", SI_FILTER_LIKE, "dimension"}, {"regex", SI_FILTER_REGEX, "dimension"},
	{"expression", SI_FILTER_EXPRESSION},
	{"extraction", SI_FILTER_IN, "dimension"}, {"arrayContainsElement", SI_FILTER_IN, "column"},
	{"search", SI_FILTER_EXPRESSION}, {"columnComparison", SI_FILTER_EXPRESSION}
};

static const FilterType *
filter_type(const SiJson *node, const char *path)
{
	char	   *type = string_member(node, "type", path, "Write for example {\"type\": \"selector\", \"dimension\": \"channel\", \"value\": \"#en\"}.");

	for (int i = 0; i < lengthof(filter_types); i++)
		if (pg_strcasecmp(type, filter_types[i].word) == 0)
			return &filter_types[i];
	si_spec_error(psprintf("%s.type", path), si_json_get(node, "type"), "There is no such filter.", NULL);
	return NULL;
}

/* An expression, or what is one here. */
static void
set_expression(SiFilter *f, const FilterType *type, const SiJson *node, const char *path)
{
	if (strcmp(type->word, "search") == 0)
	{
		char	   *field = string_member(node, "dimension", path, "Name the field that the filter looks at.");
		char	   *values = si_extraction_of_field(field, si_json_get(node, "extractionFn"), psprintf("%s.extractionFn", path));
		char	   *query_path = psprintf("%s.query", path);

		f->expr = compile(si_search_expression(values, si_json_get(node, "query"), query_path), si_json_get(node, "query"), query_path);
	}
	else if (strcmp(type->word, "columnComparison") == 0)
	{
		const SiJson *dimensions = si_json_get(node, "dimensions");
		char	   *list_path = psprintf("%s.dimensions", path);

		f->expr = compile(si_comparison_expression(dimensions, list_path), dimensions, list_path);
	}
	else
		f->expr = compile(string_member(node, "expression", path, "Give the expression."),
						  si_json_get(node, "expression"), psprintf("%s.expression", path));
}

/* What is compared in the place of the field itself. */
static void
set_extraction(SiFilter *f, const SiJson *node, const char *path)
{
	const SiJson *fn = si_json_get(node, "extractionFn");

	path = psprintf("%s.extractionFn", path);
	if (!si_json_is_null(fn) && f->expr == NULL)
		f->expr = compile(si_extraction_of_field(f->dimension.text, fn, path), fn, path);
}

/* What the kinds have besides the name of a field. */
static void
set_members(SiFilter *f, const FilterType *type, const SiJson *node, const char *path, int depth)
{
	switch (f->kind)
	{
		case SI_FILTER_TRUE:
		case SI_FILTER_FALSE:
		case SI_FILTER_NULL:
		case SI_FILTER_EQUALS:
			break;
		case SI_FILTER_AND:
		case SI_FILTER_OR:
		case SI_FILTER_NOT:
		case SI_FILTER_IS_TRUE:
		case SI_FILTER_IS_FALSE:
			set_fields(f, node, path, depth);
			break;
		case SI_FILTER_IN:
			if (strcmp(type->word, "selector") == 0 || strcmp(type->word, "extraction") == 0)
				set_selector(f, si_json_get(node, "value"), psprintf("%s.value", path));
			else if (strcmp(type->word, "in") == 0)
				set_values(f, member(node, "values", path, "List the values."), psprintf("%s.values", path));
			else if (strcmp(type->word, "equals") == 0)
				set_equals(f, node, path);
			else if (strcmp(type->word, "arrayContainsElement") == 0)
				set_element(f, node, path);
			else
				set_in_type(f, node, path);
			break;
		case SI_FILTER_BOUND:
			set_bound(f, node, path);
			break;
		case SI_FILTER_RANGE:
			set_range(f, node, path);
			break;
		case SI_FILTER_INTERVAL:
			set_intervals(f, node, path);
			break;
		case SI_FILTER_LIKE:
		case SI_FILTER_REGEX:
			set_pattern(f, node, path);
			break;
		case SI_FILTER_EXPRESSION:
			set_expression(f, type, node, path);
			break;
	}
}

static SiFilter *
build_filter(const SiJson *node, const char *path, int depth)
{
	SiFilter   *f = palloc0(sizeof(SiFilter));
	const FilterType *type = filter_type(node, path);
	SiReason	why;

	if (depth > MAX_FILTER_DEPTH)
		si_spec_error(path, node, psprintf("Filters are nested more than %d deep.", MAX_FILTER_DEPTH), NULL);
	f->kind = type->kind;
	if (type->field != NULL)
		set_dimension(f, node, type->field, path);
	set_members(f, type, node, path, depth);
	if (type->field != NULL)
		set_extraction(f, node, path);
	if (!si_filter_prepare(f, &why))
		si_spec_error(psprintf("%s.pattern", path), si_json_get(node, "pattern"), psprintf("%s.", why.text), NULL);
	return f;
}

/* ---------------------------------------------------------------- transforms */

static void
add_transform(SiSpec *spec, const SiJson *node, const char *path)
{
	SiSpecTransform t = {0};
	char	   *type = string_member(node, "type", path, "Write {\"type\": \"expression\", \"name\": \"...\", \"expression\": \"...\"}.");

	t.name = string_member(node, "name", path, "Name the field that gets the value.");
	if (t.name[0] == '\0')
		si_spec_error(psprintf("%s.name", path), si_json_get(node, "name"), "A transform needs a name.", NULL);
	for (int i = 0; i < spec->ntransforms; i++)
	{
		if (strcmp(spec->transforms[i].name, t.name) == 0)
			si_spec_error(psprintf("%s.name", path), si_json_get(node, "name"),
						  "Another transform has the same name.",
						  "Put both into one expression: a transform does not see the result of another.");
	}
	t.path = psprintf("%s.expression", path);
	t.expression = string_member(node, "expression", path, "Give the expression.");
	if (pg_strcasecmp(type, "sql") != 0)
		t.expr = compile(t.expression, si_json_get(node, "expression"), t.path);
	spec->transforms[spec->ntransforms++] = t;
}

static void
try_transform(SiSpec *spec, const SiJson *node, const char *path, SiSpecFindings *findings)
{
	SI_CHECKED(findings, path, add_transform(spec, node, path));
}

static void
set_row_filter(SiSpec *spec, const SiJson *node, const char *path)
{
	spec->filter = build_filter(node, path, 0);
}

void
si_spec_transforms(SiSpec *spec, const SiSpecShape *shape, SiSpecFindings *findings)
{
	const SiJson *section = si_spec_at(shape->root, "spec.dataSchema.transformSpec");
	const SiJson *list = si_json_get(section, "transforms");
	const SiJson *filter = si_json_get(section, "filter");
	char	   *path = psprintf("%sdataSchema.transformSpec", shape->prefix);
	char	   *filter_path = psprintf("%s.filter", path);
	int			n = si_json_is_null(list) ? 0 : list->n;

	spec->transforms = palloc0(sizeof(SiSpecTransform) * Max(n, 1));
	for (int i = 0; i < n; i++)
		try_transform(spec, list->items[i], psprintf("%s.transforms[%d]", path, i), findings);
	if (!si_json_is_null(filter))
		SI_CHECKED(findings, filter_path, set_row_filter(spec, filter, filter_path));
}

/* ------------------------------------------------------------------- metrics */

/* Both filters, if there are two. */
static SiFilter *
join_filters(SiFilter *a, SiFilter *b)
{
	SiFilter   *both;

	if (a == NULL)
		return b;
	both = palloc0(sizeof(SiFilter));
	both->kind = SI_FILTER_AND;
	both->nfields = 2;
	both->fields = palloc(sizeof(SiFilter *) * 2);
	both->fields[0] = a;
	both->fields[1] = b;
	return both;
}

const SiJson *
si_spec_unwrap_metric(SiSpecMetric *m, const SiJson *node, const char **path)
{
	for (int depth = 0;; depth++)
	{
		const SiJson *type = si_json_get(node, "type");
		const SiJson *name = si_json_get(node, "name");
		const char *text;

		if (si_json_is_null(type) || !si_value_string(type, &text) || pg_strcasecmp(text, "filtered") != 0)
			return node;
		if (depth > MAX_FILTER_DEPTH)
			si_spec_error(*path, type, psprintf("Aggregators are nested more than %d deep.", MAX_FILTER_DEPTH), NULL);
		/* the outermost name counts; the aggregator inside may have one, too */
		if (m->name == NULL && !si_json_is_empty(name) && si_value_string(name, &text))
			m->name = pstrdup(text);
		m->filter = join_filters(m->filter,
								 build_filter(member(node, "filter", *path, "Give the filter."),
											  psprintf("%s.filter", *path), 0));
		node = member(node, "aggregator", *path, "Give the aggregator that the filter is for.");
		*path = psprintf("%s.aggregator", *path);
	}
}

/*
 * A name that no message is likely to have.  The value is set for every row
 * in any case, so that a message that has it changes nothing.
 */
static char *
input_name(const SiSpecMetric *m)
{
	return psprintf("\001%s", m->name);
}

void
si_spec_metric_input(SiSpecMetric *m, const SiJson *node, const char *path)
{
	const SiJson *expression = si_json_get(node, "expression");
	const SiJson *field = si_json_get(node, "fieldName");
	const char *text;

	if (m->input != SI_METRIC_COUNT && !si_json_is_empty(expression) && si_value_string(expression, &text))
	{
		char	   *place = psprintf("%s.expression", path);

		if (!si_json_is_empty(field))
			si_spec_error(place, expression, "Only one of fieldName and expression may be given.", "Remove one of the two.");
		m->expr = compile(text, expression, place);
	}
	if (m->filter == NULL && m->expr == NULL)
		return;
	if (m->input == SI_METRIC_COUNT)
		m->input = SI_METRIC_FIELD;
	else if (m->expr == NULL)
	{
		if (si_json_is_empty(field) || !si_value_string(field, &text))
			si_spec_missing(psprintf("%s.fieldName", path), "Name the field that is aggregated.");
		m->source = pstrdup(text);
	}
	m->field_name = input_name(m);
}
