/*
 * merge_output.c
 *		Cuts the ordered rows into outputs by interval and number of rows,
 *		rolls equal rows up, and builds the table of each output with
 *		dictionaries of the strings in use.
 *
 * The work for an output is proportional to its own rows and strings, never
 * to those of the whole merge, so that a back-fill of a thousand intervals
 * costs no more than one of the same rows in a single interval.
 */
#include "common/port.h"

#include "segment/merge_int.h"

typedef struct Emitter
{
	SiMerge    *m;
	SiMergeOutput output;
	void	   *arg;
	uint32	   *new_code;		/* of the largest dictionary; all 0 between columns */
	SiArena		arena;			/* of one output */
	uint32	   *heads;			/* positions in order where a row of the output begins */
	uint32		nheads;
	uint32		end;			/* position after the last row */
} Emitter;

#define ST_SORT sort_codes
#define ST_ELEMENT_TYPE uint32
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* --------------------------------------------------------------- numbers */

static inline bool
is_null(const SiMergeColumn *col, uint32 row)
{
	return col->nulls && si_bit_get(col->nulls, row);
}

/* Sum of longs in a group: exact, then brought into int64. */
static int64
saturate(__int128 sum)
{
	return sum > PG_INT64_MAX ? PG_INT64_MAX : sum < PG_INT64_MIN ? PG_INT64_MIN : (int64) sum;
}

/* Combines the longs of positions from .. end-1; false: all null. */
static bool
combine_longs(const Emitter *e, const SiMergeColumn *col, uint32 from, uint32 end, int64 *out)
{
	const int64 *v = col->values;
	__int128	sum = 0;
	int64		least = PG_INT64_MAX;
	int64		most = PG_INT64_MIN;
	bool		found = false;
	uint32		k;

	for (k = from; k < end; k++)
	{
		uint32		row = e->m->order[k];

		if (is_null(col, row))
			continue;
		if (!found && col->desc.agg == SI_AGG_NONE)
		{
			*out = v[row];
			return true;
		}
		found = true;
		sum += v[row];
		least = Min(least, v[row]);
		most = Max(most, v[row]);
	}
	*out = !found ? 0 : col->desc.agg == SI_AGG_SUM ? saturate(sum) :
		col->desc.agg == SI_AGG_MIN ? least : most;
	return found;
}

/* The same for floats and doubles, in double; NaN is larger than every number. */
static bool
combine_doubles(const Emitter *e, const SiMergeColumn *col, uint32 from, uint32 end, double *out)
{
	bool		is_double = col->desc.type == SI_TYPE_DOUBLE;
	bool		found = false;
	double		result = 0;
	uint32		k;

	for (k = from; k < end; k++)
	{
		uint32		row = e->m->order[k];
		double		v;

		if (is_null(col, row))
			continue;
		v = is_double ? ((const double *) col->values)[row] : ((const float *) col->values)[row];
		if (!found)
			result = v;
		else if (col->desc.agg == SI_AGG_SUM)
			result += v;
		else if (col->desc.agg == SI_AGG_MIN ? si_double_less(v, result) : si_double_less(result, v))
			result = v;
		found = true;
		if (col->desc.agg == SI_AGG_NONE)
			break;
	}
	*out = result;
	return found;
}

/* Values of the first row of every group: all there is without rollup. */
static void
gather(const Emitter *e, const SiMergeColumn *col, void *out, uint64 *nulls)
{
	const uint32 *order = e->m->order;
	const uint32 *heads = e->heads;
	uint32		n = e->nheads;
	uint32		i;

	if (si_value_size(col->desc.type) == 4)
		for (i = 0; i < n; i++)
			((uint32 *) out)[i] = ((const uint32 *) col->values)[order[heads[i]]];
	else
		for (i = 0; i < n; i++)
			((uint64 *) out)[i] = ((const uint64 *) col->values)[order[heads[i]]];
	if (nulls)
		for (i = 0; i < n; i++)
			if (si_bit_get(col->nulls, order[heads[i]]))
				si_bit_set(nulls, i);
}

/* Rolls the groups of more than one row up, over what gather() left. */
static void
combine_groups(const Emitter *e, const SiMergeColumn *col, void *out, uint64 *nulls)
{
	uint32		i;

	for (i = 0; i < e->nheads; i++)
	{
		uint32		from = e->heads[i];
		uint32		end = i + 1 < e->nheads ? e->heads[i + 1] : e->end;
		double		d;
		bool		found;

		if (end - from == 1)
			continue;
		if (si_is_float(col->desc.type))
		{
			found = combine_doubles(e, col, from, end, &d);
			if (col->desc.type == SI_TYPE_DOUBLE)
				((double *) out)[i] = d;
			else
				((float *) out)[i] = (float) d;
		}
		else
			found = combine_longs(e, col, from, end, (int64 *) out + i);
		if (found && nulls)
			nulls[i >> 6] &= ~(UINT64CONST(1) << (i & 63));
	}
}

static void
build_numbers(Emitter *e, const SiMergeColumn *col, SiColumn *c)
{
	uint32		n = e->nheads;
	void	   *out = si_arena_alloc(&e->arena, (size_t) si_value_size(col->desc.type) * n);
	uint64	   *nulls = NULL;

	if (col->nulls)
		nulls = si_arena_alloc0(&e->arena, sizeof(uint64) * ((size_t) n / 64 + 1));
	gather(e, col, out, nulls);
	if (e->m->spec->rollup && col->desc.role == SI_ROLE_METRIC && n < e->end - e->heads[0])
		combine_groups(e, col, out, nulls);
	c->v.longs = out;
	c->nulls = nulls;
}

/* --------------------------------------------------------------- strings */

/*
 * The distinct codes of n rows, ascending, in the arena; their new_code is
 * not 0 afterwards.
 */
static uint32 *
codes_in_use(Emitter *e, const uint32 *codes, uint32 n, uint32 count, uint32 *nused)
{
	uint32	   *used = si_arena_alloc(&e->arena, sizeof(uint32) * ((size_t) Min(n, count) + 1));
	uint32		found = 0;
	uint32		i;

	for (i = 0; i < n; i++)
		if (codes[i] != 0 && e->new_code[codes[i]] == 0)
		{
			e->new_code[codes[i]] = 1;
			used[found++] = codes[i];
		}
	if (found > count / 16)
	{
		found = 0;
		for (i = 1; i <= count && i != 0; i++)
			if (e->new_code[i] != 0)
				used[found++] = i;
	}
	else
		sort_codes(used, found);
	*nused = found;
	return used;
}

/* The dictionary of the strings with the given codes. */
static void
build_dict(Emitter *e, const SiStrings *s, const uint32 *used, uint32 nused, SiDict *dict)
{
	uint64	   *offsets = si_arena_alloc(&e->arena, sizeof(uint64) * ((size_t) nused + 1));
	char	   *bytes;
	uint64		total = 0;
	uint32		i;

	for (i = 0; i < nused; i++)
	{
		uint32		number = s->order[used[i] - 1];

		offsets[i] = total;
		total += s->offsets[number + 1] - s->offsets[number];
	}
	offsets[nused] = total;
	bytes = si_arena_alloc(&e->arena, total + 1);
	for (i = 0; i < nused; i++)
		memcpy(bytes + offsets[i], s->bytes.data + s->offsets[s->order[used[i] - 1]],
			   offsets[i + 1] - offsets[i]);
	dict->count = nused;
	dict->sorted = true;
	dict->bytes = bytes;
	dict->offsets = offsets;
}

static void
build_strings(Emitter *e, const SiMergeColumn *col, SiColumn *c)
{
	uint32		n = e->nheads;
	uint32	   *codes = si_arena_alloc(&e->arena, sizeof(uint32) * n);
	uint32	   *used;
	uint32		nused;
	uint32		i;

	gather(e, col, codes, NULL);
	if (e->m->spec->rollup && col->desc.role == SI_ROLE_METRIC)
		for (i = 0; i < n; i++)
		{
			/* a metric of strings has no way to combine: the first one stays */
			uint32		end = i + 1 < n ? e->heads[i + 1] : e->end;
			uint32		k = e->heads[i] + 1;

			for (; codes[i] == 0 && k < end; k++)
				codes[i] = ((const uint32 *) col->values)[e->m->order[k]];
		}
	used = codes_in_use(e, codes, n, col->strings.count, &nused);
	if (nused > 0)
		build_dict(e, &col->strings, used, nused, &c->dict);
	else
		c->dict.sorted = true;
	for (i = 0; i < nused; i++)
		e->new_code[used[i]] = i + 1;
	for (i = 0; i < n; i++)
		codes[i] = e->new_code[codes[i]];
	for (i = 0; i < nused; i++)
		e->new_code[used[i]] = 0;
	c->v.codes = codes;
}

/* --------------------------------------------------------------- outputs */

/* Hands the rows collected in heads to the caller. */
static bool
emit_table(Emitter *e, uint32 end, int64 start_time, int64 end_time)
{
	SiMerge    *m = e->m;
	SiTable		t = {e->nheads, m->ncolumns};
	bool		ok;
	int			i;

	e->end = end;
	t.columns = si_arena_alloc0(&e->arena, sizeof(SiColumn) * m->ncolumns);
	for (i = 0; i < m->ncolumns; i++)
	{
		t.columns[i].desc = m->columns[i].desc;
		if (m->columns[i].desc.type == SI_TYPE_STRING)
			build_strings(e, &m->columns[i], &t.columns[i]);
		else
			build_numbers(e, &m->columns[i], &t.columns[i]);
	}
	ok = e->output(e->arg, &t, start_time, end_time);
	si_arena_free(&e->arena);
	e->nheads = 0;
	return ok || si_fail(m->err, 0, "the merge was stopped");
}

/* The rows of one interval: positions from .. end-1. */
static bool
emit_interval(Emitter *e, uint32 from, uint32 end, int64 start_time, int64 end_time)
{
	SiMerge    *m = e->m;
	uint32		k;

	for (k = from; k < end; k++)
	{
		if (m->spec->rollup && k > from && si_bit_get(m->same, k))
			continue;
		if (m->spec->max_rows > 0 && e->nheads >= m->spec->max_rows &&
			!emit_table(e, k, start_time, end_time))
			return false;
		e->heads[e->nheads++] = k;
	}
	return emit_table(e, end, start_time, end_time);
}

bool
si_merge_emit(SiMerge *m, SiMergeOutput output, void *arg)
{
	Emitter		e = {.m = m, .output = output, .arg = arg};
	const int64 *times = m->columns[0].values;
	uint32		largest = 0;
	uint32		from = 0;
	int			i;

	for (i = 0; i < m->ncolumns; i++)
		largest = Max(largest, m->columns[i].strings.count);
	e.new_code = si_arena_alloc0(&m->arena, sizeof(uint32) * ((size_t) largest + 1));
	e.heads = si_arena_alloc(&m->arena, sizeof(uint32) * m->nrows);
	while (from < m->nrows)
	{
		int64		start_time = PG_INT64_MIN;
		int64		end_time = PG_INT64_MAX;
		uint32		end = m->nrows;

		if (m->spec->split)
		{
			start_time = si_granularity_bucket_start(m->spec->split, times[m->order[from]]);
			end_time = si_granularity_bucket_end(m->spec->split, start_time);
			for (end = from + 1; end < m->nrows; end++)
				if (times[m->order[end]] >= end_time && end_time != PG_INT64_MAX)
					break;
		}
		if (!emit_interval(&e, from, end, start_time, end_time))
		{
			si_arena_free(&e.arena);
			return false;
		}
		from = end;
	}
	return true;
}
