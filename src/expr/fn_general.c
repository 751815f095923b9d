/*
 * fn_general.c
 *		Functions of expressions: conditions, nulls, casts, greatest and least.
 */
#include "common/port.h"

#include "expr/expr_int.h"

static bool
fn_if(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	SiExprValue condition;

	return si_expr_node(ev, n->args[0], &condition) &&
		si_expr_node(ev, n->args[si_expr_as_bool(&condition) ? 1 : 2], out);
}

static bool
fn_coalesce(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	for (int i = 0; i < n->nargs; i++)
	{
		if (!si_expr_node(ev, n->args[i], out))
			return false;
		if (!out->isnull)
			return true;
	}
	return true;
}

static bool
fn_case_searched(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	for (int i = 0; i < n->nargs; i += 2)
	{
		SiExprValue condition;

		if (i + 1 == n->nargs)
			return si_expr_node(ev, n->args[i], out);
		if (!si_expr_node(ev, n->args[i], &condition))
			return false;
		if (si_expr_as_bool(&condition))
			return si_expr_node(ev, n->args[i + 1], out);
	}
	return si_expr_return(out, si_expr_null());
}

static bool
fn_case_simple(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	SiExprValue subject;

	if (!si_expr_node(ev, n->args[0], &subject))
		return false;
	for (int i = 1; i < n->nargs; i += 2)
	{
		SiExprValue value;
		int			order;

		if (i + 1 == n->nargs)
			return si_expr_node(ev, n->args[i], out);
		if (!si_expr_node(ev, n->args[i], &value))
			return false;
		if (!subject.isnull && !value.isnull && si_expr_compare(ev, &subject, &value, &order) && order == 0)
			return si_expr_node(ev, n->args[i + 1], out);
	}
	return si_expr_return(out, si_expr_null());
}

static bool
fn_isnull(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, si_expr_bool(args[0].isnull));
}

static bool
fn_notnull(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, si_expr_bool(!args[0].isnull));
}

static bool
fn_istrue(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, si_expr_bool(!args[0].isnull && si_expr_as_bool(&args[0])));
}

static bool
fn_isfalse(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, si_expr_bool(!args[0].isnull && !si_expr_as_bool(&args[0])));
}

static bool
fn_isnottrue(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, si_expr_bool(args[0].isnull || !si_expr_as_bool(&args[0])));
}

static bool
fn_isnotfalse(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, si_expr_bool(args[0].isnull || si_expr_as_bool(&args[0])));
}

static bool
distinct(SiEval *ev, const SiExprValue *args)
{
	int			order;

	if (args[0].isnull || args[1].isnull)
		return args[0].isnull != args[1].isnull;
	return !si_expr_compare(ev, &args[0], &args[1], &order) || order != 0;
}

static bool
fn_isdistinctfrom(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, si_expr_bool(distinct(ev, args)));
}

static bool
fn_notdistinctfrom(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, si_expr_bool(!distinct(ev, args)));
}

/* -------------------------------------------------------------------- cast */

typedef struct CastType
{
	bool		array;
	SiExprType	type;
} CastType;

static bool
prepare_cast(SiExprNode *n, SiReason *why)
{
	static const struct
	{
		const char *name;
		CastType	to;
	}			types[] =
	{
		{"STRING", {false, SI_EXPR_STRING}}, {"LONG", {false, SI_EXPR_LONG}},
		{"DOUBLE", {false, SI_EXPR_DOUBLE}}, {"FLOAT", {false, SI_EXPR_DOUBLE}},
		{"ARRAY<STRING>", {true, SI_EXPR_STRING}}, {"ARRAY<LONG>", {true, SI_EXPR_LONG}},
		{"ARRAY<DOUBLE>", {true, SI_EXPR_DOUBLE}}, {"STRING_ARRAY", {true, SI_EXPR_STRING}},
		{"LONG_ARRAY", {true, SI_EXPR_LONG}}, {"DOUBLE_ARRAY", {true, SI_EXPR_DOUBLE}}
	};
	char	   *name;

	if (!si_expr_is_literal_text(n->args[1]))
		return si_format_reason(why, "the type must be a literal such as 'LONG'");
	name = si_expr_literal(n->args[1]);
	for (int i = 0; i < lengthof(types); i++)
		if (pg_strcasecmp(types[i].name, name) == 0)
			n->prepared = (void *) &types[i].to;
	if (n->prepared == NULL)
		return si_format_reason(why, "there is no type \"%.*s\" to cast to; supported are STRING, LONG, DOUBLE and ARRAY of these",
								si_format_clip(name, strlen(name)), name);
	return true;
}

static bool
fn_cast(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const CastType *to = n->prepared;
	SiExprValue from = args[0];
	SiExprValue *items;

	if (!to->array)
	{
		if (!from.isnull && from.type == SI_EXPR_ARRAY && from.len > 1)
			return si_expr_fail(ev, "an array of %u elements cannot be cast to a single value", from.len);
		return si_expr_return(out, si_expr_cast(ev, &from, to->type));
	}
	from = si_expr_as_array(ev, &from);
	if (from.isnull || from.element == to->type)
		return si_expr_return(out, from);
	items = si_expr_items(ev, from.len);
	for (uint32 i = 0; i < from.len; i++)
		items[i] = si_expr_cast(ev, &from.u.items[i], to->type);
	return si_expr_return(out, si_expr_array(items, from.len, to->type));
}

/* ------------------------------------------------------ greatest and least */

static bool
extreme(SiEval *ev, const SiExprNode *n, const SiExprValue *args, int sign, SiExprValue *out)
{
	bool		any_string = false;
	bool		any_double = false;
	bool		any_long = false;
	SiExprType	type;

	for (int i = 0; i < n->nargs; i++)
	{
		if (args[i].isnull)
			continue;
		if (args[i].type == SI_EXPR_ARRAY || args[i].type == SI_EXPR_JSON)
			return si_expr_fail(ev, "function %s does not work on arrays and objects", n->fn->name);
		any_string |= args[i].type == SI_EXPR_STRING;
		any_double |= args[i].type == SI_EXPR_DOUBLE;
		any_long |= args[i].type == SI_EXPR_LONG;
	}
	type = any_string ? SI_EXPR_STRING : any_double ? SI_EXPR_DOUBLE : SI_EXPR_LONG;
	*out = si_expr_null();
	if (!any_string && !any_double && !any_long)
		return true;
	for (int i = 0; i < n->nargs; i++)
	{
		SiExprValue v = si_expr_cast(ev, &args[i], type);
		int			order = 0;

		if (args[i].isnull)
			continue;
		if (out->isnull || (si_expr_compare(ev, &v, out, &order) && order * sign > 0))
			*out = v;
	}
	return true;
}

static bool
fn_greatest(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return extreme(ev, n, args, 1, out);
}

static bool
fn_least(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return extreme(ev, n, args, -1, out);
}

const SiExprFunction si_fn_general[] = {
	{"cast", 2, 2, .call = fn_cast, .prepare = prepare_cast},
	{"coalesce", 1, -1, .lazy = fn_coalesce},
	{"if", 3, 3, .lazy = fn_if},
	{"nvl", 2, 2, .lazy = fn_coalesce},
	{"case_searched", 2, -1, .lazy = fn_case_searched},
	{"case_simple", 3, -1, .lazy = fn_case_simple},
	{"isnull", 1, 1, .call = fn_isnull},
	{"notnull", 1, 1, .call = fn_notnull},
	{"istrue", 1, 1, .call = fn_istrue},
	{"isfalse", 1, 1, .call = fn_isfalse},
	{"isnottrue", 1, 1, .call = fn_isnottrue},
	{"isnotfalse", 1, 1, .call = fn_isnotfalse},
	{"isdistinctfrom", 2, 2, .call = fn_isdistinctfrom},
	{"notdistinctfrom", 2, 2, .call = fn_notdistinctfrom},
	{"greatest", 0, -1, .call = fn_greatest},
	{"least", 0, -1, .call = fn_least},
	{"lookup", 2, 3, .why_not = "there are no lookups; a sql transform may call a function that reads a table"},
	{"bloom_filter_test", 2, 2, .why_not = "Druid's serialised bloom filters are not read"},
	{"bloom_filter", 1, -1, .why_not = "Druid's serialised bloom filters are not made"},
	{"sizeof", 1, 1, .why_not = "Druid has it for debugging only"},
	{NULL}
};
