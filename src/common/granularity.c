/*
 * granularity.c
 *		Druid's granularities: from a time to the bucket that holds it.
 *
 * Duties: the simple names, fixed durations, and periods in a time zone.
 * Everything that comes down to a fixed length or to months in UTC is done
 * without a zone; only the rest (SI_GRAN_PERIOD) asks ICU for offsets, once
 * per bucket as long as times cluster.  Pure; no locks.
 *
 * Periods follow Joda: units of a day and more move the local calendar and
 * keep the time of day, units below a day are elapsed time.  A period of
 * several units ("P1M2D") is a chain that begins at the origin.
 */
#include "common/port.h"

#include "common/granularity.h"
#include "common/int.h"
#include "common/period.h"
#include "common/zone.h"

/* Monday 1970-01-05, from which weeks are counted. */
#define FIRST_MONDAY	(4 * SI_MS_PER_DAY)

/* Times beyond that are not stored (half of what 64 bits hold). */
#define FARTHEST		(PG_INT64_MAX / 2)

/* A chain begins anew after that many buckets: bounds the work for far times. */
#define CHAIN_LENGTH	65536

static const struct
{
	const char *name;
	SiGranularityKind kind;
	int64		duration;		/* ms or months */
	const char *period;
}			simple_granularities[] =

{
	{"NONE", SI_GRAN_NONE, 0, NULL},
	{"ALL", SI_GRAN_ALL, 0, NULL},
	{"SECOND", SI_GRAN_DURATION, SI_MS_PER_SECOND, "PT1S"},
	{"MINUTE", SI_GRAN_DURATION, SI_MS_PER_MINUTE, "PT1M"},
	{"FIVE_MINUTE", SI_GRAN_DURATION, 5 * SI_MS_PER_MINUTE, "PT5M"},
	{"TEN_MINUTE", SI_GRAN_DURATION, 10 * SI_MS_PER_MINUTE, "PT10M"},
	{"FIFTEEN_MINUTE", SI_GRAN_DURATION, 15 * SI_MS_PER_MINUTE, "PT15M"},
	{"THIRTY_MINUTE", SI_GRAN_DURATION, 30 * SI_MS_PER_MINUTE, "PT30M"},
	{"HOUR", SI_GRAN_DURATION, SI_MS_PER_HOUR, "PT1H"},
	{"SIX_HOUR", SI_GRAN_DURATION, 6 * SI_MS_PER_HOUR, "PT6H"},
	{"EIGHT_HOUR", SI_GRAN_DURATION, 8 * SI_MS_PER_HOUR, "PT8H"},
	{"DAY", SI_GRAN_DURATION, SI_MS_PER_DAY, "P1D"},
	{"WEEK", SI_GRAN_DURATION, SI_MS_PER_WEEK, "P1W"},
	{"MONTH", SI_GRAN_MONTHS, 1, "P1M"},
	{"QUARTER", SI_GRAN_MONTHS, 3, "P3M"},
	{"YEAR", SI_GRAN_MONTHS, 12, "P1Y"},
};

static void
set_simple(SiGranularity *g, int i)
{
	memset(g, 0, sizeof(*g));
	g->kind = simple_granularities[i].kind;
	g->duration = simple_granularities[i].duration;
	if (g->duration == SI_MS_PER_WEEK)
		g->origin = FIRST_MONDAY;
	strlcpy(g->name, simple_granularities[i].name, sizeof(g->name));
	strlcpy(g->timezone, "UTC", sizeof(g->timezone));
}

bool
si_granularity_from_name(const char *name, SiGranularity *g)
{
	for (int i = 0; i < lengthof(simple_granularities); i++)
	{
		if (pg_strcasecmp(name, simple_granularities[i].name) == 0)
		{
			set_simple(g, i);
			return true;
		}
	}
	return false;
}

bool
si_granularity_from_duration(int64 duration, int64 origin, bool has_origin, SiGranularity *g)
{
	if (duration <= 0)
		return false;
	memset(g, 0, sizeof(*g));
	g->kind = SI_GRAN_DURATION;
	g->duration = duration;
	g->origin = has_origin ? origin : 0;
	g->has_origin = has_origin;
	si_period_print(duration, g->name, sizeof(g->name));
	strlcpy(g->timezone, "UTC", sizeof(g->timezone));
	return true;
}

/* Checks what all periods have in common; false with a reason. */
static bool
check_period(const char *period, const int64 *fields, SiReason *why)
{
	int64		sum = 0;
	int64		fixed;

	for (int i = 0; i < SI_PERIOD_FIELDS; i++)
	{
		if (fields[i] < 0)
			sum = PG_INT64_MIN / 2;
		else
			sum += fields[i];
	}
	if (sum <= 0 || !si_period_fixed_ms(fields, &fixed))
	{
		snprintf(why->text, sizeof(why->text),
				 "\"%.80s\" is not a period of positive length", period);
		return false;
	}
	return true;
}

bool
si_granularity_from_period(const char *period, const char *timezone,
						   int64 origin, bool has_origin,
						   SiGranularity *g, SiReason *why)
{
	int64		fields[SI_PERIOD_FIELDS];
	int64		fixed;
	int64		months;
	bool		utc;

	if (!si_period_parse(period, fields, why) || !check_period(period, fields, why))
		return false;
	if (timezone == NULL || timezone[0] == '\0')
		timezone = "UTC";
	if (strlen(timezone) >= sizeof(g->timezone) || si_zone_open(timezone) == NULL)
	{
		snprintf(why->text, sizeof(why->text), "\"%.*s\" is not a time zone", si_period_shown(timezone), timezone);
		return false;
	}
	if (strlen(period) >= sizeof(g->name))
	{
		snprintf(why->text, sizeof(why->text), "the period \"%.80s\" is too long", period);
		return false;
	}

	utc = si_zone_offset(si_zone_open(timezone), 0) == 0 &&
		(pg_strcasecmp(timezone, "UTC") == 0 || pg_strcasecmp(timezone, "Z") == 0 ||
		 strcmp(timezone, "Etc/UTC") == 0);
	if (utc && !has_origin)
	{
		for (int i = 0; i < lengthof(simple_granularities); i++)
		{
			if (simple_granularities[i].period &&
				pg_strcasecmp(simple_granularities[i].period, period) == 0)
			{
				set_simple(g, i);
				return true;
			}
		}
	}

	memset(g, 0, sizeof(*g));
	for (int i = 0; i < SI_PERIOD_FIELDS; i++)
		g->fields[i] = (int) fields[i];
	si_period_fixed_ms(fields, &fixed);
	months = fields[SI_PERIOD_YEARS] * 12 + fields[SI_PERIOD_MONTHS];
	g->kind = SI_GRAN_PERIOD;
	g->origin = has_origin ? origin : 0;
	g->has_origin = has_origin;
	g->cache_start = 1;			/* empty: no time lies in [1, 0) */
	if (utc && months == 0)
	{
		g->kind = SI_GRAN_DURATION;
		g->duration = fixed;
	}
	else if (utc && fixed == 0 && !has_origin)
	{
		g->kind = SI_GRAN_MONTHS;
		g->duration = months;
	}
	strlcpy(g->name, period, sizeof(g->name));
	strlcpy(g->timezone, timezone, sizeof(g->timezone));
	return true;
}

/* A local time moved by months; the day is at most the month's last. */
static int64
add_months(int64 local, int64 months)
{
	int64		days = si_floor_div(local, SI_MS_PER_DAY);
	int64		time = local - days * SI_MS_PER_DAY;
	int64		year;
	int64		index;
	int64		moved;
	int			month,
				day;

	si_civil_from_days(days, &year, &month, &day);
	index = year * 12 + month - 1 + months;
	year = si_floor_div(index, 12);
	month = (int) (index - year * 12) + 1;
	day = Min(day, si_days_in_month(year, month));
	if (pg_mul_s64_overflow(si_days_from_civil(year, month, day), SI_MS_PER_DAY, &moved))
		return year < 0 ? PG_INT64_MIN : PG_INT64_MAX;
	return si_add_saturated(moved, time);
}

/* Months since January of the year 0. */
static int64
month_index(int64 local)
{
	int64		year;
	int			month,
				day;

	si_civil_from_days(si_floor_div(local, SI_MS_PER_DAY), &year, &month, &day);
	return year * 12 + month - 1;
}

/* Start of the bucket of months, counted from January 1970, UTC. */
static int64
months_start(int64 n, int64 t)
{
	int64		index = month_index(t) - 1970 * 12;

	return add_months(0, si_floor_div(index, n) * n);
}

/* What is left of a after whole multiples of b > 0, never negative. */
static int64
floor_mod(int64 a, int64 b)
{
	int64		r = a % b;

	return r < 0 ? r + b : r;
}

/* Start of the bucket of a fixed length. */
static int64
duration_start(int64 duration, int64 origin, int64 t)
{
	int64		offset = floor_mod(t, duration) - floor_mod(origin, duration);

	if (offset < 0)
		offset += duration;
	return si_add_saturated(t, -offset);
}

/* The n-th boundary, in local time, of a period of whole days or months. */
static int64
date_boundary(int64 origin, int64 months, int64 length, int64 n)
{
	int64		distance;

	if (months > 0)
		return add_months(origin, n * months);
	if (pg_mul_s64_overflow(n, length, &distance))
		return n < 0 ? PG_INT64_MIN : PG_INT64_MAX;
	return si_add_saturated(origin, distance);
}

/* A period of one unit of a day or more: whole steps of the local calendar. */
static void
date_bucket(SiGranularity *g, SiZone *zone, int64 t, int64 *start, int64 *end)
{
	int64		local = si_add_saturated(t, si_zone_offset(zone, t));
	int64		months = (int64) g->fields[SI_PERIOD_YEARS] * 12 + g->fields[SI_PERIOD_MONTHS];
	int64		length = g->fields[SI_PERIOD_WEEKS] * SI_MS_PER_WEEK + g->fields[SI_PERIOD_DAYS] * SI_MS_PER_DAY;
	int64		origin = 0;
	int64		n;

	if (g->has_origin)
		origin = si_add_saturated(g->origin, si_zone_offset(zone, g->origin));
	else if (g->fields[SI_PERIOD_WEEKS] == 1)
		origin = FIRST_MONDAY;

	if (months > 0)
		n = si_floor_div(month_index(local) - month_index(origin), months);
	else
		n = si_floor_div(si_add_saturated(local, -origin), length);

	/*
	 * The day of the month and the hour that a zone repeats can put the
	 * estimate one bucket off.
	 */
	*start = si_zone_local_to_utc(zone, date_boundary(origin, months, length, n));
	while (t < *start)
		*start = si_zone_local_to_utc(zone, date_boundary(origin, months, length, --n));
	*end = si_zone_local_to_utc(zone, date_boundary(origin, months, length, n + 1));
	while (t >= *end)
	{
		*start = *end;
		*end = si_zone_local_to_utc(zone, date_boundary(origin, months, length, ++n + 1));
	}
}

/*
 * A period below a day: elapsed time from the origin.  Without an origin of
 * its own a period of hours begins, east of Greenwich, at full local hours
 * also where the zone has moved by a fraction of an hour since 1970
 * (Kathmandu); a period of one hour does so everywhere.
 */
static void
time_bucket(SiGranularity *g, SiZone *zone, int64 t, int64 length, int64 *start, int64 *end)
{
	int64		origin = g->origin;
	int64		hours = g->fields[SI_PERIOD_HOURS];

	if (!g->has_origin)
	{
		origin = si_zone_local_to_utc(zone, 0);
		if (hours * SI_MS_PER_HOUR == length && (origin < 0 || hours == 1))
			origin -= (si_zone_offset(zone, t) + origin) % SI_MS_PER_HOUR;
	}
	*start = duration_start(length, origin, t);
	*end = si_add_saturated(*start, length);
}

static int64
to_local(SiZone *zone, int64 t)
{
	return si_add_saturated(t, si_zone_offset(zone, t));
}

/* An instant moved by n times so many ms of local time. */
static int64
add_dates(SiZone *zone, int64 t, int64 n, int64 length)
{
	int64		distance;

	if (length == 0)
		return t;
	if (pg_mul_s64_overflow(n, length, &distance))
		return n < 0 ? PG_INT64_MIN : PG_INT64_MAX;
	return si_zone_local_to_utc(zone, si_add_saturated(to_local(zone, t), distance));
}

/*
 * An instant moved by the period n times, unit by unit: each unit of a day or
 * more moves the local calendar, so that a step may fall into an hour that a
 * zone skips and go on from the moved time, as in Joda.
 */
static int64
add_period(SiGranularity *g, SiZone *zone, int64 t, int64 n)
{
	int64		times = g->fields[SI_PERIOD_HOURS] * SI_MS_PER_HOUR +
		g->fields[SI_PERIOD_MINUTES] * SI_MS_PER_MINUTE +
		g->fields[SI_PERIOD_SECONDS] * SI_MS_PER_SECOND + g->fields[SI_PERIOD_MILLIS];
	int64		distance;

	if (g->fields[SI_PERIOD_YEARS] > 0)
		t = si_zone_local_to_utc(zone, add_months(to_local(zone, t), n * 12 * g->fields[SI_PERIOD_YEARS]));
	if (g->fields[SI_PERIOD_MONTHS] > 0)
		t = si_zone_local_to_utc(zone, add_months(to_local(zone, t), n * g->fields[SI_PERIOD_MONTHS]));
	t = add_dates(zone, t, n, g->fields[SI_PERIOD_WEEKS] * SI_MS_PER_WEEK);
	t = add_dates(zone, t, n, g->fields[SI_PERIOD_DAYS] * SI_MS_PER_DAY);
	if (pg_mul_s64_overflow(n, times, &distance))
		return n < 0 ? PG_INT64_MIN : PG_INT64_MAX;
	return si_add_saturated(t, distance);
}

/*
 * A period of several units with dates among them.  A chain of single steps
 * from the origin, as months differ in length; every CHAIN_LENGTH steps it
 * begins anew at a computed place.
 */
static void
chain_bucket(SiGranularity *g, SiZone *zone, int64 t, int64 *start, int64 *end)
{
	int64		origin = g->has_origin ? g->origin : si_zone_local_to_utc(zone, 0);
	int			dir = t >= origin ? 1 : -1;
	int64		longest = (g->fields[SI_PERIOD_YEARS] * INT64CONST(366) +
						   g->fields[SI_PERIOD_MONTHS] * INT64CONST(31)) * SI_MS_PER_DAY;
	int64		fixed[SI_PERIOD_FIELDS];
	int64		rest = 0;
	int64		anchor,
				next_anchor;
	int64		n;

	for (int i = 0; i < SI_PERIOD_FIELDS; i++)
		fixed[i] = g->fields[i];
	si_period_fixed_ms(fixed, &rest);
	longest = si_add_saturated(si_add_saturated(longest, rest), SI_MS_PER_DAY);

	/* The last anchor that is certainly not beyond t, then the last at all. */
	n = llabs(si_add_saturated(t / 2, -(origin / 2)) / longest) * 2 / CHAIN_LENGTH;
	anchor = add_period(g, zone, origin, dir * n * CHAIN_LENGTH);
	for (;;)
	{
		next_anchor = add_period(g, zone, origin, dir * (n + 1) * CHAIN_LENGTH);
		if (dir > 0 ? t < next_anchor : t >= next_anchor)
			break;
		if (next_anchor == PG_INT64_MIN || next_anchor == PG_INT64_MAX)
			break;
		anchor = next_anchor;
		n++;
	}

	*start = *end = anchor;
	if (dir > 0)
	{
		do
		{
			*start = *end;
			*end = Min(add_period(g, zone, *start, 1), next_anchor);
		} while (t >= *end && *end < next_anchor);
	}
	else
	{
		do
		{
			*end = *start;
			*start = Max(add_period(g, zone, *end, -1), next_anchor);
		} while (t < *start && *start > next_anchor);
	}
}

/* Fills the cache with the bucket of t. */
static void
period_bucket(SiGranularity *g, int64 t)
{
	SiZone	   *zone;
	int64		fields[SI_PERIOD_FIELDS];
	int64		length;
	int			units = 0;
	bool		dates = false;

	/* One bucket for all that no row can hold: zones and years end there. */
	if (t < -FARTHEST || t >= FARTHEST)
	{
		g->cache_start = t < 0 ? PG_INT64_MIN : FARTHEST;
		g->cache_end = t < 0 ? -FARTHEST : PG_INT64_MAX;
		return;
	}
	if (g->calendar == NULL)
		g->calendar = si_zone_open(g->timezone);
	zone = g->calendar;
	for (int i = 0; i < SI_PERIOD_FIELDS; i++)
	{
		fields[i] = g->fields[i];
		if (fields[i] > 0)
		{
			units++;
			dates = dates || i <= SI_PERIOD_DAYS;
		}
	}
	if (!dates)
	{
		si_period_fixed_ms(fields, &length);
		time_bucket(g, zone, t, length, &g->cache_start, &g->cache_end);
	}
	else if (units == 1)
		date_bucket(g, zone, t, &g->cache_start, &g->cache_end);
	else
		chain_bucket(g, zone, t, &g->cache_start, &g->cache_end);
}

int64
si_granularity_bucket_start(SiGranularity *g, int64 t)
{
	switch (g->kind)
	{
		case SI_GRAN_NONE:
			return t;
		case SI_GRAN_ALL:
			return PG_INT64_MIN;
		case SI_GRAN_DURATION:
			return duration_start(g->duration, g->origin, t);
		case SI_GRAN_MONTHS:
			return months_start(g->duration, t);
		case SI_GRAN_PERIOD:
			if (t < g->cache_start || t >= g->cache_end)
				period_bucket(g, t);
			return g->cache_start;
	}
	return t;
}

int64
si_granularity_bucket_end(SiGranularity *g, int64 start)
{
	switch (g->kind)
	{
		case SI_GRAN_NONE:
			return si_add_saturated(start, 1);
		case SI_GRAN_ALL:
			return PG_INT64_MAX;
		case SI_GRAN_DURATION:
			return si_add_saturated(start, g->duration);
		case SI_GRAN_MONTHS:
			return add_months(start, g->duration);
		case SI_GRAN_PERIOD:
			if (start < g->cache_start || start >= g->cache_end)
				period_bucket(g, start);
			return g->cache_end;
	}
	return start;
}

bool
si_granularity_nests(const SiGranularity *inner, const SiGranularity *outer)
{
	if (inner->kind == SI_GRAN_NONE || outer->kind == SI_GRAN_NONE || outer->kind == SI_GRAN_ALL)
		return true;
	/* what months begin at is a midnight, as is 1970 */
	if (inner->kind == SI_GRAN_DURATION && outer->kind == SI_GRAN_DURATION)
		return outer->duration % inner->duration == 0 && (outer->origin - inner->origin) % inner->duration == 0;
	if (inner->kind == SI_GRAN_DURATION && outer->kind == SI_GRAN_MONTHS)
		return SI_MS_PER_DAY % inner->duration == 0 && inner->origin % inner->duration == 0;
	if (inner->kind == SI_GRAN_MONTHS && outer->kind == SI_GRAN_MONTHS)
		return outer->duration % inner->duration == 0 && inner->origin == outer->origin;
	return false;
}
