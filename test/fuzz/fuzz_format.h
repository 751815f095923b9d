/*
 * fuzz_format.h
 *		What the harnesses of input formats share: one message through a
 *		format, and every value of its rows through the conversions.
 *
 * Checked besides what the sanitizers see: texts are valid UTF-8 without NUL,
 * reasons end and are valid, a refused message leaves no fields behind, and a
 * message gives the same rows when it is parsed again.
 */
#ifndef SI_FUZZ_FORMAT_H
#define SI_FUZZ_FORMAT_H

#include "format/convert.h"
#include "format/format.h"
#include "mb/pg_wchar.h"

static inline void
require(bool ok, const char *what)
{
	if (!ok)
	{
		fprintf(stderr, "violated: %s\n", what);
		abort();
	}
}

static inline void
require_text(const char *text, size_t len, const char *what)
{
	require(len == 0 || memchr(text, '\0', len) == NULL, what);
	require(pg_encoding_verifymbstr(PG_UTF8, text, (int) len) == (int) len, what);
}

static inline void
use_value(const SiValue *v)
{
	SiTextBuf	buf = {0};
	SiReason	why = {""};
	const char *text;
	uint32		len;
	bool		multi;
	int64		l;
	double		d;

	if (si_convert_string(v, SI_MULTI_ARRAY, &buf, &text, &len, &multi, "column", &why) != SI_CONVERT_NULL)
		require_text(text, len, "text of a string dimension");
	(void) si_convert_long(v, &l, "column", &why);
	(void) si_convert_metric_double(v, &d, "field", &why);
	require_text(why.text, strlen(why.text), "reason of a value");
}

/* A number that depends on kinds and contents of all values. */
static inline uint64
digest(const SiRows *rows)
{
	uint64		h = rows->nrows * 31 + rows->nbad;

	for (int64 i = 0; i < (int64) rows->nrows * rows->stride; i++)
	{
		const SiValue *v = &rows->values[i];

		h = h * 31 + v->kind;
		if (v->kind == SI_VALUE_LONG || v->kind == SI_VALUE_BOOL)
			h = h * 31 + v->u.i;
		if (v->kind >= SI_VALUE_STRING)
			for (uint32 b = 0; b < v->len; b++)
				h = h * 31 + (unsigned char) v->ptr[b];
	}
	return h;
}

/* A message through a format that asks for these fields, or discovers. */
static inline void
fuzz_message(const SiSpecFormat *options, const SiMessage *m, bool discover)
{
	const SiFormatRoutine *routine = si_format_routine(options);
	SiFieldTable *fields = si_fields_create(discover, 20);
	SiFormat   *format;
	SiRows		rows;
	SiReason	why = {""};

	si_fields_add(fields, "a", 1);
	si_fields_add(fields, "v", 1);
	si_fields_exclude(fields, "x", 1);
	format = routine->create(options, fields);
	if (routine->parse(format, m, &rows, &why))
	{
		uint64		first = digest(&rows);

		require(rows.nrows >= 0 && rows.stride <= si_fields_count(fields), "shape of the rows");
		for (int64 i = 0; i < (int64) rows.nrows * rows.stride; i++)
			use_value(&rows.values[i]);
		require(routine->parse(format, m, &rows, &why), "the same message again");
		require(discover || digest(&rows) == first, "the same rows again");
	}
	else
	{
		require(why.text[0] != '\0', "a refused message has a reason");
		require(si_fields_count(fields) == 2, "a refused message leaves no fields");
	}
	require_text(why.text, strlen(why.text), "reason of a message");
	routine->destroy(format);
	si_fields_free(fields);
}

/* The bytes up to the next line feed, as a string of malloc; moves both. */
static inline char *
take_line(const char **data, size_t *size)
{
	const char *stop = memchr(*data, '\n', *size);
	size_t		len = stop ? stop - *data : *size;
	char	   *line = malloc(len + 1);

	memcpy(line, *data, len);
	line[len] = '\0';
	*data += len + (stop ? 1 : 0);
	*size -= len + (stop ? 1 : 0);
	return line;
}

/* The same, cut where it is no UTF-8: what a spec says always is. */
static inline char *
take_text(const char **data, size_t *size)
{
	char	   *line = take_line(data, size);

	line[pg_encoding_verifymbstr(PG_UTF8, line, (int) strlen(line))] = '\0';
	return line;
}

#endif							/* SI_FUZZ_FORMAT_H */
