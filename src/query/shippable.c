/*
 * shippable.c
 *		Classification of conditions (the forms and reasons are in
 *		shippable.h).  Looks at expressions only; used by the planner to
 *		decide and by the executor to take the decided condition apart again.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "query/columns.h"
#include "query/shippable.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* A plain column of the relation, of one of our types. */
static bool
is_column(Node *node, Index relid, Var **var)
{
	Var		   *v = (Var *) node;

	if (!IsA(node, Var) || v->varno != relid || v->varlevelsup != 0 || v->varattno <= 0 ||
		si_type_of(v->vartype) == 0)
		return false;
	*var = v;
	return true;
}

/* An expression that has one value for a whole scan. */
static bool
is_value(Node *node)
{
	return !contain_var_clause(node) &&
		!contain_volatile_functions(node) &&
		!contain_subplans(node);
}

/*
 * numeric_family returns the btree operator family in which a column type and
 * a value type are compared exactly through keys, InvalidOid when there is
 * none.
 */
static Oid
numeric_family(Oid column, Oid value)
{
	bool		exact;

	switch (column)
	{
		case INT8OID:
			exact = value == INT8OID || value == INT4OID || value == INT2OID;
			break;
		case FLOAT4OID:
		case FLOAT8OID:
			exact = value == FLOAT4OID || value == FLOAT8OID;
			break;
		case TIMESTAMPTZOID:
			exact = value == TIMESTAMPTZOID || value == TIMESTAMPOID || value == DATEOID;
			break;
		default:
			exact = false;
			break;
	}
	return exact ? lookup_type_cache(column, TYPECACHE_BTREE_OPFAMILY)->btree_opf : InvalidOid;
}

/* Strategy of an operator in a family; <> counts as = with *negate. */
static int
strategy_of(Oid opno, Oid family, bool *negate)
{
	int			strategy = get_op_opfamily_strategy(opno, family);

	*negate = false;
	if (strategy == 0)
	{
		Oid			negator = get_negator(opno);

		if (OidIsValid(negator))
			strategy = get_op_opfamily_strategy(negator, family);
		/* only = has a negator that is not in the family itself */
		*negate = strategy == BTEqualStrategyNumber;
		if (!*negate)
			strategy = 0;
	}
	return strategy;
}

/* column operator value, or the other way round */
static bool
match_comparison(OpExpr *op, Index relid, SiPush *push)
{
	Node	   *left,
			   *right;
	Var		   *var;
	Oid			opno = op->opno;
	Oid			family;

	if (list_length(op->args) != 2)
		return false;
	left = linitial(op->args);
	right = lsecond(op->args);
	if (!is_column(left, relid, &var))
	{
		Node	   *swap = left;

		left = right;
		right = swap;
		opno = get_commutator(opno);
		if (!OidIsValid(opno) || !is_column(left, relid, &var))
			return false;
	}
	if (!is_value(right))
		return false;

	push->attno = var->varattno;
	push->value = (Expr *) right;
	push->value_type = exprType(right);
	push->value_is_array = false;

	if (opno == TextEqualOperator && push->value_type == TEXTOID)
	{
		if (!get_collation_isdeterministic(op->inputcollid))
			return false;
		push->kind = SI_PUSH_STRINGS;
		return true;
	}
	family = numeric_family(var->vartype, push->value_type);
	if (!OidIsValid(family))
		return false;
	push->strategy = strategy_of(opno, family, &push->negate);
	push->kind = SI_PUSH_RANGE;
	return push->strategy != 0;
}

/* column = ANY (array) */
static bool
match_any(ScalarArrayOpExpr *op, Index relid, SiPush *push)
{
	Var		   *var;
	Node	   *array = lsecond(op->args);
	Oid			family;
	bool		negate;

	if (!op->useOr || !is_column(linitial(op->args), relid, &var) || !is_value(array))
		return false;

	push->attno = var->varattno;
	push->value = (Expr *) array;
	push->value_type = get_element_type(exprType(array));
	push->value_is_array = true;

	if (op->opno == TextEqualOperator && push->value_type == TEXTOID)
	{
		if (!get_collation_isdeterministic(op->inputcollid))
			return false;
		push->kind = SI_PUSH_STRINGS;
		return true;
	}
	family = numeric_family(var->vartype, push->value_type);
	push->kind = SI_PUSH_KEYS;
	return OidIsValid(family) &&
		strategy_of(op->opno, family, &negate) == BTEqualStrategyNumber && !negate;
}

/* The only column of the condition, when that is a text column. */
static bool
match_one_text_column(Expr *clause, Index relid, SiPush *push)
{
	List	   *vars = pull_var_clause((Node *) clause, PVC_RECURSE_AGGREGATES |
											   PVC_RECURSE_WINDOWFUNCS | PVC_RECURSE_PLACEHOLDERS);
	ListCell   *lc;

	push->attno = InvalidAttrNumber;
	foreach(lc, vars)
	{
		Var		   *var;

		if (!is_column(lfirst(lc), relid, &var) || var->vartype != TEXTOID)
			return false;
		if (push->attno != InvalidAttrNumber && push->attno != var->varattno)
			return false;
		push->attno = var->varattno;
	}
	push->kind = SI_PUSH_DICT;
	return push->attno != InvalidAttrNumber &&
		!contain_volatile_functions((Node *) clause) &&
		!contain_subplans((Node *) clause);
}

SiPushKind
si_shippable(Expr *clause, Index relid, SiPush *push)
{
	Var		   *var;

	memset(push, 0, sizeof(*push));
	push->clause = clause;

	if (IsA(clause, OpExpr) && match_comparison((OpExpr *) clause, relid, push))
		return push->kind;
	if (IsA(clause, ScalarArrayOpExpr) && match_any((ScalarArrayOpExpr *) clause, relid, push))
		return push->kind;
	if (IsA(clause, NullTest) && !((NullTest *) clause)->argisrow &&
		is_column((Node *) ((NullTest *) clause)->arg, relid, &var))
	{
		push->attno = var->varattno;
		push->negate = ((NullTest *) clause)->nulltesttype == IS_NOT_NULL;
		push->kind = SI_PUSH_NULLTEST;
		return push->kind;
	}
	if (match_one_text_column(clause, relid, push))
		return push->kind;
	push->kind = SI_PUSH_NONE;
	return push->kind;
}
