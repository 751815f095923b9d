/*
 * message_frame.c
 *		A whole message in one piece of memory: see message_frame.h.
 *
 * Layout: the fixed part, the topic with a NUL, the headers (name with a NUL,
 * length of the value, value), the key, the payload.  Lengths below 0 stand
 * for what the message does not have.  Nothing but the start is aligned.
 */
#include "postgres.h"

#include "common/stream.h"
#include "worker/message_frame.h"

typedef struct FrameStart
{
	int32		partition;
	uint32		nheaders;
	int64		offset;
	int64		timestamp;
	int64		payload_len;
	int64		key_len;
	Size		topic_len;		/* with its NUL; 0: none */
	Size		headers_len;
} FrameStart;

static void
append_headers(StringInfo frame, const SiMessage *m, FrameStart *start)
{
	SiHeader	header;

	if (m->header == NULL)
		return;
	while (m->header(m, start->nheaders, &header))
	{
		int64		len = header.value ? (int64) header.len : -1;

		appendBinaryStringInfo(frame, header.name, strlen(header.name) + 1);
		appendBinaryStringInfo(frame, (const char *) &len, sizeof(len));
		if (len > 0)
			appendBinaryStringInfo(frame, header.value, len);
		start->nheaders++;
	}
}

void
si_message_pack(StringInfo frame, const SiMessage *m)
{
	int			at = frame->len;
	FrameStart	start = {
		.partition = si_partition_number(m->partition),
		.offset = m->offset,
		.timestamp = m->timestamp,
		.payload_len = m->payload ? (int64) m->len : -1,
		.key_len = m->key ? (int64) m->key_len : -1,
		.topic_len = m->topic ? strlen(m->topic) + 1 : 0
	};
	int			headers;

	appendBinaryStringInfo(frame, (const char *) &start, sizeof(start));
	if (start.topic_len > 0)
		appendBinaryStringInfo(frame, m->topic, start.topic_len);
	headers = frame->len;
	append_headers(frame, m, &start);
	start.headers_len = frame->len - headers;
	if (start.key_len > 0)
		appendBinaryStringInfo(frame, m->key, start.key_len);
	if (start.payload_len > 0)
		appendBinaryStringInfo(frame, m->payload, start.payload_len);
	memcpy(frame->data + at, &start, sizeof(start));
}

/* The i-th header: see SiMessage.  They are walked over from the first. */
static bool
frame_header(const SiMessage *m, size_t i, SiHeader *header)
{
	const char *p = m->native;
	FrameStart	start;

	memcpy(&start, p, sizeof(start));
	if (i >= start.nheaders)
		return false;
	p += sizeof(start) + start.topic_len;
	for (;; i--)
	{
		int64		len;

		header->name = p;
		p += strlen(p) + 1;
		memcpy(&len, p, sizeof(len));
		p += sizeof(len);
		header->value = len >= 0 ? p : NULL;
		header->len = Max(len, 0);
		if (i == 0)
			return true;
		p += header->len;
	}
}

bool
si_message_unpack(const char *frame, Size len, SiMessage *m)
{
	FrameStart	start;
	const char *p = frame + sizeof(start);

	memset(m, 0, sizeof(*m));
	if (len < sizeof(start))
		return false;
	memcpy(&start, frame, sizeof(start));
	if (sizeof(start) + start.topic_len + start.headers_len + Max(start.key_len, 0) + Max(start.payload_len, 0) != len)
		return false;
	m->partition = start.partition;
	m->offset = start.offset;
	m->timestamp = start.timestamp;
	m->topic = start.topic_len > 0 ? p : NULL;
	p += start.topic_len + start.headers_len;
	m->key = start.key_len >= 0 ? p : NULL;
	m->key_len = Max(start.key_len, 0);
	p += m->key_len;
	m->payload = start.payload_len >= 0 ? p : NULL;
	m->len = Max(start.payload_len, 0);
	m->header = frame_header;
	m->native = unconstify(char *, frame);
	return true;
}
