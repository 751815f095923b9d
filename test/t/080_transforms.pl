# transformSpec through a real broker: transforms, filter, filtered aggregators
# and their counters; transforms in PostgreSQL's language with rows that fail,
# and whose rights they have.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('transforms');
my $node = StreamIngest::Cluster->new('transforms');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

sub query { return $node->safe_psql('postgres', $_[0]); }

# A spec with a transformSpec, as a SQL literal.
sub with_transforms
{
	my ($transforms, $filter, %o) = @_;
	my $spec = decode_json(spec(brokers => $kafka->address, topic => $o{dataSource}, %o));

	$spec->{spec}{dataSchema}{transformSpec} = { transforms => $transforms, filter => $filter };
	return encode_json($spec) =~ s/'/''/gr;
}

sub expression { return { type => 'expression', name => $_[0], expression => $_[1] }; }
sub in_sql { return { type => 'sql', name => $_[0], expression => $_[1] }; }

# What all counters of a supervisor say.
sub counters
{
	return "SELECT sum(processed), sum(processed_with_error), sum(unparseable), sum(thrown_away), sum(thrown_away_filtered)
		FROM stream_ingest.row_stats WHERE supervisor_id = '$_[0]'";
}

# ---- Druid's language ----

$kafka->topic('rows', 1);
$kafka->produce('rows', 0,
	'{"time":"2015-09-12T00:46:58Z","kind":"a","page":"Main Page","status":200,"bytes":10}',
	'{"time":"2015-09-12T00:47:58Z","kind":"b","page":"Other","status":503,"bytes":20}',
	'{"time":"2015-09-12T00:48:58Z","kind":"c","page":"Third","status":200,"bytes":30}',
	'{"time":"2015-09-12T00:49:58Z","kind":"a","page":"Fourth","status":500,"bytes":40,"at":"2016-01-01T00:00:00Z"}',
	'{"time":"2015-09-12T00:50:58Z","page":"no kind","status":200}',
	'{"time":"2015-09-12T00:51:58Z","kind":"a","page":"bad","status":0,"bytes":1}',
	'not json',
	'{"time":"2015-09-12T00:52:58Z","kind":"b","page":"x"}{"time":"2015-09-12T00:52:59Z","kind":"z","page":"y","status":1}');
query("SELECT submit_supervisor('" . with_transforms(
	[
		expression('title', "upper(replace(page, ' ', '_'))"),
		expression('__time', "nvl(timestamp_parse(at), __time)"),
		expression('share', "10000 / status"),
		expression('kind', "concat('k-', kind)")
	],
	{ type => 'or', fields => [
		{ type => 'in', dimension => 'kind', values => [ 'k-a', 'k-b' ] },
		{ type => 'expression', expression => "strlen(page) == 7" } ] },
	dataSource => 'rows', dimensions => [ 'kind', 'title', { type => 'long', name => 'share' } ],
	metrics => [
		{ type => 'count', name => 'n' },
		{ type => 'filtered', filter => { type => 'bound', dimension => 'status', lower => '500', ordering => 'numeric' },
			aggregator => { type => 'count', name => 'errors' } },
		{ type => 'filtered', filter => { type => 'selector', dimension => 'kind', value => 'k-a' },
			aggregator => { type => 'longSum', name => 'a_bytes', fieldName => 'bytes' } },
		{ type => 'doubleSum', name => 'kb', expression => 'bytes / 1024.0' } ]) . "')");
# 3 of kind a and b, "no kind" by its length, and the one without a status; c and z are refused; status 0 cannot be divided by
ok($node->wait_for(counters('rows'), '5|0|2|2|2'), 'every row is counted once');
is(query(q{SET TimeZone = 'UTC'; SELECT "__time", kind, title, share, n, errors, a_bytes, kb FROM rows ORDER BY 1}), <<'ROWS' =~ s/\n\z//r,
2015-09-12 00:46:58+00|k-a|MAIN_PAGE|50|1|0|10|0.009765625
2015-09-12 00:47:58+00|k-b|OTHER|19|1|1||0.01953125
2015-09-12 00:50:58+00||NO_KIND|50|1|0||
2015-09-12 00:52:58+00|k-b|X||1|0||
2016-01-01 00:00:00+00|k-a|FOURTH|20|1|1|40|0.0390625
ROWS
	'rows are as the transforms make them');
is(query(q{SELECT "offset", error_type, reason FROM stream_ingest.rejected_messages WHERE supervisor_id = 'rows' AND "offset" = 5}),
	'5|unparseable|Could not transform value for share reason: division by zero', 'a row that cannot be transformed is kept');
like(query(q{SELECT get_supervisor_stats('rows')}), qr/"filtered":\s*2/, 'statistics name the reason filtered');

# ---- PostgreSQL's language ----

query(<<'SQL');
CREATE ROLE feeder LOGIN;
CREATE SCHEMA feed AUTHORIZATION feeder;
CREATE SCHEMA evil AUTHORIZATION feeder;
GRANT USAGE ON SCHEMA stream_ingest TO feeder;
GRANT EXECUTE ON FUNCTION submit_supervisor(json) TO feeder;
CREATE TABLE public.secret AS SELECT 'secret'::text AS word;
REVOKE ALL ON public.secret FROM PUBLIC;
SET ROLE feeder;
CREATE TABLE feed.written (t text);
CREATE FUNCTION feed.who(t text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN current_user || ' of ' || t; END $$;
CREATE FUNCTION feed.try(t text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	CASE t
		WHEN 'role' THEN SET ROLE postgres;
		WHEN 'authorization' THEN SET SESSION AUTHORIZATION postgres;
		WHEN 'reset' THEN RESET ROLE;
		WHEN 'read' THEN RETURN (SELECT word FROM public.secret);
		WHEN 'write' THEN INSERT INTO feed.written VALUES (t);
		WHEN 'temp' THEN CREATE TEMP TABLE mine (a int);
		WHEN 'path' THEN PERFORM set_config('search_path', 'evil, pg_catalog', false);
		WHEN 'setting' THEN PERFORM set_config('work_mem', '64kB', false);
		WHEN 'transaction' THEN SET TRANSACTION READ WRITE;
		WHEN 'commit' THEN COMMIT;
		WHEN 'prepare' THEN EXECUTE 'PREPARE kept AS SELECT 1';
		WHEN 'cursor' THEN EXECUTE 'DECLARE kept CURSOR WITH HOLD FOR SELECT 1';
		WHEN 'listen' THEN LISTEN kept;
		WHEN 'fault' THEN PERFORM set_config('stream_ingest.fault_point', 'commit_before_end:crash', false);
		WHEN 'signal' THEN PERFORM pg_terminate_backend(pg_backend_pid());
		WHEN 'file' THEN RETURN pg_read_file('postgresql.conf');
		WHEN 'program' THEN EXECUTE $c$COPY feed.written FROM PROGRAM 'echo x'$c$;
		WHEN 'export' THEN EXECUTE $c$COPY (SELECT 1) TO PROGRAM 'cat'$c$;
		WHEN 'catalog' THEN RETURN (SELECT spec FROM stream_ingest.supervisor LIMIT 1);
		WHEN 'lock' THEN PERFORM pg_advisory_lock(4711);
		WHEN 'raise' THEN RAISE EXCEPTION 'no % here', t USING ERRCODE = 'P0042';
		ELSE RETURN t;
	END CASE;
	RETURN 'done ' || t;
END $$;
-- found before PostgreSQL's own if a search_path of the owner reached the task's statements
CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'evil'; END $$;
CREATE OPERATOR evil.= (FUNCTION = evil.same, LEFTARG = text, RIGHTARG = text);
SQL
$kafka->topic('sql', 1);
my @tries = qw(role authorization reset read write temp path setting transaction commit prepare cursor listen fault signal file program export catalog lock raise);
$kafka->produce('sql', 0,
	(map { qq({"time":"2020-01-01T00:00:00Z","t":"$_","n":1}) } @tries),
	(map { qq({"time":"2020-01-01T00:00:00Z","t":"row $_","n":$_}) } 0 .. 200),
	'{"time":"2020-01-01T00:00:00Z","t":"row 5","n":"x","drop":"yes"}');
my $spec = with_transforms(
	[ in_sql('who', 'who(t)'), in_sql('result', 'try(t)'), in_sql('q', '100 / n::int'),
		in_sql('__time', q(__time + interval '1 hour')), expression('upper', 'upper(t)') ],
	{ type => 'not', field => { type => 'expression', expression => q(nvl("drop", 'no') == 'yes') } },
	dataSource => 'sql', dimensions => [ 't', 'who', 'result', 'upper', { type => 'long', name => 'q' } ]);
query("SET ROLE feeder; SET search_path = feed, public; SELECT submit_supervisor('$spec')");
# three of the tries take settings and a lock, which end with their row or batch; all others fail, and so does 100 / 0
ok($node->wait_for(counters('sql'), '203|0|19|1|1'), 'rows fail alone');
is(query(q{SELECT string_agg(t || ': ' || result, ', ' ORDER BY t) FROM feed.sql WHERE t NOT LIKE 'row%'}),
	'lock: done lock, path: done path, setting: done setting', 'what does no harm is let through')
	or diag(query(q{SELECT string_agg(convert_from(payload, 'UTF8') || reason, E'\n') FROM stream_ingest.rejected_messages WHERE supervisor_id = 'sql'}));
is(query(q{SELECT DISTINCT split_part(who, ' ', 1) FROM feed.sql}), 'feeder', 'expressions run as the owner');
is(query(q{SET TimeZone = 'UTC'; SELECT count(*), sum(q), min("__time"), max(upper) FROM feed.sql WHERE t LIKE 'row%'}),
	'200|482|2020-01-01 01:00:00+00|ROW 99', 'values and times are those of PostgreSQL');
is(query(q{SELECT string_agg(substring(reason FROM 'SQLSTATE (.....)'), ' ' ORDER BY "offset") FROM stream_ingest.rejected_messages
	WHERE supervisor_id = 'sql'}), '42501 42501 42501 42501 25006 25006 25001 2D000 42501 42501 42501 55P02 42501 42501 42501 42501 42501 P0042 22012', 'each with its SQLSTATE');
is(query('SELECT count(*) FROM feed.written'), '0', 'nothing is written');
is(query(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711}), '0', 'and no lock is kept');

# who is given the table lends nobody his rights: not a superuser, nor anybody else
$kafka->produce('sql', 0, '{"time":"2020-01-02T00:00:00Z","t":"before","n":1}');
ok($node->wait_for(q{SELECT who FROM feed.sql WHERE t = 'before'}, 'feeder of before'), 'all is well');
query(q{ALTER FOREIGN TABLE feed.sql OWNER TO postgres});
$kafka->produce('sql', 0, '{"time":"2020-01-02T00:00:00Z","t":"later","n":1}');
ok($node->wait_for(q{SELECT get_supervisor_status('sql') #>> '{payload,recentErrors,0,message}' LIKE '%sql transforms are not run, since the table has another owner than when they were submitted: whoever may act for "postgres" calls submit_supervisor()%'}, 't'),
	'with another owner expressions are not run');
query(q{SELECT suspend_supervisor('sql'); SELECT resume_supervisor('sql')});
query(q{CREATE ROLE heir; GRANT USAGE, CREATE ON SCHEMA feed TO heir; GRANT USAGE ON SCHEMA stream_ingest TO heir;
	GRANT EXECUTE ON FUNCTION submit_supervisor(json), submit_supervisor(json, boolean), get_supervisor(text) TO heir; ALTER FOREIGN TABLE feed.sql OWNER TO heir});
ok($node->wait_for(q{SELECT get_supervisor_status('sql') #>> '{payload,recentErrors,0,message}' LIKE '%whoever may act for "heir" calls%'}, 't'), 'nor after suspend and resume, nor of the next owner');
is(query(q{SELECT count(*) FROM feed.sql WHERE t = 'later'}), '0', 'nothing was stored meanwhile');
is(query(q{SET ROLE heir; SET search_path = feed, public; SELECT submit_supervisor(get_supervisor('sql'), true)}),
	'{"id":"sql","modified":false,"restarted":true}', 'the new owner submits the same, which is not skipped');
ok($node->wait_for(q{SELECT string_agg(who, ', ') FROM feed.sql WHERE t = 'later'}, 'heir of later'), 'then they run as the new owner, and nothing is lost');
is(query(q{SET ROLE heir; SET search_path = feed, public; SELECT submit_supervisor(get_supervisor('sql'), true)}),
	'{"id":"sql","modified":false,"restarted":false}', 'once is enough');

# an expression that cannot be planned says nothing about rows: the task waits for its cure
query('REVOKE EXECUTE ON FUNCTION feed.who(text) FROM PUBLIC');
$kafka->produce('sql', 0, '{"time":"2020-01-02T00:00:00Z","t":"after","n":1}');
ok($node->wait_for(q{SELECT get_supervisor_status('sql')::text LIKE '%permission denied for function who%'}, 't'),
	'a right that is missing is an error of the task');
is(query(counters('sql')), '205|0|19|1|1', 'and of no row');
query('GRANT EXECUTE ON FUNCTION feed.who(text) TO PUBLIC');
ok($node->wait_for(q{SELECT count(*) FROM feed.sql WHERE t = 'after'}, '1'), 'nothing is lost by it');

is(query('SELECT bool_and(exactly_once) FROM stream_ingest.audit'), 't', 'the audit is clean');

# ---- refused when it is submitted ----

sub refused
{
	my ($expression, $what, $name) = @_;
	my $s = with_transforms([ in_sql('f', $expression) ], undef, dataSource => 'refused');
	my ($rc, $out, $err) = $node->psql('postgres', "SET ROLE feeder; SET search_path = feed, public; SELECT submit_supervisor('$s')");

	like($err, $what, $name);
}
refused('nosuch(x)', qr/function nosuch\(text\) does not exist.*transforms\[0\]\.expression/s, 'an unknown function, with the path');
refused('(SELECT word FROM public.secret)', qr/Subqueries are not allowed/, 'a subquery');
refused('max(x)', qr/Aggregates and window functions are not allowed/, 'an aggregate');
refused('generate_series(1, 2)', qr/Functions that return a set are not allowed/, 'a set');
refused('x FROM public.secret', qr/Expected one expression/, 'a query');
refused('x; SELECT 1', qr/syntax error/, 'two statements');

$node->stop;
done_testing();
