/*
 * spi.h
 *		Statements on our own tables: prepared once per process, run in a
 *		transaction of the caller's.
 *
 * Only workers, whose search_path is pg_catalog, and code that has pinned its
 * own use this.  All names in the statements are qualified.
 */
#ifndef SI_CATALOG_SPI_H
#define SI_CATALOG_SPI_H

#include "postgres.h"

#include "executor/spi.h"

typedef struct SiStatement
{
	const char *sql;
	int			nargs;
	Oid			types[20];
	SPIPlanPtr	plan;			/* NULL until first used */
} SiStatement;

/*
 * Runs a statement between SPI_connect() and SPI_finish().  nulls as in
 * SPI_execute_plan (may be NULL).  Returns SPI_processed; ERROR unless the
 * result is the expected one.
 */
extern uint64 si_spi_run(SiStatement *st, Datum *values, const char *nulls, int expected);

/* StartTransactionCommand, a snapshot and SPI_connect in one; and the way back. */
extern void si_spi_begin(void);
extern void si_spi_commit(void);
/* Gives the transaction up without an ERROR. */
extern void si_spi_abort(void);

/* Arrays of 8 and 4 byte integers to and from C. */
extern Datum si_int8_array(const int64 *v, int n);
extern Datum si_int4_array(const int32 *v, int n);
extern int64 *si_array_int8(Datum d, int *n);
extern int32 *si_array_int4(Datum d, int *n);

/* A column of the current SPI row. */
extern Datum si_spi_value(uint64 row, int col, bool *isnull);
extern int64 si_spi_int8(uint64 row, int col);
extern int32 si_spi_int4(uint64 row, int col);
/* palloc'ed in the given context; NULL for null */
extern char *si_spi_text(uint64 row, int col, MemoryContext context);

#endif							/* SI_CATALOG_SPI_H */
