# Resets: what is not published yet is dropped and read again, so that nothing
# is stored twice; what is published is stored once more, and a NOTICE says so.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;
use Time::HiRes qw(time);

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
restart_after_crash = on
stream_ingest.merge_fan_in = 3
# some chunks in their catalog row, some in files
stream_ingest.inline_delta_limit = 1kB
include_if_exists = 'fault.conf'
CONF
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

# What a verb says besides its answer.
sub notices
{
	my ($stdout, $stderr);

	is($node->psql('postgres', $_[0], stdout => \$stdout, stderr => \$stderr), 0, $_[0]);
	return $stderr;
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
	my ($rows, $distinct, $what) = @_;

	ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM a', "$rows|$distinct"), $what);
	return;
}

# Until the overlord has applied what was asked for.
sub settled { return ok($node->wait_for('SELECT count(*) FROM stream_ingest.request', '0'), "$_[0] is applied"); }

sub published
{
	query("SELECT handoff_task_groups('a', ARRAY(SELECT DISTINCT group_id FROM stream_ingest.partitions WHERE supervisor_id = 'a'))");
	settled('a hand-off');
	return ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE phase = 'PUBLISHING'", '0'), 'everything is published');
}

sub offsets
{
	my (%o) = @_;
	my $map = join(',', map { qq("$_":$o{$_}) } sort keys %o);

	return qq('{"type":"kafka","partitions":{"type":"end","stream":"a","partitionOffsetMap":{$map}}}');
}

# nothing is published until it is meant to be
set_fault('merge_done:hang');
$kafka->topic('a', 2);
my %a = (dataSource => 'a', topic => 'a', brokers => $kafka->address, dimensions => ['n']);
$node->submit(spec(%a));
for (1 .. 5) { produce('a', $_ % 2, 3); exact(3 * $_, 3 * $_, "commit $_"); }
$kafka->produce('a', 0, 'not JSON');
ok($node->wait_for('SELECT count(*) FROM stream_ingest.rejected_message', '1'), 'and a bad one');

# ---- nothing is published: nothing is doubled
my $before = query("SELECT string_agg(\"offset\"::text, ' ' ORDER BY partition) FROM stream_ingest.partitions");
is($before, '7 9', 'offsets');
# api-17, api-30, sup-30 of Druid's cases: the other partition stays where it is
is(notices("SELECT reset_offsets('a', " . offsets(0 => 4) . ")"), '', 'no NOTICE: nothing is published');
settled('a reset of one partition');
exact(15, 15, 'in the middle of what is not published: each row once');
ok($node->wait_for('SELECT count(*) FROM stream_ingest.rejected_message', '1'), 'and the bad message once');
like(slurp_file($node->logfile), qr/supervisor "a" was reset: [1-9]\d* rows are dropped and read again/, 'the log says what was dropped');
ok($node->wait_for("SELECT count(*) > 0 FROM stream_ingest.task WHERE error LIKE 'a reset has dropped%'", 't'), 'so does the task');
for my $verb ("reset_supervisor('a')", "reset_supervisor('a', 'earliest')", "reset_supervisor('a', 'earliest', '{1}')")
{
	is(notices("SELECT $verb"), '', 'no NOTICE: nothing is published');
	settled($verb);
	produce('a', 1, 1);
	exact($n, $n, "$verb: each row once");
}
is(query("BEGIN; SELECT reset_supervisor('a'); ROLLBACK; SELECT count(*) FROM stream_ingest.request"), qq({"id":"a"}\n0), 'rolled back');

# ---- a reset that comes before all is read again that the one before has dropped
query("BEGIN; SELECT reset_offsets('a', " . offsets(0 => 6) . "); SELECT reset_offsets('a', " . offsets(0 => 6) . "); COMMIT");
settled('the same reset twice');
exact($n, $n, 'each row once');
query("SELECT reset_offsets('a', " . offsets(0 => 6) . ")");
query("SELECT reset_offsets('a', " . offsets(1 => 8) . ")");
settled('one partition after the other');
exact($n, $n, 'each row once');
query("SELECT suspend_supervisor('a')");
query("SELECT reset_offsets('a', " . offsets(0 => 6) . ")");
produce('a', 0, 1);
query("SELECT reset_supervisor('a', 'latest')");
ok($node->wait_for('SELECT note FROM stream_ingest.supervisors', 'a reset waits until what the one before it has dropped is read again, after resume_supervisor()'), 'while suspended it waits, and says for what');
is(query('SELECT "offset" <= 6 FROM stream_ingest.partitions WHERE partition = 0'), 't', 'the one before is applied');
query("SELECT resume_supervisor('a')");
settled('it');
my $before_it = $n - 1;
ok($node->wait_for("SELECT count(*) FILTER (WHERE n::int <= $before_it), count(DISTINCT n) FILTER (WHERE n::int <= $before_it) FROM a", "$before_it|$before_it"),
	'nothing is skipped that was there before');
query("SELECT reset_offsets('a', " . offsets(0 => 6) . ")");
exact($n, $n, 'whether the message that came meanwhile was skipped or not, now it is read');
ok($node->wait_for('SELECT cardinality(partitions) FROM stream_ingest.supervisor_status', '2'), 'the broker has told its partitions');
for my $verb ("reset_offsets('a', " . offsets(0 => 1, 7 => 1) . ")", "reset_supervisor('a', 'latest', '{7}')")
{
	like(($node->psql('postgres', "SELECT $verb"))[2], qr/partition 7 of topic \[a\] does not exist\nDETAIL:  The broker told of 2 partitions/, "$verb: refused");
}

# ---- in the middle of it the overlord is killed
for my $point ('reset_deltas_removed', 'reset_before_end')
{
	set_fault("merge_done:hang,$point:crash");
	my $log = -s $node->logfile;
	# the crash may be faster than the answer
	eval { $node->psql('postgres', "SELECT reset_offsets('a', " . offsets(0 => 0, 1 => 2) . ")") };
	my $deadline = time() + 60;
	until (slurp_file($node->logfile, $log) =~ /was terminated by signal 9/ || time() > $deadline) { select(undef, undef, undef, 0.05); }
	set_fault('merge_done:hang');
	like(slurp_file($node->logfile, $log), qr/was terminated by signal 9/, "killed at $point");
	settled('the reset');
	produce('a', 1, 1);
	exact($n, $n, 'each row once');
}

like(query("SELECT audit_supervisor('a')"), qr/"exactlyOnce":true,"discrepancy":null.*"rows":$n\}/, 'the audit finds each row once');

set_fault('');

# ---- the ends, and times
query("SELECT suspend_supervisor('a')");
ok($node->wait_for("SELECT state FROM stream_ingest.supervisors", 'SUSPENDED'), 'suspended');
produce('a', 0, 2);
query("SELECT reset_supervisor('a', 'latest', '{0}')");
settled('a reset to the latest offset');
my $skipped = 2;
query("SELECT resume_supervisor('a')");
produce('a', 0, 1);
exact($n - 2, $n - 2, 'what was before it is not read');
select(undef, undef, undef, 1.1);
my $time = query('SELECT clock_timestamp()');
produce('a', $_, 2) for 0 .. 1;
exact($n - 2, $n - 2, 'younger messages');
published();
my $rows = $n - 2;
like(notices("SELECT reset_supervisor('a', '$time')"), qr/published rows of supervisor \[a\] from that time on can be stored once more/, 'a NOTICE');
settled('a reset to a time');
exact($rows + 4, $rows, 'messages from that time on are stored once more');
published();

# ---- what is published is stored once more
my $all = query('SELECT sum(rows) FROM stream_ingest.segment');
like(notices("SELECT reset_supervisor('a')"), qr/NOTICE:  up to $all published rows of supervisor \[a\] can be stored once more/, 'a NOTICE says how many rows');
settled('a reset');
exact($rows + 4 + $n, $n, 'everything is read again, also what was skipped');

like(query("SELECT audit_supervisor('a')"), qr/"exactlyOnce":true,"discrepancy":null/, 'the audit knows all resets');

# ---- a reset that waits for its broker lets other verbs pass
$kafka->pause;
query("SELECT reset_supervisor('a', 'earliest')");
ok($node->wait_for("SELECT note FROM stream_ingest.supervisors", 'a reset waits for the broker to tell the offsets of all partitions'), 'without the broker it waits');
query("SELECT suspend_supervisor('a')");
ok($node->wait_for('SELECT requests FROM stream_ingest.supervisors', '{reset}'), 'a suspend does not');
$kafka->resume;
settled('the reset');
query("SELECT terminate_supervisor('a')");
settled('terminate');

# ---- from Druid: suspended, end offsets, resume
$kafka->topic('m', 2);
my $first = $n;
produce('m', $_, 5) for 0 .. 1;
my $spec = spec(%a, dataSource => 'm', topic => 'm', brokers => $kafka->address, io => { taskCount => 2 });
$spec =~ s/^\{/{"suspended":true,/;
$node->submit($spec);
query(q(SELECT reset_offsets('m', '{"type":"kafka","partitions":{"type":"end","stream":"m","partitionOffsetMap":{"0":3,"1":4}}}')));
settled('offsets of a supervisor that never ran');
is(query(q(SELECT string_agg("offset"::text, ' ' ORDER BY partition) FROM stream_ingest.partitions WHERE supervisor_id = 'm')), '3 4', 'they are there');
query("SELECT resume_supervisor('m')");
ok($node->wait_for(q(SELECT string_agg(n, ' ' ORDER BY n::int) FROM m), join(' ', map { $first + $_ } 4, 5, 10)), 'and it goes on exactly there');

# ---- a chunk without an offset of the partition does not cover what was dropped before it
$node->append_conf('postgresql.conf', 'stream_ingest.merge_fan_in = 1000');
$node->reload;
$kafka->topic('h', 2);
$first = $n;
$node->submit(spec(%a, dataSource => 'h', topic => 'h'));
for my $partition (0, 1, 0, 1)
{
	my $rows = $n - $first;

	produce('h', $partition, 5);
	ok($node->wait_for('SELECT count(*) FROM h', $rows + 5), "a commit of partition $partition");
}
query("SELECT reset_offsets('h', '" . '{"type":"kafka","partitions":{"type":"end","stream":"h","partitionOffsetMap":{"0":7}}}' . "')");
settled('a reset into the third of four chunks');
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM h', '20|20'), 'which is read again');
query("SELECT handoff_task_groups('h', '{0}')");
ok($node->wait_for("SELECT count(*) FROM stream_ingest.delta d JOIN stream_ingest.supervisor s USING (data_source_id) WHERE s.supervisor_id = 'h'", '0'), 'published');
like(query("SELECT audit_supervisor('h')"), qr/"exactlyOnce":true,"discrepancy":null.*"droppedByReset":5,.*"rows":20\}/, 'the audit finds it in order');
is(query("SELECT bool_and(exactly_once), sum(repeated) FROM stream_ingest.audit WHERE supervisor_id = 'h'"), 't|0', 'so does the view');

# ---- a partition that nobody knows yet: it waits until there is one, and nobody waits for it
$spec = spec(%a, dataSource => 'k', topic => 'h');
$spec =~ s/^\{/{"suspended":true,/;
query("BEGIN; SELECT submit_supervisor('$spec'); SELECT reset_offsets('k', '" .
	  '{"type":"kafka","partitions":{"type":"end","stream":"h","partitionOffsetMap":{"0":3,"7":1,"2":1}}}' . "'); COMMIT");
settled('offsets of which two are of no partition');
is(query(q(SELECT string_agg(partition || ':' || "offset", ' ' ORDER BY partition) FROM stream_ingest.partitions WHERE supervisor_id = 'k')), '0:3 2:1 7:1', 'all of them are stored');
ok($node->wait_for("SELECT note LIKE '%partition 7 does not exist: its offset 1 was set before the broker had told of its partitions' FROM stream_ingest.supervisors WHERE supervisor_id = 'k'", 't'), 'a note says so');
query("SELECT resume_supervisor('k')");
ok($node->wait_for('SELECT count(*) FROM k', '17'), 'the others are read');
ok($node->wait_for("SELECT get_supervisor_status('k') ->> 'payload' ~ 'partition \\[7\\] does not exist: its offset \\[1\\].*reset_supervisor\\(''k'', ''earliest'', ''\\{7\\}''\\)'", 't'), 'the status names the cure');
unlike(query("SELECT get_supervisor_status('k')"), qr/made anew/, 'and takes nothing for made anew');
is(query("SELECT string_agg(partition || ':' || reason || ':' || halted, ' ' ORDER BY partition) FROM stream_ingest.offset_gaps WHERE supervisor_id = 'k'"),
	'2:unknown partition:true 7:unknown partition:true', 'a view has them');
query("SELECT reset_supervisor('k', 'earliest', '{7}')");
settled('the cure');
is(query("SELECT count(*) FROM stream_ingest.partitions WHERE supervisor_id = 'k' AND partition = 7"), '0', 'it is forgotten, and it alone');
$kafka->add_partitions('h', 3);
produce('h', 2, 3);
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM k', '19|19'), 'the other one is read from its offset when it comes');
is(query("SELECT string_agg(partition || ':' || reason || ':' || halted, ' ' ORDER BY partition) FROM stream_ingest.offset_gaps WHERE supervisor_id = 'k'"),
	'7:unknown partition:false', 'and never was a gap');
ok($node->wait_for("SELECT healthy, note FROM stream_ingest.supervisors WHERE supervisor_id = 'k'", 't|'), 'all is well');

$node->stop;
$kafka->stop;
done_testing();
