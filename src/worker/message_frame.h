/*
 * message_frame.h
 *		A whole message in one piece of memory, for another process.
 */
#ifndef SI_WORKER_MESSAGE_FRAME_H
#define SI_WORKER_MESSAGE_FRAME_H

#include "postgres.h"

#include "common/message.h"
#include "lib/stringinfo.h"

/* Appends the message: payload, key, headers, topic and the rest. */
extern void si_message_pack(StringInfo frame, const SiMessage *m);

/*
 * The message of a frame, whose bytes it points to; partition is the number
 * in its topic.  False when the frame is none.
 */
extern bool si_message_unpack(const char *frame, Size len, SiMessage *m);

#endif							/* SI_WORKER_MESSAGE_FRAME_H */
