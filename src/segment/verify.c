/*
 * verify.c
 *		Reads all of a chunk and checks that it says the same everywhere:
 *		blocks against their numbers, dictionaries against their order,
 *		bitmaps against codes.
 *
 * A block's numbers are worked out again by encoding what was decoded, the
 * way the writer did it.
 */
#include "common/port.h"

#include "segment/segment_int.h"

typedef struct Verifier
{
	SiSegment  *seg;
	SiSegmentError *err;
	SiEncoder  *encoder;
	SiBuf		scratch;
	uint64		values[SI_BLOCK_ROWS];
	uint64		nulls[SI_NULL_WORDS];
	uint32	   *codes;			/* of all rows of the column, for its bitmaps */
	int64		last_time;
	/* while a set of rows is walked */
	uint32		code;
	bool		wrong_row;
	uint64		rows_in_sets;
} Verifier;

static bool
wrong(Verifier *v, const SiSegColumn *col, uint64 offset, const char *what)
{
	return si_fail(v->err, offset, "column \"%.64s\": %s", col->info.desc.name, what);
}

/* Entries must be distinct and, when the chunk says so, in order. */
static bool
verify_dict(Verifier *v, SiSegColumn *col)
{
	uint32	   *order;
	bool		ok = true;
	uint32		i;

	if (!si_dict_load(v->seg, col, v->err))
		return false;
	order = col->dict.sorted ? NULL : si_dict_order(&col->dict);
	for (i = 1; i < col->dict.count && ok; i++)
	{
		const uint64 *offsets = col->dict.offsets;
		uint32		a = order ? order[i - 1] : i - 1;
		uint32		b = order ? order[i] : i;
		uint64		la = offsets[a + 1] - offsets[a];
		uint64		lb = offsets[b + 1] - offsets[b];
		int			r = memcmp(col->dict.bytes + offsets[a], col->dict.bytes + offsets[b], Min(la, lb));

		ok = r < 0 || (r == 0 && la < lb);
	}
	if (order)
		pfree(order);
	return ok || wrong(v, col, col->dict_offset,
					   col->dict.sorted ? "dictionary is not in order" : "dictionary has an entry twice");
}

static bool
verify_times(Verifier *v, const SiSegColumn *col, uint64 offset, uint32 n)
{
	const int64 *times = (const int64 *) v->values;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		if (times[i] < v->seg->interval_start ||
			(times[i] >= v->seg->interval_end && v->seg->interval_end != PG_INT64_MAX))
			return wrong(v, col, offset, "time outside the interval of the chunk");
		if (v->seg->sorted_rows && times[i] < v->last_time)
			return wrong(v, col, offset, "times do not ascend");
		v->last_time = times[i];
	}
	return true;
}

/* Decodes a block and compares its numbers with those of the index. */
static bool
verify_block(Verifier *v, int number, int block)
{
	SiSegColumn *col = &v->seg->columns[number];
	SiType		type = col->info.desc.type;
	uint32		n = si_segment_block_rows(v->seg, block);
	uint64		offset;
	SiColumnStats st;
	const uint8 *head;

	if (!si_segment_read_block(v->seg, number, block, v->values, v->nulls, v->err))
		return false;
	offset = col->block_offset[block];
	v->scratch.len = 0;
	if (type == SI_TYPE_STRING)
	{
		si_encode_codes(&v->scratch, v->encoder, (const uint32 *) v->values, n, &st);
		if (!col->info.dict_sorted)
		{
			st.has_minmax = false;
			st.min.i = st.max.i = 0;
		}
		if (col->info.has_bitmaps)
			memcpy(v->codes + (size_t) block * SI_BLOCK_ROWS, v->values, n * sizeof(uint32));
	}
	else if (si_is_float(type))
		si_encode_floats(&v->scratch, v->encoder, v->values, type == SI_TYPE_DOUBLE, v->nulls, n, &st);
	else
		si_encode_ints(&v->scratch, v->encoder, (const int64 *) v->values, v->nulls, n,
							 type == SI_TYPE_LONG, &st);
	if (!si_stats_equal(&st, &col->block_stats[block], type))
		return wrong(v, col, offset, "numbers of a block do not fit its values");
	head = si_seg_fetch(v->seg, offset, 1, v->err);
	if (head == NULL)
		return false;
	if (block == 0 && head[0] != col->encoding)
		return wrong(v, col, offset, "encoding of the first block is not the directory's");
	return type != SI_TYPE_TIME || verify_times(v, col, offset, n);
}

static bool
check_row(void *arg, uint32 row)
{
	Verifier   *v = arg;

	if (v->codes[row] != v->code)
		v->wrong_row = true;
	v->rows_in_sets++;
	return !v->wrong_row;
}

/* Every row must be in the set of its code and in no other. */
static bool
verify_bitmaps(Verifier *v, SiSegColumn *col)
{
	uint64		code;

	v->wrong_row = false;
	v->rows_in_sets = 0;
	for (code = 0; code <= col->info.distinct; code++)
	{
		v->code = (uint32) code;
		if (!si_bitmap_visit(v->seg, col, (uint32) code, check_row, v, v->err))
			return false;
		if (v->wrong_row)
			return wrong(v, col, col->bitmap_offset, "bitmaps do not fit the codes");
	}
	if (v->rows_in_sets != v->seg->nrows)
		return wrong(v, col, col->bitmap_offset, "bitmaps do not hold all rows");
	return true;
}

static bool
verify_column(Verifier *v, int number)
{
	SiSegColumn *col = &v->seg->columns[number];
	SiColumnStats all = {0};
	int			b;

	for (b = 0; b < number; b++)
		if (col->info.desc.role != SI_ROLE_TIMES &&
			strcmp(v->seg->columns[b].info.desc.name, col->info.desc.name) == 0)
			return wrong(v, col, 0, "column is there twice");
	if (!si_seg_load_index(v->seg, col, v->err))
		return false;
	if (col->info.has_bitmaps && v->codes == NULL)
		v->codes = si_alloc(sizeof(uint32) * ((size_t) v->seg->nrows + 1));
	if (col->info.desc.type == SI_TYPE_STRING && !verify_dict(v, col))
		return false;
	for (b = 0; b < v->seg->nblocks; b++)
	{
		if (!verify_block(v, number, b))
			return false;
		si_stats_add(&all, &col->block_stats[b], col->info.desc.type);
	}
	if (!si_stats_equal(&all, &col->info.stats, col->info.desc.type))
		return wrong(v, col, 0, "numbers of the chunk do not fit its blocks");
	return !col->info.has_bitmaps || verify_bitmaps(v, col);
}

bool
si_segment_verify(SiSegment *seg, SiSegmentError *err)
{
	Verifier   *v = palloc0(sizeof(Verifier));
	bool		ok = true;
	int			i;

	v->seg = seg;
	v->err = err;
	v->encoder = si_alloc(sizeof(SiEncoder));
	v->last_time = PG_INT64_MIN;
	for (i = 0; i < seg->ncolumns && ok; i++)
		ok = verify_column(v, i);
	si_buf_free(&v->scratch);
	if (v->codes)
		pfree(v->codes);
	pfree(v->encoder);
	pfree(v);
	return ok;
}
