/*
 * workers.c
 *		stream_ingest.worker_slots(): the processes of this database as their
 *		slots in shared memory show them, for the views.
 *
 * Everybody may call it, since a view's functions run as its reader; a slot
 * is shown to those who may see its data source.  Slots are copied under the
 * lock and turned into rows after it.
 */
#include "postgres.h"

#include "api/api.h"
#include "api/lookup.h"
#include "api/query.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "worker/shmem.h"

#define NCOLUMNS	13

PG_FUNCTION_INFO_V1(si_worker_slots);

/* The overlord and launcher as they were when the lock was held. */
typedef struct Parents
{
	pid_t		launcher;
	bool		has_database;
	SiDatabaseSlot database;
} Parents;

static const char *const database_states[] = {
	[SI_DB_FREE] = "none",
	[SI_DB_PROBE] = "to be started",
	[SI_DB_STARTING] = "starting",
	[SI_DB_ACTIVE] = "running",
	[SI_DB_ABSENT] = "not installed",
	[SI_DB_PAUSED] = "paused for another command",
	[SI_DB_BACKOFF] = "waits before it is started again",
};

/* Copies what belongs to this database; returns the number of slots. */
static int
copy_slots(SiWorkerSlot *slots, Parents *parents)
{
	int			n = 0;

	memset(parents, 0, sizeof(*parents));
	LWLockAcquire(si_shmem->lock, LW_SHARED);
	parents->launcher = si_shmem->launcher_pid;
	for (int i = 0; i < SI_MAX_DATABASES; i++)
		if (si_shmem->databases[i].state != SI_DB_FREE && si_shmem->databases[i].dboid == MyDatabaseId)
		{
			parents->has_database = true;
			parents->database = si_shmem->databases[i];
		}
	for (int i = 0; i < si_shmem->nworkers; i++)
	{
		SiWorkerSlot *slot = &si_shmem->workers[i];

		if (!slot->in_use || slot->dboid != MyDatabaseId)
			continue;
		SpinLockAcquire(&slot->mutex);
		memcpy(&slots[n++], slot, sizeof(SiWorkerSlot));
		SpinLockRelease(&slot->mutex);
	}
	LWLockRelease(si_shmem->lock);
	return n;
}

static const char *
slot_state(SiWorkerSlot *slot)
{
	if (slot->pid == 0)
		return slot->started == 0 ? "starting" : "ended";
	if (pg_atomic_read_u32(&slot->stop) != 0)
		return "stopping";
	if (slot->kind == SI_WORKER_STANDBY)
		return "waiting to take over";
	if (slot->kind == SI_WORKER_PUBLISHING)
		return "publishing";
	if (slot->stream_failing)
		return "stream failing";
	if (pg_atomic_read_u32(&slot->hold) != 0)
		return "waiting for merges";
	if (slot->at_end)
		return "at the end of the stream";
	return slot->reading ? "reading" : "connecting";
}

/* One rate of every counter, as a double precision[] in the order of SiCounter. */
static Datum
rates(const SiWorkerSlot *slot, size_t minutes)
{
	Datum		d[SI_NUM_COUNTERS];

	for (int i = 0; i < SI_NUM_COUNTERS; i++)
		d[i] = Float8GetDatum(*(const double *) ((const char *) &slot->meters[i] + minutes));
	return PointerGetDatum(construct_array(d, SI_NUM_COUNTERS, FLOAT8OID, sizeof(float8),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
put_parent(ReturnSetInfo *rsinfo, const char *kind, pid_t pid, const char *state, const char *message)
{
	Datum		values[NCOLUMNS] = {0};
	bool		nulls[NCOLUMNS];

	memset(nulls, true, sizeof(nulls));
	values[0] = CStringGetTextDatum(kind);
	values[5] = CStringGetTextDatum(state);
	nulls[0] = nulls[5] = false;
	if (pid != 0)
	{
		values[1] = Int32GetDatum(pid);
		nulls[1] = false;
	}
	if (message[0] != '\0')
	{
		values[12] = CStringGetTextDatum(message);
		nulls[12] = false;
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_slot(ReturnSetInfo *rsinfo, SiWorkerSlot *slot)
{
	static const char *const kinds[] = {
		[SI_WORKER_READING] = "reading",
		[SI_WORKER_PUBLISHING] = "publishing",
		[SI_WORKER_STANDBY] = "standby",
	};
	Datum		values[NCOLUMNS] = {0};
	bool		nulls[NCOLUMNS] = {0};

	values[0] = CStringGetTextDatum(kinds[slot->kind]);
	values[1] = Int32GetDatum(slot->pid);
	nulls[1] = slot->pid == 0;
	values[2] = CStringGetTextDatum(slot->supervisor_id);
	values[3] = Int64GetDatum(slot->data_source_id);
	values[4] = Int32GetDatum(slot->group_id);
	nulls[4] = slot->kind == SI_WORKER_PUBLISHING;
	values[5] = CStringGetTextDatum(slot_state(slot));
	values[6] = TimestampTzGetDatum(slot->started);
	nulls[6] = slot->started == 0;
	values[7] = TimestampTzGetDatum(slot->last_commit);
	nulls[7] = slot->last_commit == 0;
	values[8] = Int64GetDatum(slot->rows_in_memory);
	values[9] = rates(slot, offsetof(SiMeter, m1));
	values[10] = rates(slot, offsetof(SiMeter, m5));
	values[11] = rates(slot, offsetof(SiMeter, m15));
	nulls[9] = nulls[10] = nulls[11] = slot->kind != SI_WORKER_READING;
	/* it was cut to fit, perhaps in the middle of a character */
	values[12] = PointerGetDatum(cstring_to_text_with_len(slot->message,
														   pg_encoding_verifymbstr(PG_UTF8, slot->message,
																				   strlen(slot->message))));
	nulls[12] = slot->message[0] == '\0';
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static bool
may_see_slot(SiQuery *q, const SiWorkerSlot *slot)
{
	if (si_query(q, "SELECT relid FROM stream_ingest.data_source WHERE data_source_id = $1",
				 "i", slot->data_source_id) == 0)
		return si_may_see(InvalidOid, q->user);
	return si_may_see(si_get_oid(0, 0), q->user);
}

Datum
si_worker_slots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	SiWorkerSlot *slots = palloc(sizeof(SiWorkerSlot) * si_shmem->nworkers);
	Parents		parents;
	SiQuery		q;
	int			n = copy_slots(slots, &parents);

	InitMaterializedSRF(fcinfo, 0);
	put_parent(rsinfo, "launcher", parents.launcher,
			   parents.launcher != 0 ? "running" : "not running", "");
	if (parents.has_database)
		put_parent(rsinfo, "overlord", parents.database.overlord_pid,
				   database_states[parents.database.state], parents.database.message);
	si_query_begin(&q, true);
	for (int i = 0; i < n; i++)
		if (may_see_slot(&q, &slots[i]))
			put_slot(rsinfo, &slots[i]);
	si_query_end(&q);
	return (Datum) 0;
}
