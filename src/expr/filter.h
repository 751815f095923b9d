/*
 * filter.h
 *		Druid's filters, as conditions on one row while it is ingested.
 *
 * A field with several values matches when one of them does.  Truth has three
 * values, as in SQL: a null is neither equal nor unequal to anything, and
 * what is unknown does not pass.
 */
#ifndef SI_EXPR_FILTER_H
#define SI_EXPR_FILTER_H

#include "expr/expr.h"

typedef enum SiFilterKind
{
	SI_FILTER_TRUE,
	SI_FILTER_FALSE,
	SI_FILTER_AND,
	SI_FILTER_OR,
	SI_FILTER_NOT,
	SI_FILTER_IS_TRUE,			/* unknown is false */
	SI_FILTER_IS_FALSE,
	SI_FILTER_NULL,
	SI_FILTER_IN,				/* selector, in, equals of a text */
	SI_FILTER_EQUALS,			/* a number */
	SI_FILTER_BOUND,
	SI_FILTER_RANGE,			/* typed bounds */
	SI_FILTER_INTERVAL,
	SI_FILTER_LIKE,
	SI_FILTER_REGEX,
	SI_FILTER_EXPRESSION
} SiFilterKind;

typedef enum SiOrdering
{
	SI_ORDER_LEXICOGRAPHIC,
	SI_ORDER_ALPHANUMERIC,
	SI_ORDER_NUMERIC,
	SI_ORDER_STRLEN,
	SI_ORDER_VERSION
} SiOrdering;

typedef struct SiFilterText
{
	char	   *text;			/* NUL-terminated */
	uint32		len;
} SiFilterText;

typedef struct SiFilter
{
	SiFilterKind kind;
	SiFilterText dimension;		/* field; not for logic and expressions */
	int			slot;			/* of the field */

	int			nfields;		/* AND, OR, NOT, IS_... */
	struct SiFilter **fields;

	int			nvalues;		/* IN; sorted by si_filter_prepare() */
	SiFilterText *values;
	bool		has_null;		/* null is one of them */
	bool		element;		/* IN, EQUALS: of arrayContainsElement, see filter.c */

	bool		has_lower;		/* BOUND, RANGE */
	bool		has_upper;
	bool		lower_strict;
	bool		upper_strict;
	SiFilterText lower;
	SiFilterText upper;
	SiOrdering	ordering;
	bool		numeric;		/* RANGE, EQUALS: compare as numbers: */
	double		lower_number;	/* EQUALS: the number */
	double		upper_number;

	int			nintervals;		/* INTERVAL: [start, end) in ms */
	int64	   *starts;
	int64	   *ends;

	SiFilterText pattern;		/* LIKE, REGEX */
	int			escape;			/* LIKE: a character, or 0 */
	struct SiRegex *regex;		/* REGEX */
	SiExpr	   *expr;			/* EXPRESSION; of others: in the place of the field's value, if not NULL */
} SiFilter;

/*
 * Compiles what the members say (not those of nested filters); false with a
 * reason.  To be called once, before anything else.
 */
extern bool si_filter_prepare(SiFilter *f, SiReason *why);

/* Asks slot_of for every field of a filter and of those in it. */
extern void si_filter_bind(SiFilter *f, int (*slot_of) (void *arg, const char *name, int len), void *arg);

/* Whether a filter reads one of the slots. */
extern bool si_filter_reads(const SiFilter *f, bool (*is_wanted) (void *arg, int slot), void *arg);

/*
 * *truth is 1, 0, or -1 for unknown.  False with a reason when a value or
 * an expression could not be evaluated.
 */
extern bool si_filter_test(const SiFilter *f, SiExprMemory *m, SiExprRow *row, int *truth, SiReason *why);

/* Druid's orderings of texts: below, at or above 0. */
extern int	si_ordering_compare(SiOrdering ordering, const char *a, uint32 a_len, const char *b, uint32 b_len);

#endif							/* SI_EXPR_FILTER_H */
