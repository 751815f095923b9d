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

$node->stop;
$kafka->stop;
done_testing();
