# A number of tasks that follows the lag.
use strict;
use warnings;

use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

my $n = 0;

sub produce
{
	my ($topic, $partition, $count) = @_;

	$kafka->produce($topic, $partition, map { $n++; sprintf('{"time":%d,"n":"%d"}', 1577836800000 + $n * 1000, $n) } 1 .. $count);
	return;
}

sub exact
{
	my ($table, $count, $what) = @_;
	ok($node->wait_for(qq(SELECT count(*), count(DISTINCT n) FROM "$table"), "$count|$count"), $what);
	return;
}

my %o = (brokers => $kafka->address, dimensions => ['n']);

# ---- the number of tasks follows the lag
my $scaler = sub {
	my (%c) = @_;
	return { enableTaskAutoScaler => JSON::PP::true, taskCountMin => 1, taskCountMax => 3, taskCountStart => 1, lagCollectionIntervalMillis => 100,
		lagCollectionRangeMillis => 300, scaleActionStartDelayMillis => 0, scaleActionPeriodMillis => 200, minTriggerScaleActionFrequencyMillis => 0, %c };
};
$kafka->topic('s', 4);
produce('s', $_, 5) for 0 .. 3;
# every lag, also none, speaks for more tasks
$node->submit(spec(%o, dataSource => 's', topic => 's',
	io => { taskCount => 9, autoScalerConfig => $scaler->(scaleOutThreshold => 0, triggerScaleOutFractionThreshold => 0.5) }));
ok($node->wait_for('SELECT count(*) FROM stream_ingest.task_group', '3'), 'up to taskCountMax tasks');
produce('s', $_, 2) for 0 .. 3;
exact('s', 28, 'each message once while partitions move');
is($node->safe_psql('postgres', q(SELECT sum(counters[1]) FROM stream_ingest.task_group)), '28', 'and the counters add up');
is($node->safe_psql('postgres', "SELECT task_count FROM stream_ingest.supervisor"), '3', 'the decision is stored');

# killed: the number stays, nothing is lost
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE $$stream_ingest %$$');
produce('s', $_, 1) for 0 .. 3;
exact('s', 32, 'after the end of all processes');

# no lag speaks for more, every lag for fewer
$node->submit(spec(%o, dataSource => 's', topic => 's',
	io => { autoScalerConfig => $scaler->(taskCountStart => 3, scaleInThreshold => 1000000, triggerScaleInFractionThreshold => 0.5) }));
ok($node->wait_for('SELECT count(*) FROM stream_ingest.task_group', '1'), 'down to taskCountMin');
produce('s', $_, 1) for 0 .. 3;
exact('s', 36, 'each message once');
is($node->safe_psql('postgres', q(SELECT sum(counters[1]) FROM stream_ingest.task_group)), '36', 'counters of groups that are no more are kept');
is($node->safe_psql('postgres', 'SELECT bool_and(exactly_once) FROM stream_ingest.audit'), 't', 'as the audit says');
$node->safe_psql('postgres', "SELECT suspend_supervisor('s')");
ok($node->wait_for('SELECT count(*) FROM stream_ingest.delta', '0'), 'all is published in the end');
is($node->safe_psql('postgres', 'SELECT count(*) FROM s'), '36', 'each row once');
like($node->safe_psql('postgres', q(SELECT audit_supervisor('s'))), qr/"exactlyOnce":true/, 'audit_supervisor() agrees');

$node->stop;
$kafka->stop;
done_testing();
