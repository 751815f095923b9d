/*
 * json_lenient.h
 *		JSON that is not quite JSON, made strict (featureSpec).
 */
#ifndef SI_FORMAT_JSON_LENIENT_H
#define SI_FORMAT_JSON_LENIENT_H

#include "format/options.h"
#include "format/scratch.h"

/*
 * The text with what the features (SI_JSON_...) allow written as JSON has it.
 * What is wrong beyond that stays as it is, for the parser to refuse.  Moves
 * *len.  NULL when memory is exhausted.
 */
extern const char *si_json_strict(SiScratch *scratch, uint32 features, const char *text, size_t *len);

/* The feature of that name (Jackson's, any case); 0 when there is none. */
extern uint32 si_json_feature(const char *name);

#endif							/* SI_FORMAT_JSON_LENIENT_H */
