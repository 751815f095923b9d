/*
 * timeprint.h
 *		Printing times by a Joda-Time pattern (reading them is format/joda.h).
 */
#ifndef SI_EXPR_TIMEPRINT_H
#define SI_EXPR_TIMEPRINT_H

#include "common/types.h"
#include "common/zone.h"

/* Whether every letter of the pattern can be printed; false with a reason. */
extern bool si_time_pattern_check(const char *pattern, SiReason *why);

/*
 * Prints into out, at most cap bytes; the length, or -1 when there is not
 * room.  zone NULL is UTC.
 */
extern int	si_time_pattern_print(const char *pattern, int64 ms, SiZone *zone, char *out, size_t cap);

/* A time split into what people call its parts, in a zone (NULL: UTC). */
typedef struct SiCivil
{
	int64		days;			/* since 1970-01-01 */
	int64		year;			/* 0 is 1 BC */
	int			month;
	int			day;
	int			ms_of_day;
	int64		offset;			/* of the zone, ms */
} SiCivil;

extern void si_civil_of(int64 ms, SiZone *zone, SiCivil *c);

#endif							/* SI_EXPR_TIMEPRINT_H */
