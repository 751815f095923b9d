/*
 * druid_functions.c
 *		Druid's SQL functions of time: time_floor(), time_ceil(), time_shift(),
 *		time_extract(), time_format(), time_parse(), time_in_interval(),
 *		millis_to_timestamp() and timestamp_to_millis().
 *
 * They do what expressions of an ingestion spec do (expr/timeops.h), in UTC
 * unless a zone is named, whatever TimeZone says.  Periods, units, patterns
 * and zones are taken apart once per call site as long as they stay the same.
 *
 * timestamptz counts microseconds: what is less than a millisecond falls to
 * the millisecond before, but for time_shift(), which keeps it.  Infinity
 * stays infinite.
 */
#include "postgres.h"

#include "common/granularity.h"
#include "common/pgcompat.h"
#include "expr/timeops.h"
#include "expr/timeprint.h"
#include "fmgr.h"
#include "query/columns.h"
#include "query/value.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(si_time_floor);
PG_FUNCTION_INFO_V1(si_time_ceil);
PG_FUNCTION_INFO_V1(si_sql_time_shift);
PG_FUNCTION_INFO_V1(si_sql_time_extract);
PG_FUNCTION_INFO_V1(si_time_format);
PG_FUNCTION_INFO_V1(si_time_parse);
PG_FUNCTION_INFO_V1(si_time_in_interval);
PG_FUNCTION_INFO_V1(si_millis_to_timestamp);
PG_FUNCTION_INFO_V1(si_timestamp_to_millis);

/* Longest text of a printed time. */
#define MAX_PRINTED		1024

/* Druid's first and last instant, which are infinite here. */
#define DRUID_FIRST_MS	(PG_INT64_MIN / 2)
#define DRUID_LAST_MS	(PG_INT64_MAX / 2)

/* Texts of a call that decide how it works: two at most, and an origin. */
typedef struct CallKey
{
	text	   *texts[2];		/* NULL: null */
	bool		has_origin;
	int64		origin;
} CallKey;

/* What a call site made of them. */
typedef struct CallSite
{
	MemoryContext cxt;
	CallKey		key;
	char	   *first;			/* the texts, NULL: null */
	char	   *second;
	SiZone	   *zone;			/* NULL: UTC */
	union
	{
		SiGranularity granularity;
		int64		fields[SI_PERIOD_FIELDS];
		SiTimeUnit	unit;
		SiTimeReader reader;
		int64		interval[2];
	}			u;
} CallSite;

/* ------------------------------------------------------------------- times */

/* The millisecond in which a finite time lies. */
static int64
ms_of(TimestampTz t)
{
	return si_floor_div(t, 1000) + SI_EPOCH_MS;
}

/* ------------------------------------------------------------- call sites */

static bool
same_text(const text *a, const text *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static bool
same_key(const CallKey *a, const CallKey *b)
{
	return same_text(a->texts[0], b->texts[0]) && same_text(a->texts[1], b->texts[1]) &&
		a->has_origin == b->has_origin && a->origin == b->origin;
}

/*
 * call_site returns what an earlier call has made of the same texts, or an
 * empty one with *is_new set.  CurrentMemoryContext is then the site's, so
 * that what is prepared lives as long; the caller calls prepared().
 */
static CallSite *
call_site(FunctionCallInfo fcinfo, const CallKey *key, MemoryContext *old)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;

	*old = NULL;
	if (site != NULL && same_key(&site->key, key))
		return site;
	if (site == NULL)
	{
		MemoryContext cxt = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "stream_ingest function",
												  ALLOCSET_SMALL_SIZES);

		site = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
		site->cxt = cxt;
	}
	/* an error on the way must not leave a site that looks prepared */
	fcinfo->flinfo->fn_extra = NULL;
	MemoryContextReset(site->cxt);
	*old = MemoryContextSwitchTo(site->cxt);
	memset((char *) site + offsetof(CallSite, key), 0, sizeof(*site) - offsetof(CallSite, key));
	site->key = *key;
	for (int i = 0; i < 2; i++)
	{
		if (key->texts[i] != NULL)
			site->key.texts[i] = (text *) pg_detoast_datum_copy((struct varlena *) key->texts[i]);
	}
	if (key->texts[0] != NULL)
		site->first = text_to_cstring(key->texts[0]);
	if (key->texts[1] != NULL)
		site->second = text_to_cstring(key->texts[1]);
	return site;
}

static void
prepared(FunctionCallInfo fcinfo, CallSite *site, MemoryContext old)
{
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = site;
}

static text *
text_arg(FunctionCallInfo fcinfo, int i)
{
	return i < PG_NARGS() && !PG_ARGISNULL(i) ? PG_GETARG_TEXT_PP(i) : NULL;
}

static void
refuse(const char *what, const char *value, const SiReason *why, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid %s \"%s\"", what, value),
			 errdetail("The reason is: %s.", why->text),
			 errhint("%s", hint)));
}

/* The zone that the second text names; UTC costs nothing. */
static void
open_zone(CallSite *site)
{
	SiReason	why = {"there is no time zone of this name"};

	if (site->second == NULL || site->second[0] == '\0' || pg_strcasecmp(site->second, "UTC") == 0)
		return;
	site->zone = si_zone_open(site->second);
	if (site->zone == NULL)
		refuse("time zone", site->second, &why, "Take a name such as America/Los_Angeles, or an offset such as +05:30.");
}

/* ---------------------------------------------------------- floor and ceil */

/* time_floor(t, period [, origin [, zone]]) */
static CallSite *
granularity_site(FunctionCallInfo fcinfo)
{
	CallKey		key = {{text_arg(fcinfo, 1), text_arg(fcinfo, 3)}};
	MemoryContext old;
	CallSite   *site;
	SiReason	why = {""};

	if (PG_NARGS() > 2 && !PG_ARGISNULL(2))
	{
		key.has_origin = true;
		key.origin = PG_GETARG_TIMESTAMPTZ(2);
		if (TIMESTAMP_NOT_FINITE(key.origin))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the origin of a period must be finite"),
					 errhint("Leave it out, or take a time from which periods are counted.")));
	}
	site = call_site(fcinfo, &key, &old);
	if (old == NULL)
		return site;
	open_zone(site);
	if (!si_granularity_from_period(site->first, site->second, key.has_origin ? ms_of(key.origin) : 0,
									key.has_origin, &site->u.granularity, &why))
		refuse("period", site->first, &why, "Write a period as in PT1H, P1D or P3M.");
	prepared(fcinfo, site, old);
	return site;
}

Datum
si_time_floor(PG_FUNCTION_ARGS)
{
	TimestampTz t;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	t = PG_GETARG_TIMESTAMPTZ(0);
	if (TIMESTAMP_NOT_FINITE(t))
		PG_RETURN_TIMESTAMPTZ(t);
	PG_RETURN_TIMESTAMPTZ(si_ms_to_timestamptz(
		si_granularity_bucket_start(&granularity_site(fcinfo)->u.granularity, ms_of(t))));
}

Datum
si_time_ceil(PG_FUNCTION_ARGS)
{
	TimestampTz t;
	SiGranularity *g;
	int64		start;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	t = PG_GETARG_TIMESTAMPTZ(0);
	if (TIMESTAMP_NOT_FINITE(t))
		PG_RETURN_TIMESTAMPTZ(t);
	g = &granularity_site(fcinfo)->u.granularity;
	start = si_granularity_bucket_start(g, ms_of(t));
	if (si_ms_to_timestamptz(start) == t)
		PG_RETURN_TIMESTAMPTZ(t);
	PG_RETURN_TIMESTAMPTZ(si_ms_to_timestamptz(si_granularity_bucket_end(g, start)));
}

/* ------------------------------------------------------- shift and extract */

/* time_shift(t, period, step [, zone]) */
Datum
si_sql_time_shift(PG_FUNCTION_ARGS)
{
	TimestampTz t = PG_GETARG_TIMESTAMPTZ(0);
	CallKey		key = {{text_arg(fcinfo, 1), text_arg(fcinfo, 3)}};
	int32		step = PG_GETARG_INT32(2);
	MemoryContext old;
	CallSite   *site = call_site(fcinfo, &key, &old);
	SiReason	why = {""};
	int64		ms;

	if (old != NULL)
	{
		open_zone(site);
		if (!si_period_parse(site->first, site->u.fields, &why))
			refuse("period", site->first, &why, "Write a period as in PT1H, P1D or P3M.");
		prepared(fcinfo, site, old);
	}
	if (TIMESTAMP_NOT_FINITE(t))
		PG_RETURN_TIMESTAMPTZ(t);
	if (!si_time_shift(site->u.fields, site->zone, ms_of(t), step, &ms) || ms < SI_MIN_MS || ms > SI_MAX_MS)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	PG_RETURN_TIMESTAMPTZ(si_ms_to_timestamptz(ms) + (t - si_floor_div(t, 1000) * 1000));
}

/* time_extract(t, unit [, zone]) */
Datum
si_sql_time_extract(PG_FUNCTION_ARGS)
{
	TimestampTz t = PG_GETARG_TIMESTAMPTZ(0);
	CallKey		key = {{text_arg(fcinfo, 1), text_arg(fcinfo, 2)}};
	MemoryContext old;
	CallSite   *site = call_site(fcinfo, &key, &old);
	SiReason	why = {""};

	if (old != NULL)
	{
		open_zone(site);
		if (!si_time_unit_find(site->first, &site->u.unit, &why))
			refuse("unit", site->first, &why, "Druid's units are those of EXTRACT.");
		prepared(fcinfo, site, old);
	}
	/* infinity has no hour */
	if (TIMESTAMP_NOT_FINITE(t))
		PG_RETURN_NULL();
	PG_RETURN_INT64(si_time_extract(site->u.unit, site->zone, ms_of(t)));
}

/* -------------------------------------------------------- format and parse */

/* time_format(t [, pattern [, zone]]) */
Datum
si_time_format(PG_FUNCTION_ARGS)
{
	CallKey		key = {{text_arg(fcinfo, 1), text_arg(fcinfo, 2)}};
	MemoryContext old;
	CallSite   *site;
	SiReason	why = {""};
	char		out[MAX_PRINTED];
	int			len;
	TimestampTz t;
	int64		ms;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	t = PG_GETARG_TIMESTAMPTZ(0);
	site = call_site(fcinfo, &key, &old);
	if (old != NULL)
	{
		open_zone(site);
		if (site->first != NULL && !si_time_pattern_check(site->first, &why))
			refuse("pattern", site->first, &why, "Write a pattern of Joda-Time, such as yyyy-MM-dd HH:mm:ss.");
		if (site->first == NULL)
			site->first = site->zone != NULL ? "yyyy-MM-dd'T'HH:mm:ss.SSSZZ" : "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'";
		prepared(fcinfo, site, old);
	}
	ms = TIMESTAMP_IS_NOBEGIN(t) ? DRUID_FIRST_MS : TIMESTAMP_IS_NOEND(t) ? DRUID_LAST_MS : ms_of(t);
	len = si_time_pattern_print(site->first, ms, site->zone, out, sizeof(out));
	if (len < 0)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the printed time would be longer than %d bytes", MAX_PRINTED)));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out, len));
}

/* time_parse(text [, pattern [, zone]]): null when it cannot be read */
Datum
si_time_parse(PG_FUNCTION_ARGS)
{
	CallKey		key = {{text_arg(fcinfo, 1), text_arg(fcinfo, 2)}};
	MemoryContext old;
	CallSite   *site;
	SiReason	why = {""};
	text	   *input;
	int64		ms;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	input = PG_GETARG_TEXT_PP(0);
	site = call_site(fcinfo, &key, &old);
	if (old != NULL)
	{
		open_zone(site);
		if (!si_time_reader_init(&site->u.reader, site->first, site->zone, &why))
			refuse("pattern", site->first, &why, "Write a pattern of Joda-Time, such as yyyy-MM-dd HH:mm:ss.");
		prepared(fcinfo, site, old);
	}
	if ((site->first == NULL && si_time_is_number(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input))) ||
		!si_time_read(&site->u.reader, VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &ms))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(si_ms_to_timestamptz(ms));
}

/* time_in_interval(t, interval) */
Datum
si_time_in_interval(PG_FUNCTION_ARGS)
{
	TimestampTz t = PG_GETARG_TIMESTAMPTZ(0);
	CallKey		key = {{text_arg(fcinfo, 1), NULL}};
	MemoryContext old;
	CallSite   *site = call_site(fcinfo, &key, &old);
	SiReason	why = {""};

	if (old != NULL)
	{
		if (!si_time_interval(site->first, &site->u.interval[0], &site->u.interval[1], &why))
			refuse("interval", site->first, &why, "Write for example 2015-09-12/2015-09-13 or 2015-09-12T06:00:00Z/PT1H.");
		site->u.interval[0] = si_ms_to_timestamptz(site->u.interval[0]);
		site->u.interval[1] = si_ms_to_timestamptz(site->u.interval[1]);
		prepared(fcinfo, site, old);
	}
	PG_RETURN_BOOL(t >= site->u.interval[0] && t < site->u.interval[1]);
}

/* ------------------------------------------------------------ milliseconds */

Datum
si_millis_to_timestamp(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(si_ms_to_timestamptz(PG_GETARG_INT64(0)));
}

Datum
si_timestamp_to_millis(PG_FUNCTION_ARGS)
{
	TimestampTz t = PG_GETARG_TIMESTAMPTZ(0);

	if (TIMESTAMP_IS_NOBEGIN(t))
		PG_RETURN_INT64(DRUID_FIRST_MS);
	if (TIMESTAMP_IS_NOEND(t))
		PG_RETURN_INT64(DRUID_LAST_MS);
	PG_RETURN_INT64(ms_of(t));
}
