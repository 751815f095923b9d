/*
 * api.h
 *		What the other modules call in this one.  Everything else here is
 *		called from SQL (sql/install/40_api.sql, 50_views.sql).
 */
#ifndef SI_API_API_H
#define SI_API_API_H

#include "postgres.h"

/*
 * From _PG_init: the object_access_hook that ends a supervisor when its
 * foreign table is dropped.
 */
extern void si_api_install_hooks(void);

/*
 * The overlord calls this every second, outside a transaction: removes what
 * dropped data sources have left behind (rows; their files get tombstones).
 * Runs in a transaction of its own; an ERROR is the caller's to note.
 */
extern void si_clean_dropped_data_sources(void);

#endif							/* SI_API_API_H */
