/*
 * arena.h
 *		What a memory context is to the server: everything that was palloc'ed
 *		for one input goes at once, and what was registered is released.
 *
 * What is left then was malloc'ed: LeakSanitizer looks for it.  What is kept
 * from one input to the next, by a module or a harness, must not have been
 * palloc'ed.
 */
#ifndef SI_FUZZ_ARENA_H
#define SI_FUZZ_ARENA_H

#include "common/port.h"

/* A harness: one input. */
extern void fuzz_one(const uint8_t *data, size_t size);

/* What libFuzzer calls. */
extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern int	LLVMFuzzerInitialize(int *argc, char ***argv);

#endif							/* SI_FUZZ_ARENA_H */
