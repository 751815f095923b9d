/*
 * check.h
 *		Values of spec fields, and the walk over a spec that holds every
 *		member against the table.
 */
#ifndef SI_SPEC_CHECK_H
#define SI_SPEC_CHECK_H

#include "common/types.h"
#include "spec/fields.h"
#include "spec/tree.h"

/* What the walk collects for one NOTICE and one WARNING. */
typedef struct SiSpecFindings
{
	int			nno_effect;
	StringInfoData no_effect;	/* paths */
	StringInfoData reasons;		/* a line per path */
	int			nunknown;
	StringInfoData unknown;		/* paths */
} SiSpecFindings;

extern void si_findings_init(SiSpecFindings *f);
extern void si_finding_no_effect(SiSpecFindings *f, const char *path, const char *why);
/* Raises the ERROR, WARNING and NOTICE that the findings call for. */
extern void si_findings_report(const SiSpecFindings *f, bool strict, bool quiet);

/*
 * Checks all members of an object against the members of the table path
 * schema; shown is the object's path in the spec as it was given ("" for the
 * whole).  ERROR for what is wrong.
 */
extern void si_check_members(SiSpecFindings *f, const SiJson *object, const char *schema, const char *shown);

/* ERROR "invalid value for <path>: <value>".  detail, hint may be NULL. */
extern void si_spec_error(const char *path, const SiJson *value, const char *detail, const char *hint) pg_attribute_noreturn();
/* ERROR "<path> is missing". */
extern void si_spec_missing(const char *path, const char *hint) pg_attribute_noreturn();

/*
 * Values with Druid's coercions: false when the value is not one.  Null and
 * absent values are not passed in.
 */
extern bool si_value_string(const SiJson *v, const char **text);
extern bool si_value_bool(const SiJson *v, bool *value);
extern bool si_value_int(const SiJson *v, int64 min, int64 max, int64 *value);
extern bool si_value_real(const SiJson *v, double *value);
extern bool si_value_period(const SiJson *v, int64 *ms, SiReason *why);
extern bool si_value_instant(const SiJson *v, int64 *ms, SiReason *why);

/* Numbers of the row of a field, with the bounds of its type. */
extern void si_field_range(const SiField *field, int64 *min, int64 *max);

#endif							/* SI_SPEC_CHECK_H */
