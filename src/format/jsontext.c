/*
 * jsontext.c
 *		Pieces of JSON text, see jsontext.h.
 */
#include "common/port.h"

#include "format/jsontext.h"
#include "format/number.h"

#define MAX_JSON_DEPTH	512

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits, or -1. */
static int
hex_unit(const char *p, const char *end)
{
	int			unit = 0;
	int			i;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++)
	{
		int			digit = hex_digit(p[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

static char *
put_utf8(char *out, uint32 c)
{
	if (c < 0x80)
		*out++ = (char) c;
	else if (c < 0x800)
	{
		*out++ = (char) (0xC0 | (c >> 6));
		*out++ = (char) (0x80 | (c & 0x3F));
	}
	else if (c < 0x10000)
	{
		*out++ = (char) (0xE0 | (c >> 12));
		*out++ = (char) (0x80 | ((c >> 6) & 0x3F));
		*out++ = (char) (0x80 | (c & 0x3F));
	}
	else
	{
		*out++ = (char) (0xF0 | (c >> 18));
		*out++ = (char) (0x80 | ((c >> 12) & 0x3F));
		*out++ = (char) (0x80 | ((c >> 6) & 0x3F));
		*out++ = (char) (0x80 | (c & 0x3F));
	}
	return out;
}

/* What follows "\u"; *p is moved behind it. */
static bool
unescape_unit(const char **p, const char *end, char **out)
{
	int			unit = hex_unit(*p, end);
	int			low;

	if (unit < 0)
		return false;
	*p += 4;
	if (unit >= 0xD800 && unit <= 0xDFFF)
	{
		low = (unit < 0xDC00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u')
			? hex_unit(*p + 2, end) : -1;
		if (low >= 0xDC00 && low <= 0xDFFF)
		{
			*p += 6;
			*out = put_utf8(*out, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
		}
		else
			*(*out)++ = '?';
	}
	else
		*out = put_utf8(*out, unit);
	return true;
}

ptrdiff_t
si_json_unescape(const char *src, size_t len, char *dst)
{
	const char *end = src + len;
	char	   *out = dst;

	while (src < end)
	{
		const char *slash = memchr(src, '\\', end - src);
		size_t		plain = (slash ? slash : end) - src;

		memmove(out, src, plain);
		out += plain;
		src += plain;
		if (slash == NULL)
			break;
		if (end - src < 2)
			return -1;
		src += 2;
		switch (slash[1])
		{
			case '"':
			case '\\':
			case '/':
				*out++ = slash[1];
				break;
			case 'b':
				*out++ = '\b';
				break;
			case 'f':
				*out++ = '\f';
				break;
			case 'n':
				*out++ = '\n';
				break;
			case 'r':
				*out++ = '\r';
				break;
			case 't':
				*out++ = '\t';
				break;
			case 'u':
				if (!unescape_unit(&src, end, &out))
					return -1;
				break;
			default:
				return -1;
		}
	}
	return out - dst;
}

const char *
si_json_skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* The closing quote of the string whose inside begins at p. */
static const char *
string_end(const char *p, const char *end, bool *escaped)
{
	*escaped = false;
	for (; p < end && *p != '"'; p++)
	{
		if (*p != '\\')
			continue;
		*escaped = true;
		if (++p == end)
			break;
	}
	return p < end ? p : NULL;
}

/* Behind the bracket that closes the one at p. */
static const char *
container_end(const char *p, const char *end)
{
	int64		depth = 0;
	bool		escaped;

	for (; p < end; p++)
	{
		if (*p == '"')
		{
			p = string_end(p + 1, end, &escaped);
			if (p == NULL)
				return NULL;
		}
		else if (*p == '{' || *p == '[')
			depth++;
		else if ((*p == '}' || *p == ']') && --depth == 0)
			return p + 1;
	}
	return NULL;
}

static const char *
number_value(const char *p, const char *end, SiValue *v)
{
	char		copy[64];
	char	   *text = copy;
	size_t		len = 0;
	const char *stop;

	/* a number at the very end of the text has nothing behind it to stop at */
	while (p + len < end && strchr("+-.0123456789eE", p[len]) != NULL && p[len] != '\0')
		len++;
	if (len >= sizeof(copy) && (text = malloc(len + 1)) == NULL)
		return NULL;
	memcpy(text, p, len);
	text[len] = '\0';
	stop = si_number_scan(text, v);
	len = stop ? stop - text : 0;
	if (text != copy)
		free(text);
	v->ptr = p;
	return len > 0 ? p + len : NULL;
}

const char *
si_json_value(const char *p, const char *end, SiValue *v, bool *escaped)
{
	const char *stop;
	size_t		left = end - p;

	memset(v, 0, sizeof(*v));
	v->ptr = p;
	*escaped = false;
	if (left == 0)
		return NULL;
	switch (*p)
	{
		case '"':
			stop = string_end(p + 1, end, escaped);
			if (stop == NULL)
				return NULL;
			v->kind = SI_VALUE_STRING;
			v->ptr = p + 1;
			v->len = (uint32) (stop - p - 1);
			return stop + 1;
		case '{':
		case '[':
			stop = container_end(p, end);
			v->kind = (*p == '{') ? SI_VALUE_OBJECT : SI_VALUE_ARRAY;
			v->len = stop ? (uint32) (stop - p) : 0;
			return stop;
		case 't':
			v->kind = SI_VALUE_BOOL;
			v->u.i = 1;
			return (left >= 4 && memcmp(p, "true", 4) == 0) ? p + 4 : NULL;
		case 'f':
			v->kind = SI_VALUE_BOOL;
			return (left >= 5 && memcmp(p, "false", 5) == 0) ? p + 5 : NULL;
		case 'n':
			v->kind = SI_VALUE_NULL;
			return (left >= 4 && memcmp(p, "null", 4) == 0) ? p + 4 : NULL;
		default:
			return number_value(p, end, v);
	}
}

size_t
si_json_compact(const char *src, size_t len, char *dst)
{
	const char *end = src + len;
	char	   *out = dst;

	while (src < end)
	{
		const char *start = src;
		bool		escaped;

		if (*src == '"')
		{
			src = string_end(src + 1, end, &escaped);
			src = src ? src + 1 : end;
			memmove(out, start, src - start);
			out += src - start;
		}
		else if (*src == ' ' || *src == '\n' || *src == '\r' || *src == '\t')
			src++;
		else
			*out++ = *src++;
	}
	return out - dst;
}

size_t
si_json_quote(const char *src, size_t len, char *dst)
{
	const char *end = src + len;
	char	   *out = dst;

	*out++ = '"';
	for (; src < end; src++)
	{
		static const char hex[] = "0123456789abcdef";
		unsigned char c = (unsigned char) *src;

		if (c >= 0x20 && c != '"' && c != '\\')
		{
			*out++ = (char) c;
			continue;
		}
		*out++ = '\\';
		switch (c)
		{
			case '\b':
				*out++ = 'b';
				break;
			case '\f':
				*out++ = 'f';
				break;
			case '\n':
				*out++ = 'n';
				break;
			case '\r':
				*out++ = 'r';
				break;
			case '\t':
				*out++ = 't';
				break;
			case '"':
			case '\\':
				*out++ = (char) c;
				break;
			default:
				*out++ = 'u';
				*out++ = '0';
				*out++ = '0';
				*out++ = hex[c >> 4];
				*out++ = hex[c & 15];
				break;
		}
	}
	*out++ = '"';
	return out - dst;
}

static const char *
check_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
	{
		if ((unsigned char) *p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		if (++p >= end || strchr("\"\\/bfnrtu", *p) == NULL || *p == '\0')
			return NULL;
		if (*p == 'u')
		{
			if (end - p < 5 || strspn(p + 1, "0123456789abcdefABCDEF") < 4)
				return NULL;
			p += 4;
		}
	}
	return p < end ? p + 1 : NULL;
}

/* The end of a whole, correct value from p on; NULL when it is none. */
static const char *
check_json(const char *p, const char *end, int depth)
{
	static const char *const words[] = {"true", "false", "null"};
	char		close;
	SiValue		number;

	p = si_json_skip_blanks(p, end);
	if (p >= end || depth > MAX_JSON_DEPTH)
		return NULL;
	if (*p == '"')
		return check_string(p, end);
	if (*p != '{' && *p != '[')
	{
		for (int i = 0; i < lengthof(words); i++)
			if (end - p >= strlen(words[i]) && strncmp(p, words[i], strlen(words[i])) == 0)
				return p + strlen(words[i]);
		return *p == '-' || (*p >= '0' && *p <= '9') ? si_number_scan(p, &number) : NULL;
	}
	close = *p == '{' ? '}' : ']';
	p = si_json_skip_blanks(p + 1, end);
	if (p < end && *p == close)
		return p + 1;
	for (;;)
	{
		if (close == '}')
		{
			p = si_json_skip_blanks(p, end);
			if (p >= end || *p != '"' || (p = check_string(p, end)) == NULL)
				return NULL;
			p = si_json_skip_blanks(p, end);
			if (p >= end || *p++ != ':')
				return NULL;
		}
		p = check_json(p, end, depth + 1);
		if (p == NULL)
			return NULL;
		p = si_json_skip_blanks(p, end);
		if (p < end && *p == close)
			return p + 1;
		if (p >= end || *p++ != ',')
			return NULL;
	}
}

const char *
si_json_valid(const char *p, const char *end)
{
	return check_json(p, end, 0);
}
