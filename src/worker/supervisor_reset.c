/*
 * supervisor_reset.c
 *		A reset: offsets are moved, and what is not published yet from there on
 *		is dropped, in one transaction.
 *
 * Who asks for the ends of the stream or for a time, or has chunks that could
 * be dropped, waits for an answer of the broker that is newer than the
 * request: nothing is dropped that the broker no longer has, or has never
 * had since the topic was made anew.  Meanwhile reading goes on, and other
 * verbs are applied.  When the readers have stopped the broker is asked once
 * more, since they have read on while it answered.
 *
 * Of a damaged data source published rows are dropped like the others: some of
 * them are lost, and this is how they come back.
 *
 * What a reset has dropped is owed until it has been read again.  A later one
 * does not skip it: it begins where the partition is, when that is before its
 * own offset, and waits when its offset is beyond all that is owed.
 *
 * The offset of a partition that the broker has not told of is kept, and the
 * partition waits: a gap says so until the broker tells of it
 * (supervisor_gaps.c).
 */
#include "postgres.h"

#include "catalog/gaps.h"
#include "catalog/reset.h"
#include "common/fault.h"
#include "spec/tree.h"
#include "utils/timestamp.h"
#include "worker/reset.h"
#include "worker/supervisor.h"

/* The readers have stopped for a reset: so long they wait for the broker's last word. */
#define QUIET_WAIT_US	INT64CONST(5000000)

/* Partitions of all groups and of the request. */
typedef struct Wanted
{
	int			n;
	SiResetPartition *partitions;
	int64	   *was;			/* offsets before; -1: not read yet */
	int64	   *owed;			/* end of what is to be read again, when that is beyond was; 0: nothing */
	bool	   *forgotten;		/* it does not exist, and is to begin at an end of its log */
	bool		made_anew;		/* the topic has fewer partitions than were read */
} Wanted;

/* Whether one of the offsets of the request is not a number. */
static bool
wants_ends(const SiRequestRow *r)
{
	for (int i = 0; i < r->noffsets; i++)
		if (r->offsets[i] < 0 && r->offsets[i] != SI_RESET_SPEC)
			return true;
	return false;
}

/* The request is kept in the supervisor's memory while it waits. */
void
si_supervisor_keep_reset(SiRequestRow *kept, const SiRequestRow *r)
{
	kept->npartitions = r->npartitions;
	kept->noffsets = r->noffsets;
	kept->time_ms = 0;
	for (int i = 0; i < r->noffsets; i++)
		if (r->offsets[i] == SI_RESET_TIME)
			kept->time_ms = Max(r->time_ms, 1);
	kept->partitions = palloc(sizeof(int32) * Max(r->npartitions, 1));
	kept->offsets = palloc(sizeof(int64) * Max(r->noffsets, 1));
	memcpy(kept->partitions, r->partitions, sizeof(int32) * r->npartitions);
	memcpy(kept->offsets, r->offsets, sizeof(int64) * r->noffsets);
	kept->topics_json = r->topics_json ? pstrdup(r->topics_json) : NULL;
}

bool
si_supervisor_reset_waits(SiSupervisor *s)
{
	return s->pending && s->pending->verb == SI_VERB_RESET && s->reset_waits;
}

/* Whether the broker told all that is needed after the request came. */
static bool
ends_are_new(SiSupervisor *s, const SiGroupRow *groups, int ngroups)
{
	if (!s->ends_known || s->ends_at < s->pending_at)
		return false;
	for (int g = 0; g < ngroups; g++)
		for (int i = 0; i < groups[g].state.npartitions; i++)
		{
			int			at = si_stream_ends_find(&s->ends, groups[g].state.partitions[i]);

			/* a partition that is gone does not come back: it keeps its offset */
			if (at >= 0 && (s->ends.low[at] < 0 || s->ends.high[at] < 0))
				return false;
			if (at >= 0 && s->pending->time_ms > 0 && (s->ends_times == NULL || s->ends_times[at] == -1))
				return false;
		}
	return true;
}

/* ------------------------------------------------------------------------ offsets */

/* What a partition is to begin with; was where the broker does not know it. */
static int64
target(SiSupervisor *s, int32 partition, int64 offset, int64 was)
{
	int			at = s->ends_known ? si_stream_ends_find(&s->ends, partition) : -1;

	if (offset == SI_RESET_SPEC && s->spec->nbounds > 0)
	{
		const SiBound *b = si_supervisor_bound(s, partition);

		return b ? b->start : was;
	}
	if (offset == SI_RESET_SPEC)
		offset = s->spec->use_earliest_offset ? SI_RESET_EARLIEST : SI_RESET_LATEST;
	if (offset >= 0)
		return offset;
	if (at < 0)
		return was;
	if (offset == SI_RESET_TIME)
		return s->ends_times[at] >= 0 ? s->ends_times[at] : s->ends.high[at];
	return offset == SI_RESET_EARLIEST ? s->ends.low[at] : s->ends.high[at];
}

/*
 * Whether the log of the broker is the one that was read: what was read from
 * another one cannot be read again.
 */
static bool
same_log(SiSupervisor *s, const Wanted *w, int at, int32 partition, int64 was)
{
	if (at < 0 || s->ends.low[at] < 0 || w->made_anew)
		return false;
	for (int i = 0; i < s->ngaps; i++)
		if (s->gaps[i].partition == partition && s->gaps[i].reason != SI_GAP_TOO_OLD)
			return false;
	return s->ends.high[at] < 0 || was <= s->ends.high[at];
}

static bool
is_told(SiSupervisor *s, int32 partition)
{
	return s->ends_known && si_stream_ends_find(&s->ends, partition) >= 0;
}

static void
add_partition(SiSupervisor *s, Wanted *w, int32 partition, int64 was)
{
	int			at = s->ends_known ? si_stream_ends_find(&s->ends, partition) : -1;
	SiResetPartition *p = &w->partitions[w->n];

	p->partition = partition;
	p->offset = was;
	p->low = same_log(s, w, at, partition, was) ? s->ends.low[at] : PG_INT64_MAX;
	w->was[w->n++] = was;
}

/* Whether a partition that the broker has never told of, and does not tell of now, is to be forgotten. */
static bool
forgets(SiSupervisor *s, int32 partition, int64 offset)
{
	return offset < 0 && s->ends_known && !is_told(s, partition) && si_gap_unknown_partition(s, partition);
}

/* The offset of one named partition; a new one that has no offset is left out. */
static void
set_target(SiSupervisor *s, Wanted *w, int32 partition, int64 offset)
{
	for (int i = 0; i < w->n; i++)
		if (w->partitions[i].partition == partition)
		{
			w->forgotten[i] = forgets(s, partition, offset);
			w->partitions[i].offset = target(s, partition, offset, w->partitions[i].offset);
			return;
		}
	offset = target(s, partition, offset, -1);
	if (offset < 0)
		return;
	add_partition(s, w, partition, -1);
	w->partitions[w->n - 1].offset = offset;
}

static void
find_wanted(SiSupervisor *s, const SiGroupRow *groups, int ngroups, Wanted *w)
{
	const SiRequestRow *r = s->pending;
	SiJson	   *topics = r->topics_json ? si_json_parse(r->topics_json) : NULL;
	int			n = r->npartitions;

	for (int g = 0; g < ngroups; g++)
		n += groups[g].state.npartitions;
	if (s->ends_known)
		n += s->ends.npartitions;
	w->n = 0;
	/* one topic never loses partitions */
	w->made_anew = false;
	for (int g = 0; g < ngroups && s->spec->topic && s->ends_known && s->ends.npartitions > 0; g++)
		for (int i = 0; i < groups[g].state.npartitions; i++)
			w->made_anew |= !is_told(s, groups[g].state.partitions[i]) &&
				!si_gap_unknown_partition(s, groups[g].state.partitions[i]);
	w->partitions = palloc0(sizeof(SiResetPartition) * Max(n, 1));
	w->was = palloc0(sizeof(int64) * Max(n, 1));
	w->forgotten = palloc0(sizeof(bool) * Max(n, 1));
	for (int g = 0; g < ngroups; g++)
		for (int i = 0; i < groups[g].state.npartitions; i++)
			add_partition(s, w, groups[g].state.partitions[i], groups[g].state.offsets[i]);
	if (r->npartitions == 0)
		for (int i = 0; i < w->n; i++)
			set_target(s, w, w->partitions[i].partition, r->offsets[0]);
	/* those that nobody has read yet begin as the spec says, unless something else is asked for */
	if (r->npartitions == 0 && r->offsets[0] != SI_RESET_SPEC && s->ends_known)
		for (int i = 0; i < s->ends.npartitions; i++)
			set_target(s, w, s->ends.partitions[i], r->offsets[0]);
	for (int i = 0; i < r->npartitions; i++)
	{
		const char *topic = topics && i < topics->n ? topics->items[i]->text : si_spec_stream(s->spec);

		set_target(s, w, si_partition(si_supervisor_stream_id(s, topic), r->partitions[i]), r->offsets[i]);
	}
}

/* ---------------------------------------------------------------------------- owed */

static bool
any_owed(SiSupervisor *s)
{
	int32	   *partitions;
	int64	   *until;

	return si_catalog_rereads(s->row.id, s->row.data_source_id, &partitions, &until) > 0;
}

/* What cannot be read again is not owed any more. */
static void
load_owed(SiSupervisor *s, Wanted *w)
{
	int32	   *partitions;
	int64	   *until;
	int			n = si_catalog_rereads(s->row.id, s->row.data_source_id, &partitions, &until);

	w->owed = palloc0(sizeof(int64) * Max(w->n, 1));
	for (int i = 0; i < n; i++)
		for (int k = 0; k < w->n; k++)
			if (w->partitions[k].partition == partitions[i] && w->partitions[k].low <= w->was[k])
				w->owed[k] = until[i];
}

/* Whether the reset would skip what is owed and more. */
static bool
skips_owed(const Wanted *w)
{
	for (int i = 0; i < w->n; i++)
		if (w->owed[i] > 0 && w->partitions[i].offset > w->owed[i])
			return true;
	return false;
}

/* What is owed before the offset is read first. */
static void
begin_at_owed(Wanted *w)
{
	for (int i = 0; i < w->n; i++)
		if (w->owed[i] > 0)
			w->partitions[i].offset = Min(w->partitions[i].offset, w->was[i]);
}

/* Everything of the chunk is to be read again. */
static void
owe(Wanted *w, const SiDeltaRow *d)
{
	for (int i = 0; i < d->npartitions; i++)
		for (int k = 0; k < w->n; k++)
			if (w->partitions[k].partition == d->partitions[i] && d->ends[i] > d->starts[i])
				w->owed[k] = Max(w->owed[k], d->ends[i]);
}

static void
keep_owed(SiSupervisor *s, const Wanted *w)
{
	int32	   *partitions = palloc(sizeof(int32) * Max(w->n, 1));
	int64	   *until = palloc(sizeof(int64) * Max(w->n, 1));

	for (int i = 0; i < w->n; i++)
	{
		partitions[i] = w->partitions[i].partition;
		until[i] = w->owed[i] > w->partitions[i].offset ? w->owed[i] : 0;
	}
	si_catalog_set_rereads(s->row.id, s->row.data_source_id, w->n, partitions, until);
}

bool
si_supervisor_reset_ready(SiSupervisor *s)
{
	SiGroupRow *groups;
	int			ngroups = si_catalog_groups(s->row.id, s->row.data_source_id, &groups);
	bool		owed = any_owed(s);
	bool		needed = wants_ends(s->pending) || owed || (ngroups > 0 && si_catalog_any_delta(s->row.data_source_id));

	s->reset_waits = needed && !ends_are_new(s, groups, ngroups);
	if (s->reset_waits)
		si_supervisor_note(s, "a reset waits for the broker to tell the offsets of all partitions");
	else if (owed)
	{
		Wanted		w;

		si_load_gaps(s);
		find_wanted(s, groups, ngroups, &w);
		load_owed(s, &w);
		s->reset_waits = skips_owed(&w);
		if (s->reset_waits)
			si_supervisor_note(s, "a reset waits until what the one before it has dropped is read again%s",
							   s->row.suspended ? ", after resume_supervisor()" : "");
	}
	return !s->reset_waits;
}

bool
si_supervisor_reset_settled(SiSupervisor *s, TimestampTz now)
{
	if (s->quiet_at == 0)
		s->quiet_at = now;
	/* it was ready: the ends are newer than the request, unless it needs none */
	s->reset_waits = s->ends_at < s->quiet_at &&
		(wants_ends(s->pending) || si_catalog_any_delta(s->row.data_source_id) || any_owed(s));
	if (!s->reset_waits)
		return true;
	si_supervisor_note(s, "a reset waits for the broker to tell the offsets of all partitions");
	s->ask_next = 0;
	if (now - s->quiet_at > QUIET_WAIT_US)
	{
		s->pending_at = now;
		s->quiet_at = s->row.suspended ? now : 0;
	}
	return false;
}

/* ------------------------------------------------------------------------- chunks */

/* Drops deltas and lowers offsets; how many rows were dropped, and how many deltas stay though they are read again. */
static void
drop_deltas(SiSupervisor *s, Wanted *w, int64 *rows, int *doubled)
{
	SiDeltaRow *deltas;
	int			n;
	SiResetChunk *chunks;

	*rows = 0;
	*doubled = 0;
	si_catalog_lock_deltas(s->row.data_source_id);
	n = si_catalog_deltas(s->row.id, s->row.data_source_id, &deltas);
	chunks = palloc0(sizeof(SiResetChunk) * Max(n, 1));
	for (int i = 0; i < n; i++)
		chunks[i] = (SiResetChunk) {deltas[i].npartitions, deltas[i].partitions, deltas[i].starts, deltas[i].ends};
	(void) si_reset_plan(w->partitions, w->n, chunks, n);
	for (int i = 0; i < n; i++)
	{
		*doubled += chunks[i].doubled;
		if (!chunks[i].dropped)
			continue;
		si_catalog_drop_delta(s->row.id, s->row.data_source_id, &deltas[i]);
		owe(w, &deltas[i]);
		*rows += deltas[i].rows;
	}
}

/* Tasks that wait to be published have no more than what is left of them. */
static void
cut_tasks(SiSupervisor *s, const Wanted *w, int64 rows)
{
	SiTaskRow  *tasks;
	int			n = si_catalog_tasks(s->row.data_source_id, &tasks);
	int32	   *partitions = palloc(sizeof(int32) * Max(w->n, 1));
	int64	   *offsets = palloc(sizeof(int64) * Max(w->n, 1));
	char	   *error = psprintf("a reset has dropped " INT64_FORMAT " rows; they are read again", rows);

	for (int i = 0; i < w->n; i++)
	{
		partitions[i] = w->partitions[i].partition;
		offsets[i] = w->partitions[i].offset;
	}
	for (int i = 0; i < n; i++)
	{
		bool		done = false;

		for (int k = 0; k < i; k++)
			done |= tasks[k].group_id == tasks[i].group_id;
		if (!done)
			si_catalog_cut_tasks(s->row.data_source_id, tasks[i].group_id, error, w->n, partitions, offsets);
	}
}

/* ------------------------------------------------------------------------- groups */

/* The bounds of a bounded stream stay beside the offsets, those of the spec where there were none. */
static void
keep_bounds(SiSupervisor *s, SiGroupState *group, const int32 *partitions, int n)
{
	int64	   *starts = palloc(sizeof(int64) * Max(n, 1));
	int64	   *stops = palloc(sizeof(int64) * Max(n, 1));

	if (group->stops == NULL || n == 0)
	{
		group->starts = group->stops = NULL;
		return;
	}
	for (int i = 0; i < n; i++)
	{
		const SiBound *b = si_supervisor_bound(s, partitions[i]);

		starts[i] = b ? b->start : 0;
		stops[i] = b ? b->end : 0;
		for (int k = 0; k < group->npartitions; k++)
			if (group->partitions[k] == partitions[i])
			{
				starts[i] = group->starts[k];
				stops[i] = group->stops[k];
			}
	}
	group->starts = starts;
	group->stops = stops;
}

/* For the audit: where a group was, and where it goes on. */
static void
note_moves(SiSupervisor *s, const SiGroupState *was, const Wanted *w)
{
	int64	   *to = palloc(sizeof(int64) * Max(was->npartitions, 1));

	for (int i = 0; i < was->npartitions; i++)
		for (int k = 0; k < w->n; k++)
			if (w->partitions[k].partition == was->partitions[i])
				to[i] = w->partitions[k].offset;
	si_catalog_note_move(s->row.id, s->row.data_source_id, was->group_id, was->next_seq, was->npartitions,
						 was->partitions, was->offsets, to);
}

/* Writes the offsets; partitions that nobody read yet go to the first group. */
static void
write_groups(SiSupervisor *s, SiGroupRow *rows, int ngroups, const Wanted *w)
{
	SiGroupState *groups = palloc0(sizeof(SiGroupState) * Max(ngroups, 1));
	int			n = ngroups == 0 && w->n > 0 ? 1 : ngroups;
	bool		begins_anew = s->spec->nbounds > 0 && s->pending->npartitions == 0 && s->pending->offsets[0] == SI_RESET_SPEC;

	for (int g = 0; g < ngroups; g++)
		groups[g] = rows[g].state;
	for (int g = 0; g < n; g++)
	{
		SiGroupState *group = &groups[g];
		int32	   *partitions = palloc(sizeof(int32) * Max(w->n, 1));
		int64	   *offsets = palloc(sizeof(int64) * Max(w->n, 1));
		int			k = 0;

		for (int i = 0; i < w->n && !begins_anew; i++)
		{
			bool		mine = g == 0 && w->was[i] < 0;

			for (int j = 0; j < group->npartitions && !mine; j++)
				mine = group->partitions[j] == w->partitions[i].partition;
			if (!mine)
				continue;
			/* a reset of all forgets the partitions of the topic that was */
			if (w->forgotten[i] || (w->made_anew && s->pending->npartitions == 0 && !is_told(s, w->partitions[i].partition)))
				continue;
			partitions[k] = w->partitions[i].partition;
			offsets[k++] = w->partitions[i].offset;
		}
		keep_bounds(s, group, partitions, k);
		group->npartitions = k;
		group->partitions = partitions;
		group->offsets = offsets;
		group->counters.n[SI_COUNT_PARSE_EXCEPTIONS] = 0;
	}
	si_catalog_set_groups(&s->row, si_spec_stream(s->spec), groups, n);
	for (int g = 0; g < ngroups; g++)
		note_moves(s, &rows[g].state, w);
}

/* The gaps of what has moved are ended; a partition that the broker has not told of waits. */
static void
write_gaps(SiSupervisor *s, const Wanted *w)
{
	for (int i = 0; i < w->n; i++)
	{
		int32		partition = w->partitions[i].partition;
		bool		moved = w->forgotten[i] || w->partitions[i].offset != w->was[i];
		bool		unknown = !is_told(s, partition) && (w->was[i] < 0 || si_gap_unknown_partition(s, partition));
		const char *topic = si_stream_topic(s->streams, s->nstreams, partition);

		if (s->pending->npartitions == 0 || moved)
			si_gap_forget(s->row.id, partition);
		if (moved && unknown && !w->forgotten[i])
			si_gap_await(s->row.id, s->row.data_source_id, topic ? topic : si_spec_stream(s->spec), partition,
						 w->partitions[i].offset);
	}
}

void
si_supervisor_reset(SiSupervisor *s)
{
	SiGroupRow *groups;
	int			ngroups = si_catalog_groups(s->row.id, s->row.data_source_id, &groups);
	Wanted		w;
	int64		rows;
	int			doubled;

	/* Druid's reset of what is published: offsets are found when reading begins */
	if (s->pending->npartitions == 0 && s->pending->offsets[0] == SI_RESET_SPEC &&
		!si_catalog_any_delta(s->row.data_source_id) && !any_owed(s))
	{
		si_catalog_apply_reset(s->pending);
		return;
	}
	si_load_gaps(s);
	find_wanted(s, groups, ngroups, &w);
	load_owed(s, &w);
	begin_at_owed(&w);
	drop_deltas(s, &w, &rows, &doubled);
	SI_FAULT("reset_deltas_removed");
	if (rows > 0)
		cut_tasks(s, &w, rows);
	for (int i = 0; i < w.n; i++)
		if (w.partitions[i].offset < w.was[i])
			si_catalog_forget_rejected(s->row.id, si_stream_topic(s->streams, s->nstreams, w.partitions[i].partition),
									   si_partition_number(w.partitions[i].partition), w.partitions[i].offset);
	write_groups(s, groups, ngroups, &w);
	keep_owed(s, &w);
	write_gaps(s, &w);
	si_catalog_forget_request(s->pending->request_id);
	SI_FAULT("reset_before_end");
	for (int i = 0; i < w.n; i++)
		if (w.partitions[i].offset != w.was[i])
			ereport(LOG,
					(errmsg("supervisor \"%s\" goes on at offset " INT64_FORMAT " of partition %s, after " INT64_FORMAT,
							s->row.id, w.partitions[i].offset, si_supervisor_partition(s, w.partitions[i].partition),
							w.was[i])));
	ereport(LOG,
			(errmsg("supervisor \"%s\" was reset: " INT64_FORMAT " rows are dropped and read again",
					s->row.id, rows),
			 doubled > 0 ? errdetail("%d chunks stay although they are read again: the broker no longer has all of them.", doubled) : 0));
}
