# What a real Druid was asked and answered is done again here, through a real
# broker: odd messages, rejection by time, limits of parse exceptions, and
# queries over a day of Wikipedia.  The messages and the answers of queries are
# not part of the tree; SI_REFERENCE names their directory, SI_DATA that of
# the events.  What differs on purpose is in %differs, and in docs/druid.md.
use strict;
use warnings;
use utf8;

use Cwd qw(abs_path);
use Encode qw(encode_utf8);
use File::Basename qw(dirname);
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;
use Time::Local;

my $tree = abs_path(dirname(__FILE__) . '/../..');
my $reference = ($ENV{SI_REFERENCE} // "$tree/../shared/reference") . '/druid-observed';
my $data = $ENV{SI_DATA} // "$tree/../shared/data";
my $json = JSON::PP->new->canonical->allow_nonref;

sub recorded
{
	my ($name) = @_;

	return $json->decode(Encode::decode_utf8(slurp_file("$reference/$name.json")));
}

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

sub query { return Encode::decode_utf8($node->safe_psql('postgres', $_[0])); }

# Rows of a query as hashes.
sub rows { return map { $json->decode($_) } split /\n/, query("SET TimeZone = 'UTC'; SELECT row_to_json(q) FROM ($_[0]) q"); }

# Submits a recorded spec under a name of ours.
sub submit
{
	my ($spec, $name) = @_;

	$spec = $json->decode($json->encode($spec));
	$spec->{spec}{dataSchema}{dataSource} = $name;
	$spec->{spec}{ioConfig}{$_->[0]} = $_->[1]
	  foreach [ topic => $name ], [ startDelay => 'PT0S' ], [ period => 'PT1S' ], [ useEarliestOffset => JSON::PP::true ];
	$spec->{spec}{ioConfig}{consumerProperties}{'bootstrap.servers'} = $kafka->address;
	$node->submit(encode_utf8($json->encode($spec)));
	return;
}

sub totals
{
	return join ' ', map { "$_->{processed} $_->{processed_with_error} $_->{unparseable} $_->{thrown_away} $_->{processed_bytes}" }
	  rows("SELECT sum(processed) processed, sum(processed_with_error) processed_with_error, sum(unparseable) unparseable,
		sum(thrown_away) thrown_away, sum(processed_bytes) processed_bytes FROM stream_ingest.row_stats WHERE supervisor_id = '$_[0]'");
}

# Milliseconds of a time as Druid prints it; its years may be any.
sub millis
{
	my ($y, $m, $d, $h, $mi, $s, $ms) = $_[0] =~ /^(-?\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z$/ or die "time: $_[0]";
	my $shift = 0;

	# the calendar repeats every 400 years
	while ($y < 1600) { $y += 400; $shift += 146097 * 86400; }
	while ($y > 2800) { $y -= 400; $shift -= 146097 * 86400; }
	return (Time::Local::timegm_modern($s, $mi, $h, $d, $m - 1, $y) - $shift) * 1000 + $ms;
}

# ---- odd messages, one at a time ----

# Names of messages (or the pages of their rows) whose text is meant to be
# another one here; the way they are counted differs only where it is said.
my %differs = (
	'dim nested array' => 'arrays in an array are JSON',
	'dim array of objects' => 'objects in an array are JSON',
	'dim nested object' => 'an object is JSON',
	'NUL escape in dimension' => 'a NUL becomes U+FFFD',
);
my %counted_otherwise = ('NUL escape in dimension' => 'processedWithError');

# What became of a message, in one word, from the change of the counters.
sub verdict
{
	my ($delta) = @_;

	foreach my $counter (qw(unparseable thrownAway processedWithError processed))
	{
		return $counter if $delta->{$counter};
	}
	return 'nothing';
}

sub replay_messages
{
	my ($recording, $name) = @_;
	my $recorded = recorded($recording);
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my (@files, @names, %expected, %got, %totals);

	$kafka->topic($name, 1);
	foreach my $m (@{ $recorded->{messages} })
	{
		my $payload = exists $m->{payload_base64} ? decode_base64($m->{payload_base64}) :
		  defined $m->{payload} ? encode_utf8($m->{payload}) : undef;
		my $verdict = $counted_otherwise{ $m->{name} } // verdict($m->{delta});

		# kcat cannot send a tombstone or nothing as a file
		next if !defined $payload || $payload eq '';
		my $file = sprintf('%s/%03d', $dir, scalar @files);
		append_to_file($file, $payload);
		push @files, $file;
		push @names, $m->{name};
		$expected{ $m->{name} } = $verdict if $verdict ne 'processed';
	}
	$kafka->produce_raw($name, 0, @files);
	submit($recorded->{spec}, $name);
	ok($node->wait_for(qq(SELECT "offset" FROM stream_ingest.partitions WHERE supervisor_id = '$name'), scalar @files),
		"$recording: all messages are read");
	$got{ $names[ $_->{offset} ] } = $_->{error_type} foreach
	  rows(qq(SELECT "offset", error_type FROM stream_ingest.rejected_messages WHERE supervisor_id = '$name'));
	is_deeply(\%got, \%expected, "$recording: each is counted as Druid counts it");

	# everything that was wrong in a row, in Druid's order; it names types and prints objects and arrays as Java does
	my %details = map { ($_->{input} =~ /"page": ?"(.*?)"/)[0] // '' => $_->{details} }
	  @{ $json->decode(query("SELECT get_supervisor_parse_errors('$name', 1000)")) };
	foreach my $event (grep { $_->{errorType} eq 'processedWithError' } @{ $recorded->{unparseableEvents} })
	{
		my ($page) = $event->{input} =~ /page=(.*?),/;
		my $same = sub { return [ map { s/class java\.util\.ArrayList/array/r =~ s/class java\.util\.LinkedHashMap/object/r =~
			  s/class java\.lang\.Boolean/boolean/r =~ s/value \[[\[{].*[\]}]\]/value [...]/r =~ s/ Invalid type: \[object\]//r } @{ $_[0] } ]; };

		is_deeply($same->($details{$page}), $same->($event->{details}), "$recording: all that is wrong in \"$page\"");
	}

	# the rows, by what they have in common
	my @columns = grep { $_ ne '__time' && $_ ne 'nested' && $_ ne 'clast' } sort keys %{ $recorded->{rows_stored}[0] };
	my @stored = map { my $r = $_; join '|', millis($r->{__time}), map { cell($r, $_) } @columns }
	  # one message was sent before the recording began, of another only the length is known
	  grep { ($_->{page} // '') !~ /^(first|dim long string)$/ } @{ $recorded->{rows_stored} };
	my @ours = map { my $r = $_; join '|', $r->{ms}, map { cell($r, $_) } @columns }
	  rows(qq(SELECT *, (extract(epoch FROM "__time") * 1000)::bigint AS ms FROM "$name"));
	is(join("\n", difference(\@ours, \@stored)), '', "$recording: the same rows are stored");
	return;
}

# Lines of only one of two lists, with a sign for which.
sub difference
{
	my ($ours, $theirs) = @_;
	my %n;

	$n{$_}++ foreach @$ours;
	$n{$_}-- foreach @$theirs;
	return map { ($n{$_} > 0 ? 'here:  ' : 'there: ') . $_ } sort grep { $n{$_} } keys %n;
}

# A value so that both sides can be compared.
sub cell
{
	my ($row, $column) = @_;
	my $v = $row->{$column};

	return 'null' if !defined $v;
	return "<differs: $differs{ $row->{page} }>" if $column eq 'comment' && $row->{page} && $differs{ $row->{page} };
	return $json->encode($v) if ref $v;
	return $v + 0 if $column =~ /^(added|deleted|delta|dsum|amax|amin|count)$/;
	return $v;
}

SKIP:
{
	if (!-d $reference)
	{
		diag("the messages sent to a real Druid are NOT tested: no $reference (SI_REFERENCE names another folder)");
		skip 'no recordings', 1;
	}
	replay_messages('bad-messages-raw', 'odd_raw');
	replay_messages('bad-messages-types', 'odd_types');
}

# ---- late and early messages ----

my $base_spec = {
	type => 'kafka',
	spec => {
		dataSchema => {
			timestampSpec => { column => 'time', format => 'iso' },
			dimensionsSpec => { dimensions => ['page'] },
			metricsSpec => [ { type => 'longSum', name => 'added', fieldName => 'added' } ],
			granularitySpec => { segmentGranularity => 'DAY', queryGranularity => 'NONE', rollup => JSON::PP::false }
		},
		ioConfig => { type => 'kafka', inputFormat => { type => 'json' }, taskDuration => 'PT1H' },
		tuningConfig => { type => 'kafka' }
	}
};

sub iso
{
	my @t = gmtime($_[0]);

	return sprintf('%04d-%02d-%02dT%02d:%02d:%02d.000Z', $t[5] + 1900, $t[4] + 1, @t[ 3, 2, 1, 0 ]);
}

# What was kept of ten messages that were sent to a task of PT1H just begun.
my @times = qw(now-2h now-61min now-59min now now+59min now+61min now+119min now+121min now+1day 2015);
# sup-05 and sup-06 of Druid's cases are among these
my %rejection = (
	reject_early => [ { earlyMessageRejectionPeriod => 'PT1H' }, '1111111001' ],
	reject_late => [ { lateMessageRejectionPeriod => 'PT1H' }, '0011111110' ],
	reject_both => [ { lateMessageRejectionPeriod => 'PT1H', earlyMessageRejectionPeriod => 'PT1H' }, '0011111000' ],
	reject_startdate => [ { lateMessageRejectionStartDateTime => 'now-61min-5s' }, '0111111110' ],
);

foreach my $name (sort keys %rejection)
{
	my ($io, $kept) = @{ $rejection{$name} };
	my $spec = $json->decode($json->encode($base_spec));
	my $now = time();
	my @kept = map { $times[$_] } grep { substr($kept, $_, 1) } 0 .. $#times;
	my @lines;

	$kafka->topic($name, 1);
	foreach my $t (@times)
	{
		my $at = $t eq '2015' ? timegm_of(2015) : $t =~ /^now([+-]\d+)(h|min|day)$/ ?
		  $now + $1 * ($2 eq 'h' ? 3600 : $2 eq 'min' ? 60 : 86400) : $now;

		push @lines, $json->encode({ time => iso($at), page => $t });
	}
	%{ $spec->{spec}{ioConfig} } = (%{ $spec->{spec}{ioConfig} }, %$io);
	$spec->{spec}{ioConfig}{lateMessageRejectionStartDateTime} = iso($now - 61 * 60 - 5) if $io->{lateMessageRejectionStartDateTime};
	submit($spec, $name);
	$kafka->produce($name, 0, @lines);
	ok($node->wait_for(qq(SELECT "offset" FROM stream_ingest.partitions WHERE supervisor_id = '$name'), scalar @lines), "$name: read");
	is(join(' ', sort map { $_->{page} } rows("SELECT page FROM $name")), join(' ', sort @kept), "$name: the same messages are kept");
	like(totals($name), qr/^@{[ scalar @kept ]} 0 0 @{[ @lines - @kept ]} /, "$name: the others are thrown away");
}

sub timegm_of { return Time::Local::timegm_modern(0, 0, 0, 1, 0, $_[0]); }

# ---- limits of parse exceptions ----

# Settings, what was sent after a good message, and the number of messages before the one at which the task failed.
my $bad_metric = '{"time":"2015-09-12T05:00:00Z","page":"metric bad","added":"abc"}';
my %exceptions = (
	limit_max2 => [ { maxParseExceptions => 2, maxSavedParseExceptions => 3, logParseExceptions => JSON::PP::true },
		[ 'broken 1', $bad_metric, 'broken 2' ], 3 ],
	limit_report => [ { reportParseExceptions => JSON::PP::true }, ['broken 1'], 1 ],
	limit_max0 => [ { maxParseExceptions => 0, maxSavedParseExceptions => 5 }, ['broken 1'], 1 ],
);
foreach my $name (sort keys %exceptions)
{
	my ($tuning, $sent, $failed_at) = @{ $exceptions{$name} };
	my $spec = $json->decode($json->encode($base_spec));

	$kafka->topic($name, 1);
	$kafka->produce($name, 0, '{"time":"2015-09-12T05:00:00Z","page":"good","added":1}', @$sent,
		'{"time":"2015-09-12T05:00:00Z","page":"after"}');
	%{ $spec->{spec}{tuningConfig} } = (%{ $spec->{spec}{tuningConfig} }, %$tuning);
	submit($spec, $name);
	ok($node->wait_for("SELECT state FROM stream_ingest.supervisors WHERE supervisor_id = '$name'", 'UNHEALTHY_TASKS'),
		"$name: the task fails, and here the supervisor says so");
	is(query(qq(SELECT "offset" FROM stream_ingest.partitions WHERE supervisor_id = '$name')), $failed_at,
		"$name: at the same message as in Druid; what was before it stays, which it does not there");
	is(query("SELECT string_agg(page, ',' ORDER BY page) FROM $name"), join(',', 'good', ('metric bad') x ($failed_at == 3)),
		"$name: with its rows");
}

# ---- the answers of queries ----

# Queries of which we know why their answers are not equal.
my %not_the_same = (
	q04_top_pages => 'the last of equal counts are anybody\'s',
	q04_top_pages_exact => 'the last of equal counts are anybody\'s',
	q07_users_approx => 'Druid estimates where it was not told to count',
	t05_nulls => 'a sum of no rows with a null is null in Druid, a sum of zeros is 0 here',
	t10_schema => 'PostgreSQL has other names of types',
	t06_distinct => 'asked below, column by column',
	q11_italy_cities => 'compared below: nulls come first there, last here',
	q05_by_channel => 'compared by channel: equal counts come in any order',
);
my $events = "$data/wikiticker-2015-09-12-sampled.json.gz";

SKIP:
{
	if (!-f $events || !-d $reference)
	{
		diag("queries over real events are NOT compared: no $events or no $reference (SI_DATA, SI_REFERENCE name other folders)");
		skip 'no events', 1;
	}
	my $lines = PostgreSQL::Test::Utils::tempdir() . '/events.json';
	my $recorded = recorded('bad-messages-raw')->{spec};
	my $answers = recorded('answers')->{published};

	system("gzip -dc '$events' > '$lines'") == 0 or die 'gzip';
	$kafka->topic('truth_a', 1);
	$kafka->produce_lines_of('truth_a', 0, $lines);
	submit($recorded, 'truth_a');
	ok($node->wait_for('SELECT count(*) FROM truth_a', '39244'), 'the events are rows');
	compare_answers($answers, 'before publishing');
	query(q{SELECT suspend_supervisor('truth_a')});
	ok($node->wait_for(q{SELECT count(*) FILTER (WHERE kind <> 'segment') || ' ' || sum(num_rows) FROM stream_ingest.segments
		WHERE data_source = 'truth_a'::regclass}, '0 39244'), 'and then segments');
	compare_answers($answers, 'published');
}

sub compare_answers
{
	my ($answers, $when) = @_;

	foreach my $name (sort grep { !$not_the_same{$_} } keys %$answers)
	{
		my $sql = $answers->{$name}{sql} =~ s/TIME_FLOOR\(__time, 'PT1H'\)/date_trunc('hour', __time)/r;

		$sql =~ s/\b(cityName|countryName|isAnonymous|isMinor|isNew|isRobot|isUnpatrolled|metroCode|regionName)\b/"$1"/g;
		$sql =~ s/""/"/g;
		$sql =~ s/ORDER BY n DESC, ("?\w+"?)/ORDER BY n DESC, $1 NULLS FIRST/;
		# text sorts by bytes in Druid
		$sql =~ s/ORDER BY n DESC, (\w+) NULLS FIRST/ORDER BY n DESC, $1 COLLATE "C" NULLS FIRST/ if $1 && $1 !~ /^\d/;
		is_deeply([ map { plain($_) } rows($sql) ], [ map { plain($_) } @{ $answers->{$name}{answer} } ], "$name $when");
	}
	my $distinct = $answers->{t06_distinct}{answer};
	is(query("SELECT " . join(" || ' ' || ", map { qq(count(DISTINCT "$_")) } sort keys %$distinct) . ' FROM truth_a'),
		join(' ', map { $distinct->{$_} } sort keys %$distinct), "t06_distinct $when");
	foreach my $name (qw(q05_by_channel q11_italy_cities))
	{
		my $sql = $answers->{$name}{sql} =~ s/ LIMIT \d+//r =~ s/\b(cityName|countryName)\b/"$1"/gr;
		my %ours = map { $json->encode(plain($_)) => 1 } rows($sql);

		is_deeply([ grep { !$ours{$_} } map { $json->encode(plain($_)) } @{ $answers->{$name}{answer} } ], [], "$name $when");
	}
	return;
}

# A row whose times and numbers look the same from both sides.
sub plain
{
	my ($row) = @_;
	my %plain = map { my $v = $row->{$_}; ($_ => !defined $v ? undef : $v =~ /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)$/ ?
		$1 . (($2 // '') =~ s/\.?0*$//r) : "$v") } keys %$row;

	return \%plain;
}

$node->stop;
done_testing();
