/*
 * widen.h
 *		Foreign tables follow what their chunks hold.
 */
#ifndef SI_API_WIDEN_H
#define SI_API_WIDEN_H

#include "postgres.h"

/*
 * The overlord calls this every second, outside a transaction: adds to the
 * foreign tables the columns that were discovered in the stream or came with
 * a changed spec.  Waits at most 50 ms for the lock of one table, then tries
 * that table again later.  An error with one table is logged and shown in
 * discovered_column.problem.
 */
extern void si_widen_tables(void);

#endif							/* SI_API_WIDEN_H */
