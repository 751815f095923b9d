/*
 * test_json_canonical.c
 *		Values as canonical JSON text: what comes out, that it is a fixed
 *		point, and that text which is not JSON does no harm.
 */
#include "format/convert.h"
#include "harness.h"

static SiJsonBuf buf;

static const char *
canonical(SiValueKind kind, const char *text, size_t len, SiConvert want)
{
	static char out[100000];
	/* a copy of exactly this length, so that the sanitizer sees overruns */
	char	   *copy = palloc(len + (len == 0));
	SiValue		v = {.ptr = copy,.len = len,.kind = kind};
	SiReason	why = {""};
	const char *result;
	uint32		n = 0;
	SiConvert	rc;

	memcpy(copy, text, len);
	if (kind == SI_VALUE_DOUBLE)
		v.u.d = strtod(text, NULL);
	if (kind == SI_VALUE_LONG)
		v.u.i = strtoll(text, NULL, 10);
	if (kind == SI_VALUE_BOOL)
		v.u.i = text[0] == 't';
	rc = si_convert_json(&v, &buf, &result, &n, "c", &why);
	CHECK(rc == want, "%.*s gives %d", (int) Min(len, 100), text, rc);
	CHECK((rc == SI_CONVERT_ERROR) == (why.text[0] != '\0'), "an error without a reason, or a reason without an error");
	pfree(copy);
	if (result == NULL)
		return NULL;
	memcpy(out, result, n);
	out[n] = '\0';
	return out;
}

static void
is(SiValueKind kind, const char *text, const char *want)
{
	CHECK_STR(canonical(kind, text, strlen(text), SI_CONVERT_OK), want);
	if (kind == SI_VALUE_OBJECT || kind == SI_VALUE_ARRAY)
		CHECK_STR(canonical(kind, want, strlen(want), SI_CONVERT_OK), want);
}

static void
test_values(void)
{
	is(SI_VALUE_STRING, "", "\"\"");
	is(SI_VALUE_STRING, "a\"b\\c\n\x01\xC3\xA9", "\"a\\\"b\\\\c\\n\\u0001\xC3\xA9\"");
	is(SI_VALUE_BOOL, "true", "true");
	is(SI_VALUE_BOOL, "false", "false");
	is(SI_VALUE_LONG, "-12", "-12");
	is(SI_VALUE_DOUBLE, "1.50", "1.50");
	is(SI_VALUE_DOUBLE, "1E400", "1E400");
	is(SI_VALUE_DOUBLE, "1E1001", "\"Infinity\"");
	is(SI_VALUE_DOUBLE, "-1e99999999999", "\"-Infinity\"");
	is(SI_VALUE_DOUBLE, "1e-99999999999", "0.0");
	is(SI_VALUE_OBJECT, "{}", "{}");
	is(SI_VALUE_OBJECT, " { \"b\" : 1 , \"aa\" : [ 1 , { } , [ ] ] , \"a\" : null } ", "{\"a\":null,\"b\":1,\"aa\":[1,{},[]]}");
	is(SI_VALUE_OBJECT, "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
	is(SI_VALUE_OBJECT, "{\"a\":1,\"\\u0061\":{\"y\":1,\"x\":2}}", "{\"a\":{\"x\":2,\"y\":1}}");
	is(SI_VALUE_OBJECT, "{\"k\":\"\\u00e9\\/\\ud83d\\ude00\\ud800\"}", "{\"k\":\"\xC3\xA9/\xF0\x9F\x98\x80?\"}");
	is(SI_VALUE_OBJECT, "{\"n\":1e5000,\"m\":1e-5000}", "{\"m\":0.0,\"n\":\"Infinity\"}");
	is(SI_VALUE_ARRAY, "[3, 1, 2.5, true, null, \"x\"]", "[3,1,2.5,true,null,\"x\"]");
	CHECK_STR(canonical(SI_VALUE_NULL, "null", 4, SI_CONVERT_NULL), NULL);
	CHECK_STR(canonical(SI_VALUE_MISSING, "", 0, SI_CONVERT_NULL), NULL);
	CHECK_STR(canonical(SI_VALUE_STRING, "a\0b", 3, SI_CONVERT_ERROR), "\"a\xEF\xBF\xBD" "b\"");
	CHECK_STR(canonical(SI_VALUE_OBJECT, "{\"a\\u0000\":\"\\u0000x\"}", 21, SI_CONVERT_ERROR),
			  "{\"a\xEF\xBF\xBD\":\"\xEF\xBF\xBDx\"}");
}

static void
test_depth_and_size(void)
{
	static char text[20000];
	SiValue		v = {.ptr = text,.len = 33 * 1024 * 1024,.kind = SI_VALUE_STRING};
	SiReason	why;
	const char *result;
	uint32		n;

	for (int depth = 1; depth < 2000; depth += 333)
	{
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		canonical(SI_VALUE_ARRAY, text, 2 * depth, depth <= 1024 ? SI_CONVERT_OK : SI_CONVERT_ERROR);
	}
	memset(text, '9', 1500);
	CHECK_STR(canonical(SI_VALUE_ARRAY, "[", 1, SI_CONVERT_ERROR), NULL);
	memmove(text + 1, text, 1500);
	text[0] = '[';
	text[1501] = ']';
	CHECK_STR(canonical(SI_VALUE_ARRAY, text, 1502, SI_CONVERT_OK), "[\"Infinity\"]");
	CHECK_INT(si_convert_json(&v, &buf, &result, &n, "c", &why), SI_CONVERT_ERROR);
}

/* Objects of many members: every order of names gives the same text. */
static void
test_order(void)
{
	char		text[4000];
	char		first[100000] = "";
	unsigned	rnd = 1;

	for (int round = 0; round < 200; round++)
	{
		int			order[60];
		char	   *out = text;

		for (int i = 0; i < 60; i++)
			order[i] = i;
		for (int i = 59; i > 0; i--)
		{
			int			j = (rnd = rnd * 1103515245 + 12345) / 65536 % (i + 1);
			int			t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		*out++ = '{';
		for (int i = 0; i < 60; i++)
			out += sprintf(out, "%s\"k%d\":{\"z\":%d,\"a\":[%d]}", i ? "," : "", order[i], order[i], i * 0 + order[i]);
		*out++ = '}';
		canonical(SI_VALUE_OBJECT, text, out - text, SI_CONVERT_OK);
		if (round == 0)
			strcpy(first, canonical(SI_VALUE_OBJECT, text, out - text, SI_CONVERT_OK));
		else
			CHECK_STR(canonical(SI_VALUE_OBJECT, text, out - text, SI_CONVERT_OK), first);
	}
}

/* Cut and changed text: an error or a text, never an accident. */
static void
test_hostile(void)
{
	static const char *const text = "{\"a\\u0041\":[1e5,-2.5,{\"b\":null,\"a\":\"\\n\"}],\"c\":true}";
	size_t		len = strlen(text);
	char		changed[100];
	SiReason	why;
	const char *result;
	uint32		n;

	for (size_t at = 0; at < len; at++)
		for (int c = 0; c < 256; c++)
		{
			SiValue		v = {.ptr = changed,.len = c == 0 ? at : len,.kind = SI_VALUE_OBJECT};

			memcpy(changed, text, len);
			changed[at] = (char) c;
			(void) si_convert_json(&v, &buf, &result, &n, "c", &why);
		}
	CHECK(true, "no accident");
}

int
main(void)
{
	test_values();
	test_depth_and_size();
	test_order();
	test_hostile();
	return harness_end("test_json_canonical");
}
