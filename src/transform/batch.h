/*
 * batch.h
 *		Messages that are parsed ahead so that the sql transforms of all of
 *		them are evaluated at once.
 */
#ifndef SI_TRANSFORM_BATCH_H
#define SI_TRANSFORM_BATCH_H

#include "transform/sql.h"

typedef struct SiSqlBatch SiSqlBatch;

extern SiSqlBatch *si_sql_batch_create(SiSql *sql, SiTransform *t);

/* Forgets what is held. */
extern void si_sql_batch_reset(SiSqlBatch *b);

/*
 * Holds a message with its rows, which are copied; parsed false holds the
 * reason instead.  False when it was the last one that fits.
 */
extern bool si_sql_batch_hold(SiSqlBatch *b, const SiMessage *m, bool parsed, const SiRows *rows, const SiReason *why);

/* Evaluates the sql transforms of all rows held. */
extern void si_sql_batch_evaluate(SiSqlBatch *b);

/*
 * Takes a held message: its rows are transformed next.  False when it is not
 * held; *parsed as it was held.
 */
extern bool si_sql_batch_take(SiSqlBatch *b, const SiMessage *m, bool *parsed, SiRows *rows, SiReason *why);

/* Evaluates the sql transforms of rows that are transformed next. */
extern void si_sql_batch_rows(SiSqlBatch *b, const SiRows *rows);

#endif							/* SI_TRANSFORM_BATCH_H */
