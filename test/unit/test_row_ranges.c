/*
 * test_row_ranges.c
 *		Rows of the largest interval, from ranges of time.
 */
#include "common/port.h"

#include "common/row_ranges.h"
#include "harness.h"

#define HOUR	INT64CONST(3600000)

int
main(void)
{
	SiGranularity hour;
	SiGranularity all;
	SiRowRange	none[1];
	/* two chunks in hour 0, one in hour 1, one over hours 1 and 2, an empty one */
	SiRowRange	some[] = {{10, 0, HOUR - 1}, {5, 5, 5}, {12, HOUR, HOUR}, {8, 2 * HOUR - 1, 2 * HOUR}, {0, 0, 0}};
	SiRowRange	thirds[] = {{1, 0, 3 * HOUR - 1}, {1, 0, 3 * HOUR - 1}, {1, 0, 3 * HOUR - 1}};
	SiRowRange	wide[] = {{2000, 0, 5000 * HOUR}, {3, -HOUR, -1}};
	SiRowRange	odd[] = {{7, PG_INT64_MIN, PG_INT64_MIN}, {9, PG_INT64_MAX, PG_INT64_MAX}};

	CHECK(si_granularity_from_name("HOUR", &hour) && si_granularity_from_name("ALL", &all), "granularities");
	CHECK_INT(si_largest_interval(&hour, none, 0), 0);
	CHECK_INT(si_largest_interval(&hour, some, 2), 15);
	CHECK_INT(si_largest_interval(&hour, some, 3), 15);
	CHECK_INT(si_largest_interval(&hour, some, 5), 16);
	CHECK_INT(si_largest_interval(&all, some, 5), 35);
	CHECK_INT(si_largest_interval(&hour, thirds, 3), 1);
	CHECK_INT(si_largest_interval(&hour, wide, 2), 5);
	CHECK_INT(si_largest_interval(&hour, odd, 2), 9);
	return harness_end("test_row_ranges");
}
