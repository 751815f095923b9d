/*
 * like_pattern.c
 *		LIKE decided by bytes (like_pattern.h).
 */
#include "postgres.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "query/like_pattern.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

void
si_like_pattern_init(SiLikePattern *pattern, Expr *clause)
{
	OpExpr	   *op = (OpExpr *) clause;
	Const	   *value;
	char	   *literal;
	Size		len;

	memset(pattern, 0, sizeof(*pattern));
	if (!IsA(clause, OpExpr) || op->opno != OID_TEXT_LIKE_OP || list_length(op->args) != 2 ||
		!IsA(linitial(op->args), Var) || !IsA(lsecond(op->args), Const) ||
		!OidIsValid(op->inputcollid) || !get_collation_isdeterministic(op->inputcollid))
		return;
	value = lsecond(op->args);
	if (value->constisnull || value->consttype != TEXTOID)
		return;

	literal = TextDatumGetCString(value->constvalue);
	len = strlen(literal);
	for (; len > 0 && literal[0] == '%'; literal++, len--)
		pattern->open_start = true;
	for (; len > 0 && literal[len - 1] == '%'; len--)
		pattern->open_end = true;
	if (len == 0 || strcspn(literal, "%_\\") < len)
		return;
	pattern->text = literal;
	pattern->len = (uint32) len;
}

bool
si_like_pattern_matches(const SiLikePattern *pattern, const char *bytes, uint32 len)
{
	if (len < pattern->len)
		return false;
	if (pattern->open_start && pattern->open_end)
		return memmem(bytes, len, pattern->text, pattern->len) != NULL;
	if (pattern->open_end)
		return memcmp(bytes, pattern->text, pattern->len) == 0;
	if (pattern->open_start)
		return memcmp(bytes + len - pattern->len, pattern->text, pattern->len) == 0;
	return len == pattern->len && memcmp(bytes, pattern->text, len) == 0;
}

/* The entry that holds a byte of the dictionary. */
static uint32
entry_at(const SiDict *dict, uint64 offset, uint32 from)
{
	uint32		lo = from,
				hi = dict->count;

	while (lo + 1 < hi)
	{
		uint32		mid = lo + (hi - lo) / 2;

		if (dict->offsets[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Entries lie one behind the other: one search over all of them finds every match. */
static void
search_all(const SiLikePattern *pattern, const SiDict *dict, uint8 yes, uint8 *answers)
{
	const char *start = dict->bytes;
	const char *end = dict->bytes + dict->offsets[dict->count];
	const char *at = start + dict->offsets[0];
	uint32		entry = 0;

	while ((at = memmem(at, end - at, pattern->text, pattern->len)) != NULL)
	{
		entry = entry_at(dict, at - start, entry);
		if (at + pattern->len <= start + dict->offsets[entry + 1])
		{
			answers[1 + entry] = yes;
			at = start + dict->offsets[entry + 1];
		}
		else
			at++;				/* across two entries */
	}
}

void
si_like_pattern_all(const SiLikePattern *pattern, const SiDict *dict, uint8 yes, uint8 no, uint8 *answers)
{
	memset(answers + 1, no, dict->count);
	if (dict->count == 0)
		return;
	if (pattern->open_start && pattern->open_end)
	{
		search_all(pattern, dict, yes, answers);
		return;
	}
	for (uint32 e = 0; e < dict->count; e++)
	{
		if (si_like_pattern_matches(pattern, dict->bytes + dict->offsets[e],
									(uint32) (dict->offsets[e + 1] - dict->offsets[e])))
			answers[1 + e] = yes;
	}
}
