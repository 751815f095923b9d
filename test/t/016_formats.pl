# Formats of messages through a broker: csv of several lines with bad ones among
# them, regex, flattened JSON, and the kafka format with keys, headers and a
# tombstone.  Rows and counters.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('formats');
my $node = StreamIngest::Cluster->new('formats');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

# What the sampler makes of the messages of a spec, from the topic.
sub sample
{
	my ($spec) = @_;

	$spec =~ s/'/''/g;
	return decode_json($node->safe_psql('postgres', "SET client_min_messages = error; SELECT sample_supervisor('$spec')"));
}

# A message of several lines needs a file of its own.
sub produce_text
{
	my ($topic, $text) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/message';

	PostgreSQL::Test::Utils::append_to_file($file, $text);
	$kafka->produce_raw($topic, 0, $file);
	return;
}

sub submit
{
	my ($source, $format, %more) = @_;
	my $spec = spec(dataSource => $source, topic => $source, brokers => $kafka->address, io => { inputFormat => $format }, %more);

	$node->submit($spec);
	return $spec;
}

# Counters of a supervisor, once they add up.
sub counters
{
	my ($id) = @_;

	return qq(SELECT sum(processed) || ' ' || sum(processed_with_error) || ' ' || sum(thrown_away) || ' ' || sum(unparseable)
		FROM stream_ingest.row_stats WHERE supervisor_id = '$id');
}

$kafka->topic($_, 1) foreach qw(cells patterns nested beside);

produce_text('cells', "2026-01-01T00:00:00Z,a,1|2\r\n2026-01-01T00:00:01Z,\"b, \"\"quoted\"\"\",\nno time,c,3\n2026-01-01T00:00:02Z,\"open,4\n2026-01-01T00:00:03Z,d,5\n");
my $cells = submit('cells', { type => 'csv', columns => [ 'time', 'name', 'list' ], listDelimiter => '|' }, dimensions => [ 'name', 'list' ]);

$kafka->produce('patterns', 0, '2026-01-01T00:00:00Z [warn] disk full', 'nonsense', '2026-01-01T00:00:01Z [info] ok');
submit('patterns', { type => 'regex', pattern => '(\S+) \[(\w+)\] (.*)', columns => [ 'time', 'level', 'text' ] }, dimensions => [ 'level', 'text' ]);

$kafka->produce('nested', 0,
	'{"time":"2026-01-01T00:00:00Z","user":{"name":"ann","tags":["x","y"]},"sizes":[3,4,5]}',
	'{"time":"2026-01-01T00:00:01Z","user":{"name":"bob"}}',
	'{"time":"2026-01-01T00:00:02Z","user":');
submit('nested', {
	type => 'json',
	flattenSpec => {
		fields => [
			{ type => 'path', name => 'name', expr => '$.user.name' },
			{ type => 'jq', name => 'first_tag', expr => 'def head: .[0]; .user.tags as $t | $t | head | (sub("(?<l>x)"; "\\(.l)"))?' },
			{ type => 'tree', name => 'tags', nodes => [ 'user', 'tags' ] },
			{ type => 'path', name => 'total', expr => '$.sizes.sum()' }
		]
	}
}, dimensions => [ 'name', 'first_tag', 'tags', { type => 'double', name => 'total' } ]);

$kafka->_produce('beside', 0, "k1\t{\"a\":\"x\"}\nk2\t{\"a\":\"y\",\"kafka.topic\":\"mine\"}\n", '-K', '\t', '-H', 'env=dev', '-H', 'none');
$kafka->_produce('beside', 0, "k3\t\n", '-K', '\t', '-Z');
$kafka->produce('beside', 0, '{"a":"z"}');
my $beside = submit('beside', {
	type => 'kafka',
	valueFormat => { type => 'json' },
	keyFormat => { type => 'tsv', columns => ['x'] },
	headerFormat => { type => 'string' }
}, timestamp => { column => 'kafka.timestamp', format => 'millis' });

ok($node->wait_for(counters('cells'), '4 0 0 1'), 'csv: one of five lines is bad');
is($node->safe_psql('postgres', 'SELECT __time AT TIME ZONE \'UTC\', name, list FROM cells ORDER BY 1'), <<'ROWS' =~ s/\n\z//r, 'the others are rows');
2026-01-01 00:00:00|a|["1","2"]
2026-01-01 00:00:01|b, "quoted"|
2026-01-01 00:00:02|"open,4|
2026-01-01 00:00:03|d|5
ROWS
is($node->safe_psql('postgres', q{SELECT error_type FROM stream_ingest.rejected_messages WHERE supervisor_id = 'cells'}), 'processedWithError',
	'a message with rows in the table is not kept as unparseable: it must not be read twice');

ok($node->wait_for(counters('patterns'), '2 0 0 1'), 'regex: one line does not match');
is($node->safe_psql('postgres', 'SELECT level, text FROM patterns ORDER BY __time'), "warn|disk full\ninfo|ok", 'groups are columns');
like($node->safe_psql('postgres', q{SELECT reason FROM stream_ingest.rejected_messages WHERE supervisor_id = 'patterns' AND error_type = 'unparseable'}),
	qr/\[nonsense\]: the pattern does not match/, 'and the reason says so');

ok($node->wait_for(counters('nested'), '2 0 0 1'), 'json with a flattenSpec');
is($node->safe_psql('postgres', 'SELECT name, first_tag, tags, total FROM nested ORDER BY __time'), qq(ann|x|["x","y"]|12\nbob|||), 'paths lead to values');

ok($node->wait_for(counters('beside'), '3 0 1 0'), 'kafka: a tombstone is thrown away');
ok($node->wait_for(q{SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute
	WHERE attrelid = 'beside'::regclass AND attnum > 0 AND NOT attisdropped},
		'__time a kafka.header.env kafka.key kafka.offset kafka.partition kafka.topic'), 'all that has values is discovered');
is($node->safe_psql('postgres', q{SELECT a, "kafka.key", "kafka.topic", "kafka.partition", "kafka.offset", "kafka.header.env" FROM beside ORDER BY "kafka.offset"}),
	<<'ROWS' =~ s/\n\z//r, 'key, headers and place of a message are columns; the payload wins');
x|k1|beside|0|0|dev
y|k2|mine|0|1|dev
z||beside|0|3|
ROWS
is($node->safe_psql('postgres', q{SELECT count(*) FROM beside WHERE __time BETWEEN now() - interval '1 hour' AND now() + interval '1 hour'}), '3',
	'the time of a message is the time of its row');

# the sampler sees what a task sees
my $sampled = sample($cells);
is(join(' ', map { $_->{unparseable} ? 'bad' : $_->{parsed}{name} } @{ $sampled->{data} }), 'a b, "quoted" bad "open,4 d', 'sampled lines stand for themselves')
  or diag(explain($sampled));
$sampled = sample($beside);
is(join(' ', map { join(',', map { $_ // '' } @{ $_->{parsed} }{qw(a kafka.key kafka.topic kafka.header.env kafka.offset)}) } @{ $sampled->{data} }),
	'x,k1,beside,dev,0 y,k2,mine,dev,1 z,,beside,,3', 'a sampled message has key, headers and place') or diag(explain($sampled));

$node->stop;
done_testing();
