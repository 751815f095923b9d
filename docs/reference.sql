-- Writes docs/reference.md from the table of fields:
--   psql -X -q -A -t -f docs/reference.sql > docs/reference.md      (in a database with the extension)
-- test/regress/sql/spec.sql fails while docs/reference.md is not what this prints.
WITH fields AS (
	SELECT row_number() OVER () AS n, f.path, f.type, f."default", f.meaning, f.help,
		split_part(f.path, ' = ', 1) AS field, split_part(f.path, ' = ', 2) AS word
	FROM stream_ingest.spec_fields() f
), words AS (
	SELECT field,
		' One of ' || string_agg('`' || word || '`', ', ' ORDER BY n) FILTER (WHERE meaning <> 'not supported yet') || '.' AS taken,
		' Not yet: ' || string_agg('`' || word || '`', ', ' ORDER BY n) FILTER (WHERE meaning = 'not supported yet') || '.' AS later
	FROM fields WHERE type = 'word' GROUP BY field
), rows AS (
	SELECT f.n, f.meaning,
		CASE WHEN f.path LIKE 'spec.%' THEN split_part(f.path, '.', 2) WHEN f.path LIKE 'context.%' THEN 'context' ELSE '' END AS section,
		'| `' || f.path || '` | ' || f.type || ' | ' || coalesce('`' || f."default" || '`', '') || ' | '
			|| f.help || coalesce(w.taken, '') || coalesce(w.later, '') || ' |' AS line
	FROM fields f LEFT JOIN words w ON w.field = f.path
	WHERE f.type <> 'word'
), lines AS (
	SELECT 0 AS part, 0::bigint AS n, x.line FROM (VALUES (
E'# Fields of a supervisor spec\n\nWritten by `docs/reference.sql` from the table that checks specs; `SELECT * FROM stream_ingest.spec_fields()` shows the same.\n\n'
'Paths are those of the nested shape. The three sections may also stand at the top level, as in old releases of Druid; `[]` means every element of a list. '
'Numbers may be given as strings, periods as ISO 8601 text or as milliseconds. Null is the same as leaving a field out.\n\n'
'- A field that is not listed here is ignored with a warning, or refused when its name is close to one that is, or when `context.strict` is true.\n'
'- A field without effect is accepted with a notice; one that is not supported yet is refused, unless its value is null, empty or the default.\n')) x(line)
	UNION ALL
	SELECT 1 + s.part, CASE h.i WHEN 0 THEN 0 ELSE r.n END,
		CASE h.i WHEN 0 THEN E'## ' || s.title || E'\n\n| field | type | default | |\n|---|---|---|---|' ELSE r.line END
	FROM (VALUES (0, '', 'used', 'Top level'), (1, 'dataSchema', 'used', 'dataSchema'), (2, 'ioConfig', 'used', 'ioConfig'),
			(3, 'tuningConfig', 'used', 'tuningConfig'), (4, 'context', 'used', 'context'),
			(5, NULL, 'accepted without effect', 'Accepted without effect'), (6, NULL, 'not supported yet', 'Not supported yet')) s(part, section, meaning, title)
	CROSS JOIN (VALUES (0), (1)) h(i)
	LEFT JOIN rows r ON h.i = 1 AND r.meaning = s.meaning AND (s.section IS NULL OR r.section = s.section)
	WHERE h.i = 0 OR r.n IS NOT NULL
	UNION ALL
	SELECT 1 + p, 1000000, '' FROM generate_series(0, 5) p
)
SELECT line FROM lines ORDER BY part, n;
