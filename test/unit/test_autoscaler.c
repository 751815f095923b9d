/*
 * test_autoscaler.c
 *		The lagBased strategy against what Druid's own tests expect of
 *		theirs, and the times of samples and decisions.
 */
#include "harness.h"

#include "worker/autoscaler.h"

static SiScalerConfig config = {
	.enabled = true,
	.task_count_min = 1,
	.task_count_max = 100,
	.collection_interval = 30000,
	.collection_range = 300000,
	.start_delay = 60000,
	.action_period = 60000,
	.up_delay = 600000,
	.down_delay = 1200000,
	.scale_out_threshold = 2000000,
	.scale_in_threshold = 300000,
	.scale_out_fraction = 0.7,
	.scale_in_fraction = 0.9,
	.scale_out_step = 4,
	.scale_in_step = 1,
};

static SiScaler scaler;

/* Eleven samples, the first of them "odd" and the rest "lag". */
static void
samples(int nodd, int64 odd, int64 lag)
{
	si_scaler_start(&scaler, &config, 1000);
	for (int i = 0; i < 11; i++)
		si_scaler_sample(&scaler, i < nodd ? odd : lag, 1000 + i * 30000);
}

static void
druids_cases(void)
{
	static const struct
	{
		const char *name;
		int			tasks;
		int64		lag;
		int			desired;
	}			cases[] = {
		{"as-01", 50, 2000001, 54},
		{"as-02", 1, 2000001, 5},
		{"as-03", 101, 299999, 100},
		{"as-05", 50, 1000000, 50},
		{"as-07", 1, 0, 1},
		{"at the number of partitions", 99, 2000001, 100},
		{"exactly the threshold, out", 50, 2000000, 54},
		{"exactly the threshold, in", 50, 300000, 49},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		samples(0, 0, cases[i].lag);
		CHECK(si_scaler_desired(&scaler, &config, cases[i].tasks, 100) == cases[i].desired, "%s: %d tasks, expected %d",
			  cases[i].name, si_scaler_desired(&scaler, &config, cases[i].tasks, 100), cases[i].desired);
	}
}

static void
shares(void)
{
	/* 8 of 11 are 0.73, 7 are 0.64 */
	samples(3, 1000000, 3000000);
	CHECK_INT(si_scaler_desired(&scaler, &config, 10, 100), 14);
	samples(4, 1000000, 3000000);
	CHECK_INT(si_scaler_desired(&scaler, &config, 10, 100), 10);
	/* 10 of 11 are 0.91, 9 are 0.82 */
	samples(1, 1000000, 0);
	CHECK_INT(si_scaler_desired(&scaler, &config, 10, 100), 9);
	samples(2, 1000000, 0);
	CHECK_INT(si_scaler_desired(&scaler, &config, 10, 100), 10);
	/* both: more tasks win */
	config.scale_out_fraction = 0.1;
	samples(2, 9000000, 0);
	CHECK_INT(si_scaler_desired(&scaler, &config, 10, 100), 14);
	config.scale_out_fraction = 0.7;
	/* a ring: the oldest sample goes */
	CHECK_INT(scaler.size, 11);
	samples(0, 0, 3000000);
	for (int i = 0; i < 11; i++)
		si_scaler_sample(&scaler, -5, 400000);
	CHECK_INT(si_scaler_desired(&scaler, &config, 10, 100), 9);
}

static void
times(void)
{
	int64		t = 5000;

	si_scaler_start(&scaler, &config, t);
	CHECK(si_scaler_sample_due(&scaler, &config, t), "the first sample at once");
	for (int i = 0; i < 11; i++, t += 30000)
	{
		CHECK(si_scaler_sample_due(&scaler, &config, t), "sample %d", i);
		si_scaler_sample(&scaler, 3000000, t);
		CHECK(!si_scaler_sample_due(&scaler, &config, t + 29999), "not before the interval");
	}
	/* not before the delay and the range */
	CHECK_INT(si_scaler_decide(&scaler, &config, 10, 100, 5000 + 359999), 10);
	t = 5000 + 360000;
	CHECK_INT(si_scaler_decide(&scaler, &config, 10, 100, t), 14);
	CHECK_INT(scaler.n, 0);
	/* the next change up waits for its delay, and decisions for their period */
	for (int i = 0; i < 11; i++)
		si_scaler_sample(&scaler, 3000000, t);
	CHECK_INT(si_scaler_decide(&scaler, &config, 14, 100, t + 60000), 14);
	CHECK_INT(si_scaler_decide(&scaler, &config, 14, 100, t + 600000), 18);
	t += 600000;
	for (int i = 0; i < 11; i++)
		si_scaler_sample(&scaler, 0, t);
	CHECK_INT(si_scaler_decide(&scaler, &config, 18, 100, t + 1199999), 18);
	CHECK_INT(si_scaler_decide(&scaler, &config, 18, 100, t + 1200000), 18);	/* within the period of the last decision */
	CHECK_INT(si_scaler_decide(&scaler, &config, 18, 100, t + 1259999), 17);
}

static void
limits(void)
{
	si_scaler_start(&scaler, &config, 0);
	for (int i = 0; i < 11; i++)
		si_scaler_sample(&scaler, 9000000, 1);
	config.task_count_max = 12;
	CHECK_INT(si_scaler_decide(&scaler, &config, 10, 100, 1000000), 12);
	/* more partitions than tasks allowed, fewer than taskCountMin: held between the two */
	si_scaler_start(&scaler, &config, 0);
	config.task_count_min = 3;
	si_scaler_sample(&scaler, 0, 1);
	CHECK_INT(si_scaler_decide(&scaler, &config, 3, 100, 1000000), 3);
	/* no sample: no change */
	si_scaler_start(&scaler, &config, 0);
	CHECK_INT(si_scaler_decide(&scaler, &config, 5, 100, 1000000), 5);
}

static void
aggregates(void)
{
	static const int64 lags[] = {10, -4, 30, 20};

	CHECK_INT(si_lag_aggregate(SI_LAG_SUM, lags, 4), 60);
	CHECK_INT(si_lag_aggregate(SI_LAG_MAX, lags, 4), 30);
	CHECK_INT(si_lag_aggregate(SI_LAG_AVERAGE, lags, 4), 15);
	CHECK_INT(si_lag_aggregate(SI_LAG_AVERAGE, lags, 0), 0);
}

static void
stops(void)
{
	CHECK_INT(si_max_allowed_stops(5, 1, 0.4), 2);	/* sup-stopratio-1 */
	CHECK_INT(si_max_allowed_stops(1, 1, 0.4), 1);	/* sup-stopratio-3 */
	CHECK_INT(si_max_allowed_stops(5, 3, 0), 3);
	CHECK_INT(si_max_allowed_stops(5, 0, 0), 5);
}

int
main(void)
{
	druids_cases();
	shares();
	times();
	limits();
	aggregates();
	stops();
	return harness_end("test_autoscaler");
}
