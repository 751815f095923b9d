/*
 * test_json.c
 *		The JSON format: values, several objects per message, discovery, key
 *		prediction, and everything that is not JSON.
 */
#include "common/port.h"

#include "format/format.h"
#include "harness.h"

static SiFieldTable *fields;
static SiFormat *format;
static SiRows rows;
static SiReason why;

static void
open_format(bool discover, int max_fields)
{
	fields = si_fields_create(discover, max_fields);
	format = si_format_json.create(NULL, fields);
}

static void
close_format(void)
{
	si_format_json.destroy(format);
	si_fields_free(fields);
}

static bool
parse_bytes(const char *data, size_t len)
{
	/* an exact copy, so that a sanitizer sees reads beyond the message */
	char	   *copy = palloc(len + 1);
	bool		ok;

	memcpy(copy, data, len);
	copy = repalloc(copy, Max(len, 1));
	why.text[0] = '\0';
	ok = si_format_json.parse(format, &(SiMessage) {.payload = copy,.len = len}, &rows, &why);
	pfree(copy);
	return ok;
}

static bool
parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static int
slot_of(const char *name)
{
	int			i;

	for (i = 0; i < si_fields_count(fields); i++)
	{
		int			len;
		const char *n = si_fields_name(fields, i, &len);

		if (len == (int) strlen(name) && memcmp(n, name, len) == 0)
			return i;
	}
	return -1;
}

/* A value as text with its kind: s:abc, 5, 1.5, true, null, missing, a:[1], o:{} */
static const char *
show(int row, const char *name)
{
	static char text[512];
	int			slot = slot_of(name);
	const SiValue *v;

	if (slot < 0 || slot >= rows.stride || row >= rows.nrows)
		return "no such value";
	v = &rows.values[row * rows.stride + slot];
	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_MISSING:
			return "missing";
		case SI_VALUE_NULL:
			return "null";
		case SI_VALUE_BOOL:
			return v->u.i ? "true" : "false";
		case SI_VALUE_LONG:
			snprintf(text, sizeof(text), "%lld", (long long) v->u.i);
			return text;
		case SI_VALUE_DOUBLE:
			snprintf(text, sizeof(text), "d:%g:%.*s", v->u.d, (int) v->len, v->ptr);
			return text;
		default:
			snprintf(text, sizeof(text), "%c:%.*s", "sao"[v->kind - SI_VALUE_STRING], (int) v->len, v->ptr);
			return text;
	}
}

static void
test_values(void)
{
	open_format(false, 100);
	si_fields_add(fields, "a", 1);
	si_fields_add(fields, "b", 1);
	CHECK_INT(si_fields_add(fields, "a", 1), 0);

	CHECK(parse("{\"a\":\"x\",\"b\":-12,\"c\":[1,{\"d\":2}]}"), "%s", why.text);
	CHECK_INT(rows.nrows, 1);
	CHECK_INT(rows.stride, 2);
	CHECK_STR(show(0, "a"), "s:x");
	CHECK_STR(show(0, "b"), "-12");
	CHECK(parse(" { \"b\" : 1.5e3 , \"a\" : true } \n"), "%s", why.text);
	CHECK_STR(show(0, "b"), "d:1500:1.5e3");
	CHECK_STR(show(0, "a"), "true");
	CHECK(parse("{\"a\":null}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "null");
	CHECK_STR(show(0, "b"), "missing");
	CHECK(parse("{\"a\": [ 1, \"]\" ] ,\"b\": {\"x\": [ {} ]}}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "a:[ 1, \"]\" ]");
	CHECK_STR(show(0, "b"), "o:{\"x\": [ {} ]}");
	CHECK(parse("{\"a\":9223372036854775807,\"b\":-9223372036854775808}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "9223372036854775807");
	CHECK_STR(show(0, "b"), "-9223372036854775808");
	CHECK(parse("{\"a\":9223372036854775808,\"b\":1e999}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "d:9.22337e+18:9223372036854775808");
	CHECK_STR(show(0, "b"), "d:Infinity:1e999");
	CHECK(parse("{\"a\":-0,\"b\":-0.0}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "0");
	CHECK_STR(show(0, "b"), "d:-0:-0.0");
	CHECK(parse("{\"a\":1,\"a\":2,\"b\":3,\"b\":null}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "2");
	CHECK_STR(show(0, "b"), "null");
	CHECK(parse("{}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "missing");
	close_format();
}

static void
test_escapes(void)
{
	open_format(false, 100);
	si_fields_add(fields, "a", 1);
	si_fields_add(fields, "b\"c", 3);

	CHECK(parse("{\"a\":\"q\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\",\"b\\\"c\":\"\\u00e9 \\u6f22 \\ud83d\\ude00\"}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "s:q\"\\/\b\f\n\r\tA");
	CHECK_STR(show(0, "b\"c"), "s:\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80");
	/* the same key, now predicted, and a value after it without escapes */
	CHECK(parse("{\"a\":\"plain\",\"b\\\"c\":\"too\"}"), "%s", why.text);
	CHECK_STR(show(0, "b\"c"), "s:too");
	CHECK(parse("{\"b\\u0022c\":1,\"\\u0061\":2}"), "%s", why.text);
	CHECK_STR(show(0, "b\"c"), "1");
	CHECK_STR(show(0, "a"), "2");
	CHECK(parse("{\"a\":\"lone \\ud800 x\",\"b\\\"c\":\"\\udc00\\ud800\\u0041\"}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "s:lone ? x");
	CHECK_STR(show(0, "b\"c"), "s:??A");
	CHECK(parse("{\"a\":\"x\\u0000y\"}"), "%s", why.text);
	CHECK_INT(rows.values[0].len, 3);
	CHECK(memcmp(rows.values[0].ptr, "x\0y", 3) == 0, "NUL is lost");
	CHECK(parse("{\"a\":[\"\\n\"],\"b\\\"c\":\"\\n\"}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "a:[\"\\n\"]");
	CHECK_STR(show(0, "b\"c"), "s:\n");
	CHECK(!parse("{\"a\":\"\\x\"}"), "taken");
	CHECK(!parse("{\"z\":[\"\\x\"]}"), "taken");
	CHECK(!parse("{\"z\":{\"\\x\":1}}"), "taken");
	CHECK(!parse("{\"\\x\":1}"), "taken");
	CHECK(!parse("{\"a\":\"\\u12g4\"}"), "taken");
	CHECK(!parse("{\"a\":\"\\u12\"}"), "taken");
	close_format();
}

static void
test_several_objects(void)
{
	open_format(false, 100);
	si_fields_add(fields, "a", 1);

	CHECK(parse("{\"a\":1}{\"a\":2} {\"b\":0}\n\n{\"a\":3}\n"), "%s", why.text);
	CHECK_INT(rows.nrows, 4);
	CHECK_STR(show(0, "a"), "1");
	CHECK_STR(show(1, "a"), "2");
	CHECK_STR(show(2, "a"), "missing");
	CHECK_STR(show(3, "a"), "3");
	CHECK(parse("\xEF\xBB\xBF{\"a\":7}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "7");
	CHECK(!parse("{\"a\":1}\n{\"a\":"), "taken");
	CHECK(!parse("{\"a\":1},{\"a\":2}"), "taken");
	CHECK(!parse("{\"a\":1} 5 {\"a\":2}"), "taken");
	close_format();
}

static void
test_not_json(void)
{
	static const char *const bad[] = {
		"", " ", "\n\t ", "hello", "null", "true", "42", "\"abc\"", "[]", "[{\"a\":1}]",
		"{", "}", "{}}", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{,}", "{\"a\" 1}",
		"{\"a\":1 \"b\":2}", "{\"a\":tru}", "{\"a\":truex}", "{\"a\":nul}", "{\"a\":nulll}", "{\"a\":falsy}",
		"{\"a\":t}", "{\"a\":f}", "{\"a\":n}", "{\"a\":-}", "{\"a\":01}", "{\"a\":-01}", "{\"a\":+1}", "{\"a\":.5}",
		"{\"a\":1.}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":1.5.2}", "{\"a\":1-2}", "{\"a\":1a}", "{\"a\":0x10}",
		"{\"a\":NaN}", "{\"a\":Infinity}", "{'a':1}", "{a:1}", "{\"a\":'x'}", "{\"a\":1/**/}", "{/* c */\"a\":1}",
		"{\"a\":\"x}", "{\"a\":\"x\ty\"}", "{\"a\":\"x\ny\"}", "{\"a\":\"\xff\xfe\"}", "{\"a\":\"\xc3\"}", "{\"\xed\xa0\x80\":1}",
		"{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":[1}", "{\"a\":[1}}", "{\"a\":{\"b\":1]}", "{\"a\":{\"b\"}}",
		"{\"a\":{\"b\":1,}}", "{\"a\":[tru]}", "{\"a\":[01]}", "{\"a\":{}", "{\"a\":[]", "{\"a\":{}}}", "{\"a\":1}]",
		"{\"a\":\"x\"\"y\"}", "{\"a\":\"x\"y}", "{\"a\":1\x01}", "{\"a\"\x0c:1}", "{\"a\":[\"x\"y]}", "{1:2}", "{null:1}",
		"{\"a\":1}\xEF\xBB\xBF", "{\"a\"::1}", "{\"a\":1::}", "{\"a\":1}{", "{\"a\":1}x", "\\", "{\\\"a\":1}", "{\"a\":1\\}",
	};
	int			i;
	size_t		n;

	open_format(true, 100);
	for (i = 0; i < lengthof(bad); i++)
	{
		CHECK(!parse(bad[i]), "taken: %s", bad[i]);
		CHECK(strncmp(why.text, "Unable to parse JSON: ", 22) == 0, "%s: %s", bad[i], why.text);
		CHECK_INT(si_fields_count(fields), 0);
	}
	CHECK(!parse_bytes("{\"a\":1\0}", 8), "taken");
	CHECK(!parse_bytes("{\"a\":1}\0", 8), "taken");
	CHECK(!parse("{\"a\":01}"), "taken");
	CHECK_STR(why.text, "Unable to parse JSON: NUMBER_ERROR (not a number) at byte 5");

	/* every way to cut a message short */
	for (n = 0; n < 40; n++)
		CHECK(!parse_bytes("{\"a\":[1,{\"b\":null}],\"c\":\"d\\n\",\"e\":-1.5e3}", n), "cut at %zu", n);
	CHECK(parse("{\"a\":[1,{\"b\":null}],\"c\":\"d\\n\",\"e\":-1.5e3}"), "%s", why.text);
	close_format();
}

static void
test_nesting(void)
{
	size_t		big = 10 * 1024 * 1024;
	char	   *text = palloc(big + 16);
	int			depth;

	open_format(false, 10);
	memset(text, '[', big);
	CHECK(!parse_bytes(text, big), "taken");
	memcpy(text, "{\"a\":", 5);
	text[big - 1] = '}';
	CHECK(!parse_bytes(text, big), "taken");
	CHECK(strstr(why.text, "DEPTH_ERROR") != NULL, "%s", why.text);
	for (depth = 999; depth <= 1001; depth++)
	{
		memset(text + 5, '[', depth);
		memset(text + 5 + depth, ']', depth);
		text[5 + 2 * depth] = '}';
		CHECK(parse_bytes(text, 6 + 2 * depth) == (depth <= 1000), "depth %d: %s", depth, why.text);
	}
	/* a small message after a large one gives the memory back and works */
	CHECK(parse("{\"b\":1}"), "%s", why.text);
	pfree(text);
	close_format();
}

static void
test_discovery(void)
{
	open_format(true, 6);
	si_fields_add(fields, "time", 4);
	si_fields_exclude(fields, "no", 2);

	CHECK(parse("{\"z\":1,\"time\":5,\"no\":1,\"n\":null,\"o\":{},\"l\":[1,null,\"x\"],\"ll\":[[1]],\"lo\":[{}],\"e\":[]}"), "%s", why.text);
	CHECK_INT(rows.stride, 4);
	CHECK_INT(slot_of("z"), 1);
	CHECK_INT(slot_of("l"), 2);
	CHECK_INT(slot_of("e"), 3);
	CHECK_STR(show(0, "time"), "5");
	CHECK_STR(show(0, "l"), "a:[1,null,\"x\"]");
	/* nulls and objects may be discovered later, in the second of two rows */
	CHECK(parse("{\"z\":1,\"time\":5}{\"n\":\"x\",\"o\":true,\"z\":2}"), "%s", why.text);
	CHECK_INT(rows.stride, 6);
	CHECK_STR(show(0, "z"), "1");
	CHECK_STR(show(0, "n"), "missing");
	CHECK_STR(show(1, "n"), "s:x");
	CHECK_STR(show(1, "o"), "true");
	CHECK_STR(show(1, "z"), "2");
	/* full */
	CHECK(parse("{\"p\":1,\"q\":2,\"z\":3}{\"p\":1}"), "%s", why.text);
	CHECK_INT(si_fields_count(fields), 6);
	CHECK_INT(si_fields_overflow(fields), 2);
	CHECK_STR(show(0, "z"), "3");
	/* what a broken message discovers is forgotten */
	close_format();
	open_format(true, 100);
	CHECK(parse("{\"a\":1}"), "%s", why.text);
	CHECK(!parse("{\"a\":1,\"b\":2,\"c\":tru}"), "taken");
	CHECK_INT(si_fields_count(fields), 1);
	CHECK(parse("{\"c\":3,\"a\":1}"), "%s", why.text);
	CHECK_INT(slot_of("c"), 1);
	CHECK_STR(show(0, "c"), "3");
	/* a field that is added from outside is seen although its key was ignored */
	close_format();
	open_format(false, 100);
	CHECK(parse("{\"a\":1}"), "%s", why.text);
	si_fields_add(fields, "a", 1);
	CHECK(parse("{\"a\":1}"), "%s", why.text);
	CHECK_STR(show(0, "a"), "1");
	close_format();
}

/* Keys of all lengths, orders that change, more keys than are remembered. */
static void
test_keys(void)
{
	char		text[4096];
	char		name[64];
	int			i,
				round;

	open_format(false, 100);
	memset(name, 'k', sizeof(name));
	for (i = 0; i < 40; i++)
		si_fields_add(fields, name, i);
	for (round = 0; round < 3; round++)
	{
		char	   *p = text;

		for (i = 0; i < 40; i++)
		{
			int			len = round == 1 ? 39 - i : i;

			p += sprintf(p, "%c\"%.*s\":%d", i == 0 ? '{' : ',', len, name, len + round);
			if (round == 2)		/* unwanted, and alike */
				p += sprintf(p, ",\"%.*sx\" :null", len, name);
		}
		strcpy(p, "}");
		CHECK(parse(text), "%s", why.text);
		for (i = 0; i < 40; i++)
			CHECK_INT(rows.values[i].u.i, i + round);
	}
	for (i = 0; i < 20000; i++)
	{
		sprintf(text, "{\"x%d\":1,\"kk\":%d,\"y\\n%d\":2,\"kkk\":3}", i, i, i);
		CHECK(parse(text), "%s", why.text);
		CHECK_INT(rows.values[2].u.i, i);
		CHECK_INT(rows.values[3].u.i, 3);
	}
	close_format();
}

/* Messages that a running Druid took or refused. */
static void
test_druid_messages(void)
{
	FILE	   *f = fopen("data/druid_messages.tsv", "r");
	char		line[4096];
	int			n = 0;

	CHECK(f != NULL, "data/druid_messages.tsv cannot be read (run in test/unit)");
	open_format(true, 1000);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
	{
		char	   *rest = line;
		char	   *name = strsep(&rest, "\t");
		char	   *payload = strsep(&rest, "\t");
		char	   *in,
				   *out;
		const char *verdict;
		bool		ok;

		if (*name == '#' || rest == NULL)
			continue;
		verdict = strsep(&rest, "\t");
		for (in = out = payload; *in != '\0'; in++)
		{
			if (*in == '\\' && in[1] == 'x')
			{
				char		hex[3] = {in[2], in[3], 0};

				*out++ = (char) strtol(hex, NULL, 16);
				in += 3;
			}
			else
				*out++ = (*in == '\\') ? *++in : *in;
		}
		ok = parse_bytes(payload, out - payload);
		/* what has no good time is for the caller to refuse */
		if (strncmp(verdict, "unparseable", 11) != 0)
			CHECK(ok && rows.nrows == verdict[strlen(verdict) - 1] - '0', "%s: %s", name, why.text);
		else if (ok)
			CHECK(strstr(name, "time") != NULL || strcmp(name, "empty object") == 0, "%s is taken", name);
		n++;
	}
	if (f != NULL)
		fclose(f);
	CHECK_INT(n, 121);
	close_format();
}

/*
 * A key that is longer than what is left of the message where it was expected
 * is not looked for beyond the message.
 */
static void
test_long_key(void)
{
	/* the buffer has this size: nothing but its padding is behind the message */
	size_t		size = 4096;
	char	   *message = palloc(size + 1);
	char	   *p = message;

	open_format(true, 20);
	p += sprintf(p, "{\"%0150d\":1}{\"%0150d\":\"", 0, 0);
	memset(p, 'x', size - 10 - (p - message));
	p = message + size - 10;
	p += sprintf(p, "\"}{\"b\":2}");
	CHECK(parse_bytes(message, p - message), "%s", why.text);
	CHECK_INT(rows.nrows, 3);
	CHECK_STR(show(2, "b"), "2");
	close_format();
	pfree(message);
}

int
main(void)
{
	test_long_key();
	test_values();
	test_escapes();
	test_several_objects();
	test_not_json();
	test_nesting();
	test_discovery();
	test_keys();
	test_druid_messages();
	return harness_end("test_json");
}
