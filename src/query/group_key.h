/*
 * group_key.h
 *		Group keys: a number for the value that a key has in each row.
 *
 * Values are numbered in order of appearance over the whole scan, null too.
 * In the inner loop a number is found by what is already small: the code of
 * a dictionary entry, the bucket of a time, a number of a narrow column; the
 * value itself is looked at once per entry and chunk, or once per bucket.
 *
 * COLUMN	a text, bigint, floating point or timestamptz column
 * DICT		an expression over one text column, computed per entry
 * SCALAR	an expression over one other column of ours, computed per value, or
 *			per bucket of time (time_bucket.h)
 * ROW		any other expression, computed per row
 */
#ifndef SI_QUERY_GROUP_KEY_H
#define SI_QUERY_GROUP_KEY_H

#include "postgres.h"

#include "query/batch_value.h"
#include "query/int_table.h"
#include "query/text_table.h"
#include "query/time_bucket.h"

typedef enum SiKeyKind
{
	SI_KEY_COLUMN,
	SI_KEY_DICT,
	SI_KEY_SCALAR,
	SI_KEY_ROW
} SiKeyKind;

/* How values are told apart. */
typedef enum SiKeyForm
{
	SI_KEY_NONE = 0,			/* the type cannot be a key here */
	SI_KEY_TEXT,				/* bytes: equality of a deterministic collation */
	SI_KEY_INT,					/* 64 bits */
	SI_KEY_FLOAT,				/* ordered keys of floating point numbers (vector.h) */
	SI_KEY_NUMERIC				/* text without trailing zeros */
} SiKeyForm;

typedef struct SiGroupKey
{
	SiKeyKind	kind;
	SiKeyForm	form;
	Expr	   *expr;
	Oid			type;
	int			column;
	ExprState  *state;
	int		   *columns;		/* ROW */
	int			ncolumns;
	SiTimeBucket bucket;		/* SCALAR, of a time */

	/* values by number */
	uint32		count;			/* with null */
	int64		null_number;	/* -1: not seen */
	SiTextTable texts;			/* TEXT, NUMERIC */
	SiIntTable	ints;			/* INT, FLOAT */
	Datum	   *first;			/* NUMERIC: as first seen */
	uint32		first_cap;

	/* SCALAR: numbers by argument, a cache */
	SiIntTable	memo;
	uint32	   *memo_number;
	uint32		memo_cap;

	/* codes of the dictionary at hand -> 1 + number, 0: not looked up */
	uint64		map_of;
	uint32	   *map;

	/* of the batch at hand: by position among the selected rows */
	bool		constant;		/* one number for all */
	uint32		number;			/* when constant */
	uint32	   *numbers;
} SiGroupKey;

/* How an expression's values are told apart; SI_KEY_NONE: not at all. */
extern SiKeyForm si_group_key_form(Expr *expr);
/* Whether an expression can be a key. */
extern bool si_group_key_possible(Expr *expr, Index relid);

extern SiGroupKey *si_group_key_init(SiBatchEnv *env, Expr *expr);
/*
 * Begins with no value.  Values are kept in CurrentMemoryContext, which must
 * be the same one for all that follows until the next reset.
 */
extern void si_group_key_reset(SiGroupKey *key);

/*
 * When all rows of the current block have one value without looking at them:
 * true, and the key is constant.
 */
extern bool si_group_key_block(SiBatchEnv *env, SiGroupKey *key);
/* The numbers of the selected rows (not empty) of the current block. */
extern void si_group_key_rows(SiBatchEnv *env, SiGroupKey *key, const SiRows *rows);

/*
 * Numbers for n entries of a dictionary from the given one on, at most
 * SI_TEXT_BATCH, of a text column that is the key itself.
 */
extern void si_group_key_entries(SiGroupKey *key, const SiDict *dict, uint32 from, int n, uint32 *numbers);

/* The value of a number, in CurrentMemoryContext. */
extern Datum si_group_key_datum(const SiGroupKey *key, uint32 number, bool *isnull);

/* Compares two texts by number. */
extern int	si_group_key_compare(const SiGroupKey *key, uint32 a, uint32 b, Oid collation);

extern Size si_group_key_memory(const SiGroupKey *key);

#endif							/* SI_QUERY_GROUP_KEY_H */
