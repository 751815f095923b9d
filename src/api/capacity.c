/*
 * capacity.c
 *		The seed's capacity planning at submit: whether the task slots that
 *		all supervisors may need, (replicas x taskCount) x 2, are there.
 */
#include "postgres.h"

#include "api/capacity.h"
#include "api/lookup.h"
#include "common/guc.h"
#include "spec/spec.h"

/* Task slots that Druid would plan for a supervisor. */
static int64
planned(const SiSpec *spec)
{
	int64		tasks = spec->scaler.enabled ? spec->scaler.task_count_max : spec->task_count;

	return tasks * Max(spec->replicas, 1) * 2;
}

void
si_note_capacity(const SiSpec *spec)
{
	int			capacity = si_worker_capacity > 0 ? Min(si_worker_capacity, si_max_tasks) : si_max_tasks;
	int64		sum = planned(spec);
	int			others = 0;
	SiQuery		q;
	SiSupervisor *list;
	int			n;

	if (spec->suspended)
		return;
	si_query_begin(&q, true);
	list = si_supervisor_list(&q, &n);
	si_query_end(&q);
	for (int i = 0; i < n; i++)
	{
		if (list[i].suspended || strcmp(list[i].id, spec->id) == 0)
			continue;
		sum += planned(si_spec_parse(list[i].spec, true));
		others++;
	}
	if (sum <= capacity)
		return;
	ereport(NOTICE,
			(errmsg("the supervisors of this database may need " INT64_FORMAT " task slots, but %s is %d",
					sum, si_worker_capacity > 0 && si_worker_capacity < si_max_tasks ?
					"stream_ingest.worker_capacity" : "stream_ingest.max_tasks", capacity),
			 errdetail("(replicas * taskCount) * 2 is " INT64_FORMAT " for this supervisor and " INT64_FORMAT " for %d others.",
					   planned(spec), sum - planned(spec), others),
			 si_standby_tasks ?
			 errhint("Tasks that find no slot wait in a queue, see stream_ingest.waiting_tasks. Here a data source takes one slot for publishing.") :
			 errhint("Tasks that find no slot wait in a queue, see stream_ingest.waiting_tasks. Here a replica takes no slot, and a data source one for publishing.")));
}
