# Where ingestion stops or changes by itself and goes on: merges that do not
# keep up, tasks that have read enough rows, a library of another version.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
stream_ingest.worker_idle_timeout = 500
stream_ingest.min_commit_spacing = 0
stream_ingest.merge_fan_in = 2
stream_ingest.fault_point = 'merge_done:hang'
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

my $n = 0;

sub query { return $node->safe_psql('postgres', $_[0]); }

# So many events; each has the next number, all have the same time.
sub produce
{
	my ($topic, $count) = @_;

	$kafka->produce($topic, 0, map { $n++; qq({"time":1577836800000,"n":$n}) } 1 .. $count);
	return;
}

sub submit
{
	my ($name, %o) = @_;

	$kafka->topic($name, 1);
	$node->submit(spec(dataSource => $name, topic => $name, brokers => $kafka->address,
		dimensions => [ { type => 'long', name => 'n' } ], %o));
	return;
}

sub exactly
{
	my ($table, $rows, $what) = @_;

	ok($node->wait_for(qq(SELECT count(*), count(DISTINCT n) FROM "$table"), "$rows|$rows"), $what);
	return;
}

sub workers_run
{
	return "SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('stream_ingest reading task', 'stream_ingest publishing task')";
}

# ---- merges that do not keep up

submit('held');
my $held = q{SELECT coalesce(note LIKE '%reading of group 0 waits for merges%', false) FROM stream_ingest.supervisor_status WHERE supervisor_id = 'held'};
my $read = 0;

# every commit is one delta, and none is merged
while (query($held) ne 't' && $read < 200)
{
	produce('held', 1);
	$read++;
	last if !$node->wait_for("SELECT (SELECT count(*) FROM held) = $read OR ($held)", 't');
}
ok($node->wait_for($held, 't'), 'reading waits for merges, and the status says so');
my $deltas = query('SELECT count(*) FROM stream_ingest.delta');
cmp_ok($deltas, '>', 32, "there are more deltas than 16 merges take ($deltas)");
my $seen = query('SELECT count(*) FROM held');
produce('held', 5);
$read = $n;
ok($node->wait_for(q{SELECT latest_offsets FROM stream_ingest.supervisor_status WHERE supervisor_id = 'held'}, "{$read}"),
	'the supervisor knows of more messages');
is(query('SELECT count(*) FROM held'), $seen, 'which are not read');
is(query(q{SELECT state FROM stream_ingest.supervisor_status WHERE supervisor_id = 'held'}), 'RUNNING', 'the supervisor is well');

$node->append_conf('postgresql.conf', "stream_ingest.fault_point = ''");
$node->reload;
exactly('held', $read, 'merges go on, and so does reading');
ok($node->wait_for($held, 'f'), 'nothing waits any more');
is(query('SELECT sum(n) FROM held'), $read * ($read + 1) / 2, 'nothing is lost');
query(q{SELECT terminate_supervisor('held')});
ok($node->wait_for('SELECT count(*) FROM stream_ingest.delta', '0'), 'all of it is published');
exactly('held', $read, 'once');

# ---- tasks that have read enough rows

sub finished
{
	my ($id) = @_;
	return "SELECT count(*) FROM stream_ingest.task WHERE supervisor_id = '$id' AND status = 'SUCCESS'";
}

for my $field ('maxRowsPerSegment', 'maxTotalRows')
{
	my $id = lc($field);
	my $segment = $field eq 'maxRowsPerSegment' ? 100 : 250;

	submit($id, tuning => { $field => 100 });
	produce($id, 99);
	exactly($id, 99, "$field: fewer rows");
	my $group = "SELECT task_id FROM stream_ingest.task WHERE supervisor_id = '$id' AND phase = 'READING'";
	my $task = query($group);
	is(query(finished($id)), '0', 'are not handed off');
	produce($id, 151);
	ok($node->wait_for(finished($id), '1'), 'more rows are, long before taskDuration');
	exactly($id, 250, 'all of them, once');
	ok($node->wait_for("SELECT task_id <> '$task' FROM ($group) g", 't'), 'another task reads on');
	is(query("SELECT sum(num_rows), max(num_rows) <= $segment FROM stream_ingest.segments WHERE kind = 'segment' AND data_source = '$id'::regclass"),
		'250|t', 'segments have the rows, and none has too many');
	produce($id, 10);
	exactly($id, 260, 'which begins where the first one ended');
	is(query(finished($id)), '1', 'and counts from zero');
	query("SELECT terminate_supervisor('$id')");
}
ok($node->wait_for(workers_run(), '0'), 'terminated');

# rows count as they are stored
submit('merged', tuning => { maxTotalRows => 100 }, granularity => { rollup => JSON::PP::true },
	dimensions => [ 'same' ], metrics => [ { type => 'count', name => 'count' } ]);
produce('merged', 300);
ok($node->wait_for('SELECT sum(count) FROM merged', '300'), 'equal rows that are merged');
my $plans = q{SELECT latest_offsets FROM stream_ingest.supervisor_status WHERE supervisor_id = 'merged'};
ok($node->wait_for($plans, '{300}'), 'the supervisor has seen them');
is(query(finished('merged')), '0', 'are few');

# ---- publishing what does not fit into memory

$node->append_conf('postgresql.conf', "stream_ingest.merge_memory = '16MB'\nlog_temp_files = 0");
$node->reload;
my $temp_from = -s $node->logfile;
my $first = $n + 1;
submit('large', dimensions => [ { type => 'long', name => 'n' }, 's', 'v' ]);
$kafka->produce('large', 0, map { $n++; sprintf '{"time":1577836800000,"n":%d,"s":"%s%d","v":["a%d","b"]}', $n, 'x' x 200, $n, $n % 7 } 1 .. 40_000);
exactly('large', 40_000, 'rows that take more memory than a merge may');
query(q{SELECT terminate_supervisor('large')});
ok($node->wait_for(q{SELECT count(*) FROM stream_ingest.segments WHERE kind <> 'segment' AND data_source = 'large'::regclass}, '0'), 'are published');
is(query(q{SELECT count(*), sum(num_rows) FROM stream_ingest.segments WHERE data_source = 'large'::regclass}), '1|40000', 'as one segment');
like(substr(PostgreSQL::Test::Utils::slurp_file($node->logfile), $temp_from), qr/LOG:  temporary file: path .*, size \d{7,}/, 'through temporary files');
is(query('SELECT count(*) FROM pg_ls_tmpdir()'), '0', 'of which nothing is left');
is(query(q{SELECT min(n), max(n), count(DISTINCT n), count(DISTINCT s), bool_and(s = repeat('x', 200) || n), sum(mv_length(v)) FROM large}),
	"$first|$n|40000|40000|t|80000", 'it has the rows that were read');
is(query(q{SELECT count(*) FROM large WHERE mv_contains(v, ARRAY['a3'])}), query(q{SELECT count(*) FROM large WHERE n % 7 = 3}), 'and bitmaps that find them');

# ---- a library of another version

my $log = -s $node->logfile;
my $readers = q{SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'stream_ingest reading task'};
my $version = query(q{SELECT extversion FROM pg_extension WHERE extname = 'stream_ingest'});
ok($node->wait_for($readers, 't'), 'a task reads');
query(q{UPDATE pg_extension SET extversion = '999' WHERE extname = 'stream_ingest'});
# what an administrator runs ends our processes for its duration, also when it fails
my ($status, $out, $err) = $node->psql('postgres', "ALTER EXTENSION stream_ingest UPDATE TO 'none'");
isnt($status, 0, 'an update that fails');
ok($node->wait_for_log(qr/has version 999, but the loaded library has version \Q$version\E\n.*HINT:.*Restart the server/, $log),
	'SQL objects newer than the library: the log says to restart');
ok($node->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^stream_ingest (overlord|reading|publishing)'}, '0'),
	'and no worker touches them');
for my $sql ('SELECT count(*) FROM merged', q{SELECT suspend_supervisor('merged')}, 'SELECT get_supervisors()', 'ANALYZE merged')
{
	($status, $out, $err) = $node->psql('postgres', $sql);
	like($err, qr/has version 999 in this database, but the loaded library has version \Q$version\E\n.*HINT:.*Restart the server/, "refused: $sql");
}
query('CREATE TABLE ordinary AS SELECT 1; DROP TABLE ordinary');
query(q{BEGIN; DROP FOREIGN TABLE merged; ROLLBACK});
query(q{BEGIN; DROP EXTENSION stream_ingest CASCADE; ROLLBACK});
query(q{UPDATE pg_extension SET extversion = '} . $version . q{' WHERE extname = 'stream_ingest'});
query('ALTER EXTENSION stream_ingest UPDATE');
produce('merged', 1);
ok($node->wait_for('SELECT sum(count) FROM merged', '301'), 'one version again, and it goes on');

$node->stop;
$kafka->stop;
done_testing();
