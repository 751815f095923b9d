/*
 * fuzz_json.c
 *		libFuzzer harness of the JSON format, the conversions and timestamps.
 *
 * The first byte chooses the settings, the rest is a message.  Every value of
 * every row goes through every conversion.  Checked besides what the
 * sanitizers see: texts are valid UTF-8 without NUL, reasons end and are
 * valid, a refused message leaves the field table as it was, and a message
 * gives the same rows when it is parsed again (with all keys predicted).
 */
#include "arena.h"

#include "format/convert.h"
#include "format/format.h"
#include "format/timestamp.h"
#include "mb/pg_wchar.h"

static void
require(bool ok, const char *what)
{
	if (!ok)
	{
		fprintf(stderr, "violated: %s\n", what);
		abort();
	}
}

static void
require_text(const char *text, size_t len, const char *what)
{
	require(len == 0 || memchr(text, '\0', len) == NULL, what);
	require(pg_encoding_verifymbstr(PG_UTF8, text, (int) len) == (int) len, what);
}

static void
convert_value(const SiValue *v, SiMultiValue mv, SiTextBuf *buf, SiTimestampParser *times)
{
	SiReason	why = {""};
	const char *text;
	uint32		len;
	bool		multi;
	int64		l;
	double		d;
	float		f;

	if (si_convert_string(v, mv, buf, &text, &len, &multi, "column", &why) != SI_CONVERT_NULL)
		require_text(text, len, "text of a string dimension");
	require_text(why.text, strlen(why.text), "reason of a string dimension");
	(void) si_convert_long(v, &l, "column", &why);
	(void) si_convert_float(v, &f, "column", &why);
	(void) si_convert_double(v, &d, "column", &why);
	require_text(why.text, strlen(why.text), "reason of a dimension");
	(void) si_convert_metric_long(v, &l, "field", &why);
	(void) si_convert_metric_double(v, &d, "field", &why);
	require_text(why.text, strlen(why.text), "reason of a metric");
	(void) si_timestamp_parse(times, v, &l, &why);
	require_text(why.text, strlen(why.text), "reason of a timestamp");
}

/* A number that depends on kinds and contents of all values. */
static uint64
digest(const SiRows *rows)
{
	uint64		h = rows->nrows;
	int64		i;

	for (i = 0; i < (int64) rows->nrows * rows->stride; i++)
	{
		const SiValue *v = &rows->values[i];
		uint32		b;

		h = h * 31 + v->kind;
		if (v->kind == SI_VALUE_LONG || v->kind == SI_VALUE_BOOL)
			h = h * 31 + v->u.i;
		if (v->kind == SI_VALUE_STRING || v->kind >= SI_VALUE_ARRAY)
			for (b = 0; b < v->len; b++)
				h = h * 31 + (unsigned char) v->ptr[b];
	}
	return h;
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"auto", "iso", "ruby", "EEE, d MMM yy HH:mm:ss.SSS zZ 'x' G", "posix", "yyyyMMddHH ZZZ", "xxxx-'W'ww-e", "nano"};
	SiTextBuf	buf = {0};
	SiReason	why;
	SiTimestampParser *times;
	SiFieldTable *fields;
	SiFormat   *format;
	SiMessage	message = {0};
	SiRows		rows;
	int			settings;
	int64		i;

	if (size == 0)
		return;
	settings = *data++;
	size--;
	times = si_timestamp_parser_create(formats[settings & 7], settings & 8, 0, &why);
	fields = si_fields_create(settings & 16, 20);
	si_fields_add(fields, "a", 1);
	si_fields_exclude(fields, "x", 1);
	format = si_format_json.create(NULL, fields);
	message.payload = (const char *) data;
	message.len = size;

	if (si_format_json.parse(format, &message, &rows, &why))
	{
		uint64		first;

		require(rows.nrows >= 1 && rows.stride == si_fields_count(fields), "shape of the rows");
		for (i = 0; i < (int64) rows.nrows * rows.stride; i++)
			convert_value(&rows.values[i], (SiMultiValue) ((settings >> 5) % 3), &buf, times);
		first = digest(&rows);
		require(si_format_json.parse(format, &message, &rows, &why), "the same message again");
		if (!(settings & 16))
			require(digest(&rows) == first, "the same rows again");
	}
	else
	{
		require_text(why.text, strlen(why.text), "reason of a message");
		require(si_fields_count(fields) == 1, "a refused message leaves no fields");
	}

	si_format_json.destroy(format);
	si_fields_free(fields);
	si_timestamp_parser_free(times);
}
