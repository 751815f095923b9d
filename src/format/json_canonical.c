/*
 * json_canonical.c
 *		Values of a message as canonical JSON text, for columns of type json:
 *		no blanks, members ordered by the length of their names and then by
 *		bytes (of equal names the last one stays), strings with no more
 *		escapes than they need.  Equal documents become equal texts, but for
 *		the ways of writing a number.
 *
 * What comes out is always what PostgreSQL's jsonb takes: NUL characters
 * become U+FFFD, surrogates without a partner '?', numbers out of numeric's
 * range a double or "Infinity".
 */
#include "common/port.h"

#include <math.h>

#include "format/convert.h"
#include "format/jsontext.h"
#include "format/number.h"
#include "format/reason.h"

/* The parser of messages nests less deep. */
#define MAX_DEPTH		1024
/* jsonb's 256 MB hold any text of this length. */
#define MAX_TEXT		(32 * 1024 * 1024)
/* numeric takes numbers with fewer digits and smaller exponents than these. */
#define MAX_NUMBER		1000
#define MAX_EXPONENT	1000

/* One member of an object that is being written: "name":value. */
typedef struct Member
{
	const char *text;
	uint32		name_len;		/* quotes included */
	uint32		len;
} Member;

typedef struct Writer
{
	const char *p;
	const char *end;
	char	   *out;
	SiJsonBuf  *buf;
	size_t		nmembers;		/* of all objects that are open */
	int			depth;
	bool		nul;
} Writer;

static void *
reserve(SiTextBuf *buf, size_t size)
{
	if (size > buf->cap)
	{
		size_t		cap = Max(size + size / 2, 1024);

		buf->data = buf->data ? si_realloc(buf->data, cap) : si_alloc(cap);
		buf->cap = cap;
	}
	return buf->data;
}

static bool write_value(Writer *w);

/* Writes a string that has been unescaped. */
static void
write_text(Writer *w, const char *text, size_t len)
{
	const char *end = text + len;

	if (memchr(text, '\0', len) == NULL)
	{
		w->out += si_json_quote(text, len, w->out);
		return;
	}
	w->nul = true;
	*w->out++ = '"';
	while (text < end)
	{
		const char *nul = memchr(text, '\0', end - text);
		size_t		plain = (nul ? nul : end) - text;
		size_t		quoted = si_json_quote(text, plain, w->out);

		/* without its quotes */
		memmove(w->out, w->out + 1, quoted - 2);
		w->out += quoted - 2;
		text += plain;
		if (nul)
		{
			memcpy(w->out, "\xEF\xBF\xBD", 3);
			w->out += 3;
			text++;
		}
	}
	*w->out++ = '"';
}

static bool
write_string(Writer *w)
{
	SiValue		v;
	bool		escaped;
	const char *next = si_json_value(w->p, w->end, &v, &escaped);
	ptrdiff_t	len;
	char	   *plain;

	if (next == NULL || v.kind != SI_VALUE_STRING)
		return false;
	w->p = next;
	if (!escaped)
	{
		write_text(w, v.ptr, v.len);
		return true;
	}
	plain = reserve(&w->buf->scratch, v.len);
	len = si_json_unescape(v.ptr, v.len, plain);
	if (len < 0)
		return false;
	write_text(w, plain, len);
	return true;
}

/* Whether numeric takes a number as it is written. */
static bool
is_numeric(const char *text, uint32 len)
{
	const char *end = text + len;
	const char *p = text;
	int			exponent = 0;

	if (len > MAX_NUMBER)
		return false;
	while (p < end && *p != 'e' && *p != 'E')
		p++;
	for (; p < end; p++)
		if (*p >= '0' && *p <= '9' && (exponent = exponent * 10 + *p - '0') > MAX_EXPONENT)
			return false;
	return true;
}

static void
write_double(Writer *w, double d)
{
	if (isfinite(d))
		w->out += si_double_print(d, w->out);
	else
		w->out += sprintf(w->out, "\"%s\"", isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
}

static void
write_number(Writer *w, const SiValue *v)
{
	if (v->ptr != NULL && v->len > 0 && is_numeric(v->ptr, v->len))
	{
		memcpy(w->out, v->ptr, v->len);
		w->out += v->len;
	}
	else if (v->kind == SI_VALUE_LONG)
		w->out += sprintf(w->out, INT64_FORMAT, v->u.i);
	else
		write_double(w, v->u.d);
}

static int
compare_members(const void *pa, const void *pb)
{
	const Member *a = pa;
	const Member *b = pb;
	int			order;

	if (a->name_len != b->name_len)
		return a->name_len < b->name_len ? -1 : 1;
	order = memcmp(a->text, b->text, a->name_len);
	/* equal names stay in their order */
	return order != 0 ? order : a->text < b->text ? -1 : a->text > b->text;
}

static bool
same_name(const Member *a, const Member *b)
{
	return a->name_len == b->name_len && memcmp(a->text, b->text, a->name_len) == 0;
}

/* Brings the members of an object, whose text begins at start, into order. */
static void
sort_members(Writer *w, char *start, Member *members, size_t n)
{
	bool		ordered = true;
	size_t		len = w->out - start;
	char	   *copy;

	for (size_t i = 1; i < n && ordered; i++)
		ordered = compare_members(&members[i - 1], &members[i]) < 0 && !same_name(&members[i - 1], &members[i]);
	if (ordered)
		return;
	copy = reserve(&w->buf->scratch, len);
	memcpy(copy, start, len);
	for (size_t i = 0; i < n; i++)
		members[i].text = copy + (members[i].text - start);
	qsort(members, n, sizeof(Member), compare_members);
	w->out = start;
	for (size_t i = 0; i < n; i++)
	{
		if (i + 1 < n && same_name(&members[i], &members[i + 1]))
			continue;
		if (w->out > start)
			*w->out++ = ',';
		memcpy(w->out, members[i].text, members[i].len);
		w->out += members[i].len;
	}
}

static bool
write_member(Writer *w)
{
	Member		m = {.text = w->out};
	Member	   *members;

	if (!write_string(w))
		return false;
	m.name_len = w->out - m.text;
	w->p = si_json_skip_blanks(w->p, w->end);
	if (w->p == w->end || *w->p != ':')
		return false;
	w->p++;
	*w->out++ = ':';
	if (!write_value(w))
		return false;
	m.len = w->out - m.text;
	members = reserve(&w->buf->members, sizeof(Member) * (w->nmembers + 1));
	members[w->nmembers++] = m;
	return true;
}

/* The inside of an object or array and its closing bracket. */
static bool
write_container(Writer *w, char close)
{
	char	   *start;
	size_t		first = w->nmembers;

	if (++w->depth > MAX_DEPTH)
		return false;
	*w->out++ = *w->p++;
	start = w->out;
	w->p = si_json_skip_blanks(w->p, w->end);
	while (w->p < w->end && *w->p != close)
	{
		if (w->out > start)
		{
			if (*w->p != ',')
				return false;
			w->p = si_json_skip_blanks(w->p + 1, w->end);
			*w->out++ = ',';
		}
		if (!(close == '}' ? write_member(w) : write_value(w)))
			return false;
		w->p = si_json_skip_blanks(w->p, w->end);
	}
	if (w->p == w->end)
		return false;
	w->p++;
	if (close == '}')
	{
		sort_members(w, start, (Member *) w->buf->members.data + first, w->nmembers - first);
		w->nmembers = first;
	}
	*w->out++ = close;
	w->depth--;
	return true;
}

static bool
write_value(Writer *w)
{
	SiValue		v;
	bool		escaped;
	const char *next;

	w->p = si_json_skip_blanks(w->p, w->end);
	if (w->p == w->end)
		return false;
	if (*w->p == '{')
		return write_container(w, '}');
	if (*w->p == '[')
		return write_container(w, ']');
	if (*w->p == '"')
		return write_string(w);
	next = si_json_value(w->p, w->end, &v, &escaped);
	if (next == NULL)
		return false;
	if (v.kind == SI_VALUE_LONG || v.kind == SI_VALUE_DOUBLE)
	{
		v.len = (uint32) (next - w->p);
		write_number(w, &v);
	}
	else
	{
		memcpy(w->out, w->p, next - w->p);
		w->out += next - w->p;
	}
	w->p = next;
	return true;
}

static SiConvert
json_error(const SiValue *v, const char *what, const char *column, SiReason *why)
{
	si_format_reason(why, "Could not store value [%.*s] in dimension [%s]: %s.",
					 v->ptr ? si_format_clip(v->ptr, v->len) : 0, v->ptr ? v->ptr : "", column, what);
	return SI_CONVERT_ERROR;
}

SiConvert
si_convert_json(const SiValue *v, SiJsonBuf *buf, const char **text, uint32 *len,
				const char *column, SiReason *why)
{
	Writer		w = {.p = v->ptr,.end = v->ptr + v->len,.buf = buf};
	bool		ok = true;

	*text = NULL;
	if (v->kind == SI_VALUE_MISSING || v->kind == SI_VALUE_NULL)
		return SI_CONVERT_NULL;
	if (v->len > MAX_TEXT)
		return json_error(v, "it is too long for jsonb", column, why);
	/* what grows most is a control character: six bytes */
	w.out = reserve(&buf->text, (size_t) v->len * 6 + 64);
	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_STRING:
			write_text(&w, v->ptr, v->len);
			break;
		case SI_VALUE_BOOL:
			w.out += sprintf(w.out, "%s", v->u.i ? "true" : "false");
			break;
		case SI_VALUE_LONG:
		case SI_VALUE_DOUBLE:
			write_number(&w, v);
			break;
		default:
			ok = write_value(&w);
			break;
	}
	if (!ok)
		return json_error(v, "it is not JSON or nests too deep", column, why);
	*text = buf->text.data;
	*len = (uint32) (w.out - buf->text.data);
	return w.nul ? json_error(v, "its NUL character became U+FFFD", column, why) : SI_CONVERT_OK;
}
