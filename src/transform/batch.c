/*
 * batch.c
 *		Messages held for their sql transforms: see batch.h.
 *
 * A format's rows end with the next message, so they are copied, texts and
 * all.  Everything held lives until the reset.
 */
#include "postgres.h"

#include "transform/batch.h"
#include "utils/memutils.h"

/* Messages and bytes that are held at a time. */
#define MAX_HELD		1000
#define MAX_HELD_BYTES	(4 * 1024 * 1024)

typedef struct Held
{
	const SiMessage *message;	/* NULL: taken */
	bool		parsed;
	SiRows		rows;
	SiReason   *why;			/* not parsed, or nbad > 0 */
	SiSqlResult *results;
} Held;

struct SiSqlBatch
{
	SiSql	   *sql;
	SiTransform *t;
	int			nexprs;
	SiExprMemory *memory;		/* copies and results */
	size_t		bytes;
	int			nheld;
	int			next;			/* the first that may not be taken */
	Held	   *held;			/* MAX_HELD */
	int			nrows;
	int			rows_cap;
	SiSqlRow   *rows;
};

SiSqlBatch *
si_sql_batch_create(SiSql *sql, SiTransform *t)
{
	SiSqlBatch *b = palloc0(sizeof(SiSqlBatch));

	b->sql = sql;
	b->t = t;
	b->nexprs = si_transform_nsql(t);
	b->memory = si_expr_memory_create();
	b->held = palloc(sizeof(Held) * MAX_HELD);
	b->rows_cap = MAX_HELD;
	b->rows = palloc(sizeof(SiSqlRow) * b->rows_cap);
	return b;
}

void
si_sql_batch_reset(SiSqlBatch *b)
{
	b->nheld = b->next = b->nrows = 0;
	b->bytes = 0;
	si_expr_memory_reset(b->memory);
}

static void *
hold_bytes(SiSqlBatch *b, const void *data, size_t len)
{
	void	   *copy = si_expr_alloc(b->memory, Max(len, 1));

	memcpy(copy, data, len);
	b->bytes += len;
	return copy;
}

/* Adds the rows to those that are evaluated; their results. */
static SiSqlResult *
add_rows(SiSqlBatch *b, const SiRows *rows)
{
	SiSqlResult *results = si_expr_alloc(b->memory, sizeof(SiSqlResult) * Max(b->nexprs * (size_t) rows->nrows, 1));

	memset(results, 0, sizeof(SiSqlResult) * b->nexprs * (size_t) rows->nrows);
	if (b->nrows + rows->nrows > b->rows_cap)
	{
		b->rows_cap = (b->nrows + rows->nrows) * 2;
		b->rows = repalloc_huge(b->rows, sizeof(SiSqlRow) * (Size) b->rows_cap);
	}
	for (int r = 0; r < rows->nrows; r++)
	{
		SiSqlRow   *row = &b->rows[b->nrows++];

		row->values = rows->values + (Size) r * rows->stride;
		row->nvalues = rows->stride;
		row->results = results + (Size) r * b->nexprs;
		row->skip = !si_transform_probe(b->t, rows, r, &row->time);
	}
	return results;
}

bool
si_sql_batch_hold(SiSqlBatch *b, const SiMessage *m, bool parsed, const SiRows *rows, const SiReason *why)
{
	Held	   *h = &b->held[b->nheld++];
	SiValue    *values;
	size_t		n;

	memset(h, 0, sizeof(*h));
	h->message = m;
	h->parsed = parsed;
	if (!parsed || rows->nbad > 0)
		h->why = hold_bytes(b, why, sizeof(SiReason));
	if (parsed)
	{
		n = (size_t) rows->nrows * rows->stride;
		h->rows = *rows;
		h->rows.values = values = hold_bytes(b, rows->values, n * sizeof(SiValue));
		for (size_t i = 0; i < n; i++)
		{
			bool		has_text = values[i].kind >= SI_VALUE_LONG && values[i].ptr != NULL;

			values[i].ptr = has_text ? hold_bytes(b, values[i].ptr, values[i].len) : NULL;
		}
		h->results = add_rows(b, &h->rows);
	}
	return b->nheld < MAX_HELD && b->bytes < MAX_HELD_BYTES;
}

void
si_sql_batch_evaluate(SiSqlBatch *b)
{
	si_sql_evaluate(b->sql, b->rows, b->nrows, b->memory);
	b->nrows = 0;
}

bool
si_sql_batch_take(SiSqlBatch *b, const SiMessage *m, bool *parsed, SiRows *rows, SiReason *why)
{
	/* in order, but some may be left out */
	for (int i = b->next; i < b->nheld; i++)
	{
		Held	   *h = &b->held[i];

		if (h->message != m)
			continue;
		b->next = i + 1;
		*parsed = h->parsed;
		if (h->why != NULL)
			*why = *h->why;
		if (h->parsed)
		{
			*rows = h->rows;
			si_transform_give(b->t, h->results);
		}
		return true;
	}
	return false;
}

void
si_sql_batch_rows(SiSqlBatch *b, const SiRows *rows)
{
	SiSqlResult *results;

	si_sql_batch_reset(b);
	results = add_rows(b, rows);
	si_sql_batch_evaluate(b);
	si_transform_give(b->t, results);
}
