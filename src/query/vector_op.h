/*
 * vector_op.h
 *		Arithmetic over vectors, with PostgreSQL's errors.
 */
#ifndef SI_QUERY_VECTOR_OP_H
#define SI_QUERY_VECTOR_OP_H

#include "postgres.h"

#include "query/batch_value.h"

/*
 * The function of an expression when it is arithmetic that vectors do, and its
 * arguments; InvalidOid for every other expression.
 */
extern Oid	si_vector_function(Expr *expr, List **args);

/* Computes value, whose left and right are computed, for the rows. */
extern void si_vector_op(SiBatchValue *value, const SiRows *rows);

#endif							/* SI_QUERY_VECTOR_OP_H */
