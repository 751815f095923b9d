/*
 * reset.c
 *		reset_supervisor(), reset_offsets(): where reading goes on.
 *
 * A reset is one request, whatever it names.  The caller is told here how
 * many published rows may be stored once more; what is not published yet is
 * dropped by the overlord in the transaction that moves the offsets.
 */
#include "postgres.h"

#include "api/verbs.h"
#include "catalog/pg_type.h"
#include "catalog/supervisors.h"
#include "common/stream.h"
#include "fmgr.h"
#include "spec/check.h"
#include "spec/spec.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(si_reset_supervisor);
PG_FUNCTION_INFO_V1(si_reset_supervisor_to);
PG_FUNCTION_INFO_V1(si_reset_supervisor_to_time);
PG_FUNCTION_INFO_V1(si_reset_offsets);

/* What to reset to: lists as text of arrays, empty lists for all partitions. */
typedef struct Reset
{
	StringInfoData topics;
	StringInfoData partitions;
	StringInfoData offsets;
	int			n;				/* partitions named; 0: all, by one offset */
	int64		time_ms;
} Reset;

static void
reset_init(Reset *r)
{
	initStringInfo(&r->topics);
	initStringInfo(&r->partitions);
	initStringInfo(&r->offsets);
	appendStringInfoChar(&r->topics, '{');
	appendStringInfoChar(&r->partitions, '{');
	appendStringInfoChar(&r->offsets, '{');
	r->n = 0;
	r->time_ms = 0;
}

/* An element of a text array; quotes and backslashes escaped. */
static void
append_text(StringInfo array, const char *text)
{
	appendStringInfoChar(array, '"');
	for (; *text; text++)
	{
		if (*text == '"' || *text == '\\')
			appendStringInfoChar(array, '\\');
		appendStringInfoChar(array, *text);
	}
	appendStringInfoChar(array, '"');
}

static void
reset_add(Reset *r, const char *topic, int64 partition, int64 offset)
{
	const char *comma = r->n++ > 0 ? "," : "";

	appendStringInfoString(&r->topics, comma);
	append_text(&r->topics, topic);
	appendStringInfo(&r->partitions, "%s" INT64_FORMAT, comma, partition);
	appendStringInfo(&r->offsets, "%s" INT64_FORMAT, comma, offset);
}

/*
 * Published rows that may be stored once more: those of segments that hold
 * an offset that is to be read, unless they are dropped since the data source
 * is damaged.  -1: not known, since the broker has to say.
 */
static int64
published_after(SiQuery *q, const SiSupervisor *s, const Reset *r, int64 kind)
{
	if (kind == SI_RESET_TIME)
		return si_query(q, "SELECT FROM stream_ingest.segment JOIN stream_ingest.data_source USING (data_source_id)"
						" WHERE data_source_id = $1 AND damaged IS NULL LIMIT 1", "i",
						s->data_source_id) > 0 ? -1 : 0;
	if (kind == SI_RESET_LATEST || (kind == SI_RESET_SPEC && !si_spec_parse(s->spec, true)->use_earliest_offset))
		return 0;
	si_query(q,
			 "SELECT coalesce(sum(g.rows), 0)::bigint FROM stream_ingest.segment g WHERE g.data_source_id = $1"
			 " AND EXISTS (SELECT FROM stream_ingest.data_source d WHERE d.data_source_id = $1 AND d.damaged IS NULL)"
			 " AND EXISTS (SELECT FROM ROWS FROM (unnest(g.partitions), unnest(g.start_offsets), unnest(g.end_offsets))"
			 "   AS p (partition, first, next)"
			 "  LEFT JOIN stream_ingest.stream t ON t.data_source_id = g.data_source_id AND t.stream_id = p.partition >> 16"
			 "  LEFT JOIN ROWS FROM (unnest($2::text[]), unnest($3::integer[]), unnest($4::bigint[]))"
			 "   AS w (topic, partition, \"offset\") ON w.topic = t.topic AND w.partition = (p.partition & 65535)"
			 "  WHERE p.next > p.first AND CASE WHEN $5 THEN true"
			 "   ELSE w.\"offset\" <> -1 AND p.next > w.\"offset\" END)",
			 "itttb", s->data_source_id, r->topics.data, r->partitions.data, r->offsets.data, (int) (r->n == 0));
	return si_get_int64(0, 0);
}

/*
 * An offset of a partition that the stream does not have would look as if
 * the topic had been made anew with fewer.  The broker's last word decides,
 * where there is one.
 */
static void
check_partitions(SiQuery *q, const SiSupervisor *s, const Reset *r)
{
	if (si_query(q,
				 "SELECT t.topic, w.partition, (SELECT count(*) FROM unnest(st.partitions) k WHERE k >> 16 = t.stream_id)"
				 " FROM stream_ingest.supervisor_status st"
				 " CROSS JOIN ROWS FROM (unnest($3::text[]), unnest($4::integer[])) AS w (topic, partition)"
				 " JOIN stream_ingest.stream t ON t.data_source_id = $2 AND t.topic = w.topic"
				 " WHERE st.supervisor_id = $1 AND st.install = (SELECT uuid FROM stream_ingest.install)"
				 " AND t.stream_id * 65536 + w.partition <> ALL (st.partitions)"
				 " AND EXISTS (SELECT FROM unnest(st.partitions) k WHERE k >> 16 = t.stream_id)"
				 " AND NOT EXISTS (SELECT FROM stream_ingest.task_group g WHERE g.supervisor_id = $1"
				 "  AND t.stream_id * 65536 + w.partition = ANY (g.partitions)) LIMIT 1",
				 "titt", s->id, s->data_source_id, r->topics.data, r->partitions.data) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("partition " INT64_FORMAT " of topic [%s] does not exist", si_get_int64(0, 1), si_get_text(0, 0)),
				 errdetail("The broker told of " INT64_FORMAT " partitions that the supervisor [%s] reads.", si_get_int64(0, 2), s->id),
				 errhint("The view stream_ingest.partitions lists them. A partition that was just added is known in a moment.")));
}

/*
 * Writes the request.  kind is the offset of all partitions when none is
 * named; of named ones it is SI_RESET_TIME when they are to begin at a time.
 */
static Datum
request_reset(SiQuery *q, const SiSupervisor *s, Reset *r, int64 kind)
{
	int64		rows;

	appendStringInfoChar(&r->topics, '}');
	appendStringInfoChar(&r->partitions, '}');
	if (r->n == 0)
		appendStringInfo(&r->offsets, INT64_FORMAT, kind);
	appendStringInfoChar(&r->offsets, '}');
	if (r->n > 0)
		check_partitions(q, s, r);
	rows = published_after(q, s, r, kind);
	si_query(q,
			 "INSERT INTO stream_ingest.request"
			 " (install, supervisor_id, data_source_id, verb, requested_by, topics, partitions, offsets, time_ms)"
			 " SELECT uuid, $1, $2, 'reset', $3, nullif($4::text[], '{}'), nullif($5::integer[], '{}'), $6::bigint[], $7"
			 " FROM stream_ingest.install",
			 "tiottti", s->id, s->data_source_id, q->user, r->topics.data, r->partitions.data, r->offsets.data, r->time_ms);
	si_end_verb(q);
	if (rows > 0)
		ereport(NOTICE,
				(errmsg("up to " INT64_FORMAT " published rows of supervisor [%s] can be stored once more", rows, s->id),
				 errdetail("They are in segments that hold offsets from there on. Rows that are not published yet are dropped and read again.")));
	else if (rows < 0)
		ereport(NOTICE,
				(errmsg("published rows of supervisor [%s] from that time on can be stored once more", s->id),
				 errdetail("Rows that are not published yet are dropped and read again.")));
	return si_answer_id(s->id);
}

/* Druid's reset. */
Datum
si_reset_supervisor(PG_FUNCTION_ARGS)
{
	SiQuery		q;
	SiSupervisor *s = si_begin_verb(&q, "reset_supervisor()", text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Reset		r;

	reset_init(&r);
	return request_reset(&q, s, &r, SI_RESET_SPEC);
}

/* Names the partitions of an argument, all with the same offset. */
static void
add_partitions(Reset *r, const SiSupervisor *s, ArrayType *array, int64 offset)
{
	const SiSpec *spec = si_spec_parse(s->spec, true);
	Datum	   *elems;
	bool	   *nulls;
	int			n;

	if (spec->topic == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("partitions of several topics cannot be named by their numbers"),
				 errhint("reset_offsets() takes them as \"topic:partition\".")));
	deconstruct_array(array, INT4OID, 4, true, TYPALIGN_INT, &elems, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the list of partitions is empty")));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i] || DatumGetInt32(elems[i]) < 0 || DatumGetInt32(elems[i]) >= SI_MAX_PARTITIONS)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the list of partitions has an element that is not a number of a partition")));
		reset_add(r, spec->topic, DatumGetInt32(elems[i]), offset);
	}
}

static Datum
reset_to(FunctionCallInfo fcinfo, int64 offset, int64 time_ms)
{
	SiQuery		q;
	SiSupervisor *s = si_begin_verb(&q, "reset_supervisor()", text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Reset		r;

	reset_init(&r);
	r.time_ms = time_ms;
	if (!PG_ARGISNULL(2))
		add_partitions(&r, s, PG_GETARG_ARRAYTYPE_P(2), offset);
	return request_reset(&q, s, &r, offset);
}

static int64
unix_ms(TimestampTz t)
{
	if (TIMESTAMP_NOT_FINITE(t))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot reset to an infinite time"),
				 errhint("Use 'earliest' or 'latest'.")));
	return (t - SetEpochTimestamp()) / 1000;
}

Datum
si_reset_supervisor_to(PG_FUNCTION_ARGS)
{
	char	   *to;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	to = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (pg_strcasecmp(to, "earliest") == 0)
		return reset_to(fcinfo, SI_RESET_EARLIEST, 0);
	if (pg_strcasecmp(to, "latest") == 0)
		return reset_to(fcinfo, SI_RESET_LATEST, 0);
	return reset_to(fcinfo, SI_RESET_TIME,
					unix_ms(DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(to),
																	ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)))));
}

Datum
si_reset_supervisor_to_time(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	return reset_to(fcinfo, SI_RESET_TIME, unix_ms(PG_GETARG_TIMESTAMPTZ(1)));
}

/* ---------------------------------------------------------------- Druid's offsets */

static void
wrong_offsets(const char *path, const SiJson *value, const char *hint)
{
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is missing", path),
				 errhint("%s", hint)));
	else
	{
		StringInfoData text;

		initStringInfo(&text);
		si_json_print(&text, value);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for %s: %s", path, text.data),
				 errhint("%s", hint)));
	}
}

/* A member that has to be one of these words. */
static void
check_word(const SiJson *object, const char *member, const char *path, const char *word)
{
	const SiJson *v = si_json_get(object, member);

	if (v == NULL || v->kind != SI_JSON_STRING || strcmp(v->text, word) != 0)
		wrong_offsets(path, v, psprintf("It is \"%s\".", word));
}

/* One member of the map: "0" or "topic:0", and an offset or a word. */
static void
add_offset(Reset *r, const SiSpec *spec, const char *key, const SiJson *value)
{
	char	   *path = psprintf("partitions.partitionOffsetMap[\"%s\"]", key);
	const char *number = key;
	const char *topic = spec->topic;
	const char *colon = strrchr(key, ':');
	char	   *end;
	int64		offset = 0;
	long		partition;

	if (colon)
	{
		topic = pnstrdup(key, colon - key);
		number = colon + 1;
	}
	errno = 0;
	partition = strtol(number, &end, 10);
	if (errno != 0 || *number < '0' || *number > '9' || *end != '\0' || partition >= SI_MAX_PARTITIONS || topic == NULL ||
		(spec->topic && strcmp(topic, spec->topic) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" in partitions.partitionOffsetMap is not a partition", key),
				 spec->topic ? errhint("Partitions of topic \"%s\" are named by their numbers: \"0\".", spec->topic) :
				 errhint("Partitions of several topics are named as \"topic:0\".")));
	if (value->kind == SI_JSON_STRING && pg_strcasecmp(value->text, "earliest") == 0)
		offset = SI_RESET_EARLIEST;
	else if (value->kind == SI_JSON_STRING && pg_strcasecmp(value->text, "latest") == 0)
		offset = SI_RESET_LATEST;
	else if (si_json_is_null(value) || !si_value_int(value, 0, PG_INT64_MAX - 1, &offset))
		wrong_offsets(path, value, "It is the next offset to read, \"earliest\" or \"latest\".");
	reset_add(r, topic, partition, offset);
}

Datum
si_reset_offsets(PG_FUNCTION_ARGS)
{
	SiJson	   *root = si_json_parse(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	SiJson	   *partitions;
	SiJson	   *stream;
	SiJson	   *map;
	SiQuery		q;
	SiSupervisor *s;
	const SiSpec *spec;
	Reset		r;

	s = si_begin_verb(&q, "reset_offsets()", text_to_cstring(PG_GETARG_TEXT_PP(0)));
	spec = si_spec_parse(s->spec, true);
	check_word(root, "type", "type", "kafka");
	partitions = si_json_get(root, "partitions");
	if (partitions == NULL || partitions->kind != SI_JSON_OBJECT)
		wrong_offsets("partitions", partitions, "It is an object with type, stream and partitionOffsetMap.");
	check_word(partitions, "type", "partitions.type", "end");
	stream = si_json_get(partitions, "stream");
	if (stream == NULL)
		stream = si_json_get(partitions, "topic");
	if (stream == NULL || stream->kind != SI_JSON_STRING)
		wrong_offsets("partitions.stream", stream, "It is the topic of the supervisor.");
	if (strcmp(stream->text, si_spec_stream(spec)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stream [%s] does not exist in the supervisor [%s]", stream->text, s->id),
				 errdetail("The supervisor is consuming stream [%s].", si_spec_stream(spec))));
	map = si_json_get(partitions, "partitionOffsetMap");
	if (map == NULL)
		map = si_json_get(partitions, "partitionSequenceNumberMap");
	if (map == NULL || map->kind != SI_JSON_OBJECT || map->n == 0)
		wrong_offsets("partitions.partitionOffsetMap", map, "It is an object of partitions and offsets: {\"0\":100}.");
	reset_init(&r);
	for (int i = 0; i < map->n; i++)
		add_offset(&r, spec, map->keys[i], map->items[i]);
	return request_reset(&q, s, &r, 0);
}
