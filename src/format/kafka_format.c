/*
 * kafka_format.c
 *		The input format "kafka": the rows of the payload, and beside them what
 *		the message says besides its payload.
 *
 * The payload is read by the valueFormat.  A column that its rows have no
 * value for is filled, in this order, by a header, the time, topic, partition
 * and offset of the message, and its key.  Of a key the first value of the
 * first row counts, read by the keyFormat.
 */
#include "common/port.h"

#include <unicode/ucnv.h>

#include "common/stream.h"
#include "format/json.h"
#include "format/jsonnode.h"
#include "format/owned.h"
#include "format/reason.h"
#include "format/rowset.h"
#include "format/text_formats.h"
#include "format/utf8.h"

/* Names of headers that are remembered; with more of them all are forgotten. */
#define MAX_HEADER_NAMES 1024

typedef struct HeaderColumn
{
	char	   *name;			/* of the header, NUL-terminated */
	char	   *column;			/* prefix and name */
	SiBound		bound;
} HeaderColumn;

/* A value of the message, for all of its rows. */
typedef struct Beside
{
	SiBound    *bound;
	SiValue		value;
} Beside;

struct SiFormat
{
	const SiSpecFormat *options;
	SiFieldTable *fields;
	const SiFormatRoutine *value_routine;
	SiFormat   *value;
	const SiFormatRoutine *key_routine;
	SiFormat   *key;			/* NULL: keys are not read */
	SiFieldTable *key_fields;
	bool		key_first_member;	/* an object without fields that were asked for */

	SiRowSet	rows;
	const char *prefix;
	UConverter *converter;		/* NULL: UTF-8 */
	SiBound		timestamp_column;
	SiBound		topic_column;
	SiBound		partition_column;
	SiBound		offset_column;
	SiBound		key_column;

	HeaderColumn *headers;
	int			nheaders;
	Beside	   *beside;
	int			nbeside;
	int			beside_cap;
	SiOwned    *owned;
};

static void
forget_headers(SiFormat *f)
{
	for (int i = 0; i < f->nheaders; i++)
	{
		free(f->headers[i].name);
		free(f->headers[i].column);
	}
	f->nheaders = 0;
}

static void
release(void *arg)
{
	SiFormat   *f = arg;

	if (f->converter != NULL)
		ucnv_close(f->converter);
	forget_headers(f);
	free(f->headers);
	free(f->beside);
	si_rowset_free(&f->rows);
}

bool
si_header_encoding_check(const char *name)
{
	UErrorCode	error = U_ZERO_ERROR;
	UConverter *converter = ucnv_open(name, &error);

	if (U_FAILURE(error))
		return false;
	ucnv_close(converter);
	return true;
}

static void
bind_column(SiFormat *f, SiBound *bound, const char *name, const char *deflt)
{
	if (name == NULL)
		name = deflt;
	si_rowset_bind(&f->rows, bound, name, strlen(name));
}

static void
bind_all(SiFormat *f)
{
	const SiSpecFormat *o = f->options;

	bind_column(f, &f->timestamp_column, o->timestamp_column, "kafka.timestamp");
	bind_column(f, &f->topic_column, o->topic_column, "kafka.topic");
	bind_column(f, &f->partition_column, o->partition_column, "kafka.partition");
	bind_column(f, &f->offset_column, o->offset_column, "kafka.offset");
	bind_column(f, &f->key_column, o->key_column, "kafka.key");
	forget_headers(f);
}

/* The key's own table has the one field whose value is the key. */
static void
create_key(SiFormat *f, const SiSpecFormat *key)
{
	const char *name = NULL;

	if (key->kind == SI_FORMAT_JSON)
		name = key->nfields > 0 ? key->fields[0].name : NULL;
	else if (key->kind == SI_FORMAT_LINES)
		name = "line";
	else if (!key->header)
		name = key->ncolumns > 0 ? key->columns[0] : "column_1";
	f->key_first_member = key->kind == SI_FORMAT_JSON && name == NULL;
	f->key_fields = si_fields_create(key->header, 1);
	if (name != NULL)
		si_fields_add(f->key_fields, name, strlen(name));
	f->key_routine = si_format_routine(key);
	f->key = f->key_routine->create(key, f->key_fields);
}

static SiFormat *
create(const SiSpecFormat *options, SiFieldTable *fields)
{
	SiFormat   *f = palloc0(sizeof(SiFormat));
	UErrorCode	error = U_ZERO_ERROR;

	f->options = options;
	f->fields = fields;
	f->prefix = options->header_prefix ? options->header_prefix : "kafka.header.";
	f->value_routine = si_format_routine(options->value);
	f->value = f->value_routine->create(options->value, fields);
	if (options->key != NULL)
		create_key(f, options->key);
	if (options->headers && options->header_encoding != NULL && pg_strcasecmp(options->header_encoding, "UTF-8") != 0)
		f->converter = ucnv_open(options->header_encoding, &error);
	f->headers = malloc(sizeof(HeaderColumn) * MAX_HEADER_NAMES);
	if (f->headers == NULL)
		si_owned_no_memory();
	si_rowset_init(&f->rows, fields);
	f->owned = si_owned_register(f, release);
	return f;
}

/*
 * What stands beside the payload
 */

static bool
add_beside(SiFormat *f, SiBound *bound, const SiValue *v)
{
	if (f->nbeside == f->beside_cap)
	{
		int			cap = Max(f->beside_cap * 2, 32);
		Beside	   *beside = realloc(f->beside, sizeof(Beside) * cap);

		if (beside == NULL)
			return false;
		f->beside = beside;
		f->beside_cap = cap;
	}
	f->beside[f->nbeside].bound = bound;
	f->beside[f->nbeside++].value = *v;
	return true;
}

static bool
add_long(SiFormat *f, SiBound *bound, int64 value)
{
	SiValue		v = {.kind = SI_VALUE_LONG,.u.i = value};

	return bound->slot == SI_FIELD_IGNORED || add_beside(f, bound, &v);
}

/* The column of a header; i is where it stood the last time, most likely. */
static HeaderColumn *
header_column(SiFormat *f, const char *name, size_t i)
{
	HeaderColumn *h;
	size_t		prefix_len = strlen(f->prefix);
	size_t		len = strlen(name);
	size_t		column_len;

	if (i < (size_t) f->nheaders && strcmp(f->headers[i].name, name) == 0)
		return &f->headers[i];
	for (int k = 0; k < f->nheaders; k++)
		if (strcmp(f->headers[k].name, name) == 0)
			return &f->headers[k];
	h = &f->headers[f->nheaders];
	h->name = malloc(len + 1);
	/* what is no UTF-8 grows: U+FFFD has three bytes */
	h->column = malloc(prefix_len + len * 3 + 1);
	if (h->name == NULL || h->column == NULL)
	{
		free(h->name);
		free(h->column);
		return NULL;
	}
	memcpy(h->name, name, len + 1);
	column_len = len;
	name = si_utf8_clean(&f->rows.scratch, name, &column_len);
	memcpy(h->column, f->prefix, prefix_len);
	if (name != NULL)
		memcpy(h->column + prefix_len, name, column_len);
	si_rowset_bind(&f->rows, &h->bound, h->column, (int) (prefix_len + (name ? column_len : 0)));
	f->nheaders++;
	return h;
}

/* The value of a header as text; false without memory. */
static bool
header_value(SiFormat *f, const SiHeader *header, SiValue *v)
{
	UErrorCode	error = U_ZERO_ERROR;
	size_t		len = header->len;
	const char *text;
	char	   *copy;
	int32_t		n;

	memset(v, 0, sizeof(*v));
	v->kind = SI_VALUE_NULL;
	if (header->value == NULL)
		return true;
	if (f->converter == NULL)
	{
		text = si_utf8_clean(&f->rows.scratch, header->value, &len);
		if (text == NULL)
			return false;
		si_value_set_string(v, text, len);
		return true;
	}
	copy = si_scratch_alloc(&f->rows.scratch, len * 4 + 1);
	if (copy == NULL)
		return false;
	n = ucnv_toAlgorithmic(UCNV_UTF8, f->converter, copy, (int32_t) (len * 4 + 1), header->value, (int32_t) len, &error);
	si_scratch_trim(&f->rows.scratch, copy, Max(n, 0));
	if (U_SUCCESS(error))
		si_value_set_string(v, copy, n);
	return true;
}

static bool
add_headers(SiFormat *f, const SiMessage *m)
{
	SiHeader	header;
	SiValue		v;

	if (!f->options->headers || m->header == NULL)
		return true;
	for (size_t i = 0; m->header(m, i, &header); i++)
	{
		HeaderColumn *h;

		if (f->nheaders == MAX_HEADER_NAMES)
		{
			/* bounds of headers before this one point into the list */
			if (i >= MAX_HEADER_NAMES)
				return true;
			f->nbeside = 0;
			forget_headers(f);
			i = (size_t) -1;
			continue;
		}
		h = header_column(f, header.name, i);
		if (h == NULL)
			return false;
		if (h->bound.slot != SI_FIELD_IGNORED && (!header_value(f, &header, &v) || !add_beside(f, &h->bound, &v)))
			return false;
	}
	/* of headers with one name the last counts: it is to come first */
	for (int i = 0; i < f->nbeside / 2; i++)
	{
		Beside		swap = f->beside[i];

		f->beside[i] = f->beside[f->nbeside - 1 - i];
		f->beside[f->nbeside - 1 - i] = swap;
	}
	return true;
}

/*
 * The first member of an object that is not null, a scalar or an array of
 * scalars; just the first when objects are discovered, too.
 */
static bool
first_member(SiFormat *f, const char *text, size_t len, SiValue *v)
{
	SiNodeWalk	walk;
	SiJsonNode	object,
				value;
	bool		bom = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;

	if (si_node_read(text + (bom ? 3 : 0), text + len, &object) == NULL || !si_node_walk(&walk, &object))
		return true;
	while (si_node_next(&walk, NULL, &value))
	{
		SiNodeWalk	inside;
		SiJsonNode	element;
		bool		flat = value.v.kind != SI_VALUE_NULL && value.v.kind != SI_VALUE_OBJECT;

		if (si_fields_nested(f->fields))
			return si_node_value(&value, &f->rows.scratch, v);
		if (value.v.kind == SI_VALUE_ARRAY && si_node_walk(&inside, &value))
			while (flat && si_node_next(&inside, NULL, &element))
				flat = element.v.kind != SI_VALUE_ARRAY && element.v.kind != SI_VALUE_OBJECT;
		if (flat)
			return si_node_value(&value, &f->rows.scratch, v);
	}
	return true;
}

static bool
add_key(SiFormat *f, const SiMessage *m, SiReason *why)
{
	SiMessage	key = {.payload = m->key,.len = m->key_len};
	SiValue		v = {0};
	SiRows		rows;
	SiReason	detail;

	if (f->key == NULL || m->key == NULL)
		return true;
	if (!f->key_routine->parse(f->key, &key, &rows, &detail) || (rows.nrows == 0 && rows.nbad > 0))
		return si_format_reason(why, "Unable to parse the key: %s", detail.text);
	if (f->key_column.slot == SI_FIELD_IGNORED)
		return true;
	if (f->key_first_member)
	{
		if (!first_member(f, m->key, m->key_len, &v))
			return si_format_no_memory(why);
	}
	else if (rows.nrows > 0 && rows.stride > 0)
		v = rows.values[0];
	return v.kind == SI_VALUE_MISSING || add_beside(f, &f->key_column, &v) || si_format_no_memory(why);
}

/* All that is beside the payload, the strongest first. */
static bool
gather(SiFormat *f, const SiMessage *m, SiReason *why)
{
	SiValue		topic = {0};

	f->nbeside = 0;
	si_value_set_string(&topic, m->topic, m->topic ? strlen(m->topic) : 0);
	if (!add_headers(f, m) ||
		!add_long(f, &f->timestamp_column, m->timestamp) ||
		(m->topic != NULL && f->topic_column.slot != SI_FIELD_IGNORED && !add_beside(f, &f->topic_column, &topic)) ||
		!add_long(f, &f->partition_column, si_partition_number(m->partition)) ||
		!add_long(f, &f->offset_column, m->offset))
		return si_format_no_memory(why);
	return add_key(f, m, why);
}

static bool
parse(SiFormat *f, const SiMessage *m, SiRows *rows, SiReason *why)
{
	SiRows		payload;
	bool		fill_nulls = f->options->value->kind == SI_FORMAT_JSON;

	if (si_rowset_begin(&f->rows))
		bind_all(f);
	if (!f->value_routine->parse(f->value, m, &payload, why))
		return false;
	if (!gather(f, m, why) || !si_rowset_take(&f->rows, &payload, why))
		return si_rowset_undo(&f->rows);
	for (int i = 0; i < f->nbeside; i++)
		for (int r = 0; r < payload.nrows; r++)
			if (!si_rowset_fill(&f->rows, r, f->beside[i].bound, &f->beside[i].value, fill_nulls, why))
				return si_rowset_undo(&f->rows);
	si_rowset_finish(&f->rows, rows);
	rows->separate = payload.separate;
	return true;
}

static void
destroy(SiFormat *f)
{
	si_owned_forget(f->owned);
	f->value_routine->destroy(f->value);
	if (f->key != NULL)
	{
		f->key_routine->destroy(f->key);
		si_fields_free(f->key_fields);
	}
	release(f);
	pfree(f);
}

const SiFormatRoutine si_format_kafka = {
	.name = "kafka",
	.create = create,
	.parse = parse,
	.destroy = destroy,
};
