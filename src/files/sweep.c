/*
 * sweep.c
 *		Which chunk files may go, and which are missing.
 *
 * A file goes in one of two ways.  Its row was removed: the same transaction
 * wrote a tombstone with its id, and the file is unlinked when no snapshot
 * anywhere can still see the row; the tombstone goes afterwards, so that a
 * crash in between only makes us unlink a file that is not there.  Or no row
 * ever named it, because its writer died: such an orphan is recognised by
 * looking in an order in which no living file can be mistaken - first the
 * directory, then which runs are still going, then the rows.  A file whose
 * run ended before we looked at the runs was either named by a row that our
 * snapshot sees, or never will be.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/chunks.h"
#include "catalog/pg_type.h"
#include "catalog/spi.h"
#include "common/clock.h"
#include "common/guc.h"
#include "common/hashfn.h"
#include "files/files.h"
#include "files/sweep.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/xid8.h"
#include "worker/shmem.h"

/* Tombstones handled in one transaction. */
#define TOMBSTONES_PER_STEP	1000

/* Orphans and old rejected messages are looked for this often. */
#define SLOW_SWEEP_MS	60000

/* A damaged data source names this many characters of ranges. */
#define MAX_DAMAGE_TEXT	4000

static SiStatement list_tombstones = {
	"SELECT file, removed_by FROM stream_ingest.tombstone WHERE install = $1 ORDER BY removed_by LIMIT $2",
	2, {UUIDOID, INT8OID}
};

static SiStatement remove_tombstones = {
	"DELETE FROM stream_ingest.tombstone WHERE install = $1 AND file = ANY ($2)",
	2, {UUIDOID, TEXTARRAYOID}
};

static SiStatement list_named = {
	"SELECT file FROM stream_ingest.delta WHERE install = $1 AND file IS NOT NULL"
	" UNION ALL SELECT file FROM stream_ingest.segment WHERE install = $1"
	" UNION ALL SELECT file FROM stream_ingest.tombstone WHERE install = $1",
	1, {UUIDOID}
};

static SiStatement remove_old_rejected = {
	"DELETE FROM stream_ingest.rejected_message WHERE install = $1"
	" AND at < pg_catalog.clock_timestamp() - $2 * '1 min'::pg_catalog.interval",
	2, {UUIDOID, FLOAT8OID}
};

static SiStatement list_chunks = {
	"SELECT data_source_id, file, bytes, partitions::pg_catalog.text, start_offsets::pg_catalog.text,"
	" end_offsets::pg_catalog.text FROM stream_ingest.delta WHERE install = $1 AND file IS NOT NULL"
	" AND data_source_id = ANY ($2)"
	" UNION ALL SELECT data_source_id, file, bytes, partitions::pg_catalog.text, start_offsets::pg_catalog.text,"
	" end_offsets::pg_catalog.text FROM stream_ingest.segment WHERE install = $1 AND data_source_id = ANY ($2)"
	" ORDER BY 1, 2",
	2, {UUIDOID, INT8ARRAYOID}
};

static SiStatement mark_damaged = {
	"UPDATE stream_ingest.data_source SET damaged = $2 WHERE data_source_id = $1"
	" AND damaged IS DISTINCT FROM $2",
	2, {INT8OID, TEXTOID}
};

static SiStatement list_data_sources = {
	"SELECT data_source_id FROM stream_ingest.data_source WHERE install = $1 AND (damaged IS NOT NULL OR NOT $2)",
	2, {UUIDOID, BOOLOID}
};

/* What one round could not do. */
typedef struct Trouble
{
	int			failed;			/* files that could not be removed */
	int			errnum;			/* of the first of them */
	char	   *complaint;
	MemoryContext context;		/* of the complaint */
} Trouble;

static TimestampTz last_slow = 0;

/* ------------------------------------------------------------ missing files */

/* Adds to the text what one file of a data source should have held. */
static void
describe_missing(StringInfo damage, uint64 row, const char *what)
{
	if (damage->len > MAX_DAMAGE_TEXT)
		return;
	if (damage->len > 0)
		appendStringInfoString(damage, "; ");
	appendStringInfo(damage, "file %s %s (partitions %s, offsets from %s to %s)",
					 si_spi_text(row, 2, CurrentMemoryContext), what,
					 si_spi_text(row, 4, CurrentMemoryContext),
					 si_spi_text(row, 5, CurrentMemoryContext),
					 si_spi_text(row, 6, CurrentMemoryContext));
}

int
si_check_files(bool again)
{
	uint8		install[SI_UUID_LEN];
	Datum		args[2];
	uint64		nsources;
	int64	   *sources;
	StringInfoData *damage;
	int			damaged = 0;

	si_spi_begin();
	si_catalog_install(install);
	args[0] = UUIDPGetDatum((pg_uuid_t *) install);
	args[1] = BoolGetDatum(again);
	nsources = si_spi_run(&list_data_sources, args, NULL, SPI_OK_SELECT);
	sources = palloc(sizeof(int64) * Max(nsources, 1));
	damage = palloc(sizeof(StringInfoData) * Max(nsources, 1));
	for (uint64 i = 0; i < nsources; i++)
	{
		sources[i] = si_spi_int8(i, 1);
		initStringInfo(&damage[i]);
	}

	args[1] = si_int8_array(sources, nsources);
	si_spi_run(&list_chunks, args, NULL, SPI_OK_SELECT);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		uint64		size;
		uint64		i = 0;
		int64		source = si_spi_int8(row, 1);

		while (i < nsources && sources[i] != source)
			i++;
		if (i == nsources)
			continue;
		if (!si_file_exists(install, si_spi_text(row, 2, CurrentMemoryContext), &size))
			describe_missing(&damage[i], row, "is missing");
		else if (size != (uint64) si_spi_int8(row, 3))
			describe_missing(&damage[i], row, "has the wrong size");
	}
	for (uint64 i = 0; i < nsources; i++)
	{
		bool		is_damaged = damage[i].len > 0;

		args[0] = Int64GetDatum(sources[i]);
		args[1] = CStringGetTextDatum(damage[i].data);
		if (si_spi_run(&mark_damaged, args, is_damaged ? NULL : " n", SPI_OK_UPDATE) > 0 && is_damaged)
			ereport(LOG,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("data source " INT64_FORMAT " is damaged: %s", sources[i], damage[i].data)));
		damaged += is_damaged;
	}
	si_spi_commit();
	return damaged;
}

/* -------------------------------------------------------------------- removing */

/* False when the file is still there: somebody has to look at that. */
static bool
removed(Trouble *t, const uint8 *install, const char *file)
{
	char	   *complaint = si_file_try_unlink(install, file);

	if (complaint == NULL)
		return true;
	if (t->failed++ == 0)
	{
		t->errnum = errno;
		t->complaint = MemoryContextStrdup(t->context, complaint);
	}
	pfree(complaint);
	return false;
}

/* Said in the log when it is something new. */
static void
tell(const Trouble *t)
{
	static int	told = 0;

	if (t->failed > 0 && told != t->errnum)
	{
		errno = t->errnum;
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg_internal("%s", t->complaint),
				 errdetail("%d chunk files that are not needed any more could not be removed. They are tried again every few seconds.", t->failed)));
	}
	told = t->failed > 0 ? t->errnum : 0;
}

/* --------------------------------------------------------------- tombstones */

static void
sweep_tombstones(Trouble *t, const uint8 *install)
{
	Datum		args[2];
	ArrayBuildState *gone = NULL;
	uint64		n;

	si_spi_begin();
	args[0] = UUIDPGetDatum((pg_uuid_t *) install);
	args[1] = Int64GetDatum(TOMBSTONES_PER_STEP);
	n = si_spi_run(&list_tombstones, args, NULL, SPI_OK_SELECT);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		FullTransactionId fxid = DatumGetFullTransactionId(si_spi_value(i, 2, &isnull));
		char	   *file;

		/* in order of transaction id: those behind are no more removable */
		if (!GlobalVisCheckRemovableFullXid(NULL, fxid))
			break;
		file = si_spi_text(i, 1, CurrentMemoryContext);
		if (removed(t, install, file))
			gone = accumArrayResult(gone, CStringGetTextDatum(file), false, TEXTOID, CurrentMemoryContext);
	}
	if (gone)
	{
		args[1] = makeArrayResult(gone, CurrentMemoryContext);
		si_spi_run(&remove_tombstones, args, NULL, SPI_OK_DELETE);
	}
	si_spi_commit();
}

/* ------------------------------------------------------------------ orphans */

/* The runs that may still write files; taken after the directory was listed. */
static int
active_runs(int64 *runs)
{
	int			n = 0;

	LWLockAcquire(si_shmem->lock, LW_SHARED);
	for (int i = 0; i < si_shmem->nworkers; i++)
	{
		SiWorkerSlot *slot = &si_shmem->workers[i];

		if (!slot->in_use || slot->dboid != MyDatabaseId)
			continue;
		SpinLockAcquire(&slot->mutex);
		if (slot->run_id != 0)
			runs[n++] = slot->run_id;
		SpinLockRelease(&slot->mutex);
	}
	LWLockRelease(si_shmem->lock);
	return n;
}

static HTAB *
named_files(const uint8 *install)
{
	HASHCTL		ctl = {.keysize = SI_FILE_NAME_LEN,.entrysize = SI_FILE_NAME_LEN,.hcxt = CurrentMemoryContext};
	HTAB	   *names = hash_create("named chunk files", 1024, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	Datum		arg = UUIDPGetDatum((pg_uuid_t *) install);

	si_spi_run(&list_named, &arg, NULL, SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *name = si_spi_text(i, 1, CurrentMemoryContext);

		hash_search(names, name, HASH_ENTER, NULL);
		pfree(name);
	}
	return names;
}

static void
sweep_orphans(Trouble *t, const uint8 *install)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "sweep of orphans", ALLOCSET_DEFAULT_SIZES);
	char	  **files;
	int			nfiles;
	int64	   *runs;
	int			nruns;
	HTAB	   *names;

	MemoryContextSwitchTo(context);
	nfiles = si_file_list(install, &files);
	runs = palloc(sizeof(int64) * si_shmem->nworkers);
	nruns = active_runs(runs);
	si_spi_begin();
	names = named_files(install);
	for (int i = 0; i < nfiles; i++)
	{
		int64		run;
		bool		active = false;

		if (!si_file_run(files[i], &run))
			continue;
		for (int r = 0; r < nruns; r++)
			active |= runs[r] == run;
		if (active || hash_search(names, files[i], HASH_FIND, NULL) != NULL)
			continue;
		(void) removed(t, install, files[i]);
	}
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

static void
sweep_rejected(const uint8 *install)
{
	Datum		args[2];

	si_spi_begin();
	args[0] = UUIDPGetDatum((pg_uuid_t *) install);
	args[1] = Float8GetDatum(si_rejected_max_age);
	si_spi_run(&remove_old_rejected, args, NULL, SPI_OK_DELETE);
	si_spi_commit();
}

void
si_sweep_orphans_soon(void)
{
	last_slow = 0;
}

char *
si_sweep_step(void)
{
	MemoryContext caller = CurrentMemoryContext;
	uint8		install[SI_UUID_LEN];
	Trouble		t = {.context = caller};
	TimestampTz now = si_now();

	si_spi_begin();
	si_catalog_install(install);
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	sweep_tombstones(&t, install);
	MemoryContextSwitchTo(caller);
	if (last_slow == 0 || TimestampDifferenceExceeds(last_slow, now, SLOW_SWEEP_MS))
	{
		sweep_orphans(&t, install);
		sweep_rejected(install);
		last_slow = t.failed > 0 ? 0 : now;
		MemoryContextSwitchTo(caller);
	}
	tell(&t);
	return t.complaint;
}
