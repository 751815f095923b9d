/*
 * sql.c
 *		Transforms in PostgreSQL's language: see sql.h.
 *
 * Duties: what is an expression and what is not, whose rights it has, and
 * what becomes of its errors.  Text becomes a plan by PostgreSQL's own parser
 * and planner, anew for each batch, so that no plan outlives what it was made
 * from.
 *
 * The subtransaction is rolled back also when all went well: settings, locks
 * and whatever else an expression left behind go with it, and the task's own
 * statements never see a search_path of somebody else.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/commit.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "format/jsontext.h"
#include "format/number.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "pgstat.h"
#include "spec/check.h"
#include "storage/lock.h"
#include "transform/sql.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* Milliseconds between the epochs of Unix and of PostgreSQL. */
#define EPOCH_MS	(INT64CONST(86400000) * (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE))

typedef struct SqlField
{
	char	   *name;
	int			slot;			/* SI_TRANSFORM_TIME: the row's time */
} SqlField;

struct SiSql
{
	MemoryContext context;
	int			nexprs;
	const SiSpecTransform **exprs;
	int			nfields;
	SqlField   *fields;			/* parameter i + 1 of all expressions */
	Oid			user;			/* without run_as: who it is, or InvalidOid */
	bool		run_as;
	Oid			relid;			/* the data source's table ... */
	Oid			submitted_as;	/* ... and its owner at the submit */
	char	   *search_path;
};

/* ------------------------------------------------------------------- parsing */

/* ERROR about an expression; the text of PostgreSQL's own errors is kept. */
static void
refuse(const SiSpecTransform *t, int sqlstate, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("invalid value for %s: \"%s\"", t->path, t->expression),
			 errdetail("%s", detail),
			 hint ? errhint("%s", hint) : 0));
}

/* What PostgreSQL says about an expression gets its path. */
static void
add_path(void *arg)
{
	const SiSpecTransform *t = arg;

	errcontext("sql transform at %s: %s", t->path, t->expression);
	err_generic_string(PG_DIAG_COLUMN_NAME, t->path);
	/* positions are of the expression, not of the statement that the user sent */
	internalerrposition(geterrposition());
	internalerrquery(t->expression);
	errposition(0);
}

/* The one expression of the text; ERROR when there is something else. */
static Node *
raw_expression(const SiSpecTransform *t)
{
	List	   *statements = raw_parser(t->expression, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *s = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	ResTarget  *target;

	if (!IsA(s, SelectStmt) || list_length(statements) != 1 || list_length(s->targetList) != 1 ||
		s->distinctClause || s->intoClause || s->fromClause || s->whereClause || s->groupClause ||
		s->havingClause || s->windowClause || s->valuesLists || s->sortClause || s->limitOffset ||
		s->limitCount || s->lockingClause || s->withClause || s->op != SETOP_NONE)
		refuse(t, ERRCODE_SYNTAX_ERROR, "Expected one expression, not a query.", NULL);
	target = linitial_node(ResTarget, s->targetList);
	if (target->name != NULL)
		refuse(t, ERRCODE_SYNTAX_ERROR, "An expression has no name here; the transform has one.", NULL);
	return target->val;
}

typedef struct FieldWalk
{
	SiSql	   *sql;
	SiTransform *t;				/* NULL: only for checking */
} FieldWalk;

static int
find_field(const SiSql *sql, const char *name)
{
	for (int i = 0; i < sql->nfields; i++)
		if (strcmp(sql->fields[i].name, name) == 0)
			return i;
	return -1;
}

/* Collects names of columns that stand alone. */
static bool
collect_fields(Node *node, void *context)
{
	FieldWalk  *w = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		ColumnRef  *c = (ColumnRef *) node;
		SiSql	   *sql = w->sql;
		const char *name;

		if (list_length(c->fields) != 1 || !IsA(linitial(c->fields), String))
			return false;
		name = strVal(linitial(c->fields));
		if (find_field(sql, name) >= 0)
			return false;
		sql->fields = sql->fields ? repalloc(sql->fields, sizeof(SqlField) * (sql->nfields + 1)) : palloc(sizeof(SqlField));
		sql->fields[sql->nfields].name = pstrdup(name);
		sql->fields[sql->nfields].slot = w->t ? si_transform_slot(w->t, name, strlen(name)) : 0;
		sql->nfields++;
		return false;
	}
	/* what it is in is refused later */
	if (IsA(node, SubLink))
		return false;
	return raw_expression_tree_walker(node, collect_fields, w);
}

/* A column becomes a parameter: text, or the time. */
static Node *
column_parameter(ParseState *pstate, ColumnRef *c)
{
	const SiSql *sql = pstate->p_ref_hook_state;
	Param	   *p;
	int			i;

	if (IsA(llast(c->fields), A_Star))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("\"*\" is not a field"),
				 parser_errposition(pstate, c->location)));
	if (list_length(c->fields) != 1)
		return NULL;
	i = find_field(sql, strVal(linitial(c->fields)));
	if (i < 0)
		return NULL;
	p = makeNode(Param);
	p->paramkind = PARAM_EXTERN;
	p->paramid = i + 1;
	p->paramtype = strcmp(sql->fields[i].name, SI_TIME_COLUMN) == 0 ? TIMESTAMPTZOID : TEXTOID;
	p->paramtypmod = -1;
	p->paramcollid = get_typcollation(p->paramtype);
	p->location = c->location;
	return (Node *) p;
}

/* Text to a planned expression, as the current user. */
static Expr *
plan_expression(const SiSql *sql, const SiSpecTransform *t)
{
	ErrorContextCallback context = {error_context_stack, add_path, (void *) t};
	ParseState *pstate = make_parsestate(NULL);
	Node	   *node;
	Oid			type;

	error_context_stack = &context;
	pstate->p_sourcetext = t->expression;
	pstate->p_pre_columnref_hook = column_parameter;
	pstate->p_ref_hook_state = (void *) sql;
	node = transformExpr(pstate, raw_expression(t), EXPR_KIND_OTHER);
	if (pstate->p_hasSubLinks)
		refuse(t, ERRCODE_FEATURE_NOT_SUPPORTED, "Subqueries are not allowed in a transform.",
			   "Write a function that runs the query.");
	if (pstate->p_hasAggs || pstate->p_hasWindowFuncs)
		refuse(t, ERRCODE_GROUPING_ERROR, "Aggregates and window functions are not allowed in a transform: it sees one row.", NULL);
	if (expression_returns_set(node))
		refuse(t, ERRCODE_FEATURE_NOT_SUPPORTED, "Functions that return a set are not allowed in a transform.", NULL);
	type = exprType(node);
	if (type == UNKNOWNOID)
		node = coerce_type(pstate, node, UNKNOWNOID, TEXTOID, -1, COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
	else if (get_typtype(type) == TYPTYPE_PSEUDO)
		refuse(t, ERRCODE_DATATYPE_MISMATCH, psprintf("Its type is %s, which is not the type of a value.", format_type_be(type)), NULL);
	assign_expr_collations(pstate, node);
	free_parsestate(pstate);
	node = (Node *) expression_planner((Expr *) node);
	error_context_stack = context.previous;
	return (Expr *) node;
}

SiSql *
si_sql_create(const SiSpec *spec, SiTransform *t)
{
	SiSql	   *sql = palloc0(sizeof(SiSql));
	FieldWalk	walk = {sql, t};

	sql->context = CurrentMemoryContext;
	sql->exprs = palloc(sizeof(SiSpecTransform *) * Max(spec->ntransforms, 1));
	for (int i = 0; i < spec->ntransforms; i++)
	{
		const SiSpecTransform *e = &spec->transforms[i];
		ErrorContextCallback context = {error_context_stack, add_path, (void *) e};

		if (e->expr != NULL)
			continue;
		error_context_stack = &context;
		(void) collect_fields(raw_expression(e), &walk);
		error_context_stack = context.previous;
		sql->exprs[sql->nexprs++] = e;
	}
	return sql->nexprs > 0 ? sql : NULL;
}

/* An ERROR gives the rights back with the end of its (sub)transaction. */
void
si_sql_check(const SiSpec *spec, Oid user)
{
	SiSql	   *sql = si_sql_create(spec, NULL);
	Oid			caller;
	int			security;
	int			settings;

	if (sql == NULL)
		return;
	settings = NewGUCNestLevel();
	GetUserIdAndSecContext(&caller, &security);
	SetUserIdAndSecContext(user, security | SECURITY_RESTRICTED_OPERATION | SECURITY_LOCAL_USERID_CHANGE);
	for (int i = 0; i < sql->nexprs; i++)
		(void) plan_expression(sql, sql->exprs[i]);
	SetUserIdAndSecContext(caller, security);
	AtEOXact_GUC(false, settings);
}

void
si_sql_run_as_user(SiSql *sql, Oid user)
{
	sql->user = user;
}

bool
si_sql_run_as(SiSql *sql, const char *supervisor_id, int64 spec_version)
{
	MemoryContext old = MemoryContextSwitchTo(sql->context);

	sql->run_as = si_supervisor_identity(supervisor_id, spec_version, &sql->relid, &sql->submitted_as, &sql->search_path);
	MemoryContextSwitchTo(old);
	return sql->run_as;
}

/* ---------------------------------------------------------------- evaluation */

/* One batch on its way. */
typedef struct SqlRun
{
	SiSql	   *sql;
	SiSqlRow   *rows;
	int			n;
	int			at;				/* the row that is evaluated; those before are done */
	bool		planned;
	SiExprMemory *memory;
	MemoryContext context;		/* plans and execution state of one attempt */
	ExprState **states;
	FmgrInfo   *output;			/* of types that are shown as text */
	Oid		   *types;
	EState	   *estate;
	ParamListInfo params;
} SqlRun;

/* A field as the text that a string dimension would have. */
static Datum
field_datum(const SiValue *v, bool *isnull)
{
	char		number[SI_DOUBLE_TEXT];

	*isnull = false;
	switch ((SiValueKind) v->kind)
	{
		case SI_VALUE_BOOL:
			return CStringGetTextDatum(v->u.i ? "true" : "false");
		case SI_VALUE_LONG:
			return PointerGetDatum(cstring_to_text_with_len(number, snprintf(number, sizeof(number), INT64_FORMAT, v->u.i)));
		case SI_VALUE_DOUBLE:
			if (v->ptr != NULL)
				return PointerGetDatum(cstring_to_text_with_len(v->ptr, v->len));
			return PointerGetDatum(cstring_to_text_with_len(number, si_double_print(v->u.d, number)));
		case SI_VALUE_STRING:
		case SI_VALUE_ARRAY:
		case SI_VALUE_OBJECT:
			if (memchr(v->ptr, '\0', v->len) != NULL)
				ereport(ERROR,
						(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
						 errmsg("a text with a NUL character has no place in PostgreSQL")));
			return PointerGetDatum(cstring_to_text_with_len(v->ptr, v->len));
		default:
			*isnull = true;
			return (Datum) 0;
	}
}

static void
set_parameters(SqlRun *run, const SiSqlRow *row)
{
	static const SiValue missing = {0};

	for (int i = 0; i < run->sql->nfields; i++)
	{
		ParamExternData *p = &run->params->params[i];
		int			slot = run->sql->fields[i].slot;

		if (slot == SI_TRANSFORM_TIME)
		{
			p->value = TimestampTzGetDatum((row->time - EPOCH_MS) * 1000);
			p->isnull = false;
		}
		else
			p->value = field_datum(slot < row->nvalues ? &row->values[slot] : &missing, &p->isnull);
	}
}

static void
keep_text(SqlRun *run, SiValue *v, SiValueKind kind, const char *text, size_t len)
{
	char	   *copy = si_expr_alloc(run->memory, len + 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	v->kind = kind;
	v->ptr = copy;
	v->len = (uint32) len;
}

/* The JSON of json, jsonb and arrays: scalars become values of their type. */
static void
keep_json(SqlRun *run, SiValue *v, const char *text)
{
	size_t		len = strlen(text);
	SiValue		parsed;
	bool		escaped = false;

	keep_text(run, v, SI_VALUE_STRING, text, len);
	text = si_json_skip_blanks(v->ptr, v->ptr + len);
	if (si_json_value(text, v->ptr + len, &parsed, &escaped) == NULL)
		return;
	*v = parsed;
	if (escaped)
	{
		char	   *copy = si_expr_alloc(run->memory, parsed.len + 1);

		v->ptr = copy;
		v->len = (uint32) Max(si_json_unescape(parsed.ptr, parsed.len, copy), 0);
	}
	v->u.i = v->kind == SI_VALUE_STRING ? 0 : v->u.i;
}

static void
keep_number(SqlRun *run, SiValue *v, const char *text)
{
	SiValue		number = {0};

	keep_text(run, v, SI_VALUE_STRING, text, strlen(text));
	/* NaN and Infinity of numeric stay texts */
	if (si_number_scan(v->ptr, &number) != NULL)
		*v = number;
}

/* Times are milliseconds, as in Druid's language. */
static void
keep_time(SiValue *v, TimestampTz t)
{
	if (TIMESTAMP_NOT_FINITE(t))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("an infinite time is no value")));
	v->kind = SI_VALUE_LONG;
	v->u.i = (t >= 0 ? t / 1000 : -((-t + 999) / 1000)) + EPOCH_MS;
}

/* What an expression gave, as a format would hand it out. */
static void
keep_result(SqlRun *run, int e, Datum d, bool isnull, SiValue *v)
{
	memset(v, 0, sizeof(*v));
	v->kind = SI_VALUE_NULL;
	if (isnull)
		return;
	switch (run->types[e])
	{
		case BOOLOID:
			v->kind = SI_VALUE_BOOL;
			v->u.i = DatumGetBool(d);
			return;
		case INT2OID:
			v->kind = SI_VALUE_LONG;
			v->u.i = DatumGetInt16(d);
			return;
		case INT4OID:
			v->kind = SI_VALUE_LONG;
			v->u.i = DatumGetInt32(d);
			return;
		case INT8OID:
			v->kind = SI_VALUE_LONG;
			v->u.i = DatumGetInt64(d);
			return;
		case FLOAT4OID:
			v->kind = SI_VALUE_DOUBLE;
			v->u.d = DatumGetFloat4(d);
			return;
		case FLOAT8OID:
			v->kind = SI_VALUE_DOUBLE;
			v->u.d = DatumGetFloat8(d);
			return;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			keep_time(v, DatumGetTimestampTz(d));
			return;
		case NUMERICOID:
			keep_number(run, v, OutputFunctionCall(&run->output[e], d));
			return;
		case JSONOID:
		case JSONBOID:
			keep_json(run, v, OutputFunctionCall(&run->output[e], d));
			return;
		default:
			if (OidIsValid(get_element_type(run->types[e])))
				keep_json(run, v, TextDatumGetCString(OidFunctionCall1(F_ARRAY_TO_JSON_ANYARRAY, d)));
			else
			{
				char	   *text = OutputFunctionCall(&run->output[e], d);

				keep_text(run, v, SI_VALUE_STRING, text, strlen(text));
			}
	}
}

/* Plans all expressions, in the subtransaction and with the rights of their owner. */
static void
plan_all(SqlRun *run)
{
	SiSql	   *sql = run->sql;

	run->states = palloc(sizeof(ExprState *) * sql->nexprs);
	run->types = palloc(sizeof(Oid) * sql->nexprs);
	run->output = palloc(sizeof(FmgrInfo) * sql->nexprs);
	run->params = makeParamList(sql->nfields);
	for (int i = 0; i < sql->nfields; i++)
		run->params->params[i].ptype = sql->fields[i].slot == SI_TRANSFORM_TIME ? TIMESTAMPTZOID : TEXTOID;
	run->estate = CreateExecutorState();
	run->estate->es_param_list_info = run->params;
	for (int i = 0; i < sql->nexprs; i++)
	{
		Expr	   *expr = plan_expression(sql, sql->exprs[i]);
		Oid			function;
		bool		varlena;

		run->types[i] = getBaseType(exprType((Node *) expr));
		getTypeOutputInfo(run->types[i], &function, &varlena);
		fmgr_info(function, &run->output[i]);
		run->states[i] = ExecInitExprWithParams(expr, run->params);
	}
	run->planned = true;
}

/* The rights and the path under which expressions run; undone with the subtransaction. */
static void
become_owner(const SiSql *sql)
{
	Oid			user;
	int			security;

	GetUserIdAndSecContext(&user, &security);
	if (OidIsValid(sql->user))
		user = sql->user;
	if (sql->run_as)
	{
		HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(sql->relid));

		if (!HeapTupleIsValid(tuple))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("the table of the data source is gone")));
		user = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
		if (user != sql->submitted_as)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("sql transforms are not run, since the table has another owner than when they were submitted: whoever may act for \"%s\" calls submit_supervisor()",
							GetUserNameFromId(user, false))));
	}
	SetUserIdAndSecContext(user, security | SECURITY_RESTRICTED_OPERATION | SECURITY_LOCAL_USERID_CHANGE);
	/* writing is an error, not a side effect that is lost */
	XactReadOnly = true;
	if (sql->run_as)
		(void) set_config_option("search_path", sql->search_path, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

static void
evaluate_row(SqlRun *run, SiSqlRow *row)
{
	ExprContext *econtext = GetPerTupleExprContext(run->estate);
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	int			settings = NewGUCNestLevel();

	set_parameters(run, row);
	econtext->ecxt_param_list_info = run->params;
	for (int e = 0; e < run->sql->nexprs; e++)
	{
		bool		isnull;
		Datum		d = ExecEvalExpr(run->states[e], econtext, &isnull);

		keep_result(run, e, d, isnull, &row->results[e].value);
		row->results[e].failed = NULL;
	}
	/* what the expression has set is not for the next row */
	AtEOXact_GUC(false, settings);
	MemoryContextSwitchTo(old);
	ResetExprContext(econtext);
}

/* Whether an error is about the row, and not about the server or the plan. */
static bool
about_the_row(const SqlRun *run, int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_SYSTEM_ERROR:
			return false;
		default:
			return run->planned;
	}
}

/* The row at hand failed: all of its results say why. */
static void
fail_row(SqlRun *run, const ErrorData *error)
{
	SiSqlRow   *row = &run->rows[run->at];
	char	   *text = psprintf("%s (SQLSTATE %s)", error->message, unpack_sql_state(error->sqlerrcode));
	SiValue		kept;

	keep_text(run, &kept, SI_VALUE_STRING, text, strlen(text));
	for (int e = 0; e < run->sql->nexprs; e++)
	{
		memset(&row->results[e].value, 0, sizeof(SiValue));
		row->results[e].failed = kept.ptr;
	}
	run->at++;
}

/*
 * Rows from run->at on, in one subtransaction, until one fails or all are
 * done.  Results do not belong to the subtransaction, so what was evaluated
 * before a failure stands.
 */
static void
evaluate_some(SqlRun *run)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	run->context = AllocSetContextCreate(caller, "sql transforms", ALLOCSET_DEFAULT_SIZES);
	run->planned = false;
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(run->context);
		PushActiveSnapshot(GetTransactionSnapshot());
		become_owner(run->sql);
		plan_all(run);
		for (; run->at < run->n; run->at++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!run->rows[run->at].skip)
				evaluate_row(run, &run->rows[run->at]);
		}
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		if (!about_the_row(run, error->sqlerrcode))
		{
			/* the subtransaction is ours to end, whoever catches the error */
			RollbackAndReleaseCurrentSubTransaction();
			MemoryContextSwitchTo(caller);
			CurrentResourceOwner = owner;
			ReThrowError(error);
		}
		fail_row(run, error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	MemoryContextDelete(run->context);
}

void
si_sql_evaluate(SiSql *sql, SiSqlRow *rows, int n, SiExprMemory *m)
{
	MemoryContext caller = CurrentMemoryContext;
	SqlRun		run = {.sql = sql,.rows = rows,.n = n,.memory = m};
	bool		own = !IsTransactionState();
	bool		any = false;

	for (int i = 0; i < n && !any; i++)
		any = !rows[i].skip;
	if (!any)
		return;
	if (own)
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
	}
	while (run.at < n)
		evaluate_some(&run);
	if (own)
	{
		/* a lock of the session that an expression took would stay for as long as the task */
		LockReleaseSession(USER_LOCKMETHOD);
		CommitTransactionCommand();
		pgstat_report_stat(false);
	}
	MemoryContextSwitchTo(caller);
}
