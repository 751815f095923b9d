/*
 * reason.c
 *		Messages about data, see reason.h.  Allocates nothing, never throws, and
 *		may therefore be called from a C++ frame.
 */
#include "common/port.h"

#include "format/reason.h"

#define MAX_SHOWN 200

/* Length without a character that is not complete at the end. */
static size_t
whole_characters(const char *text, size_t len)
{
	size_t		start = len;
	unsigned char lead;
	size_t		need;

	while (start > 0 && len - start < 4 && ((unsigned char) text[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0)
		return len;
	lead = (unsigned char) text[start - 1];
	need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
	return (len - start + 1 < need) ? start - 1 : len;
}

void
si_format_trim(char *text)
{
	text[whole_characters(text, strlen(text))] = '\0';
}

void
si_format_copy(char *to, const char *text, size_t size)
{
	strlcpy(to, text, size);
	si_format_trim(to);
}

int
si_format_clip(const char *text, size_t len)
{
	return (int) (len <= MAX_SHOWN ? len : whole_characters(text, MAX_SHOWN));
}

bool
si_format_reason(SiReason *why, const char *fmt,...)
{
	va_list		args;
	int			n;

	if (why == NULL)
		return false;
	va_start(args, fmt);
	n = vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	if (n < 0)
		why->text[0] = '\0';
	else
		si_format_trim(why->text);
	return false;
}
