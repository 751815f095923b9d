/*
 * supervisor_status.c
 *		What the overlord tells the views: one row per supervisor, written
 *		only when it has changed.
 */
#include "postgres.h"

#include "common/clock.h"
#include "common/granularity.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/supervisor.h"

/* Offsets that moved and nothing else: written at most this often. */
#define OFFSETS_MS	1000

/* Messages were cut to fit, perhaps in the middle of a character. */
static char *
whole_characters(const char *text)
{
	int			len = strlen(text);

	return pnstrdup(text, pg_encoding_verifymbstr(PG_UTF8, text, len));
}

/* The newest errors first, with Druid's fields. */
static char *
recent_errors(const SiStateMachine *m)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	for (int i = m->nerrors - 1; i >= 0; i--)
	{
		const SiStateError *e = &m->errors[i];
		char		when[40];

		si_time_print(e->at, when, sizeof(when));
		appendStringInfo(&buf, "%s{\"timestamp\":\"%s\",\"exceptionClass\":", i == m->nerrors - 1 ? "" : ",", when);
		escape_json(&buf, e->class_name);
		appendStringInfoString(&buf, ",\"message\":");
		escape_json(&buf, whole_characters(e->message));
		appendStringInfo(&buf, ",\"streamException\":%s}", e->stream ? "true" : "false");
	}
	appendStringInfoChar(&buf, ']');
	return buf.data;
}

static uint64
hash_text(const char *text, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) text, strlen(text), seed);
}

static uint64
row_hash(const SiStatusRow *row)
{
	uint64		h = hash_text(row->detailed_state, 1);

	h = hash_text(row->note ? row->note : "", h);
	h = hash_text(row->recent_errors, h);
	if (row->npartitions > 0)
	{
		h = hash_bytes_extended((const unsigned char *) row->partitions, row->npartitions * sizeof(int32), h);
		h = hash_bytes_extended((const unsigned char *) row->low, row->npartitions * sizeof(int64), h);
		h = hash_bytes_extended((const unsigned char *) row->high, row->npartitions * sizeof(int64), h);
	}
	return h;
}

static void
fill_row(SiSupervisor *s, SiStatusRow *row)
{
	SiStateKind state = s->machine.state;

	memset(row, 0, sizeof(*row));
	row->supervisor_id = s->row.id;
	row->state = si_state_name(si_state_basic(state));
	row->detailed_state = si_state_name(state);
	row->healthy = si_state_healthy(state);
	row->note = s->note[0] ? whole_characters(s->note) : NULL;
	row->recent_errors = recent_errors(&s->machine);
	if (s->ends_known)
	{
		row->npartitions = s->ends.npartitions;
		row->partitions = s->ends.partitions;
		row->low = s->ends.low;
		row->high = s->ends.high;
		row->offsets_updated = s->ends_at;
	}
}

typedef struct Changes
{
	List	   *rows;			/* of SiStatusRow */
	MemoryContext context;
} Changes;

static void
write_rows(void *arg)
{
	Changes    *c = arg;
	ListCell   *lc;

	si_catalog_begin(c->context);
	foreach(lc, c->rows)
		si_catalog_put_status(lfirst(lc));
	si_catalog_commit();
}

void
si_publish_status(List *supervisors)
{
	Changes		c = {NIL, CurrentMemoryContext};
	List	   *written = NIL;
	TimestampTz now = si_now();
	ListCell   *lc;

	foreach(lc, supervisors)
	{
		SiSupervisor *s = lfirst(lc);
		SiStatusRow *row;
		uint64		hash;

		if (s->gone || !TimestampDifferenceExceeds(s->published_at, now, OFFSETS_MS))
			continue;
		row = palloc(sizeof(SiStatusRow));
		fill_row(s, row);
		hash = row_hash(row);
		/* that nothing has changed is news for a fence */
		if ((uint64) now < pg_atomic_read_u64(&si_shmem->fence_until_us))
			hash ^= (uint64) row->offsets_updated;
		if (hash == s->published_hash)
			continue;
		s->published_hash = hash;
		s->published_at = now;
		c.rows = lappend(c.rows, row);
		written = lappend(written, s);
	}
	if (c.rows == NIL || si_guard(write_rows, &c, "writing of supervisor status", NULL, NULL, 0))
		return;
	foreach(lc, written)
		((SiSupervisor *) lfirst(lc))->published_hash = 0;
}
