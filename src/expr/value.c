/*
 * value.c
 *		Values of expressions: making them, Druid's conversions between their
 *		types, and the way from and to the values of rows.
 */
#include "common/port.h"

#include "expr/expr_int.h"
#include "format/jsontext.h"
#include "format/number.h"

SiExprValue
si_expr_null(void)
{
	SiExprValue v = {SI_EXPR_STRING, SI_EXPR_STRING, true, 0, {0}};

	return v;
}

SiExprValue
si_expr_long(int64 i)
{
	SiExprValue v = {SI_EXPR_LONG, SI_EXPR_LONG, false, 0, {0}};

	v.u.i = i;
	return v;
}

SiExprValue
si_expr_bool(bool b)
{
	return si_expr_long(b ? 1 : 0);
}

SiExprValue
si_expr_double(double d)
{
	SiExprValue v = {SI_EXPR_DOUBLE, SI_EXPR_DOUBLE, false, 0, {0}};

	v.u.d = d;
	return v;
}

SiExprValue
si_expr_text(const char *s, size_t len)
{
	SiExprValue v = {SI_EXPR_STRING, SI_EXPR_STRING, false, (uint32) len, {0}};

	v.u.s = s;
	return v;
}

SiExprValue
si_expr_copy(SiEval *ev, const char *s, size_t len)
{
	char	   *copy = si_expr_alloc(ev->memory, Max(len, 1));

	memcpy(copy, s, len);
	return si_expr_text(copy, len);
}

SiExprValue *
si_expr_items(SiEval *ev, uint32 n)
{
	return si_expr_alloc(ev->memory, sizeof(SiExprValue) * Max(n, 1));
}

SiExprValue
si_expr_array(const SiExprValue *items, uint32 n, SiExprType element)
{
	SiExprValue v = {SI_EXPR_ARRAY, SI_EXPR_STRING, false, n, {0}};

	v.element = element;
	v.u.items = items;
	return v;
}

/* ------------------------------------------------------------- conversions */

static bool
number_text(SiEval *ev, const SiExprValue *v, const char **s, uint32 *len)
{
	char	   *buf = si_expr_alloc(ev->memory, SI_DOUBLE_TEXT);

	*len = v->type == SI_EXPR_LONG ? snprintf(buf, SI_DOUBLE_TEXT, INT64_FORMAT, v->u.i)
		: si_double_print(v->u.d, buf);
	*s = buf;
	return true;
}

/* An array of one element is that element; others print as Java's arrays. */
static bool
array_text(SiEval *ev, const SiExprValue *v, const char **s, uint32 *len)
{
	size_t		total = 2;
	char	   *out;

	if (v->len == 0)
		return false;
	if (v->len == 1)
		return si_expr_as_text(ev, &v->u.items[0], s, len);
	for (uint32 i = 0; i < v->len; i++)
	{
		*len = 4;
		(void) si_expr_as_text(ev, &v->u.items[i], s, len);
		total += *len + 2;
	}
	*s = out = si_expr_alloc(ev->memory, total);
	*out++ = '[';
	for (uint32 i = 0; i < v->len; i++)
	{
		const char *item = "null";
		uint32		item_len = 4;

		(void) si_expr_as_text(ev, &v->u.items[i], &item, &item_len);
		if (i > 0)
		{
			*out++ = ',';
			*out++ = ' ';
		}
		memcpy(out, item, item_len);
		out += item_len;
	}
	*out++ = ']';
	*len = (uint32) (out - *s);
	return true;
}

bool
si_expr_as_text(SiEval *ev, const SiExprValue *v, const char **s, uint32 *len)
{
	if (v->isnull)
		return false;
	switch (v->type)
	{
		case SI_EXPR_STRING:
		case SI_EXPR_JSON:
			*s = v->u.s;
			*len = v->len;
			return true;
		case SI_EXPR_ARRAY:
			return array_text(ev, v, s, len);
		default:
			return number_text(ev, v, s, len);
	}
}

/* A number, or true and false as 1 and 0. */
static bool
text_number(const SiExprValue *v, double *d)
{
	if (si_double_from_text(v->u.s, v->len, d))
		return true;
	*d = v->len == 4;
	return (v->len == 4 && pg_strncasecmp(v->u.s, "true", 4) == 0) ||
		(v->len == 5 && pg_strncasecmp(v->u.s, "false", 5) == 0);
}

bool
si_expr_as_long(const SiExprValue *v, int64 *i)
{
	double		d;

	if (v->isnull)
		return false;
	switch (v->type)
	{
		case SI_EXPR_LONG:
			*i = v->u.i;
			return true;
		case SI_EXPR_DOUBLE:
			*i = si_long_from_double(v->u.d);
			return true;
		case SI_EXPR_STRING:
			if (si_long_from_text(v->u.s, v->len, i))
				return true;
			if (!text_number(v, &d))
				return false;
			*i = si_long_from_double(d);
			return true;
		case SI_EXPR_ARRAY:
			return v->len == 1 && si_expr_as_long(&v->u.items[0], i);
		default:
			return false;
	}
}

bool
si_expr_as_double(const SiExprValue *v, double *d)
{
	if (v->isnull)
		return false;
	switch (v->type)
	{
		case SI_EXPR_LONG:
			*d = (double) v->u.i;
			return true;
		case SI_EXPR_DOUBLE:
			*d = v->u.d;
			return true;
		case SI_EXPR_STRING:
			return text_number(v, d);
		case SI_EXPR_ARRAY:
			return v->len == 1 && si_expr_as_double(&v->u.items[0], d);
		default:
			return false;
	}
}

bool
si_expr_as_bool(const SiExprValue *v)
{
	if (v->isnull)
		return false;
	switch (v->type)
	{
		case SI_EXPR_LONG:
			return v->u.i > 0;
		case SI_EXPR_DOUBLE:
			return v->u.d > 0;
		case SI_EXPR_STRING:
			return v->len == 4 && pg_strncasecmp(v->u.s, "true", 4) == 0;
		case SI_EXPR_ARRAY:
			return v->len == 1 && si_expr_as_bool(&v->u.items[0]);
		default:
			return false;
	}
}

SiExprValue
si_expr_as_array(SiEval *ev, const SiExprValue *v)
{
	SiExprValue *item;

	if (v->isnull || v->type == SI_EXPR_ARRAY)
		return *v;
	item = si_expr_items(ev, 1);
	*item = *v;
	return si_expr_array(item, 1, v->type);
}

SiExprValue
si_expr_cast(SiEval *ev, const SiExprValue *v, SiExprType type)
{
	SiExprValue result = *v;
	bool		ok = false;

	if (v->type == type)
		return result;
	switch (type)
	{
		case SI_EXPR_LONG:
			ok = si_expr_as_long(v, &result.u.i);
			break;
		case SI_EXPR_DOUBLE:
			ok = si_expr_as_double(v, &result.u.d);
			break;
		default:
			ok = si_expr_as_text(ev, v, &result.u.s, &result.len);
			break;
	}
	result.type = result.element = type;
	result.isnull = !ok;
	return result;
}

/* ------------------------------------------------------------- rows to here */

void
si_expr_from_json(SiEval *ev, const SiValue *v, bool escaped, SiExprValue *out)
{
	SiValue		copy = *v;

	if (v->kind == SI_VALUE_STRING && escaped)
	{
		char	   *text = si_expr_alloc(ev->memory, Max(v->len, 1));
		ptrdiff_t	len = si_json_unescape(v->ptr, v->len, text);

		copy.ptr = text;
		copy.len = (uint32) Max(len, 0);
	}
	si_expr_from_value(ev, &copy, out);
}

/* Type of an array of these elements; longs become doubles beside doubles. */
static SiExprType
common_element(SiExprValue *items, uint32 n)
{
	bool		seen[SI_EXPR_ARRAY + 1] = {false};

	for (uint32 i = 0; i < n; i++)
		if (!items[i].isnull)
			seen[items[i].type] = true;
	if (seen[SI_EXPR_JSON] || seen[SI_EXPR_ARRAY])
		return SI_EXPR_JSON;
	if (seen[SI_EXPR_STRING])
		return SI_EXPR_STRING;
	return seen[SI_EXPR_DOUBLE] ? SI_EXPR_DOUBLE : seen[SI_EXPR_LONG] ? SI_EXPR_LONG : SI_EXPR_STRING;
}

/* An array's text becomes an array unless it holds objects or arrays. */
static void
from_array(SiEval *ev, const SiValue *v, SiExprValue *out)
{
	const char *end = v->ptr + v->len - 1;
	const char *p = si_json_skip_blanks(v->ptr + 1, end);
	uint32		n = 0;
	uint32		cap = 8;
	SiExprValue *items = si_expr_items(ev, cap);
	SiExprType	element;

	while (p != NULL && p < end)
	{
		SiValue		item;
		bool		escaped = false;

		p = si_json_value(p, end, &item, &escaped);
		if (p == NULL)
			break;
		if (n == cap)
		{
			SiExprValue *more = si_expr_items(ev, cap * 2);

			memcpy(more, items, sizeof(SiExprValue) * n);
			items = more;
			cap *= 2;
		}
		if (item.kind == SI_VALUE_ARRAY || item.kind == SI_VALUE_OBJECT)
		{
			items[n] = si_expr_text(item.ptr, item.len);
			items[n].type = SI_EXPR_JSON;
		}
		else
			si_expr_from_json(ev, &item, escaped, &items[n]);
		n++;
		p = si_json_skip_blanks(p, end);
		if (p < end && *p == ',')
			p = si_json_skip_blanks(p + 1, end);
		else
			break;
	}
	element = common_element(items, n);
	if (element == SI_EXPR_JSON)
	{
		*out = si_expr_text(v->ptr, v->len);
		out->type = SI_EXPR_JSON;
		return;
	}
	for (uint32 i = 0; i < n; i++)
		items[i] = si_expr_cast(ev, &items[i], element);
	*out = si_expr_array(items, n, element);
}

void
si_expr_from_value(SiEval *ev, const SiValue *v, SiExprValue *out)
{
	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_BOOL:
		case SI_VALUE_LONG:
			*out = si_expr_long(v->u.i);
			return;
		case SI_VALUE_DOUBLE:
			*out = si_expr_double(v->u.d);
			return;
		case SI_VALUE_STRING:
			*out = si_expr_text(v->ptr, v->len);
			return;
		case SI_VALUE_ARRAY:
			from_array(ev, v, out);
			return;
		case SI_VALUE_OBJECT:
			*out = si_expr_text(v->ptr, v->len);
			out->type = SI_EXPR_JSON;
			return;
		default:
			*out = si_expr_null();
			return;
	}
}

/* ------------------------------------------------------------- and back */

/* Room that a value takes as JSON. */
static size_t
json_room(const SiExprValue *v)
{
	size_t		total = 2;

	if (v->isnull)
		return 4;
	switch (v->type)
	{
		case SI_EXPR_STRING:
			return (size_t) v->len * 6 + 2;
		case SI_EXPR_JSON:
			return v->len;
		case SI_EXPR_ARRAY:
			for (uint32 i = 0; i < v->len; i++)
				total += json_room(&v->u.items[i]) + 1;
			return total;
		default:
			return SI_DOUBLE_TEXT + 2;
	}
}

static char *
put_json(char *out, const SiExprValue *v)
{
	if (v->isnull)
	{
		memcpy(out, "null", 4);
		return out + 4;
	}
	switch (v->type)
	{
		case SI_EXPR_STRING:
			return out + si_json_quote(v->u.s, v->len, out);
		case SI_EXPR_JSON:
			return out + si_json_compact(v->u.s, v->len, out);
		case SI_EXPR_LONG:
			return out + sprintf(out, INT64_FORMAT, v->u.i);
		case SI_EXPR_DOUBLE:
			{
				char		text[SI_DOUBLE_TEXT];
				int			len = si_double_print(v->u.d, text);
				bool		quote = strpbrk(text, "NI") != NULL;

				/* JSON has no NaN and no Infinity */
				return out + sprintf(out, quote ? "\"%.*s\"" : "%.*s", len, text);
			}
		case SI_EXPR_ARRAY:
			*out++ = '[';
			for (uint32 i = 0; i < v->len; i++)
			{
				if (i > 0)
					*out++ = ',';
				out = put_json(out, &v->u.items[i]);
			}
			*out++ = ']';
			return out;
	}
	return out;
}

SiExprValue
si_expr_to_json(SiEval *ev, const SiExprValue *v)
{
	char	   *out = si_expr_alloc(ev->memory, json_room(v) + 1);

	return si_expr_text(out, put_json(out, v) - out);
}

void
si_expr_to_value(SiEval *ev, const SiExprValue *v, SiValue *out)
{
	SiExprValue text;

	memset(out, 0, sizeof(*out));
	out->kind = SI_VALUE_NULL;
	if (v->isnull)
		return;
	switch (v->type)
	{
		case SI_EXPR_STRING:
			out->kind = SI_VALUE_STRING;
			out->ptr = v->u.s;
			out->len = v->len;
			return;
		case SI_EXPR_LONG:
			out->kind = SI_VALUE_LONG;
			out->u.i = v->u.i;
			return;
		case SI_EXPR_DOUBLE:
			out->kind = SI_VALUE_DOUBLE;
			out->u.d = v->u.d;
			return;
		case SI_EXPR_JSON:
			out->kind = v->len > 0 && v->u.s[0] == '[' ? SI_VALUE_ARRAY : SI_VALUE_OBJECT;
			out->ptr = v->u.s;
			out->len = v->len;
			return;
		case SI_EXPR_ARRAY:
			if (v->len == 1)
			{
				si_expr_to_value(ev, &v->u.items[0], out);
				return;
			}
			text = si_expr_to_json(ev, v);
			out->kind = SI_VALUE_ARRAY;
			out->ptr = text.u.s;
			out->len = text.len;
			return;
	}
}

bool
si_expr_is_literal_text(const SiExprNode *n)
{
	return n->kind == SI_NODE_CONST && !n->value.isnull && n->value.type == SI_EXPR_STRING;
}

char *
si_expr_literal(const SiExprNode *n)
{
	char	   *copy = palloc(n->value.len + 1);

	memcpy(copy, n->value.u.s, n->value.len);
	copy[n->value.len] = '\0';
	return copy;
}

bool
si_expr_put(SiExprOutput *o, const char *s, size_t len)
{
	if (len == 0)
		return true;
	if (o->len + len > SI_EXPR_MAX_TEXT)
	{
		o->too_long = true;
		return si_expr_fail(o->ev, "the text would be longer than %d bytes", SI_EXPR_MAX_TEXT);
	}
	if (o->len + len > o->cap)
	{
		size_t		cap = (o->len + len) * 2 + 256;
		char	   *more = si_expr_alloc(o->ev->memory, cap);

		if (o->len > 0)
			memcpy(more, o->text, o->len);
		o->text = more;
		o->cap = cap;
	}
	memcpy(o->text + o->len, s, len);
	o->len += len;
	return true;
}
