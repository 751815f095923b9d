/*
 * spec_scaling.c
 *		What autoScalerConfig, stopTaskCount and boundedStreamConfig say, and
 *		how their members fit together.
 *
 * Simple members were stored by the table of fields.  Reads no catalog.
 */
#include "postgres.h"

#include "common/stream.h"
#include "spec/shape.h"

/* The periods that may stand for minTriggerScaleActionFrequencyMillis. */
static void
read_delays(SiScalerConfig *c, const SiJson *scaler)
{
	const SiJson *up = si_json_get(scaler, "minScaleUpDelay");
	const SiJson *down = si_json_get(scaler, "minScaleDownDelay");
	SiReason	why;

	c->down_delay = c->up_delay;
	if (!si_json_is_null(up))
		si_value_period(up, &c->up_delay, &why);
	if (!si_json_is_null(down))
		si_value_period(down, &c->down_delay, &why);
}

static SiLagAggregate
lag_aggregate(const SiJson *scaler)
{
	const char *word;
	const SiJson *v = si_json_get(scaler, "lagAggregate");

	if (si_json_is_null(v) || !si_value_string(v, &word))
		return SI_LAG_SUM;
	if (pg_strcasecmp(word, "MAX") == 0)
		return SI_LAG_MAX;
	return pg_strcasecmp(word, "AVERAGE") == 0 ? SI_LAG_AVERAGE : SI_LAG_SUM;
}

static void
build_scaler(SiSpec *spec, const SiJson *io, const char *path)
{
	const SiJson *scaler = si_json_get(io, "autoScalerConfig");
	SiScalerConfig *c = &spec->scaler;

	read_delays(c, scaler);
	c->lag_aggregate = lag_aggregate(scaler);
	if (!si_json_is_null(si_json_get(scaler, "stopTaskCountRatio")) &&
		!(spec->stop_task_ratio > 0 && spec->stop_task_ratio <= 1))
		si_spec_error(psprintf("%s.stopTaskCountRatio", path), si_json_get(scaler, "stopTaskCountRatio"),
					  "Expected a number above 0, at most 1.", NULL);
	if (!c->enabled)
		return;
	if (c->task_count_max == 0 || c->task_count_min == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s.%s is missing", path, c->task_count_max == 0 ? "taskCountMax" : "taskCountMin"),
				 errdetail("taskCountMax or taskCountMin can't be null!"),
				 errhint("Give both, or set enableTaskAutoScaler to false.")));
	if (c->task_count_max < c->task_count_min)
		si_spec_error(psprintf("%s.taskCountMax", path), si_json_get(scaler, "taskCountMax"),
					  psprintf("It is lower than taskCountMin, %d.", c->task_count_min), NULL);
	if (c->task_count_start != 0 &&
		(c->task_count_start < c->task_count_min || c->task_count_start > c->task_count_max))
		si_spec_error(psprintf("%s.taskCountStart", path), si_json_get(scaler, "taskCountStart"),
					  psprintf("Expected a number from taskCountMin, %d, to taskCountMax, %d.",
							   c->task_count_min, c->task_count_max), NULL);
	if (c->task_count_start == 0)
		c->task_count_start = si_json_is_null(si_json_get(io, "taskCount")) ? c->task_count_min : spec->task_count;
}

/* A key of a map of offsets: "3", or "topic:3". */
static bool
parse_partition(const SiSpec *spec, const char *key, SiBound *b)
{
	const char *colon = strrchr(key, ':');
	const char *digits = colon ? colon + 1 : key;
	char	   *end;
	long		n;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	n = strtol(digits, &end, 10);
	if (*end != '\0' || errno != 0 || n >= SI_MAX_PARTITIONS)
		return false;
	b->number = (int32) n;
	b->topic = colon ? pnstrdup(key, colon - key) : NULL;
	/* a pattern needs the topic; of one topic only that can be meant */
	return spec->topic ? b->topic == NULL || strcmp(b->topic, spec->topic) == 0 : b->topic != NULL;
}

static void
build_bounds(SiSpec *spec, const SiJson *io, const char *path)
{
	const SiJson *bounded = si_json_get(io, "boundedStreamConfig");
	const SiJson *starts = si_json_get(bounded, "startSequenceNumbers");
	const SiJson *ends = si_json_get(bounded, "endSequenceNumbers");

	if (si_json_is_null(bounded))
		return;
	if (si_json_is_empty(starts))
		si_spec_missing(psprintf("%s.startSequenceNumbers", path), "Write for example {\"0\": 0}.");
	if (si_json_is_empty(ends))
		si_spec_missing(psprintf("%s.endSequenceNumbers", path), "Write for example {\"0\": 1000}.");
	spec->bounds = palloc0(starts->n * sizeof(SiBound));
	for (int i = 0; i < starts->n; i++)
	{
		SiBound    *b = &spec->bounds[i];
		const char *key = starts->keys[i];
		const SiJson *end = si_json_get(ends, key);
		char	   *start_path = psprintf("%s.startSequenceNumbers.%s", path, key);
		char	   *end_path = psprintf("%s.endSequenceNumbers.%s", path, key);

		if (!parse_partition(spec, key, b))
			si_spec_error(start_path, starts->items[i], spec->topic ? "Expected the number of a partition as key."
						  : "Expected topic:number, a partition, as key.", NULL);
		if (!si_value_int(starts->items[i], 0, PG_INT64_MAX, &b->start))
			si_spec_error(start_path, starts->items[i], "Expected an offset.", NULL);
		if (si_json_is_null(end))
			si_spec_missing(end_path, "Both maps name the same partitions.");
		if (!si_value_int(end, 0, PG_INT64_MAX, &b->end))
			si_spec_error(end_path, end, "Expected an offset.", NULL);
	}
	for (int i = 0; i < ends->n; i++)
		if (si_json_is_null(si_json_get(starts, ends->keys[i])))
			si_spec_missing(psprintf("%s.startSequenceNumbers.%s", path, ends->keys[i]),
							"Both maps name the same partitions.");
	spec->nbounds = starts->n;
}

void
si_spec_scaling(SiSpec *spec, const SiJson *io, const char *prefix, SiSpecFindings *findings)
{
	char	   *scaler = psprintf("%sioConfig.autoScalerConfig", prefix);
	char	   *bounds = psprintf("%sioConfig.boundedStreamConfig", prefix);

	SI_CHECKED(findings, scaler, build_scaler(spec, io, scaler));
	SI_CHECKED(findings, bounds, build_bounds(spec, io, bounds));
}
