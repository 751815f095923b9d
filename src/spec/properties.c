/*
 * properties.c
 *		consumerProperties of a spec: what is refused, what is forced, where
 *		passwords come from, and what is secret.
 *
 * Whether librdkafka knows a property is found out by source/kafka.c.
 * Values of secrets never get into a message or an echo.
 */
#include "postgres.h"

#include <ctype.h>

#include "miscadmin.h"
#include "spec/shape.h"

/*
 * Names of which a part suffices: these load code, run programs or read
 * files of the server.
 */
static const char *const server_side[] = {
	"plugin.library.paths", "sasl.kerberos.kinit.cmd", "sasl.kerberos.keytab",
	"ssl.engine.location", "ssl.engine.callback.data", "ssl.providers",
	"interceptor.classes",
};

static const struct
{
	const char *name;
	const char *why;
}			forced[] =

{
	{"enable.auto.commit", "Offsets are stored in the database together with the rows, never in Kafka."},
	{"enable.auto.offset.store", "Offsets are stored in the database together with the rows, never in Kafka."},
	{"auto.commit.interval.ms", "Offsets are stored in the database together with the rows, never in Kafka."},
	{"auto.offset.reset", "useEarliestOffset and resetOffsetAutomatically decide."},
	{"group.id", "Partitions are assigned by the supervisor, not by a consumer group."},
	{"group.instance.id", "Partitions are assigned by the supervisor, not by a consumer group."},
	{"enable.partition.eof", "The reader needs it."},
	{"key.deserializer", "Messages are read as bytes."},
	{"value.deserializer", "Messages are read as bytes."},
	{"max.poll.records", "Batches are bounded by bytes and time."},
};

static bool
ends_with(const char *text, const char *end)
{
	size_t		len = strlen(text);
	size_t		n = strlen(end);

	return len >= n && pg_strcasecmp(text + len - n, end) == 0;
}

static bool
needs_superuser(const char *name)
{
	for (int i = 0; i < lengthof(server_side); i++)
	{
		if (pg_strcasecmp(name, server_side[i]) == 0)
			return true;
	}
	/* ssl.ca.location, ssl.keystore.location, ... name files */
	return ends_with(name, ".location") || ends_with(name, ".path") || ends_with(name, ".paths") ||
		ends_with(name, ".file") || ends_with(name, ".cmd");
}

static char *
lower(const char *text)
{
	char	   *copy = pstrdup(text);

	for (char *p = copy; *p; p++)
		*p = (char) pg_ascii_tolower((unsigned char) *p);
	return copy;
}

static bool
is_secret(const char *name)
{
	static const char *const parts[] = {"password", "passwd", "secret", "jaas", "token", "credential",
	"oauthbearer.config", "key.pem", "private"};
	char	   *folded = lower(name);

	for (int i = 0; i < lengthof(parts); i++)
	{
		if (strstr(folded, parts[i]))
			return true;
	}
	/* "ssl.key.*" but not "key.deserializer" */
	return (strstr(folded, ".key") || ends_with(folded, "key")) && !ends_with(folded, ".location");
}

/* The value of an environment variable of the server. */
static char *
from_environment(const SiJson *provider, const char *path, bool trusted)
{
	const char *variable;
	const char *value;

	if (si_json_is_empty(si_json_get(provider, "variable")) ||
		!si_value_string(si_json_get(provider, "variable"), &variable))
		si_spec_missing(psprintf("%s.variable", path), "Name the environment variable that holds the password.");
	if (!trusted && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s takes its value from the server's environment", path),
				 errhint("Only a superuser may submit such a spec.")));
	value = getenv(variable);
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("environment variable \"%s\" of %s is not set", variable, path),
				 errhint("Set it in the environment of the server and restart the server.")));
	return pstrdup(value);
}

/* A password provider: the value it stands for. */
static char *
from_provider(const SiJson *provider, const char *path, bool trusted)
{
	const char *type;
	const char *password;

	if (si_json_is_empty(si_json_get(provider, "type")) ||
		!si_value_string(si_json_get(provider, "type"), &type))
		si_spec_missing(psprintf("%s.type", path), "A property is a string or a password provider.");
	if (strcmp(type, "environment") == 0)
		return from_environment(provider, path, trusted);
	if (strcmp(type, "default") != 0)
		si_spec_error(psprintf("%s.type", path), si_json_get(provider, "type"),
					  "Supported: default, environment.", NULL);
	if (si_json_is_null(si_json_get(provider, "password")) ||
		!si_value_string(si_json_get(provider, "password"), &password))
		si_spec_missing(psprintf("%s.password", path), NULL);
	return pstrdup(password);
}

static void
check_allowed(const char *name, const char *path, bool trusted)
{
	if (needs_superuser(name) && !trusted && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for property %s", path),
				 errdetail("The property makes the server load code, run a program or read a file."),
				 errhint("Only a superuser may submit such a spec. Certificates and keys can be given inline, in ssl.ca.pem, ssl.certificate.pem and ssl.key.pem.")));
	if (strcmp(name, "druid.dynamic.config.provider") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s is not supported", path),
				 errhint("Give the properties one by one; each may be a password provider.")));
}

void
si_spec_properties(SiSpec *spec, const SiJson *map, const char *path, bool trusted,
				   SiSpecFindings *findings)
{
	bool		has_brokers = false;

	if (si_json_is_null(map))
		si_spec_missing(path, "Give at least {\"bootstrap.servers\": \"host:9092\"}.");

	spec->properties = palloc0(sizeof(SiKeyValue) * Max(map->n, 1));
	for (int i = 0; i < map->n; i++)
	{
		const char *name = map->keys[i];
		const SiJson *value = map->items[i];
		SiKeyValue *kv = &spec->properties[spec->nproperties];
		char	   *place = psprintf("%s.%s", path, name);
		const char *text;

		if (si_json_is_null(value))
			continue;
		check_allowed(name, place, trusted);
		if (value->kind == SI_JSON_OBJECT)
			text = from_provider(value, place, trusted);
		else if (!si_value_string(value, &text))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for %s", place),
					 errdetail("Expected a string, a number, a boolean or a password provider.")));
		if (is_secret(name) && strcmp(text, SI_HIDDEN_SECRET) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for %s", place),
					 errdetail("The value is what an echoed spec shows instead of a secret."),
					 errhint("Put the secret itself there.")));

		for (int j = 0; j < lengthof(forced); j++)
		{
			if (strcmp(name, forced[j].name) == 0)
				si_finding_no_effect(findings, place, forced[j].why);
		}
		if (strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0)
			has_brokers = text[strspn(text, " ,")] != '\0';
		kv->key = pstrdup(name);
		kv->value = pstrdup(text);
		spec->nproperties++;
	}
	if (!has_brokers)
		si_spec_missing(psprintf("%s.bootstrap.servers", path),
						"Name the brokers, for example \"bootstrap.servers\": \"localhost:9092\".");
}

SiJson *
si_spec_hide_secrets(const SiJson *map)
{
	SiJson	   *copy;

	if (map->kind != SI_JSON_OBJECT)
		return si_json_null();
	copy = si_json_shallow_copy(map);
	for (int i = 0; i < copy->n; i++)
	{
		SiJson	   *value = copy->items[i];

		if (value->kind == SI_JSON_OBJECT)
		{
			value = si_json_shallow_copy(value);
			for (int j = 0; j < value->n; j++)
			{
				if (strcmp(value->keys[j], "type") != 0 && strcmp(value->keys[j], "variable") != 0)
					value->items[j] = si_json_string(SI_HIDDEN_SECRET);
			}
			copy->items[i] = value;
		}
		else if (is_secret(copy->keys[i]) && !si_json_is_null(value))
			copy->items[i] = si_json_string(SI_HIDDEN_SECRET);
	}
	return copy;
}
