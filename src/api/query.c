/*
 * query.c
 *		Queries on the extension's own tables, on behalf of a user who has no
 *		right on them.
 *
 * A layer over SPI that keeps three things together which must not be
 * forgotten singly: the switch to the bootstrap superuser, the pinned
 * search path, and memory: the current context stays the caller's, so that
 *		what is built from the results outlives SPI_finish().
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "api/query.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "catalog/version.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define MAX_ARGS	8

void
si_query_begin(SiQuery *q, bool read_only)
{
	si_catalog_check_version();
	si_query_begin_any_version(q, read_only);
}

void
si_query_begin_any_version(SiQuery *q, bool read_only)
{
	GetUserIdAndSecContext(&q->user, &q->sec_context);
	q->result = CurrentMemoryContext;
	q->read_only = read_only;
	q->latest = false;
	q->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, q->sec_context | SECURITY_LOCAL_USERID_CHANGE);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(q->result);
}

void
si_query_end(SiQuery *q)
{
	SPI_finish();
	SetUserIdAndSecContext(q->user, q->sec_context);
	AtEOXact_GUC(true, q->guc_level);
}

/*
 * Under a snapshot of now, as foreign keys are checked: in REPEATABLE READ, too,
 * a table can be dropped that was committed after the transaction began.
 */
static int
execute_latest(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	SPIPlanPtr	plan = SPI_prepare(sql, nargs, types);

	if (plan == NULL)
		return SPI_result;
	return SPI_execute_snapshot(plan, values, nulls, GetLatestSnapshot(), InvalidSnapshot, false, true, 0);
}

int
si_query(SiQuery *q, const char *sql, const char *formats,...)
{
	Oid			types[MAX_ARGS];
	Datum		values[MAX_ARGS];
	char		nulls[MAX_ARGS];
	int			nargs = strlen(formats);
	int			rc;
	va_list		args;

	Assert(nargs <= MAX_ARGS);
	va_start(args, formats);
	for (int i = 0; i < nargs; i++)
	{
		const char *text;

		nulls[i] = ' ';
		switch (formats[i])
		{
			case 't':
				types[i] = TEXTOID;
				text = va_arg(args, const char *);
				if (text)
					values[i] = CStringGetTextDatum(text);
				else
				{
					values[i] = (Datum) 0;
					nulls[i] = 'n';
				}
				break;
			case 'i':
				types[i] = INT8OID;
				values[i] = Int64GetDatum(va_arg(args, int64));
				break;
			case 'o':
				types[i] = OIDOID;
				values[i] = ObjectIdGetDatum(va_arg(args, Oid));
				break;
			case 'b':
				types[i] = BOOLOID;
				values[i] = BoolGetDatum(va_arg(args, int));
				break;
			default:
				elog(ERROR, "unknown format letter \"%c\"", formats[i]);
		}
	}
	va_end(args);

	rc = q->latest ? execute_latest(sql, nargs, types, values, nulls) :
		SPI_execute_with_args(sql, nargs, types, values, nulls, q->read_only, 0);
	MemoryContextSwitchTo(q->result);
	if (rc < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(rc));
	return (int) SPI_processed;
}

void
si_query_as_owner(SiQuery *q, Oid relid, const char *sql)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			user;
	int			sec_context;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table of the data source is gone")));
	GetUserIdAndSecContext(&user, &sec_context);
	SetUserIdAndSecContext(((Form_pg_class) GETSTRUCT(tuple))->relowner,
						   sec_context | SECURITY_RESTRICTED_OPERATION | SECURITY_LOCAL_USERID_CHANGE);
	ReleaseSysCache(tuple);
	(void) si_query(q, sql, "");
	SetUserIdAndSecContext(user, sec_context);
}

static Datum
get(int row, int col, bool *isnull)
{
	Assert(SPI_tuptable != NULL && row < SPI_tuptable->numvals);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, col + 1, isnull);
}

bool
si_get_isnull(int row, int col)
{
	bool		isnull;

	(void) get(row, col, &isnull);
	return isnull;
}

char *
si_get_text(int row, int col)
{
	bool		isnull;
	Datum		d = get(row, col, &isnull);

	return isnull ? NULL : TextDatumGetCString(d);
}

char *
si_get_bytes(int row, int col, int *len)
{
	bool		isnull;
	Datum		d = get(row, col, &isnull);
	bytea	   *bytes;
	char	   *copy;

	*len = 0;
	if (isnull)
		return NULL;
	bytes = DatumGetByteaPP(d);
	*len = VARSIZE_ANY_EXHDR(bytes);
	copy = palloc(*len + 1);
	memcpy(copy, VARDATA_ANY(bytes), *len);
	copy[*len] = '\0';
	return copy;
}

/* A value whose null reads as zero. */
static Datum
get_or_zero(int row, int col)
{
	bool		isnull;
	Datum		d = get(row, col, &isnull);

	return isnull ? (Datum) 0 : d;
}

int64
si_get_int64(int row, int col)
{
	Datum		d = get_or_zero(row, col);

	switch (SPI_gettypeid(SPI_tuptable->tupdesc, col + 1))
	{
		case INT2OID:
			return DatumGetInt16(d);
		case INT4OID:
			return DatumGetInt32(d);
		default:
			return DatumGetInt64(d);
	}
}

Oid
si_get_oid(int row, int col)
{
	return DatumGetObjectId(get_or_zero(row, col));
}

bool
si_get_bool(int row, int col)
{
	return DatumGetBool(get_or_zero(row, col));
}

TimestampTz
si_get_time(int row, int col)
{
	return DatumGetTimestampTz(get_or_zero(row, col));
}

int64 *
si_get_int64s(int row, int col, int *n)
{
	bool		isnull;
	Datum		d = get(row, col, &isnull);
	ArrayType  *array;
	int64	   *result;

	*n = 0;
	if (isnull)
		return NULL;
	array = DatumGetArrayTypeP(d);
	if (ARR_HASNULL(array) || ARR_NDIM(array) > 1 ||
		(ARR_ELEMTYPE(array) != INT4OID && ARR_ELEMTYPE(array) != INT8OID))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a table of stream_ingest holds a malformed array")));
	if (ARR_NDIM(array) == 1)
		*n = ARR_DIMS(array)[0];
	result = palloc(sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		result[i] = ARR_ELEMTYPE(array) == INT4OID ?
			((int32 *) ARR_DATA_PTR(array))[i] : ((int64 *) ARR_DATA_PTR(array))[i];
	return result;
}
