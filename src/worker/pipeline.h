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

/* In CurrentMemoryContext, with which it ends.  ERROR when the spec cannot be read by. */
extern SiPipeline *si_pipeline_create(const SiSpec *spec);

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

#endif							/* SI_WORKER_PIPELINE_H */
