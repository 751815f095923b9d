/*
 * jq.c
 *		The compiler of jq expressions: see jq.h.
 *
 * Precedence, from the loosest: | , // or and comparisons, then steps.
 */
#include "common/port.h"

#include <ctype.h>

#include "format/jq_int.h"
#include "format/jsontext.h"
#include "format/reason.h"

#define MAX_DEPTH 100

typedef struct Compiler
{
	const char *text;
	const char *p;
	const char *end;
	int			depth;
	SiReason   *why;
} Compiler;

static JqNode *pipe_expression(Compiler *c);

static JqNode *
fail(Compiler *c, const char *what)
{
	si_format_reason(c->why, "%s at character %d", what, (int) (c->p - c->text) + 1);
	return NULL;
}

static void
blanks(Compiler *c)
{
	while (c->p < c->end && isspace((unsigned char) *c->p))
		c->p++;
}

static bool
take(Compiler *c, const char *what)
{
	size_t		len = strlen(what);

	blanks(c);
	if ((size_t) (c->end - c->p) < len || memcmp(c->p, what, len) != 0)
		return false;
	c->p += len;
	return true;
}

static bool
is_name_start(int ch)
{
	return isalpha(ch) || ch == '_';
}

/* A whole word. */
static bool
take_word(Compiler *c, const char *word)
{
	const char *start = c->p;

	if (!take(c, word))
		return false;
	if (c->p < c->end && (isalnum((unsigned char) *c->p) || *c->p == '_'))
	{
		c->p = start;
		return false;
	}
	return true;
}

static JqNode *
node(JqKind kind, JqNode *left, JqNode *right)
{
	JqNode	   *n = palloc0(sizeof(JqNode));

	n->kind = kind;
	n->left = left;
	n->right = right;
	return n;
}

/* The string in quotes at c->p; false and a reason. */
static bool
string(Compiler *c, char **text, size_t *len)
{
	SiJsonNode	literal;
	const char *stop = si_node_read(c->p, c->end, &literal);
	ptrdiff_t	n;

	if (stop == NULL)
		return fail(c, "the string is not closed") != NULL;
	*text = palloc(literal.v.len + 1);
	n = si_json_unescape(literal.v.ptr, literal.v.len, *text);
	if (n < 0 || memmem(literal.v.ptr, literal.v.len, "\\(", 2) != NULL)
		return fail(c, "an escape that is not supported") != NULL;
	(*text)[n] = '\0';
	*len = n;
	c->p = stop;
	return true;
}

static JqNode *
field(Compiler *c, JqNode *left)
{
	JqNode	   *n = node(JQ_FIELD, left, NULL);
	const char *start = c->p;

	if (*c->p == '"')
		return string(c, &n->name, &n->name_len) ? n : NULL;
	while (c->p < c->end && (isalnum((unsigned char) *c->p) || *c->p == '_'))
		c->p++;
	n->name_len = c->p - start;
	n->name = pnstrdup(start, n->name_len);
	return n;
}

static bool
integer(Compiler *c, int64 *value)
{
	char	   *stop;

	blanks(c);
	if (c->p == c->end || !(isdigit((unsigned char) *c->p) || *c->p == '-'))
		return fail(c, "a number is expected") != NULL;
	*value = strtoll(c->p, &stop, 10);
	if (stop == c->p)
		return fail(c, "a number is expected") != NULL;
	c->p = stop;
	return true;
}

/* What follows "[" of a step. */
static JqNode *
bracket(Compiler *c, JqNode *left)
{
	JqNode	   *n = node(JQ_INDEX, left, NULL);

	if (take(c, "]"))
	{
		n->kind = JQ_ITERATE;
		return n;
	}
	blanks(c);
	if (c->p < c->end && *c->p == '"')
	{
		n->kind = JQ_FIELD;
		if (!string(c, &n->name, &n->name_len))
			return NULL;
	}
	else
	{
		if (c->p < c->end && *c->p != ':')
		{
			n->has_from = true;
			if (!integer(c, &n->from))
				return NULL;
		}
		if (take(c, ":"))
		{
			n->kind = JQ_SLICE;
			blanks(c);
			n->has_to = c->p < c->end && *c->p != ']';
			if (n->has_to && !integer(c, &n->to))
				return NULL;
		}
	}
	return take(c, "]") ? n : fail(c, "\"]\" is expected");
}

static JqNode *
call(Compiler *c)
{
	static const struct
	{
		const char *name;
		JqFunction	function;
		bool		argument;
	}			functions[] = {
		{"length", JQ_LENGTH, false}, {"keys", JQ_KEYS, false}, {"first", JQ_FIRST, false}, {"last", JQ_LAST, false},
		{"add", JQ_ADD, false}, {"min", JQ_MIN, false}, {"max", JQ_MAX, false}, {"tostring", JQ_TOSTRING, false},
		{"tonumber", JQ_TONUMBER, false}, {"type", JQ_TYPE, false}, {"not", JQ_NOT, false}, {"empty", JQ_EMPTY, false},
		{"select", JQ_SELECT, true}, {"map", JQ_MAP, true}, {"join", JQ_JOIN, true}, {"has", JQ_HAS, true}
	};
	const char *start = c->p;

	for (int i = 0; i < lengthof(functions); i++)
	{
		JqNode	   *n;

		if (!take_word(c, functions[i].name))
			continue;
		n = node(JQ_CALL, NULL, NULL);
		n->function = functions[i].function;
		if (functions[i].argument != take(c, "("))
			return fail(c, functions[i].argument ? "\"(\" is expected" : "the function takes no argument here,");
		if (functions[i].argument)
		{
			n->right = pipe_expression(c);
			if (n->right == NULL)
				return NULL;
			if (!take(c, ")"))
				return fail(c, "\")\" is expected");
		}
		return n;
	}
	c->p = start;
	return fail(c, "a word that is not supported");
}

static JqNode *
literal(Compiler *c)
{
	JqNode	   *n = node(JQ_LITERAL, NULL, NULL);
	char	   *copy;
	const char *stop;
	size_t		len;

	if (*c->p == '"')
	{
		if (!string(c, &copy, &len))
			return NULL;
		si_node_string(&n->literal, copy, len);
		return n;
	}
	copy = pnstrdup(c->p, c->end - c->p);
	stop = si_node_read(copy, copy + strlen(copy), &n->literal);
	if (stop == NULL)
		return fail(c, "a value is expected");
	c->p += stop - copy;
	return n;
}

/* What steps begin with. */
static JqNode *
primary(Compiler *c)
{
	JqNode	   *n;

	blanks(c);
	if (c->p == c->end)
		return fail(c, "an expression is expected");
	if (take(c, "("))
	{
		n = pipe_expression(c);
		return n == NULL || take(c, ")") ? n : fail(c, "\")\" is expected");
	}
	if (take(c, "["))
	{
		if (take(c, "]"))
			return node(JQ_ARRAY, NULL, NULL);
		n = pipe_expression(c);
		if (n == NULL)
			return NULL;
		return take(c, "]") ? node(JQ_ARRAY, n, NULL) : fail(c, "\"]\" is expected");
	}
	if (*c->p == '.')
	{
		c->p++;
		if (c->p < c->end && *c->p == '.')
			return fail(c, "\"..\" is not supported:");
		n = node(JQ_IDENTITY, NULL, NULL);
		if (c->p < c->end && (is_name_start((unsigned char) *c->p) || *c->p == '"'))
			return field(c, n);
		return n;
	}
	if (*c->p == '"' || isdigit((unsigned char) *c->p) || *c->p == '-')
		return literal(c);
	if (take_word(c, "true") || take_word(c, "false") || take_word(c, "null"))
	{
		n = node(JQ_LITERAL, NULL, NULL);
		if (c->p[-1] == 'l')
			si_node_null(&n->literal);
		else
			si_node_bool(&n->literal, c->p[-2] == 'u');
		return n;
	}
	if (is_name_start((unsigned char) *c->p))
		return call(c);
	return fail(c, "something that is not supported");
}

static JqNode *
steps(Compiler *c)
{
	JqNode	   *n;

	if (++c->depth > MAX_DEPTH)
		return fail(c, "nested too deep");
	n = primary(c);
	while (n != NULL)
	{
		if (take(c, "?"))
			n = node(JQ_TRY, n, NULL);
		else if (c->p < c->end && *c->p == '[')
		{
			c->p++;
			n = bracket(c, n);
		}
		else if (c->end - c->p >= 2 && *c->p == '.' &&
				 (c->p[1] == '[' || c->p[1] == '"' || is_name_start((unsigned char) c->p[1])))
		{
			c->p++;
			if (*c->p == '[')
				continue;
			n = field(c, n);
		}
		else
			break;
	}
	c->depth--;
	return n;
}

static JqNode *
comparison(Compiler *c)
{
	static const char *const operators[] = {"==", "!=", "<=", "<", ">=", ">"};
	JqNode	   *left = steps(c);

	for (int i = 0; left != NULL && i < lengthof(operators); i++)
	{
		if (take(c, operators[i]))
		{
			JqNode	   *right = steps(c);

			left = right ? node(JQ_COMPARE, left, right) : NULL;
			if (left)
				left->comparison = (JqComparison) i;
			break;
		}
	}
	return left;
}

static JqNode *
and_expression(Compiler *c)
{
	JqNode	   *left = comparison(c);

	while (left != NULL && take_word(c, "and"))
	{
		JqNode	   *right = comparison(c);

		left = right ? node(JQ_AND, left, right) : NULL;
	}
	return left;
}

static JqNode *
or_expression(Compiler *c)
{
	JqNode	   *left = and_expression(c);

	while (left != NULL && take_word(c, "or"))
	{
		JqNode	   *right = and_expression(c);

		left = right ? node(JQ_OR, left, right) : NULL;
	}
	return left;
}

static JqNode *
alternative(Compiler *c)
{
	JqNode	   *left = or_expression(c);

	if (left != NULL && take(c, "//"))
	{
		JqNode	   *right;

		if (++c->depth > MAX_DEPTH)
			return fail(c, "nested too deep");
		right = alternative(c);
		c->depth--;
		left = right ? node(JQ_ALTERNATIVE, left, right) : NULL;
	}
	return left;
}

static JqNode *
comma(Compiler *c)
{
	JqNode	   *left = alternative(c);

	while (left != NULL && take(c, ","))
	{
		JqNode	   *right = alternative(c);

		left = right ? node(JQ_COMMA, left, right) : NULL;
	}
	return left;
}

static JqNode *
pipe_expression(Compiler *c)
{
	JqNode	   *left = comma(c);

	while (left != NULL && take(c, "|"))
	{
		JqNode	   *right = comma(c);

		left = right ? node(JQ_PIPE, left, right) : NULL;
	}
	return left;
}

/*
 * The step .name of the root that all else works on: at the left end of
 * steps and pipes.
 */
static JqNode *
leading_field(JqNode *n)
{
	while (n->kind == JQ_PIPE || n->kind == JQ_TRY || n->kind == JQ_INDEX || n->kind == JQ_SLICE ||
		   n->kind == JQ_ITERATE || (n->kind == JQ_FIELD && n->left->kind != JQ_IDENTITY))
		n = n->left;
	return n->kind == JQ_FIELD ? n : NULL;
}

SiJq *
si_jq_compile(const char *expr, SiReason *why)
{
	Compiler	c = {.text = expr,.p = expr,.end = expr + strlen(expr),.why = why};
	SiJq	   *jq = palloc0(sizeof(SiJq));

	jq->root = pipe_expression(&c);
	if (jq->root == NULL)
		return NULL;
	blanks(&c);
	if (c.p < c.end)
	{
		fail(&c, "something that is not supported");
		return NULL;
	}
	jq->field = leading_field(jq->root);
	return jq;
}

const char *
si_jq_root_field(const SiJq *jq, size_t *len)
{
	if (jq->field == NULL)
		return NULL;
	*len = jq->field->name_len;
	return jq->field->name;
}
