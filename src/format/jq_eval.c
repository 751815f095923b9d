/*
 * jq_eval.c
 *		The evaluator of jq expressions: what each kind of node does.
 *
 * Lists of results grow in the scratch of the evaluation; one result needs no
 * memory.  Whatever may go on for ever passes si_jq_eval(), which counts.
 */
#include "common/port.h"

#include "format/jq_int.h"
#include "format/number.h"
#include "format/reason.h"

#define MAX_MESSAGE		512

typedef JqEvaluation Evaluation;

#define eval si_jq_eval
#define push si_jq_push

bool
si_jq_error(Evaluation *e, const char *format,...)
{
	char		text[MAX_MESSAGE];
	va_list		args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	si_format_trim(text);
	e->message_len = strlen(text);
	e->message = si_scratch_copy(e->scratch, text, e->message_len);
	if (e->message == NULL)
		return si_jq_no_memory(e);
	if (e->error != JQ_LIMIT)
		e->error = JQ_ERROR;
	return false;
}

bool
si_jq_limit(Evaluation *e)
{
	e->error = JQ_LIMIT;
	return false;
}

bool
si_jq_no_memory(Evaluation *e)
{
	e->no_memory = true;
	return si_jq_limit(e);
}

void *
si_jq_alloc(Evaluation *e, size_t size)
{
	void	   *p;

	if (size > SI_JQ_MAX_MEMORY || e->scratch->allocated + size > SI_JQ_MAX_MEMORY)
	{
		si_jq_limit(e);
		return NULL;
	}
	p = si_scratch_alloc(e->scratch, size);
	if (p == NULL)
		si_jq_no_memory(e);
	return p;
}

bool
si_jq_looked(Evaluation *e, const SiJsonNode *node)
{
	if (node->v.kind < SI_VALUE_STRING)
		return true;
	e->work += node->v.len;
	return e->work <= SI_JQ_MAX_WORK || si_jq_limit(e);
}

bool
push(Evaluation *e, JqList *list, const SiJsonNode *node)
{
	if (list->n == list->cap)
	{
		SiJsonNode *more = si_jq_alloc(e, sizeof(SiJsonNode) * list->cap * 2);

		if (more == NULL)
			return false;
		memcpy(more, list->items, sizeof(SiJsonNode) * list->n);
		list->items = more;
		list->cap *= 2;
	}
	list->items[list->n++] = *node;
	return true;
}

/*
 * Steps
 */

static bool
resolve_index(Evaluation *e, const JqList *indices, const SiJsonNode *in, JqAccess *a)
{
	bool		names = false,
				numbers = false;

	for (int i = 0; i < indices->n; i++)
	{
		SiJsonNode	key = indices->items[i];
		int64		number;

		if (key.v.kind == SI_VALUE_STRING)
			names = true;
		else if (si_jq_is_whole(&key, &number))
		{
			numbers = true;
			si_node_long(&key, number);
		}
		else
		{
			a->kind = JQ_NO_ACCESS;
			return a->permissive || si_jq_error(e, "Cannot index %s with %s", si_jq_type(in), si_jq_type(&key));
		}
		if (!push(e, &a->keys, &key))
			return false;
	}
	if (names && numbers)
		return si_jq_error(e, "bad index");
	a->kind = names ? JQ_NAMES : numbers ? JQ_INDICES : JQ_NO_ACCESS;
	return true;
}

static bool
slice_bound(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, int64 otherwise, JqList *bounds)
{
	SiJsonNode	number;

	if (n != NULL)
		return eval(e, n, env, in, bounds);
	si_node_long(&number, otherwise);
	return push(e, bounds, &number);
}

static bool
resolve_slice(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqAccess *a)
{
	JqList		from,
				to;

	si_jq_list(&from);
	si_jq_list(&to);
	if (!slice_bound(e, n->right, env, in, 0, &from) || !slice_bound(e, n->third, env, in, PG_INT32_MAX, &to))
		return false;
	a->kind = JQ_RANGES;
	for (int i = 0; i < from.n; i++)
		for (int j = 0; j < to.n; j++)
		{
			int64		bounds[2];

			if (!si_jq_is_whole(&from.items[i], &bounds[0]) || !si_jq_is_whole(&to.items[j], &bounds[1]))
			{
				a->kind = JQ_NO_ACCESS;
				return a->permissive ||
					si_jq_error(e, "Start and end indices of an %s slice must be numbers", si_jq_type(in));
			}
			for (int k = 0; k < 2; k++)
			{
				SiJsonNode	number;

				si_node_long(&number, bounds[k]);
				if (!push(e, &a->keys, &number))
					return false;
			}
		}
	return true;
}

bool
si_jq_resolve(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqAccess *a)
{
	JqList		indices;

	a->permissive = n->permissive;
	a->next = NULL;
	si_jq_list(&a->keys);
	switch (n->kind)
	{
		case JQ_FIELD:
		case JQ_INDEX:
			a->kind = n->kind == JQ_FIELD ? JQ_NAMES : JQ_INDICES;
			return push(e, &a->keys, &n->literal);
		case JQ_SLICE:
			return resolve_slice(e, n, env, in, a);
		case JQ_ITERATE:
			a->kind = JQ_ALL;
			return true;
		default:
			si_jq_list(&indices);
			return eval(e, n->right, env, in, &indices) && resolve_index(e, &indices, in, a);
	}
}

void
si_jq_range(const SiJsonNode *keys, int64 count, int64 *from, int64 *to)
{
	*from = keys[0].v.u.i < 0 ? keys[0].v.u.i + count : keys[0].v.u.i;
	*to = keys[1].v.u.i < 0 ? keys[1].v.u.i + count : keys[1].v.u.i;
	if (*from >= count)
		*from = *to = count;
	else if (*from > *to || *to <= 0)
		*from = *to = 0;
	*from = Max(*from, 0);
	*to = Min(*to, count);
}

/* Where a character of a text begins. */
static const char *
character(const char *p, const char *end, int64 n)
{
	for (; n > 0 && p < end; n--)
		for (p++; p < end && ((unsigned char) *p & 0xC0) == 0x80;)
			p++;
	return p;
}

static bool
take_range(Evaluation *e, const SiJsonNode *keys, const SiJsonNode *value, JqList *out)
{
	int64		from,
				to;
	SiJsonNode	result;
	SiNodeText	t;
	SiNodeWalk	walk;

	if (value->v.kind == SI_VALUE_STRING)
	{
		size_t		len;
		const char *text = si_jq_text(e, value, &len);
		int64		count = 0;
		const char *start;

		if (text == NULL)
			return false;
		for (size_t i = 0; i < len; i++)
			count += ((unsigned char) text[i] & 0xC0) != 0x80;
		si_jq_range(keys, count, &from, &to);
		start = character(text, text + len, from);
		si_node_string(&result, start, character(start, text + len, to - from) - start);
		return push(e, out, &result);
	}
	si_jq_range(keys, si_node_count(value), &from, &to);
	si_node_walk(&walk, value);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int64 i = 0; i < to && si_node_next(&walk, NULL, &result); i++)
		if (i >= from)
			si_jq_append(&t, &result);
	si_text_append(&t, "]", 1);
	return si_jq_finish(e, &t, &result) && push(e, out, &result);
}

static bool
take_key(Evaluation *e, const JqAccess *a, const SiJsonNode *key, const SiJsonNode *value, JqList *out)
{
	SiJsonNode	result;
	size_t		len = 0;
	const char *text = "";
	bool		found;

	if (value->v.kind <= SI_VALUE_NULL)
	{
		si_node_null(&result);
		return push(e, out, &result);
	}
	if (a->kind == JQ_NAMES && (text = si_jq_text(e, key, &len)) == NULL)
		return false;
	if (value->v.kind != (a->kind == JQ_NAMES ? SI_VALUE_OBJECT : SI_VALUE_ARRAY))
		return a->permissive || (a->kind == JQ_NAMES ?
								 si_jq_error(e, "Cannot index %s with string \"%.*s\"", si_jq_type(value), (int) Min(len, 200), text) :
								 si_jq_error(e, "Cannot index %s with number", si_jq_type(value)));
	found = a->kind == JQ_NAMES ? si_node_member(value, text, len, &result) : si_node_element(value, key->v.u.i, &result);
	if (!found)
		si_node_null(&result);
	return push(e, out, &result);
}

static bool
take_ranges(Evaluation *e, const JqAccess *a, const SiJsonNode *value, JqList *out)
{
	for (int i = 0; i + 1 < a->keys.n; i += 2)
	{
		if (value->v.kind <= SI_VALUE_NULL)
		{
			if (!push(e, out, value))
				return false;
		}
		else if (value->v.kind != SI_VALUE_ARRAY && value->v.kind != SI_VALUE_STRING)
		{
			if (!a->permissive)
				return si_jq_error(e, "Cannot index %s with object", si_jq_type(value));
		}
		else if (!take_range(e, &a->keys.items[i], value, out))
			return false;
	}
	return true;
}

/* What a step finds in a value. */
static bool
take(Evaluation *e, const JqAccess *a, const SiJsonNode *value, JqList *out)
{
	SiNodeWalk	walk;
	SiJsonNode	element;

	if (!si_jq_looked(e, value))
		return false;
	switch (a->kind)
	{
		case JQ_NO_ACCESS:
			return true;
		case JQ_RANGES:
			return take_ranges(e, a, value, out);
		case JQ_ALL:
			if (!si_node_walk(&walk, value))
				return a->permissive || si_jq_error(e, "Cannot iterate over %s", si_jq_type(value));
			while (si_node_next(&walk, NULL, &element))
				if (!push(e, out, &element))
					return false;
			return true;
		default:
			for (int i = 0; i < a->keys.n; i++)
				if (!take_key(e, a, &a->keys.items[i], value, out))
					return false;
			return true;
	}
}

static bool
step(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqAccess	access;
	JqList		values;

	si_jq_list(&values);
	if (!si_jq_resolve(e, n, env, in, &access) || !eval(e, n->left, env, in, &values))
		return false;
	for (int i = 0; i < values.n; i++)
		if (!take(e, &access, &values.items[i], out))
			return false;
	return true;
}

/*
 * Operators
 */

static bool
pipe_on(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		values;

	si_jq_list(&values);
	if (!eval(e, n->left, env, in, &values))
		return false;
	for (int i = 0; i < values.n; i++)
		if (!eval(e, n->right, env, &values.items[i], out))
			return false;
	return true;
}

/* An error takes all results with it. */
static bool
try_eval(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	int			before = out->n;
	SiJsonNode	message;

	if (eval(e, n->left, env, in, out))
		return true;
	if (e->error == JQ_LIMIT || e->no_memory)
		return false;
	out->n = before;
	e->error = JQ_NO_ERROR;
	if (n->right == NULL)
		return true;
	si_node_string(&message, e->message, e->message_len);
	return eval(e, n->right, env, &message, out);
}

static bool
alternative(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		values;
	bool		any = false;

	si_jq_list(&values);
	if (!eval(e, n->left, env, in, &values))
		return false;
	for (int i = 0; i < values.n; i++)
		if (si_jq_is_true(&values.items[i]))
		{
			any = true;
			if (!push(e, out, &values.items[i]))
				return false;
		}
	return any || eval(e, n->right, env, in, out);
}

static bool
push_bool(Evaluation *e, JqList *out, bool value)
{
	SiJsonNode	result;

	si_node_bool(&result, value);
	return push(e, out, &result);
}

static bool
logic(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		left,
				right;

	si_jq_list(&left);
	if (!eval(e, n->left, env, in, &left))
		return false;
	for (int i = 0; i < left.n; i++)
	{
		bool		yes = si_jq_is_true(&left.items[i]);

		si_jq_list(&right);
		if (yes != (n->kind == JQ_AND))
		{
			if (!push_bool(e, out, yes))
				return false;
			continue;
		}
		if (!eval(e, n->right, env, in, &right))
			return false;
		for (int j = 0; j < right.n; j++)
			if (!push_bool(e, out, si_jq_is_true(&right.items[j])))
				return false;
	}
	return true;
}

static bool
calculate(Evaluation *e, const JqNode *n, const SiJsonNode *a, const SiJsonNode *b, SiJsonNode *result)
{
	int			order;

	if (n->kind == JQ_ARITHMETIC)
		return si_jq_arithmetic(e, n->op, a, b, result);
	order = si_jq_compare(e, a, b);
	si_node_bool(result,
				 n->comparison == JQ_EQ ? order == 0 : n->comparison == JQ_NE ? order != 0 :
				 n->comparison == JQ_LE ? order <= 0 : n->comparison == JQ_LT ? order < 0 :
				 n->comparison == JQ_GE ? order >= 0 : order > 0);
	return e->error == JQ_NO_ERROR;
}

/* For every result of the left side, every one of the right. */
static bool
binary(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		left,
				right;
	SiJsonNode	result;

	si_jq_list(&left);
	if (!eval(e, n->left, env, in, &left))
		return false;
	for (int i = 0; i < left.n; i++)
	{
		si_jq_list(&right);
		if (!eval(e, n->right, env, in, &right))
			return false;
		for (int j = 0; j < right.n; j++)
			if (!calculate(e, n, &left.items[i], &right.items[j], &result) || !push(e, out, &result))
				return false;
	}
	return true;
}

static bool
negate(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		values;
	SiJsonNode	zero,
				result;

	si_jq_list(&values);
	si_node_long(&zero, 0);
	if (!eval(e, n->left, env, in, &values))
		return false;
	for (int i = 0; i < values.n; i++)
	{
		if (si_jq_rank(&values.items[i]) != si_jq_rank(&zero))
			return si_jq_type_error(e, in, NULL, "cannot be negated");
		if (!si_jq_arithmetic(e, '-', &zero, &values.items[i], &result) || !push(e, out, &result))
			return false;
	}
	return true;
}

static bool
choose(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		conditions;

	si_jq_list(&conditions);
	if (!eval(e, n->left, env, in, &conditions))
		return false;
	for (int i = 0; i < conditions.n; i++)
		if (!eval(e, si_jq_is_true(&conditions.items[i]) ? n->right : n->third, env, in, out))
			return false;
	return true;
}

static bool
make_array(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		values;
	SiJsonNode	result;

	si_jq_list(&values);
	return (n->left == NULL || eval(e, n->left, env, in, &values)) && si_jq_array(e, &values, &result) &&
		push(e, out, &result);
}

bool
si_jq_step(Evaluation *e)
{
	if (++e->steps > SI_JQ_MAX_STEPS || e->scratch->allocated > SI_JQ_MAX_MEMORY)
		return si_jq_limit(e);
	if (e->stack - (const char *) __builtin_frame_address(0) > SI_JQ_MAX_STACK)
		return si_jq_limit(e);
	return e->error == JQ_NO_ERROR;
}

bool
eval(Evaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	if (!si_jq_step(e))
		return false;
	if (n == e->field)
		return push(e, out, in);
	switch (n->kind)
	{
		case JQ_IDENTITY:
			return push(e, out, in);
		case JQ_FIELD:
		case JQ_FIELD_BY:
		case JQ_INDEX:
		case JQ_INDEX_BY:
		case JQ_SLICE:
		case JQ_ITERATE:
			return step(e, n, env, in, out);
		case JQ_TRY:
			return try_eval(e, n, env, in, out);
		case JQ_PIPE:
			return pipe_on(e, n, env, in, out);
		case JQ_COMMA:
			return eval(e, n->left, env, in, out) && eval(e, n->right, env, in, out);
		case JQ_BIND:
			return si_jq_bind(e, n, env, in, out);
		case JQ_REDUCE:
		case JQ_FOREACH:
			return si_jq_reduce(e, n, env, in, out);
		case JQ_ALTERNATIVE:
			return alternative(e, n, env, in, out);
		case JQ_AND:
		case JQ_OR:
			return logic(e, n, env, in, out);
		case JQ_COMPARE:
		case JQ_ARITHMETIC:
			return binary(e, n, env, in, out);
		case JQ_LITERAL:
			return push(e, out, &n->literal);
		case JQ_ARRAY:
			return make_array(e, n, env, in, out);
		case JQ_VARIABLE:
			return push(e, out, &si_jq_env(env, n->depth)->value);
		case JQ_PARAMETER:
			env = si_jq_env(env, n->depth);
			return eval(e, env->arg, env->arg_env, in, out);
		case JQ_CALL:
			return n->function->of_expressions ? n->function->of_expressions(e, n, env, in, out) :
				si_jq_apply(e, n, env, in, out);
		case JQ_CALL_DEFINITION:
			return si_jq_call(e, n, env, in, out);
		case JQ_ASSIGN:
			return si_jq_assign(e, n, env, in, out);
		case JQ_NEGATE:
			return negate(e, n, env, in, out);
		case JQ_IF:
			return choose(e, n, env, in, out);
		case JQ_OBJECT:
			return si_jq_object(e, n, env, in, out);
		case JQ_TEXT:
			return si_jq_interpolate(e, n, env, in, out);
		case JQ_RECURSE:
			return si_jq_recurse(e, in, true, 0, out);
	}
	return false;
}
