/*
 * feed.c
 *		Outputs of a streaming merge: cutting the ordered rows, and making the
 *		values of one column of an output while it is written, block by block.
 *
 * Rows that are rolled up are combined in the order of the inputs, as the
 * merge in memory does it, so that both put out the same bytes.
 */
#include "common/port.h"

#include "segment/stream_int.h"

typedef struct SiFeed SiFeed;

struct SiFeed
{
	SiStreams  *st;
	const SiTape *order;
	bool		rollup;
	uint64		from;			/* first row of the output in the order */
	uint64		npositions;
	uint32		nrows;
	/* per column of the table */
	int		   *plan;			/* column of the plan */
	bool	   *is_times;

	/* the open column */
	const SiMergeColumn *col;
	bool		times;
	bool		chosen;			/* by the times of the values */
	SiTapeCursor cursor;
	uint64		left;			/* rows of the order not yet used, entry being the first of them */
	uint16		entry;

	/* strings */
	SiSpill		codes_spill;
	SiTape		codes;			/* common codes of all rows */
	SiTapeCursor codes_cursor;
	uint32		distinct;
	uint64	   *used;			/* per common code */
	uint32	   *before;			/* used ones before each word of it */

	uint64		nulls[SI_NULL_WORDS];
	uint64		values[SI_BLOCK_ROWS];
};

/* ------------------------------------------------------------------- rows */

static inline bool
step(SiFeed *f)
{
	return --f->left == 0 || si_tape_get16(&f->cursor, &f->entry);
}

/* Whether the row at hand is rolled up with those before. */
static inline bool
in_group(const SiFeed *f)
{
	return f->rollup && f->left > 0 && !(f->entry & SI_ORDER_HEAD);
}

static inline SiColumnReader *
reader_at(SiFeed *f, SiColumnReader **readers)
{
	SiColumnReader *r = readers[f->entry & SI_ORDER_STREAM];

	return si_reader_ready(f->st, r) ? r : NULL;
}

static bool
start_rows(SiFeed *f)
{
	SiStreams  *st = f->st;

	if (st->readers[0]->stream)
		si_readers_rewind(st, st->readers, true);
	if (st->times_readers && st->times_readers[0]->stream)
		si_readers_rewind(st, st->times_readers, true);
	si_tape_cursor_seek(&f->cursor, f->from * sizeof(uint16));
	f->left = f->npositions;
	return si_tape_get16(&f->cursor, &f->entry);
}

static inline bool
value_is_null(const SiColumnReader *r, uint32 at)
{
	return r->has_nulls && si_bit_get(r->nulls, at);
}

static inline void
copy_value(void *out, uint32 i, const SiColumnReader *r, uint32 at, bool narrow)
{
	if (narrow)
		((uint32 *) out)[i] = ((const uint32 *) r->values)[at];
	else
		((uint64 *) out)[i] = r->values[at];
}

/* The value of the first row of every group. */
static bool
take_heads(SiFeed *f, SiColumnReader **readers, uint32 n, bool narrow)
{
	for (uint32 i = 0; i < n; i++)
	{
		SiColumnReader *r = reader_at(f, readers);
		uint32		at;

		if (r == NULL)
			return false;
		at = r->row++ - r->first;
		copy_value(f->values, i, r, at, narrow);
		if (value_is_null(r, at))
			si_bit_set(f->nulls, i);
		if (!step(f))
			return false;
		while (in_group(f))
		{
			readers[f->entry & SI_ORDER_STREAM]->row++;
			if (!step(f))
				return false;
		}
	}
	return true;
}

/* Strings of metrics: the first one of every group that is not null. */
static bool
take_first_strings(SiFeed *f, uint32 n)
{
	uint32	   *out = (uint32 *) f->values;

	for (uint32 i = 0; i < n; i++)
	{
		out[i] = 0;
		do
		{
			SiColumnReader *r = reader_at(f, f->st->readers);

			if (r == NULL)
				return false;
			if (out[i] == 0)
				out[i] = ((const uint32 *) r->values)[r->row - r->first];
			r->row++;
			if (!step(f))
				return false;
		} while (in_group(f));
	}
	return true;
}

static inline double
double_at(const SiColumnReader *r, uint32 at)
{
	double		d;

	if (r->type == SI_TYPE_FLOAT)
		return ((const float *) r->values)[at];
	memcpy(&d, &r->values[at], sizeof(d));
	return d;
}

/* Numbers of metrics: every group combined. */
static bool
take_combined(SiFeed *f, uint32 n)
{
	SiAgg		agg = f->col->desc.agg;
	SiType		type = f->col->desc.type;
	bool		narrow = type == SI_TYPE_FLOAT;

	for (uint32 i = 0; i < n; i++)
	{
		SiColumnReader *r = reader_at(f, f->st->readers);
		uint32		at;
		SiLongs		l = {0};
		SiDoubles	d = {0};

		if (r == NULL)
			return false;
		at = r->row++ - r->first;
		copy_value(f->values, i, r, at, narrow);
		if (value_is_null(r, at))
			si_bit_set(f->nulls, i);
		else if (si_is_float(type))
			si_doubles_add(&d, agg, double_at(r, at));
		else
			si_longs_add(&l, (int64) r->values[at]);
		if (!step(f))
			return false;
		if (!in_group(f))
			continue;			/* as it was, bit by bit */
		do
		{
			if ((r = reader_at(f, f->st->readers)) == NULL)
				return false;
			at = r->row++ - r->first;
			if (value_is_null(r, at))
				 /* adds nothing */ ;
			else if (si_is_float(type))
				si_doubles_add(&d, agg, double_at(r, at));
			else
				si_longs_add(&l, (int64) r->values[at]);
			if (!step(f))
				return false;
		} while (in_group(f));
		if (narrow)
			((float *) f->values)[i] = (float) d.result;
		else if (type == SI_TYPE_DOUBLE)
			((double *) f->values)[i] = d.result;
		else
			((int64 *) f->values)[i] = si_longs_result(&l, agg);
		if (l.found || d.found)
			f->nulls[i >> 6] &= ~(UINT64CONST(1) << (i & 63));
	}
	return true;
}

/* Values, or times of values, of metrics that combine by them. */
static bool
take_by_time(SiFeed *f, uint32 n)
{
	SiAgg		agg = f->col->desc.agg;
	bool		narrow = !f->times && si_value_size(f->col->desc.type) == 4;

	for (uint32 i = 0; i < n; i++)
	{
		bool		first = true;
		bool		found = false;
		int64		chosen = 0;

		do
		{
			SiColumnReader *t = reader_at(f, f->st->times_readers);
			SiColumnReader *v = f->times ? t : reader_at(f, f->st->readers);
			uint32		at;
			int64		time;
			bool		timeless;

			if (t == NULL || v == NULL)
				return false;
			time = (int64) t->values[t->row - t->first];
			timeless = value_is_null(t, t->row - t->first);
			at = v->row - v->first;
			if (first || (!timeless && (!found || si_time_wins(agg, time, chosen))))
			{
				copy_value(f->values, i, v, at, narrow);
				if (value_is_null(v, at))
					si_bit_set(f->nulls, i);
				else
					f->nulls[i >> 6] &= ~(UINT64CONST(1) << (i & 63));
				chosen = time;
			}
			found = found || !timeless;
			first = false;
			t->row++;
			if (v != t)
				v->row++;
			if (!step(f))
				return false;
		} while (in_group(f));
	}
	return true;
}

/* The next n values of the open column. */
static bool
take(SiFeed *f, uint32 n)
{
	const SiColumnDesc *desc = &f->col->desc;
	bool		combines = f->rollup && desc->role == SI_ROLE_METRIC && f->col->input_times == NULL;

	memset(f->nulls, 0, sizeof(f->nulls));
	if (f->chosen)
		return take_by_time(f, n);
	if (f->times)
		return take_heads(f, f->st->times_readers, n, false);
	if (combines)
		return desc->type == SI_TYPE_STRING ? take_first_strings(f, n) : take_combined(f, n);
	return take_heads(f, f->st->readers, n, si_value_size(desc->type) == 4);
}

/* ----------------------------------------------------------------- strings */

/* The common codes of all rows onto a tape, and which of them are in use. */
static bool
take_codes(SiFeed *f)
{
	const SiMergedDict *dict = &f->st->dicts[f->col - f->st->m->columns];
	uint64		words = (uint64) dict->count / 64 + 1;
	uint32		left;

	f->used = si_alloc0(sizeof(uint64) * words);
	f->before = si_alloc(sizeof(uint32) * words);
	for (left = f->nrows; left > 0;)
	{
		uint32		n = Min(left, SI_BLOCK_ROWS);
		const uint32 *codes = (const uint32 *) f->values;

		if (!take(f, n) || !si_tape_put(&f->codes, codes, sizeof(uint32) * n))
			return false;
		for (uint32 i = 0; i < n; i++)
			si_bit_set(f->used, codes[i]);
		left -= n;
	}
	f->used[0] &= ~UINT64CONST(1);	/* null is no string */
	f->distinct = 0;
	for (uint64 w = 0; w < words; w++)
	{
		f->before[w] = f->distinct;
		f->distinct += __builtin_popcountll(f->used[w]);
	}
	return si_tape_seal(&f->codes);
}

uint32
si_feed_distinct(const SiFeed *f)
{
	return f->distinct;
}

/* The strings in use, from the tapes of the merged dictionary. */
typedef struct UsedStrings
{
	const SiFeed *feed;
	const SiMergedDict *dict;
	SiTapeCursor lengths;
	SiTapeCursor text;
	uint32		code;			/* of the string read last */
	SiBuf		strings[2];		/* the last two */
} UsedStrings;

static bool
next_used(void *arg, uint32 number, const char **p, uint64 *len)
{
	UsedStrings *u = arg;
	SiBuf	   *b = &u->strings[number % 2];
	uint64		unread = 0;		/* bytes of strings that are not in use */
	uint32		n;

	if (number == 0)
	{
		u->code = 0;
		si_tape_cursor_seek(&u->lengths, 0);
		si_tape_cursor_seek(&u->text, 0);
	}
	for (;;)
	{
		if (!si_tape_get32(&u->lengths, &n))
			return false;
		if (si_bit_get(u->feed->used, ++u->code))
			break;
		unread += n;
	}
	b->len = 0;
	si_buf_reserve(b, (size_t) n + 1);
	*p = b->data;
	*len = n;
	return si_tape_read(&u->text, NULL, unread) && si_tape_read(&u->text, b->data, n);
}

bool
si_feed_dict(SiFeed *f, SiOut *out, SiEncoder *e, uint64 *raw_bytes)
{
	UsedStrings u = {.feed = f, .dict = &f->st->dicts[f->col - f->st->m->columns]};
	SiEntrySource src = {next_used, &u};
	bool		ok;

	*raw_bytes = 0;
	if (f->distinct == 0)
		return true;
	si_tape_cursor_open(&u.lengths, &u.dict->lengths, 0);
	si_tape_cursor_open(&u.text, &u.dict->text, 0);
	ok = si_dict_write_sorted(out, e, &src, f->distinct, false, raw_bytes);
	si_tape_cursor_close(&u.lengths);
	si_tape_cursor_close(&u.text);
	si_buf_free(&u.strings[0]);
	si_buf_free(&u.strings[1]);
	return ok;
}

/* Codes of a block from the tape, as those of the output's dictionary. */
static const uint32 *
block_of_codes(SiFeed *f, int block, uint32 n)
{
	uint32	   *codes = (uint32 *) f->values;

	if (block == 0)
		si_tape_cursor_seek(&f->codes_cursor, 0);
	if (!si_tape_read(&f->codes_cursor, codes, sizeof(uint32) * (uint64) n))
		return NULL;
	for (uint32 i = 0; i < n; i++)
	{
		uint32		c = codes[i];

		/* its place among those in use: 0 for null */
		codes[i] = f->before[c >> 6] + __builtin_popcountll(f->used[c >> 6] & ((UINT64CONST(2) << (c & 63)) - 1));
	}
	return codes;
}

/* ----------------------------------------------------------------- columns */

/* Opens a column of the plan, or its times. */
static bool
open_column(SiFeed *f, int column, bool times)
{
	SiStreams  *st = f->st;

	f->col = &st->m->columns[column];
	f->times = times;
	f->chosen = f->rollup && f->col->input_times != NULL;
	if (!times && !si_readers_open(st, st->readers, column, false, SI_READ_VALUES))
		return false;
	if ((times || f->chosen) && !si_readers_open(st, st->times_readers, column, true, SI_READ_VALUES))
		return false;
	return start_rows(f);
}

bool
si_feed_open(SiFeed *f, int column)
{
	SiStreams  *st = f->st;

	f->distinct = 0;
	si_tape_init(&f->codes, &f->codes_spill, st->tape_room);
	if (!open_column(f, f->plan[column], f->is_times[column]))
		return false;
	if (f->col->desc.type != SI_TYPE_STRING || f->times)
		return true;
	if (!take_codes(f))
		return false;
	/* maps make room for what the writer needs */
	si_readers_close(st, st->readers);
	si_tape_cursor_open(&f->codes_cursor, &f->codes, 0);
	return true;
}

const void *
si_feed_block(SiFeed *f, int block, uint32 n, const uint64 **nulls)
{
	*nulls = NULL;
	if (f->col->desc.type == SI_TYPE_STRING && !f->times)
		return block_of_codes(f, block, n);
	*nulls = f->nulls;
	return take(f, n) ? f->values : NULL;
}

uint64
si_feed_memory(const SiFeed *f)
{
	return f->st->memory / 4;
}

void
si_feed_error(const SiFeed *f, SiSegmentError *err)
{
	if (f->st->m->err->text[0] != '\0')
		*err = *f->st->m->err;
}

void
si_feed_close(SiFeed *f)
{
	SiStreams  *st = f->st;

	si_readers_close(st, st->readers);
	if (st->times_readers)
		si_readers_close(st, st->times_readers);
	si_tape_cursor_close(&f->codes_cursor);
	si_tape_free(&f->codes);
	si_spill_close(&f->codes_spill);
	if (f->used)
		pfree(f->used);
	if (f->before)
		pfree(f->before);
	f->used = NULL;
	f->before = NULL;
	f->col = NULL;
}

/* ----------------------------------------------------------------- outputs */

/* Whether the times of a metric's values are not those of the rows everywhere. */
static bool
times_differ(SiFeed *f, int column, bool *differ)
{
	SiStreams  *st = f->st;
	int64	   *row_times = palloc(sizeof(int64) * SI_BLOCK_ROWS);
	bool		ok;

	*differ = false;
	ok = open_column(f, column, true) && si_readers_open(st, st->readers, 0, false, SI_READ_VALUES);
	si_readers_rewind(st, st->readers, true);
	for (uint32 left = f->nrows; ok && left > 0 && !*differ;)
	{
		uint32		n = Min(left, SI_BLOCK_ROWS);
		uint64		at = f->left;
		uint16		entry = f->entry;

		/* the rows' own times, then back to where these rows begin */
		memset(f->nulls, 0, sizeof(f->nulls));
		ok = take_heads(f, st->readers, n, false);
		memcpy(row_times, f->values, sizeof(int64) * n);
		f->left = at;
		f->entry = entry;
		si_tape_cursor_seek(&f->cursor, (f->from + f->npositions - at + 1) * sizeof(uint16));
		ok = ok && take(f, n);
		for (uint32 i = 0; i < n && ok && !*differ; i++)
			*differ = si_bit_get(f->nulls, i) || (int64) f->values[i] != row_times[i];
		left -= n;
	}
	pfree(row_times);
	si_feed_close(f);
	return ok;
}

/* The table of an output: its columns, without values. */
static bool
plan_table(SiFeed *f, SiTable *t, SiArena *arena)
{
	SiMerge    *m = f->st->m;
	int			room = m->ncolumns + m->ntimed;

	t->nrows = f->nrows;
	t->feed = f;
	t->ncolumns = 0;
	t->columns = si_arena_alloc0(arena, sizeof(SiColumn) * room);
	f->plan = si_arena_alloc0(arena, sizeof(int) * room);
	f->is_times = si_arena_alloc0(arena, sizeof(bool) * room);
	for (int c = 0; c < m->ncolumns; c++)
	{
		bool		differ;

		f->plan[t->ncolumns] = c;
		t->columns[t->ncolumns++].desc = m->columns[c].desc;
		if (m->columns[c].input_times == NULL)
			continue;
		if (!times_differ(f, c, &differ))
			return false;
		if (differ)
		{
			SiColumnDesc *desc = &t->columns[t->ncolumns].desc;

			f->plan[t->ncolumns] = c;
			f->is_times[t->ncolumns++] = true;
			desc->name = m->columns[c].desc.name;
			desc->type = SI_TYPE_LONG;
			desc->role = SI_ROLE_TIMES;
		}
	}
	return true;
}

static bool
emit_output(SiFeed *f, int64 start_time, int64 end_time, SiMergeOutput output, void *arg)
{
	SiSegmentError *err = f->st->m->err;
	SiArena		arena = {0};
	SiTable		t = {0};
	bool		ok;

	err->text[0] = '\0';
	si_tape_cursor_open(&f->cursor, f->order, 0);
	ok = plan_table(f, &t, &arena);
	if (ok && !output(arg, &t, start_time, end_time))
	{
		si_feed_close(f);
		ok = si_merge_stopped(f->st->m);
	}
	si_tape_cursor_close(&f->cursor);
	si_arena_free(&arena);
	return ok;
}

bool
si_streams_emit(SiStreams *st, SiTape *order, bool rollup, uint64 max_rows, int64 start_time, int64 end_time,
				SiMergeOutput output, void *arg)
{
	SiFeed	   *f = palloc0(sizeof(SiFeed));
	uint32	   *count = palloc0(sizeof(uint32) * st->n);
	uint64		total = si_tape_len(order) / sizeof(uint16);
	SiTapeCursor c;
	uint16		entry = 0;
	bool		ok = true;

	f->st = st;
	f->order = order;
	f->rollup = rollup;
	f->codes_spill.temp = st->spill.temp;
	f->codes_spill.err = st->m->err;
	for (int i = 0; i < st->n; i++)
		st->streams[i].base = st->streams[i].first;
	si_tape_cursor_open(&c, order, 0);
	if (total > 0)
		ok = si_tape_get16(&c, &entry);
	while (ok && f->from < total)
	{
		uint64		rows = 0;

		f->npositions = 0;
		while (ok && f->from + f->npositions < total)
		{
			if (!rollup || (entry & SI_ORDER_HEAD))
			{
				if (max_rows > 0 && rows >= max_rows)
					break;
				rows++;
			}
			count[entry & SI_ORDER_STREAM]++;
			f->npositions++;
			if (f->from + f->npositions < total)
				ok = si_tape_get16(&c, &entry);
		}
		if (ok && rows > PG_UINT32_MAX)
			ok = si_fail(st->m->err, 0, UINT64_FORMAT " rows are too many for a chunk", rows);
		f->nrows = (uint32) rows;
		ok = ok && emit_output(f, start_time, end_time, output, arg);
		f->from += f->npositions;
		for (int i = 0; i < st->n; i++)
		{
			st->streams[i].base += count[i];
			count[i] = 0;
		}
	}
	si_tape_cursor_close(&c);
	pfree(count);
	pfree(f);
	return ok;
}
