/*
 * chunk.c
 *		Opening a chunk and decoding its columns block by block.
 *
 * A file is open only between si_chunk_open and si_chunk_close; on ERROR the
 * reset of chunk_cxt closes it.
 */
#include "postgres.h"

#include <ctype.h>

#include "format/jsontext.h"
#include "query/chunk.h"
#include "query/multi_value.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Texts of a dictionary are kept when it has fewer entries than this part of the rows. */
#define ENTRY_KEEP_FRACTION 2
/* or at most this many entries */
#define ENTRY_KEEP_ALWAYS 1024

SiChunkReader *
si_chunk_reader(const char *relname, const SiDataSource *ds, int natts, SiAttribute *atts)
{
	SiChunkReader *r = palloc0(sizeof(SiChunkReader));

	r->relname = relname;
	r->ds = ds;
	r->cxt = CurrentMemoryContext;
	r->chunk_cxt = AllocSetContextCreate(r->cxt, "stream_ingest chunk", ALLOCSET_DEFAULT_SIZES);
	r->block_cxt = AllocSetContextCreate(r->cxt, "stream_ingest block", ALLOCSET_DEFAULT_SIZES);
	r->ncolumns = natts;
	r->columns = palloc0(Max(natts, 1) * sizeof(SiChunkColumn));
	for (int i = 0; i < natts; i++)
	{
		SiChunkColumn *c = &r->columns[i];

		c->att = &atts[i];
		c->block = -1;
		c->vec.type = atts[i].type;
		c->text.for_input = atts[i].via_input;
	}
	return r;
}

const char *
si_chunk_name(const SiChunk *chunk)
{
	if (chunk->file != NULL)
		return psprintf("file \"%s\"", chunk->file);
	return psprintf("row (level %d, group_id %d, seq " INT64_FORMAT ") of stream_ingest.delta",
					chunk->level, chunk->group_id, chunk->seq);
}

void
si_chunk_corrupt(const char *relname, const SiChunk *chunk, const SiSegmentError *err)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("chunk of data source \"%s\" is damaged: %s", relname, err->text),
			 errdetail("%s, at byte " UINT64_FORMAT ".", si_chunk_name(chunk), err->offset),
			 errhint("stream_ingest.verify_chunks() lists all damaged chunks of a data source.")));
}

void
si_chunk_open(SiChunkReader *r, const SiChunk *chunk)
{
	MemoryContext old = MemoryContextSwitchTo(r->chunk_cxt);
	SiByteSource src;
	SiSegmentError err = {0};

	Assert(r->chunk == NULL);
	r->chunk = chunk;
	r->opened++;
	if (chunk->file != NULL)
		r->file = si_file_open(r->ds->install, chunk->file, &src);
	else
		si_byte_source_memory(&src, chunk->data, chunk->data_len);

	r->seg = si_segment_open(&src, r->ds->install, &err);
	if (r->seg == NULL)
		si_chunk_corrupt(r->relname, chunk, &err);
	r->rows = si_segment_rows(r->seg);
	r->nblocks = si_segment_blocks(r->seg);
	r->block = -1;
	if ((int64) r->rows != chunk->rows)
	{
		snprintf(err.text, sizeof(err.text), "it has %u rows, its catalog row says " INT64_FORMAT,
				 r->rows, chunk->rows);
		si_chunk_corrupt(r->relname, chunk, &err);
	}

	for (int i = 0; i < r->ncolumns; i++)
	{
		SiChunkColumn *c = &r->columns[i];

		c->col = si_segment_find_column(r->seg, c->att->name);
		c->info = c->col < 0 ? NULL : si_segment_column(r->seg, c->col);
		c->native = c->info != NULL && c->info->desc.type == c->att->type &&
			(c->att->json || !c->info->desc.json);
		c->block = -1;
		c->dict = NULL;
		c->entries = NULL;
		c->entries_decided = false;
	}
	MemoryContextSwitchTo(old);
}

void
si_chunk_close(SiChunkReader *r)
{
	if (r->chunk == NULL)
		return;
	si_segment_close(r->seg);
	if (r->file != NULL)
		si_file_close(r->file);
	r->chunk = NULL;
	r->file = NULL;
	r->seg = NULL;
	MemoryContextReset(r->block_cxt);
	MemoryContextReset(r->chunk_cxt);
}

void
si_chunk_set_block(SiChunkReader *r, int block)
{
	MemoryContextReset(r->block_cxt);
	r->block = block;
	r->block_rows = si_segment_block_rows(r->seg, block);
}

/* Buffers of a vector, made on first use. */
static void
need_buffers(SiChunkReader *r, SiVector *vec)
{
	if (vec->v.data == NULL)
		vec->v.data = MemoryContextAllocZero(r->cxt, SI_BLOCK_ROWS * sizeof(int64));
	if (vec->nulls == NULL)
		vec->nulls = MemoryContextAllocZero(r->cxt, SI_BLOCK_WORDS * sizeof(uint64));
}

static void
read_block(SiChunkReader *r, SiChunkColumn *c, int column, SiVector *vec)
{
	SiSegmentError err = {0};

	if (vec->type == SI_TYPE_STRING)
		vec->dict = si_chunk_dict(r, column);
	if (!si_segment_read_block(r->seg, c->col, r->block, vec->v.data, vec->nulls, &err))
		si_chunk_corrupt(r->relname, r->chunk, &err);
}

const SiVector *
si_chunk_load(SiChunkReader *r, int column)
{
	SiChunkColumn *c = &r->columns[column];
	MemoryContext old;

	if (c->block == r->block)
		return &c->vec;

	need_buffers(r, &c->vec);
	old = MemoryContextSwitchTo(r->chunk_cxt);
	if (c->col < 0)
	{
		/* the chunk was written before anybody saw this column */
		memset(c->vec.v.data, 0, r->block_rows * sizeof(int64));
		memset(c->vec.nulls, 0xff, SI_BLOCK_WORDS * sizeof(uint64));
		c->vec.dict = &c->text.dict;
		c->text.dict.count = 0;
	}
	else if (c->native)
		read_block(r, c, column, &c->vec);
	else
	{
		c->stored.type = c->info->desc.type;
		c->stored.json = c->info->desc.json;
		need_buffers(r, &c->stored);
		read_block(r, c, column, &c->stored);
		MemoryContextSwitchTo(r->cxt);
		si_convert_vector(&c->stored, r->block_rows, &c->vec, &c->text);
	}
	MemoryContextSwitchTo(old);
	c->block = r->block;
	return &c->vec;
}

const SiDict *
si_chunk_dict(SiChunkReader *r, int column)
{
	SiChunkColumn *c = &r->columns[column];

	if (c->dict == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(r->chunk_cxt);
		SiSegmentError err = {0};

		c->dict = si_segment_dict(r->seg, c->col, &err);
		MemoryContextSwitchTo(old);
		if (c->dict == NULL)
			si_chunk_corrupt(r->relname, r->chunk, &err);
	}
	return c->dict;
}

const SiColumnStats *
si_chunk_block_stats(SiChunkReader *r, int column, int block)
{
	SiChunkColumn *c = &r->columns[column];
	const SiColumnStats *stats;
	SiSegmentError err = {0};
	MemoryContext old;

	if (!c->native)
		return NULL;
	old = MemoryContextSwitchTo(r->chunk_cxt);
	stats = si_segment_block_stats(r->seg, c->col, block, &err);
	MemoryContextSwitchTo(old);
	if (stats == NULL)
		si_chunk_corrupt(r->relname, r->chunk, &err);
	return stats;
}

/* ------------------------------------------------------------------ Datums */

/* A value that is not stored as JSON, as JSON: a number or a string. */
static char *
json_of_text(SiType type, const char *bytes, Size len)
{
	char	   *json;

	if (type != SI_TYPE_STRING && type != SI_TYPE_TIME && isdigit((unsigned char) bytes[bytes[0] == '-']))
		return pnstrdup(bytes, len);
	json = palloc(len * 6 + 3);
	json[si_json_quote(bytes, len, json)] = '\0';
	return json;
}

/* One entry of a dictionary in the column's SQL type, in CurrentMemoryContext. */
static Datum
make_entry(const SiChunkColumn *c, uint32 entry)
{
	SiAttribute *att = c->att;
	const SiDict *dict = c->vec.dict;
	const char *bytes = dict->bytes + dict->offsets[entry];
	Size		len = dict->offsets[entry + 1] - dict->offsets[entry];
	char	   *cstring;

	if (!AllocSizeIsValid(len + VARHDRSZ))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a value of column \"%s\" is too long for a row: %zu bytes", att->name, len)));
	if (att->array)
		return si_multi_array(bytes, len);
	if (!att->via_input)
		return PointerGetDatum(cstring_to_text_with_len(bytes, len));
	cstring = att->json && !c->info->desc.json ? json_of_text(c->info->desc.type, bytes, len) :
		pnstrdup(bytes, len);
	return InputFunctionCall(&att->input, cstring, att->ioparam, att->typmod);
}

/* Whether texts of the chunk's dictionary are worth keeping for the whole chunk. */
static void
decide_entries(SiChunkReader *r, SiChunkColumn *c)
{
	uint32		count = c->dict->count;

	c->entries_decided = true;
	if (count <= ENTRY_KEEP_ALWAYS || count <= r->rows / ENTRY_KEEP_FRACTION)
		c->entries = MemoryContextAllocExtended(r->chunk_cxt, (Size) (count + 1) * sizeof(Datum),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

Datum
si_chunk_text(SiChunkReader *r, int column, uint32 code)
{
	SiChunkColumn *c = &r->columns[column];
	MemoryContext old;
	Datum		d;

	if (c->native && !c->entries_decided)
		decide_entries(r, c);
	if (c->entries != NULL && c->entries[code] != 0)
		return c->entries[code];

	old = MemoryContextSwitchTo(c->entries != NULL ? r->chunk_cxt : r->block_cxt);
	d = make_entry(c, code - 1);
	MemoryContextSwitchTo(old);
	/* a by-value type may give 0: then it is made again, which is right too */
	if (c->entries != NULL)
		c->entries[code] = d;
	return d;
}

Datum
si_chunk_datum(SiChunkReader *r, int column, uint32 row, bool *isnull)
{
	SiChunkColumn *c = &r->columns[column];
	const SiVector *vec = &c->vec;

	Assert(c->block == r->block);
	if (vec->type == SI_TYPE_STRING)
	{
		uint32		code = vec->v.codes[row];

		*isnull = code == 0;
		return code == 0 ? (Datum) 0 : si_chunk_text(r, column, code);
	}

	*isnull = si_bit(vec->nulls, row);
	if (*isnull)
		return (Datum) 0;
	switch (vec->type)
	{
		case SI_TYPE_TIME:
			return Int64GetDatum(si_ms_to_timestamptz(vec->v.longs[row]));
		case SI_TYPE_FLOAT:
			return Float4GetDatum(vec->v.floats[row]);
		case SI_TYPE_DOUBLE:
			return Float8GetDatum(vec->v.doubles[row]);
		default:
			return Int64GetDatum(vec->v.longs[row]);
	}
}
