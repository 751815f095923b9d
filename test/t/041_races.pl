# Orders of events that hardly ever happen, made to happen: a supervisor whose
# predecessor left another spec, messages that are parsed again just before a
# crash or while a process starts, a task that outlives its table, offsets
# that are moved beside a task that reads, transactions that stay open, a
# clock that is set back.  Nothing is lost, doubled, or waited for in vain.
use strict;
use warnings;

use IPC::Run qw(start);
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
restart_after_crash = on
stream_ingest.merge_fan_in = 3
include_if_exists = 'fault.conf'
CONF
$node->start;
query('CREATE EXTENSION stream_ingest');

sub query { return $node->safe_psql('postgres', $_[0]); }

sub set_fault
{
	my ($fault) = @_;
	my $file = $node->data_dir . '/fault.conf';

	unlink $file;
	append_to_file($file, "stream_ingest.fault_point = '$fault'\n");
	$node->reload;
	return;
}

# Waits until the server's log has a line since a place; returns what the pattern captured.
sub wait_for_log_line
{
	my ($pattern, $since) = @_;
	my $deadline = time() + 120;

	while (time() < $deadline)
	{
		return $1 // 1 if slurp_file($node->logfile, $since) =~ $pattern;
		select(undef, undef, undef, 0.05);
	}
	fail("the log has $pattern");
	return 0;
}

# A session in a transaction that stays open.
sub open_session
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	my $session = start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "BEGIN; $sql; SELECT pg_sleep(600)" ],
		'<', \'', '>', \$out, '2>', \$err);

	ok($node->wait_for("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", '1'), "a transaction stays open after: $sql");
	return $session;
}

sub close_session
{
	my ($session) = @_;

	query(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
	$session->finish;
	return;
}

sub reader { return query("SELECT pid FROM stream_ingest.workers WHERE supervisor_id = '$_[0]' AND kind = 'reading' AND pid > 0"); }
sub settled { return ok($node->wait_for('SELECT count(*) FROM stream_ingest.request', '0'), "$_[0] is applied"); }
sub event { return qq({"time":1577836800000,"n":"$_[0]"}); }

sub deltas
{
	my ($name, $where) = @_;

	return "SELECT count(*) FROM stream_ingest.delta d JOIN stream_ingest.supervisor USING (data_source_id) WHERE supervisor_id = '$name' AND $where";
}

sub audit_is_clean
{
	my ($name) = @_;

	like(query("SELECT audit_supervisor('$name')"), qr/"exactlyOnce":true,"discrepancy":null/, "the audit of $name is clean");
	return;
}

sub options
{
	my ($name, %o) = @_;

	return (dataSource => $name, topic => $name, brokers => $kafka->address, dimensions => ['n'],
		tuning => { intermediatePersistPeriod => 'PT1S' }, %o);
}

# ---- the spec of who filled the data source before ----

$kafka->topic($_, 1) for qw(before after);
$node->submit(spec(options('shared', topic => 'before', granularity => { rollup => JSON::PP::true })) =~ s/^\{/{"id":"zz",/r);
$kafka->produce('before', 0, event('x'));
ok($node->wait_for_rows('shared', 1), 'a supervisor with rollup reads');
query("SELECT terminate_supervisor('zz')");
ok($node->wait_for("SELECT count(*) FROM stream_ingest.supervisor", '0'), 'and is terminated');
$node->submit(spec(options('shared', topic => 'after')) =~ s/^\{/{"id":"aa",/r);
for (2 .. 4)
{
	$kafka->produce('after', 0, event('y'));
	ok($node->wait_for('SELECT count(*) FROM shared', $_), 'another one without rollup reads equal rows into the same table');
}
ok($node->wait_for(deltas('aa', 'level = 0'), '0'), 'they are merged');
is(query('SELECT count(*) FROM shared'), '4', 'by the spec that they were read by: equal rows stay apart');
audit_is_clean('aa');
query("SELECT terminate_supervisor('aa')");

# ---- messages that were parsed again, a crash before their task was handed off, and a reset ----

my %mended = options('crashed');
my %wrong = (%mended, timestamp => { column => 'when', format => 'iso' });
$kafka->topic('crashed', 1);
$node->submit(spec(%wrong));
$kafka->produce('crashed', 0, event('old 1'), '{"when":"2020-01-01T00:00:00Z","time":1577836800000,"n":"first"}', event('old 2'));
ok($node->wait_for(q{SELECT count(*) FROM stream_ingest.rejected_messages WHERE supervisor_id = 'crashed'}, '2'), 'two messages have no time');
$node->submit(spec(%mended));
settled('the mended spec');
my $log = -s $node->logfile;
set_fault('requeue_done:crash');
# the crash may be faster than the answer
eval { $node->psql('postgres', "SELECT requeue_rejected('crashed')") };
wait_for_log_line(qr/was terminated by signal 9/, $log);
set_fault('');
ok($node->wait_for('SELECT string_agg(n, $$, $$ ORDER BY n) FROM crashed', 'first, old 1, old 2'), 'they are parsed again, and the server crashes');
for (1 .. 2)
{
	$kafka->produce('crashed', 0, event("new $_"));
	ok($node->wait_for('SELECT count(*) FROM crashed', $_ + 3), 'reading goes on');
}
ok($node->wait_for(deltas('crashed', 'level = 0'), '0'), 'chunks are merged');
query(q{SELECT reset_offsets('crashed', '{"type":"kafka","partitions":{"type":"end","stream":"crashed","partitionOffsetMap":{"0":3}}}')});
settled('a reset to the first of the new messages');
query("SELECT wait_until_current('crashed')");
is(query('SELECT string_agg(n, $$, $$ ORDER BY n) FROM crashed'), 'first, new 1, new 2, old 1, old 2',
	'they are read again, and what is not read again stays, once');
audit_is_clean('crashed');
query("SELECT terminate_supervisor('crashed')");

# ---- a process that starts to read while messages are to be parsed again ----

%mended = options('starting');
%wrong = (%mended, timestamp => { column => 'when', format => 'iso' });
$kafka->topic('starting', 1);
$node->submit(spec(%wrong));
$kafka->produce('starting', 0, event('old'));
ok($node->wait_for(q{SELECT count(*) FROM stream_ingest.rejected_messages WHERE supervisor_id = 'starting'}, '1'), 'a message has no time');
$node->submit(spec(%mended));
settled('the mended spec');
$kafka->produce('starting', 0, event('read before'));
ok($node->wait_for_rows('starting', 1), 'reading goes on');
$log = -s $node->logfile;
set_fault('reading_task_started:hang,requeue_committed:hang');
query('SELECT pg_terminate_backend(' . reader('starting') . ')');
wait_for_log_line(qr/hangs at fault point "reading_task_started"/, $log);
query("SELECT requeue_rejected('starting')");
set_fault('requeue_committed:hang');
wait_for_log_line(qr/hangs at fault point "requeue_committed"/, $log);
ok($node->wait_for(deltas('starting', q{partitions <> '{}'}), '0', 30), 'what was read before is handed off before a message is parsed again');
set_fault('');
ok($node->wait_for('SELECT string_agg(n, $$ $$ ORDER BY n) FROM starting', 'old read before'), 'both are stored once');
settled('the request');
audit_is_clean('starting');
query("SELECT terminate_supervisor('starting')");

# ---- a fence of a supervisor whose table was dropped ----

$kafka->topic('fenced', 1);
$node->submit(spec(options('fenced')));
$kafka->produce('fenced', 0, map { event($_) } 1 .. 5);
ok($node->wait_for_rows('fenced', 5), 'five messages are read');
my $session = open_session('LOCK TABLE stream_ingest.task_group IN SHARE MODE');
query('DROP FOREIGN TABLE fenced');
$node->submit(spec(options('fenced')));
is(query(q{SELECT wait_for_offset('fenced', 0, 4, '1 s')}), 'f', 'offsets of the table that was are none of the new one');
close_session($session);
is(query(q{SELECT wait_for_offset('fenced', 0, 4); SELECT count(*) FROM fenced}), "t\n5", 'which has all rows when they are');
query('DROP FOREIGN TABLE fenced');

# ---- a task that outlives its table, its supervisor and its overlord ----

$kafka->topic('outlived', 1);
$kafka->produce('outlived', 0, map { event($_) } 1 .. 10);
$log = -s $node->logfile;
set_fault('chunk_durable:hang');
$node->submit(spec(options('outlived')));
my $zombie = wait_for_log_line(qr/process ([0-9]+) hangs at fault point "chunk_durable"/, $log);
my ($overlord) = $node->workers('overlord');
query('DROP FOREIGN TABLE outlived');
query("SELECT pg_terminate_backend($overlord)");
ok($node->wait_for(q{SELECT count(*) FROM stream_ingest.task_group WHERE supervisor_id = 'outlived'}, '0'), 'another overlord has cleaned up');
$log = -s $node->logfile;
$node->submit(spec(options('outlived')));
my $next = wait_for_log_line(qr/process ([0-9]+) hangs at fault point "chunk_durable"/, $log);
isnt($next, $zombie, 'a new supervisor of the same name reads the same messages');
kill 'STOP', $next;
set_fault('');
ok($node->wait_for("SELECT count(*) FROM pg_stat_activity WHERE pid = $zombie", '0'), 'the old task commits first');
kill 'CONT', $next;
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM outlived', '10|10', 60), 'and yet the new table has every row');
audit_is_clean('outlived');
ok($node->wait_for('SELECT count(*) FROM stream_ingest.dropped_data_source', '0'), 'nothing is left of the old one');
query("SELECT terminate_supervisor('outlived')");

# ---- offsets that are moved beside a task that reads ----

$kafka->topic('moved', 2);
$node->submit(spec(options('moved', io => { taskCount => 2 }, tuning => { resetOffsetAutomatically => JSON::PP::true })));
$kafka->produce('moved', $_, map { event($_) } 1 .. 5) for 0 .. 1;
ok($node->wait_for_rows('moved', 10), 'two tasks read');
$kafka->produce('moved', 1, 'no JSON', 'neither');
query("SELECT wait_until_current('moved')");
query("SELECT suspend_supervisor('moved')");
ok($node->wait_for(q{SELECT state FROM stream_ingest.supervisors WHERE supervisor_id = 'moved'}, 'SUSPENDED'), 'suspended');
$kafka->produce('moved', 0, map { event($_) } 6 .. 10);
$kafka->truncate_partition('moved', 0, 8);
query("SELECT resume_supervisor('moved')");
ok($node->wait_for('SELECT count(*) FROM moved', '12'), 'one goes on behind what the broker has lost');
$kafka->produce('moved', 1, event('last'));
ok($node->wait_for('SELECT count(*) FROM moved', '13'), 'the other one goes on as it was');
audit_is_clean('moved');
query("SELECT terminate_supervisor('moved')");

# ---- what is read while the broker answers a reset ----

$kafka->topic('answered', 2);
$node->submit(spec(options('answered')));
set_fault('merge_done:hang');
$kafka->produce('answered', 0, map { event($_) } 1 .. 5);
ok($node->wait_for_rows('answered', 5), 'five messages are read');
$kafka->produce('answered', 1, map { event($_) } 11 .. 13);
ok($node->wait_for_rows('answered', 8), 'and three of another partition');
$log = -s $node->logfile;
set_fault('merge_done:hang,reset_answered:hang');
query(q{SELECT reset_offsets('answered', '{"type":"kafka","partitions":{"type":"end","stream":"answered","partitionOffsetMap":{"0":0}}}')});
wait_for_log_line(qr/hangs at fault point "reset_answered"/, $log);
$kafka->produce('answered', 0, map { event($_) } 6 .. 10);
ok($node->wait_for_rows('answered', 13), 'five more after the broker has told where the end is');
set_fault('merge_done:hang');
settled('the reset');
query("SELECT wait_until_current('answered')");
is(query('SELECT count(*), count(DISTINCT n) FROM answered'), '13|13', 'all of the partition are dropped and read again');
is(query('SELECT repeated, skipped, exactly_once FROM stream_ingest.audit WHERE partition = 0'), '0|0|t', 'beside a chunk of the other partition that stays');
set_fault('');
audit_is_clean('answered');
query("SELECT terminate_supervisor('answered')");

# ---- a column that gets wider values while the table follows narrower ones ----

$kafka->topic('widened', 1);
$node->submit(spec(options('widened', dimensions => [])) =~ s/"dimensionsSpec":\{[^}]*\}/"dimensionsSpec":{"useSchemaDiscovery":true}/r);

# Produces a value, waits until the table has been altered for it but for the commit, and produces a wider one.
sub produce_two
{
	my ($value, $wider, $type) = @_;

	$log = -s $node->logfile;
	set_fault('widen_altered:hang');
	$kafka->produce('widened', 0, qq({"time":1577836800000,$value}));
	wait_for_log_line(qr/hangs at fault point "widen_altered"/, $log);
	$kafka->produce('widened', 0, qq({"time":1577836800000,$wider}));
	ok($node->wait_for("SELECT count(*) FROM stream_ingest.discovered_column WHERE name IN ('a', 'b') AND type = '$type'", '1'), "a $type comes meanwhile");
	set_fault('');
	return;
}

produce_two('"a":1', '"a":"text"', 'string');
ok($node->wait_for('SELECT count(a), max(pg_typeof(a)::text) FROM widened', '2|text', 30), 'a column that was added gets its type');
$kafka->produce('widened', 0, '{"time":1577836800000,"b":1}');
ok($node->wait_for('SELECT count(b) FROM widened', '1', 30), 'another column');
produce_two('"b":1.5', '"b":{"c":1}', 'json');
ok($node->wait_for('SELECT count(b), max(pg_typeof(b)::text) FROM widened', '3|jsonb', 30), 'a column whose type was changed gets the next one');
query("SELECT terminate_supervisor('widened')");

# ---- a column that is dropped by a transaction that stays open ----

$kafka->topic('open', 1);
$node->submit(spec(options('open', dimensions => [])));
$kafka->produce('open', 0, event(1));
ok($node->wait_for(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'open'::regclass AND attname = 'n'}, '1'), 'a column is discovered');
$session = open_session('ALTER FOREIGN TABLE open DROP COLUMN n');
query('SELECT pg_terminate_backend(' . reader('open') . ')');
$kafka->produce('open', 0, event(2));
ok($node->wait_for(q{SELECT "offset" FROM stream_ingest.partitions WHERE supervisor_id = 'open'}, '2', 30), 'a task that begins anew and meets the column again does not wait');
close_session($session);
ok($node->wait_for('SELECT count(n) FROM open', '2'), 'both are there when it is rolled back');

# ---- a clock that is set back by an hour ----

$log = -s $node->logfile;
set_fault('clock_back');
wait_for_log_line(qr/the clock was set back by 3[56]\d{5} ms: the overlord begins anew/, $log);
$kafka->produce('open', 0, event(3));
ok($node->wait_for('SELECT count(n) FROM open', '3', 30), 'rows are committed all the same');
query("SELECT handoff_task_groups('open', '{0}')");
ok($node->wait_for(deltas('open', 'true'), '0', 30), 'requests are applied, and publishing goes on');
query("SELECT suspend_supervisor('open')");
$kafka->produce('open', 0, event(4));
query("SELECT resume_supervisor('open')");
ok($node->wait_for('SELECT count(n) FROM open', '4', 30), 'tasks are started');
set_fault('');
$kafka->produce('open', 0, event(5));
ok($node->wait_for('SELECT count(n) FROM open', '5', 30), 'also when it is right again');
audit_is_clean('open');

is(query('SELECT count(*) FROM stream_ingest.audit WHERE NOT exactly_once'), '0', 'no audit complains');
$node->stop;
$kafka->stop;
done_testing();
