# Metrics that keep a value by its time, json and auto dimensions, from the
# broker to published segments: several commits, merged by rollup.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('aggregators');
my $node = StreamIngest::Cluster->new('aggregators');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');
$kafka->topic('events', 1);

my $spec = JSON::PP->new->canonical->encode({
	type => 'kafka',
	spec => {
		dataSchema => {
			dataSource => 'events',
			timestampSpec => { column => 'time', format => 'iso' },
			dimensionsSpec => { dimensions => [ 'page', { type => 'json', name => 'doc' }, { type => 'auto', name => 'v' } ] },
			metricsSpec => [
				{ type => 'count', name => 'count' },
				{ type => 'longFirst', name => 'first', fieldName => 'n' },
				{ type => 'longLast', name => 'last', fieldName => 'n' },
				{ type => 'stringLast', name => 'word', fieldName => 's', maxStringBytes => 4 },
				{ type => 'doubleLast', name => 'at_last', fieldName => 'n', timeColumn => 'at' },
				{ type => 'stringAny', name => 'one', fieldName => 's' } ],
			granularitySpec => { segmentGranularity => 'DAY', queryGranularity => 'HOUR', rollup => JSON::PP::true }
		},
		ioConfig => { type => 'kafka', topic => 'events', inputFormat => { type => 'json' }, useEarliestOffset => JSON::PP::true,
			consumerProperties => { 'bootstrap.servers' => $kafka->address } },
		tuningConfig => { type => 'kafka' }
	} });
$node->safe_psql('postgres', "SELECT submit_supervisor('$spec')");
is($node->safe_psql('postgres', q{SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attnum)
	FROM pg_attribute WHERE attrelid = 'events'::regclass AND attnum > 0}),
	'__time timestamp with time zone, page text, doc jsonb, count bigint, first bigint, last bigint, word text, at_last double precision, one text',
	'types of the columns: that of an auto dimension is not known yet');

# One message, committed on its own.
my $sent = 0;

sub event
{
	my ($time, $page, $rest) = @_;

	$kafka->produce('events', 0, qq({"time":"2026-01-01T$time","page":"$page",$rest}));
	$sent++;
	ok($node->wait_for('SELECT sum(count) FROM events', $sent), "event $sent is there");
	return;
}

event('00:30:00Z', 'a', '"n":5,"s":"ab\u00e9\u00e9","at":100,"doc":{"y":1,"x":[1,2]}');
event('00:10:00Z', 'a', '"n":1,"s":"first","at":900,"doc":{"x":[1,2],"y":1}');
event('00:50:00Z', 'a', '"n":9,"s":null,"at":500,"doc":{"x":[1,2],"y":1}');
event('00:40:00Z', 'a', '"n":7,"at":800,"doc":{"x":[1,2],"y":1}');
event('00:20:00Z', 'b', '"n":2,"s":"b","v":1');
event('00:20:00Z', 'b', '"n":3,"s":"c","v":1');
my $type_of_v = q{SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'events'::regclass AND attname = 'v'};
ok($node->wait_for($type_of_v, 'bigint'), 'the auto dimension has become a column');
event('00:59:00Z', 'b', '"s":"d","v":"text"');
ok($node->wait_for($type_of_v, 'text'), 'and is widened by another value');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT v, ' ' ORDER BY v) FROM events}), '1 text', 'chunks of both types are read');

# All the rows of a key, as if they were merged: by the count of events.
is($node->safe_psql('postgres', q{SELECT page, doc, sum(count) FROM events GROUP BY 1, 2 ORDER BY 1}),
	qq(a|{"x": [1, 2], "y": 1}|4\nb||3), 'equal documents are one group');

$node->safe_psql('postgres', q{SELECT suspend_supervisor('events')});
ok($node->wait_for(q{SELECT string_agg(kind || ' ' || num_rows, ', ') FROM stream_ingest.segments}, 'segment 3'),
	'published: rows of seven commits are merged into three');
is($node->safe_psql('postgres', q{SELECT page, count, first, last, word, at_last, one, v FROM events ORDER BY page, count DESC}),
	join("\n",
		"a|4|1|9|ab\x{c3}\x{a9}|1|ab\x{c3}\x{a9}\x{c3}\x{a9}|",
		'b|2|2|3|c||b|1',
		'b|1|||d||d|text'),
	'first and last by the time of the event, or of the field');
is($node->safe_psql('postgres', q{SELECT count(*) FROM stream_ingest.verify_chunks('events') WHERE NOT ok}), '0', 'sound files');
is($node->safe_psql('postgres', q{SELECT string_agg("column", ' ' ORDER BY "column") FROM stream_ingest.chunk_columns('events') WHERE role = 'times'}),
	'at_last first last word', 'which keep the times');

# what comes later is weighed against nothing but its own rows until it is merged, and no null is in the way
$node->safe_psql('postgres', q{SELECT resume_supervisor('events')});
event('00:05:00Z', 'a', '"n":0,"s":"late","at":1000,"doc":{"y":1,"x":[1,2]}');
is($node->safe_psql('postgres', q{SELECT first, last, word, at_last FROM events WHERE page = 'a' ORDER BY count}),
	"0|0|late|0\n1|9|ab\x{c3}\x{a9}|1", 'a row of its own beside the published one');

# a view keeps the type of a column; that it is to change is not forgotten
$node->safe_psql('postgres', 'CREATE VIEW of_v AS SELECT v FROM events');
event('02:00:00Z', 'c', '"v":{"k":[1]}');
ok($node->wait_for(q{SELECT count(*) FROM stream_ingest.discovered_column WHERE name = 'v' AND problem LIKE '%view%'}, '1'),
	'the view is named as the reason');
is($node->safe_psql('postgres', q{SELECT v FROM of_v WHERE v LIKE '%k%'}), '{"k":[1]}', 'values are cast meanwhile');
$node->safe_psql('postgres', 'DROP VIEW of_v');
$node->restart;
ok($node->wait_for($type_of_v, 'jsonb'), 'without it the type follows');
is($node->safe_psql('postgres', q{SELECT v FROM events WHERE v IS NOT NULL ORDER BY v::text}), qq("1"\n"text"\n{"k": [1]}),
	'a number that became text, text and a document');

$node->stop;
done_testing();
