/*
 * table.h
 *		The foreign table of a data source: its columns as a spec asks for
 *		them, its creation, and what is wrong with a name.
 */
#ifndef SI_API_TABLE_H
#define SI_API_TABLE_H

#include "postgres.h"

#include "access/attnum.h"
#include "common/types.h"
#include "spec/spec.h"
#include "utils/hsearch.h"

/* Option of a column that names the dimension or metric it shows. */
#define SI_COLUMN_OPTION	"dimension"
#define SI_SERVER_NAME		"stream_ingest"

typedef struct SiTableColumn
{
	const char *name;
	SiType		type;
	bool		json;			/* strings hold JSON: the column is jsonb */
	bool		array;			/* the column is text[] */
} SiTableColumn;

/* __time, dimensions, metrics, in the order of the spec; palloc'ed. */
extern SiTableColumn *si_table_columns(const SiSpec *spec, int *n);

/* The type of a column in PostgreSQL. */
extern Oid	si_table_type(const SiTableColumn *column);
extern const char *si_table_type_name(const SiTableColumn *column);

/*
 * Why no column can have this name, or NULL.  Not about other columns.
 */
extern const char *si_table_bad_column_name(const char *name);

/* ERROR when a table cannot have these columns, or this name. */
extern void si_table_check(const char *name, const SiTableColumn *columns, int n);

/*
 * Creates the foreign table in the namespace, owned by owner, as the current
 * user (who needs the right to use our server).  The caller has checked that
 * owner may create in the namespace, and that the name is free.
 */
extern Oid	si_table_create(Oid namespace, const char *name, Oid owner,
							const SiTableColumn *columns, int n);

/* What a table has for a dimension or metric. */
typedef enum SiColumnState
{
	SI_COLUMN_MISSING,
	SI_COLUMN_PRESENT,			/* by the option, else by name */
	SI_COLUMN_DROPPED,			/* it was there and the user has dropped it */
	SI_COLUMN_NAME_TAKEN		/* missing, and its name belongs to another column */
} SiColumnState;

/* The dimension that a column shows; NULL when there is no such column. */
extern char *si_table_dimension(Oid relid, int attnum);

/* The names that a table has, in CurrentMemoryContext; and one name in them. */
extern HTAB *si_table_names(Oid relid);
extern SiColumnState si_table_column_state(HTAB *names, const char *name);
/* The column that shows a dimension or metric, or InvalidAttrNumber. */
extern AttrNumber si_table_column_shown(HTAB *names, const char *name);

/* Druid's name of a type, and the SQL type of such a name. */
extern const char *si_table_druid_type(const SiTableColumn *column);
extern const char *si_table_sql_type(const char *type);

#endif							/* SI_API_TABLE_H */
