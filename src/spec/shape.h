/*
 * shape.h
 *		A spec in the one shape that the rest of this module knows.
 */
#ifndef SI_SPEC_SHAPE_H
#define SI_SPEC_SHAPE_H

#include "spec/check.h"
#include "spec/spec.h"

typedef struct SiSpecShape
{
	SiJson	   *root;			/* {type, id, spec: {dataSchema, ioConfig, tuningConfig}, ...} */
	const char *prefix;			/* "spec." when it was given like that, or "" */
	/* where the user wrote them, for messages */
	const char *timestamp_path;
	const char *dimensions_path;
	const char *format_path;
} SiSpecShape;

/*
 * Brings a spec into the nested shape, with what a parser says in its newer
 * places.  Findings, when not NULL, gets what is left out.  The given tree is
 * not changed.  ERROR unless it is an object.
 */
extern void si_spec_shape(const SiJson *given, SiSpecShape *shape, SiSpecFindings *findings);

/* The value at a path of the table, such as "spec.ioConfig.topic", or NULL. */
extern SiJson *si_spec_at(const SiJson *root, const char *path);

/* properties.c */

/*
 * Fills the consumerProperties of spec; ERROR for those that are refused.
 * trusted: who submitted the spec had the right to, so nobody is asked.
 */
extern void si_spec_properties(SiSpec *spec, const SiJson *map, const char *path, bool trusted,
							   SiSpecFindings *findings);
/* A copy of consumerProperties for printing: secrets as "******". */
extern SiJson *si_spec_hide_secrets(const SiJson *map);

/* spec_format.c */

/* Fills the format of spec; ERROR for what does not fit together. */
extern void si_spec_format(SiSpec *spec, const SiSpecShape *shape, SiSpecFindings *findings);

/* spec_scaling.c */

/* Fills what ioConfig says about tasks, idling and bounds; ERROR for what does not fit together. */
extern void si_spec_scaling(SiSpec *spec, const SiJson *io, const char *prefix, SiSpecFindings *findings);

/* spec_index.c */

/* Fills the codecs; NOTICE for a word that stands for another, unless quiet. */
extern void si_spec_index(SiSpec *spec, const SiSpecShape *shape, bool quiet);

/* spec_schema.c */

/* Fills what dataSchema says; ERROR for what does not fit together. */
extern void si_spec_schema(SiSpec *spec, const SiSpecShape *shape, SiSpecFindings *findings);
/* NOTICE when rollup is on because nothing was said. */
extern void si_spec_note_rollup(const SiSpec *spec, const SiSpecShape *shape);

/* spec_transform.c */

/* An interval start/end, start/period or period/end; ERROR when it is none. */
extern void si_spec_interval(const SiJson *node, const char *path, int64 *start, int64 *end);

/* Fills transforms and filter. */
extern void si_spec_transforms(SiSpec *spec, const SiSpecShape *shape, SiSpecFindings *findings);

/*
 * The aggregator that a metric of type filtered is about in the end, with the
 * filters around it in m; the node itself when it is none.  *path moves along.
 */
extern const SiJson *si_spec_unwrap_metric(SiSpecMetric *m, const SiJson *node, const char **path);

/* The input of a metric that has a filter or an expression; its name is set. */
extern void si_spec_metric_input(SiSpecMetric *m, const SiJson *node, const char *path);

#endif							/* SI_SPEC_SHAPE_H */
