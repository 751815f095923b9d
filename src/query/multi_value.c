/*
 * multi_value.c
 *		Cells with several values: mv_to_array(), mv_length(), mv_contains()
 *		and mv_overlap(), with the meaning of Druid's functions.
 *
 * A cell of several values is the text ["a","b"] in chunks and in columns of
 * type text, as Druid's SQL shows it.  Every other text is one value; so is
 * text that only looks similar, since ingestion writes lists in one way.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "format/jsontext.h"
#include "query/multi_value.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(si_mv_to_array);
PG_FUNCTION_INFO_V1(si_mv_length);
PG_FUNCTION_INFO_V1(si_mv_contains);
PG_FUNCTION_INFO_V1(si_mv_contains_all);
PG_FUNCTION_INFO_V1(si_mv_overlap);

/*
 * The end of the element at p, whose text is [*start, *start + *len) with
 * escapes; *start is NULL for null.  NULL: neither a string nor null.
 */
static const char *
next_element(const char *p, const char *end, const char **start, Size *len)
{
	*start = NULL;
	*len = 0;
	if (end - p >= 4 && memcmp(p, "null", 4) == 0)
		return p + 4;
	if (p == end || *p != '"')
		return NULL;
	*start = ++p;
	for (; p < end && *p != '"'; p++)
		if (*p == '\\' && ++p == end)
			return NULL;
	if (p >= end)
		return NULL;
	*len = p - *start;
	return p + 1;
}

/* The number of elements of a list, 0 when it is none. */
static int
count_elements(const char *bytes, Size len)
{
	const char *p = bytes + 1;
	const char *end = bytes + len - 1;
	int			n = 0;

	if (len < 2 || bytes[0] != '[' || *end != ']')
		return 0;
	for (;;)
	{
		const char *start;
		Size		length;

		p = next_element(p, end, &start, &length);
		if (p == NULL)
			return 0;
		n++;
		if (p == end)
			return n;
		if (*p++ != ',')
			return 0;
	}
}

int
si_multi_values(const char *bytes, Size len, Datum **values, bool **nulls)
{
	int			n = count_elements(bytes, len);
	const char *p = bytes + 1;
	char	   *buf;

	if (n < 2)
	{
		*values = palloc(sizeof(Datum));
		*nulls = palloc0(sizeof(bool));
		**values = PointerGetDatum(cstring_to_text_with_len(bytes, len));
		return 1;
	}
	*values = palloc(sizeof(Datum) * n);
	*nulls = palloc(sizeof(bool) * n);
	buf = palloc(len);
	for (int i = 0; i < n; i++)
	{
		const char *start;
		Size		length;
		ptrdiff_t	used;

		p = next_element(p, bytes + len - 1, &start, &length) + 1;
		(*nulls)[i] = start == NULL;
		(*values)[i] = (Datum) 0;
		if (start == NULL)
			continue;
		used = si_json_unescape(start, length, buf);
		/* an escape that JSON has not: taken as it stands */
		(*values)[i] = PointerGetDatum(used < 0 ? cstring_to_text_with_len(start, length) :
									   cstring_to_text_with_len(buf, used));
	}
	pfree(buf);
	return n;
}

Datum
si_multi_array(const char *bytes, Size len)
{
	Datum	   *values;
	bool	   *nulls;
	int			n = si_multi_values(bytes, len, &values, &nulls);
	int			lower = 1;

	return PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Whether one of the n values is the wanted one; null equals null. */
static bool
has_value(const Datum *values, const bool *nulls, int n, Datum wanted, bool wanted_null)
{
	const text *w = wanted_null ? NULL : DatumGetTextPP(wanted);

	for (int i = 0; i < n; i++)
	{
		const text *v = nulls[i] ? NULL : DatumGetTextPP(values[i]);

		if (v == NULL || w == NULL ? v == w : VARSIZE_ANY_EXHDR(v) == VARSIZE_ANY_EXHDR(w) &&
			memcmp(VARDATA_ANY(v), VARDATA_ANY(w), VARSIZE_ANY_EXHDR(v)) == 0)
			return true;
	}
	return false;
}

/* Whether the cell has all (or any) of the elements of a text[]. */
static bool
has_elements(text *cell, ArrayType *array, bool all)
{
	Datum	   *values;
	Datum	   *wanted;
	bool	   *nulls;
	bool	   *wanted_nulls;
	int			n = si_multi_values(VARDATA_ANY(cell), VARSIZE_ANY_EXHDR(cell), &values, &nulls);
	int			nwanted;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &wanted, &wanted_nulls, &nwanted);
	for (int i = 0; i < nwanted; i++)
		if (has_value(values, nulls, n, wanted[i], wanted_nulls[i]) != all)
			return !all;
	return all;
}

Datum
si_mv_to_array(PG_FUNCTION_ARGS)
{
	text	   *cell = PG_GETARG_TEXT_PP(0);

	PG_RETURN_DATUM(si_multi_array(VARDATA_ANY(cell), VARSIZE_ANY_EXHDR(cell)));
}

Datum
si_mv_length(PG_FUNCTION_ARGS)
{
	text	   *cell = PG_GETARG_TEXT_PP(0);

	PG_RETURN_INT32(Max(count_elements(VARDATA_ANY(cell), VARSIZE_ANY_EXHDR(cell)), 1));
}

Datum
si_mv_contains(PG_FUNCTION_ARGS)
{
	text	   *cell = PG_GETARG_TEXT_PP(0);
	Datum	   *values;
	bool	   *nulls;
	int			n = si_multi_values(VARDATA_ANY(cell), VARSIZE_ANY_EXHDR(cell), &values, &nulls);

	PG_RETURN_BOOL(has_value(values, nulls, n, PG_GETARG_DATUM(1), false));
}

Datum
si_mv_contains_all(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(has_elements(PG_GETARG_TEXT_PP(0), PG_GETARG_ARRAYTYPE_P(1), true));
}

Datum
si_mv_overlap(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(has_elements(PG_GETARG_TEXT_PP(0), PG_GETARG_ARRAYTYPE_P(1), false));
}
