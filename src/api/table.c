/*
 * table.c
 *		The foreign table of a data source: its columns as a spec asks for
 *		them, its creation, and what is wrong with a name.
 *
 * The table is created by the internal functions behind CREATE FOREIGN TABLE,
 * not by a statement: the current user is the superuser who may use our
 * server, while the owner (and so the default privileges that apply) is the
 * submitter.  Columns name their dimension in an option, so that they can be
 * renamed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "access/xact.h"
#include "api/table.h"
#include "catalog/heap.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

SiTableColumn *
si_table_columns(const SiSpec *spec, int *n)
{
	SiTableColumn *columns = palloc(sizeof(SiTableColumn) * (1 + spec->ndimensions + spec->nmetrics));
	int			i = 0;

	columns[i++] = (SiTableColumn) {SI_TIME_COLUMN, SI_TYPE_TIME};
	/* a dimension of type auto has no type before it has a value */
	for (int d = 0; d < spec->ndimensions; d++)
		if (!spec->dimensions[d].automatic)
			columns[i++] = (SiTableColumn) {spec->dimensions[d].name, spec->dimensions[d].type, spec->dimensions[d].json,
				spec->dimensions[d].array};
	for (int m = 0; m < spec->nmetrics; m++)
		columns[i++] = (SiTableColumn) {spec->metrics[m].name, spec->metrics[m].type};
	*n = i;
	return columns;
}

Oid
si_table_type(const SiTableColumn *column)
{
	switch (column->type)
	{
		case SI_TYPE_TIME:
			return TIMESTAMPTZOID;
		case SI_TYPE_LONG:
			return INT8OID;
		case SI_TYPE_FLOAT:
			return FLOAT4OID;
		case SI_TYPE_DOUBLE:
			return FLOAT8OID;
		case SI_TYPE_STRING:
			break;
	}
	return column->json ? JSONBOID : column->array ? TEXTARRAYOID : TEXTOID;
}

const char *
si_table_type_name(const SiTableColumn *column)
{
	return format_type_be(si_table_type(column));
}

const char *
si_table_bad_column_name(const char *name)
{
	if (name[0] == '\0')
		return "the name is empty";
	if (strlen(name) >= NAMEDATALEN)
		return "the name is longer than 63 bytes";
	if (SystemAttributeByName(name) != NULL)
		return "the name is that of a system column of PostgreSQL";
	return NULL;
}

void
si_table_check(const char *name, const SiTableColumn *columns, int n)
{
	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("dataSource \"%s\" is longer than the %d bytes of a table's name", name, NAMEDATALEN - 1),
				 errhint("Choose a shorter dataSource: the table is named like it.")));
	if (n > MaxHeapAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("dataSource \"%s\" would have %d columns, a table has at most %d",
						name, n, MaxHeapAttributeNumber),
				 errhint("List fewer dimensions and metrics.")));
	for (int i = 0; i < n; i++)
	{
		const char *bad = si_table_bad_column_name(columns[i].name);

		if (bad)
			ereport(ERROR,
					(errcode(strlen(columns[i].name) >= NAMEDATALEN ? ERRCODE_NAME_TOO_LONG : ERRCODE_INVALID_NAME),
					 errmsg("column \"%s\" of dataSource \"%s\" is not possible: %s", columns[i].name, name, bad),
					 errhint("Give the dimension or metric another name.")));
		for (int j = 0; j < i; j++)
			if (strcmp(columns[i].name, columns[j].name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" of dataSource \"%s\" is specified more than once", columns[i].name, name),
						 errhint("Names of dimensions and metrics must differ from each other and from \"" SI_TIME_COLUMN "\".")));
	}
}

/*
 * Gives every column of a new table its option.  Written straight into
 * pg_attribute: as subcommands of ALTER TABLE, each of which makes PostgreSQL
 * read the table's description again, 1600 columns would take ten seconds.
 */
static void
set_column_options(Oid relid, const SiTableColumn *columns, int n)
{
	Relation	attributes = table_open(AttributeRelationId, RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(attributes);

	for (int i = 0; i < n; i++)
	{
		HeapTuple	old = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(i + 1));
		HeapTuple	new;
		DefElem    *option = makeDefElem(SI_COLUMN_OPTION, (Node *) makeString(pstrdup(columns[i].name)), -1);
		Datum		values[Natts_pg_attribute] = {0};
		bool		nulls[Natts_pg_attribute] = {0};
		bool		replace[Natts_pg_attribute] = {0};

		if (!HeapTupleIsValid(old))
			elog(ERROR, "cache lookup failed for attribute %d of relation %u", i + 1, relid);
		replace[Anum_pg_attribute_attfdwoptions - 1] = true;
		values[Anum_pg_attribute_attfdwoptions - 1] =
			transformGenericOptions(AttributeRelationId, (Datum) 0, list_make1(option), InvalidOid);
		new = heap_modify_tuple(old, RelationGetDescr(attributes), values, nulls, replace);
		CatalogTupleUpdateWithInfo(attributes, &new->t_self, new, indexes);
		heap_freetuple(new);
		ReleaseSysCache(old);
	}
	CatalogCloseIndexes(indexes);
	table_close(attributes, RowExclusiveLock);
}

Oid
si_table_create(Oid namespace, const char *name, Oid owner, const SiTableColumn *columns, int n)
{
	CreateForeignTableStmt *stmt = makeNode(CreateForeignTableStmt);
	Oid			relid;

	stmt->base.relation = makeRangeVar(get_namespace_name(namespace), pstrdup(name), -1);
	stmt->base.oncommit = ONCOMMIT_NOOP;
	stmt->servername = SI_SERVER_NAME;
	for (int i = 0; i < n; i++)
	{
		Oid			type = si_table_type(&columns[i]);

		stmt->base.tableElts = lappend(stmt->base.tableElts,
									   makeColumnDef(columns[i].name, type, -1, get_typcollation(type)));
	}
	relid = DefineRelation(&stmt->base, RELKIND_FOREIGN_TABLE, owner, NULL, NULL).objectId;
	CreateForeignTable(stmt, relid);
	CommandCounterIncrement();
	set_column_options(relid, columns, n);
	CommandCounterIncrement();
	return relid;
}

/* ------------------------------------------- what a table has, by name */

/* Key of the map: a name, as a dimension or as a column. */
typedef struct NameEntry
{
	char		name[NAMEDATALEN];
	AttrNumber	attnum;			/* of the live column that shows this dimension */
	bool		present;		/* there is one */
	bool		dropped;		/* a dropped column did */
	bool		taken;			/* a live column is called so */
} NameEntry;

static NameEntry *
name_entry(HTAB *map, const char *name)
{
	char		key[NAMEDATALEN];
	bool		found;
	NameEntry  *entry;

	strlcpy(key, name, sizeof(key));
	entry = hash_search(map, key, HASH_ENTER, &found);
	if (!found)
		memset((char *) entry + sizeof(key), 0, sizeof(*entry) - sizeof(key));
	return entry;
}

/* The dimension that an attribute's options name, or NULL. */
static char *
shown_dimension(HeapTuple attribute)
{
	bool		isnull;
	Datum		options = SysCacheGetAttr(ATTNUM, attribute, Anum_pg_attribute_attfdwoptions, &isnull);
	ListCell   *cell;

	if (isnull)
		return NULL;
	foreach(cell, untransformRelOptions(options))
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, SI_COLUMN_OPTION) == 0)
			return defGetString(option);
	}
	return NULL;
}

char *
si_table_dimension(Oid relid, int attnum)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attnum));
	char	   *dimension;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	dimension = shown_dimension(tuple);
	if (dimension == NULL)
		dimension = pstrdup(NameStr(((Form_pg_attribute) GETSTRUCT(tuple))->attname));
	ReleaseSysCache(tuple);
	return dimension;
}

/*
 * A dropped attribute keeps its options until PostgreSQL 16, which is how a
 * column that the user has dropped is told from one that never was; later
 * versions have only the note that drop.c makes.
 */
HTAB *
si_table_names(Oid relid)
{
	HASHCTL		ctl = {.keysize = NAMEDATALEN, .entrysize = sizeof(NameEntry), .hcxt = CurrentMemoryContext};
	HTAB	   *map = hash_create("stream_ingest columns", 256, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	HeapTuple	rel = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	int			natts = 0;

	if (HeapTupleIsValid(rel))
	{
		natts = ((Form_pg_class) GETSTRUCT(rel))->relnatts;
		ReleaseSysCache(rel);
	}
	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attnum));
		Form_pg_attribute form;
		char	   *dimension;

		if (!HeapTupleIsValid(tuple))
			continue;
		form = (Form_pg_attribute) GETSTRUCT(tuple);
		dimension = shown_dimension(tuple);
		if (form->attisdropped)
		{
			if (dimension)
				name_entry(map, dimension)->dropped = true;
		}
		else
		{
			NameEntry  *entry = name_entry(map, dimension ? dimension : NameStr(form->attname));

			if (!entry->present)
				entry->attnum = attnum;
			entry->present = true;
			name_entry(map, NameStr(form->attname))->taken = true;
		}
		ReleaseSysCache(tuple);
	}
	return map;
}

SiColumnState
si_table_column_state(HTAB *map, const char *name)
{
	NameEntry  *entry;

	if (strlen(name) >= NAMEDATALEN)
		return SI_COLUMN_MISSING;
	entry = name_entry(map, name);
	if (entry->present)
		return SI_COLUMN_PRESENT;
	if (entry->dropped)
		return SI_COLUMN_DROPPED;
	return entry->taken ? SI_COLUMN_NAME_TAKEN : SI_COLUMN_MISSING;
}

AttrNumber
si_table_column_shown(HTAB *map, const char *name)
{
	if (strlen(name) >= NAMEDATALEN)
		return InvalidAttrNumber;
	return name_entry(map, name)->attnum;
}

const char *
si_table_sql_type(const char *type)
{
	if (strcmp(type, "long") == 0)
		return "bigint";
	if (strcmp(type, "float") == 0)
		return "real";
	if (strcmp(type, "double") == 0)
		return "double precision";
	if (strcmp(type, "json") == 0)
		return "pg_catalog.jsonb";
	if (strcmp(type, "array") == 0)
		return "pg_catalog.text[]";
	return "text";
}

const char *
si_table_druid_type(const SiTableColumn *column)
{
	switch (column->type)
	{
		case SI_TYPE_TIME:
		case SI_TYPE_LONG:
			return "long";
		case SI_TYPE_FLOAT:
			return "float";
		case SI_TYPE_DOUBLE:
			return "double";
		case SI_TYPE_STRING:
			break;
	}
	return column->json ? "json" : column->array ? "array" : "string";
}
