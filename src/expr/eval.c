/*
 * eval.c
 *		Evaluation of compiled expressions: fields, operators, calls; and the
 *		memory that results live in.
 *
 * Operators follow Druid with SQL-compatible nulls: null in, null out; two
 * texts are compared and joined as texts, two longs stay longs, everything
 * else is a double; integers wrap around.
 */
#include "common/port.h"

#include <math.h>

#include "expr/tree.h"
#include "format/number.h"
#ifndef FRONTEND
#include "miscadmin.h"
#endif

#define FIRST_BLOCK		(16 * 1024)
/* Calls with more arguments keep them in the evaluation's memory. */
#define STACK_ARGS		6

typedef struct ExprField
{
	char	   *name;
	int			len;
	int			slot;
} ExprField;

struct SiExpr
{
	SiExprNode *root;
	int			nfields;
	int			cap;
	ExprField  *fields;
};

/* ------------------------------------------------------------------ memory */

typedef struct Block
{
	struct Block *next;			/* older ones */
	size_t		size;
	size_t		used;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} Block;

struct SiExprMemory
{
#ifndef FRONTEND
	MemoryContext context;
#endif
	Block	   *block;			/* the newest, and the largest */
	size_t		total;			/* handed out since the reset */
};

static Block *
new_block(SiExprMemory *m, size_t size, Block *next)
{
	Block	   *b;
#ifndef FRONTEND
	MemoryContext old = MemoryContextSwitchTo(m->context);

	b = si_alloc(offsetof(Block, data) + size);
	MemoryContextSwitchTo(old);
#else
	b = si_alloc(offsetof(Block, data) + size);
#endif
	b->next = next;
	b->size = size;
	b->used = 0;
	return b;
}

SiExprMemory *
si_expr_memory_create(void)
{
	SiExprMemory *m = palloc0(sizeof(SiExprMemory));

#ifndef FRONTEND
	m->context = CurrentMemoryContext;
#endif
	m->block = new_block(m, FIRST_BLOCK, NULL);
	return m;
}

void
si_expr_memory_reset(SiExprMemory *m)
{
	while (m->block->next != NULL)
	{
		Block	   *older = m->block->next;

		m->block->next = older->next;
		pfree(older);
	}
	/* what one huge message took is given back */
	if (m->block->size > 64 * FIRST_BLOCK)
	{
		pfree(m->block);
		m->block = new_block(m, FIRST_BLOCK, NULL);
	}
	m->block->used = 0;
	m->total = 0;
}

void *
si_expr_alloc(SiExprMemory *m, size_t size)
{
	void	   *p;

	size = MAXALIGN(size);
	m->total += size;
	if (m->block->used + size > m->block->size)
		m->block = new_block(m, Max(size, m->block->size * 2), m->block);
	p = m->block->data + m->block->used;
	m->block->used += size;
	return p;
}

/* -------------------------------------------------------------- expression */

SiExpr *
si_expr_create(void)
{
	return palloc0(sizeof(SiExpr));
}

int
si_expr_add_field(SiExpr *e, const char *name, int len)
{
	for (int i = 0; i < e->nfields; i++)
		if (e->fields[i].len == len && memcmp(e->fields[i].name, name, len) == 0)
			return i;
	if (e->nfields == e->cap)
	{
		e->cap = Max(8, e->cap * 2);
		e->fields = e->fields ? repalloc(e->fields, sizeof(ExprField) * e->cap) : palloc(sizeof(ExprField) * e->cap);
	}
	e->fields[e->nfields].name = palloc(len + 1);
	memcpy(e->fields[e->nfields].name, name, len);
	e->fields[e->nfields].name[len] = '\0';
	e->fields[e->nfields].len = len;
	e->fields[e->nfields].slot = e->nfields;
	return e->nfields++;
}

/* Fields are bound after compiling, so nodes carry the slots. */
static void
set_slots(const SiExpr *e, SiExprNode *n)
{
	if (n->kind == SI_NODE_FIELD)
		n->slot = e->fields[n->index].slot;
	for (int i = 0; i < n->nargs; i++)
		set_slots(e, n->args[i]);
	if (n->lambda != NULL)
		set_slots(e, n->lambda);
}

void
si_expr_set_root(SiExpr *e, SiExprNode *root)
{
	e->root = root;
	set_slots(e, root);
}

int
si_expr_nfields(const SiExpr *e)
{
	return e->nfields;
}

const char *
si_expr_field(const SiExpr *e, int i, int *len)
{
	*len = e->fields[i].len;
	return e->fields[i].name;
}

int
si_expr_slot(const SiExpr *e, int i)
{
	return e->fields[i].slot;
}

void
si_expr_bind(SiExpr *e, int i, int slot)
{
	e->fields[i].slot = slot;
	set_slots(e, e->root);
}

/* --------------------------------------------------------------- operators */

SiExprType
si_expr_common_type(const SiExprValue *a, const SiExprValue *b)
{
	SiExprType	x = a->isnull ? b->type : a->type;
	SiExprType	y = b->isnull ? a->type : b->type;

	if (x == y && (x == SI_EXPR_STRING || x == SI_EXPR_LONG))
		return x;
	if ((x == SI_EXPR_JSON || x == SI_EXPR_ARRAY) && (y == SI_EXPR_JSON || y == SI_EXPR_ARRAY || y == SI_EXPR_STRING))
		return SI_EXPR_STRING;
	if ((y == SI_EXPR_JSON || y == SI_EXPR_ARRAY) && x == SI_EXPR_STRING)
		return SI_EXPR_STRING;
	return SI_EXPR_DOUBLE;
}

/* Doubles as Java orders them: NaN is above everything and equals itself. */
static int
compare_doubles(double a, double b)
{
	if (isnan(a) || isnan(b))
		return (int) isnan(a) - (int) isnan(b);
	return (a > b) - (a < b);
}

bool
si_expr_compare(SiEval *ev, const SiExprValue *a, const SiExprValue *b, int *order)
{
	double		x,
				y;

	switch (si_expr_common_type(a, b))
	{
		case SI_EXPR_STRING:
			{
				const char *s,
						   *t;
				uint32		n,
							m;

				if (!si_expr_as_text(ev, a, &s, &n) || !si_expr_as_text(ev, b, &t, &m))
					return false;
				*order = memcmp(s, t, Min(n, m));
				if (*order == 0)
					*order = (n > m) - (n < m);
				return true;
			}
		case SI_EXPR_LONG:
			*order = (a->u.i > b->u.i) - (a->u.i < b->u.i);
			return true;
		default:
			if (!si_expr_as_double(a, &x) || !si_expr_as_double(b, &y))
				return false;
			*order = compare_doubles(x, y);
			return true;
	}
}

static bool
compare(SiEval *ev, SiExprOp op, const SiExprValue *a, const SiExprValue *b, SiExprValue *out)
{
	int			order;
	bool		nan = (a->type == SI_EXPR_DOUBLE && isnan(a->u.d)) || (b->type == SI_EXPR_DOUBLE && isnan(b->u.d));

	if (!si_expr_compare(ev, a, b, &order))
		return si_expr_return(out, si_expr_null());
	/* in the order of doubles NaN has its place, but it equals nothing */
	if (nan && op >= SI_OP_EQ && order == 0)
		return si_expr_return(out, si_expr_bool(op == SI_OP_NE));
	return si_expr_return(out, si_expr_bool(op == SI_OP_LT ? order < 0 : op == SI_OP_LE ? order <= 0 :
											op == SI_OP_GT ? order > 0 : op == SI_OP_GE ? order >= 0 :
											op == SI_OP_EQ ? order == 0 : order != 0));
}

static bool
long_power(SiEval *ev, int64 base, int64 exponent, int64 *result)
{
	uint64		r = 1;
	uint64		b = (uint64) base;

	if (exponent < 0)
		return si_expr_fail(ev, "the exponent of integers must not be negative: " INT64_FORMAT, exponent);
	for (; exponent > 0; exponent >>= 1, b *= b)
		if (exponent & 1)
			r *= b;
	*result = (int64) r;
	return true;
}

static bool
long_arithmetic(SiEval *ev, SiExprOp op, int64 a, int64 b, SiExprValue *out)
{
	*out = si_expr_long(0);
	switch (op)
	{
		case SI_OP_ADD:
			out->u.i = (int64) ((uint64) a + (uint64) b);
			return true;
		case SI_OP_SUB:
			out->u.i = (int64) ((uint64) a - (uint64) b);
			return true;
		case SI_OP_MUL:
			out->u.i = (int64) ((uint64) a * (uint64) b);
			return true;
		case SI_OP_POW:
			return long_power(ev, a, b, &out->u.i);
		default:
			if (b == 0)
				return si_expr_fail(ev, "division by zero");
			if (b == -1)
				out->u.i = op == SI_OP_DIV ? (int64) (0 - (uint64) a) : 0;
			else
				out->u.i = op == SI_OP_DIV ? a / b : a % b;
			return true;
	}
}

static SiExprValue
double_arithmetic(SiExprOp op, double a, double b)
{
	switch (op)
	{
		case SI_OP_ADD:
			return si_expr_double(a + b);
		case SI_OP_SUB:
			return si_expr_double(a - b);
		case SI_OP_MUL:
			return si_expr_double(a * b);
		case SI_OP_DIV:
			/* as IEEE has it: a number by zero is infinite */
			if (b == 0)
				return si_expr_double(a == 0 || isnan(a) ? NAN : (signbit(a) != signbit(b)) ? -INFINITY : INFINITY);
			return si_expr_double(a / b);
		case SI_OP_MOD:
			return si_expr_double(fmod(a, b));
		default:
			return si_expr_double(pow(a, b));
	}
}

static bool
join_texts(SiEval *ev, const SiExprValue *a, const SiExprValue *b, SiExprValue *out)
{
	const char *s = "",
			   *t = "";
	uint32		n = 0,
				m = 0;
	char	   *joined;

	(void) si_expr_as_text(ev, a, &s, &n);
	(void) si_expr_as_text(ev, b, &t, &m);
	if ((uint64) n + m > SI_EXPR_MAX_TEXT)
		return si_expr_fail(ev, "the text would be longer than %d bytes", SI_EXPR_MAX_TEXT);
	joined = si_expr_alloc(ev->memory, n + m + 1);
	memcpy(joined, s, n);
	memcpy(joined + n, t, m);
	return si_expr_return(out, si_expr_text(joined, n + m));
}

static bool
arithmetic(SiEval *ev, SiExprOp op, const SiExprValue *a, const SiExprValue *b, SiExprValue *out)
{
	static const char *const signs[] = {"+", "-", "*", "/", "%", "^"};
	double		x,
				y;

	switch (si_expr_common_type(a, b))
	{
		case SI_EXPR_STRING:
			if (op == SI_OP_ADD)
				return join_texts(ev, a, b, out);
			return si_expr_fail(ev, "operator %s does not work on two texts: cast one to LONG or DOUBLE", signs[op - SI_OP_ADD]);
		case SI_EXPR_LONG:
			return long_arithmetic(ev, op, a->u.i, b->u.i, out);
		default:
			if (!si_expr_as_double(a, &x) || !si_expr_as_double(b, &y))
				return si_expr_return(out, si_expr_null());
			return si_expr_return(out, double_arithmetic(op, x, y));
	}
}

/* Three-valued: the right side is not looked at when the left one decides. */
static bool
logical(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	bool		decides = n->op == SI_OP_OR;
	SiExprValue a,
				b;

	if (!si_expr_node(ev, n->args[0], &a))
		return false;
	if (!a.isnull && si_expr_as_bool(&a) == decides)
		return si_expr_return(out, si_expr_bool(decides));
	if (!si_expr_node(ev, n->args[1], &b))
		return false;
	if (!b.isnull && si_expr_as_bool(&b) == decides)
		return si_expr_return(out, si_expr_bool(decides));
	*out = si_expr_bool(!decides);
	out->isnull = a.isnull || b.isnull;
	return true;
}

static bool
binary(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	SiExprValue a,
				b;

	if (n->op <= SI_OP_OR)
		return logical(ev, n, out);
	if (!si_expr_node(ev, n->args[0], &a) || !si_expr_node(ev, n->args[1], &b))
		return false;
	if (a.isnull || b.isnull)
		return si_expr_return(out, si_expr_null());
	if (n->op <= SI_OP_NE)
		return compare(ev, n->op, &a, &b, out);
	return arithmetic(ev, n->op, &a, &b, out);
}

static bool
negate(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	if (!si_expr_node(ev, n->args[0], out))
		return false;
	if (out->isnull)
		return true;
	if (out->type == SI_EXPR_LONG)
		out->u.i = (int64) (0 - (uint64) out->u.i);
	else if (out->type == SI_EXPR_DOUBLE)
		out->u.d = -out->u.d;
	else
		return si_expr_fail(ev, "operator - works on numbers: cast the value to LONG or DOUBLE");
	return true;
}

/* ------------------------------------------------------------------- calls */

bool
si_expr_step(SiEval *ev)
{
#ifndef FRONTEND
	CHECK_FOR_INTERRUPTS();
#endif
	if (++ev->steps > SI_EXPR_MAX_STEPS)
		return si_expr_fail(ev, "more than %d calls of lambdas are needed", SI_EXPR_MAX_STEPS);
	return true;
}

static bool
call(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	SiExprValue few[STACK_ARGS];
	SiExprValue *args = few;

	if (n->fn->lazy != NULL)
		return n->fn->lazy(ev, n, out);
	if (n->nargs > STACK_ARGS)
		args = si_expr_items(ev, n->nargs);
	for (int i = 0; i < n->nargs; i++)
		if (!si_expr_node(ev, n->args[i], &args[i]))
			return false;
	if (!n->fn->call(ev, n, args, out))
		return false;
	if (ev->memory->total > SI_EXPR_MAX_MEMORY)
		return si_expr_fail(ev, "more than %d MB of memory are needed", SI_EXPR_MAX_MEMORY / (1024 * 1024));
	return true;
}

bool
si_expr_node(SiEval *ev, const SiExprNode *n, SiExprValue *out)
{
	const SiValue *v;

	switch (n->kind)
	{
		case SI_NODE_CONST:
			*out = n->value;
			return true;
		case SI_NODE_FIELD:
			if (!ev->row->get(ev->row, n->slot, &v, ev->why))
				return false;
			si_expr_from_value(ev, v, out);
			return true;
		case SI_NODE_LOCAL:
			*out = ev->locals[n->index];
			return true;
		case SI_NODE_NEGATE:
			return negate(ev, n, out);
		case SI_NODE_NOT:
			if (!si_expr_node(ev, n->args[0], out))
				return false;
			if (!out->isnull)
				*out = si_expr_bool(!si_expr_as_bool(out));
			return true;
		case SI_NODE_BINARY:
			return binary(ev, n, out);
		case SI_NODE_CALL:
			return call(ev, n, out);
	}
	return false;
}

static bool
evaluate(const SiExpr *e, SiEval *ev, SiExprMemory *m, SiExprRow *row, SiExprValue *v, SiReason *why)
{
	ev->memory = m;
	ev->row = row;
	ev->why = why;
	ev->steps = 0;
	return si_expr_node(ev, e->root, v);
}

bool
si_expr_eval(const SiExpr *e, SiExprMemory *m, SiExprRow *row, SiValue *out, SiReason *why)
{
	SiEval		ev;
	SiExprValue v;

	if (!evaluate(e, &ev, m, row, &v, why))
		return false;
	si_expr_to_value(&ev, &v, out);
	return true;
}

bool
si_expr_test(const SiExpr *e, SiExprMemory *m, SiExprRow *row, int *truth, SiReason *why)
{
	SiEval		ev;
	SiExprValue v;

	if (!evaluate(e, &ev, m, row, &v, why))
		return false;
	*truth = v.isnull ? -1 : si_expr_as_bool(&v) ? 1 : 0;
	return true;
}
