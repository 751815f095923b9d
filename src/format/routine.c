/*
 * routine.c
 *		Which routine table serves which options.
 */
#include "common/port.h"

#include "format/text_formats.h"

const SiFormatRoutine *
si_format_routine(const SiSpecFormat *options)
{
	switch (options->kind)
	{
		case SI_FORMAT_CSV:
			return &si_format_csv;
		case SI_FORMAT_TSV:
			return &si_format_tsv;
		case SI_FORMAT_REGEX:
			return &si_format_regex;
		case SI_FORMAT_LINES:
			return &si_format_lines;
		default:
			return &si_format_json;
	}
}
