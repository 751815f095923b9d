/*
 * properties.c
 *		consumerProperties of a spec: what is refused, what has no effect, who
 *		may use what, where passwords come from, and what is secret.
 *
 * The table of names is consumer_properties.c; what a property means to the
 * client is source/kafka_conf.c.  A value that comes from the environment or
 * a file is not looked at here: it is read whenever a client is made, so that
 * a spec can be read, suspended and terminated without it.
 *
 * Values of secrets never get into a message or an echo.
 */
#include "postgres.h"

#include "common/guc.h"
#include "miscadmin.h"
#include "spec/consumer_properties.h"
#include "spec/shape.h"

#define DYNAMIC_PROVIDER "druid.dynamic.config.provider"

typedef struct Properties
{
	SiSpec	   *spec;
	int			room;
	bool		trusted;		/* nobody is asked: a superuser submits, or it was accepted before */
	SiSpecFindings *findings;
} Properties;

/* ------------------------------------------------------------------- paths */

static void
path_denied(const char *place, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 err_generic_string(PG_DIAG_COLUMN_NAME, place),
			 errmsg("permission denied for the file of %s", place),
			 errdetail("%s", detail),
			 errhint("Ask for the file to be put into the directory that stream_ingest.tls_directory names, or give certificates and keys inline, in ssl.ca.pem, ssl.certificate.pem and ssl.key.pem.")));
}

/*
 * The file that a property names: relative paths begin at the directory of
 * the setting.  Who is not trusted gets no file from elsewhere, by no link.
 */
static char *
check_path(const char *given, const char *place, bool trusted)
{
	bool		has_directory = si_tls_directory != NULL && si_tls_directory[0] != '\0';
	char	   *path = is_absolute_path(given) || !has_directory ? pstrdup(given)
		: psprintf("%s/%s", si_tls_directory, given);
	char	   *directory;
	char	   *real_directory;
	char	   *real;

	if (trusted)
		return path;
	if (!has_directory)
		path_denied(place, "Files of the server are for superusers, since stream_ingest.tls_directory is not set.");
	directory = pstrdup(si_tls_directory);
	canonicalize_path(directory);
	/* by its name first: whether a file elsewhere exists is nobody's business */
	if (strstr(given, "..") != NULL || !path_is_prefix_of_path(directory, path) || strcmp(directory, path) == 0)
		path_denied(place, "The file is not in the directory that stream_ingest.tls_directory names.");
	real_directory = realpath(directory, NULL);
	real = real_directory ? realpath(path, NULL) : NULL;
	if (real == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 err_generic_string(PG_DIAG_COLUMN_NAME, place),
				 errmsg("could not find the file \"%s\" of %s: %m", path, place)));
	if (!path_is_prefix_of_path(real_directory, real) || strcmp(real_directory, real) == 0)
		path_denied(place, "The file is a link that leaves the directory that stream_ingest.tls_directory names.");
	free(real_directory);
	free(real);
	return path;
}

/* --------------------------------------------------------------- providers */

/* A member of a provider that must be text. */
static const char *
provider_text(const SiJson *provider, const char *place, const char *member, const char *hint)
{
	const char *text;

	if (si_json_is_null(si_json_get(provider, member)) || !si_value_string(si_json_get(provider, member), &text))
		si_spec_missing(psprintf("%s.%s", place, member), hint);
	return text;
}

/* What the user has written, which is not what an echo shows and does not look like one of our marks. */
static const char *
given_text(const char *text, bool secret, const char *place)
{
	if ((secret && strcmp(text, SI_HIDDEN_SECRET) == 0) || strchr(text, SI_VALUE_MARK) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 err_generic_string(PG_DIAG_COLUMN_NAME, place),
				 errmsg("invalid value for %s", place),
				 errdetail("The value is what an echoed spec shows instead of a secret, or has control characters."),
				 errhint("Put the secret itself there.")));
	return text;
}

static void
need_superuser(const char *place, const char *what, bool trusted)
{
	if (!trusted)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 err_generic_string(PG_DIAG_COLUMN_NAME, place),
				 errmsg("permission denied for property %s", place),
				 errdetail("%s", what),
				 errhint("Only a superuser may submit such a spec.")));
}

/* A password provider: the value it stands for, or a mark where it will be found. */
static const char *
from_provider(const SiJson *provider, const char *name, const char *place, bool trusted)
{
	const char *type;
	const char *text;

	type = provider_text(provider, place, "type", "A property is a string or a password provider.");
	if (strcmp(type, "default") == 0)
		return given_text(provider_text(provider, place, "password", NULL), true, place);
	if (strcmp(type, "environment") == 0)
	{
		need_superuser(place, "It takes its value from the environment of the server.", trusted);
		text = provider_text(provider, place, "variable", "Name the environment variable that holds the password.");
		return psprintf("%s%s", SI_VALUE_ENVIRONMENT, text);
	}
	if (strcmp(type, "file") == 0)
	{
		text = provider_text(provider, place, "path", "Name the file whose only line is the password.");
		if (!si_property_is_secret(name))
			need_superuser(place, "Only passwords and the like may come out of a file.", trusted);
		return psprintf("%s%s", SI_VALUE_FILE, check_path(text, psprintf("%s.path", place), trusted));
	}
	si_spec_error(psprintf("%s.type", place), si_json_get(provider, "type"), "Supported: default, environment, file.", NULL);
}

/* -------------------------------------------------------------- properties */

static void
unknown_property(const char *name, const char *place)
{
	const char *nearest = si_spec_nearest_property(name);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 err_generic_string(PG_DIAG_COLUMN_NAME, place),
			 errmsg("unknown consumer property %s", place),
			 nearest ? errhint("Perhaps you meant \"%s\".", nearest)
			 : errhint("SELECT name FROM stream_ingest.consumer_properties() shows all. A superuser may set any property of librdkafka.")));
}

/* The value of a property as text; NULL when it is none. */
static const char *
value_text(const SiJson *value, const char *name, const char *place, bool trusted)
{
	const char *text;

	if (value->kind == SI_JSON_OBJECT)
		return from_provider(value, name, place, trusted);
	if (!si_value_string(value, &text))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 err_generic_string(PG_DIAG_COLUMN_NAME, place),
				 errmsg("invalid value for %s", place),
				 errdetail("Expected a string, a number, a boolean or a password provider.")));
	return given_text(text, si_property_is_secret(name), place);
}

/* Sets a property; a later one of the same name goes before an earlier one. */
static void
set_value(Properties *p, const char *name, const char *value)
{
	SiSpec	   *spec = p->spec;
	int			i;

	for (i = 0; i < spec->nproperties; i++)
		if (strcmp(spec->properties[i].key, name) == 0)
			break;
	if (i == p->room)
	{
		p->room = p->room * 2 + 8;
		spec->properties = spec->properties ? repalloc(spec->properties, sizeof(SiKeyValue) * p->room)
			: palloc(sizeof(SiKeyValue) * p->room);
	}
	spec->properties[i].key = pstrdup(name);
	spec->properties[i].value = pstrdup(value);
	spec->nproperties = Max(spec->nproperties, i + 1);
}

static void
add_property(Properties *p, const char *name, const SiJson *value, const char *place)
{
	const SiConsumerProperty *known = si_consumer_property(name);
	int			flags = known ? known->flags : 0;
	const char *text;

	/* what a superuser names, or has named, librdkafka may know */
	if (known == NULL && !p->trusted)
		unknown_property(name, place);
	if (flags & SI_PROPERTY_SUPERUSER)
		need_superuser(place, "It makes the server load code, run a program or show what it does.", p->trusted);
	if ((flags & SI_PROPERTY_FILE) && value->kind == SI_JSON_OBJECT)
		need_superuser(place, "The path of a file must be given as it is.", p->trusted);
	text = value_text(value, name, place, p->trusted);
	/* the library's word for "where certificates usually are" */
	if ((flags & SI_PROPERTY_FILE) && text[0] != SI_VALUE_MARK && text[0] != '\0' &&
		!(strcmp(name, "ssl.ca.location") == 0 && strcmp(text, "probe") == 0))
		text = check_path(text, place, p->trusted);
	if (known && (known->rule == SI_PROPERTY_NO_EFFECT || known->rule == SI_PROPERTY_OURS))
		si_finding_no_effect(p->findings, place, known->text);
	set_value(p, name, text);
}

/* Druid's provider of several properties at once. */
static void
add_dynamic(Properties *p, const SiJson *provider, const char *place)
{
	const char *type;
	const char *member;
	const SiJson *map;
	bool		environment;

	if (provider->kind != SI_JSON_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 err_generic_string(PG_DIAG_COLUMN_NAME, place),
				 errmsg("invalid value for %s", place),
				 errdetail("Expected an object with the type environment or mapString.")));
	type = provider_text(provider, place, "type", "The types are environment and mapString.");
	environment = strcmp(type, "environment") == 0;
	if (!environment && strcmp(type, "mapString") != 0)
		si_spec_error(psprintf("%s.type", place), si_json_get(provider, "type"), "Supported: environment, mapString.", NULL);
	member = environment ? "variables" : "config";
	map = si_json_get(provider, member);
	if (si_json_is_null(map) || map->kind != SI_JSON_OBJECT)
		si_spec_missing(psprintf("%s.%s", place, member), "It is an object with the names of properties.");
	for (int i = 0; i < map->n; i++)
	{
		const SiJson *value = map->items[i];
		char	   *inner = psprintf("%s.%s.%s", place, member, map->keys[i]);

		if (si_json_is_null(value))
			continue;
		if (environment)
		{
			SiJson	   *one = si_json_container(SI_JSON_OBJECT);

			si_json_set(one, "type", si_json_string("environment"));
			si_json_set(one, "variable", unconstify(SiJson *, value));
			value = one;
		}
		add_property(p, map->keys[i], value, inner);
	}
}

static const char *
given_value(const SiSpec *spec, const char *name)
{
	for (int i = 0; i < spec->nproperties; i++)
		if (strcmp(spec->properties[i].key, name) == 0)
			return spec->properties[i].value;
	return NULL;
}

/*
 * Kerberos, librdkafka's default, runs kinit in a shell: who is not trusted
 * must name another mechanism.
 */
static void
check_mechanism(const SiSpec *spec, const char *path)
{
	static const char *const names[] = {"sasl.mechanism", "sasl.mechanisms"};
	static const char *const harmless[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"};
	const char *protocol = given_value(spec, "security.protocol");
	bool		named = false;

	for (int i = 0; i < lengthof(names); i++)
	{
		const char *value = given_value(spec, names[i]);
		bool		ok = value == NULL;

		for (int j = 0; !ok && j < lengthof(harmless); j++)
			ok = strcmp(value, harmless[j]) == 0;
		if (!ok)
			need_superuser(psprintf("%s.%s", path, names[i]),
						   "Mechanisms other than PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER run programs of the server.", false);
		named |= value != NULL;
	}
	if (protocol && pg_strncasecmp(protocol, "sasl", 4) == 0 && !named)
		si_spec_missing(psprintf("%s.sasl.mechanism", path),
						"Name PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER; the default, GSSAPI, is for superusers.");
}

void
si_spec_properties(SiSpec *spec, const SiJson *map, const char *path, bool trusted,
				   SiSpecFindings *findings)
{
	Properties	p = {spec, 0, trusted || superuser(), findings};
	const SiJson *dynamic = NULL;
	const char *servers;

	if (si_json_is_null(map))
		si_spec_missing(path, "Give at least {\"bootstrap.servers\": \"host:9092\"}.");

	spec->nproperties = 0;
	spec->properties = NULL;
	for (int i = 0; i < map->n; i++)
	{
		char	   *place = psprintf("%s.%s", path, map->keys[i]);

		if (si_json_is_null(map->items[i]))
			continue;
		if (strcmp(map->keys[i], DYNAMIC_PROVIDER) == 0)
			dynamic = map->items[i];
		else
			SI_CHECKED(findings, place, add_property(&p, map->keys[i], map->items[i], place));
	}
	if (dynamic)
		add_dynamic(&p, dynamic, psprintf("%s.%s", path, DYNAMIC_PROVIDER));
	if (!p.trusted)
		check_mechanism(spec, path);

	servers = given_value(spec, "bootstrap.servers");
	if (servers == NULL)
		servers = given_value(spec, "metadata.broker.list");
	if (servers == NULL || servers[strspn(servers, " ,")] == '\0')
		si_spec_missing(psprintf("%s.bootstrap.servers", path),
						"Name the brokers, for example \"bootstrap.servers\": \"localhost:9092\".");
}

/* -------------------------------------------------------------------- echo */

/* A provider for printing: where a secret is, but not what it is. */
static SiJson *
hide_provider(const SiJson *provider)
{
	SiJson	   *copy = si_json_shallow_copy(provider);

	for (int i = 0; i < copy->n; i++)
	{
		const char *member = copy->keys[i];

		if (strcmp(member, "type") != 0 && strcmp(member, "variable") != 0 && strcmp(member, "variables") != 0 &&
			strcmp(member, "path") != 0)
			copy->items[i] = si_json_string(SI_HIDDEN_SECRET);
	}
	return copy;
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
			copy->items[i] = hide_provider(value);
		else if (si_property_is_secret(copy->keys[i]) && !si_json_is_null(value))
			copy->items[i] = si_json_string(SI_HIDDEN_SECRET);
	}
	return copy;
}
