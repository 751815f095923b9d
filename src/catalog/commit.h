/*
 * commit.h
 *		The commit transaction of a reading task: offsets, chunk, counters and
 *		rejected messages change together or not at all.
 */
#ifndef SI_CATALOG_COMMIT_H
#define SI_CATALOG_COMMIT_H

#include "postgres.h"

#include "catalog/counters.h"
#include "common/stream.h"
#include "segment/segment.h"
#include "storage/itemptr.h"

/* How to query a column with cells of several values. */
#define SI_MULTI_HINT \
	"Use mv_contains(column, value) and unnest(mv_to_array(column)), or declare the dimension with \"multiValueType\": \"array\"."

/* A task group as it was last committed: what the next commit compares with. */
typedef struct SiGroup
{
	const char *supervisor_id;
	int			group_id;
	int64		data_source_id;
	int64		spec_version;	/* of the spec it is read by; the reader sets it */
	uint8		install[SI_UUID_LEN];
	char	   *topic;			/* or pattern of topics */
	int			nstreams;
	SiStream   *streams;		/* the topics of the data source */
	int			npartitions;
	int32	   *partitions;		/* see common/stream.h */
	int64	   *offsets;		/* next offset to read of each partition */
	int64	   *records;		/* messages read of each since they were dealt out */
	int64	   *stops;			/* of a bounded stream, otherwise NULL: where each ends */
	int64	   *chunk_offsets;	/* where the next chunk's ranges begin */
	int64		next_seq;
	SiCounters	counters;
	SiCounters	chunk_counters; /* at the last chunk */
	char	   *halted;			/* NULL unless reading has ended */
	ItemPointerData tid;		/* where the row was, a hint */
} SiGroup;

typedef struct SiRejected
{
	int32		partition;
	int64		offset;
	const char *error_type;		/* "unparseable", "processedWithError" */
	const char *reason;
	const char **more_reasons;	/* what else is wrong in it */
	int			nmore_reasons;
	const char *payload;
	int64		payload_bytes;	/* length of the message */
	int			payload_kept;	/* bytes of it that are kept */
} SiRejected;

/* Rejected messages of one partition that are only counted. */
typedef struct SiDropped
{
	int64		messages;
	int64		first_offset;
	int64		last_offset;
} SiDropped;

/* A dimension that is new, or got a wider type. */
typedef struct SiDiscovered
{
	const char *name;
	const char *type;			/* Druid's name: string, long, double, json */
} SiDiscovered;

typedef struct SiCommit
{
	const int64 *offsets;		/* new, one per partition of the group */
	const int64 *records;		/* new totals, the same */
	const SiCounters *counters; /* new totals */
	const char *halted;			/* NULL, or why the group stops here */

	/* the chunk, when rows > 0 */
	int64		rows;
	int64		bytes;
	int64		min_ms;
	int64		max_ms;
	const char *file;			/* name, or NULL: inline */
	const char *data;
	Size		data_len;

	/* of messages that were parsed again: the chunk has no offsets, and these leave rejected_message */
	bool		requeue;
	int			nrequeued;
	const int64 *requeued;

	int			nrejected;
	const SiRejected *rejected;
	const SiDropped *dropped;	/* one per partition of the group */
	int			ndiscovered;
	const SiDiscovered *discovered;
	int			nmulti;
	const char *const *multi;	/* names of text columns with cells of several values */
} SiCommit;

/*
 * Reads a task group, allocating in CurrentMemoryContext.  False when there
 * is no such row of this install.  Also makes sure that its level-0 tier row
 * exists.  Runs in a transaction of its own.
 */
extern bool si_group_load(const char *supervisor_id, int group_id, SiGroup *g);

/*
 * Commits.  On success g is what is now committed.  False: the offsets are
 * no longer what g says (a race was lost, or the group is gone); nothing was
 * changed and the rows must be dropped.  Anything else is an ERROR.
 */
extern bool si_group_commit(SiGroup *g, const SiCommit *c);

/* Rows and payload bytes that rejected_message holds of a supervisor. */
extern void si_rejected_load(const char *supervisor_id, int64 *rows, int64 *bytes);

/* Message time bounds of the running task of the group (MIN / MAX: none). */
extern void si_group_message_bounds(const SiGroup *g, int64 *min_ms, int64 *max_ms);

/* A number for a worker run, from stream_ingest.run_id_seq. */
extern int64 si_next_run_id(void);

/* The spec in force of a supervisor, palloc'ed, and its version; NULL when there is none. */
extern char *si_supervisor_spec(const char *supervisor_id, int64 *version);
/*
 * Table of a supervisor's data source; who owned it when the spec was
 * submitted, and the search_path of who did it.  False when there is none, or
 * a spec of another version is in force.
 */
extern bool si_supervisor_identity(const char *supervisor_id, int64 spec_version, Oid *relid, Oid *submitted_as,
								   char **search_path);

#endif							/* SI_CATALOG_COMMIT_H */
