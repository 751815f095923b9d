/*
 * strings.c
 *		The distinct strings of one column while chunks are merged, and the
 *		arena that the merge allocates from.
 */
#include "common/port.h"

#include "common/hashfn.h"
#include "segment/merge_int.h"

/* ----------------------------------------------------------------- arena */

typedef struct SiArenaBlock
{
	struct SiArenaBlock *next;
	uint64		padding;		/* keeps what follows aligned to 16 bytes */
} SiArenaBlock;

void *
si_arena_alloc(SiArena *a, size_t size)
{
	SiArenaBlock *b = si_alloc(sizeof(SiArenaBlock) + size);

	b->next = a->blocks;
	a->blocks = b;
	return b + 1;
}

void *
si_arena_alloc0(SiArena *a, size_t size)
{
	SiArenaBlock *b = si_alloc0(sizeof(SiArenaBlock) + size);

	b->next = a->blocks;
	a->blocks = b;
	return b + 1;
}

void
si_arena_free(SiArena *a)
{
	while (a->blocks)
	{
		SiArenaBlock *b = a->blocks;

		a->blocks = b->next;
		pfree(b);
	}
}

/* --------------------------------------------------------------- strings */

static void
grow_slots(SiStrings *s)
{
	uint32		nslots = s->nslots ? s->nslots * 2 : 256;
	uint64	   *slots = si_alloc0(sizeof(uint64) * (size_t) nslots);
	uint32		i;

	for (i = 0; i < s->count; i++)
	{
		uint32		h = s->hashes[i] & (nslots - 1);

		while (slots[h] != 0)
			h = (h + 1) & (nslots - 1);
		slots[h] = (uint64) s->hashes[i] << 32 | (i + 1);
	}
	if (s->slots)
		pfree(s->slots);
	s->slots = slots;
	s->nslots = nslots;
}

static void
grow_room(SiStrings *s)
{
	uint32		room = s->room ? s->room * 2 : 128;

	if (s->room == 0)
	{
		s->offsets = si_alloc(sizeof(uint64) * ((size_t) room + 1));
		s->offsets[0] = 0;
		s->hashes = si_alloc(sizeof(uint32) * (size_t) room);
	}
	else
	{
		s->offsets = si_realloc(s->offsets, sizeof(uint64) * ((size_t) room + 1));
		s->hashes = si_realloc(s->hashes, sizeof(uint32) * (size_t) room);
	}
	s->room = room;
}

uint32
si_strings_add(SiStrings *s, const char *p, uint64 len)
{
	uint32		hash = hash_bytes((const unsigned char *) p, (int) len);
	uint32		h;

	/* slots double at half full, which ends at 2^31 of them */
	if (s->count >= s->nslots / 2)
	{
		if (s->nslots >= (uint32) 1 << 31)
			return 0;
		grow_slots(s);
	}
	h = hash & (s->nslots - 1);
	while (s->slots[h] != 0)
	{
		uint32		i = (uint32) s->slots[h] - 1;

		if (s->slots[h] >> 32 == hash && s->offsets[i + 1] - s->offsets[i] == len &&
			(len == 0 || memcmp(s->bytes.data + s->offsets[i], p, len) == 0))
			return i + 1;
		h = (h + 1) & (s->nslots - 1);
	}
	if (s->count == s->room)
		grow_room(s);
	si_buf_put(&s->bytes, p, len);
	s->hashes[s->count] = hash;
	s->offsets[++s->count] = s->bytes.len;
	s->slots[h] = (uint64) hash << 32 | s->count;
	return s->count;
}

void
si_strings_sort(SiStrings *s)
{
	SiDict		dict = {s->count, false, s->bytes.data, s->offsets};

	s->order = si_dict_order(&dict);
	if (s->slots)
		pfree(s->slots);
	if (s->hashes)
		pfree(s->hashes);
	s->slots = NULL;
	s->hashes = NULL;
}

void
si_strings_free(SiStrings *s)
{
	if (s->slots)
		pfree(s->slots);
	if (s->hashes)
		pfree(s->hashes);
	if (s->offsets)
		pfree(s->offsets);
	if (s->order)
		pfree(s->order);
	si_buf_free(&s->bytes);
	memset(s, 0, sizeof(*s));
}
