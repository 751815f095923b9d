/*
 * like.c
 *		SQL's LIKE, as Druid's filters and expressions have it.
 */
#include "common/port.h"

#include "expr/expr_int.h"
#include "format/utf8.h"

/* Bytes of the character at p. */
static size_t
char_len(const char *p, const char *end)
{
	int			len = si_utf8_length(p);

	return Min(len, end - p);
}

/*
 * Whether the whole text matches: % is any text, _ one character; the escape
 * character (0: none; ASCII only) takes the next one literally.  A mismatch
 * goes back to the last %, which is enough since what is before it fits.
 */
bool
si_like(const char *text, size_t len, const char *pattern, size_t pattern_len, int escape)
{
	const char *end = text + len;
	const char *p = pattern;
	const char *p_end = pattern + pattern_len;
	const char *retry_text = NULL;
	const char *retry_pattern = NULL;

	for (;;)
	{
		const char *literal = p;
		bool		plain = false;

		if (p < p_end && escape != 0 && *p == escape && p + 1 < p_end)
		{
			literal = p + 1;
			plain = true;
		}
		if (p < p_end && !plain && *p == '%')
		{
			retry_pattern = ++p;
			retry_text = text;
			continue;
		}
		if (p < p_end && text < end)
		{
			if (!plain && *p == '_')
			{
				text += char_len(text, end);
				p++;
				continue;
			}
			if (*literal == *text)
			{
				text++;
				p = literal + 1;
				continue;
			}
		}
		else if (p == p_end && text == end)
			return true;
		if (retry_pattern == NULL || retry_text == end)
			return false;
		retry_text += char_len(retry_text, end);
		text = retry_text;
		p = retry_pattern;
	}
}
