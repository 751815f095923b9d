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

/* Appends a piece; it is not stored in less than len / most_ratio bytes. */
static bool
put_piece(SiOut *o, SiCodec codec, const char *data, uint32 len, bool fast, uint32 most_ratio)
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
	if (got > 0 && got >= len / most_ratio)
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

/* What bounds no piece: neither codec goes beyond it. */
#define ANY_RATIO	256

static bool
put_lengths(SiOut *out, SiEncoder *e, const uint32 *lengths, uint32 n)
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
check_length(SiOut *out, uint64 len)
{
	return len <= SI_MAX_ENTRY ||
		si_fail(out->err, 0, "a string of " UINT64_FORMAT " bytes is too long for a chunk", len);
}

static bool
check_size(SiOut *out, uint64 raw_bytes)
{
	return raw_bytes <= SI_MAX_DICT_BYTES ||
		si_fail(out->err, 0, "a dictionary of " UINT64_FORMAT " bytes is too large for a chunk", raw_bytes);
}

/* The lengths of entries in the order of insertion. */
static bool
put_all_lengths(SiOut *out, SiEncoder *e, const SiDict *dict, uint64 *raw_bytes)
{
	uint32		lengths[SI_BLOCK_ROWS];
	uint32		first;

	for (first = 0; first < dict->count; first += SI_BLOCK_ROWS)
	{
		uint32		n = Min(dict->count - first, SI_BLOCK_ROWS);
		uint32		i;

		for (i = 0; i < n; i++)
		{
			uint64		len = dict->offsets[first + i + 1] - dict->offsets[first + i];

			if (!check_length(out, len))
				return false;
			lengths[i] = (uint32) len;
			*raw_bytes += len;
		}
		if (!put_lengths(out, e, lengths, n))
			return false;
		if (dict->count - first <= SI_BLOCK_ROWS)
			break;
	}
	return check_size(out, *raw_bytes);
}

/* How many bytes two strings have in common at their beginning. */
static inline uint32
common_bytes(const char *a, uint64 la, const char *b, uint64 lb)
{
	uint64		most = Min(la, lb);
	uint64		n = 0;

	while (n + 8 <= most)
	{
		uint64		differ = si_load64(a + n) ^ si_load64(b + n);

		if (differ != 0)
			return (uint32) (n + __builtin_ctzll(differ) / 8);
		n += 8;
	}
	while (n < most && a[n] == b[n])
		n++;
	return (uint32) n;
}

/* The entries of a group so far. */
typedef struct Sharing
{
	const char *last;
	uint64		last_len;
	uint64		raw;			/* bytes of the entries */
	uint64		kept;			/* without what is shared */
} Sharing;

/*
 * Bytes of the next entry that are not stored, being those of the one before:
 * as many as leave a 16th of all.
 */
static inline uint32
share(Sharing *s, const char *p, uint64 len)
{
	uint64		shared = s->last ? common_bytes(s->last, s->last_len, p, len) : 0;
	uint64		least;

	s->raw += len;
	least = (s->raw + SI_FRONT_RATIO - 1) / SI_FRONT_RATIO;
	if (s->kept + len - shared < least)
		shared = s->kept + len > least ? s->kept + len - least : 0;
	s->kept += len - shared;
	s->last = p;
	s->last_len = len;
	return (uint32) shared;
}

/* A sorted dictionary while it is written. */
typedef struct SortedWriter
{
	SiOut	   *out;
	const SiEntrySource *src;
	uint32		count;
	bool	   *front;			/* per group of entries */
	bool		any_front;
	uint64		stored;			/* bytes of all pieces before compression */
	uint32		lengths[SI_BLOCK_ROWS];
	uint32		shared[SI_BLOCK_ROWS];
} SortedWriter;

/*
 * Lengths of a group, and what its entries share with those before them when
 * that saves enough: an entry's number takes about a byte.
 */
static bool
put_group(SortedWriter *w, SiEncoder *e, uint32 first, uint32 n, uint64 *raw_bytes)
{
	Sharing		s = {0};
	bool		front;

	for (uint32 i = 0; i < n; i++)
	{
		const char *p;
		uint64		len;

		if (!w->src->next(w->src->arg, first + i, &p, &len) || !check_length(w->out, len))
			return false;
		w->lengths[i] = (uint32) len;
		w->shared[i] = share(&s, p, len);
	}
	front = s.raw - s.kept > n + s.raw / 16;
	w->front[first / SI_BLOCK_ROWS] = front;
	w->any_front |= front;
	w->stored += front ? s.kept : s.raw;
	*raw_bytes += s.raw;
	if (!put_lengths(w->out, e, w->lengths, n))
		return false;
	if (front)
		return put_lengths(w->out, e, w->shared, n);
	si_buf_varint(&w->out->buf, 0);
	return true;
}

/* The bytes of all entries, without those that are shared. */
static bool
put_bytes(SortedWriter *w, SiCodec codec, bool fast)
{
	char	   *piece = si_alloc(SI_PIECE_BYTES);
	uint32		most_ratio = w->any_front ? SI_FRONT_RATIO : ANY_RATIO;
	uint32		used = 0;
	Sharing		s = {0};
	bool		ok = true;

	for (uint32 i = 0; i < w->count && ok; i++)
	{
		const char *p;
		uint64		len = 0;
		uint64		from = 0;

		if (i % SI_BLOCK_ROWS == 0)
			memset(&s, 0, sizeof(s));
		ok = w->src->next(w->src->arg, i, &p, &len);
		if (ok && w->front[i / SI_BLOCK_ROWS])
			from = share(&s, p, len);
		while (ok && from < len)
		{
			uint32		n = (uint32) Min(len - from, (uint64) (SI_PIECE_BYTES - used));

			memcpy(piece + used, p + from, n);
			used += n;
			from += n;
			if (used == SI_PIECE_BYTES)
			{
				ok = put_piece(w->out, codec, piece, used, fast, most_ratio);
				used = 0;
			}
		}
	}
	if (used > 0 && ok)
		ok = put_piece(w->out, codec, piece, used, fast, most_ratio);
	pfree(piece);
	return ok;
}

bool
si_dict_write_sorted(SiOut *out, SiEncoder *e, const SiEntrySource *src, uint32 count, bool fast,
					 uint64 *raw_bytes)
{
	SortedWriter *w;
	bool		ok = true;

	*raw_bytes = 0;
	if (count == 0)
		return true;
	w = palloc(sizeof(SortedWriter));
	w->out = out;
	w->src = src;
	w->count = count;
	w->front = si_alloc0((size_t) count / SI_BLOCK_ROWS + 1);
	w->any_front = false;
	w->stored = 0;
	for (uint64 first = 0; first < count && ok; first += SI_BLOCK_ROWS)
		ok = put_group(w, e, (uint32) first, (uint32) Min(count - first, SI_BLOCK_ROWS), raw_bytes);
	ok = ok && check_size(out, *raw_bytes);
	if (ok)
	{
		si_buf_varint(&out->buf, w->stored);
		ok = put_bytes(w, e->codec, fast);
	}
	pfree(w->front);
	pfree(w);
	return ok;
}

/* Entries in memory, in some order. */
typedef struct DictEntries
{
	const SiDict *dict;
	const uint32 *order;
} DictEntries;

static bool
next_in_memory(void *arg, uint32 number, const char **p, uint64 *len)
{
	const DictEntries *d = arg;
	uint32		entry = d->order ? d->order[number] : number;

	*p = d->dict->bytes + d->dict->offsets[entry];
	*len = d->dict->offsets[entry + 1] - d->dict->offsets[entry];
	return true;
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
	if (order || dict->sorted)
	{
		DictEntries entries = {dict, order};
		SiEntrySource src = {next_in_memory, &entries};

		return si_dict_write_sorted(out, e, &src, dict->count, fast, raw_bytes);
	}
	if (!put_all_lengths(out, e, dict, raw_bytes))
		return false;
	end = dict->offsets[dict->count];
	for (from = dict->offsets[0]; from < end; from += SI_PIECE_BYTES)
		if (!put_piece(out, e->codec, dict->bytes + from, (uint32) Min(end - from, SI_PIECE_BYTES), fast, ANY_RATIO))
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

/* A block of n numbers; c is at it, start where offset is in memory. */
static bool
read_numbers(SiSegment *seg, SiSegColumn *col, SiCursor *c, const uint8 *start, uint64 offset, uint64 len,
			 uint32 n, uint32 *numbers, SiSegmentError *err)
{
	const uint8 *block = si_cur_bytes(c, len);
	const char *why;

	if (block == NULL)
		return ends_early(col, offset, err);
	if (!si_decode_codes(si_seg_decoder(seg), block, len, n, (uint32) SI_MAX_ENTRY, numbers, &why))
		return si_fail(err, offset + (block - start), "dictionary of column \"%.64s\": %s", col->info.desc.name, why);
	return true;
}

/* Whether groups of a dictionary may be front-coded. */
static bool
may_be_front_coded(const SiSegment *seg, const SiSegColumn *col)
{
	return col->info.dict_sorted && seg->version >= 2;
}

/*
 * The lengths of a group of n entries, and how many bytes of each are those
 * of the one before; *front: some may be.
 */
static bool
read_group(SiSegment *seg, SiSegColumn *col, SiCursor *c, const uint8 *start, uint64 offset, uint32 n,
		   uint32 *lengths, uint32 *shared, bool *front, SiSegmentError *err)
{
	uint64		len = si_cur_varint(c);

	*front = false;
	if (!read_numbers(seg, col, c, start, offset, len, n, lengths, err))
		return false;
	if (!may_be_front_coded(seg, col))
		return true;
	len = si_cur_varint(c);
	if (c->bad)
		return ends_early(col, offset, err);
	if (len == 0)
		return true;
	*front = true;
	if (!read_numbers(seg, col, c, start, offset, len, n, shared, err))
		return false;
	for (uint32 i = 0; i < n; i++)
		if (shared[i] > (i == 0 ? 0 : Min(lengths[i], lengths[i - 1])))
			return si_fail(err, offset, "dictionary of column \"%.64s\" is corrupt", col->info.desc.name);
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

/* A dictionary while it is loaded. */
typedef struct Loading
{
	SiSegment  *seg;
	SiSegColumn *col;
	SiCursor	c;
	const uint8 *start;
	uint64	   *offsets;
	char	   *bytes;
	uint32	   *shared;			/* of all entries, NULL when none is front-coded */
	uint64		stored;			/* bytes of all pieces before compression */
} Loading;

static bool
load_lengths(Loading *l, SiSegmentError *err)
{
	SiSegColumn *col = l->col;
	uint32		count = col->info.distinct;
	uint32		lengths[SI_BLOCK_ROWS];
	uint32		shared[SI_BLOCK_ROWS];
	uint64		total = 0;
	uint64		saved = 0;
	uint32		first;

	for (first = 0; first < count; first += SI_BLOCK_ROWS)
	{
		uint32		n = Min(count - first, SI_BLOCK_ROWS);
		bool		front;
		uint32		i;

		if (!read_group(l->seg, col, &l->c, l->start, col->dict_offset, n, lengths, shared, &front, err))
			return false;
		for (i = 0; i < n; i++)
		{
			l->offsets[first + i] = total;
			total += lengths[i];
		}
		if (front && l->shared == NULL)
			l->shared = si_alloc0(sizeof(uint32) * (size_t) count);
		for (i = 0; i < n && front; i++)
			saved += l->shared[first + i] = shared[i];
		if (total > col->raw_bytes || count - first <= SI_BLOCK_ROWS)
			break;
	}
	l->offsets[count] = total;
	l->stored = total;
	if (total == col->raw_bytes && may_be_front_coded(l->seg, col))
		l->stored = si_cur_varint(&l->c);
	return (total == col->raw_bytes && l->stored == total - saved) || wrong_size(col, err);
}

static bool
nothing_left(const Loading *l, SiSegmentError *err)
{
	if (l->c.bad || l->c.p != l->c.end)
		return si_fail(err, l->col->dict_offset, "dictionary of column \"%.64s\" has bytes left over",
					   l->col->info.desc.name);
	return true;
}

static bool
load_bytes(Loading *l, SiSegmentError *err)
{
	uint64		done = 0;

	while (done < l->stored)
	{
		uint32		raw = (uint32) Min(l->stored - done, SI_PIECE_BYTES);

		if (!read_piece(l->col, &l->c, l->start, l->col->dict_offset, raw, l->bytes + done, err))
			return false;
		done += raw;
	}
	return nothing_left(l, err);
}

/*
 * Copies few bytes fast: up to SI_SLACK of them are read, and written, in
 * any case.
 */
static inline void
copy_short(char *to, const char *from, uint64 n)
{
	char		both[SI_SLACK];

	if (n > SI_SLACK)
	{
		memcpy(to, from, n);
		return;
	}
	memcpy(both, from, SI_SLACK);
	memcpy(to, both, SI_SLACK);
}

/* The bytes of a dictionary with entries that lack what they share. */
static bool
load_front_coded(Loading *l, SiSegmentError *err)
{
	char	   *piece = si_alloc0(SI_PIECE_BYTES + SI_SLACK);
	uint32		pos = 0;
	uint32		len = 0;
	uint64		done = 0;
	bool		ok = true;

	for (uint32 i = 0; i < l->col->info.distinct && ok; i++)
	{
		char	   *to = l->bytes + l->offsets[i];
		uint64		left = l->offsets[i + 1] - l->offsets[i] - l->shared[i];

		if (l->shared[i] > 0)
			copy_short(to, l->bytes + l->offsets[i - 1], l->shared[i]);
		to += l->shared[i];
		while (left > 0 && ok)
		{
			uint32		n;

			if (pos == len)
			{
				len = (uint32) Min(l->stored - done, SI_PIECE_BYTES);
				ok = read_piece(l->col, &l->c, l->start, l->col->dict_offset, len, piece, err);
				if (!ok)
					break;
				done += len;
				pos = 0;
			}
			n = (uint32) Min(left, len - pos);
			copy_short(to, piece + pos, n);
			to += n;
			pos += n;
			left -= n;
		}
	}
	pfree(piece);
	return ok && nothing_left(l, err);
}

bool
si_dict_load(SiSegment *seg, SiSegColumn *col, SiSegmentError *err)
{
	Loading		l = {.seg = seg, .col = col};
	bool		ok;

	if (col->dict_loaded)
		return true;
	l.start = si_seg_fetch(seg, col->dict_offset, col->dict_len, err);
	if (l.start == NULL)
		return false;
	l.c.p = l.start;
	l.c.end = l.start + col->dict_len;
	l.offsets = si_seg_alloc(seg, sizeof(uint64) * ((size_t) col->info.distinct + 1));
	l.bytes = si_seg_alloc(seg, col->raw_bytes + SI_SLACK);
	if (col->info.distinct == 0)
	{
		l.offsets[0] = 0;
		ok = true;
	}
	else
		ok = load_lengths(&l, err) && (l.shared ? load_front_coded(&l, err) : load_bytes(&l, err));
	if (l.shared)
		pfree(l.shared);
	if (seg->stored.cap > STORED_KEEP)
		si_buf_free(&seg->stored);
	if (!ok)
	{
		pfree(l.offsets);
		pfree(l.bytes);
		return false;
	}
	col->dict.count = col->info.distinct;
	col->dict.sorted = col->info.dict_sorted;
	col->dict.bytes = l.bytes;
	col->dict.offsets = l.offsets;
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

/* The pieces begin behind the groups of lengths. */
static bool
find_pieces(SiDictCursor *c, SiSegmentError *err)
{
	bool		front = may_be_front_coded(c->seg, c->col);
	uint64		end = c->col->dict_offset + c->col->dict_len;
	uint64		at = c->lengths_at;
	SiCursor	cur;
	const uint8 *start;

	for (uint64 first = 0; first < c->col->info.distinct; first += SI_BLOCK_ROWS)
		for (int part = 0; part < (front ? 2 : 1); part++)
		{
			uint64		len;

			if (!fetch_part(c, at, SI_VARINT_MAX, &cur, &start, err))
				return false;
			len = si_cur_varint(&cur);
			at += cur.p - start;
			if (cur.bad || len > end - at)
				return ends_early(c->col, at, err);
			at += len;
		}
	c->stored = c->col->raw_bytes;
	if (front)
	{
		if (!fetch_part(c, at, SI_VARINT_MAX, &cur, &start, err))
			return false;
		c->stored = si_cur_varint(&cur);
		if (cur.bad || c->stored > c->col->raw_bytes)
			return wrong_size(c->col, err);
		at += cur.p - start;
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

	if (!fetch_part(c, c->lengths_at, 2 * (SI_MAX_BLOCK + SI_VARINT_MAX), &cur, &start, err) ||
		!read_group(c->seg, c->col, &cur, start, c->lengths_at, n, c->lengths, c->shared, &c->front, err))
		return false;
	c->lengths_at += cur.p - start;
	return true;
}

static bool
next_piece(SiDictCursor *c, SiSegmentError *err)
{
	SiCursor	cur;
	const uint8 *start;

	c->piece_len = (uint32) Min(c->stored - c->stored_read, SI_PIECE_BYTES);
	c->piece_pos = 0;
	if (c->piece_len == 0)
		return wrong_size(c->col, err);
	if (!fetch_part(c, c->piece_at, SI_PIECE_BYTES + SI_VARINT_MAX + SI_CRC_SIZE, &cur, &start, err) ||
		!read_piece(c->col, &cur, start, c->piece_at, c->piece_len, c->piece, err))
		return false;
	c->piece_at += cur.p - start;
	c->stored_read += c->piece_len;
	return true;
}

/* The last len bytes of an entry, of which joined has those before. */
static bool
join_entry(SiDictCursor *c, uint32 len, SiSegmentError *err)
{
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

bool
si_dict_cursor_next(SiDictCursor *c, bool *end, SiSegmentError *err)
{
	uint32		at = c->next % SI_BLOCK_ROWS;
	uint32		len;

	*end = c->next == c->col->info.distinct;
	if (*end)
	{
		/* as a load of the whole would find */
		if (c->raw_used != c->col->raw_bytes || c->stored_read != c->stored || c->piece_pos != c->piece_len)
			*end = wrong_size(c->col, err);
		return false;
	}
	if (at == 0 && !next_lengths(c, err))
		return false;
	c->next++;
	len = c->len = c->lengths[at];
	c->raw_used += len;
	if (c->raw_used > c->col->raw_bytes)
		return wrong_size(c->col, err);
	if (c->front)
	{
		si_buf_reserve(&c->joined, 1);
		c->joined.len = c->shared[at];
		return join_entry(c, len - c->shared[at], err);
	}
	if (len > c->piece_len - c->piece_pos)
	{
		c->joined.len = 0;
		return join_entry(c, len, err);
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
