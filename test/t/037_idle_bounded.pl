# A supervisor that is idle, and a range of offsets that ends.
use strict;
use warnings;

use JSON::PP qw(decode_json);
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;
use Time::HiRes qw(time);

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

sub state_of
{
	my ($id) = @_;
	return "SELECT state FROM stream_ingest.supervisor_status WHERE supervisor_id = '$id'";
}

sub exact
{
	my ($table, $count, $what) = @_;
	ok($node->wait_for(qq(SELECT count(*), count(DISTINCT n) FROM "$table"), "$count|$count"), $what);
	return;
}

sub readers
{
	my ($id) = @_;
	return "SELECT count(*) FROM stream_ingest.workers WHERE kind = 'reading' AND supervisor_id = '$id'";
}

my %o = (brokers => $kafka->address, dimensions => ['n']);

# ---- idle
$kafka->topic('i', 2);
produce('i', 0, 3);
$node->submit(spec(%o, dataSource => 'i', topic => 'i', io => { idleConfig => { enabled => JSON::PP::true, inactiveAfterMillis => 300 } }));
exact('i', 3, 'read');
ok($node->wait_for(state_of('i'), 'IDLE'), 'IDLE');
is($node->safe_psql('postgres', "SELECT healthy FROM stream_ingest.supervisor_status WHERE supervisor_id = 'i'"), 't', 'which is healthy');
ok($node->wait_for(readers('i'), '0'), 'no process reads');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE supervisor_id = 'i' AND status = 'RUNNING'", '0'), 'what was read is published');
produce('i', 1, 2);
exact('i', 5, 'it wakes when the stream grows');
ok($node->wait_for(state_of('i'), 'IDLE'), 'and is idle again');
$kafka->add_partitions('i', 3);
produce('i', 2, 1);
exact('i', 6, 'a new partition wakes it too');
ok($node->wait_for(state_of('i'), 'IDLE'), 'idle');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.task WHERE supervisor_id = 'i' AND status = 'RUNNING'", '0'), 'all is published');
$node->safe_psql('postgres', "SELECT reset_supervisor('i')");
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM i', '12|6'), 'and so does a verb');
# a fence does not wait until an idle supervisor looks at the stream the next time, in five seconds
$node->submit(spec(%o, dataSource => 'i', topic => 'i', io => { period => 'PT30S', idleConfig => { enabled => JSON::PP::true, inactiveAfterMillis => 300 } }));
ok($node->wait_for(state_of('i'), 'IDLE'), 'idle');
my $begun = time();
is($node->safe_psql('postgres', "SELECT wait_until_current('i')"), 't', 'a fence of an idle supervisor') for 1 .. 3;
cmp_ok(time() - $begun, '<', 10, 'three fences take less than two looks at the stream');
$node->safe_psql('postgres', "SELECT suspend_supervisor('i')");
ok($node->wait_for(state_of('i'), 'SUSPENDED'), 'SUSPENDED from there');

# ---- a range of offsets
my $bounds = sub { return { boundedStreamConfig => { startSequenceNumbers => $_[0], endSequenceNumbers => $_[1] } } };
my $bounded = sub { return spec(%o, dataSource => 'b', topic => 'b', io => $bounds->(@_)) };
$kafka->topic('b', 3);
produce('b', $_, 10) for 0 .. 2;
$node->submit($bounded->({ 0 => 2, 1 => 0 }, { 0 => 5, 1 => 12 }));
exact('b', 13, 'what is there of the range');
ok($node->wait_for(readers('b'), '1'), 'the rest is waited for');
produce('b', 1, 5);
ok($node->wait_for(state_of('b'), 'COMPLETED'), 'COMPLETED (bnd-01)');
exact('b', 15, 'exactly the range was read');
is($node->safe_psql('postgres', "SELECT healthy FROM stream_ingest.supervisor_status WHERE supervisor_id = 'b'"), 't', 'which is healthy');
is($node->safe_psql('postgres', readers('b')), '0', 'no process reads');
is($node->safe_psql('postgres', "SELECT get_supervisor_status('b') #> '{payload,minimumLag}', sum(lag) FROM stream_ingest.partitions WHERE supervisor_id = 'b'"),
	'{"0":0,"1":0}|0', 'what is beyond the range is no lag');
is($node->safe_psql('postgres', "SELECT wait_until_current('b', '10 s')"), 't', 'nor is it waited for');
is($node->safe_psql('postgres', "SELECT count(*) FROM stream_ingest.segments WHERE data_source = 'b'::regclass AND kind = 'delta'"), '0', 'all is published');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'stream_ingest overlord'");
produce('b', 0, 1);
ok($node->wait_for("SELECT state, updated > now() - interval '1 min' FROM stream_ingest.supervisor_status WHERE supervisor_id = 'b'", 'COMPLETED|t'), 'and stays so');
$node->submit($bounded->({ 0 => 2, 1 => 0 }, { 0 => 9, 1 => 12 }));
ok($node->wait_for(state_of('b'), 'UNHEALTHY_SUPERVISOR'), 'other bounds than those of the stored offsets: UNHEALTHY_SUPERVISOR (bnd-03)');
like($node->safe_psql('postgres', "SELECT note FROM stream_ingest.supervisor_status WHERE supervisor_id = 'b'"),
	qr/partition \[0\] is not the one that its stored offset 5 belongs to/, 'with the reason');
exact('b', 15, 'and nothing is read');
$node->safe_psql('postgres', "SELECT reset_supervisor('b')");
ok($node->wait_for(state_of('b'), 'COMPLETED'), 'a reset takes the new bounds');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT n) FROM b'), '34|19', 'and reads them from their start');
my $completed = qr/supervisor "b" has read all of its boundedStreamConfig/;
ok($node->wait_for_log($completed), 'which the log has');
my $log = -s $node->logfile;
$node->safe_psql('postgres', "SELECT reset_supervisor('b')");
ok($node->wait_for('SELECT count(*), count(DISTINCT n) FROM b', '53|19'), 'so does a reset of one that was COMPLETED');
ok($node->wait_for_log($completed, $log), 'which it is again');
ok($node->wait_for(state_of('b'), 'COMPLETED'), 'as the status says');
my @told = slurp_file($node->logfile, $log) =~ /$completed/g;
is(scalar(@told), 1, 'and the log has it once');
$node->submit($bounded->({ 0 => 2, 1 => 0 }, { 0 => 4, 1 => 3 }));
ok($node->wait_for(state_of('b'), 'UNHEALTHY_SUPERVISOR'), 'stored offsets beyond the new end: not silently COMPLETED (bnd-04)');
is($node->safe_psql('postgres', 'SELECT count(*) FROM b'), '53', 'and nothing is read');
$node->safe_psql('postgres', "SELECT terminate_supervisor('b')");
ok($node->wait_for("SELECT count(*) FROM stream_ingest.supervisor WHERE supervisor_id = 'b'", '0'), 'terminated');

# ---- catch up first, fill the hole later: exactly once, in two tables (docs/druid.md)
$kafka->topic('c', 2);
my %c = (%o, topic => 'c', dataSource => 'c');
$node->submit(spec(%c));
produce('c', $_, 4) for 0 .. 1;
exact('c', 8, 'read before');
$node->safe_psql('postgres', "SELECT suspend_supervisor('c')");
ok($node->wait_for(state_of('c'), 'SUSPENDED'), 'suspended');
produce('c', 0, 5);
produce('c', 1, 2);
$node->safe_psql('postgres', q{CREATE TABLE skipped AS
	SELECT topic, "partition", "offset" AS "from" FROM stream_ingest.partitions WHERE supervisor_id = 'c';
	SELECT reset_supervisor('c', 'latest')});
ok($node->wait_for(q(SELECT requests FROM stream_ingest.supervisors WHERE supervisor_id = 'c'), ''), 'reset to latest');
my $hole = $node->safe_psql('postgres', q{SELECT json_build_object('startSequenceNumbers', json_object_agg(s."partition", s."from"),
	'endSequenceNumbers', json_object_agg(s."partition", p."offset"))
	FROM skipped s JOIN stream_ingest.partitions p USING (topic, "partition") WHERE p.supervisor_id = 'c'});
$node->safe_psql('postgres', "SELECT resume_supervisor('c')");
produce('c', $_, 3) for 0 .. 1;
exact('c', 14, 'goes on at the end');
$node->submit(spec(%c, dataSource => 'c_hole', io => { boundedStreamConfig => decode_json($hole) }));
ok($node->wait_for(state_of('c_hole'), 'COMPLETED'), 'the hole was read');
exact('c_hole', 7, 'all that was skipped and no more');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT n) FROM (SELECT n FROM c UNION ALL SELECT n FROM c_hole) both_of_them'), '21|21', 'both together: each message once');
$node->safe_psql('postgres', "SELECT terminate_supervisor('c'); SELECT terminate_supervisor('c_hole')");

# an empty range, and one that is reversed
$node->submit(spec(%o, dataSource => 'e', topic => 'b', io => $bounds->({ 0 => 100 }, { 0 => 100 })));
ok($node->wait_for(state_of('e'), 'COMPLETED'), 'an empty range is completed at once (sup-19)');
is($node->safe_psql('postgres', "SELECT count(*) FROM stream_ingest.task WHERE supervisor_id = 'e'"), '0', 'without a task');
$node->submit(spec(%o, dataSource => 'r', topic => 'b', io => $bounds->({ 0 => 10 }, { 0 => 5 })));
ok($node->wait_for(state_of('r'), 'UNHEALTHY_SUPERVISOR'), 'a reversed one: UNHEALTHY_SUPERVISOR (bnd-02)');

$node->stop;
$kafka->stop;
done_testing();
