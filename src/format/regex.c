/*
 * regex.c
 *		The input format "regex": a line is a row when the pattern matches all
 *		of it; its groups are the cells.
 *
 * The engine is ICU's.  It reads the syntax of Java's patterns (groups with
 * names, possessive quantifiers, look-around, \Q..\E), answers errors as
 * values, and its work can be bounded: a match that takes more than
 * MATCH_STEPS or MATCH_STACK makes the line unparseable and nothing else.
 *
 * ICU works on UTF-16.  A line of ASCII is widened byte by byte; for others
 * the position in bytes of every code unit is noted.
 */
#include "common/port.h"

#include <unicode/uregex.h>
#include <unicode/ustring.h>

#include "format/cell.h"
#include "format/owned.h"
#include "format/reason.h"
#include "format/rowset.h"
#include "format/text_formats.h"
#include "format/utf8.h"

/* Steps of ICU's matcher are of about ten thousand operations. */
#define MATCH_STEPS		200
#define MATCH_STACK		(4 * 1024 * 1024)

struct SiFormat
{
	const SiSpecFormat *options;
	URegularExpression *regex;
	int			ngroups;
	SiCellRule	rule;
	SiRowSet	rows;
	SiBound    *columns;		/* one per group that has a column */
	int			ncolumns;
	SiScratch		names;
	SiScratch		line;			/* the line at hand in UTF-16 */
	SiOwned    *owned;
};

static void
release(void *arg)
{
	SiFormat   *f = arg;

	uregex_close(f->regex);
	si_rowset_free(&f->rows);
	si_scratch_free(&f->names);
	si_scratch_free(&f->line);
	free(f->columns);
}

/* Compiles a pattern; NULL and a reason with the place when it is none. */
static URegularExpression *
compile(const char *pattern, SiReason *why)
{
	size_t		len = strlen(pattern);
	UChar	   *wide = malloc(sizeof(UChar) * (len + 1));
	UErrorCode	error = U_ZERO_ERROR;
	UParseError where = {0};
	int32_t		n = 0;
	URegularExpression *regex = NULL;

	if (wide == NULL)
	{
		si_format_reason(why, "out of memory");
		return NULL;
	}
	u_strFromUTF8(wide, (int32_t) len + 1, &n, pattern, (int32_t) len, &error);
	if (U_SUCCESS(error))
		regex = uregex_open(wide, n, 0, &where, &error);
	if (U_SUCCESS(error))
	{
		uregex_setTimeLimit(regex, MATCH_STEPS, &error);
		uregex_setStackLimit(regex, MATCH_STACK, &error);
	}
	free(wide);
	if (U_SUCCESS(error))
		return regex;
	uregex_close(regex);
	si_format_reason(why, "%s at line %d, character %d", u_errorName(error), Max(where.line, 1), where.offset);
	return NULL;
}

bool
si_regex_check(const char *pattern, SiReason *why)
{
	URegularExpression *regex = compile(pattern, why);

	if (regex == NULL)
		return false;
	uregex_close(regex);
	return true;
}

/* Groups get the columns of the spec, or column_1 and so on. */
static void
name_columns(SiFormat *f)
{
	f->ncolumns = f->options->ncolumns > 0 ? Min(f->options->ncolumns, f->ngroups) : f->ngroups;
	f->columns = calloc(Max(f->ncolumns, 1), sizeof(SiBound));
	if (f->columns == NULL)
		si_owned_no_memory();
	for (int i = 0; i < f->ncolumns; i++)
	{
		char		name[32];
		const char *column = f->options->ncolumns > 0 ? f->options->columns[i]
			: si_scratch_copy(&f->names, name, snprintf(name, sizeof(name), "column_%d", i + 1));

		if (column == NULL)
			si_owned_no_memory();
		si_rowset_bind(&f->rows, &f->columns[i], column, strlen(column));
	}
}

static SiFormat *
create(const SiSpecFormat *options, SiFieldTable *fields)
{
	SiFormat   *f = palloc0(sizeof(SiFormat));
	UErrorCode	error = U_ZERO_ERROR;
	SiReason	why;

	f->options = options;
	f->regex = compile(options->pattern, &why);
	if (f->regex == NULL)
		si_owned_no_memory();	/* the pattern was checked with the spec */
	f->ngroups = uregex_groupCount(f->regex, &error);
	si_cell_rule(&f->rule, options);
	si_rowset_init(&f->rows, fields);
	name_columns(f);
	f->owned = si_owned_register(f, release);
	return f;
}

/*
 * The line in UTF-16, with *positions the byte of every unit and of the end,
 * or NULL when these are the same numbers.  NULL without memory.
 */
static const UChar *
widen_line(SiFormat *f, const char *line, size_t len, int32_t *units, const uint32 **positions)
{
	UChar	   *wide;
	uint32	   *bytes;
	int32_t		n = 0;
	size_t		i;

	si_scratch_reset(&f->line);
	wide = si_scratch_alloc(&f->line, sizeof(UChar) * (len + 1));
	if (wide == NULL)
		return NULL;
	for (i = 0; i < len && (unsigned char) line[i] < 0x80; i++)
		wide[i] = (unsigned char) line[i];
	*units = (int32_t) i;
	*positions = NULL;
	if (i == len)
		return wide;

	bytes = si_scratch_alloc(&f->line, sizeof(uint32) * (len + 1));
	if (bytes == NULL)
		return NULL;
	for (i = 0; i < len;)
	{
		size_t		start = i;
		UChar32		c;

		U8_NEXT_UNSAFE(line, i, c);
		bytes[n] = (uint32) start;
		if (c >= 0x10000)
		{
			wide[n++] = U16_LEAD(c);
			bytes[n] = (uint32) start;
			wide[n++] = U16_TRAIL(c);
		}
		else
			wide[n++] = (UChar) c;
	}
	bytes[n] = (uint32) len;
	*units = n;
	*positions = bytes;
	return wide;
}

static bool
bad_line(SiFormat *f, const char *line, size_t len, const char *text, SiReason *why)
{
	si_format_reason(why, "Unable to parse row [%.*s]: %s", si_format_clip(line, len), line, text);
	f->rows.nbad++;
	return true;
}

/* One line to one row.  False only when the whole message is lost. */
static bool
add_line(SiFormat *f, const char *line, size_t len, SiReason *why)
{
	UErrorCode	error = U_ZERO_ERROR;
	const uint32 *positions;
	int32_t		units;
	const UChar *wide = widen_line(f, line, len, &units, &positions);
	bool		matches;

	if (wide == NULL)
		return si_format_no_memory(why);
	uregex_setText(f->regex, wide, units, &error);
	matches = uregex_matches(f->regex, 0, &error);
	if (U_FAILURE(error))
		return bad_line(f, line, len,
						error == U_REGEX_TIME_OUT || error == U_REGEX_STACK_OVERFLOW ?
						"the pattern takes too long" : u_errorName(error), why);
	if (!matches)
		return bad_line(f, line, len, "the pattern does not match", why);
	if (!si_rowset_add(&f->rows, why))
		return false;
	for (int i = 0; i < f->ncolumns; i++)
	{
		int32_t		start = uregex_start(f->regex, i + 1, &error);
		int32_t		end = uregex_end(f->regex, i + 1, &error);
		SiValue		v = {.kind = SI_VALUE_NULL};

		if (positions != NULL && start >= 0)
		{
			start = positions[start];
			end = positions[end];
		}
		if (start >= 0 && !si_cell_value(&f->rule, &f->rows.scratch, line + start, end - start, &v))
			return si_format_no_memory(why);
		if (!si_rowset_put(&f->rows, &f->columns[i], &v, why))
			return false;
	}
	return true;
}

static bool
parse(SiFormat *f, const SiMessage *m, SiRows *rows, SiReason *why)
{
	size_t		len = m->len;
	const char *p;
	const char *end;

	if (si_rowset_begin(&f->rows))
		for (int i = 0; i < f->ncolumns; i++)
			si_rowset_bind(&f->rows, &f->columns[i], f->columns[i].name, f->columns[i].len);
	p = si_utf8_clean(&f->rows.scratch, m->payload, &len);
	if (p == NULL)
		return si_format_no_memory(why);
	for (end = p + len; p < end;)
	{
		const char *line = p;
		size_t		line_len = si_next_line(&p, end);

		if (!add_line(f, line, line_len, why))
			return si_rowset_undo(&f->rows);
	}
	si_rowset_finish(&f->rows, rows);
	return true;
}

static void
destroy(SiFormat *f)
{
	si_owned_forget(f->owned);
	release(f);
	pfree(f);
}

const SiFormatRoutine si_format_regex = {
	.name = "regex",
	.create = create,
	.parse = parse,
	.destroy = destroy,
};
