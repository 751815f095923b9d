/*
 * dict.c
 *		Dictionary sections: writing them in any order of entries, loading
 *		them whole, and sorting entries.
 */
#include "common/port.h"


#include "segment/segment_int.h"

/* Pieces shorter than this are not worth a compression attempt. */
#define MIN_PIECE		192

/* LZ4's speed knob for deltas, which live for minutes. */
#define LZ4_FAST			8

/* A stored buffer larger than this is given back after a load. */
#define STORED_KEEP			(1024 * 1024)

/* --------------------------------------------------------------- sorting */

/*
 * Entries are sorted by eight bytes at a time, kept beside the entry's number
 * so that comparing touches no string; runs equal in these go on with the
 * next eight.  Short runs, and strings equal for very long, compare bytes.
 */
#define SMALL_RUN		12
#define DEEPEST			64

typedef struct SortEntry
{
	uint64		prefix;			/* eight bytes, big-endian, 0 beyond the end */
	uint32		entry;
	uint32		left;			/* bytes from the prefix on, 9 when more than 8 */
} SortEntry;

#define ST_SORT sort_prefixes
#define ST_ELEMENT_TYPE SortEntry
#define ST_COMPARE(a, b) \
	((a)->prefix != (b)->prefix ? ((a)->prefix < (b)->prefix ? -1 : 1) : \
	 (int) (a)->left - (int) (b)->left)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static inline int
compare_entries(const SortEntry *a, const SortEntry *b, const SiDict *dict)
{
	uint64		la = dict->offsets[a->entry + 1] - dict->offsets[a->entry];
	uint64		lb = dict->offsets[b->entry + 1] - dict->offsets[b->entry];
	int			r = memcmp(dict->bytes + dict->offsets[a->entry], dict->bytes + dict->offsets[b->entry],
						   Min(la, lb));

	if (r != 0)
		return r;
	return la < lb ? -1 : la > lb;
}

#define ST_SORT sort_bytes
#define ST_ELEMENT_TYPE SortEntry
#define ST_COMPARE(a, b, dict) compare_entries(a, b, dict)
#define ST_COMPARE_ARG_TYPE const SiDict
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Loads the eight bytes of an entry at a depth that it reaches. */
static inline void
load_prefix(SortEntry *e, const SiDict *dict, uint64 depth)
{
	uint64		from = dict->offsets[e->entry] + depth;
	uint64		left = dict->offsets[e->entry + 1] - from;
	uint64		v = 0;

	if (left >= 8)
		v = si_load64(dict->bytes + from);
	else if (left > 0)
		memcpy(&v, dict->bytes + from, left);
	e->prefix = __builtin_bswap64(v);
	e->left = (uint32) Min(left, 9);
}

/* Sorts n entries that are equal in depth bytes and all reach beyond them. */
static void
sort_from_depth(SortEntry *e, uint32 n, const SiDict *dict, int level)
{
	uint32		first = 0;
	uint32		i;

	for (i = 0; i < n; i++)
		load_prefix(&e[i], dict, (uint64) level * 8);
	sort_prefixes(e, n);
	while (first < n)
	{
		uint32		run = first + 1;

		if (e[first].left == 9)
			while (run < n && e[run].prefix == e[first].prefix && e[run].left == 9)
				run++;
		if (run - first > SMALL_RUN && level < DEEPEST)
			sort_from_depth(e + first, run - first, dict, level + 1);
		else if (run - first > 1)
			sort_bytes(e + first, run - first, dict);
		first = run;
	}
}

uint32 *
si_dict_order(const SiDict *dict)
{
	SortEntry  *sorted = si_alloc(sizeof(SortEntry) * ((size_t) dict->count + 1));
	uint32	   *order = si_alloc(sizeof(uint32) * ((size_t) dict->count + 1));
	uint32		i;

	for (i = 0; i < dict->count; i++)
		sorted[i].entry = i;
	sort_from_depth(sorted, dict->count, dict, 0);
	for (i = 0; i < dict->count; i++)
		order[i] = sorted[i].entry;
	pfree(sorted);
	return order;
}

/* --------------------------------------------------------------- writing */

bool
si_dict_put_piece(SiOut *o, SiCodec codec, const char *data, uint32 len, bool fast)
{
	SiBuf	   *out = &o->buf;
	uint8	   *head;
	uint8	   *p;
	size_t		got = 0;

	si_buf_reserve(out, SI_VARINT_MAX + SI_PIECE_BYTES + SI_CRC_SIZE);
	head = (uint8 *) out->data + out->len;
	/* the varint of a compressed length has 3 bytes at most */
	if (len >= MIN_PIECE)
		got = si_compress(codec, data, len, head + 3, len - len / 16, fast ? LZ4_FAST : 1);
	if (got > 0)
	{
		uint32		crc = si_crc(head + 3, got);

		p = si_put_varint(head, (uint64) got << 2 | codec);
		memmove(p, head + 3, got);
		memcpy(p + got, &crc, sizeof(crc));
		out->len = (char *) p + got + sizeof(crc) - out->data;
		return si_out_room(o);
	}
	p = si_put_varint(head, (uint64) len << 2 | SI_CODEC_NONE);
	out->len = (char *) p - out->data;
	si_buf_put(out, data, len);
	si_buf_crc(out, out->len - len);
	return si_out_room(o);
}

bool
si_dict_put_lengths(SiOut *out, SiEncoder *e, const uint32 *lengths, uint32 n)
{
	SiBuf		block = {0};
	SiColumnStats ignored;

	si_encode_codes(&block, e, lengths, n, &ignored);
	si_buf_varint(&out->buf, block.len);
	si_buf_put(&out->buf, block.data, block.len);
	si_buf_free(&block);
	return si_out_room(out);
}

static bool
put_all_lengths(SiOut *out, SiEncoder *e, const SiDict *dict, const uint32 *order, uint64 *raw_bytes)
{
	uint32		lengths[SI_BLOCK_ROWS];
	uint32		first;

	for (first = 0; first < dict->count; first += SI_BLOCK_ROWS)
	{
		uint32		n = Min(dict->count - first, SI_BLOCK_ROWS);
		uint32		i;

		for (i = 0; i < n; i++)
		{
			uint32		entry = order ? order[first + i] : first + i;
			uint64		len = dict->offsets[entry + 1] - dict->offsets[entry];

			if (len > SI_MAX_ENTRY)
				return si_fail(out->err, 0, "a string of " UINT64_FORMAT " bytes is too long for a chunk", len);
			lengths[i] = (uint32) len;
			*raw_bytes += len;
		}
		if (!si_dict_put_lengths(out, e, lengths, n))
			return false;
		if (dict->count - first <= SI_BLOCK_ROWS)
			break;
	}
	if (*raw_bytes > SI_MAX_DICT_BYTES)
		return si_fail(out->err, 0, "a dictionary of " UINT64_FORMAT " bytes is too large for a chunk", *raw_bytes);
	return true;
}

/* The bytes of all entries in a given order, gathered piece by piece. */
static bool
put_ordered_bytes(SiOut *out, SiCodec codec, const SiDict *dict, const uint32 *order, bool fast)
{
	char	   *piece = si_alloc(SI_PIECE_BYTES);
	uint32		used = 0;
	bool		ok = true;
	uint32		i;

	for (i = 0; i < dict->count && ok; i++)
	{
		uint64		from = dict->offsets[order[i]];
		uint64		end = dict->offsets[order[i] + 1];

		while (from < end && ok)
		{
			uint32		n = (uint32) Min(end - from, (uint64) (SI_PIECE_BYTES - used));

			memcpy(piece + used, dict->bytes + from, n);
			used += n;
			from += n;
			if (used == SI_PIECE_BYTES)
			{
				ok = si_dict_put_piece(out, codec, piece, used, fast);
				used = 0;
			}
		}
	}
	if (used > 0 && ok)
		ok = si_dict_put_piece(out, codec, piece, used, fast);
	pfree(piece);
	return ok;
}

bool
si_dict_write(SiOut *out, SiEncoder *e, const SiDict *dict, const uint32 *order, bool fast,
			  uint64 *raw_bytes)
{
	uint64		from;
	uint64		end;

	*raw_bytes = 0;
	if (dict->count == 0)
		return true;
	if (!put_all_lengths(out, e, dict, order, raw_bytes))
		return false;
	if (order)
		return put_ordered_bytes(out, e->codec, dict, order, fast);
	end = dict->offsets[dict->count];
	for (from = dict->offsets[0]; from < end; from += SI_PIECE_BYTES)
		if (!si_dict_put_piece(out, e->codec, dict->bytes + from, (uint32) Min(end - from, SI_PIECE_BYTES), fast))
			return false;
	return true;
}

/* --------------------------------------------------------------- loading */

static bool
ends_early(const SiSegColumn *col, uint64 offset, SiSegmentError *err)
{
	return si_fail(err, offset, "dictionary of column \"%.64s\" ends early", col->info.desc.name);
}

static bool
wrong_size(const SiSegColumn *col, SiSegmentError *err)
{
	return si_fail(err, col->dict_offset, "entries of the dictionary of column \"%.64s\" do not add up to its size",
				   col->info.desc.name);
}

/* The lengths of n entries; c is at the block, start where offset is in memory. */
static bool
read_lengths(SiSegment *seg, SiSegColumn *col, SiCursor *c, const uint8 *start, uint64 offset, uint32 n,
			 uint32 *lengths, SiSegmentError *err)
{
	uint64		len = si_cur_varint(c);
	const uint8 *block = si_cur_bytes(c, len);
	const char *why;

	if (block == NULL)
		return ends_early(col, offset, err);
	if (!si_decode_codes(si_seg_decoder(seg), block, len, n, (uint32) SI_MAX_ENTRY, lengths, &why))
		return si_fail(err, offset + (block - start), "dictionary of column \"%.64s\": %s", col->info.desc.name, why);
	return true;
}

/* One piece of raw bytes into to; c is at it, start where offset is in memory. */
static bool
read_piece(const SiSegColumn *col, SiCursor *c, const uint8 *start, uint64 offset, uint32 raw, char *to,
		   SiSegmentError *err)
{
	uint64		at = offset + (c->p - start);
	uint64		head = si_cur_varint(c);
	const uint8 *stored = si_cur_bytes(c, head >> 2);
	const uint8 *crc = si_cur_bytes(c, SI_CRC_SIZE);
	size_t		len = head >> 2;
	SiCodec		codec = (SiCodec) (head & 3);

	if (crc == NULL || len > SI_PIECE_BYTES)
		return ends_early(col, at, err);
	if (!si_crc_ok(stored, len + SI_CRC_SIZE))
		return si_fail(err, at, "wrong checksum in the dictionary of column \"%.64s\"", col->info.desc.name);
	if (codec == SI_CODEC_NONE ? len != raw : !si_decompress(codec, stored, len, to, raw))
		return si_fail(err, at, "dictionary of column \"%.64s\" is corrupt", col->info.desc.name);
	if (codec == SI_CODEC_NONE)
		memcpy(to, stored, raw);
	return true;
}

static bool
load_lengths(SiSegment *seg, SiSegColumn *col, SiCursor *c, const uint8 *start, uint64 *offsets,
			 SiSegmentError *err)
{
	uint32		count = col->info.distinct;
	uint32		lengths[SI_BLOCK_ROWS];
	uint64		total = 0;
	uint32		first;

	for (first = 0; first < count; first += SI_BLOCK_ROWS)
	{
		uint32		n = Min(count - first, SI_BLOCK_ROWS);
		uint32		i;

		if (!read_lengths(seg, col, c, start, col->dict_offset, n, lengths, err))
			return false;
		for (i = 0; i < n; i++)
		{
			offsets[first + i] = total;
			total += lengths[i];
		}
		if (total > col->raw_bytes || count - first <= SI_BLOCK_ROWS)
			break;
	}
	offsets[count] = total;
	return total == col->raw_bytes || wrong_size(col, err);
}

static bool
load_bytes(SiSegColumn *col, SiCursor *c, const uint8 *start, char *bytes, SiSegmentError *err)
{
	uint64		done = 0;

	while (done < col->raw_bytes)
	{
		uint32		raw = (uint32) Min(col->raw_bytes - done, SI_PIECE_BYTES);

		if (!read_piece(col, c, start, col->dict_offset, raw, bytes + done, err))
			return false;
		done += raw;
	}
	if (c->bad || c->p != c->end)
		return si_fail(err, col->dict_offset, "dictionary of column \"%.64s\" has bytes left over",
					   col->info.desc.name);
	return true;
}

bool
si_dict_load(SiSegment *seg, SiSegColumn *col, SiSegmentError *err)
{
	uint64	   *offsets;
	char	   *bytes;
	const uint8 *start;
	SiCursor	c;
	bool		ok;

	if (col->dict_loaded)
		return true;
	start = si_seg_fetch(seg, col->dict_offset, col->dict_len, err);
	if (start == NULL)
		return false;
	c.p = start;
	c.end = start + col->dict_len;
	c.bad = false;
	offsets = si_seg_alloc(seg, sizeof(uint64) * ((size_t) col->info.distinct + 1));
	bytes = si_seg_alloc(seg, col->raw_bytes + SI_SLACK);
	ok = load_lengths(seg, col, &c, start, offsets, err) &&
		load_bytes(col, &c, start, bytes, err);
	if (seg->stored.cap > STORED_KEEP)
		si_buf_free(&seg->stored);
	if (!ok)
	{
		pfree(offsets);
		pfree(bytes);
		return false;
	}
	col->dict.count = col->info.distinct;
	col->dict.sorted = col->info.dict_sorted;
	col->dict.bytes = bytes;
	col->dict.offsets = offsets;
	col->dict_loaded = true;
	return true;
}

void
si_dict_unload(SiSegColumn *col)
{
	if (!col->dict_loaded)
		return;
	pfree((void *) col->dict.offsets);
	pfree((void *) col->dict.bytes);
	memset(&col->dict, 0, sizeof(col->dict));
	col->dict_loaded = false;
}

/* ---------------------------------------------------------------- cursors */

/* Up to most bytes of the section at an offset, as a cursor. */
static bool
fetch_part(SiDictCursor *c, uint64 at, uint64 most, SiCursor *cur, const uint8 **start, SiSegmentError *err)
{
	uint64		end = c->col->dict_offset + c->col->dict_len;
	uint64		len = Min(end - at, most);

	*start = si_seg_fetch(c->seg, at, len, err);
	cur->p = *start;
	cur->end = *start + len;
	cur->bad = false;
	return *start != NULL;
}

/* The pieces begin behind the lengths. */
static bool
find_pieces(SiDictCursor *c, SiSegmentError *err)
{
	uint64		at = c->lengths_at;

	for (uint64 first = 0; first < c->col->info.distinct; first += SI_BLOCK_ROWS)
	{
		SiCursor	cur;
		const uint8 *start;
		uint64		len;

		if (!fetch_part(c, at, SI_VARINT_MAX, &cur, &start, err))
			return false;
		len = si_cur_varint(&cur);
		at += cur.p - start;
		if (cur.bad || len > c->col->dict_offset + c->col->dict_len - at)
			return ends_early(c->col, at, err);
		at += len;
	}
	c->piece_at = at;
	return true;
}

bool
si_dict_cursor_open(SiDictCursor *c, SiSegment *seg, SiSegColumn *col, SiSegmentError *err)
{
	memset(c, 0, offsetof(SiDictCursor, lengths));
	c->seg = seg;
	c->col = col;
	c->lengths_at = col->dict_offset;
	c->p = NULL;
	c->len = 0;
	c->piece = si_alloc(SI_PIECE_BYTES);
	return find_pieces(c, err);
}

static bool
next_lengths(SiDictCursor *c, SiSegmentError *err)
{
	uint32		n = Min(c->col->info.distinct - c->next, SI_BLOCK_ROWS);
	SiCursor	cur;
	const uint8 *start;

	if (!fetch_part(c, c->lengths_at, SI_MAX_BLOCK + SI_VARINT_MAX, &cur, &start, err) ||
		!read_lengths(c->seg, c->col, &cur, start, c->lengths_at, n, c->lengths, err))
		return false;
	c->lengths_at += cur.p - start;
	return true;
}

static bool
next_piece(SiDictCursor *c, SiSegmentError *err)
{
	SiCursor	cur;
	const uint8 *start;

	c->piece_len = (uint32) Min(c->col->raw_bytes - c->raw_read, SI_PIECE_BYTES);
	if (!fetch_part(c, c->piece_at, SI_PIECE_BYTES + SI_VARINT_MAX + SI_CRC_SIZE, &cur, &start, err) ||
		!read_piece(c->col, &cur, start, c->piece_at, c->piece_len, c->piece, err))
		return false;
	c->piece_at += cur.p - start;
	c->raw_read += c->piece_len;
	c->piece_pos = 0;
	return true;
}

bool
si_dict_cursor_next(SiDictCursor *c, bool *end, SiSegmentError *err)
{
	uint32		len;

	*end = c->next == c->col->info.distinct;
	if (*end)
	{
		/* as a load of the whole would find */
		if (c->raw_used != c->col->raw_bytes)
			*end = wrong_size(c->col, err);
		return false;
	}
	if (c->next % SI_BLOCK_ROWS == 0 && !next_lengths(c, err))
		return false;
	len = c->len = c->lengths[c->next++ % SI_BLOCK_ROWS];
	c->raw_used += len;
	if (c->raw_used > c->col->raw_bytes)
		return wrong_size(c->col, err);
	if (len > c->piece_len - c->piece_pos)
	{
		c->joined.len = 0;
		while (len > 0)
		{
			uint32		n;

			if (c->piece_pos == c->piece_len && !next_piece(c, err))
				return false;
			n = Min(len, c->piece_len - c->piece_pos);
			si_buf_put(&c->joined, c->piece + c->piece_pos, n);
			c->piece_pos += n;
			len -= n;
		}
		c->p = c->joined.data;
		return true;
	}
	c->p = c->piece + c->piece_pos;
	c->piece_pos += len;
	return true;
}

void
si_dict_cursor_close(SiDictCursor *c)
{
	if (c->piece)
		pfree(c->piece);
	si_buf_free(&c->joined);
	c->piece = NULL;
}
