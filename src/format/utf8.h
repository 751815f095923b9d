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
 * The text itself when it is valid UTF-8, else a copy in which U+FFFD stands
 * for what is not, as Java decodes it.  Moves *len.  NULL when memory is
 * exhausted.
 */
extern const char *si_utf8_clean(SiScratch *scratch, const char *text, size_t *len);

#ifdef __cplusplus
}
#endif

#endif							/* SI_FORMAT_UTF8_H */
