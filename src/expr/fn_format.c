/*
 * fn_format.c
 *		Functions of expressions: format, in the manner of Java's
 *		String.format, and numbers for human readers.
 */
#include "common/port.h"

#include <math.h>

#include "expr/expr_int.h"

/* Widths and precisions beyond are refused. */
#define MAX_WIDTH	1000

typedef struct Output
{
	SiEval	   *ev;
	char	   *text;
	size_t		len;
	size_t		cap;
} Output;

static bool
put(Output *o, const char *s, size_t len)
{
	if (len == 0)
		return true;
	if (o->len + len > SI_EXPR_MAX_TEXT)
		return si_expr_fail(o->ev, "the text would be longer than %d bytes", SI_EXPR_MAX_TEXT);
	if (o->len + len > o->cap)
	{
		size_t		cap = (o->len + len) * 2 + 64;
		char	   *more = si_expr_alloc(o->ev->memory, cap);

		if (o->len > 0)
			memcpy(more, o->text, o->len);
		o->text = more;
		o->cap = cap;
	}
	memcpy(o->text + o->len, s, len);
	o->len += len;
	return true;
}

/* One "%..." of a format. */
typedef struct Item
{
	int			argument;		/* 1-based; 0: the next one */
	bool		left;
	bool		zero;
	bool		plus;
	bool		space;
	bool		group;
	int			width;
	int			precision;		/* -1: none */
	char		conversion;
} Item;

static bool
put_padded(Output *o, const Item *item, const char *s, size_t len)
{
	int			chars = 0;

	for (size_t i = 0; i < len; i++)
		chars += ((unsigned char) s[i] & 0xC0) != 0x80;
	for (int i = chars; !item->left && i < item->width; i++)
		if (!put(o, " ", 1))
			return false;
	if (!put(o, s, len))
		return false;
	for (int i = chars; item->left && i < item->width; i++)
		if (!put(o, " ", 1))
			return false;
	return true;
}

/* Commas between thousands of the digits before a point. */
static int
group_digits(char *text, int len)
{
	int			start = text[0] == '-' || text[0] == '+' || text[0] == ' ' ? 1 : 0;
	int			end = start;

	while (end < len && text[end] >= '0' && text[end] <= '9')
		end++;
	for (int i = end - 3; i > start; i -= 3)
	{
		memmove(text + i + 1, text + i, len - i);
		text[i] = ',';
		len++;
	}
	return len;
}

static bool
put_number(Output *o, const Item *item, const SiExprValue *v)
{
	char		text[2 * MAX_WIDTH + 800];
	char		spec[16];
	int			n = 0;
	int			len;
	bool		is_long = strchr("dxXo", item->conversion) != NULL;
	int64		i = 0;
	double		d = 0;

	if (is_long && v->type != SI_EXPR_LONG)
		return si_expr_fail(o->ev, "format: %%%c needs an integer", item->conversion);
	if (!is_long && v->type == SI_EXPR_DOUBLE)
		d = v->u.d;
	else if (!is_long)
		return si_expr_fail(o->ev, "format: %%%c needs a number", item->conversion);
	i = is_long ? v->u.i : 0;
	spec[n++] = '%';
	/* PostgreSQL's snprintf knows no ' ': the sign is put in its place below. */
	if (item->plus || item->space)
		spec[n++] = '+';
	if (item->zero && !item->left)
		spec[n++] = '0';
	spec[n++] = '*';
	spec[n++] = is_long ? 'l' : '.';
	spec[n++] = is_long ? 'l' : '*';
	spec[n++] = item->conversion;
	spec[n] = '\0';
	if (is_long)
		len = snprintf(text, sizeof(text), spec, item->zero ? item->width : 0, (long long) i);
	else
		len = snprintf(text, sizeof(text), spec, item->zero ? item->width : 0,
					   item->precision < 0 ? 6 : item->precision, d);
	if (len < 0 || (size_t) len >= sizeof(text))
		return si_expr_fail(o->ev, "format: %%%c cannot print the number", item->conversion);
	if (item->space && !item->plus)
	{
		char	   *sign = memchr(text, '+', len);

		/* The '+' of an exponent is not the sign. */
		if (sign != NULL && strspn(text, " ") == (size_t) (sign - text))
			*sign = ' ';
	}
	if (item->group)
		len = group_digits(text, Min(len, MAX_WIDTH));
	return put_padded(o, item, text, len);
}

static bool
put_item(Output *o, const Item *item, const SiExprValue *v)
{
	const char *s = "null";
	uint32		len = 4;

	switch (item->conversion)
	{
		case 's':
		case 'S':
			(void) si_expr_as_text(o->ev, v, &s, &len);
			if (item->precision >= 0)
			{
				uint32		bytes = 0;

				for (int chars = 0; bytes < len; bytes++)
					if (((unsigned char) s[bytes] & 0xC0) != 0x80 && chars++ == item->precision)
						break;
				len = bytes;
			}
			return put_padded(o, item, s, len);
		case 'b':
			s = v->isnull ? "false" : v->type == SI_EXPR_LONG && v->u.i == 0 ? "false" : "true";
			return put_padded(o, item, s, strlen(s));
		case 'd':
		case 'x':
		case 'X':
		case 'o':
		case 'f':
		case 'e':
		case 'E':
		case 'g':
			if (v->isnull)
				return put_padded(o, item, s, len);
			return put_number(o, item, v);
		default:
			return si_expr_fail(o->ev, "format: unknown conversion %%%c", item->conversion);
	}
}

static const char *
scan_number(const char *p, const char *end, int *n)
{
	*n = 0;
	while (p < end && *p >= '0' && *p <= '9' && *n <= MAX_WIDTH)
		*n = *n * 10 + (*p++ - '0');
	return p;
}

/* From behind the "%"; the end, or NULL. */
static const char *
scan_item(const char *p, const char *end, Item *item)
{
	const char *q;
	int			n;

	memset(item, 0, sizeof(*item));
	item->precision = -1;
	q = scan_number(p, end, &n);
	if (q > p && q < end && *q == '$')
	{
		item->argument = n;
		p = q + 1;
	}
	for (; p < end && strchr("-0+ ,", *p) != NULL && *p != '\0'; p++)
	{
		item->left |= *p == '-';
		item->zero |= *p == '0';
		item->plus |= *p == '+';
		item->space |= *p == ' ';
		item->group |= *p == ',';
	}
	p = scan_number(p, end, &item->width);
	if (p < end && *p == '.')
		p = scan_number(p + 1, end, &item->precision);
	if (p >= end || item->width > MAX_WIDTH || item->precision > MAX_WIDTH)
		return NULL;
	item->conversion = *p;
	return p + 1;
}

/* The text with its arguments in place; false when it does not fit them. */
static bool
put_all(Output *o, const SiExprNode *n, const SiExprValue *args, const char *p, uint32 len)
{
	SiEval	   *ev = o->ev;
	int			next = 1;

	for (const char *end = p + len; p < end;)
	{
		const char *percent = memchr(p, '%', end - p);
		Item		item;
		int			which;

		if (!put(o, p, (percent != NULL ? percent : end) - p))
			return false;
		if (percent == NULL)
			break;
		p = scan_item(percent + 1, end, &item);
		if (p == NULL)
			return si_expr_fail(ev, "format: the last %% is not complete");
		if (item.conversion == '%' || item.conversion == 'n')
		{
			if (!put(o, item.conversion == 'n' ? "\n" : "%", 1))
				return false;
			continue;
		}
		which = item.argument > 0 ? item.argument : next++;
		if (which >= n->nargs)
			return si_expr_fail(ev, "format: there is no argument for %%%c", item.conversion);
		if (!put_item(o, &item, &args[which]))
			return false;
	}
	return true;
}

/* A text that does not fit its arguments is given as it is, with them behind it. */
static bool
put_plain(Output *o, const SiExprNode *n, const SiExprValue *args, const char *p, uint32 len)
{
	o->len = 0;
	if (!put(o, p, len))
		return false;
	for (int i = 1; i < n->nargs; i++)
	{
		const char *s = "null";
		uint32		arg_len = 4;

		(void) si_expr_as_text(o->ev, &args[i], &s, &arg_len);
		if (!put(o, "; ", 2) || !put(o, s, arg_len))
			return false;
	}
	return true;
}

static bool
fn_format(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	Output		o = {ev, NULL, 0, 0};
	const char *p;
	uint32		len;

	*out = si_expr_null();
	if (!si_expr_as_text(ev, &args[0], &p, &len))
		return true;
	if (!put_all(&o, n, args, p, len) && !put_plain(&o, n, args, p, len))
		return false;
	return si_expr_return(out, o.len == 0 ? si_expr_text("", 0) : si_expr_text(o.text, o.len));
}

/* ---------------------------------------------------------- human-readable */

static bool
human(SiEval *ev, const SiExprNode *n, const SiExprValue *args, double base, const char *const *units, SiExprValue *out)
{
	int64		precision = 2;
	int64		value;
	double		d;
	int			unit = 0;
	char	   *text;
	int			len;

	if ((args[0].type != SI_EXPR_LONG && args[0].type != SI_EXPR_DOUBLE) || !si_expr_as_long(&args[0], &value))
		return si_expr_return(out, si_expr_null());
	if (n->nargs == 2 && !si_expr_as_long(&args[1], &precision))
		return si_expr_fail(ev, "function %s needs a number as its precision", n->fn->name);
	if (precision < 0 || precision > 3)
		return si_expr_fail(ev, "the precision of %s is not within 0 and 3: " INT64_FORMAT, n->fn->name, precision);
	for (d = (double) value; fabs(d) >= base && units[unit + 1] != NULL; d /= base)
		unit++;
	text = si_expr_alloc(ev->memory, 64);
	if (unit == 0)
		len = snprintf(text, 64, INT64_FORMAT "%s%s", value, units[0][0] ? " " : "", units[0]);
	else
		len = snprintf(text, 64, "%.*f %s", (int) precision, d, units[unit]);
	return si_expr_return(out, si_expr_text(text, len));
}

static bool
fn_human_binary(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", NULL};

	return human(ev, n, args, 1024, units, out);
}

static bool
fn_human_decimal_byte(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB", NULL};

	return human(ev, n, args, 1000, units, out);
}

static bool
fn_human_decimal(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	static const char *const units[] = {"", "K", "M", "G", "T", "P", "E", NULL};

	return human(ev, n, args, 1000, units, out);
}

const SiExprFunction si_fn_format[] = {
	{"format", 1, -1, .call = fn_format},
	{"human_readable_binary_byte_format", 1, 2, .call = fn_human_binary},
	{"human_readable_decimal_byte_format", 1, 2, .call = fn_human_decimal_byte},
	{"human_readable_decimal_format", 1, 2, .call = fn_human_decimal},
	{NULL}
};
