/*
 * kafka_conf.c
 *		From consumerProperties, as a Druid user writes them for Java's
 *		consumer, to librdkafka's configuration.
 *
 * Names that both libraries share pass through.  A table says what becomes
 * of the rest: another name, no effect here, or refused because going on
 * without it would be wrong (key stores, login modules).  Ours, and not the
 * user's, are the properties on which exactly-once rests; they are set last.
 *
 * Whether a user may set a property at all (those that load code or read
 * files) is decided where the spec is submitted, not here.
 *
 * Plain C: no PostgreSQL function, no global state.  Called on any thread.
 */
#include "common/port.h"

#include "source/kafka.h"

#include <librdkafka/rdkafka.h>
#include <strings.h>

typedef enum PropertyRule
{
	RULE_RENAME,				/* librdkafka's name is in text */
	RULE_IGNORE,				/* no meaning without a JVM or a consumer group */
	RULE_FORCED,				/* we decide */
	RULE_REFUSE					/* text says what to use */
} PropertyRule;

typedef struct Property
{
	const char *name;			/* a trailing '*' matches any ending */
	PropertyRule rule;
	const char *text;
} Property;

static const Property property_rules[] = {
	{"fetch.max.wait.ms", RULE_RENAME, "fetch.wait.max.ms"},
	{"request.timeout.ms", RULE_RENAME, "socket.timeout.ms"},
	{"send.buffer.bytes", RULE_RENAME, "socket.send.buffer.bytes"},
	{"receive.buffer.bytes", RULE_RENAME, "socket.receive.buffer.bytes"},

	{"key.deserializer*", RULE_IGNORE, NULL},
	{"value.deserializer*", RULE_IGNORE, NULL},
	{"max.poll.records", RULE_IGNORE, NULL},
	{"max.poll.interval.ms", RULE_IGNORE, NULL},
	{"session.timeout.ms", RULE_IGNORE, NULL},
	{"heartbeat.interval.ms", RULE_IGNORE, NULL},
	{"default.api.timeout.ms", RULE_IGNORE, NULL},
	{"auto.commit.interval.ms", RULE_IGNORE, NULL},
	{"auto.include.jmx.reporter", RULE_IGNORE, NULL},
	{"partition.assignment.strategy", RULE_IGNORE, NULL},
	{"group.instance.id", RULE_IGNORE, NULL},
	{"group.protocol*", RULE_IGNORE, NULL},
	{"group.remote.assignor", RULE_IGNORE, NULL},
	{"internal.leave.group.on.close", RULE_IGNORE, NULL},
	{"exclude.internal.topics", RULE_IGNORE, NULL},
	{"interceptor.classes", RULE_IGNORE, NULL},
	{"metric.reporters", RULE_IGNORE, NULL},
	{"metrics.*", RULE_IGNORE, NULL},
	{"enable.metrics.push", RULE_IGNORE, NULL},
	{"security.providers", RULE_IGNORE, NULL},
	{"client.dns.lookup", RULE_IGNORE, NULL},
	{"socket.connection.setup.timeout.max.ms", RULE_IGNORE, NULL},
	{"sasl.login.refresh.*", RULE_IGNORE, NULL},
	{"sasl.kerberos.ticket.renew.*", RULE_IGNORE, NULL},
	{"ssl.protocol", RULE_IGNORE, NULL},
	{"ssl.enabled.protocols", RULE_IGNORE, NULL},
	{"ssl.provider", RULE_IGNORE, NULL},
	{"ssl.keymanager.algorithm", RULE_IGNORE, NULL},
	{"ssl.trustmanager.algorithm", RULE_IGNORE, NULL},
	{"ssl.secure.random.implementation", RULE_IGNORE, NULL},
	{"ssl.truststore.password", RULE_IGNORE, NULL},
	{"druid.dynamic.config.provider", RULE_IGNORE, NULL},

	{"enable.auto.commit", RULE_FORCED, NULL},
	{"enable.auto.offset.store", RULE_FORCED, NULL},
	{"auto.offset.reset", RULE_FORCED, NULL},
	{"enable.partition.eof", RULE_FORCED, NULL},
	{"allow.auto.create.topics", RULE_FORCED, NULL},
	{"log.queue", RULE_FORCED, NULL},
	{"statistics.interval.ms", RULE_FORCED, NULL},
	{"internal.termination.signal", RULE_FORCED, NULL},
	{"enabled_events", RULE_FORCED, NULL},

	{"ssl.truststore.location", RULE_REFUSE, "use ssl.ca.location with a file of PEM certificates"},
	{"ssl.truststore.certificates", RULE_REFUSE, "use ssl.ca.pem"},
	{"ssl.truststore.type", RULE_REFUSE, "use ssl.ca.location or ssl.ca.pem with PEM certificates"},
	{"ssl.keystore.key", RULE_REFUSE, "use ssl.key.pem"},
	{"ssl.keystore.certificate.chain", RULE_REFUSE, "use ssl.certificate.pem"},
	{"ssl.engine.factory.class", RULE_REFUSE, "Java classes cannot be loaded"},
	{"sasl.login.class", RULE_REFUSE, "Java classes cannot be loaded"},
	{"sasl.login.callback.handler.class", RULE_REFUSE, "Java classes cannot be loaded"},
	{"sasl.client.callback.handler.class", RULE_REFUSE, "Java classes cannot be loaded"},
};

typedef struct Setting
{
	const char *name;
	const char *value;
} Setting;

/* Unless the user says otherwise; what a library does not know is left out. */
static const Setting preferred[] = {
	{"isolation.level", "read_committed"},
	{"client.id", "stream_ingest"},
	/* one event is delivered at once, and a partition left out of a fetch waits this long at most */
	{"fetch.min.bytes", "1"},
	{"fetch.wait.max.ms", "100"},
	{"fetch.error.backoff.ms", "100"},
	{"fetch.queue.backoff.ms", "10"},
	{"check.crcs", "true"},
	/* a broker that hangs, restarts or moves a leader is noticed in seconds */
	{"socket.timeout.ms", "10000"},
	{"socket.keepalive.enable", "true"},
	{"socket.nagle.disable", "true"},
	{"reconnect.backoff.ms", "100"},
	{"reconnect.backoff.max.ms", "1000"},
	{"topic.metadata.refresh.interval.ms", "10000"},
	{"topic.metadata.propagation.max.ms", "1000"},
	{"log.connection.close", "false"},
};

/* Whatever the user says. */
static const Setting forced[] = {
	{"enable.auto.commit", "false"},
	{"enable.auto.offset.store", "false"},
	{"auto.offset.reset", "error"},
	{"enable.partition.eof", "true"},
	{"allow.auto.create.topics", "false"},
	{"log.queue", "true"},
	{"statistics.interval.ms", "0"},
};

/* Does name match a rule's name, which may end with '*'? */
static bool
rule_matches(const char *pattern, const char *name)
{
	size_t		len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return strncmp(pattern, name, len - 1) == 0;
	return strcmp(pattern, name) == 0;
}

static const Property *
find_rule(const char *name)
{
	for (size_t i = 0; i < lengthof(property_rules); i++)
	{
		if (rule_matches(property_rules[i].name, name))
			return &property_rules[i];
	}
	return NULL;
}

/* May a message show the value of this property? */
static bool
is_secret(const char *name)
{
	static const char *const marks[] = {"password", "secret", "pem", "jaas", "token", "ssl.key", "oauthbearer.config"};

	for (size_t i = 0; i < lengthof(marks); i++)
	{
		if (strstr(name, marks[i]) != NULL)
			return true;
	}
	return false;
}

/*
 * Sets one property.  librdkafka's own message about a wrong value quotes it,
 * so it is not used for secrets.
 */
static bool
set_property(rd_kafka_conf_t *conf, const char *name, const char *value, SiReason *why)
{
	char		errstr[256];

	switch (rd_kafka_conf_set(conf, name, value, errstr, sizeof(errstr)))
	{
		case RD_KAFKA_CONF_OK:
			return true;
		case RD_KAFKA_CONF_UNKNOWN:
			snprintf(why->text, sizeof(why->text), "consumer property \"%.100s\" is not known", name);
			return false;
		default:
			snprintf(why->text, sizeof(why->text), "consumer property \"%.100s\" is not valid%s%.300s", name,
					 is_secret(name) ? "" : ": ", is_secret(name) ? "" : errstr);
			return false;
	}
}

/*
 * Finds key="value" (or key='value') in a JAAS configuration line and copies
 * the value, unescaped, to out.  False when it is not there or too long.
 */
static bool
jaas_option(const char *jaas, const char *key, char *out, size_t size)
{
	size_t		keylen = strlen(key);

	for (const char *p = strstr(jaas, key); p != NULL; p = strstr(p + 1, key))
	{
		const char *q = p + keylen;
		char		quote;
		size_t		n = 0;

		if (p == jaas || (p[-1] != ' ' && p[-1] != '\t' && p[-1] != '\n'))
			continue;
		while (*q == ' ')
			q++;
		if (*q++ != '=')
			continue;
		while (*q == ' ')
			q++;
		quote = *q++;
		if (quote != '"' && quote != '\'')
			continue;
		while (*q != '\0' && *q != quote && n + 1 < size)
		{
			if (*q == '\\' && q[1] != '\0')
				q++;
			out[n++] = *q++;
		}
		out[n] = '\0';
		return *q == quote;
	}
	return false;
}

/* User and password of the login modules that librdkafka has too. */
static bool
set_jaas(rd_kafka_conf_t *conf, const char *jaas, SiReason *why)
{
	char		username[256];
	char		password[1024];
	bool		ok;

	if ((strstr(jaas, "PlainLoginModule") == NULL && strstr(jaas, "ScramLoginModule") == NULL) ||
		!jaas_option(jaas, "username", username, sizeof(username)) ||
		!jaas_option(jaas, "password", password, sizeof(password)))
	{
		snprintf(why->text, sizeof(why->text),
				 "consumer property \"sasl.jaas.config\" is not understood: only PlainLoginModule and ScramLoginModule with username and password are; "
				 "use librdkafka's sasl.* properties");
		return false;
	}
	ok = set_property(conf, "sasl.username", username, why) && set_property(conf, "sasl.password", password, why);
	explicit_bzero(password, sizeof(password));
	return ok;
}

/* Java's names of values that librdkafka spells otherwise. */
static const char *
translate_value(const char *name, const char *value)
{
	if (strcmp(name, "ssl.endpoint.identification.algorithm") == 0 && value[0] == '\0')
		return "none";
	return value;
}

static bool
apply_user_property(rd_kafka_conf_t *conf, const char *name, const char *value, SiReason *why)
{
	const Property *rule;

	if (strcmp(name, "sasl.jaas.config") == 0)
		return set_jaas(conf, value, why);
	if (strcmp(name, "ssl.keystore.type") == 0)
	{
		if (strcasecmp(value, "PKCS12") == 0)
			return true;
		snprintf(why->text, sizeof(why->text),
				 "consumer property \"ssl.keystore.type\" can only be PKCS12: use ssl.certificate.location and ssl.key.location for PEM files");
		return false;
	}

	rule = find_rule(name);
	if (rule == NULL)
		return set_property(conf, name, translate_value(name, value), why);
	switch (rule->rule)
	{
		case RULE_RENAME:
			return set_property(conf, rule->text, value, why);
		case RULE_IGNORE:
		case RULE_FORCED:
			return true;
		case RULE_REFUSE:
			snprintf(why->text, sizeof(why->text), "consumer property \"%s\" has no meaning here: %s", name, rule->text);
			return false;
	}
	return true;
}

/*
 * Builds the configuration of a consumer.  The result belongs to the caller
 * (rd_kafka_new() takes it, or rd_kafka_conf_destroy()); NULL with the reason
 * for a property that is unknown, wrong, or refused.
 */
struct rd_kafka_conf_s *
si_kafka_conf(int nproperties, const SiKeyValue *properties, SiReason *why)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	bool		have_servers = false;
	SiReason	unused;

	why->text[0] = '\0';
	for (size_t i = 0; i < lengthof(preferred); i++)
		(void) set_property(conf, preferred[i].name, preferred[i].value, &unused);

	for (int i = 0; i < nproperties; i++)
	{
		const SiKeyValue *p = &properties[i];

		if (!apply_user_property(conf, p->key, p->value, why))
			goto refused;
		if ((strcmp(p->key, "bootstrap.servers") == 0 || strcmp(p->key, "metadata.broker.list") == 0) && p->value[0] != '\0')
			have_servers = true;
	}
	if (!have_servers)
	{
		snprintf(why->text, sizeof(why->text), "consumer property \"bootstrap.servers\" is missing");
		goto refused;
	}

	for (size_t i = 0; i < lengthof(forced); i++)
	{
		if (!set_property(conf, forced[i].name, forced[i].value, why))
			goto refused;
	}
	return conf;

refused:
	rd_kafka_conf_destroy(conf);
	return NULL;
}
