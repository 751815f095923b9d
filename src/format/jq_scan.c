/*
 * jq_scan.c
 *		Words, numbers and names of jq expressions.
 */
#include "common/port.h"

#include <ctype.h>

#include "format/jq_parse.h"
#include "format/reason.h"

#define MAX_DEPTH	200

JqNode *
si_jq_fail(JqCompiler *c, const char *what)
{
	si_format_reason(c->why, "%s at character %d", what, (int) (c->p - c->text) + 1);
	return NULL;
}

JqNode *
si_jq_fail_at(JqCompiler *c, const char *p, const char *what)
{
	c->p = p;
	return si_jq_fail(c, what);
}

void
si_jq_blanks(JqCompiler *c)
{
	while (c->p < c->end && (isspace((unsigned char) *c->p) || *c->p == '#'))
	{
		if (*c->p == '#')
			while (c->p < c->end && *c->p != '\n' && *c->p != '\r')
				c->p++;
		else
			c->p++;
	}
}

bool
si_jq_take(JqCompiler *c, char what)
{
	si_jq_blanks(c);
	if (c->p == c->end || *c->p != what)
		return false;
	c->p++;
	return true;
}

bool
si_jq_want(JqCompiler *c, char what)
{
	char		message[] = "\" \" is expected";

	message[1] = what;
	return si_jq_take(c, what) || si_jq_fail(c, message) != NULL;
}

bool
si_jq_is_letter(char ch)
{
	return isalpha((unsigned char) ch) || ch == '_';
}

/* Length of the word at c->p, 0 when there is none. */
size_t
si_jq_word(JqCompiler *c)
{
	const char *p = c->p;

	if (p < c->end && si_jq_is_letter(*p))
		while (p < c->end && (si_jq_is_letter(*p) || isdigit((unsigned char) *p)))
			p++;
	return p - c->p;
}

bool
si_jq_is_word(const char *p, size_t len, const char *what)
{
	return len == strlen(what) && memcmp(p, what, len) == 0;
}

bool
si_jq_take_word(JqCompiler *c, const char *what)
{
	si_jq_blanks(c);
	if (!si_jq_is_word(c->p, si_jq_word(c), what))
		return false;
	c->p += strlen(what);
	return true;
}

bool
si_jq_want_word(JqCompiler *c, const char *what)
{
	char		message[64];

	snprintf(message, sizeof(message), "\"%s\" is expected", what);
	return si_jq_take_word(c, what) || si_jq_fail(c, message) != NULL;
}

bool
si_jq_is_keyword(const char *p, size_t len)
{
	static const char *const keywords[] = {
		"and", "or", "if", "then", "elif", "else", "end", "as", "def", "reduce", "foreach", "try", "catch",
		"label", "import", "include", "module", "true", "false", "null"
	};

	for (int i = 0; i < lengthof(keywords); i++)
		if (si_jq_is_word(p, len, keywords[i]))
			return true;
	return false;
}

/* A word that may be a name; NULL and a reason. */
char *
si_jq_name(JqCompiler *c, bool keywords)
{
	size_t		len = (si_jq_blanks(c), si_jq_word(c));
	char	   *copy;

	if (len == 0 || (!keywords && si_jq_is_keyword(c->p, len)))
	{
		si_jq_fail(c, "a name is expected");
		return NULL;
	}
	copy = pnstrdup(c->p, len);
	c->p += len;
	return copy;
}

JqNode *
si_jq_node(JqKind kind, JqNode *left, JqNode *right)
{
	JqNode	   *n = palloc0(sizeof(JqNode));

	n->kind = kind;
	n->left = left;
	n->right = right;
	return n;
}

JqNode *
si_jq_text_node(JqKind kind, JqNode *left, const char *text, size_t len)
{
	JqNode	   *n = si_jq_node(kind, left, NULL);

	si_node_string(&n->literal, text, len);
	return n;
}

bool
si_jq_deeper(JqCompiler *c)
{
	return ++c->depth <= MAX_DEPTH || si_jq_fail(c, "nested too deep") != NULL;
}

/*
 * Names
 */

JqName *
si_jq_push_name(JqCompiler *c, char *text, bool variable, JqDefinition *definition)
{
	JqName	   *n = palloc0(sizeof(JqName));

	n->up = c->names;
	n->name = text;
	n->variable = variable;
	n->definition = definition;
	if (definition == NULL)
		n->depth = ++c->names_depth;
	c->names = n;
	return n;
}

void
si_jq_restore_names(JqCompiler *c, const JqName *names, int depth)
{
	c->names = names;
	c->names_depth = depth;
}

const JqName *
si_jq_find_variable(const JqCompiler *c, const char *text)
{
	for (const JqName *n = c->names; n != NULL; n = n->up)
		if (n->variable && strcmp(n->name, text) == 0)
			return n;
	return NULL;
}

const JqName *
si_jq_find_call(const JqName *n, const char *text, int nargs)
{
	for (; n != NULL; n = n->up)
		if (!n->variable && strcmp(n->name, text) == 0 && nargs == (n->definition ? n->definition->nparams : 0))
			return n;
	return NULL;
}

JqNode *
si_jq_parse_number(JqCompiler *c)
{
	JqNode	   *n = si_jq_node(JQ_LITERAL, NULL, NULL);
	const char *p = c->p;
	bool		fraction = false;
	char	   *text;

	while (p < c->end && isdigit((unsigned char) *p))
		p++;
	if (p < c->end && *p == '.' && p + 1 < c->end && isdigit((unsigned char) p[1]))
		for (fraction = true, p++; p < c->end && isdigit((unsigned char) *p);)
			p++;
	if (p < c->end && (*p == 'e' || *p == 'E'))
	{
		const char *q = p + 1;

		q += q < c->end && (*q == '+' || *q == '-');
		if (q < c->end && isdigit((unsigned char) *q))
			for (fraction = true, p = q; p < c->end && isdigit((unsigned char) *p);)
				p++;
	}
	text = pnstrdup(c->p, p - c->p);
	if (*text == '0' && isdigit((unsigned char) text[1]))
		return si_jq_fail(c, "a number that begins with 0");
	if (fraction)
		si_node_double(&n->literal, strtod(text, NULL));
	else
	{
		errno = 0;
		si_node_long(&n->literal, strtoll(text, NULL, 10));
		if (errno != 0)
			return si_jq_fail(c, "a number that is too large");
	}
	c->p = p;
	return n;
}
