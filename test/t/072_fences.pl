# Fences for those who have just produced, lineage of what is stored, and
# messages that are parsed again after a spec was mended.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
restart_after_crash = on
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

# ---- fences
$kafka->topic('a', 2);
my %a = (dataSource => 'a', topic => 'a', brokers => $kafka->address, dimensions => ['n']);
$node->submit(spec(%a));
ok($node->wait_for("SELECT state FROM stream_ingest.supervisors", 'RUNNING'), 'reading');
for (1 .. 5)
{
	produce('a', 0, 1);
	is(query("SELECT wait_for_offset('a', 0, $_ - 1); SELECT count(*) FROM a"), "t\n$_", "message $_ is seen behind the fence");
}
produce('a', 1, 20);
is(query("SELECT wait_until_current('a'); SELECT count(*) FROM a"), "t\n25", 'all messages are seen behind the fence');
is(query("SELECT wait_for_offset('a', 0, 5, '50 ms')"), 'f', 'what was not produced does not come');
query("SELECT suspend_supervisor('a')");
ok($node->wait_for("SELECT state FROM stream_ingest.supervisors", 'SUSPENDED'), 'suspended');
produce('a', 0, 4);
ok($node->wait_for(q(SELECT value FROM stream_ingest.metrics WHERE name = 'ingest/kafka/lag'), '4'), 'the lag is known while it is suspended');
query("SELECT resume_supervisor('a')");
is(query("SELECT wait_until_current('a'); SELECT count(*) FROM a"), "t\n29", 'a fence after resume');

# ---- lineage
sub audit { return query("SELECT audit_supervisor('$_[0]')"); }

$kafka->produce('a', 1, 'not JSON', 'neither');
query("SELECT wait_until_current('a')");
$node->restart;
produce('a', 1, 5);
query("SELECT wait_until_current('a')");
like(audit('a'), qr/"exactlyOnce":true,"discrepancy":null,"partitions":2,.*"processed":34,"processedWithError":0,"unparseable":2,.*"rolledUp":0,"rows":34\}/,
	'ranges, counts and files agree');
query("SELECT handoff_task_groups('a', '{0}')");
ok($node->wait_for("SELECT count(*) FROM stream_ingest.delta", '0'), 'published');
like(audit('a'), qr/"exactlyOnce":true,.*"rows":34\}/, 'also when it is published');
produce('a', 0, 1);
query("SELECT wait_until_current('a')");
$node->submit(spec(%a, io => { taskCount => 2 }));
produce('a', $_, 3) for 0 .. 1;
ok($node->wait_for('SELECT count(*) FROM a', '41'), 'partitions are dealt out anew');
like(audit('a'), qr/"exactlyOnce":true,.*"rows":41\}/, 'no range is lost');

# what must never happen is found
for my $damage (
	[ 'UPDATE stream_ingest.publish SET end_offsets[1] = end_offsets[1] - 1 WHERE kind = $$publish$$' => qr/offsets are missing/ ],
	[ 'UPDATE stream_ingest.publish SET end_offsets[1] = end_offsets[1] + 1 WHERE kind = $$publish$$' => qr/offsets are there twice/ ],
	[ 'UPDATE stream_ingest.delta SET counts[1] = counts[1] - 1 WHERE seq = (SELECT max(seq) FROM stream_ingest.delta)' => qr/processed: chunks were counted as \d+/ ],
	[ 'DELETE FROM stream_ingest.delta WHERE seq = (SELECT max(seq) FROM stream_ingest.delta)' => qr/the committed offset begins at/ ],
	[ 'UPDATE stream_ingest.segment SET rows = rows + 1' => qr/publish \d+ made 1 segments of \d+ rows, but there are 1 of \d+ rows/ ],
	[ 'UPDATE stream_ingest.segment SET publish_id = NULL' => qr/publish \d+ made 1 segments/ ],
	[ 'UPDATE stream_ingest.publish SET rows = rows + 1, counts[5] = counts[5] + 1, counts[1] = counts[1] + 1 WHERE publish_id = (SELECT min(publish_id) FROM stream_ingest.segment);'
	  . 'UPDATE stream_ingest.segment SET rows = rows + 1 WHERE publish_id = (SELECT min(publish_id) FROM stream_ingest.segment);'
	  . 'UPDATE stream_ingest.task_group SET counters[1] = counters[1] + 1, counters[13] = counters[13] + 1,'
	  . 'chunk_counters[1] = chunk_counters[1] + 1, chunk_counters[13] = chunk_counters[13] + 1 WHERE group_id = 0' => qr/holds \d+ rows, its catalog row says \d+/ ])
{
	like(query("BEGIN; $damage->[0]; SELECT audit_supervisor('a'); ROLLBACK"), qr/"exactlyOnce":false.*$damage->[1]/, $damage->[0]);
}

# ---- messages are parsed again after the spec was mended
$kafka->topic('r', 1);
my %r = (%a, dataSource => 'r', topic => 'r');
$node->submit(spec(%r, timestamp => { column => 'when', format => 'iso' }));
my @bad = map { sprintf('{"time":%d,"n":"%d"}', 1577836800000 + $_ * 1000, $_) } 1 .. 450;
$kafka->produce('r', 0, @bad, 'not JSON at all', '{"time":1577836800000,"n":"' . 'x' x 9000 . '"}');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.rejected_messages WHERE supervisor_id = 'r'", '452'), 'nothing has a time');
$node->submit(spec(%r));
my ($answer, $notice);
$node->psql('postgres', "SELECT requeue_rejected('r')", stdout => \$answer, stderr => \$notice);
is($answer, '{"id":"r","messages":451,"skipped":1}', 'messages are to be parsed again');
like($notice, qr/1 unparseable messages of supervisor \[r\] are skipped/, 'one of which only a part is kept');
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM r', '450|450'), 'they are stored');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.request", '0'), 'the request is done');
is(query("SELECT count(*) FROM stream_ingest.rejected_messages WHERE supervisor_id = 'r'"), '2', 'what is still wrong stays');
like(audit('r'), qr/"exactlyOnce":true,"discrepancy":null,.*"rows":450\}/, 'the audit agrees');
$kafka->produce('r', 0, '{"time":1577836800000,"n":"new"}');
ok($node->wait_for('SELECT count(*) FROM r', '451'), 'reading goes on');

# killed after the first of three commits
$node->submit(spec(%r, timestamp => { column => 'when', format => 'iso' }));
ok($node->wait_for("SELECT count(*) FROM stream_ingest.request", '0'), 'the wrong spec again');
query("SELECT wait_until_current('r')");
$kafka->produce('r', 0, map { s/"n":"/"n":"again /r } @bad);
ok($node->wait_for("SELECT count(*) FROM stream_ingest.rejected_messages WHERE supervisor_id = 'r'", '452'), 'nothing has a time');
query("SELECT suspend_supervisor('r')");
$node->submit(spec(%r) =~ s/^\{/{"suspended":true,/r);
append_to_file($node->data_dir . '/fault.conf', "stream_ingest.fault_point = 'requeue_committed:crash'\n");
$node->reload;
my $log = -s $node->logfile;
# the crash may be faster than the answer
eval { $node->psql('postgres', "SELECT requeue_rejected('r')") };
my $deadline = time() + 60;
until (slurp_file($node->logfile, $log) =~ /was terminated by signal 9/ || time() > $deadline) { select(undef, undef, undef, 0.05); }
unlink $node->data_dir . '/fault.conf';
$node->reload;
like(slurp_file($node->logfile, $log), qr/was terminated by signal 9/, 'killed after the first commit');
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM r', '901|901'), 'each message once, also of a suspended supervisor');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.request", '0'), 'the request is done');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.delta d JOIN stream_ingest.supervisor USING (data_source_id) WHERE supervisor_id = 'r'", '0'), 'and published');
like(audit('r'), qr/"exactlyOnce":true,"discrepancy":null,.*"rows":901\}/, 'the audit agrees');

# other verbs do not wait for it; what is left is parsed after them, or stays
query("SELECT resume_supervisor('r')");
$node->submit(spec(%r, timestamp => { column => 'when', format => 'iso' }));
ok($node->wait_for("SELECT count(*) FROM stream_ingest.request", '0'), 'the wrong spec once more');
$kafka->produce('r', 0, map { s/"n":"/"n":"third /r } @bad);
ok($node->wait_for("SELECT count(*) FROM stream_ingest.rejected_messages WHERE supervisor_id = 'r'", '452'), 'nothing has a time');
$node->submit(spec(%r));
ok($node->wait_for("SELECT count(*) FROM stream_ingest.request", '0'), 'the right one');
append_to_file($node->data_dir . '/fault.conf', "stream_ingest.fault_point = 'requeue_committed:hang'\n");
$node->reload;
$log = -s $node->logfile;
query("SELECT requeue_rejected('r')");
$deadline = time() + 60;
until (slurp_file($node->logfile, $log) =~ /hangs at fault point "requeue_committed"/ || time() > $deadline) { select(undef, undef, undef, 0.05); }
query("SELECT suspend_supervisor('r')");
ok($node->wait_for("SELECT detailed_state FROM stream_ingest.supervisors WHERE supervisor_id = 'r'", 'SUSPENDED'), 'suspended while messages are parsed again');
is(query("SELECT string_agg(verb, ' ') FROM stream_ingest.request"), 'requeue', 'which is still to be done');
query("SELECT terminate_supervisor('r')");
unlink $node->data_dir . '/fault.conf';
$node->reload;
ok($node->wait_for("SELECT count(*) FROM stream_ingest.supervisor WHERE supervisor_id = 'r'", '0'), 'terminated');
my $stored = query('SELECT count(*) FROM r');
cmp_ok($stored, '>', 901, 'some were parsed again');
cmp_ok($stored, '<', 1351, 'and some were not');
is(query("SELECT count(*) FROM stream_ingest.rejected_message WHERE supervisor_id = 'r'"), 901 + 452 - $stored, 'which stay');
$node->submit(spec(%r));
query("SELECT requeue_rejected('r')");
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM r', '1351|1351'), 'until they are asked for again: each is stored once');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.request", '0'), 'the request is done');
like(audit('r'), qr/"exactlyOnce":true,"discrepancy":null/, 'the audit agrees');

$node->stop;
$kafka->stop;
done_testing();
