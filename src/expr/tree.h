/*
 * tree.h
 *		The compiled expression while it is built (see expr.h).
 */
#ifndef SI_EXPR_TREE_H
#define SI_EXPR_TREE_H

#include "expr/expr_int.h"

/* Longest text of an expression. */
#define SI_EXPR_MAX_LENGTH	32768

extern SiExpr *si_expr_create(void);
/* Index of a field, which is added when it is new. */
extern int	si_expr_add_field(SiExpr *e, const char *name, int len);
extern void si_expr_set_root(SiExpr *e, SiExprNode *root);

#endif							/* SI_EXPR_TREE_H */
