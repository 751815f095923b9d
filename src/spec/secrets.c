/*
 * secrets.c
 *		A spec that was echoed with hidden secrets and comes back.
 *
 * Puts the secrets that are stored in the places of "******", so that an echo
 * can be edited and submitted.  Knows nothing of who may do that.
 */
#include "postgres.h"

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
		else if (is_hidden(value) && before && before->kind == SI_JSON_STRING)
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

/*
 * A stored secret goes to the brokers it was given for, and to no others: who
 * may edit the spec need not be who knows the secret.
 */
static void
check_brokers(const SiJson *properties, const SiJson *stored)
{
	SiJson	   *now = si_json_get(properties, "bootstrap.servers");
	SiJson	   *before = si_json_get(stored, "bootstrap.servers");

	if (now == NULL || before == NULL || !si_json_equal(now, before))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the secrets of the spec are hidden, and its bootstrap.servers are not those they were given for"),
				 errhint("Write the secrets themselves when the brokers change.")));
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
