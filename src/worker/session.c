/*
 * session.c
 *		The session of a worker, and what is done at the end of a user's
 *		transaction: waking the overlord, probing and releasing databases.
 *
 * What runs at commit or abort never throws: it takes one LWLock and sets
 * latches.  Wake-ups belong to the subtransaction that asked for them and are
 * forgotten when it is rolled back.  A paused database is released at the end
 * of the transaction, whichever way it ends.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pgcompat.h"
#include "files/files.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "worker/worker.h"

/* The subtransaction that asked, or InvalidSubTransactionId. */
static SubTransactionId wake_subid = InvalidSubTransactionId;
static SubTransactionId probe_subid = InvalidSubTransactionId;
static Oid	probe_other = InvalidOid;
/* Whether this backend holds databases paused, and which of them is gone at commit. */
static bool paused = false;
static Oid	paused_dropped = InvalidOid;
/* An install that was dropped: its files go at commit. */
static SubTransactionId drop_subid = InvalidSubTransactionId;
static uint8 dropped_install[SI_UUID_LEN];

void
si_session_signals(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
}

void
si_session_fix(void)
{
	static const char *const fixed[][2] = {
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"statement_timeout", "0"},
		{"lock_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"idle_session_timeout", "0"},
		{"search_path", "pg_catalog"},
		{"TimeZone", "UTC"},
		{"DateStyle", "ISO, MDY"},
		{"IntervalStyle", "postgres"},
		{"bytea_output", "hex"},
		{"extra_float_digits", "1"},
		{"default_tablespace", ""},
		{"row_security", "off"},
		{"session_replication_role", "origin"},
		{SI_DEBUG_PARALLEL_QUERY, "off"},
	};

	for (int i = 0; i < lengthof(fixed); i++)
		SetConfigOption(fixed[i][0], fixed[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

void
si_wake_overlord_at_commit(void)
{
	if (wake_subid == InvalidSubTransactionId)
		wake_subid = GetCurrentSubTransactionId();
}

void
si_probe_database_at_commit(void)
{
	if (probe_subid == InvalidSubTransactionId)
		probe_subid = GetCurrentSubTransactionId();
}

void
si_probe_other_database_at_commit(Oid dboid)
{
	probe_other = dboid;
}

/*
 * A transaction that drops the extension, creates it and drops it again has
 * files of the first install only: nothing runs before it ends.
 */
void
si_drop_install_at_commit(const uint8 *install)
{
	if (drop_subid != InvalidSubTransactionId)
		return;
	drop_subid = GetCurrentSubTransactionId();
	memcpy(dropped_install, install, SI_UUID_LEN);
}

void
si_resume_database_at_end(Oid dboid, bool dropped)
{
	paused = true;
	if (dropped)
		paused_dropped = dboid;
}

static void
at_transaction_end(bool committed)
{
	if (committed && drop_subid != InvalidSubTransactionId)
		si_file_drop_install(dropped_install);
	if (committed && OidIsValid(paused_dropped))
		si_file_drop_database(paused_dropped);
	if (paused)
		si_databases_resume(committed ? paused_dropped : InvalidOid);
	if (committed && OidIsValid(probe_other))
		(void) si_database_probe(probe_other);
	if (committed && probe_subid != InvalidSubTransactionId && !si_database_probe(MyDatabaseId))
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("stream_ingest runs in at most %d databases of a server", SI_MAX_DATABASES)));
	if (committed && wake_subid != InvalidSubTransactionId)
		si_wake_overlord();
	paused = false;
	paused_dropped = InvalidOid;
	probe_other = InvalidOid;
	probe_subid = InvalidSubTransactionId;
	wake_subid = InvalidSubTransactionId;
	drop_subid = InvalidSubTransactionId;
}

static void
xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			at_transaction_end(true);
			break;
		case XACT_EVENT_ABORT:
			at_transaction_end(false);
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (wake_subid != InvalidSubTransactionId || probe_subid != InvalidSubTransactionId ||
				drop_subid != InvalidSubTransactionId || paused)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot PREPARE a transaction that has changed a supervisor or the extension stream_ingest"),
						 errhint("Use COMMIT instead.")));
			break;
		default:
			break;
	}
}

static void
subxact_callback(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		if (wake_subid == mine)
			wake_subid = parent;
		if (probe_subid == mine)
			probe_subid = parent;
		if (drop_subid == mine)
			drop_subid = parent;
	}
	else if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		if (wake_subid == mine)
			wake_subid = InvalidSubTransactionId;
		if (probe_subid == mine)
			probe_subid = InvalidSubTransactionId;
		if (drop_subid == mine)
			drop_subid = InvalidSubTransactionId;
	}
}

void
si_session_install_hooks(void)
{
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}
