/*
 * options.h
 *		What a spec says about the format of messages.
 *
 * All zero is JSON without options.  Strings are UTF-8 and belong to the spec.
 */
#ifndef SI_FORMAT_OPTIONS_H
#define SI_FORMAT_OPTIONS_H

#include "common/types.h"

typedef enum SiFormatKind
{
	SI_FORMAT_JSON = 0,
	SI_FORMAT_CSV,
	SI_FORMAT_TSV,
	SI_FORMAT_REGEX,
	SI_FORMAT_LINES,
	SI_FORMAT_KAFKA
} SiFormatKind;

/* Where a field of a flattenSpec comes from. */
typedef enum SiFlattenKind
{
	SI_FLATTEN_ROOT = 0,
	SI_FLATTEN_PATH,			/* JSONPath */
	SI_FLATTEN_JQ,
	SI_FLATTEN_TREE
} SiFlattenKind;

typedef struct SiFlattenField
{
	SiFlattenKind kind;
	char	   *name;
	char	   *expr;			/* not for a tree */
	int			nnodes;			/* tree */
	char	  **nodes;
} SiFlattenField;

/* Lenient reading of JSON, named as Jackson names it. */
#define SI_JSON_COMMENTS			0x0001
#define SI_JSON_YAML_COMMENTS		0x0002
#define SI_JSON_UNQUOTED_NAMES		0x0004
#define SI_JSON_SINGLE_QUOTES		0x0008
#define SI_JSON_CONTROL_CHARS		0x0010
#define SI_JSON_ANY_ESCAPE			0x0020
#define SI_JSON_LEADING_ZEROS		0x0040
#define SI_JSON_LEADING_PLUS		0x0080
#define SI_JSON_LEADING_POINT		0x0100
#define SI_JSON_TRAILING_POINT		0x0200
#define SI_JSON_NON_NUMERIC			0x0400
#define SI_JSON_MISSING_VALUES		0x0800
#define SI_JSON_TRAILING_COMMA		0x1000

typedef struct SiSpecFormat SiSpecFormat;

struct SiSpecFormat
{
	SiFormatKind kind;

	/* json */
	bool		no_discovery;	/* useFieldDiscovery is false */
	int			nfields;
	SiFlattenField *fields;
	bool		newline_delimited;
	bool		node_reader;
	uint32		features;		/* SI_JSON_... */

	/* csv, tsv, regex */
	int			ncolumns;		/* 0: from the header, or column_1 and so on */
	char	  **columns;
	char	   *delimiter;		/* NULL: the format's own */
	char	   *list_delimiter; /* NULL: U+0001 */
	bool		header;
	int			skip_rows;
	bool		try_numbers;
	char	   *pattern;		/* regex */

	/* kafka; NULL columns are Druid's default names */
	SiSpecFormat *value;
	SiSpecFormat *key;			/* NULL: keys are not read */
	bool		headers;
	char	   *header_encoding;	/* NULL: UTF-8 */
	char	   *header_prefix;
	char	   *key_column;
	char	   *timestamp_column;
	char	   *topic_column;
	char	   *partition_column;
	char	   *offset_column;
};

#endif							/* SI_FORMAT_OPTIONS_H */
