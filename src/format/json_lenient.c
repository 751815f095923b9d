/*
 * json_lenient.c
 *		JSON that is not quite JSON, made strict: see json_lenient.h.
 *
 * One pass over the text, which keeps in mind whether a name or a value comes
 * next.  A number that JSON cannot write (NaN, Infinity) becomes a string of
 * that name, which columns of numbers read as the number.
 */
#include "common/port.h"

#include <ctype.h>

#include "format/json_lenient.h"

#define MAX_DEPTH 1000

typedef enum Expected
{
	A_VALUE,
	A_NAME,
	NOTHING						/* a comma, a colon, an end */
} Expected;

typedef struct Rewrite
{
	uint32		features;
	const char *p;
	const char *end;
	char	   *out;
	char	   *comma;			/* in the output, when it was the last token */
	Expected	expected;
	int			depth;
	char		open[MAX_DEPTH];
} Rewrite;

uint32
si_json_feature(const char *name)
{
	static const struct
	{
		const char *name;
		uint32		feature;
	}			features[] = {
		{"ALLOW_COMMENTS", SI_JSON_COMMENTS},
		{"ALLOW_YAML_COMMENTS", SI_JSON_YAML_COMMENTS},
		{"ALLOW_UNQUOTED_FIELD_NAMES", SI_JSON_UNQUOTED_NAMES},
		{"ALLOW_SINGLE_QUOTES", SI_JSON_SINGLE_QUOTES},
		{"ALLOW_UNQUOTED_CONTROL_CHARS", SI_JSON_CONTROL_CHARS},
		{"ALLOW_BACKSLASH_ESCAPING_ANY_CHARACTER", SI_JSON_ANY_ESCAPE},
		{"ALLOW_NUMERIC_LEADING_ZEROS", SI_JSON_LEADING_ZEROS},
		{"ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS", SI_JSON_LEADING_PLUS},
		{"ALLOW_LEADING_DECIMAL_POINT_FOR_NUMBERS", SI_JSON_LEADING_POINT},
		{"ALLOW_TRAILING_DECIMAL_POINT_FOR_NUMBERS", SI_JSON_TRAILING_POINT},
		{"ALLOW_NON_NUMERIC_NUMBERS", SI_JSON_NON_NUMERIC},
		{"ALLOW_MISSING_VALUES", SI_JSON_MISSING_VALUES},
		{"ALLOW_TRAILING_COMMA", SI_JSON_TRAILING_COMMA}
	};

	for (int i = 0; i < lengthof(features); i++)
		if (pg_strcasecmp(features[i].name, name) == 0)
			return features[i].feature;
	return 0;
}

static void
emit(Rewrite *r, const char *text)
{
	size_t		len = strlen(text);

	memcpy(r->out, text, len);
	r->out += len;
}

static bool
begins(const Rewrite *r, const char *word)
{
	size_t		len = strlen(word);

	return (size_t) (r->end - r->p) >= len && memcmp(r->p, word, len) == 0;
}

/* A comment, as a blank; false when there is none. */
static bool
comment(Rewrite *r)
{
	const char *stop;

	if ((r->features & SI_JSON_COMMENTS) && begins(r, "/*"))
	{
		stop = memmem(r->p + 2, r->end - r->p - 2, "*/", 2);
		if (stop == NULL)
			return false;
		r->p = stop + 2;
	}
	else if (((r->features & SI_JSON_COMMENTS) && begins(r, "//")) ||
			 ((r->features & SI_JSON_YAML_COMMENTS) && *r->p == '#'))
	{
		stop = memchr(r->p, '\n', r->end - r->p);
		r->p = stop ? stop : r->end;
	}
	else
		return false;
	*r->out++ = ' ';
	return true;
}

/* One escape of a string. */
static void
escape(Rewrite *r)
{
	char		next = r->p + 1 < r->end ? r->p[1] : '"';
	bool		json = strchr("\"\\/bfnrtu", next) != NULL && next != '\0';

	if (r->p + 1 == r->end)
		*r->out++ = *r->p++;
	else if (json || !((r->features & SI_JSON_ANY_ESCAPE) || (next == '\'' && (r->features & SI_JSON_SINGLE_QUOTES))))
	{
		*r->out++ = *r->p++;
		*r->out++ = *r->p++;
	}
	else
	{
		r->p++;
		if ((unsigned char) next < 0x20)
			r->out += sprintf(r->out, "\\u%04x", next);
		else
			*r->out++ = next;
		r->p++;
	}
}

/* The string at p, in quotes of either kind. */
static void
string(Rewrite *r)
{
	char		quote = *r->p++;

	*r->out++ = '"';
	while (r->p < r->end && *r->p != quote)
	{
		if (*r->p == '\\')
			escape(r);
		else if (*r->p == '"')
		{
			emit(r, "\\\"");
			r->p++;
		}
		else if ((unsigned char) *r->p < 0x20 && (r->features & SI_JSON_CONTROL_CHARS))
			r->out += sprintf(r->out, "\\u%04x", *r->p++);
		else
			*r->out++ = *r->p++;
	}
	if (r->p < r->end)
	{
		r->p++;
		*r->out++ = '"';
	}
}

static bool
is_name_char(unsigned char c)
{
	return isalnum(c) || c == '_' || c == '$' || c == '-' || c >= 0x80;
}

static bool
not_a_number(Rewrite *r)
{
	static const struct
	{
		const char *word;
		const char *name;
	}			words[] = {
		{"NaN", "\"NaN\""}, {"-Infinity", "\"-Infinity\""}, {"+Infinity", "\"Infinity\""}, {"Infinity", "\"Infinity\""},
		{"-INF", "\"-Infinity\""}, {"+INF", "\"Infinity\""}, {"INF", "\"Infinity\""}
	};

	if (!(r->features & SI_JSON_NON_NUMERIC))
		return false;
	for (int i = 0; i < lengthof(words); i++)
	{
		size_t		len = strlen(words[i].word);

		if (begins(r, words[i].word) && (r->p + len == r->end || !isalnum((unsigned char) r->p[len])))
		{
			emit(r, words[i].name);
			r->p += len;
			return true;
		}
	}
	return false;
}

static void
number(Rewrite *r)
{
	if (*r->p == '+' && (r->features & SI_JSON_LEADING_PLUS))
		r->p++;
	else if (*r->p == '-' || *r->p == '+')
		*r->out++ = *r->p++;
	if (r->features & SI_JSON_LEADING_ZEROS)
		while (r->end - r->p >= 2 && *r->p == '0' && isdigit((unsigned char) r->p[1]))
			r->p++;
	if (r->p < r->end && *r->p == '.' && (r->features & SI_JSON_LEADING_POINT))
		*r->out++ = '0';
	while (r->p < r->end && (isalnum((unsigned char) *r->p) || *r->p == '.' || *r->p == '+' || *r->p == '-'))
	{
		*r->out++ = *r->p++;
		if (r->p[-1] == '.' && (r->features & SI_JSON_TRAILING_POINT) &&
			(r->p == r->end || !isdigit((unsigned char) *r->p)))
			*r->out++ = '0';
	}
}

static void
open_container(Rewrite *r)
{
	if (r->depth < MAX_DEPTH)
		r->open[r->depth] = *r->p;
	r->depth++;
	r->expected = *r->p == '{' ? A_NAME : A_VALUE;
	*r->out++ = *r->p++;
}

static void
close_container(Rewrite *r)
{
	if (r->comma != NULL && (r->features & SI_JSON_TRAILING_COMMA))
		*r->comma = ' ';
	else if (r->comma != NULL && r->expected == A_VALUE && (r->features & SI_JSON_MISSING_VALUES))
		emit(r, "null");
	if (r->depth > 0)
		r->depth--;
	r->expected = NOTHING;
	*r->out++ = *r->p++;
}

static void
comma(Rewrite *r)
{
	bool		object = r->depth > 0 && r->depth <= MAX_DEPTH && r->open[r->depth - 1] == '{';

	if (r->expected == A_VALUE && (r->features & SI_JSON_MISSING_VALUES))
		emit(r, "null");
	r->expected = object ? A_NAME : A_VALUE;
	*r->out++ = *r->p++;
}

static void
token(Rewrite *r)
{
	char		c = *r->p;

	if (c == '{' || c == '[')
		open_container(r);
	else if (c == '}' || c == ']')
		close_container(r);
	else if (c == ',')
	{
		char	   *at;

		comma(r);
		at = r->out - 1;
		r->comma = at;
		return;
	}
	else if (c == ':')
	{
		r->expected = A_VALUE;
		*r->out++ = *r->p++;
	}
	else if (c == '"' || (c == '\'' && (r->features & SI_JSON_SINGLE_QUOTES)))
	{
		string(r);
		r->expected = NOTHING;
	}
	else if (r->expected == A_NAME && is_name_char((unsigned char) c) && (r->features & SI_JSON_UNQUOTED_NAMES))
	{
		*r->out++ = '"';
		while (r->p < r->end && is_name_char((unsigned char) *r->p))
			*r->out++ = *r->p++;
		*r->out++ = '"';
		r->expected = NOTHING;
	}
	else
	{
		if (not_a_number(r))
			;
		else if (isdigit((unsigned char) c) || c == '-' || c == '+' || c == '.')
			number(r);
		else
			*r->out++ = *r->p++;
		r->expected = NOTHING;
	}
	r->comma = NULL;
}

const char *
si_json_strict(SiScratch *scratch, uint32 features, const char *text, size_t *len)
{
	Rewrite		r;
	char	   *copy = si_scratch_alloc(scratch, *len * 6 + 16);

	if (copy == NULL)
		return NULL;
	r.features = features;
	r.p = text;
	r.end = text + *len;
	r.out = copy;
	r.comma = NULL;
	r.expected = A_VALUE;
	r.depth = 0;
	while (r.p < r.end)
	{
		if (isspace((unsigned char) *r.p))
			*r.out++ = *r.p++;
		else if (!comment(&r))
			token(&r);
	}
	*len = r.out - copy;
	si_scratch_trim(scratch, copy, *len);
	return copy;
}
