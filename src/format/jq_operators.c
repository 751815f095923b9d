/*
 * jq_operators.c
 *		Arithmetic of jq, objects and texts that are put together, and "..".
 */
#include "common/port.h"

#include <math.h>

#include "format/jq_int.h"
#include "format/number.h"

#define MAX_STEPS	1000000
#define MAX_DEPTH	1000
/* Longest text that a multiplication makes. */
#define MAX_TEXT	(16 * 1024 * 1024)

static void
number(double d, SiJsonNode *result)
{
	/* as Druid's library: a whole number is a long */
	if (d == rint(d) && fabs(d) < 9007199254740992.0)
		si_node_long(result, (int64) d);
	else
		si_node_double(result, d);
}

static bool
calculate(JqEvaluation *e, char op, const SiJsonNode *a, const SiJsonNode *b, SiJsonNode *result)
{
	bool		longs = a->v.kind == SI_VALUE_LONG && b->v.kind == SI_VALUE_LONG;
	int64		l;
	double		x = 0,
				y = 0;

	si_node_number(a, &x);
	si_node_number(b, &y);
	if (op == '%')
	{
		int64		m = si_long_from_double(x);
		int64		n = si_long_from_double(y);

		if (n == 0)
			return si_jq_error(e);
		si_node_long(result, n == -1 ? 0 : m % n);
		return true;
	}
	if (longs && ((op == '+' && !__builtin_add_overflow(a->v.u.i, b->v.u.i, &l)) ||
				  (op == '-' && !__builtin_sub_overflow(a->v.u.i, b->v.u.i, &l)) ||
				  (op == '*' && !__builtin_mul_overflow(a->v.u.i, b->v.u.i, &l))))
	{
		si_node_long(result, l);
		return true;
	}
	if (op == '/')
	{
		if (y == 0)
			return si_jq_error(e);
		if (longs && b->v.u.i != -1 && a->v.u.i % b->v.u.i == 0)
			si_node_long(result, a->v.u.i / b->v.u.i);
		else if (longs)
			number(x / y, result);
		else
			si_node_double(result, x / y);
		return true;
	}
	si_node_double(result, op == '+' ? x + y : op == '-' ? x - y : x * y);
	return true;
}

static bool
join_texts(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, SiJsonNode *result)
{
	SiNodeText	t;
	const SiJsonNode *const both[] = {a, b};

	si_text_begin(&t, e->scratch);
	for (int i = 0; i < lengthof(both); i++)
	{
		size_t		len;
		const char *text = si_jq_text(e, both[i], &len);

		if (text == NULL)
			return false;
		si_text_append(&t, text, len);
	}
	e->no_memory |= t.failed;
	si_node_string(result, t.data ? t.data : "", t.len);
	return !t.failed;
}

static void
append(SiNodeText *t, const SiJsonNode *node)
{
	if (t->len > 1)
		si_text_append(t, ",", 1);
	si_text_append_node(t, node);
}

/* Elements of a, and of b; or those of a that b has not. */
static bool
combine_arrays(JqEvaluation *e, bool minus, const SiJsonNode *a, const SiJsonNode *b, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk,
				others;
	SiJsonNode	value,
				other;

	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (si_node_walk(&walk, a); si_node_next(&walk, NULL, &value);)
	{
		bool		gone = false;

		if (minus)
			for (si_node_walk(&others, b); !gone && si_node_next(&others, NULL, &other);)
			{
				if (++e->steps > MAX_STEPS)
					return si_jq_error(e);
				gone = si_jq_compare(e, &value, &other) == 0;
			}
		if (!gone)
			append(&t, &value);
	}
	if (!minus)
		for (si_node_walk(&walk, b); si_node_next(&walk, NULL, &value);)
			append(&t, &value);
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

static void
append_member(SiNodeText *t, const SiJsonNode *key, const SiJsonNode *value)
{
	append(t, key);
	si_text_append(t, ":", 1);
	si_text_append_node(t, value);
}

/* Members of a that b has not, then those of b; objects in both are merged when asked. */
static bool
merge_objects(JqEvaluation *e, bool deep, const SiJsonNode *a, const SiJsonNode *b, int depth, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	key,
				value,
				other;

	if (depth > MAX_DEPTH)
		return si_jq_error(e);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "{", 1);
	for (si_node_walk(&walk, a); si_node_next(&walk, &key, &value);)
	{
		size_t		len;
		const char *name = si_jq_text(e, &key, &len);

		if (name == NULL)
			return false;
		if (!si_node_member(b, name, len, &other))
			append_member(&t, &key, &value);
	}
	for (si_node_walk(&walk, b); si_node_next(&walk, &key, &value);)
	{
		size_t		len;
		const char *name = si_jq_text(e, &key, &len);
		SiJsonNode	merged = value;

		if (name == NULL)
			return false;
		if (deep && value.v.kind == SI_VALUE_OBJECT && si_node_member(a, name, len, &other) &&
			other.v.kind == SI_VALUE_OBJECT && !merge_objects(e, true, &other, &value, depth + 1, &merged))
			return false;
		append_member(&t, &key, &merged);
	}
	si_text_append(&t, "}", 1);
	return si_jq_finish(e, &t, result);
}

static bool
repeat(JqEvaluation *e, const SiJsonNode *string, double times, SiJsonNode *result)
{
	SiNodeText	t;
	size_t		len;
	const char *text = si_jq_text(e, string, &len);

	if (text == NULL)
		return false;
	si_node_null(result);
	if (times <= 0)
		return true;
	if (times * len > MAX_TEXT)
		return si_jq_error(e);
	si_text_begin(&t, e->scratch);
	for (double i = 0; i < times && len > 0; i++)
		si_text_append(&t, text, len);
	e->no_memory |= t.failed;
	si_node_string(result, t.data ? t.data : "", t.len);
	return !t.failed;
}

bool
si_jq_arithmetic(JqEvaluation *e, char op, const SiJsonNode *a, const SiJsonNode *b, SiJsonNode *result)
{
	double		x;
	JqNode		split = {.kind = JQ_CALL,.function = JQ_SPLIT};
	JqNode		separator = {.kind = JQ_LITERAL};

	if (op == '+' && a->v.kind == SI_VALUE_NULL)
	{
		*result = *b;
		return true;
	}
	if (op == '+' && b->v.kind == SI_VALUE_NULL)
	{
		*result = *a;
		return true;
	}
	if (si_node_number(a, &x) && si_node_number(b, &x))
		return calculate(e, op, a, b, result);
	if (op == '+' && a->v.kind == SI_VALUE_STRING && b->v.kind == SI_VALUE_STRING)
		return join_texts(e, a, b, result);
	if ((op == '+' || op == '-') && a->v.kind == SI_VALUE_ARRAY && b->v.kind == SI_VALUE_ARRAY)
		return combine_arrays(e, op == '-', a, b, result);
	if ((op == '+' || op == '*') && a->v.kind == SI_VALUE_OBJECT && b->v.kind == SI_VALUE_OBJECT)
		return merge_objects(e, op == '*', a, b, 0, result);
	if (op == '*' && a->v.kind == SI_VALUE_STRING && si_node_number(b, &x))
		return repeat(e, a, x, result);
	if (op == '/' && a->v.kind == SI_VALUE_STRING && b->v.kind == SI_VALUE_STRING)
	{
		separator.literal = *b;
		split.right = &separator;
		return si_jq_function(e, &split, a, result);
	}
	return si_jq_error(e);
}

/*
 * Objects: for every key and value of an entry, those of the next.
 */

typedef struct Entry
{
	const JqNode *node;
	const struct Entry *before;
	SiJsonNode	key;
	SiJsonNode	value;
	const SiJsonNode *input;
	JqReceiver	receive;
	void	   *arg;
} Entry;

/* Of equal keys the last counts. */
static bool
is_covered(JqEvaluation *e, const Entry *entry, const Entry *last)
{
	for (; last != entry; last = last->before)
		if (si_jq_compare(e, &entry->key, &last->key) == 0)
			return true;
	return false;
}

static void
append_entries(JqEvaluation *e, SiNodeText *t, const Entry *entry, const Entry *last)
{
	if (entry == NULL)
		return;
	append_entries(e, t, entry->before, last);
	if (!is_covered(e, entry, last))
		append_member(t, &entry->key, &entry->value);
}

static bool next_entry(JqEvaluation *e, const JqNode *n, const Entry *before, const SiJsonNode *input,
					   JqReceiver receive, void *arg);

static bool
take_value(JqEvaluation *e, void *arg, const SiJsonNode *value)
{
	Entry	   *entry = arg;

	entry->value = *value;
	return next_entry(e, entry->node->next, entry, entry->input, entry->receive, entry->arg);
}

static bool
take_key(JqEvaluation *e, void *arg, const SiJsonNode *key)
{
	Entry	   *entry = arg;

	if (key->v.kind != SI_VALUE_STRING)
		return si_jq_error(e);
	entry->key = *key;
	return si_jq_eval(e, entry->node->right, entry->input, take_value, entry);
}

static bool
next_entry(JqEvaluation *e, const JqNode *n, const Entry *before, const SiJsonNode *input, JqReceiver receive, void *arg)
{
	Entry		entry = {.node = n,.before = before,.input = input,.receive = receive,.arg = arg};
	SiNodeText	t;
	SiJsonNode	result;

	if (n != NULL)
		return si_jq_eval(e, n->left, input, take_key, &entry);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "{", 1);
	append_entries(e, &t, before, before);
	si_text_append(&t, "}", 1);
	return si_jq_finish(e, &t, &result) && receive(e, arg, &result);
}

bool
si_jq_object(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, JqReceiver receive, void *arg)
{
	return next_entry(e, n->entries, NULL, input, receive, arg);
}

/* The first result of every expression stands in the text. */
typedef struct First
{
	SiJsonNode	value;
	bool		any;
} First;

static bool
take_first(JqEvaluation *e, void *arg, const SiJsonNode *result)
{
	First	   *first = arg;

	first->value = *result;
	first->any = true;
	return false;
}

bool
si_jq_interpolate(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, SiJsonNode *result)
{
	SiNodeText	t;

	si_text_begin(&t, e->scratch);
	for (const JqNode *piece = n->entries; piece != NULL; piece = piece->next)
	{
		First		first = {.any = false};
		SiJsonNode	text;
		size_t		len;
		const char *p;

		if (!si_jq_eval(e, piece->right, input, take_first, &first) && !first.any)
			return false;
		if (!first.any)
			return si_jq_error(e);
		if (!si_jq_to_string(e, &first.value, &text) || (p = si_jq_text(e, &text, &len)) == NULL)
			return false;
		si_text_append(&t, p, len);
	}
	e->no_memory |= t.failed;
	si_node_string(result, t.data ? t.data : "", t.len);
	return !t.failed;
}

static bool
recurse(JqEvaluation *e, const SiJsonNode *input, int depth, JqReceiver receive, void *arg)
{
	SiNodeWalk	walk;
	SiJsonNode	value;

	if (++e->steps > MAX_STEPS || depth > MAX_DEPTH)
		return si_jq_error(e);
	if (!receive(e, arg, input))
		return false;
	if (si_node_walk(&walk, input))
		while (si_node_next(&walk, NULL, &value))
			if (!recurse(e, &value, depth + 1, receive, arg))
				return false;
	return true;
}

bool
si_jq_recurse(JqEvaluation *e, const SiJsonNode *input, JqReceiver receive, void *arg)
{
	return recurse(e, input, 0, receive, arg);
}
