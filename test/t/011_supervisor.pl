# The life of a supervisor as its user sees it: tasks and groups, the verbs,
# failures of processes, partitions that come, offsets that go, and limits.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'stream_ingest.worker_idle_timeout = 500');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

my $n = 0;

# Produces so many events to a partition; returns them as they were numbered.
sub produce
{
	my ($topic, $partition, $count) = @_;

	$kafka->produce($topic, $partition,
		map { $n++; sprintf('{"time":%d,"n":"%d"}', 1577836800000 + $n * 1000, $n) } 1 .. $count);
	return;
}

sub state_of
{
	my ($id) = @_;
	return "SELECT state FROM stream_ingest.supervisor_status WHERE supervisor_id = '$id'";
}

sub readers
{
	return "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'stream_ingest reading task'";
}

# Waits until every event so far is there, and none twice.
sub exact
{
	my ($table, $count, $what) = @_;

	ok($node->wait_for(qq(SELECT count(*), count(DISTINCT n) FROM "$table"), "$count|$count"), $what);
	return;
}

# ---- reading
$kafka->topic('a', 3);
produce('a', $_, 5) for 0 .. 2;
my %a = (dataSource => 'a', topic => 'a', brokers => $kafka->address, dimensions => ['n'], io => { taskCount => 2 });
$node->submit(spec(%a));
exact('a', 15, 'everything from the earliest offsets');
ok($node->wait_for(state_of('a'), 'RUNNING'), 'RUNNING');
is($node->safe_psql('postgres', "SELECT string_agg(group_id || ':' || partitions::text, ' ' ORDER BY group_id) FROM stream_ingest.task_group"),
	'0:{0,2} 1:{1}', 'partition modulo taskCount');
is($node->safe_psql('postgres', readers()), '2', 'one process per group');
like($node->safe_psql('postgres', 'SELECT min(task_id) FROM stream_ingest.task'), qr/^index_kafka_a_[0-9a-f]{15}_[a-p]{8}$/,
	'task ids as in Druid');

# ---- processes die
for my $round (1 .. 2)
{
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'stream_ingest %'");
	produce('a', $_, 1) for 0 .. 2;
	exact('a', 15 + 3 * $round, "all processes terminated, round $round");
}
my ($overlord) = $node->workers('overlord');
my @before = $node->workers('reading task');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($overlord)");
ok($node->wait_for("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'stream_ingest overlord' AND pid <> $overlord", '1'),
	'another overlord');
produce('a', 0, 1);
exact('a', 22, 'reading goes on without it');
sleep 2;
is(join(' ', $node->workers('reading task')), join(' ', @before), 'which takes over the reading processes');

# ---- another spec: other groups, nothing lost
$node->submit(spec(%a, io => { taskCount => 3 }));
ok($node->wait_for('SELECT count(*) FROM stream_ingest.task_group', '3'), 'three groups after a changed taskCount');
produce('a', $_, 2) for 0 .. 2;
exact('a', 28, 'and each message once');
$node->submit(spec(%a, io => { taskCount => 1 }));
ok($node->wait_for('SELECT count(*), sum(counters[1]) FROM stream_ingest.task_group', '1|28'), 'one group, which has the counters of all');
$kafka->add_partitions('a', 5);
ok($node->wait_for('SELECT partitions FROM stream_ingest.task_group', '{0,1,2,3,4}'), 'new partitions are found');
produce('a', $_, 2) for 3 .. 4;
exact('a', 32, 'and read from their beginning');

# ---- suspend, resume, hand-off
$node->safe_psql('postgres', "SELECT suspend_supervisor('a')");
ok($node->wait_for(state_of('a'), 'SUSPENDED'), 'SUSPENDED');
ok($node->wait_for(readers(), '0'), 'no process reads');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE status = 'RUNNING'", '0'), 'what was read is published (sup-17)');
ok($node->wait_for("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'stream_ingest publishing task'", '0'),
	'and then there is no process at all');
is($node->safe_psql('postgres', 'SELECT count(*) FROM stream_ingest.delta'), '0', 'no delta is left');
produce('a', 0, 3);
$node->safe_psql('postgres', "SELECT resume_supervisor('a')");
exact('a', 35, 'resumed where it was');
is($node->safe_psql('postgres', "SELECT count(*) FROM stream_ingest.task WHERE status = 'FAILED'"), '0', 'no task has failed so far');

# ---- an open transaction stops nothing
my $session = $node->background_psql('postgres');
$session->query_safe("BEGIN; SELECT suspend_supervisor('a')");
produce('a', 1, 1);
exact('a', 36, 'a verb in an open transaction stops nothing');
$session->query_safe('ROLLBACK');
$session->quit;
is($node->safe_psql('postgres', 'SELECT count(*) FROM stream_ingest.request'), '0', 'nothing is left to apply');

# ---- reset
$node->safe_psql('postgres', "SELECT suspend_supervisor('a')");
ok($node->wait_for(state_of('a'), 'SUSPENDED'), 'suspended');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE status = 'RUNNING'", '0'), 'all is published');
$node->safe_psql('postgres', "SELECT reset_supervisor('a')");
ok($node->wait_for("SELECT partitions FROM stream_ingest.task_group", '{}'), 'reset while suspended');
$node->safe_psql('postgres', "SELECT resume_supervisor('a')");
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM a', '72|36'), 'everything is read again');

# ---- terminate, and again
$node->safe_psql('postgres', "SELECT terminate_supervisor('a')");
ok($node->wait_for('SELECT count(*) FROM stream_ingest.supervisor', '0'), 'terminated');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE status = 'RUNNING'", '0'), 'what was read is published');
is($node->safe_psql('postgres', "SELECT spec ->> 'type' FROM stream_ingest.spec_history ORDER BY version DESC LIMIT 1"),
	'NoopSupervisorSpec', 'the end is in the history');
is($node->safe_psql('postgres', 'SELECT count(*) FROM a'), '72', 'the table stays');
produce('a', 2, 1);
$node->submit(spec(%a));
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM a', '73|37'), 'submitted again, it goes on at its offsets');

# ---- hand-offs while reading
$node->submit(spec(%a, io => { taskCount => 1, taskDuration => 'PT2S' }));
my ($pid) = (sub { $node->wait_for('SELECT count(*) FROM stream_ingest.task_group', '1'); $node->wait_for(readers(), '1'); $node->workers('reading task') })->();
my $done = $node->safe_psql('postgres', "SELECT count(*) FROM stream_ingest.task WHERE status = 'SUCCESS'");
my $since = $node->safe_psql('postgres', 'SELECT max(created) FROM stream_ingest.task WHERE group_id = 0');
for (1 .. 6) { produce('a', 0, 1); sleep 1; }
ok($node->wait_for("SELECT count(*) >= $done + 2 FROM stream_ingest.task WHERE status = 'SUCCESS'", 't'), 'tasks end at taskDuration');
is(join(' ', $node->workers('reading task')), $pid, 'while the same process reads on');
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM a', '79|43'), 'and nothing is lost or doubled');
# sup-09 of Druid's cases: a task begins where the one before it ends
is($node->safe_psql('postgres', qq(SELECT count(*) > 1, bool_and(start_offsets = before) FROM (SELECT start_offsets,
	lag(end_offsets) OVER (PARTITION BY supervisor_id ORDER BY created) AS before FROM stream_ingest.task WHERE group_id = 0 AND created >= '$since') t)),
	't|t', 'a task begins where the one before it ended');
$node->safe_psql('postgres', "SELECT terminate_supervisor('a')");
ok($node->wait_for(readers(), '0'), 'terminated');

# ---- a supervisor of another id on the same table, and then of another topic
my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM a');
$kafka->topic('a2', 1);
produce('a2', 0, 3);
(my $another = spec(%a, topic => 'a2')) =~ s/^\{/{"id":"another",/;
is($node->submit($another), 'another', 'the data source of a terminated supervisor has another one');
ok($node->wait_for('SELECT count(*) FROM a', $rows + 3), 'whose rows are seen');
$kafka->topic('a3', 1);
produce('a3', 0, 5);
($another = spec(%a, topic => 'a3')) =~ s/^\{/{"id":"another",/;
(my $sql = $another) =~ s/'/''/g;
my ($rc, $out, $err) = $node->psql('postgres', "SELECT submit_supervisor('$sql')");
like($err, qr/update of the input source stream from \[a2\] to \[a3\] is not supported/, 'another topic is refused while there are offsets');
# what is not published would be dropped and read again, from the former topic
$node->safe_psql('postgres', "SELECT suspend_supervisor('another')");
ok($node->wait_for('SELECT count(*) FROM stream_ingest.delta', '0'), 'what was read of the former topic is published');
$node->safe_psql('postgres', "SELECT reset_supervisor('another')");
$node->submit($another);
ok($node->wait_for('SELECT count(*) FROM a', $rows + 8), 'after a reset it is read from its own beginning');
$node->safe_psql('postgres', "SELECT terminate_supervisor('another')");
ok($node->wait_for(readers(), '0'), 'terminated');

# ---- an unreachable broker, and its return
$kafka->topic('b', 1);
$kafka->stop;
$node->append_conf('postgresql.conf', 'stream_ingest.unhealthiness_threshold = 1000');
$node->reload;
$node->submit(spec(%a, dataSource => 'b', topic => 'b', brokers => $kafka->address));
ok($node->wait_for("SELECT json_array_length(recent_errors), detailed_state FROM stream_ingest.supervisor_status WHERE supervisor_id = 'b'",
	'1|CONNECTING_TO_STREAM', 90), 'an error below unhealthiness_threshold');
$node->append_conf('postgresql.conf', 'stream_ingest.unhealthiness_threshold = 3');
$node->reload;
ok($node->wait_for("SELECT detailed_state FROM stream_ingest.supervisor_status WHERE supervisor_id = 'b'",
	'UNABLE_TO_CONNECT_TO_STREAM', 90), 'UNABLE_TO_CONNECT_TO_STREAM');
like($node->safe_psql('postgres', "SELECT recent_errors::text FROM stream_ingest.supervisor_status WHERE supervisor_id = 'b'"),
	qr/"streamException":true/, 'with the reason of the library');
$kafka->start;
produce('b', 0, 2);
exact('b', 2, 'it recovers by itself');
ok($node->wait_for(state_of('b'), 'RUNNING'), 'and is RUNNING');

# ---- offsets that are gone
$node->safe_psql('postgres', "SELECT suspend_supervisor('b')");
ok($node->wait_for(state_of('b'), 'SUSPENDED'), 'suspended');
produce('b', 0, 6);
$kafka->truncate_partition('b', 0, 5);
$node->safe_psql('postgres', "SELECT resume_supervisor('b')");
ok($node->wait_for(q(SELECT recent_errors::text LIKE '%Previous sequenceNumber [2] is no longer available for partition [0]%'
	FROM stream_ingest.supervisor_status WHERE supervisor_id = 'b'), 't'), "Druid's words when an offset is gone");
ok($node->wait_for(readers(), '0'), 'nothing is skipped silently (sup-07)');
is($node->safe_psql('postgres', 'SELECT count(*) FROM b'), '2', 'and no process waits for it');
my $log = -s $node->logfile;
$node->submit(spec(%a, dataSource => 'b', topic => 'b', brokers => $kafka->address, tuning => { resetOffsetAutomatically => JSON::PP::true }));
exact('b', 5, 'resetOffsetAutomatically goes on at the earliest');
like(slurp_file($node->logfile, $log), qr/partition \[0\] was reset automatically from offset \[2\].*to \[5\]: 3 offsets were skipped/, 'and the log has the skipped range');

# ---- maxParseExceptions
$kafka->topic('c', 1);
my $c = sub { spec(%a, dataSource => 'c', topic => 'c', brokers => $kafka->address, tuning => { maxParseExceptions => $_[0] }) };
$node->submit($c->(1));
produce('c', 0, 2);
$kafka->produce('c', 0, 'bad one', 'bad two');
produce('c', 0, 2);
ok($node->wait_for(state_of('c'), 'UNHEALTHY_TASKS'), 'UNHEALTHY_TASKS when maxParseExceptions is exceeded');
is($node->safe_psql('postgres', 'SELECT count(*) FROM c'), '2', 'what was before it is there');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE supervisor_id = 'c' AND status = 'FAILED' AND error IS NOT NULL", '1'),
	'the task has failed');
is($node->safe_psql('postgres', "SELECT offsets FROM stream_ingest.task_group WHERE supervisor_id = 'c'"), '{3}', 'at exactly that offset');
sleep 3;
is($node->safe_psql('postgres', "SELECT count(*) FROM stream_ingest.task WHERE supervisor_id = 'c' AND status = 'FAILED'"), '1',
	'and is not tried again at once');
$node->safe_psql('postgres', "SELECT resume_supervisor('c')");
exact('c', 4, 'resume counts anew and goes on');
ok($node->wait_for(state_of('c'), 'RUNNING'), 'and is RUNNING');
$node->safe_psql('postgres', "SELECT suspend_supervisor('c')");
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE status = 'RUNNING' AND supervisor_id = 'c'", '0'),
	'what a failed task has read is published too');
is($node->safe_psql('postgres', "SELECT count(*) FROM stream_ingest.delta d JOIN stream_ingest.task_group USING (data_source_id) WHERE supervisor_id = 'c'"),
	'0', 'no delta is left behind');

# ---- slots
$node->append_conf('postgresql.conf', 'stream_ingest.max_tasks = 1');
$log = -s $node->logfile;
$node->restart;
$node->safe_psql('postgres', "SELECT resume_supervisor('c')");
ok($node->wait_for("SELECT count(*) FROM stream_ingest.supervisor_status WHERE note LIKE '%increase stream_ingest.max_tasks%'", '1'),
	'the status names stream_ingest.max_tasks');
like(slurp_file($node->logfile, $log), qr/no free task slot.*\n.*HINT:.*stream_ingest.max_tasks/, 'so does the log');
# two readers and a publisher with one place among them
$node->safe_psql('postgres', "SELECT suspend_supervisor('b')");
exact('c', 4, 'one place: it is had in turns');
$node->submit(spec(%a, dataSource => 'c', topic => 'c', brokers => $kafka->address, io => { taskDuration => 'PT1S' }));
produce('c', 0, 1);
ok($node->wait_for("SELECT count(*) FROM stream_ingest.delta", '0'), 'a reader makes room for publishing');
exact('c', 5, 'and nothing is lost');
$node->submit(spec(%a, dataSource => 'c', topic => 'c', brokers => $kafka->address));
$node->safe_psql('postgres', "SELECT resume_supervisor('b')");
$node->append_conf('postgresql.conf', "stream_ingest.max_tasks = 8\nmax_worker_processes = 4");
$log = -s $node->logfile;
$node->restart;
ok($node->wait_for("SELECT count(*) > 0 FROM stream_ingest.supervisor_status WHERE note LIKE '%increase max_worker_processes%'", 't'),
	'the status names max_worker_processes');
like(slurp_file($node->logfile, $log), qr/no free background worker.*\n.*HINT:.*max_worker_processes/, 'so does the log');
$node->safe_psql('postgres', "SELECT suspend_supervisor(supervisor_id) FROM stream_ingest.supervisors WHERE supervisor_id = 'b'");
produce('c', 0, 1);
exact('c', 6, 'work goes on when a process is free');

# ---- drop while it reads
$node->safe_psql('postgres', 'DROP EXTENSION stream_ingest CASCADE');
is($node->safe_psql('postgres', readers()), '0', 'DROP EXTENSION ends all tasks');
$node->stop;
$kafka->stop;

done_testing();
