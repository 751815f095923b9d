/*
 * fn_math.c
 *		Functions of expressions: numbers.
 *
 * As in Druid a text is no number here: the result is null.  Integers stay
 * integers only where the table of docs/expressions.md says so.
 */
#include "common/port.h"

#include <math.h>

#include "expr/expr_int.h"
#include "format/number.h"

static bool
is_number(const SiExprValue *v)
{
	return !v->isnull && (v->type == SI_EXPR_LONG || v->type == SI_EXPR_DOUBLE);
}

static double
as_double(const SiExprValue *v)
{
	double		d = 0;

	(void) si_expr_as_double(v, &d);
	return d;
}

static int64
as_long(const SiExprValue *v)
{
	int64		i = 0;

	(void) si_expr_as_long(v, &i);
	return i;
}

/* Both can be numbers; one of them may be a text of one. */
static bool
two_numbers(const SiExprValue *args)
{
	double		d;

	return (is_number(&args[0]) || is_number(&args[1])) &&
		si_expr_as_double(&args[0], &d) && si_expr_as_double(&args[1], &d);
}

static bool
both_long(const SiExprValue *args)
{
	return args[0].type == SI_EXPR_LONG && args[1].type == SI_EXPR_LONG;
}

/* The functions of <math.h> on one double. */
static bool
fn_one(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, is_number(&args[0]) ? si_expr_double(n->fn->math(as_double(&args[0]))) : si_expr_null());
}

/* In more digits than the result has: 27 gives 3. */
static double
math_cbrt(double x)
{
	return (double) cbrtl(x);
}

static double
math_cot(double x)
{
	return cos(x) / sin(x);
}

static double
math_degrees(double x)
{
	return x * (180.0 / M_PI);
}

static double
math_radians(double x)
{
	return x * (M_PI / 180.0);
}

static double
math_signum(double x)
{
	return x > 0 ? 1 : x < 0 ? -1 : x;
}

static double
math_next_up(double x)
{
	return nextafter(x, INFINITY);
}

static double
math_ulp(double x)
{
	if (isnan(x) || isinf(x))
		return fabs(x);
	x = fabs(x);
	return x == nextafter(INFINITY, 0) ? x - nextafter(x, 0) : nextafter(x, INFINITY) - x;
}

static bool
fn_abs(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	if (!is_number(&args[0]))
		return si_expr_return(out, si_expr_null());
	if (args[0].type == SI_EXPR_LONG)
		return si_expr_return(out, si_expr_long(args[0].u.i < 0 ? (int64) (0 - (uint64) args[0].u.i) : args[0].u.i));
	return si_expr_return(out, si_expr_double(fabs(args[0].u.d)));
}

static bool
fn_getexponent(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	double		d;

	if (!is_number(&args[0]))
		return si_expr_return(out, si_expr_null());
	d = as_double(&args[0]);
	if (isnan(d) || isinf(d))
		return si_expr_return(out, si_expr_long(1024));
	/* subnormal numbers and zero share one exponent in Java */
	return si_expr_return(out, si_expr_long(fabs(d) < 2.2250738585072014e-308 ? -1023 : ilogb(d)));
}

typedef enum TwoOp
{
	TWO_ATAN2, TWO_COPYSIGN, TWO_HYPOT, TWO_REMAINDER, TWO_POW, TWO_NEXTAFTER, TWO_SCALB
} TwoOp;

static bool
two(const SiExprValue *args, TwoOp op, SiExprValue *out)
{
	double		x,
				y;
	double		d = 0;

	if (!two_numbers(args))
		return si_expr_return(out, si_expr_null());
	x = as_double(&args[0]);
	y = as_double(&args[1]);
	switch (op)
	{
		case TWO_ATAN2:
			d = atan2(x, y);
			break;
		case TWO_COPYSIGN:
			d = copysign(x, y);
			break;
		case TWO_HYPOT:
			d = hypot(x, y);
			break;
		case TWO_REMAINDER:
			d = remainder(x, y);
			break;
		case TWO_POW:
			d = pow(x, y);
			break;
		case TWO_NEXTAFTER:
			d = nextafter(x, y);
			break;
		case TWO_SCALB:
			{
				int64		by = as_long(&args[1]);

				d = scalbn(x, (int) Min(Max(by, -10000), 10000));
				break;
			}
	}
	return si_expr_return(out, si_expr_double(d));
}

#define TWO(name, op) \
static bool \
name(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out) \
{ \
	return two(args, op, out); \
}

TWO(fn_atan2, TWO_ATAN2)
TWO(fn_copysign, TWO_COPYSIGN)
TWO(fn_hypot, TWO_HYPOT)
TWO(fn_remainder, TWO_REMAINDER)
TWO(fn_pow, TWO_POW)
TWO(fn_nextafter, TWO_NEXTAFTER)
TWO(fn_scalb, TWO_SCALB)

static bool
pick(const SiExprValue *args, bool greater, SiExprValue *out)
{
	double		x,
				y;

	if (!two_numbers(args))
		return si_expr_return(out, si_expr_null());
	if (both_long(args))
		return si_expr_return(out, si_expr_long(greater ? Max(args[0].u.i, args[1].u.i) : Min(args[0].u.i, args[1].u.i)));
	x = as_double(&args[0]);
	y = as_double(&args[1]);
	if (isnan(x) || isnan(y))
		return si_expr_return(out, si_expr_double(NAN));
	return si_expr_return(out, si_expr_double(greater ? Max(x, y) : Min(x, y)));
}

static bool
fn_max(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return pick(args, true, out);
}

static bool
fn_min(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return pick(args, false, out);
}

/* The quotient cut to an integer. */
static bool
fn_div(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	if (!two_numbers(args))
		return si_expr_return(out, si_expr_null());
	if (!both_long(args))
	{
		double		y = as_double(&args[1]);
		double		x = as_double(&args[0]);

		return si_expr_return(out, si_expr_long(si_long_from_double(y == 0 ? (x == 0 || isnan(x) ? NAN : x > 0 ? INFINITY : -INFINITY) : x / y)));
	}
	if (args[1].u.i == 0)
		return si_expr_fail(ev, "division by zero");
	return si_expr_return(out, si_expr_long(args[1].u.i == -1 ? (int64) (0 - (uint64) args[0].u.i) : args[0].u.i / args[1].u.i));
}

static bool
fn_safe_divide(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	if (!two_numbers(args) || as_double(&args[1]) == 0)
		return si_expr_return(out, si_expr_null());
	if (both_long(args))
		return fn_div(ev, n, args, out);
	return si_expr_return(out, si_expr_double(as_double(&args[0]) / as_double(&args[1])));
}

static bool
fn_pi(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, si_expr_double(M_PI));
}

/* ------------------------------------------------------------------- round */

/* Half away from zero at the decimal digit that Java prints, not at a binary fraction. */
static double
round_double(double d, int64 scale)
{
	char		text[SI_DOUBLE_TEXT];
	char		digits[SI_DOUBLE_TEXT + 1];
	char		out[SI_DOUBLE_TEXT + 32];
	int			n = 0;
	int			point = -1;		/* digits before the decimal point */
	int			exponent = 0;
	int			len = si_double_print(fabs(d), text);
	int64		keep;
	bool		up;

	text[len] = '\0';
	for (char *c = text; *c != '\0'; c++)
	{
		if (*c == '.')
			point = n;
		else if (*c == 'E')
		{
			exponent = atoi(c + 1);
			break;
		}
		else
			digits[n++] = *c;
	}
	keep = (point < 0 ? n : point) + exponent + scale;
	if (keep >= n)
		return d;
	if (keep < 0)
		return copysign(0.0, d);
	up = digits[keep] >= '5';
	for (int i = (int) keep; i < n; i++)
		digits[i] = '0';
	/* a leading zero takes the carry */
	memmove(digits + 1, digits, n);
	digits[0] = '0';
	for (int i = (int) keep; up && i >= 0; i--)
	{
		up = digits[i] == '9';
		digits[i] = up ? '0' : digits[i] + 1;
	}
	snprintf(out, sizeof(out), "%.*se%d", n + 1, digits, (point < 0 ? n : point) + exponent - n);
	return copysign(strtod(out, NULL), d);
}

static int64
round_long(int64 i, int64 scale)
{
	int64		unit = 1;
	int64		rest;

	if (scale >= 0)
		return i;
	for (; scale < 0; scale++)
		if (unit > PG_INT64_MAX / 10)
			return 0;
		else
			unit *= 10;
	rest = i % unit;
	i -= rest;
	if (rest >= unit - rest && rest > 0 && i <= PG_INT64_MAX - unit)
		i += unit;
	else if (rest < 0 && -rest >= unit + rest && i >= PG_INT64_MIN + unit)
		i -= unit;
	return i;
}

static bool
fn_round(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	int64		scale = 0;

	if (n->nargs == 2 && (args[1].isnull || args[1].type != SI_EXPR_LONG))
		return si_expr_fail(ev, "function round needs an integer as its second argument");
	if (n->nargs == 2)
		scale = args[1].u.i;
	if (!is_number(&args[0]))
		return si_expr_return(out, si_expr_null());
	if (args[0].type == SI_EXPR_LONG)
		return si_expr_return(out, si_expr_long(round_long(args[0].u.i, Max(scale, -30))));
	if (isnan(args[0].u.d))
		return si_expr_return(out, si_expr_double(0));
	if (isinf(args[0].u.d))
		return si_expr_return(out, si_expr_double(nextafter(args[0].u.d, 0)));
	return si_expr_return(out, si_expr_double(round_double(args[0].u.d, Min(Max(scale, -400), 400))));
}

/* -------------------------------------------------------------------- bits */

static bool
bits(const SiExprValue *args, char op, SiExprValue *out)
{
	int64		x,
				y;

	if (!two_numbers(args))
		return si_expr_return(out, si_expr_null());
	x = as_long(&args[0]);
	y = as_long(&args[1]);
	switch (op)
	{
		case '&':
			x &= y;
			break;
		case '|':
			x |= y;
			break;
		case '^':
			x ^= y;
			break;
		case '<':
			x = (int64) ((uint64) x << (y & 63));
			break;
		default:
			x >>= (y & 63);
			break;
	}
	return si_expr_return(out, si_expr_long(x));
}

#define BITS(name, op) \
static bool \
name(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out) \
{ \
	return bits(args, op, out); \
}

BITS(fn_bitwise_and, '&')
BITS(fn_bitwise_or, '|')
BITS(fn_bitwise_xor, '^')
BITS(fn_bitwise_left, '<')
BITS(fn_bitwise_right, '>')

static bool
fn_bitwise_complement(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	return si_expr_return(out, is_number(&args[0]) ? si_expr_long(~as_long(&args[0])) : si_expr_null());
}

static bool
fn_bits_of_double(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	double		d;
	int64		i;

	if (!is_number(&args[0]))
		return si_expr_return(out, si_expr_null());
	d = as_double(&args[0]);
	memcpy(&i, &d, sizeof(i));
	/* Java knows one NaN */
	return si_expr_return(out, si_expr_long(isnan(d) ? INT64CONST(0x7ff8000000000000) : i));
}

static bool
fn_double_of_bits(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	double		d;
	int64		i;

	if (!is_number(&args[0]))
		return si_expr_return(out, si_expr_null());
	i = as_long(&args[0]);
	memcpy(&d, &i, sizeof(d));
	return si_expr_return(out, si_expr_double(d));
}

#define ONE(name, function) {name, 1, 1, .call = fn_one, .math = function}

const SiExprFunction si_fn_math[] = {
	{"abs", 1, 1, .call = fn_abs},
	ONE("acos", acos), ONE("asin", asin), ONE("atan", atan), ONE("cbrt", math_cbrt), ONE("ceil", ceil),
	ONE("cos", cos), ONE("cosh", cosh), ONE("cot", math_cot), ONE("exp", exp), ONE("expm1", expm1),
	ONE("floor", floor), ONE("log", log), ONE("log10", log10), ONE("log1p", log1p),
	ONE("nextup", math_next_up), ONE("rint", rint), ONE("signum", math_signum), ONE("sin", sin),
	ONE("sinh", sinh), ONE("sqrt", sqrt), ONE("tan", tan), ONE("tanh", tanh),
	ONE("todegrees", math_degrees), ONE("toradians", math_radians), ONE("ulp", math_ulp),
	{"getexponent", 1, 1, .call = fn_getexponent},
	{"atan2", 2, 2, .call = fn_atan2},
	{"copysign", 2, 2, .call = fn_copysign},
	{"hypot", 2, 2, .call = fn_hypot},
	{"remainder", 2, 2, .call = fn_remainder},
	{"pow", 2, 2, .call = fn_pow},
	{"nextafter", 2, 2, .call = fn_nextafter},
	{"scalb", 2, 2, .call = fn_scalb},
	{"max", 2, 2, .call = fn_max},
	{"min", 2, 2, .call = fn_min},
	{"div", 2, 2, .call = fn_div},
	{"safe_divide", 2, 2, .call = fn_safe_divide},
	{"pi", 0, 0, .call = fn_pi},
	{"round", 1, 2, .call = fn_round},
	{"bitwiseand", 2, 2, .call = fn_bitwise_and},
	{"bitwiseor", 2, 2, .call = fn_bitwise_or},
	{"bitwisexor", 2, 2, .call = fn_bitwise_xor},
	{"bitwiseshiftleft", 2, 2, .call = fn_bitwise_left},
	{"bitwiseshiftright", 2, 2, .call = fn_bitwise_right},
	{"bitwisecomplement", 1, 1, .call = fn_bitwise_complement},
	{"bitwiseconvertdoubletolongbits", 1, 1, .call = fn_bits_of_double},
	{"bitwiseconvertlongbitstodouble", 1, 1, .call = fn_double_of_bits},
	{NULL}
};
