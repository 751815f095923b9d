/*
 * index.h
 *		Rows of one commit, gathered column by column: conversion, rejection
 *		by time, dictionaries, rollup.
 *
 * Pure: no clock, no lock, no broker.  The index owns its arrays and reuses
 * them from batch to batch; everything is allocated in the memory context
 * that was current at si_index_create().
 */
#ifndef SI_INDEX_INDEX_H
#define SI_INDEX_INDEX_H

#include "common/types.h"
#include "format/format.h"
#include "segment/segment.h"
#include "spec/spec.h"

typedef struct SiIndex SiIndex;

/* What became of the rows of one message. */
typedef struct SiAddResult
{
	int			processed;
	int			with_error;		/* stored, with a null where a value was wrong */
	int			before_min;		/* thrown away: older than the minimum message time */
	int			after_max;
	int			filtered;		/* thrown away: refused by the filter, before they got here */
	bool		unparseable;	/* no row of the message was stored */
	int			unparseable_rows;	/* of rows that stand for themselves */
} SiAddResult;

/*
 * fields must be the table of the format that parses: the index adds the
 * fields it wants.  ERROR-free: a bad timestamp format returns NULL and why.
 */
extern SiIndex *si_index_create(const SiSpec *spec, SiFieldTable *fields, SiReason *why);

/* Bounds of message times, both inclusive, in ms. */
extern void si_index_set_bounds(SiIndex *ix, int64 min_ms, int64 max_ms);

/*
 * Adds the rows of one parsed message.  why is filled when unparseable is
 * set or with_error > 0.  When rows->nbad > 0 it is why one of them is bad.
 */
extern void si_index_add(SiIndex *ix, const SiRows *rows, SiAddResult *result, SiReason *why);
/*
 * All that was wrong in the message that was added last and is not
 * unparseable as a whole; the first of them was why.  Valid until the next one.
 */
extern int	si_index_reasons(const SiIndex *ix, const SiReason **list);

/*
 * What si_index_add() would answer, without storing anything: for messages
 * near maxParseExceptions.
 */
extern void si_index_check(SiIndex *ix, const SiRows *rows, SiAddResult *result, SiReason *why);

extern uint32 si_index_rows(const SiIndex *ix);
/* Bytes that the gathered rows take. */
extern uint64 si_index_bytes(const SiIndex *ix);

/*
 * The rows as a table: valid until the next add or reset.  Columns without a
 * value are left out (a chunk without a column reads null), __time is always
 * there.
 */
extern const SiTable *si_index_table(SiIndex *ix);
/* Begins the next batch; discovered columns stay known. */
extern void si_index_reset(SiIndex *ix);

/*
 * Dimensions discovered since the index was created: name and Druid's type
 * (string, long, double, json) of the i-th, NULL at the end.
 */
extern const char *si_index_discovered(const SiIndex *ix, int i, const char **type);
/*
 * Those of them that are new, or have a wider type, since the last call of
 * si_index_news_known(): from *i (0 at first), which is moved; NULL at the end.
 */
extern const char *si_index_news(const SiIndex *ix, int *i, const char **type);
extern void si_index_news_known(SiIndex *ix);
/* Fields that were not made columns because of the limits of a table. */
extern int64 si_index_refused_columns(const SiIndex *ix);

#endif							/* SI_INDEX_INDEX_H */
