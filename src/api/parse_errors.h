/*
 * parse_errors.h
 *		Rejected messages as JSON, in the shape of Druid's parse error reports.
 */
#ifndef SI_API_PARSE_ERRORS_H
#define SI_API_PARSE_ERRORS_H

#include "lib/stringinfo.h"

/* What si_put_parse_errors() wants of stream_ingest.rejected_message, in this order. */
#define SI_PARSE_ERROR_COLUMNS \
	"payload, error_type, to_json(array_prepend(reason, more_reasons))::text, at, topic, partition, \"offset\", payload_bytes"

/* An array of the n rows of the last query. */
extern void si_put_parse_errors(StringInfo json, int n);

#endif							/* SI_API_PARSE_ERRORS_H */
