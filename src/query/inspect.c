/*
 * inspect.c
 *		SQL functions that look into chunks: verify_chunks, verify_segment,
 *		chunk_columns.  Blocks and dictionaries: inspect_values.c.
 *
 * The chunk list is read under the caller's snapshot.  Only the owner of the
 * data source, superusers and members of pg_monitor may look.  A missing or
 * damaged chunk is a row of the answer, not an ERROR.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_authid_d.h"
#include "catalog/pg_class.h"
#include "common/granularity.h"
#include "common/pgcompat.h"
#include "common/shortest_dec.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "query/inspect.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(si_verify_chunks);
PG_FUNCTION_INFO_V1(si_verify_segment);
PG_FUNCTION_INFO_V1(si_chunk_columns);

#define VERIFY_COLUMNS (SI_CHUNK_KEY_COLUMNS + 5)
#define INSPECT_COLUMNS (SI_CHUNK_KEY_COLUMNS + 15)

void
si_inspection_begin(SiInspection *in, Oid relid)
{
	int			skipped;

	in->rel = try_table_open(relid, AccessShareLock);
	if (in->rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no relation with OID %u", relid)));
	if (!pg_class_ownercheck(relid, GetUserId()) &&
		!has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FOREIGN_TABLE, RelationGetRelationName(in->rel));
	if (!si_catalog_data_source(relid, GetActiveSnapshot(), &in->ds))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a data source", RelationGetRelationName(in->rel)),
				 errhint("stream_ingest.data_source lists the data sources of this database.")));
	/* also of a damaged data source: this is how one finds out */
	in->chunks = si_catalog_chunks(&in->ds, GetActiveSnapshot(), PG_INT64_MIN, PG_INT64_MAX,
								   &in->nchunks, &skipped);
}

void
si_inspection_end(SiInspection *in)
{
	table_close(in->rel, AccessShareLock);
}

bool
si_inspection_open(SiInspection *in, const SiChunk *chunk, SiOpenChunk *open)
{
	SiByteSource src;
	uint64		size;

	memset(open, 0, sizeof(*open));
	if (chunk->file == NULL)
		si_byte_source_memory(&src, chunk->data, chunk->data_len);
	else if (!si_file_exists(in->ds.install, chunk->file, &size))
	{
		strlcpy(open->err.text, "file does not exist", sizeof(open->err.text));
		return false;
	}
	else
		open->file = si_file_open(in->ds.install, chunk->file, &src);
	open->seg = si_segment_open(&src, in->ds.install, &open->err);
	if (open->seg != NULL && (int64) si_segment_rows(open->seg) != chunk->rows)
	{
		snprintf(open->err.text, sizeof(open->err.text), "it has %u rows instead of " INT64_FORMAT,
				 si_segment_rows(open->seg), chunk->rows);
		si_segment_close(open->seg);
		open->seg = NULL;
	}
	return open->seg != NULL;
}

void
si_inspection_close(SiOpenChunk *open)
{
	if (open->seg != NULL)
		si_segment_close(open->seg);
	if (open->file != NULL)
		si_file_close(open->file);
}

static Datum
text_or_null(const char *s, bool *isnull)
{
	*isnull = s == NULL;
	return s == NULL ? (Datum) 0 : CStringGetTextDatum(s);
}

void
si_inspection_key(const SiChunk *chunk, Datum *values, bool *nulls)
{
	values[0] = CStringGetTextDatum(chunk->published ? "segment" : "delta");
	values[1] = Int32GetDatum(chunk->level);
	nulls[1] = chunk->published;
	values[2] = Int32GetDatum(chunk->group_id);
	values[3] = Int64GetDatum(chunk->seq);
}

/* --------------------------------------------------------------- verify */

static void
verify_chunk(SiInspection *in, const SiChunk *chunk, ReturnSetInfo *rsinfo)
{
	Datum		values[VERIFY_COLUMNS];
	bool		nulls[VERIFY_COLUMNS] = {0};
	SiOpenChunk open;
	bool		ok;
	char	   *error = NULL;

	ok = si_inspection_open(in, chunk, &open) && si_segment_verify(open.seg, &open.err);
	if (!ok)
		error = open.err.offset == 0 ? open.err.text :
			psprintf("%s, at byte " UINT64_FORMAT, open.err.text, open.err.offset);
	si_inspection_close(&open);

	si_inspection_key(chunk, values, nulls);
	values[4] = text_or_null(chunk->file, &nulls[4]);
	values[5] = Int64GetDatum(chunk->rows);
	values[6] = Int64GetDatum(chunk->bytes);
	values[7] = BoolGetDatum(ok);
	values[8] = text_or_null(error, &nulls[8]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Verifies all chunks, or the published segment with a number. */
static int
verify(FunctionCallInfo fcinfo, const int64 *segment_id)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	SiInspection in;
	MemoryContext chunk_cxt,
				old;
	int			found = 0;

	InitMaterializedSRF(fcinfo, 0);
	si_inspection_begin(&in, PG_GETARG_OID(0));
	chunk_cxt = AllocSetContextCreate(CurrentMemoryContext, "stream_ingest verify",
									  ALLOCSET_DEFAULT_SIZES);
	for (int c = 0; c < in.nchunks; c++)
	{
		const SiChunk *chunk = &in.chunks[c];

		CHECK_FOR_INTERRUPTS();
		if (segment_id != NULL && (!chunk->published || chunk->seq != *segment_id))
			continue;
		old = MemoryContextSwitchTo(chunk_cxt);
		verify_chunk(&in, chunk, rsinfo);
		MemoryContextSwitchTo(old);
		MemoryContextReset(chunk_cxt);
		found++;
	}
	si_inspection_end(&in);
	return found;
}

Datum
si_verify_chunks(PG_FUNCTION_ARGS)
{
	verify(fcinfo, NULL);
	PG_RETURN_NULL();
}

Datum
si_verify_segment(PG_FUNCTION_ARGS)
{
	int64		segment_id = PG_GETARG_INT64(1);

	if (verify(fcinfo, &segment_id) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("data source \"%s\" has no segment " INT64_FORMAT,
						get_rel_name(PG_GETARG_OID(0)), segment_id),
				 errhint("stream_ingest.segment lists the published segments; verify_chunks() also looks at chunks that are not published yet.")));
	PG_RETURN_NULL();
}

/* --------------------------------------------------------- chunk_columns */

static const char *
type_name(const SiColumnDesc *desc)
{
	switch (desc->type)
	{
		case SI_TYPE_TIME:
			return "time";
		case SI_TYPE_STRING:
			return desc->json ? "json" : "string";
		case SI_TYPE_LONG:
			return "long";
		case SI_TYPE_FLOAT:
			return "float";
		case SI_TYPE_DOUBLE:
			return "double";
	}
	return "unknown";
}

static const char *
role_name(SiRole role)
{
	switch (role)
	{
		case SI_ROLE_TIME:
			return "time";
		case SI_ROLE_DIMENSION:
			return "dimension";
		case SI_ROLE_METRIC:
			return "metric";
		case SI_ROLE_TIMES:
			return "times";
	}
	return "unknown";
}

char *
si_inspection_extreme(SiSegment *seg, int col, const SiColumnStats *stats, bool first)
{
	char		buf[64];
	SiSegmentError err;
	const SiDict *dict;
	uint32		e;

	if (!stats->has_minmax)
		return NULL;
	switch (si_segment_column(seg, col)->desc.type)
	{
		case SI_TYPE_TIME:
			si_time_print(first ? stats->min.i : stats->max.i, buf, sizeof(buf));
			return pstrdup(buf);
		case SI_TYPE_LONG:
			return psprintf(INT64_FORMAT, first ? stats->min.i : stats->max.i);
		case SI_TYPE_FLOAT:
			float_to_shortest_decimal_buf((float) (first ? stats->min.d : stats->max.d), buf);
			return pstrdup(buf);
		case SI_TYPE_DOUBLE:
			double_to_shortest_decimal_buf(first ? stats->min.d : stats->max.d, buf);
			return pstrdup(buf);
		case SI_TYPE_STRING:
			dict = si_segment_dict(seg, col, &err);
			e = (first ? stats->min.i : stats->max.i) - 1;
			if (dict == NULL || e >= dict->count)
				return NULL;
			return pnstrdup(dict->bytes + dict->offsets[e],
							pg_mbcliplen(dict->bytes + dict->offsets[e],
										 dict->offsets[e + 1] - dict->offsets[e],
										 NAMEDATALEN));
	}
	return NULL;
}

static void
put_column(const SiChunk *chunk, SiSegment *seg, int col, ReturnSetInfo *rsinfo)
{
	const SiColumnInfo *info = si_segment_column(seg, col);
	Datum		values[INSPECT_COLUMNS];
	bool		nulls[INSPECT_COLUMNS] = {0};
	SiColumnParts parts;
	int			n = SI_CHUNK_KEY_COLUMNS;

	si_inspection_key(chunk, values, nulls);
	values[n++] = CStringGetTextDatum(info->desc.name);
	values[n++] = CStringGetTextDatum(type_name(&info->desc));
	values[n++] = CStringGetTextDatum(role_name(info->desc.role));
	values[n++] = CStringGetTextDatum(info->encoding);
	values[n++] = Int64GetDatum((int64) info->bytes);
	nulls[n] = info->desc.type != SI_TYPE_STRING;
	values[n++] = Int64GetDatum(info->distinct);
	values[n++] = Int64GetDatum(info->stats.null_count);
	values[n] = text_or_null(si_inspection_extreme(seg, col, &info->stats, true), &nulls[n]);
	n++;
	values[n] = text_or_null(si_inspection_extreme(seg, col, &info->stats, false), &nulls[n]);
	n++;
	nulls[n] = info->desc.type != SI_TYPE_STRING;
	values[n++] = BoolGetDatum(info->dict_sorted);
	values[n++] = BoolGetDatum(info->has_bitmaps);
	si_segment_parts(seg, col, &parts);
	values[n++] = Int64GetDatum((int64) parts.blocks);
	values[n++] = Int64GetDatum((int64) parts.index);
	nulls[n] = info->desc.type != SI_TYPE_STRING;
	values[n++] = Int64GetDatum((int64) parts.dictionary);
	nulls[n] = !info->has_bitmaps;
	values[n++] = Int64GetDatum((int64) parts.bitmaps);
	Assert(n == INSPECT_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
si_chunk_columns(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	SiInspection in;
	MemoryContext chunk_cxt,
				old;

	InitMaterializedSRF(fcinfo, 0);
	si_inspection_begin(&in, PG_GETARG_OID(0));
	chunk_cxt = AllocSetContextCreate(CurrentMemoryContext, "stream_ingest inspection",
									  ALLOCSET_DEFAULT_SIZES);
	for (int c = 0; c < in.nchunks; c++)
	{
		SiOpenChunk open;

		CHECK_FOR_INTERRUPTS();
		old = MemoryContextSwitchTo(chunk_cxt);
		if (!si_inspection_open(&in, &in.chunks[c], &open))
			si_chunk_corrupt(RelationGetRelationName(in.rel), &in.chunks[c], &open.err);
		for (int col = 0; col < si_segment_columns(open.seg); col++)
			put_column(&in.chunks[c], open.seg, col, rsinfo);
		si_inspection_close(&open);
		MemoryContextSwitchTo(old);
		MemoryContextReset(chunk_cxt);
	}
	si_inspection_end(&in);
	PG_RETURN_NULL();
}
