/*
 * index.c
 *		Rows of one commit, gathered column by column.
 *
 * Every row is first written behind the last one.  Without rollup that is
 * all; with rollup the row's time and dimensions are hashed and, when an
 * equal row is there already, its metrics take the new ones in and the place
 * behind the last row is free again.  So both ways share one code path, and
 * rollup compares columns where they lie.
 */
#include "common/port.h"

#include "format/jsonnode.h"
#include "index/index_int.h"

#ifdef FRONTEND
#define INDEX_CONTEXT(ix)
#define INDEX_CONTEXT_END(ix)
#else
#define INDEX_CONTEXT(ix)		MemoryContext oldcontext_ = MemoryContextSwitchTo((ix)->context)
#define INDEX_CONTEXT_END(ix)	MemoryContextSwitchTo(oldcontext_)
#endif

static IndexColumn *
add_column(SiIndex *ix, const char *name, SiType type, SiRole role, SiAgg agg, int slot)
{
	IndexColumn *c;

	if (ix->ncolumns == ix->columns_cap)
	{
		ix->columns_cap *= 2;
		ix->columns = si_realloc(ix->columns, sizeof(IndexColumn) * ix->columns_cap);
	}
	c = &ix->columns[ix->ncolumns++];
	memset(c, 0, sizeof(*c));
	c->desc.name = c->input = pstrdup(name);
	c->desc.type = type;
	c->desc.role = role;
	c->desc.agg = agg;
	c->slot = slot;
	c->max_len = PG_UINT32_MAX;
	/* zeroed: rows before a column is discovered read null (code 0) */
	c->v.codes = si_alloc0(type_size(type) * ix->cap);
	if (type == SI_TYPE_STRING)
		si_dict_init(&c->dict);
	else
		c->nulls = si_alloc0(ix->cap / 8);
	return c;
}

SiIndex *
si_index_create(const SiSpec *spec, SiFieldTable *fields, SiReason *why)
{
	SiIndex    *ix = si_alloc0(sizeof(SiIndex));

#ifndef FRONTEND
	ix->context = CurrentMemoryContext;
#endif
	ix->fields = fields;
	ix->timestamps = si_timestamp_parser_create(spec->timestamp_format, spec->has_missing_value,
												spec->missing_value, why);
	if (ix->timestamps == NULL)
		return NULL;
	si_timestamp_parser_name(ix->timestamps, pstrdup(spec->timestamp_column));
	ix->time_slot = si_fields_add(fields, spec->timestamp_column, strlen(spec->timestamp_column));
	ix->query_granularity = spec->query_granularity;
	ix->segment_granularity = spec->segment_granularity;
	ix->crosses = !si_granularity_nests(&spec->query_granularity, &spec->segment_granularity);
	ix->rollup = spec->rollup;
	ix->discover = ix->discover_new = spec->discover;
	ix->discover_auto = spec->schema_discovery;
	if (ix->discover_auto)
		si_fields_discover_nested(fields);
	ix->min_ms = PG_INT64_MIN;
	ix->max_ms = PG_INT64_MAX;
	ix->cap = FIRST_ROWS;
	ix->times = si_alloc(sizeof(int64) * ix->cap);
	ix->columns_cap = Max(16, spec->ndimensions + spec->nmetrics);
	ix->columns = si_alloc(sizeof(IndexColumn) * ix->columns_cap);
	for (int i = 0; i < spec->ndimensions; i++)
	{
		const SiSpecDimension *d = &spec->dimensions[i];
		IndexColumn *c;

		if (d->automatic)
			continue;
		c = add_column(ix, d->name, d->type, SI_ROLE_DIMENSION, SI_AGG_NONE,
									si_fields_add(fields, d->name, strlen(d->name)));

		c->multi_value = d->multi_value;
		c->desc.json = d->json;
		if (d->max_length > 0)
			c->max_len = d->max_length;
	}
	for (int i = 0; i < spec->nmetrics; i++)
	{
		const SiSpecMetric *m = &spec->metrics[i];
		int			slot = -1;
		IndexColumn *c;

		if (SI_AGG_BY_TIME(m->agg))
			continue;
		if (m->input == SI_METRIC_FIELD)
			slot = si_fields_add(fields, m->field_name, strlen(m->field_name));
		c = add_column(ix, m->name, m->type, SI_ROLE_METRIC, m->agg, slot);
		if (m->input == SI_METRIC_FIELD)
			c->input = pstrdup(m->field_name);
		if (m->type == SI_TYPE_STRING)
		{
			c->multi_value = SI_MULTI_TEXT;
			c->max_len = m->max_string_bytes;
		}
	}
	ix->by_time = si_by_time_create(spec, fields, ix->cap);
	ix->first_discovered = ix->ncolumns;
	for (int i = 0; i < spec->ndimensions; i++)
		if (spec->dimensions[i].automatic)
			si_fields_add(fields, spec->dimensions[i].name, strlen(spec->dimensions[i].name));
	ix->nslots = ix->slots_cap = si_fields_count(fields);
	ix->slot_column = si_alloc(sizeof(int) * ix->slots_cap);
	for (int i = 0; i < ix->nslots; i++)
		ix->slot_column[i] = SLOT_IGNORED;
	for (int i = 0; i < spec->ndimensions; i++)
	{
		const SiSpecDimension *d = &spec->dimensions[i];

		if (!d->automatic)
			continue;
		ix->slot_column[si_fields_add(fields, d->name, strlen(d->name))] = SLOT_UNSEEN_AUTO;
		ix->discover = true;
	}
	if (spec->discover)
	{
		for (int i = 0; i < spec->nmetrics; i++)
			si_fields_exclude(fields, spec->metrics[i].name, strlen(spec->metrics[i].name));
		for (int i = 0; i < spec->nexclusions; i++)
			si_fields_exclude(fields, spec->exclusions[i], strlen(spec->exclusions[i]));
		si_fields_exclude(fields, SI_TIME_COLUMN, strlen(SI_TIME_COLUMN));
	}
	ix->message_cap = 16;
	ix->message_times = si_alloc(sizeof(int64) * ix->message_cap);
	if (ix->rollup)
	{
		ix->rollup_mask = FIRST_ROWS * 2 - 1;
		ix->rollup_table = si_alloc0(sizeof(RollupEntry) * (ix->rollup_mask + 1));
	}
	return ix;
}

void
si_index_set_bounds(SiIndex *ix, int64 min_ms, int64 max_ms)
{
	ix->min_ms = min_ms;
	ix->max_ms = max_ms;
}

/* ----------------------------------------------------------------- storage */

static void
grow_rows(SiIndex *ix)
{
	uint32		old = ix->cap;

	ix->cap *= 2;
	ix->times = si_realloc(ix->times, sizeof(int64) * (Size) ix->cap);
	for (int i = 0; i < ix->ncolumns; i++)
	{
		IndexColumn *c = &ix->columns[i];
		size_t		size = type_size(c->desc.type);

		c->v.codes = si_realloc(c->v.codes, size * ix->cap);
		memset((char *) c->v.codes + size * old, 0, size * (ix->cap - old));
		if (c->nulls != NULL)
		{
			c->nulls = si_realloc(c->nulls, ix->cap / 8);
			memset((char *) c->nulls + old / 8, 0, (ix->cap - old) / 8);
		}
	}
	if (ix->by_time)
		si_by_time_grow(ix->by_time, ix->cap);
}

/*
 * A field met for the first time with a value: becomes a dimension, unless a
 * table could not hold it.
 */
static void
discover_slot(SiIndex *ix, int slot, SiAutoType type)
{
	int			len;
	const char *name = si_fields_name(ix->fields, slot, &len);
	SiColumnDesc desc = {0};
	IndexColumn *c;

	if (ix->ncolumns >= MAX_COLUMNS || len > MAX_NAME_LEN || len == 0 || memchr(name, '\0', len) != NULL)
	{
		ix->slot_column[slot] = SLOT_IGNORED;
		ix->refused++;
		return;
	}
	desc.type = SI_TYPE_STRING;
	if (type != SI_AUTO_NOT)
		si_auto_describe(type, &desc);
	c = add_column(ix, name, desc.type, SI_ROLE_DIMENSION, SI_AGG_NONE, slot);
	c->multi_value = SI_MULTI_SORTED_ARRAY;
	c->desc.json = desc.json;
	c->auto_type = (uint8) type;
	c->flat = type == SI_AUTO_NOT;
	ix->any_auto |= type != SI_AUTO_NOT;
	ix->slot_column[slot] = ix->ncolumns - 1;
	/* the rows so far have no value */
	if (desc.type != SI_TYPE_STRING)
		for (uint32 row = 0; row < ix->nrows; row++)
			set_null(c, row);
}

/*
 * Whether a discovered column without a type of its own has no such value:
 * objects, and arrays with arrays or objects in them, are no dimensions.
 */
static pg_noinline bool
is_too_nested(const SiIndex *ix, int slot, const SiValue *v)
{
	return !si_value_is_flat(v) && !si_fields_keeps_nested(ix->fields, slot);
}

/* Makes columns of the slots that this row has a value for. */
static void
discover_columns(SiIndex *ix, const SiValue *values, int nvalues)
{
	if (nvalues > ix->slots_cap)
	{
		ix->slots_cap = nvalues * 2;
		ix->slot_column = si_realloc(ix->slot_column, sizeof(int) * ix->slots_cap);
	}
	for (; ix->nslots < nvalues; ix->nslots++)
		ix->slot_column[ix->nslots] = ix->discover_new ? SLOT_UNSEEN : SLOT_IGNORED;
	for (int s = 0; s < nvalues; s++)
	{
		bool		automatic = ix->discover_auto || ix->slot_column[s] == SLOT_UNSEEN_AUTO;

		if ((ix->slot_column[s] == SLOT_UNSEEN || ix->slot_column[s] == SLOT_UNSEEN_AUTO) &&
			values[s].kind != SI_VALUE_MISSING && values[s].kind != SI_VALUE_NULL &&
			(automatic || !is_too_nested(ix, s, &values[s])))
			discover_slot(ix, s, automatic ? si_auto_type_of(&values[s]) : SI_AUTO_NOT);
	}
	if (ix->any_auto)
		si_auto_widen(ix, values, nvalues);
}

/* -------------------------------------------------------------- conversion */

/* The value of a row for a column. */
static inline const SiValue *
column_value(const SiIndex *ix, const IndexColumn *c, const SiValue *values, int nvalues)
{
	static const SiValue missing = {0};
	const SiValue *v;

	if (c->slot < 0 || c->slot >= nvalues)
		return &missing;
	v = &values[c->slot];
	if (SI_UNLIKELY(v->kind >= SI_VALUE_ARRAY) && c->flat && is_too_nested(ix, c->slot, v))
		return &missing;
	return v;
}

/*
 * Stores the value of one dimension or metric behind the last row.  False
 * when the value was wrong: null is stored (or a repaired text) and why says
 * what.
 */
static inline bool
store_value(SiIndex *ix, IndexColumn *c, const SiValue *v, uint32 row, SiReason *why)
{
	SiConvert	rc;

	if (c->desc.type == SI_TYPE_STRING)
	{
		const char *text;
		uint32		len;
		bool		multi = false;

		if (SI_LIKELY(v->kind == SI_VALUE_NULL || v->kind == SI_VALUE_MISSING))
		{
			c->v.codes[row] = 0;
			return true;
		}
		text = NULL;
		/* a boolean is 1 or 0 in a column that takes the type of its values, as it was while they were numbers */
		if (SI_UNLIKELY(c->auto_type == SI_AUTO_STRING && v->kind == SI_VALUE_BOOL))
		{
			text = v->u.i ? "1" : "0";
			len = 1;
			rc = SI_CONVERT_OK;
		}
		else if (SI_UNLIKELY(c->desc.json))
			rc = si_convert_json(v, &ix->json, &text, &len, c->desc.name, why);
		else
			rc = si_convert_string(v, c->multi_value, &ix->text, &text, &len, &multi, c->desc.name, why);
		if (text == NULL)
			c->v.codes[row] = 0;
		else
		{
			if (SI_UNLIKELY(len > c->max_len) && !multi)
				len = c->desc.role == SI_ROLE_METRIC ? si_text_clip(text, len, c->max_len) :
					si_text_clip_chars(text, len, c->max_len);
			c->v.codes[row] = si_dict_lookup(&c->dict, text, len);
			c->nvalues++;
			c->desc.multi_value |= multi;
		}
		return rc != SI_CONVERT_ERROR;
	}

	if (c->slot < 0)
	{
		c->v.longs[row] = 1;
		c->nvalues++;
		return true;
	}
	if (c->desc.role == SI_ROLE_METRIC)
	{
		if (c->desc.type == SI_TYPE_LONG)
			rc = si_convert_metric_long(v, &c->v.longs[row], c->input, why);
		else
		{
			double		d = 0;

			rc = si_convert_metric_double(v, &d, c->input, why);
			if (c->desc.type == SI_TYPE_DOUBLE)
				c->v.doubles[row] = d;
			else
				c->v.floats[row] = (float) d;
		}
	}
	else if (c->desc.type == SI_TYPE_LONG)
		rc = si_convert_long(v, &c->v.longs[row], c->desc.name, why);
	else if (c->desc.type == SI_TYPE_DOUBLE)
		rc = si_convert_double(v, &c->v.doubles[row], c->desc.name, why);
	else
		rc = si_convert_float(v, &c->v.floats[row], c->desc.name, why);

	if (SI_LIKELY(rc == SI_CONVERT_OK))
	{
		c->nvalues++;
		return true;
	}
	set_null(c, row);
	if (type_size(c->desc.type) == 8)
		c->v.longs[row] = 0;
	else
		c->v.floats[row] = 0;
	return rc == SI_CONVERT_NULL;
}

/* ------------------------------------------------------------------ rollup */

static uint64
hash_row(const SiIndex *ix, uint32 row)
{
	uint64		h = si_mix64((uint64) ix->times[row] ^ UINT64CONST(0xa0761d6478bd642f),
							 UINT64CONST(0xe7037ed1a0b428db));

	for (int i = 0; i < ix->ncolumns; i++)
	{
		const IndexColumn *c = &ix->columns[i];
		uint64		word;

		if (c->desc.role != SI_ROLE_DIMENSION)
			continue;
		if (type_size(c->desc.type) == 8)
			word = (uint64) c->v.longs[row];
		else
			word = c->v.codes[row];
		/* a column without a value must not change the hash: it may be discovered later */
		if (word != 0)
			h = si_mix64(h ^ word, UINT64CONST(0x8ebc6af09c88c6e3) + i);
	}
	return h;
}

static bool
same_key(const SiIndex *ix, uint32 a, uint32 b)
{
	if (ix->times[a] != ix->times[b])
		return false;
	for (int i = 0; i < ix->ncolumns; i++)
	{
		const IndexColumn *c = &ix->columns[i];

		if (c->desc.role != SI_ROLE_DIMENSION)
			continue;
		if (type_size(c->desc.type) == 8)
		{
			if (c->v.longs[a] != c->v.longs[b])
				return false;
		}
		else if (c->v.codes[a] != c->v.codes[b])
			return false;
		if (c->any_null && is_null(c, a) != is_null(c, b))
			return false;
	}
	return true;
}

static void
fill_rollup(SiIndex *ix, uint32 size)
{
	RollupEntry *table = si_alloc0(sizeof(RollupEntry) * (Size) size);

	for (uint32 row = 0; row < ix->nrows; row++)
	{
		uint64		h = hash_row(ix, row);
		uint32		i = (uint32) h & (size - 1);

		while (table[i].row != 0)
			i = (i + 1) & (size - 1);
		table[i].tag = (uint32) (h >> 32);
		table[i].row = row + 1;
	}
	pfree(ix->rollup_table);
	ix->rollup_table = table;
	ix->rollup_mask = size - 1;
}

void
si_index_rehash(SiIndex *ix)
{
	if (ix->rollup)
		fill_rollup(ix, ix->rollup_mask + 1);
}

static inline int64
add_saturated(int64 a, int64 b)
{
	int64		r;

	if (__builtin_add_overflow(a, b, &r))
		r = a < 0 ? PG_INT64_MIN : PG_INT64_MAX;
	return r;
}

#define COMBINE(agg, a, b, sum) \
	((agg) == SI_AGG_SUM ? (sum) : (agg) == SI_AGG_MIN ? ((b) < (a) ? (b) : (a)) : \
	 (agg) == SI_AGG_MAX ? ((b) > (a) ? (b) : (a)) : (a))

/* Takes the metrics of row "from" into row "to". */
static void
merge_metrics(SiIndex *ix, uint32 to, uint32 from)
{
	for (int i = 0; i < ix->ncolumns; i++)
	{
		IndexColumn *c = &ix->columns[i];

		if (c->desc.role == SI_ROLE_DIMENSION)
		{
			if (c->any_null && c->nulls != NULL)
				clear_null(c, from);
			continue;
		}
		if (c->desc.type == SI_TYPE_STRING)
		{
			if (c->v.codes[to] == 0)
				c->v.codes[to] = c->v.codes[from];
			continue;
		}
		if (c->any_null && is_null(c, from))
		{
			clear_null(c, from);
			continue;
		}
		if (c->any_null && is_null(c, to))
		{
			clear_null(c, to);
			if (type_size(c->desc.type) == 8)
				c->v.longs[to] = c->v.longs[from];
			else
				c->v.floats[to] = c->v.floats[from];
			continue;
		}
		switch (c->desc.type)
		{
			case SI_TYPE_LONG:
				c->v.longs[to] = COMBINE(c->desc.agg, c->v.longs[to], c->v.longs[from],
										 add_saturated(c->v.longs[to], c->v.longs[from]));
				break;
			case SI_TYPE_DOUBLE:
				c->v.doubles[to] = COMBINE(c->desc.agg, c->v.doubles[to], c->v.doubles[from],
										   c->v.doubles[to] + c->v.doubles[from]);
				break;
			default:
				c->v.floats[to] = COMBINE(c->desc.agg, c->v.floats[to], c->v.floats[from],
										  c->v.floats[to] + c->v.floats[from]);
				break;
		}
	}
	if (ix->by_time)
		si_by_time_merge(ix->by_time, to, from);
}

/* True when the row at nrows was merged into an earlier one. */
static bool
roll_up(SiIndex *ix)
{
	uint32		row = ix->nrows;
	uint64		h = hash_row(ix, row);
	uint32		tag = (uint32) (h >> 32);
	uint32		i = (uint32) h & ix->rollup_mask;

	while (ix->rollup_table[i].row != 0)
	{
		if (ix->rollup_table[i].tag == tag && same_key(ix, ix->rollup_table[i].row - 1, row))
		{
			merge_metrics(ix, ix->rollup_table[i].row - 1, row);
			return true;
		}
		i = (i + 1) & ix->rollup_mask;
	}
	ix->rollup_table[i].tag = tag;
	ix->rollup_table[i].row = row + 1;
	return false;
}

/* -------------------------------------------------------------------- rows */

/* The time of one row, which may be known already. */
static inline bool
row_time(SiIndex *ix, const SiRows *rows, int r, int64 *time, SiReason *why)
{
	if (SI_UNLIKELY(rows->times != NULL))
	{
		*time = rows->times[r];
		return true;
	}
	return si_timestamp_parse(ix->timestamps, &rows->values[(Size) r * rows->stride + ix->time_slot], time, why);
}

/* Times of all rows of the message; false when one cannot be read. */
static bool
message_times(SiIndex *ix, const SiRows *rows, SiReason *why)
{
	if (rows->nrows > ix->message_cap)
	{
		ix->message_cap = rows->nrows * 2;
		ix->message_times = si_realloc(ix->message_times, sizeof(int64) * ix->message_cap);
	}
	for (int r = 0; r < rows->nrows; r++)
		if (!row_time(ix, rows, r, &ix->message_times[r], why))
			return false;
	return true;
}

/* The time that is stored: as in Druid it never leaves the segment that the row belongs to. */
static inline int64
truncated_time(SiIndex *ix, int64 time)
{
	int64		start = si_granularity_bucket_start(&ix->query_granularity, time);

	if (SI_UNLIKELY(ix->crosses))
		start = Max(start, si_granularity_bucket_start(&ix->segment_granularity, time));
	return start;
}

static bool
add_row(SiIndex *ix, const SiValue *values, int nvalues, int64 time, SiReason *why)
{
	uint32		row = ix->nrows;
	bool		ok = true;

	if (SI_UNLIKELY(row == ix->cap))
		grow_rows(ix);
	if (ix->discover)
		discover_columns(ix, values, nvalues);
	ix->times[row] = truncated_time(ix, time);
	for (int i = 0; i < ix->ncolumns; i++)
	{
		IndexColumn *c = &ix->columns[i];

		if (SI_UNLIKELY(!store_value(ix, c, column_value(ix, c, values, nvalues), row, why)))
		{
			si_reason_add(&ix->reasons, why);
			ok = false;
		}
	}
	if (SI_UNLIKELY(ix->by_time != NULL))
		ok &= si_by_time_store(ix->by_time, values, nvalues, time, row, &ix->text, &ix->reasons);
	if (!ix->rollup)
		ix->nrows++;
	else if (!roll_up(ix))
	{
		ix->nrows++;
		if ((uint64) ix->nrows * 8 > (uint64) (ix->rollup_mask + 1) * 5)
			fill_rollup(ix, (ix->rollup_mask + 1) * 2);
	}
	return ok;
}

/* Whether every value of a row can be converted; nothing is stored. */
static bool
check_row(SiIndex *ix, const SiValue *values, int nvalues, int64 time, SiReason *why)
{
	for (int i = 0; i < ix->ncolumns; i++)
	{
		IndexColumn *c = &ix->columns[i];
		const SiValue *v;
		SiConvert	rc;
		int64		l;
		double		d;
		float		f;

		if (c->slot < 0 || c->slot >= nvalues)
			continue;
		v = column_value(ix, c, values, nvalues);
		if (c->auto_type != SI_AUTO_NOT)
			rc = si_auto_check(ix, c, v, why) ? SI_CONVERT_OK : SI_CONVERT_ERROR;
		else if (c->desc.type == SI_TYPE_STRING)
		{
			const char *text;
			uint32		len;
			bool		multi;

			rc = c->desc.json ? si_convert_json(v, &ix->json, &text, &len, c->desc.name, why) :
				si_convert_string(v, c->multi_value, &ix->text, &text, &len, &multi, c->desc.name, why);
		}
		else if (c->desc.role == SI_ROLE_METRIC)
			rc = c->desc.type == SI_TYPE_LONG ?
				si_convert_metric_long(v, &l, c->input, why) :
				si_convert_metric_double(v, &d, c->input, why);
		else if (c->desc.type == SI_TYPE_LONG)
			rc = si_convert_long(v, &l, c->desc.name, why);
		else if (c->desc.type == SI_TYPE_DOUBLE)
			rc = si_convert_double(v, &d, c->desc.name, why);
		else
			rc = si_convert_float(v, &f, c->desc.name, why);
		if (rc == SI_CONVERT_ERROR)
			return false;
	}
	return ix->by_time == NULL || si_by_time_check(ix->by_time, values, nvalues, &ix->text, why);
}

/* What is done with one row of a message: true when all of its values are right. */
typedef bool (*RowFunction) (SiIndex *ix, const SiValue *values, int nvalues, int64 time, SiReason *why);

/* Times first: one that cannot be read throws away all rows of the message. */
static pg_attribute_always_inline void
each_row(SiIndex *ix, const SiRows *rows, RowFunction function, SiAddResult *result, SiReason *why)
{
	INDEX_CONTEXT(ix);

	memset(result, 0, sizeof(*result));
	result->unparseable_rows = rows->nbad;
	ix->reasons.n = 0;
	if (SI_UNLIKELY(rows->nbad > 0))
		si_reason_add(&ix->reasons, why);
	if (!rows->separate && !message_times(ix, rows, why))
		result->unparseable = true;
	else
		for (int r = 0; r < rows->nrows; r++)
		{
			int64		t;

			if (!rows->separate)
				t = ix->message_times[r];
			else if (!row_time(ix, rows, r, &t, why))
			{
				result->unparseable_rows++;
				si_reason_add(&ix->reasons, why);
				continue;
			}
			if (t < ix->min_ms)
				result->before_min++;
			else if (t > ix->max_ms)
				result->after_max++;
			else if (function(ix, rows->values + (Size) r * rows->stride, rows->stride, t, why))
				result->processed++;
			else
				result->with_error++;
		}
	INDEX_CONTEXT_END(ix);
}

void
si_index_add(SiIndex *ix, const SiRows *rows, SiAddResult *result, SiReason *why)
{
	each_row(ix, rows, add_row, result, why);
	if (SI_UNLIKELY(ix->reasons.n > 0 && !result->unparseable))
		*why = ix->reasons.list[0];
}

int
si_index_reasons(const SiIndex *ix, const SiReason **list)
{
	*list = ix->reasons.list;
	return ix->reasons.n;
}

void
si_index_check(SiIndex *ix, const SiRows *rows, SiAddResult *result, SiReason *why)
{
	each_row(ix, rows, check_row, result, why);
}

uint32
si_index_rows(const SiIndex *ix)
{
	return ix->nrows;
}

uint64
si_index_bytes(const SiIndex *ix)
{
	uint64		bytes = sizeof(int64) * (uint64) ix->nrows;

	for (int i = 0; i < ix->ncolumns; i++)
	{
		const IndexColumn *c = &ix->columns[i];

		bytes += type_size(c->desc.type) * (uint64) ix->nrows;
		if (c->desc.type == SI_TYPE_STRING)
			bytes += si_dict_memory(&c->dict);
	}
	if (ix->by_time)
		bytes += si_by_time_bytes(ix->by_time, ix->nrows);
	if (ix->rollup)
		bytes += sizeof(RollupEntry) * 2 * (uint64) ix->nrows;
	return bytes;
}

const SiTable *
si_index_table(SiIndex *ix)
{
	int			n = 0;
	SiColumn   *out;
	INDEX_CONTEXT(ix);

	if (ix->table_columns == NULL)
		ix->table_columns = si_alloc(sizeof(SiColumn) *
									 (MAX_COLUMNS + 16 + (ix->by_time ? si_by_time_columns(ix->by_time) : 0)));
	out = ix->table_columns;
	memset(&out[n], 0, sizeof(SiColumn));
	out[n].desc.name = SI_TIME_COLUMN;
	out[n].desc.type = SI_TYPE_TIME;
	out[n].desc.role = SI_ROLE_TIME;
	out[n++].v.longs = ix->times;
	for (int i = 0; i < ix->ncolumns; i++)
	{
		IndexColumn *c = &ix->columns[i];
		SiColumn   *o = &out[n];

		if (c->nvalues == 0)
			continue;
		memset(o, 0, sizeof(*o));
		o->desc = c->desc;
		o->v.codes = c->v.codes;
		o->nulls = c->any_null ? c->nulls : NULL;
		if (c->desc.type == SI_TYPE_STRING)
		{
			if (ix->rollup && c->desc.role == SI_ROLE_METRIC)
				si_dict_drop_unused(&c->dict, c->v.codes, ix->nrows);
			o->dict.count = c->dict.count;
			o->dict.bytes = c->dict.bytes;
			o->dict.offsets = c->dict.offsets;
		}
		n++;
	}
	if (ix->by_time)
		n += si_by_time_table(ix->by_time, ix->times, ix->nrows, &out[n]);
	ix->table.nrows = ix->nrows;
	ix->table.ncolumns = n;
	ix->table.columns = out;
	INDEX_CONTEXT_END(ix);
	return &ix->table;
}

void
si_index_reset(SiIndex *ix)
{
	INDEX_CONTEXT(ix);

	for (int i = 0; i < ix->ncolumns; i++)
	{
		IndexColumn *c = &ix->columns[i];

		/* a column discovered in mid-batch relies on zeroes before its first row */
		if (c->desc.type == SI_TYPE_STRING)
			si_dict_reset(&c->dict);
		else if (c->any_null)
			memset(c->nulls, 0, ix->cap / 8);
		c->any_null = false;
		c->nvalues = 0;
		c->desc.multi_value = false;
	}
	if (ix->rollup)
	{
		uint32		size = ix->rollup_mask + 1;

		while (size > FIRST_ROWS * 2 && (uint64) ix->nrows * 4 < size)
			size /= 2;
		if (size <= (ix->rollup_mask + 1) / 8)
		{
			pfree(ix->rollup_table);
			ix->rollup_table = si_alloc0(sizeof(RollupEntry) * (Size) size);
			ix->rollup_mask = size - 1;
		}
		else
			memset(ix->rollup_table, 0, sizeof(RollupEntry) * (Size) (ix->rollup_mask + 1));
	}
	if (ix->by_time)
		si_by_time_reset(ix->by_time);
	ix->nrows = 0;
	INDEX_CONTEXT_END(ix);
}

static const char *
discovered_type(const IndexColumn *c)
{
	return c->desc.json ? "json" : c->desc.type == SI_TYPE_LONG ? "long" :
		c->desc.type == SI_TYPE_DOUBLE ? "double" : "string";
}

const char *
si_index_discovered(const SiIndex *ix, int i, const char **type)
{
	int			col = ix->first_discovered + i;

	if (col >= ix->ncolumns)
		return NULL;
	*type = discovered_type(&ix->columns[col]);
	return ix->columns[col].desc.name;
}

const char *
si_index_news(const SiIndex *ix, int *i, const char **type)
{
	int			col = ix->first_discovered + *i;

	for (; col < ix->ncolumns; col++)
	{
		const IndexColumn *c = &ix->columns[col];

		if (c->known && c->auto_type == c->auto_known)
			continue;
		*i = col - ix->first_discovered + 1;
		*type = discovered_type(c);
		return c->desc.name;
	}
	return NULL;
}

void
si_index_news_known(SiIndex *ix)
{
	for (int col = ix->first_discovered; col < ix->ncolumns; col++)
	{
		ix->columns[col].known = true;
		ix->columns[col].auto_known = ix->columns[col].auto_type;
	}
}

int64
si_index_refused_columns(const SiIndex *ix)
{
	return ix->refused + si_fields_overflow(ix->fields);
}
