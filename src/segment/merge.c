/*
 * merge.c
 *		Merging chunks: the union of their columns, what a merge in memory
 *		needs, and the steps of it in order.
 *
 * Inputs stay the caller's; dictionaries that the merge loads are given
 * back.  Everything allocated here is freed before si_merge() returns, or
 * with the memory context when the caller's functions throw.
 */
#include "common/port.h"

#include <limits.h>

#include "segment/merge_int.h"

bool
si_merge_fail(SiMerge *m, int input)
{
	m->err->input = input;
	return false;
}

bool
si_merge_stopped(SiMerge *m)
{
	return m->err->text[0] != '\0' ? false : si_fail(m->err, 0, "the merge was stopped");
}

/* ------------------------------------------------------ union of columns */

/* A column of the union before it has its place. */
typedef struct UnionColumn
{
	SiColumnDesc desc;
	int		   *input_col;
	int		   *input_times;	/* columns of role TIMES, -1: does not have it */
	uint32		types;			/* bit t: some input has type t */
	bool		large;			/* some long is not exact as a double */
	int			rank;			/* place among named dimensions, INT_MAX: not named */
	int			seen;			/* order of appearance */
} UnionColumn;

typedef struct Union
{
	UnionColumn *columns;
	int			ncolumns;
	int			room;
	int		   *hints;			/* place in the last input -> column, or -1 */
	int			nhints;
} Union;

static int
find_union_column(const Union *u, int hint, const char *name)
{
	int			i;

	if (hint < u->nhints && u->hints[hint] >= 0 &&
		strcmp(u->columns[u->hints[hint]].desc.name, name) == 0)
		return u->hints[hint];
	for (i = 0; i < u->ncolumns; i++)
		if (strcmp(u->columns[i].desc.name, name) == 0)
			return i;
	return -1;
}

static int
add_union_column(SiMerge *m, Union *u, const SiMergeSpec *spec, const char *name)
{
	UnionColumn *c;
	int			i;

	if (u->ncolumns == u->room)
	{
		UnionColumn *old = u->columns;

		u->room = u->room ? u->room * 2 : 64;
		u->columns = si_arena_alloc(&m->arena, sizeof(UnionColumn) * u->room);
		if (old)
			memcpy(u->columns, old, sizeof(UnionColumn) * u->ncolumns);
	}
	c = &u->columns[u->ncolumns];
	memset(c, 0, sizeof(*c));
	c->input_col = si_arena_alloc(&m->arena, sizeof(int) * m->ninputs);
	c->input_times = si_arena_alloc(&m->arena, sizeof(int) * m->ninputs);
	for (i = 0; i < m->ninputs; i++)
		c->input_col[i] = c->input_times[i] = -1;
	c->rank = INT_MAX;
	for (i = 0; i < spec->ndimensions; i++)
		if (strcmp(spec->dimensions[i], name) == 0)
		{
			c->rank = i;
			break;
		}
	c->seen = u->ncolumns;
	return u->ncolumns++;
}

/* Longs up to this are exact as doubles. */
#define MAX_EXACT	(INT64CONST(1) << 53)

/*
 * The type of a column of several types: the one that loses nothing, text if
 * need be.  Metrics stay what they can combine.
 */
static SiType
common_type(const UnionColumn *c)
{
	bool		number = c->desc.role == SI_ROLE_METRIC && !SI_AGG_BY_TIME(c->desc.agg) && c->desc.agg != SI_AGG_ANY;

#define HAS(type)	((c->types & (1 << (type))) != 0)
	if ((c->types & (c->types - 1)) == 0)
		return c->desc.type;
	if (number ? c->desc.type == SI_TYPE_STRING : HAS(SI_TYPE_STRING))
		return SI_TYPE_STRING;
	if (number && HAS(SI_TYPE_STRING))
		return c->desc.type;
	if (HAS(SI_TYPE_LONG) && c->large && !number)
		return SI_TYPE_STRING;
	return SI_TYPE_DOUBLE;
#undef HAS
}

/* Adds the columns of one input; its roles win over those before. */
static void
add_input(SiMerge *m, Union *u, const SiMergeSpec *spec, int input)
{
	SiSegment  *seg = m->inputs[input];
	int			i;

	if (seg->ncolumns > u->nhints)
	{
		int		   *hints = si_arena_alloc(&m->arena, sizeof(int) * seg->ncolumns);

		for (i = 0; i < seg->ncolumns; i++)
			hints[i] = i < u->nhints ? u->hints[i] : -1;
		u->hints = hints;
		u->nhints = seg->ncolumns;
	}
	for (i = 0; i < seg->ncolumns; i++)
	{
		const SiColumnDesc *desc = &si_segment_column(seg, i)->desc;
		int			k = find_union_column(u, i, desc->name);
		bool		multi;
		bool		json;

		if (desc->role == SI_ROLE_TIMES)
		{
			/* of the metric before it, which was found just now */
			u->columns[u->hints[i - 1]].input_times[input] = i;
			u->hints[i] = -1;
			continue;
		}
		if (k < 0)
			k = add_union_column(m, u, spec, desc->name);
		multi = u->columns[k].desc.multi_value || desc->multi_value;
		json = u->columns[k].desc.json || desc->json;
		u->columns[k].desc = *desc;
		u->columns[k].desc.multi_value = multi;
		u->columns[k].desc.json = json;
		u->columns[k].types |= 1 << desc->type;
		if (desc->type == SI_TYPE_LONG)
		{
			const SiColumnStats *st = &si_segment_column(seg, i)->stats;

			u->columns[k].large |= st->has_minmax && (st->min.i < -MAX_EXACT || st->max.i > MAX_EXACT);
		}
		u->columns[k].input_col[input] = i;
		u->hints[i] = k;
	}
}

/* Time, named dimensions, other dimensions by name, metrics as they came. */
static int
compare_union_columns(const void *pa, const void *pb)
{
	const UnionColumn *a = pa;
	const UnionColumn *b = pb;

	if (a->desc.role != b->desc.role)
		return (int) a->desc.role - (int) b->desc.role;
	if (a->desc.role == SI_ROLE_DIMENSION)
	{
		if (a->rank != b->rank)
			return a->rank < b->rank ? -1 : 1;
		return strcmp(a->desc.name, b->desc.name);
	}
	return a->seen - b->seen;
}

static void
plan_columns(SiMerge *m)
{
	Union		u = {0};
	int			i;

	for (i = 0; i < m->ninputs; i++)
		add_input(m, &u, m->spec, i);
	qsort(u.columns, u.ncolumns, sizeof(UnionColumn), compare_union_columns);
	m->ncolumns = u.ncolumns;
	m->columns = si_arena_alloc0(&m->arena, sizeof(SiMergeColumn) * u.ncolumns);
	for (i = 0; i < u.ncolumns; i++)
	{
		SiColumnDesc *desc = &m->columns[i].desc;

		*desc = u.columns[i].desc;
		desc->type = common_type(&u.columns[i]);
		desc->json &= desc->type == SI_TYPE_STRING;
		desc->multi_value &= desc->type == SI_TYPE_STRING && !desc->json;
		m->columns[i].input_col = u.columns[i].input_col;
		if (u.columns[i].desc.role == SI_ROLE_METRIC && SI_AGG_BY_TIME(u.columns[i].desc.agg))
		{
			m->columns[i].input_times = u.columns[i].input_times;
			m->ntimed++;
		}
		m->ndimensions += u.columns[i].desc.role == SI_ROLE_DIMENSION;
	}
}

/* ----------------------------------------------------------------- merge */

static uint64
count_rows(SiSegment **inputs, int ninputs)
{
	uint64		rows = 0;
	int			i;

	for (i = 0; i < ninputs; i++)
		rows += inputs[i]->nrows;
	return rows;
}

/*
 * Bytes that a merge needs at its peak, rounded up: all columns twice (as
 * loaded and as handed out), the sort, and all dictionaries.
 */
uint64
si_merge_row_bytes(const SiMerge *m)
{
	uint64		bytes = 48;

	for (int c = 0; c < m->ncolumns; c++)
	{
		int			size = si_value_size(m->columns[c].desc.type);

		bytes += 2 * size + 1;
		if (m->columns[c].desc.role == SI_ROLE_DIMENSION)
			bytes += size;
		if (m->columns[c].input_times)
			bytes += 2 * sizeof(int64) + 1;
	}
	return bytes;
}

uint64
si_merge_input_bytes(const SiMerge *m, SiSegment *seg, uint32 rows, uint64 row_bytes)
{
	uint64		bytes = rows * row_bytes;

	for (int c = 0; c < seg->ncolumns; c++)
	{
		const SiSegColumn *col = &seg->columns[c];
		uint32		strings = Min(col->info.distinct, rows);

		if (strings > 0)
			bytes += (uint64) (2.0 * col->raw_bytes * strings / col->info.distinct) + UINT64CONST(48) * strings;
	}
	return bytes;
}

static uint64
memory_needed(const SiMerge *m)
{
	uint64		row_bytes = si_merge_row_bytes(m);
	uint64		bytes = 0;

	for (int i = 0; i < m->ninputs; i++)
		bytes += si_merge_input_bytes(m, m->inputs[i], m->inputs[i]->nrows, row_bytes);
	return bytes;
}

bool
si_merge_in_memory(SiMerge *m, SiMergeOutput output, void *arg)
{
	bool		ok = si_merge_load(m);
	int			i;

	if (ok)
	{
		si_merge_sort(m);
		ok = si_merge_emit(m, output, arg);
	}
	for (i = 0; i < m->ncolumns; i++)
		si_strings_free(&m->columns[i].strings);
	return ok;
}

bool
si_merge(SiSegment **inputs, int ninputs, const SiMergeSpec *spec, SiMergeOutput output, void *arg,
		 SiSegmentError *err)
{
	SiMerge		m = {.inputs = inputs, .ninputs = ninputs, .spec = spec, .err = err};
	uint64		rows = count_rows(inputs, ninputs);
	bool		ok;

	if (rows == 0)
		return true;
	plan_columns(&m);
	if (spec->memory > 0 && memory_needed(&m) > spec->memory)
		ok = si_merge_streams(&m, output, arg);
	else if (rows >= PG_UINT32_MAX)
		ok = si_fail(err, 0, UINT64_FORMAT " rows are too many to merge at once", rows);
	else
	{
		m.nrows = (uint32) rows;
		ok = si_merge_in_memory(&m, output, arg);
	}
	si_arena_free(&m.arena);
	return ok;
}

uint64
si_merge_memory(SiSegment **inputs, int ninputs)
{
	SiMergeSpec spec = {0};
	SiMerge		m = {.inputs = inputs, .ninputs = ninputs, .spec = &spec};
	uint64		bytes;

	if (count_rows(inputs, ninputs) == 0)
		return 0;
	plan_columns(&m);
	bytes = memory_needed(&m);
	si_arena_free(&m.arena);
	return bytes;
}
