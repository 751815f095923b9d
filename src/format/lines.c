/*
 * lines.c
 *		The input format "lines": each line of a message is a row with the
 *		one field "line".
 */
#include "common/port.h"

#include "format/owned.h"
#include "format/reason.h"
#include "format/rowset.h"
#include "format/text_formats.h"
#include "format/utf8.h"

#define COLUMN "line"

struct SiFormat
{
	SiRowSet	rows;
	SiBound		column;
	SiOwned    *owned;
};

static void
release(void *arg)
{
	si_rowset_free(&((SiFormat *) arg)->rows);
}

static SiFormat *
create(const SiSpecFormat *options, SiFieldTable *fields)
{
	SiFormat   *f = palloc0(sizeof(SiFormat));

	si_rowset_init(&f->rows, fields);
	si_rowset_bind(&f->rows, &f->column, COLUMN, strlen(COLUMN));
	f->owned = si_owned_register(f, release);
	return f;
}

static bool
parse(SiFormat *f, const SiMessage *m, SiRows *rows, SiReason *why)
{
	size_t		len = m->len;
	const char *p;
	const char *end;

	if (si_rowset_begin(&f->rows))
		si_rowset_bind(&f->rows, &f->column, COLUMN, strlen(COLUMN));
	p = si_utf8_clean(&f->rows.scratch, m->payload, &len);
	if (p == NULL)
		return si_format_no_memory(why);
	for (end = p + len; p < end;)
	{
		const char *line = p;
		SiValue		v = {0};

		si_value_set_string(&v, line, si_next_line(&p, end));
		if (!si_rowset_add(&f->rows, why) || !si_rowset_put(&f->rows, &f->column, &v, why))
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

const SiFormatRoutine si_format_lines = {
	.name = "lines",
	.create = create,
	.parse = parse,
	.destroy = destroy,
};
