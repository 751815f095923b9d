/*
 * test_kafka_conf.c
 *		consumerProperties to librdkafka's configuration, and the classes of
 *		its errors.  No broker.
 */
#include "harness.h"

#include "mb/pg_wchar.h"
#include "source/kafka.h"
#include "source/kafka_errors.h"
#include "spec/consumer_properties.h"

#include <librdkafka/rdkafka.h>
#include <unistd.h>

static SiReason why;

/* The configuration of a broker list and one more property. */
static rd_kafka_conf_t *
conf_with(char *key, char *value)
{
	SiKeyValue	properties[] = {{"bootstrap.servers", "127.0.0.1:1"}, {key, value}};

	return si_kafka_conf(key != NULL ? 2 : 1, properties, &why);
}

/* What name is set to when key = value is given too; "(refused)" when that is refused. */
static const char *
setting(char *key, char *value, const char *name)
{
	static char text[512];
	size_t		size = sizeof(text);
	rd_kafka_conf_t *conf = conf_with(key, value);

	if (conf == NULL)
		return "(refused)";
	if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK)
		strcpy(text, "(unknown)");
	rd_kafka_conf_destroy(conf);
	return text;
}

static void
test_forced(void)
{
	CHECK_STR(setting("enable.auto.commit", "true", "enable.auto.commit"), "false");
	CHECK_STR(setting("enable.auto.offset.store", "true", "enable.auto.offset.store"), "false");
	CHECK_STR(setting("auto.offset.reset", "earliest", "auto.offset.reset"), "error");
	CHECK_STR(setting("allow.auto.create.topics", "true", "allow.auto.create.topics"), "false");
	CHECK_STR(setting("statistics.interval.ms", "1000", "statistics.interval.ms"), "0");
	CHECK_STR(setting(NULL, NULL, "enable.partition.eof"), "true");
	CHECK_STR(setting(NULL, NULL, "log.queue"), "true");
}

/* A reason is valid UTF-8, also where a long name was cut. */
static void
test_reason_text(void)
{
	char		name[130];

	memset(name, 'x', sizeof(name));
	memcpy(name + 99, "\xC3\xA9", 2);
	name[120] = '\0';
	CHECK_STR(setting(name, "1", "client.id"), "(refused)");
	CHECK(pg_encoding_verifymbstr(PG_UTF8, why.text, strlen(why.text)) == strlen(why.text), "%s", why.text);
	CHECK(strstr(why.text, "x?\" is not known") != NULL, "%s", why.text);
}

static void
test_preferred(void)
{
	CHECK_STR(setting(NULL, NULL, "isolation.level"), "read_committed");
	CHECK_STR(setting("isolation.level", "read_uncommitted", "isolation.level"), "read_uncommitted");
	CHECK_STR(setting(NULL, NULL, "fetch.wait.max.ms"), "100");
	CHECK_STR(setting(NULL, NULL, "fetch.min.bytes"), "1");
	CHECK_STR(setting(NULL, NULL, "bootstrap.servers"), "127.0.0.1:1");
}

static void
test_java_names(void)
{
	CHECK_STR(setting("fetch.max.wait.ms", "250", "fetch.wait.max.ms"), "250");
	CHECK_STR(setting("request.timeout.ms", "40000", "socket.timeout.ms"), "40000");
	CHECK_STR(setting("max.partition.fetch.bytes", "2000000", "fetch.message.max.bytes"), "2000000");
	CHECK_STR(setting("key.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer", "enable.auto.commit"), "false");
	CHECK_STR(setting("max.poll.records", "100", "enable.auto.commit"), "false");
	CHECK_STR(setting("ssl.endpoint.identification.algorithm", "", "ssl.endpoint.identification.algorithm"), "none");
	CHECK_STR(setting("ssl.keystore.type", "PKCS12", "enable.auto.commit"), "false");
}

static void
test_jaas(void)
{
	char	   *plain = "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"ann\" password=\"p\\\"w;x\";";

	CHECK_STR(setting("sasl.jaas.config", plain, "sasl.username"), "ann");
	CHECK_STR(setting("sasl.jaas.config", plain, "sasl.password"), "p\"w;x");
	CHECK_STR(setting("sasl.jaas.config",
					  "org.apache.kafka.common.security.scram.ScramLoginModule required\n password = 'b' username = 'a' ;",
					  "sasl.username"), "a");
	CHECK_STR(setting("sasl.jaas.config", "com.sun.security.auth.module.Krb5LoginModule required;", "x"), "(refused)");
	CHECK_STR(setting("sasl.jaas.config", "PlainLoginModule required username=\"a\" password=\"open", "x"), "(refused)");
	CHECK_STR(setting("sasl.jaas.config", "PlainLoginModule required username=\"a\" password=", "x"), "(refused)");
}

static void
write_file(const char *path, const char *bytes, size_t len)
{
	FILE	   *f = fopen(path, "w");

	CHECK(f != NULL && fwrite(bytes, 1, len, f) == len && fclose(f) == 0, "could not write %s", path);
}

/* Stores are known by what is in them: Java's tools write PKCS12 whatever it is called. */
static void
test_stores(void)
{
	char		dir[] = "/tmp/test_kafka_conf.XXXXXX";
	char		path[64];
	SiKeyValue	typed[] = {{"bootstrap.servers", "h:1"}, {"ssl.keystore.location", path}, {"ssl.keystore.type", "PEM"}};
	rd_kafka_conf_t *conf;
	char		text[512];
	size_t		size = sizeof(text);

	CHECK(mkdtemp(dir) != NULL, "no directory");
	snprintf(path, sizeof(path), "%s/store.jks", dir);
	write_file(path, "\x30\x82\x0a\x00", 4);
	CHECK_STR(setting("ssl.keystore.location", path, "ssl.keystore.location"), path);
	CHECK_STR(setting("ssl.truststore.location", path, "x"), "(refused)");
	write_file(path, "# mine\n-----BEGIN CERTIFICATE-----\n", 35);
	CHECK_STR(setting("ssl.keystore.location", path, "ssl.certificate.location"), path);
	CHECK_STR(setting("ssl.keystore.location", path, "ssl.key.location"), path);
	CHECK_STR(setting("ssl.truststore.location", path, "ssl.ca.location"), path);
	write_file(path, "\xfe\xed\xfe\xed....", 8);
	CHECK_STR(setting("ssl.keystore.location", path, "x"), "(refused)");
	CHECK(strstr(why.text, "keytool -importkeystore") != NULL, "no cure in: %s", why.text);
	conf = si_kafka_conf(3, typed, &why);
	CHECK(conf != NULL, "the type goes before what the file looks like: %s", why.text);
	if (conf != NULL)
	{
		CHECK(rd_kafka_conf_get(conf, "ssl.key.location", text, &size) == RD_KAFKA_CONF_OK, "no location");
		CHECK_STR(text, path);
		rd_kafka_conf_destroy(conf);
	}
	/* not there: by its name */
	unlink(path);
	CHECK_STR(setting("ssl.keystore.location", "/nowhere/a.p12", "ssl.keystore.location"), "/nowhere/a.p12");
	CHECK_STR(setting("ssl.truststore.location", "/nowhere/a.pem", "ssl.ca.location"), "/nowhere/a.pem");

	CHECK_STR(setting("ssl.truststore.certificates", "pem", "ssl.ca.pem"), "pem");
	CHECK_STR(setting("ssl.keystore.certificate.chain", "pem", "ssl.certificate.pem"), "pem");
	CHECK_STR(setting("ssl.keystore.key", "pem", "ssl.key.pem"), "pem");
	rmdir(dir);
}

/* Values out of the environment and of files. */
static void
test_marks(void)
{
	char		dir[] = "/tmp/test_kafka_conf.XXXXXX";
	char		path[64];
	char		value[96];
	char		lines[5000];

	setenv("SI_TEST_PASSWORD", "from outside", 1);
	CHECK_STR(setting("sasl.password", SI_VALUE_ENVIRONMENT "SI_TEST_PASSWORD", "sasl.password"), "from outside");
	unsetenv("SI_TEST_PASSWORD");
	CHECK_STR(setting("sasl.password", SI_VALUE_ENVIRONMENT "SI_TEST_PASSWORD", "x"), "(refused)");
	CHECK(strstr(why.text, "SI_TEST_PASSWORD") != NULL, "no name in: %s", why.text);

	CHECK(mkdtemp(dir) != NULL, "no directory");
	snprintf(path, sizeof(path), "%s/password", dir);
	snprintf(value, sizeof(value), SI_VALUE_FILE "%s", path);
	CHECK_STR(setting("sasl.password", value, "x"), "(refused)");
	CHECK(strstr(why.text, path) != NULL, "no name in: %s", why.text);
	write_file(path, "a b\n", 4);
	CHECK_STR(setting("sasl.password", value, "sasl.password"), "a b");
	write_file(path, "a b", 3);
	CHECK_STR(setting("sasl.password", value, "sasl.password"), "a b");
	write_file(path, "hunter\ntwo\n", 11);
	CHECK_STR(setting("sasl.password", value, "x"), "(refused)");
	CHECK(strstr(why.text, "hunter") == NULL, "secret in: %s", why.text);
	write_file(path, "", 0);
	CHECK_STR(setting("sasl.password", value, "x"), "(refused)");
	write_file(path, "a\0b", 3);
	CHECK_STR(setting("sasl.password", value, "x"), "(refused)");
	memset(lines, 'x', sizeof(lines));
	write_file(path, lines, sizeof(lines));
	CHECK_STR(setting("sasl.password", value, "x"), "(refused)");
	unlink(path);
	rmdir(dir);
}

/* The table is whole: every property of Kafka's consumer is in it, and nothing that it passes on is unknown. */
static void
test_table(void)
{
	FILE	   *f = fopen(SI_TEST_DATA "/kafka_consumer_properties.txt", "r");
	char		name[128];
	int			n = 0;

	CHECK(f != NULL, "no list of Kafka's properties");
	while (f != NULL && fscanf(f, "%127s", name) == 1)
	{
		CHECK(si_consumer_property(name) != NULL, "%s is not in the table", name);
		n++;
	}
	CHECK(n > 100, "only %d properties in the list", n);
	if (f != NULL)
		fclose(f);
	for (int i = 0; i < si_nconsumer_properties; i++)
	{
		const SiConsumerProperty *p = &si_consumer_properties[i];

		CHECK(p->rule == SI_PROPERTY_PASSED || p->text != NULL, "nothing is said of %s", p->name);
		CHECK(strstr(p->name, "password") == NULL || si_property_is_secret(p->name), "%s is no secret", p->name);
		CHECK((strstr(p->name, ".location") == NULL && strstr(p->name, ".path") == NULL) ||
			  (p->flags & (SI_PROPERTY_FILE | SI_PROPERTY_SUPERUSER)), "anybody may set %s", p->name);
		for (int j = 0; j < i; j++)
			CHECK(strcmp(p->name, si_consumer_properties[j].name) != 0, "%s is there twice", p->name);
	}
	CHECK(si_property_is_secret("some.New.Password"), "unknown secrets are shown");
	CHECK(!si_property_is_secret("fetch.min.bytes"), "not everything is a secret");
}

static void
test_refused(void)
{
	SiKeyValue	none = {"client.id", "x"};

	CHECK_STR(setting("ssl.truststore.location", "/x.jks", "x"), "(refused)");
	CHECK(strstr(why.text, "keytool -list -rfc -keystore /x.jks") != NULL, "no cure in: %s", why.text);
	CHECK_STR(setting("ssl.keystore.location", "/x.jks", "x"), "(refused)");
	CHECK(strstr(why.text, "keytool -importkeystore -srckeystore /x.jks") != NULL, "no cure in: %s", why.text);
	CHECK_STR(setting("ssl.engine.factory.class", "a.b", "x"), "(refused)");
	CHECK_STR(setting("ssl.cipher.suites", "TLS_AES_128_GCM_SHA256", "x"), "(refused)");
	CHECK(strstr(why.text, "OpenSSL") != NULL, "no cure in: %s", why.text);
	CHECK_STR(setting("sasl.oauthbearer.token.endpoint.url", "file:///etc/passwd", "x"), "(refused)");
	CHECK_STR(setting("fetch.min.byte", "1", "x"), "(refused)");
	CHECK(strstr(why.text, "fetch.min.byte") != NULL, "no name in: %s", why.text);
	CHECK_STR(setting("fetch.min.bytes", "many", "x"), "(refused)");
	CHECK(strstr(why.text, "fetch.min.bytes") != NULL, "no name in: %s", why.text);
	CHECK_STR(setting("ssl.keystore.type", "BKS", "x"), "(refused)");
	CHECK_STR(setting("ssl.truststore.type", "BKS", "x"), "(refused)");
	/* a secret is not repeated in the message */
	CHECK_STR(setting("sasl.jaas.config", "LoginModule password=\"hunter2\"", "x"), "(refused)");
	CHECK(strstr(why.text, "hunter2") == NULL, "secret in: %s", why.text);

	CHECK(si_kafka_conf(1, &none, &why) == NULL, "a list of brokers is needed");
	CHECK(strstr(why.text, "bootstrap.servers") != NULL, "no name in: %s", why.text);
}

static void
test_errors(void)
{
	SiStreamError e;
	char		reason[600];

	CHECK_INT(si_kafka_error_class(RD_KAFKA_RESP_ERR_NO_ERROR), SI_STREAM_OK);
	CHECK_INT(si_kafka_error_class(RD_KAFKA_RESP_ERR__PARTITION_EOF), SI_STREAM_OK);
	CHECK_INT(si_kafka_error_class(RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED), SI_STREAM_OK);
	CHECK_INT(si_kafka_error_class(RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET), SI_STREAM_OFFSET_OUT_OF_RANGE);
	CHECK_INT(si_kafka_error_class(RD_KAFKA_RESP_ERR__TRANSPORT), SI_STREAM_TRANSIENT);
	CHECK_INT(si_kafka_error_class(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED), SI_STREAM_TRANSIENT);
	CHECK_INT(si_kafka_error_class(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), SI_STREAM_TRANSIENT);
	CHECK_INT(si_kafka_error_class(RD_KAFKA_RESP_ERR__BAD_MSG), SI_STREAM_FATAL);

	si_kafka_set_error(&e, RD_KAFKA_RESP_ERR__TRANSPORT, 3, "connection refused");
	CHECK_STR(e.text, "Local: Broker transport failure: connection refused");
	CHECK_INT(e.partition, 3);
	si_kafka_set_error(&e, RD_KAFKA_RESP_ERR__TRANSPORT, 3, NULL);
	CHECK_STR(e.text, "Local: Broker transport failure");

	/* cut between characters, wherever the limit falls */
	for (int shift = 0; shift < 4; shift++)
	{
		size_t		len;

		memset(reason, 'x', shift);
		for (int i = shift; i + 3 < sizeof(reason); i += 3)
			memcpy(reason + i, "\xe2\x82\xac", 4);
		si_kafka_set_error(&e, RD_KAFKA_RESP_ERR__TRANSPORT, -1, reason);
		len = strlen(e.text);
		CHECK(len >= sizeof(e.text) - 4 && (unsigned char) e.text[len - 1] == 0xac, "cut inside a character at %zu", len);
	}
}

int
main(void)
{
	test_forced();
	test_reason_text();
	test_preferred();
	test_java_names();
	test_jaas();
	test_stores();
	test_marks();
	test_table();
	test_refused();
	test_errors();
	return harness_end("test_kafka_conf");
}
