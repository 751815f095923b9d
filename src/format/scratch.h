/*
 * scratch.h
 *		Bytes that live as long as the rows of one message.
 *
 * malloc memory that is kept from message to message, so that a row costs no
 * allocation.  Nothing here throws; what is handed out never moves.
 */
#ifndef SI_FORMAT_SCRATCH_H
#define SI_FORMAT_SCRATCH_H

#include "common/port.h"

typedef struct SiScratchBlock SiScratchBlock;

/* All zero is an empty one. */
typedef struct SiScratch
{
	SiScratchBlock *current;
	size_t		used;			/* of the current block */
	size_t		allocated;		/* bytes handed out since the last reset */
} SiScratch;

/* n bytes, aligned to 8; NULL when memory is exhausted. */
extern void *si_scratch_alloc(SiScratch *a, size_t n);
/* Gives back the bytes of the last allocation beyond the first n. */
extern void si_scratch_trim(SiScratch *a, const void *last, size_t n);
/* A copy with a NUL behind it; NULL when memory is exhausted. */
extern char *si_scratch_copy(SiScratch *a, const char *text, size_t len);
/* Forgets everything; keeps one block for the next message. */
extern void si_scratch_reset(SiScratch *a);
/* Whether p lies in what was handed out. */
extern bool si_scratch_owns(const SiScratch *a, const void *p);
extern void si_scratch_free(SiScratch *a);

#endif							/* SI_FORMAT_SCRATCH_H */
