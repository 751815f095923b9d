/*
 * fields.c
 *		The field table: names, their slots, and what is not to be discovered.
 *
 * Names are entries of an open-addressing hash table that is never more than
 * half full.  Besides fields it holds the excluded names and, up to a bound,
 * those for which there was no room.
 */
#include "common/port.h"

#include "common/hashfn.h"
#include "format/fields.h"
#include "format/owned.h"

/* Names without room that are told apart; beyond it they are not counted. */
#define MAX_OVERFLOW_NAMES 10000

/* Slot of entries that are no fields. */
#define NAME_EXCLUDED (-1)
#define NAME_OVERFLOW (-2)

typedef struct FieldName
{
	char	   *name;			/* NUL-terminated for convenience */
	int			len;
	int			slot;
	uint32		hash;
	bool		whole;			/* objects and arrays of anything are values of it */
} FieldName;

struct SiFieldTable
{
	bool		discover;
	bool		nested;
	int			max_fields;
	int			nfields;		/* entries with a slot */
	int			noverflow;
	int			nnames;
	int			names_cap;
	FieldName  *names;
	int		   *slots;			/* slot -> index into names; names_cap long */
	int			nbuckets;		/* a power of two */
	int		   *buckets;		/* index into names + 1, 0 is empty */
	uint64		generation;
	SiOwned    *owned;
};

static uint32
hash_name(const char *name, int len)
{
	return hash_bytes((const unsigned char *) name, len);
}

/* Index into names, or -1. */
static int
find_name(const SiFieldTable *t, const char *name, int len, uint32 hash)
{
	uint32		mask = t->nbuckets - 1;
	uint32		b;

	for (b = hash & mask; t->buckets[b] != 0; b = (b + 1) & mask)
	{
		const FieldName *n = &t->names[t->buckets[b] - 1];

		if (n->hash == hash && n->len == len && memcmp(n->name, name, len) == 0)
			return t->buckets[b] - 1;
	}
	return -1;
}

static void
fill_buckets(SiFieldTable *t)
{
	uint32		mask = t->nbuckets - 1;
	int			i;

	memset(t->buckets, 0, sizeof(int) * t->nbuckets);
	for (i = 0; i < t->nnames; i++)
	{
		uint32		b = t->names[i].hash & mask;

		while (t->buckets[b] != 0)
			b = (b + 1) & mask;
		t->buckets[b] = i + 1;
	}
}

/* Room for one more name; false when memory is exhausted. */
static bool
reserve_name(SiFieldTable *t)
{
	if (t->nnames == t->names_cap)
	{
		int			cap = t->names_cap == 0 ? 64 : t->names_cap * 2;
		FieldName  *names = realloc(t->names, sizeof(FieldName) * cap);
		int		   *slots;

		if (names == NULL)
			return false;
		t->names = names;
		slots = realloc(t->slots, sizeof(int) * cap);
		if (slots == NULL)
			return false;
		t->slots = slots;
		t->names_cap = cap;
	}
	if ((t->nnames + 1) * 2 > t->nbuckets)
	{
		int			nbuckets = t->nbuckets == 0 ? 256 : t->nbuckets * 2;
		int		   *buckets = realloc(t->buckets, sizeof(int) * nbuckets);

		if (buckets == NULL)
			return false;
		t->buckets = buckets;
		t->nbuckets = nbuckets;
		fill_buckets(t);
	}
	return true;
}

/* Adds a name that is not there yet; its index, or -1 without memory. */
static int
add_name(SiFieldTable *t, const char *name, int len, uint32 hash, int slot)
{
	uint32		b;
	FieldName  *n;
	char	   *copy;

	if (!reserve_name(t) || (copy = malloc(len + 1)) == NULL)
		return -1;
	memcpy(copy, name, len);
	copy[len] = '\0';
	n = &t->names[t->nnames++];
	n->name = copy;
	n->len = len;
	n->slot = slot;
	n->hash = hash;
	n->whole = false;
	for (b = hash & (t->nbuckets - 1); t->buckets[b] != 0;)
		b = (b + 1) & (t->nbuckets - 1);
	t->buckets[b] = t->nnames;
	return t->nnames - 1;
}

/* Gives an entry the next slot. */
static int
assign_slot(SiFieldTable *t, int index)
{
	t->names[index].slot = t->nfields;
	t->slots[t->nfields] = index;
	return t->nfields++;
}

static void
free_table(void *arg)
{
	SiFieldTable *t = arg;
	int			i;

	for (i = 0; i < t->nnames; i++)
		free(t->names[i].name);
	free(t->names);
	free(t->slots);
	free(t->buckets);
	free(t);
}

/* Only for callers from C that are no C++ frame's callees. */
static void
out_of_memory(void)
{
#ifdef FRONTEND
	fprintf(stderr, "out of memory\n");
	exit(EXIT_FAILURE);
#else
	ereport(ERROR,
			errcode(ERRCODE_OUT_OF_MEMORY),
			errmsg("out of memory"),
			errdetail("The table of a data source's fields could not grow."));
#endif
}

SiFieldTable *
si_fields_create(bool discover, int max_fields)
{
	SiFieldTable *t = calloc(1, sizeof(SiFieldTable));

	if (t == NULL || !reserve_name(t))
		out_of_memory();
	t->discover = discover;
	t->max_fields = max_fields;
	t->generation = 1;
	t->owned = si_owned_register(t, free_table);
	return t;
}

void
si_fields_discover_nested(SiFieldTable *t)
{
	t->nested = true;
}

bool
si_fields_nested(const SiFieldTable *t)
{
	return t->nested;
}

void
si_fields_keep_nested(SiFieldTable *t, int slot)
{
	t->names[t->slots[slot]].whole = true;
}

bool
si_fields_keeps_nested(const SiFieldTable *t, int slot)
{
	return t->nested || t->names[t->slots[slot]].whole;
}

void
si_fields_free(SiFieldTable *t)
{
	si_owned_forget(t->owned);
	free_table(t);
}

int
si_fields_add(SiFieldTable *t, const char *name, int len)
{
	uint32		hash = hash_name(name, len);
	int			index = find_name(t, name, len, hash);

	if (index >= 0 && t->names[index].slot >= 0)
		return t->names[index].slot;
	if (index < 0)
		index = add_name(t, name, len, hash, NAME_EXCLUDED);
	else if (t->names[index].slot == NAME_OVERFLOW)
		t->noverflow--;
	if (index < 0)
		out_of_memory();
	t->generation++;
	return assign_slot(t, index);
}

void
si_fields_exclude(SiFieldTable *t, const char *name, int len)
{
	uint32		hash = hash_name(name, len);

	if (find_name(t, name, len, hash) >= 0)
		return;
	if (add_name(t, name, len, hash, NAME_EXCLUDED) < 0)
		out_of_memory();
	t->generation++;
}

int
si_fields_count(const SiFieldTable *t)
{
	return t->nfields;
}

const char *
si_fields_name(const SiFieldTable *t, int slot, int *len)
{
	const FieldName *n = &t->names[t->slots[slot]];

	*len = n->len;
	return n->name;
}

int64
si_fields_overflow(const SiFieldTable *t)
{
	return t->noverflow;
}

int
si_fields_find(const SiFieldTable *t, const char *name, int len)
{
	int			index = find_name(t, name, len, hash_name(name, len));

	if (index < 0)
		return t->discover ? SI_FIELD_UNDECIDED : SI_FIELD_IGNORED;
	return t->names[index].slot >= 0 ? t->names[index].slot : SI_FIELD_IGNORED;
}

bool
si_fields_discovers(const SiFieldTable *t)
{
	return t->discover;
}

int
si_fields_discover(SiFieldTable *t, const char *name, int len)
{
	uint32		hash = hash_name(name, len);
	int			index = find_name(t, name, len, hash);
	bool		room = t->nfields < t->max_fields;

	if (index >= 0)
		return t->names[index].slot >= 0 ? t->names[index].slot : SI_FIELD_IGNORED;
	if (!room && t->noverflow >= MAX_OVERFLOW_NAMES)
		return SI_FIELD_IGNORED;
	index = add_name(t, name, len, hash, NAME_OVERFLOW);
	if (index < 0)
		return SI_FIELD_IGNORED;
	if (room)
		return assign_slot(t, index);
	t->noverflow++;
	return SI_FIELD_IGNORED;
}

void
si_fields_truncate(SiFieldTable *t, int count)
{
	int			kept = 0;
	int			i;

	for (i = 0; i < t->nnames; i++)
	{
		if (t->names[i].slot >= count)
		{
			free(t->names[i].name);
			continue;
		}
		t->names[kept] = t->names[i];
		if (t->names[kept].slot >= 0)
			t->slots[t->names[kept].slot] = kept;
		kept++;
	}
	t->nnames = kept;
	t->nfields = Min(t->nfields, count);
	fill_buckets(t);
	t->generation++;
}

uint64
si_fields_generation(const SiFieldTable *t)
{
	return t->generation;
}
