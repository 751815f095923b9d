/*
 * segment_int.h
 *		What the files of the segment module share and nobody else sees:
 *		constants of the format, byte buffers and cursors, block codecs, and
 *		the structs of an open chunk.
 *
 * FORMAT.md is the specification; names here follow its words.
 */
#ifndef SI_SEGMENT_SEGMENT_INT_H
#define SI_SEGMENT_SEGMENT_INT_H

#include "port/pg_crc32c.h"
#include "segment/segment.h"

#ifdef WORDS_BIGENDIAN
#error "the chunk format is little-endian and is read and written in place"
#endif

/* ------------------------------------------------------------- constants */

#define SI_HEADER_SIZE		64
#define SI_TRAILER_SIZE		32
#define SI_FORMAT_VERSION	2
#define SI_FORMAT_OLDEST	1		/* that is read: without front coding */
#define SI_HEADER_MAGIC		"\x89SICHK\r\n"
#define SI_TRAILER_MAGIC	"SIND"
#define SI_FILE_SORTED_ROWS	0x0001

#define SI_MAX_COLUMNS		65535
#define SI_MAX_NAME			65535
#define SI_MAX_ENTRY		((uint64) 1073741823)
#define SI_MAX_DICT_BYTES	((uint64) 1 << 40)
#define SI_MAX_FOOTER		(1 << 30)

/* Column directory flags. */
#define SI_COL_MULTI		0x01
#define SI_COL_SORTED		0x02
#define SI_COL_BITMAPS		0x04
#define SI_COL_MINMAX		0x08
#define SI_COL_SUM			0x10
#define SI_COL_JSON			0x20
#define SI_COL_ALL			0x3F

/* Block flags. */
#define SI_BLOCK_LZ4		0x01
#define SI_BLOCK_NULLS		0x02
#define SI_BLOCK_ZSTD		0x04
#define SI_BLOCK_COMPRESSED	(SI_BLOCK_LZ4 | SI_BLOCK_ZSTD)

/* Bytes before the payload without and with compression, and after it. */
#define SI_BLOCK_HEAD		2
#define SI_BLOCK_HEAD_RAW	6
#define SI_CRC_SIZE			4

#define SI_NULL_BYTES		(SI_BLOCK_ROWS / 8)
#define SI_NULL_WORDS		(SI_BLOCK_ROWS / 64)
#define SI_MAX_PAYLOAD		33344
#define SI_MAX_BLOCK		(SI_MAX_PAYLOAD + SI_BLOCK_HEAD_RAW + SI_CRC_SIZE)

/* Room that must be readable or writable after packed bits. */
#define SI_SLACK			16

#define SI_INDEX_RECORD		32
#define SI_INDEX_NULLS		0x3FFFFFFF
#define SI_INDEX_SUM		0x40000000
#define SI_INDEX_MINMAX		0x80000000

#define SI_PIECE_BYTES		65536

/* What front coding and compression each may save at most: readers allow 256 together. */
#define SI_FRONT_RATIO		16
#define SI_TABLE_MAX		256
#define SI_DECIMAL_MAX		15

#define SI_GROUP_CODES		4096
#define SI_GROUP_BYTES		16384
#define SI_GROUP_RECORD		16
#define SI_SET_LIST_MAX		4

typedef enum SiEncoding
{
	SI_ENC_NULL = 0,
	SI_ENC_CONSTANT = 1,
	SI_ENC_PACKED = 2,
	SI_ENC_DELTA = 3,
	SI_ENC_RUNS = 4,
	SI_ENC_TABLE = 5,
	SI_ENC_PLAIN = 6,
	SI_ENC_DECIMAL = 7
} SiEncoding;

#define SI_ENC_COUNT 8

/* ------------------------------------------------------ bytes (buffer.c) */

/* A growing byte buffer; grows in the memory context of its first growth. */
typedef struct SiBuf
{
	char	   *data;
	size_t		len;
	size_t		cap;
} SiBuf;

/* Bytes that are being read: goes bad on the first overrun and stays so. */
typedef struct SiCursor
{
	const uint8 *p;
	const uint8 *end;
	bool		bad;
} SiCursor;

extern void si_buf_reserve(SiBuf *b, size_t more);
extern void si_buf_free(SiBuf *b);
extern void si_buf_crc(SiBuf *b, size_t from);
extern bool si_crc_ok(const uint8 *data, size_t len);
extern bool si_crc_is(const uint8 *data, size_t len, uint32 crc);
extern uint32 si_crc(const void *data, size_t len);

extern uint8 *si_put_varint(uint8 *p, uint64 v);
extern uint64 si_cur_varint(SiCursor *c);
extern const uint8 *si_cur_bytes(SiCursor *c, uint64 len);

extern bool si_fail(SiSegmentError *err, uint64 offset, const char *fmt,...) pg_attribute_printf(3, 4);

#define SI_VARINT_MAX 10

/* ------------------------------------------------------ output (buffer.c) */

/* Bytes collected before they go to the sink. */
#define SI_FLUSH_BYTES	(256 * 1024)

/* What is written, on its way to the sink. */
typedef struct SiOut
{
	SiBuf		buf;
	const SiSink *sink;
	uint64		written;		/* bytes that went to the sink */
	SiSegmentError *err;
} SiOut;

extern bool si_out_flush(SiOut *o);

/* Keeps the buffer from growing: to be called now and then. */
static inline bool
si_out_room(SiOut *o)
{
	return o->buf.len < SI_FLUSH_BYTES || si_out_flush(o);
}

/* Bytes written so far, those in the buffer included. */
static inline uint64
si_out_at(const SiOut *o)
{
	return o->written + o->buf.len;
}

static inline uint64
si_zigzag(int64 v)
{
	return ((uint64) v << 1) ^ (uint64) (v >> 63);
}

static inline int64
si_unzigzag(uint64 v)
{
	return (int64) ((v >> 1) ^ (0 - (v & 1)));
}

static inline void
si_buf_put(SiBuf *b, const void *data, size_t len)
{
	if (b->cap - b->len < len)
		si_buf_reserve(b, len);
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
}

static inline void
si_buf_varint(SiBuf *b, uint64 v)
{
	if (b->cap - b->len < SI_VARINT_MAX)
		si_buf_reserve(b, SI_VARINT_MAX);
	b->len = (char *) si_put_varint((uint8 *) b->data + b->len, v) - b->data;
}

static inline void
si_buf_u8(SiBuf *b, uint8 v)
{
	si_buf_put(b, &v, 1);
}

static inline uint8
si_cur_u8(SiCursor *c)
{
	const uint8 *p = si_cur_bytes(c, 1);

	return p ? *p : 0;
}

static inline uint32
si_load32(const void *p)
{
	uint32		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64
si_load64(const void *p)
{
	uint64		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Bits needed for v; 0 for 0. */
static inline int
si_bits(uint64 v)
{
	return v == 0 ? 0 : 64 - __builtin_clzll(v);
}

static inline size_t
si_packed_bytes(uint64 n, int width)
{
	return (size_t) ((n * (uint64) width + 7) / 8);
}

static inline bool
si_bit_get(const uint64 *bits, uint32 i)
{
	return (bits[i >> 6] >> (i & 63)) & 1;
}

static inline void
si_bit_set(uint64 *bits, uint32 i)
{
	bits[i >> 6] |= UINT64CONST(1) << (i & 63);
}

/* -------------------------------------------------- bit packing (bitpack.c) */

/*
 * Packs n values of width bits; writes up to SI_SLACK bytes beyond and
 * returns the first byte after the packed ones.
 */
extern uint8 *si_pack32(uint8 *dst, const uint32 *v, uint32 n, int width, uint32 base);
extern uint8 *si_pack64(uint8 *dst, const uint64 *v, uint32 n, int width);

/* Unpack reads up to SI_SLACK bytes beyond the packed ones. */
extern void si_unpack32(const uint8 *src, uint32 *out, uint32 n, int width, uint32 base);
extern void si_unpack64(const uint8 *src, uint64 *out, uint32 n, int width);

/* ------------------------------------------------------ numbers (stats.c) */

static inline bool
si_is_float(SiType type)
{
	return type == SI_TYPE_FLOAT || type == SI_TYPE_DOUBLE;
}

/* Order of floats and doubles: NaN is larger than every number. */
static inline bool
si_double_less(double a, double b)
{
	if (b != b)
		return a == a;
	return a < b;
}

/* Adds a block's numbers to those of its column. */
extern void si_stats_add(SiColumnStats *all, const SiColumnStats *block, SiType type);
extern bool si_stats_equal(const SiColumnStats *a, const SiColumnStats *b, SiType type);

/* ------------------------------------------- block codecs (encode, decode) */

/* Work space of block encoding; one per writer. */
/* codec.c: what the low bits of a piece's length say, too */

/* Bytes written to dst, 0 when they would not fit into room or nothing is compressed. */
extern size_t si_compress(SiCodec codec, const void *src, size_t len, void *dst, size_t room, int acceleration);
/* Whether dst has got exactly raw bytes. */
extern bool si_decompress(SiCodec codec, const void *src, size_t len, void *dst, size_t raw);

typedef struct SiEncoder
{
	SiCodec		codec;			/* of what is written next */
	uint8		payload[SI_MAX_PAYLOAD + SI_SLACK];
	uint64		work[SI_BLOCK_ROWS];
	uint64		work2[SI_BLOCK_ROWS];
	uint32		runs_value[SI_BLOCK_ROWS];
	uint32		runs_length[SI_BLOCK_ROWS];
	int64		filled[SI_BLOCK_ROWS];
	uint16		table_slot[1024];
	uint64		table[SI_TABLE_MAX];
} SiEncoder;

/*
 * Each appends one block of n (1 .. SI_BLOCK_ROWS) values to out, fills the
 * block's numbers and returns its encoding.  Codes: null_count, min and max
 * (of codes that are not 0) are always filled.  nulls starts at the block.
 */
extern SiEncoding si_encode_codes(SiBuf *out, SiEncoder *e, const uint32 *codes, uint32 n,
								  SiColumnStats *st);
extern SiEncoding si_encode_ints(SiBuf *out, SiEncoder *e, const int64 *v, const uint64 *nulls,
								 uint32 n, bool want_sum, SiColumnStats *st);
extern SiEncoding si_encode_floats(SiBuf *out, SiEncoder *e, const void *v, bool is_double,
								   const uint64 *nulls, uint32 n, SiColumnStats *st);

/* Work space of block decoding. */
typedef struct SiDecoder
{
	uint8		payload[SI_MAX_PAYLOAD + SI_SLACK];
	uint64		work[SI_BLOCK_ROWS];
	uint32		work32[SI_BLOCK_ROWS];
} SiDecoder;

/*
 * Decode one block of n values from len bytes that are followed by SI_SLACK
 * readable ones.  False: corrupt, *why says how (static text).  max_code is
 * the largest code allowed.
 */
extern bool si_decode_codes(SiDecoder *d, const uint8 *data, size_t len, uint32 n, uint32 max_code,
							uint32 *out, const char **why);
extern bool si_decode_values(SiDecoder *d, const uint8 *data, size_t len, uint32 n, SiType type,
							 void *out, uint64 *nulls, const char **why);
extern const char *si_encoding_name(int enc);

/* --------------------------------------------------- dictionaries (dict.c) */

/*
 * Appends a dictionary section; entry order is order[0..count-1], NULL: as
 * is.  With dict->sorted or an order they ascend and may be front-coded.
 */
extern bool si_dict_write(SiOut *out, SiEncoder *e, const SiDict *dict, const uint32 *order,
						  bool fast, uint64 *raw_bytes);

/*
 * Entries in order.  next is called for 0, 1 and so on, and may begin again
 * at 0; what it returns lives until the call after the next one.
 */
typedef struct SiEntrySource
{
	bool		(*next) (void *arg, uint32 number, const char **p, uint64 *len);
	void	   *arg;
} SiEntrySource;

/* The same of count entries that ascend. */
extern bool si_dict_write_sorted(SiOut *out, SiEncoder *e, const SiEntrySource *src, uint32 count,
								 bool fast, uint64 *raw_bytes);

/*
 * The entries of a dictionary one after the other, with memory for one piece.
 * p and len are the entry at hand; they live until the next call.
 */
typedef struct SiDictCursor
{
	SiSegment  *seg;
	struct SiSegColumn *col;
	uint32		next;			/* number of the entry after the one at hand */
	uint64		lengths_at,		/* in the file: the next block of lengths, */
				piece_at;		/* the next piece */
	uint64		stored;			/* bytes of all pieces before compression, */
	uint64		stored_read;	/* of those that were read */
	uint64		raw_used;		/* bytes of the entries so far */
	uint32		piece_len,
				piece_pos;
	char	   *piece;
	bool		front;			/* entries of the group are front-coded */
	SiBuf		joined;			/* an entry that is not whole in a piece */
	uint32		lengths[SI_BLOCK_ROWS];
	uint32		shared[SI_BLOCK_ROWS];	/* bytes that are those of the entry before */

	const char *p;
	uint32		len;
} SiDictCursor;

extern bool si_dict_cursor_open(SiDictCursor *c, SiSegment *seg, struct SiSegColumn *col, SiSegmentError *err);
/* False at the end, too: then *end is set. */
extern bool si_dict_cursor_next(SiDictCursor *c, bool *end, SiSegmentError *err);
extern void si_dict_cursor_close(SiDictCursor *c);

/* Entry numbers in memcmp order, in a palloc'd array. */
extern uint32 *si_dict_order(const SiDict *dict);

/* ------------------------------------------------------- reader structures */

typedef struct SiSegColumn
{
	SiColumnInfo info;
	uint8		encoding;		/* of the first block */
	uint64		raw_bytes;		/* strings: bytes of all entries */
	uint64		dict_offset,
				dict_len;
	uint64		data_offset,
				data_len;
	uint64		index_offset,
				index_len;		/* 0 when there is at most one block */
	uint64		bitmap_offset,
				bitmap_len;
	uint32		ngroups;

	/* loaded when first asked for */
	SiColumnStats *block_stats;
	uint64	   *block_offset;	/* nblocks + 1 */
	bool		dict_loaded;
	SiDict		dict;
	struct SiBitmapGroups *groups;
} SiSegColumn;

struct SiSegment
{
	SiByteSource src;
#ifndef FRONTEND
	MemoryContext context;		/* where everything of the segment lives */
#endif
	/* bytes of the file that are in memory: the tail, or all of it */
	const uint8 *resident;
	uint64		resident_offset;
	uint8	   *tail;			/* our own buffer behind resident, or NULL */
	uint8	   *footer;			/* our own buffer of a large footer, or NULL */

	int			version;
	bool		sorted_rows;
	int64		interval_start,
				interval_end;
	uint32		nrows;
	int			nblocks;
	int			ncolumns;
	SiSegColumn *columns;

	SiDecoder  *decoder;		/* on first use */
	SiBuf		stored;			/* bytes just read */
};

extern void *si_seg_alloc(SiSegment *seg, size_t size);

/*
 * len bytes at offset, valid until the next fetch, followed by SI_SLACK
 * readable bytes; NULL on a failed read.
 */
extern const uint8 *si_seg_fetch(SiSegment *seg, uint64 offset, uint64 len, SiSegmentError *err);
extern SiDecoder *si_seg_decoder(SiSegment *seg);
extern bool si_seg_load_index(SiSegment *seg, SiSegColumn *col, SiSegmentError *err);
extern void si_seg_unload_index(SiSegColumn *col);

/* Loads a dictionary into memory of the segment; dict.c. */
extern bool si_dict_load(SiSegment *seg, SiSegColumn *col, SiSegmentError *err);

/* Frees a column's dictionary again: for the merge, which copies what it needs. */
extern void si_dict_unload(SiSegColumn *col);

/* Parses the column directory; directory.c. */
extern void si_directory_put(SiBuf *out, const SiSegColumn *col);
/* Whether a column may hold the times of the one before it. */
extern bool si_times_in_place(const SiColumnDesc *times, const SiColumnDesc *before);
extern bool si_directory_parse(SiSegment *seg, const uint8 *data, uint64 len, uint64 offset,
							   SiSegmentError *err);

/* ------------------------------------------------------ bitmaps (bitmap.c) */

/* Codes of all rows, already those of the file. */
typedef struct SiCodeSource
{
	/* codes of a block, NULL: failed.  Blocks ascend, and may begin again at 0. */
	const uint32 *(*block) (void *arg, int block);
	void	   *arg;
} SiCodeSource;

/*
 * Appends the section.  memory: for row numbers; what needs more reads the
 * codes several times.
 */
extern bool si_bitmaps_write(SiOut *out, SiEncoder *e, const SiCodeSource *codes, uint32 nrows,
							 uint32 count, uint64 memory, uint32 *ngroups);
extern void si_bitmaps_unload(SiSegColumn *col);

/* Calls with each row of a code's set, in order; false: stop with an error. */
typedef bool (*SiRowVisit) (void *arg, uint32 row);
extern bool si_bitmap_visit(SiSegment *seg, SiSegColumn *col, uint32 code, SiRowVisit visit,
							void *arg, SiSegmentError *err);

/* --------------------------------------------- feeds of tables (feed.c) */

/*
 * The values of a table that are made while it is written, one column after
 * the other: open, then for strings the dictionary, then the blocks, as often
 * as needed, then close.  Errors are left in the feed's own place.
 */
extern bool si_feed_open(struct SiFeed *f, int column);
extern uint32 si_feed_distinct(const struct SiFeed *f);
extern bool si_feed_dict(struct SiFeed *f, SiOut *out, SiEncoder *e, uint64 *raw_bytes);
/* Values of a block, NULL: failed.  Blocks ascend, and may begin again at 0. */
extern const void *si_feed_block(struct SiFeed *f, int block, uint32 n, const uint64 **nulls);
extern uint64 si_feed_memory(const struct SiFeed *f);
/* Fills err when it was the feed that failed. */
extern void si_feed_error(const struct SiFeed *f, SiSegmentError *err);
extern void si_feed_close(struct SiFeed *f);

#endif							/* SI_SEGMENT_SEGMENT_INT_H */
