/*
 * number.h
 *		Numbers as text: JSON's, and those that Java reads and prints.
 *
 * Nothing here allocates or throws; it may be called from a C++ frame.
 */
#ifndef SI_FORMAT_NUMBER_H
#define SI_FORMAT_NUMBER_H

#include "common/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Reads the JSON number at p into kind, u, ptr and len of v: LONG when it is
 * an integer of 64 bits, else DOUBLE (infinite when beyond its range).  What
 * follows must end it: at least one readable byte that cannot be a part of a
 * number.  Returns the end, NULL when it is not a number.
 */
extern const char *si_number_scan(const char *p, SiValue *v);

/* Buffer for si_double_print(), si_float_print(). */
#define SI_DOUBLE_TEXT 32
/* As Java's Double.toString: "1.0", "1.0E10", "NaN"; returns the length. */
extern int	si_double_print(double d, char *buf);
/* As Java's Float.toString: the shortest digits that tell the float. */
extern int	si_float_print(float f, char *buf);

/* Decimal integer with optional sign that fits. */
extern bool si_long_from_text(const char *p, size_t len, int64 *out);
/* Decimal number with optional sign, fraction, exponent, that is an integer. */
extern bool si_long_from_decimal(const char *p, size_t len, int64 *out);
/* What Java's Double.valueOf reads, without blanks around and hexadecimals. */
extern bool si_double_from_text(const char *p, size_t len, double *out);

/* Java's (long) of a double: truncated, clamped, 0 for NaN. */
extern int64 si_long_from_double(double d);

#ifdef __cplusplus
}
#endif

#endif							/* SI_FORMAT_NUMBER_H */
