/*
 * cell.c
 *		The text of one cell of a line, as a value: see cell.h.
 */
#include "common/port.h"

#include <math.h>

#include "format/cell.h"
#include "format/jsontext.h"
#include "format/number.h"
#include "format/rowset.h"

/* Druid's delimiter of lists when none is given: U+0001. */
#define DEFAULT_LIST_DELIMITER "\x01"

void
si_cell_rule(SiCellRule *rule, const SiSpecFormat *options)
{
	rule->list_delimiter = options->list_delimiter ? options->list_delimiter : DEFAULT_LIST_DELIMITER;
	rule->list_len = strlen(rule->list_delimiter);
	rule->numbers = options->try_numbers;
}

/*
 * Whether it looks like a number to Druid: digits with sign, fraction and
 * exponent.  A leading zero makes an integer octal, so that "09" is none.
 */
static bool
looks_like_number(const char *p, size_t len)
{
	size_t		sign = len > 0 && (*p == '-' || *p == '+') ? 1 : 0;

	if (len == sign || !((p[sign] >= '0' && p[sign] <= '9') || p[sign] == '.'))
		return false;
	if (p[sign] != '0' || len - sign < 2)
		return true;
	for (size_t i = sign + 1; i < len; i++)
	{
		if (p[i] < '0' || p[i] > '9')
			return true;		/* a fraction, an exponent, or no number */
	}
	for (size_t i = sign + 1; i < len; i++)
	{
		if (p[i] > '7')
			return false;
	}
	return true;
}

static void
scalar(const SiCellRule *rule, const char *text, size_t len, SiValue *v)
{
	memset(v, 0, sizeof(*v));
	if (rule->numbers && looks_like_number(text, len))
	{
		if (*text != '+' && si_long_from_text(text, len, &v->u.i))
		{
			v->kind = SI_VALUE_LONG;
			return;
		}
		if (si_double_from_text(text, len, &v->u.d))
		{
			v->kind = SI_VALUE_DOUBLE;
			return;
		}
	}
	si_value_set_string(v, text, len);
}

static const char *
find(const char *p, const char *end, const char *what, size_t len)
{
	if (len == 1)
		return memchr(p, *what, end - p);
	return memmem(p, end - p, what, len);
}

/* ["a","b"] or, with numbers, [1,"b"]. */
static bool
list(const SiCellRule *rule, SiScratch *scratch, const char *text, size_t len, SiValue *v)
{
	const char *p = text;
	const char *end = text + len;
	char	   *json = si_scratch_alloc(scratch, len * (6 + SI_DOUBLE_TEXT) + 16);
	char	   *out = json;

	if (json == NULL)
		return false;
	*out++ = '[';
	for (;;)
	{
		const char *stop = find(p, end, rule->list_delimiter, rule->list_len);
		SiValue		element;

		scalar(rule, p, (stop ? stop : end) - p, &element);
		if (element.kind == SI_VALUE_LONG)
			out += sprintf(out, INT64_FORMAT, element.u.i);
		else if (element.kind == SI_VALUE_DOUBLE && !isinf(element.u.d))
			out += si_double_print(element.u.d, out);
		else
			out += si_json_quote(p, (stop ? stop : end) - p, out);
		if (stop == NULL)
			break;
		*out++ = ',';
		p = stop + rule->list_len;
	}
	*out++ = ']';
	si_scratch_trim(scratch, json, out - json);
	memset(v, 0, sizeof(*v));
	v->kind = SI_VALUE_ARRAY;
	v->ptr = json;
	v->len = (uint32) (out - json);
	return true;
}

bool
si_cell_value(const SiCellRule *rule, SiScratch *scratch, const char *text, size_t len, SiValue *v)
{
	if (len >= rule->list_len && rule->list_len > 0 &&
		find(text, text + len, rule->list_delimiter, rule->list_len) != NULL)
		return list(rule, scratch, text, len, v);
	scalar(rule, text, len, v);
	return true;
}
