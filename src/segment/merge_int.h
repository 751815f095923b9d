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

/* Error of an input: adds which one. */
extern bool si_merge_fail(SiMerge *m, int input);

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
