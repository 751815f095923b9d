/*
 * kafka_errors.h
 *		What each of librdkafka's errors means for who reads.  Plain C.
 */
#ifndef SI_SOURCE_KAFKA_ERRORS_H
#define SI_SOURCE_KAFKA_ERRORS_H

#include "source/source.h"

#include <librdkafka/rdkafka.h>

/* SI_STREAM_OK for what is no error, or none that concerns a reader without a group. */
extern SiStreamErrorClass si_kafka_error_class(rd_kafka_resp_err_t err);

/*
 * Fills *e; reason may be NULL (then the error's own text stands alone).  The
 * text is cut at a character's end.
 */
extern void si_kafka_set_error(SiStreamError *e, rd_kafka_resp_err_t err, int32 partition, const char *reason);

#endif							/* SI_SOURCE_KAFKA_ERRORS_H */
