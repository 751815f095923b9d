/*
 * fault.c
 *		What happens at a fault point.
 */
#include "postgres.h"

#include <signal.h>
#include <unistd.h>

#include "common/fault.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "utils/guc.h"

bool
si_fault_is(const char *name)
{
	return si_fault_point != NULL && strcmp(si_fault_point, name) == 0;
}

/* Whether "name:action" is one of the setting's list. */
static bool
armed(const char *name, const char *action)
{
	size_t		name_len = strlen(name);
	size_t		action_len = strlen(action);

	for (const char *p = si_fault_point; p != NULL; p = strchr(p, ','))
	{
		p += *p == ',';
		if (strncmp(p, name, name_len) == 0 && p[name_len] == ':' &&
			strncmp(p + name_len + 1, action, action_len) == 0 &&
			(p[name_len + 1 + action_len] == '\0' || p[name_len + 1 + action_len] == ','))
			return true;
	}
	return false;
}

bool
si_fault_errno(const char *name)
{
	if (armed(name, "enospc"))
		errno = ENOSPC;
	else if (armed(name, "eio"))
		errno = EIO;
	else
		return false;
	return true;
}

void
si_fault_slow(const char *name)
{
	if (armed(name, "crash"))
		kill(getpid(), SIGKILL);
	if (armed(name, "error"))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("fault point \"%s\"", name)));
	if (armed(name, "hang"))
		ereport(LOG, (errmsg("process %d hangs at fault point \"%s\"", MyProcPid, name)));
	while (armed(name, "hang"))
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 100, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
}
