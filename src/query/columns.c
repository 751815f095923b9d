/*
 * columns.c
 *		Mapping and conversion of columns (rules in columns.h).
 *
 * Holds no state and no locks; the caller has the relation open.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "common/granularity.h"
#include "common/shortest_dec.h"
#include "foreign/foreign.h"
#include "format/jsontext.h"
#include "format/number.h"
#include "query/columns.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Longest text of a number or a time. */
#define MAX_VALUE_TEXT 64

SiType
si_type_of(Oid typid)
{
	switch (typid)
	{
		case TIMESTAMPTZOID:
			return SI_TYPE_TIME;
		case TEXTOID:
			return SI_TYPE_STRING;
		case INT8OID:
			return SI_TYPE_LONG;
		case FLOAT4OID:
			return SI_TYPE_FLOAT;
		case FLOAT8OID:
			return SI_TYPE_DOUBLE;
		default:
			return 0;
	}
}

/* The name of the chunk column that a column of the table shows. */
static const char *
source_name(Relation rel, AttrNumber attno)
{
	ListCell   *lc;
	const char *name = pstrdup(NameStr(TupleDescAttr(RelationGetDescr(rel), attno - 1)->attname));

	foreach(lc, GetForeignColumnOptions(RelationGetRelid(rel), attno))
	{
		DefElem    *def = (DefElem *) lfirst(lc);

		if (strcmp(def->defname, "dimension") == 0)
			name = defGetString(def);
	}
	return name;
}

static void
init_attribute(SiAttribute *att, AttrNumber attno, const char *name, Oid typid, int32 typmod)
{
	memset(att, 0, sizeof(*att));
	att->attno = attno;
	att->typid = typid;
	att->typmod = typmod;
	att->name = name;
	att->type = si_type_of(att->typid);
	if (att->type == 0)
	{
		Oid			input;

		att->type = SI_TYPE_STRING;
		att->array = att->typid == TEXTARRAYOID;
		att->via_input = !att->array;
		att->json = att->typid == JSONBOID || att->typid == JSONOID;
		getTypeInputInfo(att->typid, &input, &att->ioparam);
		fmgr_info(input, &att->input);
	}
}

bool
si_attribute_init(Relation rel, AttrNumber attno, SiAttribute *att)
{
	Form_pg_attribute form = TupleDescAttr(RelationGetDescr(rel), attno - 1);

	if (form->attisdropped)
		return false;
	init_attribute(att, attno, source_name(rel, attno), form->atttypid, form->atttypmod);
	return true;
}

void
si_attribute_init_as(Relation rel, const char *name, Oid typid, int32 typmod, SiAttribute *att)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(rel), name);

	init_attribute(att, Max(attno, 0), attno > 0 ? source_name(rel, attno) : pstrdup(name), typid, typmod);
}

int64
si_ms_to_timestamptz(int64 ms)
{
	if (ms < SI_MIN_MS)
		return DT_NOBEGIN;
	if (ms > SI_MAX_MS)
		return DT_NOEND;
	return (ms - SI_EPOCH_MS) * 1000;
}

/* ---------------------------------------------------------------- numbers */

/* A number of the source, in the form that loses nothing. */
typedef struct Number
{
	bool		isnull;
	bool		is_double;
	int64		i;
	double		d;
} Number;

/* A text as an integer ("12", "12.0", "1e3") or, failing that, a double. */
static Number
number_of_text(const char *bytes, Size len, SiType to)
{
	Number		n = {0};

	if (to == SI_TYPE_LONG || to == SI_TYPE_TIME)
		n.isnull = !si_long_from_decimal(bytes, len, &n.i);
	else
	{
		n.is_double = true;
		n.isnull = !si_double_from_text(bytes, len, &n.d);
	}
	return n;
}

static Number
number_at(const SiVector *vec, uint32 i, SiType to)
{
	Number		n = {0};

	if (vec->type == SI_TYPE_STRING)
	{
		uint32		code = vec->v.codes[i];

		if (code == 0)
			n.isnull = true;
		else
		{
			const char *bytes = vec->dict->bytes + vec->dict->offsets[code - 1];
			Size		len = vec->dict->offsets[code] - vec->dict->offsets[code - 1];
			bool		quoted = vec->json && len >= 2 && bytes[0] == '"';

			n = quoted ? number_of_text(bytes + 1, len - 2, to) : number_of_text(bytes, len, to);
		}
		return n;
	}

	n.isnull = si_bit(vec->nulls, i);
	switch (vec->type)
	{
		case SI_TYPE_FLOAT:
			n.is_double = true;
			n.d = vec->v.floats[i];
			break;
		case SI_TYPE_DOUBLE:
			n.is_double = true;
			n.d = vec->v.doubles[i];
			break;
		default:
			n.i = vec->v.longs[i];
			break;
	}
	return n;
}

/* The number as the value of a long, its fraction cut off; false when it has none. */
static bool
number_to_long(const Number *n, int64 *out)
{
	if (!n->is_double)
	{
		*out = n->i;
		return true;
	}
	/* the comparison is false for NaN */
	if (!(n->d >= -9223372036854775808.0 && n->d < 9223372036854775808.0))
		return false;
	*out = (int64) n->d;
	return true;
}

static void
convert_to_number(const SiVector *from, uint32 nrows, SiVector *to)
{
	/* text is no time, and a floating point number is none either */
	bool		never = to->type == SI_TYPE_TIME && from->type != SI_TYPE_LONG;

	memset(to->nulls, 0, si_bitmap_words(nrows) * sizeof(uint64));
	for (uint32 i = 0; i < nrows; i++)
	{
		Number		n = number_at(from, i, to->type);
		bool		isnull = n.isnull || never;

		switch (to->type)
		{
			case SI_TYPE_FLOAT:
				{
					float		f = n.is_double ? (float) n.d : (float) n.i;

					/* too large for a float, though a number */
					if (isinf(f) && !(n.is_double && isinf(n.d)))
						isnull = true;
					to->v.floats[i] = isnull ? 0 : f;
					break;
				}
			case SI_TYPE_DOUBLE:
				to->v.doubles[i] = isnull ? 0 : n.is_double ? n.d : (double) n.i;
				break;
			default:
				if (isnull || !number_to_long(&n, &to->v.longs[i]))
				{
					isnull = true;
					to->v.longs[i] = 0;
				}
				break;
		}
		if (isnull)
			to->nulls[i / 64] |= UINT64CONST(1) << (i % 64);
	}
}

/* ---------------------------------------------------------------- strings */

/* Floating point numbers as Java prints them, or (for input functions) in PostgreSQL's way. */
static int
print_value(const SiVector *vec, uint32 i, bool for_input, char *buf)
{
	switch (vec->type)
	{
		case SI_TYPE_FLOAT:
			return for_input ? float_to_shortest_decimal_buf(vec->v.floats[i], buf) :
				si_float_print(vec->v.floats[i], buf);
		case SI_TYPE_DOUBLE:
			return for_input ? double_to_shortest_decimal_buf(vec->v.doubles[i], buf) :
				si_double_print(vec->v.doubles[i], buf);
		case SI_TYPE_TIME:
			/* ISO 8601, so that every input function reads it whatever DateStyle says */
			si_time_print(vec->v.longs[i], buf, MAX_VALUE_TEXT);
			return strlen(buf);
		default:
			return pg_lltoa(vec->v.longs[i], buf);
	}
}

/* Every row that is not null becomes an entry of its own. */
static void
convert_to_text(const SiVector *from, uint32 nrows, SiVector *to, SiTextColumn *text)
{
	uint32		entries = 0;

	if (text->offsets == NULL)
	{
		text->offsets = palloc((SI_BLOCK_ROWS + 1) * sizeof(uint64));
		text->cap = SI_BLOCK_ROWS * MAX_VALUE_TEXT;
		text->bytes = palloc(text->cap);
	}
	text->used = 0;
	text->offsets[0] = 0;
	for (uint32 i = 0; i < nrows; i++)
	{
		if (si_bit(from->nulls, i))
		{
			to->v.codes[i] = 0;
			continue;
		}
		text->used += print_value(from, i, text->for_input, text->bytes + text->used);
		text->offsets[++entries] = text->used;
		to->v.codes[i] = entries;
	}
	text->dict.count = entries;
	text->dict.sorted = false;
	text->dict.bytes = text->bytes;
	text->dict.offsets = text->offsets;
	to->dict = &text->dict;
}

/* JSON strings without quotes and escapes, everything else as it is. */
static void
convert_from_json(const SiVector *from, uint32 nrows, SiVector *to, SiTextColumn *text)
{
	uint32		entries = 0;

	if (text->offsets == NULL)
		text->offsets = palloc((SI_BLOCK_ROWS + 1) * sizeof(uint64));
	text->used = 0;
	text->offsets[0] = 0;
	for (uint32 i = 0; i < nrows; i++)
	{
		uint32		code = from->v.codes[i];
		const char *bytes;
		Size		len;

		to->v.codes[i] = 0;
		if (code == 0)
			continue;
		bytes = from->dict->bytes + from->dict->offsets[code - 1];
		len = from->dict->offsets[code] - from->dict->offsets[code - 1];
		if (text->cap - text->used < len || text->bytes == NULL)
		{
			text->cap = Max(text->cap * 2, text->used + len + SI_BLOCK_ROWS);
			text->bytes = text->bytes ? repalloc_huge(text->bytes, text->cap) :
				palloc_extended(text->cap, MCXT_ALLOC_HUGE);
		}
		if (len >= 2 && bytes[0] == '"')
			text->used += Max(si_json_unescape(bytes + 1, len - 2, text->bytes + text->used), 0);
		else
		{
			memcpy(text->bytes + text->used, bytes, len);
			text->used += len;
		}
		text->offsets[++entries] = text->used;
		to->v.codes[i] = entries;
	}
	text->dict.count = entries;
	text->dict.sorted = false;
	text->dict.bytes = text->bytes;
	text->dict.offsets = text->offsets;
	to->dict = &text->dict;
}

void
si_convert_vector(const SiVector *from, uint32 nrows, SiVector *to, SiTextColumn *text)
{
	Assert(from->type != to->type || from->type == SI_TYPE_STRING);
	if (from->type == SI_TYPE_STRING && to->type == SI_TYPE_STRING)
		convert_from_json(from, nrows, to, text);
	else if (to->type == SI_TYPE_STRING)
		convert_to_text(from, nrows, to, text);
	else
		convert_to_number(from, nrows, to);
}
