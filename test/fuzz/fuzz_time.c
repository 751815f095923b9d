/*
 * fuzz_time.c
 *		libFuzzer harness of timestampSpec formats and patterns, periods,
 *		granularities and time zones: a line with a format, one with a period
 *		or the name of a granularity, one with a zone, and a value.
 *
 * Checked besides what the sanitizers see: reasons are valid and there when
 * something is refused; a time lies in the range of timestamptz and is the
 * same when it is read again; what a period or a time is printed as reads as
 * the same; a bucket holds the time it was asked for, begins where it begins,
 * and the next one begins where it ends.
 */
#include "arena.h"

#include <math.h>

#include "common/granularity.h"
#include "common/zone.h"
#include "fuzz_format.h"
#include "format/timestamp.h"

/* 4714-11-24 BC and 294277-01-01, in ms */
#define FIRST_TIME	INT64CONST(-210866803200000)
#define END_TIME	INT64CONST(9224318016000000)

static void
require_reason(bool ok, const SiReason *why, const char *what)
{
	require(ok || why->text[0] != '\0', what);
	require_text(why->text, strlen(why->text), what);
}

static void
parse_value(SiTimestampParser *p, const SiValue *v)
{
	SiReason	why = {""};
	int64		ms = 0,
				again = 0;
	bool		ok = si_timestamp_parse(p, v, &ms, &why);

	require_reason(ok, &why, "reason of a time");
	require(!ok || (ms >= FIRST_TIME && ms < END_TIME), "range of a time");
	require(si_timestamp_parse(p, v, &again, &why) == ok && (!ok || ms == again), "the same time again");
}

/* A value as text, as the number it says, and as other kinds. */
static void
fuzz_format(const char *name, const char *text, size_t len)
{
	SiReason	why = {""};
	SiTimestampParser *p = si_timestamp_parser_create(name, len % 2 == 1, 0, &why);
	SiValue		v = {.kind = SI_VALUE_STRING,.len = (uint32) len,.ptr = text};
	char	   *copy;

	require_reason(p != NULL, &why, "reason of a pattern");
	if (p == NULL)
		return;
	parse_value(p, &v);
	copy = pnstrdup(text, len);
	v = (SiValue) {.kind = SI_VALUE_DOUBLE};
	v.u.d = strtod(copy, NULL);
	if (!isnan(v.u.d))
		parse_value(p, &v);
	v = (SiValue) {.kind = SI_VALUE_LONG};
	v.u.i = strtoll(copy, NULL, 10);
	parse_value(p, &v);
	v.kind = SI_VALUE_BOOL;
	v.u.i = v.u.i & 1;
	parse_value(p, &v);
	v.kind = SI_VALUE_NULL;
	parse_value(p, &v);
	si_timestamp_parser_free(p);
}

static void
fuzz_bucket(SiGranularity *g, int64 t)
{
	int64		start = si_granularity_bucket_start(g, t);
	int64		end = si_granularity_bucket_end(g, start);

	require(start <= t, "a bucket begins at or before its time");
	require(t < end || end == PG_INT64_MAX, "a bucket ends after its time");
	require(si_granularity_bucket_start(g, start) == start, "a bucket begins where it begins");
	if (t > FIRST_TIME / 2 && t < END_TIME / 2 && end < END_TIME && g->kind != SI_GRAN_ALL)
		require(si_granularity_bucket_start(g, end) == end, "the next bucket begins where one ends");
}

static void
fuzz_granularity(const char *period, const char *zone, int64 origin, int64 t)
{
	SiReason	why = {""};
	SiGranularity g = {0};
	int64		ms,
				again;
	char		buf[64];

	if (si_period_to_ms(period, &ms, &why))
	{
		si_period_print(ms, buf, sizeof(buf));
		require(si_period_to_ms(buf, &again, &why) && again == ms, "a period that was printed");
		si_duration_print(ms, buf, sizeof(buf));
		if (si_granularity_from_duration(ms, origin, true, &g))
			fuzz_bucket(&g, t);
	}
	else
		require_reason(false, &why, "reason of a period");
	if (si_granularity_from_name(period, &g))
		fuzz_bucket(&g, t);
	why.text[0] = '\0';
	if (si_granularity_from_period(period, zone[0] ? zone : NULL, origin, origin != 0, &g, &why))
	{
		fuzz_bucket(&g, t);
		fuzz_bucket(&g, t + 1);
		fuzz_bucket(&g, 0);
	}
	else
		require_reason(false, &why, "reason of a granularity");
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	const char *rest = (const char *) data;
	char	   *format = take_text(&rest, &size);
	char	   *period = take_text(&rest, &size);
	char	   *zone = take_text(&rest, &size);
	SiReason	why = {""};
	char	   *copy;
	int64		t = 0,
				again;
	char		buf[64];
	bool		ok;

	/* values are checked to be valid UTF-8 before */
	size = pg_encoding_verifymbstr(PG_UTF8, rest, (int) size);
	copy = pnstrdup(rest, size);
	fuzz_format(format, rest, size);
	ok = si_timestamp_parse_iso(copy, &t, &why);
	require_reason(ok, &why, "reason of an ISO time");
	if (ok)
	{
		si_time_print(t, buf, sizeof(buf));
		if (t >= 0 && t < INT64CONST(253402300800000))
			require(si_timestamp_parse_iso(buf, &again, &why) && again == t, "a time that was printed");
	}
	fuzz_granularity(period, zone, t % 7 == 0 ? t / 1000 : 0, ok ? t : (int64) size * INT64CONST(86399999999));
	if (zone[0] && si_zone_open(zone) != NULL)
		(void) si_zone_local_to_utc(si_zone_open(zone), t);
	free(format);
	free(period);
	free(zone);
}
