/*
 * segment.h
 *		Chunks: immutable columnar files.  Writer, reader and merge; no SQL,
 *		no broker, no paths.  FORMAT.md has every byte.
 *
 * Nothing here throws on data: functions return false and fill SiSegmentError
 * (what and where), and the caller that knows SQL turns that into an ERROR.
 * Bytes that are read are hostile until checked.
 */
#ifndef SI_SEGMENT_SEGMENT_H
#define SI_SEGMENT_SEGMENT_H

#include "common/codec.h"
#include "common/granularity.h"
#include "common/types.h"

/* Rows per block: the unit of compression, of min/max and of reading. */
#define SI_BLOCK_ROWS	4096

/* Length of an install's uuid, kept in every file header. */
#define SI_UUID_LEN		16

/* ------------------------------------------------------------------ rows */

/*
 * A dictionary: entry e (0 .. count-1) is bytes[offsets[e]] up to
 * bytes[offsets[e+1]].  sorted: entries ascend by memcmp.
 */
typedef struct SiDict
{
	uint32		count;
	bool		sorted;
	const char *bytes;
	const uint64 *offsets;		/* count + 1 */
} SiDict;

/*
 * The values of one column in memory.  For strings, codes[i] is 0 for null
 * and otherwise 1 + the entry's number.  For other types, nulls is a bitmap
 * (bit i set: row i is null) or NULL when no row is.
 */
typedef struct SiColumn
{
	SiColumnDesc desc;
	union
	{
		const uint32 *codes;	/* SI_TYPE_STRING */
		const int64 *longs;		/* SI_TYPE_TIME, SI_TYPE_LONG */
		const float *floats;
		const double *doubles;
	}			v;
	const uint64 *nulls;
	SiDict		dict;			/* SI_TYPE_STRING */
} SiColumn;

/*
 * Rows, column by column.  Column 0 is always __time.  With a feed the
 * columns say what they are and have no values: the writer gets those block
 * by block.
 */
typedef struct SiTable
{
	uint32		nrows;
	int			ncolumns;
	SiColumn   *columns;
	struct SiFeed *feed;		/* NULL: all values are in memory */
} SiTable;

/* ---------------------------------------------------------------- errors */

typedef struct SiSegmentError
{
	uint64		offset;			/* byte offset in the file, when known */
	int			input;			/* si_merge: number of the input concerned, else -1 */
	char		text[200];		/* what is wrong, lower case, no full stop */
} SiSegmentError;

/* ---------------------------------------------------------------- writer */

typedef struct SiWriteOptions
{
	uint8		install[SI_UUID_LEN];
	SiCodec		dimension_codec;
	SiCodec		metric_codec;	/* of times, too */
	bool		bitmaps;		/* one roaring bitmap per dictionary value */
	int			nplain;			/* dimensions without, though bitmaps */
	const char *const *plain;
	bool		sort_dict;		/* renumber codes so that dictionaries ascend */
	bool		sorted_rows;	/* rows ascend by time, then dimensions */
	int64		interval_start; /* ms; PG_INT64_MIN..MAX for a delta */
	int64		interval_end;
} SiWriteOptions;

/* Where bytes go.  Returns false when the write failed: the writer stops. */
typedef struct SiSink
{
	bool		(*write) (void *arg, const void *data, size_t len);
	void	   *arg;
} SiSink;

typedef struct SiWriteResult
{
	uint64		bytes;
	int64		min_time,		/* of no rows: PG_INT64_MAX */
				max_time;		/* of no rows: PG_INT64_MIN */
} SiWriteResult;

/*
 * Writes one chunk.  False only when the sink failed or a limit of the format
 * is passed (err says which).
 */
extern bool si_segment_write(const SiTable *t, const SiWriteOptions *opt, const SiSink *sink,
							 SiWriteResult *result, SiSegmentError *err);

/* ---------------------------------------------------------------- reader */

/*
 * Where bytes come from: a file through the files module, or memory.  read
 * returns false on a short read or I/O error; it may also throw (files do).
 */
typedef struct SiByteSource
{
	bool		(*read) (void *arg, uint64 offset, void *buf, size_t len);
	void	   *arg;
	uint64		size;
} SiByteSource;

/* A byte source over memory that outlives it. */
extern void si_byte_source_memory(SiByteSource *src, const void *data, uint64 size);

typedef struct SiSegment SiSegment;

/* Numbers about a column, of the whole chunk or of one block. */
typedef struct SiColumnStats
{
	uint32		null_count;
	bool		has_minmax;		/* false: all null, strings of unsorted dictionaries */
	bool		has_sum;		/* false: all null, strings, times, a sum beyond int64 */
	/* longs, times and codes in i, floats and doubles in d; NaN sorts last */
	union
	{
		int64		i;
		double		d;
	}			min,
				max,
				sum;
} SiColumnStats;

typedef struct SiColumnInfo
{
	SiColumnDesc desc;
	SiColumnStats stats;		/* of the whole chunk */
	uint32		distinct;		/* strings: dictionary entries */
	bool		dict_sorted;
	bool		has_bitmaps;
	const char *encoding;		/* static text for inspection, of the first block */
	uint64		bytes;			/* stored bytes of the column in all */
} SiColumnInfo;

/*
 * Reads and checks header and footer.  install NULL: any install's file.
 * What is returned lives in CurrentMemoryContext; src is copied.
 */
extern SiSegment *si_segment_open(const SiByteSource *src, const uint8 *install, SiSegmentError *err);
extern void si_segment_close(SiSegment *seg);

extern uint32 si_segment_rows(const SiSegment *seg);
extern int	si_segment_blocks(const SiSegment *seg);
extern uint32 si_segment_block_rows(const SiSegment *seg, int block);
extern int	si_segment_columns(const SiSegment *seg);
extern bool si_segment_sorted_rows(const SiSegment *seg);
extern void si_segment_interval(const SiSegment *seg, int64 *start, int64 *end);
extern const SiColumnInfo *si_segment_column(const SiSegment *seg, int col);
/* -1 when the chunk does not have the column: it reads as null. */
extern int	si_segment_find_column(const SiSegment *seg, const char *name);
extern const SiColumnStats *si_segment_block_stats(SiSegment *seg, int col, int block, SiSegmentError *err);

/* The dictionary of a string column; kept by the segment until it is closed. */
extern const SiDict *si_segment_dict(SiSegment *seg, int col, SiSegmentError *err);

/*
 * Decodes one block of a column into out, which has room for SI_BLOCK_ROWS
 * values: uint32 codes, int64, float or double.  nulls (may be NULL for
 * strings) has room for SI_BLOCK_ROWS / 64 words and is always filled for
 * the other types; null positions of out are 0.
 */
extern bool si_segment_read_block(SiSegment *seg, int col, int block, void *out, uint64 *nulls,
								  SiSegmentError *err);

/*
 * Adds the rows (chunk-wide numbers) whose code is the given one (0: null) to
 * a selection bitmap of si_segment_rows() bits.  Only with has_bitmaps.
 */
extern bool si_segment_bitmap_or(SiSegment *seg, int col, uint32 code, uint64 *selection,
								 SiSegmentError *err);

/* Stored bytes of a column by what they are. */
typedef struct SiColumnParts
{
	uint64		dictionary;
	uint64		blocks;
	uint64		index;			/* numbers about blocks */
	uint64		bitmaps;
} SiColumnParts;

/* For inspection: where bytes go; how one block is stored. */
extern void si_segment_parts(const SiSegment *seg, int col, SiColumnParts *parts);
extern bool si_segment_block_form(SiSegment *seg, int col, int block, uint64 *bytes, const char **encoding,
								  SiSegmentError *err);

/* Reads everything and checks all that can be checked. */
extern bool si_segment_verify(SiSegment *seg, SiSegmentError *err);

/* ----------------------------------------------------------------- merge */

/*
 * Where a merge puts what does not fit into memory.  create returns a new,
 * empty file, or NULL; append adds to its end; read returns what was
 * appended; close gives a file up.  All may throw: files that are open then
 * are the maker's to close.
 */
typedef struct SiTempFiles
{
	void	   *(*create) (void *arg);
	bool		(*append) (void *file, const void *data, size_t len);
	bool		(*read) (void *file, uint64 offset, void *buf, size_t len);
	void		(*close) (void *file);
	void	   *arg;
} SiTempFiles;

typedef struct SiMergeSpec
{
	/* order of dimensions for sorting; columns not named follow by name */
	int			ndimensions;
	const char *const *dimensions;
	bool		rollup;			/* merge rows with equal time and dimensions */
	SiGranularity *split;		/* NULL: one output for all rows */
	uint64		max_rows;		/* rows per output at most; 0: no limit */
	uint64		memory;			/* bytes that the merge may take; 0: as many as it needs */
	const SiTempFiles *temp;	/* needed with memory */
} SiMergeSpec;

/*
 * Called once per output, in order of time.  The table lives until the
 * callback returns; dictionaries are sorted and hold only values in use.  A
 * table with a feed can be written once, with si_segment_write().  False
 * stops the merge.
 */
typedef bool (*SiMergeOutput) (void *arg, const SiTable *t, int64 interval_start, int64 interval_end);

/*
 * Merges chunks: union of columns (a column that a chunk lacks is null; the
 * same name with different types takes the narrowest type that loses nothing:
 * double for numbers, else text, JSON where one has it; a metric keeps the
 * type of the last chunk, or double, since it must combine), rows sorted by
 * time and dimensions, rolled up, split by interval.
 *
 * What needs more than spec->memory, by the estimate of si_merge_memory(), is
 * merged through temporary files, with the same result.  That takes at least
 * a few hundred kB per input, 4 bytes for every dictionary entry of the
 * column and input that have most, and 4 bytes for every row of the commonest
 * value of an output's column, whatever spec->memory is.
 */
extern bool si_merge(SiSegment **inputs, int ninputs, const SiMergeSpec *spec,
					 SiMergeOutput output, void *arg, SiSegmentError *err);
extern uint64 si_merge_memory(SiSegment **inputs, int ninputs);

#endif							/* SI_SEGMENT_SEGMENT_H */
