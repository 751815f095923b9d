/*
 * chunks.c
 *		Reading data_source, delta, tier and segment under a given snapshot.
 *
 * Heap API only.  Deltas are found through their primary key (data source,
 * level, group, seq) beginning at the floor that tier has for the level and
 * group, so that a query does not walk over the dead rows of merged deltas
 * while some old snapshot keeps them.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/chunks.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/version.h"
#include "common/int.h"
#include "common/pgcompat.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

static const char *const table_names[SI_NUM_TABLES] = {
	"install", "data_source", "delta", "tier", "segment"
};

static Oid	table_oids[SI_NUM_TABLES];
static Oid	pkey_oids[SI_NUM_TABLES];
static bool callback_registered = false;

/* Attribute numbers, in the order of sql/install/10_tables.sql. */
enum
{
	DS_ID = 1, DS_INSTALL, DS_RELID, DS_NAME, DS_DAMAGED
};
enum
{
	DELTA_DS = 1, DELTA_LEVEL, DELTA_GROUP, DELTA_SEQ, DELTA_INSTALL, DELTA_FIRST_SEQ, DELTA_ROWS,
	DELTA_BYTES, DELTA_MIN, DELTA_MAX, DELTA_PARTITIONS, DELTA_START, DELTA_END, DELTA_CREATED,
	DELTA_FILE, DELTA_DATA
};
enum
{
	TIER_DS = 1, TIER_LEVEL, TIER_GROUP, TIER_FLOOR
};
enum
{
	SEG_DS = 1, SEG_ID, SEG_INSTALL, SEG_ISTART, SEG_IEND, SEG_VERSION, SEG_PARTNUM, SEG_ROWS,
	SEG_BYTES, SEG_MIN, SEG_MAX, SEG_GROUP, SEG_FIRST_SEQ, SEG_LAST_SEQ, SEG_PARTITIONS, SEG_START,
	SEG_END, SEG_CREATED, SEG_FILE
};

typedef struct ChunkList
{
	SiChunk    *chunks;
	int			n;
	int			cap;
	int			skipped;
	int64		min_ms;
	int64		max_ms;
	const uint8 *install;

	/* for estimates: nothing is listed, only summed */
	bool		sums_only;
	double		nsummed;
	double		rows;
	double		bytes;
} ChunkList;

static void
forget_oids(Datum arg, Oid relid)
{
	memset(table_oids, 0, sizeof(table_oids));
	memset(pkey_oids, 0, sizeof(pkey_oids));
}

Oid
si_catalog_table(SiCatalogTable which)
{
	if (!OidIsValid(table_oids[which]))
	{
		Oid			nsp = get_namespace_oid("stream_ingest", true);
		Oid			oid = OidIsValid(nsp) ? get_relname_relid(table_names[which], nsp) : InvalidOid;

		if (!OidIsValid(oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("table stream_ingest.%s does not exist", table_names[which]),
					 errhint("Run CREATE EXTENSION stream_ingest in this database.")));
		if (!callback_registered)
		{
			CacheRegisterRelcacheCallback(forget_oids, (Datum) 0);
			callback_registered = true;
		}
		table_oids[which] = oid;
	}
	return table_oids[which];
}

Oid
si_catalog_pkey(SiCatalogTable which)
{
	if (!OidIsValid(pkey_oids[which]))
	{
		Oid			table = si_catalog_table(which);
		Relation	rel = table_open(table, AccessShareLock);
		Oid			pkey = SI_PRIMARY_KEY(rel);

		table_close(rel, AccessShareLock);
		if (!OidIsValid(pkey))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("table stream_ingest.%s has no primary key", table_names[which])));
		pkey_oids[which] = pkey;
	}
	return pkey_oids[which];
}

void
si_catalog_install(uint8 *uuid)
{
	Relation	rel = table_open(si_catalog_table(SI_TABLE_INSTALL), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, GetActiveSnapshot(), 0, NULL);
	HeapTuple	tup = systable_getnext(scan);
	bool		isnull;

	if (!HeapTupleIsValid(tup))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("table stream_ingest.install is empty"),
				 errhint("Drop and create the extension again.")));
	memcpy(uuid, DatumGetUUIDP(heap_getattr(tup, 2, RelationGetDescr(rel), &isnull))->data, SI_UUID_LEN);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

bool
si_catalog_data_source(Oid relid, Snapshot snapshot, SiDataSource *ds)
{
	Relation	rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tup;
	bool		found = false;

	si_catalog_check_version();
	rel = table_open(si_catalog_table(SI_TABLE_DATA_SOURCE), AccessShareLock);
	/* a database has few data sources: no index on relid is needed for speed */
	ScanKeyInit(&key, DS_RELID, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 1, &key);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
	{
		TupleDesc	desc = RelationGetDescr(rel);
		bool		isnull;
		Datum		d;
		uint8		mine[SI_UUID_LEN];

		found = true;
		memset(ds, 0, sizeof(*ds));
		ds->relid = relid;
		ds->data_source_id = DatumGetInt64(heap_getattr(tup, DS_ID, desc, &isnull));
		memcpy(ds->install, DatumGetUUIDP(heap_getattr(tup, DS_INSTALL, desc, &isnull))->data, SI_UUID_LEN);
		d = heap_getattr(tup, DS_DAMAGED, desc, &isnull);
		ds->damaged = isnull ? NULL : TextDatumGetCString(d);
		si_catalog_install(mine);
		ds->foreign_install = memcmp(mine, ds->install, SI_UUID_LEN) != 0;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* Room for one more chunk; NULL when its times do not overlap. */
static SiChunk *
add_chunk(ChunkList *list, int64 min_ms, int64 max_ms)
{
	SiChunk    *c;

	if (max_ms < list->min_ms || min_ms > list->max_ms)
	{
		list->skipped++;
		return NULL;
	}
	if (list->n == list->cap)
	{
		list->cap *= 2;
		list->chunks = repalloc(list->chunks, list->cap * sizeof(SiChunk));
	}
	c = &list->chunks[list->n++];
	memset(c, 0, sizeof(*c));
	c->min_ms = min_ms;
	c->max_ms = max_ms;
	return c;
}

static void
sum_chunk(ChunkList *list, HeapTuple tup, TupleDesc desc, int rows_att, int bytes_att)
{
	bool		isnull;

	list->rows += DatumGetInt64(heap_getattr(tup, rows_att, desc, &isnull));
	list->bytes += DatumGetInt64(heap_getattr(tup, bytes_att, desc, &isnull));
	list->nsummed++;
}

static void
collect_deltas(ChunkList *list, Relation rel, Snapshot snapshot, int64 data_source_id, int16 level,
			   int32 group_id, int64 floor)
{
	ScanKeyData key[4];
	SysScanDesc scan;
	HeapTuple	tup;
	TupleDesc	desc = RelationGetDescr(rel);

	ScanKeyInit(&key[0], DELTA_DS, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(data_source_id));
	ScanKeyInit(&key[1], DELTA_LEVEL, BTEqualStrategyNumber, F_INT2EQ, Int16GetDatum(level));
	ScanKeyInit(&key[2], DELTA_GROUP, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(group_id));
	ScanKeyInit(&key[3], DELTA_SEQ, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(floor));
	scan = systable_beginscan(rel, si_catalog_pkey(SI_TABLE_DELTA), true, snapshot, 4, key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		d;
		SiChunk    *c;

		if (memcmp(DatumGetUUIDP(heap_getattr(tup, DELTA_INSTALL, desc, &isnull))->data,
				   list->install, SI_UUID_LEN) != 0)
			continue;
		if (list->sums_only)
		{
			sum_chunk(list, tup, desc, DELTA_ROWS, DELTA_BYTES);
			continue;
		}
		c = add_chunk(list,
					  DatumGetInt64(heap_getattr(tup, DELTA_MIN, desc, &isnull)),
					  DatumGetInt64(heap_getattr(tup, DELTA_MAX, desc, &isnull)));
		if (c == NULL)
			continue;
		c->level = level;
		c->group_id = group_id;
		c->seq = DatumGetInt64(heap_getattr(tup, DELTA_SEQ, desc, &isnull));
		c->rows = DatumGetInt64(heap_getattr(tup, DELTA_ROWS, desc, &isnull));
		c->bytes = DatumGetInt64(heap_getattr(tup, DELTA_BYTES, desc, &isnull));
		d = heap_getattr(tup, DELTA_FILE, desc, &isnull);
		if (!isnull)
			c->file = TextDatumGetCString(d);
		else
		{
			bytea	   *data;

			d = heap_getattr(tup, DELTA_DATA, desc, &isnull);
			data = DatumGetByteaPCopy(d);
			c->data = VARDATA_ANY(data);
			c->data_len = VARSIZE_ANY_EXHDR(data);
		}
	}
	systable_endscan(scan);
}

static void
collect_all_deltas(ChunkList *list, Snapshot snapshot, int64 data_source_id)
{
	Relation	tier = table_open(si_catalog_table(SI_TABLE_TIER), AccessShareLock);
	Relation	delta = table_open(si_catalog_table(SI_TABLE_DELTA), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, TIER_DS, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(data_source_id));
	scan = systable_beginscan(tier, si_catalog_pkey(SI_TABLE_TIER), true, snapshot, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(tier);
		bool		isnull;

		collect_deltas(list, delta, snapshot, data_source_id,
					   DatumGetInt16(heap_getattr(tup, TIER_LEVEL, desc, &isnull)),
					   DatumGetInt32(heap_getattr(tup, TIER_GROUP, desc, &isnull)),
					   DatumGetInt64(heap_getattr(tup, TIER_FLOOR, desc, &isnull)));
	}
	systable_endscan(scan);
	table_close(delta, AccessShareLock);
	table_close(tier, AccessShareLock);
}

static void
collect_segments(ChunkList *list, Snapshot snapshot, int64 data_source_id)
{
	Relation	rel = table_open(si_catalog_table(SI_TABLE_SEGMENT), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, SEG_DS, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(data_source_id));
	scan = systable_beginscan(rel, si_catalog_pkey(SI_TABLE_SEGMENT), true, snapshot, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		bool		isnull;
		SiChunk    *c;

		if (memcmp(DatumGetUUIDP(heap_getattr(tup, SEG_INSTALL, desc, &isnull))->data,
				   list->install, SI_UUID_LEN) != 0)
			continue;
		if (list->sums_only)
		{
			sum_chunk(list, tup, desc, SEG_ROWS, SEG_BYTES);
			continue;
		}
		c = add_chunk(list,
					  DatumGetInt64(heap_getattr(tup, SEG_MIN, desc, &isnull)),
					  DatumGetInt64(heap_getattr(tup, SEG_MAX, desc, &isnull)));
		if (c == NULL)
			continue;
		c->published = true;
		c->seq = DatumGetInt64(heap_getattr(tup, SEG_ID, desc, &isnull));
		c->group_id = DatumGetInt32(heap_getattr(tup, SEG_GROUP, desc, &isnull));
		c->rows = DatumGetInt64(heap_getattr(tup, SEG_ROWS, desc, &isnull));
		c->bytes = DatumGetInt64(heap_getattr(tup, SEG_BYTES, desc, &isnull));
		c->file = TextDatumGetCString(heap_getattr(tup, SEG_FILE, desc, &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

SiChunk *
si_catalog_chunks(const SiDataSource *ds, Snapshot snapshot, int64 min_ms, int64 max_ms,
				  int *nchunks, int *skipped)
{
	ChunkList	list = {0};

	list.cap = 64;
	list.chunks = palloc(list.cap * sizeof(SiChunk));
	list.min_ms = min_ms;
	list.max_ms = max_ms;
	list.install = ds->install;
	if (!ds->foreign_install)
	{
		collect_segments(&list, snapshot, ds->data_source_id);
		collect_all_deltas(&list, snapshot, ds->data_source_id);
	}
	*nchunks = list.n;
	*skipped = list.skipped;
	return list.chunks;
}

/*
 * Sums over the metadata.  Deltas are found as queries find them, from the
 * floors on: this runs for every plan, also while an old snapshot keeps the
 * rows of merged deltas.
 */
void
si_catalog_estimate(Oid relid, double *rows, double *bytes, double *chunks)
{
	/* a function called by a parallel query may take no new snapshot */
	Snapshot	snapshot = RegisterSnapshot(IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot());
	ChunkList	list = {.sums_only = true};
	SiDataSource ds;

	if (si_catalog_data_source(relid, snapshot, &ds) && !ds.foreign_install)
	{
		list.install = ds.install;
		collect_segments(&list, snapshot, ds.data_source_id);
		collect_all_deltas(&list, snapshot, ds.data_source_id);
	}
	*rows = list.rows;
	*bytes = list.bytes;
	*chunks = list.nsummed;
	UnregisterSnapshot(snapshot);
}
