# Three brokers, each of which is killed, hangs and comes back while the topic
# is written and read: partitions change their leaders, and every event is
# stored exactly once.  Then an election that loses messages: the partition
# halts and says so.
#
# ROUNDS is the number of leaders that go (8).
use strict;
use warnings;

use POSIX ();
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;
use Time::HiRes qw(sleep time);

my $rounds = $ENV{ROUNDS} // 8;
my $partitions = 3;
my @brokers = StreamIngest::Kafka->cluster('main', 3);
my $addresses = $brokers[0]->addresses;
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

sub query { return $node->safe_psql('postgres', $_[0]); }

sub submit
{
	my ($name, $task_count) = @_;

	$node->submit(spec(dataSource => $name, topic => $name, brokers => $addresses,
			dimensions => [ { type => 'long', name => 'n' } ], io => { taskCount => $task_count }));
	return;
}

# Waits until a piece of code is true.
sub wait_until
{
	my ($what, $code) = @_;
	my $deadline = time() + 180;

	until ($code->())
	{
		return fail($what) if time() > $deadline;
		sleep(0.1);
	}
	return pass($what);
}

my $producer;
END { kill 'KILL', -$producer if $producer; }

# A process that produces numbered events until it is told to stop; the number of the last one is then in a file.
sub start_producer
{
	my ($file) = @_;

	$producer = fork() // die "fork: $!";
	return if $producer != 0;
	setpgrp(0, 0);
	my ($stop, $n) = (0, 0);
	local $SIG{TERM} = sub { $stop = 1; };
	local $SIG{PIPE} = 'IGNORE';
	open(my $kcat, '|-', 'kcat', '-P', '-E', '-q', '-b', $addresses, '-t', 'events', '-p', '-1', '-X', 'enable.idempotence=true',
		'-X', 'message.timeout.ms=600000', '-X', 'linger.ms=2', '-X', 'reconnect.backoff.max.ms=500', '-X', 'socket.timeout.ms=3000') or POSIX::_exit(1);
	$kcat->autoflush(1);
	until ($stop)
	{
		print {$kcat} map { $n++; qq({"time":"2020-01-01T00:00:00Z","n":$n}\n) } 1 .. 10;
		sleep(0.01);
	}
	append_to_file($file, close($kcat) ? $n : "kcat failed: $?");
	POSIX::_exit(0);
}

# ---- leaders go and come

$brokers[0]->topic('events', $partitions, replicas => '1,2,3', 'min.insync.replicas' => 2);
submit('events', 2);
my $result = "$PostgreSQL::Test::Utils::tmp_check/produced";
unlink $result;
start_producer($result);
ok($node->wait_for_rows('events', 1), 'reading');
my @waits;
for my $round (1 .. $rounds)
{
	my $partition = $round % $partitions;
	my ($leader) = $brokers[0]->leader('events', $partition);
	my $how = $round % 2 ? 'kill9' : 'pause';

	cmp_ok($leader, '>', 0, "round $round: partition $partition is led by node $leader");
	my $began = time();
	my $offset = qq{SELECT "offset" FROM stream_ingest.partitions WHERE supervisor_id = 'events' AND partition = $partition};
	$brokers[ $leader - 1 ]->$how;
	wait_until("$how: another node leads", sub { my ($l) = $brokers[0]->leader('events', $partition); $l > 0 && $l != $leader });
	# one that was asleep believes for a moment that it still leads; sometimes it wakes when the others are far ahead
	my $late = $round % 4 == 0;
	$brokers[ $leader - 1 ]->resume if $how eq 'pause' && !$late;
	my $at = query($offset);
	ok($node->wait_for("SELECT o.\"offset\" > $at FROM ($offset) o", 't'), 'and the partition is read on');
	push @waits, sprintf('%.1f', time() - $began);
	$brokers[ $leader - 1 ]->start if $how eq 'kill9';
	$brokers[ $leader - 1 ]->resume if $how eq 'pause' && $late;
	wait_until('the old leader is in sync again',
		sub { !grep { my (undef, $isr) = $brokers[0]->leader('events', $_); @$isr < 3 } 0 .. $partitions - 1 });
}
diag("from the end of a leader to the next commit of its partition: @waits s");
kill 'TERM', $producer;
waitpid($producer, 0);
$producer = undef;
my $n = slurp_file($result);
like($n, qr/^\d+$/, 'the brokers took all events');
ok($node->wait_for('SELECT count(*), count(DISTINCT n), min(n), max(n) FROM events', "$n|$n|1|$n"), "each of $n events is stored exactly once");
is(query('SELECT bool_and(exactly_once) FROM stream_ingest.audit'), 't', 'the audit is clean');
like(query(q{SELECT audit_supervisor('events')}), qr/"exactlyOnce":true,"discrepancy":null/, 'also that of all chunks');
ok($node->wait_for(q{SELECT healthy, state FROM stream_ingest.supervisors WHERE supervisor_id = 'events'}, 't|RUNNING'), 'and the supervisor is healthy');
is(query('SELECT count(*) FROM stream_ingest.offset_gaps'), '0', 'nobody took a change of leaders for lost offsets');

# ---- an outdated replica is elected: what only the old leader had is lost

sub produce { my ($first, $last) = @_; run_kcat(join '', map { qq({"time":"2020-01-01T00:00:00Z","n":$_}\n) } $first .. $last); return; }

sub run_kcat
{
	my ($lines) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'kcat', '-P', '-b', $addresses, '-t', 'unclean', '-p', '0' ], '<', \$lines, '>', \$out, '2>', \$err) or die "kcat: $err";
	return;
}

$brokers[0]->topic('unclean', 1, replicas => '1,2', 'min.insync.replicas' => 1, 'unclean.leader.election.enable' => 'true');
submit('unclean', 1);
produce(1, 100);
ok($node->wait_for('SELECT count(*) FROM unclean', '100'), 'a topic that prefers going on to losing nothing');
$brokers[1]->kill9;
wait_until('node 1 leads alone', sub { my ($l, $isr) = $brokers[0]->leader('unclean', 0); $l == 1 && "@$isr" eq '1' });
produce(101, 200);
ok($node->wait_for('SELECT count(*) FROM unclean', '200'), 'what only it has is read');
$brokers[0]->kill9;
$brokers[1]->start;
wait_until('node 2 leads, without that', sub { my ($l) = $brokers[1]->leader('unclean', 0); $l == 2 });
ok($node->wait_for(q{SELECT reason, "offset" FROM stream_ingest.offset_gaps WHERE supervisor_id = 'unclean'}, 'beyond the end|200'),
	'the partition is halted at its offset');
ok($node->wait_for(q{SELECT healthy FROM stream_ingest.supervisors WHERE supervisor_id = 'unclean'}, 'f'), 'and the supervisor is not healthy');
produce(201, 400);
is(query('SELECT count(*), count(DISTINCT n) FROM unclean'), '200|200', 'the new log, longer by now, is not taken for the old one');
query(q{SELECT reset_offsets('unclean', '{"type":"kafka","partitions":{"type":"end","stream":"unclean","partitionOffsetMap":{"0":100}}}')});
ok($node->wait_for('SELECT count(*), count(DISTINCT n), max(n) FROM unclean', '400|400|400'), 'a reset to where the logs part reads it: nothing is stored twice');
$brokers[0]->start;
ok($node->wait_for(q{SELECT healthy, state FROM stream_ingest.supervisors WHERE supervisor_id = 'unclean'}, 't|RUNNING'), 'healthy again');

$node->stop;
$_->stop for @brokers;
done_testing();
