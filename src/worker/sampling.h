/*
 * sampling.h
 *		A few messages of a topic, or how many it has, for a client backend,
 *		which must never become a Kafka client itself: a short-lived worker
 *		asks.
 */
#ifndef SI_WORKER_SAMPLING_H
#define SI_WORKER_SAMPLING_H

#include "source/source.h"
#include "spec/spec.h"

/* Longest time that a worker looks for messages, in ms. */
#define SI_SAMPLING_TIMEOUT_MS	15000

typedef void (*SiSampleCallback) (void *arg, const SiMessage *message);

/*
 * Hands up to num_messages messages of the spec's topic to callback: the
 * oldest ones with useEarliestOffset, else the newest.  Fewer when the topic
 * has fewer, or after SI_SAMPLING_TIMEOUT_MS.  ERROR when the topic cannot be
 * read or there is no place for a worker.  Interruptible; commits nothing and
 * leaves nothing behind.
 */
extern void si_sample_topic(const SiSpec *spec, int num_messages, SiSampleCallback callback, void *arg);

/*
 * How many messages the spec's topic has now, by the offsets of its ends.
 * False when nobody can tell within timeout_ms: the broker does not answer,
 * the topic is not there, or there is no place for a worker.  Interruptible.
 */
extern bool si_count_topic(const SiSpec *spec, int timeout_ms, int64 *messages);

#endif							/* SI_WORKER_SAMPLING_H */
