/*
 * datescan.c
 *		Calendar arithmetic and the small readers of datescan.h.
 */
#include "common/port.h"

#include "format/datescan.h"

int
si_days_in_year(int64 year)
{
	return 337 + si_days_in_month(year, 2);
}

int64
si_year_of_day(int64 day)
{
	int64		year;
	int			month,
				mday;

	si_civil_from_days(day, &year, &month, &mday);
	return year;
}

int
si_weekday_of_day(int64 day)
{
	return (int) (day + 3 - 7 * si_floor_div(day + 3, 7)) + 1;
}

int64
si_first_day_of_weekyear(int64 weekyear)
{
	int64		fourth = si_days_from_civil(weekyear, 1, 4);

	return fourth - (si_weekday_of_day(fourth) - 1);
}

int
si_weeks_in_weekyear(int64 weekyear)
{
	return (int) ((si_first_day_of_weekyear(weekyear + 1) - si_first_day_of_weekyear(weekyear)) / 7);
}

/* The weekyear of a day is the year of the Thursday of its week. */
int64
si_weekyear_of_day(int64 day)
{
	return si_year_of_day(day - si_weekday_of_day(day) + 4);
}

const char *
si_scan_number(const char *p, const char *end, int max_digits, bool is_signed, int *value)
{
	bool		negative = false;
	int64		n = 0;
	const char *first;

	/* a sign does not count as a digit, but where one digit is all there may be none */
	if (is_signed && max_digits > 1 && p < end && (*p == '-' || *p == '+'))
		negative = (*p++ == '-');
	first = p;
	for (; p < end && p - first < max_digits && *p >= '0' && *p <= '9'; p++)
	{
		n = n * 10 + (*p - '0');
		if (n > PG_INT32_MAX)
			return NULL;
	}
	if (p == first)
		return NULL;
	*value = (int) (negative ? -n : n);
	return p;
}

const char *
si_scan_fraction(const char *p, const char *end, int max_digits, int64 unit_ms, int64 *ms)
{
	const char *first = p;
	int64		unit = unit_ms * 10;
	int64		sum = 0;

	while (p < end && p - first < max_digits && *p >= '0' && *p <= '9')
	{
		unit /= 10;
		sum += (*p++ - '0') * unit;
	}
	if (p == first)
		return NULL;
	*ms = sum / 10;
	return p;
}

/* Exactly two digits, up to limit. */
static const char *
scan_two_digits(const char *p, const char *end, int limit, int *value)
{
	if (end - p < 2 || p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return NULL;
	*value = (p[0] - '0') * 10 + (p[1] - '0');
	return *value <= limit ? p + 2 : NULL;
}

const char *
si_scan_offset(const char *p, const char *end, int64 *ms)
{
	bool		negative;
	bool		separators = false;
	int			value;
	int64		offset;
	int			unit;

	if (p < end && (*p == 'Z' || *p == 'z'))
	{
		*ms = 0;
		return p + 1;
	}
	if (p == end || (*p != '+' && *p != '-'))
		return NULL;
	negative = (*p++ == '-');
	p = scan_two_digits(p, end, 23, &value);
	if (p == NULL)
		return NULL;
	offset = value * SI_MS_PER_HOUR;

	/* minutes, then seconds: ":nn" or "nn", as the first of them begins */
	for (unit = 0; unit < 2; unit++)
	{
		if (p < end && *p == ':' && (unit == 0 || separators))
		{
			separators = true;
			p++;
		}
		else if (separators || p == end || *p < '0' || *p > '9')
			break;
		p = scan_two_digits(p, end, 59, &value);
		if (p == NULL)
			return NULL;
		offset += value * (unit == 0 ? SI_MS_PER_MINUTE : SI_MS_PER_SECOND);
	}
	if (unit == 2 && p < end)
	{
		int64		fraction = 0;
		bool		point = (*p == '.' || *p == ',');

		if (point == separators)
		{
			const char *next = si_scan_fraction(p + point, end, 3, SI_MS_PER_SECOND, &fraction);

			if (next != NULL)
				p = next;
			else if (point)
				return NULL;
		}
		offset += fraction;
	}
	*ms = negative ? -offset : offset;
	return p;
}
