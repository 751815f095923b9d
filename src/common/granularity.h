/*
 * granularity.h
 *		Druid's granularities as pure functions of time: simple names,
 *		durations and ISO periods with time zone and origin.
 *
 * All times are int64 milliseconds since the Unix epoch.
 */
#ifndef SI_COMMON_GRANULARITY_H
#define SI_COMMON_GRANULARITY_H

#include "common/types.h"

typedef enum SiGranularityKind
{
	SI_GRAN_NONE = 0,			/* 1 ms, no truncation */
	SI_GRAN_ALL,				/* one bucket for all time */
	SI_GRAN_DURATION,			/* fixed length in ms from an origin (second .. eight_hour, UTC day, week) */
	SI_GRAN_MONTHS,				/* a number of calendar months in UTC (month, quarter, year) */
	SI_GRAN_PERIOD				/* calendar arithmetic in a time zone: ICU */
} SiGranularityKind;

typedef struct SiGranularity
{
	SiGranularityKind kind;
	int64		duration;		/* DURATION: ms; MONTHS: number of months */
	int64		origin;			/* ms */
	bool		has_origin;
	char		name[40];		/* normalised for echo: "HOUR", "PT2H", ... */
	char		timezone[40];	/* PERIOD: IANA name */
	/* PERIOD: years, months, weeks, days, hours, minutes, seconds, millis */
	int			fields[8];
	/* PERIOD: cached bucket of the last call (times cluster) */
	int64		cache_start,
				cache_end;
	void	   *calendar;		/* PERIOD: the zone, opened on first use */
} SiGranularity;

/*
 * Parses a simple granularity name in any case ("hour", "FIFTEEN_MINUTE").
 * Returns false and leaves *g alone when the name is unknown.
 */
extern bool si_granularity_from_name(const char *name, SiGranularity *g);

/* A fixed duration from an origin (ms).  Returns false unless duration > 0. */
extern bool si_granularity_from_duration(int64 duration, int64 origin, bool has_origin, SiGranularity *g);

/*
 * An ISO 8601 period such as "P1D" or "PT2H" in a time zone (NULL: UTC).
 * Periods that equal a simple granularity in UTC without origin become it.
 * Returns false with a reason when the period or the zone is invalid.
 */
extern bool si_granularity_from_period(const char *period, const char *timezone,
									   int64 origin, bool has_origin,
									   SiGranularity *g, SiReason *why);

/* Start of the bucket that holds t.  NONE returns t, ALL returns PG_INT64_MIN. */
extern int64 si_granularity_bucket_start(SiGranularity *g, int64 t);

/* End (exclusive) of the bucket that starts at start. */
extern int64 si_granularity_bucket_end(SiGranularity *g, int64 start);

/*
 * Whether every bucket of outer begins where one of inner does, as far as
 * that can be told without looking at a calendar: false when in doubt.
 */
extern bool si_granularity_nests(const SiGranularity *inner, const SiGranularity *outer);

/*
 * An ISO 8601 period as milliseconds, for durations such as taskDuration.
 * Weeks and days are of fixed length; years and months are refused (as in
 * Druid, where they have no fixed length).  A leading minus is accepted.
 */
extern bool si_period_to_ms(const char *text, int64 *ms, SiReason *why);

/* Milliseconds as an ISO 8601 period: 3600000 gives "PT1H", as Joda prints it. */
extern void si_period_print(int64 ms, char *buf, size_t size);

/*
 * Milliseconds in whole seconds, as Druid echoes the durations of an
 * ioConfig: 3600000 gives "PT3600S", 500 "PT0.500S".
 */
extern void si_duration_print(int64 ms, char *buf, size_t size);

/* An instant as Druid prints it: "2015-09-12T00:46:58.771Z"; buf >= 40 bytes. */
extern void si_time_print(int64 ms, char *buf, size_t size);

#endif							/* SI_COMMON_GRANULARITY_H */
