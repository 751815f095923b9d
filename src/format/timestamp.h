/*
 * timestamp.h
 *		Druid's timestampSpec: from a field's value to milliseconds.
 *
 * Semantics (with Druid's quirks) are pinned by test/unit data.
 */
#ifndef SI_FORMAT_TIMESTAMP_H
#define SI_FORMAT_TIMESTAMP_H

#include "common/types.h"

typedef struct SiTimestampParser SiTimestampParser;

/*
 * format: auto, iso, posix, millis, micro, nano, ruby (any case) or a Joda
 * pattern.  Returns NULL with a reason for a pattern that is not one.
 */
extern SiTimestampParser *si_timestamp_parser_create(const char *format,
													 bool has_missing, int64 missing_value,
													 SiReason *why);
/* The name of the field, which is not copied: reasons say when a message has none. */
extern void si_timestamp_parser_name(SiTimestampParser *p, const char *column);
extern void si_timestamp_parser_free(SiTimestampParser *p);

/*
 * False with a reason when the value cannot be read or lies outside of what
 * PostgreSQL's timestamptz holds (4713 BC .. 294276 AD).  A missing or null
 * value gives the parser's missing value when it has one.
 */
extern bool si_timestamp_parse(SiTimestampParser *p, const SiValue *v, int64 *ms, SiReason *why);

/* An ISO instant or date of a spec (missingValue, origin, intervals). */
extern bool si_timestamp_parse_iso(const char *text, int64 *ms, SiReason *why);

#endif							/* SI_FORMAT_TIMESTAMP_H */
