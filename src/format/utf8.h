/*
 * utf8.h
 *		Text of messages as valid UTF-8.  Nothing here throws.
 */
#ifndef SI_FORMAT_UTF8_H
#define SI_FORMAT_UTF8_H

#include "format/scratch.h"

#ifdef __cplusplus
extern "C" {
#endif

extern bool si_utf8_valid(const char *text, size_t len);

/*
 * Bytes of the character that begins at p, by its first one; 1 when none
 * begins there.  PostgreSQL's own has another name in every other release
 * when it is linked into programs.
 */
static inline int
si_utf8_length(const char *p)
{
	unsigned char c = (unsigned char) *p;

	return (c & 0xE0) == 0xC0 ? 2 : (c & 0xF0) == 0xE0 ? 3 : (c & 0xF8) == 0xF0 ? 4 : 1;
}

/* String.hashCode() of Java. */
extern uint32 si_utf8_java_hash(const char *text, size_t len);

/*
 * The text itself when it is valid UTF-8, else a copy in which U+FFFD stands
 * for what is not, as Java decodes it.  Moves *len.  NULL when memory is
 * exhausted.
 */
extern const char *si_utf8_clean(SiScratch *scratch, const char *text, size_t *len);

/* Takes out of a text, in place, what is no whole character. */
extern void si_utf8_repair(char *text);

#ifdef __cplusplus
}
#endif

#endif							/* SI_FORMAT_UTF8_H */
