/*
 * convert.h
 *		Conversion of a parsed value to a column's type, with Druid's rules for
 *		dimensions and for the inputs of metrics.
 *
 * None of these throws.  SI_CONVERT_ERROR means: store null, the row counts
 * as processedWithError, why has Druid's message.
 */
#ifndef SI_FORMAT_CONVERT_H
#define SI_FORMAT_CONVERT_H

#include "common/types.h"

typedef enum SiConvert
{
	SI_CONVERT_OK,
	SI_CONVERT_NULL,
	SI_CONVERT_ERROR
} SiConvert;

/* How arrays in a string dimension are kept. */
typedef enum SiMultiValue
{
	SI_MULTI_SORTED_ARRAY = 0,
	SI_MULTI_SORTED_SET,
	SI_MULTI_ARRAY,
	SI_MULTI_TEXT				/* as one value, compact JSON text: metrics */
} SiMultiValue;

/* Reused buffer for texts that do not exist in the message. */
typedef struct SiTextBuf
{
	char	   *data;
	size_t		cap;
} SiTextBuf;

/*
 * A string dimension.  *text, *len point into the value or into buf (valid
 * until buf is used again).  Numbers, booleans as Druid prints them (1e3 is
 * "1000.0"); an array of several values becomes JSON text like ["a","b"] and
 * sets *multi; an object becomes compact JSON text.  A NUL character, which
 * PostgreSQL's text cannot hold, is replaced by U+FFFD and reported as an
 * error WITH a value: returns SI_CONVERT_ERROR and *text set.
 */
extern SiConvert si_convert_string(const SiValue *v, SiMultiValue mv, SiTextBuf *buf,
								   const char **text, uint32 *len, bool *multi,
								   const char *column, SiReason *why);

/* Length of a text cut to max_bytes, at the end of a character. */
extern uint32 si_text_clip(const char *text, uint32 len, uint32 max_bytes);
/* The same, cut to max_chars characters. */
extern uint32 si_text_clip_chars(const char *text, uint32 len, uint32 max_chars);

/* Numeric dimensions. */
extern SiConvert si_convert_long(const SiValue *v, int64 *out, const char *column, SiReason *why);
extern SiConvert si_convert_float(const SiValue *v, float *out, const char *column, SiReason *why);
extern SiConvert si_convert_double(const SiValue *v, double *out, const char *column, SiReason *why);

/* Reused buffers of si_convert_json(), all zero at first. */
typedef struct SiJsonBuf
{
	SiTextBuf	text;
	SiTextBuf	scratch;
	SiTextBuf	members;
} SiJsonBuf;

/*
 * A json dimension: canonical JSON text that jsonb takes, in buf until that
 * is used again; a null is none.  As si_convert_string() for NUL characters.
 */
extern SiConvert si_convert_json(const SiValue *v, SiJsonBuf *buf, const char **text, uint32 *len,
								 const char *column, SiReason *why);

/* Inputs of long and of floating metrics (lenient: "1,234", "1e3", " 12 "). */
extern SiConvert si_convert_metric_long(const SiValue *v, int64 *out, const char *field, SiReason *why);
extern SiConvert si_convert_metric_double(const SiValue *v, double *out, const char *field, SiReason *why);

#endif							/* SI_FORMAT_CONVERT_H */
