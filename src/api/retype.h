/*
 * retype.h
 *		Columns of foreign tables follow a changed type in a spec.
 */
#ifndef SI_API_RETYPE_H
#define SI_API_RETYPE_H

#include "postgres.h"

#include "api/query.h"
#include "api/table.h"

/*
 * Puts columns whose type in the spec in force is not that of the table on
 * the list (discovered_column.retype), and takes those off that agree again.
 * Only a type that some spec gave is changed: one that the user gave stays.
 */
extern void si_retype_queue(SiQuery *q, int64 data_source_id, Oid relid, HTAB *names,
							const SiTableColumn *columns, int n);

/* Names of the columns on the list, in CurrentMemoryContext. */
extern char **si_retype_list(SiQuery *q, int64 data_source_id, int *n);

/* Changes one of them.  ERROR when PostgreSQL refuses: a view uses it, or the lock is taken. */
extern void si_retype_column(SiQuery *q, int64 data_source_id, Oid relid, const char *name);

#endif							/* SI_API_RETYPE_H */
