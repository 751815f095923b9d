/*
 * put.h
 *		Small pieces of JSON text, in Druid's spelling.
 */
#ifndef SI_API_PUT_H
#define SI_API_PUT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

/* "key": with a comma before it unless it is the first after a brace. */
extern void si_put_key(StringInfo json, const char *key);
/* key and value in one; a NULL text is null */
extern void si_put_text(StringInfo json, const char *key, const char *value);
extern void si_put_int(StringInfo json, const char *key, int64 value);
extern void si_put_double(StringInfo json, const char *key, double value);
extern void si_put_bool(StringInfo json, const char *key, bool value);
/* like 2026-11-22T11:09:48.982Z; 0 is null */
extern void si_put_time(StringInfo json, const char *key, TimestampTz value);
/* {"0":17,"1":4} */
extern void si_put_map(StringInfo json, const char *key, const int64 *keys, const int64 *values, int n);
/* The separator before an element of an array. */
extern void si_put_element(StringInfo json);
/* {"id":"x"}: Druid's answer to most verbs */
extern void si_put_id(StringInfo json, const char *id);

#endif							/* SI_API_PUT_H */
