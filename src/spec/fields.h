/*
 * fields.h
 *		The one table of spec fields, and the words that some of them take.
 *
 * Checking, defaults, printing, stream_ingest.spec_fields() and docs/reference.md
 * all come from here.  Paths are those of the nested shape; "[]" stands for
 * every element of a list.
 */
#ifndef SI_SPEC_FIELDS_H
#define SI_SPEC_FIELDS_H

#include "postgres.h"

typedef enum SiFieldType
{
	SI_FIELD_OBJECT,			/* members are rows of the table */
	SI_FIELD_MAP,				/* members are named by the user */
	SI_FIELD_LIST,				/* elements are the row path[] */
	SI_FIELD_DIMENSION,			/* a name, or an object */
	SI_FIELD_GRANULARITY,		/* a name, or an object */
	SI_FIELD_STRING,
	SI_FIELD_WORD,				/* one of the words of the path */
	SI_FIELD_BOOL,
	SI_FIELD_INT,				/* 32 bits */
	SI_FIELD_LONG,				/* 64 bits */
	SI_FIELD_REAL,
	SI_FIELD_PERIOD,			/* ISO 8601, echoed as given */
	SI_FIELD_DURATION,			/* the same, echoed in seconds */
	SI_FIELD_INSTANT,
	SI_FIELD_ANY
} SiFieldType;

typedef enum SiFieldUse
{
	SI_USED,
	SI_NO_EFFECT,				/* accepted with a NOTICE: help says why */
	SI_LATER					/* refused unless it says what happens anyway */
} SiFieldUse;

typedef struct SiField
{
	const char *path;
	SiFieldType type;
	SiFieldUse	use;
	const char *deflt;			/* JSON text; NULL: none, and not echoed */
	int			offset;			/* of the SiSpec member, or -1 */
	int			size;			/* of the SiSpec member */
	int64		min;			/* numbers: both 0 means any */
	int64		max;
	const char *same_as;		/* members are those of this path */
	const char *help;
} SiField;

typedef struct SiWord
{
	const char *path;			/* of the field */
	const char *word;
	SiFieldUse	use;
	const char *help;
} SiWord;

extern const SiField si_spec_fields[];
extern const int si_spec_nfields;
extern const SiWord si_spec_words[];
extern const int si_spec_nwords;

/* The row of parent's member, or NULL.  parent is "" for the whole spec. */
extern const SiField *si_spec_field(const char *parent, const char *name);
/* Where a name that stands in the wrong place belongs, or NULL. */
extern const char *si_spec_place_of(const char *name);
/* The row of the elements of a list, or NULL. */
extern const SiField *si_spec_element(const char *list);
/* Path under which a field's members stand. */
extern const char *si_spec_members(const SiField *field);
/* Name of a direct member of parent, or NULL when path is none. */
extern const char *si_spec_member_name(const char *parent, const char *path);
/* The word, in any case, or NULL. */
extern const SiWord *si_spec_word(const char *path, const char *word);

extern const char *si_field_type_name(SiFieldType type);
extern const char *si_field_use_name(SiFieldUse use);

/*
 * The valid name nearest to a misspelt one among the members of parent, or
 * among the words of path; NULL when none is near.
 */
extern const char *si_spec_nearest_field(const char *parent, const char *name);
/* The same among the consumerProperties. */
extern const char *si_spec_nearest_property(const char *name);
extern const char *si_spec_nearest_word(const char *path, const char *word);

#endif							/* SI_SPEC_FIELDS_H */
