/*
 * multi_value.h
 *		Cells with several values: JSON text in a chunk, an array in SQL.
 */
#ifndef SI_QUERY_MULTI_VALUE_H
#define SI_QUERY_MULTI_VALUE_H

#include "postgres.h"

/*
 * The values of a cell as texts, in CurrentMemoryContext: those of a list
 * like ["a","b",null] as ingestion writes it (two or more strings or nulls,
 * no blanks), else the text itself.  Returns their number.
 */
extern int	si_multi_values(const char *bytes, Size len, Datum **values, bool **nulls);

/* The same as a text[]. */
extern Datum si_multi_array(const char *bytes, Size len);

#endif							/* SI_QUERY_MULTI_VALUE_H */
