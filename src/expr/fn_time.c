/*
 * fn_time.c
 *		Functions of expressions: times, which are longs of milliseconds since
 *		the epoch.  Periods, units, patterns and time zones are literals.
 */
#include "common/port.h"

#include <sys/time.h>

#include "common/granularity.h"
#include "common/period.h"
#include "expr/expr_int.h"
#include "expr/timeprint.h"
#include "format/joda.h"
#include "format/timestamp.h"

/* Longest text of a printed time. */
#define MAX_PRINTED	1024

static bool
null_result(SiExprValue *out)
{
	return si_expr_return(out, si_expr_null());
}

static bool
is_null_literal(const SiExprNode *n)
{
	return n->kind == SI_NODE_CONST && n->value.isnull;
}

/* Argument i as a literal text; NULL when it is absent or null, false when it is something else. */
static bool
literal_arg(const SiExprNode *n, int i, const char *what, char **text, SiReason *why)
{
	*text = NULL;
	if (i >= n->nargs || is_null_literal(n->args[i]))
		return true;
	if (!si_expr_is_literal_text(n->args[i]))
		return si_format_reason(why, "the %s must be a literal text", what);
	*text = si_expr_literal(n->args[i]);
	return true;
}

static bool
zone_arg(const SiExprNode *n, int i, SiZone **zone, SiReason *why)
{
	char	   *name;

	*zone = NULL;
	if (!literal_arg(n, i, "time zone", &name, why))
		return false;
	if (name == NULL || strcmp(name, "UTC") == 0)
		return true;
	*zone = si_zone_open(name);
	if (*zone == NULL)
		return si_format_reason(why, "there is no time zone \"%.*s\"", si_format_clip(name, strlen(name)), name);
	return true;
}

/* ---------------------------------------------------------- floor and ceil */

static bool
prepare_floor(SiExprNode *n, SiReason *why)
{
	SiGranularity *g = palloc0(sizeof(SiGranularity));
	char	   *period;
	char	   *zone;
	int64		origin = 0;
	bool		has_origin = n->nargs > 2 && !is_null_literal(n->args[2]);

	if (!literal_arg(n, 1, "period", &period, why) || !literal_arg(n, 3, "time zone", &zone, why))
		return false;
	if (period == NULL)
		return si_format_reason(why, "a period such as 'PT1H' is needed");
	if (has_origin)
	{
		const SiExprNode *o = n->args[2];

		if (si_expr_is_literal_text(o))
		{
			/* Druid takes "" for none */
			if (o->value.len == 0)
				has_origin = false;
			else if (!si_timestamp_parse_iso(si_expr_literal(o), &origin, why))
				return false;
		}
		else if (o->kind != SI_NODE_CONST || !si_expr_as_long(&o->value, &origin))
			return si_format_reason(why, "the origin must be a literal");
	}
	n->prepared = g;
	return si_granularity_from_period(period, zone, origin, has_origin, g, why);
}

static bool
fn_timestamp_floor(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	int64		t;

	if (!si_expr_as_long(&args[0], &t))
		return null_result(out);
	return si_expr_return(out, si_expr_long(si_granularity_bucket_start(n->prepared, t)));
}

static bool
fn_timestamp_ceil(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	int64		t;
	int64		start;

	if (!si_expr_as_long(&args[0], &t))
		return null_result(out);
	start = si_granularity_bucket_start(n->prepared, t);
	return si_expr_return(out, si_expr_long(start == t ? t : si_granularity_bucket_end(n->prepared, start)));
}

/* ------------------------------------------------------------------- shift */

typedef struct Shift
{
	int64		fields[SI_PERIOD_FIELDS];
	SiZone	   *zone;
} Shift;

static bool
prepare_shift(SiExprNode *n, SiReason *why)
{
	Shift	   *shift = palloc0(sizeof(Shift));
	char	   *period;

	n->prepared = shift;
	if (!literal_arg(n, 1, "period", &period, why) || !zone_arg(n, 3, &shift->zone, why))
		return false;
	if (period == NULL)
		return si_format_reason(why, "a period such as 'P1D' is needed");
	return si_period_parse(period, shift->fields, why);
}

/* Calendar fields move the local date, the others the instant. */
static bool
shift_time(const Shift *shift, int64 t, int64 step, int64 *result)
{
	const int64 *f = shift->fields;
	static const int64 units[] = {[SI_PERIOD_HOURS] = SI_MS_PER_HOUR, [SI_PERIOD_MINUTES] = SI_MS_PER_MINUTE,
	[SI_PERIOD_SECONDS] = SI_MS_PER_SECOND, [SI_PERIOD_MILLIS] = 1};
	__int128	months = ((__int128) f[SI_PERIOD_YEARS] * 12 + f[SI_PERIOD_MONTHS]) * step;
	__int128	days = ((__int128) f[SI_PERIOD_WEEKS] * 7 + f[SI_PERIOD_DAYS]) * step;
	__int128	ms;
	SiCivil		c;

	si_civil_of(t, shift->zone, &c);
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
	else if (shift->zone != NULL)
		ms = si_zone_local_to_utc(shift->zone, (int64) ms);
	for (int i = SI_PERIOD_HOURS; i <= SI_PERIOD_MILLIS; i++)
		ms += (__int128) f[i] * units[i] * step;
	if (ms > PG_INT64_MAX || ms < PG_INT64_MIN)
		return false;
	*result = (int64) ms;
	return true;
}

static bool
fn_timestamp_shift(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	int64		t,
				step,
				result;

	if (!si_expr_as_long(&args[0], &t) || !si_expr_as_long(&args[2], &step))
		return null_result(out);
	if (step > PG_INT32_MAX || step < PG_INT32_MIN || !shift_time(n->prepared, t, step, &result))
		return si_expr_fail(ev, "timestamp_shift: the result is out of range");
	return si_expr_return(out, si_expr_long(result));
}

static bool
prepare_subtract_months(SiExprNode *n, SiReason *why)
{
	Shift	   *shift = palloc0(sizeof(Shift));

	n->prepared = shift;
	shift->fields[SI_PERIOD_MONTHS] = -1;
	return zone_arg(n, 2, &shift->zone, why);
}

static bool
fn_subtract_months(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	int64		t,
				step,
				result;

	if (!si_expr_as_long(&args[0], &t) || !si_expr_as_long(&args[1], &step))
		return null_result(out);
	if (step > PG_INT32_MAX || step < PG_INT32_MIN || !shift_time(n->prepared, t, step, &result))
		return si_expr_fail(ev, "subtract_months: the result is out of range");
	return si_expr_return(out, si_expr_long(result));
}

/* ----------------------------------------------------------------- extract */

typedef enum Unit
{
	UNIT_EPOCH, UNIT_MICROSECOND, UNIT_MILLISECOND, UNIT_SECOND, UNIT_MINUTE, UNIT_HOUR, UNIT_DAY, UNIT_DOW,
	UNIT_ISODOW, UNIT_DOY, UNIT_WEEK, UNIT_MONTH, UNIT_QUARTER, UNIT_YEAR, UNIT_ISOYEAR, UNIT_DECADE,
	UNIT_CENTURY, UNIT_MILLENNIUM, N_UNITS
} Unit;

static const char *const unit_names[N_UNITS] = {
	"EPOCH", "MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "DOW", "ISODOW", "DOY", "WEEK",
	"MONTH", "QUARTER", "YEAR", "ISOYEAR", "DECADE", "CENTURY", "MILLENNIUM"
};

typedef struct Extract
{
	Unit		unit;
	SiZone	   *zone;
} Extract;

static bool
prepare_extract(SiExprNode *n, SiReason *why)
{
	Extract    *extract = palloc0(sizeof(Extract));
	char	   *unit;

	n->prepared = extract;
	if (!literal_arg(n, 1, "unit", &unit, why) || !zone_arg(n, 2, &extract->zone, why))
		return false;
	for (int i = 0; unit != NULL && i < N_UNITS; i++)
		if (pg_strcasecmp(unit, unit_names[i]) == 0)
		{
			extract->unit = i;
			return true;
		}
	return si_format_reason(why, "there is no unit \"%.*s\"; take EPOCH, SECOND, MINUTE, HOUR, DAY, DOW, DOY, WEEK, MONTH, QUARTER or YEAR",
							unit ? si_format_clip(unit, strlen(unit)) : 4, unit ? unit : "null");
}

static int64
extract_unit(const Extract *e, int64 t)
{
	SiCivil		c;

	si_civil_of(t, e->zone, &c);
	switch (e->unit)
	{
		case UNIT_EPOCH:
			/* Java's division cuts towards zero */
			return t / 1000;
		case UNIT_MICROSECOND:
			return (int64) (c.ms_of_day % 60000) * 1000;
		case UNIT_MILLISECOND:
			return c.ms_of_day % 1000;
		case UNIT_SECOND:
			return c.ms_of_day / 1000 % 60;
		case UNIT_MINUTE:
			return c.ms_of_day / SI_MS_PER_MINUTE % 60;
		case UNIT_HOUR:
			return c.ms_of_day / SI_MS_PER_HOUR;
		case UNIT_DAY:
			return c.day;
		case UNIT_DOW:
		case UNIT_ISODOW:
			return (c.days % 7 + 10) % 7 + 1;
		case UNIT_DOY:
			return c.days - si_days_from_civil(c.year, 1, 1) + 1;
		case UNIT_WEEK:
			{
				/* the week belongs to the year of its Thursday */
				int64		thursday = c.days - (c.days % 7 + 10) % 7 + 3;
				int64		year;
				int			month,
							day;

				si_civil_from_days(thursday, &year, &month, &day);
				return (thursday - si_days_from_civil(year, 1, 1)) / 7 + 1;
			}
		case UNIT_MONTH:
			return c.month;
		case UNIT_QUARTER:
			return (c.month - 1) / 3 + 1;
		case UNIT_YEAR:
		case UNIT_ISOYEAR:		/* to Druid they are the same */
			return c.year;
		case UNIT_DECADE:
			return c.year / 10;
		case UNIT_CENTURY:
			return (c.year + 99) / 100;
		default:
			return (c.year + 999) / 1000;
	}
}

/* -------------------------------------------------------- parse and format */

typedef struct Pattern
{
	SiJoda	   *joda;			/* NULL: ISO 8601 or SQL */
	char	   *text;
	bool		has_zone;		/* the pattern reads one */
	SiZone	   *zone;
} Pattern;

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

static bool
prepare_parse(SiExprNode *n, SiReason *why)
{
	Pattern    *p = palloc0(sizeof(Pattern));

	n->prepared = p;
	if (!literal_arg(n, 1, "pattern", &p->text, why) || !zone_arg(n, 2, &p->zone, why))
		return false;
	if (p->text == NULL)
		return true;
	p->has_zone = pattern_has_zone(p->text);
	p->joda = si_joda_create(p->text, why);
	return p->joda != NULL;
}

/* A time of day with "Z" or an offset behind it. */
static bool
text_has_zone(const char *s)
{
	const char *t = strpbrk(s, "Tt");

	return t != NULL && strpbrk(t, "Zz+-") != NULL;
}

static bool
read_time(SiEval *ev, const Pattern *p, const char *s, uint32 len, int64 *ms)
{
	char	   *copy;
	SiReason	ignored;
	bool		has_zone = p->has_zone;

	if (p->joda != NULL)
	{
		if (!si_joda_parse(p->joda, s, s + len, ms))
			return false;
	}
	else
	{
		if (len == 0 || len > MAX_PRINTED || memchr(s, '\0', len) != NULL)
			return false;
		copy = si_expr_alloc(ev->memory, len + 1);
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

/* Of milliseconds, or of a text in ISO 8601. */
static bool
fn_timestamp_extract(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const Extract *e = n->prepared;
	Pattern		iso = {.zone = e->zone};
	int64		t;

	if (!args[0].isnull && args[0].type == SI_EXPR_STRING ? !read_time(ev, &iso, args[0].u.s, args[0].len, &t) :
		!si_expr_as_long(&args[0], &t))
		return null_result(out);
	return si_expr_return(out, si_expr_long(extract_unit(e, t)));
}

/* A year has at most nine digits; what has more is no time here. */
static bool
is_long_number(const char *s, uint32 len)
{
	for (uint32 i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return len > 9;
}

static bool
fn_timestamp_parse(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const Pattern *p = n->prepared;
	const char *s;
	uint32		len;
	int64		ms;

	if (!si_expr_as_text(ev, &args[0], &s, &len) || (p->joda == NULL && is_long_number(s, len)) ||
		!read_time(ev, p, s, len, &ms))
		return null_result(out);
	return si_expr_return(out, si_expr_long(ms));
}

/* timestamp and unix_timestamp fail on what they cannot read. */
static bool
fn_timestamp(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s;
	uint32		len;
	int64		ms;

	if (args[0].isnull)
		return null_result(out);
	if (args[0].type != SI_EXPR_STRING)
		return si_expr_fail(ev, "function %s needs a text as its first argument", n->fn->name);
	if (!si_expr_as_text(ev, &args[0], &s, &len) || !read_time(ev, n->prepared, s, len, &ms))
		return si_expr_fail(ev, "function %s cannot read the time \"%.*s\"", n->fn->name,
							si_format_clip(args[0].u.s, args[0].len), args[0].u.s);
	return si_expr_return(out, si_expr_long(n->fn->name[0] == 'u' ? ms / 1000 : ms));
}

static bool
prepare_format(SiExprNode *n, SiReason *why)
{
	Pattern    *p = palloc0(sizeof(Pattern));

	n->prepared = p;
	if (!literal_arg(n, 1, "pattern", &p->text, why) || !zone_arg(n, 2, &p->zone, why))
		return false;
	return p->text == NULL || si_time_pattern_check(p->text, why);
}

static bool
fn_timestamp_format(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const Pattern *p = n->prepared;
	char	   *text;
	int64		t;
	int			len;

	if (!si_expr_as_long(&args[0], &t))
		return null_result(out);
	text = si_expr_alloc(ev->memory, MAX_PRINTED);
	len = si_time_pattern_print(p->text != NULL ? p->text :
								p->zone != NULL ? "yyyy-MM-dd'T'HH:mm:ss.SSSZZ" : "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
								t, p->zone, text, MAX_PRINTED);
	if (len < 0)
		return si_expr_fail(ev, "timestamp_format: the text would be longer than %d bytes", MAX_PRINTED);
	return si_expr_return(out, si_expr_text(text, len));
}

static bool
fn_now(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return si_expr_return(out, si_expr_long((int64) tv.tv_sec * 1000 + tv.tv_usec / 1000));
}

const SiExprFunction si_fn_time[] = {
	{"timestamp", 1, 2, .call = fn_timestamp, .prepare = prepare_parse},
	{"unix_timestamp", 1, 2, .call = fn_timestamp, .prepare = prepare_parse},
	{"timestamp_floor", 2, 4, .call = fn_timestamp_floor, .prepare = prepare_floor},
	{"timestamp_ceil", 2, 4, .call = fn_timestamp_ceil, .prepare = prepare_floor},
	{"timestamp_shift", 3, 4, .call = fn_timestamp_shift, .prepare = prepare_shift},
	{"subtract_months", 2, 3, .call = fn_subtract_months, .prepare = prepare_subtract_months},
	{"timestamp_extract", 2, 3, .call = fn_timestamp_extract, .prepare = prepare_extract},
	{"timestamp_parse", 1, 3, .call = fn_timestamp_parse, .prepare = prepare_parse},
	{"timestamp_format", 1, 3, .call = fn_timestamp_format, .prepare = prepare_format},
	{"now", 0, 0, .call = fn_now},
	{NULL}
};
