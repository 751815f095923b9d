/*
 * reason.c
 *		Messages about data, see reason.h.  Allocates nothing, never throws, and
 *		may therefore be called from a C++ frame.
 */
#include "common/port.h"

#include "format/reason.h"

/* Shortens text to the last whole UTF-8 character. */
static void
cut_partial_character(char *text, size_t len)
{
	size_t		start = len;
	int			need;

	while (start > 0 && len - start < 4 && ((unsigned char) text[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0)
		return;
	start--;
	if (((unsigned char) text[start] & 0xE0) == 0xC0)
		need = 2;
	else if (((unsigned char) text[start] & 0xF0) == 0xE0)
		need = 3;
	else if (((unsigned char) text[start] & 0xF8) == 0xF0)
		need = 4;
	else
		need = 1;
	if (len - start < (size_t) need)
		text[start] = '\0';
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
		cut_partial_character(why->text, strlen(why->text));
	return false;
}
