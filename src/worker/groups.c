/*
 * groups.c
 *		Assignment of partitions to task groups.  Pure.
 */
#include "common/port.h"

#include "worker/groups.h"

/* A told partition and the group it belongs to. */
typedef struct Place
{
	int			group_id;
	int			index;			/* in the arrays of ends */
} Place;

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

int
si_stream_ends_find(const SiStreamEnds *ends, int32 partition)
{
	int			low = 0,
				high = ends->npartitions - 1;

	while (low <= high)
	{
		int			mid = (low + high) / 2;

		if (ends->partitions[mid] == partition)
			return mid;
		if (ends->partitions[mid] < partition)
			low = mid + 1;
		else
			high = mid - 1;
	}
	return -1;
}

static int
group_of(const SiStreamEnds *ends, int i, int task_count)
{
	uint32		key = ends->hashes ? ends->hashes[i] : (uint32) si_partition_number(ends->partitions[i]);

	return (int) (key % (uint32) task_count);
}

/* Whether the stored groups are exactly what they should be. */
static bool
already_grouped(const SiGroupState *stored, int nstored, const SiStreamEnds *ends, int task_count)
{
	int			n = 0;

	for (int g = 0; g < nstored; g++)
	{
		if (stored[g].npartitions == 0)
			return false;
		for (int i = 0; i < stored[g].npartitions; i++)
		{
			int			at = si_stream_ends_find(ends, stored[g].partitions[i]);

			if (at < 0 || group_of(ends, at, task_count) != stored[g].group_id)
				return false;
			n++;
		}
	}
	return n == ends->npartitions;
}

static int
compare_places(const void *a, const void *b)
{
	const Place *x = a,
			   *y = b;

	if (x->group_id != y->group_id)
		return x->group_id < y->group_id ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

/* Where reading of a partition begins that has no stored offset; -1: not known yet. */
static int64
first_offset(const SiStreamEnds *ends, int i, bool earliest)
{
	if (ends->starts)
		return ends->starts[i];
	return earliest ? ends->low[i] : ends->high[i];
}

SiRegroup
si_regroup(const SiGroupState *stored, int nstored, const SiStreamEnds *ends,
		   int task_count, bool use_earliest, SiGroupState **result, int *nresult)
{
	int			n = ends->npartitions;
	int			ngroups = 0;
	int64		next_seq = 0;
	bool		any_known = false;
	Place	   *places;
	SiGroupState *groups;

	if (already_grouped(stored, nstored, ends, task_count))
		return SI_REGROUP_NO;
	for (int g = 0; g < nstored; g++)
	{
		next_seq = Max(next_seq, stored[g].next_seq);
		any_known |= stored[g].npartitions > 0;
		/* a topic never loses partitions: forgotten offsets would be read again */
		for (int i = 0; i < stored[g].npartitions; i++)
			if (si_stream_ends_find(ends, stored[g].partitions[i]) < 0)
				return SI_REGROUP_FEWER;
	}

	places = palloc(Max(n, 1) * sizeof(Place));
	for (int i = 0; i < n; i++)
		places[i] = (Place) {group_of(ends, i, task_count), i};
	qsort(places, n, sizeof(Place), compare_places);
	groups = palloc0(Max(n, 1) * sizeof(SiGroupState));
	for (int k = 0; k < n; k++)
	{
		int			i = places[k].index;
		int64		offset = stored_offset(stored, nstored, ends->partitions[i]);
		SiGroupState *g;

		if (offset < 0)
			offset = first_offset(ends, i, any_known || use_earliest);
		if (offset < 0)
			return SI_REGROUP_WAIT;
		if (ngroups == 0 || groups[ngroups - 1].group_id != places[k].group_id)
		{
			const SiGroupState *old = find_group(stored, nstored, places[k].group_id);

			g = &groups[ngroups++];
			g->group_id = places[k].group_id;
			g->partitions = palloc(n * sizeof(int32));
			g->offsets = palloc(n * sizeof(int64));
			if (ends->stops)
			{
				g->starts = palloc(n * sizeof(int64));
				g->stops = palloc(n * sizeof(int64));
			}
			g->next_seq = next_seq;
			if (old)
				g->counters = old->counters;
		}
		g = &groups[ngroups - 1];
		if (ends->stops)
		{
			g->starts[g->npartitions] = ends->starts[i];
			g->stops[g->npartitions] = ends->stops[i];
		}
		g->partitions[g->npartitions] = ends->partitions[i];
		g->offsets[g->npartitions++] = offset;
	}
	for (int g = 0; g < nstored && ngroups > 0; g++)
		if (find_group(groups, ngroups, stored[g].group_id) == NULL)
			for (int c = 0; c < SI_NUM_COUNTERS; c++)
				groups[0].counters.n[c] += stored[g].counters.n[c];
	*result = groups;
	*nresult = ngroups;
	return SI_REGROUP_YES;
}

bool
si_group_complete(const SiGroupState *group)
{
	if (group->stops == NULL)
		return false;
	for (int i = 0; i < group->npartitions; i++)
		if (group->offsets[i] < group->stops[i])
			return false;
	return true;
}
