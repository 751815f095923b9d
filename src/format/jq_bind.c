/*
 * jq_bind.c
 *		What has names in jq: variables and patterns, reduce and foreach,
 *		definitions that are called.
 *
 * Names live on the C stack of whoever binds them: lists of results hold
 * values only, so nothing outlives it.
 */
#include "common/port.h"

#include "format/jq_int.h"

const JqEnv *
si_jq_env(const JqEnv *env, int depth)
{
	while (env != NULL && env->depth > depth)
		env = env->up;
	return env;
}

static JqEnv
inside(const JqEnv *env)
{
	return (JqEnv) {.up = env,.depth = env ? env->depth + 1 : 1};
}

/*
 * Patterns
 */

/* What is done with each way in which a pattern can be matched. */
typedef struct Match
{
	bool		(*body) (JqEvaluation *e, struct Match *m, const JqEnv *env);
	const JqNode *node;
	const SiJsonNode *in;
	JqList	   *out;
	SiJsonNode	accumulator;
	bool		any;
} Match;

/* What is to be matched behind the pattern at hand: the rest of lists. */
typedef struct Rest
{
	const JqPattern *part;		/* the next one, or NULL */
	int64		index;			/* of an element */
	const SiJsonNode *of;		/* the array or object */
	const struct Rest *outer;
} Rest;

static bool match(JqEvaluation *e, Match *m, const JqPattern *p, const SiJsonNode *value, const JqEnv *env, const Rest *rest);

static bool
match_entry(JqEvaluation *e, Match *m, const Rest *at, const JqEnv *env, const Rest *next)
{
	JqList		keys;
	SiJsonNode	value;

	si_jq_list(&keys);
	if (!si_jq_eval(e, at->part->key, env, at->of, &keys))
		return false;
	for (int i = 0; i < keys.n; i++)
	{
		size_t		len;
		const char *text;

		if (keys.items[i].v.kind != SI_VALUE_STRING)
			return si_jq_error(e, "Cannot index %s with %s", si_jq_type(at->of), si_jq_type(&keys.items[i]));
		text = si_jq_text(e, &keys.items[i], &len);
		if (text == NULL || !si_jq_looked(e, at->of))
			return false;
		if (!si_node_member(at->of, text, len, &value))
			si_node_null(&value);
		if (!match(e, m, at->part, &value, env, next))
			return false;
	}
	return true;
}

static bool
match_rest(JqEvaluation *e, Match *m, const JqEnv *env, const Rest *rest)
{
	Rest		next;
	SiJsonNode	value;

	while (rest != NULL && rest->part == NULL)
		rest = rest->outer;
	if (rest == NULL)
		return m->body(e, m, env);
	next = *rest;
	next.part = rest->part->next;
	next.index++;
	if (rest->part->key != NULL)
		return match_entry(e, m, rest, env, &next);
	if (!si_jq_looked(e, rest->of))
		return false;
	if (!si_node_element(rest->of, rest->index, &value))
		si_node_null(&value);
	return match(e, m, rest->part, &value, env, &next);
}

static bool
match(JqEvaluation *e, Match *m, const JqPattern *p, const SiJsonNode *value, const JqEnv *env, const Rest *rest)
{
	JqEnv		variable = inside(env);
	Rest		parts = {.part = p->parts,.of = value,.outer = rest};

	if (!si_jq_step(e))
		return false;
	if (p->kind == JQ_PATTERN_VARIABLE)
	{
		variable.value = *value;
		return match_rest(e, m, &variable, rest);
	}
	if (value->v.kind > SI_VALUE_NULL && value->v.kind != (p->kind == JQ_PATTERN_ARRAY ? SI_VALUE_ARRAY : SI_VALUE_OBJECT))
		return si_jq_error(e, "Cannot index %s with %s", si_jq_type(value), p->kind == JQ_PATTERN_ARRAY ? "number" : "string");
	return match_rest(e, m, env, &parts);
}

static bool
bind_body(JqEvaluation *e, Match *m, const JqEnv *env)
{
	return si_jq_eval(e, m->node->right, env, m->in, m->out);
}

bool
si_jq_bind(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	Match		m = {.body = bind_body,.node = n,.in = in,.out = out};
	JqList		values;

	si_jq_list(&values);
	if (!si_jq_eval(e, n->left, env, in, &values))
		return false;
	for (int i = 0; i < values.n; i++)
		if (!match(e, &m, n->pattern, &values.items[i], env, NULL))
			return false;
	return true;
}

/*
 * reduce and foreach
 */

/* The last result counts; none is null. */
static bool
reduce_body(JqEvaluation *e, Match *m, const JqEnv *env)
{
	JqList		results;

	si_jq_list(&results);
	if (!si_jq_eval(e, m->node->third, env, &m->accumulator, &results))
		return false;
	if (results.n > 0)
		m->accumulator = results.items[results.n - 1];
	else
		si_node_null(&m->accumulator);
	return true;
}

static bool
foreach_body(JqEvaluation *e, Match *m, const JqEnv *env)
{
	JqList		results;

	si_jq_list(&results);
	if (!si_jq_eval(e, m->node->third, env, &m->accumulator, &results))
		return false;
	for (int i = 0; i < results.n; i++)
	{
		if (m->node->extract ? !si_jq_eval(e, m->node->extract, env, &results.items[i], m->out) :
			!si_jq_push(e, m->out, &results.items[i]))
			return false;
		m->accumulator = results.items[i];
	}
	return true;
}

static bool
fold(JqEvaluation *e, Match *m, const JqEnv *env, const SiJsonNode *in)
{
	JqList		values;

	si_jq_list(&values);
	if (!si_jq_eval(e, m->node->left, env, in, &values))
		return false;
	for (int i = 0; i < values.n; i++)
		if (!match(e, m, m->node->pattern, &values.items[i], env, NULL))
			return false;
	return true;
}

/* break ends it with what there is. */
bool
si_jq_reduce(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	Match		m = {.body = n->kind == JQ_REDUCE ? reduce_body : foreach_body,.node = n,.out = out};
	JqList		begins;

	si_jq_list(&begins);
	if (!si_jq_eval(e, n->right, env, in, &begins))
		return false;
	for (int i = 0; i < begins.n; i++)
	{
		bool		ok;

		m.accumulator = begins.items[i];
		ok = fold(e, &m, env, in);
		if (!ok && e->error != JQ_BREAK)
			return false;
		e->error = JQ_NO_ERROR;
		if (n->kind == JQ_REDUCE && !si_jq_push(e, out, &m.accumulator))
			return false;
		if (!ok)
			break;
	}
	return true;
}

/*
 * Definitions
 */

/* Binds the parameters from number i on, and evaluates the body. */
static bool
call_with(JqEvaluation *e, const JqNode *n, int i, const JqEnv *inner, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	const JqDefinition *d = n->definition;
	JqEnv		parameter = inside(inner);
	JqList		values;

	if (i == d->nparams)
		return si_jq_eval(e, d->body, inner, in, out);
	if (d->params[i][0] != '$')
	{
		parameter.arg = n->args[i];
		parameter.arg_env = env;
		return call_with(e, n, i + 1, &parameter, env, in, out);
	}
	si_jq_list(&values);
	if (!si_jq_eval(e, n->args[i], env, in, &values))
		return false;
	for (int j = 0; j < values.n; j++)
	{
		parameter.value = values.items[j];
		if (!call_with(e, n, i + 1, &parameter, env, in, out))
			return false;
	}
	return true;
}

bool
si_jq_call(JqEvaluation *e, const JqNode *n, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	return call_with(e, n, 0, si_jq_env(env, n->definition->depth), env, in, out);
}
