# Several topics through one supervisor: topicPattern, topics that come later,
# offsets, rejected messages and views that know the topic of a partition, and
# what a changed spec may and may not name.
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
	my ($what) = @_;
	ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM m', "$n|$n"), $what);
	return;
}

sub refused
{
	my ($spec) = @_;
	my ($out, $err);

	$spec =~ s/'/''/g;
	$node->psql('postgres', "SELECT submit_supervisor('$spec')", stdout => \$out, stderr => \$err);
	return $err;
}

my %o = (dataSource => 'm', brokers => $kafka->address, dimensions => ['n']);
my $some = sub { my ($pattern, %io) = @_; spec(%o, io => { topic => undef, topicPattern => $pattern, taskCount => 2, %io }) };

$kafka->topic('metrics-eu', 2);
$kafka->topic('metrics-us', 1);
$kafka->topic('my-metrics-eu', 1);
produce('metrics-eu', $_, 4) for 0 .. 1;
produce('metrics-us', 0, 5);
$kafka->produce('my-metrics-eu', 0, '{"time":1577836800000,"n":"not to be read"}');
$node->submit($some->('metrics-.*'));
exact('what all topics have whose whole name matches');
is($node->safe_psql('postgres', q(SELECT string_agg(topic || ':' || partition || '=' || "offset", ' ' ORDER BY topic, partition) FROM stream_ingest.partitions)),
	'metrics-eu:0=4 metrics-eu:1=4 metrics-us:0=5', 'offsets by topic and partition');

# ---- a topic that comes later: from its earliest offset, whatever the spec says
$kafka->topic('metrics-asia', 1);
produce('metrics-asia', 0, 3);
produce('metrics-us', 0, 1);
exact('a topic that comes later is read from its beginning');
is($node->safe_psql('postgres', q(SELECT bool_and(exactly_once), count(*) FROM stream_ingest.audit)), 't|4', 'the audit is by topic and partition');
ok($node->wait_for(q(SELECT get_supervisor_status('m') #> '{payload,minimumLag}' ->> 'metrics-asia:0'), '0'), "keys of the status as Druid's");
is($node->safe_psql('postgres', q(SELECT get_supervisor_status('m') #>> '{payload,stream}')), 'metrics-.*', 'the stream is the pattern');
is($node->safe_psql('postgres', q(SELECT count(*) FROM stream_ingest.streams)), '3', 'the view of topics');

# ---- rejected messages say where they come from
$kafka->produce('metrics-us', 0, 'broken');
ok($node->wait_for(q(SELECT topic, partition, "offset" FROM stream_ingest.rejected_messages), 'metrics-us|0|6'), 'a rejected message knows its topic');

# ---- a fence is of one topic
is($node->safe_psql('postgres', q(SELECT wait_for_offset('m', 0, 6, topic => 'metrics-us'), wait_for_offset('m', 0, 7, '0', 'metrics-us'))), 't|f', 'a fence of one of the topics');
like(($node->psql('postgres', q(SELECT wait_for_offset('m', 0, 6))))[2], qr/supervisor \[m\] reads several topics\nHINT:  Say which/, 'one that does not say which is refused');

# ---- killed: nothing is lost or doubled
my ($pid) = $node->workers('reading task');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE $$stream_ingest %$$');
produce($_, 0, 2) for qw(metrics-eu metrics-us metrics-asia);
exact('after the end of all processes each message is there once');

# ---- other specs
like(refused(spec(%o, topic => 'metrics-eu')), qr/update of the input source stream from \[metrics-\.\*\] to \[metrics-eu\] is not supported/,
	'one of the topics alone is refused');
like(refused($some->('metrics-[ae].*')), qr/offsets of topic \[metrics-us\]/, 'so is a pattern that leaves out a topic that was read');
$node->submit($some->('(my-)?metrics-.*', taskCount => 3, useEarliestOffset => JSON::PP::false));
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM m', ($n + 1) . '|' . ($n + 1)), 'a wider pattern reads the topics that it adds');
produce($_, 0, 1) for qw(metrics-eu metrics-us metrics-asia);
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM m', ($n + 1) . '|' . ($n + 1)), 'and goes on with the others');
$node->safe_psql('postgres', "SELECT suspend_supervisor('m')");
ok($node->wait_for('SELECT count(*) FROM stream_ingest.delta', '0'), 'published');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT n) FROM m'), ($n + 1) . '|' . ($n + 1), 'with every row');

like($node->safe_psql('postgres', q(SELECT audit_supervisor('m'))), qr/"exactlyOnce":true/, 'audit_supervisor() agrees');

# ---- from one topic to several
$kafka->topic('one', 1);
$kafka->produce('one', 0, '{"time":1577836800000,"n":"1"}');
$node->submit(spec(%o, dataSource => 'one', topic => 'one'));
ok($node->wait_for('SELECT count(*) FROM one', '1'), 'one topic');
$kafka->topic('one-more', 1);
$kafka->produce('one-more', 0, '{"time":1577836800000,"n":"2"}');
$node->submit(spec(%o, dataSource => 'one', io => { topic => undef, topicPattern => 'one.*' }));
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM one', '2|2'), 'a pattern that names the topic goes on at its offsets and adds another');

$node->stop;
$kafka->stop;
done_testing();
