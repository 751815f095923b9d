/*
 * fuzz_spec.c
 *		libFuzzer harness of supervisor specs, inside of a server: the input is
 *		the JSON text of a spec, a zero byte, and a message.
 *
 * The spec module calls for jsonb, lists, error reports, subtransactions and
 * PostgreSQL's parser; what stands in their place would be what is tested.
 * So this is a library with all of the extension but its entry point, loaded
 * by a server in single-user mode, and fuzz_spec() runs libFuzzer's loop.
 * The role is nobody special.
 *
 * Checked besides what the sanitizers see: an error says something about the
 * spec, in valid UTF-8; validate_supervisor() finds a problem just when a
 * submit would; what is echoed is a spec that echoes as the same, and shows no
 * secret; a message of any bytes goes through the pipeline without an error;
 * no memory context outlives its input.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/table.h"
#include "common/guc.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "source/kafka.h"
#include "spec/check.h"
#include "spec/consumer_properties.h"
#include "spec/fields.h"
#include "spec/spec.h"
#include "transform/sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "worker/pipeline.h"

#define MOST_SPEC		20000
#define MOST_ARGUMENTS	20
/* Shorter secrets may be in an echo by chance. */
#define LONG_SECRET		6
/* Caches are filled by then, and may grow by this much afterwards. */
#define WARM_UP			5000
#define MOST_GROWTH		(64 * 1024 * 1024)

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fuzz_spec);

extern PGDLLEXPORT void _PG_init(void);
extern int	LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one) (const uint8_t *data, size_t size));

/* One input and what became of it. */
typedef struct Input
{
	const char *json;
	const char *message;
	size_t		len;
	SiSpec	   *spec;
	List	   *problems;
	const char *echo;
} Input;

void
_PG_init(void)
{
	si_guc_define();
}

static void
violated(const char *what, const char *detail)
{
	fprintf(stderr, "violated: %s: %s\n", what, detail);
	abort();
}

static void
require_text(const char *text, const char *what)
{
	if (text && pg_encoding_verifymbstr(PG_UTF8, text, strlen(text)) != strlen(text))
		violated("texts are valid UTF-8", what);
}

/* An error says something about the spec, or about the rights of who submits it. */
static void
check_error(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (category != ERRCODE_DATA_EXCEPTION && category != ERRCODE_FEATURE_NOT_SUPPORTED &&
		category != ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION && category != ERRCODE_PROGRAM_LIMIT_EXCEEDED &&
		category != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE && category != ERRCODE_INVALID_SCHEMA_NAME)
		violated("an error is about the spec",
				 psprintf("%s: %s (%s:%d)", unpack_sql_state(error->sqlerrcode), error->message, error->filename, error->lineno));
	require_text(error->message, "message");
	require_text(error->detail, "detail");
	require_text(error->hint, "hint");
	require_text(error->column_name, "path");
}

/* False when it raised an error, which has been looked at. */
static bool
attempt(void (*step) (Input *), Input *in)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool ok = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		step(in);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		check_error(CopyErrorData());
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return ok;
}

/* ------------------------------------------------------------------- steps */

static void
step_parse(Input *in)
{
	in->spec = si_spec_parse(in->json, false);
}

static void
step_validate(Input *in)
{
	(void) si_spec_validate(in->json, &in->problems);
}

static void
step_echo(Input *in)
{
	SiSpec	   *again;

	in->echo = si_spec_print(in->json, in->spec->suspended, true);
	again = si_spec_parse(in->echo, true);
	if (strcmp(again->id, in->spec->id) != 0 || again->ndimensions != in->spec->ndimensions ||
		again->nmetrics != in->spec->nmetrics || again->nproperties != in->spec->nproperties ||
		again->task_duration != in->spec->task_duration || again->format.kind != in->spec->format.kind)
		violated("an echo says what the spec said", in->echo);
	if (strcmp(si_spec_print(in->echo, again->suspended, true), in->echo) != 0)
		violated("an echo is echoed as it is", in->echo);
}

static void
step_rest_of_submit(Input *in)
{
	SiTableColumn *columns;
	int			n;

	si_kafka_check_properties(in->spec);
	si_sql_check(in->spec, GetUserId());
	columns = si_table_columns(in->spec, &n);
	si_table_check(in->spec->data_source, columns, n);
}

static void
step_message(Input *in)
{
	SiPipeline *p = si_pipeline_create(in->spec, false);
	SiMessage	m = {.payload = in->message,.len = in->len,.timestamp = 1442018818771,.topic = "t"};
	SiAddResult result;
	SiReason	why = {""};

	for (int i = 0; i < 2; i++)
		if (si_pipeline_add(p, &m, PG_INT64_MAX, &result, &why) && (result.unparseable || result.with_error > 0))
			require_text(why.text, "reason");
	(void) si_index_table(si_pipeline_index(p));
}

/* ------------------------------------------------------------------- input */

static int
count_of(const char *text, const char *part)
{
	int			n = 0;

	for (const char *p = text; (p = strstr(p, part)) != NULL; p++)
		n++;
	return n;
}

/* What stands nowhere else in the spec is not shown at all. */
static void
check_secrets(const Input *in)
{
	const char *shown = si_spec_print(in->json, false, false);

	require_text(shown, "echo");
	for (int i = 0; i < in->spec->nproperties; i++)
	{
		const SiKeyValue *p = &in->spec->properties[i];

		if (si_property_is_secret(p->key) && strlen(p->value) >= LONG_SECRET &&
			count_of(in->json, p->value) == 1 && strstr(shown, p->value) != NULL)
			violated("an echo shows no secret", p->key);
	}
}

static bool
in_postgresql(const SiSpec *spec)
{
	for (int i = 0; i < spec->ntransforms; i++)
		if (spec->transforms[i].expr == NULL)
			return true;
	return false;
}

static void
run(Input *in)
{
	bool		valid = attempt(step_parse, in);

	if (!attempt(step_validate, in))
		violated("validate_supervisor() finds problems and raises none", in->json);
	if (valid != (in->problems == NIL))
		violated("validate_supervisor() finds what a submit does",
				 in->problems ? ((SiSpecProblem *) linitial(in->problems))->problem : "it found nothing");
	for (int i = 0; i < list_length(in->problems); i++)
	{
		SiSpecProblem *p = list_nth(in->problems, i);

		require_text(p->path, "path of a problem");
		require_text(p->problem, "problem");
		require_text(p->hint, "hint of a problem");
	}
	if (!valid)
		return;
	if (!attempt(step_echo, in))
		violated("an echo is a spec", in->echo);
	check_secrets(in);
	/* what PostgreSQL evaluates may take any time */
	if (attempt(step_rest_of_submit, in) && in->message && !in_postgresql(in->spec) && !attempt(step_message, in))
		violated("no error from data", in->json);
}

static void
check_growth(void)
{
	static int64 ninputs = 0;
	static Size warm = 0;
	Size		now;

	if (++ninputs < WARM_UP || ninputs % 1000 != 0)
		return;
	now = MemoryContextMemAllocated(TopMemoryContext, true);
	if (warm == 0)
		warm = now;
	if (now > warm + MOST_GROWTH)
	{
		MemoryContextStats(TopMemoryContext);
		violated("memory contexts end with their input", psprintf("%zu bytes, %zu before", now, warm));
	}
}

/* One input, in a memory context of its own. */
static void
once(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	size_t		len = end ? end - data : size;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	Input		in = {0};

	if (len > MOST_SPEC || pg_encoding_verifymbstr(PG_UTF8, (const char *) data, len) != len)
		return;
	context = AllocSetContextCreate(caller, "fuzz input", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	in.json = pnstrdup((const char *) data, len);
	if (end)
	{
		/* a copy of its own, so that what reads beyond it is seen */
		in.len = size - len - 1;
		in.message = malloc(in.len);
		memcpy(unconstify(char *, in.message), end + 1, in.len);
	}
	run(&in);
	free(unconstify(char *, in.message));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

static int
one(const uint8_t *data, size_t size)
{
	once(data, size);
	check_growth();
	return 0;
}

/* Every name and word that a spec can have. */
static void
write_dictionary(const char *path)
{
	FILE	   *f = fopen(path, "w");

	if (f == NULL)
		elog(ERROR, "could not write \"%s\": %m", path);
	for (int i = 0; i < si_spec_nfields; i++)
	{
		const char *dot = strrchr(si_spec_fields[i].path, '.');

		fprintf(f, "\"\\\"%s\\\":\"\n", dot ? dot + 1 : si_spec_fields[i].path);
	}
	for (int i = 0; i < si_spec_nwords; i++)
		fprintf(f, "\"\\\"%s\\\"\"\n", si_spec_words[i].word);
	for (int i = 0; i < si_nconsumer_properties; i++)
		fprintf(f, "\"\\\"%s\\\":\"\n", si_consumer_properties[i].name);
	if (fclose(f) != 0)
		elog(ERROR, "could not write \"%s\": %m", path);
}

/*
 * fuzz_spec(program text, arguments text, dictionary text): what libFuzzer
 * calls to run parts of its work in another process, its arguments with blanks
 * between, and where the dictionary is to be written.
 */
Datum
fuzz_spec(PG_FUNCTION_ARGS)
{
	char	   *words[MOST_ARGUMENTS + 1] = {text_to_cstring(PG_GETARG_TEXT_PP(0))};
	char	  **argv = words;
	int			argc = 1;
	char	   *save;

	write_dictionary(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	for (char *word = strtok_r(text_to_cstring(PG_GETARG_TEXT_PP(1)), " ", &save);
		 word != NULL && argc < MOST_ARGUMENTS; word = strtok_r(NULL, " ", &save))
		words[argc++] = word;
	(void) LLVMFuzzerRunDriver(&argc, &argv, one);
	PG_RETURN_VOID();
}
