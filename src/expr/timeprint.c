/*
 * timeprint.c
 *		Printing times by a Joda-Time pattern: see timeprint.h.
 */
#include "common/port.h"

#include "expr/timeprint.h"
#include "format/datescan.h"
#include "format/reason.h"

static const char *const months[] = {
	"January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
	"November", "December"
};
static const char *const weekdays[] = {
	"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"
};

void
si_civil_of(int64 ms, SiZone *zone, SiCivil *c)
{
	int64		local;

	c->offset = zone != NULL ? si_zone_offset(zone, ms) : 0;
	local = si_add_saturated(ms, c->offset);
	c->days = si_floor_div(local, SI_MS_PER_DAY);
	c->ms_of_day = (int) (local - c->days * SI_MS_PER_DAY);
	si_civil_from_days(c->days, &c->year, &c->month, &c->day);
}

typedef struct Output
{
	char	   *p;
	char	   *end;
	bool		full;
} Output;

static void
put(Output *o, const char *s, size_t len)
{
	if (o->full || len > (size_t) (o->end - o->p))
	{
		o->full = true;
		return;
	}
	memcpy(o->p, s, len);
	o->p += len;
}

/* At least width digits. */
static void
put_number(Output *o, int64 n, int width)
{
	char		text[80];
	int			len;

	width = Min(width, 50);
	len = snprintf(text, sizeof(text), "%s%0*lld", n < 0 ? "-" : "", width, (long long) (n < 0 ? -n : n));
	put(o, text, len);
}

static void
put_name(Output *o, const char *name, int count)
{
	put(o, name, count >= 4 ? strlen(name) : Min(3, strlen(name)));
}

/* Two digits of a year, or all. */
static void
put_year(Output *o, int64 year, int count)
{
	if (count == 2)
		put_number(o, ((year % 100) + 100) % 100, 2);
	else
		put_number(o, year, count);
}

static void
put_fraction(Output *o, int ms, int count)
{
	char		digits[8];

	snprintf(digits, sizeof(digits), "%03d", ms % 1000);
	put(o, digits, Min(count, 3));
	for (int i = 3; i < count; i++)
		put(o, "0", 1);
}

static void
put_offset(Output *o, int64 offset, bool colon)
{
	int			minutes = (int) ((offset < 0 ? -offset : offset) / SI_MS_PER_MINUTE);
	char		text[32];

	snprintf(text, sizeof(text), "%c%02d%s%02d", offset < 0 ? '-' : '+', minutes / 60, colon ? ":" : "", minutes % 60);
	put(o, text, strlen(text));
}

static void
put_zone(Output *o, const SiZone *zone)
{
	const char *name = zone != NULL ? si_zone_name(zone) : "UTC";

	put(o, name, strlen(name));
}

static void
put_field(Output *o, char letter, int count, const SiCivil *c)
{
	int			hour = c->ms_of_day / (int) SI_MS_PER_HOUR;
	int			weekday = si_weekday_of_day(c->days);
	int64		weekyear = si_weekyear_of_day(c->days);

	switch (letter)
	{
		case 'G':
			put(o, c->year > 0 ? "AD" : "BC", 2);
			break;
		case 'C':
			put_number(o, (c->year > 0 ? c->year : 1 - c->year) / 100, count);
			break;
		case 'y':
			put_year(o, c->year, count);
			break;
		case 'Y':
			put_year(o, c->year > 0 ? c->year : 1 - c->year, count);
			break;
		case 'x':
			put_year(o, weekyear, count);
			break;
		case 'w':
			put_number(o, (c->days - si_first_day_of_weekyear(weekyear)) / 7 + 1, count);
			break;
		case 'e':
			put_number(o, weekday, count);
			break;
		case 'E':
			put_name(o, weekdays[weekday - 1], count);
			break;
		case 'D':
			put_number(o, c->days - si_days_from_civil(c->year, 1, 1) + 1, count);
			break;
		case 'M':
			if (count >= 3)
				put_name(o, months[c->month - 1], count);
			else
				put_number(o, c->month, count);
			break;
		case 'd':
			put_number(o, c->day, count);
			break;
		case 'a':
			put(o, hour < 12 ? "AM" : "PM", 2);
			break;
		case 'K':
			put_number(o, hour % 12, count);
			break;
		case 'h':
			put_number(o, (hour + 11) % 12 + 1, count);
			break;
		case 'H':
			put_number(o, hour, count);
			break;
		case 'k':
			put_number(o, (hour + 23) % 24 + 1, count);
			break;
		case 'm':
			put_number(o, c->ms_of_day / SI_MS_PER_MINUTE % 60, count);
			break;
		case 's':
			put_number(o, c->ms_of_day / 1000 % 60, count);
			break;
		case 'S':
			put_fraction(o, c->ms_of_day, count);
			break;
		case 'Z':
			put_offset(o, c->offset, count > 1);
			break;
	}
}

bool
si_time_pattern_check(const char *pattern, SiReason *why)
{
	bool		quoted = false;

	for (const char *p = pattern; *p != '\0'; p++)
	{
		if (*p == '\'')
			quoted = !quoted;
		else if (!quoted && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')) &&
				 strchr("GCyYxweEDMdaKhHkmsSZ", *p) == NULL)
			return si_format_reason(why, "the pattern letter \"%c\" cannot be printed", *p);
	}
	return true;
}

int
si_time_pattern_print(const char *pattern, int64 ms, SiZone *zone, char *out, size_t cap)
{
	Output		o = {out, out + cap, false};
	SiCivil		c;

	si_civil_of(ms, zone, &c);
	for (const char *p = pattern; *p != '\0';)
	{
		const char *start = p;

		if (*p == '\'')
		{
			/* two quotes are one, inside of a text as well */
			if (p[1] == '\'')
			{
				put(&o, "'", 1);
				p += 2;
				continue;
			}
			for (p++; *p != '\0' && (*p != '\'' || p[1] == '\''); p++)
			{
				put(&o, p, 1);
				p += *p == '\'';
			}
			p += *p == '\'';
			continue;
		}
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')))
		{
			put(&o, p++, 1);
			continue;
		}
		while (*p == *start)
			p++;
		if (*start == 'Z' && p - start >= 3)
			put_zone(&o, zone);
		else
			put_field(&o, *start, (int) (p - start), &c);
	}
	return o.full ? -1 : (int) (o.p - out);
}
