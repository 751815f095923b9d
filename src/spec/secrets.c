/*
 * secrets.c
 *		A spec that was echoed with hidden secrets and comes back.
 *
 * Puts the secrets that are stored in the places of "******", so that an echo
 * can be edited and submitted.  Knows nothing of who may do that.
 */
#include "postgres.h"

#include "spec/consumer_properties.h"
#include "spec/shape.h"

#define PROPERTIES	"ioConfig.consumerProperties"

static bool
is_hidden(const SiJson *value)
{
	return value->kind == SI_JSON_STRING && strcmp(value->text, SI_HIDDEN_SECRET) == 0;
}

/* Replaces what is hidden in an object; true when there was anything. */
static bool
restore(SiJson *object, const SiJson *stored)
{
	bool		any = false;

	for (int i = 0; i < object->n; i++)
	{
		SiJson	   *value = object->items[i];
		SiJson	   *before = si_json_get(stored, object->keys[i]);

		if (value->kind == SI_JSON_OBJECT)
			any |= restore(value, before);
		/* of a provider all members are hidden, whatever they are */
		else if (is_hidden(value) && before)
		{
			object->items[i] = before;
			any = true;
		}
	}
	return any;
}

const char *
si_spec_hidden_in(const char *json)
{
	static const char *const places[] = {"id", "spec.dataSchema.dataSource", "dataSchema.dataSource"};
	const SiJson *root;

	if (strstr(json, SI_HIDDEN_SECRET) == NULL)
		return NULL;
	root = si_json_parse(json);
	for (int i = 0; i < lengthof(places); i++)
	{
		const SiJson *value = si_spec_at(root, places[i]);

		if (value && value->kind == SI_JSON_STRING && value->text[0] != '\0')
			return value->text;
	}
	return NULL;
}

/* Whether a property decides who gets to know a secret, or who vouches for them. */
static bool
says_who_gets_it(const char *name)
{
	static const char *const beginnings[] = {"bootstrap.", "metadata.broker.", "druid.", "security.", "sasl.", "ssl.",
	"enable.ssl.", "enable.sasl.", "https."};

	/* a secret that is given anew shows no other one, nor does another user's name */
	if ((si_property_is_secret(name) && strncmp(name, "druid.", 6) != 0) || strcmp(name, "sasl.username") == 0)
		return false;
	for (int i = 0; i < lengthof(beginnings); i++)
		if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

/* Every such property of one is there in the other, and the same. */
static void
check_same(const SiJson *properties, const SiJson *other)
{
	for (int i = 0; i < properties->n; i++)
	{
		const char *name = properties->keys[i];
		const SiJson *value = si_json_get(other, name);

		if (says_who_gets_it(name) && (value == NULL || !si_json_equal(properties->items[i], value)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the secrets of the spec are hidden, and consumer property \"%s\" is not what it was when they were given", name),
					 errhint("Write the secrets themselves when brokers, or the way to them, change.")));
	}
}

/*
 * A stored secret goes to the brokers it was given for, in the way it was
 * given for, and to no others: who may edit the spec need not be who knows
 * the secret.
 */
static void
check_brokers(const SiJson *properties, const SiJson *stored)
{
	check_same(properties, stored);
	check_same(stored, properties);
}

const char *
si_spec_keep_secrets(const char *json, const char *stored)
{
	SiJson	   *root;
	SiJson	   *places[2];
	SiSpecShape shape;
	bool		any = false;
	StringInfoData buf;

	si_spec_shape(si_json_parse(stored), &shape, NULL);
	root = si_json_parse(json);
	places[0] = si_spec_at(root, "spec." PROPERTIES);
	places[1] = si_spec_at(root, PROPERTIES);
	for (int i = 0; i < 2; i++)
	{
		const SiJson *before = si_spec_at(shape.root, "spec." PROPERTIES);

		if (places[i] && places[i]->kind == SI_JSON_OBJECT && restore(places[i], before))
		{
			check_brokers(places[i], before);
			any = true;
		}
	}
	if (!any)
		return json;
	initStringInfo(&buf);
	si_json_print(&buf, root);
	return buf.data;
}
