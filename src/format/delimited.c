/*
 * delimited.c
 *		The input formats "csv" and "tsv": lines of cells.
 *
 * Each line of a message is a row that stands for itself.  CSV cells may be
 * in quotes, in which a quote is written twice and a backslash is nothing
 * special (RFC 4180); a row does not go on in the next line.  What is not as
 * it should be is read as Druid's library does, and no error: an open quote
 * takes the rest of the line and stays, and two quotes are one everywhere.  TSV cells are
 * what stands between two delimiters.  An empty cell without quotes is null;
 * a line with fewer cells than columns lacks the last columns, more cells are
 * ignored.
 *
 * Header lines are those of each message, as Druid reads them; the columns of
 * the message before are used again when the header is the same.
 */
#include "common/port.h"

#include "format/cell.h"
#include "format/owned.h"
#include "format/reason.h"
#include "format/rowset.h"
#include "format/text_formats.h"
#include "format/utf8.h"

typedef struct Cell
{
	const char *text;			/* NULL: null */
	size_t		len;
} Cell;

struct SiFormat
{
	const SiSpecFormat *options;
	bool		quotes;
	const char *delimiter;
	size_t		delimiter_len;
	SiCellRule	rule;
	SiRowSet	rows;

	/* the columns in force; of the spec, or of a header */
	SiBound    *columns;
	int			ncolumns;
	int			columns_cap;
	SiScratch		names;			/* of columns that the spec does not name */
	const char *header;			/* text of the header they came from */
	size_t		header_len;

	/* cells of the line at hand */
	Cell	   *cells;
	int			ncells;
	int			cells_cap;
	SiOwned    *owned;
};

static void
release(void *arg)
{
	SiFormat   *f = arg;

	si_rowset_free(&f->rows);
	si_scratch_free(&f->names);
	free(f->columns);
	free(f->cells);
}

/*
 * Columns
 */

/* Room for n columns; false without memory. */
static bool
reserve_columns(SiFormat *f, int n)
{
	SiBound    *columns;

	if (n <= f->columns_cap)
		return true;
	columns = realloc(f->columns, sizeof(SiBound) * n * 2);
	if (columns == NULL)
		return false;
	f->columns = columns;
	f->columns_cap = n * 2;
	return true;
}

/* "column_3"; NULL without memory. */
static const char *
default_name(SiFormat *f, int ordinal)
{
	char		name[32];

	return si_scratch_copy(&f->names, name, snprintf(name, sizeof(name), "column_%d", ordinal));
}

/* Columns without a name of their own, as many as the line at hand has cells. */
static bool
more_default_columns(SiFormat *f)
{
	if (!reserve_columns(f, f->ncells))
		return false;
	for (; f->ncolumns < f->ncells; f->ncolumns++)
	{
		const char *name = default_name(f, f->ncolumns + 1);

		if (name == NULL)
			return false;
		si_rowset_bind(&f->rows, &f->columns[f->ncolumns], name, strlen(name));
	}
	return true;
}

static void
bind_columns(SiFormat *f)
{
	for (int i = 0; i < f->ncolumns; i++)
		si_rowset_bind(&f->rows, &f->columns[i], f->columns[i].name, f->columns[i].len);
}

static int
compare_names(const void *a, const void *b)
{
	const SiBound *x = *(const SiBound *const *) a;
	const SiBound *y = *(const SiBound *const *) b;
	int			order = memcmp(x->name, y->name, Min(x->len, y->len));

	return order != 0 ? order : x->len - y->len;
}

/* A name that two columns have, or NULL. */
static const SiBound *
duplicate_column(SiFormat *f)
{
	const SiBound **sorted = si_scratch_alloc(&f->names, sizeof(SiBound *) * f->ncolumns);

	for (int i = 0; sorted != NULL && i < f->ncolumns; i++)
		sorted[i] = &f->columns[i];
	if (sorted == NULL)
		return NULL;
	qsort(sorted, f->ncolumns, sizeof(SiBound *), compare_names);
	for (int i = 1; i < f->ncolumns; i++)
		if (compare_names(&sorted[i - 1], &sorted[i]) == 0)
			return sorted[i];
	return NULL;
}

/*
 * Lines
 */

static bool
add_cell(SiFormat *f, const char *text, size_t len)
{
	if (f->ncells == f->cells_cap)
	{
		int			cap = Max(f->cells_cap * 2, 64);
		Cell	   *cells = realloc(f->cells, sizeof(Cell) * cap);

		if (cells == NULL)
			return false;
		f->cells = cells;
		f->cells_cap = cap;
	}
	f->cells[f->ncells].text = text;
	f->cells[f->ncells++].len = len;
	return true;
}

/* The next delimiter from p on, or end. */
static const char *
next_delimiter(const SiFormat *f, const char *p, const char *end)
{
	const char *found = f->delimiter_len == 1 ? memchr(p, *f->delimiter, end - p)
		: memmem(p, end - p, f->delimiter, f->delimiter_len);

	return found ? found : end;
}

/*
 * The end of a cell that begins with a quote: the first quote that has a
 * delimiter behind it and is not the second of a pair, or the end of the line.
 */
static const char *
quoted_end(const SiFormat *f, const char *p, const char *end)
{
	const char *quote = memchr(p + 1, '"', end - p - 1);
	bool		inside = false;

	while (quote != NULL && quote < end - 1)
	{
		if (!inside && quote[1] == *f->delimiter)
			return quote + 1;
		do
		{
			quote = memchr(quote + 1, '"', end - quote - 1);
			inside = !inside;
		} while (quote != NULL && quote < end - 1 && quote[1] == '"');
	}
	return end;
}

/* A cell with quotes: those around it are taken away (one that is alone stays), two of them are one. */
static bool
add_quoted(SiFormat *f, const char *p, const char *stop, SiReason *why)
{
	const char *quote;
	char	   *copy;
	char	   *out;

	if (*p == '"' && memchr(p + 1, '"', stop - p - 1) != NULL)
	{
		p++;
		stop -= stop[-1] == '"';
	}
	quote = memmem(p, stop - p, "\"\"", 2);
	if (quote == NULL)
		return add_cell(f, p, stop - p) || si_format_no_memory(why);
	copy = out = si_scratch_alloc(&f->rows.scratch, stop - p);
	if (copy == NULL)
		return si_format_no_memory(why);
	for (; quote != NULL; quote = memmem(p, stop - p, "\"\"", 2))
	{
		memcpy(out, p, quote + 1 - p);
		out += quote + 1 - p;
		p = quote + 2;
	}
	memcpy(out, p, stop - p);
	out += stop - p;
	si_scratch_trim(&f->rows.scratch, copy, out - copy);
	return add_cell(f, copy, out - copy) || si_format_no_memory(why);
}

/* Takes a line apart into cells; false without memory. */
static bool
split_line(SiFormat *f, const char *line, size_t len, SiReason *why)
{
	const char *p = line;
	const char *end = line + len;

	f->ncells = 0;
	for (;;)
	{
		const char *stop = f->quotes && p < end && *p == '"' ? quoted_end(f, p, end) : next_delimiter(f, p, end);

		if (f->quotes && memchr(p, '"', stop - p) != NULL)
		{
			if (!add_quoted(f, p, stop, why))
				return false;
		}
		else if (!add_cell(f, stop > p ? p : NULL, stop - p))
			return si_format_no_memory(why);
		if (stop == end)
			return true;
		p = stop + f->delimiter_len;
	}
}

static bool
header_error(const char *line, size_t len, SiReason *why, const char *what, int what_len, const char *text)
{
	return si_format_reason(why, "Unable to parse header [%.*s]: %s%.*s",
							si_format_clip(line, len), line, what, what_len, text);
}

/* Makes the line the header, unless it is already. */
static bool
take_header(SiFormat *f, const char *line, size_t len, SiReason *why)
{
	const SiBound *twice;

	if (f->header != NULL && f->header_len == len && memcmp(f->header, line, len) == 0)
		return true;
	f->header = NULL;
	f->ncolumns = 0;
	si_scratch_reset(&f->names);
	if (!split_line(f, line, len, why))
		return false;
	if (!reserve_columns(f, f->ncells))
		return si_format_no_memory(why);
	for (int i = 0; i < f->ncells; i++)
	{
		bool		named = f->cells[i].text != NULL && f->cells[i].len > 0;
		const char *name = named ? si_scratch_copy(&f->names, f->cells[i].text, f->cells[i].len)
			: default_name(f, i + 1);

		if (name == NULL)
			return si_format_no_memory(why);
		si_rowset_bind(&f->rows, &f->columns[f->ncolumns++], name, named ? (int) f->cells[i].len : strlen(name));
	}
	twice = duplicate_column(f);
	if (twice != NULL)
		return header_error(line, len, why, "two columns are called ", si_format_clip(twice->name, twice->len), twice->name);
	f->header = si_scratch_copy(&f->names, line, len);
	f->header_len = len;
	return f->header != NULL || si_format_no_memory(why);
}

/* One line to one row.  False only when the whole message is lost. */
static bool
add_line(SiFormat *f, const char *line, size_t len, SiReason *why)
{
	if (!split_line(f, line, len, why))
		return false;
	if (f->ncells > f->ncolumns && f->options->ncolumns == 0 && !f->options->header && !more_default_columns(f))
		return si_format_no_memory(why);
	if (!si_rowset_add(&f->rows, why))
		return false;
	for (int i = 0; i < Min(f->ncells, f->ncolumns); i++)
	{
		SiValue		v = {.kind = SI_VALUE_NULL};

		if (f->columns[i].slot == SI_FIELD_IGNORED)
			continue;
		if (f->cells[i].text != NULL &&
			!si_cell_value(&f->rule, &f->rows.scratch, f->cells[i].text, f->cells[i].len, &v))
			return si_format_no_memory(why);
		if (!si_rowset_put(&f->rows, &f->columns[i], &v, why))
			return false;
	}
	return true;
}

/*
 * The routine table
 */

static SiFormat *
create(const SiSpecFormat *options, SiFieldTable *fields, bool quotes, const char *delimiter)
{
	SiFormat   *f = palloc0(sizeof(SiFormat));

	f->options = options;
	f->quotes = quotes;
	f->delimiter = !quotes && options->delimiter ? options->delimiter : delimiter;
	f->delimiter_len = strlen(f->delimiter);
	si_cell_rule(&f->rule, options);
	si_rowset_init(&f->rows, fields);
	if (!options->header)
	{
		if (!reserve_columns(f, Max(options->ncolumns, 1)))
			si_owned_no_memory();
		for (; f->ncolumns < options->ncolumns; f->ncolumns++)
			si_rowset_bind(&f->rows, &f->columns[f->ncolumns], options->columns[f->ncolumns],
						   strlen(options->columns[f->ncolumns]));
	}
	f->owned = si_owned_register(f, release);
	return f;
}

static SiFormat *
csv_create(const SiSpecFormat *options, SiFieldTable *fields)
{
	return create(options, fields, true, ",");
}

static SiFormat *
tsv_create(const SiSpecFormat *options, SiFieldTable *fields)
{
	return create(options, fields, false, "\t");
}

static bool
parse(SiFormat *f, const SiMessage *m, SiRows *rows, SiReason *why)
{
	size_t		len = m->len;
	int			number = 0;
	const char *p;
	const char *end;

	if (si_rowset_begin(&f->rows))
		bind_columns(f);
	p = si_utf8_clean(&f->rows.scratch, m->payload, &len);
	if (p == NULL)
		return si_format_no_memory(why);
	for (end = p + len; p < end; number++)
	{
		const char *line = p;
		size_t		line_len = si_next_line(&p, end);

		if (number < f->options->skip_rows)
			continue;
		if (f->options->header && number == f->options->skip_rows)
		{
			if (!take_header(f, line, line_len, why))
				return si_rowset_undo(&f->rows);
		}
		else if (!add_line(f, line, line_len, why))
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

const SiFormatRoutine si_format_csv = {
	.name = "csv",
	.create = csv_create,
	.parse = parse,
	.destroy = destroy,
};

const SiFormatRoutine si_format_tsv = {
	.name = "tsv",
	.create = tsv_create,
	.parse = parse,
	.destroy = destroy,
};
