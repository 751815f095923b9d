/*
 * row_ranges.c
 *		Rows per interval, from ranges of time (see row_ranges.h).
 */
#include "common/port.h"

#include "common/row_ranges.h"

/* A range over more intervals than this adds to each as if it had so many. */
#define MAX_SPAN	1000

typedef struct Part
{
	int64		start;			/* of the interval */
	double		rows;
} Part;

static int
compare_parts(const void *a, const void *b)
{
	int64		x = ((const Part *) a)->start;
	int64		y = ((const Part *) b)->start;

	return (x > y) - (x < y);
}

/* Starts of the intervals of a range, at most MAX_SPAN; one more when there are more. */
static int
span(SiGranularity *g, const SiRowRange *r, int64 *starts)
{
	int64		start = si_granularity_bucket_start(g, r->min_ms);
	int			n = 0;

	for (;;)
	{
		int64		end = si_granularity_bucket_end(g, start);

		if (n == MAX_SPAN)
			return n + 1;
		starts[n++] = start;
		if (end > r->max_ms || end == PG_INT64_MAX)
			return n;
		start = end;
	}
}

int64
si_largest_interval(SiGranularity *g, const SiRowRange *ranges, int n)
{
	int64	   *starts = si_alloc(sizeof(int64) * MAX_SPAN);
	Part	   *parts = NULL;
	int			nparts = 0;
	int			room = 0;
	double		thin = 0;
	double		largest = 0;
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		int			count = span(g, &ranges[i], starts);

		if (count > MAX_SPAN)
		{
			thin += (double) ranges[i].rows / MAX_SPAN;
			continue;
		}
		if (nparts + count > room)
		{
			room = (nparts + count) * 2;
			parts = parts ? si_realloc(parts, sizeof(Part) * room) : si_alloc(sizeof(Part) * room);
		}
		for (int k = 0; k < count; k++)
		{
			parts[nparts].start = starts[k];
			parts[nparts++].rows = (double) ranges[i].rows / count;
		}
	}
	if (nparts > 0)
		qsort(parts, nparts, sizeof(Part), compare_parts);
	for (int i = 0; i < nparts; i++)
	{
		sum = i > 0 && parts[i].start == parts[i - 1].start ? sum + parts[i].rows : parts[i].rows;
		largest = Max(largest, sum);
	}
	if (parts)
		pfree(parts);
	pfree(starts);
	/* thirds of a row add up to whole ones */
	return (int64) (largest + thin + 0.001);
}
