/*
 * jsontext.h
 *		Pieces of JSON text, outside of the hot path.  Nothing here throws.
 */
#ifndef SI_FORMAT_JSONTEXT_H
#define SI_FORMAT_JSONTEXT_H

#include "common/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Resolves the escapes of a string's inside; dst needs len bytes.  A surrogate
 * without its partner becomes '?', as in Druid.  Returns the length, -1 when
 * an escape is not JSON's.
 */
extern ptrdiff_t si_json_unescape(const char *src, size_t len, char *dst);

/*
 * The end of the value that begins at p, and its parts for scalars: strings
 * are given raw, without quotes, with *escaped telling whether they need
 * si_json_unescape().  NULL when there is no whole value before end.  Meant
 * for text that has been validated; on other text it stays within bounds.
 */
extern const char *si_json_value(const char *p, const char *end, SiValue *v, bool *escaped);

/*
 * The end of a whole, correct value from p on, of any text; NULL when it is
 * none.  What ends a number must be readable: a NUL behind the text.
 */
extern const char *si_json_valid(const char *p, const char *end);

/* First byte from p on that is not a blank. */
extern const char *si_json_skip_blanks(const char *p, const char *end);

/* Copies a value without the blanks outside of strings; returns the length. */
extern size_t si_json_compact(const char *src, size_t len, char *dst);

/* Writes a string with quotes and escapes; dst needs 6 * len + 2 bytes. */
extern size_t si_json_quote(const char *src, size_t len, char *dst);

#ifdef __cplusplus
}
#endif

#endif							/* SI_FORMAT_JSONTEXT_H */
