/*
 * stream_int.h
 *		What the files of the streaming merge share: tapes, merged
 *		dictionaries, sorted streams of rows and how their columns are read.
 *
 * A merge that does not fit into memory makes sorted streams of its inputs
 * (stream.c), finds out from which stream each row of the result comes, one
 * column after the other (stream_order.c), and makes each column of an
 * output while it is written (feed.c).  Never is more than one column of
 * anything in memory.
 */
#ifndef SI_SEGMENT_STREAM_INT_H
#define SI_SEGMENT_STREAM_INT_H

#include "segment/merge_int.h"

/* ---------------------------------------------------------- tapes (tape.c) */

/* A temporary file that tapes share. */
typedef struct SiSpill
{
	const SiTempFiles *temp;
	void	   *file;			/* made when it is needed */
	uint64		size;
	SiSegmentError *err;
} SiSpill;

typedef struct SiExtent
{
	uint64		offset;			/* in the file */
	uint64		start;			/* on the tape */
} SiExtent;

/* Bytes that are appended, then read in order, as often as needed. */
typedef struct SiTape
{
	SiSpill    *spill;
	size_t		room;			/* bytes that may stay in memory */
	SiBuf		buf;			/* the end of the tape */
	uint64		spilled;		/* bytes before it, in the file */
	SiExtent   *extents;
	uint32		nextents;
	uint32		extents_room;
} SiTape;

/* Where a tape is read. */
typedef struct SiTapeCursor
{
	const SiTape *tape;
	uint64		next;			/* on the tape: what follows end */
	const char *p;
	const char *end;
	char	   *buf;
	size_t		room;
} SiTapeCursor;

extern void si_spill_close(SiSpill *s);
extern void si_tape_init(SiTape *t, SiSpill *spill, size_t room);
extern bool si_tape_put(SiTape *t, const void *data, size_t len);
/* To be called after the last put: gives memory back when there is a file. */
extern bool si_tape_seal(SiTape *t);
extern void si_tape_free(SiTape *t);

static inline uint64
si_tape_len(const SiTape *t)
{
	return t->spilled + t->buf.len;
}

extern void si_tape_cursor_open(SiTapeCursor *c, const SiTape *t, uint64 at);
extern void si_tape_cursor_seek(SiTapeCursor *c, uint64 at);
/* Puts more bytes at p; false at the end of the tape or on a failed read. */
extern bool si_tape_cursor_fill(SiTapeCursor *c);
/* The next len bytes, which must be there; to NULL: skips them. */
extern bool si_tape_read(SiTapeCursor *c, void *to, uint64 len);
extern void si_tape_cursor_close(SiTapeCursor *c);

static inline bool
si_tape_put16(SiTape *t, uint16 v)
{
	if (SI_UNLIKELY(t->buf.cap - t->buf.len < sizeof(v) || t->buf.len + sizeof(v) > t->room))
		return si_tape_put(t, &v, sizeof(v));
	memcpy(t->buf.data + t->buf.len, &v, sizeof(v));
	t->buf.len += sizeof(v);
	return true;
}

static inline bool
si_tape_get16(SiTapeCursor *c, uint16 *v)
{
	if (SI_UNLIKELY(c->p == c->end) && !si_tape_cursor_fill(c))
		return false;
	memcpy(v, c->p, sizeof(*v));
	c->p += sizeof(*v);
	return true;
}

static inline bool
si_tape_get32(SiTapeCursor *c, uint32 *v)
{
	if (SI_UNLIKELY(c->p == c->end) && !si_tape_cursor_fill(c))
		return false;
	memcpy(v, c->p, sizeof(*v));
	c->p += sizeof(*v);
	return true;
}

/* ------------------------------------------------------------ the streams */

/* Inputs, or what was sorted of them, in the order of the inputs; each ascends. */
typedef struct SiStream
{
	SiSegment  *seg;
	int			input;			/* number of the input that it is, -1: a run */
	void	   *file;			/* of a run */
	SiByteSource *source;		/* of a run */
	bool		lent;			/* its decoder is the common one */
	uint32		first,			/* rows of the section */
				end;
	uint32		base;			/* first row of the output at hand */
} SiStream;

/* All strings of a column of all streams. */
typedef struct SiMergedDict
{
	bool		made;
	uint32		count;
	SiTape		lengths;		/* u32 of each, ascending by their bytes */
	SiTape		text;
	SiTape		members;		/* u16 per stream that has it; the last one has SI_MEMBER_LAST set */
} SiMergedDict;

#define SI_MEMBER_LAST	0x8000

/* An entry of the order of rows: a stream, and whether the row differs from the one before. */
#define SI_ORDER_HEAD	0x8000
#define SI_ORDER_STREAM	0x7FFF

/* More streams are merged in several steps. */
#define SI_MAX_STREAMS	1000

typedef enum SiReadMode
{
	SI_READ_VALUES,
	SI_READ_KEYS,				/* as uint64 of the same order; null is 0 */
	SI_READ_FLAGS				/* 0 null, 1 not */
} SiReadMode;

/* One column of one stream, read in order of rows. */
typedef struct SiColumnReader
{
	SiStream   *stream;
	int			number;			/* of the column; -1: all null */
	SiType		type;
	SiReadMode	mode;
	uint32		row;			/* to be read next */
	uint32		first,			/* rows first .. end - 1 are at hand */
				end;
	uint32	   *map;			/* strings: code of the stream -> common code */
	SiTape	   *codes;			/* instead of map: common codes of the section's rows */
	SiSpill		spill;			/* of codes */
	SiTapeCursor codes_cursor;
	bool		has_nulls;
	uint64		nulls[SI_NULL_WORDS];
	uint64		values[SI_BLOCK_ROWS];
} SiColumnReader;

typedef struct SiStreams
{
	SiMerge    *m;				/* plan of columns; its inputs are not looked at */
	SiArena		arena;
	uint64		memory;
	size_t		tape_room;
	SiSpill		spill;			/* of dictionaries */
	int			n;
	int			room;
	SiStream   *streams;
	int		  **number;			/* per column of the plan and stream: column of the stream, or -1 */
	int		  **times;			/* of metrics that combine by time, else NULL */
	SiMergedDict *dicts;		/* per column of the plan */
	SiDecoder  *decoder;		/* of all streams */
	SiColumnReader **readers;	/* per stream */
	SiColumnReader **times_readers; /* the same, when there are times */
} SiStreams;

/* ------------------------------------------------ dictionaries (stream_dict.c) */

extern bool si_streams_merge_dict(SiStreams *st, int column);

/* ------------------------------------------------- columns (stream_read.c) */

/*
 * Makes the readers of all streams ready for a column of the plan (of its
 * times), or for some column of numbers; they then stand at the base of each
 * stream, or at the first row of its section.
 */
extern bool si_readers_open(SiStreams *st, SiColumnReader **readers, int column, bool times, SiReadMode mode);
extern void si_readers_rewind(SiStreams *st, SiColumnReader **readers, bool to_base);
extern void si_readers_close(SiStreams *st, SiColumnReader **readers);
/* Decodes the block of the next row. */
extern bool si_reader_load(SiStreams *st, SiColumnReader *r);

static inline bool
si_reader_ready(SiStreams *st, SiColumnReader *r)
{
	return SI_LIKELY(r->row >= r->first && r->row < r->end) || si_reader_load(st, r);
}

/* --------------------------------------------------- order (stream_order.c) */

/*
 * The order of all rows of the section, times being in start .. end - 1, as a
 * tape; with rollup the heads are the rows that differ from those before.
 */
extern bool si_streams_order(SiStreams *st, bool rollup, int64 start_time, int64 end_time,
							 SiTape *order, SiSpill *spill);

/* ------------------------------------------------------------- feeds (feed.c) */

/* Cuts the ordered rows of the section into outputs of at most max_rows. */
extern bool si_streams_emit(SiStreams *st, SiTape *order, bool rollup, uint64 max_rows,
							int64 start_time, int64 end_time, SiMergeOutput output, void *arg);

#endif							/* SI_SEGMENT_STREAM_INT_H */
