/*
 * stream_order.c
 *		From which stream each row of the result comes, for streams that each
 *		ascend by time and dimensions.
 *
 * The streams are merged by time, then every group of rows equal in time by
 * the first dimension, and so on, until no group is left that needs it: one
 * column is read at a time, and of most columns nothing.  The order is a
 * tape with one entry per row, which stream, and whether the row differs from
 * the one before in what was looked at so far.
 */
#include "common/port.h"

#include "segment/stream_int.h"

typedef struct Head
{
	uint64		key;
	uint16		stream;
} Head;

typedef struct Order
{
	SiStreams  *st;
	bool		rollup;
	bool		by_time;		/* the first column */
	SiTape	   *out;
	uint64		unfinished;		/* groups that the next column may divide */
	Head	   *heap;
	int			nheap;
	/* the group at hand */
	uint32	   *count;			/* rows of each stream */
	uint16	   *present;		/* streams that have some */
	int			npresent;
	/* the group put out last: equal in what was looked at, the new column included */
	uint64		group_rows;
	int			group_stream;	/* the only one so far, -1: several */
} Order;

/* ------------------------------------------------------------------ output */

static inline bool
put_row(Order *o, uint16 stream, bool head)
{
	if (head)
	{
		if (o->group_rows > 1 && (o->rollup || o->group_stream < 0))
			o->unfinished++;
		o->group_rows = 0;
		o->group_stream = stream;
	}
	else if (o->group_stream != stream)
		o->group_stream = -1;
	o->group_rows++;
	return si_tape_put16(o->out, stream | (head ? SI_ORDER_HEAD : 0));
}

static void
end_groups(Order *o)
{
	if (o->group_rows > 1 && (o->rollup || o->group_stream < 0))
		o->unfinished++;
	o->group_rows = 0;
}

static bool
not_in_order(Order *o, int stream)
{
	si_fail(o->st->m->err, 0, "rows of a chunk that says so are not in order");
	return si_merge_fail(o->st->m, o->st->streams[stream].input);
}

/* -------------------------------------------------------------------- heap */

static inline bool
head_less(const Head *a, const Head *b)
{
	return a->key != b->key ? a->key < b->key : a->stream < b->stream;
}

static inline void
sift_down(Order *o)
{
	Head		moved = o->heap[0];
	int			i = 0;

	for (;;)
	{
		int			child = 2 * i + 1;

		if (child >= o->nheap)
			break;
		if (child + 1 < o->nheap && head_less(&o->heap[child + 1], &o->heap[child]))
			child++;
		if (!head_less(&o->heap[child], &moved))
			break;
		o->heap[i] = o->heap[child];
		i = child;
	}
	o->heap[i] = moved;
}

static void
heap_add(Order *o, uint64 key, uint16 stream)
{
	int			k = o->nheap++;
	Head		h = {key, stream};

	while (k > 0 && head_less(&h, &o->heap[(k - 1) / 2]))
	{
		o->heap[k] = o->heap[(k - 1) / 2];
		k = (k - 1) / 2;
	}
	o->heap[k] = h;
}

/* ------------------------------------------------------------------ groups */

/* Rows of one stream: nothing to merge, but equal ones are to be found. */
static bool
divide_group(Order *o, SiColumnReader *r, uint16 stream, uint32 n)
{
	uint64		last = 0;

	for (uint32 i = 0; i < n; i++)
	{
		uint64		key;

		if (!si_reader_ready(o->st, r))
			return false;
		key = r->values[r->row++ - r->first];
		if (i > 0 && key < last)
			return not_in_order(o, stream);
		if (!put_row(o, stream, i == 0 || key != last))
			return false;
		last = key;
	}
	return true;
}

/* Merges the group at hand by the column that the readers have. */
static bool
merge_group(Order *o, SiColumnReader **readers)
{
	SiStreams  *st = o->st;
	uint64		last = 0;
	bool		first = true;

	o->nheap = 0;
	for (int i = 0; i < o->npresent; i++)
	{
		SiColumnReader *r = readers[o->present[i]];

		if (!si_reader_ready(st, r))
			return false;
		heap_add(o, r->values[r->row - r->first], o->present[i]);
	}
	while (o->nheap > 0)
	{
		uint16		stream = o->heap[0].stream;
		uint64		key = o->heap[0].key;
		SiColumnReader *r = readers[stream];

		if (!put_row(o, stream, first || key != last))
			return false;
		first = false;
		last = key;
		r->row++;
		if (--o->count[stream] == 0)
			o->heap[0] = o->heap[--o->nheap];
		else
		{
			if (!si_reader_ready(st, r))
				return false;
			o->heap[0].key = r->values[r->row - r->first];
			if (o->heap[0].key < key)
				return not_in_order(o, stream);
		}
		sift_down(o);
	}
	return true;
}

/* The group at hand, whose rows were counted, goes out by a column. */
static bool
put_group(Order *o, SiColumnReader **readers, uint64 rows)
{
	uint16		only = o->present[0];
	bool		ok = true;

	if (rows == 1)
	{
		readers[only]->row++;
		ok = put_row(o, only, true);
	}
	else if (o->npresent > 1)
		ok = merge_group(o, readers);
	else if (o->rollup || o->by_time)
		ok = divide_group(o, readers[only], only, o->count[only]);
	else
	{
		readers[only]->row += o->count[only];
		for (uint32 i = 0; i < o->count[only] && ok; i++)
			ok = put_row(o, only, i == 0);
	}
	for (int i = 0; i < o->npresent; i++)
		o->count[o->present[i]] = 0;
	o->npresent = 0;
	return ok;
}

static inline void
count_row(Order *o, uint16 stream)
{
	if (o->count[stream]++ == 0)
		o->present[o->npresent++] = stream;
}

/* One more column: every group of the old order is merged by it. */
static bool
refine(Order *o, SiColumnReader **readers, const SiTape *old)
{
	SiTapeCursor c;
	uint64		left = si_tape_len(old) / sizeof(uint16);
	uint64		rows = 0;
	bool		ok = true;

	si_tape_cursor_open(&c, old, 0);
	for (; ok && left > 0; left--)
	{
		uint16		entry;

		ok = si_tape_get16(&c, &entry);
		if (ok && (entry & SI_ORDER_HEAD) && rows > 0)
		{
			ok = put_group(o, readers, rows);
			rows = 0;
		}
		if (ok)
		{
			count_row(o, entry & SI_ORDER_STREAM);
			rows++;
		}
	}
	if (ok && rows > 0)
		ok = put_group(o, readers, rows);
	si_tape_cursor_close(&c);
	end_groups(o);
	return ok;
}

/* ----------------------------------------------------------------- columns */

/* Whether a null and a value may have the same key. */
static bool
needs_flags(const SiStreams *st, int column)
{
	bool		nulls = false;
	bool		lowest = false;

	if (st->m->columns[column].desc.type != SI_TYPE_LONG)
		return false;
	for (int i = 0; i < st->n; i++)
	{
		int			number = st->number[column][i];
		const SiColumnStats *stats = number < 0 ? NULL : &st->streams[i].seg->columns[number].info.stats;

		nulls = nulls || stats == NULL || stats->null_count > 0;
		lowest = lowest || (stats && stats->has_minmax && stats->min.i == PG_INT64_MIN);
	}
	return nulls && lowest;
}

/*
 * Times must lie in the interval of the output.  Each stream ascends, which
 * merging finds out: its first and its last time tell.
 */
static bool
check_times(Order *o, int64 start_time, int64 end_time)
{
	SiStreams  *st = o->st;

	for (int i = 0; i < o->npresent; i++)
	{
		SiStream   *s = &st->streams[o->present[i]];
		SiColumnReader *r = st->readers[o->present[i]];

		for (int last = 0; last < 2; last++)
		{
			uint64		key;

			r->row = last ? s->end - 1 : s->first;
			if (!si_reader_ready(st, r))
				return false;
			key = r->values[r->row - r->first];
			if (key < si_sortable_long(start_time) ||
				(end_time != PG_INT64_MAX && key >= si_sortable_long(end_time)))
				return not_in_order(o, o->present[i]);
		}
		r->row = s->first;
	}
	return true;
}

/* The first order: by time, all rows being one group. */
static bool
order_by_time(Order *o, int64 start_time, int64 end_time)
{
	SiStreams  *st = o->st;
	uint64		rows = 0;
	bool		ok = si_readers_open(st, st->readers, 0, false, SI_READ_KEYS);

	for (int i = 0; i < st->n && ok; i++)
	{
		SiStream   *s = &st->streams[i];

		if (s->first == s->end)
			continue;
		o->count[i] = s->end - s->first;
		o->present[o->npresent++] = (uint16) i;
		rows += o->count[i];
	}
	o->by_time = true;
	ok = ok && check_times(o, start_time, end_time) && (rows == 0 || put_group(o, st->readers, rows));
	o->by_time = false;
	end_groups(o);
	si_readers_close(st, st->readers);
	return ok;
}

static bool
order_by(Order *o, int column, SiReadMode mode, SiTape *order, SiSpill *spill)
{
	SiStreams  *st = o->st;
	SiSpill		next_spill = {spill->temp, NULL, 0, spill->err};
	SiSpill		old_spill = *spill;
	SiTape		next;
	bool		ok;

	/* the old order is read from its file while the next one goes to another */
	order->spill = &old_spill;
	si_tape_init(&next, &next_spill, order->room);
	o->out = &next;
	o->unfinished = 0;
	ok = si_readers_open(st, st->readers, column, false, mode) && refine(o, st->readers, order) &&
		si_tape_seal(&next);
	si_readers_close(st, st->readers);
	si_tape_free(order);
	si_spill_close(&old_spill);
	*spill = next_spill;
	*order = next;
	order->spill = spill;
	return ok;
}

bool
si_streams_order(SiStreams *st, bool rollup, int64 start_time, int64 end_time, SiTape *order, SiSpill *spill)
{
	Order		o = {.st = st, .rollup = rollup, .out = order};
	bool		ok;

	spill->temp = st->spill.temp;
	spill->err = st->m->err;
	spill->file = NULL;
	spill->size = 0;
	si_tape_init(order, spill, st->tape_room);
	o.heap = palloc(sizeof(Head) * Max(st->n, 1));
	o.count = palloc0(sizeof(uint32) * Max(st->n, 1));
	o.present = palloc(sizeof(uint16) * Max(st->n, 1));
	ok = order_by_time(&o, start_time, end_time) && si_tape_seal(order);
	for (int c = 1; c <= st->m->ndimensions && ok && o.unfinished > 0; c++)
	{
		if (needs_flags(st, c))
			ok = order_by(&o, c, SI_READ_FLAGS, order, spill);
		ok = ok && order_by(&o, c, SI_READ_KEYS, order, spill);
	}
	pfree(o.heap);
	pfree(o.count);
	pfree(o.present);
	return ok;
}
