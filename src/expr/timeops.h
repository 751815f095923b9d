/*
 * timeops.h
 *		Times as Druid's functions shift them, take them apart and read them:
 *		what the functions of expressions and those of SQL share.
 *
 * Times are milliseconds since the epoch; a zone of NULL is UTC.  Pure.
 */
#ifndef SI_EXPR_TIMEOPS_H
#define SI_EXPR_TIMEOPS_H

#include "common/period.h"
#include "common/types.h"
#include "common/zone.h"
#include "format/joda.h"

/*
 * t moved by step times a period: calendar fields move the local date, the
 * others the instant.  False when the result is out of range.
 */
extern bool si_time_shift(const int64 *fields, SiZone *zone, int64 t, int64 step, int64 *result);

typedef enum SiTimeUnit
{
	SI_UNIT_EPOCH, SI_UNIT_MICROSECOND, SI_UNIT_MILLISECOND, SI_UNIT_SECOND, SI_UNIT_MINUTE, SI_UNIT_HOUR, SI_UNIT_DAY,
	SI_UNIT_DOW, SI_UNIT_ISODOW, SI_UNIT_DOY, SI_UNIT_WEEK, SI_UNIT_MONTH, SI_UNIT_QUARTER, SI_UNIT_YEAR, SI_UNIT_ISOYEAR,
	SI_UNIT_DECADE, SI_UNIT_CENTURY, SI_UNIT_MILLENNIUM, SI_N_TIME_UNITS
} SiTimeUnit;

/* A unit by its name in any case; false with a reason. */
extern bool si_time_unit_find(const char *name, SiTimeUnit *unit, SiReason *why);
extern int64 si_time_extract(SiTimeUnit unit, SiZone *zone, int64 t);

/* How texts are read as times. */
typedef struct SiTimeReader
{
	SiJoda	   *joda;			/* NULL: ISO 8601 or SQL */
	bool		has_zone;		/* the pattern reads one */
	SiZone	   *zone;			/* of texts that say none */
} SiTimeReader;

/* By a Joda-Time pattern, NULL: ISO 8601 or SQL.  False with a reason. */
extern bool si_time_reader_init(SiTimeReader *p, const char *pattern, SiZone *zone, SiReason *why);
extern bool si_time_read(const SiTimeReader *p, const char *s, uint32 len, int64 *ms);

/* Whether a text is a number that is too long to be a year: no time, to Druid. */
extern bool si_time_is_number(const char *s, uint32 len);

/* An interval of ISO 8601: start/end, start/period or period/end, in UTC.  False with a reason. */
extern bool si_time_interval(const char *text, int64 *start, int64 *end, SiReason *why);

#endif							/* SI_EXPR_TIMEOPS_H */
