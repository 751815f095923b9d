/*
 * groups.c
 *		Assignment of partitions to task groups.  Pure.
 */
#include "common/port.h"

#include "worker/groups.h"

/* The stored next offset of a partition, or -1. */
static int64
stored_offset(const SiGroupState *stored, int nstored, int32 partition)
{
	for (int g = 0; g < nstored; g++)
		for (int i = 0; i < stored[g].npartitions; i++)
			if (stored[g].partitions[i] == partition)
				return stored[g].offsets[i];
	return -1;
}

static const SiGroupState *
find_group(const SiGroupState *groups, int n, int group_id)
{
	for (int g = 0; g < n; g++)
		if (groups[g].group_id == group_id)
			return &groups[g];
	return NULL;
}

/* Whether the stored groups are exactly partition % ngroups. */
static bool
already_grouped(const SiGroupState *stored, int nstored, int npartitions, int ngroups)
{
	if (nstored != ngroups)
		return false;
	for (int g = 0; g < ngroups; g++)
	{
		const SiGroupState *s = find_group(stored, nstored, g);
		int			n = (npartitions - g + ngroups - 1) / ngroups;

		if (s == NULL || s->npartitions != n)
			return false;
		for (int i = 0; i < n; i++)
			if (s->partitions[i] != g + i * ngroups)
				return false;
	}
	return true;
}

SiRegroup
si_regroup(const SiGroupState *stored, int nstored, const SiStreamEnds *ends,
		   int task_count, bool use_earliest, SiGroupState **result, int *nresult)
{
	int			ngroups = Min(task_count, ends->npartitions);
	int64		next_seq = 0;
	bool		any_known = false;
	SiGroupState *groups;

	if (already_grouped(stored, nstored, ends->npartitions, ngroups))
		return SI_REGROUP_NO;
	for (int g = 0; g < nstored; g++)
	{
		next_seq = Max(next_seq, stored[g].next_seq);
		any_known |= stored[g].npartitions > 0;
		/* a topic never loses partitions: forgotten offsets would be read again */
		for (int i = 0; i < stored[g].npartitions; i++)
			if (stored[g].partitions[i] >= ends->npartitions)
				return SI_REGROUP_WAIT;
	}

	groups = palloc0(Max(ngroups, 1) * sizeof(SiGroupState));
	for (int g = 0; g < ngroups; g++)
	{
		const SiGroupState *old = find_group(stored, nstored, g);
		int			n = (ends->npartitions - g + ngroups - 1) / ngroups;

		groups[g].group_id = g;
		groups[g].npartitions = n;
		groups[g].partitions = palloc(n * sizeof(int32));
		groups[g].offsets = palloc(n * sizeof(int64));
		groups[g].next_seq = next_seq;
		if (old)
			groups[g].counters = old->counters;
		for (int i = 0; i < n; i++)
		{
			int32		p = g + i * ngroups;
			int64		offset = stored_offset(stored, nstored, p);

			if (offset < 0)
				offset = any_known || use_earliest ? ends->low[p] : ends->high[p];
			if (offset < 0)
				return SI_REGROUP_WAIT;
			groups[g].partitions[i] = p;
			groups[g].offsets[i] = offset;
		}
	}
	for (int g = 0; g < nstored && ngroups > 0; g++)
		if (stored[g].group_id >= ngroups)
			for (int c = 0; c < SI_NUM_COUNTERS; c++)
				groups[0].counters.n[c] += stored[g].counters.n[c];
	*result = groups;
	*nresult = ngroups;
	return SI_REGROUP_YES;
}

int
si_group_offset_gone(const SiGroupState *group, const SiStreamEnds *ends)
{
	for (int i = 0; i < group->npartitions; i++)
	{
		int32		p = group->partitions[i];

		if (p < ends->npartitions && ends->low[p] >= 0 && group->offsets[i] < ends->low[p])
			return i;
	}
	return -1;
}
