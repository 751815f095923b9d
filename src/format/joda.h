/*
 * joda.h
 *		Reading times with a Joda-Time DateTimeFormat pattern, as Druid's
 *		timestampSpec does: UTC unless the text says otherwise, English names.
 */
#ifndef SI_FORMAT_JODA_H
#define SI_FORMAT_JODA_H

#include "common/types.h"

typedef struct SiJoda SiJoda;

/* NULL with a reason when the pattern has a component that cannot be read. */
extern SiJoda *si_joda_create(const char *pattern, SiReason *why);
extern void si_joda_free(SiJoda *joda);
/* The whole of [p, end) must match. */
extern bool si_joda_parse(const SiJoda *joda, const char *p, const char *end, int64 *ms);

/* Is this exactly the id or the abbreviation of a time zone? */
extern bool si_zone_is_known(const char *name, size_t len);

#endif							/* SI_FORMAT_JODA_H */
