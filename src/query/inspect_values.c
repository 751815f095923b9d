/*
 * inspect_values.c
 *		SQL functions that look closer into chunks: chunk_blocks (every block
 *		of every column), chunk_dictionary (every entry of a dictionary).
 *
 * Rights are those of inspect.c; who lists a dictionary reads data, and needs
 * the right to read the table, too.
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "query/inspect.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(si_chunk_blocks);
PG_FUNCTION_INFO_V1(si_chunk_dictionary);

#define BLOCK_COLUMNS (SI_CHUNK_KEY_COLUMNS + 10)
#define DICTIONARY_COLUMNS (SI_CHUNK_KEY_COLUMNS + 4)

/* What a function does with an opened chunk; false with an error of the file. */
typedef bool (*ChunkVisit) (const SiChunk *chunk, SiSegment *seg, const char *column, ReturnSetInfo *rsinfo,
							SiSegmentError *err);

static void
visit_chunks(FunctionCallInfo fcinfo, SiInspection *in, const char *column, ChunkVisit visit)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext chunk_cxt = AllocSetContextCreate(CurrentMemoryContext, "stream_ingest inspection",
													ALLOCSET_DEFAULT_SIZES);

	for (int c = 0; c < in->nchunks; c++)
	{
		SiOpenChunk open;
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		old = MemoryContextSwitchTo(chunk_cxt);
		if (!si_inspection_open(in, &in->chunks[c], &open) ||
			!visit(&in->chunks[c], open.seg, column, rsinfo, &open.err))
			si_chunk_corrupt(RelationGetRelationName(in->rel), &in->chunks[c], &open.err);
		si_inspection_close(&open);
		MemoryContextSwitchTo(old);
		MemoryContextReset(chunk_cxt);
	}
}

static void
put_text(const char *s, Datum *value, bool *isnull)
{
	*isnull = s == NULL;
	*value = s == NULL ? (Datum) 0 : CStringGetTextDatum(s);
}

/* ------------------------------------------------------------------ blocks */

static char *
sum_text(const SiColumnDesc *desc, const SiColumnStats *stats)
{
	char		buf[64];

	if (!stats->has_sum)
		return NULL;
	if (desc->type == SI_TYPE_LONG)
		return psprintf(INT64_FORMAT, stats->sum.i);
	double_to_shortest_decimal_buf(stats->sum.d, buf);
	return pstrdup(buf);
}

static bool
put_block(const SiChunk *chunk, SiSegment *seg, int col, int block, ReturnSetInfo *rsinfo, SiSegmentError *err)
{
	const SiColumnInfo *info = si_segment_column(seg, col);
	const SiColumnStats *stats = si_segment_block_stats(seg, col, block, err);
	Datum		values[BLOCK_COLUMNS];
	bool		nulls[BLOCK_COLUMNS] = {0};
	const char *encoding;
	uint64		bytes;
	int			n = SI_CHUNK_KEY_COLUMNS;

	if (stats == NULL || !si_segment_block_form(seg, col, block, &bytes, &encoding, err))
		return false;
	si_inspection_key(chunk, values, nulls);
	values[n++] = CStringGetTextDatum(info->desc.name);
	values[n++] = Int32GetDatum(block);
	values[n++] = Int64GetDatum((int64) block * SI_BLOCK_ROWS);
	values[n++] = Int64GetDatum(si_segment_block_rows(seg, block));
	values[n++] = CStringGetTextDatum(encoding);
	values[n++] = Int64GetDatum((int64) bytes);
	values[n++] = Int64GetDatum(stats->null_count);
	put_text(si_inspection_extreme(seg, col, stats, true), &values[n], &nulls[n]);
	n++;
	put_text(si_inspection_extreme(seg, col, stats, false), &values[n], &nulls[n]);
	n++;
	put_text(sum_text(&info->desc, stats), &values[n], &nulls[n]);
	n++;
	Assert(n == BLOCK_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return true;
}

static bool
put_blocks(const SiChunk *chunk, SiSegment *seg, const char *column, ReturnSetInfo *rsinfo, SiSegmentError *err)
{
	for (int col = 0; col < si_segment_columns(seg); col++)
	{
		if (column != NULL && strcmp(si_segment_column(seg, col)->desc.name, column) != 0)
			continue;
		for (int block = 0; block < si_segment_blocks(seg); block++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!put_block(chunk, seg, col, block, rsinfo, err))
				return false;
		}
	}
	return true;
}

/* chunk_blocks(data_source [, column]) */
Datum
si_chunk_blocks(PG_FUNCTION_ARGS)
{
	SiInspection in;

	InitMaterializedSRF(fcinfo, 0);
	si_inspection_begin(&in, PG_GETARG_OID(0));
	visit_chunks(fcinfo, &in, PG_NARGS() > 1 ? text_to_cstring(PG_GETARG_TEXT_PP(1)) : NULL, put_blocks);
	si_inspection_end(&in);
	PG_RETURN_NULL();
}

/* -------------------------------------------------------------- dictionary */

/* Rows of each code; NULL with an error. */
static int64 *
count_codes(SiSegment *seg, int col, uint32 entries, SiSegmentError *err)
{
	int64	   *counts = palloc_extended(sizeof(int64) * ((Size) entries + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint32	   *codes = palloc(sizeof(uint32) * SI_BLOCK_ROWS);

	for (int block = 0; block < si_segment_blocks(seg); block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!si_segment_read_block(seg, col, block, codes, NULL, err))
			return NULL;
		for (uint32 i = 0; i < si_segment_block_rows(seg, block); i++)
			counts[codes[i]]++;
	}
	return counts;
}

static bool
put_dictionary(const SiChunk *chunk, SiSegment *seg, const char *column, ReturnSetInfo *rsinfo, SiSegmentError *err)
{
	int			col = si_segment_find_column(seg, column);
	const SiDict *dict;
	int64	   *counts;
	MemoryContext entry_cxt,
				old;

	if (col < 0 || si_segment_column(seg, col)->desc.type != SI_TYPE_STRING)
		return true;
	dict = si_segment_dict(seg, col, err);
	counts = dict != NULL ? count_codes(seg, col, dict->count, err) : NULL;
	if (counts == NULL)
		return false;
	entry_cxt = AllocSetContextCreate(CurrentMemoryContext, "stream_ingest entry", ALLOCSET_DEFAULT_SIZES);
	for (int64 code = counts[0] > 0 ? 0 : 1; code <= dict->count; code++)
	{
		Datum		values[DICTIONARY_COLUMNS];
		bool		nulls[DICTIONARY_COLUMNS] = {0};
		uint64		len = code > 0 ? dict->offsets[code] - dict->offsets[code - 1] : 0;

		CHECK_FOR_INTERRUPTS();
		old = MemoryContextSwitchTo(entry_cxt);
		si_inspection_key(chunk, values, nulls);
		values[4] = Int64GetDatum(code);
		nulls[5] = nulls[6] = code == 0;
		if (code > 0)
			values[5] = PointerGetDatum(cstring_to_text_with_len(dict->bytes + dict->offsets[code - 1], (int) len));
		values[6] = Int64GetDatum((int64) len);
		values[7] = Int64GetDatum(counts[code]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextSwitchTo(old);
		MemoryContextReset(entry_cxt);
	}
	return true;
}

/* chunk_dictionary(data_source, column) */
Datum
si_chunk_dictionary(PG_FUNCTION_ARGS)
{
	SiInspection in;
	Oid			relid = PG_GETARG_OID(0);
	AclResult	acl;

	InitMaterializedSRF(fcinfo, 0);
	si_inspection_begin(&in, relid);
	acl = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_TABLE, RelationGetRelationName(in.rel));
	visit_chunks(fcinfo, &in, text_to_cstring(PG_GETARG_TEXT_PP(1)), put_dictionary);
	si_inspection_end(&in);
	PG_RETURN_NULL();
}
