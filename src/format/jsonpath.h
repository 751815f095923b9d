/*
 * jsonpath.h
 *		JSONPath as flattenSpec uses it: compiled once, evaluated per row.
 *
 * $.a.b  $['a b']  $['a','b']  [0]  [-1]  [0,2]  [1:3]  .*  [*]  ..a
 * [?(@.a == 'x' && @.b > 1)]  and at the end one of length() size() min()
 * max() avg() sum() stddev() concat(...) append(...) keys() first() last().
 */
#ifndef SI_FORMAT_JSONPATH_H
#define SI_FORMAT_JSONPATH_H

#include "format/jsonnode.h"

typedef struct SiJsonPath SiJsonPath;

/*
 * Compiled in CurrentMemoryContext.  NULL, and a reason with the place, for
 * what is no path or uses what is not supported.
 */
extern SiJsonPath *si_jsonpath_compile(const char *expr, SiReason *why);

/*
 * The root field a path begins with, when nothing else of the root is looked
 * at; NULL when the path needs the whole root.
 */
extern const char *si_jsonpath_root_field(const SiJsonPath *path, size_t *len);

/*
 * Evaluates.  node is the root, or the root field (see above) with from_field.
 * Nothing found is SI_VALUE_MISSING; a path that may find several values makes
 * an array.  False when memory is exhausted.
 */
extern bool si_jsonpath_value(const SiJsonPath *path, const SiJsonNode *node, bool from_field,
							  SiScratch *scratch, SiValue *v);

#endif							/* SI_FORMAT_JSONPATH_H */
