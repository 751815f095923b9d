/*
 * check.h
 *		Values of spec fields, and the walk over a spec that holds every
 *		member against the table.
 */
#ifndef SI_SPEC_CHECK_H
#define SI_SPEC_CHECK_H

#include "common/port.h"
#include "common/types.h"
#include "nodes/pg_list.h"
#include "spec/fields.h"
#include "spec/tree.h"
#include "utils/palloc.h"
#include "utils/resowner.h"

/* Something wrong with a spec, when all of it is wanted at once. */
typedef struct SiSpecProblem
{
	char	   *path;			/* as the user wrote it */
	char	   *problem;		/* message, and detail when there is one */
	char	   *hint;			/* or NULL */
	int			sqlstate;
} SiSpecProblem;

/*
 * What the walk collects for one NOTICE and one WARNING; with collect also
 * what would be an ERROR.
 */
typedef struct SiSpecFindings
{
	bool		collect;
	List	   *problems;		/* of SiSpecProblem */
	int			nno_effect;
	StringInfoData no_effect;	/* paths */
	StringInfoData reasons;		/* a line per path */
	int			nunknown;
	StringInfoData unknown;		/* paths */
} SiSpecFindings;

extern void si_findings_init(SiSpecFindings *f);

/*
 * Runs a check: its ERROR is an ERROR, or with collect a problem of its own
 * (in a subtransaction), after which the next check goes on.  path stands for
 * errors that name none themselves.
 */
#define SI_CHECKED(f, path, call) \
	do { \
		if (!(f)->collect) \
			call; \
		else \
		{ \
			SiSpecCatch catch_; \
			/* not where the ERROR is caught: memory of then is freed with it */ \
			const char *path_ = (path); \
\
			si_spec_catch_begin(&catch_); \
			PG_TRY(); \
			{ \
				call; \
				si_spec_catch_end(&catch_); \
			} \
			PG_CATCH(); \
			{ \
				si_spec_catch_error(&catch_, f, path_); \
			} \
			PG_END_TRY(); \
		} \
	} while (0)

/* The parts of SI_CHECKED. */
typedef struct SiSpecCatch
{
	MemoryContext context;
	ResourceOwner owner;
} SiSpecCatch;

extern void si_spec_catch_begin(SiSpecCatch *c);
extern void si_spec_catch_end(SiSpecCatch *c);
extern void si_spec_catch_error(SiSpecCatch *c, SiSpecFindings *f, const char *path);

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
extern void si_spec_error(const char *path, const SiJson *value, const char *detail, const char *hint) SI_NORETURN;
/* ERROR "<path> is missing". */
extern void si_spec_missing(const char *path, const char *hint) SI_NORETURN;

/*
 * Values with Druid's coercions: false when the value is not one.  Null and
 * absent values are not passed in.
 */
extern bool si_value_string(const SiJson *v, const char **text);
/* A text of blanks only. */
extern bool si_value_is_blank(const SiJson *v);
extern bool si_value_bool(const SiJson *v, bool *value);
extern bool si_value_int(const SiJson *v, int64 min, int64 max, int64 *value);
extern bool si_value_real(const SiJson *v, double *value);
extern bool si_value_period(const SiJson *v, int64 *ms, SiReason *why);
extern bool si_value_instant(const SiJson *v, int64 *ms, SiReason *why);

/*
 * Whether a value means that its field is not given: Druid's JSON library
 * takes a text without characters so where it expects a number, a boolean, a
 * period or a time.
 */
extern bool si_field_is_blank(const SiField *field, const SiJson *value);

/* Numbers of the row of a field, with the bounds of its type. */
extern void si_field_range(const SiField *field, int64 *min, int64 *max);

#endif							/* SI_SPEC_CHECK_H */
