/*
 * format_case.h
 *		Cases of input formats as text: options, and rows as they are shown.
 *
 * Options are separated by "; ":  csv, tsv, regex, lines, json; columns=a,b
 * header skip=2 list=| delimiter=| numbers pattern=... ; root:name=expr
 * path:name=expr jq:name=expr tree:name=a/b nodiscovery lines node
 * features=NUMBER; want=a,b (fields somebody asks for), listed (only these),
 * nested (objects are discovered).
 */
#ifndef SI_TEST_FORMAT_CASE_H
#define SI_TEST_FORMAT_CASE_H

#include "common/port.h"

#include <math.h>

#include "format/format.h"
#include "format/jsontext.h"
#include "format/number.h"

#define CASE_LIST 64

typedef struct FormatCase
{
	SiSpecFormat options;
	bool		listed;
	bool		nested;
	int			nwanted;
	char	   *wanted[CASE_LIST];
	char	   *columns[CASE_LIST];
	SiFlattenField fields[CASE_LIST];
} FormatCase;

/* \n, \r, \t, \\ and \xNN; in place. */
static inline size_t
case_unescape(char *text)
{
	char	   *out = text;

	for (const char *p = text; *p;)
	{
		unsigned	byte;

		if (*p != '\\')
			*out++ = *p++;
		else if (p[1] == 'x' && sscanf(p + 2, "%2x", &byte) == 1)
		{
			*out++ = (char) byte;
			p += 4;
		}
		else
		{
			*out++ = p[1] == 'n' ? '\n' : p[1] == 'r' ? '\r' : p[1] == 't' ? '\t' : p[1];
			p += 2;
		}
	}
	*out = '\0';
	return out - text;
}

static inline int
case_split(char *text, const char *by, char **list)
{
	int			n = 0;

	for (char *item = strsep(&text, by); item != NULL && n < CASE_LIST; item = strsep(&text, by))
		list[n++] = item;
	return n;
}

static inline void
case_flatten_field(FormatCase *c, char *option, SiFlattenKind kind)
{
	SiFlattenField *field = &c->fields[c->options.nfields++];
	char	   *expr = strchr(option, '=');

	*expr++ = '\0';
	field->kind = kind;
	field->name = strchr(option, ':') + 1;
	field->expr = expr;
	if (kind == SI_FLATTEN_TREE)
	{
		field->nodes = palloc(sizeof(char *) * CASE_LIST);
		field->nnodes = case_split(expr, "/", field->nodes);
	}
	c->options.fields = c->fields;
}

static inline void
case_option(FormatCase *c, char *option)
{
	static const char *const kinds[] = {"json", "csv", "tsv", "regex", "lines"};
	static const char *const sources[] = {"root:", "path:", "jq:", "tree:"};
	SiSpecFormat *o = &c->options;
	char	   *value = strchr(option, '=') ? strchr(option, '=') + 1 : NULL;

	for (int i = 0; i < lengthof(sources); i++)
		if (strncmp(option, sources[i], strlen(sources[i])) == 0)
		{
			case_flatten_field(c, option, (SiFlattenKind) i);
			return;
		}
	for (int i = 0; i < lengthof(kinds); i++)
		if (strcmp(option, kinds[i]) == 0)
			o->kind = (SiFormatKind) i;
	if (strncmp(option, "columns=", 8) == 0)
	{
		o->columns = c->columns;
		o->ncolumns = case_split(value, ",", c->columns);
	}
	else if (strncmp(option, "want=", 5) == 0)
		c->nwanted = case_split(value, ",", c->wanted);
	else if (strncmp(option, "list=", 5) == 0)
		o->list_delimiter = value;
	else if (strncmp(option, "delimiter=", 10) == 0)
		o->delimiter = value;
	else if (strncmp(option, "pattern=", 8) == 0)
		o->pattern = value;
	else if (strncmp(option, "skip=", 5) == 0)
		o->skip_rows = atoi(value);
	else if (strncmp(option, "features=", 9) == 0)
		o->features = (uint32) strtol(value, NULL, 0);
	o->header |= strcmp(option, "header") == 0;
	o->try_numbers |= strcmp(option, "numbers") == 0;
	o->no_discovery |= strcmp(option, "nodiscovery") == 0;
	o->newline_delimited |= strcmp(option, "newlines") == 0;
	o->node_reader |= strcmp(option, "node") == 0;
	c->listed |= strcmp(option, "listed") == 0;
	c->nested |= strcmp(option, "nested") == 0;
}

/* text is written to. */
static inline void
case_options(FormatCase *c, char *text)
{
	char	   *next = text;

	memset(c, 0, sizeof(*c));
	while (next != NULL)
	{
		char	   *option = next;

		next = strstr(option, "; ");
		if (next != NULL)
		{
			*next = '\0';
			next += 2;
		}
		case_option(c, option);
	}
}

/* The fields that a case asks for. */
static inline SiFieldTable *
case_fields(const FormatCase *c)
{
	SiFieldTable *fields = si_fields_create(!c->listed, 1000);

	if (c->nested)
		si_fields_discover_nested(fields);
	for (int i = 0; i < c->nwanted; i++)
		si_fields_add(fields, c->wanted[i], strlen(c->wanted[i]));
	return fields;
}

/* A value as JSON, or as what it is. */
static inline char *
case_value(const SiValue *v, char *out)
{
	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_MISSING:
			return out + sprintf(out, "missing");
		case SI_VALUE_NULL:
			return out + sprintf(out, "null");
		case SI_VALUE_BOOL:
			return out + sprintf(out, v->u.i ? "true" : "false");
		case SI_VALUE_LONG:
			return out + sprintf(out, INT64_FORMAT, v->u.i);
		case SI_VALUE_DOUBLE:
			return out + si_double_print(v->u.d, out);
		case SI_VALUE_STRING:
			return out + si_json_quote(v->ptr, v->len, out);
		default:
			return out + si_json_compact(v->ptr, v->len, out);
	}
}

/*
 * Rows as text: {"a":"x","b":1} {"a":"y"}, then "!2" when two rows are bad.
 * Missing and null values are left out.  size of out: generous.
 */
static inline void
case_show(const SiFieldTable *fields, const SiRows *rows, char *out)
{
	char	   *start = out;

	for (int r = 0; r < rows->nrows; r++)
	{
		const char *comma = "";

		out += sprintf(out, "%s{", r > 0 ? " " : "");
		for (int s = 0; s < rows->stride; s++)
		{
			const SiValue *v = &rows->values[r * rows->stride + s];
			int			len;
			const char *name = si_fields_name(fields, s, &len);

			if (v->kind == SI_VALUE_MISSING || v->kind == SI_VALUE_NULL)
				continue;
			out += sprintf(out, "%s", comma);
			out += si_json_quote(name, len, out);
			*out++ = ':';
			out = case_value(v, out);
			comma = ",";
		}
		*out++ = '}';
	}
	if (rows->nbad > 0)
		out += sprintf(out, "%s!%d", out > start ? " " : "", rows->nbad);
	*out = '\0';
}

#endif							/* SI_TEST_FORMAT_CASE_H */
