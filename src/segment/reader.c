/*
 * reader.c
 *		Opening a chunk, and handing out its numbers, dictionaries and blocks.
 *
 * Opening reads the end of the file, which holds all of a small delta, and
 * the header.  Everything else is read when it is asked for: a column that
 * no query touches costs no I/O.  The segment's memory is the context that
 * was current when it was opened.
 */
#include "common/port.h"

#include "segment/segment_int.h"

/* Read at once from the end of the file; a small delta is all in it. */
#define TAIL_BYTES	16384

/* -------------------------------------------------------- memory and I/O */

static bool
memory_read(void *arg, uint64 offset, void *buf, size_t len)
{
	memcpy(buf, (const char *) arg + offset, len);
	return true;
}

void
si_byte_source_memory(SiByteSource *src, const void *data, uint64 size)
{
	src->read = memory_read;
	src->arg = (void *) data;
	src->size = size;
}

/* Allocates in the segment's own context. */
void *
si_seg_alloc(SiSegment *seg, size_t size)
{
#ifdef FRONTEND
	return palloc(size);
#else
	return MemoryContextAllocExtended(seg->context, size, MCXT_ALLOC_HUGE);
#endif
}

SiDecoder *
si_seg_decoder(SiSegment *seg)
{
	if (seg->decoder == NULL)
		seg->decoder = si_seg_alloc(seg, sizeof(SiDecoder));
	return seg->decoder;
}

const uint8 *
si_seg_fetch(SiSegment *seg, uint64 offset, uint64 len, SiSegmentError *err)
{
	if (offset > seg->src.size || len > seg->src.size - offset)
	{
		si_fail(err, offset, "read beyond the end of the file");
		return NULL;
	}
	if (seg->resident && offset >= seg->resident_offset)
		return seg->resident + (offset - seg->resident_offset);
	if (seg->stored.cap < len + SI_SLACK)
	{
		size_t		cap = Max(seg->stored.cap * 2, len + SI_SLACK);

		si_buf_free(&seg->stored);
		seg->stored.data = si_seg_alloc(seg, cap);
		seg->stored.cap = cap;
	}
	if (!seg->src.read(seg->src.arg, offset, seg->stored.data, len))
	{
		si_fail(err, offset, "could not read " UINT64_FORMAT " bytes", len);
		return NULL;
	}
	return (const uint8 *) seg->stored.data;
}

/* --------------------------------------------------------------- opening */

static bool
parse_header(SiSegment *seg, const uint8 *h, const uint8 *install, SiSegmentError *err)
{
	uint16		version;
	uint16		flags;
	uint32		ncolumns;

	if (memcmp(h, SI_HEADER_MAGIC, 8) != 0)
		return si_fail(err, 0, "not a chunk file");
	memcpy(&version, h + 8, 2);
	if (version < SI_FORMAT_OLDEST || version > SI_FORMAT_VERSION)
		return si_fail(err, 8, "format version %u is not supported, only %d to %d are",
					   version, SI_FORMAT_OLDEST, SI_FORMAT_VERSION);
	if (!si_crc_ok(h, SI_HEADER_SIZE))
		return si_fail(err, 60, "wrong checksum of the header");
	memcpy(&flags, h + 10, 2);
	ncolumns = si_load32(h + 12);
	if ((flags & ~SI_FILE_SORTED_ROWS) || si_load32(h + 52) != SI_BLOCK_ROWS || si_load32(h + 56) != 0)
		return si_fail(err, 10, "unknown header flags");
	if (ncolumns == 0 || ncolumns > SI_MAX_COLUMNS)
		return si_fail(err, 12, "number of columns %u out of range", ncolumns);
	if (install && memcmp(h + 16, install, SI_UUID_LEN) != 0)
		return si_fail(err, 16, "the file was written by another install");
	seg->version = version;
	seg->sorted_rows = (flags & SI_FILE_SORTED_ROWS) != 0;
	seg->ncolumns = (int) ncolumns;
	memcpy(&seg->interval_start, h + 32, 8);
	memcpy(&seg->interval_end, h + 40, 8);
	seg->nrows = si_load32(h + 48);
	seg->nblocks = (int) (((uint64) seg->nrows + SI_BLOCK_ROWS - 1) / SI_BLOCK_ROWS);
	return true;
}

/* Checks the trailer and where it says the footer is. */
static bool
parse_trailer(SiSegment *seg, const uint8 *t, uint64 *footer, uint32 *footer_len, uint32 *footer_crc,
			  SiSegmentError *err)
{
	uint64		at = seg->src.size - SI_TRAILER_SIZE;

	if (memcmp(t + 28, SI_TRAILER_MAGIC, 4) != 0)
		return si_fail(err, at + 28, "the file does not end like a chunk, it may be truncated");
	if (!si_crc_is(t, 24, si_load32(t + 24)))
		return si_fail(err, at, "wrong checksum of the trailer");
	*footer = si_load64(t);
	*footer_len = si_load32(t + 8);
	*footer_crc = si_load32(t + 12);
	if (si_load64(t + 16) != seg->src.size)
		return si_fail(err, at + 16, "the file has " UINT64_FORMAT " bytes, its trailer says " UINT64_FORMAT,
					   seg->src.size, si_load64(t + 16));
	if (*footer < SI_HEADER_SIZE || *footer > at || *footer_len > SI_MAX_FOOTER ||
		*footer + *footer_len != at)
		return si_fail(err, at, "place of the footer out of range");
	return true;
}

/* The footer's bytes, kept in memory as long as the segment. */
static const uint8 *
keep_footer(SiSegment *seg, uint64 footer, uint32 len, SiSegmentError *err)
{
	if (footer >= seg->resident_offset)
		return seg->resident + (footer - seg->resident_offset);
	seg->footer = si_seg_alloc(seg, len + SI_SLACK);
	if (!seg->src.read(seg->src.arg, footer, seg->footer, len))
	{
		si_fail(err, footer, "could not read the footer of %u bytes", len);
		return NULL;
	}
	return seg->footer;
}

/* Makes the end of the file resident: all of it when it is small or memory. */
static bool
read_tail(SiSegment *seg, SiSegmentError *err)
{
	uint64		size = seg->src.size;
	uint64		len = Min(size, TAIL_BYTES);

	if (seg->src.read == memory_read)
	{
		seg->resident = seg->src.arg;
		seg->resident_offset = 0;
		return true;
	}
	seg->tail = si_seg_alloc(seg, len + SI_SLACK);
	if (!seg->src.read(seg->src.arg, size - len, seg->tail, len))
		return si_fail(err, size - len, "could not read the last " UINT64_FORMAT " bytes", len);
	seg->resident = seg->tail;
	seg->resident_offset = size - len;
	return true;
}

static bool
open_parts(SiSegment *seg, const uint8 *install, SiSegmentError *err)
{
	const uint8 *bytes;
	uint64		footer = 0;
	uint32		footer_len = 0;
	uint32		footer_crc = 0;

	if (!read_tail(seg, err))
		return false;
	bytes = si_seg_fetch(seg, 0, SI_HEADER_SIZE, err);
	if (bytes == NULL || !parse_header(seg, bytes, install, err))
		return false;
	bytes = si_seg_fetch(seg, seg->src.size - SI_TRAILER_SIZE, SI_TRAILER_SIZE, err);
	if (bytes == NULL || !parse_trailer(seg, bytes, &footer, &footer_len, &footer_crc, err))
		return false;
	bytes = keep_footer(seg, footer, footer_len, err);
	if (bytes == NULL)
		return false;
	if (!si_crc_is(bytes, footer_len, footer_crc))
		return si_fail(err, footer, "wrong checksum of the footer");
	return si_directory_parse(seg, bytes, footer_len, footer, err);
}

SiSegment *
si_segment_open(const SiByteSource *src, const uint8 *install, SiSegmentError *err)
{
	SiSegment  *seg;

	if (src->size < SI_HEADER_SIZE + SI_TRAILER_SIZE)
	{
		si_fail(err, src->size, "file of " UINT64_FORMAT " bytes is too short for a chunk", src->size);
		return NULL;
	}
	seg = palloc0(sizeof(SiSegment));
	seg->src = *src;
#ifndef FRONTEND
	seg->context = CurrentMemoryContext;
#endif
	if (!open_parts(seg, install, err))
	{
		si_segment_close(seg);
		return NULL;
	}
	return seg;
}

void
si_segment_close(SiSegment *seg)
{
	int			i;

	for (i = 0; seg->columns && i < seg->ncolumns; i++)
	{
		SiSegColumn *col = &seg->columns[i];

		si_dict_unload(col);
		si_bitmaps_unload(col);
		si_seg_unload_index(col);
	}
	if (seg->columns)
		pfree(seg->columns);
	if (seg->decoder)
		pfree(seg->decoder);
	if (seg->tail)
		pfree(seg->tail);
	if (seg->footer)
		pfree(seg->footer);
	si_buf_free(&seg->stored);
	pfree(seg);
}

/* ----------------------------------------------------------- what it has */

uint32
si_segment_rows(const SiSegment *seg)
{
	return seg->nrows;
}

int
si_segment_blocks(const SiSegment *seg)
{
	return seg->nblocks;
}

uint32
si_segment_block_rows(const SiSegment *seg, int block)
{
	return Min(seg->nrows - (uint32) block * SI_BLOCK_ROWS, SI_BLOCK_ROWS);
}

int
si_segment_columns(const SiSegment *seg)
{
	return seg->ncolumns;
}

bool
si_segment_sorted_rows(const SiSegment *seg)
{
	return seg->sorted_rows;
}

void
si_segment_interval(const SiSegment *seg, int64 *start, int64 *end)
{
	*start = seg->interval_start;
	*end = seg->interval_end;
}

const SiColumnInfo *
si_segment_column(const SiSegment *seg, int col)
{
	return &seg->columns[col].info;
}

int
si_segment_find_column(const SiSegment *seg, const char *name)
{
	int			i;

	for (i = 0; i < seg->ncolumns; i++)
		if (strcmp(seg->columns[i].info.desc.name, name) == 0)
			return i;
	return -1;
}

/* ----------------------------------------------------------- block index */

/* One record of the index; why when it cannot be true. */
static const char *
parse_index_record(const uint8 *r, const SiSegColumn *col, uint32 rows, SiColumnStats *st, uint32 *len)
{
	uint32		word = si_load32(r + 4);

	*len = si_load32(r);
	st->null_count = word & SI_INDEX_NULLS;
	st->has_minmax = (word & SI_INDEX_MINMAX) != 0;
	st->has_sum = (word & SI_INDEX_SUM) != 0;
	memcpy(&st->min, r + 8, 8);
	memcpy(&st->max, r + 16, 8);
	memcpy(&st->sum, r + 24, 8);
	if (*len > SI_MAX_BLOCK)
		return "block too long";
	if (st->null_count > rows)
		return "number of nulls out of range";
	if (col->info.desc.type != SI_TYPE_STRING && st->has_minmax != (st->null_count < rows))
		return "min and max do not fit the number of nulls";
	return NULL;
}

bool
si_seg_load_index(SiSegment *seg, SiSegColumn *col, SiSegmentError *err)
{
	SiColumnStats *stats;
	uint64	   *offset;
	const uint8 *p = NULL;
	uint64		nulls = 0;
	uint64		at = col->data_offset;
	const char *why = NULL;
	int			b;

	if (col->block_offset)
		return true;
	if (seg->nblocks > 1)
	{
		p = si_seg_fetch(seg, col->index_offset, col->index_len, err);
		if (p == NULL)
			return false;
		if (!si_crc_ok(p, col->index_len))
			return si_fail(err, col->index_offset, "wrong checksum of the block index of column \"%.64s\"",
						   col->info.desc.name);
	}
	stats = si_seg_alloc(seg, sizeof(SiColumnStats) * (seg->nblocks + 1));
	offset = si_seg_alloc(seg, sizeof(uint64) * (seg->nblocks + 1));
	if (seg->nblocks == 1)
	{
		stats[0] = col->info.stats;
		offset[0] = at;
		at += col->data_len;
		nulls = stats[0].null_count;
	}
	else
		for (b = 0; b < seg->nblocks && why == NULL; b++, p += SI_INDEX_RECORD)
		{
			uint32		len;

			why = parse_index_record(p, col, si_segment_block_rows(seg, b), &stats[b], &len);
			offset[b] = at;
			at += len;
			nulls += stats[b].null_count;
		}
	offset[seg->nblocks] = at;
	if (why == NULL && at != col->data_offset + col->data_len)
		why = "lengths of the blocks do not add up";
	if (why == NULL && nulls != col->info.stats.null_count)
		why = "numbers of nulls do not add up";
	if (why)
	{
		pfree(stats);
		pfree(offset);
		return si_fail(err, col->index_offset, "block index of column \"%.64s\": %s",
					   col->info.desc.name, why);
	}
	col->block_stats = stats;
	col->block_offset = offset;
	return true;
}

void
si_seg_unload_index(SiSegColumn *col)
{
	if (col->block_stats)
		pfree(col->block_stats);
	if (col->block_offset)
		pfree(col->block_offset);
	col->block_stats = NULL;
	col->block_offset = NULL;
}

const SiColumnStats *
si_segment_block_stats(SiSegment *seg, int col, int block, SiSegmentError *err)
{
	if (seg->nblocks == 1)
		return &seg->columns[col].info.stats;
	if (!si_seg_load_index(seg, &seg->columns[col], err))
		return NULL;
	return &seg->columns[col].block_stats[block];
}

/* ------------------------------------------------- dictionaries and blocks */

const SiDict *
si_segment_dict(SiSegment *seg, int col, SiSegmentError *err)
{
	SiSegColumn *c = &seg->columns[col];

	if (c->info.desc.type != SI_TYPE_STRING)
	{
		si_fail(err, c->data_offset, "column \"%.64s\" has no dictionary", c->info.desc.name);
		return NULL;
	}
	return si_dict_load(seg, c, err) ? &c->dict : NULL;
}

bool
si_segment_read_block(SiSegment *seg, int col, int block, void *out, uint64 *nulls,
					  SiSegmentError *err)
{
	SiSegColumn *c = &seg->columns[col];
	uint32		n = si_segment_block_rows(seg, block);
	uint64		offset = c->data_offset;
	uint64		len = c->data_len;
	const uint8 *data;
	const char *why = NULL;
	bool		ok;

	Assert(block >= 0 && block < seg->nblocks);
	if (seg->nblocks > 1)
	{
		if (!si_seg_load_index(seg, c, err))
			return false;
		offset = c->block_offset[block];
		len = c->block_offset[block + 1] - offset;
	}
	data = si_seg_fetch(seg, offset, len, err);
	if (data == NULL)
		return false;
	if (c->info.desc.type == SI_TYPE_STRING)
	{
		ok = si_decode_codes(si_seg_decoder(seg), data, len, n, c->info.distinct, out, &why);
		if (ok && nulls)
		{
			const uint32 *codes = out;
			uint32		i;

			memset(nulls, 0, SI_NULL_BYTES);
			for (i = 0; i < n; i++)
				nulls[i >> 6] |= (uint64) (codes[i] == 0) << (i & 63);
		}
	}
	else
		ok = si_decode_values(si_seg_decoder(seg), data, len, n, c->info.desc.type, out, nulls, &why);
	if (!ok)
		return si_fail(err, offset, "column \"%.64s\", block %d: %s", c->info.desc.name, block, why);
	return true;
}
