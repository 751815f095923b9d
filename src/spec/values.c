/*
 * values.c
 *		Values of spec fields, with the coercions that Druid's JSON library
 *		makes: see check.h.
 *
 * Numbers may be texts, fractions are cut off, booleans may be texts or
 * numbers, periods and times may be milliseconds and have blanks around
 * them; a blank text is none of these.  Knows no field.
 */
#include "postgres.h"

#include <ctype.h>
#include <math.h>

#include "common/granularity.h"
#include "common/int.h"
#include "format/timestamp.h"
#include "spec/check.h"

bool
si_value_string(const SiJson *v, const char **text)
{
	if (v->kind == SI_JSON_BOOL)
		*text = v->boolean ? "true" : "false";
	else if (v->kind == SI_JSON_STRING || v->kind == SI_JSON_NUMBER)
		*text = v->text;
	else
		return false;
	return true;
}

bool
si_value_is_blank(const SiJson *v)
{
	return v->kind == SI_JSON_STRING && v->text[strspn(v->text, " \t\r\n")] == '\0';
}

/* A text without the blanks around it. */
static char *
trimmed(const char *text)
{
	size_t		len;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	return pnstrdup(text, len);
}

bool
si_value_bool(const SiJson *v, bool *value)
{
	if (v->kind == SI_JSON_BOOL)
		*value = v->boolean;
	else if (v->kind == SI_JSON_NUMBER)
		*value = strcmp(v->text, "0") != 0;
	else if (v->kind == SI_JSON_STRING && pg_strcasecmp(v->text, "true") == 0)
		*value = true;
	else if (v->kind == SI_JSON_STRING && pg_strcasecmp(v->text, "false") == 0)
		*value = false;
	else
		return false;
	return true;
}

bool
si_value_int(const SiJson *v, int64 min, int64 max, int64 *value)
{
	char	   *end;
	int64		n;

	if (v->kind != SI_JSON_NUMBER && v->kind != SI_JSON_STRING)
		return false;
	errno = 0;
	n = strtoll(v->text, &end, 10);
	if (errno != 0 || end == v->text)
		return false;
	/* A number is cut to its integer part, a text has to be an integer. */
	if (v->kind == SI_JSON_STRING)
	{
		while (isspace((unsigned char) *end))
			end++;
		if (*end != '\0')
			return false;
	}
	if (n < min || n > max)
		return false;
	*value = n;
	return true;
}

bool
si_value_real(const SiJson *v, double *value)
{
	char	   *end;

	if (v->kind != SI_JSON_NUMBER && v->kind != SI_JSON_STRING)
		return false;
	*value = strtod(v->text, &end);
	return end != v->text && *end == '\0' && isfinite(*value);
}

bool
si_value_period(const SiJson *v, int64 *ms, SiReason *why)
{
	if (v->kind == SI_JSON_NUMBER)
		return si_value_int(v, PG_INT64_MIN, PG_INT64_MAX, ms);
	if (v->kind != SI_JSON_STRING)
		return false;
	return si_period_to_ms(trimmed(v->text), ms, why);
}

bool
si_value_instant(const SiJson *v, int64 *ms, SiReason *why)
{
	if (v->kind == SI_JSON_NUMBER)
		return si_value_int(v, PG_INT64_MIN / 2, PG_INT64_MAX / 2, ms);
	if (v->kind != SI_JSON_STRING)
		return false;
	return si_timestamp_parse_iso(trimmed(v->text), ms, why);
}

void
si_field_range(const SiField *field, int64 *min, int64 *max)
{
	*min = field->min;
	*max = field->max;
	if (*min == 0 && *max == 0)
	{
		*min = field->type == SI_FIELD_INT ? PG_INT32_MIN : PG_INT64_MIN;
		*max = field->type == SI_FIELD_INT ? PG_INT32_MAX : PG_INT64_MAX;
	}
}
