# Tasks as their user sees them: hand-off by request, tasks that are shut
# down, publishing that takes too long, and how many ended ones are kept.
use strict;
use warnings;

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
	my ($topic, $partition, $count) = @_;

	$kafka->produce($topic, $partition,
		map { $n++; sprintf('{"time":%d,"n":"%d"}', 1577836800000 + $n * 1000, $n) } 1 .. $count);
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

sub exact
{
	my ($count, $what) = @_;

	ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM a', "$count|$count"), $what);
	return;
}

sub task { return query("SELECT task_id FROM stream_ingest.task WHERE status = 'RUNNING' AND phase = '$_[0]' AND group_id = $_[1]"); }

$kafka->topic('a', 2);
produce('a', $_, 5) for 0 .. 1;
my %a = (dataSource => 'a', topic => 'a', brokers => $kafka->address, dimensions => ['n'], io => { taskCount => 2 });
$node->submit(spec(%a));
exact(10, 'two groups read');

# ---- hand-off
my ($first, $other) = (task('READING', 0), task('READING', 1));
my @readers = $node->workers('reading task');
is(query("SELECT handoff_task_groups('a', '{0}')"), '{"id":"a"}', 'a task group is handed off');
ok($node->wait_for("SELECT status FROM stream_ingest.task WHERE task_id = '$first'", 'SUCCESS'), 'its task is published');
is(query('SELECT sum(rows) FROM stream_ingest.segment'), '5', 'as segments');
is(task('READING', 1), $other, 'the other group is not touched');
is(join(' ', $node->workers('reading task')), join(' ', @readers), 'and the same processes read on');
like(query("SELECT get_task_report('$first')"), qr/"ingestionState":"COMPLETED".*"processed":5.*"segmentsPublished":1/, 'the report of a task that has ended');
like(query("SELECT get_task_status('$first')"), qr/"statusCode":"SUCCESS","status":"SUCCESS","runnerStatusCode":"NONE"/, 'its status');
like(query("SELECT get_task_status('$other')"), qr/"status":"RUNNING","runnerStatusCode":"RUNNING","duration":-1,"location":\{"host":"localhost","port":-1,"tlsPort":-1,"pid":\d+\}/,
	'the status of one that reads');
produce('a', 0, 3);
exact(13, 'nothing is lost or doubled');

# ---- a task that is shut down
my $shut = task('READING', 0);
is(query("SELECT shutdown_task('$shut')"), qq({"task":"$shut"}), 'a task is shut down');
ok($node->wait_for("SELECT status || ' ' || error FROM stream_ingest.task WHERE task_id = '$shut'", 'FAILED the task was shut down by shutdown_task()'),
	'and has failed');
produce('a', 0, 2);
exact(15, 'the next one goes on');
is(query("SELECT start_offsets FROM stream_ingest.task WHERE task_id = '" . task('READING', 0) . "'"), '{5}', 'it has taken over what was not published');
is(query("SELECT shutdown_task('$shut')"), qq({"task":"$shut"}), 'shut down twice is shut down once');

# ---- publishing takes too long
my $former = join(', ', map { "'" . task('READING', $_) . "'" } 0 .. 1);
$node->submit(spec(%a, io => { taskCount => 2, completionTimeout => 'PT1S' }));
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE status = 'RUNNING' AND (phase = 'PUBLISHING' OR task_id IN ($former))", '0'),
	'the former tasks are published');
set_fault('merge_done:hang');
produce('a', 0, 4);
exact(19, 'read with another spec');
my @before = $node->workers('reading task');
my $slow = task('READING', 0);
query("SELECT handoff_task_groups('a', '{0}')");
ok($node->wait_for("SELECT status FROM stream_ingest.task WHERE task_id = '$slow'", 'FAILED'), 'a task that does not publish within completionTimeout fails');
ok($node->wait_for("SELECT max(attempt) > 1 FROM stream_ingest.task WHERE status = 'RUNNING' AND phase = 'PUBLISHING'", 't'), 'the next one has more time');
like(query("SELECT get_supervisor_status('a') #>> '{payload,recentErrors}'"), qr/has not published within completionTimeout/, 'recentErrors says so');
is(query("SELECT json_array_length(get_supervisor_status('a') #> '{payload,publishingTasks}')"), '1', 'one task is to be published');
is(query('SELECT count(*), count(DISTINCT n) FROM a'), '19|19', 'its rows are seen all the time');
produce('a', 0, 2);
exact(21, 'reading goes on');
is(join(' ', $node->workers('reading task')), join(' ', @before), 'in the same processes');
query("SELECT handoff_task_groups('a', '{0,1}')");
ok($node->wait_for("SELECT json_array_length(get_supervisor_status('a') #> '{payload,publishingTasks}') >= 2", 't'), 'more than one waits');
set_fault('');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE status = 'RUNNING' AND phase = 'PUBLISHING'", '0'), 'all are published when it can');
exact(21, 'and nothing is doubled');

# ---- what a failed publishing task had passes to one that is younger than the others of its group
$former = join(', ', map { "'" . task('READING', $_) . "'" } 0 .. 1);
$node->submit(spec(%a));
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE status = 'RUNNING' AND (phase = 'PUBLISHING' OR task_id IN ($former))", '0'),
	'there is time to publish again');
set_fault('merge_done:hang');
my @waiting;
foreach my $count (4, 2)
{
	my $rows = query('SELECT count(*) FROM a');

	push @waiting, task('READING', 0);
	produce('a', 0, $count);
	exact($rows + $count, "$count rows are read");
	query("SELECT handoff_task_groups('a', '{0}')");
	ok($node->wait_for("SELECT phase FROM stream_ingest.task WHERE task_id = '$waiting[-1]'", 'PUBLISHING'), 'and handed off');
}
query("SELECT shutdown_task('$waiting[0]')");
ok($node->wait_for("SELECT status FROM stream_ingest.task WHERE task_id = '$waiting[0]'", 'FAILED'), 'the first one is shut down');
set_fault('');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE status = 'RUNNING' AND phase = 'PUBLISHING'", '0'), 'both are published');
exact(27, 'once');
is(query("SELECT string_agg(rows::text, ' ' ORDER BY publish_id) FROM (SELECT * FROM stream_ingest.publish WHERE kind = 'publish' ORDER BY publish_id DESC LIMIT 2) p"),
	'4 2', 'each published what it had, in the order of reading');
like(query("SELECT audit_supervisor('a')"), qr/"exactlyOnce":true/, 'and the audit finds nothing');

# ---- history
$node->append_conf('postgresql.conf', 'stream_ingest.task_history = 3');
$node->reload;
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE status <> 'RUNNING'", '3'), 'so many ended tasks are kept');

$node->stop;
$kafka->stop;
done_testing();
