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

/* Bytes of a text that a message shows ("%.*s"): at most 200, whole characters. */
extern int	si_format_clip(const char *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif							/* SI_FORMAT_REASON_H */
