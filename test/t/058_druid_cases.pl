# Cases of Druid's own tests of rows and specs, by the ids they have in its table of cases: sample_supervisor() takes messages
# through the code of a task, check_spec() and validate_supervisor() judge specs.
use strict;
use warnings;

use JSON::PP;
use StreamIngest::Cluster;
use Test::More;

my $json = JSON::PP->new->canonical->utf8(0)->allow_nonref;
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

my %common = (dataSource => 'cases', topic => 'cases', brokers => '127.0.0.1:1', timestamp => { column => 'time', format => 'auto' });

# A spec like that of the others, with sections of its dataSchema replaced.
sub case_spec
{
	my (%o) = @_;
	my $spec = $json->decode(spec(%common, %o));

	$spec->{spec}{dataSchema}{$_} = $o{schema}{$_} foreach keys %{ $o{schema} // {} };
	return $spec;
}

sub literal { return '$case$' . $json->encode($_[0]) . '$case$'; }

# The rows that the messages become: [ parsed, error ] each.
sub sampled
{
	my ($spec, @messages) = @_;
	my $data = join ', ', map { ref $_ ? literal($_) : '$case$' . $_ . '$case$' } @messages;	# text is sent as it is
	my $answer = $json->decode($node->safe_psql('postgres', 'SELECT sample_supervisor(' . literal($spec) . "::json, ARRAY[$data])"));

	return map { [ $_->{parsed}, $_->{error} ] } @{ $answer->{data} };
}

# ---- dimensions ----

my $typed = case_spec(dimensions => [ 'string', map { { type => $_, name => $_ } } qw(float long double) ]);

foreach my $case (
	[ 'dim-01', { string => 'A', float => '19.0', long => 'asdj', double => 21.0 }, 'long', 'Could not convert value [asdj] to long for dimension [long]' ],
	[ 'dim-02', { string => 'A', float => 'aaa', long => 20, double => 21.0 }, 'float', 'Could not convert value [aaa] to float for dimension [float]' ],
	[ 'dim-03', { string => 'A', float => 19.0, long => 20, double => '' }, 'double', 'Could not convert value [] to double for dimension [double]' ],
	[ 'dim-04', { string => 'A', float => '19.0', long => [ 10, 5 ], double => 21.0 }, 'long', 'as long for dimension [long]' ])
{
	my ($id, $row, $column, $message) = @$case;
	my ($got) = sampled($typed, { time => '2020-01-01', %$row });

	ok($got->[0] && $got->[0]{string} eq 'A', "$id: the row is kept");
	is($got->[0]{$column}, undef, "$id: the value is null");
	like($got->[1] // '', qr/\Q$message\E/, "$id: the message");
}

is(scalar(grep { $_->[0] } sampled(case_spec(dimensions => [ 'billy', 'joe' ], metrics => [ { type => 'count', name => 'count' } ],
	granularity => { queryGranularity => 'MINUTE', rollup => JSON::PP::true }), ({ time => '2020-01-01', billy => 'A', joe => 'B' }) x 3)), 1, 'dim-06: one row');

sub columns
{
	my ($dimensions, $row) = @_;
	my ($got) = sampled(case_spec(schema => { dimensionsSpec => $dimensions }), $row);

	return join ' ', sort grep { $_ ne '__time' } keys %{ $got->[0] };
}

my %row = (time => '2020-01-01', dim => 'val1', dim2 => 'val2', met => 10);
is(columns({ dimensions => [], dimensionExclusions => [ 'time', 'met' ] }, \%row), 'dim dim2', 'dimspec-01');
is(columns({ dimensions => ['dim3'], includeAllDimensions => JSON::PP::true, dimensionExclusions => [ 'time', 'met' ] }, { %row, dim3 => 'val3' }),
	'dim dim2 dim3', 'dimspec-02');
is(columns({ dimensions => ['dim'] }, \%row), 'dim', 'dimspec-03');

foreach my $case ([ 'mv-02', 'sorted_set', '["a","b","c"]' ], [ 'mv-03', 'array', '["c","b","a","b"]' ])
{
	my ($id, $handling, $expected) = @$case;
	my ($got) = sampled(case_spec(dimensions => [ { type => 'string', name => 'd', multiValueHandling => $handling } ]),
		{ time => '2020-01-01', d => [ 'c', 'b', 'a', 'b' ] });

	is(ref $got->[0]{d} ? $json->encode($got->[0]{d}) : $got->[0]{d}, $expected, $id);
}

# ---- metrics ----

my $number = case_spec(dimensions => ['d'], metrics => [ { type => 'longSum', name => 'n', fieldName => 'foo' }, { type => 'doubleSum', name => 'x', fieldName => 'foo' } ],
	granularity => { rollup => JSON::PP::true });
foreach my $case (
	[ 'num-01', undef, undef, undef ], [ 'num-02', '0', 0, 0 ], [ 'num-03', '+0', 0, 0 ], [ 'num-05', '1,234', 1234, 1234 ],
	[ 'num-06', '-1,234', -1234, -1234 ], [ 'num-07', '+1', 1, 1 ], [ 'num-08', '-1', -1, -1 ],
	[ 'num-09', '9223372036854775807', '9223372036854775807', undef, 'long' ], [ 'num-10', '-9223372036854775808', '-9223372036854775808', undef, 'long' ],
	[ 'num-14', '2.1', 2, 2.1 ], [ 'num-15', 'Infinity', undef, 'Infinity', 'double' ])
{
	my ($id, $value, $long, $double, $only) = @$case;
	my ($got) = sampled($number, { time => '2020-01-01', d => 'a', foo => $value });

	is($got->[0]{n}, $long, "$id: as long") if ($only // 'long') eq 'long';
	is($got->[0]{x}, $double, "$id: as double") if ($only // 'double') eq 'double';
	is($got->[1], undef, "$id: without an error");
}
foreach my $case ([ 'num-bad-01', '' ], [ 'num-bad-03', [1] ], [ 'num-bad-04', ['1'] ])
{
	my ($id, $value) = @$case;
	my ($got) = sampled($number, { time => '2020-01-01', d => 'a', foo => $value });

	is($got->[0]{d}, 'a', "$id: the row is kept");
	is($got->[0]{n}, undef, "$id: without the number");
	like($got->[1] // '', qr/for field \[?foo\]?|for field\[foo\]/, "$id: the message");
}

# ---- transforms ----

my $tx = '{"time":"2020-01-01","x":"foo","y":"bar","a":2.0,"b":3,"bool":true}';
my $other = '{"time":"2020-01-01","x":"foo","y":"baz","a":2.0,"b":4,"bool":false}';

sub transformed
{
	my ($dimensions, $transforms, $filter, @rows) = @_;
	my @transforms;

	push @transforms, { type => 'expression', name => shift @$transforms, expression => shift @$transforms } while @$transforms;
	return sampled(case_spec(dimensions => $dimensions,
		schema => { transformSpec => { transforms => \@transforms, $filter ? (filter => $filter) : () } }), @rows);
}

sub selector { return { type => 'selector', dimension => $_[0], value => $_[1] }; }

my ($tx1) = transformed([qw(f g h x)], [ f => 'concat(x,y)', g => 'a + b', h => 'concat(f,g)' ], undef, $tx);
is_deeply([ @{ $tx1->[0] }{qw(f h x)} ], [ 'foobar', undef, 'foo' ], 'tx-01: a transform does not see another');
is($tx1->[0]{g}, '5.0', 'tx-01: a double as a dimension');
my @tx3 = transformed([qw(x y)], [ f => 'concat(x,y)', g => 'a + b' ],
	{ type => 'and', fields => [ selector(x => 'foo'), selector(f => 'foobar'), selector(g => '5.0') ] }, $tx, $other);
is(join(' ', map { $_->[0]{y} } grep { $_->[0] && !$_->[1] } @tx3), 'bar', 'tx-03: the filter sees transforms');
my ($tx4) = transformed(['x'], [ __time => '(a + b) * 3600000' ], undef, $tx);
is($tx4->[0]{__time}, 5 * 3600000, 'tx-04: the time is an expression');
my @tx6 = transformed([qw(t1 t2)], [ t1 => 'bool', t2 => 'if(bool,1,0)' ], undef, $tx, $other);
is(join(' ', map { "$_->[0]{t1}$_->[0]{t2}" } @tx6), '11 00', 'tx-06: a boolean is 1 or 0');

# ---- specs ----

sub checked { return $json->decode($node->safe_psql('postgres', 'SELECT stream_ingest.check_spec(' . literal($_[0]) . ')'))->{spec}; }

sub problems
{
	my ($spec) = @_;

	return $node->safe_psql('postgres', "SELECT path || ': ' || problem FROM validate_supervisor(" . literal($spec) . ')');
}

sub with_io
{
	my (%io) = @_;
	my $spec = case_spec();

	$spec->{spec}{ioConfig} = { type => 'kafka', topic => 'cases', inputFormat => { type => 'json' }, %io };
	return $spec;
}

my %brokers = (consumerProperties => { 'bootstrap.servers' => 'localhost:8082' });
my $io = checked(with_io(%brokers))->{ioConfig};
my %defaults = (taskCount => 1, replicas => 1, taskDuration => 'PT3600S', startDelay => 'PT5S', period => 'PT30S', useEarliestOffset => JSON::PP::false,
	completionTimeout => 'PT1800S', pollTimeout => 100);
is_deeply({ map { $_ => $io->{$_} } keys %defaults }, \%defaults, 'spec-01: defaults');
is($io->{$_}, undef, "spec-01: $_") foreach qw(lateMessageRejectionPeriod earlyMessageRejectionPeriod);
like(problems(with_io()), qr/consumerProperties/, 'spec-03: consumerProperties is missing');
like(problems(with_io(consumerProperties => {})), qr/bootstrap\.servers/, 'spec-04: bootstrap.servers is missing');
like(problems(with_io(%brokers, replicas => 3, serverPriorityToReplicas => { 1 => 2, 0 => 2 })), qr/serverPriorityToReplicas/, 'spec-10');
like(problems(with_io(%brokers, stopTaskCount => 0)), qr/stopTaskCount/, 'spec-11');
my $tuning = checked(case_spec(tuning => { reportParseExceptions => JSON::PP::true, maxParseExceptions => 10, maxSavedParseExceptions => 10 }))->{tuningConfig};
is("$tuning->{maxParseExceptions} $tuning->{maxSavedParseExceptions}", '0 1', 'spec-14: reportParseExceptions goes before the limits');
like(problems(with_io(%brokers, inputFormat => { type => 'json', assumeNewlineDelimited => JSON::PP::true, useJsonNodeReader => JSON::PP::true })),
	qr/useJsonNodeReader/, 'json-06: two ways to read a message');
like(problems(with_io(%brokers, inputFormat => { type => 'json', flattenSpec => { fields => [ { type => 'path', name => 'met-array', expr => '$.met.a' },
	{ type => 'jq', name => 'met-array', expr => '.met.a' } ] } })), qr/met-array/, 'flat-07: a field twice');

# ---- verbs ----

my $suspended = case_spec();
$suspended->{suspended} = JSON::PP::true;
is($node->submit($json->encode($suspended)), 'cases', 'submitted');
$suspended->{spec}{ioConfig}{taskCount} = 2;
is($node->submit($json->encode($suspended)), 'cases', 'and once more');
ok($node->wait_for("SELECT json_array_length(get_supervisor_history('cases', 1)), json_array_length(get_supervisor_history('cases'))", '1|2'), 'api-19');
my ($out, $err) = ('', '');
$node->psql('postgres', q(SELECT reset_offsets('cases', '{"type":"kafka","partitions":{"type":"end","stream":"i-am-not-real","partitionOffsetMap":{"0":1}}}')),
	stdout => \$out, stderr => \$err);
like($err, qr/stream \[i-am-not-real\] does not exist in the supervisor \[cases\]\n.*The supervisor is consuming stream \[cases\]/, 'sup-32: another stream');

$node->stop;
done_testing();
