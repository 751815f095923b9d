/*
 * json.cpp
 *		JSON messages to rows of values: the hot path of ingestion.
 *
 * simdjson's first stage (SIMD: UTF-8 validation, and an index of where every
 * token begins) does the heavy part once per message; the walk over its tokens
 * is done here, not by the on-demand API: every value has to be validated
 * whether wanted or not, a message may hold any number of objects, nesting is
 * bounded, and strings are handed out as pointers.  It is also faster.
 *
 * Most messages have the keys of the one before in the same order.  So every
 * key remembers which key followed it last time, and a key is first compared
 * with that one, as raw bytes including its closing quote.  Keys that nobody
 * wants are remembered too.
 *
 * The copy of the message has padding behind it, so that short reads past a
 * token are harmless.  The last token of a message is a brace, and the index
 * ends with the position of a zero byte: no walk can run past either.
 *
 * Ownership: one SiJsonParser belongs to one caller; memory is malloc's and
 * grows with the largest message; what an unusually large one took is given
 * back with the next one.  No exceptions, and no PostgreSQL function that
 * could throw, in this file.
 */
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>

#include "common/port.h"

extern "C"
{
#include "common/hashfn.h"
}
#include "format/fields.h"
#include "format/json.h"
#include "format/jsontext.h"
#include "format/number.h"
#include "format/reason.h"

namespace
{

/* Nesting that Druid's parser takes. */
constexpr uint32_t MAX_DEPTH = 1000;
/* Readable bytes behind the copy of a message. */
constexpr size_t PADDING = simdjson::SIMDJSON_PADDING;
/* Buffers beyond these sizes are not kept for small messages. */
constexpr size_t LARGE_MESSAGE = 4 << 20;
constexpr size_t LARGE_VALUES = (8 << 20) / sizeof(SiValue);
constexpr size_t MIN_VALUES = 256;
/* Values of one message, at most 512 MB. */
constexpr size_t MAX_VALUES = (size_t(512) << 20) / sizeof(SiValue);
/* Keys remembered; when there are more, all are forgotten. */
constexpr int MAX_KEYS = 4096;
constexpr uint32_t KEY_BUCKETS = 4 * MAX_KEYS;

/* A key as it stands in messages, with its closing quote. */
struct Key
{
	uint64_t	head;			/* first and last eight bytes, masked */
	uint64_t	tail;
	uint64_t	mask;
	uint32_t	raw_len;		/* with the quote */
	uint32_t	tail_offset;
	int32_t		slot;			/* or SI_FIELD_IGNORED, SI_FIELD_UNDECIDED */
	int32_t		next;			/* the key that followed last time, -1 */
	uint32_t	hash;
	uint32_t	name_len;
	char	   *raw;
	char	   *name;			/* unescaped; raw itself when it has no escapes */
};

inline uint64_t
load64(const char *p)
{
	uint64_t	v;

	std::memcpy(&v, p, sizeof(v));
	return v;
}

inline bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

inline bool
same_key(const Key &k, const char *raw)
{
	uint64_t	diff = ((load64(raw) ^ k.head) & k.mask) | ((load64(raw + k.tail_offset) ^ k.tail) & k.mask);

	return diff == 0 && (k.raw_len <= 16 || std::memcmp(raw + 8, k.raw + 8, k.raw_len - 16) == 0);
}

/* A short explanation for simdjson's word of an error. */
const char *
explain(simdjson::error_code code, const char **word)
{
	switch (code)
	{
		case simdjson::EMPTY:
			*word = "EMPTY";
			return "no JSON object";
		case simdjson::UTF8_ERROR:
			*word = "UTF8_ERROR";
			return "invalid UTF-8";
		case simdjson::UNCLOSED_STRING:
			*word = "UNCLOSED_STRING";
			return "a string has no end";
		case simdjson::UNESCAPED_CHARS:
			*word = "UNESCAPED_CHARS";
			return "control character in a string";
		case simdjson::STRING_ERROR:
			*word = "STRING_ERROR";
			return "invalid escape in a string";
		case simdjson::NUMBER_ERROR:
			*word = "NUMBER_ERROR";
			return "not a number";
		case simdjson::T_ATOM_ERROR:
			*word = "T_ATOM_ERROR";
			return "not a JSON value";
		case simdjson::F_ATOM_ERROR:
			*word = "F_ATOM_ERROR";
			return "not a JSON value";
		case simdjson::N_ATOM_ERROR:
			*word = "N_ATOM_ERROR";
			return "not a JSON value";
		case simdjson::DEPTH_ERROR:
			*word = "DEPTH_ERROR";
			return "nested more than 1000 deep";
		case simdjson::INCORRECT_TYPE:
			*word = "INCORRECT_TYPE";
			return "not a JSON object";
		case simdjson::CAPACITY:
			*word = "CAPACITY";
			return "more values than one message may have";
		case simdjson::MEMALLOC:
			*word = "MEMALLOC";
			return "out of memory";
		default:
			*word = "TAPE_ERROR";
			return "not JSON";
	}
}

}								/* namespace */

struct SiJsonParser
{
	SiFieldTable *fields;
	uint64_t	generation;		/* of the field table, when keys were learnt */

	std::unique_ptr<simdjson::internal::dom_parser_implementation> stage1;
	char	   *buf;			/* copy of the message, capacity + PADDING */
	char	   *text;			/* unescaped strings, capacity */
	size_t		capacity;

	SiValue    *values;
	size_t		values_cap;
	size_t		stride;

	Key		   *keys;
	int			nkeys;
	int			first_key;		/* first of an object, last time */
	int32_t    *buckets;		/* index into keys + 1, 0 is empty */

	/* while parsing */
	const char *end;			/* of the copy */
	const uint32_t *tokens;
	const char *slash;			/* next backslash, or end */
	char	   *text_free;
	SiReason   *why;
	size_t		skipped;		/* bytes of a byte order mark */
	bool		flat;			/* the last array had no arrays and objects in it */
	char		open[MAX_DEPTH];

	bool		prepare(size_t len);
	void		release_buffers();
	bool		parse(const char *data, size_t len, SiRows *rows, SiReason *reason);
	uint32_t	object(uint32_t i, size_t row);
	uint32_t	value(uint32_t i, const char *p, const char *next, SiValue *v);
	uint32_t	container(uint32_t i, SiValue *v);
	bool		string(const char *start, const char *next, const char **ptr, uint32_t *len);
	bool		unescape(const char *start, const char *stop, const char **ptr, uint32_t *len);
	uint32_t	nested_key(uint32_t i);
	bool		atom(const char *p, const char *next, const char *word, size_t len, simdjson::error_code code);
	bool		ends_at(const char *p, const char *next, simdjson::error_code code);
	bool		widen(size_t nrows);

	int			find_key(uint32_t i);
	int			learn_key(const char *raw, uint32_t raw_len, uint32_t hash);
	void		forget_keys();

	const char *at(uint32_t i) const { return buf + tokens[i]; }
	bool		fail(simdjson::error_code code, const char *where);
};

bool
SiJsonParser::fail(simdjson::error_code code, const char *where)
{
	const char *word;
	const char *text = explain(code, &word);

	if (where == nullptr)
		return si_format_reason(why, "Unable to parse JSON: %s (%s)", word, text);
	return si_format_reason(why, "Unable to parse JSON: %s (%s) at byte %zu", word, text,
							size_t(where - buf) + skipped);
}

/*
 * Memory
 */

void
SiJsonParser::release_buffers()
{
	free(buf);
	free(text);
	buf = text = nullptr;
	capacity = 0;
	stage1.reset();
}

/* Buffers for a message of len bytes. */
bool
SiJsonParser::prepare(size_t len)
{
	size_t		want;

	if (SI_UNLIKELY(values_cap > LARGE_VALUES))
	{
		void	   *smaller = realloc(values, MIN_VALUES * sizeof(SiValue));

		if (smaller != nullptr)
		{
			values = static_cast<SiValue *>(smaller);
			values_cap = MIN_VALUES;
		}
	}
	if (SI_LIKELY(len <= capacity && (capacity <= LARGE_MESSAGE || len > capacity / 8)))
		return true;

	release_buffers();
	for (want = 4096; want < len; want *= 2)
		;
	buf = static_cast<char *>(malloc(want + PADDING));
	text = static_cast<char *>(malloc(want));
	if (buf == nullptr || text == nullptr ||
		simdjson::get_active_implementation()->create_dom_parser_implementation(want, 1, stage1) != simdjson::SUCCESS)
	{
		release_buffers();
		return false;
	}
	capacity = want;
	return true;
}

/* New fields were discovered: gives the rows so far (nrows of them) the new width. */
bool
SiJsonParser::widen(size_t nrows)
{
	size_t		wide = si_fields_count(fields);

	if (wide * nrows > values_cap)
	{
		size_t		cap = wide * nrows;
		SiValue    *bigger;

		if (cap > MAX_VALUES)
			return fail(simdjson::CAPACITY, nullptr);
		cap = Min(cap * 2, MAX_VALUES);
		bigger = static_cast<SiValue *>(realloc(values, cap * sizeof(SiValue)));
		if (bigger == nullptr)
			return fail(simdjson::MEMALLOC, nullptr);
		values = bigger;
		values_cap = cap;
	}
	if (wide != stride)
	{
		for (size_t r = nrows; r-- > 0;)
		{
			memmove(values + r * wide, values + r * stride, stride * sizeof(SiValue));
			memset(values + r * wide + stride, 0, (wide - stride) * sizeof(SiValue));
		}
		stride = wide;
	}
	return true;
}

/*
 * Keys
 */

void
SiJsonParser::forget_keys()
{
	for (int k = 0; k < nkeys; k++)
	{
		if (keys[k].name != keys[k].raw)
			free(keys[k].name);
		free(keys[k].raw);
	}
	nkeys = 0;
	first_key = -1;
	memset(buckets, 0, KEY_BUCKETS * sizeof(int32_t));
	generation = si_fields_generation(fields);
}

/* Remembers a key that is met for the first time; -1: it is no valid string, or no memory. */
int
SiJsonParser::learn_key(const char *raw, uint32_t raw_len, uint32_t hash)
{
	char	   *copy = static_cast<char *>(malloc(raw_len + 8));
	char	   *name = copy;
	ptrdiff_t	name_len = raw_len - 1;
	uint32_t	b;

	if (copy == nullptr)
	{
		fail(simdjson::MEMALLOC, nullptr);
		return -1;
	}
	memcpy(copy, raw, raw_len);
	memset(copy + raw_len, 0, 8);
	if (memchr(raw, '\\', raw_len) != nullptr)
	{
		name = static_cast<char *>(malloc(raw_len));
		name_len = name ? si_json_unescape(raw, raw_len - 1, name) : -1;
		if (name_len < 0)
		{
			free(name);
			free(copy);
			fail(simdjson::STRING_ERROR, raw);
			return -1;
		}
	}
	if (nkeys == MAX_KEYS)
		forget_keys();

	Key		   &k = keys[nkeys];

	k.raw = copy;
	k.raw_len = raw_len;
	k.tail_offset = raw_len > 8 ? raw_len - 8 : 0;
	k.mask = raw_len >= 8 ? ~uint64_t(0) : (uint64_t(1) << (8 * raw_len)) - 1;
	k.head = load64(copy);
	k.tail = load64(copy + k.tail_offset);
	k.hash = hash;
	k.name = name;
	k.name_len = uint32_t(name_len);
	k.slot = si_fields_find(fields, name, int(name_len));
	k.next = -1;
	for (b = hash & (KEY_BUCKETS - 1); buckets[b] != 0;)
		b = (b + 1) & (KEY_BUCKETS - 1);
	buckets[b] = ++nkeys;
	return nkeys - 1;
}

/* The key of token i, which was not the predicted one; -1 and a reason when it is none. */
int
SiJsonParser::find_key(uint32_t i)
{
	const char *raw = at(i) + 1;
	const char *stop = at(i + 1) - 1;
	uint32_t	raw_len;
	uint32_t	hash;

	if (raw[-1] != '"' || *at(i + 1) != ':')
	{
		fail(simdjson::TAPE_ERROR, raw - 1);
		return -1;
	}
	while (is_blank(*stop) && stop > raw)
		stop--;
	raw_len = uint32_t(stop - raw) + 1;
	hash = hash_bytes(reinterpret_cast<const unsigned char *>(raw), int(raw_len));
	for (uint32_t b = hash & (KEY_BUCKETS - 1); buckets[b] != 0; b = (b + 1) & (KEY_BUCKETS - 1))
	{
		const Key  &k = keys[buckets[b] - 1];

		if (k.hash == hash && k.raw_len == raw_len && memcmp(k.raw, raw, raw_len) == 0)
			return buckets[b] - 1;
	}
	return learn_key(raw, raw_len, hash);
}

/*
 * Values
 */

/*
 * Positions of tokens are passed down rather than looked up again: what is
 * stored through a pointer might, for all the compiler knows, have changed
 * the members of this object.
 */

/* Only blanks between the end of a scalar and the next token? */
inline bool
SiJsonParser::ends_at(const char *p, const char *next, simdjson::error_code code)
{
	while (SI_UNLIKELY(p != next))
	{
		if (!is_blank(*p))
			return fail(code, p);
		p++;
	}
	return true;
}

inline bool
SiJsonParser::atom(const char *p, const char *next, const char *word, size_t len, simdjson::error_code code)
{
	if (SI_UNLIKELY(memcmp(p, word, len) != 0))
		return fail(code, p);
	return ends_at(p + len, next, code);
}

/* A string that contains the next backslash, or comes after it. */
bool
SiJsonParser::unescape(const char *start, const char *stop, const char **ptr, uint32_t *len)
{
	const char *found;
	ptrdiff_t	n;

	if (slash < start)
	{
		found = static_cast<const char *>(memchr(start, '\\', end - start));
		slash = found ? found : end;
	}
	*ptr = start;
	*len = uint32_t(stop - start);
	if (slash >= stop)
		return true;
	n = si_json_unescape(start, stop - start, text_free);
	if (n < 0)
		return fail(simdjson::STRING_ERROR, start);
	*ptr = text_free;
	*len = uint32_t(n);
	text_free += n;
	return true;
}

/* The string whose inside begins at start, before the token at next. */
inline bool
SiJsonParser::string(const char *start, const char *next, const char **ptr, uint32_t *len)
{
	const char *stop = next - 1;

	while (SI_UNLIKELY(*stop != '"' || stop < start))
	{
		if (stop < start || !is_blank(*stop))
			return fail(simdjson::STRING_ERROR, start);
		stop--;
	}
	*ptr = start;
	*len = uint32_t(stop - start);
	return SI_LIKELY(slash > stop) || unescape(start, stop, ptr, len);
}

/* A key inside of a nested object, and its colon: only validated.  The next token, or 0. */
uint32_t
SiJsonParser::nested_key(uint32_t i)
{
	const char *ptr;
	uint32_t	len;

	if (*at(i) != '"' || *at(i + 1) != ':')
		return fail(simdjson::TAPE_ERROR, at(i));
	return string(at(i) + 1, at(i + 1), &ptr, &len) ? i + 2 : 0;
}

/*
 * The array or object at token i: walks to its end, validating all of it.
 * Returns the token after it, or 0.
 */
uint32_t
SiJsonParser::container(uint32_t i, SiValue *v)
{
	const char *start = at(i);
	uint32_t	depth = 1;
	bool		first = true;
	char	   *mark = text_free;
	SiValue		scalar;

	flat = (*start == '[');
	open[0] = *start;
	i++;
	while (depth > 0)
	{
		char		kind = open[depth - 1];

		if (*at(i) == kind + 2) /* the closing bracket, in ASCII */
		{
			depth--;
			i++;
			first = false;
			continue;
		}
		if (!first)
		{
			if (*at(i) != ',')
				return fail(simdjson::TAPE_ERROR, at(i));
			i++;
		}
		if (kind == '{' && (i = nested_key(i)) == 0)
			return 0;
		first = (*at(i) == '{' || *at(i) == '[');
		if (first)
		{
			if (depth == MAX_DEPTH)
				return fail(simdjson::DEPTH_ERROR, at(i));
			flat = false;
			open[depth++] = *at(i);
			i++;
		}
		else if ((i = value(i, at(i), at(i + 1), &scalar)) == 0)
			return 0;
		text_free = mark;		/* nobody wants the strings of a container */
	}
	v->ptr = start;
	v->len = uint32_t(at(i - 1) + 1 - start);
	v->kind = *start == '{' ? SI_VALUE_OBJECT : SI_VALUE_ARRAY;
	return i;
}

/* The value at token i, which is at p, the next one at next.  Returns the token after it, or 0. */
inline uint32_t
SiJsonParser::value(uint32_t i, const char *p, const char *next, SiValue *v)
{
	switch (*p)
	{
		case '"':
			v->kind = SI_VALUE_STRING;
			v->u.i = SI_STRING_NO_NUL;	/* only an escape can make one */
			if (SI_UNLIKELY(!string(p + 1, next, &v->ptr, &v->len)))
				return 0;
			if (SI_UNLIKELY(v->ptr != p + 1) && memchr(v->ptr, '\0', v->len) != nullptr)
				v->u.i = 0;
			break;
		case 't':
			v->kind = SI_VALUE_BOOL;
			v->u.i = 1;
			if (SI_UNLIKELY(!atom(p, next, "true", 4, simdjson::T_ATOM_ERROR)))
				return 0;
			break;
		case 'f':
			v->kind = SI_VALUE_BOOL;
			v->u.i = 0;
			if (SI_UNLIKELY(!atom(p, next, "false", 5, simdjson::F_ATOM_ERROR)))
				return 0;
			break;
		case 'n':
			v->kind = SI_VALUE_NULL;
			if (SI_UNLIKELY(!atom(p, next, "null", 4, simdjson::N_ATOM_ERROR)))
				return 0;
			break;
		case '-':
		case '0':
		case '1':
		case '2':
		case '3':
		case '4':
		case '5':
		case '6':
		case '7':
		case '8':
		case '9':
			{
				const char *stop = si_number_scan(p, v);

				if (SI_UNLIKELY(stop == nullptr))
					return fail(simdjson::NUMBER_ERROR, p);
				if (SI_UNLIKELY(!ends_at(stop, next, simdjson::NUMBER_ERROR)))
					return 0;
				break;
			}
		case '{':
		case '[':
			return container(i, v);
		default:
			return fail(simdjson::TAPE_ERROR, p);
	}
	return i + 1;
}

/*
 * The object at token i into a row, which is the last one so far.  Returns
 * the token after it, or 0.
 */
uint32_t
SiJsonParser::object(uint32_t i, size_t row)
{
	const char *const bytes = buf;
	const uint32_t *const t = tokens;
	SiValue    *cells = values + row * stride;
	SiValue		unwanted;
	int			last = -1;
	int			predicted = first_key;

	i++;
	if (bytes[t[i]] == '}')
		return i + 1;
	for (;;)
	{
		const char *p = bytes + t[i];
		int			k = predicted;

		if (SI_UNLIKELY(k < 0 || *p != '"' || !same_key(keys[k], p + 1) || bytes[t[i + 1]] != ':'))
		{
			int			nkeys_before = nkeys;

			k = find_key(i);
			if (k < 0)
				return 0;
			if (nkeys < nkeys_before)
				last = -1;		/* all keys were forgotten */
			/* a longer key would be compared beyond the padding of a message that ends here */
			int			next = keys[k].raw_len <= PADDING ? k : -1;

			if (last < 0)
				first_key = next;
			else
				keys[last].next = next;
		}

		Key		   &key = keys[k];
		SiValue    *v = key.slot >= 0 ? cells + key.slot : &unwanted;

		i = value(i + 2, bytes + t[i + 2], bytes + t[i + 3], v);
		if (SI_UNLIKELY(i == 0))
			return 0;
		if (SI_UNLIKELY(key.slot == SI_FIELD_UNDECIDED) && v->kind != SI_VALUE_NULL &&
			((v->kind != SI_VALUE_OBJECT && (v->kind != SI_VALUE_ARRAY || flat)) || si_fields_nested(fields)))
		{
			key.slot = si_fields_discover(fields, key.name, int(key.name_len));
			if (key.slot >= 0)
			{
				if (!widen(row + 1))
					return 0;
				cells = values + row * stride;
				cells[key.slot] = unwanted;
			}
		}
		last = k;
		predicted = key.next;

		char		c = bytes[t[i]];

		i++;
		if (SI_LIKELY(c == ','))
			continue;
		return c == '}' ? i : fail(simdjson::TAPE_ERROR, at(i - 1));
	}
}

bool
SiJsonParser::parse(const char *data, size_t len, SiRows *rows, SiReason *reason)
{
	simdjson::error_code error;
	const char *found;
	size_t		nrows = 0;
	uint32_t	i = 0;
	uint32_t	n;

	why = reason;
	skipped = 0;
	if (SI_UNLIKELY(len >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0))
	{
		skipped = 3;
		data += 3;
		len -= 3;
	}
	if (SI_UNLIKELY(len == 0))
		return fail(simdjson::EMPTY, nullptr);
	if (SI_UNLIKELY(!prepare(len)))
		return fail(simdjson::MEMALLOC, nullptr);
	if (SI_UNLIKELY(generation != si_fields_generation(fields)))
		forget_keys();

	memcpy(buf, data, len);
	memset(buf + len, 0, PADDING);
	error = stage1->stage1(reinterpret_cast<const uint8_t *>(buf), len, simdjson::stage1_mode::regular);
	if (SI_UNLIKELY(error != simdjson::SUCCESS))
		return fail(error, nullptr);

	end = buf + len;
	tokens = stage1->structural_indexes.get();
	n = stage1->n_structural_indexes;
	text_free = text;
	found = static_cast<const char *>(memchr(buf, '\\', len));
	slash = found ? found : end;
	stride = si_fields_count(fields);
	if (SI_UNLIKELY(*at(0) != '{'))
		return fail(simdjson::INCORRECT_TYPE, at(0));
	if (SI_UNLIKELY(*at(n - 1) != '}'))
		return fail(simdjson::TAPE_ERROR, end);

	while (i < n)
	{
		if (SI_UNLIKELY(*at(i) != '{'))
			return fail(simdjson::INCORRECT_TYPE, at(i));
		if (SI_UNLIKELY((nrows + 1) * stride > values_cap) && !widen(nrows + 1))
			return false;
		memset(values + nrows * stride, 0, stride * sizeof(SiValue));
		i = object(i, nrows);
		if (SI_UNLIKELY(i == 0))
			return false;
		nrows++;
	}
	rows->nrows = int(nrows);
	rows->stride = int(stride);
	rows->values = values;
	rows->separate = false;
	rows->nbad = 0;
	rows->times = nullptr;
	return true;
}

SiJsonParser *
si_json_parser_create(SiFieldTable *fields)
{
	SiJsonParser *parser = new (std::nothrow) SiJsonParser();

	if (parser == nullptr)
		return nullptr;
	parser->fields = fields;
	parser->keys = static_cast<Key *>(malloc(MAX_KEYS * sizeof(Key)));
	parser->buckets = static_cast<int32_t *>(malloc(KEY_BUCKETS * sizeof(int32_t)));
	parser->values = static_cast<SiValue *>(malloc(MIN_VALUES * sizeof(SiValue)));
	parser->values_cap = MIN_VALUES;
	if (parser->keys == nullptr || parser->buckets == nullptr || parser->values == nullptr)
	{
		free(parser->keys);
		free(parser->buckets);
		free(parser->values);
		delete parser;
		return nullptr;
	}
	parser->forget_keys();
	return parser;
}

bool
si_json_parser_parse(SiJsonParser *parser, const char *data, size_t len, SiRows *rows, SiReason *why)
{
	int			nfields = si_fields_count(parser->fields);

	if (SI_LIKELY(parser->parse(data, len, rows, why)))
		return true;
	if (si_fields_count(parser->fields) > nfields)
		si_fields_truncate(parser->fields, nfields);
	return false;
}

void
si_json_parser_free(SiJsonParser *parser)
{
	parser->forget_keys();
	parser->release_buffers();
	free(parser->values);
	free(parser->keys);
	free(parser->buckets);
	delete parser;
}
