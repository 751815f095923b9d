/*
 * autoscaler.h
 *		How many tasks a supervisor should have, by samples of its lag: the
 *		rules of Druid's lagBased strategy.  Pure: no clock, no catalog.
 */
#ifndef SI_WORKER_AUTOSCALER_H
#define SI_WORKER_AUTOSCALER_H

#include "common/port.h"
#include "spec/scaling.h"

/* A ring of samples: collection_range / collection_interval + 1 of them. */
typedef struct SiScaler
{
	int			size;
	int			n;				/* samples there are */
	int			next;			/* where the next one goes */
	int64	   *lags;			/* NULL: to be made */
	int64		sampled_at;		/* ms; 0: never */
	int64		decided_at;
	int64		scaled_at;		/* 0: never */
	int64		started_at;
} SiScaler;

/* The lags of partitions as one number; each counts as at least 0. */
extern int64 si_lag_aggregate(SiLagAggregate how, const int64 *lags, int n);

/* Begins anew: no samples.  The ring is in CurrentMemoryContext, or kept when it has the right size. */
extern void si_scaler_start(SiScaler *s, const SiScalerConfig *c, int64 now);
/* Whether it is time for a sample; and takes it.  Negative lags count as 0. */
extern bool si_scaler_sample_due(const SiScaler *s, const SiScalerConfig *c, int64 now);
extern void si_scaler_sample(SiScaler *s, int64 lag, int64 now);

/*
 * The number of tasks that the samples speak for: one step up or down from
 * task_count, at most the number of partitions, at least 1.  Not yet held
 * between taskCountMin and taskCountMax.
 */
extern int	si_scaler_desired(const SiScaler *s, const SiScalerConfig *c, int task_count, int partitions);

/*
 * The decision, when it is time for one: the new number of tasks, or
 * task_count.  After a change the samples are cleared.
 */
extern int	si_scaler_decide(SiScaler *s, const SiScalerConfig *c, int task_count, int partitions, int64 now);

/* How many tasks of a supervisor may be published at once because of taskDuration. */
extern int	si_max_allowed_stops(int task_count, int stop_task_count, double ratio);

#endif							/* SI_WORKER_AUTOSCALER_H */
