/*
 * jq_operators.c
 *		Arithmetic of jq, objects and texts that are put together, and "..".
 */
#include "common/port.h"

#include <math.h>

#include "format/jq_int.h"
#include "format/number.h"
#include "format/reason.h"
#include "format/utf8.h"

#define MAX_DEPTH	1000

/* A value in an error. */
#define SHOWN		14

bool
si_jq_type_error(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, const char *what)
{
	const SiJsonNode *const both[] = {a, b};
	char		shown[2][SHOWN + 32] = {"", ""};

	for (int i = 0; i < lengthof(both) && both[i] != NULL; i++)
	{
		SiNodeText	t;
		char		text[SHOWN + 1];

		si_text_begin(&t, e->scratch);
		if (!si_jq_write(e, both[i], &t))
			return false;
		snprintf(text, sizeof(text), "%.*s", (int) (t.len <= SHOWN ? t.len : SHOWN - 3), t.data);
		si_format_trim(text);
		snprintf(shown[i], sizeof(shown[i]), "%s (%s%s)", si_jq_type(both[i]), text, t.len <= SHOWN ? "" : "...");
	}
	return si_jq_error(e, "%s%s%s %s", shown[0], b ? " and " : "", shown[1], what);
}

static bool
divide(JqEvaluation *e, char op, const SiJsonNode *a, const SiJsonNode *b, double x, double y, SiJsonNode *result)
{
	bool		longs = a->v.kind == SI_VALUE_LONG && b->v.kind == SI_VALUE_LONG;

	if (op == '%')
	{
		if (!longs)
			return si_jq_error(e, "to calculate module, both sides must be a integer");
		if (b->v.u.i == 0)
			return si_jq_error(e, "number (" INT64_FORMAT ") and number (0) cannot be divided (remainder) because the divisor is zero",
							   a->v.u.i);
		si_node_long(result, b->v.u.i == -1 ? 0 : a->v.u.i % b->v.u.i);
		return true;
	}
	if (y == 0)
		return si_jq_error(e, "number (%.15g) and number (0) cannot be divided because the divisor is zero", x);
	if (longs && b->v.u.i != -1 && a->v.u.i % b->v.u.i == 0)
		si_node_long(result, a->v.u.i / b->v.u.i);
	else
		si_jq_number(x / y, result);
	return true;
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
	if (op == '/' || op == '%')
		return divide(e, op, a, b, x, y, result);
	if (longs && ((op == '+' && !__builtin_add_overflow(a->v.u.i, b->v.u.i, &l)) ||
				  (op == '-' && !__builtin_sub_overflow(a->v.u.i, b->v.u.i, &l)) ||
				  (op == '*' && !__builtin_mul_overflow(a->v.u.i, b->v.u.i, &l))))
		si_node_long(result, l);
	else
		si_jq_number(op == '+' ? x + y : op == '-' ? x - y : x * y, result);
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
	return si_jq_finish_string(e, &t, result);
}

/* Elements of a, and of b. */
static bool
join_arrays(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	value;

	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (si_node_walk(&walk, a); si_node_next(&walk, NULL, &value);)
		si_jq_append(&t, &value);
	for (si_node_walk(&walk, b); si_node_next(&walk, NULL, &value);)
		si_jq_append(&t, &value);
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

/* Elements of a that b has not. */
static bool
subtract_arrays(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, SiJsonNode *result)
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

		for (si_node_walk(&others, b); !gone && si_node_next(&others, NULL, &other);)
		{
			e->work += 16;
			gone = si_jq_compare(e, &value, &other) == 0;
			if (e->error != JQ_NO_ERROR)
				return false;
		}
		if (!gone)
			si_jq_append(&t, &value);
	}
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

/* Members of a with the values of b where it has them, then the others of b; objects in both are merged when asked. */
static bool
merge_objects(JqEvaluation *e, bool deep, const SiJsonNode *a, const SiJsonNode *b, int depth, SiJsonNode *result)
{
	const SiJsonNode *const both[] = {a, b};
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	key,
				value,
				other;

	if (depth > MAX_DEPTH)
		return si_jq_limit(e);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "{", 1);
	for (int i = 0; i < lengthof(both); i++)
		for (si_node_walk(&walk, both[i]); si_node_next(&walk, &key, &value);)
		{
			size_t		len;
			const char *name = si_jq_text(e, &key, &len);
			bool		in_both;

			if (name == NULL || !si_jq_looked(e, both[1 - i]))
				return false;
			in_both = si_node_member(both[1 - i], name, len, &other);
			if (in_both && i == 1)
				continue;
			if (in_both && (!deep || value.v.kind != SI_VALUE_OBJECT || other.v.kind != SI_VALUE_OBJECT))
				value = other;
			else if (in_both && !merge_objects(e, true, &value, &other, depth + 1, &value))
				return false;
			si_jq_append_member(&t, &key, &value);
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
	int64		n = si_long_from_double(times);

	if (text == NULL)
		return false;
	si_node_null(result);
	if (n <= 0)
		return true;
	if ((double) n * Max(len, 1) > SI_JQ_MAX_TEXT)
		return si_jq_limit(e);
	si_text_begin(&t, e->scratch);
	for (int64 i = 0; i < n && len > 0; i++)
		si_text_append(&t, text, len);
	return si_jq_finish_string(e, &t, result);
}

/* Pieces of a text between others; empty ones at its end are left out, as Java does. */
static bool
split(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, SiJsonNode *result)
{
	JqNode		call = {.function = si_jq_find_function("split", 5, 1)};
	SiJsonNode	pieces;
	SiNodeWalk	walk;
	SiJsonNode	value;
	SiNodeText	t;
	int64		n = 0,
				wanted = 0;

	if (!call.function->of_values(e, &call, a, b, &pieces))
		return false;
	for (si_node_walk(&walk, &pieces); si_node_next(&walk, NULL, &value);)
		if (++n == 1 || value.v.len > 0)
			wanted = value.v.len > 0 ? n : wanted;
	if (n == 1)
		wanted = 1;
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (si_node_walk(&walk, &pieces); wanted > 0 && si_node_next(&walk, NULL, &value); wanted--)
		si_jq_append(&t, &value);
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

static const char *
cannot(char op)
{
	return op == '+' ? "cannot be added" : op == '-' ? "cannot be subtracted" :
		op == '*' ? "cannot be multiplied" : "cannot be divided";
}

bool
si_jq_arithmetic(JqEvaluation *e, char op, const SiJsonNode *a, const SiJsonNode *b, SiJsonNode *result)
{
	SiValueKind x = (SiValueKind) a->v.kind;
	SiValueKind y = (SiValueKind) b->v.kind;
	double		d;

	if (!si_jq_looked(e, a) || !si_jq_looked(e, b))
		return false;
	if (si_node_number(a, &d) && si_node_number(b, &d))
		return calculate(e, op, a, b, result);
	if (op == '%')
		return si_jq_error(e, "to calculate module, both sides must be a integer");
	if (op == '+' && (x <= SI_VALUE_NULL || y <= SI_VALUE_NULL))
	{
		*result = x <= SI_VALUE_NULL ? *b : *a;
		return true;
	}
	if (op == '+' && x == SI_VALUE_STRING && y == SI_VALUE_STRING)
		return join_texts(e, a, b, result);
	if (op == '+' && x == SI_VALUE_ARRAY && y == SI_VALUE_ARRAY)
		return join_arrays(e, a, b, result);
	if (op == '-' && x == SI_VALUE_ARRAY && y == SI_VALUE_ARRAY)
		return subtract_arrays(e, a, b, result);
	if ((op == '+' || op == '*') && x == SI_VALUE_OBJECT && y == SI_VALUE_OBJECT)
		return merge_objects(e, op == '*', a, b, 0, result);
	if (op == '*' && x == SI_VALUE_STRING && si_node_number(b, &d) && fabs(d) <= PG_INT32_MAX)
		return repeat(e, a, d, result);
	if (op == '/' && x == SI_VALUE_STRING && y == SI_VALUE_STRING)
		return split(e, a, b, result);
	return si_jq_type_error(e, a, b, cannot(op));
}

/*
 * Objects: for every key and value of an entry, those of the next.
 */

typedef struct Entry
{
	const struct Entry *before;
	int			n;
	SiJsonNode	key;
	SiJsonNode	value;
} Entry;

typedef struct Member
{
	const SiJsonNode *key;
	const SiJsonNode *value;
	uint32		place;
	int			n;
} Member;

/* Where Java's HashMap has a key, in a table of so many places. */
static uint32
place(const char *text, size_t len, uint32 places)
{
	uint32		h = si_utf8_java_hash(text, len);

	return (h ^ h >> 16) & (places - 1);
}

static int
compare_places(const void *a, const void *b)
{
	const Member *x = a;
	const Member *y = b;

	return x->place != y->place ? (x->place < y->place ? -1 : 1) : x->n - y->n;
}

/* Of equal keys the last counts.  Members are in the order that Druid's library gives them. */
static bool
finish_object(JqEvaluation *e, const Entry *last, JqList *out)
{
	int			n = last ? last->n : 0;
	Member	   *members = si_jq_alloc(e, sizeof(Member) * Max(n, 1));
	uint32		places = 16;
	int			kept = 0;
	SiNodeText	t;
	SiJsonNode	result;

	if (members == NULL)
		return false;
	for (const Entry *entry = last; entry != NULL; entry = entry->before)
	{
		bool		covered = false;

		for (int i = 0; i < kept && !covered; i++)
			covered = si_jq_compare(e, members[i].key, &entry->key) == 0;
		if (!covered)
			members[kept++] = (Member) {.key = &entry->key,.value = &entry->value,.n = entry->n};
	}
	while (kept > (int) (places / 4 * 3))
		places *= 2;
	for (int i = 0; i < kept; i++)
	{
		size_t		len;
		const char *text = si_jq_text(e, members[i].key, &len);

		if (text == NULL)
			return false;
		members[i].place = place(text, len, places);
	}
	qsort(members, kept, sizeof(Member), compare_places);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "{", 1);
	for (int i = 0; i < kept; i++)
		si_jq_append_member(&t, members[i].key, members[i].value);
	si_text_append(&t, "}", 1);
	return si_jq_finish(e, &t, &result) && si_jq_push(e, out, &result);
}

static bool
bad_key(JqEvaluation *e, const SiJsonNode *key)
{
	SiNodeText	t;

	si_text_begin(&t, e->scratch);
	return si_jq_write(e, key, &t) &&
		si_jq_error(e, "Cannot use %s (%.*s) as object key", si_jq_type(key), (int) Min(t.len, 100), t.data);
}

static bool
next_entry(JqEvaluation *e, const JqNode *n, const Entry *before, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	Entry		entry = {.before = before,.n = before ? before->n + 1 : 1};
	JqList		keys,
				values;

	if (n == NULL)
		return finish_object(e, before, out);
	si_jq_list(&keys);
	if (!si_jq_eval(e, n->left, env, in, &keys))
		return false;
	for (int i = 0; i < keys.n; i++)
	{
		size_t		len;
		const char *text;

		entry.key = keys.items[i];
		if (entry.key.v.kind != SI_VALUE_STRING)
			return bad_key(e, &entry.key);
		si_jq_list(&values);
		if (n->right != NULL)
		{
			if (!si_jq_eval(e, n->right, env, in, &values))
				return false;
		}
		else
		{
			/* the member of that name */
			if ((text = si_jq_text(e, &entry.key, &len)) == NULL || !si_jq_looked(e, in))
				return false;
			if (!si_node_member(in, text, len, &values.items[0]))
				si_node_null(&values.items[0]);
			values.n = 1;
		}
		for (int j = 0; j < values.n; j++)
		{
			entry.value = values.items[j];
			if (!next_entry(e, n->next, &entry, env, in, out))
				return false;
		}
	}
	return true;
}

bool
si_jq_object(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	return next_entry(e, n->entries, NULL, env, in, out);
}

/*
 * Texts of pieces that have several results each
 */

JqList *
si_jq_add_piece(JqEvaluation *e, JqPieces *pieces)
{
	if (pieces->n == pieces->cap)
	{
		int			cap = Max(pieces->cap * 2, 8);
		JqList	   *lists = si_jq_alloc(e, sizeof(JqList) * cap);

		if (lists == NULL)
			return NULL;
		for (int i = 0; i < pieces->n; i++)
		{
			lists[i] = pieces->lists[i];
			if (lists[i].items == &pieces->lists[i].first)
				lists[i].items = &lists[i].first;
		}
		pieces->lists = lists;
		pieces->cap = cap;
	}
	si_jq_list(&pieces->lists[pieces->n]);
	return &pieces->lists[pieces->n++];
}

static bool
push_text(JqEvaluation *e, const JqPieces *pieces, const int *at, JqList *out)
{
	SiNodeText	t;
	SiJsonNode	text;

	si_text_begin(&t, e->scratch);
	for (int i = 0; i < pieces->n; i++)
	{
		size_t		len;
		const char *p;

		if (!si_jq_to_string(e, &pieces->lists[i].items[at[i]], &text) || (p = si_jq_text(e, &text, &len)) == NULL)
			return false;
		si_text_append(&t, p, len);
	}
	return si_jq_finish_string(e, &t, &text) && si_jq_push(e, out, &text);
}

bool
si_jq_join_pieces(JqEvaluation *e, const JqPieces *pieces, bool last_first, JqList *out)
{
	int			n = pieces->n;
	int		   *at = si_jq_alloc(e, sizeof(int) * Max(n, 1));
	int			i;

	if (at == NULL)
		return false;
	for (i = 0; i < n; i++)
	{
		at[i] = 0;
		if (pieces->lists[i].n == 0)
			return true;
	}
	do
	{
		if (!si_jq_step(e))
			return false;
		if (!push_text(e, pieces, at, out))
			return false;
		for (i = 0; i < n; i++)
		{
			int			k = last_first ? n - 1 - i : i;

			if (++at[k] < pieces->lists[k].n)
				break;
			at[k] = 0;
		}
	} while (i < n);
	return true;
}

/* What stands in a text; a format is for what is put in. */
static bool
piece_values(JqEvaluation *e, const JqNode *n, const JqNode *piece, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		values;

	if (n->left == NULL || !piece->permissive)
		return si_jq_eval(e, piece->right, env, in, out);
	si_jq_list(&values);
	if (!si_jq_eval(e, piece->right, env, in, &values))
		return false;
	for (int i = 0; i < values.n; i++)
		if (!si_jq_eval(e, n->left, env, &values.items[i], out))
			return false;
	return true;
}

bool
si_jq_interpolate(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqPieces	pieces = {0};

	for (const JqNode *piece = n->entries; piece != NULL; piece = piece->next)
	{
		JqList	   *values = si_jq_add_piece(e, &pieces);

		if (values == NULL || !piece_values(e, n, piece, env, in, values))
			return false;
	}
	return si_jq_join_pieces(e, &pieces, false, out);
}

bool
si_jq_recurse(JqEvaluation *e, const SiJsonNode *in, bool nulls, int depth, JqList *out)
{
	SiNodeWalk	walk;
	SiJsonNode	value;

	if (depth > MAX_DEPTH)
		return si_jq_limit(e);
	if (!si_jq_push(e, out, in) || !si_jq_looked(e, in))
		return false;
	if (si_node_walk(&walk, in))
		while (si_node_next(&walk, NULL, &value))
			if ((nulls || value.v.kind != SI_VALUE_NULL) && !si_jq_recurse(e, &value, nulls, depth + 1, out))
				return false;
	return true;
}
