/*
 * jsonpath_int.h
 *		What the compiler and the evaluator of JSONPath share.
 */
#ifndef SI_FORMAT_JSONPATH_INT_H
#define SI_FORMAT_JSONPATH_INT_H

#include "format/jsonpath.h"
#include "format/matcher.h"

typedef enum PathStepKind
{
	STEP_PROPERTY,				/* names */
	STEP_INDEX,					/* indexes */
	STEP_SLICE,
	STEP_WILDCARD,
	STEP_SCAN,					/* the next step, at every depth */
	STEP_FILTER,
	STEP_FUNCTION
} PathStepKind;

typedef enum PathFunction
{
	FUNCTION_LENGTH,
	FUNCTION_MIN,
	FUNCTION_MAX,
	FUNCTION_AVG,
	FUNCTION_SUM,
	FUNCTION_STDDEV,
	FUNCTION_CONCAT,
	FUNCTION_APPEND,
	FUNCTION_KEYS,
	FUNCTION_FIRST,
	FUNCTION_LAST,
	FUNCTION_INDEX
} PathFunction;

typedef enum FilterKind
{
	FILTER_OR,
	FILTER_AND,
	FILTER_NOT,
	FILTER_EXISTS,
	FILTER_EQ,
	FILTER_NE,
	FILTER_SAME,				/* === */
	FILTER_NOT_SAME,
	FILTER_LT,
	FILTER_LE,
	FILTER_GT,
	FILTER_GE,
	FILTER_IN,
	FILTER_NIN,
	FILTER_CONTAINS,
	FILTER_SIZE,
	FILTER_EMPTY,
	FILTER_SUBSETOF,
	FILTER_ANYOF,
	FILTER_NONEOF,
	FILTER_NEVER,				/* operators of the library that find nothing */
	FILTER_IS,					/* exists true, exists false: a boolean that is this */
	FILTER_MATCHES
} FilterKind;

typedef struct PathFilter PathFilter;

/* A path, or a literal: what filters compare, and what functions take. */
typedef struct PathOperand
{
	SiJsonPath *path;			/* NULL: literal */
	bool		from_root;		/* path begins with $ */
	SiJsonNode	literal;
	SiMatcher  *pattern;		/* a regular expression in place of a literal */
} PathOperand;

struct PathFilter
{
	FilterKind	kind;
	PathFilter *left;			/* OR, AND, NOT */
	PathFilter *right;
	PathOperand a;
	PathOperand b;
};

typedef struct PathStep PathStep;

struct PathStep
{
	PathStepKind kind;
	PathStep   *next;
	int			n;				/* names, indexes, operands */
	char	  **names;
	int64	   *indexes;
	bool		has_from;		/* slice */
	bool		has_to;
	int64		from;
	int64		to;
	PathFilter *filter;
	PathFunction function;
	PathOperand *operands;
};

struct SiJsonPath
{
	PathStep   *first;			/* NULL: the root itself */
	bool		definite;		/* at most one value */
	bool		needs_root;		/* a filter or function has a path from $ */
	PathStep   *scan_function;	/* applied to all that a scanning path found */
};

/*
 * One evaluation.  The number of its steps is bounded, so that no path and
 * message together keep a task busy for long: beyond it nothing more is found.
 */
typedef struct PathEvaluation
{
	const SiJsonNode *root;
	SiScratch  *scratch;
	int64		steps;
	bool		no_memory;
	bool		invalid;		/* a filter compares what has no comparison: it does not pass */

	SiJsonNode *found;
	int			nfound;
	int			cap;
} PathEvaluation;

/* jsonpath_eval.c */

/* False when there is no such value.  What an object lacks is null. */
extern bool si_path_operand(PathEvaluation *e, const PathOperand *o, const SiJsonNode *current, SiJsonNode *value);

/* jsonpath_filter.c */
extern bool si_path_accepts(PathEvaluation *e, const PathFilter *f, const SiJsonNode *node);

/* jsonpath_function.c */

/* False when the function has no result. */
extern bool si_path_apply(PathEvaluation *e, const PathStep *s, const SiJsonNode *node, SiJsonNode *result);

#endif							/* SI_FORMAT_JSONPATH_INT_H */
