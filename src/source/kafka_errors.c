/*
 * kafka_errors.c
 *		The one place that tells librdkafka's errors apart.
 *
 * Whatever may heal by itself is transient and retried for ever: a topic may
 * be created, a right granted, a broker come back.  Fatal means that this
 * client must not deliver another message: librdkafka steps over a batch that
 * it cannot read, and going on would lose what was in it.
 *
 * Plain C: no PostgreSQL function.  Called on any thread.
 */
#include "common/port.h"

#include "source/kafka_errors.h"

/* Local: the broker's log was cut (an unclean election); librdkafka 2.1 and later. */
#define ERR_LOG_TRUNCATION	(-139)

SiStreamErrorClass
si_kafka_error_class(rd_kafka_resp_err_t err)
{
	switch ((int) err)
	{
		case RD_KAFKA_RESP_ERR_NO_ERROR:
		case RD_KAFKA_RESP_ERR__PARTITION_EOF:
			/* the group is never joined, so its troubles are not ours */
		case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
		case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
		case RD_KAFKA_RESP_ERR__WAIT_COORD:
		case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
			return SI_STREAM_OK;

		case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
		case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
		case RD_KAFKA_RESP_ERR__NO_OFFSET:
		case ERR_LOG_TRUNCATION:
			return SI_STREAM_OFFSET_OUT_OF_RANGE;

		case RD_KAFKA_RESP_ERR__FATAL:
		case RD_KAFKA_RESP_ERR__DESTROY:
		case RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE:
		case RD_KAFKA_RESP_ERR__BAD_MSG:
		case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
		case RD_KAFKA_RESP_ERR__UNDERFLOW:
		case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
		case RD_KAFKA_RESP_ERR_INVALID_MSG:
		case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
			return SI_STREAM_FATAL;

		default:
			return SI_STREAM_TRANSIENT;
	}
}

/* Ends s at a whole character, as what cuts texts here knows bytes only. */
static void
trim_utf8(char *s)
{
	size_t		len = strlen(s);
	size_t		start = len;
	int			need;

	while (start > 0 && len - start < 4 && ((unsigned char) s[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0 || (unsigned char) s[start - 1] < 0xC0)
		return;
	need = (unsigned char) s[start - 1] >= 0xF0 ? 4 : (unsigned char) s[start - 1] >= 0xE0 ? 3 : 2;
	if (len - (start - 1) < need)
		s[start - 1] = '\0';
}

void
si_kafka_set_error(SiStreamError *e, rd_kafka_resp_err_t err, int32 partition, const char *reason)
{
	const char *text = rd_kafka_err2str(err);

	e->class = si_kafka_error_class(err);
	e->partition = partition;
	if (reason == NULL || reason[0] == '\0')
		snprintf(e->text, sizeof(e->text), "%s", text);
	else if (strstr(reason, text) != NULL)
		snprintf(e->text, sizeof(e->text), "%s", reason);
	else
		snprintf(e->text, sizeof(e->text), "%s: %s", text, reason);
	trim_utf8(e->text);
}
