/*
 * convert.c
 *		Druid's rules for turning a value of a message into a column's type.
 *
 * A dimension takes what is exactly of its type (a long refuses "12.7"), the
 * input of a metric whatever can be read as a number (12).  Where Druid prints
 * Java's text of arrays and objects, JSON is printed here.
 */
#include "common/port.h"

#include <math.h>

#include "format/convert.h"
#include "format/jsontext.h"
#include "format/number.h"
#include "format/reason.h"

/* U+FFFD, which stands for a NUL character. */
#define REPLACEMENT "\xEF\xBF\xBD"
#define REPLACEMENT_LEN 3

/* Room that the text of a number takes at most. */
#define NUMBER_TEXT SI_DOUBLE_TEXT

static char *
reserve(SiTextBuf *buf, size_t size)
{
	if (size > buf->cap)
	{
		size_t		cap = Max(size, 256);

		cap += cap / 2;
		buf->data = buf->data ? si_realloc(buf->data, cap) : si_alloc(cap);
		buf->cap = cap;
	}
	return buf->data;
}

/* The text of a value in a message; numbers without text are printed to number. */
static const char *
shown_text(const SiValue *v, char *number, int *len)
{
	if (v->kind == SI_VALUE_BOOL)
	{
		*len = v->u.i ? 4 : 5;
		return v->u.i ? "true" : "false";
	}
	if (v->ptr == NULL && (v->kind == SI_VALUE_LONG || v->kind == SI_VALUE_DOUBLE))
	{
		*len = v->kind == SI_VALUE_LONG ? snprintf(number, NUMBER_TEXT, INT64_FORMAT, v->u.i)
			: si_double_print(v->u.d, number);
		return number;
	}
	*len = si_format_clip(v->ptr, v->len);
	return v->ptr;
}

/*
 * Strings
 */

/* Puts U+FFFD for every NUL of the n bytes at text, which grow; the new length. */
static size_t
replace_nuls(char *text, size_t n)
{
	size_t		nuls = 0;
	size_t		i;
	char	   *out;

	for (i = 0; i < n; i++)
		nuls += (text[i] == '\0');
	out = text + n + nuls * (REPLACEMENT_LEN - 1);
	for (i = n; i-- > 0 && nuls > 0;)
	{
		if (text[i] != '\0')
		{
			*--out = text[i];
			continue;
		}
		out -= REPLACEMENT_LEN;
		memcpy(out, REPLACEMENT, REPLACEMENT_LEN);
		n += REPLACEMENT_LEN - 1;
		nuls--;
	}
	return n;
}

static SiConvert
nul_error(const char *text, size_t len, const char *column, SiReason *why)
{
	si_format_reason(why, "Could not store value [%.*s] in dimension [%s]: its NUL character became U+FFFD.",
					 si_format_clip(text, len), text, column);
	return SI_CONVERT_ERROR;
}

/* Not inlined, so that the usual string needs no stack frame. */
static pg_noinline SiConvert
string_with_nul(const SiValue *v, SiTextBuf *buf, const char **text, uint32 *len,
				const char *column, SiReason *why)
{
	char	   *copy = reserve(buf, (size_t) v->len * REPLACEMENT_LEN);

	memcpy(copy, v->ptr, v->len);
	*len = (uint32) replace_nuls(copy, v->len);
	*text = copy;
	return nul_error(copy, *len, column, why);
}

/* The text of a long: JSON's own, but minus zero is zero. */
static pg_noinline void
long_text(const SiValue *v, SiTextBuf *buf, const char **text, uint32 *len)
{
	if (v->ptr != NULL && (v->u.i != 0 || v->len == 1))
	{
		*text = v->ptr;
		*len = v->len;
		return;
	}
	*text = reserve(buf, NUMBER_TEXT);
	*len = (uint32) snprintf(buf->data, NUMBER_TEXT, INT64_FORMAT, v->u.i);
}

static pg_noinline void
double_text(const SiValue *v, SiTextBuf *buf, const char **text, uint32 *len)
{
	*text = reserve(buf, NUMBER_TEXT);
	*len = (uint32) si_double_print(v->u.d, buf->data);
}

static pg_noinline void
object_text(const SiValue *v, SiTextBuf *buf, const char **text, uint32 *len)
{
	*text = reserve(buf, v->len);
	*len = (uint32) si_json_compact(v->ptr, v->len, buf->data);
}

/* One element of an array, as text; NULL is null. */
typedef struct Element
{
	const char *text;
	size_t		len;
} Element;

static int
compare_elements(const void *a, const void *b)
{
	const Element *x = a;
	const Element *y = b;
	int			order;

	if (x->text == NULL || y->text == NULL)
		return (x->text != NULL) - (y->text != NULL);
	order = memcmp(x->text, y->text, Min(x->len, y->len));
	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* Number of values between the brackets of an array's text. */
static size_t
count_elements(const char *p, const char *end)
{
	size_t		n = 0;
	SiValue		v;
	bool		escaped;

	for (;;)
	{
		p = si_json_skip_blanks(p, end);
		p = si_json_value(p, end, &v, &escaped);
		if (p == NULL)
			return n;
		n++;
		p = si_json_skip_blanks(p, end);
		if (p == end || *p != ',')
			return n;
		p++;
	}
}

/* Writes the text of one element to out, moves out behind it. */
static Element
element_text(const SiValue *v, bool escaped, char **out, bool *nul)
{
	Element		e = {*out, 0};
	ptrdiff_t	n;

	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_STRING:
			e.text = v->ptr;
			e.len = v->len;
			if (!escaped)
				return e;
			n = si_json_unescape(v->ptr, v->len, *out);
			e.text = *out;
			e.len = Max(n, 0);
			if (memchr(e.text, '\0', e.len) != NULL)
			{
				e.len = replace_nuls(*out, e.len);
				*nul = true;
			}
			break;
		case SI_VALUE_BOOL:
			e.text = v->u.i ? "true" : "false";
			e.len = strlen(e.text);
			return e;
		case SI_VALUE_LONG:
			e.len = snprintf(*out, NUMBER_TEXT, INT64_FORMAT, v->u.i);
			break;
		case SI_VALUE_DOUBLE:
			e.len = si_double_print(v->u.d, *out);
			break;
		case SI_VALUE_ARRAY:
		case SI_VALUE_OBJECT:
			e.len = si_json_compact(v->ptr, v->len, *out);
			break;
		default:
			e.text = NULL;
			return e;
	}
	*out += e.len;
	return e;
}

static size_t
remove_duplicates(Element *elements, size_t n)
{
	size_t		kept = 0;
	size_t		i;

	for (i = 0; i < n; i++)
		if (kept == 0 || compare_elements(&elements[kept - 1], &elements[i]) != 0)
			elements[kept++] = elements[i];
	return kept;
}

/* ["a",null,"b"] */
static size_t
print_elements(const Element *elements, size_t n, char *out)
{
	char	   *start = out;
	size_t		i;

	*out++ = '[';
	for (i = 0; i < n; i++)
	{
		if (i > 0)
			*out++ = ',';
		if (elements[i].text != NULL)
			out += si_json_quote(elements[i].text, elements[i].len, out);
		else
		{
			memcpy(out, "null", 4);
			out += 4;
		}
	}
	*out++ = ']';
	return out - start;
}

/*
 * Elements, their texts and the result share the buffer: descriptors, then
 * texts (never longer than their JSON, but for numbers), then the result.
 */
static pg_noinline SiConvert
array_text(const SiValue *v, SiMultiValue mv, SiTextBuf *buf, const char **text, uint32 *len,
		   bool *multi, const char *column, SiReason *why)
{
	const char *p = v->ptr + 1;
	const char *end = v->ptr + v->len - 1;
	size_t		n = count_elements(p, end);
	size_t		texts = (size_t) v->len + n * NUMBER_TEXT;
	size_t		quoted = texts * 6 + n * 7 + 2;
	Element    *elements;
	bool		nul = false;
	char	   *out;
	size_t		i;

	if (n == 0)
		return SI_CONVERT_NULL;
	elements = (Element *) reserve(buf, n * sizeof(Element) + texts + quoted);
	out = (char *) (elements + n);
	for (i = 0; i < n; i++)
	{
		SiValue		element;
		bool		escaped;

		p = si_json_value(si_json_skip_blanks(p, end), end, &element, &escaped);
		elements[i] = element_text(&element, escaped, &out, &nul);
		p = si_json_skip_blanks(p, end) + 1;
	}
	if (mv != SI_MULTI_ARRAY)
		qsort(elements, n, sizeof(Element), compare_elements);
	if (mv == SI_MULTI_SORTED_SET)
		n = remove_duplicates(elements, n);

	if (n == 1 && elements[0].text == NULL)
		return SI_CONVERT_NULL;
	*multi = (n > 1);
	*text = n == 1 ? elements[0].text : out;
	*len = (uint32) (n == 1 ? elements[0].len : print_elements(elements, n, out));
	return nul ? nul_error(*text, *len, column, why) : SI_CONVERT_OK;
}

SiConvert
si_convert_string(const SiValue *v, SiMultiValue mv, SiTextBuf *buf, const char **text, uint32 *len,
				  bool *multi, const char *column, SiReason *why)
{
	*multi = false;
	if (SI_LIKELY(v->kind == SI_VALUE_STRING))
	{
		if (SI_UNLIKELY(v->u.i != SI_STRING_NO_NUL) && v->len > 0 &&
			memchr(v->ptr, '\0', v->len) != NULL)
			return string_with_nul(v, buf, text, len, column, why);
		*text = v->ptr;
		*len = v->len;
		return SI_CONVERT_OK;
	}
	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_BOOL:
			*text = v->u.i ? "true" : "false";
			*len = v->u.i ? 4 : 5;
			return SI_CONVERT_OK;
		case SI_VALUE_LONG:
			long_text(v, buf, text, len);
			return SI_CONVERT_OK;
		case SI_VALUE_DOUBLE:
			double_text(v, buf, text, len);
			return SI_CONVERT_OK;
		case SI_VALUE_ARRAY:
			if (mv == SI_MULTI_TEXT)
			{
				object_text(v, buf, text, len);
				return SI_CONVERT_OK;
			}
			return array_text(v, mv, buf, text, len, multi, column, why);
		case SI_VALUE_OBJECT:
			object_text(v, buf, text, len);
			return SI_CONVERT_OK;
		default:
			return SI_CONVERT_NULL;
	}
}

uint32
si_text_clip(const char *text, uint32 len, uint32 max_bytes)
{
	if (len <= max_bytes)
		return len;
	/* bytes 10xxxxxx go on with the character before */
	while (max_bytes > 0 && ((unsigned char) text[max_bytes] & 0xC0) == 0x80)
		max_bytes--;
	return max_bytes;
}

uint32
si_text_clip_chars(const char *text, uint32 len, uint32 max_chars)
{
	uint32		chars = 0;

	if (len <= max_chars)
		return len;
	for (uint32 i = 0; i < len; i++)
		if (((unsigned char) text[i] & 0xC0) != 0x80 && chars++ == max_chars)
			return i;
	return len;
}

/*
 * Numeric dimensions
 */

static SiConvert
dimension_error(const SiValue *v, const char *type, const char *column, SiReason *why)
{
	char		number[NUMBER_TEXT];
	int			len;
	const char *text = shown_text(v, number, &len);

	if (v->kind == SI_VALUE_ARRAY)
		si_format_reason(why, "Could not ingest value [%.*s] as %s for dimension [%s]. "
						 "A %s column cannot have multiple values in the same row.",
						 len, text, type, column, type);
	else
		si_format_reason(why, "Could not convert value [%.*s] to %s for dimension [%s].",
						 len, text, type, column);
	return SI_CONVERT_ERROR;
}

SiConvert
si_convert_long(const SiValue *v, int64 *out, const char *column, SiReason *why)
{
	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_MISSING:
		case SI_VALUE_NULL:
			return SI_CONVERT_NULL;
		case SI_VALUE_LONG:
		case SI_VALUE_BOOL:
			*out = v->u.i;
			return SI_CONVERT_OK;
		case SI_VALUE_DOUBLE:
			*out = si_long_from_double(v->u.d);
			return SI_CONVERT_OK;
		case SI_VALUE_STRING:
			if (si_long_from_decimal(v->ptr, v->len, out))
				return SI_CONVERT_OK;
			/* FALLTHROUGH */
		default:
			return dimension_error(v, "long", column, why);
	}
}

/* A boolean is a long to Druid, but neither a float nor a double. */
static SiConvert
convert_floating(const SiValue *v, double *out, const char *type, const char *column, SiReason *why)
{
	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_MISSING:
		case SI_VALUE_NULL:
			return SI_CONVERT_NULL;
		case SI_VALUE_LONG:
			*out = (double) v->u.i;
			return SI_CONVERT_OK;
		case SI_VALUE_DOUBLE:
			*out = v->u.d;
			return SI_CONVERT_OK;
		case SI_VALUE_STRING:
			if (si_double_from_text(v->ptr, v->len, out))
				return SI_CONVERT_OK;
			/* FALLTHROUGH */
		default:
			return dimension_error(v, type, column, why);
	}
}

SiConvert
si_convert_double(const SiValue *v, double *out, const char *column, SiReason *why)
{
	return convert_floating(v, out, "double", column, why);
}

SiConvert
si_convert_float(const SiValue *v, float *out, const char *column, SiReason *why)
{
	double		wide;
	SiConvert	result = convert_floating(v, &wide, "float", column, why);

	if (result == SI_CONVERT_OK)
		*out = (float) wide;
	return result;
}

/*
 * Inputs of metrics
 */

static SiConvert
metric_error(const SiValue *v, const char *field, SiReason *why)
{
	static const char *const types[] = {"missing", "null", "boolean", "long", "double", "string", "array", "object"};

	if (v->kind == SI_VALUE_STRING)
		si_format_reason(why, "Unable to parse value[%.*s] for field[%s]",
						 si_format_clip(v->ptr, v->len), v->ptr, field);
	else
		si_format_reason(why, "Unknown type[%s] for field[%s]", types[v->kind], field);
	return SI_CONVERT_ERROR;
}

/*
 * The number in a string: without blanks around and commas anywhere.  True
 * with *is_long, or with a double.
 */
static bool
lenient_number(const SiValue *v, bool *is_long, int64 *l, double *d)
{
	const char *p = v->ptr;
	const char *end = v->ptr + v->len;
	char		small[128];
	char	   *copy = NULL;
	size_t		len;
	bool		ok;

	while (p < end && (unsigned char) *p <= ' ')
		p++;
	while (p < end && (unsigned char) end[-1] <= ' ')
		end--;
	len = end - p;
	if (len > 0 && memchr(p, ',', len) != NULL)
	{
		size_t		i;
		size_t		n = 0;
		char	   *bare = small;

		if (len > sizeof(small))
			bare = copy = si_alloc(len);
		for (i = 0; i < len; i++)
			if (p[i] != ',')
				bare[n++] = p[i];
		p = bare;
		len = n;
	}
	*is_long = si_long_from_text(p, len, l);
	ok = *is_long || si_double_from_text(p, len, d);
	if (copy != NULL)
		pfree(copy);
	return ok;
}

SiConvert
si_convert_metric_long(const SiValue *v, int64 *out, const char *field, SiReason *why)
{
	bool		is_long;
	double		d;

	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_LONG:
			*out = v->u.i;
			return SI_CONVERT_OK;
		case SI_VALUE_MISSING:
		case SI_VALUE_NULL:
			return SI_CONVERT_NULL;
		case SI_VALUE_DOUBLE:
			*out = si_long_from_double(v->u.d);
			return SI_CONVERT_OK;
		case SI_VALUE_STRING:
			if (!lenient_number(v, &is_long, out, &d))
				return metric_error(v, field, why);
			if (!is_long)
				*out = si_long_from_double(d);
			return SI_CONVERT_OK;
		default:
			return metric_error(v, field, why);
	}
}

SiConvert
si_convert_metric_double(const SiValue *v, double *out, const char *field, SiReason *why)
{
	bool		is_long;
	int64		l;

	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_LONG:
			*out = (double) v->u.i;
			return SI_CONVERT_OK;
		case SI_VALUE_MISSING:
		case SI_VALUE_NULL:
			return SI_CONVERT_NULL;
		case SI_VALUE_DOUBLE:
			*out = v->u.d;
			return SI_CONVERT_OK;
		case SI_VALUE_STRING:
			if (!lenient_number(v, &is_long, &l, out))
				return metric_error(v, field, why);
			if (is_long)
				*out = (double) l;
			return SI_CONVERT_OK;
		default:
			return metric_error(v, field, why);
	}
}
