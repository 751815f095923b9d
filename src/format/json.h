/*
 * json.h
 *		The C side of json.cpp; json_format.c makes the routine table of it.
 *
 * All memory is malloc's, nothing throws, so that no error of PostgreSQL ever
 * jumps over a C++ frame.
 */
#ifndef SI_FORMAT_JSON_H
#define SI_FORMAT_JSON_H

#include "format/format.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct SiJsonParser SiJsonParser;

/* NULL when memory is exhausted. */
extern SiJsonParser *si_json_parser_create(SiFieldTable *fields);
extern bool si_json_parser_parse(SiJsonParser *parser, const char *data, size_t len,
								 SiRows *rows, SiReason *why);
extern void si_json_parser_free(SiJsonParser *parser);

#ifdef __cplusplus
}
#endif

#endif							/* SI_FORMAT_JSON_H */
