/*
 * put.c
 *		Small pieces of JSON text, in Druid's spelling.
 */
#include "postgres.h"

#include <math.h>

#include "api/put.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/json.h"
#include "utils/timestamp.h"

void
si_put_element(StringInfo json)
{
	if (json->len > 0 && strchr("{[:", json->data[json->len - 1]) == NULL)
		appendStringInfoChar(json, ',');
}

void
si_put_key(StringInfo json, const char *key)
{
	si_put_element(json);
	escape_json(json, key);
	appendStringInfoChar(json, ':');
}

void
si_put_text(StringInfo json, const char *key, const char *value)
{
	si_put_key(json, key);
	if (value)
		escape_json(json, value);
	else
		appendStringInfoString(json, "null");
}

void
si_put_int(StringInfo json, const char *key, int64 value)
{
	si_put_key(json, key);
	appendStringInfo(json, INT64_FORMAT, value);
}

void
si_put_double(StringInfo json, const char *key, double value)
{
	si_put_key(json, key);
	appendStringInfoString(json, isfinite(value) ? float8out_internal(value) : "0");
}

void
si_put_bool(StringInfo json, const char *key, bool value)
{
	si_put_key(json, key);
	appendStringInfoString(json, value ? "true" : "false");
}

void
si_put_time(StringInfo json, const char *key, TimestampTz value)
{
	struct pg_tm tm;
	fsec_t		fsec;

	si_put_key(json, key);
	if (value == 0 || timestamp2tm(value, NULL, &tm, &fsec, NULL, NULL) != 0)
		appendStringInfoString(json, "null");
	else
		appendStringInfo(json, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"",
						 tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
						 (int) (fsec / 1000));
}

void
si_put_map(StringInfo json, const char *key, const int64 *keys, const int64 *values, int n)
{
	si_put_key(json, key);
	appendStringInfoChar(json, '{');
	for (int i = 0; i < n; i++)
	{
		si_put_element(json);
		appendStringInfo(json, "\"" INT64_FORMAT "\":" INT64_FORMAT, keys[i], values[i]);
	}
	appendStringInfoChar(json, '}');
}

void
si_put_id(StringInfo json, const char *id)
{
	appendStringInfoChar(json, '{');
	si_put_text(json, "id", id);
	appendStringInfoChar(json, '}');
}
