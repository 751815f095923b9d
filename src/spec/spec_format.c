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
		case SI_FORMAT_CSV:
		case SI_FORMAT_TSV:
			build_delimited(r);
			break;
		case SI_FORMAT_REGEX:
			build_regex(r);
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
