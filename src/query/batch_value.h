/*
 * batch_value.h
 *		Values of expressions for the selected rows of a batch.
 *
 * What an aggregate adds up is computed in one of these ways, the first that
 * fits:
 *
 * COLUMN	a column of ours: its vector as it is.
 * CONST	no column: computed once per execution.
 * OP		+ - * / of bigint and double precision (and the casts between
 *			them) over such values: vector by vector, with the overflow and
 *			division errors of PostgreSQL's own functions, which are called.
 * DICT		one text column: PostgreSQL's executor computes it once per entry
 *			of the dictionary that a selected row shows.
 * ROW		anything else: the executor, row by row.
 *
 * Only selected rows are computed: a row that a filter removed cannot raise
 * an error.  Types other than those of SiForm are known by their nulls only,
 * which is enough for count().
 */
#ifndef SI_QUERY_BATCH_VALUE_H
#define SI_QUERY_BATCH_VALUE_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "query/parallel.h"
#include "query/scan.h"

/* The selected rows of a block, by number. */
typedef struct SiRows
{
	uint32		n;
	uint32		nrows;			/* of the block */
	bool		one_group;		/* all belong to one group */
	uint16		row[SI_BLOCK_ROWS];
} SiRows;

/* How values lie in memory. */
typedef enum SiForm
{
	SI_FORM_LONG,				/* int64: integers, booleans, dates, timestamps (microseconds) */
	SI_FORM_TIME,				/* int64: milliseconds, as in chunks */
	SI_FORM_FLOAT,
	SI_FORM_DOUBLE,
	SI_FORM_NONE				/* nulls only */
} SiForm;

/* What expressions of one scan are computed with. */
typedef struct SiBatchEnv
{
	SiScan	   *scan;
	PlanState  *parent;
	Index		relid;
	const int  *column_of;		/* attribute number -> column of the scan */
	ExprContext *econtext;
	TupleTableSlot *slot;		/* of the table; all null between uses */
	MemoryContext cxt;			/* of the scan */
	SiAggCounts counts;
} SiBatchEnv;

typedef enum SiBatchValueKind
{
	SI_BATCH_COLUMN,
	SI_BATCH_CONST,
	SI_BATCH_OP,
	SI_BATCH_DICT,
	SI_BATCH_ROW
} SiBatchValueKind;

typedef struct SiBatchValue
{
	SiBatchValueKind kind;
	Expr	   *expr;
	Oid			type;
	SiForm		form;
	int			column;			/* COLUMN, DICT */
	Oid			op;				/* OP: the function */
	struct SiBatchValue *left,
			   *right;			/* OP; right NULL: a cast */
	ExprState  *state;			/* CONST, DICT, ROW */
	int		   *columns;		/* ROW: those to fill */
	int			ncolumns;

	/* DICT: of the dictionary at hand */
	uint64		memo_of;		/* si_memo_stamp() when it was made */
	uint8	   *known;			/* by code: 0 unknown, 1 null, 2 in memo */
	int64	   *memo;			/* int64, or the bits of a double */

	/* of the batch at hand, by row number */
	union
	{
		const void *any;
		const int64 *longs;
		const float *floats;
		const double *doubles;
	}			v;
	const uint64 *nulls;		/* NULL: none */
	void	   *buffer;
	uint64	   *null_buffer;
} SiBatchValue;

/* Whether an expression can be computed at all; for the planner. */
extern bool si_batch_value_possible(Expr *expr, Index relid);

/* How values of a type lie in memory. */
extern SiForm si_batch_value_form(Oid type);

/* Prepares an expression.  Allocates in env->cxt. */
extern SiBatchValue *si_batch_value_init(SiBatchEnv *env, Expr *expr);

/* Attribute numbers of the columns an expression needs, added to a set (without offset). */
extern Bitmapset *si_expr_columns(Bitmapset *attnos, Node *expr, Index relid);

/* Computes the value for the rows of the current block. */
extern void si_batch_value_compute(SiBatchEnv *env, SiBatchValue *value, const SiRows *rows);

/*
 * Evaluates an expression for one row of the current block, whose columns are
 * filled from the reader.  The result is valid until the next call.
 */
extern Datum si_row_evaluate(SiBatchEnv *env, ExprState *state, const int *columns, int ncolumns,
							 uint32 row, bool *isnull);
/* The same for a value of the only column. */
extern Datum si_value_evaluate(SiBatchEnv *env, ExprState *state, int column, Datum value, bool *isnull);
/* The same for one entry of a dictionary (code 0: null). */
extern Datum si_entry_evaluate(SiBatchEnv *env, ExprState *state, int column, uint32 code, bool *isnull);

/* The columns of a prepared ROW expression. */
extern int *si_row_columns(SiBatchEnv *env, Expr *expr, int *ncolumns);

/*
 * A number that changes with the dictionary of a column: what is remembered
 * by code is valid as long as it stays the same.
 */
extern uint64 si_memo_stamp(const SiBatchEnv *env, int column);
/* The context that lives as long as that. */
extern MemoryContext si_memo_context(const SiBatchEnv *env, int column);

/* The only column of an expression (of one of our types), or 0. */
extern AttrNumber si_single_column(Expr *expr, Index relid, Oid *type);

/* Filters rows by a boolean expression, row by row. */
extern uint32 si_row_filter(SiBatchEnv *env, ExprState *state, const int *columns, int ncolumns,
							uint32 nrows, uint64 *selection);

/* The numbers of selected rows. */
extern void si_rows_from_selection(SiRows *rows, const uint64 *selection, uint32 nrows);

static inline bool
si_batch_value_is_null(const SiBatchValue *value, uint32 row)
{
	return value->nulls != NULL && si_bit(value->nulls, row);
}

#endif							/* SI_QUERY_BATCH_VALUE_H */
