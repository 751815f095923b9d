/*
 * capacity.h
 *		Capacity planning at submit.
 */
#ifndef SI_API_CAPACITY_H
#define SI_API_CAPACITY_H

#include "spec/spec.h"

/* NOTICE when all supervisors of the database together may need more task slots than there are. */
extern void si_note_capacity(const SiSpec *spec);

#endif							/* SI_API_CAPACITY_H */
