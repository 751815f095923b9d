/*
 * jq_strings.c
 *		Functions of jq that work on texts, and formats such as @csv.
 *
 * Places in texts are counted as Java does: a character beyond U+FFFF counts
 * as two, but for length and slices.
 */
#include "common/port.h"

#include <float.h>
#include <math.h>

#include "format/jq_int.h"
#include "format/jsontext.h"
#include "format/number.h"
#include "format/utf8.h"

typedef struct Text
{
	const char *p;
	size_t		len;
} Text;

static bool
text_of(JqEvaluation *e, const JqNode *call, const SiJsonNode *node, Text *text)
{
	if (node->v.kind != SI_VALUE_STRING)
		return si_jq_error(e, "%s is not applicable to %s", call->function->name, si_jq_java_type(node));
	text->p = si_jq_text(e, node, &text->len);
	return text->p != NULL && si_jq_looked(e, node);
}

static const char *
find(const char *p, const char *end, const Text *part)
{
	return part->len == 0 ? p : memmem(p, end - p, part->p, part->len);
}

enum
{
	DOWN, UP
};

static bool
change_case(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	Text		text;
	char	   *copy;
	bool		up = call->function->mode == UP;

	if (!text_of(e, call, in, &text) || (copy = si_jq_alloc(e, text.len)) == NULL)
		return false;
	for (size_t i = 0; i < text.len; i++)
		copy[i] = up ? pg_ascii_toupper((unsigned char) text.p[i]) : pg_ascii_tolower((unsigned char) text.p[i]);
	si_node_string(result, copy, text.len);
	return true;
}

static bool
split(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	Text		text,
				by;
	SiNodeText	t;
	const char *p;
	const char *end;
	SiJsonNode	piece;

	if (!text_of(e, call, in, &text) || !text_of(e, call, &args[0], &by))
		return false;
	p = text.p;
	end = text.p + text.len;
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	while (text.len > 0 || by.len > 0)
	{
		const char *stop = by.len > 0 ? find(p, end, &by) : p + si_utf8_length(p);

		if (stop == NULL || stop > end)
			stop = end;
		si_node_string(&piece, p, stop - p);
		si_jq_append(&t, &piece);
		p = stop + by.len;
		if (stop == end)
			break;
	}
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

static bool
append_plain(JqEvaluation *e, SiNodeText *t, const SiJsonNode *node)
{
	SiJsonNode	text;
	size_t		len;
	const char *p;

	if (!si_jq_to_string(e, node, &text) || (p = si_jq_text(e, &text, &len)) == NULL)
		return false;
	si_text_append(t, p, len);
	return true;
}

static bool
cannot_join(JqEvaluation *e, SiNodeText *t, const SiJsonNode *what)
{
	SiJsonNode	text;

	return si_jq_finish_string(e, t, &text) && si_jq_type_error(e, &text, what, "cannot be added");
}

static bool
join(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	SiNodeWalk	walk;
	SiNodeText	t;
	SiJsonNode	value;
	bool		first = true;

	si_text_begin(&t, e->scratch);
	if (si_node_walk(&walk, in))
		while (si_node_next(&walk, NULL, &value))
		{
			if (!first && args[0].v.kind != SI_VALUE_STRING && args[0].v.kind != SI_VALUE_NULL)
				return cannot_join(e, &t, &args[0]);
			if (value.v.kind == SI_VALUE_ARRAY || value.v.kind == SI_VALUE_OBJECT)
				return cannot_join(e, &t, &value);
			if ((!first && args[0].v.kind == SI_VALUE_STRING && !append_plain(e, &t, &args[0])) ||
				(value.v.kind != SI_VALUE_NULL && !append_plain(e, &t, &value)))
				return false;
			first = false;
		}
	return si_jq_finish_string(e, &t, result);
}

enum
{
	STARTS, ENDS, LTRIM, RTRIM
};

static bool
at_end(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	int			mode = call->function->mode;
	bool		front = mode == STARTS || mode == LTRIM;
	Text		text,
				part;
	bool		yes;

	if (!text_of(e, call, in, &text) || !text_of(e, call, &args[0], &part))
		return false;
	yes = part.len <= text.len && memcmp(text.p + (front ? 0 : text.len - part.len), part.p, part.len) == 0;
	if (mode == STARTS || mode == ENDS)
		si_node_bool(result, yes);
	else if (yes)
		si_node_string(result, text.p + (front ? part.len : 0), text.len - part.len);
	else
		*result = *in;
	return true;
}

/*
 * Places
 */

enum
{
	INDEX, RINDEX, INDICES
};

/* Places of a part in a text. */
static bool
places_in_text(JqEvaluation *e, const Text *text, const Text *part, JqList *places)
{
	const char *end = text->p + text->len;
	const char *counted = text->p;
	int64		n = 0;

	for (const char *p = text->p; part->len > 0 && (p = find(p, end, part)) != NULL; p++)
	{
		SiJsonNode	place;

		for (; counted < p; counted++)
			n += (((unsigned char) *counted & 0xC0) != 0x80) + ((unsigned char) *counted >= 0xF0);
		si_node_long(&place, n);
		if (!si_jq_push(e, places, &place))
			return false;
	}
	return true;
}

/* Places of an element, or of elements one after the other, in an array. */
static bool
places_in_array(JqEvaluation *e, const SiJsonNode *array, const SiJsonNode *what, JqList *places)
{
	SiJsonNode *values;
	SiJsonNode *wanted = (SiJsonNode *) what;
	int64		n,
				m = 1;

	if (!si_jq_unpack(e, array, NULL, &values, &n, 1) ||
		(what->v.kind == SI_VALUE_ARRAY && !si_jq_unpack(e, what, NULL, &wanted, &m, 1)))
		return false;
	for (int64 i = 0; m > 0 && i + m <= n; i++)
	{
		SiJsonNode	place;
		int64		j = 0;

		if (!si_jq_step(e))
			return false;
		while (j < m && si_jq_compare(e, &values[i + j], &wanted[j]) == 0 && e->error == JQ_NO_ERROR)
			j++;
		si_node_long(&place, i);
		if (e->error != JQ_NO_ERROR || (j == m && !si_jq_push(e, places, &place)))
			return false;
	}
	return true;
}

static bool
places(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	Text		text,
				part;
	JqList		list;
	bool		ok;

	si_jq_list(&list);
	if (in->v.kind == SI_VALUE_ARRAY)
		ok = places_in_array(e, in, &args[0], &list);
	else if (in->v.kind == SI_VALUE_STRING && args[0].v.kind == SI_VALUE_STRING)
		ok = text_of(e, call, in, &text) && text_of(e, call, &args[0], &part) && places_in_text(e, &text, &part, &list);
	else
		return si_jq_error(e, "indices() is not applicable to %s", si_jq_java_type(in));
	if (!ok)
		return false;
	if (call->function->mode == INDICES)
		return si_jq_array(e, &list, result);
	si_node_null(result);
	if (list.n > 0)
		*result = list.items[call->function->mode == INDEX ? 0 : list.n - 1];
	return true;
}

/*
 * Conversions
 */

static bool
to_string(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	return si_jq_to_string(e, in, result);
}

static bool
to_number(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	Text		text;
	int64		l;
	double		d;

	*result = *in;
	if (si_node_number(in, &d))
		return true;
	if (in->v.kind != SI_VALUE_STRING)
		return si_jq_error(e, "%s cannot be parsed as a number", si_jq_type(in));
	if (!text_of(e, call, in, &text))
		return false;
	while (text.len > 0 && (unsigned char) *text.p <= ' ')
		text.p++, text.len--;
	while (text.len > 0 && (unsigned char) text.p[text.len - 1] <= ' ')
		text.len--;
	if (si_long_from_text(text.p, text.len, &l))
		si_node_long(result, l);
	else if (si_double_from_text(text.p, text.len, &d))
		si_jq_number(d, result);
	else
		return si_jq_error(e, "For input string: \"%.*s\"", (int) Min(text.len, 200), text.p);
	return true;
}

/* The exponent of a number has a sign, here. */
static bool
to_json(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	SiNodeText	t;
	char		text[SI_DOUBLE_TEXT];
	char	   *exponent;
	int			len;

	si_text_begin(&t, e->scratch);
	if (in->v.kind != SI_VALUE_DOUBLE || (in->v.ptr != NULL && strcspn(in->v.ptr, ".eE") >= in->v.len))
		return si_jq_write(e, in, &t) && si_jq_finish_string(e, &t, result);
	if (isnan(in->v.u.d))
		strlcpy(text, "null", sizeof(text));
	else
		text[si_double_print(isinf(in->v.u.d) ? copysign(DBL_MAX, in->v.u.d) : in->v.u.d, text)] = '\0';
	exponent = strchr(text, 'E');
	len = exponent ? (int) (exponent - text) : (int) strlen(text);
	si_text_append(&t, text, len);
	if (exponent != NULL)
	{
		si_text_append(&t, exponent[1] == '-' ? "e" : "e+", exponent[1] == '-' ? 1 : 2);
		si_text_append(&t, exponent + 1, strlen(exponent + 1));
	}
	return si_jq_finish_string(e, &t, result);
}

static bool
from_json(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	Text		text;
	char	   *copy;
	const char *stop;

	if (!text_of(e, call, in, &text))
		return false;
	/* what ends a number must be readable */
	copy = si_scratch_copy(e->scratch, text.p, text.len);
	if (copy == NULL)
		return si_jq_no_memory(e);
	stop = si_json_valid(copy, copy + text.len);
	if (stop == NULL || si_node_read(copy, copy + text.len, result) == NULL)
		return si_jq_error(e, "N/A");
	return true;
}

static bool
byte_length(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	Text		text;

	if (!text_of(e, call, in, &text))
		return false;
	si_node_long(result, text.len);
	return true;
}

/* The character at p; moves p. */
static uint32
next_character(const char **p, const char *end)
{
	int			n = si_utf8_length(*p);
	uint32		c = (unsigned char) **p;

	if (n > 1)
		c &= 0x7F >> n;
	for ((*p)++; --n > 0 && *p < end; (*p)++)
		c = c << 6 | ((unsigned char) **p & 0x3F);
	return c;
}

/* Characters as Java has them, of 16 bits. */
static bool
explode(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	Text		text;
	SiNodeText	t;
	SiJsonNode	number;

	if (!text_of(e, call, in, &text))
		return false;
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (const char *p = text.p; p < text.p + text.len;)
	{
		uint32		c = next_character(&p, text.p + text.len);

		if (c >= 0x10000)
		{
			si_node_long(&number, 0xD7C0 + (c >> 10));
			si_jq_append(&t, &number);
			c = 0xDC00 | (c & 0x3FF);
		}
		si_node_long(&number, c);
		si_jq_append(&t, &number);
	}
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, result);
}

static void
append_character(SiNodeText *t, uint32 c)
{
	char		bytes[4];
	int			n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (n == 1)
		bytes[0] = (char) c;
	else
	{
		for (int i = n - 1; i > 0; i--, c >>= 6)
			bytes[i] = (char) (0x80 | (c & 0x3F));
		bytes[0] = (char) (0xF00 >> n | c);
	}
	si_text_append(t, bytes, n);
}

static bool
implode(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	SiNodeWalk	walk;
	SiNodeText	t;
	SiJsonNode	value;
	uint32		high = 0;

	if (in->v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, in))
		return si_jq_error(e, "implode is not applicable to %s", si_jq_type(in));
	si_text_begin(&t, e->scratch);
	while (si_node_next(&walk, NULL, &value))
	{
		double		d;
		uint32		c;

		if (!si_node_number(&value, &d))
			return si_jq_error(e, "implode is not applicable to input which contains %s", si_jq_type(&value));
		c = (uint32) si_long_from_double(d) & 0xFFFF;
		if (high != 0 && c >= 0xDC00 && c < 0xE000)
		{
			append_character(&t, 0x10000 + (high - 0xD800) * 0x400 + c - 0xDC00);
			high = 0;
			continue;
		}
		/* half of a character is none */
		if (high != 0)
			append_character(&t, '?');
		high = c >= 0xD800 && c < 0xDC00 ? c : 0;
		if (high == 0)
			append_character(&t, c >= 0xDC00 && c < 0xE000 ? '?' : c);
	}
	if (high != 0)
		append_character(&t, '?');
	return si_jq_finish_string(e, &t, result);
}

/*
 * Formats
 */

static void
append_base64(SiNodeText *t, const Text *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < text->len; i += 3)
	{
		size_t		n = Min(text->len - i, 3);
		uint32		bits = (unsigned char) text->p[i] << 16;
		char		four[4];

		if (n > 1)
			bits |= (unsigned char) text->p[i + 1] << 8;
		if (n > 2)
			bits |= (unsigned char) text->p[i + 2];
		for (int j = 0; j < 4; j++)
			four[j] = j > (int) n ? '=' : digits[bits >> (18 - 6 * j) & 63];
		si_text_append(t, four, 4);
	}
}

static void
append_uri(SiNodeText *t, const Text *text)
{
	for (size_t i = 0; i < text->len; i++)
	{
		unsigned char c = (unsigned char) text->p[i];
		char		escape[4];

		if ((c < 0x80 && isalnum(c)) || (c != '\0' && strchr("-_.!~*'()", c) != NULL))
			si_text_append(t, (const char *) &c, 1);
		else
			si_text_append(t, escape, sprintf(escape, "%%%02X", c));
	}
}

/* A text with some of its characters written in another way. */
static void
append_replaced(SiNodeText *t, const Text *text, const char *characters, const char *const *by)
{
	for (size_t i = 0; i < text->len; i++)
	{
		const char *found = text->p[i] != '\0' ? strchr(characters, text->p[i]) : NULL;

		if (found != NULL)
			si_text_append(t, by[found - characters], strlen(by[found - characters]));
		else
			si_text_append(t, &text->p[i], 1);
	}
}

static bool
string_text(JqEvaluation *e, const SiJsonNode *node, Text *text)
{
	SiJsonNode	string;

	return si_jq_to_string(e, node, &string) && (text->p = si_jq_text(e, &string, &text->len)) != NULL;
}

enum
{
	BASE64, HTML, URI, CSV, TSV, SH
};

static bool
format_text(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	static const char *const entities[] = {"&lt;", "&gt;", "&apos;", "&quot;", "&amp;"};
	SiNodeText	t;
	Text		text;

	if (!string_text(e, in, &text))
		return false;
	si_text_begin(&t, e->scratch);
	if (call->function->mode == BASE64)
		append_base64(&t, &text);
	else if (call->function->mode == URI)
		append_uri(&t, &text);
	else
		append_replaced(&t, &text, "<>'\"&", entities);
	return si_jq_finish_string(e, &t, result);
}

/* One cell of @csv, @tsv or @sh. */
static bool
append_cell(JqEvaluation *e, int mode, const SiJsonNode *value, SiNodeText *t)
{
	static const char *const quotes[] = {"\"\""};
	static const char *const tabs[] = {"\\t"};
	static const char *const apostrophes[] = {"'\\''"};
	bool		quoted = value->v.kind == SI_VALUE_STRING;
	Text		text;

	if (mode == SH && (value->v.kind == SI_VALUE_ARRAY || value->v.kind == SI_VALUE_OBJECT))
		return si_jq_error(e, "%s cannot be escaped for shell", value->v.kind == SI_VALUE_ARRAY ? "ARRAY" : "OBJECT");
	if (!string_text(e, value, &text))
		return false;
	if (mode == TSV)
		append_replaced(t, &text, "\t", tabs);
	else if (!quoted)
		si_text_append(t, text.p, text.len);
	else
	{
		si_text_append(t, mode == CSV ? "\"" : "'", 1);
		append_replaced(t, &text, mode == CSV ? "\"" : "'", mode == CSV ? quotes : apostrophes);
		si_text_append(t, mode == CSV ? "\"" : "'", 1);
	}
	return true;
}

static bool
format_cells(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	int			mode = call->function->mode;
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	value;
	bool		first = true;

	si_text_begin(&t, e->scratch);
	if (mode == SH && in->v.kind != SI_VALUE_ARRAY)
		return append_cell(e, mode, in, &t) && si_jq_finish_string(e, &t, result);
	if (!si_node_walk(&walk, in))
		return si_jq_error(e, "Cannot iterate over %s", si_jq_type(in));
	while (si_node_next(&walk, NULL, &value))
	{
		if (!first)
			si_text_append(&t, mode == CSV ? "," : mode == TSV ? "\t" : " ", 1);
		first = false;
		if (!append_cell(e, mode, &value, &t))
			return false;
	}
	return si_jq_finish_string(e, &t, result);
}

const JqFunction si_jq_string_functions[] = {
	{"ascii_downcase", 0, change_case, NULL, DOWN}, {"ascii_upcase", 0, change_case, NULL, UP},
	{"split", 1, split}, {"join", 1, join},
	{"startswith", 1, at_end, NULL, STARTS}, {"endswith", 1, at_end, NULL, ENDS},
	{"ltrimstr", 1, at_end, NULL, LTRIM}, {"rtrimstr", 1, at_end, NULL, RTRIM},
	{"index", 1, places, NULL, INDEX}, {"rindex", 1, places, NULL, RINDEX}, {"indices", 1, places, NULL, INDICES},
	{"tostring", 0, to_string}, {"tonumber", 0, to_number}, {"tojson", 0, to_json}, {"fromjson", 0, from_json},
	{"utf8bytelength", 0, byte_length}, {"explode", 0, explode}, {"implode", 0, implode},
	{"@text", 0, to_string}, {"@json", 0, to_json},
	{"@base64", 0, format_text, NULL, BASE64}, {"@html", 0, format_text, NULL, HTML}, {"@uri", 0, format_text, NULL, URI},
	{"@csv", 0, format_cells, NULL, CSV}, {"@tsv", 0, format_cells, NULL, TSV}, {"@sh", 0, format_cells, NULL, SH},
	{NULL}
};
