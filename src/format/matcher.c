/*
 * matcher.c
 *		Regular expressions of paths, by ICU: see matcher.h.
 *
 * The work of a match is bounded, as patterns and messages may come from
 * anybody.  ICU works on UTF-16; the text is converted for each match into a
 * buffer that is kept.
 */
#include "common/port.h"

#include <unicode/uregex.h>
#include <unicode/ustring.h>

#include "format/matcher.h"
#include "format/owned.h"
#include "format/reason.h"

/* Steps of ICU's matcher are of about ten thousand operations. */
#define MATCH_STEPS		200
#define MATCH_STACK		(4 * 1024 * 1024)

struct SiMatcher
{
	URegularExpression *regex;
	UChar	   *text;			/* malloc */
	size_t		cap;
};

static void
release(void *arg)
{
	SiMatcher  *m = arg;

	uregex_close(m->regex);
	free(m->text);
}

/* UTF-8 into the buffer; the number of units, -1 without memory. */
static int32_t
widen(SiMatcher *m, const char *text, size_t len)
{
	UErrorCode	error = U_ZERO_ERROR;
	int32_t		n = 0;

	if (len + 1 > m->cap)
	{
		UChar	   *more = realloc(m->text, (len + 1) * 2 * sizeof(UChar));

		if (more == NULL)
			return -1;
		m->text = more;
		m->cap = (len + 1) * 2;
	}
	u_strFromUTF8WithSub(m->text, (int32_t) m->cap, &n, text, (int32_t) len, 0xFFFD, NULL, &error);
	return U_SUCCESS(error) ? n : -1;
}

static uint32_t
icu_flags(const char *flags)
{
	uint32_t	result = 0;

	for (; *flags; flags++)
		result |= *flags == 'i' ? UREGEX_CASE_INSENSITIVE :
			*flags == 'm' ? UREGEX_MULTILINE :
			*flags == 's' ? UREGEX_DOTALL :
			*flags == 'x' ? UREGEX_COMMENTS :
			*flags == 'd' ? UREGEX_UNIX_LINES : 0;
	return result;
}

SiMatcher *
si_matcher_create(const char *pattern, size_t len, const char *flags, SiReason *why)
{
	SiMatcher  *m = palloc0(sizeof(SiMatcher));
	UErrorCode	error = U_ZERO_ERROR;
	UParseError where = {0};
	int32_t		n = widen(m, pattern, len);

	if (n >= 0)
		m->regex = uregex_open(m->text, n, icu_flags(flags), &where, &error);
	if (n < 0 || U_FAILURE(error))
	{
		si_format_reason(why, "the regular expression is not one (%s)", n < 0 ? "out of memory" : u_errorName(error));
		release(m);
		pfree(m);
		return NULL;
	}
	uregex_setTimeLimit(m->regex, MATCH_STEPS, &error);
	uregex_setStackLimit(m->regex, MATCH_STACK, &error);
	si_owned_register(m, release);
	return m;
}

static bool
match(SiMatcher *m, const char *text, size_t len, bool whole)
{
	UErrorCode	error = U_ZERO_ERROR;
	int32_t		n = widen(m, text, len);
	UBool		yes;

	if (n < 0)
		return false;
	uregex_setText(m->regex, m->text, n, &error);
	yes = whole ? uregex_matches(m->regex, 0, &error) : uregex_find(m->regex, 0, &error);
	return U_SUCCESS(error) && yes;
}

bool
si_matcher_whole(SiMatcher *m, const char *text, size_t len)
{
	return match(m, text, len, true);
}

bool
si_matcher_find(SiMatcher *m, const char *text, size_t len)
{
	return match(m, text, len, false);
}
