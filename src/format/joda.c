/*
 * joda.c
 *		Date patterns: a pattern is compiled to a list of items, a text is read
 *		item by item into fields, and the fields give an instant.
 *
 * The work is done here rather than by ICU's date formats because what a text
 * means is pinned by Joda-Time: how many digits a number may have, which of
 * two contradicting fields wins, that a month without a year is in 2000, that
 * two digits of a year turn at the current year minus 30.  The rules of time
 * zones come from common/zone.
 *
 * Not supported, and refused when the pattern is compiled, is what Joda itself
 * can print but not read: zone names in full (zzzz).
 */
#include "common/port.h"

#include <ctype.h>
#include <time.h>
#include <unicode/ucal.h>

#include "format/datescan.h"
#include "format/joda.h"
#include "format/reason.h"

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
	JODA_FRACTION,
	JODA_N_FIELDS
} JodaField;

typedef enum JodaKind
{
	JODA_LITERAL,
	JODA_NUMBER,
	JODA_TWO_DIGIT_YEAR,
	JODA_DECIMALS,
	JODA_NAME,
	JODA_OFFSET,
	JODA_ZONE_NAME,
	JODA_ZONE_ID
} JodaKind;

typedef struct JodaItem
{
	JodaKind	kind;
	JodaField	field;
	int			max_digits;
	bool		is_signed;
	bool		lenient;		/* two-digit year: other lengths are taken literally */
	const char *literal;		/* in the pattern's own copy, quotes resolved */
	int			literal_len;
} JodaItem;

struct SiJoda
{
	int			nitems;
	JodaItem   *items;
	char	   *literals;
	int			pivot;			/* first year that two digits can mean */
};

typedef struct JodaValues
{
	bool		has[JODA_N_FIELDS];
	int64		value[JODA_N_FIELDS];
	bool		has_offset;
	int64		offset;
	char		zone[64];		/* empty: none */
} JodaValues;

static const char *const months[] = {
	"January", "February", "March", "April", "May", "June", "July",
	"August", "September", "October", "November", "December", NULL
};
static const char *const weekdays[] = {
	"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", NULL
};
static const char *const halfdays[] = {"AM", "PM", NULL};
static const char *const eras[] = {"BC", "AD", NULL};
static const char *const eras_common[] = {"BCE", "CE", NULL};

/* The abbreviations that Joda reads, and the zones it takes them for. */
static const struct
{
	const char *name;
	const char *id;
}			zone_names[] = {
	{"UTC", "UTC"}, {"GMT", "UTC"}, {"UT", "UTC"},
	{"EST", "America/New_York"}, {"EDT", "America/New_York"},
	{"CST", "America/Chicago"}, {"CDT", "America/Chicago"},
	{"MST", "America/Denver"}, {"MDT", "America/Denver"},
	{"PST", "America/Los_Angeles"}, {"PDT", "America/Los_Angeles"},
};

/*
 * Time zones
 */

bool
si_zone_is_known(const char *name, size_t len)
{
	UChar		id[64];
	UChar		canonical[64];
	UBool		is_system = false;
	UErrorCode	status = U_ZERO_ERROR;
	size_t		i;

	if (len == 0 || len >= lengthof(id))
		return false;
	for (i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) name[i];

		if (!(c < 0x80 && (isalnum(c) || strchr("/_+-", c) != NULL)) || c == '\0')
			return false;
		id[i] = c;
	}
	ucal_getCanonicalTimeZoneID(id, (int32_t) len, canonical, lengthof(canonical), &is_system, &status);
	return U_SUCCESS(status) && is_system;
}

/* A local time that the clocks jumped over has no instant. */
static bool
local_to_utc(const char *id, int64 local, int64 *utc)
{
	SiZone	   *zone = si_zone_open(id);
	int64		offset;

	if (zone == NULL)
		return false;
	offset = si_zone_offset(zone, local - si_zone_offset(zone, local));
	*utc = local - offset;
	return si_zone_offset(zone, *utc) == offset;
}

/*
 * Compiling a pattern
 */

static bool
is_pattern_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Is the token that starts here a number when it is read? */
static bool
numeric_token_follows(const char *p)
{
	int			n = 1;

	if (!is_pattern_letter(*p))
		return false;
	while (p[n] == *p)
		n++;
	if (*p == 'M')
		return n <= 2;
	return strchr("CxyYdhHmsSeDwkK", *p) != NULL;
}

static void
set_number(JodaItem *item, JodaField field, int max_digits, int token_len)
{
	item->kind = JODA_NUMBER;
	item->field = field;
	item->max_digits = Max(max_digits, token_len);
}

static void
set_name(JodaItem *item, JodaField field)
{
	item->kind = JODA_NAME;
	item->field = field;
}

static void
set_year(JodaItem *item, JodaField field, int token_len, bool number_follows)
{
	if (token_len == 2)
	{
		item->kind = JODA_TWO_DIGIT_YEAR;
		item->field = (field == JODA_WEEKYEAR) ? JODA_WEEKYEAR : JODA_YEAR;
		item->lenient = !number_follows;
		return;
	}
	set_number(item, field, number_follows ? token_len : 9, token_len);
	item->is_signed = (field != JODA_YEAR_OF_ERA);
}

/* One run of the same letter. */
static bool
compile_letters(JodaItem *item, char letter, int len, bool number_follows)
{
	switch (letter)
	{
		case 'G':
			set_name(item, JODA_ERA);
			return true;
		case 'C':
			set_number(item, JODA_CENTURY, len, len);
			item->is_signed = true;
			return true;
		case 'x':
			set_year(item, JODA_WEEKYEAR, len, number_follows);
			return true;
		case 'y':
			set_year(item, JODA_YEAR, len, number_follows);
			return true;
		case 'Y':
			set_year(item, JODA_YEAR_OF_ERA, len, number_follows);
			return true;
		case 'M':
			if (len >= 3)
				set_name(item, JODA_MONTH);
			else
				set_number(item, JODA_MONTH, 2, len);
			return true;
		case 'd':
			set_number(item, JODA_DAY, 2, len);
			return true;
		case 'a':
			set_name(item, JODA_HALFDAY);
			return true;
		case 'h':
			set_number(item, JODA_HALF_CLOCKHOUR, 2, len);
			return true;
		case 'H':
			set_number(item, JODA_HOUR, 2, len);
			return true;
		case 'k':
			set_number(item, JODA_CLOCKHOUR, 2, len);
			return true;
		case 'K':
			set_number(item, JODA_HALF_HOUR, 2, len);
			return true;
		case 'm':
			set_number(item, JODA_MINUTE, 2, len);
			return true;
		case 's':
			set_number(item, JODA_SECOND, 2, len);
			return true;
		case 'S':
			item->kind = JODA_DECIMALS;
			item->field = JODA_FRACTION;
			item->max_digits = len;
			return true;
		case 'e':
			set_number(item, JODA_WEEKDAY, 1, len);
			return true;
		case 'E':
			set_name(item, JODA_WEEKDAY);
			return true;
		case 'D':
			set_number(item, JODA_DAY_OF_YEAR, 3, len);
			return true;
		case 'w':
			set_number(item, JODA_WEEK, 2, len);
			return true;
		case 'z':
			item->kind = JODA_ZONE_NAME;
			return len < 4;
		case 'Z':
			item->kind = (len >= 3) ? JODA_ZONE_ID : JODA_OFFSET;
			return true;
		default:
			return false;
	}
}

/* Text up to the next letter outside of quotes; '' is one quote. */
static const char *
compile_literal(const char *p, JodaItem *item, char *out)
{
	bool		quoted = false;

	item->kind = JODA_LITERAL;
	item->literal = out;
	for (; *p != '\0' && (quoted || !is_pattern_letter(*p)); p++)
	{
		if (*p != '\'')
			*out++ = *p;
		else if (p[1] == '\'')
			*out++ = *p++;
		else
			quoted = !quoted;
	}
	item->literal_len = (int) (out - item->literal);
	return p;
}

static int
current_year(void)
{
	return (int) si_year_of_day((int64) time(NULL) / 86400);
}

SiJoda *
si_joda_create(const char *pattern, SiReason *why)
{
	SiJoda	   *joda;
	char	   *out;
	const char *p = pattern;

	if (*pattern == '\0')
	{
		si_format_reason(why, "invalid timestamp format: the pattern is empty");
		return NULL;
	}
	joda = palloc0(sizeof(SiJoda));
	joda->items = palloc0(sizeof(JodaItem) * strlen(pattern));
	joda->literals = out = palloc(strlen(pattern) + 1);
	joda->pivot = current_year() - 30 - 50;

	while (*p != '\0')
	{
		JodaItem   *item = &joda->items[joda->nitems++];
		const char *start = p;

		if (!is_pattern_letter(*p))
		{
			p = compile_literal(p, item, out);
			out += item->literal_len;
			continue;
		}
		while (*p == *start)
			p++;
		if (!compile_letters(item, *start, (int) (p - start), numeric_token_follows(p)))
		{
			si_format_reason(why, "invalid timestamp format \"%s\": illegal pattern component: %.*s",
							 pattern, (int) (p - start), start);
			si_joda_free(joda);
			return NULL;
		}
	}
	return joda;
}

void
si_joda_free(SiJoda *joda)
{
	pfree(joda->literals);
	pfree(joda->items);
	pfree(joda);
}

/*
 * Reading a text
 */

static const char *
read_literal(const JodaItem *item, const char *p, const char *end)
{
	if (end - p < item->literal_len ||
		pg_strncasecmp(p, item->literal, item->literal_len) != 0)
		return NULL;
	return p + item->literal_len;
}

/* Joda's pivot rule; a lenient item takes other than two digits as they are. */
static const char *
read_two_digit_year(const SiJoda *joda, const JodaItem *item, const char *p, const char *end, int64 *year)
{
	const char *next;
	int			value;

	next = si_scan_number(p, end, item->lenient ? 9 : 2, item->lenient, &value);
	if (next == NULL || (!item->lenient && next - p != 2))
		return NULL;
	if (next - p == 2 && *p >= '0' && *p <= '9')
	{
		int			turn = joda->pivot % 100;

		value += joda->pivot - turn + (value < turn ? 100 : 0);
	}
	*year = value;
	return next;
}

/* The longest of the names, in full or its first three letters. */
static const char *
read_name(const char *const *names, bool short_forms, const char *p, const char *end, int64 *value)
{
	int			best = 0;
	int			i;

	for (i = 0; names[i] != NULL; i++)
	{
		int			len = (int) strlen(names[i]);
		int			try = 0;

		if (end - p >= len && pg_strncasecmp(p, names[i], len) == 0)
			try = len;
		else if (short_forms && end - p >= 3 && pg_strncasecmp(p, names[i], 3) == 0)
			try = 3;
		if (try > best)
		{
			best = try;
			*value = i;
		}
	}
	return best > 0 ? p + best : NULL;
}

static const char *
read_name_field(const JodaItem *item, const char *p, const char *end, JodaValues *values)
{
	int64		value = 0;
	const char *next;

	switch (item->field)
	{
		case JODA_MONTH:
			next = read_name(months, true, p, end, &value);
			value++;
			break;
		case JODA_WEEKDAY:
			next = read_name(weekdays, true, p, end, &value);
			value++;
			break;
		case JODA_HALFDAY:
			next = read_name(halfdays, false, p, end, &value);
			break;
		default:
			next = read_name(eras_common, false, p, end, &value);
			if (next == NULL)
				next = read_name(eras, false, p, end, &value);
			break;
	}
	values->has[item->field] = true;
	values->value[item->field] = value;
	return next;
}

static const char *
read_zone_name(const char *p, const char *end, JodaValues *values)
{
	int			i;

	for (i = 0; i < lengthof(zone_names); i++)
	{
		int			len = (int) strlen(zone_names[i].name);

		if (end - p >= len && memcmp(p, zone_names[i].name, len) == 0)
		{
			strlcpy(values->zone, zone_names[i].id, sizeof(values->zone));
			return p + len;
		}
	}
	return NULL;
}

/* The longest text that is the id of a zone. */
static const char *
read_zone_id(const char *p, const char *end, JodaValues *values)
{
	size_t		len = Min((size_t) (end - p), sizeof(values->zone) - 1);

	for (; len > 0; len--)
	{
		if (!si_zone_is_known(p, len))
			continue;
		memcpy(values->zone, p, len);
		values->zone[len] = '\0';
		return p + len;
	}
	return NULL;
}

static const char *
read_item(const SiJoda *joda, const JodaItem *item, const char *p, const char *end, JodaValues *values)
{
	int			number;

	switch (item->kind)
	{
		case JODA_LITERAL:
			return read_literal(item, p, end);
		case JODA_NUMBER:
			p = si_scan_number(p, end, item->max_digits, item->is_signed, &number);
			if (p != NULL)
			{
				values->has[item->field] = true;
				values->value[item->field] = number;
			}
			return p;
		case JODA_TWO_DIGIT_YEAR:
			values->has[item->field] = true;
			return read_two_digit_year(joda, item, p, end, &values->value[item->field]);
		case JODA_DECIMALS:
			values->has[item->field] = true;
			return si_scan_fraction(p, end, item->max_digits, SI_MS_PER_SECOND, &values->value[item->field]);
		case JODA_NAME:
			return read_name_field(item, p, end, values);
		case JODA_OFFSET:
			values->has_offset = true;
			return si_scan_offset(p, end, &values->offset);
		case JODA_ZONE_NAME:
			return read_zone_name(p, end, values);
		case JODA_ZONE_ID:
			return read_zone_id(p, end, values);
	}
	return NULL;
}

/*
 * From fields to an instant.  Fields are applied from the largest to the
 * smallest, so that where two contradict the smaller one wins.
 */

static bool
year_of_values(const JodaValues *v, int64 *year)
{
	bool		any = v->has[JODA_YEAR] || v->has[JODA_YEAR_OF_ERA] || v->has[JODA_CENTURY];
	bool		small = v->has[JODA_MONTH] || v->has[JODA_WEEK] || v->has[JODA_DAY_OF_YEAR] ||
		v->has[JODA_DAY] || v->has[JODA_WEEKDAY];

	*year = (!any && !v->has[JODA_ERA] && !v->has[JODA_WEEKYEAR] && small) ? 2000 : 1970;
	if (v->has[JODA_YEAR])
		*year = v->value[JODA_YEAR];
	if (v->has[JODA_CENTURY])
		*year = v->value[JODA_CENTURY] * 100 + (v->has[JODA_YEAR] ? *year % 100 : 0);
	if (v->has[JODA_YEAR_OF_ERA])
	{
		*year = v->value[JODA_YEAR_OF_ERA];
		if (*year < 1)
			return false;
	}
	if (v->has[JODA_ERA] && v->value[JODA_ERA] == 0 && *year > 0)
		*year = 1 - *year;
	return *year >= SI_YEAR_MIN && *year <= SI_YEAR_MAX;
}

static bool
in_range(int64 value, int64 min, int64 max)
{
	return value >= min && value <= max;
}

static bool
day_of_values(const JodaValues *v, int64 *day)
{
	const int64 *value = v->value;
	int64		year;

	if (!year_of_values(v, &year))
		return false;
	*day = si_days_from_civil(year, 1, 1);
	if (v->has[JODA_WEEKYEAR])
	{
		if (!in_range(value[JODA_WEEKYEAR], SI_YEAR_MIN, SI_YEAR_MAX))
			return false;
		*day = si_first_day_of_weekyear(value[JODA_WEEKYEAR]);
	}
	if (v->has[JODA_MONTH])
	{
		if (!in_range(value[JODA_MONTH], 1, 12))
			return false;
		*day = si_days_from_civil(si_year_of_day(*day), (int) value[JODA_MONTH], 1);
	}
	if (v->has[JODA_WEEK])
	{
		int64		weekyear = si_weekyear_of_day(*day);

		if (!in_range(value[JODA_WEEK], 1, si_weeks_in_weekyear(weekyear)))
			return false;
		*day = si_first_day_of_weekyear(weekyear) + 7 * (value[JODA_WEEK] - 1);
	}
	if (v->has[JODA_DAY_OF_YEAR])
	{
		year = si_year_of_day(*day);
		if (!in_range(value[JODA_DAY_OF_YEAR], 1, si_days_in_year(year)))
			return false;
		*day = si_days_from_civil(year, 1, 1) + value[JODA_DAY_OF_YEAR] - 1;
	}
	if (v->has[JODA_DAY])
	{
		int			month = v->has[JODA_MONTH] ? (int) value[JODA_MONTH] : 1;

		year = si_year_of_day(*day);
		if (!in_range(value[JODA_DAY], 1, si_days_in_month(year, month)))
			return false;
		*day = si_days_from_civil(year, month, (int) value[JODA_DAY]);
	}
	if (v->has[JODA_WEEKDAY])
	{
		if (!in_range(value[JODA_WEEKDAY], 1, 7))
			return false;
		*day += value[JODA_WEEKDAY] - si_weekday_of_day(*day);
	}
	return true;
}

static bool
time_of_values(const JodaValues *v, int64 *ms)
{
	const int64 *value = v->value;
	int64		hour = v->value[JODA_HALFDAY] * 12;

	if ((v->has[JODA_HOUR] && !in_range(value[JODA_HOUR], 0, 23)) ||
		(v->has[JODA_CLOCKHOUR] && !in_range(value[JODA_CLOCKHOUR], 1, 24)) ||
		(v->has[JODA_HALF_HOUR] && !in_range(value[JODA_HALF_HOUR], 0, 11)) ||
		(v->has[JODA_HALF_CLOCKHOUR] && !in_range(value[JODA_HALF_CLOCKHOUR], 1, 12)) ||
		!in_range(value[JODA_MINUTE], 0, 59) ||
		!in_range(value[JODA_SECOND], 0, 59))
		return false;

	if (v->has[JODA_HOUR])
		hour = value[JODA_HOUR];
	if (v->has[JODA_CLOCKHOUR])
		hour = value[JODA_CLOCKHOUR] % 24;
	if (v->has[JODA_HALF_HOUR])
		hour = hour / 12 * 12 + value[JODA_HALF_HOUR];
	if (v->has[JODA_HALF_CLOCKHOUR])
		hour = hour / 12 * 12 + value[JODA_HALF_CLOCKHOUR] % 12;
	*ms = hour * SI_MS_PER_HOUR + value[JODA_MINUTE] * SI_MS_PER_MINUTE +
		value[JODA_SECOND] * SI_MS_PER_SECOND + value[JODA_FRACTION];
	return true;
}

bool
si_joda_parse(const SiJoda *joda, const char *p, const char *end, int64 *ms)
{
	JodaValues	values;
	int64		day,
				local;
	int			i;

	memset(&values, 0, sizeof(values));
	for (i = 0; i < joda->nitems; i++)
	{
		p = read_item(joda, &joda->items[i], p, end, &values);
		if (p == NULL)
			return false;
	}
	if (p != end || !day_of_values(&values, &day) || !time_of_values(&values, &local))
		return false;
	local += day * SI_MS_PER_DAY;
	*ms = local;
	if (values.has_offset)
		*ms = local - values.offset;
	else if (values.zone[0] != '\0')
		return local_to_utc(values.zone, local, ms);
	return true;
}
