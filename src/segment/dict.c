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

static void
put_piece(SiBuf *out, SiCodec codec, const char *data, uint32 len, bool fast)
{
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
		return;
	}
	p = si_put_varint(head, (uint64) len << 2 | SI_CODEC_NONE);
	out->len = (char *) p - out->data;
	si_buf_put(out, data, len);
	si_buf_crc(out, out->len - len);
}

static bool
put_lengths(SiBuf *out, SiEncoder *e, const SiDict *dict, const uint32 *order,
			uint64 *raw_bytes, SiSegmentError *err)
{
	SiBuf		block = {0};
	uint32		lengths[SI_BLOCK_ROWS];
	uint32		first;

	*raw_bytes = 0;
	for (first = 0; first < dict->count; first += SI_BLOCK_ROWS)
	{
		uint32		n = Min(dict->count - first, SI_BLOCK_ROWS);
		SiColumnStats ignored;
		uint32		i;

		for (i = 0; i < n; i++)
		{
			uint32		entry = order ? order[first + i] : first + i;
			uint64		len = dict->offsets[entry + 1] - dict->offsets[entry];

			if (len > SI_MAX_ENTRY)
			{
				si_buf_free(&block);
				return si_fail(err, 0, "a string of " UINT64_FORMAT " bytes is too long for a chunk", len);
			}
			lengths[i] = (uint32) len;
			*raw_bytes += len;
		}
		block.len = 0;
		si_encode_codes(&block, e, lengths, n, &ignored);
		si_buf_varint(out, block.len);
		si_buf_put(out, block.data, block.len);
	}
	si_buf_free(&block);
	if (*raw_bytes > SI_MAX_DICT_BYTES)
		return si_fail(err, 0, "a dictionary of " UINT64_FORMAT " bytes is too large for a chunk", *raw_bytes);
	return true;
}

/* The bytes of all entries in a given order, gathered piece by piece. */
static void
put_ordered_bytes(SiBuf *out, SiCodec codec, const SiDict *dict, const uint32 *order, bool fast)
{
	char	   *piece = si_alloc(SI_PIECE_BYTES);
	uint32		used = 0;
	uint32		i;

	for (i = 0; i < dict->count; i++)
	{
		uint64		from = dict->offsets[order[i]];
		uint64		end = dict->offsets[order[i] + 1];

		while (from < end)
		{
			uint32		n = (uint32) Min(end - from, (uint64) (SI_PIECE_BYTES - used));

			memcpy(piece + used, dict->bytes + from, n);
			used += n;
			from += n;
			if (used == SI_PIECE_BYTES)
			{
				put_piece(out, codec, piece, used, fast);
				used = 0;
			}
		}
	}
	if (used > 0)
		put_piece(out, codec, piece, used, fast);
	pfree(piece);
}

bool
si_dict_write(SiBuf *out, SiEncoder *e, const SiDict *dict, const uint32 *order, bool fast,
			  uint64 *raw_bytes, SiSegmentError *err)
{
	uint64		from;
	uint64		end;

	*raw_bytes = 0;
	if (dict->count == 0)
		return true;
	if (!put_lengths(out, e, dict, order, raw_bytes, err))
		return false;
	if (order)
	{
		put_ordered_bytes(out, e->codec, dict, order, fast);
		return true;
	}
	end = dict->offsets[dict->count];
	for (from = dict->offsets[0]; from < end; from += SI_PIECE_BYTES)
		put_piece(out, e->codec, dict->bytes + from, (uint32) Min(end - from, SI_PIECE_BYTES), fast);
	return true;
}

/* --------------------------------------------------------------- loading */

static bool
load_lengths(SiSegment *seg, SiSegColumn *col, SiCursor *c, const uint8 *start, uint64 *offsets,
			 SiSegmentError *err)
{
	SiDecoder  *d = si_seg_decoder(seg);
	uint32		count = col->info.distinct;
	uint32		lengths[SI_BLOCK_ROWS];
	uint64		total = 0;
	uint32		first;

	for (first = 0; first < count; first += SI_BLOCK_ROWS)
	{
		uint32		n = Min(count - first, SI_BLOCK_ROWS);
		uint64		len = si_cur_varint(c);
		const uint8 *block = si_cur_bytes(c, len);
		const char *why;
		uint32		i;

		if (block == NULL)
			return si_fail(err, col->dict_offset, "dictionary of column \"%.64s\" ends early",
						   col->info.desc.name);
		if (!si_decode_codes(d, block, len, n, (uint32) SI_MAX_ENTRY, lengths, &why))
			return si_fail(err, col->dict_offset + (block - start),
						   "dictionary of column \"%.64s\": %s", col->info.desc.name, why);
		for (i = 0; i < n; i++)
		{
			offsets[first + i] = total;
			total += lengths[i];
		}
		if (total > col->raw_bytes)
			break;
	}
	offsets[count] = total;
	if (total != col->raw_bytes)
		return si_fail(err, col->dict_offset,
					   "entries of the dictionary of column \"%.64s\" do not add up to its size",
					   col->info.desc.name);
	return true;
}

static bool
load_bytes(SiSegColumn *col, SiCursor *c, const uint8 *start, char *bytes, SiSegmentError *err)
{
	uint64		done = 0;

	while (done < col->raw_bytes)
	{
		uint32		raw = (uint32) Min(col->raw_bytes - done, SI_PIECE_BYTES);
		uint64		offset = col->dict_offset + (c->p - start);
		uint64		head = si_cur_varint(c);
		const uint8 *stored = si_cur_bytes(c, head >> 2);
		const uint8 *crc = si_cur_bytes(c, SI_CRC_SIZE);
		int			len = (int) (head >> 2);
		SiCodec		codec = (SiCodec) (head & 3);
		bool		ok;

		if (crc == NULL || head >> 2 > SI_PIECE_BYTES)
			return si_fail(err, offset, "dictionary of column \"%.64s\" ends early",
						   col->info.desc.name);
		if (!si_crc_ok(stored, (size_t) len + SI_CRC_SIZE))
			return si_fail(err, offset, "wrong checksum in the dictionary of column \"%.64s\"",
						   col->info.desc.name);
		if (codec == SI_CODEC_NONE)
			ok = len == raw;
		else
			ok = si_decompress(codec, stored, len, bytes + done, raw);
		if (!ok)
			return si_fail(err, offset, "dictionary of column \"%.64s\" is corrupt",
						   col->info.desc.name);
		if (codec == SI_CODEC_NONE)
			memcpy(bytes + done, stored, raw);
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
