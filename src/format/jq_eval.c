/*
 * jq_eval.c
 *		The evaluator of jq expressions: see jq.h.
 *
 * An expression gives any number of results.  Each is handed to a receiver as
 * it comes; a receiver that has enough says so, and all ends.  An error of jq
 * (a field of a number) ends the evaluation, too, up to the next "?" or "//".
 */
#include "common/port.h"

#include "format/jq_int.h"
#include "format/number.h"

#define MAX_STEPS	1000000

typedef JqEvaluation Evaluation;
typedef JqReceiver Receiver;

#define eval si_jq_eval
#define raise_error si_jq_error
#define compare si_jq_compare
#define rank si_jq_rank
#define is_true si_jq_is_true
#define to_string si_jq_to_string
#define to_number si_jq_to_number
#define finish_text si_jq_finish

bool
raise_error(Evaluation *e)
{
	e->error = true;
	return false;
}

bool
is_true(const SiJsonNode *node)
{
	return node->v.kind != SI_VALUE_NULL && !(node->v.kind == SI_VALUE_BOOL && node->v.u.i == 0);
}

const char *
si_jq_text(Evaluation *e, const SiJsonNode *string, size_t *len)
{
	const char *text = si_node_text(string, e->scratch, len);

	e->no_memory |= text == NULL;
	return text;
}

/* The next stage of what works on every result of its left side. */
typedef struct Stage
{
	const JqNode *node;
	const SiJsonNode *input;
	Receiver	receive;
	void	   *arg;
	SiJsonNode	value;
	bool		any;
	bool		ended;			/* the receiver wants no more */
} Stage;

/*
 * Steps
 */

static bool
take_field(Evaluation *e, void *arg, const SiJsonNode *left)
{
	Stage	   *s = arg;
	SiJsonNode	result;

	if (left->v.kind == SI_VALUE_NULL)
		return s->receive(e, s->arg, left);
	if (left->v.kind != SI_VALUE_OBJECT)
		return raise_error(e);
	if (!si_node_member(left, s->node->name, s->node->name_len, &result))
		si_node_null(&result);
	return s->receive(e, s->arg, &result);
}

static bool
take_index(Evaluation *e, void *arg, const SiJsonNode *left)
{
	Stage	   *s = arg;
	SiJsonNode	result;

	if (left->v.kind == SI_VALUE_NULL)
		return s->receive(e, s->arg, left);
	if (left->v.kind != SI_VALUE_ARRAY)
		return raise_error(e);
	if (!si_node_element(left, s->node->from, &result))
		si_node_null(&result);
	return s->receive(e, s->arg, &result);
}

bool
finish_text(Evaluation *e, SiNodeText *t, SiJsonNode *result)
{
	if (si_text_node(t, result))
		return true;
	e->no_memory = true;
	return false;
}

void
si_jq_substring(const char *text, size_t len, int64 from, int64 to, SiJsonNode *result)
{
	int64		count = 0;
	const char *p = text;
	const char *end = text + len;
	const char *start;

	for (size_t i = 0; i < len; i++)
		count += ((unsigned char) text[i] & 0xC0) != 0x80;
	from = from < 0 ? Max(from + count, 0) : from;
	to = to < 0 ? to + count : to;
	for (int64 i = 0; i < from && p < end; i++)
		for (p++; p < end && ((unsigned char) *p & 0xC0) == 0x80;)
			p++;
	start = p;
	for (int64 i = from; i < to && p < end; i++)
		for (p++; p < end && ((unsigned char) *p & 0xC0) == 0x80;)
			p++;
	si_node_string(result, start, p - start);
}

static bool
take_slice(Evaluation *e, void *arg, const SiJsonNode *left)
{
	Stage	   *s = arg;
	SiNodeWalk	walk;
	SiNodeText	t;
	SiJsonNode	value,
				result;
	int64		count = si_node_count(left);
	int64		from = s->node->has_from ? s->node->from : 0;
	int64		to = s->node->has_to ? s->node->to : count;
	bool		any = false;

	if (left->v.kind == SI_VALUE_NULL)
		return s->receive(e, s->arg, left);
	if (left->v.kind == SI_VALUE_STRING)
	{
		size_t		len;
		const char *text = si_jq_text(e, left, &len);

		if (text == NULL)
			return false;
		si_jq_substring(text, len, from, s->node->has_to ? s->node->to : PG_INT64_MAX, &result);
		return s->receive(e, s->arg, &result);
	}
	if (left->v.kind != SI_VALUE_ARRAY || !si_node_walk(&walk, left))
		return raise_error(e);
	from = from < 0 ? Max(from + count, 0) : from;
	to = to < 0 ? to + count : to;
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int64 i = 0; i < to && si_node_next(&walk, NULL, &value); i++)
	{
		if (i < from)
			continue;
		if (any)
			si_text_append(&t, ",", 1);
		any = true;
		si_text_append_node(&t, &value);
	}
	si_text_append(&t, "]", 1);
	return finish_text(e, &t, &result) && s->receive(e, s->arg, &result);
}

static bool
take_all(Evaluation *e, void *arg, const SiJsonNode *left)
{
	Stage	   *s = arg;
	SiNodeWalk	walk;
	SiJsonNode	value;

	if (!si_node_walk(&walk, left))
		return raise_error(e);
	while (si_node_next(&walk, NULL, &value))
	{
		if (++e->steps > MAX_STEPS)
			return raise_error(e);
		if (!s->receive(e, s->arg, &value))
			return false;
	}
	return true;
}

/*
 * Operators
 */

static bool
pipe_on(Evaluation *e, void *arg, const SiJsonNode *left)
{
	Stage	   *s = arg;

	return eval(e, s->node->right, left, s->receive, s->arg);
}

/* Passes results on and notes that there were some. */
static bool
pass(Evaluation *e, void *arg, const SiJsonNode *result)
{
	Stage	   *s = arg;

	if (s->receive(e, s->arg, result))
		return true;
	s->ended = true;
	return false;
}

static bool
pass_true(Evaluation *e, void *arg, const SiJsonNode *result)
{
	Stage	   *s = arg;

	if (!is_true(result))
		return true;
	s->any = true;
	return pass(e, arg, result);
}

/* Results up to an error, which is forgotten; false when no more are wanted. */
static bool
try_eval(Evaluation *e, const JqNode *n, const SiJsonNode *input, Receiver receive, Stage *s)
{
	if (!eval(e, n, input, receive, s) && (s->ended || e->no_memory || !e->error))
		return false;
	e->error = false;
	return true;
}

/* Order of jq: null, false, true, numbers, strings, arrays, objects. */
int
rank(const SiJsonNode *node)
{
	switch ((SiValueKind) node->v.kind)
	{
		case SI_VALUE_BOOL:
			return node->v.u.i ? 2 : 1;
		case SI_VALUE_LONG:
		case SI_VALUE_DOUBLE:
			return 3;
		case SI_VALUE_STRING:
			return 4;
		case SI_VALUE_ARRAY:
			return 5;
		case SI_VALUE_OBJECT:
			return 6;
		default:
			return 0;
	}
}

int
compare(Evaluation *e, const SiJsonNode *a, const SiJsonNode *b)
{
	int			order = rank(a) - rank(b);
	const char *atext;
	const char *btext;
	size_t		alen,
				blen;
	double		x = 0,
				y = 0;

	if (order != 0 || rank(a) < 3)
		return order;
	if (a->v.kind == SI_VALUE_LONG && b->v.kind == SI_VALUE_LONG)
		return (a->v.u.i > b->v.u.i) - (a->v.u.i < b->v.u.i);
	if (rank(a) == 3)
	{
		si_node_number(a, &x);
		si_node_number(b, &y);
		return (x > y) - (x < y);
	}
	atext = a->v.ptr;
	alen = a->v.len;
	btext = b->v.ptr;
	blen = b->v.len;
	if (rank(a) == 4)
	{
		atext = si_node_text(a, e->scratch, &alen);
		btext = si_node_text(b, e->scratch, &blen);
		if (atext == NULL || btext == NULL)
		{
			e->no_memory = true;
			return 0;
		}
	}
	order = memcmp(atext, btext, Min(alen, blen));
	return order != 0 ? order : (alen > blen) - (alen < blen);
}

/* For every result of the left side, every one of the right. */
static bool
calculate_right(Evaluation *e, void *arg, const SiJsonNode *right)
{
	Stage	   *s = arg;
	SiJsonNode	result;

	return si_jq_arithmetic(e, s->node->op, &s->value, right, &result) && s->receive(e, s->arg, &result);
}

static bool
calculate_left(Evaluation *e, void *arg, const SiJsonNode *left)
{
	Stage	   *s = arg;

	s->value = *left;
	return eval(e, s->node->right, s->input, calculate_right, s);
}

static bool
negate(Evaluation *e, void *arg, const SiJsonNode *left)
{
	Stage	   *s = arg;
	SiJsonNode	zero,
				result;

	si_node_long(&zero, 0);
	return si_jq_arithmetic(e, '-', &zero, left, &result) && s->receive(e, s->arg, &result);
}

static bool
choose(Evaluation *e, void *arg, const SiJsonNode *condition)
{
	Stage	   *s = arg;

	return eval(e, is_true(condition) ? s->node->right : s->node->third, s->input, s->receive, s->arg);
}

/* Of the value of the left side, what the right side names. */
static bool
index_by(Evaluation *e, void *arg, const SiJsonNode *index)
{
	Stage	   *s = arg;
	JqNode		step = {0};
	Stage		inner = {.node = &step,.receive = s->receive,.arg = s->arg};

	if (index->v.kind == SI_VALUE_STRING)
	{
		step.name = (char *) si_jq_text(e, index, &step.name_len);
		return step.name != NULL && take_field(e, &inner, &s->value);
	}
	if (index->v.kind == SI_VALUE_DOUBLE)
		step.from = si_long_from_double(index->v.u.d);
	else if (index->v.kind == SI_VALUE_LONG)
		step.from = index->v.u.i;
	else
		return raise_error(e);
	return take_index(e, &inner, &s->value);
}

static bool
index_left(Evaluation *e, void *arg, const SiJsonNode *left)
{
	Stage	   *s = arg;

	s->value = *left;
	return eval(e, s->node->right, s->input, index_by, s);
}

/* For every result of the right side, every one of the left. */
static bool
compare_left(Evaluation *e, void *arg, const SiJsonNode *left)
{
	Stage	   *s = arg;
	int			order = compare(e, left, &s->value);
	SiJsonNode	result;
	bool		answer[] = {order == 0, order != 0, order <= 0, order < 0, order >= 0, order > 0};

	si_node_bool(&result, answer[s->node->comparison]);
	return s->receive(e, s->arg, &result);
}

static bool
compare_right(Evaluation *e, void *arg, const SiJsonNode *right)
{
	Stage	   *s = arg;

	s->value = *right;
	return eval(e, s->node->left, s->input, compare_left, s);
}

static bool
logic_right(Evaluation *e, void *arg, const SiJsonNode *right)
{
	Stage	   *s = arg;
	SiJsonNode	result;

	si_node_bool(&result, is_true(right));
	return s->receive(e, s->arg, &result);
}

static bool
logic_left(Evaluation *e, void *arg, const SiJsonNode *left)
{
	Stage	   *s = arg;
	SiJsonNode	result;

	if (is_true(left) == (s->node->kind == JQ_AND))
		return eval(e, s->node->right, s->input, logic_right, s);
	si_node_bool(&result, is_true(left));
	return s->receive(e, s->arg, &result);
}

/* Results into an array's text. */
static bool
collect(Evaluation *e, void *arg, const SiJsonNode *result)
{
	SiNodeText *t = arg;

	if (t->len > 1)
		si_text_append(t, ",", 1);
	si_text_append_node(t, result);
	return !t->failed;
}

/* [f], and map(f) as [.[] | f]. */
static bool
make_array(Evaluation *e, const JqNode *f, const SiJsonNode *input, bool each, SiJsonNode *result)
{
	SiNodeText	t;
	SiNodeWalk	walk;
	SiJsonNode	value;
	bool		ok = true;

	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	if (!each)
		ok = f == NULL || eval(e, f, input, collect, &t);
	else if (!si_node_walk(&walk, input))
		return raise_error(e);
	else
		while (ok && si_node_next(&walk, NULL, &value))
			ok = eval(e, f, &value, collect, &t);
	si_text_append(&t, "]", 1);
	e->no_memory |= t.failed;
	return ok && finish_text(e, &t, result);
}

/*
 * Functions
 */

static bool
keep(Evaluation *e, void *arg, const SiJsonNode *result)
{
	Stage	   *s = arg;

	s->value = *result;
	s->any = true;
	return true;
}

static bool
select_input(Evaluation *e, void *arg, const SiJsonNode *condition)
{
	Stage	   *s = arg;

	return !is_true(condition) || s->receive(e, s->arg, s->input);
}

static bool
string_length(Evaluation *e, const SiJsonNode *input, SiJsonNode *result)
{
	size_t		len;
	const char *text = si_node_text(input, e->scratch, &len);
	int64		n = 0;

	if (text == NULL)
	{
		e->no_memory = true;
		return false;
	}
	for (size_t i = 0; i < len; i++)
		n += ((unsigned char) text[i] & 0xC0) != 0x80;
	si_node_long(result, n);
	return true;
}

static bool
length(Evaluation *e, const SiJsonNode *input, SiJsonNode *result)
{
	double		x;

	if (input->v.kind == SI_VALUE_STRING)
		return string_length(e, input, result);
	if (input->v.kind == SI_VALUE_BOOL)
		return raise_error(e);
	if (si_node_number(input, &x))
	{
		*result = *input;
		if (x < 0)
			si_node_double(result, -x);
	}
	else
		si_node_long(result, Max(si_node_count(input), 0));
	return true;
}

static int
compare_keys(const void *a, const void *b)
{
	const SiJsonNode *x = a;
	const SiJsonNode *y = b;
	int			order = memcmp(x->v.ptr, y->v.ptr, Min(x->v.len, y->v.len));

	return order != 0 ? order : (x->v.len > y->v.len) - (x->v.len < y->v.len);
}

static bool
keys(Evaluation *e, const SiJsonNode *input, SiJsonNode *result)
{
	int64		n = si_node_count(input);
	SiJsonNode *list = n > 0 ? si_scratch_alloc(e->scratch, sizeof(SiJsonNode) * n) : NULL;
	SiNodeWalk	walk;
	SiNodeText	t;
	SiJsonNode	value;

	if (n < 0 || !si_node_walk(&walk, input))
		return raise_error(e);
	if (n > 0 && list == NULL)
	{
		e->no_memory = true;
		return false;
	}
	for (int64 i = 0; i < n; i++)
		if (si_node_next(&walk, &list[i], &value) && !walk.object)
			si_node_long(&list[i], i);
	if (walk.object && n > 0)
		qsort(list, n, sizeof(SiJsonNode), compare_keys);
	si_text_begin(&t, e->scratch);
	si_text_append(&t, "[", 1);
	for (int64 i = 0; i < n; i++)
		collect(e, &t, &list[i]);
	si_text_append(&t, "]", 1);
	return finish_text(e, &t, result);
}

bool
to_string(Evaluation *e, const SiJsonNode *input, SiJsonNode *result)
{
	SiNodeText	t;

	*result = *input;
	if (input->v.kind == SI_VALUE_STRING)
		return true;
	si_text_begin(&t, e->scratch);
	si_text_append_node(&t, input);
	e->no_memory |= t.failed;
	si_node_string(result, t.data ? t.data : "", t.len);
	return !t.failed;
}

bool
to_number(Evaluation *e, const SiJsonNode *input, SiJsonNode *result)
{
	size_t		len;
	const char *text;
	int64		l;
	double		d;

	*result = *input;
	if (si_node_number(input, &d))
		return true;
	if (input->v.kind != SI_VALUE_STRING || (text = si_node_text(input, e->scratch, &len)) == NULL)
		return raise_error(e);
	if (si_long_from_text(text, len, &l))
		si_node_long(result, l);
	else if (si_double_from_text(text, len, &d))
		si_node_double(result, d);
	else
		return raise_error(e);
	return true;
}

static bool
join(Evaluation *e, const SiJsonNode *input, const SiJsonNode *separator, SiJsonNode *result)
{
	SiNodeWalk	walk;
	SiNodeText	t;
	SiJsonNode	value,
				text;
	bool		first = true;

	if (separator->v.kind != SI_VALUE_STRING || !si_node_walk(&walk, input))
		return raise_error(e);
	si_text_begin(&t, e->scratch);
	while (si_node_next(&walk, NULL, &value))
	{
		const SiJsonNode *parts[] = {separator, &text};

		if (value.v.kind == SI_VALUE_ARRAY || value.v.kind == SI_VALUE_OBJECT)
			return raise_error(e);
		if (value.v.kind == SI_VALUE_NULL)
			si_node_string(&text, "", 0);
		else if (!to_string(e, &value, &text))
			return false;
		for (int i = first ? 1 : 0; i < 2; i++)
		{
			size_t		len;
			const char *p = si_node_text(parts[i], e->scratch, &len);

			if (p == NULL)
				t.failed = true;
			else
				si_text_append(&t, p, len);
		}
		first = false;
	}
	e->no_memory |= t.failed;
	si_node_string(result, t.data ? t.data : "", t.len);
	return !t.failed;
}

static bool
has(Evaluation *e, const SiJsonNode *input, const SiJsonNode *key, SiJsonNode *result)
{
	SiJsonNode	value;
	size_t		len;
	const char *text;

	if (input->v.kind == SI_VALUE_ARRAY && key->v.kind == SI_VALUE_LONG)
		si_node_bool(result, key->v.u.i >= 0 && key->v.u.i < si_node_count(input));
	else if (input->v.kind == SI_VALUE_OBJECT && key->v.kind == SI_VALUE_STRING &&
			 (text = si_node_text(key, e->scratch, &len)) != NULL)
		si_node_bool(result, si_node_member(input, text, len, &value));
	else
		return raise_error(e);
	return true;
}

/* The one result of a function but select and empty. */
static bool
apply(Evaluation *e, const JqNode *n, const SiJsonNode *input, SiJsonNode *result)
{
	static const char *const types[] = {"null", "boolean", "boolean", "number", "string", "array", "object"};
	Stage		argument = {0};

	if ((n->function == JQ_JOIN || n->function == JQ_HAS) &&
		(!eval(e, n->right, input, keep, &argument) || !argument.any))
		return raise_error(e);
	switch (n->function)
	{
		case JQ_LENGTH:
			return length(e, input, result);
		case JQ_KEYS:
			return keys(e, input, result);
		case JQ_FIRST:
		case JQ_LAST:
			if (input->v.kind != SI_VALUE_ARRAY)
				return raise_error(e);
			if (!si_node_element(input, n->function == JQ_FIRST ? 0 : -1, result))
				si_node_null(result);
			return true;
		case JQ_TOSTRING:
			return to_string(e, input, result);
		case JQ_TONUMBER:
			return to_number(e, input, result);
		case JQ_TYPE:
			si_node_string(result, types[rank(input)], strlen(types[rank(input)]));
			return true;
		case JQ_NOT:
			si_node_bool(result, !is_true(input));
			return true;
		case JQ_MAP:
			return make_array(e, n->right, input, true, result);
		case JQ_JOIN:
			return join(e, input, &argument.value, result);
		case JQ_HAS:
			return has(e, input, &argument.value, result);
		default:
			return si_jq_function(e, n, input, result);
	}
}

/* The last result of an expression. */
static bool
last_of(Evaluation *e, Stage *s)
{
	Stage		last = {0};

	if (!eval(e, s->node->right, s->input, keep, &last))
		return false;
	return !last.any || s->receive(e, s->arg, &last.value);
}

static bool
take_first_of(Evaluation *e, void *arg, const SiJsonNode *result)
{
	Stage	   *s = arg;

	s->any = true;
	s->ended = !s->receive(e, s->arg, result);
	return false;
}

/* The first result of an expression: what would come behind it is not asked for. */
static bool
first_of(Evaluation *e, Stage *s)
{
	if (eval(e, s->node->right, s->input, take_first_of, s))
		return true;
	return s->any && !s->ended && !e->error && !e->no_memory;
}

static bool
range_number(Evaluation *e, const JqNode *n, const SiJsonNode *input, double *number)
{
	Stage		argument = {0};

	if (!eval(e, n, input, keep, &argument))
		return false;
	return (argument.any && si_node_number(&argument.value, number)) || raise_error(e);
}

static bool
range(Evaluation *e, Stage *s)
{
	double		from = 0;
	double		to;
	SiJsonNode	number;

	if (!range_number(e, s->node->right, s->input, s->node->third ? &from : &to) ||
		(s->node->third && !range_number(e, s->node->third, s->input, &to)))
		return false;
	for (; from < to; from++)
	{
		if (++e->steps > MAX_STEPS)
			return raise_error(e);
		if (from == (double) (int64) from)
			si_node_long(&number, (int64) from);
		else
			si_node_double(&number, from);
		if (!s->receive(e, s->arg, &number))
			return false;
	}
	return true;
}

static bool
call(Evaluation *e, Stage *s)
{
	SiJsonNode	result;

	switch (s->node->function)
	{
		case JQ_EMPTY:
			return true;
		case JQ_SELECT:
			return eval(e, s->node->right, s->input, select_input, s);
		case JQ_TYPES:
			return (s->node->types & 1 << rank(s->input)) == 0 || s->receive(e, s->arg, s->input);
		case JQ_RANGE:
			return range(e, s);
		case JQ_FIRST_OF:
			return first_of(e, s);
		case JQ_LAST_OF:
			return last_of(e, s);
		default:
			return apply(e, s->node, s->input, &result) && s->receive(e, s->arg, &result);
	}
}

/* All results of n for input; false when it ended early: enough, an error, no memory. */
bool
eval(Evaluation *e, const JqNode *n, const SiJsonNode *input, Receiver receive, void *arg)
{
	Stage		s = {.node = n,.input = input,.receive = receive,.arg = arg};
	SiJsonNode	result;

	if (++e->steps > MAX_STEPS)
		return raise_error(e);
	if (e->no_memory)
		return false;
	if (n == e->field)
		return receive(e, arg, input);
	switch (n->kind)
	{
		case JQ_IDENTITY:
			return receive(e, arg, input);
		case JQ_FIELD:
			return eval(e, n->left, input, take_field, &s);
		case JQ_INDEX:
			return eval(e, n->left, input, take_index, &s);
		case JQ_SLICE:
			return eval(e, n->left, input, take_slice, &s);
		case JQ_ITERATE:
			return eval(e, n->left, input, take_all, &s);
		case JQ_TRY:
			return try_eval(e, n->left, input, pass, &s);
		case JQ_PIPE:
			return eval(e, n->left, input, pipe_on, &s);
		case JQ_COMMA:
			return eval(e, n->left, input, receive, arg) && eval(e, n->right, input, receive, arg);
		case JQ_ALTERNATIVE:
			if (!try_eval(e, n->left, input, pass_true, &s))
				return false;
			return s.any || eval(e, n->right, input, receive, arg);
		case JQ_AND:
		case JQ_OR:
			return eval(e, n->left, input, logic_left, &s);
		case JQ_COMPARE:
			return eval(e, n->right, input, compare_right, &s);
		case JQ_LITERAL:
			return receive(e, arg, &n->literal);
		case JQ_ARRAY:
			return make_array(e, n->left, input, false, &result) && receive(e, arg, &result);
		case JQ_CALL:
			return call(e, &s);
		case JQ_ARITHMETIC:
			return eval(e, n->left, input, calculate_left, &s);
		case JQ_NEGATE:
			return eval(e, n->left, input, negate, &s);
		case JQ_IF:
			return eval(e, n->left, input, choose, &s);
		case JQ_OBJECT:
			return si_jq_object(e, n, input, receive, arg);
		case JQ_TEXT:
			return si_jq_interpolate(e, n, input, &result) && receive(e, arg, &result);
		case JQ_RECURSE:
			return si_jq_recurse(e, input, receive, arg);
		case JQ_INDEX_BY:
			return eval(e, n->left, input, index_left, &s);
	}
	return false;
}

/* The first result is enough. */
static bool
take_first(Evaluation *e, void *arg, const SiJsonNode *result)
{
	Stage	   *s = arg;

	s->value = *result;
	s->any = true;
	return false;
}

bool
si_jq_value(const SiJq *jq, const SiJsonNode *node, bool from_field, SiScratch *scratch, SiValue *v)
{
	Evaluation	e = {.field = from_field ? jq->field : NULL,.scratch = scratch};
	Stage		first = {0};

	memset(v, 0, sizeof(*v));
	(void) eval(&e, jq->root, node, take_first, &first);
	if (first.any)
		return si_node_value(&first.value, scratch, v) && !e.no_memory;
	return !e.no_memory;
}
