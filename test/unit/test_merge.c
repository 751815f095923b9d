/*
 * test_merge.c
 *		The merge against a naive one: rows as structs, an insertion-stable
 *		sort, groups rolled up one by one.
 */
#include "segment_fixture.h"

typedef struct Cell
{
	bool		null;
	int64		i;
	double		d;
	char		s[24];
} Cell;

/* The columns of the naive table, in the order the merge must give them. */
typedef struct NaiveColumn
{
	const char *name;
	SiType		type;
	SiRole		role;
	SiAgg		agg;
} NaiveColumn;

static const NaiveColumn naive[] = {
	{SI_TIME_COLUMN, SI_TYPE_TIME, SI_ROLE_TIME, SI_AGG_NONE},
	{"zz", SI_TYPE_STRING, SI_ROLE_DIMENSION, SI_AGG_NONE},
	{"number", SI_TYPE_LONG, SI_ROLE_DIMENSION, SI_AGG_NONE},
	{"aa", SI_TYPE_STRING, SI_ROLE_DIMENSION, SI_AGG_NONE},
	{"bb", SI_TYPE_STRING, SI_ROLE_DIMENSION, SI_AGG_NONE},
	{"dd", SI_TYPE_DOUBLE, SI_ROLE_DIMENSION, SI_AGG_NONE},
	{"count", SI_TYPE_LONG, SI_ROLE_METRIC, SI_AGG_SUM},
	{"least", SI_TYPE_LONG, SI_ROLE_METRIC, SI_AGG_MIN},
	{"most", SI_TYPE_DOUBLE, SI_ROLE_METRIC, SI_AGG_MAX},
	{"floats", SI_TYPE_FLOAT, SI_ROLE_METRIC, SI_AGG_SUM},
};

#define NCOL ((int) lengthof(naive))

typedef struct Row
{
	Cell		cell[10];
	uint32		number;
} Row;

typedef struct Rows
{
	Row		   *row;
	uint32		n;
} Rows;

/* ------------------------------------------------------------- the inputs */

static Cell
random_cell(int col, int variety)
{
	Cell		c = {0};

	c.null = naive[col].role != SI_ROLE_TIME && fixture_below(6) == 0;
	switch (naive[col].type)
	{
		case SI_TYPE_TIME:
			c.i = (int64) fixture_below(variety) * 1000 - 20000;
			break;
		case SI_TYPE_STRING:
			sprintf(c.s, "%s%u", fixture_below(2) ? "v" : "a longer value ", (unsigned) fixture_below(variety));
			break;
		case SI_TYPE_LONG:
			c.i = strcmp(naive[col].name, "count") == 0 ? 1 : (int64) fixture_below(variety) - 3;
			break;
		default:
			c.d = (double) (float) ((double) fixture_below(variety) / 3 - 2);
			if (fixture_below(50) == 0)
				c.d = NAN;
			break;
	}
	return c;
}

/* One column of rows first .. first+n-1 of the naive table as a chunk's. */
static SiColumn
make_column(const Rows *all, uint32 first, uint32 n, int col)
{
	SiColumn	c = {{naive[col].name, naive[col].type, naive[col].role, naive[col].agg, false}};
	uint64	   *nulls = palloc0(sizeof(uint64) * (n / 64 + 1));
	uint32	   *codes = palloc0(sizeof(uint32) * (n + 1));
	int64	   *longs = palloc0(sizeof(int64) * (n + 1));
	double	   *doubles = palloc0(sizeof(double) * (n + 1));
	float	   *floats = palloc0(sizeof(float) * (n + 1));
	char	   *bytes = palloc(n * 24 + 1);
	uint64	   *offsets = palloc0(sizeof(uint64) * (n + 2));
	uint32		i,
				k;

	for (i = 0; i < n; i++)
	{
		const Cell *cell = &all->row[first + i].cell[col];

		longs[i] = cell->i;
		doubles[i] = cell->d;
		floats[i] = (float) cell->d;
		if (cell->null)
		{
			nulls[i / 64] |= UINT64CONST(1) << (i % 64);
			continue;
		}
		for (k = 0; k < c.dict.count; k++)
			if (strlen(cell->s) == offsets[k + 1] - offsets[k] &&
				memcmp(bytes + offsets[k], cell->s, strlen(cell->s)) == 0)
				break;
		if (k == c.dict.count)
		{
			memcpy(bytes + offsets[k], cell->s, strlen(cell->s));
			offsets[k + 1] = offsets[k] + strlen(cell->s);
			c.dict.count++;
		}
		codes[i] = k + 1;
	}
	c.nulls = nulls;
	switch (naive[col].type)
	{
		case SI_TYPE_STRING:
			c.v.codes = codes;
			c.nulls = NULL;
			c.dict.bytes = bytes;
			c.dict.offsets = offsets;
			break;
		case SI_TYPE_FLOAT:
			c.v.floats = floats;
			break;
		case SI_TYPE_DOUBLE:
			c.v.doubles = doubles;
			break;
		default:
			c.v.longs = longs;
			break;
	}
	if (naive[col].type != SI_TYPE_STRING)
		memset(&c.dict, 0, sizeof(c.dict));
	return c;
}

/* Fills rows and writes them as chunks, some without some columns. */
static SiSegment **
make_inputs(Rows *all, uint32 nrows, int ninputs, int variety)
{
	SiSegment **inputs = palloc(sizeof(SiSegment *) * ninputs);
	uint32		first = 0;
	int			input,
				c;

	all->n = nrows;
	all->row = palloc0(sizeof(Row) * (nrows + 1));
	for (input = 0; input < ninputs; input++)
	{
		uint32		n = input == ninputs - 1 ? nrows - first : (uint32) fixture_below((nrows - first) / (ninputs - input) * 2 + 1);
		SiColumn	columns[NCOL];
		SiTable		t = {n, 0, columns};
		SiWriteOptions opt = fixture_options();
		FixtureBytes *b = palloc(sizeof(FixtureBytes));
		SiByteSource src;
		SiSegmentError err = {0};
		uint32		i;

		for (c = 0; c < NCOL; c++)
		{
			/* the last input has all columns: it decides types, and order of metrics is the first's */
			bool		missing = c > 0 && c < 6 && input > 0 && input < ninputs - 1 && fixture_below(4) == 0;

			for (i = 0; i < n; i++)
			{
				all->row[first + i].cell[c] = random_cell(c, variety);
				all->row[first + i].number = first + i;
				if (missing)
					all->row[first + i].cell[c].null = true;
			}
			if (!missing)
				columns[t.ncolumns++] = make_column(all, first, n, c);
		}
		opt.sort_dict = input % 2 == 1;
		opt.bitmaps = input % 3 == 1;
		*b = fixture_chunk(&t, &opt);
		src = fixture_source(b);
		inputs[input] = si_segment_open(&src, fixture_install, &err);
		CHECK(inputs[input] != NULL, "open: %s", err.text);
		first += n;
	}
	return inputs;
}

/* -------------------------------------------------------- the naive merge */

static int
compare_doubles(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return a < b ? -1 : a > b;
}

static int
compare_cells(const Cell *a, const Cell *b, SiType type)
{
	if (a->null || b->null)
		return (int) b->null - (int) a->null;
	if (type == SI_TYPE_STRING)
		return strcmp(a->s, b->s);
	if (type == SI_TYPE_DOUBLE || type == SI_TYPE_FLOAT)
		return compare_doubles(a->d, b->d);
	return a->i < b->i ? -1 : a->i > b->i;
}

static int
compare_keys(const Row *a, const Row *b)
{
	int			c;

	for (c = 0; c < 6; c++)
	{
		int			r = compare_cells(&a->cell[c], &b->cell[c], naive[c].type);

		if (r != 0)
			return r;
	}
	return 0;
}

static int
compare_rows(const void *pa, const void *pb)
{
	const Row  *a = pa;
	const Row  *b = pb;
	int			r = compare_keys(a, b);

	return r != 0 ? r : a->number < b->number ? -1 : 1;
}

static void
naive_combine(Cell *into, const Cell *from, const NaiveColumn *col)
{
	bool		floats = col->type == SI_TYPE_DOUBLE || col->type == SI_TYPE_FLOAT;
	int			r;

	if (from->null)
		return;
	if (into->null)
	{
		*into = *from;
		return;
	}
	r = compare_cells(from, into, col->type);
	if (col->agg == SI_AGG_SUM)
	{
		into->i += from->i;
		into->d += from->d;
	}
	else if (col->agg == SI_AGG_MIN ? r < 0 : r > 0)
	{
		into->i = from->i;
		into->d = floats ? from->d : 0;
	}
}

static void
naive_merge(Rows *all, bool rollup)
{
	uint32		out = 0;
	uint32		i;
	int			c;

	qsort(all->row, all->n, sizeof(Row), compare_rows);
	if (!rollup)
		return;
	for (i = 0; i < all->n; i++)
	{
		if (out > 0 && compare_keys(&all->row[out - 1], &all->row[i]) == 0)
		{
			for (c = 6; c < NCOL; c++)
				naive_combine(&all->row[out - 1].cell[c], &all->row[i].cell[c], &naive[c]);
			continue;
		}
		all->row[out++] = all->row[i];
	}
	all->n = out;
}

/* ------------------------------------------------------------- comparison */

typedef struct Expect
{
	const Rows *all;
	uint32		row;
	uint32		wrong;
	uint32		outputs;
	uint64		max_rows;
	SiGranularity *split;
	int64		last_start;
} Expect;

static bool
same_cell(const SiColumn *c, uint32 i, const Cell *want)
{
	if (c->desc.type == SI_TYPE_STRING)
	{
		uint32		code = c->v.codes[i];

		if (code == 0 || want->null)
			return (code == 0) == want->null;
		return c->dict.offsets[code] - c->dict.offsets[code - 1] == strlen(want->s) &&
			memcmp(c->dict.bytes + c->dict.offsets[code - 1], want->s, strlen(want->s)) == 0;
	}
	if (fixture_is_null(c->nulls, i) || want->null)
		return fixture_is_null(c->nulls, i) == want->null;
	if (c->desc.type == SI_TYPE_FLOAT)
		return compare_doubles(c->v.floats[i], (float) want->d) == 0;
	if (c->desc.type == SI_TYPE_DOUBLE)
		return compare_doubles(c->v.doubles[i], want->d) == 0;
	return c->v.longs[i] == want->i;
}

/* Dictionaries ascend and hold only what is used. */
static void
check_dict(const SiColumn *c, uint32 nrows)
{
	bool	   *used = palloc0(c->dict.count + 1);
	uint32		unused = 0;
	uint32		unordered = 0;
	uint32		i;

	for (i = 0; i < nrows; i++)
		used[c->v.codes[i]] = true;
	for (i = 1; i <= c->dict.count; i++)
		unused += !used[i];
	for (i = 1; i < c->dict.count; i++)
	{
		uint64		la = c->dict.offsets[i] - c->dict.offsets[i - 1];
		uint64		lb = c->dict.offsets[i + 1] - c->dict.offsets[i];
		int			r = memcmp(c->dict.bytes + c->dict.offsets[i - 1], c->dict.bytes + c->dict.offsets[i],
							   Min(la, lb));

		unordered += !(r < 0 || (r == 0 && la < lb));
	}
	CHECK(c->dict.sorted, "dictionary of %s is not sorted", c->desc.name);
	CHECK_INT(unused, 0);
	CHECK_INT(unordered, 0);
	pfree(used);
}

static bool
check_output(void *arg, const SiTable *t, int64 interval_start, int64 interval_end)
{
	Expect	   *e = arg;
	SiWriteOptions opt = fixture_options();
	FixtureBytes b;
	SiByteSource src;
	SiSegment  *seg;
	SiSegmentError err = {0};
	uint32		i;
	int			c;

	e->outputs++;
	CHECK_INT(t->ncolumns, NCOL);
	CHECK(t->nrows > 0 && (e->max_rows == 0 || t->nrows <= e->max_rows), "%u rows in an output", t->nrows);
	CHECK(interval_start >= e->last_start, "intervals go back");
	e->last_start = interval_start;
	for (c = 0; c < NCOL; c++)
	{
		CHECK_STR(t->columns[c].desc.name, naive[c].name);
		for (i = 0; i < t->nrows && e->row + i < e->all->n; i++)
			e->wrong += !same_cell(&t->columns[c], i, &e->all->row[e->row + i].cell[c]);
		if (t->columns[c].desc.type == SI_TYPE_STRING)
			check_dict(&t->columns[c], t->nrows);
	}
	for (i = 0; i < t->nrows && e->split; i++)
		e->wrong += si_granularity_bucket_start(e->split, t->columns[0].v.longs[i]) != interval_start;
	e->row += t->nrows;

	/* what comes out can be written and passes the verification */
	opt.interval_start = interval_start;
	opt.interval_end = interval_end;
	opt.bitmaps = opt.sort_dict = opt.sorted_rows = true;
	b = fixture_chunk(t, &opt);
	src = fixture_source(&b);
	seg = si_segment_open(&src, NULL, &err);
	CHECK(seg && si_segment_verify(seg, &err), "verify: %s", err.text);
	if (seg)
		si_segment_close(seg);
	pfree(b.data);
	return true;
}

static void
compare_with_naive(uint32 nrows, int ninputs, int variety, bool rollup, SiGranularity *split, uint64 max_rows)
{
	static const char *const dimensions[] = {"zz", "number", "not there"};
	SiMergeSpec spec = {3, dimensions, rollup, split, max_rows};
	Rows		all;
	Expect		e = {&all, 0, 0, 0, max_rows, split, PG_INT64_MIN};
	SiSegmentError err = {0};
	SiSegment **inputs = make_inputs(&all, nrows, ninputs, variety);
	bool		ok;
	int			i;

	naive_merge(&all, rollup);
	ok = si_merge(inputs, ninputs, &spec, check_output, &e, &err);
	CHECK(ok, "merge: %s", err.text);
	CHECK_INT(e.row, all.n);
	CHECK_INT(e.wrong, 0);
	CHECK(nrows == 0 || si_merge_memory(inputs, ninputs) > nrows * 100, "memory estimate too low");
	for (i = 0; i < ninputs; i++)
		si_segment_close(inputs[i]);
}

static void
test_against_naive(void)
{
	SiGranularity seconds;
	int			variety;

	CHECK(si_granularity_from_duration(7000, 0, false, &seconds), "granularity");
	compare_with_naive(0, 1, 5, true, NULL, 0);
	compare_with_naive(1, 1, 5, true, NULL, 0);
	compare_with_naive(5000, 1, 2, true, NULL, 0);
	for (variety = 1; variety < 100; variety += 13)
	{
		compare_with_naive(3000, 7, variety, true, NULL, 0);
		compare_with_naive(3000, 5, variety, false, &seconds, 0);
		compare_with_naive(3000, 5, variety, true, &seconds, 57);
		compare_with_naive(10000, 20, variety, false, NULL, 1000);
	}
	compare_with_naive(40000, 3, 3, true, NULL, 0);
	compare_with_naive(20000, 30, 1000000, false, &seconds, 0);
}

/* ------------------------------------------------------------ conversions */

static SiSegment *
one_column_chunk(SiColumn c, uint32 n)
{
	SiColumn	columns[2];
	SiTable		t = {n, 2, columns};
	SiWriteOptions opt = fixture_options();
	FixtureBytes *b = palloc(sizeof(FixtureBytes));
	SiByteSource src;
	SiSegmentError err;
	int64	   *times = palloc0(sizeof(int64) * n);

	columns[0] = fixture_number(SI_TIME_COLUMN, SI_TYPE_TIME, FIX_CONSTANT, 0, n);
	columns[0].v.longs = times;
	columns[1] = c;
	*b = fixture_chunk(&t, &opt);
	src = fixture_source(b);
	return si_segment_open(&src, NULL, &err);
}

static SiColumn
text_column(const char *const *values, uint32 n)
{
	SiColumn	c = {{"v", SI_TYPE_STRING, SI_ROLE_METRIC, SI_AGG_NONE, false}};
	uint32	   *codes = palloc(sizeof(uint32) * n);
	uint64	   *offsets = palloc0(sizeof(uint64) * (n + 1));
	char	   *bytes = palloc(n * 40);
	uint32		i;

	for (i = 0; i < n; i++)
	{
		codes[i] = i + 1;
		memcpy(bytes + offsets[i], values[i], strlen(values[i]));
		offsets[i + 1] = offsets[i] + strlen(values[i]);
	}
	c.v.codes = codes;
	c.dict.count = n;
	c.dict.bytes = bytes;
	c.dict.offsets = offsets;
	return c;
}

static bool
keep_texts(void *arg, const SiTable *t, int64 start, int64 end)
{
	const SiColumn *c = &t->columns[1];
	char	   *out = arg;
	uint32		i;

	for (i = 0; i < t->nrows; i++)
	{
		if (c->desc.type == SI_TYPE_STRING)
			out += sprintf(out, "%.*s;", (int) (c->dict.offsets[c->v.codes[i]] - c->dict.offsets[c->v.codes[i] - 1]),
						   c->dict.bytes + c->dict.offsets[c->v.codes[i] - 1]);
		else if (fixture_is_null(c->nulls, i))
			out += sprintf(out, "null;");
		else if (c->desc.type == SI_TYPE_LONG)
			out += sprintf(out, "%lld;", (long long) c->v.longs[i]);
		else
			out += sprintf(out, "%g;", c->desc.type == SI_TYPE_FLOAT ? c->v.floats[i] : c->v.doubles[i]);
	}
	return true;
}

/* A sum that was text: the last chunk's type wins; what does not convert exactly is null. */
static void
test_conversions(void)
{
	static const char *const texts[] = {"12", "-5", "1.5", "x", "9223372036854775808", " 7", ""};
	static const int64 longs[] = {3, PG_INT64_MAX, 1 << 25};
	static const double doubles[] = {2.5, 4, 1e300};
	static const SiType types[] = {SI_TYPE_LONG, SI_TYPE_DOUBLE, SI_TYPE_FLOAT, SI_TYPE_STRING};
	static const char *const want[] = {
		"12;-5;null;null;null;null;null;3;9223372036854775807;33554432;null;4;null;-7;",
		"12;-5;1.5;null;9.22337e+18;null;null;3;9.22337e+18;3.35544e+07;2.5;4;1e+300;0.1;",
		"12;-5;1.5;null;9.22337e+18;null;null;3;null;3.35544e+07;2.5;4;null;0.1;",
		"12;-5;1.5;x;9223372036854775808; 7;;3;9223372036854775807;33554432;2.5;4.0;1.0E300;5;"
	};
	int			i;

	for (i = 0; i < 4; i++)
	{
		SiMergeSpec spec = {0};
		SiSegment  *inputs[4];
		SiColumn	l = fixture_number("v", SI_TYPE_LONG, FIX_CONSTANT, 0, 3);
		SiColumn	d = fixture_number("v", SI_TYPE_DOUBLE, FIX_CONSTANT, 0, 3);
		static const char *const five[] = {"5"};
		char		got[1000] = "";
		SiSegmentError err = {0};

		l.v.longs = longs;
		d.v.doubles = doubles;
		inputs[0] = one_column_chunk(text_column(texts, 7), 7);
		inputs[1] = one_column_chunk(l, 3);
		inputs[2] = one_column_chunk(d, 3);
		inputs[3] = one_column_chunk(types[i] == SI_TYPE_STRING ? text_column(five, 1) :
									 fixture_number("v", types[i], FIX_CONSTANT, 0, 1), 1);
		CHECK(si_merge(inputs, 4, &spec, keep_texts, got, &err), "%s", err.text);
		CHECK_STR(got, want[i]);
	}
}

typedef struct TextsAndType
{
	char		got[1000];
	SiType		type;
	bool		json;
} TextsAndType;

static bool
keep_texts_and_type(void *arg, const SiTable *t, int64 start, int64 end)
{
	TextsAndType *out = arg;

	out->type = t->columns[1].desc.type;
	out->json = t->columns[1].desc.json;
	return keep_texts(out->got, t, start, end);
}

/* Dimensions, whatever the order of the chunks: the narrowest type that loses nothing. */
static void
test_common_types(void)
{
	static const int64 longs[] = {7, -7};
	static const int64 large[] = {PG_INT64_MAX, (INT64CONST(1) << 53) + 1};
	static const double doubles[] = {0.5, NAN};
	static const float floats[] = {0.25f, 3};
	static const char *const texts[] = {"x\"y", "12"};
	static const char *const jsons[] = {"{\"a\":1}", "\"12\""};
	enum
	{
		LONGS, LARGE, DOUBLES, FLOATS, TEXTS, JSONS, KINDS
	};
	SiColumn	columns[KINDS];
	static const struct
	{
		int			kinds[3];
		SiType		type;
		bool		json;
		const char *values[3];	/* of each input */
	}			cases[] = {
		{{LONGS, LARGE, LONGS}, SI_TYPE_LONG, false, {"7;-7;", "9223372036854775807;9007199254740993;", "7;-7;"}},
		{{LONGS, DOUBLES, FLOATS}, SI_TYPE_DOUBLE, false, {"7;-7;", "0.5;NaN;", "0.25;3;"}},
		{{FLOATS, FLOATS, LONGS}, SI_TYPE_DOUBLE, false, {"0.25;3;", "0.25;3;", "7;-7;"}},
		{{LARGE, DOUBLES, LONGS}, SI_TYPE_STRING, false, {"9223372036854775807;9007199254740993;", "0.5;NaN;", "7;-7;"}},
		{{LONGS, TEXTS, DOUBLES}, SI_TYPE_STRING, false, {"7;-7;", "x\"y;12;", "0.5;NaN;"}},
		{{JSONS, TEXTS, LONGS}, SI_TYPE_STRING, true, {"{\"a\":1};\"12\";", "\"x\\\"y\";\"12\";", "7;-7;"}},
		{{DOUBLES, JSONS, LONGS}, SI_TYPE_STRING, true, {"0.5;\"NaN\";", "{\"a\":1};\"12\";", "7;-7;"}},
	};

	for (int k = LONGS; k < KINDS; k++)
	{
		columns[k] = k >= TEXTS ? text_column(k == TEXTS ? texts : jsons, 2) :
			fixture_number("v", k <= LARGE ? SI_TYPE_LONG : k == DOUBLES ? SI_TYPE_DOUBLE : SI_TYPE_FLOAT, FIX_CONSTANT, 0, 2);
		columns[k].desc.role = SI_ROLE_DIMENSION;
		columns[k].desc.agg = SI_AGG_NONE;
		columns[k].desc.json = k == JSONS;
	}
	columns[LONGS].v.longs = longs;
	columns[LARGE].v.longs = large;
	columns[DOUBLES].v.doubles = doubles;
	columns[FLOATS].v.floats = floats;
	for (int i = 0; i < (int) lengthof(cases); i++)
		for (int turn = 0; turn < 3; turn++)
		{
			SiMergeSpec spec = {0};
			SiSegment  *inputs[3];
			TextsAndType t = {""};
			SiSegmentError err = {0};

			for (int k = 0; k < 3; k++)
				inputs[k] = one_column_chunk(columns[cases[i].kinds[(k + turn) % 3]], 2);
			CHECK(si_merge(inputs, 3, &spec, keep_texts_and_type, &t, &err), "%s", err.text);
			CHECK_INT(t.type, cases[i].type);
			CHECK_INT(t.json, cases[i].json);
			/* rows are sorted by the dimension: look for each value */
			for (int k = 0; k < 3; k++)
				for (const char *v = cases[i].values[k]; *v != '\0'; v = strchr(v, ';') + 1)
				{
					char		value[64];

					snprintf(value, sizeof(value), "%.*s", (int) (strchr(v, ';') - v) + 1, v);
					CHECK(strstr(t.got, value) != NULL, "case %d, turn %d: %s is not in %s", i, turn, value, t.got);
				}
		}
}

/* Sums of longs stop at the ends of the range; stopping stops. */
static bool
refuse(void *arg, const SiTable *t, int64 start, int64 end)
{
	(*(int *) arg)++;
	return false;
}

static void
test_edges(void)
{
	static const int64 big[] = {PG_INT64_MAX, PG_INT64_MAX, -5};
	SiMergeSpec spec = {0, NULL, true, NULL, 0};
	SiColumn	c = fixture_number("v", SI_TYPE_LONG, FIX_CONSTANT, 0, 3);
	SiSegment  *input;
	char		got[100] = "";
	int			calls = 0;
	SiSegmentError err = {0};

	c.v.longs = big;
	input = one_column_chunk(c, 3);
	CHECK(si_merge(&input, 1, &spec, keep_texts, got, &err), "%s", err.text);
	CHECK_STR(got, "9223372036854775807;");
	spec.rollup = false;
	spec.max_rows = 1;
	CHECK(!si_merge(&input, 1, &spec, refuse, &calls, &err), "the callback stops the merge");
	CHECK_INT(calls, 1);
	CHECK(si_merge(NULL, 0, &spec, refuse, &calls, &err), "no inputs");
	CHECK_INT(calls, 1);
}

int
main(void)
{
	test_against_naive();
	test_conversions();
	test_common_types();
	test_edges();
	return harness_end("test_merge");
}
