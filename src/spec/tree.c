/*
 * tree.c
 *		A JSON value in memory: see tree.h.
 *
 * Reading goes through PostgreSQL's jsonb, which checks syntax, encoding and
 * depth and keeps the last of equal keys.  Knows nothing about specs.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "spec/tree.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

static SiJson *
make_node(SiJsonKind kind)
{
	SiJson	   *node = palloc0(sizeof(SiJson));

	node->kind = kind;
	return node;
}

SiJson *
si_json_null(void)
{
	return make_node(SI_JSON_NULL);
}

SiJson *
si_json_bool(bool value)
{
	SiJson	   *node = make_node(SI_JSON_BOOL);

	node->boolean = value;
	return node;
}

SiJson *
si_json_string(const char *value)
{
	SiJson	   *node = make_node(SI_JSON_STRING);

	node->text = pstrdup(value);
	return node;
}

SiJson *
si_json_int(int64 value)
{
	SiJson	   *node = make_node(SI_JSON_NUMBER);

	node->text = psprintf(INT64_FORMAT, value);
	return node;
}

SiJson *
si_json_container(SiJsonKind kind)
{
	return make_node(kind);
}

/* One more slot at the end of a container. */
static int
add_slot(SiJson *node)
{
	if (node->n == node->cap)
	{
		bool		first = node->cap == 0;

		node->cap = first ? 8 : node->cap * 2;
		node->items = first ? palloc(sizeof(SiJson *) * node->cap)
			: repalloc(node->items, sizeof(SiJson *) * node->cap);
		if (node->kind == SI_JSON_OBJECT)
			node->keys = first ? palloc(sizeof(char *) * node->cap)
				: repalloc(node->keys, sizeof(char *) * node->cap);
	}
	return node->n++;
}

void
si_json_append(SiJson *array, SiJson *value)
{
	int			slot = add_slot(array);

	array->items[slot] = value;
}

void
si_json_set(SiJson *object, const char *key, SiJson *value)
{
	int			slot;

	for (int i = 0; i < object->n; i++)
	{
		if (strcmp(object->keys[i], key) == 0)
		{
			object->items[i] = value;
			return;
		}
	}
	slot = add_slot(object);
	object->keys[slot] = pstrdup(key);
	object->items[slot] = value;
}

SiJson *
si_json_get(const SiJson *object, const char *key)
{
	if (object == NULL || object->kind != SI_JSON_OBJECT)
		return NULL;
	for (int i = 0; i < object->n; i++)
	{
		if (strcmp(object->keys[i], key) == 0)
			return object->items[i];
	}
	return NULL;
}

SiJson *
si_json_shallow_copy(const SiJson *value)
{
	SiJson	   *node = make_node(value->kind);

	*node = *value;
	if (value->cap > 0)
	{
		node->items = palloc(sizeof(SiJson *) * value->cap);
		memcpy(node->items, value->items, sizeof(SiJson *) * value->n);
		if (value->keys)
		{
			node->keys = palloc(sizeof(char *) * value->cap);
			memcpy(node->keys, value->keys, sizeof(char *) * value->n);
		}
	}
	return node;
}

static SiJson *
scalar_from_jsonb(const JsonbValue *v)
{
	SiJson	   *node;

	switch (v->type)
	{
		case jbvBool:
			return si_json_bool(v->val.boolean);
		case jbvNumeric:
			node = make_node(SI_JSON_NUMBER);
			node->text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v->val.numeric)));
			return node;
		case jbvString:
			node = make_node(SI_JSON_STRING);
			node->text = pnstrdup(v->val.string.val, v->val.string.len);
			return node;
		default:
			return si_json_null();
	}
}

/* Reads one value whose first token has been taken from the iterator. */
static SiJson *
from_iterator(JsonbIterator **it, JsonbIteratorToken token, const JsonbValue *first)
{
	SiJson	   *node;
	JsonbValue	v = *first;

	check_stack_depth();
	if (token != WJB_BEGIN_OBJECT && token != WJB_BEGIN_ARRAY)
		return scalar_from_jsonb(&v);

	node = make_node(token == WJB_BEGIN_OBJECT ? SI_JSON_OBJECT : SI_JSON_ARRAY);
	while ((token = JsonbIteratorNext(it, &v, false)) != WJB_END_OBJECT && token != WJB_END_ARRAY)
	{
		if (token == WJB_KEY)
		{
			int			slot = add_slot(node);

			node->keys[slot] = pnstrdup(v.val.string.val, v.val.string.len);
			token = JsonbIteratorNext(it, &v, false);
			node->items[slot] = from_iterator(it, token, &v);
		}
		else
			si_json_append(node, from_iterator(it, token, &v));
	}
	return node;
}

SiJson *
si_json_parse(const char *text)
{
	Jsonb	   *jb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	JsonbIterator *it = JsonbIteratorInit(&jb->root);
	JsonbValue	v;
	JsonbIteratorToken token = JsonbIteratorNext(&it, &v, false);
	SiJson	   *node = from_iterator(&it, token, &v);

	/* jsonb keeps a bare scalar as an array of one. */
	if (JB_ROOT_IS_SCALAR(jb))
		return node->items[0];
	return node;
}

bool
si_json_is_null(const SiJson *value)
{
	return value == NULL || value->kind == SI_JSON_NULL;
}

bool
si_json_is_empty(const SiJson *value)
{
	if (si_json_is_null(value))
		return true;
	if (value->kind == SI_JSON_STRING)
		return value->text[0] == '\0';
	if (value->kind != SI_JSON_ARRAY && value->kind != SI_JSON_OBJECT)
		return false;
	for (int i = 0; i < value->n; i++)
	{
		if (!si_json_is_empty(value->items[i]))
			return false;
	}
	return true;
}

bool
si_json_equal(const SiJson *a, const SiJson *b)
{
	if (a->kind != b->kind || a->n != b->n)
		return false;
	switch (a->kind)
	{
		case SI_JSON_NULL:
			return true;
		case SI_JSON_BOOL:
			return a->boolean == b->boolean;
		case SI_JSON_NUMBER:
		case SI_JSON_STRING:
			return strcmp(a->text, b->text) == 0;
		default:
			break;
	}
	for (int i = 0; i < a->n; i++)
	{
		const SiJson *other = a->kind == SI_JSON_OBJECT ? si_json_get(b, a->keys[i]) : b->items[i];

		if (other == NULL || !si_json_equal(a->items[i], other))
			return false;
	}
	return true;
}

void
si_json_print(StringInfo buf, const SiJson *value)
{
	switch (value->kind)
	{
		case SI_JSON_NULL:
			appendStringInfoString(buf, "null");
			return;
		case SI_JSON_BOOL:
			appendStringInfoString(buf, value->boolean ? "true" : "false");
			return;
		case SI_JSON_NUMBER:
			appendStringInfoString(buf, value->text);
			return;
		case SI_JSON_STRING:
			escape_json(buf, value->text);
			return;
		default:
			break;
	}
	appendStringInfoChar(buf, value->kind == SI_JSON_OBJECT ? '{' : '[');
	for (int i = 0; i < value->n; i++)
	{
		if (i > 0)
			appendStringInfoChar(buf, ',');
		if (value->kind == SI_JSON_OBJECT)
		{
			escape_json(buf, value->keys[i]);
			appendStringInfoChar(buf, ':');
		}
		si_json_print(buf, value->items[i]);
	}
	appendStringInfoChar(buf, value->kind == SI_JSON_OBJECT ? '}' : ']');
}
