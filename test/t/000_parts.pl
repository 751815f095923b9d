# The parts that the other tests stand on: a broker that keeps its data when
# killed, and a server that loads the library and creates the extension.
use strict;
use warnings;

use IPC::Run qw(run);
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

sub consume
{
	my ($kafka, $topic) = @_;
	my ($out, $err) = ('', '');

	run([ 'kcat', '-C', '-b', $kafka->address, '-t', $topic, '-e', '-q' ], '<', \'', '>', \$out, '2>', \$err)
	  or die "kcat: $err";
	return join(' ', sort split /\n/, $out);
}

my $kafka = StreamIngest::Kafka->new('main');
$kafka->topic('events', 2, 'retention.ms' => 86400000);
$kafka->produce('events', 0, 'a', 'b');
$kafka->produce('events', 1, 'c');
is(consume($kafka, 'events'), 'a b c', 'a broker keeps what is produced');
is(join(' ', $kafka->offsets('events', 0)), '0 2', 'watermarks of a partition');

my $address = $kafka->address;
$kafka->kill9;
$kafka->start;
is($kafka->address, $address, 'a killed broker comes back at its address');
is(consume($kafka, 'events'), 'a b c', 'and with its data');

$kafka->transaction('events', 1, 'abort', 'd');
$kafka->transaction('events', 1, 'commit', 'e');
is(consume($kafka, 'events'), 'a b c e', 'aborted messages are not read');
is(join(' ', $kafka->offsets('events', 1)), '0 5', 'but take up offsets, as the ends of transactions do');

$kafka->truncate_partition('events', 0, 1);
is(join(' ', $kafka->offsets('events', 0)), '1 2', 'records can be made to vanish');

my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');
is($node->safe_psql('postgres', "SELECT extname FROM pg_extension WHERE extname = 'stream_ingest'"),
	'stream_ingest', 'the extension is created');
$node->stop;
$kafka->stop;

done_testing();
