/*
 * owned.h
 *		Things that palloc() does not own (malloc memory, ICU handles) released
 *		with the memory context they belong to.
 */
#ifndef SI_FORMAT_OWNED_H
#define SI_FORMAT_OWNED_H

#include "common/port.h"

typedef struct SiOwned SiOwned;

/*
 * From now on release(thing) is called when CurrentMemoryContext is reset or
 * deleted.  In frontend programs nothing happens and NULL is returned.
 */
extern SiOwned *si_owned_register(void *thing, void (*release) (void *));

/* Takes the registration back; the caller releases the thing.  NULL is fine. */
extern void si_owned_forget(SiOwned *owned);

/* What a format that cannot be created without memory says; never returns. */
extern void si_owned_no_memory(void) SI_NORETURN;

#endif							/* SI_FORMAT_OWNED_H */
