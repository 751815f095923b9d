/*
 * filter.c
 *		Evaluation of pushed conditions on chunks, blocks and rows.
 *
 * Order matters: the forms that cannot raise an error run first, then the
 * conditions that PostgreSQL's executor evaluates on dictionary entries, in
 * the order the planner gave them, each only for rows that are still
 * selected.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "query/filter.h"
#include "utils/memutils.h"

/* More matching codes than this: decoding the column beats merging bitmaps. */
#define MAX_BITMAPS 64

/* Memo of a condition on a dictionary entry. */
enum
{
	MEMO_UNKNOWN = 0,
	MEMO_FALSE,
	MEMO_TRUE
};

SiFilters *
si_filters_init(List *conditions, Index relid, PlanState *parent, Relation rel,
				const int *column_of, const SiAttribute *atts)
{
	SiFilters  *fs = palloc0(sizeof(SiFilters));
	ListCell   *lc;

	fs->filters = palloc0(Max(list_length(conditions), 1) * sizeof(SiFilter));
	fs->value_cxt = AllocSetContextCreate(CurrentMemoryContext, "stream_ingest values",
										  ALLOCSET_SMALL_SIZES);
	fs->econtext = CreateExprContext(parent->state);
	fs->slot = ExecInitExtraTupleSlot(parent->state, RelationGetDescr(rel), &TTSOpsVirtual);
	ExecStoreAllNullTuple(fs->slot);

	/* two passes put the conditions that may raise an error last */
	for (int pass = 0; pass < 2; pass++)
	{
		foreach(lc, conditions)
		{
			SiFilter   *f;
			SiPush		push;

			if (si_shippable(lfirst(lc), relid, &push) == SI_PUSH_NONE)
				elog(ERROR, "pushed condition is not shippable");
			if ((push.kind == SI_PUSH_DICT) != (pass == 1))
				continue;
			f = &fs->filters[fs->n++];
			f->push = push;
			f->column = column_of[f->push.attno];
			f->type = atts[f->column].type;
			f->is_time = f->type == SI_TYPE_TIME &&
				strcmp(atts[f->column].name, SI_TIME_COLUMN) == 0;
			if (f->push.kind == SI_PUSH_DICT)
			{
				f->condition = ExecInitExpr(f->push.clause, parent);
				si_like_pattern_init(&f->like, f->push.clause);
			}
			else if (f->push.value != NULL)
				f->value = ExecInitExpr(f->push.value, parent);
		}
	}
	return fs;
}

/* ------------------------------------------------------------- execution */

/* False when the filter lets no row pass. */
static bool
evaluate_value(SiFilter *f, ExprContext *econtext)
{
	bool		isnull;
	Datum		value;

	if (f->value == NULL)
		return true;
	/* our operators are strict */
	value = ExecEvalExpr(f->value, econtext, &isnull);
	if (isnull)
		return false;

	switch (f->push.kind)
	{
		case SI_PUSH_RANGE:
			f->range = si_value_range(f->type, f->push.strategy, f->push.value_type, value);
			return f->push.negate || f->range.lo <= f->range.hi;
		case SI_PUSH_KEYS:
			f->nkeys = si_value_keys(f->type, &f->push, value, &f->keys);
			if (f->nkeys == 0)
				return false;
			f->range.lo = f->keys[0];
			f->range.hi = f->keys[f->nkeys - 1];
			if (f->type == SI_TYPE_TIME && f->range.lo < SI_MIN_MS)
				f->range.lo = PG_INT64_MIN;
			if (f->type == SI_TYPE_TIME && f->range.hi > SI_MAX_MS)
				f->range.hi = PG_INT64_MAX;
			return true;
		default:
			Assert(f->push.kind == SI_PUSH_STRINGS);
			f->nstrings = si_value_strings(&f->push, value, &f->strings);
			return f->nstrings > 0;
	}
}

bool
si_filters_evaluate(SiFilters *fs, SiKeyRange *time)
{
	MemoryContext old;
	bool		possible = true;

	time->lo = PG_INT64_MIN;
	time->hi = PG_INT64_MAX;
	MemoryContextReset(fs->value_cxt);
	old = MemoryContextSwitchTo(fs->value_cxt);
	for (int i = 0; i < fs->n && possible; i++)
	{
		SiFilter   *f = &fs->filters[i];

		possible = evaluate_value(f, fs->econtext);
		if (possible && f->is_time && f->value != NULL && !f->push.negate)
		{
			time->lo = Max(time->lo, f->range.lo);
			time->hi = Min(time->hi, f->range.hi);
		}
	}
	MemoryContextSwitchTo(old);
	ResetExprContext(fs->econtext);
	return possible && time->lo <= time->hi;
}

/* ---------------------------------------------------------- whole chunks */

/* What null count, min and max say about a filter. */
static SiVerdict
verdict_of_stats(const SiFilter *f, const SiColumnStats *stats, uint32 rows)
{
	int64		min,
				max;

	if (f->push.kind == SI_PUSH_NULLTEST)
	{
		if (stats->null_count == 0)
			return f->push.negate ? SI_ALL : SI_NO_ROW;
		if (stats->null_count == rows)
			return f->push.negate ? SI_NO_ROW : SI_ALL;
		return SI_SOME;
	}
	if (f->push.kind == SI_PUSH_DICT)
		return SI_SOME;
	if (stats->null_count == rows)
		return SI_NO_ROW;
	if (f->push.kind == SI_PUSH_STRINGS || !stats->has_minmax)
		return SI_SOME;

	if (f->type == SI_TYPE_FLOAT || f->type == SI_TYPE_DOUBLE)
	{
		min = si_double_key(stats->min.d);
		max = si_double_key(stats->max.d);
	}
	else
	{
		min = stats->min.i;
		max = stats->max.i;
	}
	if (max < f->range.lo || min > f->range.hi)
		return !f->push.negate ? SI_NO_ROW : stats->null_count == 0 ? SI_ALL : SI_SOME;
	if (f->push.kind == SI_PUSH_RANGE && min >= f->range.lo && max <= f->range.hi)
		return f->push.negate ? SI_NO_ROW : stats->null_count == 0 ? SI_ALL : SI_SOME;
	return SI_SOME;
}

/* Entry of a dictionary as a byte string. */
static SiBytes
dict_entry(const SiDict *dict, uint32 entry)
{
	SiBytes		b;

	b.ptr = dict->bytes + dict->offsets[entry];
	b.len = dict->offsets[entry + 1] - dict->offsets[entry];
	return b;
}

/* Notes that a code matches. */
static void
add_code(SiFilter *f, const SiDict *dict, uint32 code)
{
	if (f->match == NULL)
		f->match = palloc0((Size) dict->count + 1);
	f->match[code] = 1;
	f->code = code;
	f->ncodes++;
}

/*
 * find_codes looks the strings of the filter up in a dictionary: each string
 * by binary search when the dictionary is sorted, else each entry among the
 * (sorted) strings.
 */
static void
find_codes(SiFilter *f, const SiDict *dict)
{
	f->ncodes = 0;
	f->match = NULL;
	if (!dict->sorted)
	{
		for (uint32 e = 0; e < dict->count; e++)
		{
			SiBytes		entry = dict_entry(dict, e);

			if (f->nstrings == 1 ?
				entry.len == f->strings[0].len && memcmp(entry.ptr, f->strings[0].ptr, entry.len) == 0 :
				bsearch(&entry, f->strings, f->nstrings, sizeof(SiBytes), si_bytes_compare) != NULL)
				add_code(f, dict, e + 1);
		}
		return;
	}
	for (int i = 0; i < f->nstrings; i++)
	{
		uint32		lo = 0,
					hi = dict->count;

		while (lo < hi)
		{
			uint32		mid = lo + (hi - lo) / 2;
			SiBytes		entry = dict_entry(dict, mid);

			if (si_bytes_compare(&entry, &f->strings[i]) < 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo < dict->count)
		{
			SiBytes		entry = dict_entry(dict, lo);

			if (si_bytes_compare(&entry, &f->strings[i]) == 0)
				add_code(f, dict, lo + 1);
		}
	}
}

/* Reads the bitmaps of the codes found into one selection for the whole chunk. */
static void
read_bitmaps(SiFilters *fs, SiFilter *f, SiChunkReader *r, const SiDict *dict)
{
	SiSegmentError err = {0};

	f->rows = palloc0(si_bitmap_words(r->rows) * sizeof(uint64));
	for (uint32 code = 1; code <= dict->count; code++)
	{
		/* with one code there is nothing to search for */
		if (f->ncodes == 1)
			code = f->code;
		if (f->match[code])
		{
			if (!si_segment_bitmap_or(r->seg, r->columns[f->column].col, code, f->rows, &err))
				si_chunk_corrupt(r->relname, r->chunk, &err);
			fs->counts.bitmaps++;
		}
		if (f->ncodes == 1)
			break;
	}
}

/* The verdict on a chunk for one filter, and what the filter keeps for it. */
static SiVerdict
open_filter(SiFilters *fs, SiFilter *f, SiChunkReader *r)
{
	SiChunkColumn *c = &r->columns[f->column];
	SiVerdict	verdict;

	f->match = NULL;
	f->rows = NULL;
	if (c->col < 0)
	{
		/* all null */
		if (f->push.kind == SI_PUSH_NULLTEST)
			return f->push.negate ? SI_NO_ROW : SI_ALL;
		return f->push.kind == SI_PUSH_DICT ? SI_SOME : SI_NO_ROW;
	}
	if (!c->native)
		return SI_SOME;

	verdict = verdict_of_stats(f, &c->info->stats, r->rows);
	if (verdict != SI_SOME)
		return verdict;
	if (f->push.kind == SI_PUSH_STRINGS)
	{
		const SiDict *dict = si_chunk_dict(r, f->column);

		find_codes(f, dict);
		if (f->ncodes == 0)
			return SI_NO_ROW;
		if (c->info->has_bitmaps && f->ncodes <= MAX_BITMAPS)
			read_bitmaps(fs, f, r, dict);
	}
	return SI_SOME;
}

bool
si_filters_open_chunk(SiFilters *fs, SiChunkReader *r)
{
	MemoryContext old = MemoryContextSwitchTo(r->chunk_cxt);
	bool		possible = true;

	for (int i = 0; i < fs->n && possible; i++)
	{
		SiFilter   *f = &fs->filters[i];

		f->verdict = open_filter(fs, f, r);
		possible = f->verdict != SI_NO_ROW;
	}
	MemoryContextSwitchTo(old);
	return possible;
}

/* ---------------------------------------------------------------- blocks */

/* The words of a whole-chunk selection that belong to a block. */
static const uint64 *
block_words(const uint64 *rows, int block)
{
	return rows + (Size) block * SI_BLOCK_WORDS;
}

bool
si_filters_check_block(SiFilters *fs, SiChunkReader *r, int block)
{
	uint32		rows = si_segment_block_rows(r->seg, block);

	for (int i = 0; i < fs->n; i++)
	{
		SiFilter   *f = &fs->filters[i];
		const SiColumnStats *stats;

		if (f->verdict != SI_SOME || f->push.kind == SI_PUSH_DICT)
			continue;
		if (f->rows != NULL && !si_bitmap_any(block_words(f->rows, block), rows))
			return false;
		stats = si_chunk_block_stats(r, f->column, block);
		if (stats != NULL && verdict_of_stats(f, stats, rows) == SI_NO_ROW)
			return false;
	}
	return true;
}

static void
apply_strings(SiFilter *f, SiChunkReader *r, uint64 *selection)
{
	const SiVector *vec;

	if (f->rows != NULL)
	{
		const uint64 *words = block_words(f->rows, r->block);

		for (int w = 0; w < si_bitmap_words(r->block_rows); w++)
			selection[w] &= words[w];
		return;
	}

	vec = si_chunk_load(r, f->column);
	if (!r->columns[f->column].native)
	{
		/* texts made from other types: every block has its own */
		MemoryContext old = MemoryContextSwitchTo(r->block_cxt);

		find_codes(f, vec->dict);
		MemoryContextSwitchTo(old);
	}
	if (f->ncodes == 0)
		memset(selection, 0, si_bitmap_words(r->block_rows) * sizeof(uint64));
	else if (f->ncodes == 1)
		si_select_code(vec, r->block_rows, f->code, selection);
	else
		si_select_match(vec, r->block_rows, f->match, 1, selection);
}

/* The executor's answer for one dictionary entry (code 0: null). */
static uint8
evaluate_entry(SiFilters *fs, SiFilter *f, SiChunkReader *r, uint32 code)
{
	int			i = f->push.attno - 1;
	bool		isnull;
	Datum		result;

	fs->counts.evaluations++;
	if (f->like.text != NULL)
	{
		const SiDict *dict = r->columns[f->column].vec.dict;

		return code != 0 &&
			si_like_pattern_matches(&f->like, dict->bytes + dict->offsets[code - 1],
									(uint32) (dict->offsets[code] - dict->offsets[code - 1])) ?
			MEMO_TRUE : MEMO_FALSE;
	}
	CHECK_FOR_INTERRUPTS();
	fs->slot->tts_isnull[i] = code == 0;
	fs->slot->tts_values[i] = code == 0 ? (Datum) 0 : si_chunk_text(r, f->column, code);
	fs->econtext->ecxt_scantuple = fs->slot;
	result = ExecEvalExprSwitchContext(f->condition, fs->econtext, &isnull);
	/* other conditions expect the slot all null */
	fs->slot->tts_isnull[i] = true;
	ResetExprContext(fs->econtext);
	return !isnull && DatumGetBool(result) ? MEMO_TRUE : MEMO_FALSE;
}

/*
 * apply_condition asks the memo for every selected row, and the executor for
 * entries that the memo does not know yet.
 */
static void
apply_condition(SiFilters *fs, SiFilter *f, SiChunkReader *r, uint32 selected, uint64 *selection)
{
	const SiVector *vec = si_chunk_load(r, f->column);
	bool		native = r->columns[f->column].native;

	if (!native || f->match == NULL)
	{
		f->complete = false;
		f->match = MemoryContextAllocExtended(native ? r->chunk_cxt : r->block_cxt,
											  (Size) vec->dict->count + 1,
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		/* a pattern raises no error, so that entries of other rows may be looked at */
		if (f->like.text != NULL && selected >= r->block_rows / 4)
		{
			si_like_pattern_all(&f->like, vec->dict, MEMO_TRUE, MEMO_FALSE, f->match);
			f->match[0] = MEMO_FALSE;
			f->complete = true;
			fs->counts.evaluations += vec->dict->count;
		}
	}
	if (f->complete)
	{
		si_select_match(vec, r->block_rows, f->match, MEMO_TRUE, selection);
		return;
	}
	for (int w = 0; w < si_bitmap_words(r->block_rows); w++)
	{
		for (uint64 live = selection[w]; live != 0; live &= live - 1)
		{
			int			b = pg_rightmost_one_pos64(live);
			uint32		code = vec->v.codes[w * 64 + b];

			if (f->match[code] == MEMO_UNKNOWN)
				f->match[code] = evaluate_entry(fs, f, r, code);
			if (f->match[code] == MEMO_FALSE)
				selection[w] &= ~(UINT64CONST(1) << b);
		}
	}
}

/* Applies one filter to the current block. */
static void
apply_filter(SiFilters *fs, SiFilter *f, SiChunkReader *r, uint32 selected, uint64 *selection)
{
	const SiColumnStats *stats;

	if (f->push.kind == SI_PUSH_STRINGS)
	{
		apply_strings(f, r, selection);
		return;
	}
	if (f->push.kind == SI_PUSH_DICT)
	{
		apply_condition(fs, f, r, selected, selection);
		return;
	}

	stats = si_chunk_block_stats(r, f->column, r->block);
	if (stats != NULL && verdict_of_stats(f, stats, r->block_rows) == SI_ALL)
		return;
	if (f->push.kind == SI_PUSH_NULLTEST)
		si_select_null(si_chunk_load(r, f->column), r->block_rows, !f->push.negate, selection);
	else if (f->push.kind == SI_PUSH_KEYS)
		si_select_keys(si_chunk_load(r, f->column), r->block_rows, f->keys, f->nkeys, selection);
	else
		si_select_range(si_chunk_load(r, f->column), r->block_rows, f->range.lo, f->range.hi,
						f->push.negate, selection);
}

bool
si_filters_pass_times(const SiFilters *fs, int64 min_ms, int64 max_ms)
{
	for (int i = 0; i < fs->n; i++)
	{
		const SiFilter *f = &fs->filters[i];

		if (!f->is_time || f->push.kind != SI_PUSH_RANGE || f->push.negate ||
			min_ms < f->range.lo || max_ms > f->range.hi)
			return false;
	}
	return true;
}

bool
si_filters_pass_chunk(const SiFilters *fs)
{
	for (int i = 0; i < fs->n; i++)
	{
		if (fs->filters[i].verdict != SI_ALL)
			return false;
	}
	return true;
}

uint32
si_filters_apply(SiFilters *fs, SiChunkReader *r, uint64 *selection)
{
	si_bitmap_fill(selection, r->block_rows);
	return si_filters_select(fs, r, r->block_rows, selection);
}

uint32
si_filters_select(SiFilters *fs, SiChunkReader *r, uint32 selected, uint64 *selection)
{
	for (int i = 0; i < fs->n && selected > 0; i++)
	{
		SiFilter   *f = &fs->filters[i];
		uint32		before = selected;

		if (f->verdict == SI_ALL)
			continue;
		apply_filter(fs, f, r, selected, selection);
		selected = si_bitmap_count(selection, r->block_rows);
		fs->counts.rows_removed += before - selected;
		if (f->push.kind == SI_PUSH_STRINGS || f->push.kind == SI_PUSH_DICT)
			fs->counts.rows_removed_by_dictionary += before - selected;
	}
	return selected;
}
