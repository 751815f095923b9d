/*
 * stream.c
 *		The topics of a data source: see stream.h.  Pure.
 *
 * Patterns are ICU's regular expressions, whose syntax is that of Java.
 */
#include "common/port.h"

#include "common/stream.h"

#include <unicode/uregex.h>
#include <unicode/ustring.h>

#define MAX_PATTERN		4096
#define MAX_NAME		512

/* Work of one match before it counts as none: patterns may be made to never end. */
#define MATCH_STEPS		100000

struct SiTopicPattern
{
	URegularExpression *regex;
};

const char *
si_stream_topic(const SiStream *streams, int nstreams, int32 partition)
{
	for (int i = 0; i < nstreams; i++)
		if (streams[i].id == si_partition_stream(partition))
			return streams[i].topic;
	return NULL;
}

char *
si_partition_print(const char *topic, int32 partition)
{
	return topic ? psprintf("%s:%d", topic, si_partition_number(partition)) :
		psprintf("%d", si_partition_number(partition));
}

uint32
si_stream_hash(const char *topic, int32 number)
{
	uint32		hash = 0;
	uint32		sum;

	/* names of topics are ASCII: a char of Java's each */
	for (const unsigned char *p = (const unsigned char *) topic; *p; p++)
		hash = hash * 31 + *p;
	sum = hash * 31 + (uint32) number;
	return (int32) sum < 0 ? -sum : sum;
}

SiTopicPattern *
si_topic_pattern_create(const char *pattern, SiReason *why)
{
	UChar		text[MAX_PATTERN];
	int32_t		len;
	UErrorCode	error = U_ZERO_ERROR;
	UParseError where = {0};
	URegularExpression *regex;
	SiTopicPattern *p;

	u_strFromUTF8(text, MAX_PATTERN, &len, pattern, -1, &error);
	if (U_FAILURE(error) || len >= MAX_PATTERN)
	{
		snprintf(why->text, sizeof(why->text), "it is too long, or not UTF-8");
		return NULL;
	}
	regex = uregex_open(text, len, 0, &where, &error);
	if (U_FAILURE(error))
	{
		snprintf(why->text, sizeof(why->text), "%s at character %d", u_errorName(error), (int) where.offset);
		return NULL;
	}
	uregex_setTimeLimit(regex, MATCH_STEPS, &error);
	p = calloc(1, sizeof(SiTopicPattern));
	if (p == NULL)
	{
		uregex_close(regex);
		snprintf(why->text, sizeof(why->text), "out of memory");
		return NULL;
	}
	p->regex = regex;
	return p;
}

bool
si_topic_pattern_matches(SiTopicPattern *p, const char *topic)
{
	UChar		text[MAX_NAME];
	int32_t		len;
	UErrorCode	error = U_ZERO_ERROR;
	bool		matches;

	u_strFromUTF8(text, MAX_NAME, &len, topic, -1, &error);
	if (U_FAILURE(error) || len >= MAX_NAME)
		return false;
	uregex_setText(p->regex, text, len, &error);
	matches = uregex_matches(p->regex, -1, &error);
	return matches && U_SUCCESS(error);
}

void
si_topic_pattern_free(SiTopicPattern *p)
{
	if (p == NULL)
		return;
	uregex_close(p->regex);
	free(p);
}
