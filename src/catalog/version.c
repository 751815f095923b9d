/*
 * version.c
 *		Whether the SQL objects of this database are those the library knows.
 *
 * An update replaces the library's file, the running server keeps the old
 * one: between ALTER EXTENSION ... UPDATE and the restart, or after a restart
 * without it, the two differ.  pg_extension sends no invalidations, so it is
 * asked every time; that is one index lookup.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "catalog/version.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#define EXTENSION_NAME	"stream_ingest"

char *
si_catalog_extension_version(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	char	   *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum(EXTENSION_NAME));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
	{
		bool		isnull;
		Datum		value = heap_getattr(tup, Anum_pg_extension_extversion, RelationGetDescr(rel), &isnull);

		version = isnull ? pstrdup("") : TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return version;
}

void
si_catalog_check_version(void)
{
	char	   *version;

	if (creating_extension)
		return;
	version = si_catalog_extension_version();
	if (version == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"%s\" does not exist", EXTENSION_NAME),
				 errhint("Run CREATE EXTENSION %s in this database.", EXTENSION_NAME)));
	if (strcmp(version, SI_VERSION) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension stream_ingest has version %s in this database, but the loaded library has version %s",
						version, SI_VERSION),
				 errhint(SI_VERSION_HINT)));
	pfree(version);
}
