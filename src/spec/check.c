/*
 * check.c
 *		The walk over a spec that holds every member against the table of
 *		fields: see check.h.
 *
 * Duties: unknown and misspelt names, types, ranges, words, fields that are
 * refused and fields without effect; the wording of all of these.  What one
 * field means for another is the business of spec.c.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "spec/check.h"

/* Bytes of a value that an error shows. */
#define SHOWN_VALUE 100

static void check_value(SiSpecFindings *f, const SiField *field, const SiJson *value, const char *shown);

/* The value as an error shows it: JSON, but strings without quotes, clipped. */
static char *
shown_value(const SiJson *value)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (value->kind == SI_JSON_STRING)
		appendStringInfo(&buf, "\"%s\"", value->text);
	else
		si_json_print(&buf, value);
	if (buf.len > SHOWN_VALUE)
	{
		buf.len = pg_mbcliplen(buf.data, buf.len, SHOWN_VALUE);
		buf.data[buf.len] = '\0';
		appendStringInfoString(&buf, "...");
	}
	return buf.data;
}

void
si_spec_error(const char *path, const SiJson *value, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 err_generic_string(PG_DIAG_COLUMN_NAME, path),
			 errmsg("invalid value for %s: %s", path, shown_value(value)),
			 detail ? errdetail("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0));
}

void
si_spec_missing(const char *path, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 err_generic_string(PG_DIAG_COLUMN_NAME, path),
			 errmsg("%s is missing", path),
			 hint ? errhint("%s", hint) : 0));
}

/* ERROR for something that a later version will do. */
static void
refuse_later(const char *path, const SiJson *value, const char *help, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 err_generic_string(PG_DIAG_COLUMN_NAME, path),
			 errmsg("%s is not supported: %s", path, shown_value(value)),
			 errdetail("%s", help),
			 hint ? errhint("%s", hint) : 0));
}

void
si_findings_init(SiSpecFindings *f)
{
	f->collect = false;
	f->problems = NIL;
	f->nno_effect = f->nunknown = 0;
	initStringInfo(&f->no_effect);
	initStringInfo(&f->reasons);
	initStringInfo(&f->unknown);
}

void
si_finding_no_effect(SiSpecFindings *f, const char *path, const char *why)
{
	appendStringInfo(&f->no_effect, "%s%s", f->nno_effect ? ", " : "", path);
	appendStringInfo(&f->reasons, "%s%s: %s", f->nno_effect ? "\n" : "", path, why);
	f->nno_effect++;
}

void
si_findings_report(const SiSpecFindings *f, bool strict, bool quiet)
{
	if (f->nunknown > 0 && strict)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown fields in the spec: %s", f->unknown.data),
				 errhint("Remove them, or take \"strict\" out of the spec's context.")));
	if (quiet)
		return;
	if (f->nunknown > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("unknown fields in the spec are ignored: %s", f->unknown.data),
				 errhint("With \"context\": {\"strict\": true} unknown fields are an error.")));
	if (f->nno_effect > 0)
		ereport(NOTICE,
				(errmsg_plural("%d field of the spec has no effect: %s",
							   "%d fields of the spec have no effect: %s",
							   f->nno_effect, f->nno_effect, f->no_effect.data),
				 errdetail("%s", f->reasons.data)));
}

/* A member that the table does not have: misspelt, or unknown. */
static void
unknown_member(SiSpecFindings *f, const char *schema, const char *name, const char *shown)
{
	const char *nearest = si_spec_nearest_field(schema, name);
	const char *place = si_spec_place_of(name);

	if (nearest)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown field in the spec: %s", shown),
				 errdetail("There is no such field, and its name is close to one that exists."),
				 errhint("Perhaps you meant \"%s\".", nearest)));
	appendStringInfo(&f->unknown, "%s%s", f->nunknown ? ", " : "", shown);
	if (place)
		appendStringInfo(&f->unknown, " (its place is %s)", place);
	f->nunknown++;
}

static void
check_word(SiSpecFindings *f, const SiField *field, const SiJson *value, const char *shown)
{
	const char *text;
	const SiWord *word;
	const char *nearest;
	StringInfoData words;

	if (!si_value_string(value, &text))
		si_spec_error(shown, value, "Expected a string.", NULL);
	word = si_spec_word(field->path, text);
	if (word && word->use == SI_LATER)
		refuse_later(shown, value, word->help, NULL);
	if (word)
	{
		if (word->use == SI_NO_EFFECT && field->use == SI_USED)
			si_finding_no_effect(f, shown, word->help);
		return;
	}

	initStringInfo(&words);
	for (int i = 0; i < si_spec_nwords; i++)
	{
		if (strcmp(si_spec_words[i].path, field->path) == 0 && si_spec_words[i].use != SI_LATER)
			appendStringInfo(&words, "%s%s", words.len ? ", " : "", si_spec_words[i].word);
	}
	nearest = si_spec_nearest_word(field->path, text);
	si_spec_error(shown, value, psprintf("Supported: %s.", words.data),
				  nearest ? psprintf("Perhaps you meant \"%s\".", nearest) : NULL);
}

static void
check_number(const SiField *field, const SiJson *value, const char *shown)
{
	int64		min,
				max,
				n;

	si_field_range(field, &min, &max);
	if (!si_value_int(value, min, max, &n))
	{
		if (field->min == 0 && field->max == 0)
			si_spec_error(shown, value, "Expected an integer.", NULL);
		si_spec_error(shown, value,
					  psprintf("Expected an integer from " INT64_FORMAT " to " INT64_FORMAT ".", min, max),
					  NULL);
	}
}

static void
refuse_null_element(const SiJson *value, const char *shown)
{
	si_spec_error(shown, value, "An element of a list must not be null.", NULL);
}

static void
check_list(SiSpecFindings *f, const SiField *field, const SiJson *value, const char *shown)
{
	const SiField *element = si_spec_element(field->path);

	if (value->kind != SI_JSON_ARRAY)
		si_spec_error(shown, value, "Expected a list.", NULL);
	for (int i = 0; element && i < value->n; i++)
	{
		char	   *place = psprintf("%s[%d]", shown, i);

		if (si_json_is_null(value->items[i]))
			SI_CHECKED(f, place, refuse_null_element(value->items[i], place));
		else
			check_value(f, element, value->items[i], place);
	}
}

/* Types of scalars; the hint is the field's meaning where that helps. */
static void
check_scalar(const SiField *field, const SiJson *value, const char *shown)
{
	const char *text;
	bool		flag;
	int64		ms;
	double		real;
	SiReason	why = {""};

	switch (field->type)
	{
		case SI_FIELD_STRING:
			if (!si_value_string(value, &text))
				si_spec_error(shown, value, "Expected a string.", NULL);
			break;
		case SI_FIELD_BOOL:
			if (!si_value_bool(value, &flag))
				si_spec_error(shown, value, "Expected true or false.", NULL);
			break;
		case SI_FIELD_REAL:
			if (!si_value_real(value, &real))
				si_spec_error(shown, value, "Expected a number.", NULL);
			break;
		case SI_FIELD_PERIOD:
		case SI_FIELD_DURATION:
			if (!si_value_period(value, &ms, &why))
				si_spec_error(shown, value,
							  why.text[0] ? psprintf("Expected a period of fixed length: %s.", why.text)
							  : "Expected a period or a number of milliseconds.",
							  "Write for example PT1H, P1D or 60000.");
			break;
		case SI_FIELD_INSTANT:
			if (!si_value_instant(value, &ms, &why))
				si_spec_error(shown, value, "Expected an ISO 8601 time.",
							  "Write for example 2015-09-12T00:00:00Z.");
			break;
		default:
			break;
	}
}

/* Whether a field that is not used only says what happens anyway. */
static bool
says_default(const SiField *field, const SiJson *value)
{
	bool		flag;

	if (field->deflt == NULL)
		return false;
	if (field->type == SI_FIELD_BOOL && si_value_bool(value, &flag))
		return flag == (strcmp(field->deflt, "true") == 0);
	return si_json_equal(si_json_parse(field->deflt), value);
}

bool
si_field_is_blank(const SiField *field, const SiJson *value)
{
	SiFieldType type = field->type;

	return si_value_is_blank(value) && (type == SI_FIELD_BOOL || type == SI_FIELD_INT || type == SI_FIELD_LONG ||
										type == SI_FIELD_REAL || type == SI_FIELD_PERIOD || type == SI_FIELD_DURATION || type == SI_FIELD_INSTANT);
}

static void
check_value_now(SiSpecFindings *f, const SiField *field, const SiJson *value, const char *shown)
{
	bool		object = value->kind == SI_JSON_OBJECT;

	if (si_field_is_blank(field, value))
		unconstify(SiJson *, value)->kind = SI_JSON_NULL;
	if (field->type != SI_FIELD_OBJECT && field->type != SI_FIELD_DIMENSION && si_json_is_empty(value) &&
		(field->use != SI_USED || si_json_is_null(value)))
		return;
	if (si_json_is_null(value))
		return;

	if (field->use == SI_LATER && !says_default(field, value) && !si_json_is_empty(value))
		refuse_later(shown, value, field->help, "Remove the field, or leave it empty.");

	switch (field->type)
	{
		case SI_FIELD_OBJECT:
		case SI_FIELD_MAP:
			if (!object)
				si_spec_error(shown, value, "Expected an object.", NULL);
			break;
		case SI_FIELD_DIMENSION:
		case SI_FIELD_GRANULARITY:
			if (!object && value->kind != SI_JSON_STRING &&
				!(field->type == SI_FIELD_DIMENSION && value->kind == SI_JSON_NUMBER))
				si_spec_error(shown, value, "Expected a name or an object.", NULL);
			break;
		case SI_FIELD_LIST:
			check_list(f, field, value, shown);
			break;
		case SI_FIELD_WORD:
			check_word(f, field, value, shown);
			break;
		case SI_FIELD_INT:
		case SI_FIELD_LONG:
			check_number(field, value, shown);
			break;
		default:
			check_scalar(field, value, shown);
			break;
	}

	if (field->use == SI_NO_EFFECT && !si_json_is_empty(value) && !says_default(field, value))
		si_finding_no_effect(f, shown, field->help);
	if (object && field->type != SI_FIELD_MAP && field->type != SI_FIELD_ANY && field->use != SI_LATER)
	{
		/* The members of a field without effect are part of one finding. */
		SiSpecFindings members;

		if (field->use != SI_NO_EFFECT)
			si_check_members(f, value, si_spec_members(field), shown);
		else
		{
			si_findings_init(&members);
			si_check_members(&members, value, si_spec_members(field), shown);
			if (members.nunknown > 0)
				appendStringInfo(&f->unknown, "%s%s", f->nunknown ? ", " : "", members.unknown.data);
			f->nunknown += members.nunknown;
		}
	}
}

/*
 * Checks one value.  When all problems are wanted, a wrong one counts as not
 * given from here on.
 */
static void
check_value(SiSpecFindings *f, const SiField *field, const SiJson *value, const char *shown)
{
	SI_CHECKED(f, shown, check_value_now(f, field, value, shown));
	if (f->problems && strcmp(((SiSpecProblem *) llast(f->problems))->path, shown) == 0)
		unconstify(SiJson *, value)->kind = SI_JSON_NULL;
}

static void
check_member(SiSpecFindings *f, const char *schema, const char *name, const SiJson *value, const char *path)
{
	const SiField *field = si_spec_field(schema, name);

	if (field)
		check_value(f, field, value, path);
	else if (!si_json_is_null(value))
		SI_CHECKED(f, path, unknown_member(f, schema, name, path));
}

void
si_check_members(SiSpecFindings *f, const SiJson *object, const char *schema, const char *shown)
{
	/* The kind of a thing decides about the rest, so it is looked at first. */
	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < object->n; i++)
		{
			const char *name = object->keys[i];

			if ((strcmp(name, "type") == 0) == (pass == 0))
				check_member(f, schema, name, object->items[i],
							 *shown ? psprintf("%s.%s", shown, name) : pstrdup(name));
		}
	}
}
