/*
 * joda_fields.c
 *		From the fields of a date pattern to an instant.
 *
 * Joda sets one field after the other, from the largest to the smallest, each
 * keeping what it can of the others, and does so twice: the first time
 * everything below a field is cleared.  Contradictions and gaps are settled
 * by that procedure and by nothing else, so it is followed here step by step.
 */
#include "common/port.h"

#include "format/datescan.h"
#include "format/joda_fields.h"

/* An instant in UTC; days may lie far outside of the years. */
typedef struct JodaTime
{
	int64		day;
	int64		ms;				/* of the day */
} JodaTime;

/*
 * The size of a field: what it counts within, then what it counts.  An era
 * has neither; a year and a weekyear are of one size.
 */
static int
field_size(JodaField field)
{
	switch (field)
	{
		case JODA_YEAR:
		case JODA_WEEKYEAR:
		case JODA_YEAR_OF_ERA:
			return JODA_YEAR;
		case JODA_CLOCKHOUR:
			return JODA_HOUR;
		case JODA_HALF_CLOCKHOUR:
			return JODA_HALF_HOUR;
		default:
			return field;
	}
}

void
si_joda_order(const JodaField *fields, int n, int *order)
{
	for (int i = 0; i < n; i++)
	{
		int			j = i;

		for (; j > 0 && field_size(fields[order[j - 1]]) > field_size(fields[i]); j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
}

static bool
in_range(int64 value, int64 min, int64 max)
{
	return value >= min && value <= max;
}

/* Keeps the day of the year, which moves by one after February of a leap year. */
static void
set_year(JodaTime *t, int64 year)
{
	int64		old = si_year_of_day(t->day);
	int			day = (int) (t->day - si_days_from_civil(old, 1, 1)) + 1;

	if (day > 31 + 28)
		day += si_days_in_year(year) - si_days_in_year(old);
	/* 29 February goes to the 28th, and a day after it stays after it */
	t->day = si_days_from_civil(year, 1, 1) + day - 1;
}

static bool
set_era(JodaTime *t, int64 era, bool reset)
{
	int64		year = si_year_of_day(t->day);

	if ((year > 0) != (era == 1))
		set_year(t, -year);
	if (!reset)
		return true;
	if (era == 1)
		t->day = si_days_from_civil(1, 1, 1);
	else
		t->day = si_floor_div(PG_INT64_MIN, SI_MS_PER_DAY);
	t->ms = era == 1 ? 0 : PG_INT64_MIN - t->day * SI_MS_PER_DAY;
	return true;
}

/* Keeps the week, as far as the year has it, and the day of the week. */
static void
set_weekyear(JodaTime *t, int64 weekyear)
{
	int64		old = si_weekyear_of_day(t->day);
	int64		week = (t->day - si_first_day_of_weekyear(old)) / 7;

	week = Min(week, si_weeks_in_weekyear(weekyear) - 1);
	t->day = si_first_day_of_weekyear(weekyear) + 7 * week + si_weekday_of_day(t->day) - 1;
}

static bool
set_a_year(JodaTime *t, JodaField field, int64 value, bool reset)
{
	int64		year = si_year_of_day(t->day);

	switch (field)
	{
		case JODA_CENTURY:
			if (!in_range(value, 0, SI_YEAR_MAX / 100))
				return false;
			value = value * 100 + (reset ? 0 : (year < 0 ? -year : year) % 100);
			set_year(t, year < 0 ? -value : value);
			break;
		case JODA_YEAR_OF_ERA:
			if (!in_range(value, 1, SI_YEAR_MAX))
				return false;
			set_year(t, year <= 0 ? 1 - value : value);
			break;
		case JODA_WEEKYEAR:
			if (!in_range(value, SI_YEAR_MIN, SI_YEAR_MAX))
				return false;
			set_weekyear(t, value);
			if (reset)
				t->day = si_first_day_of_weekyear(value);
			return true;
		default:
			if (!in_range(value, SI_YEAR_MIN, SI_YEAR_MAX))
				return false;
			set_year(t, value);
			break;
	}
	if (reset)
		t->day = si_days_from_civil(si_year_of_day(t->day), 1, 1);
	return true;
}

static bool
set_month(JodaTime *t, int64 month, bool reset)
{
	int64		year;
	int			old,
				day;

	if (!in_range(month, 1, 12))
		return false;
	si_civil_from_days(t->day, &year, &old, &day);
	day = Min(day, si_days_in_month(year, (int) month));
	t->day = si_days_from_civil(year, (int) month, reset ? 1 : day);
	return true;
}

static bool
set_week(JodaTime *t, int64 week, bool reset)
{
	int64		weekyear = si_weekyear_of_day(t->day);
	int64		first = si_first_day_of_weekyear(weekyear);

	if (!in_range(week, 1, si_weeks_in_weekyear(weekyear)))
		return false;
	t->day = first + 7 * (week - 1) + (reset ? 0 : si_weekday_of_day(t->day) - 1);
	return true;
}

static bool
set_day(JodaTime *t, JodaField field, int64 value)
{
	int64		year;
	int			month,
				day;

	si_civil_from_days(t->day, &year, &month, &day);
	switch (field)
	{
		case JODA_DAY_OF_YEAR:
			t->day = si_days_from_civil(year, 1, 1) + value - 1;
			return in_range(value, 1, si_days_in_year(year));
		case JODA_DAY:
			t->day += value - day;
			return in_range(value, 1, si_days_in_month(year, month));
		default:
			t->day += value - si_weekday_of_day(t->day);
			return in_range(value, 1, 7);
	}
}

/* The part of the day of `unit` ms that counts to `count` gets another value. */
static bool
set_part(JodaTime *t, int64 value, int64 unit, int64 count, bool reset)
{
	int64		old = t->ms / unit % count;

	t->ms += (value - old) * unit;
	if (reset)
		t->ms -= t->ms % unit;
	return in_range(value, 0, count - 1);
}

static bool
set_field(JodaTime *t, JodaField field, int64 value, bool reset)
{
	bool		ok;

	switch (field)
	{
		case JODA_HALFDAY:
			return set_part(t, value, 12 * SI_MS_PER_HOUR, 2, reset);
		case JODA_HOUR:
			return set_part(t, value, SI_MS_PER_HOUR, 24, reset);
		case JODA_CLOCKHOUR:
			return set_part(t, value % 24, SI_MS_PER_HOUR, 24, reset) && in_range(value, 1, 24);
		case JODA_HALF_HOUR:
			return set_part(t, value, SI_MS_PER_HOUR, 12, reset);
		case JODA_HALF_CLOCKHOUR:
			return set_part(t, value % 12, SI_MS_PER_HOUR, 12, reset) && in_range(value, 1, 12);
		case JODA_MINUTE:
			return set_part(t, value, SI_MS_PER_MINUTE, 60, reset);
		case JODA_SECOND:
			return set_part(t, value, SI_MS_PER_SECOND, 60, reset);
		case JODA_FRACTION:
			return set_part(t, value, 1, 1000, reset);
		case JODA_ERA:
			return set_era(t, value, reset);
		case JODA_MONTH:
			ok = set_month(t, value, reset);
			break;
		case JODA_WEEK:
			ok = set_week(t, value, reset);
			break;
		case JODA_DAY_OF_YEAR:
		case JODA_DAY:
		case JODA_WEEKDAY:
			ok = set_day(t, field, value);
			break;
		default:
			ok = set_a_year(t, field, value, reset);
			break;
	}
	if (reset)
		t->ms = 0;
	return ok;
}

/*
 * Year, month and day once each, and not more than one each of hour, minute,
 * second and fraction: nothing can contradict.
 */
static bool
is_plain(const JodaValue *values, int n)
{
	if (n < 3 || values[0].field != JODA_YEAR || values[1].field != JODA_MONTH || values[2].field != JODA_DAY)
		return false;
	for (int i = 3; i < n; i++)
	{
		JodaField	field = values[i].field;

		if (field <= values[i - 1].field ||
			(field != JODA_HOUR && field != JODA_MINUTE && field != JODA_SECOND && field != JODA_FRACTION))
			return false;
	}
	return true;
}

static bool
plain_instant(const JodaValue *values, int n, int64 *ms)
{
	int64		year = values[0].value;
	int64		month = values[1].value;
	int64		rest = 0;
	bool		ok = true;

	if (!in_range(year, SI_YEAR_MIN, SI_YEAR_MAX) || !in_range(month, 1, 12) ||
		!in_range(values[2].value, 1, si_days_in_month(year, (int) month)))
		return false;
	for (int i = 3; i < n; i++)
	{
		int64		value = values[i].value;

		switch (values[i].field)
		{
			case JODA_HOUR:
				ok = ok && in_range(value, 0, 23);
				rest += value * SI_MS_PER_HOUR;
				break;
			case JODA_MINUTE:
				ok = ok && in_range(value, 0, 59);
				rest += value * SI_MS_PER_MINUTE;
				break;
			case JODA_SECOND:
				ok = ok && in_range(value, 0, 59);
				rest += value * SI_MS_PER_SECOND;
				break;
			default:
				rest += value;
				break;
		}
	}
	*ms = si_days_from_civil(year, (int) month, (int) values[2].value) * SI_MS_PER_DAY + rest;
	return ok;
}

bool
si_joda_instant(const JodaValue *values, int n, int64 *ms)
{
	JodaTime	t = {0, 0};
	bool		year_2000 = n > 0 && in_range(values[0].field, JODA_MONTH, JODA_WEEKDAY);

	if (is_plain(values, n))
		return plain_instant(values, n, ms);
	if (year_2000)
		set_field(&t, JODA_YEAR, 2000, true);
	for (int i = 0; i < n; i++)
		if (!set_field(&t, values[i].field, values[i].value, true))
			return false;
	if (year_2000)
		set_field(&t, JODA_YEAR, 2000, false);
	for (int i = 0; i < n; i++)
		if (!set_field(&t, values[i].field, values[i].value, i == n - 1))
			return false;
	*ms = t.day * SI_MS_PER_DAY + t.ms;
	return true;
}
