/*
 * test_transform.c
 *		Rows through transforms, filter and the inputs of metrics, into an
 *		index: order, shadowing, times, discovery, rows that fail.
 */
#include "common/port.h"

#include "format/format.h"
#include "format/number.h"
#include "harness.h"
#include "index/index.h"
#include "transform/transform.h"

typedef struct Fixture
{
	SiSpec		spec;
	SiFieldTable *fields;
	SiIndex    *index;
	SiTransform *transform;
	SiFormat   *format;
	SiRows		rows;			/* transformed */
	int			filtered;
	SiAddResult result;
	SiReason	why;
} Fixture;

static SiExpr *
compile(const char *text)
{
	SiExprError err;
	SiExpr	   *e = si_expr_compile(text, &err);

	CHECK(e != NULL, "%s: %s", text, err.text.text);
	return e;
}

static void
add_transform(SiSpec *spec, const char *name, const char *expression)
{
	SiSpecTransform *t = &spec->transforms[spec->ntransforms++];

	t->name = pstrdup(name);
	t->expression = pstrdup(expression);
	t->expr = compile(expression);
}

static SiSpecMetric *
add_metric(SiSpec *spec, const char *name, SiType type)
{
	SiSpecMetric *m = &spec->metrics[spec->nmetrics++];

	m->name = pstrdup(name);
	m->input = SI_METRIC_FIELD;
	m->field_name = psprintf("\001%s", name);
	m->type = type;
	m->agg = SI_AGG_SUM;
	return m;
}

static void
add_dimension(SiSpec *spec, const char *name, SiType type)
{
	SiSpecDimension *d = &spec->dimensions[spec->ndimensions++];

	d->name = pstrdup(name);
	d->type = type;
}

static SiFilter *
filter(const char *expression)
{
	SiFilter   *f = palloc0(sizeof(SiFilter));

	f->kind = SI_FILTER_EXPRESSION;
	f->expr = compile(expression);
	return f;
}

static SiSpec *
begin(Fixture *f)
{
	SiSpec	   *spec = &f->spec;

	memset(f, 0, sizeof(*f));
	spec->timestamp_column = pstrdup("time");
	spec->timestamp_format = pstrdup("auto");
	spec->transforms = palloc0(sizeof(SiSpecTransform) * 10);
	spec->metrics = palloc0(sizeof(SiSpecMetric) * 10);
	spec->dimensions = palloc0(sizeof(SiSpecDimension) * 10);
	spec->exclusions = palloc0(sizeof(char *) * 10);
	si_granularity_from_name("NONE", &spec->query_granularity);
	return spec;
}

static void
finish(Fixture *f)
{
	f->fields = si_fields_create(f->spec.discover, 100);
	f->index = si_index_create(&f->spec, f->fields, &f->why);
	f->transform = si_transform_create(&f->spec, f->fields);
	f->format = si_format_json.create(NULL, f->fields);
}

/* One message into the index; false when it is unparseable. */
static bool
add(Fixture *f, const char *message)
{
	SiMessage	m = {.payload = message, .len = strlen(message)};
	SiRows		raw;

	if (!si_format_json.parse(f->format, &m, &raw, &f->why))
		return false;
	raw.times = NULL;
	if (!si_transform_rows(f->transform, &raw, &f->rows, &f->filtered, &f->why))
		return false;
	si_index_add(f->index, &f->rows, &f->result, &f->why);
	return !f->result.unparseable;
}

static const SiColumn *
column(Fixture *f, const char *name)
{
	const SiTable *t = si_index_table(f->index);

	for (int i = 0; i < t->ncolumns; i++)
		if (strcmp(t->columns[i].desc.name, name) == 0)
			return &t->columns[i];
	return NULL;
}

/* A string dimension's value; NULL is null. */
static const char *
text_at(Fixture *f, const char *name, int row)
{
	const SiColumn *c = column(f, name);
	uint32		code = c ? c->v.codes[row] : 0;

	if (code == 0)
		return NULL;
	return pnstrdup((const char *) c->dict.bytes + c->dict.offsets[code - 1],
					c->dict.offsets[code] - c->dict.offsets[code - 1]);
}

/* Druid's own examples of a transform specification. */
static void
test_transforms(void)
{
	Fixture		f;
	SiSpec	   *spec = begin(&f);

	add_dimension(spec, "f", SI_TYPE_STRING);
	add_dimension(spec, "g", SI_TYPE_STRING);
	add_dimension(spec, "h", SI_TYPE_STRING);
	add_dimension(spec, "x", SI_TYPE_STRING);
	add_transform(spec, "f", "concat(x,y)");
	add_transform(spec, "g", "a + b");
	add_transform(spec, "h", "concat(f,g)");
	finish(&f);
	CHECK(add(&f, "{\"time\":0,\"x\":\"foo\",\"y\":\"bar\",\"a\":2.0,\"b\":3}"), "%s", f.why.text);
	CHECK_STR(text_at(&f, "f", 0), "foobar");
	CHECK_STR(text_at(&f, "g", 0), "5.0");
	CHECK_STR(text_at(&f, "h", 0), NULL);
	CHECK_STR(text_at(&f, "x", 0), "foo");
	/* a message that has a field of that name is read as it is */
	CHECK(add(&f, "{\"time\":0,\"x\":\"a\",\"y\":\"b\",\"f\":\"F\",\"g\":7}"), "%s", f.why.text);
	CHECK_STR(text_at(&f, "f", 1), "ab");
	CHECK_STR(text_at(&f, "h", 1), "F7");
}

/* Transforms may shadow their own input and that of others. */
static void
test_shadowing(void)
{
	Fixture		f;
	SiSpec	   *spec = begin(&f);

	add_dimension(spec, "x", SI_TYPE_STRING);
	add_dimension(spec, "y", SI_TYPE_STRING);
	add_transform(spec, "x", "concat(x,y)");
	add_transform(spec, "y", "concat(x,'-',y)");
	add_transform(spec, "time", "'not the time'");
	finish(&f);
	CHECK(add(&f, "{\"time\":1000,\"x\":\"foo\",\"y\":\"bar\"}"), "%s", f.why.text);
	CHECK_STR(text_at(&f, "x", 0), "foobar");
	CHECK_STR(text_at(&f, "y", 0), "foo-bar");
	CHECK_INT(si_index_table(f.index)->columns[0].v.longs[0], 1000);
}

static void
test_time(void)
{
	Fixture		f;
	SiSpec	   *spec = begin(&f);

	add_dimension(spec, "before", SI_TYPE_LONG);
	add_transform(spec, "__time", "(a + b) * 3600000");
	add_transform(spec, "before", "__time");
	finish(&f);
	CHECK(add(&f, "{\"time\":1000,\"a\":2.0,\"b\":3}"), "%s", f.why.text);
	CHECK_INT(si_index_table(f.index)->columns[0].v.longs[0], 5 * 3600000);
	CHECK_INT(column(&f, "before")->v.longs[0], 1000);
	/* late rejection goes by the new time */
	si_index_set_bounds(f.index, 6 * 3600000, PG_INT64_MAX);
	CHECK(add(&f, "{\"time\":999999999,\"a\":2,\"b\":3}"), "%s", f.why.text);
	CHECK_INT(f.result.before_min, 1);
	CHECK(add(&f, "{\"time\":0,\"a\":2,\"b\":4}"), "%s", f.why.text);
	CHECK_INT(f.result.processed, 1);
	/* no time, no row */
	CHECK(!add(&f, "{\"time\":0,\"a\":2}") && strstr(f.why.text, "__time"), "%s", f.why.text);
	CHECK(!add(&f, "{\"time\":0,\"a\":1e18,\"b\":1}") && strstr(f.why.text, "cannot be represented"), "%s", f.why.text);
	CHECK(!add(&f, "{\"time\":\"never\",\"a\":2,\"b\":4}") && strstr(f.why.text, "unparseable"), "%s", f.why.text);
	CHECK_INT(si_index_rows(f.index), 2);
}

static void
test_filter(void)
{
	Fixture		f;
	SiSpec	   *spec = begin(&f);

	add_dimension(spec, "g", SI_TYPE_STRING);
	add_dimension(spec, "q", SI_TYPE_LONG);
	add_transform(spec, "g", "a + b");
	add_transform(spec, "q", "a / b");
	spec->filter = filter("g > 4 && __time >= 1000");
	finish(&f);
	CHECK(add(&f, "{\"time\":1000,\"a\":2.0,\"b\":3}{\"time\":1000,\"a\":1,\"b\":0}{\"time\":1000,\"a\":9,\"b\":1}"), "%s", f.why.text);
	CHECK_INT(f.result.processed, 2);
	CHECK_INT(f.filtered, 1);
	CHECK_STR(text_at(&f, "g", 0), "5.0");
	CHECK_STR(text_at(&f, "g", 1), "10");
	CHECK(add(&f, "{\"time\":1,\"a\":20,\"b\":0}"), "a row that the filter refuses cannot fail: %s", f.why.text);
	CHECK_INT(f.filtered, 1);
	CHECK(add(&f, "{\"time\":2000}"), "%s", f.why.text);
	CHECK_INT(f.filtered, 1);
	/* a row that fails takes its message with it */
	CHECK(!add(&f, "{\"time\":1000,\"a\":9,\"b\":1}{\"time\":1000,\"a\":9,\"b\":0}"), "a division by zero");
	CHECK_STR(f.why.text, "Could not transform value for q reason: division by zero");
	CHECK_INT(si_index_rows(f.index), 2);
}

/* Rows that stand for themselves fail for themselves. */
static void
test_separate_rows(void)
{
	Fixture		f;
	SiSpec	   *spec = begin(&f);
	SiMessage	m = {.payload = "{\"time\":0,\"a\":1,\"b\":0}{\"time\":\"?\"}{\"time\":0,\"a\":6,\"b\":2}{\"time\":0}"};
	SiRows		raw;

	add_dimension(spec, "q", SI_TYPE_LONG);
	add_transform(spec, "q", "a / b");
	spec->filter = filter("a > 0");
	finish(&f);
	m.len = strlen(m.payload);
	CHECK(si_format_json.parse(f.format, &m, &raw, &f.why), "%s", f.why.text);
	raw.separate = true;
	CHECK(si_transform_rows(f.transform, &raw, &f.rows, &f.filtered, &f.why), "%s", f.why.text);
	CHECK_INT(f.rows.nrows, 1);
	CHECK_INT(f.rows.nbad, 2);
	CHECK_INT(f.filtered, 1);
	si_index_add(f.index, &f.rows, &f.result, &f.why);
	CHECK_INT(f.result.processed, 1);
	CHECK_INT(f.result.unparseable_rows, 2);
	CHECK_INT(column(&f, "q")->v.longs[0], 3);
}

/* What transforms make is no dimension unless the message has the field, too. */
static void
test_discovery(void)
{
	Fixture		f;
	SiSpec	   *spec = begin(&f);
	SiSpecMetric *m;

	spec->discover = true;
	spec->exclusions[spec->nexclusions++] = "secret";
	add_transform(spec, "made", "concat(a, secret)");
	add_transform(spec, "a", "upper(a)");
	m = add_metric(spec, "total", SI_TYPE_LONG);
	m->source = "amount";
	m->filter = filter("only == 1");
	spec->filter = filter("made != 'no' && secret == 's'");
	finish(&f);
	CHECK(add(&f, "{\"time\":0,\"a\":\"x\",\"secret\":\"s\",\"amount\":5,\"only\":1,\"other\":\"o\"}"), "%s", f.why.text);
	CHECK(add(&f, "{\"time\":0,\"b\":\"y\",\"secret\":\"s\",\"amount\":5,\"a\":\"z\"}"), "%s", f.why.text);
	CHECK_INT(f.result.processed, 1);
	CHECK_STR(text_at(&f, "a", 0), "X");
	CHECK_STR(text_at(&f, "other", 0), "o");
	CHECK_STR(text_at(&f, "b", 1), "y");
	CHECK(column(&f, "made") == NULL, "a result is a dimension");
	CHECK(column(&f, "secret") == NULL, "an excluded field is a dimension");
	CHECK(column(&f, "amount") == NULL && column(&f, "only") == NULL, "an input of a metric is a dimension");
	CHECK_INT(column(&f, "total")->v.longs[0], 5);
	CHECK(add(&f, "{\"time\":0,\"made\":\"by hand\",\"a\":\"q\",\"secret\":\"s\"}"), "%s", f.why.text);
	CHECK_STR(text_at(&f, "made", 2), "qs");
}

static void
test_metrics(void)
{
	Fixture		f;
	SiSpec	   *spec = begin(&f);
	SiSpecMetric *m;

	spec->rollup = true;
	add_metric(spec, "errors", SI_TYPE_LONG)->filter = filter("status >= 500");
	m = add_metric(spec, "bytes", SI_TYPE_LONG);
	m->filter = filter("status < 500");
	m->source = "size";
	add_metric(spec, "price", SI_TYPE_DOUBLE)->expr = compile("size * 0.5");
	m = add_metric(spec, "late", SI_TYPE_LONG);
	m->filter = filter("status == 1");
	m->source = "size";
	add_transform(spec, "size", "size * 10");
	finish(&f);
	CHECK(add(&f, "{\"time\":0,\"status\":200,\"size\":1}{\"time\":0,\"status\":503,\"size\":2}{\"time\":0,\"size\":4}"), "%s", f.why.text);
	CHECK_INT(si_index_rows(f.index), 1);
	CHECK_INT(column(&f, "errors")->v.longs[0], 1);
	CHECK_INT(column(&f, "bytes")->v.longs[0], 10);
	CHECK_INT(column(&f, "price")->v.doubles[0], 35);
	CHECK(column(&f, "late") == NULL, "no row matches: null");
	/* a field of the message cannot pass for the input of a metric */
	CHECK(add(&f, "{\"time\":0,\"status\":1,\"size\":1,\"\\u0001bytes\":1000,\"\\u0001errors\":1000}"), "%s", f.why.text);
	CHECK_INT(column(&f, "errors")->v.longs[0], 1);
	CHECK_INT(column(&f, "bytes")->v.longs[0], 20);
	CHECK(add(&f, "{\"time\":0,\"status\":\"x\",\"size\":\"a\"}"), "%s", f.why.text);
	CHECK_INT(f.result.with_error, 0);
	CHECK_INT(column(&f, "bytes")->v.longs[0], 20);
}

int
main(void)
{
	Fixture		f;

	(void) begin(&f);
	finish(&f);
	CHECK(f.transform == NULL, "a spec without transforms has none");
	test_transforms();
	test_shadowing();
	test_time();
	test_filter();
	test_separate_rows();
	test_discovery();
	test_metrics();
	return harness_end("test_transform");
}
