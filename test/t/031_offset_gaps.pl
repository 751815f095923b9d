# Offsets that the broker does not have: only the partition concerned halts,
# the status says which, where and what helps, resetOffsetAutomatically moves
# on and writes down how much was skipped, and another topic of the same name
# is never taken for the old one.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main', 'log.cleaner.backoff.ms' => 200);
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

sub query { return $node->safe_psql('postgres', $_[0]); }

# One event with the number $n for each number.
sub events { return map { qq({"time":"2020-01-01T00:00:00Z","n":$_}) } @_; }

sub submit
{
	my ($name, %o) = @_;
	my $spec = spec(
		dataSource => $name, topic => $name, brokers => $kafka->address,
		dimensions => [ { type => 'long', name => 'n' } ], %o);
	my ($status, $out, $err) = $node->psql('postgres', "SELECT submit_supervisor('$spec')");

	is($status, 0, "$name is submitted") or diag($err);
	return $err;
}

sub suspended
{
	my ($name) = @_;

	query("SELECT suspend_supervisor('$name')");
	ok($node->wait_for("SELECT detailed_state FROM stream_ingest.supervisors WHERE supervisor_id = '$name'", 'SUSPENDED'), "$name is suspended");
	return;
}

# Waits for the gaps of a supervisor as "partition reason halted offset earliest latest new skipped".
sub gaps_are
{
	my ($name, $expected, $what) = @_;

	ok($node->wait_for(
		q{SELECT string_agg(concat_ws(' ', partition, reason, halted, coalesce("offset"::text, '-'), coalesce(earliest::text, '-'),
			coalesce(latest::text, '-'), coalesce(new_offset::text, '-'), coalesce(skipped::text, '-')), ', ' ORDER BY at, partition)
		FROM stream_ingest.offset_gaps WHERE supervisor_id = } . "'$name'", $expected), $what);
	return;
}

sub status_says
{
	my ($name, $pattern, $what) = @_;

	ok($node->wait_for("SELECT get_supervisor_status('$name')::text ~ '$pattern'", 't'), $what);
	return;
}

# ---- retention: one partition of three ----

my @three = qw(halved automatic_earliest automatic_latest);
$kafka->topic($_, 3) for @three;
submit('halved');
submit('automatic_earliest', tuning => { resetOffsetAutomatically => JSON::PP::true });
submit('automatic_latest', tuning => { resetOffsetAutomatically => JSON::PP::true }, io => { useEarliestOffset => JSON::PP::false });
ok($node->wait_for("SELECT count(*) FROM stream_ingest.partitions WHERE supervisor_id = '$_'", '3'), "$_ has its partitions") for @three;
for my $name (@three)
{
	$kafka->produce($name, $_, events(1 .. 10)) for 0 .. 2;
}
ok($node->wait_for("SELECT count(*) FROM $_", '30'), "$_ is read") for @three;
is(query('SELECT count(*) FROM stream_ingest.offset_gaps'), '0', 'there is no gap');
for my $name (@three)
{
	suspended($name);
	$kafka->produce($name, $_, events(11 .. 20)) for 0 .. 2;
	$kafka->truncate_partition($name, 1, 15);
	query("SELECT resume_supervisor('$name')");
}

gaps_are('halved', '1 no longer available t 10 15 20 - -', 'the partition is halted, and a view shows where');
ok($node->wait_for('SELECT count(*), sum(n) FROM halved', '50|475'), 'the other partitions of its task are read on');
status_says('halved', 'Previous sequenceNumber \[10\] is no longer available for partition \[1\].*reset_supervisor.*earliest is \[15\]',
	'the error names partition, stored and earliest offset and the call that resets');
ok($node->wait_for(q{SELECT note, healthy FROM stream_ingest.supervisors WHERE supervisor_id = 'halved'},
	'partition 1 is halted: offset 10 is no longer available, the earliest is 15|f'), 'the note says so too');
status_says('automatic_earliest', 'reset automatically from offset \[10\].*to \[15\]: 5 offsets were skipped', 'the status says so');
$node->restart;
$kafka->produce('halved', 2, events(1000));
ok($node->wait_for('SELECT count(*), sum(n) FROM halved', '51|1475'), 'and so it is after a restart of the server');
is(query(q{SELECT "offset" FROM stream_ingest.partitions WHERE supervisor_id = 'halved' AND partition = 1}), '10', 'the offset stays where it was');

gaps_are('automatic_earliest', '1 no longer available f 10 15 20 15 5', 'with resetOffsetAutomatically it is written down what was skipped');
ok($node->wait_for('SELECT count(*), sum(n) FROM automatic_earliest', '55|565'), 'and reading goes on at the earliest offset');
gaps_are('automatic_latest', '1 no longer available f 10 15 20 20 10', 'or at the latest');
$kafka->produce('automatic_latest', 1, events(500));
ok($node->wait_for('SELECT count(*), sum(n) FROM automatic_latest', '51|975'), 'if useEarliestOffset is false');
is(query(q{SELECT bool_and(exactly_once) FROM stream_ingest.audit}), 't', 'the audit is clean');

query(q{SELECT reset_offsets('halved', '{"type":"kafka","partitions":{"type":"end","stream":"halved","partitionOffsetMap":{"1":15}}}')});
ok($node->wait_for('SELECT count(*) FILTER (WHERE n BETWEEN 16 AND 20) FROM halved', 3 * 5), 'after a reset of that partition the rest of it is read');
is(query('SELECT count(*), count(DISTINCT n) FROM halved'), '56|21', 'and nothing of the others again');
gaps_are('halved', '1 no longer available f 10 15 20 - -', 'and nothing is halted any more');

# ---- a topic made anew ----

my @again = qw(again again_automatic fewer fewer_automatic);
$kafka->topic($_, /fewer/ ? 3 : 1) for @again;
submit($_, /automatic/ ? (tuning => { resetOffsetAutomatically => JSON::PP::true }) : ()) for @again;
$kafka->produce($_, 0, events(1 .. 10)) for @again;
ok($node->wait_for("SELECT count(*) FROM $_", '10'), "$_ is read") for @again;
for my $name (@again)
{
	$kafka->delete_topic($name);
	$kafka->topic($name, 1);
	$kafka->produce($name, 0, events(100, 101));
}
gaps_are('again', '0 beyond the end t 10 0 2 - -', 'an offset beyond the end halts the partition');
status_says('again', 'Previous sequenceNumber \[10\] is beyond the end of partition \[0\].*made anew.*reset_supervisor', 'the status says so');
$kafka->produce('again', 0, events(102 .. 120));
$node->restart;
ok($node->wait_for(q{SELECT latest FROM stream_ingest.partitions WHERE supervisor_id = 'again'}, '21'), 'the new log grows over the offset');
gaps_are('again', '0 beyond the end t 10 0 2 - -', 'and is not taken for the old one');
is(query('SELECT count(*) FROM again'), '10', 'nothing of it is read, nothing is skipped');
query("SELECT reset_supervisor('again')");
ok($node->wait_for('SELECT count(*), sum(n) FROM again', 10 + 21 . '|' . (55 + 21 * 110)), 'after a reset all of it is read');

gaps_are('again_automatic', '0 beyond the end f 10 0 2 0 0', 'with resetOffsetAutomatically reading starts again');
ok($node->wait_for('SELECT count(*), sum(n) FROM again_automatic', '12|256'), 'in the new topic');
ok($node->wait_for(q{SELECT healthy, state FROM stream_ingest.supervisors WHERE supervisor_id = 'again_automatic'}, 't|RUNNING'), 'and the supervisor is well');
is(query(q{SELECT count(*) FROM stream_ingest.offset_gaps WHERE supervisor_id = 'again_automatic'}), '1', 'once is enough');

status_says('fewer', 'has \[1\] partitions, but offsets of \[3\] are stored: it was made anew.*reset_supervisor', 'fewer partitions are reported');
is(query('SELECT count(*) FROM fewer'), '10', 'and nothing is read');
query("SELECT reset_supervisor('fewer')");
ok($node->wait_for('SELECT count(*), sum(n) FROM fewer', '12|256'), 'until a reset');
ok($node->wait_for('SELECT count(*), sum(n) FROM fewer_automatic', '12|256'), 'or by itself with resetOffsetAutomatically');
is(query(q{SELECT string_agg(concat_ws(' ', partition, reason, halted), ', ' ORDER BY partition)
	FROM stream_ingest.offset_gaps WHERE supervisor_id = 'fewer_automatic' AND reason = 'fewer partitions'}),
	'0 fewer partitions f, 1 fewer partitions f, 2 fewer partitions f', 'which is written down');

# ---- the first start at the end ----

$kafka->topic('latest', 1);
$kafka->produce('latest', 0, events(1 .. 5));
like(submit('latest', io => { useEarliestOffset => JSON::PP::false }), qr/NOTICE: .*starts at the end.*useEarliestOffset is false: up to 5 messages that are there already are not read\n.*reset_supervisor\('latest', 'earliest'\)/,
	'a notice says how many messages are not read');
gaps_are('latest', '0 started at the end f - 0 5 5 5', 'and a view how many');
$kafka->produce('latest', 0, events(6));
ok($node->wait_for('SELECT count(*), sum(n) FROM latest', '1|6'), 'new ones are');
$kafka->topic('empty', 1);
unlike(submit('empty', io => { useEarliestOffset => JSON::PP::false }), qr/NOTICE/, 'there is no notice when there is nothing that is not read');
like(submit('unreachable', io => { useEarliestOffset => JSON::PP::false }, consumer => { 'bootstrap.servers' => '127.0.0.1:1' }),
	qr/NOTICE: .*starts at the end of its topic, as useEarliestOffset is false\n.*offset_gaps will show how many/, 'a broker that does not answer stops no submit');
unlike(submit('latest', io => { useEarliestOffset => JSON::PP::false, taskCount => 2 }), qr/useEarliestOffset/, 'a later submit goes on where it was and says nothing');
like(slurp_file($node->logfile), qr/supervisor "latest" starts at the end of "latest": 5 offsets/, 'the log has it');

# ---- compacted topics; transactions read before they end ----

$kafka->topic('compacted', 1, 'cleanup.policy' => 'compact', 'segment.ms' => 100, 'min.cleanable.dirty.ratio' => '0.01');
for my $round (1 .. 3)
{
	$kafka->produce_keyed('compacted', 0, map { $_ => (events(10 * $round + $_))[0] } 0 .. 4);
	select(undef, undef, undef, 0.15);
}
my $left = sub { return scalar(my @lines = split /\n/, $kafka->consume('compacted', 0)); };
my $until = time() + 60;
while ($left->() >= 15 && time() < $until)
{
	$kafka->produce_keyed('compacted', 0, end => (events(1000))[0]);
	select(undef, undef, undef, 0.3);
}
my ($low, $high) = $kafka->offsets('compacted', 0);
cmp_ok($left->(), '<', $high - $low, 'the topic was compacted');
submit('compacted');
ok($node->wait_for(q{SELECT "offset", lag FROM stream_ingest.partitions WHERE supervisor_id = 'compacted'}, "$high|0"), 'it is read to its end');
is(query('SELECT count(*) FILTER (WHERE n BETWEEN 30 AND 34) FROM compacted'), '5', 'with the newest message of every key');
is(query(q{SELECT exactly_once FROM stream_ingest.audit WHERE supervisor_id = 'compacted'}), 't', 'holes do not trouble the audit');
is(query(q{SELECT count(*) FROM stream_ingest.offset_gaps WHERE supervisor_id = 'compacted'}), '0', 'and are no gaps');

$kafka->topic('uncommitted', 1);
$kafka->transaction('uncommitted', 0, 'abort', events(1, 2));
$kafka->transaction('uncommitted', 0, 'commit', events(3));
submit('uncommitted', consumer => { 'isolation.level' => 'read_uncommitted' });
ok($node->wait_for('SELECT count(*), sum(n) FROM uncommitted', '3|6'), 'with isolation.level read_uncommitted aborted messages are read');
ok($node->wait_for(q{SELECT lag FROM stream_ingest.partitions WHERE supervisor_id = 'uncommitted'}, '0'), 'to the end');

$node->stop;
$kafka->stop;
done_testing();
