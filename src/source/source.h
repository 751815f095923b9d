/*
 * source.h
 *		Streams: one routine table per kind of source.  A task reads through
 *		a SiReader; the overlord asks about partitions through the monitor
 *		(kafka_monitor.h), never in its own thread.
 */
#ifndef SI_SOURCE_SOURCE_H
#define SI_SOURCE_SOURCE_H

#include "common/message.h"

/* How a stream's error is to be met. */
typedef enum SiStreamErrorClass
{
	SI_STREAM_OK = 0,
	SI_STREAM_TRANSIENT,		/* retry for ever with back-off */
	SI_STREAM_OFFSET_OUT_OF_RANGE,
	SI_STREAM_FATAL				/* this reader cannot go on; make a new one */
} SiStreamErrorClass;

typedef struct SiStreamError
{
	SiStreamErrorClass class;
	int32		partition;		/* or -1 */
	char		text[256];		/* the library's reason */
} SiStreamError;

#endif							/* SI_SOURCE_SOURCE_H */
