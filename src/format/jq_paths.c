/*
 * jq_paths.c
 *		Paths of jq: what =, |=, +=, del and paths do.
 *
 * A path is a chain of steps on the input itself.  Its steps are resolved
 * first; then a copy of the input is made in which the value at its end is
 * another one, or gone.
 */
#include "common/port.h"

#include "format/jq_int.h"

#define MAX_DEPTH	1000

/* What is done at the end of a path. */
typedef struct Change
{
	const JqNode *node;			/* of |=; else NULL */
	const JqEnv *env;
	char		op;				/* 0: remove; '=': set */
	SiJsonNode	value;
} Change;

static const SiJsonNode empty_array = {.v = {.kind = SI_VALUE_ARRAY,.ptr = "[]",.len = 2}};
static const SiJsonNode empty_object = {.v = {.kind = SI_VALUE_OBJECT,.ptr = "{}",.len = 2}};

/* A value that is not there (kind MISSING) is not; what becomes MISSING is removed. */
static bool change(JqEvaluation *e, const JqAccess *path, const SiJsonNode *in, const Change *c, SiJsonNode *result);

bool
si_jq_is_path(const JqNode *n)
{
	if (n->kind == JQ_IDENTITY)
		return false;
	while (n->kind == JQ_FIELD || n->kind == JQ_FIELD_BY || n->kind == JQ_INDEX || n->kind == JQ_INDEX_BY ||
		   n->kind == JQ_SLICE || n->kind == JQ_ITERATE)
		n = n->left;
	return n->kind == JQ_IDENTITY;
}

static bool
change_end(JqEvaluation *e, const SiJsonNode *in, const Change *c, SiJsonNode *result)
{
	JqList		values;

	if (c->node != NULL)
	{
		si_jq_list(&values);
		if (!si_jq_eval(e, c->node, c->env, in, &values))
			return false;
		si_node_null(result);
		if (values.n > 0)
			*result = values.items[values.n - 1];
		return true;
	}
	*result = c->value;
	switch (c->op)
	{
		case 0:
			memset(result, 0, sizeof(*result));
			return true;
		case '=':
			return true;
		case 'o':
			if (si_jq_is_true(in))
				*result = *in;
			return true;
		default:
			return si_jq_arithmetic(e, c->op, in, &c->value, result);
	}
}

/* The values that are there as an array or, with keys, an object. */
static bool
pack(JqEvaluation *e, const SiJsonNode *keys, const SiJsonNode *values, int64 n, SiJsonNode *result)
{
	SiNodeText	t;

	si_text_begin(&t, e->scratch);
	si_text_append(&t, keys ? "{" : "[", 1);
	for (int64 i = 0; i < n; i++)
	{
		if (values[i].v.kind == SI_VALUE_MISSING)
			continue;
		if (keys != NULL)
			si_jq_append_member(&t, &keys[i], &values[i]);
		else
			si_jq_append(&t, &values[i]);
	}
	si_text_append(&t, keys ? "}" : "]", 1);
	return si_jq_finish(e, &t, result);
}

/* A value that a change makes where there is none begins as null, but not for a removal. */
static void
begin_value(const Change *c, SiJsonNode *value)
{
	si_node_null(value);
	if (c->op == 0 && c->node == NULL)
		value->v.kind = SI_VALUE_MISSING;
}

static bool
change_indices(JqEvaluation *e, const JqAccess *path, const SiJsonNode *in, const Change *c, SiJsonNode *result)
{
	SiJsonNode *values;
	int64		n;
	int64		size = Max(si_node_count(in), 0);
	int64		room = 0;

	for (int i = 0; i < path->keys.n; i++)
		room = Max(room, path->keys.items[i].v.u.i);
	if (room > SI_JQ_MAX_STEPS)
		return si_jq_limit(e);
	if (!si_jq_unpack(e, in, NULL, &values, &n, room + 1))
		return false;
	for (int i = 0; i < path->keys.n; i++)
	{
		int64		at = path->keys.items[i].v.u.i;
		SiJsonNode	old;

		at = at < 0 ? at + size : at;
		if (at < 0)
			return si_jq_error(e, "Out of bounds negative array index");
		if (at < n)
			old = values[at];
		else
			begin_value(c, &old);
		if (!change(e, path->next, &old, c, &old))
			return false;
		if (old.v.kind == SI_VALUE_MISSING && at >= n)
			return si_jq_error(e, "Index out of bounds");
		while (n <= at)
			si_node_null(&values[n++]);
		values[at] = old;
	}
	return pack(e, NULL, values, n, result);
}

static bool
change_names(JqEvaluation *e, const JqAccess *path, const SiJsonNode *in, const Change *c, SiJsonNode *result)
{
	SiJsonNode *keys;
	SiJsonNode *values;
	int64		n;

	if (!si_jq_unpack(e, in, &keys, &values, &n, path->keys.n))
		return false;
	for (int i = 0; i < path->keys.n; i++)
	{
		size_t		len;
		const char *text = si_jq_text(e, &path->keys.items[i], &len);
		int64		at = n;
		bool		added;

		if (text == NULL || !si_jq_looked(e, in))
			return false;
		while (at > 0 && !(values[at - 1].v.kind != SI_VALUE_MISSING &&
						   (keys[at - 1].made ? keys[at - 1].v.len == len && memcmp(keys[at - 1].v.ptr, text, len) == 0 :
							si_node_is_key(&keys[at - 1], text, len))))
			at--;
		added = at-- == 0;
		if (added)
		{
			at = n++;
			keys[at] = path->keys.items[i];
			begin_value(c, &values[at]);
		}
		if (!change(e, path->next, &values[at], c, &values[at]))
			return false;
		/* as in the library: null is not added to what there is */
		if (added && values[at].v.kind == SI_VALUE_NULL && in != &empty_object)
			n--;
	}
	return pack(e, keys, values, n, result);
}

static bool
change_ranges(JqEvaluation *e, const JqAccess *path, const SiJsonNode *in, const Change *c, SiJsonNode *result)
{
	SiJsonNode	now = *in;

	for (int i = 0; i + 1 < path->keys.n; i += 2)
	{
		SiJsonNode *values;
		SiJsonNode	slice,
					value;
		SiNodeText	t;
		SiNodeWalk	walk;
		int64		n,
					from,
					to;

		if (!si_jq_unpack(e, &now, NULL, &values, &n, 0))
			return false;
		si_jq_range(&path->keys.items[i], n, &from, &to);
		if (!pack(e, NULL, values + from, to - from, &slice) || !change(e, path->next, &slice, c, &slice))
			return false;
		if (slice.v.kind != SI_VALUE_MISSING && slice.v.kind != SI_VALUE_ARRAY)
			return si_jq_error(e, "A slice of an array can only be assigned another array");
		si_text_begin(&t, e->scratch);
		si_text_append(&t, "[", 1);
		for (int64 j = 0; j < from; j++)
			si_jq_append(&t, &values[j]);
		if (si_node_walk(&walk, &slice))
			while (si_node_next(&walk, NULL, &value))
				si_jq_append(&t, &value);
		for (int64 j = to; j < n; j++)
			si_jq_append(&t, &values[j]);
		si_text_append(&t, "]", 1);
		if (!si_jq_finish(e, &t, &now))
			return false;
	}
	*result = now;
	return true;
}

static bool
change_all(JqEvaluation *e, const JqAccess *path, const SiJsonNode *in, const Change *c, SiJsonNode *result)
{
	SiJsonNode *keys;
	SiJsonNode *values;
	int64		n;

	if (!si_jq_unpack(e, in, in->v.kind == SI_VALUE_OBJECT ? &keys : NULL, &values, &n, 0))
		return false;
	for (int64 i = 0; i < n; i++)
		if (!change(e, path->next, &values[i], c, &values[i]))
			return false;
	return pack(e, in->v.kind == SI_VALUE_OBJECT ? keys : NULL, values, n, result);
}

/* null becomes what the step needs. */
static bool
change_null(JqEvaluation *e, const JqAccess *path, const SiJsonNode *in, const Change *c, SiJsonNode *result)
{
	if (path->kind == JQ_ALL)
		return si_jq_error(e, "Cannot iterate over null");
	*result = *in;
	if (c->op == 0 && c->node == NULL)
		return true;
	if (path->kind == JQ_INDICES)
		return change_indices(e, path, &empty_array, c, result);
	if (path->kind == JQ_RANGES)
	{
		if (!change(e, path->next, in, c, result))
			return false;
		return result->v.kind == SI_VALUE_ARRAY ||
			si_jq_error(e, "A slice of an array can only be assigned another array");
	}
	return change_names(e, path, &empty_object, c, result);
}

static bool
change(JqEvaluation *e, const JqAccess *path, const SiJsonNode *old, const Change *c, SiJsonNode *result)
{
	static const char *const needs[] = {"", "string", "number", "object", ""};
	SiJsonNode	copy = *old;	/* the result may stand in its place */
	const SiJsonNode *in = &copy;

	if (path == NULL)
		return change_end(e, in, c, result);
	if (!si_jq_step(e))
		return false;
	if (in->v.kind == SI_VALUE_MISSING)
		return si_jq_error(e, "Cannot delete from what is not there");
	if (path->kind == JQ_NO_ACCESS)
	{
		*result = *in;
		return true;
	}
	if (in->v.kind == SI_VALUE_NULL)
		return change_null(e, path, in, c, result);
	if (path->kind == JQ_ALL && (in->v.kind == SI_VALUE_ARRAY || in->v.kind == SI_VALUE_OBJECT))
		return change_all(e, path, in, c, result);
	if (path->kind == JQ_INDICES && in->v.kind == SI_VALUE_ARRAY)
		return change_indices(e, path, in, c, result);
	if (path->kind == JQ_RANGES && in->v.kind == SI_VALUE_ARRAY)
		return change_ranges(e, path, in, c, result);
	if (path->kind == JQ_NAMES && in->v.kind == SI_VALUE_OBJECT)
		return change_names(e, path, in, c, result);
	*result = *in;
	if (path->kind == JQ_ALL)
		return si_jq_error(e, "Cannot iterate over %s", si_jq_type(in));
	if (path->kind == JQ_RANGES && in->v.kind == SI_VALUE_STRING)
		return si_jq_error(e, "Cannot update field at object index of string");
	return path->permissive || si_jq_error(e, "Cannot index %s with %s", si_jq_type(in), needs[path->kind]);
}

/* The steps of a path, on the C stack, and then the change. */
static bool
with_path(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, const JqAccess *behind,
		  const Change *c, SiJsonNode *result)
{
	JqAccess	access;

	if (!si_jq_step(e))
		return false;
	if (n->kind == JQ_IDENTITY)
		return change(e, behind, in, c, result);
	if (!si_jq_resolve(e, n, env, in, &access))
		return false;
	access.next = (JqAccess *) behind;
	return with_path(e, n->left, env, in, &access, c, result);
}

bool
si_jq_assign(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	Change		c = {.op = n->op,.env = env};
	JqList		values;
	SiJsonNode	result;

	if (n->op == '|')
	{
		c.node = n->right;
		return with_path(e, n->left, env, in, NULL, &c, &result) && si_jq_push(e, out, &result);
	}
	si_jq_list(&values);
	if (!si_jq_eval(e, n->right, env, in, &values))
		return false;
	for (int i = 0; i < values.n; i++)
	{
		c.value = values.items[i];
		if (!with_path(e, n->left, env, in, NULL, &c, &result) || !si_jq_push(e, out, &result))
			return false;
	}
	return true;
}

bool
si_jq_del(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	Change		c = {.op = 0};
	SiJsonNode	result;

	if (si_jq_rank(in) == 1 || si_jq_rank(in) == 2 || si_jq_rank(in) == 3)
		return si_jq_error(e, "del is not applicable to %s", si_jq_type(in));
	return with_path(e, call->args[0], env, in, NULL, &c, &result) && si_jq_push(e, out, &result);
}

/*
 * paths
 */

typedef struct Way
{
	const struct Way *up;
	SiJsonNode	key;
} Way;

static void
append_way(SiNodeText *t, const Way *way)
{
	if (way->up != NULL)
		append_way(t, way->up);
	si_jq_append(t, &way->key);
}

/* The ways to values for which the condition holds, as often as it does. */
static bool
push_ways(JqEvaluation *e, const JqNode *condition, const JqEnv *env, const SiJsonNode *in, const Way *way, JqList *out)
{
	JqList		answers;
	SiNodeText	t;
	SiJsonNode	result;

	si_jq_list(&answers);
	if (condition == NULL)
		answers.n = 1;
	else if (!si_jq_eval(e, condition, env, in, &answers))
		return false;
	for (int i = 0; i < answers.n; i++)
	{
		if (condition == NULL ? !si_jq_is_true(in) : !si_jq_is_true(&answers.items[i]))
			continue;
		si_text_begin(&t, e->scratch);
		si_text_append(&t, "[", 1);
		append_way(&t, way);
		si_text_append(&t, "]", 1);
		if (!si_jq_finish(e, &t, &result) || !si_jq_push(e, out, &result))
			return false;
	}
	return true;
}

static bool
ways(JqEvaluation *e, const JqNode *condition, const JqEnv *env, const SiJsonNode *in, const Way *up, int depth, JqList *out)
{
	SiNodeWalk	walk;
	SiJsonNode	value;
	Way			way = {.up = up};

	if (!si_jq_step(e))
		return false;
	if (depth > MAX_DEPTH)
		return si_jq_limit(e);
	if (up != NULL && !push_ways(e, condition, env, in, up, out))
		return false;
	if (!si_jq_looked(e, in) || !si_node_walk(&walk, in))
		return e->error == JQ_NO_ERROR;
	for (int64 i = 0; si_node_next(&walk, &way.key, &value); i++)
	{
		if (!walk.object)
			si_node_long(&way.key, i);
		if (!ways(e, condition, env, &value, &way, depth + 1, out))
			return false;
	}
	return true;
}

/* paths is paths(.). */
bool
si_jq_paths(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	return ways(e, call->nargs > 0 ? call->args[0] : NULL, env, in, NULL, 0, out);
}
