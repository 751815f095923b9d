/*
 * fault.h
 *		Places where tests make a process die, fail or stop.
 *
 * stream_ingest.fault_point = 'name:crash' kills the process with SIGKILL at
 * the place of that name, 'name:error' raises an ERROR there, 'name:hang'
 * waits there until the setting is changed.  'name:enospc' and 'name:eio' let
 * the system call of that name fail.  Several are separated by commas.
 * Costs one load when unset.
 */
#ifndef SI_COMMON_FAULT_H
#define SI_COMMON_FAULT_H

#include "postgres.h"

#include "common/guc.h"

extern void si_fault_slow(const char *name);

/* Whether a system call is to fail: sets errno. */
extern bool si_fault_errno(const char *name);

/* Whether the setting begins with "name": for faults that change behaviour. */
extern bool si_fault_is(const char *name);

#define SI_FAULT(name) \
	do { \
		if (unlikely(si_fault_point != NULL && si_fault_point[0] != '\0')) \
			si_fault_slow(name); \
	} while (0)

#define SI_FAULT_FAILS(name) \
	(unlikely(si_fault_point != NULL && si_fault_point[0] != '\0') && si_fault_errno(name))

#endif							/* SI_COMMON_FAULT_H */
