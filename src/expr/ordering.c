/*
 * ordering.c
 *		The orderings that a bound filter may name.
 */
#include "common/port.h"

#include <math.h>

#include "expr/filter.h"
#include "format/number.h"

static int
sign(int64 n)
{
	return (n > 0) - (n < 0);
}

static int
lexicographic(const char *a, uint32 a_len, const char *b, uint32 b_len)
{
	int			order = memcmp(a, b, Min(a_len, b_len));

	return order != 0 ? sign(order) : sign((int64) a_len - b_len);
}

static int64
characters(const char *s, uint32 len)
{
	int64		n = 0;

	for (uint32 i = 0; i < len; i++)
		n += ((unsigned char) s[i] & 0xC0) != 0x80;
	return n;
}

/* Numbers by size, after all that is none; texts among each other. */
static int
numeric(const char *a, uint32 a_len, const char *b, uint32 b_len)
{
	int64		i,
				j;
	double		x,
				y;
	bool		x_ok,
				y_ok;

	if (si_long_from_text(a, a_len, &i) && si_long_from_text(b, b_len, &j))
		return (i > j) - (i < j);
	x_ok = si_double_from_text(a, a_len, &x) && isfinite(x);
	y_ok = si_double_from_text(b, b_len, &y) && isfinite(y);
	if (x_ok && y_ok)
		return (x > y) - (x < y);
	if (x_ok || y_ok)
		return x_ok ? 1 : -1;
	return lexicographic(a, a_len, b, b_len);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* End of the digits from i on. */
static uint32
digits_end(const char *s, uint32 len, uint32 i)
{
	while (i < len && is_digit(s[i]))
		i++;
	return i;
}

/* Two runs of digits by their value, of any length. */
static int
compare_digits(const char *a, uint32 a_len, const char *b, uint32 b_len)
{
	while (a_len > 1 && *a == '0')
		a++, a_len--;
	while (b_len > 1 && *b == '0')
		b++, b_len--;
	if (a_len != b_len)
		return a_len > b_len ? 1 : -1;
	return sign(memcmp(a, b, a_len));
}

/* Runs of digits by value, the rest by character; digits before the rest. */
static int
alphanumeric(const char *a, uint32 a_len, const char *b, uint32 b_len)
{
	uint32		i = 0;
	uint32		j = 0;

	while (i < a_len && j < b_len)
	{
		int			order;

		if (is_digit(a[i]) && is_digit(b[j]))
		{
			uint32		i_end = digits_end(a, a_len, i);
			uint32		j_end = digits_end(b, b_len, j);

			order = compare_digits(a + i, i_end - i, b + j, j_end - j);
			i = i_end;
			j = j_end;
		}
		else if (is_digit(a[i]) != is_digit(b[j]))
			return is_digit(a[i]) ? -1 : 1;
		else
			order = sign((int) (unsigned char) a[i++] - (int) (unsigned char) b[j++]);
		if (order != 0)
			return order;
	}
	if (i < a_len || j < b_len)
		return i < a_len ? 1 : -1;
	/* equal but for leading zeros */
	return lexicographic(a, a_len, b, b_len);
}

/* ----------------------------------------------------------------- version */

/* One part of a version: a number, or a word. */
typedef struct Part
{
	const char *s;
	uint32		len;			/* 0: there is none, which is like 0 or a release */
	bool		number;
} Part;

static uint32
next_part(const char *s, uint32 len, uint32 i, Part *part)
{
	uint32		start;

	while (i < len && (s[i] == '.' || s[i] == '-' || s[i] == '_'))
		i++;
	start = i;
	part->number = i < len && is_digit(s[i]);
	while (i < len && s[i] != '.' && s[i] != '-' && s[i] != '_' && is_digit(s[i]) == part->number)
		i++;
	part->s = s + start;
	part->len = i - start;
	return i;
}

/* Words that come before a release, the release itself, then other words. */
static int
word_rank(const Part *p)
{
	static const struct
	{
		const char *word;
		int			rank;
	}			ranks[] =
	{
		{"alpha", 1}, {"a", 1}, {"beta", 2}, {"b", 2}, {"milestone", 3}, {"m", 3}, {"rc", 4}, {"cr", 4},
		{"snapshot", 5}, {"ga", 6}, {"final", 6}, {"release", 6}, {"sp", 7}
	};

	if (p->len == 0)
		return 6;
	for (int i = 0; i < lengthof(ranks); i++)
		if (strlen(ranks[i].word) == p->len && pg_strncasecmp(ranks[i].word, p->s, p->len) == 0)
			return ranks[i].rank;
	return 8;
}

static int
compare_parts(const Part *a, const Part *b)
{
	int			x,
				y;

	if ((a->number || a->len == 0) && (b->number || b->len == 0))
		return compare_digits(a->len > 0 ? a->s : "0", Max(a->len, 1), b->len > 0 ? b->s : "0", Max(b->len, 1));
	if (a->number != b->number && a->len > 0 && b->len > 0)
		return a->number ? 1 : -1;
	x = word_rank(a);
	y = word_rank(b);
	if (x != y)
		return sign(x - y);
	return x == 8 ? lexicographic(a->s, a->len, b->s, b->len) : 0;
}

static int
version(const char *a, uint32 a_len, const char *b, uint32 b_len)
{
	uint32		i = 0;
	uint32		j = 0;

	while (i < a_len || j < b_len)
	{
		Part		x,
					y;
		int			order;

		i = next_part(a, a_len, i, &x);
		j = next_part(b, b_len, j, &y);
		order = compare_parts(&x, &y);
		if (order != 0)
			return order;
	}
	return 0;
}

int
si_ordering_compare(SiOrdering ordering, const char *a, uint32 a_len, const char *b, uint32 b_len)
{
	switch (ordering)
	{
		case SI_ORDER_ALPHANUMERIC:
			return alphanumeric(a, a_len, b, b_len);
		case SI_ORDER_NUMERIC:
			return numeric(a, a_len, b, b_len);
		case SI_ORDER_STRLEN:
			if (characters(a, a_len) != characters(b, b_len))
				return sign(characters(a, a_len) - characters(b, b_len));
			return lexicographic(a, a_len, b, b_len);
		case SI_ORDER_VERSION:
			return version(a, a_len, b, b_len);
		default:
			return lexicographic(a, a_len, b, b_len);
	}
}
