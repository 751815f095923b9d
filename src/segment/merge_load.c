/*
 * merge_load.c
 *		Loads every column of all inputs into memory: strings under common
 *		codes that ascend with their bytes, values of another type converted.
 *
 * Inputs are read column by column, and a dictionary is given back as soon
 * as its strings in use are known, so that a thousand deltas with the same
 * strings take the memory of one.
 */
#include "common/port.h"

#include <ctype.h>
#include <float.h>
#include <math.h>

#include "format/jsontext.h"
#include "format/number.h"
#include "segment/merge_int.h"

/* A buffer of an input larger than this is given back. */
#define STORED_KEEP		16384

/* Work space while one column is loaded. */
typedef struct Loader
{
	SiMerge    *m;
	SiMergeColumn *col;
	uint32	   *map;			/* code of an input -> common code, 0 unknown */
	uint32		map_room;
	bool		plain_to_json;	/* strings at hand are to become JSON */
	SiBuf		quoted;
	SiDecoder  *decoder;		/* of all inputs: a thousand of them are large */
	uint64	   *part;			/* a block of which not all rows are merged */
	uint64		values[SI_BLOCK_ROWS];
	uint64		nulls[SI_NULL_WORDS];
} Loader;

/* ------------------------------------------------------------ conversion */

/* A double as an int64, where that is exact. */
static bool
double_to_long(double d, int64 *out)
{
	if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0) || d != floor(d))
		return false;
	*out = (int64) d;
	return true;
}

/* A double as a float, where that is exact. */
static bool
double_to_float(double d, float *out)
{
	if (isfinite(d) && fabs(d) > FLT_MAX)
		return false;
	*out = (float) d;
	return (double) *out == d || isnan(d);
}

bool
si_convert_number(const void *value, SiType from, SiType to, void *out)
{
	int64		i = 0;
	double		d = 0;
	int64		back;

	if (from == SI_TYPE_LONG)
	{
		memcpy(&i, value, sizeof(i));
		d = (double) i;
		if (to != SI_TYPE_DOUBLE && (!double_to_long(d, &back) || back != i))
			return false;
	}
	else if (from == SI_TYPE_FLOAT)
	{
		float		f;

		memcpy(&f, value, sizeof(f));
		d = f;
	}
	else
		memcpy(&d, value, sizeof(d));

	switch (to)
	{
		case SI_TYPE_LONG:
			return double_to_long(d, out);
		case SI_TYPE_FLOAT:
			return double_to_float(d, out);
		default:
			memcpy(out, &d, sizeof(d));
			return true;
	}
}

bool
si_convert_text(const char *p, uint64 len, SiType to, void *out)
{
	char		buf[64];
	char	   *end;
	double		d;

	if (len == 0 || len >= sizeof(buf))
		return false;
	memcpy(buf, p, len);
	buf[len] = '\0';
	if (strspn(buf, "0123456789+-.eE") != len)
		return false;
	errno = 0;
	if (to == SI_TYPE_LONG)
	{
		*(int64 *) out = strtoll(buf, &end, 10);
		return errno == 0 && *end == '\0' && end != buf;
	}
	if (to == SI_TYPE_FLOAT)
		d = *(float *) out = strtof(buf, &end);
	else
		d = *(double *) out = strtod(buf, &end);
	return isfinite(d) && *end == '\0' && end != buf;
}

int
si_number_text(const void *value, SiType from, char *buf)
{
	if (from == SI_TYPE_FLOAT)
		return si_float_print(*(const float *) value, buf);
	if (from == SI_TYPE_DOUBLE)
		return si_double_print(*(const double *) value, buf);
	return snprintf(buf, SI_NUMBER_TEXT, INT64_FORMAT, *(const int64 *) value);
}

/* ----------------------------------------------------------------- nulls */

static void
set_null(Loader *l, uint32 row)
{
	if (l->col->nulls == NULL)
		l->col->nulls = si_arena_alloc0(&l->m->arena, sizeof(uint64) * ((size_t) l->m->nrows / 64 + 1));
	si_bit_set(l->col->nulls, row);
}

/*
 * Reads what the merge wants of a block, of any type: n values to out, and
 * their nulls to l->nulls.  out has no more room than that.
 */
static bool
read_part(Loader *l, int input, int number, int block, void *out, uint32 *n)
{
	SiSegment  *seg = l->m->inputs[input];
	uint32		first = (uint32) block * SI_BLOCK_ROWS;
	uint32		rows = si_segment_block_rows(seg, block);
	uint32		from = Max(si_merge_first(l->m, input), first) - first;
	uint32		end = Min(si_merge_end(l->m, input) - first, rows);
	int			size = si_value_size(si_segment_column(seg, number)->desc.type);
	uint64		part[SI_NULL_WORDS] = {0};

	*n = end - from;
	if (*n == rows)
		return si_segment_read_block(seg, number, block, out, l->nulls, l->m->err);
	if (l->part == NULL)
		l->part = si_arena_alloc(&l->m->arena, sizeof(uint64) * SI_BLOCK_ROWS);
	if (!si_segment_read_block(seg, number, block, l->part, l->nulls, l->m->err))
		return false;
	memcpy(out, (const char *) l->part + (size_t) from * size, (size_t) *n * size);
	for (uint32 i = from; i < end; i++)
		if (si_bit_get(l->nulls, i))
			si_bit_set(part, i - from);
	memcpy(l->nulls, part, sizeof(part));
	return true;
}

/* The blocks that rows of an input are in: first, and the one after the last. */
static inline int
first_block(const SiMerge *m, int input)
{
	return (int) (si_merge_first(m, input) / SI_BLOCK_ROWS);
}

static inline int
end_block(const SiMerge *m, int input)
{
	return (int) (((uint64) si_merge_end(m, input) + SI_BLOCK_ROWS - 1) / SI_BLOCK_ROWS);
}

static inline uint32
input_rows(const SiMerge *m, int input)
{
	return si_merge_end(m, input) - si_merge_first(m, input);
}

/* Copies the nulls of a block of n rows that begins at row. */
static void
copy_nulls(Loader *l, uint32 row, uint32 n)
{
	uint32		w;

	for (w = 0; w < (n + 63) / 64; w++)
	{
		uint64		bits = l->nulls[w];

		for (; bits != 0; bits &= bits - 1)
			set_null(l, row + w * 64 + __builtin_ctzll(bits));
	}
}

/* --------------------------------------------------------------- strings */

static bool
too_many_strings(Loader *l)
{
	return si_fail(l->m->err, 0, "too many different strings in column \"%.64s\" to merge",
				   l->col->desc.name);
}

/* Common code of a string; a plain string in a column of JSON becomes a JSON string. */
static uint32
add_string(Loader *l, const char *p, uint64 len)
{
	if (l->plain_to_json)
	{
		if (l->quoted.cap < len * 6 + 2)
			si_buf_reserve(&l->quoted, len * 6 + 2);
		len = si_json_quote(p, len, l->quoted.data);
		p = l->quoted.data;
	}
	return si_strings_add(&l->col->strings, p, len);
}

/* Common code of an entry of an input's dictionary. */
static inline uint32
map_code(Loader *l, const SiDict *dict, uint32 code)
{
	uint32		common = l->map[code];

	if (SI_UNLIKELY(common == 0))
		common = l->map[code] = add_string(l, dict->bytes + dict->offsets[code - 1],
										   dict->offsets[code] - dict->offsets[code - 1]);
	return common;
}

/* Makes map ready for a dictionary of count entries. */
static void
reset_map(Loader *l, uint32 count)
{
	if (l->map == NULL || l->map_room < count)
	{
		l->map_room = count + count / 2 + 64;
		l->map = si_arena_alloc(&l->m->arena, sizeof(uint32) * ((size_t) l->map_room + 1));
	}
	memset(l->map, 0, sizeof(uint32) * ((size_t) count + 1));
}

/* Strings of one input, whose column is of strings too. */
static bool
load_strings(Loader *l, int input, int number, uint32 row)
{
	const SiDict *dict = si_segment_dict(l->m->inputs[input], number, l->m->err);
	uint32	   *codes = (uint32 *) l->col->values + row;
	int			b;

	if (dict == NULL)
		return false;
	reset_map(l, dict->count);
	for (b = first_block(l->m, input); b < end_block(l->m, input); b++)
	{
		uint32		n;
		uint32		i;

		if (!read_part(l, input, number, b, codes, &n))
			return false;
		for (i = 0; i < n; i++)
			if (codes[i] != 0 && (codes[i] = map_code(l, dict, codes[i])) == 0)
				return too_many_strings(l);
		codes += n;
	}
	return true;
}

/* Numbers of one input become strings. */
static bool
load_numbers_as_strings(Loader *l, int input, int number, uint32 row)
{
	SiType		from = si_segment_column(l->m->inputs[input], number)->desc.type;
	int			size = si_value_size(from);
	uint32	   *codes = (uint32 *) l->col->values + row;
	int			b;

	for (b = first_block(l->m, input); b < end_block(l->m, input); b++)
	{
		uint32		n;
		uint32		i;

		if (!read_part(l, input, number, b, l->values, &n))
			return false;
		for (i = 0; i < n; i++)
		{
			char		text[SI_NUMBER_TEXT];
			int			len;

			codes[i] = 0;
			if (si_bit_get(l->nulls, i))
				continue;
			len = si_number_text((const char *) l->values + (size_t) i * size, from, text);
			/* JSON knows no other numbers */
			l->plain_to_json = l->col->desc.json && !isdigit((unsigned char) text[text[0] == '-']);
			if ((codes[i] = add_string(l, text, len)) == 0)
				return too_many_strings(l);
		}
		codes += n;
	}
	return true;
}

/* --------------------------------------------------------------- numbers */

static bool
load_numbers(Loader *l, int input, int number, uint32 row)
{
	int			size = si_value_size(l->col->desc.type);
	int			b;

	for (b = first_block(l->m, input); b < end_block(l->m, input); b++)
	{
		uint32		n;

		if (!read_part(l, input, number, b, (char *) l->col->values + (size_t) row * size, &n))
			return false;
		copy_nulls(l, row, n);
		row += n;
	}
	return true;
}

static bool
load_numbers_converted(Loader *l, int input, int number, uint32 row)
{
	SiSegment  *seg = l->m->inputs[input];
	SiType		from = si_segment_column(seg, number)->desc.type;
	SiType		to = l->col->desc.type;
	int			from_size = si_value_size(from);
	int			size = si_value_size(to);
	const SiDict *dict = NULL;
	int			b;

	if (from == SI_TYPE_STRING && (dict = si_segment_dict(seg, number, l->m->err)) == NULL)
		return false;
	for (b = first_block(l->m, input); b < end_block(l->m, input); b++)
	{
		uint32		n;
		uint32		i;

		if (!read_part(l, input, number, b, l->values, &n))
			return false;
		for (i = 0; i < n; i++, row++)
		{
			void	   *out = (char *) l->col->values + (size_t) row * size;
			bool		ok = false;

			if (si_bit_get(l->nulls, i))
				ok = false;
			else if (dict)
			{
				uint32		code = ((const uint32 *) l->values)[i];

				ok = si_convert_text(dict->bytes + dict->offsets[code - 1],
									 dict->offsets[code] - dict->offsets[code - 1], to, out);
			}
			else
				ok = si_convert_number((const char *) l->values + (size_t) i * from_size, from, to, out);
			if (!ok)
			{
				memset(out, 0, size);
				set_null(l, row);
			}
		}
	}
	return true;
}

/* --------------------------------------------------------------- columns */

/* Rows of an input without the column. */
static void
load_missing(Loader *l, uint32 row, uint32 n)
{
	int			size = si_value_size(l->col->desc.type);
	uint32		i;

	memset((char *) l->col->values + (size_t) row * size, 0, (size_t) n * size);
	if (l->col->desc.type != SI_TYPE_STRING)
		for (i = 0; i < n; i++)
			set_null(l, row + i);
}

static bool
load_input(Loader *l, int input, uint32 row)
{
	SiSegment  *seg = l->m->inputs[input];
	int			number = l->col->input_col[input];
	SiType		to = l->col->desc.type;
	SiType		from;
	bool		had_dict;
	bool		had_index;
	bool		lend = seg->decoder == NULL;
	bool		ok;

	if (number < 0)
	{
		load_missing(l, row, input_rows(l->m, input));
		return true;
	}
	from = si_segment_column(seg, number)->desc.type;
	l->plain_to_json = l->col->desc.json && !si_segment_column(seg, number)->desc.json;
	had_dict = seg->columns[number].dict_loaded;
	had_index = seg->columns[number].block_offset != NULL;
	if (lend)
		seg->decoder = l->decoder;
	if (to == SI_TYPE_STRING)
		ok = from == SI_TYPE_STRING ? load_strings(l, input, number, row) :
			load_numbers_as_strings(l, input, number, row);
	else
		ok = from == to ? load_numbers(l, input, number, row) :
			load_numbers_converted(l, input, number, row);
	if (lend)
		seg->decoder = NULL;
	if (seg->stored.cap > STORED_KEEP)
		si_buf_free(&seg->stored);
	if (!had_dict)
		si_dict_unload(&seg->columns[number]);
	if (!had_index)
		si_seg_unload_index(&seg->columns[number]);
	return ok || si_merge_fail(l->m, input);
}

/*
 * Times of the values of a metric that combines by time.  An input without
 * them means those of its rows; one without the metric has no values.
 */
static bool
load_times(Loader *l, int input, uint32 row)
{
	SiMerge    *m = l->m;
	uint32		rows = input_rows(m, input);
	int64	   *times = l->col->times + row;
	int			number = l->col->input_times[input];
	int			b;

	if (l->col->input_col[input] < 0)
	{
		memset(times, 0, sizeof(int64) * rows);
		for (uint32 i = 0; i < rows; i++)
			si_bit_set(l->col->timeless, row + i);
		return true;
	}
	if (number < 0)
	{
		memcpy(times, (const int64 *) m->columns[0].values + row, sizeof(int64) * rows);
		return true;
	}
	for (b = first_block(m, input); b < end_block(m, input); b++)
	{
		uint32		n;

		if (!read_part(l, input, number, b, times, &n))
			return si_merge_fail(m, input);
		for (uint32 w = 0; w < (n + 63) / 64; w++)
			for (uint64 bits = l->nulls[w]; bits != 0; bits &= bits - 1)
				si_bit_set(l->col->timeless, row + w * 64 + __builtin_ctzll(bits));
		times += n;
		row += n;
	}
	return true;
}

/* Codes in order of numbering become codes in order of bytes. */
static void
rank_codes(Loader *l)
{
	SiStrings  *s = &l->col->strings;
	uint32	   *codes = l->col->values;
	uint32		i;

	si_strings_sort(s);
	reset_map(l, s->count);
	for (i = 0; i < s->count; i++)
		l->map[s->order[i] + 1] = i + 1;
	for (i = 0; i < l->m->nrows; i++)
		codes[i] = l->map[codes[i]];
}

bool
si_merge_load(SiMerge *m)
{
	Loader	   *l = si_arena_alloc0(&m->arena, sizeof(Loader));
	int			c;
	int			i;

	l->m = m;
	l->decoder = si_arena_alloc(&m->arena, sizeof(SiDecoder));
	for (c = 0; c < m->ncolumns; c++)
	{
		uint32		row = 0;

		l->col = &m->columns[c];
		l->col->values = si_arena_alloc(&m->arena, (size_t) si_value_size(l->col->desc.type) * m->nrows);
		if (l->col->input_times)
		{
			l->col->times = si_arena_alloc(&m->arena, sizeof(int64) * (size_t) m->nrows);
			l->col->timeless = si_arena_alloc0(&m->arena, sizeof(uint64) * ((size_t) m->nrows / 64 + 1));
		}
		for (i = 0; i < m->ninputs; i++)
		{
			if (input_rows(m, i) == 0)
				continue;
			if (!load_input(l, i, row) || (l->col->input_times && !load_times(l, i, row)))
				return false;
			row += input_rows(m, i);
		}
		if (l->col->desc.type == SI_TYPE_STRING)
			rank_codes(l);
	}
	si_buf_free(&l->quoted);
	return true;
}
