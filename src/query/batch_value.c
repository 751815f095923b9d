/*
 * batch_value.c
 *		Values of expressions for a batch (batch_value.h).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "query/batch_value.h"
#include "query/scalar.h"
#include "query/vector_op.h"
#include "utils/memutils.h"

/* ------------------------------------------------------- classification */

SiForm
si_batch_value_form(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return SI_FORM_LONG;
		case FLOAT4OID:
			return SI_FORM_FLOAT;
		case FLOAT8OID:
			return SI_FORM_DOUBLE;
		default:
			return SI_FORM_NONE;
	}
}

static List *
vars_of(Node *expr)
{
	return pull_var_clause(expr, PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
						   PVC_RECURSE_PLACEHOLDERS);
}

bool
si_batch_value_possible(Expr *expr, Index relid)
{
	ListCell   *lc;

	if (contain_volatile_functions((Node *) expr) || contain_subplans((Node *) expr) ||
		expression_returns_set((Node *) expr))
		return false;
	foreach(lc, vars_of((Node *) expr))
	{
		Var		   *var = lfirst(lc);

		if (!IsA(var, Var) || var->varno != relid || var->varlevelsup != 0 || var->varattno <= 0)
			return false;
	}
	return true;
}

AttrNumber
si_single_column(Expr *expr, Index relid, Oid *type)
{
	AttrNumber	attno = 0;
	ListCell   *lc;

	foreach(lc, vars_of((Node *) expr))
	{
		Var		   *var = lfirst_node(Var, lc);

		if (si_type_of(var->vartype) == 0 || (attno != 0 && var->varattno != attno))
			return 0;
		attno = var->varattno;
		*type = var->vartype;
	}
	return attno;
}

Bitmapset *
si_expr_columns(Bitmapset *attnos, Node *expr, Index relid)
{
	ListCell   *lc;

	foreach(lc, vars_of(expr))
	{
		Var		   *var = lfirst_node(Var, lc);

		attnos = bms_add_member(attnos, var->varattno);
	}
	return attnos;
}

int *
si_row_columns(SiBatchEnv *env, Expr *expr, int *ncolumns)
{
	Bitmapset  *attnos = si_expr_columns(NULL, (Node *) expr, env->relid);
	int		   *columns = palloc(Max(bms_num_members(attnos), 1) * sizeof(int));
	int			attno = -1;

	*ncolumns = 0;
	while ((attno = bms_next_member(attnos, attno)) >= 0)
	{
		/* a column that was dropped since reads as null */
		if (env->column_of[attno] >= 0)
			columns[(*ncolumns)++] = env->column_of[attno];
	}
	return columns;
}

/* Makes an OP of an expression whose parts are computed by vectors, or NULL. */
static SiBatchValue *
init_op(SiBatchEnv *env, Expr *expr)
{
	List	   *args = NIL;
	Oid			function = si_vector_function(expr, &args);
	SiBatchValue    *value;

	if (!OidIsValid(function))
		return NULL;
	value = palloc0(sizeof(SiBatchValue));
	value->kind = SI_BATCH_OP;
	value->op = function;
	value->left = si_batch_value_init(env, linitial(args));
	if (list_length(args) > 1)
		value->right = si_batch_value_init(env, lsecond(args));
	/* below a row-wise part nothing is gained */
	if (value->left->kind == SI_BATCH_ROW || (value->right != NULL && value->right->kind == SI_BATCH_ROW))
		return NULL;
	return value;
}

SiBatchValue *
si_batch_value_init(SiBatchEnv *env, Expr *expr)
{
	SiBatchValue    *value;
	Oid			type = InvalidOid;
	AttrNumber	attno = si_single_column(expr, env->relid, &type);
	bool		no_column = !contain_var_clause((Node *) expr);

	while (IsA(expr, RelabelType))
		expr = ((RelabelType *) expr)->arg;
	value = no_column ? NULL : init_op(env, expr);
	if (value == NULL)
	{
		value = palloc0(sizeof(SiBatchValue));
		value->kind = no_column ? SI_BATCH_CONST : SI_BATCH_ROW;
		if (attno != 0 && env->column_of[attno] >= 0)
		{
			value->column = env->column_of[attno];
			if (IsA(expr, Var))
				value->kind = SI_BATCH_COLUMN;
			else if (type == TEXTOID)
				value->kind = SI_BATCH_DICT;
		}
	}
	value->expr = expr;
	value->type = exprType((Node *) expr);
	value->form = si_batch_value_form(value->type);
	if (value->kind == SI_BATCH_COLUMN && value->type == TIMESTAMPTZOID)
		value->form = SI_FORM_TIME;
	if (value->kind == SI_BATCH_CONST || value->kind == SI_BATCH_DICT || value->kind == SI_BATCH_ROW)
		value->state = ExecInitExpr(expr, env->parent);
	if (value->kind == SI_BATCH_ROW)
		value->columns = si_row_columns(env, expr, &value->ncolumns);
	if (value->kind != SI_BATCH_COLUMN)
	{
		value->buffer = palloc0(SI_BLOCK_ROWS * sizeof(int64));
		value->null_buffer = palloc0(SI_BLOCK_WORDS * sizeof(uint64));
	}
	return value;
}

/* ----------------------------------------------------------- by executor */

uint64
si_memo_stamp(const SiBatchEnv *env, int column)
{
	const SiChunkReader *r = env->scan->reader;

	/* texts that are made of other types belong to one block */
	return r->opened * UINT64CONST(0x100000000) + (r->columns[column].native ? 0 : r->block + 1);
}

MemoryContext
si_memo_context(const SiBatchEnv *env, int column)
{
	const SiChunkReader *r = env->scan->reader;

	return r->columns[column].native ? r->chunk_cxt : r->block_cxt;
}

Datum
si_row_evaluate(SiBatchEnv *env, ExprState *state, const int *columns, int ncolumns, uint32 row,
				bool *isnull)
{
	SiChunkReader *r = env->scan->reader;
	TupleTableSlot *slot = env->slot;
	Datum		result;

	for (int i = 0; i < ncolumns; i++)
	{
		int			a = r->columns[columns[i]].att->attno - 1;

		si_chunk_load(r, columns[i]);
		slot->tts_values[a] = si_chunk_datum(r, columns[i], row, &slot->tts_isnull[a]);
	}
	CHECK_FOR_INTERRUPTS();
	env->counts.rows_by_executor++;
	ResetExprContext(env->econtext);
	env->econtext->ecxt_scantuple = slot;
	result = ExecEvalExprSwitchContext(state, env->econtext, isnull);
	for (int i = 0; i < ncolumns; i++)
		slot->tts_isnull[r->columns[columns[i]].att->attno - 1] = true;
	return result;
}

Datum
si_value_evaluate(SiBatchEnv *env, ExprState *state, int column, Datum value, bool *isnull)
{
	TupleTableSlot *slot = env->slot;
	int			a = env->scan->reader->columns[column].att->attno - 1;
	Datum		result;

	CHECK_FOR_INTERRUPTS();
	env->counts.rows_by_executor++;
	slot->tts_isnull[a] = false;
	slot->tts_values[a] = value;
	ResetExprContext(env->econtext);
	env->econtext->ecxt_scantuple = slot;
	result = ExecEvalExprSwitchContext(state, env->econtext, isnull);
	slot->tts_isnull[a] = true;
	return result;
}

Datum
si_entry_evaluate(SiBatchEnv *env, ExprState *state, int column, uint32 code, bool *isnull)
{
	SiChunkReader *r = env->scan->reader;
	TupleTableSlot *slot = env->slot;
	int			a = r->columns[column].att->attno - 1;
	Datum		result;

	CHECK_FOR_INTERRUPTS();
	env->counts.evaluations++;
	slot->tts_isnull[a] = code == 0;
	slot->tts_values[a] = code == 0 ? (Datum) 0 : si_chunk_text(r, column, code);
	ResetExprContext(env->econtext);
	env->econtext->ecxt_scantuple = slot;
	result = ExecEvalExprSwitchContext(state, env->econtext, isnull);
	slot->tts_isnull[a] = true;
	return result;
}

uint32
si_row_filter(SiBatchEnv *env, ExprState *state, const int *columns, int ncolumns, uint32 nrows,
			  uint64 *selection)
{
	for (int w = 0; w < si_bitmap_words(nrows); w++)
	{
		for (uint64 live = selection[w]; live != 0; live &= live - 1)
		{
			int			b = pg_rightmost_one_pos64(live);
			bool		isnull;
			Datum		d = si_row_evaluate(env, state, columns, ncolumns, w * 64 + b, &isnull);

			if (isnull || !DatumGetBool(d))
				selection[w] &= ~(UINT64CONST(1) << b);
		}
		CHECK_FOR_INTERRUPTS();
	}
	return si_bitmap_count(selection, nrows);
}

void
si_rows_from_selection(SiRows *rows, const uint64 *selection, uint32 nrows)
{
	uint32		n = 0;

	rows->nrows = nrows;
	for (int w = 0; w < si_bitmap_words(nrows); w++)
	{
		uint64		live = selection[w];

		if (live == PG_UINT64_MAX)
		{
			for (int b = 0; b < 64; b++)
				rows->row[n + b] = w * 64 + b;
			n += 64;
			continue;
		}
		for (; live != 0; live &= live - 1)
			rows->row[n++] = w * 64 + pg_rightmost_one_pos64(live);
	}
	rows->n = n;
}

/* ----------------------------------------------------------- computation */

/* A Datum as the bits that a buffer of the form holds. */
static int64
bits_of_datum(const SiBatchValue *value, Datum d)
{
	double		f;
	int64		bits;

	if (value->type == FLOAT4OID)
		f = DatumGetFloat4(d);
	else if (value->type == FLOAT8OID)
		f = DatumGetFloat8(d);
	else
		return si_int_of_datum(value->type, d);
	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

/* Stores bits at a row of the value's own buffer. */
static inline void
store_bits(SiBatchValue *value, uint32 row, int64 bits)
{
	if (value->form == SI_FORM_FLOAT)
	{
		double		d;

		memcpy(&d, &bits, sizeof(d));
		((float *) value->buffer)[row] = (float) d;
	}
	else
		((int64 *) value->buffer)[row] = bits;
}

static void
set_null(SiBatchValue *value, uint32 row)
{
	store_bits(value, row, 0);
	value->null_buffer[row / 64] |= UINT64CONST(1) << (row % 64);
	value->nulls = value->null_buffer;
}

static void
compute_column(SiBatchEnv *env, SiBatchValue *value, const SiRows *rows)
{
	SiChunkReader *r = env->scan->reader;
	const SiVector *vec = si_chunk_load(r, value->column);

	value->v.any = vec->v.data;
	if (vec->type == SI_TYPE_STRING)
	{
		if (value->null_buffer == NULL)
			value->null_buffer = MemoryContextAllocZero(env->cxt, SI_BLOCK_WORDS * sizeof(uint64));
		memset(value->null_buffer, 0, SI_BLOCK_WORDS * sizeof(uint64));
		for (uint32 i = 0; i < rows->nrows; i++)
			value->null_buffer[i / 64] |= (uint64) (vec->v.codes[i] == 0) << (i % 64);
		value->nulls = value->null_buffer;
	}
	else
	{
		const SiColumnStats *stats = si_chunk_block_stats(r, value->column, r->block);

		value->nulls = stats != NULL && stats->null_count == 0 ? NULL : vec->nulls;
	}
}

static void
compute_const(SiBatchEnv *env, SiBatchValue *value, const SiRows *rows)
{
	bool		isnull;
	Datum		d;

	ResetExprContext(env->econtext);
	d = ExecEvalExprSwitchContext(value->state, env->econtext, &isnull);
	value->nulls = NULL;
	for (uint32 i = 0; i < rows->n; i++)
	{
		if (isnull)
			set_null(value, rows->row[i]);
		else if (value->form != SI_FORM_NONE)
			store_bits(value, rows->row[i], bits_of_datum(value, d));
	}
}

static void
compute_dict(SiBatchEnv *env, SiBatchValue *value, const SiRows *rows)
{
	const SiVector *vec = si_chunk_load(env->scan->reader, value->column);
	uint64		stamp = si_memo_stamp(env, value->column);

	if (value->memo_of != stamp)
	{
		MemoryContext cxt = si_memo_context(env, value->column);
		Size		n = (Size) vec->dict->count + 1;

		value->known = MemoryContextAllocExtended(cxt, n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		value->memo = MemoryContextAllocExtended(cxt, n * sizeof(int64), MCXT_ALLOC_HUGE);
		value->memo_of = stamp;
	}
	for (uint32 i = 0; i < rows->n; i++)
	{
		uint32		row = rows->row[i];
		uint32		code = vec->v.codes[row];

		if (value->known[code] == 0)
		{
			bool		isnull;
			Datum		d = si_entry_evaluate(env, value->state, value->column, code, &isnull);

			value->known[code] = isnull ? 1 : 2;
			if (!isnull && value->form != SI_FORM_NONE)
				value->memo[code] = bits_of_datum(value, d);
		}
		if (value->known[code] == 1)
			set_null(value, row);
		else if (value->form != SI_FORM_NONE)
			store_bits(value, row, value->memo[code]);
	}
}

static void
compute_rows(SiBatchEnv *env, SiBatchValue *value, const SiRows *rows)
{
	for (uint32 i = 0; i < rows->n; i++)
	{
		bool		isnull;
		Datum		d = si_row_evaluate(env, value->state, value->columns, value->ncolumns,
										rows->row[i], &isnull);

		if (isnull)
			set_null(value, rows->row[i]);
		else if (value->form != SI_FORM_NONE)
			store_bits(value, rows->row[i], bits_of_datum(value, d));
	}
}

void
si_batch_value_compute(SiBatchEnv *env, SiBatchValue *value, const SiRows *rows)
{
	if (value->kind == SI_BATCH_COLUMN)
	{
		compute_column(env, value, rows);
		return;
	}
	value->v.any = value->buffer;
	value->nulls = NULL;
	memset(value->null_buffer, 0, SI_BLOCK_WORDS * sizeof(uint64));
	switch (value->kind)
	{
		case SI_BATCH_CONST:
			compute_const(env, value, rows);
			break;
		case SI_BATCH_OP:
			si_batch_value_compute(env, value->left, rows);
			if (value->right != NULL)
				si_batch_value_compute(env, value->right, rows);
			si_vector_op(value, rows);
			break;
		case SI_BATCH_DICT:
			compute_dict(env, value, rows);
			break;
		default:
			compute_rows(env, value, rows);
			break;
	}
}
