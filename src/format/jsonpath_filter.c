/*
 * jsonpath_filter.c
 *		Filters of JSONPath, [?(...)].
 *
 * As in Druid's library, texts and numbers are compared in the way of the
 * left side, and a filter that compares what has no comparison (a list with
 * nin and a number, say) does not pass at all.
 */
#include "common/port.h"

#include "format/jsonpath_int.h"
#include "format/number.h"

#define MAX_DEPTH	100

static bool
is_number(const SiJsonNode *node)
{
	return node->v.kind == SI_VALUE_LONG || node->v.kind == SI_VALUE_DOUBLE;
}

static bool
is_container(const SiJsonNode *node)
{
	return node->v.kind == SI_VALUE_ARRAY || node->v.kind == SI_VALUE_OBJECT;
}

/* A string or a number as text; NULL without memory. */
static const char *
text_of(PathEvaluation *e, const SiJsonNode *node, char *buf, size_t *len)
{
	const char *text = buf;

	if (node->v.kind == SI_VALUE_LONG)
		*len = snprintf(buf, SI_DOUBLE_TEXT, INT64_FORMAT, node->v.u.i);
	else if (node->v.kind == SI_VALUE_DOUBLE)
		*len = si_double_print(node->v.u.d, buf);
	else
		text = si_node_text(node, e->scratch, len);
	e->no_memory |= text == NULL;
	return text;
}

/* -1, 0, 1; 2 without memory. */
static int
compare_texts(PathEvaluation *e, const SiJsonNode *a, const SiJsonNode *b)
{
	char		abuf[SI_DOUBLE_TEXT];
	char		bbuf[SI_DOUBLE_TEXT];
	size_t		alen,
				blen;
	const char *atext = text_of(e, a, abuf, &alen);
	const char *btext = text_of(e, b, bbuf, &blen);
	int			order;

	if (atext == NULL || btext == NULL)
		return 2;
	order = memcmp(atext, btext, Min(alen, blen));
	return order != 0 ? (order > 0) - (order < 0) : (alen > blen) - (alen < blen);
}

/* The same; 2 also when a text is no number. */
static int
compare_numbers(PathEvaluation *e, const SiJsonNode *a, const SiJsonNode *b)
{
	double		x,
				y;

	if (a->v.kind == SI_VALUE_LONG && b->v.kind == SI_VALUE_LONG)
		return (a->v.u.i > b->v.u.i) - (a->v.u.i < b->v.u.i);
	if (!si_node_number(a, &x))
		return 2;
	if (b->v.kind == SI_VALUE_STRING)
	{
		size_t		len;
		const char *text = si_node_text(b, e->scratch, &len);

		e->no_memory |= text == NULL;
		if (text == NULL || !si_double_from_text(text, len, &y))
			return 2;
	}
	else if (!si_node_number(b, &y))
		return 2;
	return (x > y) - (x < y);
}

static bool equal_inside(PathEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, int depth);

/* Members in any order. */
static bool
equal_objects(PathEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, int depth)
{
	SiNodeWalk	walk;
	SiJsonNode	key,
				x,
				y;
	size_t		len;
	const char *name;

	if (si_node_count(a) != si_node_count(b) || !si_node_walk(&walk, a))
		return false;
	while (si_node_next(&walk, &key, &x))
	{
		name = si_node_text(&key, e->scratch, &len);
		e->no_memory |= name == NULL;
		if (name == NULL || !si_node_member(b, name, len, &y) || !equal_inside(e, &x, &y, depth))
			return false;
	}
	return true;
}

static bool
equal_arrays(PathEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, int depth)
{
	SiNodeWalk	awalk,
				bwalk;
	SiJsonNode	x,
				y;

	if (si_node_count(a) != si_node_count(b) || !si_node_walk(&awalk, a) || !si_node_walk(&bwalk, b))
		return false;
	while (si_node_next(&awalk, NULL, &x) && si_node_next(&bwalk, NULL, &y))
		if (!equal_inside(e, &x, &y, depth))
			return false;
	return true;
}

/* Equality inside of arrays and objects: of one kind only. */
static bool
equal_inside(PathEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, int depth)
{
	if (a->v.kind != b->v.kind || depth > MAX_DEPTH)
		return false;
	if (a->v.kind == SI_VALUE_ARRAY)
		return equal_arrays(e, a, b, depth + 1);
	if (a->v.kind == SI_VALUE_OBJECT)
		return equal_objects(e, a, b, depth + 1);
	if (a->v.kind == SI_VALUE_STRING)
		return compare_texts(e, a, b) == 0;
	if (is_number(a))
		return compare_numbers(e, a, b) == 0;
	return a->v.kind == SI_VALUE_NULL || a->v.u.i == b->v.u.i;
}

/* a == b */
static bool
equal_values(PathEvaluation *e, const SiJsonNode *a, const SiJsonNode *b)
{
	if (a->v.kind == SI_VALUE_STRING && (b->v.kind == SI_VALUE_STRING || is_number(b)))
		return compare_texts(e, a, b) == 0;
	if (is_number(a) && (b->v.kind == SI_VALUE_STRING || is_number(b)))
		return compare_numbers(e, a, b) == 0;
	return equal_inside(e, a, b, 0);
}

/* Of one kind to ===: numbers are one, arrays and objects too. */
static bool
same_kind(const SiJsonNode *a, const SiJsonNode *b)
{
	return a->v.kind == b->v.kind || (is_number(a) && is_number(b)) || (is_container(a) && is_container(b));
}

static bool
in_list(PathEvaluation *e, const SiJsonNode *value, const SiJsonNode *list)
{
	SiNodeWalk	walk;
	SiJsonNode	element;

	if (si_node_walk(&walk, list))
		while (si_node_next(&walk, NULL, &element))
			if (equal_values(e, value, &element))
				return true;
	return false;
}

/* A list, for in and its like; an object is none, and what is neither makes the filter invalid. */
static bool
is_list(PathEvaluation *e, const SiJsonNode *node)
{
	e->invalid |= !is_container(node);
	return node->v.kind == SI_VALUE_ARRAY;
}

/* How many elements of a are in b. */
static int64
count_common(PathEvaluation *e, const SiJsonNode *a, const SiJsonNode *b)
{
	SiNodeWalk	walk;
	SiJsonNode	element;
	int64		n = 0;

	if (si_node_walk(&walk, a))
		while (si_node_next(&walk, NULL, &element))
			n += in_list(e, &element, b);
	return n;
}

static bool
contains(PathEvaluation *e, const SiJsonNode *a, const SiJsonNode *b)
{
	size_t		alen,
				blen;
	const char *atext;
	const char *btext;

	if (a->v.kind == SI_VALUE_ARRAY)
		return in_list(e, b, a);
	if (a->v.kind != SI_VALUE_STRING || b->v.kind != SI_VALUE_STRING)
		return false;
	atext = si_node_text(a, e->scratch, &alen);
	btext = si_node_text(b, e->scratch, &blen);
	e->no_memory |= atext == NULL || btext == NULL;
	return atext != NULL && btext != NULL && (blen == 0 || memmem(atext, alen, btext, blen) != NULL);
}

/* Characters of a text, values of an array or object; -1 of others. */
static int64
size_of(PathEvaluation *e, const SiJsonNode *node)
{
	size_t		len;
	const char *text;
	int64		n = 0;

	if (node->v.kind != SI_VALUE_STRING)
		return si_node_count(node);
	text = si_node_text(node, e->scratch, &len);
	e->no_memory |= text == NULL;
	/* bytes 10xxxxxx go on with the character before */
	for (size_t i = 0; text != NULL && i < len; i++)
		n += ((unsigned char) text[i] & 0xC0) != 0x80;
	return n;
}

static bool
is_empty(PathEvaluation *e, const SiJsonNode *a, const SiJsonNode *b)
{
	int64		size = size_of(e, a);

	if (size < 0)
		return false;
	e->invalid |= b->v.kind != SI_VALUE_BOOL;
	return (size == 0) == (b->v.u.i != 0);
}

static bool
matches_node(PathEvaluation *e, SiMatcher *pattern, const SiJsonNode *node)
{
	char		buf[SI_DOUBLE_TEXT];
	const char *text = "";
	size_t		len = 0;

	if (node->v.kind == SI_VALUE_BOOL)
	{
		text = node->v.u.i ? "true" : "false";
		len = strlen(text);
	}
	else if (node->v.kind == SI_VALUE_STRING || is_number(node))
		text = text_of(e, node, buf, &len);
	return text != NULL && si_matcher_whole(pattern, text, len);
}

/* A value, or any text of a list, against the pattern of the other side. */
static bool
matches(PathEvaluation *e, const PathFilter *f, const SiJsonNode *node)
{
	SiMatcher  *pattern = f->a.pattern ? f->a.pattern : f->b.pattern;
	const PathOperand *other = f->a.pattern ? &f->b : &f->a;
	SiJsonNode	value,
				element;
	SiNodeWalk	walk;

	if ((f->a.pattern != NULL) == (f->b.pattern != NULL))
		return false;
	if (!si_path_operand(e, other, node, &value))
		return matches_node(e, pattern, &(SiJsonNode) {.v.kind = SI_VALUE_NULL});
	if (value.v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, &value))
		return matches_node(e, pattern, &value);
	while (si_node_next(&walk, NULL, &element))
		if (element.v.kind == SI_VALUE_STRING && matches_node(e, pattern, &element))
			return true;
	return false;
}

static bool
ordered(PathEvaluation *e, FilterKind kind, const SiJsonNode *a, const SiJsonNode *b)
{
	int			order = is_number(a) && is_number(b) ? compare_numbers(e, a, b) :
	a->v.kind == SI_VALUE_STRING && b->v.kind == SI_VALUE_STRING ? compare_texts(e, a, b) : 2;

	if (order == 2)
		return false;
	return kind == FILTER_LT ? order < 0 : kind == FILTER_LE ? order <= 0 : kind == FILTER_GT ? order > 0 : order >= 0;
}

static bool
compare_lists(PathEvaluation *e, FilterKind kind, const SiJsonNode *a, const SiJsonNode *b)
{
	int64		common;

	if (!is_list(e, b) || !is_list(e, a))
		return false;
	common = count_common(e, a, b);
	return kind == FILTER_ANYOF ? common > 0 : kind == FILTER_NONEOF ? common == 0 : common == si_node_count(a);
}

static bool
compares(PathEvaluation *e, const PathFilter *f, const SiJsonNode *node)
{
	SiJsonNode	a,
				b;
	bool		both;

	/* a regular expression is equal to nothing */
	if (f->a.pattern != NULL || f->b.pattern != NULL || f->kind == FILTER_NEVER)
		return f->kind == FILTER_NE || f->kind == FILTER_NOT_SAME;
	both = si_path_operand(e, &f->a, node, &a);
	both = si_path_operand(e, &f->b, node, &b) && both;
	if (!both)
		return f->kind == FILTER_NE || f->kind == FILTER_NOT_SAME || f->kind == FILTER_NIN;
	switch (f->kind)
	{
		case FILTER_EQ:
			return equal_values(e, &a, &b);
		case FILTER_NE:
			return !equal_values(e, &a, &b);
		case FILTER_SAME:
			return same_kind(&a, &b) && equal_values(e, &a, &b);
		case FILTER_NOT_SAME:
			return !same_kind(&a, &b) || !equal_values(e, &a, &b);
		case FILTER_IN:
			return is_list(e, &b) && in_list(e, &a, &b);
		case FILTER_NIN:
			return !(is_list(e, &b) && in_list(e, &a, &b));
		case FILTER_CONTAINS:
			return contains(e, &a, &b);
		case FILTER_SIZE:
			return is_number(&b) && size_of(e, &a) == (b.v.kind == SI_VALUE_LONG ? b.v.u.i : si_long_from_double(b.v.u.d));
		case FILTER_EMPTY:
			return is_empty(e, &a, &b);
		case FILTER_IS:
			return a.v.kind == SI_VALUE_BOOL && b.v.kind == SI_VALUE_BOOL && a.v.u.i == b.v.u.i;
		case FILTER_SUBSETOF:
		case FILTER_ANYOF:
		case FILTER_NONEOF:
			return compare_lists(e, f->kind, &a, &b);
		default:
			return ordered(e, f->kind, &a, &b);
	}
}

static bool
passes(PathEvaluation *e, const PathFilter *f, const SiJsonNode *node)
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
			return si_path_operand(e, &f->a, node, &value);
		case FILTER_MATCHES:
			return matches(e, f, node);
		default:
			return compares(e, f, node);
	}
}

bool
si_path_accepts(PathEvaluation *e, const PathFilter *f, const SiJsonNode *node)
{
	bool		outer = e->invalid;
	bool		result;

	e->invalid = false;
	result = passes(e, f, node) && !e->invalid;
	e->invalid = outer;
	return result;
}
