/*
 * jq_call.c
 *		Definitions and calls in jq expressions: what a name stands for.
 */
#include "common/port.h"

#include "format/jq_parse.h"
#include "format/reason.h"

/* def name(parameters): body; from behind the def. */
bool
si_jq_parse_definition(JqCompiler *c)
{
	JqDefinition *d = palloc0(sizeof(JqDefinition));
	const JqName *names;
	int			depth = c->names_depth;
	const char *params[SI_JQ_MAX_ARGS];
	char	   *text = si_jq_name(c, false);

	if (text == NULL)
		return false;
	d->name = text;
	d->depth = depth;
	if (si_jq_take(c, '('))
	{
		do
		{
			bool		value = si_jq_take(c, '$');

			text = si_jq_name(c, false);
			if (text == NULL)
				return false;
			if (d->nparams == SI_JQ_MAX_ARGS)
				return si_jq_fail(c, "too many parameters") != NULL;
			params[d->nparams++] = value ? psprintf("$%s", text) : text;
		} while (si_jq_take(c, ';'));
		if (!si_jq_want(c, ')'))
			return false;
		d->params = palloc(sizeof(char *) * d->nparams);
		memcpy(d->params, params, sizeof(char *) * d->nparams);
	}
	if (!si_jq_want(c, ':'))
		return false;
	names = si_jq_push_name(c, pstrdup(d->name), false, d);
	for (int i = 0; i < d->nparams; i++)
		si_jq_push_name(c, pstrdup(params[i] + (*params[i] == '$')), *params[i] == '$', NULL);
	d->body = si_jq_parse_pipe(c, true);
	si_jq_restore_names(c, names, depth);
	return d->body != NULL && si_jq_want(c, ';');
}

/* A definition of the prelude, made when it is used first; NULL and a reason when there is none. */
static JqDefinition *
prelude_definition(JqCompiler *c, const char *text, int nargs)
{
	const JqName *found = si_jq_find_call(c->prelude, text, nargs);
	const char *source = si_jq_prelude(text, strlen(text), nargs);
	JqCompiler	inner = *c;

	if (found != NULL)
		return found->definition;
	if (source == NULL)
		return NULL;
	inner.text = inner.p = source;
	inner.end = source + strlen(source);
	inner.names = NULL;
	inner.names_depth = 0;
	inner.depth = 0;
	if (!si_jq_parse_definition(&inner))
		return NULL;
	/* what it uses itself is in the list of inner */
	c->prelude = inner.prelude;
	found = inner.names;
	((JqName *) found)->up = c->prelude;
	c->prelude = found;
	return found->definition;
}

JqNode *
si_jq_call_of(JqCompiler *c, const char *start, const char *text, JqNode **args, int nargs)
{
	JqNode	   *n = si_jq_node(JQ_CALL, NULL, NULL);
	SiReason	why;
	const JqName *found = si_jq_find_call(c->names, text, nargs);

	n->args = args;
	n->nargs = nargs;
	if (found != NULL && found->definition == NULL)
	{
		n->kind = JQ_PARAMETER;
		n->depth = found->depth;
		return n;
	}
	if (found != NULL)
		n->definition = found->definition;
	else if ((n->function = si_jq_find_function(text, strlen(text), nargs)) == NULL)
		n->definition = prelude_definition(c, text, nargs);
	if (n->definition != NULL)
	{
		n->kind = JQ_CALL_DEFINITION;
		return n;
	}
	if (n->function == NULL)
	{
		char		message[128];

		snprintf(message, sizeof(message), "the function %.64s/%d does not exist in Druid's jq,", text, nargs);
		return si_jq_fail_at(c, start, message);
	}
	if (n->function->of_expressions == si_jq_del && !si_jq_is_path(args[0]))
		return si_jq_fail_at(c, start, "del() takes a path such as .a.b[0] here,");
	return si_jq_prepare_regex(c->jq, n, &why) ? n : si_jq_fail_at(c, start, why.text);
}

/* name(arguments) */
JqNode *
si_jq_parse_call(JqCompiler *c)
{
	const char *start = c->p;
	char	   *text = si_jq_name(c, false);
	JqNode	   *args[SI_JQ_MAX_ARGS];
	JqNode	  **copy = NULL;
	int			nargs = 0;

	if (text == NULL)
		return NULL;
	if (si_jq_take(c, '(') && !si_jq_take(c, ')'))
	{
		do
		{
			if (nargs == SI_JQ_MAX_ARGS)
				return si_jq_fail(c, "too many arguments");
			args[nargs] = si_jq_parse_pipe(c, true);
			if (args[nargs++] == NULL)
				return NULL;
		} while (si_jq_take(c, ';'));
		if (!si_jq_want(c, ')'))
			return NULL;
		copy = palloc(sizeof(JqNode *) * nargs);
		memcpy(copy, args, sizeof(JqNode *) * nargs);
	}
	return si_jq_call_of(c, start, text, copy, nargs);
}
