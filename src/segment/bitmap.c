/*
 * bitmap.c
 *		The sets of rows per dictionary code: writing them as lists and
 *		roaring bitmaps in groups, reading one of them.
 *
 * CRoaring allocates with malloc(): a bitmap lives here between two calls of
 * the library and never across anything that could throw, growth of the
 * output buffer excepted.
 */
#include "common/port.h"

#include <roaring/roaring.h>

#include "segment/segment_int.h"

/* A loaded group table and the group read last. */
typedef struct SiBitmapGroups
{
	uint32	   *first;			/* ngroups + 1: first code of each, then the end */
	uint32	   *len;
	uint64	   *offset;			/* in the file */

	int64		cached;			/* number of the group in data, or -1 */
	uint8	   *data;
	size_t		cap;
	uint32		set_offset[SI_GROUP_CODES + 1]; /* in data */
} SiBitmapGroups;

/* --------------------------------------------------------------- writing */

/* One group while it is built. */
typedef struct GroupWriter
{
	SiOut	   *out;
	SiEncoder  *e;
	uint64		start;			/* of the section */
	SiBuf		sets;
	SiBuf		block;
	SiBuf		table;
	uint32		lengths[SI_GROUP_CODES];
	uint32		ncodes;
	uint32		first;
	uint32		ngroups;
} GroupWriter;

static bool
finish_group(GroupWriter *w)
{
	SiBuf	   *out = &w->out->buf;
	size_t		from = out->len;
	uint64		offset = si_out_at(w->out) - w->start;
	uint32		len;
	SiColumnStats ignored;

	w->block.len = 0;
	si_encode_codes(&w->block, w->e, w->lengths, w->ncodes, &ignored);
	si_buf_varint(out, w->block.len);
	si_buf_put(out, w->block.data, w->block.len);
	si_buf_put(out, w->sets.data, w->sets.len);
	si_buf_crc(out, from);
	if (out->len - from > PG_UINT32_MAX)
		return si_fail(w->out->err, 0, "a group of bitmaps passes 4 GB");
	len = (uint32) (out->len - from);
	si_buf_put(&w->table, &w->first, 4);
	si_buf_put(&w->table, &len, 4);
	si_buf_put(&w->table, &offset, 8);
	w->ngroups++;
	w->first += w->ncodes;
	w->ncodes = 0;
	w->sets.len = 0;
	return si_out_room(w->out);
}

/* Appends the set of n rows (ascending) to sets. */
static void
put_set(SiBuf *sets, const uint32 *rows, uint32 n)
{
	roaring_bitmap_t *r;
	size_t		size;

	if (n <= SI_SET_LIST_MAX)
	{
		si_buf_put(sets, rows, n * sizeof(uint32));
		return;
	}
	r = roaring_bitmap_of_ptr(n, rows);
	roaring_bitmap_run_optimize(r);
	size = roaring_bitmap_portable_size_in_bytes(r);
	si_buf_reserve(sets, size);
	roaring_bitmap_portable_serialize(r, sets->data + sets->len);
	sets->len += size;
	roaring_bitmap_free(r);
}

/*
 * How many rows come before those of each code.  False: a source failed.
 */
static bool
count_rows(const SiCodeSource *codes, uint32 nrows, uint32 *start, size_t ncodes)
{
	uint32		first;

	for (first = 0; first < nrows; first += SI_BLOCK_ROWS)
	{
		const uint32 *block = codes->block(codes->arg, (int) (first / SI_BLOCK_ROWS));
		uint32		n = Min(nrows - first, SI_BLOCK_ROWS);

		if (block == NULL)
			return false;
		for (uint32 i = 0; i < n; i++)
			start[block[i] + 1]++;
		if (nrows - first <= SI_BLOCK_ROWS)
			break;
	}
	for (size_t code = 1; code <= ncodes; code++)
		start[code] += start[code - 1];
	return true;
}

/*
 * The rows of codes from .. end-1 by code, ascending within each: start[c]
 * ends as the end of c.
 */
static bool
collect_rows(const SiCodeSource *codes, uint32 nrows, uint32 *start, size_t from, size_t end, uint32 *rows)
{
	uint32		before = start[from];
	uint32		first;

	for (first = 0; first < nrows; first += SI_BLOCK_ROWS)
	{
		const uint32 *block = codes->block(codes->arg, (int) (first / SI_BLOCK_ROWS));
		uint32		n = Min(nrows - first, SI_BLOCK_ROWS);

		if (block == NULL)
			return false;
		for (uint32 i = 0; i < n; i++)
			if (block[i] - from < end - from)
				rows[start[block[i]]++ - before] = first + i;
		if (nrows - first <= SI_BLOCK_ROWS)
			break;
	}
	return true;
}

/* The sets of codes from .. end-1, in groups. */
static bool
put_sets(GroupWriter *w, const uint32 *start, size_t from, size_t end, const uint32 *rows)
{
	uint32		first = from == 0 ? 0 : start[from - 1];

	for (size_t code = from; code < end; code++)
	{
		uint32		row = code == 0 ? 0 : start[code - 1];
		size_t		before = w->sets.len;

		put_set(&w->sets, rows + (row - first), start[code] - row);
		w->lengths[w->ncodes++] = (uint32) (w->sets.len - before);
		if ((w->ncodes == SI_GROUP_CODES || w->sets.len >= SI_GROUP_BYTES) && !finish_group(w))
			return false;
	}
	return true;
}

bool
si_bitmaps_write(SiOut *out, SiEncoder *e, const SiCodeSource *codes, uint32 nrows, uint32 count,
				 uint64 memory, uint32 *ngroups)
{
	size_t		ncodes = (size_t) count + 1;
	uint32	   *start = si_alloc0(sizeof(uint32) * (ncodes + 1));
	uint32	   *rows = NULL;
	uint32		room = 0;
	GroupWriter *w = palloc0(sizeof(GroupWriter));
	size_t		from = 0;
	size_t		end;
	bool		ok;

	w->out = out;
	w->e = e;
	w->start = si_out_at(out);
	ok = count_rows(codes, nrows, start, ncodes);
	for (; ok && from < ncodes; from = end)
	{
		uint64		most = Max(memory / sizeof(uint32), 1);
		uint32		n;

		for (end = from + 1; end < ncodes && start[end + 1] - start[from] <= most; end++)
			;
		n = start[end] - start[from];
		if (rows == NULL || n > room)
		{
			if (rows)
				pfree(rows);
			room = n;
			rows = si_alloc(sizeof(uint32) * ((size_t) room + 1));
		}
		ok = collect_rows(codes, nrows, start, from, end, rows) && put_sets(w, start, from, end, rows);
	}
	if (ok && w->ncodes > 0)
		ok = finish_group(w);
	if (ok)
	{
		si_buf_put(&out->buf, w->table.data, w->table.len);
		si_buf_crc(&out->buf, out->buf.len - w->table.len);
		*ngroups = w->ngroups;
	}
	si_buf_free(&w->sets);
	si_buf_free(&w->block);
	si_buf_free(&w->table);
	pfree(w);
	if (rows)
		pfree(rows);
	pfree(start);
	return ok;
}

/* --------------------------------------------------------------- reading */

void
si_bitmaps_unload(SiSegColumn *col)
{
	SiBitmapGroups *g = col->groups;

	if (g == NULL)
		return;
	pfree(g->first);
	pfree(g->len);
	pfree(g->offset);
	if (g->data)
		pfree(g->data);
	pfree(g);
	col->groups = NULL;
}

static bool
bitmap_fail(const SiSegColumn *col, uint64 offset, const char *text, SiSegmentError *err)
{
	return si_fail(err, offset, "bitmaps of column \"%.64s\": %s", col->info.desc.name, text);
}

/* Reads and checks the group table. */
static bool
load_groups(SiSegment *seg, SiSegColumn *col, SiSegmentError *err)
{
	uint64		table_len = (uint64) col->ngroups * SI_GROUP_RECORD + SI_CRC_SIZE;
	uint64		end = col->bitmap_len - table_len;
	uint64		at = 0;
	SiBitmapGroups *g;
	const uint8 *p;
	bool		ok = true;
	uint32		i;

	if (col->groups)
		return true;
	p = si_seg_fetch(seg, col->bitmap_offset + end, table_len, err);
	if (p == NULL)
		return false;
	if (!si_crc_ok(p, table_len))
		return bitmap_fail(col, col->bitmap_offset + end, "wrong checksum of the group table", err);

	g = si_seg_alloc(seg, sizeof(SiBitmapGroups));
	memset(g, 0, offsetof(SiBitmapGroups, set_offset));
	g->cached = -1;
	g->first = si_seg_alloc(seg, sizeof(uint32) * ((size_t) col->ngroups + 1));
	g->len = si_seg_alloc(seg, sizeof(uint32) * col->ngroups);
	g->offset = si_seg_alloc(seg, sizeof(uint64) * col->ngroups);
	col->groups = g;
	for (i = 0; i < col->ngroups; i++, p += SI_GROUP_RECORD)
	{
		g->first[i] = si_load32(p);
		g->len[i] = si_load32(p + 4);
		g->offset[i] = col->bitmap_offset + at;
		ok = ok && si_load64(p + 8) == at && g->len[i] <= end - at && g->len[i] >= SI_CRC_SIZE &&
			g->first[i] <= col->info.distinct &&
			(i == 0 ? g->first[i] == 0 : g->first[i] > g->first[i - 1] &&
			 g->first[i] - g->first[i - 1] <= SI_GROUP_CODES);
		if (!ok)
			break;
		at += g->len[i];
	}
	g->first[col->ngroups] = col->info.distinct + 1;
	if (!ok || at != end ||
		g->first[col->ngroups] - g->first[col->ngroups - 1] > SI_GROUP_CODES)
	{
		si_bitmaps_unload(col);
		return bitmap_fail(col, col->bitmap_offset + end, "group table is corrupt", err);
	}
	return true;
}

/* Reads group number i into the cache. */
static bool
load_group(SiSegment *seg, SiSegColumn *col, uint32 i, SiSegmentError *err)
{
	SiBitmapGroups *g = col->groups;
	uint32		ncodes = g->first[i + 1] - g->first[i];
	uint32	   *lengths = g->set_offset + 1;
	SiCursor	c;
	const uint8 *p;
	const uint8 *block;
	uint64		block_len;
	uint64		at;
	const char *why;
	uint32		k;

	if (g->cached == (int64) i)
		return true;
	p = si_seg_fetch(seg, g->offset[i], g->len[i], err);
	if (p == NULL)
		return false;
	if (!si_crc_ok(p, g->len[i]))
		return bitmap_fail(col, g->offset[i], "wrong checksum of a group", err);
	g->cached = -1;
	if (g->cap < g->len[i])
	{
		if (g->data)
			pfree(g->data);
		g->data = NULL;
		g->cap = 0;
		g->data = si_seg_alloc(seg, (size_t) g->len[i] + SI_SLACK);
		g->cap = g->len[i];
	}
	memcpy(g->data, p, g->len[i]);

	c.p = g->data;
	c.end = g->data + g->len[i] - SI_CRC_SIZE;
	c.bad = false;
	block_len = si_cur_varint(&c);
	block = si_cur_bytes(&c, block_len);
	if (block == NULL)
		return bitmap_fail(col, g->offset[i], "group ends early", err);
	if (!si_decode_codes(si_seg_decoder(seg), block, block_len, ncodes, g->len[i], lengths, &why))
		return bitmap_fail(col, g->offset[i], why, err);
	at = c.p - g->data;
	for (k = 0; k < ncodes; k++)
	{
		uint32		len = lengths[k];

		g->set_offset[k] = (uint32) at;
		at += len;
		if (at > g->len[i])
			break;
	}
	if (at != g->len[i] - SI_CRC_SIZE)
		return bitmap_fail(col, g->offset[i], "lengths of the sets do not add up", err);
	g->set_offset[ncodes] = (uint32) at;
	g->cached = i;
	return true;
}

/* What is checked about every row of a set. */
typedef struct Visit
{
	SiRowVisit	visit;
	void	   *arg;
	uint32		nrows;
	uint64		count;
	uint32		last;
	bool		corrupt;
} Visit;

static bool
visit_row(uint32_t row, void *arg)
{
	Visit	   *v = arg;

	if (row >= v->nrows || (v->count > 0 && row <= v->last))
	{
		v->corrupt = true;
		return false;
	}
	v->last = row;
	v->count++;
	return v->visit(v->arg, row);
}

static void
visit_list(Visit *v, const uint8 *set, uint32 len)
{
	uint32		i;

	for (i = 0; i < len; i += sizeof(uint32))
		if (!visit_row(si_load32(set + i), v))
			return;
}

static void
visit_roaring(Visit *v, const uint8 *set, uint32 len)
{
	roaring_bitmap_t *r;

	r = roaring_bitmap_portable_deserialize_safe((const char *) set, len);
	if (r == NULL)
	{
		v->corrupt = true;
		return;
	}
	if (roaring_bitmap_portable_size_in_bytes(r) != len ||
		roaring_bitmap_get_cardinality(r) > v->nrows)
		v->corrupt = true;
	else if (roaring_iterate(r, visit_row, v) && v->count != roaring_bitmap_get_cardinality(r))
		v->corrupt = true;
	roaring_bitmap_free(r);
}

/*
 * The caller's visit must not throw: a roaring bitmap is open meanwhile.
 * When it returns false the walk ends without an error.
 */
bool
si_bitmap_visit(SiSegment *seg, SiSegColumn *col, uint32 code, SiRowVisit visit, void *arg,
				SiSegmentError *err)
{
	Visit		v = {visit, arg, seg->nrows, 0, 0, false};
	SiBitmapGroups *g;
	uint32		low = 0;
	uint32		high = col->ngroups;
	const uint8 *set;
	uint32		len;

	if (!col->info.has_bitmaps || code > col->info.distinct)
		return bitmap_fail(col, col->bitmap_offset, "no bitmap of this code", err);
	if (!load_groups(seg, col, err))
		return false;
	g = col->groups;
	while (high - low > 1)
	{
		uint32		mid = low + (high - low) / 2;

		if (g->first[mid] <= code)
			low = mid;
		else
			high = mid;
	}
	if (!load_group(seg, col, low, err))
		return false;
	set = g->data + g->set_offset[code - g->first[low]];
	len = g->set_offset[code - g->first[low] + 1] - g->set_offset[code - g->first[low]];
	if (len % sizeof(uint32) == 0 && len <= SI_SET_LIST_MAX * sizeof(uint32))
		visit_list(&v, set, len);
	else
		visit_roaring(&v, set, len);
	if (v.corrupt)
		return bitmap_fail(col, g->offset[low], "set of rows is corrupt", err);
	return true;
}

static bool
select_row(void *arg, uint32 row)
{
	si_bit_set(arg, row);
	return true;
}

bool
si_segment_bitmap_or(SiSegment *seg, int col, uint32 code, uint64 *selection, SiSegmentError *err)
{
	return si_bitmap_visit(seg, &seg->columns[col], code, select_row, selection, err);
}
