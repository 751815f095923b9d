# docs/migrating.md: a supervisor moves here from Druid, at the offsets where
# Druid stopped, without a gap and without an overlap.
use strict;
use warnings;

use JSON::PP;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');
$kafka->topic('events', 3);

sub query { return $node->safe_psql('postgres', $_[0]); }
sub event { return qq({"time":"2026-01-01T00:00:00Z","p":"$_[0]","n":"$_[1]"}); }

sub produce
{
	my ($partition, @n) = @_;

	$kafka->produce('events', $partition, map { event($partition, $_) } @n);
	return;
}

# Druid has read six, four and no messages of the partitions.
produce(0, 0 .. 9);
produce(1, 0 .. 4);
produce(2, 0 .. 2);
my %read = (0 => 6, 1 => 4);

my $spec = decode_json(spec(dataSource => 'events', topic => 'events', brokers => $kafka->address, dimensions => [ 'p', 'n' ]));
$spec->{suspended} = JSON::PP::true;
is($node->submit(encode_json($spec)), 'events', 'the spec is submitted suspended');
ok($node->wait_for("SELECT state FROM stream_ingest.supervisors WHERE supervisor_id = 'events'", 'SUSPENDED'), 'and stays so');
is(query('SELECT count(*) FROM events'), '0', 'its table is there');
is(query("SELECT count(*) FROM stream_ingest.workers WHERE kind = 'reading'"), '0', 'and nothing reads');

# as Druid's metadata store has it
my $payload = encode_json({
	type => 'kafka',
	partitions => {
		type => 'end', stream => 'events', topic => 'events',
		partitionSequenceNumberMap => \%read, partitionOffsetMap => \%read, exclusivePartitions => []
	}
});
is(query("SELECT reset_offsets('events', '$payload')"), '{"id":"events"}', "Druid's offsets are set");
query("SELECT resume_supervisor('events')");
ok($node->wait_for(q{SELECT string_agg(partition || ':' || "offset", ' ' ORDER BY partition)
	FROM stream_ingest.partitions WHERE supervisor_id = 'events'}, '0:10 1:5 2:3'), 'the rest is read');
produce(0, 10, 11);
produce(1, 5);
is_deeply([ $node->wait_for('SELECT count(*) FROM events', '11') ], [1], 'and what comes later');
is(query("SELECT string_agg(p || ':' || n, ' ' ORDER BY p, n::int) FROM events"),
	'0:6 0:7 0:8 0:9 0:10 0:11 1:4 1:5 2:0 2:1 2:2', 'from the very offsets, each once');
is(query("SELECT audit_supervisor('events') ->> 'exactlyOnce'"), 'true', 'which the audit proves');

$node->stop;
done_testing();
