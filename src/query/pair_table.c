/*
 * pair_table.c
 *		Numbers for pairs of numbers (pair_table.h).
 */
#include "postgres.h"

#include "query/pair_table.h"

/* The matrix has at most this many places: 1 MB, which caches hold. */
#define MAX_PLACES	(256 * 1024)
#define FIRST_SIDE	32

void
si_pair_table_init(SiPairTable *t)
{
	memset(t, 0, sizeof(*t));
	si_int_table_init(&t->table);
	t->rows = FIRST_SIDE;
	t->columns = FIRST_SIDE;
	t->shift = 5;
	t->matrix = si_alloc0(FIRST_SIDE * FIRST_SIDE * sizeof(uint32));
}

/* Makes the matrix large enough for a pair, if it may become so; false otherwise. */
static bool
make_room(SiPairTable *t, uint32 first, uint32 second)
{
	uint64		rows = t->rows;
	uint64		columns = t->columns;
	int			shift = t->shift;

	while (rows <= first)
		rows *= 2;
	for (; columns <= second; shift++)
		columns *= 2;
	if (rows * columns > MAX_PLACES)
		return false;
	pfree(t->matrix);
	t->matrix = si_alloc0(rows * columns * sizeof(uint32));
	t->rows = (uint32) rows;
	t->columns = (uint32) columns;
	t->shift = shift;
	for (uint32 n = 0; n < t->table.count; n++)
	{
		uint32		a,
					b;

		si_pair_table_pair(t, n, &a, &b);
		if (a < t->rows && b < t->columns)
			t->matrix[((Size) a << shift) + b] = n + 1;
	}
	return true;
}

uint32
si_pair_table_slow(SiPairTable *t, uint32 first, uint32 second)
{
	uint32		before = t->table.count;
	uint32		number = si_int_table_number(&t->table, (uint64) first << 32 | second);

	if ((first < t->rows && second < t->columns) ||
		(t->table.count > before && make_room(t, first, second)))
		t->matrix[((Size) first << t->shift) + second] = number + 1;
	return number;
}
