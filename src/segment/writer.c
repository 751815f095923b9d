/*
 * writer.c
 *		Writes a table as a chunk: header, the columns one after the other,
 *		directory, trailer.
 *
 * Bytes go to the sink in large pieces, those of a small delta in one.  The
 * order of rows is the caller's; with sort_dict codes are renumbered here.
 * Column names must be distinct, which the caller guarantees.
 */
#include "common/port.h"

#include "segment/segment_int.h"

/* Bytes collected before they go to the sink. */
#define FLUSH_BYTES		(256 * 1024)

typedef struct Writer
{
	const SiTable *table;
	const SiWriteOptions *opt;
	const SiSink *sink;
	SiSegmentError *err;
	int			nblocks;
	uint64		written;		/* bytes that went to the sink */
	SiBuf		out;
	SiBuf		index;
	SiEncoder  *encoder;
	SiSegColumn *columns;
	uint32	   *codes;			/* renumbered codes of one column */
} Writer;

static bool
flush(Writer *w)
{
	if (w->out.len > 0 && !w->sink->write(w->sink->arg, w->out.data, w->out.len))
		return si_fail(w->err, w->written, "could not write %zu bytes", w->out.len);
	w->written += w->out.len;
	w->out.len = 0;
	return true;
}

static void
put_header(Writer *w)
{
	uint8		h[SI_HEADER_SIZE - SI_CRC_SIZE] = {0};
	uint16		version = SI_FORMAT_VERSION;
	uint16		flags = w->opt->sorted_rows ? SI_FILE_SORTED_ROWS : 0;
	uint32		ncolumns = (uint32) w->table->ncolumns;
	uint32		block_rows = SI_BLOCK_ROWS;

	memcpy(h, SI_HEADER_MAGIC, 8);
	memcpy(h + 8, &version, 2);
	memcpy(h + 10, &flags, 2);
	memcpy(h + 12, &ncolumns, 4);
	memcpy(h + 16, w->opt->install, SI_UUID_LEN);
	memcpy(h + 32, &w->opt->interval_start, 8);
	memcpy(h + 40, &w->opt->interval_end, 8);
	memcpy(h + 48, &w->table->nrows, 4);
	memcpy(h + 52, &block_rows, 4);
	si_buf_put(&w->out, h, sizeof(h));
	si_buf_crc(&w->out, w->out.len - sizeof(h));
}

static void
put_trailer(Writer *w, uint64 footer, uint32 footer_len, uint32 footer_crc)
{
	uint64		size = footer + footer_len + SI_TRAILER_SIZE;
	size_t		from = w->out.len;

	si_buf_put(&w->out, &footer, 8);
	si_buf_put(&w->out, &footer_len, 4);
	si_buf_put(&w->out, &footer_crc, 4);
	si_buf_put(&w->out, &size, 8);
	si_buf_crc(&w->out, from);
	si_buf_put(&w->out, SI_TRAILER_MAGIC, 4);
}

/* ---------------------------------------------------------------- columns */

static bool
check_column(Writer *w, int i)
{
	const SiColumnDesc *desc = &w->table->columns[i].desc;
	size_t		len = strlen(desc->name);

	if (len == 0 || len > SI_MAX_NAME)
		return si_fail(w->err, 0, "a column name of %zu bytes is not possible in a chunk", len);
	if ((i == 0) != (desc->type == SI_TYPE_TIME) || (i == 0) != (desc->role == SI_ROLE_TIME) ||
		(i == 0) != (strcmp(desc->name, SI_TIME_COLUMN) == 0))
		return si_fail(w->err, 0, "column %d of a chunk must %sbe " SI_TIME_COLUMN, i, i == 0 ? "" : "not ");
	if (desc->role == SI_ROLE_TIMES && !si_times_in_place(desc, &w->table->columns[i - 1].desc))
		return si_fail(w->err, 0, "times of column \"%.64s\" do not follow it", desc->name);
	return true;
}

static void
put_index_record(SiBuf *index, uint32 len, const SiColumnStats *st)
{
	uint32		word = st->null_count;

	if (st->has_minmax)
		word |= SI_INDEX_MINMAX;
	if (st->has_sum)
		word |= SI_INDEX_SUM;
	si_buf_put(index, &len, 4);
	si_buf_put(index, &word, 4);
	si_buf_put(index, &st->min, 8);
	si_buf_put(index, &st->max, 8);
	si_buf_put(index, &st->sum, 8);
}

/* Encodes one block; st is as it goes into the index. */
static SiEncoding
put_block(Writer *w, const SiColumn *c, const uint32 *codes, uint32 first, uint32 n, SiColumnStats *st)
{
	const uint64 *nulls = c->nulls ? c->nulls + first / 64 : NULL;

	switch (c->desc.type)
	{
		case SI_TYPE_STRING:
			return si_encode_codes(&w->out, w->encoder, codes + first, n, st);
		case SI_TYPE_FLOAT:
			return si_encode_floats(&w->out, w->encoder, c->v.floats + first, false, nulls, n, st);
		case SI_TYPE_DOUBLE:
			return si_encode_floats(&w->out, w->encoder, c->v.doubles + first, true, nulls, n, st);
		default:
			return si_encode_ints(&w->out, w->encoder, c->v.longs + first, nulls, n,
								  c->desc.type == SI_TYPE_LONG, st);
	}
}

/* All blocks of a column and, when there are several, their index. */
static bool
put_blocks(Writer *w, const SiColumn *c, const uint32 *codes, SiSegColumn *col)
{
	SiColumnStats *all = &col->info.stats;
	int			b;

	w->index.len = 0;
	for (b = 0; b < w->nblocks; b++)
	{
		uint32		first = (uint32) b * SI_BLOCK_ROWS;
		uint32		n = Min(w->table->nrows - first, SI_BLOCK_ROWS);
		size_t		from = w->out.len;
		SiColumnStats st;
		SiEncoding	enc;

		enc = put_block(w, c, codes, first, n, &st);
		if (b == 0)
			col->encoding = (uint8) enc;
		if (c->desc.type == SI_TYPE_STRING)
		{
			if (st.max.i > (int64) c->dict.count)
				return si_fail(w->err, 0, "code " INT64_FORMAT " of column \"%.64s\" is beyond its dictionary",
							   st.max.i, c->desc.name);
			if (!col->info.dict_sorted)
			{
				st.has_minmax = false;
				st.min.i = st.max.i = 0;
			}
		}
		si_stats_add(all, &st, c->desc.type);
		col->data_len += w->out.len - from;
		if (w->nblocks > 1)
			put_index_record(&w->index, (uint32) (w->out.len - from), &st);
		if (w->out.len >= FLUSH_BYTES && !flush(w))
			return false;
	}
	if (c->desc.type == SI_TYPE_TIME && all->null_count > 0)
		return si_fail(w->err, 0, "the time of a row must not be null");
	if (w->nblocks > 1)
	{
		si_buf_crc(&w->index, 0);
		si_buf_put(&w->out, w->index.data, w->index.len);
	}
	return true;
}

/* Codes of a column after its dictionary was put into another order. */
static const uint32 *
renumber(Writer *w, const SiColumn *c, const uint32 *order)
{
	uint32	   *new_code = si_alloc(sizeof(uint32) * ((size_t) c->dict.count + 1));
	uint32		nrows = w->table->nrows;
	uint32		i;

	if (w->codes == NULL)
		w->codes = si_alloc(sizeof(uint32) * ((size_t) nrows + 1));
	new_code[0] = 0;
	for (i = 0; i < c->dict.count; i++)
		new_code[order[i] + 1] = i + 1;
	for (i = 0; i < nrows; i++)
	{
		/* a code beyond the dictionary is kept, to be found by put_blocks */
		uint32		code = c->v.codes[i];

		w->codes[i] = code <= c->dict.count ? new_code[code] : code;
	}
	pfree(new_code);
	return w->codes;
}

/* Whether a dimension is to have no bitmaps. */
static bool
is_plain(const SiWriteOptions *opt, const char *name)
{
	for (int i = 0; i < opt->nplain; i++)
		if (strcmp(opt->plain[i], name) == 0)
			return true;
	return false;
}

static bool
put_string_column(Writer *w, const SiColumn *c, SiSegColumn *col)
{
	const uint32 *codes = c->v.codes;
	uint32	   *order = NULL;
	size_t		from = w->out.len;
	bool		ok;

	if (c->dict.count == PG_UINT32_MAX)
		return si_fail(w->err, 0, "too many different strings in column \"%.64s\"", c->desc.name);
	if (w->opt->sort_dict && !c->dict.sorted)
	{
		order = si_dict_order(&c->dict);
		codes = renumber(w, c, order);
	}
	col->info.distinct = c->dict.count;
	col->info.dict_sorted = c->dict.sorted || order != NULL;
	ok = si_dict_write(&w->out, w->encoder, &c->dict, order, !w->opt->sort_dict,
					   &col->raw_bytes, w->err);
	if (order)
		pfree(order);
	if (!ok)
		return false;
	col->dict_len = w->out.len - from;
	if (!put_blocks(w, c, codes, col))
		return false;
	if (!w->opt->bitmaps || c->desc.role != SI_ROLE_DIMENSION || is_plain(w->opt, c->desc.name))
		return true;
	if (w->out.len >= FLUSH_BYTES && !flush(w))
		return false;
	from = w->out.len;
	if (!si_bitmaps_write(&w->out, w->encoder, codes, w->table->nrows, c->dict.count, &col->ngroups, w->err))
		return false;
	col->info.has_bitmaps = true;
	col->bitmap_len = w->out.len - from;
	return true;
}

static bool
put_column(Writer *w, int i)
{
	const SiColumn *c = &w->table->columns[i];
	SiSegColumn *col = &w->columns[i];

	if (!check_column(w, i))
		return false;
	col->info.desc = c->desc;
	w->encoder->codec = c->desc.role == SI_ROLE_DIMENSION ? w->opt->dimension_codec : w->opt->metric_codec;
	if (c->desc.type == SI_TYPE_STRING)
	{
		if (!put_string_column(w, c, col))
			return false;
	}
	else
	{
		col->info.desc.multi_value = col->info.desc.json = false;
		if (!put_blocks(w, c, NULL, col))
			return false;
	}
	return w->out.len < FLUSH_BYTES || flush(w);
}

/* ------------------------------------------------------------------ chunk */

static bool
write_chunk(Writer *w)
{
	uint64		footer;
	size_t		from;
	size_t		footer_len;
	int			i;

	put_header(w);
	for (i = 0; i < w->table->ncolumns; i++)
		if (!put_column(w, i))
			return false;
	from = w->out.len;
	footer = w->written + from;
	for (i = 0; i < w->table->ncolumns; i++)
		si_directory_put(&w->out, &w->columns[i]);
	footer_len = w->out.len - from;
	if (footer_len > SI_MAX_FOOTER)
		return si_fail(w->err, footer, "a column directory of %zu bytes is too large for a chunk", footer_len);
	put_trailer(w, footer, (uint32) footer_len, si_crc(w->out.data + from, footer_len));
	return flush(w);
}

bool
si_segment_write(const SiTable *t, const SiWriteOptions *opt, const SiSink *sink,
				 SiWriteResult *result, SiSegmentError *err)
{
	Writer		w = {.table = t, .opt = opt, .sink = sink, .err = err};
	bool		ok;

	if (t->ncolumns < 1 || t->ncolumns > SI_MAX_COLUMNS)
		return si_fail(err, 0, "%d columns are not possible in a chunk", t->ncolumns);
	w.nblocks = (int) (((uint64) t->nrows + SI_BLOCK_ROWS - 1) / SI_BLOCK_ROWS);
	w.encoder = si_alloc(sizeof(SiEncoder));
	w.columns = si_alloc0(sizeof(SiSegColumn) * t->ncolumns);
	ok = write_chunk(&w);
	if (ok)
	{
		const SiColumnStats *time = &w.columns[0].info.stats;

		result->bytes = w.written;
		result->min_time = time->has_minmax ? time->min.i : PG_INT64_MAX;
		result->max_time = time->has_minmax ? time->max.i : PG_INT64_MIN;
	}
	si_buf_free(&w.out);
	si_buf_free(&w.index);
	pfree(w.encoder);
	pfree(w.columns);
	if (w.codes)
		pfree(w.codes);
	return ok;
}
