/*
 * functions.c
 *		The table of functions, put together from the fn_*.c files, and the
 *		look-ups in it.
 */
#include "common/port.h"

#include "expr/expr_int.h"

#define MAX_NAME	64

static const SiExprFunction *const tables[] = {
	si_fn_general, si_fn_string, si_fn_format, si_fn_regex, si_fn_time, si_fn_math, si_fn_array, si_fn_json, si_fn_json_tree,
	si_fn_net
};

static bool
lower_name(const char *name, int len, char *out)
{
	if (len >= MAX_NAME)
		return false;
	for (int i = 0; i < len; i++)
		out[i] = (name[i] >= 'A' && name[i] <= 'Z') ? name[i] + ('a' - 'A') : name[i];
	out[len] = '\0';
	return true;
}

const SiExprFunction *
si_expr_function_find(const char *name, int len)
{
	char		lower[MAX_NAME];

	if (!lower_name(name, len, lower))
		return NULL;
	for (int t = 0; t < lengthof(tables); t++)
		for (const SiExprFunction *f = tables[t]; f->name != NULL; f++)
			if (strcmp(f->name, lower) == 0)
				return f;
	return NULL;
}

/* Number of letters to change, add or take out. */
static int
distance(const char *a, const char *b)
{
	int			rows[2][MAX_NAME + 1];
	int			n = (int) strlen(b);

	for (int j = 0; j <= n; j++)
		rows[0][j] = j;
	for (int i = 1; a[i - 1] != '\0'; i++)
	{
		int		   *above = rows[(i - 1) & 1];
		int		   *row = rows[i & 1];

		row[0] = i;
		for (int j = 1; j <= n; j++)
		{
			int			best = above[j - 1] + (a[i - 1] != b[j - 1]);

			best = Min(best, above[j] + 1);
			row[j] = Min(best, row[j - 1] + 1);
		}
	}
	return rows[strlen(a) & 1][n];
}

const char *
si_expr_function_nearest(const char *name, int len)
{
	char		lower[MAX_NAME];
	const char *nearest = NULL;
	int			best = Max(1, len / 3) + 1;

	if (!lower_name(name, len, lower))
		return NULL;
	for (int t = 0; t < lengthof(tables); t++)
		for (const SiExprFunction *f = tables[t]; f->name != NULL; f++)
		{
			int			d = f->why_not == NULL ? distance(lower, f->name) : best;

			if (d < best)
			{
				best = d;
				nearest = f->name;
			}
		}
	return nearest;
}

const char *
si_expr_function(int i, int *min_args, int *max_args, const char **why_not)
{
	for (int t = 0; t < lengthof(tables); t++)
		for (const SiExprFunction *f = tables[t]; f->name != NULL; f++)
			if (i-- == 0)
			{
				*min_args = f->min_args;
				*max_args = f->max_args;
				*why_not = f->why_not;
				return f->name;
			}
	return NULL;
}
