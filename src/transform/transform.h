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

/* What a transform in PostgreSQL's language gave for a row (sql.h). */
typedef struct SiSqlResult
{
	SiValue		value;
	const char *failed;			/* NULL, or why there is no value */
} SiSqlResult;

/* Stands for the row's time where a slot of a field is asked for. */
#define SI_TRANSFORM_TIME	(-1)

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

/*
 * Transforms in PostgreSQL's language are evaluated by others (batch.h), who
 * need their number, the slots of their fields, the time of a row, and
 * whether the filter refuses it in any case: then probing is false.  Results
 * are given, row after row, for the next call of si_transform_rows().
 */
extern int	si_transform_nsql(const SiTransform *t);
extern int	si_transform_slot(SiTransform *t, const char *name, int len);
extern bool si_transform_probe(SiTransform *t, const SiRows *rows, int row, int64 *time);
extern void si_transform_give(SiTransform *t, const SiSqlResult *results);

#endif							/* SI_TRANSFORM_TRANSFORM_H */
