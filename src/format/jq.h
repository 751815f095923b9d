/*
 * jq.h
 *		The language of jq as Druid's library (jackson-jq 0.0.10) has it,
 *		compiled once and evaluated per row.  The first result counts, as in
 *		Druid.
 *
 * Evaluation is bounded in steps, memory and depth, also that for all rows of
 * a message together; whoever exceeds it gets no value, as after any other
 * error.
 */
#ifndef SI_FORMAT_JQ_H
#define SI_FORMAT_JQ_H

#include "format/jsonnode.h"

typedef struct SiJq SiJq;

/*
 * Compiled in CurrentMemoryContext, and released with it.  NULL, and a reason
 * with the place, for what is not jq or what the library does not know.
 */
extern SiJq *si_jq_compile(const char *expr, SiReason *why);

/* The root field that an expression begins with when it looks at nothing else; or NULL. */
extern const char *si_jq_root_field(const SiJq *jq, size_t *len);

/* The next rows are of another message, of so many bytes. */
extern void si_jq_message(SiJq *jq, size_t len);

/*
 * The first result for a root, or for the root field (see above) with
 * from_field, in scratch or in the message; SI_VALUE_MISSING when there is
 * none or jq would raise an error.  False when memory is exhausted.
 */
extern bool si_jq_value(SiJq *jq, const SiJsonNode *node, bool from_field, SiScratch *scratch, SiValue *v);

#endif							/* SI_FORMAT_JQ_H */
