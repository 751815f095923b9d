/*
 * jq_parse.c
 *		Text of a jq expression to nodes, by the grammar of Druid's library.
 *
 * Names are resolved here.  A variable and a parameter stand at a depth, the
 * number of names around them; a definition knows the depth at which it was
 * made.  As in the library a definition holds to the end of what it stands
 * in: the expression, the body of another one, or what follows "as".
 */
#include "common/port.h"

#include <ctype.h>

#include "format/jq_parse.h"
#include "format/jsontext.h"

static JqNode *primary(JqCompiler *c);

/* From behind the dollar. */
static JqNode *
variable(JqCompiler *c)
{
	const char *start = c->p - 1;
	char	   *text = si_jq_name(c, false);
	const JqName *found;
	JqNode	   *n;

	if (text == NULL)
		return NULL;
	found = si_jq_find_variable(c, text);
	if (found == NULL)
		return si_jq_fail_at(c, start, "a variable that is not defined");
	n = si_jq_node(JQ_VARIABLE, NULL, NULL);
	n->depth = found->depth;
	return n;
}

/*
 * Strings
 */

/* The end of a piece of a string: a quote, or \( ; NULL and a reason. */
static const char *
piece_end(JqCompiler *c)
{
	for (; c->p < c->end; c->p++)
	{
		if (*c->p == '"')
			return c->p;
		if (strchr("\b\f\n\r\t", *c->p) != NULL)
			return si_jq_fail(c, "a control character in a string"), NULL;
		if (*c->p != '\\')
			continue;
		if (c->p + 1 < c->end && c->p[1] == '(')
			return c->p;
		if (c->p + 1 == c->end || strchr("\"\\bfnrtu", c->p[1]) == NULL)
			return si_jq_fail(c, "an escape that is not known"), NULL;
		c->p++;
	}
	return si_jq_fail(c, "the string is not closed"), NULL;
}

/* A piece up to stop, unescaped, as a literal. */
static JqNode *
piece(JqCompiler *c, const char *start, const char *stop)
{
	char	   *text = palloc(stop - start + 1);
	ptrdiff_t	len = si_json_unescape(start, stop - start, text);

	if (len < 0)
		return si_jq_fail_at(c, start, "an escape that is not known");
	return si_jq_text_node(JQ_LITERAL, NULL, text, len);
}

/* A string, with its format or NULL; from behind the quote. */
static JqNode *
string(JqCompiler *c, JqNode *format)
{
	JqNode	   *n = si_jq_node(JQ_TEXT, format, NULL);
	JqNode	  **tail = &n->entries;

	for (;;)
	{
		const char *start = c->p;
		const char *stop = piece_end(c);
		JqNode	   *part = stop ? piece(c, start, stop) : NULL;

		if (part == NULL)
			return NULL;
		if (*stop == '"' && n->entries == NULL)
		{
			c->p++;
			return part;
		}
		*tail = si_jq_node(JQ_TEXT, NULL, part);
		tail = &(*tail)->next;
		if (*stop == '"')
			break;
		c->p += 2;
		part = si_jq_parse_pipe(c, true);
		if (part == NULL || !si_jq_want(c, ')'))
			return NULL;
		*tail = si_jq_node(JQ_TEXT, NULL, part);
		(*tail)->permissive = true;
		tail = &(*tail)->next;
	}
	c->p++;
	return n;
}

/* @name, or @name "..."; from behind the @. */
static JqNode *
format(JqCompiler *c)
{
	const char *start = c->p - 1;
	char	   *text = si_jq_name(c, true);
	JqNode	   *n;

	if (text == NULL)
		return NULL;
	n = si_jq_call_of(c, start, psprintf("@%s", text), NULL, 0);
	if (n == NULL)
		return NULL;
	return si_jq_take(c, '"') ? string(c, n) : n;
}

/*
 * Steps
 */

/* What follows "[" of a step. */
static JqNode *
bracket(JqCompiler *c, JqNode *left)
{
	JqNode	   *n = si_jq_node(JQ_ITERATE, left, NULL);

	if (si_jq_take(c, ']'))
		return n;
	n->kind = JQ_INDEX_BY;
	si_jq_blanks(c);
	if (c->p < c->end && *c->p != ':')
	{
		n->right = si_jq_parse_pipe(c, true);
		if (n->right == NULL)
			return NULL;
	}
	if (si_jq_take(c, ':'))
	{
		n->kind = JQ_SLICE;
		si_jq_blanks(c);
		if (c->p < c->end && *c->p != ']')
		{
			n->third = si_jq_parse_pipe(c, true);
			if (n->third == NULL)
				return NULL;
		}
		else if (n->right == NULL)
			n->kind = JQ_ITERATE;
	}
	else if (n->right == NULL)
		return si_jq_fail(c, "an index is expected");
	else if (n->right->kind == JQ_LITERAL && (n->right->literal.v.kind == SI_VALUE_STRING ||
											  n->right->literal.v.kind == SI_VALUE_LONG))
	{
		n->kind = n->right->literal.v.kind == SI_VALUE_STRING ? JQ_FIELD : JQ_INDEX;
		n->literal = n->right->literal;
		n->right = NULL;
	}
	return si_jq_want(c, ']') ? n : NULL;
}

/* One step from c->p: a name, a string or a bracket; behind the dot of the first two. */
static JqNode *
step(JqCompiler *c, JqNode *left)
{
	JqNode	   *n;
	size_t		len = si_jq_word(c);

	if (len > 0)
	{
		n = si_jq_text_node(JQ_FIELD, left, pnstrdup(c->p, len), len);
		c->p += len;
	}
	else if (*c->p == '"' || *c->p == '@')
	{
		c->p++;
		n = c->p[-1] == '"' ? string(c, NULL) : format(c);
		if (n == NULL)
			return NULL;
		if (n->kind == JQ_LITERAL)
			n = si_jq_text_node(JQ_FIELD, left, n->literal.v.ptr, n->literal.v.len);
		else
			n = si_jq_node(JQ_FIELD_BY, left, n);
	}
	else
	{
		c->p++;
		n = bracket(c, left);
	}
	if (n != NULL)
		n->permissive = si_jq_take(c, '?');
	return n;
}

/* Steps behind a value. */
static JqNode *
steps(JqCompiler *c, JqNode *n)
{
	while (n != NULL)
	{
		si_jq_blanks(c);
		if (c->end - c->p >= 2 && *c->p == '.' && (si_jq_is_letter(c->p[1]) || c->p[1] == '"' || c->p[1] == '@'))
		{
			c->p++;
			n = step(c, n);
		}
		else if (c->p < c->end && *c->p == '[')
			n = step(c, n);
		else
			break;
	}
	return n;
}

/* From behind a dot. */
static JqNode *
root(JqCompiler *c)
{
	JqNode	   *n = si_jq_node(JQ_IDENTITY, NULL, NULL);

	if (c->p < c->end && *c->p == '.')
	{
		c->p++;
		return si_jq_node(JQ_RECURSE, NULL, NULL);
	}
	if (c->p < c->end && si_jq_is_letter(*c->p))
		return steps(c, step(c, n));
	si_jq_blanks(c);
	if (c->p < c->end && (*c->p == '"' || *c->p == '[' || *c->p == '@'))
		return steps(c, step(c, n));
	return n;
}

/*
 * Patterns
 */

static JqPattern *pattern(JqCompiler *c);

/* A key of a pattern: a name, a string, or an expression. */
static JqNode *
pattern_key(JqCompiler *c)
{
	JqNode	   *key;
	char	   *text;

	if (si_jq_take(c, '('))
	{
		key = si_jq_parse_pipe(c, true);
		return key != NULL && si_jq_want(c, ')') ? key : NULL;
	}
	if (si_jq_take(c, '"'))
		return string(c, NULL);
	text = si_jq_name(c, true);
	return text ? si_jq_text_node(JQ_LITERAL, NULL, text, strlen(text)) : NULL;
}

static JqPattern *
parts(JqCompiler *c, JqPattern *p, char close)
{
	JqPattern **tail = &p->parts;

	do
	{
		JqNode	   *key = NULL;

		if (close == '}' && ((key = pattern_key(c)) == NULL || !si_jq_want(c, ':')))
			return NULL;
		*tail = pattern(c);
		if (*tail == NULL)
			return NULL;
		(*tail)->key = key;
		tail = &(*tail)->next;
	} while (si_jq_take(c, ','));
	return si_jq_want(c, close) ? p : NULL;
}

/* Its variables are names from now on; of equal ones in it the first. */
static JqPattern *
pattern(JqCompiler *c)
{
	JqPattern  *p = palloc0(sizeof(JqPattern));
	char	   *text;

	if (!si_jq_deeper(c))
		return NULL;
	if (si_jq_take(c, '$'))
	{
		text = si_jq_name(c, false);
		if (text == NULL)
			return NULL;
		p->kind = JQ_PATTERN_VARIABLE;
		si_jq_push_name(c, text, true, NULL);
	}
	else if (si_jq_take(c, '['))
	{
		p->kind = JQ_PATTERN_ARRAY;
		p = parts(c, p, ']');
	}
	else if (si_jq_take(c, '{'))
	{
		p->kind = JQ_PATTERN_OBJECT;
		p = parts(c, p, '}');
	}
	else
	{
		si_jq_fail(c, "a pattern is expected");
		return NULL;
	}
	c->depth--;
	return p;
}

/* Hides a variable of the names down to outer when an earlier one of them is called the same. */
static JqPattern *
whole_pattern(JqCompiler *c)
{
	const JqName *outer = c->names;
	JqPattern  *p = pattern(c);

	if (p == NULL)
		return NULL;
	for (const JqName *n = c->names; n != outer; n = n->up)
		for (const JqName *other = n->up; other != outer; other = other->up)
			if (strcmp(other->name, n->name) == 0)
				n->name[0] = '\0';
	return p;
}

/*
 * Objects
 */

/* The key of an entry, and its value when that follows from the key. */
static JqNode *
object_key(JqCompiler *c, JqNode *entry)
{
	char	   *text;

	if (si_jq_take(c, '$'))
	{
		const JqName *found;

		text = si_jq_name(c, true);
		found = text ? si_jq_find_variable(c, text) : NULL;
		if (text != NULL && found == NULL)
			return si_jq_fail(c, "a variable that is not defined");
		if (text == NULL)
			return NULL;
		entry->right = si_jq_node(JQ_VARIABLE, NULL, NULL);
		entry->right->depth = found->depth;
		return si_jq_text_node(JQ_LITERAL, NULL, text, strlen(text));
	}
	entry->permissive = true;
	if (si_jq_take(c, '('))
	{
		JqNode	   *key = si_jq_parse_pipe(c, true);

		entry->permissive = false;
		return key != NULL && si_jq_want(c, ')') ? key : NULL;
	}
	if (si_jq_take(c, '"'))
		return string(c, NULL);
	if (si_jq_take(c, '@'))
		return format(c);
	text = si_jq_name(c, true);
	return text ? si_jq_text_node(JQ_LITERAL, NULL, text, strlen(text)) : NULL;
}

/* From behind the brace. */
static JqNode *
object(JqCompiler *c)
{
	JqNode	   *n = si_jq_node(JQ_OBJECT, NULL, NULL);
	JqNode	  **tail = &n->entries;

	if (si_jq_take(c, '}'))
		return n;
	do
	{
		JqNode	   *entry = si_jq_node(JQ_OBJECT, NULL, NULL);

		entry->left = object_key(c, entry);
		if (entry->left == NULL)
			return NULL;
		if (entry->right == NULL && si_jq_take(c, ':'))
		{
			entry->right = si_jq_parse_pipe(c, false);
			if (entry->right == NULL)
				return NULL;
		}
		else if (entry->right == NULL && !entry->permissive)
			return si_jq_fail(c, "\":\" is expected");
		*tail = entry;
		tail = &entry->next;
	} while (si_jq_take(c, ','));
	return si_jq_want(c, '}') ? n : NULL;
}

/*
 * Expressions with words
 */

/* if ... then ... (elif ... then ...) else ... end, from behind the if. */
static JqNode *
if_expression(JqCompiler *c)
{
	JqNode	   *n = si_jq_node(JQ_IF, NULL, NULL);
	JqNode	   *last = n;

	for (;;)
	{
		last->left = si_jq_parse_pipe(c, true);
		if (last->left == NULL || !si_jq_want_word(c, "then"))
			return NULL;
		last->right = si_jq_parse_pipe(c, true);
		if (last->right == NULL)
			return NULL;
		if (!si_jq_take_word(c, "elif"))
			break;
		last->third = si_jq_node(JQ_IF, NULL, NULL);
		last = last->third;
	}
	if (!si_jq_want_word(c, "else"))
		return NULL;
	last->third = si_jq_parse_pipe(c, true);
	return last->third != NULL && si_jq_want_word(c, "end") ? n : NULL;
}

static JqNode *
try_expression(JqCompiler *c)
{
	JqNode	   *n = si_jq_node(JQ_TRY, si_jq_parse_pipe(c, true), NULL);

	if (n->left == NULL)
		return NULL;
	if (si_jq_take_word(c, "catch"))
	{
		n->right = primary(c);
		if (n->right == NULL)
			return NULL;
	}
	return n;
}

/* reduce and foreach: ... as pattern (init; update; extract) */
static JqNode *
fold(JqCompiler *c, JqKind kind)
{
	JqNode	   *n = si_jq_node(kind, primary(c), NULL);
	const JqName *names = c->names;
	const JqName *inside;
	int			depth = c->names_depth;
	int			inside_depth;

	if (n->left == NULL || !si_jq_want_word(c, "as"))
		return NULL;
	n->pattern = whole_pattern(c);
	if (n->pattern == NULL || !si_jq_want(c, '('))
		return NULL;
	inside = c->names;
	inside_depth = c->names_depth;
	si_jq_restore_names(c, names, depth);
	n->right = si_jq_parse_pipe(c, true);
	if (n->right == NULL || !si_jq_want(c, ';'))
		return NULL;
	si_jq_restore_names(c, inside, inside_depth);
	n->third = si_jq_parse_pipe(c, true);
	if (n->third == NULL)
		return NULL;
	if (kind == JQ_FOREACH && si_jq_take(c, ';'))
	{
		n->extract = si_jq_parse_pipe(c, true);
		if (n->extract == NULL)
			return NULL;
	}
	si_jq_restore_names(c, names, depth);
	return si_jq_want(c, ')') ? n : NULL;
}

static JqNode *
word_expression(JqCompiler *c)
{
	JqNode	   *n;

	if (si_jq_take_word(c, "if"))
		return if_expression(c);
	if (si_jq_take_word(c, "try"))
		return try_expression(c);
	if (si_jq_take_word(c, "reduce"))
		return fold(c, JQ_REDUCE);
	if (si_jq_take_word(c, "foreach"))
		return fold(c, JQ_FOREACH);
	n = si_jq_node(JQ_LITERAL, NULL, NULL);
	if (si_jq_take_word(c, "null"))
		si_node_null(&n->literal);
	else if (si_jq_take_word(c, "true"))
		si_node_bool(&n->literal, true);
	else if (si_jq_take_word(c, "false"))
		si_node_bool(&n->literal, false);
	else if (si_jq_is_keyword(c->p, si_jq_word(c)))
		return si_jq_fail(c, si_jq_is_word(c->p, si_jq_word(c), "label") || si_jq_is_word(c->p, si_jq_word(c), "import") ||
					si_jq_is_word(c->p, si_jq_word(c), "include") || si_jq_is_word(c->p, si_jq_word(c), "module") ?
					"a word that Druid's jq does not know" : "an expression is expected");
	else
		n = si_jq_parse_call(c);
	return steps(c, n);
}

/* (...), and what follows it. */
static JqNode *
parenthesis(JqCompiler *c)
{
	JqNode	   *n = si_jq_parse_pipe(c, true);

	if (n == NULL || !si_jq_want(c, ')'))
		return NULL;
	n = steps(c, n);
	if (n != NULL && si_jq_take(c, '?'))
		n = si_jq_node(JQ_TRY, n, NULL);
	return n;
}

static JqNode *
array(JqCompiler *c)
{
	JqNode	   *n;

	if (si_jq_take(c, ']'))
		return si_jq_node(JQ_ARRAY, NULL, NULL);
	n = si_jq_parse_pipe(c, true);
	return n != NULL && si_jq_want(c, ']') ? si_jq_node(JQ_ARRAY, n, NULL) : NULL;
}

static JqNode *
primary_inside(JqCompiler *c)
{
	JqNode	   *n;

	while (si_jq_take_word(c, "def"))
		if (!si_jq_parse_definition(c))
			return NULL;
	si_jq_blanks(c);
	if (c->p == c->end)
		return si_jq_fail(c, "an expression is expected");
	if (isdigit((unsigned char) *c->p) || (*c->p == '.' && c->p + 1 < c->end && isdigit((unsigned char) c->p[1])))
		return steps(c, si_jq_parse_number(c));
	if (si_jq_is_letter(*c->p))
		return word_expression(c);
	switch (*c->p++)
	{
		case '.':
			return root(c);
		case '$':
			return steps(c, variable(c));
		case '"':
			return steps(c, string(c, NULL));
		case '@':
			return steps(c, format(c));
		case '[':
			return steps(c, array(c));
		case '{':
			return steps(c, object(c));
		case '(':
			return parenthesis(c);
		case '-':
			n = primary(c);
			return n ? si_jq_node(JQ_NEGATE, n, NULL) : NULL;
		default:
			return si_jq_fail_at(c, c->p - 1, "an expression is expected");
	}
}

static JqNode *
primary(JqCompiler *c)
{
	JqNode	   *n = si_jq_deeper(c) ? primary_inside(c) : NULL;

	c->depth--;
	return n;
}

/*
 * Operators
 */

typedef struct Operator
{
	const char *text;
	int			level;			/* 1 binds most */
	JqKind		kind;
	char		op;				/* of arithmetic and assignments; of comparisons a JqComparison */
} Operator;

/* Longer ones first.  As in the library "and" and "or" are of one level. */
static const Operator operators[] = {
	{"//=", 6, JQ_ASSIGN, 'o'},
	{"|=", 6, JQ_ASSIGN, '|'}, {"+=", 6, JQ_ASSIGN, '+'}, {"-=", 6, JQ_ASSIGN, '-'}, {"*=", 6, JQ_ASSIGN, '*'},
	{"/=", 6, JQ_ASSIGN, '/'}, {"%=", 6, JQ_ASSIGN, '%'},
	{"//", 5, JQ_ALTERNATIVE}, {"==", 3, JQ_COMPARE, JQ_EQ}, {"!=", 3, JQ_COMPARE, JQ_NE},
	{"<=", 3, JQ_COMPARE, JQ_LE}, {">=", 3, JQ_COMPARE, JQ_GE},
	{"<", 3, JQ_COMPARE, JQ_LT}, {">", 3, JQ_COMPARE, JQ_GT}, {"=", 6, JQ_ASSIGN, '='},
	{"+", 2, JQ_ARITHMETIC, '+'}, {"-", 2, JQ_ARITHMETIC, '-'}, {"*", 1, JQ_ARITHMETIC, '*'},
	{"/", 1, JQ_ARITHMETIC, '/'}, {"%", 1, JQ_ARITHMETIC, '%'},
	{"and", 4, JQ_AND}, {"or", 4, JQ_OR}
};

static const Operator *
next_operator(JqCompiler *c)
{
	size_t		len;

	si_jq_blanks(c);
	len = si_jq_word(c);
	for (int i = 0; i < lengthof(operators); i++)
	{
		const Operator *o = &operators[i];
		size_t		n = strlen(o->text);

		if (len > 0 ? si_jq_is_word(c->p, len, o->text) : n <= (size_t) (c->end - c->p) && memcmp(c->p, o->text, n) == 0)
			return o;
	}
	return NULL;
}

/* Operators of at most this level. */
static JqNode *
operation(JqCompiler *c, int level)
{
	JqNode	   *left = primary(c);
	const Operator *o;

	while (left != NULL && (o = next_operator(c)) != NULL && o->level <= level)
	{
		const char *start = c->p;
		JqNode	   *right;

		if (o->kind == JQ_ASSIGN && !si_jq_is_path(left))
			return si_jq_fail_at(c, start, "what is assigned to must be a path such as .a.b[0]:");
		c->p += strlen(o->text);
		if (!si_jq_deeper(c))
			return NULL;
		right = operation(c, o->kind == JQ_ASSIGN ? o->level : o->level - 1);
		c->depth--;
		if (right == NULL)
			return NULL;
		left = si_jq_node(o->kind, left, right);
		left->op = o->op;
		left->comparison = o->kind == JQ_COMPARE ? (JqComparison) o->op : JQ_EQ;
	}
	return left;
}

static JqNode *
comma(JqCompiler *c)
{
	JqNode	   *left = operation(c, 6);

	while (left != NULL && si_jq_take(c, ','))
	{
		JqNode	   *right = operation(c, 6);

		left = right ? si_jq_node(JQ_COMMA, left, right) : NULL;
	}
	return left;
}

static JqNode *
join_pipe(JqNode *left, JqNode *right)
{
	return left ? si_jq_node(JQ_PIPE, left, right) : right;
}

JqNode *
si_jq_parse_pipe(JqCompiler *c, bool commas)
{
	JqNode	   *left = NULL;

	for (;;)
	{
		JqNode	   *n = commas ? comma(c) : operation(c, 6);
		const JqName *names = c->names;
		int			depth = c->names_depth;

		if (n == NULL)
			return NULL;
		if (si_jq_take_word(c, "as"))
		{
			n = si_jq_node(JQ_BIND, n, NULL);
			n->pattern = whole_pattern(c);
			if (n->pattern == NULL || !si_jq_want(c, '|') || !si_jq_deeper(c))
				return NULL;
			n->right = si_jq_parse_pipe(c, commas);
			c->depth--;
			si_jq_restore_names(c, names, depth);
			return n->right ? join_pipe(left, n) : NULL;
		}
		left = join_pipe(left, n);
		if (!si_jq_take(c, '|'))
			return left;
	}
}

JqNode *
si_jq_parse(SiJq *jq, const char *text, SiReason *why)
{
	JqCompiler	c = {.jq = jq,.text = text,.p = text,.end = text + strlen(text),.why = why};
	JqNode	   *n = si_jq_parse_pipe(&c, true);

	if (n == NULL)
		return NULL;
	si_jq_blanks(&c);
	return c.p == c.end ? n : si_jq_fail(&c, "something that is not expected");
}
