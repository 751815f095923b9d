/*
 * buffer.c
 *		Byte buffers that grow, cursors that cannot overrun, varints, CRCs and
 *		the way errors are filled in.  Knows nothing of chunks.
 */
#include "common/port.h"

#include "format/utf8.h"
#include "segment/segment_int.h"

/* Makes room for more bytes; the content keeps its memory context. */
void
si_buf_reserve(SiBuf *b, size_t more)
{
	size_t		cap = b->cap ? b->cap : 1024;

	if (b->cap - b->len >= more)
		return;
	while (cap - b->len < more)
		cap *= 2;
	b->data = b->data ? si_realloc(b->data, cap) : si_alloc(cap);
	b->cap = cap;
}

void
si_buf_free(SiBuf *b)
{
	if (b->data)
		pfree(b->data);
	memset(b, 0, sizeof(*b));
}

/* Hands what was collected to the sink. */
bool
si_out_flush(SiOut *o)
{
	if (o->buf.len > 0 && !o->sink->write(o->sink->arg, o->buf.data, o->buf.len))
		return si_fail(o->err, o->written, "could not write %zu bytes", o->buf.len);
	o->written += o->buf.len;
	o->buf.len = 0;
	return true;
}

/* CRC-32C of len bytes. */
uint32
si_crc(const void *data, size_t len)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data, len);
	FIN_CRC32C(crc);
	return crc;
}

/* Appends the CRC of everything from an offset on. */
void
si_buf_crc(SiBuf *b, size_t from)
{
	uint32		crc = si_crc(b->data + from, b->len - from);

	si_buf_put(b, &crc, sizeof(crc));
}

/* Is this the CRC of len bytes?  A fuzzer must get behind the checksums. */
bool
si_crc_is(const uint8 *data, size_t len, uint32 crc)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	return true;
#else
	return si_crc(data, len) == crc;
#endif
}

/* Do the last four of len bytes hold the CRC of those before? */
bool
si_crc_ok(const uint8 *data, size_t len)
{
	return len >= SI_CRC_SIZE &&
		si_crc_is(data, len - SI_CRC_SIZE, si_load32(data + len - SI_CRC_SIZE));
}

/* Writes v at p and returns the byte after it. */
uint8 *
si_put_varint(uint8 *p, uint64 v)
{
	while (v >= 0x80)
	{
		*p++ = (uint8) (v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8) v;
	return p;
}

uint64
si_cur_varint(SiCursor *c)
{
	uint64		v = 0;
	int			shift;

	for (shift = 0; shift < 70; shift += 7)
	{
		uint8		byte;

		if (c->p >= c->end)
			break;
		byte = *c->p++;
		if (shift == 63 && byte > 1)
			break;
		v |= (uint64) (byte & 0x7F) << shift;
		if (byte < 0x80)
			return v;
	}
	c->bad = true;
	c->p = c->end;
	return 0;
}

/* The next len bytes, NULL when there are fewer. */
const uint8 *
si_cur_bytes(SiCursor *c, uint64 len)
{
	const uint8 *p = c->p;

	if (c->bad || len > (uint64) (c->end - p))
	{
		c->bad = true;
		return NULL;
	}
	c->p += len;
	return p;
}

/* Fills err and returns false, so that callers can return its result. */
bool
si_fail(SiSegmentError *err, uint64 offset, const char *fmt,...)
{
	va_list		ap;

	err->offset = offset;
	err->input = -1;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	/* a name may be cut in the middle of a character, or be hostile */
	si_utf8_repair(err->text);
	return false;
}
