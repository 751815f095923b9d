/*
 * swift_demangle.c
 *		A function that the sanitizer of addresses looks for when it starts.
 *
 * It starts with the first malloc(), which in a server with Debian's libraries
 * comes from bindtextdomain() in the constructor of libgpg-error.  When
 * nobody has the function, the text of that error is translated, for which
 * libc waits for the lock that bindtextdomain() holds.  So it has to be there.
 */
#include <stddef.h>

/* NULL: the name is printed as it is. */
char *
swift_demangle(const char *name, size_t len, char *out, size_t *out_len, unsigned flags)
{
	(void) name;
	(void) len;
	(void) out;
	(void) out_len;
	(void) flags;
	return NULL;
}
