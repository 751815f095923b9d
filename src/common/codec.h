/*
 * codec.h
 *		Names of compressions.
 */
#ifndef SI_COMMON_CODEC_H
#define SI_COMMON_CODEC_H

/* How blocks are compressed, when that makes them smaller; the numbers are those of the format. */
typedef enum SiCodec
{
	SI_CODEC_NONE = 0,
	SI_CODEC_LZ4 = 1,
	SI_CODEC_ZSTD = 2
} SiCodec;

#endif							/* SI_COMMON_CODEC_H */
