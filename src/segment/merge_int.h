/*
 * merge_int.h
 *		What the files of the merge share: columns of all inputs in memory,
 *		their strings, and the order of rows.
 *
 * A merge goes through four steps, one file each: plan the union of columns
 * (merge.c), load all rows (merge_load.c), find their order (merge_sort.c),
 * hand out tables (merge_output.c).
 */
#ifndef SI_SEGMENT_MERGE_INT_H
#define SI_SEGMENT_MERGE_INT_H

#include "segment/segment_int.h"

/* ----------------------------------------------------------------- arena */

/* Memory of one phase, freed at once; blocks come from si_alloc(). */
typedef struct SiArena
{
	struct SiArenaBlock *blocks;
} SiArena;

extern void *si_arena_alloc(SiArena *a, size_t size);
extern void *si_arena_alloc0(SiArena *a, size_t size);
extern void si_arena_free(SiArena *a);

/* --------------------------------------------------------------- strings */

/*
 * Distinct strings of one column of all inputs, numbered as they come.
 * After si_strings_sort() order[r] is the number of the string of rank r.
 */
typedef struct SiStrings
{
	uint32		count;
	SiBuf		bytes;
	uint64	   *offsets;		/* count + 1 */
	uint32		room;			/* of offsets and hashes, in strings */
	uint32	   *hashes;
	uint64	   *slots;			/* hash, then string number + 1; 0 free */
	uint32		nslots;			/* a power of two, or 0 */
	uint32	   *order;
} SiStrings;

/* The code (1 + number) of a string, added when it is new; 0 when full. */
extern uint32 si_strings_add(SiStrings *s, const char *p, uint64 len);
/* Sorts, and drops what only adding needs. */
extern void si_strings_sort(SiStrings *s);
extern void si_strings_free(SiStrings *s);

/* ----------------------------------------------------------------- merge */

typedef struct SiMergeColumn
{
	SiColumnDesc desc;
	int		   *input_col;		/* per input, -1: does not have it */
	void	   *values;			/* of all rows: codes, longs, floats or doubles */
	uint64	   *nulls;			/* of all rows, or NULL; not for strings */
	SiStrings	strings;
	/* only metrics that combine by time */
	int		   *input_times;	/* per input, -1: the times are those of its rows */
	int64	   *times;			/* of all rows */
	uint64	   *timeless;		/* bit set: the row has no value */
} SiMergeColumn;

typedef struct SiMerge
{
	SiSegment **inputs;
	int			ninputs;
	const SiMergeSpec *spec;
	SiSegmentError *err;
	SiArena		arena;

	uint32	   *first;			/* per input: rows first .. end - 1 are merged; NULL: all */
	uint32	   *end;
	uint32		nrows;
	int			ncolumns;
	SiMergeColumn *columns;		/* time, dimensions in order of sorting, metrics */
	int			ndimensions;	/* columns 1 .. ndimensions */
	int			ntimed;			/* metrics that combine by time */

	uint32	   *order;			/* row numbers in order */
	uint64	   *same;			/* bit k: row order[k] equals row order[k - 1] in time and dimensions */
} SiMerge;

static inline int
si_value_size(SiType type)
{
	return type == SI_TYPE_STRING || type == SI_TYPE_FLOAT ? 4 : 8;
}

/* ---------------------------------------------------- values of many rows */

/* Longs of one group as they are combined: the sum is exact, then brought into int64. */
typedef struct SiLongs
{
	bool		found;
	int64		first,
				least,
				most;
	__int128	sum;
} SiLongs;

/* Floats and doubles, in double. */
typedef struct SiDoubles
{
	bool		found;
	double		result;
} SiDoubles;

/* Whether the first value that is not null is the result. */
static inline bool
si_agg_first(SiAgg agg)
{
	return agg == SI_AGG_NONE || agg == SI_AGG_ANY;
}

static inline void
si_longs_add(SiLongs *l, int64 v)
{
	if (!l->found)
	{
		l->found = true;
		l->first = l->least = l->most = v;
		l->sum = v;
		return;
	}
	l->sum += v;
	l->least = Min(l->least, v);
	l->most = Max(l->most, v);
}

static inline int64
si_longs_result(const SiLongs *l, SiAgg agg)
{
	if (!l->found)
		return 0;
	if (si_agg_first(agg))
		return l->first;
	if (agg == SI_AGG_SUM)
		return l->sum > PG_INT64_MAX ? PG_INT64_MAX : l->sum < PG_INT64_MIN ? PG_INT64_MIN : (int64) l->sum;
	return agg == SI_AGG_MIN ? l->least : l->most;
}

static inline void
si_doubles_add(SiDoubles *d, SiAgg agg, double v)
{
	if (!d->found)
		d->result = v;
	else if (si_agg_first(agg))
		return;
	else if (agg == SI_AGG_SUM)
		d->result += v;
	else if (agg == SI_AGG_MIN ? si_double_less(v, d->result) : si_double_less(d->result, v))
		d->result = v;
	d->found = true;
}

/* Whether the value of a later row takes the place of the one chosen by its time. */
static inline bool
si_time_wins(SiAgg agg, int64 time, int64 chosen)
{
	return agg == SI_AGG_LAST ? time >= chosen : time < chosen;
}

/* A number as an unsigned one of the same order; NaN last, -0 is 0, and 0 never comes. */
static inline uint64
si_sortable_double(double d)
{
	uint64		bits;

	if (d != d)
		return ~UINT64CONST(0);
	if (d == 0)
		d = 0;
	memcpy(&bits, &d, sizeof(bits));
	return bits >> 63 ? ~bits : bits | (UINT64CONST(1) << 63);
}

static inline uint64
si_sortable_long(int64 v)
{
	return (uint64) v ^ (UINT64CONST(1) << 63);
}

/* ------------------------------------------------------------------ steps */

/* Error of an input: adds which one. */
extern bool si_merge_fail(SiMerge *m, int input);
/* An output was refused: an error unless there is one already. */
extern bool si_merge_stopped(SiMerge *m);

static inline uint32
si_merge_first(const SiMerge *m, int input)
{
	return m->first ? m->first[input] : 0;
}

static inline uint32
si_merge_end(const SiMerge *m, int input)
{
	return m->end ? m->end[input] : m->inputs[input]->nrows;
}

/* Bytes that a merge in memory needs for some rows of an input, and for a row of any. */
extern uint64 si_merge_input_bytes(const SiMerge *m, SiSegment *seg, uint32 rows, uint64 row_bytes);
extern uint64 si_merge_row_bytes(const SiMerge *m);

/* Loads, sorts and hands out: columns are planned, nrows is counted. */
extern bool si_merge_in_memory(SiMerge *m, SiMergeOutput output, void *arg);
/* The same through temporary files (stream.c). */
extern bool si_merge_streams(SiMerge *m, SiMergeOutput output, void *arg);

extern bool si_merge_load(SiMerge *m);
extern void si_merge_sort(SiMerge *m);
extern bool si_merge_emit(SiMerge *m, SiMergeOutput output, void *arg);

/*
 * One value of another type as the column's, where that is exact; out is
 * int64, float or double.  false: null.
 */
extern bool si_convert_number(const void *value, SiType from, SiType to, void *out);
extern bool si_convert_text(const char *p, uint64 len, SiType to, void *out);
/* A number as text; buf has SI_NUMBER_TEXT bytes.  Returns the length. */
#define SI_NUMBER_TEXT	40
extern int	si_number_text(const void *value, SiType from, char *buf);

#endif							/* SI_SEGMENT_MERGE_INT_H */
