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

$node->stop;
$kafka->stop;
done_testing();
