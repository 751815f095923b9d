/*
 * test_granularity.c
 *		Granularities, periods and the printing of times.
 *
 * data/granularity.tsv holds buckets that Druid and Joda compute; the rest is
 * written here.
 */
#include "common/port.h"

#include "common/granularity.h"
#include "common/period.h"
#include "common/zone.h"
#include "harness.h"
#include "mb/pg_wchar.h"

#define MAX_COLUMNS 8

/* Splits a line at tabs, in place. */
static int
split(char *line, char **columns)
{
	int			n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (char *p = line; n < MAX_COLUMNS; p++)
	{
		columns[n++] = p;
		p = strchr(p, '\t');
		if (p == NULL)
			break;
		*p = '\0';
	}
	return n;
}

static bool
make_granularity(char **c, SiGranularity *g, SiReason *why)
{
	bool		has_origin = strcmp(c[4], "-") != 0;
	int64		origin = has_origin ? strtoll(c[4], NULL, 10) : 0;

	if (strcmp(c[1], "name") == 0)
		return si_granularity_from_name(c[2], g);
	if (strcmp(c[1], "duration") == 0)
		return si_granularity_from_duration(strtoll(c[2], NULL, 10), origin, has_origin, g);
	return si_granularity_from_period(c[2], strcmp(c[3], "-") == 0 ? NULL : c[3],
									  origin, has_origin, g, why);
}

static void
test_observed(const char *path)
{
	FILE	   *f = fopen(path, "r");
	char		line[1024];
	int			rows = 0;

	CHECK(f != NULL, "cannot open %s", path);
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f))
	{
		char	   *c[MAX_COLUMNS];
		SiGranularity g;
		SiReason	why = {""};
		int64		t,
					want,
					got,
					end;

		if (line[0] == '#' || split(line, c) < 7)
			continue;
		rows++;
		t = strtoll(c[5], NULL, 10);
		want = strtoll(c[6], NULL, 10);
		CHECK(make_granularity(c, &g, &why), "%s: %s", c[0], why.text);
		got = si_granularity_bucket_start(&g, t);
		end = si_granularity_bucket_end(&g, got);
		CHECK(got == want, "%s: " INT64_FORMAT " starts at " INT64_FORMAT ", expected " INT64_FORMAT,
			  c[0], t, got, want);
		CHECK(end > t, "%s: bucket ends at " INT64_FORMAT, c[0], end);
		CHECK(si_granularity_bucket_start(&g, end) == end, "%s: the end does not begin a bucket", c[0]);
	}
	fclose(f);
	CHECK(rows > 20, "%s has %d rows", path, rows);
}

/* Buckets must be disjoint and without holes, in any order of asking. */
static void
test_partition(const char *period, const char *zone, int64 from, int64 to, int64 step)
{
	SiGranularity walk,
				fresh;
	SiReason	why = {""};
	int64		end = PG_INT64_MIN;
	int64		start = PG_INT64_MIN;
	bool		ok = true;

	CHECK(si_granularity_from_period(period, zone, 0, false, &walk, &why), "%s: %s", period, why.text);
	for (int64 t = from; t < to && ok; t += step)
	{
		SiGranularity probe;
		int64		s;

		si_granularity_from_period(period, zone, 0, false, &probe, &why);
		fresh = probe;
		s = si_granularity_bucket_start(&fresh, t);
		ok = s == si_granularity_bucket_start(&walk, t) && s <= t &&
			si_granularity_bucket_end(&fresh, s) > t && s >= start;
		CHECK(ok, "%s in %s: " INT64_FORMAT " in " INT64_FORMAT " after bucket " INT64_FORMAT " to " INT64_FORMAT,
			  period, zone, t, s, start, end);
		start = s;
		end = si_granularity_bucket_end(&walk, s);
	}
}

static void
test_names(void)
{
	SiGranularity g;
	SiReason	why;
	char		buf[40];

	CHECK(si_granularity_from_name("Fifteen_Minute", &g), "any case");
	CHECK_STR(g.name, "FIFTEEN_MINUTE");
	CHECK(!si_granularity_from_name("fortnight", &g), "fortnight");
	CHECK(si_granularity_from_name("all", &g), "all");
	CHECK(si_granularity_bucket_start(&g, 5) == PG_INT64_MIN, "all starts nowhere");
	CHECK(si_granularity_bucket_end(&g, 5) == PG_INT64_MAX, "all ends nowhere");
	CHECK(si_granularity_from_name("none", &g), "none");
	CHECK_INT(si_granularity_bucket_start(&g, -7), -7);
	CHECK_INT(si_granularity_bucket_end(&g, -7), -6);
	CHECK(si_granularity_from_name("quarter", &g), "quarter");
	si_time_print(si_granularity_bucket_start(&g, INT64CONST(1442019600000)), buf, sizeof(buf));
	CHECK_STR(buf, "2015-07-01T00:00:00.000Z");
	si_time_print(si_granularity_bucket_end(&g, INT64CONST(1435708800000)), buf, sizeof(buf));
	CHECK_STR(buf, "2015-10-01T00:00:00.000Z");

	CHECK(si_granularity_from_period("P1D", NULL, 0, false, &g, &why), "P1D");
	CHECK_STR(g.name, "DAY");
	CHECK(si_granularity_from_period("P3M", "UTC", 0, false, &g, &why), "P3M");
	CHECK_STR(g.name, "QUARTER");
	CHECK(si_granularity_from_period("PT7M", NULL, 0, false, &g, &why), "PT7M");
	CHECK_INT(g.kind, SI_GRAN_DURATION);
	CHECK(!si_granularity_from_period("P0D", NULL, 0, false, &g, &why), "P0D");
	CHECK(!si_granularity_from_period("P-1D", NULL, 0, false, &g, &why), "P-1D");
	CHECK(!si_granularity_from_period("P1D", "Mars/Olympus", 0, false, &g, &why), "Mars");
	CHECK_STR(why.text, "\"Mars/Olympus\" is not a time zone");
	CHECK(si_granularity_from_period("P1D", "+05:30", 0, false, &g, &why), "+05:30: %s", why.text);
	CHECK_INT(si_granularity_bucket_start(&g, 0), -19800000);
	CHECK(!si_granularity_from_duration(0, 0, false, &g), "duration 0");
}

static void
test_extremes(void)
{
	static const char *const periods[] = {"P1D", "P1M", "P1Y", "P1M2D", "P1DT1H", "P2147483647Y1D", "PT1H", "P2W"};
	static const int64 times[] = {PG_INT64_MIN, PG_INT64_MIN / 2, 0, PG_INT64_MAX / 2, PG_INT64_MAX - 1};

	for (int i = 0; i < lengthof(periods); i++)
	{
		for (int j = 0; j < lengthof(times); j++)
		{
			SiGranularity g;
			SiReason	why;
			int64		start;

			CHECK(si_granularity_from_period(periods[i], "Europe/Berlin", 0, false, &g, &why), "%s", why.text);
			start = si_granularity_bucket_start(&g, times[j]);
			CHECK(start <= times[j], "%s: " INT64_FORMAT " starts at " INT64_FORMAT, periods[i], times[j], start);
			CHECK(si_granularity_bucket_end(&g, start) > times[j] || times[j] < PG_INT64_MIN / 4,
				  "%s: end of " INT64_FORMAT, periods[i], times[j]);
		}
	}
}

static void
check_period(const char *text, int64 want)
{
	SiReason	why = {""};
	int64		ms = -1;

	CHECK(si_period_to_ms(text, &ms, &why), "%s: %s", text, why.text);
	CHECK(ms == want, "%s is " INT64_FORMAT ", expected " INT64_FORMAT, text, ms, want);
}

static void
test_periods(void)
{
	static const char *const bad[] = {"", "P", "PT", "P1", "1H", "PTX", "abc", "P1H", "PT1D", "PT1M1H",
		"P1M", "P1Y", "P1.5D", "PT1H ", " PT1H", "PT1HT1M", "P99999999999D", "PT-", "P--1D", "PT1.S"};
	char		buf[64];
	SiReason	why = {""};

	check_period("PT1H", 3600000);
	check_period("pt1h30m", 5400000);
	check_period("P1W2D", 777600000);
	check_period("P1DT0.5S", 86400500);
	check_period("PT0,25S", 250);
	check_period("PT-5S", -5000);
	check_period("-PT5S", -5000);
	check_period("P0Y0M1D", 86400000);
	check_period("PT0S", 0);
	check_period("P2147483647D", INT64CONST(185542587100800000));
	for (int i = 0; i < lengthof(bad); i++)
	{
		int64		ms;

		why.text[0] = '\0';
		CHECK(!si_period_to_ms(bad[i], &ms, &why), "\"%s\" was taken as " INT64_FORMAT, bad[i], ms);
		CHECK(why.text[0] != '\0', "\"%s\" has no reason", bad[i]);
	}

	si_period_print(3600000, buf, sizeof(buf));
	CHECK_STR(buf, "PT1H");
	si_period_print(0, buf, sizeof(buf));
	CHECK_STR(buf, "PT0S");
	si_period_print(86461500, buf, sizeof(buf));
	CHECK_STR(buf, "PT24H1M1.500S");
	si_period_print(-500, buf, sizeof(buf));
	CHECK_STR(buf, "PT-0.500S");
	si_duration_print(1800000, buf, sizeof(buf));
	CHECK_STR(buf, "PT1800S");
	si_duration_print(-5250, buf, sizeof(buf));
	CHECK_STR(buf, "PT-5.250S");

	/* what is printed can be read, however long */
	for (int64 ms = 1; ms > 0 && ms < PG_INT64_MAX / 7; ms = ms * 7 + 3)
	{
		int64		again = 0;

		si_duration_print(ms, buf, sizeof(buf));
		CHECK(si_period_to_ms(buf, &again, &why) && again == ms, "%s", buf);
		si_period_print(-ms, buf, sizeof(buf));
		CHECK(si_period_to_ms(buf, &again, &why) && again == -ms, "%s", buf);
	}
	CHECK(!si_granularity_from_period("PT2147483648S", NULL, 0, false, &(SiGranularity) {0}, &why), "a field that Joda refuses");
	/* and what is not is shown in whole characters */
	{
		char		text[200] = "x";

		for (int i = 1; i < 180; i += 2)
			memcpy(text + i, "\xC3\xA9", 2);
		CHECK(!si_period_to_ms(text, &(int64) {0}, &why), "a period of letters");
		CHECK(pg_encoding_verifymbstr(PG_UTF8, why.text, strlen(why.text)) == strlen(why.text), "%s", why.text);
	}
}

static void
test_times(void)
{
	char		buf[40];
	int64		year;
	int			month,
				day;

	si_time_print(INT64CONST(1442018818771), buf, sizeof(buf));
	CHECK_STR(buf, "2015-09-12T00:46:58.771Z");
	si_time_print(-1, buf, sizeof(buf));
	CHECK_STR(buf, "1969-12-31T23:59:59.999Z");
	si_time_print(INT64CONST(-62198755200000), buf, sizeof(buf));
	CHECK_STR(buf, "-0001-01-01T00:00:00.000Z");
	si_time_print(PG_INT64_MAX, buf, sizeof(buf));
	CHECK_STR(buf, "292278994-08-17T07:12:55.807Z");
	for (int64 d = -800000; d < 800000; d += 37)
	{
		si_civil_from_days(d, &year, &month, &day);
		if (si_days_from_civil(year, month, day) != d)
			CHECK(false, "day " INT64_FORMAT " does not come back", d);
	}
}

/* Of all pairs of simple names: what nests begins where it should, and what does not is known. */
static void
test_nesting(void)
{
	static const char *const names[] = {
		"second", "minute", "five_minute", "ten_minute", "fifteen_minute", "thirty_minute", "hour", "six_hour",
		"eight_hour", "day", "week", "month", "quarter", "year"
	};
	SiGranularity inner,
				outer;
	SiReason	why;

	for (int i = 0; i < lengthof(names); i++)
		for (int o = i; o < lengthof(names); o++)
		{
			bool		week = strcmp(names[i], "week") == 0 && o > i;
			bool		uneven = strcmp(names[o], "fifteen_minute") == 0 && strcmp(names[i], "ten_minute") == 0;
			int64		t = INT64CONST(1500000000000);

			uneven |= strcmp(names[o], "eight_hour") == 0 && strcmp(names[i], "six_hour") == 0;
			si_granularity_from_name(names[i], &inner);
			si_granularity_from_name(names[o], &outer);
			CHECK(si_granularity_nests(&inner, &outer) == !(week || uneven), "%s in %s", names[i], names[o]);
			for (int k = 0; k < 50 && !week && !uneven; k++, t += INT64CONST(700000000))
			{
				int64		start = si_granularity_bucket_start(&outer, t);

				CHECK(si_granularity_bucket_start(&inner, start) == start, "%s in %s at " INT64_FORMAT, names[i], names[o], start);
			}
		}
	si_granularity_from_period("P1D", "Europe/Berlin", 0, false, &inner, &why);
	si_granularity_from_name("day", &outer);
	CHECK(!si_granularity_nests(&inner, &outer), "days of Berlin in days of UTC");
	si_granularity_from_duration(7200000, 3600000, true, &inner);
	CHECK(!si_granularity_nests(&inner, &outer), "two hours from one o'clock in days");
	si_granularity_from_name("all", &outer);
	CHECK(si_granularity_nests(&inner, &outer), "anything in ALL");
}

int
main(int argc, char **argv)
{
	test_observed(argc > 1 ? argv[1] : SI_TEST_DATA "/granularity.tsv");
	test_names();
	test_extremes();
	test_partition("P1D", "America/Los_Angeles", INT64CONST(1325376000000), INT64CONST(1356998400000), 1800000);
	test_partition("PT1H", "America/Los_Angeles", INT64CONST(1325376000000), INT64CONST(1356998400000), 900000);
	test_partition("P1M2D", "Europe/Berlin", INT64CONST(1325376000000), INT64CONST(1356998400000), 43200000);
	test_partition("P1D", "America/Sao_Paulo", INT64CONST(1500000000000), INT64CONST(1530000000000), 1800000);
	test_partition("PT2H", "Asia/Kathmandu", INT64CONST(1300000000000), INT64CONST(1301000000000), 600000);
	test_partition("P1DT1H", "Europe/Berlin", INT64CONST(-20000000000), INT64CONST(20000000000), 7200000);
	test_periods();
	test_times();
	test_nesting();
	return harness_end("test_granularity");
}
