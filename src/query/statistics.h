/*
 * statistics.h
 *		What the planner knows of a data source without ANALYZE.
 *
 * Numbers of distinct values and nulls come from the footers of a few of the
 * largest chunks, once per backend and again when the data source has grown
 * by a fifth.  What ANALYZE has found goes before.
 */
#ifndef SI_QUERY_STATISTICS_H
#define SI_QUERY_STATISTICS_H

#include "postgres.h"

/* Installs the planner's hook; from _PG_init. */
extern void si_statistics_init(void);

/*
 * Sees to it that the planner finds statistics of a data source that has the
 * given number of rows; cheap when it does.
 */
extern void si_statistics_refresh(Oid relid, double rows);

/* Milliseconds between the first and the last row; 0: not known. */
extern double si_statistics_time_range(Oid relid);

#endif							/* SI_QUERY_STATISTICS_H */
