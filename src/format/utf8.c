/*
 * utf8.c
 *		Text of messages as valid UTF-8: see utf8.h.
 */
#include "common/port.h"

#include "format/utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/*
 * Length of the character at p; what is no character is negative: the length
 * of the bytes that could have begun one.
 */
static int
character_length(const unsigned char *p, const unsigned char *end)
{
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	int			need;

	if (*p < 0x80)
		return 1;
	if (*p < 0xC2 || *p > 0xF4)
		return -1;
	need = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : 1;
	if (*p == 0xE0)
		low = 0xA0;
	else if (*p == 0xED)
		high = 0x9F;
	else if (*p == 0xF0)
		low = 0x90;
	else if (*p == 0xF4)
		high = 0x8F;
	for (int i = 1; i <= need; i++)
	{
		if (p + i == end || p[i] < low || p[i] > high)
			return -i;
		low = 0x80;
		high = 0xBF;
	}
	return need + 1;
}

const char *
si_utf8_clean(SiScratch *scratch, const char *text, size_t *len)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + *len;
	char	   *copy;
	char	   *out;

	if (SI_LIKELY(si_utf8_valid(text, *len)))
		return text;
	copy = out = si_scratch_alloc(scratch, *len * 3);
	if (copy == NULL)
		return NULL;
	while (p < end)
	{
		int			n = character_length(p, end);

		if (n > 0)
		{
			memcpy(out, p, n);
			out += n;
			p += n;
		}
		else
		{
			memcpy(out, REPLACEMENT, 3);
			out += 3;
			p -= n;
		}
	}
	*len = out - copy;
	si_scratch_trim(scratch, copy, *len);
	return copy;
}

void
si_utf8_repair(char *text)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + strlen(text);
	char	   *out = text;

	while (p < end)
	{
		int			n = character_length(p, end);

		if (n > 0)
		{
			memmove(out, p, n);
			out += n;
		}
		p += abs(n);
	}
	*out = '\0';
}

uint32
si_utf8_java_hash(const char *text, size_t len)
{
	uint32		h = 0;
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + len;

	while (p < end)
	{
		uint32		c = *p;
		int			more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : 0;

		if (more > 0)
			c &= 0x3F >> more;
		for (p++; more > 0 && p < end; more--)
			c = c << 6 | (*p++ & 0x3F);
		/* two units of UTF-16 */
		if (c >= 0x10000)
		{
			h = h * 31 + 0xD7C0 + (c >> 10);
			c = 0xDC00 | (c & 0x3FF);
		}
		h = h * 31 + c;
	}
	return h;
}
