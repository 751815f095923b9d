/*
 * inspect.c
 *		Where the bytes of a column are, for those who look.
 */
#include "common/port.h"

#include "segment/segment_int.h"

void
si_segment_parts(const SiSegment *seg, int col, SiColumnParts *parts)
{
	const SiSegColumn *c = &seg->columns[col];

	parts->dictionary = c->dict_len;
	parts->blocks = c->data_len;
	parts->index = c->index_len;
	parts->bitmaps = c->bitmap_len;
}

bool
si_segment_block_form(SiSegment *seg, int col, int block, uint64 *bytes, const char **encoding,
					  SiSegmentError *err)
{
	SiSegColumn *c = &seg->columns[col];
	uint64		offset = c->data_offset;
	const uint8 *data;

	*bytes = c->data_len;
	if (seg->nblocks > 1)
	{
		if (!si_seg_load_index(seg, c, err))
			return false;
		offset = c->block_offset[block];
		*bytes = c->block_offset[block + 1] - offset;
	}
	/* a block begins with the number of its encoding */
	data = si_seg_fetch(seg, offset, 1, err);
	if (data == NULL)
		return false;
	*encoding = si_encoding_name(data[0]);
	return true;
}
