/*
 * fn_json.c
 *		Functions of expressions: nested JSON values, by Druid's small subset
 *		of JSONPath ($, .name, ['name'], [number]).
 */
#include "common/port.h"

#include "expr/expr_int.h"
#include "format/jsontext.h"

static bool
null_result(SiExprValue *out)
{
	return si_expr_return(out, si_expr_null());
}

/* -------------------------------------------------------------------- path */

typedef struct Step
{
	char	   *name;			/* NULL: an index */
	int			len;
	int64		index;			/* negative: from the end */
} Step;

typedef struct Path
{
	int			n;
	Step	   *steps;
	SiExprType	type;			/* json_value: what to cast to */
	bool		cast;
	bool		array;
} Path;

/* One step from p on; behind it, or NULL. */
static const char *
parse_step(const char *p, Step *step)
{
	const char *end;
	char	   *stop;

	memset(step, 0, sizeof(*step));
	if (*p == '.')
	{
		p++;
		end = p + strcspn(p, ".[");
		if (end == p)
			return NULL;
	}
	else if (p[0] == '[' && (p[1] == '\'' || p[1] == '"'))
	{
		char		quote = p[1];

		p += 2;
		end = strchr(p, quote);
		if (end == NULL || end[1] != ']')
			return NULL;
		step->name = pnstrdup(p, end - p);
		step->len = (int) (end - p);
		return end + 2;
	}
	else if (*p == '[')
	{
		step->index = strtol(p + 1, &stop, 10);
		return stop > p + 1 && *stop == ']' ? stop + 1 : NULL;
	}
	else
		return NULL;
	step->name = pnstrdup(p, end - p);
	step->len = (int) (end - p);
	return end;
}

static bool
parse_path(const char *text, Path *path, SiReason *why)
{
	int			cap = 8;
	const char *p = text;

	path->steps = palloc(sizeof(Step) * cap);
	if (*p != '$')
		return si_format_reason(why, "the path \"%.*s\" does not begin with \"$\"", si_format_clip(text, strlen(text)), text);
	p++;
	if (strcmp(p, ".") == 0)
		p++;
	while (*p != '\0')
	{
		if (path->n == cap)
			path->steps = repalloc(path->steps, sizeof(Step) * (cap *= 2));
		p = parse_step(p, &path->steps[path->n]);
		if (p == NULL)
			return si_format_reason(why, "the path \"%.*s\" has something else than .name, ['name'] and [number]",
									si_format_clip(text, strlen(text)), text);
		path->n++;
	}
	return true;
}

static bool
prepare_path(SiExprNode *n, SiReason *why)
{
	Path	   *path = palloc0(sizeof(Path));

	n->prepared = path;
	if (n->nargs < 2)
		return true;
	if (!si_expr_is_literal_text(n->args[1]))
		return si_format_reason(why, "the path must be a literal");
	return parse_path(si_expr_literal(n->args[1]), path, why);
}

static bool
prepare_value(SiExprNode *n, SiReason *why)
{
	Path	   *path;
	const char *type;

	if (!prepare_path(n, why))
		return false;
	path = n->prepared;
	if (n->nargs < 3)
		return true;
	if (!si_expr_is_literal_text(n->args[2]))
		return si_format_reason(why, "the type must be a literal");
	type = si_expr_literal(n->args[2]);
	path->cast = true;
	if (pg_strncasecmp(type, "ARRAY<", 6) == 0)
	{
		path->array = true;
		type += 6;
	}
	if (pg_strncasecmp(type, "LONG", 4) == 0)
		path->type = SI_EXPR_LONG;
	else if (pg_strncasecmp(type, "DOUBLE", 6) == 0)
		path->type = SI_EXPR_DOUBLE;
	else if (pg_strncasecmp(type, "STRING", 6) == 0)
		path->type = SI_EXPR_STRING;
	else
		return si_format_reason(why, "there is no type \"%.*s\"; take STRING, LONG, DOUBLE or ARRAY of these",
								si_format_clip(type, strlen(type)), type);
	return true;
}

/* -------------------------------------------------------------- navigation */

/* A place in JSON text. */
typedef struct Place
{
	SiValue		v;
	bool		escaped;
} Place;

static bool
key_is(SiEval *ev, const Place *key, const char *name, int len)
{
	const char *text = key->v.ptr;
	ptrdiff_t	n = key->v.len;

	if (key->escaped)
	{
		char	   *copy = si_expr_alloc(ev->memory, key->v.len + 1);

		n = si_json_unescape(key->v.ptr, key->v.len, copy);
		text = copy;
	}
	return n == len && memcmp(text, name, len) == 0;
}

/*
 * The next member or element from *p on; false at the end.  key is only set
 * for members of an object.
 */
static bool
next_item(const char **p, const char *end, bool object, Place *key, Place *value)
{
	const char *s = si_json_skip_blanks(*p, end);

	if (s < end && *s == ',')
		s = si_json_skip_blanks(s + 1, end);
	if (s >= end)
		return false;
	if (object)
	{
		s = si_json_value(s, end, &key->v, &key->escaped);
		if (s == NULL || key->v.kind != SI_VALUE_STRING)
			return false;
		s = si_json_skip_blanks(s, end);
		if (s >= end || *s != ':')
			return false;
		s = si_json_skip_blanks(s + 1, end);
	}
	value->escaped = false;
	s = si_json_value(s, end, &value->v, &value->escaped);
	if (s == NULL)
		return false;
	*p = s;
	return true;
}

static bool
take_step(SiEval *ev, Place *at, const Step *step)
{
	bool		object = at->v.kind == SI_VALUE_OBJECT;
	const char *p = at->v.ptr + 1;
	const char *end = at->v.ptr + at->v.len - 1;
	Place		key,
				value;
	bool		found = false;
	int64		index = step->index;

	if (!(step->name != NULL ? object : at->v.kind == SI_VALUE_ARRAY))
		return false;
	if (step->name == NULL && index < 0)
	{
		const char *q = p;

		while (next_item(&q, end, false, &key, &value))
			index++;
		if (index < 0)
			return false;
	}
	while (next_item(&p, end, object, &key, &value))
	{
		/* of equal keys the last wins */
		if (step->name != NULL ? key_is(ev, &key, step->name, step->len) : index-- == 0)
		{
			*at = value;
			found = true;
			if (step->name == NULL)
				break;
		}
	}
	return found;
}

/* The text of a value as JSON, if it is one: an object, array, or scalar. */
static bool
root_of(const SiExprValue *v, Place *at)
{
	memset(at, 0, sizeof(*at));
	if (v->isnull || v->type != SI_EXPR_JSON || v->len < 2)
		return false;
	at->v.ptr = v->u.s;
	at->v.len = v->len;
	at->v.kind = v->u.s[0] == '[' ? SI_VALUE_ARRAY : SI_VALUE_OBJECT;
	return true;
}

/* An array is JSON again where a path goes into it. */
static bool
walk(SiEval *ev, const SiExprNode *n, const SiExprValue *v, Place *at)
{
	const Path *path = n->prepared;
	SiExprValue json = *v;

	if (!v->isnull && v->type == SI_EXPR_ARRAY)
	{
		json = si_expr_to_json(ev, v);
		json.type = SI_EXPR_JSON;
	}
	if (!root_of(&json, at))
		return false;
	for (int i = 0; i < path->n; i++)
		if (!take_step(ev, at, &path->steps[i]))
			return false;
	return true;
}

/* json_value: scalars and arrays of scalars; objects are null. */
static bool
fn_json_value(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const Path *path = n->prepared;
	Place		at;

	if (path->n == 0 && !args[0].isnull && args[0].type != SI_EXPR_JSON)
		*out = args[0];
	else if (!walk(ev, n, &args[0], &at))
		return null_result(out);
	else
		si_expr_from_json(ev, &at.v, at.escaped, out);
	if (out->isnull || out->type == SI_EXPR_JSON)
		return null_result(out);
	if (!path->cast)
		return true;
	if (path->array)
	{
		SiExprValue a = si_expr_as_array(ev, out);
		SiExprValue *items = si_expr_items(ev, a.len);

		for (uint32 i = 0; i < a.len; i++)
			items[i] = si_expr_cast(ev, &a.u.items[i], path->type);
		*out = si_expr_array(items, a.len, path->type);
	}
	else
		*out = out->type == SI_EXPR_ARRAY && out->len != 1 ? si_expr_null() : si_expr_cast(ev, out, path->type);
	return true;
}

static bool
fn_json_query(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const Path *path = n->prepared;
	Place		at;

	if (path->n == 0)
		return si_expr_return(out, args[0]);
	if (!walk(ev, n, &args[0], &at))
		return null_result(out);
	si_expr_from_json(ev, &at.v, at.escaped, out);
	return true;
}

/* An array, or an array of the one value; objects are null. */
static bool
fn_json_query_array(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	if (!fn_json_query(ev, n, args, out))
		return false;
	if (out->isnull || (out->type == SI_EXPR_JSON && out->u.s[0] == '{'))
		return null_result(out);
	if (out->type != SI_EXPR_JSON)
		*out = si_expr_as_array(ev, out);
	return true;
}

/* Names of an object, or numbers of an array's elements. */
static bool
fn_json_keys(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	Place		at,
				key,
				value;
	const char *p;
	const char *end;
	uint32		count = 0;
	SiExprValue *items;
	bool		object;

	if (!walk(ev, n, &args[0], &at) || (at.v.kind != SI_VALUE_OBJECT && at.v.kind != SI_VALUE_ARRAY))
		return null_result(out);
	object = at.v.kind == SI_VALUE_OBJECT;
	end = at.v.ptr + at.v.len - 1;
	for (p = at.v.ptr + 1; next_item(&p, end, object, &key, &value);)
		count++;
	items = si_expr_items(ev, count);
	count = 0;
	for (p = at.v.ptr + 1; next_item(&p, end, object, &key, &value); count++)
	{
		SiExprValue number = si_expr_long(count);

		if (object)
			si_expr_from_json(ev, &key.v, key.escaped, &items[count]);
		else
			items[count] = si_expr_cast(ev, &number, SI_EXPR_STRING);
	}
	return si_expr_return(out, si_expr_array(items, count, SI_EXPR_STRING));
}

/* ----------------------------------------------------------------- parsing */

bool
si_expr_parse_json(SiEval *ev, const SiExprValue *v, SiExprValue *out)
{
	/* what ends a number must be readable */
	char	   *copy = si_expr_alloc(ev->memory, v->len + 1);
	const char *end = copy + v->len;
	const char *start;
	const char *stop;
	SiValue		value;
	bool		escaped = false;

	memcpy(copy, v->u.s, v->len);
	copy[v->len] = '\0';
	start = si_json_skip_blanks(copy, end);
	stop = si_json_valid(start, end);
	if (stop == NULL || si_json_skip_blanks(stop, end) != end ||
		si_json_value(start, end, &value, &escaped) == NULL)
		return false;
	if (value.kind == SI_VALUE_ARRAY || value.kind == SI_VALUE_OBJECT)
	{
		*out = si_expr_text(value.ptr, value.len);
		out->type = SI_EXPR_JSON;
		return true;
	}
	si_expr_from_json(ev, &value, escaped, out);
	return true;
}

static bool
fn_parse_json(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	bool		try = n->fn->name[0] == 't';

	*out = args[0];
	if (args[0].isnull || args[0].type != SI_EXPR_STRING)
		return true;
	if (si_expr_parse_json(ev, &args[0], out))
		return true;
	if (!try)
		return si_expr_fail(ev, "function parse_json cannot read \"%.*s\"",
							si_format_clip(args[0].u.s, args[0].len), args[0].u.s);
	return null_result(out);
}

static bool
fn_to_json_string(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, args[0].isnull ? args[0] : si_expr_to_json(ev, &args[0]));
}

static bool
prepare_object(SiExprNode *n, SiReason *why)
{
	if (n->nargs % 2 != 0)
		return si_format_reason(why, "a key has no value");
	return true;
}

static bool
fn_json_object(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiExprValue *parts = si_expr_items(ev, n->nargs);
	uint64		total = 2;
	char	   *text;
	char	   *p;

	for (int i = 0; i < n->nargs; i++)
	{
		SiExprValue v = args[i];

		if (i % 2 == 0)
		{
			if (v.isnull)
				return si_expr_fail(ev, "function json_object has a key that is null");
			v = si_expr_cast(ev, &v, SI_EXPR_STRING);
		}
		parts[i] = si_expr_to_json(ev, &v);
		total += parts[i].len + 1;
	}
	if (total > SI_EXPR_MAX_TEXT)
		return si_expr_fail(ev, "the text would be longer than %d bytes", SI_EXPR_MAX_TEXT);
	p = text = si_expr_alloc(ev->memory, total + 1);
	*p++ = '{';
	for (int i = 0; i < n->nargs; i++)
	{
		memcpy(p, parts[i].u.s, parts[i].len);
		p += parts[i].len;
		*p++ = i % 2 == 0 ? ':' : ',';
	}
	if (n->nargs > 0)
		p--;
	*p++ = '}';
	*out = si_expr_text(text, p - text);
	out->type = SI_EXPR_JSON;
	return true;
}

const SiExprFunction si_fn_json[] = {
	{"json_value", 2, 3, .call = fn_json_value, .prepare = prepare_value},
	{"json_query", 2, 2, .call = fn_json_query, .prepare = prepare_path},
	{"json_keys", 2, 2, .call = fn_json_keys, .prepare = prepare_path},
	{"json_object", 0, -1, .call = fn_json_object, .prepare = prepare_object},
	{"parse_json", 1, 1, .call = fn_parse_json},
	{"try_parse_json", 1, 1, .call = fn_parse_json},
	{"to_json_string", 1, 1, .call = fn_to_json_string},
	{"json_query_array", 2, 2, .call = fn_json_query_array, .prepare = prepare_path},
	{NULL}
};
