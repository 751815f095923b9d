/*
 * aggregate.h
 *		Aggregate functions over vectors.
 *
 * Each of the functions below gives what PostgreSQL's own gives for the same
 * rows, with the same type, scale, rounding and errors:
 *
 * count(*), count(x), count(DISTINCT x)
 * sum		bigint -> numeric, integer -> bigint, real, double precision
 * avg		integers -> numeric, floating point
 * min, max	integers, floating point, timestamptz, timestamp, date, text
 * bool_and, bool_or, every
 * stddev, variance and their forms, of floating point
 *
 * Sums of floating point are formed in the order of the rows, which for
 * neither of both is defined.  Every aggregate may have a FILTER.
 */
#ifndef SI_QUERY_AGGREGATE_H
#define SI_QUERY_AGGREGATE_H

#include "postgres.h"

#include "query/batch_value.h"
#include "query/group_key.h"

typedef enum SiAggregateKind
{
	SI_AGGREGATE_NONE = 0,
	SI_AGGREGATE_COUNT_ROWS,
	SI_AGGREGATE_COUNT,
	SI_AGGREGATE_COUNT_DISTINCT,
	SI_AGGREGATE_SUM_LONG,			/* avg, too */
	SI_AGGREGATE_SUM_FLOAT,			/* added up in real, as PostgreSQL does */
	SI_AGGREGATE_SUM_DOUBLE,
	SI_AGGREGATE_MIN,
	SI_AGGREGATE_MAX,
	SI_AGGREGATE_MIN_TEXT,
	SI_AGGREGATE_MAX_TEXT,
	SI_AGGREGATE_AND,
	SI_AGGREGATE_OR,
	SI_AGGREGATE_MOMENTS				/* avg, variance and stddev of floating point */
} SiAggregateKind;

/* The state of an aggregate for one group: a count of values, then what the kind needs. */
typedef struct SiSumState
{
	int64		count;
	int128		sum;
} SiSumState;

typedef struct SiFloatState
{
	int64		count;
	double		sum;
} SiFloatState;

typedef struct SiKeyState
{
	int64		count;
	int64		key;			/* least or greatest, as an ordered key; of texts the number */
} SiKeyState;

/* Running numbers of floating point values (Youngs and Cramer). */
typedef struct SiMoments
{
	int64		count;
	double		sx,
				sxx;
} SiMoments;

/* One distinct argument of aggregates. */
typedef struct SiAggArg
{
	SiBatchValue    *value;			/* NULL when only a key is needed */
	SiGroupKey *key;			/* of count(DISTINCT) and of texts */
	uint64		computed;		/* the batch it was computed for */
} SiAggArg;

typedef struct SiAggregate
{
	SiAggregateKind	kind;
	Oid			function;
	Oid			argtype;
	Oid			collation;		/* of MIN_TEXT, MAX_TEXT */
	const SiGroupKey *texts;	/* numbers of their values */
	SiForm		form;			/* of the argument */
	int			arg;			/* -1: none */
	int			filter;			/* -1: none */
	bool		partial;		/* the result is a state, for PostgreSQL to combine */

	Size		offset;			/* of its state among those of a group */
	SiIntTable	pairs;			/* COUNT_DISTINCT: (group, value) that were seen */
	bool		one_group;		/* COUNT_DISTINCT: values are marked in seen instead */
	uint64	   *seen;
	uint32		seen_words;
} SiAggregate;

/*
 * The states of all aggregates, those of one group side by side: a row of a
 * large grouping costs one place in memory, not one for each aggregate.
 */
typedef struct SiStates
{
	char	   *bytes;
	Size		stride;			/* bytes of a group */
} SiStates;

/* The kind of an aggregate call, SI_AGGREGATE_NONE when it is not one of ours; for the planner. */
extern SiAggregateKind si_aggregate_kind(Aggref *agg, Index relid);

extern void si_aggregate_init(SiAggregate *agg, Aggref *aggref);
/* Bytes of the aggregate's state; zeros are the state of no value. */
extern Size si_aggregate_state_size(const SiAggregate *agg);
/* Begins with no group; what it keeps beside its states is in CurrentMemoryContext. */
extern void si_aggregate_reset(SiAggregate *agg);

/*
 * Adds rows.  groups[i] is the group of rows->row[i]; values is computed.
 */
extern void si_aggregate_rows(SiAggregate *agg, const SiStates *states, const SiAggArg *arg,
							  const SiRows *rows, const uint32 *groups);

/* Whether the argument is needed as numbers of values. */
static inline bool
si_aggregate_wants_key(const SiAggregate *agg)
{
	return agg->kind == SI_AGGREGATE_COUNT_DISTINCT ||
		agg->kind == SI_AGGREGATE_MIN_TEXT || agg->kind == SI_AGGREGATE_MAX_TEXT;
}

/* Whether numbers about rows are enough to add them. */
extern bool si_aggregate_takes_stats(const SiAggregate *agg, const SiAggArg *arg);
/* Adds all rows of a chunk to count(DISTINCT) by their dictionary, all of whose entries are in use. */
extern void si_aggregate_dict(SiAggregate *agg, const SiStates *states, SiGroupKey *key, const SiDict *dict);
/* Adds all of nrows rows by numbers about the argument's column (NULL: it has only nulls). */
extern void si_aggregate_stats(SiAggregate *agg, const SiStates *states, const SiColumnStats *stats,
							   uint32 nrows, uint32 group);

/* The result of a group, in CurrentMemoryContext (aggregate_result.c). */
extern Datum si_aggregate_result(const SiAggregate *agg, const SiStates *states, uint32 group,
								 bool *isnull);

static inline void *
si_aggregate_state(const SiAggregate *agg, const SiStates *states, uint32 group)
{
	return states->bytes + group * states->stride + agg->offset;
}

#endif							/* SI_QUERY_AGGREGATE_H */
