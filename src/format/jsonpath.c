/*
 * jsonpath.c
 *		The compiler of JSONPath: see jsonpath.h.
 *
 * Recursive descent over the text.  What is no path, and operators that find
 * nothing in Druid (all, type), are refused here, with their place, when a
 * spec is submitted.
 */
#include "common/port.h"

#include <ctype.h>

#include "format/jsonpath_int.h"
#include "format/jsontext.h"
#include "format/reason.h"

#define MAX_DEPTH	100
#define MAX_LIST	1000

typedef struct Compiler
{
	const char *text;
	const char *p;
	const char *end;
	int			depth;
	SiReason   *why;
	bool		uses_root;		/* a path from $ inside of the path */
} Compiler;

static PathFilter *filter_or(Compiler *c);
static SiJsonPath *path_after_root(Compiler *c, bool inner);

static bool
fail(Compiler *c, const char *what)
{
	return si_format_reason(c->why, "%s at character %d", what, (int) (c->p - c->text) + 1);
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

	if ((size_t) (c->end - c->p) < len || memcmp(c->p, what, len) != 0)
		return false;
	c->p += len;
	return true;
}

static bool
expect(Compiler *c, const char *what)
{
	char		text[64];

	blanks(c);
	if (take(c, what))
		return true;
	snprintf(text, sizeof(text), "\"%s\" is expected", what);
	return fail(c, text);
}

/* A string in quotes of either kind, without them; NULL and a reason. */
static char *
quoted(Compiler *c, size_t *len)
{
	char		quote = *c->p++;
	char	   *text = palloc(c->end - c->p + 1);
	size_t		n = 0;

	for (; c->p < c->end && *c->p != quote; c->p++)
	{
		if (*c->p == '\\' && c->p + 1 < c->end)
			c->p++;
		text[n++] = *c->p;
	}
	if (c->p == c->end)
	{
		fail(c, "the quote is not closed");
		return NULL;
	}
	c->p++;
	text[n] = '\0';
	*len = n;
	return text;
}

static bool
integer(Compiler *c, int64 *value)
{
	char	   *stop;

	blanks(c);
	if (c->p == c->end || !(isdigit((unsigned char) *c->p) || *c->p == '-'))
		return fail(c, "a number is expected");
	*value = strtoll(c->p, &stop, 10);
	if (stop == c->p)
		return fail(c, "a number is expected");
	c->p = stop;
	return true;
}

/*
 * Operands of filters and functions
 */

static bool
literal(Compiler *c, SiJsonNode *node)
{
	size_t		len;
	const char *stop;
	char	   *copy;

	if (*c->p == '\'' || *c->p == '"')
	{
		char	   *text = quoted(c, &len);

		if (text == NULL)
			return false;
		si_node_string(node, text, len);
		return true;
	}
	/* a copy, as its text must live as long as the path */
	copy = pnstrdup(c->p, c->end - c->p);
	for (char *q = copy; *copy == '[' && *q; q++)
		if (*q == '\'')
			*q = '"';
	stop = si_node_read(copy, copy + (c->end - c->p), node);
	if (stop == NULL)
		return fail(c, "a path or a value is expected");
	c->p += stop - copy;
	return true;
}

/* /pattern/flags */
static bool
pattern(Compiler *c, PathOperand *o)
{
	const char *start = ++c->p;
	const char *end;
	char		flags[8];
	size_t		n = 0;

	while (c->p < c->end && *c->p != '/')
		c->p += *c->p == '\\' && c->p + 1 < c->end ? 2 : 1;
	if (c->p == c->end)
		return fail(c, "the regular expression is not closed");
	end = c->p++;
	while (c->p < c->end && isalpha((unsigned char) *c->p) && strchr("dimsuUx", *c->p) && n < sizeof(flags) - 1)
		flags[n++] = *c->p++;
	flags[n] = '\0';
	o->pattern = si_matcher_create(start, end - start, flags, c->why);
	return o->pattern != NULL;
}

static bool
operand(Compiler *c, PathOperand *o)
{
	memset(o, 0, sizeof(*o));
	blanks(c);
	if (c->p == c->end)
		return fail(c, "a path or a value is expected");
	if (*c->p == '/')
		return pattern(c, o);
	if (*c->p != '@' && *c->p != '$')
		return literal(c, &o->literal);
	o->from_root = *c->p++ == '$';
	c->uses_root |= o->from_root;
	o->path = path_after_root(c, true);
	return o->path != NULL;
}

static PathFilter *
new_filter(FilterKind kind, PathFilter *left, PathFilter *right)
{
	PathFilter *f = palloc0(sizeof(PathFilter));

	f->kind = kind;
	f->left = left;
	f->right = right;
	return f;
}

static const struct
{
	const char *word;
	FilterKind	kind;
}			operators[] = {
	{"==", FILTER_EQ}, {"!=", FILTER_NE}, {"===", FILTER_SAME}, {"!==", FILTER_NOT_SAME}, {"<", FILTER_LT},
	{"<=", FILTER_LE}, {">", FILTER_GT}, {">=", FILTER_GE}, {"=~", FILTER_MATCHES}, {"in", FILTER_IN},
	{"nin", FILTER_NIN}, {"contains", FILTER_CONTAINS}, {"size", FILTER_SIZE}, {"empty", FILTER_EMPTY},
	{"subsetof", FILTER_SUBSETOF}, {"anyof", FILTER_ANYOF}, {"noneof", FILTER_NONEOF},
	/* in Druid they find nothing */
	{"all", FILTER_NEVER}, {"type", FILTER_NEVER}, {"matches", FILTER_NEVER},
	{"exists", FILTER_IS}
};

/* An operator: signs, or a word in any case. */
static bool
operator(Compiler *c, FilterKind *kind)
{
	const char *start = c->p;
	const char *p = start;

	if (p < c->end && isalpha((unsigned char) *p))
		while (p < c->end && isalpha((unsigned char) *p))
			p++;
	else
		while (p < c->end && strchr("=!<>~", *p) != NULL)
			p++;
	for (int i = 0; i < lengthof(operators); i++)
	{
		if (strlen(operators[i].word) == (size_t) (p - start) && pg_strncasecmp(operators[i].word, start, p - start) == 0)
		{
			*kind = operators[i].kind;
			c->p = p;
			return true;
		}
	}
	return false;
}

static PathFilter *
comparison(Compiler *c)
{
	PathFilter *f = new_filter(FILTER_EXISTS, NULL, NULL);

	if (!operand(c, &f->a))
		return NULL;
	blanks(c);
	if (c->p < c->end && operator(c, &f->kind))
	{
		if (!operand(c, &f->b))
			return NULL;
		if (f->kind == FILTER_IS && (f->b.path != NULL || f->b.pattern != NULL || f->b.literal.v.kind != SI_VALUE_BOOL))
		{
			fail(c, "\"exists\" takes true or false before this:");
			return NULL;
		}
		return f;
	}
	if (c->p < c->end && *c->p != ')' && *c->p != '&' && *c->p != '|')
	{
		fail(c, "an operator that is not supported");
		return NULL;
	}
	if (f->a.path == NULL)
	{
		fail(c, "a comparison is expected");
		return NULL;
	}
	return f;
}

static PathFilter *
filter_unary(Compiler *c)
{
	PathFilter *inner;

	blanks(c);
	if (++c->depth > MAX_DEPTH)
	{
		fail(c, "nested too deep");
		return NULL;
	}
	if (c->p + 1 < c->end && *c->p == '!' && c->p[1] != '=')
	{
		c->p++;
		inner = filter_unary(c);
		c->depth--;
		return inner ? new_filter(FILTER_NOT, inner, NULL) : NULL;
	}
	if (take(c, "("))
	{
		inner = filter_or(c);
		if (inner == NULL || !expect(c, ")"))
			return NULL;
	}
	else
		inner = comparison(c);
	c->depth--;
	return inner;
}

static PathFilter *
filter_and(Compiler *c)
{
	PathFilter *left = filter_unary(c);

	while (left != NULL)
	{
		PathFilter *right;

		blanks(c);
		if (!take(c, "&&"))
			return left;
		right = filter_unary(c);
		left = right ? new_filter(FILTER_AND, left, right) : NULL;
	}
	return NULL;
}

static PathFilter *
filter_or(Compiler *c)
{
	PathFilter *left = filter_and(c);

	while (left != NULL)
	{
		PathFilter *right;

		blanks(c);
		if (!take(c, "||"))
			return left;
		right = filter_and(c);
		left = right ? new_filter(FILTER_OR, left, right) : NULL;
	}
	return NULL;
}

/*
 * Steps
 */

static PathStep *
new_step(PathStepKind kind)
{
	PathStep   *s = palloc0(sizeof(PathStep));

	s->kind = kind;
	return s;
}

/* Room for one more element of a list; only a list that is new or full grows. */
static void *
grow_list(void *list, int n, size_t size)
{
	if (n == 0)
		return palloc(size * 4);
	return n >= 4 && (n & (n - 1)) == 0 ? repalloc(list, size * n * 2) : list;
}

static bool
bracket_names(Compiler *c, PathStep *s)
{
	s->kind = STEP_PROPERTY;
	do
	{
		size_t		len;

		blanks(c);
		s->names = grow_list(s->names, s->n, sizeof(char *));
		if (s->n == MAX_LIST || c->p == c->end || (*c->p != '\'' && *c->p != '"'))
			return fail(c, "a name in quotes is expected");
		s->names[s->n] = quoted(c, &len);
		if (s->names[s->n++] == NULL)
			return false;
		blanks(c);
	} while (take(c, ","));
	return expect(c, "]");
}

/* [1] [1,2] [1:2] [:2] [1:] */
static bool
bracket_numbers(Compiler *c, PathStep *s)
{
	int64		ignored;

	s->kind = STEP_INDEX;
	s->indexes = grow_list(NULL, 0, sizeof(int64));
	blanks(c);
	if (c->p < c->end && *c->p != ':')
	{
		if (!integer(c, &s->from))
			return false;
		s->has_from = true;
	}
	blanks(c);
	if (take(c, ":"))
	{
		s->kind = STEP_SLICE;
		blanks(c);
		s->has_to = c->p < c->end && *c->p != ']';
		if (s->has_to && !integer(c, &s->to))
			return false;
		/* a step is read and does nothing, as in Druid */
		blanks(c);
		return (!take(c, ":") || integer(c, &ignored)) && expect(c, "]");
	}
	s->indexes[s->n++] = s->from;
	blanks(c);
	while (take(c, ","))
	{
		s->indexes = grow_list(s->indexes, s->n, sizeof(int64));
		if (s->n == MAX_LIST || !integer(c, &s->indexes[s->n]))
			return fail(c, "a number is expected");
		s->n++;
		blanks(c);
	}
	return expect(c, "]");
}

static PathStep *
bracket(Compiler *c)
{
	PathStep   *s = new_step(STEP_WILDCARD);

	blanks(c);
	if (c->p == c->end)
		fail(c, "the bracket is not closed");
	else if (*c->p == '\'' || *c->p == '"')
		return bracket_names(c, s) ? s : NULL;
	else if (take(c, "*"))
		return expect(c, "]") ? s : NULL;
	else if (take(c, "?"))
	{
		s->kind = STEP_FILTER;
		if (!expect(c, "("))
			return NULL;
		s->filter = filter_or(c);
		return s->filter != NULL && expect(c, ")") && expect(c, "]") ? s : NULL;
	}
	else
		return bracket_numbers(c, s) ? s : NULL;
	return NULL;
}

/* length() counts what a path that it is given finds with a [*] behind it. */
static void
add_wildcard(SiJsonPath *path)
{
	PathStep  **tail = &path->first;

	while (*tail != NULL)
	{
		if ((*tail)->kind == STEP_FUNCTION)
			return;
		tail = &(*tail)->next;
	}
	*tail = new_step(STEP_WILDCARD);
	path->definite = false;
}

static bool
operand_list(Compiler *c, PathStep *s)
{
	blanks(c);
	if (take(c, ")"))
		return true;
	do
	{
		s->operands = grow_list(s->operands, s->n, sizeof(PathOperand));
		if (s->n == MAX_LIST || !operand(c, &s->operands[s->n]))
			return false;
		if (s->function == FUNCTION_LENGTH && s->operands[s->n].path != NULL)
			add_wildcard(s->operands[s->n].path);
		s->n++;
		blanks(c);
	} while (take(c, ","));
	return expect(c, ")");
}

static PathStep *
function(Compiler *c, const char *name, size_t len)
{
	static const struct
	{
		const char *word;
		PathFunction function;
	}			functions[] = {
		{"length", FUNCTION_LENGTH}, {"size", FUNCTION_LENGTH}, {"min", FUNCTION_MIN}, {"max", FUNCTION_MAX},
		{"avg", FUNCTION_AVG}, {"sum", FUNCTION_SUM}, {"stddev", FUNCTION_STDDEV}, {"concat", FUNCTION_CONCAT},
		{"append", FUNCTION_APPEND}, {"keys", FUNCTION_KEYS}, {"first", FUNCTION_FIRST}, {"last", FUNCTION_LAST},
		{"index", FUNCTION_INDEX}
	};
	PathStep   *s = new_step(STEP_FUNCTION);

	for (int i = 0; i < lengthof(functions); i++)
	{
		if (strlen(functions[i].word) == len && memcmp(functions[i].word, name, len) == 0)
		{
			s->function = functions[i].function;
			return operand_list(c, s) ? s : NULL;
		}
	}
	c->p = name;
	fail(c, "a function that is not supported");
	return NULL;
}

/* A name without quotes, a wildcard, or a function. */
static PathStep *
plain(Compiler *c, bool inner)
{
	/* inside of filters and functions, what may follow a path ends it */
	const char *ends = inner ? ".[()=!<>&|, \t\n" : ".[(";
	const char *start = c->p;
	PathStep   *s;

	while (c->p < c->end && strchr(ends, *c->p) == NULL)
		c->p++;
	if (c->p == start)
	{
		fail(c, "a name is expected");
		return NULL;
	}
	if (c->p < c->end && *c->p == '(')
	{
		const char *stop = c->p++;

		return function(c, start, stop - start);
	}
	if (c->p - start == 1 && *start == '*')
		return new_step(STEP_WILDCARD);
	s = new_step(STEP_PROPERTY);
	s->names = palloc(sizeof(char *));
	s->names[s->n++] = pnstrdup(start, c->p - start);
	return s;
}

/* What follows $ or @. */
static SiJsonPath *
path_after_root(Compiler *c, bool inner)
{
	SiJsonPath *path = palloc0(sizeof(SiJsonPath));
	PathStep  **tail = &path->first;
	PathStep   *s = NULL;
	bool		scans = false;
	bool		outer_uses_root = c->uses_root;

	if (++c->depth > MAX_DEPTH)
	{
		fail(c, "nested too deep");
		return NULL;
	}
	c->uses_root = false;
	path->definite = true;
	while (c->p < c->end)
	{
		if (s != NULL && s->kind == STEP_FUNCTION)
		{
			if (inner)
				break;
			fail(c, "a function must be the last step");
			return NULL;
		}
		if (take(c, ".."))
		{
			s = new_step(STEP_SCAN);
			scans = true;
			if (c->p == c->end)
			{
				fail(c, "a name is expected");
				return NULL;
			}
			*tail = s;
			tail = &s->next;
			s = take(c, "[") ? bracket(c) : plain(c, inner);
			if (s != NULL && s->kind == STEP_FUNCTION)
			{
				fail(c, "a name is expected before the function");
				return NULL;
			}
		}
		else if (take(c, "["))
			s = bracket(c);
		else if (take(c, "."))
			s = take(c, "[") ? bracket(c) : plain(c, inner);
		else if (inner)
			break;
		else
		{
			fail(c, "\".\" or \"[\" is expected");
			return NULL;
		}
		if (s == NULL)
			return NULL;
		if (s->kind == STEP_FUNCTION && path->first != NULL && path->first->kind == STEP_SCAN)
		{
			path->scan_function = s;
			if (s->function == FUNCTION_LENGTH)
				add_wildcard(path);
		}
		else
		{
			*tail = s;
			tail = &s->next;
		}
		if (s->kind == STEP_WILDCARD || s->kind == STEP_FILTER || s->kind == STEP_SLICE || s->n > 1)
			path->definite &= s->kind == STEP_FUNCTION || (s->kind == STEP_PROPERTY);
	}
	if (scans)
		path->definite = false;
	/* several names give one object when they are the last step */
	for (s = path->first; s != NULL; s = s->next)
		if (s->kind == STEP_PROPERTY && s->n > 1 && s->next != NULL)
			path->definite = false;
	path->needs_root = c->uses_root;
	c->uses_root |= outer_uses_root;
	c->depth--;
	return path;
}

SiJsonPath *
si_jsonpath_compile(const char *expr, SiReason *why)
{
	Compiler	c = {.text = expr,.why = why};

	while (isspace((unsigned char) *expr))
		expr++;
	c.p = expr;
	c.end = expr + strlen(expr);
	while (c.end > c.p && isspace((unsigned char) c.end[-1]))
		c.end--;
	if (c.p == c.end)
	{
		fail(&c, "a path is expected");
		return NULL;
	}
	if (*c.p == '$' || *c.p == '@')
		c.p++;
	else
	{
		/* a path without its root, as Druid's library takes it */
		c.text = c.p = psprintf("$.%.*s", (int) (c.end - c.p), c.p);
		c.end = c.p + strlen(c.p);
		c.p++;
	}
	return path_after_root(&c, false);
}

const char *
si_jsonpath_root_field(const SiJsonPath *path, size_t *len)
{
	const PathStep *s = path->first;

	if (path->needs_root || s == NULL || s->kind != STEP_PROPERTY || s->n != 1)
		return NULL;
	*len = strlen(s->names[0]);
	return s->names[0];
}
