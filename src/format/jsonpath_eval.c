/*
 * jsonpath_eval.c
 *		The evaluator of JSONPath: see jsonpath.h.
 *
 * Steps are taken one inside of the other; what comes out at the end is
 * collected.  The number of steps of one evaluation is bounded, so that no
 * path and message together keep a task busy for long: beyond MAX_STEPS
 * nothing more is found.
 */
#include "common/port.h"

#include <math.h>

#include "format/jsonpath_int.h"
#include "format/number.h"

#define MAX_STEPS	1000000

typedef struct Evaluation
{
	const SiJsonNode *root;
	SiScratch  *scratch;
	int64		steps;
	bool		no_memory;

	SiJsonNode *found;
	int			nfound;
	int			cap;
} Evaluation;

static void walk_step(Evaluation *e, const PathStep *s, const SiJsonNode *node);
static bool run(Evaluation *outer, const SiJsonPath *path, const PathStep *first,
				const SiJsonNode *node, SiJsonNode *result);

static void
add_found(Evaluation *e, const SiJsonNode *node)
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
	e->found[e->nfound++] = *node;
}

/* All that was found, as an array. */
static bool
found_array(Evaluation *e, SiJsonNode *array)
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
 * Filters
 */

/* False when there is no such value. */
static bool
operand_value(Evaluation *e, const PathOperand *o, const SiJsonNode *current, SiJsonNode *value)
{
	if (o->path != NULL)
		return run(e, o->path, o->path->first, o->from_root ? e->root : current, value);
	*value = o->literal;
	return true;
}

/* -1, 0, 1; 2: the two cannot be compared. */
static int
compare_nodes(Evaluation *e, const SiJsonNode *a, const SiJsonNode *b, bool equality)
{
	double		x,
				y;
	bool		number_a = si_node_number(a, &x);
	bool		number_b = si_node_number(b, &y);

	if (equality && number_a && b->v.kind == SI_VALUE_STRING)
		number_b = si_double_from_text(b->v.ptr, b->v.len, &y);
	if (equality && number_b && a->v.kind == SI_VALUE_STRING)
		number_a = si_double_from_text(a->v.ptr, a->v.len, &x);
	if (number_a && number_b)
		return a->v.kind == SI_VALUE_LONG && b->v.kind == SI_VALUE_LONG ?
			(a->v.u.i > b->v.u.i) - (a->v.u.i < b->v.u.i) : (x > y) - (x < y);
	if (a->v.kind != b->v.kind)
		return 2;
	if (a->v.kind == SI_VALUE_STRING)
	{
		size_t		alen,
					blen;
		const char *atext = si_node_text(a, e->scratch, &alen);
		const char *btext = si_node_text(b, e->scratch, &blen);
		int			order;

		if (atext == NULL || btext == NULL)
		{
			e->no_memory = true;
			return 2;
		}
		order = memcmp(atext, btext, Min(alen, blen));
		return order != 0 ? (order > 0) - (order < 0) : (alen > blen) - (alen < blen);
	}
	if (a->v.kind == SI_VALUE_BOOL)
		return a->v.u.i == b->v.u.i ? 0 : 2;
	if (a->v.kind == SI_VALUE_NULL)
		return 0;
	return a->v.len == b->v.len && memcmp(a->v.ptr, b->v.ptr, a->v.len) == 0 ? 0 : 2;
}

static bool
is_in(Evaluation *e, const SiJsonNode *value, const SiJsonNode *list)
{
	SiNodeWalk	walk;
	SiJsonNode	element;

	if (list->v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, list))
		return false;
	while (si_node_next(&walk, NULL, &element))
		if (compare_nodes(e, value, &element, true) == 0)
			return true;
	return false;
}

static bool
compares(Evaluation *e, const PathFilter *f, const SiJsonNode *node)
{
	SiJsonNode	a,
				b;
	bool		both = operand_value(e, &f->a, node, &a);
	int			order;

	both = operand_value(e, &f->b, node, &b) && both;
	if (f->kind == FILTER_IN || f->kind == FILTER_NIN)
		return (both && is_in(e, &a, &b)) == (f->kind == FILTER_IN);
	order = both ? compare_nodes(e, &a, &b, f->kind == FILTER_EQ || f->kind == FILTER_NE) : 2;
	switch (f->kind)
	{
		case FILTER_EQ:
			return order == 0;
		case FILTER_NE:
			return order != 0;
		case FILTER_LT:
			return order == -1;
		case FILTER_LE:
			return order == -1 || order == 0;
		case FILTER_GT:
			return order == 1;
		default:
			return order == 1 || order == 0;
	}
}

static bool
passes(Evaluation *e, const PathFilter *f, const SiJsonNode *node)
{
	SiJsonNode	value;

	switch (f->kind)
	{
		case FILTER_OR:
			return passes(e, f->left, node) || passes(e, f->right, node);
		case FILTER_AND:
			return passes(e, f->left, node) && passes(e, f->right, node);
		case FILTER_NOT:
			return !passes(e, f->left, node);
		case FILTER_EXISTS:
			return operand_value(e, &f->a, node, &value);
		default:
			return compares(e, f, node);
	}
}

/*
 * Functions
 */

typedef struct Numbers
{
	int64		n;
	double		sum;
	double		squares;
	double		min;
	double		max;
} Numbers;

static void
add_number(Numbers *numbers, const SiJsonNode *node)
{
	double		x;

	if (!si_node_number(node, &x))
		return;
	numbers->min = numbers->n == 0 || x < numbers->min ? x : numbers->min;
	numbers->max = numbers->n == 0 || x > numbers->max ? x : numbers->max;
	numbers->sum += x;
	numbers->squares += x * x;
	numbers->n++;
}

/* Elements of an array, or the value itself. */
static void
add_numbers(Numbers *numbers, const SiJsonNode *node)
{
	SiNodeWalk	walk;
	SiJsonNode	element;

	if (node->v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, node))
		add_number(numbers, node);
	else
		while (si_node_next(&walk, NULL, &element))
			add_number(numbers, &element);
}

static bool
aggregate(Evaluation *e, const PathStep *s, const SiJsonNode *node, SiJsonNode *result)
{
	Numbers		numbers = {0};
	SiJsonNode	value;
	double		mean;

	if (node->v.kind == SI_VALUE_ARRAY)
		add_numbers(&numbers, node);
	for (int i = 0; i < s->n; i++)
		if (operand_value(e, &s->operands[i], node, &value))
			add_numbers(&numbers, &value);
	if (numbers.n == 0)
		return false;
	mean = numbers.sum / numbers.n;
	si_node_double(result,
				   s->function == FUNCTION_MIN ? numbers.min :
				   s->function == FUNCTION_MAX ? numbers.max :
				   s->function == FUNCTION_SUM ? numbers.sum :
				   s->function == FUNCTION_AVG ? mean :
				   sqrt(Max(numbers.squares / numbers.n - numbers.sum * numbers.sum / numbers.n / numbers.n, 0)));
	return true;
}

static void
append_string(Evaluation *e, SiNodeText *t, const SiJsonNode *node)
{
	size_t		len;
	const char *text;

	if (node->v.kind != SI_VALUE_STRING)
		return;
	text = si_node_text(node, e->scratch, &len);
	if (text == NULL)
		t->failed = true;
	else
		si_text_append(t, text, len);
}

/* Strings of the array, then of the operands. */
static bool
concatenate(Evaluation *e, const PathStep *s, const SiJsonNode *node, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	value;

	si_text_begin(&t, e->scratch);
	if (node->v.kind == SI_VALUE_ARRAY && si_node_walk(&walk, node))
		while (si_node_next(&walk, NULL, &value))
			append_string(e, &t, &value);
	for (int i = 0; i < s->n; i++)
		if (operand_value(e, &s->operands[i], node, &value))
			append_string(e, &t, &value);
	e->no_memory |= t.failed;
	si_node_string(result, t.data ? t.data : "", t.len);
	return true;
}

static bool
append_elements(Evaluation *e, const PathStep *s, const SiJsonNode *node, SiJsonNode *result)
{
	SiNodeText	t;
	SiJsonNode	value;

	*result = *node;
	if (node->v.kind != SI_VALUE_ARRAY)
		return true;
	si_text_begin(&t, e->scratch);
	si_text_append(&t, node->v.ptr, node->v.len - 1);
	for (int i = 0; i < s->n; i++)
	{
		if (!operand_value(e, &s->operands[i], node, &value))
			continue;
		if (i > 0 || si_node_count(node) > 0)
			si_text_append(&t, ",", 1);
		si_text_append_node(&t, &value);
	}
	si_text_append(&t, "]", 1);
	e->no_memory |= t.failed;
	return si_text_node(&t, result);
}

static bool
keys(Evaluation *e, const SiJsonNode *node, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	key,
				value;

	if (node->v.kind != SI_VALUE_OBJECT || !si_node_walk(&walk, node))
		return false;
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int i = 0; si_node_next(&walk, &key, &value); i++)
	{
		if (i > 0)
			si_text_append(&t, ",", 1);
		si_text_append_node(&t, &key);
	}
	si_text_append(&t, "]", 1);
	e->no_memory |= t.failed;
	return si_text_node(&t, result);
}

static bool
apply(Evaluation *e, const PathStep *s, const SiJsonNode *node, SiJsonNode *result)
{
	int64		count;

	switch (s->function)
	{
		case FUNCTION_LENGTH:
			count = si_node_count(node);
			if (count >= 0)
				si_node_long(result, count);
			return count >= 0;
		case FUNCTION_CONCAT:
			return concatenate(e, s, node, result);
		case FUNCTION_APPEND:
			return append_elements(e, s, node, result);
		case FUNCTION_KEYS:
			return keys(e, node, result);
		case FUNCTION_FIRST:
			return si_node_element(node, 0, result);
		case FUNCTION_LAST:
			return si_node_element(node, -1, result);
		default:
			return aggregate(e, s, node, result);
	}
}

/*
 * Steps
 */

static void
each_value(Evaluation *e, const PathStep *next, const SiJsonNode *node)
{
	SiNodeWalk	walk;
	SiJsonNode	value;

	if (si_node_walk(&walk, node))
		while (si_node_next(&walk, NULL, &value))
			walk_step(e, next, &value);
}

/* Several names as the last step: an object of those that are there. */
static void
several_names(Evaluation *e, const PathStep *s, const SiJsonNode *node)
{
	SiNodeText	t;
	SiJsonNode	value,
				name,
				object;
	bool		any = false;

	if (node->v.kind != SI_VALUE_OBJECT)
		return;
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
property(Evaluation *e, const PathStep *s, const SiJsonNode *node)
{
	SiJsonNode	value;

	if (s->n > 1 && s->next == NULL)
	{
		several_names(e, s, node);
		return;
	}
	for (int i = 0; i < s->n; i++)
		if (si_node_member(node, s->names[i], strlen(s->names[i]), &value))
			walk_step(e, s->next, &value);
}

static void
slice(Evaluation *e, const PathStep *s, const SiJsonNode *node)
{
	SiNodeWalk	walk;
	SiJsonNode	value;
	int64		count = si_node_count(node);
	int64		from = s->has_from ? s->from : 0;
	int64		to = s->has_to ? s->to : count;

	if (node->v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, node))
		return;
	/* with both ends given, Druid's library takes them as they are */
	if (from < 0)
		from = Max(from + count, 0);
	if (to < 0)
		to = s->has_from && s->from >= 0 ? 0 : to + count;
	for (int64 i = 0; i < to && si_node_next(&walk, NULL, &value); i++)
		if (i >= from)
			walk_step(e, s->next, &value);
}

static void
scan(Evaluation *e, const PathStep *s, const SiJsonNode *node)
{
	SiNodeWalk	walk;
	SiJsonNode	value;

	if (!si_node_walk(&walk, node) || ++e->steps > MAX_STEPS)
		return;
	/* every object at any depth is asked itself; arrays have no fields to ask for */
	if (s->kind != STEP_FILTER || node->v.kind == SI_VALUE_OBJECT)
		walk_step(e, s, node);
	while (si_node_next(&walk, NULL, &value))
		scan(e, s, &value);
}

static void
walk_step(Evaluation *e, const PathStep *s, const SiJsonNode *node)
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
			for (int i = 0; i < s->n; i++)
				if (si_node_element(node, s->indexes[i], &value))
					walk_step(e, s->next, &value);
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
			if (node->v.kind == SI_VALUE_OBJECT)
			{
				if (passes(e, s->filter, node))
					walk_step(e, s->next, node);
			}
			else
			{
				SiNodeWalk	walk;

				if (si_node_walk(&walk, node))
					while (si_node_next(&walk, NULL, &value))
						if (passes(e, s->filter, &value))
							walk_step(e, s->next, &value);
			}
			break;
		case STEP_FUNCTION:
			if (apply(e, s, node, &value))
				walk_step(e, s->next, &value);
			break;
	}
}

/* The value of a path at a node; false when there is none. */
static bool
run(Evaluation *outer, const SiJsonPath *path, const PathStep *first, const SiJsonNode *node, SiJsonNode *result)
{
	Evaluation	e = {.root = outer->root,.scratch = outer->scratch,.steps = outer->steps};
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

			any = apply(&e, path->scan_function, &array, result);
		}
	}
	outer->steps = e.steps;
	outer->no_memory |= e.no_memory;
	return any && !e.no_memory;
}

bool
si_jsonpath_value(const SiJsonPath *path, const SiJsonNode *node, bool from_field, SiScratch *scratch, SiValue *v)
{
	Evaluation	e = {.root = node,.scratch = scratch};
	SiJsonNode	result;

	memset(v, 0, sizeof(*v));
	if (!run(&e, path, from_field ? path->first->next : path->first, node, &result))
		return !e.no_memory;
	return si_node_value(&result, scratch, v);
}
