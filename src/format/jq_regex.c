/*
 * jq_regex.c
 *		Functions of jq that match: test, match, capture, scan, split, sub.
 *
 * The library's engine is Oniguruma with Perl's syntax, here it is ICU's: ^
 * and $ are the ends of the text, "." is no line feed but with the flag m.  A
 * pattern that an expression has as a literal is compiled with it; another one
 * when it comes, and kept until the next one comes.
 */
#include "common/port.h"

#include "format/jq_int.h"
#include "format/pattern.h"
#include "format/reason.h"

#define MAX_PATTERN		10000
#define MAX_FLAGS		16
/* What a search counts, and what ten thousand operations of the engine do: see SI_JQ_MAX_WORK. */
#define SEARCH_WORK		4000
#define STEP_WORK		100000

typedef struct JqRegex
{
	struct JqRegex *next;
	SiPattern	pattern;
	char	   *source;			/* malloc: pattern, NUL, flags, NUL, names of groups */
	size_t		source_len;		/* of the pattern */
	const char *flags;
	const char **names;			/* malloc; of groups, NULL where there is none */
	int			ngroups;
	bool		global;
	bool		not_empty;
	JqEvaluation *e;			/* who is searching */
	int64		uses;			/* texts that it has looked at */
} JqRegex;

static bool regex(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out);

enum
{
	TEST, MATCH, CAPTURE, SCAN, SPLIT, SUB, GSUB
};

/*
 * Patterns
 */

static UBool U_CALLCONV
count_step(const void *context, int32_t steps)
{
	JqEvaluation *e = ((const JqRegex *) context)->e;

	if (e == NULL)
		return steps < SI_PATTERN_STEPS;
	e->work += STEP_WORK;
	return e->work <= SI_JQ_MAX_WORK && steps < SI_PATTERN_STEPS;
}

static bool
parse_flags(JqRegex *r, const char *flags, uint32 *icu, SiReason *why)
{
	*icu = UREGEX_UNIX_LINES;
	r->global = strchr(flags, 'g') != NULL;
	r->not_empty = strchr(flags, 'n') != NULL;
	for (const char *f = flags; *f; f++)
	{
		if (*f == 'i')
			*icu |= UREGEX_CASE_INSENSITIVE;
		else if (*f == 'm' || *f == 'p')
			*icu |= UREGEX_DOTALL;
		else if (*f == 'x')
			*icu |= UREGEX_COMMENTS;
		else if (*f == 'l')
			return si_format_reason(why, "the flag l (longest match) is not supported");
		else if (strchr("gns", *f) == NULL)
			return si_format_reason(why, "%s is not a valid modifier string", flags);
	}
	return true;
}

/*
 * ICU's names have letters and digits only: groups are called g1, g2 and so on
 * for it.  Writes the pattern so, and the names, one after the other.
 */
typedef struct Renaming
{
	JqRegex    *r;
	char	   *out;
	char	   *names;
} Renaming;

static const char *
rename_group(Renaming *w, const char *p, const char *end)
{
	const char *name = p + 3;
	const char *stop = memchr(name, '>', end - name);

	w->r->ngroups++;
	if (stop == NULL)
		stop = end;
	memcpy(w->names, name, stop - name);
	w->names[stop - name] = '\0';
	w->r->names[w->r->ngroups] = w->names;
	w->names += stop - name + 1;
	w->out += sprintf(w->out, "(?<g%d", w->r->ngroups);
	return stop;
}

/* \k<name> */
static const char *
rename_reference(Renaming *w, const char *p, const char *end)
{
	const char *name = p + 3;
	const char *stop = memchr(name, '>', end - name);

	for (int i = 1; stop != NULL && i <= w->r->ngroups; i++)
		if (w->r->names[i] != NULL && strlen(w->r->names[i]) == (size_t) (stop - name) &&
			memcmp(w->r->names[i], name, stop - name) == 0)
		{
			w->out += sprintf(w->out, "\\k<g%d", i);
			return stop;
		}
	memcpy(w->out, p, 3);
	w->out += 3;
	return name;
}

static size_t
rename_groups(JqRegex *r, const char *pattern, size_t len, char *out, char *names)
{
	Renaming	w = {.r = r,.out = out,.names = names};
	const char *end = pattern + len;
	bool		set = false;

	for (const char *p = pattern; p < end;)
	{
		if (*p == '\\' && !set && end - p > 3 && p[1] == 'k' && p[2] == '<')
			p = rename_reference(&w, p, end);
		else if (*p == '\\' && end - p > 1)
		{
			*w.out++ = *p++;
			*w.out++ = *p++;
		}
		else if (*p == '(' && !set && end - p > 3 && p[1] == '?' && p[2] == '<' && p[3] != '=' && p[3] != '!')
			p = rename_group(&w, p, end);
		else
		{
			if (*p == '[' || *p == ']')
				set = *p == '[';
			else if (*p == '(' && !set && !(end - p > 1 && p[1] == '?'))
				r->ngroups++;
			*w.out++ = *p++;
		}
	}
	return w.out - out;
}

static void
forget(JqRegex *r)
{
	si_pattern_close(&r->pattern);
	free(r->source);
	free(r->names);
	r->source = NULL;
	r->names = NULL;
	r->ngroups = 0;
}

static bool
compile(JqRegex *r, const char *pattern, size_t len, const char *flags, SiReason *why)
{
	size_t		flags_len = strlen(flags);
	UErrorCode	error = U_ZERO_ERROR;
	char	   *renamed;
	uint32		icu;
	bool		ok;

	forget(r);
	if (len > MAX_PATTERN)
		return si_format_reason(why, "the regular expression is too long");
	if (!parse_flags(r, flags, &icu, why))
		return false;
	/* names are no longer than the pattern; a group of one character becomes "(?<g1000" */
	r->source = malloc(len + 1 + flags_len + 1 + len + 1);
	r->names = calloc(len + 2, sizeof(char *));
	renamed = malloc(len * 8 + 16);
	if (r->source == NULL || r->names == NULL || renamed == NULL)
	{
		free(renamed);
		return si_format_reason(why, "out of memory");
	}
	memcpy(r->source, pattern, len);
	r->source[len] = '\0';
	r->source_len = len;
	memcpy(r->source + len + 1, flags, flags_len + 1);
	r->flags = r->source + len + 1;
	len = rename_groups(r, pattern, len, renamed, r->source + len + flags_len + 2);
	/* ICU takes no empty pattern */
	if (len == 0)
		len = sprintf(renamed, "(?:)");
	ok = si_pattern_open(&r->pattern, renamed, len, icu, SI_PATTERN_STEPS, why);
	free(renamed);
	if (!ok)
	{
		forget(r);
		return si_format_reason(why, "invalid regular expression \"%.*s\"", si_format_clip(pattern, r->source_len), pattern);
	}
	uregex_setMatchCallback(r->pattern.regex, count_step, r, &error);
	r->ngroups = uregex_groupCount(r->pattern.regex, &error);
	return true;
}

void
si_jq_release_regexes(SiJq *jq)
{
	for (JqRegex *r = jq->regexes; r != NULL; r = r->next)
		forget(r);
}

static const JqNode *
flags_argument(const JqNode *call)
{
	int			at = call->function->mode == SUB || call->function->mode == GSUB ? 2 : 1;

	return call->nargs > at ? call->args[at] : NULL;
}

/* Flags with a g where the function looks for all; NULL when they are too many. */
static const char *
all_flags(const JqNode *call, const SiJsonNode *flags, char *buf)
{
	int			mode = call->function->mode;
	size_t		len = flags && flags->v.kind == SI_VALUE_STRING ? flags->v.len : 0;

	if (len > MAX_FLAGS)
		return NULL;
	if (len > 0)
		memcpy(buf, flags->v.ptr, len);
	if (mode == SCAN || mode == GSUB || mode == SPLIT)
		buf[len++] = 'g';
	buf[len] = '\0';
	return buf;
}

bool
si_jq_prepare_regex(SiJq *jq, JqNode *call, SiReason *why)
{
	const JqNode *flags;
	const SiJsonNode *pattern;
	char		buf[MAX_FLAGS + 2];

	if (call->function->of_expressions != regex)
		return true;
	call->regex = palloc0(sizeof(JqRegex));
	call->regex->next = jq->regexes;
	jq->regexes = call->regex;
	flags = flags_argument(call);
	pattern = &call->args[0]->literal;
	if (call->args[0]->kind != JQ_LITERAL || pattern->v.kind != SI_VALUE_STRING || (flags != NULL && flags->kind != JQ_LITERAL))
		return true;
	if (all_flags(call, flags ? &flags->literal : NULL, buf) == NULL)
		return si_format_reason(why, "too many flags of a regular expression");
	return compile(call->regex, pattern->v.ptr, pattern->v.len, buf, why);
}

/* The regex for a pattern and flags; NULL after an error. */
static JqRegex *
regex_for(JqEvaluation *e, const JqNode *call, const SiJsonNode *pattern, const SiJsonNode *flags)
{
	JqRegex    *r = call->regex;
	char		buf[MAX_FLAGS + 2];
	const char *all;
	const char *text;
	size_t		len;
	SiReason	why;

	if (pattern->v.kind != SI_VALUE_STRING || (flags->v.kind != SI_VALUE_STRING && flags->v.kind != SI_VALUE_NULL))
		return si_jq_error(e, "%s is no regular expression, or %s no flags", si_jq_type(pattern), si_jq_type(flags)), NULL;
	all = all_flags(call, flags, buf);
	if (all == NULL)
		return si_jq_error(e, "too many flags of a regular expression"), NULL;
	if ((text = si_jq_text(e, pattern, &len)) == NULL)
		return NULL;
	r->e = e;
	if (r->source != NULL && len == r->source_len && memcmp(text, r->source, len) == 0 && strcmp(all, r->flags) == 0)
		return r;
	if (!compile(r, text, len, all, &why))
		return si_jq_error(e, "%s", why.text), NULL;
	return r;
}

/*
 * Searches
 */

static bool
begin(JqEvaluation *e, JqRegex *r, const SiJsonNode *in)
{
	size_t		len;
	const char *text = si_jq_text(e, in, &len);

	if (text == NULL || !si_jq_looked(e, in))
		return false;
	r->uses++;
	return si_pattern_text(&r->pattern, text, len) || si_jq_no_memory(e);
}

/* The next match from a place on: 1, 0, -1 after an error. */
static int
search(JqEvaluation *e, JqRegex *r, int32_t from, int32_t *start, int32_t *end)
{
	SiReason	why;

	for (; from <= r->pattern.len; from = *end + 1)
	{
		int			found;

		e->work += SEARCH_WORK;
		if (e->work > SI_JQ_MAX_WORK)
			return si_jq_limit(e), -1;
		found = si_pattern_find(&r->pattern, from, &why);
		if (found < 0)
			return (e->work > SI_JQ_MAX_WORK ? si_jq_limit(e) : si_jq_error(e, "%s", why.text)), -1;
		if (found == 0)
			return 0;
		si_pattern_group(&r->pattern, 0, start, end);
		if (!r->not_empty || *end > *start)
			return 1;
	}
	return 0;
}

/* Behind the character at a place. */
static int32_t
next_place(const JqRegex *r, int32_t at)
{
	at++;
	if (at < r->pattern.len && U16_IS_TRAIL(r->pattern.text[at]) && U16_IS_LEAD(r->pattern.text[at - 1]))
		at++;
	return at;
}

static int64
characters(const JqRegex *r, int32_t from, int32_t to)
{
	int64		n = 0;

	for (int32_t i = from; i < to; i++)
		n += !(U16_IS_TRAIL(r->pattern.text[i]) && i > 0 && U16_IS_LEAD(r->pattern.text[i - 1]));
	return n;
}

static bool
part(JqEvaluation *e, const JqRegex *r, int32_t from, int32_t to, SiJsonNode *result)
{
	size_t		len;
	char	   *text;

	if (e->scratch->allocated > SI_JQ_MAX_MEMORY)
		return si_jq_limit(e);
	text = si_pattern_utf8(&r->pattern, from, to, e->scratch, &len);
	if (text == NULL)
		return si_jq_no_memory(e);
	si_node_string(result, text, len);
	return true;
}

/* A group, as a string or null. */
static bool
group(JqEvaluation *e, const JqRegex *r, int i, SiJsonNode *result)
{
	int32_t		from,
				to;

	si_node_null(result);
	return !si_pattern_group(&r->pattern, i, &from, &to) || part(e, r, from, to, result);
}

static void
append_field(SiNodeText *t, const char *name, const SiJsonNode *value)
{
	SiJsonNode	key;

	si_node_string(&key, name, strlen(name));
	if (t->len > 0 && t->data[t->len - 1] != '{')
		si_text_append(t, ",", 1);
	si_text_append_node(t, &key);
	si_text_append(t, ":", 1);
	si_text_append_node(t, value);
}

/* {"offset": ..., "length": ..., "string": ...: counted is up to where characters have been counted. */
static bool
append_place(JqEvaluation *e, const JqRegex *r, int i, int64 before, int32_t counted, SiNodeText *t)
{
	int32_t		from = -1,
				to = -1;
	SiJsonNode	value;

	si_text_append(t, "{", 1);
	if (!si_pattern_group(&r->pattern, i, &from, &to))
		from = to = -1;
	si_node_long(&value, from < 0 ? -1 : from < counted ? characters(r, 0, from) : before + characters(r, counted, from));
	append_field(t, "offset", &value);
	si_node_long(&value, from < 0 ? 0 : characters(r, from, to));
	append_field(t, "length", &value);
	if (!group(e, r, i, &value))
		return false;
	append_field(t, "string", &value);
	return true;
}

/* What match gives for a match; before it there are so many characters. */
static bool
match_object(JqEvaluation *e, const JqRegex *r, int64 before, int32_t start, int32_t end, SiJsonNode *result)
{
	SiNodeText	t;
	SiJsonNode	name;

	si_text_begin(&t, e->scratch);
	if (!append_place(e, r, 0, before, start, &t))
		return false;
	si_text_append(&t, ",\"captures\":[", 13);
	for (int i = 1; i <= r->ngroups && end > start; i++)
	{
		if (i > 1)
			si_text_append(&t, ",", 1);
		if (!append_place(e, r, i, before, start, &t))
			return false;
		si_node_null(&name);
		if (r->names[i] != NULL)
			si_node_string(&name, r->names[i], strlen(r->names[i]));
		append_field(&t, "name", &name);
		si_text_append(&t, "}", 1);
	}
	si_text_append(&t, "]}", 2);
	return si_jq_finish(e, &t, result);
}

/* Groups with a name; as the library, without those of an empty match when asked. */
static bool
captures(JqEvaluation *e, const JqRegex *r, bool none, SiJsonNode *result)
{
	SiNodeText	t;
	SiJsonNode	value;

	si_text_begin(&t, e->scratch);
	si_text_append(&t, "{", 1);
	for (int i = 1; i <= r->ngroups && !none; i++)
	{
		if (r->names[i] == NULL)
			continue;
		if (!group(e, r, i, &value))
			return false;
		append_field(&t, r->names[i], &value);
	}
	si_text_append(&t, "}", 1);
	return si_jq_finish(e, &t, result);
}

/* What scan gives: the match, or its groups. */
static bool
scanned(JqEvaluation *e, const JqRegex *r, int32_t start, int32_t end, SiJsonNode *result)
{
	JqList		list;
	SiJsonNode	value;

	if (r->ngroups == 0 || end == start)
		return part(e, r, start, end, result);
	si_jq_list(&list);
	for (int i = 1; i <= r->ngroups; i++)
		if (!group(e, r, i, &value) || !si_jq_push(e, &list, &value))
			return false;
	return si_jq_array(e, &list, result);
}

/* All matches, or the first, each as its function gives it. */
static bool
matches(JqEvaluation *e, const JqNode *call, JqRegex *r, const SiJsonNode *in, JqList *out)
{
	int			mode = call->function->mode;
	int32_t		offset = 0,
				start,
				end,
				piece = 0,
				counted = 0;
	int64		before = 0;
	int			found;
	SiJsonNode	result;
	JqList		pieces;

	si_jq_list(&pieces);
	if (!begin(e, r, in))
		return false;
	do
	{
		if ((found = search(e, r, offset, &start, &end)) <= 0)
			break;
		before += characters(r, counted, start);
		counted = start;
		if (mode == SPLIT)
		{
			if (!part(e, r, piece, Max(start, piece), &result) || !si_jq_push(e, &pieces, &result))
				return false;
			piece = end;
		}
		else if (!(mode == MATCH ? match_object(e, r, before, start, end, &result) :
				   mode == CAPTURE ? captures(e, r, end == start, &result) : scanned(e, r, start, end, &result)) ||
				 !si_jq_push(e, out, &result))
			return false;
		offset = end == offset ? next_place(r, offset) : end;
	} while (r->global && offset < r->pattern.len);
	if (found < 0)
		return false;
	return mode != SPLIT || (part(e, r, piece, r->pattern.len, &result) && si_jq_push(e, &pieces, &result) &&
							 si_jq_array(e, &pieces, &result) && si_jq_push(e, out, &result));
}

/* One match of sub: the text before it, and what the expression gives for its captures. */
static bool
add_match(JqEvaluation *e, const JqNode *call, JqRegex *r, const JqEnv *env, int32_t from, int32_t to, JqPieces *pieces)
{
	JqList	   *list = si_jq_add_piece(e, pieces);
	SiJsonNode	value;

	if (list == NULL || !part(e, r, from, to, &value) || !si_jq_push(e, list, &value) || !captures(e, r, false, &value))
		return false;
	list = si_jq_add_piece(e, pieces);
	return list != NULL && si_jq_eval(e, call->args[1], env, &value, list);
}

/* sub and gsub. */
static bool
substitute(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, const SiJsonNode *pattern,
		   const SiJsonNode *flags, JqList *out)
{
	JqRegex    *r = NULL;
	JqPieces	pieces = {0};
	int64		uses = 0;
	int32_t		done = 0,
				offset = 0,
				start,
				end;
	int			found = 0;
	SiJsonNode	value;
	JqList	   *list;

	do
	{
		/* the expression may have come here, too */
		if (r == NULL || r->uses != uses)
		{
			if ((r = regex_for(e, call, pattern, flags)) == NULL || !begin(e, r, in))
				return false;
			uses = r->uses;
		}
		if (offset > 0 && (!r->global || offset >= r->pattern.len))
			break;
		found = search(e, r, offset, &start, &end);
		if (found < 0 || (found > 0 && !add_match(e, call, r, env, done, start, &pieces)))
			return false;
		done = found > 0 ? end : done;
		offset = found == 0 ? 0 : end > start ? end : next_place(r, end);
	} while (found > 0);
	list = si_jq_add_piece(e, &pieces);
	return list != NULL && part(e, r, done, r->pattern.len, &value) && si_jq_push(e, list, &value) &&
		si_jq_join_pieces(e, &pieces, true, out);
}

/* One pattern with its flags. */
static bool
with_pattern(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, const SiJsonNode *pattern,
			 const SiJsonNode *flags, JqList *out)
{
	JqRegex    *r;
	int32_t		start,
				end;
	int			found;
	SiJsonNode	result;

	if (call->function->mode == SUB || call->function->mode == GSUB)
		return substitute(e, call, env, in, pattern, flags, out);
	if ((r = regex_for(e, call, pattern, flags)) == NULL)
		return false;
	if (call->function->mode != TEST)
		return matches(e, call, r, in, out);
	if (!begin(e, r, in) || (found = search(e, r, 0, &start, &end)) < 0)
		return false;
	si_node_bool(&result, found > 0);
	return si_jq_push(e, out, &result);
}

/* test and others of one argument take [pattern, flags], too. */
static bool
with_value(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, const SiJsonNode *value, JqList *out)
{
	SiJsonNode	pattern = *value,
				flags;

	si_node_null(&flags);
	if (value->v.kind == SI_VALUE_ARRAY && si_node_element(value, 0, &pattern))
		si_node_element(value, 1, &flags);
	else if (value->v.kind != SI_VALUE_STRING)
		return si_jq_error(e, "%s not a string or array", si_jq_type(value));
	return with_pattern(e, call, env, in, &pattern, &flags, out);
}

static bool
regex(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	const JqNode *flags_node = flags_argument(call);
	int			mode = call->function->mode;
	JqList		patterns,
				flags;
	SiJsonNode	none;

	si_jq_list(&patterns);
	si_jq_list(&flags);
	si_node_null(&none);
	if (!si_jq_eval(e, call->args[0], env, in, &patterns) ||
		!(flags_node ? si_jq_eval(e, flags_node, env, in, &flags) : si_jq_push(e, &flags, &none)))
		return false;
	if (in->v.kind != SI_VALUE_STRING)
		return si_jq_error(e, "_match_impl/3 is not applicable to %s; expected one of [STRING]",
						   si_jq_java_type(in));
	for (int i = 0; i < patterns.n; i++)
		for (int j = 0; j < flags.n; j++)
			if (call->nargs == 1 && mode != SCAN ? !with_value(e, call, env, in, &patterns.items[i], out) :
				!with_pattern(e, call, env, in, &patterns.items[i], &flags.items[j], out))
				return false;
	return true;
}

const JqFunction si_jq_regex_functions[] = {
	{"test", 1, NULL, regex, TEST}, {"test", 2, NULL, regex, TEST},
	{"match", 1, NULL, regex, MATCH}, {"match", 2, NULL, regex, MATCH},
	{"capture", 1, NULL, regex, CAPTURE}, {"capture", 2, NULL, regex, CAPTURE},
	{"scan", 1, NULL, regex, SCAN}, {"scan", 2, NULL, regex, SCAN}, {"split", 2, NULL, regex, SPLIT},
	{"sub", 2, NULL, regex, SUB}, {"sub", 3, NULL, regex, SUB},
	{"gsub", 2, NULL, regex, GSUB}, {"gsub", 3, NULL, regex, GSUB},
	{NULL}
};
