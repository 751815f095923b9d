/*
 * pgcompat.h
 *		Every difference between PostgreSQL major versions, and nothing else.
 *
 * No other file tests PG_VERSION_NUM.
 */
#ifndef SI_COMMON_PGCOMPAT_H
#define SI_COMMON_PGCOMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "stream_ingest needs PostgreSQL 15 or later"
#endif

/* 16: macros of variable-length values have a header of their own. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 16: one function for the owners of everything; a setting has another name. */
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_class_d.h"
#include "catalog/pg_database_d.h"
#include "catalog/pg_extension_d.h"

#define pg_class_ownercheck(oid, role) object_ownercheck(RelationRelationId, (oid), (role))
#define pg_database_ownercheck(oid, role) object_ownercheck(DatabaseRelationId, (oid), (role))
#define pg_extension_ownercheck(oid, role) object_ownercheck(ExtensionRelationId, (oid), (role))
#define SI_DEBUG_PARALLEL_QUERY "debug_parallel_query"
#else
#define SI_DEBUG_PARALLEL_QUERY "force_parallel_mode"
#endif

/* 17: a set of events belongs to a resource owner, or to the process. */
#if PG_VERSION_NUM >= 170000
#define SI_WAIT_SET_OF_PROCESS NULL
#else
#define SI_WAIT_SET_OF_PROCESS TopMemoryContext
#endif

/* 18: headers were split; a primary key may be asked for that is deferrable. */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#include "storage/waiteventset.h"

#define SI_PRIMARY_KEY(rel) RelationGetPrimaryKeyIndex((rel), false)
#else
#define SI_PRIMARY_KEY(rel) RelationGetPrimaryKeyIndex(rel)
#endif

/* A path of a plain scan.  17 and 18 added arguments that are of no use to one. */
#if PG_VERSION_NUM >= 180000
#define si_create_scan_path(root, rel, startup, total) \
	create_foreignscan_path((root), (rel), NULL, (rel)->rows, 0, (startup), (total), NIL, (rel)->lateral_relids, NULL, NIL, NIL)
#elif PG_VERSION_NUM >= 170000
#define si_create_scan_path(root, rel, startup, total) \
	create_foreignscan_path((root), (rel), NULL, (rel)->rows, (startup), (total), NIL, (rel)->lateral_relids, NULL, NIL, NIL)
#else
#define si_create_scan_path(root, rel, startup, total) \
	create_foreignscan_path((root), (rel), NULL, (rel)->rows, (startup), (total), NIL, (rel)->lateral_relids, NULL, NIL)
#endif

/* 18: opening a relation of the range table wants to know whether it is changed. */
#if PG_VERSION_NUM >= 180000
#define si_range_table_relation(estate, rti) ExecGetRangeTableRelation((estate), (rti), false)
#else
#define si_range_table_relation(estate, rti) ExecGetRangeTableRelation((estate), (rti))
#endif

/* A path of a scan that stands for an upper relation. */
#if PG_VERSION_NUM >= 180000
#define si_create_upper_path(root, rel, target, rows, startup, total, private) \
	create_foreign_upper_path((root), (rel), (target), (rows), 0, (startup), (total), NIL, NULL, NIL, (private))
#elif PG_VERSION_NUM >= 170000
#define si_create_upper_path(root, rel, target, rows, startup, total, private) \
	create_foreign_upper_path((root), (rel), (target), (rows), (startup), (total), NIL, NULL, NIL, (private))
#else
#define si_create_upper_path(root, rel, target, rows, startup, total, private) \
	create_foreign_upper_path((root), (rel), (target), (rows), (startup), (total), NIL, NULL, (private))
#endif

#endif							/* SI_COMMON_PGCOMPAT_H */
