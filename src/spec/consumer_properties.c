/*
 * consumer_properties.c
 *		The table of consumerProperties.
 *
 * Kafka's names are those of its consumer 4.1, librdkafka's those of 2.0 and
 * some later ones.  What is in neither is refused with the nearest name; a
 * superuser may set whatever librdkafka knows.
 */
#include "common/port.h"

#include "spec/consumer_properties.h"

const SiConsumerProperty si_consumer_properties[] = {
	/* connections */
	{"bootstrap.servers", SI_PROPERTY_PASSED, 0, NULL},
	{"metadata.broker.list", SI_PROPERTY_PASSED, 0, NULL},
	{"client.id", SI_PROPERTY_PASSED, 0, NULL},
	{"client.rack", SI_PROPERTY_PASSED, 0, NULL},
	{"connections.max.idle.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"reconnect.backoff.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"reconnect.backoff.max.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"reconnect.backoff.jitter.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"socket.connection.setup.timeout.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"metadata.max.age.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"request.timeout.ms", SI_PROPERTY_RENAMED, 0, "socket.timeout.ms"},
	{"send.buffer.bytes", SI_PROPERTY_RENAMED, 0, "socket.send.buffer.bytes"},
	{"receive.buffer.bytes", SI_PROPERTY_RENAMED, 0, "socket.receive.buffer.bytes"},
	{"socket.timeout.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"socket.send.buffer.bytes", SI_PROPERTY_PASSED, 0, NULL},
	{"socket.receive.buffer.bytes", SI_PROPERTY_PASSED, 0, NULL},
	{"socket.keepalive.enable", SI_PROPERTY_PASSED, 0, NULL},
	{"socket.nagle.disable", SI_PROPERTY_PASSED, 0, NULL},
	{"socket.max.fails", SI_PROPERTY_PASSED, 0, NULL},
	{"broker.address.ttl", SI_PROPERTY_PASSED, 0, NULL},
	{"broker.address.family", SI_PROPERTY_PASSED, 0, NULL},
	{"api.version.request", SI_PROPERTY_PASSED, 0, NULL},
	{"api.version.request.timeout.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"api.version.fallback.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"broker.version.fallback", SI_PROPERTY_PASSED, 0, NULL},
	{"topic.metadata.refresh.interval.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"topic.metadata.refresh.fast.interval.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"topic.metadata.refresh.sparse", SI_PROPERTY_PASSED, 0, NULL},
	{"topic.metadata.propagation.max.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"max.in.flight", SI_PROPERTY_PASSED, 0, NULL},
	{"max.in.flight.requests.per.connection", SI_PROPERTY_PASSED, 0, NULL},
	{"message.max.bytes", SI_PROPERTY_PASSED, 0, NULL},
	{"receive.message.max.bytes", SI_PROPERTY_PASSED, 0, NULL},
	{"client.dns.lookup", SI_PROPERTY_NO_EFFECT, 0, "Connections are tried again as reconnect.backoff.ms and reconnect.backoff.max.ms say; only later releases of librdkafka know this one."},
	{"metadata.recovery.strategy", SI_PROPERTY_NO_EFFECT, 0, "Connections are tried again as reconnect.backoff.ms and reconnect.backoff.max.ms say; only later releases of librdkafka know this one."},
	{"metadata.recovery.rebootstrap.trigger.ms", SI_PROPERTY_NO_EFFECT, 0, "Connections are tried again as reconnect.backoff.ms and reconnect.backoff.max.ms say; only later releases of librdkafka know this one."},
	{"retry.backoff.ms", SI_PROPERTY_NO_EFFECT, 0, "Connections are tried again as reconnect.backoff.ms and reconnect.backoff.max.ms say; only later releases of librdkafka know this one."},
	{"retry.backoff.max.ms", SI_PROPERTY_NO_EFFECT, 0, "Connections are tried again as reconnect.backoff.ms and reconnect.backoff.max.ms say; only later releases of librdkafka know this one."},
	{"socket.connection.setup.timeout.max.ms", SI_PROPERTY_NO_EFFECT, 0, "Connections are tried again as reconnect.backoff.ms and reconnect.backoff.max.ms say; only later releases of librdkafka know this one."},
	{"default.api.timeout.ms", SI_PROPERTY_NO_EFFECT, 0, "No call of the reader waits for a broker."},

	/* reading */
	{"check.crcs", SI_PROPERTY_PASSED, 0, NULL},
	{"fetch.min.bytes", SI_PROPERTY_PASSED, 0, NULL},
	{"fetch.max.bytes", SI_PROPERTY_PASSED, 0, NULL},
	{"fetch.message.max.bytes", SI_PROPERTY_PASSED, 0, NULL},
	{"max.partition.fetch.bytes", SI_PROPERTY_PASSED, 0, NULL},
	{"fetch.wait.max.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"fetch.error.backoff.ms", SI_PROPERTY_PASSED, 0, NULL},
	{"fetch.queue.backoff.ms", SI_PROPERTY_NO_EFFECT, 0, "Only librdkafka from 2.2 on has it; before, the reader wakes it."},
	{"isolation.level", SI_PROPERTY_PASSED, 0, NULL},
	{"fetch.max.wait.ms", SI_PROPERTY_RENAMED, 0, "fetch.wait.max.ms"},
	{"queued.min.messages", SI_PROPERTY_OURS, 0, "stream_ingest.kafka_queue_memory decides how much is fetched ahead."},
	{"queued.max.messages.kbytes", SI_PROPERTY_OURS, 0, "stream_ingest.kafka_queue_memory decides how much is fetched ahead."},
	{"max.poll.records", SI_PROPERTY_NO_EFFECT, 0, "Batches are bounded by bytes and time."},
	{"key.deserializer", SI_PROPERTY_NO_EFFECT, 0, "Messages are read as bytes."},
	{"key.deserializer.encoding", SI_PROPERTY_NO_EFFECT, 0, "Messages are read as bytes."},
	{"value.deserializer", SI_PROPERTY_NO_EFFECT, 0, "Messages are read as bytes."},
	{"value.deserializer.encoding", SI_PROPERTY_NO_EFFECT, 0, "Messages are read as bytes."},
	{"interceptor.classes", SI_PROPERTY_NO_EFFECT, 0, "There are no Java classes here."},
	{"exclude.internal.topics", SI_PROPERTY_NO_EFFECT, 0, "The spec names the topics."},
	{"allow.auto.create.topics", SI_PROPERTY_OURS, 0, "A misspelt topic must not create one."},

	/* offsets and groups */
	{"enable.auto.commit", SI_PROPERTY_OURS, 0, "Offsets are stored in the database together with the rows, never in Kafka."},
	{"enable.auto.offset.store", SI_PROPERTY_OURS, 0, "Offsets are stored in the database together with the rows, never in Kafka."},
	{"auto.commit.interval.ms", SI_PROPERTY_OURS, 0, "Offsets are stored in the database together with the rows, never in Kafka."},
	{"auto.offset.reset", SI_PROPERTY_OURS, 0, "useEarliestOffset and resetOffsetAutomatically decide."},
	{"enable.partition.eof", SI_PROPERTY_OURS, 0, "The reader needs it."},
	{"group.id", SI_PROPERTY_NO_EFFECT, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"group.instance.id", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"group.protocol", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"group.protocol.type", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"group.remote.assignor", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"partition.assignment.strategy", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"session.timeout.ms", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"heartbeat.interval.ms", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"max.poll.interval.ms", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"coordinator.query.interval.ms", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"internal.leave.group.on.close", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"internal.throw.on.fetch.stable.offset.unsupported", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},
	{"share.acknowledgement.mode", SI_PROPERTY_OURS, 0, "Partitions are assigned by the supervisor, not by a consumer group."},

	/* metrics and logs */
	{"metric.reporters", SI_PROPERTY_OURS, 0, "Figures are in the views, such as stream_ingest.row_stats and stream_ingest.partitions."},
	{"metrics.num.samples", SI_PROPERTY_OURS, 0, "Figures are in the views, such as stream_ingest.row_stats and stream_ingest.partitions."},
	{"metrics.recording.level", SI_PROPERTY_OURS, 0, "Figures are in the views, such as stream_ingest.row_stats and stream_ingest.partitions."},
	{"metrics.sample.window.ms", SI_PROPERTY_OURS, 0, "Figures are in the views, such as stream_ingest.row_stats and stream_ingest.partitions."},
	{"auto.include.jmx.reporter", SI_PROPERTY_OURS, 0, "Figures are in the views, such as stream_ingest.row_stats and stream_ingest.partitions."},
	{"enable.metrics.push", SI_PROPERTY_OURS, 0, "Figures are in the views, such as stream_ingest.row_stats and stream_ingest.partitions."},
	{"statistics.interval.ms", SI_PROPERTY_OURS, 0, "The reader needs its own."},
	{"log.queue", SI_PROPERTY_OURS, 0, "The reader needs its own."},
	{"enabled_events", SI_PROPERTY_OURS, 0, "The reader needs its own."},
	{"internal.termination.signal", SI_PROPERTY_OURS, 0, "The reader needs its own."},
	{"log_level", SI_PROPERTY_PASSED, 0, NULL},
	{"log.connection.close", SI_PROPERTY_PASSED, 0, NULL},
	{"log.thread.name", SI_PROPERTY_PASSED, 0, NULL},
	{"debug", SI_PROPERTY_PASSED, SI_PROPERTY_SUPERUSER, NULL},

	/* TLS */
	{"security.protocol", SI_PROPERTY_PASSED, 0, NULL},
	{"security.providers", SI_PROPERTY_NO_EFFECT, 0, "OpenSSL and its configuration decide."},
	{"ssl.protocol", SI_PROPERTY_NO_EFFECT, 0, "OpenSSL and its configuration decide."},
	{"ssl.enabled.protocols", SI_PROPERTY_NO_EFFECT, 0, "OpenSSL and its configuration decide."},
	{"ssl.provider", SI_PROPERTY_NO_EFFECT, 0, "OpenSSL and its configuration decide."},
	{"ssl.keymanager.algorithm", SI_PROPERTY_NO_EFFECT, 0, "OpenSSL and its configuration decide."},
	{"ssl.trustmanager.algorithm", SI_PROPERTY_NO_EFFECT, 0, "OpenSSL and its configuration decide."},
	{"ssl.secure.random.implementation", SI_PROPERTY_NO_EFFECT, 0, "OpenSSL and its configuration decide."},
	{"ssl.cipher.suites", SI_PROPERTY_MAPPED, 0, "passed on, with the names of OpenSSL; those of Java are refused"},
	{"ssl.curves.list", SI_PROPERTY_PASSED, 0, NULL},
	{"ssl.sigalgs.list", SI_PROPERTY_PASSED, 0, NULL},
	{"enable.ssl.certificate.verification", SI_PROPERTY_PASSED, 0, NULL},
	{"ssl.endpoint.identification.algorithm", SI_PROPERTY_MAPPED, 0, "passed on; empty is none"},
	{"ssl.truststore.type", SI_PROPERTY_MAPPED, 0, "PEM; JKS and PKCS12 are refused with the command that converts them"},
	{"ssl.truststore.location", SI_PROPERTY_MAPPED, SI_PROPERTY_FILE, "ssl.ca.location, when the file is PEM"},
	{"ssl.truststore.certificates", SI_PROPERTY_RENAMED, 0, "ssl.ca.pem"},
	{"ssl.truststore.password", SI_PROPERTY_NO_EFFECT, SI_PROPERTY_SECRET, "Certificates in PEM have no password."},
	{"ssl.keystore.type", SI_PROPERTY_MAPPED, 0, "PEM or PKCS12; JKS is refused with the command that converts it"},
	{"ssl.keystore.location", SI_PROPERTY_MAPPED, SI_PROPERTY_FILE, "PKCS12: the same; PEM: ssl.certificate.location and ssl.key.location"},
	{"ssl.keystore.password", SI_PROPERTY_PASSED, SI_PROPERTY_SECRET, NULL},
	{"ssl.keystore.certificate.chain", SI_PROPERTY_RENAMED, 0, "ssl.certificate.pem"},
	{"ssl.keystore.key", SI_PROPERTY_RENAMED, SI_PROPERTY_SECRET, "ssl.key.pem"},
	{"ssl.key.password", SI_PROPERTY_PASSED, SI_PROPERTY_SECRET, NULL},
	{"ssl.key.pem", SI_PROPERTY_PASSED, SI_PROPERTY_SECRET, NULL},
	{"ssl.certificate.pem", SI_PROPERTY_PASSED, 0, NULL},
	{"ssl.ca.pem", SI_PROPERTY_PASSED, 0, NULL},
	{"https.ca.pem", SI_PROPERTY_PASSED, 0, NULL},
	{"ssl.ca.location", SI_PROPERTY_PASSED, SI_PROPERTY_FILE, NULL},
	{"ssl.certificate.location", SI_PROPERTY_PASSED, SI_PROPERTY_FILE, NULL},
	{"ssl.key.location", SI_PROPERTY_PASSED, SI_PROPERTY_FILE, NULL},
	{"ssl.crl.location", SI_PROPERTY_PASSED, SI_PROPERTY_FILE, NULL},
	{"https.ca.location", SI_PROPERTY_PASSED, SI_PROPERTY_FILE, NULL},
	{"ssl.ca.certificate.stores", SI_PROPERTY_NO_EFFECT, 0, "That is for Windows."},
	{"ssl.providers", SI_PROPERTY_PASSED, SI_PROPERTY_SUPERUSER, NULL},
	{"ssl.engine.location", SI_PROPERTY_PASSED, SI_PROPERTY_SUPERUSER, NULL},
	{"ssl.engine.id", SI_PROPERTY_PASSED, SI_PROPERTY_SUPERUSER, NULL},
	{"ssl.engine.factory.class", SI_PROPERTY_REFUSED, 0, "There are no Java classes here: use ssl.ca.location, ssl.certificate.location and ssl.key.location."},

	/* SASL */
	{"sasl.mechanism", SI_PROPERTY_PASSED, 0, NULL},
	{"sasl.mechanisms", SI_PROPERTY_PASSED, 0, NULL},
	{"sasl.username", SI_PROPERTY_PASSED, 0, NULL},
	{"sasl.password", SI_PROPERTY_PASSED, SI_PROPERTY_SECRET, NULL},
	{"sasl.jaas.config", SI_PROPERTY_MAPPED, SI_PROPERTY_SECRET, "sasl.username and sasl.password, of PlainLoginModule and ScramLoginModule"},
	{"sasl.kerberos.service.name", SI_PROPERTY_PASSED, SI_PROPERTY_SUPERUSER, NULL},
	{"sasl.kerberos.principal", SI_PROPERTY_PASSED, SI_PROPERTY_SUPERUSER, NULL},
	{"sasl.kerberos.keytab", SI_PROPERTY_PASSED, SI_PROPERTY_SUPERUSER, NULL},
	{"sasl.kerberos.kinit.cmd", SI_PROPERTY_PASSED, SI_PROPERTY_SUPERUSER, NULL},
	{"sasl.kerberos.min.time.before.relogin", SI_PROPERTY_PASSED, SI_PROPERTY_SUPERUSER, NULL},
	{"sasl.kerberos.ticket.renew.jitter", SI_PROPERTY_NO_EFFECT, 0, "sasl.kerberos.min.time.before.relogin decides."},
	{"sasl.kerberos.ticket.renew.window.factor", SI_PROPERTY_NO_EFFECT, 0, "sasl.kerberos.min.time.before.relogin decides."},
	{"sasl.login.class", SI_PROPERTY_REFUSED, 0, "There are no Java classes here: use librdkafka's sasl.* properties."},
	{"sasl.login.callback.handler.class", SI_PROPERTY_REFUSED, 0, "There are no Java classes here: use librdkafka's sasl.* properties."},
	{"sasl.client.callback.handler.class", SI_PROPERTY_REFUSED, 0, "There are no Java classes here: use librdkafka's sasl.* properties."},
	{"sasl.oauthbearer.jwt.retriever.class", SI_PROPERTY_REFUSED, 0, "There are no Java classes here: use librdkafka's sasl.* properties."},
	{"sasl.oauthbearer.jwt.validator.class", SI_PROPERTY_REFUSED, 0, "There are no Java classes here: use librdkafka's sasl.* properties."},
	{"sasl.login.connect.timeout.ms", SI_PROPERTY_NO_EFFECT, 0, "librdkafka has its own times for a login."},
	{"sasl.login.read.timeout.ms", SI_PROPERTY_NO_EFFECT, 0, "librdkafka has its own times for a login."},
	{"sasl.login.refresh.buffer.seconds", SI_PROPERTY_NO_EFFECT, 0, "librdkafka has its own times for a login."},
	{"sasl.login.refresh.min.period.seconds", SI_PROPERTY_NO_EFFECT, 0, "librdkafka has its own times for a login."},
	{"sasl.login.refresh.window.factor", SI_PROPERTY_NO_EFFECT, 0, "librdkafka has its own times for a login."},
	{"sasl.login.refresh.window.jitter", SI_PROPERTY_NO_EFFECT, 0, "librdkafka has its own times for a login."},
	{"sasl.login.retry.backoff.ms", SI_PROPERTY_NO_EFFECT, 0, "librdkafka has its own times for a login."},
	{"sasl.login.retry.backoff.max.ms", SI_PROPERTY_NO_EFFECT, 0, "librdkafka has its own times for a login."},
	{"sasl.oauthbearer.method", SI_PROPERTY_PASSED, 0, NULL},
	{"sasl.oauthbearer.client.id", SI_PROPERTY_PASSED, 0, NULL},
	{"sasl.oauthbearer.scope", SI_PROPERTY_PASSED, 0, NULL},
	{"sasl.oauthbearer.extensions", SI_PROPERTY_PASSED, 0, NULL},
	{"sasl.oauthbearer.grant.type", SI_PROPERTY_PASSED, 0, NULL},
	{"enable.sasl.oauthbearer.unsecure.jwt", SI_PROPERTY_PASSED, 0, NULL},
	{"sasl.oauthbearer.token.endpoint.url", SI_PROPERTY_MAPPED, 0, "passed on; an address of http or https"},
	{"sasl.oauthbearer.client.secret", SI_PROPERTY_PASSED, SI_PROPERTY_SECRET, NULL},
	{"sasl.oauthbearer.config", SI_PROPERTY_PASSED, SI_PROPERTY_SECRET, NULL},
	{"sasl.oauthbearer.client.credentials.client.id", SI_PROPERTY_RENAMED, 0, "sasl.oauthbearer.client.id"},
	{"sasl.oauthbearer.client.credentials.client.secret", SI_PROPERTY_RENAMED, SI_PROPERTY_SECRET, "sasl.oauthbearer.client.secret"},
	{"sasl.oauthbearer.assertion.algorithm", SI_PROPERTY_REFUSED, 0, "Assertions are not supported: use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret."},
	{"sasl.oauthbearer.assertion.claim.aud", SI_PROPERTY_REFUSED, 0, "Assertions are not supported: use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret."},
	{"sasl.oauthbearer.assertion.claim.exp.seconds", SI_PROPERTY_REFUSED, 0, "Assertions are not supported: use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret."},
	{"sasl.oauthbearer.assertion.claim.iss", SI_PROPERTY_REFUSED, 0, "Assertions are not supported: use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret."},
	{"sasl.oauthbearer.assertion.claim.jti.include", SI_PROPERTY_REFUSED, 0, "Assertions are not supported: use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret."},
	{"sasl.oauthbearer.assertion.claim.nbf.seconds", SI_PROPERTY_REFUSED, 0, "Assertions are not supported: use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret."},
	{"sasl.oauthbearer.assertion.claim.sub", SI_PROPERTY_REFUSED, 0, "Assertions are not supported: use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret."},
	{"sasl.oauthbearer.assertion.file", SI_PROPERTY_REFUSED, 0, "Assertions are not supported: use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret."},
	{"sasl.oauthbearer.assertion.template.file", SI_PROPERTY_REFUSED, 0, "Assertions are not supported: use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret."},
	{"sasl.oauthbearer.assertion.private.key.file", SI_PROPERTY_REFUSED, 0, "Assertions are not supported: use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret."},
	{"sasl.oauthbearer.assertion.private.key.passphrase", SI_PROPERTY_REFUSED, SI_PROPERTY_SECRET, "Assertions are not supported: use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret."},
	{"sasl.oauthbearer.clock.skew.seconds", SI_PROPERTY_NO_EFFECT, 0, "The broker checks the token."},
	{"sasl.oauthbearer.expected.audience", SI_PROPERTY_NO_EFFECT, 0, "The broker checks the token."},
	{"sasl.oauthbearer.expected.issuer", SI_PROPERTY_NO_EFFECT, 0, "The broker checks the token."},
	{"sasl.oauthbearer.header.urlencode", SI_PROPERTY_NO_EFFECT, 0, "The broker checks the token."},
	{"sasl.oauthbearer.jwks.endpoint.refresh.ms", SI_PROPERTY_NO_EFFECT, 0, "The broker checks the token."},
	{"sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", SI_PROPERTY_NO_EFFECT, 0, "The broker checks the token."},
	{"sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", SI_PROPERTY_NO_EFFECT, 0, "The broker checks the token."},
	{"sasl.oauthbearer.jwks.endpoint.url", SI_PROPERTY_NO_EFFECT, 0, "The broker checks the token."},
	{"sasl.oauthbearer.scope.claim.name", SI_PROPERTY_NO_EFFECT, 0, "The broker checks the token."},
	{"sasl.oauthbearer.sub.claim.name", SI_PROPERTY_NO_EFFECT, 0, "The broker checks the token."},

	/* loading code */
	{"plugin.library.paths", SI_PROPERTY_PASSED, SI_PROPERTY_SUPERUSER, NULL},

	/* Druid */
	{"druid.dynamic.config.provider", SI_PROPERTY_MAPPED, SI_PROPERTY_SECRET, "environment or mapString: the properties it gives, which go before others of the same name"},
};

const int	si_nconsumer_properties = lengthof(si_consumer_properties);

const SiConsumerProperty *
si_consumer_property(const char *name)
{
	for (int i = 0; i < si_nconsumer_properties; i++)
		if (strcmp(si_consumer_properties[i].name, name) == 0)
			return &si_consumer_properties[i];
	return NULL;
}

bool
si_property_is_secret(const char *name)
{
	static const char *const parts[] = {"password", "passphrase", "passwd", "secret", "jaas", "token", "credential", "key.pem", "private"};
	const SiConsumerProperty *p = si_consumer_property(name);
	char		folded[128];
	size_t		len;

	if (p != NULL)
		return (p->flags & SI_PROPERTY_SECRET) != 0;
	/* unknown to us: better hidden once too often */
	len = strlcpy(folded, name, sizeof(folded));
	for (char *c = folded; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	if (len >= sizeof(folded))
		return true;
	for (int i = 0; i < lengthof(parts); i++)
		if (strstr(folded, parts[i]) != NULL)
			return true;
	return strstr(folded, ".key") != NULL || (len >= 3 && strcmp(folded + len - 3, "key") == 0);
}
