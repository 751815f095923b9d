/*
 * bitpack.c
 *		Bit packing of unsigned integers at any width, in tight loops.
 *
 * Callers check that the packed bytes are there; both directions touch up to
 * SI_SLACK bytes beyond them.
 */
#include "common/port.h"

#include "segment/segment_int.h"

/* The loop for one width; inlined below with the width a constant. */
static pg_attribute_always_inline void
pack32_width(uint8 *dst, const uint32 *v, uint32 n, const int width, uint32 base)
{
	uint64		acc = 0;
	int			used = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		uint64		x = v[i] - base;

		acc |= x << used;
		used += width;
		if (used >= 64)
		{
			memcpy(dst, &acc, 8);
			dst += 8;
			used -= 64;
			acc = x >> (width - used);
		}
	}
	memcpy(dst, &acc, 8);
}

static pg_attribute_always_inline void
unpack32_width(const uint8 *src, uint32 *out, uint32 n, const int width, uint32 base)
{
	const uint64 mask = (UINT64CONST(1) << width) - 1;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		uint64		bit = (uint64) i * width;

		out[i] = base + (uint32) ((si_load64(src + (bit >> 3)) >> (bit & 7)) & mask);
	}
}

#define EACH_WIDTH(F) \
	F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15) F(16) \
	F(17) F(18) F(19) F(20) F(21) F(22) F(23) F(24) F(25) F(26) F(27) F(28) F(29) F(30) F(31) F(32)

/* Packs v[i] - base. */
uint8 *
si_pack32(uint8 *dst, const uint32 *v, uint32 n, int width, uint32 base)
{
	switch (width)
	{
#define PACK_CASE(w) case w: pack32_width(dst, v, n, w, base); break;
			EACH_WIDTH(PACK_CASE)
#undef PACK_CASE
		default:
			break;
	}
	return dst + si_packed_bytes(n, width);
}

void
si_unpack32(const uint8 *src, uint32 *out, uint32 n, int width, uint32 base)
{
	uint32		i;

	switch (width)
	{
		case 0:
			for (i = 0; i < n; i++)
				out[i] = base;
			break;
#define UNPACK_CASE(w) case w: unpack32_width(src, out, n, w, base); break;
			EACH_WIDTH(UNPACK_CASE)
#undef UNPACK_CASE
		default:
			break;
	}
}

uint8 *
si_pack64(uint8 *dst, const uint64 *v, uint32 n, int width)
{
	uint8	   *p = dst;
	uint64		acc = 0;
	int			used = 0;
	uint32		i;

	if (width == 0)
		return dst;
	for (i = 0; i < n; i++)
	{
		acc |= v[i] << used;
		used += width;
		if (used >= 64)
		{
			memcpy(p, &acc, 8);
			p += 8;
			used -= 64;
			acc = used ? v[i] >> (width - used) : 0;
		}
	}
	memcpy(p, &acc, 8);
	return dst + si_packed_bytes(n, width);
}

void
si_unpack64(const uint8 *src, uint64 *out, uint32 n, int width)
{
	uint64		mask = width == 64 ? ~UINT64CONST(0) : (UINT64CONST(1) << width) - 1;
	uint32		i;

	if (width <= 57)
	{
		for (i = 0; i < n; i++)
		{
			uint64		bit = (uint64) i * width;

			out[i] = (si_load64(src + (bit >> 3)) >> (bit & 7)) & mask;
		}
		return;
	}
	for (i = 0; i < n; i++)
	{
		uint64		bit = (uint64) i * width;
		int			shift = bit & 7;
		uint64		low = si_load64(src + (bit >> 3)) >> shift;
		uint64		high = shift ? (uint64) src[(bit >> 3) + 8] << (64 - shift) : 0;

		out[i] = (low | high) & mask;
	}
}
