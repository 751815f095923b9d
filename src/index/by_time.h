/*
 * by_time.h
 *		Metrics that keep the first or the last value by time, while rows are
 *		gathered: beside each value lies its time.
 *
 * Rows are numbered as in the index, which stores a row behind the last one
 * and then keeps it or merges it into an earlier one.
 */
#ifndef SI_INDEX_BY_TIME_H
#define SI_INDEX_BY_TIME_H

#include "format/format.h"
#include "index/reasons.h"
#include "segment/segment.h"
#include "spec/spec.h"

typedef struct SiByTime SiByTime;

/* NULL when the spec has no such metric.  cap: rows there is room for. */
extern SiByTime *si_by_time_create(const SiSpec *spec, SiFieldTable *fields, uint32 cap);
/* Room for cap rows, a multiple of 64. */
extern void si_by_time_grow(SiByTime *b, uint32 cap);

/*
 * Stores the values of a row whose time is given, not truncated.  False when
 * some were wrong: the row has no value there, and the reasons say why.
 */
extern bool si_by_time_store(SiByTime *b, const SiValue *values, int nvalues, int64 time,
							 uint32 row, SiTextBuf *text, SiReasonList *reasons);
/* What si_by_time_store() would answer. */
extern bool si_by_time_check(SiByTime *b, const SiValue *values, int nvalues, SiTextBuf *text, SiReason *why);
/* Takes the values of row "from" into row "to", which was read earlier. */
extern void si_by_time_merge(SiByTime *b, uint32 to, uint32 from);

/* Bytes that nrows rows take. */
extern uint64 si_by_time_bytes(const SiByTime *b, uint32 nrows);
/* Columns that si_by_time_table() may add. */
extern int	si_by_time_columns(const SiByTime *b);
/*
 * Adds the columns that have a value to out, each followed by its times
 * unless they are row_times; returns how many.
 */
extern int	si_by_time_table(SiByTime *b, const int64 *row_times, uint32 nrows, SiColumn *out);
/* Begins the next batch. */
extern void si_by_time_reset(SiByTime *b);

#endif							/* SI_INDEX_BY_TIME_H */
