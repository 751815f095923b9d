/*
 * pattern.c
 *		Regular expressions of ICU: see pattern.h.
 */
#include "common/port.h"

#include <unicode/ustring.h>

#include "format/pattern.h"
#include "format/reason.h"

#define MATCH_STACK		(4 * 1024 * 1024)

bool
si_pattern_text(SiPattern *p, const char *text, size_t len)
{
	UErrorCode	error = U_ZERO_ERROR;

	if (len + 1 > (size_t) p->cap)
	{
		UChar	   *more = len < PG_INT32_MAX / 4 ? realloc(p->text, (len + 1) * 2 * sizeof(UChar)) : NULL;

		if (more == NULL)
			return false;
		p->text = more;
		p->cap = (int32_t) (len + 1) * 2;
	}
	u_strFromUTF8WithSub(p->text, p->cap, &p->len, text, (int32_t) len, 0xFFFD, NULL, &error);
	if (U_SUCCESS(error) && p->regex != NULL)
		uregex_setText(p->regex, p->text, p->len, &error);
	return U_SUCCESS(error);
}

bool
si_pattern_open(SiPattern *p, const char *pattern, size_t len, uint32 icu_flags, int32 steps, SiReason *why)
{
	UErrorCode	error = U_ZERO_ERROR;
	UParseError where = {0};

	if (!si_pattern_text(p, pattern, len))
		return si_format_reason(why, "out of memory");
	p->regex = uregex_open(p->text, p->len, icu_flags, &where, &error);
	if (U_FAILURE(error))
	{
		si_pattern_close(p);
		return si_format_reason(why, "invalid regular expression \"%.*s\" (%s at character %d)",
								si_format_clip(pattern, len), pattern, u_errorName(error), where.offset);
	}
	uregex_setTimeLimit(p->regex, steps, &error);
	uregex_setStackLimit(p->regex, MATCH_STACK, &error);
	return true;
}

void
si_pattern_close(SiPattern *p)
{
	uregex_close(p->regex);
	free(p->text);
	memset(p, 0, sizeof(*p));
}

int
si_pattern_answer(UBool yes, UErrorCode error, SiReason *why)
{
	if (U_SUCCESS(error))
		return yes ? 1 : 0;
	si_format_reason(why, "a regular expression could not be matched: %s",
					 error == U_REGEX_TIME_OUT || error == U_REGEX_STOPPED_BY_CALLER ? "it takes too long" :
					 error == U_REGEX_STACK_OVERFLOW ? "it needs too much memory" : u_errorName(error));
	return -1;
}

int
si_pattern_find(SiPattern *p, int32_t from, SiReason *why)
{
	UErrorCode	error = U_ZERO_ERROR;
	UBool		yes = uregex_find(p->regex, from, &error);

	return si_pattern_answer(yes, error, why);
}

bool
si_pattern_group(const SiPattern *p, int group, int32_t *from, int32_t *to)
{
	UErrorCode	error = U_ZERO_ERROR;

	*from = uregex_start(p->regex, group, &error);
	*to = uregex_end(p->regex, group, &error);
	return U_SUCCESS(error) && *from >= 0;
}

char *
si_pattern_utf8(const SiPattern *p, int32_t from, int32_t to, SiScratch *scratch, size_t *len)
{
	UErrorCode	error = U_ZERO_ERROR;
	int32_t		n = 0;
	size_t		cap = (size_t) (to - from) * 3 + 1;
	char	   *out = si_scratch_alloc(scratch, cap);

	if (out == NULL)
		return NULL;
	u_strToUTF8WithSub(out, (int32_t) cap, &n, p->text + from, to - from, '?', NULL, &error);
	out[n] = '\0';
	si_scratch_trim(scratch, out, n + 1);
	*len = n;
	return out;
}
