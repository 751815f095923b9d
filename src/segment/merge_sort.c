/*
 * merge_sort.c
 *		The order of all rows by time and dimensions, and which rows are equal
 *		in both.
 *
 * Time and dimensions of a row are packed, most significant first, into as
 * few 64-bit words as their ranges allow: a string takes the bits of its
 * rank.  Rows are sorted by the first word, then every run of equal ones by
 * the next.  Later words are made only when there are such runs.  Rows equal
 * in all words stay in the order of the inputs.
 */
#include "common/port.h"

#include "segment/merge_int.h"

/* Runs at least this long are sorted digit by digit. */
#define RADIX_MIN	2048

/* One column within a word, or the null flag before a 64-bit column. */
typedef struct Field
{
	SiMergeColumn *col;
	int			bits;
	bool		flag;			/* only whether the value is there */
	bool		nullable;		/* 0 is null, values begin at 1 */
	uint64		least;			/* of all sortable forms */
} Field;

typedef struct Entry
{
	uint64		key;
	uint32		row;
} Entry;

typedef struct Sorter
{
	SiMerge    *m;
	SiArena		arena;
	Field	   *fields;
	int			nfields;
	int		   *word_first;		/* first field of each word, then nfields */
	int			nwords;
	uint64	  **words;			/* NULL: not made yet */
	Entry	   *entries;
	Entry	   *spare;
} Sorter;

#define ST_SORT sort_run
#define ST_ELEMENT_TYPE Entry
#define ST_COMPARE(a, b) \
	((a)->key != (b)->key ? ((a)->key < (b)->key ? -1 : 1) : \
	 (a)->row < (b)->row ? -1 : (a)->row > (b)->row)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* ------------------------------------------------------------------ keys */

/* A value as an unsigned number of the same order. */
static inline uint64
sortable(const SiMergeColumn *col, uint32 row)
{
	switch (col->desc.type)
	{
		case SI_TYPE_STRING:
			return ((const uint32 *) col->values)[row];
		case SI_TYPE_FLOAT:
			return si_sortable_double(((const float *) col->values)[row]);
		case SI_TYPE_DOUBLE:
			return si_sortable_double(((const double *) col->values)[row]);
		default:
			return si_sortable_long(((const int64 *) col->values)[row]);
	}
}

static void
add_field(Sorter *s, SiMergeColumn *col, int bits, bool flag, bool nullable, uint64 least)
{
	Field	   *f = &s->fields[s->nfields];

	if (bits == 0)
		return;
	f->col = col;
	f->bits = bits;
	f->flag = flag;
	f->nullable = nullable;
	f->least = least;
	s->nfields++;
}

/* Works out how many bits a column needs. */
static void
plan_column(Sorter *s, SiMergeColumn *col)
{
	uint32		nrows = s->m->nrows;
	uint64		least = ~UINT64CONST(0);
	uint64		most = 0;
	bool		nulls = false;
	uint64		range;
	uint32		i;

	if (col->desc.type == SI_TYPE_STRING)
	{
		add_field(s, col, si_bits(col->strings.count), false, false, 0);
		return;
	}
	for (i = 0; i < nrows; i++)
	{
		uint64		v;

		if (col->nulls && si_bit_get(col->nulls, i))
		{
			nulls = true;
			continue;
		}
		v = sortable(col, i);
		least = Min(least, v);
		most = Max(most, v);
	}
	if (least > most)
		return;					/* all null */
	range = most - least;
	if (nulls && range == ~UINT64CONST(0))
	{
		add_field(s, col, 1, true, true, 0);
		add_field(s, col, 64, false, false, least);
	}
	else
		add_field(s, col, si_bits(nulls ? range + 1 : range), false, nulls, least);
}

static void
plan_words(Sorter *s)
{
	int			ncolumns = s->m->ndimensions + 1;
	int			used = 65;
	int			i;

	s->fields = si_arena_alloc(&s->arena, sizeof(Field) * 2 * ncolumns);
	for (i = 0; i < ncolumns; i++)
		plan_column(s, &s->m->columns[i]);
	s->word_first = si_arena_alloc(&s->arena, sizeof(int) * (s->nfields + 1));
	s->words = si_arena_alloc0(&s->arena, sizeof(uint64 *) * (s->nfields + 1));
	for (i = 0; i < s->nfields; i++)
	{
		if (used + s->fields[i].bits > 64)
		{
			s->word_first[s->nwords++] = i;
			used = 0;
		}
		used += s->fields[i].bits;
	}
	s->word_first[s->nwords] = s->nfields;
}

static inline uint64
field_value(const Field *f, uint32 row)
{
	if (f->col->nulls && si_bit_get(f->col->nulls, row))
		return 0;
	if (f->flag)
		return 1;
	return sortable(f->col, row) - f->least + (f->nullable ? 1 : 0);
}

/* Word w of all rows, made on first use. */
static const uint64 *
get_word(Sorter *s, int w)
{
	uint32		nrows = s->m->nrows;
	uint64	   *word;
	int			i;

	if (s->words[w])
		return s->words[w];
	word = s->words[w] = si_arena_alloc0(&s->arena, sizeof(uint64) * nrows);
	for (i = s->word_first[w]; i < s->word_first[w + 1]; i++)
	{
		const Field *f = &s->fields[i];
		uint32		row;

		if (f->bits == 64)
			for (row = 0; row < nrows; row++)
				word[row] = field_value(f, row);
		else if (f->col->desc.type == SI_TYPE_STRING)
			for (row = 0; row < nrows; row++)
				word[row] = word[row] << f->bits | ((const uint32 *) f->col->values)[row];
		else
			for (row = 0; row < nrows; row++)
				word[row] = word[row] << f->bits | field_value(f, row);
	}
	return word;
}

/* ------------------------------------------------------------------ sort */

/* Least significant digit first, over the bytes in which keys differ. */
static void
radix_sort(Entry *from, Entry *spare, uint32 n, uint64 differ)
{
	Entry	   *a = from;
	Entry	   *b = spare;
	int			shift;

	for (shift = 0; shift < 64; shift += 8)
	{
		uint32		start[257] = {0};
		uint32		i;

		if ((differ >> shift & 0xFF) == 0)
			continue;
		for (i = 0; i < n; i++)
			start[(a[i].key >> shift & 0xFF) + 1]++;
		for (i = 1; i < 256; i++)
			start[i] += start[i - 1];
		for (i = 0; i < n; i++)
			b[start[a[i].key >> shift & 0xFF]++] = a[i];
		{
			Entry	   *t = a;

			a = b;
			b = t;
		}
	}
	if (a != from)
		memcpy(from, a, sizeof(Entry) * (size_t) n);
}

/* Sorts entries first .. end-1, equal in all words before w, and marks equals. */
static void
sort_from_word(Sorter *s, uint32 first, uint32 end, int w)
{
	Entry	   *e = s->entries;
	const uint64 *word;
	uint64		differ = 0;
	bool		ascend = true;
	uint32		i;

	if (w == s->nwords)
	{
		for (i = first + 1; i < end; i++)
			si_bit_set(s->m->same, i);
		return;
	}
	word = get_word(s, w);
	e[first].key = word[e[first].row];
	for (i = first + 1; i < end; i++)
	{
		e[i].key = word[e[i].row];
		differ |= e[i].key ^ e[first].key;
		ascend = ascend && e[i - 1].key <= e[i].key;
	}
	if (!ascend)
	{
		if (end - first >= RADIX_MIN)
			radix_sort(e + first, s->spare, end - first, differ);
		else
			sort_run(e + first, end - first);
	}
	while (first < end)
	{
		uint32		run = first + 1;

		while (run < end && e[run].key == e[first].key)
			run++;
		if (run - first > 1)
			sort_from_word(s, first, run, w + 1);
		first = run;
	}
}

void
si_merge_sort(SiMerge *m)
{
	Sorter		s = {m};
	uint32		i;

	m->order = si_arena_alloc(&m->arena, sizeof(uint32) * m->nrows);
	m->same = si_arena_alloc0(&m->arena, sizeof(uint64) * ((size_t) m->nrows / 64 + 1));
	plan_words(&s);
	s.entries = si_arena_alloc(&s.arena, sizeof(Entry) * m->nrows);
	s.spare = si_arena_alloc(&s.arena, sizeof(Entry) * m->nrows);
	for (i = 0; i < m->nrows; i++)
		s.entries[i].row = i;
	sort_from_word(&s, 0, m->nrows, 0);
	for (i = 0; i < m->nrows; i++)
		m->order[i] = s.entries[i].row;
	si_arena_free(&s.arena);
}
