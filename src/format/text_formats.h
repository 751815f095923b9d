/*
 * text_formats.h
 *		The routine tables of formats that si_format_routine() chooses from.
 */
#ifndef SI_FORMAT_TEXT_FORMATS_H
#define SI_FORMAT_TEXT_FORMATS_H

#include "format/format.h"

extern const SiFormatRoutine si_format_json_flat;
extern const SiFormatRoutine si_format_csv;
extern const SiFormatRoutine si_format_tsv;
extern const SiFormatRoutine si_format_regex;
extern const SiFormatRoutine si_format_lines;
extern const SiFormatRoutine si_format_kafka;

/* regex.c: whether the pattern of a regex format can be compiled; why says where it cannot. */
extern bool si_regex_check(const char *pattern, SiReason *why);

/* kafka_format.c: whether ICU knows the encoding. */
extern bool si_header_encoding_check(const char *name);

#endif							/* SI_FORMAT_TEXT_FORMATS_H */
