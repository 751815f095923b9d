/*
 * filter.h
 *		Pushed conditions at work: values computed for an execution, chunks and
 *		blocks skipped by numbers about them, rows selected.
 *
 * A filter goes through three steps: si_filters_evaluate for every start of
 * the scan, si_filters_open_chunk for every chunk, si_filters_apply for every
 * block.  What it keeps for a chunk lives in the reader's chunk_cxt.
 */
#ifndef SI_QUERY_FILTER_H
#define SI_QUERY_FILTER_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "query/chunk.h"
#include "query/like_pattern.h"
#include "query/shippable.h"
#include "query/value.h"

/* What is known about the rows of a chunk or block before looking at them. */
typedef enum SiVerdict
{
	SI_SOME = 0,				/* nothing */
	SI_ALL,						/* every row passes */
	SI_NO_ROW					/* none does */
} SiVerdict;

typedef struct SiFilter
{
	SiPush		push;
	int			column;			/* of the reader */
	SiType		type;			/* of that column */
	bool		is_time;		/* the column is __time */
	ExprState  *value;			/* RANGE, KEYS, STRINGS */
	ExprState  *condition;		/* DICT */
	SiLikePattern like;			/* DICT: when bytes decide it */

	/* of this execution, in SiFilters.value_cxt */
	SiKeyRange	range;			/* RANGE, KEYS: what min and max are held against */
	int64	   *keys;
	int			nkeys;
	SiBytes    *strings;
	int			nstrings;

	/* of this chunk */
	SiVerdict	verdict;
	int			ncodes;			/* STRINGS: codes of the dictionary that match */
	uint32		code;			/* one of them */
	uint8	   *match;			/* STRINGS: 1 for each code that matches; DICT: memo of answers */
	bool		complete;		/* DICT: the memo has the answer for every code */
	uint64	   *rows;			/* STRINGS: from bitmaps, rows of the whole chunk; or NULL */
} SiFilter;

typedef struct SiFilterCounts
{
	int64		rows_removed;	/* by all filters, in blocks that were read */
	int64		rows_removed_by_dictionary; /* of them, by STRINGS and DICT */
	int64		evaluations;	/* of conditions on dictionary entries */
	int64		bitmaps;		/* bitmaps read */
} SiFilterCounts;

typedef struct SiFilters
{
	int			n;
	SiFilter   *filters;		/* those of form DICT last, in the plan's order */
	ExprContext *econtext;
	TupleTableSlot *slot;		/* for DICT: all null but one column */
	MemoryContext value_cxt;
	bool		none;			/* no row of the opened chunk passes; kept by the caller */
	SiFilterCounts counts;
} SiFilters;

/*
 * Takes the pushed conditions of a plan apart.  column_of maps an attribute
 * number to a column of the reader.
 */
extern SiFilters *si_filters_init(List *conditions, Index relid, PlanState *parent,
								  Relation rel, const int *column_of, const SiAttribute *atts);

/*
 * Computes the values.  False when no row can pass.  *time gets the range of
 * __time (in ms) outside of which no row passes.
 */
extern bool si_filters_evaluate(SiFilters *fs, SiKeyRange *time);

/* False when no row of the opened chunk can pass. */
extern bool si_filters_open_chunk(SiFilters *fs, SiChunkReader *r);

/* False, without decoding anything, when no row of a block can pass. */
extern bool si_filters_check_block(SiFilters *fs, SiChunkReader *r, int block);

/* Selects rows of the current block; returns their number. */
extern uint32 si_filters_apply(SiFilters *fs, SiChunkReader *r, uint64 *selection);
/* The same among rows that are selected already, as many as given. */
extern uint32 si_filters_select(SiFilters *fs, SiChunkReader *r, uint32 selected, uint64 *selection);

/* Whether all rows with times in [min_ms, max_ms] pass, by their times alone. */
extern bool si_filters_pass_times(const SiFilters *fs, int64 min_ms, int64 max_ms);
/* Whether all rows of the opened chunk pass. */
extern bool si_filters_pass_chunk(const SiFilters *fs);

#endif							/* SI_QUERY_FILTER_H */
