/*
 * sweep.h
 *		Decides which chunk files may go, and notices those that are missing.
 *
 * Called by the overlord, outside of any transaction; each function uses
 * short transactions of its own and may throw.
 */
#ifndef SI_FILES_SWEEP_H
#define SI_FILES_SWEEP_H

#include "postgres.h"

/*
 * Before any task of this database starts: every file that a row names must
 * be there with its size.  A data source with a missing file is marked
 * damaged, with the offset ranges of what is missing; one that is complete
 * again is unmarked.  Later, with again, only those that are marked are
 * looked at.  Returns the number of damaged data sources.
 */
extern int	si_check_files(bool again);

/*
 * One round of sweeping: unlinks tombstoned files that no snapshot can see
 * any more, then (once a minute) files of ended runs that no row names;
 * removes rejected messages beyond their age.  A file that cannot be removed
 * is tried again in the next round, and does not stop others.  Returns NULL,
 * or what the first of them says, palloc'ed.
 */
extern char *si_sweep_step(void);

/* A task has failed, and may have left files: the next round looks for them. */
extern void si_sweep_orphans_soon(void);

#endif							/* SI_FILES_SWEEP_H */
