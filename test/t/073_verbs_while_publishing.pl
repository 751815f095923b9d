# Verbs that come while tasks publish: every row is there all the time, once, whatever is asked for, and what was read is published by
# the spec that it was read by.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "include_if_exists = 'fault.conf'");
$node->start;
query('CREATE EXTENSION stream_ingest');

my $n = 0;

sub query { return $node->safe_psql('postgres', $_[0]); }

sub produce
{
	my ($partition, $count) = @_;

	$kafka->produce('a', $partition, map { $n++; sprintf('{"time":%d,"n":"%d"}', 1577836800000 + $n * 1000, $n) } 1 .. $count);
	return;
}

sub set_fault
{
	my ($fault) = @_;
	my $file = $node->data_dir . '/fault.conf';

	unlink $file;
	append_to_file($file, "stream_ingest.fault_point = '$fault'\n");
	$node->reload;
	return;
}

sub exact { return ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM a', "$n|$n"), $_[0]); }

sub refused
{
	my ($spec) = @_;

	return ($node->psql('postgres', "SELECT submit_supervisor('$spec')"))[2];
}

my $publishing = "SELECT count(*) FROM stream_ingest.tasks WHERE phase = 'PUBLISHING'";
my %a = (dataSource => 'a', topic => 'a', brokers => $kafka->address, dimensions => ['n']);

$kafka->topic('a', 3);
produce($_, 5) for 0 .. 2;
$node->submit(spec(%a, io => { taskCount => 3 }));
exact('three groups read');
set_fault('merge_done:hang');
query("SELECT handoff_task_groups('a', '{0,1,2}')");
ok($node->wait_for($publishing, '3'), 'three tasks are to be published');
my @first = split /\n/, query("SELECT task_id FROM stream_ingest.tasks WHERE phase = 'PUBLISHING' ORDER BY 1");

# ---- another number of tasks
$node->submit(spec(%a, io => { taskCount => 1 }));
ok($node->wait_for('SELECT count(*) FROM stream_ingest.task_group', '1'), 'dealt out anew');
produce($_, 2) for 0 .. 2;
exact('reading goes on behind what is not published');
is(query("SELECT start_offsets FROM stream_ingest.tasks WHERE phase = 'READING'"), '{5,5,5}', 'the new task begins where those that publish end');
my $status = decode_json(query("SELECT get_supervisor_status('a')"))->{payload};
is(join(' ', sort map { $_->{id} } @{ $status->{publishingTasks} }), "@first", 'each of them is listed in publishingTasks');
is($status->{activeTasks}[0]{startingOffsets}{2}, 5, 'the one that reads in activeTasks');

# ---- another schema
$node->submit(spec(%a, dimensions => [ 'n', 'page' ], metrics => [ { type => 'count', name => 'rows' } ]));
ok($node->wait_for(q(SELECT count(*) FROM pg_attribute WHERE attrelid = 'a'::regclass AND attname IN ('page', 'rows')), '2'), 'another schema');
produce(1, 3);
exact('rows of three specs');

# ---- what may not change
like(refused(spec(%a) =~ s/^\{/{"id":"other",/r), qr/dataSource "a" is filled by supervisor \[a\] already/, 'another id for the data source is refused');
like(refused(spec(%a, dataSource => 'b') =~ s/^\{/{"id":"a",/r), qr/supervisor \[a\] fills dataSource "a", not "b"/, 'another dataSource for the id is refused');
like(refused(spec(%a, topic => 'b')), qr/update of the input source stream from \[a\] to \[b\] is not supported/, 'so is another topic');
my $kinesis = decode_json(spec(%a));
$kinesis->{type} = 'kinesis';
like(refused(encode_json($kinesis)), qr/kinesis/, 'and another type');

# ---- terminated, and submitted again
query("SELECT terminate_supervisor('a')");
ok($node->wait_for('SELECT count(*) FROM stream_ingest.supervisor', '0'), 'terminated before it has published');
is(query('SELECT get_supervisors()'), '[]', 'it is not listed any more');
cmp_ok(query($publishing), '>=', 3, 'what was read is still to be published');
exact('and seen');
$node->submit(spec(%a, io => { taskCount => 2 }));
produce($_, 2) for 0 .. 2;
exact('submitted again, it goes on at its offsets');

# ---- the publishing process is killed
query("SELECT pg_terminate_backend(pid) FROM stream_ingest.workers WHERE kind = 'publishing'");
exact('killed while it publishes');

# ---- a reset into what is not published yet
query("SELECT reset_supervisor('a')");
ok($node->wait_for('SELECT count(*) FROM stream_ingest.request', '0'), 'a reset while it publishes');
exact('all is read again, once');
is(query("SELECT count(*) FROM stream_ingest.tasks WHERE task_id IN ('" . join("', '", @first) . "') AND status = 'FAILED'"), '3',
	'the tasks whose rows were dropped have failed');
query("SELECT handoff_task_groups('a', '{0,1}')");
ok($node->wait_for($publishing, '2'), 'the next tasks are to be published');

# ---- and all of it at last
set_fault('');
ok($node->wait_for($publishing, '0'), 'published');
exact('each row once');
like(query("SELECT audit_supervisor('a')"), qr/"exactlyOnce":true,"discrepancy":null/, 'as the audit says');

# ---- the table is dropped
set_fault('merge_done:hang');
produce(0, 5);
exact('more rows');
query("SELECT handoff_task_groups('a', '{0}')");
ok($node->wait_for($publishing, '1'), 'to be published');
query('DROP FOREIGN TABLE a');
is(query('SELECT get_supervisors()'), '[]', 'dropped while it publishes');
set_fault('');
ok($node->wait_for('SELECT count(*) FROM stream_ingest.dropped_data_source', '0'), 'the rest of it is removed');
is(query("SELECT (SELECT count(*) FROM stream_ingest.delta) + (SELECT count(*) FROM stream_ingest.segment) + (SELECT count(*) FROM stream_ingest.task_group)"),
	'0', 'with offsets and chunks');
ok($node->wait_for('SELECT count(*) FROM stream_ingest.pending_deletes', '0'), 'and files');
is(query("SELECT get_supervisor_history('a') -> 0 #>> '{spec,type}'"), 'NoopSupervisorSpec', 'a tombstone is its newest spec');
$node->submit(spec(%a));
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM a', "$n|$n"), 'submitted again it begins anew');

$node->stop;
$kafka->stop;
done_testing();
