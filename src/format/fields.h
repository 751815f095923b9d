/*
 * fields.h
 *		What the formats themselves need of a field table (see format.h).
 *
 * A field table lives in malloc memory: it grows while a C++ frame is active,
 * which an error of PostgreSQL must not jump over.  None of these throws.
 */
#ifndef SI_FORMAT_FIELDS_H
#define SI_FORMAT_FIELDS_H

#include "format/format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A name that no row will ever have a value for. */
#define SI_FIELD_IGNORED (-1)
/* A name that becomes a field when it comes with a value. */
#define SI_FIELD_UNDECIDED (-2)

/* Slot of a name, or one of the above. */
extern int	si_fields_find(const SiFieldTable *t, const char *name, int len);

/* Whether unknown names may become fields. */
extern bool si_fields_discovers(const SiFieldTable *t);

/* Gives an undecided name a slot; SI_FIELD_IGNORED when there is no room. */
extern int	si_fields_discover(SiFieldTable *t, const char *name, int len);

/* Whether objects and arrays of anything are discovered. */
extern bool si_fields_nested(const SiFieldTable *t);

/* Forgets the slots from count on: those that a broken message discovered. */
extern void si_fields_truncate(SiFieldTable *t, int count);

/* Changes whenever an earlier answer of si_fields_find() may have become wrong. */
extern uint64 si_fields_generation(const SiFieldTable *t);

#ifdef __cplusplus
}
#endif

#endif							/* SI_FORMAT_FIELDS_H */
