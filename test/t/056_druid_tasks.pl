# Cases of Druid's own tests of its Kafka tasks and supervisors, by the ids
# they have in its table of cases: what is sent, how it is counted, what is
# stored, where reading stands afterwards.
use strict;
use warnings;

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

# ---- the records that most of these tests send ----

sub record
{
	my ($time, $dim1, %other) = @_;

	return JSON::PP->new->canonical->encode({
		timestamp => $time, dim1 => $dim1, dim2 => 'y', dimLong => '10', dimFloat => '20.0', met1 => '1.0', %other });
}

my $null = {};					# a record without a value
my @records = (
	record('2008', 'a'), record('2009', 'b'), record('2010', 'c'), record('2011', 'd'), record('2011', 'e'),
	record('246140482-04-24T15:36:27.903Z', 'x', dim2 => 'z'), 'unparseable', '', $null,
	record('2013', 'f'), record('2049', 'f', dimLong => 'notanumber'),
	record('2049', 'f', dimFloat => 'notanumber'), record('2049', 'f', met1 => 'notanumber'));
my @second = (record('2012', 'g'), record('2011', 'h'));

sub task_spec
{
	my ($name, %o) = @_;

	return spec(
		dataSource => $name, topic => $name, brokers => $kafka->address,
		timestamp => { column => 'timestamp', format => 'iso' },
		dimensions => [ 'dim1', 'dim1t', 'dim2', { type => 'long', name => 'dimLong' }, { type => 'float', name => 'dimFloat' } ],
		metrics => [ { type => 'doubleSum', name => 'met1sum', fieldName => 'met1' }, { type => 'count', name => 'rows' } ],
		granularity => { segmentGranularity => 'DAY', rollup => JSON::PP::true },
		%o);
}

# Sends records, in which a null stands for none.
sub send_records
{
	my ($topic, $partition, @send) = @_;

	foreach my $record (@send)
	{
		# with a key, kcat sends values of no length
		if (ref $record) { $kafka->_produce($topic, $partition, "key:\n", '-K', ':', '-Z'); }
		elsif ($record eq '') { $kafka->_produce($topic, $partition, "key:\n", '-K', ':'); }
		else { $kafka->produce($topic, $partition, $record); }
	}
	return;
}

sub counted
{
	my ($name) = @_;

	return query(qq(SELECT format('processed %s, with error %s, unparseable %s, thrown away %s', sum(processed),
		sum(processed_with_error), sum(unparseable), sum(thrown_away)) FROM stream_ingest.row_stats WHERE supervisor_id = '$name'));
}

sub stored
{
	my ($name) = @_;

	return query(qq(SET TimeZone = 'UTC'; SELECT string_agg(extract(year FROM "__time") || ' ' || dim1, ', ' ORDER BY "__time", dim1) FROM "$name"));
}

sub offsets
{
	my ($name) = @_;

	return query(qq(SELECT string_agg(partition || ':' || "offset", ' ' ORDER BY partition) FROM stream_ingest.partitions WHERE supervisor_id = '$name'));
}

sub at_offsets
{
	my ($name, $expected, $what) = @_;

	return ok($node->wait_for(qq(SELECT string_agg(partition || ':' || "offset", ' ' ORDER BY partition)
		FROM stream_ingest.partitions WHERE supervisor_id = '$name'), $expected), $what);
}

sub run_task
{
	my ($id, $tuning, @send) = @_;
	my $name = $id =~ s/-/_/r;

	$kafka->topic($name, 1);
	send_records($name, 0, @send);
	$node->submit(task_spec($name, tuning => $tuning));
	return $name;
}

# ---- counting ----

my $name = run_task('task-10', { maxParseExceptions => 6, maxSavedParseExceptions => 6 }, @records[ 2 .. 12 ]);
at_offsets($name, '0:11', 'task-10: all is read');
is(counted($name), 'processed 4, with error 3, unparseable 3, thrown away 1', 'task-10: counters');
is(stored($name), '2010 c, 2011 d, 2011 e, 2013 f, 2049 f, 2049 f, 2049 f', 'task-10: rows with an error are stored');
is(query(qq(SELECT "dimLong" IS NULL, "dimFloat" IS NULL, met1sum IS NULL FROM $name WHERE dim1 = 'f' ORDER BY 1, 2, 3)),
	"f|f|f\nf|f|t\nf|t|f\nt|f|f", 'task-10: with a null for what was wrong');
is(query("SELECT string_agg(reason, E'\\n' ORDER BY \"offset\" DESC) FROM stream_ingest.rejected_messages WHERE supervisor_id = '$name'"),
	<<'REASONS' =~ s/\n\z//r, 'task-10: the reasons, newest first');
Unable to parse value[notanumber] for field[met1]
Could not convert value [notanumber] to float for dimension [dimFloat].
Could not convert value [notanumber] to long for dimension [dimLong].
Unable to parse JSON: EMPTY (no JSON object)
Unable to parse JSON: INCORRECT_TYPE (not a JSON object) at byte 0
Encountered row with timestamp[7767381218427387903 ms] that cannot be represented: it lies outside of 4714 BC to 294276 AD
REASONS

# as in Druid the task fails; other than there what it has read before stays
$name = run_task('task-11', { maxParseExceptions => 2, maxSavedParseExceptions => 2 }, @records[ 2 .. 9 ]);
ok($node->wait_for("SELECT state FROM stream_ingest.supervisors WHERE supervisor_id = '$name'", 'UNHEALTHY_TASKS'), 'task-11: the task fails');
is(offsets($name), '0:5', 'task-11: at the third bad record');
is(counted($name), 'processed 3, with error 0, unparseable 2, thrown away 0', 'task-11: counters up to there');
my $report = decode_json(query("SELECT get_task_report(task_id) FROM stream_ingest.tasks WHERE supervisor_id = '$name' AND status = 'FAILED'"))->{ingestionStatsAndErrors}{payload};
is("$report->{rowStats}{buildSegments}{processed} $report->{rowStats}{buildSegments}{unparseable} $report->{recordsProcessed}{0}", '3 2 5', 'task-11: so does its report');
is(join(' ', map { $_->{input} } @{ $report->{unparseableEvents}{buildSegments} }), 'unparseable ' . $records[5], 'task-11: with the messages, newest first');

$name = run_task('task-09', { reportParseExceptions => JSON::PP::true }, @records[ 2 .. 6 ]);
ok($node->wait_for("SELECT state FROM stream_ingest.supervisors WHERE supervisor_id = '$name'", 'UNHEALTHY_TASKS'), 'task-09: the task fails');
is(offsets($name), '0:3', 'task-09: at the first bad record');

$name = run_task('task-26', { maxParseExceptions => 1 }, record('2010', 'c'), 'one', 'two', record('2011', 'd'));
ok($node->wait_for("SELECT state FROM stream_ingest.supervisors WHERE supervisor_id = '$name'", 'UNHEALTHY_TASKS'), 'task-26: the task fails');
is(counted($name), 'processed 1, with error 0, unparseable 1, thrown away 0', 'task-26: before the second bad record');

$name = run_task('task-25', {},
	"{ \"timestamp\": \"2049\",   \"dim1\": \"d1\" }",
	'{"timestamp":"2049","dim1":"d2"}{"timestamp":"2049","dim1":"d3"}',
	'{"timestamp":"2049","dim1":"d4"}{"timestamp":2049,"dim1":"d5"malformed}{"timestamp":"2049","dim1":"d6"}',
	'{"timestamp":"2049","dim1":"d7"}');
at_offsets($name, '0:4', 'task-25: several objects in a record');
is(counted($name), 'processed 4, with error 0, unparseable 1, thrown away 0', 'task-25: a bad one refuses its record');
is(stored($name), '2049 d1, 2049 d2, 2049 d3, 2049 d7', 'task-25: rows');

# ---- partitions ----

$kafka->topic('task_15', 2);
send_records('task_15', 0, @records[ 2 .. 4 ]);
send_records('task_15', 1, @second);
$node->submit(task_spec('task_15'));
at_offsets('task_15', '0:3 1:2', 'task-15: one task reads two partitions');
is(stored('task_15'), '2010 c, 2011 d, 2011 e, 2011 h, 2012 g', 'task-15: rows');
my $task = query("SELECT task_id FROM stream_ingest.tasks WHERE supervisor_id = 'task_15'");
query("SELECT handoff_task_groups('task_15', '{0}')");
ok($node->wait_for("SELECT status FROM stream_ingest.tasks WHERE task_id = '$task'", 'SUCCESS'), 'task-27: it is published');
is(query("SELECT get_task_report('$task') #>> '{ingestionStatsAndErrors,payload,recordsProcessed}'"), '{"0":3,"1":2}', 'task-27: the report has the messages of each partition');

$kafka->topic('task_16', 2);
send_records('task_16', 0, @records[ 2 .. 4 ]);
send_records('task_16', 1, $second[0]);
$node->submit(task_spec('task_16', io => { taskCount => 2 }));
at_offsets('task_16', '0:3 1:1', 'task-16: two tasks, a partition each');
is(stored('task_16'), '2010 c, 2011 d, 2011 e, 2012 g', 'task-16: rows');
is(query(q{SELECT string_agg(g.key || ' ' || t.key, ', ' ORDER BY g.key) FROM json_each(get_supervisor_stats('task_16')) g, json_each(g.value) t}),
	query(q{SELECT string_agg(task_group || ' ' || task_id, ', ' ORDER BY task_group) FROM stream_ingest.tasks WHERE supervisor_id = 'task_16'}),
	'sup-11: stats by task group and task');

# a task that fails, and the one in its place
my $bounded = q{SELECT task_id, start_offsets, min_message_ms, max_message_ms FROM stream_ingest.task WHERE supervisor_id = 'sup_15' AND status = 'RUNNING'};
$kafka->topic('sup_15', 1);
send_records('sup_15', 0, record('2010', 'c'));
$node->submit(task_spec('sup_15', io => { lateMessageRejectionPeriod => 'P36500D', earlyMessageRejectionPeriod => 'P1D' }));
at_offsets('sup_15', '0:1', 'sup-15: a task reads');
my ($failing, @of_failing) = split /\|/, query($bounded);
query("SELECT shutdown_task('$failing')");
ok($node->wait_for("SELECT status FROM stream_ingest.tasks WHERE task_id = '$failing'", 'FAILED'), 'sup-15: and fails');
my ($replacement, @of_replacement) = split /\|/, query($bounded);
isnt($replacement, $failing, 'sup-15: another one is there');
is("@of_replacement", "@of_failing", 'sup-15: with the same start offsets and the same bounds of message times');
like("@of_replacement", qr/^\{0\} -?\d+ \d+$/, 'sup-15: which there are');

# a hand-off is not waited for; one of nothing is none
$kafka->topic('task_28', 1);
send_records('task_28', 0, @records[ 2 .. 4 ]);
$node->submit(task_spec('task_28', tuning => { handoffConditionTimeout => 100 }));
at_offsets('task_28', '0:3', 'task-28: read');
for my $rows (3, 0)
{
	my $id = $rows == 3 ? 'task-28' : 'task-31';
	my $handed = query("SELECT task_id FROM stream_ingest.tasks WHERE supervisor_id = 'task_28' AND phase = 'READING'");
	query("SELECT handoff_task_groups('task_28', '{0}')");
	ok($node->wait_for("SELECT status FROM stream_ingest.tasks WHERE task_id = '$handed'", 'SUCCESS'), "$id: a hand-off of $rows rows");
	is(query("SELECT rows FROM stream_ingest.tasks WHERE task_id = '$handed'"), $rows, "$id: rows of the task");
	is(query(q{SELECT sum(num_rows) FROM stream_ingest.segments WHERE datasource = 'task_28' AND is_published}), '3', "$id: rows that are published");
	isnt(query("SELECT task_id FROM stream_ingest.tasks WHERE supervisor_id = 'task_28' AND phase = 'READING'"), $handed, "$id: the next task reads");
}

# ---- transactions: aborted records and control records are stepped over ----

$kafka->topic('task_22', 1);
$kafka->transaction('task_22', 0, 'commit', @records[ 0 .. 1 ]);
$kafka->transaction('task_22', 0, 'abort', @records[ 2 .. 4 ]);
$kafka->transaction('task_22', 0, 'commit', @records[ 5 .. 6 ], 'also not JSON');
send_records('task_22', 0, @records[ 8 .. 10 ]);
$node->submit(task_spec('task_22'));
my ($low, $high) = $kafka->offsets('task_22', 0);
at_offsets('task_22', "0:$high", 'task-22: the end is reached over control records');
is(counted('task_22'), 'processed 3, with error 1, unparseable 3, thrown away 1', 'task-22: aborted records are not counted');
is(stored('task_22'), '2008 a, 2009 b, 2013 f, 2049 f', 'task-22: nor stored');

$kafka->topic('task_23', 1);
$kafka->transaction('task_23', 0, 'abort', @records[ 0 .. 1 ]);
$node->submit(task_spec('task_23', consumer => { 'isolation.level' => 'read_uncommitted' }));
ok($node->wait_for('SELECT count(*) FROM task_23', '2'), 'task-23: read_uncommitted sees them');

# ---- filter and transform ----

$kafka->topic('task_07', 1);
send_records('task_07', 0, @records[ 0 .. 4 ]);
my $spec = decode_json(task_spec('task_07'));
$spec->{spec}{dataSchema}{transformSpec} = {
	filter => { type => 'selector', dimension => 'dim1', value => 'b' },
	transforms => [ { type => 'expression', name => 'dim1t', expression => 'concat(dim1,dim1)' } ]
};
$node->submit(encode_json($spec));
at_offsets('task_07', '0:5', 'task-07: all is read');
is(counted('task_07'), 'processed 1, with error 0, unparseable 0, thrown away 4', 'task-07: the others are filtered');
is(query('SELECT dim1, dim1t FROM task_07'), 'b|bb', 'task-07: the row');

# ---- rows are stored once, whatever the number of runs ----

$kafka->topic('task_18', 1);
send_records('task_18', 0, @records[ 0 .. 4 ]);
$node->submit(task_spec('task_18'));
at_offsets('task_18', '0:5', 'task-18: a first run');
query("SELECT suspend_supervisor('task_18')");
ok($node->wait_for(q{SELECT count(*) FROM stream_ingest.segments WHERE kind = 'delta' AND data_source = 'task_18'::regclass}, '0'), 'task-18: is published');
send_records('task_18', 0, @records[ 9 .. 12 ]);
query("SELECT resume_supervisor('task_18')");
at_offsets('task_18', '0:9', 'task-18: a second run');
is(stored('task_18'), '2008 a, 2009 b, 2010 c, 2011 d, 2011 e, 2013 f, 2049 f, 2049 f, 2049 f', 'task-18: adds to it');

# ---- the verb that pauses is the supervisor's ----

$kafka->topic('task_29', 1);
send_records('task_29', 0, @records[ 2 .. 3 ]);
$node->submit(task_spec('task_29'));
at_offsets('task_29', '0:2', 'task-29: two records are read');
query("SELECT suspend_supervisor('task_29')");
ok($node->wait_for("SELECT state FROM stream_ingest.supervisors WHERE supervisor_id = 'task_29'", 'SUSPENDED'), 'task-29: paused');
send_records('task_29', 0, $records[4]);
ok($node->wait_for("SELECT lag FROM stream_ingest.partitions WHERE supervisor_id = 'task_29'", '1'), 'task-29: the next one comes');
is(offsets('task_29'), '0:2', 'task-29: and is not read');
query("SELECT resume_supervisor('task_29')");
at_offsets('task_29', '0:3', 'task-29: resumed');
is(stored('task_29'), '2010 c, 2011 d, 2011 e', 'task-29: each row once');

# ---- cas-07, task-13: offsets that somebody else has moved ----

sub numbered { return map { qq({"timestamp":"2020","dim1":"$_"}) } @_; }

$kafka->topic('task_13', 1);
$kafka->produce('task_13', 0, numbered(0 .. 2));
$node->submit(task_spec('task_13'));
at_offsets('task_13', '0:3', 'task-13: a task reads');
my $log_offset = -s $node->logfile;
# what a second reader of the partition would have committed
query(q{UPDATE stream_ingest.task_group SET offsets = '{5}' WHERE supervisor_id = 'task_13'});
$kafka->produce('task_13', 0, numbered(3 .. 6));
at_offsets('task_13', '0:7', 'task-13: its replacement goes on at the offsets that are stored');
is(query(q{SELECT string_agg(dim1, ' ' ORDER BY dim1) FROM task_13}), '0 1 2 5 6', 'cas-07: the rows of who started from other offsets are not stored');
like(slurp_file($node->logfile, $log_offset), qr/dropped its rows: the offsets were moved by somebody else/, 'cas-07: which the log says');

# ---- stored offsets: what a commit adds to them, and where reading begins ----

# A supervisor that is to begin at offsets given by the user: those of other partitions as the spec says.
$kafka->topic('cas_06', 2);
$kafka->produce('cas_06', 0, numbered(0 .. 8));
$node->submit(task_spec('cas_06', io => { taskCount => 2 }) =~ s/^\{/{"suspended":true,/r);
query(q(SELECT reset_offsets('cas_06', '{"type":"kafka","partitions":{"type":"end","stream":"cas_06","partitionOffsetMap":{"0":5}}}')));
query("SELECT resume_supervisor('cas_06')");
at_offsets('cas_06', '0:9 1:0', 'cas-06: from stored offset 5 a commit moves to 9');
is(query(q{SELECT string_agg(dim1, ' ' ORDER BY dim1) FROM cas_06}), '5 6 7 8', 'and reading can start later than at the earliest offset');
$kafka->produce('cas_06', 1, numbered(9));
at_offsets('cas_06', '0:9 1:1', 'cas-08: the task of another partition adds its own offset');
is(query(q{SELECT string_agg(dim1, ' ' ORDER BY dim1) FROM cas_06}), '5 6 7 8 9', 'cas-08: and its rows');

# ---- the other bound of times, and records that come after the task ----

$kafka->topic('task_05', 1);
$node->submit(task_spec('task_05', io => { lateMessageRejectionStartDateTime => '2010-01-01T00:00:00Z' }));
at_offsets('task_05', '0:0', 'task-02: a task that waits for records');
send_records('task_05', 0, @records[ 0 .. 4 ]);
at_offsets('task_05', '0:5', 'task-02: reads them when they come');
is(stored('task_05'), '2010 c, 2011 d, 2011 e', 'task-05: minimumMessageTime 2010, which is inside');
is(query("SELECT get_supervisor_stats('task_05') -> '0' -> max(task_id) #>> '{totals,buildSegments,thrownAwayByReason}' FROM stream_ingest.tasks WHERE supervisor_id = 'task_05'"),
	'{"null":0,"beforeMinimumMessageTime":2,"afterMaximumMessageTime":0,"filtered":0}', 'task-05: two are before it');

# ---- nothing to read ----

$kafka->topic('task_08', 1);
$node->submit(task_spec('task_08'));
ok($node->wait_for("SELECT state FROM stream_ingest.supervisors WHERE supervisor_id = 'task_08'", 'RUNNING'), 'task-08: no records, no trouble');
is(query("SELECT count(*) FROM stream_ingest.segments WHERE data_source = 'task_08'::regclass"), '0', 'task-08: and no chunk');

# ---- a column that never has a value takes no place ----

is(query(q{SELECT count(*) FROM task_15 WHERE dim1t IS NOT NULL}), '0', 'task-33: a column without values reads null');

# ---- the interface ----

sub refused
{
	my ($sql) = @_;
	my ($out, $err);

	$node->psql('postgres', $sql, stdout => \$out, stderr => \$err);
	return $err;
}

$kafka->topic('my_id', 4);
my $my_spec = decode_json(task_spec('my_id'));
is($node->submit(encode_json($my_spec)), 'my_id', 'api-01: submit');
at_offsets('my_id', '0:0 1:0 2:0 3:0', 'api-01: it runs');
my ($full) = grep { $_->{id} eq 'my_id' } @{ decode_json(query('SELECT get_supervisors(true)')) };
is(join(' ', grep { exists $full->{$_} } qw(id dataSource state detailedState healthy spec suspended)),
	'id dataSource state detailedState healthy spec suspended', 'api-04: the full list');
like(refused("SELECT get_supervisor('nobody')"), qr/cannot find any supervisor with id: \[nobody\]/, 'api-05');
like(refused("SELECT get_supervisor_status('nobody')"), qr/cannot find any supervisor with id: \[nobody\]/, 'api-06');
is(query("SELECT get_supervisor_health('my_id')"), '{"healthy":true}', 'api-07');
is(decode_json(query("SELECT suspend_supervisor('my_id')"))->{suspended}, JSON::PP::true, 'api-09: suspend answers the spec');
like(refused("SELECT suspend_supervisor('my_id')"), qr/\[my_id\] is already suspended/, 'api-10');
query("SELECT resume_supervisor('my_id')");
like(refused("SELECT resume_supervisor('my_id')"), qr/\[my_id\] is already running/, 'api-11');
like(refused("SELECT terminate_supervisor('nobody')"), qr/cannot find any supervisor/, 'api-13');
is(query('BEGIN; SELECT suspend_all_supervisors(); ROLLBACK'), '{"status":"success"}', 'api-14');
is(query("BEGIN; SELECT reset_supervisor('my_id'); ROLLBACK"), '{"id":"my_id"}', 'api-15');
like(refused("SELECT reset_supervisor('nobody')"), qr/cannot find any supervisor/, 'api-16');
$my_spec->{spec}{ioConfig}{topic} = 'another';
like(refused("SELECT submit_supervisor('" . encode_json($my_spec) . "')"),
	qr/[Uu]pdate of the input source stream from \[my_id\] to \[another\] is not supported for a running supervisor/, 'spec-12: the topic stays');

$node->stop;
done_testing();
