/*
 * filter.c
 *		Druid's filters: see filter.h.
 *
 * A value is compared by its text, as Druid's filters do while it ingests
 * (2.0 is "2.0", a boolean is "true"), unless the filter is one of numbers.
 *
 * To arrayContainsElement no value, an empty list, an object, and a list with
 * lists in it are unknown; a null in a list is a value that equals nothing,
 * null itself included.
 */
#include "common/port.h"

#include "expr/expr_int.h"
#include "expr/filter.h"
#include "format/jsonnode.h"
#include "format/number.h"

static int
compare_texts(const void *a, const void *b)
{
	const SiFilterText *x = a;
	const SiFilterText *y = b;

	return si_ordering_compare(SI_ORDER_LEXICOGRAPHIC, x->text, x->len, y->text, y->len);
}

bool
si_filter_prepare(SiFilter *f, SiReason *why)
{
	if (f->kind == SI_FILTER_IN)
		qsort(f->values, f->nvalues, sizeof(SiFilterText), compare_texts);
	if (f->kind == SI_FILTER_REGEX)
	{
		f->regex = si_regex_create(f->pattern.text, f->pattern.len, why);
		return f->regex != NULL;
	}
	return true;
}

static bool
has_dimension(const SiFilter *f)
{
	return f->kind >= SI_FILTER_NULL && f->kind != SI_FILTER_EXPRESSION;
}

void
si_filter_bind(SiFilter *f, int (*slot_of) (void *arg, const char *name, int len), void *arg)
{
	if (has_dimension(f))
		f->slot = slot_of(arg, f->dimension.text, f->dimension.len);
	if (f->expr != NULL)
		for (int i = 0; i < si_expr_nfields(f->expr); i++)
		{
			int			len;
			const char *name = si_expr_field(f->expr, i, &len);

			si_expr_bind(f->expr, i, slot_of(arg, name, len));
		}
	for (int i = 0; i < f->nfields; i++)
		si_filter_bind(f->fields[i], slot_of, arg);
}

bool
si_filter_reads(const SiFilter *f, bool (*is_wanted) (void *arg, int slot), void *arg)
{
	if (has_dimension(f) && is_wanted(arg, f->slot))
		return true;
	if (f->expr != NULL)
		for (int i = 0; i < si_expr_nfields(f->expr); i++)
			if (is_wanted(arg, si_expr_slot(f->expr, i)))
				return true;
	for (int i = 0; i < f->nfields; i++)
		if (si_filter_reads(f->fields[i], is_wanted, arg))
			return true;
	return false;
}

/* ------------------------------------------------------------- one element */

static bool
is_member(const SiFilter *f, const char *s, uint32 len)
{
	SiFilterText key = {(char *) s, len};

	return bsearch(&key, f->values, f->nvalues, sizeof(SiFilterText), compare_texts) != NULL;
}

static bool
in_bound(const SiFilter *f, const char *s, uint32 len)
{
	int			order;

	if (f->has_lower)
	{
		order = si_ordering_compare(f->ordering, s, len, f->lower.text, f->lower.len);
		if (order < 0 || (order == 0 && f->lower_strict))
			return false;
	}
	if (f->has_upper)
	{
		order = si_ordering_compare(f->ordering, s, len, f->upper.text, f->upper.len);
		if (order > 0 || (order == 0 && f->upper_strict))
			return false;
	}
	return true;
}

static bool
in_range(const SiFilter *f, double d)
{
	if (f->has_lower && (f->lower_strict ? !(d > f->lower_number) : !(d >= f->lower_number)))
		return false;
	return !f->has_upper || (f->upper_strict ? d < f->upper_number : d <= f->upper_number);
}

static bool
in_intervals(const SiFilter *f, const SiExprValue *v)
{
	int64		t;

	if (!si_expr_as_long(v, &t))
		return false;
	for (int i = 0; i < f->nintervals; i++)
		if (t >= f->starts[i] && t < f->ends[i])
			return true;
	return false;
}

/* 1, 0, -1 for a single value; -2 when it failed. */
static int
test_element(const SiFilter *f, SiEval *ev, const SiExprValue *v)
{
	const char *s = "";
	uint32		len = 0;
	double		d;

	if (f->kind == SI_FILTER_NULL)
		return v->isnull;
	if (f->element && v->isnull)
		return 0;
	if (f->kind == SI_FILTER_IN && v->isnull)
		return f->has_null ? 1 : f->nvalues > 0 ? -1 : 0;
	if (f->kind == SI_FILTER_IN && f->nvalues == 0)
		return 0;
	if (v->isnull && (f->kind == SI_FILTER_BOUND || f->kind == SI_FILTER_RANGE) && !f->has_lower && !f->has_upper)
		return 1;
	if (v->isnull)
		return -1;
	switch (f->kind)
	{
		case SI_FILTER_EQUALS:
			return si_expr_as_double(v, &d) && d == f->lower_number;
		case SI_FILTER_INTERVAL:
			return in_intervals(f, v);
		case SI_FILTER_RANGE:
			if (f->numeric)
				return si_expr_as_double(v, &d) && in_range(f, d);
			break;
		default:
			break;
	}
	if (!si_expr_as_text(ev, v, &s, &len))
		return -1;
	switch (f->kind)
	{
		case SI_FILTER_IN:
			return is_member(f, s, len);
		case SI_FILTER_BOUND:
		case SI_FILTER_RANGE:
			return in_bound(f, s, len);
		case SI_FILTER_LIKE:
			return si_like(s, len, f->pattern.text, f->pattern.len, f->escape);
		case SI_FILTER_REGEX:
			{
				int			found = si_regex_find(f->regex, s, len, ev->why);

				return found < 0 ? -2 : found;
			}
		default:
			return 0;
	}
}

/* A number that is no element of a list equals a text that is this number. */
static bool
equals_number(const SiFilter *f, const SiExprValue *v)
{
	double		d;

	return f->element && f->kind == SI_FILTER_IN && v->type == SI_EXPR_DOUBLE && !v->isnull && f->nvalues == 1 &&
		si_double_from_text(f->values[0].text, f->values[0].len, &d) && d == v->u.d;
}

/* What arrayContainsElement says without a look at the elements; 2 when it must look. */
static int
test_whole(const SiFilter *f, const SiValue *raw, const SiExprValue *v)
{
	if (raw->kind == SI_VALUE_OBJECT || !si_value_is_flat(raw) || v->isnull || (v->type == SI_EXPR_ARRAY && v->len == 0))
		return -1;
	if (f->kind == SI_FILTER_EQUALS && raw->kind == SI_VALUE_BOOL)
		return 0;
	return equals_number(f, v) ? 1 : 2;
}

/* Any element that matches is enough. */
static bool
test_field(const SiFilter *f, SiExprMemory *m, SiExprRow *row, int *truth, SiReason *why)
{
	SiEval		ev;
	const SiValue *raw;
	SiValue		computed;
	SiExprValue v;
	SiExprValue null = si_expr_null();

	ev.memory = m;
	ev.row = row;
	ev.why = why;
	if (f->expr != NULL ? !si_expr_eval(f->expr, m, row, &computed, why) : !row->get(row, f->slot, &raw, why))
		return false;
	if (f->expr != NULL)
		raw = &computed;
	if (raw->kind == SI_VALUE_BOOL && f->kind != SI_FILTER_EQUALS)
		v = raw->u.i ? si_expr_text("true", 4) : si_expr_text("false", 5);
	else
		si_expr_from_value(&ev, raw, &v);
	if (f->element && (*truth = test_whole(f, raw, &v)) != 2)
		return true;
	if (v.isnull || v.type != SI_EXPR_ARRAY || v.len == 0)
	{
		*truth = test_element(f, &ev, !v.isnull && v.type == SI_EXPR_ARRAY ? &null : &v);
		return *truth != -2;
	}
	*truth = 0;
	for (uint32 i = 0; i < v.len && *truth != 1; i++)
	{
		int			t = test_element(f, &ev, &v.u.items[i]);

		if (t == -2)
			return false;
		if (t != 0)
			*truth = t;
	}
	return true;
}

/* ------------------------------------------------------------------- trees */

/* A value that decides ends it; else unknown, when one was. */
static bool
test_list(const SiFilter *f, SiExprMemory *m, SiExprRow *row, int decides, int *truth, SiReason *why)
{
	int			result = 1 - decides;

	for (int i = 0; i < f->nfields; i++)
	{
		if (!si_filter_test(f->fields[i], m, row, truth, why))
			return false;
		if (*truth == decides)
			return true;
		if (*truth < 0)
			result = -1;
	}
	*truth = result;
	return true;
}

bool
si_filter_test(const SiFilter *f, SiExprMemory *m, SiExprRow *row, int *truth, SiReason *why)
{
	switch (f->kind)
	{
		case SI_FILTER_TRUE:
		case SI_FILTER_FALSE:
			*truth = f->kind == SI_FILTER_TRUE;
			return true;
		case SI_FILTER_AND:
			return test_list(f, m, row, 0, truth, why);
		case SI_FILTER_OR:
			return test_list(f, m, row, 1, truth, why);
		case SI_FILTER_NOT:
		case SI_FILTER_IS_TRUE:
		case SI_FILTER_IS_FALSE:
			if (!si_filter_test(f->fields[0], m, row, truth, why))
				return false;
			if (f->kind == SI_FILTER_IS_TRUE)
				*truth = *truth == 1;
			else if (f->kind == SI_FILTER_IS_FALSE)
				*truth = *truth == 0;
			else if (*truth >= 0)
				*truth = 1 - *truth;
			return true;
		case SI_FILTER_EXPRESSION:
			return si_expr_test(f->expr, m, row, truth, why);
		default:
			return test_field(f, m, row, truth, why);
	}
}
