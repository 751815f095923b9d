/*
 * stream_dict.c
 *		The sorted dictionaries of a column of all streams become one, with
 *		memory for one piece of each.
 *
 * What results lies on tapes: the strings in order, and which streams have
 * each.  A stream's codes ascend with the strings, so that its map of codes
 * follows from that.
 */
#include "common/port.h"

#include "segment/stream_int.h"

/* The entry that a stream is at. */
typedef struct Head
{
	uint64		prefix;			/* eight bytes, big-endian, 0 beyond the end */
	SiDictCursor *cursor;
	uint16		stream;
} Head;

typedef struct DictMerge
{
	SiStreams  *st;
	SiMergedDict *dict;
	Head	   *heap;
	int			nheap;
	SiBuf		last;			/* the string put out last */
	bool		any;
} DictMerge;

static int
compare_bytes(const char *a, uint64 la, const char *b, uint64 lb)
{
	int			r = memcmp(a, b, Min(la, lb));

	return r != 0 ? r : la < lb ? -1 : la > lb;
}

static inline bool
head_less(const Head *a, const Head *b)
{
	int			r;

	if (a->prefix != b->prefix)
		return a->prefix < b->prefix;
	r = compare_bytes(a->cursor->p, a->cursor->len, b->cursor->p, b->cursor->len);
	return r != 0 ? r < 0 : a->stream < b->stream;
}

static void
sift_down(DictMerge *d)
{
	Head		moved = d->heap[0];
	int			i = 0;

	for (;;)
	{
		int			child = 2 * i + 1;

		if (child >= d->nheap)
			break;
		if (child + 1 < d->nheap && head_less(&d->heap[child + 1], &d->heap[child]))
			child++;
		if (!head_less(&d->heap[child], &moved))
			break;
		d->heap[i] = d->heap[child];
		i = child;
	}
	d->heap[i] = moved;
}

static void
set_prefix(Head *h)
{
	uint64		v = 0;

	memcpy(&v, h->cursor->p, Min(h->cursor->len, 8));
	h->prefix = __builtin_bswap64(v);
}

/* Takes the next entry of the first stream; false on an error. */
static bool
advance(DictMerge *d)
{
	Head	   *h = &d->heap[0];
	SiStreams  *st = d->st;
	bool		end;

	if (si_dict_cursor_next(h->cursor, &end, st->m->err))
		set_prefix(h);
	else if (!end)
		return si_merge_fail(st->m, st->streams[h->stream].input);
	else
	{
		si_dict_cursor_close(h->cursor);
		d->heap[0] = d->heap[--d->nheap];
	}
	if (d->nheap > 0)
		sift_down(d);
	return true;
}

static bool
not_in_order(DictMerge *d)
{
	const Head *h = &d->heap[0];

	si_fail(d->st->m->err, h->cursor->col->dict_offset, "column \"%.64s\": dictionary is not in order",
			h->cursor->col->info.desc.name);
	return si_merge_fail(d->st->m, d->st->streams[h->stream].input);
}

/* Puts the least string out, and all streams that have it. */
static bool
put_entry(DictMerge *d)
{
	SiMergedDict *dict = d->dict;
	uint16		stream = d->heap[0].stream;
	uint32		len = d->heap[0].cursor->len;

	if (d->any && compare_bytes(d->heap[0].cursor->p, len, d->last.data, d->last.len) <= 0)
		return not_in_order(d);
	d->last.len = 0;
	si_buf_reserve(&d->last, (size_t) len + 1);
	si_buf_put(&d->last, d->heap[0].cursor->p, len);
	d->any = true;
	if (dict->count == PG_UINT32_MAX - 1)
		return si_fail(d->st->m->err, 0, "too many different strings in column \"%.64s\" to merge",
					   d->heap[0].cursor->col->info.desc.name);
	dict->count++;
	if (!si_tape_put(&dict->lengths, &len, sizeof(len)) || !si_tape_put(&dict->text, d->last.data, len))
		return false;
	for (;;)
	{
		bool		more;

		if (!advance(d))
			return false;
		more = d->nheap > 0 && d->heap[0].cursor->len == len &&
			memcmp(d->heap[0].cursor->p, d->last.data, len) == 0;
		if (!si_tape_put16(&dict->members, stream | (more ? 0 : SI_MEMBER_LAST)))
			return false;
		if (!more)
			return true;
		/* equal ones come by stream: a stream that comes again has it twice */
		if (d->heap[0].stream <= stream)
			return not_in_order(d);
		stream = d->heap[0].stream;
	}
}

/* Opens the dictionaries of all streams. */
static bool
open_heads(DictMerge *d, int column)
{
	SiStreams  *st = d->st;
	int			i;

	for (i = 0; i < st->n; i++)
	{
		SiStream   *s = &st->streams[i];
		int			number = st->number[column][i];
		Head	   *h = &d->heap[d->nheap];
		bool		end;

		if (number < 0 || s->seg->columns[number].info.distinct == 0)
			continue;
		h->cursor = palloc(sizeof(SiDictCursor));
		h->stream = (uint16) i;
		d->nheap++;
		if (!si_dict_cursor_open(h->cursor, s->seg, &s->seg->columns[number], st->m->err) ||
			!si_dict_cursor_next(h->cursor, &end, st->m->err))
			return si_merge_fail(st->m, s->input);
		set_prefix(h);
	}
	/* each rises to its place */
	for (i = 1; i < d->nheap; i++)
	{
		int			k = i;

		while (k > 0 && head_less(&d->heap[k], &d->heap[(k - 1) / 2]))
		{
			Head		swap = d->heap[k];

			d->heap[k] = d->heap[(k - 1) / 2];
			d->heap[(k - 1) / 2] = swap;
			k = (k - 1) / 2;
		}
	}
	return true;
}

bool
si_streams_merge_dict(SiStreams *st, int column)
{
	SiMergedDict *dict = &st->dicts[column];
	DictMerge	d = {.st = st, .dict = dict};
	SiDictCursor **all;
	int			nall;
	bool		ok;

	if (dict->made)
		return true;
	si_tape_init(&dict->lengths, &st->spill, st->tape_room);
	si_tape_init(&dict->text, &st->spill, st->tape_room);
	si_tape_init(&dict->members, &st->spill, st->tape_room);
	dict->made = true;
	d.heap = palloc0(sizeof(Head) * Max(st->n, 1));
	ok = open_heads(&d, column);
	nall = d.nheap;
	all = palloc(sizeof(SiDictCursor *) * Max(nall, 1));
	for (int i = 0; i < nall; i++)
		all[i] = d.heap[i].cursor;
	while (ok && d.nheap > 0)
		ok = put_entry(&d);
	for (int i = 0; i < nall; i++)
	{
		si_dict_cursor_close(all[i]);
		pfree(all[i]);
	}
	pfree(all);
	pfree(d.heap);
	si_buf_free(&d.last);
	return ok && si_tape_seal(&dict->lengths) && si_tape_seal(&dict->text) && si_tape_seal(&dict->members);
}
