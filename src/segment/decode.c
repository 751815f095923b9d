/*
 * decode.c
 *		Decoding one block.  The bytes are hostile: every length, width and
 *		count is checked before it is used, and whatever passes the checks
 *		cannot write outside out or read outside the block.
 *
 * Does not know columns or files.
 */
#include "common/port.h"


#include "segment/segment_int.h"

/* A packed stream whose bits are known to be there. */
typedef struct Stream
{
	int64		base;
	uint64		scale;
	int			width;
	const uint8 *bits;
} Stream;

static const double powers_of_ten[SI_DECIMAL_MAX + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15
};

static const char *const encoding_names[SI_ENC_COUNT] = {
	"null", "constant", "packed", "delta", "runs", "table", "plain", "decimal"
};

/* Name of an encoding, for inspection. */
const char *
si_encoding_name(int enc)
{
	return enc >= 0 && enc < SI_ENC_COUNT ? encoding_names[enc] : "unknown";
}

static bool
bad(const char **why, const char *text)
{
	*why = text;
	return false;
}

/* Checks CRC and head, decompresses; c is then at the start of the payload. */
static bool
open_block(SiDecoder *d, const uint8 *data, size_t len, int *enc, uint8 *flags, SiCursor *c,
		   const char **why)
{
	if (len < SI_BLOCK_HEAD + SI_CRC_SIZE)
		return bad(why, "block too short");
	if (!si_crc_ok(data, len))
		return bad(why, "wrong checksum of a block");
	*enc = data[0];
	*flags = data[1];
	if (*enc >= SI_ENC_COUNT)
		return bad(why, "unknown block encoding");
	if (*flags & ~(SI_BLOCK_COMPRESSED | SI_BLOCK_NULLS) ||
		(*flags & SI_BLOCK_COMPRESSED) == SI_BLOCK_COMPRESSED)
		return bad(why, "unknown block flags");
	c->bad = false;
	if (*flags & SI_BLOCK_COMPRESSED)
	{
		uint32		raw;
		size_t		stored;

		if (len < SI_BLOCK_HEAD_RAW + SI_CRC_SIZE)
			return bad(why, "block too short");
		raw = si_load32(data + SI_BLOCK_HEAD);
		stored = len - SI_BLOCK_HEAD_RAW - SI_CRC_SIZE;
		if (raw > SI_MAX_PAYLOAD || stored > SI_MAX_PAYLOAD)
			return bad(why, "block too long");
		if (!si_decompress(*flags & SI_BLOCK_ZSTD ? SI_CODEC_ZSTD : SI_CODEC_LZ4, data + SI_BLOCK_HEAD_RAW,
						   stored, d->payload, raw))
			return bad(why, "compressed block is corrupt");
		c->p = d->payload;
		c->end = d->payload + raw;
	}
	else
	{
		c->p = data + SI_BLOCK_HEAD;
		c->end = data + len - SI_CRC_SIZE;
	}
	return true;
}

/* The payload must be used up exactly. */
static bool
close_block(const SiCursor *c, const char **why)
{
	if (c->bad)
		return bad(why, "block ends early");
	if (c->p != c->end)
		return bad(why, "block has bytes left over");
	return true;
}

static bool
read_stream(SiCursor *c, uint32 n, Stream *s, const char **why)
{
	s->base = si_unzigzag(si_cur_varint(c));
	s->scale = si_cur_varint(c);
	s->width = si_cur_u8(c);
	if (s->width > 64)
		return bad(why, "bit width above 64");
	s->bits = si_cur_bytes(c, si_packed_bytes(n, s->width));
	if (s->bits == NULL || c->bad)
		return bad(why, "block ends early");
	return true;
}

/* ----------------------------------------------------------------- codes */

static bool
read_codes(SiCursor *c, uint32 n, uint32 max_code, uint32 *out, const char **why)
{
	Stream		s;
	uint32		limit;
	uint32		largest = 0;
	uint32		base;
	uint32		i;

	if (!read_stream(c, n, &s, why))
		return false;
	if (s.base < 0 || s.base > (int64) max_code || s.scale != 1 || s.width > 32)
		return bad(why, "code out of range");
	base = (uint32) s.base;
	limit = max_code - base;
	if (((UINT64CONST(1) << s.width) - 1) <= limit)
	{
		si_unpack32(s.bits, out, n, s.width, base);
		return true;
	}
	si_unpack32(s.bits, out, n, s.width, 0);
	for (i = 0; i < n; i++)
		largest = Max(largest, out[i]);
	if (largest > limit)
		return bad(why, "code beyond the dictionary");
	for (i = 0; i < n; i++)
		out[i] += base;
	return true;
}

/* Run lengths into d->work32; their sum must be n. */
static bool
read_run_lengths(SiDecoder *d, SiCursor *c, uint32 nruns, uint32 n, const char **why)
{
	uint64		total = nruns;
	uint32		i;

	if (!read_codes(c, nruns, SI_BLOCK_ROWS - 1, d->work32, why))
		return false;
	for (i = 0; i < nruns; i++)
		total += d->work32[i];
	if (total != n)
		return bad(why, "runs do not add up to the block");
	return true;
}

static bool
read_code_runs(SiDecoder *d, SiCursor *c, uint32 n, uint32 max_code, uint32 *out, const char **why)
{
	uint64		nruns = si_cur_varint(c);
	uint32	   *values = (uint32 *) d->work;
	uint32		pos = 0;
	uint32		i;

	if (nruns == 0 || nruns > n)
		return bad(why, "number of runs out of range");
	if (!read_codes(c, (uint32) nruns, max_code, values, why) ||
		!read_run_lengths(d, c, (uint32) nruns, n, why))
		return false;
	for (i = 0; i < nruns; i++)
	{
		uint32		end = pos + d->work32[i] + 1;

		while (pos < end)
			out[pos++] = values[i];
	}
	return true;
}

bool
si_decode_codes(SiDecoder *d, const uint8 *data, size_t len, uint32 n, uint32 max_code,
				uint32 *out, const char **why)
{
	int			enc;
	uint8		flags;
	SiCursor	c;
	int64		value;
	uint32		i;

	if (!open_block(d, data, len, &enc, &flags, &c, why))
		return false;
	if (flags & SI_BLOCK_NULLS)
		return bad(why, "null bitmap in a block of codes");
	switch (enc)
	{
		case SI_ENC_CONSTANT:
			value = si_unzigzag(si_cur_varint(&c));
			if (value < 0 || value > (int64) max_code)
				return bad(why, "code beyond the dictionary");
			for (i = 0; i < n; i++)
				out[i] = (uint32) value;
			break;
		case SI_ENC_PACKED:
			if (!read_codes(&c, n, max_code, out, why))
				return false;
			break;
		case SI_ENC_RUNS:
			if (!read_code_runs(d, &c, n, max_code, out, why))
				return false;
			break;
		default:
			return bad(why, "encoding not allowed for codes");
	}
	return close_block(&c, why);
}

/* -------------------------------------------------------------- integers */

static bool
read_ints(SiCursor *c, uint32 n, uint64 *out, const char **why)
{
	Stream		s;
	uint64		base;
	uint64		scale;
	uint32		i;

	if (!read_stream(c, n, &s, why))
		return false;
	si_unpack64(s.bits, out, n, s.width);
	base = (uint64) s.base;
	scale = s.scale;
	if (scale == 1)
		for (i = 0; i < n; i++)
			out[i] += base;
	else
		for (i = 0; i < n; i++)
			out[i] = base + scale * out[i];
	return true;
}

static bool
read_int_delta(SiCursor *c, uint32 n, uint64 *out, const char **why)
{
	uint64		value = (uint64) si_unzigzag(si_cur_varint(c));
	uint32		i;

	out[0] = value;
	if (n > 1 && !read_ints(c, n - 1, out + 1, why))
		return false;
	for (i = 1; i < n; i++)
		out[i] = value = value + out[i];
	return true;
}

static bool
read_int_runs(SiDecoder *d, SiCursor *c, uint32 n, uint64 *out, const char **why)
{
	uint64		nruns = si_cur_varint(c);
	uint32		pos = 0;
	uint32		i;

	if (nruns == 0 || nruns > n)
		return bad(why, "number of runs out of range");
	if (!read_ints(c, (uint32) nruns, d->work, why) ||
		!read_run_lengths(d, c, (uint32) nruns, n, why))
		return false;
	for (i = 0; i < nruns; i++)
	{
		uint32		end = pos + d->work32[i] + 1;

		while (pos < end)
			out[pos++] = d->work[i];
	}
	return true;
}

/* Values of 4 or 8 bytes through a table; out is an array of such values. */
static bool
read_table(SiDecoder *d, SiCursor *c, uint32 n, int size, void *out, const char **why)
{
	uint64		count = si_cur_varint(c);
	const uint8 *table;
	const uint8 *bits;
	int			width;
	uint32		i;

	if (count == 0 || count > SI_TABLE_MAX)
		return bad(why, "table size out of range");
	table = si_cur_bytes(c, count * size);
	width = si_cur_u8(c);
	if (width > 8)
		return bad(why, "table entry number too wide");
	bits = si_cur_bytes(c, si_packed_bytes(n, width));
	if (bits == NULL)
		return bad(why, "block ends early");
	si_unpack32(bits, d->work32, n, width, 0);
	for (i = 0; i < n; i++)
	{
		uint32		entry = d->work32[i];

		if (SI_UNLIKELY(entry >= count))
			return bad(why, "value beyond the table");
		if (size == 8)
			memcpy((uint64 *) out + i, table + entry * 8, 8);
		else
			memcpy((uint32 *) out + i, table + entry * 4, 4);
	}
	return true;
}

static bool
read_plain(SiCursor *c, uint32 n, int size, void *out, const char **why)
{
	const uint8 *p = si_cur_bytes(c, (uint64) n * size);

	if (p == NULL)
		return bad(why, "block ends early");
	memcpy(out, p, (size_t) n * size);
	return true;
}

static bool
decode_ints(SiDecoder *d, int enc, SiCursor *c, uint32 n, uint64 *out, const char **why)
{
	uint64		value;
	uint32		i;

	switch (enc)
	{
		case SI_ENC_CONSTANT:
			value = (uint64) si_unzigzag(si_cur_varint(c));
			for (i = 0; i < n; i++)
				out[i] = value;
			return true;
		case SI_ENC_PACKED:
			return read_ints(c, n, out, why);
		case SI_ENC_DELTA:
			return read_int_delta(c, n, out, why);
		case SI_ENC_RUNS:
			return read_int_runs(d, c, n, out, why);
		case SI_ENC_TABLE:
			return read_table(d, c, n, 8, out, why);
		case SI_ENC_PLAIN:
			return read_plain(c, n, 8, out, why);
		default:
			return bad(why, "encoding not allowed for integers");
	}
}

/* ---------------------------------------------------------------- floats */

static bool
read_decimal(SiDecoder *d, SiCursor *c, uint32 n, bool is_double, void *out, const char **why)
{
	int			exponent = si_cur_u8(c);
	const int64 *m = (const int64 *) d->work;
	double		power;
	uint32		i;

	if (exponent > SI_DECIMAL_MAX)
		return bad(why, "decimal exponent out of range");
	if (!read_ints(c, n, d->work, why))
		return false;
	power = powers_of_ten[exponent];
	if (is_double)
		for (i = 0; i < n; i++)
			((double *) out)[i] = (double) m[i] / power;
	else
		for (i = 0; i < n; i++)
			((float *) out)[i] = (float) ((double) m[i] / power);
	return true;
}

static bool
decode_floats(SiDecoder *d, int enc, SiCursor *c, uint32 n, bool is_double, void *out,
			  const char **why)
{
	int			size = is_double ? 8 : 4;
	const uint8 *value;
	uint32		i;

	switch (enc)
	{
		case SI_ENC_CONSTANT:
			value = si_cur_bytes(c, size);
			if (value == NULL)
				return bad(why, "block ends early");
			for (i = 0; i < n; i++)
				memcpy((char *) out + (size_t) i * size, value, size);
			return true;
		case SI_ENC_TABLE:
			return read_table(d, c, n, size, out, why);
		case SI_ENC_PLAIN:
			return read_plain(c, n, size, out, why);
		case SI_ENC_DECIMAL:
			return read_decimal(d, c, n, is_double, out, why);
		default:
			return bad(why, "encoding not allowed for floats");
	}
}

/* ---------------------------------------------------------------- values */

/* Copies the null bitmap from the payload into whole words. */
static bool
read_nulls(SiCursor *c, uint32 n, uint64 *nulls, const char **why)
{
	uint32		bytes = (n + 7) / 8;
	const uint8 *p = si_cur_bytes(c, bytes);

	if (p == NULL)
		return bad(why, "block ends early");
	if (n % 8 && (p[bytes - 1] >> (n % 8)) != 0)
		return bad(why, "null bitmap reaches beyond the block");
	memcpy(nulls, p, bytes);
	return true;
}

/* Null positions of out become 0. */
static void
clear_nulls(const uint64 *nulls, int size, void *out)
{
	int			w;

	for (w = 0; w < SI_NULL_WORDS; w++)
	{
		uint64		bits = nulls[w];

		while (bits != 0)
		{
			size_t		i = (size_t) w * 64 + __builtin_ctzll(bits);

			memset((char *) out + i * size, 0, size);
			bits &= bits - 1;
		}
	}
}

bool
si_decode_values(SiDecoder *d, const uint8 *data, size_t len, uint32 n, SiType type,
				 void *out, uint64 *nulls, const char **why)
{
	int			size = type == SI_TYPE_FLOAT ? 4 : 8;
	uint64		own_nulls[SI_NULL_WORDS];
	int			enc;
	uint8		flags;
	SiCursor	c;
	bool		ok;

	if (!open_block(d, data, len, &enc, &flags, &c, why))
		return false;
	if (nulls == NULL)
		nulls = own_nulls;
	memset(nulls, 0, SI_NULL_BYTES);
	if (enc == SI_ENC_NULL)
	{
		uint32		i;

		if (flags & SI_BLOCK_NULLS)
			return bad(why, "null bitmap in a block of nulls");
		memset(out, 0, (size_t) n * size);
		for (i = 0; i < n / 64; i++)
			nulls[i] = ~UINT64CONST(0);
		if (n % 64)
			nulls[i] = (UINT64CONST(1) << (n % 64)) - 1;
		return close_block(&c, why);
	}
	if ((flags & SI_BLOCK_NULLS) && !read_nulls(&c, n, nulls, why))
		return false;
	if (type == SI_TYPE_FLOAT || type == SI_TYPE_DOUBLE)
		ok = decode_floats(d, enc, &c, n, type == SI_TYPE_DOUBLE, out, why);
	else
		ok = decode_ints(d, enc, &c, n, out, why);
	if (!ok)
		return false;
	if (flags & SI_BLOCK_NULLS)
		clear_nulls(nulls, size, out);
	return close_block(&c, why);
}
