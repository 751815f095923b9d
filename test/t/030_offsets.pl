# Offsets: gaps that transactions leave, partitions that are added, records
# that retention took away, and topics that were made anew.
use strict;
use warnings;

use JSON::PP;
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

my $offsets = q{SELECT string_agg(partition || ':' || "offset", ' ' ORDER BY partition) FROM stream_ingest.partitions WHERE supervisor_id};

# ---- transactions ----

$kafka->topic('transactions', 1);
submit('transactions');
$kafka->produce('transactions', 0, events(1));
$kafka->transaction('transactions', 0, 'abort', events(1000, 1001));
$kafka->transaction('transactions', 0, 'commit', events(2, 3));
ok($node->wait_for('SELECT count(*), sum(n) FROM transactions', '3|6'), 'aborted messages are not read');
ok($node->wait_for("$offsets = 'transactions'", '0:7'), 'the offset passes the markers of transactions');
ok($node->wait_for(q{SELECT lag FROM stream_ingest.partitions WHERE supervisor_id = 'transactions'}, '0'), 'so the lag is none');
is(query(q{SELECT sum(processed), sum(unparseable) FROM stream_ingest.row_stats WHERE supervisor_id = 'transactions'}), '3|0',
	'only messages are counted');
is(query(q{SELECT bool_and(exactly_once) FROM stream_ingest.audit WHERE supervisor_id = 'transactions'}), 't', 'gaps do not trouble the audit');

# ---- more partitions ----

$kafka->topic('growing', 1);
submit('growing', io => { useEarliestOffset => JSON::PP::false, taskCount => 2 });
ok($node->wait_for("$offsets = 'growing'", '0:0'), 'one partition');
$kafka->produce('growing', 0, events(1));
ok($node->wait_for('SELECT count(*) FROM growing', '1'), 'is read');
$kafka->add_partitions('growing', 3);
$kafka->produce('growing', $_, events(10 * $_)) for 1 .. 2;
ok($node->wait_for('SELECT count(*), sum(n) FROM growing', '3|31'), 'new partitions are found and read from their beginning');

# ---- the next offset is gone ----

$kafka->topic('vanishing', 1);
submit('vanishing');
$kafka->produce('vanishing', 0, events(1 .. 10));
ok($node->wait_for('SELECT count(*) FROM vanishing', '10'), 'ten messages are read');
query("SELECT suspend_supervisor('vanishing')");
ok($node->wait_for(q{SELECT detailed_state FROM stream_ingest.supervisors WHERE supervisor_id = 'vanishing'}, 'SUSPENDED'), 'suspended');
$kafka->produce('vanishing', 0, events(11 .. 20));
$kafka->truncate_partition('vanishing', 0, 15);
query("SELECT resume_supervisor('vanishing')");
ok($node->wait_for(q{SELECT get_supervisor_status('vanishing')::text ~ 'reset'}, 't'), 'the status says that the offset is gone, and what helps');
is(query('SELECT count(*) FROM vanishing'), '10', 'nothing is skipped silently');
query("SELECT reset_supervisor('vanishing')");
ok($node->wait_for('SELECT count(*), max(n), min(n) FILTER (WHERE n > 10) FROM vanishing', '15|20|16'), 'after a reset the rest is read');

# The same with resetOffsetAutomatically.
$kafka->topic('automatic', 1);
submit('automatic', tuning => { resetOffsetAutomatically => JSON::PP::true });
$kafka->produce('automatic', 0, events(1 .. 10));
ok($node->wait_for('SELECT count(*) FROM automatic', '10'), 'ten messages are read');
query("SELECT suspend_supervisor('automatic')");
ok($node->wait_for(q{SELECT detailed_state FROM stream_ingest.supervisors WHERE supervisor_id = 'automatic'}, 'SUSPENDED'), 'suspended');
$kafka->produce('automatic', 0, events(11 .. 20));
$kafka->truncate_partition('automatic', 0, 15);
query("SELECT resume_supervisor('automatic')");
ok($node->wait_for('SELECT count(*), max(n), min(n) FILTER (WHERE n > 10) FROM automatic', '15|20|16'), 'with resetOffsetAutomatically no help is needed');

# ---- a topic made anew ----

$kafka->topic('again', 1);
submit('again');
$kafka->produce('again', 0, events(1 .. 10));
ok($node->wait_for('SELECT count(*) FROM again', '10'), 'ten messages are read');
$kafka->delete_topic('again');
$kafka->topic('again', 1);
$kafka->produce('again', 0, events(100, 101));
ok($node->wait_for(q{SELECT get_supervisor_status('again')::text ~ 'reset'}, 't'), 'an offset beyond the end of the log is reported');
query("SELECT reset_supervisor('again')");
ok($node->wait_for('SELECT count(*), sum(n) FROM again', '12|256'), 'after a reset the new topic is read');

$node->stop;
$kafka->stop;
done_testing();
