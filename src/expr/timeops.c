/*
 * timeops.c
 *		What expressions and SQL functions do with times (timeops.h).
 */
#include "common/port.h"

#include "expr/timeops.h"
#include "expr/timeprint.h"
#include "format/reason.h"
#include "format/timestamp.h"

/* Longest text that is read as a time. */
#define MAX_TIME	1024

static const char *const unit_names[SI_N_TIME_UNITS] = {
	"EPOCH", "MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "DOW", "ISODOW", "DOY", "WEEK",
	"MONTH", "QUARTER", "YEAR", "ISOYEAR", "DECADE", "CENTURY", "MILLENNIUM"
};


/* Calendar fields move the local date, the others the instant. */
bool
si_time_shift(const int64 *fields, SiZone *zone, int64 t, int64 step, int64 *result)
{
	static const int64 units[] = {[SI_PERIOD_HOURS] = SI_MS_PER_HOUR, [SI_PERIOD_MINUTES] = SI_MS_PER_MINUTE,
	[SI_PERIOD_SECONDS] = SI_MS_PER_SECOND, [SI_PERIOD_MILLIS] = 1};
	__int128	months = ((__int128) fields[SI_PERIOD_YEARS] * 12 + fields[SI_PERIOD_MONTHS]) * step;
	__int128	days = ((__int128) fields[SI_PERIOD_WEEKS] * 7 + fields[SI_PERIOD_DAYS]) * step;
	__int128	ms;
	SiCivil		c;

	si_civil_of(t, zone, &c);
	if (months > 4000000000 || months < -4000000000 || days > 200000000000 || days < -200000000000)
		return false;
	if (months != 0)
	{
		int64		total = c.year * 12 + c.month - 1 + (int64) months;
		int64		year = si_floor_div(total, 12);
		int			month = (int) (total - year * 12) + 1;

		c.days = si_days_from_civil(year, month, Min(c.day, si_days_in_month(year, month)));
	}
	c.days += (int64) days;
	ms = (__int128) c.days * SI_MS_PER_DAY + c.ms_of_day;
	if (ms > PG_INT64_MAX / 2 || ms < PG_INT64_MIN / 2)
		return false;
	if (months == 0 && days == 0)
		ms = t;
	else if (zone != NULL)
		ms = si_zone_local_to_utc(zone, (int64) ms);
	for (int i = SI_PERIOD_HOURS; i <= SI_PERIOD_MILLIS; i++)
		ms += (__int128) fields[i] * units[i] * step;
	if (ms > PG_INT64_MAX || ms < PG_INT64_MIN)
		return false;
	*result = (int64) ms;
	return true;
}

/* ----------------------------------------------------------------- extract */

bool
si_time_unit_find(const char *name, SiTimeUnit *unit, SiReason *why)
{
	for (int i = 0; i < SI_N_TIME_UNITS; i++)
		if (pg_strcasecmp(name, unit_names[i]) == 0)
		{
			*unit = i;
			return true;
		}
	return si_format_reason(why, "there is no unit \"%.*s\"; take EPOCH, SECOND, MINUTE, HOUR, DAY, DOW, DOY, WEEK, MONTH, QUARTER or YEAR",
							si_format_clip(name, strlen(name)), name);
}

int64
si_time_extract(SiTimeUnit unit, SiZone *zone, int64 t)
{
	SiCivil		c;

	si_civil_of(t, zone, &c);
	switch (unit)
	{
		case SI_UNIT_EPOCH:
			/* Java's division cuts towards zero */
			return t / 1000;
		case SI_UNIT_MICROSECOND:
			return (int64) (c.ms_of_day % 60000) * 1000;
		case SI_UNIT_MILLISECOND:
			return c.ms_of_day % 1000;
		case SI_UNIT_SECOND:
			return c.ms_of_day / 1000 % 60;
		case SI_UNIT_MINUTE:
			return c.ms_of_day / SI_MS_PER_MINUTE % 60;
		case SI_UNIT_HOUR:
			return c.ms_of_day / SI_MS_PER_HOUR;
		case SI_UNIT_DAY:
			return c.day;
		case SI_UNIT_DOW:
		case SI_UNIT_ISODOW:
			return (c.days % 7 + 10) % 7 + 1;
		case SI_UNIT_DOY:
			return c.days - si_days_from_civil(c.year, 1, 1) + 1;
		case SI_UNIT_WEEK:
			{
				/* the week belongs to the year of its Thursday */
				int64		thursday = c.days - (c.days % 7 + 10) % 7 + 3;
				int64		year;
				int			month,
							day;

				si_civil_from_days(thursday, &year, &month, &day);
				return (thursday - si_days_from_civil(year, 1, 1)) / 7 + 1;
			}
		case SI_UNIT_MONTH:
			return c.month;
		case SI_UNIT_QUARTER:
			return (c.month - 1) / 3 + 1;
		case SI_UNIT_YEAR:
		case SI_UNIT_ISOYEAR:		/* to Druid they are the same */
			return c.year;
		case SI_UNIT_DECADE:
			return c.year / 10;
		case SI_UNIT_CENTURY:
			return (c.year + 99) / 100;
		default:
			return (c.year + 999) / 1000;
	}
}

/* -------------------------------------------------------------------- read */

/* Whether a pattern has an offset or a zone outside of quotes. */
static bool
pattern_has_zone(const char *pattern)
{
	bool		quoted = false;

	for (; *pattern != '\0'; pattern++)
	{
		if (*pattern == '\'')
			quoted = !quoted;
		else if (!quoted && (*pattern == 'Z' || *pattern == 'z'))
			return true;
	}
	return false;
}

bool
si_time_reader_init(SiTimeReader *p, const char *pattern, SiZone *zone, SiReason *why)
{
	memset(p, 0, sizeof(*p));
	p->zone = zone;
	if (pattern == NULL)
		return true;
	p->has_zone = pattern_has_zone(pattern);
	p->joda = si_joda_create(pattern, why);
	return p->joda != NULL;
}

/* A time of day with "Z" or an offset behind it. */
static bool
text_has_zone(const char *s)
{
	const char *t = strpbrk(s, "Tt");

	return t != NULL && strpbrk(t, "Zz+-") != NULL;
}

bool
si_time_read(const SiTimeReader *p, const char *s, uint32 len, int64 *ms)
{
	char		copy[MAX_TIME + 1];
	SiReason	ignored;
	bool		has_zone = p->has_zone;

	if (p->joda != NULL)
	{
		if (!si_joda_parse(p->joda, s, s + len, ms))
			return false;
	}
	else
	{
		if (len == 0 || len > MAX_TIME || memchr(s, '\0', len) != NULL)
			return false;
		memcpy(copy, s, len);
		copy[len] = '\0';
		/* SQL writes a blank where ISO 8601 has a T */
		if (len > 11 && copy[10] == ' ')
			copy[10] = 'T';
		if (!si_timestamp_parse_iso(copy, ms, &ignored))
			return false;
		has_zone = text_has_zone(copy);
	}
	if (p->zone != NULL && !has_zone)
		*ms = si_zone_local_to_utc(p->zone, *ms);
	return true;
}

/* A year has at most nine digits; what has more is no time here. */
bool
si_time_is_number(const char *s, uint32 len)
{
	for (uint32 i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return len > 9;
}

/* ---------------------------------------------------------------- interval */

/* The text of one end of an interval. */
static bool
read_end(const char *s, size_t len, int64 *ms, SiReason *why)
{
	SiTimeReader iso = {0};

	if (len == 0 || len > MAX_TIME || !si_time_read(&iso, s, len, ms))
		return si_format_reason(why, "\"%.*s\" is not a time", si_format_clip(s, len), s);
	return true;
}

/* The other end, a period away. */
static bool
read_period(const char *s, size_t len, int64 from, int sign, int64 *ms, SiReason *why)
{
	int64		fields[SI_PERIOD_FIELDS];
	char		period[MAX_TIME + 1];

	if (len > MAX_TIME)
		return si_format_reason(why, "the period is too long");
	memcpy(period, s, len);
	period[len] = '\0';
	if (!si_period_parse(period, fields, why))
		return false;
	return si_time_shift(fields, NULL, from, sign, ms) || si_format_reason(why, "its end is out of range");
}

bool
si_time_interval(const char *text, int64 *start, int64 *end, SiReason *why)
{
	const char *slash = strchr(text, '/');
	const char *second;
	size_t		first_len;

	if (slash == NULL)
		return si_format_reason(why, "there is no \"/\"");
	second = slash + 1;
	first_len = slash - text;
	if (text[0] == 'P' || text[0] == 'p')
	{
		if (!read_end(second, strlen(second), end, why) || !read_period(text, first_len, *end, -1, start, why))
			return false;
	}
	else if (!read_end(text, first_len, start, why))
		return false;
	else if (second[0] == 'P' || second[0] == 'p')
	{
		if (!read_period(second, strlen(second), *start, 1, end, why))
			return false;
	}
	else if (!read_end(second, strlen(second), end, why))
		return false;
	return *start <= *end || si_format_reason(why, "it ends before it begins");
}
