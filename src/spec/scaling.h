/*
 * scaling.h
 *		What ioConfig says about the number of tasks, about idling, and about
 *		a range of offsets that ends: see spec_scaling.c.  Plain structs.
 */
#ifndef SI_SPEC_SCALING_H
#define SI_SPEC_SCALING_H

#include "common/port.h"

/* How the lags of partitions become one number. */
typedef enum SiLagAggregate
{
	SI_LAG_SUM = 0,
	SI_LAG_MAX,
	SI_LAG_AVERAGE
} SiLagAggregate;

/* autoScalerConfig; times in ms. */
typedef struct SiScalerConfig
{
	bool		enabled;
	int			task_count_min;
	int			task_count_max;
	int			task_count_start;	/* filled in when enabled */
	int64		collection_interval;
	int64		collection_range;
	int64		start_delay;
	int64		action_period;
	int64		up_delay;		/* between two actions */
	int64		down_delay;
	int64		scale_out_threshold;
	int64		scale_in_threshold;
	double		scale_out_fraction;
	double		scale_in_fraction;
	int			scale_out_step;
	int			scale_in_step;
	SiLagAggregate lag_aggregate;
} SiScalerConfig;

/* A partition of boundedStreamConfig. */
typedef struct SiBound
{
	const char *topic;			/* NULL: the one of the spec */
	int32		number;
	int64		start;			/* the first offset to read */
	int64		end;			/* the one after the last */
} SiBound;

#endif							/* SI_SPEC_SCALING_H */
