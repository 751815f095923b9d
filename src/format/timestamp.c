/*
 * timestamp.c
 *		Druid's timestampSpec: named formats here, patterns in joda.c.
 *
 * The text of the formats auto and iso is read with the grammar of Joda's ISO
 * parsers; a table of the cases that pin it is among the unit tests' data.  A
 * timestamp of the usual form takes a short path that remembers its last date.
 */
#include "common/port.h"

#include "format/datescan.h"
#include "format/joda.h"
#include "format/number.h"
#include "format/reason.h"
#include "format/timestamp.h"

typedef enum TimestampFormat
{
	TS_AUTO,
	TS_ISO,
	TS_POSIX,
	TS_MILLIS,
	TS_MICRO,
	TS_NANO,
	TS_RUBY,
	TS_PATTERN
} TimestampFormat;

static const char *const format_names[] = {"auto", "iso", "posix", "millis", "micro", "nano", "ruby"};

struct SiTimestampParser
{
	TimestampFormat format;
	const char *column;			/* for reasons; NULL: not named */
	bool		has_missing;
	int64		missing_value;
	SiJoda	   *joda;			/* TS_PATTERN only */
	char		last_date[10];	/* "2015-09-12" and its midnight */
	int64		last_midnight;
	char		last_zone[32];	/* a zone id of format auto that is known to be one */
};

/* What PostgreSQL's timestamptz holds, in ms; the upper bound is exclusive. */
#define TIMESTAMP_MIN INT64CONST(-210866803200000)
#define TIMESTAMP_END INT64CONST(9224318016000000)

/* A piece of text that is not NUL-terminated. */
typedef struct Span
{
	const char *p;
	const char *end;
} Span;

static Span
trim(Span s)
{
	while (s.p < s.end && (unsigned char) *s.p <= ' ')
		s.p++;
	while (s.p < s.end && (unsigned char) s.end[-1] <= ' ')
		s.end--;
	return s;
}

/* Outer blanks and one pair of double quotes go. */
static Span
strip_quotes(Span s)
{
	s = trim(s);
	if (s.end - s.p >= 2 && s.p[0] == '"' && s.end[-1] == '"')
	{
		s.p++;
		s.end--;
		s = trim(s);
	}
	return s;
}

/*
 * The grammar of ISO 8601 as Joda reads it
 */

/* Year, then the longest of -month[-day], -Wweek[-day], -dayofyear. */
static const char *
read_date(const char *p, const char *end, int64 *day)
{
	int			year,
				month = 1,
				mday = 1,
				week,
				wday = 1,
				yday;
	const char *next;
	const char *best;
	const char *other;

	p = si_scan_number(p, end, 9, true, &year);
	if (p == NULL)
		return NULL;
	best = p;
	if (p < end && *p == '-')
	{
		if ((next = si_scan_number(p + 1, end, 2, false, &month)) != NULL)
		{
			best = next;
			if (next < end && *next == '-' &&
				(next = si_scan_number(next + 1, end, 2, false, &mday)) != NULL)
				best = next;
		}
		if (end - p > 2 && (p[1] == 'W' || p[1] == 'w') &&
			(other = si_scan_number(p + 2, end, 2, false, &week)) != NULL)
		{
			if (other < end && *other == '-' &&
				(next = si_scan_number(other + 1, end, 1, false, &wday)) != NULL)
				other = next;
			if (year < SI_YEAR_MIN || year > SI_YEAR_MAX ||
				week < 1 || week > si_weeks_in_weekyear(year) || wday < 1 || wday > 7)
				return NULL;
			*day = si_first_day_of_weekyear(year) + 7 * (week - 1) + wday - 1;
			return other;
		}
		if ((other = si_scan_number(p + 1, end, 3, false, &yday)) != NULL && other > best)
		{
			if (year < SI_YEAR_MIN || year > SI_YEAR_MAX || yday < 1 || yday > si_days_in_year(year))
				return NULL;
			*day = si_days_from_civil(year, 1, 1) + yday - 1;
			return other;
		}
	}
	if (year < SI_YEAR_MIN || year > SI_YEAR_MAX || month < 1 || month > 12 ||
		mday < 1 || mday > si_days_in_month(year, month))
		return NULL;
	*day = si_days_from_civil(year, month, mday);
	return best;
}

/* A decimal fraction, after point or comma, of the unit read last. */
static const char *
read_fraction(const char *p, const char *end, int64 unit_ms, int64 *ms)
{
	int64		fraction;
	const char *next;

	if (p == end || (*p != '.' && *p != ',') ||
		(next = si_scan_fraction(p + 1, end, 9, unit_ms, &fraction)) == NULL)
		return p;
	*ms += fraction;
	return next;
}

/*
 * hour[:minute[:second]] with a fraction of the last unit.  NULL: there is no
 * time.  A value out of range sets *valid to false.
 */
static const char *
read_time(const char *p, const char *end, int64 *ms, bool *valid)
{
	int			hour,
				minute = 0,
				second = 0;
	int64		unit = SI_MS_PER_HOUR;
	const char *next;

	p = si_scan_number(p, end, 2, false, &hour);
	if (p == NULL)
		return NULL;
	if (p < end && *p == ':' && (next = si_scan_number(p + 1, end, 2, false, &minute)) != NULL)
	{
		p = next;
		unit = SI_MS_PER_MINUTE;
		if (p < end && *p == ':' && (next = si_scan_number(p + 1, end, 2, false, &second)) != NULL)
		{
			p = next;
			unit = SI_MS_PER_SECOND;
		}
	}
	if (hour > 23 || minute > 59 || second > 59)
		*valid = false;
	*ms = hour * SI_MS_PER_HOUR + minute * SI_MS_PER_MINUTE + second * SI_MS_PER_SECOND;
	return read_fraction(p, end, unit, ms);
}

/*
 * Date, then T (or, in format auto, a blank), optional time, optional offset.
 * Format iso also takes a time alone, on 1970-01-01.
 */
static bool
read_instant(Span s, bool is_auto, int64 *ms)
{
	const char *p = s.p;
	const char *next;
	bool		valid = true;
	int64		day = 0,
				time = 0,
				offset = 0;
	bool		time_only = !is_auto && p < s.end && (*p | 0x20) == 't';

	if (!time_only && (p = read_date(p, s.end, &day)) == NULL)
		return false;
	if (p < s.end && ((*p | 0x20) == 't' || (is_auto && *p == ' ')))
	{
		p++;
		if ((next = read_time(p, s.end, &time, &valid)) != NULL)
			p = next;
		else if (time_only)
			return false;
		if ((next = si_scan_offset(p, s.end, &offset)) != NULL)
			p = next;
	}
	*ms = day * SI_MS_PER_DAY + time - offset;
	return p == s.end && valid;
}

static bool
read_long(Span s, int64 *out)
{
	return si_long_from_text(s.p, s.end - s.p, out);
}

/* Format iso; whole numbers that are no dates are milliseconds. */
static bool
read_iso(Span s, int64 *ms)
{
	s = strip_quotes(s);
	return read_instant(s, false, ms) || read_long(s, ms);
}

/*
 * Format auto: digits are milliseconds; else a zone's name after the last
 * blank is dropped (it does not move the instant, in Druid neither).
 */
static bool
read_auto(SiTimestampParser *parser, Span s, int64 *ms)
{
	const char *p = s.p;
	size_t		zone_len;

	while (p < s.end && *p >= '0' && *p <= '9')
		p++;
	if (p == s.end)
		return read_long(s, ms);

	s = strip_quotes(s);
	for (p = s.end; p > s.p && p[-1] != ' ';)
		p--;
	zone_len = s.end - p;
	if (p - s.p > 3 && zone_len > 0 && zone_len < sizeof(parser->last_zone))
	{
		if (memcmp(parser->last_zone, p, zone_len) == 0 && parser->last_zone[zone_len] == '\0')
			s.end = p - 1;
		else if (si_zone_is_known(p, zone_len))
		{
			memcpy(parser->last_zone, p, zone_len);
			parser->last_zone[zone_len] = '\0';
			s.end = p - 1;
		}
	}
	return read_instant(s, true, ms);
}

static int
two_digits(const char *p)
{
	unsigned int tens = (unsigned char) p[0] - '0';
	unsigned int ones = (unsigned char) p[1] - '0';

	return (tens > 9 || ones > 9) ? 100 : (int) (tens * 10 + ones);
}

/* YYYY-MM-DDThh:mm:ss[.f...]Z; false: not of this form, or not valid. */
static bool
read_common(SiTimestampParser *parser, Span s, int64 *ms)
{
	const char *p = s.p;
	ptrdiff_t	len = s.end - p;
	int			hour,
				minute,
				second;
	int64		fraction = 0;

	if (len < 20 || p[10] != 'T' || p[13] != ':' || p[16] != ':' || p[len - 1] != 'Z')
		return false;
	hour = two_digits(p + 11);
	minute = two_digits(p + 14);
	second = two_digits(p + 17);
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	if (len != 20 &&
		(p[19] != '.' || si_scan_fraction(p + 20, s.end, 9, SI_MS_PER_SECOND, &fraction) != s.end - 1))
		return false;
	if (memcmp(p, parser->last_date, 10) != 0)
	{
		int			century = two_digits(p),
					year = two_digits(p + 2),
					month = two_digits(p + 5),
					day = two_digits(p + 8);

		if (century > 99 || year > 99 || p[4] != '-' || p[7] != '-' || month < 1 || month > 12 ||
			day < 1 || day > si_days_in_month(century * 100 + year, month))
			return false;
		memcpy(parser->last_date, p, 10);
		parser->last_midnight = si_days_from_civil(century * 100 + year, month, day) * SI_MS_PER_DAY;
	}
	*ms = parser->last_midnight + hour * SI_MS_PER_HOUR + minute * SI_MS_PER_MINUTE +
		second * SI_MS_PER_SECOND + fraction;
	return true;
}

/*
 * The numeric formats
 */

static int64
ms_from_long(TimestampFormat format, int64 n)
{
	switch (format)
	{
		case TS_POSIX:
			if (n > PG_INT64_MAX / 1000)
				return PG_INT64_MAX;
			if (n < PG_INT64_MIN / 1000)
				return PG_INT64_MIN;
			return n * 1000;
		case TS_MICRO:
			return n / 1000;
		case TS_NANO:
			return n / 1000000;
		default:
			return n;
	}
}

static bool
read_text(SiTimestampParser *parser, Span s, int64 *ms)
{
	double		seconds;

	if (s.p == s.end)
		return false;
	switch (parser->format)
	{
		case TS_AUTO:
			return read_common(parser, s, ms) || read_auto(parser, s, ms);
		case TS_ISO:
			return read_common(parser, s, ms) || read_iso(s, ms);
		case TS_RUBY:
			s = strip_quotes(s);
			if (!si_double_from_text(s.p, s.end - s.p, &seconds))
				return false;
			*ms = si_long_from_double(seconds * 1000);
			return true;
		case TS_PATTERN:
			s = strip_quotes(s);
			return s.p < s.end && si_joda_parse(parser->joda, s.p, s.end, ms);
		default:
			if (!read_long(strip_quotes(s), ms))
				return false;
			*ms = ms_from_long(parser->format, *ms);
			return true;
	}
}

/* Formats iso and patterns read a number's text, the others its value. */
static bool
read_number(SiTimestampParser *parser, const SiValue *v, int64 *ms)
{
	char		text[SI_DOUBLE_TEXT];
	bool		is_long = (v->kind == SI_VALUE_LONG);
	Span		s;

	if (parser->format == TS_RUBY)
		*ms = si_long_from_double((is_long ? (double) v->u.i : v->u.d) * 1000);
	else if (parser->format == TS_ISO || parser->format == TS_PATTERN)
	{
		int			len = is_long ? snprintf(text, sizeof(text), INT64_FORMAT, v->u.i)
		: si_double_print(v->u.d, text);

		s.p = text;
		s.end = text + len;
		return read_text(parser, s, ms);
	}
	else
		*ms = ms_from_long(parser->format, is_long ? v->u.i : si_long_from_double(v->u.d));
	return true;
}

/*
 * Interface
 */

SiTimestampParser *
si_timestamp_parser_create(const char *format, bool has_missing, int64 missing_value, SiReason *why)
{
	SiTimestampParser *parser = palloc0(sizeof(SiTimestampParser));
	int			i;

	memcpy(parser->last_date, "1970-01-01", sizeof(parser->last_date));
	parser->format = TS_PATTERN;
	parser->has_missing = has_missing;
	parser->missing_value = missing_value;
	for (i = 0; i < lengthof(format_names); i++)
		if (pg_strcasecmp(format, format_names[i]) == 0)
			parser->format = (TimestampFormat) i;
	if (parser->format == TS_PATTERN)
	{
		parser->joda = si_joda_create(format, why);
		if (parser->joda == NULL)
		{
			pfree(parser);
			return NULL;
		}
	}
	return parser;
}

void
si_timestamp_parser_free(SiTimestampParser *p)
{
	if (p->joda != NULL)
		si_joda_free(p->joda);
	pfree(p);
}

void
si_timestamp_parser_name(SiTimestampParser *p, const char *column)
{
	p->column = column;
}

static bool
unparseable(const char *text, size_t len, SiReason *why)
{
	return si_format_reason(why, "Timestamp[%.*s] is unparseable!", si_format_clip(text, len), text);
}

bool
si_timestamp_parse(SiTimestampParser *p, const SiValue *v, int64 *ms, SiReason *why)
{
	Span		s;
	bool		ok;

	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_MISSING:
		case SI_VALUE_NULL:
			if (!p->has_missing && v->kind == SI_VALUE_MISSING && p->column != NULL)
				return si_format_reason(why, "Timestamp[null] is unparseable! The message has no field \"%.*s\".",
										si_format_clip(p->column, strlen(p->column)), p->column);
			if (!p->has_missing)
				return unparseable("null", 4, why);
			*ms = p->missing_value;
			return true;
		case SI_VALUE_BOOL:
			return unparseable(v->u.i ? "true" : "false", v->u.i ? 4 : 5, why);
		case SI_VALUE_LONG:
		case SI_VALUE_DOUBLE:
			ok = read_number(p, v, ms);
			break;
		case SI_VALUE_STRING:
			s.p = v->ptr;
			s.end = v->ptr + v->len;
			ok = read_text(p, s, ms);
			break;
		default:
			ok = false;
			break;
	}
	if (!ok)
	{
		char		text[SI_DOUBLE_TEXT];

		if (v->ptr != NULL)
			return unparseable(v->ptr, v->len, why);
		if (v->kind == SI_VALUE_LONG)
			snprintf(text, sizeof(text), INT64_FORMAT, v->u.i);
		else
			si_double_print(v->u.d, text);
		return unparseable(text, strlen(text), why);
	}
	if (*ms < TIMESTAMP_MIN || *ms >= TIMESTAMP_END)
		return si_format_reason(why, "Encountered row with timestamp[" INT64_FORMAT
								" ms] that cannot be represented: it lies outside of 4714 BC to 294276 AD", *ms);
	return true;
}

bool
si_timestamp_parse_iso(const char *text, int64 *ms, SiReason *why)
{
	Span		s = {text, text + strlen(text)};

	if (!read_iso(s, ms))
		return si_format_reason(why, "\"%.*s\" is not an ISO 8601 date or time",
								si_format_clip(text, strlen(text)), text);
	if (*ms < TIMESTAMP_MIN || *ms >= TIMESTAMP_END)
		return si_format_reason(why, "\"%.*s\" lies outside of 4714 BC to 294276 AD",
								si_format_clip(text, strlen(text)), text);
	return true;
}
