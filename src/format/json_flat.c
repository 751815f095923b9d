/*
 * json_flat.c
 *		The input format "json" with options: flattenSpec, lines, the node
 *		reader, lenient reading.
 *
 * json.cpp reads the fields of the root into a table of fields of its own.
 * From there a row is made: every field of the flattenSpec is evaluated, on
 * its root field where it begins with one, else on the whole object; all
 * other root fields pass as they are.  A field of the flattenSpec wins over a
 * root field of its name.
 *
 * Lines (assumeNewlineDelimited) and the values of the node reader are parsed
 * one by one and stand for themselves, so what their rows point to is copied.
 */
#include "common/port.h"

#include "format/jq.h"
#include "format/json.h"
#include "format/json_lenient.h"
#include "format/jsonpath.h"
#include "format/jsontext.h"
#include "format/owned.h"
#include "format/reason.h"
#include "format/rowset.h"
#include "format/text_formats.h"

/* Fields of the root that are remembered. */
#define MAX_ROOT_FIELDS	4096

/* One field of the flattenSpec. */
typedef struct Program
{
	const SiFlattenField *field;
	SiBound		bound;
	SiJsonPath *path;
	SiJq	   *jq;
	int			root_slot;		/* of the inner table; -1: the whole object */
} Program;

struct SiFormat
{
	const SiSpecFormat *options;
	SiFieldTable *fields;		/* the caller's */
	SiFieldTable *roots;		/* fields of the root, as json.cpp sees them */
	SiJsonParser *parser;
	SiRowSet	rows;
	bool		discovers;
	bool		copies;			/* values outlive the parser's next message */

	Program    *programs;
	int			nprograms;
	bool		needs_root;		/* some program looks at the whole object */

	SiBound    *bounds;			/* one per slot of roots */
	int			nbounds;
	int			bounds_cap;
	SiScratch	strict;			/* the message in strict JSON */
	SiOwned    *owned;
};

static void
release(void *arg)
{
	SiFormat   *f = arg;

	si_scratch_free(&f->strict);
	si_json_parser_free(f->parser);
	si_rowset_free(&f->rows);
	free(f->bounds);
}

/*
 * What belongs to what
 */

static bool
is_explicit(const SiFormat *f, const char *name, int len)
{
	for (int i = 0; i < f->nprograms; i++)
		if (f->programs[i].bound.len == len && memcmp(f->programs[i].bound.name, name, len) == 0)
			return true;
	return false;
}

static int
add_root(SiFormat *f, const char *name, size_t len)
{
	return si_fields_add(f->roots, name, (int) len);
}

/* Binds everything to the caller's table, which has changed. */
static void
bind_all(SiFormat *f)
{
	for (int i = 0; i < f->nprograms; i++)
		si_rowset_bind(&f->rows, &f->programs[i].bound, f->programs[i].field->name, strlen(f->programs[i].field->name));
	for (int i = 0; i < si_fields_count(f->fields); i++)
	{
		int			len;
		const char *name = si_fields_name(f->fields, i, &len);

		if (!is_explicit(f, name, len))
			add_root(f, name, len);
	}
	f->nbounds = 0;
}

/* Binds the root fields that are new; false without memory. */
static bool
bind_roots(SiFormat *f)
{
	int			n = si_fields_count(f->roots);

	if (n > f->bounds_cap)
	{
		SiBound    *bounds = realloc(f->bounds, sizeof(SiBound) * n * 2);

		if (bounds == NULL)
			return false;
		f->bounds = bounds;
		f->bounds_cap = n * 2;
	}
	for (; f->nbounds < n; f->nbounds++)
	{
		SiBound    *b = &f->bounds[f->nbounds];
		int			len;
		const char *name = si_fields_name(f->roots, f->nbounds, &len);

		si_rowset_bind(&f->rows, b, name, len);
		if (is_explicit(f, name, len) || (b->slot == SI_FIELD_UNDECIDED && f->options->no_discovery))
			b->slot = SI_FIELD_IGNORED;
	}
	return true;
}

static void
compile_program(SiFormat *f, Program *p, const SiFlattenField *field)
{
	const char *root = NULL;
	size_t		len = 0;
	SiReason	why;

	p->field = field;
	p->bound.name = field->name;
	p->bound.len = strlen(field->name);
	switch (field->kind)
	{
		case SI_FLATTEN_ROOT:
			root = field->expr;
			len = strlen(root);
			break;
		case SI_FLATTEN_TREE:
			root = field->nodes[0];
			len = strlen(root);
			break;
		case SI_FLATTEN_PATH:
			p->path = si_jsonpath_compile(field->expr, &why);
			if (p->path != NULL)
				root = si_jsonpath_root_field(p->path, &len);
			break;
		case SI_FLATTEN_JQ:
			p->jq = si_jq_compile(field->expr, &why);
			if (p->jq != NULL)
				root = si_jq_root_field(p->jq, &len);
			break;
	}
	p->root_slot = root ? add_root(f, root, len) : -1;
	f->needs_root |= root == NULL;
}

static SiFormat *
create(const SiSpecFormat *options, SiFieldTable *fields)
{
	SiFormat   *f = palloc0(sizeof(SiFormat));

	f->options = options;
	f->fields = fields;
	f->discovers = si_fields_discovers(fields) && !options->no_discovery;
	f->roots = si_fields_create(f->discovers, MAX_ROOT_FIELDS);
	if (si_fields_nested(fields))
		si_fields_discover_nested(f->roots);
	f->programs = palloc0(sizeof(Program) * Max(options->nfields, 1));
	for (; f->nprograms < options->nfields; f->nprograms++)
		compile_program(f, &f->programs[f->nprograms], &options->fields[f->nprograms]);
	si_rowset_init(&f->rows, fields);
	f->parser = si_json_parser_create(f->roots);
	if (f->parser == NULL)
		si_owned_no_memory();
	f->owned = si_owned_register(f, release);
	return f;
}

/*
 * Rows
 */

/* Copies what the value points to; false without memory. */
static bool
copy_value(SiFormat *f, SiValue *v)
{
	if (!f->copies || v->ptr == NULL || v->kind == SI_VALUE_BOOL || v->kind <= SI_VALUE_NULL)
		return true;
	v->ptr = si_scratch_copy(&f->rows.scratch, v->ptr, v->len);
	return v->ptr != NULL;
}

static bool
put(SiFormat *f, SiBound *bound, SiValue v, SiReason *why)
{
	return copy_value(f, &v) ? si_rowset_put(&f->rows, bound, &v, why) : si_format_no_memory(why);
}

/* Walks down the names of a tree. */
static void
tree_value(const SiFlattenField *field, SiJsonNode node, bool found, SiScratch *scratch, SiValue *v, bool *memory)
{
	for (int i = 1; i < field->nnodes && found; i++)
		found = si_node_member(&node, field->nodes[i], strlen(field->nodes[i]), &node);
	if (found)
		*memory = si_node_value(&node, scratch, v);
}

/*
 * The value of one field of the flattenSpec; false without memory.  A root
 * field comes from the parser: a string of it is unescaped already.
 */
static bool
program_value(SiFormat *f, const Program *p, const SiValue *roots, const SiJsonNode *whole, SiValue *v)
{
	SiJsonNode	node = {.v = {.kind = SI_VALUE_NULL}};
	bool		memory = true;

	memset(v, 0, sizeof(*v));
	if (p->root_slot < 0)
		node = *whole;
	else
	{
		node.v = roots[p->root_slot];
		node.made = node.v.kind == SI_VALUE_STRING;
	}
	switch (p->field->kind)
	{
		case SI_FLATTEN_ROOT:
			*v = roots[p->root_slot];
			return true;
		case SI_FLATTEN_TREE:
			tree_value(p->field, node, node.v.kind != SI_VALUE_MISSING, &f->rows.scratch, v, &memory);
			return memory;
		case SI_FLATTEN_PATH:
			if (node.v.kind == SI_VALUE_MISSING)
				return true;
			return p->path == NULL || si_jsonpath_value(p->path, &node, p->root_slot >= 0, &f->rows.scratch, v);
		case SI_FLATTEN_JQ:
			if (node.v.kind == SI_VALUE_MISSING)
				si_node_null(&node);
			return p->jq == NULL || si_jq_value(p->jq, &node, p->root_slot >= 0, &f->rows.scratch, v);
	}
	return true;
}

static bool
add_row(SiFormat *f, const SiValue *roots, const SiJsonNode *whole, SiReason *why)
{
	SiValue		v;

	if (!si_rowset_add(&f->rows, why))
		return false;
	for (int i = 0; i < f->nprograms; i++)
	{
		Program    *p = &f->programs[i];

		if (p->bound.slot == SI_FIELD_IGNORED)
			continue;
		if (!program_value(f, p, roots, whole, &v))
			return si_format_no_memory(why);
		if (!put(f, &p->bound, v, why))
			return false;
		if (p->bound.slot >= 0)
			si_fields_keep_nested(f->fields, p->bound.slot);
	}
	for (int i = 0; i < f->nbounds; i++)
	{
		SiBound    *b = &f->bounds[i];

		if (b->slot == SI_FIELD_IGNORED || roots[i].kind == SI_VALUE_MISSING ||
			(b->slot == SI_FIELD_UNDECIDED && !si_fields_nested(f->fields) && !si_value_is_flat(&roots[i])))
			continue;
		if (!put(f, b, roots[i], why))
			return false;
	}
	return true;
}

/* Rows of what the parser made of a text, at most max of them. */
static bool
add_rows(SiFormat *f, const SiRows *parsed, int max, const char *text, size_t len, SiReason *why)
{
	const char *end = text + len;
	SiJsonNode	whole = {0};

	if (!bind_roots(f))
		return si_format_no_memory(why);
	for (int r = 0; r < Min(parsed->nrows, max); r++)
	{
		if (f->needs_root && (text = si_node_read(text, end, &whole)) == NULL)
			return si_format_reason(why, "Unable to parse JSON");
		if (!add_row(f, parsed->values + (size_t) r * parsed->stride, &whole, why))
			return false;
	}
	return true;
}

/*
 * Ways to take a message apart
 */

/* One text of its own; false without a row, and nothing is to be kept of it. */
static bool
parse_one(SiFormat *f, const char *text, size_t len, int max, SiReason *why, bool *lost)
{
	SiRows		parsed;

	*lost = false;
	if (!si_json_parser_parse(f->parser, text, len, &parsed, why))
	{
		/* what the broken text discovered is forgotten again */
		f->nbounds = Min(f->nbounds, si_fields_count(f->roots));
		return false;
	}
	if (add_rows(f, &parsed, max, text, len, why))
		return true;
	*lost = true;
	return false;
}

static bool
parse_whole(SiFormat *f, const char *text, size_t len, SiReason *why)
{
	bool		lost;

	f->copies = false;
	return parse_one(f, text, len, PG_INT32_MAX, why, &lost);
}

/* Of each line the first value counts. */
static bool
parse_lines(SiFormat *f, const char *text, size_t len, SiReason *why)
{
	const char *end = text + len;
	bool		lost;

	f->copies = true;
	while (text < end)
	{
		const char *line = text;
		size_t		line_len = si_next_line(&text, end);
		const char *start = si_json_skip_blanks(line, line + line_len);
		SiJsonNode	value;
		const char *stop = si_node_read(line, line + line_len, &value);

		if (stop == NULL)
			stop = line + line_len;
		if (parse_one(f, start, stop - start, 1, why, &lost))
			continue;
		if (lost)
			return false;
		f->rows.nbad++;
	}
	return true;
}

/* Values one after the other, up to the first that is broken. */
static bool
parse_nodes(SiFormat *f, const char *text, size_t len, SiReason *why)
{
	const char *end = text + len;
	bool		lost;

	f->copies = false;
	if (parse_one(f, text, len, PG_INT32_MAX, why, &lost))
		return true;
	if (lost)
		return false;
	f->copies = true;
	for (text = si_json_skip_blanks(text, end); text < end; text = si_json_skip_blanks(text, end))
	{
		SiJsonNode	value;
		const char *stop = si_node_read(text, end, &value);

		if (!parse_one(f, text, (stop ? stop : end) - text, 1, why, &lost))
		{
			if (lost)
				return false;
			f->rows.nbad++;
			/* a value that is no object is broken as a row, not as JSON */
			if (stop == NULL || value.v.kind == SI_VALUE_OBJECT || value.v.kind == SI_VALUE_ARRAY)
				break;
		}
		text = stop ? stop : end;
	}
	return f->rows.nrows + f->rows.nbad > 0;
}

static bool
parse(SiFormat *f, const SiMessage *m, SiRows *rows, SiReason *why)
{
	const char *text = m->payload;
	size_t		len = m->len;
	bool		ok;

	if (si_rowset_begin(&f->rows))
		bind_all(f);
	for (int i = 0; i < f->nprograms; i++)
		if (f->programs[i].jq != NULL)
			si_jq_message(f->programs[i].jq, len);
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
	{
		text += 3;
		len -= 3;
	}
	if (f->options->features != 0)
	{
		si_scratch_reset(&f->strict);
		text = si_json_strict(&f->strict, f->options->features, text, &len);
		if (text == NULL)
			return si_format_no_memory(why);
	}
	if (f->options->newline_delimited)
		ok = parse_lines(f, text, len, why);
	else if (f->options->node_reader)
		ok = parse_nodes(f, text, len, why);
	else
		ok = parse_whole(f, text, len, why);
	if (!ok)
		return si_rowset_undo(&f->rows);
	si_rowset_finish(&f->rows, rows);
	rows->separate = f->options->newline_delimited || f->options->node_reader;
	return true;
}

static void
destroy(SiFormat *f)
{
	si_owned_forget(f->owned);
	release(f);
	si_fields_free(f->roots);
	pfree(f);
}

const SiFormatRoutine si_format_json_flat = {
	.name = "json",
	.create = create,
	.parse = parse,
	.destroy = destroy,
};
