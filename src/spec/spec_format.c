/*
 * spec_format.c
 *		What inputFormat (or the parseSpec of an older spec) says about the
 *		format of messages, checked and made SiSpecFormat.
 *
 * Types and words of the members were held against the table before.  Here
 * it is seen that a member belongs to the type of its format, that members
 * fit together, and that patterns and paths can be compiled.
 */
#include "postgres.h"

#include "format/jq.h"
#include "format/json_lenient.h"
#include "format/jsonpath.h"
#include "format/text_formats.h"
#include "spec/shape.h"

#define JSON	(1 << SI_FORMAT_JSON)
#define CSV		(1 << SI_FORMAT_CSV)
#define TSV		(1 << SI_FORMAT_TSV)
#define REGEX	(1 << SI_FORMAT_REGEX)
#define LINES	(1 << SI_FORMAT_LINES)
#define KAFKA	(1 << SI_FORMAT_KAFKA)

/* The names of formats, in the order of SiFormatKind. */
static const char *const kinds[] = {"json", "csv", "tsv", "regex", "lines", "kafka"};

/* Which formats a member says something to; others are not mentioned. */
static const struct
{
	const char *member;
	int			kinds;
}			members[] = {
	{"flattenSpec", JSON},
	{"featureSpec", JSON},
	{"keepNullColumns", JSON},
	{"assumeNewlineDelimited", JSON},
	{"useJsonNodeReader", JSON},
	{"columns", CSV | TSV | REGEX},
	{"listDelimiter", CSV | TSV | REGEX},
	{"delimiter", TSV},
	{"findColumnsFromHeader", CSV | TSV},
	{"hasHeaderRow", CSV | TSV},
	{"skipHeaderRows", CSV | TSV},
	{"tryParseNumbers", CSV | TSV},
	{"pattern", REGEX},
	{"valueFormat", KAFKA},
	{"keyFormat", KAFKA},
	{"headerFormat", KAFKA},
	{"headerColumnPrefix", KAFKA},
	{"keyColumnName", KAFKA},
	{"timestampColumnName", KAFKA},
	{"topicColumnName", KAFKA},
	{"partitionColumnName", KAFKA},
	{"offsetColumnName", KAFKA},
};

/* The format that is being looked at. */
typedef struct Reading
{
	const SiJson *json;
	const char *path;			/* as the user wrote it */
	SiSpecFormat *format;
	SiSpecFindings *findings;
	bool		old;			/* a parseSpec */
} Reading;

static char *
member_path(const Reading *r, const char *member)
{
	return psprintf("%s.%s", r->path, member);
}

/* A member that was given, or NULL. */
static const SiJson *
given(const Reading *r, const char *member)
{
	const SiJson *value = si_json_get(r->json, member);

	return si_json_is_null(value) ? NULL : value;
}

/* A string that was given and is not empty, or NULL. */
static char *
given_string(const Reading *r, const char *member)
{
	const SiJson *value = given(r, member);
	const char *text;

	return value && si_value_string(value, &text) && *text ? pstrdup(text) : NULL;
}

static bool
given_bool(const Reading *r, const char *member)
{
	const SiJson *value = given(r, member);
	bool		flag = false;

	if (value)
		si_value_bool(value, &flag);
	return flag;
}

/* Members of other formats are read by nobody. */
static void
note_foreign_members(const Reading *r)
{
	for (int i = 0; i < lengthof(members); i++)
	{
		if (si_json_is_empty(si_json_get(r->json, members[i].member)) ||
			(members[i].kinds & (1 << r->format->kind)))
			continue;
		si_finding_no_effect(r->findings, member_path(r, members[i].member),
							 psprintf("The format %s does not have it.", kinds[r->format->kind]));
	}
}

/*
 * json
 */

static const char *
flatten_string(const SiJson *field, const char *member, const char *path, const char *hint)
{
	const SiJson *value = si_json_get(field, member);
	const char *text;

	if (si_json_is_empty(value) || !si_value_string(value, &text))
		si_spec_missing(psprintf("%s.%s", path, member), hint);
	return pstrdup(text);
}

static void
build_nodes(SiFlattenField *f, const SiJson *nodes, const char *path)
{
	const char *text;

	if (si_json_is_null(nodes) || nodes->kind != SI_JSON_ARRAY || nodes->n == 0)
		si_spec_missing(psprintf("%s.nodes", path), "List the names that lead to the value, from the root on.");
	f->nodes = palloc(sizeof(char *) * nodes->n);
	for (; f->nnodes < nodes->n; f->nnodes++)
	{
		if (!si_value_string(nodes->items[f->nnodes], &text))
			si_spec_error(psprintf("%s.nodes[%d]", path, f->nnodes), nodes->items[f->nnodes], "Expected a name.", NULL);
		f->nodes[f->nnodes] = pstrdup(text);
	}
}

static void
build_flatten_field(SiFlattenField *f, const SiJson *json, const char *path)
{
	static const char *const types[] = {"root", "path", "jq", "tree"};
	const SiJson *expr = si_json_get(json, "expr");
	const char *text;
	SiReason	why;

	if (json->kind != SI_JSON_OBJECT)
	{
		if (!si_value_string(json, &text) || *text == '\0')
			si_spec_error(path, json, "Expected the name of a field of the root, or an object.", NULL);
		f->name = f->expr = pstrdup(text);
		return;
	}
	text = flatten_string(json, "type", path, "Expected root, path, jq or tree.");
	for (int i = 0; i < lengthof(types); i++)
		if (pg_strcasecmp(text, types[i]) == 0)
			f->kind = (SiFlattenKind) i;
	f->name = unconstify(char *, flatten_string(json, "name", path, "Name the field."));
	if (f->kind == SI_FLATTEN_TREE)
	{
		build_nodes(f, si_json_get(json, "nodes"), path);
		return;
	}
	if (f->kind == SI_FLATTEN_ROOT && si_json_is_null(expr))
		f->expr = f->name;
	else
		f->expr = unconstify(char *, flatten_string(json, "expr", path, "Say where the field comes from."));
	if (f->kind == SI_FLATTEN_PATH && si_jsonpath_compile(f->expr, &why) == NULL)
		si_spec_error(psprintf("%s.expr", path), expr, psprintf("Expected a JSONPath: %s.", why.text), NULL);
	if (f->kind == SI_FLATTEN_JQ && si_jq_compile(f->expr, &why) == NULL)
		si_spec_error(psprintf("%s.expr", path), expr, psprintf("Expected an expression of jq: %s.", why.text), NULL);
}

static void
build_flatten(Reading *r)
{
	const SiJson *flatten = given(r, "flattenSpec");
	const SiJson *discovery = si_json_get(flatten, "useFieldDiscovery");
	const SiJson *fields = si_json_get(flatten, "fields");
	SiSpecFormat *f = r->format;
	bool		flag = true;

	if (!si_json_is_null(discovery))
		si_value_bool(discovery, &flag);
	f->no_discovery = !flag;
	if (si_json_is_null(fields) || fields->n == 0)
		return;
	f->fields = palloc0(sizeof(SiFlattenField) * fields->n);
	for (int i = 0; i < fields->n; i++)
	{
		char	   *path = psprintf("%s.flattenSpec.fields[%d]", r->path, i);

		build_flatten_field(&f->fields[i], fields->items[i], path);
		for (int j = 0; j < i; j++)
			if (strcmp(f->fields[j].name, f->fields[i].name) == 0)
				si_spec_error(path, fields->items[i],
							  psprintf("Cannot have duplicate field definition: %s", f->fields[i].name), NULL);
		f->nfields++;
	}
}

/* Jackson's features that say nothing about what is valid. */
static bool
without_effect(const char *feature)
{
	static const char *const names[] = {"AUTO_CLOSE_SOURCE", "IGNORE_UNDEFINED", "INCLUDE_SOURCE_IN_LOCATION",
	"USE_FAST_DOUBLE_PARSER", "USE_FAST_BIG_NUMBER_PARSER", "CLEAR_CURRENT_TOKEN_ON_CLOSE"};

	for (int i = 0; i < lengthof(names); i++)
		if (pg_strcasecmp(feature, names[i]) == 0)
			return true;
	return false;
}

static void
build_features(Reading *r)
{
	const SiJson *features = given(r, "featureSpec");

	for (int i = 0; features && i < features->n; i++)
	{
		const char *name = features->keys[i];
		const SiJson *value = features->items[i];
		char	   *path = psprintf("%s.featureSpec.%s", r->path, name);
		bool		on = false;

		if (!si_json_is_null(value) && !si_value_bool(value, &on))
			si_spec_error(path, value, "Expected true or false.", NULL);
		if (si_json_feature(name) != 0)
			r->format->features |= on ? si_json_feature(name) : 0;
		else if (on && !without_effect(name))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("%s is not supported", path),
					 errdetail("There is no such way of reading JSON here."),
					 errhint("Remove the feature, or set it to false.")));
	}
}

static void
build_json(Reading *r)
{
	SiSpecFormat *f = r->format;

	build_flatten(r);
	build_features(r);
	f->newline_delimited = given_bool(r, "assumeNewlineDelimited");
	f->node_reader = given_bool(r, "useJsonNodeReader");
	if (f->newline_delimited && f->node_reader)
		si_spec_error(member_path(r, "useJsonNodeReader"), given(r, "useJsonNodeReader"),
					  "Only one of assumeNewlineDelimited and useJsonNodeReader may be true.", NULL);
}

/*
 * csv, tsv, regex
 */

static void
build_columns(Reading *r)
{
	const SiJson *columns = given(r, "columns");
	SiSpecFormat *f = r->format;
	const char *text;

	if (columns == NULL || columns->n == 0)
		return;
	f->columns = palloc(sizeof(char *) * columns->n);
	for (int i = 0; i < columns->n; i++)
	{
		char	   *path = psprintf("%s.columns[%d]", r->path, i);

		if (!si_value_string(columns->items[i], &text) || *text == '\0')
			si_spec_error(path, columns->items[i], "Expected the name of a column.", NULL);
		for (int j = 0; j < f->ncolumns; j++)
		{
			if (strcmp(f->columns[j], text) == 0)
				si_spec_error(path, columns->items[i], "There are two columns of this name.", NULL);
		}
		f->columns[f->ncolumns++] = pstrdup(text);
	}
}

static void
check_delimiters(const Reading *r, const char *delimiter)
{
	const SiSpecFormat *f = r->format;

	if (f->list_delimiter && strcmp(f->list_delimiter, delimiter) == 0)
		si_spec_error(member_path(r, "listDelimiter"), given(r, "listDelimiter"),
					  "Cells and the values of a list in a cell must have different delimiters.", NULL);
	for (int i = 0; i < f->ncolumns; i++)
	{
		if (strstr(f->columns[i], delimiter))
			si_spec_error(psprintf("%s.columns[%d]", r->path, i), given(r, "columns")->items[i],
						  "The name of a column must not contain the delimiter.", NULL);
	}
}

static void
build_delimited(Reading *r)
{
	SiSpecFormat *f = r->format;
	const SiJson *skip = given(r, "skipHeaderRows");
	int64		n;

	build_columns(r);
	f->list_delimiter = given_string(r, "listDelimiter");
	f->delimiter = f->kind == SI_FORMAT_TSV ? given_string(r, "delimiter") : NULL;
	f->try_numbers = given_bool(r, "tryParseNumbers");
	if (skip && si_value_int(skip, 0, PG_INT32_MAX, &n))
		f->skip_rows = (int) n;
	if (f->ncolumns == 0 && given(r, "findColumnsFromHeader") && given(r, "hasHeaderRow"))
		si_spec_error(member_path(r, "hasHeaderRow"), given(r, "hasHeaderRow"),
					  "It is the older name of findColumnsFromHeader; only one of the two may be given.", NULL);
	f->header = given_bool(r, "findColumnsFromHeader") ||
		((f->ncolumns == 0 || r->old) && given_bool(r, "hasHeaderRow"));
	if (f->ncolumns == 0 && !f->header)
		si_spec_missing(member_path(r, "columns"),
						"Name the columns, or set findColumnsFromHeader to true when every message begins with a header.");
	check_delimiters(r, f->delimiter ? f->delimiter : f->kind == SI_FORMAT_TSV ? "\t" : ",");
}

static void
build_regex(Reading *r)
{
	SiSpecFormat *f = r->format;
	SiReason	why;

	build_columns(r);
	f->list_delimiter = given_string(r, "listDelimiter");
	f->pattern = given_string(r, "pattern");
	if (f->pattern == NULL)
		si_spec_missing(member_path(r, "pattern"), "Give the regular expression whose groups are the columns.");
	if (!si_regex_check(f->pattern, &why))
		si_spec_error(member_path(r, "pattern"), given(r, "pattern"),
					  psprintf("Expected a regular expression in Java's syntax: %s.", why.text), NULL);
}

/*
 * kafka
 */

static void build_format(Reading *r);

static SiSpecFormat *
build_inner(Reading *r, const char *member)
{
	const SiJson *json = given(r, member);
	Reading		inner = {.json = json,.findings = r->findings};

	if (json == NULL)
		return NULL;
	inner.path = member_path(r, member);
	inner.format = palloc0(sizeof(SiSpecFormat));
	build_format(&inner);
	if (inner.format->kind == SI_FORMAT_KAFKA)
		si_spec_error(psprintf("%s.type", inner.path), given(&inner, "type"),
					  "The format kafka has no place inside of itself.", NULL);
	return inner.format;
}

static void
build_kafka(Reading *r)
{
	SiSpecFormat *f = r->format;
	const SiJson *headers = given(r, "headerFormat");
	const SiJson *encoding = si_json_get(headers, "encoding");
	const char *text;

	f->value = build_inner(r, "valueFormat");
	if (f->value == NULL)
		si_spec_missing(member_path(r, "valueFormat"), "Say the format of the payload, for example {\"type\": \"json\"}.");
	f->key = build_inner(r, "keyFormat");
	f->headers = headers != NULL;
	if (headers && si_json_is_null(si_json_get(headers, "type")))
		si_spec_missing(psprintf("%s.headerFormat.type", r->path), "Write \"type\": \"string\".");
	if (headers && !si_json_is_empty(encoding) && si_value_string(encoding, &text))
	{
		f->header_encoding = pstrdup(text);
		if (!si_header_encoding_check(text))
			si_spec_error(psprintf("%s.headerFormat.encoding", r->path), encoding, "Expected the name of an encoding.",
						  "Write for example UTF-8, US-ASCII, ISO-8859-1 or UTF-16.");
	}
	f->header_prefix = given_string(r, "headerColumnPrefix");
	f->key_column = given_string(r, "keyColumnName");
	f->timestamp_column = given_string(r, "timestampColumnName");
	f->topic_column = given_string(r, "topicColumnName");
	f->partition_column = given_string(r, "partitionColumnName");
	f->offset_column = given_string(r, "offsetColumnName");
}

static SiFormatKind
kind_of(const Reading *r)
{
	const SiJson *type = given(r, "type");
	const char *text;

	for (int i = 0; type && si_value_string(type, &text) && i < lengthof(kinds); i++)
	{
		if (pg_strcasecmp(text, kinds[i]) == 0)
			return (SiFormatKind) i;
	}
	return SI_FORMAT_JSON;
}

static void
build_format(Reading *r)
{
	r->format->kind = kind_of(r);
	note_foreign_members(r);
	switch (r->format->kind)
	{
		case SI_FORMAT_JSON:
			build_json(r);
			break;
		case SI_FORMAT_CSV:
		case SI_FORMAT_TSV:
			build_delimited(r);
			break;
		case SI_FORMAT_REGEX:
			build_regex(r);
			break;
		case SI_FORMAT_KAFKA:
			build_kafka(r);
			break;
		default:
			break;
	}
}

void
si_spec_format(SiSpec *spec, const SiSpecShape *shape, SiSpecFindings *findings)
{
	Reading		r = {
		.json = si_spec_at(shape->root, "spec.ioConfig.inputFormat"),
		.path = shape->format_path,
		.format = &spec->format,
		.findings = findings,
		.old = strstr(shape->format_path, "parseSpec") != NULL
	};

	if (!si_json_is_null(r.json))
		build_format(&r);
}
