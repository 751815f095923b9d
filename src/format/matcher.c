/*
 * matcher.c
 *		Regular expressions of paths: see matcher.h.
 */
#include "common/port.h"

#include "format/matcher.h"
#include "format/owned.h"
#include "format/pattern.h"

struct SiMatcher
{
	SiPattern	pattern;
};

static void
release(void *arg)
{
	SiMatcher  *m = arg;

	si_pattern_close(&m->pattern);
}

static uint32
icu_flags(const char *flags)
{
	uint32		result = 0;

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

	if (!si_pattern_open(&m->pattern, pattern, len, icu_flags(flags), SI_PATTERN_STEPS, why))
	{
		pfree(m);
		return NULL;
	}
	si_owned_register(m, release);
	return m;
}

bool
si_matcher_whole(SiMatcher *m, const char *text, size_t len)
{
	UErrorCode	error = U_ZERO_ERROR;

	return si_pattern_text(&m->pattern, text, len) && uregex_matches(m->pattern.regex, 0, &error) && U_SUCCESS(error);
}
