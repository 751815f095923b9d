/*
 * clock.c
 *		The time of the workers.
 */
#include "postgres.h"

#include "common/clock.h"
#include "common/fault.h"
#include "utils/timestamp.h"

TimestampTz
si_now(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (unlikely(si_fault_is("clock_back")))
		now -= USECS_PER_HOUR;
	return now;
}
