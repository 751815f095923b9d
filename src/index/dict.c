/*
 * dict.c
 *		The dictionary of one string column while rows are gathered.
 */
#include "common/port.h"

#include "index/dict.h"

#define DICT_MIN_TABLE	64
#define DICT_MIN_BYTES	4096

void
si_dict_init(SiDictBuilder *d)
{
	memset(d, 0, sizeof(*d));
	d->mask = DICT_MIN_TABLE - 1;
	d->table = si_alloc0(sizeof(SiDictEntry) * DICT_MIN_TABLE);
	d->cap = DICT_MIN_BYTES;
	d->bytes = si_alloc(d->cap);
	d->offsets_cap = DICT_MIN_TABLE;
	d->offsets = si_alloc(sizeof(uint64) * d->offsets_cap);
	d->offsets[0] = 0;
}

void
si_dict_free(SiDictBuilder *d)
{
	pfree(d->table);
	pfree(d->bytes);
	pfree(d->offsets);
	memset(d, 0, sizeof(*d));
}

/*
 * The table keeps its size for the next batch, which will probably be alike,
 * unless this batch used less than a sixteenth of it: clearing it must not
 * cost more than filling it did.
 */
void
si_dict_reset(SiDictBuilder *d)
{
	uint32		size = d->mask + 1;

	if (size > DICT_MIN_TABLE && (uint64) d->count * 16 < size)
	{
		while (size > DICT_MIN_TABLE && (uint64) d->count * 4 < size)
			size /= 2;
		pfree(d->table);
		d->table = si_alloc0(sizeof(SiDictEntry) * size);
		d->mask = size - 1;
	}
	else
		memset(d->table, 0, sizeof(SiDictEntry) * size);
	if (d->cap > DICT_MIN_BYTES && d->used * 16 < d->cap)
	{
		uint64		cap = Max(DICT_MIN_BYTES, d->used * 2);

		pfree(d->bytes);
		d->bytes = si_alloc(cap);
		d->cap = cap;
	}
	d->count = 0;
	d->used = 0;
	d->last_code = 0;
	d->last_len = 0;
	d->last = d->bytes;
}

uint64
si_dict_memory(const SiDictBuilder *d)
{
	return d->used + (uint64) d->count * (sizeof(uint64) + 2 * sizeof(SiDictEntry));
}

static void
grow_table(SiDictBuilder *d)
{
	uint32		size = (d->mask + 1) * 2;
	SiDictEntry *table = si_alloc0(sizeof(SiDictEntry) * (Size) size);

	/* the lower hash bits are not kept: hash again, in order of appearance */
	for (uint32 e = 0; e < d->count; e++)
	{
		uint64		h = si_hash_bytes(d->bytes + d->offsets[e], (uint32) (d->offsets[e + 1] - d->offsets[e]));
		uint32		i = (uint32) h & (size - 1);

		while (table[i].code != 0)
			i = (i + 1) & (size - 1);
		table[i].tag = (uint32) (h >> 32);
		table[i].code = e + 1;
	}
	pfree(d->table);
	d->table = table;
	d->mask = size - 1;
}

static uint32
add_entry(SiDictBuilder *d, const char *text, uint32 len)
{
	uint64		at = d->used;

	if (at + len > d->cap)
	{
		d->cap = Max(d->cap * 2, at + len);
		d->bytes = si_realloc(d->bytes, d->cap);
	}
	memcpy(d->bytes + at, text, len);
	d->used = at + len;
	if (d->count + 2 > d->offsets_cap)
	{
		d->offsets_cap *= 2;
		d->offsets = si_realloc(d->offsets, sizeof(uint64) * (Size) d->offsets_cap);
	}
	d->count++;
	d->offsets[d->count] = d->used;
	return d->count;
}

uint32
si_dict_lookup_slow(SiDictBuilder *d, const char *text, uint32 len)
{
	uint64		h = si_hash_bytes(text, len);
	uint32		tag = (uint32) (h >> 32);
	uint32		i = (uint32) h & d->mask;
	uint32		code;

	for (;;)
	{
		SiDictEntry e = d->table[i];

		if (e.code == 0)
			break;
		if (e.tag == tag)
		{
			uint64		at = d->offsets[e.code - 1];

			if (d->offsets[e.code] - at == len && memcmp(d->bytes + at, text, len) == 0)
			{
				code = e.code;
				goto found;
			}
		}
		i = (i + 1) & d->mask;
	}
	code = add_entry(d, text, len);
	d->table[i].tag = tag;
	d->table[i].code = code;
	/* at most 5/8 full */
	if ((uint64) d->count * 8 > (uint64) (d->mask + 1) * 5)
		grow_table(d);
found:
	d->last_code = code;
	d->last_len = len;
	d->last = d->bytes + d->offsets[code - 1];
	return code;
}

void
si_dict_drop_unused(SiDictBuilder *d, uint32 *codes, uint32 nrows)
{
	SiDictBuilder fresh;
	uint32	   *new_code;

	if (d->count / 2 <= nrows)
		return;
	si_dict_init(&fresh);
	new_code = si_alloc0(sizeof(uint32) * ((Size) d->count + 1));
	for (uint32 i = 0; i < nrows; i++)
	{
		uint32		code = codes[i];

		if (code != 0 && new_code[code] == 0)
			new_code[code] = si_dict_lookup(&fresh, d->bytes + d->offsets[code - 1],
											(uint32) (d->offsets[code] - d->offsets[code - 1]));
		codes[i] = new_code[code];
	}
	pfree(new_code);
	si_dict_free(d);
	*d = fresh;
}
