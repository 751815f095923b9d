/*
 * reason.h
 *		Filling in an SiReason: formatted, cut to its size, always valid UTF-8.
 */
#ifndef SI_FORMAT_REASON_H
#define SI_FORMAT_REASON_H

#include "common/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sets the text of why, which may be NULL; always returns false. */
extern bool si_format_reason(SiReason *why, const char *fmt,...) pg_attribute_printf(2, 3);

/* As strlcpy(), but a character that does not fit is left out as a whole. */
extern void si_format_copy(char *to, const char *text, size_t size);

/* Of a text that was cut somewhere: takes away a character that is not complete. */
extern void si_format_trim(char *text);

/* Bytes of a text that a message shows ("%.*s"): at most 200, whole characters. */
extern int	si_format_clip(const char *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif							/* SI_FORMAT_REASON_H */
