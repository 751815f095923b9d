# Task slots: the queue of tasks that find none, limits of one supervisor, the
# planning at submit; and a database that is copied.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "stream_ingest.worker_capacity = 1\nstream_ingest.worker_idle_timeout = 100");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

sub submit
{
	my ($name, %io) = @_;
	my ($out, $err) = ('', '');
	my %context = $io{context} ? (context => delete $io{context}) : ();
	my $spec = JSON::PP->new->decode(spec(dataSource => $name, topic => $name, brokers => $kafka->address, dimensions => ['n'], io => \%io));

	$spec = JSON::PP->new->canonical->encode({ %$spec, %context });
	$node->psql('postgres', "SELECT submit_supervisor('$spec')", stdout => \$out, stderr => \$err);
	return $err;
}

for my $name (qw(a b c))
{
	$kafka->topic($name, 2);
	$kafka->produce($name, $_, map { qq({"time":1577836800000,"n":"$_"}) } 1 .. 3) for 0 .. 1;
}

# ---- planning
like(submit('a', taskCount => 2, replicas => 3), qr/NOTICE:  the supervisors of this database may need 12 task slots, but stream_ingest\.worker_capacity is 1/,
	'the sum and the setting at submit');
ok($node->wait_for('SELECT count(*) FROM stream_ingest.waiting_tasks', '1'), 'the second task waits');
like($node->safe_psql('postgres', "SELECT get_supervisor_status('a') #>> '{payload,replicas}'"), qr/^3$/, 'the status shows the replicas asked for');
like(submit('b'), qr/may need 14 task slots.*\(replicas \* taskCount\) \* 2 is 2 for this supervisor and 12 for 1 others/s, 'of all supervisors');

# ---- the queue, in order
ok($node->wait_for("SELECT string_agg(supervisor_id || position, ' ' ORDER BY position) FROM stream_ingest.waiting_tasks", 'a1 b2'), 'in the order in which they came');
submit('c');
ok($node->wait_for("SELECT string_agg(supervisor_id || position, ' ' ORDER BY position) FROM stream_ingest.waiting_tasks", 'a1 b2 c3'), 'the next one at the end');
ok($node->wait_for("SELECT note LIKE '%waits at place 2 of the queue%' FROM stream_ingest.supervisor_status WHERE supervisor_id = 'b'", 't'), 'the note says so');
is($node->safe_psql('postgres', "SELECT count(*) FROM stream_ingest.workers WHERE kind = 'reading'"), '1', 'one process');
$node->safe_psql('postgres', "SELECT suspend_supervisor('a')");
ok($node->wait_for('SELECT count(*) FROM b', '6'), 'when there is room the next one reads');
is($node->safe_psql('postgres', 'SELECT count(*) FROM c'), '0', 'and not the one behind it');
$node->append_conf('postgresql.conf', 'stream_ingest.worker_capacity = 0');
$node->reload;
ok($node->wait_for('SELECT count(*) FROM c', '6'), 'with more capacity all do');
ok($node->wait_for('SELECT count(*) FROM stream_ingest.waiting_tasks', '0'), 'and nobody waits');

# ---- the limit of one supervisor
submit('a', taskCount => 2, context => { workerCapacity => 1 });
ok($node->wait_for("SELECT note LIKE '%context.workerCapacity is 1%' FROM stream_ingest.supervisor_status WHERE supervisor_id = 'a'", 't'), 'context.workerCapacity');
is($node->safe_psql('postgres', "SELECT count(*) FROM stream_ingest.workers WHERE kind = 'reading' AND supervisor_id = 'a'"), '1', 'bounds its tasks');

# ---- processes that wait to take over
sub set_fault { $node->append_conf('postgresql.conf', "stream_ingest.fault_point = '$_[0]'"); $node->reload; return; }
sub standbys { "SELECT count(*), bool_and(state = 'waiting to take over') FROM stream_ingest.workers WHERE kind = 'standby'" }
submit('c', replicas => 3);
ok($node->wait_for("SELECT count(*) FROM stream_ingest.workers WHERE kind = 'reading' AND supervisor_id = 'c'", '1'), 'one process reads');
is($node->safe_psql('postgres', standbys()), '0|', 'replicas hold no process by themselves');
$node->append_conf('postgresql.conf', 'stream_ingest.standby_tasks = on');
$node->reload;
ok($node->wait_for(standbys(), '2|t'), 'stream_ingest.standby_tasks: replicas - 1 wait to take over');
my $waiting = join ' ', split /\n/, $node->safe_psql('postgres', "SELECT pid FROM stream_ingest.workers WHERE kind = 'standby'");
my $reader = $node->safe_psql('postgres', "SELECT pid FROM stream_ingest.workers WHERE kind = 'reading' AND supervisor_id = 'c'");
$node->safe_psql('postgres', "SELECT pg_terminate_backend($reader)");
ok($node->wait_for("SELECT pid::text = ANY (string_to_array('$waiting', ' ')) FROM stream_ingest.workers WHERE kind = 'reading' AND supervisor_id = 'c'", 't'),
	'one of them is the reader when it ends');
$kafka->produce('c', 0, '{"time":1577836800000,"n":"8"}');
ok($node->wait_for('SELECT count(*) FROM c', '7'), 'and reads on, exactly once');
ok($node->wait_for(standbys(), '2|t'), 'another one waits in its place');
# in the middle of the stream, by the end of a session and by an error of its own
my $file = "$PostgreSQL::Test::Utils::tmp_check/many.json";
unlink $file;
append_to_file($file, join('', map { qq({"time":1577836800000,"n":"x$_"}\n) } 1 .. 50_000));
my $state = "SELECT pid, started FROM stream_ingest.workers WHERE kind = 'reading' AND supervisor_id = 'c'";
my ($done, $at) = (0);
for my $how ('terminated', 'failed')
{
	my ($pid) = split /\|/, $node->safe_psql('postgres', $state);

	set_fault('commit_before_end:error') if $how eq 'failed';
	$kafka->produce_lines_of('c', 1, $file);
	$at = $node->safe_psql('postgres', "SELECT clock_timestamp() FROM pg_terminate_backend($pid)") if $how eq 'terminated';
	ok($node->wait_for("SELECT pid <> $pid FROM ($state) w", 't'), "$how while it reads: a standby takes over");
	set_fault('') if $how eq 'failed';
	diag('a standby was the reader after ' . $node->safe_psql('postgres', "SELECT extract(epoch FROM started - '$at')::numeric(9, 3) FROM ($state) w") . ' s')
	  if $how eq 'terminated';
	$done++;
	ok($node->wait_for("SELECT count(*) = 7 + 50000 * $done, count(*) FILTER (WHERE n ~ '^x') / count(DISTINCT n) FILTER (WHERE n ~ '^x') FROM c", "t|$done"),
		"$how while it reads: nothing is lost or doubled");
}
is($node->safe_psql('postgres', q{SELECT audit_supervisor('c')::json ->> 'discrepancy' IS NULL}), 't', 'the audit is clean');
my @taken = slurp_file($node->logfile) =~ /a standby is now the reading task of supervisor "c", group 0/g;
cmp_ok(scalar(@taken), '>=', 3, 'the log says each time that it was a standby');
# only they are in the way of the task of another supervisor
my $tasks = $node->safe_psql('postgres', "SELECT count(*) FROM stream_ingest.workers WHERE kind IN ('reading', 'standby', 'publishing')");
$node->append_conf('postgresql.conf', "stream_ingest.worker_capacity = $tasks");
$node->reload;
submit('a', taskCount => 2);
ok($node->wait_for("SELECT count(*) FROM stream_ingest.workers WHERE kind = 'reading' AND supervisor_id = 'a'", '2'), 'a standby makes room for a task that waits');
$node->append_conf('postgresql.conf', "stream_ingest.worker_capacity = 0\nstream_ingest.standby_tasks = off");
$node->reload;
ok($node->wait_for(standbys(), '0|'), 'without the setting they end');

# ---- a copy of the database
my $log = -s $node->logfile;
$node->safe_psql('template1', 'CREATE DATABASE copied TEMPLATE postgres');
ok($node->wait_for('SELECT bool_and(suspended), count(*) FROM stream_ingest.supervisor', 't|3', undef, 'copied'), 'supervisors of a copied database are suspended');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.supervisor_status WHERE state = 'SUSPENDED'", '3', undef, 'copied'), 'as its own overlord says');
isnt($node->safe_psql('copied', 'SELECT uuid FROM stream_ingest.install'), $node->safe_psql('postgres', 'SELECT uuid FROM stream_ingest.install'), 'it is an install of its own');
like(slurp_file($node->logfile, $log), qr/is a copy of another one: its stream_ingest supervisors are suspended/, 'and the log says so');
is($node->safe_psql('copied', 'SELECT count(*) FROM b'), '0', 'its tables are empty');
is($node->safe_psql('postgres', 'SELECT count(*) FROM b'), '6', 'those of the other are not');
$node->safe_psql('copied', "SELECT resume_supervisor('b')");
ok($node->wait_for('SELECT count(*) FROM b', '6', undef, 'copied'), 'resumed, it reads for itself');
is($node->safe_psql('postgres', 'SELECT bool_or(suspended) FROM stream_ingest.supervisor'), 'f', 'the other goes on');
$kafka->produce('b', 0, '{"time":1577836800000,"n":"9"}');
ok($node->wait_for('SELECT count(*) FROM b', '7', undef, $_), "both read what comes: $_") for qw(postgres copied);

$node->stop;
$kafka->stop;
done_testing();
