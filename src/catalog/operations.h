/*
 * operations.h
 *		What requests and limits of time do to supervisors and their tasks.
 *
 * Like supervisors.h: called between si_catalog_begin() and
 * si_catalog_commit(), in the overlord only.  Errors are thrown.
 */
#ifndef SI_CATALOG_OPERATIONS_H
#define SI_CATALOG_OPERATIONS_H

#include "catalog/supervisors.h"

/*
 * A submit that was asked for while the supervisor was being terminated: it
 * exists again, and goes on at the stored offsets.  Forgets the request,
 * unless there is a supervisor of this id.  False when nothing was created:
 * the table is gone or somebody else fills it.
 */
extern bool si_catalog_submit_again(const SiRequestRow *r, bool suspended);

/* A publishing task has failed; the next one is to publish the same. */
extern void si_catalog_publishing_replace(const char *task_id, const char *error, const char *next_task_id);

/* Whether the request is still there. */
extern bool si_catalog_is_requested(int64 request_id);

/* Removes all but the newest ended tasks of a supervisor. */
extern void si_catalog_trim_tasks(const char *supervisor_id, int keep);

/* The table of tasks that wait for a slot: emptied, and filled in order. */
extern void si_catalog_clear_waiting(void);
extern void si_catalog_add_waiting(int position, const char *supervisor_id, int group_id, TimestampTz since);

/*
 * Whether this database is a copy of another one (CREATE DATABASE ...
 * TEMPLATE).  Then it takes an install uuid of its own: specs and tables
 * stay, every supervisor is suspended, and what belongs to the files of the
 * other database (chunks, offsets, tasks) is removed.
 */
extern bool si_catalog_adopt_copy(void);

#endif							/* SI_CATALOG_OPERATIONS_H */
