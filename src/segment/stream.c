/*
 * stream.c
 *		Merging chunks that do not fit into memory: sorted streams are made of
 *		them, and the streams are merged interval by interval.
 *
 * A large input whose rows are in order already is a stream as it is.  What
 * lies between such inputs is sorted in memory, as much as fits at a time,
 * and goes to a temporary chunk with all its rows: nothing is rolled up
 * before the end, so that the result is that of a merge in memory to the last
 * bit.  Intervals that fit into memory are merged there, out of their part of
 * every stream; larger ones column by column (stream_order.c, feed.c).
 */
#include "common/port.h"

#include "segment/stream_int.h"

/* Memory that a stream takes while a column is merged, roughly. */
#define STREAM_BYTES	(256 * 1024)

/* Most that a tape keeps in memory. */
#define TAPE_BYTES		(256 * 1024)
#define TAPE_BYTES_MIN	1024

typedef struct Merger
{
	SiMerge    *m;
	SiStreams	st;
	uint64		row_bytes;
	uint64		budget;			/* of what is done in memory */
} Merger;

/* ----------------------------------------------------------- temporary chunks */

static bool
append_temp(void *arg, const void *data, size_t len)
{
	SiSpill    *s = arg;

	if (s->file == NULL && (s->file = s->temp->create(s->temp->arg)) == NULL)
		return false;
	s->size += len;
	return s->temp->append(s->file, data, len);
}

/* A byte source over a temporary file. */
typedef struct TempSource
{
	const SiTempFiles *temp;
	void	   *file;
} TempSource;

static bool
read_temp(void *arg, uint64 offset, void *buf, size_t len)
{
	TempSource *s = arg;

	return s->temp->read(s->file, offset, buf, len);
}

static SiStream *
add_stream(SiStreams *st)
{
	SiStream   *s;

	if (st->n == st->room)
	{
		st->room = st->room ? st->room * 2 : 32;
		st->streams = st->streams ? si_realloc(st->streams, sizeof(SiStream) * st->room) :
			si_alloc(sizeof(SiStream) * st->room);
	}
	s = &st->streams[st->n++];
	memset(s, 0, sizeof(*s));
	s->input = -1;
	return s;
}

/* The table as a run: a stream at the end of those that are. */
static bool
write_run(void *arg, const SiTable *t, int64 start, int64 end)
{
	SiStreams  *st = arg;
	SiSegmentError *err = st->m->err;
	SiSpill		spill = {st->spill.temp, NULL, 0, err};
	SiSink		sink = {append_temp, &spill};
	SiWriteOptions opt = {
		.dimension_codec = SI_CODEC_LZ4,
		.metric_codec = SI_CODEC_LZ4,
		.sort_dict = true,
		.sorted_rows = true,
		.interval_start = start,
		.interval_end = end
	};
	SiWriteResult result;
	SiByteSource src = {read_temp, palloc(sizeof(TempSource)), 0};
	SiStream   *s;
	bool		ok = si_segment_write(t, &opt, &sink, &result, err);

	if (!ok)
	{
		if (spill.file)
			si_spill_close(&spill);
		pfree(src.arg);
		return false;
	}
	((TempSource *) src.arg)->temp = spill.temp;
	((TempSource *) src.arg)->file = spill.file;
	src.size = result.bytes;
	s = add_stream(st);
	s->file = spill.file;
	s->source = src.arg;
	s->seg = si_segment_open(&src, NULL, err);
	return s->seg != NULL;
}

static void
close_stream(SiStreams *st, SiStream *s)
{
	if (s->seg && s->lent)
		s->seg->decoder = NULL;
	if (s->input >= 0)
		return;
	if (s->seg)
		si_segment_close(s->seg);
	if (s->file)
		st->spill.temp->close(s->file);
	if (s->source)
		pfree(s->source);
	s->seg = NULL;
	s->file = NULL;
	s->source = NULL;
}

/* ------------------------------------------------------------------- runs */

/* Whether the rows of an input are in the order of the merge, as they are to be. */
static bool
is_stream(const SiMerge *m, int input)
{
	const SiSegment *seg = m->inputs[input];
	int			c = 0;

	if (!seg->sorted_rows)
		return false;
	for (int i = 0; i < m->ncolumns; i++)
	{
		const SiColumnDesc *want = &m->columns[i].desc;
		int			number = m->columns[i].input_col[input];
		const SiColumnInfo *info = number < 0 ? NULL : &seg->columns[number].info;

		if (info == NULL)
			continue;
		if (info->desc.type != want->type ||
			(want->type == SI_TYPE_STRING && (!info->dict_sorted || info->desc.json != want->json)) ||
			(want->role == SI_ROLE_DIMENSION) != (info->desc.role == SI_ROLE_DIMENSION))
			return false;
	}
	/* its dimensions must come in the order of the merge's */
	for (int i = 1; i <= m->ndimensions; i++)
	{
		int			number = m->columns[i].input_col[input];

		if (number >= 0 && number <= c)
			return false;
		c = Max(c, number);
	}
	return true;
}

/* Merges rows first .. end - 1 of consecutive inputs into a run, in memory. */
static bool
make_run(Merger *r, int input, int ninputs, uint32 *first, uint32 *end)
{
	const SiMerge *m = r->m;
	SiMergeSpec spec = {0};
	SiMerge		sub = {
		.inputs = m->inputs + input, .ninputs = ninputs, .spec = &spec, .err = m->err,
		.first = first, .end = end, .ncolumns = m->ncolumns, .ndimensions = m->ndimensions, .ntimed = m->ntimed
	};
	bool		ok;

	for (int i = 0; i < ninputs; i++)
		sub.nrows += end[i] - first[i];
	if (sub.nrows == 0)
		return true;
	sub.columns = si_arena_alloc0(&sub.arena, sizeof(SiMergeColumn) * m->ncolumns);
	for (int c = 0; c < m->ncolumns; c++)
	{
		sub.columns[c].desc = m->columns[c].desc;
		sub.columns[c].input_col = m->columns[c].input_col + input;
		if (m->columns[c].input_times)
			sub.columns[c].input_times = m->columns[c].input_times + input;
	}
	ok = si_merge_in_memory(&sub, write_run, &r->st);
	if (!ok && m->err->input >= 0)
		m->err->input += input;
	si_arena_free(&sub.arena);
	return ok;
}

/* Inputs from .. end - 1 as one stream: as it is, or sorted. */
static bool
make_stream(Merger *r, int from, int end)
{
	SiMerge    *m = r->m;
	uint32	   *bounds;
	bool		ok;

	if (from == end)
		return true;
	if (end - from == 1 && is_stream(m, from))
	{
		SiStream   *s;

		if (m->inputs[from]->nrows == 0)
			return true;
		s = add_stream(&r->st);
		s->seg = m->inputs[from];
		s->input = from;
		return true;
	}
	bounds = palloc0(sizeof(uint32) * 2 * (end - from));
	for (int i = from; i < end; i++)
		bounds[end - from + i - from] = m->inputs[i]->nrows;
	ok = make_run(r, from, end - from, bounds, bounds + (end - from));
	pfree(bounds);
	return ok;
}

/* An input that is too large to be sorted at once. */
static bool
make_streams_of_parts(Merger *r, int input)
{
	SiSegment  *seg = r->m->inputs[input];
	uint32		rows = seg->nrows;
	uint32		first = 0;

	while (rows > SI_BLOCK_ROWS && si_merge_input_bytes(r->m, seg, rows, r->row_bytes) > r->budget)
		rows = rows / 2 + 1;
	while (first < seg->nrows)
	{
		uint32		end = Min(seg->nrows - first, rows) + first;

		if (!make_run(r, input, 1, &first, &end))
			return false;
		first = end;
	}
	return true;
}

static bool
make_streams(Merger *r)
{
	SiMerge    *m = r->m;
	uint64		pending_bytes = 0;
	int			pending = 0;	/* inputs pending .. i - 1 go into one run */

	for (int i = 0; i < m->ninputs; i++)
	{
		uint64		bytes = si_merge_input_bytes(m, m->inputs[i], m->inputs[i]->nrows, r->row_bytes);
		bool		alone = bytes > r->budget / 16 && is_stream(m, i);

		if (alone || pending_bytes + bytes > r->budget)
		{
			if (!make_stream(r, pending, i))
				return false;
			pending = i;
			pending_bytes = 0;
		}
		pending_bytes += bytes;
		if (alone || bytes > r->budget)
		{
			if (!(alone || is_stream(m, i) ? make_stream(r, i, i + 1) : make_streams_of_parts(r, i)))
				return false;
			pending = i + 1;
			pending_bytes = 0;
		}
	}
	return make_stream(r, pending, m->ninputs);
}

/* ---------------------------------------------------------------- sections */

/* Where the columns of the plan are in each stream, and all that reading needs. */
static void
prepare(SiStreams *st)
{
	SiMerge    *m = st->m;

	st->number = si_arena_alloc(&st->arena, sizeof(int *) * m->ncolumns);
	st->times = si_arena_alloc0(&st->arena, sizeof(int *) * m->ncolumns);
	st->dicts = si_arena_alloc0(&st->arena, sizeof(SiMergedDict) * m->ncolumns);
	st->decoder = si_arena_alloc(&st->arena, sizeof(SiDecoder));
	for (int c = 0; c < m->ncolumns; c++)
	{
		const SiMergeColumn *col = &m->columns[c];

		st->number[c] = si_arena_alloc(&st->arena, sizeof(int) * st->n);
		if (col->input_times)
			st->times[c] = si_arena_alloc(&st->arena, sizeof(int) * st->n);
		for (int i = 0; i < st->n; i++)
		{
			SiStream   *s = &st->streams[i];
			int			number = s->input >= 0 ? col->input_col[s->input] : si_segment_find_column(s->seg, col->desc.name);

			st->number[c][i] = number;
			if (col->input_times == NULL)
				continue;
			if (s->input >= 0)
				st->times[c][i] = col->input_times[s->input];
			else
				st->times[c][i] = number + 1 < s->seg->ncolumns &&
					s->seg->columns[number + 1].info.desc.role == SI_ROLE_TIMES ? number + 1 : -1;
		}
	}
	st->readers = si_arena_alloc(&st->arena, sizeof(SiColumnReader *) * st->n);
	if (m->ntimed > 0)
		st->times_readers = si_arena_alloc(&st->arena, sizeof(SiColumnReader *) * st->n);
	for (int i = 0; i < st->n; i++)
	{
		SiStream   *s = &st->streams[i];

		st->readers[i] = si_arena_alloc0(&st->arena, sizeof(SiColumnReader));
		if (st->times_readers)
			st->times_readers[i] = si_arena_alloc0(&st->arena, sizeof(SiColumnReader));
		s->first = s->end = 0;
		s->lent = s->seg->decoder == NULL;
		if (s->lent)
			s->seg->decoder = st->decoder;
	}
}

/* Gives back what prepare() and merging have taken, and the streams. */
static void
finish(SiStreams *st)
{
	for (int c = 0; st->dicts && c < st->m->ncolumns; c++)
		if (st->dicts[c].made)
		{
			si_tape_free(&st->dicts[c].lengths);
			si_tape_free(&st->dicts[c].text);
			si_tape_free(&st->dicts[c].members);
		}
	for (int i = 0; i < st->n; i++)
		close_stream(st, &st->streams[i]);
	if (st->streams)
		pfree(st->streams);
	si_spill_close(&st->spill);
	si_arena_free(&st->arena);
	st->streams = NULL;
	st->dicts = NULL;
	st->n = st->room = 0;
}

/* Merges the section column by column. */
static bool
merge_section(SiStreams *st, bool rollup, uint64 max_rows, int64 start_time, int64 end_time,
			  SiMergeOutput output, void *arg)
{
	SiTape		order;
	SiSpill		spill;
	bool		ok = si_streams_order(st, rollup, start_time, end_time, &order, &spill) &&
		si_streams_emit(st, &order, rollup, max_rows, start_time, end_time, output, arg);

	si_tape_free(&order);
	si_spill_close(&spill);
	return ok;
}

/* Merges the section in memory: whole intervals of it. */
static bool
merge_section_in_memory(SiStreams *st, SiMergeOutput output, void *arg)
{
	const SiMerge *m = st->m;
	SiMerge		sub = {
		.ninputs = st->n, .spec = m->spec, .err = m->err,
		.ncolumns = m->ncolumns, .ndimensions = m->ndimensions, .ntimed = m->ntimed
	};
	bool		ok;

	sub.inputs = si_arena_alloc(&sub.arena, sizeof(SiSegment *) * st->n);
	sub.first = si_arena_alloc(&sub.arena, sizeof(uint32) * st->n);
	sub.end = si_arena_alloc(&sub.arena, sizeof(uint32) * st->n);
	sub.columns = si_arena_alloc0(&sub.arena, sizeof(SiMergeColumn) * m->ncolumns);
	for (int i = 0; i < st->n; i++)
	{
		sub.inputs[i] = st->streams[i].seg;
		sub.first[i] = st->streams[i].first;
		sub.end[i] = st->streams[i].end;
		sub.nrows += sub.end[i] - sub.first[i];
	}
	for (int c = 0; c < m->ncolumns; c++)
	{
		sub.columns[c].desc = m->columns[c].desc;
		sub.columns[c].input_col = st->number[c];
		sub.columns[c].input_times = st->times[c];
	}
	m->err->input = -1;
	ok = si_merge_in_memory(&sub, output, arg);
	if (!ok && m->err->input >= 0)
		m->err->input = st->streams[m->err->input].input;
	si_arena_free(&sub.arena);
	return ok;
}

static uint64
section_bytes(const Merger *r)
{
	const SiStreams *st = &r->st;
	uint64		bytes = 0;

	for (int i = 0; i < st->n; i++)
		if (st->streams[i].end > st->streams[i].first)
			bytes += si_merge_input_bytes(r->m, st->streams[i].seg, st->streams[i].end - st->streams[i].first,
										  r->row_bytes);
	return bytes;
}

/* The first time that is left in any stream; false on an error. */
static bool
next_time(SiStreams *st, bool *any, int64 *time)
{
	*any = false;
	for (int i = 0; i < st->n; i++)
	{
		SiColumnReader *r = st->readers[i];

		if (r->row == st->streams[i].seg->nrows)
			continue;
		if (!si_reader_ready(st, r))
			return false;
		if (!*any || (int64) r->values[r->row - r->first] < *time)
			*time = (int64) r->values[r->row - r->first];
		*any = true;
	}
	return true;
}

/* Moves every reader behind the rows before end. */
static bool
skip_before(SiStreams *st, int64 end)
{
	for (int i = 0; i < st->n; i++)
	{
		SiColumnReader *r = st->readers[i];
		uint32		nrows = st->streams[i].seg->nrows;

		while (r->row < nrows)
		{
			const uint64 *v = r->values;
			uint32		at;
			uint32		n;

			if (!si_reader_ready(st, r))
				return false;
			n = r->end - r->first;
			for (at = r->row - r->first; at < n && ((int64) v[at] < end || end == PG_INT64_MAX); at++)
				;
			r->row = r->first + at;
			if (at < n)
				break;
		}
	}
	return true;
}

/* Ends the section before rows that the readers are at. */
static void
set_ends(SiStreams *st, const uint32 *rows)
{
	for (int i = 0; i < st->n; i++)
		st->streams[i].end = rows[i];
}

static void
start_after(SiStreams *st)
{
	for (int i = 0; i < st->n; i++)
		st->streams[i].first = st->streams[i].end;
}

/* As many of the next intervals as fit into memory, at least one; *any: there was one. */
static bool
merge_intervals(Merger *r, SiMergeOutput output, void *arg, bool *any)
{
	SiStreams  *st = &r->st;
	const SiMergeSpec *spec = r->m->spec;
	uint32	   *rows = palloc(sizeof(uint32) * st->n);
	int64		start_time = 0;
	int64		end_time = 0;
	int			nintervals = 0;
	bool		fits = true;
	bool		large = false;	/* a single interval, too large for memory */
	bool		ok;

	ok = si_readers_open(st, st->readers, 0, false, SI_READ_VALUES);
	while (ok && fits)
	{
		int64		time = 0;
		int64		start,
					end;
		bool		left;

		ok = next_time(st, &left, &time);
		if (!ok || !left)
			break;
		start = si_granularity_bucket_start(spec->split, time);
		end = si_granularity_bucket_end(spec->split, start);
		for (int i = 0; i < st->n; i++)
			rows[i] = st->readers[i]->row;
		ok = skip_before(st, end);
		for (int i = 0; i < st->n; i++)
			st->streams[i].end = st->readers[i]->row;
		fits = section_bytes(r) <= r->budget;
		if (!fits && nintervals > 0)
			set_ends(st, rows);
		else
		{
			large = !fits;
			start_time = start;
			end_time = end;
			nintervals++;
		}
	}
	si_readers_close(st, st->readers);
	pfree(rows);
	*any = nintervals > 0;
	if (!ok || nintervals == 0)
		return ok;
	if (large)
		ok = merge_section(st, spec->rollup, spec->max_rows, start_time, end_time, output, arg);
	else
		ok = merge_section_in_memory(st, output, arg);
	start_after(st);
	return ok;
}

/* ------------------------------------------------------------------- merge */

/* Streams from .. end - 1 of old become one. */
static bool
join_streams(Merger *r, const SiStream *old, int from, int end)
{
	SiStreams	sub = {
		.m = r->m, .memory = r->st.memory, .tape_room = r->st.tape_room, .spill = {r->st.spill.temp, NULL, 0, r->m->err}
	};
	bool		ok;

	for (int i = from; i < end; i++)
		*add_stream(&sub) = old[i];
	prepare(&sub);
	for (int i = 0; i < sub.n; i++)
		sub.streams[i].end = sub.streams[i].seg->nrows;
	ok = merge_section(&sub, false, 0, PG_INT64_MIN, PG_INT64_MAX, write_run, &r->st);
	finish(&sub);
	return ok;
}

/* More streams than memory has room for become fewer. */
static bool
limit_streams(Merger *r)
{
	int			most = (int) Min(Max(r->st.memory / 4 / STREAM_BYTES, 4), SI_MAX_STREAMS);
	bool		ok = true;

	while (ok && r->st.n > most)
	{
		SiStream   *old = r->st.streams;
		int			n = r->st.n;
		int			from;

		r->st.streams = NULL;
		r->st.n = r->st.room = 0;
		for (from = 0; from < n && ok; from += most)
		{
			if (from == n - 1)
				*add_stream(&r->st) = old[from];
			else
				ok = join_streams(r, old, from, Min(from + most, n));
		}
		for (; from < n; from++)
			close_stream(&r->st, &old[from]);
		pfree(old);
	}
	return ok;
}

bool
si_merge_streams(SiMerge *m, SiMergeOutput output, void *arg)
{
	const SiMergeSpec *spec = m->spec;
	Merger	   *r = palloc0(sizeof(Merger));
	SiStreams  *st = &r->st;
	bool		any = true;
	bool		ok;

	r->m = m;
	r->row_bytes = si_merge_row_bytes(m);
	r->budget = spec->memory / 4 * 3;
	st->m = m;
	st->memory = spec->memory;
	st->tape_room = Min(Max(spec->memory / 512, TAPE_BYTES_MIN), TAPE_BYTES);
	st->spill.temp = spec->temp;
	st->spill.err = m->err;
	m->err->text[0] = '\0';
	ok = make_streams(r) && limit_streams(r);
	if (ok && st->n > 0)
	{
		prepare(st);
		if (spec->split == NULL)
		{
			for (int i = 0; i < st->n; i++)
				st->streams[i].end = st->streams[i].seg->nrows;
			ok = merge_section(st, spec->rollup, spec->max_rows, PG_INT64_MIN, PG_INT64_MAX, output, arg);
		}
		else
			while (ok && any)
				ok = merge_intervals(r, output, arg, &any);
	}
	finish(st);
	pfree(r);
	return ok;
}
