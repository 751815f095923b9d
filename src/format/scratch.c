/*
 * scratch.c
 *		Bytes that live as long as the rows of one message: see scratch.h.
 *
 * A chain of blocks; the current one is filled from its start.  A block of
 * more than KEPT_BLOCK bytes is not kept for the next message.
 */
#include "common/port.h"

#include "format/scratch.h"

#define FIRST_BLOCK	(16 * 1024)
#define KEPT_BLOCK	(1024 * 1024)

struct SiScratchBlock
{
	SiScratchBlock *previous;
	size_t		size;
	char		data[FLEXIBLE_ARRAY_MEMBER];
};

static bool
add_block(SiScratch *a, size_t n)
{
	size_t		size = a->current ? Min(a->current->size * 2, KEPT_BLOCK) : FIRST_BLOCK;
	SiScratchBlock *block;

	size = Max(size, n);
	block = malloc(offsetof(SiScratchBlock, data) + size);
	if (block == NULL)
		return false;
	block->previous = a->current;
	block->size = size;
	a->current = block;
	a->used = 0;
	return true;
}

void *
si_scratch_alloc(SiScratch *a, size_t n)
{
	char	   *p;

	n = (n + 7) & ~(size_t) 7;
	if ((a->current == NULL || n > a->current->size - a->used) && !add_block(a, n))
		return NULL;
	p = a->current->data + a->used;
	a->used += n;
	a->allocated += n;
	return p;
}

void
si_scratch_trim(SiScratch *a, const void *last, size_t n)
{
	a->used = (const char *) last - a->current->data + ((n + 7) & ~(size_t) 7);
}

char *
si_scratch_copy(SiScratch *a, const char *text, size_t len)
{
	char	   *copy = si_scratch_alloc(a, len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

static void
free_blocks(SiScratchBlock *block)
{
	while (block != NULL)
	{
		SiScratchBlock *previous = block->previous;

		free(block);
		block = previous;
	}
}

/* Of the chain the last block is the largest. */
void
si_scratch_reset(SiScratch *a)
{
	a->used = 0;
	a->allocated = 0;
	if (a->current == NULL)
		return;
	free_blocks(a->current->previous);
	a->current->previous = NULL;
	if (a->current->size > KEPT_BLOCK)
	{
		free(a->current);
		a->current = NULL;
	}
}

bool
si_scratch_owns(const SiScratch *a, const void *p)
{
	for (const SiScratchBlock *block = a->current; block != NULL; block = block->previous)
		if ((const char *) p >= block->data && (const char *) p < block->data + block->size)
			return true;
	return false;
}

void
si_scratch_free(SiScratch *a)
{
	free_blocks(a->current);
	a->current = NULL;
	a->used = 0;
	a->allocated = 0;
}
