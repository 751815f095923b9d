/*
 * sql.h
 *		Transforms in PostgreSQL's language.
 *
 * An expression reads the fields of a message as columns of type text, and
 * __time as a timestamptz.  It runs with the rights of the data source's
 * owner, in a security-restricted subtransaction that is always rolled back:
 * whatever it did but compute is undone.  A row whose expression raises an
 * error fails alone.
 */
#ifndef SI_TRANSFORM_SQL_H
#define SI_TRANSFORM_SQL_H

#include "postgres.h"

#include "spec/spec.h"
#include "transform/transform.h"

typedef struct SiSql SiSql;

/*
 * The sql transforms of a spec, NULL when it has none; fields that they read
 * are added to the transform's table.  ERROR when one is no expression.
 */
extern SiSql *si_sql_create(const SiSpec *spec, SiTransform *t);

/*
 * Runs as the owner of a supervisor's data source and with the search_path of
 * who submitted it; without this call as the current user with the current
 * search_path.  Reads the catalog in a transaction of its own.  False when
 * there is none, or a spec of another version is in force.
 *
 * While the table has another owner than at the submit every evaluation is an
 * ERROR: nobody's expressions get the rights of who is given the table.
 */
extern bool si_sql_run_as(SiSql *sql, const char *supervisor_id, int64 spec_version);
/* As a user, with the current search_path. */
extern void si_sql_run_as_user(SiSql *sql, Oid user);

/* A row whose results are wanted. */
typedef struct SiSqlRow
{
	const SiValue *values;
	int			nvalues;
	int64		time;			/* ms */
	bool		skip;			/* nobody will ask for its results */
	SiSqlResult *results;		/* one per transform, to be filled */
} SiSqlRow;

/*
 * Evaluates the rows in a transaction: the current one, or one of its own.
 * Results live in m.  ERROR when an expression cannot be planned any more (a
 * function is gone, a right was revoked) or the server is in trouble: that
 * says nothing about a row.
 */
extern void si_sql_evaluate(SiSql *sql, SiSqlRow *rows, int n, SiExprMemory *m);

/*
 * Plans the sql transforms of a spec, which calls functions that are
 * immutable, with the rights of user and restricted; ERROR with the path.
 */
extern void si_sql_check(const SiSpec *spec, Oid user);

#endif							/* SI_TRANSFORM_SQL_H */
