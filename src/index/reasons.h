/*
 * reasons.h
 *		Everything that was wrong in the rows of one message, in the order in
 *		which it was met; the first SI_MAX_REASONS of it.
 */
#ifndef SI_INDEX_REASONS_H
#define SI_INDEX_REASONS_H

#include "common/port.h"

#include "common/types.h"

#define SI_MAX_REASONS	32

typedef struct SiReasonList
{
	int			n;
	SiReason   *list;			/* of SI_MAX_REASONS, made with the first one */
} SiReasonList;

/* Allocates in CurrentMemoryContext, once. */
static inline void
si_reason_add(SiReasonList *all, const SiReason *why)
{
	if (all->list == NULL)
		all->list = si_alloc(sizeof(SiReason) * SI_MAX_REASONS);
	if (all->n < SI_MAX_REASONS)
		all->list[all->n++] = *why;
}

#endif							/* SI_INDEX_REASONS_H */
