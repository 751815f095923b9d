/*
 * validate.c
 *		validate_supervisor(): everything that is wrong with a spec, at once.
 *
 * The checks are those of submit_supervisor(), in their order; each error is
 * caught where it is raised, so that the next check runs.  Changes nothing.
 */
#include "postgres.h"

#include "api/api.h"
#include "api/lookup.h"
#include "api/table.h"
#include "fmgr.h"
#include "funcapi.h"
#include "source/kafka.h"
#include "spec/check.h"
#include "spec/spec.h"
#include "transform/sql.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(si_validate_supervisor);

static void
check_table(const SiSpec *spec)
{
	int			n;
	SiTableColumn *columns = si_table_columns(spec, &n);

	si_table_check(spec->data_source, columns, n);
}

Datum
si_validate_supervisor(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	SiSpecFindings findings;
	SiSpec	   *spec;
	char	   *json = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ErrorContextCallback hidden;

	si_spec_hide_statement(&hidden, json);
	InitMaterializedSRF(fcinfo, 0);
	si_findings_init(&findings);
	findings.collect = true;
	spec = si_spec_validate(json, &findings.problems);
	if (spec)
	{
		SI_CHECKED(&findings, "spec.ioConfig.consumerProperties", si_kafka_check_properties(spec));
		SI_CHECKED(&findings, "dataSchema", check_table(spec));
		SI_CHECKED(&findings, "transformSpec", si_sql_check(spec, si_acting_user(spec->id)));
	}
	for (int i = 0; i < list_length(findings.problems); i++)
	{
		const SiSpecProblem *p = list_nth(findings.problems, i);
		Datum		values[4];
		bool		nulls[4] = {0};

		values[0] = CStringGetTextDatum(p->path);
		values[1] = CStringGetTextDatum(p->problem);
		nulls[2] = p->hint == NULL;
		values[2] = p->hint ? CStringGetTextDatum(p->hint) : (Datum) 0;
		values[3] = CStringGetTextDatum(unpack_sql_state(p->sqlstate));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	error_context_stack = hidden.previous;
	return (Datum) 0;
}
