/*
 * number.c
 *		Numbers as text, see number.h.
 */
#include "common/port.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "format/number.h"

/* Longest number text that is converted in place, without looking at every digit. */
#define SHORT_LONG_DIGITS 18

static inline bool
is_digit(char c)
{
	return (unsigned char) (c - '0') <= 9;
}

static bool
negative_overflow_free(uint64 magnitude, bool negative, int64 *out)
{
	if (magnitude > (uint64) PG_INT64_MAX + negative)
		return false;
	*out = negative ? (int64) (0 - magnitude) : (int64) magnitude;
	return true;
}

/* Digits only; false when they do not fit. */
static bool
magnitude_from_digits(const char *p, size_t n, uint64 *out)
{
	uint64		m = 0;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		if (m > (PG_UINT64_MAX - 9) / 10)
			return false;
		m = m * 10 + (p[i] - '0');
	}
	*out = m;
	return true;
}

const char *
si_number_scan(const char *p, SiValue *v)
{
	const char *start = p;
	bool		negative = (*p == '-');
	const char *digits = p + negative;
	bool		whole = true;
	uint64		m = 0;

	p = digits;
	while (is_digit(*p))
		m = m * 10 + (*p++ - '0');
	if (p == digits || (*digits == '0' && p - digits > 1))
		return NULL;
	v->ptr = start;
	if (SI_LIKELY(*p != '.' && (*p | 0x20) != 'e' && p - digits <= SHORT_LONG_DIGITS))
	{
		v->len = (uint32) (p - start);
		v->kind = SI_VALUE_LONG;
		v->u.i = negative ? -(int64) m : (int64) m;
		return p;
	}

	if (*p == '.')
	{
		whole = false;
		if (!is_digit(*++p))
			return NULL;
		while (is_digit(*p))
			p++;
	}
	if ((*p | 0x20) == 'e')
	{
		whole = false;
		p++;
		if (*p == '+' || *p == '-')
			p++;
		if (!is_digit(*p))
			return NULL;
		while (is_digit(*p))
			p++;
	}
	v->len = (uint32) (p - start);
	v->kind = SI_VALUE_LONG;
	if (whole && magnitude_from_digits(digits, p - digits, &m) &&
		negative_overflow_free(m, negative, &v->u.i))
		return p;
	v->kind = SI_VALUE_DOUBLE;
	v->u.d = strtod(start, NULL);
	return p;
}

/*
 * PostgreSQL's shortest digits ("1e+30", "0.0001", "1234.5"), set in Java's
 * way: plain from 1e-3 to below 1e7, always with a fraction, else with E.
 */
static int
print_as_java(const char *shortest, char *buf)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];
	int			ndigits = 0;
	int			point = 0;		/* digits before the decimal point */
	bool		point_seen = false;
	char	   *out = buf;
	const char *p = shortest;
	int			i;

	if (*p == '-')
		*out++ = *p++;
	for (; *p != '\0' && *p != 'e'; p++)
	{
		if (*p == '.')
			point_seen = true;
		else if (ndigits == 0 && *p == '0')
			point -= point_seen;	/* leading zeros */
		else
		{
			digits[ndigits++] = *p;
			point += !point_seen;
		}
	}
	if (*p == 'e')
		point += atoi(p + 1);
	while (ndigits > 1 && digits[ndigits - 1] == '0')
		ndigits--;
	if (ndigits == 0)
		return (int) (out - buf) + sprintf(out, "0.0");

	if (point > 7 || point < -2)
	{
		*out++ = digits[0];
		*out++ = '.';
		if (ndigits == 1)
			*out++ = '0';
		memcpy(out, digits + 1, ndigits - 1);
		out += ndigits - 1;
		return (int) (out - buf) + sprintf(out, "E%d", point - 1);
	}
	if (point <= 0)
		*out++ = '0';
	for (i = 0; i < point; i++)
		*out++ = i < ndigits ? digits[i] : '0';
	*out++ = '.';
	for (i = point; i < 0; i++)
		*out++ = '0';
	for (i = Max(point, 0); i < ndigits; i++)
		*out++ = digits[i];
	if (point >= ndigits)
		*out++ = '0';
	*out = '\0';
	return (int) (out - buf);
}

int
si_double_print(double d, char *buf)
{
	char		shortest[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isnan(d) || isinf(d))
		return sprintf(buf, "%s", isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
	double_to_shortest_decimal_buf(d, shortest);
	return print_as_java(shortest, buf);
}

int
si_float_print(float f, char *buf)
{
	char		shortest[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isnan(f) || isinf(f))
		return si_double_print(f, buf);
	float_to_shortest_decimal_buf(f, shortest);
	return print_as_java(shortest, buf);
}

bool
si_long_from_text(const char *p, size_t len, int64 *out)
{
	bool		negative = (len > 0 && *p == '-');
	size_t		sign = (negative || (len > 0 && *p == '+')) ? 1 : 0;
	uint64		m;
	size_t		i;

	if (len == sign)
		return false;
	for (i = sign; i < len; i++)
		if (!is_digit(p[i]))
			return false;
	return magnitude_from_digits(p + sign, len - sign, &m) &&
		negative_overflow_free(m, negative, out);
}

/* The parts of a decimal number: [sign] digits [. digits] [e [sign] digits] */
typedef struct DecimalParts
{
	bool		negative;
	const char *whole;
	size_t		nwhole;
	const char *fraction;
	size_t		nfraction;
	int			exponent;		/* clamped to some thousands */
	size_t		len;			/* of the whole text */
} DecimalParts;

static size_t
count_digits(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && is_digit(*q))
		q++;
	return q - p;
}

/* False when [p, p + len) does not begin with a decimal number. */
static bool
split_decimal(const char *p, size_t len, DecimalParts *d)
{
	const char *start = p;
	const char *end = p + len;

	memset(d, 0, sizeof(*d));
	if (p < end && (*p == '-' || *p == '+'))
		d->negative = (*p++ == '-');
	d->whole = p;
	d->nwhole = count_digits(p, end);
	p += d->nwhole;
	if (p < end && *p == '.')
	{
		d->fraction = ++p;
		d->nfraction = count_digits(p, end);
		p += d->nfraction;
	}
	if (d->nwhole + d->nfraction == 0)
		return false;
	if (p < end && (*p | 0x20) == 'e')
	{
		const char *q = p + 1;
		bool		minus = (q < end && *q == '-');
		size_t		n;

		if (q < end && (*q == '-' || *q == '+'))
			q++;
		n = count_digits(q, end);
		if (n > 0)
		{
			for (p = q; p < q + n; p++)
				d->exponent = Min(d->exponent * 10 + (*p - '0'), 100000);
			if (minus)
				d->exponent = -d->exponent;
		}
	}
	d->len = p - start;
	return true;
}

bool
si_long_from_decimal(const char *p, size_t len, int64 *out)
{
	DecimalParts d;
	char		digits[24];
	int			ndigits = 0;
	int64		zeros;			/* to be appended after the last digit */
	int64		pending = 0;	/* zeros met after the last digit kept */
	uint64		m = 0;
	size_t		i;

	if (si_long_from_text(p, len, out))
		return true;
	if (!split_decimal(p, len, &d) || d.len != len)
		return false;

	for (i = 0; i < d.nwhole + d.nfraction; i++)
	{
		char		c = i < d.nwhole ? d.whole[i] : d.fraction[i - d.nwhole];

		if (c == '0')
		{
			pending += (ndigits > 0);
			continue;
		}
		if (ndigits + pending >= 20)
			return false;
		for (; pending > 0; pending--)
			digits[ndigits++] = '0';
		digits[ndigits++] = c;
	}
	zeros = pending + d.exponent - (int64) d.nfraction;
	if (ndigits == 0)
		zeros = 0;
	if (zeros < 0 || ndigits + zeros > 20)
		return false;
	for (; zeros > 0; zeros--)
		digits[ndigits++] = '0';
	return magnitude_from_digits(digits, ndigits, &m) &&
		negative_overflow_free(m, d.negative, out);
}

bool
si_double_from_text(const char *p, size_t len, double *out)
{
	char		small[64];
	char	   *copy = small;
	DecimalParts d;
	size_t		sign = (len > 0 && (*p == '-' || *p == '+')) ? 1 : 0;

	if (len - sign == 3 && memcmp(p + sign, "NaN", 3) == 0)
	{
		*out = NAN;
		return true;
	}
	if (len - sign == 8 && memcmp(p + sign, "Infinity", 8) == 0)
	{
		*out = (*p == '-') ? -INFINITY : INFINITY;
		return true;
	}
	if (!split_decimal(p, len, &d))
		return false;
	/* Java allows a type letter after the number */
	if (d.len != len && !(d.len == len - 1 && strchr("dDfF", p[d.len]) != NULL && p[d.len] != '\0'))
		return false;
	if (d.len >= sizeof(small))
	{
		copy = malloc(d.len + 1);
		if (copy == NULL)
			return false;
	}
	memcpy(copy, p, d.len);
	copy[d.len] = '\0';
	*out = strtod(copy, NULL);
	if (copy != small)
		free(copy);
	return true;
}

int64
si_long_from_double(double d)
{
	if (isnan(d))
		return 0;
	if (d >= 9223372036854775808.0)
		return PG_INT64_MAX;
	if (d <= -9223372036854775808.0)
		return PG_INT64_MIN;
	return (int64) d;
}
