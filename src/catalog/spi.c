/*
 * spi.c
 *		Statements on our own tables.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "catalog/spi.h"
#include "pgstat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

uint64
si_spi_run(SiStatement *st, Datum *values, const char *nulls, int expected)
{
	int			rc;

	if (st->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(st->sql, st->nargs, st->types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", st->sql, SPI_result_code_string(SPI_result));
		st->plan = plan;
	}
	rc = SPI_execute_plan(st->plan, values, nulls, false, 0);
	if (rc != expected)
		elog(ERROR, "\"%s\" failed: %s", st->sql, SPI_result_code_string(rc));
	return SPI_processed;
}

void
si_spi_begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to the SPI manager");
}

void
si_spi_commit(void)
{
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(false);
}

void
si_spi_abort(void)
{
	SPI_finish();
	PopActiveSnapshot();
	AbortCurrentTransaction();
	pgstat_report_stat(false);
}

Datum
si_int8_array(const int64 *v, int n)
{
	Datum	   *d = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		d[i] = Int64GetDatum(v[i]);
	return PointerGetDatum(construct_array(d, n, INT8OID, 8, true, TYPALIGN_DOUBLE));
}

Datum
si_int4_array(const int32 *v, int n)
{
	Datum	   *d = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		d[i] = Int32GetDatum(v[i]);
	return PointerGetDatum(construct_array(d, n, INT4OID, 4, true, TYPALIGN_INT));
}

int64 *
si_array_int8(Datum d, int *n)
{
	Datum	   *elems;
	int64	   *v;

	deconstruct_array(DatumGetArrayTypeP(d), INT8OID, 8, true, TYPALIGN_DOUBLE, &elems, NULL, n);
	v = palloc(sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		v[i] = DatumGetInt64(elems[i]);
	return v;
}

int32 *
si_array_int4(Datum d, int *n)
{
	Datum	   *elems;
	int32	   *v;

	deconstruct_array(DatumGetArrayTypeP(d), INT4OID, 4, true, TYPALIGN_INT, &elems, NULL, n);
	v = palloc(sizeof(int32) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		v[i] = DatumGetInt32(elems[i]);
	return v;
}

Datum
si_spi_value(uint64 row, int col, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, col, isnull);
}

int64
si_spi_int8(uint64 row, int col)
{
	bool		isnull;
	Datum		d = si_spi_value(row, col, &isnull);

	return isnull ? 0 : DatumGetInt64(d);
}

int32
si_spi_int4(uint64 row, int col)
{
	bool		isnull;
	Datum		d = si_spi_value(row, col, &isnull);

	return isnull ? 0 : DatumGetInt32(d);
}

char *
si_spi_text(uint64 row, int col, MemoryContext context)
{
	bool		isnull;
	Datum		d = si_spi_value(row, col, &isnull);
	char	   *s;

	if (isnull)
		return NULL;
	s = TextDatumGetCString(d);
	return MemoryContextStrdup(context, s);
}
