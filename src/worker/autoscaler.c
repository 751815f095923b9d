/*
 * autoscaler.c
 *		The lagBased strategy: see autoscaler.h.
 *
 * Every scaleActionPeriodMillis the share of samples of at least
 * scaleOutThreshold decides about more tasks, and only if it does not the
 * share of samples of at most scaleInThreshold about fewer.
 */
#include "common/port.h"

#include "worker/autoscaler.h"

/* A ring never has more samples than this, however short the interval. */
#define MAX_SAMPLES		10000

int64
si_lag_aggregate(SiLagAggregate how, const int64 *lags, int n)
{
	int64		sum = 0,
				max = 0;

	for (int i = 0; i < n; i++)
	{
		int64		lag = Max(lags[i], 0);

		sum = sum > PG_INT64_MAX - lag ? PG_INT64_MAX : sum + lag;
		max = Max(max, lag);
	}
	if (how == SI_LAG_MAX)
		return max;
	return how == SI_LAG_AVERAGE ? sum / Max(n, 1) : sum;
}

void
si_scaler_start(SiScaler *s, const SiScalerConfig *c, int64 now)
{
	int			size = (int) Min(c->collection_range / c->collection_interval + 1, MAX_SAMPLES);

	if (s->lags && s->size != size)
	{
		pfree(s->lags);
		s->lags = NULL;
	}
	if (s->lags == NULL)
		s->lags = palloc(sizeof(int64) * size);
	s->size = size;
	s->n = s->next = 0;
	s->sampled_at = s->decided_at = s->scaled_at = 0;
	s->started_at = now;
}

bool
si_scaler_sample_due(const SiScaler *s, const SiScalerConfig *c, int64 now)
{
	return s->sampled_at == 0 || now - s->sampled_at >= c->collection_interval;
}

void
si_scaler_sample(SiScaler *s, int64 lag, int64 now)
{
	s->lags[s->next] = Max(lag, 0);
	s->next = (s->next + 1) % s->size;
	s->n = Min(s->n + 1, s->size);
	s->sampled_at = now;
}

int
si_scaler_desired(const SiScaler *s, const SiScalerConfig *c, int task_count, int partitions)
{
	int			above = 0,
				below = 0;

	if (s->n == 0)
		return task_count;
	for (int i = 0; i < s->n; i++)
	{
		above += s->lags[i] >= c->scale_out_threshold;
		below += s->lags[i] <= c->scale_in_threshold;
	}
	if ((double) above / s->n >= c->scale_out_fraction)
		return (int) Min((int64) task_count + c->scale_out_step, partitions);
	if ((double) below / s->n >= c->scale_in_fraction)
		return Max(1, task_count - c->scale_in_step);
	return task_count;
}

int
si_scaler_decide(SiScaler *s, const SiScalerConfig *c, int task_count, int partitions, int64 now)
{
	int			desired;

	if (s->decided_at == 0 ? now - s->started_at < c->start_delay + c->collection_range :
		now - s->decided_at < c->action_period)
		return task_count;
	s->decided_at = now;
	desired = si_scaler_desired(s, c, task_count, partitions);
	desired = Min(Max(desired, c->task_count_min), c->task_count_max);
	if (desired == task_count)
		return task_count;
	if (s->scaled_at != 0 && now - s->scaled_at < (desired > task_count ? c->up_delay : c->down_delay))
		return task_count;
	s->scaled_at = now;
	s->n = s->next = 0;
	return desired;
}

int
si_max_allowed_stops(int task_count, int stop_task_count, double ratio)
{
	if (ratio > 0)
		return Max(1, (int) (task_count * ratio));
	return stop_task_count > 0 ? stop_task_count : task_count;
}
