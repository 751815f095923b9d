/*
 * pattern.h
 *		A regular expression of ICU and the text that it looks at: what
 *		JSONPath, jq and Druid's expressions have in common.
 *
 * A match is bounded in time and stack, as patterns and texts may come from
 * anybody.  ICU works on UTF-16; texts are converted into a buffer that is
 * kept.  Nothing here throws.
 */
#ifndef SI_FORMAT_PATTERN_H
#define SI_FORMAT_PATTERN_H

#include <unicode/uregex.h>

#include "common/types.h"
#include "format/scratch.h"

typedef struct SiPattern
{
	URegularExpression *regex;
	UChar	   *text;			/* malloc */
	int32_t		len;
	int32_t		cap;
} SiPattern;

/* Steps of ICU's matcher are of about ten thousand operations. */
#define SI_PATTERN_STEPS	200

/* p is all zero.  False and a reason when the pattern is none; nothing is to be closed then. */
extern bool si_pattern_open(SiPattern *p, const char *pattern, size_t len, uint32 icu_flags, int32 steps, SiReason *why);
extern void si_pattern_close(SiPattern *p);

/* The text of the next searches; false without memory. */
extern bool si_pattern_text(SiPattern *p, const char *text, size_t len);
/* Looks from a place of the text on; 1, 0, or -1 and a reason when it takes too long. */
extern int	si_pattern_find(SiPattern *p, int32_t from, SiReason *why);
/* The answer of another function of ICU in the same way. */
extern int	si_pattern_answer(UBool yes, UErrorCode error, SiReason *why);
/* Where a group begins and ends; false when it has no part in the match. */
extern bool si_pattern_group(const SiPattern *p, int group, int32_t *from, int32_t *to);

/* UTF-8 of a part of the text, NUL behind it; NULL without memory. */
extern char *si_pattern_utf8(const SiPattern *p, int32_t from, int32_t to, SiScratch *scratch, size_t *len);

#endif							/* SI_FORMAT_PATTERN_H */
