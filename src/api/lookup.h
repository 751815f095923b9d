/*
 * lookup.h
 *		Supervisors as the caller's snapshot sees them, and who may do what.
 */
#ifndef SI_API_LOOKUP_H
#define SI_API_LOOKUP_H

#include "postgres.h"

#include "api/query.h"
#include "common/port.h"

/* A supervisor after the requests on it that are not applied yet. */
typedef struct SiSupervisor
{
	char	   *id;
	int64		data_source_id;
	Oid			relid;			/* the foreign table; its owner owns the supervisor */
	char	   *data_source;	/* name in the spec, whatever the table is called now */
	char	   *spec;			/* as it was submitted */
	Oid			submitted_as;	/* owner of the table then */
	bool		suspended;
	bool		halted;			/* some task group has given up until resume */
	bool		terminating;	/* a terminate request waits to be applied */
} SiSupervisor;

/* One that is not terminating; ERROR when there is none. */
extern SiSupervisor *si_supervisor_get(SiQuery *q, const char *id);
/* One, terminating or not, or NULL. */
extern SiSupervisor *si_supervisor_find(SiQuery *q, const char *id);
/* All that are not terminating, by id. */
extern SiSupervisor *si_supervisor_list(SiQuery *q, int *n);

/* The rule of every view and function; user is the caller. */
extern bool si_may_see(Oid relid, Oid user);
/* The rule of every verb. */
extern bool si_owns(const SiSupervisor *s, Oid user);
/* ERROR unless the user may see it, or owns it. */
extern void si_check_may_see(const SiSupervisor *s, Oid user);
extern void si_check_owner(const SiSupervisor *s, Oid user);

/*
 * The owner of a table that the user owns too, or may act for: as of one look,
 * so that an ALTER TABLE beside it cannot lend anybody the next owner's rights.
 * InvalidOid when the table is gone; ERROR when the user may not.
 */
extern Oid	si_table_owner(Oid relid, Oid user, const char *data_source);

/*
 * Whose rights transforms in PostgreSQL's language have when they are tried
 * before a task runs them: the owner's where the supervisor is there and the
 * caller may act for the owner, else the caller's.  What the owner has written
 * is so never called by a superuser who sends an echo back.
 */
extern Oid	si_acting_user(const char *id);

/*
 * Ends a supervisor whose table was dropped (drop.c): row, requests, and a
 * noop as the newest of its history.  False when there is none.  Without wait
 * one that somebody else has locked is left alone.
 */
extern bool si_end_orphan_supervisor(SiQuery *q, const char *id, bool wait);

/* ERROR: there is no such supervisor. */
extern void si_no_such_supervisor(const char *id) SI_NORETURN;

#endif							/* SI_API_LOOKUP_H */
