/*
 * index_int.h
 *		What the files of the index share and nobody else sees: its columns.
 */
#ifndef SI_INDEX_INDEX_INT_H
#define SI_INDEX_INDEX_INT_H

#include "format/convert.h"
#include "format/timestamp.h"
#include "index/by_time.h"
#include "index/dict.h"
#include "index/index.h"
#include "index/reasons.h"

/* A table has at most 1600 columns; some are left for the user. */
#define MAX_COLUMNS		1590
#define MAX_NAME_LEN	63
#define FIRST_ROWS		1024

/* What a slot of the field table is to the index. */
#define SLOT_UNSEEN		(-1)
#define SLOT_IGNORED	(-2)
#define SLOT_UNSEEN_AUTO (-3)	/* a dimension of type auto without a value yet */

typedef struct IndexColumn
{
	/* what every row touches lies together */
	SiColumnDesc desc;
	int			slot;			/* of its input; -1: count */
	SiMultiValue multi_value;
	union
	{
		uint32	   *codes;
		int64	   *longs;
		float	   *floats;
		double	   *doubles;
	}			v;
	uint64	   *nulls;			/* numeric columns */
	uint32		nvalues;		/* rows that are not null */
	uint32		max_len;		/* bytes, or characters of a dimension, of a string */
	bool		any_null;		/* a bit of nulls is set */
	uint8		auto_type;		/* SiAutoType */
	bool		flat;			/* discovered without a type: no nested values */
	bool		known;			/* discovered: the catalog has it */
	uint8		auto_known;		/* with this auto_type */
	SiDictBuilder dict;
	const char *input;			/* name of the field it is made of, for reasons */
} IndexColumn;

typedef struct RollupEntry
{
	uint32		tag;
	uint32		row;			/* 1 + row; 0: free */
} RollupEntry;

struct SiIndex
{
#ifndef FRONTEND
	MemoryContext context;
#endif
	SiFieldTable *fields;
	SiTimestampParser *timestamps;
	int			time_slot;
	SiGranularity query_granularity;
	SiGranularity segment_granularity;
	bool		crosses;		/* a bucket of the first may begin before the segment of a time */
	bool		rollup;
	bool		discover;		/* slots may become columns */
	bool		discover_new;	/* those of unknown fields, too */
	bool		discover_auto;	/* with the type of their values */
	bool		any_auto;		/* there is a column with auto_type */
	int64		min_ms;
	int64		max_ms;

	uint32		nrows;
	uint32		cap;
	int64	   *times;
	int			ncolumns;
	int			columns_cap;
	IndexColumn *columns;
	SiByTime   *by_time;		/* first and last values; NULL: none */
	int			first_discovered;	/* columns from here on were discovered */
	int64		refused;

	/* slot of the field table to what it feeds, when discovering */
	int			nslots;
	int			slots_cap;
	int		   *slot_column;

	/* what was wrong in the message at hand */
	SiReasonList reasons;

	/* times of the message at hand */
	int64	   *message_times;
	int			message_cap;

	uint32		rollup_mask;
	RollupEntry *rollup_table;

	SiTextBuf	text;
	SiJsonBuf	json;
	SiTable		table;
	SiColumn   *table_columns;
};

static inline size_t
type_size(SiType type)
{
	return type == SI_TYPE_STRING || type == SI_TYPE_FLOAT ? 4 : 8;
}

static inline void
set_null(IndexColumn *c, uint32 row)
{
	c->nulls[row / 64] |= UINT64CONST(1) << (row % 64);
	c->any_null = true;
}

static inline bool
is_null(const IndexColumn *c, uint32 row)
{
	return (c->nulls[row / 64] >> (row % 64)) & 1;
}

static inline void
clear_null(IndexColumn *c, uint32 row)
{
	c->nulls[row / 64] &= ~(UINT64CONST(1) << (row % 64));
}

/*
 * The type of a column that takes the type of its values (auto.c): each one
 * holds every value of those before it.
 */
typedef enum SiAutoType
{
	SI_AUTO_NOT = 0,			/* its type is declared */
	SI_AUTO_LONG,
	SI_AUTO_DOUBLE,
	SI_AUTO_STRING,
	SI_AUTO_JSON
} SiAutoType;

/* The least type that holds a value that is not null. */
extern SiAutoType si_auto_type_of(const SiValue *v);
extern void si_auto_describe(SiAutoType type, SiColumnDesc *desc);
/* Makes the columns wide enough for a row that is about to be stored. */
extern void si_auto_widen(SiIndex *ix, const SiValue *values, int nvalues);
/* Whether a value can be stored without an error; all types hold all others. */
extern bool si_auto_check(SiIndex *ix, const IndexColumn *c, const SiValue *v, SiReason *why);

/* Rows were changed in place: their keys are hashed anew. */
extern void si_index_rehash(SiIndex *ix);

#endif							/* SI_INDEX_INDEX_INT_H */
