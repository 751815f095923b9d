/*
 * regex.c
 *		Java's regular expressions, which are ICU's but for details.
 *
 * A match is bounded in time and stack: patterns may come from anybody who
 * may submit a spec.  ICU works on UTF-16; the text is converted for each
 * search into a buffer that is kept.
 */
#include "common/port.h"

#include <unicode/uregex.h>
#include <unicode/ustring.h>

#include "expr/expr_int.h"
#include "format/owned.h"

/* About a second. */
#define TIME_LIMIT	1000

struct SiRegex
{
	URegularExpression *re;
	UChar	   *text;			/* malloc */
	int32_t		len;
	int32_t		cap;
};

static void
release(void *arg)
{
	SiRegex    *re = arg;

	uregex_close(re->re);
	free(re->text);
}

/* UTF-8 into the buffer; false without memory. */
static bool
set_text(SiRegex *re, const char *text, size_t len)
{
	UErrorCode	err = U_ZERO_ERROR;

	if (len + 1 > (size_t) re->cap)
	{
		UChar	   *more = realloc(re->text, (len + 1) * 2 * sizeof(UChar));

		if (more == NULL)
			return false;
		re->text = more;
		re->cap = (int32_t) (len + 1) * 2;
	}
	u_strFromUTF8WithSub(re->text, re->cap, &re->len, text, (int32_t) len, 0xFFFD, NULL, &err);
	return U_SUCCESS(err);
}

SiRegex *
si_regex_create(const char *pattern, size_t len, SiReason *why)
{
	SiRegex    *re = palloc0(sizeof(SiRegex));
	UErrorCode	err = U_ZERO_ERROR;
	UParseError where;

	if (!set_text(re, pattern, len))
		return si_format_reason(why, "out of memory"), NULL;
	re->re = uregex_open(re->text, re->len, 0, &where, &err);
	if (U_FAILURE(err))
	{
		free(re->text);
		si_format_reason(why, "invalid regular expression \"%.*s\" (%s at character %d)",
						 si_format_clip(pattern, len), pattern, u_errorName(err), where.offset);
		return NULL;
	}
	uregex_setTimeLimit(re->re, TIME_LIMIT, &err);
	(void) si_owned_register(re, release);
	return re;
}

static int
found(UBool yes, UErrorCode err, SiReason *why)
{
	if (U_SUCCESS(err))
		return yes ? 1 : 0;
	si_format_reason(why, "a regular expression could not be matched: %s",
					 err == U_REGEX_TIME_OUT ? "it takes too long" :
					 err == U_REGEX_STACK_OVERFLOW ? "it needs too much memory" : u_errorName(err));
	return -1;
}

int
si_regex_find(SiRegex *re, const char *text, size_t len, SiReason *why)
{
	UErrorCode	err = U_ZERO_ERROR;
	UBool		yes;

	if (!set_text(re, text, len))
		return si_format_reason(why, "out of memory"), -1;
	uregex_setText(re->re, re->text, re->len, &err);
	yes = uregex_find(re->re, 0, &err);
	return found(yes, err, why);
}

int
si_regex_find_next(SiRegex *re, SiReason *why)
{
	UErrorCode	err = U_ZERO_ERROR;
	UBool		yes = uregex_findNext(re->re, &err);

	return found(yes, err, why);
}

int
si_regex_groups(SiRegex *re)
{
	UErrorCode	err = U_ZERO_ERROR;

	return uregex_groupCount(re->re, &err);
}

static SiExprValue
utf8(SiEval *ev, const UChar *text, int32_t len)
{
	UErrorCode	err = U_ZERO_ERROR;
	int32_t		n = 0;
	char	   *out = si_expr_alloc(ev->memory, (size_t) len * 3 + 1);

	u_strToUTF8WithSub(out, len * 3 + 1, &n, text, len, '?', NULL, &err);
	return si_expr_text(out, n);
}

SiExprValue
si_regex_group(SiRegex *re, SiEval *ev, int group)
{
	UErrorCode	err = U_ZERO_ERROR;
	int32_t		start = uregex_start(re->re, group, &err);
	int32_t		end = uregex_end(re->re, group, &err);

	if (U_FAILURE(err) || start < 0)
		return si_expr_null();
	return utf8(ev, re->text + start, end - start);
}

SiExprValue
si_regex_before(SiRegex *re, SiEval *ev, int *from)
{
	UErrorCode	err = U_ZERO_ERROR;
	int32_t		start = uregex_start(re->re, 0, &err);
	SiExprValue v = utf8(ev, re->text + *from, start - *from);

	*from = uregex_end(re->re, 0, &err);
	return v;
}

SiExprValue
si_regex_rest(SiRegex *re, SiEval *ev, int from)
{
	return utf8(ev, re->text + from, re->len - from);
}

bool
si_regex_replace(SiRegex *re, SiEval *ev, const char *text, size_t len,
				 const char *with, size_t with_len, SiExprValue *out)
{
	UErrorCode	err = U_ZERO_ERROR;
	UChar	   *replacement = si_expr_alloc(ev->memory, (with_len + 1) * sizeof(UChar));
	int32_t		replacement_len;
	int32_t		cap;
	int32_t		n;
	UChar	   *result;

	if (!set_text(re, text, len))
		return si_expr_fail(ev, "out of memory");
	u_strFromUTF8WithSub(replacement, (int32_t) with_len + 1, &replacement_len, with, (int32_t) with_len, 0xFFFD, NULL, &err);
	uregex_setText(re->re, re->text, re->len, &err);
	cap = re->len * 2 + replacement_len + 64;
	result = si_expr_alloc(ev->memory, cap * sizeof(UChar));
	n = uregex_replaceAll(re->re, replacement, replacement_len, result, cap, &err);
	if (err == U_BUFFER_OVERFLOW_ERROR && n > cap && n < SI_EXPR_MAX_TEXT)
	{
		err = U_ZERO_ERROR;
		cap = n + 1;
		result = si_expr_alloc(ev->memory, cap * sizeof(UChar));
		n = uregex_replaceAll(re->re, replacement, replacement_len, result, cap, &err);
	}
	if (err == U_BUFFER_OVERFLOW_ERROR)
		return si_expr_fail(ev, "the text would be longer than %d bytes", SI_EXPR_MAX_TEXT);
	if (found(true, err, ev->why) < 0)
		return false;
	return si_expr_return(out, utf8(ev, result, n));
}

bool
si_text_fold_contains(SiEval *ev, const char *text, size_t len, const char *part, size_t part_len)
{
	UErrorCode	err = U_ZERO_ERROR;
	UChar	   *buffers[2];
	int32_t		lens[2];
	const char *texts[2] = {text, part};
	size_t		bytes[2] = {len, part_len};

	for (int i = 0; i < 2; i++)
	{
		int32_t		cap = (int32_t) bytes[i] * 3 + 1;
		UChar	   *wide = si_expr_alloc(ev->memory, (bytes[i] + 1) * sizeof(UChar));
		int32_t		n;

		u_strFromUTF8WithSub(wide, (int32_t) bytes[i] + 1, &n, texts[i], (int32_t) bytes[i], 0xFFFD, NULL, &err);
		buffers[i] = si_expr_alloc(ev->memory, cap * sizeof(UChar));
		lens[i] = u_strFoldCase(buffers[i], cap, wide, n, U_FOLD_CASE_DEFAULT, &err);
	}
	return U_SUCCESS(err) && (lens[1] == 0 || u_strFindFirst(buffers[0], lens[0], buffers[1], lens[1]) != NULL);
}
