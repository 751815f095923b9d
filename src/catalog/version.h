/*
 * version.h
 *		Whether the SQL objects of this database are those the library knows.
 */
#ifndef SI_CATALOG_VERSION_H
#define SI_CATALOG_VERSION_H

#include "postgres.h"

#define SI_VERSION_HINT "Restart the server to load the installed library, or run ALTER EXTENSION stream_ingest UPDATE."

/* The version of the extension in this database; NULL when there is none. */
extern char *si_catalog_extension_version(void);

/*
 * ERROR when the extension of this database has another version than the
 * library.  Tables are read by attribute number: nothing of ours may be read
 * before.  Not asked while a script of an extension runs.
 */
extern void si_catalog_check_version(void);

#endif							/* SI_CATALOG_VERSION_H */
