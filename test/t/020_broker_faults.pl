# Brokers that are not there, hang, restart and die: whatever happens, the
# status says why nothing comes, and reading goes on without help.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

sub query { return $node->safe_psql('postgres', $_[0]); }

# One event with the number $n for each number.
sub events { return map { qq({"time":"2020-01-01T00:00:00Z","n":$_}) } @_; }

sub submit
{
	my ($name, %o) = @_;

	return $node->submit(spec(
		dataSource => $name, topic => $name, brokers => $kafka->address,
		dimensions => [ { type => 'long', name => 'n' } ], %o));
}

# The reason is where an administrator looks: in the status and in the view.
sub shows_reason
{
	my ($name, $pattern, $what) = @_;

	ok($node->wait_for(qq{SELECT get_supervisor_status('$name')::text ~ '$pattern'}, 't'), "$what: the status says why");
	return;
}

sub healthy_again
{
	my ($name, $what) = @_;

	ok($node->wait_for(qq{SELECT healthy, state FROM stream_ingest.supervisors WHERE supervisor_id = '$name'}, 't|RUNNING'),
		"$what: healthy again");
	return;
}

# ---- properties that no client would take ----

for my $property (
	[ 'fetch.min.byte', '1', 'is not known' ],
	[ 'security.protocol', 'PLAIN', 'is not valid' ],
	[ 'ssl.truststore.location', '/etc/kafka/trust.jks', 'keytool -list -rfc -keystore /etc/kafka/trust.jks' ])
{
	my ($name, $value, $message) = @$property;
	my $spec = spec(dataSource => 'refused', topic => 'refused', brokers => $kafka->address, consumer => { $name => $value });
	my ($status, $out, $err) = $node->psql('postgres', "SELECT submit_supervisor('$spec')");

	like($err, qr/ERROR: .*"$name" .*$message/, "$name is refused at submit");
}

# ---- not there when submitted ----

$kafka->topic('late', 1);
$kafka->produce('late', 0, events(1 .. 3));
$kafka->stop;
is(submit('late'), 'late', 'a supervisor can be submitted while its broker is down');
shows_reason('late', 'refused', 'unreachable broker');
is(query(q{SELECT count(*) FROM late}), '0', 'its table is there and empty');
$kafka->start;
ok($node->wait_for('SELECT count(*), sum(n) FROM late', '3|6'), 'everything is read once the broker is there');
healthy_again('late', 'unreachable broker');

# ---- no such topic ----

submit('unborn');
shows_reason('unborn', 'Unknown topic', 'unknown topic');
is(query(q{SELECT count(*) FROM stream_ingest.partitions WHERE supervisor_id = 'unborn'}), '0', 'nothing is assigned');
$kafka->topic('unborn', 2);
$kafka->produce('unborn', 1, events(1 .. 4));
ok($node->wait_for('SELECT count(*), sum(n) FROM unborn', '4|10'), 'the topic is found when it exists');
healthy_again('unborn', 'unknown topic');

# ---- several addresses of which some are dead ----

$kafka->topic('several', 1);
$kafka->produce('several', 0, events(1 .. 3));
submit('several', consumer => { 'bootstrap.servers' => '127.0.0.1:1,' . $kafka->address . ',localhost:2' });
ok($node->wait_for('SELECT count(*), sum(n) FROM several', '3|6'), 'one living address in the list is enough');
ok($node->wait_for(q{SELECT healthy, state FROM stream_ingest.supervisors WHERE supervisor_id = 'several'}, 't|RUNNING'),
	'the dead ones make nobody unhealthy');
query(q{SELECT terminate_supervisor('several')});

# ---- a broker that hangs ----

$kafka->produce('late', 0, events(4));
ok($node->wait_for('SELECT count(*) FROM late', '4'), 'reading');
$kafka->pause;
shows_reason('late', 'timed out|[Tt]ransport|Disconnect', 'hanging broker');
ok($node->wait_for(q{SELECT count(*) FROM late}, '4'), 'queries do not wait for the broker');
is(query(q{SELECT get_supervisor_status('unborn')::text IS NOT NULL}), 't', 'nor does the status');
$kafka->resume;
$kafka->produce('late', 0, events(5));
ok($node->wait_for('SELECT count(*), sum(n) FROM late', '5|15'), 'reading goes on when the broker does');
healthy_again('late', 'hanging broker');

# ---- restart and death in the middle of the stream ----

my $total = 5;
for my $how (qw(restart kill9))
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$how.json";
	unlink $file;
	append_to_file($file, join('', map { "$_\n" } events(1 .. 100_000)));
	$kafka->produce_lines_of('late', 0, $file);
	$kafka->$how;
	$kafka->start if $how eq 'kill9';
	$kafka->produce('late', 0, events(0));
	$total += 100_001;
	ok($node->wait_for('SELECT count(*) FROM late', $total), "$how: nothing lost, nothing twice");
	healthy_again('late', $how);
}
is(query('SELECT sum(n) FROM late'), 15 + 2 * 5000050000, 'the sum is right');
is(query(q{SELECT bool_and(exactly_once) FROM stream_ingest.audit}), 't', 'the audit is clean');

# An idle topic has nothing to say after trouble, and is healthy all the same.
$kafka->restart;
healthy_again('unborn', 'idle topic');

# ---- terminated while the broker hangs ----

$kafka->pause;
query("SELECT terminate_supervisor('late')");
ok($node->wait_for(q{SELECT count(*) FROM stream_ingest.supervisors WHERE supervisor_id = 'late'}, '0'),
	'a supervisor can be terminated while its broker hangs');
is(query('SELECT count(*) FROM late'), $total, 'its table stays');
my $began = time();
$node->stop('fast');
cmp_ok(time() - $began, '<', 20, 'and the server can be stopped');
$kafka->resume;
$kafka->stop;
done_testing();
