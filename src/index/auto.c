/*
 * auto.c
 *		Columns that take the type of their values: long, double, string, JSON.
 *
 * A column has the least type that holds the values seen so far.  One that
 * it cannot hold widens it: the rows so far are converted where they lie.
 * Types never narrow for the life of the index; a chunk has the type that
 * the column had when it was written, and readers and merges cast.
 */
#include "common/port.h"

#include "format/jsontext.h"
#include "format/number.h"
#include "index/index_int.h"

SiAutoType
si_auto_type_of(const SiValue *v)
{
	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_BOOL:
		case SI_VALUE_LONG:
			return SI_AUTO_LONG;
		case SI_VALUE_DOUBLE:
			return SI_AUTO_DOUBLE;
		case SI_VALUE_ARRAY:
		case SI_VALUE_OBJECT:
			return SI_AUTO_JSON;
		default:
			return SI_AUTO_STRING;
	}
}

void
si_auto_describe(SiAutoType type, SiColumnDesc *desc)
{
	desc->type = type == SI_AUTO_LONG ? SI_TYPE_LONG : type == SI_AUTO_DOUBLE ? SI_TYPE_DOUBLE : SI_TYPE_STRING;
	desc->json = type == SI_AUTO_JSON;
}

/* The number of a row as text; NULL when it is none. */
static const char *
number_text(const IndexColumn *c, uint32 row, char *buf, uint32 *len)
{
	if (is_null(c, row))
		return NULL;
	if (c->desc.type == SI_TYPE_DOUBLE)
		*len = si_double_print(c->v.doubles[row], buf);
	else
		*len = sprintf(buf, INT64_FORMAT, c->v.longs[row]);
	return buf;
}

static void
longs_to_doubles(IndexColumn *c, uint32 nrows)
{
	for (uint32 row = 0; row < nrows; row++)
		c->v.doubles[row] = (double) c->v.longs[row];
}

static void
numbers_to_strings(SiIndex *ix, IndexColumn *c, bool json)
{
	uint32	   *codes = si_alloc0(sizeof(uint32) * (Size) ix->cap);
	char		buf[SI_DOUBLE_TEXT + 2];
	char		quoted[6 * SI_DOUBLE_TEXT + 2];

	si_dict_init(&c->dict);
	for (uint32 row = 0; row < ix->nrows; row++)
	{
		uint32		len;
		const char *text = number_text(c, row, buf, &len);

		if (text == NULL)
			continue;
		if (json && text[len - 1] > '9')	/* NaN, Infinity */
		{
			len = (uint32) si_json_quote(text, len, quoted);
			text = quoted;
		}
		codes[row] = si_dict_lookup(&c->dict, text, len);
	}
	pfree(c->v.longs);
	pfree(c->nulls);
	c->v.codes = codes;
	c->nulls = NULL;
	c->any_null = false;
}

static void
strings_to_json(SiIndex *ix, IndexColumn *c)
{
	SiDictBuilder plain = c->dict;
	uint32	   *new_code = si_alloc(sizeof(uint32) * ((Size) plain.count + 1));

	si_dict_init(&c->dict);
	new_code[0] = 0;
	for (uint32 e = 0; e < plain.count; e++)
	{
		SiValue		v = {.ptr = plain.bytes + plain.offsets[e],
		.len = (uint32) (plain.offsets[e + 1] - plain.offsets[e]),.kind = SI_VALUE_STRING};
		const char *text;
		uint32		len;

		si_convert_json(&v, &ix->json, &text, &len, c->desc.name, NULL);
		new_code[e + 1] = text ? si_dict_lookup(&c->dict, text, len) : 0;
	}
	for (uint32 row = 0; row < ix->nrows; row++)
		c->v.codes[row] = new_code[c->v.codes[row]];
	pfree(new_code);
	si_dict_free(&plain);
}

static void
widen(SiIndex *ix, IndexColumn *c, SiAutoType type)
{
	if (type == SI_AUTO_DOUBLE)
		longs_to_doubles(c, ix->nrows);
	else if (c->auto_type == SI_AUTO_STRING)
		strings_to_json(ix, c);
	else
		numbers_to_strings(ix, c, type == SI_AUTO_JSON);
	c->auto_type = (uint8) type;
	si_auto_describe(type, &c->desc);
}

void
si_auto_widen(SiIndex *ix, const SiValue *values, int nvalues)
{
	bool		widened = false;

	for (int i = ix->first_discovered; i < ix->ncolumns; i++)
	{
		IndexColumn *c = &ix->columns[i];
		const SiValue *v;

		if (c->auto_type == SI_AUTO_NOT || c->slot >= nvalues)
			continue;
		v = &values[c->slot];
		if (v->kind == SI_VALUE_MISSING || v->kind == SI_VALUE_NULL || si_auto_type_of(v) <= c->auto_type)
			continue;
		widen(ix, c, si_auto_type_of(v));
		widened = true;
	}
	if (widened)
		si_index_rehash(ix);
}

bool
si_auto_check(SiIndex *ix, const IndexColumn *c, const SiValue *v, SiReason *why)
{
	const char *text;
	uint32		len;
	bool		multi;
	SiAutoType	type;

	if (v->kind == SI_VALUE_MISSING || v->kind == SI_VALUE_NULL)
		return true;
	type = Max(si_auto_type_of(v), (SiAutoType) c->auto_type);
	if (type < SI_AUTO_STRING)
		return true;
	return (type == SI_AUTO_JSON ? si_convert_json(v, &ix->json, &text, &len, c->desc.name, why) :
			si_convert_string(v, c->multi_value, &ix->text, &text, &len, &multi, c->desc.name, why)) != SI_CONVERT_ERROR;
}
