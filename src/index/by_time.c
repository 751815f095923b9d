/*
 * by_time.c
 *		Metrics that keep the first or the last value by time.
 *
 * Every value has a time: the row's, before it is truncated, or that of the
 * metric's timeColumn.  A row without a time, without the field, with a wrong
 * value or with a null for a string has none and gives way to every other; a
 * number that is given as null counts as a value, as in Druid.
 */
#include "common/port.h"

#include "format/convert.h"
#include "index/by_time.h"
#include "index/dict.h"

typedef struct TimedColumn
{
	SiColumnDesc desc;
	const char *input;			/* names of the fields, for reasons */
	const char *time_input;
	int			slot;			/* of the values */
	int			time_slot;		/* of their times; -1: the row's time */
	uint32		max_bytes;		/* of a string */
	union
	{
		uint32	   *codes;
		int64	   *longs;
		float	   *floats;
		double	   *doubles;
	}			v;
	uint64	   *nulls;			/* numbers */
	int64	   *times;
	uint64	   *timeless;		/* bit set: the row has no value */
	bool		any;			/* some row has a value */
	SiDictBuilder dict;
} TimedColumn;

struct SiByTime
{
	int			ncolumns;
	uint32		cap;
	TimedColumn *columns;
};

static inline size_t
value_size(const TimedColumn *c)
{
	return c->desc.type == SI_TYPE_STRING || c->desc.type == SI_TYPE_FLOAT ? 4 : 8;
}

static inline bool
get_bit(const uint64 *bits, uint32 row)
{
	return (bits[row / 64] >> (row % 64)) & 1;
}

static inline void
put_bit(uint64 *bits, uint32 row, bool on)
{
	uint64		bit = UINT64CONST(1) << (row % 64);

	bits[row / 64] = on ? bits[row / 64] | bit : bits[row / 64] & ~bit;
}

SiByTime *
si_by_time_create(const SiSpec *spec, SiFieldTable *fields, uint32 cap)
{
	SiByTime   *b;
	int			n = 0;

	for (int i = 0; i < spec->nmetrics; i++)
		n += SI_AGG_BY_TIME(spec->metrics[i].agg);
	if (n == 0)
		return NULL;
	b = si_alloc0(sizeof(SiByTime));
	b->cap = cap;
	b->columns = si_alloc0(sizeof(TimedColumn) * n);
	for (int i = 0; i < spec->nmetrics; i++)
	{
		const SiSpecMetric *m = &spec->metrics[i];
		TimedColumn *c = &b->columns[b->ncolumns];

		if (!SI_AGG_BY_TIME(m->agg))
			continue;
		b->ncolumns++;
		c->desc.name = pstrdup(m->name);
		c->input = pstrdup(m->field_name);
		c->time_input = m->time_column ? pstrdup(m->time_column) : NULL;
		c->desc.type = m->type;
		c->desc.role = SI_ROLE_METRIC;
		c->desc.agg = m->agg;
		c->slot = si_fields_add(fields, m->field_name, strlen(m->field_name));
		c->time_slot = m->time_column == NULL ? -1 :
			si_fields_add(fields, m->time_column, strlen(m->time_column));
		c->max_bytes = m->max_string_bytes;
		c->v.codes = si_alloc0(value_size(c) * cap);
		c->times = si_alloc0(sizeof(int64) * cap);
		c->timeless = si_alloc0(cap / 8);
		if (m->type == SI_TYPE_STRING)
			si_dict_init(&c->dict);
		else
			c->nulls = si_alloc0(cap / 8);
	}
	return b;
}

void
si_by_time_grow(SiByTime *b, uint32 cap)
{
	for (int i = 0; i < b->ncolumns; i++)
	{
		TimedColumn *c = &b->columns[i];

		c->v.codes = si_realloc(c->v.codes, value_size(c) * cap);
		c->times = si_realloc(c->times, sizeof(int64) * (Size) cap);
		c->timeless = si_realloc(c->timeless, cap / 8);
		memset((char *) c->timeless + b->cap / 8, 0, (cap - b->cap) / 8);
		if (c->nulls != NULL)
		{
			c->nulls = si_realloc(c->nulls, cap / 8);
			memset((char *) c->nulls + b->cap / 8, 0, (cap - b->cap) / 8);
		}
	}
	b->cap = cap;
}

/* -------------------------------------------------------------- conversion */

/* A value on its way into a column. */
typedef struct Converted
{
	const char *text;
	uint32		len;
	int64		l;
	double		d;
} Converted;

static SiConvert
convert(const TimedColumn *c, const SiValue *v, SiTextBuf *buf, Converted *out, SiReason *why)
{
	bool		multi;

	switch (c->desc.type)
	{
		case SI_TYPE_STRING:
			{
				SiConvert	rc;

				out->text = NULL;
				rc = si_convert_string(v, SI_MULTI_TEXT, buf, &out->text, &out->len, &multi, c->desc.name, why);
				if (out->text != NULL && out->len > c->max_bytes)
					out->len = si_text_clip(out->text, out->len, c->max_bytes);
				return rc;
			}
		case SI_TYPE_LONG:
			return si_convert_metric_long(v, &out->l, c->input, why);
		default:
			return si_convert_metric_double(v, &out->d, c->input, why);
	}
}

/* The time of a row's value; OK, NULL when it has none, or ERROR. */
static SiConvert
value_time(const TimedColumn *c, const SiValue *values, int nvalues, int64 *time, SiReason *why)
{
	if (c->time_slot < 0)
		return SI_CONVERT_OK;
	if (c->time_slot >= nvalues)
		return SI_CONVERT_NULL;
	return si_convert_metric_long(&values[c->time_slot], time, c->time_input, why);
}

static const SiValue *
value_of(const TimedColumn *c, const SiValue *values, int nvalues)
{
	static const SiValue missing = {0};

	return c->slot < nvalues ? &values[c->slot] : &missing;
}

static void
put_value(TimedColumn *c, uint32 row, const Converted *value)
{
	switch (c->desc.type)
	{
		case SI_TYPE_STRING:
			c->v.codes[row] = value->text ? si_dict_lookup(&c->dict, value->text, value->len) : 0;
			break;
		case SI_TYPE_LONG:
			c->v.longs[row] = value->l;
			break;
		case SI_TYPE_FLOAT:
			c->v.floats[row] = (float) value->d;
			break;
		default:
			c->v.doubles[row] = value->d;
			break;
	}
}

/* ----------------------------------------------------------------- storage */

bool
si_by_time_store(SiByTime *b, const SiValue *values, int nvalues, int64 time, uint32 row,
				 SiTextBuf *text, SiReasonList *reasons)
{
	bool		ok = true;

	for (int i = 0; i < b->ncolumns; i++)
	{
		TimedColumn *c = &b->columns[i];
		const SiValue *v = value_of(c, values, nvalues);
		Converted	value = {0};
		int64		t = time;
		SiReason	why_time,
					why;
		SiConvert	timed = value_time(c, values, nvalues, &t, &why_time);
		SiConvert	rc = convert(c, v, text, &value, &why);
		bool		wrong = rc == SI_CONVERT_ERROR && value.text == NULL;
		bool		none = timed != SI_CONVERT_OK || wrong || v->kind == SI_VALUE_MISSING ||
			(rc == SI_CONVERT_NULL && c->desc.type == SI_TYPE_STRING);

		if (SI_UNLIKELY(rc == SI_CONVERT_ERROR))
			si_reason_add(reasons, &why);
		if (SI_UNLIKELY(timed == SI_CONVERT_ERROR))
			si_reason_add(reasons, &why_time);
		ok &= rc != SI_CONVERT_ERROR && timed != SI_CONVERT_ERROR;
		if (none || rc == SI_CONVERT_NULL)
			memset(&value, 0, sizeof(value));
		put_value(c, row, &value);
		if (c->nulls)
			put_bit(c->nulls, row, none || rc == SI_CONVERT_NULL);
		put_bit(c->timeless, row, none);
		c->times[row] = none ? 0 : t;
		c->any |= !none;
	}
	return ok;
}

bool
si_by_time_check(SiByTime *b, const SiValue *values, int nvalues, SiTextBuf *text, SiReason *why)
{
	for (int i = 0; i < b->ncolumns; i++)
	{
		const TimedColumn *c = &b->columns[i];
		Converted	value;
		int64		t;

		if (value_time(c, values, nvalues, &t, why) == SI_CONVERT_ERROR ||
			convert(c, value_of(c, values, nvalues), text, &value, why) == SI_CONVERT_ERROR)
			return false;
	}
	return true;
}

/* Whether the value of row "from", read later, replaces that of row "to". */
static inline bool
wins(const TimedColumn *c, uint32 to, uint32 from)
{
	if (get_bit(c->timeless, from))
		return false;
	if (get_bit(c->timeless, to))
		return true;
	return c->desc.agg == SI_AGG_LAST ? c->times[from] >= c->times[to] : c->times[from] < c->times[to];
}

void
si_by_time_merge(SiByTime *b, uint32 to, uint32 from)
{
	for (int i = 0; i < b->ncolumns; i++)
	{
		TimedColumn *c = &b->columns[i];

		if (wins(c, to, from))
		{
			if (value_size(c) == 8)
				c->v.longs[to] = c->v.longs[from];
			else
				c->v.codes[to] = c->v.codes[from];
			if (c->nulls)
				put_bit(c->nulls, to, get_bit(c->nulls, from));
			c->times[to] = c->times[from];
			put_bit(c->timeless, to, false);
		}
		/* bitmaps are clean behind the last row */
		if (c->nulls)
			put_bit(c->nulls, from, false);
		put_bit(c->timeless, from, false);
	}
}

uint64
si_by_time_bytes(const SiByTime *b, uint32 nrows)
{
	uint64		bytes = 0;

	for (int i = 0; i < b->ncolumns; i++)
	{
		const TimedColumn *c = &b->columns[i];

		bytes += (value_size(c) + sizeof(int64)) * (uint64) nrows;
		if (c->desc.type == SI_TYPE_STRING)
			bytes += si_dict_memory(&c->dict);
	}
	return bytes;
}

/* ------------------------------------------------------------------- table */

int
si_by_time_columns(const SiByTime *b)
{
	return 2 * b->ncolumns;
}

/* Whether a column's times are other than those of the rows. */
static bool
needs_times(const TimedColumn *c, const int64 *row_times, uint32 nrows)
{
	for (uint32 row = 0; row < nrows; row++)
		if (c->times[row] != row_times[row] || get_bit(c->timeless, row))
			return true;
	return false;
}

int
si_by_time_table(SiByTime *b, const int64 *row_times, uint32 nrows, SiColumn *out)
{
	int			n = 0;

	for (int i = 0; i < b->ncolumns; i++)
	{
		TimedColumn *c = &b->columns[i];
		SiColumn   *o = &out[n];

		if (!c->any)
			continue;
		memset(o, 0, 2 * sizeof(SiColumn));
		o->desc = c->desc;
		o->nulls = c->nulls;
		if (c->desc.type == SI_TYPE_STRING)
		{
			si_dict_drop_unused(&c->dict, c->v.codes, nrows);
			o->dict.count = c->dict.count;
			o->dict.bytes = c->dict.bytes;
			o->dict.offsets = c->dict.offsets;
		}
		o->v.codes = c->v.codes;
		n++;
		if (needs_times(c, row_times, nrows))
		{
			o = &out[n++];
			o->desc.name = c->desc.name;
			o->desc.type = SI_TYPE_LONG;
			o->desc.role = SI_ROLE_TIMES;
			o->v.longs = c->times;
			o->nulls = c->timeless;
		}
	}
	return n;
}

void
si_by_time_reset(SiByTime *b)
{
	for (int i = 0; i < b->ncolumns; i++)
	{
		TimedColumn *c = &b->columns[i];

		if (c->desc.type == SI_TYPE_STRING)
			si_dict_reset(&c->dict);
		else
			memset(c->nulls, 0, b->cap / 8);
		memset(c->timeless, 0, b->cap / 8);
		c->any = false;
	}
}
