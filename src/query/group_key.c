/*
 * group_key.c
 *		Numbers for the values of group keys (group_key.h).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/pgcompat.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "query/group_key.h"
#include "query/scalar.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

/* A cache of arguments is emptied when it has more. */
#define MEMO_MAX	(256 * 1024)
/* More than a time cut to a millennium moves: 1100 years of 366 days. */
#define CUT_MAX_MS	(INT64CONST(1100) * 366 * 86400000)

/* ------------------------------------------------------- classification */

SiKeyForm
si_group_key_form(Expr *expr)
{
	Oid			collation = exprCollation((Node *) expr);

	switch (exprType((Node *) expr))
	{
		case TEXTOID:
		case VARCHAROID:
			return get_collation_isdeterministic(collation) ? SI_KEY_TEXT : SI_KEY_NONE;
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return SI_KEY_INT;
		case FLOAT4OID:
		case FLOAT8OID:
			return SI_KEY_FLOAT;
		case NUMERICOID:
			return SI_KEY_NUMERIC;
		default:
			return SI_KEY_NONE;
	}
}

bool
si_group_key_possible(Expr *expr, Index relid)
{
	return si_group_key_form(expr) != SI_KEY_NONE &&
		contain_var_clause((Node *) expr) &&
		si_batch_value_possible(expr, relid);
}

/* ------------------------------------------------------------- numbering */

static uint32
number_of_null(SiGroupKey *key)
{
	if (key->null_number < 0)
		key->null_number = key->count++;
	return (uint32) key->null_number;
}

/* Numbers of a table start at 0; null, when it came first, takes one away. */
static inline uint32
shift_number(SiGroupKey *key, uint32 in_table, uint32 table_count)
{
	uint32		number = in_table + (key->null_number >= 0 && in_table >= key->null_number);

	key->count = table_count + (key->null_number >= 0);
	return number;
}

static inline uint32
number_of_bytes(SiGroupKey *key, const char *bytes, Size len)
{
	uint32		length = (uint32) len;
	uint32		number;

	si_text_table_numbers(&key->texts, 1, &bytes, &length, &number);
	return shift_number(key, number, key->texts.count);
}

static inline uint32
number_of_int(SiGroupKey *key, int64 value)
{
	uint32		n = si_int_table_number(&key->ints, (uint64) value);

	return shift_number(key, n, key->ints.count);
}

static uint32
number_of_numeric(SiGroupKey *key, Numeric value)
{
	char	   *text = numeric_normalize(value);
	uint32		before = key->texts.count;
	uint32		number = number_of_bytes(key, text, strlen(text));

	if (key->texts.count > before)
	{
		if (before == key->first_cap)
		{
			key->first_cap = Max(64, key->first_cap * 2);
			key->first = key->first == NULL ? palloc(key->first_cap * sizeof(Datum)) :
				repalloc_huge(key->first, key->first_cap * sizeof(Datum));
		}
		key->first[before] = datumCopy(NumericGetDatum(value), false, -1);
	}
	pfree(text);
	return number;
}

static uint32
number_of_datum(SiGroupKey *key, Datum d, bool isnull)
{
	if (isnull)
		return number_of_null(key);
	switch (key->form)
	{
		case SI_KEY_TEXT:
			{
				struct varlena *text = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(d));
				uint32		number = number_of_bytes(key, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));

				if ((Pointer) text != DatumGetPointer(d))
					pfree(text);
				return number;
			}
		case SI_KEY_NUMERIC:
			return number_of_numeric(key, DatumGetNumeric(d));
		case SI_KEY_FLOAT:
			return number_of_int(key, si_double_key(key->type == FLOAT4OID ? DatumGetFloat4(d) : DatumGetFloat8(d)));
		default:
			return number_of_int(key, si_int_of_datum(key->type, d));
	}
}

Datum
si_group_key_datum(const SiGroupKey *key, uint32 number, bool *isnull)
{
	uint32		n;
	int64		value;

	*isnull = key->null_number == number;
	if (*isnull)
		return (Datum) 0;
	n = number - (key->null_number >= 0 && number > key->null_number);
	if (key->form == SI_KEY_NUMERIC)
		return key->first[n];
	if (key->form == SI_KEY_TEXT)
	{
		uint32		len;
		const char *text = si_text_table_text(&key->texts, n, &len);

		return PointerGetDatum(cstring_to_text_with_len(text, len));
	}
	value = (int64) key->ints.keys[n];
	if (key->type == FLOAT4OID)
		return Float4GetDatum((float) si_double_of_key(value));
	if (key->type == FLOAT8OID)
		return Float8GetDatum(si_double_of_key(value));
	return si_datum_of_int(key->type, value);
}

/* The text of a number that is not null's. */
static const char *
text_of_number(const SiGroupKey *key, uint32 number, uint32 *len)
{
	return si_text_table_text(&key->texts, number - (key->null_number >= 0 && number > key->null_number), len);
}

int
si_group_key_compare(const SiGroupKey *key, uint32 a, uint32 b, Oid collation)
{
	uint32		a_len,
				b_len;
	const char *a_text = text_of_number(key, a, &a_len);
	const char *b_text = text_of_number(key, b, &b_len);

	return varstr_cmp(a_text, a_len, b_text, b_len, collation);
}

/* ----------------------------------------------------------------- set-up */

SiGroupKey *
si_group_key_init(SiBatchEnv *env, Expr *expr)
{
	SiGroupKey *key = palloc0(sizeof(SiGroupKey));
	Oid			type = InvalidOid;
	AttrNumber	attno = si_single_column(expr, env->relid, &type);

	key->expr = expr;
	key->type = exprType((Node *) expr);
	key->form = si_group_key_form(expr);
	key->kind = SI_KEY_ROW;
	while (IsA(expr, RelabelType))
		expr = ((RelabelType *) expr)->arg;
	if (attno != 0 && env->column_of[attno] >= 0)
	{
		key->column = env->column_of[attno];
		if (IsA(expr, Var))
			key->kind = SI_KEY_COLUMN;
		else if (type == TEXTOID)
			key->kind = SI_KEY_DICT;
		else
			key->kind = SI_KEY_SCALAR;
	}
	if (key->kind == SI_KEY_SCALAR && type == TIMESTAMPTZOID)
		si_time_bucket_init(&key->bucket, expr, attno);
	if (key->kind != SI_KEY_COLUMN)
		key->state = ExecInitExpr(expr, env->parent);
	if (key->kind == SI_KEY_ROW || key->kind == SI_KEY_SCALAR)
		key->columns = si_row_columns(env, expr, &key->ncolumns);
	key->numbers = palloc(SI_BLOCK_ROWS * sizeof(uint32));
	key->null_number = -1;
	return key;
}

void
si_group_key_reset(SiGroupKey *key)
{
	/* the memory was that of the groups, which is reset as a whole */
	key->count = 0;
	key->null_number = -1;
	key->map = NULL;
	key->map_of = 0;
	key->first = NULL;
	key->first_cap = 0;
	memset(&key->texts, 0, sizeof(key->texts));
	memset(&key->ints, 0, sizeof(key->ints));
	if (key->form == SI_KEY_TEXT || key->form == SI_KEY_NUMERIC)
		si_text_table_init(&key->texts);
	else
		si_int_table_init(&key->ints);
	if (key->kind == SI_KEY_SCALAR)
	{
		si_int_table_init(&key->memo);
		key->memo_cap = INT_TABLE_MIN_SLOTS;
		key->memo_number = palloc(key->memo_cap * sizeof(uint32));
		key->bucket.from = 1;
		key->bucket.to = 0;
	}
}

Size
si_group_key_memory(const SiGroupKey *key)
{
	if (key->form == SI_KEY_TEXT || key->form == SI_KEY_NUMERIC)
		return key->texts.memory;
	return si_int_table_memory(&key->ints);
}

/* ----------------------------------------------------------------- numbers */

/* The map of the column's dictionary. */
static uint32 *
code_map(SiBatchEnv *env, SiGroupKey *key, const SiDict *dict)
{
	uint64		stamp = si_memo_stamp(env, key->column);

	if (key->map == NULL || key->map_of != stamp)
	{
		key->map = MemoryContextAllocExtended(si_memo_context(env, key->column),
											  ((Size) dict->count + 1) * sizeof(uint32),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		key->map_of = stamp;
	}
	return key->map;
}

/* The number of what an expression makes of an entry. */
static uint32
number_of_entry(SiBatchEnv *env, SiGroupKey *key, uint32 code)
{
	bool		isnull;
	Datum		d = si_entry_evaluate(env, key->state, key->column, code, &isnull);

	return number_of_datum(key, d, isnull);
}

/*
 * Looks up all codes of the rows that the map does not have yet, as many at a
 * time as the table takes.
 */
static void
map_column_codes(SiGroupKey *key, const SiVector *vec, const SiRows *rows, uint32 *map)
{
	const SiDict *dict = vec->dict;
	const char *texts[SI_TEXT_BATCH];
	uint32		lens[SI_TEXT_BATCH];
	uint32		waiting[SI_TEXT_BATCH];
	uint32		numbers[SI_TEXT_BATCH];
	int			n = 0;

	for (uint32 i = 0; i <= rows->n; i++)
	{
		uint32		code = i < rows->n ? vec->v.codes[rows->row[i]] : 0;

		if (n == SI_TEXT_BATCH || (n > 0 && i == rows->n))
		{
			si_text_table_numbers(&key->texts, n, texts, lens, numbers);
			for (int j = 0; j < n; j++)
				map[waiting[j]] = 1 + shift_number(key, numbers[j], key->texts.count);
			n = 0;
		}
		if (i == rows->n || map[code] != 0)
			continue;
		if (code == 0)
		{
			/* numbers of strings before and after null must not be mixed */
			if (key->null_number < 0 && n > 0)
			{
				si_text_table_numbers(&key->texts, n, texts, lens, numbers);
				for (int j = 0; j < n; j++)
					map[waiting[j]] = 1 + shift_number(key, numbers[j], key->texts.count);
				n = 0;
			}
			map[0] = 1 + number_of_null(key);
			continue;
		}
		/* a mark, so that the code does not wait twice */
		map[code] = PG_UINT32_MAX;
		texts[n] = dict->bytes + dict->offsets[code - 1];
		lens[n] = (uint32) (dict->offsets[code] - dict->offsets[code - 1]);
		waiting[n++] = code;
	}
}

void
si_group_key_entries(SiGroupKey *key, const SiDict *dict, uint32 from, int n, uint32 *numbers)
{
	const char *texts[SI_TEXT_BATCH] = {NULL};
	uint32		lens[SI_TEXT_BATCH] = {0};

	for (int i = 0; i < n; i++)
	{
		texts[i] = dict->bytes + dict->offsets[from + i];
		lens[i] = (uint32) (dict->offsets[from + i + 1] - dict->offsets[from + i]);
	}
	si_text_table_numbers(&key->texts, n, texts, lens, numbers);
	for (int i = 0; i < n; i++)
		numbers[i] = shift_number(key, numbers[i], key->texts.count);
}

static void
rows_by_code(SiBatchEnv *env, SiGroupKey *key, const SiRows *rows)
{
	const SiVector *vec = si_chunk_load(env->scan->reader, key->column);
	const uint32 *codes = vec->v.codes;
	uint32	   *map = code_map(env, key, vec->dict);

	if (key->kind == SI_KEY_COLUMN)
		map_column_codes(key, vec, rows, map);
	for (uint32 i = 0; i < rows->n; i++)
	{
		uint32		code = codes[rows->row[i]];

		if (SI_UNLIKELY(map[code] == 0))
			map[code] = 1 + number_of_entry(env, key, code);
		key->numbers[i] = map[code] - 1;
	}
}

/* The 64 bits that tell a value of a numeric column apart. */
static inline int64
column_key(const SiVector *vec, uint32 row)
{
	switch (vec->type)
	{
		case SI_TYPE_FLOAT:
			return si_double_key(vec->v.floats[row]);
		case SI_TYPE_DOUBLE:
			return si_double_key(vec->v.doubles[row]);
		case SI_TYPE_TIME:
			/* beyond timestamptz's range all are infinite, and equal */
			return si_ms_to_timestamptz(vec->v.longs[row]);
		default:
			return vec->v.longs[row];
	}
}

static void
rows_by_value(SiBatchEnv *env, SiGroupKey *key, const SiRows *rows)
{
	const SiVector *vec = si_chunk_load(env->scan->reader, key->column);
	int64		last = 0;
	int64		last_number = -1;

	for (uint32 i = 0; i < rows->n; i++)
	{
		uint32		row = rows->row[i];
		int64		value;

		if (si_bit(vec->nulls, row))
		{
			key->numbers[i] = number_of_null(key);
			continue;
		}
		value = column_key(vec, row);
		if (last_number < 0 || value != last)
		{
			last = value;
			last_number = number_of_int(key, value);
		}
		key->numbers[i] = (uint32) last_number;
	}
}

/* The column's value for an argument: its own bits, or a time in ms. */
static Datum
datum_of_argument(SiBatchEnv *env, SiGroupKey *key, int64 argument)
{
	double		d;

	switch (env->scan->reader->columns[key->column].vec.type)
	{
		case SI_TYPE_TIME:
			return TimestampTzGetDatum(si_ms_to_timestamptz(argument));
		case SI_TYPE_FLOAT:
			memcpy(&d, &argument, sizeof(d));
			return Float4GetDatum((float) d);
		case SI_TYPE_DOUBLE:
			memcpy(&d, &argument, sizeof(d));
			return Float8GetDatum(d);
		default:
			return Int64GetDatum(argument);
	}
}

/* The number of an argument that stands for itself or its bucket. */
static uint32
number_of_argument(SiBatchEnv *env, SiGroupKey *key, int64 argument)
{
	uint32		before = key->memo.count;
	uint32		n;
	bool		isnull;
	Datum		d;

	if (before >= MEMO_MAX)
	{
		memset(key->memo.slots, 0, (key->memo.mask + 1) * sizeof(SiIntSlot));
		key->memo.count = before = 0;
	}
	n = si_int_table_number(&key->memo, (uint64) argument);
	if (key->memo.count == before)
		return key->memo_number[n];
	if (n >= key->memo_cap)
	{
		key->memo_cap *= 2;
		key->memo_number = repalloc(key->memo_number, key->memo_cap * sizeof(uint32));
	}
	d = si_value_evaluate(env, key->state, key->column, datum_of_argument(env, key, argument), &isnull);
	key->memo_number[n] = number_of_datum(key, d, isnull);
	return key->memo_number[n];
}

/* Limits of the arguments that share the result of one, in the column's own numbers. */
static void
argument_limits(SiGroupKey *key, int64 argument, int64 *lo, int64 *hi)
{
	if (key->bucket.width > 0 && argument >= SI_MIN_MS + key->bucket.width * 2 &&
		argument <= SI_MAX_MS - key->bucket.width * 2)
		si_time_bucket_limits(&key->bucket, argument, lo, hi);
	else
		*lo = *hi = argument;
}

static void
rows_by_scalar(SiBatchEnv *env, SiGroupKey *key, const SiRows *rows)
{
	const SiVector *vec = si_chunk_load(env->scan->reader, key->column);
	bool		exact = vec->type == SI_TYPE_TIME || vec->type == SI_TYPE_LONG;
	int64		lo = 1,
				hi = 0;
	uint32		number = 0;

	for (uint32 i = 0; i < rows->n; i++)
	{
		uint32		row = rows->row[i];
		int64		argument;

		if (si_bit(vec->nulls, row))
		{
			bool		isnull;
			Datum		d = si_row_evaluate(env, key->state, key->columns, key->ncolumns, row, &isnull);

			key->numbers[i] = number_of_datum(key, d, isnull);
			continue;
		}
		if (exact)
			argument = vec->v.longs[row];
		else if (vec->type == SI_TYPE_DOUBLE)
			memcpy(&argument, &vec->v.doubles[row], sizeof(argument));
		else
		{
			double		d = vec->v.floats[row];

			memcpy(&argument, &d, sizeof(argument));
		}
		if (argument < lo || argument > hi)
		{
			argument_limits(key, argument, &lo, &hi);
			number = number_of_argument(env, key, lo);
		}
		key->numbers[i] = number;
	}
}

static void
rows_by_row(SiBatchEnv *env, SiGroupKey *key, const SiRows *rows)
{
	for (uint32 i = 0; i < rows->n; i++)
	{
		bool		isnull;
		Datum		d = si_row_evaluate(env, key->state, key->columns, key->ncolumns, rows->row[i], &isnull);

		key->numbers[i] = number_of_datum(key, d, isnull);
	}
}

/*
 * The value of an expression that only rises (a time cut to a unit, a year)
 * as a number.  No row may have the argument, so that the value must not
 * become a group.
 */
static int64
value_of_argument(SiBatchEnv *env, SiGroupKey *key, int64 argument)
{
	bool		isnull;
	Datum		d = si_value_evaluate(env, key->state, key->column, datum_of_argument(env, key, argument), &isnull);

	Assert(!isnull);
	switch (key->form)
	{
		case SI_KEY_NUMERIC:
			return DatumGetInt64(DirectFunctionCall1(numeric_int8, d));
		case SI_KEY_FLOAT:
			return si_double_key(DatumGetFloat8(d));
		default:
			return si_int_of_datum(key->type, d);
	}
}

/*
 * Whether an expression that only rises has one value in all of a block, by
 * its values for the first and the last time.
 */
static bool
constant_between(SiBatchEnv *env, SiGroupKey *key, int64 min, int64 max)
{
	SiTimeBucket *b = &key->bucket;
	int64		first,
				last,
				hi;

	/* a time that cannot be cut is an error, and no row selected may have it */
	if (!b->ascending || min < SI_MIN_MS + Max(b->width * 2, CUT_MAX_MS) || max > SI_MAX_MS - b->width * 2 ||
		(b->zoned && (min < b->from || max >= b->to)))
		return false;
	argument_limits(key, min, &first, &hi);
	argument_limits(key, max, &last, &hi);
	if (value_of_argument(env, key, first) != value_of_argument(env, key, last))
		return false;
	key->number = number_of_argument(env, key, first);
	key->constant = true;
	return true;
}

bool
si_group_key_block(SiBatchEnv *env, SiGroupKey *key)
{
	SiChunkReader *r = env->scan->reader;
	SiChunkColumn *c = &r->columns[key->column];
	const SiColumnStats *stats;
	int64		lo,
				hi;

	key->constant = false;
	if (key->kind != SI_KEY_SCALAR && key->kind != SI_KEY_COLUMN)
		return false;
	stats = si_chunk_block_stats(r, key->column, r->block);
	if (stats == NULL || !stats->has_minmax || stats->null_count != 0 ||
		(c->vec.type != SI_TYPE_TIME && c->vec.type != SI_TYPE_LONG))
		return false;
	if (key->kind == SI_KEY_COLUMN)
	{
		int64		value = stats->min.i;

		if (value != stats->max.i)
			return false;
		key->number = number_of_int(key, c->vec.type == SI_TYPE_TIME ? si_ms_to_timestamptz(value) : value);
		key->constant = true;
		return true;
	}
	argument_limits(key, stats->min.i, &lo, &hi);
	if (stats->max.i > hi)
		return constant_between(env, key, stats->min.i, stats->max.i);
	key->constant = true;
	key->number = number_of_argument(env, key, lo);
	return true;
}

void
si_group_key_rows(SiBatchEnv *env, SiGroupKey *key, const SiRows *rows)
{
	if (key->constant)
		return;
	switch (key->kind)
	{
		case SI_KEY_DICT:
			rows_by_code(env, key, rows);
			break;
		case SI_KEY_COLUMN:
			if (env->scan->reader->columns[key->column].vec.type == SI_TYPE_STRING)
				rows_by_code(env, key, rows);
			else
				rows_by_value(env, key, rows);
			break;
		case SI_KEY_SCALAR:
			rows_by_scalar(env, key, rows);
			break;
		default:
			rows_by_row(env, key, rows);
			break;
	}
}
