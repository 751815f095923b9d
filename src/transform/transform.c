/*
 * transform.c
 *		Rows of a message through transforms and filter: see transform.h.
 *
 * Duties: which slot holds what, the order of evaluation, and the rows that
 * the index gets.  Expressions and filters are in src/expr.  Pure; nothing is
 * allocated per row once the arrays have grown.
 */
#include "common/port.h"

#include "format/jsonnode.h"
#include "format/reason.h"
#include "format/timestamp.h"
#include "transform/transform.h"

#define SLOT_TIME		SI_TRANSFORM_TIME

#define FIRST_VALUES	256
#define FIRST_ROWS		16

/* Whether a value of the row at hand is known. */
typedef enum OutputState
{
	OUTPUT_UNKNOWN,
	OUTPUT_KNOWN
} OutputState;

typedef struct Output
{
	const SiSpecTransform *spec;
	int			slot;			/* SLOT_TIME: __time */
	bool		wanted;			/* the index has a column or will discover one */
	bool		discovered;		/* only where the message has the field itself */
	bool		nested;			/* some result was an object or an array of anything */
	int			sql;			/* index of its result; -1: an expression of Druid's */
	OutputState state;
	SiValue		value;
} Output;

/* A metric whose input is made here. */
typedef struct MetricInput
{
	const SiSpecMetric *spec;
	int			slot;			/* of the input */
	int			source;			/* of the field; unused for counts and expressions */
	bool		count;
} MetricInput;

/* The row as the message has it, and as it is after the transforms. */
typedef struct RowView
{
	SiExprRow	row;			/* must be the first field */
	SiTransform *t;
} RowView;

struct SiTransform
{
	SiFieldTable *fields;
	SiTimestampParser *timestamps;
	SiTimestampParser *millis;	/* for its range check */
	int			time_slot;
	SiFilter   *filter;
	bool		filter_reads_sql;	/* a result of PostgreSQL's language */
	int			nsql;
	const SiSqlResult *results; /* of the row at hand */
	int			noutputs;
	Output	   *outputs;
	int			time_output;	/* index of the transform __time, -1 */
	int			nmetrics;
	MetricInput *metrics;
	int			nhidden;		/* slots that the index must not discover */
	int		   *hidden;
	int			nslots;			/* slots when this was created */
	int		   *slot_output;	/* of those: index of its output, -1 */

	SiExprMemory *memory;		/* of the message at hand */
	RowView		before;
	RowView		after;

	/* the row at hand */
	const SiValue *values;
	int			nvalues;
	SiValue		time;

	/* the rows that go on */
	int			cap;			/* values */
	SiValue    *out;
	int			times_cap;
	int64	   *times;
};

static const SiValue missing = {0};

/* ------------------------------------------------------------------- views */

static bool
get_before(SiExprRow *row, int slot, const SiValue **v, SiReason *why)
{
	SiTransform *t = ((RowView *) row)->t;

	*v = slot == SLOT_TIME ? &t->time : slot < t->nvalues ? &t->values[slot] : &missing;
	return true;
}

/* Evaluates an output when it is not known yet. */
static bool
output_value(SiTransform *t, Output *o, const SiValue **v, SiReason *why)
{
	SiReason	inner;

	*v = &o->value;
	if (o->state == OUTPUT_KNOWN)
		return true;
	if (o->sql >= 0)
	{
		const SiSqlResult *result = &t->results[o->sql];

		if (result->failed != NULL)
			return si_format_reason(why, "Could not transform value for %s reason: %s", o->spec->name, result->failed);
		*v = &result->value;
		return true;
	}
	if (!si_expr_eval(o->spec->expr, t->memory, &t->before.row, &o->value, &inner))
		return si_format_reason(why, "Could not transform value for %s reason: %s", o->spec->name, inner.text);
	o->state = OUTPUT_KNOWN;
	return true;
}

static bool
get_after(SiExprRow *row, int slot, const SiValue **v, SiReason *why)
{
	SiTransform *t = ((RowView *) row)->t;
	int			output = slot == SLOT_TIME ? t->time_output :
		slot < t->nslots ? t->slot_output[slot] : -1;

	if (output >= 0)
		return output_value(t, &t->outputs[output], v, why);
	return get_before(row, slot, v, why);
}

/* ---------------------------------------------------------------- creation */

static int
slot_of(void *arg, const char *name, int len)
{
	SiTransform *t = arg;

	if (len == strlen(SI_TIME_COLUMN) && memcmp(name, SI_TIME_COLUMN, len) == 0)
		return SLOT_TIME;
	return si_fields_add(t->fields, name, len);
}

static void
bind_expr(SiTransform *t, SiExpr *e)
{
	for (int i = 0; i < si_expr_nfields(e); i++)
	{
		int			len;
		const char *name = si_expr_field(e, i, &len);

		si_expr_bind(e, i, slot_of(t, name, len));
	}
}

static bool
needed(const SiSpec *spec)
{
	for (int i = 0; i < spec->nmetrics; i++)
		if (spec->metrics[i].filter != NULL || spec->metrics[i].expr != NULL)
			return true;
	return spec->ntransforms > 0 || spec->filter != NULL;
}

static void
hide(SiTransform *t, int first_own, int slot)
{
	if (slot < first_own)
		return;
	for (int i = 0; i < t->nhidden; i++)
		if (t->hidden[i] == slot)
			return;
	t->hidden = t->hidden ? repalloc(t->hidden, sizeof(int) * (t->nhidden + 1)) : palloc(sizeof(int));
	t->hidden[t->nhidden++] = slot;
}

/* Adds nothing: a field that exists, or -1. */
static void
hide_name(SiTransform *t, int first_own, const char *name)
{
	int			len;

	for (int s = first_own; s < si_fields_count(t->fields); s++)
	{
		const char *field = si_fields_name(t->fields, s, &len);

		if (len == strlen(name) && memcmp(field, name, len) == 0)
			hide(t, first_own, s);
	}
}

/* Context of the walk over the fields that metrics read. */
typedef struct HideWalk
{
	SiTransform *t;
	int			first_own;
} HideWalk;

static int
slot_of_hidden(void *arg, const char *name, int len)
{
	HideWalk   *w = arg;
	int			slot = slot_of(w->t, name, len);

	if (slot != SLOT_TIME)
		hide(w->t, w->first_own, slot);
	return slot;
}

/*
 * Inputs of aggregators are no dimensions, also those inside of a filter or
 * an expression; neither are excluded fields and the metrics themselves.
 */
static void
create_metrics(SiTransform *t, const SiSpec *spec, int first_own)
{
	HideWalk	walk = {t, first_own};

	t->metrics = palloc0(sizeof(MetricInput) * Max(spec->nmetrics, 1));
	for (int i = 0; i < spec->nmetrics; i++)
	{
		const SiSpecMetric *m = &spec->metrics[i];
		MetricInput *input;

		if (m->filter == NULL && m->expr == NULL)
			continue;
		input = &t->metrics[t->nmetrics++];
		input->spec = m;
		input->slot = si_fields_add(t->fields, m->field_name, strlen(m->field_name));
		input->count = m->source == NULL && m->expr == NULL;
		input->source = -1;
		if (m->source != NULL)
			input->source = slot_of_hidden(&walk, m->source, strlen(m->source));
		if (m->filter != NULL)
			si_filter_bind(m->filter, slot_of_hidden, &walk);
		if (m->expr != NULL)
			for (int f = 0; f < si_expr_nfields(m->expr); f++)
			{
				int			len;
				const char *name = si_expr_field(m->expr, f, &len);

				si_expr_bind(m->expr, f, slot_of_hidden(&walk, name, len));
			}
	}
}

static void
create_outputs(SiTransform *t, const SiSpec *spec, int first_own)
{
	t->outputs = palloc0(sizeof(Output) * Max(spec->ntransforms, 1));
	t->noutputs = spec->ntransforms;
	for (int i = 0; i < t->noutputs; i++)
	{
		Output	   *o = &t->outputs[i];

		o->spec = &spec->transforms[i];
		o->slot = slot_of(t, o->spec->name, strlen(o->spec->name));
		if (o->slot == SLOT_TIME)
			t->time_output = i;
		o->discovered = o->slot >= first_own;
		o->wanted = o->slot != SLOT_TIME && (!o->discovered || spec->discover);
		o->sql = o->spec->expr == NULL ? t->nsql++ : -1;
		if (o->sql < 0)
			bind_expr(t, o->spec->expr);
	}
}

static bool
is_sql_slot(void *arg, int slot)
{
	SiTransform *t = arg;

	for (int i = 0; i < t->noutputs; i++)
		if (t->outputs[i].slot == slot && t->outputs[i].sql >= 0)
			return true;
	return false;
}

SiTransform *
si_transform_create(const SiSpec *spec, SiFieldTable *fields)
{
	SiTransform *t;
	int			first_own = si_fields_count(fields);
	SiReason	why;

	if (!needed(spec))
		return NULL;
	t = palloc0(sizeof(SiTransform));
	t->fields = fields;
	t->time_output = -1;
	t->before.row.get = get_before;
	t->after.row.get = get_after;
	t->before.t = t->after.t = t;
	t->memory = si_expr_memory_create();
	/* here, so that they stay in this context when they grow */
	t->cap = FIRST_VALUES;
	t->out = si_alloc(sizeof(SiValue) * t->cap);
	t->times_cap = FIRST_ROWS;
	t->times = si_alloc(sizeof(int64) * t->times_cap);
	t->time.kind = SI_VALUE_LONG;
	/* the index has accepted the format */
	t->timestamps = si_timestamp_parser_create(spec->timestamp_format, spec->has_missing_value,
											   spec->missing_value, &why);
	si_timestamp_parser_name(t->timestamps, pstrdup(spec->timestamp_column));
	t->millis = si_timestamp_parser_create("millis", false, 0, &why);
	t->time_slot = si_fields_add(fields, spec->timestamp_column, strlen(spec->timestamp_column));

	create_metrics(t, spec, first_own);
	create_outputs(t, spec, first_own);
	t->filter = spec->filter;
	if (t->filter != NULL)
	{
		si_filter_bind(t->filter, slot_of, t);
		t->filter_reads_sql = si_filter_reads(t->filter, is_sql_slot, t);
	}
	for (int i = 0; i < spec->nexclusions; i++)
		hide_name(t, first_own, spec->exclusions[i]);
	for (int i = 0; i < spec->nmetrics; i++)
		hide_name(t, first_own, spec->metrics[i].name);

	t->nslots = si_fields_count(fields);
	t->slot_output = palloc(sizeof(int) * Max(t->nslots, 1));
	for (int s = 0; s < t->nslots; s++)
		t->slot_output[s] = -1;
	for (int i = 0; i < t->noutputs; i++)
		if (t->outputs[i].slot != SLOT_TIME)
			t->slot_output[t->outputs[i].slot] = i;
	return t;
}

/* -------------------------------------------------------------------- rows */

/* The time that the transforms give; false when it is none. */
static bool
row_time(SiTransform *t, int64 *ms, SiReason *why)
{
	const SiValue *v;
	SiValue		number = {0};

	if (t->time_output < 0)
	{
		*ms = t->time.u.i;
		return true;
	}
	if (!output_value(t, &t->outputs[t->time_output], &v, why))
		return false;
	switch (si_convert_metric_long(v, &number.u.i, SI_TIME_COLUMN, why))
	{
		case SI_CONVERT_OK:
			number.kind = SI_VALUE_LONG;
			return si_timestamp_parse(t->millis, &number, ms, why);
		case SI_CONVERT_NULL:
			return si_format_reason(why, "Could not transform value for %s reason: it is null", SI_TIME_COLUMN);
		default:
			return false;
	}
}

/* The input of a metric; missing for rows that its filter refuses, 0 for a count. */
static bool
metric_value(SiTransform *t, const MetricInput *m, SiValue *out, SiReason *why)
{
	int			truth = 1;
	const SiValue *v;
	SiReason	inner;

	if (m->spec->filter != NULL && !si_filter_test(m->spec->filter, t->memory, &t->after.row, &truth, &inner))
		return si_format_reason(why, "Could not filter for %s reason: %s", m->spec->name, inner.text);
	*out = missing;
	if (m->count)
	{
		out->kind = SI_VALUE_LONG;
		out->u.i = truth == 1;
	}
	else if (truth == 1 && m->spec->expr != NULL)
	{
		if (!si_expr_eval(m->spec->expr, t->memory, &t->after.row, out, &inner))
			return si_format_reason(why, "Could not evaluate expression for %s reason: %s", m->spec->name, inner.text);
	}
	else if (truth == 1)
	{
		if (!get_after(&t->after.row, m->source, &v, why))
			return false;
		*out = *v;
	}
	return true;
}

/*
 * Whether the field of a result's name is one that would be discovered: its
 * result is shown only then.
 */
static bool
is_shown(const SiTransform *t, const Output *o, const SiValue *field)
{
	if (field->kind == SI_VALUE_MISSING || field->kind == SI_VALUE_NULL)
		return false;
	return si_value_is_flat(field) || (si_fields_keeps_nested(t->fields, o->slot) && !o->nested);
}

/* A discovered result, which may be anything. */
static void
show(SiTransform *t, Output *o, const SiValue *v)
{
	if (si_value_is_flat(v) || si_fields_keeps_nested(t->fields, o->slot))
		return;
	si_fields_keep_nested(t->fields, o->slot);
	o->nested = true;
}

/* One row into out; *kept is false when the filter refused it. */
static bool
transform_row(SiTransform *t, SiValue *out, int64 *time, bool *kept, SiReason *why)
{
	int			truth = 1;
	const SiValue *v;

	for (int i = 0; i < t->noutputs; i++)
		t->outputs[i].state = OUTPUT_UNKNOWN;
	t->time.u.i = 0;
	if (!si_timestamp_parse(t->timestamps, &t->values[t->time_slot], &t->time.u.i, why))
		return false;
	*kept = false;
	if (t->filter != NULL && !si_filter_test(t->filter, t->memory, &t->after.row, &truth, why))
		return false;
	if (truth != 1)
		return true;
	if (!row_time(t, time, why))
		return false;
	memcpy(out, t->values, sizeof(SiValue) * t->nvalues);
	for (int i = 0; i < t->nmetrics; i++)
		if (!metric_value(t, &t->metrics[i], &out[t->metrics[i].slot], why))
			return false;
	for (int i = 0; i < t->noutputs; i++)
	{
		Output	   *o = &t->outputs[i];

		if (!o->wanted)
			continue;
		if (o->discovered && !is_shown(t, o, &out[o->slot]))
		{
			out[o->slot] = missing;
			continue;
		}
		if (!output_value(t, o, &v, why))
			return false;
		if (o->discovered)
			show(t, o, v);
		out[o->slot] = *v;
	}
	for (int i = 0; i < t->nhidden; i++)
		out[t->hidden[i]] = missing;
	*kept = true;
	return true;
}

static void
reserve(SiTransform *t, const SiRows *in)
{
	int64		values = (int64) in->nrows * in->stride;

	if (values > t->cap)
	{
		t->cap = (int) Min(values * 2, PG_INT32_MAX);
		t->out = si_realloc(t->out, sizeof(SiValue) * (Size) t->cap);
	}
	if (in->nrows > t->times_cap)
	{
		t->times_cap = in->nrows * 2;
		t->times = si_realloc(t->times, sizeof(int64) * (Size) t->times_cap);
	}
}

int
si_transform_nsql(const SiTransform *t)
{
	return t->nsql;
}

int
si_transform_slot(SiTransform *t, const char *name, int len)
{
	return slot_of(t, name, len);
}

bool
si_transform_probe(SiTransform *t, const SiRows *rows, int row, int64 *time)
{
	int			truth = 1;
	SiReason	why;

	t->values = rows->values + (Size) row * rows->stride;
	t->nvalues = rows->stride;
	for (int i = 0; i < t->noutputs; i++)
		t->outputs[i].state = OUTPUT_UNKNOWN;
	si_expr_memory_reset(t->memory);
	if (!si_timestamp_parse(t->timestamps, &t->values[t->time_slot], time, &why))
		return false;
	t->time.u.i = *time;
	if (t->filter == NULL || t->filter_reads_sql)
		return true;
	return si_filter_test(t->filter, t->memory, &t->after.row, &truth, &why) && truth == 1;
}

void
si_transform_give(SiTransform *t, const SiSqlResult *results)
{
	t->results = results;
}

bool
si_transform_rows(SiTransform *t, const SiRows *in, SiRows *out, int *filtered, SiReason *why)
{
	*out = *in;
	out->nrows = 0;
	*filtered = 0;
	reserve(t, in);
	si_expr_memory_reset(t->memory);
	for (int r = 0; r < in->nrows; r++)
	{
		bool		kept = false;

		t->values = in->values + (Size) r * in->stride;
		t->nvalues = in->stride;
		if (r > 0 && t->results != NULL)
			t->results += t->nsql;
		if (!transform_row(t, t->out + (Size) out->nrows * in->stride, &t->times[out->nrows], &kept, why))
		{
			if (!in->separate)
				return false;
			out->nbad++;
		}
		else if (kept)
			out->nrows++;
		else
			++*filtered;
	}
	out->values = t->out;
	out->times = t->times;
	return true;
}
