/*
 * fn_regex.c
 *		Functions of expressions: regular expressions.  Patterns are literals,
 *		compiled with the expression.
 */
#include "common/port.h"

#include "expr/expr_int.h"

static bool
prepare_regex(SiExprNode *n, SiReason *why)
{
	if (!si_expr_is_literal_text(n->args[1]))
		return si_format_reason(why, "the pattern must be a literal");
	n->prepared = si_regex_create(n->args[1]->value.u.s, n->args[1]->value.len, why);
	return n->prepared != NULL;
}

static bool
prepare_extract(SiExprNode *n, SiReason *why)
{
	const SiExprNode *index = n->nargs == 3 ? n->args[2] : NULL;

	if (index != NULL && (index->kind != SI_NODE_CONST || index->value.isnull || index->value.type != SI_EXPR_LONG))
		return si_format_reason(why, "the index of the group must be a literal");
	if (!prepare_regex(n, why))
		return false;
	if (index != NULL && (index->value.u.i < 0 || index->value.u.i > si_regex_groups(n->prepared)))
		return si_format_reason(why, "the pattern has no group " INT64_FORMAT, index->value.u.i);
	return true;
}

static bool
fn_regexp_extract(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s;
	uint32		len;
	int			found;

	*out = si_expr_null();
	if (!si_expr_as_text(ev, &args[0], &s, &len))
		return true;
	found = si_regex_find(n->prepared, s, len, ev->why);
	if (found > 0)
		*out = si_regex_group(n->prepared, ev, n->nargs == 3 ? (int) args[2].u.i : 0);
	return found >= 0;
}

static bool
fn_regexp_like(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s;
	uint32		len;
	int			found;

	*out = si_expr_null();
	if (!si_expr_as_text(ev, &args[0], &s, &len))
		return true;
	found = si_regex_find(n->prepared, s, len, ev->why);
	*out = si_expr_bool(found > 0);
	return found >= 0;
}

static bool
fn_regexp_replace(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s,
			   *with;
	uint32		len,
				with_len;

	*out = si_expr_null();
	if (!si_expr_as_text(ev, &args[0], &s, &len) || !si_expr_as_text(ev, &args[2], &with, &with_len))
		return true;
	return si_regex_replace(n->prepared, ev, s, len, with, with_len, out);
}

/* As Java's split: empty texts at the end are left out. */
static bool
fn_string_to_array(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	const char *s;
	uint32		len;
	uint32		count = 0;
	uint32		cap = 8;
	SiExprValue *items = si_expr_items(ev, cap);
	int			from = 0;
	int			found;

	*out = si_expr_null();
	if (!si_expr_as_text(ev, &args[0], &s, &len))
		return true;
	for (found = si_regex_find(n->prepared, s, len, ev->why); found >= 0; found = si_regex_find_next(n->prepared, ev->why))
	{
		SiExprValue piece;
		int			before = from;

		if (count + 1 >= cap)
		{
			SiExprValue *more = si_expr_items(ev, cap * 2);

			memcpy(more, items, sizeof(SiExprValue) * count);
			items = more;
			cap *= 2;
		}
		if (found == 0)
		{
			items[count++] = si_regex_rest(n->prepared, ev, from);
			break;
		}
		piece = si_regex_before(n->prepared, ev, &from);
		/* an empty match at the very beginning separates nothing */
		if (from > before || piece.len > 0)
			items[count++] = piece;
	}
	if (found < 0)
		return false;
	while (count > 1 && items[count - 1].len == 0)
		count--;
	return si_expr_return(out, si_expr_array(items, count, SI_EXPR_STRING));
}

const SiExprFunction si_fn_regex[] = {
	{"regexp_extract", 2, 3, .call = fn_regexp_extract, .prepare = prepare_extract},
	{"regexp_like", 2, 2, .call = fn_regexp_like, .prepare = prepare_regex},
	{"regexp_replace", 3, 3, .call = fn_regexp_replace, .prepare = prepare_regex},
	{"string_to_array", 2, 2, .call = fn_string_to_array, .prepare = prepare_regex},
	{NULL}
};
