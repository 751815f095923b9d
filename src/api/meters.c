/*
 * meters.c
 *		Row counters and rates as JSON, in Druid's names.
 */
#include "postgres.h"

#include "api/meters.h"
#include "api/put.h"
#include "miscadmin.h"

/* Druid's names, in the order of its answers. */
static const struct
{
	const char *name;
	SiCounter	counter;
}			rates[] = {
	{"processed", SI_COUNT_PROCESSED},
	{"processedBytes", SI_COUNT_PROCESSED_BYTES},
	{"unparseable", SI_COUNT_UNPARSEABLE},
	{"thrownAway", SI_COUNT_THROWN_AWAY},
	{"processedWithError", SI_COUNT_PROCESSED_WITH_ERROR},
},

			reasons[] = {
	{"null", SI_COUNT_THROWN_NULL},
	{"beforeMinimumMessageTime", SI_COUNT_THROWN_BEFORE_MIN},
	{"afterMaximumMessageTime", SI_COUNT_THROWN_AFTER_MAX},
	{"filtered", SI_COUNT_THROWN_FILTERED},
};

bool
si_reading_meters(const char *supervisor_id, int group_id, SiMeter *meters, pid_t *pid)
{
	bool		found = false;

	LWLockAcquire(si_shmem->lock, LW_SHARED);
	for (int i = 0; i < si_shmem->nworkers && !found; i++)
	{
		SiWorkerSlot *slot = &si_shmem->workers[i];

		if (!slot->in_use || slot->kind != SI_WORKER_READING || slot->dboid != MyDatabaseId ||
			slot->group_id != group_id || strcmp(slot->supervisor_id, supervisor_id) != 0)
			continue;
		*pid = slot->pid;
		SpinLockAcquire(&slot->mutex);
		memcpy(meters, slot->meters, sizeof(slot->meters));
		SpinLockRelease(&slot->mutex);
		found = true;
	}
	LWLockRelease(si_shmem->lock);
	return found;
}

static void
append_rates(StringInfo json, const char *key, const SiMeter *meters, size_t minutes)
{
	si_put_key(json, key);
	appendStringInfoChar(json, '{');
	for (int i = 0; i < lengthof(rates); i++)
		si_put_double(json, rates[i].name,
					   *(const double *) ((const char *) &meters[rates[i].counter] + minutes));
	appendStringInfoChar(json, '}');
}

void
si_put_rates(StringInfo json, const SiMeter *meters)
{
	si_put_key(json, "movingAverages");
	appendStringInfoString(json, "{\"buildSegments\":{");
	append_rates(json, "1m", meters, offsetof(SiMeter, m1));
	append_rates(json, "5m", meters, offsetof(SiMeter, m5));
	append_rates(json, "15m", meters, offsetof(SiMeter, m15));
	appendStringInfoString(json, "}}");
}

void
si_put_row_counts(StringInfo json, const char *key, const int64 *counters)
{
	si_put_key(json, key);
	appendStringInfoChar(json, '{');
	for (int i = 0; i < lengthof(rates); i++)
		si_put_int(json, rates[i].name, counters[rates[i].counter]);
	si_put_key(json, "thrownAwayByReason");
	appendStringInfoChar(json, '{');
	for (int i = 0; i < lengthof(reasons); i++)
		si_put_int(json, reasons[i].name, counters[reasons[i].counter]);
	appendStringInfoString(json, "}}");
}
