/*
 * port.h
 *		The one header that pure modules include first.
 *
 * Pure modules (common, format, index, segment) hold no locks, touch no
 * catalog and never throw on data.  They compile twice: into the extension,
 * and with -DFRONTEND into the unit tests, benchmarks and fuzzers, where
 * palloc() is malloc() that exits when memory is exhausted.
 *
 * Memory rule of all pure modules: they allocate in CurrentMemoryContext; a
 * buffer that grows stays in the context it was first allocated in.  The
 * caller owns what it is handed and frees it by resetting the context (or
 * with the module's own free function where one is declared).
 */
#ifndef SI_COMMON_PORT_H
#define SI_COMMON_PORT_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

/* Allocation without the 1 GB limit of palloc(). */
#ifdef FRONTEND
#define si_alloc(size)			palloc(size)
#define si_alloc0(size)			palloc0(size)
#define si_realloc(p, size)		repalloc((p), (size))
#else
#include "utils/memutils.h"
#include "utils/palloc.h"
#define si_alloc(size)			palloc_extended((size), MCXT_ALLOC_HUGE)
#define si_alloc0(size)			palloc_extended((size), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO)
#define si_realloc(p, size)		repalloc_huge((p), (size))
#endif

#define SI_LIKELY(x)	__builtin_expect(!!(x), 1)
#define SI_UNLIKELY(x)	__builtin_expect(!!(x), 0)

/* At the end of a declaration; PostgreSQL's own word for it has changed places. */
#define SI_NORETURN		__attribute__((noreturn))

#endif							/* SI_COMMON_PORT_H */
