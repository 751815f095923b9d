/*
 * test_timestamp.c
 *		Druid's timestampSpec against data/timestamp_cases.tsv, what Joda reads
 *		(data/timestamp_joda.tsv), what a running Druid took and refused in
 *		format iso, and the rules of patterns.
 */
#include "common/port.h"

#include "format/datescan.h"
#include "format/timestamp.h"
#include "harness.h"

#define BAD PG_INT64_MIN

static SiValue
string_value(const char *text)
{
	SiValue		v = {text, (uint32) strlen(text), SI_VALUE_STRING, {0}};

	return v;
}

/* Milliseconds, or BAD. */
static int64
parse_value(const char *format, const SiValue *v, SiReason *why)
{
	SiTimestampParser *p = si_timestamp_parser_create(format, false, 0, why);
	int64		ms = 0;
	bool		ok;

	if (p == NULL)
		return BAD;
	ok = si_timestamp_parse(p, v, &ms, why);
	si_timestamp_parser_free(p);
	return ok ? ms : BAD;
}

static int64
parse(const char *format, const char *text)
{
	SiValue		v = string_value(text);
	SiReason	why;

	return parse_value(format, &v, &why);
}

/* "\\" and "\"" are the only escapes the table needs. */
static void
unescape(char *s)
{
	char	   *out = s;

	for (; *s != '\0'; s++)
		*out++ = (*s == '\\') ? *++s : *s;
	*out = '\0';
}

/* A value of a table: string, long, double. */
static SiValue
table_value(const char *kind, char *text)
{
	SiValue		v;

	unescape(text);
	v = string_value(text);
	if (strcmp(kind, "long") == 0)
	{
		v.kind = SI_VALUE_LONG;
		v.u.i = strtoll(text, NULL, 10);
	}
	else if (strcmp(kind, "double") == 0)
	{
		v.kind = SI_VALUE_DOUBLE;
		v.u.d = strtod(text, NULL);
	}
	return v;
}

/* want is milliseconds, "error" or "range". */
static void
check_value(const char *id, const char *format, const SiValue *v, const char *want)
{
	SiReason	why = {""};
	int64		got = parse_value(format, v, &why);

	if (want[0] != 'e' && want[0] != 'r')
	{
		CHECK(got == strtoll(want, NULL, 10), "%s: %s \"%s\" gives %lld (%s), expected %s",
			  id, format, v->ptr, (long long) got, why.text, want);
		return;
	}
	CHECK(got == BAD, "%s: %s \"%s\" gives %lld, expected an error", id, format, v->ptr, (long long) got);
	CHECK(strstr(why.text, want[0] == 'r' ? "lies outside" : "") != NULL, "%s: %s", id, why.text);
}

static void
test_table(void)
{
	FILE	   *f = fopen("data/timestamp_cases.tsv", "r");
	char		line[1024];
	int			n = 0;

	CHECK(f != NULL, "data/timestamp_cases.tsv cannot be read (run in test/unit)");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
	{
		char	   *rest = line;
		char	   *id = strsep(&rest, "\t");
		char	   *format,
				   *kind,
				   *text,
				   *want;
		SiValue		v;

		if (*id == '#' || rest == NULL)
			continue;
		format = strsep(&rest, "\t");
		kind = strsep(&rest, "\t");
		text = strsep(&rest, "\t");
		want = strsep(&rest, "\n");
		n++;
		if (strcmp(kind, "missing") == 0)
		{
			SiReason	why = {""};
			SiTimestampParser *p = si_timestamp_parser_create(format, true, strtoll(want, NULL, 10), &why);
			int64		got;

			v = (SiValue) {.kind = SI_VALUE_MISSING};
			CHECK(si_timestamp_parse(p, &v, &got, &why) && got == strtoll(want, NULL, 10), "%s", id);
			si_timestamp_parser_free(p);
			continue;
		}
		v = table_value(kind, text);
		check_value(id, format, &v, want);
	}
	if (f != NULL)
		fclose(f);
	CHECK_INT(n, 82);
}

/* What Joda makes of every kind of pattern and text. */
static void
test_joda(void)
{
	FILE	   *f = fopen("data/timestamp_joda.tsv", "r");
	char		line[1024];
	int			n = 0;

	CHECK(f != NULL, "data/timestamp_joda.tsv cannot be read (run in test/unit)");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
	{
		char	   *rest = line;
		char	   *format = strsep(&rest, "\t");
		char	   *kind,
				   *text;
		SiValue		v;

		if (*format == '#' || rest == NULL)
			continue;
		kind = strsep(&rest, "\t");
		text = strsep(&rest, "\t");
		v = table_value(kind, text);
		check_value("joda", format, &v, strsep(&rest, "\n"));
		n++;
	}
	if (f != NULL)
		fclose(f);
	CHECK(n > 2000, "only %d lines were read", n);
}

/* From the messages that a running Druid was given, format iso. */
static void
test_observed(void)
{
	static const char *const refused[] = {
		"not a time", "2015-09-12 05:00:00", "2015-13-12T05:00:00Z", "2015-02-30T05:00:00Z",
		"2015-09-12T24:00:00Z", "2015-06-30T23:59:60Z", "+300000000-01-01T00:00:00Z",
		"2015-09-12T05:00:00 UTC", "2015-09-12T05:00:00 Europe/Paris", "", " ", "\"", "\"\"",
	};
	SiReason	why;
	SiTimestampParser *p;
	int64		ms;
	SiValue		v = string_value("x");
	int			i;

	for (i = 0; i < lengthof(refused); i++)
		CHECK(parse("iso", refused[i]) == BAD, "\"%s\" is taken", refused[i]);
	CHECK_INT(parse("iso", "2015-09-12T05:00:00Z"), INT64CONST(1442034000000));
	CHECK_INT(parse("iso", " 2015-09-12T05:00:00Z "), INT64CONST(1442034000000));
	CHECK_INT(parse("iso", "\"2015-09-12T05:00:00Z\""), INT64CONST(1442034000000));
	CHECK_INT(parse("iso", "2015-09-12t05:00:00z"), INT64CONST(1442034000000));
	CHECK_INT(parse("iso", "1442034000000"), INT64CONST(1442034000000));
	CHECK_INT(parse("iso", "2015-09-12T05:00:00"), INT64CONST(1442034000000));
	CHECK_INT(parse("iso", "2015-09-12T05:00:00.123456Z"), INT64CONST(1442034000123));
	CHECK_INT(parse("iso", "2015-09-12T05:00:00+02:00"), INT64CONST(1442026800000));
	CHECK_INT(parse("iso", "2015-W37-6"), INT64CONST(1442016000000));
	CHECK_INT(parse("iso", "2015"), INT64CONST(1420070400000));
	CHECK_INT(parse("iso", "2015-09-12"), INT64CONST(1442016000000));
	CHECK_INT(parse("iso", "1969-12-31T23:59:59.999Z"), -1);
	CHECK_INT(parse("iso", "0001-01-01T00:00:00Z"), INT64CONST(-62135596800000));
	CHECK_INT(parse("iso", "-0001-01-01T00:00:00Z"), INT64CONST(-62198755200000));
	CHECK_INT(parse("iso", "9999-12-31T23:59:59Z"), INT64CONST(253402300799000));
	CHECK_INT(parse("iso", "T10:00"), 36000000);
	CHECK_INT(parse("iso", "2015-09-12T05,5Z"), INT64CONST(1442035800000));
	CHECK_INT(parse("iso", "2015-09-12T05:00:00.1234567891Z"), BAD);
	CHECK_INT(parse("auto", "2015-09-12T+01:30:15.5"), INT64CONST(1442016000000) - 5415500);
	CHECK_INT(parse("auto", "2015-09-12 05:00 Nowhere/Land"), BAD);

	v.kind = SI_VALUE_NULL;
	CHECK_INT(parse_value("iso", &v, &why), BAD);
	CHECK_STR(why.text, "Timestamp[null] is unparseable!");
	v.kind = SI_VALUE_MISSING;
	p = si_timestamp_parser_create("iso", false, 0, &why);
	si_timestamp_parser_name(p, "ts");
	CHECK(!si_timestamp_parse(p, &v, &ms, &why), "a missing time is read");
	si_timestamp_parser_free(p);
	CHECK_STR(why.text, "Timestamp[null] is unparseable! The message has no field \"ts\".");
	v.kind = SI_VALUE_BOOL;
	v.u.i = 1;
	CHECK_INT(parse_value("iso", &v, &why), BAD);
	CHECK_STR(why.text, "Timestamp[true] is unparseable!");
	v = string_value("[\"2015-09-12T05:00:00Z\"]");
	v.kind = SI_VALUE_ARRAY;
	CHECK_INT(parse_value("auto", &v, &why), BAD);
	v = string_value("{\"a\": 1}");
	v.kind = SI_VALUE_OBJECT;
	CHECK_INT(parse_value("auto", &v, &why), BAD);
}

/* The short path must give what the long one gives, date after date. */
static void
test_common_form(void)
{
	SiReason	why;
	SiTimestampParser *p = si_timestamp_parser_create("auto", false, 0, &why);
	int			i;

	for (i = -800000; i < 2900000; i += 997)
	{
		int64		day = i;
		int64		year = si_year_of_day(day);
		int			yday = (int) (day - si_days_from_civil(year, 1, 1));
		int			month = 1;
		char		text[64];
		char		longer[64];
		int64		a = 0,
					b = 0;
		SiValue		v;

		while (yday >= si_days_in_month(year, month))
			yday -= si_days_in_month(year, month++);
		if (year < 0 || year > 9999)
			continue;
		snprintf(text, sizeof(text), "%04d-%02d-%02dT01:02:03.004Z", (int) year, month, yday + 1);
		snprintf(longer, sizeof(longer), "%04d-%d-%dT1:2:3.004+00:00", (int) year, month, yday + 1);
		v = string_value(text);
		CHECK(si_timestamp_parse(p, &v, &a, &why), "%s", text);
		v = string_value(longer);
		CHECK(si_timestamp_parse(p, &v, &b, &why), "%s", longer);
		CHECK_INT(a, day * SI_MS_PER_DAY + 3723004);
		CHECK_INT(b, a);
	}
	si_timestamp_parser_free(p);

	CHECK_INT(parse("iso", "2015-09-31T00:00:00Z"), BAD);
	CHECK_INT(parse("iso", "2016-02-29T00:00:00Z"), INT64CONST(1456704000000));
	CHECK_INT(parse("iso", "2015-09-12T00:00:00.Z"), BAD);
	CHECK_INT(parse("iso", "xxxx-xx-xxT00:00:00Z"), BAD);
}

static void
test_patterns(void)
{
	SiReason	why;

	/* a month without a year is in 2000, a time alone on the first day of 1970 */
	CHECK_INT(parse("MMM dd HH:mm:ss", "Feb 29 00:00:01"), INT64CONST(951782401000));
	CHECK_INT(parse("HH:mm", "01:00"), 3600000);
	CHECK_INT(parse("HH:mm", "24:00"), BAD);
	CHECK_INT(parse("kk:mm", "24:00"), 0);
	CHECK_INT(parse("hh a", "12 am"), 0);
	CHECK_INT(parse("K a", "0 PM"), 43200000);
	CHECK_INT(parse("xxxx-'W'ww-e", "2009-W07-5"), INT64CONST(1234483200000));
	CHECK_INT(parse("yyyy-DDD", "2009-044"), INT64CONST(1234483200000));
	/* an era counts with the year of the era (Y), not with the year */
	CHECK_INT(parse("YYYY-MM-dd G", "0044-03-15 BC"), si_days_from_civil(-43, 3, 15) * SI_MS_PER_DAY);
	CHECK_INT(parse("yyyy-MM-dd G", "0044-03-15 BC"), si_days_from_civil(44, 3, 15) * SI_MS_PER_DAY);
	CHECK_INT(parse("EEEE, MMMM d, yyyy", "Friday, February 13, 2009"), INT64CONST(1234483200000));
	CHECK_INT(parse("EEE d MMM yyyy", "FRI 13 feb 2009"), INT64CONST(1234483200000));
	/* a wrong name of the day moves the day within its week */
	CHECK_INT(parse("EEE yyyy-MM-dd", "Sat 2009-02-13"), INT64CONST(1234569600000));
	CHECK_INT(parse("yyyyMMddHHmmss", "20090213233130"), INT64CONST(1234567890000));
	CHECK_INT(parse("yyyy-MM-dd'T'HH:mm:ss.SSSZ", "2009-02-13T23:31:30.5-08:00"), INT64CONST(1234596690500));
	CHECK_INT(parse("yyyy-MM-dd'T'HH:mm:ssZZ", "2009-02-13t23:31:30Z"), INT64CONST(1234567890000));
	CHECK_INT(parse("yyyy-MM-dd HH:mm ZZZ", "2009-07-13 12:00 Europe/Paris"), INT64CONST(1247479200000));
	/* the zone's own rules: summer time, and the hour that is not there */
	CHECK_INT(parse("yyyy-MM-dd HH:mm z", "2009-07-13 12:00 PST"), INT64CONST(1247511600000));
	CHECK_INT(parse("yyyy-MM-dd HH:mm z", "2009-03-08 02:30 PST"), BAD);
	CHECK_INT(parse("yyyy-MM-dd HH:mm z", "2009-11-01 01:30 PST"), INT64CONST(1257064200000));
	CHECK_INT(parse("yy", "+14"), si_days_from_civil(14, 1, 1) * SI_MS_PER_DAY);
	CHECK_INT(parse("''yyyy''", "'2009'"), INT64CONST(1230768000000));
	CHECK_INT(parse("yyyy 'o''clock'", "2009 O'CLOCK"), INT64CONST(1230768000000));
	CHECK_INT(parse("yyyy-MM-dd", "2009-02-29"), BAD);
	CHECK_INT(parse("yyyy-MM-dd", "2009-02-13 "), INT64CONST(1234483200000));
	CHECK_INT(parse("yyyy-MM-dd", ""), BAD);

	CHECK(si_timestamp_parser_create("yyyy-qq", false, 0, &why) == NULL, "taken");
	CHECK(strstr(why.text, "illegal pattern component: qq") != NULL, "%s", why.text);
	CHECK(si_timestamp_parser_create("zzzz", false, 0, &why) == NULL, "taken");
	CHECK(si_timestamp_parser_create("", false, 0, &why) == NULL, "taken");
}

static void
test_iso_of_specs(void)
{
	SiReason	why;
	int64		ms;

	CHECK(si_timestamp_parse_iso("2010-01-01T00:00:00Z", &ms, &why), "%s", why.text);
	CHECK_INT(ms, INT64CONST(1262304000000));
	CHECK(si_timestamp_parse_iso("2010-01-01", &ms, &why), "%s", why.text);
	CHECK_INT(ms, INT64CONST(1262304000000));
	CHECK(si_timestamp_parse_iso("2010", &ms, &why), "%s", why.text);
	CHECK_INT(ms, INT64CONST(1262304000000));
	CHECK(!si_timestamp_parse_iso("soon", &ms, &why), "taken");
	CHECK_STR(why.text, "\"soon\" is not an ISO 8601 date or time");
	CHECK(!si_timestamp_parse_iso("-5000-01-01", &ms, &why), "taken");
}

int
main(void)
{
	test_table();
	test_joda();
	test_observed();
	test_common_form();
	test_patterns();
	test_iso_of_specs();
	return harness_end("test_timestamp");
}
