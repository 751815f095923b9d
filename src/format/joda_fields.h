/*
 * joda_fields.h
 *		From the fields of a date pattern to an instant, in the order and with
 *		the rules of Joda-Time's parser.
 */
#ifndef SI_FORMAT_JODA_FIELDS_H
#define SI_FORMAT_JODA_FIELDS_H

#include "common/types.h"

/* From the largest to the smallest; of equal size the one read last wins. */
typedef enum JodaField
{
	JODA_ERA,
	JODA_CENTURY,
	JODA_YEAR,
	JODA_WEEKYEAR,
	JODA_YEAR_OF_ERA,
	JODA_MONTH,
	JODA_WEEK,
	JODA_DAY_OF_YEAR,
	JODA_DAY,
	JODA_WEEKDAY,
	JODA_HALFDAY,
	JODA_HOUR,
	JODA_CLOCKHOUR,				/* 1..24 */
	JODA_HALF_HOUR,				/* 0..11 */
	JODA_HALF_CLOCKHOUR,		/* 1..12 */
	JODA_MINUTE,
	JODA_SECOND,
	JODA_FRACTION				/* milliseconds of a second */
} JodaField;

typedef struct JodaValue
{
	JodaField	field;
	int64		value;
} JodaValue;

/*
 * Sorts n fields, in the order in which a pattern has them, into the order in
 * which they are applied: order[i] is the place in the pattern.
 */
extern void si_joda_order(const JodaField *fields, int n, int *order);

/*
 * Applies n values, sorted as above, to the first instant of 1970, or of 2000
 * where the largest is a month or a day.  False when one is out of its range.
 */
extern bool si_joda_instant(const JodaValue *values, int n, int64 *ms);

#endif							/* SI_FORMAT_JODA_FIELDS_H */
