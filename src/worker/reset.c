/*
 * reset.c
 *		Which unpublished chunks a reset of offsets drops.  Pure.
 *
 * Invariants of the result: no offset that is to be read is in a chunk that
 * stays, but for chunks that are marked as doubled; every offset of a chunk
 * that is dropped is to be read.
 */
#include "common/port.h"

#include "worker/reset.h"

static SiResetPartition *
find(SiResetPartition *partitions, int n, int32 partition)
{
	for (int i = 0; i < n; i++)
		if (partitions[i].partition == partition)
			return &partitions[i];
	return NULL;
}

/* Whether the chunk holds an offset that is to be read. */
static bool
is_read_again(const SiResetChunk *c, SiResetPartition *partitions, int n)
{
	for (int i = 0; i < c->npartitions; i++)
	{
		SiResetPartition *p = find(partitions, n, c->partitions[i]);

		if (p && c->ends[i] > c->starts[i] && c->ends[i] > p->offset)
			return true;
	}
	return false;
}

/* Whether the broker has everything that the chunk was made of. */
static bool
can_be_read(const SiResetChunk *c, SiResetPartition *partitions, int n)
{
	for (int i = 0; i < c->npartitions; i++)
	{
		SiResetPartition *p = find(partitions, n, c->partitions[i]);

		if (c->ends[i] > c->starts[i] && (p == NULL || c->starts[i] < p->low))
			return false;
	}
	return c->npartitions > 0;
}

/* Everything of the chunk is to be read. */
static void
drop(SiResetChunk *c, SiResetPartition *partitions, int n)
{
	c->dropped = true;
	for (int i = 0; i < c->npartitions; i++)
	{
		SiResetPartition *p = find(partitions, n, c->partitions[i]);

		if (p && c->ends[i] > c->starts[i])
			p->offset = Min(p->offset, c->starts[i]);
	}
}

int
si_reset_plan(SiResetPartition *partitions, int npartitions, SiResetChunk *chunks, int nchunks)
{
	int			dropped = 0;
	bool		changed = true;

	for (int i = 0; i < nchunks; i++)
		chunks[i].dropped = chunks[i].doubled = false;
	/* to drop one lowers offsets, which may be in another one */
	while (changed)
	{
		changed = false;
		for (int i = 0; i < nchunks; i++)
		{
			SiResetChunk *c = &chunks[i];

			if (c->dropped || c->doubled || !is_read_again(c, partitions, npartitions))
				continue;
			changed = true;
			if (can_be_read(c, partitions, npartitions))
			{
				drop(c, partitions, npartitions);
				dropped++;
			}
			else
				c->doubled = true;
		}
	}
	return dropped;
}
