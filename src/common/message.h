/*
 * message.h
 *		One message of a stream, as a source hands it to a format.
 */
#ifndef SI_COMMON_MESSAGE_H
#define SI_COMMON_MESSAGE_H

#include "common/types.h"

typedef struct SiMessage SiMessage;

/* A header of a message; value is NULL for a header without one. */
typedef struct SiHeader
{
	const char *name;			/* NUL-terminated */
	const char *value;
	size_t		len;
} SiHeader;

/* Bytes belong to the reader until its batch is released. */
struct SiMessage
{
	int32		partition;		/* of several topics: si_partition_number() is its number, see stream.h */
	int64		offset;
	const char *payload;		/* NULL: a tombstone */
	size_t		len;
	int64		timestamp;		/* broker's ms, or -1 */
	const char *key;			/* NULL: none */
	size_t		key_len;
	const char *topic;			/* NUL-terminated; may be NULL */

	/*
	 * The i-th header, false behind the last one.  Headers are looked at only
	 * when somebody asks.  NULL: the source has none.
	 */
	bool		(*header) (const SiMessage *m, size_t i, SiHeader *header);
	void	   *native;			/* the source's own */
};

#endif							/* SI_COMMON_MESSAGE_H */
