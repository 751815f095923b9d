/*
 * jq_parse.h
 *		What the parts of the parser of jq share.  A function that fails says
 *		why with the place, and gives NULL or false.
 */
#ifndef SI_FORMAT_JQ_PARSE_H
#define SI_FORMAT_JQ_PARSE_H

#include "format/jq_int.h"

#define SI_JQ_MAX_ARGS	16

typedef struct JqName
{
	const struct JqName *up;
	char	   *name;
	bool		variable;
	JqDefinition *definition;	/* NULL: a variable or a parameter, at depth */
	int			depth;
} JqName;

typedef struct JqCompiler
{
	SiJq	   *jq;
	const char *text;
	const char *p;
	const char *end;
	const JqName *names;
	int			names_depth;
	const JqName *prelude;		/* its definitions that are in use */
	int			depth;
	SiReason   *why;
} JqCompiler;

/* jq_scan.c: text, words and names */

extern JqNode *si_jq_fail(JqCompiler *c, const char *what);
extern JqNode *si_jq_fail_at(JqCompiler *c, const char *p, const char *what);
/* Blanks and comments. */
extern void si_jq_blanks(JqCompiler *c);
extern bool si_jq_take(JqCompiler *c, char what);
extern bool si_jq_want(JqCompiler *c, char what);
extern bool si_jq_is_letter(char ch);
/* Length of the word at c->p, 0 when there is none. */
extern size_t si_jq_word(JqCompiler *c);
extern bool si_jq_is_word(const char *p, size_t len, const char *what);
extern bool si_jq_take_word(JqCompiler *c, const char *what);
extern bool si_jq_want_word(JqCompiler *c, const char *what);
extern bool si_jq_is_keyword(const char *p, size_t len);
/* A word that may be a name. */
extern char *si_jq_name(JqCompiler *c, bool keywords);
extern JqNode *si_jq_parse_number(JqCompiler *c);

extern JqNode *si_jq_node(JqKind kind, JqNode *left, JqNode *right);
extern JqNode *si_jq_text_node(JqKind kind, JqNode *left, const char *text, size_t len);
/* One level of nesting more; whoever calls it takes it back. */
extern bool si_jq_deeper(JqCompiler *c);

extern JqName *si_jq_push_name(JqCompiler *c, char *text, bool variable, JqDefinition *definition);
extern void si_jq_restore_names(JqCompiler *c, const JqName *names, int depth);
extern const JqName *si_jq_find_variable(const JqCompiler *c, const char *text);
extern const JqName *si_jq_find_call(const JqName *n, const char *text, int nargs);

/* jq_call.c */

/* def name(parameters): body; from behind the def. */
extern bool si_jq_parse_definition(JqCompiler *c);
/* name(arguments) */
extern JqNode *si_jq_parse_call(JqCompiler *c);
/* A call of what is known by that name; start is its place. */
extern JqNode *si_jq_call_of(JqCompiler *c, const char *start, const char *text, JqNode **args, int nargs);

/* jq_parse.c */

extern JqNode *si_jq_parse_pipe(JqCompiler *c, bool commas);

#endif							/* SI_FORMAT_JQ_PARSE_H */
