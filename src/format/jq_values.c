/*
 * jq_values.c
 *		Values of jq: their order, their text, arrays and objects that are
 *		taken apart and put together.
 */
#include "common/port.h"

#include <math.h>

#include "format/jq_int.h"
#include "format/number.h"

#define MAX_DEPTH	1000

/* Ranks of the kinds in the order of jq. */
int
si_jq_rank(const SiJsonNode *node)
{
	switch ((SiValueKind) node->v.kind)
	{
		case SI_VALUE_BOOL:
			return 1;
		case SI_VALUE_LONG:
		case SI_VALUE_DOUBLE:
			return 2;
		case SI_VALUE_STRING:
			return 3;
		case SI_VALUE_ARRAY:
			return 4;
		case SI_VALUE_OBJECT:
			return 5;
		default:
			return 0;
	}
}

const char *
si_jq_type(const SiJsonNode *node)
{
	static const char *const types[] = {"null", "boolean", "number", "string", "array", "object"};

	return types[si_jq_rank(node)];
}

const char *
si_jq_java_type(const SiJsonNode *node)
{
	static const char *const types[] = {"NULL", "BOOLEAN", "NUMBER", "STRING", "ARRAY", "OBJECT"};

	return types[si_jq_rank(node)];
}

bool
si_jq_is_true(const SiJsonNode *node)
{
	return si_jq_rank(node) != 0 && !(node->v.kind == SI_VALUE_BOOL && node->v.u.i == 0);
}

bool
si_jq_is_whole(const SiJsonNode *node, int64 *value)
{
	double		d;

	if (!si_node_number(node, &d))
		return false;
	*value = node->v.kind == SI_VALUE_LONG ? node->v.u.i : si_long_from_double(d);
	return node->v.kind == SI_VALUE_LONG || d == (double) *value;
}

/* A whole number is a long, as in Druid's library. */
void
si_jq_number(double d, SiJsonNode *result)
{
	int64		l = si_long_from_double(d);

	if ((double) l == d)
		si_node_long(result, l);
	else
		si_node_double(result, d);
}

const char *
si_jq_text(JqEvaluation *e, const SiJsonNode *string, size_t *len)
{
	const char *text = si_node_text(string, e->scratch, len);

	e->no_memory |= text == NULL;
	return text;
}

/*
 * Text
 */

static bool write_value(JqEvaluation *e, const SiJsonNode *node, int depth, SiNodeText *t);

static bool
write_all(JqEvaluation *e, const SiJsonNode *node, int depth, SiNodeText *t)
{
	SiNodeWalk	walk;
	SiJsonNode	key,
				value;
	bool		first = true;

	si_node_walk(&walk, node);
	si_text_append(t, walk.object ? "{" : "[", 1);
	while (si_node_next(&walk, &key, &value))
	{
		if (!first)
			si_text_append(t, ",", 1);
		first = false;
		if (walk.object)
		{
			if (!write_value(e, &key, depth + 1, t))
				return false;
			si_text_append(t, ":", 1);
		}
		if (!write_value(e, &value, depth + 1, t))
			return false;
	}
	si_text_append(t, walk.object ? "}" : "]", 1);
	return !t->failed || si_jq_no_memory(e);
}

static bool
write_value(JqEvaluation *e, const SiJsonNode *node, int depth, SiNodeText *t)
{
	const SiValue *v = &node->v;
	SiJsonNode	plain = *node;
	size_t		len;

	if (depth > MAX_DEPTH + 100)
		return si_jq_limit(e);
	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_ARRAY:
		case SI_VALUE_OBJECT:
			return write_all(e, node, depth, t);
		case SI_VALUE_STRING:
			if (node->escaped)
			{
				const char *text = si_jq_text(e, node, &len);

				if (text == NULL)
					return false;
				si_node_string(&plain, text, len);
			}
			break;
		case SI_VALUE_DOUBLE:
			/* digits alone are an integer of any size */
			if (v->ptr != NULL && strcspn(v->ptr, ".eE") >= v->len)
				break;
			if (!isfinite(v->u.d))
			{
				char		text[SI_DOUBLE_TEXT];

				si_node_string(&plain, text, si_double_print(v->u.d, text));
				si_text_append_node(t, &plain);
				return !t->failed || si_jq_no_memory(e);
			}
			plain.v.ptr = NULL;
			break;
		default:
			plain.v.ptr = NULL;
			break;
	}
	si_text_append_node(t, &plain);
	return !t->failed || si_jq_no_memory(e);
}

bool
si_jq_write(JqEvaluation *e, const SiJsonNode *node, SiNodeText *t)
{
	return si_jq_looked(e, node) && write_value(e, node, 0, t);
}

bool
si_jq_to_string(JqEvaluation *e, const SiJsonNode *in, SiJsonNode *result)
{
	SiNodeText	t;

	*result = *in;
	if (in->v.kind == SI_VALUE_STRING)
		return true;
	si_text_begin(&t, e->scratch);
	return si_jq_write(e, in, &t) && si_jq_finish_string(e, &t, result);
}

bool
si_jq_finish(JqEvaluation *e, SiNodeText *t, SiJsonNode *result)
{
	return si_text_node(t, result) || si_jq_no_memory(e);
}

bool
si_jq_finish_string(JqEvaluation *e, SiNodeText *t, SiJsonNode *result)
{
	if (t->failed)
		return si_jq_no_memory(e);
	si_node_string(result, t->data ? t->data : "", t->len);
	return t->len <= SI_JQ_MAX_TEXT || si_jq_limit(e);
}

/* One more element behind the bracket and others. */
void
si_jq_append(SiNodeText *t, const SiJsonNode *node)
{
	if (t->len > 1)
		si_text_append(t, ",", 1);
	si_text_append_node(t, node);
}

void
si_jq_append_member(SiNodeText *t, const SiJsonNode *key, const SiJsonNode *value)
{
	si_jq_append(t, key);
	si_text_append(t, ":", 1);
	si_text_append_node(t, value);
}

bool
si_jq_array(JqEvaluation *e, const JqList *list, SiJsonNode *result)
{
	SiNodeText	t;

	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int i = 0; i < list->n; i++)
		si_jq_append(&t, &list->items[i]);
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

bool
si_jq_unpack(JqEvaluation *e, const SiJsonNode *node, SiJsonNode **keys, SiJsonNode **values, int64 *n, int64 room)
{
	SiNodeWalk	walk;
	int64		count = Max(si_node_count(node), 0);

	*n = 0;
	if (!si_jq_looked(e, node))
		return false;
	*values = si_jq_alloc(e, sizeof(SiJsonNode) * (count + room));
	if (*values == NULL)
		return false;
	if (keys != NULL && (*keys = si_jq_alloc(e, sizeof(SiJsonNode) * (count + room))) == NULL)
		return false;
	if (si_node_walk(&walk, node))
		while (*n < count && si_node_next(&walk, keys ? &(*keys)[*n] : NULL, &(*values)[*n]))
			(*n)++;
	return true;
}

/*
 * Order
 */

static int
compare_texts(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b)
{
	size_t		alen,
				blen;
	const char *x = si_jq_text(e, a, &alen);
	const char *y = si_jq_text(e, b, &blen);
	int			order = x && y ? memcmp(x, y, Min(alen, blen)) : 0;

	return order != 0 ? order : (alen > blen) - (alen < blen);
}

/* As Java's Double.compare: -0.0 is less than 0.0, NaN more than all. */
static int
compare_doubles(double x, double y)
{
	if (x < y || x > y)
		return x < y ? -1 : 1;
	if (isnan(x) || isnan(y))
		return (isnan(x) != 0) - (isnan(y) != 0);
	return (signbit(y) != 0) - (signbit(x) != 0);
}

typedef struct Key
{
	SiJsonNode	name;
	SiJsonNode	value;
	JqEvaluation *e;
} Key;

static int
compare_names(const void *a, const void *b)
{
	return compare_texts(((const Key *) a)->e, &((const Key *) a)->name, &((const Key *) b)->name);
}

/* Members that are sorted on the C stack: most objects are small, and many may be compared. */
#define FEW			16
#define FEW_DEPTH	8

static void
sort_members(JqEvaluation *e, const SiJsonNode *object, Key *keys, int64 n)
{
	SiNodeWalk	walk;

	si_node_walk(&walk, object);
	for (int64 i = 0; i < n && si_node_next(&walk, &keys[i].name, &keys[i].value); i++)
		keys[i].e = e;
	qsort(keys, n, sizeof(Key), compare_names);
}

static int	compare_values(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, int depth);

/* Names first, then values. */
static int
compare_members(JqEvaluation *e, const Key *x, int64 nx, const Key *y, int64 ny, int depth)
{
	int			order = 0;

	for (int64 i = 0; i < Min(nx, ny) && order == 0; i++)
		order = compare_texts(e, &x[i].name, &y[i].name);
	if (order == 0)
		order = (nx > ny) - (nx < ny);
	for (int64 i = 0; i < nx && order == 0; i++)
		order = compare_values(e, &x[i].value, &y[i].value, depth + 1);
	return order;
}

static pg_noinline int
compare_few(JqEvaluation *e, const SiJsonNode *a, int64 na, const SiJsonNode *b, int64 nb, int depth)
{
	Key			x[FEW],
				y[FEW];

	sort_members(e, a, x, na);
	sort_members(e, b, y, nb);
	return compare_members(e, x, na, y, nb, depth);
}

static int
compare_objects(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, int depth)
{
	int64		na = si_node_count(a);
	int64		nb = si_node_count(b);
	Key		   *x;
	Key		   *y;

	if (depth <= FEW_DEPTH && na <= FEW && nb <= FEW)
		return compare_few(e, a, na, b, nb, depth);
	x = si_jq_alloc(e, sizeof(Key) * (na + 1));
	y = si_jq_alloc(e, sizeof(Key) * (nb + 1));
	if (x == NULL || y == NULL)
		return 0;
	sort_members(e, a, x, na);
	sort_members(e, b, y, nb);
	return compare_members(e, x, na, y, nb, depth);
}

static int
compare_arrays(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, int depth)
{
	SiNodeWalk	x,
				y;
	SiJsonNode	left,
				right;

	si_node_walk(&x, a);
	si_node_walk(&y, b);
	for (;;)
	{
		bool		more = si_node_next(&x, NULL, &left);
		int			order;

		if (!si_node_next(&y, NULL, &right))
			return more ? 1 : 0;
		if (!more)
			return -1;
		order = compare_values(e, &left, &right, depth + 1);
		if (order != 0)
			return order;
	}
}

static int
compare_values(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, int depth)
{
	int			order = si_jq_rank(a) - si_jq_rank(b);
	double		x = 0,
				y = 0;

	if (order != 0)
		return order;
	if (depth > MAX_DEPTH + 100)
		return si_jq_limit(e);
	switch (si_jq_rank(a))
	{
		case 1:
			return (int) a->v.u.i - (int) b->v.u.i;
		case 2:
			if (a->v.kind == SI_VALUE_LONG && b->v.kind == SI_VALUE_LONG)
				return (a->v.u.i > b->v.u.i) - (a->v.u.i < b->v.u.i);
			si_node_number(a, &x);
			si_node_number(b, &y);
			return compare_doubles(x, y);
		case 3:
			return compare_texts(e, a, b);
		case 4:
			return compare_arrays(e, a, b, depth);
		case 5:
			return compare_objects(e, a, b, depth);
		default:
			return 0;
	}
}

int
si_jq_compare(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b)
{
	if (!si_jq_looked(e, a) || !si_jq_looked(e, b))
		return 0;
	return compare_values(e, a, b, 0);
}
