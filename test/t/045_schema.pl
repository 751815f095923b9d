# A spec that changes while events flow: columns are added, removed and
# retyped, rollup and granularities change, and no row is lost, doubled or
# altered, before and after it is published.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('schema');
my $node = StreamIngest::Cluster->new('schema');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

sub query { return $node->safe_psql('postgres', $_[0]); }

my $count = { type => 'count', name => 'count' };
my $added = { type => 'longSum', name => 'added', fieldName => 'added' };
my $most = { type => 'longMax', name => 'most', fieldName => 'n' };
my ($on, $off) = (JSON::PP::true, JSON::PP::false);
my $version = 0;

# A column named after the version tells when the table has followed.
sub change
{
	my ($dimensions, $metrics, $granularity, $index) = @_;

	$version++;
	$node->submit(spec(
		dataSource => 'events', topic => 'events', brokers => $kafka->address, metrics => $metrics,
		dimensions => [ @$dimensions, "v$version" ], granularity => $granularity, io => { taskCount => 2 },
		tuning => $index ? { indexSpec => $index, indexSpecForIntermediatePersists => $index } : {}));
	return;
}

sub followed
{
	return $node->wait_for("SELECT count(*) FROM pg_attribute a WHERE attrelid = 'events'::regclass AND attname = 'v$version'"
		. ' AND NOT EXISTS (SELECT FROM stream_ingest.columns WHERE NOT attached AND problem IS NULL)', '1');
}

sub types
{
	return query("SELECT string_agg(attname || ' ' || format_type(atttypid, -1), ', ' ORDER BY attname COLLATE \"C\") FROM pg_attribute"
		. " WHERE attrelid = 'events'::regclass AND attname IN ('code', 'n', 'user', 'most') AND NOT attisdropped");
}

# Messages numbered from $produced on, as many in each of the two partitions; sums of all so far.
my ($produced, $sum) = (0, 0);

sub produce
{
	my ($n) = @_;

	for my $partition (0, 1)
	{
		my @messages;

		for (1 .. $n)
		{
			$produced++;
			$sum += $produced;
			push @messages, sprintf('{"time":"2020-01-01T%02d:%02d:00Z","page":"p%d","code":%d,"n":%d.5,"user":"u%d","added":%d}',
				$produced % 24, $produced % 60, $produced % 3, $produced, $produced, $produced % 5, $produced);
		}
		$kafka->produce('events', $partition, @messages);
	}
	return;
}

# What must hold whatever spec read a message.
sub exact
{
	my ($what) = @_;

	ok($node->wait_for(q{SELECT sum(count), sum(added) FROM events WHERE page <> 'same'}, "$produced|$sum"), "$what: every event once");
	is(query(q{SELECT trim_scale(sum(count * code::numeric)) FROM events WHERE page <> 'same'}), $sum, "$what: with its value of the retyped column");
	is(query(q{SELECT count(*), sum(added) FROM events WHERE page = 'same'}), '50|50', "$what: rows that were read without rollup stay apart");
	return;
}

$kafka->topic('events', 2);
change([ 'page', 'code', 'tags', { type => 'long', name => 'n' } ], [ $count, $added ], { rollup => $off, segmentGranularity => 'HOUR' });
$kafka->produce('events', 0, (map { '{"time":"2020-01-01T05:00:00Z","page":"same","code":"x","n":1,"added":1}' } 1 .. 49),
	'{"time":"2020-01-01T05:00:00Z","page":"same","code":"x","tags":["b","a"],"n":1,"added":1}');
produce(50);
exact('the first spec');

is(query(q{SELECT tags, mv_to_array(tags), mv_contains(tags, 'b') FROM events WHERE tags IS NOT NULL}), '["a","b"]|{a,b}|t', 'several values of a cell');
like(query(q{SELECT get_supervisor_status('events')->'payload'->'warnings'->>0}), qr/"tags" has cells with several values.*mv_contains/, 'a warning in status');
is(() = PostgreSQL::Test::Utils::slurp_file($node->logfile) =~ /column "tags" of supervisor "events" has cells with several values/g, 1, 'and one in the log');

# rollup on, coarser segments, a column less, two retyped, a metric more; events keep coming
produce(100);
change([ 'page', { type => 'long', name => 'code' }, { type => 'double', name => 'n' } ], [ $count, $added, $most ],
	{ rollup => $on, queryGranularity => 'DAY', segmentGranularity => 'DAY' },
	{ dimensionCompression => 'ZSTD', metricCompression => 'none' });
produce(100);
exact('before the table has followed');
ok(followed(), 'the table follows');
is(types(), 'code bigint, most bigint, n double precision', 'with the types of the new spec');
exact('with rollup');
is(query(q{SELECT count(*), count(code) FROM events WHERE page = 'same'}), '50|0', 'a text that is no number is null in a bigint column');
is(query(q{SELECT count(*) FROM events WHERE code = 7}), '1', 'a filter finds a number that was read as text');
is(query(q{SELECT count(*) FROM events WHERE code = 7 AND most IS NULL AND n = 7}), '1', 'and what its spec had not is null');

# dimensions go and come, the type goes on
produce(100);
change([ 'user', 'page', { type => 'double', name => 'code' } ], [ $count, $added ], { rollup => $off, segmentGranularity => 'HOUR' },
	{ dimensionCompression => 'uncompressed', metricCompression => 'zstd' });
produce(100);
ok(followed(), 'the table follows again');
is(types(), 'code double precision, most bigint, n double precision, user text', 'removed columns stay');
exact('without rollup');
produce(20);
$node->wait_for(q{SELECT sum(count) FROM events WHERE page <> 'same'}, $produced);
is(query(qq{SELECT count(n), count(most), count("user") FROM events WHERE code > $produced - 20}), '0|0|20', 'removed columns are null in new rows');
cmp_ok(query(q{SELECT count(n) FROM events WHERE code <= 100}), '==', 100, 'and keep what they had');

# back to text, and published by the spec that each row was read by
change([ 'user', 'page', 'code' ], [ $count, $added ], { rollup => $on, queryGranularity => 'YEAR', segmentGranularity => 'YEAR' });
produce(10);
ok(followed(), 'the table follows once more');
exact('as text');
is(query(q{SELECT count(*) FROM events WHERE page = 'same' AND code = 'x'}), '50', 'texts that were no numbers are there again');
query(q{SELECT suspend_supervisor('events')});
ok($node->wait_for(q{SELECT bool_and(kind = 'segment') FROM stream_ingest.segments WHERE data_source = 'events'::regclass}, 't'), 'published');
exact('published');
is(query(q{SELECT count(*) FROM events WHERE page = 'same' AND code = 'x'}), '50', 'published texts');
is(query(q{SELECT string_agg(DISTINCT ("end" - "start")::text, ', ') FROM stream_ingest.segments
	WHERE data_source = 'events'::regclass}), '01:00:00, 1 day, 366 days', 'each row in a segment of its spec');
is(query(q{SELECT count(*) FROM stream_ingest.verify_chunks('events') WHERE NOT ok}), '0', 'all files are sound');
is(query(q{SELECT bool_and(exactly_once) FROM stream_ingest.audit WHERE supervisor_id = 'events'}), 't', 'the audit is clean');

$node->stop;
$kafka->stop;
done_testing();
