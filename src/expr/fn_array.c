/*
 * fn_array.c
 *		Functions of expressions: arrays (of which a multi-value field is one)
 *		and the functions that apply a lambda to them.
 */
#include "common/port.h"

#include "common/int.h"
#include "expr/expr_int.h"

static bool
null_result(SiExprValue *out)
{
	return si_expr_return(out, si_expr_null());
}

/* Both null, or equal by Druid's comparison. */
static bool
same(SiEval *ev, const SiExprValue *a, const SiExprValue *b)
{
	int			order;

	if (a->isnull || b->isnull)
		return a->isnull && b->isnull;
	return si_expr_compare(ev, a, b, &order) && order == 0;
}

/* Position of an element, -1. */
static int64
find_element(SiEval *ev, const SiExprValue *array, const SiExprValue *v)
{
	for (uint32 i = 0; i < array->len; i++)
		if (same(ev, &array->u.items[i], v))
			return i;
	return -1;
}

static bool
fn_array(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiExprValue *items = si_expr_items(ev, n->nargs);
	SiExprType	element = SI_EXPR_STRING;

	for (int i = n->nargs - 1; i >= 0; i--)
		if (!args[i].isnull)
			element = args[i].type == SI_EXPR_ARRAY ? SI_EXPR_STRING : args[i].type;
	for (int i = 0; i < n->nargs; i++)
		items[i] = si_expr_cast(ev, &args[i], element);
	return si_expr_return(out, si_expr_array(items, n->nargs, element));
}

static bool
fn_array_length(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[0]);

	return si_expr_return(out, a.isnull ? si_expr_null() : si_expr_long(a.len));
}

static bool
element_at(SiEval *ev, const SiExprValue *args, int first, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[0]);
	int64		i;

	if (a.isnull || !si_expr_as_long(&args[1], &i) || i < first || i - first >= a.len)
		return null_result(out);
	return si_expr_return(out, a.u.items[i - first]);
}

static bool
fn_array_offset(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return element_at(ev, args, 0, out);
}

static bool
fn_array_ordinal(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return element_at(ev, args, 1, out);
}

static bool
position(SiEval *ev, const SiExprValue *args, int first, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[0]);
	int64		i = a.isnull ? -1 : find_element(ev, &a, &args[1]);

	return si_expr_return(out, i < 0 ? si_expr_null() : si_expr_long(i + first));
}

static bool
fn_array_offset_of(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return position(ev, args, 0, out);
}

static bool
fn_array_ordinal_of(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return position(ev, args, 1, out);
}

/* A scalar, or all elements of an array. */
static bool
fn_array_contains(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[0]);

	if (a.isnull)
		return null_result(out);
	if (args[1].isnull || args[1].type != SI_EXPR_ARRAY)
		return si_expr_return(out, si_expr_bool(find_element(ev, &a, &args[1]) >= 0));
	for (uint32 i = 0; i < args[1].len; i++)
		if (find_element(ev, &a, &args[1].u.items[i]) < 0)
			return si_expr_return(out, si_expr_bool(false));
	return si_expr_return(out, si_expr_bool(true));
}

static bool
fn_array_overlap(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[0]);
	SiExprValue b = si_expr_as_array(ev, &args[1]);

	if (a.isnull)
		return null_result(out);
	for (uint32 i = 0; !b.isnull && i < b.len; i++)
		if (find_element(ev, &a, &b.u.items[i]) >= 0)
			return si_expr_return(out, si_expr_bool(true));
	return si_expr_return(out, si_expr_bool(false));
}

static bool
fn_scalar_in_array(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[1]);

	if (a.isnull)
		return null_result(out);
	if (find_element(ev, &a, &args[0]) >= 0)
		return si_expr_return(out, si_expr_bool(true));
	return args[0].isnull ? null_result(out) : si_expr_return(out, si_expr_bool(false));
}

/* Sorts in place: nulls first, then by Druid's comparison. */
static void
sort_items(SiEval *ev, SiExprValue *items, uint32 n)
{
	for (uint32 gap = n / 2; gap > 0; gap /= 2)
		for (uint32 i = gap; i < n; i++)
		{
			SiExprValue v = items[i];
			uint32		j = i;

			for (; j >= gap; j -= gap)
			{
				const SiExprValue *before = &items[j - gap];
				int			order = 0;

				if (before->isnull || (!v.isnull && (!si_expr_compare(ev, before, &v, &order) || order <= 0)))
					break;
				items[j] = *before;
			}
			items[j] = v;
		}
}

/* Elements of a, then of b, cast to a's type; unique (and sorted) when asked. */
static bool
join(SiEval *ev, const SiExprValue *a, const SiExprValue *b, SiExprType element, bool unique, SiExprValue *out)
{
	SiExprValue *items = si_expr_items(ev, a->len + b->len);
	SiExprValue result = si_expr_array(items, 0, element);

	for (uint32 i = 0; i < a->len + b->len; i++)
	{
		const SiExprValue *from = i < a->len ? &a->u.items[i] : &b->u.items[i - a->len];
		SiExprValue v = si_expr_cast(ev, from, element);

		if (unique && find_element(ev, &result, &v) >= 0)
			continue;
		items[result.len++] = v;
	}
	if (unique)
		sort_items(ev, items, result.len);
	return si_expr_return(out, result);
}

/* One element, null included. */
static SiExprValue
single(SiEval *ev, const SiExprValue *v)
{
	SiExprValue *item = si_expr_items(ev, 1);

	*item = *v;
	return si_expr_array(item, 1, v->type == SI_EXPR_ARRAY ? SI_EXPR_STRING : v->type);
}

static bool
fn_array_append(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[0]);
	SiExprValue b = single(ev, &args[1]);

	return a.isnull ? null_result(out) : join(ev, &a, &b, a.element, false, out);
}

static bool
fn_array_prepend(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[1]);
	SiExprValue b = single(ev, &args[0]);

	return a.isnull ? null_result(out) : join(ev, &b, &a, a.element, false, out);
}

static bool
concat(SiEval *ev, const SiExprValue *args, bool unique, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[0]);
	SiExprValue b = si_expr_as_array(ev, &args[1]);

	if (a.isnull || b.isnull)
		return null_result(out);
	return join(ev, &a, &b, a.element, unique, out);
}

static bool
fn_array_concat(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return concat(ev, args, false, out);
}

static bool
fn_array_set_add_all(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return concat(ev, args, true, out);
}

static bool
fn_array_set_add(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[0]);
	SiExprValue b = single(ev, &args[1]);

	return a.isnull ? null_result(out) : join(ev, &a, &b, a.element, true, out);
}

static bool
fn_array_slice(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[0]);
	int64		start;
	int64		end;

	if (a.isnull || !si_expr_as_long(&args[1], &start))
		return null_result(out);
	end = a.len;
	if (n->nargs == 3 && !si_expr_as_long(&args[2], &end))
		return null_result(out);
	if (start < 0 || start > a.len || start > end)
		return null_result(out);
	/* beyond its end an array has nulls, as Java's copyOfRange */
	if (end > a.len)
	{
		SiExprValue *items;

		if (end - start > SI_EXPR_MAX_TEXT / (int64) sizeof(SiExprValue))
			return si_expr_fail(ev, "the array would be too long");
		items = si_expr_items(ev, (uint32) (end - start));
		for (int64 i = start; i < end; i++)
			items[i - start] = i < a.len ? a.u.items[i] : si_expr_null();
		return si_expr_return(out, si_expr_array(items, (uint32) (end - start), a.element));
	}
	return si_expr_return(out, si_expr_array(a.u.items + start, (uint32) (end - start), a.element));
}

static bool
fn_array_to_string(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	SiExprValue a = si_expr_as_array(ev, &args[0]);
	const char *separator = "";
	uint32		separator_len = 0;
	uint64		total = 0;
	char	   *text;
	char	   *p;

	if (a.isnull)
		return null_result(out);
	(void) si_expr_as_text(ev, &args[1], &separator, &separator_len);
	for (int pass = 0; pass < 2; pass++)
	{
		text = p = pass == 0 ? NULL : si_expr_alloc(ev->memory, total + 1);
		for (uint32 i = 0; i < a.len; i++)
		{
			const char *s = "null";
			uint32		len = 4;

			(void) si_expr_as_text(ev, &a.u.items[i], &s, &len);
			if (pass == 0)
			{
				total += (uint64) len + (i > 0 ? separator_len : 0);
				continue;
			}
			if (i > 0)
			{
				memcpy(p, separator, separator_len);
				p += separator_len;
			}
			memcpy(p, s, len);
			p += len;
		}
		if (total > SI_EXPR_MAX_TEXT)
			return si_expr_fail(ev, "the text would be longer than %d bytes", SI_EXPR_MAX_TEXT);
	}
	return si_expr_return(out, si_expr_text(text, total));
}

/* mv_to_array, array_to_mv: a multi-value field is an array here already. */
static bool
fn_as_array(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, si_expr_as_array(ev, &args[0]));
}

static bool
fn_array_to_mv(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, args[0]);
}

/* ----------------------------------------------------------------- lambdas */

/* The array that a lambda is applied to; false when it cannot be evaluated. */
static bool
lambda_input(SiEval *ev, const SiExprNode *n, SiExprValue *array)
{
	SiExprValue v;

	if (!si_expr_node(ev, n->args[0], &v))
		return false;
	*array = si_expr_as_array(ev, &v);
	return true;
}

static bool
apply(SiEval *ev, const SiExprNode *n, const SiExprValue *element, SiExprValue *out)
{
	ev->locals[n->first_local] = *element;
	return si_expr_step(ev) && si_expr_node(ev, n->lambda, out);
}

/* What a lambda gave, as an array of the type of the first that is not null. */
static SiExprValue
array_of_results(SiEval *ev, SiExprValue *items, uint32 n)
{
	SiExprType	element = SI_EXPR_STRING;

	for (uint32 i = n; i > 0; i--)
		if (!items[i - 1].isnull)
			element = items[i - 1].type == SI_EXPR_ARRAY ? SI_EXPR_STRING : items[i - 1].type;
	for (uint32 i = 0; i < n; i++)
		items[i] = si_expr_cast(ev, &items[i], element);
	return si_expr_array(items, n, element);
}

static bool
fn_map(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	SiExprValue a;
	SiExprValue *items;

	if (!lambda_input(ev, n, &a))
		return false;
	if (a.isnull)
		return null_result(out);
	items = si_expr_items(ev, a.len);
	for (uint32 i = 0; i < a.len; i++)
		if (!apply(ev, n, &a.u.items[i], &items[i]))
			return false;
	return si_expr_return(out, array_of_results(ev, items, a.len));
}

static bool
fn_filter(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	SiExprValue a;
	SiExprValue *items;
	uint32		kept = 0;

	if (!lambda_input(ev, n, &a))
		return false;
	if (a.isnull)
		return null_result(out);
	items = si_expr_items(ev, a.len);
	for (uint32 i = 0; i < a.len; i++)
	{
		SiExprValue yes;

		if (!apply(ev, n, &a.u.items[i], &yes))
			return false;
		if (si_expr_as_bool(&yes))
			items[kept++] = a.u.items[i];
	}
	/* an array without elements is null here, as Druid has it */
	return kept == 0 ? null_result(out) : si_expr_return(out, si_expr_array(items, kept, a.element));
}

static bool
fn_fold(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	SiExprValue a;

	if (!lambda_input(ev, n, &a) || !si_expr_node(ev, n->args[1], out))
		return false;
	if (a.isnull)
		return null_result(out);
	for (uint32 i = 0; i < a.len; i++)
	{
		ev->locals[n->first_local + 1] = *out;
		if (!apply(ev, n, &a.u.items[i], out))
			return false;
	}
	return true;
}

/* any: stops at the first that matches; all: at the first that does not. */
static bool
quantify(SiEval *ev, const SiExprNode *n, bool stop_at, SiExprValue *out)
{
	SiExprValue a;

	if (!lambda_input(ev, n, &a))
		return false;
	for (uint32 i = 0; !a.isnull && i < a.len; i++)
	{
		SiExprValue yes;

		if (!apply(ev, n, &a.u.items[i], &yes))
			return false;
		if (si_expr_as_bool(&yes) == stop_at)
			return si_expr_return(out, si_expr_bool(stop_at));
	}
	return si_expr_return(out, si_expr_bool(!stop_at && !a.isnull));
}

static bool
fn_any(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	return quantify(ev, n, true, out);
}

static bool
fn_all(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	return quantify(ev, n, false, out);
}

/* The lambda has an argument for each array, and fold one for what it gathers. */
static bool
prepare_cartesian(SiExprNode *n, SiReason *why)
{
	if (n->nlocals != n->nargs)
		return si_format_reason(why, "the lambda needs %d arguments", n->nargs);
	return true;
}

/* The arrays; *total is the number of combinations, 0 when one of them is null. */
static bool
cartesian_input(SiEval *ev, const SiExprNode *n, int narrays, SiExprValue **arrays, int64 *total)
{
	*arrays = si_expr_items(ev, narrays);
	*total = 1;
	for (int i = 0; i < narrays; i++)
	{
		SiExprValue v;

		if (!si_expr_node(ev, n->args[i], &v))
			return false;
		(*arrays)[i] = si_expr_as_array(ev, &v);
		if ((*arrays)[i].isnull)
			*total = 0;
		else if (pg_mul_s64_overflow(*total, (*arrays)[i].len, total) || *total > SI_EXPR_MAX_STEPS)
			return si_expr_fail(ev, "more than %d calls of lambdas are needed", SI_EXPR_MAX_STEPS);
	}
	return true;
}

/* Combination i, the last array the fastest, and the lambda's value for it. */
static bool
apply_combination(SiEval *ev, const SiExprNode *n, const SiExprValue *arrays, int narrays, int64 i, SiExprValue *out)
{
	for (int k = narrays - 1; k >= 0; k--)
	{
		ev->locals[n->first_local + k] = arrays[k].u.items[i % arrays[k].len];
		i /= arrays[k].len;
	}
	return si_expr_step(ev) && si_expr_node(ev, n->lambda, out);
}

static bool
fn_cartesian_map(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	SiExprValue *arrays;
	SiExprValue *items;
	int64		total;

	if (!cartesian_input(ev, n, n->nargs, &arrays, &total))
		return false;
	if (total == 0)
		return null_result(out);
	items = si_expr_items(ev, (uint32) total);
	for (int64 i = 0; i < total; i++)
		if (!apply_combination(ev, n, arrays, n->nargs, i, &items[i]))
			return false;
	return si_expr_return(out, array_of_results(ev, items, (uint32) total));
}

static bool
fn_cartesian_fold(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	int			narrays = n->nargs - 1;
	SiExprValue *arrays;
	int64		total;

	if (!cartesian_input(ev, n, narrays, &arrays, &total) || !si_expr_node(ev, n->args[narrays], out))
		return false;
	if (total == 0)
		return null_result(out);
	for (int64 i = 0; i < total; i++)
	{
		ev->locals[n->first_local + narrays] = *out;
		if (!apply_combination(ev, n, arrays, narrays, i, out))
			return false;
	}
	return true;
}

const SiExprFunction si_fn_array[] = {
	{"array", 0, -1, .call = fn_array},
	{"array_length", 1, 1, .call = fn_array_length},
	{"array_offset", 2, 2, .call = fn_array_offset},
	{"array_ordinal", 2, 2, .call = fn_array_ordinal},
	{"array_offset_of", 2, 2, .call = fn_array_offset_of},
	{"array_ordinal_of", 2, 2, .call = fn_array_ordinal_of},
	{"array_contains", 2, 2, .call = fn_array_contains},
	{"array_overlap", 2, 2, .call = fn_array_overlap},
	{"scalar_in_array", 2, 2, .call = fn_scalar_in_array},
	{"array_append", 2, 2, .call = fn_array_append},
	{"array_prepend", 2, 2, .call = fn_array_prepend},
	{"array_concat", 2, 2, .call = fn_array_concat},
	{"array_set_add", 2, 2, .call = fn_array_set_add},
	{"array_set_add_all", 2, 2, .call = fn_array_set_add_all},
	{"array_slice", 2, 3, .call = fn_array_slice},
	{"array_to_string", 2, 2, .call = fn_array_to_string},
	{"mv_to_array", 1, 1, .call = fn_as_array},
	{"array_to_mv", 1, 1, .call = fn_array_to_mv},
	{"mv_harmonize_nulls", 1, 1, .call = fn_as_array},
	{"map", 1, 1, .lazy = fn_map, .lambda = 1},
	{"filter", 1, 1, .lazy = fn_filter, .lambda = 1},
	{"fold", 2, 2, .lazy = fn_fold, .lambda = 2},
	{"any", 1, 1, .lazy = fn_any, .lambda = 1},
	{"all", 1, 1, .lazy = fn_all, .lambda = 1},
	{"cartesian_map", 2, -1, .lazy = fn_cartesian_map, .prepare = prepare_cartesian, .lambda = -1},
	{"cartesian_fold", 3, -1, .lazy = fn_cartesian_fold, .prepare = prepare_cartesian, .lambda = -1},
	{NULL}
};
