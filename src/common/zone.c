/*
 * zone.c
 *		Civil dates and the offsets of time zones: see zone.h.
 *
 * Duties: date arithmetic without tables, and a list of the zones that this
 * process has opened.  Does not parse or print times.  No locks: one thread.
 */
#include "common/port.h"

#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "common/int.h"
#include "common/zone.h"

#define ZONE_NAME_LEN 64

struct SiZone
{
	char		name[ZONE_NAME_LEN];
	bool		utc;
	UCalendar  *calendar;		/* NULL for UTC and for a bare offset */
	/* offset of the last time asked for, and how far it holds: [from, to) */
	int64		from;
	int64		to;
	int64		offset;
	struct SiZone *next;
};

static SiZone *zones = NULL;

int64
si_add_saturated(int64 a, int64 b)
{
	int64		r;

	if (pg_add_s64_overflow(a, b, &r))
		return b > 0 ? PG_INT64_MAX : PG_INT64_MIN;
	return r;
}

/*
 * Counts in eras of 400 years that begin on 1 March, so that the leap day is
 * the last day of its year.
 */
int64
si_days_from_civil(int64 year, int month, int day)
{
	int64		y = month <= 2 ? year - 1 : year;
	int64		era = si_floor_div(y, 400);
	int64		year_of_era = y - era * 400;
	int64		day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

void
si_civil_from_days(int64 days, int64 *year, int *month, int *day)
{
	int64		z = days + 719468;
	int64		era = si_floor_div(z, 146097);
	int64		day_of_era = z - era * 146097;
	int64		year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64		day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int			shifted_month = (int) ((5 * day_of_year + 2) / 153);

	*day = (int) (day_of_year - (153 * shifted_month + 2) / 5) + 1;
	*month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
	*year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

int
si_days_in_month(int64 year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

/*
 * Opens ICU's calendar of a zone; NULL when ICU does not know the zone.
 * *has_rules is false for a zone that is a bare offset.
 */
static UCalendar *
open_calendar(const char *name, bool *has_rules)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		id[ZONE_NAME_LEN + 4];
	UChar		canonical[128];
	UBool		system = false;
	UCalendar  *calendar;
	char		prefixed[ZONE_NAME_LEN + 4];

	/* ICU writes a bare offset as GMT+05:30. */
	snprintf(prefixed, sizeof(prefixed), "%s%s",
			 (name[0] == '+' || name[0] == '-') ? "GMT" : "", name);
	for (const char *p = prefixed; *p; p++)
	{
		if (*p <= ' ' || *p > '~')
			return NULL;
	}
	u_uastrcpy(id, prefixed);
	ucal_getCanonicalTimeZoneID(id, -1, canonical, lengthof(canonical), &system, &status);
	if (U_FAILURE(status))
		return NULL;
	*has_rules = system;
	calendar = ucal_open(id, -1, "en_US", UCAL_GREGORIAN, &status);
	return U_FAILURE(status) ? NULL : calendar;
}

/* Asks ICU for the offset at t and for the transitions around it. */
static void
find_offset(SiZone *zone, int64 t)
{
	UErrorCode	status = U_ZERO_ERROR;
	UDate		transition;

	ucal_setMillis(zone->calendar, (UDate) t, &status);
	zone->offset = ucal_get(zone->calendar, UCAL_ZONE_OFFSET, &status);
	zone->offset += ucal_get(zone->calendar, UCAL_DST_OFFSET, &status);
	zone->from = PG_INT64_MIN;
	zone->to = PG_INT64_MAX;
	if (ucal_getTimeZoneTransitionDate(zone->calendar, UCAL_TZ_TRANSITION_PREVIOUS_INCLUSIVE, &transition, &status))
		zone->from = (int64) transition;
	if (ucal_getTimeZoneTransitionDate(zone->calendar, UCAL_TZ_TRANSITION_NEXT, &transition, &status))
		zone->to = (int64) transition;
	if (U_FAILURE(status))
	{
		zone->offset = 0;
		zone->from = t;
		zone->to = t + 1;
	}
}

SiZone *
si_zone_open(const char *name)
{
	SiZone	   *zone;
	bool		utc;
	bool		has_rules = true;
	UCalendar  *calendar = NULL;

	if (strlen(name) >= ZONE_NAME_LEN || name[0] == '\0')
		return NULL;
	for (zone = zones; zone != NULL; zone = zone->next)
	{
		if (strcmp(zone->name, name) == 0)
			return zone;
	}
	utc = pg_strcasecmp(name, "UTC") == 0 || pg_strcasecmp(name, "Z") == 0 ||
		strcmp(name, "Etc/UTC") == 0;
	if (!utc && (calendar = open_calendar(name, &has_rules)) == NULL)
		return NULL;

	/* malloc, as the list outlives every memory context */
	zone = malloc(sizeof(SiZone));
	if (zone == NULL)
	{
		if (calendar)
			ucal_close(calendar);
		return NULL;
	}
	strlcpy(zone->name, name, sizeof(zone->name));
	zone->utc = utc;
	zone->calendar = calendar;
	zone->from = 1;				/* holds nowhere */
	zone->to = 0;
	/* there are few zones with rules, but any number of ways to write an offset */
	if (!has_rules)
	{
		find_offset(zone, 0);
		ucal_close(zone->calendar);
		zone->calendar = NULL;
		zone->from = PG_INT64_MIN;
		zone->to = PG_INT64_MAX;
	}
	zone->next = zones;
	zones = zone;
	return zone;
}

const char *
si_zone_name(const SiZone *zone)
{
	return zone->name;
}

int64
si_zone_offset(SiZone *zone, int64 t)
{
	if (zone->utc)
		return 0;
	/* Beyond this no zone has rules of its own, and ICU's years end. */
	t = Max(Min(t, INT64CONST(183000000000000)), INT64CONST(-183000000000000));
	if (t < zone->from || t >= zone->to)
		find_offset(zone, t);
	return zone->offset;
}

int64
si_zone_local_to_utc(SiZone *zone, int64 local)
{
	int64		before,
				after;

	if (zone->utc)
		return local;

	/* No zone changes twice within two days. */
	before = si_zone_offset(zone, si_add_saturated(local, -SI_MS_PER_DAY));
	after = si_zone_offset(zone, si_add_saturated(local, SI_MS_PER_DAY));
	if (before != after &&
		si_zone_offset(zone, si_add_saturated(local, -before)) != before &&
		si_zone_offset(zone, si_add_saturated(local, -after)) == after)
		return si_add_saturated(local, -after);
	return si_add_saturated(local, -before);
}
