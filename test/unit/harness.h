/*
 * harness.h
 *		What every unit test program needs, and no more: checks that count
 *		and go on, and the closing line.
 *
 * A program calls CHECK... anywhere and ends main() with
 * `return harness_end("test_name");`, which prints
 * "test_name: N passed, N failed" and gives the exit status.
 */
#ifndef SI_TEST_HARNESS_H
#define SI_TEST_HARNESS_H

#include "common/port.h"

static unsigned long harness_passed = 0;
static unsigned long harness_failed = 0;

/* Counts one check; a failure prints place and text (the first hundred). */
static inline void
			harness_check(bool ok, const char *file, int line, const char *fmt,...) pg_attribute_printf(4, 5);

static inline void
harness_check(bool ok, const char *file, int line, const char *fmt,...)
{
	va_list		ap;

	if (ok)
	{
		harness_passed++;
		return;
	}
	if (++harness_failed > 100)
		return;
	printf("%s:%d: FAILED: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

/* CHECK(cond, "what went wrong, value %d", v) */
#define CHECK(cond, ...) \
	harness_check((cond), __FILE__, __LINE__, __VA_ARGS__)

/* CHECK_INT(got, want): integers up to 64 bits */
#define CHECK_INT(got, want) \
	do { \
		long long	harness_got = (long long) (got); \
		long long	harness_want = (long long) (want); \
		\
		harness_check(harness_got == harness_want, __FILE__, __LINE__, \
					  "%s is %lld, expected %lld", #got, harness_got, harness_want); \
	} while (0)

/* CHECK_STR(got, want): NUL-terminated strings; NULL equals only NULL */
#define CHECK_STR(got, want) \
	do { \
		const char *harness_got = (got); \
		const char *harness_want = (want); \
		\
		harness_check((harness_got == NULL && harness_want == NULL) || \
					  (harness_got != NULL && harness_want != NULL && \
					   strcmp(harness_got, harness_want) == 0), \
					  __FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", #got, \
					  harness_got ? harness_got : "(null)", \
					  harness_want ? harness_want : "(null)"); \
	} while (0)

static inline int
harness_end(const char *program)
{
	printf("%s: %lu passed, %lu failed\n", program, harness_passed, harness_failed);
	fflush(stdout);
	return harness_failed == 0 ? 0 : 1;
}

#endif							/* SI_TEST_HARNESS_H */
