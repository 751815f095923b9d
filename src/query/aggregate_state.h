/*
 * aggregate_state.h
 *		States of aggregates as PostgreSQL's own aggregates keep them.
 *
 * In a parallel query each process groups its chunks and hands out states,
 * which PostgreSQL combines and finishes.  Most states are the result itself;
 * the others have a form that belongs to PostgreSQL and may change from one
 * major version to the next: it is made here and nowhere else, and
 * test/regress/sql/fdw_parallel.sql compares the outcome with a heap table
 * under each version.
 */
#ifndef SI_QUERY_AGGREGATE_STATE_H
#define SI_QUERY_AGGREGATE_STATE_H

#include "postgres.h"

#include "query/aggregate.h"
#include "utils/numeric.h"

/* Whether the state of the aggregate is not simply its result. */
extern bool si_aggregate_has_own_state(const SiAggregate *agg);

/* The state, in CurrentMemoryContext. */
extern Datum si_aggregate_state_datum(const SiAggregate *agg, const void *state, bool *isnull);

/* A sum of longs as numeric (aggregate_result.c). */
extern Numeric si_numeric_of_sum(int128 sum);

#endif							/* SI_QUERY_AGGREGATE_STATE_H */
