/*
 * like_pattern.h
 *		LIKE with a pattern that is plain text but for % at its ends, which bytes
 *		alone decide: a text column of a UTF-8 database under a deterministic
 *		collation.
 */
#ifndef SI_QUERY_LIKE_PATTERN_H
#define SI_QUERY_LIKE_PATTERN_H

#include "postgres.h"

#include "nodes/primnodes.h"
#include "segment/segment.h"

typedef struct SiLikePattern
{
	bool		open_start;		/* begins with % */
	bool		open_end;		/* ends with % */
	const char *text;			/* NULL: not a pattern of this kind */
	uint32		len;
} SiLikePattern;

/* Takes a condition apart; pattern->text is NULL when it is another one. */
extern void si_like_pattern_init(SiLikePattern *pattern, Expr *clause);

extern bool si_like_pattern_matches(const SiLikePattern *pattern, const char *bytes, uint32 len);

/*
 * Answers for all entries of a dictionary: answers[1 + entry] becomes yes
 * where the pattern matches and no elsewhere.
 */
extern void si_like_pattern_all(const SiLikePattern *pattern, const SiDict *dict, uint8 yes, uint8 no,
								uint8 *answers);

#endif							/* SI_QUERY_LIKE_PATTERN_H */
