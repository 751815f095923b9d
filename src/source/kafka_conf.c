/*
 * kafka_conf.c
 *		From consumerProperties, as a Druid user writes them for Java's
 *		consumer, to librdkafka's configuration.
 *
 * spec/consumer_properties.c says what becomes of each property; here is what
 * needs code: key stores, JAAS lines, values out of the environment and
 * files.  Ours, and not the user's, are the properties on which exactly-once
 * rests; they are set last.
 *
 * Whether a user may set a property at all (those that load code or read
 * files) is decided where the spec is submitted, not here.
 *
 * Plain C: no PostgreSQL function, no global state.  Called on any thread.
 */
#include "common/port.h"

#include "mb/pg_wchar.h"
#include "source/kafka.h"
#include "spec/consumer_properties.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <strings.h>

/* Bytes that a file may give for a value. */
#define MAX_READ	4096

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
					 si_property_is_secret(name) ? "" : ": ", si_property_is_secret(name) ? "" : errstr);
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

/* ---- stores of keys and certificates ---- */

/* A store as Java names it, put together from two properties. */
typedef struct Store
{
	char		type[32];
	char		location[1024];
} Store;

typedef enum StoreKind
{
	STORE_PEM,
	STORE_PKCS12,
	STORE_JKS,
	STORE_UNKNOWN
} StoreKind;

/* What the file is.  A Java key tool writes PKCS12 even when everybody calls it JKS. */
static StoreKind
look_at_store(const char *path)
{
	unsigned char start[4096];
	FILE	   *f = fopen(path, "rb");
	size_t		n;

	if (f == NULL)
		return STORE_UNKNOWN;
	n = fread(start, 1, sizeof(start) - 1, f);
	fclose(f);
	start[n] = '\0';
	if (n >= 4 && start[0] == 0xFE && start[1] == 0xED && start[2] == 0xFE && start[3] == 0xED)
		return STORE_JKS;
	if (n >= 2 && start[0] == 0x30 && start[1] >= 0x80)
		return STORE_PKCS12;
	if (strstr((char *) start, "-----BEGIN ") != NULL)
		return STORE_PEM;
	return STORE_UNKNOWN;
}

/* The kind that the spec says, or else that the file shows, or else its name. */
static StoreKind
kind_of_store(const Store *store)
{
	StoreKind	kind;
	const char *dot;

	if (strcasecmp(store->type, "PEM") == 0)
		return STORE_PEM;
	if (strcasecmp(store->type, "PKCS12") == 0)
		return STORE_PKCS12;
	kind = look_at_store(store->location);
	if (kind != STORE_UNKNOWN || store->type[0] != '\0')
		return kind == STORE_UNKNOWN ? STORE_JKS : kind;
	dot = strrchr(store->location, '.');
	if (dot != NULL && (strcasecmp(dot, ".pem") == 0 || strcasecmp(dot, ".crt") == 0 || strcasecmp(dot, ".cer") == 0))
		return STORE_PEM;
	if (dot != NULL && (strcasecmp(dot, ".p12") == 0 || strcasecmp(dot, ".pfx") == 0))
		return STORE_PKCS12;
	return STORE_JKS;
}

static bool
check_store_type(const char *name, const char *type, SiReason *why)
{
	if (type[0] == '\0' || strcasecmp(type, "PEM") == 0 || strcasecmp(type, "PKCS12") == 0 || strcasecmp(type, "JKS") == 0)
		return true;
	snprintf(why->text, sizeof(why->text), "consumer property \"%s\" is not valid: expected PEM, PKCS12 or JKS", name);
	return false;
}

/* The client's own certificate and key. */
static bool
set_keystore(rd_kafka_conf_t *conf, const Store *store, SiReason *why)
{
	if (!check_store_type("ssl.keystore.type", store->type, why))
		return false;
	if (store->location[0] == '\0')
		return true;
	switch (kind_of_store(store))
	{
		case STORE_PEM:
			return set_property(conf, "ssl.certificate.location", store->location, why) &&
				set_property(conf, "ssl.key.location", store->location, why);
		case STORE_PKCS12:
			return set_property(conf, "ssl.keystore.location", store->location, why);
		default:
			snprintf(why->text, sizeof(why->text),
					 "consumer property \"ssl.keystore.location\" names a JKS store, which cannot be read; convert it with: "
					 "keytool -importkeystore -srckeystore %.100s -destkeystore keystore.p12 -deststoretype PKCS12",
					 store->location);
			return false;
	}
}

/* The certificates that the client trusts. */
static bool
set_truststore(rd_kafka_conf_t *conf, const Store *store, SiReason *why)
{
	if (!check_store_type("ssl.truststore.type", store->type, why))
		return false;
	if (store->location[0] == '\0')
		return true;
	if (kind_of_store(store) == STORE_PEM)
		return set_property(conf, "ssl.ca.location", store->location, why);
	snprintf(why->text, sizeof(why->text),
			 "consumer property \"ssl.truststore.location\" does not name a file of PEM certificates; write one with: "
			 "keytool -list -rfc -keystore %.150s > ca.pem", store->location);
	return false;
}

/* What quotes a name, a path or librdkafka may have cut a character in two. */
static void
keep_whole_characters(SiReason *why)
{
	unsigned char *p = (unsigned char *) why->text;
	unsigned char *end = p + strlen(why->text);

	while (p < end)
	{
		int			len = pg_utf_mblen(p);

		if (len <= end - p && pg_utf8_islegal(p, len))
			p += len;
		else
			*p++ = '?';
	}
}

/* ---- values ---- */

/* What a value stands for is read into buf, of MAX_READ bytes; NULL with a reason. */
static const char *
read_value(const SiKeyValue *p, char *buf, SiReason *why)
{
	const char *name;
	FILE	   *f;
	size_t		n;

	if (p->value[0] != SI_VALUE_MARK)
		return p->value;
	if (strncmp(p->value, SI_VALUE_ENVIRONMENT, strlen(SI_VALUE_ENVIRONMENT)) == 0)
	{
		name = p->value + strlen(SI_VALUE_ENVIRONMENT);
		if (getenv(name) == NULL)
			snprintf(why->text, sizeof(why->text), "environment variable \"%.100s\" of consumer property \"%.100s\" is not set", name, p->key);
		return getenv(name);
	}
	if (strncmp(p->value, SI_VALUE_FILE, strlen(SI_VALUE_FILE)) != 0)
	{
		snprintf(why->text, sizeof(why->text), "consumer property \"%.100s\" is not valid", p->key);
		return NULL;
	}

	name = p->value + strlen(SI_VALUE_FILE);
	f = fopen(name, "r");
	if (f == NULL)
	{
		snprintf(why->text, sizeof(why->text), "could not open file \"%.200s\" of consumer property \"%.100s\": %s", name, p->key, strerror(errno));
		return NULL;
	}
	n = fread(buf, 1, MAX_READ, f);
	fclose(f);
	if (n > 0 && n < MAX_READ && buf[n - 1] == '\n')
		n--;
	/* one line and no more: keys and stores are not to be sent to a broker as somebody's password */
	if (n == 0 || n == MAX_READ || memchr(buf, '\n', n) != NULL || memchr(buf, '\0', n) != NULL)
	{
		snprintf(why->text, sizeof(why->text), "file \"%.200s\" of consumer property \"%.100s\" must have one line of at most %d bytes", name, p->key, MAX_READ - 2);
		return NULL;
	}
	buf[n] = '\0';
	return buf;
}

static bool
refuse(const char *name, const char *cure, SiReason *why)
{
	snprintf(why->text, sizeof(why->text), "consumer property \"%s\" cannot be used: %s", name, cure);
	return false;
}

/* Properties whose values mean something else to librdkafka. */
static bool
apply_mapped(rd_kafka_conf_t *conf, const char *name, const char *value, Store *keystore, Store *truststore, SiReason *why)
{
	if (strcmp(name, "sasl.jaas.config") == 0)
		return set_jaas(conf, value, why);
	if (strcmp(name, "ssl.keystore.type") == 0)
		strlcpy(keystore->type, value, sizeof(keystore->type));
	else if (strcmp(name, "ssl.keystore.location") == 0)
		strlcpy(keystore->location, value, sizeof(keystore->location));
	else if (strcmp(name, "ssl.truststore.type") == 0)
		strlcpy(truststore->type, value, sizeof(truststore->type));
	else if (strcmp(name, "ssl.truststore.location") == 0)
		strlcpy(truststore->location, value, sizeof(truststore->location));
	else if (strcmp(name, "ssl.endpoint.identification.algorithm") == 0)
		return set_property(conf, name, value[0] == '\0' ? "none" : value, why);
	else if (strcmp(name, "ssl.cipher.suites") == 0)
	{
		if (strncmp(value, "TLS_", 4) == 0 || strncmp(value, "SSL_", 4) == 0)
			return refuse(name, "its names are those of Java; give those of OpenSSL, such as ECDHE-RSA-AES256-GCM-SHA384, or leave it out", why);
		return set_property(conf, name, value, why);
	}
	else if (strcmp(name, "sasl.oauthbearer.token.endpoint.url") == 0)
	{
		if (strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0)
			return refuse(name, "expected an address of http or https", why);
		return set_property(conf, name, value, why);
	}
	return true;
}

static bool
apply_user_property(rd_kafka_conf_t *conf, const char *name, const char *value, Store *keystore, Store *truststore, SiReason *why)
{
	const SiConsumerProperty *known = si_consumer_property(name);
	char		errstr[256];

	switch (known ? known->rule : SI_PROPERTY_PASSED)
	{
		case SI_PROPERTY_PASSED:
			return set_property(conf, name, value, why);
		case SI_PROPERTY_RENAMED:
			return set_property(conf, known->text, value, why);
		case SI_PROPERTY_MAPPED:
			return apply_mapped(conf, name, value, keystore, truststore, why);
		case SI_PROPERTY_NO_EFFECT:
			(void) rd_kafka_conf_set(conf, name, value, errstr, sizeof(errstr));
			return true;
		case SI_PROPERTY_OURS:
			return true;
		case SI_PROPERTY_REFUSED:
			return refuse(name, known->text, why);
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
	char		buf[MAX_READ + 1];
	Store		keystore = {{0}};
	Store		truststore = {{0}};

	why->text[0] = '\0';
	for (size_t i = 0; i < lengthof(preferred); i++)
		(void) set_property(conf, preferred[i].name, preferred[i].value, &unused);

	for (int i = 0; i < nproperties; i++)
	{
		const char *name = properties[i].key;
		const char *value = read_value(&properties[i], buf, why);

		if (value == NULL || !apply_user_property(conf, name, value, &keystore, &truststore, why))
			goto refused;
		if ((strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0) && value[0] != '\0')
			have_servers = true;
	}
	if (!have_servers)
	{
		snprintf(why->text, sizeof(why->text), "consumer property \"bootstrap.servers\" is missing");
		goto refused;
	}
	if (!set_keystore(conf, &keystore, why) || !set_truststore(conf, &truststore, why))
		goto refused;

	for (size_t i = 0; i < lengthof(forced); i++)
	{
		if (!set_property(conf, forced[i].name, forced[i].value, why))
			goto refused;
	}
	explicit_bzero(buf, sizeof(buf));
	return conf;

refused:
	keep_whole_characters(why);
	explicit_bzero(buf, sizeof(buf));
	rd_kafka_conf_destroy(conf);
	return NULL;
}
