/*
 * catch.c
 *		One check of a spec whose ERROR becomes a problem: see SI_CHECKED in
 *		check.h.
 *
 * A check may have looked into the catalogs or parsed an expression, so it
 * runs in a subtransaction, which an error undoes.
 */
#include "postgres.h"

#include "access/xact.h"
#include "spec/check.h"
#include "utils/memutils.h"

void
si_spec_catch_begin(SiSpecCatch *c)
{
	c->context = CurrentMemoryContext;
	c->owner = CurrentResourceOwner;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(c->context);
}

void
si_spec_catch_end(SiSpecCatch *c)
{
	ReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(c->context);
	CurrentResourceOwner = c->owner;
}

/* Whether the error says something about the spec, not about the server. */
static bool
about_the_spec(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_FEATURE_NOT_SUPPORTED ||
		category == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION ||
		category == ERRCODE_PROGRAM_LIMIT_EXCEEDED || category == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE ||
		category == ERRCODE_INVALID_SCHEMA_NAME;
}

/* Whether a path lies in an element of a list: spec.x[0].type in spec.x[0]. */
static bool
is_in_element(const char *path, const char *element)
{
	size_t		len = strlen(element);

	return len > 0 && element[len - 1] == ']' && strncmp(path, element, len) == 0 && (path[len] == '.' || path[len] == '[');
}

void
si_spec_catch_error(SiSpecCatch *c, SiSpecFindings *f, const char *path)
{
	ErrorData  *error;
	SiSpecProblem *p;

	MemoryContextSwitchTo(c->context);
	error = CopyErrorData();
	if (!about_the_spec(error->sqlerrcode))
		PG_RE_THROW();
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(c->context);
	CurrentResourceOwner = c->owner;

	if (error->column_name)
		path = error->column_name;
	/* what was wrong by itself is often missing to somebody else */
	for (int i = 0; i < list_length(f->problems); i++)
	{
		p = list_nth(f->problems, i);
		if (strcmp(p->path, path) == 0 || is_in_element(path, p->path))
			return;
	}
	p = palloc(sizeof(SiSpecProblem));
	p->path = pstrdup(path);
	p->problem = error->detail ? psprintf("%s. %s", error->message, error->detail) : pstrdup(error->message);
	p->hint = error->hint ? pstrdup(error->hint) : NULL;
	p->sqlstate = error->sqlerrcode;
	f->problems = lappend(f->problems, p);
}
