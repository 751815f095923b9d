/*
 * jsonpath_function.c
 *		Functions at the end of a JSONPath: length(), sum() and the like.
 *
 * Where Druid's library raises an error (numbers of something that has none),
 * there is no result here.
 */
#include "common/port.h"

#include <math.h>

#include "format/jsonpath_int.h"
#include "format/number.h"

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
aggregate(PathEvaluation *e, const PathStep *s, const SiJsonNode *node, SiJsonNode *result)
{
	Numbers		numbers = {0};
	SiJsonNode	value;
	double		mean;

	if (node->v.kind == SI_VALUE_ARRAY)
		add_numbers(&numbers, node);
	for (int i = 0; i < s->n; i++)
		if (si_path_operand(e, &s->operands[i], node, &value))
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
append_text(PathEvaluation *e, SiNodeText *t, const SiJsonNode *node)
{
	size_t		len;
	const char *text;

	if (node->v.kind == SI_VALUE_NULL || node->v.kind == SI_VALUE_MISSING)
		return;
	if (node->v.kind != SI_VALUE_STRING)
	{
		si_text_append_node(t, node);
		return;
	}
	text = si_node_text(node, e->scratch, &len);
	if (text == NULL)
		t->failed = true;
	else
		si_text_append(t, text, len);
}

/* Elements of an array, or the value itself. */
static void
append_texts(PathEvaluation *e, SiNodeText *t, const SiJsonNode *node)
{
	SiNodeWalk	walk;
	SiJsonNode	element;

	if (node->v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, node))
		append_text(e, t, node);
	else
		while (si_node_next(&walk, NULL, &element))
			append_text(e, t, &element);
}

/* The texts in an array, then the operands. */
static bool
concatenate(PathEvaluation *e, const PathStep *s, const SiJsonNode *node, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	value;

	si_text_begin(&t, e->scratch);
	if (node->v.kind == SI_VALUE_ARRAY && si_node_walk(&walk, node))
		while (si_node_next(&walk, NULL, &value))
			if (value.v.kind == SI_VALUE_STRING)
				append_text(e, &t, &value);
	for (int i = 0; i < s->n; i++)
		if (si_path_operand(e, &s->operands[i], node, &value))
			append_texts(e, &t, &value);
	e->no_memory |= t.failed;
	si_node_string(result, t.data ? t.data : "", t.len);
	return true;
}

static bool
append_elements(PathEvaluation *e, const PathStep *s, const SiJsonNode *node, SiJsonNode *result)
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
		if (!si_path_operand(e, &s->operands[i], node, &value))
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
keys(PathEvaluation *e, const SiJsonNode *node, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	key,
				value;

	si_node_null(result);
	if (node->v.kind != SI_VALUE_OBJECT && node->v.kind > SI_VALUE_NULL)
		return true;
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	/* nothing has no names */
	if (si_node_walk(&walk, node))
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

/*
 * Values of an array or object, null of others.  An operand is counted in
 * its place: the elements that its path with a [*] behind it finds.
 */
static bool
length(PathEvaluation *e, const PathStep *s, const SiJsonNode *node, SiJsonNode *result)
{
	SiJsonNode	value;
	int64		count = -1;

	if (s->n > 0)
		count = si_path_operand(e, &s->operands[0], node, &value) ? Max(si_node_count(&value), 0) : 0;
	else
		count = si_node_count(node);
	if (count < 0)
		si_node_null(result);
	else
		si_node_long(result, count);
	return s->n > 0 || node->v.kind != SI_VALUE_MISSING;
}

/* index(n): an element, from the end when n is negative. */
static bool
element(PathEvaluation *e, const PathStep *s, const SiJsonNode *node, SiJsonNode *result)
{
	SiJsonNode	index;

	return s->n > 0 && si_path_operand(e, &s->operands[0], node, &index) && index.v.kind == SI_VALUE_LONG &&
		si_node_element(node, index.v.u.i, result);
}

bool
si_path_apply(PathEvaluation *e, const PathStep *s, const SiJsonNode *node, SiJsonNode *result)
{
	switch (s->function)
	{
		case FUNCTION_LENGTH:
			return length(e, s, node, result);
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
		case FUNCTION_INDEX:
			return element(e, s, node, result);
		default:
			return aggregate(e, s, node, result);
	}
}
