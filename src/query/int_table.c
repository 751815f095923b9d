/*
 * int_table.c
 *		Growing a table of numbers for keys (int_table.h).
 */
#include "postgres.h"

#include "query/int_table.h"

/* Makes room for at least one more key. */
void
si_int_table_grow(SiIntTable *t)
{
	if (t->count == t->keys_cap)
	{
		if (t->keys_cap >= PG_UINT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many groups in one aggregation")));
		t->keys_cap *= 2;
		t->keys = si_realloc(t->keys, t->keys_cap * sizeof(uint64));
	}
	if ((uint64) t->count * 2 > t->mask)
	{
		uint64		mask = t->mask * 2 + 1;
		SiIntSlot  *slots = MemoryContextAllocExtended(GetMemoryChunkContext(t->slots),
													   (mask + 1) * sizeof(SiIntSlot),
													   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

		for (uint32 n = 0; n < t->count; n++)
		{
			uint64		i = si_int_hash(t->keys[n]) & mask;

			while (slots[i].number != 0)
				i = (i + 1) & mask;
			slots[i].key = t->keys[n];
			slots[i].number = n + 1;
		}
		pfree(t->slots);
		t->slots = slots;
		t->mask = mask;
	}
}
