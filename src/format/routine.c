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
		case SI_FORMAT_JSON:
			if (options->nfields > 0 || options->no_discovery || options->newline_delimited ||
				options->node_reader || options->features != 0)
				return &si_format_json_flat;
			return &si_format_json;
		case SI_FORMAT_CSV:
			return &si_format_csv;
		case SI_FORMAT_TSV:
			return &si_format_tsv;
		case SI_FORMAT_REGEX:
			return &si_format_regex;
		case SI_FORMAT_LINES:
			return &si_format_lines;
		case SI_FORMAT_KAFKA:
			return &si_format_kafka;
		default:
			return &si_format_json;
	}
}
