/*
 * fn_format.c
 *		Functions of expressions: format, in the manner of Java's
 *		String.format, and numbers for human readers.
 */
#include "common/port.h"

#include <math.h>

#include "expr/expr_int.h"
#include "format/number.h"
#include "format/utf8.h"

/* Widths and precisions beyond are refused. */
#define MAX_WIDTH	1000

typedef SiExprOutput Output;

#define put si_expr_put

/* One "%..." of a format. */
typedef struct Item
{
	int			argument;		/* 1-based; 0: the next one */
	bool		left;
	bool		zero;
	bool		plus;
	bool		space;
	bool		group;
	bool		parenthesis;
	bool		alternate;
	int			width;			/* 0: none */
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

/*
 * Digits of a number as Java rounds them: the shortest ones that tell the
 * double, and a half goes up.
 */
typedef struct Digits
{
	char		text[SI_DOUBLE_TEXT];
	int			n;
	int			point;			/* digits before the point; may be negative */
} Digits;

static void
take_digits(double d, Digits *digits)
{
	char		text[SI_DOUBLE_TEXT];
	char	   *exponent;

	memset(digits, 0, sizeof(*digits));
	text[si_double_print(fabs(d), text)] = '\0';
	exponent = strchr(text, 'E');
	if (exponent != NULL)
		*exponent++ = '\0';
	for (const char *p = text; *p; p++)
	{
		if (*p == '.')
			digits->point = digits->n;
		else
			digits->text[digits->n++] = *p;
	}
	digits->point += exponent ? atoi(exponent) : 0;
	while (digits->n > 0 && digits->text[0] == '0')
	{
		memmove(digits->text, digits->text + 1, digits->n--);
		digits->point--;
	}
	if (digits->n == 0)
		digits->point = 0;
}

/* Leaves so many digits. */
static void
round_digits(Digits *digits, int n)
{
	bool		up = n >= 0 && n < digits->n && digits->text[n] >= '5';

	if (n < 0 || n >= digits->n)
	{
		if (n < 0)
			digits->n = 0;
		return;
	}
	digits->n = n;
	while (up && n > 0 && digits->text[n - 1] == '9')
		digits->text[--n] = '0';
	if (up && n > 0)
		digits->text[n - 1]++;
	else if (up)
	{
		memmove(digits->text + 1, digits->text, digits->n);
		digits->text[0] = '1';
		digits->n = Max(digits->n, 1);
		digits->point++;
	}
}

/* As 123.45, with so many places. */
static int
print_fixed(Digits *digits, int places, char *out)
{
	char	   *p = out;

	for (int i = 0; i < Max(digits->point, 1); i++)
	{
		int			at = digits->point > 0 ? i : -1;

		*p++ = at >= 0 && at < digits->n ? digits->text[at] : '0';
	}
	if (places > 0)
		*p++ = '.';
	for (int i = 0; i < places; i++)
	{
		int			at = digits->point + i;

		*p++ = at >= 0 && at < digits->n ? digits->text[at] : '0';
	}
	return (int) (p - out);
}

/* As 1.2345e+02. */
static int
print_scientific(Digits *digits, int places, char *out)
{
	int			exponent = digits->n > 0 ? digits->point - 1 : 0;
	int			n;

	digits->point = digits->n > 0 ? 1 : 0;
	n = print_fixed(digits, places, out);
	return n + sprintf(out + n, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

/* %f, %e and %g without their sign. */
static int
print_double(const Item *item, double d, char *out)
{
	int			places = item->precision < 0 ? 6 : item->precision;
	char		kind = (char) pg_tolower((unsigned char) item->conversion);
	Digits		digits;

	if (isnan(d) || isinf(d))
		return sprintf(out, "%s", isnan(d) ? "NaN" : "Infinity");
	take_digits(d, &digits);
	if (kind == 'f')
	{
		round_digits(&digits, digits.point + places);
		return print_fixed(&digits, places, out);
	}
	if (kind == 'e')
	{
		round_digits(&digits, 1 + places);
		return print_scientific(&digits, places, out);
	}
	places = Max(places, 1);
	round_digits(&digits, places);
	if (digits.n == 0 || (digits.point > -4 && digits.point <= places))
		return print_fixed(&digits, places - (digits.n == 0 ? 1 : digits.point), out);
	return print_scientific(&digits, places - 1, out);
}

static int
print_long(const Item *item, int64 i, char *out)
{
	switch (item->conversion)
	{
		case 'd':
			return sprintf(out, UINT64_FORMAT, i < 0 ? -(uint64) i : (uint64) i);
		case 'o':
			return sprintf(out, "%s%llo", item->alternate ? "0" : "", (unsigned long long) i);
		default:
			return sprintf(out, "%s%llx", item->alternate ? "0x" : "", (unsigned long long) i);
	}
}

static bool
put_number(Output *o, const Item *item, const SiExprValue *v)
{
	char		text[2 * MAX_WIDTH + 800];
	bool		is_long = strchr("dxXo", item->conversion) != NULL;
	bool		negative;
	bool		number = true;
	int			start;
	int			len;

	if (is_long && v->type != SI_EXPR_LONG)
		return si_expr_fail(o->ev, "format: %%%c needs an integer", item->conversion);
	if (!is_long && v->type != SI_EXPR_DOUBLE)
		return si_expr_fail(o->ev, "format: %%%c needs a number", item->conversion);
	if (is_long)
		negative = item->conversion == 'd' && v->u.i < 0;
	else
	{
		negative = signbit(v->u.d) && !isnan(v->u.d);
		number = isfinite(v->u.d);
	}
	start = negative || ((item->plus || item->space) && !(!is_long && isnan(v->u.d)));
	text[0] = negative ? (item->parenthesis ? '(' : '-') : item->plus ? '+' : ' ';
	len = start + (is_long ? print_long(item, v->u.i, text + start) : print_double(item, v->u.d, text + start));
	if (item->group && number)
		len = start + group_digits(text + start, len - start);
	if (item->zero && number)
	{
		int			zeros = item->width - len - (negative && item->parenthesis);
		int			from = start + (item->alternate && item->conversion != 'o' && is_long ? 2 : 0);

		if (zeros > 0)
		{
			memmove(text + from + zeros, text + from, len - from);
			memset(text + from, '0', zeros);
			len += zeros;
		}
	}
	if (negative && item->parenthesis)
		text[len++] = ')';
	return put_padded(o, item, text, len);
}

/* Java's hash of a value. */
static uint32
java_hash(const SiExprValue *v, const char *s, uint32 len)
{
	uint64		bits = (uint64) v->u.i;

	if (v->type != SI_EXPR_LONG && v->type != SI_EXPR_DOUBLE)
		return si_utf8_java_hash(s, len);
	return (uint32) (bits ^ bits >> 32);
}

static uint32
clip(const char *s, uint32 len, int precision)
{
	uint32		bytes = 0;

	if (precision < 0)
		return len;
	for (int chars = 0; bytes < len; bytes++)
		if (((unsigned char) s[bytes] & 0xC0) != 0x80 && chars++ == precision)
			break;
	return bytes;
}

/* Whether Java takes these flags together. */
static bool
has_valid_flags(const Item *item)
{
	bool		number = item->zero || item->plus || item->space || item->group || item->parenthesis || item->alternate;

	if ((item->left || item->zero) && item->width == 0)
		return false;
	switch (pg_tolower((unsigned char) item->conversion))
	{
		case 'n':
			return !number && !item->left && item->width == 0 && item->precision < 0;
		case '%':
			return !number && item->precision < 0;
		case 'c':
			return !number && item->precision < 0;
		case 's':
		case 'b':
		case 'h':
			return !number;
		case 'd':
			if (item->alternate || item->precision >= 0)
				return false;
			break;
		case 'x':
		case 'o':
			if (item->plus || item->space || item->group || item->parenthesis || item->precision >= 0)
				return false;
			break;
		case 'e':
			if (item->group)
				return false;
			break;
		default:
			break;
	}
	return !(item->plus && item->space) && !(item->left && item->zero) && !(item->alternate && strchr("fFeEgG", item->conversion));
}

static bool
put_lower(Output *o, const Item *item, const SiExprValue *v)
{
	const char *s = "null";
	uint32		len = 4;
	char		hash[16];

	(void) si_expr_as_text(o->ev, v, &s, &len);
	switch (pg_tolower((unsigned char) item->conversion))
	{
		case 's':
			break;
		case 'b':
			s = v->isnull ? "false" : "true";
			len = strlen(s);
			break;
		case 'h':
			if (!v->isnull)
				len = sprintf(hash, "%x", java_hash(v, s, len));
			s = v->isnull ? s : hash;
			break;
		case 'c':
			if (!v->isnull)
				return si_expr_fail(o->ev, "format: %%%c needs a character", item->conversion);
			break;
		case 'd':
		case 'x':
		case 'o':
		case 'f':
		case 'e':
		case 'g':
			if (!v->isnull)
				return put_number(o, item, v);
			break;
		default:
			return si_expr_fail(o->ev, "format: unknown conversion %%%c", item->conversion);
	}
	return put_padded(o, item, s, clip(s, len, item->precision));
}

/* A conversion in capitals is that in small letters, in capitals. */
static bool
put_item(Output *o, const Item *item, const SiExprValue *v)
{
	Output		inner = {.ev = o->ev};
	Item		plain = *item;
	SiExprValue text;

	if (!has_valid_flags(item) || strchr("DOFN", item->conversion) != NULL)
		return si_expr_fail(o->ev, "format: %%%c does not take these flags", item->conversion);
	if (item->conversion < 'A' || item->conversion > 'Z')
		return put_lower(o, item, v);
	/* "ß" has another width in capitals: it is padded then */
	plain.width = strchr("SBHC", item->conversion) != NULL || v->isnull ? 0 : item->width;
	plain.left = plain.width > 0 && item->left;
	if (!put_lower(&inner, &plain, v))
		return false;
	if (inner.len == 0)
		return put_padded(o, item, "", 0);
	text = si_expr_text(inner.text, inner.len);
	if (!si_expr_change_case(o->ev, &text, true, &text))
		return false;
	return put_padded(o, item, text.u.s, text.len);
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
	for (; p < end && strchr("-0+ ,(#", *p) != NULL && *p != '\0'; p++)
	{
		item->left |= *p == '-';
		item->zero |= *p == '0';
		item->plus |= *p == '+';
		item->space |= *p == ' ';
		item->group |= *p == ',';
		item->parenthesis |= *p == '(';
		item->alternate |= *p == '#';
	}
	p = scan_number(p, end, &item->width);
	if (p < end && *p == '.')
	{
		q = p + 1;
		p = scan_number(q, end, &item->precision);
		if (p == q)
			return NULL;
	}
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
			if (!has_valid_flags(&item))
				return si_expr_fail(ev, "format: %%%c does not take these flags", item.conversion);
			if (!put_padded(o, &item, item.conversion == 'n' ? "\n" : "%", 1))
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
	Output		o = {.ev = ev};
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
