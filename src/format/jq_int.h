/*
 * jq_int.h
 *		What the compiler and the evaluator of jq expressions share.
 */
#ifndef SI_FORMAT_JQ_INT_H
#define SI_FORMAT_JQ_INT_H

#include "format/jq.h"

typedef enum JqKind
{
	JQ_IDENTITY,
	JQ_FIELD,					/* name of what left gives */
	JQ_INDEX,					/* from */
	JQ_SLICE,
	JQ_ITERATE,
	JQ_TRY,						/* left? */
	JQ_PIPE,
	JQ_COMMA,
	JQ_ALTERNATIVE,
	JQ_AND,
	JQ_OR,
	JQ_COMPARE,
	JQ_LITERAL,
	JQ_ARRAY,					/* [left]; left NULL: [] */
	JQ_CALL,
	JQ_ARITHMETIC,				/* op */
	JQ_NEGATE,
	JQ_IF,						/* left, right, third */
	JQ_OBJECT,					/* entries: left is the key, right the value */
	JQ_TEXT,					/* "...\\(...)...": entries, right is the expression */
	JQ_RECURSE,					/* .. */
	JQ_INDEX_BY					/* left[right] */
} JqKind;

typedef enum JqComparison
{
	JQ_EQ,
	JQ_NE,
	JQ_LE,
	JQ_LT,
	JQ_GE,
	JQ_GT
} JqComparison;

typedef enum JqFunction
{
	JQ_LENGTH,
	JQ_KEYS,
	JQ_FIRST,
	JQ_LAST,
	JQ_ADD,
	JQ_MIN,
	JQ_MAX,
	JQ_TOSTRING,
	JQ_TONUMBER,
	JQ_TYPE,
	JQ_NOT,
	JQ_EMPTY,
	JQ_SELECT,
	JQ_MAP,
	JQ_JOIN,
	JQ_HAS,
	/* one result, of the input alone */
	JQ_KEYS_UNSORTED,
	JQ_REVERSE,
	JQ_SORT,
	JQ_UNIQUE,
	JQ_TO_ENTRIES,
	JQ_FROM_ENTRIES,
	JQ_DOWNCASE,
	JQ_UPCASE,
	JQ_FLOOR,
	JQ_SQRT,
	JQ_TO_JSON,
	JQ_FROM_JSON,
	JQ_ANY,
	JQ_ALL,
	JQ_FLATTEN,
	JQ_BYTES,
	/* of an expression for each element */
	JQ_SORT_BY,
	JQ_GROUP_BY,
	JQ_UNIQUE_BY,
	JQ_MIN_BY,
	JQ_MAX_BY,
	JQ_WITH_ENTRIES,
	/* of a value */
	JQ_SPLIT,
	JQ_STARTSWITH,
	JQ_ENDSWITH,
	JQ_LTRIMSTR,
	JQ_RTRIMSTR,
	JQ_TEST,
	JQ_CONTAINS,
	JQ_INSIDE,
	JQ_POSITION,
	JQ_LAST_POSITION,
	/* any number of results */
	JQ_TYPES,					/* the input when it is of one of the kinds */
	JQ_RANGE,
	JQ_FIRST_OF,
	JQ_LAST_OF
} JqFunction;

typedef struct JqNode
{
	JqKind		kind;
	struct JqNode *left;
	struct JqNode *right;		/* also the argument of a call */
	struct JqNode *third;		/* the second argument; what follows else */
	struct JqNode *entries;		/* the first; next links them */
	struct JqNode *next;
	char		op;				/* + - * / % */
	int			types;			/* TYPES: bits of their ranks */
	struct SiMatcher *matcher;	/* TEST */
	char	   *name;
	size_t		name_len;
	bool		has_from;
	bool		has_to;
	int64		from;
	int64		to;
	JqComparison comparison;
	JqFunction	function;
	SiJsonNode	literal;
} JqNode;

struct SiJq
{
	JqNode	   *root;
	JqNode	   *field;			/* the step .name that everything begins with, or NULL */
};

typedef struct JqEvaluation
{
	const JqNode *field;		/* this step has been taken: its input is its result */
	SiScratch  *scratch;
	int64		steps;
	bool		error;
	bool		no_memory;
} JqEvaluation;

/* Takes a result; false: no more are wanted. */
typedef bool (*JqReceiver) (JqEvaluation *e, void *arg, const SiJsonNode *result);

/* jq_eval.c */

/* All results of n for input; false when it ended early: enough, an error, no memory. */
extern bool si_jq_eval(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, JqReceiver receive, void *arg);
/* Always false. */
extern bool si_jq_error(JqEvaluation *e);
/* The order of jq, and the rank of a kind in it: null, false, true, numbers, strings, arrays, objects. */
extern int	si_jq_compare(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b);
extern int	si_jq_rank(const SiJsonNode *node);
extern bool si_jq_is_true(const SiJsonNode *node);
extern bool si_jq_to_string(JqEvaluation *e, const SiJsonNode *input, SiJsonNode *result);
extern bool si_jq_to_number(JqEvaluation *e, const SiJsonNode *input, SiJsonNode *result);
/* The text as an array, object or string; false without memory. */
extern bool si_jq_finish(JqEvaluation *e, SiNodeText *t, SiJsonNode *result);
/* The characters of a string; NULL without memory. */
extern const char *si_jq_text(JqEvaluation *e, const SiJsonNode *string, size_t *len);
/* Characters from, to (excluded) of a string, as of a slice. */
extern void si_jq_substring(const char *text, size_t len, int64 from, int64 to, SiJsonNode *result);

/* jq_operators.c */

extern bool si_jq_arithmetic(JqEvaluation *e, char op, const SiJsonNode *a, const SiJsonNode *b, SiJsonNode *result);
extern bool si_jq_object(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, JqReceiver receive, void *arg);
extern bool si_jq_interpolate(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, SiJsonNode *result);
extern bool si_jq_recurse(JqEvaluation *e, const SiJsonNode *input, JqReceiver receive, void *arg);

/* jq_functions.c: the one result of a function that jq_eval.c does not know. */
extern bool si_jq_function(JqEvaluation *e, const JqNode *n, const SiJsonNode *input, SiJsonNode *result);

#endif							/* SI_FORMAT_JQ_INT_H */
