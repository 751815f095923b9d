/*
 * cell.h
 *		The text of one cell of a line, as a value: lists and numbers.
 */
#ifndef SI_FORMAT_CELL_H
#define SI_FORMAT_CELL_H

#include "format/scratch.h"
#include "format/options.h"

typedef struct SiCellRule
{
	const char *list_delimiter;
	size_t		list_len;
	bool		numbers;		/* tryParseNumbers */
} SiCellRule;

extern void si_cell_rule(SiCellRule *rule, const SiSpecFormat *options);

/*
 * text (valid UTF-8, which must live as long as the value) as a string, a
 * number, or an array of these.  False when memory is exhausted.
 */
extern bool si_cell_value(const SiCellRule *rule, SiScratch *scratch, const char *text, size_t len, SiValue *v);

#endif							/* SI_FORMAT_CELL_H */
