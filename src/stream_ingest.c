/*
 * stream_ingest.c
 *		Entry point of the library: what is set up when it is loaded.
 *
 * _PG_init is a list; every line is one call into the module that knows.
 * Threads are never started here: librdkafka is used only in the processes
 * that fork from the postmaster.
 */
#include "postgres.h"

#include "api/api.h"
#include "common/guc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "query/statistics.h"
#include "worker/shmem.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

/*
 * _PG_init is called by the postmaster when the library is preloaded, and
 * otherwise by the first backend that calls one of our functions, which
 * cannot work: shared memory and the launcher exist only from server start.
 */
void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("stream_ingest must be loaded when the server starts"),
				 errhint("Add stream_ingest to shared_preload_libraries in postgresql.conf and restart the server.")));

	si_guc_define();
	si_shmem_install_hooks();
	si_session_install_hooks();
	si_utility_install_hooks();
	si_api_install_hooks();
	si_statistics_init();
	si_launcher_register();
}
