/*
 * fn_jsontree.c
 *		Functions of expressions that look at whole JSON values: json_merge
 *		and json_paths.
 */
#include "common/port.h"

#include "expr/expr_int.h"
#include "format/jsonnode.h"
#include "format/jsontext.h"

#define MAX_DEPTH	512

typedef SiExprOutput Output;

#define put (void) si_expr_put

/* A value as it stands in its text. */
static void
put_node(Output *o, const SiJsonNode *node)
{
	const SiValue *v = &node->v;

	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_STRING:
			put(o, v->ptr - 1, (size_t) v->len + 2);
			break;
		case SI_VALUE_BOOL:
			put(o, v->u.i ? "true" : "false", v->u.i ? 4 : 5);
			break;
		case SI_VALUE_NULL:
		case SI_VALUE_MISSING:
			put(o, "null", 4);
			break;
		default:
			put(o, v->ptr, v->len);
			break;
	}
}

/* A key's characters. */
static const char *
key_text(SiEval *ev, const SiJsonNode *key, size_t *len)
{
	char	   *copy;

	*len = key->v.len;
	if (!key->escaped)
		return key->v.ptr;
	copy = si_expr_alloc(ev->memory, key->v.len + 1);
	*len = Max(si_json_unescape(key->v.ptr, key->v.len, copy), 0);
	return copy;
}

static bool
find_member(SiEval *ev, const SiJsonNode *object, const SiJsonNode *key, SiJsonNode *value)
{
	size_t		len;
	const char *text = key_text(ev, key, &len);

	return si_node_member(object, text, len, value);
}

/* Is this member the last of its name? */
static bool
is_last(SiEval *ev, const SiJsonNode *object, const SiJsonNode *key, const SiJsonNode *value)
{
	SiJsonNode	last;

	return find_member(ev, object, key, &last) && last.v.ptr == value->v.ptr;
}

static void merge(Output *o, const SiJsonNode *a, const SiJsonNode *b, int depth);

static void
put_member(Output *o, const SiJsonNode *key, bool *any)
{
	if (*any)
		put(o, ",", 1);
	*any = true;
	put_node(o, key);
	put(o, ":", 1);
}

/* Members of a, each merged with b's of the same name, then those that only b has. */
static void
merge_objects(Output *o, const SiJsonNode *a, const SiJsonNode *b, int depth)
{
	SiNodeWalk	walk;
	SiJsonNode	key,
				value,
				other;
	bool		any = false;

	put(o, "{", 1);
	for (si_node_walk(&walk, a); si_node_next(&walk, &key, &value);)
	{
		if (!is_last(o->ev, a, &key, &value))
			continue;
		put_member(o, &key, &any);
		if (find_member(o->ev, b, &key, &other))
			merge(o, &value, &other, depth + 1);
		else
			put_node(o, &value);
	}
	for (si_node_walk(&walk, b); si_node_next(&walk, &key, &value);)
	{
		if (find_member(o->ev, a, &key, &other) || !is_last(o->ev, b, &key, &value))
			continue;
		put_member(o, &key, &any);
		put_node(o, &value);
	}
	put(o, "}", 1);
}

static void
merge_arrays(Output *o, const SiJsonNode *a, const SiJsonNode *b)
{
	SiNodeWalk	walk;
	SiJsonNode	value;
	const SiJsonNode *const both[] = {a, b};
	bool		any = false;

	put(o, "[", 1);
	for (int i = 0; i < lengthof(both); i++)
		for (si_node_walk(&walk, both[i]); si_node_next(&walk, NULL, &value);)
		{
			if (any)
				put(o, ",", 1);
			any = true;
			put_node(o, &value);
		}
	put(o, "]", 1);
}

/* Objects are merged, arrays joined; of anything else b wins. */
static void
merge(Output *o, const SiJsonNode *a, const SiJsonNode *b, int depth)
{
	if (depth < MAX_DEPTH && a->v.kind == SI_VALUE_OBJECT && b->v.kind == SI_VALUE_OBJECT)
		merge_objects(o, a, b, depth);
	else if (a->v.kind == SI_VALUE_ARRAY && b->v.kind == SI_VALUE_ARRAY)
		merge_arrays(o, a, b);
	else
		put_node(o, b);
}

/* A value, or the JSON in a text, as a node; false with a reason. */
static bool
node_of(SiEval *ev, const SiExprNode *n, const SiExprValue *v, SiJsonNode *node)
{
	SiExprValue json = *v;
	char	   *text;

	if (v->type == SI_EXPR_STRING)
	{
		if (!si_expr_parse_json(ev, v, &json))
			return si_expr_fail(ev, "function %s cannot read \"%.*s\"", n->fn->name, si_format_clip(v->u.s, v->len), v->u.s);
	}
	if (json.type != SI_EXPR_JSON)
		json = si_expr_to_json(ev, &json);
	/* what ends a number must be readable */
	text = si_expr_alloc(ev->memory, json.len + 1);
	memcpy(text, json.u.s, json.len);
	text[json.len] = '\0';
	return si_node_read(text, text + json.len, node) != NULL;
}

static bool
fn_json_merge(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiJsonNode	merged = {0};

	*out = si_expr_null();
	if (args[0].isnull)
		return true;
	if (!node_of(ev, n, &args[0], &merged))
		return false;
	for (int i = 1; i < n->nargs; i++)
	{
		Output		o = {.ev = ev};
		SiJsonNode	next;

		if (args[i].isnull)
			continue;
		if (!node_of(ev, n, &args[i], &next))
			return false;
		merge(&o, &merged, &next, 0);
		put(&o, "", 1);
		if (o.too_long)
			return si_expr_fail(ev, "the text would be longer than %d bytes", SI_EXPR_MAX_TEXT);
		if (si_node_read(o.text, o.text + o.len - 1, &merged) == NULL)
			return true;
	}
	si_expr_from_json(ev, &merged.v, merged.escaped, out);
	return true;
}

/* -------------------------------------------------------------------- paths */

typedef struct Paths
{
	SiEval	   *ev;
	char		path[4096];
	SiExprValue *items;
	uint32		n;
	uint32		cap;
} Paths;

static void
add_path(Paths *p, size_t len)
{
	if (p->n == p->cap)
	{
		SiExprValue *more = si_expr_items(p->ev, Max(p->cap * 2, 16));

		if (p->n > 0)
			memcpy(more, p->items, sizeof(SiExprValue) * p->n);
		p->items = more;
		p->cap = Max(p->cap * 2, 16);
	}
	p->items[p->n++] = si_expr_copy(p->ev, p->path, len);
}

/* An array of scalars is a value itself. */
static bool
is_leaf(const SiJsonNode *node)
{
	return node->v.kind != SI_VALUE_OBJECT && si_value_is_flat(&node->v);
}

static void
walk_paths(Paths *p, const SiJsonNode *node, size_t len, int depth)
{
	SiNodeWalk	walk;
	SiJsonNode	key,
				value;

	if (is_leaf(node) && (depth > 0 || node->v.kind != SI_VALUE_ARRAY))
	{
		add_path(p, len);
		return;
	}
	if (depth >= MAX_DEPTH || !si_node_walk(&walk, node))
		return;
	for (int i = 0; si_node_next(&walk, &key, &value); i++)
	{
		size_t		name_len;
		const char *name;
		size_t		n;

		if (walk.object && !is_last(p->ev, node, &key, &value))
			continue;
		if (walk.object)
		{
			name = key_text(p->ev, &key, &name_len);
			n = snprintf(p->path + len, sizeof(p->path) - len, ".%.*s", (int) name_len, name);
		}
		else
			n = snprintf(p->path + len, sizeof(p->path) - len, "[%d]", i);
		/* a path that is longer than that is left out */
		if (n < sizeof(p->path) - len)
			walk_paths(p, &value, len + n, depth + 1);
	}
}

static bool
fn_json_paths(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	Paths	   *p = si_expr_alloc(ev->memory, sizeof(Paths));
	SiJsonNode	node;

	memset(p, 0, sizeof(*p));
	p->ev = ev;
	p->path[0] = '$';
	if (args[0].isnull || args[0].type != SI_EXPR_JSON ||
		si_node_read(args[0].u.s, args[0].u.s + args[0].len, &node) == NULL)
		add_path(p, 1);
	else
		walk_paths(p, &node, 1, 0);
	return si_expr_return(out, si_expr_array(p->items, p->n, SI_EXPR_STRING));
}

const SiExprFunction si_fn_json_tree[] = {
	{"json_merge", 2, -1, .call = fn_json_merge},
	{"json_paths", 1, 1, .call = fn_json_paths},
	{NULL}
};
