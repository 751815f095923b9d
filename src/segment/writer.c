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

typedef struct Writer
{
	const SiTable *table;
	const SiWriteOptions *opt;
	SiSegmentError *err;
	int			nblocks;
	SiOut		out;
	SiBuf		index;
	SiEncoder  *encoder;
	SiSegColumn *columns;
	uint32	   *codes;			/* renumbered codes of one column */
} Writer;

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
	si_buf_put(&w->out.buf, h, sizeof(h));
	si_buf_crc(&w->out.buf, w->out.buf.len - sizeof(h));
}

static void
put_trailer(Writer *w, uint64 footer, uint32 footer_len, uint32 footer_crc)
{
	uint64		size = footer + footer_len + SI_TRAILER_SIZE;
	SiBuf	   *out = &w->out.buf;
	size_t		from = out->len;

	si_buf_put(out, &footer, 8);
	si_buf_put(out, &footer_len, 4);
	si_buf_put(out, &footer_crc, 4);
	si_buf_put(out, &size, 8);
	si_buf_crc(out, from);
	si_buf_put(out, SI_TRAILER_MAGIC, 4);
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

/* Values of a block of a column in memory, as those of a feed. */
static const void *
block_in_memory(const SiColumn *c, const uint32 *codes, uint32 first, const uint64 **nulls)
{
	*nulls = c->nulls ? c->nulls + first / 64 : NULL;
	switch (c->desc.type)
	{
		case SI_TYPE_STRING:
			return codes + first;
		case SI_TYPE_FLOAT:
			return c->v.floats + first;
		default:
			return c->v.longs + first;
	}
}

/* Encodes one block; st is as it goes into the index. */
static SiEncoding
put_block(Writer *w, SiType type, const void *values, const uint64 *nulls, uint32 n, SiColumnStats *st)
{
	SiBuf	   *out = &w->out.buf;

	switch (type)
	{
		case SI_TYPE_STRING:
			return si_encode_codes(out, w->encoder, values, n, st);
		case SI_TYPE_FLOAT:
		case SI_TYPE_DOUBLE:
			return si_encode_floats(out, w->encoder, values, type == SI_TYPE_DOUBLE, nulls, n, st);
		default:
			return si_encode_ints(out, w->encoder, values, nulls, n, type == SI_TYPE_LONG, st);
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
		uint64		from = si_out_at(&w->out);
		const uint64 *nulls;
		const void *values = w->table->feed ? si_feed_block(w->table->feed, b, n, &nulls) :
			block_in_memory(c, codes, first, &nulls);
		SiColumnStats st;
		SiEncoding	enc;

		if (values == NULL)
			return false;
		enc = put_block(w, c->desc.type, values, nulls, n, &st);
		if (b == 0)
			col->encoding = (uint8) enc;
		if (c->desc.type == SI_TYPE_STRING)
		{
			if (st.max.i > (int64) col->info.distinct)
				return si_fail(w->err, 0, "code " INT64_FORMAT " of column \"%.64s\" is beyond its dictionary",
							   st.max.i, c->desc.name);
			if (!col->info.dict_sorted)
			{
				st.has_minmax = false;
				st.min.i = st.max.i = 0;
			}
		}
		si_stats_add(all, &st, c->desc.type);
		col->data_len += si_out_at(&w->out) - from;
		if (w->nblocks > 1)
			put_index_record(&w->index, (uint32) (si_out_at(&w->out) - from), &st);
		if (!si_out_room(&w->out))
			return false;
	}
	if (c->desc.type == SI_TYPE_TIME && all->null_count > 0)
		return si_fail(w->err, 0, "the time of a row must not be null");
	if (w->nblocks > 1)
	{
		si_buf_crc(&w->index, 0);
		si_buf_put(&w->out.buf, w->index.data, w->index.len);
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

/* The dictionary of a column in memory; codes are those of its order. */
static bool
put_dict(Writer *w, const SiColumn *c, SiSegColumn *col, const uint32 **codes)
{
	uint32	   *order = NULL;
	bool		ok;

	*codes = c->v.codes;
	if (c->dict.count == PG_UINT32_MAX)
		return si_fail(w->err, 0, "too many different strings in column \"%.64s\"", c->desc.name);
	if (w->opt->sort_dict && !c->dict.sorted)
	{
		order = si_dict_order(&c->dict);
		*codes = renumber(w, c, order);
	}
	col->info.distinct = c->dict.count;
	col->info.dict_sorted = c->dict.sorted || order != NULL;
	ok = si_dict_write(&w->out, w->encoder, &c->dict, order, !w->opt->sort_dict, &col->raw_bytes);
	if (order)
		pfree(order);
	return ok;
}

/* Codes of a column, block by block, for its bitmaps. */
typedef struct BlockCodes
{
	struct SiFeed *feed;
	const uint32 *codes;		/* without feed */
	uint32		nrows;
} BlockCodes;

static const uint32 *
block_codes(void *arg, int block)
{
	const BlockCodes *b = arg;
	uint32		first = (uint32) block * SI_BLOCK_ROWS;
	const uint64 *nulls;

	if (b->feed)
		return si_feed_block(b->feed, block, Min(b->nrows - first, SI_BLOCK_ROWS), &nulls);
	return b->codes + first;
}

static bool
put_string_column(Writer *w, const SiColumn *c, SiSegColumn *col)
{
	struct SiFeed *feed = w->table->feed;
	const uint32 *codes = NULL;
	uint64		from = si_out_at(&w->out);

	if (feed)
	{
		col->info.distinct = si_feed_distinct(feed);
		col->info.dict_sorted = true;
		if (!si_feed_dict(feed, &w->out, w->encoder, &col->raw_bytes))
			return false;
	}
	else if (!put_dict(w, c, col, &codes))
		return false;
	col->dict_len = si_out_at(&w->out) - from;
	if (!put_blocks(w, c, codes, col))
		return false;
	if (w->opt->bitmaps && c->desc.role == SI_ROLE_DIMENSION && !is_plain(w->opt, c->desc.name))
	{
		BlockCodes	blocks = {feed, codes, w->table->nrows};
		SiCodeSource source = {block_codes, &blocks};

		from = si_out_at(&w->out);
		if (!si_bitmaps_write(&w->out, w->encoder, &source, w->table->nrows, col->info.distinct,
							  feed ? si_feed_memory(feed) : PG_UINT64_MAX, &col->ngroups))
			return false;
		col->info.has_bitmaps = true;
		col->bitmap_len = si_out_at(&w->out) - from;
	}
	return true;
}

static bool
put_column(Writer *w, int i)
{
	const SiColumn *c = &w->table->columns[i];
	SiSegColumn *col = &w->columns[i];
	struct SiFeed *feed = w->table->feed;

	if (!check_column(w, i))
		return false;
	col->info.desc = c->desc;
	w->encoder->codec = c->desc.role == SI_ROLE_DIMENSION ? w->opt->dimension_codec : w->opt->metric_codec;
	if (feed && !si_feed_open(feed, i))
		return false;
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
	if (feed)
		si_feed_close(feed);
	return si_out_room(&w->out);
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
	from = w->out.buf.len;
	footer = si_out_at(&w->out);
	for (i = 0; i < w->table->ncolumns; i++)
		si_directory_put(&w->out.buf, &w->columns[i]);
	footer_len = w->out.buf.len - from;
	if (footer_len > SI_MAX_FOOTER)
		return si_fail(w->err, footer, "a column directory of %zu bytes is too large for a chunk", footer_len);
	put_trailer(w, footer, (uint32) footer_len, si_crc(w->out.buf.data + from, footer_len));
	return si_out_flush(&w->out);
}

bool
si_segment_write(const SiTable *t, const SiWriteOptions *opt, const SiSink *sink,
				 SiWriteResult *result, SiSegmentError *err)
{
	Writer		w = {.table = t, .opt = opt, .err = err, .out = {.sink = sink, .err = err}};
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

		result->bytes = w.out.written;
		result->min_time = time->has_minmax ? time->min.i : PG_INT64_MAX;
		result->max_time = time->has_minmax ? time->max.i : PG_INT64_MIN;
	}
	else if (t->feed)
		si_feed_error(t->feed, err);
	si_buf_free(&w.out.buf);
	si_buf_free(&w.index);
	pfree(w.encoder);
	pfree(w.columns);
	if (w.codes)
		pfree(w.codes);
	return ok;
}
