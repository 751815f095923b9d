/*
 * datescan.h
 *		The pieces that the ISO formats and the date patterns share: arithmetic
 *		of weeks and years in days since 1970-01-01, and reading numbers,
 *		fractions and zone offsets with Joda-Time's rules.
 *
 * The readers take [p, end) and return the position after what they read, or
 * NULL when it is not there; nothing is stored then.
 */
#ifndef SI_FORMAT_DATESCAN_H
#define SI_FORMAT_DATESCAN_H

#include "common/types.h"
#include "common/zone.h"

/* Years that Joda's calendar knows; year 0 is 1 BC. */
#define SI_YEAR_MIN (-292275054)
#define SI_YEAR_MAX 292278993

extern int	si_days_in_year(int64 year);
extern int64 si_year_of_day(int64 day);
/* 1 is Monday, 7 Sunday. */
extern int	si_weekday_of_day(int64 day);
/* Monday of ISO week 1, and the number of weeks. */
extern int64 si_first_day_of_weekyear(int64 weekyear);
extern int	si_weeks_in_weekyear(int64 weekyear);
extern int64 si_weekyear_of_day(int64 day);

/* One to max_digits digits, with an extra sign when is_signed. */
extern const char *si_scan_number(const char *p, const char *end, int max_digits,
								  bool is_signed, int *value);
/* One to max_digits digits after a decimal point, as ms of a unit of unit_ms. */
extern const char *si_scan_fraction(const char *p, const char *end, int max_digits,
									int64 unit_ms, int64 *ms);
/* Z, ±hh, ±hhmm, ±hh:mm, with seconds and fraction; east is positive. */
extern const char *si_scan_offset(const char *p, const char *end, int64 *ms);

#endif							/* SI_FORMAT_DATESCAN_H */
