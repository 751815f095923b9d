/*
 * owned.c
 *		Registrations of owned.h, as callbacks of the current memory context.
 */
#include "common/port.h"

#include "format/owned.h"

void
si_owned_no_memory(void)
{
#ifdef FRONTEND
	fprintf(stderr, "out of memory\n");
	exit(EXIT_FAILURE);
#else
	ereport(ERROR,
			errcode(ERRCODE_OUT_OF_MEMORY),
			errmsg("out of memory"),
			errdetail("A parser of messages could not be created."));
#endif
}

#ifdef FRONTEND

SiOwned *
si_owned_register(void *thing, void (*release) (void *))
{
	return NULL;
}

void
si_owned_forget(SiOwned *owned)
{
}

#else

struct SiOwned
{
	MemoryContextCallback callback;
	void	   *thing;			/* NULL once forgotten */
	void		(*release) (void *);
};

static void
release_owned(void *arg)
{
	SiOwned    *owned = arg;

	if (owned->thing != NULL)
		owned->release(owned->thing);
}

SiOwned *
si_owned_register(void *thing, void (*release) (void *))
{
	SiOwned    *owned = palloc0(sizeof(SiOwned));

	owned->thing = thing;
	owned->release = release;
	owned->callback.func = release_owned;
	owned->callback.arg = owned;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owned->callback);
	return owned;
}

/* The callback itself cannot be taken out of the list in PostgreSQL 15. */
void
si_owned_forget(SiOwned *owned)
{
	if (owned != NULL)
		owned->thing = NULL;
}

#endif							/* FRONTEND */
