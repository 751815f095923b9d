/*
 * directory.c
 *		The column directory in the footer: writing an entry, parsing and
 *		checking all of them.  Works out where every section lies; reads none.
 */
#include "common/port.h"

#include "segment/segment_int.h"

/* A directory entry has at least this many bytes (see FORMAT.md, 5). */
#define MIN_ENTRY	10

void
si_directory_put(SiBuf *out, const SiSegColumn *col)
{
	const SiColumnInfo *info = &col->info;
	const SiColumnStats *st = &info->stats;
	size_t		name_len = strlen(info->desc.name);
	uint8		flags = 0;

	if (info->desc.multi_value)
		flags |= SI_COL_MULTI;
	if (info->desc.json)
		flags |= SI_COL_JSON;
	if (info->dict_sorted)
		flags |= SI_COL_SORTED;
	if (info->has_bitmaps)
		flags |= SI_COL_BITMAPS;
	if (st->has_minmax)
		flags |= SI_COL_MINMAX;
	if (st->has_sum)
		flags |= SI_COL_SUM;

	si_buf_varint(out, name_len);
	si_buf_put(out, info->desc.name, name_len + 1);
	si_buf_u8(out, (uint8) info->desc.type);
	si_buf_u8(out, (uint8) info->desc.role);
	si_buf_u8(out, (uint8) info->desc.agg);
	si_buf_u8(out, flags);
	si_buf_u8(out, col->encoding);
	si_buf_varint(out, st->null_count);
	if (si_is_float(info->desc.type))
	{
		if (st->has_minmax)
		{
			si_buf_put(out, &st->min.d, 8);
			si_buf_put(out, &st->max.d, 8);
		}
		if (st->has_sum)
			si_buf_put(out, &st->sum.d, 8);
	}
	else
	{
		if (st->has_minmax)
		{
			si_buf_varint(out, si_zigzag(st->min.i));
			si_buf_varint(out, (uint64) st->max.i - (uint64) st->min.i);
		}
		if (st->has_sum)
			si_buf_varint(out, si_zigzag(st->sum.i));
	}
	si_buf_varint(out, col->data_len);
	if (info->desc.type == SI_TYPE_STRING)
	{
		si_buf_varint(out, info->distinct);
		si_buf_varint(out, col->raw_bytes);
		si_buf_varint(out, col->dict_len);
	}
	if (info->has_bitmaps)
	{
		si_buf_varint(out, col->ngroups);
		si_buf_varint(out, col->bitmap_len);
	}
}

/* --------------------------------------------------------------- parsing */

bool
si_times_in_place(const SiColumnDesc *times, const SiColumnDesc *before)
{
	return times->type == SI_TYPE_LONG && times->agg == SI_AGG_NONE &&
		before->role == SI_ROLE_METRIC && SI_AGG_BY_TIME(before->agg) &&
		strcmp(times->name, before->name) == 0;
}

/* Name, type, role and flags; why when something is not allowed. */
static const char *
parse_desc(SiCursor *c, int number, SiSegColumn *col, uint8 *flags)
{
	SiColumnInfo *info = &col->info;
	uint64		name_len = si_cur_varint(c);
	const uint8 *name;
	uint8		type,
				role,
				agg;

	if (name_len == 0 || name_len > SI_MAX_NAME)
		return "length of the column name out of range";
	name = si_cur_bytes(c, name_len + 1);
	if (name == NULL)
		return "entry ends early";
	if (name[name_len] != 0 || memchr(name, 0, name_len) != NULL)
		return "column name with a zero byte";
	type = si_cur_u8(c);
	role = si_cur_u8(c);
	agg = si_cur_u8(c);
	*flags = si_cur_u8(c);
	col->encoding = si_cur_u8(c);
	if (type < SI_TYPE_TIME || type > SI_TYPE_DOUBLE)
		return "unknown column type";
	if (role < SI_ROLE_TIME || role > SI_ROLE_TIMES || agg > SI_AGG_ANY)
		return "unknown column role";
	if ((*flags & ~SI_COL_ALL) || col->encoding >= SI_ENC_COUNT)
		return "unknown column flags";
	if (type != SI_TYPE_STRING && (*flags & (SI_COL_MULTI | SI_COL_SORTED | SI_COL_BITMAPS | SI_COL_JSON)))
		return "flags of a string column on another";
	if ((type == SI_TYPE_STRING || type == SI_TYPE_TIME) && (*flags & SI_COL_SUM))
		return "sum of a column that has none";
	if ((number == 0) != (type == SI_TYPE_TIME) || (number == 0) != (role == SI_ROLE_TIME) ||
		(number == 0) != (strcmp((const char *) name, SI_TIME_COLUMN) == 0))
		return "time column out of place";

	info->desc.name = (const char *) name;
	info->desc.type = (SiType) type;
	info->desc.role = (SiRole) role;
	info->desc.agg = (SiAgg) agg;
	info->desc.multi_value = (*flags & SI_COL_MULTI) != 0;
	if (role == SI_ROLE_TIMES && !si_times_in_place(&info->desc, &col[-1].info.desc))
		return "times without their metric";
	info->desc.json = (*flags & SI_COL_JSON) != 0;
	info->dict_sorted = (*flags & SI_COL_SORTED) != 0;
	info->has_bitmaps = (*flags & SI_COL_BITMAPS) != 0;
	info->encoding = si_encoding_name(col->encoding);
	return NULL;
}

static double
cur_double(SiCursor *c)
{
	const uint8 *p = si_cur_bytes(c, 8);
	double		v = 0;

	if (p)
		memcpy(&v, p, 8);
	return v;
}

static const char *
parse_stats(SiCursor *c, uint32 nrows, SiColumnInfo *info, uint8 flags)
{
	SiColumnStats *st = &info->stats;
	uint64		nulls = si_cur_varint(c);

	if (nulls > nrows || (info->desc.type == SI_TYPE_TIME && nulls > 0))
		return "number of nulls out of range";
	st->null_count = (uint32) nulls;
	st->has_minmax = (flags & SI_COL_MINMAX) != 0;
	st->has_sum = (flags & SI_COL_SUM) != 0;
	if (info->desc.type == SI_TYPE_STRING)
	{
		if (st->has_minmax && (nulls == nrows || !info->dict_sorted))
			return "min and max of a column that has none";
	}
	else if (st->has_minmax != (nulls < nrows) || (st->has_sum && nulls == nrows))
		return "min and max do not fit the number of nulls";

	if (si_is_float(info->desc.type))
	{
		if (st->has_minmax)
		{
			st->min.d = cur_double(c);
			st->max.d = cur_double(c);
		}
		if (st->has_sum)
			st->sum.d = cur_double(c);
		return NULL;
	}
	if (st->has_minmax)
	{
		uint64		range;

		st->min.i = si_unzigzag(si_cur_varint(c));
		range = si_cur_varint(c);
		if (range > (uint64) PG_INT64_MAX - (uint64) st->min.i)
			return "max out of range";
		st->max.i = (int64) ((uint64) st->min.i + range);
	}
	if (st->has_sum)
		st->sum.i = si_unzigzag(si_cur_varint(c));
	return NULL;
}

/* A section of len bytes at *offset; false when it reaches beyond end. */
static bool
place(uint64 *offset, uint64 end, uint64 len, uint64 *at)
{
	if (len > end - *offset)
		return false;
	*at = *offset;
	*offset += len;
	return true;
}

static const char *
parse_string_lengths(SiCursor *c, SiSegColumn *col, uint64 end)
{
	SiColumnInfo *info = &col->info;
	uint64		count = si_cur_varint(c);

	col->raw_bytes = si_cur_varint(c);
	col->dict_len = si_cur_varint(c);
	if (count >= PG_UINT32_MAX || col->dict_len > end || col->raw_bytes > SI_MAX_DICT_BYTES ||
		col->raw_bytes > col->dict_len * 256)
		return "size of the dictionary out of range";
	/* entries are distinct, so that at most one of them is empty */
	if (count > col->raw_bytes + 1 || (count == 0 && col->dict_len > 0) ||
		(count > 0 && col->dict_len == 0))
		return "number of dictionary entries out of range";
	info->distinct = (uint32) count;
	if (info->stats.has_minmax && (info->stats.min.i < 1 || info->stats.max.i > (int64) count))
		return "min or max code out of range";
	return NULL;
}

/* The sections' lengths, and from them where each begins. */
static const char *
parse_sections(SiCursor *c, SiSegment *seg, SiSegColumn *col, uint64 *offset, uint64 end)
{
	SiColumnInfo *info = &col->info;
	uint64		first = *offset;
	uint64		groups = 0;
	const char *why;

	col->data_len = si_cur_varint(c);
	if (info->desc.type == SI_TYPE_STRING && (why = parse_string_lengths(c, col, end)) != NULL)
		return why;
	if (info->has_bitmaps)
	{
		groups = si_cur_varint(c);
		col->bitmap_len = si_cur_varint(c);
		if (groups == 0 || groups > PG_UINT32_MAX || col->bitmap_len > end ||
			groups * SI_GROUP_RECORD + SI_CRC_SIZE > col->bitmap_len)
			return "size of the bitmaps out of range";
		col->ngroups = (uint32) groups;
	}
	if (c->bad)
		return "entry ends early";
	if (seg->nblocks > 1)
		col->index_len = (uint64) seg->nblocks * SI_INDEX_RECORD + SI_CRC_SIZE;
	if ((seg->nblocks == 0 && col->data_len != 0) ||
		(seg->nblocks == 1 && col->data_len > SI_MAX_BLOCK))
		return "length of the blocks out of range";
	if (!place(offset, end, col->dict_len, &col->dict_offset) ||
		!place(offset, end, col->data_len, &col->data_offset) ||
		!place(offset, end, col->index_len, &col->index_offset) ||
		!place(offset, end, col->bitmap_len, &col->bitmap_offset))
		return "column reaches beyond the end of the data";
	info->bytes = *offset - first;
	return NULL;
}

/*
 * Parses the directory, whose bytes must outlive the segment; offset is
 * where it lies in the file, for errors and as the end of the data.
 */
bool
si_directory_parse(SiSegment *seg, const uint8 *data, uint64 len, uint64 offset, SiSegmentError *err)
{
	SiCursor	c = {data, data + len, false};
	uint64		at = SI_HEADER_SIZE;
	int			i;

	if ((uint64) seg->ncolumns * MIN_ENTRY > len)
		return si_fail(err, offset, "footer too short for %d columns", seg->ncolumns);
	seg->columns = si_seg_alloc(seg, sizeof(SiSegColumn) * seg->ncolumns);
	memset(seg->columns, 0, sizeof(SiSegColumn) * seg->ncolumns);
	for (i = 0; i < seg->ncolumns; i++)
	{
		SiSegColumn *col = &seg->columns[i];
		uint64		entry = offset + (c.p - data);
		uint8		flags;
		const char *why;

		why = parse_desc(&c, i, col, &flags);
		if (why == NULL)
			why = parse_stats(&c, seg->nrows, &col->info, flags);
		if (why == NULL)
			why = parse_sections(&c, seg, col, &at, offset);
		if (why != NULL)
			return si_fail(err, entry, "directory entry of column %d: %s", i, why);
	}
	if (c.p != c.end)
		return si_fail(err, offset + (c.p - data), "footer has bytes left over");
	if (at != offset)
		return si_fail(err, at, "columns end before the footer begins");
	return true;
}
