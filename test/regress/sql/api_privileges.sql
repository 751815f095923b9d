--
-- Who may do and see what.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS stream_ingest CASCADE;
DROP ROLE IF EXISTS api_owner, api_other, api_monitor, api_reader;
CREATE EXTENSION stream_ingest;
RESET client_min_messages;
CREATE ROLE api_owner;
CREATE ROLE api_other;
CREATE ROLE api_reader;
CREATE ROLE api_monitor IN ROLE pg_monitor;
CREATE SCHEMA mine AUTHORIZATION api_owner;
CREATE SCHEMA theirs AUTHORIZATION api_other;
GRANT USAGE ON SCHEMA mine TO api_other, api_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE api_owner IN SCHEMA mine GRANT SELECT ON TABLES TO api_reader;

CREATE FUNCTION error(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ': ' || message || CASE WHEN hint <> '' THEN ' -- ' || hint ELSE '' END;
END $$;
CREATE FUNCTION spec(data_source text, more text DEFAULT '') RETURNS json LANGUAGE sql AS $$
SELECT format('{"type":"kafka","spec":{"dataSchema":{"dataSource":"%s","timestampSpec":{"column":"time","format":"iso"},
	"dimensionsSpec":{"dimensions":["page"]},"metricsSpec":[],"granularitySpec":{"rollup":false}},
	"ioConfig":{"topic":"nobody","inputFormat":{"type":"json"},"useEarliestOffset":true,"consumerProperties":{"bootstrap.servers":"127.0.0.1:1"%s}},
	"tuningConfig":{"type":"kafka"}}}', data_source, more)::json $$;

-- nothing is executable by everybody but what only looks at its arguments
SELECT p.proname FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'stream_ingest'
WHERE p.pronamespace = 'public'::regnamespace AND p.proname NOT LIKE 'mv\_%' AND p.proname NOT LIKE 'time\_%'
	AND p.proname NOT IN ('millis_to_timestamp', 'timestamp_to_millis', 'earliest', 'earliest_by', 'latest', 'latest_by', 'approx_count_distinct') AND has_function_privilege('api_reader', p.oid, 'EXECUTE');
-- no table of ours is readable by everybody, or by pg_monitor: specs hold secrets
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'stream_ingest'::regnamespace AND c.relkind IN ('r', 'S')
	AND (has_table_privilege('api_reader', c.oid, 'SELECT') OR has_table_privilege('api_monitor', c.oid, 'SELECT'));
SET ROLE api_owner;
SELECT error(format('SELECT submit_supervisor(%L)', spec('wiki')));
RESET ROLE;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO api_owner, api_other, api_reader, api_monitor;

-- the submitter becomes the owner, with no right on our tables or server
SET ROLE api_owner;
SELECT error(format('SELECT submit_supervisor(%L)', spec('wiki')));
SET search_path = mine, public;
SELECT submit_supervisor(spec('wiki', ',"sasl.password":"secret word"'));
RESET ROLE;
SELECT relowner::regrole, (SELECT string_agg(privilege_type, ' ' ORDER BY privilege_type) FROM aclexplode(relacl) WHERE grantee = 'api_reader'::regrole) AS reader
FROM pg_class WHERE oid = 'mine.wiki'::regclass;
SELECT current_user = session_user AS same_user, current_setting('search_path');
SELECT count(*) FROM mine.wiki;
SET ROLE api_reader;
SELECT count(*) FROM mine.wiki;
SET ROLE api_other;
SELECT error('SELECT count(*) FROM mine.wiki');

-- others change nothing and see nothing
SELECT error(format('SELECT %s(%L)', f, 'wiki'))
FROM unnest('{get_supervisor,get_supervisor_health,get_supervisor_status,get_supervisor_stats,get_supervisor_parse_errors,get_supervisor_history,suspend_supervisor,resume_supervisor,reset_supervisor,terminate_supervisor}'::text[]) f;
SELECT error(format('SELECT submit_supervisor(%L)', spec('wiki')));
SET search_path = theirs, public;
SELECT error(format('SELECT submit_supervisor(%L)', spec('wiki')));
SELECT get_supervisors(), get_supervisors(true), get_supervisors(system => true), get_supervisors_history(), get_tasks();
SELECT error(s) FROM unnest(ARRAY[$$SELECT reset_supervisor('wiki', 'latest')$$, $$SELECT reset_supervisor('wiki', now())$$,
	$$SELECT reset_offsets('wiki', '{}')$$, $$SELECT handoff_task_groups('wiki', '{0}')$$,
	$$SELECT requeue_rejected('wiki')$$, $$SELECT audit_supervisor('wiki')$$, $$SELECT wait_for_offset('wiki', 0, 0, '0')$$, $$SELECT wait_until_current('wiki', '0')$$]) s;
SELECT count(*) FROM stream_ingest.metrics;
-- all supervisors of the caller: none
SELECT suspend_all_supervisors(), terminate_all_supervisors();
SELECT count(*) FROM stream_ingest.supervisors;
SELECT count(*) FROM stream_ingest.workers WHERE supervisor_id IS NOT NULL;
SELECT error('SELECT * FROM stream_ingest.supervisor');
SELECT error('SELECT * FROM stream_ingest.visible_data_source');
SELECT error('CREATE FOREIGN TABLE theirs.own (a int) SERVER stream_ingest');
-- monitors see all and change nothing
SET ROLE api_monitor;
SELECT get_supervisors();
SELECT supervisor_id, data_source, owner FROM stream_ingest.supervisors;
SELECT get_supervisor_status('wiki') ->> 'id';
SELECT get_supervisors(system => true) ->> 0 LIKE '%secret%' AS secret, json_object_keys(get_supervisors_history()) AS histories;
SELECT error($$SELECT suspend_supervisor('wiki')$$);
SELECT suspend_all_supervisors();
SELECT error($$SELECT requeue_rejected('wiki')$$), audit_supervisor('wiki') ->> 'exactlyOnce' AS audited;
SELECT error($$SELECT reset_offsets('wiki', '{}')$$), error($$SELECT handoff_task_groups('wiki', '{0}')$$);
SELECT count(*) FROM stream_ingest.pending_deletes;
-- the owner is the owner of the table, also when that changes
SET ROLE api_owner;
SELECT supervisor_id FROM stream_ingest.supervisors;
SELECT get_supervisor('wiki') ->> 'suspended' AS nobody_did;
SELECT suspend_supervisor('wiki') ->> 'suspended' AS suspended;
RESET ROLE;
GRANT CREATE ON SCHEMA mine TO api_other;
ALTER FOREIGN TABLE mine.wiki OWNER TO api_other;
SET ROLE api_owner;
SELECT error($$SELECT resume_supervisor('wiki')$$);
SET ROLE api_other;
SELECT resume_supervisor('wiki') ->> 'suspended' AS suspended;
-- a table that is there belongs to somebody else
RESET ROLE;
SELECT terminate_supervisor('wiki');
DO $$
BEGIN
	FOR i IN 1..600 LOOP
		COMMIT;
		EXIT WHEN NOT EXISTS (SELECT FROM stream_ingest.request);
		PERFORM pg_sleep(0.05);
	END LOOP;
END $$;
SET search_path = mine, public;
SET ROLE api_owner;
SELECT error(format('SELECT submit_supervisor(%L)', spec('wiki')));
SELECT error($$SELECT get_supervisor_history('wiki')$$);
SET ROLE api_other;
SELECT json_array_length(get_supervisor_history('wiki')) > 1 AS visible;
SELECT submit_supervisor(spec('wiki'));
-- the same id, or a dataSource of the same name in another schema, shows nobody the specs of another
RESET ROLE;
SELECT terminate_supervisor('wiki');
DO $$
BEGIN
	FOR i IN 1..600 LOOP
		COMMIT;
		EXIT WHEN NOT EXISTS (SELECT FROM stream_ingest.request);
		PERFORM pg_sleep(0.05);
	END LOOP;
END $$;
SET search_path = theirs, public;
SET ROLE api_monitor;
SELECT json_array_length(get_supervisor_history('wiki')) AS before \gset
RESET ROLE;
GRANT USAGE, CREATE ON SCHEMA theirs TO api_owner;
SET ROLE api_owner;
SELECT submit_supervisor(spec('wiki'));
SELECT json_array_length(get_supervisor_history('wiki')) AS own;
SET ROLE api_monitor;
SELECT json_array_length(get_supervisor_history('wiki')) - :before AS added;

-- search paths of callers do not matter
RESET ROLE;
GRANT ALL ON SCHEMA theirs TO api_other;
SET ROLE api_other;
CREATE FUNCTION theirs.steal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'running as %', current_user; END $$;
CREATE OPERATOR theirs.= (LEFTARG = text, RIGHTARG = text, FUNCTION = theirs.steal);
CREATE FUNCTION theirs.count(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'running as %', current_user; END $$;
SET search_path = theirs, pg_catalog, public;
SELECT submit_supervisor(public.spec('trap'));
SELECT suspend_supervisor('trap') IS NULL AS nothing;
SELECT get_supervisor_status('trap') IS NULL AS nothing;
DROP FOREIGN TABLE trap;
SELECT get_supervisors();
RESET search_path;

-- what the overlord does to a table it does with the rights of the table's owner, and never so that the owner's code runs
RESET ROLE;
CREATE PROCEDURE wait_until(condition text) LANGUAGE plpgsql AS $$
DECLARE done boolean;
BEGIN
	FOR i IN 1..600 LOOP
		COMMIT;
		EXECUTE 'SELECT ' || condition INTO done;
		EXIT WHEN done;
		PERFORM pg_sleep(0.05);
	END LOOP;
	IF done IS NOT TRUE THEN
		RAISE EXCEPTION 'not so after 30 s: %', condition;
	END IF;
END $$;
CREATE FUNCTION note_alter() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> 'api_other' THEN
		RAISE EXCEPTION 'altered by %', current_user;
	END IF;
END $$;
SET ROLE api_other;
SET search_path = theirs, public;
CREATE FUNCTION theirs.spy(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'running as %', current_user; END $$;
CREATE FUNCTION theirs.columns(type text, more text DEFAULT '') RETURNS json LANGUAGE sql AS $$
SELECT replace(public.spec('heir')::text, '["page"]', format('[{"type":"%s","name":"n"}%s]', type, more))::json $$;
SELECT submit_supervisor(theirs.columns('long'));
CREATE TABLE theirs.child () INHERITS (theirs.heir);
INSERT INTO theirs.child (n) VALUES (1);
ALTER TABLE theirs.child ADD CHECK (theirs.spy(n::text)) NOT VALID;
RESET ROLE;
CREATE EVENT TRIGGER note_alter ON ddl_command_end WHEN TAG IN ('ALTER FOREIGN TABLE') EXECUTE FUNCTION note_alter();
SET ROLE api_other;
SELECT submit_supervisor(theirs.columns('string', ',"more"'));
CALL public.wait_until($$(SELECT bool_and(attached OR problem IS NOT NULL) AND count(*) = 2 FROM stream_ingest.columns WHERE data_source = 'theirs.heir'::regclass)$$);
SELECT name, type, attached, problem FROM stream_ingest.columns WHERE data_source = 'theirs.heir'::regclass ORDER BY name;
SELECT attrelid::regclass, attname, atttypid::regtype FROM pg_attribute WHERE attrelid IN ('theirs.heir'::regclass, 'theirs.child'::regclass) AND attnum > 1 ORDER BY 1, 2;
-- without the heirs it follows
DROP TABLE theirs.child;
CALL public.wait_until($$(SELECT bool_and(attached) FROM stream_ingest.columns WHERE data_source = 'theirs.heir'::regclass)$$);
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'theirs.heir'::regclass AND attnum > 1 ORDER BY 1;
RESET ROLE;
DROP EVENT TRIGGER note_alter;
DROP FUNCTION note_alter();
SET ROLE api_other;

-- a superuser who sends an echo back, or only looks at it, calls nothing with more rights than the owner's
CREATE FUNCTION theirs.whose(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'running as %', current_user; RETURN t; END $$;
SET search_path = theirs, public;
SELECT submit_supervisor(replace(spec('echoed')::text, '"metricsSpec"',
	'"transformSpec":{"transforms":[{"type":"sql","name":"w","expression":"theirs.whose(''a'')"}]},"metricsSpec"')::json);
RESET ROLE;
SELECT submit_supervisor((get_supervisor('echoed')::jsonb || '{"suspended":true}')::json);
SELECT path, problem FROM validate_supervisor(get_supervisor('echoed'));
SELECT sample_supervisor(get_supervisor('echoed'), ARRAY['{"time":"2020-01-01"}']) ->> 'numRowsIndexed' AS sampled;
-- but nobody gets the rights of somebody else by naming a supervisor
SET ROLE api_owner;
SELECT path, problem FROM validate_supervisor(replace(spec('echoed')::text, '"metricsSpec"',
	'"transformSpec":{"transforms":[{"type":"sql","name":"w","expression":"public.error(current_user::text)"}]},"metricsSpec"')::json);
SELECT sample_supervisor(replace(spec('echoed')::text, '"metricsSpec"',
	'"transformSpec":{"transforms":[{"type":"sql","name":"page","expression":"current_user::text"}]},"metricsSpec"')::json,
	ARRAY['{"time":"2020-01-01"}']) -> 'data' -> 0 -> 'parsed' ->> 'page' AS sampled_as;
-- a wrapper that runs as its owner submits for its owner
RESET ROLE;
CREATE FUNCTION mine.submit_for_all(name text) RETURNS json LANGUAGE sql SECURITY DEFINER SET search_path = mine, public AS $$ SELECT submit_supervisor(spec(name)) $$;
ALTER FUNCTION mine.submit_for_all(text) OWNER TO api_owner;
SET ROLE api_reader;
SELECT mine.submit_for_all('wrapped');
SELECT error($$SELECT suspend_supervisor('wrapped')$$), error($$SELECT get_supervisor('wrapped')$$);
RESET ROLE;
SELECT relowner::regrole FROM pg_class WHERE oid = 'mine.wrapped'::regclass;

-- who gets a supervisor does not get its secrets: they go to nobody else, and in no other way
SET search_path = mine, public;
SELECT submit_supervisor(spec('handed', ',"security.protocol":"SASL_SSL","sasl.mechanism":"PLAIN","sasl.username":"ann","sasl.password":"secret word","druid.dynamic.config.provider":{"type":"mapString","config":{"ssl.key.password":"other word"}}'));
ALTER FOREIGN TABLE mine.handed OWNER TO api_owner;
SET ROLE api_owner;
CREATE FUNCTION mine.echo(was text, becomes text) RETURNS json LANGUAGE sql AS $$ SELECT replace(public.get_supervisor('handed')::text, was, becomes)::json $$;
SELECT mine.echo('', '') -> 'spec' -> 'ioConfig' -> 'consumerProperties' AS shown;
SELECT error(format('SELECT submit_supervisor(mine.echo(%L, %L))', was, becomes)) FROM (VALUES
	('"bootstrap.servers":"127', '"bootstrap.servers":"128'),
	('"bootstrap.servers"', '"metadata.broker.list":"128.0.0.1:1","bootstrap.servers"'),
	('"type":"mapString"', '"type":"mapString","more":{"bootstrap.servers":"128.0.0.1:1"}'),
	('"SASL_SSL"', '"SASL_PLAINTEXT"'),
	('"security.protocol":"SASL_SSL",', ''),
	('"sasl.mechanism":"PLAIN"', '"sasl.mechanism":"OAUTHBEARER","sasl.oauthbearer.token.endpoint.url":"http://128.0.0.1"'),
	('"bootstrap.servers"', '"enable.ssl.certificate.verification":"false","bootstrap.servers"'),
	('"bootstrap.servers"', '"ssl.ca.pem":"x","bootstrap.servers"')) AS t (was, becomes);
-- what is no secret, and has no say in where they go, may change
SELECT submit_supervisor(mine.echo('"sasl.username":"ann"', '"sasl.username":"eve","client.id":"me"'));
RESET ROLE;
CALL wait_until($$NOT EXISTS (SELECT FROM stream_ingest.request WHERE supervisor_id = 'handed')$$);
SELECT (spec -> 'spec' -> 'ioConfig' -> 'consumerProperties')::jsonb - 'bootstrap.servers' AS stored FROM stream_ingest.supervisor WHERE supervisor_id = 'handed';

-- an owner who goes, and one who comes
REASSIGN OWNED BY api_owner TO api_other;
SELECT supervisor_id, owner FROM stream_ingest.supervisors WHERE supervisor_id IN ('wrapped', 'handed') ORDER BY 1;
SET ROLE api_owner;
SELECT error($$SELECT suspend_supervisor('wrapped')$$), error($$SELECT get_supervisor_history('handed')$$);
RESET ROLE;
REVOKE EXECUTE ON FUNCTION submit_supervisor(json) FROM api_other;
SET ROLE api_other;
SELECT error($$SELECT submit_supervisor(get_supervisor('wrapped'))$$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION submit_supervisor(json) TO api_other;

-- no view shows a row of somebody else's, also with rows in the tables behind it, and no condition is asked before that is known
INSERT INTO stream_ingest.rejected_message (install, supervisor_id, topic, partition, "offset", error_type, reason, payload_bytes, payload)
SELECT install, 'wrapped', 'nobody', 0, 1, 'unparseable', 'reason', 7, 'private' FROM stream_ingest.supervisor WHERE supervisor_id = 'wrapped';
CREATE FUNCTION public.leak(row_text text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
	IF row_text ~ 'wrapped|private' THEN
		RAISE WARNING 'leaked %', row_text;
	END IF;
	RETURN true;
END $$;
CREATE FUNCTION public.rows_of(view name) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE rows bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM stream_ingest.%I v WHERE public.leak(v::text)', view) INTO rows;
	RETURN rows;
END $$;
SET ROLE api_other;
SELECT count(*) FROM stream_ingest.rejected_messages m WHERE payload = 'private';
SET ROLE api_reader;
SELECT c.relname FROM pg_class c
WHERE relnamespace = 'stream_ingest'::regnamespace AND relkind = 'v' AND relname <> 'workers' AND has_table_privilege(c.oid, 'SELECT') AND public.rows_of(c.relname) > 0;
SELECT count(*) FROM stream_ingest.workers WHERE supervisor_id IS NOT NULL AND public.leak(workers::text);
RESET ROLE;
DROP FUNCTION public.rows_of(name), public.leak(text);

-- what somebody owned is gone with its supervisor
CREATE ROLE api_gone;
CREATE SCHEMA gone AUTHORIZATION api_gone;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO api_gone;
SET ROLE api_gone;
SET search_path = gone, public;
SELECT submit_supervisor(spec('gone'));
RESET ROLE;
DROP OWNED BY api_gone CASCADE;
DROP ROLE api_gone;
SELECT count(*) FROM stream_ingest.supervisors WHERE supervisor_id = 'gone';
SET ROLE api_other;

-- file and program settings of the client are for superusers
SET search_path = theirs, public;
SELECT error(format('SELECT submit_supervisor(%L)', spec('files', ',"ssl.ca.location":"/etc/passwd"')));
RESET ROLE;
SELECT error(format('SELECT submit_supervisor(%L)', spec('files', ',"ssl.ca.location":"/etc/passwd"')));

RESET search_path;
SET client_min_messages = warning;
DROP EXTENSION stream_ingest CASCADE;
DROP SCHEMA mine, theirs CASCADE;
DROP FUNCTION error, spec;
DROP PROCEDURE wait_until;
DROP ROLE api_owner, api_other, api_monitor, api_reader;
