/*
 * stream_read.c
 *		Reading one column of all streams in order of rows: values, common
 *		codes of strings, or keys to sort by.
 *
 * The codes of a stream become common ones as its blocks are decoded, through
 * a map.  When the maps of all streams do not fit into memory, the codes of
 * one stream after the other are brought onto tapes.
 */
#include "common/port.h"

#include "segment/stream_int.h"

/* ------------------------------------------------------------------ blocks */

/* Values as keys: numbers of the same order, null the least. */
static void
make_keys(SiColumnReader *r, uint32 n)
{
	const uint32 *codes = (const uint32 *) r->values;
	uint32		i;

	switch (r->type)
	{
		case SI_TYPE_STRING:
			for (i = n; i-- > 0;)
				r->values[i] = codes[i];
			return;
		case SI_TYPE_FLOAT:
			for (i = n; i-- > 0;)
				r->values[i] = si_sortable_double(((const float *) r->values)[i]);
			break;
		case SI_TYPE_DOUBLE:
			for (i = 0; i < n; i++)
				r->values[i] = si_sortable_double(((const double *) r->values)[i]);
			break;
		default:
			for (i = 0; i < n; i++)
				r->values[i] = si_sortable_long((int64) r->values[i]);
			break;
	}
	if (r->has_nulls)
		for (i = 0; i < n; i++)
			if (si_bit_get(r->nulls, i))
				r->values[i] = 0;
}

/* Codes that were brought onto a tape: as many as there are, up to a block. */
static bool
load_from_tape(SiColumnReader *r)
{
	uint32		n = Min(r->stream->end - r->row, SI_BLOCK_ROWS);

	if (r->row != r->end)
		si_tape_cursor_seek(&r->codes_cursor, (uint64) (r->row - r->stream->first) * sizeof(uint32));
	r->first = r->row;
	r->end = r->row + n;
	if (!si_tape_read(&r->codes_cursor, r->values, (uint64) n * sizeof(uint32)))
		return false;
	if (r->mode == SI_READ_KEYS)
		make_keys(r, n);
	return true;
}

static bool
any_bit(const uint64 *bits, uint32 n)
{
	for (uint32 i = 0; i < (n + 63) / 64; i++)
		if (bits[i] != 0)
			return true;
	return false;
}

bool
si_reader_load(SiStreams *st, SiColumnReader *r)
{
	SiSegment  *seg = r->stream->seg;
	int			block = (int) (r->row / SI_BLOCK_ROWS);
	uint32		n = si_segment_block_rows(seg, block);

	if (r->codes)
		return load_from_tape(r);
	r->first = (uint32) block * SI_BLOCK_ROWS;
	r->end = r->first + n;
	if (r->number < 0)
	{
		memset(r->values, 0, sizeof(r->values));
		memset(r->nulls, 0xFF, sizeof(r->nulls));
		r->has_nulls = true;
		return true;
	}
	if (!si_segment_read_block(seg, r->number, block, r->values,
							   r->type == SI_TYPE_STRING ? NULL : r->nulls, st->m->err))
		return si_merge_fail(st->m, r->stream->input);
	if (r->type == SI_TYPE_STRING)
	{
		uint32	   *codes = (uint32 *) r->values;

		for (uint32 i = 0; i < n; i++)
			codes[i] = r->map[codes[i]];
	}
	else
		r->has_nulls = any_bit(r->nulls, n);
	if (r->mode == SI_READ_KEYS)
		make_keys(r, n);
	else if (r->mode == SI_READ_FLAGS)
		for (uint32 i = 0; i < n; i++)
			r->values[i] = !si_bit_get(r->nulls, i);
	return true;
}

/* -------------------------------------------------------------------- maps */

/*
 * Fills the maps of the readers that have one, from the tape of members.
 */
static bool
fill_maps(SiStreams *st, SiColumnReader **readers, const SiMergedDict *dict)
{
	SiTapeCursor c;
	uint32	   *next = palloc0(sizeof(uint32) * st->n);
	bool		ok = true;
	uint32		code = 1;

	si_tape_cursor_open(&c, &dict->members, 0);
	while (ok && code <= dict->count)
	{
		uint16		member;

		ok = si_tape_get16(&c, &member);
		if (ok)
		{
			uint16		s = member & ~SI_MEMBER_LAST;

			next[s]++;
			if (readers[s]->map)
				readers[s]->map[next[s]] = code;
			if (member & SI_MEMBER_LAST)
				code++;
		}
	}
	si_tape_cursor_close(&c);
	pfree(next);
	return ok;
}

static void
make_map(SiColumnReader *r)
{
	r->map = si_alloc(sizeof(uint32) * ((size_t) r->stream->seg->columns[r->number].info.distinct + 1));
	r->map[0] = 0;
}

static void
drop_map(SiColumnReader *r)
{
	if (r->map)
		pfree(r->map);
	r->map = NULL;
}

/* Common codes of the rows of a stream's section onto a tape. */
static bool
translate(SiStreams *st, SiColumnReader *r)
{
	SiTape	   *tape = palloc(sizeof(SiTape));
	SiReadMode	mode = r->mode;
	bool		ok = true;

	r->spill.temp = st->spill.temp;
	r->spill.err = st->m->err;
	si_tape_init(tape, &r->spill, st->tape_room);
	r->mode = SI_READ_VALUES;
	for (r->row = r->stream->first; ok && r->row < r->stream->end; r->row = Min(r->end, r->stream->end))
		ok = si_reader_ready(st, r) &&
			si_tape_put(tape, (const uint32 *) r->values + (r->row - r->first),
						sizeof(uint32) * (size_t) (Min(r->end, r->stream->end) - r->row));
	r->mode = mode;
	r->codes = tape;
	r->first = r->end = 0;
	ok = ok && si_tape_seal(tape);
	si_tape_cursor_open(&r->codes_cursor, tape, 0);
	return ok;
}

static bool
open_strings(SiStreams *st, SiColumnReader **readers, int column)
{
	const SiMergedDict *dict = &st->dicts[column];
	uint64		bytes = 0;
	int			i;

	if (!si_streams_merge_dict(st, column))
		return false;
	for (i = 0; i < st->n; i++)
		if (readers[i]->number >= 0 && readers[i]->stream->end > readers[i]->stream->first)
			bytes += sizeof(uint32) * ((uint64) readers[i]->stream->seg->columns[readers[i]->number].info.distinct + 1);
	if (bytes <= st->memory / 2)
	{
		for (i = 0; i < st->n; i++)
			if (readers[i]->number >= 0 && readers[i]->stream->end > readers[i]->stream->first)
				make_map(readers[i]);
		return fill_maps(st, readers, dict);
	}
	for (i = 0; i < st->n; i++)
	{
		SiColumnReader *r = readers[i];

		if (r->number < 0 || r->stream->end == r->stream->first)
			continue;
		make_map(r);
		if (!fill_maps(st, readers, dict) || !translate(st, r))
			return false;
		drop_map(r);
	}
	return true;
}

/* ----------------------------------------------------------------- readers */

void
si_readers_rewind(SiStreams *st, SiColumnReader **readers, bool to_base)
{
	for (int i = 0; i < st->n; i++)
		readers[i]->row = to_base ? st->streams[i].base : st->streams[i].first;
}

bool
si_readers_open(SiStreams *st, SiColumnReader **readers, int column, bool times, SiReadMode mode)
{
	const SiMergeColumn *col = &st->m->columns[column];

	for (int i = 0; i < st->n; i++)
	{
		SiColumnReader *r = readers[i];

		r->stream = &st->streams[i];
		r->number = st->number[column][i];
		r->type = col->desc.type;
		r->mode = mode;
		r->first = r->end = 0;
		r->map = NULL;
		r->codes = NULL;
		r->has_nulls = false;
		if (times)
		{
			r->type = SI_TYPE_LONG;
			/* rows without times of their own have those of the row */
			if (r->number >= 0)
				r->number = st->times[column][i] >= 0 ? st->times[column][i] : 0;
		}
	}
	if (col->desc.type == SI_TYPE_STRING && !times && !open_strings(st, readers, column))
		return false;
	si_readers_rewind(st, readers, false);
	return true;
}

void
si_readers_close(SiStreams *st, SiColumnReader **readers)
{
	for (int i = 0; i < st->n; i++)
	{
		SiColumnReader *r = readers[i];

		if (r->stream == NULL)
			continue;
		drop_map(r);
		if (r->codes)
		{
			si_tape_cursor_close(&r->codes_cursor);
			si_tape_free(r->codes);
			pfree(r->codes);
			si_spill_close(&r->spill);
			r->codes = NULL;
		}
		if (r->number > 0)
			si_seg_unload_index(&r->stream->seg->columns[r->number]);
		r->stream = NULL;
	}
}
