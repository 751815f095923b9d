/*
 * consumer_properties.h
 *		The table of consumerProperties: those of Kafka's Java consumer and of
 *		librdkafka, and what becomes of each.
 *
 * Pure: no PostgreSQL function.  Shared by the checks at submit
 * (properties.c), the translation for the client (source/kafka_conf.c) and
 * the documentation.
 */
#ifndef SI_SPEC_CONSUMER_PROPERTIES_H
#define SI_SPEC_CONSUMER_PROPERTIES_H

#include "common/types.h"

typedef enum SiPropertyRule
{
	SI_PROPERTY_PASSED,			/* librdkafka has it under the same name */
	SI_PROPERTY_RENAMED,		/* text is librdkafka's name */
	SI_PROPERTY_MAPPED,			/* translated by code; text says to what */
	SI_PROPERTY_NO_EFFECT,		/* accepted with a NOTICE; text says why.  Passed on if librdkafka knows it */
	SI_PROPERTY_OURS,			/* accepted with a NOTICE, never passed on: exactly-once or the reader needs its own */
	SI_PROPERTY_REFUSED			/* text says what to use */
} SiPropertyRule;

#define SI_PROPERTY_SECRET		0x01	/* never shown */
#define SI_PROPERTY_FILE		0x02	/* a path on the server: inside of stream_ingest.tls_directory, or a superuser */
#define SI_PROPERTY_SUPERUSER	0x04	/* loads code, runs a program, or reads what others may not see */

typedef struct SiConsumerProperty
{
	const char *name;
	SiPropertyRule rule;
	int			flags;
	const char *text;
} SiConsumerProperty;

extern const SiConsumerProperty si_consumer_properties[];
extern const int si_nconsumer_properties;

/* NULL when there is none. */
extern const SiConsumerProperty *si_consumer_property(const char *name);

/* Whether the value of a property, known or not, must never be shown. */
extern bool si_property_is_secret(const char *name);

/*
 * A value that begins with one of these stands for what an environment
 * variable, or the one line of a file, holds when a client is made: the rest is
 * the name of the variable, or the path.  Specs cannot have such values.
 */
#define SI_VALUE_MARK			'\001'
#define SI_VALUE_ENVIRONMENT	"\001environment "
#define SI_VALUE_FILE			"\001file "

#endif							/* SI_SPEC_CONSUMER_PROPERTIES_H */
