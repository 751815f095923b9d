/*
 * jq_functions.c
 *		Functions of jq that have one result: sorting and grouping, texts,
 *		entries of objects.
 */
#include "common/port.h"

#include <math.h>

#include "format/jq_int.h"
#include "format/jsontext.h"
#include "format/matcher.h"
#include "format/number.h"

#define MAX_STEPS	1000000
#define MAX_DEPTH	1000

typedef struct Last
{
	SiJsonNode	value;
	bool		any;
} Last;

static bool
keep(JqEvaluation *e, void *arg, const SiJsonNode *result)
{
	Last	   *last = arg;

	last->value = *result;
	last->any = true;
	return true;
}

/* The last result of an expression; an error when there is none. */
static bool
argument(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, SiJsonNode *value)
{
	Last		last = {.any = false};

	if (!si_jq_eval(e, n, input, keep, &last))
		return false;
	*value = last.value;
	return last.any || si_jq_error(e);
}

static void
append(SiNodeText *t, const SiJsonNode *node)
{
	if (t->len > 1)
		si_text_append(t, ",", 1);
	si_text_append_node(t, node);
}

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

/* The elements of an array, with what f gives for each, or themselves, as keys; n of them. */
static Item *
items_of(JqEvaluation *e, const JqNode *f, const SiJsonNode *input, int64 *n)
{
	SiNodeWalk	walk;
	SiJsonNode	value;
	Item	   *items;

	*n = 0;
	if (input->v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, input))
	{
		si_jq_error(e);
		return NULL;
	}
	items = si_scratch_alloc(e->scratch, sizeof(Item) * Max(si_node_count(input), 1));
	if (items == NULL)
	{
		e->no_memory = true;
		return NULL;
	}
	for (; si_node_next(&walk, NULL, &value); (*n)++)
	{
		items[*n] = (Item) {.value = value,.key = value,.e = e,.place = *n};
		if (f != NULL && !argument(e, f, &value, &items[*n].key))
			return NULL;
	}
	return items;
}

/* sort_by, unique_by, group_by, and those of the elements themselves. */
static bool
sorted(JqEvaluation *e, const JqNode *f, const SiJsonNode *input, bool group, bool unique, SiJsonNode *result)
{
	int64		n;
	Item	   *items = items_of(e, f, input, &n);
	SiNodeText	t;

	if (items == NULL)
		return false;
	qsort(items, n, sizeof(Item), compare_items);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int64 i = 0; i < n; i++)
	{
		bool		same = i > 0 && si_jq_compare(e, &items[i - 1].key, &items[i].key) == 0;

		if (unique && same)
			continue;
		if (group && !same)
			si_text_append(&t, i > 0 ? "],[" : "[", i > 0 ? 3 : 1);
		else if (t.len > 1)
			si_text_append(&t, ",", 1);
		si_text_append_node(&t, &items[i].value);
	}
	if (group && n > 0)
		si_text_append(&t, "]", 1);
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

static bool
extreme_by(JqEvaluation *e, const JqNode *f, const SiJsonNode *input, bool max, SiJsonNode *result)
{
	int64		n;
	Item	   *items = items_of(e, f, input, &n);
	int64		best = 0;

	if (items == NULL)
		return false;
	for (int64 i = 1; i < n; i++)
	{
		int			order = si_jq_compare(e, &items[i].key, &items[best].key);

		if (max ? order >= 0 : order < 0)
			best = i;
	}
	si_node_null(result);
	if (n > 0)
		*result = items[best].value;
	return true;
}

/* add: numbers, strings, arrays; nulls are nothing. */
static bool
add_all(JqEvaluation *e, const SiJsonNode *input, SiJsonNode *result)
{
	SiNodeWalk	walk;
	SiNodeText	t;
	SiJsonNode	value;
	SiValueKind kind = SI_VALUE_NULL;
	bool		longs = true;
	int64		sum = 0;
	double		dsum = 0;
	double		x;

	if (!si_node_walk(&walk, input))
		return si_jq_error(e);
	si_text_begin(&t, e->scratch);
	while (si_node_next(&walk, NULL, &value))
	{
		SiValueKind k = value.v.kind == SI_VALUE_LONG ? SI_VALUE_DOUBLE : (SiValueKind) value.v.kind;
		size_t		len;
		const char *text;

		if (k == SI_VALUE_NULL)
			continue;
		if (kind == SI_VALUE_NULL)
			kind = k;
		if (k != kind || k == SI_VALUE_BOOL || k == SI_VALUE_OBJECT)
			return si_jq_error(e);
		if (si_node_number(&value, &x))
		{
			dsum += x;
			longs = longs && value.v.kind == SI_VALUE_LONG && !__builtin_add_overflow(sum, value.v.u.i, &sum);
		}
		else if (k == SI_VALUE_STRING && (text = si_node_text(&value, e->scratch, &len)) != NULL)
			si_text_append(&t, text, len);
		else if (k == SI_VALUE_ARRAY && value.v.len > 2)
		{
			si_text_append(&t, t.len > 0 ? "," : "[", 1);
			si_text_append(&t, value.v.ptr + 1, value.v.len - 2);
		}
	}
	if (kind == SI_VALUE_ARRAY)
	{
		si_text_append(&t, t.len > 0 ? "]" : "[]", t.len > 0 ? 1 : 2);
		return si_jq_finish(e, &t, result);
	}
	if (kind == SI_VALUE_NULL)
		si_node_null(result);
	else if (kind == SI_VALUE_STRING)
		si_node_string(result, t.data ? t.data : "", t.len);
	else if (longs)
		si_node_long(result, sum);
	else
		si_node_double(result, dsum);
	e->no_memory |= t.failed;
	return !t.failed;
}

static bool
extreme(JqEvaluation *e, const SiJsonNode *input, bool max, SiJsonNode *result)
{
	SiNodeWalk	walk;
	SiJsonNode	value;
	bool		any = false;

	if (input->v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, input))
		return si_jq_error(e);
	si_node_null(result);
	while (si_node_next(&walk, NULL, &value))
	{
		int			order = any ? si_jq_compare(e, &value, result) : 0;

		if (!any || (max ? order >= 0 : order < 0))
			*result = value;
		any = true;
	}
	return true;
}

static bool
reverse(JqEvaluation *e, const SiJsonNode *input, SiJsonNode *result)
{
	int64		n;
	Item	   *items = items_of(e, NULL, input, &n);
	SiNodeText	t;

	if (items == NULL)
		return false;
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	while (n-- > 0)
		append(&t, &items[n].value);
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

static bool
flatten(JqEvaluation *e, const SiJsonNode *input, int64 depth, int level, SiNodeText *t)
{
	SiNodeWalk	walk;
	SiJsonNode	value;

	if (++e->steps > MAX_STEPS || level > MAX_DEPTH)
		return si_jq_error(e);
	for (si_node_walk(&walk, input); si_node_next(&walk, NULL, &value);)
	{
		if (value.v.kind != SI_VALUE_ARRAY || depth == 0)
			append(t, &value);
		else if (!flatten(e, &value, depth - 1, level + 1, t))
			return false;
	}
	return true;
}

static bool
flattened(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, SiJsonNode *result)
{
	SiNodeText	t;
	SiJsonNode	depth;

	si_node_long(&depth, -1);
	if (input->v.kind != SI_VALUE_ARRAY || (n->right != NULL && !argument(e, n->right, input, &depth)))
		return si_jq_error(e);
	if (depth.v.kind != SI_VALUE_LONG || (n->right != NULL && depth.v.u.i < 0))
		return si_jq_error(e);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	if (!flatten(e, input, depth.v.u.i, 0, &t))
		return false;
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

/* any and all, of the elements or of what f gives for them. */
static bool
quantify(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, SiJsonNode *result)
{
	bool		all = n->function == JQ_ALL;
	SiNodeWalk	walk;
	SiJsonNode	value;

	si_node_bool(result, all);
	if (!si_node_walk(&walk, input))
		return si_jq_error(e);
	while (si_node_next(&walk, NULL, &value))
	{
		if (n->right != NULL && !argument(e, n->right, &value, &value))
			return false;
		if (si_jq_is_true(&value) != all)
			si_node_bool(result, !all);
	}
	return true;
}

/*
 * Entries
 */

static bool
keys_unsorted(JqEvaluation *e, const SiJsonNode *input, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	key,
				value;

	if (!si_node_walk(&walk, input))
		return si_jq_error(e);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int64 i = 0; si_node_next(&walk, &key, &value); i++)
	{
		if (!walk.object)
			si_node_long(&key, i);
		append(&t, &key);
	}
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

static bool
to_entries(JqEvaluation *e, const SiJsonNode *input, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	key,
				value;

	if (!si_node_walk(&walk, input))
		return si_jq_error(e);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int64 i = 0; si_node_next(&walk, &key, &value); i++)
	{
		if (!walk.object)
			si_node_long(&key, i);
		if (i > 0)
			si_text_append(&t, ",", 1);
		si_text_append(&t, "{\"key\":", 7);
		si_text_append_node(&t, &key);
		si_text_append(&t, ",\"value\":", 9);
		si_text_append_node(&t, &value);
		si_text_append(&t, "}", 1);
	}
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

/* One entry {"key": ..., "value": ...} into an object's text. */
static bool
append_entry(JqEvaluation *e, const SiJsonNode *entry, SiNodeText *t)
{
	static const char *const keys[] = {"key", "Key", "k", "name", "Name"};
	static const char *const values[] = {"value", "Value", "v"};
	SiJsonNode	key = {.v.kind = SI_VALUE_NULL};
	SiJsonNode	value = {.v.kind = SI_VALUE_NULL};

	for (int i = 0; i < lengthof(keys); i++)
		if (si_node_member(entry, keys[i], strlen(keys[i]), &key) && key.v.kind != SI_VALUE_NULL)
			break;
	for (int i = 0; i < lengthof(values); i++)
		if (si_node_member(entry, values[i], strlen(values[i]), &value))
			break;
	if (key.v.kind == SI_VALUE_NULL || key.v.kind == SI_VALUE_ARRAY || key.v.kind == SI_VALUE_OBJECT)
		return si_jq_error(e);
	if (key.v.kind != SI_VALUE_STRING && !si_jq_to_string(e, &key, &key))
		return false;
	append(t, &key);
	si_text_append(t, ":", 1);
	si_text_append_node(t, &value);
	return true;
}

static bool
keep_entry(JqEvaluation *e, void *arg, const SiJsonNode *entry)
{
	return append_entry(e, entry, arg);
}

/* from_entries, with f of every entry before. */
static bool
from_entries(JqEvaluation *e, const JqNode *f, const SiJsonNode *input, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	entry;

	if (input->v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, input))
		return si_jq_error(e);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "{", 1);
	while (si_node_next(&walk, NULL, &entry))
		if (f != NULL ? !si_jq_eval(e, f, &entry, keep_entry, &t) : !append_entry(e, &entry, &t))
			return false;
	si_text_append(&t, "}", 1);
	return si_jq_finish(e, &t, result);
}

/*
 * Texts
 */

typedef struct Text
{
	const char *p;
	size_t		len;
} Text;

static bool
text_of(JqEvaluation *e, const SiJsonNode *node, Text *text)
{
	if (node->v.kind != SI_VALUE_STRING)
		return si_jq_error(e);
	text->p = si_jq_text(e, node, &text->len);
	return text->p != NULL;
}

static bool
change_case(JqEvaluation *e, const SiJsonNode *input, bool up, SiJsonNode *result)
{
	Text		text;
	char	   *copy;

	if (!text_of(e, input, &text))
		return false;
	copy = si_scratch_copy(e->scratch, text.p, text.len);
	e->no_memory |= copy == NULL;
	for (size_t i = 0; copy != NULL && i < text.len; i++)
		copy[i] = up ? pg_ascii_toupper((unsigned char) copy[i]) : pg_ascii_tolower((unsigned char) copy[i]);
	si_node_string(result, copy, text.len);
	return copy != NULL;
}

static const char *
find(const char *p, const char *end, const Text *part)
{
	return part->len == 0 ? p : memmem(p, end - p, part->p, part->len);
}

static bool
split(JqEvaluation *e, const Text *text, const Text *by, SiJsonNode *result)
{
	SiNodeText	t;
	const char *p = text->p;
	const char *end = text->p + text->len;
	SiJsonNode	piece;

	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	while (text->len > 0)
	{
		const char *stop = find(p, end, by);

		if (stop == NULL)
			stop = end;
		if (by->len == 0)
			for (stop = p + 1; stop < end && ((unsigned char) *stop & 0xC0) == 0x80;)
				stop++;
		si_node_string(&piece, p, stop - p);
		append(&t, &piece);
		if (stop == end)
			break;
		p = stop + by->len;
	}
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

/* Characters before the first or the last place of a part; null when there is none. */
static void
position(const Text *text, const Text *part, bool last, SiJsonNode *result)
{
	const char *end = text->p + text->len;
	const char *found = part->len > 0 ? find(text->p, end, part) : NULL;
	int64		n = 0;

	si_node_null(result);
	if (found == NULL)
		return;
	for (const char *next = found; last && next != NULL; next = find(found + 1, end, part))
		found = next;
	for (const char *p = text->p; p < found; p++)
		n += ((unsigned char) *p & 0xC0) != 0x80;
	si_node_long(result, n);
}

/* The place of a value in an array. */
static void
element_position(JqEvaluation *e, const SiJsonNode *array, const SiJsonNode *value, bool last, SiJsonNode *result)
{
	SiNodeWalk	walk;
	SiJsonNode	element;

	si_node_null(result);
	si_node_walk(&walk, array);
	for (int64 i = 0; si_node_next(&walk, NULL, &element); i++)
	{
		if (si_jq_compare(e, &element, value) != 0)
			continue;
		si_node_long(result, i);
		if (!last)
			return;
	}
}

/* Functions of a text and another one. */
static bool
text_function(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, const SiJsonNode *value, SiJsonNode *result)
{
	Text		text,
				part;
	bool		starts,
				ends;

	/* what is no text is not trimmed */
	*result = *input;
	if ((n->function == JQ_LTRIMSTR || n->function == JQ_RTRIMSTR) &&
		(input->v.kind != SI_VALUE_STRING || value->v.kind != SI_VALUE_STRING))
		return true;
	if (!text_of(e, input, &text) || !text_of(e, value, &part))
		return false;
	starts = part.len <= text.len && memcmp(text.p, part.p, part.len) == 0;
	ends = part.len <= text.len && memcmp(text.p + text.len - part.len, part.p, part.len) == 0;
	switch (n->function)
	{
		case JQ_SPLIT:
			return split(e, &text, &part, result);
		case JQ_STARTSWITH:
			si_node_bool(result, starts);
			break;
		case JQ_ENDSWITH:
			si_node_bool(result, ends);
			break;
		case JQ_LTRIMSTR:
			if (starts)
				si_node_string(result, text.p + part.len, text.len - part.len);
			break;
		case JQ_RTRIMSTR:
			if (ends)
				si_node_string(result, text.p, text.len - part.len);
			break;
		default:
			position(&text, &part, n->function == JQ_LAST_POSITION, result);
			break;
	}
	return true;
}

/* a contains b: parts of texts, elements of arrays, members of objects; else they are equal. */
static bool
contains(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, int depth)
{
	SiNodeWalk	walk,
				others;
	SiJsonNode	key,
				value,
				other;
	Text		text,
				part;
	bool		found;

	if (++e->steps > MAX_STEPS || depth > MAX_DEPTH || a->v.kind != b->v.kind)
		return si_jq_compare(e, a, b) == 0;
	if (a->v.kind == SI_VALUE_STRING)
		return text_of(e, a, &text) && text_of(e, b, &part) && find(text.p, text.p + text.len, &part) != NULL;
	if (!si_node_walk(&walk, b))
		return si_jq_compare(e, a, b) == 0;
	while (si_node_next(&walk, &key, &value))
	{
		if (walk.object)
			found = text_of(e, &key, &part) && si_node_member(a, part.p, part.len, &other) &&
				contains(e, &other, &value, depth + 1);
		else
			for (found = false, si_node_walk(&others, a); !found && si_node_next(&others, NULL, &other);)
				found = contains(e, &other, &value, depth + 1);
		if (!found)
			return false;
	}
	return true;
}

static bool
from_json(JqEvaluation *e, const SiJsonNode *input, SiJsonNode *result)
{
	Text		text;
	char	   *copy;
	const char *stop;

	if (!text_of(e, input, &text))
		return false;
	/* what ends a number must be readable */
	copy = si_scratch_copy(e->scratch, text.p, text.len);
	e->no_memory |= copy == NULL;
	if (copy == NULL)
		return false;
	stop = si_json_valid(copy, copy + text.len);
	if (stop == NULL || si_json_skip_blanks(stop, copy + text.len) != copy + text.len)
		return si_jq_error(e);
	return si_node_read(copy, copy + text.len, result) != NULL || si_jq_error(e);
}

static bool
to_json(JqEvaluation *e, const SiJsonNode *input, SiJsonNode *result)
{
	SiNodeText	t;

	si_text_begin(&t, e->scratch);
	si_text_append_node(&t, input);
	e->no_memory |= t.failed;
	si_node_string(result, t.data ? t.data : "", t.len);
	return !t.failed;
}

static bool
of_number(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, SiJsonNode *result)
{
	double		x;

	if (!si_node_number(input, &x))
		return si_jq_error(e);
	si_node_double(result, n->function == JQ_FLOOR ? floor(x) : sqrt(x));
	return true;
}

/* Functions of a value and an argument. */
static bool
with_argument(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, SiJsonNode *result)
{
	SiJsonNode	value;

	if (!argument(e, n->right, input, &value))
		return false;
	switch (n->function)
	{
		case JQ_CONTAINS:
			si_node_bool(result, contains(e, input, &value, 0));
			return true;
		case JQ_INSIDE:
			si_node_bool(result, contains(e, &value, input, 0));
			return true;
		case JQ_POSITION:
		case JQ_LAST_POSITION:
			if (input->v.kind == SI_VALUE_ARRAY && value.v.kind != SI_VALUE_ARRAY)
			{
				element_position(e, input, &value, n->function == JQ_LAST_POSITION, result);
				return true;
			}
			return text_function(e, n, input, &value, result);
		default:
			return text_function(e, n, input, &value, result);
	}
}

bool
si_jq_function(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, SiJsonNode *result)
{
	Text		text;
	SiJsonNode	entries;

	switch (n->function)
	{
		case JQ_ADD:
			return add_all(e, input, result);
		case JQ_MIN:
		case JQ_MAX:
			return extreme(e, input, n->function == JQ_MAX, result);
		case JQ_KEYS_UNSORTED:
			return keys_unsorted(e, input, result);
		case JQ_REVERSE:
			return reverse(e, input, result);
		case JQ_SORT:
		case JQ_SORT_BY:
			return sorted(e, n->right, input, false, false, result);
		case JQ_UNIQUE:
		case JQ_UNIQUE_BY:
			return sorted(e, n->right, input, false, true, result);
		case JQ_GROUP_BY:
			return sorted(e, n->right, input, true, false, result);
		case JQ_MIN_BY:
		case JQ_MAX_BY:
			return extreme_by(e, n->right, input, n->function == JQ_MAX_BY, result);
		case JQ_TO_ENTRIES:
			return to_entries(e, input, result);
		case JQ_FROM_ENTRIES:
			return from_entries(e, NULL, input, result);
		case JQ_WITH_ENTRIES:
			return to_entries(e, input, &entries) && from_entries(e, n->right, &entries, result);
		case JQ_DOWNCASE:
		case JQ_UPCASE:
			return change_case(e, input, n->function == JQ_UPCASE, result);
		case JQ_FLOOR:
		case JQ_SQRT:
			return of_number(e, n, input, result);
		case JQ_TO_JSON:
			return to_json(e, input, result);
		case JQ_FROM_JSON:
			return from_json(e, input, result);
		case JQ_ANY:
		case JQ_ALL:
			return quantify(e, n, input, result);
		case JQ_FLATTEN:
			return flattened(e, n, input, result);
		case JQ_BYTES:
			if (!text_of(e, input, &text))
				return false;
			si_node_long(result, text.len);
			return true;
		case JQ_TEST:
			if (!text_of(e, input, &text))
				return false;
			si_node_bool(result, si_matcher_find(n->matcher, text.p, text.len));
			return true;
		default:
			return with_argument(e, n, input, result);
	}
}
