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
#include "expr/timeops.h"
#include "expr/timeprint.h"
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

static bool
shift_time(const Shift *shift, int64 t, int64 step, int64 *result)
{
	return si_time_shift(shift->fields, shift->zone, t, step, result);
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

typedef struct Extract
{
	SiTimeUnit	unit;
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
	return si_time_unit_find(unit ? unit : "null", &extract->unit, why);
}

/* -------------------------------------------------------- parse and format */

typedef struct Pattern
{
	char	   *text;			/* NULL: ISO 8601 or SQL */
	SiZone	   *zone;
	SiTimeReader reader;
} Pattern;

static bool
prepare_parse(SiExprNode *n, SiReason *why)
{
	Pattern    *p = palloc0(sizeof(Pattern));

	n->prepared = p;
	if (!literal_arg(n, 1, "pattern", &p->text, why) || !zone_arg(n, 2, &p->zone, why))
		return false;
	return si_time_reader_init(&p->reader, p->text, p->zone, why);
}

/* Of milliseconds, or of a text in ISO 8601. */
static bool
fn_timestamp_extract(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const Extract *e = n->prepared;
	SiTimeReader iso = {.zone = e->zone};
	int64		t;

	if (!args[0].isnull && args[0].type == SI_EXPR_STRING ? !si_time_read(&iso, args[0].u.s, args[0].len, &t) :
		!si_expr_as_long(&args[0], &t))
		return null_result(out);
	return si_expr_return(out, si_expr_long(si_time_extract(e->unit, e->zone, t)));
}

static bool
fn_timestamp_parse(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const Pattern *p = n->prepared;
	const char *s;
	uint32		len;
	int64		ms;

	if (!si_expr_as_text(ev, &args[0], &s, &len) || (p->text == NULL && si_time_is_number(s, len)) ||
		!si_time_read(&p->reader, s, len, &ms))
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
	if (!si_expr_as_text(ev, &args[0], &s, &len) || !si_time_read(&((const Pattern *) n->prepared)->reader, s, len, &ms))
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
