/*
 * test_groups.c
 *		Partitions to task groups: Druid's examples, and what must never
 *		happen: an offset lost, a chunk number used twice.
 */
#include "harness.h"

#include "worker/groups.h"

static SiGroupState *result;
static int	nresult;

/* Offsets that a test broker has: low[p] = 10 * p, high[p] = 1000 + p. */
static SiStreamEnds
ends(int n)
{
	static int64 low[32],
				high[32];
	static int32 partitions[32];
	SiStreamEnds e = {n, partitions, NULL, NULL, NULL, low, high};

	for (int i = 0; i < n; i++)
	{
		partitions[i] = i;
		low[i] = 10 * i;
		high[i] = 1000 + i;
	}
	return e;
}

static int64
offset_of(int32 partition)
{
	for (int g = 0; g < nresult; g++)
		for (int i = 0; i < result[g].npartitions; i++)
			if (result[g].partitions[i] == partition)
				return result[g].offsets[i];
	return -1;
}

/* sup-01 and sup-03 (the latest is the end of the log, markers included) of Druid's cases */
static void
first_time(void)
{
	SiStreamEnds e = ends(3);

	CHECK_INT(si_regroup(NULL, 0, &e, 2, true, &result, &nresult), SI_REGROUP_YES);
	CHECK_INT(nresult, 2);
	CHECK_INT(result[0].npartitions, 2);
	CHECK_INT(result[0].partitions[0], 0);
	CHECK_INT(result[0].partitions[1], 2);
	CHECK_INT(result[1].npartitions, 1);
	CHECK_INT(result[1].partitions[0], 1);
	CHECK_INT(offset_of(2), 20);
	CHECK_INT(si_regroup(result, nresult, &e, 2, true, &result, &nresult), SI_REGROUP_NO);

	/* more tasks than partitions: only as many groups; latest offsets */
	CHECK_INT(si_regroup(NULL, 0, &e, 10, false, &result, &nresult), SI_REGROUP_YES);
	CHECK_INT(nresult, 3);
	CHECK_INT(offset_of(1), 1001);
}

/* sup-04 of Druid's cases */
static void
new_partitions(void)
{
	SiStreamEnds e = ends(3);

	(void) si_regroup(NULL, 0, &e, 1, false, &result, &nresult);
	result[0].offsets[0] = 10;
	result[0].next_seq = 77;
	e = ends(6);
	CHECK_INT(si_regroup(result, nresult, &e, 1, false, &result, &nresult), SI_REGROUP_YES);
	CHECK_INT(nresult, 1);
	CHECK_INT(offset_of(0), 10);
	CHECK_INT(offset_of(2), 1002);
	/* discovered later: from the earliest, whatever the spec says */
	CHECK_INT(offset_of(4), 40);
	CHECK_INT(result[0].next_seq, 77);
}

static void
other_task_count(void)
{
	SiStreamEnds e = ends(8);
	int64		sum = 0;

	(void) si_regroup(NULL, 0, &e, 4, true, &result, &nresult);
	for (int g = 0; g < 4; g++)
	{
		result[g].next_seq = 100 + g;
		result[g].counters.n[SI_COUNT_PROCESSED] = 1 << g;
		for (int i = 0; i < result[g].npartitions; i++)
			result[g].offsets[i] = 500 + result[g].partitions[i];
	}
	CHECK_INT(si_regroup(result, nresult, &e, 3, true, &result, &nresult), SI_REGROUP_YES);
	CHECK_INT(nresult, 3);
	for (int p = 0; p < 8; p++)
		CHECK_INT(offset_of(p), 500 + p);
	for (int g = 0; g < 3; g++)
	{
		CHECK_INT(result[g].next_seq, 103);
		sum += result[g].counters.n[SI_COUNT_PROCESSED];
	}
	CHECK_INT(sum, 15);
}

static void
unknown_ends(void)
{
	SiStreamEnds e = ends(2);

	((int64 *) e.low)[1] = -1;
	CHECK_INT(si_regroup(NULL, 0, &e, 1, true, &result, &nresult), SI_REGROUP_WAIT);
	CHECK_INT(si_regroup(NULL, 0, &e, 1, false, &result, &nresult), SI_REGROUP_YES);
}

/* After a reset the groups have no partitions, and begin as if new. */
static void
after_reset(void)
{
	SiStreamEnds e = ends(3);

	(void) si_regroup(NULL, 0, &e, 2, true, &result, &nresult);
	result[0].next_seq = 9;
	result[0].npartitions = result[1].npartitions = 0;
	CHECK_INT(si_regroup(result, nresult, &e, 2, false, &result, &nresult), SI_REGROUP_YES);
	CHECK_INT(offset_of(0), 1000);
	CHECK_INT(result[1].next_seq, 9);
}

/* What the broker forgets for a moment must not be read again when it is back. */
static void
fewer_partitions(void)
{
	SiStreamEnds e = ends(3);

	(void) si_regroup(NULL, 0, &e, 2, true, &result, &nresult);
	e = ends(2);
	CHECK_INT(si_regroup(result, nresult, &e, 2, true, &result, &nresult), SI_REGROUP_FEWER);
	CHECK_INT(offset_of(2), 20);
}

/* sup-multitopic-2, sup-multitopic-3, sup-multitopic-5 of Druid's cases: topic, partition, number of tasks, group. */
static void
group_of_several_topics(void)
{
	static const struct
	{
		const char *topic;
		int32		partition;
		int			tasks,
					group;
	}			cases[] = {
		{"clicks", 1, 4, 2},
		{"impressions", 0, 4, 2},
		{"metrics-eu", 7, 5, 0},
	};

	for (int i = 0; i < lengthof(cases); i++)
		CHECK_INT(si_stream_hash(cases[i].topic, cases[i].partition) % cases[i].tasks, cases[i].group);
}

static void
several_topics(void)
{
	static int32 partitions[] = {0, 1, 1 << SI_STREAM_BITS, (1 << SI_STREAM_BITS) + 1};
	static uint32 hashes[] = {5, 7, 8, 9};
	static int64 low[] = {0, 10, 20, 30},
				high[] = {100, 110, 120, 130};
	SiStreamEnds e = {3, partitions, hashes, NULL, NULL, low, high};

	/* groups without a partition are not */
	CHECK_INT(si_regroup(NULL, 0, &e, 4, false, &result, &nresult), SI_REGROUP_YES);
	CHECK_INT(nresult, 3);
	CHECK_INT(result[0].group_id, 0);
	CHECK_INT(result[0].partitions[0], 1 << SI_STREAM_BITS);
	CHECK_INT(result[1].group_id, 1);
	CHECK_INT(result[2].group_id, 3);
	CHECK_INT(si_regroup(result, nresult, &e, 4, false, &result, &nresult), SI_REGROUP_NO);

	/* what comes later begins at the earliest, in a group that is there or is not */
	result[1].next_seq = 12;
	e.npartitions = 4;
	CHECK_INT(si_regroup(result, nresult, &e, 4, false, &result, &nresult), SI_REGROUP_YES);
	CHECK_INT(nresult, 3);
	CHECK_INT(result[1].npartitions, 2);
	CHECK_INT(offset_of(partitions[3]), 30);
	CHECK_INT(offset_of(partitions[0]), 100);
	CHECK_INT(result[0].next_seq, 12);
}

static void
bounded(void)
{
	static int32 partitions[] = {0, 2};
	static int64 low[] = {0, 0},
				high[] = {100, 110},
				starts[] = {17, 0},
				stops[] = {20, 0};
	SiStreamEnds e = {2, partitions, NULL, starts, stops, low, high};

	CHECK_INT(si_regroup(NULL, 0, &e, 4, false, &result, &nresult), SI_REGROUP_YES);
	CHECK_INT(nresult, 2);
	CHECK_INT(result[1].group_id, 2);
	CHECK_INT(offset_of(0), 17);
	CHECK_INT(offset_of(2), 0);
	CHECK(!si_group_complete(&result[0]), "three offsets are to be read");
	result[0].offsets[0] = 20;
	CHECK(si_group_complete(&result[0]), "they are");
	CHECK(si_group_complete(&result[1]), "an empty range is complete");
	result[0].stops = NULL;
	CHECK(!si_group_complete(&result[0]), "without bounds nothing ever is");
}

static void
topic_patterns(void)
{
	SiReason	why;
	SiTopicPattern *p = si_topic_pattern_create("metrics-(eu|us)\\d*", &why);

	CHECK(p != NULL, "a pattern");
	CHECK(si_topic_pattern_matches(p, "metrics-eu12"), "matches");
	CHECK(!si_topic_pattern_matches(p, "metrics-eu12x"), "the whole name must match");
	CHECK(!si_topic_pattern_matches(p, "my-metrics-eu"), "from its beginning");
	si_topic_pattern_free(p);
	CHECK(si_topic_pattern_create("metrics-(", &why) == NULL, "not a pattern");
	CHECK(why.text[0] != '\0', "with a reason");
	/* one that would never end is none that matches */
	p = si_topic_pattern_create("(a+)+b", &why);
	CHECK(!si_topic_pattern_matches(p, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "given up");
	si_topic_pattern_free(p);
}

int
main(void)
{
	first_time();
	new_partitions();
	other_task_count();
	unknown_ends();
	after_reset();
	fewer_partitions();
	group_of_several_topics();
	several_topics();
	bounded();
	topic_patterns();
	return harness_end("test_groups");
}
