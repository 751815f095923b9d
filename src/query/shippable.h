/*
 * shippable.h
 *		Which conditions a scan decides itself, and how.
 *
 * A condition that is pushed must give for every row the very answer that the
 * executor would give, so each form below says why it does:
 *
 * RANGE	numeric column <, <=, =, <>, >=, > value.  The operators of the
 *			integer, float and datetime families are total orders that never
 *			raise an error; values are compared through ordered keys
 *			(vector.h) of the column's and the value's exact numbers.
 * KEYS		numeric column = ANY (array): equality of the same families.
 * NULLTEST column IS [NOT] NULL.
 * STRINGS	text column = value, or = ANY (array).  Equality of bytes, as
 *			texteq has it under a deterministic collation; under another
 *			collation the form is DICT.
 * DICT		any condition whose only column is one text column.  PostgreSQL's
 *			own executor evaluates it, once per distinct value and chunk
 *			instead of once per row, so collations, nulls and locales are its
 *			business.  It is evaluated only for values of rows that passed
 *			the forms above and earlier conditions of this form: a value that
 *			no such row shows cannot raise an error.
 *
 * A value is any expression without a column of the table: a constant, a
 * parameter, the result of an init-plan, a stable function.  It is computed
 * when the scan starts, and again when it is restarted with other parameters.
 *
 * Not pushed:
 * - volatile functions: they count on one call per row;
 * - subplans: they would have to run inside the scan;
 * - several columns, whole rows, system columns;
 * - columns whose SQL type is not one of ours (columns.h);
 * - conditions that could leak rows which a security barrier hides: only
 *   leakproof conditions, and those of the lowest security level, run early.
 *
 * Stable functions of a column are pushed (as DICT): within one scan they
 * give one result for one argument, which is what "stable" promises.
 */
#ifndef SI_QUERY_SHIPPABLE_H
#define SI_QUERY_SHIPPABLE_H

#include "postgres.h"

#include "nodes/primnodes.h"

typedef enum SiPushKind
{
	SI_PUSH_NONE = 0,
	SI_PUSH_RANGE,
	SI_PUSH_KEYS,
	SI_PUSH_NULLTEST,
	SI_PUSH_STRINGS,
	SI_PUSH_DICT
} SiPushKind;

/* What a pushed condition is made of; expressions are shared with it. */
typedef struct SiPush
{
	SiPushKind	kind;
	AttrNumber	attno;
	int			strategy;		/* RANGE: a btree strategy number */
	bool		negate;			/* RANGE: <>; NULLTEST: IS NOT NULL */
	Expr	   *value;			/* RANGE, KEYS, STRINGS */
	Oid			value_type;		/* of value, or of its elements */
	bool		value_is_array;
	Expr	   *clause;
} SiPush;

/* Classifies a condition on the relation relid of the range table. */
extern SiPushKind si_shippable(Expr *clause, Index relid, SiPush *push);

#endif							/* SI_QUERY_SHIPPABLE_H */
