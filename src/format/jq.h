/*
 * jq.h
 *		The part of the language of jq that specs use, compiled once and
 *		evaluated per row.  The first result counts, as in Druid.
 *
 * .  .a  ."a b"  .["a"]  .[0]  .[-1]  .[1:3]  .[]  ?  a | b  a, b  a // b
 * ( ) [ ] numbers strings true false null  == != < <= > >= and or, and
 * length keys first last add min max tostring tonumber type not empty
 * select(f) map(f) join(s) has(k).
 */
#ifndef SI_FORMAT_JQ_H
#define SI_FORMAT_JQ_H

#include "format/jsonnode.h"

typedef struct SiJq SiJq;

/*
 * Compiled in CurrentMemoryContext.  NULL, and a reason with the place, for
 * what is not jq or not in the part that is supported.
 */
extern SiJq *si_jq_compile(const char *expr, SiReason *why);

/* The root field that an expression begins with when it looks at nothing else; or NULL. */
extern const char *si_jq_root_field(const SiJq *jq, size_t *len);

/*
 * The first result for a root, or for the root field (see above) with
 * from_field; SI_VALUE_MISSING when there is none or jq would raise an error.
 * False when memory is exhausted.
 */
extern bool si_jq_value(const SiJq *jq, const SiJsonNode *node, bool from_field, SiScratch *scratch, SiValue *v);

#endif							/* SI_FORMAT_JQ_H */
