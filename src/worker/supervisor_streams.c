/*
 * supervisor_streams.c
 *		The topics of a supervisor: their numbers in the data source, and the
 *		broker's answer in terms of them.
 *
 * Only the overlord numbers topics, in the transaction of a plan; the copy in
 * memory is dropped when that transaction fails.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "worker/supervisor.h"

void
si_supervisor_forget_streams(SiSupervisor *s)
{
	MemoryContextReset(s->streams_context);
	s->streams = NULL;
	s->nstreams = 0;
	s->streams_known = false;
	/* the ends had these numbers: they are made again from the same answer */
	MemoryContextReset(s->ends_context);
	memset(&s->ends, 0, sizeof(s->ends));
	s->ends_times = NULL;
	s->ends_known = false;
	s->answered = s->answer_at != 0;
}

void
si_supervisor_load_streams(SiSupervisor *s)
{
	SiStream   *rows;
	MemoryContext old;

	if (s->streams_known)
		return;
	MemoryContextReset(s->streams_context);
	s->nstreams = si_catalog_streams(s->row.data_source_id, &rows);
	old = MemoryContextSwitchTo(s->streams_context);
	s->streams = palloc(Max(s->nstreams, 1) * sizeof(SiStream));
	for (int i = 0; i < s->nstreams; i++)
	{
		s->streams[i].id = rows[i].id;
		s->streams[i].topic = pstrdup(rows[i].topic);
	}
	MemoryContextSwitchTo(old);
	s->streams_known = true;
}

/* The number of a topic, which may be new. */
static int
stream_id(SiSupervisor *s, const char *topic)
{
	MemoryContext old;
	SiStream   *st;

	for (int i = 0; i < s->nstreams; i++)
		if (strcmp(s->streams[i].topic, topic) == 0)
			return s->streams[i].id;
	old = MemoryContextSwitchTo(s->streams_context);
	s->streams = repalloc(s->streams, (s->nstreams + 1) * sizeof(SiStream));
	st = &s->streams[s->nstreams];
	st->topic = pstrdup(topic);
	MemoryContextSwitchTo(old);
	st->id = si_catalog_add_stream(s->row.data_source_id, topic);
	if (st->id >= SI_MAX_STREAMS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a data source cannot be filled from more than %d topics", SI_MAX_STREAMS)));
	s->nstreams++;
	if (s->spec->topic == NULL)
		ereport(LOG, (errmsg("supervisor \"%s\" has found topic \"%s\"", s->row.id, topic)));
	return st->id;
}

int
si_supervisor_stream_id(SiSupervisor *s, const char *topic)
{
	si_supervisor_load_streams(s);
	return stream_id(s, topic);
}

/* A topic of the answer. */
typedef struct Told
{
	int			stream;
	const SiTopicSize *topic;
	int			first;			/* its first partition in the answer's arrays */
} Told;

static int
compare_told(const void *a, const void *b)
{
	return ((const Told *) a)->stream - ((const Told *) b)->stream;
}

static Told *
number_topics(SiSupervisor *s)
{
	const SiTopicAnswer *a = &s->answer;
	Told	   *told = palloc(Max(a->ntopics, 1) * sizeof(Told));
	int			first = 0;

	for (int i = 0; i < a->ntopics; i++)
	{
		if (a->topics[i].npartitions > SI_MAX_PARTITIONS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("topic \"%s\" has %d partitions, more than %d", a->topics[i].topic,
							a->topics[i].npartitions, SI_MAX_PARTITIONS)));
		told[i] = (Told) {stream_id(s, a->topics[i].topic), &a->topics[i], first};
		first += a->topics[i].npartitions;
	}
	qsort(told, a->ntopics, sizeof(Told), compare_told);
	return told;
}

void
si_supervisor_take_ends(SiSupervisor *s)
{
	const SiTopicAnswer *a = &s->answer;
	Told	   *told;
	MemoryContext old;
	int32	   *partitions;
	uint32	   *hashes;
	int64	   *low,
			   *high,
			   *times;
	int			n = 0;

	if (!s->answered)
		return;
	si_supervisor_load_streams(s);
	told = number_topics(s);
	if (!s->ends_known || s->ends.npartitions != a->npartitions)
		s->dirty = true;
	MemoryContextReset(s->ends_context);
	old = MemoryContextSwitchTo(s->ends_context);
	partitions = palloc(Max(a->npartitions, 1) * sizeof(int32));
	hashes = palloc(Max(a->npartitions, 1) * sizeof(uint32));
	low = palloc(Max(a->npartitions, 1) * sizeof(int64));
	high = palloc(Max(a->npartitions, 1) * sizeof(int64));
	times = a->times ? palloc(Max(a->npartitions, 1) * sizeof(int64)) : NULL;
	MemoryContextSwitchTo(old);
	for (int t = 0; t < a->ntopics; t++)
		for (int i = 0; i < told[t].topic->npartitions; i++, n++)
		{
			partitions[n] = si_partition(told[t].stream, i);
			hashes[n] = si_stream_hash(told[t].topic->topic, i);
			low[n] = a->low[told[t].first + i];
			high[n] = a->high[told[t].first + i];
			if (times)
				times[n] = a->times[told[t].first + i];
		}
	memset(&s->ends, 0, sizeof(s->ends));
	s->ends.npartitions = n;
	s->ends.partitions = partitions;
	s->ends.hashes = s->spec->topic ? NULL : hashes;
	s->ends.low = low;
	s->ends.high = high;
	s->ends_times = times;
	s->ends_known = true;
	s->ends_at = s->answer_at;
	s->answered = false;
	if (s->spec->nbounds > 0)
		si_supervisor_bound_ends(s);
}

/* Whether the spec in force reads a topic. */
static bool
reads_topic(const SiSpec *spec, SiTopicPattern *pattern, const char *topic)
{
	if (topic == NULL)
		return false;
	return spec->topic ? strcmp(spec->topic, topic) == 0 : si_topic_pattern_matches(pattern, topic);
}

bool
si_supervisor_keep_streams(SiSupervisor *s, SiGroupState *stored, int nstored)
{
	SiTopicPattern *pattern = NULL;
	SiReason	why;
	bool		all = true;

	si_supervisor_load_streams(s);
	if (s->spec->topic == NULL && (pattern = si_topic_pattern_create(s->spec->topic_pattern, &why)) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid topicPattern of supervisor \"%s\": %s", s->row.id, why.text)));
	for (int g = 0; g < nstored; g++)
	{
		SiGroupState *st = &stored[g];
		int			n = 0;

		for (int i = 0; i < st->npartitions; i++)
		{
			if (!reads_topic(s->spec, pattern, si_stream_topic(s->streams, s->nstreams, st->partitions[i])))
				continue;
			st->partitions[n] = st->partitions[i];
			st->offsets[n++] = st->offsets[i];
		}
		all &= n == st->npartitions;
		st->npartitions = n;
	}
	si_topic_pattern_free(pattern);
	return all;
}

/* Adds a partition to ends whose arrays have room for it. */
static void
add_untold(SiSupervisor *s, SiStreamEnds *ends, int32 partition)
{
	int			at = ends->npartitions++;
	const char *topic = si_stream_topic(s->streams, s->nstreams, partition);
	int32	   *partitions = (int32 *) ends->partitions;
	uint32	   *hashes = (uint32 *) ends->hashes;
	int64	   *low = (int64 *) ends->low;
	int64	   *high = (int64 *) ends->high;
	int64	   *starts = (int64 *) ends->starts;
	int64	   *stops = (int64 *) ends->stops;
	const SiBound *bound = starts ? si_supervisor_bound(s, partition) : NULL;

	for (; at > 0 && partitions[at - 1] > partition; at--)
	{
		partitions[at] = partitions[at - 1];
		if (hashes)
			hashes[at] = hashes[at - 1];
		low[at] = low[at - 1];
		high[at] = high[at - 1];
		if (starts)
		{
			starts[at] = starts[at - 1];
			stops[at] = stops[at - 1];
		}
	}
	if (starts)
	{
		starts[at] = bound ? bound->start : 0;
		stops[at] = bound ? bound->end : 0;
	}
	partitions[at] = partition;
	if (hashes)
		hashes[at] = si_stream_hash(topic ? topic : "", si_partition_number(partition));
	low[at] = high[at] = -1;
}

/* A copy with room for more elements. */
static void *
copy_array(const void *array, int n, int more, Size size)
{
	return memcpy(palloc((n + more + 1) * size), array, n * size);
}

/* Whether the broker does not tell of a stored partition, and that does not mean that the topic was made anew. */
static bool
is_untold(SiSupervisor *s, int32 partition)
{
	return si_stream_ends_find(&s->ends, partition) < 0 && (s->ends.hashes || si_gap_unknown_partition(s, partition));
}

SiStreamEnds
si_supervisor_ends_with(SiSupervisor *s, const SiGroupState *stored, int nstored)
{
	SiStreamEnds ends = s->ends;
	int			more = 0;

	for (int g = 0; g < nstored; g++)
		for (int i = 0; i < stored[g].npartitions; i++)
			more += is_untold(s, stored[g].partitions[i]);
	if (more == 0)
		return ends;
	si_supervisor_load_streams(s);
	ends.partitions = copy_array(ends.partitions, ends.npartitions, more, sizeof(int32));
	if (ends.hashes)
		ends.hashes = copy_array(ends.hashes, ends.npartitions, more, sizeof(uint32));
	ends.low = copy_array(ends.low, ends.npartitions, more, sizeof(int64));
	ends.high = copy_array(ends.high, ends.npartitions, more, sizeof(int64));
	if (ends.starts)
	{
		ends.starts = copy_array(ends.starts, ends.npartitions, more, sizeof(int64));
		ends.stops = copy_array(ends.stops, ends.npartitions, more, sizeof(int64));
	}
	for (int g = 0; g < nstored; g++)
		for (int i = 0; i < stored[g].npartitions; i++)
			if (is_untold(s, stored[g].partitions[i]))
				add_untold(s, &ends, stored[g].partitions[i]);
	return ends;
}

char *
si_supervisor_partition(SiSupervisor *s, int32 partition)
{
	if (s->spec->topic)
		return si_partition_print(NULL, partition);
	si_supervisor_load_streams(s);
	return si_partition_print(si_stream_topic(s->streams, s->nstreams, partition), partition);
}
