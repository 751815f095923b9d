# Odd messages with rollup, without listed dimensions, and with useSchemaDiscovery: how each is counted and what is stored of it, as
# test/odd_messages.tsv and, for rollup, what Druid stored without it (test/unit/data/druid_rows.tsv) say.  Half of the messages are
# there at the beginning; the others come when those have been committed.  All of it again when the rows are published.
use strict;
use warnings;

use Cwd qw(abs_path);
use Encode qw(decode_utf8 encode_utf8);
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $test = abs_path(dirname(__FILE__)) . '/..';
my $json = JSON::PP->new->canonical->allow_nonref;
my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

sub query { return decode_utf8($node->safe_psql('postgres', "SET TimeZone = 'UTC'; $_[0]")); }

# Lines of a table, cut at tabs.
sub table { return map { [ split /\t/, $_, -1 ] } grep { !/^#/ } split /\n/, decode_utf8(slurp_file("$test/$_[0]")); }

sub unescape { return $_[0] =~ s/\\(\\|x([0-9a-f]{2}))/defined $2 ? chr hex $2 : '\\'/ger; }

my %payload = map { $_->[0] => $_->[1] } table('unit/data/druid_messages.tsv');
my @messages;
foreach my $line (table('odd_messages.tsv'))
{
	my %m;

	@m{qw(name payload verdict schemaless discovery)} = @$line;
	$m{payload} = unescape(encode_utf8($m{payload} ne '' ? $m{payload} : $payload{ $m{name} }));
	$m{$_} = $json->decode($m{$_}) foreach qw(schemaless discovery);
	push @messages, \%m;
}
cmp_ok(scalar(@messages), '>=', 140, 'there are messages');

# ---- what is expected of rollup ----

my %set_ups = (
	odd_schemaless => { dimensionsSpec => { dimensions => [] } },
	odd_discovery => { dimensionsSpec => { useSchemaDiscovery => JSON::PP::true } },
	odd_rollup => {
		dimensionsSpec => { dimensions => [ 'channel', 'page', 'user', 'comment' ] },
		granularitySpec => { queryGranularity => 'HOUR', rollup => JSON::PP::true },
	},
	odd_merged => {
		dimensionsSpec => { dimensions => ['channel'] },
		granularitySpec => { queryGranularity => 'DAY', rollup => JSON::PP::true },
	},
);
my @rollup_metrics = (
	{ type => 'longMin', name => 'least', fieldName => 'added' },
	{ type => 'doubleMax', name => 'most', fieldName => 'deleted' },
	{ type => 'doubleSum', name => 'sum', fieldName => 'delta' },
);

# What differs on purpose in a string dimension.
my %comment = (
	'dim nested array' => '["[\"a\",\"b\"]","[\"c\"]"]',
	'dim array of objects' => '["{\"k\":1}","{\"k\":2}"]',
	'dim nested object' => '{"b":1,"a":[1,2,{"c":null}]}',
	'NUL escape in dimension' => "a\x{FFFD}b",
);

# Rows that are to be there: of each message that Druid stored, and of ours.
my %page;
$page{$_}++ foreach map { map { $_->{page} } @{ $_->{schemaless} } } @messages;
my @rows;
foreach my $row (table('unit/data/druid_rows.tsv'))
{
	my ($page, $ms, $comment, @numbers) = map { $_ eq '\N' ? undef : unescape(encode_utf8($_)) } @$row;

	# equal messages have one line
	push @rows, map { { page => decode_utf8($page), ms => $ms, comment => $comment{$page} // (defined $comment ? decode_utf8($comment) : undef), added => $numbers[0],
		deleted => $numbers[1], delta => $numbers[2], channel => $page =~ /^(duplicate keys|lone .*)$/ ? undef : '#c' } } 1 .. $page{ decode_utf8($page) } // 0;
}
push @rows, map { { page => $_->{schemaless}[0]{page}, ms => 1442034000000, added => $_->{name} eq 'e metric names' ? 7 : undef } }
  grep { $_->{name} =~ /^e / && @{ $_->{schemaless} } } @messages;

# Groups of them, as text.
sub rolled_up
{
	my ($truncate, @dimensions) = @_;
	my %group;

	foreach my $row (@rows)
	{
		my $key = join '|', $row->{ms} - $row->{ms} % $truncate, map { $row->{$_} // 'null' } @dimensions;
		my $g = $group{$key} //= {};

		$g->{count}++;
		# a sum of longs stops where they end
		$g->{added} = !defined $g->{added} ? $row->{added} : $g->{added} eq '9223372036854775807' ? $g->{added} :
		  $row->{added} eq '9223372036854775807' ? $row->{added} : $g->{added} + $row->{added} if defined $row->{added};
		$g->{least} = $row->{added} if defined $row->{added} && (!defined $g->{least} || $row->{added} < $g->{least});
		$g->{most} = $row->{deleted} if defined $row->{deleted} && (!defined $g->{most} || $row->{deleted} > $g->{most});
		$g->{sum} += $row->{delta} if defined $row->{delta};
	}
	return map { my $g = $group{$_}; join '|', $_, map { $g->{$_} // 'null' } qw(count added least most sum) } keys %group;
}

# ---- the supervisors ----

sub submit
{
	my ($name) = @_;
	my $set_up = $set_ups{$name};
	my $rollup = exists $set_up->{granularitySpec};

	$node->submit($json->encode({
		type => 'kafka',
		spec => {
			dataSchema => {
				dataSource => $name,
				timestampSpec => { column => 'time', format => 'iso' },
				metricsSpec => [ { type => 'count', name => 'count' }, map({ { type => 'longSum', name => $_, fieldName => $_ } } qw(added deleted delta)),
					$rollup ? @rollup_metrics : () ],
				%$set_up,
				granularitySpec => { segmentGranularity => 'DAY', queryGranularity => 'NONE', rollup => JSON::PP::false, %{ $set_up->{granularitySpec} // {} } },
			},
			ioConfig => {
				topic => 'odd',
				inputFormat => { type => 'json' },
				consumerProperties => { 'bootstrap.servers' => $kafka->address },
				useEarliestOffset => JSON::PP::true,
				startDelay => 'PT0S',
				period => 'PT1S',
			},
			tuningConfig => { type => 'kafka' }
		}
	}));
	return;
}

my $dir = PostgreSQL::Test::Utils::tempdir();
my @files = map { my $file = sprintf '%s/%03d', $dir, $_; append_to_file($file, $messages[$_]{payload}); $file } 0 .. $#messages;
my $half = @files / 2;

$kafka->topic('odd', 1);
$kafka->produce_raw('odd', 0, @files[ 0 .. $half - 1 ]);
submit($_) foreach sort keys %set_ups;
my $read = q{SELECT bool_and("offset" = %d) AND count(*) = 4 FROM stream_ingest.partitions};
ok($node->wait_for(sprintf($read, int $half), 't'), 'the first half is read');
$kafka->produce_raw('odd', 0, @files[ $half .. $#files ]);
ok($node->wait_for(sprintf($read, scalar @files), 't'), 'all are read');
my $columns = 'SELECT count(*) FROM stream_ingest.columns WHERE NOT attached AND problem IS NULL';
ok($node->wait_for($columns, '0'), 'and their columns are there');

# ---- how they are counted ----

foreach my $name (sort keys %set_ups)
{
	my (%expected, %got);

	foreach my $i (0 .. $#messages)
	{
		my $verdict = $messages[$i]{verdict};

		# without the dimension nothing is wrong with it
		next if $verdict =~ /^ok/ || ($name eq 'odd_merged' && $messages[$i]{name} =~ /^NUL/);
		$expected{ $messages[$i]{name} } = $verdict eq 'unparseable' ? $verdict : 'processedWithError';
	}
	foreach my $line (split /\n/, query(qq(SELECT "offset" || ' ' || error_type FROM stream_ingest.rejected_messages WHERE supervisor_id = '$name')))
	{
		$got{ $messages[$1]{name} } = $2 if $line =~ /^(\d+) (\w+)$/;
	}
	is_deeply(\%got, \%expected, "$name: each message is counted as Druid counts it");
	my $bad = grep { $_ eq 'processedWithError' } values %expected;
	my $rows = 0;
	$rows += /^\D+(\d)/ ? $1 : 0 foreach map { $_->{verdict} } @messages;
	is(query(qq(SELECT sum(processed) || ' ' || sum(processed_with_error) || ' ' || sum(unparseable) || ' ' || sum(thrown_away)
		FROM stream_ingest.row_stats WHERE supervisor_id = '$name')), join(' ', $rows - $bad, $bad, scalar(keys %expected) - $bad, 0), "$name: and so are rows");
}

# ---- what is stored ----

# Lines of only one of two lists, with a sign for which.
sub difference
{
	my ($ours, $theirs) = @_;
	my %n;

	$n{$_}++ foreach @$ours;
	$n{$_}-- foreach @$theirs;
	return join "\n", map { ($n{$_} > 0 ? 'here:     ' : 'expected: ') . $_ } sort grep { $n{$_} } keys %n;
}

# A row without nulls, time and metrics.
sub plain_row
{
	my ($row) = @_;

	delete $row->{$_} foreach qw(__time count added deleted delta), grep { !defined $row->{$_} } keys %$row;
	return $json->encode($row);
}

sub compare
{
	my ($when) = @_;

	foreach my $name (qw(schemaless discovery))
	{
		my @got = map { plain_row($json->decode($_)) } split /\n/, query("SELECT row_to_json(t) FROM odd_$name t");
		my @expected = map { map { $json->encode($_) } @{ $_->{$name} } } @messages;

		is(difference(\@got, \@expected), '', "$name, $when: the same rows");
	}
	foreach my $rollup ([ odd_rollup => 3600_000, qw(channel page comment) ], [ odd_merged => 86400_000, 'channel' ])
	{
		my ($name, $truncate, @dimensions) = @$rollup;
		my $columns = join ", ", map { qq(coalesce(x."$_", 'null')) } @dimensions, qw(count added least most sum);
		my $query = sprintf q{SELECT json_build_array(%s) FROM (SELECT %s FROM %s GROUP BY %s) x},
		  join(', ', 'ms', map { qq("$_") } @dimensions, qw(n added least most sum)),
		  join(', ', '(extract(epoch FROM "__time") * 1000)::bigint AS ms', map({ qq("$_") } @dimensions),
			'sum(count) AS n, CASE WHEN sum(added) > 9223372036854775807 THEN 9223372036854775807 ELSE sum(added) END AS added, min(least) AS least, max(most) AS most, sum(sum) AS sum'),
		  $name, join(', ', '1', map { qq("$_") } @dimensions);
		my @got = map { join '|', map { $_ // 'null' } @{ $json->decode($_) } } split /\n/, query($query);

		is(difference(\@got, [ rolled_up($truncate, @dimensions) ]), '', "$name, $when: the same groups");
	}
	return;
}

compare('live');
$node->safe_psql('postgres', 'SELECT suspend_all_supervisors()');
ok($node->wait_for(q{SELECT count(*) FILTER (WHERE kind <> 'segment') FROM stream_ingest.segments}, '0'), 'all is published');
compare('published');
is(query('SELECT count(*), sum(count) FROM odd_rollup WHERE page = $$good again$$'), '1|2', 'equal messages are one row');
is(query('SELECT count(*) FROM odd_merged'), scalar(rolled_up(86400_000, 'channel')), 'published segments are rolled up to the end');

# A transform reads nested fields that are no column.
$node->submit(spec(dataSource => 'odd_transform', topic => 'odd', brokers => $kafka->address, timestamp => { column => 'time', format => 'iso' })
	  =~ s/"dataSchema":\{/"dataSchema":{"transformSpec":{"transforms":[{"type":"expression","name":"s","expression":"json_value(n, '\$.a')"}]},/r);
ok($node->wait_for(q{SELECT "offset" FROM stream_ingest.partitions WHERE supervisor_id = 'odd_transform'}, scalar @files), 'a transform: all are read');
ok($node->wait_for($columns, '0'), 'a transform: the columns are there');
is(query(q{SELECT string_agg(page || ': ' || coalesce(n, 'null'), ', ' ORDER BY page) FROM odd_transform WHERE page LIKE 'e nested%'}),
	join(', ', 'e nested then flat 1: null', 'e nested then flat 2: flat', 'e nested then flat 3: null', 'e nested then flat 4: null', 'e nested then flat 5: ["x","y"]'),
	'a transform: an object that it reads does not become a value of the column');

# A table that stays empty says why.
$kafka->topic('none', 1);
$kafka->produce('none', 0, '{"time":"2015-09-12T05:00:00Z","page":"a"}', '{"time":"2015-09-12T06:00:00Z","page":"b"}');
my $note = 'SELECT note FROM stream_ingest.supervisors WHERE supervisor_id = ';
$node->submit(spec(dataSource => 'none_read', topic => 'none', brokers => $kafka->address, timestamp => { column => 'ts', format => 'iso' }));
ok($node->wait_for("$note 'none_read'", 'no row is stored: 2 messages are unparseable, see stream_ingest.rejected_messages '
	  . '(Timestamp[null] is unparseable! The message has no field "ts".)'), 'unparseable messages only: a note says so');
$node->submit(spec(dataSource => 'none_kept', topic => 'none', brokers => $kafka->address, timestamp => { column => 'time', format => 'iso' },
	io => { lateMessageRejectionPeriod => 'P1D' }));
ok($node->wait_for("$note 'none_kept'", 'no row is stored: 2 are thrown away, see stream_ingest.row_stats '
	  . '(before the minimum time 2, after the maximum 0, refused by the filter 0, tombstones 0)'), 'late messages only: a note says so');
$kafka->produce('none', 0, '{"time":"2015-09-12T05:00:00Z","ts":"2015-09-12T05:00:00Z","page":"c"}');
ok($node->wait_for("$note 'none_read'", ''), 'and no longer, when there is a row');

$node->stop;
done_testing();
