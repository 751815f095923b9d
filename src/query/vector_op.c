/*
 * vector_op.c
 *		Arithmetic over vectors (vector_op.h).
 *
 * Overflow, division by zero and their messages are PostgreSQL's, whose inline
 * functions compute each value.  A row with a null on either side is null
 * and is not computed: what stands in its place could raise an error.
 */
#include "postgres.h"

#include "common/int.h"
#include "nodes/nodeFuncs.h"
#include "query/vector_op.h"
#include "utils/float.h"
#include "utils/fmgroids.h"

/* How both sides of an operator are read. */
typedef enum OpClass
{
	OP_NONE,
	OP_LONG,					/* bigint, with integer on either side */
	OP_DOUBLE,					/* double precision, with real on either side */
	OP_TO_DOUBLE				/* a cast */
} OpClass;

static OpClass
class_of(Oid function)
{
	switch (function)
	{
		case F_INT8PL:
		case F_INT8MI:
		case F_INT8MUL:
		case F_INT84PL:
		case F_INT84MI:
		case F_INT84MUL:
		case F_INT48PL:
		case F_INT48MI:
		case F_INT48MUL:
			return OP_LONG;
		case F_FLOAT8PL:
		case F_FLOAT8MI:
		case F_FLOAT8MUL:
		case F_FLOAT8DIV:
		case F_FLOAT48PL:
		case F_FLOAT48MI:
		case F_FLOAT48MUL:
		case F_FLOAT48DIV:
		case F_FLOAT84PL:
		case F_FLOAT84MI:
		case F_FLOAT84MUL:
		case F_FLOAT84DIV:
			return OP_DOUBLE;
		case F_FLOAT8_INT8:
		case F_FLOAT8_INT4:
		case F_FLOAT8_FLOAT4:
			return OP_TO_DOUBLE;
		default:
			return OP_NONE;
	}
}

Oid
si_vector_function(Expr *expr, List **args)
{
	Oid			function = InvalidOid;

	if (IsA(expr, OpExpr))
	{
		set_opfuncid((OpExpr *) expr);
		function = ((OpExpr *) expr)->opfuncid;
		*args = ((OpExpr *) expr)->args;
	}
	else if (IsA(expr, FuncExpr))
	{
		function = ((FuncExpr *) expr)->funcid;
		*args = ((FuncExpr *) expr)->args;
	}
	return class_of(function) == OP_NONE ? InvalidOid : function;
}

static inline double
double_at(const SiBatchValue *value, uint32 row)
{
	switch (value->form)
	{
		case SI_FORM_DOUBLE:
			return value->v.doubles[row];
		case SI_FORM_FLOAT:
			return value->v.floats[row];
		default:
			return (double) value->v.longs[row];
	}
}

/* The nulls of both sides; NULL when there are none. */
static const uint64 *
join_nulls(SiBatchValue *value)
{
	const uint64 *left = value->left->nulls;
	const uint64 *right = value->right != NULL ? value->right->nulls : NULL;

	if (left == NULL && right == NULL)
		return NULL;
	for (int w = 0; w < SI_BLOCK_WORDS; w++)
		value->null_buffer[w] = (left != NULL ? left[w] : 0) | (right != NULL ? right[w] : 0);
	return value->null_buffer;
}

static void
overflow(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("bigint out of range")));
}

#define FOR_ROWS(statement) \
	do { \
		for (uint32 i_ = 0; i_ < rows->n; i_++) \
		{ \
			uint32		row = rows->row[i_]; \
			if (value->nulls != NULL && si_bit(value->nulls, row)) \
				((int64 *) value->buffer)[row] = 0; \
			else \
			{ \
				statement; \
			} \
		} \
	} while (0)

static void
op_long(SiBatchValue *value, const SiRows *rows)
{
	const int64 *a = value->left->v.longs;
	const int64 *b = value->right->v.longs;
	int64	   *out = value->buffer;
	bool		bad = false;

	switch (value->op)
	{
		case F_INT8PL:
		case F_INT84PL:
		case F_INT48PL:
			FOR_ROWS(bad |= pg_add_s64_overflow(a[row], b[row], &out[row]));
			break;
		case F_INT8MI:
		case F_INT84MI:
		case F_INT48MI:
			FOR_ROWS(bad |= pg_sub_s64_overflow(a[row], b[row], &out[row]));
			break;
		default:
			FOR_ROWS(bad |= pg_mul_s64_overflow(a[row], b[row], &out[row]));
			break;
	}
	if (bad)
		overflow();
}

static void
op_double(SiBatchValue *value, const SiRows *rows)
{
	const SiBatchValue *l = value->left;
	const SiBatchValue *r = value->right;
	double	   *out = value->buffer;

	switch (value->op)
	{
		case F_FLOAT8PL:
		case F_FLOAT48PL:
		case F_FLOAT84PL:
			FOR_ROWS(out[row] = float8_pl(double_at(l, row), double_at(r, row)));
			break;
		case F_FLOAT8MI:
		case F_FLOAT48MI:
		case F_FLOAT84MI:
			FOR_ROWS(out[row] = float8_mi(double_at(l, row), double_at(r, row)));
			break;
		case F_FLOAT8MUL:
		case F_FLOAT48MUL:
		case F_FLOAT84MUL:
			FOR_ROWS(out[row] = float8_mul(double_at(l, row), double_at(r, row)));
			break;
		default:
			FOR_ROWS(out[row] = float8_div(double_at(l, row), double_at(r, row)));
			break;
	}
}

void
si_vector_op(SiBatchValue *value, const SiRows *rows)
{
	double	   *out = value->buffer;

	value->nulls = join_nulls(value);
	switch (class_of(value->op))
	{
		case OP_LONG:
			op_long(value, rows);
			break;
		case OP_DOUBLE:
			op_double(value, rows);
			break;
		default:
			FOR_ROWS(out[row] = double_at(value->left, row));
			break;
	}
}
