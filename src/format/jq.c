/*
 * jq.c
 *		The compiler of jq expressions: see jq.h.
 *
 * Precedence, from the loosest: | , // or and, comparisons, + -, * / %, then
 * steps.
 */
#include "common/port.h"

#include <ctype.h>

#include "format/jq_int.h"
#include "format/jsontext.h"
#include "format/matcher.h"
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

/* Does the string at c->p have an expression in it? */
static bool
has_interpolation(const Compiler *c)
{
	for (const char *p = c->p + 1; p + 1 < c->end && *p != '"'; p++)
		if (*p == '\\' && *++p == '(')
			return true;
	return false;
}

/* Whether a bracket holds numbers and a colon, and not an expression. */
static bool
is_plain_index(const Compiler *c)
{
	const char *p = c->p;

	while (p < c->end && (isdigit((unsigned char) *p) || isspace((unsigned char) *p) || *p == '-' || *p == ':'))
		p++;
	return p < c->end && *p == ']';
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
	if (c->p < c->end && *c->p == '"' && !has_interpolation(c))
	{
		n->kind = JQ_FIELD;
		if (!string(c, &n->name, &n->name_len))
			return NULL;
	}
	else if (!is_plain_index(c))
	{
		n->kind = JQ_INDEX_BY;
		n->right = pipe_expression(c);
		if (n->right == NULL)
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

/* Ranks of the kinds: see si_jq_rank(). */
enum
{
	NULLS = 1 << 0, BOOLEANS = 1 << 1 | 1 << 2, NUMBERS = 1 << 3, STRINGS = 1 << 4, ARRAYS = 1 << 5, OBJECTS = 1 << 6
};

static const struct JqCall
{
	const char *name;
	JqFunction	function;
	int			min_args;
	int			max_args;
	int			types;
}			functions[] = {
	{"length", JQ_LENGTH}, {"keys", JQ_KEYS}, {"first", JQ_FIRST, 0, 1}, {"last", JQ_LAST, 0, 1},
	{"add", JQ_ADD}, {"min", JQ_MIN}, {"max", JQ_MAX}, {"tostring", JQ_TOSTRING},
	{"tonumber", JQ_TONUMBER}, {"type", JQ_TYPE}, {"not", JQ_NOT}, {"empty", JQ_EMPTY},
	{"select", JQ_SELECT, 1, 1}, {"map", JQ_MAP, 1, 1}, {"join", JQ_JOIN, 1, 1}, {"has", JQ_HAS, 1, 1},
	{"keys_unsorted", JQ_KEYS_UNSORTED}, {"reverse", JQ_REVERSE}, {"sort", JQ_SORT}, {"unique", JQ_UNIQUE},
	{"to_entries", JQ_TO_ENTRIES}, {"from_entries", JQ_FROM_ENTRIES}, {"with_entries", JQ_WITH_ENTRIES, 1, 1},
	{"ascii_downcase", JQ_DOWNCASE}, {"ascii_upcase", JQ_UPCASE}, {"floor", JQ_FLOOR}, {"sqrt", JQ_SQRT},
	{"tojson", JQ_TO_JSON}, {"fromjson", JQ_FROM_JSON}, {"any", JQ_ANY, 0, 1}, {"all", JQ_ALL, 0, 1},
	{"flatten", JQ_FLATTEN, 0, 1}, {"utf8bytelength", JQ_BYTES},
	{"sort_by", JQ_SORT_BY, 1, 1}, {"group_by", JQ_GROUP_BY, 1, 1}, {"unique_by", JQ_UNIQUE_BY, 1, 1},
	{"min_by", JQ_MIN_BY, 1, 1}, {"max_by", JQ_MAX_BY, 1, 1},
	{"split", JQ_SPLIT, 1, 1}, {"startswith", JQ_STARTSWITH, 1, 1}, {"endswith", JQ_ENDSWITH, 1, 1},
	{"ltrimstr", JQ_LTRIMSTR, 1, 1}, {"rtrimstr", JQ_RTRIMSTR, 1, 1}, {"test", JQ_TEST, 1, 2},
	{"contains", JQ_CONTAINS, 1, 1}, {"inside", JQ_INSIDE, 1, 1}, {"index", JQ_POSITION, 1, 1},
	{"rindex", JQ_LAST_POSITION, 1, 1}, {"range", JQ_RANGE, 1, 2},
	{"nulls", JQ_TYPES, .types = NULLS}, {"booleans", JQ_TYPES, .types = BOOLEANS}, {"numbers", JQ_TYPES, .types = NUMBERS},
	{"strings", JQ_TYPES, .types = STRINGS}, {"arrays", JQ_TYPES, .types = ARRAYS}, {"objects", JQ_TYPES, .types = OBJECTS},
	{"iterables", JQ_TYPES, .types = ARRAYS | OBJECTS}, {"scalars", JQ_TYPES, .types = NULLS | BOOLEANS | NUMBERS | STRINGS},
	{"values", JQ_TYPES, .types = BOOLEANS | NUMBERS | STRINGS | ARRAYS | OBJECTS}
};

/* The pattern and the flags of test(), which are compiled once. */
static bool
prepare_test(Compiler *c, JqNode *n)
{
	const JqNode *flags = n->third;

	if (n->right->kind != JQ_LITERAL || n->right->literal.v.kind != SI_VALUE_STRING ||
		(flags != NULL && (flags->kind != JQ_LITERAL || flags->literal.v.kind != SI_VALUE_STRING)))
		return fail(c, "test() takes a literal pattern here,") != NULL;
	n->matcher = si_matcher_create(n->right->literal.v.ptr, n->right->literal.v.len,
								   flags ? pnstrdup(flags->literal.v.ptr, flags->literal.v.len) : "", c->why);
	return n->matcher != NULL;
}

static JqNode *
call_arguments(Compiler *c, JqNode *n, const struct JqCall *f)
{
	int			nargs = 0;

	if (take(c, "("))
	{
		do
		{
			JqNode	   *argument = pipe_expression(c);

			if (argument == NULL)
				return NULL;
			if (nargs == 0)
				n->right = argument;
			else
				n->third = argument;
		} while (++nargs < 2 && take(c, ";"));
		if (!take(c, ")"))
			return fail(c, "\")\" is expected");
	}
	if (nargs < f->min_args || nargs > f->max_args)
		return fail(c, f->max_args == 0 ? "the function takes no argument here," :
					f->min_args > nargs ? "\"(\" is expected" : "the function takes fewer arguments,");
	if (n->function == JQ_FIRST && nargs > 0)
		n->function = JQ_FIRST_OF;
	if (n->function == JQ_LAST && nargs > 0)
		n->function = JQ_LAST_OF;
	if (n->function == JQ_TEST && !prepare_test(c, n))
		return NULL;
	return n;
}

static JqNode *
call(Compiler *c)
{
	for (int i = 0; i < lengthof(functions); i++)
	{
		JqNode	   *n;

		if (!take_word(c, functions[i].name))
			continue;
		n = node(JQ_CALL, NULL, NULL);
		n->function = functions[i].function;
		n->types = functions[i].types;
		return call_arguments(c, n, &functions[i]);
	}
	return fail(c, "a word that is not supported");
}

/* if ... then ... (elif ... then ...) else ... end, from behind the if. */
static JqNode *
if_expression(Compiler *c)
{
	JqNode	   *n = node(JQ_IF, NULL, NULL);

	n->left = pipe_expression(c);
	if (n->left == NULL)
		return NULL;
	if (!take_word(c, "then"))
		return fail(c, "\"then\" is expected");
	n->right = pipe_expression(c);
	if (n->right == NULL)
		return NULL;
	if (take_word(c, "elif"))
	{
		if (++c->depth > MAX_DEPTH)
			return fail(c, "nested too deep");
		n->third = if_expression(c);
		c->depth--;
		return n->third ? n : NULL;
	}
	if (!take_word(c, "else"))
		return fail(c, "\"else\" is expected");
	n->third = pipe_expression(c);
	if (n->third == NULL)
		return NULL;
	return take_word(c, "end") ? n : fail(c, "\"end\" is expected");
}

/* A piece of a string, from p to stop, as a literal. */
static JqNode *
text_piece(Compiler *c, const char *p, const char *stop)
{
	JqNode	   *n = node(JQ_LITERAL, NULL, NULL);
	char	   *text = palloc(stop - p + 1);
	ptrdiff_t	len = si_json_unescape(p, stop - p, text);

	if (len < 0)
		return fail(c, "an escape that is not supported");
	si_node_string(&n->literal, text, len);
	return n;
}

/* A string with \(expressions) in it. */
static JqNode *
interpolated(Compiler *c)
{
	JqNode	   *n = node(JQ_TEXT, NULL, NULL);
	JqNode	  **tail = &n->entries;
	const char *start = ++c->p;

	for (;;)
	{
		JqNode	   *piece;
		bool		ends = c->p >= c->end || *c->p == '"';

		if (!ends && !(*c->p == '\\' && c->p + 1 < c->end && c->p[1] == '('))
		{
			c->p += *c->p == '\\' && c->p + 1 < c->end ? 2 : 1;
			continue;
		}
		if (c->p >= c->end)
			return fail(c, "the string is not closed");
		piece = text_piece(c, start, c->p);
		if (piece == NULL)
			return NULL;
		*tail = node(JQ_TEXT, NULL, piece);
		tail = &(*tail)->next;
		if (ends)
			break;
		c->p += 2;
		piece = pipe_expression(c);
		if (piece == NULL)
			return NULL;
		if (!take(c, ")"))
			return fail(c, "\")\" is expected");
		*tail = node(JQ_TEXT, NULL, piece);
		tail = &(*tail)->next;
		start = c->p;
	}
	c->p++;
	return n;
}

static JqNode *literal(Compiler *c);
static JqNode *alternative(Compiler *c);

/* The key of an entry: a name, a string, or an expression in parentheses. */
static JqNode *
object_key(Compiler *c, JqNode **value)
{
	JqNode	   *key;

	*value = NULL;
	blanks(c);
	if (take(c, "("))
	{
		key = pipe_expression(c);
		return key == NULL || take(c, ")") ? key : fail(c, "\")\" is expected");
	}
	if (c->p < c->end && *c->p == '"')
		key = has_interpolation(c) ? interpolated(c) : literal(c);
	else if (c->p < c->end && is_name_start((unsigned char) *c->p))
	{
		JqNode	   *name = field(c, node(JQ_IDENTITY, NULL, NULL));

		key = node(JQ_LITERAL, NULL, NULL);
		si_node_string(&key->literal, name->name, name->name_len);
		*value = name;
	}
	else
		return fail(c, "a key is expected");
	if (key != NULL && key->kind == JQ_LITERAL && *value == NULL)
	{
		*value = node(JQ_FIELD, node(JQ_IDENTITY, NULL, NULL), NULL);
		(*value)->name = pnstrdup(key->literal.v.ptr, key->literal.v.len);
		(*value)->name_len = key->literal.v.len;
	}
	return key;
}

/* A pipe without commas, which part the entries. */
static JqNode *
object_value(Compiler *c)
{
	JqNode	   *left = alternative(c);

	while (left != NULL && take(c, "|"))
	{
		JqNode	   *right = alternative(c);

		left = right ? node(JQ_PIPE, left, right) : NULL;
	}
	return left;
}

/* From behind the brace. */
static JqNode *
object(Compiler *c)
{
	JqNode	   *n = node(JQ_OBJECT, NULL, NULL);
	JqNode	  **tail = &n->entries;

	if (take(c, "}"))
		return n;
	do
	{
		JqNode	   *value;
		JqNode	   *key = object_key(c, &value);

		if (key == NULL)
			return NULL;
		if (take(c, ":"))
			value = object_value(c);
		else if (value == NULL)
			return fail(c, "\":\" is expected");
		if (value == NULL)
			return NULL;
		*tail = node(JQ_OBJECT, key, value);
		tail = &(*tail)->next;
	} while (take(c, ","));
	return take(c, "}") ? n : fail(c, "\"}\" is expected");
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

static JqNode *steps(Compiler *c);

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
		{
			c->p++;
			return node(JQ_RECURSE, NULL, NULL);
		}
		n = node(JQ_IDENTITY, NULL, NULL);
		if (c->p < c->end && (is_name_start((unsigned char) *c->p) || *c->p == '"'))
			return field(c, n);
		return n;
	}
	if (take(c, "{"))
		return object(c);
	if (*c->p == '"' && has_interpolation(c))
		return interpolated(c);
	if (*c->p == '"' || isdigit((unsigned char) *c->p) ||
		(*c->p == '-' && c->p + 1 < c->end && isdigit((unsigned char) c->p[1])))
		return literal(c);
	if (take(c, "-"))
	{
		if (++c->depth > MAX_DEPTH)
			return fail(c, "nested too deep");
		n = steps(c);
		c->depth--;
		return n ? node(JQ_NEGATE, n, NULL) : NULL;
	}
	if (take_word(c, "if"))
		return if_expression(c);
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
calculation(char op, JqNode *left, JqNode *right)
{
	JqNode	   *n;

	if (right == NULL)
		return NULL;
	n = node(JQ_ARITHMETIC, left, right);
	n->op = op;
	return n;
}

static JqNode *
product(Compiler *c)
{
	JqNode	   *left = steps(c);
	char		op;

	while (left != NULL)
	{
		blanks(c);
		if (c->p == c->end || strchr("*/%", *c->p) == NULL || (c->end - c->p > 1 && c->p[0] == '/' && c->p[1] == '/'))
			break;
		op = *c->p++;
		left = calculation(op, left, steps(c));
	}
	return left;
}

static JqNode *
sum(Compiler *c)
{
	JqNode	   *left = product(c);
	char		op;

	while (left != NULL)
	{
		blanks(c);
		if (c->p == c->end || (*c->p != '+' && *c->p != '-'))
			break;
		op = *c->p++;
		left = calculation(op, left, product(c));
	}
	return left;
}

static JqNode *
comparison(Compiler *c)
{
	static const char *const operators[] = {"==", "!=", "<=", "<", ">=", ">"};
	JqNode	   *left = sum(c);

	for (int i = 0; left != NULL && i < lengthof(operators); i++)
	{
		if (take(c, operators[i]))
		{
			JqNode	   *right = sum(c);

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
