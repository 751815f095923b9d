# The main road: events produced to a real broker become rows of a table, once
# each; what cannot become a row is counted and kept; publishing changes
# nothing that a query sees; and the real events of Wikipedia add up.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
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

my $count = { type => 'count', name => 'count' };
my $added = { type => 'longSum', name => 'added', fieldName => 'added' };

# ---- rows, nulls, rejected messages, counters ----

$kafka->topic('events', 2);
$node->submit(spec(
	dataSource => 'events', topic => 'events', brokers => $kafka->address,
	dimensions => [ 'channel', { type => 'long', name => 'n' }, { type => 'double', name => 'x' } ],
	metrics => [ $count, $added ]));
ok($node->wait_for("SELECT state FROM stream_ingest.supervisors WHERE supervisor_id = 'events'", 'RUNNING'), 'the supervisor runs');

$kafka->produce('events', 0,
	'{"time":"2015-09-12T00:46:58.771Z","channel":"#en","n":1,"x":0.5,"added":36}',
	'{"time":1442018820496,"channel":"#ca","n":-9223372036854775808,"added":17}',
	'{"time":"2015-09-12T00:47:05.474Z","channel":null,"x":"1e3","added":-1}');
$kafka->produce('events', 1,
	'{"time":"2015-09-12T01:00:00Z","channel":"\u00e9\ud83d\ude00 \"quoted\"","n":"42","added":0}',
	'not json',
	'{"time":"2015-09-12T02:00:00Z","channel":"trunc',
	'{"time":"yesterday","channel":"#en"}',
	'{"channel":"#no time"}',
	'{"time":"2015-09-12T03:00:00Z","channel":"#last","added":5}');

ok($node->wait_for('SELECT count(*) FROM events', '5'), 'five good messages are five rows');
is(query(q{SET TimeZone = 'UTC'; SELECT "__time", channel, n, x, count, added FROM events ORDER BY 1}), <<'ROWS' =~ s/\n\z//r,
2015-09-12 00:46:58.771+00|#en|1|0.5|1|36
2015-09-12 00:47:00.496+00|#ca|-9223372036854775808||1|17
2015-09-12 00:47:05.474+00|||1000|1|-1
2015-09-12 01:00:00+00|é😀 "quoted"|42||1|0
2015-09-12 03:00:00+00|#last|||1|5
ROWS
	'with the values of their fields');
ok($node->wait_for(q{SELECT string_agg(partition || ':' || "offset", ' ' ORDER BY partition)
	FROM stream_ingest.partitions WHERE supervisor_id = 'events'}, '0:3 1:6'), 'offsets are committed up to the end');
is(query(q{SELECT sum(processed), sum(processed_with_error), sum(unparseable), sum(thrown_away)
	FROM stream_ingest.row_stats WHERE supervisor_id = 'events'}), '5|0|4|0', 'every message is counted once');
is(query(q{SELECT string_agg(partition || ':' || "offset" || ' ' || error_type, ', ' ORDER BY partition, "offset")
	FROM stream_ingest.rejected_messages WHERE supervisor_id = 'events'}),
	'1:1 unparseable, 1:2 unparseable, 1:3 unparseable, 1:4 unparseable', 'what is no row is kept with its place');
is(query(q{SELECT convert_from(payload, 'UTF8'), payload_bytes FROM stream_ingest.rejected_messages
	WHERE supervisor_id = 'events' AND "offset" = 1}), 'not json|8', 'and its bytes');
is(query(q{SELECT bool_and(exactly_once) FROM stream_ingest.audit WHERE supervisor_id = 'events'}), 't', 'the audit is clean');

# ---- a snapshot is one state of the stream ----

my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($reader->query_safe('SELECT count(*) FROM events'), '5', 'a transaction sees five rows');
$kafka->produce('events', 0, map { qq({"time":"2015-09-12T04:00:00Z","channel":"#more","n":$_,"added":1}) } 1 .. 1000);
ok($node->wait_for('SELECT count(*), sum(n) FILTER (WHERE n > 0) FROM events', '1005|500543'), 'a thousand more rows arrive');
is($reader->query_safe('SELECT count(*) FROM events'), '5', 'the transaction still sees five');

# ---- publishing ----

query("SELECT suspend_supervisor('events')");
ok($node->wait_for(q{SELECT detailed_state FROM stream_ingest.supervisors WHERE supervisor_id = 'events'}, 'SUSPENDED'), 'suspended');
ok($node->wait_for(q{SELECT bool_and(kind = 'segment') FROM stream_ingest.segments WHERE data_source = 'events'::regclass}, 't'),
	'everything read is published as segments');
is(query(q{SELECT count(DISTINCT "start"), sum(num_rows) FROM stream_ingest.segments WHERE data_source = 'events'::regclass}),
	'4|1005', 'one interval an hour, no row more or less');
is(query('SELECT count(*), sum(added), count(DISTINCT channel) FROM events'), '1005|1057|5', 'queries see the same rows');
is(query(q{SELECT count(*) FROM events WHERE channel = '#more' AND "__time" >= '2015-09-12 04:00:00+00'}), '1000', 'also with filters');
is($reader->query_safe('SELECT count(*) FROM events'), '5', 'the old snapshot still reads the deltas');
$reader->query_safe('COMMIT');
$reader->quit;
is(query(q{SELECT count(*) FROM stream_ingest.verify_chunks('events') WHERE NOT ok}), '0', 'all files are sound');

$kafka->produce('events', 1, '{"time":"2015-09-12T05:00:00Z","channel":"#later","added":7}');
query("SELECT resume_supervisor('events')");
ok($node->wait_for('SELECT count(*), sum(added) FROM events', '1006|1064'), 'resumed where it stopped');
is(query(q{SELECT sum(processed), sum(unparseable) FROM stream_ingest.row_stats WHERE supervisor_id = 'events'}), '1006|4',
	'the counters go on with it');

# ---- rollup ----

$kafka->topic('rolled', 1);
$kafka->produce('rolled', 0, map { my $m = $_; map { qq({"time":"2020-01-01T00:0$m:1${_}Z","page":"p$m","added":$_}) } 0 .. 9 } 0 .. 2);
$node->submit(spec(
	dataSource => 'rolled', topic => 'rolled', brokers => $kafka->address, dimensions => ['page'],
	metrics => [ $count, $added, { type => 'longMax', name => 'most', fieldName => 'added' } ],
	granularity => { rollup => JSON::PP::true, queryGranularity => 'MINUTE' }));
ok($node->wait_for('SELECT sum(count), sum(added), max(most) FROM rolled', '30|135|9'), 'sums and counts survive rollup');
query("SELECT suspend_supervisor('rolled')");
ok($node->wait_for('SELECT count(*), sum(count), min(most) FROM rolled', '3|30|9'), 'published rows are merged by minute and page');
is(query(q{SET TimeZone = 'UTC'; SELECT max("__time") FROM rolled}), '2020-01-01 00:02:00+00', 'their times are truncated');

# ---- the real events ----

SKIP:
{
	my $data = $ENV{SI_DATA} // abs_path(dirname(__FILE__) . '/../..') . '/../shared/data';
	my $gz = "$data/wikiticker-2015-09-12-sampled.json.gz";
	my $file = "$PostgreSQL::Test::Utils::tmp_check/wikiticker.json";
	my (%channels, %sums);
	my $rows = 0;

	if (!-r $gz)
	{
		diag("the real events are NOT tested: no $gz (SI_DATA names another folder)");
		skip 'no real events', 6;
	}
	system("gunzip -c '$gz' > '$file'") == 0 or die "gunzip: $?";
	open my $fh, '<:raw', $file or die "$file: $!";
	while (my $line = <$fh>)
	{
		$rows++;
		$channels{$1}++ if $line =~ /"channel":"([^"]*)"/;
		$line =~ /"$_":(-?[0-9]+)/ and $sums{$_} += $1 for qw(added deleted delta);
	}
	close $fh;
	$kafka->topic('wikipedia', 3);
	$kafka->produce_lines_of('wikipedia', -1, $file);
	$node->submit(spec(
		dataSource => 'wikipedia', topic => 'wikipedia', brokers => $kafka->address, io => { taskCount => 2 },
		granularity => { segmentGranularity => 'DAY' },
		metrics => [ map { { type => 'longSum', name => $_, fieldName => $_ } } qw(added deleted delta) ]));
	ok($node->wait_for('SELECT count(*) FROM wikipedia', $rows), "all $rows events are rows");
	is(query('SELECT sum(added), sum(deleted), sum(delta) FROM wikipedia'), join('|', @sums{qw(added deleted delta)}), 'with the right sums');
	ok($node->wait_for(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'wikipedia'::regclass AND attname = 'channel' AND NOT attisdropped}, '1'),
		'dimensions that nobody listed become columns');
	my $by_channel = 'SELECT channel, count(*) FROM wikipedia GROUP BY 1 ORDER BY channel COLLATE "C"';
	my $expected = join("\n", map { "$_|$channels{$_}" } sort keys %channels);
	is(query($by_channel), $expected, 'the right counts per channel');
	query("SELECT suspend_supervisor('wikipedia')");
	ok($node->wait_for(q{SELECT bool_and(kind = 'segment') FROM stream_ingest.segments WHERE data_source = 'wikipedia'::regclass}, 't'), 'published');
	is(query($by_channel), $expected, 'and the same counts from segments');
}

$node->stop;
$kafka->stop;
done_testing();
