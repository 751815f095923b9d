# The sample spec of Druid's documentation for Kafka, field for field, with only
# the broker's address changed: the old flat form, a parser, schemaless
# dimensions, rollup as the default, and a name with a hyphen.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('sample');
my $node = StreamIngest::Cluster->new('sample');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');
$kafka->topic('metrics', 1);

my $sample = {
	type => 'kafka',
	dataSchema => {
		dataSource => 'metrics-kafka',
		parser => {
			type => 'string',
			parseSpec => {
				format => 'json',
				timestampSpec => { column => 'timestamp', format => 'auto' },
				dimensionsSpec => { dimensions => [], dimensionExclusions => [ 'timestamp', 'value' ] }
			}
		},
		metricsSpec => [
			{ name => 'count', type => 'count' },
			{ name => 'value_sum', fieldName => 'value', type => 'doubleSum' },
			{ name => 'value_min', fieldName => 'value', type => 'doubleMin' },
			{ name => 'value_max', fieldName => 'value', type => 'doubleMax' }
		],
		granularitySpec => { type => 'uniform', segmentGranularity => 'HOUR', queryGranularity => 'NONE' }
	},
	tuningConfig => { type => 'kafka', maxRowsPerSegment => 5000000 },
	ioConfig => {
		topic => 'metrics',
		consumerProperties => { 'bootstrap.servers' => $kafka->address },
		taskCount => 1,
		replicas => 1,
		taskDuration => 'PT1H'
	}
};
my $spec = JSON::PP->new->canonical->encode($sample);
my ($rc, $out, $err) = $node->psql('postgres', "SELECT submit_supervisor('$spec')");
is($out, '{"id":"metrics-kafka"}', 'the sample spec is accepted as it is');
like($err, qr/rollup/, 'and says that equal rows are merged');

# useEarliestOffset is false: what was produced before it reads is not its business
ok($node->wait_for(q{SELECT state FROM stream_ingest.workers WHERE kind = 'reading'}, 'at the end of the stream'), 'it reads');
$kafka->produce('metrics', 0,
	'{"timestamp":"2026-01-01T00:00:00Z","host":"a","metric":"cpu","value":1.5}',
	'{"timestamp":"2026-01-01T00:00:00Z","host":"a","metric":"cpu","value":2.5}',
	'{"timestamp":"2026-01-01T00:00:00Z","host":"b","metric":"cpu","value":10}',
	'{"timestamp":1767225600000,"host":"a","metric":"cpu","value":-4}',
	'{"timestamp":"2026-01-01T01:00:00Z","host":"a","metric":"disk","value":7,"mount":"/"}');
ok($node->wait_for(q{SELECT sum(count) FROM "metrics-kafka"}, '5'), 'five events');
ok($node->wait_for(q{SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute
	WHERE attrelid = '"metrics-kafka"'::regclass AND attnum > 0 AND NOT attisdropped},
		'__time count host metric mount value_max value_min value_sum'), 'dimensions are discovered, exclusions are not');
is($node->safe_psql('postgres', q{SELECT host, metric, mount, sum(count), sum(value_sum), min(value_min), max(value_max)
	FROM "metrics-kafka" GROUP BY 1, 2, 3 ORDER BY 1, 2}), <<'ROWS' =~ s/\n\z//r, 'and aggregated');
a|cpu||3|0|-4|2.5
a|disk|/|1|7|7|7
b|cpu||1|10|10|10
ROWS

# a sample of the topic stores nothing and touches no supervisor
$spec =~ s/"metrics-kafka"/"sampled"/;
my $sampled = decode_json($node->safe_psql('postgres', "SET client_min_messages = error; SELECT sample_supervisor('$spec')"));
is($sampled->{numRowsRead}, 5, 'the sampler reads the topic');
is($sampled->{numRowsIndexed}, 3, 'and merges equal rows');
is($sampled->{data}[0]{parsed}{value_sum}, 0, 'as a task does') or diag(explain($sampled));
is($sampled->{data}[0]{input}{value}, 1.5, 'beside what came in');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname = 'sampled'}), '0', 'no table is made');
is(scalar(@{ decode_json($node->safe_psql('postgres', "SET client_min_messages = error; SELECT sample_supervisor('$spec', NULL, 2)"))->{data} }), 2,
	'only as many as are wanted: the newest') or diag(explain($sampled));
# what stands beside the payload is sampled too
$kafka->topic('keyed', 1);
$kafka->_produce('keyed', 0, qq(k1:{"timestamp":1767225600000,"value":1}\n), '-K', ':', '-H', 'env=test', '-H', 'flag');
my $keyed = decode_json($spec);
$keyed->{ioConfig}{topic} = 'keyed';
$keyed->{ioConfig}{useEarliestOffset} = JSON::PP::true;
$keyed->{ioConfig}{inputFormat} = { type => 'kafka', valueFormat => { type => 'json' }, keyFormat => { type => 'regex', pattern => '(.*)', columns => ['x'] },
	headerFormat => { type => 'string' } };
$keyed = encode_json($keyed) =~ s/'/''/gr;
$sampled = decode_json($node->safe_psql('postgres', "SET client_min_messages = error; SELECT sample_supervisor('$keyed')"));
is_deeply([ @{ $sampled->{data}[0]{parsed} }{qw(kafka.key kafka.topic kafka.header.env kafka.header.flag)} ], [ 'k1', 'keyed', 'test', undef ],
	'key, topic and headers') or diag(explain($sampled));

$spec =~ s/"topic":"metrics"/"topic":"nothing"/;
($rc, $out, $err) = $node->psql('postgres', "SELECT sample_supervisor('$spec')");
like($err, qr/could not read topic "nothing": .*[Uu]nknown topic/, 'a topic that is not there is told');
ok($node->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE '%sampling%'}, '0'), 'no worker stays');

$node->safe_psql('postgres', q{SELECT suspend_supervisor('metrics-kafka')});
ok($node->wait_for(q{SELECT string_agg("start" || ' ' || num_rows, ', ' ORDER BY "start") FROM stream_ingest.segments
	WHERE kind = 'segment'}, '2026-01-01 00:00:00+00 2, 2026-01-01 01:00:00+00 1'), 'published by the hour, equal rows merged');
is($node->safe_psql('postgres', q{SELECT sum(count), sum(value_sum) FROM "metrics-kafka"}), '5|17', 'nothing is lost by it');

$node->stop;
done_testing();
