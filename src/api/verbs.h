/*
 * verbs.h
 *		What the functions that change a supervisor have in common.
 *
 * A verb inserts one request row and wakes the overlord at commit.
 */
#ifndef SI_API_VERBS_H
#define SI_API_VERBS_H

#include "postgres.h"

#include "api/lookup.h"
#include "api/query.h"

/* The supervisor, when the caller may change it; otherwise an ERROR.  Leaves the query open. */
extern SiSupervisor *si_begin_verb(SiQuery *q, const char *function, const char *id);
/* Ends the query; the overlord is woken when the transaction commits. */
extern void si_end_verb(SiQuery *q);

/* {"id":...} as a datum of type json */
extern Datum si_answer_id(const char *id);

#endif							/* SI_API_VERBS_H */
