/*
 * shape.c
 *		The shapes in which a spec may come, made one: see shape.h.
 *
 * Duties: the flat shape of old releases, both shapes at once (as Druid
 * echoes a spec), and dataSchema.parser.  Checks nothing.
 */
#include "postgres.h"

#include "spec/shape.h"

static const char *const sections[] = {"dataSchema", "ioConfig", "tuningConfig"};

SiJson *
si_spec_at(const SiJson *root, const char *path)
{
	const SiJson *at = root;
	char		name[64];

	while (at)
	{
		size_t		len = strcspn(path, ".");

		if (len >= sizeof(name))
			return NULL;
		memcpy(name, path, len);
		name[len] = '\0';
		at = si_json_get(at, name);
		if (path[len] == '\0')
			break;
		path += len + 1;
	}
	return unconstify(SiJson *, at);
}

static bool
is_section(const char *name)
{
	for (int i = 0; i < lengthof(sections); i++)
	{
		if (strcmp(name, sections[i]) == 0)
			return true;
	}
	return false;
}

/* Moves what a parser says to where newer specs say it; that has precedence. */
static void
unfold_parser(SiSpecShape *shape, SiJson *schema, SiJson *io)
{
	static const char *const names[] = {"timestampSpec", "dimensionsSpec"};
	SiJson	   *parser = si_json_get(schema, "parser");
	SiJson	   *parse_spec = si_json_get(parser, "parseSpec");

	for (int i = 0; i < lengthof(names); i++)
	{
		SiJson	   *value = si_json_get(parse_spec, names[i]);

		if (!si_json_is_null(si_json_get(schema, names[i])) || si_json_is_null(value))
			continue;
		si_json_set(schema, names[i], value);
		*(i == 0 ? &shape->timestamp_path : &shape->dimensions_path) =
			psprintf("%sdataSchema.parser.parseSpec.%s", shape->prefix, names[i]);
	}
	if (!si_json_is_null(parse_spec) && si_json_is_null(si_json_get(io, "inputFormat")))
	{
		SiJson	   *format = si_json_container(SI_JSON_OBJECT);
		SiJson	   *name = si_json_get(parse_spec, "format");

		si_json_set(format, "type", si_json_is_null(name) ? si_json_string("json") : name);
		for (int i = 0; i < parse_spec->n; i++)
		{
			const char *member = parse_spec->keys[i];

			if (strcmp(member, "format") != 0 && strcmp(member, "type") != 0 && strcmp(member, names[0]) != 0 && strcmp(member, names[1]) != 0)
				si_json_set(format, member, parse_spec->items[i]);
		}
		si_json_set(io, "inputFormat", format);
		shape->format_path = psprintf("%sdataSchema.parser.parseSpec", shape->prefix);
	}
	if (parser)
		si_json_set(schema, "parser", si_json_null());
}

/* The section of a spec as an object that may be changed. */
static SiJson *
own_section(SiJson *parent, const char *name)
{
	SiJson	   *section = si_json_get(parent, name);

	if (section == NULL || section->kind != SI_JSON_OBJECT)
		section = si_json_container(SI_JSON_OBJECT);
	else
		section = si_json_shallow_copy(section);
	si_json_set(parent, name, section);
	return section;
}

void
si_spec_shape(const SiJson *given, SiSpecShape *shape, SiSpecFindings *findings)
{
	SiJson	   *inner = si_json_get(given, "spec");
	bool		nested = inner && inner->kind == SI_JSON_OBJECT;
	SiJson	   *root = si_json_container(SI_JSON_OBJECT);
	SiJson	   *schema,
			   *io;

	if (given->kind != SI_JSON_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a supervisor spec must be a JSON object"),
				 errhint("Write {\"type\": \"kafka\", \"spec\": {\"dataSchema\": {...}, \"ioConfig\": {...}, \"tuningConfig\": {...}}}.")));

	inner = nested ? si_json_shallow_copy(inner) : si_json_container(SI_JSON_OBJECT);
	for (int i = 0; i < given->n; i++)
	{
		const char *name = given->keys[i];
		SiJson	   *value = given->items[i];

		if (!is_section(name) && strcmp(name, "spec") != 0)
			si_json_set(root, name, value);
		else if (is_section(name) && !nested)
			si_json_set(inner, name, value);
		else if (is_section(name) && findings && !si_json_is_empty(value) &&
				 (si_json_get(inner, name) == NULL || !si_json_equal(si_json_get(inner, name), value)))
			si_finding_no_effect(findings, name, psprintf("spec.%s stands in its place.", name));
	}
	si_json_set(root, "spec", inner);

	shape->root = root;
	shape->prefix = nested ? "spec." : "";
	shape->timestamp_path = psprintf("%sdataSchema.timestampSpec", shape->prefix);
	shape->dimensions_path = psprintf("%sdataSchema.dimensionsSpec", shape->prefix);
	shape->format_path = psprintf("%sioConfig.inputFormat", shape->prefix);
	schema = own_section(inner, "dataSchema");
	io = own_section(inner, "ioConfig");
	own_section(inner, "tuningConfig");
	unfold_parser(shape, schema, io);
}
