/*
 * regex.c
 *		Java's regular expressions, which are ICU's but for details.
 *
 * What is common with other patterns is in format/pattern.c; here is what
 * expressions make of matches.
 */
#include "common/port.h"

#include <unicode/ustring.h>

#include "expr/expr_int.h"
#include "format/owned.h"
#include "format/pattern.h"
#include "format/reason.h"

/* About a second. */
#define STEPS	1000

struct SiRegex
{
	SiPattern	pattern;
};

static void
release(void *arg)
{
	SiRegex    *re = arg;

	si_pattern_close(&re->pattern);
}

SiRegex *
si_regex_create(const char *pattern, size_t len, SiReason *why)
{
	SiRegex    *re = palloc0(sizeof(SiRegex));

	if (!si_pattern_open(&re->pattern, pattern, len, 0, STEPS, why))
		return NULL;
	(void) si_owned_register(re, release);
	return re;
}

int
si_regex_find(SiRegex *re, const char *text, size_t len, SiReason *why)
{
	if (!si_pattern_text(&re->pattern, text, len))
		return si_format_reason(why, "out of memory"), -1;
	return si_pattern_find(&re->pattern, 0, why);
}

int
si_regex_find_next(SiRegex *re, SiReason *why)
{
	UErrorCode	err = U_ZERO_ERROR;
	UBool		yes = uregex_findNext(re->pattern.regex, &err);

	return si_pattern_answer(yes, err, why);
}

int
si_regex_groups(SiRegex *re)
{
	UErrorCode	err = U_ZERO_ERROR;

	return uregex_groupCount(re->pattern.regex, &err);
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
	int32_t		start,
				end;

	if (!si_pattern_group(&re->pattern, group, &start, &end))
		return si_expr_null();
	return utf8(ev, re->pattern.text + start, end - start);
}

SiExprValue
si_regex_before(SiRegex *re, SiEval *ev, int *from)
{
	UErrorCode	err = U_ZERO_ERROR;
	int32_t		start = uregex_start(re->pattern.regex, 0, &err);
	SiExprValue v = utf8(ev, re->pattern.text + *from, start - *from);

	*from = uregex_end(re->pattern.regex, 0, &err);
	return v;
}

SiExprValue
si_regex_rest(SiRegex *re, SiEval *ev, int from)
{
	return utf8(ev, re->pattern.text + from, re->pattern.len - from);
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

	if (!si_pattern_text(&re->pattern, text, len))
		return si_expr_fail(ev, "out of memory");
	u_strFromUTF8WithSub(replacement, (int32_t) with_len + 1, &replacement_len, with, (int32_t) with_len, 0xFFFD, NULL, &err);
	cap = re->pattern.len * 2 + replacement_len + 64;
	result = si_expr_alloc(ev->memory, cap * sizeof(UChar));
	n = uregex_replaceAll(re->pattern.regex, replacement, replacement_len, result, cap, &err);
	if (err == U_BUFFER_OVERFLOW_ERROR && n > cap && n < SI_EXPR_MAX_TEXT)
	{
		err = U_ZERO_ERROR;
		cap = n + 1;
		result = si_expr_alloc(ev->memory, cap * sizeof(UChar));
		n = uregex_replaceAll(re->pattern.regex, replacement, replacement_len, result, cap, &err);
	}
	if (err == U_BUFFER_OVERFLOW_ERROR)
		return si_expr_fail(ev, "the text would be longer than %d bytes", SI_EXPR_MAX_TEXT);
	if (si_pattern_answer(true, err, ev->why) < 0)
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
