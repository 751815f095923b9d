/*
 * zone.h
 *		Civil dates and the offsets of time zones.
 *
 * The calendar is the proleptic Gregorian one (as in ISO 8601 and in Joda);
 * ICU is asked for offsets only, since its own calendar switches to the
 * Julian one in 1582.
 */
#ifndef SI_COMMON_ZONE_H
#define SI_COMMON_ZONE_H

#include "common/port.h"

#define SI_MS_PER_SECOND	INT64CONST(1000)
#define SI_MS_PER_MINUTE	INT64CONST(60000)
#define SI_MS_PER_HOUR		INT64CONST(3600000)
#define SI_MS_PER_DAY		INT64CONST(86400000)
#define SI_MS_PER_WEEK		INT64CONST(604800000)

/* Division that rounds towards minus infinity; b > 0. */
static inline int64
si_floor_div(int64 a, int64 b)
{
	int64		q = a / b;

	return (a % b < 0) ? q - 1 : q;
}

/* a + b, or the end of the range of int64 when that overflows. */
extern int64 si_add_saturated(int64 a, int64 b);

/* Days since 1970-01-01 of a civil date (month 1..12, day 1..31). */
extern int64 si_days_from_civil(int64 year, int month, int day);
extern void si_civil_from_days(int64 days, int64 *year, int *month, int *day);
extern int	si_days_in_month(int64 year, int month);

/* A time zone.  Opened once per process and name, never freed. */
typedef struct SiZone SiZone;

/*
 * Looks a zone up by its IANA name, "UTC", "Z" or an offset such as "+05:30".
 * Returns NULL when there is no such zone.
 */
extern SiZone *si_zone_open(const char *name);

/* The name that it was opened by. */
extern const char *si_zone_name(const SiZone *zone);

/* Milliseconds to add to the instant t (ms since the epoch) for local time. */
extern int64 si_zone_offset(SiZone *zone, int64 t);

/*
 * The instant of a local time (ms as if the zone were UTC).  Of two instants
 * the earlier; a local time that a zone skips moves forward by the gap.
 */
extern int64 si_zone_local_to_utc(SiZone *zone, int64 local);

#endif							/* SI_COMMON_ZONE_H */
