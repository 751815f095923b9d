/*
 * jsonnode.c
 *		Values inside of validated JSON text: see jsonnode.h.
 */
#include "common/port.h"

#include <math.h>

#include "format/jsonnode.h"
#include "format/jsontext.h"
#include "format/number.h"

/* Keys with escapes are compared up to this length. */
#define MAX_ESCAPED_KEY 1024

const char *
si_node_read(const char *p, const char *end, SiJsonNode *node)
{
	node->made = false;
	return si_json_value(si_json_skip_blanks(p, end), end, &node->v, &node->escaped);
}

bool
si_node_walk(SiNodeWalk *walk, const SiJsonNode *node)
{
	if (node->v.kind != SI_VALUE_ARRAY && node->v.kind != SI_VALUE_OBJECT)
		return false;
	walk->object = node->v.kind == SI_VALUE_OBJECT;
	walk->p = node->v.ptr + 1;
	walk->end = node->v.ptr + node->v.len - 1;
	return true;
}

bool
si_node_next(SiNodeWalk *walk, SiJsonNode *key, SiJsonNode *value)
{
	SiJsonNode	ignored;
	const char *p = si_json_skip_blanks(walk->p, walk->end);

	if (p == walk->end)
		return false;
	if (walk->object)
	{
		p = si_node_read(p, walk->end, key ? key : &ignored);
		if (p == NULL)
			return false;
		p = si_json_skip_blanks(p, walk->end) + 1;
	}
	if (p > walk->end || (p = si_node_read(p, walk->end, value)) == NULL)
		return false;
	p = si_json_skip_blanks(p, walk->end);
	walk->p = p < walk->end ? p + 1 : p;
	return true;
}

bool
si_node_is_key(const SiJsonNode *key, const char *name, size_t len)
{
	char		text[MAX_ESCAPED_KEY];

	if (SI_LIKELY(!key->escaped))
		return key->v.len == len && memcmp(key->v.ptr, name, len) == 0;
	return key->v.len <= sizeof(text) && si_json_unescape(key->v.ptr, key->v.len, text) == (ptrdiff_t) len &&
		memcmp(text, name, len) == 0;
}

bool
si_node_member(const SiJsonNode *object, const char *name, size_t len, SiJsonNode *value)
{
	SiNodeWalk	walk;
	SiJsonNode	key;
	SiJsonNode	member;
	bool		found = false;

	if (object->v.kind != SI_VALUE_OBJECT || !si_node_walk(&walk, object))
		return false;
	while (si_node_next(&walk, &key, &member))
	{
		if (si_node_is_key(&key, name, len))
		{
			*value = member;
			found = true;
		}
	}
	return found;
}

int64
si_node_count(const SiJsonNode *node)
{
	SiNodeWalk	walk;
	SiJsonNode	value;
	int64		n = 0;

	if (!si_node_walk(&walk, node))
		return -1;
	while (si_node_next(&walk, NULL, &value))
		n++;
	return n;
}

bool
si_node_element(const SiJsonNode *array, int64 i, SiJsonNode *value)
{
	SiNodeWalk	walk;
	SiJsonNode	element;

	if (array->v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, array))
		return false;
	if (i < 0)
		i += si_node_count(array);
	while (i >= 0 && si_node_next(&walk, NULL, &element))
	{
		if (i-- == 0)
		{
			*value = element;
			return true;
		}
	}
	return false;
}

const char *
si_node_text(const SiJsonNode *string, SiScratch *scratch, size_t *len)
{
	char	   *text;

	*len = string->v.len;
	if (!string->escaped)
		return string->v.ptr;
	text = si_scratch_alloc(scratch, string->v.len);
	if (text == NULL)
		return NULL;
	*len = Max(si_json_unescape(string->v.ptr, string->v.len, text), 0);
	si_scratch_trim(scratch, text, *len);
	return text;
}

bool
si_node_value(const SiJsonNode *node, SiScratch *scratch, SiValue *v)
{
	size_t		len;

	*v = node->v;
	if (node->v.kind != SI_VALUE_STRING)
		return true;
	v->ptr = si_node_text(node, scratch, &len);
	v->len = (uint32) len;
	v->u.i = node->escaped || node->made ? 0 : SI_STRING_NO_NUL;
	return v->ptr != NULL;
}

static void
make(SiJsonNode *node, SiValueKind kind)
{
	memset(node, 0, sizeof(*node));
	node->v.kind = kind;
}

void
si_node_long(SiJsonNode *node, int64 value)
{
	make(node, SI_VALUE_LONG);
	node->v.u.i = value;
}

void
si_node_double(SiJsonNode *node, double value)
{
	make(node, SI_VALUE_DOUBLE);
	node->v.u.d = value;
}

void
si_node_bool(SiJsonNode *node, bool value)
{
	make(node, SI_VALUE_BOOL);
	node->v.u.i = value;
}

void
si_node_null(SiJsonNode *node)
{
	make(node, SI_VALUE_NULL);
}

void
si_node_string(SiJsonNode *node, const char *text, size_t len)
{
	make(node, SI_VALUE_STRING);
	node->v.ptr = text;
	node->v.len = (uint32) len;
	node->made = true;
}

bool
si_node_number(const SiJsonNode *node, double *value)
{
	if (node->v.kind == SI_VALUE_LONG)
		*value = (double) node->v.u.i;
	else if (node->v.kind == SI_VALUE_DOUBLE)
		*value = node->v.u.d;
	else
		return false;
	return true;
}

bool
si_value_is_flat(const SiValue *v)
{
	SiJsonNode	node = {.v = *v};
	SiJsonNode	element;
	SiNodeWalk	walk;

	if (v->kind != SI_VALUE_ARRAY)
		return v->kind != SI_VALUE_OBJECT;
	if (si_node_walk(&walk, &node))
		while (si_node_next(&walk, NULL, &element))
			if (element.v.kind == SI_VALUE_ARRAY || element.v.kind == SI_VALUE_OBJECT)
				return false;
	return true;
}

/*
 * Texts that are made
 */

void
si_text_begin(SiNodeText *t, SiScratch *scratch)
{
	memset(t, 0, sizeof(*t));
	t->scratch = scratch;
}

/* Room for len more bytes, or NULL. */
static char *
reserve(SiNodeText *t, size_t len)
{
	if (t->failed || len > PG_INT32_MAX - t->len)
	{
		t->failed = true;
		return NULL;
	}
	if (len > t->cap - t->len)
	{
		size_t		cap = Max(t->cap * 2, t->len + len + 64);
		char	   *data = si_scratch_alloc(t->scratch, cap);

		if (data == NULL)
		{
			t->failed = true;
			return NULL;
		}
		if (t->len > 0)
			memcpy(data, t->data, t->len);
		t->data = data;
		t->cap = cap;
	}
	return t->data + t->len;
}

void
si_text_append(SiNodeText *t, const char *bytes, size_t len)
{
	char	   *out = reserve(t, len);

	if (out != NULL)
	{
		memcpy(out, bytes, len);
		t->len += len;
	}
}

static void
append_number(SiNodeText *t, const SiValue *v)
{
	char		text[SI_DOUBLE_TEXT];

	if (v->ptr != NULL)
		si_text_append(t, v->ptr, v->len);
	else if (v->kind == SI_VALUE_LONG)
		si_text_append(t, text, snprintf(text, sizeof(text), INT64_FORMAT, v->u.i));
	else if (isfinite(v->u.d))
		si_text_append(t, text, si_double_print(v->u.d, text));
	else
		si_text_append(t, "null", 4);
}

void
si_text_append_node(SiNodeText *t, const SiJsonNode *node)
{
	const SiValue *v = &node->v;
	char	   *out;

	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_BOOL:
			si_text_append(t, v->u.i ? "true" : "false", v->u.i ? 4 : 5);
			break;
		case SI_VALUE_LONG:
		case SI_VALUE_DOUBLE:
			append_number(t, v);
			break;
		case SI_VALUE_STRING:
			if (!node->made)
				si_text_append(t, v->ptr - 1, (size_t) v->len + 2);
			else if ((out = reserve(t, (size_t) v->len * 6 + 2)) != NULL)
				t->len += si_json_quote(v->ptr, v->len, out);
			break;
		case SI_VALUE_ARRAY:
		case SI_VALUE_OBJECT:
			si_text_append(t, v->ptr, v->len);
			break;
		default:
			si_text_append(t, "null", 4);
			break;
	}
}

bool
si_text_node(const SiNodeText *t, SiJsonNode *node)
{
	make(node, t->len > 0 && t->data[0] == '{' ? SI_VALUE_OBJECT : SI_VALUE_ARRAY);
	node->v.ptr = t->data;
	node->v.len = (uint32) t->len;
	return !t->failed;
}
