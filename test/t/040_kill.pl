# Whatever is killed, whenever, and whatever is asked for meanwhile: every
# event is stored exactly once.
#
# While numbered events are produced without a pause, processes of the server
# and the broker are killed, ended and stopped at random moments.  Three
# supervisors read the same topic, and another process asks them for all that
# changes how they read: other groups and specs, suspend and resume, terminate
# and submit, hand-offs, shutdowns ("events"); resets into what is not published,
# of columns that are discovered ("resets"); a spec that leaves some messages
# unparseable, and parsing them again ("requeued").  At the end the numbers in
# each table are compared with those produced.  The same comparison must find
# the loss when the commit's order is broken on purpose.
#
# KILLS=1000 is the long form; KILL_SEED repeats a run's choices.
use strict;
use warnings;

use IPC::Run qw(start);
use JSON::PP ();
use POSIX ();
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;
use Time::HiRes qw(sleep time);

my $kills = $ENV{KILLS} // 60;
my $seed = $ENV{KILL_SEED} // (time() * 1000 ^ $$) % 1_000_000_000;
my $partitions = 3;
my $rate = 1000;				# events a second
my $block = 10_000;				# events with a field of the same name
my @names = qw(events resets requeued);

srand($seed);
diag("KILL_SEED=$seed KILLS=$kills");

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
restart_after_crash = on
# some chunks in their catalog row, some in files
stream_ingest.inline_delta_limit = 1kB
stream_ingest.rejected_max_rows = 10000000
# for "events", of which each task has a replica
stream_ingest.standby_tasks = on
include_if_exists = 'fault.conf'
CONF
$node->start;
my $log = $node->logfile;
sql('CREATE EXTENSION stream_ingest');

# ---- the server, which may be down ----

# Runs a query until it works.
sub sql
{
	my ($query, $seconds) = @_;
	my $deadline = time() + ($seconds // 60);
	my ($out, $err) = ('', '');

	while (time() < $deadline)
	{
		# a server that goes down may break the pipe to psql, which is thrown
		my $status = eval { $node->psql('postgres', $query, stdout => \$out, stderr => \$err) };

		return $out if defined $status && $status == 0;
		sleep(0.05);
	}
	die "for a minute this does not work: $query\n$err";
}

# The postmaster must come back, but its orphans may need a moment to go.
sub start_server
{
	my $deadline = time() + 180;

	until ($node->start(fail_ok => 1))
	{
		die 'the server does not start' if time() > $deadline;
		sleep(0.2);
	}
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

sub crashes { return scalar(() = slurp_file($log) =~ /was terminated by signal 9/g); }

# ---- what is produced ----

my @producers;

# A producer left behind would keep the test's output open.
END
{
	kill 'KILL', map { -$_ } @producers;
}

# A process, with a group of its own, that produces numbered events until it is told to stop.
sub start_producer
{
	my ($topic) = @_;
	my $result = "$PostgreSQL::Test::Utils::tmp_check/$topic.produced";
	my $address = $kafka->address;
	my $pid;

	unlink $result;
	$pid = fork() // die "fork: $!";

	if ($pid != 0)
	{
		push @producers, $pid;
		return { pid => $pid, result => $result };
	}

	setpgrp(0, 0);
	my ($stop, $n, $sum) = (0, 0, 0);
	local $SIG{TERM} = sub { $stop = 1; };
	local $SIG{PIPE} = 'IGNORE';
	open(my $kcat, '|-', 'kcat', '-P', '-E', '-q', '-b', $address, '-t', $topic, '-p', '-1',
		'-X', 'enable.idempotence=true', '-X', 'message.timeout.ms=600000', '-X', 'linger.ms=2',
		'-X', 'reconnect.backoff.max.ms=500')
	  or POSIX::_exit(1);
	$kcat->autoflush(1);
	until ($stop)
	{
		my $lines = '';

		for (1 .. $rate / 100)
		{
			my $v = (++$n * 7919) % 1000;
			my $ms = 1577836800000 + ($n * 37) % 14400000;	# four hours

			$sum += $v;
			# one of 40 has no "time", one of 1000 a text where the others have a number
			my $time = $n % 40 ? qq("time":$ms,) : '';
			my $value = $n % 1000 ? $n : qq("n$n");
			$lines .= qq({$time"when":$ms,"id":$n,"key":"k@{[ $n % 97 ]}","v":$v,"f@{[ int($n / $block) ]}":$value}\n);
		}
		print {$kcat} $lines;
		sleep(0.01);
	}
	my $delivered = close($kcat);
	append_to_file($result, "$n $sum " . ($delivered ? 'delivered' : "kcat failed: $?"));
	POSIX::_exit(0);
}

# Ends it; returns how many events there are, and the sum of their v.
sub stop_producer
{
	my ($producer) = @_;

	kill 'TERM', $producer->{pid};
	waitpid($producer->{pid}, 0);
	@producers = grep { $_ != $producer->{pid} } @producers;
	my ($n, $sum, $status) = split / /, slurp_file($producer->{result}), 3;
	is($status, 'delivered', "the broker took all $n events");
	return ($n, $sum);
}

# What the supervisors read by; of "events" there are several specs.
my @events = (
	{ },
	{ dimensions => [ { type => 'long', name => 'id' }, 'key', { type => 'long', name => 'when' } ] },
	{ granularity => { segmentGranularity => 'DAY' } });

sub spec_of
{
	my ($name, %o) = @_;
	my $spec = spec(
		dataSource => $name, topic => $name eq 'broken' ? 'broken' : 'events', brokers => $kafka->address,
		timestamp => { column => 'when', format => 'millis' },
		dimensions => [ { type => 'long', name => 'id' }, 'key' ],
		metrics => [ { type => 'longSum', name => 'v', fieldName => 'v' } ],
		%o,
		io => { taskCount => 2, taskDuration => 'PT3S', %{ $o{io} // {} } },
		tuning => { intermediatePersistPeriod => 'PT1S', maxRowsPerSegment => 5000 });

	return $spec;
}

sub spec_of_events { return spec_of('events', %{ $events[ $_[0] ] }, io => { taskCount => $_[1], replicas => 2 }); }

# Nothing of it is handed off but by a reset.
sub spec_of_resets
{
	my $spec = spec_of('resets', io => { taskDuration => 'P1D' });

	$spec =~ s/"maxRowsPerSegment":5000/"maxRowsPerSegment":5000000/;
	$spec =~ s/"dimensionsSpec":\{[^}]*\}[^}]*\}/"dimensionsSpec":{"useSchemaDiscovery":true}/;
	return $spec;
}

sub spec_of_requeued { return spec_of('requeued', timestamp => { column => $_[0], format => 'millis' }, io => { taskCount => 1 }); }

# What is wrong with the table, given what was produced: a list, empty when nothing is.
sub differences
{
	my ($table, $n, $sum) = @_;
	my @wrong;
	my ($rows, $distinct, $min, $max, $total) =
	  split /\|/, sql("SELECT count(*), count(DISTINCT id), min(id), max(id), sum(v) FROM $table");

	push @wrong, "$rows rows instead of $n" if $rows != $n;
	push @wrong, "$distinct numbers instead of $n" if $distinct != $n;
	push @wrong, "numbers from $min to $max" if $min != 1 || $max != $n;
	push @wrong, "sum $total instead of $sum" if $total != $sum;
	push @wrong, 'missing: ' . sql("SELECT string_agg(g::text, ' ') FROM (SELECT g FROM generate_series(1, $n) g
		WHERE g NOT IN (SELECT id FROM $table) ORDER BY g LIMIT 10) x") if $distinct < $n;
	push @wrong, 'repeated: ' . sql("SELECT string_agg(id || 'x' || c, ' ') FROM (SELECT id, count(*) c FROM $table
		GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 10) x") if $rows > $distinct;
	return @wrong;
}

# Waits until everything that the broker has is committed.
sub wait_until_read
{
	my ($name, $n) = @_;
	my $topic = $name eq 'broken' ? 'broken' : 'events';
	my %high = map { $_ => ($kafka->offsets($topic, $_))[1] } 0 .. $partitions - 1;
	my $all = join(' ', map { "$_:$high{$_}" } sort keys %high);
	my $sum = 0;

	$sum += $_ for values %high;
	is($sum, $n, 'the broker has each event once');
	ok($node->wait_for(qq{SELECT string_agg(partition || ':' || "offset", ' ' ORDER BY partition)
		FROM stream_ingest.partitions WHERE supervisor_id = '$name'}, $all, 120), "$name has read everything");
	return;
}

# ---- victims: each function kills something and returns what it was, or nothing when it is not there ----

sub kill_worker
{
	my ($type) = @_;
	my ($pid) = split /\n/, sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'stream_ingest $type' ORDER BY random() LIMIT 1");

	return if !$pid;
	kill 'KILL', $pid;
	return $type;
}

# One that is asked to end does not take the server with it: the others go on.
sub terminate_worker
{
	my ($type) = split /\n/, sql("SELECT backend_type FROM (SELECT pid, backend_type FROM pg_stat_activity
		WHERE backend_type LIKE 'stream_ingest %' ORDER BY random() LIMIT 1) w WHERE pg_terminate_backend(pid)");

	return $type ? "$type (terminated)" : undef;
}

# A process that stands still for a while, and goes on as if nothing had happened.
sub stop_worker
{
	my ($type) = @_;
	my ($pid) = split /\n/, sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'stream_ingest $type' ORDER BY random() LIMIT 1");

	return if !$pid || !kill('STOP', $pid);
	sleep(rand(1.5));
	kill 'CONT', $pid;
	return "$type (stopped)";
}

# Holds the table of deltas, so that tasks wait in the middle of their commit, and kills one there.
sub kill_in_commit
{
	my ($out, $err) = ('', '');
	my $session = start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
			'BEGIN; LOCK TABLE stream_ingest.delta IN SHARE MODE; SELECT pg_sleep(5)' ], '<', \'', '>', \$out, '2>', \$err);
	my $pid;

	for (1 .. 40)
	{
		$pid = sql(q{SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l USING (pid)
			WHERE a.backend_type = 'stream_ingest reading task' AND NOT l.granted LIMIT 1});
		last if $pid;
		sleep(0.05);
	}
	kill 'KILL', $pid if $pid;
	sleep(0.2);
	$session->kill_kill;
	return $pid ? 'reading task that waits in its commit' : undef;
}

sub kill_client
{
	my ($out, $err) = ('', '');
	my $session = start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . " application_name=victim", '-c',
			'SELECT count(*), pg_sleep(10) FROM events' ], '<', \'', '>', \$out, '2>', \$err);
	my $pid;

	for (1 .. 40)
	{
		$pid = sql(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' LIMIT 1});
		last if $pid;
		sleep(0.05);
	}
	kill 'KILL', $pid if $pid;
	$session->finish;
	return $pid ? 'client backend' : undef;
}

# A process kills itself at a chosen place in the code.
sub kill_at_fault
{
	my @places = qw(commit_offsets_moved commit_before_end commit_after_end chunk_written chunk_durable
	  merge_done segment_durable publish_deltas_removed publish_before_end publish_after_end
	  reset_deltas_removed reset_before_end requeue_committed requeue_done reading_task_started);
	my $place = $places[ rand @places ];
	my $before = crashes();

	set_fault("$place:crash");
	for (1 .. 60)
	{
		last if crashes() > $before;
		sleep(0.05);
	}
	set_fault('');
	return crashes() > $before ? "process at $place" : undef;
}

sub stop_server
{
	my ($mode) = @_;

	# PostgreSQL 15 itself hangs when it is shut down fast while it recovers from a crash
	sql('SELECT 1') if $mode eq 'fast';
	$node->stop($mode);
	start_server();
	return "server ($mode)";
}

sub kill_server
{
	my ($pid) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^([0-9]+)/;

	$node->kill9;
	sleep(0.02) while kill 0, $pid;
	start_server();
	return 'server (SIGKILL)';
}

sub disturb_broker
{
	my ($how) = @_;

	$kafka->$how;
	sleep(rand(2));
	$how eq 'pause' ? $kafka->resume : $kafka->start;
	return "broker ($how)";
}

my @victims = (
	[ 10, sub { kill_worker('reading task') } ],
	[ 5, sub { kill_worker('publishing task') } ],
	[ 5, sub { kill_worker('overlord') } ],
	[ 2, sub { kill_worker('launcher') } ],
	[ 8, \&terminate_worker ],
	[ 3, sub { stop_worker('reading task') } ],
	[ 2, sub { stop_worker('publishing task') } ],
	[ 2, sub { stop_worker('overlord') } ],
	[ 10, \&kill_at_fault ],
	[ 4, \&kill_in_commit ],
	[ 4, \&kill_client ],
	[ 3, sub { stop_server('immediate') } ],
	[ 1, sub { stop_server('fast') } ],
	[ 3, \&kill_server ],
	[ 2, sub { disturb_broker('kill9') } ],
	[ 1, sub { disturb_broker('stop') } ],
	[ 2, sub { disturb_broker('pause') } ]);

sub random_victim
{
	my $all = 0;
	$all += $_->[0] for @victims;
	my $at = rand($all);

	for my $victim (@victims)
	{
		return $victim->[1] if ($at -= $victim->[0]) < 0;
	}
	return $victims[0][1];
}

# Seconds from when the server answers until a commit is made.
sub wait_for_progress
{
	my $processed = q{SELECT sum(counters[1]) FROM stream_ingest.task_group};
	my $at = sql($processed);
	my $began = time();

	until (sql($processed) > $at)
	{
		return if time() > $began + 180;
		sleep(0.02);
	}
	return time() - $began;
}

# ---- what is asked for meanwhile: each function asks for something and says what it was ----

# Like sql(), but what the server refuses is no failure: a request may have been made before its answer was lost.
sub ask
{
	my ($query) = @_;
	my $deadline = time() + 60;
	my ($out, $err) = ('', '');

	while (time() < $deadline)
	{
		my $status = eval { $node->psql('postgres', $query, stdout => \$out, stderr => \$err) };

		# psql: 1 is its own trouble, 2 a bad connection, 3 an error of the statement
		return $out if defined $status && ($status == 0 || $status == 3);
		sleep(0.05);
	}
	die "for a minute this does not work: $query\n$err";
}

sub submit { my ($spec) = @_; return ask("SELECT submit_supervisor('$spec')"); }

sub suspend_and_resume
{
	my ($seconds) = @_;

	ask(q{SELECT suspend_supervisor('events')});
	sleep($seconds);
	ask(q{SELECT resume_supervisor('events')});
	return 'suspend and resume';
}

# The next submit brings it back at its offsets; so does every other one that follows.
sub terminate_and_submit
{
	my ($spec) = @_;

	ask(q{SELECT terminate_supervisor('events')});
	submit($spec);
	return 'terminate and submit';
}

sub shut_down
{
	my ($at) = @_;

	ask("SELECT shutdown_task(task_id) FROM (SELECT task_id FROM stream_ingest.tasks
		WHERE status = 'RUNNING' ORDER BY task_id OFFSET $at LIMIT 1) t");
	return 'shutdown';
}

# To a place between what was ever handed off, which may be published, and where reading is.
sub reset_unpublished
{
	my ($part) = @_;
	my $map = ask(qq{SELECT string_agg(format('"%s":%s', partition, least_offset + floor(("offset" - least_offset) * $part)), ',')
		FROM (SELECT p.partition, p."offset", coalesce((SELECT max(e.offset_to) FROM stream_ingest.task t
			CROSS JOIN LATERAL ROWS FROM (unnest(t.partitions), unnest(t.end_offsets)) AS e (partition, offset_to)
			WHERE t.supervisor_id = 'resets' AND e.partition = p.partition), 0) AS least_offset
		FROM stream_ingest.partitions p WHERE p.supervisor_id = 'resets') x
		WHERE least_offset <= "offset" AND NOT EXISTS (SELECT FROM stream_ingest.request r WHERE r.supervisor_id = 'resets')});

	return if $map eq '';
	ask(qq(SELECT reset_offsets('resets', '{"type":"kafka","partitions":{"type":"end","stream":"events","partitionOffsetMap":{$map}}}')));
	return 'reset';
}

sub parse_again
{
	my ($go_back) = @_;

	submit(spec_of_requeued('when'));
	ask(q{SELECT requeue_rejected('requeued')});
	submit(spec_of_requeued('time')) if $go_back;
	return 'requeue';
}

# The numbers are drawn before anything is asked, so that a seed always gives the same ones.
my @operations = (
	[ 4, sub { my $spec = spec_of_events(int($_[0] * @events), 1 + int($_[1] * 3)); submit($spec); return 'submit'; } ],
	[ 2, sub { return suspend_and_resume($_[0] / 2); } ],
	[ 1, sub { return terminate_and_submit(spec_of_events(int($_[0] * @events), 1 + int($_[1] * 3))); } ],
	[ 3, sub { ask("SELECT handoff_task_groups('events', '{@{[ int($_[0] * 3) ]}}')"); return 'hand-off'; } ],
	[ 2, sub { return shut_down(int($_[0] * 6)); } ],
	[ 4, sub { return reset_unpublished($_[0]); } ],
	[ 4, sub { return parse_again($_[0] < 0.8); } ]);

# A process of its own that asks for one thing after the other until it is told to stop.
sub start_asking
{
	my $result = "$PostgreSQL::Test::Utils::tmp_check/asked";
	my $pid = fork() // die "fork: $!";

	if ($pid != 0)
	{
		push @producers, $pid;
		return { pid => $pid, result => $result };
	}

	setpgrp(0, 0);
	srand($seed + 1);
	my ($stop, %asked) = (0);
	local $SIG{TERM} = sub { $stop = 1; };
	my $all = 0;
	$all += $_->[0] for @operations;
	eval {
		until ($stop)
		{
			my ($at, @numbers) = (rand($all), rand(), rand());

			sleep(rand(1));
			for my $operation (@operations)
			{
				next if ($at -= $operation->[0]) >= 0;
				my $what = $operation->[1]->(@numbers);
				$asked{$what}++ if defined $what;
				last;
			}
		}
		1;
	} or $asked{"error: $@"}++;
	unlink $result;
	append_to_file($result, join(', ', map { "$asked{$_} $_" } sort keys %asked));
	POSIX::_exit(0);
}

# ---- the killing ----

$kafka->topic('events', $partitions);
submit(spec_of_events(0, 2));
submit(spec_of_resets());
submit(spec_of_requeued('time'));
my $producer = start_producer('events');
ok($node->wait_for_rows($_, 1), "$_ are read") for @names;
my $asking = start_asking();

my (%killed, @waits);
my $done = 0;
my $stuck = 0;
while ($done < $kills && !$stuck)
{
	sleep(rand(0.8));
	my $what = random_victim()->() // next;

	$killed{$what}++;
	$done++;
	# sometimes the next blow falls while the server gets up
	next if rand() < 0.3;
	my $seconds = wait_for_progress();
	if (defined $seconds)
	{
		push @waits, $seconds if $what !~ /broker/;
	}
	else
	{
		fail("reading goes on after killing: $what");
		$stuck = 1;
	}
}
@waits = sort { $a <=> $b } @waits;
diag("killed: " . join(', ', map { "$killed{$_} $_" } sort keys %killed));
diag('a standby has become the reader ' . (() = slurp_file($log) =~ /a standby is now the reading task/g) . ' times');
ok($node->wait_for(q{SELECT count(*) > 0 FROM stream_ingest.workers WHERE kind = 'standby'}, 't'), 'standbys wait beside the readers');
diag(sprintf('from the server\'s answer to the next commit: median %.1f s, longest %.1f s', $waits[ @waits / 2 ], $waits[-1])) if @waits;
is($done, $kills, "$kills were killed, and reading went on");

kill 'TERM', $asking->{pid};
waitpid($asking->{pid}, 0);
my $asked = slurp_file($asking->{result});
diag("asked for: $asked");
unlike($asked, qr/error/, 'everything could be asked for');

my ($n, $sum) = stop_producer($producer);
submit(spec_of_events(1, 2));
ask(q{SELECT resume_supervisor('events')});
submit(spec_of_requeued('when'));
ok($node->wait_for('SELECT count(*) FROM stream_ingest.request', '0', 120), 'all requests are applied');
wait_until_read($_, $n) for @names;
isnt(sql(q{SELECT sum(unparseable) FROM stream_ingest.row_stats WHERE supervisor_id = 'requeued'}), '0', 'some messages were unparseable');
sql(q{SELECT requeue_rejected('requeued')});
ok($node->wait_for(q{SELECT count(*) FROM stream_ingest.rejected_messages}, '0', 120), 'and all of them are parsed again in the end');

is(join("\n", differences($_, $n, $sum)), '', "$_: each of $n events is stored exactly once") for @names;
is(sql('SELECT count(*) FROM stream_ingest.audit WHERE NOT exactly_once'), '0', 'the audit is clean');
like(sql("SELECT audit_supervisor('$_')"), qr/"exactlyOnce":true,"discrepancy":null,.*"rows":$n\}/, "also that of all chunks of $_") for @names;
is(sql(q{SELECT sum(processed), sum(unparseable), sum(thrown_away) FROM stream_ingest.row_stats WHERE supervisor_id = 'events'}),
	"$n|0|0", 'the counters count each event once');
is(sql("SELECT count(*) FROM stream_ingest.verify_chunks('$_') WHERE NOT ok"), '0', "every chunk of $_ is sound") for @names;
for my $k (0 .. int($n / $block))
{
	my ($first, $last) = ($k * $block || 1, $k == int($n / $block) ? $n : ($k + 1) * $block - 1);
	my $texts = int($last / 1000) - int(($first - 1) / 1000);

	next if $last - $first < 1000;
	ok($node->wait_for("SELECT count(f$k), count(*) FILTER (WHERE f$k ~ '^n') FROM resets", join('|', $last - $first + 1, $texts), 60),
		"field f$k that was discovered has all values");
}

sql("SELECT suspend_supervisor('$_')") for @names;
ok($node->wait_for(q{SELECT bool_and(kind = 'segment') FROM stream_ingest.segments}, 't'), 'everything is published in the end');
is(join("\n", differences($_, $n, $sum)), '', "and $_ are still there exactly once") for @names;

# ---- the test can fail: offsets that are committed before their rows ----

$kafka->topic('broken', $partitions);
submit(spec_of('broken'));
$producer = start_producer('broken');
ok($node->wait_for_rows('broken', 1), 'reading has begun');
set_fault('broken_commit_order');
my $hit = 0;
for (1 .. 3)
{
	sleep(0.5);
	$hit++ if kill_in_commit();
	sql('SELECT 1');
}
set_fault('');
cmp_ok($hit, '>', 0, "$hit reading tasks were killed between the offsets and their rows");
($n, $sum) = stop_producer($producer);
wait_until_read('broken', $n);
my @found = differences('broken', $n, $sum);
isnt(scalar(@found), 0, 'a broken commit order is noticed');
is(sql(q{SELECT bool_and(exactly_once) FROM stream_ingest.audit WHERE supervisor_id = 'broken'}), 'f', 'by the audit too');
diag('with a broken commit order: ' . join('; ', @found));

$node->stop;
$kafka->stop;
done_testing();
