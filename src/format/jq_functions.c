/*
 * jq_functions.c
 *		Functions of jq: how they are found and called, and those of
 *		expressions and numbers.  Those of arrays and objects are in
 *		jq_arrays.c, those of texts in jq_strings.c and jq_regex.c; what jq
 *		itself expresses is the prelude below.
 */
#include "common/port.h"

#include <math.h>

#include "format/jq_int.h"
#include "format/number.h"

#define MAX_DEPTH	1000

/*
 * Functions of expressions
 */

static bool
empty(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	return true;
}

static bool
stop(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	si_jq_error(e, "break");
	if (e->error == JQ_ERROR)
		e->error = JQ_BREAK;
	return false;
}

static bool
error(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		messages;
	SiJsonNode	text;

	si_jq_list(&messages);
	if (!si_jq_eval(e, call->args[0], env, in, &messages))
		return false;
	si_jq_error(e, "%s", "");
	if (messages.n > 0 && si_jq_rank(&messages.items[0]) < 4)
	{
		if (!si_jq_to_string(e, &messages.items[0], &text))
			return false;
		e->message = si_jq_text(e, &text, &e->message_len);
	}
	return false;
}

static bool
select_input(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		conditions;

	si_jq_list(&conditions);
	if (!si_jq_eval(e, call->args[0], env, in, &conditions))
		return false;
	for (int i = 0; i < conditions.n; i++)
		if (si_jq_is_true(&conditions.items[i]) && !si_jq_push(e, out, in))
			return false;
	return true;
}

static bool
map(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	SiNodeWalk	walk;
	SiJsonNode	value;
	JqList		values;

	si_jq_list(&values);
	if (!si_node_walk(&walk, in))
		return si_jq_error(e, "Cannot iterate over %s", si_jq_type(in));
	while (si_node_next(&walk, NULL, &value))
		if (!si_jq_eval(e, call->args[0], env, &value, &values))
			return false;
	return si_jq_array(e, &values, &value) && si_jq_push(e, out, &value);
}

/* The input when its kind is one of those: bits of ranks. */
static bool
of_kind(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	return (call->function->mode & 1 << si_jq_rank(in)) == 0 || si_jq_push(e, out, in);
}

enum
{
	FIRST, LAST
};

static bool
first_or_last(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		values;
	SiJsonNode	none;

	si_jq_list(&values);
	if (!si_jq_eval(e, call->args[0], env, in, &values))
		return false;
	si_node_null(&none);
	if (call->function->mode == FIRST)
		return values.n == 0 || si_jq_push(e, out, &values.items[0]);
	return si_jq_push(e, out, values.n > 0 ? &values.items[values.n - 1] : &none);
}

enum
{
	LIMIT, NTH
};

static bool
limit(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		counts,
				values;
	SiJsonNode	none;

	si_jq_list(&counts);
	si_node_null(&none);
	if (!si_jq_eval(e, call->args[0], env, in, &counts))
		return false;
	for (int i = 0; i < counts.n; i++)
	{
		double		n;

		if (!si_node_number(&counts.items[i], &n))
			return si_jq_error(e, "%s takes a number", call->function->name);
		if (call->function->mode == NTH && n < 0)
			return si_jq_error(e, "nth doesn't support negative indices");
		si_jq_list(&values);
		if (!si_jq_eval(e, call->args[1], env, in, &values))
			return false;
		if (call->function->mode == NTH)
		{
			if (!si_jq_push(e, out, values.n > 0 ? &values.items[(int) Min(n, values.n - 1)] : &none))
				return false;
			continue;
		}
		for (int j = 0; j < values.n && (n < 0 || j < n); j++)
			if (!si_jq_push(e, out, &values.items[j]))
				return false;
	}
	return true;
}

enum
{
	UNTIL, WHILE
};

/* One path of results is a loop; where there are several each is followed. */
static bool
follow(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, int depth, JqList *out)
{
	bool		until = call->function->mode == UNTIL;
	SiJsonNode	now = *in;

	for (;;)
	{
		JqList		conditions,
					values;

		si_jq_list(&conditions);
		si_jq_list(&values);
		if (!si_jq_eval(e, call->args[0], env, &now, &conditions))
			return false;
		for (int i = 0; i < conditions.n; i++)
		{
			bool		yes = si_jq_is_true(&conditions.items[i]);

			if (yes && !si_jq_push(e, out, &now))
				return false;
			if (yes == until)
				continue;
			si_jq_list(&values);
			if (!si_jq_eval(e, call->args[1], env, &now, &values))
				return false;
			if (conditions.n == 1 && values.n == 1)
				break;
			if (depth > MAX_DEPTH)
				return si_jq_limit(e);
			for (int j = 0; j < values.n; j++)
				if (!follow(e, call, env, &values.items[j], depth + 1, out))
					return false;
		}
		if (conditions.n != 1 || values.n != 1)
			return true;
		now = values.items[0];
	}
}

/* An error inside of while is a result, as in the library; break ends it. */
static bool
loop(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	int			before = out->n;
	SiJsonNode	message;

	if (follow(e, call, env, in, 0, out))
		return true;
	if (call->function->mode == UNTIL || e->error == JQ_LIMIT)
		return false;
	e->error = JQ_NO_ERROR;
	out->n = before;
	si_node_string(&message, e->message, e->message_len);
	return (e->message_len == 5 && memcmp(e->message, "break", 5) == 0) || si_jq_push(e, out, &message);
}

enum
{
	ANY, ALL
};

/* any and all, of the elements or of the last thing that f gives for them. */
static bool
quantify(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	bool		all = call->function->mode == ALL;
	SiNodeWalk	walk;
	SiJsonNode	value,
				result;
	JqList		answers;

	si_node_bool(&result, all);
	if (!si_node_walk(&walk, in))
		return si_jq_error(e, "Cannot iterate over %s", si_jq_type(in));
	while (si_node_next(&walk, NULL, &value))
	{
		if (si_jq_is_true(&result) != all)
		{
			si_node_bool(&result, !all);
			continue;
		}
		si_jq_list(&answers);
		if (call->nargs == 0 ? !si_jq_push(e, &answers, &value) : !si_jq_eval(e, call->args[0], env, &value, &answers))
			return false;
		if (answers.n > 0)
			si_node_bool(&result, si_jq_is_true(&answers.items[answers.n - 1]));
		else
			si_node_null(&result);
	}
	return si_jq_push(e, out, &result);
}

static bool
count_up(JqEvaluation *e, double from, double to, double by, JqList *out)
{
	SiJsonNode	number;

	for (; by > 0 ? from < to : by < 0 && from > to; from += by)
	{
		if (++e->steps > SI_JQ_MAX_STEPS || from + by == from)
			return si_jq_limit(e);
		si_jq_number(from, &number);
		if (!si_jq_push(e, out, &number))
			return false;
	}
	return true;
}

/* range(to), range(from; to), range(from; to; by), for all combinations of their results. */
static bool
range(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		bounds[3];
	SiJsonNode	number;

	for (int i = 0; i < 3; i++)
	{
		int			arg = call->nargs == 1 ? i - 1 : i;

		si_jq_list(&bounds[i]);
		si_node_long(&number, i == 2 ? 1 : 0);
		if (arg >= 0 && arg < call->nargs ? !si_jq_eval(e, call->args[arg], env, in, &bounds[i]) :
			!si_jq_push(e, &bounds[i], &number))
			return false;
	}
	for (int i = 0; i < bounds[0].n; i++)
		for (int j = 0; j < bounds[1].n; j++)
			for (int k = 0; k < bounds[2].n; k++)
			{
				double		from,
							to,
							by;

				if (!si_node_number(&bounds[0].items[i], &from) || !si_node_number(&bounds[1].items[j], &to) ||
					!si_node_number(&bounds[2].items[k], &by))
					return si_jq_error(e, "arguments of range() must be NUMBER");
				if (!count_up(e, from, to, by, out))
					return false;
			}
	return true;
}

static bool
all_below(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	return si_jq_recurse(e, in, false, 0, out);
}

/*
 * Functions of values
 */

static bool
type_name(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	si_node_string(result, si_jq_type(in), strlen(si_jq_type(in)));
	return true;
}

static bool
negation(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	si_node_bool(result, !si_jq_is_true(in));
	return true;
}

enum
{
	FLOOR, SQRT, SIN, COS, ATAN, LOG2
};

static bool
math(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	double		x;

	if (!si_node_number(in, &x))
		return si_jq_error(e, "mathfunc is not applicable to %s", si_jq_type(in));
	switch (call->function->mode)
	{
		case FLOOR:
			x = floor(x);
			break;
		case SQRT:
			x = sqrt(x);
			break;
		case SIN:
			x = sin(x);
			break;
		case COS:
			x = cos(x);
			break;
		case ATAN:
			x = atan(x);
			break;
		default:
			x = log10(x) / log10(2);
			break;
	}
	si_node_double(result, x);
	return true;
}

static bool
power(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	double		x,
				y;

	if (!si_node_number(&args[0], &x) || !si_node_number(&args[1], &y))
		return si_jq_error(e, "pow takes numbers");
	si_jq_number(pow(x, y), result);
	return true;
}

enum
{
	NAN_NUMBER, INFINITE_NUMBER, IS_NAN, IS_INFINITE
};

static bool
odd_number(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	double		x = 0;
	bool		number = in->v.kind == SI_VALUE_DOUBLE && si_node_number(in, &x);

	switch (call->function->mode)
	{
		case NAN_NUMBER:
			si_node_double(result, NAN);
			return true;
		case INFINITE_NUMBER:
			si_node_double(result, INFINITY);
			return true;
		default:
			si_node_bool(result, number && (call->function->mode == IS_NAN ? isnan(x) : isinf(x)));
			return true;
	}
}

static bool
element(JqEvaluation *e, const JqNode *call, const SiJsonNode *in, const SiJsonNode *args, SiJsonNode *result)
{
	si_node_null(result);
	if (in->v.kind <= SI_VALUE_NULL)
		return true;
	if (in->v.kind != SI_VALUE_ARRAY)
		return si_jq_error(e, "Cannot index %s with number", si_jq_type(in));
	si_node_element(in, call->function->mode, result);
	return true;
}

/* Bits of ranks: see si_jq_rank(). */
enum
{
	NULLS = 1 << 0, BOOLEANS = 1 << 1, NUMBERS = 1 << 2, STRINGS = 1 << 3, ARRAYS = 1 << 4, OBJECTS = 1 << 5
};

const JqFunction si_jq_functions[] = {
	{"empty", 0, NULL, empty}, {"break", 0, NULL, stop}, {"error", 1, NULL, error}, {"select", 1, NULL, select_input},
	{"map", 1, NULL, map}, {"nulls", 0, NULL, of_kind, NULLS}, {"booleans", 0, NULL, of_kind, BOOLEANS},
	{"numbers", 0, NULL, of_kind, NUMBERS}, {"strings", 0, NULL, of_kind, STRINGS},
	{"arrays", 0, NULL, of_kind, ARRAYS}, {"objects", 0, NULL, of_kind, OBJECTS},
	{"iterables", 0, NULL, of_kind, ARRAYS | OBJECTS},
	{"scalars", 0, NULL, of_kind, NULLS | BOOLEANS | NUMBERS | STRINGS},
	{"values", 0, NULL, of_kind, BOOLEANS | NUMBERS | STRINGS | ARRAYS | OBJECTS},
	{"first", 1, NULL, first_or_last, FIRST}, {"last", 1, NULL, first_or_last, LAST}, {"limit", 2, NULL, limit, LIMIT},
	{"nth", 2, NULL, limit, NTH}, {"until", 2, NULL, loop, UNTIL}, {"while", 2, NULL, loop, WHILE},
	{"any", 0, NULL, quantify, ANY}, {"any", 1, NULL, quantify, ANY}, {"all", 0, NULL, quantify, ALL},
	{"all", 1, NULL, quantify, ALL}, {"range", 1, NULL, range}, {"range", 2, NULL, range}, {"range", 3, NULL, range},
	{"recurse", 0, NULL, all_below}, {"recurse_down", 0, NULL, all_below}, {"paths", 0, NULL, si_jq_paths},
	{"paths", 1, NULL, si_jq_paths}, {"del", 1, NULL, si_jq_del}, {"type", 0, type_name}, {"not", 0, negation},
	{"first", 0, element, NULL, 0}, {"last", 0, element, NULL, -1}, {"floor", 0, math, NULL, FLOOR},
	{"sqrt", 0, math, NULL, SQRT}, {"sin", 0, math, NULL, SIN}, {"cos", 0, math, NULL, COS},
	{"atan", 0, math, NULL, ATAN}, {"log2", 0, math, NULL, LOG2}, {"pow", 2, power},
	{"nan", 0, odd_number, NULL, NAN_NUMBER}, {"infinite", 0, odd_number, NULL, INFINITE_NUMBER},
	{"isnan", 0, odd_number, NULL, IS_NAN}, {"isinfinite", 0, odd_number, NULL, IS_INFINITE},
	{NULL}
};

const JqFunction *
si_jq_find_function(const char *name, size_t len, int nargs)
{
	const JqFunction *const tables[] = {si_jq_functions, si_jq_array_functions, si_jq_string_functions, si_jq_regex_functions};

	for (int i = 0; i < lengthof(tables); i++)
		for (const JqFunction *f = tables[i]; f->name != NULL; f++)
			if (f->nargs == nargs && strlen(f->name) == len && memcmp(f->name, name, len) == 0)
				return f;
	return NULL;
}

/* Functions that are said best in jq. */
const char *
si_jq_prelude(const char *name, size_t len, int nargs)
{
	static const struct
	{
		const char *name;
		int			nargs;
		const char *text;		/* behind the def */
	}			prelude[] = {
		{"nth", 1, "nth(at): at as $at | .[$at];"},
		{"in", 1, "in(whole): . as $part | whole | has($part);"},
		{"inside", 1, "inside(whole): . as $part | whole | contains($part);"},
		{"map_values", 1, "map_values(f): .[] |= f;"},
		{"with_entries", 1, "with_entries(f): to_entries | map(f) | from_entries;"},
		{"leaf_paths", 0, "leaf_paths: paths(scalars);"},
		{"recurse", 1, "recurse(f): def down: ., (f | values | down); down;"},
		{"recurse", 2, "recurse(f; cond): def down: ., (f | select(cond) | down); down;"},
		{"any", 2, "any(items; f): reduce items as $x (false; . or ([$x | f] | any));"},
		{"all", 2, "all(items; f): reduce items as $x (true; . and ([$x | f] | all));"},
		{"walk", 1, "walk(f): if type == \"object\" then . as $in | reduce keys[] as $key ({}; . + {($key): ($in[$key] | walk(f))}) "
		"elif type == \"array\" then map(walk(f)) else . end | f;"},
		{"transpose", 0, "transpose: . as $rows | if $rows == [] then [] else [range(0; map(length) | max) as $i | [$rows[][$i]]] end;"},
		{"combinations", 0, "combinations: if length == 0 then [] else .[0][] as $head | .[1:] | combinations | [$head] + . end;"},
		{"combinations", 1, "combinations(n): . as $each | [range(0; n) | $each] | combinations;"},
		{"splits", 1, "splits(re): split(re; null)[];"},
		{"splits", 2, "splits(re; flags): split(re; flags)[];"},
	};

	for (int i = 0; i < lengthof(prelude); i++)
		if (prelude[i].nargs == nargs && strlen(prelude[i].name) == len && memcmp(prelude[i].name, name, len) == 0)
			return prelude[i].text;
	return NULL;
}

/* For every result of the first argument, every one of the next. */
static bool
apply(JqEvaluation *e, const JqNode *call, const JqList *lists, int i, SiJsonNode *args, const SiJsonNode *in, JqList *out)
{
	SiJsonNode	result;

	if (i == call->nargs)
		return call->function->of_values(e, call, in, args, &result) && si_jq_push(e, out, &result);
	for (int j = 0; j < lists[i].n; j++)
	{
		args[i] = lists[i].items[j];
		if (!apply(e, call, lists, i + 1, args, in, out))
			return false;
	}
	return true;
}

bool
si_jq_apply(JqEvaluation *e, const JqNode *call, const JqEnv *env, const SiJsonNode *in, JqList *out)
{
	JqList		lists[3];
	SiJsonNode	args[3];

	Assert(call->nargs <= lengthof(lists));
	if (!si_jq_looked(e, in))
		return false;
	for (int i = 0; i < call->nargs; i++)
	{
		si_jq_list(&lists[i]);
		if (!si_jq_eval(e, call->args[i], env, in, &lists[i]))
			return false;
	}
	return apply(e, call, lists, 0, args, in, out);
}
