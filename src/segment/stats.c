/*
 * stats.c
 *		Putting together and comparing the numbers of blocks and chunks.
 */
#include "common/port.h"

#include "segment/segment_int.h"

void
si_stats_add(SiColumnStats *all, const SiColumnStats *block, SiType type)
{
	uint32		nulls = all->null_count + block->null_count;

	if (!block->has_minmax)
		all->null_count = nulls;
	else if (!all->has_minmax)
		*all = *block;
	else if (si_is_float(type))
	{
		if (si_double_less(block->min.d, all->min.d))
			all->min.d = block->min.d;
		if (si_double_less(all->max.d, block->max.d))
			all->max.d = block->max.d;
		all->sum.d += block->sum.d;
	}
	else
	{
		all->min.i = Min(all->min.i, block->min.i);
		all->max.i = Max(all->max.i, block->max.i);
		if (!block->has_sum || !all->has_sum ||
			__builtin_add_overflow(all->sum.i, block->sum.i, &all->sum.i))
		{
			all->has_sum = false;
			all->sum.i = 0;
		}
	}
	all->null_count = nulls;
}

static bool
same_double(double a, double b)
{
	return a == b || (a != a && b != b);
}

bool
si_stats_equal(const SiColumnStats *a, const SiColumnStats *b, SiType type)
{
	if (a->null_count != b->null_count || a->has_minmax != b->has_minmax || a->has_sum != b->has_sum)
		return false;
	if (si_is_float(type))
		return same_double(a->min.d, b->min.d) && same_double(a->max.d, b->max.d) &&
			same_double(a->sum.d, b->sum.d);
	return a->min.i == b->min.i && a->max.i == b->max.i && a->sum.i == b->sum.i;
}
