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
#include "format/joda_fields.h"
#include "format/reason.h"

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
	int			rank;			/* place of the field in the order of setting, -1: no field */
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
	int			nfields;
	JodaValue  *values;			/* of the text that is read, in the order of setting */
	int			pivot;			/* first year that two digits can mean */
};

/* What a text says about its time zone. */
typedef struct JodaZone
{
	bool		has_offset;
	int64		offset;
	char		id[64];			/* empty: none */
} JodaZone;

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

static bool
is_field(const JodaItem *item)
{
	return item->kind == JODA_NUMBER || item->kind == JODA_TWO_DIGIT_YEAR ||
		item->kind == JODA_DECIMALS || item->kind == JODA_NAME;
}

/* Gives each field its place in the order in which fields are set. */
static void
rank_fields(SiJoda *joda)
{
	JodaField  *fields = palloc(sizeof(JodaField) * joda->nitems);
	int		   *order = palloc(sizeof(int) * joda->nitems);
	JodaItem  **items = palloc(sizeof(JodaItem *) * joda->nitems);

	for (int i = 0; i < joda->nitems; i++)
	{
		joda->items[i].rank = -1;
		if (!is_field(&joda->items[i]))
			continue;
		items[joda->nfields] = &joda->items[i];
		fields[joda->nfields++] = joda->items[i].field;
	}
	si_joda_order(fields, joda->nfields, order);
	joda->values = palloc0(sizeof(JodaValue) * Max(joda->nfields, 1));
	for (int i = 0; i < joda->nfields; i++)
	{
		items[order[i]]->rank = i;
		joda->values[i].field = items[order[i]]->field;
	}
	pfree(items);
	pfree(order);
	pfree(fields);
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
	rank_fields(joda);
	return joda;
}

void
si_joda_free(SiJoda *joda)
{
	if (joda->values != NULL)
		pfree(joda->values);
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

	next = si_scan_number(p, end, item->lenient ? PG_INT32_MAX : 2, item->lenient, &value);
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

/* Is this the name as it is written, in capitals or in small letters? */
static bool
name_matches(const char *name, size_t len, const char *p, const char *end)
{
	bool		as_is = true,
				upper = true,
				lower = true;

	if ((size_t) (end - p) < len)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		as_is &= p[i] == name[i];
		upper &= p[i] == pg_ascii_toupper((unsigned char) name[i]);
		lower &= p[i] == pg_ascii_tolower((unsigned char) name[i]);
	}
	return as_is || upper || lower;
}

/* The longest of the names, in full or its first three letters. */
static const char *
read_name(const char *const *names, bool short_forms, const char *p, const char *end, int64 *value)
{
	size_t		best = 0;
	int			i;

	for (i = 0; names[i] != NULL; i++)
	{
		size_t		len = strlen(names[i]);
		size_t		found = 0;

		if (name_matches(names[i], len, p, end))
			found = len;
		else if (short_forms && name_matches(names[i], 3, p, end))
			found = 3;
		if (found > best)
		{
			best = found;
			*value = i;
		}
	}
	return best > 0 ? p + best : NULL;
}

static const char *
read_name_field(const JodaItem *item, const char *p, const char *end, int64 *value)
{
	const char *next;

	switch (item->field)
	{
		case JODA_MONTH:
			next = read_name(months, true, p, end, value);
			*value += 1;
			return next;
		case JODA_WEEKDAY:
			next = read_name(weekdays, true, p, end, value);
			*value += 1;
			return next;
		case JODA_HALFDAY:
			return read_name(halfdays, false, p, end, value);
		default:
			next = read_name(eras_common, false, p, end, value);
			return next != NULL ? next : read_name(eras, false, p, end, value);
	}
}

static const char *
read_zone_name(const char *p, const char *end, JodaZone *zone)
{
	int			i;

	for (i = 0; i < lengthof(zone_names); i++)
	{
		int			len = (int) strlen(zone_names[i].name);

		if (end - p >= len && memcmp(p, zone_names[i].name, len) == 0)
		{
			strlcpy(zone->id, zone_names[i].id, sizeof(zone->id));
			return p + len;
		}
	}
	return NULL;
}

/* Joda has no abbreviations as ids but those of the time zone database. */
static bool
is_zone_id(const char *name, size_t len)
{
	static const char *const short_ids[] = {
		"CET", "EET", "EST", "GMT", "HST", "MET", "MST", "PRC", "ROC", "ROK", "UCT", "UTC", "WET"
	};

	for (int i = 0; len == 3 && i < lengthof(short_ids); i++)
		if (memcmp(name, short_ids[i], 3) == 0)
			return true;
	return len != 3 && si_zone_is_known(name, len);
}

/* The longest text that is the id of a zone. */
static const char *
read_zone_id(const char *p, const char *end, JodaZone *zone)
{
	size_t		len = Min((size_t) (end - p), sizeof(zone->id) - 1);

	for (; len > 0; len--)
	{
		if (!is_zone_id(p, len))
			continue;
		memcpy(zone->id, p, len);
		zone->id[len] = '\0';
		return p + len;
	}
	return NULL;
}

static const char *
read_item(const SiJoda *joda, const JodaItem *item, const char *p, const char *end, JodaZone *zone)
{
	int64	   *value = item->rank >= 0 ? &joda->values[item->rank].value : NULL;
	int			number;

	switch (item->kind)
	{
		case JODA_LITERAL:
			return read_literal(item, p, end);
		case JODA_NUMBER:
			p = si_scan_number(p, end, item->max_digits, item->is_signed, &number);
			if (p != NULL)
				*value = number;
			return p;
		case JODA_TWO_DIGIT_YEAR:
			return read_two_digit_year(joda, item, p, end, value);
		case JODA_DECIMALS:
			return si_scan_fraction(p, end, item->max_digits, SI_MS_PER_SECOND, value);
		case JODA_NAME:
			return read_name_field(item, p, end, value);
		case JODA_OFFSET:
			zone->has_offset = true;
			return si_scan_offset(p, end, &zone->offset);
		case JODA_ZONE_NAME:
			return read_zone_name(p, end, zone);
		case JODA_ZONE_ID:
			return read_zone_id(p, end, zone);
	}
	return NULL;
}

bool
si_joda_parse(const SiJoda *joda, const char *p, const char *end, int64 *ms)
{
	JodaZone	zone = {false, 0, ""};
	int64		local;

	for (int i = 0; i < joda->nitems; i++)
	{
		p = read_item(joda, &joda->items[i], p, end, &zone);
		if (p == NULL)
			return false;
	}
	if (p != end || !si_joda_instant(joda->values, joda->nfields, &local))
		return false;
	*ms = local;
	if (zone.has_offset)
		*ms = local - zone.offset;
	else if (zone.id[0] != '\0')
		return local_to_utc(zone.id, local, ms);
	return true;
}
