/*
 * utf8_valid.cpp
 *		Is it UTF-8?  simdjson's answer, for C.
 */
#include <simdjson.h>

extern "C" bool si_utf8_valid(const char *text, size_t len);

bool
si_utf8_valid(const char *text, size_t len)
{
	return simdjson::validate_utf8(text, len);
}
