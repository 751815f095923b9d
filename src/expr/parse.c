/*
 * parse.c
 *		From the text of an expression to its nodes.
 *
 * Duties: tokens, precedence, literals, lambdas and their scopes, the number
 * of a function's arguments.  Nothing is evaluated here, and what functions
 * do is in fn_*.c.
 */
#include "common/port.h"

#include "expr/expr_int.h"
#include "expr/tree.h"
#include "format/jsontext.h"
#include "format/number.h"
#include "format/utf8.h"

typedef enum TokenKind
{
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_LONG,
	TOKEN_DOUBLE,
	TOKEN_STRING,
	TOKEN_SIGN					/* operators and punctuation */
} TokenKind;

typedef struct Token
{
	TokenKind	kind;
	const char *start;			/* as written */
	int			len;
	const char *text;			/* NAME, STRING: unescaped */
	int			text_len;
	bool		quoted;			/* NAME in double quotes */
} Token;

typedef struct Parser
{
	SiExpr	   *expr;
	const char *begin;
	const char *at;
	Token		token;			/* the next one */
	int			depth;
	bool		failed;
	SiExprError *err;
	/* names of the lambdas' arguments around */
	int			nlocals;
	Token		locals[SI_EXPR_MAX_LOCALS];
} Parser;

static SiExprNode *parse_expr(Parser *p, int min_level);

static int
position_of(const Parser *p, const char *at)
{
	int			n = 1;

	for (const char *s = p->begin; s < at; s++)
		n += ((unsigned char) *s & 0xC0) != 0x80;
	return n;
}

/* The first complaint is kept.  Always NULL. */
static void *pg_attribute_printf(3, 4)
fail_at(Parser *p, const char *at, const char *fmt,...)
{
	va_list		args;

	if (p->failed)
		return NULL;
	p->failed = true;
	p->err->position = position_of(p, at);
	va_start(args, fmt);
	vsnprintf(p->err->text.text, SI_REASON_LEN, fmt, args);
	va_end(args);
	return NULL;
}

/* ------------------------------------------------------------------ tokens */

static bool
is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A text in quotes; escapes are JSON's, and \' and \" whatever the quote. */
static void
quoted_token(Parser *p, Token *t, TokenKind kind, char quote)
{
	const char *s = p->at + 1;
	char	   *copy;
	size_t		n = 0;
	ptrdiff_t	len;

	while (*s != '\0' && *s != quote)
		s += (*s == '\\' && s[1] != '\0') ? 2 : 1;
	if (*s != quote)
	{
		fail_at(p, p->at, "the text that begins here has no closing quote");
		t->kind = TOKEN_END;
		return;
	}
	copy = palloc(s - p->at + 1);
	for (const char *c = p->at + 1; c < s; c++)
	{
		if (*c == '\\' && c[1] == '\'')
			c++;
		else if (*c == '\\')
			copy[n++] = *c++;
		copy[n++] = *c;
	}
	t->kind = kind;
	t->text = palloc(n + 1);
	len = si_json_unescape(copy, n, (char *) t->text);
	if (len < 0)
	{
		fail_at(p, p->at, "unknown escape in the text that begins here");
		len = 0;
	}
	if (len > 0 && memchr(t->text, '\0', len) != NULL)
		fail_at(p, p->at, "the text that begins here has a NUL character");
	t->text_len = (int) len;
	p->at = s + 1;
	t->len = (int) (p->at - t->start);
}

static void
number_token(Parser *p, Token *t)
{
	const char *s = p->at;

	t->kind = TOKEN_LONG;
	while (is_digit(*s))
		s++;
	if (*s == '.')
	{
		t->kind = TOKEN_DOUBLE;
		s++;
		while (is_digit(*s))
			s++;
	}
	if ((*s == 'e' || *s == 'E') && (is_digit(s[1]) || ((s[1] == '-' || s[1] == '+') && is_digit(s[2]))))
	{
		t->kind = TOKEN_DOUBLE;
		s += 2;
		while (is_digit(*s))
			s++;
	}
	p->at = s;
	t->len = (int) (s - t->start);
}

static void
next_token(Parser *p)
{
	static const char *const signs[] = {"<=", ">=", "==", "!=", "&&", "||", "->",
	"<", ">", "!", "-", "+", "*", "/", "%", "^", "(", ")", "[", "]", ","};
	Token	   *t = &p->token;

	while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r' || *p->at == '\n')
		p->at++;
	memset(t, 0, sizeof(*t));
	t->start = p->at;
	if (*p->at == '\0')
		return;
	if (is_name_start(*p->at))
	{
		while (is_name_start(*p->at) || is_digit(*p->at))
			p->at++;
		t->kind = TOKEN_NAME;
		t->text = t->start;
		t->len = t->text_len = (int) (p->at - t->start);
		return;
	}
	if (is_digit(*p->at) || (*p->at == '.' && is_digit(p->at[1])))
	{
		number_token(p, t);
		return;
	}
	if (*p->at == '\'')
	{
		quoted_token(p, t, TOKEN_STRING, '\'');
		return;
	}
	if (*p->at == '"')
	{
		quoted_token(p, t, TOKEN_NAME, '"');
		t->quoted = true;
		return;
	}
	for (int i = 0; i < lengthof(signs); i++)
		if (strncmp(p->at, signs[i], strlen(signs[i])) == 0)
		{
			t->kind = TOKEN_SIGN;
			t->text = signs[i];
			t->len = t->text_len = (int) strlen(signs[i]);
			p->at += t->len;
			return;
		}
	if (*p->at == '=')
		fail_at(p, p->at, "\"=\" is no operator: equality is written \"==\"");
	else
		fail_at(p, p->at, "unexpected character \"%.*s\"", si_format_clip(p->at, si_utf8_length(p->at)), p->at);
}

static bool
is_sign(const Parser *p, const char *sign)
{
	return p->token.kind == TOKEN_SIGN && strcmp(p->token.text, sign) == 0;
}

static bool
accept_sign(Parser *p, const char *sign)
{
	if (p->failed || !is_sign(p, sign))
		return false;
	next_token(p);
	return true;
}

static void *
unexpected(Parser *p, const char *wanted)
{
	if (p->token.kind == TOKEN_END)
		return fail_at(p, p->token.start, "%s is expected at the end", wanted);
	return fail_at(p, p->token.start, "%s is expected instead of \"%.*s\"", wanted,
				   si_format_clip(p->token.start, p->token.len), p->token.start);
}

static bool
expect_sign(Parser *p, const char *sign, const char *shown)
{
	if (accept_sign(p, sign))
		return true;
	unexpected(p, shown);
	return false;
}

static bool
name_is(const Token *t, const char *name)
{
	return t->kind == TOKEN_NAME && !t->quoted && t->text_len == strlen(name) &&
		strncmp(t->text, name, t->text_len) == 0;
}

/* ------------------------------------------------------------------- nodes */

static SiExprNode *
make_node(Parser *p, SiExprNodeKind kind, const char *at)
{
	SiExprNode *n = palloc0(sizeof(SiExprNode));

	n->kind = kind;
	n->position = position_of(p, at);
	return n;
}

static SiExprNode *
constant(Parser *p, const char *at, SiExprValue v)
{
	SiExprNode *n = make_node(p, SI_NODE_CONST, at);

	n->value = v;
	return n;
}

static SiExprNode *
with_args(SiExprNode *n, int nargs, SiExprNode *a, SiExprNode *b)
{
	n->nargs = nargs;
	n->args = palloc(sizeof(SiExprNode *) * 2);
	n->args[0] = a;
	n->args[1] = b;
	return n;
}

/* A number, null or text; false when the token is none of them. */
static bool
literal_value(Parser *p, SiExprValue *v)
{
	const Token *t = &p->token;
	bool		negative = is_sign(p, "-");

	if (negative)
		next_token(p);
	if (t->kind == TOKEN_LONG)
	{
		int64		i;

		if (negative && t->len == 19 && memcmp(t->start, "9223372036854775808", 19) == 0)
			*v = si_expr_long(PG_INT64_MIN);
		else if (!si_long_from_text(t->start, t->len, &i))
			fail_at(p, t->start, "the number %.*s does not fit into 64 bits", si_format_clip(t->start, t->len), t->start);
		else
			*v = si_expr_long(negative ? -i : i);
	}
	else if (t->kind == TOKEN_DOUBLE)
	{
		double		d = strtod(t->start, NULL);

		*v = si_expr_double(negative ? -d : d);
	}
	else if (name_is(t, "NaN") || name_is(t, "Infinity"))
	{
		double		d = t->text[0] == 'N' ? strtod("nan", NULL) : strtod("inf", NULL);

		*v = si_expr_double(negative ? -d : d);
	}
	else if (t->kind == TOKEN_STRING && !negative)
		*v = si_expr_text(t->text, t->text_len);
	else if (name_is(t, "null") && !negative)
		*v = si_expr_null();
	else
		return false;
	if (!p->failed)
		next_token(p);
	return !p->failed;
}

/* The elements of an array literal after its bracket. */
static SiExprNode *
array_literal(Parser *p, const char *at, int element)
{
	int			n = 0;
	int			cap = 8;
	SiExprValue *items = palloc(sizeof(SiExprValue) * cap);
	bool		any_string = false;
	bool		any_double = false;

	while (!p->failed && !is_sign(p, "]"))
	{
		if (n == cap)
			items = repalloc(items, sizeof(SiExprValue) * (cap *= 2));
		if (!literal_value(p, &items[n]))
			return unexpected(p, "a literal or \"]\"");
		any_string |= !items[n].isnull && items[n].type == SI_EXPR_STRING;
		any_double |= !items[n].isnull && items[n].type == SI_EXPR_DOUBLE;
		n++;
		(void) accept_sign(p, ",");
	}
	if (!expect_sign(p, "]", "\"]\""))
		return NULL;
	if (element < 0)
		element = any_string || n == 0 ? SI_EXPR_STRING : any_double ? SI_EXPR_DOUBLE : SI_EXPR_LONG;
	for (int i = 0; i < n; i++)
	{
		SiExprValue *v = &items[i];

		if (!v->isnull && v->type != element)
		{
			if (v->type == SI_EXPR_STRING || element == SI_EXPR_STRING)
				return fail_at(p, at, "the elements of an array must be of one type");
			*v = element == SI_EXPR_DOUBLE ? si_expr_double((double) v->u.i) : si_expr_long(si_long_from_double(v->u.d));
		}
		v->type = element;
	}
	return constant(p, at, si_expr_array(items, n, element));
}

/* <LONG>[...] and ARRAY<LONG>[...], after the "<". */
static SiExprNode *
typed_array(Parser *p, const char *at)
{
	int			element = name_is(&p->token, "LONG") ? SI_EXPR_LONG : name_is(&p->token, "DOUBLE") ? SI_EXPR_DOUBLE :
		name_is(&p->token, "STRING") ? SI_EXPR_STRING : -1;

	if (element < 0)
		return unexpected(p, "LONG, DOUBLE or STRING");
	next_token(p);
	if (!expect_sign(p, ">", "\">\"") || !expect_sign(p, "[", "\"[\""))
		return NULL;
	return array_literal(p, at, element);
}

static SiExprNode *
variable(Parser *p, const Token *name)
{
	SiExprNode *n;

	for (int i = p->nlocals - 1; i >= 0; i--)
		if (p->locals[i].text_len == name->text_len &&
			memcmp(p->locals[i].text, name->text, name->text_len) == 0)
		{
			n = make_node(p, SI_NODE_LOCAL, name->start);
			n->index = i;
			return n;
		}
	if (name->text_len == 0)
		return fail_at(p, name->start, "a field needs a name");
	n = make_node(p, SI_NODE_FIELD, name->start);
	n->index = si_expr_add_field(p->expr, name->text, name->text_len);
	return n;
}

/* (x, y) -> or x ->: the names are in scope until the caller takes them out. */
static bool
lambda_head(Parser *p)
{
	bool		parens = accept_sign(p, "(");

	do
	{
		if (parens && is_sign(p, ")"))
			break;
		if (p->token.kind != TOKEN_NAME)
		{
			unexpected(p, "the name of a lambda's argument");
			return false;
		}
		if (p->nlocals == SI_EXPR_MAX_LOCALS)
		{
			fail_at(p, p->token.start, "there are more than %d arguments of lambdas here", SI_EXPR_MAX_LOCALS);
			return false;
		}
		p->locals[p->nlocals++] = p->token;
		next_token(p);
	} while (parens && accept_sign(p, ","));
	if (parens && !expect_sign(p, ")", "\")\""))
		return false;
	return expect_sign(p, "->", "\"->\" of a lambda");
}

static bool
parse_lambda(Parser *p, SiExprNode *call, const Token *name)
{
	call->first_local = p->nlocals;
	if (!lambda_head(p))
		return false;
	call->nlocals = p->nlocals - call->first_local;
	if (call->fn->lambda > 0 && call->nlocals != call->fn->lambda)
	{
		fail_at(p, name->start, "the lambda of %s has %d argument%s, not %d", call->fn->name,
				call->fn->lambda, call->fn->lambda == 1 ? "" : "s", call->nlocals);
		return false;
	}
	call->lambda = parse_expr(p, 0);
	p->nlocals = call->first_local;
	return call->lambda != NULL && expect_sign(p, ",", "\",\"");
}

static bool
check_count(Parser *p, const SiExprNode *call, const Token *name)
{
	const SiExprFunction *f = call->fn;

	if (call->nargs >= f->min_args && (f->max_args < 0 || call->nargs <= f->max_args))
		return true;
	if (f->min_args == f->max_args)
		fail_at(p, name->start, "function %s takes %d argument%s, not %d", f->name, f->min_args,
				f->min_args == 1 ? "" : "s", call->nargs);
	else if (f->max_args < 0)
		fail_at(p, name->start, "function %s takes at least %d argument%s, not %d", f->name, f->min_args,
				f->min_args == 1 ? "" : "s", call->nargs);
	else
		fail_at(p, name->start, "function %s takes %d to %d arguments, not %d", f->name, f->min_args,
				f->max_args, call->nargs);
	return false;
}

static const SiExprFunction *
find_function(Parser *p, const Token *name)
{
	const SiExprFunction *f = si_expr_function_find(name->text, name->text_len);
	const char *nearest;

	if (f != NULL && f->why_not == NULL)
		return f;
	if (f != NULL)
		return fail_at(p, name->start, "function %s is not supported: %s", f->name, f->why_not);
	nearest = si_expr_function_nearest(name->text, name->text_len);
	if (!p->failed && nearest != NULL)
		si_format_reason(&p->err->hint, "Perhaps you meant \"%s\".", nearest);
	return fail_at(p, name->start, "there is no function %.*s", si_format_clip(name->text, name->text_len), name->text);
}

/* After the "(" of a call. */
static SiExprNode *
parse_call(Parser *p, const Token *name)
{
	SiExprNode *n = make_node(p, SI_NODE_CALL, name->start);
	int			cap = 4;
	SiReason	why;

	n->fn = find_function(p, name);
	if (n->fn == NULL || (n->fn->lambda != 0 && !parse_lambda(p, n, name)))
		return NULL;
	n->args = palloc(sizeof(SiExprNode *) * cap);
	if (!is_sign(p, ")"))
		do
		{
			if (n->nargs == cap)
				n->args = repalloc(n->args, sizeof(SiExprNode *) * (cap *= 2));
			if ((n->args[n->nargs++] = parse_expr(p, 0)) == NULL)
				return NULL;
		} while (accept_sign(p, ","));
	if (!expect_sign(p, ")", "\",\" or \")\"") || !check_count(p, n, name))
		return NULL;
	if (n->fn->prepare != NULL && !n->fn->prepare(n, &why))
		return fail_at(p, name->start, "function %s: %s", n->fn->name, why.text);
	return n;
}

static SiExprNode *
parse_primary(Parser *p)
{
	Token		t = p->token;
	SiExprNode *n;
	SiExprValue v;

	if (p->failed)
		return NULL;
	if (accept_sign(p, "("))
	{
		n = parse_expr(p, 0);
		return n != NULL && expect_sign(p, ")", "\")\"") ? n : NULL;
	}
	if (accept_sign(p, "["))
		return array_literal(p, t.start, -1);
	if (accept_sign(p, "<"))
		return typed_array(p, t.start);
	if (t.kind != TOKEN_SIGN && literal_value(p, &v))
		return constant(p, t.start, v);
	if (p->failed)
		return NULL;
	if (t.kind != TOKEN_NAME)
		return unexpected(p, "a value");
	next_token(p);
	if (!t.quoted && accept_sign(p, "("))
		return parse_call(p, &t);
	if (name_is(&t, "ARRAY") && accept_sign(p, "<"))
		return typed_array(p, t.start);
	return variable(p, &t);
}

/* Signs bind tighter than any operator: -2 ^ 2 is 4. */
static SiExprNode *
parse_unary(Parser *p)
{
	const char *at = p->token.start;
	bool		negate = is_sign(p, "-");
	SiExprNode *n;

	if (p->failed)
		return NULL;
	if (!negate && !is_sign(p, "!"))
		return parse_primary(p);
	if (++p->depth > SI_EXPR_MAX_DEPTH)
		return fail_at(p, at, "the expression is nested too deeply");
	next_token(p);
	n = parse_unary(p);
	p->depth--;
	if (n == NULL)
		return NULL;
	if (negate && n->kind == SI_NODE_CONST && !n->value.isnull && n->value.type == SI_EXPR_LONG)
		return constant(p, at, si_expr_long((int64) (0 - (uint64) n->value.u.i)));
	if (negate && n->kind == SI_NODE_CONST && !n->value.isnull && n->value.type == SI_EXPR_DOUBLE)
		return constant(p, at, si_expr_double(-n->value.u.d));
	return with_args(make_node(p, negate ? SI_NODE_NEGATE : SI_NODE_NOT, at), 1, n, NULL);
}

static const struct
{
	const char *sign;
	int			level;
	SiExprOp	op;
}			operators[] =
{
	{"&&", 1, SI_OP_AND}, {"||", 1, SI_OP_OR},
	{"<", 2, SI_OP_LT}, {"<=", 2, SI_OP_LE}, {">", 2, SI_OP_GT}, {">=", 2, SI_OP_GE},
	{"==", 2, SI_OP_EQ}, {"!=", 2, SI_OP_NE},
	{"+", 3, SI_OP_ADD}, {"-", 3, SI_OP_SUB},
	{"*", 4, SI_OP_MUL}, {"/", 4, SI_OP_DIV}, {"%", 4, SI_OP_MOD},
	{"^", 5, SI_OP_POW}
};

/* Index into operators of the next token, -1. */
static int
operator_here(const Parser *p)
{
	for (int i = 0; i < lengthof(operators); i++)
		if (is_sign(p, operators[i].sign))
			return i;
	return -1;
}

static SiExprNode *
parse_expr(Parser *p, int min_level)
{
	SiExprNode *left;

	if (++p->depth > SI_EXPR_MAX_DEPTH)
		return fail_at(p, p->token.start, "the expression is nested too deeply");
	left = parse_unary(p);
	while (left != NULL && !p->failed)
	{
		int			i = operator_here(p);
		const char *at = p->token.start;
		SiExprNode *right;
		SiExprNode *n;

		if (i < 0 || operators[i].level < min_level || operators[i].level == 0)
			break;
		next_token(p);
		right = parse_expr(p, operators[i].op == SI_OP_POW ? operators[i].level : operators[i].level + 1);
		if (right == NULL)
			return NULL;
		n = with_args(make_node(p, SI_NODE_BINARY, at), 2, left, right);
		n->op = operators[i].op;
		left = n;
	}
	p->depth--;
	return p->failed ? NULL : left;
}

/* Depth of the nodes: a long chain of operators is as deep as it is long. */
static int
node_depth(const SiExprNode *n)
{
	int			deepest = n->lambda != NULL ? node_depth(n->lambda) : 0;

	for (int i = 0; i < n->nargs; i++)
	{
		int			d = node_depth(n->args[i]);

		deepest = Max(deepest, d);
	}
	return deepest + 1;
}

SiExpr *
si_expr_compile(const char *text, SiExprError *err)
{
	Parser		p = {0};
	SiExprNode *root;

	memset(err, 0, sizeof(*err));
	if (strlen(text) > SI_EXPR_MAX_LENGTH)
	{
		si_format_reason(&err->text, "the expression is longer than %d bytes", SI_EXPR_MAX_LENGTH);
		return NULL;
	}
	p.expr = si_expr_create();
	p.begin = p.at = pstrdup(text);
	p.err = err;
	next_token(&p);
	root = parse_expr(&p, 0);
	if (root != NULL && p.token.kind != TOKEN_END)
		root = unexpected(&p, "an operator or the end");
	if (root != NULL && node_depth(root) > SI_EXPR_MAX_LENGTH / 16)
		root = fail_at(&p, p.begin, "the expression is nested too deeply");
	if (root == NULL || p.failed)
		return NULL;
	si_expr_set_root(p.expr, root);
	return p.expr;
}
