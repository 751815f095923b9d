/*
 * matcher.h
 *		Java's regular expressions inside of JSONPath.
 */
#ifndef SI_FORMAT_MATCHER_H
#define SI_FORMAT_MATCHER_H

#include "common/types.h"

typedef struct SiMatcher SiMatcher;

/*
 * flags are letters as Java's embedded flags have them: d i m s u U x.  NULL
 * and a reason when the pattern is none.  Lives as long as
 * CurrentMemoryContext.
 */
extern SiMatcher *si_matcher_create(const char *pattern, size_t len, const char *flags, SiReason *why);

/* Does the pattern match the whole text?  A match that takes too long is none. */
extern bool si_matcher_whole(SiMatcher *m, const char *text, size_t len);

#endif							/* SI_FORMAT_MATCHER_H */
