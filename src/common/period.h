/*
 * period.h
 *		The fields of an ISO 8601 period; the functions that most callers
 *		need are in granularity.h.
 */
#ifndef SI_COMMON_PERIOD_H
#define SI_COMMON_PERIOD_H

#include "common/types.h"

enum
{
	SI_PERIOD_YEARS,
	SI_PERIOD_MONTHS,
	SI_PERIOD_WEEKS,
	SI_PERIOD_DAYS,
	SI_PERIOD_HOURS,
	SI_PERIOD_MINUTES,
	SI_PERIOD_SECONDS,
	SI_PERIOD_MILLIS,
	SI_PERIOD_FIELDS
};

/*
 * Splits a period into its fields: any case, each at most 2^31 - 1, each with
 * a sign of its own, and one in front for all.  False with a reason.
 */
extern bool si_period_parse(const char *text, int64 fields[SI_PERIOD_FIELDS], SiReason *why);

/* Bytes of a text that a message shows ("%.*s"): few, and whole characters. */
extern int	si_period_shown(const char *text);

/* Length of all fields from weeks down; false when it does not fit. */
extern bool si_period_fixed_ms(const int64 fields[SI_PERIOD_FIELDS], int64 *ms);

#endif							/* SI_COMMON_PERIOD_H */
