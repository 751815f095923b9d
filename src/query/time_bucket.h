/*
 * time_bucket.h
 *		Functions of a time that have one result for a whole stretch of time:
 *		date_trunc, date_bin, extract, the cast to date.
 *
 * Grouping by such a function computes it once per bucket instead of once per
 * row.  A bucket is [n * width, (n + 1) * width) of local time: days for
 * functions that look at days and longer, hours, minutes or seconds for the
 * others.  Local time is UTC plus an offset that is constant between two
 * changes of the time zone (SiZoneSpan), so that a bucket never spans one.
 */
#ifndef SI_QUERY_TIME_BUCKET_H
#define SI_QUERY_TIME_BUCKET_H

#include "postgres.h"

#include "nodes/primnodes.h"
#include "pgtime.h"

typedef struct SiTimeBucket
{
	int64		width;			/* ms; 0: the expression is not one of these */
	int64		origin;			/* ms; of date_bin */
	int			values;			/* that the field of extract has; 0: as many as there are buckets */
	bool		zoned;			/* buckets are of local time */
	bool		ascending;		/* the expression never falls while local time rises */
	pg_tz	   *zone;			/* NULL: that of the session, asked for at execution */

	/* of the stretch of constant offset last seen: [from, to) in ms of UTC */
	int64		from;
	int64		to;
	int64		offset;
} SiTimeBucket;

/*
 * Takes an expression apart.  Its column must be the timestamptz column attno
 * and stand directly below the function; casts and arithmetic around the
 * function do not matter.
 */
extern void si_time_bucket_init(SiTimeBucket *bucket, Expr *expr, AttrNumber attno);

/* Makes the stretch around a time (ms) the current one. */
extern void si_time_bucket_span(SiTimeBucket *bucket, int64 ms);

/*
 * The bucket of a time: all times with the same result of this function share
 * the expression's value.  *lo and *hi get the bucket's limits in ms, both
 * inclusive and cut to the stretch of constant offset.
 */
static inline void
si_time_bucket_limits(SiTimeBucket *bucket, int64 ms, int64 *lo, int64 *hi)
{
	int64		local;
	int64		in_bucket;

	if (bucket->zoned && (ms < bucket->from || ms >= bucket->to))
		si_time_bucket_span(bucket, ms);
	local = ms + bucket->offset - bucket->origin;
	in_bucket = local % bucket->width;
	if (in_bucket < 0)
		in_bucket += bucket->width;
	*lo = ms - in_bucket;
	*hi = *lo + bucket->width - 1;
	if (bucket->zoned)
	{
		*lo = Max(*lo, bucket->from);
		*hi = Min(*hi, bucket->to - 1);
	}
}

#endif							/* SI_QUERY_TIME_BUCKET_H */
