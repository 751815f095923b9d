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
	uint32	   *rows;			/* row number of every head */
	uint32	   *chosen;			/* the same for one metric that combines by time */
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

/* Combines the longs of positions from .. end-1; false: all null. */
static bool
combine_longs(const Emitter *e, const SiMergeColumn *col, uint32 from, uint32 end, int64 *out)
{
	const int64 *v = col->values;
	SiLongs		l = {0};
	uint32		k;

	for (k = from; k < end; k++)
	{
		uint32		row = e->m->order[k];

		if (is_null(col, row))
			continue;
		si_longs_add(&l, v[row]);
		if (si_agg_first(col->desc.agg))
			break;
	}
	*out = si_longs_result(&l, col->desc.agg);
	return l.found;
}

/* The same for floats and doubles, in double; NaN is larger than every number. */
static bool
combine_doubles(const Emitter *e, const SiMergeColumn *col, uint32 from, uint32 end, double *out)
{
	bool		is_double = col->desc.type == SI_TYPE_DOUBLE;
	SiDoubles	d = {0};
	uint32		k;

	for (k = from; k < end; k++)
	{
		uint32		row = e->m->order[k];

		if (is_null(col, row))
			continue;
		si_doubles_add(&d, col->desc.agg, is_double ? ((const double *) col->values)[row] :
					   ((const float *) col->values)[row]);
		if (si_agg_first(col->desc.agg))
			break;
	}
	*out = d.result;
	return d.found;
}

/* Values of one row of every group: all there is without rollup. */
static void
gather(const Emitter *e, const void *values, int size, const uint64 *from_nulls, const uint32 *rows,
	   void *out, uint64 *nulls)
{
	uint32		n = e->nheads;
	uint32		i;

	if (size == 4)
		for (i = 0; i < n; i++)
			((uint32 *) out)[i] = ((const uint32 *) values)[rows[i]];
	else
		for (i = 0; i < n; i++)
			((uint64 *) out)[i] = ((const uint64 *) values)[rows[i]];
	if (nulls)
		for (i = 0; i < n; i++)
			if (si_bit_get(from_nulls, rows[i]))
				si_bit_set(nulls, i);
}

/*
 * The row of every group whose value a metric keeps, by the times of the
 * values; the first row when none has a value.
 */
static const uint32 *
choose_rows(Emitter *e, const SiMergeColumn *col)
{
	uint32		i;

	if (e->chosen == NULL)
		e->chosen = si_arena_alloc(&e->arena, sizeof(uint32) * e->nheads);
	for (i = 0; i < e->nheads; i++)
	{
		uint32		end = i + 1 < e->nheads ? e->heads[i + 1] : e->end;
		uint32		best = e->rows[i];
		bool		found = !si_bit_get(col->timeless, best);
		uint32		k;

		for (k = e->heads[i] + 1; k < end; k++)
		{
			uint32		row = e->m->order[k];

			if (si_bit_get(col->timeless, row))
				continue;
			if (!found || si_time_wins(col->desc.agg, col->times[row], col->times[best]))
				best = row;
			found = true;
		}
		e->chosen[i] = best;
	}
	return e->chosen;
}

/* Rows whose values go into the output's column. */
static const uint32 *
rows_of(Emitter *e, const SiMergeColumn *col)
{
	return e->m->spec->rollup && col->times && e->nheads < e->end - e->heads[0] ? choose_rows(e, col) : e->rows;
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
	gather(e, col->values, si_value_size(col->desc.type), col->nulls, rows_of(e, col), out, nulls);
	if (e->m->spec->rollup && col->desc.role == SI_ROLE_METRIC && !col->times && n < e->end - e->heads[0])
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
	/* without bytes there may be one string, the empty one */
	for (i = 0; i < nused && total > 0; i++)
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

	gather(e, col->values, sizeof(uint32), NULL, rows_of(e, col), codes, NULL);
	if (e->m->spec->rollup && col->desc.role == SI_ROLE_METRIC && !col->times)
		for (i = 0; i < n; i++)
		{
			/* other metrics of strings have no way to combine: the first one stays */
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

/* ----------------------------------------------------------------- times */

/*
 * The times of a metric's values, as the column behind it; false when they
 * are those of the rows and need no column.
 */
static bool
build_times(Emitter *e, const SiMergeColumn *col, const int64 *row_times, SiColumn *c)
{
	const uint32 *rows = rows_of(e, col);
	uint32		n = e->nheads;
	int64	   *out = si_arena_alloc(&e->arena, sizeof(int64) * n);
	uint64	   *nulls = si_arena_alloc0(&e->arena, sizeof(uint64) * ((size_t) n / 64 + 1));
	bool		differ = false;
	uint32		i;

	gather(e, col->times, sizeof(int64), col->timeless, rows, out, nulls);
	for (i = 0; i < n && !differ; i++)
		differ = out[i] != row_times[i] || si_bit_get(nulls, i);
	if (!differ)
		return false;
	c->desc.name = col->desc.name;
	c->desc.type = SI_TYPE_LONG;
	c->desc.role = SI_ROLE_TIMES;
	c->v.longs = out;
	c->nulls = nulls;
	return true;
}

/* --------------------------------------------------------------- outputs */

/* Hands the rows collected in heads to the caller. */
static bool
emit_table(Emitter *e, uint32 end, int64 start_time, int64 end_time)
{
	SiMerge    *m = e->m;
	SiTable		t = {e->nheads};
	bool		ok;
	int			i;

	e->end = end;
	e->chosen = NULL;
	e->rows = si_arena_alloc(&e->arena, sizeof(uint32) * e->nheads);
	for (uint32 h = 0; h < e->nheads; h++)
		e->rows[h] = m->order[e->heads[h]];
	t.ncolumns = 0;
	t.columns = si_arena_alloc0(&e->arena, sizeof(SiColumn) * (m->ncolumns + m->ntimed));
	for (i = 0; i < m->ncolumns; i++)
	{
		const SiMergeColumn *col = &m->columns[i];
		SiColumn   *c = &t.columns[t.ncolumns++];

		c->desc = col->desc;
		if (col->desc.type == SI_TYPE_STRING)
			build_strings(e, col, c);
		else
			build_numbers(e, col, c);
		if (col->times && build_times(e, col, t.columns[0].v.longs, &t.columns[t.ncolumns]))
			t.ncolumns++;
	}
	m->err->text[0] = '\0';
	ok = e->output(e->arg, &t, start_time, end_time);
	si_arena_free(&e->arena);
	e->nheads = 0;
	return ok || si_merge_stopped(m);
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
