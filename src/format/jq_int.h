/*
 * jq_int.h
 *		What the compiler and the evaluator of jq expressions share.
 *
 * An expression is a tree of nodes.  Evaluated for an input it gives a list of
 * results, all of them before any is used, as in Druid's library: an error
 * anywhere leaves nothing.
 */
#ifndef SI_FORMAT_JQ_INT_H
#define SI_FORMAT_JQ_INT_H

#include "format/jq.h"

/*
 * What one evaluation may use: evaluations of nodes, bytes of values that are
 * looked at, bytes that are made, the C stack.
 */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/* the sanitizers are slow */
#define SI_JQ_MAX_STEPS		100000
#define SI_JQ_MAX_WORK		(INT64CONST(1) << 25)
#else
#define SI_JQ_MAX_STEPS		1000000
#define SI_JQ_MAX_WORK		(INT64CONST(1) << 29)
#endif
#define SI_JQ_MAX_MEMORY	(64 * 1024 * 1024)
#define SI_JQ_MAX_STACK		(768 * 1024)
#define SI_JQ_MAX_TEXT		(16 * 1024 * 1024)
/* What all evaluations for the rows of one message may: so much, and for each byte of the message. */
#define SI_JQ_MESSAGE_SHARE	4
#define SI_JQ_BYTE_STEPS	64
#define SI_JQ_BYTE_WORK		1000

typedef enum JqKind
{
	JQ_IDENTITY,
	/* a step on what left gives; permissive: .a? */
	JQ_FIELD,					/* literal */
	JQ_FIELD_BY,				/* right: a string with expressions */
	JQ_INDEX,					/* literal */
	JQ_INDEX_BY,				/* right */
	JQ_SLICE,					/* right, third: either may be NULL */
	JQ_ITERATE,
	JQ_TRY,						/* left, and right when it fails (or NULL) */
	JQ_PIPE,
	JQ_COMMA,
	JQ_BIND,					/* left as pattern | right */
	JQ_REDUCE,					/* left as pattern (right; third) */
	JQ_FOREACH,					/* the same, and extract or NULL */
	JQ_ALTERNATIVE,
	JQ_AND,
	JQ_OR,
	JQ_COMPARE,
	JQ_LITERAL,
	JQ_ARRAY,					/* [left]; left NULL: [] */
	JQ_VARIABLE,				/* depth */
	JQ_PARAMETER,				/* depth: an argument that is an expression */
	JQ_CALL,					/* function, args */
	JQ_CALL_DEFINITION,			/* definition, args */
	JQ_ARITHMETIC,				/* op */
	JQ_ASSIGN,					/* left = right; op: '=', '|', or that of += and so on */
	JQ_NEGATE,
	JQ_IF,						/* left, right, third */
	JQ_OBJECT,					/* entries: left is the key, right the value or NULL */
	JQ_TEXT,					/* "...\\(...)...": entries, right is the expression; function: its format */
	JQ_RECURSE					/* .. */
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

typedef struct JqFunction JqFunction;
typedef struct JqDefinition JqDefinition;

/* $x, [pattern, ...], {key: pattern, ...} */
typedef struct JqPattern
{
	enum
	{
		JQ_PATTERN_VARIABLE, JQ_PATTERN_ARRAY, JQ_PATTERN_OBJECT
	}			kind;
	struct JqNode *key;			/* of an entry of an object */
	struct JqPattern *parts;
	struct JqPattern *next;
} JqPattern;

typedef struct JqNode
{
	JqKind		kind;
	struct JqNode *left;
	struct JqNode *right;
	struct JqNode *third;
	struct JqNode *extract;
	struct JqNode *entries;		/* the first; next links them */
	struct JqNode *next;
	struct JqNode **args;
	int			nargs;
	JqPattern  *pattern;
	char		op;
	bool		permissive;
	int			depth;			/* of what a name stands for: see JqEnv */
	JqComparison comparison;
	const JqFunction *function;
	JqDefinition *definition;
	struct JqRegex *regex;		/* of functions that match */
	SiJsonNode	literal;
} JqNode;

struct JqDefinition
{
	const char *name;
	int			nparams;
	const char **params;		/* with $ in front: a value */
	int			depth;			/* of the names around it */
	JqNode	   *body;
};

struct SiJq
{
	JqNode	   *root;
	JqNode	   *field;			/* the step .name that everything begins with, or NULL */
	SiScratch	scratch;		/* of one evaluation */
	int64		steps_left;		/* for the message */
	int64		work_left;
	struct JqRegex *regexes;	/* all, to be released */
};

/* What names stand for while a node is evaluated: the innermost one first. */
typedef struct JqEnv
{
	const struct JqEnv *up;
	int			depth;			/* 1 for the outermost */
	SiJsonNode	value;
	const JqNode *arg;			/* an argument, and its names */
	const struct JqEnv *arg_env;
} JqEnv;

typedef enum JqError
{
	JQ_NO_ERROR,
	JQ_ERROR,
	JQ_BREAK,					/* ends a reduce or foreach */
	JQ_LIMIT					/* nothing catches it */
} JqError;

typedef struct JqEvaluation
{
	const JqNode *field;		/* this step has been taken: its input is its result */
	SiScratch  *scratch;
	int64		steps;
	int64		work;
	const char *stack;			/* where it begins */
	JqError		error;
	bool		no_memory;
	const char *message;		/* of the error, in the scratch */
	size_t		message_len;
} JqEvaluation;

/* Results.  One needs no memory. */
typedef struct JqList
{
	SiJsonNode *items;
	int			n;
	int			cap;
	SiJsonNode	first;
} JqList;

/* A function: of values (all combinations of its arguments), or of expressions. */
struct JqFunction
{
	const char *name;
	int			nargs;
	bool		(*of_values) (JqEvaluation *e, const JqNode *call, const SiJsonNode *in,
							  const SiJsonNode *args, SiJsonNode *result);
	bool		(*of_expressions) (JqEvaluation *e, const JqNode *call, const JqEnv *env,
								   const SiJsonNode *in, JqList *out);
	int			mode;
};

/* jq_parse.c */

/* A whole expression; NULL and a reason. */
extern JqNode *si_jq_parse(SiJq *jq, const char *text, SiReason *why);

/* jq_eval.c */

static inline void
si_jq_list(JqList *list)
{
	list->items = &list->first;
	list->n = 0;
	list->cap = 1;
}

/* Appends the results of n for an input; false when it failed. */
extern bool si_jq_eval(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out);
extern bool si_jq_push(JqEvaluation *e, JqList *list, const SiJsonNode *node);
/* Notes the error; always false. */
extern bool si_jq_error(JqEvaluation *e, const char *format,...) pg_attribute_printf(2, 3);
extern bool si_jq_limit(JqEvaluation *e);
extern bool si_jq_no_memory(JqEvaluation *e);
/* To be called wherever something may go on for long or deep: counts a step; false when it was too much. */
extern bool si_jq_step(JqEvaluation *e);
/* Counts a value that is looked at as a whole; false when that was too much. */
extern bool si_jq_looked(JqEvaluation *e, const SiJsonNode *node);
extern void *si_jq_alloc(JqEvaluation *e, size_t size);

/* What a step names. */
typedef struct JqAccess
{
	enum
	{
		JQ_NO_ACCESS, JQ_NAMES, JQ_INDICES, JQ_RANGES, JQ_ALL
	}			kind;
	bool		permissive;
	JqList		keys;			/* of ranges: from, to, from, to ... */
	struct JqAccess *next;		/* of a path */
} JqAccess;

extern bool si_jq_resolve(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqAccess *access);
/* A range over so many elements. */
extern void si_jq_range(const SiJsonNode *keys, int64 count, int64 *from, int64 *to);

/* jq_bind.c */

extern bool si_jq_bind(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out);
extern bool si_jq_reduce(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out);
extern bool si_jq_call(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out);
extern const JqEnv *si_jq_env(const JqEnv *env, int depth);

/* jq_values.c */

/* The order of jq: null, booleans, numbers, strings, arrays, objects. */
extern int	si_jq_compare(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b);
extern int	si_jq_rank(const SiJsonNode *node);
extern const char *si_jq_type(const SiJsonNode *node);
/* In capitals, as some of the library's errors have it. */
extern const char *si_jq_java_type(const SiJsonNode *node);
extern bool si_jq_is_true(const SiJsonNode *node);
/* A number without a fraction, of any kind. */
extern bool si_jq_is_whole(const SiJsonNode *node, int64 *value);
extern void si_jq_number(double d, SiJsonNode *result);
/* As text: JSON, but for strings. */
extern bool si_jq_to_string(JqEvaluation *e, const SiJsonNode *in, SiJsonNode *result);
/* As JSON text, as Jackson writes it, into t. */
extern bool si_jq_write(JqEvaluation *e, const SiJsonNode *node, SiNodeText *t);
/* The text as an array, object or string; false without memory. */
extern bool si_jq_finish(JqEvaluation *e, SiNodeText *t, SiJsonNode *result);
extern bool si_jq_finish_string(JqEvaluation *e, SiNodeText *t, SiJsonNode *result);
extern void si_jq_append(SiNodeText *t, const SiJsonNode *node);
extern void si_jq_append_member(SiNodeText *t, const SiJsonNode *key, const SiJsonNode *value);
extern bool si_jq_array(JqEvaluation *e, const JqList *list, SiJsonNode *result);
/* The characters of a string; NULL without memory. */
extern const char *si_jq_text(JqEvaluation *e, const SiJsonNode *string, size_t *len);
/* Values and keys of an array or object; keys NULL: not wanted.  False without memory. */
extern bool si_jq_unpack(JqEvaluation *e, const SiJsonNode *node, SiJsonNode **keys, SiJsonNode **values, int64 *n, int64 room);

/* jq_operators.c */

extern bool si_jq_arithmetic(JqEvaluation *e, char op, const SiJsonNode *a, const SiJsonNode *b, SiJsonNode *result);
/* "type (value) and type (value) ..."; b may be NULL.  Always false. */
extern bool si_jq_type_error(JqEvaluation *e, const SiJsonNode *a, const SiJsonNode *b, const char *what);
extern bool si_jq_object(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out);
extern bool si_jq_interpolate(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out);
/* A text of pieces, each with any number of results: all combinations. */
typedef struct JqPieces
{
	JqList	   *lists;
	int			n;
	int			cap;
} JqPieces;

/* A new piece without results, to be filled before the next one; NULL without memory. */
extern JqList *si_jq_add_piece(JqEvaluation *e, JqPieces *pieces);
/* last_first: results of the last piece change first. */
extern bool si_jq_join_pieces(JqEvaluation *e, const JqPieces *pieces, bool last_first, JqList *out);
/* The value and all below it, without nulls when asked. */
extern bool si_jq_recurse(JqEvaluation *e, const SiJsonNode *in, bool nulls, int depth, JqList *out);

/* jq_paths.c */

extern bool si_jq_assign(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out);
extern bool si_jq_del(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out);
extern bool si_jq_paths(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out);
extern bool si_jq_is_path(const JqNode *n);

/* jq_functions.c, jq_arrays.c, jq_strings.c, jq_regex.c: tables of functions that end with a row without a name */

extern const JqFunction si_jq_functions[];
extern const JqFunction si_jq_array_functions[];
extern const JqFunction si_jq_string_functions[];
extern const JqFunction si_jq_regex_functions[];
/* NULL when there is none. */
extern const JqFunction *si_jq_find_function(const char *name, size_t len, int nargs);
/* The arguments and the text of a function that jq itself expresses; NULL when there is none. */
extern const char *si_jq_prelude(const char *name, size_t len, int nargs);
/* Calls it for one combination of arguments. */
extern bool si_jq_apply(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out);

/* jq_regex.c */

/* Gives a call of a function that matches its pattern; false and a reason when a literal one is bad. */
extern bool si_jq_prepare_regex(SiJq *jq, JqNode *call, SiReason *why);
extern void si_jq_release_regexes(SiJq *jq);

#endif							/* SI_FORMAT_JQ_INT_H */
