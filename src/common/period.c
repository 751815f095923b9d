/*
 * period.c
 *		ISO 8601 periods and instants as text.
 *
 * Duties: reading periods the way Joda does, and printing periods and
 * instants.  Does not read instants (format/timestamp.c) and does no calendar
 * arithmetic (granularity.c).  Pure; no locks.
 */
#include "common/port.h"

#include <ctype.h>

#include "common/granularity.h"
#include "common/int.h"
#include "common/period.h"
#include "common/zone.h"
#include "mb/pg_wchar.h"

/* Letters of a period in the order in which they have to come. */
static const char date_units[] = "YMWD";
static const char time_units[] = "HMS";

/* Bytes of a text that a message shows. */
#define MAX_SHOWN	80

int
si_period_shown(const char *text)
{
	int			len = strlen(text);
	int			n = 0;

	while (n < len && n + pg_utf_mblen((const unsigned char *) text + n) <= Min(len, MAX_SHOWN))
		n += pg_utf_mblen((const unsigned char *) text + n);
	return n;
}

/*
 * Reads one number, at most max, and its unit at *pp.  *millis is set to those
 * of a fraction.  Returns the unit in upper case, or 0.
 */
static char
read_field(const char **pp, int64 max, int64 *value, int *millis, bool *fraction)
{
	const char *p = *pp;
	bool		negative = false;
	int64		v = 0;
	int			scale = 100;

	if (*p == '-' || *p == '+')
		negative = (*p++ == '-');
	if (!isdigit((unsigned char) *p))
		return 0;
	for (; isdigit((unsigned char) *p); p++)
	{
		if (v > (max - (*p - '0')) / 10)
			return 0;
		v = v * 10 + (*p - '0');
	}
	*millis = 0;
	*fraction = (*p == '.' || *p == ',');
	if (*fraction)
	{
		p++;
		if (!isdigit((unsigned char) *p))
			return 0;
		for (; isdigit((unsigned char) *p); p++, scale /= 10)
			*millis += (*p - '0') * scale;
	}
	if (negative)
	{
		v = -v;
		*millis = -*millis;
	}
	*value = v;
	*pp = p + (*p ? 1 : 0);
	return (char) toupper((unsigned char) *p);
}

static bool
parse_fields(const char *text, int64 max_time, int64 fields[SI_PERIOD_FIELDS], SiReason *why)
{
	const char *p = text;
	const char *units = date_units;
	int			base = SI_PERIOD_YEARS;
	int			next = 0;		/* index in units of the first unit still allowed */
	int			nfields = 0;
	int64		sign = 1;

	memset(fields, 0, sizeof(int64) * SI_PERIOD_FIELDS);
	if (*p == '-' || *p == '+')
		sign = (*p++ == '-') ? -1 : 1;
	if (*p != 'P' && *p != 'p')
		goto bad;
	p++;
	while (*p)
	{
		int64		value;
		int			millis;
		bool		fraction;
		char		unit;
		const char *found;

		if ((*p == 'T' || *p == 't') && units == date_units)
		{
			units = time_units;
			base = SI_PERIOD_HOURS;
			next = 0;
			p++;
			if (*p == '\0')
				goto bad;
			continue;
		}
		unit = read_field(&p, units == time_units ? max_time : PG_INT32_MAX, &value, &millis, &fraction);
		if (unit == 0 || (found = strchr(units + next, unit)) == NULL)
			goto bad;
		if (fraction && unit != 'S')
			goto bad;
		next = (int) (found - units) + 1;
		fields[base + (found - units)] = sign * value;
		if (fraction)
			fields[SI_PERIOD_MILLIS] = sign * millis;
		nfields++;
	}
	if (nfields > 0)
		return true;

bad:
	snprintf(why->text, sizeof(why->text), "\"%.*s\" is not an ISO 8601 period", si_period_shown(text), text);
	return false;
}

bool
si_period_parse(const char *text, int64 fields[SI_PERIOD_FIELDS], SiReason *why)
{
	return parse_fields(text, PG_INT32_MAX, fields, why);
}

bool
si_period_fixed_ms(const int64 fields[SI_PERIOD_FIELDS], int64 *ms)
{
	static const int64 length[SI_PERIOD_FIELDS] = {0, 0, SI_MS_PER_WEEK, SI_MS_PER_DAY,
	SI_MS_PER_HOUR, SI_MS_PER_MINUTE, SI_MS_PER_SECOND, 1};
	int64		sum = 0;

	for (int i = SI_PERIOD_WEEKS; i < SI_PERIOD_FIELDS; i++)
	{
		int64		part;

		if (pg_mul_s64_overflow(fields[i], length[i], &part) ||
			pg_add_s64_overflow(sum, part, &sum))
			return false;
	}
	*ms = sum;
	return true;
}

bool
si_period_to_ms(const char *text, int64 *ms, SiReason *why)
{
	int64		fields[SI_PERIOD_FIELDS];

	/* a length is printed in hours or seconds, however many those are */
	if (!parse_fields(text, PG_INT64_MAX, fields, why))
		return false;
	if (fields[SI_PERIOD_YEARS] != 0 || fields[SI_PERIOD_MONTHS] != 0)
	{
		snprintf(why->text, sizeof(why->text),
				 "\"%.*s\" has years or months, which have no fixed length", si_period_shown(text), text);
		return false;
	}
	if (!si_period_fixed_ms(fields, ms))
	{
		snprintf(why->text, sizeof(why->text), "\"%.*s\" is too long", si_period_shown(text), text);
		return false;
	}
	return true;
}

/* The seconds of a period with their fraction, as in "-5.250S". */
static void
append_seconds(char *buf, size_t size, bool negative, int64 seconds, int millis)
{
	size_t		len = strlen(buf);

	if (millis != 0)
		snprintf(buf + len, size - len, "%s" INT64_FORMAT ".%03dS", negative ? "-" : "", seconds, millis);
	else
		snprintf(buf + len, size - len, "%s" INT64_FORMAT "S", negative ? "-" : "", seconds);
}

void
si_period_print(int64 ms, char *buf, size_t size)
{
	int64		seconds = ms / SI_MS_PER_SECOND;
	int			millis = abs((int) (ms % SI_MS_PER_SECOND));
	int64		hours = seconds / 3600;
	int64		minutes = seconds / 60 % 60;

	seconds %= 60;
	strlcpy(buf, "PT", size);
	if (hours != 0)
		snprintf(buf + strlen(buf), size - strlen(buf), INT64_FORMAT "H", hours);
	if (minutes != 0)
		snprintf(buf + strlen(buf), size - strlen(buf), INT64_FORMAT "M", minutes);
	if (seconds != 0 || millis != 0 || (hours == 0 && minutes == 0))
		append_seconds(buf, size, seconds < 0 || (millis != 0 && ms < 0),
					   seconds < 0 ? -seconds : seconds, millis);
}

void
si_duration_print(int64 ms, char *buf, size_t size)
{
	int64		seconds = ms / SI_MS_PER_SECOND;

	strlcpy(buf, "PT", size);
	append_seconds(buf, size, ms < 0, seconds < 0 ? -seconds : seconds,
				   abs((int) (ms % SI_MS_PER_SECOND)));
}

void
si_time_print(int64 ms, char *buf, size_t size)
{
	int64		days = si_floor_div(ms, SI_MS_PER_DAY);
	int64		rest = ms - days * SI_MS_PER_DAY;
	int64		year;
	int			month,
				day;

	si_civil_from_days(days, &year, &month, &day);
	snprintf(buf, size, "%s%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ",
			 year < 0 ? "-" : "", (long long) (year < 0 ? -year : year), month, day,
			 (int) (rest / SI_MS_PER_HOUR), (int) (rest / SI_MS_PER_MINUTE % 60),
			 (int) (rest / SI_MS_PER_SECOND % 60), (int) (rest % SI_MS_PER_SECOND));
}
