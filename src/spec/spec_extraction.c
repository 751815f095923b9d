/*
 * spec_extraction.c
 *		Older parts of Druid's filters as expressions: see spec_extraction.h.
 *
 * Extraction functions change a text before it is compared.  What they do can
 * be said in the language of expressions, so no other evaluation is needed;
 * those of JavaScript and of registered lookups are refused.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "spec/shape.h"
#include "spec/spec_extraction.h"

#define MAX_DEPTH	20

/* A text as a literal, or with quotes of the other kind as the name of a field. */
static char *
quoted(const char *text, char quote)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, quote);
	for (const char *p = text; *p; p++)
	{
		unsigned char c = (unsigned char) *p;

		if (c == '\'' || c == '"' || c == '\\' || c < ' ')
			appendStringInfo(&buf, "\\u%04x", c);
		else
			appendStringInfoChar(&buf, *p);
	}
	appendStringInfoChar(&buf, quote);
	return buf.data;
}

static char *
literal(const char *text)
{
	return quoted(text, '\'');
}

/* A member that is a string; NULL when it may be missing and is. */
static char *
text_member(const SiJson *node, const char *name, const char *path, bool required)
{
	const SiJson *value = si_json_get(node, name);
	char	   *member = psprintf("%s.%s", path, name);
	const char *text;

	if (si_json_is_null(value))
	{
		if (required)
			si_spec_missing(member, NULL);
		return NULL;
	}
	if (!si_value_string(value, &text))
		si_spec_error(member, value, "Expected a string.", NULL);
	return pstrdup(text);
}

static bool
bool_member(const SiJson *node, const char *name, const char *path, bool deflt)
{
	const SiJson *value = si_json_get(node, name);

	if (!si_json_is_null(value) && !si_value_bool(value, &deflt))
		si_spec_error(psprintf("%s.%s", path, name), value, "Expected true or false.", NULL);
	return deflt;
}

static int
int_member(const SiJson *node, const char *name, const char *path, int deflt)
{
	const SiJson *value = si_json_get(node, name);
	double		d;

	if (si_json_is_null(value))
		return deflt;
	if (!si_value_real(value, &d) || d < 0 || d > PG_INT32_MAX || d != (int) d)
		si_spec_error(psprintf("%s.%s", path, name), value, "Expected an integer that is not negative.", NULL);
	return (int) d;
}

static void
refuse_member(const SiJson *node, const char *name, const char *path, const char *hint)
{
	const SiJson *value = si_json_get(node, name);

	if (!si_json_is_null(value))
		si_spec_error(psprintf("%s.%s", path, name), value, "This is not supported.", hint);
}

/* One text that a search looks for. */
static char *
find_one(const char *x, const char *text, bool case_sensitive)
{
	return psprintf("%s(%s, %s)", case_sensitive ? "contains_string" : "icontains_string", x, literal(text));
}

static const SiJson *
list_of(const SiJson *node, const char *name, const char *path)
{
	const SiJson *list = si_json_get(node, name);

	if (si_json_is_null(list))
		si_spec_missing(psprintf("%s.%s", path, name), NULL);
	if (list->kind != SI_JSON_ARRAY)
		si_spec_error(psprintf("%s.%s", path, name), list, "Expected a list.", NULL);
	return list;
}

/* All of the fragments. */
static char *
find_fragments(const char *x, const SiJson *query, const char *path)
{
	const SiJson *list = list_of(query, "values", path);
	bool		case_sensitive = bool_member(query, "caseSensitive", path, false);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '1');
	for (int i = 0; i < list->n; i++)
	{
		const char *text;

		if (si_json_is_null(list->items[i]) || !si_value_string(list->items[i], &text))
			si_spec_error(psprintf("%s.values[%d]", path, i), list->items[i], "Expected a string.", NULL);
		appendStringInfo(&buf, " && %s", find_one(x, text, case_sensitive));
	}
	return buf.data;
}

/* Whether the value x is found by the query of a search. */
static char *
search_of(const char *x, const SiJson *query, const char *path)
{
	char	   *type;

	if (si_json_is_null(query))
		si_spec_missing(path, "Write for example {\"type\": \"contains\", \"value\": \"x\"}.");
	type = text_member(query, "type", path, true);
	if (pg_strcasecmp(type, "all") == 0)
		return psprintf("notnull(%s)", x);
	if (pg_strcasecmp(type, "contains") == 0)
		return find_one(x, text_member(query, "value", path, true), bool_member(query, "caseSensitive", path, false));
	if (pg_strcasecmp(type, "insensitive_contains") == 0)
		return find_one(x, text_member(query, "value", path, true), false);
	if (pg_strcasecmp(type, "fragment") == 0)
		return find_fragments(x, query, path);
	if (pg_strcasecmp(type, "regex") == 0)
		return psprintf("regexp_like(%s, %s)", x, literal(text_member(query, "pattern", path, true)));
	si_spec_error(psprintf("%s.type", path), si_json_get(query, "type"), "There is no such query of a search.",
				  "Supported: contains, insensitive_contains, fragment, regex, all.");
	return NULL;
}

/* --------------------------------------------------------- extraction functions */

static char *
substring(const char *x, const SiJson *fn, const char *path)
{
	int			index = int_member(fn, "index", path, 0);
	int			length = int_member(fn, "length", path, PG_INT32_MAX);

	return psprintf("if(strlen(%s) > %d, substring(%s, %d, %d), null)", x, index, x, index, length);
}

/* What does not match stays, or becomes something else. */
static char *
regex(const char *x, const SiJson *fn, const char *path)
{
	char	   *found = psprintf("regexp_extract(%s, %s, %d)", x, literal(text_member(fn, "expr", path, true)),
								 int_member(fn, "index", path, 1));
	char	   *with = text_member(fn, "replaceMissingValueWith", path, false);

	if (!bool_member(fn, "replaceMissingValue", path, false))
		return psprintf("nvl(%s, %s)", found, x);
	return with == NULL ? found : psprintf("nvl(%s, %s)", found, literal(with));
}

static char *
time_format(const char *x, const SiJson *fn, const char *path)
{
	char	   *format = text_member(fn, "format", path, false);
	char	   *zone = text_member(fn, "timeZone", path, false);

	refuse_member(fn, "granularity", path, "Take a transform with timestamp_floor().");
	if (bool_member(fn, "asMillis", path, false))
		refuse_member(fn, "asMillis", path, "Take a transform with timestamp_parse().");
	return psprintf("timestamp_format(%s, %s, %s)", x,
					format ? literal(format) : literal("yyyy-MM-dd'T'HH:mm:ss.SSSZZ"), zone ? literal(zone) : "null");
}

/* A map that stands in the spec itself. */
static char *
lookup(const char *x, const SiJson *fn, const char *path)
{
	const SiJson *table = si_json_get(fn, "lookup");
	const SiJson *map = si_json_is_null(table) ? NULL : si_json_get(table, "map");
	char	   *with = text_member(fn, "replaceMissingValueWith", path, false);
	StringInfoData buf;

	if (si_json_is_null(map) || map->kind != SI_JSON_OBJECT)
		si_spec_error(psprintf("%s.lookup", path), table, "Only a lookup of type map is supported, which stands in the spec.", NULL);
	initStringInfo(&buf);
	appendStringInfo(&buf, "case_simple(%s", x);
	for (int i = 0; i < map->n; i++)
	{
		const char *text;

		if (!si_value_string(map->items[i], &text))
			si_spec_error(psprintf("%s.lookup.map.%s", path, map->keys[i]), map->items[i], "Expected a string.", NULL);
		appendStringInfo(&buf, ", %s, %s", literal(map->keys[i]), literal(text));
	}
	if (map->n == 0)
		appendStringInfoString(&buf, ", null, null");
	appendStringInfo(&buf, ", %s)", bool_member(fn, "retainMissingValue", path, false) ? x : with ? literal(with) : "null");
	return buf.data;
}

static char *extraction(const char *x, const SiJson *fn, const char *path, int depth);

static char *
cascade(const char *x, const SiJson *fn, const char *path, int depth)
{
	const SiJson *list = list_of(fn, "extractionFns", path);
	char	   *result = pstrdup(x);

	for (int i = 0; i < list->n; i++)
		result = extraction(result, list->items[i], psprintf("%s.extractionFns[%d]", path, i), depth + 1);
	return result;
}

/* The value x after one extraction function. */
static char *
extraction(const char *x, const SiJson *fn, const char *path, int depth)
{
	char	   *type;

	if (fn->kind != SI_JSON_OBJECT)
		si_spec_error(path, fn, "Expected an object.", "Write for example {\"type\": \"upper\"}.");
	if (depth > MAX_DEPTH || strlen(x) > 16 * 1024)
		si_spec_error(path, fn, "Extraction functions are nested too deep.", NULL);
	type = text_member(fn, "type", path, true);
	if (pg_strcasecmp(type, "identity") == 0)
		return pstrdup(x);
	if (pg_strcasecmp(type, "upper") == 0 || pg_strcasecmp(type, "lower") == 0 || pg_strcasecmp(type, "strlen") == 0)
		return psprintf("%s(%s)", type, x);
	if (pg_strcasecmp(type, "substring") == 0)
		return substring(x, fn, path);
	if (pg_strcasecmp(type, "regex") == 0)
		return regex(x, fn, path);
	if (pg_strcasecmp(type, "partial") == 0)
		return psprintf("if(regexp_like(%s, %s), %s, null)", x, literal(text_member(fn, "expr", path, true)), x);
	if (pg_strcasecmp(type, "searchQuery") == 0)
		return psprintf("if(%s, %s, null)", search_of(x, si_json_get(fn, "query"), psprintf("%s.query", path)), x);
	if (pg_strcasecmp(type, "stringFormat") == 0)
		return psprintf("format(%s, %s)", literal(text_member(fn, "format", path, true)), x);
	if (pg_strcasecmp(type, "timeFormat") == 0)
		return time_format(x, fn, path);
	if (pg_strcasecmp(type, "lookup") == 0)
		return lookup(x, fn, path);
	if (pg_strcasecmp(type, "cascade") == 0)
		return cascade(x, fn, path, depth);
	si_spec_error(psprintf("%s.type", path), si_json_get(fn, "type"), "There is no such extraction function here.",
				  "Supported: upper, lower, strlen, substring, regex, partial, searchQuery, stringFormat, timeFormat, lookup (map), cascade.");
	return NULL;
}

char *
si_extraction_of_field(const char *field, const SiJson *fn, const char *path)
{
	char	   *name = quoted(field, '"');

	if (si_json_is_null(fn))
		return psprintf("mv_to_array(%s)", name);
	return psprintf("map((x) -> %s, %s)", extraction("x", fn, path, 0), name);
}

char *
si_search_expression(const char *values, const SiJson *query, const char *path)
{
	return psprintf("any((y) -> %s, %s)", search_of("y", query, path), values);
}

/* The field of a dimension, which is a name or an object. */
static char *
column(const SiJson *node, const char *path)
{
	const char *name;
	char	   *type;

	if (node->kind != SI_JSON_OBJECT)
	{
		if (si_json_is_null(node) || !si_value_string(node, &name))
			si_spec_error(path, node, "Expected the name of a field.", NULL);
		return si_extraction_of_field(name, NULL, path);
	}
	type = text_member(node, "type", path, false);
	if (type != NULL && pg_strcasecmp(type, "default") != 0 && pg_strcasecmp(type, "extraction") != 0)
		si_spec_error(psprintf("%s.type", path), si_json_get(node, "type"), "There is no such dimension here.",
					  "Supported: default, extraction.");
	return si_extraction_of_field(text_member(node, "dimension", path, true), si_json_get(node, "extractionFn"),
								  psprintf("%s.extractionFn", path));
}

char *
si_comparison_expression(const SiJson *dimensions, const char *path)
{
	StringInfoData buf;
	char	  **columns;

	if (si_json_is_null(dimensions))
		si_spec_missing(path, "List the fields that are compared.");
	if (dimensions->kind != SI_JSON_ARRAY || dimensions->n < 2)
		si_spec_error(path, dimensions, "Expected a list of two fields or more.", NULL);
	columns = palloc(sizeof(char *) * dimensions->n);
	for (int i = 0; i < dimensions->n; i++)
		columns[i] = column(dimensions->items[i], psprintf("%s[%d]", path, i));
	initStringInfo(&buf);
	appendStringInfoChar(&buf, '1');
	for (int i = 0; i < dimensions->n; i++)
		for (int j = 0; j < i; j++)
			appendStringInfo(&buf, " && if(isnull(%s) || isnull(%s), isnull(%s) && isnull(%s), array_overlap(%s, %s))",
							 columns[i], columns[j], columns[i], columns[j], columns[i], columns[j]);
	return buf.data;
}
