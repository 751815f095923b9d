/*
 * si_test.c
 *		Test module: stores the rows of a query as a chunk of a data source.
 *
 * Uses the extension's own writer, whose symbols are in the preloaded library,
 * and knows where chunk files lie.  Catalog rows are written by SQL: this module is not
 * about the commit transaction.  Not for production: no locks, no checks.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "catalog/chunks.h"
#include "catalog/pg_type.h"
#include "common/file_perm.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "files/files.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "segment/segment.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(si_test_load);
PG_FUNCTION_INFO_V1(si_test_damage);

#define EPOCH_MS INT64CONST(946684800000)

/* ------------------------------------------------------- rows to columns */

static SiType
type_of(Oid typid)
{
	switch (typid)
	{
		case TIMESTAMPTZOID:
			return SI_TYPE_TIME;
		case TEXTOID:
		case JSONOID:
			return SI_TYPE_STRING;
		case INT8OID:
			return SI_TYPE_LONG;
		case FLOAT4OID:
			return SI_TYPE_FLOAT;
		case FLOAT8OID:
			return SI_TYPE_DOUBLE;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("type %s is not stored in chunks", format_type_be(typid))));
	}
}

/* A dictionary under construction: text to code, in order of appearance. */
typedef struct DictBuilder
{
	StringInfoData bytes;
	uint64	   *offsets;
	uint32		count;
} DictBuilder;

/* Linear search: test data has short dictionaries. */
static uint32
code_of(DictBuilder *d, const char *ptr, uint32 len)
{
	for (uint32 e = 0; e < d->count; e++)
	{
		if (d->offsets[e + 1] - d->offsets[e] == len &&
			memcmp(d->bytes.data + d->offsets[e], ptr, len) == 0)
			return e + 1;
	}
	appendBinaryStringInfo(&d->bytes, ptr, len);
	d->offsets[++d->count] = d->bytes.len;
	return d->count;
}

static void
make_strings(SPITupleTable *rows, int col, SiColumn *column, uint32 n)
{
	DictBuilder d = {0};
	uint32	   *codes = palloc0(Max(n, 1) * sizeof(uint32));

	initStringInfo(&d.bytes);
	d.offsets = palloc0((n + 1) * sizeof(uint64));
	for (uint32 i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(rows->vals[i], rows->tupdesc, col + 1, &isnull);

		if (!isnull)
		{
			text	   *t = DatumGetTextPP(value);

			codes[i] = code_of(&d, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
		}
	}
	column->v.codes = codes;
	column->dict.count = d.count;
	column->dict.bytes = d.bytes.data;
	column->dict.offsets = d.offsets;
}

static void
make_numbers(SPITupleTable *rows, int col, SiColumn *column, uint32 n)
{
	int64	   *longs = palloc0(Max(n, 1) * sizeof(int64));
	float	   *floats = (float *) longs;
	double	   *doubles = (double *) longs;
	uint64	   *nulls = palloc0((n / 64 + 1) * sizeof(uint64));
	Oid			typid = TupleDescAttr(rows->tupdesc, col)->atttypid;

	for (uint32 i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(rows->vals[i], rows->tupdesc, col + 1, &isnull);

		if (isnull)
			nulls[i / 64] |= UINT64CONST(1) << (i % 64);
		else if (column->desc.type == SI_TYPE_FLOAT)
			floats[i] = DatumGetFloat4(value);
		else if (column->desc.type == SI_TYPE_DOUBLE)
			doubles[i] = DatumGetFloat8(value);
		else if (typid == INT8OID)
			longs[i] = DatumGetInt64(value);
		else if (TIMESTAMP_IS_NOBEGIN(DatumGetTimestampTz(value)))
			longs[i] = PG_INT64_MIN;
		else if (TIMESTAMP_IS_NOEND(DatumGetTimestampTz(value)))
			longs[i] = PG_INT64_MAX;
		else
			longs[i] = DatumGetTimestampTz(value) / 1000 + EPOCH_MS;
	}
	column->v.longs = longs;
	column->nulls = nulls;
}

static SiTable *
make_table(SPITupleTable *rows, uint32 n)
{
	SiTable    *t = palloc0(sizeof(SiTable));

	t->nrows = n;
	t->ncolumns = rows->tupdesc->natts;
	t->columns = palloc0(t->ncolumns * sizeof(SiColumn));
	for (int col = 0; col < t->ncolumns; col++)
	{
		SiColumn   *column = &t->columns[col];
		Form_pg_attribute att = TupleDescAttr(rows->tupdesc, col);

		column->desc.name = pstrdup(NameStr(att->attname));
		column->desc.type = type_of(att->atttypid);
		column->desc.json = att->atttypid == JSONOID;
		/* only __time is a time: others are stored as numbers of milliseconds */
		if (column->desc.type == SI_TYPE_TIME && col > 0)
			column->desc.type = SI_TYPE_LONG;
		column->desc.role = col == 0 ? SI_ROLE_TIME :
			column->desc.type == SI_TYPE_STRING ? SI_ROLE_DIMENSION : SI_ROLE_METRIC;
		column->desc.agg = column->desc.role == SI_ROLE_METRIC ? SI_AGG_SUM : SI_AGG_NONE;
		if (column->desc.type == SI_TYPE_STRING)
			make_strings(rows, col, column, n);
		else
			make_numbers(rows, col, column, n);
	}
	return t;
}

/* ------------------------------------------------------- chunks and rows */

static bool
append_bytes(void *arg, const void *data, size_t len)
{
	appendBinaryStringInfo((StringInfo) arg, data, (int) len);
	return true;
}

static void
write_chunk(const SiTable *t, SiWriteOptions *opt, SiSink *sink, SiWriteResult *result)
{
	SiSegmentError err = {0};

	if (!si_segment_write(t, opt, sink, result, &err))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("chunk cannot be written: %s", err.text)));
}

/* One statement with parameters that are all given as text. */
static void
execute(const char *sql, int nargs, const char **args)
{
	Oid			types[16];
	Datum		values[16];
	char		nulls[16];

	for (int i = 0; i < nargs; i++)
	{
		types[i] = TEXTOID;
		values[i] = args[i] == NULL ? (Datum) 0 : CStringGetTextDatum(args[i]);
		nulls[i] = args[i] == NULL ? 'n' : ' ';
	}
	if (SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0) < 0)
		elog(ERROR, "test statement failed: %s", sql);
}

static const char *
int64_text(int64 n)
{
	return psprintf(INT64_FORMAT, n);
}

static void
insert_segment(const SiDataSource *ds, const SiTable *t, const SiWriteResult *w, const char *file)
{
	const char *args[] = {
		int64_text(ds->data_source_id), int64_text(t->nrows), int64_text(w->bytes),
		int64_text(t->nrows ? w->min_time : 0), int64_text(t->nrows ? w->max_time : 0), file
	};

	execute("INSERT INTO stream_ingest.segment (data_source_id, segment_id, install, interval_start_ms, "
			"interval_end_ms, version, partition_num, rows, bytes, min_ms, max_ms, group_id, first_seq, "
			"last_seq, partitions, start_offsets, end_offsets, file) "
			"SELECT $1::bigint, nextval('stream_ingest.segment_id_seq'), uuid, $4::bigint, $5::bigint, now(), 0, "
			"$2::bigint, $3::bigint, $4::bigint, $5::bigint, 0, 0, 0, '{}', '{}', '{}', $6 "
			"FROM stream_ingest.install", lengthof(args), args);
}

static void
insert_delta(const SiDataSource *ds, const SiTable *t, const SiWriteResult *w, int level,
			 const char *file, const char *hex)
{
	const char *args[] = {
		int64_text(ds->data_source_id), int64_text(t->nrows), int64_text(w->bytes),
		int64_text(t->nrows ? w->min_time : 0), int64_text(t->nrows ? w->max_time : 0), file,
		hex, int64_text(level)
	};

	execute("INSERT INTO stream_ingest.tier (data_source_id, level, group_id, floor) "
			"VALUES ($1::bigint, $2::smallint, 0, 0) ON CONFLICT DO NOTHING", 2,
			(const char *[]) {args[0], args[7]});
	execute("INSERT INTO stream_ingest.delta (data_source_id, level, group_id, seq, install, first_seq, rows, "
			"bytes, min_ms, max_ms, partitions, start_offsets, end_offsets, file, data) "
			"SELECT $1::bigint, $8::smallint, 0, (SELECT coalesce(max(seq), 0) + 1 FROM stream_ingest.delta), uuid, 0, "
			"$2::bigint, $3::bigint, $4::bigint, $5::bigint, '{}', '{}', '{}', $6, decode($7, 'hex') "
			"FROM stream_ingest.install", lengthof(args), args);
}

static void
find_data_source(Oid relid, SiDataSource *ds)
{
	if (!si_catalog_data_source(relid, GetActiveSnapshot(), ds))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("relation %u is not a data source", relid)));
}

/* Path of a chunk file, or of the directory when name is empty. */
static char *
chunk_path(const SiDataSource *ds, const char *name)
{
	char		hex[SI_UUID_LEN * 2 + 1];

	hex[hex_encode((const char *) ds->install, SI_UUID_LEN, hex)] = '\0';
	return psprintf("stream_ingest/%u/%s/%s", MyDatabaseId, hex, name);
}

/*
 * Writes a chunk file under a name without a run id: the sweeper of orphans
 * knows nothing of this transaction and would remove a file with one before
 * the transaction commits.
 */
static char *
write_file(const SiDataSource *ds, StringInfo bytes)
{
	char	   *name = psprintf("test-%016llx.chunk",
								(unsigned long long) pg_prng_uint64(&pg_global_prng_state));
	int			fd;

	if (pg_mkdir_p(chunk_path(ds, ""), pg_dir_create_mode) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not create directory: %m")));
	fd = open(chunk_path(ds, name), O_WRONLY | O_CREAT | O_EXCL, pg_file_create_mode);
	if (fd < 0 || write(fd, bytes->data, bytes->len) != bytes->len || fsync(fd) != 0 || close(fd) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not write file \"%s\": %m", name)));
	return name;
}

/* si_test_load(relid, query, published, inline, bitmaps, level) returns rows */
Datum
si_test_load(PG_FUNCTION_ARGS)
{
	char	   *query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	bool		published = PG_GETARG_BOOL(2);
	bool		is_inline = PG_GETARG_BOOL(3) && !published;
	SiWriteOptions opt = {.dimension_codec = SI_CODEC_LZ4, .metric_codec = SI_CODEC_LZ4};
	SiWriteResult result = {0};
	SiDataSource ds;
	SiTable    *t;
	SiSink		sink;
	StringInfoData bytes;
	int64		nrows;

	SPI_connect();
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "not a query: %s", query);
	find_data_source(PG_GETARG_OID(0), &ds);
	t = make_table(SPI_tuptable, SPI_processed);
	nrows = t->nrows;

	memcpy(opt.install, ds.install, SI_UUID_LEN);
	opt.bitmaps = published && PG_GETARG_BOOL(4);
	opt.sort_dict = published;
	opt.interval_start = PG_INT64_MIN;
	opt.interval_end = PG_INT64_MAX;
	initStringInfo(&bytes);
	sink.write = append_bytes;
	sink.arg = &bytes;
	write_chunk(t, &opt, &sink, &result);
	if (is_inline)
	{
		char	   *hex = palloc(bytes.len * 2 + 1);

		hex[hex_encode(bytes.data, bytes.len, hex)] = '\0';
		insert_delta(&ds, t, &result, PG_GETARG_INT32(5), NULL, hex);
	}
	else if (published)
		insert_segment(&ds, t, &result, write_file(&ds, &bytes));
	else
		insert_delta(&ds, t, &result, PG_GETARG_INT32(5), write_file(&ds, &bytes), NULL);
	SPI_finish();
	PG_RETURN_INT64(nrows);
}

/* si_test_damage(relid, file, at, remove) */
Datum
si_test_damage(PG_FUNCTION_ARGS)
{
	char	   *file = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int64		at = PG_GETARG_INT64(2);
	SiDataSource ds;
	char	   *path;
	char		byte;
	int			fd;

	find_data_source(PG_GETARG_OID(0), &ds);
	if (PG_GETARG_BOOL(3))
	{
		si_file_unlink(ds.install, file);
		PG_RETURN_VOID();
	}
	path = chunk_path(&ds, file);
	fd = open(path, O_RDWR);
	if (fd < 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open \"%s\": %m", path)));
	if (at < 0)
		at += lseek(fd, 0, SEEK_END);
	if (pread(fd, &byte, 1, at) == 1)
	{
		byte ^= 0x10;
		if (pwrite(fd, &byte, 1, at) != 1)
			elog(ERROR, "could not write");
	}
	close(fd);
	PG_RETURN_VOID();
}
