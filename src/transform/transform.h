/*
 * transform.h
 *		Between a format and the index: transforms, filter, and the inputs of
 *		metrics that have a filter or an expression.
 *
 * The order is Druid's: the row's time, all transforms (each sees the fields
 * of the message, none another's result), the filter, then what metrics need.
 * A value is computed when somebody asks for it: a transform of a row that
 * the filter refuses by other fields is never evaluated.
 */
#ifndef SI_TRANSFORM_TRANSFORM_H
#define SI_TRANSFORM_TRANSFORM_H

#include "format/format.h"
#include "spec/spec.h"

typedef struct SiTransform SiTransform;

/*
 * NULL when the spec has nothing to transform.  To be called after the index
 * and before the format is created: fields are added to the table.  Lives in
 * CurrentMemoryContext.
 */
extern SiTransform *si_transform_create(const SiSpec *spec, SiFieldTable *fields);

/*
 * The rows of a message after all of it, valid until the next call; times are
 * set.  *filtered is the number of rows that the filter refused.  False with
 * a reason when a row's time or a value of it could not be had: as with a bad
 * time, nothing of the message is to be kept.  Rows that stand for themselves
 * are left out one by one and added to out->nbad.
 */
extern bool si_transform_rows(SiTransform *t, const SiRows *in, SiRows *out, int *filtered, SiReason *why);

#endif							/* SI_TRANSFORM_TRANSFORM_H */
