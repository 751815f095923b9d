/*
 * supervisor_gaps.c
 *		Partitions whose next offset the broker does not have: halted until
 *		somebody resets them, or moved on with resetOffsetAutomatically.
 *
 * A reading task reports such an offset in a committed row (catalog/gaps.h)
 * and reads on with its other partitions; from then on no task reads that
 * partition.  Here the broker's word on it is added, the administrator is
 * told, and offsets are moved where the spec says so.  Nothing is skipped
 * without a row that says how much.
 */
#include "postgres.h"

#include "utils/timestamp.h"
#include "worker/supervisor.h"

/* Answers of the broker, one after another, until it is believed that partitions are gone. */
#define FEWER_ANSWERS	3

/* What the broker said of a partition; false when it said nothing. */
static bool
ends_told(const SiSupervisor *s, int32 partition, int64 *low, int64 *high)
{
	int			at = s->ends_known ? si_stream_ends_find(&s->ends, partition) : -1;

	*low = at < 0 ? -1 : s->ends.low[at];
	*high = at < 0 ? -1 : s->ends.high[at];
	return *low >= 0 && *high >= 0;
}

/* Once the broker was asked after the report: why the offset is not there. */
static void
explain(SiSupervisor *s, SiGap *gap, TimestampTz now)
{
	int64		low,
				high;

	if (!ends_told(s, gap->partition, &low, &high) || s->ends_at <= gap->at)
	{
		s->ask_next = Min(s->ask_next, now);
		return;
	}
	gap->earliest = low;
	gap->latest = high;
	/* a log may have grown over the offset since it was refused: it is another log */
	gap->reason = gap->offset < gap->earliest ? SI_GAP_TOO_OLD : SI_GAP_BEYOND_END;
	si_gap_explain(gap->gap_id, gap->reason, gap->earliest, gap->latest);
	ereport(LOG,
			(errmsg("supervisor \"%s\" cannot read on at offset " INT64_FORMAT " of partition %s: the log of the broker goes from " INT64_FORMAT " to " INT64_FORMAT,
					s->row.id, gap->offset, si_supervisor_partition(s, gap->partition), gap->earliest, gap->latest)));
}

static void
note_unknown(SiSupervisor *s, const SiGap *gap)
{
	si_supervisor_note(s, "partition %s does not exist: its offset " INT64_FORMAT " was set before the broker had told of its partitions",
					   si_supervisor_partition(s, gap->partition), gap->offset);
}

/* Tells what is halted, in the note and among the errors. */
static void
tell(SiSupervisor *s, const SiGap *gap, TimestampTz now)
{
	char	   *partition = si_supervisor_partition(s, gap->partition);
	char		message[512];

	switch (gap->reason)
	{
		case SI_GAP_TOO_OLD:
			si_supervisor_note(s, "partition %s is halted: offset " INT64_FORMAT " is no longer available, the earliest is " INT64_FORMAT,
							   partition, gap->offset, gap->earliest);
			snprintf(message, sizeof(message),
					 "Previous sequenceNumber [" INT64_FORMAT "] is no longer available for partition [%s]. You can clear the previous sequenceNumber and start reading from a valid message by using the supervisor's reset API: reset_supervisor('%s'), or reset_offsets() for the partition alone. The earliest is [" INT64_FORMAT "].",
					 gap->offset, partition, s->row.id, gap->earliest);
			break;
		case SI_GAP_BEYOND_END:
			si_supervisor_note(s, "partition %s is halted: offset " INT64_FORMAT " was beyond the end of its log, " INT64_FORMAT " to " INT64_FORMAT,
							   partition, gap->offset, gap->earliest, gap->latest);
			snprintf(message, sizeof(message),
					 "Previous sequenceNumber [" INT64_FORMAT "] is beyond the end of partition [%s], whose log went from [" INT64_FORMAT "] to [" INT64_FORMAT "]: the topic was made anew, or its log was cut. You can start reading from a valid message by using the supervisor's reset API: reset_supervisor('%s'), or reset_offsets() for the partition alone.",
					 gap->offset, partition, gap->earliest, gap->latest, s->row.id);
			break;
		case SI_GAP_UNKNOWN_PARTITION:
			if (!s->ends_known)
				return;
			note_unknown(s, gap);
			snprintf(message, sizeof(message),
					 "partition [%s] does not exist: its offset [" INT64_FORMAT "] was set before the broker had told of its partitions. It is kept until there is such a partition; the others are read. You can forget it by using the supervisor's reset API: %s.",
					 partition, gap->offset,
					 s->spec->topic ? psprintf("reset_supervisor('%s', 'earliest', '{%s}')", s->row.id, partition) :
					 psprintf("reset_offsets('%s', ...) with \"%s\":\"earliest\"", s->row.id, partition));
			break;
		default:
			return;
	}
	if (s->run_pending)
		si_supervisor_stream_failed(s, now, message);
}

bool
si_gap_unknown_partition(const SiSupervisor *s, int32 partition)
{
	for (int k = 0; k < s->ngaps; k++)
		if (s->gaps[k].partition == partition && s->gaps[k].reason == SI_GAP_UNKNOWN_PARTITION)
			return true;
	return false;
}

void
si_note_unknown_partitions(SiSupervisor *s)
{
	if (!s->ends_known)
		return;
	si_load_gaps(s);
	for (int k = 0; k < s->ngaps; k++)
		if (s->gaps[k].reason == SI_GAP_UNKNOWN_PARTITION && si_stream_ends_find(&s->ends, s->gaps[k].partition) < 0)
			note_unknown(s, &s->gaps[k]);
}

/*
 * A partition whose offset was set before the broker had told of it.  True
 * when it has told: then it is read like any other, by a process that begins
 * after the gap is gone.  Until then *stop says that the reader is to end.
 */
static bool
partition_is_known(SiSupervisor *s, const SiGap *gap, const SiReader *r, bool *stop)
{
	if (gap->reason != SI_GAP_UNKNOWN_PARTITION || !s->ends_known || si_stream_ends_find(&s->ends, gap->partition) < 0)
		return false;
	if (r->ref.index >= 0)
	{
		*stop = true;
		return false;
	}
	si_gap_delete(gap->gap_id);
	return true;
}

/* Writes that reading goes on elsewhere, and says so; returns where. */
static int64
move_on(SiSupervisor *s, const SiGap *gap, int64 low, int64 high, TimestampTz now)
{
	int64		next = s->spec->use_earliest_offset ? low : high;
	int64		skipped = gap->reason == SI_GAP_TOO_OLD ? next - gap->offset : next - low;
	char		message[512];

	si_gap_end(s->row.id, gap->gap_id, next, skipped);
	snprintf(message, sizeof(message),
			 "partition [%s] was reset automatically from offset [" INT64_FORMAT "], which was %s, to [" INT64_FORMAT "]: " INT64_FORMAT " offsets were skipped",
			 si_supervisor_partition(s, gap->partition), gap->offset,
			 gap->reason == SI_GAP_TOO_OLD ? "no longer available" : "beyond the end of the log", next, skipped);
	si_state_error(&s->machine, si_unix_ms(now), true, "OffsetReset", message);
	ereport(LOG, (errmsg("supervisor \"%s\": %s", s->row.id, message)));
	return next;
}

static int
partition_index(const SiGroupState *g, int32 partition)
{
	for (int i = 0; i < g->npartitions; i++)
		if (g->partitions[i] == partition)
			return i;
	return -1;
}

void
si_load_gaps(SiSupervisor *s)
{
	s->ngaps = si_gaps_open(s->row.id, s->step_context, &s->gaps);
}

bool
si_plan_gaps(SiSupervisor *s, const SiGroupRow *g, SiReader *r, SiTaskRow *task, TimestampTz now)
{
	int64	   *offsets = NULL;
	int			halted = 0;
	bool		stop = false;

	for (int k = 0; k < s->ngaps; k++)
	{
		SiGap	   *gap = &s->gaps[k];
		int64		low,
					high;
		int			i = partition_index(&g->state, gap->partition);

		if (i < 0 || partition_is_known(s, gap, r, &stop))
			continue;
		halted++;
		if (gap->reason == SI_GAP_OUT_OF_RANGE)
			explain(s, gap, now);
		if (!s->spec->reset_offset_automatically || gap->reason == SI_GAP_UNKNOWN_PARTITION)
			tell(s, gap, now);
		else if (gap->reason != SI_GAP_OUT_OF_RANGE && ends_told(s, gap->partition, &low, &high) && s->fewer_answers == 0)
		{
			if (r->ref.index >= 0)
			{
				si_pool_stop(&r->ref);
				return true;
			}
			if (offsets == NULL)
			{
				offsets = palloc(g->state.npartitions * sizeof(int64));
				memcpy(offsets, g->state.offsets, g->state.npartitions * sizeof(int64));
			}
			offsets[i] = move_on(s, gap, low, high, now);
		}
	}
	if (offsets != NULL)
	{
		if (task)
			si_catalog_task_hand_off(task->task_id, NULL, NULL);
		if (!si_catalog_set_offsets(s->row.id, s->row.data_source_id, &g->state, offsets))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("the offsets of task group %d have changed while they were to be moved", g->state.group_id)));
		s->dirty = true;
		return true;
	}
	if (!stop && (halted == 0 || halted < g->state.npartitions))
		return false;
	/* nothing is left to read, or more than it knows of */
	si_pool_stop(&r->ref);
	return true;
}

bool
si_plan_fewer_partitions(SiSupervisor *s, const SiGroupState *groups, int ngroups, int nstored, TimestampTz now)
{
	char		message[512];

	if (s->run_pending)
		s->fewer_answers++;
	si_supervisor_note(s, "topic \"%s\" has %d partitions, but offsets of %d are stored", s->spec->topic, s->ends.npartitions, nstored);
	/* a topic never loses partitions: this is another one, and no stored offset means anything in it */
	if (!si_supervisor_quiet(s))
		si_supervisor_stop_readers(s);
	if (s->fewer_answers < FEWER_ANSWERS || !si_supervisor_quiet(s))
		return false;
	if (!s->spec->reset_offset_automatically)
	{
		snprintf(message, sizeof(message),
				 "topic [%s] has [%d] partitions, but offsets of [%d] are stored: it was made anew. You can start reading it by using the supervisor's reset API: reset_supervisor('%s').",
				 s->spec->topic, s->ends.npartitions, nstored, s->row.id);
		if (s->run_pending)
			si_supervisor_stream_failed(s, now, message);
		return false;
	}
	for (int i = 0; i < s->ends.npartitions; i++)
		if (s->ends.low[i] < 0 || s->ends.high[i] < 0)
			return false;
	for (int g = 0; g < ngroups; g++)
		for (int i = 0; i < groups[g].npartitions; i++)
		{
			int64		low,
						high,
						next = -1;

			if (ends_told(s, groups[g].partitions[i], &low, &high))
				next = s->spec->use_earliest_offset ? low : high;
			si_gap_record(s->row.id, s->row.data_source_id, s->spec->topic, groups[g].partitions[i],
						  SI_GAP_FEWER_PARTITIONS, groups[g].offsets[i], low, high, next, next - low);
		}
	snprintf(message, sizeof(message),
			 "topic [%s] has [%d] partitions, but offsets of [%d] were stored: it was made anew, and all its partitions were reset automatically",
			 s->spec->topic, s->ends.npartitions, nstored);
	si_state_error(&s->machine, si_unix_ms(now), true, "OffsetReset", message);
	ereport(LOG, (errmsg("supervisor \"%s\": %s", s->row.id, message)));
	si_gaps_forget(s->row.id);
	return true;
}

void
si_record_start_at_end(SiSupervisor *s, const SiGroupState *groups, int ngroups)
{
	int64		skipped = 0;

	for (int g = 0; g < ngroups; g++)
		for (int i = 0; i < groups[g].npartitions; i++)
		{
			int32		p = groups[g].partitions[i];
			int64		offset = groups[g].offsets[i];
			const char *topic = si_stream_topic(s->streams, s->nstreams, p);
			int64		low,
						high;

			if (!ends_told(s, p, &low, &high) || offset <= low)
				continue;
			si_gap_record(s->row.id, s->row.data_source_id, topic ? topic : si_spec_stream(s->spec), p,
						  SI_GAP_STARTED_AT_END, -1, low, high, offset, offset - low);
			skipped += offset - low;
		}
	if (skipped > 0)
		ereport(LOG,
				(errmsg("supervisor \"%s\" starts at the end of \"%s\": " INT64_FORMAT " offsets before it are not read",
						s->row.id, si_spec_stream(s->spec), skipped),
				 errhint("With useEarliestOffset true reading starts at the beginning, when no offset is stored.")));
}
