/*
 * test_kafka_format.c
 *		The input format "kafka": payload, key, headers and the rest of a
 *		message in one row.  Cases with an id are those of Druid's own tests.
 */
#include "common/port.h"

#include <malloc.h>

#include "format/text_formats.h"
#include "format/timestamp.h"
#include "format_case.h"
#include "harness.h"

static const SiHeader *headers;
static size_t nheaders;

static bool
header_at(const SiMessage *m, size_t i, SiHeader *header)
{
	if (i >= nheaders)
		return false;
	*header = headers[i];
	return true;
}

static SiHeader
text_header(const char *name, const char *value)
{
	return (SiHeader) {.name = name,.value = value,.len = value ? strlen(value) : 0};
}

/* The kafka format around a value format and, unless NULL, a key format. */
static SiSpecFormat
kafka(SiSpecFormat *value, SiSpecFormat *key)
{
	return (SiSpecFormat) {.kind = SI_FORMAT_KAFKA,.value = value,.key = key,.headers = true};
}

static SiMessage
message(const char *key, const char *payload)
{
	return (SiMessage) {
		.partition = 3,.offset = 17,.timestamp = INT64CONST(1624492800000),.topic = "sample",.header = header_at,
		.key = key,.key_len = key ? strlen(key) : 0,.payload = payload,.len = strlen(payload)
	};
}

typedef struct Open
{
	SiFieldTable *fields;
	SiFormat   *format;
	const SiFormatRoutine *routine;
	SiRows		rows;
	SiReason	why;
} Open;

static void
open_format(Open *o, const SiSpecFormat *options, const char *wanted)
{
	char	   *list[CASE_LIST];
	int			n = wanted ? case_split(pstrdup(wanted), ",", list) : 0;

	o->fields = si_fields_create(wanted == NULL, 1000);
	for (int i = 0; i < n; i++)
		si_fields_add(o->fields, list[i], strlen(list[i]));
	o->routine = si_format_routine(options);
	o->format = o->routine->create(options, o->fields);
}

static const char *
parse(Open *o, SiMessage m)
{
	static char shown[8192];

	if (!o->routine->parse(o->format, &m, &o->rows, &o->why))
	{
		snprintf(shown, sizeof(shown), "error %s", o->why.text);
		return shown;
	}
	case_show(o->fields, &o->rows, shown);
	return shown;
}

static void
close_format(Open *o)
{
	o->routine->destroy(o->format);
	si_fields_free(o->fields);
}

#define PAYLOAD "{\"timestamp\":\"2021-06-25\",\"bar\":null,\"foo\":\"x\",\"baz\":4,\"o\":{\"mg\":1}}"
#define FIRST_COLUMNS "\"timestamp\":\"2021-06-25\",\"foo\":\"x\",\"baz\":4"

/* kif-02, kif-03, kif-04, kif-06 */
static void
test_druid_cases(void)
{
	SiFlattenField fields[] = {
		{SI_FLATTEN_ROOT, "root_baz", "baz"}, {SI_FLATTEN_PATH, "path_omg", "$.o.mg"}, {SI_FLATTEN_JQ, "jq_omg", ".o.mg"}
	};
	SiHeader	list[] = {text_header("encoding", "application/json"), text_header("kafkapkc", "pkc-bar"), text_header("headerTs", "2021-06-24")};
	SiSpecFormat value = {.fields = fields,.nfields = 3};
	SiSpecFormat key = {.kind = SI_FORMAT_JSON};
	char	   *columns[] = {"foo", "bar", "timestamp", "baz"};
	SiSpecFormat csv = {.kind = SI_FORMAT_CSV,.columns = columns,.ncolumns = 4};
	SiSpecFormat options = kafka(&value, &key);
	SiTimestampParser *times;
	SiReason	why;
	int64		ms;
	Open		o;

	headers = list;
	nheaders = 3;
	options.header_prefix = "kafka.newheader.";
	options.key_column = "kafka.newkey.key";
	options.timestamp_column = "kafka.newts.timestamp";
	options.topic_column = "kafka.newtopic.topic";

	open_format(&o, &options, "kafka.newheader.headerTs,time,root_baz,path_omg,jq_omg,foo,baz,kafka.newkey.key,kafka.newheader.encoding,kafka.newts.timestamp,kafka.newtopic.topic");
	CHECK_STR(parse(&o, message("{\"key\": \"sampleKey\"}", PAYLOAD)),
			  "{\"kafka.newheader.headerTs\":\"2021-06-24\",\"root_baz\":4,\"path_omg\":1,\"jq_omg\":1,\"foo\":\"x\",\"baz\":4,"
			  "\"kafka.newkey.key\":\"sampleKey\",\"kafka.newheader.encoding\":\"application/json\","
			  "\"kafka.newts.timestamp\":1624492800000,\"kafka.newtopic.topic\":\"sample\"}");
	times = si_timestamp_parser_create("iso", false, 0, &why);
	CHECK(si_timestamp_parse(times, &o.rows.values[0], &ms, &why), "kif-02: %s", why.text);
	CHECK_INT(ms, INT64CONST(1624492800000));
	CHECK(!si_timestamp_parse(times, &o.rows.values[1], &ms, &why) &&
		  strncmp(why.text, "Timestamp[null] is unparseable!", 31) == 0, "kif-04: %s", why.text);
	CHECK(strstr(parse(&o, message(NULL, PAYLOAD)), "kafka.newkey.key") == NULL, "kif-03: a message without key has none");
	close_format(&o);

	options.value = &csv;
	open_format(&o, &options, "foo,bar,timestamp,baz,kafka.newkey.key");
	CHECK_STR(parse(&o, message("{\"key\": \"sampleKey\"}", "x,,2021-06-25,4")),
			  "{\"foo\":\"x\",\"timestamp\":\"2021-06-25\",\"baz\":\"4\",\"kafka.newkey.key\":\"sampleKey\"}");
	close_format(&o);
	si_timestamp_parser_free(times);
}

/* kif-07: names by default, everything discovered */
static void
test_default_names(void)
{
	SiHeader	list[] = {text_header("env", "development"), text_header("zone", "z1")};
	char	   *columns[] = {"x"};
	SiSpecFormat value = {.kind = SI_FORMAT_JSON};
	SiSpecFormat key = {.kind = SI_FORMAT_TSV,.columns = columns,.ncolumns = 1};
	SiSpecFormat options = kafka(&value, &key);
	SiMessage	m = message("wiki-edit", "{\"channel\":\"#sv.wikipedia\",\"timestamp\":\"2016-06-27T00:00:11.080Z\",\"page\":\"Salo Toraut\",\"delta\":31,\"namespace\":\"Main\"}");
	Open		o;

	headers = list;
	nheaders = 2;
	m.topic = "wiki-edits";
	m.timestamp = INT64CONST(1680795276351);
	open_format(&o, &options, NULL);
	for (int i = 0; i < 2; i++)
		CHECK_STR(parse(&o, m),
				  "{\"channel\":\"#sv.wikipedia\",\"timestamp\":\"2016-06-27T00:00:11.080Z\",\"page\":\"Salo Toraut\",\"delta\":31,\"namespace\":\"Main\","
				  "\"kafka.header.zone\":\"z1\",\"kafka.header.env\":\"development\",\"kafka.timestamp\":1680795276351,\"kafka.topic\":\"wiki-edits\","
				  "\"kafka.partition\":3,\"kafka.offset\":17,\"kafka.key\":\"wiki-edit\"}");
	close_format(&o);
}

/* What wins over what, and what is null. */
static void
test_precedence(void)
{
	SiHeader	list[] = {text_header("a", "1"), text_header("n", NULL), text_header("a", "2"), text_header("timestamp", "h")};
	SiSpecFormat value = {.kind = SI_FORMAT_JSON};
	SiSpecFormat key = {.kind = SI_FORMAT_JSON};
	SiSpecFormat options = kafka(&value, &key);
	char	   *columns[] = {"kafka.topic", "b"};
	SiSpecFormat csv = {.kind = SI_FORMAT_CSV,.columns = columns,.ncolumns = 2};
	Open		o;

	headers = list;
	nheaders = 4;
	options.header_prefix = "kafka.";
	open_format(&o, &options, "kafka.topic,kafka.a,kafka.n,kafka.timestamp,kafka.key,b");
	CHECK_STR(parse(&o, message("{\"z\":null,\"o\":{},\"k\":[1,2]}", "{\"kafka.topic\":\"mine\",\"b\":1} {\"b\":2,\"kafka.a\":null}")),
			  "{\"kafka.topic\":\"mine\",\"kafka.a\":\"2\",\"kafka.timestamp\":\"h\",\"kafka.key\":[1,2],\"b\":1} "
			  "{\"kafka.topic\":\"sample\",\"kafka.a\":\"2\",\"kafka.timestamp\":\"h\",\"kafka.key\":[1,2],\"b\":2}");
	CHECK_STR(parse(&o, message("{}", "{\"b\":1}")), "{\"kafka.topic\":\"sample\",\"kafka.a\":\"2\",\"kafka.timestamp\":\"h\",\"b\":1}");
	CHECK_STR(parse(&o, message("sampleKey", "{\"b\":1}")), "error Unable to parse the key: Unable to parse JSON: INCORRECT_TYPE (not a JSON object) at byte 0");
	CHECK(strncmp(parse(&o, message(NULL, "{\"b\":")), "error Unable to parse JSON", 26) == 0, "a broken payload is taken");
	close_format(&o);

	/* an empty cell of a payload is null, and that wins */
	options.value = &csv;
	open_format(&o, &options, "kafka.topic,b");
	CHECK_STR(parse(&o, message(NULL, ",x\ny")), "{\"b\":\"x\"} {\"kafka.topic\":\"y\"}");
	close_format(&o);
}

static void
test_headers(void)
{
	SiHeader	list[] = {{"latin", "\xE9t\xE9", 3}, {"empty", "", 0}};
	SiHeader	bytes[] = {{"u", "a\xFFz", 3}, {"\xFF", "v", 1}};
	SiSpecFormat value = {.kind = SI_FORMAT_JSON};
	SiSpecFormat options = kafka(&value, NULL);
	Open		o;

	headers = list;
	nheaders = 2;
	options.header_encoding = "ISO-8859-1";
	open_format(&o, &options, "kafka.header.latin,kafka.header.empty");
	CHECK_STR(parse(&o, message("ignored", "{}")), "{\"kafka.header.latin\":\"\xC3\xA9t\xC3\xA9\",\"kafka.header.empty\":\"\"}");
	close_format(&o);

	headers = bytes;
	options.header_encoding = NULL;
	open_format(&o, &options, "kafka.header.u,kafka.header.\xEF\xBF\xBD");
	CHECK_STR(parse(&o, message(NULL, "{}")), "{\"kafka.header.u\":\"a\xEF\xBF\xBDz\",\"kafka.header.\xEF\xBF\xBD\":\"v\"}");
	close_format(&o);

	/* without a headerFormat nobody asks for headers */
	options.headers = false;
	open_format(&o, &options, "kafka.header.u,kafka.offset");
	CHECK_STR(parse(&o, message(NULL, "{}")), "{\"kafka.offset\":17}");
	close_format(&o);
}

/* More names of headers than are remembered. */
static void
test_many_headers(void)
{
	static char names[3000][16];
	static SiHeader list[3000];
	SiSpecFormat value = {.kind = SI_FORMAT_JSON};
	SiSpecFormat options = kafka(&value, NULL);
	Open		o;

	for (int i = 0; i < lengthof(list); i++)
	{
		snprintf(names[i], sizeof(names[i]), "h%d", i);
		list[i] = text_header(names[i], names[i]);
	}
	open_format(&o, &options, "kafka.header.h0,kafka.header.h2999");
	nheaders = 1;
	for (int i = 0; i < lengthof(list); i++)
	{
		headers = &list[i];
		(void) parse(&o, message(NULL, "{}"));
	}
	CHECK_STR(parse(&o, message(NULL, "{}")), "{\"kafka.header.h2999\":\"h2999\"}");
	headers = list;
	nheaders = lengthof(list);
	CHECK_STR(parse(&o, message(NULL, "{}")), "{\"kafka.header.h0\":\"h0\"}");
	close_format(&o);
}

/* A specification that is checked a thousand times leaves nothing behind, whether ICU knows the encoding or not. */
static void
test_encodings(void)
{
	static const struct
	{
		const char *name;
		bool		known;
	}			encodings[] = {
		{"UTF-8", true}, {"UTF-16", true}, {"windows-1252", true}, {"Shift_JIS", true},
		{"UTF-44", false}, {"ISO_2022,locale=xx,version=9", false}
	};

	for (int i = 0; i < lengthof(encodings); i++)
	{
		struct mallinfo2 before;
		bool		same = true;

		CHECK(si_header_encoding_check(encodings[i].name) == encodings[i].known, "%s", encodings[i].name);
		before = mallinfo2();
		for (int n = 0; n < 1000; n++)
			same &= si_header_encoding_check(encodings[i].name) == encodings[i].known;
		CHECK(same, "%s", encodings[i].name);
		CHECK_INT(mallinfo2().uordblks, before.uordblks);
	}
}

int
main(void)
{
	test_druid_cases();
	test_default_names();
	test_precedence();
	test_headers();
	test_many_headers();
	test_encodings();
	return harness_end("test_kafka_format");
}
