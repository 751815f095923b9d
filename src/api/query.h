/*
 * query.h
 *		Queries on the extension's own tables, on behalf of a user who has no
 *		right on them.
 *
 * Between si_query_begin() and si_query_end() the process is the bootstrap
 * superuser with an empty search path; nothing that a user has written runs
 * there.  An ERROR restores both with the end of the (sub)transaction.
 */
#ifndef SI_API_QUERY_H
#define SI_API_QUERY_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef struct SiQuery
{
	Oid			user;			/* the caller */
	int			sec_context;
	int			guc_level;
	MemoryContext result;		/* the caller's; current between the two calls */
	bool		read_only;		/* uses the caller's snapshot, sees nothing newer */
	bool		latest;			/* set it after si_query_begin(): sees all that is committed, also in REPEATABLE READ */
} SiQuery;

/* ERROR when library and SQL objects are not of one version. */
extern void si_query_begin(SiQuery *q, bool read_only);
/* For what must work all the same: dropping. */
extern void si_query_begin_any_version(SiQuery *q, bool read_only);
extern void si_query_end(SiQuery *q);

/*
 * Arguments of a query, $1 and on, in order: a format letter and a value each
 *	t const char * (NULL is null)	i int64		o Oid	b bool (as int)
 * Returns the number of rows, which si_get_*() read until the next query.
 */
extern int	si_query(SiQuery *q, const char *sql, const char *formats,...);

/*
 * A statement on a table of a user: as that table's owner, restricted as in
 * REINDEX and ANALYZE, since constraints and tables that inherit from it may
 * call what the owner has written.
 */
extern void si_query_as_owner(SiQuery *q, Oid relid, const char *sql);

/* Values of the last query: row and column from 0.  Null is NULL or 0. */
extern bool si_get_isnull(int row, int col);
extern char *si_get_text(int row, int col);
/* A bytea; a NUL follows. */
extern char *si_get_bytes(int row, int col, int *len);
extern int64 si_get_int64(int row, int col);
extern Oid	si_get_oid(int row, int col);
extern bool si_get_bool(int row, int col);
extern TimestampTz si_get_time(int row, int col);
/* An array of integer or bigint; *n is 0 for null. */
extern int64 *si_get_int64s(int row, int col, int *n);

#endif							/* SI_API_QUERY_H */
