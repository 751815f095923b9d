/*
 * tape.c
 *		Bytes that are written once and read in order: in memory as long as
 *		they are few, in a temporary file that tapes may share when not.
 *
 * What is put and what is read is cut the same way: an integer is never
 * divided between two fillings of a cursor.
 */
#include "common/port.h"

#include "segment/stream_int.h"

void
si_spill_close(SiSpill *s)
{
	if (s->file)
		s->temp->close(s->file);
	s->file = NULL;
	s->size = 0;
}

void
si_tape_init(SiTape *t, SiSpill *spill, size_t room)
{
	memset(t, 0, sizeof(*t));
	t->spill = spill;
	t->room = room;
}

void
si_tape_free(SiTape *t)
{
	si_buf_free(&t->buf);
	if (t->extents)
		pfree(t->extents);
	t->extents = NULL;
	t->nextents = t->extents_room = 0;
	t->spilled = 0;
}

/* Notes where the bytes that go to the end of the file are on the tape. */
static void
add_extent(SiTape *t)
{
	SiSpill    *s = t->spill;

	if (t->nextents > 0)
	{
		const SiExtent *last = &t->extents[t->nextents - 1];

		if (last->offset + (t->spilled - last->start) == s->size)
			return;
	}
	if (t->nextents == t->extents_room)
	{
		t->extents_room = t->extents_room ? t->extents_room * 2 : 8;
		t->extents = t->extents ? si_realloc(t->extents, sizeof(SiExtent) * t->extents_room) :
			si_alloc(sizeof(SiExtent) * t->extents_room);
	}
	t->extents[t->nextents].offset = s->size;
	t->extents[t->nextents++].start = t->spilled;
}

static bool
spill_bytes(SiTape *t, const void *data, size_t len)
{
	SiSpill    *s = t->spill;

	if (s->file == NULL && (s->file = s->temp->create(s->temp->arg)) == NULL)
		return si_fail(s->err, 0, "could not create a temporary file");
	add_extent(t);
	if (!s->temp->append(s->file, data, len))
		return si_fail(s->err, s->size, "could not write %zu bytes to a temporary file", len);
	s->size += len;
	t->spilled += len;
	return true;
}

static bool
spill_buf(SiTape *t)
{
	bool		ok = t->buf.len == 0 || spill_bytes(t, t->buf.data, t->buf.len);

	t->buf.len = 0;
	return ok;
}

bool
si_tape_put(SiTape *t, const void *data, size_t len)
{
	if (t->buf.len + len > t->room)
	{
		if (!spill_buf(t))
			return false;
		if (len >= t->room)
			return spill_bytes(t, data, len);
	}
	si_buf_put(&t->buf, data, len);
	return true;
}

bool
si_tape_seal(SiTape *t)
{
	if (t->spilled == 0)
		return true;
	if (!spill_buf(t))
		return false;
	si_buf_free(&t->buf);
	return true;
}

/* ---------------------------------------------------------------- cursors */

void
si_tape_cursor_open(SiTapeCursor *c, const SiTape *t, uint64 at)
{
	memset(c, 0, sizeof(*c));
	c->tape = t;
	c->room = Min(Max(t->room & ~(size_t) 7, 1024), 65536);
	si_tape_cursor_seek(c, at);
}

void
si_tape_cursor_seek(SiTapeCursor *c, uint64 at)
{
	c->next = at;
	c->p = c->end = NULL;
}

/* The extent that a place on the tape lies in. */
static const SiExtent *
find_extent(const SiTape *t, uint64 at)
{
	uint32		low = 0;
	uint32		high = t->nextents;

	while (high - low > 1)
	{
		uint32		mid = low + (high - low) / 2;

		if (t->extents[mid].start <= at)
			low = mid;
		else
			high = mid;
	}
	return &t->extents[low];
}

bool
si_tape_cursor_fill(SiTapeCursor *c)
{
	const SiTape *t = c->tape;
	const SiExtent *e;
	uint64		len;

	if (c->next >= t->spilled)
	{
		if (c->next >= si_tape_len(t))
			return si_fail(t->spill->err, c->next, "a temporary file ends early");
		c->p = t->buf.data + (c->next - t->spilled);
		c->end = t->buf.data + t->buf.len;
		c->next = si_tape_len(t);
		return true;
	}
	e = find_extent(t, c->next);
	len = (e + 1 < t->extents + t->nextents ? e[1].start : t->spilled) - c->next;
	len = Min(len, c->room);
	if (c->buf == NULL)
		c->buf = si_alloc(c->room);
	if (!t->spill->temp->read(t->spill->file, e->offset + (c->next - e->start), c->buf, len))
		return si_fail(t->spill->err, c->next, "could not read " UINT64_FORMAT " bytes of a temporary file", len);
	c->p = c->buf;
	c->end = c->buf + len;
	c->next += len;
	return true;
}

bool
si_tape_read(SiTapeCursor *c, void *to, uint64 len)
{
	char	   *out = to;

	while (len > 0)
	{
		uint64		n;

		if (c->p == c->end)
		{
			if (out == NULL && len > c->room)
			{
				/* far away: nothing between is read */
				c->next += len;
				return c->next <= si_tape_len(c->tape) ||
					si_fail(c->tape->spill->err, c->next, "a temporary file ends early");
			}
			if (!si_tape_cursor_fill(c))
				return false;
		}
		n = Min(len, (uint64) (c->end - c->p));
		if (out)
		{
			memcpy(out, c->p, n);
			out += n;
		}
		c->p += n;
		len -= n;
	}
	return true;
}

void
si_tape_cursor_close(SiTapeCursor *c)
{
	if (c->buf)
		pfree(c->buf);
	c->buf = NULL;
	c->p = c->end = NULL;
}
