/*
 * jq_arrays.c
 *		Functions of jq that work on arrays and objects.
 */
#include "common/port.h"

#include <math.h>

#include "format/jq_int.h"

#define MAX_DEPTH	1000

/*
 * Elements with a key each, sorted
 */

typedef struct Item
{
	SiJsonNode	value;
	SiJsonNode	key;
	JqEvaluation *e;
	int64		place;			/* equal ones stay in order */
} Item;

static int
compare_items(const void *a, const void *b)
{
	const Item *x = a;
	const Item *y = b;
	int			order = si_jq_compare(x->e, &x->key, &y->key);

	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

/* A key is the one result of f, or the array of its results. */
static bool
key_of(JqEvaluation *e, const JqNode *f, const JqEnv *env, bool wrap, Item *item, bool *single)
{
	JqList		keys;

	si_jq_list(&keys);
	if (!si_jq_eval(e, f, env, &item->value, &keys))
		return false;
	*single = keys.n == 1;
	if (wrap)
		return si_jq_array(e, &keys, &item->key);
	if (*single)
		item->key = keys.items[0];
	return true;
}

/* The elements of an array with their keys (themselves without f), n of them; NULL after an error. */
static Item *
items_of(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, int64 *n)
{
	const JqNode *f = call->nargs > 0 ? call->args[0] : NULL;
	SiNodeWalk	walk;
	SiJsonNode	value;
	Item	   *items;
	bool		wrap = false;

	*n = 0;
	if (in->v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, in))
		return si_jq_error(e, "%s is not applicable to %s", call->function->name, si_jq_java_type(in)), NULL;
	items = si_jq_alloc(e, sizeof(Item) * Max(si_node_count(in), 1));
	if (items == NULL || !si_jq_looked(e, in))
		return NULL;
	for (; si_node_next(&walk, NULL, &value); (*n)++)
		items[*n] = (Item) {.value = value,.key = value,.e = e,.place = *n};
	for (int64 i = 0; f != NULL && i < *n; i++)
	{
		bool		single;

		if (!key_of(e, f, env, wrap, &items[i], &single))
			return NULL;
		if (!single && !wrap)
		{
			wrap = true;
			i = -1;
		}
	}
	return items;
}

enum
{
	SORT, UNIQUE, GROUP, MIN, MAX
};

static bool
sorted(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	int			mode = call->function->mode;
	int64		n;
	Item	   *items = items_of(e, call, env, in, &n);
	SiNodeText	t;
	SiJsonNode	result;

	if (items == NULL)
		return false;
	qsort(items, n, sizeof(Item), compare_items);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int64 i = 0; i < n; i++)
	{
		bool		same = mode != SORT && i > 0 && si_jq_compare(e, &items[i - 1].key, &items[i].key) == 0;

		if (mode == UNIQUE && same)
			continue;
		if (mode == GROUP && !same)
			si_text_append(&t, i > 0 ? "],[" : "[", i > 0 ? 3 : 1);
		else if (t.len > 1)
			si_text_append(&t, ",", 1);
		si_text_append_node(&t, &items[i].value);
	}
	if (mode == GROUP && n > 0)
		si_text_append(&t, "]", 1);
	si_text_append(&t, "]", 1);
	return e->error == JQ_NO_ERROR && si_jq_finish(e, &t, &result) && si_jq_push(e, out, &result);
}

/* Of equal ones the last maximum, the first minimum. */
static bool
extreme(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	int64		n;
	Item	   *items = items_of(e, call, env, in, &n);
	SiJsonNode	result;
	int64		best = 0;

	if (items == NULL)
		return false;
	for (int64 i = 1; i < n; i++)
	{
		int			order = si_jq_compare(e, &items[i].key, &items[best].key);

		if (call->function->mode == MAX ? order >= 0 : order < 0)
			best = i;
	}
	si_node_null(&result);
	return e->error == JQ_NO_ERROR && si_jq_push(e, out, n > 0 ? &items[best].value : &result);
}

/*
 * Arrays and objects as wholes
 */

static bool
not_applicable(JqEvaluation *e, const JqNode *call, const SiJsonNode *in)
{
	return si_jq_error(e, "%s is not applicable to %s", call->function->name, si_jq_java_type(in));
}

/* add: what + makes of the elements, from null on. */
static bool
add(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	SiNodeWalk	walk;
	SiJsonNode	value;

	if (!si_node_walk(&walk, in))
		return si_jq_error(e, "Cannot iterate over %s", si_jq_type(in));
	si_node_null(result);
	while (si_node_next(&walk, NULL, &value))
		if (!si_jq_step(e) || !si_jq_arithmetic(e, '+', result, &value, result))
			return false;
	return true;
}

static bool
length(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	double		x;
	size_t		len;
	const char *text;
	int64		n = 0;

	if (in->v.kind == SI_VALUE_BOOL)
		return si_jq_error(e, "boolean has no length");
	if (in->v.kind == SI_VALUE_STRING)
	{
		if ((text = si_jq_text(e, in, &len)) == NULL)
			return false;
		for (size_t i = 0; i < len; i++)
			n += ((unsigned char) text[i] & 0xC0) != 0x80;
		si_node_long(result, n);
	}
	else if (in->v.kind == SI_VALUE_LONG && in->v.u.i >= 0)
		*result = *in;
	else if (si_node_number(in, &x))
		si_jq_number(fabs(x), result);
	else
		si_node_long(result, Max(si_node_count(in), 0));
	return true;
}

enum
{
	KEYS, KEYS_UNSORTED
};

static int
compare_keys(const void *a, const void *b)
{
	return compare_items(a, b);
}

static bool
keys(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	int64		n = si_node_count(in);
	Item	   *items = si_jq_alloc(e, sizeof(Item) * Max(n, 1));
	SiNodeWalk	walk;
	SiNodeText	t;

	if (items == NULL)
		return false;
	if (!si_node_walk(&walk, in))
		return not_applicable(e, call, in);
	for (int64 i = 0; i < n && si_node_next(&walk, &items[i].key, &items[i].value); i++)
	{
		items[i].e = e;
		items[i].place = i;
		if (!walk.object)
			si_node_long(&items[i].key, i);
	}
	if (walk.object && call->function->mode == KEYS)
		qsort(items, n, sizeof(Item), compare_keys);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int64 i = 0; i < n; i++)
		si_jq_append(&t, &items[i].key);
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

static bool
reverse(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	SiJsonNode *values;
	int64		n;
	SiNodeText	t;

	if (in->v.kind != SI_VALUE_ARRAY)
		return not_applicable(e, call, in);
	if (!si_jq_unpack(e, in, NULL, &values, &n, 1))
		return false;
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	while (n-- > 0)
		si_jq_append(&t, &values[n]);
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

static bool
flatten_into(JqEvaluation *e, const SiJsonNode *in, double depth, int level, SiNodeText *t)
{
	SiNodeWalk	walk;
	SiJsonNode	value;

	if (++e->steps > SI_JQ_MAX_STEPS || level > MAX_DEPTH)
		return si_jq_limit(e);
	for (si_node_walk(&walk, in); si_node_next(&walk, NULL, &value);)
	{
		if (value.v.kind != SI_VALUE_ARRAY || depth == 0)
			si_jq_append(t, &value);
		else if (!flatten_into(e, &value, depth - 1, level + 1, t))
			return false;
	}
	return true;
}

static bool
flatten(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	SiNodeText	t;
	double		depth = -1;

	if (call->nargs > 0 && (!si_node_number(&args[0], &depth) || depth < 0))
		return si_jq_error(e, "flatten depth must not be negative");
	if (si_node_count(in) < 0)
		return si_jq_error(e, "Cannot iterate over %s", si_jq_type(in));
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	if (!flatten_into(e, in, depth, 0, &t))
		return false;
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

static bool
to_entries(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	key,
				value;

	if (!si_node_walk(&walk, in))
		return not_applicable(e, call, in);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int64 i = 0; si_node_next(&walk, &key, &value); i++)
	{
		if (!walk.object)
			si_node_long(&key, i);
		si_text_append(&t, i > 0 ? ",{\"key\":" : "{\"key\":", i > 0 ? 8 : 7);
		si_text_append_node(&t, &key);
		si_text_append(&t, ",\"value\":", 9);
		si_text_append_node(&t, &value);
		si_text_append(&t, "}", 1);
	}
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

static bool
member_of(const SiJsonNode *entry, const char *const *names, SiJsonNode *value)
{
	for (; *names; names++)
		if (si_node_member(entry, *names, strlen(*names), value))
			return true;
	return false;
}

/* One entry of from_entries, taken apart. */
static bool
take_entry(JqEvaluation *e, const SiJsonNode *entry, SiJsonNode *key, SiJsonNode *value)
{
	static const char *const key_names[] = {"key", "Key", "name", "Name", NULL};
	static const char *const value_names[] = {"value", "Value", NULL};

	if (entry->v.kind != SI_VALUE_OBJECT)
		return si_jq_error(e, "from_entries is not applicable to input which contains %s", si_jq_java_type(entry));
	if (!member_of(entry, key_names, key) || key->v.kind != SI_VALUE_STRING)
		return si_jq_error(e, "input elements to from_entries() must be object and have 'key', 'Key' or 'Name' field");
	if (!member_of(entry, value_names, value))
		si_node_null(value);
	return true;
}

/* Of equal keys the first has the place, the last the value. */
static bool
from_entries(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	SiJsonNode *entries;
	SiJsonNode *keys;
	int64		n,
				kept = 0;
	SiNodeText	t;

	if (in->v.kind != SI_VALUE_ARRAY)
		return not_applicable(e, call, in);
	if (!si_jq_unpack(e, in, NULL, &entries, &n, 1) || (keys = si_jq_alloc(e, sizeof(SiJsonNode) * (n + 1))) == NULL)
		return false;
	for (int64 i = 0; i < n; i++)
	{
		SiJsonNode	value;
		int64		at = 0;

		if (!take_entry(e, &entries[i], &keys[kept], &value))
			return false;
		while (at < kept && si_jq_compare(e, &keys[at], &keys[kept]) != 0)
			at++;
		entries[at] = value;
		kept += at == kept;
		e->work += 16 * at;
		if (e->error != JQ_NO_ERROR)
			return false;
	}
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "{", 1);
	for (int64 i = 0; i < kept; i++)
		si_jq_append_member(&t, &keys[i], &entries[i]);
	si_text_append(&t, "}", 1);
	return si_jq_finish(e, &t, result);
}

static bool
has(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	SiJsonNode	value;
	size_t		len;
	const char *text;

	if (in->v.kind == SI_VALUE_ARRAY)
	{
		if (args[0].v.kind != SI_VALUE_LONG)
			return si_jq_error(e, "argument 1 of has() must be int for array input");
		si_node_bool(result, args[0].v.u.i >= 0 && args[0].v.u.i < si_node_count(in));
		return true;
	}
	if (in->v.kind != SI_VALUE_OBJECT)
		return si_jq_error(e, "has() is not applicable to %s", si_jq_java_type(in));
	if (args[0].v.kind != SI_VALUE_STRING)
		return si_jq_error(e, "argument 1 of has() must be string for object input");
	if ((text = si_jq_text(e, &args[0], &len)) == NULL)
		return false;
	si_node_bool(result, si_node_member(in, text, len, &value));
	return true;
}

/* a contains b: parts of texts, elements of arrays, members of objects; else they are equal. */
static bool
contains_value(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, int depth)
{
	SiNodeWalk	walk,
				others;
	SiJsonNode	key,
				value,
				other;
	size_t		len,
				part_len;
	const char *text;
	const char *part;
	bool		found;

	if (depth > MAX_DEPTH)
		return si_jq_limit(e);
	if (!si_jq_looked(e, a) || !si_jq_looked(e, b))
		return false;
	if (a->v.kind == SI_VALUE_STRING && b->v.kind == SI_VALUE_STRING)
		return (text = si_jq_text(e, a, &len)) != NULL && (part = si_jq_text(e, b, &part_len)) != NULL &&
			(part_len == 0 || memmem(text, len, part, part_len) != NULL);
	if (a->v.kind != b->v.kind || !si_node_walk(&walk, b))
		return si_jq_compare(e, a, b) == 0;
	while (si_node_next(&walk, &key, &value))
	{
		if (walk.object)
			found = (part = si_jq_text(e, &key, &part_len)) != NULL && si_node_member(a, part, part_len, &other) &&
				contains_value(e, &other, &value, depth + 1);
		else
			for (found = false, si_node_walk(&others, a); !found && si_node_next(&others, NULL, &other);)
			{
				e->work += 16;
				found = contains_value(e, &other, &value, depth + 1);
			}
		if (!found)
			return false;
	}
	return true;
}

static bool
contains(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	if (si_jq_rank(in) != si_jq_rank(&args[0]) || (in->v.kind == SI_VALUE_BOOL && in->v.u.i != args[0].v.u.i))
		return si_jq_error(e, "%s and %s cannot have their containment checked", si_jq_type(in), si_jq_type(&args[0]));
	si_node_bool(result, contains_value(e, in, &args[0], 0));
	return e->error == JQ_NO_ERROR;
}

const JqFunction si_jq_array_functions[] = {
	{"sort", 0, NULL, sorted, SORT}, {"sort", 1, NULL, sorted, SORT}, {"sort_by", 1, NULL, sorted, SORT},
	{"unique", 0, NULL, sorted, UNIQUE}, {"unique", 1, NULL, sorted, UNIQUE}, {"unique_by", 1, NULL, sorted, UNIQUE},
	{"group", 0, NULL, sorted, GROUP}, {"group", 1, NULL, sorted, GROUP}, {"group_by", 1, NULL, sorted, GROUP},
	{"min", 0, NULL, extreme, MIN}, {"min", 1, NULL, extreme, MIN}, {"min_by", 1, NULL, extreme, MIN},
	{"max", 0, NULL, extreme, MAX}, {"max", 1, NULL, extreme, MAX}, {"max_by", 1, NULL, extreme, MAX}, {"add", 0, add},
	{"length", 0, length}, {"keys", 0, keys, NULL, KEYS}, {"keys_unsorted", 0, keys, NULL, KEYS_UNSORTED},
	{"reverse", 0, reverse}, {"flatten", 0, flatten}, {"flatten", 1, flatten}, {"to_entries", 0, to_entries},
	{"from_entries", 0, from_entries}, {"has", 1, has}, {"contains", 1, contains},
	{NULL}
};
