/*
 * audit.c
 *		audit_supervisor(): whether every message is stored exactly once, by
 *		the lineage of its data source and the chunks themselves.
 *
 * All of it is read under the caller's snapshot.  Checked are, in this order:
 * the ranges of every partition follow each other without a gap or an overlap
 * up to the committed offset, where a reset or a skipped range is a step of
 * its own; what chunks were counted as adds up to the counters; segments have
 * the rows that their publish says; every chunk can be opened and holds the
 * rows that its catalog row says.  The first thing that is wrong is named.
 */
#include "postgres.h"

#include "api/lookup.h"
#include "api/put.h"
#include "api/query.h"
#include "catalog/chunks.h"
#include "catalog/lineage.h"
#include "common/stream.h"
#include "files/files.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(si_audit_supervisor);

static const char *const count_names[SI_NUM_LINEAGE] = {
	"processed", "processedWithError", "unparseable", "thrownAway", "stored"
};

typedef struct Audit
{
	SiSupervisor *supervisor;
	SiQuery    *q;
	char	   *wrong;			/* NULL, or the first thing that is wrong */
	int			npartitions;
	int64		ranges;
	int64		moves;
	int64		counts[SI_NUM_LINEAGE];
	int64		pending[SI_NUM_LINEAGE];	/* counted since the last chunks */
	int64		dropped_rows;	/* removed by resets */
	int64		rows;			/* in chunks now */
	int64		rolled_up;
	int			files;
} Audit;

static void wrong(Audit *a, const char *fmt,...) pg_attribute_printf(2, 3);

static void
wrong(Audit *a, const char *fmt,...)
{
	StringInfoData text;

	if (a->wrong)
		return;
	initStringInfo(&text);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&text, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&text, needed);
	}
	a->wrong = text.data;
}

/* ------------------------------------------------------------------------- ranges */

/*
 * Everything that happened to a partition, in its order: chunks by their
 * numbers, what lies between two of them by the order in which it was
 * written.  The committed offsets come last.
 */
#define EVENTS \
	"SELECT p.partition, x.first_seq, x.kind, p.first, p.next, x.chunk, t.topic FROM (" \
	" SELECT b.data_source_id, b.first_seq, b.kind, b.kind IN ('publish', 'dropped') AS is_chunk, b.publish_id AS n," \
	"  b.partitions, b.start_offsets, b.end_offsets, b.kind || ' ' || b.publish_id AS chunk" \
	"  FROM stream_ingest.publish b WHERE b.data_source_id = $1" \
	" UNION ALL" \
	" SELECT d.data_source_id, d.first_seq, 'delta', true, d.seq, d.partitions, d.start_offsets, d.end_offsets," \
	"  'delta ' || d.seq || ' of group ' || d.group_id FROM stream_ingest.delta d WHERE d.data_source_id = $1" \
	" UNION ALL" \
	" SELECT g.data_source_id, 9223372036854775807, 'committed', true, 0, g.partitions, coalesce(g.chunk_offsets, g.offsets)," \
	"  coalesce(g.chunk_offsets, g.offsets), 'the committed offset' FROM stream_ingest.task_group g" \
	"  WHERE g.data_source_id = $1 AND g.supervisor_id = $2) x" \
	" CROSS JOIN LATERAL ROWS FROM (unnest(x.partitions), unnest(x.start_offsets), unnest(x.end_offsets))" \
	"  AS p (partition, first, next)" \
	" LEFT JOIN stream_ingest.stream t ON t.data_source_id = x.data_source_id AND t.stream_id = p.partition >> 16" \
	" ORDER BY 1, 2, x.is_chunk, x.n"

static void
check_ranges(Audit *a)
{
	int			n = si_query(a->q, EVENTS, "it", a->supervisor->data_source_id, a->supervisor->id);
	int64		partition = -1;
	int64		at = -1;		/* where the next range has to begin; -1: anywhere */

	for (int i = 0; i < n; i++)
	{
		const char *kind = si_get_text(i, 2);
		int64		first = si_get_int64(i, 3);
		int64		next = si_get_int64(i, 4);
		bool		move = strcmp(kind, "move") == 0;
		bool		committed = strcmp(kind, "committed") == 0;

		if (si_get_int64(i, 0) != partition)
		{
			partition = si_get_int64(i, 0);
			at = -1;
			a->npartitions++;
		}
		if (move && first >= 0)
			a->moves++;
		else if (!move && !committed)
			a->ranges++;
		/* a chunk without an offset of the partition may have become part of one before it */
		if (!move && !committed && first == next)
			continue;
		if (at >= 0 && first >= 0 && first != at)
			wrong(a, "partition %d of topic \"%s\": %s begins at offset " INT64_FORMAT ", but the range before it ends at " INT64_FORMAT " (%s)",
				  si_partition_number((int32) partition), si_get_text(i, 6), si_get_text(i, 5), first, at,
				  first > at ? "offsets are missing" : "offsets are there twice");
		if (!move && next < first)
			wrong(a, "partition %d of topic \"%s\": %s ends before it begins",
				  si_partition_number((int32) partition), si_get_text(i, 6), si_get_text(i, 5));
		at = next;
	}
}

/* ------------------------------------------------------------------------- counts */

/* counters 1, 3, 4, 5 and 13 are those of SiLineageCount */
static void
check_counts(Audit *a)
{
	int64		id = a->supervisor->data_source_id;
	int64		counted[SI_NUM_LINEAGE];

	si_query(a->q,
			 "SELECT coalesce(sum(c[1]), 0)::bigint, coalesce(sum(c[3]), 0)::bigint, coalesce(sum(c[4]), 0)::bigint,"
			 " coalesce(sum(c[5]), 0)::bigint, coalesce(sum(c[13]), 0)::bigint,"
			 " coalesce(sum(p[1] - c[1]), 0)::bigint, coalesce(sum(p[3] - c[3]), 0)::bigint,"
			 " coalesce(sum(p[4] - c[4]), 0)::bigint, coalesce(sum(p[5] - c[5]), 0)::bigint,"
			 " coalesce(sum(p[13] - c[13]), 0)::bigint"
			 " FROM (SELECT coalesce(chunk_counters, counters) AS c, counters AS p"
			 "  FROM stream_ingest.task_group WHERE data_source_id = $1) g", "i", id);
	for (int c = 0; c < SI_NUM_LINEAGE; c++)
	{
		counted[c] = si_get_int64(0, c);
		a->pending[c] = si_get_int64(0, SI_NUM_LINEAGE + c);
	}
	si_query(a->q,
			 "SELECT coalesce(sum(c[1]), 0)::bigint, coalesce(sum(c[2]), 0)::bigint, coalesce(sum(c[3]), 0)::bigint,"
			 " coalesce(sum(c[4]), 0)::bigint, coalesce(sum(c[5]), 0)::bigint,"
			 " coalesce(sum(c[5]) FILTER (WHERE kind = 'dropped'), 0)::bigint"
			 " FROM (SELECT counts AS c, kind FROM stream_ingest.publish WHERE data_source_id = $1"
			 "  UNION ALL SELECT counts, 'delta' FROM stream_ingest.delta WHERE data_source_id = $1) x", "i", id);
	a->dropped_rows = si_get_int64(0, SI_NUM_LINEAGE);
	for (int c = 0; c < SI_NUM_LINEAGE; c++)
	{
		a->counts[c] = si_get_int64(0, c);
		if (a->counts[c] != counted[c])
			wrong(a, "%s: chunks were counted as " INT64_FORMAT ", the task groups have counted " INT64_FORMAT,
				  count_names[c], a->counts[c], counted[c]);
	}
	if (a->counts[SI_LINEAGE_STORED] > a->counts[SI_LINEAGE_PROCESSED] + a->counts[SI_LINEAGE_WITH_ERROR])
		wrong(a, "more rows were stored (" INT64_FORMAT ") than processed (" INT64_FORMAT ")",
			  a->counts[SI_LINEAGE_STORED], a->counts[SI_LINEAGE_PROCESSED] + a->counts[SI_LINEAGE_WITH_ERROR]);
}

/* Segments against the publish that they came with; deltas against what commits stored. */
static void
check_publishes(Audit *a)
{
	int64		id = a->supervisor->data_source_id;

	if (si_query(a->q,
				 "SELECT b.publish_id, b.segments, b.rows, count(s.segment_id), coalesce(sum(s.rows), 0)::bigint"
				 " FROM stream_ingest.publish b LEFT JOIN stream_ingest.segment s USING (data_source_id, publish_id)"
				 " WHERE b.data_source_id = $1 AND b.kind = 'publish' GROUP BY 1"
				 " HAVING count(s.segment_id) <> b.segments OR coalesce(sum(s.rows), 0) <> b.rows OR b.rows > b.counts[5]"
				 " ORDER BY 1 LIMIT 1", "i", id) > 0)
		wrong(a, "publish " INT64_FORMAT " made " INT64_FORMAT " segments of " INT64_FORMAT " rows, but there are "
			  INT64_FORMAT " of " INT64_FORMAT " rows", si_get_int64(0, 0), si_get_int64(0, 1), si_get_int64(0, 2),
			  si_get_int64(0, 3), si_get_int64(0, 4));
	if (si_query(a->q,
				 "SELECT s.segment_id FROM stream_ingest.segment s WHERE s.data_source_id = $1 AND NOT EXISTS"
				 " (SELECT FROM stream_ingest.publish b WHERE b.publish_id = s.publish_id AND b.kind = 'publish')"
				 " ORDER BY 1 LIMIT 1", "i", id) > 0)
		wrong(a, "segment " INT64_FORMAT " came with no publish", si_get_int64(0, 0));
	if (si_query(a->q,
				 "SELECT seq, group_id, rows, counts[5] FROM stream_ingest.delta WHERE data_source_id = $1"
				 " AND (rows > counts[5] OR level = 0 AND rows <> counts[5]) ORDER BY 1 LIMIT 1", "i", id) > 0)
		wrong(a, "delta " INT64_FORMAT " of group " INT64_FORMAT " has " INT64_FORMAT " rows, but " INT64_FORMAT " were stored",
			  si_get_int64(0, 0), si_get_int64(0, 1), si_get_int64(0, 2), si_get_int64(0, 3));
}

/* -------------------------------------------------------------------------- files */

/* Opens one chunk: its footer says how many rows it has. */
static void
check_chunk(Audit *a, const SiDataSource *ds, const SiChunk *c)
{
	const char *name = c->file ? c->file : "in its catalog row";
	SiFileReader *file = NULL;
	SiByteSource src;
	SiSegmentError err;
	SiSegment  *seg;

	if (c->file)
		file = si_file_open(ds->install, c->file, &src);
	else
		si_byte_source_memory(&src, c->data, c->data_len);
	seg = si_segment_open(&src, ds->install, &err);
	if (seg == NULL)
		wrong(a, "%s " INT64_FORMAT " (%s) is damaged: %s", c->published ? "segment" : "delta", c->seq, name, err.text);
	else if (si_segment_rows(seg) != c->rows)
		wrong(a, "%s " INT64_FORMAT " (%s) holds %u rows, its catalog row says " INT64_FORMAT,
			  c->published ? "segment" : "delta", c->seq, name, si_segment_rows(seg), c->rows);
	a->files++;
	a->rows += c->rows;
	if (file)
		si_file_close(file);
}

static void
check_files(Audit *a)
{
	SiDataSource ds;
	SiChunk    *chunks;
	int			n;
	int			skipped;

	if (!si_catalog_data_source(a->supervisor->relid, GetActiveSnapshot(), &ds))
		return;
	chunks = si_catalog_chunks(&ds, GetActiveSnapshot(), PG_INT64_MIN, PG_INT64_MAX, &n, &skipped);
	for (int i = 0; i < n; i++)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "audit of a chunk", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		old = MemoryContextSwitchTo(context);
		check_chunk(a, &ds, &chunks[i]);
		MemoryContextSwitchTo(old);
		if (a->wrong)
			a->wrong = pstrdup(a->wrong);
		MemoryContextDelete(context);
	}
	a->rolled_up = a->counts[SI_LINEAGE_STORED] - a->dropped_rows - a->rows;
	if (a->rolled_up < 0)
		wrong(a, "chunks hold " INT64_FORMAT " rows, but only " INT64_FORMAT " were stored", a->rows, a->rows + a->rolled_up);
}

/* ------------------------------------------------------------------------- answer */

Datum
si_audit_supervisor(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	Audit		a = {0};
	StringInfoData json;

	si_query_begin(&q, true);
	a.q = &q;
	a.supervisor = si_supervisor_get(&q, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	si_check_may_see(a.supervisor, q.user);
	check_ranges(&a);
	check_counts(&a);
	check_publishes(&a);
	si_query_end(&q);
	check_files(&a);

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	si_put_text(&json, "id", a.supervisor->id);
	si_put_bool(&json, "exactlyOnce", a.wrong == NULL);
	si_put_text(&json, "discrepancy", a.wrong);
	si_put_int(&json, "partitions", a.npartitions);
	si_put_int(&json, "ranges", a.ranges);
	si_put_int(&json, "moves", a.moves);
	si_put_int(&json, "chunks", a.files);
	for (int c = 0; c < SI_NUM_LINEAGE; c++)
		si_put_int(&json, count_names[c], a.counts[c] + a.pending[c]);
	si_put_int(&json, "droppedByReset", a.dropped_rows);
	si_put_int(&json, "rolledUp", a.rolled_up);
	si_put_int(&json, "rows", a.rows);
	appendStringInfoChar(&json, '}');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}
