/*
 * spec.h
 *		A supervisor spec, checked, with every default filled in.
 *
 * One table of fields (spec_fields.c) drives parsing, defaults, checks,
 * printing and docs/reference.md.  A spec that is wrong is an ERROR that names
 * the path of the field, what was expected, and the nearest valid name.
 */
#ifndef SI_SPEC_SPEC_H
#define SI_SPEC_SPEC_H

#include "common/granularity.h"
#include "common/codec.h"
#include "common/types.h"
#include "expr/filter.h"
#include "format/convert.h"
#include "spec/scaling.h"
#include "format/options.h"

typedef struct SiSpecDimension
{
	char	   *name;
	SiType		type;
	SiMultiValue multi_value;
	bool		bitmap;
	bool		json;			/* STRING: holds JSON text */
	bool		automatic;		/* takes the type of its values; there once it has one */
	bool		array;			/* STRING: the column is text[] */
	uint32		max_length;		/* STRING: characters that are kept; 0: all */
} SiSpecDimension;

typedef enum SiMetricInput
{
	SI_METRIC_COUNT,			/* 1 per row, no input */
	SI_METRIC_FIELD				/* value of field_name */
} SiMetricInput;

typedef struct SiSpecMetric
{
	char	   *name;
	SiMetricInput input;
	char	   *field_name;		/* NULL for count */
	SiType		type;			/* LONG, FLOAT, DOUBLE or STRING */
	SiAgg		agg;
	char	   *time_column;	/* FIRST and LAST: field of the times; NULL: the row's time */
	uint32		max_string_bytes;	/* STRING: longer values are cut */
	char	   *source;			/* with filter or expr: field that is aggregated, or NULL; field_name is then ours */
	SiFilter   *filter;			/* only rows that it lets through, or NULL */
	SiExpr	   *expr;			/* what is aggregated in the place of a field, or NULL */
} SiSpecMetric;

typedef struct SiSpecTransform
{
	char	   *name;
	char	   *expression;
	char	   *path;			/* where the expression stands in the spec */
	SiExpr	   *expr;			/* NULL: in PostgreSQL's language */
} SiSpecTransform;

/* indexSpec: how chunks are compressed. */
typedef struct SiSpecCodecs
{
	SiCodec		dimensions;
	SiCodec		metrics;		/* and times */
} SiSpecCodecs;

typedef struct SiKeyValue
{
	char	   *key;
	char	   *value;
} SiKeyValue;

typedef struct SiSpec
{
	char	   *id;				/* defaults to data_source */
	bool		suspended;
	int			worker_capacity;	/* reading tasks that may run at once; 0: no limit */

	/* dataSchema */
	char	   *data_source;
	char	   *timestamp_column;
	char	   *timestamp_format;
	bool		has_missing_value;
	int64		missing_value;	/* ms */
	int			ndimensions;
	SiSpecDimension *dimensions;
	bool		schema_discovery;	/* discovered dimensions take the type of their values */
	bool		discover;		/* schemaless, or includeAllDimensions */
	int			nexclusions;
	char	  **exclusions;
	int			nmetrics;
	SiSpecMetric *metrics;
	int			ntransforms;
	SiSpecTransform *transforms;
	SiFilter   *filter;			/* of rows, or NULL */
	SiGranularity segment_granularity;
	SiGranularity query_granularity;
	bool		rollup;

	/* ioConfig; all periods in ms */
	char	   *topic;			/* NULL: topic_pattern */
	char	   *topic_pattern;
	int			nproperties;
	SiKeyValue *properties;		/* consumerProperties as given, secrets included */
	int			task_count;
	int			stop_task_count;	/* 0: as many as there are */
	double		stop_task_ratio;	/* of autoScalerConfig; 0: not given */
	int			replicas;
	SiScalerConfig scaler;
	bool		idle_enabled;
	int64		inactive_after; /* ms */
	int			nbounds;		/* boundedStreamConfig; 0: none */
	SiBound    *bounds;
	int64		task_duration;
	int64		start_delay;
	int64		period;
	int64		completion_timeout;
	int64		poll_timeout;
	bool		use_earliest_offset;
	bool		has_late_period;
	int64		late_period;
	bool		has_late_start;
	int64		late_start;		/* ms since epoch */
	bool		has_early_period;
	int64		early_period;

	SiSpecFormat format;		/* inputFormat, or what a parser says */

	/* tuningConfig */
	SiSpecCodecs codecs;		/* indexSpec: of published segments */
	SiSpecCodecs delta_codecs;	/* indexSpecForIntermediatePersists: of deltas */
	int64		max_rows_in_memory;
	int64		max_bytes_in_memory;	/* 0: stream_ingest.task_memory; -1: no limit */
	int64		max_rows_per_segment;
	int64		max_total_rows; /* PG_INT64_MAX: no limit */
	int64		intermediate_persist_period;
	int64		intermediate_handoff_period;	/* PG_INT64_MAX: never */
	int			max_pending_persists;
	bool		log_parse_exceptions;
	int64		max_parse_exceptions;
	int64		max_saved_parse_exceptions;
	bool		reset_offset_automatically;
	int64		offset_fetch_period;
} SiSpec;

/*
 * Parses and checks a spec in either of Druid's shapes.  ERROR when it is
 * wrong.  quiet is false for a spec that somebody submits: NOTICEs and
 * WARNINGs say what was accepted without effect, and properties that reach
 * into the server need a superuser.  It is true for a spec that was accepted
 * before.  Result in CurrentMemoryContext.
 */
extern SiSpec *si_spec_parse(const char *json, bool quiet);

/* What is read, for people: the topic or the pattern of topics. */
static inline const char *
si_spec_stream(const SiSpec *spec)
{
	return spec->topic ? spec->topic : spec->topic_pattern;
}

/*
 * The same for a spec that nobody submits yet, with all problems at once
 * instead of the first one as an ERROR: a list of SiSpecProblem (check.h).
 * NULL when there are any.  Needs a transaction.
 */
struct List;
extern SiSpec *si_spec_validate(const char *json, struct List **problems);

/*
 * From now on the statement is not shown to others, when the spec in it has
 * secrets: not in pg_stat_activity, and not in the log for an error.  Undone by
 * error_context_stack = callback->previous.
 */
struct ErrorContextCallback;
extern void si_spec_hide_statement(struct ErrorContextCallback *callback, const char *json);

/*
 * The spec as get_supervisor() shows it: nested shape, every default filled
 * in, fields that were given but not understood kept, secrets as "******"
 * unless reveal.  suspended overrides the spec's own.
 */
extern char *si_spec_print(const char *json, bool suspended, bool reveal);

/* What an echo shows for a secret. */
#define SI_HIDDEN_SECRET	"******"

/* The id of a spec that says "******" somewhere; NULL: it does not, or has none. */
extern const char *si_spec_hidden_in(const char *json);

/*
 * The spec with the stored spec's secrets in the place of "******".  Where
 * none is stored that is left, and parsing refuses it.
 */
extern const char *si_spec_keep_secrets(const char *json, const char *stored);

#endif							/* SI_SPEC_SPEC_H */
