/*
 * jsonpath_eval.c
 *		The evaluator of JSONPath: see jsonpath.h.
 *
 * Steps are taken one inside of the other; what comes out at the end is
 * collected.
 *
 * To Druid's library a name that an object lacks is there, and null; and null
 * is an object without names.  So [*].a of objects without an "a" gives
 * nulls, [?(@.a)] takes every object, and [?(@.a == null)] finds those
 * without one.  SI_VALUE_MISSING is that null; SI_VALUE_NULL is one that
 * stands in an array, which is no object.
 */
#include "common/port.h"

#include "format/jsonpath_int.h"

#define MAX_STEPS	1000000

static void walk_step(PathEvaluation *e, const PathStep *s, const SiJsonNode *node);

static void
add_found(PathEvaluation *e, const SiJsonNode *node)
{
	if (e->nfound == e->cap)
	{
		int			cap = Max(e->cap * 2, 16);
		SiJsonNode *found = si_scratch_alloc(e->scratch, sizeof(SiJsonNode) * cap);

		if (found == NULL)
		{
			e->no_memory = true;
			return;
		}
		if (e->nfound > 0)
			memcpy(found, e->found, sizeof(SiJsonNode) * e->nfound);
		e->found = found;
		e->cap = cap;
	}
	e->found[e->nfound] = *node;
	if (node->v.kind == SI_VALUE_MISSING)
		si_node_null(&e->found[e->nfound]);
	e->nfound++;
}

/* All that was found, as an array. */
static bool
found_array(PathEvaluation *e, SiJsonNode *array)
{
	SiNodeText	t;

	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int i = 0; i < e->nfound; i++)
	{
		if (i > 0)
			si_text_append(&t, ",", 1);
		si_text_append_node(&t, &e->found[i]);
	}
	si_text_append(&t, "]", 1);
	if (si_text_node(&t, array))
		return true;
	e->no_memory = true;
	return false;
}

/*
 * Steps
 */

static bool
is_object(const SiJsonNode *node)
{
	return node->v.kind == SI_VALUE_OBJECT || node->v.kind == SI_VALUE_MISSING;
}

/* A null that is no element of an array. */
static void
unwrap(SiJsonNode *node)
{
	if (node->v.kind == SI_VALUE_NULL)
		memset(node, 0, sizeof(*node));
}

/* What an object has by that name; missing when it lacks it or it is null. */
static void
member(const SiJsonNode *object, const char *name, SiJsonNode *value)
{
	if (!si_node_member(object, name, strlen(name), value))
		memset(value, 0, sizeof(*value));
	unwrap(value);
}

static void
each_value(PathEvaluation *e, const PathStep *next, const SiJsonNode *node)
{
	SiNodeWalk	walk;
	SiJsonNode	value;

	if (!si_node_walk(&walk, node))
		return;
	while (si_node_next(&walk, NULL, &value))
	{
		if (walk.object)
			unwrap(&value);
		walk_step(e, next, &value);
	}
}

/* Several names as the last step: an object of those that are there. */
static void
several_names(PathEvaluation *e, const PathStep *s, const SiJsonNode *node)
{
	SiNodeText	t;
	SiJsonNode	value,
				name,
				object;
	bool		any = false;

	si_text_begin(&t, e->scratch);
	si_text_append(&t, "{", 1);
	for (int i = 0; i < s->n; i++)
	{
		if (!si_node_member(node, s->names[i], strlen(s->names[i]), &value))
			continue;
		if (any)
			si_text_append(&t, ",", 1);
		any = true;
		si_node_string(&name, s->names[i], strlen(s->names[i]));
		si_text_append_node(&t, &name);
		si_text_append(&t, ":", 1);
		si_text_append_node(&t, &value);
	}
	si_text_append(&t, "}", 1);
	e->no_memory |= t.failed;
	if (si_text_node(&t, &object))
		add_found(e, &object);
}

static void
property(PathEvaluation *e, const PathStep *s, const SiJsonNode *node)
{
	SiJsonNode	value;

	if (!is_object(node))
		return;
	if (s->n > 1 && s->next == NULL)
	{
		several_names(e, s, node);
		return;
	}
	for (int i = 0; i < s->n; i++)
	{
		member(node, s->names[i], &value);
		walk_step(e, s->next, &value);
	}
}

/* An element that the array lacks is null as well. */
static void
element(PathEvaluation *e, const PathStep *next, const SiJsonNode *array, int64 i)
{
	SiJsonNode	value;

	if (!si_node_element(array, i, &value))
		memset(&value, 0, sizeof(value));
	walk_step(e, next, &value);
}

static void
indexes(PathEvaluation *e, const PathStep *s, const SiJsonNode *node)
{
	if (node->v.kind != SI_VALUE_ARRAY)
		return;
	for (int i = 0; i < s->n; i++)
		element(e, s->next, node, s->indexes[i]);
}

static void
slice(PathEvaluation *e, const PathStep *s, const SiJsonNode *node)
{
	SiNodeWalk	walk;
	SiJsonNode	value;
	int64		count = si_node_count(node);
	int64		from = s->has_from ? s->from : 0;
	int64		to = s->has_to ? s->to : count;

	if (node->v.kind != SI_VALUE_ARRAY || count == 0)
		return;
	/* with both ends given, Druid's library counts them as they are */
	if (s->has_from && s->has_to)
	{
		to = Min(to, count);
		for (; from < Min(to, 0) && e->steps <= MAX_STEPS; from++)
			element(e, s->next, node, from);
	}
	from = Max(from < 0 ? from + count : from, 0);
	if (to < 0)
		to = s->has_from ? 0 : to + count;
	if (!si_node_walk(&walk, node))
		return;
	for (int64 i = 0; i < to && si_node_next(&walk, NULL, &value); i++)
		if (i >= from)
			walk_step(e, s->next, &value);
}

static void
filter(PathEvaluation *e, const PathStep *s, const SiJsonNode *node)
{
	SiNodeWalk	walk;
	SiJsonNode	value;

	if (is_object(node))
	{
		if (si_path_accepts(e, s->filter, node))
			walk_step(e, s->next, node);
		return;
	}
	if (!si_node_walk(&walk, node))
		return;
	while (si_node_next(&walk, NULL, &value))
	{
		SiJsonNode	tested = value;

		unwrap(&tested);
		if (si_path_accepts(e, s->filter, &tested))
			walk_step(e, s->next, &value);
	}
}

/* Is this step to be taken at this place of a scan? */
static bool
scan_matches(PathEvaluation *e, const PathStep *s, const SiJsonNode *node)
{
	SiJsonNode	value;

	switch (s->kind)
	{
		case STEP_PROPERTY:
			for (int i = 0; i < s->n && (s->n == 1 || s->next == NULL); i++)
				if (!si_node_member(node, s->names[i], strlen(s->names[i]), &value))
					return false;
			return node->v.kind == SI_VALUE_OBJECT;
		case STEP_FILTER:
			/* an array's elements are asked themselves when their turn comes */
			return is_object(node);
		case STEP_WILDCARD:
			return true;
		default:
			return node->v.kind == SI_VALUE_ARRAY;
	}
}

static void
scan(PathEvaluation *e, const PathStep *s, const SiJsonNode *node)
{
	SiNodeWalk	walk;
	SiJsonNode	value;

	if (++e->steps > MAX_STEPS)
		return;
	if (scan_matches(e, s, node))
		walk_step(e, s, node);
	if (!si_node_walk(&walk, node))
		return;
	while (si_node_next(&walk, NULL, &value))
	{
		unwrap(&value);
		if (is_object(&value) || value.v.kind == SI_VALUE_ARRAY)
			scan(e, s, &value);
	}
}

static void
walk_step(PathEvaluation *e, const PathStep *s, const SiJsonNode *node)
{
	SiJsonNode	value;

	if (++e->steps > MAX_STEPS || e->no_memory)
		return;
	if (s == NULL)
	{
		add_found(e, node);
		return;
	}
	switch (s->kind)
	{
		case STEP_PROPERTY:
			property(e, s, node);
			break;
		case STEP_INDEX:
			indexes(e, s, node);
			break;
		case STEP_SLICE:
			slice(e, s, node);
			break;
		case STEP_WILDCARD:
			each_value(e, s->next, node);
			break;
		case STEP_SCAN:
			scan(e, s->next, node);
			break;
		case STEP_FILTER:
			filter(e, s, node);
			break;
		case STEP_FUNCTION:
			if (si_path_apply(e, s, node, &value))
				walk_step(e, s->next, &value);
			break;
	}
}

/* The value of a path at a node; false when there is none. */
static bool
run(PathEvaluation *outer, const SiJsonPath *path, const PathStep *first, const SiJsonNode *node, SiJsonNode *result)
{
	PathEvaluation e = {.root = outer->root,.scratch = outer->scratch,.steps = outer->steps};
	bool		any;

	walk_step(&e, first, node);
	any = e.nfound > 0;
	if (path->definite)
	{
		if (any)
			*result = e.found[0];
	}
	else
	{
		any = found_array(&e, result);
		if (any && path->scan_function != NULL)
		{
			SiJsonNode	array = *result;

			any = si_path_apply(&e, path->scan_function, &array, result);
		}
	}
	outer->steps = e.steps;
	outer->no_memory |= e.no_memory;
	return any && !e.no_memory;
}

bool
si_path_operand(PathEvaluation *e, const PathOperand *o, const SiJsonNode *current, SiJsonNode *value)
{
	if (o->path != NULL)
		return run(e, o->path, o->path->first, o->from_root ? e->root : current, value);
	*value = o->literal;
	return true;
}

bool
si_jsonpath_value(const SiJsonPath *path, const SiJsonNode *node, bool from_field, SiScratch *scratch, SiValue *v)
{
	PathEvaluation e = {.root = node,.scratch = scratch};
	SiJsonNode	start = *node;
	SiJsonNode	result;

	memset(v, 0, sizeof(*v));
	unwrap(&start);
	if (!run(&e, path, from_field ? path->first->next : path->first, &start, &result))
		return !e.no_memory;
	return si_node_value(&result, scratch, v);
}
