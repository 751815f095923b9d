/*
 * utility.c
 *		Commands that need a database, or the extension in it, for themselves.
 *
 * PostgreSQL counts background workers as users of a database.  Before such a
 * command our workers in the database are ended and kept from starting; they
 * come back when the transaction of the command ends, whichever way.  The
 * caller's right is checked first, so that nobody else can stop ingestion.
 * What is not allowed or does not exist is left to PostgreSQL to refuse.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/chunks.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "common/pgcompat.h"
#include "files/files.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "worker/worker.h"

#define EXTENSION_NAME	"stream_ingest"

PG_FUNCTION_INFO_V1(si_extension_installed);

static ProcessUtility_hook_type prev_process_utility = NULL;
static object_access_hook_type prev_object_access = NULL;

static void
pause_until_transaction_end(Oid dboid, bool dropped)
{
	si_resume_database_at_end(dboid, dropped);
	si_database_pause(dboid);
}

/* The value of a string option, or NULL. */
static char *
option_value(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0 && def->arg)
			return defGetString(def);
	}
	return NULL;
}

/* Ends our workers in a database that a command of its owner is to change. */
static void
pause_owned(const char *dbname, bool dropped)
{
	Oid			dboid = get_database_oid(dbname, true);

	if (OidIsValid(dboid) && dboid != MyDatabaseId && pg_database_ownercheck(dboid, GetUserId()))
		pause_until_transaction_end(dboid, dropped);
}

/* PostgreSQL's own check is not exported by all of its minor releases. */
static bool
may_create_databases(void)
{
	HeapTuple	tup;
	bool		may;

	if (superuser())
		return true;
	tup = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (!HeapTupleIsValid(tup))
		return false;
	may = ((Form_pg_authid) GETSTRUCT(tup))->rolcreatedb;
	ReleaseSysCache(tup);
	return may;
}

/* The template is copied as it is on disk: nobody may write to it. */
static void
pause_template(List *options)
{
	char	   *name = option_value(options, "template");
	Oid			dboid = get_database_oid(name ? name : "template1", true);
	HeapTuple	tup;
	bool		is_template;

	if (!OidIsValid(dboid) || !may_create_databases())
		return;
	tup = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(dboid));
	if (!HeapTupleIsValid(tup))
		return;
	is_template = ((Form_pg_database) GETSTRUCT(tup))->datistemplate;
	ReleaseSysCache(tup);
	if (is_template || pg_database_ownercheck(dboid, GetUserId()))
		pause_until_transaction_end(dboid, false);
}

static bool
drops_our_extension(DropStmt *stmt)
{
	ListCell   *lc;

	if (stmt->removeType != OBJECT_EXTENSION)
		return false;
	foreach(lc, stmt->objects)
		if (strcmp(strVal(lfirst(lc)), EXTENSION_NAME) == 0)
			return true;
	return false;
}

/* The extension of this database is dropped or updated by its owner. */
static void
pause_this_database(void)
{
	Oid			extension = get_extension_oid(EXTENSION_NAME, true);

	if (OidIsValid(extension) && pg_extension_ownercheck(extension, GetUserId()))
		pause_until_transaction_end(MyDatabaseId, false);
}

static void
before_command(Node *stmt, bool top_level)
{
	switch (nodeTag(stmt))
	{
		case T_DropdbStmt:
			PreventInTransactionBlock(top_level, "DROP DATABASE");
			pause_owned(((DropdbStmt *) stmt)->dbname, true);
			break;
		case T_RenameStmt:
			if (((RenameStmt *) stmt)->renameType == OBJECT_DATABASE)
				pause_owned(((RenameStmt *) stmt)->subname, false);
			break;
		case T_AlterDatabaseStmt:
			if (option_value(((AlterDatabaseStmt *) stmt)->options, "tablespace"))
			{
				PreventInTransactionBlock(top_level, "ALTER DATABASE SET TABLESPACE");
				pause_owned(((AlterDatabaseStmt *) stmt)->dbname, false);
			}
			break;
		case T_CreatedbStmt:
			PreventInTransactionBlock(top_level, "CREATE DATABASE");
			pause_template(((CreatedbStmt *) stmt)->options);
			break;
		case T_AlterExtensionStmt:
			if (strcmp(((AlterExtensionStmt *) stmt)->extname, EXTENSION_NAME) == 0)
			{
				pause_this_database();
				/* where the library was of another version nothing ran before */
				si_probe_database_at_commit();
			}
			break;
		case T_DropStmt:
			if (drops_our_extension((DropStmt *) stmt))
				pause_this_database();
			break;
		default:
			break;
	}
}

static void
process_utility(PlannedStmt *pstmt, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *env,
				DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *stmt = pstmt->utilityStmt;
	ProcessUtility_hook_type next = prev_process_utility ? prev_process_utility : standard_ProcessUtility;

	if (!IsBinaryUpgrade && si_shmem != NULL)
		before_command(stmt, context == PROCESS_UTILITY_TOPLEVEL);
	next(pstmt, query, read_only_tree, context, params, env, dest, qc);
	if (IsA(stmt, CreatedbStmt) && si_shmem != NULL)
		si_probe_other_database_at_commit(get_database_oid(((CreatedbStmt *) stmt)->dbname, true));
}

/*
 * The extension may also go with its schema or its owner.  The identity of
 * the install is read when its table goes, which is before the extension does.
 */
static void
object_access(ObjectAccessType access, Oid classid, Oid objectid, int subid, void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classid, objectid, subid, arg);
	if (access != OAT_DROP || si_shmem == NULL)
		return;
	if (classid == RelationRelationId && subid == 0)
	{
		char	   *name = get_rel_name(objectid);
		char	   *schema = name && strcmp(name, "install") == 0 ?
			get_namespace_name(get_rel_namespace(objectid)) : NULL;
		Oid			extension = schema && strcmp(schema, EXTENSION_NAME) == 0 ?
			get_extension_oid(EXTENSION_NAME, true) : InvalidOid;

		/* without the extension it is somebody else's table, of whatever columns */
		if (OidIsValid(extension) && getExtensionOfObject(RelationRelationId, objectid) == extension)
		{
			uint8		install[SI_UUID_LEN];

			PushActiveSnapshot(GetLatestSnapshot());
			si_catalog_install(install);
			PopActiveSnapshot();
			pause_until_transaction_end(MyDatabaseId, false);
			si_drop_install_at_commit(install);
		}
	}
}

void
si_utility_install_hooks(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	prev_object_access = object_access_hook;
	object_access_hook = object_access;
}

/*
 * Called at the end of the install script: refuses databases that cannot have
 * the extension, and wakes the launcher at commit.
 */
Datum
si_extension_installed(PG_FUNCTION_ARGS)
{
	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("stream_ingest needs a database with encoding UTF8"),
				 errdetail("The encoding of this database is %s.", GetDatabaseEncodingName()),
				 errhint("Create a database with ENCODING 'UTF8' TEMPLATE template0 and install the extension there.")));
	si_file_check_root();
	si_probe_database_at_commit();
	PG_RETURN_VOID();
}
