/*
 * fn_string.c
 *		Functions of expressions: texts.  Positions and lengths are in
 *		characters.
 */
#include "common/port.h"

#include <unicode/ucasemap.h>

#include "expr/expr_int.h"
#include "format/number.h"

static bool
is_lead(char c)
{
	return ((unsigned char) c & 0xC0) != 0x80;
}

static int64
count_chars(const char *s, size_t len)
{
	int64		n = 0;

	for (size_t i = 0; i < len; i++)
		n += is_lead(s[i]);
	return n;
}

/* Byte position of the n-th character, len beyond the end. */
static size_t
char_at(const char *s, size_t len, int64 n)
{
	for (size_t i = 0; i < len; i++)
		if (is_lead(s[i]) && n-- == 0)
			return i;
	return len;
}

/* The text of an argument; false makes the function's result null. */
static bool
text_arg(SiEval *ev, const SiExprValue *v, const char **s, uint32 *len)
{
	*s = "";
	*len = 0;
	return si_expr_as_text(ev, v, s, len);
}

static bool
too_long(SiEval *ev)
{
	return si_expr_fail(ev, "the text would be longer than %d bytes", SI_EXPR_MAX_TEXT);
}

static bool
null_result(SiExprValue *out)
{
	return si_expr_return(out, si_expr_null());
}

static bool
fn_concat(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char **s = si_expr_alloc(ev->memory, sizeof(char *) * Max(n->nargs, 1));
	uint32	   *len = si_expr_alloc(ev->memory, sizeof(uint32) * Max(n->nargs, 1));
	size_t		total = 0;
	char	   *text;
	char	   *p;

	for (int i = 0; i < n->nargs; i++)
	{
		if (!text_arg(ev, &args[i], &s[i], &len[i]))
			return null_result(out);
		total += len[i];
	}
	if (total > SI_EXPR_MAX_TEXT)
		return too_long(ev);
	p = text = si_expr_alloc(ev->memory, total + 1);
	for (int i = 0; i < n->nargs; i++)
	{
		memcpy(p, s[i], len[i]);
		p += len[i];
	}
	return si_expr_return(out, si_expr_text(text, total));
}

static bool
fn_strlen(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s;
	uint32		len;

	return si_expr_return(out, text_arg(ev, &args[0], &s, &len) ? si_expr_long(count_chars(s, len)) : si_expr_null());
}

/* substring(text, index, length): null from beyond the end; a negative length takes the rest. */
static bool
fn_substring(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s;
	uint32		len;
	int64		index = 0;
	int64		length = -1;
	size_t		start,
				end;

	if (!text_arg(ev, &args[0], &s, &len) || !si_expr_as_long(&args[1], &index) ||
		(n->nargs == 3 && !si_expr_as_long(&args[2], &length)))
		return null_result(out);
	if (index < 0)
		return si_expr_fail(ev, "the index of substring is negative: " INT64_FORMAT, index);
	start = char_at(s, len, index);
	if (start == len)
		return null_result(out);
	end = length < 0 ? len : start + char_at(s + start, len - start, length);
	return si_expr_return(out, si_expr_text(s + start, end - start));
}

static bool
side(SiEval *ev, const SiExprNode *n, const SiExprValue *args, bool left, SiExprValue *out)
{
	const char *s;
	uint32		len;
	int64		length = 0;
	int64		chars;
	size_t		cut;

	if (!text_arg(ev, &args[0], &s, &len) || !si_expr_as_long(&args[1], &length))
		return null_result(out);
	if (length < 0)
		return si_expr_fail(ev, "the length of %s is negative: " INT64_FORMAT, n->fn->name, length);
	chars = count_chars(s, len);
	if (length >= chars)
		return si_expr_return(out, si_expr_text(s, len));
	cut = char_at(s, len, left ? length : chars - length);
	return si_expr_return(out, left ? si_expr_text(s, cut) : si_expr_text(s + cut, len - cut));
}

static bool
fn_left(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return side(ev, n, args, true, out);
}

static bool
fn_right(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return side(ev, n, args, false, out);
}

/* First place of part at or after from, or NULL. */
static const char *
find_text(const char *s, const char *end, const char *part, uint32 part_len)
{
	for (; s + part_len <= end; s++)
		if (memcmp(s, part, part_len) == 0)
			return s;
	return NULL;
}

static bool
fn_strpos(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s,
			   *part,
			   *found;
	uint32		len,
				part_len;
	int64		from = 0;

	if (!text_arg(ev, &args[0], &s, &len) || !text_arg(ev, &args[1], &part, &part_len) ||
		(n->nargs == 3 && !si_expr_as_long(&args[2], &from)))
		return null_result(out);
	found = find_text(s + char_at(s, len, Max(from, 0)), s + len, part, part_len);
	return si_expr_return(out, si_expr_long(found == NULL ? -1 : count_chars(s, found - s)));
}

static bool
fn_contains_string(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s,
			   *part;
	uint32		len,
				part_len;

	if (!text_arg(ev, &args[0], &s, &len) || !text_arg(ev, &args[1], &part, &part_len))
		return null_result(out);
	return si_expr_return(out, si_expr_bool(find_text(s, s + len, part, part_len) != NULL));
}

static bool
fn_icontains_string(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s,
			   *part;
	uint32		len,
				part_len;

	if (!text_arg(ev, &args[0], &s, &len) || !text_arg(ev, &args[1], &part, &part_len))
		return null_result(out);
	return si_expr_return(out, si_expr_bool(si_text_fold_contains(ev, s, len, part, part_len)));
}

/* A text around each character, as replacing nothing by something does. */
static bool
put_between(SiEval *ev, const char *s, uint32 len, const char *with, uint32 with_len, SiExprValue *out)
{
	uint64		total = len + ((uint64) count_chars(s, len) + 1) * with_len;
	char	   *text,
			   *p;

	if (total > SI_EXPR_MAX_TEXT)
		return too_long(ev);
	p = text = si_expr_alloc(ev->memory, total + 1);
	for (uint32 i = 0; i < len; i++)
	{
		if (is_lead(s[i]))
		{
			memcpy(p, with, with_len);
			p += with_len;
		}
		*p++ = s[i];
	}
	memcpy(p, with, with_len);
	return si_expr_return(out, si_expr_text(text, total));
}

static bool
fn_replace(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s,
			   *part,
			   *with,
			   *end,
			   *found;
	uint32		len,
				part_len,
				with_len;
	uint64		total;
	uint64		count = 0;
	char	   *text,
			   *p;

	if (!text_arg(ev, &args[0], &s, &len))
		return null_result(out);
	(void) text_arg(ev, &args[1], &part, &part_len);
	(void) text_arg(ev, &args[2], &with, &with_len);
	end = s + len;
	if (part_len == 0)
		return put_between(ev, s, len, with, with_len, out);
	for (found = s; (found = find_text(found, end, part, part_len)) != NULL; found += part_len)
		count++;
	total = len + count * with_len - count * part_len;
	if (total > SI_EXPR_MAX_TEXT)
		return too_long(ev);
	p = text = si_expr_alloc(ev->memory, total + 1);
	while ((found = find_text(s, end, part, part_len)) != NULL)
	{
		memcpy(p, s, found - s);
		p += found - s;
		memcpy(p, with, with_len);
		p += with_len;
		s = found + part_len;
	}
	memcpy(p, s, end - s);
	return si_expr_return(out, si_expr_text(text, total));
}

/* Whether the character at p (char_len bytes) is one of chars. */
static bool
one_of(const char *p, size_t char_len, const char *chars, uint32 chars_len)
{
	for (size_t i = 0; i + char_len <= chars_len; i++)
		if (is_lead(chars[i]) && memcmp(chars + i, p, char_len) == 0)
			return true;
	return false;
}

static bool
trim(SiEval *ev, const SiExprNode *n, const SiExprValue *args, bool left, bool right, SiExprValue *out)
{
	const char *s,
			   *end,
			   *chars = " ";
	uint32		len,
				chars_len = 1;

	if (!text_arg(ev, &args[0], &s, &len) || (n->nargs == 2 && !text_arg(ev, &args[1], &chars, &chars_len)))
		return null_result(out);
	end = s + len;
	while (left && s < end)
	{
		size_t		k = 1 + char_at(s + 1, end - s - 1, 0);

		if (!one_of(s, k, chars, chars_len))
			break;
		s += k;
	}
	while (right && s < end)
	{
		const char *p = end - 1;

		while (p > s && !is_lead(*p))
			p--;
		if (!one_of(p, end - p, chars, chars_len))
			break;
		end = p;
	}
	return si_expr_return(out, si_expr_text(s, end - s));
}

static bool
fn_trim(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return trim(ev, n, args, true, true, out);
}

static bool
fn_ltrim(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return trim(ev, n, args, true, false, out);
}

static bool
fn_rtrim(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return trim(ev, n, args, false, true, out);
}

bool
si_expr_change_case(SiEval *ev, const SiExprValue *v, bool upper, SiExprValue *out)
{
	static UCaseMap *map = NULL;
	UErrorCode	err = U_ZERO_ERROR;
	const char *s;
	uint32		len;
	int32_t		cap;
	int32_t		n;
	char	   *text;

	if (!text_arg(ev, v, &s, &len))
		return null_result(out);
	if (map == NULL)
		map = ucasemap_open("", 0, &err);
	/* a letter may become three, of as many bytes */
	cap = (int32_t) len * 3 + 1;
	text = si_expr_alloc(ev->memory, cap);
	n = upper ? ucasemap_utf8ToUpper(map, text, cap, s, (int32_t) len, &err) :
		ucasemap_utf8ToLower(map, text, cap, s, (int32_t) len, &err);
	if (U_FAILURE(err))
		return si_expr_fail(ev, "function %s failed: %s", upper ? "upper" : "lower", u_errorName(err));
	return si_expr_return(out, si_expr_text(text, n));
}

static bool
fn_lower(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_change_case(ev, &args[0], false, out);
}

static bool
fn_upper(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_change_case(ev, &args[0], true, out);
}

static bool
fn_reverse(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s;
	uint32		len;
	char	   *text,
			   *p;

	if (!text_arg(ev, &args[0], &s, &len))
		return null_result(out);
	text = si_expr_alloc(ev->memory, len + 1);
	p = text + len;
	for (const char *end = s + len; s < end;)
	{
		size_t		k = 1 + char_at(s + 1, end - s - 1, 0);

		p -= k;
		memcpy(p, s, k);
		s += k;
	}
	return si_expr_return(out, si_expr_text(text, len));
}

static bool
fn_repeat(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s;
	uint32		len;
	int64		times = 0;
	char	   *text;

	if (!text_arg(ev, &args[0], &s, &len) || !si_expr_as_long(&args[1], &times) || times < 1)
		return null_result(out);
	if (len > 0 && times > SI_EXPR_MAX_TEXT / len)
		return too_long(ev);
	text = si_expr_alloc(ev->memory, (size_t) len * times + 1);
	for (int64 i = 0; len > 0 && i < times; i++)
		memcpy(text + i * len, s, len);
	return si_expr_return(out, si_expr_text(text, len > 0 ? (size_t) len * times : 0));
}

static bool
pad(SiEval *ev, const SiExprValue *args, bool left, SiExprValue *out)
{
	const char *s,
			   *with;
	uint32		len,
				with_len;
	int64		length = 0;
	int64		missing;
	char	   *text,
			   *p;

	if (!text_arg(ev, &args[0], &s, &len) || !si_expr_as_long(&args[1], &length) ||
		!text_arg(ev, &args[2], &with, &with_len))
		return null_result(out);
	if (length > SI_EXPR_MAX_TEXT)
		return too_long(ev);
	if (length <= 0)
		return null_result(out);
	missing = length - count_chars(s, len);
	if (missing <= 0 || with_len == 0)
		return si_expr_return(out, si_expr_text(s, char_at(s, len, Max(length, 0))));
	p = text = si_expr_alloc(ev->memory, len + (size_t) missing * 4);
	if (!left)
	{
		memcpy(p, s, len);
		p += len;
	}
	for (size_t i = 0; missing > 0; missing--)
	{
		size_t		k = 1 + char_at(with + i + 1, with_len - i - 1, 0);

		memcpy(p, with + i, k);
		p += k;
		i = (i + k) % with_len;
	}
	if (left)
	{
		memcpy(p, s, len);
		p += len;
	}
	return si_expr_return(out, si_expr_text(text, p - text));
}

static bool
fn_lpad(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return pad(ev, args, true, out);
}

static bool
fn_rpad(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return pad(ev, args, false, out);
}

/* parse_long(text[, radix]): null when it is none. */
static bool
fn_parse_long(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s;
	uint32		len;
	int64		radix = 10;
	int64		i;
	char		copy[80];
	char	   *end;
	char	   *digits = copy;

	if (!text_arg(ev, &args[0], &s, &len) || (n->nargs == 2 && !si_expr_as_long(&args[1], &radix)))
		return null_result(out);
	if (radix < 2 || radix > 36)
		return si_expr_fail(ev, "the radix of parse_long is not within 2 and 36: " INT64_FORMAT, radix);
	if (radix == 10)
		return si_expr_return(out, si_long_from_text(s, len, &i) ? si_expr_long(i) : si_expr_null());
	if (len == 0 || len >= sizeof(copy) || memchr(s, '\0', len) != NULL)
		return null_result(out);
	memcpy(copy, s, len);
	copy[len] = '\0';
	if (radix == 16 && copy[0] == '0' && (copy[1] == 'x' || copy[1] == 'X'))
		digits += 2;
	if (*digits == '\0' || *digits == ' ' || (*digits >= '\t' && *digits <= '\r'))
		return null_result(out);
	errno = 0;
	i = strtoll(digits, &end, (int) radix);
	return si_expr_return(out, *end == '\0' && errno == 0 ? si_expr_long(i) : si_expr_null());
}

static bool
prepare_like(SiExprNode *n, SiReason *why)
{
	if (n->nargs == 3 && (!si_expr_is_literal_text(n->args[2]) || n->args[2]->value.len != 1))
		return si_format_reason(why, "the escape must be a literal of one ASCII character");
	return true;
}

static bool
fn_like(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s,
			   *pattern;
	uint32		len,
				pattern_len;

	if (!text_arg(ev, &args[0], &s, &len) || !text_arg(ev, &args[1], &pattern, &pattern_len))
		return null_result(out);
	return si_expr_return(out, si_expr_bool(si_like(s, len, pattern, pattern_len,
													n->nargs == 3 ? args[2].u.s[0] : 0)));
}

const SiExprFunction si_fn_string[] = {
	{"concat", 0, -1, .call = fn_concat},
	{"strlen", 1, 1, .call = fn_strlen},
	{"substring", 2, 3, .call = fn_substring},
	{"left", 2, 2, .call = fn_left},
	{"right", 2, 2, .call = fn_right},
	{"strpos", 2, 3, .call = fn_strpos},
	{"contains_string", 2, 2, .call = fn_contains_string},
	{"icontains_string", 2, 2, .call = fn_icontains_string},
	{"replace", 3, 3, .call = fn_replace},
	{"trim", 1, 2, .call = fn_trim},
	{"ltrim", 1, 2, .call = fn_ltrim},
	{"rtrim", 1, 2, .call = fn_rtrim},
	{"btrim", 1, 2, .call = fn_trim},
	{"lower", 1, 1, .call = fn_lower},
	{"upper", 1, 1, .call = fn_upper},
	{"reverse", 1, 1, .call = fn_reverse},
	{"repeat", 2, 2, .call = fn_repeat},
	{"lpad", 3, 3, .call = fn_lpad},
	{"rpad", 3, 3, .call = fn_rpad},
	{"parse_long", 1, 2, .call = fn_parse_long},
	{"like", 2, 3, .call = fn_like, .prepare = prepare_like},
	{NULL}
};
