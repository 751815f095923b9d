/*
 * pipeline.h
 *		From a message to the rows of an index: the one way that every message
 *		takes, whoever reads it.
 */
#ifndef SI_WORKER_PIPELINE_H
#define SI_WORKER_PIPELINE_H

#include "index/index.h"
#include "source/source.h"
#include "spec/spec.h"

typedef struct SiPipeline SiPipeline;

/*
 * In CurrentMemoryContext, with which it ends.  ERROR when the spec cannot be
 * read by.  all_fields: the rows of a message show its other fields too.
 */
extern SiPipeline *si_pipeline_create(const SiSpec *spec, bool all_fields);

/*
 * Transforms in PostgreSQL's language run as the owner of a supervisor's data
 * source; without this call as the current user.  False when a spec of another
 * version is in force: nothing must be run.
 */
extern bool si_pipeline_run_as(SiPipeline *p, const char *supervisor_id, int64 spec_version);
/* Or as another user, with the current search_path. */
extern void si_pipeline_run_as_user(SiPipeline *p, Oid user);

/*
 * Looks ahead at messages that will be added in this order (some may be left
 * out): the number of those that were looked at.  Needed by nothing, but
 * transforms in PostgreSQL's language are evaluated for all of them at once.
 */
extern int	si_pipeline_prepare(SiPipeline *p, const SiMessage *messages, int n);

/* Where the rows gather. */
extern SiIndex *si_pipeline_index(SiPipeline *p);

/*
 * One message that is not a tombstone: its rows go into the index.
 * exceptions_left is the number of parse exceptions that may still come; a
 * message that would exceed it leaves nothing behind, and false is returned.
 * why is set when it is, when the message is unparseable, and when a row has
 * an error.
 */
extern bool si_pipeline_add(SiPipeline *p, const SiMessage *m, int64 exceptions_left,
							SiAddResult *result, SiReason *why);

/*
 * The first part of it, for who wants to see the rows: they are valid until
 * the next message.  False with a reason when the message is unparseable.
 */
extern bool si_pipeline_parse(SiPipeline *p, const SiMessage *m, SiRows *rows, SiReason *why);
/*
 * The second: transforms and filter.  As si_transform_rows(); without any the
 * rows are those that came in.
 */
extern bool si_pipeline_transform(SiPipeline *p, const SiRows *in, SiRows *out, int *filtered, SiReason *why);
/* Names of the slots of rows. */
extern const SiFieldTable *si_pipeline_fields(const SiPipeline *p);

#endif							/* SI_WORKER_PIPELINE_H */
