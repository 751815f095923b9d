/*
 * rowset.c
 *		Rows that a format makes value by value: see rowset.h.
 */
#include "common/port.h"

#include "format/reason.h"
#include "format/rowset.h"

#define MIN_VALUES		256
/* More than this is not kept for small messages. */
#define LARGE_VALUES	((size_t) (8 << 20) / sizeof(SiValue))
/* Values of one message, at most 512 MB. */
#define MAX_VALUES		(((size_t) 512 << 20) / sizeof(SiValue))

void
si_rowset_init(SiRowSet *rs, SiFieldTable *fields)
{
	memset(rs, 0, sizeof(*rs));
	rs->fields = fields;
}

void
si_rowset_free(SiRowSet *rs)
{
	si_scratch_free(&rs->scratch);
	free(rs->values);
	rs->values = NULL;
	rs->cap = 0;
}

bool
si_rowset_begin(SiRowSet *rs)
{
	uint64		generation = si_fields_generation(rs->fields);
	bool		changed = generation != rs->generation;

	si_scratch_reset(&rs->scratch);
	if (rs->cap > LARGE_VALUES)
	{
		free(rs->values);
		rs->values = NULL;
		rs->cap = 0;
	}
	rs->nrows = rs->nbad = 0;
	rs->first_new = rs->stride = si_fields_count(rs->fields);
	rs->generation = generation;
	return changed;
}

void
si_rowset_bind(const SiRowSet *rs, SiBound *column, const char *name, int len)
{
	column->name = name;
	column->len = len;
	column->slot = si_fields_find(rs->fields, name, len);
}

bool
si_format_no_memory(SiReason *why)
{
	return si_format_reason(why, "Unable to parse the message: out of memory");
}

/* Room for n values. */
static bool
reserve(SiRowSet *rs, size_t n, SiReason *why)
{
	size_t		cap = Max(rs->cap * 2, MIN_VALUES);
	SiValue    *values;

	if (n <= rs->cap)
		return true;
	if (n > MAX_VALUES)
		return si_format_reason(why, "Unable to parse the message: more values than one message may have");
	cap = Min(Max(cap, n), MAX_VALUES);
	values = realloc(rs->values, cap * sizeof(SiValue));
	if (values == NULL)
		return si_format_no_memory(why);
	rs->values = values;
	rs->cap = cap;
	return true;
}

bool
si_rowset_add(SiRowSet *rs, SiReason *why)
{
	size_t		used = (size_t) rs->nrows * rs->stride;

	if (!reserve(rs, used + rs->stride, why))
		return false;
	if (rs->stride > 0)
		memset(rs->values + used, 0, rs->stride * sizeof(SiValue));
	rs->nrows++;
	return true;
}

/* A field was discovered: gives all rows the new width. */
static bool
widen(SiRowSet *rs, SiReason *why)
{
	int			wide = si_fields_count(rs->fields);

	if (wide == rs->stride)
		return true;
	if (!reserve(rs, (size_t) wide * rs->nrows, why))
		return false;
	for (int r = rs->nrows; r-- > 0;)
	{
		SiValue    *to = rs->values + (size_t) r * wide;

		memmove(to, rs->values + (size_t) r * rs->stride, rs->stride * sizeof(SiValue));
		memset(to + rs->stride, 0, (wide - rs->stride) * sizeof(SiValue));
	}
	rs->stride = wide;
	return true;
}

/* The cell that a value goes to; NULL when nobody wants it, or with *failed. */
static inline SiValue *
find_cell(SiRowSet *rs, int row, SiBound *column, const SiValue *v, bool *failed, SiReason *why)
{
	*failed = false;
	if (SI_UNLIKELY(column->slot == SI_FIELD_UNDECIDED))
	{
		if (v->kind == SI_VALUE_MISSING || v->kind == SI_VALUE_NULL)
			return NULL;
		column->slot = si_fields_discover(rs->fields, column->name, column->len);
	}
	if (column->slot < 0)
		return NULL;
	if (SI_UNLIKELY(column->slot >= rs->stride) && !widen(rs, why))
	{
		*failed = true;
		return NULL;
	}
	return &rs->values[(size_t) row * rs->stride + column->slot];
}

bool
si_rowset_put(SiRowSet *rs, SiBound *column, const SiValue *v, SiReason *why)
{
	bool		failed;
	SiValue    *cell = find_cell(rs, rs->nrows - 1, column, v, &failed, why);

	if (cell != NULL)
		*cell = *v;
	return !failed;
}

bool
si_rowset_fill(SiRowSet *rs, int row, SiBound *column, const SiValue *v, bool over_null, SiReason *why)
{
	bool		failed;
	SiValue    *cell = find_cell(rs, row, column, v, &failed, why);

	if (cell != NULL && (cell->kind == SI_VALUE_MISSING || (over_null && cell->kind == SI_VALUE_NULL)))
		*cell = *v;
	return !failed;
}

bool
si_rowset_take(SiRowSet *rs, const SiRows *rows, SiReason *why)
{
	size_t		n = (size_t) rows->nrows * rows->stride;

	if (!reserve(rs, n, why))
		return false;
	if (n > 0)
		memcpy(rs->values, rows->values, n * sizeof(SiValue));
	rs->nrows = rows->nrows;
	rs->stride = rows->stride;
	rs->nbad = rows->nbad;
	return true;
}

void
si_rowset_finish(const SiRowSet *rs, SiRows *rows)
{
	rows->nrows = rs->nrows;
	rows->stride = rs->stride;
	rows->values = rs->values;
	rows->separate = true;
	rows->nbad = rs->nbad;
}

bool
si_rowset_undo(SiRowSet *rs)
{
	if (si_fields_count(rs->fields) > rs->first_new)
		si_fields_truncate(rs->fields, rs->first_new);
	return false;
}

void
si_value_set_string(SiValue *v, const char *text, size_t len)
{
	v->kind = SI_VALUE_STRING;
	v->ptr = text;
	v->len = (uint32) len;
	v->u.i = 0;
}

size_t
si_next_line(const char **p, const char *end)
{
	const char *start = *p;
	const char *stop = memchr(start, '\n', end - start);

	if (stop == NULL)
		stop = *p = end;
	else
		*p = stop + 1;
	if (stop > start && stop < end && stop[-1] == '\r')
		stop--;
	return stop - start;
}
