--
-- The last step: checks that this database can have the extension, and lets
-- the launcher know at commit that it has.
--
CREATE FUNCTION stream_ingest.extension_installed() RETURNS void
	LANGUAGE c VOLATILE STRICT
	AS 'MODULE_PATHNAME', 'si_extension_installed';
SELECT stream_ingest.extension_installed();
DROP FUNCTION stream_ingest.extension_installed();
