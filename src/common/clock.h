/*
 * clock.h
 *		The time of the workers.
 *
 * The clock of a machine may be set back, also by hours.  Whoever keeps times
 * in memory to wait for must see that: what lies further ahead than it can is
 * from before the step.
 */
#ifndef SI_COMMON_CLOCK_H
#define SI_COMMON_CLOCK_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* GetCurrentTimestamp(), an hour less while a test's fault point is "clock_back". */
extern TimestampTz si_now(void);

/*
 * Microseconds from now until due; 0 when it is over, or further ahead than
 * most: then the clock was set back since due was worked out.
 */
static inline int64
si_wait_us(TimestampTz due, TimestampTz now, int64 most)
{
	return due <= now || due - now > most ? 0 : due - now;
}

#endif							/* SI_COMMON_CLOCK_H */
