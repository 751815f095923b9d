/*
 * types.h
 *		Words that every module shares: column types, roles, aggregators, and
 *		the value and row that pass from a format to the index.
 */
#ifndef SI_COMMON_TYPES_H
#define SI_COMMON_TYPES_H

#include "common/port.h"

/* Name of the time column of every data source. */
#define SI_TIME_COLUMN	"__time"

/* Physical column types.  The numbers are part of the segment format. */
typedef enum SiType
{
	SI_TYPE_TIME = 1,			/* int64 milliseconds since the Unix epoch, UTC */
	SI_TYPE_STRING = 2,			/* UTF-8, dictionary encoded */
	SI_TYPE_LONG = 3,			/* int64 */
	SI_TYPE_FLOAT = 4,			/* float4 */
	SI_TYPE_DOUBLE = 5			/* float8 */
} SiType;

/* What a column is for.  The numbers are part of the segment format. */
typedef enum SiRole
{
	SI_ROLE_TIME = 1,
	SI_ROLE_DIMENSION = 2,
	SI_ROLE_METRIC = 3,
	SI_ROLE_TIMES = 4			/* times of the values of the metric before it */
} SiRole;

/*
 * How two values of a metric column are combined when rows are merged.  A
 * count is stored as a long that combines by SUM.  Nulls are ignored; all
 * null gives null.  FIRST and LAST go by the times of the values instead: of
 * equal times FIRST keeps the value read earlier, LAST the one read later; a
 * null with a time counts, a value without a time does not.  The numbers are
 * part of the segment format.
 */
typedef enum SiAgg
{
	SI_AGG_NONE = 0,			/* not a metric */
	SI_AGG_SUM = 1,
	SI_AGG_MIN = 2,
	SI_AGG_MAX = 3,
	SI_AGG_FIRST = 4,
	SI_AGG_LAST = 5,
	SI_AGG_ANY = 6				/* one of the values that are not null */
} SiAgg;

/* Whether values are chosen by their times. */
#define SI_AGG_BY_TIME(agg)	((agg) == SI_AGG_FIRST || (agg) == SI_AGG_LAST)

/* Name, type and role of one column. */
typedef struct SiColumnDesc
{
	const char *name;			/* NUL-terminated UTF-8, exactly as in the spec */
	SiType		type;
	SiRole		role;
	SiAgg		agg;			/* SI_AGG_NONE unless role is METRIC */
	bool		multi_value;	/* some row holds an array, as JSON text */
	bool		json;			/* strings are canonical JSON text */
} SiColumnDesc;

/*
 * What u.i of a string says when its maker knows that there is no NUL in it.
 * Looking for one costs more than parsing the string; any other number is fine
 * and makes the reader look.
 */
#define SI_STRING_NO_NUL	INT64CONST(0x6E6F4E554C)

/* One field of one parsed message. */
typedef enum SiValueKind
{
	SI_VALUE_MISSING = 0,		/* the message has no such field */
	SI_VALUE_NULL,				/* JSON null */
	SI_VALUE_BOOL,				/* u.i is 0 or 1 */
	SI_VALUE_LONG,				/* u.i */
	SI_VALUE_DOUBLE,			/* u.d; decimals, exponents, beyond 64 bits */
	SI_VALUE_STRING,			/* ptr, len: unescaped UTF-8, may contain NUL (see above) */
	SI_VALUE_ARRAY,				/* ptr, len: the raw JSON text of the array */
	SI_VALUE_OBJECT				/* ptr, len: the raw JSON text of the object */
} SiValueKind;

typedef struct SiValue
{
	const char *ptr;			/* also set for numbers: their text */
	uint32		len;
	uint32		kind;			/* SiValueKind */
	union
	{
		int64		i;
		double		d;
	}			u;
} SiValue;

/* A growing message text for errors about data; never thrown. */
#define SI_REASON_LEN 512
typedef struct SiReason
{
	char		text[SI_REASON_LEN];	/* NUL-terminated, valid UTF-8 */
} SiReason;

#endif							/* SI_COMMON_TYPES_H */
