/*
 * expr.h
 *		Druid's expression language: an expression is compiled once and then
 *		evaluated for each row.
 *
 * Values are typed at run time, as in Druid: string, long, double, a nested
 * JSON value, or an array of one of these; every type has a null.  Evaluating
 * never throws: what Druid answers with an exception is false and a reason.
 */
#ifndef SI_EXPR_EXPR_H
#define SI_EXPR_EXPR_H

#include "common/types.h"

typedef struct SiExpr SiExpr;

/* Why an expression is refused. */
typedef struct SiExprError
{
	int			position;		/* 1-based character of the expression; 0: the whole */
	SiReason	text;			/* without a full stop */
	SiReason	hint;			/* may be empty */
} SiExprError;

/*
 * Compiles an expression; NULL with an error.  Lives in CurrentMemoryContext.
 */
extern SiExpr *si_expr_compile(const char *text, SiExprError *err);

/* The fields that an expression reads: distinct names, in order of appearance. */
extern int	si_expr_nfields(const SiExpr *e);
extern const char *si_expr_field(const SiExpr *e, int i, int *len);
/* Says where field i is found in rows: any number that the row understands. */
extern void si_expr_bind(SiExpr *e, int i, int slot);
extern int	si_expr_slot(const SiExpr *e, int i);

/* Memory of evaluations: results live until the next reset. */
typedef struct SiExprMemory SiExprMemory;

extern SiExprMemory *si_expr_memory_create(void);
extern void si_expr_memory_reset(SiExprMemory *m);
/* Never NULL; 8-byte aligned. */
extern void *si_expr_alloc(SiExprMemory *m, size_t size);

/* A row, as an evaluation sees it. */
typedef struct SiExprRow SiExprRow;
struct SiExprRow
{
	/*
	 * The value of a slot, valid until the memory is reset; false with a
	 * reason when it cannot be had.
	 */
	bool		(*get) (SiExprRow *row, int slot, const SiValue **v, SiReason *why);
};

/*
 * The value for a row, as a format would hand it out: numbers without text,
 * an array of one element as that element.  False with a reason when the
 * evaluation failed.
 */
extern bool si_expr_eval(const SiExpr *e, SiExprMemory *m, SiExprRow *row,
						 SiValue *out, SiReason *why);

/* The same as a condition: *truth is 1, 0, or -1 for unknown (null). */
extern bool si_expr_test(const SiExpr *e, SiExprMemory *m, SiExprRow *row,
						 int *truth, SiReason *why);

/* The table of functions: name of the i-th, NULL at the end; *why_not is NULL when it works here. */
extern const char *si_expr_function(int i, int *min_args, int *max_args, const char **why_not);

#endif							/* SI_EXPR_EXPR_H */
