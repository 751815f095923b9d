/*
 * fuzz_kafka_conf.c
 *		libFuzzer harness of the way from consumerProperties to librdkafka's
 *		configuration: lines of a name, "=" and a value.
 *
 * What makes the server load code or read files is left out, as a submit
 * would refuse it.  Checked besides what the sanitizers see: a refusal has a
 * reason, no reason shows a secret, and what exactly-once rests on is set
 * whatever the properties say.
 */
#include "arena.h"

#include "fuzz_format.h"
#include "source/kafka.h"
#include "spec/consumer_properties.h"

#include <librdkafka/rdkafka.h>

#define MOST_PROPERTIES	16
/* Around every secret. */
#define MARK			"~secret~"

static bool
may_be_set(const char *name, const char *value)
{
	const SiConsumerProperty *known = si_consumer_property(name);

	return value[0] != SI_VALUE_MARK &&
		(known == NULL || !(known->flags & (SI_PROPERTY_SUPERUSER | SI_PROPERTY_FILE)));
}

static void
require_setting(const rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char		text[64];
	size_t		size = sizeof(text);

	require(rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK && strcmp(text, value) == 0, name);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	SiKeyValue	properties[MOST_PROPERTIES];
	char	   *lines[MOST_PROPERTIES];
	const char *rest = (const char *) data;
	SiReason	why = {""};
	rd_kafka_conf_t *conf;
	int			nlines = 0;
	int			n = 0;

	/* libFuzzer finds the mark out */
	if (memmem(data, size, MARK, strlen(MARK)) != NULL)
		return;
	while (size > 0 && nlines < MOST_PROPERTIES)
	{
		char	   *line = lines[nlines++] = take_text(&rest, &size);
		char	   *value = strchr(line, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		/* one line stands for a text of several */
		for (char *p = value; *p; p++)
			if (*p == '\r')
				*p = '\n';
		if (!may_be_set(line, value))
			continue;
		if (si_property_is_secret(line))
		{
			char	   *marked = palloc(strlen(value) + 2 * strlen(MARK) + 1);

			strcpy(marked, MARK);
			strcat(marked, value);
			value = strcat(marked, MARK);
		}
		properties[n++] = (SiKeyValue) {line, value};
	}
	conf = si_kafka_conf(n, properties, &why);
	if (conf == NULL)
	{
		require(why.text[0] != '\0', "a refusal has a reason");
		require_text(why.text, strlen(why.text), "reason of a property");
		require(strstr(why.text, MARK) == NULL, "a reason shows no secret");
	}
	else
	{
		require_setting(conf, "enable.auto.commit", "false");
		require_setting(conf, "enable.auto.offset.store", "false");
		require_setting(conf, "auto.offset.reset", "error");
		require_setting(conf, "enable.partition.eof", "true");
		require_setting(conf, "log.queue", "true");
		rd_kafka_conf_destroy(conf);
	}
	for (int i = 0; i < nlines; i++)
		free(lines[i]);
}
