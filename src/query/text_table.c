/*
 * text_table.c
 *		Numbers for byte strings (text_table.h).
 */
#include "postgres.h"

#include "index/dict.h"
#include "query/text_table.h"

#define MIN_SLOTS	256
#define ARENA_BLOCK	(64 * 1024)
#define SHORT_TEXT	8

void
si_text_table_init(SiTextTable *t)
{
	memset(t, 0, sizeof(*t));
	t->mask = MIN_SLOTS - 1;
	t->slots = si_alloc0(MIN_SLOTS * sizeof(SiTextSlot));
	t->cap = MIN_SLOTS;
	t->records = si_alloc(MIN_SLOTS * sizeof(char *));
	t->memory = MIN_SLOTS * (sizeof(SiTextSlot) + sizeof(char *));
}

/* Makes the slots twice as many.  Hashes have 32 bits, which is as many as there are numbers. */
static void
grow_slots(SiTextTable *t)
{
	uint64		mask = t->mask * 2 + 1;
	SiTextSlot *slots = MemoryContextAllocExtended(GetMemoryChunkContext(t->slots),
												   (mask + 1) * sizeof(SiTextSlot),
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (uint64 i = 0; i <= t->mask; i++)
	{
		uint64		at = t->slots[i].hash & mask;

		if (t->slots[i].number == 0)
			continue;
		while (slots[at].number != 0)
			at = (at + 1) & mask;
		slots[at] = t->slots[i];
	}
	pfree(t->slots);
	t->slots = slots;
	t->memory += (mask - t->mask) * sizeof(SiTextSlot);
	t->mask = mask;
}

/* Keeps a copy of a string under the next number. */
static char *
add_record(SiTextTable *t, const char *text, uint32 len)
{
	Size		need = sizeof(uint32) + len;
	char	   *record;

	if (t->count == t->cap)
	{
		/* numbers are doubled in slots */
		if (t->cap >= PG_UINT32_MAX / 4)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many groups in one aggregation")));
		t->memory += t->cap * sizeof(char *);
		t->cap *= 2;
		t->records = si_realloc(t->records, (Size) t->cap * sizeof(char *));
	}
	if (need > t->arena_left)
	{
		Size		size = Max(ARENA_BLOCK, need);

		t->arena = MemoryContextAllocExtended(GetMemoryChunkContext(t->slots), size, MCXT_ALLOC_HUGE);
		t->arena_left = size;
		t->memory += size;
	}
	record = t->arena;
	t->arena += need;
	t->arena_left -= need;
	memcpy(record, &len, sizeof(len));
	memcpy(record + sizeof(len), text, len);
	t->records[t->count++] = record;
	return record;
}

static inline bool
same_text(const SiTextSlot *slot, uint32 hash, uint64 word, const char *text, uint32 len)
{
	const char *record;
	uint32		have;

	if (slot->hash != hash)
		return false;
	if (len <= SHORT_TEXT)
		return (slot->number & 1) != 0 && slot->word == word;
	if (slot->number & 1)
		return false;
	record = (const char *) (uintptr_t) slot->word;
	memcpy(&have, record, sizeof(have));
	return have == len && memcmp(record + sizeof(have), text, len) == 0;
}

/* Finds one string from its slot on, or adds it. */
static uint32
find_or_add(SiTextTable *t, uint32 hash, uint64 word, const char *text, uint32 len)
{
	uint64		i = hash & t->mask;
	char	   *record;

	for (; t->slots[i].number != 0; i = (i + 1) & t->mask)
	{
		if (same_text(&t->slots[i], hash, word, text, len))
			return t->slots[i].number / 2 - 1;
	}
	/* at most half full */
	if ((uint64) t->count * 2 > t->mask)
	{
		grow_slots(t);
		for (i = hash & t->mask; t->slots[i].number != 0;)
			i = (i + 1) & t->mask;
	}
	record = add_record(t, text, len);
	t->slots[i].word = len <= SHORT_TEXT ? word : (uint64) (uintptr_t) record;
	t->slots[i].hash = hash;
	t->slots[i].number = t->count * 2 + (len <= SHORT_TEXT);
	return t->count - 1;
}

void
si_text_table_numbers(SiTextTable *t, int n, const char *const *texts, const uint32 *lens,
					  uint32 *numbers)
{
	uint32		hashes[SI_TEXT_BATCH];
	uint64		words[SI_TEXT_BATCH];

	Assert(n <= SI_TEXT_BATCH);
	for (int i = 0; i < n; i++)
	{
		hashes[i] = (uint32) si_hash_bytes(texts[i], lens[i]);
		__builtin_prefetch(&t->slots[hashes[i] & t->mask]);
	}
	for (int i = 0; i < n; i++)
	{
		const SiTextSlot *slot = &t->slots[hashes[i] & t->mask];

		words[i] = 0;
		if (lens[i] <= SHORT_TEXT)
			memcpy(&words[i], texts[i], lens[i]);
		else if (slot->number != 0 && slot->hash == hashes[i] && (slot->number & 1) == 0)
			__builtin_prefetch((const char *) (uintptr_t) slot->word);
	}
	for (int i = 0; i < n; i++)
		numbers[i] = find_or_add(t, hashes[i], words[i], texts[i], lens[i]);
}
