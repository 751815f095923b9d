/*
 * scan_function.c
 *		stream_ingest.scan() and stream_ingest.scan_json(): rows of a data
 *		source without its foreign table in FROM.
 *
 * scan() gives the columns that its caller lists, by their names: those of
 * the table, and those that only chunks have.  A column takes the type that
 * is asked for by the rules of columns.h.  scan_json() gives every row as an
 * object of what its chunk holds.
 *
 * The right to read the table is needed, or, of scan(), to read all columns
 * that are listed.  Rows and errors are those of a scan of the table under
 * the same snapshot.
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/granularity.h"
#include "common/pgcompat.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "query/scan.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(si_scan_rows);
PG_FUNCTION_INFO_V1(si_scan_json);

/* What a call wants. */
typedef struct RowScan
{
	Relation	rel;
	SiDataSource ds;
	SiChunk    *chunks;
	int			nchunks;
	TimestampTz start;			/* inclusive */
	TimestampTz end;
	bool		has_start;
	bool		has_end;
	int64		left;			/* rows still wanted */
	Tuplestorestate *result;
	TupleDesc	desc;
} RowScan;

/* Opens the table and lists the chunks; arguments from first on are start, end and max_rows. */
static void
begin_scan(RowScan *s, FunctionCallInfo fcinfo, int first)
{
	Oid			relid = PG_GETARG_OID(0);
	Snapshot	snapshot = GetActiveSnapshot();
	int			skipped;

	memset(s, 0, sizeof(*s));
	s->rel = try_table_open(relid, AccessShareLock);
	if (s->rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no relation with OID %u", relid)));
	s->has_start = !PG_ARGISNULL(first);
	s->has_end = !PG_ARGISNULL(first + 1);
	s->start = s->has_start ? PG_GETARG_TIMESTAMPTZ(first) : DT_NOBEGIN;
	s->end = s->has_end ? PG_GETARG_TIMESTAMPTZ(first + 1) : DT_NOEND;
	s->left = PG_ARGISNULL(first + 2) ? PG_INT64_MAX : PG_GETARG_INT64(first + 2);
	if (s->left < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must not be negative")));
	if (si_scan_data_source(s->rel, snapshot, &s->ds))
		s->chunks = si_catalog_chunks(&s->ds, snapshot, PG_INT64_MIN, PG_INT64_MAX, &s->nchunks, &skipped);
}

/* Whether some or, when both are the same, this time is wanted. */
static bool
in_range(const RowScan *s, int64 min_ms, int64 max_ms)
{
	return (!s->has_start || si_ms_to_timestamptz(max_ms) >= s->start) &&
		(!s->has_end || si_ms_to_timestamptz(min_ms) < s->end);
}

static bool
is_wanted(const RowScan *s, const SiChunk *chunk)
{
	return s->left > 0 && chunk->rows > 0 && in_range(s, chunk->min_ms, chunk->max_ms);
}

/* ------------------------------------------------------------------- scan() */

/* The caller may read the table, or each of the columns. */
static void
check_columns(const RowScan *s, const TupleDesc desc)
{
	Oid			relid = RelationGetRelid(s->rel);
	AclResult	acl = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);

	for (int i = 0; acl != ACLCHECK_OK && i < desc->natts; i++)
	{
		AttrNumber	attno = get_attnum(relid, NameStr(TupleDescAttr(desc, i)->attname));

		if (attno <= 0 || pg_attribute_aclcheck(relid, attno, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			aclcheck_error(acl, OBJECT_FOREIGN_TABLE, RelationGetRelationName(s->rel));
	}
}

/* Puts the wanted rows of the current block; the column of number time is __time. */
static void
put_block(RowScan *s, SiChunkReader *r, int time)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(s->desc->natts, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(s->desc->natts, 1));
	const SiVector *times = si_chunk_load(r, time);

	for (int i = 0; i < s->desc->natts; i++)
		si_chunk_load(r, i);
	for (uint32 row = 0; row < r->block_rows && s->left > 0; row++)
	{
		if (!in_range(s, times->v.longs[row], times->v.longs[row]))
			continue;
		for (int i = 0; i < s->desc->natts; i++)
			values[i] = si_chunk_datum(r, i, row, &nulls[i]);
		tuplestore_putvalues(s->result, s->desc, values, nulls);
		s->left--;
	}
}

static void
scan_chunk(RowScan *s, SiChunkReader *r, int time, MemoryContext block_cxt)
{
	for (int block = 0; block < r->nblocks && s->left > 0; block++)
	{
		const SiColumnStats *stats = si_chunk_block_stats(r, time, block);
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		if (stats != NULL && stats->has_minmax && !in_range(s, stats->min.i, stats->max.i))
			continue;
		old = MemoryContextSwitchTo(block_cxt);
		si_chunk_set_block(r, block);
		put_block(s, r, time);
		MemoryContextSwitchTo(old);
		MemoryContextReset(block_cxt);
	}
}

/* scan(data_source, start, end, max_rows) */
Datum
si_scan_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RowScan		s;
	SiAttribute *atts;
	SiChunkReader *r;
	MemoryContext block_cxt;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("data_source must not be null")));
	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || rsinfo->expectedDesc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("scan() needs a list of columns"),
				 errhint("Write for example SELECT * FROM stream_ingest.scan('events') AS t (__time timestamptz, page text).")));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	begin_scan(&s, fcinfo, 1);
	s.result = rsinfo->setResult;
	s.desc = rsinfo->setDesc;
	check_columns(&s, s.desc);

	/* the columns of the list, then __time for the range */
	atts = palloc0(sizeof(SiAttribute) * (s.desc->natts + 1));
	for (int i = 0; i < s.desc->natts; i++)
	{
		Form_pg_attribute a = TupleDescAttr(s.desc, i);

		si_attribute_init_as(s.rel, NameStr(a->attname), a->atttypid, a->atttypmod, &atts[i]);
	}
	si_attribute_init_as(s.rel, SI_TIME_COLUMN, TIMESTAMPTZOID, -1, &atts[s.desc->natts]);

	r = si_chunk_reader(RelationGetRelationName(s.rel), &s.ds, s.desc->natts + 1, atts);
	block_cxt = AllocSetContextCreate(CurrentMemoryContext, "stream_ingest rows", ALLOCSET_DEFAULT_SIZES);
	for (int c = 0; c < s.nchunks; c++)
	{
		if (!is_wanted(&s, &s.chunks[c]))
			continue;
		si_chunk_open(r, &s.chunks[c]);
		scan_chunk(&s, r, s.desc->natts, block_cxt);
		si_chunk_close(r);
	}
	table_close(s.rel, AccessShareLock);
	PG_RETURN_NULL();
}

/* -------------------------------------------------------------- scan_json() */

/* A column of a chunk that is shown. */
typedef struct JsonColumn
{
	int			col;
	const SiColumnInfo *info;
	const SiDict *dict;
	Datum	   *documents;		/* jsonb of an entry of a json column, 0 until made */
	void	   *data;			/* of the block */
	uint64	   *nulls;
} JsonColumn;

static void
throw_corrupt(const RowScan *s, const SiChunk *chunk, const SiSegmentError *err)
{
	si_chunk_corrupt(RelationGetRelationName(s->rel), chunk, err);
}

/* Whether a column is among the names, all when there are none. */
static bool
is_listed(const char *name, Datum *names, int nnames)
{
	for (int i = 0; i < nnames; i++)
	{
		text	   *t = DatumGetTextPP(names[i]);

		if (strlen(name) == VARSIZE_ANY_EXHDR(t) && memcmp(name, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)) == 0)
			return true;
	}
	return nnames < 0;
}

/* The columns of the open chunk that are shown; __time comes first. */
static int
json_columns(const RowScan *s, SiChunkReader *r, Datum *names, int nnames, JsonColumn *columns)
{
	int			n = 0;
	SiSegmentError err = {0};

	for (int col = 0; col < si_segment_columns(r->seg); col++)
	{
		const SiColumnInfo *info = si_segment_column(r->seg, col);
		JsonColumn *c = &columns[n];

		/* times of first and last values are no column of a table; __time is needed for the range */
		if (info->desc.role == SI_ROLE_TIMES || (col > 0 && !is_listed(info->desc.name, names, nnames)))
			continue;
		memset(c, 0, sizeof(*c));
		c->col = col;
		c->info = info;
		c->data = palloc(SI_BLOCK_ROWS * sizeof(int64));
		c->nulls = palloc(SI_BLOCK_ROWS / 8);
		if (info->desc.type == SI_TYPE_STRING)
		{
			c->dict = si_segment_dict(r->seg, col, &err);
			if (c->dict == NULL)
				throw_corrupt(s, r->chunk, &err);
			if (info->desc.json)
				c->documents = palloc_extended(sizeof(Datum) * ((Size) c->dict->count + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		}
		n++;
	}
	return n;
}

static void
json_text(JsonbValue *v, const char *s, Size len)
{
	v->type = jbvString;
	v->val.string.val = (char *) s;
	v->val.string.len = (int) len;
}

/* JSON has no NaN and no infinity: their names. */
static void
json_double(JsonbValue *v, double d, Datum numeric)
{
	if (isnan(d) || isinf(d))
	{
		const char *name = isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity";

		json_text(v, name, strlen(name));
		return;
	}
	v->type = jbvNumeric;
	v->val.numeric = DatumGetNumeric(numeric);
}

/* The value of a row; false when it is null. */
static bool
json_value(JsonColumn *c, uint32 row, MemoryContext chunk_cxt, JsonbValue *v)
{
	int64		i = 0;
	char		buf[64];

	if (c->info->desc.type == SI_TYPE_STRING)
	{
		uint32		code = ((uint32 *) c->data)[row];
		const char *bytes;
		Size		len;

		if (code == 0)
			return false;
		bytes = c->dict->bytes + c->dict->offsets[code - 1];
		len = c->dict->offsets[code] - c->dict->offsets[code - 1];
		if (c->documents == NULL)
		{
			json_text(v, bytes, len);
			return true;
		}
		if (c->documents[code] == (Datum) 0)
		{
			MemoryContext old = MemoryContextSwitchTo(chunk_cxt);

			c->documents[code] = DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(bytes, len)));
			MemoryContextSwitchTo(old);
		}
		v->type = jbvBinary;
		v->val.binary.data = &DatumGetJsonbP(c->documents[code])->root;
		v->val.binary.len = VARSIZE(DatumGetJsonbP(c->documents[code])) - VARHDRSZ;
		/* a scalar is wrapped in an array of its own */
		if (JsonContainerIsScalar(v->val.binary.data))
			JsonbExtractScalar(v->val.binary.data, v);
		return true;
	}
	if ((c->nulls[row / 64] >> (row % 64)) & 1)
		return false;
	switch (c->info->desc.type)
	{
		case SI_TYPE_FLOAT:
			json_double(v, ((float *) c->data)[row], isfinite(((float *) c->data)[row]) ?
						DirectFunctionCall1(float4_numeric, Float4GetDatum(((float *) c->data)[row])) : (Datum) 0);
			return true;
		case SI_TYPE_DOUBLE:
			json_double(v, ((double *) c->data)[row], isfinite(((double *) c->data)[row]) ?
						DirectFunctionCall1(float8_numeric, Float8GetDatum(((double *) c->data)[row])) : (Datum) 0);
			return true;
		case SI_TYPE_TIME:
			i = ((int64 *) c->data)[row];
			si_time_print(i, buf, sizeof(buf));
			json_text(v, pstrdup(buf), strlen(buf));
			return true;
		default:
			i = ((int64 *) c->data)[row];
			v->type = jbvNumeric;
			v->val.numeric = DatumGetNumeric(DirectFunctionCall1(int8_numeric, Int64GetDatum(i)));
			return true;
	}
}

static Datum
json_row(JsonColumn *columns, int n, bool with_time, uint32 row, MemoryContext chunk_cxt)
{
	JsonbParseState *state = NULL;
	JsonbValue *object;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = with_time ? 0 : 1; i < n; i++)
	{
		JsonbValue	key,
					value;

		if (!json_value(&columns[i], row, chunk_cxt, &value))
			continue;
		json_text(&key, columns[i].info->desc.name, strlen(columns[i].info->desc.name));
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbPGetDatum(JsonbValueToJsonb(object));
}

/* Puts the wanted rows of a block. */
static void
put_json_block(RowScan *s, SiChunkReader *r, int block, JsonColumn *columns, int n, bool with_time)
{
	SiSegmentError err = {0};
	bool		isnull = false;

	for (int i = 0; i < n; i++)
	{
		if (!si_segment_read_block(r->seg, columns[i].col, block, columns[i].data, columns[i].nulls, &err))
			throw_corrupt(s, r->chunk, &err);
	}
	for (uint32 row = 0; row < si_segment_block_rows(r->seg, block) && s->left > 0; row++)
	{
		int64		ms = ((int64 *) columns[0].data)[row];
		Datum		value;

		if (!in_range(s, ms, ms))
			continue;
		value = json_row(columns, n, with_time, row, r->chunk_cxt);
		tuplestore_putvalues(s->result, s->desc, &value, &isnull);
		s->left--;
	}
}

/* scan_json(data_source, columns, start, end, max_rows) */
Datum
si_scan_json(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RowScan		s;
	SiChunkReader *r;
	MemoryContext block_cxt;
	AclResult	acl;
	Datum	   *names = NULL;
	int			nnames = -1;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("data_source must not be null")));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	begin_scan(&s, fcinfo, 2);
	s.result = rsinfo->setResult;
	s.desc = rsinfo->setDesc;
	/* chunks may hold what the table does not show */
	acl = pg_class_aclcheck(RelationGetRelid(s.rel), GetUserId(), ACL_SELECT);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_TABLE, RelationGetRelationName(s.rel));
	if (!PG_ARGISNULL(1))
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &nnames);

	r = si_chunk_reader(RelationGetRelationName(s.rel), &s.ds, 0, NULL);
	block_cxt = AllocSetContextCreate(CurrentMemoryContext, "stream_ingest rows", ALLOCSET_DEFAULT_SIZES);
	for (int c = 0; c < s.nchunks; c++)
	{
		JsonColumn *columns;
		int			n;
		MemoryContext old;

		if (!is_wanted(&s, &s.chunks[c]))
			continue;
		si_chunk_open(r, &s.chunks[c]);
		old = MemoryContextSwitchTo(r->chunk_cxt);
		columns = palloc(sizeof(JsonColumn) * si_segment_columns(r->seg));
		n = json_columns(&s, r, names, nnames, columns);
		for (int block = 0; block < r->nblocks && s.left > 0; block++)
		{
			CHECK_FOR_INTERRUPTS();
			MemoryContextSwitchTo(block_cxt);
			put_json_block(&s, r, block, columns, n, is_listed(SI_TIME_COLUMN, names, nnames));
			MemoryContextReset(block_cxt);
		}
		MemoryContextSwitchTo(old);
		si_chunk_close(r);
	}
	table_close(s.rel, AccessShareLock);
	PG_RETURN_NULL();
}
