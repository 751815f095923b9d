/*
 * expr_int.h
 *		What the files of the expression module share: values, nodes, and the
 *		form of a function.
 */
#ifndef SI_EXPR_EXPR_INT_H
#define SI_EXPR_EXPR_INT_H

#include "expr/expr.h"
#include "format/reason.h"

/* Longest text, in bytes, and array that a function may make. */
#define SI_EXPR_MAX_TEXT	(16 * 1024 * 1024)
/* Memory that one message may take before its evaluation fails. */
#define SI_EXPR_MAX_MEMORY	(256 * 1024 * 1024)
/* Calls of lambdas that one evaluation may make. */
#define SI_EXPR_MAX_STEPS	10000000
/* Nesting of an expression. */
#define SI_EXPR_MAX_DEPTH	200
/* Arguments of all lambdas around one place. */
#define SI_EXPR_MAX_LOCALS	16

typedef enum SiExprType
{
	SI_EXPR_STRING,
	SI_EXPR_LONG,
	SI_EXPR_DOUBLE,
	SI_EXPR_JSON,				/* text of an object or array */
	SI_EXPR_ARRAY
} SiExprType;

typedef struct SiExprValue
{
	SiExprType	type;
	SiExprType	element;		/* ARRAY: type of its elements */
	bool		isnull;
	uint32		len;			/* bytes of a text, elements of an array */
	union
	{
		int64		i;
		double		d;
		const char *s;			/* not NUL-terminated */
		const struct SiExprValue *items;
	}			u;
} SiExprValue;

typedef struct SiEval
{
	SiExprMemory *memory;
	SiExprRow  *row;
	SiReason   *why;
	int64		steps;
	SiExprValue locals[SI_EXPR_MAX_LOCALS];
} SiEval;

typedef struct SiExprNode SiExprNode;
typedef struct SiExprFunction SiExprFunction;

typedef enum SiExprNodeKind
{
	SI_NODE_CONST,
	SI_NODE_FIELD,
	SI_NODE_LOCAL,
	SI_NODE_NEGATE,
	SI_NODE_NOT,
	SI_NODE_BINARY,
	SI_NODE_CALL
} SiExprNodeKind;

typedef enum SiExprOp
{
	SI_OP_AND, SI_OP_OR,
	SI_OP_LT, SI_OP_LE, SI_OP_GT, SI_OP_GE, SI_OP_EQ, SI_OP_NE,
	SI_OP_ADD, SI_OP_SUB, SI_OP_MUL, SI_OP_DIV, SI_OP_MOD, SI_OP_POW
} SiExprOp;

struct SiExprNode
{
	SiExprNodeKind kind;
	int			position;		/* 1-based character */
	SiExprValue value;			/* CONST */
	int			index;			/* FIELD: of the expression's fields; LOCAL: of the locals */
	int			slot;			/* FIELD: where rows have it */
	SiExprOp	op;				/* BINARY */
	const SiExprFunction *fn;	/* CALL */
	int			nargs;			/* BINARY: 2, NEGATE and NOT: 1 */
	SiExprNode **args;
	SiExprNode *lambda;			/* body, for functions that apply one */
	int			first_local;	/* where the arguments of the lambda are */
	int			nlocals;
	void	   *prepared;		/* what prepare() made of literal arguments */
};

/*
 * Functions take evaluated arguments, or (lazy) evaluate them on their own.
 * False with a reason in ev->why.
 */
typedef bool (*SiExprCall) (SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out);
typedef bool (*SiExprLazy) (SiEval *ev, const SiExprNode *n, SiExprValue *out);
/* Looks at the literal arguments when an expression is compiled; false with a reason. */
typedef bool (*SiExprPrepare) (SiExprNode *n, SiReason *why);

struct SiExprFunction
{
	const char *name;			/* lower case */
	int			min_args;		/* without the lambda */
	int			max_args;		/* -1: any number */
	SiExprCall	call;
	SiExprLazy	lazy;
	SiExprPrepare prepare;
	int			lambda;			/* arguments of the lambda; 0: none, -1: any */
	double		(*math) (double);	/* for the functions of one double */
	const char *why_not;		/* not here: the reason */
};

/* functions.c */
extern const SiExprFunction *si_expr_function_find(const char *name, int len);
extern const char *si_expr_function_nearest(const char *name, int len);

/* eval.c */
extern bool si_expr_node(SiEval *ev, const SiExprNode *n, SiExprValue *out);
/* Counts a step of a lambda; false when there were too many. */
extern bool si_expr_step(SiEval *ev);
/* Druid's comparison of two values that are not null: *order is below, at or above 0; false: not comparable. */
extern bool si_expr_compare(SiEval *ev, const SiExprValue *a, const SiExprValue *b, int *order);
/* Whether an operator on these two works on texts, longs or doubles. */
extern SiExprType si_expr_common_type(const SiExprValue *a, const SiExprValue *b);

/* value.c */
extern SiExprValue si_expr_null(void);
extern SiExprValue si_expr_long(int64 i);
extern SiExprValue si_expr_bool(bool b);
extern SiExprValue si_expr_double(double d);
extern SiExprValue si_expr_text(const char *s, size_t len);
/* A copy of the text in the evaluation's memory. */
extern SiExprValue si_expr_copy(SiEval *ev, const char *s, size_t len);
extern SiExprValue *si_expr_items(SiEval *ev, uint32 n);
extern SiExprValue si_expr_array(const SiExprValue *items, uint32 n, SiExprType element);

/* Druid's conversions; false when there is no value. */
extern bool si_expr_as_text(SiEval *ev, const SiExprValue *v, const char **s, uint32 *len);
extern bool si_expr_as_long(const SiExprValue *v, int64 *i);
extern bool si_expr_as_double(const SiExprValue *v, double *d);
extern bool si_expr_as_bool(const SiExprValue *v);
/* As an array: a scalar becomes one of one element; null stays null. */
extern SiExprValue si_expr_as_array(SiEval *ev, const SiExprValue *v);
/* A value as another scalar type; null when it cannot be. */
extern SiExprValue si_expr_cast(SiEval *ev, const SiExprValue *v, SiExprType type);
extern void si_expr_from_value(SiEval *ev, const SiValue *v, SiExprValue *out);
/* A value of JSON text: scalars become values of their type. */
extern void si_expr_from_json(SiEval *ev, const SiValue *v, bool escaped, SiExprValue *out);
extern void si_expr_to_value(SiEval *ev, const SiExprValue *v, SiValue *out);
/* fn_json.c: the value in a JSON text; false when it is none. */
extern bool si_expr_parse_json(SiEval *ev, const SiExprValue *v, SiExprValue *out);
/* A value as JSON text. */
extern SiExprValue si_expr_to_json(SiEval *ev, const SiExprValue *v);

/* Fails with a reason; always false. */
#define si_expr_fail(ev, ...)	si_format_reason((ev)->why, __VA_ARGS__)

/* Arguments of functions, for the reader's sake. */
extern bool si_expr_is_literal_text(const SiExprNode *n);
/* NUL-terminated copy of a literal text. */
extern char *si_expr_literal(const SiExprNode *n);

static inline bool
si_expr_return(SiExprValue *out, SiExprValue v)
{
	*out = v;
	return true;
}

/* regex.c: Java's regular expressions, by ICU */
typedef struct SiRegex SiRegex;
extern SiRegex *si_regex_create(const char *pattern, size_t len, SiReason *why);
/* 1: found (group() tells where), 0: not, -1: failed with a reason. */
extern int	si_regex_find(SiRegex *re, const char *text, size_t len, SiReason *why);
extern int	si_regex_find_next(SiRegex *re, SiReason *why);
extern int	si_regex_groups(SiRegex *re);
/* The text of a group of the last match; null when it took no part. */
extern SiExprValue si_regex_group(SiRegex *re, SiEval *ev, int group);
/* The text from the end of the match before (UTF-16 position *from) to this one; moves *from behind it. */
extern SiExprValue si_regex_before(SiRegex *re, SiEval *ev, int *from);
extern SiExprValue si_regex_rest(SiRegex *re, SiEval *ev, int from);
extern bool si_regex_replace(SiRegex *re, SiEval *ev, const char *text, size_t len,
							 const char *with, size_t with_len, SiExprValue *out);
/* Case-insensitive search of a plain text. */
extern bool si_text_fold_contains(SiEval *ev, const char *text, size_t len, const char *part, size_t part_len);

/* like.c */
extern bool si_like(const char *text, size_t len, const char *pattern, size_t pattern_len, int escape);

/* The tables of the fn_*.c files; each ends with a row without a name. */
extern const SiExprFunction si_fn_general[];
extern const SiExprFunction si_fn_math[];
extern const SiExprFunction si_fn_string[];
extern const SiExprFunction si_fn_regex[];
extern const SiExprFunction si_fn_time[];
extern const SiExprFunction si_fn_array[];
extern const SiExprFunction si_fn_json[];
extern const SiExprFunction si_fn_json_tree[];
extern const SiExprFunction si_fn_format[];

/* Text that grows in the evaluation's memory. */
typedef struct SiExprOutput
{
	SiEval	   *ev;
	char	   *text;
	size_t		len;
	size_t		cap;
	bool		too_long;
} SiExprOutput;

/* Appends bytes; false, with a reason, when the text would be longer than SI_EXPR_MAX_TEXT. */
extern bool si_expr_put(SiExprOutput *o, const char *s, size_t len);

/* upper() and lower(), in fn_string.c. */
extern bool si_expr_change_case(SiEval *ev, const SiExprValue *v, bool upper, SiExprValue *out);
extern const SiExprFunction si_fn_net[];

#endif							/* SI_EXPR_EXPR_INT_H */
