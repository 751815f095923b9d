/*
 * routine.c
 *		Which routine table serves which options.
 */
#include "common/port.h"

#include "format/format.h"

const SiFormatRoutine *
si_format_routine(const SiSpecFormat *options)
{
	return &si_format_json;
}
