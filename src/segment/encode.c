/*
 * encode.c
 *		Encoding one block of values into the lightest encoding of FORMAT.md,
 *		with its null count, min, max and sum.
 *
 * This is in the path of every ingested row: one pass for the numbers that
 * decide, one for packing, no allocation per value.  Does not know columns
 * or files.
 */
#include "common/port.h"

#include <math.h>

#include "segment/segment_int.h"

/* Payloads shorter than this are not worth a compression attempt. */
#define MIN_PAYLOAD			128

/* LZ4's speed knob: codes and packed numbers compress a lot or not at all. */
#define LZ4_ACCELERATION	4

/* Cost in bits of the fixed parts of an encoding, roughly. */
#define STREAM_BITS			(4 * 8)

/* Appends head, the first len bytes of the encoder's payload (compressed when that pays) and CRC to out. */
static void
finish_block(SiBuf *out, SiEncoding enc, uint8 flags, const SiEncoder *e, size_t len)
{
	size_t		from = out->len;
	uint8	   *head;
	size_t		got = 0;

	Assert(len <= SI_MAX_PAYLOAD);
	si_buf_reserve(out, len + SI_BLOCK_HEAD_RAW + SI_CRC_SIZE);
	head = (uint8 *) out->data + from;
	head[0] = (uint8) enc;
	head[1] = flags;
	if (len >= MIN_PAYLOAD)
		got = si_compress(e->codec, e->payload, len, head + SI_BLOCK_HEAD_RAW, len - len / 16 - 4,
						  LZ4_ACCELERATION);
	if (got > 0)
	{
		uint32		raw = (uint32) len;

		head[1] |= e->codec == SI_CODEC_ZSTD ? SI_BLOCK_ZSTD : SI_BLOCK_LZ4;
		memcpy(head + SI_BLOCK_HEAD, &raw, sizeof(raw));
		out->len += SI_BLOCK_HEAD_RAW + got;
	}
	else
	{
		if (len > 0)
			memcpy(head + SI_BLOCK_HEAD, e->payload, len);
		out->len += SI_BLOCK_HEAD + len;
	}
	si_buf_crc(out, from);
}

static uint8 *
put_stream_head(uint8 *p, int64 base, uint64 scale, int width)
{
	p = si_put_varint(p, si_zigzag(base));
	p = si_put_varint(p, scale);
	*p++ = (uint8) width;
	return p;
}

/* A packed stream of codes or lengths, all >= base and < base + 2^width. */
static uint8 *
put_stream32(uint8 *p, const uint32 *v, uint32 n, uint32 base, int width)
{
	p = put_stream_head(p, base, 1, width);
	return si_pack32(p, v, n, width, base);
}

/* Division of its multiples by g, without dividing: see exact_divide(). */
typedef struct Divisor
{
	int			shift;			/* zero bits at the end of g */
	uint64		inverse;		/* of g >> shift, modulo 2^64 */
	uint64		largest;		/* multiples of g >> shift have quotients up to this */
} Divisor;

static void
make_divisor(Divisor *d, uint64 g)
{
	uint64		odd;
	int			i;

	d->shift = __builtin_ctzll(g);
	odd = g >> d->shift;
	d->inverse = odd;			/* right in 3 bits; every step doubles them */
	for (i = 0; i < 5; i++)
		d->inverse *= 2 - odd * d->inverse;
	d->largest = PG_UINT64_MAX / odd;
}

/* x / g for a multiple x of g: the inverse of an odd number divides exactly. */
static inline uint64
exact_divide(const Divisor *d, uint64 x)
{
	return (x >> d->shift) * d->inverse;
}

static inline bool
is_multiple(const Divisor *d, uint64 x)
{
	return (x & ((UINT64CONST(1) << d->shift) - 1)) == 0 && exact_divide(d, x) <= d->largest;
}

/* A packed stream of integers; work has room for n. */
static uint8 *
put_stream64(uint8 *p, const int64 *v, uint32 n, int64 base, uint64 scale, int width, uint64 *work)
{
	uint32		i;

	p = put_stream_head(p, base, scale, width);
	if (scale == 1)
		for (i = 0; i < n; i++)
			work[i] = (uint64) v[i] - (uint64) base;
	else
	{
		Divisor		d;

		make_divisor(&d, scale);
		for (i = 0; i < n; i++)
			work[i] = exact_divide(&d, (uint64) v[i] - (uint64) base);
	}
	return si_pack64(p, work, n, width);
}

/* ----------------------------------------------------------------- codes */

/* Runs of equal codes, when that is shorter than packed_bits. */
static bool
encode_code_runs(SiBuf *out, SiEncoder *e, const uint32 *codes, uint32 n, uint32 nruns,
				 uint32 min, int width, uint64 packed_bits)
{
	uint32		r = 0;
	uint32		longest = 0;
	uint32		i = 0;
	int			length_width;
	uint8	   *p;

	while (i < n)
	{
		uint32		start = i;

		while (i < n && codes[i] == codes[start])
			i++;
		e->runs_value[r] = codes[start];
		e->runs_length[r] = i - start - 1;
		longest = Max(longest, i - start - 1);
		r++;
	}
	Assert(r == nruns);
	length_width = si_bits(longest);
	if ((uint64) r * (width + length_width) + 2 * STREAM_BITS >= packed_bits)
		return false;
	p = si_put_varint(e->payload, r);
	p = put_stream32(p, e->runs_value, r, min, width);
	p = put_stream32(p, e->runs_length, r, 0, length_width);
	finish_block(out, SI_ENC_RUNS, 0, e, p - e->payload);
	return true;
}

SiEncoding
si_encode_codes(SiBuf *out, SiEncoder *e, const uint32 *codes, uint32 n, SiColumnStats *st)
{
	uint32		min = PG_UINT32_MAX;
	uint32		max = 0;
	uint32		least = PG_UINT32_MAX;	/* smallest code that is not 0, less 1 */
	uint32		nulls = 0;
	uint32		nruns = 1;
	uint32		i;
	int			width;
	uint8	   *p;

	for (i = 0; i < n; i++)
	{
		uint32		c = codes[i];

		min = Min(min, c);
		max = Max(max, c);
		least = Min(least, c - 1);
		nulls += c == 0;
	}
	for (i = 1; i < n; i++)
		nruns += codes[i] != codes[i - 1];

	memset(st, 0, sizeof(*st));
	st->null_count = nulls;
	st->has_minmax = nulls < n;
	st->min.i = nulls < n ? (int64) least + 1 : 0;
	st->max.i = max;

	if (min == max)
	{
		p = si_put_varint(e->payload, si_zigzag(min));
		finish_block(out, SI_ENC_CONSTANT, 0, e, p - e->payload);
		return SI_ENC_CONSTANT;
	}
	width = si_bits(max - min);
	if (nruns <= n / 4 &&
		encode_code_runs(out, e, codes, n, nruns, min, width, (uint64) n * width + STREAM_BITS))
		return SI_ENC_RUNS;
	p = put_stream32(e->payload, codes, n, min, width);
	finish_block(out, SI_ENC_PACKED, 0, e, p - e->payload);
	return SI_ENC_PACKED;
}

/* ---------------------------------------------------------------- shared */

/* Nulls of a block: counts them; copies the bitmap to p when some are. */
static uint32
count_nulls(const uint64 *nulls, uint32 n)
{
	uint32		count = 0;
	uint32		i;

	if (nulls == NULL)
		return 0;
	for (i = 0; i < n / 64; i++)
		count += __builtin_popcountll(nulls[i]);
	if (n % 64)
		count += __builtin_popcountll(nulls[i] & ((UINT64CONST(1) << (n % 64)) - 1));
	return count;
}

static uint8 *
put_nulls(uint8 *p, const uint64 *nulls, uint32 n)
{
	uint32		bytes = (n + 7) / 8;

	memcpy(p, nulls, bytes);
	if (n % 8)
		p[bytes - 1] &= (uint8) ((1 << (n % 8)) - 1);
	return p + bytes;
}

/*
 * The distinct values of v in e->table and each row's entry number in
 * e->runs_value; the number of entries, 0 when there are too many.
 */
static uint32
build_table(SiEncoder *e, const uint64 *v, uint32 n)
{
	uint32		count = 0;
	uint32		i;

	memset(e->table_slot, 0, sizeof(e->table_slot));
	for (i = 0; i < n; i++)
	{
		uint32		h = (uint32) ((v[i] * UINT64CONST(0x9E3779B97F4A7C15)) >> 54);

		while (e->table_slot[h] != 0 && e->table[e->table_slot[h] - 1] != v[i])
			h = (h + 1) & 1023;
		if (e->table_slot[h] == 0)
		{
			if (count == SI_TABLE_MAX)
				return 0;
			e->table[count] = v[i];
			e->table_slot[h] = (uint16) ++count;
		}
		e->runs_value[i] = e->table_slot[h] - 1;
	}
	return count;
}

static uint8 *
put_table(SiEncoder *e, uint8 *p, uint32 count, uint32 n, int value_size)
{
	int			width = si_bits(count - 1);
	uint32		i;

	p = si_put_varint(p, count);
	for (i = 0; i < count; i++, p += value_size)
		memcpy(p, &e->table[i], value_size);
	*p++ = (uint8) width;
	return si_pack32(p, e->runs_value, n, width, 0);
}

/* -------------------------------------------------------------- integers */

/* Greatest common divisor of all v[i] - min; 1 as soon as that is certain. */
static uint64
common_scale(const int64 *v, uint32 n, int64 min)
{
	Divisor		d;
	uint64		g = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		uint64		x = (uint64) v[i] - (uint64) min;

		if (x == 0 || (g != 0 && is_multiple(&d, x)))
			continue;
		while (x != 0)
		{
			uint64		r = g % x;

			g = x;
			x = r;
		}
		if (g == 1)
			break;
		make_divisor(&d, g);
	}
	return g == 0 ? 1 : g;
}

/* What decides the encoding of a block of integers. */
typedef struct IntShape
{
	int64		min,
				max;
	int64		delta_min,
				delta_max;
	bool		delta_ok;		/* differences stay within int64 */
	uint32		nruns;
	uint64		scale;
} IntShape;

static void
measure_ints(const int64 *v, uint32 n, IntShape *s)
{
	uint32		i;

	s->min = s->max = v[0];
	for (i = 1; i < n; i++)
	{
		s->min = Min(s->min, v[i]);
		s->max = Max(s->max, v[i]);
	}
	s->delta_ok = n > 1 && (uint64) s->max - (uint64) s->min <= (uint64) PG_INT64_MAX;
	s->nruns = 1;
	s->delta_min = PG_INT64_MAX;
	s->delta_max = PG_INT64_MIN;
	if (s->delta_ok)
		for (i = 1; i < n; i++)
		{
			int64		d = v[i] - v[i - 1];

			s->nruns += d != 0;
			s->delta_min = Min(s->delta_min, d);
			s->delta_max = Max(s->delta_max, d);
		}
	else
		s->nruns = n;
	s->scale = si_bits((uint64) s->max - (uint64) s->min) > 8 ? common_scale(v, n, s->min) : 1;
}

static uint8 *
put_int_runs(SiEncoder *e, uint8 *p, const int64 *v, uint32 n, const IntShape *s, int width)
{
	uint32		r = 0;
	uint32		longest = 0;
	uint32		i = 0;
	int64	   *values = (int64 *) e->work2;

	while (i < n)
	{
		uint32		start = i;

		while (i < n && v[i] == v[start])
			i++;
		values[r] = v[start];
		e->runs_length[r] = i - start - 1;
		longest = Max(longest, i - start - 1);
		r++;
	}
	p = si_put_varint(p, r);
	p = put_stream64(p, values, r, s->min, s->scale, width, e->work);
	return put_stream32(p, e->runs_length, r, 0, si_bits(longest));
}

/* Encodes n integers (no nulls among them) at *pp in the cheapest way. */
static SiEncoding
put_ints(SiEncoder *e, uint8 **pp, const int64 *v, uint32 n, const IntShape *s)
{
	uint64		range = (uint64) s->max - (uint64) s->min;
	int			width = si_bits(range / s->scale);
	uint64		best = (uint64) n * width;
	SiEncoding	enc = SI_ENC_PACKED;
	uint64		cost;
	uint32		entries = 0;
	uint32		i;

	if (range == 0)
	{
		*pp = si_put_varint(*pp, si_zigzag(s->min));
		return SI_ENC_CONSTANT;
	}
	if (s->delta_ok)
	{
		cost = (uint64) (n - 1) * si_bits(((uint64) s->delta_max - (uint64) s->delta_min) / s->scale) + 64;
		if (cost + best / 16 < best)
		{
			best = cost;
			enc = SI_ENC_DELTA;
		}
	}
	if (s->nruns <= n / 3)
	{
		cost = (uint64) s->nruns * (width + si_bits(n / s->nruns) + 2) + 2 * STREAM_BITS;
		if (cost < best)
		{
			best = cost;
			enc = SI_ENC_RUNS;
		}
	}
	if (width > 12 && n >= 128 && best > (uint64) n * 8)
	{
		entries = build_table(e, (const uint64 *) v, n);
		cost = (uint64) entries * 64 + (uint64) n * si_bits(entries ? entries - 1 : 0);
		if (entries > 0 && cost < best)
			enc = SI_ENC_TABLE;
	}

	switch (enc)
	{
		case SI_ENC_DELTA:
			for (i = 1; i < n; i++)
				e->work2[i - 1] = (uint64) v[i] - (uint64) v[i - 1];
			*pp = si_put_varint(*pp, si_zigzag(v[0]));
			*pp = put_stream64(*pp, (const int64 *) e->work2, n - 1, s->delta_min, s->scale,
							   si_bits(((uint64) s->delta_max - (uint64) s->delta_min) / s->scale),
							   e->work);
			break;
		case SI_ENC_RUNS:
			*pp = put_int_runs(e, *pp, v, n, s, width);
			break;
		case SI_ENC_TABLE:
			*pp = put_table(e, *pp, entries, n, 8);
			break;
		default:
			*pp = put_stream64(*pp, v, n, s->min, s->scale, width, e->work);
			break;
	}
	return enc;
}

/* Sum of a block; false when it leaves int64. */
static bool
sum_ints(const int64 *v, const uint64 *nulls, uint32 n, const IntShape *s, int64 *sum)
{
	int64		total = 0;
	uint32		i;

	if (nulls == NULL && s->min > -(PG_INT64_MAX / SI_BLOCK_ROWS) && s->max < PG_INT64_MAX / SI_BLOCK_ROWS)
	{
		for (i = 0; i < n; i++)
			total += v[i];
	}
	else
		for (i = 0; i < n; i++)
			if (!(nulls && si_bit_get(nulls, i)) && __builtin_add_overflow(total, v[i], &total))
				return false;
	*sum = total;
	return true;
}

SiEncoding
si_encode_ints(SiBuf *out, SiEncoder *e, const int64 *v, const uint64 *nulls, uint32 n,
			   bool want_sum, SiColumnStats *st)
{
	uint32		null_count = count_nulls(nulls, n);
	uint8		flags = 0;
	uint8	   *p = e->payload;
	const int64 *values = v;
	IntShape	shape;
	SiEncoding	enc;

	memset(st, 0, sizeof(*st));
	st->null_count = null_count;
	if (null_count == n)
	{
		finish_block(out, SI_ENC_NULL, 0, e, 0);
		return SI_ENC_NULL;
	}
	if (null_count > 0)
	{
		int64		last = 0;
		uint32		i = 0;

		/* a null repeats its neighbour: that never widens a range */
		while (si_bit_get(nulls, i))
			i++;
		last = v[i];
		for (i = 0; i < n; i++)
			e->filled[i] = last = si_bit_get(nulls, i) ? last : v[i];
		values = e->filled;
		flags |= SI_BLOCK_NULLS;
		p = put_nulls(p, nulls, n);
	}
	measure_ints(values, n, &shape);
	st->has_minmax = true;
	st->min.i = shape.min;
	st->max.i = shape.max;
	if (want_sum)
		st->has_sum = sum_ints(v, null_count ? nulls : NULL, n, &shape, &st->sum.i);
	enc = put_ints(e, &p, values, n, &shape);
	finish_block(out, enc, flags, e, p - e->payload);
	return enc;
}

/* ---------------------------------------------------------------- floats */

static const double powers_of_ten[SI_DECIMAL_MAX + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15
};

/* Is x exactly m / power for an integer m of 53 bits? */
static inline bool
decimal_of(double x, bool is_double, double power, int64 *m)
{
	double		scaled = x * power;
	double		back;
	float		narrow;
	float		narrow_back;

	if (!(fabs(scaled) < 9007199254740992.0))
		return false;
	*m = (int64) rint(scaled);
	back = (double) *m / power;
	if (is_double)
		return memcmp(&back, &x, sizeof(x)) == 0;
	narrow = (float) x;
	narrow_back = (float) back;
	return memcmp(&narrow, &narrow_back, sizeof(narrow)) == 0;
}

/* Finds an exponent under which all of v are integers; they go to m. */
static int
find_decimal(const double *v, bool is_double, uint32 n, int64 *m)
{
	int			e = 0;
	uint32		settled = 0;	/* values before it were tried with a smaller e */
	uint32		i;

	for (i = 0; i < n; i++)
		while (!decimal_of(v[i], is_double, powers_of_ten[e], &m[i]))
		{
			if (++e > SI_DECIMAL_MAX)
				return -1;
			settled = i;
		}
	for (i = 0; i < settled; i++)
		if (!decimal_of(v[i], is_double, powers_of_ten[e], &m[i]))
			return -1;
	return e;
}

static void
measure_floats(const double *v, const uint64 *nulls, uint32 n, SiColumnStats *st)
{
	double		sum = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		if (nulls && si_bit_get(nulls, i))
			continue;
		if (!st->has_minmax)
		{
			st->min.d = st->max.d = v[i];
			st->has_minmax = st->has_sum = true;
		}
		if (si_double_less(v[i], st->min.d))
			st->min.d = v[i];
		if (si_double_less(st->max.d, v[i]))
			st->max.d = v[i];
		sum += v[i];
	}
	st->sum.d = sum;
}

/* The bits of a value as the table encoding stores them. */
static inline uint64
float_bits(double v, bool is_double)
{
	uint64		bits = 0;
	float		narrow = (float) v;

	if (is_double)
		memcpy(&bits, &v, sizeof(v));
	else
		memcpy(&bits, &narrow, sizeof(narrow));
	return bits;
}

static SiEncoding
put_floats(SiEncoder *e, uint8 **pp, const double *v, bool is_double, uint32 n)
{
	int			size = is_double ? 8 : 4;
	uint64		first = float_bits(v[0], is_double);
	int			exponent;
	uint32		entries;
	uint32		i;

	for (i = 0; i < n; i++)
		e->work[i] = float_bits(v[i], is_double);
	for (i = 1; i < n && e->work[i] == first; i++)
		;
	if (i == n)
	{
		memcpy(*pp, &first, size);
		*pp += size;
		return SI_ENC_CONSTANT;
	}

	entries = n >= 128 ? build_table(e, e->work, n) : 0;
	exponent = find_decimal(v, is_double, n, (int64 *) e->work2);
	if (exponent >= 0)
	{
		const int64 *m = (const int64 *) e->work2;
		IntShape	shape;
		int			width;

		measure_ints(m, n, &shape);
		width = si_bits(((uint64) shape.max - (uint64) shape.min) / shape.scale);
		if (width < size * 8 - 4 &&
			(entries == 0 || width <= si_bits(entries - 1) + (int) (entries * size * 8 / n)))
		{
			*(*pp)++ = (uint8) exponent;
			*pp = put_stream64(*pp, m, n, shape.min, shape.scale, width, e->work);
			return SI_ENC_DECIMAL;
		}
	}
	if (entries > 0)
	{
		*pp = put_table(e, *pp, entries, n, size);
		return SI_ENC_TABLE;
	}
	for (i = 0; i < n; i++, *pp += size)
		memcpy(*pp, &e->work[i], size);
	return SI_ENC_PLAIN;
}

SiEncoding
si_encode_floats(SiBuf *out, SiEncoder *e, const void *v, bool is_double, const uint64 *nulls,
				 uint32 n, SiColumnStats *st)
{
	uint32		null_count = count_nulls(nulls, n);
	double	   *values = (double *) e->filled;
	uint8	   *p = e->payload;
	uint8		flags = 0;
	SiEncoding	enc;
	uint32		i;

	memset(st, 0, sizeof(*st));
	st->null_count = null_count;
	if (null_count == n)
	{
		finish_block(out, SI_ENC_NULL, 0, e, 0);
		return SI_ENC_NULL;
	}
	for (i = 0; i < n; i++)
		values[i] = is_double ? ((const double *) v)[i] : (double) ((const float *) v)[i];
	measure_floats(values, null_count ? nulls : NULL, n, st);
	if (null_count > 0)
	{
		double		last;

		for (i = 0; si_bit_get(nulls, i); i++)
			;
		last = values[i];
		for (i = 0; i < n; i++)
			values[i] = last = si_bit_get(nulls, i) ? last : values[i];
		flags |= SI_BLOCK_NULLS;
		p = put_nulls(p, nulls, n);
	}
	enc = put_floats(e, &p, values, is_double, n);
	finish_block(out, enc, flags, e, p - e->payload);
	return enc;
}
