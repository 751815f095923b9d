# Disks that are full and disks that fail: whatever cannot be written, made
# durable or removed, the task that wanted it ends with the reason, is tried
# again, and in the end every row is there once and no file too many.  The
# server itself never goes down for it.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
# every chunk is a file; SQLSTATEs are in the log; merges only when publishing
$node->append_conf('postgresql.conf', <<'CONF');
stream_ingest.inline_delta_limit = 0
stream_ingest.merge_fan_in = 1000
log_line_prefix = '%m [%p] %b %e '
restart_after_crash = off
stream_ingest.task_unhealthiness_threshold = 2
stream_ingest.task_healthiness_threshold = 1
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

sub query { return $node->safe_psql('postgres', $_[0]); }

sub set_fault
{
	my ($fault) = @_;

	$node->append_conf('postgresql.conf', "stream_ingest.fault_point = '$fault'\n");
	$node->reload;
	return;
}

sub produce
{
	my ($topic, $from, $to) = @_;

	$kafka->produce($topic, 0, map { qq({"time":"2015-09-12T00:00:00Z","n":$_}) } $from .. $to);
	return;
}

sub exactly
{
	my ($table, $rows, $what) = @_;

	ok($node->wait_for("SELECT count(*), count(DISTINCT n) FROM $table", "$rows|$rows"), $what);
	return;
}

sub failed_tasks
{
	my ($type, $from, $pattern) = @_;
	my @failed = substr(slurp_file($node->logfile), $from) =~ /\] stream_ingest $type $pattern/g;

	return scalar @failed;
}

# Waits until so many tasks of a type have ended with a line of the log.
sub wait_for_failed
{
	my ($n, @line) = @_;

	for (1 .. 1200)
	{
		return 1 if failed_tasks(@line) >= $n;
		select(undef, undef, undef, 0.05);
	}
	return 0;
}

# The files there are, and those that the catalog knows.
sub files
{
	return map { s{.*/}{}r } glob($node->data_dir . '/stream_ingest/*/*/*.chunk');
}

sub known
{
	return { map { $_ => 1 } split /\n/, query('SELECT file FROM stream_ingest.delta UNION ALL SELECT file FROM stream_ingest.segment
		UNION ALL SELECT file FROM stream_ingest.tombstone') };
}

sub no_orphans
{
	my ($what) = @_;
	my @orphans;

	for (1 .. 600)
	{
		my $known = known();

		@orphans = grep { !$known->{$_} } files();
		last if !@orphans;
		select(undef, undef, undef, 0.05);
	}
	is("@orphans", '', $what);
	return;
}

my $path = qr{"stream_ingest/\d+/[0-9a-f]{32}/\d+-[0-9a-f]{16}\.chunk"};
my @faults = (
	[ 'parent_sync:eio', qr/58030 ERROR:  could not fsync file "\.": Input\/output error/ ],
	[ 'file_write:enospc', qr/53100 ERROR:  could not write to file $path: No space left on device/ ],
	[ 'file_sync:eio', qr/58030 ERROR:  could not fsync file $path: Input\/output error/ ],
	[ 'dir_sync:enospc', qr{53100 ERROR:  could not fsync file "stream_ingest/\d+/[0-9a-f]{32}": No space left on device} ]);

# ---- reading ----

for my $i (0 .. $#faults)
{
	my ($fault, $line) = @{ $faults[$i] };
	my $log = -s $node->logfile;

	$kafka->topic("t$i", 1);
	produce("t$i", 1, 100);
	set_fault($fault);
	$node->submit(spec(dataSource => "t$i", topic => "t$i", brokers => $kafka->address,
			dimensions => [ { type => 'long', name => 'n' } ]));
	ok(wait_for_failed(1, 'reading task', $log, $line), "$fault: the reading task ends with the reason");
	is(query("SELECT count(*) FROM t$i"), '0', 'nothing is stored');
	if ($fault eq 'file_write:enospc')
	{
		ok($node->wait_for("SELECT healthy, state FROM stream_ingest.supervisors WHERE supervisor_id = 't$i'", 'f|UNHEALTHY_TASKS'), 'after several of them the state shows it');
		like(query("SELECT get_supervisor_status('t$i') #>> '{payload,recentErrors,0}'"), qr/could not write to file .*No space left on device/, 'and recentErrors says why');
		cmp_ok(scalar(files()), '<=', 2 + keys %{ known() }, 'what was written in vain goes with the task');
	}
	set_fault('');
	exactly("t$i", 100, 'with room again it is tried again, and everything is there once');
}

# ---- publishing, by the same disks; others go on reading ----

for my $i (grep { $faults[$_][0] =~ /_sync:/ && $_ > 0 } 0 .. $#faults)
{
	my ($fault, $line) = @{ $faults[$i] };
	my $log = -s $node->logfile;

	set_fault($fault);
	query("SELECT suspend_supervisor('t$i')");
	ok(wait_for_failed(1, 'publishing task', $log, $line), "$fault: the publishing task ends with the reason");
	ok($node->wait_for("SELECT get_supervisor_status('t$i') #>> '{payload,recentErrors,0}' ~ 'publishing has failed: could not '", 't'), 'the status says so') if $fault eq 'file_sync:eio';
	is(query("SELECT count(*), count(DISTINCT n) FROM t$i"), '100|100', 'the deltas stay as they are');
	set_fault($i == $#faults ? 'file_unlink:eio' : '');
	ok($node->wait_for("SELECT bool_and(kind = 'segment') FROM stream_ingest.segments WHERE data_source = 't$i'::regclass", 't'), 'then they are published');
	exactly("t$i", 100, 'and nothing is lost or doubled');
}
is(query(q{SELECT bool_and(exactly_once) FROM stream_ingest.audit}), 't', 'the audit is clean');
ok($node->wait_for(q{SELECT healthy, state FROM stream_ingest.supervisors WHERE supervisor_id = 't1'}, 't|RUNNING'), 'what could not be written is forgotten');

# ---- removing ----

my $log = -s $node->logfile;
query('SELECT pg_terminate_backend(' . ($node->workers('overlord'))[0] . ')');
ok($node->wait_for(qq{SELECT count(*) FROM stream_ingest.supervisors WHERE note ~ 'could not remove file .*: Input/output error'}, '4'),
	'files that cannot be removed are in the note of every supervisor');
ok(wait_for_failed(1, 'overlord', $log, qr/58030 LOG:  could not remove file $path: Input\/output error/), 'and in the log');
isnt(query('SELECT count(*) FROM stream_ingest.pending_deletes'), '0', 'their tombstones stay');
produce('t0', 101, 200);
exactly('t0', 200, 'meanwhile reading goes on');
set_fault('file_stat:eio');
query('SELECT pg_terminate_backend(' . ($node->workers('overlord'))[0] . ')');
ok($node->wait_for(q{SELECT count(*) FROM stream_ingest.supervisors WHERE note ~ 'could not stat file .*: Input/output error'}, '4'),
	'an overlord that cannot look at the files says so');
set_fault('');
query('SELECT pg_terminate_backend(' . ($node->workers('overlord'))[0] . ')');
ok($node->wait_for('SELECT count(*) FROM stream_ingest.tombstone', '0'), 'files that can be removed again are');
ok($node->wait_for(q{SELECT count(*) FROM stream_ingest.supervisors WHERE note ~ 'could not'}, '0'), 'and the notes go');
no_orphans('no file is left that nobody knows');
produce('t1', 101, 200);
exactly('t1', 200, 'all is well');
is(query(q{SELECT bool_and(exactly_once) FROM stream_ingest.audit}), 't', 'the audit is clean');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/, 'the server has never gone down');

$node->stop;
$kafka->stop;
done_testing();
