/*
 * time_bucket.c
 *		Functions of a time that are constant for a stretch (time_bucket.h).
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "nodes/nodeFuncs.h"
#include "query/time_bucket.h"
#include "query/vector.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#define MS_SECOND	INT64CONST(1000)
#define MS_MINUTE	(60 * MS_SECOND)
#define MS_HOUR		(60 * MS_MINUTE)
#define MS_DAY		(24 * MS_HOUR)

/* The bucket that holds a unit of date_trunc or a field of extract, 0: none. */
static const struct
{
	const char *name;
	int64		width;
	int			values;			/* of the field; 0: no bound, it only rises */
}			units[] =
{
	{"second", MS_SECOND, 0}, {"minute", MS_MINUTE, 60}, {"hour", MS_HOUR, 24},
	{"day", MS_DAY, 31}, {"dow", MS_DAY, 7}, {"isodow", MS_DAY, 7}, {"doy", MS_DAY, 366},
	{"week", MS_DAY, 53}, {"month", MS_DAY, 12}, {"quarter", MS_DAY, 4}, {"year", MS_DAY, 0},
	{"isoyear", MS_DAY, 0}, {"decade", MS_DAY, 0}, {"century", MS_DAY, 0}, {"millennium", MS_DAY, 0}
};

/* The text of a constant, NULL when it is not one. */
static char *
const_text(Node *node)
{
	Const	   *c = (Const *) node;

	if (!IsA(node, Const) || c->constisnull || c->consttype != TEXTOID)
		return NULL;
	return TextDatumGetCString(c->constvalue);
}

static bool
is_time_column(Node *node, AttrNumber attno)
{
	return IsA(node, Var) && ((Var *) node)->varattno == attno &&
		((Var *) node)->vartype == TIMESTAMPTZOID;
}

static void
init_unit(SiTimeBucket *bucket, Node *node, bool field)
{
	char	   *unit = const_text(node);

	bucket->zoned = true;
	for (int i = 0; unit != NULL && i < lengthof(units); i++)
	{
		/* a second's field has the fraction */
		if (pg_strcasecmp(unit, units[i].name) != 0 || (field && units[i].width == MS_SECOND))
			continue;
		bucket->width = units[i].width;
		bucket->values = field ? units[i].values : 0;
		bucket->ascending = bucket->values == 0;
	}
}

/*
 * zone_of_name returns the zone of a name that says but one thing, NULL when
 * there is none.  PostgreSQL takes a name for an abbreviation first: CET is
 * an hour in summer too, whereas the zone CET is two.  No abbreviation has a
 * slash.
 */
static pg_tz *
zone_of_name(const char *name)
{
	if (name == NULL || (strchr(name, '/') == NULL && pg_strcasecmp(name, "UTC") != 0))
		return NULL;
	return pg_tzset(name);
}

/* date_bin(interval, column, origin) of whole milliseconds. */
static void
init_bin(SiTimeBucket *bucket, List *args)
{
	Const	   *stride = linitial(args);
	Const	   *origin = lthird(args);
	Interval   *i;
	int64		us;
	TimestampTz at;

	if (!IsA(stride, Const) || stride->constisnull || !IsA(origin, Const) || origin->constisnull)
		return;
	i = DatumGetIntervalP(stride->constvalue);
	at = DatumGetTimestampTz(origin->constvalue);
	us = i->day * USECS_PER_DAY + i->time;
	/* what the function refuses is left to it; a long stride could overflow here */
	if (i->month != 0 || i->day < 0 || i->day > 36525 || i->time < 0 || i->time > USECS_PER_DAY ||
		us <= 0 || us % 1000 != 0 || TIMESTAMP_NOT_FINITE(at) || at % 1000 != 0)
		return;
	bucket->width = us / 1000;
	bucket->ascending = true;
	bucket->origin = at / 1000 + SI_EPOCH_MS;
}

static void
init_function(SiTimeBucket *bucket, FuncExpr *f, AttrNumber attno)
{
	bool		on_column = list_length(f->args) > 1 && is_time_column(lsecond(f->args), attno);

	switch (f->funcid)
	{
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
			if (!on_column)
				return;
			init_unit(bucket, linitial(f->args), false);
			if (f->funcid == F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT)
			{
				bucket->zone = zone_of_name(const_text(lthird(f->args)));
				/* an abbreviation, or a zone that only a row could refuse */
				if (bucket->zone == NULL)
					bucket->width = 0;
			}
			return;
		case F_EXTRACT_TEXT_TIMESTAMPTZ:
		case F_DATE_PART_TEXT_TIMESTAMPTZ:
			if (!on_column)
				return;
			init_unit(bucket, linitial(f->args), true);
			return;
		case F_DATE_TIMESTAMPTZ:
			if (!is_time_column(linitial(f->args), attno))
				return;
			bucket->width = MS_DAY;
			bucket->zoned = true;
			bucket->ascending = true;
			return;
		case F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ:
			if (on_column)
				init_bin(bucket, f->args);
			return;
	}
}

typedef struct FindContext
{
	SiTimeBucket *bucket;
	AttrNumber	attno;
	bool		other;			/* the column stands elsewhere, or twice */
	int			found;
} FindContext;

static bool
find_function(Node *node, FindContext *c)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		c->other = true;
		return true;
	}
	if (IsA(node, FuncExpr))
	{
		SiTimeBucket one = {0};

		init_function(&one, (FuncExpr *) node, c->attno);
		if (one.width != 0)
		{
			*c->bucket = one;
			c->found++;
			return false;
		}
	}
	return expression_tree_walker(node, find_function, c);
}

/* Whether the function stands directly over the column. */
static bool
is_bucket_function(FuncExpr *f, AttrNumber attno)
{
	SiTimeBucket one = {0};

	init_function(&one, f, attno);
	return one.width != 0;
}

void
si_time_bucket_init(SiTimeBucket *bucket, Expr *expr, AttrNumber attno)
{
	FindContext c = {bucket, attno, false, 0};

	memset(bucket, 0, sizeof(*bucket));
	find_function((Node *) expr, &c);
	if (c.other || c.found != 1)
		bucket->width = 0;
	/* what is around the function may fall */
	if (!IsA(expr, FuncExpr) || !is_bucket_function((FuncExpr *) expr, attno))
		bucket->ascending = false;
}

void
si_time_bucket_span(SiTimeBucket *bucket, int64 ms)
{
	pg_tz	   *zone = bucket->zone != NULL ? bucket->zone : session_timezone;
	pg_time_t	at = (pg_time_t) (ms / 1000 - (ms % 1000 < 0 ? 1 : 0));
	pg_time_t	boundary;
	long		before,
				after;
	int			before_dst,
				after_dst;
	int			result;

	bucket->from = ms;
	result = pg_next_dst_boundary(&at, &before, &before_dst, &boundary, &after, &after_dst, zone);
	if (result < 0)
	{
		/* nothing is known: a bucket of one time */
		bucket->to = ms + 1;
		bucket->offset = 0;
		return;
	}
	bucket->offset = (int64) before * 1000;
	bucket->to = result == 0 ? PG_INT64_MAX : (int64) boundary * 1000;
	if (bucket->to <= ms)
		bucket->to = ms + 1;
}
