/*
 * jq.c
 *		Expressions of jq from outside: see jq.h.
 */
#include "common/port.h"

#include "format/jq_int.h"
#include "format/owned.h"

/* What all results of one message may take. */
#define MAX_RESULTS		(INT64CONST(512) * 1024 * 1024)

/*
 * The step .name of the root that all else works on: at the left end of
 * steps and pipes.
 */
static JqNode *
leading_field(JqNode *n)
{
	while (n->kind == JQ_PIPE || (n->kind == JQ_TRY && n->right == NULL) || n->kind == JQ_INDEX || n->kind == JQ_ITERATE ||
		   (n->kind == JQ_SLICE && (n->right == NULL || n->right->kind == JQ_LITERAL) &&
			(n->third == NULL || n->third->kind == JQ_LITERAL)) ||
		   (n->kind == JQ_FIELD && n->left->kind != JQ_IDENTITY))
		n = n->left;
	return n->kind == JQ_FIELD ? n : NULL;
}

static void
release(void *arg)
{
	SiJq	   *jq = arg;

	si_jq_release_regexes(jq);
	si_scratch_free(&jq->scratch);
}

SiJq *
si_jq_compile(const char *expr, SiReason *why)
{
	SiJq	   *jq = palloc0(sizeof(SiJq));

	jq->root = si_jq_parse(jq, expr, why);
	if (jq->root == NULL)
	{
		release(jq);
		return NULL;
	}
	jq->field = leading_field(jq->root);
	si_jq_message(jq, 0);
	si_owned_register(jq, release);
	return jq;
}

const char *
si_jq_root_field(const SiJq *jq, size_t *len)
{
	if (jq->field == NULL)
		return NULL;
	*len = jq->field->literal.v.len;
	return jq->field->literal.v.ptr;
}

void
si_jq_message(SiJq *jq, size_t len)
{
	jq->steps_left = SI_JQ_MESSAGE_SHARE * (int64) SI_JQ_MAX_STEPS + SI_JQ_BYTE_STEPS * (int64) len;
	jq->work_left = SI_JQ_MESSAGE_SHARE * SI_JQ_MAX_WORK + SI_JQ_BYTE_WORK * (int64) len;
}

/* What the evaluation has made lives on with the rows. */
static bool
keep(SiJq *jq, SiScratch *scratch, SiValue *v)
{
	if (v->kind < SI_VALUE_LONG || v->ptr == NULL || !si_scratch_owns(&jq->scratch, v->ptr))
		return true;
	if (scratch->allocated + v->len > MAX_RESULTS)
		return false;
	v->ptr = si_scratch_copy(scratch, v->ptr, v->len);
	return v->ptr != NULL;
}

bool
si_jq_value(SiJq *jq, const SiJsonNode *node, bool from_field, SiScratch *scratch, SiValue *v)
{
	JqEvaluation e = {.field = from_field ? jq->field : NULL,.scratch = &jq->scratch};
	JqList		results;
	bool		ok;

	memset(v, 0, sizeof(*v));
	e.stack = __builtin_frame_address(0);
	/* begins so that no more is left than for the message */
	e.steps = Max(SI_JQ_MAX_STEPS - jq->steps_left, 0);
	e.work = Max(SI_JQ_MAX_WORK - jq->work_left, 0);
	jq->steps_left += e.steps;
	jq->work_left += e.work;
	si_jq_list(&results);
	ok = si_jq_eval(&e, jq->root, NULL, node, &results);
	if (ok && results.n > 0)
		e.no_memory |= !si_node_value(&results.items[0], &jq->scratch, v) || !keep(jq, scratch, v);
	jq->steps_left -= e.steps;
	jq->work_left -= e.work;
	si_scratch_reset(&jq->scratch);
	return !e.no_memory;
}
