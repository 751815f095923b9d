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
	JQ_CALL
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
	JQ_HAS
} JqFunction;

typedef struct JqNode
{
	JqKind		kind;
	struct JqNode *left;
	struct JqNode *right;		/* also the argument of a call */
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

#endif							/* SI_FORMAT_JQ_INT_H */
