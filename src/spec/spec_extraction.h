/*
 * spec_extraction.h
 *		Older parts of Druid's filters as expressions: extraction functions,
 *		searches and comparisons of columns.
 *
 * Each returns the text of an expression; ERROR with the path of what it
 * cannot take.
 */
#ifndef SI_SPEC_EXTRACTION_H
#define SI_SPEC_EXTRACTION_H

#include "postgres.h"

#include "spec/tree.h"

/* A field's values, each after the extraction function; fn may be null: as they are. */
extern char *si_extraction_of_field(const char *field, const SiJson *fn, const char *path);

/* Whether one of the values that an expression gives is found by the query of a search. */
extern char *si_search_expression(const char *values, const SiJson *query, const char *path);

/* Whether the columns have a value in common, or are all null. */
extern char *si_comparison_expression(const SiJson *dimensions, const char *path);

#endif							/* SI_SPEC_EXTRACTION_H */
