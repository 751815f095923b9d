/*
 * codec.c
 *		Compression of blocks and of pieces of dictionaries: none, LZ4, Zstandard.
 *
 * Knows bytes only.  What is decompressed is hostile: nothing is written
 * behind the length that the caller expects.
 */
#include "common/port.h"

#include <lz4.h>
#include <zstd.h>

#include "segment/segment_int.h"

/* Zstandard's own default: beyond it blocks of 32 kB gain next to nothing. */
#define ZSTD_LEVEL	3

/* A reader allows strings to be 256 times as long as what is stored (LZ4's limit). */
#define MAX_RATIO	128

size_t
si_compress(SiCodec codec, const void *src, size_t len, void *dst, size_t room, int acceleration)
{
	if (codec == SI_CODEC_ZSTD)
	{
		size_t		got = ZSTD_compress(dst, room, src, len, ZSTD_LEVEL);

		return ZSTD_isError(got) || got < len / MAX_RATIO ? 0 : got;
	}
	if (codec == SI_CODEC_LZ4)
		return (size_t) Max(LZ4_compress_fast(src, dst, (int) len, (int) room, acceleration), 0);
	return 0;
}

bool
si_decompress(SiCodec codec, const void *src, size_t len, void *dst, size_t raw)
{
	/* kept by the process: a context has 160 kB */
	static ZSTD_DCtx *context = NULL;

	if (codec == SI_CODEC_LZ4)
		return LZ4_decompress_safe(src, dst, (int) len, (int) raw) == (int) raw;
	if (codec != SI_CODEC_ZSTD)
		return false;
	if (context == NULL && (context = ZSTD_createDCtx()) == NULL)
		return false;
	return ZSTD_decompressDCtx(context, dst, raw, src, len) == raw;
}
