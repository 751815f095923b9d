/*
 * print.c
 *		The echo of a spec: nested shape, defaults filled in, secrets hidden.
 *
 * Walks the table for known fields, in its order, and the given spec for what
 * the table does not know.  Raises no error about a spec's content: what was
 * once accepted can always be shown.
 */
#include "postgres.h"

#include "common/granularity.h"
#include "spec/shape.h"

static SiJson *print_members(const SiJson *given, const char *schema, bool reveal);

/* A granularity as Druid echoes it: simple ones by name, "none" as object. */
static SiJson *
print_granularity(const SiJson *value)
{
	SiGranularity g;
	SiJson	   *object;
	SiReason	why;
	SiJson	   *type = si_json_get(value, "type");

	if (value->kind == SI_JSON_STRING)
	{
		if (!si_granularity_from_name(value->text, &g) &&
			!si_granularity_from_period(value->text, NULL, 0, false, &g, &why))
			return unconstify(SiJson *, value);
	}
	else if (type == NULL || type->kind != SI_JSON_STRING || !si_granularity_from_name(type->text, &g))
		return unconstify(SiJson *, value);

	if (g.kind != SI_GRAN_NONE && g.kind != SI_GRAN_ALL)
		return si_json_string(g.name);
	object = si_json_container(SI_JSON_OBJECT);
	si_json_set(object, "type", si_json_string(g.kind == SI_GRAN_NONE ? "none" : "all"));
	return object;
}

/* A dimension as Druid echoes it: always an object; bitmaps are for strings. */
static SiJson *
print_dimension(const SiJson *value, const char *schema, bool reveal)
{
	SiJson	   *object = si_json_container(SI_JSON_OBJECT);
	const SiJson *type = si_json_get(value, "type");
	const char *text;

	if (value->kind == SI_JSON_OBJECT)
		object = si_json_shallow_copy(value);
	else if (si_value_string(value, &text))
		si_json_set(object, "name", si_json_string(text));
	if (strstr(schema, "dimensionsSpec") && !si_json_is_null(type) && si_json_is_null(si_json_get(object, "createBitmapIndex")) &&
		type->kind == SI_JSON_STRING && pg_strcasecmp(type->text, "string") != 0)
		si_json_set(object, "createBitmapIndex", si_json_bool(false));
	return print_members(object, schema, reveal);
}

static SiJson *
print_duration(const SiJson *value, bool in_seconds)
{
	int64		ms;
	SiReason	why;
	char		buf[64];

	if ((value->kind == SI_JSON_STRING && !in_seconds) || !si_value_period(value, &ms, &why))
		return unconstify(SiJson *, value);
	if (in_seconds)
		si_duration_print(ms, buf, sizeof(buf));
	else
		si_period_print(ms, buf, sizeof(buf));
	return si_json_string(buf);
}

static SiJson *
print_list(const SiField *field, const SiJson *value, bool reveal)
{
	const SiField *element = si_spec_element(field->path);
	SiJson	   *list = si_json_container(SI_JSON_ARRAY);

	if (value->kind != SI_JSON_ARRAY || element == NULL)
		return unconstify(SiJson *, value);
	for (int i = 0; i < value->n; i++)
	{
		const SiJson *item = value->items[i];

		if (element->type == SI_FIELD_DIMENSION)
			si_json_append(list, print_dimension(item, element->path, reveal));
		else if (item->kind == SI_JSON_OBJECT)
			si_json_append(list, print_members(item, element->path, reveal));
		else
			si_json_append(list, unconstify(SiJson *, item));
	}
	return list;
}

/* A value that was given, in the form of its type. */
static SiJson *
print_value(const SiField *field, const SiJson *value, bool reveal)
{
	bool		flag;
	int64		n;
	const char *text;
	char		buf[64];
	SiReason	why;

	switch (field->type)
	{
		case SI_FIELD_OBJECT:
			return value->kind == SI_JSON_OBJECT ? print_members(value, si_spec_members(field), reveal)
				: unconstify(SiJson *, value);
		case SI_FIELD_MAP:
			if (strcmp(field->path, "spec.ioConfig.consumerProperties") == 0 && !reveal)
				return si_spec_hide_secrets(value);
			break;
		case SI_FIELD_LIST:
			return print_list(field, value, reveal);
		case SI_FIELD_GRANULARITY:
			return print_granularity(value);
		case SI_FIELD_STRING:
			if (si_value_string(value, &text))
				return si_json_string(text);
			break;
		case SI_FIELD_WORD:
			if (si_value_string(value, &text) && si_spec_word(field->path, text))
				return si_json_string(si_spec_word(field->path, text)->word);
			break;
		case SI_FIELD_BOOL:
			if (si_value_bool(value, &flag))
				return si_json_bool(flag);
			break;
		case SI_FIELD_INT:
		case SI_FIELD_LONG:
			if (si_value_int(value, PG_INT64_MIN, PG_INT64_MAX, &n))
				return si_json_int(n);
			break;
		case SI_FIELD_PERIOD:
		case SI_FIELD_DURATION:
			return print_duration(value, field->type == SI_FIELD_DURATION);
		case SI_FIELD_INSTANT:
			if (si_value_instant(value, &n, &why))
			{
				si_time_print(n, buf, sizeof(buf));
				return si_json_string(buf);
			}
			break;
		default:
			break;
	}
	return unconstify(SiJson *, value);
}

/* Whether a section appears in the echo when it was not given. */
static bool
always_shown(const SiField *field)
{
	return field->type == SI_FIELD_OBJECT && field->use == SI_USED && field->same_as == NULL && field->deflt == NULL &&
		strcmp(field->path, "context") != 0 && strstr(field->path, "parser") == NULL &&
		strstr(field->path, "flattenSpec") == NULL && strstr(field->path, "indexSpec") == NULL && strstr(field->path, "headerFormat") == NULL && strstr(field->path, "[]") == NULL;
}

static SiJson *
print_members(const SiJson *given, const char *schema, bool reveal)
{
	SiJson	   *object = si_json_container(SI_JSON_OBJECT);

	for (int i = 0; i < si_spec_nfields; i++)
	{
		const SiField *field = &si_spec_fields[i];
		const char *name = si_spec_member_name(schema, field->path);
		const SiJson *value = name ? si_json_get(given, name) : NULL;

		if (name == NULL)
			continue;
		if (!si_json_is_null(value) && !si_field_is_blank(field, value))
			si_json_set(object, name, print_value(field, value, reveal));
		else if (always_shown(field))
			si_json_set(object, name, print_members(NULL, field->path, reveal));
		else if (field->deflt && (field->use == SI_USED || field->offset >= 0))
			si_json_set(object, name, print_value(field, si_json_parse(field->deflt), reveal));
	}
	for (int i = 0; given && i < given->n; i++)
	{
		if (si_spec_field(schema, given->keys[i]) == NULL)
			si_json_set(object, given->keys[i], given->items[i]);
	}
	return object;
}

/* reportParseExceptions says what the two other fields are. */
static void
apply_report(SiJson *tuning)
{
	SiJson	   *report = si_json_get(tuning, "reportParseExceptions");
	int64		saved = 0;

	if (report == NULL || report->kind != SI_JSON_BOOL || !report->boolean)
		return;
	si_value_int(si_json_get(tuning, "maxSavedParseExceptions"), 0, PG_INT32_MAX, &saved);
	si_json_set(tuning, "maxParseExceptions", si_json_int(0));
	si_json_set(tuning, "maxSavedParseExceptions", si_json_int(Min(saved, 1)));
}

char *
si_spec_print(const char *json, bool suspended, bool reveal)
{
	SiSpecShape shape;
	SiJson	   *root;
	SiJson	   *name;
	StringInfoData buf;

	si_spec_shape(si_json_parse(json), &shape, NULL);
	si_json_set(shape.root, "suspended", si_json_bool(suspended));
	name = si_spec_at(shape.root, "spec.dataSchema.dataSource");
	if (si_json_is_empty(si_json_get(shape.root, "id")) && name)
		si_json_set(shape.root, "id", name);
	root = print_members(shape.root, "", reveal);
	apply_report(si_spec_at(root, "spec.tuningConfig"));
	initStringInfo(&buf);
	si_json_print(&buf, root);
	return buf.data;
}
